/* batch(n): each chunk that arrives is a batch.
 *
 *      in:  [a b]               [c d e]
 *      out: RESET C a C b       X a X b RESET C c C d C e
 *
 * The former chunk goes out as EXPIRED with the clock as timestamp, then RESET, then the chunk as CURRENT. With n > 0 the chunk is cut
 * into deliveries of n rows (the last may be shorter), each with a RESET of its own; the former chunk goes out in the first of them.
 * O(1) a row; retains one chunk if somebody reads EXPIRED rows, else nothing. */
#include "window/tumbling.h"
#include "window/windows.h"

typedef struct batch_window {
    ef_tumbling tumbling;
    uint32_t length; /* 0: the whole chunk */
} batch_window;

static void batch_destroy(void *self) {
    batch_window *window = self;
    ef_alloc *alloc = window->tumbling.base.alloc;
    ef_tumbling_clear(&window->tumbling);
    ef_free(alloc, window, sizeof *window);
}

static ef_status batch_create(const ef_operator_config *config, void **self, ef_error *error) {
    int64_t length;
    EF_TRY(ef_param_integer_or(config, 0, "the length of a batch window", 0, 0, &length, error));
    if (length > INT32_MAX) {
        return ef_fail(error, EF_INVALID, "the length of a batch window must be below 2^31, got %lld",
                       (long long)length);
    }
    batch_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    window->length = (uint32_t)length;
    ef_status status = ef_tumbling_init(&window->tumbling, config, false, error);
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    window->tumbling.retains = config->wants_expired;
    *self = window;
    return EF_OK;
}

/* Rows [from, to): one chunk. */
EF_ALWAYS_INLINE ef_status take_chunk(batch_window *window, ef_tumbling_run *run, const ef_track *track, uint32_t from,
                                      uint32_t to, bool by_slot, ef_error *error) {
    const ef_batch *batch = run->batch;
    ef_out *out = run->out;
    bool expires = window->tumbling.base.wants_expired;
    uint32_t slot = by_slot ? ef_row_slot(batch, from) : 0;
    int64_t cause = ef_row_cause(batch, from);
    int64_t clock = ef_row_clock(batch, from, track);
    uint32_t leaving = expires ? ef_tumbling_previous(run, slot, by_slot) : 0;
    uint32_t cut = window->length > 0 ? window->length : to - from;
    EF_TRY(ef_out_reserve(out, leaving + 2 * (to - from), error));
    if (expires) {
        ef_tumbling_emit_previous(run, slot, EF_EXPIRED, &clock, cause, by_slot);
        ef_tumbling_forget_previous(run, slot, by_slot);
    }
    for (uint32_t i = from; i < to; i++) {
        if ((i - from) % cut == 0) {
            if (i > from) {
                ef_out_end(out);
            }
            ef_tumbling_reset(run, slot, clock, cause);
        }
        ef_out_put(out, EF_FROM_INPUT(i), batch->timestamps[i], EF_CURRENT, cause, slot);
        EF_TRY(ef_tumbling_collect(run, i, slot, by_slot, error));
    }
    ef_out_end(out);
    if (expires) {
        ef_tumbling_turn(run, slot, by_slot);
    } else {
        ef_tumbling_forget_current(run, slot, by_slot);
    }
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status process_rows(batch_window *window, const ef_batch *batch, const ef_track *track, ef_out *out,
                                        bool by_slot, ef_error *error) {
    ef_tumbling_run run;
    EF_TRY(ef_tumbling_begin(&run, &window->tumbling, batch, out, by_slot, error));
    uint32_t from = 0;
    for (uint32_t d = 0; from < batch->rows; d++) {
        uint32_t to = ef_delivery_end(batch, d);
        ef_status status = take_chunk(window, &run, track, from, to, by_slot, error);
        if (EF_UNLIKELY(status != EF_OK)) {
            return ef_tumbling_abort(&run, by_slot, status);
        }
        from = to;
    }
    return ef_tumbling_end(&run, by_slot, error);
}

static ef_status batch_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                               ef_error *error) {
    batch_window *window = self;
    (void)port;
    if (batch->rows == 0) {
        return EF_OK;
    }
    return ef_tumbling_is_by_slot(&window->tumbling, batch) ? process_rows(window, batch, track, out, true, error)
                                                            : process_rows(window, batch, track, out, false, error);
}

static int64_t batch_next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

static void batch_purge(void *self, uint32_t slot) {
    batch_window *window = self;
    ef_tumbling_purge(&window->tumbling, slot);
}

static ef_status batch_save(const void *self, ef_writer *writer, ef_error *error) {
    const batch_window *window = self;
    ef_tumbling_save(&window->tumbling, writer);
    return ef_writer_status(writer, error);
}

static ef_status batch_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    batch_window *window = self;
    (void)version;
    return ef_tumbling_load(&window->tumbling, reader, error);
}

static uint64_t batch_size(const void *self) {
    const batch_window *window = self;
    return window->tumbling.base.held;
}

static ef_status batch_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    batch_window *window = self;
    (void)now;
    return ef_tumbling_find(&window->tumbling, slot, out, error);
}

const ef_operator_class ef_batch_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "batch",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_FIFO | EF_READS_CLOCK | EF_BATCH_CHUNKS,
    .state_version = 1,
    .create = batch_create,
    .destroy = batch_destroy,
    .process = batch_process,
    .next_due = batch_next_due,
    .purge = batch_purge,
    .save = batch_save,
    .load = batch_load,
    .size = batch_size,
    .find = batch_find,
};
