/* Output all, last or a snapshot every T of the app's clock.
 *
 *      ticks: start + k * T; start is the clock at which the app starts, or (partitioned) at which the slot's first row comes
 *      all, last     at a tick what was kept since the last one, as one delivery, kinds kept
 *      snapshot      at each tick the present state of the output, as CURRENT rows of one delivery
 *
 * What a snapshot holds, by the query:
 *
 *      no window                        the last row, or that of each group, in the order of first rows
 *      window, no aggregates            the rows now in the window; an EXPIRED row takes out the first that equals it
 *      window, some aggregates          these rows with the latest values of aggregates
 *      window, only aggregates          the last row; nothing if an EXPIRED row was the last
 *      the same, by group               of each group with rows: its oldest row with its latest values; or its last row
 *
 * The app's start is itself a timer, due before all: it fires in the first pass and puts nothing out. A slot without entries has no
 * timer: its next tick is found on the grid when a row comes (see time_batch.c). O(1) a row when rows leave in order; a tick costs what it
 * puts out, by group what is in the window. */
#include "ops/rate_limit_inside.h"

typedef struct rate_run {
    ef_rate_limiter *limiter;
    const ef_batch *batch;
    const ef_track *track;
    ef_out *out;
    ef_error *error;
    ef_walk walk;
    /* where aggregates of the emitted rows are to be read instead; one for each, EF_NO_HANDLE: the row itself */
    ef_handle *latest;
    uint32_t latest_capacity;
} rate_run;

/* ---- ticks ---- */

static ef_status reserve(rate_run *run, uint32_t more) {
    EF_TRY(ef_out_reserve(run->out, more, run->error));
    if (run->latest_capacity < run->out->capacity) {
        ef_handle *latest = ef_arena_take(run->out->arena, run->out->capacity * sizeof *latest);
        if (latest == NULL) {
            return ef_fail_memory(run->error);
        }
        if (run->out->rows > 0) {
            memcpy(latest, run->latest, run->out->rows * sizeof *latest);
        }
        run->latest = latest;
        run->latest_capacity = run->out->capacity;
    }
    return EF_OK;
}

static void put(rate_run *run, const ef_rate_entry *entry, ef_handle latest, int64_t cause) {
    const ef_rate_limiter *limiter = run->limiter;
    uint8_t kind = limiter->rate == EF_RATE_SNAPSHOT ? (uint8_t)EF_CURRENT : (uint8_t)entry->kind;
    run->latest[run->out->rows] = latest;
    ef_out_put(run->out, EF_FROM_RETAINED(entry->row), ef_row_timestamp(ef_pages_at(limiter->base.pages, entry->row)),
               kind, cause, entry->slot);
}

/* The oldest row of each group: the one whose group was not seen in this tick. */
static ef_status put_groups(rate_run *run, const ef_rate_slot *state, int64_t cause) {
    ef_rate_limiter *limiter = run->limiter;
    ef_handle_index seen; /* groups by handle */
    ef_handle_index_init(&seen, limiter->base.alloc);
    ef_status status = ef_handle_index_reserve(&seen, state->count, run->error);
    for (uint32_t link = state->head; status == EF_OK && link != 0;) {
        const ef_rate_entry *entry = ef_rate_entry_at(limiter, link);
        uint32_t group = entry->group - 1;
        uint32_t hash = ef_index_hash(ef_hash_u64(group, limiter->seed));
        uint32_t at = hash & seen.mask;
        while (seen.entries[at] != EF_INDEX_EMPTY && ef_index_entry_handle(seen.entries[at]) != group) {
            at = (at + 1) & seen.mask;
        }
        if (seen.entries[at] == EF_INDEX_EMPTY) {
            ef_handle_index_add(&seen, hash, group);
            put(run, entry, ef_rate_entry_at(limiter, entry->group)->latest, cause);
        }
        link = entry->next;
    }
    ef_handle_index_clear(&seen);
    return status;
}

static ef_status put_slot(rate_run *run, uint32_t slot, int64_t cause) {
    ef_rate_limiter *limiter = run->limiter;
    const ef_rate_slot *state = ef_rate_slot_at(limiter, slot);
    EF_TRY(reserve(run, state->count));
    if (limiter->keeps == EF_RATE_KEEPS_GROUPED_WINDOW) {
        EF_TRY(put_groups(run, state, cause));
    } else {
        ef_handle latest = state->latest != 0 ? state->latest - 1 : EF_NO_HANDLE;
        for (uint32_t link = state->head; link != 0;) {
            const ef_rate_entry *entry = ef_rate_entry_at(limiter, link);
            put(run, entry, latest, cause);
            link = entry->next;
        }
    }
    ef_out_end(run->out);
    if (limiter->forgets) {
        ef_rate_empty(limiter, slot);
    }
    return EF_OK;
}

static void set_timer(ef_rate_limiter *limiter, uint32_t slot) {
    const ef_rate_slot *state = ef_rate_slot_at(limiter, slot);
    ef_timers_set(&limiter->timers, slot, state->count > 0 ? state->due : EF_NEVER);
}

static bool waits_for_start(const ef_rate_limiter *limiter) {
    return !limiter->partitioned && !ef_rate_slot_at(limiter, 0)->started;
}

static void start(ef_rate_limiter *limiter, uint32_t slot, int64_t clock) {
    ef_rate_slot *state = ef_rate_slot_at(limiter, slot);
    state->started = true;
    state->due = ef_time_after(clock, limiter->every);
}

static int64_t next_due(const void *self) {
    const ef_rate_limiter *limiter = self;
    return waits_for_start(limiter) ? 0 : ef_timers_next(&limiter->timers);
}

/* Fires what is due before rows with `cause`; INT64_MAX: until the end of the track. */
static ef_status fire(rate_run *run, int64_t cause) {
    ef_rate_limiter *limiter = run->limiter;
    for (;;) {
        int64_t step = ef_walk_next(&run->walk, next_due(limiter), cause);
        if (step < 0) {
            return EF_OK;
        }
        int64_t clock = run->track->clock[step];
        if (waits_for_start(limiter)) {
            start(limiter, 0, clock);
            continue;
        }
        uint32_t slot = ef_timers_slot(&limiter->timers);
        ef_rate_slot *state = ef_rate_slot_at(limiter, slot);
        /* Also a tick that fails is over: it must not be due again. */
        state->due = ef_time_after(state->due, limiter->every);
        set_timer(limiter, slot);
        EF_TRY(put_slot(run, slot, EF_CAUSE(step, run->walk.rank, run->walk.fired - 1)));
        set_timer(limiter, slot);
    }
}

/* ---- rows ---- */

static ef_status keep_last(rate_run *run, uint32_t row) {
    ef_rate_limiter *limiter = run->limiter;
    uint32_t link = ef_rate_slot_at(limiter, ef_row_slot(run->batch, row))->head;
    return link != 0 ? ef_rate_replace(limiter, link, run->batch, row, run->error)
                     : ef_rate_add(limiter, run->batch, row, true, &link, run->error);
}

static ef_status keep_last_of_group(rate_run *run, uint32_t row) {
    ef_rate_limiter *limiter = run->limiter;
    uint32_t link = ef_rate_find_group(limiter, run->batch, row);
    return link != 0 ? ef_rate_replace(limiter, link, run->batch, row, run->error)
                     : ef_rate_add_group(limiter, run->batch, row, true, &link, run->error);
}

/* A group with rows in the window: its last row, and how many it has. */
static ef_status count_group(rate_run *run, uint32_t row, bool leaves) {
    ef_rate_limiter *limiter = run->limiter;
    uint32_t link = ef_rate_find_group(limiter, run->batch, row);
    if (link == 0) {
        if (leaves) {
            return EF_OK;
        }
        EF_TRY(ef_rate_add_group(limiter, run->batch, row, true, &link, run->error));
        ef_rate_entry_write(limiter, link)->number = 1;
        return EF_OK;
    }
    if (leaves && ef_rate_entry_at(limiter, link)->number == 1) {
        return ef_rate_remove(limiter, link, run->error);
    }
    EF_TRY(ef_rate_replace(limiter, link, run->batch, row, run->error));
    ef_rate_entry_write(limiter, link)->number += leaves ? -1 : 1;
    return EF_OK;
}

/* Whether a kept row is the one that leaves: equal in all that no aggregate changes. */
static bool is_same_row(const ef_rate_limiter *limiter, ef_handle kept, const ef_batch *batch, uint32_t row) {
    const char *bytes = ef_pages_at(limiter->base.pages, kept);
    for (uint32_t c = 0; c < batch->columns; c++) {
        bool changes = c < limiter->visible && limiter->aggregate[c];
        if (!changes && !ef_rate_same_column(limiter, bytes, batch, row, c)) {
            return false;
        }
    }
    return true;
}

static uint32_t find_row(const rate_run *run, uint32_t row) {
    const ef_rate_limiter *limiter = run->limiter;
    uint32_t link = ef_rate_slot_at(limiter, ef_row_slot(run->batch, row))->head;
    while (link != 0 && !is_same_row(limiter, ef_rate_entry_at(limiter, link)->row, run->batch, row)) {
        link = ef_rate_entry_at(limiter, link)->next;
    }
    return link;
}

static ef_status keep_window(rate_run *run, uint32_t row, bool leaves) {
    ef_rate_limiter *limiter = run->limiter;
    ef_rate_slot *state = ef_rate_slot_at(limiter, ef_row_slot(run->batch, row));
    if (limiter->aggregates) {
        ef_handle latest = state->latest != 0 ? state->latest - 1 : EF_NO_HANDLE;
        EF_TRY(ef_rate_renew(limiter, run->batch, row, &latest, run->error));
        state->latest = latest + 1;
    }
    uint32_t link;
    if (!leaves) {
        return ef_rate_add(limiter, run->batch, row, true, &link, run->error);
    }
    link = find_row(run, row);
    return link != 0 ? ef_rate_remove(limiter, link, run->error) : EF_OK;
}

static ef_status keep_grouped(rate_run *run, uint32_t row, bool leaves) {
    ef_rate_limiter *limiter = run->limiter;
    uint32_t group = ef_rate_find_group(limiter, run->batch, row), link;
    if (leaves) {
        link = group != 0 ? find_row(run, row) : 0;
        if (link == 0) {
            return EF_OK;
        }
        EF_TRY(ef_rate_renew_group(limiter, run->batch, row, group, run->error));
        return ef_rate_remove(limiter, link, run->error);
    }
    return ef_rate_add_grouped(limiter, run->batch, row, group, run->error);
}

static ef_status take_row(rate_run *run, uint32_t row) {
    bool leaves = ef_row_kind(run->batch, row) == EF_EXPIRED;
    ef_rate_limiter *limiter = run->limiter;
    uint32_t link;
    switch (limiter->keeps) {
    case EF_RATE_KEEPS_ROWS:
        return ef_rate_add(limiter, run->batch, row, true, &link, run->error);
    case EF_RATE_KEEPS_LAST:
        link = ef_rate_slot_at(limiter, ef_row_slot(run->batch, row))->head;
        if (leaves && limiter->rate == EF_RATE_SNAPSHOT) {
            return link != 0 ? ef_rate_remove(limiter, link, run->error) : EF_OK;
        }
        return keep_last(run, row);
    case EF_RATE_KEEPS_GROUPS:
        return keep_last_of_group(run, row);
    case EF_RATE_KEEPS_WINDOW:
        return keep_window(run, row, leaves);
    case EF_RATE_KEEPS_COUNTED:
        return count_group(run, row, leaves);
    case EF_RATE_KEEPS_GROUPED_WINDOW:
        break;
    }
    return keep_grouped(run, row, leaves);
}

/* Brings the slot's next tick up to what has passed without a timer. */
static void find_due(rate_run *run, uint32_t slot, int64_t clock, int64_t cause) {
    ef_rate_limiter *limiter = run->limiter;
    ef_rate_slot *state = ef_rate_slot_at(limiter, slot);
    if (!state->started) {
        start(limiter, slot, clock);
        return;
    }
    uint32_t step = EF_CAUSE_STEP(cause);
    bool pass_is_over = EF_CAUSE_RANK(cause) > run->walk.rank;
    int64_t passed = pass_is_over ? clock : step > 0 ? run->track->clock[step - 1] : run->track->before;
    state->due = ef_grid_skip(state->due, limiter->every, passed);
}

/* A row that is not older than a tick which is due belongs to the period behind it, so the snapshot is taken first: rows that a window
 * gives up at a tick are still in the snapshot of that tick, though the window's timer stands before the limiter's. One tick a row; if
 * more have passed the timer follows at once. */
static ef_status tick_before(rate_run *run, uint32_t row, uint32_t slot, int64_t clock, int64_t cause) {
    ef_rate_limiter *limiter = run->limiter;
    ef_rate_slot *state = ef_rate_slot_at(limiter, slot);
    int64_t reached = run->batch->timestamps[row] < clock ? run->batch->timestamps[row] : clock;
    if (limiter->rate != EF_RATE_SNAPSHOT || reached < state->due) {
        return EF_OK;
    }
    state->due = ef_time_after(state->due, limiter->every);
    return state->count > 0 ? put_slot(run, slot, cause) : EF_OK;
}

static ef_status take_batch(rate_run *run) {
    ef_rate_limiter *limiter = run->limiter;
    const ef_batch *batch = run->batch;
    for (uint32_t i = 0; i < batch->rows; i++) {
        int64_t cause = ef_row_cause(batch, i);
        uint32_t slot = ef_row_slot(batch, i);
        int64_t clock = ef_row_clock(batch, i, run->track);
        if (next_due(limiter) <= clock) {
            EF_TRY(fire(run, cause));
        }
        ef_walk_row(&run->walk, cause);
        if (ef_row_kind(batch, i) == EF_RESET) {
            continue;
        }
        if (limiter->timers.place[slot] == 0) {
            find_due(run, slot, clock, cause);
        }
        EF_TRY(tick_before(run, i, slot, clock, cause));
        EF_TRY(take_row(run, i));
        set_timer(limiter, slot);
    }
    return fire(run, INT64_MAX);
}

/* Columns of aggregates are read from the rows with the latest values. */
static ef_status read_latest(rate_run *run) {
    const ef_rate_limiter *limiter = run->limiter;
    ef_out *out = run->out;
    for (uint32_t c = 0; c < limiter->visible; c++) {
        if (limiter->aggregate[c] && !ef_rows_gather(&out->result.column[c], limiter->base.pages, &limiter->base.layout, c,
                                                     run->latest, out->result.rows, out->arena)) {
            return ef_fail_memory(run->error);
        }
    }
    return EF_OK;
}

static ef_status process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                         ef_error *error) {
    ef_rate_limiter *limiter = self;
    (void)port;
    EF_TRY(ef_rate_reserve(limiter, batch, error));
    rate_run run = {.limiter = limiter, .batch = batch, .track = track, .out = out, .error = error};
    ef_walk_init(&run.walk, track, limiter->base.rank);
    EF_TRY(take_batch(&run));
    if (out->rows == 0) {
        return EF_OK;
    }
    out->may_stay = false; /* columns are replaced */
    EF_TRY(ef_out_finish(out, limiter->base.pages, &limiter->base.layout, false, error));
    bool has_latest = limiter->keeps == EF_RATE_KEEPS_GROUPED_WINDOW ||
                      (limiter->keeps == EF_RATE_KEEPS_WINDOW && limiter->aggregates);
    if (has_latest) {
        EF_TRY(read_latest(&run));
    }
    ef_rate_cut(limiter, out);
    return EF_OK;
}

const ef_operator_class ef_rate_ticks_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "rate_ticks",
    .flags = EF_SLOTS | EF_BATCHED | EF_TIMERS | EF_READS_CLOCK,
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
