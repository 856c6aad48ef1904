/* Numbers as text and back; see number_text.h.
 *
 * Three ways, the quicker before the slower:
 *   1. Arithmetic on doubles where it is provably exact: n / 10^k with n < 2^53 and k <= 22 is one correctly rounded operation
 *      (Clinger, "How to read floating point numbers accurately", 1990).
 *   2. 128-bit arithmetic with a table of powers of ten. Printing: Giulietti, "The Schubfach way to render doubles", 2021, which is
 *      what Java does. Reading: Lemire, "Number parsing at a gigabyte per second", 2021.
 *   3. An exact decimal of up to 800 digits, multiplied and divided by powers of two (as in Go's strconv), for the rest: the ends of
 *      the range, texts of more than 19 digits that lie between two numbers. Microseconds. */
#include "base/number_text.h"

#include "base/decimal.h"

#include <math.h>
#include <string.h>

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static const ef_float_format SINGLE = {23, 8, -127};
static const ef_float_format DOUBLE = {52, 11, -1023};

/* ---- 128-bit arithmetic ---- */

#include "base/powers_of_ten.inc"

static const uint64_t *power_of_ten(int k) {
    return POWERS_OF_TEN[k - EF_POWER_FIRST];
}

static int floor_log2_of_power(int k) { /* of 10^k, |k| <= 1233 */
    return (k * 1741647) >> 19;
}

/* The upper 64 bits of g * c / 2^64 with the lowest bit set if anything below is not zero. g is a little too large, by less than 1. */
static uint64_t round_to_odd(const uint64_t *g, uint64_t c) {
    __uint128_t low = (__uint128_t)g[1] * c;
    __uint128_t high = (__uint128_t)g[0] * c + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* The shortest decimal digits * 10^*power in the rounding interval of c * 2^q, the closest of them. `closer`: the number below is half as
 * far as the one above. */
static uint64_t shortest(uint64_t c, int q, bool closer, int *power) {
    bool even = c % 2 == 0;
    uint64_t left = 4 * c - 2 + (closer ? 1 : 0), middle = 4 * c, right = 4 * c + 2;
    int k = (q * 1262611 - (closer ? 524031 : 0)) >> 22; /* floor(log10(2^q)), or of 3/4 of it */
    int h = q + floor_log2_of_power(-k) + 1;
    const uint64_t *g = power_of_ten(-k);
    uint64_t lower = round_to_odd(g, left << h) + (even ? 0 : 1);
    uint64_t value = round_to_odd(g, middle << h);
    uint64_t upper = round_to_odd(g, right << h) - (even ? 0 : 1);
    uint64_t s = value / 4;
    if (s >= 100) { /* two digits at least: 4.9E-323, not 5E-323 */
        uint64_t tens = s / 10;
        bool below = lower <= 40 * tens, above = 40 * tens + 40 <= upper;
        if (below != above) {
            *power = k + 1;
            return tens + above;
        }
    }
    *power = k;
    bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
    if (below != above) {
        return s + above;
    }
    uint64_t half = 4 * s + 2;
    return s + (value > half || (value == half && s % 2 != 0));
}

/* The double nearest to w * 10^q, w > 0. False: out of the table's range, subnormal, or not decided with 128 bits. */
static bool nearest(uint64_t w, int q, double *value) {
    if (q < EF_POWER_FIRST || q > 308) {
        return false;
    }
    uint64_t g[2] = {power_of_ten(q)[0], power_of_ten(q)[1]};
    if (q < 0 || q > 55) { /* rounded down here */
        g[0] -= g[1] == 0;
        g[1]--;
    }
    int zeros = __builtin_clzll(w);
    w <<= zeros;
    __uint128_t product = (__uint128_t)w * g[0];
    uint64_t high = (uint64_t)(product >> 64), low = (uint64_t)product;
    if ((high & 0x1FF) == 0x1FF) {
        uint64_t more = (uint64_t)(((__uint128_t)w * g[1]) >> 64);
        low += more;
        high += low < more;
        if (low == UINT64_MAX && (q < -27 || q > 55)) {
            return false;
        }
    }
    int top = (int)(high >> 63);
    uint64_t mantissa = high >> (top + 9);
    int exponent = floor_log2_of_power(q) + 63 + top - zeros + 1023;
    if (exponent <= 0) {
        return false;
    }
    if (low <= 1 && q >= -4 && q <= 23 && (mantissa & 3) == 1 && mantissa << (top + 9) == high) {
        mantissa &= ~(uint64_t)1; /* exactly between two: to even */
    }
    mantissa += mantissa & 1;
    mantissa >>= 1;
    if (mantissa >= (uint64_t)2 << 52) {
        mantissa = (uint64_t)1 << 52;
        exponent++;
    }
    if (exponent >= 0x7FF) {
        return false;
    }
    uint64_t bits = (mantissa & (((uint64_t)1 << 52) - 1)) | ((uint64_t)exponent << 52);
    memcpy(value, &bits, sizeof bits);
    return true;
}

/* ---- formatting ---- */

uint32_t ef_format_long(int64_t value, char *to) {
    uint64_t rest = value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
    char reversed[20];
    uint32_t n = 0, length = 0;
    do {
        reversed[n++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        to[length++] = '-';
    }
    while (n > 0) {
        to[length++] = reversed[--n];
    }
    return length;
}

/* 0.digits * 10^point in Java's layout. digits: characters, at least one. */
static uint32_t lay_out(const char *digits, int count, int point, bool negative, char *to) {
    uint32_t n = 0;
    if (negative) {
        to[n++] = '-';
    }
    if (point > -3 && point <= 7) { /* 1e-3 <= x < 1e7 */
        if (point <= 0) {
            to[n++] = '0';
            to[n++] = '.';
            for (int i = 0; i < -point; i++) {
                to[n++] = '0';
            }
            for (int i = 0; i < count; i++) {
                to[n++] = digits[i];
            }
            return n;
        }
        for (int i = 0; i < point; i++) {
            to[n++] = i < count ? digits[i] : '0';
        }
        to[n++] = '.';
        if (count <= point) {
            to[n++] = '0';
        }
        for (int i = point; i < count; i++) {
            to[n++] = digits[i];
        }
        return n;
    }
    to[n++] = digits[0];
    to[n++] = '.';
    if (count == 1) {
        to[n++] = '0';
    }
    for (int i = 1; i < count; i++) {
        to[n++] = digits[i];
    }
    to[n++] = 'E';
    return n + ef_format_long(point - 1, to + n);
}

static uint32_t format_exact(uint64_t mantissa, int exponent, bool negative, const ef_float_format *format, char *to) {
    ef_decimal d;
    ef_decimal_assign(&d, mantissa);
    ef_decimal_shift(&d, exponent - format->mantissa_bits);
    ef_decimal exact = d;
    ef_decimal_round_shortest(&d, mantissa, exponent, format);
    if (d.count == 1) { /* of the decimals with two digits the closest: 4.9E-324, not 5E-324 */
        ef_decimal_round(&exact, 2);
        d = exact;
    }
    char digits[24];
    int count = d.count < 20 ? d.count : 20;
    for (int i = 0; i < count; i++) {
        digits[i] = (char)('0' + d.digits[i]);
    }
    return lay_out(digits, count, d.point, negative, to);
}

/* digits * 10^power, digits > 0. */
static uint32_t format_digits(uint64_t n, int power, bool negative, char *to) {
    char digits[24];
    int count = (int)ef_format_long((int64_t)n, digits);
    int point = count + power;
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    return lay_out(digits, count, point, negative, to);
}

static uint32_t format_special(double value, char *to) {
    const char *text = value != value  ? "NaN"
                       : value > 0     ? "Infinity"
                       : value < 0     ? "-Infinity"
                       : signbit(value) ? "-0.0"
                                        : "0.0";
    uint32_t length = (uint32_t)strlen(text);
    memcpy(to, text, length);
    return length;
}

uint32_t ef_format_double(double value, char *to) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    double size = fabs(value);
    if (!(size > 0) || size > 1.7976931348623157e308) {
        return format_special(size > 0 || size != size ? value : value * 0, to);
    }
    bool negative = (bits >> 63) != 0;
    if (size < 2251799813685248.0 && size >= 1e-5) { /* n < 2^51: the product is off by less than half */
        for (int k = 0; k <= 4; k++) { /* few places are common, and quickest this way */
            double scaled = size * POWERS[k];
            if (scaled >= 2251799813685248.0) {
                break;
            }
            uint64_t n = (uint64_t)(scaled + 0.5);
            if ((double)n / POWERS[k] == size) {
                return format_digits(n, -k, negative, to);
            }
        }
    }
    int biased = (int)((bits >> 52) & 0x7FF);
    uint64_t mantissa = bits & (((uint64_t)1 << 52) - 1);
    int exponent = biased == 0 ? -1022 : biased - 1023;
    if (biased != 0) {
        mantissa |= (uint64_t)1 << 52;
    }
    if (mantissa < 3 && biased == 0) { /* one digit would do, two are wanted */
        return format_exact(mantissa, exponent, negative, &DOUBLE, to);
    }
    int power;
    uint64_t digits = shortest(mantissa, exponent - 52, mantissa == (uint64_t)1 << 52 && biased > 1, &power);
    return format_digits(digits, power, negative, to);
}

/* A double on the midpoint of two floats: rounding it again could go either way. */
static bool is_float_midpoint(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x1FFFFFFFu) == 0x10000000u;
}

uint32_t ef_format_float(float value, char *to) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    double size = fabs((double)value);
    if (!(size > 0) || size > 3.5e38) {
        return format_special(size > 0 || size != size ? (double)value : (double)value * 0, to);
    }
    bool negative = (bits >> 31) != 0;
    if (size < 1e7 && size >= 1e-5) {
        for (int k = 0; k <= 4; k++) {
            double scaled = size * POWERS[k];
            if (scaled >= 1e9) {
                break;
            }
            uint64_t n = (uint64_t)(scaled + 0.5);
            n -= (double)n - scaled == 0.5 && (n & 1u) != 0; /* of two that are equally close the even one, as Java */
            double back = (double)n / POWERS[k];
            if ((double)(float)back == size && !is_float_midpoint(back)) {
                return format_digits(n, -k, negative, to);
            }
        }
    }
    int biased = (int)((bits >> 23) & 0xFF);
    uint64_t mantissa = bits & (((uint32_t)1 << 23) - 1);
    int exponent = biased == 0 ? -126 : biased - 127;
    if (biased != 0) {
        mantissa |= (uint64_t)1 << 23;
    }
    if (mantissa < 8 && biased == 0) { /* one digit would do, two are wanted */
        return format_exact(mantissa, exponent, negative, &SINGLE, to);
    }
    int power;
    uint64_t digits = shortest(mantissa, exponent - 23, mantissa == (uint64_t)1 << 23 && biased > 1, &power);
    return format_digits(digits, power, negative, to);
}

/* ---- reading ---- */

bool ef_parse_long(const char *text, size_t length, int64_t *value) {
    size_t i = 0;
    bool negative = false;
    if (length > 0 && (text[0] == '-' || text[0] == '+')) {
        negative = text[0] == '-';
        i = 1;
    }
    if (i == length) {
        return false;
    }
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1u : 0u);
    uint64_t n = 0;
    for (; i < length; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        if (digit > 9 || n > (limit - digit) / 10) {
            return false;
        }
        n = n * 10 + digit;
    }
    *value = (int64_t)(negative ? 0u - n : n);
    return true;
}

bool ef_parse_int(const char *text, size_t length, int32_t *value) {
    int64_t wide;
    if (!ef_parse_long(text, length, &wide) || wide < INT32_MIN || wide > INT32_MAX) {
        return false;
    }
    *value = (int32_t)wide;
    return true;
}

/* What the text says, before rounding. */
typedef struct scanned {
    bool negative;
    bool is_nan;
    bool is_infinite;
    bool exact;         /* value = mantissa * 10^exponent */
    uint64_t mantissa;  /* the first 19 digits */
    int exponent;
    const char *digits; /* where the digits (and the point) begin and end */
    const char *end;
    int written_exponent;
} scanned;

static bool scan(const char *text, size_t length, scanned *s) {
    memset(s, 0, sizeof *s);
    const char *p = text, *end = text + length;
    if (p < end && (*p == '-' || *p == '+')) {
        s->negative = *p == '-';
        p++;
    }
    if (end - p == 3 && memcmp(p, "NaN", 3) == 0) {
        s->is_nan = true;
        return true;
    }
    if (end - p == 8 && memcmp(p, "Infinity", 8) == 0) {
        s->is_infinite = true;
        return true;
    }
    s->digits = p;
    bool any = false, point = false;
    int kept = 0, exponent = 0;
    s->exact = true;
    for (; p < end; p++) {
        if (*p == '.' && !point) {
            point = true;
            continue;
        }
        unsigned digit = (unsigned char)*p - (unsigned)'0';
        if (digit > 9) {
            break;
        }
        any = true;
        if (kept < 19) {
            s->mantissa = s->mantissa * 10 + digit;
            kept += s->mantissa > 0;
            exponent -= point;
        } else {
            s->exact = s->exact && digit == 0;
            exponent += !point;
        }
        if (exponent > 1000000 || exponent < -1000000) {
            return false; /* no sane text */
        }
    }
    s->end = p;
    if (!any) {
        return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        bool below = false;
        if (p < end && (*p == '-' || *p == '+')) {
            below = *p == '-';
            p++;
        }
        if (p == end) {
            return false;
        }
        int written = 0;
        for (; p < end; p++) {
            unsigned digit = (unsigned char)*p - (unsigned)'0';
            if (digit > 9) {
                return false;
            }
            if (written < 100000) {
                written = written * 10 + (int)digit;
            }
        }
        s->written_exponent = below ? -written : written;
    }
    s->exponent = exponent + s->written_exponent;
    return p == end;
}

/* Without the exact decimal. */
static bool parse_quick(const scanned *s, double *value) {
    if (s->mantissa == 0) {
        *value = 0.0;
        return s->exact;
    }
    if (s->exact && s->mantissa <= ((uint64_t)1 << 53) && s->exponent >= -22 && s->exponent <= 22) {
        double n = (double)s->mantissa;
        *value = s->exponent < 0 ? n / POWERS[-s->exponent] : n * POWERS[s->exponent];
        return true;
    }
    double above;
    /* Digits that were left out put the number between two mantissas: fine if both round alike. */
    return nearest(s->mantissa, s->exponent, value) &&
           (s->exact || (nearest(s->mantissa + 1, s->exponent, &above) && above == *value));
}

static uint64_t parse_exact(const scanned *s, const ef_float_format *format) {
    ef_decimal d;
    d.count = 0;
    d.point = 0;
    d.truncated = false;
    bool point = false, leading = true;
    for (const char *p = s->digits; p < s->end; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        uint8_t digit = (uint8_t)(*p - '0');
        if (leading && digit == 0) {
            d.point -= point;
            continue;
        }
        leading = false;
        if (d.count < EF_DECIMAL_DIGITS) {
            d.digits[d.count++] = digit;
        } else {
            d.truncated |= digit != 0;
        }
        d.point += !point;
    }
    d.point += s->written_exponent;
    int where = d.point;
    while (d.count > 0 && d.digits[d.count - 1] == 0) {
        d.count--;
    }
    d.point = d.count > 0 ? where : 0;
    return ef_decimal_to_bits(&d, format);
}

bool ef_parse_double(const char *text, size_t length, double *value) {
    scanned s;
    if (!scan(text, length, &s)) {
        return false;
    }
    double size;
    if (s.is_nan) {
        size = (double)NAN;
    } else if (s.is_infinite) {
        size = (double)INFINITY;
    } else if (!parse_quick(&s, &size)) {
        uint64_t bits = parse_exact(&s, &DOUBLE);
        memcpy(&size, &bits, sizeof size);
    }
    *value = s.negative ? -size : size;
    return true;
}

bool ef_parse_float(const char *text, size_t length, float *value) {
    scanned s;
    if (!scan(text, length, &s)) {
        return false;
    }
    float size;
    double wide;
    if (s.is_nan) {
        size = (float)NAN;
    } else if (s.is_infinite) {
        size = (float)INFINITY;
    } else if (parse_quick(&s, &wide) && !is_float_midpoint(wide) && (wide == 0 || wide > 1e-37)) {
        size = (float)wide;
    } else {
        uint32_t bits = (uint32_t)parse_exact(&s, &SINGLE);
        memcpy(&size, &bits, sizeof size);
    }
    *value = s.negative ? -size : size;
    return true;
}
