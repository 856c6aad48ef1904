/* Texts of single values, as they stand in lines of data: numbers, points in time. Nothing here depends on the locale.
 *
 * What these functions refuse need not be wrong: the caller hands such a line to the general path, which decides. */
#ifndef EF_DECODE_CELL_TEXT_H
#define EF_DECODE_CELL_TEXT_H

#include "base/status.h"

/* The largest size that still rounds to a finite binary32. */
#define EF_FLOAT_LIMIT 3.4028235677973366e38

/* Whether the bytes are well-formed UTF-8; eight at a time where they are ASCII. */
bool ef_line_is_utf8(const char *text, size_t length);

/* A JSON number at the start of [text, end). */
typedef struct ef_number_token {
    const char *end;     /* behind it */
    bool is_integer;     /* without point and exponent */
    bool fits_long;      /* is_integer, and in range */
    bool negative;
    int64_t integer;     /* with fits_long */
    uint64_t mantissa;   /* up to 19 digits, and */
    int32_t exponent;    /* power of ten */
    bool is_exact;       /* no digit was left out of the mantissa */
} ef_number_token;

/* False: not a JSON number. */
bool ef_scan_number(const char *text, const char *end, ef_number_token *token);
/* The nearest double of a token that starts at `text`. */
double ef_number_value(const char *text, const ef_number_token *token);

/* Milliseconds since the epoch of YYYY-MM-DD[(T| )HH:MM[:SS[.fraction]][Z|+HH[:]MM]]. False: it is not of that form. */
bool ef_parse_iso_time(const char *text, size_t length, int64_t *milliseconds);

#endif
