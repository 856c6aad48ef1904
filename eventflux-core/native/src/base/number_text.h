/* Numbers as text and back, independent of the locale: Java's forms (Long.toString, Double.toString, Double.parseDouble).
 *
 * A double prints as the shortest decimal that reads back as the same double (the closest of those, at least two digits), plain
 * for 1e-3 <= |x| < 1e7 and as d.dE[-]n otherwise. Reading rounds correctly, ties to even. */
#ifndef EF_BASE_NUMBER_TEXT_H
#define EF_BASE_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EF_NUMBER_TEXT 32 /* bytes that every formatting function may use; the results are not NUL-terminated */

uint32_t ef_format_long(int64_t value, char *to);
uint32_t ef_format_float(float value, char *to);
uint32_t ef_format_double(double value, char *to);

/* [+-]digits, nothing else. False also when out of range. */
bool ef_parse_int(const char *text, size_t length, int32_t *value);
bool ef_parse_long(const char *text, size_t length, int64_t *value);
/* [+-] digits with an optional point and exponent, NaN or Infinity. */
bool ef_parse_float(const char *text, size_t length, float *value);
bool ef_parse_double(const char *text, size_t length, double *value);

#endif
