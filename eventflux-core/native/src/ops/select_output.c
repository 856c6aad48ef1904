/* Rows in, and rows out: arguments, outputs, having, reduction, the result. See select_inside.h. */
#include "base/object.h"
#include "ops/select_inside.h"

#define TAKE(call, type, count) ((type *)ef_arena_take((call)->arena, ((count) > 0 ? (size_t)(count) : 1) * sizeof(type)))

/* ---- rows in ---- */

static void note_kinds(ef_select_call *call, const ef_batch *batch) {
    call->has_kind[EF_CURRENT] = true;
    call->has_kind[EF_EXPIRED] = false;
    call->has_kind[EF_RESET] = false;
    if (batch->kinds == NULL) {
        return;
    }
    uint8_t any = 0;
    uint32_t current = 0;
    for (uint32_t i = 0; i < batch->rows; i++) {
        any |= batch->kinds[i];
        current += batch->kinds[i] == EF_CURRENT;
    }
    call->has_kind[EF_CURRENT] = current > 0;
    call->has_kind[EF_EXPIRED] = (any & EF_EXPIRED) != 0;
    call->has_kind[EF_RESET] = (any & EF_RESET) != 0;
}

/* Where RESETs stand among the work rows: in place, or before the row that follows when they are taken out. */
static ef_status note_resets(ef_select_call *call, const ef_batch *batch, bool taken_out) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->rows; i++) {
        count += batch->kinds[i] == EF_RESET;
    }
    call->resets = TAKE(call, ef_select_reset, count);
    if (call->resets == NULL) {
        return ef_fail_memory(call->error);
    }
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (batch->kinds[i] == EF_RESET) {
            uint32_t before = taken_out ? i - call->reset_count : i;
            call->resets[call->reset_count++] = (ef_select_reset){before, ef_row_slot(batch, i)};
        }
    }
    return EF_OK;
}

/* The batch without its RESET rows: argument programs must not see those. */
static ef_status take_out_resets(ef_select_call *call, const ef_batch *batch) {
    uint32_t rows = batch->rows - call->reset_count;
    bool leading = batch->form == EF_WHOLE && call->resets[call->reset_count - 1].before == 0;
    if (leading) {
        call->shift = call->reset_count;
        if (!ef_batch_view(&call->taken, batch, call->reset_count, rows, call->arena)) {
            return ef_fail_memory(call->error);
        }
    } else {
        uint32_t *kept = TAKE(call, uint32_t, batch->rows);
        if (kept == NULL) {
            return ef_fail_memory(call->error);
        }
        uint32_t count = 0;
        for (uint32_t i = 0; i < batch->rows; i++) {
            kept[count] = i;
            count += batch->kinds[i] != EF_RESET;
        }
        call->origin = kept;
        if (!ef_batch_gather(&call->taken, batch, kept, count, call->arena)) {
            return ef_fail_memory(call->error);
        }
    }
    call->in = &call->taken;
    call->has_kind[EF_RESET] = false;
    return EF_OK;
}

/* ---- programs ---- */

/* Failures of a program over emitted rows (`emitted`) or over work rows, as failures of the operator's input, kept in order of rows. */
static ef_status pass_failures(ef_select_call *call, const ef_out *from, bool emitted) {
    ef_out *out = call->out;
    uint32_t before = out->failed_count;
    for (uint32_t i = 0; i < from->failed_count; i++) {
        uint32_t at = from->failed[i].at;
        uint32_t row = ef_select_origin(call, emitted ? ef_select_row(call, at) : at);
        EF_TRY(ef_out_fail_row(out, row, from->failed[i].message, call->error));
    }
    for (uint32_t i = before; i < out->failed_count; i++) {
        ef_failed_row row = out->failed[i];
        uint32_t at = i;
        while (at > 0 && out->failed[at - 1].at > row.at) {
            out->failed[at] = out->failed[at - 1];
            at--;
        }
        out->failed[at] = row;
    }
    return EF_OK;
}

static ef_run run_of(ef_select_call *call, ef_out *failures) {
    return (ef_run){
        .arena = call->arena,
        .track = call->track,
        .host = call->self->host,
        .random = call->self->random,
        .out = failures,
    };
}

static ef_status run_arguments(ef_select_call *call) {
    const ef_select *self = call->self;
    const ef_batch *in = call->in;
    ef_out failures;
    ef_out_init(&failures, call->arena, in);
    ef_run run = run_of(call, &failures);
    uint8_t *ok = NULL;
    EF_TRY(ef_program_run(self->arguments, in, &run, call->arguments, &ok, call->error));
    if (ok == NULL) {
        return EF_OK;
    }
    call->failed = TAKE(call, uint8_t, in->rows);
    if (call->failed == NULL) {
        return ef_fail_memory(call->error);
    }
    for (uint32_t i = 0; i < in->rows; i++) {
        call->failed[i] = !ef_bit(ok, i);
    }
    return pass_failures(call, &failures, false);
}

static bool is_set(const ef_str *value) {
    const char *at = ef_str_data(value);
    ef_object_token token;
    return ef_object_next(&at, at + value->length, &token) && token.kind == EF_OBJECT_SET_OF;
}

/* Rows whose argument should be a set and is not fail before anything has counted them. */
static ef_status check_sets(ef_select_call *call, const ef_column *column) {
    const ef_batch *in = call->in;
    ef_out failures;
    ef_out_init(&failures, call->arena, in);
    for (uint32_t i = 0; i < in->rows; i++) {
        if (ef_row_kind(in, i) == EF_RESET || ef_is_null(column, i) || (call->failed != NULL && call->failed[i] != 0) ||
            is_set((const ef_str *)column->values + i)) {
            continue;
        }
        if (call->failed == NULL) {
            call->failed = TAKE(call, uint8_t, in->rows);
            if (call->failed == NULL) {
                return ef_fail_memory(call->error);
            }
            memset(call->failed, 0, in->rows);
        }
        call->failed[i] = 1;
        EF_TRY(ef_out_fail_row(&failures, i, "unionSet() takes a set, and the value is none", call->error));
    }
    return pass_failures(call, &failures, false);
}

ef_status ef_select_take(ef_select_call *call, const ef_batch *batch) {
    const ef_select *self = call->self;
    call->in = batch;
    note_kinds(call, batch);
    bool runs = self->arguments != NULL && !self->arguments_plain;
    if (call->has_kind[EF_RESET]) {
        EF_TRY(note_resets(call, batch, runs));
        if (runs) {
            EF_TRY(take_out_resets(call, batch));
        }
    }
    if (self->argument_count == 0) {
        return EF_OK;
    }
    call->arguments = TAKE(call, ef_column, self->argument_count);
    if (call->arguments == NULL) {
        return ef_fail_memory(call->error);
    }
    if (runs) {
        EF_TRY(run_arguments(call));
    } else {
        for (uint32_t i = 0; i < self->argument_count; i++) {
            call->arguments[i] = call->in->column[self->argument_column[i]];
        }
    }
    for (uint32_t a = 0; a < self->aggregate_count; a++) {
        if (self->aggregates[a].takes_sets) {
            EF_TRY(check_sets(call, &call->arguments[self->aggregates[a].column]));
        }
    }
    return EF_OK;
}

/* ---- emitted rows ---- */

#define GATHER_META(field, type)                                              \
    do {                                                                      \
        if (in->field == NULL) {                                              \
            call->field = NULL;                                               \
        } else if (call->rows == NULL) {                                      \
            call->field = in->field;                                          \
        } else if (call->field == NULL) {                                     \
            call->field = TAKE(call, type, call->count);                      \
            if (call->field == NULL) {                                        \
                return ef_fail_memory(call->error);                           \
            }                                                                 \
            for (uint32_t i = 0; i < call->count; i++) {                      \
                call->field[i] = in->field[call->rows[i]];                    \
            }                                                                 \
        }                                                                     \
    } while (0)

static ef_status gather_meta(ef_select_call *call) {
    const ef_batch *in = call->in;
    GATHER_META(timestamps, int64_t);
    GATHER_META(causes, int64_t);
    GATHER_META(slots, uint32_t);
    return EF_OK;
}

static ef_status emitted_column(ef_select_call *call, uint32_t column, ef_column *to) {
    const ef_column *from = &call->in->column[column];
    if (call->rows == NULL) {
        *to = *from;
        return EF_OK;
    }
    return ef_column_gather(to, from, call->rows, call->count, call->arena) ? EF_OK : ef_fail_memory(call->error);
}

/* Emitted rows as a batch that programs can read. */
static ef_status emitted_batch(ef_select_call *call, ef_column *columns, uint32_t count, ef_batch *batch) {
    EF_TRY(gather_meta(call));
    *batch = (ef_batch){
        .rows = call->count,
        .columns = count,
        .column = columns,
        .timestamps = call->timestamps,
        .causes = call->causes,
        .slots = call->slots,
        .form = EF_WHOLE,
    };
    return EF_OK;
}

/* Emitted rows `pick`, which rise: deliveries lose rows, or vanish. */
static ef_status narrow_rising(ef_select_call *call, const uint32_t *pick, uint32_t count) {
    if (call->each) {
        return ef_select_narrow(call, pick, count, NULL, 0);
    }
    uint32_t *ends = TAKE(call, uint32_t, call->deliveries);
    if (ends == NULL) {
        return ef_fail_memory(call->error);
    }
    uint32_t deliveries = 0, k = 0;
    for (uint32_t d = 0; d < call->deliveries; d++) {
        uint32_t begin = k;
        while (k < count && pick[k] < call->ends[d]) {
            k++;
        }
        if (k > begin) {
            ends[deliveries++] = k;
        }
    }
    return ef_select_narrow(call, pick, count, ends, deliveries);
}

static ef_status run_outputs(ef_select_call *call) {
    const ef_select *self = call->self;
    uint32_t count = self->columns + self->aggregate_count;
    ef_column *columns = TAKE(call, ef_column, count);
    if (columns == NULL) {
        return ef_fail_memory(call->error);
    }
    for (uint32_t c = 0; c < self->columns; c++) {
        EF_TRY(emitted_column(call, c, &columns[c]));
    }
    for (uint32_t a = 0; a < self->aggregate_count; a++) {
        columns[self->columns + a] = call->aggregates[a];
    }
    ef_batch batch;
    EF_TRY(emitted_batch(call, columns, count, &batch));
    ef_out failures;
    ef_out_init(&failures, call->arena, &batch);
    ef_run run = run_of(call, &failures);
    uint8_t *ok = NULL;
    EF_TRY(ef_program_run(self->outputs, &batch, &run, call->columns, &ok, call->error));
    if (ok == NULL) {
        return EF_OK;
    }
    EF_TRY(pass_failures(call, &failures, true));
    uint32_t *pick = TAKE(call, uint32_t, call->count);
    if (pick == NULL) {
        return ef_fail_memory(call->error);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < call->count; i++) {
        pick[kept] = i;
        kept += ef_bit(ok, i);
    }
    return narrow_rising(call, pick, kept);
}

ef_status ef_select_outputs(ef_select_call *call) {
    const ef_select *self = call->self;
    call->columns = TAKE(call, ef_column, self->output_count);
    if (call->columns == NULL) {
        return ef_fail_memory(call->error);
    }
    if (!self->outputs_plain) {
        return run_outputs(call);
    }
    for (uint32_t i = 0; i < self->output_count; i++) {
        uint32_t column = self->output_column[i];
        if (column < self->columns) {
            EF_TRY(emitted_column(call, column, &call->columns[i]));
        } else {
            call->columns[i] = call->aggregates[column - self->columns];
        }
    }
    return EF_OK;
}

ef_status ef_select_narrow(ef_select_call *call, const uint32_t *pick, uint32_t count, uint32_t *ends,
                           uint32_t deliveries) {
    for (uint32_t i = 0; i < call->self->output_count; i++) {
        ef_column from = call->columns[i];
        if (!ef_column_gather(&call->columns[i], &from, pick, count, call->arena)) {
            return ef_fail_memory(call->error);
        }
    }
    uint32_t *rows = TAKE(call, uint32_t, count);
    if (rows == NULL) {
        return ef_fail_memory(call->error);
    }
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = ef_select_row(call, pick[i]);
    }
    call->rows = rows;
    call->count = count;
    call->ends = ends;
    call->deliveries = deliveries;
    call->timestamps = NULL;
    call->causes = NULL;
    call->slots = NULL;
    return EF_OK;
}

ef_status ef_select_having(ef_select_call *call) {
    ef_batch batch;
    EF_TRY(emitted_batch(call, call->columns, call->self->output_count, &batch));
    ef_out failures;
    ef_out_init(&failures, call->arena, &batch);
    ef_run run = run_of(call, &failures);
    uint32_t *pick;
    uint32_t count;
    EF_TRY(ef_program_select(call->self->having, &batch, &run, &pick, &count, call->error));
    if (failures.failed_count > 0) {
        EF_TRY(pass_failures(call, &failures, true));
    }
    return count == call->count ? EF_OK : narrow_rising(call, pick, count);
}

/* Of each group the last row, in the order of the groups' first ones; without keys the last row. */
ef_status ef_select_reduce(ef_select_call *call) {
    uint32_t met = call->places != NULL ? call->met_count : 1;
    uint32_t *pick = TAKE(call, uint32_t, call->count);
    uint32_t *ends = TAKE(call, uint32_t, call->deliveries);
    uint32_t *seen = TAKE(call, uint32_t, met); /* the delivery, + 1 */
    uint32_t *at = TAKE(call, uint32_t, met);
    if (pick == NULL || ends == NULL || seen == NULL || at == NULL) {
        return ef_fail_memory(call->error);
    }
    memset(seen, 0, met * sizeof *seen);
    uint32_t count = 0, begin = 0;
    for (uint32_t d = 0; d < call->deliveries; d++) {
        for (uint32_t i = begin; i < call->ends[d]; i++) {
            uint32_t place = call->places != NULL ? call->places[ef_select_row(call, i)] : 0;
            if (seen[place] != d + 1) {
                seen[place] = d + 1;
                at[place] = count++;
            }
            pick[at[place]] = i;
        }
        begin = call->ends[d];
        ends[d] = count;
    }
    return count == call->count ? EF_OK : ef_select_narrow(call, pick, count, ends, call->deliveries);
}

/* ---- rows out ---- */

ef_status ef_select_result(ef_select_call *call) {
    const ef_select *self = call->self;
    const ef_batch *in = call->in;
    EF_TRY(gather_meta(call));
    uint8_t *kinds = NULL;
    if (in->kinds != NULL && self->wanted[EF_EXPIRED]) {
        kinds = in->kinds;
        if (call->rows != NULL) {
            kinds = TAKE(call, uint8_t, call->count);
            if (kinds == NULL) {
                return ef_fail_memory(call->error);
            }
            for (uint32_t i = 0; i < call->count; i++) {
                kinds[i] = in->kinds[call->rows[i]];
            }
        }
    }
    call->out->result = (ef_batch){
        .rows = call->count,
        .columns = self->visible,
        .column = call->columns,
        .timestamps = call->timestamps,
        .kinds = kinds,
        .causes = call->causes,
        .slots = call->slots,
        .form = (uint8_t)(call->each ? EF_EACH_ROW : call->deliveries == 1 ? EF_WHOLE : EF_ENDS),
        .ends = call->each || call->deliveries == 1 ? NULL : call->ends,
        .deliveries = call->each || call->deliveries == 1 ? 0 : call->deliveries,
    };
    return EF_OK;
}
