/* Row patterns in the graph. */
#ifndef EF_GRAPH_BUILD_MATCH_H
#define EF_GRAPH_BUILD_MATCH_H

#include "graph/engine.h"
#include "match/match.h"

/* An operator of the present query over `input`. Programs are taken, the rest is borrowed. */
ef_node_id ef_engine_match(ef_engine *engine, ef_node_id input, ef_match_config *match, ef_error *error);

#endif
