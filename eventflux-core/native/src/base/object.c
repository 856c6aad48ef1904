/* Reading, comparing, hashing and writing OBJECT values; see object.h.
 *
 * Recursion is over the depth of a value, which ef_object_check bounds where bytes enter; the walkers bound it again, so that
 * nothing depends on a caller's care. */
#include "base/object.h"

#include "base/hash.h"
#include "base/utf8.h"

/* ---- reading ---- */

static uint64_t read_big(const char *p, uint32_t bytes) {
    uint64_t value = 0;
    for (uint32_t i = 0; i < bytes; i++) {
        value = (value << 8) | (unsigned char)p[i];
    }
    return value;
}

/* `bytes` big-endian bytes at *at, or false. */
static bool take_number(const char **at, const char *end, uint32_t bytes, uint64_t *value) {
    if ((size_t)(end - *at) < bytes) {
        return false;
    }
    *value = read_big(*at, bytes);
    *at += bytes;
    return true;
}

static bool take_view(const char **at, const char *end, uint32_t length, ef_object_token *token) {
    if ((size_t)(end - *at) < length) {
        return false;
    }
    token->data = *at;
    token->length = length;
    *at += length;
    return true;
}

static bool take_extension(const char **at, const char *end, uint32_t length, ef_object_token *token) {
    uint64_t type;
    if (!take_number(at, end, 1, &type)) {
        return false;
    }
    token->extension = (int8_t)(uint8_t)type;
    token->kind = EF_OBJECT_EXTENSION;
    if (token->extension != EF_OBJECT_SET) {
        return take_view(at, end, length, token);
    }
    if ((size_t)(end - *at) < length || length == 0) {
        return false;
    }
    const char *behind = *at + length;
    ef_object_token list;
    if (!ef_object_next(at, behind, &list) || list.kind != EF_OBJECT_LIST) {
        return false;
    }
    token->kind = EF_OBJECT_SET_OF;
    token->length = list.length;
    return true;
}

bool ef_object_next(const char **at, const char *end, ef_object_token *token) {
    memset(token, 0, sizeof *token);
    if (*at >= end) {
        return false;
    }
    unsigned tag = (unsigned char)*(*at)++;
    uint64_t number = 0;
    if (tag <= 0x7F || tag >= 0xE0) {
        token->kind = EF_OBJECT_INTEGER;
        token->integer = tag <= 0x7F ? (int64_t)tag : (int64_t)tag - 256;
        return true;
    }
    if (tag <= 0x8F || (tag & 0xF0u) == 0x90u) {
        token->kind = tag <= 0x8F ? EF_OBJECT_MAP : EF_OBJECT_LIST;
        token->length = tag & 0x0Fu;
        return true;
    }
    if (tag <= 0xBF) {
        token->kind = EF_OBJECT_STRING;
        return take_view(at, end, tag & 0x1Fu, token);
    }
    switch (tag) {
    case 0xC0:
        token->kind = EF_OBJECT_NIL;
        return true;
    case 0xC2:
    case 0xC3:
        token->kind = EF_OBJECT_BOOL;
        token->boolean = tag == 0xC3;
        return true;
    case 0xC4:
    case 0xC5:
    case 0xC6:
        token->kind = EF_OBJECT_BYTES;
        return take_number(at, end, 1u << (tag - 0xC4), &number) && take_view(at, end, (uint32_t)number, token);
    case 0xC7:
    case 0xC8:
    case 0xC9:
        return take_number(at, end, 1u << (tag - 0xC7), &number) &&
               take_extension(at, end, (uint32_t)number, token);
    case 0xCA: {
        if (!take_number(at, end, 4, &number)) {
            return false;
        }
        uint32_t bits = (uint32_t)number;
        float single;
        memcpy(&single, &bits, 4);
        token->kind = EF_OBJECT_REAL;
        token->is_single = true;
        token->real = (double)single;
        return true;
    }
    case 0xCB:
        token->kind = EF_OBJECT_REAL;
        if (!take_number(at, end, 8, &number)) {
            return false;
        }
        memcpy(&token->real, &number, 8);
        return true;
    case 0xCC:
    case 0xCD:
    case 0xCE:
    case 0xCF:
        token->kind = EF_OBJECT_INTEGER;
        if (!take_number(at, end, 1u << (tag - 0xCC), &number)) {
            return false;
        }
        token->is_huge = number > (uint64_t)INT64_MAX;
        token->integer = (int64_t)number;
        return true;
    case 0xD0:
    case 0xD1:
    case 0xD2:
    case 0xD3: {
        uint32_t bytes = 1u << (tag - 0xD0);
        token->kind = EF_OBJECT_INTEGER;
        if (!take_number(at, end, bytes, &number)) {
            return false;
        }
        uint32_t shift = 64u - 8u * bytes;
        token->integer = (int64_t)(number << shift) >> shift;
        return true;
    }
    case 0xD4:
    case 0xD5:
    case 0xD6:
    case 0xD7:
    case 0xD8:
        return take_extension(at, end, 1u << (tag - 0xD4), token);
    case 0xD9:
    case 0xDA:
    case 0xDB:
        token->kind = EF_OBJECT_STRING;
        return take_number(at, end, 1u << (tag - 0xD9), &number) && take_view(at, end, (uint32_t)number, token);
    case 0xDC:
    case 0xDD:
        token->kind = EF_OBJECT_LIST;
        break;
    case 0xDE:
    case 0xDF:
        token->kind = EF_OBJECT_MAP;
        break;
    default:
        return false;
    }
    if (!take_number(at, end, (tag & 1u) == 0 ? 2 : 4, &number)) {
        return false;
    }
    token->length = (uint32_t)number;
    return true;
}

/* Values that follow the token. */
static uint64_t parts_of(const ef_object_token *token) {
    switch (token->kind) {
    case EF_OBJECT_LIST:
    case EF_OBJECT_SET_OF:
        return token->length;
    case EF_OBJECT_MAP:
        return (uint64_t)token->length * 2;
    default:
        return 0;
    }
}

bool ef_object_skip(const char **at, const char *end) {
    uint64_t waiting = 1; /* flat: a value's parts are only counted */
    while (waiting > 0) {
        ef_object_token token;
        if (!ef_object_next(at, end, &token)) {
            return false;
        }
        waiting += parts_of(&token) - 1;
        if (waiting > (uint64_t)(end - *at)) {
            return false; /* each part takes a byte at least */
        }
    }
    return true;
}

/* ---- equality and hashing ---- */

static bool equal_at(const char **a, const char *a_end, const char **b, const char *b_end, uint32_t depth);

/* Whether each of the `count` entries (of `width` values) at `a` has its equal among those at `b`, each used once. Both move behind. */
static bool equal_unordered(const char **a, const char *a_end, const char **b, const char *b_end, uint32_t count,
                            uint32_t width, uint32_t depth) {
    const char *b_first = *b;
    for (uint32_t i = 0; i < count; i++) {
        const char *entry = *a;
        bool found = false;
        const char *other = b_first;
        /* Entries are distinct within one value, so a match need not be marked as used. */
        for (uint32_t j = 0; j < count && !found; j++) {
            const char *x = entry, *y = other;
            found = true;
            for (uint32_t k = 0; k < width && found; k++) {
                found = equal_at(&x, a_end, &y, b_end, depth);
            }
            if (found) {
                *a = x;
            }
            for (uint32_t k = 0; k < width; k++) {
                if (!ef_object_skip(&other, b_end)) {
                    return false;
                }
            }
        }
        if (!found) {
            return false;
        }
    }
    for (uint64_t k = 0; k < (uint64_t)count * width; k++) {
        if (!ef_object_skip(b, b_end)) {
            return false;
        }
    }
    return true;
}

static bool equal_at(const char **a, const char *a_end, const char **b, const char *b_end, uint32_t depth) {
    ef_object_token x, y;
    if (depth > EF_OBJECT_DEPTH || !ef_object_next(a, a_end, &x) || !ef_object_next(b, b_end, &y)) {
        return false;
    }
    if (x.kind != y.kind) {
        return false;
    }
    switch (x.kind) {
    case EF_OBJECT_NIL:
        return true;
    case EF_OBJECT_BOOL:
        return x.boolean == y.boolean;
    case EF_OBJECT_INTEGER:
        return x.integer == y.integer && x.is_huge == y.is_huge;
    case EF_OBJECT_REAL:
        return x.real == y.real || (x.real != x.real && y.real != y.real);
    case EF_OBJECT_EXTENSION:
        if (x.extension != y.extension) {
            return false;
        }
        /* fall through */
    case EF_OBJECT_STRING:
    case EF_OBJECT_BYTES:
        return x.length == y.length && memcmp(x.data, y.data, x.length) == 0;
    case EF_OBJECT_LIST:
        if (x.length != y.length) {
            return false;
        }
        for (uint32_t i = 0; i < x.length; i++) {
            if (!equal_at(a, a_end, b, b_end, depth + 1)) {
                return false;
            }
        }
        return true;
    case EF_OBJECT_MAP:
    case EF_OBJECT_SET_OF:
        return x.length == y.length &&
               equal_unordered(a, a_end, b, b_end, x.length, x.kind == EF_OBJECT_MAP ? 2 : 1, depth + 1);
    }
    return false;
}

bool ef_object_equal(const ef_str *a, const ef_str *b) {
    if (ef_str_equal(a, b)) {
        return true;
    }
    const char *x = ef_str_data(a), *y = ef_str_data(b);
    return equal_at(&x, x + a->length, &y, y + b->length, 0);
}

static uint64_t hash_at(const char **at, const char *end, uint64_t seed, uint32_t depth) {
    ef_object_token token;
    if (depth > EF_OBJECT_DEPTH || !ef_object_next(at, end, &token)) {
        return seed;
    }
    uint64_t kind = ef_hash_u64((uint64_t)token.kind, seed);
    switch (token.kind) {
    case EF_OBJECT_NIL:
        return kind;
    case EF_OBJECT_BOOL:
        return ef_hash_u64(token.boolean, kind);
    case EF_OBJECT_INTEGER:
        return ef_hash_u64((uint64_t)token.integer, kind);
    case EF_OBJECT_REAL: {
        /* -0.0 equals 0.0, and a NaN every other. */
        double value = token.real == 0 ? 0.0 : token.real;
        uint64_t bits = 0;
        if (value == value) {
            memcpy(&bits, &value, sizeof bits);
        }
        return ef_hash_u64(bits, kind);
    }
    case EF_OBJECT_STRING:
    case EF_OBJECT_BYTES:
    case EF_OBJECT_EXTENSION:
        return ef_hash_bytes(token.data, token.length, kind);
    case EF_OBJECT_LIST:
        for (uint32_t i = 0; i < token.length; i++) {
            kind = ef_hash_u64(hash_at(at, end, seed, depth + 1), kind);
        }
        return kind;
    case EF_OBJECT_MAP:
    case EF_OBJECT_SET_OF: {
        uint64_t sum = 0; /* without order */
        for (uint32_t i = 0; i < token.length; i++) {
            uint64_t entry = hash_at(at, end, seed, depth + 1);
            if (token.kind == EF_OBJECT_MAP) {
                entry = ef_hash_u64(hash_at(at, end, seed, depth + 1), entry);
            }
            sum += entry;
        }
        return ef_hash_u64(sum, kind);
    }
    }
    return kind;
}

uint64_t ef_object_hash(const ef_str *value, uint64_t seed) {
    const char *at = ef_str_data(value);
    return hash_at(&at, at + value->length, seed, 0);
}

/* ---- checking ---- */

/* Most comparisons that checking the distinctness of one value's elements may cost: hostile bytes must not stall the engine. */
#define MAX_DISTINCT 2048u

static bool distinct(const char *first, const char *end, uint32_t count, uint32_t width) {
    if (count > MAX_DISTINCT) {
        return true; /* a repeated element then stays: harmless, equality only finds the first */
    }
    const char *a = first;
    for (uint32_t i = 0; i + 1 < count; i++) {
        const char *b = a;
        for (uint32_t k = 0; k < width; k++) {
            if (!ef_object_skip(&b, end)) {
                return false;
            }
        }
        const char *next = b;
        for (uint32_t j = i + 1; j < count; j++) {
            const char *x = a, *y = b;
            if (equal_at(&x, end, &y, end, 0)) {
                return false;
            }
            for (uint32_t k = 0; k < width; k++) {
                if (!ef_object_skip(&b, end)) {
                    return false;
                }
            }
        }
        a = next;
    }
    return true;
}

static bool check_at(const char **at, const char *end, uint32_t depth) {
    const char *start = *at;
    ef_object_token token;
    if (depth > EF_OBJECT_DEPTH || !ef_object_next(at, end, &token)) {
        return false;
    }
    bool is_error = token.kind == EF_OBJECT_EXTENSION && token.extension == EF_OBJECT_ERROR;
    if (token.kind == EF_OBJECT_STRING || is_error) {
        return ef_utf8_check(token.data, token.length);
    }
    uint64_t parts = parts_of(&token);
    if (parts > (uint64_t)(end - *at)) {
        return false;
    }
    const char *first = *at;
    const char *inner = end;
    if (token.kind == EF_OBJECT_SET_OF) { /* the payload must end with its last element */
        unsigned tag = (unsigned char)*start;
        uint32_t sized = tag >= 0xC7 && tag <= 0xC9 ? 1u << (tag - 0xC7) : 0;
        uint64_t length = sized > 0 ? read_big(start + 1, sized) : 1u << (tag - 0xD4);
        inner = start + 2 + sized + length;
    }
    for (uint64_t i = 0; i < parts; i++) {
        if (!check_at(at, inner, depth + 1)) {
            return false;
        }
    }
    if (token.kind == EF_OBJECT_SET_OF) {
        return *at == inner && distinct(first, inner, token.length, 1);
    }
    return token.kind != EF_OBJECT_MAP || distinct(first, end, token.length, 2);
}

bool ef_object_check(const char *data, size_t length) {
    const char *at = data;
    return length <= UINT32_MAX && check_at(&at, data + length, 0) && at == data + length;
}

/* ---- writing ---- */

void ef_object_writer_init(ef_object_writer *writer, ef_arena *arena) {
    writer->arena = arena;
    writer->bytes = NULL;
    writer->length = 0;
    writer->capacity = 0;
    writer->failed = false;
}

void ef_object_put_raw(ef_object_writer *writer, const char *data, size_t length) {
    if (writer->failed) {
        return;
    }
    if (length > writer->capacity - writer->length) {
        size_t wanted = writer->capacity * 2 > writer->length + length ? writer->capacity * 2 : writer->length + length + 48;
        char *bytes = ef_arena_take(writer->arena, wanted);
        if (bytes == NULL) {
            writer->failed = true;
            return;
        }
        if (writer->length > 0) {
            memcpy(bytes, writer->bytes, writer->length);
        }
        writer->bytes = bytes;
        writer->capacity = wanted;
    }
    if (length > 0) {
        memcpy(writer->bytes + writer->length, data, length);
        writer->length += length;
    }
}

/* A tag and `bytes` big-endian bytes of `value`. */
static void put_tagged(ef_object_writer *writer, unsigned tag, uint64_t value, uint32_t bytes) {
    char packed[9];
    packed[0] = (char)tag;
    for (uint32_t i = 0; i < bytes; i++) {
        packed[1 + i] = (char)(unsigned char)(value >> (8 * (bytes - 1 - i)));
    }
    ef_object_put_raw(writer, packed, 1u + bytes);
}

void ef_object_put_nil(ef_object_writer *writer) {
    put_tagged(writer, 0xC0, 0, 0);
}

void ef_object_put_bool(ef_object_writer *writer, bool value) {
    put_tagged(writer, value ? 0xC3 : 0xC2, 0, 0);
}

void ef_object_put_integer(ef_object_writer *writer, int64_t value) {
    uint64_t bits = (uint64_t)value;
    if (value >= -32 && value <= 127) {
        put_tagged(writer, (unsigned)(bits & 0xFFu), 0, 0);
    } else if (value >= 0) {
        uint32_t log = value <= UINT8_MAX ? 0 : value <= UINT16_MAX ? 1 : value <= UINT32_MAX ? 2 : 3;
        put_tagged(writer, 0xCCu + log, bits, 1u << log);
    } else {
        uint32_t log = value >= INT8_MIN ? 0 : value >= INT16_MIN ? 1 : value >= INT32_MIN ? 2 : 3;
        put_tagged(writer, 0xD0u + log, bits, 1u << log);
    }
}

void ef_object_put_float(ef_object_writer *writer, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_tagged(writer, 0xCA, bits, 4);
}

void ef_object_put_double(ef_object_writer *writer, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_tagged(writer, 0xCB, bits, 8);
}

void ef_object_put_string(ef_object_writer *writer, const char *data, uint32_t length) {
    if (length < 32) {
        put_tagged(writer, 0xA0u | length, 0, 0);
    } else {
        uint32_t log = length <= UINT8_MAX ? 0 : length <= UINT16_MAX ? 1 : 2;
        put_tagged(writer, 0xD9u + log, length, 1u << log);
    }
    ef_object_put_raw(writer, data, length);
}

void ef_object_put_list(ef_object_writer *writer, uint32_t count) {
    if (count < 16) {
        put_tagged(writer, 0x90u | count, 0, 0);
    } else {
        put_tagged(writer, count <= UINT16_MAX ? 0xDC : 0xDD, count, count <= UINT16_MAX ? 2 : 4);
    }
}

void ef_object_put_map(ef_object_writer *writer, uint32_t count) {
    if (count < 16) {
        put_tagged(writer, 0x80u | count, 0, 0);
    } else {
        put_tagged(writer, count <= UINT16_MAX ? 0xDE : 0xDF, count, count <= UINT16_MAX ? 2 : 4);
    }
}

/* Header of `size` bytes of an extension. */
static void put_extension(ef_object_writer *writer, char type, size_t size) {
    if (size > UINT32_MAX) {
        writer->failed = true;
        return;
    }
    switch (size) {
    case 1:
        put_tagged(writer, 0xD4, (uint64_t)type, 1);
        return;
    case 2:
        put_tagged(writer, 0xD5, (uint64_t)type, 1);
        return;
    case 4:
        put_tagged(writer, 0xD6, (uint64_t)type, 1);
        return;
    case 8:
        put_tagged(writer, 0xD7, (uint64_t)type, 1);
        return;
    case 16:
        put_tagged(writer, 0xD8, (uint64_t)type, 1);
        return;
    default: {
        uint32_t log = size <= UINT8_MAX ? 0 : size <= UINT16_MAX ? 1 : 2;
        put_tagged(writer, 0xC7u + log, size, 1u << log);
        ef_object_put_raw(writer, &type, 1);
    }
    }
}

void ef_object_put_set(ef_object_writer *writer, size_t size) {
    put_extension(writer, EF_OBJECT_SET, size);
}

void ef_object_put_error(ef_object_writer *writer, const char *text, uint32_t length) {
    put_extension(writer, EF_OBJECT_ERROR, length);
    ef_object_put_raw(writer, text, length);
}

void ef_object_put_value(ef_object_writer *writer, ef_type type, const void *value) {
    if (value == NULL) {
        ef_object_put_nil(writer);
        return;
    }
    switch (type) {
    case EF_BOOL:
        ef_object_put_bool(writer, *(const uint8_t *)value != 0);
        return;
    case EF_INT:
        ef_object_put_integer(writer, *(const int32_t *)value);
        return;
    case EF_LONG:
        ef_object_put_integer(writer, *(const int64_t *)value);
        return;
    case EF_FLOAT:
        ef_object_put_float(writer, *(const float *)value);
        return;
    case EF_DOUBLE:
        ef_object_put_double(writer, *(const double *)value);
        return;
    case EF_STRING:
        ef_object_put_string(writer, ef_str_data(value), ((const ef_str *)value)->length);
        return;
    case EF_OBJECT:
        ef_object_put_raw(writer, ef_str_data(value), ((const ef_str *)value)->length);
        return;
    }
}

bool ef_object_writer_take(ef_object_writer *writer, ef_str *value) {
    if (writer->failed || writer->length > UINT32_MAX) {
        return false;
    }
    *value = ef_str_view(writer->length > 0 ? writer->bytes : "", (uint32_t)writer->length);
    ef_object_writer_init(writer, writer->arena);
    return true;
}
