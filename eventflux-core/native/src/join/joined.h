/* Joined rows under construction: columns of the left side, then of the right, in the slice arena, row by row. */
#ifndef EF_JOIN_JOINED_H
#define EF_JOIN_JOINED_H

#include "join/mirror.h"

typedef struct ef_joined {
    ef_arena *arena;
    ef_column *column; /* [columns] */
    uint32_t columns;
    int64_t *timestamps;
    int64_t *causes;
    uint8_t *kinds;
    uint32_t *slots;
    uint32_t *ends;
    uint32_t rows, capacity, deliveries;
    bool any_not_current, any_slot;
} ef_joined;

ef_status ef_joined_init(ef_joined *joined, uint32_t columns, const ef_type *types, ef_arena *arena, ef_error *error) EF_MUST_USE;

/* A row of kind, timestamp, cause and slot whose values are all null; its number. Fill it with the functions below. */
ef_status ef_joined_add(ef_joined *joined, uint8_t kind, int64_t timestamp, int64_t cause, uint32_t slot, ef_error *error) EF_MUST_USE;
/* Values [at, at + batch->columns) of the last row, from a row of a batch. */
ef_status ef_joined_put_batch(ef_joined *joined, uint32_t at, const ef_batch *batch, uint32_t row, ef_error *error) EF_MUST_USE;
/* The same from columns, and from a held row. */
ef_status ef_joined_put_columns(ef_joined *joined, uint32_t at, const ef_column *columns, uint32_t count, uint32_t row,
                                ef_error *error) EF_MUST_USE;
ef_status ef_joined_put_held(ef_joined *joined, uint32_t at, const ef_mirror *mirror, ef_handle row, ef_error *error) EF_MUST_USE;
/* Nulls: values [at, at + count) of the last row. */
ef_status ef_joined_put_nulls(ef_joined *joined, uint32_t at, uint32_t count, ef_error *error) EF_MUST_USE;
/* Ends the delivery, if it has rows. */
void ef_joined_end(ef_joined *joined);
/* All rows as one batch of batch chunks. */
void ef_joined_finish(const ef_joined *joined, ef_batch *to);

#endif
