/* length(n): sliding over the last n rows of a slot.
 *
 *      in:  a        b        c          (n = 2)
 *      out: C a      C b      X a  C c
 *
 * A row that enters a full window first pushes out the oldest: EXPIRED, with the clock as its timestamp, directly before the CURRENT
 * row, in one delivery. With n = 0 each row goes out as CURRENT, then as EXPIRED with its own timestamp, then RESET follows.
 * O(1) a row; retains at most n rows a slot. */
#include "window/sliding.h"
#include "window/windows.h"

typedef struct length_window {
    ef_sliding sliding;
    uint32_t length;
} length_window;

static void length_destroy(void *self) {
    length_window *window = self;
    ef_alloc *alloc = window->sliding.base.alloc;
    ef_sliding_clear(&window->sliding);
    ef_free(alloc, window, sizeof *window);
}

static ef_status length_create(const ef_operator_config *config, void **self, ef_error *error) {
    int64_t length;
    EF_TRY(ef_param_integer(config, 0, "the length of a length window", 0, &length, error));
    if (length > INT32_MAX) {
        return ef_fail(error, EF_INVALID, "the length of a length window must be below 2^31, got %lld",
                       (long long)length);
    }
    length_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    window->length = (uint32_t)length;
    ef_status status = ef_sliding_init(&window->sliding, config, error);
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

static ef_status process_nothing_held(length_window *window, const ef_batch *batch, const ef_track *track, ef_out *out,
                                      ef_error *error) {
    ef_window *base = &window->sliding.base;
    ef_delivery_cursor cursor;
    ef_delivery_cursor_init(&cursor, batch);
    EF_TRY(ef_out_reserve(out, 3 * batch->rows, error));
    for (uint32_t i = 0; i < batch->rows; i++) {
        int64_t cause = ef_row_cause(batch, i);
        uint32_t slot = ef_row_slot(batch, i);
        ef_out_put(out, EF_FROM_INPUT(i), batch->timestamps[i], EF_CURRENT, cause, slot);
        if (base->wants_expired) {
            ef_out_put(out, EF_FROM_INPUT(i), batch->timestamps[i], EF_EXPIRED, cause, slot);
        }
        ef_out_put(out, EF_FROM_NONE, ef_row_clock(batch, i, track), EF_RESET, cause, slot);
        if (ef_delivery_cursor_ends(&cursor, i)) {
            ef_out_end(out);
        }
    }
    return ef_out_finish(out, base->pages, &base->layout, false, error);
}

EF_ALWAYS_INLINE ef_status process_rows(length_window *window, const ef_batch *batch, const ef_track *track,
                                        ef_out *out, bool by_slot, ef_error *error) {
    ef_sliding_run run;
    ef_delivery_cursor cursor;
    ef_delivery_cursor_init(&cursor, batch);
    EF_TRY(ef_sliding_begin(&run, &window->sliding, batch, out, by_slot, error));
    for (uint32_t i = 0; i < batch->rows; i++) {
        int64_t cause = ef_row_cause(batch, i);
        uint32_t slot = by_slot ? ef_row_slot(batch, i) : 0;
        ef_status status = EF_OK;
        if (ef_sliding_count(&run, slot, by_slot) == window->length) {
            status = ef_sliding_expire(&run, slot, ef_row_clock(batch, i, track), cause, by_slot, error);
        }
        if (status == EF_OK) {
            status = ef_sliding_emit(&run, i, slot, cause, error);
        }
        if (status == EF_OK) {
            status = ef_sliding_push(&run, i, slot, by_slot, error);
        }
        if (EF_UNLIKELY(status != EF_OK)) {
            return ef_sliding_abort(&run, by_slot, status);
        }
        if (ef_delivery_cursor_ends(&cursor, i)) {
            ef_out_end(out);
        }
    }
    return ef_sliding_end(&run, by_slot, error);
}

static ef_status length_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                                ef_error *error) {
    length_window *window = self;
    (void)port;
    if (batch->rows == 0) {
        return EF_OK;
    }
    if (window->length == 0) {
        return process_nothing_held(window, batch, track, out, error);
    }
    if (!window->sliding.base.wants_expired) {
        ef_sliding_pass(batch, out);
        return EF_OK;
    }
    if (batch->rows == 1 && batch->slots == NULL && window->sliding.queues.count == 1) {
        const ef_row_queue *queue = window->sliding.queues.items;
        return ef_sliding_take_one(&window->sliding, batch, queue->count == window->length, ef_row_clock(batch, 0, track), out, error);
    }
    return ef_sliding_is_by_slot(&window->sliding, batch) ? process_rows(window, batch, track, out, true, error)
                                                          : process_rows(window, batch, track, out, false, error);
}

static int64_t length_next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

static void length_purge(void *self, uint32_t slot) {
    length_window *window = self;
    ef_sliding_purge(&window->sliding, slot);
}

static ef_status length_save(const void *self, ef_writer *writer, ef_error *error) {
    const length_window *window = self;
    ef_sliding_save(&window->sliding, writer);
    return ef_writer_status(writer, error);
}

static ef_status length_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    length_window *window = self;
    (void)version;
    EF_TRY(ef_sliding_load(&window->sliding, reader, error));
    const ef_row_queue *queues = window->sliding.queues.items;
    for (uint32_t i = 0; i < window->sliding.queues.count; i++) {
        if (queues[i].count > window->length) {
            return ef_fail(error, EF_CORRUPT, "the saved state holds %u rows in a length window of %u",
                           queues[i].count, window->length);
        }
    }
    return EF_OK;
}

static uint64_t length_size(const void *self) {
    const length_window *window = self;
    return window->sliding.base.held;
}

static ef_status length_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    length_window *window = self;
    (void)now;
    return ef_sliding_find(&window->sliding, slot, out, error);
}

const ef_operator_class ef_length_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "length",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_FIFO | EF_READS_CLOCK,
    .state_version = 1,
    .create = length_create,
    .destroy = length_destroy,
    .process = length_process,
    .next_due = length_next_due,
    .purge = length_purge,
    .save = length_save,
    .load = length_load,
    .size = length_size,
    .find = length_find,
};
