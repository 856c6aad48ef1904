/* The selection over the few rows of one delivery that a window left in place (batch/out.h): what a call with one row brings. The steps of
 * select.c without what such rows never need; only columns that are read are read, and of those that go out only the rows that do. */
#include "ops/select_inside.h"

bool ef_select_takes_few(const void *operator) {
    const ef_select *self = operator;
    return self->takes_few;
}

static const uint32_t ALL[EF_OUT_FEW] = {0, 1, 2, 3, 4, 5, 6, 7};

static ef_status read_arguments(ef_select_call *call, const ef_out *from) {
    const ef_select *self = call->self;
    call->arguments = ef_arena_take(call->arena, self->argument_count * sizeof *call->arguments);
    if (call->arguments == NULL) {
        return ef_fail_memory(call->error);
    }
    for (uint32_t i = 0; i < self->argument_count; i++) {
        if (!ef_out_read(from, self->argument_column[i], ALL, from->rows, &call->arguments[i])) {
            return ef_fail_memory(call->error);
        }
    }
    return EF_OK;
}

/* The emitted rows; almost always they stand side by side, and the arrays of `from` serve as they are. */
static ef_status put_out(ef_select_call *call, const ef_out *from, const uint32_t *rows, uint32_t count) {
    const ef_select *self = call->self;
    ef_batch *result = &call->out->result;
    result->column = ef_arena_take(call->arena, self->visible * sizeof *result->column);
    if (result->column == NULL) {
        return ef_fail_memory(call->error);
    }
    for (uint32_t i = 0; i < self->visible; i++) {
        uint32_t column = self->output_column[i];
        if (column >= self->columns) {
            result->column[i] = call->aggregates[column - self->columns];
        } else if (!ef_out_read(from, column, rows, count, &result->column[i])) {
            return ef_fail_memory(call->error);
        }
    }
    bool kinds = self->wanted[EF_EXPIRED] && from->kinds != EF_CURRENT;
    result->columns = self->visible;
    result->timestamps = from->timestamp + rows[0];
    result->causes = from->cause + rows[0];
    result->kinds = kinds ? from->kind + rows[0] : NULL;
    if (EF_UNLIKELY(rows[count - 1] - rows[0] != count - 1)) {
        result->timestamps = ef_arena_take(call->arena, count * sizeof *result->timestamps);
        result->causes = ef_arena_take(call->arena, count * sizeof *result->causes);
        result->kinds = kinds ? ef_arena_take(call->arena, count) : NULL;
        if (result->timestamps == NULL || result->causes == NULL || (kinds && result->kinds == NULL)) {
            return ef_fail_memory(call->error);
        }
        for (uint32_t i = 0; i < count; i++) {
            result->timestamps[i] = from->timestamp[rows[i]];
            result->causes[i] = from->cause[rows[i]];
            if (kinds) {
                result->kinds[i] = from->kind[rows[i]];
            }
        }
    }
    result->form = EF_WHOLE;
    result->rows = count;
    return EF_OK;
}

ef_status ef_select_few(void *operator, const ef_out *from, const ef_track *track, ef_out *out, ef_error *error) {
    ef_select *self = operator;
    uint8_t emit[EF_OUT_FEW];
    uint32_t rows[EF_OUT_FEW];
    ef_select_call call;
    ef_batch in = {.rows = from->rows, .columns = 0, .kinds = from->kind, .form = EF_WHOLE};
    ef_select_call_init(&call, self, track, out, error);
    call.in = &in;
    call.has_kind[EF_CURRENT] = true;
    call.has_kind[EF_EXPIRED] = from->kinds != EF_CURRENT;
    call.has_kind[EF_RESET] = false;
    call.emit = emit;
    for (uint32_t i = 0; i < from->rows; i++) {
        bool wanted = self->wanted[from->kind[i]];
        emit[i] = wanted;
        rows[call.count] = i;
        call.count += wanted;
    }
    EF_TRY(read_arguments(&call, from));
    EF_TRY(ef_select_find_groups(&call, false));
    EF_TRY(ef_select_fold_few(&call));
    if (self->held > 0 && call.has_kind[EF_EXPIRED]) {
        ef_select_forget(&call);
    }
    return call.count > 0 ? put_out(&call, from, rows, call.count) : EF_OK;
}
