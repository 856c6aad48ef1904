/* The folds and their companions, by the file that has them. Names in the language: aggregators.c. */
#ifndef EF_AGGREGATOR_FOLDS_H
#define EF_AGGREGATOR_FOLDS_H

#include "aggregator/aggregator.h"

#define EF_FOLD_OF(name) ef_status name##_fold(const ef_aggregate *aggregate, ef_fold *fold) EF_MUST_USE
#define EF_CLEAR_OF(name) void name##_clear_state(const ef_aggregate *aggregate, char *state)
#define EF_CHECK_OF(name)                                                                                        \
    ef_status name##_check(const ef_aggregate *aggregate, char *state, ef_claims *claims, ef_error *error) EF_MUST_USE

/* sums.c: sum and count, then mean and squares */
EF_FOLD_OF(ef_sum_long);
EF_FOLD_OF(ef_sum_double);
EF_FOLD_OF(ef_avg);
EF_FOLD_OF(ef_std_dev);
EF_FOLD_OF(ef_variance);
#define EF_SUM_STATE 16u
#define EF_DEVIATION_STATE 32u

/* counts.c */
EF_FOLD_OF(ef_count);
EF_FOLD_OF(ef_count_nonnull);
EF_FOLD_OF(ef_bool_and);
EF_FOLD_OF(ef_bool_or);
#define EF_COUNT_STATE 8u
#define EF_LOGICAL_STATE 16u

/* extremes.c: the least key ever; of rows that leave in order; of rows that leave in any order */
EF_FOLD_OF(ef_least_forever);
EF_FOLD_OF(ef_least_added);
EF_FOLD_OF(ef_least_fifo);
EF_CLEAR_OF(ef_least_fifo);
EF_CHECK_OF(ef_least_fifo);
EF_FOLD_OF(ef_least_any);
EF_CLEAR_OF(ef_least_any);
EF_CHECK_OF(ef_least_any);
#define EF_LEAST_STATE 16u
#define EF_LEAST_FIFO_STATE 24u
#define EF_LEAST_ANY_STATE 24u

/* distinct.c */
EF_FOLD_OF(ef_distinct_count);
EF_FOLD_OF(ef_distinct_count_nonnull);
EF_FOLD_OF(ef_sum_long_distinct);
EF_FOLD_OF(ef_sum_double_distinct);
EF_FOLD_OF(ef_avg_distinct);
EF_FOLD_OF(ef_union_set);
EF_CLEAR_OF(ef_distinct);
EF_CHECK_OF(ef_distinct);
#define EF_DISTINCT_STATE 24u
#define EF_DISTINCT_SUM_STATE 32u

/* sequences.c */
EF_FOLD_OF(ef_first_1); /* by the width of the value */
EF_FOLD_OF(ef_first_4);
EF_FOLD_OF(ef_first_8);
EF_FOLD_OF(ef_first_16);
EF_FOLD_OF(ef_last_1);
EF_FOLD_OF(ef_last_4);
EF_FOLD_OF(ef_last_8);
EF_FOLD_OF(ef_last_16);
EF_FOLD_OF(ef_collect_list);
EF_CLEAR_OF(ef_sequence);
EF_CHECK_OF(ef_sequence);
#define EF_SEQUENCE_STATE 16u

#endif
