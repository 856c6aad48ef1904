#include "border/source_rows.h"

struct ArrowSchema {
    ...;
};
struct ArrowArray {
    ...;
};
struct ArrowArrayStream {
    ...;
};
typedef enum { EF_SOURCE_GOOD, EF_SOURCE_RANGE, EF_SOURCE_TEXT, EF_SOURCE_LAYOUT, EF_SOURCE_MEMORY, ... } ef_source_fault;
enum {
    EF_LAYOUT_NULLS, EF_LAYOUT_BOOL_BYTES, EF_LAYOUT_INT8, EF_LAYOUT_INT16, EF_LAYOUT_INT32, EF_LAYOUT_INT64, EF_LAYOUT_UINT8,
    EF_LAYOUT_UINT16, EF_LAYOUT_UINT32, EF_LAYOUT_UINT64, EF_LAYOUT_FLOAT16, EF_LAYOUT_FLOAT32, EF_LAYOUT_FLOAT64,
    EF_LAYOUT_UCS4, ...
};
typedef struct ef_source_rows ef_source_rows;
ef_source_rows *ef_source_rows_new(ef_alloc *alloc, uint32_t columns, const ef_type *types);
void ef_source_rows_free(ef_source_rows *rows);
ef_status ef_source_rows_buffer(ef_source_rows *rows, uint32_t index, int layout, const void *values, int64_t size,
                                int64_t count, int64_t unit, const void *mask, ef_error *error);
ef_status ef_source_rows_array(ef_source_rows *rows, uint32_t index, const struct ArrowSchema *schema,
                               const struct ArrowArray *array, ef_error *error);
ef_status ef_source_rows_field(ef_source_rows *rows, uint32_t index, const struct ArrowSchema *schema,
                               const struct ArrowArray *array, int64_t field, ef_error *error);
ef_status ef_source_rows_chunks(ef_source_rows *rows, uint32_t index, const struct ArrowSchema *schema,
                                const struct ArrowArray *arrays, int64_t count, ef_error *error);
void ef_source_rows_moment(ef_source_rows *rows, int64_t moment);
ef_source_fault ef_source_rows_check(ef_source_rows *rows, uint32_t *column, int64_t *row);

int64_t ef_arrow_fields(const struct ArrowSchema *schema);
const char *ef_arrow_field_name(const struct ArrowSchema *schema, int64_t field);
const char *ef_arrow_field_format(const struct ArrowSchema *schema, int64_t field);
int64_t ef_arrow_length(const struct ArrowArray *array);
bool ef_arrow_has_nulls(const struct ArrowArray *array);
int ef_arrow_stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *schema);
int ef_arrow_stream_next(struct ArrowArrayStream *stream, struct ArrowArray *array);
const char *ef_arrow_stream_error(struct ArrowArrayStream *stream);
bool ef_arrow_is_end(const struct ArrowArray *array);
struct ArrowSchema *ef_arrow_schema_new(ef_alloc *alloc);
void ef_arrow_schema_free(ef_alloc *alloc, struct ArrowSchema *schema);
struct ArrowArray *ef_arrow_arrays_new(ef_alloc *alloc, int64_t count);
void ef_arrow_arrays_free(ef_alloc *alloc, struct ArrowArray *arrays, int64_t count);
struct ArrowArray *ef_arrow_array_at(struct ArrowArray *arrays, int64_t index);
void ef_arrow_release(struct ArrowArray *array);
