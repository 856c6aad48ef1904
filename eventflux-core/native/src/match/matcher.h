/* The inside of the matcher: rows that are held, attempts over them, one call.
 *
 *      slot:     rows base ............ next        numbered from 0 in each partition; a ring of row handles
 *                     |----attempt----|             steps: which position took row start + i, and what is to be tried next behind it
 *                         |--attempt--|
 *
 * An attempt is a depth-first walk that stands still where it needs a row that has not come: its steps are the preferred run that is still
 * alive, and their `choice`s all that is left to try. Nothing else needs to be kept of the runs that are less preferred: should the
 * present one die, they are walked over the rows that are held. So a match is found at the row at which the last run preferred to it dies, and a
 * partial match costs its rows and 8 bytes for each.
 *
 * With SKIP TO NEXT ROW each row begins an attempt of its own; else there is one at a time, and `resume` is the row that the next one begins at.
 *
 * What an attempt knows of its groups, and the aggregates that conditions read (kept with each step, so that going back costs nothing), is
 * derived from its steps. A failing call forgets everything, as if freshly made. */
#ifndef EF_MATCH_MATCHER_H
#define EF_MATCH_MATCHER_H

#include "match/match.h"
#include "window/timers.h"

typedef union any_value {
    uint8_t b;
    int32_t i;
    int64_t l;
    float f;
    double d;
    ef_str s;
} any_value; /* of a column, as it lies there */

typedef struct held_row {
    ef_handle row;
    uint64_t passes; /* variables whose `own` it passes */
    int64_t due;     /* when a match that begins with it is too old */
} held_row;

typedef struct step {
    uint32_t position;
    uint32_t choice; /* next entry of the position's follow list to try */
} step;

/* What an aggregate has seen, in order of the rows: a float is added as everywhere else. */
typedef struct fold {
    int64_t seen, sum;
    double total, mean, squares;
    any_value best;
} fold;

/* The steps that took rows for one group. first and last mean nothing without rows. */
typedef struct group_view {
    uint32_t first, last, count;
} group_view;

typedef struct attempt {
    uint64_t start; /* number of its first row */
    int64_t due;
    group_view *groups; /* [groups], then the steps, each with its folds: one block */
    uint32_t choice;    /* next entry of the start list to try */
    uint32_t depth;     /* rows taken */
    uint32_t capacity;  /* of steps */
} attempt;

typedef struct match_slot {
    uint64_t base, next; /* numbers of the rows that are held */
    uint64_t resume;     /* one attempt at a time: where the next one begins; rows before it begin none */
    uint64_t matches;
    held_row *rows; /* ring: row n at n modulo capacity, a power of two */
    attempt *attempts; /* by rising start */
    uint32_t row_capacity, attempt_count, attempt_capacity;
} match_slot;

typedef struct variable {
    ef_str name;
    ef_program *own, *condition;
    uint32_t program_captures;
    ef_match_capture *captures;
    uint32_t capture_count;
    ef_match_test *tests;
    uint32_t test_count;
} variable;

typedef struct matcher {
    ef_alloc *alloc;
    ef_arena fixed; /* what is never changed: variables, positions, lists */
    ef_pages *pages;
    ef_row_layout layout;
    uint32_t columns;
    uint32_t *kept, *kept_at; /* column <-> place in the layout */
    uint32_t kept_count;
    variable *variables;
    uint32_t variable_count;
    ef_match_position *positions;
    uint32_t position_count;
    uint32_t *follow;
    uint32_t start_from, start_count;
    uint64_t starts;     /* variables that may take a first row */
    bool starts_only_first; /* and only that of the partition */
    uint64_t *groups;
    uint32_t group_count;
    ef_match_capture *folds; /* aggregates that conditions read, each once */
    uint32_t fold_count;
    uint32_t step_size;      /* bytes of a step with its folds */
    ef_match_capture *outputs;
    uint32_t output_count;
    uint32_t history; /* rows before a match that captures may read */
    int64_t within;
    ef_match_skip skip;
    uint32_t skip_group;
    bool all_rows, is_single, timeouts;
    bool has_own; /* some variable has */
    uint16_t rank;
    ef_slots slots; /* of match_slot */
    ef_timers timers;
    ef_lag lag; /* with `within` */
    group_view *spare; /* block of an attempt that ended, for the next */
    uint32_t spare_capacity;
    uint64_t held; /* rows */
    ef_host *host;
    ef_random *random;
} matcher;

/* Rows put out in one call. A value of a single row is a handle first, all are gathered in the end. */
typedef struct found {
    uint32_t rows, capacity;
    int64_t *timestamp, *cause;
    uint32_t *slot;
    ef_handle **event; /* [outputs][rows] of VALUE captures */
    ef_column *made;   /* [outputs] of the others */
    uint32_t *ends;
    uint32_t deliveries;
    bool any_slot;
} found;

#define NO_ROW UINT32_MAX
#define NO_FOLD UINT32_MAX /* ef_match_capture.fold: computed over the rows when it is asked for */

typedef struct run {
    matcher *m;
    const ef_track *track;
    ef_out *out;
    ef_arena *arena;
    ef_error *error;
    const ef_batch *batch;
    ef_batch kept_view; /* the columns of the batch that are kept */
    uint64_t *passes;   /* [rows], NULL: all pass */
    uint32_t row, slot; /* NO_ROW: a timer */
    int64_t timestamp, cause, clock;
    found found;
} run;

typedef enum outcome { OUTCOME_WAITS, OUTCOME_FAILS, OUTCOME_MATCHES } outcome;

static inline match_slot *slot_at(const matcher *m, uint32_t slot) {
    return (match_slot *)((char *)m->slots.items + (size_t)slot * m->slots.item_size);
}

static inline held_row *row_at(const match_slot *s, uint64_t number) {
    return &s->rows[number & (s->row_capacity - 1u)];
}

static inline size_t groups_size(const matcher *m) {
    return (m->group_count * sizeof(group_view) + 7u) & ~(size_t)7u;
}

static inline step *step_at(const matcher *m, const attempt *a, uint32_t index) {
    return (step *)(void *)((char *)a->groups + groups_size(m) + (size_t)index * m->step_size);
}

/* The aggregates of conditions, after the step. */
static inline fold *folds_at(const matcher *m, const attempt *a, uint32_t index) {
    return (fold *)(void *)(step_at(m, a, index) + 1);
}

static inline size_t block_size(const matcher *m, uint32_t capacity) {
    return groups_size(m) + (size_t)capacity * m->step_size;
}

/* attempt.c */
ef_status attempt_begin(matcher *m, match_slot *s, uint64_t start, ef_error *error) EF_MUST_USE; /* behind the others */
void attempt_end(matcher *m, attempt *a); /* gives its block back; the caller takes it out of the list */
ef_status attempt_push(matcher *m, attempt *a, uint32_t position, ef_error *error) EF_MUST_USE;
void attempt_pop(const matcher *m, attempt *a);
/* Groups as they were when the first `depth` rows were taken; one row more. */
void attempt_view(const matcher *m, attempt *a, uint32_t depth);
void attempt_show(const matcher *m, attempt *a, uint32_t at);
/* Walks on. `closed`: no further row can take part. */
ef_status attempt_advance(run *r, match_slot *s, attempt *a, bool closed, outcome *result) EF_MUST_USE;
/* The rows that an attempt has taken, into the arena; and back, where it has failed since. */
ef_status attempt_remember(run *r, const attempt *a, const void **steps, uint32_t *depth) EF_MUST_USE;
void attempt_recall(const matcher *m, attempt *a, const void *steps, uint32_t depth);

/* Brings the aggregates of conditions up to a step; those of the step before are. */
void attempt_fold(const matcher *m, const match_slot *s, attempt *a, uint32_t index);

/* condition.c */
/* Whether the row that the last step took fits its variable. */
ef_status step_fits(run *r, match_slot *s, attempt *a, bool *fits) EF_MUST_USE;
ef_status find_passes(run *r) EF_MUST_USE;

/* capture.c */
/* The row that a capture means, EF_NO_HANDLE: none. */
ef_handle captured_row(const matcher *m, const match_slot *s, const attempt *a, const ef_match_capture *capture);
/* False: null, then the value is zero. */
bool captured_value(const matcher *m, const match_slot *s, const attempt *a, const ef_match_capture *capture, any_value *value);
ef_status matched_put(run *r, match_slot *s, attempt *a) EF_MUST_USE;
void matched_end(run *r);
ef_status matched_finish(run *r) EF_MUST_USE;

/* matcher.c */
ef_status slot_row(run *r, uint64_t passes) EF_MUST_USE;
ef_status slot_timer(run *r) EF_MUST_USE;
void slot_clear(matcher *m, match_slot *s);
void matcher_forget(matcher *m);
/* Sets the timer of a slot to the earliest due time of its attempts. Timers are reserved. */
void slot_set_timer(matcher *m, uint32_t slot);

#endif
