/* Arguments, constants and selections from plain numbers and bytes; see build.h.
 *
 * A list keeps its parameters in one growing array; the bytes of long strings lie in blocks of their own, since the views of them
 * must not move when the array grows. */
#include "border/build.h"

typedef struct ef_param_bytes {
    struct ef_param_bytes *next;
    size_t size; /* of the whole block */
    char data[];
} ef_param_bytes;

struct ef_param_list {
    ef_alloc *alloc;
    ef_param *params;
    uint32_t count;
    uint32_t capacity;
    ef_param_bytes *bytes;
};

ef_param_list *ef_param_list_new(ef_alloc *alloc) {
    ef_param_list *list = ef_calloc(alloc, sizeof *list);
    if (list != NULL) {
        list->alloc = alloc;
    }
    return list;
}

void ef_param_list_free(ef_param_list *list) {
    if (list == NULL) {
        return;
    }
    ef_param_bytes *bytes = list->bytes;
    while (bytes != NULL) {
        ef_param_bytes *next = bytes->next;
        ef_free(list->alloc, bytes, bytes->size);
        bytes = next;
    }
    ef_free(list->alloc, list->params, (size_t)list->capacity * sizeof *list->params);
    ef_free(list->alloc, list, sizeof *list);
}

const ef_param *ef_param_list_items(const ef_param_list *list, uint32_t *count) {
    *count = list->count;
    return list->params;
}

static ef_status append(ef_param_list *list, const ef_param *param, ef_error *error) {
    void *params = list->params;
    ef_status status = ef_grow(list->alloc, &params, &list->capacity, list->count + 1, sizeof *list->params, error);
    list->params = params;
    if (status == EF_OK) {
        list->params[list->count++] = *param;
    }
    return status;
}

ef_status ef_param_list_column(ef_param_list *list, ef_type type, uint32_t column, ef_error *error) {
    ef_param param = {.kind = EF_PARAM_COLUMN, .type = type, .column = column};
    return append(list, &param, error);
}

ef_status ef_param_list_null(ef_param_list *list, ef_type type, ef_error *error) {
    ef_param param = {.kind = EF_PARAM_CONSTANT, .type = type, .null = true};
    return append(list, &param, error);
}

/* A number in the layout of a column of its type. */
typedef union ef_number {
    uint8_t b;
    int32_t i;
    int64_t l;
    float f;
    double d;
} ef_number;

static ef_status integer_of(ef_type type, int64_t value, ef_number *number, ef_error *error) {
    switch (type) {
    case EF_BOOL:
        number->b = value != 0;
        return EF_OK;
    case EF_INT:
        if (value < INT32_MIN || value > INT32_MAX) {
            return ef_fail(error, EF_INVALID, "%lld does not fit INT", (long long)value);
        }
        number->i = (int32_t)value;
        return EF_OK;
    case EF_LONG:
        number->l = value;
        return EF_OK;
    default:
        return ef_fail(error, EF_INVALID, "an integer cannot be a constant of type %d", (int)type);
    }
}

static ef_status real_of(ef_type type, double value, ef_number *number, ef_error *error) {
    switch (type) {
    case EF_FLOAT:
        number->f = (float)value;
        return EF_OK;
    case EF_DOUBLE:
        number->d = value;
        return EF_OK;
    default:
        return ef_fail(error, EF_INVALID, "a real number cannot be a constant of type %d", (int)type);
    }
}

static ef_status check_bytes(ef_type type, size_t length, ef_error *error) {
    if (type != EF_STRING && type != EF_OBJECT) {
        return ef_fail(error, EF_INVALID, "bytes cannot be a constant of type %d", (int)type);
    }
    return length <= INT32_MAX ? EF_OK : ef_fail(error, EF_LIMIT, "a constant of %zu bytes is too long", length);
}

ef_status ef_param_list_integer(ef_param_list *list, ef_type type, int64_t value, ef_error *error) {
    ef_param param = {.kind = EF_PARAM_CONSTANT, .type = type};
    ef_number number = {0};
    EF_TRY(integer_of(type, value, &number, error));
    memcpy(&param.value, &number, sizeof number);
    return append(list, &param, error);
}

ef_status ef_param_list_real(ef_param_list *list, ef_type type, double value, ef_error *error) {
    ef_param param = {.kind = EF_PARAM_CONSTANT, .type = type};
    ef_number number = {0};
    EF_TRY(real_of(type, value, &number, error));
    memcpy(&param.value, &number, sizeof number);
    return append(list, &param, error);
}

ef_status ef_param_list_bytes(ef_param_list *list, ef_type type, const char *data, size_t length, ef_error *error) {
    EF_TRY(check_bytes(type, length, error));
    ef_param param = {.kind = EF_PARAM_CONSTANT, .type = type};
    if (length > EF_INLINE_STRING) {
        ef_param_bytes *block = ef_malloc(list->alloc, sizeof *block + length);
        if (block == NULL) {
            return ef_fail_memory(error);
        }
        block->size = sizeof *block + length;
        block->next = list->bytes;
        list->bytes = block;
        memcpy(block->data, data, length);
        data = block->data;
    }
    param.value.s = ef_str_view(data, (uint32_t)length);
    return append(list, &param, error);
}

ef_status ef_build_engine(bool playback, int64_t memory_limit, uint32_t slice_rows, bool depth_first, uint64_t seed,
                          ef_engine **engine, ef_error *error) {
    ef_engine_options options = {.playback = playback,
                                 .memory_limit = memory_limit,
                                 .slice_rows = slice_rows,
                                 .depth_first = depth_first,
                                 .seed = seed};
    return ef_engine_new(&options, engine, error);
}

ef_node_id ef_build_window(ef_engine *engine, ef_node_id from, const char *name, const ef_param_list *list,
                           bool wants_expired, ef_error *error) {
    return ef_engine_window(engine, from, name, list->params, list->count, wants_expired, error);
}

ef_node_id ef_build_operator(ef_engine *engine, ef_node_id from, const ef_operator_class *operator_class,
                             const ef_param_list *list, uint32_t columns, const ef_type *types, bool wants_expired,
                             ef_error *error) {
    return ef_engine_operator(engine, from, operator_class, list->params, list->count, columns, types, wants_expired,
                              error);
}

ef_node_id ef_build_plugin_window(ef_engine *engine, ef_node_id from, uintptr_t operator_class,
                                  const ef_param_list *list, bool wants_expired, ef_error *error) {
    return ef_engine_window_of(engine, from, (const ef_operator_class *)operator_class, list->params, list->count,
                               wants_expired, error);
}

ef_register ef_build_null(ef_program *program, ef_type type, ef_error *error) {
    return ef_program_constant(program, type, NULL, error);
}

ef_register ef_build_integer(ef_program *program, ef_type type, int64_t value, ef_error *error) {
    ef_number number = {0};
    ef_status status = integer_of(type, value, &number, error);
    return status != EF_OK ? (ef_register)status : ef_program_constant(program, type, &number, error);
}

ef_register ef_build_real(ef_program *program, ef_type type, double value, ef_error *error) {
    ef_number number = {0};
    ef_status status = real_of(type, value, &number, error);
    return status != EF_OK ? (ef_register)status : ef_program_constant(program, type, &number, error);
}

ef_register ef_build_bytes(ef_program *program, ef_type type, const char *data, size_t length, ef_error *error) {
    ef_status status = check_bytes(type, length, error);
    if (status != EF_OK) {
        return (ef_register)status;
    }
    ef_str value = ef_str_view(data, (uint32_t)length);
    return ef_program_constant(program, type, &value, error);
}

ef_status ef_build_program_text(ef_program *program, ef_alloc *alloc, char **text, size_t *size, ef_error *error) {
    return ef_program_text(program, alloc, text, size, error);
}

void ef_build_text_free(ef_alloc *alloc, char *text, size_t size) {
    ef_free(alloc, text, size);
}

/* filter_outputs: -1 where an aggregate has none; NULL: none has one. */
static void fill_aggregates(ef_aggregate_config *aggregates, uint32_t count, const char *const *names,
                            const int32_t *argument_types, const int32_t *argument_outputs,
                            const int32_t *filter_outputs) {
    for (uint32_t i = 0; i < count; i++) {
        aggregates[i] = (ef_aggregate_config){.name = names[i],
                                              .argument = (ef_type)argument_types[i],
                                              .argument_output = argument_outputs[i],
                                              .filter = filter_outputs == NULL ? 0 : (uint32_t)(filter_outputs[i] + 1)};
    }
}

ef_node_id ef_build_select(ef_engine *engine, ef_node_id from, ef_program *arguments, uint32_t group_keys,
                           uint32_t aggregate_count, const char *const *names, const int32_t *argument_types,
                           const int32_t *argument_outputs, const int32_t *filter_outputs, ef_program *outputs, uint32_t visible, ef_program *having,
                           uint32_t order_count, const uint32_t *order_outputs, const uint8_t *order_flags, int64_t limit,
                           int64_t offset, bool current, bool expired, bool keeps_all, ef_error *error) {
    ef_alloc *alloc = ef_engine_alloc(engine);
    size_t aggregates_size = (size_t)aggregate_count * sizeof(ef_aggregate_config);
    size_t order_size = (size_t)order_count * sizeof(ef_order_key);
    ef_aggregate_config *aggregates = ef_calloc(alloc, aggregates_size);
    ef_order_key *order = ef_calloc(alloc, order_size);
    ef_node_id node = EF_NO_MEMORY;
    if (aggregates == NULL || order == NULL) {
        ef_program_free(arguments);
        ef_program_free(outputs);
        ef_program_free(having);
        (void)ef_fail_memory(error);
    } else {
        fill_aggregates(aggregates, aggregate_count, names, argument_types, argument_outputs, filter_outputs);
        for (uint32_t i = 0; i < order_count; i++) {
            order[i] = (ef_order_key){.output = order_outputs[i],
                                      .descending = (order_flags[i] & 1u) != 0,
                                      .nulls_first = (order_flags[i] & 2u) != 0};
        }
        ef_select_config select = {.arguments = arguments,
                                   .group_keys = group_keys,
                                   .aggregates = aggregates,
                                   .aggregate_count = aggregate_count,
                                   .outputs = outputs,
                                   .visible = visible,
                                   .having = having,
                                   .order = order,
                                   .order_count = order_count,
                                   .limit = limit,
                                   .offset = offset,
                                   .current = current,
                                   .expired = expired,
                                   .keeps_all = keeps_all};
        node = ef_engine_select(engine, from, &select, error);
    }
    if (aggregates != NULL) {
        ef_free(alloc, aggregates, aggregates_size);
    }
    if (order != NULL) {
        ef_free(alloc, order, order_size);
    }
    return node;
}

ef_node_id ef_build_expression_window(ef_engine *engine, ef_node_id from, ef_program *arguments,
                                      uint32_t aggregate_count, const char *const *names,
                                      const int32_t *argument_types, const int32_t *argument_outputs,
                                      ef_program *condition, bool is_batch, bool includes, bool streams,
                                      bool wants_expired, ef_error *error) {
    ef_alloc *alloc = ef_engine_alloc(engine);
    size_t size = (size_t)aggregate_count * sizeof(ef_aggregate_config);
    ef_aggregate_config *aggregates = ef_calloc(alloc, size);
    if (aggregates == NULL) {
        ef_program_free(arguments);
        ef_program_free(condition);
        return (ef_node_id)ef_fail_memory(error);
    }
    fill_aggregates(aggregates, aggregate_count, names, argument_types, argument_outputs, NULL);
    ef_select_config select = {.arguments = arguments,
                               .aggregates = aggregates,
                               .aggregate_count = aggregate_count,
                               .outputs = condition,
                               .visible = 1,
                               .limit = -1};
    ef_expression_config expression = {
        .select = &select, .is_batch = is_batch, .includes = includes, .streams = streams};
    ef_node_id node = ef_engine_expression_window(engine, from, &expression, wants_expired, error);
    ef_free(alloc, aggregates, size);
    return node;
}

ef_node_id ef_build_rate_limit(ef_engine *engine, ef_node_id from, int rate, bool by_time, int64_t every,
                               uint32_t visible, const uint32_t *keys, uint32_t key_count, bool partitioned,
                               bool windowed, const uint8_t *aggregate, ef_error *error) {
    ef_alloc *alloc = ef_engine_alloc(engine);
    size_t size = visible * sizeof(bool);
    bool *flags = ef_malloc(alloc, size);
    if (flags == NULL) {
        return (ef_node_id)ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < visible; i++) {
        flags[i] = aggregate[i] != 0;
    }
    ef_rate_limit_config limit = {
        .rate = (ef_rate)rate,
        .by_time = by_time,
        .every = every,
        .visible = visible,
        .keys = keys,
        .key_count = key_count,
        .partitioned = partitioned,
        .windowed = windowed,
        .aggregate = flags,
    };
    ef_node_id node = ef_engine_rate_limit(engine, from, &limit, error);
    ef_free(alloc, flags, size);
    return node;
}
