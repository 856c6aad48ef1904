#include "border/build_table.h"

typedef struct ef_condition_parts ef_condition_parts;
ef_condition_parts *ef_build_condition(ef_engine *engine, ef_program *keys, uint32_t count, const int32_t *comparisons,
                                       const uint32_t *columns, const uint32_t *key_outputs, ef_program *residual,
                                       uint32_t outside);
ef_node_id ef_engine_table(ef_engine *engine, ef_node_id from, const uint32_t *key, uint32_t key_count,
                           const uint32_t *indexes, uint32_t index_count, ef_error *error);
ef_node_id ef_engine_foreign(ef_engine *engine, const ef_engine *other, ef_node_id there, ef_error *error);
ef_node_id ef_build_contains(ef_engine *engine, ef_node_id from, ef_node_id content, ef_condition_parts *condition,
                             ef_error *error);
ef_node_id ef_build_lookup(ef_engine *engine, ef_node_id from, ef_node_id content, ef_condition_parts *condition,
                           bool outer, ef_error *error);
ef_node_id ef_build_change(ef_engine *engine, ef_node_id from, ef_node_id table, int32_t kind, bool current, bool expired,
                           ef_condition_parts *condition, ef_program *set, uint32_t set_count,
                           const uint32_t *set_columns, bool keeps_quietly, uint32_t outside, ef_error *error);
ef_node_id ef_engine_outside(ef_engine *engine, ef_node_id from, const ef_outside_host *host, ef_error *error);
uint64_t ef_engine_touched(const ef_engine *engine, ef_node_id change);
void ef_engine_settle(ef_engine *engine);
