/* Mathematical functions. What is outside a function's domain is null; infinities and NaNs that come in go on as the C library has it. */
#include "expr/internal.h"

#include <math.h>

#define MAPPING(name, FROM, TO, EXPRESSION)                                  \
    ef_status ef_kernel_##name(ef_call *call, ef_error *error) {             \
        (void)error;                                                         \
        const FROM *restrict from = ef_operand(call, 0)->values;             \
        TO *restrict to = call->result->values;                              \
        for (uint32_t i = 0; i < call->rows; i++) {                          \
            const FROM x = from[i];                                          \
            to[i] = EXPRESSION;                                              \
        }                                                                    \
        return EF_OK;                                                        \
    }

MAPPING(abs_int, int32_t, int32_t, x < 0 ? (int32_t)(0u - (uint32_t)x) : x)
MAPPING(abs_long, int64_t, int64_t, x < 0 ? (int64_t)(0u - (uint64_t)x) : x)
MAPPING(abs_float, float, float, fabsf(x))
MAPPING(abs_double, double, double, fabs(x))
MAPPING(sign_int, int32_t, int32_t, (x > 0) - (x < 0))
MAPPING(sign_long, int64_t, int32_t, (x > 0) - (x < 0))
MAPPING(sign_float, float, int32_t, (x > 0) - (x < 0))
MAPPING(sign_double, double, int32_t, (x > 0) - (x < 0))
MAPPING(round_double, double, double, round(x))
MAPPING(truncate, double, double, trunc(x))
MAPPING(ceil, double, double, ceil(x))
MAPPING(floor, double, double, floor(x))
MAPPING(exp, double, double, exp(x))
MAPPING(sin, double, double, sin(x))
MAPPING(cos, double, double, cos(x))
MAPPING(tan, double, double, tan(x))
MAPPING(atan, double, double, atan(x))

#define LIMITED(name, INSIDE, EXPRESSION)                                    \
    ef_status ef_kernel_##name(ef_call *call, ef_error *error) {             \
        const double *from = ef_operand(call, 0)->values;                    \
        double *to = call->result->values;                                   \
        for (uint32_t i = 0; i < call->rows; i++) {                          \
            const double x = from[i];                                        \
            to[i] = 0;                                                       \
            if (EF_LIKELY(INSIDE)) {                                         \
                to[i] = EXPRESSION;                                          \
            } else {                                                         \
                EF_TRY(ef_call_null(call, i, error));                            \
            }                                                                \
        }                                                                    \
        return EF_OK;                                                        \
    }

LIMITED(sqrt, !(x < 0), sqrt(x))
LIMITED(ln, !(x <= 0), log(x))
LIMITED(log10, !(x <= 0), log10(x))
LIMITED(asin, !(fabs(x) > 1), asin(x))
LIMITED(acos, !(fabs(x) > 1), acos(x))

#define PAIRING(name, INSIDE, EXPRESSION)                                    \
    ef_status ef_kernel_##name(ef_call *call, ef_error *error) {             \
        const ef_vector *first = ef_operand(call, 0);                        \
        const ef_vector *second = ef_operand(call, 1);                       \
        double *to = call->result->values;                                   \
        for (uint32_t i = 0; i < call->rows; i++) {                          \
            const double x = ((const double *)first->values)[i & first->index_mask];   \
            const double y = ((const double *)second->values)[i & second->index_mask]; \
            to[i] = 0;                                                       \
            if (EF_LIKELY(INSIDE)) {                                         \
                to[i] = EXPRESSION;                                          \
            } else {                                                         \
                EF_TRY(ef_call_null(call, i, error));                            \
            }                                                                \
        }                                                                    \
        return EF_OK;                                                        \
    }

/* Powers of the usual bases have whole logarithms. */
PAIRING(log, !(x <= 0) && x != 1 && !(y <= 0), x == 10 ? log10(y) : x == 2 ? log2(y) : log(y) / log(x))
/* No real result: a negative base with a fraction as exponent, zero with a negative one. */
PAIRING(power, !(x < 0 && y == y && y != trunc(y) && fabs(x) < HUGE_VAL) && !(x == 0 && y < 0), pow(x, y))
PAIRING(atan2, true, atan2(x, y))

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* x to `digits` places, the last by `cut`. Beyond 2^52 steps every double is a multiple already; a product that overflows is no change. */
static double to_places(double x, int32_t digits, double (*cut)(double)) {
    if (digits > 22 || digits < -308) {
        return digits > 0 ? x : 0.0 * x;
    }
    if (digits >= 0) {
        double scaled = x * POWERS[digits];
        return fabs(scaled) < 4503599627370496.0 ? cut(scaled) / POWERS[digits] : x;
    }
    double unit = pow(10.0, -(double)digits);
    return cut(x / unit) * unit;
}

#define PLACING(name, CUT)                                                   \
    ef_status ef_kernel_##name(ef_call *call, ef_error *error) {             \
        (void)error;                                                         \
        const ef_vector *value = ef_operand(call, 0);                        \
        const ef_vector *digits = ef_operand(call, 1);                       \
        double *to = call->result->values;                                   \
        for (uint32_t i = 0; i < call->rows; i++) {                          \
            double x = ((const double *)value->values)[i & value->index_mask]; \
            to[i] = to_places(x, ((const int32_t *)digits->values)[i & digits->index_mask], CUT); \
        }                                                                    \
        return EF_OK;                                                        \
    }

PLACING(round_digits_double, round)
PLACING(truncate_digits, trunc)

/* Half away from zero to a power of ten; wraps as LONG arithmetic does. */
static int64_t round_long_to(int64_t x, int32_t digits) {
    if (digits >= 0) {
        return x;
    }
    if (digits < -19) {
        return 0;
    }
    uint64_t unit = 1;
    for (int32_t k = digits; k < 0; k++) {
        unit *= 10; /* 10^19 fits unsigned */
    }
    uint64_t size = x < 0 ? 0u - (uint64_t)x : (uint64_t)x;
    uint64_t rest = size % unit;
    uint64_t rounded = size - rest + (rest >= unit - rest ? unit : 0);
    return (int64_t)(x < 0 ? 0u - rounded : rounded);
}

ef_status ef_kernel_round_digits_long(ef_call *call, ef_error *error) {
    (void)error;
    const ef_vector *value = ef_operand(call, 0);
    const ef_vector *digits = ef_operand(call, 1);
    int64_t *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = round_long_to(((const int64_t *)value->values)[i & value->index_mask],
                              ((const int32_t *)digits->values)[i & digits->index_mask]);
    }
    return EF_OK;
}

static ef_status constant(ef_call *call, double value) {
    double *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = value;
    }
    return EF_OK;
}

ef_status ef_kernel_pi(ef_call *call, ef_error *error) {
    (void)error;
    return constant(call, 3.14159265358979323846);
}

ef_status ef_kernel_e(ef_call *call, ef_error *error) {
    (void)error;
    return constant(call, 2.7182818284590452354);
}
