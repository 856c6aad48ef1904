/* Choice between values: if, coalesce, default, nullif, maximum, minimum, IN.
 *
 * Nulls are the point of most of these, so they all see to nulls themselves. */
#include "expr/internal.h"

#include "base/hash.h"
#include "base/object.h"

/* ---- if ---- */

/* Bits of the chosen operand: for whole bytes of the bitmap at a time. */
static ef_status choose_validity(ef_call *call, const uint8_t *chosen, ef_error *error) {
    const ef_vector *yes = ef_operand(call, 1);
    const ef_vector *no = ef_operand(call, 2);
    if (yes->validity == NULL && no->validity == NULL) {
        return EF_OK;
    }
    uint8_t *validity = ef_call_no_values(call);
    if (validity == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < call->rows; i++) {
        if (!ef_vector_null(chosen[i] != 0 ? yes : no, i)) {
            ef_bit_set(validity, i);
        }
    }
    return EF_OK;
}

/* The condition as bytes of 0 and 1 a row, null as 0. */
static ef_status condition_of(ef_call *call, const uint8_t **chosen, ef_error *error) {
    const ef_vector *condition = ef_operand(call, 0);
    if (condition->validity == NULL && condition->index_mask == EF_ALL_ROWS) {
        *chosen = condition->values;
        return EF_OK;
    }
    uint8_t *to = ef_take(call->arena, call->rows);
    if (to == NULL) {
        return ef_fail_memory(error);
    }
    const uint8_t *from = condition->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = from[i & condition->index_mask] != 0 && !ef_vector_null(condition, i);
    }
    *chosen = to;
    return EF_OK;
}

#define CHOOSING(t, T)                                                       \
    ef_status ef_kernel_if_##t(ef_call *call, ef_error *error) {             \
        const uint8_t *chosen;                                               \
        EF_TRY(condition_of(call, &chosen, error));                          \
        const ef_vector *yes = ef_operand(call, 1);                          \
        const ef_vector *no = ef_operand(call, 2);                           \
        const T *restrict a = yes->values;                                   \
        const T *restrict b = no->values;                                    \
        T *restrict to = call->result->values;                               \
        const uint8_t *restrict c = chosen;                                  \
        uint32_t left = yes->index_mask, right = no->index_mask;             \
        if (left == EF_ALL_ROWS && right == EF_ALL_ROWS) {                   \
            for (uint32_t i = 0; i < call->rows; i++) {                      \
                const T x = a[i], y = b[i];                                  \
                to[i] = c[i] != 0 ? x : y;                                   \
            }                                                                \
        } else if (left == 0 && right == 0) {                                \
            const T x = a[0], y = b[0];                                      \
            for (uint32_t i = 0; i < call->rows; i++) {                      \
                to[i] = c[i] != 0 ? x : y;                                   \
            }                                                                \
        } else {                                                             \
            for (uint32_t i = 0; i < call->rows; i++) {                      \
                to[i] = c[i] != 0 ? a[i & left] : b[i & right];              \
            }                                                                \
        }                                                                    \
        return choose_validity(call, chosen, error);                         \
    }

CHOOSING(bool, uint8_t)
CHOOSING(int, int32_t)
CHOOSING(long, int64_t)
CHOOSING(float, float)
CHOOSING(double, double)
CHOOSING(string, ef_str)
CHOOSING(object, ef_str)

/* ---- coalesce and default ---- */

/* Result = that operand. */
static void alias(ef_call *call, const ef_vector *operand) {
    ef_vector *result = call->result;
    result->values = operand->values;
    result->validity = operand->validity;
    result->index_mask = operand->index_mask;
    result->null = operand->null;
    result->borrowed = operand->borrowed;
    result->owns_validity = false;
}

ef_status ef_kernel_same(ef_call *call, ef_error *error) {
    (void)error;
    alias(call, ef_operand(call, 0));
    return EF_OK;
}

ef_status ef_kernel_coalesce(ef_call *call, ef_error *error) {
    uint32_t first = 0;
    while (first + 1 < call->count && ef_operand(call, first)->null) {
        first++;
    }
    const ef_vector *operand = ef_operand(call, first);
    if (operand->validity == NULL || first + 1 == call->count) {
        alias(call, operand);
        return EF_OK;
    }
    size_t width = ef_type_width((ef_type)operand->type);
    char *to = ef_take(call->arena, width * call->rows);
    if (to == NULL) {
        return ef_fail_memory(error);
    }
    call->result->values = to;
    memcpy(to, operand->values, width * call->rows);
    call->result->validity = operand->validity;
    uint8_t *validity = ef_call_nulls(call);
    if (validity == NULL) {
        return ef_fail_memory(error);
    }
    size_t groups = ef_bitmap_size(call->rows);
    uint32_t nulls = call->rows;
    for (uint32_t k = first + 1; k < call->count && nulls > 0; k++) {
        const ef_vector *other = ef_operand(call, k);
        nulls = 0;
        for (uint32_t g = 0; g < groups; g++) {
            if (validity[g] == 0xFF) {
                continue;
            }
            uint32_t end = 8 * g + 8 < call->rows ? 8 * g + 8 : call->rows;
            for (uint32_t i = 8 * g; i < end; i++) {
                if (ef_bit(validity, i)) {
                    continue;
                }
                if (ef_vector_null(other, i)) {
                    nulls++;
                    continue;
                }
                memcpy(to + width * i, (const char *)other->values + width * (i & other->index_mask), width);
                ef_bit_set(validity, i);
            }
        }
    }
    if (nulls == 0) {
        call->result->validity = NULL;
        call->result->owns_validity = false;
    }
    return EF_OK;
}

/* ---- nullif ---- */

static bool equal_values(ef_type type, const void *a, const void *b) {
    switch (type) {
    case EF_BOOL:
        return *(const uint8_t *)a == *(const uint8_t *)b;
    case EF_INT:
        return *(const int32_t *)a == *(const int32_t *)b;
    case EF_LONG:
        return *(const int64_t *)a == *(const int64_t *)b;
    case EF_FLOAT:
        return *(const float *)a == *(const float *)b;
    case EF_DOUBLE:
        return *(const double *)a == *(const double *)b;
    case EF_STRING:
        return ef_str_equal(a, b);
    case EF_OBJECT:
        return ef_object_equal(a, b);
    }
    return false;
}

ef_status ef_kernel_null_if(ef_call *call, ef_error *error) {
    const ef_vector *value = ef_operand(call, 0);
    const ef_vector *other = ef_operand(call, 1);
    if (value->null || other->null) {
        alias(call, value);
        return EF_OK;
    }
    size_t width = ef_type_width((ef_type)value->type);
    char *to = ef_take(call->arena, width * call->rows);
    if (to == NULL) {
        return ef_fail_memory(error);
    }
    call->result->values = to;
    call->result->validity = value->validity;
    uint8_t *validity = ef_call_nulls(call);
    if (validity == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < call->rows; i++) {
        const char *a = (const char *)value->values + width * (i & value->index_mask);
        const char *b = (const char *)other->values + width * (i & other->index_mask);
        memcpy(to + width * i, a, width);
        if (!ef_vector_null(value, i) && !ef_vector_null(other, i) && equal_values((ef_type)value->type, a, b)) {
            ef_bit_clear(validity, i);
        }
    }
    return EF_OK;
}

/* ---- maximum and minimum: nulls skipped; a NaN counts as the greatest number, as in Java's order ---- */

#define EXTREME(name, T, BETTER)                                             \
    ef_status ef_kernel_##name(ef_call *call, ef_error *error) {             \
        T *restrict to = call->result->values;                               \
        uint32_t rows = call->rows;                                          \
        bool nulls = false;                                                  \
        for (uint32_t k = 0; k < call->count; k++) {                         \
            nulls |= ef_operand(call, k)->validity != NULL;                  \
        }                                                                    \
        uint8_t *validity = nulls ? ef_call_no_values(call) : NULL;          \
        if (nulls && validity == NULL) {                                     \
            return ef_fail_memory(error);                                    \
        }                                                                    \
        if (nulls) {                                                         \
            memset(to, 0, rows * sizeof *to);                                \
        }                                                                    \
        for (uint32_t k = 0; k < call->count; k++) {                         \
            const ef_vector *operand = ef_operand(call, k);                  \
            const T *restrict from = operand->values;                        \
            uint32_t mask = operand->index_mask;                             \
            if (!nulls) {                                                    \
                if (k == 0) {                                                \
                    for (uint32_t i = 0; i < rows; i++) {                    \
                        to[i] = from[i & mask];                              \
                    }                                                        \
                } else {                                                     \
                    for (uint32_t i = 0; i < rows; i++) {                    \
                        const T x = from[i & mask], y = to[i];               \
                        to[i] = (BETTER) ? x : y;                            \
                    }                                                        \
                }                                                            \
                continue;                                                    \
            }                                                                \
            for (uint32_t i = 0; i < rows; i++) {                            \
                if (ef_vector_null(operand, i)) {                            \
                    continue;                                                \
                }                                                            \
                const T x = from[i & mask], y = to[i];                       \
                to[i] = !ef_bit(validity, i) || (BETTER) ? x : y;            \
                ef_bit_set(validity, i);                                     \
            }                                                                \
        }                                                                    \
        return EF_OK;                                                        \
    }

EXTREME(maximum_int, int32_t, x > y)
EXTREME(minimum_int, int32_t, x < y)
EXTREME(maximum_long, int64_t, x > y)
EXTREME(minimum_long, int64_t, x < y)
EXTREME(maximum_float, float, x > y || x != x)
EXTREME(minimum_float, float, x < y || y != y)
EXTREME(maximum_double, double, x > y || x != x)
EXTREME(minimum_double, double, x < y || y != y)

/* ---- IN over constants ---- */

/* Open addressing over the distinct constants: `slots` is a power of two, at least twice their number.
 *      in_set | uint32_t index + 1 by slot | values | bytes of long strings  */
typedef struct in_set {
    uint32_t slots;
    uint32_t count;
    uint32_t width;
    uint8_t type;
    bool has_null;
} in_set;

static uint32_t *slots_of(in_set *set) {
    return (uint32_t *)(void *)(set + 1);
}

static char *values_of(in_set *set) {
    return (char *)(slots_of(set) + set->slots);
}

static uint64_t hash_value(ef_type type, const void *value) {
    double number;
    uint64_t bits;
    switch (type) {
    case EF_BOOL:
        return ef_hash_u64(*(const uint8_t *)value, 0);
    case EF_INT:
        return ef_hash_u64((uint64_t)(int64_t)*(const int32_t *)value, 0);
    case EF_LONG:
        return ef_hash_u64((uint64_t)*(const int64_t *)value, 0);
    case EF_FLOAT:
    case EF_DOUBLE:
        number = type == EF_FLOAT ? (double)*(const float *)value : *(const double *)value;
        number = number == 0 ? 0.0 : number; /* -0.0 equals 0.0 */
        memcpy(&bits, &number, sizeof bits);
        return ef_hash_u64(bits, 0);
    default:
        return ef_hash_str(value, 0);
    }
}

static bool contains(in_set *set, const void *value) {
    uint32_t slot = (uint32_t)hash_value((ef_type)set->type, value) & (set->slots - 1);
    const uint32_t *slots = slots_of(set);
    while (slots[slot] != 0) {
        if (equal_values((ef_type)set->type, values_of(set) + (size_t)set->width * (slots[slot] - 1), value)) {
            return true;
        }
        slot = (slot + 1) & (set->slots - 1);
    }
    return false;
}

ef_status ef_prepare_in(const ef_program *program, const ef_register *arguments, uint32_t count, ef_alloc *alloc,
                        ef_prepared *prepared, ef_error *error) {
    ef_type type = ef_program_register_type(program, arguments[0]);
    uint32_t slots = 4;
    while (slots < 2 * count) {
        slots *= 2;
    }
    size_t bytes = 0;
    for (uint32_t i = 1; i < count; i++) {
        bool constant;
        const void *value = ef_program_constant_at(program, arguments[i], &constant);
        if (!constant) {
            return ef_fail(error, EF_INVALID, "operand %u of IN over a set is not a constant", i + 1);
        }
        if (value != NULL && type == EF_STRING) {
            bytes += ((const ef_str *)value)->length;
        }
    }
    size_t width = ef_type_width(type);
    size_t size = sizeof(in_set) + slots * sizeof(uint32_t) + width * count + bytes;
    in_set *set = ef_calloc(alloc, size);
    if (set == NULL) {
        return ef_fail_memory(error);
    }
    set->slots = slots;
    set->width = (uint32_t)width;
    set->type = (uint8_t)type;
    char *text = values_of(set) + width * count;
    for (uint32_t i = 1; i < count; i++) {
        bool constant;
        const void *value = ef_program_constant_at(program, arguments[i], &constant);
        if (value == NULL) {
            set->has_null = true;
            continue;
        }
        if (contains(set, value)) {
            continue;
        }
        char *place = values_of(set) + width * set->count;
        memcpy(place, value, width);
        if (type == EF_STRING && ((const ef_str *)value)->length > EF_INLINE_STRING) {
            const ef_str *string = value;
            memcpy(text, string->as.outside.data, string->length);
            ef_str moved = ef_str_view(text, string->length);
            memcpy(place, &moved, sizeof moved);
            text += string->length;
        }
        uint32_t slot = (uint32_t)hash_value(type, value) & (slots - 1);
        while (slots_of(set)[slot] != 0) {
            slot = (slot + 1) & (slots - 1);
        }
        slots_of(set)[slot] = ++set->count;
    }
    *prepared = (ef_prepared){.block = set, .size = size};
    return EF_OK;
}

/* A few constants are compared one by one, which is faster than hashing; for numbers it vectorises. */
#define FEW 8u

#define SCAN(T)                                                              \
    do {                                                                     \
        const T *restrict from = value->values;                              \
        const T *wanted = (const T *)(const void *)values_of(set);           \
        memset(to, 0, call->rows);                                           \
        for (uint32_t k = 0; k < set->count; k++) {                          \
            const T y = wanted[k];                                           \
            for (uint32_t i = 0; i < call->rows; i++) {                      \
                to[i] = (uint8_t)(to[i] | (from[i] == y));                   \
            }                                                                \
        }                                                                    \
    } while (0)

static void probe(ef_call *call) {
    in_set *set = call->instruction->prepared.block;
    const ef_vector *value = ef_operand(call, 0);
    uint8_t *restrict to = call->result->values;
    if (set->count <= FEW && value->index_mask == EF_ALL_ROWS) {
        switch ((ef_type)set->type) {
        case EF_INT:
            SCAN(int32_t);
            return;
        case EF_LONG:
            SCAN(int64_t);
            return;
        case EF_FLOAT:
            SCAN(float);
            return;
        case EF_DOUBLE:
            SCAN(double);
            return;
        case EF_STRING: {
            const ef_str *from = value->values, *wanted = (const ef_str *)(const void *)values_of(set);
            memset(to, 0, call->rows);
            for (uint32_t k = 0; k < set->count; k++) {
                const ef_str y = wanted[k];
                for (uint32_t i = 0; i < call->rows; i++) {
                    to[i] = to[i] || ef_str_equal(&from[i], &y);
                }
            }
            return;
        }
        default:
            break;
        }
    }
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = contains(set, (const char *)value->values + (size_t)set->width * (i & value->index_mask));
    }
}

ef_status ef_kernel_in(ef_call *call, ef_error *error) {
    (void)error;
    const ef_vector *value = ef_operand(call, 0);
    uint8_t *to = call->result->values;
    probe(call);
    if (value->validity != NULL) {
        for (uint32_t i = 0; i < call->rows; i++) {
            to[i] &= (uint8_t)!ef_vector_null(value, i);
        }
    }
    return EF_OK;
}

ef_status ef_kernel_in3(ef_call *call, ef_error *error) {
    const ef_vector *value = ef_operand(call, 0);
    const in_set *set = call->instruction->prepared.block;
    uint8_t *to = call->result->values;
    probe(call);
    if (value->validity == NULL && !set->has_null) {
        return EF_OK;
    }
    uint8_t *validity = ef_call_nulls(call);
    if (validity == NULL) {
        return ef_fail_memory(error);
    }
    bool empty = call->count == 1;
    for (uint32_t i = 0; i < call->rows; i++) {
        if (!empty && (ef_vector_null(value, i) || (set->has_null && to[i] == 0))) {
            ef_bit_clear(validity, i);
        }
        to[i] = to[i] != 0 && !ef_vector_null(value, i);
    }
    return EF_OK;
}
