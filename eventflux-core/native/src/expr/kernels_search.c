/* String functions that search, and those that make a text longer; see kernels_string.c. */
#include "expr/text.h"

/* ---- searching ---- */

/* Byte offset of `part` in `text`, or -1. */
static int64_t find(const ef_str *text, const ef_str *part, uint32_t from) {
    const char *data = ef_str_data(text), *wanted = ef_str_data(part);
    if (part->length == 0) {
        return from;
    }
    while (text->length - from >= part->length) {
        const char *first = memchr(data + from, wanted[0], text->length - from - part->length + 1);
        if (first == NULL) {
            return -1;
        }
        if (memcmp(first, wanted, part->length) == 0) {
            return first - data;
        }
        from = (uint32_t)(first - data) + 1;
    }
    return -1;
}

ef_status ef_kernel_position(ef_call *call, ef_error *error) {
    (void)error;
    int32_t *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        const ef_str *text = ef_text_at(ef_operand(call, 1), i);
        int64_t at = find(text, ef_text_at(ef_operand(call, 0), i), 0);
        to[i] = at < 0 ? 0 : (int32_t)ef_utf8_count(ef_str_data(text), (size_t)at) + 1;
    }
    return EF_OK;
}

#define TESTING(name, EXPRESSION)                                            \
    ef_status ef_kernel_##name(ef_call *call, ef_error *error) {             \
        (void)error;                                                         \
        uint8_t *to = call->result->values;                                  \
        for (uint32_t i = 0; i < call->rows; i++) {                          \
            const ef_str *text = ef_text_at(ef_operand(call, 0), i);            \
            const ef_str *part = ef_text_at(ef_operand(call, 1), i);            \
            to[i] = EXPRESSION;                                              \
        }                                                                    \
        return EF_OK;                                                        \
    }

TESTING(starts_with, text->length >= part->length && memcmp(ef_str_data(text), ef_str_data(part), part->length) == 0)
TESTING(ends_with, text->length >= part->length &&
                       memcmp(ef_str_data(text) + text->length - part->length, ef_str_data(part), part->length) == 0)
TESTING(contains, find(text, part, 0) >= 0)

/* ---- making longer ---- */

#define TOO_LONG "the text would be longer than 16777216 bytes"

static ef_status too_long(ef_call *call, uint32_t row, ef_error *error) {
    return ef_call_fail(call, row, TOO_LONG, error);
}

static ef_status pad_all(ef_call *call, bool left, ef_error *error) {
    const ef_str blank = ef_str_view(" ", 1);
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = ef_str_empty();
        if (ef_any_null(call, i)) {
            continue;
        }
        const ef_str *text = ef_text_at(ef_operand(call, 0), i);
        const ef_str *fill = call->count > 2 ? ef_text_at(ef_operand(call, 2), i) : &blank;
        int64_t wanted = ef_int_at(ef_operand(call, 1), i), have = ef_points_in(text);
        if (wanted <= have || fill->length == 0) {
            to[i] = ef_points_between(text, 0, wanted);
            continue;
        }
        uint64_t missing = (uint64_t)(wanted - have), whole = missing / ef_points_in(fill);
        const char *unit = ef_str_data(fill);
        uint32_t rest = ef_offset_of(unit, fill->length, missing % ef_points_in(fill));
        uint64_t padding = whole * fill->length + rest;
        if (padding + text->length > EF_MAX_TEXT) {
            EF_TRY(too_long(call, i, error));
            continue;
        }
        uint32_t length = (uint32_t)padding + text->length;
        char *bytes = ef_arena_take(call->arena, length);
        if (bytes == NULL) {
            return ef_fail_memory(error);
        }
        char *at = bytes;
        if (!left) {
            memcpy(at, ef_str_data(text), text->length);
            at += text->length;
        }
        for (uint64_t k = 0; k < whole; k++) {
            memcpy(at, unit, fill->length);
            at += fill->length;
        }
        memcpy(at, unit, rest);
        if (left) {
            memcpy(at + rest, ef_str_data(text), text->length);
        }
        to[i] = ef_str_view(bytes, length);
    }
    return EF_OK;
}

ef_status ef_kernel_lpad(ef_call *call, ef_error *error) {
    return pad_all(call, true, error);
}

ef_status ef_kernel_rpad(ef_call *call, ef_error *error) {
    return pad_all(call, false, error);
}

ef_status ef_kernel_repeat(ef_call *call, ef_error *error) {
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = ef_str_empty();
        const ef_str *text = ef_text_at(ef_operand(call, 0), i);
        int64_t times = ef_int_at(ef_operand(call, 1), i);
        if (ef_any_null(call, i) || times <= 0 || text->length == 0) {
            continue;
        }
        uint64_t length = (uint64_t)times * text->length;
        if (length > EF_MAX_TEXT) {
            EF_TRY(too_long(call, i, error));
            continue;
        }
        char *bytes = ef_arena_take(call->arena, length);
        if (bytes == NULL) {
            return ef_fail_memory(error);
        }
        for (int64_t k = 0; k < times; k++) {
            memcpy(bytes + (size_t)k * text->length, ef_str_data(text), text->length);
        }
        to[i] = ef_str_view(bytes, (uint32_t)length);
    }
    return EF_OK;
}

ef_status ef_kernel_replace(ef_call *call, ef_error *error) {
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        const ef_str *text = ef_text_at(ef_operand(call, 0), i);
        const ef_str *from = ef_text_at(ef_operand(call, 1), i);
        const ef_str *with = ef_text_at(ef_operand(call, 2), i);
        to[i] = ef_str_empty();
        if (ef_any_null(call, i)) {
            continue;
        }
        int64_t at = from->length > 0 ? find(text, from, 0) : -1;
        if (at < 0) {
            to[i] = *text;
            continue;
        }
        const char *data = ef_str_data(text);
        ef_object_writer made; /* as a plain buffer */
        ef_object_writer_init(&made, call->arena);
        uint32_t start = 0;
        while (at >= 0 && made.length <= EF_MAX_TEXT) {
            ef_object_put_raw(&made, data + start, (size_t)at - start);
            ef_object_put_raw(&made, ef_str_data(with), with->length);
            start = (uint32_t)at + from->length;
            at = find(text, from, start);
        }
        ef_object_put_raw(&made, data + start, text->length - start);
        if (made.length > EF_MAX_TEXT) {
            EF_TRY(too_long(call, i, error));
            continue;
        }
        if (!ef_object_writer_take(&made, &to[i])) {
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

/* ---- characters ---- */

ef_status ef_kernel_ascii(ef_call *call, ef_error *error) {
    (void)error;
    const ef_str *from = ef_operand(call, 0)->values;
    int32_t *to = call->result->values;
    uint32_t width;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = from[i].length > 0 ? (int32_t)ef_utf8_decode(ef_str_data(&from[i]), &width) : 0;
    }
    return EF_OK;
}

ef_status ef_kernel_chr(ef_call *call, ef_error *error) {
    const int32_t *from = ef_operand(call, 0)->values;
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        char bytes[4];
        int32_t point = from[i];
        to[i] = ef_str_empty();
        if (ef_any_null(call, i)) {
            continue;
        }
        if (point < 1 || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
            EF_TRY(ef_call_null(call, i, error));
            continue;
        }
        to[i] = ef_str_view(bytes, ef_utf8_encode((uint32_t)point, bytes));
    }
    return EF_OK;
}

ef_status ef_kernel_reverse(ef_call *call, ef_error *error) {
    const ef_str *from = ef_operand(call, 0)->values;
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        char short_text[EF_INLINE_STRING];
        uint32_t length = from[i].length;
        const char *data = ef_str_data(&from[i]);
        char *bytes = length <= EF_INLINE_STRING ? short_text : ef_arena_take(call->arena, length);
        if (bytes == NULL) {
            return ef_fail_memory(error);
        }
        for (uint32_t at = 0, width; at < length; at += width) {
            width = ef_utf8_width((unsigned char)data[at]);
            memcpy(bytes + length - at - width, data + at, width);
        }
        to[i] = ef_str_view(bytes, length);
    }
    return EF_OK;
}
