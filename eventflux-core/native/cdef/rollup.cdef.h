#include "border/build_rollup.h"
#include "table/outside.h"

typedef struct ef_outside_host ef_outside_host;
ef_node_id ef_build_rollup(ef_engine *engine, ef_node_id from, const char *name, int32_t time_column, uint32_t key_count,
                           const uint32_t *keys, uint32_t item_count, const int32_t *kinds, const int32_t *columns,
                           uint32_t duration_count, const int32_t *durations, const int64_t *retentions,
                           int64_t purge_interval, uint32_t zone_count, const int64_t *zone_from,
                           const int64_t *zone_offset, const ef_outside_host *store, ef_error *error);
ef_status ef_engine_rollup_fill(ef_engine *engine, ef_node_id node, ef_error *error);
