/* Names of aggregators, and what each is made of for a type of argument and an order of leaving. */
#include "aggregator/folds.h"

typedef ef_status (*fold_function)(const ef_aggregate *aggregate, ef_fold *fold);

static bool is_integer(ef_type type) {
    return type == EF_INT || type == EF_LONG;
}

static bool is_real(ef_type type) {
    return type == EF_FLOAT || type == EF_DOUBLE;
}

static bool is_numeric(ef_type type) {
    return is_integer(type) || is_real(type);
}

static bool is_any(ef_type type) {
    return type >= EF_BOOL && type <= EF_OBJECT;
}

static bool set(ef_aggregate *aggregate, fold_function fold, ef_fold_input input, ef_type result, uint32_t size) {
    aggregate->fold = fold;
    aggregate->input = input;
    aggregate->result = result;
    aggregate->size = size;
    return true;
}

static bool resolve_number(ef_aggregate *aggregate, const char *name, ef_type argument) {
    if (strcmp(name, "sum_long") == 0 && is_integer(argument)) {
        return set(aggregate, ef_sum_long_fold, EF_INPUT_LONG, EF_LONG, EF_SUM_STATE);
    }
    if (!is_numeric(argument)) {
        return false;
    }
    if (strcmp(name, "sum_double") == 0) {
        return set(aggregate, ef_sum_double_fold, EF_INPUT_DOUBLE, EF_DOUBLE, EF_SUM_STATE);
    }
    if (strcmp(name, "avg") == 0) {
        return set(aggregate, ef_avg_fold, EF_INPUT_DOUBLE, EF_DOUBLE, EF_SUM_STATE);
    }
    if (strcmp(name, "std_dev") == 0) {
        return set(aggregate, ef_std_dev_fold, EF_INPUT_DOUBLE, EF_DOUBLE, EF_DEVIATION_STATE);
    }
    if (strcmp(name, "variance") == 0) {
        return set(aggregate, ef_variance_fold, EF_INPUT_DOUBLE, EF_DOUBLE, EF_DEVIATION_STATE);
    }
    return false;
}

static bool resolve_distinct_sum(ef_aggregate *aggregate, const char *name, ef_type argument) {
    aggregate->clear = ef_distinct_clear_state;
    aggregate->check = ef_distinct_check;
    if (strcmp(name, "sum_long_distinct") == 0 && is_integer(argument)) {
        return set(aggregate, ef_sum_long_distinct_fold, EF_INPUT_VALUE, EF_LONG, EF_DISTINCT_SUM_STATE);
    }
    if (strcmp(name, "sum_double_distinct") == 0 && is_numeric(argument)) {
        return set(aggregate, ef_sum_double_distinct_fold, EF_INPUT_VALUE, EF_DOUBLE, EF_DISTINCT_SUM_STATE);
    }
    if (strcmp(name, "avg_distinct") == 0 && is_numeric(argument)) {
        return set(aggregate, ef_avg_distinct_fold, EF_INPUT_VALUE, EF_DOUBLE, EF_DISTINCT_SUM_STATE);
    }
    aggregate->clear = NULL;
    aggregate->check = NULL;
    return false;
}

static bool resolve_count(ef_aggregate *aggregate, const char *name, ef_type argument) {
    if (strcmp(name, "count") == 0 || strcmp(name, EF_COUNT_HELD) == 0) {
        return set(aggregate, ef_count_fold, EF_INPUT_NONE, EF_LONG, EF_COUNT_STATE);
    }
    if (!is_any(argument)) {
        return false;
    }
    if (strcmp(name, "count_nonnull") == 0) {
        return set(aggregate, ef_count_nonnull_fold, EF_INPUT_VALUE, EF_LONG, EF_COUNT_STATE);
    }
    if (strcmp(name, "bool_and") == 0 && argument == EF_BOOL) {
        return set(aggregate, ef_bool_and_fold, EF_INPUT_VALUE, EF_BOOL, EF_LOGICAL_STATE);
    }
    if (strcmp(name, "bool_or") == 0 && argument == EF_BOOL) {
        return set(aggregate, ef_bool_or_fold, EF_INPUT_VALUE, EF_BOOL, EF_LOGICAL_STATE);
    }
    bool nulls = strcmp(name, "distinct_count") == 0;
    if (nulls || strcmp(name, "distinct_count_nonnull") == 0) {
        aggregate->clear = ef_distinct_clear_state;
        aggregate->check = ef_distinct_check;
        return set(aggregate, nulls ? ef_distinct_count_fold : ef_distinct_count_nonnull_fold, EF_INPUT_VALUE, EF_LONG,
                   EF_DISTINCT_STATE);
    }
    return false;
}

/* The type that a name such as min_forever_long ends with, or 0. */
static ef_type type_suffix(const char *suffix) {
    return strcmp(suffix, "int") == 0      ? EF_INT
           : strcmp(suffix, "long") == 0   ? EF_LONG
           : strcmp(suffix, "float") == 0  ? EF_FLOAT
           : strcmp(suffix, "double") == 0 ? EF_DOUBLE
                                           : (ef_type)0;
}

static bool resolve_extreme(ef_aggregate *aggregate, const char *name, ef_type argument, ef_removal removal) {
    bool is_min = strncmp(name, "min_", 4) == 0;
    if (!is_min && strncmp(name, "max_", 4) != 0) {
        return false;
    }
    bool forever = strncmp(name + 4, "forever_", 8) == 0;
    if (type_suffix(name + (forever ? 12 : 4)) != argument || !is_numeric(argument)) {
        return false;
    }
    aggregate->reversed = !is_min;
    aggregate->output = EF_OUTPUT_KEY;
    if (forever) {
        return set(aggregate, ef_least_forever_fold, EF_INPUT_KEY, argument, EF_LEAST_STATE);
    }
    switch (removal) {
    case EF_REMOVAL_NONE:
        return set(aggregate, ef_least_added_fold, EF_INPUT_KEY, argument, EF_LEAST_STATE);
    case EF_REMOVAL_FIFO:
        aggregate->clear = ef_least_fifo_clear_state;
        aggregate->check = ef_least_fifo_check;
        return set(aggregate, ef_least_fifo_fold, EF_INPUT_KEY, argument, EF_LEAST_FIFO_STATE);
    case EF_REMOVAL_ANY:
        aggregate->clear = ef_least_any_clear_state;
        aggregate->check = ef_least_any_check;
        return set(aggregate, ef_least_any_fold, EF_INPUT_KEY, argument, EF_LEAST_ANY_STATE);
    }
    return false;
}

static bool resolve_collection(ef_aggregate *aggregate, const char *name, ef_type argument, ef_removal removal) {
    if (!is_any(argument)) {
        return false;
    }
    if (strcmp(name, "union_set") == 0 && argument == EF_OBJECT) {
        aggregate->clear = ef_distinct_clear_state;
        aggregate->check = ef_distinct_check;
        aggregate->takes_sets = true;
        return set(aggregate, ef_union_set_fold, EF_INPUT_VALUE, EF_OBJECT, EF_DISTINCT_STATE);
    }
    aggregate->clear = ef_sequence_clear_state;
    aggregate->check = ef_sequence_check;
    size_t width = ef_type_width(argument);
    if (strcmp(name, "first") == 0) {
        aggregate->keeps = removal == EF_REMOVAL_NONE ? EF_KEEPS_FIRST : EF_KEEPS_ALL;
        fold_function fold = width == 1   ? ef_first_1_fold
                             : width == 4 ? ef_first_4_fold
                             : width == 8 ? ef_first_8_fold
                                          : ef_first_16_fold;
        return set(aggregate, fold, EF_INPUT_VALUE, argument, EF_SEQUENCE_STATE);
    }
    if (strcmp(name, "last") == 0) {
        aggregate->keeps = removal == EF_REMOVAL_ANY ? EF_KEEPS_ALL : EF_KEEPS_LAST;
        fold_function fold = width == 1   ? ef_last_1_fold
                             : width == 4 ? ef_last_4_fold
                             : width == 8 ? ef_last_8_fold
                                          : ef_last_16_fold;
        return set(aggregate, fold, EF_INPUT_VALUE, argument, EF_SEQUENCE_STATE);
    }
    if (strcmp(name, "collect_list") == 0) {
        return set(aggregate, ef_collect_list_fold, EF_INPUT_VALUE, EF_OBJECT, EF_SEQUENCE_STATE);
    }
    return false;
}

bool ef_aggregate_resolve(ef_aggregate *aggregate, const char *name, ef_type argument, ef_removal removal) {
    size_t length = strlen(name);
    if (length >= EF_AGGREGATE_NAME) {
        return false;
    }
    ef_aggregate made = {.argument = argument, .removal = removal, .column = -1, .filter = -1};
    memcpy(made.name, name, length);
    bool found = resolve_number(&made, name, argument) || resolve_distinct_sum(&made, name, argument) ||
                 resolve_count(&made, name, argument) ||
                 resolve_extreme(&made, name, argument, removal) ||
                 resolve_collection(&made, name, argument, removal);
    if (found) {
        made.converts = (made.input == EF_INPUT_LONG && argument != EF_LONG) ||
                        (made.input == EF_INPUT_DOUBLE && argument != EF_DOUBLE) || made.input == EF_INPUT_KEY;
        made.width = made.output == EF_OUTPUT_KEY ? 8 : (uint32_t)ef_type_width(made.result);
        *aggregate = made;
    }
    return found;
}

ef_type ef_aggregate_type(const char *name, ef_type argument) {
    ef_aggregate aggregate;
    return ef_aggregate_resolve(&aggregate, name, argument, EF_REMOVAL_ANY) ? aggregate.result : (ef_type)0;
}
