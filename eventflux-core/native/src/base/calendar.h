/* The proleptic Gregorian calendar in UTC over milliseconds since 1970-01-01T00:00:00Z. */
#ifndef EF_BASE_CALENDAR_H
#define EF_BASE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#define EF_DAY_MS INT64_C(86400000)

typedef struct ef_civil {
    int64_t year;        /* astronomical: 0 is 1 BC */
    int32_t month;       /* 1..12 */
    int32_t day;         /* 1..31 */
    int32_t hour;
    int32_t minute;
    int32_t second;
    int32_t millisecond;
    int32_t weekday;     /* 0 = Sunday */
    int32_t yearday;     /* 1..366 */
} ef_civil;

static inline int64_t ef_floor_divide(int64_t a, int64_t b) { /* b > 0 */
    return a / b - (a % b < 0);
}

ef_civil ef_civil_from_ms(int64_t ms);
/* Days since 1970-01-01; any year within +-2^40, month 1..12; the day may lie outside the month. */
int64_t ef_days_from_civil(int64_t year, int32_t month, int32_t day);
int32_t ef_days_in_month(int64_t year, int32_t month);
/* ISO 8601 week 1..53 of the year *week_year. */
int32_t ef_iso_week(const ef_civil *civil, int64_t *week_year);
/* False: the result does not fit 64 bits. */
bool ef_ms_from_civil(const ef_civil *civil, int64_t *ms);

#endif
