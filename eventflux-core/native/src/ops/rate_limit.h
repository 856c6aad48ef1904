/* Output rate: all, first, last or a snapshot of what a selection gives, every N events or every so many milliseconds; eventfluxql.md
 * section 14.
 *
 * A rate limiter stands between a selection and its output. What comes in are the selection's columns, the visible ones first, then those
 * that only the limiter reads: the group keys, where the query groups. What goes out are the visible ones. Rows of both kinds count. */
#ifndef EF_OPS_RATE_LIMIT_H
#define EF_OPS_RATE_LIMIT_H

#include "batch/out.h"

typedef enum ef_rate { EF_RATE_ALL, EF_RATE_FIRST, EF_RATE_LAST, EF_RATE_SNAPSHOT } ef_rate;

typedef struct ef_rate_limit_config {
    ef_rate rate;
    bool by_time;          /* `every` is milliseconds of the app's clock, not events; always so with a snapshot */
    int64_t every;         /* > 0 */
    uint32_t visible;      /* columns that are put out */
    const uint32_t *keys;  /* input columns that tell groups apart; first, last and snapshot work by group then */
    uint32_t key_count;
    bool partitioned;      /* periods of a slot begin when it first appears, not with the app */
    bool windowed;         /* snapshot: the query has a window, so EXPIRED rows take rows out */
    const bool *aggregate; /* snapshot: [visible] the column comes of an aggregate; NULL: none does */
    uint64_t hash_seed;
} ef_rate_limit_config;

/* Makes the operator; *operator_class is what it is called through. */
ef_status ef_rate_limit_create(const ef_operator_config *config, const ef_rate_limit_config *limit,
                               const ef_operator_class **operator_class, void **self, ef_error *error) EF_MUST_USE;

/* What unfinished periods have collected, a delivery a slot: rows of `all`, and the last ones of `last`. */
ef_status ef_rate_end(void *self, ef_out *out, ef_error *error) EF_MUST_USE;

/* every N events; first every T (reads the clock, has no timer); all, last and snapshot every T */
extern const ef_operator_class ef_rate_events_class;
extern const ef_operator_class ef_rate_first_class;
extern const ef_operator_class ef_rate_ticks_class;

#endif
