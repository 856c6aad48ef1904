/* timeBatch(period, start, stream): tumbling over periods of the clock.
 *
 *      ends: first clock + k * period, or start + k * period, for ever, also through silence
 *      at an end: previous batch as EXPIRED, RESET, collected rows as CURRENT; nothing when there are none of both
 *
 * An end is handled by its timer; when rows arrive with the clock at or behind the end and the timer has not run (rows of other
 * timers), it is handled with those rows included. stream = true: rows go out at once, and at the end they leave as EXPIRED, then
 * RESET follows.
 *
 * A slot that holds nothing has no timer: its next end is found on the grid when a row comes. Which ends have passed then follows
 * from the clock at this operator's last pass: that of the row if the pass of its step is over, else that of the step before.
 *
 * O(1) a row; retains one batch, and the batch before it if somebody reads EXPIRED rows. */
#include "window/timers.h"
#include "window/tumbling.h"
#include "window/windows.h"

typedef struct time_batch_slot {
    int64_t end;
    bool started; /* `end` holds */
} time_batch_slot;

typedef struct time_batch_window {
    ef_tumbling tumbling;
    ef_slots slots; /* of time_batch_slot */
    ef_timers timers;
    int64_t period;
    int64_t start;
    bool has_start;
} time_batch_window;

typedef struct time_batch_run {
    ef_tumbling_run rows;
    ef_walk walk;
    time_batch_window *window;
    time_batch_slot *slots;
    time_batch_slot slot; /* one slot: state changed by the end */
    int64_t due;
} time_batch_run;

static void time_batch_destroy(void *self) {
    time_batch_window *window = self;
    ef_alloc *alloc = window->tumbling.base.alloc;
    ef_timers_clear(&window->timers, alloc);
    ef_slots_clear(&window->slots, alloc);
    ef_tumbling_clear(&window->tumbling);
    ef_free(alloc, window, sizeof *window);
}

static ef_status time_batch_create(const ef_operator_config *config, void **self, ef_error *error) {
    int64_t period, start;
    bool streams;
    EF_TRY(ef_param_integer(config, 0, "the period of a timeBatch window", 1, &period, error));
    EF_TRY(ef_param_integer_or(config, 1, "the start time of a timeBatch window", INT64_MIN, 0, &start, error));
    EF_TRY(ef_param_bool(config, 2, "stream.current.event of a timeBatch window", &streams, error));
    time_batch_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    window->period = period;
    window->start = start;
    window->has_start = ef_param_given(config, 1);
    ef_slots_init(&window->slots, sizeof(time_batch_slot));
    ef_status status = ef_tumbling_init(&window->tumbling, config, streams, error);
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

EF_ALWAYS_INLINE int64_t next_due(const time_batch_run *run, bool by_slot) {
    return by_slot ? ef_timers_next(&run->window->timers) : run->due;
}

/* A timer for the slot's end if anything is to come out then. */
EF_ALWAYS_INLINE void set_timer(time_batch_run *run, uint32_t slot, bool by_slot) {
    const time_batch_slot *state = by_slot ? &run->slots[slot] : &run->slot;
    bool holds = *ef_tumbling_passed(&run->rows, slot, by_slot) > 0 ||
                 (!run->window->tumbling.streams && (ef_tumbling_current(&run->rows, slot, by_slot) > 0 ||
                                                     ef_tumbling_previous(&run->rows, slot, by_slot) > 0));
    int64_t due = holds ? state->end : EF_NEVER;
    if (by_slot) {
        ef_timers_set(&run->window->timers, slot, due);
    } else {
        run->due = due;
    }
}

/* The slot's end was reached. Room is there, or nothing has changed. */
EF_ALWAYS_INLINE ef_status end_batch(time_batch_run *run, uint32_t slot, int64_t clock, int64_t cause, bool by_slot,
                                     ef_error *error) {
    time_batch_slot *state = by_slot ? &run->slots[slot] : &run->slot;
    const ef_tumbling *tumbling = &run->window->tumbling;
    if (tumbling->streams) {
        EF_TRY(ef_tumbling_flush_passed(&run->rows, slot, clock, cause, by_slot, error));
    } else {
        EF_TRY(ef_tumbling_flush(&run->rows, slot, clock, cause, tumbling->base.wants_expired, by_slot, error));
    }
    state->end = ef_time_after(state->end, run->window->period);
    return EF_OK;
}

/* Fires what is due before rows with `cause`; INT64_MAX: until the end of the track. */
EF_ALWAYS_INLINE ef_status fire(time_batch_run *run, int64_t cause, bool by_slot, ef_error *error) {
    for (;;) {
        int64_t step = ef_walk_next(&run->walk, next_due(run, by_slot), cause);
        if (step < 0) {
            return EF_OK;
        }
        uint32_t slot = by_slot ? ef_timers_slot(&run->window->timers) : 0;
        EF_TRY(end_batch(run, slot, run->walk.track->clock[step],
                         EF_CAUSE(step, run->walk.rank, run->walk.fired - 1), by_slot, error));
        set_timer(run, slot, by_slot);
        ef_out_end(run->rows.out);
    }
}

/* Brings the slot's end up to what timers would have made of it before rows with `cause`, if it had any. */
EF_ALWAYS_INLINE void find_end(const time_batch_run *run, time_batch_slot *state, int64_t clock, int64_t cause) {
    const time_batch_window *window = run->window;
    if (!state->started) {
        state->started = true;
        state->end = window->has_start ? ef_grid_end(clock, window->start, window->period)
                                       : ef_time_after(clock, window->period);
        return;
    }
    state->end = ef_grid_skip(state->end, window->period,
                              ef_passed_clock(run->walk.rank, clock, cause, run->walk.track));
}

/* Rows [from, to): one delivery, or several one-row deliveries of one slot's clock before its end. */
EF_ALWAYS_INLINE ef_status take_rows(time_batch_run *run, uint32_t from, uint32_t to, uint32_t slot, int64_t cause,
                                     bool by_slot, ef_error *error) {
    if (run->window->tumbling.streams) {
        for (uint32_t i = from; i < to; i++) {
            EF_TRY(ef_tumbling_pass(&run->rows, i, slot, cause, by_slot, error));
        }
    } else if (by_slot) {
        for (uint32_t i = from; i < to; i++) {
            EF_TRY(ef_tumbling_collect(&run->rows, i, slot, by_slot, error));
        }
    } else {
        EF_TRY(ef_tumbling_collect(&run->rows, to - 1, slot, by_slot, error));
    }
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status take_delivery(time_batch_run *run, uint32_t from, uint32_t to, bool by_slot,
                                         ef_error *error) {
    const ef_batch *batch = run->rows.batch;
    int64_t cause = ef_row_cause(batch, from);
    int64_t clock = ef_row_clock(batch, from, run->walk.track);
    uint32_t slot = by_slot ? ef_row_slot(batch, from) : 0;
    if (next_due(run, by_slot) <= clock) {
        EF_TRY(fire(run, cause, by_slot, error));
    }
    ef_walk_row(&run->walk, cause);
    time_batch_slot *state = by_slot ? &run->slots[slot] : &run->slot;
    bool has_timer = by_slot ? run->window->timers.place[slot] > 0 : run->due != EF_NEVER;
    if (!has_timer) {
        find_end(run, state, clock, cause);
    }
    bool ends = clock >= state->end;
    if (ends) { /* room first: the rows and their flush go together */
        EF_TRY(ef_out_reserve(run->rows.out,
                              ef_tumbling_previous(&run->rows, slot, by_slot) +
                                  ef_tumbling_current(&run->rows, slot, by_slot) + 2 * (to - from) + 1,
                              error));
    }
    EF_TRY(take_rows(run, from, to, slot, cause, by_slot, error));
    if (ends) {
        EF_TRY(end_batch(run, slot, clock, cause, by_slot, error));
    }
    set_timer(run, slot, by_slot);
    ef_out_end(run->rows.out);
    return EF_OK;
}

/* One slot, rows are their own deliveries and only collected: how many from `from` on lie before the end, whose timer is set. */
static uint32_t rows_before_end(const time_batch_run *run, uint32_t from) {
    const ef_batch *batch = run->rows.batch;
    const ef_track *track = run->walk.track;
    uint32_t rows = batch->rows;
    if (track->steps == 1 || batch->causes == NULL) {
        return track->clock[0] < run->due ? rows - from : 0;
    }
    if (track->clock[EF_CAUSE_STEP(batch->causes[rows - 1])] < run->due) {
        return rows - from;
    }
    uint32_t i = from;
    while (track->clock[EF_CAUSE_STEP(batch->causes[i])] < run->due) {
        i++;
    }
    return i - from;
}

EF_ALWAYS_INLINE ef_status take_batch(time_batch_run *run, bool by_slot, ef_error *error) {
    const ef_batch *batch = run->rows.batch;
    const ef_tumbling *tumbling = &run->window->tumbling;
    bool skims = !by_slot && (tumbling->folds || !tumbling->streams) && batch->form == EF_EACH_ROW;
    uint32_t from = 0;
    for (uint32_t d = 0; from < batch->rows; d++) {
        if (skims && run->due != EF_NEVER) {
            uint32_t count = rows_before_end(run, from);
            if (count > 0) {
                from += count;
                EF_TRY(ef_tumbling_collect(&run->rows, from - 1, 0, false, error));
                if (tumbling->folds) {
                    EF_TRY(ef_tumbling_pass_run(&run->rows, from - count, from, error));
                }
                ef_walk_row(&run->walk, ef_row_cause(batch, from - 1));
                d += count - 1;
                continue;
            }
        }
        uint32_t to = ef_delivery_end(batch, d);
        EF_TRY(take_delivery(run, from, to, by_slot, error));
        from = to;
    }
    return fire(run, INT64_MAX, by_slot, error);
}

EF_ALWAYS_INLINE ef_status process_rows(time_batch_window *window, const ef_batch *batch, const ef_track *track,
                                        ef_out *out, bool by_slot, ef_error *error) {
    ef_alloc *alloc = window->tumbling.base.alloc;
    uint32_t slots = ef_batch_slot_count(batch);
    time_batch_run run = {.window = window};
    EF_TRY(ef_slots_reserve(&window->slots, alloc, slots, error));
    EF_TRY(ef_timers_reserve(&window->timers, alloc, slots, error));
    EF_TRY(ef_tumbling_begin(&run.rows, &window->tumbling, batch, out, by_slot, error));
    run.slots = window->slots.items;
    run.slot = run.slots[0];
    run.due = ef_timers_next(&window->timers);
    ef_walk_init(&run.walk, track, window->tumbling.base.rank);
    ef_status status = take_batch(&run, by_slot, error);
    if (status != EF_OK) {
        return ef_tumbling_abort(&run.rows, by_slot, status);
    }
    EF_TRY(ef_tumbling_end(&run.rows, by_slot, error));
    if (!by_slot) {
        run.slots[0] = run.slot;
        ef_timers_set(&window->timers, 0, run.due);
    }
    return EF_OK;
}

/* One slot, folding: all rows lie before the end of the open batch, and so does the whole track. They go on as they are. */
static bool pass_all(time_batch_window *window, const ef_batch *batch, const ef_track *track, ef_out *out) {
    int64_t due = ef_timers_next(&window->timers);
    if (!window->tumbling.folds || due == EF_NEVER || track->clock[track->steps - 1] >= due || batch->rows == 0 || batch->kinds != NULL) {
        return false;
    }
    ((ef_tumbling_slot *)window->tumbling.slots.items)[0].passed += batch->rows;
    out->result = *batch;
    out->result.batch_chunk = false;
    return true;
}

static ef_status time_batch_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track,
                                    ef_out *out, ef_error *error) {
    time_batch_window *window = self;
    (void)port;
    bool by_slot = ef_tumbling_is_by_slot(&window->tumbling, batch);
    if (!by_slot && pass_all(window, batch, track, out)) {
        return EF_OK;
    }
    return by_slot ? process_rows(window, batch, track, out, true, error)
                   : process_rows(window, batch, track, out, false, error);
}

static int64_t time_batch_next_due(const void *self) {
    const time_batch_window *window = self;
    return ef_timers_next(&window->timers);
}

static void time_batch_purge(void *self, uint32_t slot) {
    time_batch_window *window = self;
    ef_alloc *alloc = window->tumbling.base.alloc;
    ef_tumbling_purge(&window->tumbling, slot);
    if (slot == EF_ALL_SLOTS) {
        ef_slots_clear(&window->slots, alloc);
        ef_timers_clear(&window->timers, alloc);
    } else if (slot < window->slots.count) {
        ((time_batch_slot *)window->slots.items)[slot] = (time_batch_slot){0, false};
        ef_timers_set(&window->timers, slot, EF_NEVER);
    }
}

static ef_status time_batch_save(const void *self, ef_writer *writer, ef_error *error) {
    const time_batch_window *window = self;
    const time_batch_slot *slots = window->slots.items;
    ef_tumbling_save(&window->tumbling, writer);
    for (uint32_t i = 0; i < window->tumbling.slots.count; i++) {
        ef_put_u8(writer, slots[i].started);
        ef_put_i64(writer, slots[i].end);
    }
    return ef_writer_status(writer, error);
}

static ef_status time_batch_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    time_batch_window *window = self;
    ef_alloc *alloc = window->tumbling.base.alloc;
    (void)version;
    EF_TRY(ef_tumbling_load(&window->tumbling, reader, error));
    uint32_t count = window->tumbling.slots.count;
    EF_TRY(ef_slots_reserve(&window->slots, alloc, count, error));
    EF_TRY(ef_timers_reserve(&window->timers, alloc, count, error));
    time_batch_slot *slots = window->slots.items;
    const ef_tumbling_slot *rows = window->tumbling.slots.items;
    for (uint32_t i = 0; i < count; i++) {
        slots[i].started = ef_get_u8(reader) != 0;
        slots[i].end = ef_get_i64(reader);
        EF_TRY(ef_reader_status(reader, error));
        bool holds = rows[i].passed > 0 || (!window->tumbling.streams && rows[i].current.count + rows[i].previous.count > 0);
        if (holds && !slots[i].started) {
            return ef_fail(error, EF_CORRUPT, "the saved state of a timeBatch window holds rows before its start");
        }
        ef_timers_set(&window->timers, i, holds ? slots[i].end : EF_NEVER);
    }
    return EF_OK;
}

static uint64_t time_batch_size(const void *self) {
    const time_batch_window *window = self;
    return window->tumbling.base.held;
}

static ef_status time_batch_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    time_batch_window *window = self;
    (void)now;
    return ef_tumbling_find(&window->tumbling, slot, out, error);
}

bool ef_time_batch_fold_ahead(void *self) {
    time_batch_window *window = self;
    return ef_tumbling_fold_ahead(&window->tumbling);
}

const ef_operator_class ef_time_batch_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "time_batch",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_FIFO | EF_TIMERS | EF_READS_CLOCK | EF_BATCH_CHUNKS,
    .state_version = 1,
    .create = time_batch_create,
    .destroy = time_batch_destroy,
    .process = time_batch_process,
    .next_due = time_batch_next_due,
    .purge = time_batch_purge,
    .save = time_batch_save,
    .load = time_batch_load,
    .size = time_batch_size,
    .find = time_batch_find,
};
