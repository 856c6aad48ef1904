/* Decoder of JSON lines; see json_rows.h. */
#include "decode/json_rows.h"

#include "base/utf8.h"
#include "decode/cell_text.h"

#define MAX_DEPTH 64
#define MAX_NAME 255u

typedef struct field_name {
    const char *bytes;
    uint32_t length;
} field_name;

struct ef_json_rows {
    ef_alloc *alloc;
    ef_row_columns cells;
    uint64_t *present;     /* bit c: the open row has a value or null for column c; as many words as cells.seen */
    field_name *names;     /* [columns] */
    char *name_bytes;      /* all of them */
    size_t name_size;
    uint32_t columns;
    bool has_wide_name;    /* a name with characters beyond ASCII */
    bool fail_on_missing;
    bool fail_on_unknown;
};

/* One pass over one line. */
typedef struct cursor {
    const char *p;
    const char *end;
} cursor;

static ef_status copy_names(ef_json_rows *self, const char *const *names, const uint32_t *lengths, ef_error *error) {
    ef_alloc *alloc = self->alloc;
    for (uint32_t c = 0; c < self->columns; c++) {
        if (lengths[c] > MAX_NAME) {
            return ef_fail(error, EF_LIMIT, "a field name is longer than %u bytes", MAX_NAME);
        }
    }
    for (uint32_t c = 0; c < self->columns; c++) {
        self->name_size += lengths[c];
    }
    self->present = ef_calloc(alloc, self->cells.seen_words * sizeof *self->present);
    self->names = ef_calloc(alloc, self->columns * sizeof *self->names);
    self->name_bytes = ef_malloc(alloc, self->name_size);
    if (self->present == NULL || self->names == NULL || self->name_bytes == NULL) {
        return ef_fail_memory(error);
    }
    char *to = self->name_bytes;
    for (uint32_t c = 0; c < self->columns; c++) {
        if (lengths[c] > 0) {
            memcpy(to, names[c], lengths[c]);
        }
        self->names[c].bytes = to;
        self->names[c].length = lengths[c];
        for (uint32_t i = 0; i < lengths[c]; i++) {
            self->has_wide_name |= (unsigned char)to[i] >= 0x80;
        }
        to += lengths[c];
    }
    return EF_OK;
}

ef_status ef_json_rows_new(ef_alloc *alloc, uint32_t columns, uint32_t visible, const ef_type *types,
                           const char *const *names, const uint32_t *name_lengths, uint32_t capacity, const ef_time_field *time,
                           bool fail_on_missing, bool fail_on_unknown, ef_json_rows **self, ef_error *error) {
    ef_json_rows *made = ef_calloc(alloc, sizeof *made);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    made->alloc = alloc;
    ef_status status = ef_row_columns_init(&made->cells, alloc, columns, visible, types, capacity, time, error);
    if (status == EF_OK) {
        made->columns = columns;
        made->fail_on_missing = fail_on_missing;
        made->fail_on_unknown = fail_on_unknown;
        status = copy_names(made, names, name_lengths, error);
    }
    if (status != EF_OK) {
        ef_json_rows_free(made);
        return status;
    }
    *self = made;
    return EF_OK;
}

void ef_json_rows_free(ef_json_rows *self) {
    if (self == NULL) {
        return;
    }
    ef_alloc *alloc = self->alloc;
    ef_free(alloc, self->present, self->cells.seen_words * sizeof *self->present);
    ef_free(alloc, self->names, self->columns * sizeof *self->names);
    ef_free(alloc, self->name_bytes, self->name_size);
    ef_row_columns_clear(&self->cells);
    ef_free(alloc, self, sizeof *self);
}

static inline void skip_blanks(cursor *at) {
    while (at->p < at->end && (*at->p == ' ' || *at->p == '\t' || *at->p == '\r')) {
        at->p++;
    }
}

static inline bool take(cursor *at, char wanted) {
    if (at->p < at->end && *at->p == wanted) {
        at->p++;
        return true;
    }
    return false;
}

static inline bool take_word(cursor *at, const char *word, size_t length) {
    if ((size_t)(at->end - at->p) >= length && memcmp(at->p, word, length) == 0) {
        at->p += length;
        return true;
    }
    return false;
}

/* Passes a string whose opening quote has been taken; *plain: it has no escapes. Leaves p behind the closing quote. */
static bool pass_string(cursor *at, const char **text, size_t *length, bool *plain) {
    const char *p = at->p;
    *text = p;
    *plain = true;
    while (p < at->end) {
        unsigned char c = (unsigned char)*p;
        if (c == '"') {
            *length = (size_t)(p - *text);
            at->p = p + 1;
            return true;
        }
        if (c < 0x20) {
            return false;
        }
        if (c == '\\') {
            *plain = false;
            p++;
            if (p == at->end) {
                return false;
            }
            if (*p == 'u') {
                if (at->end - p < 5) {
                    return false;
                }
                for (int i = 1; i <= 4; i++) {
                    char h = p[i];
                    if (!((h >= '0' && h <= '9') || (h >= 'a' && h <= 'f') || (h >= 'A' && h <= 'F'))) {
                        return false;
                    }
                }
                p += 4;
            } else if (memchr("\"\\/bfnrt", *p, 8) == NULL) {
                return false;
            }
        }
        p++;
    }
    return false;
}

static uint32_t hex4(const char *p) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char h = p[i];
        uint32_t digit = h <= '9' ? (uint32_t)(h - '0') : (uint32_t)((h | 0x20) - 'a') + 10u;
        value = value * 16u + digit;
    }
    return value;
}

/* Writes what a passed string with escapes means; at most `length` bytes. False: half of a surrogate pair. */
static bool unescape(const char *text, size_t length, char *to, size_t *written) {
    const char *p = text, *end = text + length;
    char *out = to;
    while (p < end) {
        if (*p != '\\') {
            *out++ = *p++;
            continue;
        }
        char c = p[1];
        p += 2;
        if (c == 'u') {
            uint32_t point = hex4(p);
            p += 4;
            if (point >= 0xD800 && point <= 0xDFFF) {
                if (point >= 0xDC00 || end - p < 6 || p[0] != '\\' || p[1] != 'u') {
                    return false;
                }
                uint32_t low = hex4(p + 2);
                if (low < 0xDC00 || low > 0xDFFF) {
                    return false;
                }
                point = 0x10000u + ((point - 0xD800u) << 10) + (low - 0xDC00u);
                p += 6;
            }
            out += ef_utf8_encode(point, out);
            continue;
        }
        *out++ = c == 'b' ? '\b' : c == 'f' ? '\f' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
    }
    *written = (size_t)(out - to);
    return true;
}

/* Passes a value that nobody wants. */
static bool pass_value(cursor *at) {
    uint64_t is_object = 0; /* bit d: the container at depth d is an object */
    uint32_t depth = 0;
    const char *text;
    size_t length;
    bool plain;
    ef_number_token token;
    for (;;) {
        /* a value is due */
        skip_blanks(at);
        if (at->p == at->end) {
            return false;
        }
        bool opened = false;
        switch (*at->p) {
        case '{':
        case '[':
            if (depth == MAX_DEPTH) {
                return false;
            }
            is_object = *at->p == '{' ? is_object | ((uint64_t)1 << depth) : is_object & ~((uint64_t)1 << depth);
            depth++;
            at->p++;
            opened = true;
            break;
        case '"':
            at->p++;
            if (!pass_string(at, &text, &length, &plain)) {
                return false;
            }
            break;
        case 't':
            if (!take_word(at, "true", 4)) {
                return false;
            }
            break;
        case 'f':
            if (!take_word(at, "false", 5)) {
                return false;
            }
            break;
        case 'n':
            if (!take_word(at, "null", 4)) {
                return false;
            }
            break;
        default:
            if (!ef_scan_number(at->p, at->end, &token)) {
                return false;
            }
            at->p = token.end;
        }
        /* a value is over, or a container has been opened: what comes next? */
        for (;;) {
            if (depth == 0) {
                return true;
            }
            bool object = (is_object >> (depth - 1)) & 1u;
            skip_blanks(at);
            if (take(at, object ? '}' : ']')) {
                depth--;
                opened = false;
                continue;
            }
            if (!opened && !take(at, ',')) {
                return false;
            }
            if (object) {
                skip_blanks(at);
                if (!take(at, '"') || !pass_string(at, &text, &length, &plain)) {
                    return false;
                }
                skip_blanks(at);
                if (!take(at, ':')) {
                    return false;
                }
            }
            break;
        }
    }
}

static bool read_number(ef_row_columns *cells, uint32_t c, cursor *at) {
    ef_number_token token;
    if (!ef_scan_number(at->p, at->end, &token)) {
        return false;
    }
    ef_column *column = &cells->column[c];
    switch (column->type) {
    case EF_LONG:
        if (!token.fits_long) {
            return false;
        }
        ((int64_t *)column->values)[cells->rows] = token.integer;
        break;
    case EF_INT:
        if (!token.fits_long || token.integer < INT32_MIN || token.integer > INT32_MAX) {
            return false;
        }
        ((int32_t *)column->values)[cells->rows] = (int32_t)token.integer;
        break;
    case EF_DOUBLE:
    case EF_FLOAT: {
        double value = ef_number_value(at->p, &token);
        if (token.is_integer && token.mantissa == 0) {
            value = 0.0; /* -0 is an integer without a sign */
        }
        if (!(value <= 1.7976931348623157e308 && value >= -1.7976931348623157e308)) {
            return false;
        }
        if (column->type == EF_DOUBLE) {
            ((double *)column->values)[cells->rows] = value;
        } else {
            if (value >= EF_FLOAT_LIMIT || value <= -EF_FLOAT_LIMIT) {
                return false;
            }
            ((float *)column->values)[cells->rows] = (float)value;
        }
        break;
    }
    case EF_BOOL:
    case EF_STRING:
    case EF_OBJECT:
        return false;
    }
    at->p = token.end;
    return true;
}

static ef_status read_text(ef_row_columns *cells, uint32_t c, cursor *at, bool *accepted, ef_error *error) {
    const char *text;
    size_t length;
    bool plain;
    *accepted = false;
    if (cells->column[c].type != EF_STRING || !pass_string(at, &text, &length, &plain) || length > UINT32_MAX) {
        return EF_OK;
    }
    ef_str *cell = &((ef_str *)cells->column[c].values)[cells->rows];
    if (plain) {
        *cell = ef_str_view(text, (uint32_t)length);
    } else {
        char *to = ef_arena_take(&cells->text, length);
        if (to == NULL) {
            return ef_fail_memory(error);
        }
        size_t written;
        if (!unescape(text, length, to, &written)) {
            return EF_OK;
        }
        *cell = ef_str_view(to, (uint32_t)written);
    }
    *accepted = true;
    return EF_OK;
}

/* The value of column c. */
static ef_status read_value(ef_row_columns *cells, uint32_t c, cursor *at, bool *accepted, ef_error *error) {
    *accepted = false;
    if (at->p == at->end) {
        return EF_OK;
    }
    switch (*at->p) {
    case '"':
        at->p++;
        EF_TRY(read_text(cells, c, at, accepted, error));
        break;
    case 't':
    case 'f': {
        bool value = *at->p == 't';
        if (cells->column[c].type != EF_BOOL || !take_word(at, value ? "true" : "false", value ? 4 : 5)) {
            return EF_OK;
        }
        ((uint8_t *)cells->column[c].values)[cells->rows] = value;
        *accepted = true;
        break;
    }
    case 'n':
        if (!take_word(at, "null", 4)) {
            return EF_OK;
        }
        ef_cell_null(cells, c);
        *accepted = true;
        return EF_OK;
    default:
        *accepted = read_number(cells, c, at);
    }
    if (*accepted) {
        ef_cell_seen(cells, c);
    }
    return EF_OK;
}

static inline bool is_name(const field_name *name, const char *text, size_t length) {
    return name->length == length && memcmp(name->bytes, text, length) == 0;
}

static bool is_name_in_any_case(const field_name *name, const char *text, size_t length) {
    if (name->length != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        char a = name->bytes[i], b = text[i];
        a = a >= 'A' && a <= 'Z' ? (char)(a | 0x20) : a;
        b = b >= 'A' && b <= 'Z' ? (char)(b | 0x20) : b;
        if (a != b) {
            return false;
        }
    }
    return true;
}

/* Whether a name with characters beyond ASCII may equal a column's in another case: if columns have such names, or if all of its
 * wide characters fold to ASCII ones (ß ſ ẞ, the Kelvin sign, the ligatures ff to st). */
static bool folds_unclearly(const ef_json_rows *self, const char *text, size_t length) {
    bool wide = false;
    size_t i = 0;
    while (i < length) {
        const unsigned char *p = (const unsigned char *)text + i;
        if (p[0] < 0x80) {
            i++;
            continue;
        }
        uint32_t width;
        uint32_t point = ef_utf8_decode(text + i, &width);
        bool folds = point == 0xDF || point == 0x17F || point == 0x1E9E || point == 0x212A ||
                     (point >= 0xFB00 && point <= 0xFB06);
        if (!folds && !self->has_wide_name) {
            return false;
        }
        wide = true;
        i += width;
    }
    return wide;
}

/* The column of a name; `columns` if there is none. *doubtful: the general path may know it. */
static uint32_t find_name(const ef_json_rows *self, const char *text, size_t length, uint32_t expected, bool *doubtful) {
    *doubtful = false;
    if (EF_LIKELY(expected < self->columns && is_name(&self->names[expected], text, length))) {
        return expected;
    }
    for (uint32_t c = 0; c < self->columns; c++) {
        if (is_name(&self->names[c], text, length)) {
            return c;
        }
    }
    if (self->fail_on_unknown) {
        *doubtful = true;
        return self->columns;
    }
    *doubtful = folds_unclearly(self, text, length);
    for (uint32_t c = 0; c < self->columns && !*doubtful; c++) {
        *doubtful = is_name_in_any_case(&self->names[c], text, length);
    }
    return self->columns;
}

static bool all_present(const ef_json_rows *self) {
    uint32_t count = 0;
    for (uint32_t word = 0; word < self->cells.seen_words; word++) {
        count += (uint32_t)__builtin_popcountll(self->present[word]);
    }
    return count == self->columns;
}

/* One line into the open row. *accepted: it is a flat object that fits. */
static ef_status read_line(ef_json_rows *self, cursor at, bool *accepted, ef_error *error) {
    ef_row_columns *cells = &self->cells;
    *accepted = false;
    uint32_t expected = 0;
    skip_blanks(&at);
    if (!take(&at, '{')) {
        return EF_OK;
    }
    skip_blanks(&at);
    if (!take(&at, '}')) {
        for (;;) {
            const char *text;
            size_t length;
            bool plain, doubtful;
            if (!take(&at, '"') || !pass_string(&at, &text, &length, &plain) || !plain) {
                return EF_OK;
            }
            uint32_t c = find_name(self, text, length, expected, &doubtful);
            if (doubtful) {
                return EF_OK;
            }
            skip_blanks(&at);
            if (!take(&at, ':')) {
                return EF_OK;
            }
            skip_blanks(&at);
            if (c == self->columns) {
                if (!pass_value(&at)) {
                    return EF_OK;
                }
            } else {
                bool fits;
                EF_TRY(read_value(cells, c, &at, &fits, error));
                if (!fits) {
                    return EF_OK;
                }
                expected = c + 1;
                self->present[c >> 6] |= (uint64_t)1 << (c & 63u);
            }
            skip_blanks(&at);
            if (take(&at, ',')) {
                skip_blanks(&at);
                continue;
            }
            if (take(&at, '}')) {
                break;
            }
            return EF_OK;
        }
    }
    skip_blanks(&at);
    *accepted = at.p == at.end && (!self->fail_on_missing || all_present(self));
    return EF_OK;
}

ef_status ef_json_rows_decode(ef_json_rows *self, const char *text, size_t length, ef_decode_result *result,
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
                memset(self->present, 0, cells->seen_words * sizeof *self->present);
                EF_TRY(read_line(self, (cursor){p, last}, &accepted, error));
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

const ef_batch *ef_json_rows_batch(ef_json_rows *self) {
    return ef_row_columns_batch(&self->cells);
}
