#include "partition/partition.h"

ef_node_id ef_engine_partition(ef_engine *engine, const char *name, int64_t interval, int64_t idle, ef_error *error);
ef_status ef_engine_enter_partition(ef_engine *engine, ef_node_id partition, ef_error *error);
ef_node_id ef_engine_route(ef_engine *engine, ef_node_id from, ef_program *program, const char *const *labels,
                           const uint32_t *label_sizes, uint32_t label_count, ef_error *error);
ef_node_id ef_engine_route_all(ef_engine *engine, ef_node_id from, ef_error *error);
