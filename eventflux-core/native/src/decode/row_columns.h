/* Columns that a decoder fills row by row, and the batch over them.
 *
 *      cells of row `rows` are being written        rows before it are committed
 *      column 0   [ v v v v v . . . ]   values of the column's type, capacity of them
 *      validity 0 [ 1 1 0 1 1 1 1 1 ]   all ones until a committed null; NULL while the column has none
 *
 * A cell that was not set when the row is committed is null. A row that fails is simply not committed: its cells are overwritten.
 * Strings are views: of the text being decoded (the caller keeps it while the batch is used) or of `text`, which is given back by
 * ef_row_columns_reset.
 *
 * Set and commit are O(1); no allocation after the first batch. */
#ifndef EF_DECODE_ROW_COLUMNS_H
#define EF_DECODE_ROW_COLUMNS_H

#include "batch/batch.h"

/* Where a row's time comes from. */
typedef enum ef_time_form {
    EF_TIME_NONE = 0,
    EF_TIME_EPOCH = 1, /* a LONG or INT column, value * multiplier / divisor (floored) is milliseconds */
    EF_TIME_ISO = 2    /* a STRING column with ISO 8601 texts; without a zone UTC */
} ef_time_form;

typedef struct ef_time_field {
    ef_time_form form;
    uint32_t column;
    int64_t multiplier;
    int64_t divisor;
} ef_time_field;

typedef struct ef_row_columns {
    ef_alloc *alloc;
    ef_arena text;         /* unescaped strings */
    uint32_t columns;      /* all that are filled */
    uint32_t visible;      /* those of the batch: the first ones */
    uint32_t capacity;     /* rows */
    uint32_t rows;         /* committed */
    ef_column *column;     /* [columns]; validity is bitmaps[c] or NULL */
    uint8_t **bitmaps;     /* [columns] of ef_bitmap_size(capacity) bytes */
    uint64_t *seen;        /* bit c: cell c of the open row has been set */
    uint32_t seen_words;
    int64_t *timestamps;   /* [capacity], with a time field */
    ef_time_field time;
    ef_batch batch;
} ef_row_columns;

/* Why decoding stopped, and how far it got. */
typedef struct ef_decode_result {
    uint32_t rows;      /* in the batch */
    uint32_t lines;     /* whole lines passed, empty ones too, the rejected one not */
    size_t consumed;    /* bytes passed, up to the rejected line */
    bool is_rejected;   /* the line at `consumed` is not for this decoder */
    size_t rejected;    /* its bytes, where no line feed tells them */
} ef_decode_result;

/* types: [columns], none of them OBJECT. visible <= columns: the rest serves the time field only. */
ef_status ef_row_columns_init(ef_row_columns *self, ef_alloc *alloc, uint32_t columns, uint32_t visible,
                              const ef_type *types, uint32_t capacity, const ef_time_field *time, ef_error *error) EF_MUST_USE;
void ef_row_columns_clear(ef_row_columns *self); /* also after a failed init */
/* Forgets all rows and the strings in `text`. */
void ef_row_columns_reset(ef_row_columns *self);
/* The committed rows; valid until the next reset. */
const ef_batch *ef_row_columns_batch(ef_row_columns *self);

static inline void ef_row_open(ef_row_columns *self) {
    for (uint32_t i = 0; i < self->seen_words; i++) {
        self->seen[i] = 0;
    }
}

static inline void ef_cell_seen(ef_row_columns *self, uint32_t column) {
    self->seen[column >> 6] |= (uint64_t)1 << (column & 63u);
}

static inline void ef_cell_null(ef_row_columns *self, uint32_t column) {
    self->seen[column >> 6] &= ~((uint64_t)1 << (column & 63u));
}

static inline bool ef_cell_is_seen(const ef_row_columns *self, uint32_t column) {
    return (self->seen[column >> 6] >> (column & 63u)) & 1u;
}

/* Ends the open row: what is not seen is null. False: the row's time is missing or none; the row is not committed. */
bool ef_row_commit(ef_row_columns *self) EF_MUST_USE;

#endif
