/* Retained rows: a batch row in row form in a page store.
 *
 *      0            8            12        12+nulls        (8-aligned fields, widest first)
 *      [ timestamp ][ next: u32 ][ valid bits ... pad ][ field ][ field ] ...
 *
 * `next` links rows into lists (a window's queue, a group's chain); the owner uses it as it likes. A string field is an ef_str whose
 * long form holds a handle instead of a pointer:
 *      [ length ][ prefix: 4 ][ handle: u32 ][ 0 ]
 * The block behind it holds the bytes and belongs to this one row. OBJECT fields alike. */
#ifndef EF_PAGES_ROWS_H
#define EF_PAGES_ROWS_H

#include "batch/batch.h"
#include "pages/pages.h"

typedef struct ef_row_layout {
    uint32_t size;        /* bytes of a row's block */
    uint32_t columns;
    uint32_t *offset;     /* [columns] of each field */
    ef_type *type;        /* [columns] */
    bool has_strings;
    uint32_t fields_size;
} ef_row_layout;

#define EF_ROW_TIMESTAMP 0u
#define EF_ROW_NEXT 8u
#define EF_ROW_VALID 12u

ef_status ef_row_layout_init(ef_row_layout *layout, uint32_t columns, const ef_type *types, ef_alloc *alloc,
                             ef_error *error) EF_MUST_USE;
void ef_row_layout_clear(ef_row_layout *layout, ef_alloc *alloc);

static inline int64_t ef_row_timestamp(const char *row) {
    int64_t timestamp;
    memcpy(&timestamp, row + EF_ROW_TIMESTAMP, sizeof timestamp);
    return timestamp;
}

static inline ef_handle ef_row_next(const char *row) {
    ef_handle next;
    memcpy(&next, row + EF_ROW_NEXT, sizeof next);
    return next;
}

static inline void ef_row_set_next(char *row, ef_handle next) {
    memcpy(row + EF_ROW_NEXT, &next, sizeof next);
}

static inline bool ef_row_is_null(const char *row, uint32_t column) {
    return !ef_bit((const uint8_t *)row + EF_ROW_VALID, column);
}

/* Keeps row `index` of `batch` (all columns, in the layout's order); next = EF_NO_HANDLE. On failure nothing is kept. */
ef_status ef_row_keep(ef_pages *pages, const ef_row_layout *layout, const ef_batch *batch, uint32_t index,
                      ef_handle *handle, ef_error *error) EF_MUST_USE;
/* The same of some columns: field c is column chosen[c] of the batch; NULL: column c. */
ef_status ef_row_keep_chosen(ef_pages *pages, const ef_row_layout *layout, const ef_batch *batch, const uint32_t *chosen,
                             uint32_t index, ef_handle *handle, ef_error *error) EF_MUST_USE;
/* Keeps rows [from, from + count), handles[0..count), column by column; all or none. */
ef_status ef_rows_keep(ef_pages *pages, const ef_row_layout *layout, const ef_batch *batch, uint32_t from,
                       uint32_t count, ef_handle *handles, ef_error *error) EF_MUST_USE;
/* Keeps rows[0..count) likewise. */
ef_status ef_rows_keep_some(ef_pages *pages, const ef_row_layout *layout, const ef_batch *batch, const uint32_t *rows,
                              uint32_t count, ef_handle *handles, ef_error *error) EF_MUST_USE;
/* Gives the row and its strings back (readable until the reclaim). */
void ef_row_drop(ef_pages *pages, const ef_row_layout *layout, ef_handle handle);

/* Believing loaded handles. `seen` has a bit for each place a block can start at, so that a block with two owners is found. */
typedef struct ef_row_checker {
    const ef_pages *pages;
    const ef_row_layout *layout;
    ef_alloc *alloc;
    uint8_t *seen;
    size_t seen_size;
} ef_row_checker;

ef_status ef_row_checker_init(ef_row_checker *checker, const ef_pages *pages, const ef_row_layout *layout,
                              ef_alloc *alloc, ef_error *error) EF_MUST_USE;
void ef_row_checker_clear(ef_row_checker *checker);
/* True when `handle` is a taken block of that size which was not asked for before: for blocks that are no rows. */
bool ef_row_checker_claim(ef_row_checker *checker, ef_handle handle, uint32_t size);
/* EF_CORRUPT unless `handle` is a taken block of the layout's size that was not asked for before, its booleans are 0 or 1 and its
 * strings are such blocks too, of valid UTF-8. */
ef_status ef_row_check(ef_row_checker *checker, ef_handle handle, ef_error *error) EF_MUST_USE;

/* Reads field `column` of a row. A string's view is valid until the slice ends. Returns false for null (value zeroed). */
bool ef_row_read(const ef_pages *pages, const ef_row_layout *layout, const char *row, uint32_t column, void *value);
/* View of a retained string field; its bytes stay readable until the slice ends. */
ef_str ef_row_string(const ef_pages *pages, const char *field);

/* One column of many retained rows, gathered: to->values[i] = field `column` of handles[i]; EF_NO_HANDLE gives null. */
bool ef_rows_gather(ef_column *to, const ef_pages *pages, const ef_row_layout *layout, uint32_t column,
                    const ef_handle *handles, uint32_t count, ef_arena *arena) EF_MUST_USE;
/* All columns of many retained rows, to[layout->columns]; every handle is one. */
bool ef_rows_gather_all(ef_column *to, const ef_pages *pages, const ef_row_layout *layout, const ef_handle *handles,
                        uint32_t count, ef_arena *arena) EF_MUST_USE;

#endif
