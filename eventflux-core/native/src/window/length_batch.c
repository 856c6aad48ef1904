/* lengthBatch(n, stream): tumbling over n rows of a slot.
 *
 *      in:  a   b                    c   d                             (n = 2)
 *      out:     RESET C a C b            X a X b RESET C c C d
 *
 * With the n-th row a batch goes out, one delivery: the previous batch as EXPIRED with the clock as timestamp, RESET, the rows as CURRENT
 * with their own. stream = true: each row goes out at once; before row n+1 the n rows leave as EXPIRED, then RESET, in one
 * delivery with it. n = 0: each row is a batch that expires at once. O(1) a row; retains at most 2 n rows a slot. */
#include "window/tumbling.h"
#include "window/windows.h"

typedef struct length_batch_window {
    ef_tumbling tumbling;
    uint32_t length;
} length_batch_window;

static void length_batch_destroy(void *self) {
    length_batch_window *window = self;
    ef_alloc *alloc = window->tumbling.base.alloc;
    ef_tumbling_clear(&window->tumbling);
    ef_free(alloc, window, sizeof *window);
}

static ef_status length_batch_create(const ef_operator_config *config, void **self, ef_error *error) {
    int64_t length;
    bool streams;
    EF_TRY(ef_param_integer(config, 0, "the length of a lengthBatch window", 0, &length, error));
    EF_TRY(ef_param_bool(config, 1, "stream.current.event of a lengthBatch window", &streams, error));
    if (length > INT32_MAX) {
        return ef_fail(error, EF_INVALID, "the length of a lengthBatch window must be below 2^31, got %lld",
                       (long long)length);
    }
    length_batch_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    window->length = (uint32_t)length;
    ef_status status = ef_tumbling_init(&window->tumbling, config, streams, error);
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

static ef_status process_nothing_held(length_batch_window *window, const ef_batch *batch, const ef_track *track,
                                      ef_out *out, ef_error *error) {
    ef_window *base = &window->tumbling.base;
    EF_TRY(ef_out_reserve(out, 3 * batch->rows, error));
    for (uint32_t i = 0; i < batch->rows; i++) {
        int64_t cause = ef_row_cause(batch, i);
        int64_t clock = ef_row_clock(batch, i, track);
        uint32_t slot = ef_row_slot(batch, i);
        ef_out_put(out, EF_FROM_INPUT(i), batch->timestamps[i], EF_CURRENT, cause, slot);
        if (base->wants_expired) {
            ef_out_put(out, EF_FROM_INPUT(i), clock, EF_EXPIRED, cause, slot);
        }
        ef_out_put(out, EF_FROM_NONE, clock, EF_RESET, cause, slot);
        ef_out_end(out);
    }
    return ef_out_finish(out, base->pages, &base->layout, true, error);
}

/* Completes the batch that holds `count` rows with row i. Room comes first: no batch is ever longer than the window. */
EF_ALWAYS_INLINE ef_status complete(ef_tumbling_run *run, uint32_t i, uint32_t slot, uint32_t count,
                                    const ef_track *track, bool by_slot, ef_error *error) {
    const ef_batch *batch = run->batch;
    EF_TRY(ef_out_reserve(run->out, ef_tumbling_previous(run, slot, by_slot) + count + 2, error));
    EF_TRY(ef_tumbling_collect(run, i, slot, by_slot, error));
    return ef_tumbling_flush(run, slot, ef_row_clock(batch, i, track), ef_row_cause(batch, i),
                             run->tumbling->base.wants_expired, by_slot, error);
}

static ef_status take_rows_by_slot(length_batch_window *window, ef_tumbling_run *run, const ef_track *track,
                                   ef_error *error) {
    for (uint32_t i = 0; i < run->batch->rows; i++) {
        uint32_t slot = ef_row_slot(run->batch, i);
        uint32_t count = ef_tumbling_current(run, slot, true);
        if (count + 1 < window->length) {
            EF_TRY(ef_tumbling_collect(run, i, slot, true, error));
        } else {
            EF_TRY(complete(run, i, slot, count, track, true, error));
            ef_out_end(run->out);
        }
    }
    return EF_OK;
}

static ef_status take_rows(length_batch_window *window, ef_tumbling_run *run, const ef_track *track, ef_error *error) {
    uint32_t rows = run->batch->rows;
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t count = ef_tumbling_current(run, 0, false);
        uint32_t missing = count + 1 < window->length ? window->length - 1 - count : 0;
        if (missing >= rows - i) {
            return ef_tumbling_collect(run, rows - 1, 0, false, error);
        }
        if (missing > 0) {
            i += missing;
            EF_TRY(ef_tumbling_collect(run, i - 1, 0, false, error));
        }
        EF_TRY(complete(run, i, 0, count + missing, track, false, error));
        ef_out_end(run->out);
    }
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status pass_rows(length_batch_window *window, ef_tumbling_run *run, const ef_track *track,
                                     bool by_slot, ef_error *error) {
    const ef_batch *batch = run->batch;
    for (uint32_t i = 0; i < batch->rows; i++) {
        uint32_t slot = by_slot ? ef_row_slot(batch, i) : 0;
        int64_t cause = ef_row_cause(batch, i);
        if (*ef_tumbling_passed(run, slot, by_slot) >= window->length) {
            EF_TRY(ef_tumbling_flush_passed(run, slot, ef_row_clock(batch, i, track), cause, by_slot, error));
        }
        EF_TRY(ef_tumbling_pass(run, i, slot, cause, by_slot, error));
        if (window->tumbling.folds && *ef_tumbling_passed(run, slot, by_slot) == window->length) {
            EF_TRY(ef_tumbling_flush_passed(run, slot, ef_row_clock(batch, i, track), cause, by_slot, error));
        }
        ef_out_end(run->out);
    }
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status process_rows(length_batch_window *window, const ef_batch *batch, const ef_track *track,
                                        ef_out *out, bool by_slot, ef_error *error) {
    ef_tumbling_run run;
    EF_TRY(ef_tumbling_begin(&run, &window->tumbling, batch, out, by_slot, error));
    ef_status status = window->tumbling.streams ? pass_rows(window, &run, track, by_slot, error)
                       : by_slot                ? take_rows_by_slot(window, &run, track, error)
                                                : take_rows(window, &run, track, error);
    if (status != EF_OK) {
        return ef_tumbling_abort(&run, by_slot, status);
    }
    return ef_tumbling_end(&run, by_slot, error);
}

static ef_status length_batch_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track,
                                      ef_out *out, ef_error *error) {
    length_batch_window *window = self;
    (void)port;
    if (batch->rows == 0) {
        return EF_OK;
    }
    if (window->length == 0) {
        return process_nothing_held(window, batch, track, out, error);
    }
    return ef_tumbling_is_by_slot(&window->tumbling, batch) ? process_rows(window, batch, track, out, true, error)
                                                            : process_rows(window, batch, track, out, false, error);
}

static int64_t length_batch_next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

static void length_batch_purge(void *self, uint32_t slot) {
    length_batch_window *window = self;
    ef_tumbling_purge(&window->tumbling, slot);
}

static ef_status length_batch_save(const void *self, ef_writer *writer, ef_error *error) {
    const length_batch_window *window = self;
    ef_tumbling_save(&window->tumbling, writer);
    return ef_writer_status(writer, error);
}

static ef_status length_batch_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    length_batch_window *window = self;
    (void)version;
    return ef_tumbling_load(&window->tumbling, reader, error);
}

static uint64_t length_batch_size(const void *self) {
    const length_batch_window *window = self;
    return window->tumbling.base.held;
}

static ef_status length_batch_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    length_batch_window *window = self;
    (void)now;
    return ef_tumbling_find(&window->tumbling, slot, out, error);
}

bool ef_length_batch_fold_ahead(void *self) {
    length_batch_window *window = self;
    return window->length > 0 && ef_tumbling_fold_ahead(&window->tumbling);
}

const ef_operator_class ef_length_batch_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "length_batch",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_FIFO | EF_READS_CLOCK | EF_BATCH_CHUNKS,
    .state_version = 1,
    .create = length_batch_create,
    .destroy = length_batch_destroy,
    .process = length_batch_process,
    .next_due = length_batch_next_due,
    .purge = length_batch_purge,
    .save = length_batch_save,
    .load = length_batch_load,
    .size = length_batch_size,
    .find = length_batch_find,
};
