/* Encoders of rows as lines of text; see row_text.h. */
#include "encode/row_text.h"

#include <math.h>

#include "base/number_text.h"
#include "encode/text_buffer.h"

typedef struct column_text {
    ef_type type;
    char *before; /* what stands before the value: ,"name": or the delimiter */
    uint32_t before_length;
} column_text;

struct ef_row_text {
    ef_alloc *alloc;
    ef_text_buffer text;
    column_text *columns;
    uint32_t count;
    bool is_json;
    /* JSON */
    bool include_nulls;
    bool nan_is_text;
    /* CSV */
    char quote;
    char delimiter;
    bool quote_all;
    char *null_text;
    uint32_t null_length;
};

static ef_status new_encoder(ef_alloc *alloc, uint32_t columns, const ef_type *types, ef_row_text **self, ef_error *error) {
    ef_row_text *made = ef_calloc(alloc, sizeof *made);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    made->alloc = alloc;
    ef_text_buffer_init(&made->text, alloc);
    made->columns = ef_calloc(alloc, columns * sizeof *made->columns);
    ef_status status = EF_OK;
    if (made->columns == NULL) {
        status = ef_fail_memory(error);
    } else {
        made->count = columns;
        for (uint32_t c = 0; c < columns && status == EF_OK; c++) {
            made->columns[c].type = types[c];
            if (types[c] < EF_BOOL || types[c] > EF_STRING) {
                status = ef_fail(error, EF_INVALID, "column %u has a type that this encoder does not write", (unsigned)c);
            }
        }
    }
    if (status != EF_OK) {
        ef_row_text_free(made);
        return status;
    }
    *self = made;
    return EF_OK;
}

static char *copied(ef_row_text *self, const char *text, uint32_t length) {
    char *to = ef_malloc(self->alloc, length);
    if (to != NULL && length > 0) {
        memcpy(to, text, length);
    }
    return to;
}

ef_status ef_row_text_json(ef_alloc *alloc, uint32_t columns, const ef_type *types, const char *const *names, const uint32_t *name_lengths,
                           bool include_nulls, bool nan_is_text, ef_row_text **self, ef_error *error) {
    ef_row_text *made;
    EF_TRY(new_encoder(alloc, columns, types, &made, error));
    made->is_json = true;
    made->include_nulls = include_nulls;
    made->nan_is_text = nan_is_text;
    for (uint32_t c = 0; c < columns; c++) {
        /* ,"name":  The comma is left out where nothing stands before. */
        column_text *column = &made->columns[c];
        uint32_t length = name_lengths[c] + 2;
        column->before = ef_malloc(alloc, length);
        if (column->before == NULL) {
            ef_row_text_free(made);
            return ef_fail_memory(error);
        }
        column->before_length = length;
        column->before[0] = ',';
        memcpy(column->before + 1, names[c], name_lengths[c]);
        column->before[length - 1] = ':';
    }
    *self = made;
    return EF_OK;
}

ef_status ef_row_text_csv(ef_alloc *alloc, uint32_t columns, const ef_type *types, char delimiter, char quote, bool quote_all,
                          const char *null_text, uint32_t null_length, ef_row_text **self, ef_error *error) {
    ef_row_text *made;
    EF_TRY(new_encoder(alloc, columns, types, &made, error));
    made->delimiter = delimiter;
    made->quote = quote;
    made->quote_all = quote_all;
    made->null_text = copied(made, null_text, null_length);
    if (made->null_text == NULL) {
        ef_row_text_free(made);
        return ef_fail_memory(error);
    }
    made->null_length = null_length;
    *self = made;
    return EF_OK;
}

void ef_row_text_free(ef_row_text *self) {
    if (self == NULL) {
        return;
    }
    ef_alloc *alloc = self->alloc;
    for (uint32_t c = 0; c < self->count; c++) {
        ef_free(alloc, self->columns[c].before, self->columns[c].before_length);
    }
    ef_free(alloc, self->columns, self->count * sizeof *self->columns);
    ef_free(alloc, self->null_text, self->null_length);
    ef_text_buffer_clear(&self->text);
    ef_free(alloc, self, sizeof *self);
}

static inline void put(ef_text_buffer *text, const char *bytes, size_t length) {
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

static inline void put_char(ef_text_buffer *text, char c) {
    text->bytes[text->length++] = c;
}

/* A number or a truth value, without quotes; the room is there. */
static void put_scalar(ef_text_buffer *text, const ef_column *column, uint32_t row) {
    char *to = text->bytes + text->length;
    switch (column->type) {
    case EF_BOOL:
        if (((const uint8_t *)column->values)[row]) {
            put(text, "true", 4);
        } else {
            put(text, "false", 5);
        }
        return;
    case EF_INT:
        text->length += ef_format_long(((const int32_t *)column->values)[row], to);
        return;
    case EF_LONG:
        text->length += ef_format_long(((const int64_t *)column->values)[row], to);
        return;
    case EF_FLOAT:
        text->length += ef_write_float(((const float *)column->values)[row], to);
        return;
    case EF_DOUBLE:
        text->length += ef_write_double(((const double *)column->values)[row], to);
        return;
    case EF_STRING:
    case EF_OBJECT:
        return;
    }
}

static bool is_finite(const ef_column *column, uint32_t row, double *value) {
    if (column->type == EF_DOUBLE) {
        *value = ((const double *)column->values)[row];
    } else if (column->type == EF_FLOAT) {
        *value = (double)((const float *)column->values)[row];
    } else {
        return true;
    }
    return isfinite(*value);
}

static const char *special_text(double value) {
    return isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

/* ---- JSON ---- */

/* 0: as it is; 1: \u00XX; else the character behind a backslash. */
static const char ESCAPES[256] = {
    ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\',
    [0x00] = 1,   [0x01] = 1,   [0x02] = 1,   [0x03] = 1,   [0x04] = 1,   [0x05] = 1,  [0x06] = 1,
    [0x07] = 1,   [0x0B] = 1,   [0x0E] = 1,   [0x0F] = 1,   [0x10] = 1,   [0x11] = 1,  [0x12] = 1,
    [0x13] = 1,   [0x14] = 1,   [0x15] = 1,   [0x16] = 1,   [0x17] = 1,   [0x18] = 1,  [0x19] = 1,
    [0x1A] = 1,   [0x1B] = 1,   [0x1C] = 1,   [0x1D] = 1,   [0x1E] = 1,   [0x1F] = 1,
};

static ef_status put_json_string(ef_text_buffer *text, const ef_str *value, ef_error *error) {
    const char *bytes = ef_str_data(value);
    uint32_t length = value->length;
    if (!ef_text_buffer_reserve(text, (size_t)length * 6 + 2)) {
        return ef_fail_memory(error);
    }
    put_char(text, '"');
    char *to = text->bytes + text->length;
    for (uint32_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        char escape = ESCAPES[c];
        if (EF_LIKELY(escape == 0)) {
            *to++ = (char)c;
        } else if (escape == 1) {
            memcpy(to, "\\u00", 4);
            to[4] = "0123456789abcdef"[c >> 4];
            to[5] = "0123456789abcdef"[c & 15u];
            to += 6;
        } else {
            to[0] = '\\';
            to[1] = escape;
            to += 2;
        }
    }
    text->length = (size_t)(to - text->bytes);
    put_char(text, '"');
    return EF_OK;
}

static ef_status put_json_row(ef_row_text *self, const ef_column *columns, uint32_t row, ef_error *error) {
    ef_text_buffer *text = &self->text;
    bool first = true;
    if (!ef_text_buffer_reserve(text, 1)) {
        return ef_fail_memory(error);
    }
    put_char(text, '{');
    for (uint32_t c = 0; c < self->count; c++) {
        const column_text *around = &self->columns[c];
        const ef_column *column = &columns[c];
        bool null = ef_is_null(column, row);
        if (null && !self->include_nulls) {
            continue;
        }
        if (!ef_text_buffer_reserve(text, (size_t)around->before_length + EF_VALUE_TEXT)) {
            return ef_fail_memory(error);
        }
        put(text, around->before + first, around->before_length - first);
        first = false;
        double real;
        if (null) {
            put(text, "null", 4);
        } else if (column->type == EF_STRING) {
            EF_TRY(put_json_string(text, &((const ef_str *)column->values)[row], error));
        } else if (EF_UNLIKELY(!is_finite(column, row, &real))) {
            const char *special = special_text(real);
            if (self->nan_is_text) {
                put_char(text, '"');
                put(text, special, strlen(special));
                put_char(text, '"');
            } else {
                put(text, "null", 4);
            }
        } else {
            put_scalar(text, column, row);
        }
    }
    if (!ef_text_buffer_reserve(text, 2)) {
        return ef_fail_memory(error);
    }
    put(text, "}\n", 2);
    return EF_OK;
}

/* ---- CSV ---- */

static bool needs_quotes(const ef_row_text *self, const char *bytes, size_t length) {
    if (self->quote_all || (length == self->null_length && memcmp(bytes, self->null_text, length) == 0)) {
        return true;
    }
    for (size_t i = 0; i < length; i++) {
        char c = bytes[i];
        if (c == self->delimiter || c == self->quote || c == '\n' || c == '\r') {
            return true;
        }
    }
    return false;
}

static ef_status put_csv_text(ef_row_text *self, const char *bytes, size_t length, ef_error *error) {
    ef_text_buffer *text = &self->text;
    if (!ef_text_buffer_reserve(text, length * 2 + 2)) {
        return ef_fail_memory(error);
    }
    if (!needs_quotes(self, bytes, length)) {
        if (length > 0) {
            put(text, bytes, length);
        }
        return EF_OK;
    }
    put_char(text, self->quote);
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == self->quote) {
            put_char(text, self->quote);
        }
        put_char(text, bytes[i]);
    }
    put_char(text, self->quote);
    return EF_OK;
}

/* A number is written first and quoted where the rules want it: it stands at the end of the buffer. */
static ef_status put_csv_scalar(ef_row_text *self, const ef_column *column, uint32_t row, ef_error *error) {
    ef_text_buffer *text = &self->text;
    size_t start = text->length;
    double real;
    if (EF_UNLIKELY(!is_finite(column, row, &real))) {
        const char *special = special_text(real);
        put(text, special, strlen(special));
    } else {
        put_scalar(text, column, row);
    }
    size_t length = text->length - start;
    if (EF_LIKELY(!needs_quotes(self, text->bytes + start, length))) {
        return EF_OK;
    }
    char value[EF_VALUE_TEXT];
    memcpy(value, text->bytes + start, length);
    text->length = start;
    return put_csv_text(self, value, length, error);
}

static ef_status put_csv_row(ef_row_text *self, const ef_column *columns, uint32_t row, ef_error *error) {
    ef_text_buffer *text = &self->text;
    for (uint32_t c = 0; c < self->count; c++) {
        const ef_column *column = &columns[c];
        if (!ef_text_buffer_reserve(text, (size_t)self->null_length + EF_VALUE_TEXT + 1)) {
            return ef_fail_memory(error);
        }
        if (c > 0) {
            put_char(text, self->delimiter);
        }
        if (ef_is_null(column, row)) {
            put(text, self->null_text, self->null_length);
        } else if (column->type == EF_STRING) {
            const ef_str *value = &((const ef_str *)column->values)[row];
            EF_TRY(put_csv_text(self, ef_str_data(value), value->length, error));
        } else {
            EF_TRY(put_csv_scalar(self, column, row, error));
        }
    }
    if (!ef_text_buffer_reserve(text, 1)) {
        return ef_fail_memory(error);
    }
    put_char(text, '\n');
    return EF_OK;
}

ef_status ef_row_text_encode(ef_row_text *self, const ef_column *column, uint32_t from, uint32_t rows, const char **bytes,
                             size_t *length, ef_error *error) {
    self->text.length = 0;
    for (uint32_t c = 0; c < self->count; c++) {
        if (column[c].type != self->columns[c].type) {
            return ef_fail(error, EF_INVALID, "column %u is not of the type that the encoder was made for", (unsigned)c);
        }
    }
    for (uint32_t row = from; row < from + rows; row++) {
        EF_TRY(self->is_json ? put_json_row(self, column, row, error) : put_csv_row(self, column, row, error));
    }
    *bytes = self->text.bytes;
    *length = self->text.length;
    return EF_OK;
}
