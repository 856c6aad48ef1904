/* Adding an aggregation to the graph: rows of a stream into buckets, which others search beside the edges. */
#include "rollup/rollup.h"

ef_node_id ef_engine_rollup(ef_engine *engine, ef_node_id from, const char *name, const ef_rollup_config *config,
                            ef_error *error) {
    if (!ef_is_node(engine, from)) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "an aggregation needs rows to aggregate");
    }
    const ef_node *source = ef_node_at(engine, from);
    ef_node *node = ef_operator_begin(engine, from, "rollup", source->columns, source->types, error);
    if (node == NULL) {
        return error != NULL && error->status != EF_OK ? (ef_node_id)error->status : EF_INVALID;
    }
    rollup *made = NULL;
    ef_status status =
        ef_rollup_new(config, source->columns, source->types, engine->options.seed, &node->alloc, &made, error);
    if (status != EF_OK) {
        ef_operator_abandon(engine, node);
        return status;
    }
    node->operator_class = &ef_rollup_class;
    node->self = made;
    node->content = &made->content;
    node->reads_clock = true;
    int32_t shared = ef_engine_shared(engine, name, error);
    if (shared < 0) {
        ef_operator_abandon(engine, node);
        return shared;
    }
    made->content.shared = shared;
    ef_node_id id = ef_operator_enter(engine, node, from, error);
    if (id >= 0) {
        status = ef_engine_access(engine, id, shared, true, error);
    }
    return status == EF_OK ? id : status;
}
