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
#include "base/handle_index.h"
#include "base/hash.h"
#include "window/timers.h"
#include "window/window.h"
#include "window/windows.h"

#define SEED UINT64_C(0x2545F4914F6CDD1D)
#define NO_SESSION UINT32_MAX

typedef struct span {
    ef_row_queue rows; /* count 0: there is none */
    int64_t start;
    int64_t end;
} span;

typedef struct session {
    span open;
    span ended;
    ef_handle place; /* in open.rows; EF_NO_HANDLE: no late row came yet */
    ef_handle before_place;
    uint32_t slot;
    uint32_t hash;
    uint32_t at[2];  /* 1 + index in the slot's heaps; 0: not in it */
    uint64_t number; /* order of creation */
    bool used;
} session;

enum { OPEN = 0, ENDED = 1 };

/* Sessions of a slot by (end, number). */
typedef struct session_heap {
    uint32_t *ids;
    uint32_t count;
    uint32_t capacity;
} session_heap;

typedef struct session_slot {
    session_heap heap[2];
    int64_t *asked; /* a ring of times asked for */
    uint32_t asked_first;
    uint32_t asked_count;
    uint32_t asked_capacity;
    uint32_t sessions;
} session_slot;

typedef struct session_window {
    ef_window base;
    ef_slots slots; /* of session_slot */
    ef_timers timers;
    ef_handle_index index; /* hash of (slot, key) -> number of a session */
    session *sessions;
    uint32_t session_count; /* used or not */
    uint32_t session_capacity;
    uint32_t unused; /* sessions that can be used anew are linked through `slot` */
    uint64_t created;
    int64_t gap;
    int64_t latency;
    uint32_t key;
    bool has_key;
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

/* ---- heaps ---- */

static span *span_of(session *entry, int which) {
    return which == OPEN ? &entry->open : &entry->ended;
}

static bool is_before(const session_window *window, int which, uint32_t a, uint32_t b) {
    session *x = &window->sessions[a], *y = &window->sessions[b];
    int64_t p = span_of(x, which)->end, q = span_of(y, which)->end;
    return p != q ? p < q : x->number < y->number;
}

static void heap_put(session_window *window, session_heap *heap, int which, uint32_t index, uint32_t id) {
    heap->ids[index] = id;
    window->sessions[id].at[which] = index + 1;
}

static void heap_settle(session_window *window, session_heap *heap, int which, uint32_t index, uint32_t id) {
    while (index > 0 && is_before(window, which, id, heap->ids[(index - 1) / 2])) {
        heap_put(window, heap, which, index, heap->ids[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    for (uint32_t child = 2 * index + 1; child < heap->count; child = 2 * index + 1) {
        if (child + 1 < heap->count && is_before(window, which, heap->ids[child + 1], heap->ids[child])) {
            child++;
        }
        if (!is_before(window, which, heap->ids[child], id)) {
            break;
        }
        heap_put(window, heap, which, index, heap->ids[child]);
        index = child;
    }
    heap_put(window, heap, which, index, id);
}

/* Brings a session to its place after its end changed, puts it in, or takes it out when it has no rows. Room was reserved. */
static void heap_update(session_window *window, uint32_t id, int which) {
    session *entry = &window->sessions[id];
    session_heap *heap = &((session_slot *)window->slots.items + entry->slot)->heap[which];
    if (span_of(entry, which)->rows.count > 0) {
        uint32_t index = entry->at[which] > 0 ? entry->at[which] - 1 : heap->count++;
        heap_settle(window, heap, which, index, id);
    } else if (entry->at[which] > 0) {
        uint32_t index = entry->at[which] - 1;
        uint32_t last = heap->ids[--heap->count];
        entry->at[which] = 0;
        if (last != id) {
            heap_settle(window, heap, which, index, last);
        }
    }
}

/* ---- times asked for ---- */

static session_slot *slot_at(const session_window *window, uint32_t slot) {
    return (session_slot *)window->slots.items + slot;
}

static ef_status asked_reserve(session_window *window, session_slot *slot, uint32_t more, ef_error *error) {
    if (EF_LIKELY(slot->asked_count + more <= slot->asked_capacity)) {
        return EF_OK;
    }
    uint64_t capacity = slot->asked_capacity > 0 ? (uint64_t)slot->asked_capacity * 2 : 8;
    while (capacity < (uint64_t)slot->asked_count + more) {
        capacity *= 2;
    }
    if (capacity > UINT32_MAX / 2) {
        return ef_fail(error, EF_LIMIT, "a session window waits for too many ends");
    }
    int64_t *grown = ef_malloc(window->base.alloc, (size_t)capacity * sizeof *grown);
    if (grown == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < slot->asked_count; i++) {
        grown[i] = slot->asked[(slot->asked_first + i) % slot->asked_capacity];
    }
    ef_free(window->base.alloc, slot->asked, slot->asked_capacity * sizeof *slot->asked);
    slot->asked = grown;
    slot->asked_first = 0;
    slot->asked_capacity = (uint32_t)capacity;
    return EF_OK;
}

/* A time equal to the one asked for last would find nothing to do. */
static void ask(session_slot *slot, int64_t time) {
    uint32_t count = slot->asked_count;
    if (count > 0 && slot->asked[(slot->asked_first + count - 1) % slot->asked_capacity] == time) {
        return;
    }
    slot->asked[(slot->asked_first + count) % slot->asked_capacity] = time;
    slot->asked_count++;
}

static void set_timer(session_window *window, uint32_t slot) {
    const session_slot *state = slot_at(window, slot);
    ef_timers_set(&window->timers, slot, state->asked_count > 0 ? state->asked[state->asked_first] : EF_NEVER);
}

/* ---- sessions ---- */

static uint32_t key_hash(const ef_str *key, bool null, uint32_t slot) {
    uint64_t hash = ef_hash_u64(slot, SEED);
    return ef_index_hash(null ? ef_hash_u64(0x6E756C6Cu, hash) : ef_hash_str(key, hash));
}

/* The key that the rows of a session have; false: null. */
static bool kept_key(const session_window *window, const session *entry, ef_str *key) {
    if (!window->has_key) {
        return false;
    }
    const ef_row_queue *rows = entry->open.rows.count > 0 ? &entry->open.rows : &entry->ended.rows;
    const ef_window *base = &window->base;
    return ef_row_read(base->pages, &base->layout, ef_pages_at(base->pages, rows->head), window->key, key);
}

static uint32_t find_session(const session_window *window, const ef_str *key, bool null, uint32_t slot,
                             uint32_t hash) {
    const ef_handle_index *index = &window->index;
    if (index->entries == NULL) {
        return NO_SESSION;
    }
    for (uint32_t at = hash & index->mask; index->entries[at] != EF_INDEX_EMPTY; at = (at + 1) & index->mask) {
        if (ef_index_entry_hash(index->entries[at]) != hash) {
            continue;
        }
        uint32_t id = ef_index_entry_handle(index->entries[at]);
        ef_str other;
        if (window->sessions[id].slot == slot && kept_key(window, &window->sessions[id], &other) == !null &&
            (null || ef_str_equal(&other, key))) {
            return id;
        }
    }
    return NO_SESSION;
}

/* Room for one more session everywhere. */
static ef_status reserve_session(session_window *window, uint32_t slot, ef_error *error) {
    ef_alloc *alloc = window->base.alloc;
    EF_TRY(ef_handle_index_reserve(&window->index, 1, error));
    if (window->unused == NO_SESSION) {
        void *sessions = window->sessions;
        ef_status status = ef_grow(alloc, &sessions, &window->session_capacity, window->session_count + 1,
                                   sizeof *window->sessions, error);
        window->sessions = sessions;
        EF_TRY(status);
    }
    for (int which = OPEN; which <= ENDED; which++) {
        session_heap *heap = &slot_at(window, slot)->heap[which];
        void *ids = heap->ids;
        ef_status status = ef_grow(alloc, &ids, &heap->capacity, slot_at(window, slot)->sessions + 1,
                                   sizeof *heap->ids, error);
        heap->ids = ids;
        EF_TRY(status);
    }
    return EF_OK;
}

static uint32_t add_session(session_window *window, uint32_t slot, uint32_t hash) {
    uint32_t id = window->unused;
    if (id != NO_SESSION) {
        window->unused = window->sessions[id].slot;
    } else {
        id = window->session_count++;
    }
    memset(&window->sessions[id], 0, sizeof *window->sessions);
    window->sessions[id].slot = slot;
    window->sessions[id].hash = hash;
    window->sessions[id].place = EF_NO_HANDLE;
    window->sessions[id].before_place = EF_NO_HANDLE;
    window->sessions[id].number = window->created++;
    window->sessions[id].used = true;
    slot_at(window, slot)->sessions++;
    ef_handle_index_add(&window->index, hash, id);
    return id;
}

static void remove_if_empty(session_window *window, uint32_t id) {
    session *entry = &window->sessions[id];
    if (entry->open.rows.count == 0 && entry->ended.rows.count == 0) {
        ef_handle_index_remove(&window->index, entry->hash, id);
        slot_at(window, entry->slot)->sessions--;
        entry->used = false;
        entry->slot = window->unused;
        window->unused = id;
    }
}

static void append(session_window *window, ef_row_queue *queue, const ef_row_queue *more) {
    ef_status status = ef_row_queue_append(queue, window->base.pages, more, NULL);
    EF_ASSERT(status == EF_OK); /* prepared */
    (void)status;
}

static void clear_span(session *entry, int which) {
    span_of(entry, which)->rows = (ef_row_queue){0, 0, 0};
    if (which == OPEN) {
        entry->place = EF_NO_HANDLE;
        entry->before_place = EF_NO_HANDLE;
    }
}

/* Moves the place on, and puts rows before it. */
static void put_in_front(session_window *window, session *entry, const ef_row_queue *rows) {
    ef_pages *pages = window->base.pages;
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
static void end_session(session_window *window, session *entry) {
    append(window, &entry->ended.rows, &entry->open.rows);
    entry->ended.start = entry->open.start;
    entry->ended.end = entry->open.end;
    clear_span(entry, OPEN);
}

/* a - gap, held at the end of the range. */
static int64_t time_before(int64_t a, int64_t gap) {
    return a < INT64_MIN + gap ? INT64_MIN : a - gap;
}

static void merge(session_window *window, session *entry) {
    if (entry->ended.rows.count > 0 && entry->ended.end >= time_before(entry->open.start, window->gap)) {
        put_in_front(window, entry, &entry->ended.rows);
        entry->open.start = entry->ended.start;
        clear_span(entry, ENDED);
    }
}

/* Makes all that can happen to a session by one row infallible. */
static ef_status prepare(session_window *window, session *entry, ef_error *error) {
    ef_pages *pages = window->base.pages;
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
    if (window->base.wants_expired) {
        ef_row_queue_emit(rows, window->base.pages, out, EF_EXPIRED, NULL, cause, slot);
    }
    ef_row_queue_drop(&window->base, rows);
}

/* Serves the time that was asked for first. */
static ef_status serve(session_window *window, uint32_t slot, int64_t cause, ef_out *out, ef_error *error) {
    session_slot *state = slot_at(window, slot);
    int64_t time = state->asked[state->asked_first];
    session_heap *open = &state->heap[OPEN], *ended = &state->heap[ENDED];
    while (open->count > 0 && window->sessions[open->ids[0]].open.end <= time) {
        uint32_t id = open->ids[0];
        session *entry = &window->sessions[id];
        if (window->latency > 0) {
            EF_TRY(asked_reserve(window, state, 1, error));
            EF_TRY(ef_row_queue_prepare(&entry->ended.rows, window->base.pages, error));
            end_session(window, entry);
            ask(state, ef_time_after(entry->ended.end, window->latency));
            heap_update(window, id, ENDED);
        } else {
            EF_TRY(ef_out_reserve(out, entry->open.rows.count, error));
            expire(window, &entry->open.rows, slot, cause, out);
            clear_span(entry, OPEN);
        }
        heap_update(window, id, OPEN);
        remove_if_empty(window, id);
    }
    while (ended->count > 0 && ef_time_after(window->sessions[ended->ids[0]].ended.end, window->latency) <= time) {
        uint32_t id = ended->ids[0];
        session *entry = &window->sessions[id];
        EF_TRY(ef_out_reserve(out, entry->ended.rows.count, error));
        expire(window, &entry->ended.rows, slot, cause, out);
        heap_update(window, id, ENDED);
        remove_if_empty(window, id);
    }
    state->asked_first = (state->asked_first + 1) % state->asked_capacity;
    state->asked_count--;
    set_timer(window, slot);
    return EF_OK;
}

/* Fires what is due before a row with `cause`; INT64_MAX: until the end of the track. */
static ef_status fire(session_run *run, int64_t cause, ef_error *error) {
    ef_timers *timers = &run->window->timers;
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
    if (window->base.wants_expired || queue->count == 0) {
        append(window, queue, &one);
    } else {
        ef_rows_drop(&window->base, one.head, 1);
    }
}

/* What row i does to its session. False: it is too late. */
static bool place_row(session_run *run, uint32_t id, uint32_t i, int64_t cause) {
    session_window *window = run->window;
    session *entry = &window->sessions[id];
    session_slot *slot = slot_at(window, entry->slot);
    span *open = &entry->open, *ended = &entry->ended;
    int64_t time = run->batch->timestamps[i];
    int64_t end = ef_time_after(time, window->gap);
    if (open->rows.count == 0 || time > open->end) {
        if (open->rows.count > 0 && window->latency == 0) {
            expire(window, &open->rows, entry->slot, cause, run->out);
            clear_span(entry, OPEN);
        } else if (open->rows.count > 0) {
            append(window, &run->leaving, &ended->rows);
            clear_span(entry, ENDED);
            end_session(window, entry);
            ask(slot, ef_time_after(ended->end, window->latency));
        }
        retain(run, &open->rows, i);
        open->start = time;
        open->end = end;
        ask(slot, end);
    } else if (time >= open->start) {
        retain(run, &open->rows, i);
        open->end = end;
        ask(slot, end);
    } else if (time >= time_before(open->start, window->gap)) {
        ef_row_queue one = {run->handles[i], run->handles[i], 1};
        if (window->base.wants_expired) {
            put_in_front(window, entry, &one);
        } else {
            ef_rows_drop(&window->base, one.head, 1);
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
    heap_update(window, id, OPEN);
    heap_update(window, id, ENDED);
    return true;
}

static ef_status take_row(session_run *run, uint32_t i, ef_error *error) {
    session_window *window = run->window;
    const ef_batch *batch = run->batch;
    int64_t cause = ef_row_cause(batch, i);
    uint32_t slot = ef_row_slot(batch, i);
    if (ef_timers_next(&window->timers) <= ef_row_clock(batch, i, run->walk.track)) {
        EF_TRY(fire(run, cause, error));
    }
    ef_walk_row(&run->walk, cause);
    ef_str key = ef_str_empty();
    bool null = true;
    if (window->has_key) {
        const ef_column *column = &batch->column[window->key];
        null = ef_is_null(column, i);
        memcpy(&key, (const ef_str *)column->values + i, sizeof key);
    }
    uint32_t hash = key_hash(&key, null, slot);
    uint32_t id = find_session(window, &key, null, slot, hash);
    EF_TRY(asked_reserve(window, slot_at(window, slot), 2, error));
    EF_TRY(reserve_session(window, slot, error));
    if (id != NO_SESSION) {
        EF_TRY(prepare(window, &window->sessions[id], error));
        EF_TRY(ef_out_reserve(run->out, window->sessions[id].open.rows.count + 1, error));
    } else {
        EF_TRY(ef_out_reserve(run->out, 1, error));
        id = add_session(window, slot, hash);
    }
    run->taken = i + 1;
    if (place_row(run, id, i, cause)) {
        ef_out_put(run->out, EF_FROM_INPUT(i), batch->timestamps[i], EF_CURRENT, cause, slot);
    } else {
        ef_rows_drop(&window->base, run->handles[i], 1);
    }
    set_timer(window, slot);
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
    ef_window *base = &window->base;
    uint32_t slots = ef_batch_slot_count(batch);
    session_run run = {.window = window, .batch = batch, .out = out};
    (void)port;
    EF_TRY(ef_slots_reserve(&window->slots, base->alloc, slots, error));
    EF_TRY(ef_timers_reserve(&window->timers, base->alloc, slots, error));
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

static void free_slot(session_window *window, session_slot *slot) {
    ef_alloc *alloc = window->base.alloc;
    for (int which = OPEN; which <= ENDED; which++) {
        ef_free(alloc, slot->heap[which].ids, slot->heap[which].capacity * sizeof *slot->heap[which].ids);
    }
    ef_free(alloc, slot->asked, slot->asked_capacity * sizeof *slot->asked);
    memset(slot, 0, sizeof *slot);
}

static void free_all(session_window *window) {
    ef_alloc *alloc = window->base.alloc;
    for (uint32_t i = 0; i < window->slots.count; i++) {
        free_slot(window, slot_at(window, i));
    }
    ef_slots_clear(&window->slots, alloc);
    ef_timers_clear(&window->timers, alloc);
    ef_handle_index_clear(&window->index);
    ef_free(alloc, window->sessions, window->session_capacity * sizeof *window->sessions);
    window->sessions = NULL;
    window->session_count = 0;
    window->session_capacity = 0;
    window->unused = NO_SESSION;
}

static void session_destroy(void *self) {
    session_window *window = self;
    ef_alloc *alloc = window->base.alloc;
    free_all(window);
    ef_window_clear(&window->base);
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
    window->key = key;
    window->has_key = has_key;
    window->unused = NO_SESSION;
    ef_slots_init(&window->slots, sizeof(session_slot));
    ef_handle_index_init(&window->index, config->alloc);
    ef_status status = ef_window_init(&window->base, config, error);
    if (status != EF_OK) {
        ef_free(config->alloc, window, sizeof *window);
        return status;
    }
    *self = window;
    return EF_OK;
}

static int64_t session_next_due(const void *self) {
    const session_window *window = self;
    return ef_timers_next(&window->timers);
}

static void drop_heap(session_window *window, session_heap *heap, int which) {
    while (heap->count > 0) {
        uint32_t id = heap->ids[0];
        ef_row_queue_drop(&window->base, &span_of(&window->sessions[id], which)->rows);
        clear_span(&window->sessions[id], which);
        heap_update(window, id, which);
        remove_if_empty(window, id);
    }
}

static void session_purge(void *self, uint32_t slot) {
    session_window *window = self;
    uint32_t from = slot == EF_ALL_SLOTS ? 0 : slot;
    uint32_t to = slot == EF_ALL_SLOTS ? window->slots.count : slot + 1;
    for (uint32_t i = from; i < to && i < window->slots.count; i++) {
        drop_heap(window, &slot_at(window, i)->heap[OPEN], OPEN);
        drop_heap(window, &slot_at(window, i)->heap[ENDED], ENDED);
        free_slot(window, slot_at(window, i));
        ef_timers_set(&window->timers, i, EF_NEVER);
    }
    if (slot == EF_ALL_SLOTS) {
        free_all(window);
    }
}

static void save_span(const span *saved, ef_writer *writer) {
    ef_row_queue_save(&saved->rows, writer);
    ef_put_i64(writer, saved->start);
    ef_put_i64(writer, saved->end);
}

/* With their numbers, so that ties are broken the same way after a load. */
static void save_sessions(const session_window *window, ef_writer *writer) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < window->session_count; i++) {
        used += window->sessions[i].used;
    }
    ef_put_u32(writer, used);
    for (uint32_t i = 0; i < window->session_count; i++) {
        const session *entry = &window->sessions[i];
        if (entry->used) {
            ef_put_u32(writer, entry->slot);
            ef_put_u64(writer, entry->number);
            ef_put_u32(writer, entry->place);
            ef_put_u32(writer, entry->before_place);
            save_span(&entry->open, writer);
            save_span(&entry->ended, writer);
        }
    }
}

static ef_status session_save(const void *self, ef_writer *writer, ef_error *error) {
    const session_window *window = self;
    ef_pages_save(window->base.pages, writer);
    ef_put_u64(writer, window->created);
    ef_put_u32(writer, window->slots.count);
    for (uint32_t i = 0; i < window->slots.count; i++) {
        const session_slot *slot = slot_at(window, i);
        ef_put_u32(writer, slot->asked_count);
        for (uint32_t n = 0; n < slot->asked_count; n++) {
            ef_put_i64(writer, slot->asked[(slot->asked_first + n) % slot->asked_capacity]);
        }
    }
    save_sessions(window, writer);
    return ef_writer_status(writer, error);
}

static ef_status read_slots(session_window *window, ef_reader *reader, ef_error *error) {
    ef_alloc *alloc = window->base.alloc;
    uint32_t count = ef_get_u32(reader);
    if (count > ef_reader_left(reader) / 4) {
        return ef_fail(error, EF_CORRUPT, "the saved state of a window ends too early");
    }
    EF_TRY(ef_slots_reserve(&window->slots, alloc, count, error));
    EF_TRY(ef_timers_reserve(&window->timers, alloc, count, error));
    for (uint32_t i = 0; i < count; i++) {
        session_slot *slot = slot_at(window, i);
        uint32_t asked = ef_get_u32(reader);
        if (asked > ef_reader_left(reader) / 8) {
            return ef_fail(error, EF_CORRUPT, "the saved state of a window ends too early");
        }
        EF_TRY(asked_reserve(window, slot, asked, error));
        for (uint32_t n = 0; n < asked; n++) {
            slot->asked[n] = ef_get_i64(reader);
        }
        slot->asked_count = asked;
        set_timer(window, i);
    }
    return EF_OK;
}

static ef_status read_span(span *to, ef_row_checker *checker, ef_reader *reader, ef_error *error) {
    EF_TRY(ef_row_queue_load(&to->rows, checker, reader, error));
    to->start = ef_get_i64(reader);
    to->end = ef_get_i64(reader);
    return ef_reader_status(reader, error);
}

/* The place is a row of the open session, and before_place the row before it. */
static bool has_place(const session_window *window, const session *entry) {
    if (entry->place == EF_NO_HANDLE) {
        return entry->before_place == EF_NO_HANDLE;
    }
    ef_handle before = EF_NO_HANDLE, handle = entry->open.rows.head;
    for (uint32_t i = 0; i < entry->open.rows.count; i++) {
        if (handle == entry->place) {
            return before == entry->before_place;
        }
        before = handle;
        handle = ef_row_next(ef_pages_at(window->base.pages, handle));
    }
    return false;
}

static ef_status read_session(session_window *window, ef_row_checker *checker, ef_reader *reader, ef_error *error) {
    session read;
    memset(&read, 0, sizeof read);
    read.slot = ef_get_u32(reader);
    read.number = ef_get_u64(reader);
    read.place = ef_get_u32(reader);
    read.before_place = ef_get_u32(reader);
    EF_TRY(read_span(&read.open, checker, reader, error));
    EF_TRY(read_span(&read.ended, checker, reader, error));
    if (read.slot >= window->slots.count || read.open.rows.count + (uint64_t)read.ended.rows.count == 0 ||
        !has_place(window, &read)) {
        return ef_fail(error, EF_CORRUPT, "a session of the saved state contradicts itself");
    }
    EF_TRY(reserve_session(window, read.slot, error));
    ef_str key = ef_str_empty();
    bool null = !kept_key(window, &read, &key);
    uint32_t hash = key_hash(&key, null, read.slot);
    uint32_t id = add_session(window, read.slot, hash);
    session *entry = &window->sessions[id];
    read.hash = hash;
    read.used = true;
    *entry = read;
    window->base.held += (uint64_t)read.open.rows.count + read.ended.rows.count;
    heap_update(window, id, OPEN);
    heap_update(window, id, ENDED);
    return EF_OK;
}

static ef_status session_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    session_window *window = self;
    ef_window *base = &window->base;
    ef_row_checker checker;
    (void)version;
    ef_status status = ef_pages_load(base->pages, reader, error);
    uint64_t created = ef_get_u64(reader);
    if (status == EF_OK) {
        status = read_slots(window, reader, error);
    }
    if (status == EF_OK) {
        status = ef_row_checker_init(&checker, base->pages, &base->layout, base->alloc, error);
    }
    if (status == EF_OK) {
        uint32_t count = ef_get_u32(reader);
        status = ef_reader_status(reader, error);
        for (uint32_t i = 0; i < count && status == EF_OK; i++) {
            status = read_session(window, &checker, reader, error);
        }
        ef_row_checker_clear(&checker);
    }
    if (status != EF_OK) {
        free_all(window);
        ef_window_forget(base);
        return status;
    }
    window->created = created;
    return EF_OK;
}

static uint64_t session_size(const void *self) {
    const session_window *window = self;
    return window->base.held;
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
