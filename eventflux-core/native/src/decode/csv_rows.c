/* Decoder of CSV lines; see csv_rows.h. */
#include "decode/csv_rows.h"

#include "base/number_text.h"
#include "base/utf8.h"
#include "decode/cell_text.h"

#define MAX_FIELDS 65536u
#define NO_COLUMN UINT32_MAX

struct ef_csv_rows {
    ef_alloc *alloc;
    ef_row_columns cells;
    uint32_t *column_of; /* [fields] of a record's fields; NO_COLUMN: passed over */
    uint32_t fields;
    char *null_text;
    uint32_t null_length;
    char delimiter;
    char quote;
    bool fail_on_missing;
};

/* One field of a record. */
typedef struct field_text {
    const char *bytes;
    size_t length;
    bool is_quoted;
    bool has_doubled; /* quotes to undouble */
} field_text;

static ef_status prepare(ef_csv_rows *self, uint32_t columns, const uint32_t *fields, const char *null_text,
                         ef_error *error) {
    ef_alloc *alloc = self->alloc;
    uint32_t count = 0;
    for (uint32_t c = 0; c < columns; c++) {
        if (fields[c] != UINT32_MAX && fields[c] >= MAX_FIELDS) {
            return ef_fail(error, EF_LIMIT, "a record may have %u fields", MAX_FIELDS);
        }
        if (fields[c] != UINT32_MAX && fields[c] + 1 > count) {
            count = fields[c] + 1;
        }
    }
    self->column_of = ef_malloc(alloc, count * sizeof *self->column_of);
    self->fields = self->column_of != NULL ? count : 0;
    self->null_text = null_text != NULL ? ef_malloc(alloc, self->null_length) : NULL;
    if (self->column_of == NULL || (null_text != NULL && self->null_text == NULL)) {
        return ef_fail_memory(error);
    }
    for (uint32_t f = 0; f < count; f++) {
        self->column_of[f] = NO_COLUMN;
    }
    for (uint32_t c = 0; c < columns; c++) {
        if (fields[c] == UINT32_MAX) {
            continue;
        }
        if (self->column_of[fields[c]] != NO_COLUMN) {
            return ef_fail(error, EF_INVALID, "field %u is asked for twice", (unsigned)fields[c]);
        }
        self->column_of[fields[c]] = c;
    }
    if (null_text != NULL && self->null_length > 0) {
        memcpy(self->null_text, null_text, self->null_length);
    }
    return EF_OK;
}

ef_status ef_csv_rows_new(ef_alloc *alloc, uint32_t columns, uint32_t visible, const ef_type *types, const uint32_t *fields, char delimiter,
                          char quote, const char *null_text, uint32_t null_length, uint32_t capacity,
                          const ef_time_field *time, bool fail_on_missing, ef_csv_rows **self, ef_error *error) {
    ef_csv_rows *made = ef_calloc(alloc, sizeof *made);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    made->alloc = alloc;
    made->null_length = null_text != NULL ? null_length : 0;
    made->delimiter = delimiter;
    made->quote = quote;
    made->fail_on_missing = fail_on_missing;
    ef_status status = ef_row_columns_init(&made->cells, alloc, columns, visible, types, capacity, time, error);
    if (status == EF_OK) {
        status = prepare(made, columns, fields, null_text, error);
    }
    if (status != EF_OK) {
        ef_csv_rows_free(made);
        return status;
    }
    *self = made;
    return EF_OK;
}

void ef_csv_rows_free(ef_csv_rows *self) {
    if (self == NULL) {
        return;
    }
    ef_alloc *alloc = self->alloc;
    ef_free(alloc, self->column_of, self->fields * sizeof *self->column_of);
    ef_free(alloc, self->null_text, self->null_length);
    ef_row_columns_clear(&self->cells);
    ef_free(alloc, self, sizeof *self);
}

/* The field at *p; leaves *p at the delimiter behind it, or at the end. False: a quote that isn't closed, or text behind one. */
static bool next_field(const ef_csv_rows *self, const char **p, const char *end, field_text *field) {
    const char *at = *p;
    field->has_doubled = false;
    field->is_quoted = at < end && *at == self->quote;
    if (!field->is_quoted) {
        const char *stop = memchr(at, self->delimiter, (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        field->bytes = at;
        field->length = (size_t)(stop - at);
        *p = stop;
        return true;
    }
    field->bytes = ++at;
    for (;;) {
        const char *close = memchr(at, self->quote, (size_t)(end - at));
        if (close == NULL) {
            return false;
        }
        if (close + 1 < end && close[1] == self->quote) {
            field->has_doubled = true;
            at = close + 2;
            continue;
        }
        field->length = (size_t)(close - field->bytes);
        *p = close + 1;
        return close + 1 == end || close[1] == self->delimiter;
    }
}

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void strip(field_text *field) {
    while (field->length > 0 && is_blank(field->bytes[0])) {
        field->bytes++;
        field->length--;
    }
    while (field->length > 0 && is_blank(field->bytes[field->length - 1])) {
        field->length--;
    }
}

static bool is_word(const field_text *field, const char *word, size_t length) {
    if (field->length != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        char c = field->bytes[i];
        if ((c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c) != word[i]) {
            return false;
        }
    }
    return true;
}

static bool read_real(const field_text *field, double *value) {
    ef_number_token token;
    if (EF_LIKELY(ef_scan_number(field->bytes, field->bytes + field->length, &token) &&
                  token.end == field->bytes + field->length)) {
        *value = ef_number_value(field->bytes, &token);
    } else {
        for (size_t i = 0; i < field->length; i++) {
            char c = field->bytes[i];
            if (!((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E')) {
                return false;
            }
        }
        if (!ef_parse_double(field->bytes, field->length, value)) {
            return false;
        }
    }
    return *value <= 1.7976931348623157e308 && *value >= -1.7976931348623157e308;
}

static ef_status read_string(ef_csv_rows *self, uint32_t c, const field_text *field, bool *accepted, ef_error *error) {
    ef_row_columns *cells = &self->cells;
    ef_str *cell = &((ef_str *)cells->column[c].values)[cells->rows];
    *accepted = field->length <= UINT32_MAX;
    if (!*accepted) {
        return EF_OK;
    }
    if (!field->has_doubled) {
        *cell = ef_str_view(field->bytes, (uint32_t)field->length);
        return EF_OK;
    }
    char *to = ef_arena_take(&cells->text, field->length);
    if (to == NULL) {
        return ef_fail_memory(error);
    }
    uint32_t n = 0;
    for (size_t i = 0; i < field->length; i++) {
        to[n++] = field->bytes[i];
        i += field->bytes[i] == self->quote; /* the second of two */
    }
    *cell = ef_str_view(to, n);
    return EF_OK;
}

static bool equals_null(const ef_csv_rows *self, const field_text *field) {
    return self->null_text != NULL && !field->has_doubled && field->length == self->null_length &&
           memcmp(field->bytes, self->null_text, field->length) == 0;
}

/* The cell of column c. */
static ef_status read_cell(ef_csv_rows *self, uint32_t c, field_text field, bool *accepted, ef_error *error) {
    ef_row_columns *cells = &self->cells;
    ef_column *column = &cells->column[c];
    *accepted = true;
    if ((field.length == 0 && !field.is_quoted) || equals_null(self, &field)) {
        return EF_OK; /* not seen: null */
    }
    if (field.has_doubled && self->null_text != NULL) {
        *accepted = false; /* whether it is the null text shows only when it is undoubled */
        return EF_OK;
    }
    ef_cell_seen(cells, c);
    if (column->type == EF_STRING) {
        return read_string(self, c, &field, accepted, error);
    }
    if (field.has_doubled) {
        *accepted = false;
        return EF_OK;
    }
    strip(&field);
    double real;
    switch (column->type) {
    case EF_INT:
        *accepted = ef_parse_int(field.bytes, field.length, &((int32_t *)column->values)[cells->rows]);
        break;
    case EF_LONG:
        *accepted = ef_parse_long(field.bytes, field.length, &((int64_t *)column->values)[cells->rows]);
        break;
    case EF_DOUBLE:
        *accepted = read_real(&field, &((double *)column->values)[cells->rows]);
        break;
    case EF_FLOAT:
        *accepted = read_real(&field, &real) && real < EF_FLOAT_LIMIT && real > -EF_FLOAT_LIMIT;
        if (*accepted) {
            ((float *)column->values)[cells->rows] = (float)real;
        }
        break;
    case EF_BOOL: {
        bool is_true = is_word(&field, "true", 4);
        *accepted = is_true || is_word(&field, "false", 5);
        ((uint8_t *)column->values)[cells->rows] = is_true;
        break;
    }
    case EF_STRING:
    case EF_OBJECT:
        *accepted = false;
        break;
    }
    return EF_OK;
}

/* One record into the open row. */
static ef_status read_record(ef_csv_rows *self, const char *p, const char *end, bool *accepted, ef_error *error) {
    uint32_t number = 0;
    for (;; number++) {
        field_text field;
        *accepted = next_field(self, &p, end, &field);
        if (!*accepted) {
            return EF_OK;
        }
        if (number < self->fields && self->column_of[number] != NO_COLUMN) {
            EF_TRY(read_cell(self, self->column_of[number], field, accepted, error));
            if (!*accepted) {
                return EF_OK;
            }
        }
        if (p == end) {
            break;
        }
        p++; /* the delimiter */
    }
    *accepted = !self->fail_on_missing || number + 1 >= self->fields;
    return EF_OK;
}

ef_status ef_csv_rows_decode(ef_csv_rows *self, const char *text, size_t length, ef_decode_result *result,
                             ef_error *error) {
    ef_row_columns *cells = &self->cells;
    memset(result, 0, sizeof *result);
    ef_row_columns_reset(cells);
    const char *p = text, *end = text + length;
    while (p < end && cells->rows < cells->capacity) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (stop == NULL) {
            break;
        }
        const char *last = stop > p && stop[-1] == '\r' ? stop - 1 : stop;
        if (last > p) {
            size_t size = (size_t)(last - p);
            bool accepted = ef_line_is_utf8(p, size);
            if (accepted) {
                ef_row_open(cells);
                EF_TRY(read_record(self, p, last, &accepted, error));
                accepted = accepted && ef_row_commit(cells);
            }
            if (!accepted) {
                result->is_rejected = true;
                break;
            }
        }
        result->lines++;
        p = stop + 1;
    }
    result->consumed = (size_t)(p - text);
    result->rows = cells->rows;
    return EF_OK;
}

const ef_batch *ef_csv_rows_batch(ef_csv_rows *self) {
    return ef_row_columns_batch(&self->cells);
}
