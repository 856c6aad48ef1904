/* The selection operator: the steps of a call in order. Layout and files: select_inside.h; meaning: docs/reference, selection.
 *
 * A selection without aggregates, having and order is its output program on the wanted rows. On batch chunks, without having, the
 * outputs are computed for the rows that survive; with having every wanted row must be tested first. */
#include "ops/select_inside.h"

static ef_status put_out(ef_select_call *call, bool reduces) {
    const ef_select *self = call->self;
    if (call->count == 0) {
        return EF_OK;
    }
    EF_TRY(ef_select_outputs(call));
    if (self->having != NULL && call->count > 0) {
        EF_TRY(ef_select_having(call));
        if (reduces && !call->each && call->count > 0) {
            EF_TRY(ef_select_reduce(call));
        }
    }
    if (call->count > 0 && (self->order_count > 0 || self->limit >= 0 || self->offset > 0)) {
        EF_TRY(ef_select_order(call));
    }
    return call->count > 0 ? ef_select_result(call) : EF_OK;
}

static ef_status count_rows(ef_select_call *call, bool reduces) {
    const ef_select *self = call->self;
    EF_TRY(ef_select_find_groups(call, reduces && self->key_count > 0));
    EF_TRY(ef_select_choose(call, reduces && self->having == NULL));
    return ef_select_fold(call);
}

/* Assigned one by one: what clears the whole structure at once costs more than a one-row call has to spare. */
void ef_select_call_init(ef_select_call *call, ef_select *self, const ef_track *track, ef_out *out, ef_error *error) {
    call->self = self;
    call->track = track;
    call->out = out;
    call->arena = out->arena;
    call->error = error;
    call->origin = NULL;
    call->shift = 0;
    call->resets = NULL;
    call->reset_count = 0;
    call->arguments = NULL;
    call->failed = NULL;
    call->single = NULL;
    call->groups = NULL;
    call->places = NULL;
    call->met = NULL;
    call->met_count = 0;
    call->actions = NULL;
    call->emit = NULL;
    call->count = 0;
    call->rows = NULL;
    call->from_fold = NULL;
    call->ends = NULL;
    call->deliveries = 0;
    call->each = false;
    call->aggregates = NULL;
    call->columns = NULL;
    call->timestamps = NULL;
    call->causes = NULL;
    call->slots = NULL;
}

static ef_status process(void *operator, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                         ef_error *error) {
    ef_select *self = operator;
    (void)port;
    if (batch->rows == 0) {
        return EF_OK;
    }
    if (self->folds_ahead) {
        return ef_select_run_ahead(self, batch, track, out, error);
    }
    ef_select_call call;
    ef_select_call_init(&call, self, track, out, error);
    bool reduces = batch->batch_chunk && !self->keeps_all && batch->form != EF_EACH_ROW &&
                   (self->aggregate_count > 0 || self->key_count > 0);
    if (self->aggregate_count == 0 && !reduces) {
        /* Keys without aggregates change nothing on chunks that are not batch chunks, but may fail. */
        EF_TRY(ef_select_take(&call, batch));
        EF_TRY(ef_select_choose(&call, false));
        return put_out(&call, false);
    }
    EF_TRY(ef_select_take(&call, batch));
    ef_status status = count_rows(&call, reduces);
    if (call.reset_count > 0 || self->aggregate_count == 0) {
        /* Without aggregates groups are only told apart within a delivery: nothing of them is kept. */
        ef_select_sweep(&call, self->aggregate_count == 0, status != EF_OK);
    }
    EF_TRY(status);
    if (self->held > 0 && call.has_kind[EF_EXPIRED]) {
        ef_select_forget(&call);
    }
    return put_out(&call, reduces);
}

static int64_t next_due(const void *operator) {
    (void)operator;
    return EF_NEVER;
}

static ef_status create_plain(const ef_operator_config *config, void **operator, ef_error *error) {
    (void)config;
    (void)operator;
    return ef_fail(error, EF_INVALID, "a selection is made from its programs, by ef_select_create");
}

const ef_operator_class ef_select_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "select",
    .flags = EF_SLOTS | EF_BATCHED,
    .state_version = 1,
    .create = create_plain,
    .destroy = ef_select_free,
    .process = process,
    .next_due = next_due,
    .purge = ef_select_purge,
    .save = ef_select_save,
    .load = ef_select_load,
    .size = ef_select_size,
};
