/* Blocks -> Arrow struct arrays.
 *
 *      struct (no buffers but validity, absent)
 *        ├ BOOL    'b'  bits            copied
 *        ├ INT 'i', LONG 'l', FLOAT 'f', DOUBLE 'g'   shared with the block where rows follow each other, else copied
 *        ├ STRING  'u'  int32 offsets, bytes ('U', int64, where they are 2 GiB or more)     copied
 *        └ OBJECT  'z'  msgpack bytes ('Z')                copied
 *
 * Each child stands alone: consumers may move it out of its parent. So each has its own private part: its buffers' memory and a
 * hold on the block. Allocations are counted under the block's budget and freed by whichever thread releases last. */
#include "border/arrow.h"

typedef struct column_part {
    ef_block *block;        /* held: shared memory, and the budget of the rest */
    const void *buffers[3];
    void *owned[3];         /* memory of this array: validity, offsets or values, bytes */
    size_t owned_size[3];
} column_part;

typedef struct parent_part {
    ef_block *block;
    const void *buffers[1];
    struct ArrowArray **children;
    int64_t count;
} parent_part;

static void column_release(struct ArrowArray *array) {
    column_part *part = array->private_data;
    ef_block *block = part->block;
    ef_alloc *alloc = block->alloc;
    for (int i = 0; i < 3; i++) {
        ef_free(alloc, part->owned[i], part->owned_size[i]);
    }
    ef_free(alloc, part, sizeof *part);
    array->release = NULL;
    ef_block_release(block); /* last: the budget may go with it */
}

static void parent_release(struct ArrowArray *array) {
    parent_part *part = array->private_data;
    ef_block *block = part->block;
    ef_alloc *alloc = block->alloc;
    for (int64_t i = 0; i < part->count; i++) {
        struct ArrowArray *child = part->children[i];
        if (child != NULL) {
            if (child->release != NULL) { /* not moved out */
                child->release(child);
            }
            ef_free(alloc, child, sizeof *child);
        }
    }
    if (part->children != NULL) {
        ef_free(alloc, part->children, (size_t)part->count * sizeof *part->children);
    }
    ef_free(alloc, part, sizeof *part);
    array->release = NULL;
    ef_block_release(block);
}

typedef struct rows {
    int64_t start, count, step;
} rows;

static inline uint32_t row_at(const rows *which, int64_t i) {
    return (uint32_t)(which->start + i * which->step);
}

static void *own(column_part *part, int slot, size_t size) {
    part->owned[slot] = ef_malloc(part->block->alloc, size > 0 ? size : 1);
    part->owned_size[slot] = size > 0 ? size : 1;
    part->buffers[slot] = part->owned[slot];
    return part->owned[slot];
}

static bool export_validity(column_part *part, const ef_column *column, const rows *which, int64_t *nulls) {
    *nulls = 0;
    for (int64_t i = 0; column->validity != NULL && i < which->count; i++) {
        *nulls += !ef_bit(column->validity, row_at(which, i));
    }
    if (*nulls == 0) {
        return true;
    }
    size_t size = ef_bitmap_size((uint32_t)which->count);
    uint8_t *bits = own(part, 0, size);
    if (bits == NULL) {
        return false;
    }
    memset(bits, 0, size);
    for (int64_t i = 0; i < which->count; i++) {
        if (ef_bit(column->validity, row_at(which, i))) {
            ef_bit_set(bits, (uint32_t)i);
        }
    }
    return true;
}

static bool export_bools(column_part *part, const ef_column *column, const rows *which) {
    size_t size = ef_bitmap_size((uint32_t)which->count);
    uint8_t *bits = own(part, 1, size);
    if (bits == NULL) {
        return false;
    }
    memset(bits, 0, size);
    for (int64_t i = 0; i < which->count; i++) {
        if (((const uint8_t *)column->values)[row_at(which, i)] != 0) {
            ef_bit_set(bits, (uint32_t)i);
        }
    }
    return true;
}

static bool export_numbers(column_part *part, const ef_column *column, const rows *which) {
    size_t width = ef_type_width(column->type);
    if (which->step == 1) {
        part->buffers[1] = (const char *)column->values + (size_t)which->start * width;
        return true;
    }
    char *values = own(part, 1, (size_t)which->count * width);
    for (int64_t i = 0; values != NULL && i < which->count; i++) {
        memcpy(values + (size_t)i * width, (const char *)column->values + (size_t)row_at(which, i) * width, width);
    }
    return values != NULL;
}

static bool is_large(const ef_column *column, const rows *which) {
    uint64_t total = 0;
    for (int64_t i = 0; i < which->count; i++) {
        total += ((const ef_str *)column->values)[row_at(which, i)].length;
    }
    return total > INT32_MAX;
}

static bool export_text(column_part *part, const ef_column *column, const rows *which, bool large) {
    const ef_str *strings = column->values;
    size_t total = 0;
    for (int64_t i = 0; i < which->count; i++) {
        uint32_t row = row_at(which, i);
        total += ef_is_null(column, row) ? 0 : strings[row].length;
    }
    size_t entries = (size_t)which->count + 1;
    void *offsets = own(part, 1, entries * (large ? 8 : 4));
    char *bytes = own(part, 2, total);
    if (offsets == NULL || bytes == NULL) {
        return false;
    }
    size_t at = 0;
    for (int64_t i = 0; i <= which->count; i++) {
        if (large) {
            ((int64_t *)offsets)[i] = (int64_t)at;
        } else {
            ((int32_t *)offsets)[i] = (int32_t)at;
        }
        if (i < which->count) {
            uint32_t row = row_at(which, i);
            if (!ef_is_null(column, row)) {
                memcpy(bytes + at, ef_str_data(&strings[row]), strings[row].length);
                at += strings[row].length;
            }
        }
    }
    return true;
}

static bool export_column(ef_block *block, uint32_t c, const rows *which, bool large, struct ArrowArray *array) {
    column_part *part = ef_calloc(block->alloc, sizeof *part);
    if (part == NULL) {
        return false;
    }
    part->block = block;
    ef_block_retain(block);
    const ef_column *column = &block->column[c];
    bool is_text = column->type == EF_STRING || column->type == EF_OBJECT;
    *array = (struct ArrowArray){.length = which->count,
                                 .n_buffers = is_text ? 3 : 2,
                                 .buffers = part->buffers,
                                 .release = column_release,
                                 .private_data = part};
    bool good = export_validity(part, column, which, &array->null_count);
    if (good) {
        good = is_text                     ? export_text(part, column, which, large)
               : column->type == EF_BOOL ? export_bools(part, column, which)
                                           : export_numbers(part, column, which);
    }
    if (!good) {
        column_release(array);
    }
    return good;
}

ef_status ef_arrow_export_array(ef_block *block, uint32_t columns, int64_t start, int64_t count, int64_t step,
                                struct ArrowArray *array, ef_error *error) {
    rows which = {start, count, step};
    ef_alloc *alloc = block->alloc;
    parent_part *part = ef_calloc(alloc, sizeof *part);
    if (part == NULL) {
        return ef_fail_memory(error);
    }
    part->block = block;
    ef_block_retain(block);
    *array = (struct ArrowArray){.length = count,
                                 .n_buffers = 1,
                                 .buffers = part->buffers,
                                 .release = parent_release,
                                 .private_data = part};
    part->children = ef_calloc(alloc, columns * sizeof *part->children);
    bool good = part->children != NULL;
    part->count = good ? (int64_t)columns : 0;
    array->n_children = part->count;
    array->children = part->children;
    for (uint32_t c = 0; good && c < columns; c++) {
        const ef_column *column = &block->column[c];
        bool large = (column->type == EF_STRING || column->type == EF_OBJECT) && is_large(column, &(rows){0, block->rows, 1});
        struct ArrowArray *child = ef_calloc(alloc, sizeof *child);
        part->children[c] = child;
        good = child != NULL && export_column(block, c, &which, large, child);
    }
    if (!good) {
        parent_release(array);
        return ef_fail_memory(error);
    }
    return EF_OK;
}

/* ---- schema --------------------------------------------------------------------------------------------------------- */

typedef struct schema_part {
    ef_block *block; /* held: its budget is that of this memory */
    char *name;
    size_t name_size;
    struct ArrowSchema **children;
    int64_t count;
} schema_part;

static void schema_release(struct ArrowSchema *schema) {
    schema_part *part = schema->private_data;
    ef_block *block = part->block;
    ef_alloc *alloc = block->alloc;
    for (int64_t i = 0; i < part->count; i++) {
        struct ArrowSchema *child = part->children[i];
        if (child != NULL) {
            if (child->release != NULL) {
                child->release(child);
            }
            ef_free(alloc, child, sizeof *child);
        }
    }
    if (part->children != NULL) {
        ef_free(alloc, part->children, (size_t)part->count * sizeof *part->children);
    }
    ef_free(alloc, part->name, part->name_size);
    ef_free(alloc, part, sizeof *part);
    schema->release = NULL;
    ef_block_release(block);
}

static const char *format_of(ef_type type, bool large) {
    switch (type) {
    case EF_BOOL:
        return "b";
    case EF_INT:
        return "i";
    case EF_LONG:
        return "l";
    case EF_FLOAT:
        return "f";
    case EF_DOUBLE:
        return "g";
    case EF_STRING:
        return large ? "U" : "u";
    case EF_OBJECT:
        return large ? "Z" : "z";
    }
    return "n";
}

static bool make_schema(const char *text, const char *name, int64_t children, ef_block *block, struct ArrowSchema *schema) {
    ef_alloc *alloc = block->alloc;
    schema_part *part = ef_calloc(alloc, sizeof *part);
    if (part == NULL) {
        return false;
    }
    part->block = block;
    ef_block_retain(block);
    part->name_size = strlen(name) + 1;
    part->name = ef_malloc(alloc, part->name_size);
    part->children = children > 0 ? ef_calloc(alloc, (size_t)children * sizeof *part->children) : NULL;
    part->count = part->children != NULL ? children : 0;
    *schema = (struct ArrowSchema){.format = text,
                                   .name = part->name,
                                   .flags = ARROW_FLAG_NULLABLE,
                                   .n_children = part->count,
                                   .children = part->children,
                                   .release = schema_release,
                                   .private_data = part};
    if (part->name == NULL || part->count != children) {
        part->name_size = part->name != NULL ? part->name_size : 0;
        schema_release(schema);
        return false;
    }
    memcpy(part->name, name, part->name_size);
    return true;
}

ef_status ef_arrow_export_schema(ef_block *block, uint32_t columns, const char *const *names, struct ArrowSchema *schema,
                                 ef_error *error) {
    if (!make_schema("+s", "", (int64_t)columns, block, schema)) {
        return ef_fail_memory(error);
    }
    schema->flags = 0;
    for (uint32_t c = 0; c < columns; c++) {
        const ef_column *column = &block->column[c];
        bool large = (column->type == EF_STRING || column->type == EF_OBJECT) && is_large(column, &(rows){0, block->rows, 1});
        struct ArrowSchema *child = ef_calloc(block->alloc, sizeof *child);
        schema->children[c] = child;
        if (child == NULL || !make_schema(format_of(column->type, large), names[c], 0, block, child)) {
            schema_release(schema);
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

/* ---- stream --------------------------------------------------------------------------------------------------------- */

typedef struct stream_part {
    struct ArrowSchema schema;
    struct ArrowArray array; /* released or moved: handed out */
    ef_block *block;         /* held: the budget of `alloc` */
} stream_part;

/* A schema may be asked for more than once: a copy each time. */
static bool copy_schema(const struct ArrowSchema *from, ef_block *block, struct ArrowSchema *to) {
    if (!make_schema(from->format, from->name, from->n_children, block, to)) {
        return false;
    }
    to->flags = from->flags;
    for (int64_t i = 0; i < from->n_children; i++) { /* depth 1: fields have no children */
        struct ArrowSchema *child = ef_calloc(block->alloc, sizeof *child);
        to->children[i] = child;
        if (child == NULL || !make_schema(from->children[i]->format, from->children[i]->name, 0, block, child)) {
            to->release(to);
            return false;
        }
        child->flags = from->children[i]->flags;
    }
    return true;
}

#define OUT_OF_MEMORY 12 /* ENOMEM: what the interface returns are errno values */

static int stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    stream_part *part = stream->private_data;
    return copy_schema(&part->schema, part->block, out) ? 0 : OUT_OF_MEMORY;
}

static int stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    stream_part *part = stream->private_data;
    *out = part->array; /* moved; afterwards a released array says that it is over */
    part->array.release = NULL;
    return 0;
}

static const char *stream_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return "no memory left under the engine's limit";
}

static void stream_release(struct ArrowArrayStream *stream) {
    stream_part *part = stream->private_data;
    if (part->schema.release != NULL) {
        part->schema.release(&part->schema);
    }
    if (part->array.release != NULL) {
        part->array.release(&part->array);
    }
    ef_block *block = part->block;
    ef_free(block->alloc, part, sizeof *part);
    stream->release = NULL;
    ef_block_release(block);
}

ef_status ef_arrow_export_stream(ef_block *block, struct ArrowSchema *schema, struct ArrowArray *array,
                                 struct ArrowArrayStream *stream, ef_error *error) {
    stream_part *part = ef_malloc(block->alloc, sizeof *part);
    if (part == NULL) {
        schema->release(schema);
        array->release(array);
        return ef_fail_memory(error);
    }
    *part = (stream_part){.schema = *schema, .array = *array, .block = block};
    ef_block_retain(block);
    schema->release = NULL;
    array->release = NULL;
    *stream = (struct ArrowArrayStream){.get_schema = stream_schema,
                                        .get_next = stream_next,
                                        .get_last_error = stream_error,
                                        .release = stream_release,
                                        .private_data = part};
    return EF_OK;
}
