/* frequent(n, attributes...): the rows of the n most frequent keys, by the algorithm of Misra and Gries.
 *
 *      known key:                 count + 1, its row is replaced, the row goes out as CURRENT
 *      new key, fewer than n:     count 1, the row goes out
 *      new key, n are kept:       all counts - 1; keys at 0 leave, their last rows as EXPIRED with the clock as timestamp; if that made
 *                                 room, the new key is kept and its row goes out behind them, else the row is dropped silently
 *
 * Keys leave in the order in which they came. O(1) a row, amortised: each step down was paid by a step up. */
#include "window/keyed.h"
#include "window/windows.h"

typedef struct frequent_window {
    ef_keyed keyed;
    uint32_t most;
} frequent_window;

static void frequent_destroy(void *self) {
    frequent_window *window = self;
    ef_alloc *alloc = window->keyed.base.alloc;
    ef_keyed_clear(&window->keyed);
    ef_free(alloc, window, sizeof *window);
}

static ef_status frequent_create(const ef_operator_config *config, void **self, ef_error *error) {
    int64_t most;
    EF_TRY(ef_param_integer(config, 0, "the number of keys of a frequent window", 1, &most, error));
    if (most > INT32_MAX) {
        return ef_fail(error, EF_INVALID, "the number of keys of a frequent window must be below 2^31, got %lld",
                       (long long)most);
    }
    frequent_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    window->most = (uint32_t)most;
    ef_status status = ef_keyed_init(&window->keyed, config, 1, "an attribute of a frequent window", error);
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

static bool any_leaves(const ef_keyed *keyed, uint32_t slot) {
    const ef_keyed_slot *state = ef_keyed_slot_at(keyed, slot);
    ef_handle handle = state->first;
    for (uint32_t i = 0; i < state->count; i++) {
        const ef_keyed_entry *entry = ef_keyed_at(keyed, handle);
        if (entry->count <= 1) {
            return true;
        }
        handle = entry->next;
    }
    return false;
}

/* Takes one off the counts of the first `count` keys; those at 0 leave. */
static void step_down(ef_keyed *keyed, uint32_t slot, uint32_t count, int64_t clock, int64_t cause, ef_out *out) {
    ef_handle handle = ef_keyed_slot_at(keyed, slot)->first;
    for (uint32_t i = 0; i < count; i++) {
        ef_keyed_entry *entry = ef_keyed_write(keyed, handle);
        ef_handle next = entry->next;
        if (entry->count <= 1) {
            if (keyed->base.wants_expired) {
                ef_out_put(out, EF_FROM_RETAINED(entry->row), clock, EF_EXPIRED, cause, slot);
            }
            ef_keyed_remove(keyed, handle);
        } else {
            entry->count--;
        }
        handle = next;
    }
}

static ef_status take_row(frequent_window *window, const ef_batch *batch, uint32_t i, int64_t clock, ef_out *out,
                          ef_error *error) {
    ef_keyed *keyed = &window->keyed;
    uint32_t slot = ef_row_slot(batch, i);
    int64_t cause = ef_row_cause(batch, i);
    uint32_t hash = ef_keyed_hash(keyed, batch, i);
    uint32_t held = ef_keyed_slot_at(keyed, slot)->count;
    ef_handle entry = ef_keyed_find(keyed, batch, i, hash);
    EF_TRY(ef_out_reserve(out, held + 1, error));
    if (entry != EF_NO_HANDLE) {
        EF_TRY(ef_keyed_replace(keyed, entry, batch, i, error));
        ef_keyed_write(keyed, entry)->count++;
    } else if (held < window->most) {
        EF_TRY(ef_keyed_add(keyed, batch, i, hash, &entry, error));
    } else {
        EF_TRY(ef_keyed_prepare(keyed, slot, error));
        if (any_leaves(keyed, slot)) { /* comes in first: it can fail, what follows can't */
            EF_TRY(ef_keyed_add(keyed, batch, i, hash, &entry, error));
        }
        step_down(keyed, slot, held, clock, cause, out);
    }
    if (entry != EF_NO_HANDLE) {
        ef_out_put(out, EF_FROM_INPUT(i), batch->timestamps[i], EF_CURRENT, cause, slot);
    }
    return EF_OK;
}

static ef_status frequent_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                                  ef_error *error) {
    frequent_window *window = self;
    ef_window *base = &window->keyed.base;
    ef_delivery_cursor cursor;
    (void)port;
    ef_delivery_cursor_init(&cursor, batch);
    EF_TRY(ef_slots_reserve(&window->keyed.slots, base->alloc, ef_batch_slot_count(batch), error));
    for (uint32_t i = 0; i < batch->rows; i++) {
        EF_TRY(take_row(window, batch, i, ef_row_clock(batch, i, track), out, error));
        if (ef_delivery_cursor_ends(&cursor, i)) {
            ef_out_end(out);
        }
    }
    return ef_out_finish(out, base->pages, &base->layout, false, error);
}

static int64_t frequent_next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

static void frequent_purge(void *self, uint32_t slot) {
    frequent_window *window = self;
    ef_keyed_purge(&window->keyed, slot);
}

static ef_status frequent_save(const void *self, ef_writer *writer, ef_error *error) {
    const frequent_window *window = self;
    ef_keyed_save(&window->keyed, writer);
    return ef_writer_status(writer, error);
}

static ef_status frequent_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    frequent_window *window = self;
    (void)version;
    return ef_keyed_load(&window->keyed, reader, error);
}

static uint64_t frequent_size(const void *self) {
    const frequent_window *window = self;
    return window->keyed.base.held;
}

static ef_status frequent_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    frequent_window *window = self;
    (void)now;
    return ef_keyed_find_rows(&window->keyed, slot, out, error);
}

const ef_operator_class ef_frequent_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "frequent",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_READS_CLOCK,
    .state_version = 1,
    .create = frequent_create,
    .destroy = frequent_destroy,
    .process = frequent_process,
    .next_due = frequent_next_due,
    .purge = frequent_purge,
    .save = frequent_save,
    .load = frequent_load,
    .size = frequent_size,
    .find = frequent_find,
};
