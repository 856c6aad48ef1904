/* Running expression programs; see program.h and internal.h.
 *
 * One pass over the instructions, each over all rows. For most operations this file sees to nulls, from the operation's null rule, so that
 * a kernel is one loop over values. A run allocates from the slice arena only.
 *
 * Failed rows are collected by row and put on the error edge at the end, in row order; once a row has failed, no later instruction
 * that runs under a mask reaches it. */
#include "expr/internal.h"

static const uint64_t NOTHING[2] = {0, 0};

/* ---- random numbers: xoshiro256** 1.0 (Blackman and Vigna) ---- */

void ef_random_seed(ef_random *random, uint64_t seed) {
    for (int i = 0; i < 4; i++) { /* splitmix64 */
        uint64_t z = seed += 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        random->state[i] = z ^ (z >> 31);
    }
}

static uint64_t rotate(uint64_t value, int by) {
    return (value << by) | (value >> (64 - by));
}

uint64_t ef_random_next(ef_random *random) {
    uint64_t *s = random->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* Every row takes the same count of numbers, reached or not, in row order: the numbers do not depend on the slicing. */
static ef_status draw(ef_eval *eval, ef_error *error) {
    size_t count = (size_t)eval->rows * eval->program->sites * 2;
    if (eval->run->random == NULL) {
        return ef_fail(error, EF_INVALID, "random numbers are not at hand here");
    }
    uint64_t *numbers = ef_take(eval->arena, count * sizeof *numbers);
    if (numbers == NULL) {
        return ef_fail_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        numbers[i] = ef_random_next(eval->run->random);
    }
    eval->random = numbers;
    return EF_OK;
}

/* ---- bitmaps ---- */

uint8_t *ef_bitmap_new(ef_arena *arena, uint32_t rows, uint8_t fill) {
    uint8_t *bits = ef_take(arena, ef_bitmap_size(rows));
    if (bits != NULL) {
        memset(bits, fill, ef_bitmap_size(rows));
    }
    return bits;
}

uint8_t *ef_call_nulls(ef_call *call) {
    ef_vector *result = call->result;
    if (result->validity == NULL || !result->owns_validity) {
        uint8_t *bits = ef_bitmap_new(call->arena, call->rows, 0xFF);
        if (bits != NULL && result->validity != NULL) {
            memcpy(bits, result->validity, ef_bitmap_size(call->rows));
        }
        result->validity = bits;
        result->owns_validity = true;
    }
    return result->validity;
}

ef_status ef_call_null(ef_call *call, uint32_t row, ef_error *error) {
    uint8_t *validity = ef_call_nulls(call);
    if (validity == NULL) {
        return ef_fail_memory(error);
    }
    ef_bit_clear(validity, row);
    return EF_OK;
}

uint8_t *ef_call_no_values(ef_call *call) {
    call->result->validity = ef_bitmap_new(call->arena, call->rows, 0);
    call->result->owns_validity = true;
    return call->result->validity;
}

/* The AND of the operands' bitmaps, shared if there is only one. *none: a null constant, so all rows are null. */
static ef_status combine_validity(const ef_call *call, uint8_t **validity, bool *owned, bool *none, ef_error *error) {
    *validity = NULL;
    *owned = false;
    *none = false;
    for (uint32_t i = 0; i < call->count; i++) {
        const ef_vector *operand = ef_operand(call, i);
        if (operand->validity == NULL) {
            continue;
        }
        if (operand->index_mask == 0) {
            *none = true; /* one value has a bitmap only if it is null */
            return EF_OK;
        }
        if (*validity == NULL) {
            *validity = operand->validity;
            continue;
        }
        size_t size = ef_bitmap_size(call->rows);
        if (!*owned) {
            uint8_t *own = ef_take(call->arena, size);
            if (own == NULL) {
                return ef_fail_memory(error);
            }
            const uint8_t *restrict a = *validity;
            const uint8_t *restrict b = operand->validity;
            for (size_t k = 0; k < size; k++) {
                own[k] = a[k] & b[k];
            }
            *validity = own;
            *owned = true;
        } else {
            uint8_t *restrict a = *validity;
            const uint8_t *restrict b = operand->validity;
            for (size_t k = 0; k < size; k++) {
                a[k] &= b[k];
            }
        }
    }
    return EF_OK;
}

void ef_call_all_null(ef_call *call) {
    ef_vector *result = call->result;
    result->values = (void *)(uintptr_t)NOTHING;
    result->validity = (uint8_t *)(uintptr_t)NOTHING;
    result->index_mask = 0;
    result->null = true;
    result->owns_validity = false;
}

/* Rows whose bit is clear become `value`: bytes of BOOL, eight at a time (arrays of the arena are a multiple of 16 long). */
static void settle_nulls(uint8_t *values, const uint8_t *validity, uint32_t rows, bool value) {
    size_t groups = ef_bitmap_size(rows);
    for (size_t g = 0; g < groups; g++) {
        uint64_t eight;
        memcpy(&eight, values + 8 * g, 8);
        uint64_t valid = ef_spread_bits(validity[g]);
        eight = value ? eight | (valid ^ 0x0101010101010101u) : eight & valid;
        memcpy(values + 8 * g, &eight, 8);
    }
}

static ef_status take_values(ef_call *call, ef_error *error) {
    call->result->values = ef_take(call->arena, (size_t)call->rows * ef_type_width((ef_type)call->result->type));
    return call->result->values != NULL ? EF_OK : ef_fail_memory(error);
}

/* ---- instructions ---- */

static ef_status run_instruction(ef_call *call, ef_error *error) {
    const ef_operation *operation = call->instruction->operation;
    ef_vector *result = call->result;
    uint8_t *validity = NULL;
    bool owned = false, none = false;
    if (operation->nulls != EF_NULL_OWN) {
        EF_TRY(combine_validity(call, &validity, &owned, &none, error));
        if (none) {
            if (operation->nulls == EF_NULL_NULL) {
                ef_call_all_null(call);
                return EF_OK;
            }
            EF_TRY(take_values(call, error));
            memset(result->values, operation->nulls == EF_NULL_TRUE, call->rows);
            return EF_OK;
        }
        result->validity = validity;
        result->owns_validity = owned;
    }
    if ((operation->flags & EF_OP_ALIAS) == 0) {
        EF_TRY(take_values(call, error));
    }
    EF_TRY(operation->kernel(call, error));
    if ((operation->nulls == EF_NULL_FALSE || operation->nulls == EF_NULL_TRUE) && result->validity != NULL) {
        settle_nulls(result->values, result->validity, call->rows, operation->nulls == EF_NULL_TRUE);
        result->validity = NULL;
        result->owns_validity = false;
    }
    if (call->instruction->constant) {
        if (result->validity != NULL && ef_bit(result->validity, 0)) {
            result->validity = NULL;
        } else if (result->validity != NULL) {
            ef_call_all_null(call);
        }
    } else if (EF_UNLIKELY(result->index_mask == 0 && !result->null)) {
        /* An alias of a constant: kernels may rely on it that two constants meet in constant instructions only. */
        ef_column column;
        EF_TRY(ef_eval_spread(call->eval, result, &column, error));
        result->values = column.values;
        result->index_mask = EF_ALL_ROWS;
    }
    return EF_OK;
}

static ef_status begin(ef_eval *eval, const ef_program *program, const ef_batch *batch, ef_run *run, ef_error *error) {
    eval->program = program;
    eval->batch = batch;
    eval->run = run;
    eval->arena = run->arena;
    eval->rows = batch->rows;
    eval->masks = NULL;
    eval->failures = NULL;
    eval->failed = 0;
    eval->random = NULL;
    size_t size = program->register_count * sizeof *eval->vectors;
    eval->vectors = ef_take(eval->arena, size);
    if (eval->vectors == NULL) {
        return ef_fail_memory(error);
    }
    if (size > 0) {
        memcpy(eval->vectors, program->vectors, size);
    }
    for (uint32_t i = 0; i < program->columns_read_count; i++) {
        ef_register known = program->columns_read[i];
        uint32_t index = program->registers[known].column;
        if (EF_UNLIKELY(index >= batch->columns || (uint8_t)batch->column[index].type != program->column_types[index])) {
            return ef_fail(error, EF_INVALID, "column %u of the batch is not as the program was told", index);
        }
        eval->vectors[known].values = batch->column[index].values;
        eval->vectors[known].validity = batch->column[index].validity;
    }
    if (program->mask_count > 0) {
        eval->masks = ef_take(eval->arena, program->mask_count * sizeof *eval->masks);
        if (eval->masks == NULL) {
            return ef_fail_memory(error);
        }
        memset(eval->masks, 0, program->mask_count * sizeof *eval->masks);
    }
    return program->sites > 0 ? draw(eval, error) : EF_OK;
}

static ef_status run_all(ef_eval *eval, ef_error *error) {
    const ef_program *program = eval->program;
    ef_call call;
    call.eval = eval;
    call.arena = eval->arena;
    for (uint32_t i = 0; i < program->instruction_count; i++) {
        const ef_instruction *instruction = &program->instructions[i];
        call.instruction = instruction;
        call.arguments = program->arguments + instruction->first;
        call.count = instruction->count;
        call.rows = instruction->constant ? 1 : eval->rows;
        call.result = &eval->vectors[instruction->result];
        EF_TRY(EF_LIKELY(instruction->operation != NULL) ? run_instruction(&call, error) : ef_call_host(&call, error));
    }
    return EF_OK;
}

/* Puts the failed rows on the error edge, or fails the run if there is none. */
static ef_status report_failures(const ef_eval *eval, ef_error *error) {
    for (uint32_t i = 0; i < eval->rows; i++) {
        if (eval->failures[i] == NULL) {
            continue;
        }
        if (eval->run->out == NULL) {
            ef_status status = ef_fail(error, EF_ROW, "%s", eval->failures[i]);
            if (error != NULL) {
                error->row = (int64_t)i;
            }
            return status;
        }
        EF_TRY(ef_out_fail_row(eval->run->out, i, eval->failures[i], error));
    }
    return EF_OK;
}

/* ---- results ---- */

#define FILL(T)                               \
    do {                                      \
        T value;                              \
        memcpy(&value, vector->values, sizeof value); \
        T *restrict to = values;              \
        for (uint32_t i = 0; i < rows; i++) { \
            to[i] = value;                    \
        }                                     \
    } while (0)

ef_status ef_eval_spread(ef_eval *eval, const ef_vector *vector, ef_column *column, ef_error *error) {
    column->type = (ef_type)vector->type;
    if (vector->index_mask == EF_ALL_ROWS) {
        column->values = vector->values;
        column->validity = vector->validity;
        return EF_OK;
    }
    uint32_t rows = eval->rows;
    size_t width = ef_type_width(column->type);
    void *values = ef_take(eval->arena, width * rows);
    if (values == NULL) {
        return ef_fail_memory(error);
    }
    column->values = values;
    column->validity = NULL;
    if (vector->null) {
        memset(values, 0, width * rows);
        column->validity = ef_bitmap_new(eval->arena, rows, 0);
        return column->validity != NULL ? EF_OK : ef_fail_memory(error);
    }
    switch (width) {
    case 1:
        memset(values, *(const uint8_t *)vector->values, rows);
        break;
    case 4:
        FILL(uint32_t);
        break;
    case 8:
        FILL(uint64_t);
        break;
    default:
        FILL(ef_str);
        break;
    }
    return EF_OK;
}

/* Values of null rows become zero bytes, as the batch promises. */
#define ZERO_NULLS(T)                                                          \
    do {                                                                       \
        T *to = column->values;                                                \
        for (size_t g = 0; g < groups; g++) {                                  \
            if (column->validity[g] == 0xFF) {                                 \
                continue;                                                      \
            }                                                                  \
            uint32_t end = 8 * (uint32_t)g + 8 < rows ? 8 * (uint32_t)g + 8 : rows; \
            for (uint32_t i = 8 * (uint32_t)g; i < end; i++) {                 \
                if (!ef_bit(column->validity, i)) {                            \
                    memset(&to[i], 0, sizeof to[i]);                           \
                }                                                              \
            }                                                                  \
        }                                                                      \
    } while (0)

static void zero_nulls(ef_column *column, uint32_t rows) {
    size_t groups = ef_bitmap_size(rows);
    switch (ef_type_width(column->type)) {
    case 1:
        ZERO_NULLS(uint8_t);
        break;
    case 4:
        ZERO_NULLS(uint32_t);
        break;
    case 8:
        ZERO_NULLS(uint64_t);
        break;
    default:
        ZERO_NULLS(ef_str);
        break;
    }
}

/* Nulls in the failed rows. The column must not be written if it is the batch's own: values are copied then. */
static ef_status null_failed(ef_eval *eval, ef_column *column, bool borrowed, ef_error *error) {
    uint8_t *validity = ef_bitmap_new(eval->arena, eval->rows, 0xFF);
    size_t width = ef_type_width(column->type);
    char *values = borrowed ? ef_take(eval->arena, width * eval->rows) : column->values;
    if (validity == NULL || values == NULL) {
        return ef_fail_memory(error);
    }
    if (column->validity != NULL) {
        memcpy(validity, column->validity, ef_bitmap_size(eval->rows));
    }
    if (borrowed) {
        memcpy(values, column->values, width * eval->rows);
    }
    for (uint32_t i = 0; i < eval->rows; i++) {
        if (eval->failures[i] != NULL) {
            ef_bit_clear(validity, i);
            memset(values + width * i, 0, width);
        }
    }
    column->values = values;
    column->validity = validity;
    return EF_OK;
}

ef_status ef_program_run(const ef_program *program, const ef_batch *batch, ef_run *run, ef_column *outputs,
                         uint8_t **ok, ef_error *error) {
    ef_eval eval;
    if (ok != NULL) {
        *ok = NULL;
    }
    if (batch->rows == 0) {
        for (uint32_t i = 0; i < program->output_count; i++) {
            outputs[i] = (ef_column){.values = (void *)(uintptr_t)NOTHING, .type = ef_program_output_type(program, i)};
        }
        return EF_OK;
    }
    EF_TRY(begin(&eval, program, batch, run, error));
    EF_TRY(run_all(&eval, error));
    for (uint32_t i = 0; i < program->output_count; i++) {
        ef_register from = program->outputs[i];
        const ef_vector *vector = &eval.vectors[from];
        EF_TRY(ef_eval_spread(&eval, vector, &outputs[i], error));
        if (outputs[i].validity != NULL && !vector->null && !vector->borrowed) {
            zero_nulls(&outputs[i], eval.rows);
        }
        if (eval.failed > 0) {
            EF_TRY(null_failed(&eval, &outputs[i], vector->borrowed, error));
        }
    }
    if (eval.failed == 0) {
        return EF_OK;
    }
    if (ok != NULL) {
        *ok = ef_bitmap_new(eval.arena, eval.rows, 0xFF);
        if (*ok == NULL) {
            return ef_fail_memory(error);
        }
        for (uint32_t i = 0; i < eval.rows; i++) {
            if (eval.failures[i] != NULL) {
                ef_bit_clear(*ok, i);
            }
        }
    }
    return report_failures(&eval, error);
}

ef_status ef_program_select(const ef_program *program, const ef_batch *batch, ef_run *run, uint32_t **rows,
                            uint32_t *count, ef_error *error) {
    if (program->output_count != 1 || ef_program_output_type(program, 0) != EF_BOOL) {
        return ef_fail(error, EF_INVALID, "a selecting program has one output, a BOOL");
    }
    if (batch->rows == 0) {
        *rows = NULL;
        *count = 0;
        return EF_OK;
    }
    ef_eval eval;
    EF_TRY(begin(&eval, program, batch, run, error));
    EF_TRY(run_all(&eval, error));
    uint32_t *kept = ef_take(eval.arena, eval.rows * sizeof *kept);
    if (kept == NULL) {
        return ef_fail_memory(error);
    }
    const ef_vector *vector = &eval.vectors[program->outputs[0]];
    const uint8_t *values = vector->values;
    uint32_t n = 0;
    if (vector->index_mask == 0) {
        if (!vector->null && values[0] != 0) {
            for (; n < eval.rows; n++) {
                kept[n] = n;
            }
        }
    } else if (vector->validity != NULL) {
        for (uint32_t i = 0; i < eval.rows; i++) {
            kept[n] = i;
            n += (values[i] != 0) & ef_bit(vector->validity, i);
        }
    } else {
        for (uint32_t i = 0; i < eval.rows; i++) {
            kept[n] = i;
            n += values[i] != 0;
        }
    }
    if (eval.failed > 0) {
        uint32_t good = 0;
        for (uint32_t i = 0; i < n; i++) {
            kept[good] = kept[i];
            good += eval.failures[kept[i]] == NULL;
        }
        n = good;
        EF_TRY(report_failures(&eval, error));
    }
    *rows = kept;
    *count = n;
    return EF_OK;
}
