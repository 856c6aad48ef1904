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
