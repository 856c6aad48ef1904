/* Tables in the graph.
 *
 *      inserts ──> stream "T~in" ──> table          rows into it
 *      ... ──> contains | lookup | change           ask and change it beside the edges, by its content (join/content.h)
 *
 * A query on demand is a small engine of its own, in which `foreign` stands for a table or window of the app's engine. It is pushed while the app's engine is
 * locked, and closed before it. */
#ifndef EF_GRAPH_BUILD_TABLE_H
#define EF_GRAPH_BUILD_TABLE_H

#include "table/outside.h"

/* The table that keeps the rows of stream `from`. key: columns of the primary key; indexes: one column each. */
ef_node_id ef_engine_table(ef_engine *engine, ef_node_id from, const uint32_t *key, uint32_t key_count,
                           const uint32_t *indexes, uint32_t index_count, ef_error *error);
/* The table that the host keeps for the rows of stream `from`; `host` is borrowed and outlives the engine. */
ef_node_id ef_engine_outside(ef_engine *engine, ef_node_id from, const ef_outside_host *host, ef_error *error);
/* Stands for the content of node `there` of another engine. */
ef_node_id ef_engine_foreign(ef_engine *engine, const ef_engine *other, ef_node_id there, ef_error *error);
/* Programs of conditions and configs are taken. */
ef_node_id ef_engine_contains(ef_engine *engine, ef_node_id from, ef_node_id content, ef_condition *condition,
                              ef_error *error);
ef_node_id ef_engine_lookup(ef_engine *engine, ef_node_id from, ef_node_id content, ef_condition *condition, bool outer,
                            ef_error *error);
ef_node_id ef_engine_change(ef_engine *engine, ef_node_id from, ef_node_id table_node, ef_change_config *config,
                            ef_error *error);
/* Rows that the last call of a change touched. */
uint64_t ef_engine_touched(const ef_engine *engine, ef_node_id change);
/* Gives back what a query on demand left in the engine that it asked. */
void ef_engine_settle(ef_engine *engine);

#endif
