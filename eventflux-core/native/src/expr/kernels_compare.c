/* Comparison of two values of one type; what nulls give is the operation's null rule, except for `distinct`, where a null equals a null
 * and nothing else.
 *
 * Results are bytes of 0 or 1. Numbers compare as Java's operators do (a NaN equals nothing), strings by UTF-16 code units, objects by
 * value. */
#include "expr/internal.h"

#include "base/object.h"

#define COMPARING(name, T, EXPRESSION)                                       \
    ef_status ef_kernel_##name(ef_call *call, ef_error *error) {             \
        (void)error;                                                         \
        const ef_vector *left = ef_operand(call, 0);                         \
        const ef_vector *right = ef_operand(call, 1);                        \
        const T *restrict a = left->values;                                  \
        const T *restrict b = right->values;                                 \
        uint8_t *restrict to = call->result->values;                         \
        uint32_t rows = call->rows;                                          \
        if (right->index_mask == 0) {                                        \
            const T y = b[0];                                                \
            uint32_t mask = left->index_mask;                                \
            if (EF_LIKELY(mask == EF_ALL_ROWS)) {                            \
                for (uint32_t i = 0; i < rows; i++) {                        \
                    const T x = a[i];                                        \
                    to[i] = EXPRESSION;                                      \
                }                                                            \
            } else {                                                         \
                const T x = a[0];                                            \
                memset(to, EXPRESSION, rows);                                \
            }                                                                \
        } else if (left->index_mask == 0) {                                  \
            const T x = a[0];                                                \
            for (uint32_t i = 0; i < rows; i++) {                            \
                const T y = b[i];                                            \
                to[i] = EXPRESSION;                                          \
            }                                                                \
        } else {                                                             \
            for (uint32_t i = 0; i < rows; i++) {                            \
                const T x = a[i], y = b[i];                                  \
                to[i] = EXPRESSION;                                          \
            }                                                                \
        }                                                                    \
        return EF_OK;                                                        \
    }

#define SIX(t, T)                               \
    COMPARING(equal_##t, T, x == y)             \
    COMPARING(not_equal_##t, T, x != y)         \
    COMPARING(less_##t, T, x < y)               \
    COMPARING(less_equal_##t, T, x <= y)        \
    COMPARING(greater_##t, T, x > y)            \
    COMPARING(greater_equal_##t, T, x >= y)

SIX(bool, uint8_t)
SIX(int, int32_t)
SIX(long, int64_t)
SIX(float, float)
SIX(double, double)

COMPARING(equal_string, ef_str, ef_str_equal(&x, &y))
COMPARING(not_equal_string, ef_str, !ef_str_equal(&x, &y))
COMPARING(less_string, ef_str, ef_str_compare(&x, &y) < 0)
COMPARING(less_equal_string, ef_str, ef_str_compare(&x, &y) <= 0)
COMPARING(greater_string, ef_str, ef_str_compare(&x, &y) > 0)
COMPARING(greater_equal_string, ef_str, ef_str_compare(&x, &y) >= 0)
COMPARING(equal_object, ef_str, ef_object_equal(&x, &y))
COMPARING(not_equal_object, ef_str, !ef_object_equal(&x, &y))

/* After the values are compared: two nulls are not distinct, one null is. */
static void settle_distinct(const ef_call *call) {
    const ef_vector *left = ef_operand(call, 0);
    const ef_vector *right = ef_operand(call, 1);
    if (left->validity == NULL && right->validity == NULL) {
        return;
    }
    uint8_t *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        bool left_null = ef_vector_null(left, i), right_null = ef_vector_null(right, i);
        if (left_null || right_null) {
            to[i] = left_null != right_null;
        }
    }
}

/* A NaN is not distinct from a NaN: they are one value where rows are grouped, too. */
#define DISTINCT(t, T, UNEQUAL)                                              \
    COMPARING(unequal_##t, T, UNEQUAL)                                       \
    ef_status ef_kernel_distinct_##t(ef_call *call, ef_error *error) {       \
        EF_TRY(ef_kernel_unequal_##t(call, error));                          \
        settle_distinct(call);                                               \
        return EF_OK;                                                        \
    }

ef_status ef_kernel_unequal_float(ef_call *call, ef_error *error);
ef_status ef_kernel_unequal_double(ef_call *call, ef_error *error);
DISTINCT(float, float, x != y && (x == x || y == y))
DISTINCT(double, double, x != y && (x == x || y == y))

#define DISTINCT_AS_NOT_EQUAL(t)                                             \
    ef_status ef_kernel_distinct_##t(ef_call *call, ef_error *error) {       \
        EF_TRY(ef_kernel_not_equal_##t(call, error));                        \
        settle_distinct(call);                                               \
        return EF_OK;                                                        \
    }

DISTINCT_AS_NOT_EQUAL(bool)
DISTINCT_AS_NOT_EQUAL(int)
DISTINCT_AS_NOT_EQUAL(long)
DISTINCT_AS_NOT_EQUAL(string)
DISTINCT_AS_NOT_EQUAL(object)
