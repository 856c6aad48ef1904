/* externalTime(ts, period): sliding like time(period), but the clock is an attribute of the row that arrives.
 *
 *      in (ts):  100      600      1100           (period 1000)
 *      out:      C 100    C 600    X 100  C 1100
 *
 * Before a row, the oldest rows with ts + period <= its ts leave, with its ts as their timestamp; scanning stops at the first that stays.
 * There are no timers. A row without ts goes to the error edge. O(1) a row; retains the rows of one period. */
#include "window/sliding.h"
#include "window/windows.h"

typedef struct external_time_window {
    ef_sliding sliding;
    uint32_t column; /* of ts */
    int64_t period;
} external_time_window;

static void external_time_destroy(void *self) {
    external_time_window *window = self;
    ef_alloc *alloc = window->sliding.base.alloc;
    ef_sliding_clear(&window->sliding);
    ef_free(alloc, window, sizeof *window);
}

static ef_status external_time_create(const ef_operator_config *config, void **self, ef_error *error) {
    uint32_t column;
    int64_t period;
    EF_TRY(ef_param_column(config, 0, "the timestamp of an externalTime window", EF_LONG, &column, error));
    EF_TRY(ef_param_integer(config, 1, "the period of an externalTime window", 0, &period, error));
    external_time_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    window->column = column;
    window->period = period;
    ef_status status = ef_sliding_init(&window->sliding, config, error);
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status take_row(external_time_window *window, ef_sliding_run *run, uint32_t i, bool by_slot,
                                    ef_error *error) {
    const ef_batch *batch = run->batch;
    int64_t cause = ef_row_cause(batch, i);
    uint32_t slot = by_slot ? ef_row_slot(batch, i) : 0;
    int64_t now = ((const int64_t *)batch->column[window->column].values)[i];
    while (ef_sliding_count(run, slot, by_slot) > 0 &&
           ef_time_after(ef_sliding_oldest_value(run, window->column, slot, by_slot), window->period) <= now) {
        EF_TRY(ef_sliding_expire(run, slot, now, cause, by_slot, error));
    }
    EF_TRY(ef_sliding_emit(run, i, slot, cause, error));
    return ef_sliding_push(run, i, slot, by_slot, error);
}

EF_ALWAYS_INLINE ef_status process_rows(external_time_window *window, const ef_batch *batch, ef_out *out, bool by_slot,
                                        ef_error *error) {
    ef_sliding_run run;
    ef_delivery_cursor cursor;
    ef_delivery_cursor_init(&cursor, batch);
    EF_TRY(ef_sliding_begin(&run, &window->sliding, batch, out, by_slot, error));
    for (uint32_t i = 0; i < batch->rows; i++) {
        ef_status status = take_row(window, &run, i, by_slot, error);
        if (EF_UNLIKELY(status != EF_OK)) {
            return ef_sliding_abort(&run, by_slot, status);
        }
        if (ef_delivery_cursor_ends(&cursor, i)) {
            ef_out_end(out);
        }
    }
    return ef_sliding_end(&run, by_slot, error);
}

static ef_status external_time_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track,
                                       ef_out *out, ef_error *error) {
    external_time_window *window = self;
    (void)port;
    (void)track;
    if (batch->rows == 0) {
        return EF_OK;
    }
    EF_TRY(ef_window_refuse_nulls(&batch, window->column, "the timestamp attribute of an externalTime window is null",
                                  out, error));
    if (!window->sliding.base.wants_expired) {
        ef_sliding_pass(batch, out);
        return EF_OK;
    }
    return ef_sliding_is_by_slot(&window->sliding, batch) ? process_rows(window, batch, out, true, error)
                                                          : process_rows(window, batch, out, false, error);
}

static int64_t external_time_next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

static void external_time_purge(void *self, uint32_t slot) {
    external_time_window *window = self;
    ef_sliding_purge(&window->sliding, slot);
}

static ef_status external_time_save(const void *self, ef_writer *writer, ef_error *error) {
    const external_time_window *window = self;
    ef_sliding_save(&window->sliding, writer);
    return ef_writer_status(writer, error);
}

static ef_status external_time_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    external_time_window *window = self;
    (void)version;
    return ef_sliding_load(&window->sliding, reader, error);
}

static uint64_t external_time_size(const void *self) {
    const external_time_window *window = self;
    return window->sliding.base.held;
}

static ef_status external_time_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    external_time_window *window = self;
    (void)now;
    return ef_sliding_find(&window->sliding, slot, out, error);
}

const ef_operator_class ef_external_time_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "external_time",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_FIFO | EF_FAILS,
    .state_version = 1,
    .create = external_time_create,
    .destroy = external_time_destroy,
    .process = external_time_process,
    .next_due = external_time_next_due,
    .purge = external_time_purge,
    .save = external_time_save,
    .load = external_time_load,
    .size = external_time_size,
    .find = external_time_find,
};
