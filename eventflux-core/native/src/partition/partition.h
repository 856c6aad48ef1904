/* Partitions in the graph.
 *
 *      stream S ──> router ──slots──> query ──> #M ──> query ──insert──> stream O
 *      stream U ──> router to all ──┘                  (drops the slots)
 *
 * A partition is a node that holds its keys and forgets idle ones. Routers give rows the slot of their key, or, of streams that have no key, give a copy to
 * every key there is. What is added between enter and leave belongs to the partition: its operators keep their state by slot, its streams carry slots. */
#ifndef EF_PARTITION_PARTITION_H
#define EF_PARTITION_PARTITION_H

#include "graph/engine.h"

/* idle: a key whose last row is older loses its state at the next purge, every `interval`; 0: keys stay. */
ef_node_id ef_engine_partition(ef_engine *engine, const char *name, int64_t interval, int64_t idle, ef_error *error);
/* What follows belongs to that partition; -1: to none. */
ef_status ef_engine_enter_partition(ef_engine *engine, ef_node_id partition, ef_error *error) EF_MUST_USE;
/* Rows of `from` with the slots of their keys in the partition entered. Outputs of the program: texts that are the key together (a null: the row has none), or
 * with labels one BOOL a label: the row has each label that is true. Runs of equal slot are deliveries. The program is taken. */
ef_node_id ef_engine_route(ef_engine *engine, ef_node_id from, ef_program *program, const char *const *labels,
                           const uint32_t *label_sizes, uint32_t label_count, ef_error *error);
/* Each delivery of `from` once for every key there is, the oldest key first. */
ef_node_id ef_engine_route_all(ef_engine *engine, ef_node_id from, ef_error *error);

#endif
