/* AND, OR, NOT and tests for null.
 *
 * BOOL values are bytes of 0 or 1. In the two-valued forms a null counts as false and the result is never null; the three-valued forms are
 * Kleene's: unknown unless one operand decides. Eight rows at a time: arrays of the arena are a multiple of 16 bytes long, so whole words
 * may be written behind the last row; columns of the batch are read row by row there. */
#include "expr/internal.h"

/* The operand with nulls as false: its own values if it has none, a constant as it is. */
static ef_status without_nulls(ef_call *call, uint32_t index, const uint8_t **values, uint32_t *mask, ef_error *error) {
    const ef_vector *operand = ef_operand(call, index);
    *values = operand->values;
    *mask = operand->index_mask;
    if (operand->validity == NULL || operand->null) {
        return EF_OK; /* the null constant's value is 0 */
    }
    uint8_t *to = ef_take(call->arena, call->rows);
    if (to == NULL) {
        return ef_fail_memory(error);
    }
    const uint8_t *from = operand->values;
    uint32_t rows = call->rows, whole = rows / 8;
    for (uint32_t g = 0; g < whole; g++) {
        uint64_t eight;
        memcpy(&eight, from + 8 * g, 8);
        eight &= ef_spread_bits(operand->validity[g]);
        memcpy(to + 8 * g, &eight, 8);
    }
    for (uint32_t i = 8 * whole; i < rows; i++) {
        to[i] = from[i] & ef_bit(operand->validity, i);
    }
    *values = to;
    return EF_OK;
}

#define LOGIC(name, OPERATOR)                                                \
    ef_status ef_kernel_##name(ef_call *call, ef_error *error) {             \
        const uint8_t *a, *b;                                                \
        uint32_t left, right;                                                \
        EF_TRY(without_nulls(call, 0, &a, &left, error));                    \
        EF_TRY(without_nulls(call, 1, &b, &right, error));                   \
        uint8_t *restrict to = call->result->values;                         \
        const uint8_t *restrict x = a;                                       \
        const uint8_t *restrict y = b;                                       \
        if (left == EF_ALL_ROWS && right == EF_ALL_ROWS) {                   \
            for (uint32_t i = 0; i < call->rows; i++) {                      \
                to[i] = x[i] OPERATOR y[i];                                  \
            }                                                                \
        } else {                                                             \
            for (uint32_t i = 0; i < call->rows; i++) {                      \
                to[i] = x[i & left] OPERATOR y[i & right];                   \
            }                                                                \
        }                                                                    \
        return EF_OK;                                                        \
    }

LOGIC(and, &)
LOGIC(or, |)

ef_status ef_kernel_not(ef_call *call, ef_error *error) {
    const uint8_t *a;
    uint32_t mask;
    EF_TRY(without_nulls(call, 0, &a, &mask, error));
    uint8_t *restrict to = call->result->values;
    const uint8_t *restrict x = a;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = x[i & mask] ^ 1u;
    }
    return EF_OK;
}

ef_status ef_kernel_not3(ef_call *call, ef_error *error) {
    (void)error;
    const ef_vector *operand = ef_operand(call, 0);
    const uint8_t *restrict from = operand->values;
    uint8_t *restrict to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = from[i & operand->index_mask] ^ 1u;
    }
    return EF_OK;
}

/* `decides`: the value of one operand that settles the result. */
static ef_status kleene(ef_call *call, bool decides, ef_error *error) {
    const ef_vector *left = ef_operand(call, 0);
    const ef_vector *right = ef_operand(call, 1);
    const uint8_t *a = left->values;
    const uint8_t *b = right->values;
    uint8_t *to = call->result->values;
    uint8_t *validity = NULL;
    for (uint32_t i = 0; i < call->rows; i++) {
        bool left_null = ef_vector_null(left, i), right_null = ef_vector_null(right, i);
        bool x = a[i & left->index_mask] != 0, y = b[i & right->index_mask] != 0;
        if ((!left_null && x == decides) || (!right_null && y == decides)) {
            to[i] = decides;
        } else if (left_null || right_null) {
            to[i] = 0;
            if (validity == NULL) {
                validity = ef_call_nulls(call);
                if (validity == NULL) {
                    return ef_fail_memory(error);
                }
            }
            ef_bit_clear(validity, i);
        } else {
            to[i] = !decides;
        }
    }
    return EF_OK;
}

ef_status ef_kernel_and3(ef_call *call, ef_error *error) {
    return kleene(call, false, error);
}

ef_status ef_kernel_or3(ef_call *call, ef_error *error) {
    return kleene(call, true, error);
}

static ef_status test_null(ef_call *call, uint64_t flip) {
    const ef_vector *operand = ef_operand(call, 0);
    uint8_t *to = call->result->values;
    if (operand->validity == NULL) {
        memset(to, flip == 0, call->rows);
        return EF_OK;
    }
    if (operand->index_mask == 0) {
        memset(to, flip != 0, call->rows);
        return EF_OK;
    }
    for (size_t g = 0; g < ef_bitmap_size(call->rows); g++) {
        uint64_t eight = ef_spread_bits(operand->validity[g]) ^ flip;
        memcpy(to + 8 * g, &eight, 8);
    }
    return EF_OK;
}

ef_status ef_kernel_is_null(ef_call *call, ef_error *error) {
    (void)error;
    return test_null(call, 0x0101010101010101u);
}

ef_status ef_kernel_is_not_null(ef_call *call, ef_error *error) {
    (void)error;
    return test_null(call, 0);
}
