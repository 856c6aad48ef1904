/* Entrances of time domains, inside the graph; see domains.h. */
#ifndef EF_GRAPH_ENTRANCE_H
#define EF_GRAPH_ENTRANCE_H

#include "graph/domains.h"
#include "graph/node.h"

typedef struct ef_entrance {
    ef_alloc *alloc;
    ef_engine *engine;
    ef_reorder *reorder;
    uint32_t domain;
    ef_node_id *streams; /* [port_count] where rows go */
    uint32_t port_count;
    uint32_t *upstreams; /* [upstream_count] domains that its rows come from; none: from outside */
    uint32_t upstream_count;
    bool can_be_idle;
} ef_entrance;

extern const ef_operator_class ef_entrance_class;

/* NULL: the node is none. */
static inline ef_entrance *ef_entrance_of(const ef_node *node) {
    return node->kind == EF_NODE_OPERATOR && node->operator_class == &ef_entrance_class ? node->self : NULL;
}

/* Runs what entrances have released, until nothing is left. */
ef_status ef_run_domains(ef_engine *engine, ef_error *error) EF_MUST_USE;
/* Rows of a delivery, pushed into a stream or an entrance, at the clock of engine->time. */
ef_status ef_run_chunk(ef_engine *engine, ef_node *target, const ef_batch *rows, ef_error *error) EF_MUST_USE;
/* Moves the clock of engine->time, never back. */
void ef_move_clock(ef_engine *engine, int64_t now);

#endif
