/* Aggregations from plain arrays; see build_rollup.h. */
#include "border/build_rollup.h"

ef_node_id ef_build_rollup(ef_engine *engine, ef_node_id from, const char *name, int32_t time_column, uint32_t key_count,
                           const uint32_t *keys, uint32_t item_count, const int32_t *kinds, const int32_t *columns,
                           uint32_t duration_count, const int32_t *durations, const int64_t *retentions,
                           int64_t purge_interval, uint32_t zone_count, const int64_t *zone_from,
                           const int64_t *zone_offset, const ef_outside_host *store, ef_error *error) {
    ef_rollup_config config = {.time_column = time_column,
                               .key_count = key_count,
                               .keys = keys,
                               .item_count = item_count,
                               .kinds = kinds,
                               .columns = columns,
                               .duration_count = duration_count,
                               .durations = durations,
                               .retentions = retentions,
                               .purge_interval = purge_interval,
                               .zone_count = zone_count,
                               .zone_from = zone_from,
                               .zone_offset = zone_offset,
                               .store = store};
    return ef_engine_rollup(engine, from, name, &config, error);
}
