/* What events pass by themselves: the tests of a state that read nothing but the row, for all rows of a batch at once.
 *
 *      passes[row] = row 0 or 1                    one byte a row, one tight loop a test: comparison x type
 *
 * Asked for a batch of some length once, in O(rows) a test; single rows and short batches are tested as they come, where they come. */
#include "pattern/machine.h"

#define LEAST_ROWS 8u /* below it a column of answers costs more than it saves */

#define COMPARE(own, operation, other, number)                              \
    for (uint32_t i = 0; i < rows; i++) {                                   \
        passes[i] &= (uint8_t)((number)(own) operation (other));            \
    }                                                                       \
    break

#define COMPARISONS(own, other, number)                                     \
    switch (comparison) {                                                   \
    case EF_TEST_EQUAL:                                                     \
        COMPARE(own, ==, other, number);                                    \
    case EF_TEST_LESS:                                                      \
        COMPARE(own, <, other, number);                                     \
    case EF_TEST_LESS_EQUAL:                                                \
        COMPARE(own, <=, other, number);                                    \
    case EF_TEST_GREATER:                                                   \
        COMPARE(own, >, other, number);                                     \
    case EF_TEST_GREATER_EQUAL:                                             \
        COMPARE(own, >=, other, number);                                    \
    }                                                                       \
    break

static void and_valid(const ef_column *column, uint32_t from, uint32_t rows, uint8_t *restrict passes) {
    if (column->validity == NULL) {
        return;
    }
    for (uint32_t i = 0; i < rows; i++) {
        passes[i] &= (uint8_t)ef_bit(column->validity, from + i);
    }
}

void rows_pass_constant(const ef_pattern_test *test, const ef_column *column, uint32_t from, uint32_t rows,
                        uint8_t *restrict passes) {
    ef_test_kind comparison = test->comparison;
    int64_t whole = test->constant.l;
    double real = test->constant.d;
    switch (test->type) {
    case EF_BOOL: {
        const uint8_t *restrict values = (const uint8_t *)column->values + from;
        COMPARISONS(values[i], whole, int64_t);
    }
    case EF_INT: {
        const int32_t *restrict values = (const int32_t *)column->values + from;
        COMPARISONS(values[i], whole, int64_t);
    }
    case EF_LONG: {
        const int64_t *restrict values = (const int64_t *)column->values + from;
        COMPARISONS(values[i], whole, int64_t);
    }
    case EF_FLOAT: {
        const float *restrict values = (const float *)column->values + from;
        COMPARISONS(values[i], real, double);
    }
    case EF_DOUBLE: {
        const double *restrict values = (const double *)column->values + from;
        COMPARISONS(values[i], real, double);
    }
    case EF_STRING:
    case EF_OBJECT:
        memset(passes, 0, rows); /* no constant of these comes as a test */
        break;
    }
    and_valid(column, from, rows, passes);
}

void rows_pass_captured(const ef_pattern_test *test, const ef_column *own, uint32_t own_from, const ef_column *captured,
                        uint32_t captured_from, uint32_t rows, uint8_t *restrict passes) {
    ef_test_kind comparison = test->comparison;
    switch (test->type) {
    case EF_BOOL: {
        const uint8_t *values = (const uint8_t *)own->values + own_from;
        const uint8_t *others = (const uint8_t *)captured->values + captured_from;
        COMPARISONS(values[i], others[i], uint8_t);
    }
    case EF_INT: {
        const int32_t *values = (const int32_t *)own->values + own_from;
        const int32_t *others = (const int32_t *)captured->values + captured_from;
        COMPARISONS(values[i], others[i], int32_t);
    }
    case EF_LONG: {
        const int64_t *values = (const int64_t *)own->values + own_from;
        const int64_t *others = (const int64_t *)captured->values + captured_from;
        COMPARISONS(values[i], others[i], int64_t);
    }
    case EF_FLOAT: {
        const float *values = (const float *)own->values + own_from;
        const float *others = (const float *)captured->values + captured_from;
        COMPARISONS(values[i], others[i], float);
    }
    case EF_DOUBLE: {
        const double *values = (const double *)own->values + own_from;
        const double *others = (const double *)captured->values + captured_from;
        COMPARISONS(values[i], others[i], double);
    }
    case EF_STRING:
    case EF_OBJECT: {
        const ef_str *values = (const ef_str *)own->values + own_from;
        const ef_str *others = (const ef_str *)captured->values + captured_from;
        for (uint32_t i = 0; i < rows; i++) {
            passes[i] = (uint8_t)(passes[i] != 0 && ef_str_equal(&values[i], &others[i]));
        }
        break;
    }
    }
    and_valid(own, own_from, rows, passes);
    and_valid(captured, captured_from, rows, passes);
}

ef_status own_tests(run *r, uint32_t j, const uint8_t **passes) {
    const ef_state_config *config = &r->p->states[j].config;
    const ef_batch *batch = r->batch[config->port];
    *passes = r->own_passes[j];
    if (*passes != NULL) {
        return EF_OK;
    }
    uint8_t *made = ef_arena_take(r->arena, batch->rows > 0 ? batch->rows : 1);
    if (made == NULL) {
        return ef_fail_memory(r->error);
    }
    if (config->own != NULL) {
        EF_TRY(run_own_program(r, j, made));
    } else {
        memset(made, 1, batch->rows);
    }
    for (uint32_t t = 0; t < config->test_count; t++) {
        const ef_pattern_test *test = &config->tests[t];
        if (test->capture < 0) {
            rows_pass_constant(test, &batch->column[test->own], 0, batch->rows, made);
        }
    }
    r->own_passes[j] = made;
    *passes = made;
    return EF_OK;
}

bool has_own_tests(const ef_state_config *config) {
    for (uint32_t t = 0; t < config->test_count; t++) {
        if (config->tests[t].capture < 0) {
            return true;
        }
    }
    return config->own != NULL;
}

/* Rows of a port that pass some state by themselves; NULL: no use asking. */
ef_status port_passes(run *r, uint32_t port, const uint8_t **passes) {
    const pattern *p = r->p;
    const ef_batch *batch = r->batch[port];
    *passes = NULL;
    if (!p->port_skips[port] || batch->rows < LEAST_ROWS) {
        return EF_OK;
    }
    uint8_t *any = NULL;
    for (uint32_t j = 0; j < p->state_count; j++) {
        const uint8_t *own;
        if (p->states[j].config.port != port) {
            continue;
        }
        EF_TRY(own_tests(r, j, &own));
        if (any == NULL) {
            any = ef_arena_take(r->arena, batch->rows);
            if (any == NULL) {
                return ef_fail_memory(r->error);
            }
            memcpy(any, own, batch->rows);
            continue;
        }
        for (uint32_t i = 0; i < batch->rows; i++) {
            any[i] |= own[i];
        }
    }
    *passes = any;
    return EF_OK;
}

ef_status run_own_passes(run *r, uint32_t j, bool *passes) {
    if (!r->p->states[j].has_own_tests) {
        *passes = true;
        return EF_OK;
    }
    const ef_state_config *config = &r->p->states[j].config;
    const ef_batch *batch = r->batch[r->port];
    if (r->own_passes[j] == NULL && config->own == NULL && batch->rows < LEAST_ROWS) {
        *passes = true;
        for (uint32_t t = 0; t < config->test_count && *passes; t++) {
            const ef_pattern_test *test = &config->tests[t];
            if (test->capture < 0) {
                uint8_t pass = 1;
                rows_pass_constant(test, &batch->column[test->own], r->row, 1, &pass);
                *passes = pass != 0;
            }
        }
        return EF_OK;
    }
    const uint8_t *all;
    EF_TRY(own_tests(r, j, &all));
    *passes = all[r->row] != 0;
    return EF_OK;
}
