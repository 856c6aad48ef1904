/* expression(condition): sliding as far as a condition on the content holds. expressionBatch(condition, include, stream): tumbling, a batch
 * ends when the condition no longer holds.
 *
 *      expression('sum(v) < 6'):                in:  1     2     3            9
 *                                               out: C 1   C 2   X 1  C 3     X 2 X 3 X 9  C 9
 *      expressionBatch('last.s == first.s'):    in:  a     a     b            c
 *                                               out:             C a C a      X a X a C b
 *
 * expression: a row enters; while the condition with it is not true, the oldest row leaves, EXPIRED, until it is true or nothing is left
 * (the new row itself may leave, before it goes out as CURRENT). EXPIRED rows carry the clock.
 *
 * expressionBatch: a row with which the condition is not true ends the batch: the former batch as EXPIRED, then the collected rows as CURRENT,
 * both with the clock; no RESET. The row opens the next batch, or with `include` still belongs to this one. With nothing collected
 * it comes out by itself, as EXPIRED and CURRENT. stream: rows go out as CURRENT at once, and the batch as EXPIRED at its end, before
 * the row that ends it (with `include` after it and with it). The aggregates of the condition begin anew with the row that ends a batch.
 *
 * The condition is a selection of its own (see expression.h), one call a row that enters or leaves: what a window of a fixed kind does
 * in nanoseconds takes this one some hundred. Retains the content; of expressionBatch also the former batch, if somebody reads EXPIRED rows. */
#include "window/expression.h"

#include "window/window.h"

typedef struct expression_slot {
    ef_row_queue rows;     /* the content; the batch that is open */
    ef_row_queue previous; /* expressionBatch: the one before it */
} expression_slot;

typedef struct expression_window {
    ef_window base;
    ef_slots slots; /* of expression_slot */
    void *condition;
    ef_type *types; /* of what it is given */
    bool is_batch;
    bool includes;
    bool streams;
} expression_window;

typedef struct expression_run {
    expression_window *window;
    const ef_batch *batch;
    const ef_track *track;
    ef_out *out;
    ef_handle *handles;
    uint32_t taken; /* rows below it are in slots (or were) */
} expression_run;

static void expression_destroy(void *self) {
    expression_window *window = self;
    ef_alloc *alloc = window->base.alloc;
    uint32_t columns = ef_expression_columns(window->base.layout.columns);
    if (window->condition != NULL) {
        ef_select_class.destroy(window->condition);
    }
    ef_free(alloc, window->types, columns * sizeof *window->types);
    ef_slots_clear(&window->slots, alloc);
    ef_window_clear(&window->base);
    ef_free(alloc, window, sizeof *window);
}

static void programs_free(const ef_select_config *select) {
    ef_program_free(select->arguments);
    ef_program_free(select->outputs);
    ef_program_free(select->having);
}

static ef_status create_condition(expression_window *window, const ef_operator_config *config,
                                  ef_select_config *select, ef_error *error) {
    uint32_t columns = config->columns;
    ef_operator_config inner = *config;
    inner.columns = ef_expression_columns(columns);
    inner.types = window->types;
    inner.params = NULL;
    inner.param_count = 0;
    inner.wants_expired = true;
    memcpy(window->types, config->types, columns * sizeof *window->types);
    for (uint32_t part = 1; part <= 2; part++) {
        uint32_t at = columns * part + part - 1;
        memcpy(window->types + at, config->types, columns * sizeof *window->types);
        window->types[at + columns] = EF_LONG;
    }
    select->current = true;
    select->expired = true;
    select->removal = window->is_batch ? EF_REMOVAL_NONE : EF_REMOVAL_FIFO;
    return ef_select_create(&inner, select, &window->condition, error);
}

ef_status ef_expression_window_create(const ef_operator_config *config, const ef_expression_config *expression,
                                      void **self, ef_error *error) {
    ef_select_config *select = expression->select;
    if (select->visible != 1 || ef_program_outputs(select->outputs) < 1 ||
        ef_program_output_type(select->outputs, 0) != EF_BOOL || select->group_keys > 0) {
        programs_free(select);
        return ef_fail(error, EF_INVALID, "the condition of an expression window must be one BOOL");
    }
    expression_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        programs_free(select);
        return ef_fail_memory(error);
    }
    window->is_batch = expression->is_batch;
    window->includes = expression->includes;
    window->streams = expression->streams;
    ef_slots_init(&window->slots, sizeof(expression_slot));
    ef_status status = ef_window_init(&window->base, config, error);
    if (status != EF_OK) {
        programs_free(select);
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    window->types = ef_malloc(config->alloc, ef_expression_columns(config->columns) * sizeof *window->types);
    if (window->types == NULL) {
        programs_free(select);
        status = ef_fail_memory(error);
    } else {
        status = create_condition(window, config, select, error);
    }
    if (status != EF_OK) {
        expression_destroy(window);
        return status;
    }
    *self = window;
    return EF_OK;
}

/* ---- the condition ---- */

/* Columns [at, at + n) of a batch of one row get the values of a kept row. */
static bool read_row(const expression_window *window, ef_handle handle, ef_column *column, uint32_t at,
                     ef_arena *arena) {
    const ef_row_layout *layout = &window->base.layout;
    const char *row = ef_pages_at(window->base.pages, handle);
    for (uint32_t c = 0; c < layout->columns; c++) {
        char *value = ef_arena_take(arena, 32); /* the value, and behind it a byte of validity */
        if (value == NULL) {
            return false;
        }
        bool valid = ef_row_read(window->base.pages, layout, row, c, value);
        value[16] = 0;
        column[at + c] =
            (ef_column){.values = value, .validity = valid ? NULL : (uint8_t *)value + 16, .type = layout->type[c]};
    }
    return true;
}

static bool read_end(const expression_window *window, ef_handle handle, ef_column *column, uint32_t at,
                     ef_arena *arena) {
    uint32_t columns = window->base.layout.columns;
    int64_t *timestamp = ef_arena_take(arena, sizeof *timestamp);
    if (timestamp == NULL || !read_row(window, handle, column, at, arena)) {
        return false;
    }
    *timestamp = ef_row_timestamp(ef_pages_at(window->base.pages, handle));
    column[at + columns] = (ef_column){.values = timestamp, .type = EF_LONG};
    return true;
}

/* Tells the condition of a row that enters (CURRENT) or leaves (EXPIRED), and whether it is true then; RESET empties it. On failure
 * it knows nothing of the row. */
static ef_status ask(expression_run *run, uint32_t i, ef_handle row, ef_handle oldest, ef_handle newest, uint8_t kind,
                     bool *holds, ef_error *error) {
    expression_window *window = run->window;
    ef_arena *arena = run->out->arena;
    uint32_t columns = window->base.layout.columns, all = ef_expression_columns(columns);
    ef_column *column = ef_arena_take(arena, all * sizeof *column);
    uint32_t *slot = ef_arena_take(arena, sizeof *slot);
    uint8_t *kinds = ef_arena_take(arena, 1);
    ef_out *answer = ef_arena_take(arena, sizeof *answer);
    if (column == NULL || slot == NULL || kinds == NULL || answer == NULL ||
        !read_row(window, row, column, 0, arena) || !read_end(window, oldest, column, columns, arena) ||
        !read_end(window, newest, column, 2 * columns + 1, arena)) {
        return ef_fail_memory(error);
    }
    *slot = ef_row_slot(run->batch, i);
    *kinds = kind;
    ef_batch batch = {.rows = 1,
                      .columns = all,
                      .column = column,
                      .timestamps = column[all - 1].values,
                      .kinds = kind != EF_CURRENT ? kinds : NULL,
                      .slots = *slot != 0 ? slot : NULL,
                      .form = EF_EACH_ROW};
    int64_t clock = ef_row_clock(run->batch, i, run->track);
    ef_track now = {.clock = &clock, .before = clock, .steps = 1, .max_firings = 0};
    ef_out_init(answer, arena, &batch);
    EF_TRY(ef_select_class.process(window->condition, 0, &batch, &now, answer, error));
    if (answer->failed_count > 0) {
        EF_TRY(ef_out_fail_row(run->out, i, answer->failed[0].message, error));
    }
    *holds = answer->result.rows == 1 && !ef_is_null(&answer->result.column[0], 0) &&
             *(const uint8_t *)answer->result.column[0].values != 0;
    return EF_OK;
}

/* ---- expression ---- */

static void put_kept(ef_out *out, const ef_window *base, ef_handle row, uint8_t kind, const int64_t *retime,
                     int64_t cause, uint32_t slot) {
    int64_t timestamp = retime != NULL ? *retime : ef_row_timestamp(ef_pages_at(base->pages, row));
    ef_out_put(out, EF_FROM_RETAINED(row), timestamp, kind, cause, slot);
}

static ef_status slide(expression_run *run, uint32_t i, ef_error *error) {
    expression_window *window = run->window;
    ef_window *base = &window->base;
    uint32_t slot = ef_row_slot(run->batch, i);
    int64_t cause = ef_row_cause(run->batch, i), clock = ef_row_clock(run->batch, i, run->track);
    ef_row_queue *rows = &((expression_slot *)window->slots.items)[slot].rows;
    ef_handle row = run->handles[i];
    ef_row_queue one = {row, row, 1};
    bool holds = false;
    EF_TRY(ef_out_reserve(run->out, rows->count + 2, error));
    EF_TRY(ef_row_queue_prepare(rows, base->pages, error));
    EF_TRY(ask(run, i, row, rows->count > 0 ? rows->head : row, row, EF_CURRENT, &holds, error));
    EF_TRY(ef_row_queue_append(rows, base->pages, &one, error));
    run->taken = i + 1;
    while (!holds && rows->count > 0) {
        ef_handle leaves = rows->head;
        ef_handle next = rows->count > 1 ? ef_row_next(ef_pages_at(base->pages, leaves)) : leaves;
        EF_TRY(ask(run, i, leaves, next, row, EF_EXPIRED, &holds, error));
        (void)ef_row_queue_pop(rows, base->pages);
        if (base->wants_expired) {
            put_kept(run->out, base, leaves, EF_EXPIRED, &clock, cause, slot);
        }
        ef_rows_drop(base, leaves, 1);
    }
    ef_out_put(run->out, EF_FROM_INPUT(i), run->batch->timestamps[i], EF_CURRENT, cause, slot);
    return EF_OK;
}

/* ---- expressionBatch ---- */

/* The batch leaves as EXPIRED (if read), and is forgotten. */
static void expire(expression_run *run, ef_row_queue *rows, uint32_t slot, int64_t clock, int64_t cause) {
    ef_window *base = &run->window->base;
    if (base->wants_expired) {
        ef_row_queue_emit(rows, base->pages, run->out, EF_EXPIRED, &clock, cause, slot);
    }
    ef_row_queue_drop(base, rows);
}

/* Row i, with which the condition is not true, ends the batch of its slot. Room is there; links were prepared. */
static void end_batch(expression_run *run, uint32_t i, int64_t clock, int64_t cause) {
    expression_window *window = run->window;
    ef_window *base = &window->base;
    uint32_t slot = ef_row_slot(run->batch, i);
    expression_slot *state = (expression_slot *)window->slots.items + slot;
    ef_row_queue one = {run->handles[i], run->handles[i], 1};
    bool is_alone = state->rows.count == 0;
    if (window->includes || (is_alone && !window->streams)) {
        ef_status status = ef_row_queue_append(&state->rows, base->pages, &one, NULL);
        EF_ASSERT(status == EF_OK);
        (void)status;
        one.count = 0;
    }
    if (window->streams) {
        if (window->includes) {
            ef_out_put(run->out, EF_FROM_INPUT(i), run->batch->timestamps[i], EF_CURRENT, cause, slot);
        }
        expire(run, &state->rows, slot, clock, cause);
        if (!window->includes) {
            ef_out_put(run->out, EF_FROM_INPUT(i), run->batch->timestamps[i], EF_CURRENT, cause, slot);
        }
    } else {
        expire(run, &state->previous, slot, clock, cause);
        if (is_alone && base->wants_expired) {
            ef_row_queue_emit(&state->rows, base->pages, run->out, EF_EXPIRED, &clock, cause, slot);
        }
        ef_row_queue_emit(&state->rows, base->pages, run->out, EF_CURRENT, &clock, cause, slot);
        if (base->wants_expired && !is_alone) {
            state->previous = state->rows;
            state->rows = (ef_row_queue){0, 0, 0};
        } else {
            ef_row_queue_drop(base, &state->rows);
        }
    }
    if (one.count > 0) {
        state->rows = one;
    }
}

static ef_status collect(expression_run *run, uint32_t i, ef_error *error) {
    expression_window *window = run->window;
    ef_window *base = &window->base;
    uint32_t slot = ef_row_slot(run->batch, i);
    int64_t cause = ef_row_cause(run->batch, i), clock = ef_row_clock(run->batch, i, run->track);
    expression_slot *state = (expression_slot *)window->slots.items + slot;
    ef_handle row = run->handles[i];
    bool holds = false, again = false;
    EF_TRY(ef_out_reserve(run->out, state->previous.count + 2 * state->rows.count + 3, error));
    EF_TRY(ef_row_queue_prepare(&state->rows, base->pages, error));
    EF_TRY(ask(run, i, row, state->rows.count > 0 ? state->rows.head : row, row, EF_CURRENT, &holds, error));
    run->taken = i + 1;
    if (!holds) {
        end_batch(run, i, clock, cause);
        EF_TRY(ask(run, i, row, row, row, EF_RESET, &again, error));
        return ask(run, i, row, row, row, EF_CURRENT, &again, error);
    }
    ef_row_queue one = {row, row, 1};
    EF_TRY(ef_row_queue_append(&state->rows, base->pages, &one, error));
    if (window->streams) {
        ef_out_put(run->out, EF_FROM_INPUT(i), run->batch->timestamps[i], EF_CURRENT, cause, slot);
    }
    return EF_OK;
}

/* ---- the operator ---- */

static ef_status take_rows(expression_run *run, ef_error *error) {
    ef_delivery_cursor cursor;
    ef_delivery_cursor_init(&cursor, run->batch);
    for (uint32_t i = 0; i < run->batch->rows; i++) {
        EF_TRY(run->window->is_batch ? collect(run, i, error) : slide(run, i, error));
        /* Each end of a batch is a delivery; rows that slid through stay together as they came. */
        if (ef_delivery_cursor_ends(&cursor, i) || run->window->is_batch) {
            ef_out_end(run->out);
        }
    }
    return EF_OK;
}

static ef_status expression_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track,
                                    ef_out *out, ef_error *error) {
    expression_window *window = self;
    ef_window *base = &window->base;
    expression_run run = {.window = window, .batch = batch, .track = track, .out = out};
    (void)port;
    if (batch->rows == 0) {
        return EF_OK;
    }
    EF_TRY(ef_slots_reserve(&window->slots, base->alloc, ef_batch_slot_count(batch), error));
    run.handles = ef_arena_take(out->arena, batch->rows * sizeof *run.handles);
    if (run.handles == NULL) {
        return ef_fail_memory(error);
    }
    EF_TRY(ef_rows_keep(base->pages, &base->layout, batch, 0, batch->rows, run.handles, error));
    base->held += batch->rows;
    ef_status status = take_rows(&run, error);
    if (status != EF_OK) {
        for (uint32_t i = run.taken; i < batch->rows; i++) {
            ef_rows_drop(base, run.handles[i], 1);
        }
        return status;
    }
    return ef_out_finish(out, base->pages, &base->layout, window->is_batch, error);
}

static int64_t expression_next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

static void expression_purge(void *self, uint32_t slot) {
    expression_window *window = self;
    expression_slot *slots = window->slots.items;
    uint32_t from = slot == EF_ALL_SLOTS ? 0 : slot;
    uint32_t to = slot == EF_ALL_SLOTS ? window->slots.count : slot + 1;
    for (uint32_t i = from; i < to && i < window->slots.count; i++) {
        ef_row_queue_drop(&window->base, &slots[i].rows);
        ef_row_queue_drop(&window->base, &slots[i].previous);
    }
    if (slot == EF_ALL_SLOTS) {
        ef_slots_clear(&window->slots, window->base.alloc);
    }
    ef_select_class.purge(window->condition, slot);
}

/* Slots, pages, and what the condition has counted. */
static ef_status expression_save(const void *self, ef_writer *writer, ef_error *error) {
    const expression_window *window = self;
    const expression_slot *slots = window->slots.items;
    ef_put_u32(writer, window->slots.count);
    for (uint32_t i = 0; i < window->slots.count; i++) {
        ef_row_queue_save(&slots[i].rows, writer);
        ef_row_queue_save(&slots[i].previous, writer);
    }
    ef_pages_save(window->base.pages, writer);
    EF_TRY(ef_select_class.save(window->condition, writer, error));
    return ef_writer_status(writer, error);
}

#define SLOT_BYTES 24u /* of a saved slot */

static ef_status read_slots(expression_window *window, const char *saved, uint32_t count, ef_error *error) {
    ef_window *base = &window->base;
    expression_slot *slots = window->slots.items;
    ef_row_checker checker;
    ef_reader reader;
    ef_reader_init(&reader, saved, (size_t)count * SLOT_BYTES);
    EF_TRY(ef_row_checker_init(&checker, base->pages, &base->layout, base->alloc, error));
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < count && status == EF_OK; i++) {
        status = ef_row_queue_load(&slots[i].rows, &checker, &reader, error);
        if (status == EF_OK) {
            status = ef_row_queue_load(&slots[i].previous, &checker, &reader, error);
        }
        base->held += (uint64_t)slots[i].rows.count + slots[i].previous.count;
    }
    ef_row_checker_clear(&checker);
    return status;
}

static ef_status expression_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    expression_window *window = self;
    ef_window *base = &window->base;
    (void)version;
    uint32_t count = ef_get_u32(reader);
    const char *saved = ef_get_bytes(reader, (size_t)count * SLOT_BYTES);
    if (saved == NULL) {
        return ef_fail(error, EF_CORRUPT, "the saved state of a window ends too early");
    }
    EF_TRY(ef_slots_reserve(&window->slots, base->alloc, count, error));
    ef_status status = ef_pages_load(base->pages, reader, error);
    if (status == EF_OK) {
        status = read_slots(window, saved, count, error);
    }
    if (status == EF_OK) {
        status = ef_select_class.load(window->condition, reader, ef_select_class.state_version, error);
    }
    if (status != EF_OK) {
        ef_slots_clear(&window->slots, base->alloc);
        ef_window_forget(base);
        ef_select_class.purge(window->condition, EF_ALL_SLOTS);
    }
    return status;
}

static uint64_t expression_size(const void *self) {
    const expression_window *window = self;
    return window->base.held;
}

/* The content; of expressionBatch the batch that ended last, or with stream the open one. */
static ef_status expression_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    expression_window *window = self;
    (void)now;
    if (slot >= window->slots.count) {
        return EF_OK;
    }
    const expression_slot *state = (const expression_slot *)window->slots.items + slot;
    const ef_row_queue *rows = window->is_batch && !window->streams ? &state->previous : &state->rows;
    return ef_row_queue_find(&window->base, rows, slot, out, error);
}

/* There is no making it from parameters: the condition is a selection. */
static ef_status expression_create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "an expression window is made from a condition");
}

const ef_operator_class ef_expression_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "expression",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_FIFO | EF_READS_CLOCK,
    .state_version = 1,
    .create = expression_create,
    .destroy = expression_destroy,
    .process = expression_process,
    .next_due = expression_next_due,
    .purge = expression_purge,
    .save = expression_save,
    .load = expression_load,
    .size = expression_size,
    .find = expression_find,
};

const ef_operator_class ef_expression_batch_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "expression_batch",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_READS_CLOCK | EF_BATCH_CHUNKS,
    .state_version = 1,
    .create = expression_create,
    .destroy = expression_destroy,
    .process = expression_process,
    .next_due = expression_next_due,
    .purge = expression_purge,
    .save = expression_save,
    .load = expression_load,
    .size = expression_size,
    .find = expression_find,
};
