/* Windows whose rows leave when the clock reaches their timestamp plus a period.
 *
 *      time(period):           a row goes out as CURRENT when it enters, and as EXPIRED when it leaves
 *      timeLength(period, n):  the same; with n rows held, the oldest leaves before a row that enters
 *      delay(period):          a row goes out as CURRENT when it leaves
 *
 *      due = timestamp + period; a row leaves when clock >= due and all rows before it in its slot have left
 *
 * Rows that are due leave when a timer fires or before a row that enters, with the clock as their timestamp. A row sets a timer
 * only if its timestamp is above all earlier ones of its slot; so a late row has no timer: it leaves with the next row or timer of
 * its slot. (In a timeLength window a row sets one also when no other timer waits.) One timer a slot stands for all of them, the
 * earliest that has not fired: those that are due together find all there is in the first firing; and if rows are left after it, the
 * oldest of them is not yet due, hence younger than all that left, hence had set the next timer. A timer whose row left before it,
 * with a row that entered, still fires.
 *
 * O(1) a row (O(log slots) to move a timer); retains the rows of one period, at most n a slot. */
#include "window/sliding.h"
#include "window/timers.h"
#include "window/windows.h"

typedef struct time_slot {
    int64_t youngest; /* the highest timestamp seen */
    bool seen;        /* `youngest` holds */
} time_slot;

typedef struct time_window {
    ef_sliding sliding;
    ef_slots slots;   /* of time_slot */
    ef_timers timers;
    int64_t period;
    uint32_t length; /* most rows held; UINT32_MAX: any number; 0: none */
    bool delays;
    bool any_row_sets; /* a row sets a timer when none waits, however late it is */
} time_window;

typedef struct time_run {
    ef_sliding_run rows;
    ef_walk walk;
    time_window *window;
    time_slot *slots;
    time_slot slot; /* one slot: state changed by the end */
    int64_t due;
} time_run;

static void time_destroy(void *self) {
    time_window *window = self;
    ef_alloc *alloc = window->sliding.base.alloc;
    ef_timers_clear(&window->timers, alloc);
    ef_slots_clear(&window->slots, alloc);
    ef_sliding_clear(&window->sliding);
    ef_free(alloc, window, sizeof *window);
}

static ef_status make(const ef_operator_config *config, const char *period_of, time_window **made, ef_error *error) {
    int64_t period;
    EF_TRY(ef_param_integer(config, 0, period_of, 0, &period, error));
    time_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    window->period = period;
    window->length = UINT32_MAX;
    ef_slots_init(&window->slots, sizeof(time_slot));
    ef_status status = ef_sliding_init(&window->sliding, config, error);
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    *made = window;
    return EF_OK;
}

static ef_status time_create(const ef_operator_config *config, void **self, ef_error *error) {
    time_window *window = NULL;
    EF_TRY(make(config, "the period of a time window", &window, error));
    *self = window;
    return EF_OK;
}

static ef_status delay_create(const ef_operator_config *config, void **self, ef_error *error) {
    time_window *window = NULL;
    EF_TRY(make(config, "the period of a delay window", &window, error));
    window->delays = true;
    *self = window;
    return EF_OK;
}

static ef_status time_length_create(const ef_operator_config *config, void **self, ef_error *error) {
    time_window *window = NULL;
    int64_t length = 0;
    EF_TRY(ef_param_integer(config, 1, "the length of a timeLength window", 0, &length, error));
    if (length > INT32_MAX) {
        return ef_fail(error, EF_INVALID, "the length of a timeLength window must be below 2^31, got %lld",
                       (long long)length);
    }
    EF_TRY(make(config, "the period of a timeLength window", &window, error));
    window->length = (uint32_t)length;
    window->any_row_sets = true;
    *self = window;
    return EF_OK;
}

EF_ALWAYS_INLINE int64_t next_due(const time_run *run, bool by_slot) {
    return by_slot ? ef_timers_next(&run->window->timers) : run->due;
}

EF_ALWAYS_INLINE void set_due(time_run *run, uint32_t slot, int64_t due, bool by_slot) {
    if (by_slot) {
        ef_timers_set(&run->window->timers, slot, due);
    } else {
        run->due = due;
    }
}

/* Lets go what is due in the slot. */
EF_ALWAYS_INLINE ef_status expire_due(time_run *run, uint32_t slot, int64_t clock, int64_t cause, bool by_slot,
                                      ef_error *error) {
    int64_t period = run->window->period;
    uint8_t kind = run->window->delays ? EF_CURRENT : EF_EXPIRED;
    while (ef_sliding_count(&run->rows, slot, by_slot) > 0 &&
           ef_time_after(ef_sliding_oldest(&run->rows, slot, by_slot), period) <= clock) {
        EF_TRY(ef_sliding_release(&run->rows, slot, clock, kind, cause, by_slot, error));
    }
    return EF_OK;
}

/* Fires what is due before a row with `cause`; INT64_MAX: until the end of the track. */
EF_ALWAYS_INLINE ef_status fire(time_run *run, int64_t cause, bool by_slot, ef_error *error) {
    for (;;) {
        int64_t step = ef_walk_next(&run->walk, next_due(run, by_slot), cause);
        if (step < 0) {
            return EF_OK;
        }
        uint32_t slot = by_slot ? ef_timers_slot(&run->window->timers) : 0;
        EF_TRY(expire_due(run, slot, run->walk.track->clock[step],
                          EF_CAUSE(step, run->walk.rank, run->walk.fired - 1), by_slot, error));
        bool is_empty = ef_sliding_count(&run->rows, slot, by_slot) == 0;
        set_due(run, slot,
                is_empty ? EF_NEVER
                         : ef_time_after(ef_sliding_oldest(&run->rows, slot, by_slot), run->window->period),
                by_slot);
        ef_out_end(run->rows.out);
    }
}

EF_ALWAYS_INLINE ef_status take_row(time_run *run, uint32_t i, bool by_slot, ef_error *error) {
    const ef_batch *batch = run->rows.batch;
    int64_t cause = ef_row_cause(batch, i);
    int64_t clock = ef_row_clock(batch, i, run->walk.track);
    uint32_t slot = by_slot ? ef_row_slot(batch, i) : 0;
    if (next_due(run, by_slot) <= clock) {
        EF_TRY(fire(run, cause, by_slot, error));
    }
    ef_walk_row(&run->walk, cause);
    EF_TRY(expire_due(run, slot, clock, cause, by_slot, error));
    if (ef_sliding_count(&run->rows, slot, by_slot) == run->window->length) {
        EF_TRY(ef_sliding_expire(&run->rows, slot, clock, cause, by_slot, error));
    }
    if (!run->window->delays) {
        EF_TRY(ef_sliding_emit(&run->rows, i, slot, cause, error));
    }
    EF_TRY(ef_sliding_push(&run->rows, i, slot, by_slot, error));
    time_slot *state = by_slot ? &run->slots[slot] : &run->slot;
    int64_t timestamp = batch->timestamps[i];
    bool is_youngest = !state->seen || timestamp > state->youngest;
    if (is_youngest) {
        state->seen = true;
        state->youngest = timestamp;
    }
    bool has_timer = by_slot ? run->window->timers.place[slot] > 0 : run->due != EF_NEVER;
    if (!has_timer && (is_youngest || run->window->any_row_sets)) {
        set_due(run, slot, ef_time_after(timestamp, run->window->period), by_slot);
    }
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status process_rows(time_window *window, const ef_batch *batch, const ef_track *track, ef_out *out,
                                        bool by_slot, ef_error *error) {
    ef_alloc *alloc = window->sliding.base.alloc;
    uint32_t slots = ef_batch_slot_count(batch);
    time_run run = {.window = window};
    ef_delivery_cursor cursor;
    EF_TRY(ef_slots_reserve(&window->slots, alloc, slots, error));
    EF_TRY(ef_timers_reserve(&window->timers, alloc, slots, error));
    EF_TRY(ef_sliding_begin(&run.rows, &window->sliding, batch, out, by_slot, error));
    run.slots = window->slots.items;
    run.slot = run.slots[0];
    run.due = ef_timers_next(&window->timers);
    ef_walk_init(&run.walk, track, window->sliding.base.rank);
    ef_delivery_cursor_init(&cursor, batch);
    for (uint32_t i = 0; i < batch->rows; i++) {
        ef_status status = take_row(&run, i, by_slot, error);
        if (EF_UNLIKELY(status != EF_OK)) {
            return ef_sliding_abort(&run.rows, by_slot, status);
        }
        if (ef_delivery_cursor_ends(&cursor, i)) {
            ef_out_end(out);
        }
    }
    EF_TRY(fire(&run, INT64_MAX, by_slot, error));
    EF_TRY(ef_sliding_end(&run.rows, by_slot, error));
    if (!by_slot) {
        run.slots[0] = run.slot;
        ef_timers_set(&window->timers, 0, run.due);
    }
    return EF_OK;
}

/* One row in slot 0 while nothing is due: what the loop comes to for it. False: it is not that. */
static bool is_quiet_one(const time_window *window, const ef_batch *batch, const ef_track *track) {
    if (batch->rows != 1 || batch->slots != NULL || track->steps != 1 || window->delays || window->length != UINT32_MAX ||
        window->sliding.queues.count != 1 || window->slots.count == 0) {
        return false;
    }
    const int64_t clock = track->clock[0];
    const ef_row_queue *queue = window->sliding.queues.items;
    return ef_timers_next(&window->timers) > clock && ef_time_after(batch->timestamps[0], window->period) > clock &&
           (queue->count == 0 ||
            ef_time_after(ef_row_timestamp(ef_pages_at(window->sliding.base.pages, queue->head)), window->period) > clock);
}

static ef_status take_quiet_one(time_window *window, const ef_batch *batch, const ef_track *track, ef_out *out, ef_error *error) {
    time_slot *state = window->slots.items;
    const int64_t timestamp = batch->timestamps[0];
    EF_TRY(ef_timers_reserve(&window->timers, window->sliding.base.alloc, 1, error));
    EF_TRY(ef_sliding_take_one(&window->sliding, batch, false, track->clock[0], out, error));
    if (!state->seen || timestamp > state->youngest) {
        state->seen = true;
        state->youngest = timestamp;
        if (ef_timers_next(&window->timers) == EF_NEVER) {
            ef_timers_set(&window->timers, 0, ef_time_after(timestamp, window->period));
        }
    }
    return EF_OK;
}

static ef_status time_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                              ef_error *error) {
    time_window *window = self;
    (void)port;
    if ((!window->sliding.base.wants_expired && !window->delays) || window->length == 0) {
        ef_sliding_pass(batch, out);
        return EF_OK;
    }
    if (is_quiet_one(window, batch, track)) {
        return take_quiet_one(window, batch, track, out, error);
    }
    return ef_sliding_is_by_slot(&window->sliding, batch) ? process_rows(window, batch, track, out, true, error)
                                                          : process_rows(window, batch, track, out, false, error);
}

static int64_t time_next_due(const void *self) {
    const time_window *window = self;
    return ef_timers_next(&window->timers);
}

static void time_purge(void *self, uint32_t slot) {
    time_window *window = self;
    ef_alloc *alloc = window->sliding.base.alloc;
    ef_sliding_purge(&window->sliding, slot);
    if (slot == EF_ALL_SLOTS) {
        ef_slots_clear(&window->slots, alloc);
        ef_timers_clear(&window->timers, alloc);
    } else if (slot < window->slots.count) {
        ((time_slot *)window->slots.items)[slot] = (time_slot){0, false};
        ef_timers_set(&window->timers, slot, EF_NEVER);
    }
}

static ef_status time_save(const void *self, ef_writer *writer, ef_error *error) {
    const time_window *window = self;
    const time_slot *slots = window->slots.items;
    ef_sliding_save(&window->sliding, writer);
    for (uint32_t i = 0; i < window->sliding.queues.count; i++) {
        ef_put_u8(writer, slots[i].seen);
        ef_put_i64(writer, slots[i].youngest);
        uint32_t place = i < window->timers.place_capacity ? window->timers.place[i] : 0;
        ef_put_i64(writer, place > 0 ? window->timers.heap[place - 1].due : EF_NEVER);
    }
    return ef_writer_status(writer, error);
}

static bool fits(const time_window *window) {
    const ef_row_queue *queues = window->sliding.queues.items;
    for (uint32_t i = 0; i < window->sliding.queues.count; i++) {
        if (queues[i].count > window->length) {
            return false;
        }
    }
    return true;
}

static ef_status time_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    time_window *window = self;
    ef_alloc *alloc = window->sliding.base.alloc;
    (void)version;
    EF_TRY(ef_sliding_load(&window->sliding, reader, error));
    if (!fits(window)) {
        return ef_fail(error, EF_CORRUPT, "the saved state holds more rows than a window of %u can", window->length);
    }
    uint32_t count = window->sliding.queues.count;
    EF_TRY(ef_slots_reserve(&window->slots, alloc, count, error));
    EF_TRY(ef_timers_reserve(&window->timers, alloc, count, error));
    time_slot *slots = window->slots.items;
    for (uint32_t i = 0; i < count; i++) {
        slots[i].seen = ef_get_u8(reader) != 0;
        slots[i].youngest = ef_get_i64(reader);
        ef_timers_set(&window->timers, i, ef_get_i64(reader));
        EF_TRY(ef_reader_status(reader, error));
    }
    return EF_OK;
}

static uint64_t time_size(const void *self) {
    const time_window *window = self;
    return window->sliding.base.held;
}

static ef_status time_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    time_window *window = self;
    (void)now;
    return ef_sliding_find(&window->sliding, slot, out, error);
}

const ef_operator_class ef_time_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "time",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_FIFO | EF_TIMERS | EF_READS_CLOCK,
    .state_version = 1,
    .create = time_create,
    .destroy = time_destroy,
    .process = time_process,
    .next_due = time_next_due,
    .purge = time_purge,
    .save = time_save,
    .load = time_load,
    .size = time_size,
    .find = time_find,
};

const ef_operator_class ef_delay_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "delay",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_TIMERS | EF_READS_CLOCK,
    .state_version = 1,
    .create = delay_create,
    .destroy = time_destroy,
    .process = time_process,
    .next_due = time_next_due,
    .purge = time_purge,
    .save = time_save,
    .load = time_load,
    .size = time_size,
    .find = time_find,
};

const ef_operator_class ef_time_length_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "time_length",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_FIFO | EF_TIMERS | EF_READS_CLOCK,
    .state_version = 1,
    .create = time_length_create,
    .destroy = time_destroy,
    .process = time_process,
    .next_due = time_next_due,
    .purge = time_purge,
    .save = time_save,
    .load = time_load,
    .size = time_size,
    .find = time_find,
};
