/* Time domains from plain numbers: the planner's side of graph/domains.h. */
#ifndef EF_BORDER_BUILD_TIME_H
#define EF_BORDER_BUILD_TIME_H

#include "eventtime/window_function.h"
#include "graph/domains.h"

/* from[i] < 0: rows of streams[i] come from outside. late: an ef_late_policy. */
ef_node_id ef_build_entrance(ef_engine *engine, int32_t domain, uint32_t count, const int32_t *from, const int32_t *streams,
                             uint32_t time_column, int64_t delay, int64_t idle_timeout, int32_t late, ef_error *error);

/* kind: an ef_window_function_kind; emission: an ef_window_emission. */
ef_node_id ef_build_window_function(ef_engine *engine, ef_node_id from, int32_t kind, int32_t emission, int32_t time_column,
                                    int64_t size, int64_t hop, int64_t offset, bool wants_expired, ef_error *error);

#endif
