/* Patterns and sequences in the graph. */
#ifndef EF_GRAPH_BUILD_PATTERN_H
#define EF_GRAPH_BUILD_PATTERN_H

#include "graph/engine.h"
#include "pattern/pattern.h"

/* An operator of the present query over `inputs`, one a port. Programs are taken, the rest is borrowed. */
ef_node_id ef_engine_pattern(ef_engine *engine, const ef_node_id *inputs, ef_pattern_config *pattern, ef_error *error);

#endif
