/* Arithmetic: add, subtract, multiply, divide, modulo of INT, LONG, FLOAT, DOUBLE.
 *
 * Loops are over plain arrays, one for each shape of the operands (column with column, with constant, constant with column), so that the
 * compiler vectorises them. Integers wrap, as in Java, by unsigned arithmetic. Division by zero is null: the loops divide by something
 * harmless there, and the bits are cleared afterwards, which costs nothing where no divisor is zero. */
#include "expr/internal.h"

#include <math.h>

/* Two constants make a constant, which is one row: so a constant beside a column is the only mixed case. */
#define LOOPS(T, EXPRESSION)                                                 \
    do {                                                                     \
        if (right->index_mask == 0) {                                        \
            const T y = b[0];                                                \
            for (uint32_t i = 0; i < rows; i++) {                            \
                const T x = a[i];                                            \
                to[i] = EXPRESSION;                                          \
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
    } while (0)

#define BINARY(name, T, EXPRESSION)                                          \
    ef_status ef_kernel_##name(ef_call *call, ef_error *error) {             \
        (void)error;                                                         \
        const ef_vector *left = ef_operand(call, 0);                         \
        const ef_vector *right = ef_operand(call, 1);                        \
        const T *restrict a = left->values;                                  \
        const T *restrict b = right->values;                                 \
        T *restrict to = call->result->values;                               \
        uint32_t rows = call->rows;                                          \
        LOOPS(T, EXPRESSION);                                                \
        return EF_OK;                                                        \
    }

BINARY(add_int, int32_t, (int32_t)((uint32_t)x + (uint32_t)y))
BINARY(subtract_int, int32_t, (int32_t)((uint32_t)x - (uint32_t)y))
BINARY(multiply_int, int32_t, (int32_t)((uint32_t)x * (uint32_t)y))
BINARY(add_long, int64_t, (int64_t)((uint64_t)x + (uint64_t)y))
BINARY(subtract_long, int64_t, (int64_t)((uint64_t)x - (uint64_t)y))
BINARY(multiply_long, int64_t, (int64_t)((uint64_t)x * (uint64_t)y))
BINARY(add_float, float, x + y)
BINARY(subtract_float, float, x - y)
BINARY(multiply_float, float, x * y)
BINARY(add_double, double, x + y)
BINARY(subtract_double, double, x - y)
BINARY(multiply_double, double, x * y)

/* Clears the bits of rows whose divisor is zero. */
#define CLEAR_ZEROS(T)                                                       \
    do {                                                                     \
        bool any = false;                                                    \
        for (uint32_t i = 0; i < divisors; i++) {                            \
            any |= b[i] == 0;                                                \
        }                                                                    \
        if (EF_UNLIKELY(any)) {                                              \
            uint8_t *validity = ef_call_nulls(call);                         \
            if (validity == NULL) {                                          \
                return ef_fail_memory(error);                                \
            }                                                                \
            for (uint32_t i = 0; i < rows; i++) {                            \
                if (b[i & right->index_mask] == 0) {                         \
                    ef_bit_clear(validity, i);                               \
                }                                                            \
            }                                                                \
        }                                                                    \
    } while (0)

#define DIVIDING(name, T, EXPRESSION)                                        \
    ef_status ef_kernel_##name(ef_call *call, ef_error *error) {             \
        const ef_vector *left = ef_operand(call, 0);                         \
        const ef_vector *right = ef_operand(call, 1);                        \
        const T *restrict a = left->values;                                  \
        const T *restrict b = right->values;                                 \
        T *restrict to = call->result->values;                               \
        uint32_t rows = call->rows;                                          \
        uint32_t divisors = right->index_mask == 0 ? 1 : rows;               \
        LOOPS(T, EXPRESSION);                                                \
        CLEAR_ZEROS(T);                                                      \
        return EF_OK;                                                        \
    }

/* The smallest integer divided by -1 wraps to itself. */
static inline int32_t divide_int(int32_t x, int32_t y) {
    return y == -1 ? (int32_t)(0u - (uint32_t)x) : y == 0 ? 0 : x / y;
}

static inline int64_t divide_long(int64_t x, int64_t y) {
    return y == -1 ? (int64_t)(0u - (uint64_t)x) : y == 0 ? 0 : x / y;
}

DIVIDING(divide_int, int32_t, divide_int(x, y))
DIVIDING(divide_long, int64_t, divide_long(x, y))
DIVIDING(divide_float, float, x / (y == 0 ? 1.0f : y))
DIVIDING(divide_double, double, x / (y == 0 ? 1.0 : y))
DIVIDING(modulo_int, int32_t, y == 0 || y == -1 ? 0 : x % y)
DIVIDING(modulo_long, int64_t, y == 0 || y == -1 ? 0 : x % y)
DIVIDING(modulo_float, float, y == 0 ? 0.0f : fmodf(x, y))
DIVIDING(modulo_double, double, y == 0 ? 0.0 : fmod(x, y))
