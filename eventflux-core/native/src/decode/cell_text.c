/* Texts of single values; see cell_text.h.
 *
 * Numbers: n * 10^k with n <= 2^53 and |k| <= 22 is one correctly rounded operation on doubles (Clinger 1990); the rest is left to
 * base/number_text.h. Days: the civil calendar by eras of 400 years (Hinnant, "chrono-compatible low-level date algorithms"). */
#include "decode/cell_text.h"

#include <string.h>

#include "base/number_text.h"
#include "base/utf8.h"

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static inline unsigned digit_of(char c) {
    return (unsigned)(unsigned char)c - (unsigned)'0';
}

bool ef_line_is_utf8(const char *text, size_t length) {
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t eight;
        memcpy(&eight, text + i, 8);
        if (eight & 0x8080808080808080u) {
            return ef_utf8_check(text + i, length - i);
        }
    }
    return ef_utf8_check(text + i, length - i);
}

bool ef_scan_number(const char *text, const char *end, ef_number_token *token) {
    const char *p = text;
    token->negative = p < end && *p == '-';
    p += token->negative;
    if (p == end || digit_of(*p) > 9) {
        return false;
    }
    uint64_t mantissa = 0;
    int digits = 0; /* significant ones */
    int32_t exponent = 0;
    bool exact = true;
    const char *first = p;
    while (p < end && digit_of(*p) <= 9) {
        unsigned digit = digit_of(*p++);
        if (digits < 19) {
            mantissa = mantissa * 10 + digit;
            digits += mantissa != 0;
        } else {
            exact = exact && digit == 0;
            exponent++;
        }
    }
    if (*first == '0' && p - first > 1) {
        return false; /* JSON: no leading zeros */
    }
    token->is_integer = true;
    if (p < end && *p == '.') {
        token->is_integer = false;
        p++;
        if (p == end || digit_of(*p) > 9) {
            return false;
        }
        while (p < end && digit_of(*p) <= 9) {
            unsigned digit = digit_of(*p++);
            if (digits < 19) {
                mantissa = mantissa * 10 + digit;
                digits += mantissa != 0;
                exponent--;
            } else {
                exact = exact && digit == 0;
            }
        }
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        token->is_integer = false;
        p++;
        bool below = p < end && *p == '-';
        p += p < end && (*p == '-' || *p == '+');
        if (p == end || digit_of(*p) > 9) {
            return false;
        }
        int32_t written = 0;
        while (p < end && digit_of(*p) <= 9) {
            unsigned digit = digit_of(*p++);
            if (written < 100000) {
                written = written * 10 + (int32_t)digit;
            }
        }
        exponent += below ? -written : written;
    }
    token->end = p;
    token->mantissa = mantissa;
    token->exponent = exponent;
    token->is_exact = exact;
    uint64_t limit = (uint64_t)INT64_MAX + (token->negative ? 1u : 0u);
    token->fits_long = token->is_integer && exact && exponent == 0 && mantissa <= limit;
    token->integer = token->fits_long ? (int64_t)(token->negative ? 0u - mantissa : mantissa) : 0;
    return true;
}

double ef_number_value(const char *text, const ef_number_token *token) {
    double value;
    if (EF_LIKELY(token->is_exact && token->mantissa <= ((uint64_t)1 << 53) && token->exponent >= -22 &&
                  token->exponent <= 22)) {
        double n = (double)token->mantissa;
        value = token->exponent < 0 ? n / POWERS[-token->exponent] : n * POWERS[token->exponent];
        return token->negative ? -value : value;
    }
    if (!ef_parse_double(text, (size_t)(token->end - text), &value)) {
        return 0.0; /* not reached: a scanned number parses */
    }
    return value;
}

static bool two_digits(const char *p, unsigned limit, unsigned *value) {
    unsigned tens = digit_of(p[0]), ones = digit_of(p[1]);
    *value = tens * 10 + ones;
    return tens <= 9 && ones <= 9 && *value <= limit;
}

/* Days since the epoch of a day of the civil calendar. */
static int64_t days_of(int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + (int64_t)day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static unsigned days_in(unsigned year, unsigned month) {
    static const unsigned char DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29u : DAYS[month - 1];
}

/* Z, +HH, +HHMM, +HH:MM; minutes. */
static bool zone_of(const char *p, const char *end, int64_t *minutes) {
    *minutes = 0;
    if (p == end || (end - p == 1 && *p == 'Z')) {
        return true;
    }
    if (*p != '+' && *p != '-') {
        return false;
    }
    bool west = *p++ == '-';
    unsigned hours, rest = 0;
    ptrdiff_t left = end - p;
    if (left < 2 || !two_digits(p, 23, &hours)) {
        return false;
    }
    if (left == 4) {
        if (!two_digits(p + 2, 59, &rest)) {
            return false;
        }
    } else if (left == 5) {
        if (p[2] != ':' || !two_digits(p + 3, 59, &rest)) {
            return false;
        }
    } else if (left != 2) {
        return false;
    }
    int64_t total = (int64_t)hours * 60 + (int64_t)rest;
    *minutes = west ? -total : total;
    return true;
}

bool ef_parse_iso_time(const char *text, size_t length, int64_t *milliseconds) {
    const char *p = text, *end = text + length;
    unsigned century, years, month, day, hour = 0, minute = 0, second = 0, thousandths = 0;
    if (length < 10 || !two_digits(p, 99, &century) || !two_digits(p + 2, 99, &years) || p[4] != '-' ||
        !two_digits(p + 5, 12, &month) || p[7] != '-' || !two_digits(p + 8, 31, &day)) {
        return false;
    }
    unsigned year = century * 100 + years;
    if (year == 0 || month == 0 || day == 0 || day > days_in(year, month)) {
        return false;
    }
    p += 10;
    if (p < end && (*p == 'T' || *p == ' ') && end - p >= 6) {
        if (!two_digits(p + 1, 23, &hour) || p[3] != ':' || !two_digits(p + 4, 59, &minute)) {
            return false;
        }
        p += 6;
        if (p < end && *p == ':') {
            if (end - p < 3 || !two_digits(p + 1, 59, &second)) {
                return false;
            }
            p += 3;
            if (p < end && (*p == '.' || *p == ',')) {
                p++;
                int digits = 0;
                while (p < end && digit_of(*p) <= 9) {
                    if (digits < 3) {
                        thousandths = thousandths * 10 + digit_of(*p);
                    }
                    digits++;
                    p++;
                }
                if (digits == 0 || digits > 9) {
                    return false;
                }
                for (; digits < 3; digits++) {
                    thousandths *= 10;
                }
            }
        }
    }
    int64_t zone;
    if (!zone_of(p, end, &zone)) {
        return false;
    }
    int64_t minutes = (days_of((int64_t)year, month, day) * 24 + (int64_t)hour) * 60 + (int64_t)minute - zone;
    *milliseconds = (minutes * 60 + (int64_t)second) * 1000 + (int64_t)thousandths;
    return true;
}
