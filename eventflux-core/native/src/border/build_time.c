/* Time domains from plain numbers; see build_time.h. */
#include "border/build_time.h"

#include "base/alloc.h"

ef_node_id ef_build_entrance(ef_engine *engine, int32_t domain, uint32_t count, const int32_t *from, const int32_t *streams,
                             uint32_t time_column, int64_t delay, int64_t idle_timeout, int32_t late, ef_error *error) {
    if (late < EF_LATE_DROP || late > EF_LATE_ERROR) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "no policy %d for late rows", late);
    }
    ef_alloc *alloc = ef_engine_alloc(engine);
    ef_entrance_port *ports = ef_malloc(alloc, count * sizeof *ports);
    if (ports == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        ports[i] = (ef_entrance_port){.from = from[i], .stream = streams[i]};
    }
    ef_entrance_config config = {.domain = domain,
                                 .ports = ports,
                                 .port_count = count,
                                 .time_column = time_column,
                                 .delay = delay,
                                 .idle_timeout = idle_timeout,
                                 .late = (ef_late_policy)late};
    ef_node_id node = ef_engine_entrance(engine, &config, error);
    ef_free(alloc, ports, count * sizeof *ports);
    return node;
}

ef_node_id ef_build_window_function(ef_engine *engine, ef_node_id from, int32_t kind, int32_t emission, int32_t time_column,
                                    int64_t size, int64_t hop, int64_t offset, bool wants_expired, ef_error *error) {
    if (kind < EF_TUMBLE || kind > EF_SESSION || emission < EF_EMIT_AT_ONCE || emission > EF_EMIT_CHANGES) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "no window function %d that emits in way %d", kind, emission);
    }
    ef_window_function_config function = {.kind = (ef_window_function_kind)kind,
                                          .emission = (ef_window_emission)emission,
                                          .time_column = time_column,
                                          .size = size,
                                          .hop = hop,
                                          .offset = offset};
    return ef_engine_window_function(engine, from, &function, wants_expired, error);
}
