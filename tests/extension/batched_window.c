/* The window of examples/custom_extension/custom.c as a built-in would be written: state by slot, many deliveries a call. */
#include <string.h>

#include "eventflux.h"

EFX_PLUGIN;

static const ef_calls *calls;

/* ---- custom:plus(a, b): the sum of two numbers, null if one is null ---- */

static ef_status plus(uint32_t rows, uint32_t count, const ef_column *arguments, ef_column *result, uint8_t *failed,
                      ef_arena *arena, ef_error *error) {
    (void)count;
    (void)failed;
    (void)arena;
    (void)error;
    const double *a = arguments[0].values, *b = arguments[1].values;
    double *sum = result->values;
    for (uint32_t i = 0; i < rows; i++) {
        sum[i] = a[i] + b[i];
        if (efx_is_null(&arguments[0], i) || efx_is_null(&arguments[1], i)) {
            efx_set_null(result, i);
        }
    }
    return EF_OK;
}

static const ef_type plus_parameters[] = {EF_DOUBLE, EF_DOUBLE};
static const efx_function plus_function = {
    .abi_version = EF_ABI_VERSION,
    .namespace_name = "custom",
    .name = "plus",
    .description = "The sum of two numbers.",
    .parameters = plus_parameters,
    .parameter_count = 2,
    .returns = EF_DOUBLE,
    .call = plus,
};

typedef struct ring {
    uint32_t *kept; /* [length], the oldest at `first`; NULL: never touched */
    uint32_t first;
    uint32_t count;
} ring;

typedef struct last_rows {
    ef_alloc *alloc;
    efx_rows *rows;
    ring *rings; /* by slot */
    uint32_t slots;
    uint32_t length;
    uint64_t held;
} last_rows;

static void forget(last_rows *window, uint32_t slot) {
    ring *r = &window->rings[slot];
    for (uint32_t i = 0; i < r->count; i++) {
        calls->rows_drop(window->rows, r->kept[(r->first + i) % window->length]);
    }
    window->held -= r->count;
    r->first = r->count = 0;
}

static void last_rows_purge(void *self, uint32_t slot) {
    last_rows *window = self;
    for (uint32_t i = 0; i < window->slots; i++) {
        if (slot == EF_ALL_SLOTS || slot == i) {
            forget(window, i);
        }
    }
}

static void last_rows_destroy(void *self) {
    last_rows *window = self;
    for (uint32_t i = 0; i < window->slots; i++) {
        calls->release(window->alloc, window->rings[i].kept, window->length * sizeof(uint32_t));
    }
    calls->release(window->alloc, window->rings, window->slots * sizeof(ring));
    calls->rows_free(window->rows);
    calls->release(window->alloc, window, sizeof *window);
}

static ef_status last_rows_create(const ef_operator_config *config, void **self, ef_error *error) {
    last_rows *window = calls->allocate(config->alloc, sizeof *window);
    if (window == NULL) {
        return calls->fail(error, EF_NO_MEMORY, "no memory left");
    }
    window->alloc = config->alloc;
    window->length = (uint32_t)config->params[0].value.i;
    ef_status status = calls->rows_new(config, &window->rows, error);
    if (status != EF_OK) {
        calls->release(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

static ef_status reserve(last_rows *window, uint32_t slot, ef_error *error) {
    if (slot >= window->slots) {
        uint32_t slots = slot + 1;
        ring *grown = calls->reallocate(window->alloc, window->rings, window->slots * sizeof *grown, slots * sizeof *grown);
        if (grown == NULL) {
            return calls->fail(error, EF_NO_MEMORY, "no memory left");
        }
        memset(grown + window->slots, 0, (slots - window->slots) * sizeof *grown);
        window->rings = grown;
        window->slots = slots;
    }
    if (window->rings[slot].kept == NULL) {
        window->rings[slot].kept = calls->allocate(window->alloc, window->length * sizeof(uint32_t));
        if (window->rings[slot].kept == NULL) {
            return calls->fail(error, EF_NO_MEMORY, "no memory left");
        }
    }
    return EF_OK;
}

static ef_status last_rows_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                                   ef_error *error) {
    (void)port;
    last_rows *window = self;
    uint32_t delivery = 0;
    uint32_t *kept = NULL;
    ef_status status = calls->rows_keep_all(window->rows, batch, out, &kept, error);
    if (status != EF_OK) {
        return status;
    }
    for (uint32_t i = 0; i < batch->rows; i++) {
        uint32_t slot = efx_row_slot(batch, i);
        status = reserve(window, slot, error);
        ring *r = status == EF_OK ? &window->rings[slot] : NULL;
        if (status == EF_OK && r->count == window->length) {
            uint32_t oldest = r->kept[r->first];
            status = calls->put_kept(out, oldest, i, efx_row_clock(batch, i, track), EF_EXPIRED, error);
            calls->rows_drop(window->rows, oldest);
            r->first = (r->first + 1) % window->length;
            r->count--;
            window->held--;
        }
        if (status == EF_OK) {
            status = calls->put_row(out, i, batch->timestamps[i], EF_CURRENT, error);
        }
        if (status == EF_OK) {
            r->kept[(r->first + r->count++) % window->length] = kept[i];
            window->held++;
        }
        if (status != EF_OK) {
            for (uint32_t left = i; left < batch->rows; left++) {
                calls->rows_drop(window->rows, kept[left]);
            }
            return status;
        }
        if (efx_ends_delivery(batch, i, &delivery)) {
            calls->end_delivery(out);
        }
    }
    return calls->finish(out, window->rows, error);
}

static int64_t last_rows_next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

static uint64_t last_rows_size(const void *self) {
    const last_rows *window = self;
    return window->held;
}

static ef_status last_rows_save(const void *self, ef_writer *writer, ef_error *error) {
    const last_rows *window = self;
    calls->write_u32(writer, window->slots);
    for (uint32_t s = 0; s < window->slots; s++) {
        const ring *r = &window->rings[s];
        calls->write_u32(writer, r->count);
        for (uint32_t i = 0; i < r->count; i++) {
            calls->write_u32(writer, r->kept[(r->first + i) % window->length]);
        }
    }
    calls->rows_save(window->rows, writer);
    return calls->writer_status(writer, error);
}

static ef_status last_rows_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    (void)version;
    last_rows *window = self;
    uint32_t slots = calls->read_u32(reader), all = 0;
    uint32_t *handles = NULL;
    ef_status status = EF_OK;
    for (uint32_t s = 0; s < slots && status == EF_OK; s++) {
        uint32_t count = calls->read_u32(reader);
        status = calls->reader_status(reader, error);
        if (status == EF_OK && count > window->length) {
            status = calls->fail(error, EF_CORRUPT, "more rows than the window");
        }
        if (status == EF_OK) {
            status = reserve(window, s, error);
        }
        if (status == EF_OK && count > 0) {
            uint32_t *grown = calls->reallocate(window->alloc, handles, all * sizeof *grown, (all + count) * sizeof *grown);
            if (grown == NULL) {
                status = calls->fail(error, EF_NO_MEMORY, "no memory left");
            } else {
                handles = grown;
                for (uint32_t i = 0; i < count; i++) {
                    window->rings[s].kept[i] = handles[all++] = calls->read_u32(reader);
                }
            }
        }
        if (status == EF_OK) {
            window->rings[s].first = 0;
            window->rings[s].count = count;
        }
    }
    if (status == EF_OK) {
        status = calls->rows_load(window->rows, reader, handles, all, error);
    }
    calls->release(window->alloc, handles, all * sizeof *handles);
    for (uint32_t s = 0; s < window->slots && status != EF_OK; s++) {
        window->rings[s].count = 0;
    }
    window->held = status == EF_OK ? all : 0;
    return status;
}

static const efx_parameter last_rows_parameters[] = {
    {.name = "n", .description = "How many rows it holds.", .type = EF_INT, .is_column = false},
};

static const ef_operator_class last_rows_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "custom:lastRows",
    .flags = EF_SLOTS | EF_BATCHED | EF_READS_CLOCK | EF_FIFO,
    .state_version = 1,
    .create = last_rows_create,
    .destroy = last_rows_destroy,
    .process = last_rows_process,
    .next_due = last_rows_next_due,
    .purge = last_rows_purge,
    .save = last_rows_save,
    .load = last_rows_load,
    .size = last_rows_size,
};

static const efx_window last_rows_window = {
    .abi_version = EF_ABI_VERSION,
    .namespace_name = "custom",
    .name = "lastRows",
    .description = "The last n rows.",
    .parameters = last_rows_parameters,
    .parameter_count = 1,
    .operator_class = &last_rows_class,
};

/* ---- what the engine calls ---- */

EFX_EXPORT int32_t register_windows(const efx_registry *registry) {
    calls = registry->calls;
    return registry->add_window(registry, &last_rows_window);
}

EFX_EXPORT int32_t register_functions(const efx_registry *registry) {
    calls = registry->calls;
    return registry->add_function(registry, &plus_function);
}
