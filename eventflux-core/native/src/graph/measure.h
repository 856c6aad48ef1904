/* How long operators take, and how long the queries that they are of: nothing is measured, and nothing kept, until it is asked for.
 *
 *      call of an operator --> node->metrics.busy_ns
 *                          \-> pending[query]   --end of the slice-->  latency[query], one duration
 *
 * The duration of a query in a slice is the time of all calls of its operators there, so it does not depend on how the driver
 * interleaves queries. Everything happens under the engine lock. A call costs two readings of the clock. */
#ifndef EF_GRAPH_MEASURE_H
#define EF_GRAPH_MEASURE_H

#include "graph/engine.h"

#define EF_DURATION_CLASSES 26u /* class c: up to 2^c microseconds; the last one: more than that of the one before */

typedef struct ef_durations {
    uint64_t classes[EF_DURATION_CLASSES];
    int64_t total_ns;
} ef_durations;

/* Begin, or stop; either way what was measured before is forgotten, the time of nodes aside. The graph is sealed. */
ef_status ef_engine_measure(ef_engine *engine, bool on, ef_error *error) EF_MUST_USE;
/* Of the query that a node belongs to. EF_NOT_FOUND: it is of none, or nothing is measured. */
ef_status ef_engine_durations(const ef_engine *engine, ef_node_id node, ef_durations *durations) EF_MUST_USE;

/* ---- for the engine ---- */

struct ef_node;

typedef struct ef_measure {
    uint32_t queries;
    int64_t *pending;      /* [queries], -1: not called in this slice */
    uint32_t *touched;     /* [queries], those that were */
    uint32_t touched_count;
    ef_durations *latency; /* [queries] */
} ef_measure;

void ef_measure_free(ef_engine *engine);
void ef_measure_call(ef_measure *measure, struct ef_node *node, int64_t began_ns);
void ef_measure_end_slice(ef_measure *measure);

#endif
