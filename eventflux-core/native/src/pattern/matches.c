/* Blocks and lists of partial matches; see matches.h. A block is written through ef_pages_write, which may have to copy a page that a snapshot holds. */
#include "pattern/matches.h"

#define WRITE(type, name, handle)                                      \
    type *name = (type *)(void *)ef_pages_write(p->pages, (handle));   \
    if (EF_UNLIKELY(name == NULL)) {                                   \
        return ef_fail_memory(error);                                  \
    }

/* ---- rows and cells ---- */

static ef_status row_hold(pattern *p, ef_handle row, ef_error *error) {
    WRITE(char, bytes, row);
    ef_row_set_next(bytes, ef_row_next(bytes) + 1);
    return EF_OK;
}

ef_status row_release(pattern *p, uint32_t j, ef_handle row, ef_error *error) {
    uint32_t holders = ef_row_next(ef_pages_at(p->pages, row));
    if (holders == 1) {
        ef_row_drop(p->pages, &p->states[j].layout, row);
        return EF_OK;
    }
    WRITE(char, bytes, row);
    ef_row_set_next(bytes, holders - 1);
    return EF_OK;
}

static ef_status cell_release(pattern *p, uint32_t j, ef_handle at, ef_error *error) {
    while (at != EF_NO_HANDLE) {
        const cell *c = cell_at(p, at);
        if (c->holders > 1) {
            WRITE(cell, shared, at);
            shared->holders--;
            return EF_OK;
        }
        ef_handle before = c->before;
        EF_TRY(row_release(p, j, c->row, error));
        ef_pages_give(p->pages, at, sizeof(cell));
        at = before;
    }
    return EF_OK;
}

static ef_status event_hold(pattern *p, uint32_t j, uint32_t event, ef_error *error) {
    if (!is_event(event)) {
        return EF_OK;
    }
    if (!is_count(p, j)) {
        return row_hold(p, event, error);
    }
    WRITE(cell, c, event);
    c->holders++;
    return EF_OK;
}

static ef_status event_release(pattern *p, uint32_t j, uint32_t event, ef_error *error) {
    if (!is_event(event)) {
        return EF_OK;
    }
    return is_count(p, j) ? cell_release(p, j, event, error) : row_release(p, j, event, error);
}

/* ---- matches ---- */

ef_status match_new(pattern *p, uint32_t slot, ef_handle *handle, ef_error *error) {
    EF_TRY(ef_pages_take(p->pages, p->match_size, handle, error));
    match *m = (match *)(void *)ef_pages_write(p->pages, *handle);
    if (EF_UNLIKELY(m == NULL)) {
        ef_pages_give(p->pages, *handle, p->match_size);
        return ef_fail_memory(error);
    }
    *m = (match){.timestamp = NO_TIMESTAMP, .first = NO_FIRST, .slot = slot, .holders = 1};
    for (uint32_t i = 0; i < p->state_count + p->special_count; i++) {
        m->event[i] = NO_EVENT;
    }
    match_limit_init(p, m);
    p->matches++;
    return EF_OK;
}

ef_status match_clone(pattern *p, ef_handle original, uint32_t from, ef_handle *handle, ef_error *error) {
    EF_TRY(match_new(p, match_at(p, original)->slot, handle, error));
    const match *old = match_at(p, original);
    WRITE(match, m, *handle);
    m->timestamp = old->timestamp;
    bool has_begun = has_events_before(old, from);
    for (uint32_t i = 0; i < from; i++) {
        EF_TRY(event_hold(p, i, old->event[i], error));
        m->event[i] = old->event[i];
        if (p->states[i].config.start && is_event(m->event[i])) {
            m->first = old->first;
        }
    }
    return has_begun ? match_begun(p, *handle, error) : EF_OK;
}

ef_status match_release(pattern *p, ef_handle handle, ef_error *error) {
    if (match_at(p, handle)->holders > 1) {
        WRITE(match, m, handle);
        m->holders--;
        return EF_OK;
    }
    const match *m = match_at(p, handle);
    for (uint32_t i = 0; i < p->state_count; i++) {
        EF_TRY(event_release(p, i, m->event[i], error));
    }
    EF_TRY(match_ended(p, handle, error));
    ef_pages_give(p->pages, handle, p->match_size);
    p->matches--;
    return EF_OK;
}

ef_status match_take_event(pattern *p, ef_handle handle, uint32_t j, ef_handle row, ef_error *error) {
    if (!is_count(p, j)) {
        EF_TRY(row_hold(p, row, error));
        EF_TRY(event_release(p, j, match_at(p, handle)->event[j], error));
        WRITE(match, m, handle);
        m->event[j] = row;
        return (m->flags & MATCH_BEGUN) != 0 ? EF_OK : match_begun(p, handle, error);
    }
    ef_handle at;
    EF_TRY(ef_pages_take(p->pages, sizeof(cell), &at, error));
    WRITE(cell, c, at);
    WRITE(match, m, handle);
    uint32_t before = m->event[j];
    *c = (cell){.row = row,
                .before = before,
                .holders = 1,
                .length = is_event(before) ? cell_at(p, before)->length + 1 : 1};
    m->event[j] = at;
    if ((m->flags & MATCH_BEGUN) == 0) {
        EF_TRY(match_begun(p, handle, error));
    }
    return row_hold(p, row, error);
}

ef_status match_set_mark(pattern *p, ef_handle handle, uint32_t j, uint32_t mark, ef_error *error) {
    EF_TRY(event_release(p, j, match_at(p, handle)->event[j], error));
    WRITE(match, m, handle);
    m->event[j] = mark;
    return match_begun(p, handle, error);
}

uint32_t match_length(const pattern *p, const match *m, uint32_t j) {
    if (!is_event(m->event[j])) {
        return 0;
    }
    return is_count(p, j) ? cell_at(p, m->event[j])->length : 1;
}

ef_handle match_event(const pattern *p, const match *m, uint32_t j, uint32_t index, bool from_last) {
    uint32_t length = match_length(p, m, j);
    if (index >= length) {
        return EF_NO_HANDLE;
    }
    if (!is_count(p, j)) {
        return m->event[j];
    }
    ef_handle at = m->event[j];
    for (uint32_t steps = from_last ? index : length - 1 - index; steps > 0; steps--) {
        at = cell_at(p, at)->before;
    }
    return cell_at(p, at)->row;
}

/* ---- the index ---- */

#define LEAST_BUCKETS 16u
#define ENTRIES_A_BUCKET 2u /* at most: a bucket is 8 bytes, so an entry costs 4 to 8 */

static uint64_t hash_value(const ef_column *column, uint32_t row, uint64_t seed) {
    switch (column->type) {
    case EF_BOOL:
        return ef_hash_u64(((const uint8_t *)column->values)[row], seed);
    case EF_INT:
        return ef_hash_u64((uint64_t)(int64_t)((const int32_t *)column->values)[row], seed);
    case EF_LONG:
        return ef_hash_u64((uint64_t)((const int64_t *)column->values)[row], seed);
    case EF_FLOAT: {
        float value = ((const float *)column->values)[row];
        uint32_t bits;
        value = value == 0 ? 0 : value; /* -0.0 equals 0.0 */
        memcpy(&bits, &value, sizeof bits);
        return ef_hash_u64(bits, seed);
    }
    case EF_DOUBLE: {
        double value = ((const double *)column->values)[row];
        uint64_t bits;
        value = value == 0 ? 0 : value;
        memcpy(&bits, &value, sizeof bits);
        return ef_hash_u64(bits, seed);
    }
    case EF_STRING:
    case EF_OBJECT:
        return ef_hash_str(&((const ef_str *)column->values)[row], seed);
    }
    return 0;
}

bool event_key(const pattern *p, const ef_batch *batch, uint32_t row, uint32_t slot, uint32_t j, uint64_t *hash) {
    const state *s = &p->states[j];
    uint64_t h = ef_hash_u64(slot, p->hash_seed);
    for (uint32_t k = 0; k < s->key_count; k++) {
        const ef_column *column = &batch->column[s->config.tests[s->keys[k]].own];
        if (ef_is_null(column, row)) {
            return false;
        }
        h = hash_value(column, row, h);
    }
    *hash = h;
    return true;
}

bool begun_key(const pattern *p, const ef_batch *batch, uint32_t row, uint32_t slot, uint32_t j, uint64_t *hash) {
    const state *s = &p->states[j];
    uint64_t h = ef_hash_u64(slot, p->hash_seed);
    for (uint32_t k = 0; k < s->key_count; k++) {
        const ef_capture *capture = &s->config.captures[s->config.tests[s->keys[k]].capture];
        const ef_column *column = &batch->column[capture->column];
        if (capture->index > 0 || ef_is_null(column, row)) {
            return false;
        }
        h = hash_value(column, row, h);
    }
    *hash = h;
    return true;
}

void key_column(const pattern *p, const ef_batch *batch, uint32_t j, bool begun, uint32_t *hash, uint8_t *is_there) {
    const state *s = &p->states[j];
    const ef_pattern_test *test = &s->config.tests[s->keys[0]];
    const ef_capture *capture = &s->config.captures[test->capture];
    const ef_column *column = &batch->column[begun ? capture->column : test->own];
    if (s->key_count == 1 && column->type == EF_LONG && column->validity == NULL && batch->slots == NULL && capture->index == 0) {
        const int64_t *restrict values = column->values;
        uint64_t seed = ef_hash_u64(0, p->hash_seed);
        for (uint32_t i = 0; i < batch->rows; i++) {
            hash[i] = (uint32_t)(ef_hash_u64((uint64_t)values[i], seed) >> 32);
        }
        memset(is_there, 1, batch->rows);
        return;
    }
    for (uint32_t i = 0; i < batch->rows; i++) {
        uint64_t whole = 0;
        is_there[i] = begun ? begun_key(p, batch, i, ef_row_slot(batch, i), j, &whole)
                            : event_key(p, batch, i, ef_row_slot(batch, i), j, &whole);
        hash[i] = (uint32_t)(whole >> 32);
    }
}

static bool match_key(const pattern *p, const match *m, uint32_t j, uint64_t *hash) {
    const state *s = &p->states[j];
    uint64_t h = ef_hash_u64(m->slot, p->hash_seed);
    for (uint32_t k = 0; k < s->key_count; k++) {
        const ef_capture *capture = &s->config.captures[s->config.tests[s->keys[k]].capture];
        const state *from = &p->states[capture->state];
        ef_handle row = match_event(p, m, capture->state, capture->index, capture->from_last);
        union {
            uint8_t b;
            int32_t i;
            int64_t l;
            float f;
            double d;
            ef_str s;
        } value;
        if (row == EF_NO_HANDLE ||
            !ef_row_read(p->pages, &from->layout, ef_pages_at(p->pages, row), from->kept_at[capture->column], &value)) {
            return false;
        }
        ef_column column = {.values = &value, .type = capture->type};
        h = hash_value(&column, 0, h);
    }
    *hash = h;
    return true;
}

void entry_take_key(const pattern *p, entry *e, uint32_t j) {
    uint64_t hash;
    if (match_key(p, match_at(p, e->match), j, &hash)) {
        e->hash = (uint32_t)(hash >> 32);
        e->bucket_next = EF_NO_HANDLE;
    } else {
        e->hash = 0;
        e->bucket_next = IN_NO_BUCKET;
    }
}

void index_add(pattern *p, uint32_t j, ef_handle at, uint32_t hash) {
    state *s = &p->states[j];
    bucket *b = &s->buckets[hash & s->bucket_mask];
    entry *e = (entry *)(void *)ef_pages_write(p->pages, at); /* written by the caller just before: private */
    EF_ASSERT(e != NULL);
    e->hash = hash;
    e->bucket_next = EF_NO_HANDLE;
    e->bucket_previous = b->tail;
    if (b->tail == EF_NO_HANDLE) {
        b->head = at;
    } else {
        entry *tail = (entry *)(void *)ef_pages_write(p->pages, b->tail);
        EF_ASSERT(tail != NULL);
        tail->bucket_next = at;
    }
    b->tail = at;
    s->indexed++;
}

/* Lays the index out anew, of `size` buckets, a power of two; chains keep their order. On failure it stays as it was. */
static ef_status index_resize(pattern *p, uint32_t j, uint64_t size, ef_error *error) {
    state *s = &p->states[j];
    bucket *buckets = ef_malloc(p->alloc, (size_t)size * sizeof *buckets);
    if (buckets == NULL) {
        return ef_fail_memory(error);
    }
    memset(buckets, 0xFF, (size_t)size * sizeof *buckets);
    bucket *old = s->buckets;
    uint32_t old_size = old == NULL ? 0 : s->bucket_mask + 1;
    for (uint32_t b = 0; b < old_size; b++) { /* writing may fail: first all pages */
        for (ef_handle at = old[b].head; at != EF_NO_HANDLE; at = entry_at(p, at)->bucket_next) {
            if (ef_pages_write(p->pages, at) == NULL) {
                ef_free(p->alloc, buckets, (size_t)size * sizeof *buckets);
                return ef_fail_memory(error);
            }
        }
    }
    s->buckets = buckets;
    s->bucket_mask = (uint32_t)size - 1;
    s->indexed = 0;
    for (uint32_t b = 0; b < old_size; b++) {
        for (ef_handle at = old[b].head; at != EF_NO_HANDLE;) {
            ef_handle next = entry_at(p, at)->bucket_next;
            index_add(p, j, at, entry_at(p, at)->hash);
            at = next;
        }
    }
    if (old != NULL) {
        ef_free(p->alloc, old, old_size * sizeof *old);
    }
    return EF_OK;
}

/* Room for further entries, up to ENTRIES_A_BUCKET a bucket. */
ef_status index_reserve(pattern *p, uint32_t j, uint32_t more, ef_error *error) {
    state *s = &p->states[j];
    uint64_t needed = (uint64_t)s->indexed + more;
    if (s->buckets != NULL && needed <= ((uint64_t)s->bucket_mask + 1) * ENTRIES_A_BUCKET) {
        return EF_OK;
    }
    uint64_t size = s->buckets == NULL ? LEAST_BUCKETS : ((uint64_t)s->bucket_mask + 1) * 2;
    while (size * ENTRIES_A_BUCKET < needed) {
        size *= 2;
    }
    if (size > UINT32_MAX / 2) {
        return ef_fail(error, EF_LIMIT, "a pattern cannot hold more than %u partial matches", UINT32_MAX / 2);
    }
    return index_resize(p, j, size, error);
}

void index_trim(pattern *p, uint32_t j) {
    state *s = &p->states[j];
    if (s->buckets == NULL || s->bucket_mask < LEAST_BUCKETS * 16 || s->indexed >= s->bucket_mask / 16) {
        return;
    }
    uint64_t size = LEAST_BUCKETS;
    while (size < (uint64_t)s->indexed * 2) {
        size *= 2;
    }
    ef_error ignored; /* without memory for the smaller one the large one stays */
    if (index_resize(p, j, size, &ignored) != EF_OK) {
        return;
    }
}

static ef_status index_remove(pattern *p, uint32_t j, const entry *e, ef_error *error) {
    state *s = &p->states[j];
    bucket *b = &s->buckets[e->hash & s->bucket_mask];
    if (e->bucket_previous == EF_NO_HANDLE) {
        b->head = e->bucket_next;
    } else {
        WRITE(entry, previous, e->bucket_previous);
        previous->bucket_next = e->bucket_next;
    }
    if (e->bucket_next == EF_NO_HANDLE) {
        b->tail = e->bucket_previous;
    } else {
        WRITE(entry, next, e->bucket_next);
        next->bucket_previous = e->bucket_previous;
    }
    s->indexed--;
    return EF_OK;
}

/* ---- lists ---- */

ef_status list_add_fresh(pattern *p, uint32_t slot, uint32_t j, ef_handle m, ef_error *error) {
    ef_handle at;
    EF_TRY(ef_pages_take(p->pages, sizeof(entry), &at, error));
    state_slot *s = &slot_at(p, slot)->state[j];
    match_list *list = &s->fresh;
    WRITE(entry, e, at);
    *e = (entry){.match = m,
                 .next = EF_NO_HANDLE,
                 .previous = list->count > 0 ? list->tail : EF_NO_HANDLE,
                 .bucket_next = EF_NO_HANDLE,
                 .bucket_previous = IN_NO_BUCKET,
                 .hash = 1};
    if (list->count > 0) {
        WRITE(entry, tail, list->tail);
        tail->next = at;
        s->fresh_jumps |= match_at(p, m)->first < match_at(p, tail->match)->first;
    } else {
        list->head = at;
        s->fresh_jumps = false;
    }
    list->tail = at;
    list->count++;
    slot_at(p, slot)->fresh++;
    note_first(p, slot, match_at(p, m)->first);
    const state *of = &p->states[j];
    if (of->key_count > 0) {
        entry *keyed = (entry *)(void *)ef_pages_write(p->pages, at);
        EF_ASSERT(keyed != NULL); /* written just before: private */
        entry_take_key(p, keyed, j);
        if (of->buckets != NULL) {
            __builtin_prefetch(&of->buckets[keyed->hash & of->bucket_mask]);
        }
    }
    WRITE(match, held, m);
    held->holders++;
    if (of->special != UINT32_MAX) {
        held->event[p->state_count + of->special] = at;
    } else if (p->drops_oldest) {
        match_set_entry(p, held, j, at);
        held->flags |= MATCH_FRESH;
    }
    return EF_OK;
}

ef_status list_remove(pattern *p, uint32_t slot, uint32_t j, bool fresh, ef_handle at, ef_error *error) {
    state_slot *s = &slot_at(p, slot)->state[j];
    match_list *list = fresh ? &s->fresh : &s->pending;
    const entry *e = entry_at(p, at);
    ef_handle m = e->match;
    if (e->bucket_previous != IN_NO_BUCKET) {
        EF_TRY(index_remove(p, j, e, error));
    }
    if (e->previous == EF_NO_HANDLE) {
        list->head = e->next;
    } else {
        WRITE(entry, previous, e->previous);
        previous->next = e->next;
    }
    if (e->next == EF_NO_HANDLE) {
        list->tail = e->previous;
    } else {
        WRITE(entry, next, e->next);
        next->previous = e->previous;
    }
    list->count--;
    if (fresh) {
        slot_at(p, slot)->fresh--;
    }
    if (e->previous == EF_NO_HANDLE && list->count > 0) {
        note_first(p, slot, match_at(p, entry_at(p, list->head)->match)->first);
    }
    ef_pages_give(p->pages, at, sizeof(entry));
    if (p->states[j].special != UINT32_MAX) {
        WRITE(match, held, m);
        held->event[p->state_count + p->states[j].special] = EF_NO_HANDLE;
    } else if (p->drops_oldest) {
        WRITE(match, held, m);
        match_set_entry(p, held, j, EF_NO_HANDLE);
    }
    return match_release(p, m, error);
}

ef_status list_clear(pattern *p, uint32_t slot, uint32_t j, bool fresh, ef_error *error) {
    for (;;) {
        const state_slot *s = &slot_at(p, slot)->state[j];
        const match_list *list = fresh ? &s->fresh : &s->pending;
        if (list->count == 0) {
            return EF_OK;
        }
        EF_TRY(list_remove(p, slot, j, fresh, list->head, error));
    }
}

ef_status leave_special(pattern *p, ef_handle m, uint32_t j, ef_error *error) {
    ef_handle at = match_at(p, m)->event[p->state_count + p->states[j].special];
    if (at == EF_NO_HANDLE) {
        return EF_OK;
    }
    return list_remove(p, match_at(p, m)->slot, j, entry_at(p, at)->hash == 1, at, error);
}

/* -1 comes last. */
static bool is_later(int64_t a, int64_t b) {
    return a != b && (a == NO_TIMESTAMP || (b != NO_TIMESTAMP && a > b));
}

/* Stable insertion sort of `fresh` by timestamp; O(n) when it is in order, as it nearly always is. */
static ef_status list_sort(pattern *p, match_list *list, ef_error *error) {
    if (list->count < 2) {
        return EF_OK;
    }
    ef_handle at = entry_at(p, list->head)->next;
    while (at != EF_NO_HANDLE) {
        const entry *e = entry_at(p, at);
        ef_handle next = e->next;
        int64_t timestamp = match_at(p, e->match)->timestamp;
        ef_handle place = e->previous;
        while (place != EF_NO_HANDLE && is_later(match_at(p, entry_at(p, place)->match)->timestamp, timestamp)) {
            place = entry_at(p, place)->previous;
        }
        if (place != e->previous) {
            WRITE(entry, moved, at);
            WRITE(entry, before, moved->previous);
            before->next = moved->next;
            if (moved->next == EF_NO_HANDLE) {
                list->tail = moved->previous;
            } else {
                WRITE(entry, after, moved->next);
                after->previous = moved->previous;
            }
            moved->previous = place;
            moved->next = place == EF_NO_HANDLE ? list->head : entry_at(p, place)->next;
            WRITE(entry, behind, moved->next);
            behind->previous = at;
            if (place == EF_NO_HANDLE) {
                list->head = at;
            } else {
                WRITE(entry, front, place);
                front->next = at;
            }
        }
        at = next;
    }
    return EF_OK;
}

ef_status list_update(pattern *p, uint32_t slot, uint32_t j, ef_error *error) {
    state_slot *s = &slot_at(p, slot)->state[j];
    if (s->fresh.count == 0) {
        return EF_OK;
    }
    const state *of = &p->states[j];
    EF_TRY(list_sort(p, &s->fresh, error));
    if (of->key_count > 0) {
        EF_TRY(index_reserve(p, j, s->fresh.count, error));
    }
    int64_t youngest = s->pending.count > 0 ? match_at(p, entry_at(p, s->pending.tail)->match)->timestamp : INT64_MIN;
    if (s->pending.count == 0) {
        s->pending_jumps = false;
    }
    for (ef_handle at = s->fresh.head; at != EF_NO_HANDLE;) {
        WRITE(entry, e, at);
        const match *m = match_at(p, e->match);
        if (of->key_count == 0) {
            e->hash = 0;
        } else if (e->bucket_next != IN_NO_BUCKET) {
            const bucket *b = &of->buckets[e->hash & of->bucket_mask];
            if (b->tail != EF_NO_HANDLE && ef_pages_write(p->pages, b->tail) == NULL) {
                return ef_fail_memory(error);
            }
            index_add(p, j, at, e->hash);
        }
        s->pending_jumps |= m->timestamp < youngest;
        youngest = m->timestamp;
        if (p->drops_oldest && of->special == UINT32_MAX) {
            WRITE(match, held, e->match);
            held->flags = (uint16_t)(held->flags & ~MATCH_FRESH);
        }
        at = entry_at(p, at)->next;
    }
    if (s->pending.count == 0) {
        s->pending = s->fresh;
    } else {
        WRITE(entry, tail, s->pending.tail);
        WRITE(entry, head, s->fresh.head);
        tail->next = s->fresh.head;
        head->previous = s->pending.tail;
        s->pending.tail = s->fresh.tail;
        s->pending.count += s->fresh.count;
    }
    slot_at(p, slot)->fresh -= s->fresh.count;
    s->fresh = (match_list){0, 0, 0};
    s->fresh_jumps = false;
    s->lets_be = false;
    s->look_at = 0;
    return EF_OK;
}

/* ---- timers ---- */

static bool timer_before(const pattern_timer *a, const pattern_timer *b) {
    return a->due < b->due || (a->due == b->due && a->sequence < b->sequence);
}

ef_status timer_set(pattern *p, uint32_t slot, uint32_t j, int64_t due, ef_error *error) {
    void *timers = p->timers;
    ef_status status = ef_grow(p->alloc, &timers, &p->timer_capacity, p->timer_count + 1, sizeof *p->timers, error);
    p->timers = timers;
    EF_TRY(status);
    pattern_timer timer = {.due = due,
                           .sequence = p->timer_sequence++,
                           .slot = slot,
                           .generation = slot_at(p, slot)->generation,
                           .state = j};
    uint32_t at = p->timer_count++;
    while (at > 0 && timer_before(&timer, &p->timers[(at - 1) / 2])) {
        p->timers[at] = p->timers[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    p->timers[at] = timer;
    return EF_OK;
}

void timer_pop(pattern *p, pattern_timer *timer) {
    *timer = p->timers[0];
    pattern_timer last = p->timers[--p->timer_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= p->timer_count) {
            break;
        }
        if (child + 1 < p->timer_count && timer_before(&p->timers[child + 1], &p->timers[child])) {
            child++;
        }
        if (!timer_before(&p->timers[child], &last)) {
            break;
        }
        p->timers[at] = p->timers[child];
        at = child;
    }
    if (p->timer_count > 0) {
        p->timers[at] = last;
    }
}

void pattern_forget(pattern *p) {
    ef_pages_free(p->pages);
    p->pages = ef_pages_new(p->alloc);
    for (uint32_t j = 0; j < p->state_count; j++) {
        state *s = &p->states[j];
        if (s->buckets != NULL) {
            ef_free(p->alloc, s->buckets, ((size_t)s->bucket_mask + 1) * sizeof *s->buckets);
        }
        s->buckets = NULL;
        s->bucket_mask = 0;
        s->indexed = 0;
    }
    ef_slots_clear(&p->slots, p->alloc);
    ef_timers_clear(&p->timeout_timers, p->alloc);
    p->lag = (ef_lag){0, 0, 0};
    p->timer_count = 0;
    p->matches = 0;
    p->begun_matches = 0;
    p->oldest = p->youngest = EF_NO_HANDLE;
    p->begun = false;
    p->highest = INT64_MIN;
}
