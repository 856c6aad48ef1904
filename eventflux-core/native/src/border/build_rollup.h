/* Aggregations in pieces that cross cffi without struct layouts. Arrays are borrowed. */
#ifndef EF_BORDER_BUILD_ROLLUP_H
#define EF_BORDER_BUILD_ROLLUP_H

#include "rollup/rollup.h"

ef_node_id ef_build_rollup(ef_engine *engine, ef_node_id from, const char *name, int32_t time_column, uint32_t key_count,
                           const uint32_t *keys, uint32_t item_count, const int32_t *kinds, const int32_t *columns,
                           uint32_t duration_count, const int32_t *durations, const int64_t *retentions,
                           int64_t purge_interval, uint32_t zone_count, const int64_t *zone_from,
                           const int64_t *zone_offset, const ef_outside_host *store, ef_error *error);

#endif
