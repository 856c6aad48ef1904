/* The operator of window functions: see window_function.h.
 *
 *      slot ──> queue of rows, oldest arrival first; the time of a row stands in place of its timestamp
 *               end: of the next window that closes and holds rows (SESSION: start and last of the open session)
 *
 * A row that several windows hold is kept once, until it is at the head and no window that is still open can hold it. Closing a window visits the rows of its slot:
 * O(rows of the open windows). One timer a slot. */
#include "eventtime/window_function.h"

#include "graph/node.h"
#include "window/timers.h"

typedef struct function_slot {
    ef_row_queue rows;
    int64_t end;         /* EF_NEVER or 0 with no rows: none */
    int64_t start, last; /* SESSION */
} function_slot;

typedef struct window_function {
    ef_window base;
    ef_window_function_config function;
    ef_slots slots; /* of function_slot */
    ef_timers timers;
} window_function;

/* Bounds of the windows of what is put out, row by row; in the slice arena. */
typedef struct bounds {
    int64_t *start, *end;
    uint32_t capacity;
} bounds;

typedef struct function_run {
    window_function *function;
    const ef_batch *batch;
    ef_out *out;
    ef_walk walk;
    bounds bounds;
    ef_handle *handles; /* of the kept input rows */
} function_run;

/* ---- windows ---- */

/* Start of the window that ends at `end`. */
static int64_t start_of(const ef_window_function_config *f, int64_t end) {
    if (f->kind == EF_CUMULATE) {
        return ef_grid_after(end - 1, f->offset, f->size) - f->size;
    }
    return end - f->size;
}

/* The first end behind `time`. */
static int64_t first_end(const ef_window_function_config *f, int64_t time) {
    return ef_grid_after(time, f->offset, f->hop);
}

/* The last end of a window that holds `time`. */
static int64_t last_end(const ef_window_function_config *f, int64_t time) {
    switch (f->kind) {
    case EF_HOP:
        return ef_time_after(first_end(f, time), f->size - f->hop);
    case EF_CUMULATE:
        return ef_grid_after(time, f->offset, f->size);
    case EF_TUMBLE:
    case EF_SESSION:
        break;
    }
    return first_end(f, time);
}

/* ---- what is put out ---- */

static ef_status reserve(function_run *run, uint32_t more, ef_error *error) {
    ef_out *out = run->out;
    EF_TRY(ef_out_reserve(out, more, error));
    if (out->capacity > run->bounds.capacity) {
        int64_t *start = ef_arena_take(out->arena, out->capacity * sizeof *start);
        int64_t *end = ef_arena_take(out->arena, out->capacity * sizeof *end);
        if (start == NULL || end == NULL) {
            return ef_fail_memory(error);
        }
        if (out->rows > 0) {
            memcpy(start, run->bounds.start, out->rows * sizeof *start);
            memcpy(end, run->bounds.end, out->rows * sizeof *end);
        }
        run->bounds = (bounds){.start = start, .end = end, .capacity = out->capacity};
    }
    return EF_OK;
}

/* After the reserve. */
static void put(function_run *run, ef_source source, int64_t timestamp, uint8_t kind, int64_t cause, uint32_t slot,
                int64_t start, int64_t end) {
    run->bounds.start[run->out->rows] = start;
    run->bounds.end[run->out->rows] = end;
    ef_out_put(run->out, source, timestamp, kind, cause, slot);
}

/* The columns of the input, then the bounds. */
static ef_status finish(function_run *run, bool is_chunk, ef_error *error) {
    ef_out *out = run->out;
    const ef_window *base = &run->function->base;
    out->may_stay = false; /* columns are added */
    EF_TRY(ef_out_finish(out, base->pages, &base->layout, is_chunk, error));
    uint32_t rows = out->result.rows, columns = out->result.columns;
    if (rows == 0) {
        return EF_OK;
    }
    ef_column *all = ef_arena_take(out->arena, (columns + EF_WINDOW_FUNCTION_COLUMNS) * sizeof *all);
    int64_t *times = ef_arena_take(out->arena, rows * sizeof *times);
    if (all == NULL || times == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < rows; i++) {
        times[i] = run->bounds.end[i] - 1;
    }
    if (columns > 0) {
        memcpy(all, out->result.column, columns * sizeof *all);
    }
    all[columns] = (ef_column){.type = EF_LONG, .values = run->bounds.start};
    all[columns + 1] = (ef_column){.type = EF_LONG, .values = run->bounds.end};
    all[columns + 2] = (ef_column){.type = EF_LONG, .values = times};
    out->result.column = all;
    out->result.columns = columns + EF_WINDOW_FUNCTION_COLUMNS;
    return EF_OK;
}

static int64_t time_of(const function_run *run, uint32_t i, int64_t clock) {
    int32_t column = run->function->function.time_column;
    return column < 0 ? clock : ((const int64_t *)run->batch->column[column].values)[i];
}

/* The copies of an input row, one for each window that holds it and is not closed; how many. */
static ef_status put_copies(function_run *run, uint32_t i, int64_t time, int64_t after, uint32_t *copies,
                            ef_error *error) {
    const ef_window_function_config *f = &run->function->function;
    *copies = 0;
    int64_t last = last_end(f, time);
    for (int64_t end = first_end(f, time > after ? time : after); end <= last; end = ef_time_after(end, f->hop)) {
        EF_TRY(reserve(run, 1, error));
        put(run, EF_FROM_INPUT(i), run->batch->timestamps[i], ef_row_kind(run->batch, i), ef_row_cause(run->batch, i),
            ef_row_slot(run->batch, i), start_of(f, end), end);
        (*copies)++;
        if (end == INT64_MAX) {
            break;
        }
    }
    return EF_OK;
}

/* ---- at once ---- */

static ef_status process_pass(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                              ef_error *error) {
    (void)port;
    window_function *w = self;
    if (w->function.time_column >= 0) {
        EF_TRY(ef_window_refuse_nulls(&batch, (uint32_t)w->function.time_column, "the time of the row is null", out, error));
    }
    function_run run = {.function = w, .batch = batch, .out = out};
    uint32_t from = 0;
    for (uint32_t d = 0; from < batch->rows; d++) {
        uint32_t to = ef_delivery_end(batch, d);
        for (; from < to; from++) {
            if (ef_row_kind(batch, from) == EF_RESET) {
                EF_TRY(reserve(&run, 1, error));
                put(&run, EF_FROM_INPUT(from), batch->timestamps[from], EF_RESET, ef_row_cause(batch, from),
                    ef_row_slot(batch, from), 0, 1);
                continue;
            }
            uint32_t copies;
            EF_TRY(put_copies(&run, from, time_of(&run, from, ef_row_clock(batch, from, track)), INT64_MIN, &copies, error));
        }
        ef_out_end(out);
    }
    return finish(&run, false, error);
}

/* ---- with timers ---- */

static bool is_session(const window_function *w) {
    return w->function.kind == EF_SESSION;
}

/* All rows of the queue with times in [start, end). `count` from the first pass. */
static uint32_t count_rows(const window_function *w, const function_slot *slot, int64_t start, int64_t end) {
    uint32_t count = 0;
    ef_handle handle = slot->rows.head;
    for (uint32_t i = 0; i < slot->rows.count; i++) {
        const char *row = ef_pages_at(w->base.pages, handle);
        int64_t time = ef_row_timestamp(row);
        count += time >= start && time < end;
        handle = ef_row_next(row);
    }
    return count;
}

static void put_rows(function_run *run, const function_slot *slot, uint32_t number, uint8_t kind, int64_t timestamp,
                     int64_t cause, int64_t start, int64_t end) {
    const ef_pages *pages = run->function->base.pages;
    ef_handle handle = slot->rows.head;
    for (uint32_t i = 0; i < slot->rows.count; i++) {
        const char *row = ef_pages_at(pages, handle);
        int64_t time = ef_row_timestamp(row);
        if (time >= start && time < end) {
            put(run, EF_FROM_RETAINED(handle), timestamp, kind, cause, number, start, end);
        }
        handle = ef_row_next(row);
    }
}

/* The next end behind `closed` of a window that holds a row of the slot, EF_NEVER: there is none. */
static int64_t next_end(const window_function *w, const function_slot *slot, int64_t closed) {
    const ef_window_function_config *f = &w->function;
    int64_t following = first_end(f, closed), next = EF_NEVER;
    ef_handle handle = slot->rows.head;
    for (uint32_t i = 0; i < slot->rows.count && next > following; i++) {
        const char *row = ef_pages_at(w->base.pages, handle);
        int64_t time = ef_row_timestamp(row);
        int64_t end = first_end(f, time > closed ? time : closed);
        next = end <= last_end(f, time) && end < next ? end : next;
        handle = ef_row_next(row);
    }
    return next;
}

/* Drops rows at the head that no open window holds. */
static void drop_closed(window_function *w, function_slot *slot, int64_t closed) {
    while (slot->rows.count > 0 &&
           last_end(&w->function, ef_row_timestamp(ef_pages_at(w->base.pages, slot->rows.head))) <= closed) {
        ef_handle row = ef_row_queue_pop(&slot->rows, w->base.pages);
        ef_row_drop(w->base.pages, &w->base.layout, row);
        w->base.held--;
    }
    if (slot->rows.count == 0) {
        slot->rows = (ef_row_queue){0, 0, 0};
    }
}

/* Puts out what the closing of [start, end) says. */
static ef_status put_closing(function_run *run, const function_slot *slot, uint32_t number, int64_t clock, int64_t cause,
                             int64_t start, int64_t end, ef_error *error) {
    const window_function *w = run->function;
    if (w->function.emission == EF_EMIT_CHANGES && !w->base.wants_expired) {
        return EF_OK;
    }
    EF_TRY(reserve(run, count_rows(w, slot, start, end) + 1, error));
    switch (w->function.emission) {
    case EF_EMIT_CHANGES:
        put_rows(run, slot, number, EF_EXPIRED, clock, cause, start, end);
        break;
    case EF_EMIT_AT_CLOSE:
        put(run, EF_FROM_NONE, clock, EF_RESET, cause, number, start, end);
        put_rows(run, slot, number, EF_CURRENT, end - 1, cause, start, end);
        break;
    case EF_EMIT_AT_ONCE:
        put_rows(run, slot, number, EF_CURRENT, end - 1, cause, start, end);
        break;
    }
    return EF_OK;
}

static ef_status close_window(function_run *run, uint32_t number, int64_t clock, int64_t cause, ef_error *error) {
    window_function *w = run->function;
    function_slot *slot = (function_slot *)w->slots.items + number;
    int64_t end = slot->end;
    int64_t start = is_session(w) ? slot->start : start_of(&w->function, end);
    EF_TRY(put_closing(run, slot, number, clock, cause, start, end, error));
    if (is_session(w)) {
        ef_row_queue_drop(&w->base, &slot->rows);
        slot->end = EF_NEVER;
    } else {
        drop_closed(w, slot, end);
        slot->end = next_end(w, slot, end);
    }
    ef_timers_set(&w->timers, number, slot->end);
    ef_out_end(run->out);
    return EF_OK;
}

/* Fires what is due before a row with `cause`; INT64_MAX: until the end of the track. */
static ef_status fire(function_run *run, int64_t cause, ef_error *error) {
    for (;;) {
        int64_t step = ef_walk_next(&run->walk, ef_timers_next(&run->function->timers), cause);
        if (step < 0) {
            return EF_OK;
        }
        EF_TRY(close_window(run, ef_timers_slot(&run->function->timers), run->walk.track->clock[step],
                            EF_CAUSE(step, run->walk.rank, run->walk.fired - 1), error));
    }
}

static bool is_open(const window_function *w, const function_slot *slot, int64_t time, int64_t clock) {
    if (!is_session(w)) {
        return last_end(&w->function, time) > clock;
    }
    bool joins = slot->rows.count > 0 && ef_time_after(time, w->function.size) > slot->start;
    return joins || ef_time_after(time, w->function.size) > clock;
}

/* Keeps a row whose time is known; its handle is the run's no more. */
static ef_status keep_row(function_run *run, function_slot *slot, ef_handle handle, int64_t time, ef_error *error) {
    window_function *w = run->function;
    char *row = ef_pages_write(w->base.pages, handle); /* just kept: private */
    EF_ASSERT(row != NULL);
    memcpy(row + EF_ROW_TIMESTAMP, &time, sizeof time);
    ef_row_queue one;
    ef_row_queue_make(&one, w->base.pages, &handle, 1);
    return ef_row_queue_append(&slot->rows, w->base.pages, &one, error);
}

static ef_status take_row(function_run *run, uint32_t i, bool *kept, ef_error *error) {
    window_function *w = run->function;
    const ef_batch *batch = run->batch;
    uint32_t number = ef_row_slot(batch, i);
    function_slot *slot = (function_slot *)w->slots.items + number;
    int64_t clock = ef_row_clock(batch, i, run->walk.track);
    int64_t time = time_of(run, i, clock);
    *kept = false;
    if (ef_row_kind(batch, i) != EF_CURRENT || !is_open(w, slot, time, clock)) {
        return EF_OK;
    }
    if (w->function.emission == EF_EMIT_CHANGES) {
        uint32_t copies;
        EF_TRY(put_copies(run, i, time, clock, &copies, error));
        ef_out_end(run->out);
    }
    bool first = slot->rows.count == 0;
    EF_TRY(keep_row(run, slot, run->handles[i], time, error));
    *kept = true;
    if (is_session(w)) {
        slot->start = first || time < slot->start ? time : slot->start;
        slot->last = first || time > slot->last ? time : slot->last;
        slot->end = ef_time_after(slot->last, w->function.size);
    } else {
        int64_t end = first_end(&w->function, time > clock ? time : clock);
        slot->end = first || end < slot->end ? end : slot->end;
    }
    ef_timers_set(&w->timers, number, slot->end);
    return EF_OK;
}

static ef_status take_rows(function_run *run, ef_error *error) {
    window_function *w = run->function;
    const ef_batch *batch = run->batch;
    ef_status status = EF_OK;
    uint32_t i = 0;
    for (; i < batch->rows && status == EF_OK; i++) {
        int64_t cause = ef_row_cause(batch, i);
        bool kept = false;
        status = fire(run, cause, error);
        if (status == EF_OK) {
            ef_walk_row(&run->walk, cause);
            status = take_row(run, i, &kept, error);
        }
        if (!kept) {
            ef_row_drop(w->base.pages, &w->base.layout, run->handles[i]);
            w->base.held--;
        }
    }
    for (; i < batch->rows; i++) {
        ef_row_drop(w->base.pages, &w->base.layout, run->handles[i]);
        w->base.held--;
    }
    return status == EF_OK ? fire(run, INT64_MAX, error) : status;
}

static ef_status process_timed(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                               ef_error *error) {
    (void)port;
    window_function *w = self;
    if (w->function.time_column >= 0) {
        EF_TRY(ef_window_refuse_nulls(&batch, (uint32_t)w->function.time_column, "the time of the row is null", out, error));
    }
    function_run run = {.function = w, .batch = batch, .out = out};
    uint32_t slots = ef_batch_slot_count(batch);
    EF_TRY(ef_slots_reserve(&w->slots, w->base.alloc, slots, error));
    EF_TRY(ef_timers_reserve(&w->timers, w->base.alloc, slots, error));
    if (batch->rows > 0) {
        run.handles = ef_arena_take(out->arena, batch->rows * sizeof *run.handles);
        if (run.handles == NULL) {
            return ef_fail_memory(error);
        }
        EF_TRY(ef_rows_keep(w->base.pages, &w->base.layout, batch, 0, batch->rows, run.handles, error));
        w->base.held += batch->rows;
    }
    ef_walk_init(&run.walk, track, w->base.rank);
    EF_TRY(take_rows(&run, error));
    return finish(&run, w->function.emission == EF_EMIT_AT_CLOSE, error);
}

/* ---- life ---- */

static ef_status create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "a window function is made by its call");
}

static void destroy(void *self) {
    window_function *w = self;
    ef_alloc *alloc = w->base.alloc;
    ef_slots_clear(&w->slots, alloc);
    ef_timers_clear(&w->timers, alloc);
    ef_window_clear(&w->base);
    ef_free(alloc, w, sizeof *w);
}

static int64_t next_due(const void *self) {
    return ef_timers_next(&((const window_function *)self)->timers);
}

static void purge(void *self, uint32_t slot) {
    window_function *w = self;
    function_slot *slots = w->slots.items;
    uint32_t from = slot == EF_ALL_SLOTS ? 0 : slot;
    uint32_t to = slot == EF_ALL_SLOTS ? w->slots.count : slot + 1;
    for (uint32_t i = from; i < to && i < w->slots.count; i++) {
        ef_row_queue_drop(&w->base, &slots[i].rows);
        slots[i] = (function_slot){.end = EF_NEVER};
        ef_timers_set(&w->timers, i, EF_NEVER);
    }
    if (slot == EF_ALL_SLOTS) {
        ef_slots_clear(&w->slots, w->base.alloc);
        ef_timers_clear(&w->timers, w->base.alloc);
    }
}

static ef_status save(const void *self, ef_writer *writer, ef_error *error) {
    const window_function *w = self;
    const function_slot *slots = w->slots.items;
    ef_pages_save(w->base.pages, writer);
    ef_put_u32(writer, w->slots.count);
    for (uint32_t i = 0; i < w->slots.count; i++) {
        ef_row_queue_save(&slots[i].rows, writer);
        ef_put_i64(writer, slots[i].end);
        ef_put_i64(writer, slots[i].start);
        ef_put_i64(writer, slots[i].last);
    }
    return ef_writer_status(writer, error);
}

#define SAVED_SLOT_SIZE 36u

static ef_status load_slots(window_function *w, ef_reader *reader, ef_error *error) {
    uint32_t count = ef_get_u32(reader);
    EF_TRY(ef_reader_status(reader, error));
    if (count > ef_reader_left(reader) / SAVED_SLOT_SIZE) {
        return ef_fail(error, EF_CORRUPT, "the saved state of a window function ends too early");
    }
    EF_TRY(ef_slots_reserve(&w->slots, w->base.alloc, count, error));
    EF_TRY(ef_timers_reserve(&w->timers, w->base.alloc, count, error));
    function_slot *slots = w->slots.items;
    ef_row_checker checker;
    EF_TRY(ef_row_checker_init(&checker, w->base.pages, &w->base.layout, w->base.alloc, error));
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < count && status == EF_OK; i++) {
        status = ef_row_queue_load(&slots[i].rows, &checker, reader, error);
        slots[i].end = ef_get_i64(reader);
        slots[i].start = ef_get_i64(reader);
        slots[i].last = ef_get_i64(reader);
        w->base.held += slots[i].rows.count;
        ef_timers_set(&w->timers, i, slots[i].rows.count > 0 ? slots[i].end : EF_NEVER);
    }
    ef_row_checker_clear(&checker);
    return status == EF_OK ? ef_reader_status(reader, error) : status;
}

static ef_status load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    (void)version;
    window_function *w = self;
    ef_status status = ef_pages_load(w->base.pages, reader, error);
    if (status == EF_OK) {
        status = load_slots(w, reader, error);
    }
    if (status != EF_OK) {
        ef_slots_clear(&w->slots, w->base.alloc);
        ef_timers_clear(&w->timers, w->base.alloc);
        ef_window_forget(&w->base);
    }
    return status;
}

static uint64_t size(const void *self) {
    return ((const window_function *)self)->base.held;
}

const ef_operator_class ef_window_pass_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "window_pass",
    .flags = EF_SLOTS | EF_BATCHED | EF_READS_CLOCK | EF_FIFO | EF_FAILS,
    .create = create,
    .destroy = destroy,
    .process = process_pass,
    .next_due = next_due,
};

#define TIMED(title, more_flags)                                                                                      \
    {                                                                                                                 \
        .abi_version = EF_ABI_VERSION, .struct_size = sizeof(ef_operator_class), .name = (title),                     \
        .flags = EF_SLOTS | EF_BATCHED | EF_TIMERS | EF_READS_CLOCK | EF_FAILS | (more_flags), .state_version = 1,     \
        .create = create, .destroy = destroy, .process = process_timed, .next_due = next_due, .purge = purge,         \
        .save = save, .load = load, .size = size                                                                      \
    }

const ef_operator_class ef_window_rows_class = TIMED("window_rows", 0);
const ef_operator_class ef_window_chunks_class = TIMED("window_chunks", EF_BATCH_CHUNKS | EF_FIFO);

const ef_operator_class *ef_window_function_class(const ef_window_function_config *function) {
    if (function->emission == EF_EMIT_AT_CLOSE) {
        return &ef_window_chunks_class;
    }
    bool keeps = function->emission == EF_EMIT_CHANGES || function->kind == EF_SESSION;
    return keeps ? &ef_window_rows_class : &ef_window_pass_class;
}

ef_status ef_window_function_create(const ef_operator_config *config, const ef_window_function_config *function,
                                    void **self, ef_error *error) {
    const ef_window_function_config *f = function;
    bool makes_sense = f->size > 0 && f->hop > 0 && f->size % f->hop == 0 &&
                       (f->time_column < 0 || ((uint32_t)f->time_column < config->columns &&
                                               config->types[f->time_column] == EF_LONG)) &&
                       (f->kind != EF_SESSION || f->emission != EF_EMIT_CHANGES);
    if (!makes_sense) {
        return ef_fail(error, EF_INVALID, "the arguments of a window function do not fit");
    }
    window_function *made = ef_calloc(config->alloc, sizeof *made);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    made->function = *function;
    ef_slots_init(&made->slots, sizeof(function_slot));
    ef_status status = ef_window_init(&made->base, config, error);
    if (status != EF_OK) {
        ef_free(config->alloc, made, sizeof *made);
        return status;
    }
    *self = made;
    return EF_OK;
}

ef_node_id ef_engine_window_function(ef_engine *engine, ef_node_id from, const ef_window_function_config *function,
                                     bool wants_expired, ef_error *error) {
    if (!ef_is_node(engine, from)) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "a window function has no input");
    }
    const ef_node *source = ef_node_at(engine, from);
    uint32_t columns = source->columns + EF_WINDOW_FUNCTION_COLUMNS;
    ef_type *types = ef_malloc(ef_engine_alloc(engine), columns * sizeof *types);
    if (types == NULL) {
        return ef_fail_memory(error);
    }
    memcpy(types, source->types, source->columns * sizeof *types);
    for (uint32_t c = source->columns; c < columns; c++) {
        types[c] = EF_LONG;
    }
    const ef_operator_class *operator_class = ef_window_function_class(function);
    ef_node *node = ef_operator_begin(engine, from, operator_class->name, columns, types, error);
    ef_free(ef_engine_alloc(engine), types, columns * sizeof *types);
    if (node == NULL) {
        return error != NULL && error->status != EF_OK ? (ef_node_id)error->status : EF_INVALID;
    }
    node->operator_class = operator_class;
    node->wants_expired = wants_expired;
    node->can_fail = function->time_column >= 0;
    ef_operator_config config = ef_operator_config_of(engine, node, source, NULL, 0, wants_expired);
    ef_status status = ef_window_function_create(&config, function, &node->self, error);
    if (status != EF_OK) {
        node->self = NULL;
        ef_operator_abandon(engine, node);
        return status;
    }
    return ef_operator_enter(engine, node, from, error);
}
