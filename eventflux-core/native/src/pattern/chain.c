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

/* A match of the event at hand. */
static ef_status begin(run *r, uint32_t slot) {
    pattern *p = r->p;
    const state *first = &p->states[0];
    ef_handle row, handle;
    EF_TRY(ef_row_keep_chosen(p->pages, &first->layout, r->batch[r->port], first->config.kept, r->row, &row, r->error));
    EF_TRY(ef_pages_take(p->pages, p->match_size, &handle, r->error));
    char *bytes = ef_pages_write(p->pages, row);
    match *m = (match *)(void *)ef_pages_write(p->pages, handle);
    if (EF_UNLIKELY(bytes == NULL || m == NULL)) {
        return ef_fail_memory(r->error);
    }
    ef_row_set_next(bytes, 1);
    *m = (match){.timestamp = r->timestamp, .first = r->timestamp, .slot = slot, .flags = MATCH_BEGUN}; /* its entry will hold it */
    m->event[0] = row;
    for (uint32_t j = 1; j < p->state_count; j++) {
        m->event[j] = NO_EVENT;
    }
    p->matches++;
    p->begun_matches++;
    return list_add_fresh(p, slot, 1, handle, r->error);
}

static ef_status pass(run *r, uint32_t slot, uint32_t j, ef_handle at, ef_handle m) {
    if (!r->p->states[j].is_plain_end) {
        return plain_pass(r, slot, j, at, m);
    }
    EF_TRY(found_put(r, m, j, r->timestamp));
    if (!r->p->port_shared[r->port]) {
        found_end(r); /* as the machine does: each match is a delivery of its own */
    }
    return list_remove(r->p, slot, j, false, at, r->error);
}

static ef_status meet(run *r, uint32_t slot, uint32_t j, ef_handle head) {
    const pattern *p = r->p;
    bool is_indexed = p->states[j].key_count > 0;
    uint32_t hash = 0;
    if (is_indexed && (p->states[j].buckets == NULL || !ahead_key(r, j, &hash))) {
        return EF_OK;
    }
    for (ef_handle at = is_indexed ? bucket_of(&p->states[j], hash)->head : head; at != EF_NO_HANDLE;) {
        const entry *e = entry_at(p, at);
        ef_handle next = is_indexed ? e->bucket_next : e->next, handle = e->match;
        if (!is_indexed || e->hash == hash) {
            const match *m = match_at(p, handle);
            if (m->slot == slot && match_passes(r, j, m)) {
                EF_TRY(pass(r, slot, j, at, handle));
            }
        }
        at = next;
    }
    return EF_OK;
}

static bool is_out(const pattern *p, ef_handle at, int64_t now) {
    return is_expired(p, match_at(p, entry_at(p, at)->match), now);
}

/* From the front of `pending`, from both ends of `fresh`. */
static ef_status expire(run *r, uint32_t slot) {
    pattern *p = r->p;
    slot_state *at = slot_at(p, slot);
    for (uint32_t j = 1; j < p->state_count; j++) {
        const match_list *pending = &at->state[j].pending, *fresh = &at->state[j].fresh;
        while (pending->count > 0 && is_out(p, pending->head, r->timestamp)) {
            EF_TRY(list_remove(p, slot, j, false, pending->head, r->error));
        }
        while (fresh->count > 0 && is_out(p, fresh->head, r->timestamp)) {
            EF_TRY(list_remove(p, slot, j, true, fresh->head, r->error));
        }
        while (fresh->count > 0 && is_out(p, fresh->tail, r->timestamp)) {
            EF_TRY(list_remove(p, slot, j, true, fresh->tail, r->error));
        }
    }
    look_for_expiry(p, slot);
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
        EF_TRY(expire(r, r->slot));
    }
    for (uint32_t j = 0; j < p->state_count; j++) {
        if (p->states[j].config.port == r->port && at->state[j].fresh.count > 0) {
            EF_TRY(list_update(p, r->slot, j, r->error));
        }
    }
    for (uint32_t j = p->state_count; j-- > 0;) {
        uint32_t waiting_now = at->state[j].pending.count;
        if (p->states[j].config.port != r->port || waiting_now == 0) {
            continue;
        }
        bool passes;
        EF_TRY(run_own_passes(r, j, &passes));
        if (passes && j > 0) {
            EF_TRY(meet(r, r->slot, j, at->state[j].pending.head));
            found_end(r);
        }
        for (uint32_t i = 0; passes && j == 0 && i < waiting_now; i++) {
            EF_TRY(begin(r, r->slot));
        }
    }
    return run_drop_kept(r);
}
