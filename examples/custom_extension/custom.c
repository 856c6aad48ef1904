/* An extension in C: the window custom:lastRows(n), and the function custom:plus(a, b).
 *
 *     cc -O2 -shared -fPIC -I"$(python -c 'import eventflux; print(eventflux.get_include())')" custom.c -o custom.so
 *     eventflux run -e custom.so app.eventfluxql
 *
 * The window holds the last n rows of each key in a ring of handles: a row that enters a full window lets the oldest go, which goes
 * out as EXPIRED directly before it. O(1) a row. */
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

/* ---- custom:lastRows(n) ---- */

typedef struct last_rows {
    ef_alloc *alloc;
    efx_rows *rows;
    uint32_t *kept; /* [length], a ring: the oldest at `first` */
    uint32_t length;
    uint32_t first;
    uint32_t count;
} last_rows;

static size_t ring_size(const last_rows *window) {
    return (size_t)window->length * sizeof *window->kept;
}

static void last_rows_destroy(void *self) {
    last_rows *window = self;
    calls->rows_free(window->rows);
    calls->release(window->alloc, window->kept, ring_size(window));
    calls->release(window->alloc, window, sizeof *window);
}

static ef_status last_rows_create(const ef_operator_config *config, void **self, ef_error *error) {
    int32_t length = config->params[0].value.i;
    if (config->params[0].null || length < 1) {
        return calls->fail(error, EF_INVALID, "custom:lastRows needs a number of rows, 1 or more");
    }
    last_rows *window = calls->allocate(config->alloc, sizeof *window);
    if (window == NULL) {
        return calls->fail(error, EF_NO_MEMORY, "no memory left");
    }
    window->alloc = config->alloc;
    window->length = (uint32_t)length;
    window->kept = calls->allocate(config->alloc, ring_size(window));
    ef_status status = window->kept == NULL ? calls->fail(error, EF_NO_MEMORY, "no memory left")
                                            : calls->rows_new(config, &window->rows, error);
    if (status != EF_OK) {
        calls->release(config->alloc, window->kept, ring_size(window));
        calls->release(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

static ef_status last_rows_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                                   ef_error *error) {
    (void)port;
    last_rows *window = self;
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (batch->kinds != NULL && batch->kinds[i] != EF_CURRENT) {
            continue;
        }
        uint32_t kept;
        ef_status status = calls->rows_keep(window->rows, batch, i, &kept, error);
        if (status == EF_OK && window->count == window->length) {
            uint32_t oldest = window->kept[window->first];
            status = calls->put_kept(out, oldest, i, track->clock[0], EF_EXPIRED, error);
            calls->rows_drop(window->rows, oldest);
            window->first = (window->first + 1) % window->length;
            window->count--;
        }
        if (status == EF_OK) {
            window->kept[(window->first + window->count++) % window->length] = kept;
            status = calls->put_row(out, i, batch->timestamps[i], EF_CURRENT, error);
        }
        if (status != EF_OK) {
            return status;
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
    return window->count;
}

static ef_status last_rows_save(const void *self, ef_writer *writer, ef_error *error) {
    const last_rows *window = self;
    calls->write_u32(writer, window->count);
    for (uint32_t i = 0; i < window->count; i++) {
        calls->write_u32(writer, window->kept[(window->first + i) % window->length]);
    }
    calls->rows_save(window->rows, writer);
    return calls->writer_status(writer, error);
}

static ef_status last_rows_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    (void)version;
    last_rows *window = self;
    uint32_t count = calls->read_u32(reader);
    if (count > window->length) {
        return calls->fail(error, EF_CORRUPT, "custom:lastRows: the saved state holds more rows than the window");
    }
    for (uint32_t i = 0; i < count; i++) {
        window->kept[i] = calls->read_u32(reader);
    }
    ef_status status = calls->reader_status(reader, error);
    if (status == EF_OK) {
        status = calls->rows_load(window->rows, reader, window->kept, count, error);
    }
    window->first = 0;
    window->count = status == EF_OK ? count : 0;
    return status;
}

static const efx_parameter last_rows_parameters[] = {
    {.name = "n", .description = "How many rows it holds.", .type = EF_INT, .is_column = false},
};

static const ef_operator_class last_rows_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "custom:lastRows",
    .flags = EF_FIFO,
    .state_version = 1,
    .create = last_rows_create,
    .destroy = last_rows_destroy,
    .process = last_rows_process,
    .next_due = last_rows_next_due,
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
