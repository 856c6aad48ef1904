/* unique(attributes...) holds the latest row of each key, firstUnique(attributes...) the first.
 *
 *      in:           a1     b2     a3
 *      unique:       C a1   C b2   X a1  C a3
 *      firstUnique:  C a1   C b2
 *
 * unique: the row that is replaced leaves as EXPIRED, with the clock as its timestamp, before the new one; a key keeps its place.
 * firstUnique: later rows of a key are dropped silently; nothing leaves. O(1) a row; retains a row a key. */
#include "window/keyed.h"
#include "window/windows.h"

typedef struct unique_window {
    ef_keyed keyed;
    bool first_only;
} unique_window;

static void unique_destroy(void *self) {
    unique_window *window = self;
    ef_alloc *alloc = window->keyed.base.alloc;
    ef_keyed_clear(&window->keyed);
    ef_free(alloc, window, sizeof *window);
}

static ef_status make(const ef_operator_config *config, const char *name, bool first_only, void **self,
                      ef_error *error) {
    if (!ef_param_given(config, 0)) {
        return ef_fail(error, EF_INVALID, "the key of %s window is missing", name);
    }
    unique_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    window->first_only = first_only;
    ef_status status = ef_keyed_init(&window->keyed, config, 0, "the key of a unique window", error);
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

static ef_status unique_create(const ef_operator_config *config, void **self, ef_error *error) {
    return make(config, "a unique", false, self, error);
}

static ef_status first_unique_create(const ef_operator_config *config, void **self, ef_error *error) {
    return make(config, "a firstUnique", true, self, error);
}

static ef_status take_row(unique_window *window, const ef_batch *batch, uint32_t i, const ef_track *track, ef_out *out,
                          ef_error *error) {
    ef_keyed *keyed = &window->keyed;
    uint32_t slot = ef_row_slot(batch, i);
    int64_t cause = ef_row_cause(batch, i);
    uint32_t hash = ef_keyed_hash(keyed, batch, i);
    ef_handle entry = ef_keyed_find(keyed, batch, i, hash);
    if (entry == EF_NO_HANDLE) {
        EF_TRY(ef_keyed_add(keyed, batch, i, hash, &entry, error));
    } else if (window->first_only) {
        return EF_OK;
    } else {
        ef_handle old = ef_keyed_at(keyed, entry)->row;
        EF_TRY(ef_keyed_replace(keyed, entry, batch, i, error));
        if (keyed->base.wants_expired) {
            ef_out_put(out, EF_FROM_RETAINED(old), ef_row_clock(batch, i, track), EF_EXPIRED, cause, slot);
        }
    }
    ef_out_put(out, EF_FROM_INPUT(i), batch->timestamps[i], EF_CURRENT, cause, slot);
    return EF_OK;
}

static ef_status unique_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                                ef_error *error) {
    unique_window *window = self;
    ef_window *base = &window->keyed.base;
    ef_delivery_cursor cursor;
    (void)port;
    ef_delivery_cursor_init(&cursor, batch);
    EF_TRY(ef_slots_reserve(&window->keyed.slots, base->alloc, ef_batch_slot_count(batch), error));
    EF_TRY(ef_out_reserve(out, 2 * batch->rows, error));
    for (uint32_t i = 0; i < batch->rows; i++) {
        EF_TRY(take_row(window, batch, i, track, out, error));
        if (ef_delivery_cursor_ends(&cursor, i)) {
            ef_out_end(out);
        }
    }
    return ef_out_finish(out, base->pages, &base->layout, false, error);
}

static int64_t unique_next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

static void unique_purge(void *self, uint32_t slot) {
    unique_window *window = self;
    ef_keyed_purge(&window->keyed, slot);
}

static ef_status unique_save(const void *self, ef_writer *writer, ef_error *error) {
    const unique_window *window = self;
    ef_keyed_save(&window->keyed, writer);
    return ef_writer_status(writer, error);
}

static ef_status unique_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    unique_window *window = self;
    (void)version;
    return ef_keyed_load(&window->keyed, reader, error);
}

static uint64_t unique_size(const void *self) {
    const unique_window *window = self;
    return window->keyed.base.held;
}

static ef_status unique_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    unique_window *window = self;
    (void)now;
    return ef_keyed_find_rows(&window->keyed, slot, out, error);
}

const ef_operator_class ef_unique_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "unique",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_READS_CLOCK,
    .state_version = 1,
    .create = unique_create,
    .destroy = unique_destroy,
    .process = unique_process,
    .next_due = unique_next_due,
    .purge = unique_purge,
    .save = unique_save,
    .load = unique_load,
    .size = unique_size,
    .find = unique_find,
};

const ef_operator_class ef_first_unique_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "first_unique",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_READS_CLOCK,
    .state_version = 1,
    .create = first_unique_create,
    .destroy = unique_destroy,
    .process = unique_process,
    .next_due = unique_next_due,
    .purge = unique_purge,
    .save = unique_save,
    .load = unique_load,
    .size = unique_size,
    .find = unique_find,
};
