/* Decoder of msgpack; see msgpack_rows.h. */
#include "decode/msgpack_rows.h"

#include <math.h>

#include "base/object.h"
#include "decode/cell_text.h"

#define NO_COLUMN UINT32_MAX

typedef struct field_name {
    char *bytes;
    uint32_t length;
} field_name;

struct ef_msgpack_rows {
    ef_alloc *alloc;
    ef_row_columns cells;
    uint64_t *present;    /* bit c: the open map has a value or nil for column c; as many words as cells.seen */
    uint32_t columns;
    bool fail_on_missing;
    field_name *names;    /* maps: [columns]; NULL for arrays */
    uint32_t *column_of;  /* arrays: [width] the column of each element, or NO_COLUMN */
    uint32_t width;
};

typedef struct cursor {
    const char *p;
    const char *end;
} cursor;

static ef_status copy_names(ef_msgpack_rows *self, const char *const *names, const uint32_t *lengths, ef_error *error) {
    self->names = ef_calloc(self->alloc, self->columns * sizeof *self->names);
    if (self->names == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t c = 0; c < self->columns; c++) {
        self->names[c].bytes = ef_malloc(self->alloc, lengths[c]);
        if (self->names[c].bytes == NULL) {
            return ef_fail_memory(error);
        }
        self->names[c].length = lengths[c];
        if (lengths[c] > 0) {
            memcpy(self->names[c].bytes, names[c], lengths[c]);
        }
    }
    return EF_OK;
}

static ef_status copy_positions(ef_msgpack_rows *self, const uint32_t *positions, uint32_t width, ef_error *error) {
    self->column_of = ef_malloc(self->alloc, width * sizeof *self->column_of);
    if (self->column_of == NULL) {
        return ef_fail_memory(error);
    }
    self->width = width;
    for (uint32_t i = 0; i < width; i++) {
        self->column_of[i] = NO_COLUMN;
    }
    for (uint32_t c = 0; c < self->columns; c++) {
        if (positions[c] >= width || self->column_of[positions[c]] != NO_COLUMN) {
            return ef_fail(error, EF_INVALID, "column %u has no element of its own", (unsigned)c);
        }
        self->column_of[positions[c]] = c;
    }
    return EF_OK;
}

ef_status ef_msgpack_rows_new(ef_alloc *alloc, uint32_t columns, uint32_t visible, const ef_type *types,
                              const char *const *names, const uint32_t *name_lengths, const uint32_t *positions, uint32_t width,
                              uint32_t capacity, const ef_time_field *time, bool fail_on_missing, ef_msgpack_rows **self,
                              ef_error *error) {
    ef_msgpack_rows *made = ef_calloc(alloc, sizeof *made);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    made->alloc = alloc;
    ef_status status = ef_row_columns_init(&made->cells, alloc, columns, visible, types, capacity, time, error);
    if (status == EF_OK) {
        made->columns = columns;
        made->fail_on_missing = fail_on_missing;
        made->present = ef_calloc(alloc, made->cells.seen_words * sizeof *made->present);
        if (made->present == NULL) {
            status = ef_fail_memory(error);
        } else if (names != NULL) {
            status = copy_names(made, names, name_lengths, error);
        } else {
            status = copy_positions(made, positions, width, error);
        }
    }
    if (status != EF_OK) {
        ef_msgpack_rows_free(made);
        return status;
    }
    *self = made;
    return EF_OK;
}

void ef_msgpack_rows_free(ef_msgpack_rows *self) {
    if (self == NULL) {
        return;
    }
    ef_alloc *alloc = self->alloc;
    if (self->names != NULL) {
        for (uint32_t c = 0; c < self->columns; c++) {
            ef_free(alloc, self->names[c].bytes, self->names[c].length);
        }
        ef_free(alloc, self->names, self->columns * sizeof *self->names);
    }
    ef_free(alloc, self->column_of, self->width * sizeof *self->column_of);
    ef_free(alloc, self->present, self->cells.seen_words * sizeof *self->present);
    ef_row_columns_clear(&self->cells);
    ef_free(alloc, self, sizeof *self);
}

static bool put_integer(ef_row_columns *cells, uint32_t c, const ef_object_token *token) {
    void *values = cells->column[c].values;
    uint32_t row = cells->rows;
    switch (cells->column[c].type) {
    case EF_INT:
        if (token->is_huge || token->integer < INT32_MIN || token->integer > INT32_MAX) {
            return false;
        }
        ((int32_t *)values)[row] = (int32_t)token->integer;
        return true;
    case EF_LONG:
        ((int64_t *)values)[row] = token->integer;
        return !token->is_huge;
    case EF_DOUBLE:
        ((double *)values)[row] = (double)token->integer;
        return !token->is_huge;
    case EF_FLOAT:
        ((float *)values)[row] = (float)(double)token->integer;
        return !token->is_huge;
    case EF_BOOL:
    case EF_STRING:
    case EF_OBJECT:
        break;
    }
    return false;
}

static bool put_real(ef_row_columns *cells, uint32_t c, double value) {
    if (cells->column[c].type == EF_DOUBLE) {
        ((double *)cells->column[c].values)[cells->rows] = value;
        return true;
    }
    if (cells->column[c].type != EF_FLOAT || (isfinite(value) && fabs(value) >= EF_FLOAT_LIMIT)) {
        return false;
    }
    ((float *)cells->column[c].values)[cells->rows] = (float)value;
    return true;
}

/* The value at the cursor into column c; false: it does not fit. */
static bool read_value(ef_row_columns *cells, uint32_t c, cursor *at) {
    ef_object_token token;
    if (!ef_object_next(&at->p, at->end, &token)) {
        return false;
    }
    ef_type type = cells->column[c].type;
    bool fits = false;
    switch (token.kind) {
    case EF_OBJECT_NIL:
        ef_cell_null(cells, c);
        return true;
    case EF_OBJECT_BOOL:
        fits = type == EF_BOOL;
        if (fits) {
            ((uint8_t *)cells->column[c].values)[cells->rows] = token.boolean;
        }
        break;
    case EF_OBJECT_INTEGER:
        fits = put_integer(cells, c, &token);
        break;
    case EF_OBJECT_REAL:
        fits = put_real(cells, c, token.real);
        break;
    case EF_OBJECT_STRING:
        fits = type == EF_STRING && ef_line_is_utf8(token.data, token.length);
        if (fits) {
            ((ef_str *)cells->column[c].values)[cells->rows] = ef_str_view(token.data, token.length);
        }
        break;
    case EF_OBJECT_BYTES:
    case EF_OBJECT_LIST:
    case EF_OBJECT_MAP:
    case EF_OBJECT_SET_OF:
    case EF_OBJECT_EXTENSION:
        break;
    }
    if (fits) {
        ef_cell_seen(cells, c);
    }
    return fits;
}

/* Passes a value that no column takes; false: it is more than a scalar, or broken. */
static bool pass_scalar(cursor *at) {
    ef_object_token token;
    if (!ef_object_next(&at->p, at->end, &token)) {
        return false;
    }
    if (token.kind == EF_OBJECT_STRING) {
        return ef_line_is_utf8(token.data, token.length);
    }
    return token.kind <= EF_OBJECT_REAL || token.kind == EF_OBJECT_BYTES;
}

static uint32_t find_name(const ef_msgpack_rows *self, const char *text, uint32_t length, uint32_t expected) {
    for (uint32_t i = 0; i < self->columns; i++) {
        uint32_t c = expected + i < self->columns ? expected + i : expected + i - self->columns;
        if (self->names[c].length == length && memcmp(self->names[c].bytes, text, length) == 0) {
            return c;
        }
    }
    return NO_COLUMN;
}

static bool all_present(const ef_msgpack_rows *self) {
    uint32_t count = 0;
    for (uint32_t word = 0; word < self->cells.seen_words; word++) {
        count += (uint32_t)__builtin_popcountll(self->present[word]);
    }
    return count == self->columns;
}

static bool read_map(ef_msgpack_rows *self, uint32_t pairs, cursor *at) {
    uint32_t expected = 0;
    memset(self->present, 0, self->cells.seen_words * sizeof *self->present);
    for (uint32_t i = 0; i < pairs; i++) {
        ef_object_token key;
        if (!ef_object_next(&at->p, at->end, &key) || key.kind != EF_OBJECT_STRING) {
            return false;
        }
        uint32_t c = find_name(self, key.data, key.length, expected);
        if (c == NO_COLUMN) {
            if (!ef_line_is_utf8(key.data, key.length) || !pass_scalar(at)) {
                return false;
            }
            continue;
        }
        if (!read_value(&self->cells, c, at)) {
            return false;
        }
        self->present[c >> 6] |= (uint64_t)1 << (c & 63u);
        expected = c + 1 < self->columns ? c + 1 : 0;
    }
    return !self->fail_on_missing || all_present(self);
}

static bool read_array(ef_msgpack_rows *self, cursor *at) {
    for (uint32_t i = 0; i < self->width; i++) {
        uint32_t c = self->column_of[i];
        if (!(c == NO_COLUMN ? pass_scalar(at) : read_value(&self->cells, c, at))) {
            return false;
        }
    }
    return true;
}

/* One value into the open row; *at moves behind it if it is taken. */
static bool read_row(ef_msgpack_rows *self, cursor *at) {
    cursor here = *at;
    ef_object_token token;
    if (!ef_object_next(&here.p, here.end, &token)) {
        return false;
    }
    ef_row_open(&self->cells);
    bool taken = self->names != NULL ? token.kind == EF_OBJECT_MAP && read_map(self, token.length, &here)
                                     : token.kind == EF_OBJECT_LIST && token.length == self->width && read_array(self, &here);
    if (!taken || !ef_row_commit(&self->cells)) {
        return false;
    }
    *at = here;
    return true;
}

ef_status ef_msgpack_rows_decode(ef_msgpack_rows *self, const char *bytes, size_t length, ef_decode_result *result,
                                 ef_error *error) {
    (void)error;
    memset(result, 0, sizeof *result);
    ef_row_columns_reset(&self->cells);
    cursor at = {bytes, bytes + length};
    while (at.p < at.end && self->cells.rows < self->cells.capacity) {
        if (!read_row(self, &at)) {
            const char *behind = at.p;
            if (!ef_object_skip(&behind, at.end)) {
                behind = at.end; /* what is broken has no end that could be found */
            }
            result->is_rejected = true;
            result->rejected = (size_t)(behind - at.p);
            break;
        }
        result->lines++;
    }
    result->consumed = (size_t)(at.p - bytes);
    result->rows = self->cells.rows;
    return EF_OK;
}

const ef_batch *ef_msgpack_rows_batch(ef_msgpack_rows *self) {
    return ef_row_columns_batch(&self->cells);
}
