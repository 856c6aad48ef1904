/* The selection over the few rows of one delivery that a window left in place (batch/out.h): what a call with one row brings. The steps of
 * select.c without what such rows never need; only columns that are read are read, and of those that go out only the rows that do. */
#include "ops/select_inside.h"

bool ef_select_takes_few(const void *operator) {
    const ef_select *self = operator;
    return self->takes_few;
}

bool ef_select_puts_out_expired(const void *operator) {
    const ef_select *self = operator;
    return self->wanted[EF_EXPIRED];
}

static const uint32_t ALL[EF_OUT_FEW] = {0, 1, 2, 3, 4, 5, 6, 7};

/* The general way: through columns of the keys. */
static ef_status find_groups(ef_select_call *call, const ef_out *from) {
    const ef_select *self = call->self;
    call->arguments = ef_arena_take(call->arena, self->argument_count * sizeof *call->arguments);
    if (call->arguments == NULL) {
        return ef_fail_memory(call->error);
    }
    for (uint32_t k = 0; k < self->key_count; k++) {
        if (!ef_out_read(from, self->argument_column[k], ALL, from->rows, &call->arguments[k])) {
            return ef_fail_memory(call->error);
        }
    }
    char **groups = call->groups;
    EF_TRY(ef_select_find_groups(call, false));
    if (call->single != NULL) {
        for (uint32_t i = 0; i < from->rows; i++) {
            groups[i] = call->single;
        }
        call->groups = groups;
    }
    return EF_OK;
}

/* The words of a short key of one attribute; false: it is another. */
static bool short_key(const ef_select *self, const ef_out *from, uint32_t row, uint64_t *words) {
    if (self->key_count == 0) {
        return true;
    }
    ef_type type = self->keys[0].type;
    if (self->key_count > 1 || (type != EF_LONG && type != EF_STRING)) {
        return false;
    }
    ef_str text;
    bool is_null;
    const void *value = ef_out_value(from, self->argument_column[0], row, &text, &is_null);
    if (type == EF_LONG) {
        memcpy(words, value, 8);
        return !is_null;
    }
    memcpy(words, value, 16);
    return !is_null && ((const ef_str *)value)->length <= EF_INLINE_STRING;
}

/* Groups that are there already, of short keys: without marks and places. False: nothing was changed. */
static bool find_known(ef_select_call *call, const ef_out *from) {
    ef_select *self = call->self;
    uint64_t words[2];
    for (uint32_t i = 0; i < from->rows; i++) {
        if (i > 0 && self->key_count == 0) {
            call->met[i] = call->met[0];
            continue;
        }
        call->met[i] = short_key(self, from, i, words) ? ef_select_known_group(self, words) : EF_NO_HANDLE;
        if (call->met[i] == EF_NO_HANDLE) {
            return false;
        }
    }
    for (uint32_t i = 0; i < from->rows; i++) {
        call->groups[i] = (char *)ef_group_write(self, call->met[i]);
        if (call->groups[i] == NULL) {
            return false;
        }
    }
    if (self->held > 0 && call->has_kind[EF_EXPIRED]) { /* each once, for ef_select_forget */
        for (uint32_t i = 0; i < from->rows; i++) {
            uint32_t before = 0;
            while (before < call->met_count && call->met[before] != call->met[i]) {
                before++;
            }
            call->met[before] = call->met[i];
            call->met_count += before == call->met_count;
        }
    }
    return true;
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
    char *groups[EF_OUT_FEW];
    ef_handle met[EF_OUT_FEW];
    ef_select_call call;
    ef_batch in = {.rows = from->rows, .columns = 0, .kinds = from->kind, .form = EF_WHOLE};
    ef_select_call_init(&call, self, track, out, error);
    call.in = &in;
    call.has_kind[EF_CURRENT] = true;
    call.has_kind[EF_EXPIRED] = from->kinds != EF_CURRENT;
    call.has_kind[EF_RESET] = false;
    call.emit = emit;
    call.groups = groups;
    call.met = met;
    for (uint32_t i = 0; i < from->rows; i++) {
        bool wanted = self->wanted[from->kind[i]];
        emit[i] = wanted;
        rows[call.count] = i;
        call.count += wanted;
    }
    if (!find_known(&call, from)) {
        EF_TRY(find_groups(&call, from));
    }
    EF_TRY(ef_select_fold_few(&call, from));
    if (self->held > 0 && call.has_kind[EF_EXPIRED]) {
        ef_select_forget(&call);
    }
    return call.count > 0 ? put_out(&call, from, rows, call.count) : EF_OK;
}
