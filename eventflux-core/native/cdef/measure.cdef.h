#include "graph/measure.h"

#define EF_DURATION_CLASSES ...
typedef struct ef_durations {
    uint64_t classes[...];
    int64_t total_ns;
} ef_durations;
ef_status ef_engine_measure(ef_engine *engine, bool on, ef_error *error);
ef_status ef_engine_durations(const ef_engine *engine, ef_node_id node, ef_durations *durations);
