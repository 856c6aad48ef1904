/* Conversion between types, and questions about the type of a value. Numbers convert and print as in Java: a double becomes an int by
 * truncation and saturates, a long becomes an int by its low bits. */
#include "expr/text.h"

#include "base/json.h"

#include <math.h>
#include <stdio.h>

/* ---- numbers and booleans ---- */

#define CONVERTING(name, FROM, TO, EXPRESSION)                               \
    ef_status ef_kernel_convert_##name(ef_call *call, ef_error *error) {     \
        (void)error;                                                         \
        const ef_vector *operand = ef_operand(call, 0);                      \
        const FROM *restrict from = operand->values;                         \
        TO *restrict to = call->result->values;                              \
        for (uint32_t i = 0; i < call->rows; i++) {                          \
            const FROM x = from[i];                                          \
            to[i] = EXPRESSION;                                              \
        }                                                                    \
        return EF_OK;                                                        \
    }

/* Java's narrowing of a floating number: NaN is 0, what is too large the nearest integer. */
static inline int32_t int_of(double x) {
    return x >= 2147483647.0 ? INT32_MAX : x <= -2147483648.0 ? INT32_MIN : x == x ? (int32_t)x : 0;
}

static inline int64_t long_of(double x) {
    return x >= 9223372036854775808.0 ? INT64_MAX : x <= -9223372036854775808.0 ? INT64_MIN : x == x ? (int64_t)x : 0;
}

CONVERTING(bool_int, uint8_t, int32_t, x)
CONVERTING(bool_long, uint8_t, int64_t, x)
CONVERTING(bool_float, uint8_t, float, (float)x)
CONVERTING(bool_double, uint8_t, double, (double)x)
CONVERTING(int_bool, int32_t, uint8_t, x == 1)
CONVERTING(int_long, int32_t, int64_t, x)
CONVERTING(int_float, int32_t, float, (float)x)
CONVERTING(int_double, int32_t, double, (double)x)
CONVERTING(long_bool, int64_t, uint8_t, x == 1)
CONVERTING(long_int, int64_t, int32_t, (int32_t)(uint32_t)(uint64_t)x)
CONVERTING(long_float, int64_t, float, (float)x)
CONVERTING(long_double, int64_t, double, (double)x)
CONVERTING(float_bool, float, uint8_t, x == 1.0f)
CONVERTING(float_int, float, int32_t, int_of((double)x))
CONVERTING(float_long, float, int64_t, long_of((double)x))
CONVERTING(float_double, float, double, (double)x)
CONVERTING(double_bool, double, uint8_t, x == 1.0)
CONVERTING(double_int, double, int32_t, int_of(x))
CONVERTING(double_long, double, int64_t, long_of(x))
CONVERTING(double_float, double, float, (float)x)

/* Strict narrowing: a fraction may be lost, the size not. */
#define NARROWING(name, FROM, TO, FITS, EXPRESSION, WORDS)                   \
    ef_status ef_kernel_strict_convert_##name(ef_call *call, ef_error *error) { \
        const ef_vector *operand = ef_operand(call, 0);                      \
        const FROM *from = operand->values;                                  \
        TO *to = call->result->values;                                       \
        for (uint32_t i = 0; i < call->rows; i++) {                          \
            const FROM x = from[i & operand->index_mask];                    \
            to[i] = EXPRESSION;                                              \
            if (!(FITS) && !ef_vector_null(operand, i)) {                    \
                EF_TRY(fail_value(call, i, WORDS, error));                   \
            }                                                                \
        }                                                                    \
        return EF_OK;                                                        \
    }

#define SHOWN_BYTES 80u

/* Fails the row: "cannot convert 'x' to INT". The value is shown as data, cut. */
static ef_status fail_value(ef_call *call, uint32_t row, const char *type, ef_error *error) {
    const ef_vector *operand = ef_operand(call, 0);
    size_t width = ef_type_width((ef_type)operand->type);
    const void *value = (const char *)operand->values + width * (row & operand->index_mask);
    char number[EF_NUMBER_TEXT];
    const char *data;
    ef_str text;
    if (operand->type == EF_OBJECT) {
        ef_object_writer printed;
        ef_object_writer_init(&printed, call->arena);
        if (!ef_json_write(value, &printed) || printed.failed) {
            return ef_fail_memory(error);
        }
        data = printed.bytes;
        text = ef_str_view(data, (uint32_t)printed.length);
    } else {
        text = ef_text_of((ef_type)operand->type, value, number, &data);
    }
    uint32_t shown = text.length;
    if (shown > SHOWN_BYTES) {
        shown = SHOWN_BYTES;
        while (shown > 0 && ((unsigned char)data[shown] & 0xC0u) == 0x80u) {
            shown--; /* not within a character */
        }
    }
    const char *quote = operand->type == EF_STRING ? "'" : "";
    char message[SHOWN_BYTES + 64];
    (void)snprintf(message, sizeof message, "cannot convert %s%.*s%s%s to %s", quote, (int)shown, data,
                   shown < text.length ? "..." : "", quote, type);
    return ef_call_fail(call, row, message, error);
}

NARROWING(long_int, int64_t, int32_t, x >= INT32_MIN && x <= INT32_MAX, (int32_t)(uint32_t)(uint64_t)x, "INT")
NARROWING(float_int, float, int32_t, (double)x > -2147483649.0 && (double)x < 2147483648.0, int_of((double)x), "INT")
NARROWING(float_long, float, int64_t, x >= -9223372036854775808.0f && x < 9223372036854775808.0f, long_of((double)x), "LONG")
NARROWING(double_int, double, int32_t, x > -2147483649.0 && x < 2147483648.0, int_of(x), "INT")
NARROWING(double_long, double, int64_t, x >= -9223372036854775808.0 && x < 9223372036854775808.0, long_of(x), "LONG")

/* ---- to strings ---- */

#define PRINTING(t, T)                                                       \
    ef_status ef_kernel_convert_##t##_string(ef_call *call, ef_error *error) { \
        const ef_vector *operand = ef_operand(call, 0);                      \
        const T *from = operand->values;                                     \
        ef_str *to = call->result->values;                                   \
        char number[EF_NUMBER_TEXT];                                         \
        for (uint32_t i = 0; i < call->rows; i++) {                          \
            uint32_t length = ef_format_##t(from[i], number);                \
            if (!ef_text_copy(&to[i], number, length, call->arena)) {        \
                return ef_fail_memory(error);                                \
            }                                                                \
        }                                                                    \
        return EF_OK;                                                        \
    }

static uint32_t ef_format_int(int32_t value, char *to) {
    return ef_format_long(value, to);
}

PRINTING(int, int32_t)
PRINTING(long, int64_t)
PRINTING(float, float)
PRINTING(double, double)

ef_status ef_kernel_convert_bool_string(ef_call *call, ef_error *error) {
    (void)error;
    const uint8_t *from = ef_operand(call, 0)->values;
    ef_str *to = call->result->values;
    const ef_str yes = ef_str_view("true", 4), no = ef_str_view("false", 5);
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = from[i] != 0 ? yes : no;
    }
    return EF_OK;
}

ef_status ef_kernel_convert_object_string(ef_call *call, ef_error *error) {
    const ef_vector *operand = ef_operand(call, 0);
    const ef_str *from = operand->values;
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = ef_str_empty();
        if (ef_vector_null(operand, i)) {
            continue;
        }
        ef_object_writer text;
        ef_object_writer_init(&text, call->arena);
        if (!ef_object_print(&from[i], &text) || !ef_object_writer_take(&text, &to[i])) {
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

/* ---- from strings ---- */

static bool equals_word(const char *data, uint32_t length, const char *word) {
    for (uint32_t i = 0; i < length; i++) {
        if ((data[i] | 0x20) != word[i]) {
            return false;
        }
    }
    return word[length] == '\0';
}

static bool is_word(const ef_str *text, const char *word) {
    return text->length <= 5 && equals_word(ef_str_data(text), text->length, word);
}

/* Double.parseDouble: control characters and blanks around are skipped, one type letter may follow the digits. */
static bool trim_number(const ef_str *text, const char **data, size_t *length) {
    const char *start = ef_str_data(text), *end = start + text->length;
    while (start < end && (unsigned char)*start <= ' ') {
        start++;
    }
    while (end > start && (unsigned char)end[-1] <= ' ') {
        end--;
    }
    if (end - start > 1 && (((unsigned char)end[-2] >= '0' && (unsigned char)end[-2] <= '9') || end[-2] == '.')) {
        char last = (char)(end[-1] | 0x20);
        if (last == 'd' || last == 'f') {
            end--;
        }
    }
    *data = start;
    *length = (size_t)(end - start);
    return end > start;
}

static bool parse_bool(const ef_str *text, uint8_t *value) {
    *value = is_word(text, "true");
    return *value != 0 || is_word(text, "false");
}

static bool parse_int(const ef_str *text, int32_t *value) {
    return ef_parse_int(ef_str_data(text), text->length, value);
}

static bool parse_long(const ef_str *text, int64_t *value) {
    return ef_parse_long(ef_str_data(text), text->length, value);
}

static bool parse_float(const ef_str *text, float *value) {
    const char *data;
    size_t length;
    return trim_number(text, &data, &length) && ef_parse_float(data, length, value);
}

static bool parse_double(const ef_str *text, double *value) {
    const char *data;
    size_t length;
    return trim_number(text, &data, &length) && ef_parse_double(data, length, value);
}

/* One loop for both forms; ON_FAILURE sees the row i. */
#define READING(name, FROM, T, PARSE, ON_FAILURE)                            \
    ef_status ef_kernel_##name(ef_call *call, ef_error *error) {             \
        const ef_vector *operand = ef_operand(call, 0);                      \
        const FROM *from = operand->values;                                  \
        T *to = call->result->values;                                        \
        for (uint32_t i = 0; i < call->rows; i++) {                          \
            to[i] = 0;                                                       \
            if (!ef_vector_null(operand, i) && !PARSE(&from[i & operand->index_mask], &to[i])) { \
                to[i] = 0;                                                   \
                ON_FAILURE;                                                  \
            }                                                                \
        }                                                                    \
        return EF_OK;                                                        \
    }

#define BOTH(f, FROM, t, T, PARSE, WORDS)                                                                       \
    READING(convert_##f##_##t, FROM, T, PARSE, EF_TRY(ef_call_null(call, i, error)))                                \
    READING(strict_convert_##f##_##t, FROM, T, PARSE, EF_TRY(fail_value(call, i, WORDS, error)))

BOTH(string, ef_str, int, int32_t, parse_int, "INT")
BOTH(string, ef_str, long, int64_t, parse_long, "LONG")
BOTH(string, ef_str, float, float, parse_float, "FLOAT")
BOTH(string, ef_str, double, double, parse_double, "DOUBLE")

/* Any text but `true` is false; the strict form wants one of the two words. */
CONVERTING(string_bool, ef_str, uint8_t, is_word(&x, "true"))
READING(strict_convert_string_bool, ef_str, uint8_t, parse_bool, EF_TRY(fail_value(call, i, "BOOL", error)))

/* ---- from objects: numbers as numbers, strings as strings ---- */

static bool first_token(const ef_str *object, ef_object_token *token) {
    const char *at = ef_str_data(object);
    return ef_object_next(&at, at + object->length, token);
}

static double real_of(const ef_object_token *token) {
    if (token->kind == EF_OBJECT_REAL) {
        return token->real;
    }
    return token->is_huge ? (double)(uint64_t)token->integer : (double)token->integer;
}

static bool object_to_bool(const ef_str *object, uint8_t *value) {
    ef_object_token token;
    *value = 0;
    if (!first_token(object, &token)) {
        return false;
    }
    switch (token.kind) {
    case EF_OBJECT_BOOL:
        *value = token.boolean;
        return true;
    case EF_OBJECT_INTEGER:
    case EF_OBJECT_REAL:
        *value = real_of(&token) == 1.0;
        return true;
    case EF_OBJECT_STRING:
        *value = token.length <= 5 && equals_word(token.data, token.length, "true");
        return true;
    default:
        return false;
    }
}

#define FROM_OBJECT(t, T, FROM_REAL, FROM_INTEGER)                           \
    static bool object_to_##t(const ef_str *object, T *value) {              \
        ef_object_token token;                                               \
        if (!first_token(object, &token)) {                                  \
            return false;                                                    \
        }                                                                    \
        switch (token.kind) {                                                \
        case EF_OBJECT_BOOL:                                                 \
            *value = (T)(token.boolean ? 1 : 0);                             \
            return true;                                                     \
        case EF_OBJECT_INTEGER:                                              \
            *value = FROM_INTEGER;                                           \
            return true;                                                     \
        case EF_OBJECT_REAL:                                                 \
            *value = FROM_REAL;                                              \
            return true;                                                     \
        case EF_OBJECT_STRING: {                                             \
            ef_str text = ef_str_view(token.data, token.length);             \
            return parse_##t(&text, value);                                  \
        }                                                                    \
        default:                                                             \
            return false;                                                    \
        }                                                                    \
    }

FROM_OBJECT(int, int32_t, int_of(token.real), (int32_t)(uint32_t)(uint64_t)token.integer)
FROM_OBJECT(long, int64_t, long_of(token.real), token.integer)
FROM_OBJECT(float, float, (float)token.real, token.is_huge ? (float)(uint64_t)token.integer : (float)token.integer)
FROM_OBJECT(double, double, token.real, real_of(&token))

BOTH(object, ef_str, bool, uint8_t, object_to_bool, "BOOL")
BOTH(object, ef_str, int, int32_t, object_to_int, "INT")
BOTH(object, ef_str, long, int64_t, object_to_long, "LONG")
BOTH(object, ef_str, float, float, object_to_float, "FLOAT")
BOTH(object, ef_str, double, double, object_to_double, "DOUBLE")

ef_status ef_kernel_to_object(ef_call *call, ef_error *error) {
    const ef_vector *operand = ef_operand(call, 0);
    size_t width = ef_type_width((ef_type)operand->type);
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        ef_object_writer object;
        ef_object_writer_init(&object, call->arena);
        ef_object_put_value(&object, (ef_type)operand->type, (const char *)operand->values + width * i);
        if (!ef_object_writer_take(&object, &to[i])) {
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

/* ---- what an object is ---- */

/* An object's integer counts as INT if it fits 32 bits, as LONG if it fits 64; its real as DOUBLE, and as FLOAT. */
static bool is_of_type(const ef_object_token *token, ef_type type) {
    switch (type) {
    case EF_BOOL:
        return token->kind == EF_OBJECT_BOOL;
    case EF_INT:
        return token->kind == EF_OBJECT_INTEGER && !token->is_huge && token->integer >= INT32_MIN &&
               token->integer <= INT32_MAX;
    case EF_LONG:
        return token->kind == EF_OBJECT_INTEGER && !token->is_huge;
    case EF_FLOAT:
    case EF_DOUBLE:
        return token->kind == EF_OBJECT_REAL;
    case EF_STRING:
        return token->kind == EF_OBJECT_STRING;
    case EF_OBJECT:
        return true;
    }
    return false;
}

#define CHECKING(t, T, TYPE, VALUE)                                          \
    ef_status ef_kernel_cast_check_##t(ef_call *call, ef_error *error) {     \
        const ef_vector *operand = ef_operand(call, 0);                      \
        const ef_str *from = operand->values;                                \
        T *to = call->result->values;                                        \
        for (uint32_t i = 0; i < call->rows; i++) {                          \
            ef_object_token token;                                           \
            memset(&to[i], 0, sizeof to[i]);                                 \
            if (ef_vector_null(operand, i)) {                                \
                continue;                                                    \
            }                                                                \
            if (first_token(&from[i], &token) && is_of_type(&token, TYPE)) { \
                to[i] = VALUE;                                               \
            } else {                                                         \
                EF_TRY(ef_call_null(call, i, error));                            \
            }                                                                \
        }                                                                    \
        return EF_OK;                                                        \
    }

CHECKING(bool, uint8_t, EF_BOOL, token.boolean)
CHECKING(int, int32_t, EF_INT, (int32_t)token.integer)
CHECKING(long, int64_t, EF_LONG, token.integer)
CHECKING(float, float, EF_FLOAT, (float)token.real)
CHECKING(double, double, EF_DOUBLE, token.real)
CHECKING(string, ef_str, EF_STRING, ef_str_view(token.data, token.length))

static ef_status instance_of(ef_call *call, ef_type type) {
    const ef_vector *operand = ef_operand(call, 0);
    uint8_t *to = call->result->values;
    if (operand->type != EF_OBJECT) {
        memset(to, operand->type == type, call->rows);
        return EF_OK;
    }
    const ef_str *from = operand->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        ef_object_token token;
        bool is_long = type == EF_LONG && first_token(&from[i], &token) && is_of_type(&token, EF_INT);
        bool is_float = type == EF_FLOAT || type == EF_DOUBLE;
        to[i] = !is_long && first_token(&from[i], &token) && is_of_type(&token, type) &&
                (!is_float || token.is_single == (type == EF_FLOAT));
    }
    return EF_OK;
}

#define INSTANCE(t, TYPE)                                                    \
    ef_status ef_kernel_instance_of_##t(ef_call *call, ef_error *error) {    \
        (void)error;                                                         \
        return instance_of(call, TYPE);                                      \
    }

INSTANCE(bool, EF_BOOL)
INSTANCE(int, EF_INT)
INSTANCE(long, EF_LONG)
INSTANCE(float, EF_FLOAT)
INSTANCE(double, EF_DOUBLE)
INSTANCE(string, EF_STRING)

static const char *name_of(const ef_object_token *token) {
    switch (token->kind) {
    case EF_OBJECT_BOOL:
        return "BOOL";
    case EF_OBJECT_INTEGER:
        return is_of_type(token, EF_INT) ? "INT" : "LONG";
    case EF_OBJECT_REAL:
        return token->is_single ? "FLOAT" : "DOUBLE";
    case EF_OBJECT_STRING:
        return "STRING";
    default:
        return "OBJECT";
    }
}

ef_status ef_kernel_type_of(ef_call *call, ef_error *error) {
    (void)error;
    static const char *const NAMES[] = {"", "BOOL", "INT", "LONG", "FLOAT", "DOUBLE", "STRING", "OBJECT"};
    const ef_vector *operand = ef_operand(call, 0);
    ef_str *to = call->result->values;
    const ef_str *from = operand->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        const char *name = NAMES[operand->type];
        ef_object_token token;
        if (operand->type == EF_OBJECT && !ef_vector_null(operand, i) && first_token(&from[i], &token)) {
            name = name_of(&token);
        }
        to[i] = ef_str_view(name, (uint32_t)strlen(name));
    }
    return EF_OK;
}
