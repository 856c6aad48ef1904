/* Operators over tables.
 *
 *      table      rows that come in are inserted; puts out nothing
 *      contains   adds a BOOL column: whether the content has a row that fits
 *      lookup     for each row those of the content that fit: (row's columns, content's columns), one delivery a row
 *      change     updates, deletes, or updates or inserts rows of a table, row by row
 *      foreign    stands for the content of a node of another engine, for queries on demand */
#ifndef EF_TABLE_OPERATORS_H
#define EF_TABLE_OPERATORS_H

#include "graph/node.h"
#include "table/table.h"

extern const ef_operator_class ef_table_class;
extern const ef_operator_class ef_contains_class;
extern const ef_operator_class ef_lookup_class;
extern const ef_operator_class ef_change_class;
extern const ef_operator_class ef_foreign_class;

typedef enum ef_change_kind { EF_CHANGE_UPDATE = 0, EF_CHANGE_DELETE = 1, EF_CHANGE_UPSERT = 2, EF_CHANGE_INSERT = 3 } ef_change_kind;

/* Programs are taken. */
typedef struct ef_change_config {
    ef_change_kind kind;
    bool current, expired;       /* which rows act */
    ef_condition condition;
    ef_program *set;             /* columns of the row, then of the table -> new values; NULL: nothing is set */
    const uint32_t *set_columns; /* of the table, one for each output of `set` */
    uint32_t set_count;
    uint32_t outside;            /* tables outside: number of the change that the store has compiled; 0: none */
    bool keeps_quietly;          /* upsert: a row whose primary key is taken is no error */
} ef_change_config;

ef_status ef_contains_create(ef_engine *engine, ef_alloc *alloc, ef_probe *probe, void **self, ef_error *error) EF_MUST_USE;
ef_status ef_lookup_create(ef_engine *engine, ef_alloc *alloc, ef_probe *probe, uint32_t columns, bool outer, void **self,
                           ef_error *error) EF_MUST_USE;
/* The probe is taken as well. */
ef_status ef_change_create(ef_engine *engine, ef_alloc *alloc, ef_table *table, ef_probe *probe, ef_change_config *config,
                           void **self, ef_error *error) EF_MUST_USE;
/* The rows of the batch that act, of the wanted kinds; *places: which rows of the batch they are, NULL: all. */
ef_status ef_change_acting(const ef_batch *batch, bool current, bool expired, ef_batch *chosen, const uint32_t **places,
                           ef_arena *arena, ef_error *error) EF_MUST_USE;
/* Rows that the last call changed, removed or inserted. */
uint64_t ef_change_touched(const void *self);

#endif
