/* The inside of the join operator. */
#ifndef EF_JOIN_JOIN_INSIDE_H
#define EF_JOIN_JOIN_INSIDE_H

#include "graph/node.h"
#include "join/join.h"
#include "join/joined.h"

typedef struct join_side {
    const ef_operator_class *window_class; /* NULL: no window of its own */
    void *window;
    ef_mirror_rule rule;  /* how the mirror follows the window */
    bool is_bare;         /* the window's output is read from the entries of its ef_out */
    bool keeps_times;     /* see ef_mirror_keeps_times() */
    bool passes;          /* a named window: rows as they are */
    bool is_steady;       /* ef_content.is_steady: `probe` may be given many rows */
    bool is_searched_by_find; /* a window that is no queue: its content is asked for each time */
    ef_mirror mirror;     /* what it holds, for the other side to search; without alloc: none */
    ef_probe *probe;      /* how the OTHER side searches this one when it is an outside content */
    uint32_t columns;
    uint32_t at;          /* where its columns begin in joined rows */
    bool triggers, preserved;

    /* rows of this side against the other one */
    ef_program *keys;
    uint32_t *key_outputs;   /* of `keys`, one an equality */
    ef_conjunct *conjuncts;  /* all of them, for contents that have no index here */
    uint32_t conjunct_count, key_count;
    ef_program *residual;
} join_side;

typedef struct join {
    ef_alloc *alloc;
    ef_engine *engine;
    join_side side[2];
    uint32_t columns;
    ef_type *types;
    uint16_t rank;
    bool wants_expired;
    bool runs_ahead; /* join_may_run_ahead() */
    bool takes_few;  /* join_may_take_few() */
} join;

/* What a window put out, row by row: CURRENT ones are rows of a batch. */
typedef struct join_moves {
    uint32_t count;
    const uint8_t *kinds;    /* NULL: all CURRENT */
    const uint32_t *slots;   /* NULL: all 0 */
    const int64_t *causes;   /* NULL: the step's own */
    const ef_source *source; /* rows of the batch; NULL: move i is row i */
} join_moves;

static inline uint8_t join_move_kind(const join_moves *m, uint32_t i) {
    return m->kinds != NULL ? m->kinds[i] : (uint8_t)EF_CURRENT;
}

static inline uint32_t join_move_slot(const join_moves *m, uint32_t i) {
    return m->slots != NULL ? m->slots[i] : 0;
}

static inline uint32_t join_move_row(const join_moves *m, uint32_t i) {
    return m->source != NULL ? (uint32_t)m->source[i] : i;
}

/* A side without a window: each row comes, goes, and is forgotten. */
ef_status join_pass_through(const ef_batch *rows, const ef_track *track, ef_batch *to, ef_arena *arena, ef_error *error) EF_MUST_USE;
/* Keys of all rows of a batch of side `s`, for the other side: columns of the batch itself where they are plain. NULL: there are none. */
ef_status join_keys(join *j, uint32_t s, const ef_batch *rows, const ef_track *track, ef_column **keys, ef_out *out,
                    ef_error *error) EF_MUST_USE;

/* Rows of side `s` (what its window put out, or the rows themselves): each that triggers looks for partners, as one delivery. */
ef_status join_search(join *j, uint32_t s, const ef_batch *rows, const ef_track *track, ef_joined *joined, ef_out *out,
                      ef_error *error) EF_MUST_USE;

/* look_up.c: whether these inputs only look rows up in a content, and all of them at once. */
bool join_looks_up(const join *j, const ef_input *inputs, uint32_t count);
ef_status join_look_up(join *j, uint32_t s, const ef_batch *probes, const ef_track *track, ef_out *out, ef_error *error) EF_MUST_USE;

#endif
