/* session(gap, key, latency): rows of a key belong together while no gap lies between them.
 *
 *      in:  a@1000   b@1500          c@2600            (gap 1000)
 *      out: C a      C b      X a X b       C c        the session of a and b ends at 2500
 *
 * Each row goes out as CURRENT at once; when its session ends, the session's rows go out as EXPIRED, with their own timestamps, one
 * delivery an end. Of each key there is an open session and, with a latency, the one that ended before it and waits for late rows:
 *
 *      ended: [ rows | start, end ]      waits until end + latency
 *      open:  [ rows | start, end ]      end = timestamp of the row that came last + gap
 *
 *      row with start <= timestamp <= end:       joins the open session
 *      above end:                                opens a session; the old one ends (with a latency it becomes the ended one, and an ended one
 *                                                before it goes out behind the rows of this delivery)
 *      start - gap <= timestamp < start:         stands in front of the open session, and moves its start; with a latency the ended session
 *                                                joins them if its end reaches the start - gap
 *      below, with a latency, if the ended session's start - gap is not above it: joins the ended session, which may then reach the open one
 *      else:                                     too late: dropped from the session and from the output
 *
 * Late rows stand before a *place*: the first row for the first late one; each later one moves the place on by one row, if there is one.
 *
 * Ends are asked for by rows and served in the order of asking: a time that was asked for later waits behind a greater one asked for before.
 * Each served time ends the open sessions that are over by then, then lets the ended ones go whose latency is.
 *
 * Without readers of EXPIRED rows only the first row of a session is retained, for its key. O(log keys) a row. */
#include "window/sessions.h"
#include "window/windows.h"

typedef struct session_window {
    ef_sessions sessions;
    int64_t gap;
    int64_t latency;
} session_window;

typedef struct session_run {
    session_window *window;
    const ef_batch *batch;
    ef_out *out;
    ef_walk walk;
    ef_handle *handles; /* NULL: nothing is retained yet */
    uint32_t taken;     /* rows below it are in sessions, or dropped */
    ef_row_queue leaving; /* rows that go out at the end of the delivery */
} session_run;

/* ---- what happens to a session ---- */

static void append(session_window *window, ef_row_queue *queue, const ef_row_queue *more) {
    ef_status status = ef_row_queue_append(queue, window->sessions.base.pages, more, NULL);
    EF_ASSERT(status == EF_OK); /* prepared */
    (void)status;
}

/* Moves the place on, and puts rows before it. */
static void put_in_front(session_window *window, ef_session *entry, const ef_row_queue *rows) {
    ef_pages *pages = window->sessions.base.pages;
    ef_row_queue *queue = &entry->open.rows;
    if (entry->place == EF_NO_HANDLE) {
        entry->place = queue->head;
    } else if (entry->place != queue->tail) {
        entry->before_place = entry->place;
        entry->place = ef_row_next(ef_pages_at(pages, entry->place));
    }
    char *last = ef_pages_write(pages, rows->tail);
    char *before = entry->before_place != EF_NO_HANDLE ? ef_pages_write(pages, entry->before_place) : NULL;
    EF_ASSERT(last != NULL && (before != NULL || entry->before_place == EF_NO_HANDLE)); /* prepared */
    ef_row_set_next(last, entry->place);
    if (before != NULL) {
        ef_row_set_next(before, rows->head);
    } else {
        queue->head = rows->head;
    }
    entry->before_place = rows->tail;
    queue->count += rows->count;
}

/* The open session becomes the ended one, behind what that has. */
static void end_session(session_window *window, ef_session *entry) {
    append(window, &entry->ended.rows, &entry->open.rows);
    entry->ended.start = entry->open.start;
    entry->ended.end = entry->open.end;
    ef_session_clear_span(entry, EF_SESSION_OPEN);
}

/* a - gap, held at the end of the range. */
static int64_t time_before(int64_t a, int64_t gap) {
    return a < INT64_MIN + gap ? INT64_MIN : a - gap;
}

static void merge(session_window *window, ef_session *entry) {
    if (entry->ended.rows.count > 0 && entry->ended.end >= time_before(entry->open.start, window->gap)) {
        put_in_front(window, entry, &entry->ended.rows);
        entry->open.start = entry->ended.start;
        ef_session_clear_span(entry, EF_SESSION_ENDED);
    }
}

/* Makes all that can happen to a session by one row infallible. */
static ef_status prepare(session_window *window, ef_session *entry, ef_error *error) {
    ef_pages *pages = window->sessions.base.pages;
    EF_TRY(ef_row_queue_prepare(&entry->open.rows, pages, error));
    EF_TRY(ef_row_queue_prepare(&entry->ended.rows, pages, error));
    if ((entry->place != EF_NO_HANDLE && ef_pages_write(pages, entry->place) == NULL) ||
        (entry->before_place != EF_NO_HANDLE && ef_pages_write(pages, entry->before_place) == NULL)) {
        return ef_fail_memory(error);
    }
    return EF_OK;
}

/* ---- firing ---- */

/* Rows of a queue as EXPIRED (room is there), then they are dropped. */
static void expire(session_window *window, ef_row_queue *rows, uint32_t slot, int64_t cause, ef_out *out) {
    if (window->sessions.base.wants_expired) {
        ef_row_queue_emit(rows, window->sessions.base.pages, out, EF_EXPIRED, NULL, cause, slot);
    }
    ef_row_queue_drop(&window->sessions.base, rows);
}

/* Serves the time that was asked for first. */
static ef_status serve(session_window *window, uint32_t slot, int64_t cause, ef_out *out, ef_error *error) {
    ef_session_slot *state = ef_sessions_slot(&window->sessions, slot);
    int64_t time = state->asked[state->asked_first];
    ef_session_heap *open = &state->heap[EF_SESSION_OPEN], *ended = &state->heap[EF_SESSION_ENDED];
    while (open->count > 0 && window->sessions.sessions[open->ids[0]].open.end <= time) {
        uint32_t id = open->ids[0];
        ef_session *entry = &window->sessions.sessions[id];
        if (window->latency > 0) {
            EF_TRY(ef_sessions_reserve_asked(&window->sessions, state, 1, error));
            EF_TRY(ef_row_queue_prepare(&entry->ended.rows, window->sessions.base.pages, error));
            end_session(window, entry);
            ef_session_ask(state, ef_time_after(entry->ended.end, window->latency));
            ef_sessions_update(&window->sessions, id, EF_SESSION_ENDED);
        } else {
            EF_TRY(ef_out_reserve(out, entry->open.rows.count, error));
            expire(window, &entry->open.rows, slot, cause, out);
            ef_session_clear_span(entry, EF_SESSION_OPEN);
        }
        ef_sessions_update(&window->sessions, id, EF_SESSION_OPEN);
        ef_sessions_remove_if_empty(&window->sessions, id);
    }
    while (ended->count > 0 && ef_time_after(window->sessions.sessions[ended->ids[0]].ended.end, window->latency) <= time) {
        uint32_t id = ended->ids[0];
        ef_session *entry = &window->sessions.sessions[id];
        EF_TRY(ef_out_reserve(out, entry->ended.rows.count, error));
        expire(window, &entry->ended.rows, slot, cause, out);
        ef_sessions_update(&window->sessions, id, EF_SESSION_ENDED);
        ef_sessions_remove_if_empty(&window->sessions, id);
    }
    state->asked_first = (state->asked_first + 1) % state->asked_capacity;
    state->asked_count--;
    ef_sessions_set_timer(&window->sessions, slot);
    return EF_OK;
}

/* Fires what is due before a row with `cause`; INT64_MAX: until the end of the track. */
static ef_status fire(session_run *run, int64_t cause, ef_error *error) {
    ef_timers *timers = &run->window->sessions.timers;
    for (;;) {
        int64_t step = ef_walk_next(&run->walk, ef_timers_next(timers), cause);
        if (step < 0) {
            return EF_OK;
        }
        EF_TRY(serve(run->window, ef_timers_slot(timers), EF_CAUSE(step, run->walk.rank, run->walk.fired - 1), run->out,
                     error));
        ef_out_end(run->out);
    }
}

/* ---- rows ---- */

/* The row joins the queue, or is dropped when only the first row of a session is needed. */
static void retain(session_run *run, ef_row_queue *queue, uint32_t i) {
    session_window *window = run->window;
    ef_row_queue one = {run->handles[i], run->handles[i], 1};
    if (window->sessions.base.wants_expired || queue->count == 0) {
        append(window, queue, &one);
    } else {
        ef_rows_drop(&window->sessions.base, one.head, 1);
    }
}

/* What row i does to its session. False: it is too late. */
static bool place_row(session_run *run, uint32_t id, uint32_t i, int64_t cause) {
    session_window *window = run->window;
    ef_session *entry = &window->sessions.sessions[id];
    ef_session_slot *slot = ef_sessions_slot(&window->sessions, entry->slot);
    ef_span *open = &entry->open, *ended = &entry->ended;
    int64_t time = run->batch->timestamps[i];
    int64_t end = ef_time_after(time, window->gap);
    if (open->rows.count == 0 || time > open->end) {
        if (open->rows.count > 0 && window->latency == 0) {
            expire(window, &open->rows, entry->slot, cause, run->out);
            ef_session_clear_span(entry, EF_SESSION_OPEN);
        } else if (open->rows.count > 0) {
            append(window, &run->leaving, &ended->rows);
            ef_session_clear_span(entry, EF_SESSION_ENDED);
            end_session(window, entry);
            ef_session_ask(slot, ef_time_after(ended->end, window->latency));
        }
        retain(run, &open->rows, i);
        open->start = time;
        open->end = end;
        ef_session_ask(slot, end);
    } else if (time >= open->start) {
        retain(run, &open->rows, i);
        open->end = end;
        ef_session_ask(slot, end);
    } else if (time >= time_before(open->start, window->gap)) {
        ef_row_queue one = {run->handles[i], run->handles[i], 1};
        if (window->sessions.base.wants_expired) {
            put_in_front(window, entry, &one);
        } else {
            ef_rows_drop(&window->sessions.base, one.head, 1);
        }
        open->start = time;
        if (window->latency > 0) {
            merge(window, entry);
        }
    } else if (window->latency == 0 || ended->rows.count == 0 || time < time_before(ended->start, window->gap)) {
        return false;
    } else {
        retain(run, &ended->rows, i);
        if (time < ended->start && time <= time_before(ended->end, window->gap)) {
            ended->start = time;
        } else {
            ended->end = end;
            merge(window, entry);
        }
    }
    ef_sessions_update(&window->sessions, id, EF_SESSION_OPEN);
    ef_sessions_update(&window->sessions, id, EF_SESSION_ENDED);
    return true;
}

static ef_status take_row(session_run *run, uint32_t i, ef_error *error) {
    session_window *window = run->window;
    const ef_batch *batch = run->batch;
    int64_t cause = ef_row_cause(batch, i);
    uint32_t slot = ef_row_slot(batch, i);
    if (ef_timers_next(&window->sessions.timers) <= ef_row_clock(batch, i, run->walk.track)) {
        EF_TRY(fire(run, cause, error));
    }
    ef_walk_row(&run->walk, cause);
    ef_str key = ef_str_empty();
    bool null = true;
    if (window->sessions.has_key) {
        const ef_column *column = &batch->column[window->sessions.key];
        null = ef_is_null(column, i);
        memcpy(&key, (const ef_str *)column->values + i, sizeof key);
    }
    uint32_t hash = ef_sessions_hash(&key, null, slot);
    uint32_t id = ef_sessions_find(&window->sessions, &key, null, slot, hash);
    EF_TRY(ef_sessions_reserve_asked(&window->sessions, ef_sessions_slot(&window->sessions, slot), 2, error));
    EF_TRY(ef_sessions_reserve(&window->sessions, slot, error));
    if (id != EF_NO_SESSION) {
        EF_TRY(prepare(window, &window->sessions.sessions[id], error));
        EF_TRY(ef_out_reserve(run->out, window->sessions.sessions[id].open.rows.count + 1, error));
    } else {
        EF_TRY(ef_out_reserve(run->out, 1, error));
        id = ef_sessions_add(&window->sessions, slot, hash);
    }
    run->taken = i + 1;
    if (place_row(run, id, i, cause)) {
        ef_out_put(run->out, EF_FROM_INPUT(i), batch->timestamps[i], EF_CURRENT, cause, slot);
    } else {
        ef_rows_drop(&window->sessions.base, run->handles[i], 1);
    }
    ef_sessions_set_timer(&window->sessions, slot);
    return EF_OK;
}

static ef_status end_delivery(session_run *run, uint32_t i, ef_error *error) {
    if (run->leaving.count > 0) {
        EF_TRY(ef_out_reserve(run->out, run->leaving.count, error));
        expire(run->window, &run->leaving, ef_row_slot(run->batch, i), ef_row_cause(run->batch, i), run->out);
    }
    ef_out_end(run->out);
    return EF_OK;
}

static ef_status take_rows(session_run *run, ef_error *error) {
    ef_delivery_cursor cursor;
    ef_delivery_cursor_init(&cursor, run->batch);
    for (uint32_t i = 0; i < run->batch->rows; i++) {
        EF_TRY(take_row(run, i, error));
        if (ef_delivery_cursor_ends(&cursor, i)) {
            EF_TRY(end_delivery(run, i, error));
        }
    }
    return fire(run, INT64_MAX, error);
}

static ef_status session_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                                 ef_error *error) {
    session_window *window = self;
    ef_window *base = &window->sessions.base;
    uint32_t slots = ef_batch_slot_count(batch);
    session_run run = {.window = window, .batch = batch, .out = out};
    (void)port;
    EF_TRY(ef_slots_reserve(&window->sessions.slots, base->alloc, slots, error));
    EF_TRY(ef_timers_reserve(&window->sessions.timers, base->alloc, slots, error));
    run.handles = ef_arena_take(out->arena, (batch->rows + (size_t)1) * sizeof *run.handles);
    if (run.handles == NULL) {
        return ef_fail_memory(error);
    }
    EF_TRY(ef_rows_keep(base->pages, &base->layout, batch, 0, batch->rows, run.handles, error));
    base->held += batch->rows;
    ef_walk_init(&run.walk, track, base->rank);
    ef_status status = take_rows(&run, error);
    if (status != EF_OK) {
        ef_row_queue_drop(base, &run.leaving);
        for (uint32_t i = run.taken; i < batch->rows; i++) {
            ef_rows_drop(base, run.handles[i], 1);
        }
        return status;
    }
    return ef_out_finish(out, base->pages, &base->layout, false, error);
}

/* ---- the rest ---- */

static void session_destroy(void *self) {
    session_window *window = self;
    ef_alloc *alloc = window->sessions.base.alloc;
    ef_sessions_clear(&window->sessions);
    ef_window_clear(&window->sessions.base);
    ef_free(alloc, window, sizeof *window);
}

static ef_status session_create(const ef_operator_config *config, void **self, ef_error *error) {
    int64_t gap, latency;
    uint32_t key = 0;
    bool has_key = ef_param_given(config, 1);
    EF_TRY(ef_param_integer(config, 0, "the gap of a session window", 0, &gap, error));
    if (has_key) {
        EF_TRY(ef_param_column(config, 1, "the key of a session window", EF_STRING, &key, error));
    }
    EF_TRY(ef_param_integer_or(config, 2, "the latency of a session window", 0, 0, &latency, error));
    if (latency > gap) {
        return ef_fail(error, EF_INVALID, "the latency of a session window must not be above its gap, got %lld > %lld",
                       (long long)latency, (long long)gap);
    }
    session_window *window = ef_calloc(config->alloc, sizeof *window);
    if (window == NULL) {
        return ef_fail_memory(error);
    }
    window->gap = gap;
    window->latency = latency;
    window->sessions.key = key;
    window->sessions.has_key = has_key;
    ef_status status = ef_sessions_init(&window->sessions, config, error);
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

static int64_t session_next_due(const void *self) {
    const session_window *window = self;
    return ef_timers_next(&window->sessions.timers);
}

static void session_purge(void *self, uint32_t slot) {
    session_window *window = self;
    ef_sessions_purge(&window->sessions, slot);
}

static ef_status session_save(const void *self, ef_writer *writer, ef_error *error) {
    const session_window *window = self;
    ef_sessions_save(&window->sessions, writer);
    return ef_writer_status(writer, error);
}

static ef_status session_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    session_window *window = self;
    (void)version;
    return ef_sessions_load(&window->sessions, reader, error);
}

static uint64_t session_size(const void *self) {
    const session_window *window = self;
    return window->sessions.base.held;
}

/* What a search finds in a session window: nothing, as in the engine that the language comes from. */
static ef_status session_find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    (void)self;
    (void)slot;
    (void)now;
    (void)out;
    (void)error;
    return EF_OK;
}

const ef_operator_class ef_session_window_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "session",
    .flags = EF_SLOTS | EF_BATCHED | EF_FINDS | EF_TIMERS,
    .state_version = 1,
    .create = session_create,
    .destroy = session_destroy,
    .process = session_process,
    .next_due = session_next_due,
    .purge = session_purge,
    .save = session_save,
    .load = session_load,
    .size = session_size,
    .find = session_find,
};
