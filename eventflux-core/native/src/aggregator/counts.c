/* count, countNonNull, and, or.
 *
 *      counts:      [ count ]                    0 when empty
 *      and, or:     [ trues ][ falses ]          false when empty; nulls are passed over
 *
 * O(1) a row. */
#include "aggregator/fold_loop.h"
#include "aggregator/folds.h"

typedef struct counter {
    int64_t count;
} counter;

#define COUNT_FOLD(name, takes_nulls)                                                                          \
    EF_ALWAYS_INLINE ef_status name##_add(const ef_aggregate *aggregate, ef_fold *fold, counter *state,        \
                                          const char *values, uint32_t i) {                                    \
        (void)aggregate, (void)fold, (void)values, (void)i;                                                    \
        state->count++;                                                                                        \
        return EF_OK;                                                                                          \
    }                                                                                                          \
    EF_ALWAYS_INLINE ef_status name##_remove(const ef_aggregate *aggregate, ef_fold *fold, counter *state,     \
                                             const char *values, uint32_t i) {                                 \
        (void)aggregate, (void)fold, (void)values, (void)i;                                                    \
        state->count--;                                                                                        \
        return EF_OK;                                                                                          \
    }                                                                                                          \
    EF_ALWAYS_INLINE void name##_clear(const ef_aggregate *aggregate, counter *state) {                        \
        (void)aggregate, (void)state;                                                                          \
    }                                                                                                          \
    EF_ALWAYS_INLINE bool name##_read(const ef_aggregate *aggregate, ef_fold *fold, const counter *state,      \
                                      int64_t *out) {                                                          \
        (void)aggregate, (void)fold;                                                                           \
        *out = state->count;                                                                                   \
        return true;                                                                                           \
    }                                                                                                          \
    EF_FOLD_LOOP(name, counter, char, int64_t, takes_nulls)

COUNT_FOLD(ef_count, true)
COUNT_FOLD(ef_count_nonnull, false)

typedef struct logical {
    int64_t trues;
    int64_t falses;
} logical;

#define LOGICAL_FOLD(name, result)                                                                             \
    EF_ALWAYS_INLINE ef_status name##_add(const ef_aggregate *aggregate, ef_fold *fold, logical *state,        \
                                          const uint8_t *values, uint32_t i) {                                 \
        (void)aggregate, (void)fold;                                                                           \
        state->trues += values[i];                                                                             \
        state->falses += !values[i];                                                                           \
        return EF_OK;                                                                                          \
    }                                                                                                          \
    EF_ALWAYS_INLINE ef_status name##_remove(const ef_aggregate *aggregate, ef_fold *fold, logical *state,     \
                                             const uint8_t *values, uint32_t i) {                              \
        (void)aggregate, (void)fold;                                                                           \
        state->trues -= values[i];                                                                             \
        state->falses -= !values[i];                                                                           \
        return EF_OK;                                                                                          \
    }                                                                                                          \
    EF_ALWAYS_INLINE void name##_clear(const ef_aggregate *aggregate, logical *state) {                        \
        (void)aggregate, (void)state;                                                                          \
    }                                                                                                          \
    EF_ALWAYS_INLINE bool name##_read(const ef_aggregate *aggregate, ef_fold *fold, const logical *state,      \
                                      uint8_t *out) {                                                          \
        (void)aggregate, (void)fold;                                                                           \
        *out = result;                                                                                         \
        return true;                                                                                           \
    }                                                                                                          \
    EF_FOLD_LOOP(name, logical, uint8_t, uint8_t, false)

LOGICAL_FOLD(ef_bool_and, state->trues > 0 && state->falses <= 0)
LOGICAL_FOLD(ef_bool_or, state->trues > 0)
