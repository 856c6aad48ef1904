/* sort(n, attribute, order, ...): holds the n rows that come first in an order of attributes.
 *
 *      in:  5      3      4              (n = 2, ascending)
 *      out: C 5    C 3    C 4  X 5
 *
 * Each row goes out as CURRENT; when more than n are held, the last in order leaves behind it, EXPIRED, with the clock as its timestamp: it
 * may be the new row itself. Rows that are equal in all keys keep the order in which they came. Nulls come last in both directions.
 *
 * A slot's rows are an array of handles: in the order of arrival until it overflows for the first time, sorted from then on. O(log n)
 * comparisons a row and a move of at most n handles. */
#include "window/window.h"
#include "window/windows.h"

typedef struct sort_key {
    uint32_t column;
    bool descending;
} sort_key;

typedef struct sort_slot {
    ef_handle *rows; /* [count] */
    uint32_t count;
    uint32_t capacity;
    bool is_sorted;
} sort_slot;

typedef struct sort_window {
    ef_window base;
    ef_slots slots; /* of sort_slot */
    sort_key *keys;
    uint32_t key_count;
    uint32_t key_capacity;
    uint32_t length;
} sort_window;

/* ---- order ---- */

#define ORDER(type)                                \
    do {                                           \
        type x, y;                                 \
        memcpy(&x, a, sizeof x);                   \
        memcpy(&y, b, sizeof y);                   \
        return x < y ? -1 : x > y ? 1 : 0;         \
    } while (0)

/* As Java's Double.compare: -0.0 before 0.0, NaN behind all. */
static int order_doubles(double x, double y) {
    if (x < y) {
        return -1;
    }
    if (x > y) {
        return 1;
    }
    bool x_is_nan = x != x, y_is_nan = y != y;
    if (x_is_nan || y_is_nan) {
        return x_is_nan - y_is_nan;
    }
    int64_t a, b;
    memcpy(&a, &x, sizeof a);
    memcpy(&b, &y, sizeof b);
    return a < b ? -1 : a > b ? 1 : 0;
}

static int order_fields(const ef_pages *pages, ef_type type, const char *a, const char *b) {
    switch (type) {
    case EF_BOOL:
        ORDER(uint8_t);
    case EF_INT:
        ORDER(int32_t);
    case EF_LONG:
        ORDER(int64_t);
    case EF_FLOAT: {
        float x, y;
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return order_doubles((double)x, (double)y);
    }
    case EF_DOUBLE: {
        double x, y;
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return order_doubles(x, y);
    }
    case EF_STRING: {
        ef_str x = ef_row_string(pages, a), y = ef_row_string(pages, b);
        return ef_str_compare(&x, &y);
    }
    case EF_OBJECT:
        break;
    }
    return 0;
}

static int order_rows(const sort_window *window, ef_handle first, ef_handle second) {
    const ef_pages *pages = window->base.pages;
    const char *a = ef_pages_at(pages, first);
    const char *b = ef_pages_at(pages, second);
    for (uint32_t k = 0; k < window->key_count; k++) {
        uint32_t column = window->keys[k].column;
        bool a_is_null = ef_row_is_null(a, column), b_is_null = ef_row_is_null(b, column);
        if (a_is_null || b_is_null) {
            if (a_is_null != b_is_null) {
                return a_is_null ? 1 : -1;
            }
            continue;
        }
        uint32_t offset = window->base.layout.offset[column];
        int order = order_fields(pages, window->base.layout.type[column], a + offset, b + offset);
        if (order != 0) {
            return window->keys[k].descending ? -order : order;
        }
    }
    return 0;
}

/* Stable, bottom up; `spare` has room for as many handles. */
static void sort_handles(const sort_window *window, ef_handle *rows, ef_handle *spare, uint32_t count) {
    ef_handle *from = rows, *to = spare;
    for (uint32_t width = 1; width < count; width *= 2) {
        for (uint32_t low = 0; low < count; low += 2 * width) {
            uint32_t middle = count - low > width ? low + width : count;
            uint32_t high = count - low > 2 * width ? low + 2 * width : count;
            uint32_t i = low, j = middle;
            for (uint32_t k = low; k < high; k++) {
                bool takes_left = i < middle && (j >= high || order_rows(window, from[i], from[j]) <= 0);
                to[k] = takes_left ? from[i++] : from[j++];
            }
        }
        ef_handle *swap = from;
        from = to;
        to = swap;
    }
    if (from != rows) {
        memcpy(rows, from, count * sizeof *rows);
    }
}

/* ---- life ---- */

static void free_slots(sort_window *window) {
    sort_slot *slots = window->slots.items;
    for (uint32_t i = 0; i < window->slots.count; i++) {
        ef_free(window->base.alloc, slots[i].rows, slots[i].capacity * sizeof *slots[i].rows);
    }
    ef_slots_clear(&window->slots, window->base.alloc);
}

static void sort_destroy(void *self) {
    sort_window *window = self;
    ef_alloc *alloc = window->base.alloc;
    free_slots(window);
    ef_free(alloc, window->keys, window->key_capacity * sizeof *window->keys);
    ef_window_clear(&window->base);
    ef_free(alloc, window, sizeof *window);
}

static bool is_word(const ef_param *param, const char *word) {
    if (param->type != EF_STRING || param->null || param->value.s.length != strlen(word)) {
        return false;
    }
    const char *data = ef_str_data(&param->value.s);
    for (uint32_t i = 0; word[i] != '\0'; i++) {
        if ((data[i] | 0x20) != word[i]) {
            return false;
        }
    }
    return true;
}

static ef_status read_keys(sort_window *window, const ef_operator_config *config, ef_error *error) {
    for (uint32_t i = 1; i < config->param_count; i++) {
        const ef_param *param = &config->params[i];
        if (!ef_param_given(config, i)) {
            continue; /* left out */
        }
        if (param->kind == EF_PARAM_COLUMN) {
            uint32_t column;
            EF_TRY(ef_param_column(config, i, "an attribute of a sort window", 0, &column, error));
            if (config->types[column] == EF_OBJECT) {
                return ef_fail(error, EF_INVALID, "a sort window cannot order an OBJECT attribute");
            }
            void *keys = window->keys;
            ef_status status = ef_grow(config->alloc, &keys, &window->key_capacity, window->key_count + 1,
                                       sizeof *window->keys, error);
            window->keys = keys;
            EF_TRY(status);
            window->keys[window->key_count++] = (sort_key){.column = column, .descending = false};
        } else if (window->key_count > 0 && config->params[i - 1].kind == EF_PARAM_COLUMN &&
                   (is_word(param, "asc") || is_word(param, "desc"))) {
            window->keys[window->key_count - 1].descending = is_word(param, "desc");
        } else {
            return ef_fail(error, EF_INVALID, "a sort window takes attributes, each with 'asc' or 'desc' behind it or not");
        }
    }
    if (window->key_count == 0) {
        return ef_fail(error, EF_INVALID, "the attribute of a sort window is missing");
    }
    return EF_OK;
}

static ef_status sort_create(const ef_operator_config *config, void **self, ef_error *error) {
    int64_t length;
    EF_TRY(ef_param_integer(config, 0, "the length of a sort window", 0, &length, error));
    if (length > INT32_MAX) {
        return ef_fail(error, EF_INVALID, "the length of a sort window must be below 2^31, got %lld",
                       (long long)length);
    }
    sort_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    window->length = (uint32_t)length;
    ef_slots_init(&window->slots, sizeof(sort_slot));
    ef_status status = read_keys(window, config, error);
    if (status == EF_OK) {
        status = ef_window_init(&window->base, config, error);
    }
    if (status != EF_OK) {
        ef_free(config->alloc, window->keys, window->key_capacity * sizeof *window->keys);
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

/* ---- rows ---- */

/* Room for one more row and, at the first overflow, the sorting of those that are there. */
static ef_status prepare(sort_window *window, sort_slot *slot, ef_arena *arena, ef_error *error) {
    if (slot->count < window->length) {
        void *rows = slot->rows;
        ef_status status =
            ef_grow(window->base.alloc, &rows, &slot->capacity, slot->count + 1, sizeof *slot->rows, error);
        slot->rows = rows;
        return status;
    }
    if (!slot->is_sorted) {
        ef_handle *spare = ef_arena_take(arena, (slot->count + (size_t)1) * sizeof *spare);
        if (spare == NULL) {
            return ef_fail_memory(error);
        }
        sort_handles(window, slot->rows, spare, slot->count);
        slot->is_sorted = true;
    }
    return EF_OK;
}

/* Puts `row` among the sorted ones; gives the one that is then too many, the last. */
static ef_handle push_out(const sort_window *window, sort_slot *slot, ef_handle row) {
    uint32_t low = 0, high = slot->count;
    while (low < high) { /* the first that comes behind the row */
        uint32_t middle = low + (high - low) / 2;
        if (order_rows(window, slot->rows[middle], row) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == slot->count) {
        return row;
    }
    ef_handle last = slot->rows[slot->count - 1];
    memmove(slot->rows + low + 1, slot->rows + low, (slot->count - 1 - low) * sizeof *slot->rows);
    slot->rows[low] = row;
    return last;
}

static ef_status take_rows(sort_window *window, const ef_batch *batch, const ef_track *track, const ef_handle *handles,
                           ef_out *out, uint32_t *taken, ef_error *error) {
    ef_window *base = &window->base;
    sort_slot *slots = window->slots.items;
    ef_delivery_cursor cursor;
    ef_delivery_cursor_init(&cursor, batch);
    for (; *taken < batch->rows; (*taken)++) {
        uint32_t i = *taken;
        int64_t cause = ef_row_cause(batch, i);
        sort_slot *slot = &slots[ef_row_slot(batch, i)];
        EF_TRY(prepare(window, slot, out->arena, error));
        ef_out_put(out, EF_FROM_INPUT(i), batch->timestamps[i], EF_CURRENT, cause, ef_row_slot(batch, i));
        if (slot->count < window->length) {
            slot->rows[slot->count++] = handles[i];
        } else {
            ef_handle leaves = push_out(window, slot, handles[i]);
            ef_out_put(out, EF_FROM_RETAINED(leaves), ef_row_clock(batch, i, track), EF_EXPIRED, cause,
                       ef_row_slot(batch, i));
            ef_row_drop(base->pages, &base->layout, leaves);
            base->held--;
        }
        if (ef_delivery_cursor_ends(&cursor, i)) {
            ef_out_end(out);
        }
    }
    return EF_OK;
}

static ef_status sort_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                              ef_error *error) {
    sort_window *window = self;
    ef_window *base = &window->base;
    (void)port;
    if (batch->rows == 0) {
        return EF_OK;
    }
    if (!base->wants_expired) {
        out->result = *batch;
        out->result.batch_chunk = false;
        return EF_OK;
    }
    EF_TRY(ef_slots_reserve(&window->slots, base->alloc, ef_batch_slot_count(batch), error));
    EF_TRY(ef_out_reserve(out, 2 * batch->rows, error));
    ef_handle *handles = ef_arena_take(out->arena, batch->rows * sizeof *handles);
    if (handles == NULL) {
        return ef_fail_memory(error);
    }
    EF_TRY(ef_rows_keep(base->pages, &base->layout, batch, 0, batch->rows, handles, error));
    base->held += batch->rows;
    uint32_t taken = 0;
    ef_status status = take_rows(window, batch, track, handles, out, &taken, error);
    if (status != EF_OK) {
        for (uint32_t i = taken; i < batch->rows; i++) {
            ef_row_drop(base->pages, &base->layout, handles[i]);
            base->held--;
        }
        return status;
    }
    return ef_out_finish(out, base->pages, &base->layout, false, error);
}

static int64_t sort_next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

static void sort_purge(void *self, uint32_t slot) {
    sort_window *window = self;
    ef_window *base = &window->base;
    sort_slot *slots = window->slots.items;
    uint32_t from = slot == EF_ALL_SLOTS ? 0 : slot;
    uint32_t to = slot == EF_ALL_SLOTS ? window->slots.count : slot + 1;
    for (uint32_t i = from; i < to && i < window->slots.count; i++) {
        for (uint32_t r = 0; r < slots[i].count; r++) {
            ef_row_drop(base->pages, &base->layout, slots[i].rows[r]);
        }
        base->held -= slots[i].count;
        ef_free(base->alloc, slots[i].rows, slots[i].capacity * sizeof *slots[i].rows);
        slots[i] = (sort_slot){NULL, 0, 0, false};
    }
    if (slot == EF_ALL_SLOTS) {
        free_slots(window);
    }
}

/* Pages first; then each slot: count, whether it is sorted, its handles. */
static ef_status sort_save(const void *self, ef_writer *writer, ef_error *error) {
    const sort_window *window = self;
    const sort_slot *slots = window->slots.items;
    ef_pages_save(window->base.pages, writer);
    ef_put_u32(writer, window->slots.count);
    for (uint32_t i = 0; i < window->slots.count; i++) {
        ef_put_u32(writer, slots[i].count);
        ef_put_u8(writer, slots[i].is_sorted);
        ef_put_bytes(writer, slots[i].rows, slots[i].count * sizeof *slots[i].rows);
    }
    return ef_writer_status(writer, error);
}

static ef_status read_slot(sort_window *window, sort_slot *slot, ef_row_checker *checker, ef_reader *reader,
                           ef_error *error) {
    uint32_t count = ef_get_u32(reader);
    bool is_sorted = ef_get_u8(reader) != 0;
    const char *handles = ef_get_bytes(reader, (size_t)count * sizeof *slot->rows);
    if (handles == NULL || count > window->length) {
        return ef_fail(error, EF_CORRUPT, "the saved state of a sort window has an impossible number of rows");
    }
    void *rows = slot->rows;
    ef_status status = ef_grow(window->base.alloc, &rows, &slot->capacity, count, sizeof *slot->rows, error);
    slot->rows = rows;
    EF_TRY(status);
    for (uint32_t i = 0; i < count; i++) {
        ef_handle handle;
        memcpy(&handle, handles + (size_t)i * sizeof handle, sizeof handle);
        EF_TRY(ef_row_check(checker, handle, error));
        slot->rows[slot->count++] = handle;
        window->base.held++;
    }
    slot->is_sorted = is_sorted;
    return EF_OK;
}

static ef_status read_slots(sort_window *window, ef_reader *reader, ef_error *error) {
    ef_window *base = &window->base;
    uint32_t count = ef_get_u32(reader);
    ef_row_checker checker;
    if (count > ef_reader_left(reader) / 5) {
        return ef_fail(error, EF_CORRUPT, "the saved state of a window ends too early");
    }
    EF_TRY(ef_slots_reserve(&window->slots, base->alloc, count, error));
    EF_TRY(ef_row_checker_init(&checker, base->pages, &base->layout, base->alloc, error));
    sort_slot *slots = window->slots.items;
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < count && status == EF_OK; i++) {
        status = read_slot(window, &slots[i], &checker, reader, error);
    }
    ef_row_checker_clear(&checker);
    return status;
}

static ef_status sort_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    sort_window *window = self;
    (void)version;
    ef_status status = ef_pages_load(window->base.pages, reader, error);
    if (status == EF_OK) {
        status = read_slots(window, reader, error);
    }
    if (status != EF_OK) {
        free_slots(window);
        ef_window_forget(&window->base);
    }
    return status;
}

static uint64_t sort_size(const void *self) {
    const sort_window *window = self;
    return window->base.held;
}

static ef_status sort_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    sort_window *window = self;
    const ef_window *base = &window->base;
    (void)now;
    if (slot >= window->slots.count) {
        return EF_OK;
    }
    const sort_slot *state = (const sort_slot *)window->slots.items + slot;
    EF_TRY(ef_out_reserve(out, state->count, error));
    for (uint32_t i = 0; i < state->count; i++) {
        ef_out_put(out, EF_FROM_RETAINED(state->rows[i]), ef_row_timestamp(ef_pages_at(base->pages, state->rows[i])),
                   EF_CURRENT, EF_CAUSE(0, EF_RANK_LAST, 0), slot);
    }
    return ef_out_finish(out, base->pages, &base->layout, false, error);
}

const ef_operator_class ef_sort_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "sort",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_READS_CLOCK,
    .state_version = 1,
    .create = sort_create,
    .destroy = sort_destroy,
    .process = sort_process,
    .next_due = sort_next_due,
    .purge = sort_purge,
    .save = sort_save,
    .load = sort_load,
    .size = sort_size,
    .find = sort_find,
};
