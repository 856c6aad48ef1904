/* Reordering: see reorder.h. Room is made before anything changes, so that a call either fails with nothing done or does all. */
#include "eventtime/reorder_inside.h"

/* ---- life ---- */

ef_status ef_reorder_new(const ef_reorder_config *config, ef_reorder **reorder, ef_error *error) {
    ef_reorder *made = ef_calloc(config->alloc, sizeof *made);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    made->alloc = config->alloc;
    made->delay = config->delay;
    made->idle_timeout = config->idle_timeout;
    made->late_policy = config->late;
    made->watermark = made->base = EF_BEGINNING;
    made->ports = ef_calloc(config->alloc, config->port_count * sizeof *made->ports);
    made->upstreams = ef_calloc(config->alloc, config->upstream_count * sizeof *made->upstreams);
    ef_status status = EF_OK;
    if (made->ports == NULL || made->upstreams == NULL) {
        status = ef_fail_memory(error);
    }
    if (made->ports != NULL) {
        made->port_count = config->port_count;
    }
    if (made->upstreams != NULL) {
        made->upstream_count = config->upstream_count;
    }
    for (uint32_t u = 0; u < made->upstream_count; u++) {
        made->upstreams[u].watermark = EF_BEGINNING;
        made->upstreams[u].held = EF_NEVER;
    }
    for (uint32_t p = 0; status == EF_OK && p < config->port_count; p++) {
        made->ports[p].upstream = config->ports[p].upstream;
        made->ports[p].time_column = config->ports[p].time_column;
        made->ports[p].pages = ef_pages_new(config->alloc);
        status = made->ports[p].pages == NULL
                     ? ef_fail_memory(error)
                     : ef_row_layout_init(&made->ports[p].layout, config->ports[p].columns, config->ports[p].types,
                                          config->alloc, error);
    }
    if (status != EF_OK) {
        ef_reorder_free(made);
        return status;
    }
    *reorder = made;
    return EF_OK;
}

static void drop_row(ef_reorder *r, uint32_t port, ef_handle row) {
    ef_row_drop(r->ports[port].pages, &r->ports[port].layout, row);
}

void ef_reorder_clear(ef_reorder *r) {
    for (uint32_t i = 0; i < r->queue_count; i++) {
        const waiting_row *row = &r->queue[(r->queue_first + i) % r->queue_capacity];
        drop_row(r, row->port, row->row);
    }
    for (uint32_t i = 0; i < r->heap_count; i++) {
        drop_row(r, r->heap[i].port, r->heap[i].row);
    }
    r->queue_first = r->queue_count = r->heap_count = 0;
    r->released_first = r->released_count = 0;
    r->watermark = r->base = EF_BEGINNING;
    r->idle = r->begun = false;
    r->heard = 0;
    r->arrivals = r->late = 0;
    for (uint32_t u = 0; u < r->upstream_count; u++) {
        r->upstreams[u].watermark = EF_BEGINNING;
        r->upstreams[u].idle = false;
        r->upstreams[u].held = EF_NEVER;
        r->upstreams[u].ticks = NULL;
    }
}

void ef_reorder_free(ef_reorder *r) {
    ef_alloc *alloc = r->alloc;
    for (uint32_t p = 0; p < r->port_count; p++) {
        ef_row_layout_clear(&r->ports[p].layout, alloc);
        if (r->ports[p].pages != NULL) {
            ef_pages_free(r->ports[p].pages);
        }
    }
    ef_free(alloc, r->ports, r->port_count * sizeof *r->ports);
    ef_free(alloc, r->upstreams, r->upstream_count * sizeof *r->upstreams);
    ef_free(alloc, r->queue, r->queue_capacity * sizeof *r->queue);
    ef_free(alloc, r->heap, r->heap_capacity * sizeof *r->heap);
    ef_free(alloc, r->released, r->released_capacity * sizeof *r->released);
    ef_free(alloc, r, sizeof *r);
}

/* ---- waiting ---- */

/* The ring is straightened when it grows. */
static ef_status reserve_queue(ef_reorder *r, uint32_t rows, ef_error *error) {
    if (r->queue_capacity - r->queue_count >= rows) {
        return EF_OK;
    }
    uint32_t wanted = r->queue_capacity > 0 ? r->queue_capacity : 64;
    while (wanted - r->queue_count < rows) {
        if (wanted > UINT32_MAX / 2) {
            return ef_fail(error, EF_LIMIT, "too many rows wait for a watermark");
        }
        wanted *= 2;
    }
    waiting_row *grown = ef_malloc(r->alloc, wanted * sizeof *grown);
    if (grown == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < r->queue_count; i++) {
        grown[i] = r->queue[(r->queue_first + i) % r->queue_capacity];
    }
    ef_free(r->alloc, r->queue, r->queue_capacity * sizeof *r->queue);
    r->queue = grown;
    r->queue_first = 0;
    r->queue_capacity = wanted;
    return EF_OK;
}

ef_status ef_reorder_reserve(ef_reorder *r, uint32_t rows, uint32_t ticks, ef_error *error) {
    uint64_t waiting = (uint64_t)r->queue_count + r->heap_count + rows;
    uint64_t steps = r->released_count + waiting + ticks;
    if (steps > UINT32_MAX / 2) {
        return ef_fail(error, EF_LIMIT, "too many rows wait for a watermark");
    }
    EF_TRY(reserve_queue(r, rows, error));
    void *heap = r->heap;
    ef_status status = ef_grow(r->alloc, &heap, &r->heap_capacity, r->heap_count + rows, sizeof *r->heap, error);
    r->heap = heap;
    EF_TRY(status);
    void *released = r->released;
    status = ef_grow(r->alloc, &released, &r->released_capacity, (uint32_t)steps, sizeof *r->released, error);
    r->released = released;
    return status;
}

void ef_reorder_wait(ef_reorder *r, const waiting_row *row) {
    if (r->queue_count == 0 ||
        waits_before(&r->queue[(r->queue_first + r->queue_count - 1) % r->queue_capacity], row)) {
        r->queue[(r->queue_first + r->queue_count++) % r->queue_capacity] = *row;
        return;
    }
    uint32_t at = r->heap_count++;
    while (at > 0 && waits_before(row, &r->heap[(at - 1) / 2])) {
        r->heap[at] = r->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    r->heap[at] = *row;
}

static void pop_heap(ef_reorder *r) {
    waiting_row last = r->heap[--r->heap_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= r->heap_count) {
            break;
        }
        child += child + 1 < r->heap_count && waits_before(&r->heap[child + 1], &r->heap[child]);
        if (!waits_before(&r->heap[child], &last)) {
            break;
        }
        r->heap[at] = r->heap[child];
        at = child;
    }
    if (r->heap_count > 0) {
        r->heap[at] = last;
    }
}

static const waiting_row *first_waiting(const ef_reorder *r) {
    const waiting_row *queued = r->queue_count > 0 ? &r->queue[r->queue_first] : NULL;
    const waiting_row *heaped = r->heap_count > 0 ? &r->heap[0] : NULL;
    if (queued == NULL || heaped == NULL) {
        return queued != NULL ? queued : heaped;
    }
    return waits_before(heaped, queued) ? heaped : queued;
}

static void release_first(ef_reorder *r, const waiting_row *first) {
    r->released[r->released_count++] = (ef_released){
        .moment = first->moment, .port = first->port, .row = first->row, .restamps = first->restamps};
    drop_row(r, first->port, first->row); /* readable until the end of the slice */
    if (r->queue_count > 0 && first == &r->queue[r->queue_first]) {
        r->queue_first = (r->queue_first + 1) % r->queue_capacity;
        r->queue_count--;
    } else {
        pop_heap(r);
    }
}

/* Moves the watermark to `to` if that is further, and releases. */
static void move_watermark(ef_reorder *r, int64_t to) {
    bool moves = to > r->watermark;
    r->watermark = moves ? to : r->watermark;
    const waiting_row *first;
    while ((first = first_waiting(r)) != NULL && first->moment <= r->watermark) {
        release_first(r, first);
    }
    if (moves) {
        r->released[r->released_count++] = (ef_released){.moment = r->watermark, .port = EF_TICK};
    }
}

/* ---- arrivals from outside ---- */

static int64_t less_delay(int64_t moment, int64_t delay) {
    return moment < INT64_MIN + 1 + delay ? INT64_MIN + 1 : moment - delay;
}

/* Watermark of an idle stream at `clock`. */
static int64_t run_on(const ef_reorder *r, int64_t clock) {
    int64_t passed = clock - r->heard - r->idle_timeout;
    return r->base == EF_BEGINNING ? EF_BEGINNING : r->base > INT64_MAX - 1 - passed ? INT64_MAX - 1 : r->base + passed;
}

static bool is_silent(const ef_reorder *r, int64_t clock) {
    return r->idle_timeout > 0 && r->begun && clock - r->heard >= r->idle_timeout;
}

/* A late row: what the policy says. False: it waits after all, at the watermark. */
static ef_status judge_late(ef_reorder *r, const ef_batch *batch, uint32_t row, ef_out *out, bool *gone,
                            ef_error *error) {
    r->late++;
    *gone = r->late_policy != EF_LATE_ACCEPT;
    if (r->late_policy == EF_LATE_STREAM) {
        ef_out_put(out, EF_FROM_INPUT(row), batch->timestamps[row], EF_CURRENT, ef_row_cause(batch, row), 0);
        ef_out_end(out);
    } else if (r->late_policy == EF_LATE_ERROR) {
        return ef_out_fail_row(out, row, "the row is older than the watermark", error);
    }
    return EF_OK;
}

static ef_status take_row(ef_reorder *r, const ef_batch *batch, uint32_t i, ef_handle handle, ef_out *out,
                          ef_error *error) {
    const ef_column *times = &batch->column[r->ports[0].time_column];
    if (ef_is_null(times, i)) {
        drop_row(r, 0, handle);
        return ef_out_fail_row(out, i, "the row has no time: its attribute is null", error);
    }
    int64_t moment = ((const int64_t *)times->values)[i];
    waiting_row waiting = {.moment = moment, .arrival = r->arrivals++, .port = 0, .row = handle, .restamps = true};
    if (moment < r->watermark) {
        bool gone;
        ef_status status = judge_late(r, batch, i, out, &gone, error);
        if (gone) {
            drop_row(r, 0, handle);
            return status;
        }
        waiting.moment = r->watermark;
    }
    ef_reorder_wait(r, &waiting);
    move_watermark(r, less_delay(moment, r->delay));
    return EF_OK;
}

ef_status ef_reorder_arrive(ef_reorder *r, const ef_batch *batch, int64_t clock, ef_out *out, ef_error *error) {
    uint32_t rows = batch->rows;
    EF_TRY(ef_reorder_advance(r, clock, error));
    if (rows == 0) {
        return EF_OK;
    }
    EF_TRY(ef_reorder_reserve(r, rows, rows + 1, error));
    if (r->late_policy == EF_LATE_STREAM) {
        EF_TRY(ef_out_reserve(out, rows, error));
    }
    ef_handle *handles = ef_arena_take(out->arena, rows * sizeof *handles);
    if (handles == NULL) {
        return ef_fail_memory(error);
    }
    EF_TRY(ef_rows_keep(r->ports[0].pages, &r->ports[0].layout, batch, 0, rows, handles, error));
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < rows; i++) {
        ef_status taken = take_row(r, batch, i, handles[i], out, error); /* only words about a failed row can lack memory */
        status = status == EF_OK ? taken : status;
    }
    r->begun = true;
    r->idle = false;
    r->heard = clock;
    r->base = r->watermark;
    return status == EF_OK ? ef_out_finish(out, NULL, NULL, false, error) : status;
}

ef_status ef_reorder_advance(ef_reorder *r, int64_t clock, ef_error *error) {
    if (r->upstream_count > 0) {
        return EF_OK;
    }
    if (!r->begun) {
        r->begun = true;
        r->heard = clock;
        return EF_OK;
    }
    if (!is_silent(r, clock)) {
        return EF_OK;
    }
    EF_TRY(ef_reorder_reserve(r, 0, 1, error));
    r->idle = true;
    int64_t to = run_on(r, clock);
    if (to > r->watermark) {
        move_watermark(r, to);
    }
    return EF_OK;
}

/* ---- arrivals from domains ---- */

static int64_t merged_watermark(const ef_reorder *r) {
    int64_t least = INT64_MAX, highest = EF_BEGINNING, held = INT64_MAX;
    bool all_idle = true;
    for (uint32_t u = 0; u < r->upstream_count; u++) {
        const reorder_upstream *up = &r->upstreams[u];
        highest = up->watermark > highest ? up->watermark : highest;
        if (!up->idle) {
            all_idle = false;
            least = up->watermark < least ? up->watermark : least;
        } else {
            held = up->held < held ? up->held : held;
        }
    }
    int64_t merged = all_idle ? highest : least;
    return merged < held ? merged : held;
}

static void move_upstream(ef_reorder *r, reorder_upstream *up, int64_t watermark) {
    up->watermark = watermark > up->watermark ? watermark : up->watermark;
    int64_t merged = merged_watermark(r);
    if (merged > r->watermark) {
        move_watermark(r, merged);
    }
}

/* Ticks of the slice at steps before `step`. */
static void take_ticks(ef_reorder *r, reorder_upstream *up, uint32_t step) {
    while (up->ticks != NULL && up->ticks_taken < up->tick_count && up->ticks_taken < step) {
        int64_t tick = up->ticks[up->ticks_taken++];
        if (tick != EF_BEGINNING) {
            move_upstream(r, up, tick);
        }
    }
}

static uint32_t ticks_left(const ef_reorder *r) {
    uint32_t left = 0;
    for (uint32_t u = 0; u < r->upstream_count; u++) {
        left += r->upstreams[u].ticks != NULL ? r->upstreams[u].tick_count - r->upstreams[u].ticks_taken : 0;
    }
    return left;
}

void ef_reorder_expect(ef_reorder *r, uint32_t upstream, const int64_t *ticks, uint32_t steps) {
    reorder_upstream *up = &r->upstreams[upstream];
    up->ticks = ticks;
    up->tick_count = steps;
    up->ticks_taken = 0;
}

/* Input whose next row comes first, by (cause, order); count: none is left. */
static uint32_t next_input(const ef_input *inputs, const uint32_t *at, uint32_t count) {
    uint32_t best = count;
    for (uint32_t i = 0; i < count; i++) {
        if (at[i] == inputs[i].batch->rows) {
            continue;
        }
        if (best < count) {
            int64_t mine = ef_row_cause(inputs[i].batch, at[i]), its = ef_row_cause(inputs[best].batch, at[best]);
            if (mine > its || (mine == its && inputs[i].order >= inputs[best].order)) {
                continue;
            }
        }
        best = i;
    }
    return best;
}

/* Keeps all rows of all inputs, or none. */
static ef_status keep_inputs(ef_reorder *r, const ef_input *inputs, uint32_t count, ef_handle *handles, ef_error *error) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        const ef_batch *batch = inputs[i].batch;
        ef_status status = ef_rows_keep(r->ports[inputs[i].port].pages, &r->ports[inputs[i].port].layout, batch, 0,
                                        batch->rows, handles + kept, error);
        if (status != EF_OK) {
            for (uint32_t j = 0, at = 0; j < i; j++) {
                for (uint32_t row = 0; row < inputs[j].batch->rows; row++) {
                    drop_row(r, inputs[j].port, handles[at++]);
                }
            }
            return status;
        }
        kept += batch->rows;
    }
    return EF_OK;
}

static ef_status merge_rows(ef_reorder *r, const ef_input *inputs, uint32_t count, const ef_track *track, uint32_t rows,
                            ef_handle *handles, uint32_t *at, ef_error *error) {
    EF_TRY(ef_reorder_reserve(r, rows, ticks_left(r) + 1, error));
    EF_TRY(keep_inputs(r, inputs, count, handles, error));
    uint32_t i;
    while ((i = next_input(inputs, at, count)) < count) {
        const ef_batch *batch = inputs[i].batch;
        uint32_t row = at[i]++;
        uint32_t before = 0;
        for (uint32_t j = 0; j < i; j++) {
            before += inputs[j].batch->rows;
        }
        waiting_row waiting = {.moment = ef_row_clock(batch, row, track),
                               .arrival = r->arrivals++,
                               .port = inputs[i].port,
                               .row = handles[before + row]};
        reorder_upstream *up = &r->upstreams[r->ports[waiting.port].upstream];
        take_ticks(r, up, EF_CAUSE_STEP(ef_row_cause(batch, row)));
        if (waiting.moment < r->watermark) { /* its domain was idle, and time has gone on without it */
            r->late++;
            if (r->late_policy != EF_LATE_ACCEPT) {
                drop_row(r, waiting.port, waiting.row);
                continue;
            }
            waiting.moment = r->watermark;
        }
        ef_reorder_wait(r, &waiting);
        move_watermark(r, EF_BEGINNING); /* what stands at the watermark itself goes at once */
    }
    return EF_OK;
}

ef_status ef_reorder_merge(ef_reorder *r, const ef_input *inputs, uint32_t count, const ef_track *track,
                           ef_error *error) {
    uint32_t rows = 0;
    for (uint32_t i = 0; i < count; i++) {
        rows += inputs[i].batch->rows;
    }
    if (rows == 0) {
        return EF_OK;
    }
    ef_handle *handles = ef_malloc(r->alloc, rows * sizeof *handles);
    uint32_t *at = ef_calloc(r->alloc, count * sizeof *at);
    ef_status status = handles == NULL || at == NULL
                           ? ef_fail_memory(error)
                           : merge_rows(r, inputs, count, track, rows, handles, at, error);
    ef_free(r->alloc, handles, rows * sizeof *handles);
    ef_free(r->alloc, at, count * sizeof *at);
    return status;
}

ef_status ef_reorder_settle(ef_reorder *r, uint32_t upstream, int64_t watermark, bool idle, int64_t held,
                            ef_error *error) {
    EF_TRY(ef_reorder_reserve(r, 0, ticks_left(r) + 1, error));
    reorder_upstream *up = &r->upstreams[upstream];
    take_ticks(r, up, UINT32_MAX);
    up->ticks = NULL;
    up->idle = idle;
    up->held = held;
    move_upstream(r, up, watermark);
    r->idle = true;
    for (uint32_t u = 0; u < r->upstream_count; u++) {
        r->idle = r->idle && r->upstreams[u].idle;
    }
    return EF_OK;
}

ef_status ef_reorder_finish(ef_reorder *r, int64_t least, ef_error *error) {
    EF_TRY(ef_reorder_reserve(r, 0, 1, error));
    int64_t last = least > r->watermark ? least : r->watermark;
    for (uint32_t i = 0; i < r->heap_count; i++) {
        last = r->heap[i].moment > last ? r->heap[i].moment : last;
    }
    if (r->queue_count > 0) {
        int64_t newest = r->queue[(r->queue_first + r->queue_count - 1) % r->queue_capacity].moment;
        last = newest > last ? newest : last;
    }
    if (last > r->watermark) {
        move_watermark(r, last);
    }
    return EF_OK;
}

/* ---- silence ---- */

void ef_reorder_follow(ef_reorder *r, uint32_t upstream, const ef_reorder *of) {
    r->upstreams[upstream].of = of;
}

int64_t ef_reorder_when(const ef_reorder *r, int64_t target) {
    if (!r->idle || target == EF_NEVER) {
        return EF_NEVER;
    }
    if (r->upstream_count == 0) {
        if (r->base == EF_BEGINNING) {
            return EF_NEVER;
        }
        int64_t start = r->heard + r->idle_timeout;
        int64_t wait = target <= r->base ? 0 : target - r->base;
        return wait < 0 || start > EF_NEVER - wait ? EF_NEVER : start + wait; /* < 0: the difference has overflowed */
    }
    int64_t earliest = EF_NEVER;
    for (uint32_t u = 0; u < r->upstream_count; u++) {
        if (r->upstreams[u].held < target) {
            return EF_NEVER; /* the other domain's timer comes first */
        }
        int64_t when = r->upstreams[u].of == NULL ? EF_NEVER : ef_reorder_when(r->upstreams[u].of, target);
        earliest = when < earliest ? when : earliest;
    }
    return earliest;
}

int64_t ef_reorder_next_due(const ef_reorder *r, int64_t due) {
    if (r->idle) {
        const waiting_row *first = first_waiting(r);
        return ef_reorder_when(r, first != NULL && first->moment < due ? first->moment : due);
    }
    bool counts = r->upstream_count == 0 && r->idle_timeout > 0 && r->begun;
    return counts ? r->heard + r->idle_timeout : EF_NEVER;
}

/* ---- what was released ---- */

const ef_released *ef_reorder_released(const ef_reorder *r, uint32_t *count) {
    *count = r->released_count - r->released_first;
    return r->released + r->released_first;
}

void ef_reorder_taken(ef_reorder *r, uint32_t count) {
    r->released_first += count;
    if (r->released_first == r->released_count) {
        r->released_first = r->released_count = 0;
    }
}

ef_status ef_reorder_rows(const ef_reorder *r, const ef_released *steps, uint32_t count, uint32_t port, ef_arena *arena,
                          ef_batch *batch, ef_error *error) {
    static const ef_batch NOTHING = {.columns = 0, .form = EF_WHOLE};
    const reorder_port *from = &r->ports[port];
    ef_out out;
    ef_out_init(&out, arena, &NOTHING);
    EF_TRY(ef_out_reserve(&out, count, error));
    for (uint32_t i = 0; i < count; i++) {
        if (steps[i].port == port) {
            int64_t timestamp =
                steps[i].restamps ? steps[i].moment : ef_row_timestamp(ef_pages_at(from->pages, steps[i].row));
            ef_out_put(&out, EF_FROM_RETAINED(steps[i].row), timestamp, EF_CURRENT, EF_CAUSE(i, EF_RANK_LAST, 0), 0);
            ef_out_end(&out);
        }
    }
    EF_TRY(ef_out_finish(&out, from->pages, &from->layout, false, error));
    *batch = out.result;
    batch->form = EF_EACH_ROW;
    return EF_OK;
}

int64_t ef_reorder_watermark(const ef_reorder *r) {
    return r->watermark;
}

int64_t ef_reorder_held(const ef_reorder *r) {
    const waiting_row *first = first_waiting(r);
    int64_t held = first == NULL ? EF_NEVER : first->moment;
    for (uint32_t u = 0; u < r->upstream_count; u++) {
        held = r->upstreams[u].held < held ? r->upstreams[u].held : held;
    }
    return held;
}

bool ef_reorder_is_idle(const ef_reorder *r) {
    return r->idle;
}

uint64_t ef_reorder_late(const ef_reorder *r) {
    return r->late;
}

uint64_t ef_reorder_size(const ef_reorder *r) {
    return (uint64_t)r->queue_count + r->heap_count;
}
