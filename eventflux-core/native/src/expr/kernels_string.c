/* String functions. Positions and lengths count code points; a part of a string is a view into it where it is long.
 *
 * Strings of null rows are made empty, so that every string of a vector is readable. Most texts are ASCII: loops look for that first. */
#include "expr/text.h"

#include "base/json.h"
#include "base/unicode_case.h"
#include "base/utf8.h"

static bool is_ascii(const char *data, uint32_t length) {
    uint32_t i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        if ((word & 0x8080808080808080u) != 0) {
            return false;
        }
    }
    for (; i < length; i++) {
        if (((unsigned char)data[i] & 0x80u) != 0) {
            return false;
        }
    }
    return true;
}

/* ---- length, case ---- */

ef_status ef_kernel_length(ef_call *call, ef_error *error) {
    (void)error;
    const ef_str *from = ef_operand(call, 0)->values;
    int32_t *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = (int32_t)ef_points_in(&from[i]);
    }
    return EF_OK;
}

static bool is_cased(uint32_t point) {
    uint32_t to[EF_CASE_WIDTH];
    return ef_upper_points(point, to) != 1 || to[0] != point || ef_lower_points(point, to) != 1 || to[0] != point;
}

static bool is_ignored(uint32_t point) {
    return point == '\'' || point == '.' || point == ':' || point == '^' || point == '`' || point == 0xA8 ||
           point == 0xAD || point == 0xAF || point == 0xB4 || point == 0xB7 || point == 0xB8 ||
           (point >= 0x300 && point <= 0x36F) || point == 0x2018 || point == 0x2019 || point == 0x2024 ||
           point == 0x2027 || (point >= 0x200B && point <= 0x200F);
}

/* Whether the sigma at `at` ends a word: a letter before it, none behind. */
static bool ends_word(const char *data, uint32_t length, uint32_t at) {
    uint32_t width;
    uint32_t before = at;
    bool letter = false;
    while (before > 0 && !letter) {
        before--;
        if (((unsigned char)data[before] & 0xC0u) == 0x80u) {
            continue;
        }
        uint32_t point = ef_utf8_decode(data + before, &width);
        letter = is_cased(point) && !is_ignored(point);
        if (!letter && !is_ignored(point)) {
            return false;
        }
    }
    for (uint32_t behind = at + 2; letter && behind < length; behind += width) {
        uint32_t point = ef_utf8_decode(data + behind, &width);
        if (is_ignored(point)) {
            continue;
        }
        return !is_cased(point);
    }
    return letter;
}

static bool change_wide(ef_str *to, const char *data, uint32_t length, bool upper, ef_arena *arena) {
    /* A character of two bytes becomes three of two at most, one of three bytes three of three. */
    char *bytes = length <= UINT32_MAX / EF_CASE_WIDTH ? ef_arena_take(arena, (size_t)length * EF_CASE_WIDTH) : NULL;
    if (bytes == NULL) {
        return false;
    }
    uint32_t used = 0;
    for (uint32_t at = 0, width; at < length; at += width) {
        uint32_t points[EF_CASE_WIDTH];
        uint32_t point = ef_utf8_decode(data + at, &width);
        uint32_t n = upper ? ef_upper_points(point, points) : ef_lower_points(point, points);
        if (!upper && point == 0x3A3 && ends_word(data, length, at)) {
            points[0] = 0x3C2;
        }
        for (uint32_t k = 0; k < n; k++) {
            used += ef_utf8_encode(points[k], bytes + used);
        }
    }
    *to = ef_str_view(bytes, used);
    return true;
}

static bool change_case(ef_str *to, const ef_str *from, bool upper, ef_arena *arena) {
    const char *data = ef_str_data(from);
    uint32_t length = from->length;
    if (!is_ascii(data, length)) {
        return change_wide(to, data, length, upper, arena);
    }
    char short_text[EF_INLINE_STRING];
    char *bytes = length <= EF_INLINE_STRING ? short_text : ef_arena_take(arena, length);
    if (bytes == NULL) {
        return false;
    }
    unsigned char first = upper ? 'a' : 'A';
    for (uint32_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)data[i];
        bytes[i] = (char)(unsigned char)(c ^ ((unsigned char)(c - first) < 26 ? 0x20 : 0));
    }
    *to = ef_str_view(bytes, length);
    return true;
}

static ef_status change_all(ef_call *call, bool upper, ef_error *error) {
    const ef_str *from = ef_operand(call, 0)->values;
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        if (!change_case(&to[i], &from[i], upper, call->arena)) {
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

ef_status ef_kernel_upper(ef_call *call, ef_error *error) {
    return change_all(call, true, error);
}

ef_status ef_kernel_lower(ef_call *call, ef_error *error) {
    return change_all(call, false, error);
}

/* ---- trimming ---- */

static bool is_among(uint32_t point, const ef_str *set) {
    const char *data = ef_str_data(set);
    uint32_t width;
    for (uint32_t at = 0; at < set->length; at += width) {
        if (ef_utf8_decode(data + at, &width) == point) {
            return true;
        }
    }
    return false;
}

/* set: the characters to drop; NULL: blanks and control characters, as Java's trim. */
static ef_str trimmed(const ef_str *text, const ef_str *set, bool left, bool right) {
    const char *data = ef_str_data(text);
    uint32_t start = 0, end = text->length, width;
    if (set == NULL) {
        while (left && start < end && (unsigned char)data[start] <= ' ') {
            start++;
        }
        while (right && end > start && (unsigned char)data[end - 1] <= ' ') {
            end--;
        }
    } else {
        while (left && start < end && is_among(ef_utf8_decode(data + start, &width), set)) {
            start += width;
        }
        while (right && end > start) {
            uint32_t last = end - 1;
            while (((unsigned char)data[last] & 0xC0u) == 0x80u) {
                last--;
            }
            if (!is_among(ef_utf8_decode(data + last, &width), set)) {
                break;
            }
            end = last;
        }
    }
    return ef_text_part(text, start, end - start);
}

static ef_status trim_all(ef_call *call, bool left, bool right) {
    const ef_vector *text = ef_operand(call, 0);
    const ef_vector *set = call->count > 1 ? ef_operand(call, 1) : NULL;
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = trimmed(ef_text_at(text, i), set != NULL ? ef_text_at(set, i) : NULL, left, right);
    }
    return EF_OK;
}

ef_status ef_kernel_trim(ef_call *call, ef_error *error) {
    (void)error;
    return trim_all(call, true, true);
}

ef_status ef_kernel_ltrim(ef_call *call, ef_error *error) {
    (void)error;
    return trim_all(call, true, false);
}

ef_status ef_kernel_rtrim(ef_call *call, ef_error *error) {
    (void)error;
    return trim_all(call, false, true);
}

/* ---- concatenation ---- */

/* Nulls count as nothing; with EF_NULL_NULL the result's bitmap makes the row null anyway. */
ef_status ef_kernel_concat(ef_call *call, ef_error *error) {
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        ef_object_writer text; /* as a plain buffer */
        char number[EF_NUMBER_TEXT];
        char short_text[EF_INLINE_STRING];
        const char *data;
        uint64_t length = 0;
        bool plain = true; /* strings only: copied once */
        for (uint32_t k = 0; k < call->count; k++) {
            const ef_vector *part = ef_operand(call, k);
            plain = plain && part->type == EF_STRING;
            if (part->type == EF_STRING && !ef_vector_null(part, i)) {
                length += ef_text_at(part, i)->length;
            }
        }
        if (plain) {
            if (length > UINT32_MAX) {
                return ef_fail_memory(error);
            }
            char *bytes = length <= EF_INLINE_STRING ? short_text : ef_arena_take(call->arena, length);
            if (bytes == NULL) {
                return ef_fail_memory(error);
            }
            uint32_t used = 0;
            for (uint32_t k = 0; k < call->count; k++) {
                const ef_vector *part = ef_operand(call, k);
                const ef_str *from = ef_text_at(part, i);
                if (!ef_vector_null(part, i) && from->length > 0) {
                    memcpy(bytes + used, ef_str_data(from), from->length);
                    used += from->length;
                }
            }
            to[i] = ef_str_view(bytes, used);
            continue;
        }
        ef_object_writer_init(&text, call->arena);
        for (uint32_t k = 0; k < call->count; k++) {
            const ef_vector *part = ef_operand(call, k);
            if (ef_vector_null(part, i)) {
                continue;
            }
            size_t width = ef_type_width((ef_type)part->type);
            const char *value = (const char *)part->values + width * (i & part->index_mask);
            if (part->type == EF_OBJECT) {
                if (!ef_object_print((const ef_str *)(const void *)value, &text)) {
                    return ef_fail_memory(error);
                }
                continue;
            }
            ef_str printed = ef_text_of((ef_type)part->type, value, number, &data);
            ef_object_put_raw(&text, data, printed.length);
        }
        if (!ef_object_writer_take(&text, &to[i])) {
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

/* ---- parts ---- */

/* base: the position of the first character. A part that begins before the text is cut as in SQL: substring('abc', 0, 2) is 'a'. */
static ef_status take_parts(ef_call *call, int64_t base) {
    const ef_vector *text = ef_operand(call, 0);
    const ef_vector *start = ef_operand(call, 1);
    const ef_vector *length = call->count > 2 ? ef_operand(call, 2) : NULL;
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        int64_t from = ef_int_at(start, i) - base;
        int64_t size = length != NULL ? ef_int_at(length, i) : INT64_C(1) << 40;
        to[i] = ef_points_between(ef_text_at(text, i), from, from + size);
    }
    return EF_OK;
}

ef_status ef_kernel_substring(ef_call *call, ef_error *error) {
    (void)error;
    return take_parts(call, 1);
}

ef_status ef_kernel_substr(ef_call *call, ef_error *error) {
    (void)error;
    return take_parts(call, 0);
}

ef_status ef_kernel_left(ef_call *call, ef_error *error) {
    (void)error;
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = ef_points_between(ef_text_at(ef_operand(call, 0), i), 0, ef_int_at(ef_operand(call, 1), i));
    }
    return EF_OK;
}

ef_status ef_kernel_right(ef_call *call, ef_error *error) {
    (void)error;
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        const ef_str *text = ef_text_at(ef_operand(call, 0), i);
        int64_t count = ef_points_in(text), wanted = ef_int_at(ef_operand(call, 1), i);
        to[i] = wanted <= 0 ? ef_str_empty() : ef_points_between(text, count - wanted, count);
    }
    return EF_OK;
}

ef_status ef_kernel_split_part(ef_call *call, ef_error *error) {
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        const ef_str *text = ef_text_at(ef_operand(call, 0), i);
        const ef_str *separator = ef_text_at(ef_operand(call, 1), i);
        int32_t wanted = ef_int_at(ef_operand(call, 2), i);
        to[i] = ef_str_empty();
        if (ef_any_null(call, i)) {
            continue;
        }
        if (wanted < 1) {
            EF_TRY(ef_call_null(call, i, error));
            continue;
        }
        const char *data = ef_str_data(text), *mark = ef_str_data(separator);
        uint32_t start = 0, at = 0;
        int32_t part = 1;
        while (separator->length > 0 && text->length >= separator->length && at <= text->length - separator->length) {
            if (memcmp(data + at, mark, separator->length) != 0) {
                at++;
                continue;
            }
            if (part == wanted) {
                break;
            }
            part++;
            at += separator->length;
            start = at;
        }
        if (part == wanted) {
            bool last = separator->length == 0 || text->length < separator->length || at > text->length - separator->length;
            to[i] = ef_text_part(text, start, (last ? text->length : at) - start);
        }
    }
    return EF_OK;
}
