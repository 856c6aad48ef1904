/* Making strings in the arena, for the kernels of expr/. */
#ifndef EF_EXPR_TEXT_H
#define EF_EXPR_TEXT_H

#include "base/number_text.h"
#include "base/object.h"
#include "base/utf8.h"
#include "expr/internal.h"

/* A copy of the bytes: inline, or in the arena. False: out of memory. */
static inline bool ef_text_copy(ef_str *to, const char *data, uint32_t length, ef_arena *arena) {
    if (length <= EF_INLINE_STRING) {
        *to = ef_str_view(data, length);
        return true;
    }
    char *bytes = ef_arena_take(arena, length);
    if (bytes == NULL) {
        return false;
    }
    memcpy(bytes, data, length);
    *to = ef_str_view(bytes, length);
    return true;
}

/* Part of `from` [start, start + length): a view where it is long, which needs from's bytes; those live as long as the slice unless
 * they are inside `from`, where the part is short too. */
static inline ef_str ef_text_part(const ef_str *from, uint32_t start, uint32_t length) {
    return ef_str_view(ef_str_data(from) + start, length);
}

/* The value at `value` as Java prints it, into `number` (numbers, booleans) or as a view (strings). OBJECT is not handled. */
static inline ef_str ef_text_of(ef_type type, const void *value, char number[EF_NUMBER_TEXT], const char **data) {
    uint32_t length = 0;
    *data = number;
    switch (type) {
    case EF_BOOL:
        *data = *(const uint8_t *)value != 0 ? "true" : "false";
        length = *(const uint8_t *)value != 0 ? 4 : 5;
        break;
    case EF_INT:
        length = ef_format_long(*(const int32_t *)value, number);
        break;
    case EF_LONG:
        length = ef_format_long(*(const int64_t *)value, number);
        break;
    case EF_FLOAT:
        length = ef_format_float(*(const float *)value, number);
        break;
    case EF_DOUBLE:
        length = ef_format_double(*(const double *)value, number);
        break;
    case EF_STRING:
    case EF_OBJECT:
        *data = ef_str_data(value);
        length = ((const ef_str *)value)->length;
        break;
    }
    return ef_str_view(*data, length);
}

/* ---- operands and parts of the string functions ---- */

static inline const ef_str *ef_text_at(const ef_vector *vector, uint32_t row) {
    return (const ef_str *)vector->values + (row & vector->index_mask);
}

static inline int32_t ef_int_at(const ef_vector *vector, uint32_t row) {
    return ((const int32_t *)vector->values)[row & vector->index_mask];
}

static inline bool ef_any_null(const ef_call *call, uint32_t row) {
    return call->result->validity != NULL && !ef_bit(call->result->validity, row);
}

static inline uint32_t ef_points_in(const ef_str *text) {
    return (uint32_t)ef_utf8_count(ef_str_data(text), text->length);
}

/* Byte offset of code point `count` (or the end). */
static inline uint32_t ef_offset_of(const char *data, uint32_t length, uint64_t count) {
    if (count >= length) { /* at least a byte each */
        return length;
    }
    uint32_t at = 0;
    for (; count > 0 && at < length; count--) {
        at += ef_utf8_width((unsigned char)data[at]);
    }
    return at;
}

/* Code points [from, to) of the text, 0-based, cut to what there is. */
static inline ef_str ef_points_between(const ef_str *text, int64_t from, int64_t to) {
    if (from < 0) {
        from = 0;
    }
    if (to <= from) {
        return ef_str_empty();
    }
    const char *data = ef_str_data(text);
    uint32_t start = ef_offset_of(data, text->length, (uint64_t)from);
    uint32_t size = ef_offset_of(data + start, text->length - start, (uint64_t)(to - from));
    return ef_text_part(text, start, size);
}

#endif
