/* Adding the matcher of a row pattern to the graph. */
#include "graph/build_match.h"

#include "graph/node.h"

static bool reads_clock(const ef_match_config *match) {
    bool reads = match->within >= 0;
    for (uint32_t v = 0; v < match->variable_count && !reads; v++) {
        const ef_match_variable *variable = &match->variables[v];
        reads = (variable->own != NULL && ef_program_reads_clock(variable->own)) ||
                (variable->condition != NULL && ef_program_reads_clock(variable->condition));
    }
    return reads;
}

ef_node_id ef_engine_match(ef_engine *engine, ef_node_id input, ef_match_config *match, ef_error *error) {
    size_t size = (match->output_count > 0 ? match->output_count : 1) * sizeof(ef_type);
    ef_type *types = ef_malloc(ef_engine_alloc(engine), size);
    ef_node *node = NULL;
    if (types == NULL) {
        (void)ef_fail_memory(error);
    } else if (!ef_is_node(engine, input)) {
        (void)ef_fail(error, EF_INVALID, "a row pattern has no input");
    } else {
        for (uint32_t i = 0; i < match->output_count; i++) {
            types[i] = match->outputs[i].type;
        }
        node = ef_operator_begin(engine, input, "match_recognize", match->output_count, types, error);
    }
    ef_free(ef_engine_alloc(engine), types, size);
    if (node == NULL) {
        ef_match_free_programs(match);
        return error != NULL && error->status != EF_OK ? (ef_node_id)error->status : EF_INVALID;
    }
    node->operator_class = match->within >= 0 ? &ef_timed_match_class : &ef_match_class;
    node->reads_clock = reads_clock(match);
    node->can_fail = true;
    match->host = &engine->host;
    match->random = &engine->random;
    ef_operator_config config = ef_operator_config_of(engine, node, ef_node_at(engine, input), NULL, 0, false);
    ef_status status = ef_match_create(&config, match, &node->self, error);
    if (status != EF_OK) {
        node->self = NULL;
        ef_operator_abandon(engine, node);
        return status;
    }
    return ef_operator_enter(engine, node, input, error);
}
