/* What the engine does for plug-ins: each call is one of the engine's own, with the types of the installed header.
 *
 * Retained rows are the page store of a window, so they are copied on write, counted and saved as those of a built-in. An operator of a
 * plug-in runs in the adapter, one call a delivery: the adapter puts cause and slot in place of what stands here. */
#include "plugin/calls.h"

#include "window/window.h"

struct efx_rows {
    ef_window base; /* pages and layout */
};

static ef_status fail(ef_error *error, ef_status status, const char *message) {
    return ef_fail(error, status < 0 ? status : EF_INVALID, "%s", message != NULL ? message : "unknown");
}

static void *allocate(ef_alloc *alloc, size_t size) {
    return ef_calloc(alloc, size);
}

static void *reallocate(ef_alloc *alloc, void *block, size_t old_size, size_t size) {
    return ef_realloc(alloc, block, old_size, size);
}

static void release(ef_alloc *alloc, void *block, size_t size) {
    ef_free(alloc, block, size);
}

static void *take(ef_arena *arena, size_t size) {
    return ef_arena_take(arena, size);
}

static ef_status put(ef_out *out, ef_source source, uint32_t at, int64_t timestamp, ef_kind kind, ef_error *error) {
    const ef_batch *input = out->input;
    if (EF_UNLIKELY(at >= input->rows && at != EFX_TIMER)) {
        return ef_fail(error, EF_INVALID, "the plug-in put out something because of row %u of %u", at, input->rows);
    }
    if (EF_UNLIKELY(out->rows == out->capacity)) {
        EF_TRY(ef_out_reserve(out, out->rows + 1, error));
    }
    int64_t cause = at != EFX_TIMER ? ef_row_cause(input, at) : 0;
    ef_out_put(out, source, timestamp, (uint8_t)kind, cause, at != EFX_TIMER ? ef_row_slot(input, at) : 0);
    return EF_OK;
}

static ef_status put_row(ef_out *out, uint32_t row, int64_t timestamp, ef_kind kind, ef_error *error) {
    if (EF_UNLIKELY(row >= out->input->rows)) {
        return ef_fail(error, EF_INVALID, "the plug-in put out row %u of %u", row, out->input->rows);
    }
    return put(out, EF_FROM_INPUT(row), row, timestamp, kind, error);
}

static ef_status put_kept(ef_out *out, uint32_t kept, uint32_t at, int64_t timestamp, ef_kind kind, ef_error *error) {
    return put(out, EF_FROM_RETAINED(kept), at, timestamp, kind, error);
}

static ef_status put_reset(ef_out *out, uint32_t at, int64_t timestamp, ef_error *error) {
    return put(out, EF_FROM_NONE, at, timestamp, EF_RESET, error);
}

static void end_delivery(ef_out *out) {
    if (out->rows > 0) {
        ef_out_end(out);
    }
}

static ef_status finish(ef_out *out, const efx_rows *rows, ef_error *error) {
    if (out->rows == 0) {
        return EF_OK;
    }
    ef_out_end(out);
    return ef_out_finish(out, rows != NULL ? rows->base.pages : NULL, rows != NULL ? &rows->base.layout : NULL, false, error);
}

static ef_status fail_row(ef_out *out, uint32_t row, const char *message, ef_error *error) {
    if (row >= out->input->rows) {
        return ef_fail(error, EF_INVALID, "the plug-in failed row %u of %u", row, out->input->rows);
    }
    return ef_out_fail_row(out, row, message, error);
}

static ef_status rows_new(const ef_operator_config *config, efx_rows **rows, ef_error *error) {
    efx_rows *made = ef_calloc(config->alloc, sizeof *made);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    ef_status status = ef_window_init(&made->base, config, error);
    if (status != EF_OK) {
        ef_free(config->alloc, made, sizeof *made);
        return status;
    }
    *rows = made;
    return EF_OK;
}

static void rows_free(efx_rows *rows) {
    if (rows != NULL) {
        ef_alloc *alloc = rows->base.alloc;
        ef_window_clear(&rows->base);
        ef_free(alloc, rows, sizeof *rows);
    }
}

static ef_status rows_keep(efx_rows *rows, const ef_batch *batch, uint32_t row, uint32_t *kept, ef_error *error) {
    ef_handle handle;
    EF_TRY(ef_row_keep(rows->base.pages, &rows->base.layout, batch, row, &handle, error));
    rows->base.held++;
    *kept = handle;
    return EF_OK;
}

static ef_status rows_keep_all(efx_rows *rows, const ef_batch *batch, ef_out *out, uint32_t **kept, ef_error *error) {
    _Static_assert(sizeof(ef_handle) == sizeof(uint32_t), "a handle is 32 bits");
    ef_handle *handles = ef_arena_take(out->arena, (batch->rows + (size_t)1) * sizeof *handles);
    if (handles == NULL) {
        return ef_fail_memory(error);
    }
    EF_TRY(ef_rows_keep(rows->base.pages, &rows->base.layout, batch, 0, batch->rows, handles, error));
    rows->base.held += batch->rows;
    *kept = handles;
    return EF_OK;
}

static void rows_drop(efx_rows *rows, uint32_t kept) {
    ef_row_drop(rows->base.pages, &rows->base.layout, kept);
    rows->base.held--;
}

static int64_t rows_timestamp(const efx_rows *rows, uint32_t kept) {
    return ef_row_timestamp(ef_pages_at(rows->base.pages, kept));
}

static bool rows_value(const efx_rows *rows, uint32_t kept, uint32_t column, void *value) {
    return ef_row_read(rows->base.pages, &rows->base.layout, ef_pages_at(rows->base.pages, kept), column, value);
}

static void rows_save(const efx_rows *rows, ef_writer *writer) {
    ef_pages_save(rows->base.pages, writer);
}

static ef_status rows_load(efx_rows *rows, ef_reader *reader, const uint32_t *kept, uint32_t count, ef_error *error) {
    ef_window *base = &rows->base;
    ef_row_checker checker;
    EF_TRY(ef_pages_load(base->pages, reader, error));
    ef_status status = ef_row_checker_init(&checker, base->pages, &base->layout, base->alloc, error);
    if (status == EF_OK) {
        for (uint32_t i = 0; i < count && status == EF_OK; i++) {
            status = ef_row_check(&checker, kept[i], error);
        }
        ef_row_checker_clear(&checker);
    }
    if (status != EF_OK) {
        ef_window_forget(base);
        return status;
    }
    base->held = count;
    return EF_OK;
}

static const void *read_bytes(ef_reader *reader, size_t length) {
    return ef_get_bytes(reader, length);
}

const ef_calls *ef_plugin_calls(void) {
    static const ef_calls calls = {
        .abi_version = EF_ABI_VERSION,
        .struct_size = sizeof(ef_calls),
        .fail = fail,
        .allocate = allocate,
        .reallocate = reallocate,
        .release = release,
        .take = take,
        .put_row = put_row,
        .put_kept = put_kept,
        .put_reset = put_reset,
        .end_delivery = end_delivery,
        .finish = finish,
        .fail_row = fail_row,
        .rows_new = rows_new,
        .rows_free = rows_free,
        .rows_keep = rows_keep,
        .rows_keep_all = rows_keep_all,
        .rows_drop = rows_drop,
        .rows_timestamp = rows_timestamp,
        .rows_value = rows_value,
        .rows_save = rows_save,
        .rows_load = rows_load,
        .write = ef_put_bytes,
        .write_u32 = ef_put_u32,
        .write_i64 = ef_put_i64,
        .write_f64 = ef_put_f64,
        .writer_status = ef_writer_status,
        .read = read_bytes,
        .read_u32 = ef_get_u32,
        .read_i64 = ef_get_i64,
        .read_f64 = ef_get_f64,
        .reader_status = ef_reader_status,
    };
    return &calls;
}
