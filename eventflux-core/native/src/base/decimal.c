/* Exact decimals; see decimal.h. */
#include "base/decimal.h"

#include <string.h>

#define MAX_SHIFT 59 /* 9 * 2^59 and a carry fit 64 bits */

static void trim(ef_decimal *d) {
    while (d->count > 0 && d->digits[d->count - 1] == 0) {
        d->count--;
    }
    if (d->count == 0) {
        d->point = 0;
    }
}

void ef_decimal_assign(ef_decimal *d, uint64_t value) {
    uint8_t reversed[20];
    int n = 0;
    while (value > 0) {
        reversed[n++] = (uint8_t)(value % 10);
        value /= 10;
    }
    d->count = n;
    d->point = n;
    d->truncated = false;
    for (int i = 0; i < n; i++) {
        d->digits[i] = reversed[n - 1 - i];
    }
    trim(d);
}

/* Times 2^k, 0 < k <= MAX_SHIFT. */
static void shift_left(ef_decimal *d, int k) {
    uint8_t front[20];
    int ahead = 0;
    uint64_t carry = 0;
    for (int i = d->count - 1; i >= 0; i--) {
        carry += (uint64_t)d->digits[i] << k;
        d->digits[i] = (uint8_t)(carry % 10);
        carry /= 10;
    }
    while (carry > 0) {
        front[ahead++] = (uint8_t)(carry % 10);
        carry /= 10;
    }
    memmove(d->digits + ahead, d->digits, (size_t)d->count);
    for (int i = 0; i < ahead; i++) {
        d->digits[i] = front[ahead - 1 - i];
    }
    d->count += ahead;
    d->point += ahead;
    while (d->count > EF_DECIMAL_DIGITS) {
        d->truncated |= d->digits[--d->count] != 0;
    }
    trim(d);
}

/* Divided by 2^k, 0 < k <= MAX_SHIFT. */
static void shift_right(ef_decimal *d, int k) {
    int read = 0, written = 0;
    uint64_t n = 0;
    while ((n >> k) == 0) {
        if (read >= d->count) {
            if (n == 0) {
                d->count = 0;
                d->point = 0;
                return;
            }
            while ((n >> k) == 0) {
                n *= 10;
                read++;
            }
            break;
        }
        n = n * 10 + d->digits[read++];
    }
    d->point -= read - 1;
    uint64_t low = ((uint64_t)1 << k) - 1;
    for (; read < d->count; read++) {
        uint8_t next = d->digits[read];
        d->digits[written++] = (uint8_t)(n >> k);
        n = (n & low) * 10 + next;
    }
    while (n > 0) {
        uint8_t digit = (uint8_t)(n >> k);
        if (written < EF_DECIMAL_DIGITS) {
            d->digits[written++] = digit;
        } else {
            d->truncated |= digit != 0;
        }
        n = (n & low) * 10;
    }
    d->count = written;
    trim(d);
}

void ef_decimal_shift(ef_decimal *d, int k) {
    if (d->count == 0) {
        return;
    }
    while (k > MAX_SHIFT) {
        shift_left(d, MAX_SHIFT);
        k -= MAX_SHIFT;
    }
    while (k < -MAX_SHIFT) {
        shift_right(d, MAX_SHIFT);
        k += MAX_SHIFT;
    }
    if (k > 0) {
        shift_left(d, k);
    } else if (k < 0) {
        shift_right(d, -k);
    }
}

/* Whether keeping `count` digits rounds up: half to even. */
static bool rounds_up(const ef_decimal *d, int count) {
    if (count < 0 || count >= d->count) {
        return false;
    }
    if (d->digits[count] == 5 && count + 1 == d->count) {
        return d->truncated || (count > 0 && (d->digits[count - 1] & 1u) != 0);
    }
    return d->digits[count] >= 5;
}

static void round_down(ef_decimal *d, int count) {
    if (count >= 0 && count < d->count) {
        d->count = count;
        trim(d);
    }
}

static void round_up(ef_decimal *d, int count) {
    if (count < 0 || count >= d->count) {
        return;
    }
    for (int i = count - 1; i >= 0; i--) {
        if (d->digits[i] < 9) {
            d->digits[i]++;
            d->count = i + 1;
            return;
        }
    }
    d->digits[0] = 1;
    d->count = 1;
    d->point++;
}

void ef_decimal_round(ef_decimal *d, int count) {
    if (rounds_up(d, count)) {
        round_up(d, count);
    } else {
        round_down(d, count);
    }
}

static uint64_t rounded_integer(const ef_decimal *d) {
    if (d->point > 20) {
        return UINT64_MAX;
    }
    uint64_t n = 0;
    int i = 0;
    for (; i < d->point && i < d->count; i++) {
        n = n * 10 + d->digits[i];
    }
    for (; i < d->point; i++) {
        n *= 10;
    }
    return n + (rounds_up(d, d->point) ? 1u : 0u);
}

/* The bits of the nearest number of the format; infinity when out of range. */
uint64_t ef_decimal_to_bits(ef_decimal *d, const ef_float_format *format) {
    static const int STEPS[] = {1, 3, 6, 9, 13, 16, 19, 23, 26}; /* 2^STEPS[i] < 10^i */
    uint64_t infinity = (((uint64_t)1 << format->exponent_bits) - 1) << format->mantissa_bits;
    if (d->count == 0 || d->point < -330) {
        return 0;
    }
    if (d->point > 310) {
        return infinity;
    }
    int exponent = 0;
    while (d->point > 0) {
        int n = d->point >= 9 ? 27 : STEPS[d->point];
        ef_decimal_shift(d, -n);
        exponent += n;
    }
    while (d->point < 0 || (d->point == 0 && d->digits[0] < 5)) {
        int n = -d->point >= 9 ? 27 : STEPS[-d->point];
        ef_decimal_shift(d, n);
        exponent -= n;
    }
    exponent--; /* [0.5, 1) to [1, 2) */
    if (exponent < format->bias + 1) {
        int n = format->bias + 1 - exponent;
        ef_decimal_shift(d, -n);
        exponent += n;
    }
    int top = (1 << format->exponent_bits) - 1;
    if (exponent - format->bias >= top) {
        return infinity;
    }
    ef_decimal_shift(d, 1 + format->mantissa_bits);
    uint64_t mantissa = rounded_integer(d);
    if (mantissa == (uint64_t)2 << format->mantissa_bits) {
        mantissa >>= 1;
        exponent++;
        if (exponent - format->bias >= top) {
            return infinity;
        }
    }
    if ((mantissa & ((uint64_t)1 << format->mantissa_bits)) == 0) {
        exponent = format->bias; /* subnormal */
    }
    return (mantissa & (((uint64_t)1 << format->mantissa_bits) - 1)) |
           ((uint64_t)(exponent - format->bias) << format->mantissa_bits);
}

/* Rounds `d`, which is exactly mantissa * 2^(exponent - mantissa_bits), to the fewest digits that lie between the midpoints to its
 * neighbours. */
void ef_decimal_round_shortest(ef_decimal *d, uint64_t mantissa, int exponent, const ef_float_format *format) {
    int least = format->bias + 1;
    if (exponent > least && 332 * (d->point - d->count) >= 100 * (exponent - format->mantissa_bits)) {
        return;
    }
    ef_decimal upper, lower;
    ef_decimal_assign(&upper, mantissa * 2 + 1);
    ef_decimal_shift(&upper, exponent - format->mantissa_bits - 1);
    uint64_t below = mantissa - 1;
    int below_exponent = exponent;
    if (mantissa <= (uint64_t)1 << format->mantissa_bits && exponent != least) {
        below = mantissa * 2 - 1;
        below_exponent = exponent - 1;
    }
    ef_decimal_assign(&lower, below * 2 + 1);
    ef_decimal_shift(&lower, below_exponent - format->mantissa_bits - 1);
    bool inclusive = mantissa % 2 == 0;
    int delta = 0; /* 0: digits so far equal upper's; 1: one less, all 9s against 0s behind; 2: safely less */
    for (int ui = 0;; ui++) {
        int mi = ui - upper.point + d->point;
        if (mi >= d->count) {
            return;
        }
        int li = ui - upper.point + lower.point;
        int l = li >= 0 && li < lower.count ? lower.digits[li] : 0;
        int m = mi >= 0 ? d->digits[mi] : 0;
        int u = ui < upper.count ? upper.digits[ui] : 0;
        bool down = l != m || (inclusive && li + 1 == lower.count);
        if (delta == 0 && m + 1 < u) {
            delta = 2;
        } else if (delta == 0 && m != u) {
            delta = 1;
        } else if (delta == 1 && (m != 9 || u != 0)) {
            delta = 2;
        }
        bool up = delta > 0 && (inclusive || delta > 1 || ui + 1 < upper.count);
        if (down && up) {
            ef_decimal_round(d, mi + 1);
            return;
        }
        if (down) {
            round_down(d, mi + 1);
            return;
        }
        if (up) {
            round_up(d, mi + 1);
            return;
        }
    }
}
