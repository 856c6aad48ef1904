/* externalTimeBatch(ts, period, start, timeout, replace): tumbling over periods of an attribute of the rows.
 *
 *      in (ts):  100   600   1100                                   900    2100           (period 1000)
 *      out:                  RESET C 100 C 600  (1100 is collected)        X 100 X 600 RESET C 1100 C 900
 *
 * The first row with ts at or behind the end lets the batch go, then opens the next one, whose end is the grid end behind the largest ts
 * seen. Late rows belong to the open batch. EXPIRED and RESET rows carry the largest ts seen as their timestamp.
 *
 * With a timeout, when the app's clock has moved so far since the batch was opened or last went out, the rows collected so far go out
 * early and are kept: each later timeout, and the end, lets the whole batch so far go anew, the former emission first as EXPIRED. While
 * `early` is set, `previous` is what went out of the open batch and `current` what came since; if nothing came since, nothing goes out.
 *
 * replace: the rows of a batch carry its end in place of ts; late rows are compared by their own ts before that.
 * A row without ts goes to the error edge. O(1) a row; retains one batch, and the one before it if somebody reads EXPIRED rows. */
#include "window/timers.h"
#include "window/tumbling.h"
#include "window/windows.h"

typedef struct external_time_batch_slot {
    int64_t end;
    int64_t start;
    int64_t largest;  /* ts seen */
    int64_t deadline; /* of the timeout */
    bool started;
    bool early;
} external_time_batch_slot;

typedef struct external_time_batch_window {
    ef_tumbling tumbling;
    ef_slots slots; /* of external_time_batch_slot */
    ef_timers timers;
    int64_t period;
    int64_t start;
    int64_t timeout; /* 0: none */
    uint32_t column; /* of ts */
    uint32_t start_column;
    bool has_start;
    bool has_start_column;
    bool replaces;
} external_time_batch_window;

typedef struct external_time_batch_run {
    ef_tumbling_run rows;
    ef_walk walk;
    external_time_batch_window *window;
    external_time_batch_slot *slots;
    external_time_batch_slot slot; /* one slot: state changed by the end */
    int64_t due;
    const int64_t *time; /* ts of the input */
    const ef_batch *input;
    int64_t *replaced; /* NULL, or ts of the rows as they are collected */
} external_time_batch_run;

static void external_time_batch_destroy(void *self) {
    external_time_batch_window *window = self;
    ef_alloc *alloc = window->tumbling.base.alloc;
    ef_timers_clear(&window->timers, alloc);
    ef_slots_clear(&window->slots, alloc);
    ef_tumbling_clear(&window->tumbling);
    ef_free(alloc, window, sizeof *window);
}

static ef_status read_parameters(external_time_batch_window *window, const ef_operator_config *config,
                                 ef_error *error) {
    EF_TRY(ef_param_column(config, 0, "the timestamp of an externalTimeBatch window", EF_LONG, &window->column, error));
    EF_TRY(ef_param_integer(config, 1, "the period of an externalTimeBatch window", 1, &window->period, error));
    if (ef_param_given(config, 2) && config->params[2].kind == EF_PARAM_COLUMN) {
        window->has_start_column = true;
        EF_TRY(ef_param_column(config, 2, "the start time of an externalTimeBatch window", EF_LONG,
                               &window->start_column, error));
    } else {
        window->has_start = ef_param_given(config, 2);
        EF_TRY(ef_param_integer_or(config, 2, "the start time of an externalTimeBatch window", INT64_MIN, 0,
                                   &window->start, error));
    }
    EF_TRY(ef_param_integer_or(config, 3, "the timeout of an externalTimeBatch window", 0, 0, &window->timeout, error));
    return ef_param_bool(config, 4, "replace.with.batchtime of an externalTimeBatch window", &window->replaces, error);
}

static ef_status external_time_batch_create(const ef_operator_config *config, void **self, ef_error *error) {
    external_time_batch_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    ef_slots_init(&window->slots, sizeof(external_time_batch_slot));
    ef_status status = read_parameters(window, config, error);
    if (status == EF_OK) {
        status = ef_tumbling_init(&window->tumbling, config, false, error);
    }
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

EF_ALWAYS_INLINE int64_t next_due(const external_time_batch_run *run, bool by_slot) {
    return by_slot ? ef_timers_next(&run->window->timers) : run->due;
}

EF_ALWAYS_INLINE void set_deadline(external_time_batch_run *run, external_time_batch_slot *state, uint32_t slot,
                                   int64_t clock, bool by_slot) {
    if (run->window->timeout == 0) {
        return;
    }
    state->deadline = ef_time_after(clock, run->window->timeout);
    if (by_slot) {
        ef_timers_set(&run->window->timers, slot, state->deadline);
    } else {
        run->due = state->deadline;
    }
}

/* The open batch goes out again, as far as it came: what went out early as EXPIRED, RESET, that and what came since as CURRENT. */
EF_ALWAYS_INLINE ef_status flush_again(external_time_batch_run *run, uint32_t slot, int64_t time, int64_t cause,
                                       bool by_slot, ef_error *error) {
    ef_tumbling_run *rows = &run->rows;
    bool expires = run->window->tumbling.base.wants_expired;
    uint32_t since = ef_tumbling_current(rows, slot, by_slot);
    uint32_t before = ef_tumbling_previous(rows, slot, by_slot);
    if (since == 0) {
        return EF_OK;
    }
    EF_TRY(ef_out_reserve(rows->out, (expires ? before : 0) + 1 + before + since, error));
    if (by_slot) {
        EF_TRY(ef_row_queue_prepare(&rows->slots[slot].previous, rows->tumbling->base.pages, error));
    }
    if (expires) {
        ef_tumbling_emit_previous(rows, slot, EF_EXPIRED, &time, cause, by_slot);
    }
    ef_tumbling_reset(rows, slot, time, cause);
    ef_tumbling_emit_previous(rows, slot, EF_CURRENT, NULL, cause, by_slot);
    ef_tumbling_emit_current(rows, slot, EF_CURRENT, NULL, cause, by_slot);
    return ef_tumbling_join(rows, slot, by_slot, error);
}

/* The timeout passed. */
EF_ALWAYS_INLINE ef_status time_out(external_time_batch_run *run, uint32_t slot, int64_t clock, int64_t cause,
                                    bool by_slot, ef_error *error) {
    external_time_batch_slot *state = by_slot ? &run->slots[slot] : &run->slot;
    if (state->early) {
        EF_TRY(flush_again(run, slot, state->largest, cause, by_slot, error));
    } else {
        EF_TRY(ef_tumbling_flush(&run->rows, slot, state->largest, cause, true, by_slot, error));
        state->early = true;
    }
    set_deadline(run, state, slot, clock, by_slot);
    return EF_OK;
}

/* Fires what is due before a row with `cause`; INT64_MAX: until the end of the track. */
EF_ALWAYS_INLINE ef_status fire(external_time_batch_run *run, int64_t cause, bool by_slot, ef_error *error) {
    for (;;) {
        int64_t step = ef_walk_next(&run->walk, next_due(run, by_slot), cause);
        if (step < 0) {
            return EF_OK;
        }
        uint32_t slot = by_slot ? ef_timers_slot(&run->window->timers) : 0;
        EF_TRY(time_out(run, slot, run->walk.track->clock[step], EF_CAUSE(step, run->walk.rank, run->walk.fired - 1),
                        by_slot, error));
        ef_out_end(run->rows.out);
    }
}

EF_ALWAYS_INLINE void start(external_time_batch_run *run, external_time_batch_slot *state, uint32_t i,
                            uint32_t slot, int64_t clock, bool by_slot) {
    const external_time_batch_window *window = run->window;
    int64_t time = run->time[i];
    state->started = true;
    state->largest = time;
    if (window->has_start) {
        state->start = window->start;
        state->end = ef_grid_end(time, state->start, window->period);
    } else {
        /* A null start attribute reads as 0. */
        state->start = window->has_start_column
                           ? ((const int64_t *)run->input->column[window->start_column].values)[i]
                           : time;
        state->end = ef_time_after(state->start, window->period);
    }
    set_deadline(run, state, slot, clock, by_slot);
}

EF_ALWAYS_INLINE ef_status collect(external_time_batch_run *run, uint32_t i, uint32_t slot, int64_t end, bool by_slot,
                                   ef_error *error) {
    if (run->replaced != NULL) {
        run->replaced[i] = end;
        if (by_slot) {
            const ef_window *base = &run->window->tumbling.base;
            char *row = ef_pages_write(base->pages, run->rows.handles[i]);
            EF_ASSERT(row != NULL); /* it was kept in this call */
            memcpy(row + base->layout.offset[run->window->column], &end, sizeof end);
        }
    }
    return ef_tumbling_collect(&run->rows, i, slot, by_slot, error);
}

/* The end was reached: what is open goes out, and a batch with an end behind the largest ts opens. */
EF_ALWAYS_INLINE ef_status end_batch(external_time_batch_run *run, external_time_batch_slot *state, uint32_t slot,
                                     int64_t clock, int64_t cause, bool by_slot, ef_error *error) {
    external_time_batch_window *window = run->window;
    if (state->early) {
        EF_TRY(flush_again(run, slot, state->largest, cause, by_slot, error));
        state->early = false;
        if (!window->tumbling.base.wants_expired) {
            ef_tumbling_forget_previous(&run->rows, slot, by_slot);
        }
    } else {
        EF_TRY(ef_tumbling_flush(&run->rows, slot, state->largest, cause, window->tumbling.base.wants_expired, by_slot,
                                 error));
    }
    state->end = ef_grid_end(state->largest, state->start, window->period);
    set_deadline(run, state, slot, clock, by_slot);
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status take_row(external_time_batch_run *run, uint32_t i, bool by_slot, ef_error *error) {
    const ef_batch *batch = run->rows.batch;
    uint32_t slot = by_slot ? ef_row_slot(batch, i) : 0;
    external_time_batch_slot *state = by_slot ? &run->slots[slot] : &run->slot;
    int64_t time = run->time[i];
    if (run->window->timeout > 0) {
        int64_t cause = ef_row_cause(batch, i);
        if (next_due(run, by_slot) <= ef_row_clock(batch, i, run->walk.track)) {
            EF_TRY(fire(run, cause, by_slot, error));
        }
        ef_walk_row(&run->walk, cause);
    }
    if (EF_UNLIKELY(!state->started)) {
        start(run, state, i, slot, ef_row_clock(batch, i, run->walk.track), by_slot);
    }
    state->largest = time > state->largest ? time : state->largest;
    if (EF_UNLIKELY(time >= state->end)) {
        EF_TRY(end_batch(run, state, slot, ef_row_clock(batch, i, run->walk.track), ef_row_cause(batch, i), by_slot,
                         error));
        ef_out_end(run->rows.out);
    }
    return collect(run, i, slot, state->end, by_slot, error);
}

/* A copy of the batch's head whose ts column can be written. */
static ef_status open_for_replacing(external_time_batch_run *run, const ef_batch **batch, ef_out *out,
                                    ef_error *error) {
    const ef_batch *input = *batch;
    ef_batch *copy = ef_arena_take(out->arena, sizeof *copy);
    ef_column *column = ef_arena_take(out->arena, input->columns * sizeof *column);
    int64_t *values = ef_arena_take(out->arena, input->rows * sizeof *values);
    if (copy == NULL || column == NULL || values == NULL) {
        return ef_fail_memory(error);
    }
    *copy = *input;
    memcpy(column, input->column, input->columns * sizeof *column);
    memcpy(values, run->time, input->rows * sizeof *values);
    column[run->window->column].values = values;
    copy->column = column;
    run->replaced = values;
    *batch = copy;
    out->input = copy;
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status process_rows(external_time_batch_window *window, const ef_batch *batch,
                                        const ef_track *track, ef_out *out, bool by_slot, ef_error *error) {
    ef_alloc *alloc = window->tumbling.base.alloc;
    uint32_t slots = ef_batch_slot_count(batch);
    external_time_batch_run run = {.window = window, .input = batch};
    EF_TRY(ef_slots_reserve(&window->slots, alloc, slots, error));
    if (window->timeout > 0) {
        EF_TRY(ef_timers_reserve(&window->timers, alloc, slots, error));
    }
    if (batch->rows > 0) {
        run.time = batch->column[window->column].values;
        if (window->replaces) {
            EF_TRY(open_for_replacing(&run, &batch, out, error));
        }
    }
    EF_TRY(ef_tumbling_begin(&run.rows, &window->tumbling, batch, out, by_slot, error));
    run.slots = window->slots.items;
    run.slot = run.slots[0];
    run.due = ef_timers_next(&window->timers);
    ef_walk_init(&run.walk, track, window->tumbling.base.rank);
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < batch->rows && status == EF_OK; i++) {
        status = take_row(&run, i, by_slot, error);
    }
    if (status == EF_OK) {
        status = fire(&run, INT64_MAX, by_slot, error);
    }
    if (status != EF_OK) {
        return ef_tumbling_abort(&run.rows, by_slot, status);
    }
    EF_TRY(ef_tumbling_end(&run.rows, by_slot, error));
    if (!by_slot) {
        run.slots[0] = run.slot;
        if (window->timeout > 0) {
            ef_timers_set(&window->timers, 0, run.due);
        }
    }
    return EF_OK;
}

static ef_status external_time_batch_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track,
                                             ef_out *out, ef_error *error) {
    external_time_batch_window *window = self;
    (void)port;
    EF_TRY(ef_window_refuse_nulls(&batch, window->column,
                                  "the timestamp attribute of an externalTimeBatch window is null", out, error));
    return ef_tumbling_is_by_slot(&window->tumbling, batch) ? process_rows(window, batch, track, out, true, error)
                                                            : process_rows(window, batch, track, out, false, error);
}

static int64_t external_time_batch_next_due(const void *self) {
    const external_time_batch_window *window = self;
    return ef_timers_next(&window->timers);
}

static void external_time_batch_purge(void *self, uint32_t slot) {
    external_time_batch_window *window = self;
    ef_alloc *alloc = window->tumbling.base.alloc;
    ef_tumbling_purge(&window->tumbling, slot);
    if (slot == EF_ALL_SLOTS) {
        ef_slots_clear(&window->slots, alloc);
        ef_timers_clear(&window->timers, alloc);
    } else if (slot < window->slots.count) {
        memset((external_time_batch_slot *)window->slots.items + slot, 0, sizeof(external_time_batch_slot));
        if (window->timeout > 0) {
            ef_timers_set(&window->timers, slot, EF_NEVER);
        }
    }
}

static ef_status external_time_batch_save(const void *self, ef_writer *writer, ef_error *error) {
    const external_time_batch_window *window = self;
    const external_time_batch_slot *slots = window->slots.items;
    ef_tumbling_save(&window->tumbling, writer);
    for (uint32_t i = 0; i < window->tumbling.slots.count; i++) {
        ef_put_u8(writer, slots[i].started);
        ef_put_u8(writer, slots[i].early);
        ef_put_i64(writer, slots[i].end);
        ef_put_i64(writer, slots[i].start);
        ef_put_i64(writer, slots[i].largest);
        ef_put_i64(writer, slots[i].deadline);
    }
    return ef_writer_status(writer, error);
}

static ef_status external_time_batch_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    external_time_batch_window *window = self;
    ef_alloc *alloc = window->tumbling.base.alloc;
    (void)version;
    EF_TRY(ef_tumbling_load(&window->tumbling, reader, error));
    uint32_t count = window->tumbling.slots.count;
    EF_TRY(ef_slots_reserve(&window->slots, alloc, count, error));
    if (window->timeout > 0) {
        EF_TRY(ef_timers_reserve(&window->timers, alloc, count, error));
    }
    external_time_batch_slot *slots = window->slots.items;
    for (uint32_t i = 0; i < count; i++) {
        slots[i].started = ef_get_u8(reader) != 0;
        slots[i].early = ef_get_u8(reader) != 0;
        slots[i].end = ef_get_i64(reader);
        slots[i].start = ef_get_i64(reader);
        slots[i].largest = ef_get_i64(reader);
        slots[i].deadline = ef_get_i64(reader);
        EF_TRY(ef_reader_status(reader, error));
        if (window->timeout > 0 && slots[i].started) {
            ef_timers_set(&window->timers, i, slots[i].deadline);
        }
    }
    return EF_OK;
}

static uint64_t external_time_batch_size(const void *self) {
    const external_time_batch_window *window = self;
    return window->tumbling.base.held;
}

static ef_status external_time_batch_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    external_time_batch_window *window = self;
    (void)now;
    return ef_tumbling_find(&window->tumbling, slot, out, error);
}

const ef_operator_class ef_external_time_batch_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "external_time_batch",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_FIFO | EF_TIMERS | EF_READS_CLOCK | EF_BATCH_CHUNKS | EF_FAILS,
    .state_version = 1,
    .create = external_time_batch_create,
    .destroy = external_time_batch_destroy,
    .process = external_time_batch_process,
    .next_due = external_time_batch_next_due,
    .purge = external_time_batch_purge,
    .save = external_time_batch_save,
    .load = external_time_batch_load,
    .size = external_time_batch_size,
    .find = external_time_batch_find,
};
