/* Shared parts of windows; see window.h. */
#include "window/window.h"

ef_status ef_window_init(ef_window *window, const ef_operator_config *config, ef_error *error) {
    memset(window, 0, sizeof *window);
    window->alloc = config->alloc;
    window->rank = config->rank;
    window->wants_expired = config->wants_expired;
    EF_TRY(ef_row_layout_init(&window->layout, config->columns, config->types, config->alloc, error));
    window->pages = ef_pages_new(config->alloc);
    if (window->pages == NULL) {
        ef_row_layout_clear(&window->layout, config->alloc);
        return ef_fail_memory(error);
    }
    return EF_OK;
}

void ef_window_clear(ef_window *window) {
    ef_pages_free(window->pages);
    ef_row_layout_clear(&window->layout, window->alloc);
}

void ef_window_forget(ef_window *window) {
    const char no_pages[4] = {0, 0, 0, 0};
    ef_reader reader;
    ef_reader_init(&reader, no_pages, sizeof no_pages);
    ef_status status = ef_pages_load(window->pages, &reader, NULL);
    EF_ASSERT(status == EF_OK);
    (void)status;
    window->held = 0;
}

/* ---- parameters ---- */

ef_status ef_param_integer_or(const ef_operator_config *config, uint32_t index, const char *what, int64_t least,
                              int64_t missing, int64_t *value, ef_error *error) {
    if (!ef_param_given(config, index)) {
        *value = missing;
        return EF_OK;
    }
    const ef_param *param = &config->params[index];
    if (param->kind != EF_PARAM_CONSTANT || (param->type != EF_INT && param->type != EF_LONG)) {
        return ef_fail(error, EF_INVALID, "%s must be a constant INT or LONG", what);
    }
    *value = param->type == EF_INT ? param->value.i : param->value.l;
    if (*value < least) {
        return ef_fail(error, EF_INVALID, "%s must be at least %lld, got %lld", what, (long long)least,
                       (long long)*value);
    }
    return EF_OK;
}

ef_status ef_param_integer(const ef_operator_config *config, uint32_t index, const char *what, int64_t least,
                           int64_t *value, ef_error *error) {
    if (!ef_param_given(config, index)) {
        return ef_fail(error, EF_INVALID, "%s is missing", what);
    }
    return ef_param_integer_or(config, index, what, least, 0, value, error);
}

ef_status ef_param_bool(const ef_operator_config *config, uint32_t index, const char *what, bool *value,
                        ef_error *error) {
    *value = false;
    if (!ef_param_given(config, index)) {
        return EF_OK;
    }
    const ef_param *param = &config->params[index];
    if (param->kind != EF_PARAM_CONSTANT || param->type != EF_BOOL) {
        return ef_fail(error, EF_INVALID, "%s must be a constant BOOL", what);
    }
    *value = param->value.b != 0;
    return EF_OK;
}

ef_status ef_param_column(const ef_operator_config *config, uint32_t index, const char *what, ef_type type,
                          uint32_t *column, ef_error *error) {
    if (index >= config->param_count || config->params[index].kind != EF_PARAM_COLUMN) {
        return ef_fail(error, EF_INVALID, "%s must be an attribute", what);
    }
    *column = config->params[index].column;
    if (*column >= config->columns) {
        return ef_fail(error, EF_INVALID, "%s is column %u of %u", what, *column, config->columns);
    }
    if (type != 0 && config->types[*column] != type) {
        return ef_fail(error, EF_INVALID, "%s has the wrong type", what);
    }
    return EF_OK;
}

ef_status ef_window_refuse_nulls(const ef_batch **batch, uint32_t column, const char *message, ef_out *out,
                                 ef_error *error) {
    const ef_batch *all = *batch;
    const uint8_t *validity = all->rows > 0 ? all->column[column].validity : NULL;
    if (EF_LIKELY(validity == NULL)) {
        return EF_OK;
    }
    uint32_t *rows = ef_arena_take(out->arena, all->rows * sizeof *rows);
    ef_batch *rest = ef_arena_take(out->arena, sizeof *rest);
    if (rows == NULL || rest == NULL) {
        return ef_fail_memory(error);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < all->rows; i++) {
        if (ef_bit(validity, i)) {
            rows[count++] = i;
        } else {
            EF_TRY(ef_out_fail_row(out, i, message, error));
        }
    }
    if (count == all->rows) {
        return EF_OK;
    }
    if (!ef_batch_gather(rest, all, rows, count, out->arena)) {
        return ef_fail_memory(error);
    }
    *batch = rest;
    out->input = rest;
    return EF_OK;
}

/* ---- slots ---- */

void ef_slots_clear(ef_slots *slots, ef_alloc *alloc) {
    ef_free(alloc, slots->items, (size_t)slots->capacity * slots->item_size);
    slots->items = NULL;
    slots->count = 0;
    slots->capacity = 0;
}

ef_status ef_slots_reserve(ef_slots *slots, ef_alloc *alloc, uint32_t count, ef_error *error) {
    if (EF_LIKELY(count <= slots->count)) {
        return EF_OK;
    }
    uint32_t old = slots->capacity;
    EF_TRY(ef_grow(alloc, &slots->items, &slots->capacity, count, slots->item_size, error));
    memset((char *)slots->items + (size_t)old * slots->item_size, 0, (size_t)(slots->capacity - old) * slots->item_size);
    slots->count = count;
    return EF_OK;
}

uint32_t ef_batch_slot_count(const ef_batch *batch) {
    uint32_t highest = 0;
    if (batch->slots != NULL) {
        for (uint32_t i = 0; i < batch->rows; i++) {
            highest = batch->slots[i] > highest ? batch->slots[i] : highest;
        }
    }
    return highest + 1;
}

/* ---- queues ---- */

void ef_row_queue_make(ef_row_queue *queue, ef_pages *pages, const ef_handle *handles, uint32_t count) {
    if (count == 0) {
        *queue = (ef_row_queue){0, 0, 0};
        return;
    }
    for (uint32_t i = 0; i + 1 < count; i++) {
        char *row = ef_pages_write(pages, handles[i]);
        EF_ASSERT(row != NULL);
        ef_row_set_next(row, handles[i + 1]);
    }
    *queue = (ef_row_queue){handles[0], handles[count - 1], count};
}

ef_status ef_row_queue_prepare(const ef_row_queue *queue, ef_pages *pages, ef_error *error) {
    if (queue->count > 0 && ef_pages_write(pages, queue->tail) == NULL) {
        return ef_fail_memory(error);
    }
    return EF_OK;
}

ef_status ef_row_queue_append(ef_row_queue *queue, ef_pages *pages, const ef_row_queue *more, ef_error *error) {
    if (more->count == 0) {
        return EF_OK;
    }
    if (queue->count == 0) {
        *queue = *more;
        return EF_OK;
    }
    char *last = ef_pages_write(pages, queue->tail);
    if (last == NULL) {
        return ef_fail_memory(error);
    }
    ef_row_set_next(last, more->head);
    queue->tail = more->tail;
    queue->count += more->count;
    return EF_OK;
}

void ef_rows_drop(ef_window *window, ef_handle head, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        ef_handle next = ef_row_next(ef_pages_at(window->pages, head));
        ef_row_drop(window->pages, &window->layout, head);
        head = next;
    }
    window->held -= count;
}

void ef_row_queue_emit(const ef_row_queue *queue, const ef_pages *pages, ef_out *out, uint8_t kind,
                       const int64_t *retime, int64_t cause, uint32_t slot) {
    ef_handle handle = queue->head;
    for (uint32_t i = 0; i < queue->count; i++) {
        const char *row = ef_pages_at(pages, handle);
        ef_out_put(out, EF_FROM_RETAINED(handle), retime != NULL ? *retime : ef_row_timestamp(row), kind, cause, slot);
        handle = ef_row_next(row);
    }
}

void ef_row_queue_save(const ef_row_queue *queue, ef_writer *writer) {
    ef_put_u32(writer, queue->count);
    ef_put_u32(writer, queue->count > 0 ? queue->head : EF_NO_HANDLE);
    ef_put_u32(writer, queue->count > 0 ? queue->tail : EF_NO_HANDLE);
}

ef_status ef_row_queue_load(ef_row_queue *queue, ef_row_checker *checker, ef_reader *reader, ef_error *error) {
    ef_row_queue read;
    read.count = ef_get_u32(reader);
    read.head = ef_get_u32(reader);
    read.tail = ef_get_u32(reader);
    EF_TRY(ef_reader_status(reader, error));
    *queue = (ef_row_queue){0, 0, 0};
    ef_handle handle = read.head;
    for (uint32_t i = 0; i < read.count; i++) {
        EF_TRY(ef_row_check(checker, handle, error));
        if (i + 1 == read.count && handle != read.tail) {
            return ef_fail(error, EF_CORRUPT, "a queue of the saved state has another end than it says");
        }
        handle = ef_row_next(ef_pages_at(checker->pages, handle));
    }
    if (read.count > 0) {
        *queue = read;
    }
    return EF_OK;
}

ef_status ef_row_queue_find(const ef_window *window, const ef_row_queue *queue, uint32_t slot, ef_out *out,
                            ef_error *error) {
    EF_TRY(ef_out_reserve(out, queue->count, error));
    ef_row_queue_emit(queue, window->pages, out, EF_CURRENT, NULL, EF_CAUSE(0, EF_RANK_LAST, 0), slot);
    return ef_out_finish(out, window->pages, &window->layout, false, error);
}
