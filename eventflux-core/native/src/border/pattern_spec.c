/* Growing lists of the parts of a pattern; see pattern_spec.h. */
#include "border/pattern_spec.h"

#include "graph/node.h"

typedef struct grown_list {
    void *items;
    uint32_t count, capacity;
    size_t width;
} grown_list;

typedef struct state_parts {
    ef_state_config config;
    grown_list captures, own_columns, tests, kept;
} state_parts;

struct ef_pattern_spec {
    ef_alloc *alloc;
    grown_list inputs;  /* ef_node_id */
    grown_list columns; /* uint32_t */
    grown_list types;   /* const ef_type *: those of the nodes */
    grown_list states;  /* state_parts */
    grown_list outputs; /* ef_capture */
};

static ef_status append(ef_pattern_spec *spec, grown_list *list, const void *item, size_t width, ef_error *error) {
    list->width = width;
    EF_TRY(ef_grow(spec->alloc, &list->items, &list->capacity, list->count + 1, width, error));
    memcpy((char *)list->items + list->count++ * width, item, width);
    return EF_OK;
}

static void clear(ef_pattern_spec *spec, grown_list *list) {
    ef_free(spec->alloc, list->items, list->capacity * list->width);
}

ef_pattern_spec *ef_pattern_spec_new(ef_alloc *alloc) {
    ef_pattern_spec *spec = ef_calloc(alloc, sizeof *spec);
    if (spec != NULL) {
        spec->alloc = alloc;
    }
    return spec;
}

void ef_pattern_spec_free(ef_pattern_spec *spec) {
    state_parts *parts = spec->states.items;
    for (uint32_t i = 0; i < spec->states.count; i++) {
        ef_program_free(parts[i].config.own);
        ef_program_free(parts[i].config.condition);
        clear(spec, &parts[i].captures);
        clear(spec, &parts[i].own_columns);
        clear(spec, &parts[i].tests);
        clear(spec, &parts[i].kept);
    }
    clear(spec, &spec->inputs);
    clear(spec, &spec->columns);
    clear(spec, &spec->types);
    clear(spec, &spec->states);
    clear(spec, &spec->outputs);
    ef_free(spec->alloc, spec, sizeof *spec);
}

ef_status ef_pattern_spec_port(ef_pattern_spec *spec, ef_engine *engine, ef_node_id input, ef_error *error) {
    if (!ef_is_node(engine, input)) {
        return ef_fail(error, EF_INVALID, "a pattern has no input");
    }
    const ef_node *node = ef_node_at(engine, input);
    const ef_type *types = node->types;
    EF_TRY(append(spec, &spec->inputs, &input, sizeof input, error));
    EF_TRY(append(spec, &spec->columns, &node->columns, sizeof node->columns, error));
    return append(spec, &spec->types, &types, sizeof types, error);
}

ef_status ef_pattern_spec_state(ef_pattern_spec *spec, int32_t kind, uint32_t port, uint32_t minimum, uint32_t maximum,
                                int64_t wait, int32_t next, int32_t every, int32_t group, uint32_t flags,
                                uint32_t first_side, uint32_t sides, uint32_t program_captures, ef_program *own,
                                ef_program *condition, ef_error *error) {
    state_parts parts = {.config = {.kind = (ef_state_kind)kind,
                                    .port = port,
                                    .minimum = minimum,
                                    .maximum = maximum,
                                    .wait = wait,
                                    .next = next,
                                    .every = every,
                                    .group = group,
                                    .group_is_long = (flags & 4u) != 0,
                                    .start = (flags & 1u) != 0,
                                    .either = (flags & 2u) != 0,
                                    .first_side = first_side,
                                    .sides = sides,
                                    .program_captures = program_captures,
                                    .own = own,
                                    .condition = condition}};
    ef_status status = kind < EF_STATE_PLAIN || kind > EF_STATE_LOGICAL_ABSENT
                           ? ef_fail(error, EF_INVALID, "a pattern has no state of kind %d", kind)
                           : append(spec, &spec->states, &parts, sizeof parts, error);
    if (status != EF_OK) {
        ef_program_free(own);
        ef_program_free(condition);
    }
    return status;
}

static state_parts *latest(ef_pattern_spec *spec, ef_error *error) {
    if (spec->states.count == 0) {
        (void)ef_fail(error, EF_INVALID, "a pattern has no state yet");
        return NULL;
    }
    return (state_parts *)spec->states.items + spec->states.count - 1;
}

static ef_capture capture_of(int32_t kind, uint32_t at, uint32_t index, bool from_last, uint32_t column, ef_type type) {
    return (ef_capture){.kind = (ef_capture_kind)kind,
                        .state = at,
                        .index = index,
                        .from_last = from_last,
                        .column = column,
                        .type = type};
}

ef_status ef_pattern_spec_capture(ef_pattern_spec *spec, int32_t kind, uint32_t state, uint32_t index, bool from_last,
                                  uint32_t column, ef_type type, ef_error *error) {
    state_parts *parts = latest(spec, error);
    ef_capture capture = capture_of(kind, state, index, from_last, column, type);
    return parts == NULL ? EF_INVALID : append(spec, &parts->captures, &capture, sizeof capture, error);
}

ef_status ef_pattern_spec_own_column(ef_pattern_spec *spec, uint32_t column, ef_error *error) {
    state_parts *parts = latest(spec, error);
    return parts == NULL ? EF_INVALID : append(spec, &parts->own_columns, &column, sizeof column, error);
}

ef_status ef_pattern_spec_keep(ef_pattern_spec *spec, uint32_t column, ef_error *error) {
    state_parts *parts = latest(spec, error);
    return parts == NULL ? EF_INVALID : append(spec, &parts->kept, &column, sizeof column, error);
}

ef_status ef_pattern_spec_test(ef_pattern_spec *spec, int32_t comparison, ef_type type, uint32_t own, int32_t capture,
                               int64_t whole, double real, ef_error *error) {
    state_parts *parts = latest(spec, error);
    ef_pattern_test test = {
        .comparison = (ef_test_kind)comparison, .type = type, .own = own, .capture = capture, .constant = {.l = whole}};
    if (type == EF_FLOAT || type == EF_DOUBLE) {
        test.constant.d = real;
    }
    return parts == NULL ? EF_INVALID : append(spec, &parts->tests, &test, sizeof test, error);
}

ef_status ef_pattern_spec_output(ef_pattern_spec *spec, int32_t kind, uint32_t state, uint32_t index, bool from_last,
                                 uint32_t column, ef_type type, ef_error *error) {
    ef_capture capture = capture_of(kind, state, index, from_last, column, type);
    return append(spec, &spec->outputs, &capture, sizeof capture, error);
}

ef_node_id ef_build_pattern(ef_engine *engine, ef_pattern_spec *spec, int64_t within, uint32_t within_events,
                            uint64_t most_matches, bool drops_oldest, bool sequence, bool partitioned, bool timeouts,
                            ef_error *error) {
    state_parts *parts = spec->states.items;
    size_t size = (spec->states.count > 0 ? spec->states.count : 1) * sizeof(ef_state_config);
    ef_state_config *states = ef_calloc(spec->alloc, size);
    if (states == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < spec->states.count; i++) {
        states[i] = parts[i].config;
        states[i].captures = parts[i].captures.items;
        states[i].capture_count = parts[i].captures.count;
        states[i].own_columns = parts[i].own_columns.items;
        states[i].own_column_count = parts[i].own_columns.count;
        states[i].tests = parts[i].tests.items;
        states[i].test_count = parts[i].tests.count;
        states[i].kept = parts[i].kept.items;
        states[i].kept_count = parts[i].kept.count;
        parts[i].config.own = parts[i].config.condition = NULL;
    }
    ef_pattern_config config = {.states = states,
                                .state_count = spec->states.count,
                                .port_columns = spec->columns.items,
                                .port_types = spec->types.items,
                                .port_count = spec->inputs.count,
                                .outputs = spec->outputs.items,
                                .output_count = spec->outputs.count,
                                .within = within,
                                .within_events = within_events,
                                .most_matches = most_matches,
                                .too_many = drops_oldest ? EF_MATCHES_DROP_OLDEST : EF_MATCHES_FAIL,
                                .sequence = sequence,
                                .partitioned = partitioned,
                                .timeouts = timeouts};
    ef_node_id node = ef_engine_pattern(engine, spec->inputs.items, &config, error);
    ef_free(spec->alloc, states, size);
    return node;
}
