/* The Arrow C data and C stream interfaces: structs fixed by the specification
 * (https://arrow.apache.org/docs/format/CDataInterface.html), and what we make of them. */
#ifndef EF_BORDER_ARROW_H
#define EF_BORDER_ARROW_H

#include "border/source_column.h"
#include "graph/block.h"

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

#endif

/* Describes rows [offset, offset + rows) of an array as a column for attributes of type `target`; memory stays the array's. `dictionary` gets the
 * dictionary of a dictionary-encoded array. EF_INVALID: a layout that cannot become the type. */
ef_status ef_arrow_column(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t offset, int64_t rows,
                          ef_type target, ef_source_column *column, ef_source_column *dictionary,
                          ef_error *error) EF_MUST_USE;

/* Rows start, start + step, ... (count of them), the first `columns` columns, of a block as a struct array: a field an attribute. Numbers of a plain run are shared with the block,
 * which the array holds; all else is copied. The structs are filled for the caller, who releases them. */
ef_status ef_arrow_export_array(ef_block *block, uint32_t columns, int64_t start, int64_t count, int64_t step,
                                struct ArrowArray *array, ef_error *error) EF_MUST_USE;
ef_status ef_arrow_export_schema(ef_block *block, uint32_t columns, const char *const *names, struct ArrowSchema *schema,
                                 ef_error *error) EF_MUST_USE;
/* A stream of that one array of the block; takes both. */
ef_status ef_arrow_export_stream(ef_block *block, struct ArrowSchema *schema, struct ArrowArray *array,
                                 struct ArrowArrayStream *stream, ef_error *error) EF_MUST_USE;

#endif
