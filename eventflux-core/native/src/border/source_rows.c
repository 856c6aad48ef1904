/* Columns of the outside, gathered to rows; see source_rows.h. */
#include "border/source_rows.h"

ef_source_rows *ef_source_rows_new(ef_alloc *alloc, uint32_t columns, const ef_type *types) {
    ef_source_rows *rows = ef_calloc(alloc, sizeof *rows);
    if (rows == NULL) {
        return NULL;
    }
    rows->alloc = alloc;
    rows->columns = columns;
    rows->rows = -1;
    ef_arena_init(&rows->arena, alloc);
    rows->column = ef_calloc(alloc, ((size_t)columns + 1) * sizeof *rows->column);
    rows->dictionary = ef_calloc(alloc, ((size_t)columns + 1) * sizeof *rows->dictionary);
    if (rows->column == NULL || rows->dictionary == NULL) {
        ef_source_rows_free(rows);
        return NULL;
    }
    for (uint32_t c = 0; c <= columns; c++) {
        rows->column[c].target = c < columns ? types[c] : EF_LONG;
    }
    return rows;
}

void ef_source_rows_free(ef_source_rows *rows) {
    if (rows == NULL) {
        return;
    }
    ef_alloc *alloc = rows->alloc;
    size_t count = (size_t)rows->columns + 1;
    if (rows->column != NULL) {
        ef_free(alloc, rows->column, count * sizeof *rows->column);
    }
    if (rows->dictionary != NULL) {
        ef_free(alloc, rows->dictionary, count * sizeof *rows->dictionary);
    }
    ef_arena_clear(&rows->arena);
    ef_free(alloc, rows, sizeof *rows);
}

static ef_status take_count(ef_source_rows *rows, uint32_t index, int64_t count, ef_error *error) {
    if (index > rows->columns) {
        return ef_fail(error, EF_INVALID, "there is no column %u", index);
    }
    if (rows->rows >= 0 && rows->rows != count) {
        return ef_fail(error, EF_INVALID, "%lld values for %lld rows", (long long)count, (long long)rows->rows);
    }
    rows->rows = count;
    rows->has_timestamps = rows->has_timestamps || index == rows->columns;
    return EF_OK;
}

ef_status ef_source_rows_buffer(ef_source_rows *rows, uint32_t index, int layout, const void *values, int64_t size,
                                int64_t count, int64_t unit, const void *mask, ef_error *error) {
    EF_TRY(take_count(rows, index, count, error));
    ef_source_column *column = &rows->column[index];
    if (layout < 0 || layout > EF_LAYOUT_DICTIONARY || !ef_source_fits((ef_layout_kind)layout, column->target)) {
        return ef_fail(error, EF_INVALID, "values of another type");
    }
    *column = (ef_source_column){.layout = (ef_layout_kind)layout,
                                 .target = column->target,
                                 .rows = count,
                                 .values = values,
                                 .values_size = size,
                                 .mask = mask,
                                 .width = unit};
    if (layout == EF_LAYOUT_UCS4 && (unit < 0 || (unit > 0 && count > size / (unit * 4)))) {
        return ef_fail(error, EF_INVALID, "the memory is shorter than the values");
    }
    return EF_OK;
}

ef_status ef_source_rows_array(ef_source_rows *rows, uint32_t index, const struct ArrowSchema *schema,
                               const struct ArrowArray *array, ef_error *error) {
    EF_TRY(take_count(rows, index, array->length, error));
    return ef_arrow_column(schema, array, 0, array->length, rows->column[index].target, &rows->column[index],
                           &rows->dictionary[index], error);
}

ef_status ef_source_rows_field(ef_source_rows *rows, uint32_t index, const struct ArrowSchema *schema,
                               const struct ArrowArray *array, int64_t field, ef_error *error) {
    if (field < 0 || field >= schema->n_children || field >= array->n_children || array->offset < 0) {
        return ef_fail(error, EF_CORRUPT, "a malformed Arrow array: its number of children");
    }
    EF_TRY(take_count(rows, index, array->length, error));
    /* The parent's offset counts for its children too. */
    return ef_arrow_column(schema->children[field], array->children[field], array->offset, array->length,
                           rows->column[index].target, &rows->column[index], &rows->dictionary[index], error);
}

ef_status ef_source_rows_chunks(ef_source_rows *rows, uint32_t index, const struct ArrowSchema *schema,
                                const struct ArrowArray *arrays, int64_t count, ef_error *error) {
    int64_t total = 0;
    for (int64_t i = 0; i < count; i++) {
        if (arrays[i].length < 0 || __builtin_add_overflow(total, arrays[i].length, &total) || total > INT32_MAX) {
            return ef_fail(error, EF_LIMIT, "a call can carry at most 2147483647 rows");
        }
    }
    EF_TRY(take_count(rows, index, total, error));
    ef_type target = rows->column[index].target;
    size_t width = ef_type_width(target);
    ef_column all = {.values = ef_arena_take(&rows->arena, (size_t)total * width), .type = target};
    if (all.values == NULL) {
        return ef_fail_memory(error);
    }
    uint32_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        ef_source_column part, dictionary;
        ef_column native;
        int64_t bad = 0;
        uint32_t length = (uint32_t)arrays[i].length;
        EF_TRY(ef_arrow_column(schema, &arrays[i], 0, arrays[i].length, target, &part, &dictionary, error));
        ef_source_fault fault = ef_source_check(&part, &rows->arena, &bad);
        if (fault == EF_SOURCE_MEMORY || (fault == EF_SOURCE_GOOD && !ef_source_slice(&part, 0, length, &rows->arena, &native))) {
            return ef_fail_memory(error);
        }
        if (fault != EF_SOURCE_GOOD) {
            (void)ef_fail(error, EF_ROW, fault == EF_SOURCE_RANGE ? "a value out of range" : "text that is not UTF-8");
            if (error != NULL) {
                error->row = (int64_t)at + bad;
            }
            return EF_ROW;
        }
        memcpy((char *)all.values + (size_t)at * width, native.values, (size_t)length * width);
        if (native.validity != NULL && all.validity == NULL) {
            all.validity = ef_arena_take(&rows->arena, ef_bitmap_size((uint32_t)total));
            if (all.validity == NULL) {
                return ef_fail_memory(error);
            }
            memset(all.validity, 0xFF, ef_bitmap_size((uint32_t)total));
        }
        for (uint32_t k = 0; native.validity != NULL && k < length; k++) {
            if (!ef_bit(native.validity, k)) {
                ef_bit_clear(all.validity, at + k);
            }
        }
        at += length;
    }
    return ef_source_rows_native(rows, index, &all, total, error);
}

ef_status ef_source_rows_native(ef_source_rows *rows, uint32_t index, const ef_column *column, int64_t count,
                                ef_error *error) {
    static const ef_layout_kind layouts[] = {[EF_BOOL] = EF_LAYOUT_BOOL_BYTES, [EF_INT] = EF_LAYOUT_INT32,
                                             [EF_LONG] = EF_LAYOUT_INT64,      [EF_FLOAT] = EF_LAYOUT_FLOAT32,
                                             [EF_DOUBLE] = EF_LAYOUT_FLOAT64,  [EF_STRING] = EF_LAYOUT_STRINGS,
                                             [EF_OBJECT] = EF_LAYOUT_STRINGS};
    EF_TRY(take_count(rows, index, count, error));
    rows->column[index] = (ef_source_column){.layout = layouts[column->type],
                                             .target = column->type,
                                             .rows = count,
                                             .values = column->values,
                                             .values_size = count * (int64_t)ef_type_width(column->type),
                                             .validity = column->validity};
    return EF_OK;
}

void ef_source_rows_moment(ef_source_rows *rows, int64_t moment) {
    rows->has_moment = true;
    rows->moment = moment;
}

ef_source_fault ef_source_rows_check(ef_source_rows *rows, uint32_t *column, int64_t *row) {
    uint32_t count = rows->columns + (rows->has_timestamps ? 1u : 0u);
    for (uint32_t c = 0; c < count; c++) {
        ef_source_fault fault = ef_source_check(&rows->column[c], &rows->arena, row);
        *column = c;
        if (fault != EF_SOURCE_GOOD) {
            return fault;
        }
    }
    /* A timestamp cannot be null. */
    if (rows->has_timestamps) {
        const ef_source_column *stamps = &rows->column[rows->columns];
        for (int64_t i = 0; (stamps->validity != NULL || stamps->mask != NULL) && i < rows->rows; i++) {
            int64_t bit = stamps->offset + i;
            if ((stamps->validity != NULL && !((stamps->validity[bit >> 3] >> (bit & 7)) & 1)) ||
                (stamps->mask != NULL && stamps->mask[bit] != 0)) {
                *row = i;
                return EF_SOURCE_RANGE;
            }
        }
    }
    return EF_SOURCE_GOOD;
}

bool ef_source_rows_slice(const ef_source_rows *rows, int64_t from, uint32_t count, ef_arena *arena, ef_batch *batch) {
    memset(batch, 0, sizeof *batch);
    batch->rows = count;
    batch->columns = rows->columns;
    batch->form = EF_EACH_ROW;
    batch->column = ef_arena_take(arena, ((size_t)rows->columns + 1) * sizeof *batch->column);
    if (batch->column == NULL) {
        return false;
    }
    for (uint32_t c = 0; c < rows->columns; c++) {
        if (!ef_source_slice(&rows->column[c], from, count, arena, &batch->column[c])) {
            return false;
        }
    }
    if (rows->has_timestamps) {
        ef_column stamps;
        if (!ef_source_slice(&rows->column[rows->columns], from, count, arena, &stamps)) {
            return false;
        }
        batch->timestamps = stamps.values;
    } else if (rows->has_moment) {
        batch->timestamps = ef_arena_take(arena, (size_t)count * sizeof *batch->timestamps);
        if (batch->timestamps == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < count; i++) {
            batch->timestamps[i] = rows->moment;
        }
    }
    return true;
}

/* ---- walking Arrow structs ------------------------------------------------------------------------------------------ */

int64_t ef_arrow_fields(const struct ArrowSchema *schema) {
    return schema->format != NULL && strcmp(schema->format, "+s") == 0 ? schema->n_children : -1;
}

const char *ef_arrow_field_name(const struct ArrowSchema *schema, int64_t field) {
    const char *name = schema->children[field]->name;
    return name != NULL ? name : "";
}

const char *ef_arrow_field_format(const struct ArrowSchema *schema, int64_t field) {
    const struct ArrowSchema *child = schema->children[field];
    const char *format = child->dictionary != NULL ? child->dictionary->format : child->format;
    return format != NULL ? format : "";
}

int64_t ef_arrow_length(const struct ArrowArray *array) {
    return array->length;
}

bool ef_arrow_has_nulls(const struct ArrowArray *array) {
    if (array->null_count == 0 || array->n_buffers < 1 || array->buffers == NULL || array->buffers[0] == NULL) {
        return false;
    }
    const uint8_t *bits = array->buffers[0];
    for (int64_t i = array->offset; i < array->offset + array->length; i++) {
        if (!((bits[i >> 3] >> (i & 7)) & 1)) {
            return true;
        }
    }
    return false;
}

int ef_arrow_stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *schema) {
    return stream->get_schema(stream, schema);
}

int ef_arrow_stream_next(struct ArrowArrayStream *stream, struct ArrowArray *array) {
    return stream->get_next(stream, array);
}

const char *ef_arrow_stream_error(struct ArrowArrayStream *stream) {
    const char *text = stream->get_last_error(stream);
    return text != NULL ? text : "the Arrow stream failed";
}

bool ef_arrow_is_end(const struct ArrowArray *array) {
    return array->release == NULL;
}

struct ArrowSchema *ef_arrow_schema_new(ef_alloc *alloc) {
    return ef_calloc(alloc, sizeof(struct ArrowSchema));
}

void ef_arrow_schema_free(ef_alloc *alloc, struct ArrowSchema *schema) {
    if (schema->release != NULL) {
        schema->release(schema);
    }
    ef_free(alloc, schema, sizeof *schema);
}

struct ArrowArray *ef_arrow_arrays_new(ef_alloc *alloc, int64_t count) {
    return ef_calloc(alloc, (size_t)count * sizeof(struct ArrowArray));
}

void ef_arrow_arrays_free(ef_alloc *alloc, struct ArrowArray *arrays, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (arrays[i].release != NULL) {
            arrays[i].release(&arrays[i]);
        }
    }
    ef_free(alloc, arrays, (size_t)count * sizeof *arrays);
}

void ef_arrow_release(struct ArrowArray *array) {
    array->release(array);
}

struct ArrowArray *ef_arrow_array_at(struct ArrowArray *arrays, int64_t index) {
    return &arrays[index];
}
