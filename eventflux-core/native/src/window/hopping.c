/* hopping(size, hop, start): every `hop` ms of the clock, the rows of the last `size` ms.
 *
 *      ticks T: first clock + k * hop, or the times congruent to start modulo hop
 *      at T: the rows of the former tick as EXPIRED, RESET, the rows with T - size <= timestamp < T as CURRENT, one delivery
 *
 * EXPIRED and RESET rows carry the clock. A tick that runs late still shows its own window. With hop > size rows fall into gaps; with
 * hop = size this is timeBatch. A slot's rows are one queue in order of arrival, of which a row leaves when no window to come can
 * show it:
 *
 *      [ r ][ r ][ r ] | [ r ][ r ]        the first `shown` of them were there at the former tick
 *
 * A slot that holds nothing has no timer; its next tick is found on the grid when a row comes, as in timeBatch. Where all rows held lie
 * ahead of the next tick, the ticks before the first of them show nothing: the timer waits behind them, and `tick` catches up when a
 * row comes or the timer fires. So the work does not grow with the time between the clock and the rows.
 * O(rows held) a tick; retains the rows of one window and one hop. */
#include "window/sliding.h"
#include "window/timers.h"
#include "window/windows.h"

typedef struct hopping_slot {
    int64_t tick;   /* the next one, or one of the empty ones that the timer leaves out */
    int64_t least;  /* of the timestamps held; INT64_MAX while there is none */
    uint32_t shown; /* rows at the head of the queue that were there at the former tick */
    bool started;   /* `tick` holds */
} hopping_slot;

typedef struct hopping_window {
    ef_sliding sliding;
    ef_slots slots; /* of hopping_slot */
    ef_timers timers;
    int64_t size;
    int64_t hop;
    int64_t start;
    bool has_start;
} hopping_window;

static void hopping_destroy(void *self) {
    hopping_window *window = self;
    ef_alloc *alloc = window->sliding.base.alloc;
    ef_timers_clear(&window->timers, alloc);
    ef_slots_clear(&window->slots, alloc);
    ef_sliding_clear(&window->sliding);
    ef_free(alloc, window, sizeof *window);
}

static ef_status hopping_create(const ef_operator_config *config, void **self, ef_error *error) {
    int64_t size, hop, start;
    EF_TRY(ef_param_integer(config, 0, "the size of a hopping window", 1, &size, error));
    EF_TRY(ef_param_integer(config, 1, "the hop of a hopping window", 1, &hop, error));
    EF_TRY(ef_param_integer_or(config, 2, "the start time of a hopping window", INT64_MIN, 0, &start, error));
    hopping_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    window->size = size;
    window->hop = hop;
    window->start = start;
    window->has_start = ef_param_given(config, 2);
    ef_slots_init(&window->slots, sizeof(hopping_slot));
    ef_status status = ef_sliding_init(&window->sliding, config, error);
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

/* a - b, held at the end of the range; b >= 0. */
static int64_t time_before(int64_t a, int64_t b) {
    return a < INT64_MIN + b ? INT64_MIN : a - b;
}

static bool is_shown(const hopping_window *window, int64_t timestamp, int64_t tick) {
    return timestamp < tick && timestamp >= time_before(tick, window->size);
}

/* Emits those of the first `count` rows that the window of `tick` shows; gives how many. */
static uint32_t emit(const hopping_window *window, const ef_row_queue *queue, uint32_t count, int64_t tick,
                     uint8_t kind, const int64_t *retime, int64_t cause, uint32_t slot, ef_out *out) {
    ef_handle handle = queue->head;
    uint32_t emitted = 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *row = ef_pages_at(window->sliding.base.pages, handle);
        int64_t timestamp = ef_row_timestamp(row);
        if (is_shown(window, timestamp, tick)) {
            if (out != NULL) {
                ef_out_put(out, EF_FROM_RETAINED(handle), retime != NULL ? *retime : timestamp, kind, cause, slot);
            }
            emitted++;
        }
        handle = ef_row_next(row);
    }
    return emitted;
}

/* Drops the rows that neither the next tick's window nor its EXPIRED rows can show. The pages of links were prepared. */
static void forget(hopping_window *window, ef_row_queue *queue, hopping_slot *state, int64_t tick) {
    ef_window *base = &window->sliding.base;
    int64_t oldest = time_before(base->wants_expired ? tick : ef_time_after(tick, window->hop), window->size);
    ef_row_queue kept = {0, 0, 0};
    ef_handle handle = queue->head;
    state->least = INT64_MAX;
    for (uint32_t i = queue->count; i > 0; i--) {
        const char *row = ef_pages_at(base->pages, handle);
        ef_handle next = ef_row_next(row);
        int64_t timestamp = ef_row_timestamp(row);
        if (timestamp < oldest) {
            ef_row_drop(base->pages, &base->layout, handle);
            base->held--;
        } else {
            ef_row_queue one = {handle, handle, 1};
            state->least = timestamp < state->least ? timestamp : state->least;
            ef_status status = ef_row_queue_append(&kept, base->pages, &one, NULL);
            EF_ASSERT(status == EF_OK);
            (void)status;
        }
        handle = next;
    }
    *queue = kept;
}

static ef_status prepare(const hopping_window *window, const ef_row_queue *queue, ef_error *error) {
    ef_pages *pages = window->sliding.base.pages;
    ef_handle handle = queue->head;
    for (uint32_t i = 0; i < queue->count; i++) {
        const char *row = ef_pages_write(pages, handle);
        if (row == NULL) {
            return ef_fail_memory(error);
        }
        handle = ef_row_next(row);
    }
    return EF_OK;
}

/* The first tick that may show something. */
static int64_t due_tick(const hopping_window *window, const hopping_slot *state) {
    return ef_grid_skip(state->tick, window->hop, state->least >= state->tick ? state->least : INT64_MIN);
}

static void set_timer(hopping_window *window, uint32_t slot) {
    const ef_row_queue *queue = (const ef_row_queue *)window->sliding.queues.items + slot;
    const hopping_slot *state = (const hopping_slot *)window->slots.items + slot;
    ef_timers_set(&window->timers, slot, queue->count > 0 ? due_tick(window, state) : EF_NEVER);
}

static ef_status tick_slot(hopping_window *window, uint32_t slot, int64_t clock, int64_t cause, ef_out *out,
                           ef_error *error) {
    hopping_slot *state = (hopping_slot *)window->slots.items + slot;
    ef_row_queue *queue = (ef_row_queue *)window->sliding.queues.items + slot;
    int64_t tick = due_tick(window, state);
    int64_t former = time_before(tick, window->hop);
    bool expires = window->sliding.base.wants_expired;
    EF_TRY(ef_out_reserve(out, 2 * queue->count + 1, error));
    EF_TRY(prepare(window, queue, error));
    if (expires) {
        (void)emit(window, queue, state->shown, former, EF_EXPIRED, &clock, cause, slot, out);
    }
    if (emit(window, queue, queue->count, tick, EF_CURRENT, NULL, cause, slot, NULL) > 0) {
        ef_out_put(out, EF_FROM_NONE, clock, EF_RESET, cause, slot);
        (void)emit(window, queue, queue->count, tick, EF_CURRENT, NULL, cause, slot, out);
    }
    forget(window, queue, state, tick);
    state->shown = queue->count;
    state->tick = ef_time_after(tick, window->hop);
    set_timer(window, slot);
    return EF_OK;
}

/* Fires what is due before a row with `cause`; INT64_MAX: until the end of the track. */
static ef_status fire(hopping_window *window, ef_walk *walk, int64_t cause, ef_out *out, ef_error *error) {
    for (;;) {
        int64_t step = ef_walk_next(walk, ef_timers_next(&window->timers), cause);
        if (step < 0) {
            return EF_OK;
        }
        EF_TRY(tick_slot(window, ef_timers_slot(&window->timers), walk->track->clock[step],
                         EF_CAUSE(step, walk->rank, walk->fired - 1), out, error));
        ef_out_end(out);
    }
}

/* The slot holds nothing: its next tick, as if all before had run. */
static void find_tick(const hopping_window *window, hopping_slot *state, int64_t clock, int64_t cause,
                      const ef_track *track) {
    if (!state->started) {
        state->started = true;
        state->tick = window->has_start ? ef_grid_after(clock, window->start, window->hop)
                                        : ef_time_after(clock, window->hop);
    } else {
        state->tick = ef_grid_skip(state->tick, window->hop, ef_passed_clock(window->sliding.base.rank, clock, cause, track));
    }
    state->shown = 0;
    state->least = INT64_MAX;
}

static ef_status take_rows(hopping_window *window, ef_sliding_run *run, const ef_track *track, ef_error *error) {
    const ef_batch *batch = run->batch;
    ef_walk walk;
    ef_walk_init(&walk, track, window->sliding.base.rank);
    hopping_slot *slots = window->slots.items;
    for (uint32_t i = 0; i < batch->rows; i++) {
        int64_t cause = ef_row_cause(batch, i);
        int64_t clock = ef_row_clock(batch, i, track);
        uint32_t slot = ef_row_slot(batch, i);
        if (ef_timers_next(&window->timers) <= clock) {
            EF_TRY(fire(window, &walk, cause, run->out, error));
        }
        ef_walk_row(&walk, cause);
        if (run->queues[slot].count == 0) {
            find_tick(window, &slots[slot], clock, cause, track);
        } else if (slots[slot].least >= slots[slot].tick) {
            int64_t passed = ef_passed_clock(window->sliding.base.rank, clock, cause, track);
            slots[slot].tick = ef_grid_skip(slots[slot].tick, window->hop, passed);
        }
        EF_TRY(ef_sliding_push(run, i, slot, true, error));
        int64_t timestamp = batch->timestamps[i];
        slots[slot].least = timestamp < slots[slot].least ? timestamp : slots[slot].least;
        set_timer(window, slot);
    }
    return fire(window, &walk, INT64_MAX, run->out, error);
}

static ef_status hopping_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                                 ef_error *error) {
    hopping_window *window = self;
    ef_window *base = &window->sliding.base;
    ef_sliding_run run;
    (void)port;
    uint32_t slots = ef_batch_slot_count(batch);
    EF_TRY(ef_slots_reserve(&window->slots, base->alloc, slots, error));
    EF_TRY(ef_timers_reserve(&window->timers, base->alloc, slots, error));
    EF_TRY(ef_sliding_begin(&run, &window->sliding, batch, out, true, error));
    ef_status status = take_rows(window, &run, track, error);
    if (status != EF_OK) {
        return ef_sliding_abort(&run, true, status);
    }
    return ef_out_finish(out, base->pages, &base->layout, true, error);
}

static int64_t hopping_next_due(const void *self) {
    const hopping_window *window = self;
    return ef_timers_next(&window->timers);
}

static void hopping_purge(void *self, uint32_t slot) {
    hopping_window *window = self;
    ef_alloc *alloc = window->sliding.base.alloc;
    ef_sliding_purge(&window->sliding, slot);
    if (slot == EF_ALL_SLOTS) {
        ef_slots_clear(&window->slots, alloc);
        ef_timers_clear(&window->timers, alloc);
    } else if (slot < window->slots.count) {
        ((hopping_slot *)window->slots.items)[slot] = (hopping_slot){0, 0, 0, false};
        ef_timers_set(&window->timers, slot, EF_NEVER);
    }
}

static ef_status hopping_save(const void *self, ef_writer *writer, ef_error *error) {
    const hopping_window *window = self;
    const hopping_slot *slots = window->slots.items;
    ef_sliding_save(&window->sliding, writer);
    for (uint32_t i = 0; i < window->sliding.queues.count; i++) {
        ef_put_u8(writer, slots[i].started);
        ef_put_u32(writer, slots[i].shown);
        ef_put_i64(writer, slots[i].tick);
    }
    return ef_writer_status(writer, error);
}

static ef_status hopping_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    hopping_window *window = self;
    ef_alloc *alloc = window->sliding.base.alloc;
    (void)version;
    EF_TRY(ef_sliding_load(&window->sliding, reader, error));
    uint32_t count = window->sliding.queues.count;
    EF_TRY(ef_slots_reserve(&window->slots, alloc, count, error));
    EF_TRY(ef_timers_reserve(&window->timers, alloc, count, error));
    hopping_slot *slots = window->slots.items;
    const ef_row_queue *queues = window->sliding.queues.items;
    for (uint32_t i = 0; i < count; i++) {
        slots[i].started = ef_get_u8(reader) != 0;
        slots[i].shown = ef_get_u32(reader);
        slots[i].tick = ef_get_i64(reader);
        EF_TRY(ef_reader_status(reader, error));
        if (slots[i].shown > queues[i].count || (queues[i].count > 0 && !slots[i].started)) {
            return ef_fail(error, EF_CORRUPT, "the saved state of a hopping window contradicts itself");
        }
        slots[i].least = INT64_MAX;
        ef_handle handle = queues[i].head;
        for (uint32_t k = 0; k < queues[i].count; k++) {
            const char *row = ef_pages_at(window->sliding.base.pages, handle);
            int64_t timestamp = ef_row_timestamp(row);
            slots[i].least = timestamp < slots[i].least ? timestamp : slots[i].least;
            handle = ef_row_next(row);
        }
        set_timer(window, i);
    }
    return EF_OK;
}

static uint64_t hopping_size(const void *self) {
    const hopping_window *window = self;
    return window->sliding.base.held;
}

/* The rows that the former tick showed. */
static ef_status hopping_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    hopping_window *window = self;
    const ef_window *base = &window->sliding.base;
    (void)now;
    if (slot >= window->sliding.queues.count) {
        return EF_OK;
    }
    const hopping_slot *state = (const hopping_slot *)window->slots.items + slot;
    const ef_row_queue *queue = (const ef_row_queue *)window->sliding.queues.items + slot;
    EF_TRY(ef_out_reserve(out, state->shown, error));
    (void)emit(window, queue, state->shown, time_before(state->tick, window->hop), EF_CURRENT, NULL,
               EF_CAUSE(0, EF_RANK_LAST, 0), slot, out);
    return ef_out_finish(out, base->pages, &base->layout, false, error);
}

const ef_operator_class ef_hopping_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "hopping",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_FIFO | EF_TIMERS | EF_READS_CLOCK | EF_BATCH_CHUNKS,
    .state_version = 1,
    .create = hopping_create,
    .destroy = hopping_destroy,
    .process = hopping_process,
    .next_due = hopping_next_due,
    .purge = hopping_purge,
    .save = hopping_save,
    .load = hopping_load,
    .size = hopping_size,
    .find = hopping_find,
};
