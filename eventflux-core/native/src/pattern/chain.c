/* Chains: single events one after the other, begun anew at every event that passes the first: what most patterns are.
 *
 *      every e1=A -> e2=B[id == e1.id and price > e1.price]
 *
 *      state 0   armed for ever: an event begins a match, in `fresh` of state 1
 *      state 1   `fresh` -> `pending` and index at the next event of its port; the last event takes the match out of its list, and it is put out
 *
 * The machine's steps for such a pattern and no others, on the machine's own lists: one may go on where the other stopped. A match is in one list at a time, so it
 * comes and goes with its entry. What is rare (times that go back, see expire_jumping in machine.c) is left to the machine. O(1) an event and match. */
#include "pattern/machine.h"

#define WRITE(type, name, handle)                                      \
    type *name = (type *)(void *)ef_pages_write(p->pages, (handle));   \
    if (EF_UNLIKELY(name == NULL)) {                                   \
        return ef_fail_memory(r->error);                               \
    }

bool chain_fits(const pattern *p) {
    if (!p->begins_in_place || p->most_matches > 0 || p->within_events > 0 || p->timeouts || p->special_count > 0 || p->starts_absent) {
        return false;
    }
    for (uint32_t j = 0; j < p->state_count; j++) {
        const ef_state_config *config = &p->states[j].config;
        bool is_last = j + 1 == p->state_count;
        if (config->kind != EF_STATE_PLAIN || config->next != (is_last ? EF_NO_STATE : (int32_t)j + 1) || config->start != (j == 0) ||
            config->condition != NULL || (j > 0 && (config->every != EF_NO_STATE || config->group != EF_NO_STATE))) {
            return false;
        }
        for (uint32_t t = 0; j == 0 && t < config->test_count; t++) {
            if (config->tests[t].capture >= 0) {
                return false;
            }
        }
    }
    return true;
}

/* ---- lists; as in matches.c, for matches that are in one list only ---- */

/* Behind the last of `fresh`: a match that nobody holds yet. */
static ef_status add_fresh(run *r, uint32_t slot, uint32_t j, ef_handle handle, int64_t first) {
    pattern *p = r->p;
    const state *of = &p->states[j];
    slot_state *at = slot_at(p, slot);
    state_slot *s = &at->state[j];
    match_list *list = &s->fresh;
    ef_handle taken;
    EF_TRY(ef_pages_take(p->pages, sizeof(entry), &taken, r->error));
    WRITE(entry, e, taken);
    e->match = handle;
    e->next = EF_NO_HANDLE;
    e->previous = EF_NO_HANDLE;
    e->bucket_next = EF_NO_HANDLE;
    e->bucket_previous = IN_NO_BUCKET;
    e->hash = 1;
    if (list->count > 0) {
        WRITE(entry, tail, list->tail);
        tail->next = taken;
        e->previous = list->tail;
        s->fresh_jumps |= first < match_at(p, tail->match)->first;
    } else {
        list->head = taken;
        s->fresh_jumps = false;
    }
    list->tail = taken;
    list->count++;
    at->fresh++;
    note_first(p, slot, first);
    if (of->key_count > 0) {
        const ahead *a = &r->ahead[r->port];
        uint64_t whole = 0;
        bool is_there = a->begun != NULL ? a->begun_is_there[r->row] : begun_key(p, r->batch[r->port], r->row, slot, j, &whole);
        e->hash = !is_there ? 0 : a->begun != NULL ? a->begun[r->row] : (uint32_t)(whole >> 32);
        e->bucket_next = is_there ? EF_NO_HANDLE : IN_NO_BUCKET;
        if (of->buckets != NULL) {
            __builtin_prefetch(bucket_of(of, e->hash));
        }
    }
    return EF_OK;
}

/* `fresh` to the end of `pending`, and into the index. At state 1 a match has its first event only: where firsts rise, timestamps do. Whether they
 * rise in `pending`, only absences ask. */
static ef_status update(run *r, slot_state *at, uint32_t j) {
    pattern *p = r->p;
    state *of = &p->states[j];
    state_slot *s = &at->state[j];
    if (s->fresh.count > 1 && (j > 1 || s->fresh_jumps)) {
        return list_update(p, r->slot, j, r->error);
    }
    if (of->key_count > 0) {
        EF_TRY(index_reserve(p, j, s->fresh.count, r->error));
    }
    for (ef_handle moved = s->fresh.head; moved != EF_NO_HANDLE;) {
        WRITE(entry, e, moved);
        if (of->key_count == 0) {
            e->hash = 0;
        } else if (e->bucket_next != IN_NO_BUCKET) {
            bucket *b = bucket_of(of, e->hash);
            e->bucket_previous = b->tail;
            if (b->tail == EF_NO_HANDLE) {
                b->head = moved;
            } else {
                WRITE(entry, before, b->tail);
                before->bucket_next = moved;
            }
            b->tail = moved;
            of->indexed++;
        }
        moved = e->next;
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
    at->fresh -= s->fresh.count;
    s->fresh = (match_list){0, 0, 0};
    s->fresh_jumps = s->lets_be = false;
    s->look_at = 0;
    return EF_OK;
}

/* Out of its list, with all that it holds. What comes to the head by it is the caller's to note for expiry. */
static ef_status end(run *r, slot_state *slot, uint32_t j, bool fresh, ef_handle at) {
    pattern *p = r->p;
    state *of = &p->states[j];
    const entry *e = entry_at(p, at);
    ef_handle handle = e->match, previous = e->previous, next = e->next;
    ef_handle in_front = e->bucket_previous, behind = e->bucket_next;
    const match *m = match_at(p, handle);
    if (EF_UNLIKELY(m->holders != 1 || (m->flags & MATCH_BEGUN) == 0)) {
        return list_remove(p, r->slot, j, fresh, at, r->error);
    }
    if (in_front != IN_NO_BUCKET) {
        bucket *b = bucket_of(of, e->hash);
        if (in_front == EF_NO_HANDLE) {
            b->head = behind;
        } else {
            WRITE(entry, first, in_front);
            first->bucket_next = behind;
        }
        if (behind == EF_NO_HANDLE) {
            b->tail = in_front;
        } else {
            WRITE(entry, last, behind);
            last->bucket_previous = in_front;
        }
        of->indexed--;
    }
    match_list *list = fresh ? &slot->state[j].fresh : &slot->state[j].pending;
    if (previous == EF_NO_HANDLE) {
        list->head = next;
    } else {
        WRITE(entry, front, previous);
        front->next = next;
    }
    if (next == EF_NO_HANDLE) {
        list->tail = previous;
    } else {
        WRITE(entry, back, next);
        back->previous = previous;
    }
    list->count--;
    slot->fresh -= fresh;
    m = match_at(p, handle);
    for (uint32_t i = 0; i < p->state_count; i++) {
        if (EF_UNLIKELY(!is_event(m->event[i]))) {
            continue;
        }
        if (EF_LIKELY(ef_row_next(ef_pages_at(p->pages, m->event[i])) == 1 && !p->states[i].layout.has_strings)) {
            ef_pages_give(p->pages, m->event[i], p->states[i].layout.size);
        } else {
            EF_TRY(row_release(p, i, m->event[i], r->error));
        }
    }
    p->matches--;
    p->begun_matches--;
    ef_pages_give(p->pages, at, sizeof(entry));
    ef_pages_give(p->pages, handle, p->match_size);
    return EF_OK;
}

/* ---- an event ---- */

/* A match of the event at hand. */
static ef_status begin(run *r, uint32_t slot) {
    pattern *p = r->p;
    const state *first = &p->states[0];
    ef_handle row, handle;
    EF_TRY(ef_row_keep_chosen(p->pages, &first->layout, r->batch[r->port], first->config.kept, r->row, &row, r->error));
    EF_TRY(ef_pages_take(p->pages, p->match_size, &handle, r->error));
    WRITE(char, bytes, row);
    WRITE(match, m, handle);
    ef_row_set_next(bytes, 1);
    *m = (match){.timestamp = r->timestamp, .first = r->timestamp, .slot = slot, .holders = 1, .flags = MATCH_BEGUN};
    m->event[0] = row;
    for (uint32_t j = 1; j < p->state_count; j++) {
        m->event[j] = NO_EVENT;
    }
    p->matches++;
    p->begun_matches++;
    return add_fresh(r, slot, 1, handle, r->timestamp);
}

static ef_status pass(run *r, slot_state *slot, uint32_t j, ef_handle at, ef_handle m) {
    if (!r->p->states[j].is_plain_end) {
        return plain_pass(r, r->slot, j, at, m);
    }
    EF_TRY(found_put(r, m, j, r->timestamp));
    if (!r->p->port_shared[r->port]) {
        found_end(r); /* as the machine does: each match is a delivery of its own */
    }
    bool is_head = slot->state[j].pending.head == at;
    EF_TRY(end(r, slot, j, false, at));
    const match_list *left = &slot->state[j].pending;
    if (is_head && left->count > 0) {
        note_first(r->p, r->slot, match_at(r->p, entry_at(r->p, left->head)->match)->first);
    }
    return EF_OK;
}

static ef_status meet(run *r, slot_state *slot, uint32_t j) {
    const pattern *p = r->p;
    bool is_indexed = p->states[j].key_count > 0;
    uint32_t hash = 0;
    ef_handle at = slot->state[j].pending.head;
    if (is_indexed) {
        if (p->states[j].buckets == NULL || !ahead_key(r, j, &hash)) {
            return EF_OK;
        }
        at = bucket_of(&p->states[j], hash)->head;
    }
    while (at != EF_NO_HANDLE) {
        const entry *e = entry_at(p, at);
        ef_handle next = is_indexed ? e->bucket_next : e->next, handle = e->match;
        if (!is_indexed || e->hash == hash) {
            const match *m = match_at(p, handle);
            if (m->slot == r->slot && match_passes(r, j, m)) {
                EF_TRY(pass(r, slot, j, at, handle));
            }
        }
        at = next;
    }
    return EF_OK;
}

static int64_t first_of(const pattern *p, ef_handle at) {
    return match_at(p, entry_at(p, at)->match)->first;
}

static bool is_out(const pattern *p, ef_handle at, int64_t now) {
    int64_t first = first_of(p, at);
    uint64_t distance = now >= first ? (uint64_t)now - (uint64_t)first : (uint64_t)first - (uint64_t)now;
    return distance > (uint64_t)p->within && first != NO_FIRST;
}

/* From the front of `pending`, from both ends of `fresh`. */
static ef_status expire(run *r, slot_state *at) {
    pattern *p = r->p;
    at->expires = INT64_MAX;
    for (uint32_t j = 1; j < p->state_count; j++) {
        const match_list *pending = &at->state[j].pending, *fresh = &at->state[j].fresh;
        while (pending->count > 0 && is_out(p, pending->head, r->timestamp)) {
            EF_TRY(end(r, at, j, false, pending->head));
        }
        while (fresh->count > 0 && is_out(p, fresh->head, r->timestamp)) {
            EF_TRY(end(r, at, j, true, fresh->head));
        }
        while (fresh->count > 0 && is_out(p, fresh->tail, r->timestamp)) {
            EF_TRY(end(r, at, j, true, fresh->tail));
        }
        if (pending->count > 0) {
            note_first(p, r->slot, first_of(p, pending->head));
        }
        if (fresh->count > 0) {
            note_first(p, r->slot, first_of(p, fresh->head));
        }
        if (EF_UNLIKELY(p->states[j].indexed < p->states[j].bucket_mask / 16)) {
            index_trim(p, j);
        }
    }
    return EF_OK;
}

static bool has_jumps(const pattern *p, const slot_state *at) {
    bool has = at->lets_be;
    for (uint32_t j = 1; j < p->state_count; j++) {
        has = has || at->state[j].fresh_jumps;
    }
    return has;
}

ef_status chain_event(run *r) {
    pattern *p = r->p;
    slot_state *at = slot_at(p, r->slot);
    if (may_expire(p, at, r->timestamp) || at->lets_be) {
        if (EF_UNLIKELY(has_jumps(p, at))) {
            return machine_event(r);
        }
        EF_TRY(expire(r, at));
    }
    const uint32_t *last, *from = states_of(p, r->port, &last);
    for (const uint32_t *j = from; j < last; j++) {
        if (at->state[*j].fresh.count > 0) {
            EF_TRY(update(r, at, *j));
        }
    }
    for (const uint32_t *j = from; j < last; j++) {
        uint32_t waiting_now = at->state[*j].pending.count;
        if (waiting_now == 0) {
            continue;
        }
        bool passes = true;
        if (p->states[*j].has_own_tests) {
            EF_TRY(run_own_passes(r, *j, &passes));
        }
        if (passes && *j > 0) {
            EF_TRY(meet(r, at, *j));
            found_end(r);
        }
        for (uint32_t i = 0; passes && *j == 0 && i < waiting_now; i++) {
            EF_TRY(begin(r, r->slot));
        }
    }
    return r->any_kept ? run_drop_kept(r) : EF_OK;
}
