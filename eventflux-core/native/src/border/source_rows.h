/* Rows given as columns of the outside: one source column an attribute, timestamps beside them. Filled column by column, checked as a
 * whole, then pushed slice by slice (host/input.c).
 *
 * Nothing here wants a lock. The memory that columns point to stays the caller's until the rows are freed. */
#ifndef EF_BORDER_SOURCE_ROWS_H
#define EF_BORDER_SOURCE_ROWS_H

#include "border/arrow.h"

typedef struct ef_source_rows {
    ef_alloc *alloc;
    ef_arena arena;                /* what columns packed from Python lists, and dictionaries, lie in */
    ef_source_column *column;      /* [columns + 1]: the last one holds the timestamps, if has_timestamps */
    ef_source_column *dictionary;  /* [columns + 1] */
    uint32_t columns;
    int64_t rows;                  /* < 0: no column was set yet */
    bool has_timestamps;
    bool has_moment;               /* one timestamp for all rows */
    int64_t moment;
} ef_source_rows;

ef_source_rows *ef_source_rows_new(ef_alloc *alloc, uint32_t columns, const ef_type *types) EF_MUST_USE;
void ef_source_rows_free(ef_source_rows *rows);

/* Column `index` (index == columns: the timestamps) from plain memory. `mask`: bytes, not 0 = null, or NULL. `unit`: elements of a value (UCS4). */
ef_status ef_source_rows_buffer(ef_source_rows *rows, uint32_t index, int layout, const void *values, int64_t size,
                                int64_t count, int64_t unit, const void *mask, ef_error *error) EF_MUST_USE;
/* ... from an Arrow array of its own. */
ef_status ef_source_rows_array(ef_source_rows *rows, uint32_t index, const struct ArrowSchema *schema,
                               const struct ArrowArray *array, ef_error *error) EF_MUST_USE;
/* ... from field `field` of a struct array. */
ef_status ef_source_rows_field(ef_source_rows *rows, uint32_t index, const struct ArrowSchema *schema,
                               const struct ArrowArray *array, int64_t field, ef_error *error) EF_MUST_USE;
/* ... from several Arrow arrays, one behind another; the values are brought together. */
ef_status ef_source_rows_chunks(ef_source_rows *rows, uint32_t index, const struct ArrowSchema *schema,
                                const struct ArrowArray *arrays, int64_t count, ef_error *error) EF_MUST_USE;
/* ... from a native column in the rows' own arena. */
ef_status ef_source_rows_native(ef_source_rows *rows, uint32_t index, const ef_column *column, int64_t count,
                                ef_error *error) EF_MUST_USE;
void ef_source_rows_moment(ef_source_rows *rows, int64_t moment);

/* All values. *column, *row: where the first fault is. */
ef_source_fault ef_source_rows_check(ef_source_rows *rows, uint32_t *column, int64_t *row);

/* Rows [from, from + count) as a batch of stream meaning; memory of the sources or the arena. False: out of memory. */
bool ef_source_rows_slice(const ef_source_rows *rows, int64_t from, uint32_t count, ef_arena *arena,
                          ef_batch *batch) EF_MUST_USE;

/* ---- walking Arrow structs from Python ---- */
int64_t ef_arrow_fields(const struct ArrowSchema *schema); /* -1: not a struct */
const char *ef_arrow_field_name(const struct ArrowSchema *schema, int64_t field);
const char *ef_arrow_field_format(const struct ArrowSchema *schema, int64_t field);
int64_t ef_arrow_length(const struct ArrowArray *array);
/* Whether some of its rows are null as a whole. */
bool ef_arrow_has_nulls(const struct ArrowArray *array);
/* 0, or the stream's errno; the text is the stream's. */
int ef_arrow_stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *schema);
int ef_arrow_stream_next(struct ArrowArrayStream *stream, struct ArrowArray *array);
const char *ef_arrow_stream_error(struct ArrowArrayStream *stream);
bool ef_arrow_is_end(const struct ArrowArray *array); /* the stream is over */
struct ArrowSchema *ef_arrow_schema_new(ef_alloc *alloc);
void ef_arrow_schema_free(ef_alloc *alloc, struct ArrowSchema *schema);
/* Room for `count` arrays, all released; freeing releases those that are not. */
struct ArrowArray *ef_arrow_arrays_new(ef_alloc *alloc, int64_t count);
void ef_arrow_arrays_free(ef_alloc *alloc, struct ArrowArray *arrays, int64_t count);
void ef_arrow_release(struct ArrowArray *array);
struct ArrowArray *ef_arrow_array_at(struct ArrowArray *arrays, int64_t index);

#endif
