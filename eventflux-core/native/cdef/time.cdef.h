#include "border/build_time.h"

int32_t ef_engine_domain(ef_engine *engine, ef_error *error);
ef_status ef_engine_enter_domain(ef_engine *engine, int32_t domain, ef_error *error);
ef_node_id ef_build_entrance(ef_engine *engine, int32_t domain, uint32_t count, const int32_t *from, const int32_t *streams,
                             uint32_t time_column, int64_t delay, int64_t idle_timeout, int32_t late, ef_error *error);
ef_status ef_engine_copy_of(ef_engine *engine, ef_node_id stream, ef_node_id of, ef_error *error);
int64_t ef_engine_watermark(const ef_engine *engine, ef_node_id entrance);
uint64_t ef_engine_late(const ef_engine *engine, ef_node_id entrance);
ef_node_id ef_build_window_function(ef_engine *engine, ef_node_id from, int32_t kind, int32_t emission, int32_t time_column,
                                    int64_t size, int64_t hop, int64_t offset, bool wants_expired, ef_error *error);
