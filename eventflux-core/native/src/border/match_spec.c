/* Growing lists of the parts of a row pattern; see match_spec.h. */
#include "border/match_spec.h"

#include "graph/node.h"

typedef struct grown_list {
    void *items;
    uint32_t count, capacity;
    size_t width;
} grown_list;

typedef struct variable_parts {
    ef_match_variable variable;
    char *name;
    grown_list captures, tests;
} variable_parts;

struct ef_match_spec {
    ef_alloc *alloc;
    grown_list groups;    /* uint64_t */
    grown_list variables; /* variable_parts */
    grown_list positions; /* ef_match_position */
    grown_list follow;    /* uint32_t */
    grown_list kept;      /* uint32_t */
    grown_list outputs;   /* ef_match_capture */
    uint32_t start_count;
};

static ef_status append(ef_match_spec *spec, grown_list *list, const void *item, size_t width, ef_error *error) {
    list->width = width;
    EF_TRY(ef_grow(spec->alloc, &list->items, &list->capacity, list->count + 1, width, error));
    memcpy((char *)list->items + list->count++ * width, item, width);
    return EF_OK;
}

static void clear(ef_match_spec *spec, grown_list *list) {
    ef_free(spec->alloc, list->items, list->capacity * list->width);
}

ef_match_spec *ef_match_spec_new(ef_alloc *alloc) {
    ef_match_spec *spec = ef_calloc(alloc, sizeof *spec);
    if (spec != NULL) {
        spec->alloc = alloc;
    }
    return spec;
}

void ef_match_spec_free(ef_match_spec *spec) {
    variable_parts *parts = spec->variables.items;
    for (uint32_t i = 0; i < spec->variables.count; i++) {
        ef_program_free(parts[i].variable.own);
        ef_program_free(parts[i].variable.condition);
        ef_free(spec->alloc, parts[i].name, parts[i].variable.name_length);
        clear(spec, &parts[i].captures);
        clear(spec, &parts[i].tests);
    }
    clear(spec, &spec->groups);
    clear(spec, &spec->variables);
    clear(spec, &spec->positions);
    clear(spec, &spec->follow);
    clear(spec, &spec->kept);
    clear(spec, &spec->outputs);
    ef_free(spec->alloc, spec, sizeof *spec);
}

ef_status ef_match_spec_group(ef_match_spec *spec, uint64_t variables, ef_error *error) {
    return append(spec, &spec->groups, &variables, sizeof variables, error);
}

ef_status ef_match_spec_variable(ef_match_spec *spec, const char *name, uint32_t name_length, uint32_t program_captures,
                                 ef_program *own, ef_program *condition, ef_error *error) {
    variable_parts parts = {.variable = {.name_length = name_length,
                                         .own = own,
                                         .condition = condition,
                                         .program_captures = program_captures},
                            .name = ef_malloc(spec->alloc, name_length)};
    ef_status status = EF_OK;
    if (parts.name == NULL) {
        status = ef_fail_memory(error);
    } else {
        memcpy(parts.name, name, name_length);
        parts.variable.name = parts.name;
        status = append(spec, &spec->variables, &parts, sizeof parts, error);
    }
    if (status != EF_OK) {
        ef_free(spec->alloc, parts.name, name_length);
        ef_program_free(own);
        ef_program_free(condition);
    }
    return status;
}

static variable_parts *latest(ef_match_spec *spec, ef_error *error) {
    if (spec->variables.count == 0) {
        (void)ef_fail(error, EF_INVALID, "a row pattern has no variable yet");
        return NULL;
    }
    return (variable_parts *)spec->variables.items + spec->variables.count - 1;
}

static ef_match_capture capture_of(int32_t kind, uint32_t group, uint32_t index, uint32_t flags, uint32_t back,
                                   uint32_t column, ef_type type) {
    return (ef_match_capture){.kind = (ef_match_capture_kind)kind,
                              .group = group,
                              .index = index,
                              .from_last = (flags & 1u) != 0,
                              .running = (flags & 2u) != 0,
                              .back = back,
                              .column = column,
                              .type = type};
}

ef_status ef_match_spec_capture(ef_match_spec *spec, int32_t kind, uint32_t group, uint32_t index, uint32_t flags,
                                uint32_t back, uint32_t column, ef_type type, ef_error *error) {
    variable_parts *parts = latest(spec, error);
    ef_match_capture capture = capture_of(kind, group, index, flags, back, column, type);
    return parts == NULL ? EF_INVALID : append(spec, &parts->captures, &capture, sizeof capture, error);
}

ef_status ef_match_spec_test(ef_match_spec *spec, int32_t comparison, uint32_t left, uint32_t right, ef_error *error) {
    variable_parts *parts = latest(spec, error);
    ef_match_test test = {.comparison = (ef_match_comparison)comparison, .left = left, .right = right};
    return parts == NULL ? EF_INVALID : append(spec, &parts->tests, &test, sizeof test, error);
}

ef_status ef_match_spec_follow(ef_match_spec *spec, uint32_t position, ef_error *error) {
    EF_TRY(append(spec, &spec->follow, &position, sizeof position, error));
    if (spec->positions.count > 0) {
        ((ef_match_position *)spec->positions.items)[spec->positions.count - 1].count++;
    } else {
        spec->start_count++;
    }
    return EF_OK;
}

ef_status ef_match_spec_position(ef_match_spec *spec, uint32_t variable, uint32_t flags, ef_error *error) {
    ef_match_position position = {.variable = variable,
                                  .only_first = (flags & 1u) != 0,
                                  .excluded = (flags & 2u) != 0,
                                  .from = spec->follow.count};
    return append(spec, &spec->positions, &position, sizeof position, error);
}

ef_status ef_match_spec_keep(ef_match_spec *spec, uint32_t column, ef_error *error) {
    return append(spec, &spec->kept, &column, sizeof column, error);
}

ef_status ef_match_spec_output(ef_match_spec *spec, int32_t kind, uint32_t group, uint32_t index, uint32_t flags,
                               uint32_t back, uint32_t column, ef_type type, ef_error *error) {
    ef_match_capture capture = capture_of(kind, group, index, flags, back, column, type);
    return append(spec, &spec->outputs, &capture, sizeof capture, error);
}

ef_node_id ef_build_match(ef_engine *engine, ef_match_spec *spec, ef_node_id input, int64_t within, int32_t skip,
                          uint32_t skip_group, bool all_rows, bool timeouts, ef_error *error) {
    variable_parts *parts = spec->variables.items;
    size_t size = (spec->variables.count > 0 ? spec->variables.count : 1) * sizeof(ef_match_variable);
    ef_match_variable *variables = ef_calloc(spec->alloc, size);
    if (variables == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < spec->variables.count; i++) {
        variables[i] = parts[i].variable;
        variables[i].captures = parts[i].captures.items;
        variables[i].capture_count = parts[i].captures.count;
        variables[i].tests = parts[i].tests.items;
        variables[i].test_count = parts[i].tests.count;
        parts[i].variable.own = parts[i].variable.condition = NULL;
    }
    ef_match_config config = {.variables = variables,
                              .variable_count = spec->variables.count,
                              .positions = spec->positions.items,
                              .position_count = spec->positions.count,
                              .follow = spec->follow.items,
                              .follow_count = spec->follow.count,
                              .start_count = spec->start_count,
                              .groups = spec->groups.items,
                              .group_count = spec->groups.count,
                              .kept = spec->kept.items,
                              .kept_count = spec->kept.count,
                              .outputs = spec->outputs.items,
                              .output_count = spec->outputs.count,
                              .within = within,
                              .skip = (ef_match_skip)skip,
                              .skip_group = skip_group,
                              .all_rows = all_rows,
                              .timeouts = timeouts};
    ef_node_id node = ef_engine_match(engine, input, &config, error);
    ef_free(spec->alloc, variables, size);
    return node;
}
