/* sum, avg, stdDev, variance.
 *
 *      sum, avg:              [ sum ][ count ]                            null while count is 0 (sum: unless a value was just added: behind a join
 *                                                                         more may have left than came, and count is below 0 then)
 *      stdDev, variance:      [ sum ][ mean ][ squares ][ count ]         squares: sum of squared distances from the mean
 *
 * Sums of long wrap. Sums of double are plain additions and subtractions, so what rounding left of values that are gone stays in them, as
 * in Siddhi. The distances follow Welford's recurrence, forwards and backwards; rounding may leave a tiny negative sum of squares,
 * which counts as zero. O(1) a row. */
#include <math.h>

#include "aggregator/fold_loop.h"
#include "aggregator/folds.h"

typedef struct sum_long {
    uint64_t sum;
    int64_t count;
} sum_long;

EF_ALWAYS_INLINE ef_status ef_sum_long_add(const ef_aggregate *aggregate, ef_fold *fold, sum_long *state,
                                           const int64_t *values, uint32_t i) {
    (void)aggregate, (void)fold;
    state->sum += (uint64_t)values[i];
    state->count++;
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status ef_sum_long_remove(const ef_aggregate *aggregate, ef_fold *fold, sum_long *state,
                                              const int64_t *values, uint32_t i) {
    (void)aggregate, (void)fold;
    state->sum -= (uint64_t)values[i];
    state->count--;
    return EF_OK;
}

EF_ALWAYS_INLINE void ef_sum_long_clear(const ef_aggregate *aggregate, sum_long *state) {
    (void)aggregate, (void)state;
}

EF_ALWAYS_INLINE bool ef_sum_long_read(const ef_aggregate *aggregate, ef_fold *fold, const sum_long *state,
                                       int64_t *out) {
    (void)aggregate, (void)fold;
    *out = (int64_t)state->sum;
    return state->count != 0;
}

EF_FOLD_LOOP_SHOWING_ADDED(ef_sum_long, sum_long, int64_t, int64_t)

typedef struct sum_double {
    double sum;
    int64_t count;
} sum_double;

EF_ALWAYS_INLINE ef_status ef_sum_double_add(const ef_aggregate *aggregate, ef_fold *fold, sum_double *state,
                                             const double *values, uint32_t i) {
    (void)aggregate, (void)fold;
    state->sum += values[i];
    state->count++;
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status ef_sum_double_remove(const ef_aggregate *aggregate, ef_fold *fold, sum_double *state,
                                                const double *values, uint32_t i) {
    (void)aggregate, (void)fold;
    state->sum -= values[i];
    state->count--;
    return EF_OK;
}

EF_ALWAYS_INLINE void ef_sum_double_clear(const ef_aggregate *aggregate, sum_double *state) {
    (void)aggregate, (void)state;
}

EF_ALWAYS_INLINE bool ef_sum_double_read(const ef_aggregate *aggregate, ef_fold *fold, const sum_double *state,
                                         double *out) {
    (void)aggregate, (void)fold;
    *out = state->sum;
    return state->count != 0;
}

EF_FOLD_LOOP_SHOWING_ADDED(ef_sum_double, sum_double, double, double)

EF_ALWAYS_INLINE ef_status ef_avg_add(const ef_aggregate *aggregate, ef_fold *fold, sum_double *state,
                                      const double *values, uint32_t i) {
    return ef_sum_double_add(aggregate, fold, state, values, i);
}

EF_ALWAYS_INLINE ef_status ef_avg_remove(const ef_aggregate *aggregate, ef_fold *fold, sum_double *state,
                                         const double *values, uint32_t i) {
    return ef_sum_double_remove(aggregate, fold, state, values, i);
}

EF_ALWAYS_INLINE void ef_avg_clear(const ef_aggregate *aggregate, sum_double *state) {
    (void)aggregate, (void)state;
}

EF_ALWAYS_INLINE bool ef_avg_read(const ef_aggregate *aggregate, ef_fold *fold, const sum_double *state, double *out) {
    (void)aggregate, (void)fold;
    bool valid = state->count != 0;
    *out = valid ? state->sum / (double)state->count : 0.0;
    return valid;
}

EF_FOLD_LOOP(ef_avg, sum_double, double, double, false)

typedef struct deviation {
    double sum;
    double mean;
    double squares;
    int64_t count;
} deviation;

EF_ALWAYS_INLINE void deviation_add(deviation *state, double value) {
    state->count++;
    if (state->count == 1) {
        state->sum = value;
        state->mean = value;
        state->squares = 0.0;
        return;
    }
    double before = state->mean;
    state->sum += value;
    state->mean = state->sum / (double)state->count;
    state->squares += (value - before) * (value - state->mean);
}

EF_ALWAYS_INLINE void deviation_remove(deviation *state, double value) {
    state->count--;
    if (state->count == 0) {
        state->sum = 0.0;
        state->mean = 0.0;
        state->squares = 0.0;
        return;
    }
    double before = state->mean;
    state->sum -= value;
    state->mean = state->sum / (double)state->count;
    state->squares -= (value - before) * (value - state->mean);
}

EF_ALWAYS_INLINE bool deviation_read(const deviation *state, double *variance) {
    bool valid = state->count != 0;
    *variance = !valid || state->squares < 0.0 ? 0.0 : state->squares / (double)state->count;
    return valid;
}

#define DEVIATION_FOLD(name, result)                                                                            \
    EF_ALWAYS_INLINE ef_status name##_add(const ef_aggregate *aggregate, ef_fold *fold, deviation *state,       \
                                          const double *values, uint32_t i) {                                   \
        (void)aggregate, (void)fold;                                                                            \
        deviation_add(state, values[i]);                                                                        \
        return EF_OK;                                                                                           \
    }                                                                                                           \
    EF_ALWAYS_INLINE ef_status name##_remove(const ef_aggregate *aggregate, ef_fold *fold, deviation *state,    \
                                             const double *values, uint32_t i) {                                \
        (void)aggregate, (void)fold;                                                                            \
        deviation_remove(state, values[i]);                                                                     \
        return EF_OK;                                                                                           \
    }                                                                                                           \
    EF_ALWAYS_INLINE void name##_clear(const ef_aggregate *aggregate, deviation *state) {                       \
        (void)aggregate, (void)state;                                                                           \
    }                                                                                                           \
    EF_ALWAYS_INLINE bool name##_read(const ef_aggregate *aggregate, ef_fold *fold, const deviation *state,     \
                                      double *out) {                                                            \
        (void)aggregate, (void)fold;                                                                            \
        double variance;                                                                                        \
        bool valid = deviation_read(state, &variance);                                                          \
        *out = result;                                                                                          \
        return valid;                                                                                           \
    }                                                                                                           \
    EF_FOLD_LOOP(name, deviation, double, double, false)

DEVIATION_FOLD(ef_std_dev, sqrt(variance))
DEVIATION_FOLD(ef_variance, variance)
