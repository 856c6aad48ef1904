/* Which rows an instruction reaches: masks, rows that failed, and calls of the host for the rows that are left.
 *
 * A mask is made when it is first asked for: programs whose operations cannot fail never pay for one. The host sees dense columns of the
 * rows that reach the call; its results are spread to their rows again. */
#include "expr/internal.h"

/* ---- masks and failures ---- */

static ef_status make_mask(ef_eval *eval, uint32_t mask, ef_error *error) {
    const ef_mask *self = &eval->program->masks[mask - 1];
    const uint8_t *parent = self->parent != 0 ? eval->masks[self->parent - 1] : NULL;
    uint8_t *rows = ef_take(eval->arena, eval->rows);
    if (rows == NULL) {
        return ef_fail_memory(error);
    }
    const ef_vector *condition = &eval->vectors[self->condition];
    const uint8_t *values = condition->values;
    for (uint32_t i = 0; i < eval->rows; i++) {
        bool holds = values[i & condition->index_mask] != 0 && !ef_vector_null(condition, i);
        rows[i] = holds == self->when && (parent == NULL || parent[i] != 0);
    }
    eval->masks[mask - 1] = rows;
    return EF_OK;
}

ef_status ef_eval_mask(ef_eval *eval, uint32_t mask, const uint8_t **reached, ef_error *error) {
    const ef_mask *masks = eval->program->masks;
    while (eval->masks[mask - 1] == NULL) {
        uint32_t outer = mask; /* the outermost that is not known; mostly the mask itself */
        while (masks[outer - 1].parent != 0 && eval->masks[masks[outer - 1].parent - 1] == NULL) {
            outer = masks[outer - 1].parent;
        }
        EF_TRY(make_mask(eval, outer, error));
    }
    *reached = eval->masks[mask - 1];
    return EF_OK;
}

ef_status ef_eval_fail(ef_eval *eval, uint32_t row, const char *message, ef_error *error) {
    if (ef_eval_has_failed(eval, row)) {
        return EF_OK;
    }
    if (eval->failures == NULL) {
        eval->failures = ef_take(eval->arena, eval->rows * sizeof *eval->failures);
        if (eval->failures == NULL) {
            return ef_fail_memory(error);
        }
        memset(eval->failures, 0, eval->rows * sizeof *eval->failures);
    }
    size_t length = strlen(message);
    char *copy = ef_take(eval->arena, length + 1);
    if (copy == NULL) {
        return ef_fail_memory(error);
    }
    memcpy(copy, message, length + 1);
    eval->failures[row] = copy;
    eval->failed++;
    return EF_OK;
}

ef_status ef_call_fail(ef_call *call, uint32_t row, const char *message, ef_error *error) {
    ef_eval *eval = call->eval;
    uint8_t *validity = ef_call_nulls(call);
    if (validity == NULL) {
        return ef_fail_memory(error);
    }
    ef_bit_clear(validity, row);
    if (call->instruction->mask != 0) {
        const uint8_t *reached;
        EF_TRY(ef_eval_mask(eval, call->instruction->mask, &reached, error));
        if (reached[row] == 0) {
            return EF_OK;
        }
    }
    return ef_eval_fail(eval, row, message, error);
}

/* ---- calls of the host ---- */

static bool all_set(const uint8_t *bits, uint32_t rows) {
    uint32_t whole = rows / 8, i = 0;
    while (i < whole && bits[i] == 0xFF) {
        i++;
    }
    for (i *= 8; i < rows && ef_bit(bits, i); i++) {
    }
    return i == rows;
}

static ef_status gather_operand(ef_eval *eval, const ef_vector *vector, const uint32_t *rows, uint32_t count,
                                ef_column *column, ef_error *error) {
    ef_column all;
    EF_TRY(ef_eval_spread(eval, vector, &all, error));
    if (rows == NULL) {
        *column = all;
        return EF_OK;
    }
    size_t width = ef_type_width(all.type);
    char *values = ef_take(eval->arena, width * count);
    uint8_t *validity = all.validity != NULL ? ef_bitmap_new(eval->arena, count, 0) : NULL;
    if (values == NULL || (all.validity != NULL && validity == NULL)) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy(values + width * i, (const char *)all.values + width * rows[i], width);
        if (validity != NULL && ef_bit(all.validity, rows[i])) {
            ef_bit_set(validity, i);
        }
    }
    *column = (ef_column){.values = values, .validity = validity, .type = all.type};
    return EF_OK;
}

ef_status ef_call_host(ef_call *call, ef_error *error) {
    ef_eval *eval = call->eval;
    ef_host *host = eval->run->host;
    if (host == NULL || host->call == NULL) {
        return ef_fail(error, EF_INVALID, "functions of the host cannot be called here");
    }
    const uint8_t *reached = NULL;
    if (call->instruction->mask != 0) {
        EF_TRY(ef_eval_mask(eval, call->instruction->mask, &reached, error));
    }
    uint32_t *rows = NULL;
    uint32_t count = eval->rows;
    if (reached != NULL || eval->failed > 0) {
        rows = ef_take(eval->arena, eval->rows * sizeof *rows);
        if (rows == NULL) {
            return ef_fail_memory(error);
        }
        count = 0;
        for (uint32_t i = 0; i < eval->rows; i++) {
            rows[count] = i;
            count += (reached == NULL || reached[i] != 0) && !ef_eval_has_failed(eval, i);
        }
        if (count == 0) {
            ef_call_all_null(call);
            return EF_OK;
        }
    }
    ef_column *operands = ef_take(eval->arena, call->count * sizeof *operands);
    size_t width = ef_type_width((ef_type)call->result->type);
    ef_column result = {.values = ef_take(eval->arena, width * count),
                        .validity = ef_bitmap_new(eval->arena, count, 0xFF),
                        .type = (ef_type)call->result->type};
    uint8_t *failed = ef_take(eval->arena, count);
    if (operands == NULL || result.values == NULL || result.validity == NULL || failed == NULL) {
        return ef_fail_memory(error);
    }
    memset(result.values, 0, width * count);
    memset(failed, 0, count);
    for (uint32_t i = 0; i < call->count; i++) {
        EF_TRY(gather_operand(eval, ef_operand(call, i), rows, count, &operands[i], error));
    }
    EF_TRY(host->call(host->context, call->instruction->function, count, call->count, operands, &result, failed,
                      eval->arena, error));
    for (uint32_t i = 0; i < count; i++) {
        if (failed[i] != 0) {
            const char *text = host->failure != NULL ? host->failure(host->context, i) : NULL;
            EF_TRY(ef_eval_fail(eval, rows != NULL ? rows[i] : i, text != NULL ? text : "the function failed", error));
            ef_bit_clear(result.validity, i);
        }
    }
    if (rows == NULL) {
        call->result->values = result.values;
        if (!all_set(result.validity, count)) {
            call->result->validity = result.validity;
            call->result->owns_validity = true;
        }
        return EF_OK;
    }
    call->result->values = ef_take(eval->arena, width * eval->rows);
    uint8_t *validity = ef_call_no_values(call);
    if (call->result->values == NULL || validity == NULL) {
        return ef_fail_memory(error);
    }
    memset(call->result->values, 0, width * eval->rows);
    for (uint32_t i = 0; i < count; i++) {
        memcpy((char *)call->result->values + width * rows[i], (char *)result.values + width * i, width);
        if (ef_bit(result.validity, i)) {
            ef_bit_set(validity, rows[i]);
        }
    }
    return EF_OK;
}
