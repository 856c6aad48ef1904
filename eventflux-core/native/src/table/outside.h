/* Tables whose rows are outside the engine: in a database, or in an object of the host.
 *
 *      probe rows ──keys──> parameters ──host──> rows ──residual──> found
 *
 * The planner has the store compile what it can of each condition and change, once; the engine knows these by number, computes their parameters for all rows
 * of a batch, and makes one call. What the store did not take is the residual, tested here on the rows that it gave. A change of which the store took the
 * condition and all new values is one call for a batch, in the order of its rows; else rows are found, changed here, and put in place of the old ones,
 * row by row.
 *
 * A call of the host that fails as a whole (EF_ROW) costs the rows of its batch: they leave by the error edge. The store's rows are no part of snapshots,
 * but what the host says it keeps itself is. */
#ifndef EF_TABLE_OUTSIDE_H
#define EF_TABLE_OUTSIDE_H

#include "table/operators.h"

typedef enum ef_outside_act {
    EF_OUTSIDE_INSERT = 0,  /* rows */
    EF_OUTSIDE_CHANGE = 1,  /* rows are parameters of change `number`; `more`, if not NULL, those to insert where one finds nothing */
    EF_OUTSIDE_REPLACE = 2, /* rows by those of `more` */
    EF_OUTSIDE_REMOVE = 3   /* rows */
} ef_outside_act;

/* The host's side of one table. EF_ROW: the call failed, `error` says why. Arrays given back are in the arena. Engine lock held. */
typedef struct ef_outside_host {
    void *context;
    /* Rows that fit condition `number` (0: all rows) for each row of parameters: probe rising, and columns. */
    ef_status(EF_MUST_USE *find)(void *context, uint32_t number, const ef_batch *parameters, ef_arena *arena, ef_found *found,
                      ef_error *error);
    ef_status(EF_MUST_USE *contains)(void *context, uint32_t number, const ef_batch *parameters, uint8_t *matches, ef_error *error);
    /* Rows that fail alone go to out's error edge; *touched: rows of the table inserted, changed, removed. */
    ef_status(EF_MUST_USE *act)(void *context, ef_outside_act act, uint32_t number, const ef_batch *rows, const ef_batch *more,
                     ef_out *out, uint64_t *touched, ef_error *error);
    ef_status(EF_MUST_USE *save)(void *context, ef_writer *writer, ef_error *error);
    ef_status(EF_MUST_USE *load)(void *context, ef_reader *reader, ef_error *error);
} ef_outside_host;

typedef struct ef_outside {
    ef_alloc *alloc;
    const ef_outside_host *host; /* borrow: outlives the engine */
    ef_content content;
} ef_outside;

extern const ef_operator_class ef_outside_class;
extern const ef_operator_class ef_outside_change_class;

/* `types` is borrowed: it lives as long as the node. */
ef_status ef_outside_new(const ef_outside_host *host, uint32_t columns, const ef_type *types, ef_alloc *alloc, ef_outside **made,
                         ef_error *error) EF_MUST_USE;
/* The table behind a content, NULL: it is none of these. */
ef_outside *ef_content_outside(const ef_content *content);

/* As ef_change_create. The parameters of a change that the store has compiled are the keys of its condition. */
ef_status ef_outside_change_create(ef_engine *engine, ef_alloc *alloc, ef_outside *table, ef_change_config *config, void **self,
                                   ef_error *error) EF_MUST_USE;
uint64_t ef_outside_change_touched(const void *self);

/* Outputs of `keys` (NULL: none) for all rows, as a batch. */
ef_status ef_outside_parameters(const ef_program *keys, const ef_batch *rows, ef_run *run, ef_batch *parameters,
                                ef_error *error) EF_MUST_USE;
/* All rows of the batch failed for one reason. */
ef_status ef_outside_fail_rows(ef_out *out, uint32_t rows, const char *message, ef_error *error) EF_MUST_USE;

#endif
