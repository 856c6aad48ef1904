/* JSON text and OBJECT values; see json.h. Recursion is bounded by EF_OBJECT_DEPTH. */
#include "base/json.h"

#include "base/number_text.h"
#include "base/utf8.h"

/* ---- reading ---- */

typedef struct parser {
    const char *at;
    const char *end;
    ef_object_writer *to;
} parser;

static void skip_blanks(parser *p) {
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')) {
        p->at++;
    }
}

static bool take(parser *p, char wanted) {
    if (p->at < p->end && *p->at == wanted) {
        p->at++;
        return true;
    }
    return false;
}

static bool take_word(parser *p, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(p->end - p->at) < length || memcmp(p->at, word, length) != 0) {
        return false;
    }
    p->at += length;
    return true;
}

static bool hex4(parser *p, uint32_t *value) {
    if (p->end - p->at < 4) {
        return false;
    }
    *value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)*p->at++;
        uint32_t digit = c >= '0' && c <= '9'   ? c - (uint32_t)'0'
                         : c >= 'a' && c <= 'f' ? c - (uint32_t)'a' + 10
                         : c >= 'A' && c <= 'F' ? c - (uint32_t)'A' + 10
                                                : 16;
        if (digit > 15) {
            return false;
        }
        *value = *value * 16 + digit;
    }
    return true;
}

/* Behind the opening quote. */
static bool read_string(parser *p) {
    const char *start = p->at;
    while (p->at < p->end && *p->at != '"' && *p->at != '\\' && (unsigned char)*p->at >= 0x20) {
        p->at++;
    }
    if (p->at < p->end && *p->at == '"') {
        ef_object_put_string(p->to, start, (uint32_t)(p->at - start));
        p->at++;
        return true;
    }
    ef_object_writer text;
    ef_object_writer_init(&text, p->to->arena);
    ef_object_put_raw(&text, start, (size_t)(p->at - start));
    while (p->at < p->end && *p->at != '"') {
        char c = *p->at++;
        if ((unsigned char)c < 0x20) {
            return false;
        }
        if (c != '\\') {
            ef_object_put_raw(&text, &c, 1);
            continue;
        }
        if (p->at == p->end) {
            return false;
        }
        char escape = *p->at++;
        static const char NAMES[] = "\"\\/bfnrt", MEANT[] = "\"\\/\b\f\n\r\t";
        const char *known = memchr(NAMES, escape, sizeof NAMES - 1);
        if (known != NULL) {
            ef_object_put_raw(&text, &MEANT[known - NAMES], 1);
            continue;
        }
        uint32_t point, low;
        char bytes[4];
        if (escape != 'u' || !hex4(p, &point)) {
            return false;
        }
        if (point >= 0xD800 && point < 0xDC00) {
            if (!take_word(p, "\\u") || !hex4(p, &low) || low < 0xDC00 || low > 0xDFFF) {
                return false;
            }
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        } else if (point >= 0xDC00 && point < 0xE000) {
            return false;
        }
        ef_object_put_raw(&text, bytes, ef_utf8_encode(point, bytes));
    }
    if (!take(p, '"') || text.failed) {
        return false;
    }
    ef_object_put_string(p->to, text.length > 0 ? text.bytes : "", (uint32_t)text.length);
    return true;
}

static bool read_number(parser *p) {
    const char *start = p->at;
    bool integral = true;
    take(p, '-');
    const char *digits = p->at;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9') {
        p->at++;
    }
    if (p->at == digits || (*digits == '0' && p->at - digits > 1)) {
        return false;
    }
    if (take(p, '.')) {
        integral = false;
        const char *fraction = p->at;
        while (p->at < p->end && *p->at >= '0' && *p->at <= '9') {
            p->at++;
        }
        if (p->at == fraction) {
            return false;
        }
    }
    if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
        integral = false;
        p->at++;
        if (p->at < p->end && (*p->at == '+' || *p->at == '-')) {
            p->at++;
        }
        const char *exponent = p->at;
        while (p->at < p->end && *p->at >= '0' && *p->at <= '9') {
            p->at++;
        }
        if (p->at == exponent) {
            return false;
        }
    }
    size_t length = (size_t)(p->at - start);
    int64_t whole;
    if (integral && ef_parse_long(start, length, &whole)) {
        ef_object_put_integer(p->to, whole);
        return true;
    }
    double real;
    if (!ef_parse_double(start, length, &real)) {
        return false;
    }
    ef_object_put_double(p->to, real);
    return true;
}

/* The header of a list or map is written when its count is known: one byte is kept free for it, and four more are made if need be. */
static void put_header(ef_object_writer *to, size_t header, bool map, uint32_t count) {
    if (to->failed) {
        return;
    }
    if (count < 16) {
        to->bytes[header] = (char)((map ? 0x80u : 0x90u) | count);
        return;
    }
    ef_object_put_raw(to, "\0\0\0\0", 4);
    if (to->failed) {
        return;
    }
    memmove(to->bytes + header + 5, to->bytes + header + 1, to->length - header - 5);
    to->bytes[header] = (char)(map ? 0xDF : 0xDD);
    for (uint32_t i = 0; i < 4; i++) {
        to->bytes[header + 1 + i] = (char)(unsigned char)(count >> (24 - 8 * i));
    }
}

/* Whether the name written at [name, end) stands among the `count` pairs at `at`. */
static bool has_name(const char *at, const char *name, const char *end, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const char *key = at;
        if (!ef_object_skip(&at, name)) {
            return false;
        }
        if (at - key == end - name && memcmp(key, name, (size_t)(end - name)) == 0) {
            return true;
        }
        if (!ef_object_skip(&at, name)) {
            return false;
        }
    }
    return false;
}

static bool read_value(parser *p, uint32_t depth);

static bool read_members(parser *p, bool map, uint32_t depth) {
    size_t header = p->to->length;
    uint32_t count = 0;
    char close = map ? '}' : ']';
    ef_object_put_raw(p->to, "", 1);
    skip_blanks(p);
    if (take(p, close)) {
        put_header(p->to, header, map, 0);
        return !p->to->failed;
    }
    do {
        size_t start = p->to->length;
        bool repeated = false;
        skip_blanks(p);
        if (map) {
            if (!take(p, '"') || !read_string(p) || p->to->failed) {
                return false;
            }
            repeated = has_name(p->to->bytes + header + 1, p->to->bytes + start, p->to->bytes + p->to->length, count);
            skip_blanks(p);
            if (!take(p, ':')) {
                return false;
            }
        }
        if (!read_value(p, depth + 1) || p->to->failed) {
            return false;
        }
        if (repeated) {
            p->to->length = start;
        } else {
            count++;
        }
        skip_blanks(p);
    } while (take(p, ','));
    put_header(p->to, header, map, count);
    return take(p, close) && !p->to->failed;
}

static bool read_value(parser *p, uint32_t depth) {
    if (depth > EF_OBJECT_DEPTH) {
        return false;
    }
    skip_blanks(p);
    if (p->at == p->end) {
        return false;
    }
    switch (*p->at) {
    case '{':
    case '[':
        p->at++;
        return read_members(p, p->at[-1] == '{', depth);
    case '"':
        p->at++;
        return read_string(p);
    case 't':
        ef_object_put_bool(p->to, true);
        return take_word(p, "true");
    case 'f':
        ef_object_put_bool(p->to, false);
        return take_word(p, "false");
    case 'n':
        ef_object_put_nil(p->to);
        return take_word(p, "null");
    default:
        return read_number(p);
    }
}

bool ef_json_read(const char *text, size_t length, ef_object_writer *to) {
    parser p = {.at = text, .end = text + length, .to = to};
    if (length > UINT32_MAX || !read_value(&p, 0)) {
        return false;
    }
    skip_blanks(&p);
    return p.at == p.end && !to->failed;
}

/* ---- writing ---- */

static void write_string(ef_object_writer *to, const char *data, uint32_t length) {
    static const char HEX[] = "0123456789abcdef";
    ef_object_put_raw(to, "\"", 1);
    uint32_t plain = 0;
    for (uint32_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)data[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        ef_object_put_raw(to, data + plain, i - plain);
        plain = i + 1;
        char escaped[6] = {'\\', (char)c, '0', '0', '0', '0'};
        const char *short_form = c == '\n' ? "n" : c == '\r' ? "r" : c == '\t' ? "t" : c == '\b' ? "b" : c == '\f' ? "f" : NULL;
        if (short_form != NULL) {
            escaped[1] = *short_form;
        } else if (c < 0x20) {
            escaped[1] = 'u';
            escaped[4] = HEX[c >> 4];
            escaped[5] = HEX[c & 15];
        }
        ef_object_put_raw(to, escaped, c < 0x20 && short_form == NULL ? 6 : 2);
    }
    ef_object_put_raw(to, data + plain, length - plain);
    ef_object_put_raw(to, "\"", 1);
}

static void write_number(ef_object_writer *to, const ef_object_token *token, bool finite_only) {
    char text[EF_NUMBER_TEXT];
    uint32_t length;
    if (token->kind == EF_OBJECT_INTEGER && token->is_huge) {
        /* Above INT64_MAX: two halves. */
        uint64_t value = (uint64_t)token->integer;
        length = ef_format_long((int64_t)(value / 10), text);
        text[length++] = (char)('0' + value % 10);
    } else if (token->kind == EF_OBJECT_INTEGER) {
        length = ef_format_long(token->integer, text);
    } else if (finite_only && !(token->real - token->real == 0)) {
        ef_object_put_raw(to, "null", 4);
        return;
    } else {
        length = token->is_single ? ef_format_float((float)token->real, text) : ef_format_double(token->real, text);
    }
    ef_object_put_raw(to, text, length);
}

static void write_hex(ef_object_writer *to, const char *data, uint32_t length) {
    static const char HEX[] = "0123456789abcdef";
    for (uint32_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)data[i];
        char pair[2] = {HEX[c >> 4], HEX[c & 15]};
        ef_object_put_raw(to, pair, 2);
    }
}

/* An error is its text. `top`: text as it is, not as JSON. */
static bool write_value(const char **at, const char *end, ef_object_writer *to, uint32_t depth, bool top) {
    ef_object_token token;
    if (depth > EF_OBJECT_DEPTH || !ef_object_next(at, end, &token)) {
        return false;
    }
    switch (token.kind) {
    case EF_OBJECT_NIL:
        ef_object_put_raw(to, "null", 4);
        return true;
    case EF_OBJECT_BOOL:
        ef_object_put_raw(to, token.boolean ? "true" : "false", token.boolean ? 4 : 5);
        return true;
    case EF_OBJECT_INTEGER:
    case EF_OBJECT_REAL:
        write_number(to, &token, !top);
        return true;
    case EF_OBJECT_STRING:
        if (top) {
            ef_object_put_raw(to, token.data, token.length);
        } else {
            write_string(to, token.data, token.length);
        }
        return true;
    case EF_OBJECT_BYTES:
    case EF_OBJECT_EXTENSION:
        if (token.kind == EF_OBJECT_EXTENSION && token.extension == EF_OBJECT_ERROR) {
            if (top) {
                ef_object_put_raw(to, token.data, token.length);
            } else {
                write_string(to, token.data, token.length);
            }
            return true;
        }
        ef_object_put_raw(to, "\"", top ? 0 : 1);
        write_hex(to, token.data, token.length);
        ef_object_put_raw(to, "\"", top ? 0 : 1);
        return true;
    case EF_OBJECT_LIST:
    case EF_OBJECT_SET_OF:
        ef_object_put_raw(to, "[", 1);
        for (uint32_t i = 0; i < token.length; i++) {
            ef_object_put_raw(to, ",", i > 0 ? 1 : 0);
            if (!write_value(at, end, to, depth + 1, false)) {
                return false;
            }
        }
        ef_object_put_raw(to, "]", 1);
        return true;
    case EF_OBJECT_MAP:
        ef_object_put_raw(to, "{", 1);
        for (uint32_t i = 0; i < token.length; i++) {
            ef_object_put_raw(to, ",", i > 0 ? 1 : 0);
            const char *peek = *at;
            ef_object_token name;
            bool quoted = ef_object_next(&peek, end, &name) &&
                          (name.kind == EF_OBJECT_STRING || name.kind == EF_OBJECT_BYTES ||
                           name.kind == EF_OBJECT_EXTENSION);
            ef_object_put_raw(to, "\"", quoted ? 0 : 1); /* names are strings in JSON */
            if (!write_value(at, end, to, depth + 1, false)) {
                return false;
            }
            ef_object_put_raw(to, "\"", quoted ? 0 : 1);
            ef_object_put_raw(to, ":", 1);
            if (!write_value(at, end, to, depth + 1, false)) {
                return false;
            }
        }
        ef_object_put_raw(to, "}", 1);
        return true;
    }
    return false;
}

bool ef_json_write(const ef_str *value, ef_object_writer *to) {
    const char *at = ef_str_data(value);
    return write_value(&at, at + value->length, to, 0, false);
}

bool ef_object_print(const ef_str *value, ef_object_writer *to) {
    const char *at = ef_str_data(value);
    return write_value(&at, at + value->length, to, 0, true);
}
