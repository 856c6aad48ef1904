/* Content: rows that can be searched beside the edges of the graph (a table, what a window holds, the buckets of an aggregation), and
 * conditions compiled for it.
 *
 *      probe rows ──keys──> probe ──candidates──> residual ──> found: (probe row, content row) pairs
 *
 * A condition is split by the planner at `and`: conjuncts `content.column = f(probe row)` and `content.column < f(probe row)` may use an index;
 * whatever is left is the residual, a program over the columns of the probe row followed by those of the content row. The result never depends on
 * which index was used: found rows come by probe row, and for each in the content's own order. */
#ifndef EF_JOIN_CONTENT_H
#define EF_JOIN_CONTENT_H

#include "expr/program.h"

typedef enum ef_comparison { EF_EQUAL, EF_LESS, EF_LESS_EQUAL, EF_GREATER, EF_GREATER_EQUAL } ef_comparison;

/* content column <comparison> key; the planner has converted both to the column's type. A null key or column never matches. */
typedef struct ef_conjunct {
    ef_comparison comparison;
    uint32_t column; /* of the content */
    uint32_t key;    /* output of `keys` */
} ef_conjunct;

/* Programs are taken by compile(), also when it fails. */
typedef struct ef_condition {
    ef_program *keys; /* probe columns -> key values; NULL without conjuncts */
    const ef_conjunct *conjuncts;
    uint32_t conjunct_count;
    uint32_t outside; /* tables outside: number of what the store has compiled, with the outputs of `keys` as parameters; 0: nothing */
    ef_program *residual; /* probe columns, then content columns -> BOOL; NULL: nothing is left to test */
} ef_condition;

/* Pairs found, in the slice arena. */
typedef struct ef_found {
    uint32_t count;
    uint32_t *probe;   /* [count] row of the probe batch, rising */
    ef_column *column; /* [content columns] values of the content row of each pair; there, with their types, without pairs too */
    int64_t *timestamps;
    ef_handle *handles; /* [count] of the content rows, where it has handles (tables); else NULL */
} ef_found;

/* A compiled condition. */
typedef struct ef_probe ef_probe;
struct ef_probe {
    /* Rows probes[0..rows) of one batch against the content as it is now, in the slot of each probe row. Failed rows go to run->out's error edge. */
    ef_status(EF_MUST_USE *find)(ef_probe *self, const ef_batch *probes, ef_run *run, ef_found *found, ef_error *error);
    /* matches[i] = 1 when probe row i finds a row. */
    ef_status(EF_MUST_USE *contains)(ef_probe *self, const ef_batch *probes, ef_run *run, uint8_t *matches, ef_error *error);
    void (*destroy)(ef_probe *self);
    const char *index; /* for explain: "primary key (id)", "hash index (k)", "scan" */
};

typedef struct ef_content ef_content;
struct ef_content {
    void *self;
    uint32_t columns;
    const ef_type *types;
    int32_t shared; /* of ef_engine_shared, -1: private to one operator */
    bool is_steady; /* what a row finds depends on its own clock at most, and finding fails for no other reason than memory: rows may be searched together */
    /* The probe lives no longer than the content. */
    ef_status(EF_MUST_USE *compile)(ef_content *content, ef_condition *condition, ef_alloc *alloc, ef_probe **probe,
                        ef_error *error);
};

/* The content of a node made by a table, a named window or an aggregation; NULL when it has none. Each part that makes such nodes sets it. */
typedef struct ef_engine ef_engine; /* graph/engine.h */
ef_content *ef_engine_content(const ef_engine *engine, int32_t node);

#endif
