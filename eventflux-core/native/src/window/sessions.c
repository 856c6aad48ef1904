/* See sessions.h. */
#include "window/sessions.h"

#include "base/hash.h"

#define SEED UINT64_C(0x2545F4914F6CDD1D)

/* ---- heaps ---- */

static bool is_before(const ef_sessions *store, int which, uint32_t a, uint32_t b) {
    ef_session *x = &store->sessions[a], *y = &store->sessions[b];
    int64_t p = ef_session_span(x, which)->end, q = ef_session_span(y, which)->end;
    return p != q ? p < q : x->number < y->number;
}

static void heap_put(ef_sessions *store, ef_session_heap *heap, int which, uint32_t index, uint32_t id) {
    heap->ids[index] = id;
    store->sessions[id].at[which] = index + 1;
}

static void heap_settle(ef_sessions *store, ef_session_heap *heap, int which, uint32_t index, uint32_t id) {
    while (index > 0 && is_before(store, which, id, heap->ids[(index - 1) / 2])) {
        heap_put(store, heap, which, index, heap->ids[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    for (uint32_t child = 2 * index + 1; child < heap->count; child = 2 * index + 1) {
        if (child + 1 < heap->count && is_before(store, which, heap->ids[child + 1], heap->ids[child])) {
            child++;
        }
        if (!is_before(store, which, heap->ids[child], id)) {
            break;
        }
        heap_put(store, heap, which, index, heap->ids[child]);
        index = child;
    }
    heap_put(store, heap, which, index, id);
}

void ef_sessions_update(ef_sessions *store, uint32_t id, int which) {
    ef_session *entry = &store->sessions[id];
    ef_session_heap *heap = &((ef_session_slot *)store->slots.items + entry->slot)->heap[which];
    if (ef_session_span(entry, which)->rows.count > 0) {
        uint32_t index = entry->at[which] > 0 ? entry->at[which] - 1 : heap->count++;
        heap_settle(store, heap, which, index, id);
    } else if (entry->at[which] > 0) {
        uint32_t index = entry->at[which] - 1;
        uint32_t last = heap->ids[--heap->count];
        entry->at[which] = 0;
        if (last != id) {
            heap_settle(store, heap, which, index, last);
        }
    }
}

/* ---- times asked for ---- */

ef_status ef_sessions_reserve_asked(ef_sessions *store, ef_session_slot *slot, uint32_t more, ef_error *error) {
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
    int64_t *grown = ef_malloc(store->base.alloc, (size_t)capacity * sizeof *grown);
    if (grown == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < slot->asked_count; i++) {
        grown[i] = slot->asked[(slot->asked_first + i) % slot->asked_capacity];
    }
    ef_free(store->base.alloc, slot->asked, slot->asked_capacity * sizeof *slot->asked);
    slot->asked = grown;
    slot->asked_first = 0;
    slot->asked_capacity = (uint32_t)capacity;
    return EF_OK;
}

void ef_session_ask(ef_session_slot *slot, int64_t time) {
    uint32_t count = slot->asked_count;
    if (count > 0 && slot->asked[(slot->asked_first + count - 1) % slot->asked_capacity] == time) {
        return;
    }
    slot->asked[(slot->asked_first + count) % slot->asked_capacity] = time;
    slot->asked_count++;
}

void ef_sessions_set_timer(ef_sessions *store, uint32_t slot) {
    const ef_session_slot *state = ef_sessions_slot(store, slot);
    ef_timers_set(&store->timers, slot, state->asked_count > 0 ? state->asked[state->asked_first] : EF_NEVER);
}

/* ---- sessions ---- */

uint32_t ef_sessions_hash(const ef_str *key, bool null, uint32_t slot) {
    uint64_t hash = ef_hash_u64(slot, SEED);
    return ef_index_hash(null ? ef_hash_u64(0x6E756C6Cu, hash) : ef_hash_str(key, hash));
}

bool ef_sessions_key(const ef_sessions *store, const ef_session *entry, ef_str *key) {
    if (!store->has_key) {
        return false;
    }
    const ef_row_queue *rows = entry->open.rows.count > 0 ? &entry->open.rows : &entry->ended.rows;
    const ef_window *base = &store->base;
    return ef_row_read(base->pages, &base->layout, ef_pages_at(base->pages, rows->head), store->key, key);
}

uint32_t ef_sessions_find(const ef_sessions *store, const ef_str *key, bool null, uint32_t slot,
                             uint32_t hash) {
    const ef_handle_index *index = &store->index;
    if (index->entries == NULL) {
        return EF_NO_SESSION;
    }
    for (uint32_t at = hash & index->mask; index->entries[at] != EF_INDEX_EMPTY; at = (at + 1) & index->mask) {
        if (ef_index_entry_hash(index->entries[at]) != hash) {
            continue;
        }
        uint32_t id = ef_index_entry_handle(index->entries[at]);
        ef_str other;
        if (store->sessions[id].slot == slot && ef_sessions_key(store, &store->sessions[id], &other) == !null &&
            (null || ef_str_equal(&other, key))) {
            return id;
        }
    }
    return EF_NO_SESSION;
}

ef_status ef_sessions_reserve(ef_sessions *store, uint32_t slot, ef_error *error) {
    ef_alloc *alloc = store->base.alloc;
    EF_TRY(ef_handle_index_reserve(&store->index, 1, error));
    if (store->unused == EF_NO_SESSION) {
        void *sessions = store->sessions;
        ef_status status = ef_grow(alloc, &sessions, &store->session_capacity, store->session_count + 1,
                                   sizeof *store->sessions, error);
        store->sessions = sessions;
        EF_TRY(status);
    }
    for (int which = EF_SESSION_OPEN; which <= EF_SESSION_ENDED; which++) {
        ef_session_heap *heap = &ef_sessions_slot(store, slot)->heap[which];
        void *ids = heap->ids;
        ef_status status = ef_grow(alloc, &ids, &heap->capacity, ef_sessions_slot(store, slot)->sessions + 1,
                                   sizeof *heap->ids, error);
        heap->ids = ids;
        EF_TRY(status);
    }
    return EF_OK;
}

uint32_t ef_sessions_add(ef_sessions *store, uint32_t slot, uint32_t hash) {
    uint32_t id = store->unused;
    if (id != EF_NO_SESSION) {
        store->unused = store->sessions[id].slot;
    } else {
        id = store->session_count++;
    }
    memset(&store->sessions[id], 0, sizeof *store->sessions);
    store->sessions[id].slot = slot;
    store->sessions[id].hash = hash;
    store->sessions[id].place = EF_NO_HANDLE;
    store->sessions[id].before_place = EF_NO_HANDLE;
    store->sessions[id].number = store->created++;
    store->sessions[id].used = true;
    ef_sessions_slot(store, slot)->sessions++;
    ef_handle_index_add(&store->index, hash, id);
    return id;
}

void ef_sessions_remove_if_empty(ef_sessions *store, uint32_t id) {
    ef_session *entry = &store->sessions[id];
    if (entry->open.rows.count == 0 && entry->ended.rows.count == 0) {
        ef_handle_index_remove(&store->index, entry->hash, id);
        ef_sessions_slot(store, entry->slot)->sessions--;
        entry->used = false;
        entry->slot = store->unused;
        store->unused = id;
    }
}

void ef_session_clear_span(ef_session *entry, int which) {
    ef_session_span(entry, which)->rows = (ef_row_queue){0, 0, 0};
    if (which == EF_SESSION_OPEN) {
        entry->place = EF_NO_HANDLE;
        entry->before_place = EF_NO_HANDLE;
    }
}

/* ---- life ---- */

ef_status ef_sessions_init(ef_sessions *store, const ef_operator_config *config, ef_error *error) {
    store->unused = EF_NO_SESSION;
    ef_slots_init(&store->slots, sizeof(ef_session_slot));
    ef_handle_index_init(&store->index, config->alloc);
    return ef_window_init(&store->base, config, error);
}

static void free_slot(ef_sessions *store, ef_session_slot *slot) {
    ef_alloc *alloc = store->base.alloc;
    for (int which = EF_SESSION_OPEN; which <= EF_SESSION_ENDED; which++) {
        ef_free(alloc, slot->heap[which].ids, slot->heap[which].capacity * sizeof *slot->heap[which].ids);
    }
    ef_free(alloc, slot->asked, slot->asked_capacity * sizeof *slot->asked);
    memset(slot, 0, sizeof *slot);
}

void ef_sessions_clear(ef_sessions *store) {
    ef_alloc *alloc = store->base.alloc;
    for (uint32_t i = 0; i < store->slots.count; i++) {
        free_slot(store, ef_sessions_slot(store, i));
    }
    ef_slots_clear(&store->slots, alloc);
    ef_timers_clear(&store->timers, alloc);
    ef_handle_index_clear(&store->index);
    ef_free(alloc, store->sessions, store->session_capacity * sizeof *store->sessions);
    store->sessions = NULL;
    store->session_count = 0;
    store->session_capacity = 0;
    store->unused = EF_NO_SESSION;
}

static void drop_heap(ef_sessions *store, ef_session_heap *heap, int which) {
    while (heap->count > 0) {
        uint32_t id = heap->ids[0];
        ef_row_queue_drop(&store->base, &ef_session_span(&store->sessions[id], which)->rows);
        ef_session_clear_span(&store->sessions[id], which);
        ef_sessions_update(store, id, which);
        ef_sessions_remove_if_empty(store, id);
    }
}

void ef_sessions_purge(ef_sessions *store, uint32_t slot) {
    uint32_t from = slot == EF_ALL_SLOTS ? 0 : slot;
    uint32_t to = slot == EF_ALL_SLOTS ? store->slots.count : slot + 1;
    for (uint32_t i = from; i < to && i < store->slots.count; i++) {
        drop_heap(store, &ef_sessions_slot(store, i)->heap[EF_SESSION_OPEN], EF_SESSION_OPEN);
        drop_heap(store, &ef_sessions_slot(store, i)->heap[EF_SESSION_ENDED], EF_SESSION_ENDED);
        free_slot(store, ef_sessions_slot(store, i));
        ef_timers_set(&store->timers, i, EF_NEVER);
    }
    if (slot == EF_ALL_SLOTS) {
        ef_sessions_clear(store);
    }
}
