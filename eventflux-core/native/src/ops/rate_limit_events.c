/* Output every N events: all, first, last; and first every T, which needs no timer.
 *
 *      all     rows are kept until there are N, then go out as one delivery
 *      first   row 1, N + 1, ... of the slot or of its group; what passes of one delivery stays one
 *      last    row N, 2 N, ...; by group: at row N the last row of each group since, groups in the order of their first rows
 *
 * What an unfinished period has so far (all, last) goes out when the app ends: ef_rate_end().
 *
 * O(1) a row. Retains fewer than N rows a slot; first by group retains a row a group for ever, as the counters of groups do. */
#include "ops/rate_limit_inside.h"

typedef struct rate_run {
    ef_rate_limiter *limiter;
    const ef_batch *batch;
    const ef_track *track;
    ef_out *out;
    ef_error *error;
} rate_run;

static ef_status put_input(const rate_run *run, uint32_t row) {
    const ef_batch *batch = run->batch;
    EF_TRY(ef_out_reserve(run->out, 1, run->error));
    ef_out_put(run->out, EF_FROM_INPUT(row), batch->timestamps[row], ef_row_kind(batch, row), ef_row_cause(batch, row),
               ef_row_slot(batch, row));
    return EF_OK;
}

static ef_status put_entries(const rate_run *run, uint32_t row) {
    return ef_rate_put_entries(run->limiter, ef_row_slot(run->batch, row), ef_row_cause(run->batch, row), run->out, run->error);
}

static ef_status take_all(const rate_run *run, uint32_t row) {
    ef_rate_slot *state = ef_rate_slot_at(run->limiter, ef_row_slot(run->batch, row));
    uint32_t link;
    EF_TRY(ef_rate_add(run->limiter, run->batch, row, true, &link, run->error));
    return state->count >= run->limiter->every ? put_entries(run, row) : EF_OK;
}

/* *number counts the rows since the last one that passed. */
static ef_status take_first(const rate_run *run, uint32_t row, int64_t *number) {
    if (*number == 0) {
        EF_TRY(put_input(run, row));
    }
    *number = (*number + 1) % run->limiter->every;
    return EF_OK;
}

/* *number: when a row passed last. */
static ef_status take_first_of_time(const rate_run *run, uint32_t row, int64_t *number, bool is_fresh) {
    int64_t clock = ef_row_clock(run->batch, row, run->track);
    if (is_fresh || clock >= ef_time_after(*number, run->limiter->every)) {
        EF_TRY(put_input(run, row));
        *number = clock;
    }
    return EF_OK;
}

static ef_status take_first_of_group(const rate_run *run, uint32_t row) {
    ef_rate_limiter *limiter = run->limiter;
    uint32_t link = ef_rate_find_group(limiter, run->batch, row);
    bool is_fresh = link == 0;
    if (is_fresh) {
        EF_TRY(ef_rate_add_group(limiter, run->batch, row, true, &link, run->error));
    }
    ef_rate_entry *group = ef_rate_entry_write(limiter, link);
    if (group == NULL) {
        return ef_fail_memory(run->error);
    }
    return limiter->by_time ? take_first_of_time(run, row, &group->number, is_fresh)
                            : take_first(run, row, &group->number);
}

static ef_status take_last(const rate_run *run, uint32_t row) {
    ef_rate_slot *state = ef_rate_slot_at(run->limiter, ef_row_slot(run->batch, row));
    if (state->number + 1 >= run->limiter->every) {
        EF_TRY(put_input(run, row));
        ef_out_end(run->out);
        state->number = 0;
    } else {
        state->number++;
    }
    return EF_OK;
}

/* Of a slot whose period is unfinished the last row is kept, for the end of the app. */
static ef_status keep_last(const rate_run *run, uint32_t row) {
    ef_rate_limiter *limiter = run->limiter;
    uint32_t slot = ef_row_slot(run->batch, row);
    const ef_rate_slot *state = ef_rate_slot_at(limiter, slot);
    uint32_t link = state->head;
    if (state->number == 0) {
        ef_rate_empty(limiter, slot);
        return EF_OK;
    }
    return link != 0 ? ef_rate_replace(limiter, link, run->batch, row, run->error)
                     : ef_rate_add(limiter, run->batch, row, true, &link, run->error);
}

static ef_status keep_last_rows(const rate_run *run) {
    const ef_batch *batch = run->batch;
    if (batch->slots == NULL) { /* it is known which row is the last of its slot */
        for (uint32_t i = batch->rows; i-- > 0;) {
            if (ef_row_kind(batch, i) != EF_RESET) {
                return keep_last(run, i);
            }
        }
        return EF_OK;
    }
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (ef_row_kind(batch, i) != EF_RESET) {
            EF_TRY(keep_last(run, i));
        }
    }
    return EF_OK;
}

static ef_status take_last_of_group(const rate_run *run, uint32_t row) {
    ef_rate_limiter *limiter = run->limiter;
    ef_rate_slot *state = ef_rate_slot_at(limiter, ef_row_slot(run->batch, row));
    uint32_t link = ef_rate_find_group(limiter, run->batch, row);
    if (link != 0) {
        EF_TRY(ef_rate_replace(limiter, link, run->batch, row, run->error));
    } else {
        EF_TRY(ef_rate_add_group(limiter, run->batch, row, true, &link, run->error));
    }
    state->number++;
    if (state->number >= limiter->every) {
        EF_TRY(put_entries(run, row));
        state->number = 0;
    }
    return EF_OK;
}

static ef_status take_row(const rate_run *run, uint32_t row) {
    ef_rate_limiter *limiter = run->limiter;
    bool groups = limiter->keeps == EF_RATE_KEEPS_GROUPS;
    switch (limiter->rate) {
    case EF_RATE_ALL:
        return take_all(run, row);
    case EF_RATE_LAST:
        return groups ? take_last_of_group(run, row) : take_last(run, row);
    case EF_RATE_FIRST:
    case EF_RATE_SNAPSHOT: /* not by events */
        break;
    }
    if (groups) {
        return take_first_of_group(run, row);
    }
    ef_rate_slot *state = ef_rate_slot_at(limiter, ef_row_slot(run->batch, row));
    if (!limiter->by_time) {
        return take_first(run, row, &state->number);
    }
    EF_TRY(take_first_of_time(run, row, &state->number, !state->started));
    state->started = true;
    return EF_OK;
}

static ef_status process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                         ef_error *error) {
    ef_rate_limiter *limiter = self;
    (void)port;
    if (batch->rows == 0) {
        return EF_OK;
    }
    EF_TRY(ef_rate_reserve(limiter, batch, error));
    rate_run run = {limiter, batch, track, out, error};
    ef_delivery_cursor cursor;
    ef_delivery_cursor_init(&cursor, batch);
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (ef_row_kind(batch, i) != EF_RESET) {
            EF_TRY(take_row(&run, i));
        }
        if (ef_delivery_cursor_ends(&cursor, i)) {
            ef_out_end(out);
        }
    }
    if (limiter->rate == EF_RATE_LAST && limiter->keeps == EF_RATE_KEEPS_LAST) {
        EF_TRY(keep_last_rows(&run));
    }
    if (out->rows == 0) {
        return EF_OK;
    }
    EF_TRY(ef_out_finish(out, limiter->base.pages, &limiter->base.layout, false, error));
    ef_rate_cut(limiter, out);
    return EF_OK;
}

static int64_t next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

const ef_operator_class ef_rate_events_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "rate_events",
    .flags = EF_SLOTS | EF_BATCHED | EF_MULTI,
    .state_version = 1,
    .create = ef_rate_create_plain,
    .destroy = ef_rate_destroy,
    .process = process,
    .next_due = next_due,
    .purge = ef_rate_purge,
    .save = ef_rate_save,
    .load = ef_rate_load,
    .size = ef_rate_size,
};

const ef_operator_class ef_rate_first_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "rate_first",
    .flags = EF_SLOTS | EF_BATCHED | EF_READS_CLOCK,
    .state_version = 1,
    .create = ef_rate_create_plain,
    .destroy = ef_rate_destroy,
    .process = process,
    .next_due = next_due,
    .purge = ef_rate_purge,
    .save = ef_rate_save,
    .load = ef_rate_load,
    .size = ef_rate_size,
};
