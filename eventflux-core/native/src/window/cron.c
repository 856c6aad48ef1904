/* cron(expression): tumbling by the calendar of the engine's zone.
 *
 *      in:  a  b           c
 *      out:       C a C b     X a X b C c            at ticks that find something collected
 *
 * At a tick, if rows were collected since the last one that found some: those that went out then leave as EXPIRED with the clock as
 * timestamp, then the collected ones go out as CURRENT with their own. There is no RESET, and the delivery is no batch chunk. A tick
 * that finds nothing does nothing: what went out last stays.
 *
 * Only slots that have collected something have a timer, the first tick behind the clock at the last pass. The content is not searched.
 * O(1) a row; retains one batch, and the one before it if somebody reads EXPIRED rows. */
#include "time/cron.h"
#include "window/timers.h"
#include "window/tumbling.h"
#include "window/windows.h"

typedef struct cron_window {
    ef_tumbling tumbling;
    ef_timers timers;
    ef_cron cron;
    int64_t known_after; /* the tick behind any time in [known_after, known_tick) is known_tick */
    int64_t known_tick;
    bool knows;
} cron_window;

typedef struct cron_run {
    ef_tumbling_run rows;
    ef_walk walk;
    cron_window *window;
    int64_t due; /* one slot */
} cron_run;

static void cron_destroy(void *self) {
    cron_window *window = self;
    ef_alloc *alloc = window->tumbling.base.alloc;
    ef_timers_clear(&window->timers, alloc);
    ef_tumbling_clear(&window->tumbling);
    ef_free(alloc, window, sizeof *window);
}

static ef_status cron_create(const ef_operator_config *config, void **self, ef_error *error) {
    if (!ef_param_given(config, 0) || config->params[0].kind != EF_PARAM_CONSTANT ||
        config->params[0].type != EF_STRING) {
        return ef_fail(error, EF_INVALID, "the expression of a cron window must be a constant STRING");
    }
    cron_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    const ef_str *text = &config->params[0].value.s;
    ef_status status = ef_cron_parse(&window->cron, ef_str_data(text), text->length, EF_CRON_SUNDAY_IS_1, error);
    if (status == EF_OK) {
        status = ef_tumbling_init(&window->tumbling, config, false, error);
    }
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    window->tumbling.is_chunk = false;
    *self = window;
    return EF_OK;
}

void ef_cron_window_in(void *self, const ef_zone *zone) {
    ((cron_window *)self)->cron.zone = zone;
}

static int64_t tick_after(cron_window *window, int64_t time) {
    if (!window->knows || time < window->known_after || time >= window->known_tick) {
        window->knows = true;
        window->known_after = time;
        window->known_tick = ef_cron_next(&window->cron, time);
    }
    return window->known_tick;
}

EF_ALWAYS_INLINE int64_t next_due(const cron_run *run, bool by_slot) {
    return by_slot ? ef_timers_next(&run->window->timers) : run->due;
}

EF_ALWAYS_INLINE void set_due(cron_run *run, uint32_t slot, int64_t due, bool by_slot) {
    if (by_slot) {
        ef_timers_set(&run->window->timers, slot, due);
    } else {
        run->due = due;
    }
}

/* Lets the collected rows go. */
EF_ALWAYS_INLINE ef_status tick(cron_run *run, uint32_t slot, int64_t clock, int64_t cause, bool by_slot,
                                ef_error *error) {
    ef_tumbling_run *rows = &run->rows;
    bool expires = run->window->tumbling.base.wants_expired;
    uint32_t leaving = expires ? ef_tumbling_previous(rows, slot, by_slot) : 0;
    EF_TRY(ef_out_reserve(rows->out, leaving + ef_tumbling_current(rows, slot, by_slot), error));
    if (expires) {
        ef_tumbling_emit_previous(rows, slot, EF_EXPIRED, &clock, cause, by_slot);
        ef_tumbling_forget_previous(rows, slot, by_slot);
    }
    ef_tumbling_emit_current(rows, slot, EF_CURRENT, NULL, cause, by_slot);
    if (expires) {
        ef_tumbling_turn(rows, slot, by_slot);
    } else {
        ef_tumbling_forget_current(rows, slot, by_slot);
    }
    set_due(run, slot, EF_NEVER, by_slot);
    return EF_OK;
}

/* Fires what is due before a row with `cause`; INT64_MAX: until the end of the track. */
EF_ALWAYS_INLINE ef_status fire(cron_run *run, int64_t cause, bool by_slot, ef_error *error) {
    for (;;) {
        int64_t step = ef_walk_next(&run->walk, next_due(run, by_slot), cause);
        if (step < 0) {
            return EF_OK;
        }
        uint32_t slot = by_slot ? ef_timers_slot(&run->window->timers) : 0;
        EF_TRY(tick(run, slot, run->walk.track->clock[step], EF_CAUSE(step, run->walk.rank, run->walk.fired - 1),
                    by_slot, error));
        ef_out_end(run->rows.out);
    }
}

EF_ALWAYS_INLINE ef_status take_row(cron_run *run, uint32_t i, bool by_slot, ef_error *error) {
    const ef_batch *batch = run->rows.batch;
    int64_t cause = ef_row_cause(batch, i);
    int64_t clock = ef_row_clock(batch, i, run->walk.track);
    uint32_t slot = by_slot ? ef_row_slot(batch, i) : 0;
    if (next_due(run, by_slot) <= clock) {
        EF_TRY(fire(run, cause, by_slot, error));
    }
    ef_walk_row(&run->walk, cause);
    EF_TRY(ef_tumbling_collect(&run->rows, i, slot, by_slot, error));
    if (ef_tumbling_current(&run->rows, slot, by_slot) == 1) {
        set_due(run, slot, tick_after(run->window, ef_passed_clock(run->walk.rank, clock, cause, run->walk.track)), by_slot);
    }
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status process_rows(cron_window *window, const ef_batch *batch, const ef_track *track, ef_out *out,
                                        bool by_slot, ef_error *error) {
    cron_run run = {.window = window};
    EF_TRY(ef_timers_reserve(&window->timers, window->tumbling.base.alloc, ef_batch_slot_count(batch), error));
    EF_TRY(ef_tumbling_begin(&run.rows, &window->tumbling, batch, out, by_slot, error));
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
        ef_timers_set(&window->timers, 0, run.due);
    }
    return EF_OK;
}

static ef_status cron_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                              ef_error *error) {
    cron_window *window = self;
    (void)port;
    return ef_tumbling_is_by_slot(&window->tumbling, batch) ? process_rows(window, batch, track, out, true, error)
                                                            : process_rows(window, batch, track, out, false, error);
}

static int64_t cron_next_due(const void *self) {
    const cron_window *window = self;
    return ef_timers_next(&window->timers);
}

static void cron_purge(void *self, uint32_t slot) {
    cron_window *window = self;
    ef_tumbling_purge(&window->tumbling, slot);
    if (slot == EF_ALL_SLOTS) {
        ef_timers_clear(&window->timers, window->tumbling.base.alloc);
    } else {
        ef_timers_set(&window->timers, slot, EF_NEVER);
    }
}

static ef_status cron_save(const void *self, ef_writer *writer, ef_error *error) {
    const cron_window *window = self;
    ef_tumbling_save(&window->tumbling, writer);
    for (uint32_t i = 0; i < window->tumbling.slots.count; i++) {
        uint32_t place = i < window->timers.place_capacity ? window->timers.place[i] : 0;
        ef_put_i64(writer, place > 0 ? window->timers.heap[place - 1].due : EF_NEVER);
    }
    return ef_writer_status(writer, error);
}

static ef_status cron_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    cron_window *window = self;
    (void)version;
    EF_TRY(ef_tumbling_load(&window->tumbling, reader, error));
    uint32_t count = window->tumbling.slots.count;
    EF_TRY(ef_timers_reserve(&window->timers, window->tumbling.base.alloc, count, error));
    for (uint32_t i = 0; i < count; i++) {
        ef_timers_set(&window->timers, i, ef_get_i64(reader));
        EF_TRY(ef_reader_status(reader, error));
    }
    return EF_OK;
}

static uint64_t cron_size(const void *self) {
    const cron_window *window = self;
    return window->tumbling.base.held;
}

const ef_operator_class ef_cron_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "cron",
    .flags = EF_SLOTS | EF_BATCHED | EF_TIMERS | EF_READS_CLOCK,
    .state_version = 1,
    .create = cron_create,
    .destroy = cron_destroy,
    .process = cron_process,
    .next_due = cron_next_due,
    .purge = cron_purge,
    .save = cron_save,
    .load = cron_load,
    .size = cron_size,
};
