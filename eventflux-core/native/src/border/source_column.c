/* Foreign columns: checks and conversions; see source_column.h.
 *
 * Numbers that already have the width of their type are views. All others go through one loop a pair of types, made by macro. Validity is
 * brought to bit 0: a bitmap whose first bit lies on a byte is a view, another one is shifted. */
#include "border/source_column.h"

#include <float.h>

#include "base/utf8.h"

bool ef_source_fits(ef_layout_kind layout, ef_type target) {
    switch (layout) {
    case EF_LAYOUT_NULLS:
        return true;
    case EF_LAYOUT_BOOL_BITS:
    case EF_LAYOUT_BOOL_BYTES:
        return target == EF_BOOL;
    case EF_LAYOUT_INT8:
    case EF_LAYOUT_INT16:
    case EF_LAYOUT_INT32:
    case EF_LAYOUT_INT64:
    case EF_LAYOUT_UINT8:
    case EF_LAYOUT_UINT16:
    case EF_LAYOUT_UINT32:
    case EF_LAYOUT_UINT64:
        return target >= EF_INT && target <= EF_DOUBLE;
    case EF_LAYOUT_FLOAT16:
    case EF_LAYOUT_FLOAT32:
    case EF_LAYOUT_FLOAT64:
        return target == EF_FLOAT || target == EF_DOUBLE;
    case EF_LAYOUT_UTF8:
    case EF_LAYOUT_LARGE_UTF8:
    case EF_LAYOUT_UTF8_VIEW:
    case EF_LAYOUT_UCS4:
        return target == EF_STRING;
    case EF_LAYOUT_STRINGS:
        return target == EF_STRING || target == EF_OBJECT;
    case EF_LAYOUT_DICTIONARY:
        return true; /* its dictionary decides */
    }
    return false;
}

static bool is_valid(const ef_source_column *column, int64_t row) {
    if (column->mask != NULL && column->mask[column->offset + row] != 0) {
        return false;
    }
    if (column->validity != NULL) {
        int64_t bit = column->offset + row;
        return (column->validity[bit >> 3] >> (bit & 7)) & 1;
    }
    return true;
}

static bool has_nulls(const ef_source_column *column) {
    return column->validity != NULL || column->mask != NULL;
}

/* ---- integers and floats ------------------------------------------------------------------------------------------- */

static float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 0x1Fu;
    uint32_t fraction = half & 0x3FFu;
    uint32_t bits;
    if (exponent == 0x1F) {
        bits = sign | 0x7F800000u | (fraction << 13);
    } else if (exponent != 0) {
        bits = sign | ((exponent + 112) << 23) | (fraction << 13);
    } else if (fraction == 0) {
        bits = sign;
    } else { /* subnormal: shift the leading one into place */
        uint32_t shift = 0;
        while ((fraction & 0x400u) == 0) {
            fraction <<= 1;
            shift++;
        }
        bits = sign | ((113 - shift) << 23) | ((fraction & 0x3FFu) << 13);
    }
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Values may lie at any address: memory of others is read through memcpy, which costs nothing where it is aligned. */
#define READ(type, base, index, to) memcpy(&(to), (const char *)(base) + (size_t)(index) * sizeof(type), sizeof(type))

/* One integer of any layout as int64; unsigned 64 bits beyond it say so. */
static inline bool read_integer(const ef_source_column *column, int64_t index, int64_t *value) {
    switch (column->layout) {
    case EF_LAYOUT_INT8:
        *value = ((const int8_t *)column->values)[index];
        return true;
    case EF_LAYOUT_UINT8:
        *value = ((const uint8_t *)column->values)[index];
        return true;
    case EF_LAYOUT_INT16: {
        int16_t v;
        READ(int16_t, column->values, index, v);
        *value = v;
        return true;
    }
    case EF_LAYOUT_UINT16: {
        uint16_t v;
        READ(uint16_t, column->values, index, v);
        *value = v;
        return true;
    }
    case EF_LAYOUT_INT32: {
        int32_t v;
        READ(int32_t, column->values, index, v);
        *value = v;
        return true;
    }
    case EF_LAYOUT_UINT32: {
        uint32_t v;
        READ(uint32_t, column->values, index, v);
        *value = v;
        return true;
    }
    case EF_LAYOUT_INT64:
        READ(int64_t, column->values, index, *value);
        return true;
    case EF_LAYOUT_UINT64: {
        uint64_t v;
        READ(uint64_t, column->values, index, v);
        *value = (int64_t)v;
        return v <= INT64_MAX;
    }
    default:
        return false;
    }
}

static bool is_integer_layout(ef_layout_kind layout) {
    return layout >= EF_LAYOUT_INT8 && layout <= EF_LAYOUT_UINT64;
}

static size_t layout_width(ef_layout_kind layout) {
    switch (layout) {
    case EF_LAYOUT_INT8:
    case EF_LAYOUT_UINT8:
    case EF_LAYOUT_BOOL_BYTES:
        return 1;
    case EF_LAYOUT_INT16:
    case EF_LAYOUT_UINT16:
    case EF_LAYOUT_FLOAT16:
        return 2;
    case EF_LAYOUT_INT32:
    case EF_LAYOUT_UINT32:
    case EF_LAYOUT_FLOAT32:
        return 4;
    case EF_LAYOUT_INT64:
    case EF_LAYOUT_UINT64:
    case EF_LAYOUT_FLOAT64:
        return 8;
    case EF_LAYOUT_STRINGS:
    case EF_LAYOUT_UTF8_VIEW:
        return 16;
    default:
        return 0;
    }
}

/* The layout's values are the type's values, byte for byte. */
static bool is_same(const ef_source_column *column) {
    if (column->divide != 0 || column->multiply != 0) {
        return false;
    }
    switch (column->layout) {
    case EF_LAYOUT_INT32:
        return column->target == EF_INT;
    case EF_LAYOUT_INT64:
        return column->target == EF_LONG;
    case EF_LAYOUT_FLOAT32:
        return column->target == EF_FLOAT;
    case EF_LAYOUT_FLOAT64:
        return column->target == EF_DOUBLE;
    case EF_LAYOUT_STRINGS:
        return true;
    default:
        return false;
    }
}

static int64_t floor_divide(int64_t value, int64_t by) {
    int64_t quotient = value / by;
    return quotient - (value % by < 0);
}

static bool scale(const ef_source_column *column, int64_t *value) {
    if (column->divide != 0) {
        *value = floor_divide(*value, column->divide);
    } else if (column->multiply != 0) {
        return !__builtin_mul_overflow(*value, column->multiply, value);
    }
    return true;
}

static ef_source_fault check_integers(const ef_source_column *column, int64_t *row) {
    bool narrow = column->target == EF_INT && (column->layout >= EF_LAYOUT_INT64 && column->layout != EF_LAYOUT_UINT8 &&
                                               column->layout != EF_LAYOUT_UINT16);
    bool unsigned_wide = column->layout == EF_LAYOUT_UINT64 && column->target == EF_LONG;
    bool scaled = column->multiply != 0;
    if (!narrow && !unsigned_wide && !scaled) {
        return EF_SOURCE_GOOD;
    }
    if (column->layout == EF_LAYOUT_INT64 && column->divide == 0 && !scaled) {
        uint64_t outside = 0; /* one pass without branches; only a bad column is looked at again */
        for (int64_t i = 0; i < column->rows; i++) {
            int64_t value;
            READ(int64_t, column->values, column->offset + i, value);
            outside |= ((uint64_t)value + 0x80000000u) >> 32;
        }
        if (outside == 0) {
            return EF_SOURCE_GOOD;
        }
    }
    for (int64_t i = 0; i < column->rows; i++) {
        int64_t value;
        bool good = read_integer(column, column->offset + i, &value) && scale(column, &value) &&
                    (column->target != EF_INT || (value >= INT32_MIN && value <= INT32_MAX));
        if (!good && is_valid(column, i)) {
            *row = i;
            return EF_SOURCE_RANGE;
        }
    }
    return EF_SOURCE_GOOD;
}

static ef_source_fault check_floats(const ef_source_column *column, int64_t *row) {
    if (column->layout != EF_LAYOUT_FLOAT64 || column->target != EF_FLOAT) {
        return EF_SOURCE_GOOD;
    }
    for (int64_t i = 0; i < column->rows; i++) {
        double value;
        READ(double, column->values, column->offset + i, value);
        if (value - value == 0.0 && (value > (double)FLT_MAX || value < -(double)FLT_MAX) && is_valid(column, i)) {
            *row = i;
            return EF_SOURCE_RANGE;
        }
    }
    return EF_SOURCE_GOOD;
}

/* ---- text ---------------------------------------------------------------------------------------------------------- */

typedef struct text {
    const char *data;
    int64_t length;
} text;

static inline bool utf8_at(const ef_source_column *column, int64_t row, text *to) {
    int64_t index = column->offset + row;
    int64_t begin, end;
    if (column->layout == EF_LAYOUT_UTF8) {
        int32_t b, e;
        READ(int32_t, column->offsets, index, b);
        READ(int32_t, column->offsets, index + 1, e);
        begin = b;
        end = e;
    } else {
        READ(int64_t, column->offsets, index, begin);
        READ(int64_t, column->offsets, index + 1, end);
    }
    if (begin < 0 || end < begin || end - begin > INT32_MAX || (column->values_size >= 0 && end > column->values_size)) {
        return false;
    }
    to->data = (const char *)column->values + begin;
    to->length = end - begin;
    return true;
}

/* Arrow's view: length, then 12 bytes inline, or prefix, buffer number, offset. */
static inline bool view_at(const ef_source_column *column, int64_t row, text *to) {
    const char *view = (const char *)column->values + (size_t)(column->offset + row) * 16;
    int32_t length;
    memcpy(&length, view, 4);
    if (length < 0) {
        return false;
    }
    to->length = length;
    if (length <= (int32_t)EF_INLINE_STRING) {
        to->data = view + 4;
        return true;
    }
    int32_t buffer, offset;
    memcpy(&buffer, view + 8, 4);
    memcpy(&offset, view + 12, 4);
    if (buffer < 0 || buffer >= column->buffer_count || offset < 0 ||
        (int64_t)offset + length > column->buffer_sizes[buffer]) {
        return false;
    }
    to->data = (const char *)column->buffers[buffer] + offset;
    return true;
}

static bool text_at(const ef_source_column *column, int64_t row, text *to) {
    return column->layout == EF_LAYOUT_UTF8_VIEW ? view_at(column, row, to) : utf8_at(column, row, to);
}

/* All bytes of a utf8 array at once: they are well-formed, and no value begins within a character. False: look at the rows one by one (bytes
 * below nulls may be anything). */
static bool is_text_whole(const ef_source_column *column) {
    text first, last;
    if (column->layout == EF_LAYOUT_UTF8_VIEW || column->rows == 0 || !utf8_at(column, 0, &first) ||
        !utf8_at(column, column->rows - 1, &last)) {
        return false;
    }
    const char *begin = first.data, *end = last.data + last.length;
    if (end < begin || !ef_utf8_check(begin, (size_t)(end - begin))) {
        return false;
    }
    bool good = true;
    const char *at = begin;
    for (int64_t i = 0; i < column->rows; i++) {
        text found;
        if (!utf8_at(column, i, &found) || found.data != at) {
            return false; /* values that overlap or fall back */
        }
        at += found.length;
        good = good && (at == end || ((unsigned char)*at & 0xC0u) != 0x80u);
    }
    return good;
}

static ef_source_fault check_text(const ef_source_column *column, int64_t *row) {
    if (is_text_whole(column)) {
        return EF_SOURCE_GOOD;
    }
    for (int64_t i = 0; i < column->rows; i++) {
        text found;
        if (!is_valid(column, i)) {
            continue;
        }
        *row = i;
        if (!text_at(column, i, &found)) {
            return EF_SOURCE_LAYOUT;
        }
        if (!ef_utf8_check(found.data, (size_t)found.length)) {
            return EF_SOURCE_TEXT;
        }
    }
    return EF_SOURCE_GOOD;
}

static ef_source_fault check_ucs4(const ef_source_column *column, int64_t *row) {
    for (int64_t i = 0; i < column->rows; i++) {
        for (int64_t k = 0; k < column->width; k++) {
            uint32_t unit;
            READ(uint32_t, column->values, (column->offset + i) * column->width + k, unit);
            if (unit > 0x10FFFF || (unit >= 0xD800 && unit <= 0xDFFF)) {
                *row = i;
                return EF_SOURCE_TEXT;
            }
        }
    }
    return EF_SOURCE_GOOD;
}

/* ---- dictionaries --------------------------------------------------------------------------------------------------- */

static inline bool key_at(const ef_source_column *column, int64_t row, int64_t *key) {
    ef_source_column keys = {.layout = column->keys, .values = column->values};
    return read_integer(&keys, column->offset + row, key);
}

static ef_source_fault check_dictionary(ef_source_column *column, ef_arena *arena, int64_t *row) {
    ef_source_column entries = *column->dictionary;
    entries.target = column->target;
    if (entries.layout == EF_LAYOUT_DICTIONARY || !ef_source_fits(entries.layout, column->target) ||
        entries.rows > INT32_MAX || !is_integer_layout(column->keys)) {
        *row = 0;
        return EF_SOURCE_LAYOUT;
    }
    int64_t bad = 0;
    ef_source_fault fault = ef_source_check(&entries, arena, &bad);
    if (fault == EF_SOURCE_GOOD && !ef_source_slice(&entries, 0, (uint32_t)entries.rows, arena, &column->entries)) {
        return EF_SOURCE_MEMORY;
    }
    if (fault == EF_SOURCE_LAYOUT || fault == EF_SOURCE_MEMORY) {
        *row = 0;
        return fault;
    }
    for (int64_t i = 0; i < column->rows; i++) {
        int64_t key;
        if (!is_valid(column, i)) {
            continue;
        }
        if (!key_at(column, i, &key) || key < 0 || key >= entries.rows) {
            *row = i;
            return EF_SOURCE_LAYOUT;
        }
        if (fault != EF_SOURCE_GOOD && key == bad) {
            *row = i;
            return fault;
        }
    }
    *row = 0; /* a bad entry that no row uses: the dictionary as a whole is refused */
    return fault;
}

/* ---- check ---------------------------------------------------------------------------------------------------------- */

ef_source_fault ef_source_check(ef_source_column *column, ef_arena *arena, int64_t *row) {
    *row = 0;
    size_t width = layout_width(column->layout);
    if (width > 0 && column->values_size >= 0 &&
        (uint64_t)(column->offset + column->rows) > (uint64_t)column->values_size / width) {
        return EF_SOURCE_LAYOUT;
    }
    switch (column->layout) {
    case EF_LAYOUT_UTF8:
    case EF_LAYOUT_LARGE_UTF8:
    case EF_LAYOUT_UTF8_VIEW:
        return check_text(column, row);
    case EF_LAYOUT_UCS4:
        return check_ucs4(column, row);
    case EF_LAYOUT_DICTIONARY:
        return check_dictionary(column, arena, row);
    case EF_LAYOUT_FLOAT16:
    case EF_LAYOUT_FLOAT32:
    case EF_LAYOUT_FLOAT64:
        return check_floats(column, row);
    case EF_LAYOUT_NULLS:
    case EF_LAYOUT_BOOL_BITS:
    case EF_LAYOUT_BOOL_BYTES:
    case EF_LAYOUT_STRINGS:
        return EF_SOURCE_GOOD;
    default:
        return check_integers(column, row);
    }
}

/* ---- slice ---------------------------------------------------------------------------------------------------------- */

/* Bits [from, from + count) of a bitmap, first bit at bit 0. */
static bool slice_bits(const uint8_t *bits, int64_t from, uint32_t count, ef_arena *arena, uint8_t **to) {
    const uint8_t *first = bits + (from >> 3);
    unsigned shift = (unsigned)(from & 7);
    if (shift == 0) {
        *to = (uint8_t *)(uintptr_t)first;
        return true;
    }
    size_t size = ef_bitmap_size(count);
    uint8_t *copy = ef_arena_take(arena, size);
    if (copy == NULL) {
        return false;
    }
    size_t last = (size_t)(((from + count - 1) >> 3) - (from >> 3)); /* last byte that belongs to the bitmap */
    for (size_t i = 0; i < size; i++) {
        unsigned high = i + 1 <= last ? first[i + 1] : 0u;
        copy[i] = (uint8_t)((first[i] >> shift) | (high << (8u - shift)));
    }
    *to = copy;
    return true;
}

static bool slice_validity(const ef_source_column *column, int64_t from, uint32_t count, ef_arena *arena, ef_column *to) {
    to->validity = NULL;
    if (column->validity != NULL && !slice_bits(column->validity, column->offset + from, count, arena, &to->validity)) {
        return false;
    }
    if (column->mask == NULL) {
        return true;
    }
    const uint8_t *mask = column->mask + column->offset + from;
    uint8_t *bits = ef_arena_take(arena, ef_bitmap_size(count));
    if (bits == NULL) {
        return false;
    }
    if (to->validity != NULL) {
        memcpy(bits, to->validity, ef_bitmap_size(count));
    } else {
        memset(bits, 0xFF, ef_bitmap_size(count));
    }
    for (uint32_t i = 0; i < count; i++) {
        if (mask[i] != 0) {
            ef_bit_clear(bits, i);
        }
    }
    to->validity = bits;
    return true;
}

static bool all_set(const uint8_t *bits, uint32_t count) {
    uint8_t all = 0xFF;
    for (uint32_t i = 0; i < count / 8; i++) {
        all &= bits[i];
    }
    if ((count & 7u) != 0) {
        all &= (uint8_t)(bits[count / 8] | (0xFFu << (count & 7u)));
    }
    return all == 0xFF;
}

/* What lies below a null in foreign memory is anything; ours is zero bytes. */
static void zero_nulls(ef_column *column, uint32_t count) {
    size_t width = ef_type_width(column->type);
    for (uint32_t i = 0; i < count; i++) {
        if (!ef_bit(column->validity, i)) {
            memset((char *)column->values + (size_t)i * width, 0, width);
        }
    }
}

#define CONVERT(from_type, to_type)                                                                   \
    do {                                                                                              \
        const char *source = (const char *)column->values + (size_t)first * sizeof(from_type);        \
        to_type *restrict target = to->values;                                                        \
        for (uint32_t i = 0; i < count; i++) {                                                        \
            from_type value;                                                                          \
            memcpy(&value, source + (size_t)i * sizeof value, sizeof value);                          \
            target[i] = (to_type)value;                                                               \
        }                                                                                             \
    } while (0)

#define CONVERT_FROM(from_type)               \
    switch (column->target) {                 \
    case EF_INT:                              \
        CONVERT(from_type, int32_t);          \
        break;                                \
    case EF_LONG:                             \
        CONVERT(from_type, int64_t);          \
        break;                                \
    case EF_FLOAT:                            \
        CONVERT(from_type, float);            \
        break;                                \
    default:                                  \
        CONVERT(from_type, double);           \
        break;                                \
    }

static void convert_integers(const ef_source_column *column, int64_t first, uint32_t count, ef_column *to) {
    if (column->divide != 0 || column->multiply != 0) {
        for (uint32_t i = 0; i < count; i++) {
            int64_t value = 0;
            if (!read_integer(column, first + i, &value) || !scale(column, &value)) {
                value = 0;
            }
            if (column->target == EF_LONG) {
                ((int64_t *)to->values)[i] = value;
            } else if (column->target == EF_INT) {
                ((int32_t *)to->values)[i] = (int32_t)value;
            } else if (column->target == EF_FLOAT) {
                ((float *)to->values)[i] = (float)value;
            } else {
                ((double *)to->values)[i] = (double)value;
            }
        }
        return;
    }
    switch (column->layout) {
    case EF_LAYOUT_INT8:
        CONVERT_FROM(int8_t)
        break;
    case EF_LAYOUT_UINT8:
        CONVERT_FROM(uint8_t)
        break;
    case EF_LAYOUT_INT16:
        CONVERT_FROM(int16_t)
        break;
    case EF_LAYOUT_UINT16:
        CONVERT_FROM(uint16_t)
        break;
    case EF_LAYOUT_INT32:
        CONVERT_FROM(int32_t)
        break;
    case EF_LAYOUT_UINT32:
        CONVERT_FROM(uint32_t)
        break;
    case EF_LAYOUT_UINT64:
        CONVERT_FROM(uint64_t)
        break;
    default:
        CONVERT_FROM(int64_t)
        break;
    }
}

static void convert_floats(const ef_source_column *column, int64_t first, uint32_t count, ef_column *to) {
    if (column->layout == EF_LAYOUT_FLOAT16) {
        for (uint32_t i = 0; i < count; i++) {
            uint16_t half;
            READ(uint16_t, column->values, first + i, half);
            if (column->target == EF_FLOAT) {
                ((float *)to->values)[i] = half_to_float(half);
            } else {
                ((double *)to->values)[i] = (double)half_to_float(half);
            }
        }
    } else if (column->layout == EF_LAYOUT_FLOAT32) {
        CONVERT(float, double);
    } else {
        const char *source = (const char *)column->values + (size_t)first * sizeof(double);
        float *target = to->values;
        for (uint32_t i = 0; i < count; i++) {
            double value;
            memcpy(&value, source + (size_t)i * sizeof value, sizeof value);
            /* A null's value may be any double: keep the conversion defined. */
            target[i] = value > (double)FLT_MAX || value < -(double)FLT_MAX ? (value - value == 0.0 ? 0.0f : (float)value)
                                                                            : (float)value;
        }
    }
}

static bool convert_ucs4(const ef_source_column *column, int64_t from, uint32_t count, ef_arena *arena, ef_column *to) {
    ef_str *target = to->values;
    for (uint32_t i = 0; i < count; i++) {
        const char *units = (const char *)column->values + (size_t)((column->offset + from + i) * column->width) * 4;
        int64_t length = column->width;
        uint32_t unit;
        while (length > 0) {
            READ(uint32_t, units, length - 1, unit);
            if (unit != 0) {
                break;
            }
            length--;
        }
        char *bytes = ef_arena_take(arena, (size_t)length * 4);
        if (bytes == NULL) {
            return false;
        }
        uint32_t size = 0;
        for (int64_t k = 0; k < length; k++) {
            READ(uint32_t, units, k, unit);
            size += ef_utf8_encode(unit, bytes + size);
        }
        target[i] = ef_str_view(bytes, size);
    }
    return true;
}

static void convert_text(const ef_source_column *column, int64_t from, uint32_t count, ef_column *to) {
    ef_str *target = to->values;
    if (!has_nulls(column) && column->layout == EF_LAYOUT_UTF8) { /* the common case, without branches */
        const char *offsets = (const char *)column->offsets + (size_t)(column->offset + from) * 4;
        int32_t begin, end;
        memcpy(&begin, offsets, 4);
        for (uint32_t i = 0; i < count; i++) {
            memcpy(&end, offsets + ((size_t)i + 1) * 4, 4);
            target[i] = ef_str_view((const char *)column->values + begin, (uint32_t)(end - begin));
            begin = end;
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        text found;
        target[i] = is_valid(column, from + i) && text_at(column, from + i, &found)
                        ? ef_str_view(found.data, (uint32_t)found.length)
                        : ef_str_empty();
    }
}

static bool convert_dictionary(const ef_source_column *column, int64_t from, uint32_t count, ef_arena *arena, ef_column *to) {
    size_t width = ef_type_width(column->target);
    const ef_column *entries = &column->entries;
    uint8_t *bits = NULL;
    if (entries->validity != NULL) { /* entries may be null themselves */
        bits = ef_arena_take(arena, ef_bitmap_size(count));
        if (bits == NULL) {
            return false;
        }
        if (to->validity != NULL) {
            memcpy(bits, to->validity, ef_bitmap_size(count));
        } else {
            memset(bits, 0xFF, ef_bitmap_size(count));
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        int64_t key = 0;
        char *target = (char *)to->values + (size_t)i * width;
        if (!is_valid(column, from + i) || !key_at(column, from + i, &key)) {
            memset(target, 0, width);
            continue;
        }
        memcpy(target, (const char *)entries->values + (size_t)key * width, width);
        if (bits != NULL && !ef_bit(entries->validity, (uint32_t)key)) {
            ef_bit_clear(bits, i);
        }
    }
    if (bits != NULL) {
        to->validity = bits;
    }
    return true;
}

static bool convert(const ef_source_column *column, int64_t from, uint32_t count, ef_arena *arena, ef_column *to) {
    int64_t first = column->offset + from;
    switch (column->layout) {
    case EF_LAYOUT_BOOL_BITS: {
        const uint8_t *bits = column->values;
        for (uint32_t i = 0; i < count; i++) {
            ((uint8_t *)to->values)[i] = (uint8_t)((bits[(first + i) >> 3] >> ((first + i) & 7)) & 1);
        }
        return true;
    }
    case EF_LAYOUT_BOOL_BYTES: {
        const uint8_t *bytes = (const uint8_t *)column->values + first;
        for (uint32_t i = 0; i < count; i++) {
            ((uint8_t *)to->values)[i] = bytes[i] != 0;
        }
        return true;
    }
    case EF_LAYOUT_UTF8:
    case EF_LAYOUT_LARGE_UTF8:
    case EF_LAYOUT_UTF8_VIEW:
        convert_text(column, from, count, to);
        return true;
    case EF_LAYOUT_UCS4:
        return convert_ucs4(column, from, count, arena, to);
    case EF_LAYOUT_DICTIONARY:
        return convert_dictionary(column, from, count, arena, to);
    case EF_LAYOUT_FLOAT16:
    case EF_LAYOUT_FLOAT32:
    case EF_LAYOUT_FLOAT64:
        convert_floats(column, first, count, to);
        return true;
    default:
        convert_integers(column, first, count, to);
        return true;
    }
}

bool ef_source_slice(const ef_source_column *column, int64_t from, uint32_t count, ef_arena *arena, ef_column *to) {
    to->type = column->target;
    size_t width = ef_type_width(column->target);
    if (column->layout == EF_LAYOUT_NULLS) {
        to->values = ef_arena_take(arena, (size_t)count * width);
        to->validity = ef_arena_take(arena, ef_bitmap_size(count));
        if (to->values == NULL || to->validity == NULL) {
            return false;
        }
        memset(to->values, 0, (size_t)count * width);
        memset(to->validity, 0, ef_bitmap_size(count));
        return true;
    }
    if (!slice_validity(column, from, count, arena, to)) {
        return false;
    }
    if (to->validity != NULL && all_set(to->validity, count)) {
        to->validity = NULL;
    }
    bool same = is_same(column);
    char *values = same ? (char *)(uintptr_t)column->values + (size_t)(column->offset + from) * width : NULL;
    if (same && ((uintptr_t)values & (width - 1)) == 0 &&
        (to->validity == NULL || column->layout == EF_LAYOUT_STRINGS)) {
        to->values = values;
        return true;
    }
    to->values = ef_arena_take(arena, (size_t)count * width);
    if (to->values == NULL) {
        return false;
    }
    if (same) {
        memcpy(to->values, values, (size_t)count * width);
    } else if (!convert(column, from, count, arena, to)) {
        return false;
    }
    if (to->validity != NULL && column->target != EF_STRING && column->target != EF_OBJECT) {
        zero_nulls(to, count);
    }
    return true;
}
