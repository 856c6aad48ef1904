/* sum and avg of different values: each counts once, as long as it is there at all.
 *
 *      [ ef_distinct ][ sum ]            null while there is no value
 *
 * A value is added when it comes first and taken away when it goes last, so a sum of doubles may keep what rounding left of values that are
 * gone, as other sums do; without values it is exact again. Nulls do not count. O(1) a row. */
#include "aggregator/distinct.h"
#include "aggregator/fold_loop.h"
#include "aggregator/folds.h"
#include "aggregator/kept_value.h"

typedef struct distinct_sum_long {
    ef_distinct values;
    uint64_t sum;
} distinct_sum_long;

typedef struct distinct_sum_double {
    ef_distinct values;
    double sum;
} distinct_sum_double;

static int64_t long_at(ef_type type, const char *values, uint32_t i) {
    return type == EF_INT ? (int64_t)((const int32_t *)(const void *)values)[i] : ((const int64_t *)(const void *)values)[i];
}

static double double_at(ef_type type, const char *values, uint32_t i) {
    switch (type) {
    case EF_FLOAT:
        return (double)((const float *)(const void *)values)[i];
    case EF_DOUBLE:
        return ((const double *)(const void *)values)[i];
    default:
        return (double)long_at(type, values, i);
    }
}

static ef_status ef_sum_long_distinct_add(const ef_aggregate *aggregate, ef_fold *fold, distinct_sum_long *state,
                                          const char *values, uint32_t i) {
    int64_t before = state->values.count;
    EF_TRY(ef_distinct_add(aggregate, &state->values, false, ef_value_entry(aggregate->argument, values, i), fold->error));
    if (state->values.count != before) {
        state->sum += (uint64_t)long_at(aggregate->argument, values, i);
    }
    return EF_OK;
}

static ef_status ef_sum_long_distinct_remove(const ef_aggregate *aggregate, ef_fold *fold, distinct_sum_long *state,
                                             const char *values, uint32_t i) {
    int64_t before = state->values.count;
    EF_TRY(ef_distinct_remove(aggregate, &state->values, false, ef_value_entry(aggregate->argument, values, i), fold->error));
    if (state->values.count != before) {
        state->sum -= (uint64_t)long_at(aggregate->argument, values, i);
    }
    return EF_OK;
}

static void ef_sum_long_distinct_clear(const ef_aggregate *aggregate, distinct_sum_long *state) {
    ef_distinct_drop(aggregate, &state->values);
}

EF_ALWAYS_INLINE bool ef_sum_long_distinct_read(const ef_aggregate *aggregate, ef_fold *fold,
                                                const distinct_sum_long *state, int64_t *out) {
    (void)aggregate, (void)fold;
    *out = state->values.count > 0 ? (int64_t)state->sum : 0;
    return state->values.count > 0;
}

EF_FOLD_LOOP(ef_sum_long_distinct, distinct_sum_long, char, int64_t, false)

static ef_status ef_sum_double_distinct_add(const ef_aggregate *aggregate, ef_fold *fold, distinct_sum_double *state,
                                            const char *values, uint32_t i) {
    int64_t before = state->values.count;
    EF_TRY(ef_distinct_add(aggregate, &state->values, false, ef_value_entry(aggregate->argument, values, i), fold->error));
    if (state->values.count != before) {
        state->sum += double_at(aggregate->argument, values, i);
    }
    return EF_OK;
}

static ef_status ef_sum_double_distinct_remove(const ef_aggregate *aggregate, ef_fold *fold, distinct_sum_double *state,
                                               const char *values, uint32_t i) {
    int64_t before = state->values.count;
    EF_TRY(ef_distinct_remove(aggregate, &state->values, false, ef_value_entry(aggregate->argument, values, i), fold->error));
    if (state->values.count != before) {
        state->sum -= double_at(aggregate->argument, values, i);
    }
    state->sum = state->values.count > 0 ? state->sum : 0.0;
    return EF_OK;
}

static void ef_sum_double_distinct_clear(const ef_aggregate *aggregate, distinct_sum_double *state) {
    ef_distinct_drop(aggregate, &state->values);
}

EF_ALWAYS_INLINE bool ef_sum_double_distinct_read(const ef_aggregate *aggregate, ef_fold *fold,
                                                  const distinct_sum_double *state, double *out) {
    (void)aggregate, (void)fold;
    *out = state->values.count > 0 ? state->sum : 0.0;
    return state->values.count > 0;
}

EF_FOLD_LOOP(ef_sum_double_distinct, distinct_sum_double, char, double, false)

static ef_status ef_avg_distinct_add(const ef_aggregate *aggregate, ef_fold *fold, distinct_sum_double *state,
                                     const char *values, uint32_t i) {
    return ef_sum_double_distinct_add(aggregate, fold, state, values, i);
}

static ef_status ef_avg_distinct_remove(const ef_aggregate *aggregate, ef_fold *fold, distinct_sum_double *state,
                                        const char *values, uint32_t i) {
    return ef_sum_double_distinct_remove(aggregate, fold, state, values, i);
}

static void ef_avg_distinct_clear(const ef_aggregate *aggregate, distinct_sum_double *state) {
    ef_distinct_drop(aggregate, &state->values);
}

EF_ALWAYS_INLINE bool ef_avg_distinct_read(const ef_aggregate *aggregate, ef_fold *fold,
                                           const distinct_sum_double *state, double *out) {
    (void)aggregate, (void)fold;
    *out = state->values.count > 0 ? state->sum / (double)state->values.count : 0.0;
    return state->values.count > 0;
}

EF_FOLD_LOOP(ef_avg_distinct, distinct_sum_double, char, double, false)
