/* Decimals of up to 800 digits that are exact under multiplication and division by powers of two: the slow, sure way between binary
 * and decimal floating-point numbers (as in Go's strconv/decimal.go). For number_text.c. */
#ifndef EF_BASE_DECIMAL_H
#define EF_BASE_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#define EF_DECIMAL_DIGITS 800

/* 0.d0 d1 d2 ... times 10^point. */
typedef struct ef_decimal {
    int count;
    int point;
    bool truncated; /* nonzero digits were lost behind the last */
    uint8_t digits[EF_DECIMAL_DIGITS + 20];
} ef_decimal;

typedef struct ef_float_format {
    int mantissa_bits;
    int exponent_bits;
    int bias;
} ef_float_format;

void ef_decimal_assign(ef_decimal *d, uint64_t value);
/* Times 2^k. */
void ef_decimal_shift(ef_decimal *d, int k);
/* Half to even. */
void ef_decimal_round(ef_decimal *d, int count);
/* The bits of the nearest number of the format; infinity when out of range. Uses up the decimal. */
uint64_t ef_decimal_to_bits(ef_decimal *d, const ef_float_format *format);
/* Rounds `d`, which is exactly mantissa * 2^(exponent - mantissa_bits), to the fewest digits that lie between the midpoints to its
 * neighbours. */
void ef_decimal_round_shortest(ef_decimal *d, uint64_t mantissa, int exponent, const ef_float_format *format);

#endif
