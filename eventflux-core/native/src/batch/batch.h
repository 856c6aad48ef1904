/* Batches in practice: widths, bitmaps, views, deliveries. Layout in eventflux.h. */
#ifndef EF_BATCH_BATCH_H
#define EF_BATCH_BATCH_H

#include "base/string_view.h"

#define EF_SLICE_ROWS 4096u

static inline size_t ef_type_width(ef_type type) {
    switch (type) {
    case EF_BOOL:
        return 1;
    case EF_INT:
    case EF_FLOAT:
        return 4;
    case EF_LONG:
    case EF_DOUBLE:
        return 8;
    case EF_STRING:
    case EF_OBJECT:
        return 16;
    }
    return 0;
}

static inline bool ef_bit(const uint8_t *bits, uint32_t i) {
    return (bits[i >> 3] >> (i & 7u)) & 1u;
}

static inline void ef_bit_set(uint8_t *bits, uint32_t i) {
    bits[i >> 3] = (uint8_t)(bits[i >> 3] | (1u << (i & 7u)));
}

static inline void ef_bit_clear(uint8_t *bits, uint32_t i) {
    bits[i >> 3] = (uint8_t)(bits[i >> 3] & ~(1u << (i & 7u)));
}

static inline size_t ef_bitmap_size(uint32_t rows) {
    return ((size_t)rows + 7u) / 8u;
}

static inline bool ef_is_null(const ef_column *column, uint32_t row) {
    return column->validity != NULL && !ef_bit(column->validity, row);
}

static inline uint8_t ef_row_kind(const ef_batch *batch, uint32_t row) {
    return batch->kinds != NULL ? batch->kinds[row] : (uint8_t)EF_CURRENT;
}

static inline int64_t ef_row_cause(const ef_batch *batch, uint32_t row) {
    return batch->causes != NULL ? batch->causes[row] : EF_CAUSE(0, EF_RANK_LAST, 0);
}

static inline uint32_t ef_row_slot(const ef_batch *batch, uint32_t row) {
    return batch->slots != NULL ? batch->slots[row] : 0;
}

/* Clock of the step that caused the row. */
static inline int64_t ef_row_clock(const ef_batch *batch, uint32_t row, const ef_track *track) {
    return track->clock[track->steps > 1 && batch->causes != NULL ? EF_CAUSE_STEP(batch->causes[row]) : 0];
}

static inline uint32_t ef_deliveries(const ef_batch *batch) {
    return batch->rows == 0                 ? 0
           : batch->form == EF_EACH_ROW ? batch->rows
           : batch->form == EF_WHOLE    ? 1
                                        : batch->deliveries;
}

/* End (exclusive row) of delivery d. */
static inline uint32_t ef_delivery_end(const ef_batch *batch, uint32_t d) {
    return batch->form == EF_EACH_ROW ? d + 1 : batch->form == EF_WHOLE ? batch->rows : batch->ends[d];
}

/* A view of rows [from, from + count) of `batch` as one delivery (EF_WHOLE). Validity bitmaps that do not start on a byte are
 * shifted into the arena, as are column headers. False: out of memory. */
bool ef_batch_view(ef_batch *view, const ef_batch *batch, uint32_t from, uint32_t count, ef_arena *arena) EF_MUST_USE;

/* Rows `rows[0..count)` of `batch`, gathered densely into the arena; timestamps, kinds, causes, slots follow; deliveries are
 * recomputed (empty ones vanish). `rows` must rise. */
bool ef_batch_gather(ef_batch *to, const ef_batch *batch, const uint32_t *rows, uint32_t count,
                     ef_arena *arena) EF_MUST_USE;

/* Gathers one column. */
bool ef_column_gather(ef_column *to, const ef_column *from, const uint32_t *rows, uint32_t count,
                      ef_arena *arena) EF_MUST_USE;

#endif
