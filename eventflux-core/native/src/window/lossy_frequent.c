/* lossyFrequent(support, error, attributes...): the rows of keys that make up a share `support` of all rows, by lossy counting (Manku and
 * Motwani).
 *
 *      N rows so far, bucket width w = ceil(1 / error), present bucket b = ceil(N / w)
 *      a key has a count and a mark: the bucket before the one in which it came
 *
 * A row goes out as CURRENT if count >= (support - error) * N. At the end of a bucket keys with count + mark <= b leave: their last rows
 * as EXPIRED with the clock as timestamp, in the order in which they came. O(1) a row, amortised; at most (1 / error) log(error N) keys. */
#include <math.h>

#include "window/keyed.h"
#include "window/windows.h"

typedef struct lossy_frequent_window {
    ef_keyed keyed; /* a slot's total: its rows so far */
    double share;   /* support - error */
    int64_t width;
} lossy_frequent_window;

static void lossy_frequent_destroy(void *self) {
    lossy_frequent_window *window = self;
    ef_alloc *alloc = window->keyed.base.alloc;
    ef_keyed_clear(&window->keyed);
    ef_free(alloc, window, sizeof *window);
}

static ef_status read_share(const ef_operator_config *config, uint32_t index, const char *what, double *share,
                            ef_error *error) {
    const ef_param *param = &config->params[index];
    if (param->kind != EF_PARAM_CONSTANT || (param->type != EF_DOUBLE && param->type != EF_FLOAT)) {
        return ef_fail(error, EF_INVALID, "%s of a lossyFrequent window must be a constant DOUBLE", what);
    }
    *share = param->type == EF_DOUBLE ? param->value.d : (double)param->value.f;
    if (!(*share > 0.0 && *share <= 1.0)) {
        return ef_fail(error, EF_INVALID, "%s of a lossyFrequent window must be above 0 and at most 1, got %g", what,
                       *share);
    }
    return EF_OK;
}

static ef_status lossy_frequent_create(const ef_operator_config *config, void **self, ef_error *error) {
    double support = 0, bound = 0;
    if (!ef_param_given(config, 0)) {
        return ef_fail(error, EF_INVALID, "the support of a lossyFrequent window is missing");
    }
    EF_TRY(read_share(config, 0, "the support", &support, error));
    bound = support / 10;
    if (ef_param_given(config, 1)) {
        EF_TRY(read_share(config, 1, "the error bound", &bound, error));
    }
    double width = ceil(1 / bound);
    if (width > 1e15) {
        return ef_fail(error, EF_INVALID, "the error bound of a lossyFrequent window must be at least 1e-15, got %g",
                       bound);
    }
    lossy_frequent_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    window->share = support - bound;
    window->width = (int64_t)width;
    ef_status status = ef_keyed_init(&window->keyed, config, 2, "an attribute of a lossyFrequent window", error);
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

static void prune(ef_keyed *keyed, uint32_t slot, int64_t bucket, int64_t clock, int64_t cause, ef_out *out) {
    ef_keyed_slot *state = ef_keyed_slot_at(keyed, slot);
    ef_handle handle = state->first;
    for (uint32_t n = state->count; n > 0; n--) {
        const ef_keyed_entry *entry = ef_keyed_at(keyed, handle);
        ef_handle next = entry->next;
        if (entry->count + entry->mark <= bucket) {
            if (keyed->base.wants_expired) {
                ef_out_put(out, EF_FROM_RETAINED(entry->row), clock, EF_EXPIRED, cause, slot);
            }
            ef_keyed_remove(keyed, handle);
        }
        handle = next;
    }
}

static ef_status take_row(lossy_frequent_window *window, const ef_batch *batch, uint32_t i, int64_t clock, ef_out *out,
                          ef_error *error) {
    ef_keyed *keyed = &window->keyed;
    uint32_t slot = ef_row_slot(batch, i);
    int64_t cause = ef_row_cause(batch, i);
    uint32_t hash = ef_keyed_hash(keyed, batch, i);
    ef_keyed_slot *state = ef_keyed_slot_at(keyed, slot);
    int64_t total = state->total + 1;
    int64_t bucket = (total + window->width - 1) / window->width;
    bool prunes = total % window->width == 0;
    ef_handle entry = ef_keyed_find(keyed, batch, i, hash);
    EF_TRY(ef_out_reserve(out, (prunes ? state->count : 0) + 2, error));
    if (prunes) {
        EF_TRY(ef_keyed_prepare(keyed, slot, error));
    }
    int64_t count;
    if (entry != EF_NO_HANDLE) {
        EF_TRY(ef_keyed_replace(keyed, entry, batch, i, error));
        count = ++ef_keyed_write(keyed, entry)->count;
    } else {
        EF_TRY(ef_keyed_add(keyed, batch, i, hash, &entry, error));
        ef_keyed_write(keyed, entry)->mark = bucket - 1;
        count = 1;
    }
    state->total = total;
    if ((double)count >= window->share * (double)total) {
        ef_out_put(out, EF_FROM_INPUT(i), batch->timestamps[i], EF_CURRENT, cause, slot);
    }
    if (prunes) {
        prune(keyed, slot, bucket, clock, cause, out);
    }
    return EF_OK;
}

static ef_status lossy_frequent_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track,
                                        ef_out *out, ef_error *error) {
    lossy_frequent_window *window = self;
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

static int64_t lossy_frequent_next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

static void lossy_frequent_purge(void *self, uint32_t slot) {
    lossy_frequent_window *window = self;
    ef_keyed_purge(&window->keyed, slot);
}

static ef_status lossy_frequent_save(const void *self, ef_writer *writer, ef_error *error) {
    const lossy_frequent_window *window = self;
    ef_keyed_save(&window->keyed, writer);
    return ef_writer_status(writer, error);
}

static ef_status lossy_frequent_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    lossy_frequent_window *window = self;
    (void)version;
    return ef_keyed_load(&window->keyed, reader, error);
}

static uint64_t lossy_frequent_size(const void *self) {
    const lossy_frequent_window *window = self;
    return window->keyed.base.held;
}

static ef_status lossy_frequent_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    lossy_frequent_window *window = self;
    (void)now;
    return ef_keyed_find_rows(&window->keyed, slot, out, error);
}

const ef_operator_class ef_lossy_frequent_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "lossy_frequent",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_READS_CLOCK,
    .state_version = 1,
    .create = lossy_frequent_create,
    .destroy = lossy_frequent_destroy,
    .process = lossy_frequent_process,
    .next_due = lossy_frequent_next_due,
    .purge = lossy_frequent_purge,
    .save = lossy_frequent_save,
    .load = lossy_frequent_load,
    .size = lossy_frequent_size,
    .find = lossy_frequent_find,
};
