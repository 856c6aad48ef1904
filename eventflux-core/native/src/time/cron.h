/* Cron expressions of the Quartz kind: `sec min hour day-of-month month day-of-week [year]`.
 *
 * Fields take `*`, `?` (days), lists `a,b`, ranges `a-b` (which may run over the end: `22-2`), steps `a/n`, names of months and days, and
 * for days `L` (last), `L-n`, `nW` (the weekday nearest to n), `LW`, `nL` (the last weekday n of the month), `n#k` (its k-th). If both day fields are
 * restricted, either may match. Times are those that the clocks of the zone show: one that they show twice matches twice, one that they skip
 * does not match. Source: the documentation of Quartz's CronTrigger. */
#ifndef EF_TIME_CRON_H
#define EF_TIME_CRON_H

#include "time/zone.h"

#define EF_CRON_FIRST_YEAR 1970
#define EF_CRON_LAST_YEAR 2199

typedef struct ef_cron {
    const ef_zone *zone; /* NULL: UTC; whoever reads the text sets it */
    uint64_t seconds;  /* bit s */
    uint64_t minutes;
    uint32_t hours;
    uint32_t days;     /* of the month, bit d: 1..31 */
    uint16_t months;   /* bit m: 1..12 */
    uint8_t weekdays;  /* bit w: 0 = Sunday */
    uint64_t years[4]; /* bit y - EF_CRON_FIRST_YEAR */
    bool any_day, any_weekday; /* `*` or `?` */
    uint8_t last_day;          /* 0: no; else 1 + days before the last of the month */
    bool nearest_weekday;      /* W: each day of `days`, or the last day, moves to the nearest of Monday..Friday */
    uint8_t last_weekdays;     /* bit w: the last one of the month */
    uint8_t nth_weekday[7];    /* [w] bit k: the k-th of the month, 1..5 */
} ef_cron;

/* How days of the week are numbered in the text: Quartz has 1 for Sunday, SQL 0. */
typedef enum ef_cron_days { EF_CRON_SUNDAY_IS_1 = 1, EF_CRON_SUNDAY_IS_0 = 0 } ef_cron_days;

/* Fails with EF_INVALID and what is wrong with which field. */
ef_status ef_cron_parse(ef_cron *cron, const char *text, uint32_t length, ef_cron_days days, ef_error *error) EF_MUST_USE;

/* The first matching time in ms later than `after`, or EF_NEVER. Bounded: at most some 230 years are searched, day by day, and between two changes of the
 * zone's clocks as far as the next match. */
int64_t ef_cron_next(const ef_cron *cron, int64_t after);

#endif
