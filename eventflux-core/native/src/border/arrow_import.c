/* Arrow arrays -> source columns: the format string says the layout, the buffers lie where the layout says. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "border/arrow.h"

typedef struct format {
    const char *text; /* whole format, or its beginning when `is_prefix` */
    bool is_prefix;
    ef_layout_kind layout;
    int64_t divide, multiply; /* moments and durations: to milliseconds */
} format;

static const format FORMATS[] = {
    {"n", false, EF_LAYOUT_NULLS, 0, 0},
    {"b", false, EF_LAYOUT_BOOL_BITS, 0, 0},
    {"c", false, EF_LAYOUT_INT8, 0, 0},
    {"C", false, EF_LAYOUT_UINT8, 0, 0},
    {"s", false, EF_LAYOUT_INT16, 0, 0},
    {"S", false, EF_LAYOUT_UINT16, 0, 0},
    {"i", false, EF_LAYOUT_INT32, 0, 0},
    {"I", false, EF_LAYOUT_UINT32, 0, 0},
    {"l", false, EF_LAYOUT_INT64, 0, 0},
    {"L", false, EF_LAYOUT_UINT64, 0, 0},
    {"e", false, EF_LAYOUT_FLOAT16, 0, 0},
    {"f", false, EF_LAYOUT_FLOAT32, 0, 0},
    {"g", false, EF_LAYOUT_FLOAT64, 0, 0},
    {"u", false, EF_LAYOUT_UTF8, 0, 0},
    {"U", false, EF_LAYOUT_LARGE_UTF8, 0, 0},
    {"vu", false, EF_LAYOUT_UTF8_VIEW, 0, 0},
    {"tdD", false, EF_LAYOUT_INT32, 0, 86400000},
    {"tdm", false, EF_LAYOUT_INT64, 0, 0},
    {"tts", false, EF_LAYOUT_INT32, 0, 1000},
    {"ttm", false, EF_LAYOUT_INT32, 0, 0},
    {"ttu", false, EF_LAYOUT_INT64, 1000, 0},
    {"ttn", false, EF_LAYOUT_INT64, 1000000, 0},
    {"tDs", false, EF_LAYOUT_INT64, 0, 1000},
    {"tDm", false, EF_LAYOUT_INT64, 0, 0},
    {"tDu", false, EF_LAYOUT_INT64, 1000, 0},
    {"tDn", false, EF_LAYOUT_INT64, 1000000, 0},
    {"tss:", true, EF_LAYOUT_INT64, 0, 1000},
    {"tsm:", true, EF_LAYOUT_INT64, 0, 0},
    {"tsu:", true, EF_LAYOUT_INT64, 1000, 0},
    {"tsn:", true, EF_LAYOUT_INT64, 1000000, 0},
};

static const format *find_format(const char *text) {
    for (size_t i = 0; i < sizeof FORMATS / sizeof *FORMATS; i++) {
        const format *known = &FORMATS[i];
        if (known->is_prefix ? strncmp(text, known->text, strlen(known->text)) == 0 : strcmp(text, known->text) == 0) {
            return known;
        }
    }
    return NULL;
}

static ef_status malformed(ef_error *error, const char *what) {
    return ef_fail(error, EF_CORRUPT, "a malformed Arrow array: %s", what);
}

/* Everything but the dictionary. */
static ef_status describe(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t offset, int64_t rows,
                          ef_type target, ef_source_column *column, ef_error *error) {
    const format *known = schema->format != NULL ? find_format(schema->format) : NULL;
    if (known == NULL) {
        return ef_fail(error, EF_INVALID, "Arrow type '%.60s' cannot be an attribute", schema->format != NULL ? schema->format : "");
    }
    int64_t end = 0;
    if (rows < 0 || offset < 0 || array->offset < 0 || array->length < 0 || __builtin_add_overflow(offset, rows, &end) ||
        end > array->length || array->offset > INT64_MAX - array->length) {
        return malformed(error, "its length");
    }
    *column = (ef_source_column){.layout = known->layout,
                                 .target = target,
                                 .rows = rows,
                                 .offset = array->offset + offset,
                                 .values_size = -1,
                                 .divide = known->divide,
                                 .multiply = known->multiply};
    if (known->layout == EF_LAYOUT_NULLS) {
        return EF_OK;
    }
    bool has_offsets = known->layout == EF_LAYOUT_UTF8 || known->layout == EF_LAYOUT_LARGE_UTF8;
    bool is_view = known->layout == EF_LAYOUT_UTF8_VIEW;
    if (array->buffers == NULL || array->n_buffers < (has_offsets ? 3 : is_view ? 3 : 2) ||
        (!is_view && array->n_buffers > 3)) {
        return malformed(error, "its number of buffers");
    }
    column->validity = array->null_count != 0 ? array->buffers[0] : NULL;
    if (has_offsets) {
        column->offsets = array->buffers[1];
        column->values = array->buffers[2];
        if (column->values == NULL) {
            column->values = "";
        }
        if (column->offsets == NULL && rows > 0) {
            return malformed(error, "offsets are missing");
        }
    } else if (is_view) {
        /* The last buffer holds the sizes of those between. */
        column->values = array->buffers[1];
        column->buffers = array->buffers + 2;
        column->buffer_count = array->n_buffers - 3;
        column->buffer_sizes = array->buffers[array->n_buffers - 1];
        if (column->buffer_count > 0 && column->buffer_sizes == NULL) {
            return malformed(error, "sizes of its buffers are missing");
        }
        for (int64_t i = 0; i < column->buffer_count; i++) {
            if (column->buffers[i] == NULL && column->buffer_sizes[i] > 0) {
                return malformed(error, "a buffer is missing");
            }
        }
    } else {
        column->values = array->buffers[1];
    }
    if (column->values == NULL && rows > 0) {
        return malformed(error, "values are missing");
    }
    return EF_OK;
}

ef_status ef_arrow_column(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t offset, int64_t rows,
                          ef_type target, ef_source_column *column, ef_source_column *dictionary, ef_error *error) {
    EF_TRY(describe(schema, array, offset, rows, target, column, error));
    ef_layout_kind deciding = column->layout;
    if (schema->dictionary != NULL) {
        if (array->dictionary == NULL || schema->dictionary->dictionary != NULL) {
            return malformed(error, "its dictionary");
        }
        EF_TRY(describe(schema->dictionary, array->dictionary, 0, array->dictionary->length, target, dictionary, error));
        column->keys = column->layout;
        column->layout = EF_LAYOUT_DICTIONARY;
        column->dictionary = dictionary;
        deciding = dictionary->layout;
    }
    if (!ef_source_fits(deciding, target)) {
        return ef_fail(error, EF_INVALID, "Arrow type '%.60s' does not fit", schema->format);
    }
    return EF_OK;
}
