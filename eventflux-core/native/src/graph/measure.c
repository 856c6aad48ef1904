/* Measuring; see measure.h. Invariants: touched[0 .. touched_count) are the queries with pending >= 0, each once. */
#include "graph/measure.h"

#include "graph/node.h"
#include "time/clock.h"

#define MICROSECOND 1000

static void add(ef_durations *durations, int64_t ns) {
    uint64_t above = ns > 0 ? (uint64_t)(ns - 1) / MICROSECOND : 0; /* (2^(c-1), 2^c] microseconds have c bits in this */
    uint32_t class = above == 0 ? 0 : 64u - (uint32_t)__builtin_clzll(above);
    durations->classes[class < EF_DURATION_CLASSES ? class : EF_DURATION_CLASSES - 1]++;
    durations->total_ns += ns;
}

void ef_measure_free(ef_engine *engine) {
    ef_measure *measure = engine->measure;
    if (measure == NULL) {
        return;
    }
    engine->measure = NULL;
    ef_free(&engine->alloc, measure->pending, measure->queries * sizeof *measure->pending);
    ef_free(&engine->alloc, measure->touched, measure->queries * sizeof *measure->touched);
    ef_free(&engine->alloc, measure->latency, measure->queries * sizeof *measure->latency);
    ef_free(&engine->alloc, measure, sizeof *measure);
}

ef_status ef_engine_measure(ef_engine *engine, bool on, ef_error *error) {
    if (!engine->sealed || engine->running) {
        return ef_fail(error, EF_STATE, "what is measured can change between pushes only");
    }
    ef_measure_free(engine);
    if (!on) {
        return EF_OK;
    }
    ef_measure *measure = ef_calloc(&engine->alloc, sizeof *measure);
    if (measure == NULL) {
        return ef_fail_memory(error);
    }
    engine->measure = measure;
    measure->queries = (uint32_t)engine->query_count;
    measure->pending = ef_malloc(&engine->alloc, measure->queries * sizeof *measure->pending);
    measure->touched = ef_malloc(&engine->alloc, measure->queries * sizeof *measure->touched);
    measure->latency = ef_calloc(&engine->alloc, measure->queries * sizeof *measure->latency);
    if (measure->pending == NULL || measure->touched == NULL || measure->latency == NULL) {
        ef_measure_free(engine);
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < measure->queries; i++) {
        measure->pending[i] = -1;
    }
    return EF_OK;
}

static bool has_query(const ef_measure *measure, const ef_node *node) {
    return node->query >= 0 && (uint32_t)node->query < measure->queries;
}

ef_status ef_engine_durations(const ef_engine *engine, ef_node_id node, ef_durations *durations) {
    const ef_measure *measure = engine->measure;
    if (measure == NULL || !ef_is_node(engine, node) || !has_query(measure, ef_node_at(engine, node))) {
        return EF_NOT_FOUND;
    }
    *durations = measure->latency[ef_node_at(engine, node)->query];
    return EF_OK;
}

void ef_measure_call(ef_measure *measure, ef_node *node, int64_t began_ns) {
    int64_t spent = ef_monotonic_ns() - began_ns;
    node->metrics.busy_ns += (uint64_t)spent;
    if (!has_query(measure, node)) {
        return;
    }
    uint32_t query = (uint32_t)node->query;
    if (measure->pending[query] < 0) {
        measure->pending[query] = 0;
        measure->touched[measure->touched_count++] = query;
    }
    measure->pending[query] += spent;
}

void ef_measure_end_slice(ef_measure *measure) {
    for (uint32_t i = 0; i < measure->touched_count; i++) {
        uint32_t query = measure->touched[i];
        add(&measure->latency[query], measure->pending[query]);
        measure->pending[query] = -1;
    }
    measure->touched_count = 0;
}
