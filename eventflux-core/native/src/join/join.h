/* Join: two sides, each a stream (with a window or without), a named window, or something that is only searched. eventfluxql.md, section 12. */
#ifndef EF_JOIN_JOIN_H
#define EF_JOIN_JOIN_H

#include "graph/engine.h"
#include "join/content.h"

typedef struct ef_join_side {
    ef_node_id from;         /* rows of the side; -1: it only is searched */
    const char *window;      /* native window of the join's own; NULL: none */
    const ef_param *params;
    uint32_t param_count;
    bool is_named_window;    /* rows come as they are, with their kinds: the window is `content` */
    ef_content *content;     /* what is searched in place of the join's own window; NULL: that one */
    bool triggers;           /* its rows look for partners */
    bool preserved;          /* and come out alone where they find none */
    ef_condition condition;  /* for rows of this side against the other; programs are taken, also on failure */
    int32_t key_count;       /* how many leading conjuncts of `condition` are equalities */
} ef_join_side;

typedef struct ef_join_config {
    ef_join_side side[2]; /* left, right */
    uint64_t seed;
    bool keeps_batches;   /* the query puts out no expired rows: batch windows keep more (ef_mirror_rule_of) */
} ef_join_config;

/* Adds the operator to the present query: columns of the left side, then of the right. */
ef_node_id ef_engine_join(ef_engine *engine, ef_join_config *config, bool wants_expired, ef_error *error);

#endif
