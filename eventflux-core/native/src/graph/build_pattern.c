/* Adding a pattern to the graph: one operator with an edge from each of its streams, one port each. */
#include "graph/build_pattern.h"

#include "graph/node.h"

static void free_programs(ef_pattern_config *pattern) {
    for (uint32_t j = 0; j < pattern->state_count; j++) {
        ef_program_free(pattern->states[j].own);
        ef_program_free(pattern->states[j].condition);
    }
}

static ef_node_id failed(const ef_error *error) {
    return error != NULL && error->status != EF_OK ? (ef_node_id)error->status : EF_INVALID;
}

static ef_status check_inputs(const ef_engine *engine, const ef_node_id *inputs, const ef_pattern_config *pattern, ef_error *error) {
    bool fits = pattern->port_count > 0;
    for (uint32_t i = 0; i < pattern->port_count && fits; i++) {
        fits = ef_is_node(engine, inputs[i]) && ef_node_at(engine, inputs[i])->columns == pattern->port_columns[i];
        for (uint32_t c = 0; fits && c < pattern->port_columns[i]; c++) {
            fits = ef_node_at(engine, inputs[i])->types[c] == pattern->port_types[i][c];
        }
    }
    return fits ? EF_OK : ef_fail(error, EF_INVALID, "the inputs of a pattern are not those it was made for");
}

ef_node_id ef_engine_pattern(ef_engine *engine, const ef_node_id *inputs, ef_pattern_config *pattern, ef_error *error) {
    ef_type *types = ef_malloc(ef_engine_alloc(engine), (pattern->output_count > 0 ? pattern->output_count : 1) * sizeof *types);
    ef_node *node = NULL;
    if (types == NULL) {
        (void)ef_fail_memory(error);
    } else if (check_inputs(engine, inputs, pattern, error) == EF_OK) {
        for (uint32_t i = 0; i < pattern->output_count; i++) {
            types[i] = pattern->outputs[i].type;
        }
        node = ef_operator_begin(engine, inputs[0], pattern->sequence ? "sequence" : "pattern", pattern->output_count, types, error);
    }
    ef_free(ef_engine_alloc(engine), types, (pattern->output_count > 0 ? pattern->output_count : 1) * sizeof *types);
    if (node == NULL) {
        free_programs(pattern);
        return failed(error);
    }
    bool waits = pattern->timeouts && pattern->within >= 0;
    for (uint32_t j = 0; j < pattern->state_count; j++) {
        waits = waits || pattern->states[j].wait >= 0;
    }
    node->operator_class = waits ? &ef_timed_pattern_class : &ef_pattern_class;
    node->reads_clock = pattern->timeouts || ef_pattern_reads_clock(pattern);
    pattern->hash_seed = engine->options.seed;
    pattern->host = &engine->host;
    pattern->random = &engine->random;
    ef_operator_config config = ef_operator_config_of(engine, node, ef_node_at(engine, inputs[0]), NULL, 0, false);
    ef_status status = ef_pattern_create(&config, pattern, &node->self, error);
    if (status != EF_OK) {
        node->self = NULL;
        ef_operator_abandon(engine, node);
        return status;
    }
    ef_node_id id = ef_operator_enter(engine, node, inputs[0], error);
    for (uint32_t i = 1; i < pattern->port_count && id >= 0; i++) {
        status = ef_add_edge(engine, ef_node_at(engine, inputs[i]), id, i, error);
        if (status != EF_OK) {
            return status; /* the node stays without a reader; the build as a whole has failed */
        }
    }
    return id;
}
