/* keepAll(): holds every row; nothing leaves but by a purge. The content of a join's side or of a search. O(1) a row. */
#include "window/sliding.h"
#include "window/windows.h"

typedef struct keep_all_window {
    ef_sliding sliding;
} keep_all_window;

static void keep_all_destroy(void *self) {
    keep_all_window *window = self;
    ef_alloc *alloc = window->sliding.base.alloc;
    ef_sliding_clear(&window->sliding);
    ef_free(alloc, window, sizeof *window);
}

static ef_status keep_all_create(const ef_operator_config *config, void **self, ef_error *error) {
    keep_all_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    ef_status status = ef_sliding_init(&window->sliding, config, error);
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status process_rows(keep_all_window *window, const ef_batch *batch, ef_out *out, bool by_slot,
                                        ef_error *error) {
    ef_sliding_run run;
    ef_delivery_cursor cursor;
    ef_delivery_cursor_init(&cursor, batch);
    EF_TRY(ef_sliding_begin(&run, &window->sliding, batch, out, by_slot, error));
    for (uint32_t i = 0; i < batch->rows; i++) {
        uint32_t slot = by_slot ? ef_row_slot(batch, i) : 0;
        ef_status status = ef_sliding_emit(&run, i, slot, ef_row_cause(batch, i), error);
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

static ef_status keep_all_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                                  ef_error *error) {
    keep_all_window *window = self;
    (void)port;
    (void)track;
    if (batch->rows == 0) {
        return EF_OK;
    }
    if (!window->sliding.base.wants_expired) {
        ef_sliding_pass(batch, out);
        return EF_OK;
    }
    return ef_sliding_is_by_slot(&window->sliding, batch) ? process_rows(window, batch, out, true, error)
                                                          : process_rows(window, batch, out, false, error);
}

static int64_t keep_all_next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

static void keep_all_purge(void *self, uint32_t slot) {
    keep_all_window *window = self;
    ef_sliding_purge(&window->sliding, slot);
}

static ef_status keep_all_save(const void *self, ef_writer *writer, ef_error *error) {
    const keep_all_window *window = self;
    ef_sliding_save(&window->sliding, writer);
    return ef_writer_status(writer, error);
}

static ef_status keep_all_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    keep_all_window *window = self;
    (void)version;
    return ef_sliding_load(&window->sliding, reader, error);
}

static uint64_t keep_all_size(const void *self) {
    const keep_all_window *window = self;
    return window->sliding.base.held;
}

static ef_status keep_all_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    keep_all_window *window = self;
    (void)now;
    return ef_sliding_find(&window->sliding, slot, out, error);
}

const ef_operator_class ef_keep_all_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "keep_all",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_FIFO,
    .state_version = 1,
    .create = keep_all_create,
    .destroy = keep_all_destroy,
    .process = keep_all_process,
    .next_due = keep_all_next_due,
    .purge = keep_all_purge,
    .save = keep_all_save,
    .load = keep_all_load,
    .size = keep_all_size,
    .find = keep_all_find,
};
