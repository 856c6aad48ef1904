/* Straight sequences (see straight.c), a row at a time: what single events and short batches go through.
 *
 *      fresh of state     0          1              2                    between two events each holds one match at most, `pending` none
 *                         armed      [k]            [k-1, k]
 *      event k+1          armed      [k+1]          [k, k+1]   [k-1, k, k+1] is put out
 *
 * The machine's steps, without its lists moving about: an event either lets the match at a state go on, entry and all, or ends it, and what has ended is
 * what the next match is made of. The armed match stays where it is: the machine's copies of it are all alike. What is out of WITHIN is the machine's.
 * O(states) an event. */
#include "pattern/machine.h"

#define WRITE(type, name, handle)                                      \
    type *name = (type *)(void *)ef_pages_write(p->pages, (handle));   \
    if (EF_UNLIKELY(name == NULL)) {                                   \
        return ef_fail_memory(r->error);                               \
    }

bool straight_steps(const pattern *p) {
    bool steps = p->is_straight;
    for (uint32_t j = 0; j < p->state_count; j++) {
        steps = steps && p->states[j].config.condition == NULL && (j + 1 < p->state_count || p->states[j].is_plain_end);
    }
    return steps;
}

/* Whether the slot is as this file leaves it; the machine does so too, but for what it was given to load. */
static bool is_settled(const pattern *p, const slot_state *at) {
    bool settled = true;
    for (uint32_t j = 0; j < p->state_count; j++) {
        settled = settled && at->state[j].pending.count == 0 && at->state[j].fresh.count <= 1 && !at->state[j].reset;
    }
    return settled;
}

/* The event at hand as a row of state j that one match holds. */
static ef_status keep(run *r, uint32_t j, ef_handle *row) {
    pattern *p = r->p;
    EF_TRY(ef_row_keep_chosen(p->pages, &p->states[j].layout, r->batch[r->port], p->states[j].config.kept, r->row, row, r->error));
    WRITE(char, bytes, *row);
    ef_row_set_next(bytes, 1);
    return EF_OK;
}

static ef_status give_rows(run *r, const match *m, uint32_t states) {
    for (uint32_t i = 0; i < states; i++) {
        if (is_event(m->event[i])) {
            EF_TRY(row_release(r->p, i, m->event[i], r->error));
        }
    }
    return EF_OK;
}

/* The match at state j meets the event. *ended: its entry, where that is free now. */
static ef_status meet(run *r, slot_state *slot, uint32_t j, ef_handle *ended) {
    pattern *p = r->p;
    match_list *list = &slot->state[j].fresh;
    ef_handle at = list->head, handle = entry_at(p, at)->match;
    bool passes;
    EF_TRY(run_own_passes(r, j, &passes));
    passes = passes && match_passes(r, j, match_at(p, handle));
    list->count = 0;
    if (passes && j + 1 < p->state_count) {
        ef_handle row;
        EF_TRY(keep(r, j, &row));
        WRITE(match, m, handle);
        m->event[j] = row;
        m->timestamp = r->timestamp;
        slot->state[j + 1].fresh = (match_list){at, at, 1};
        slot->state[j + 1].fresh_jumps = false;
        return EF_OK;
    }
    if (passes) {
        EF_TRY(found_put(r, handle, j, r->timestamp));
        found_end(r);
    }
    EF_TRY(give_rows(r, match_at(p, handle), j));
    slot->fresh--;
    p->matches--;
    p->begun_matches--;
    if (*ended == EF_NO_HANDLE) {
        *ended = at;
        return EF_OK;
    }
    ef_pages_give(p->pages, handle, p->match_size);
    ef_pages_give(p->pages, at, sizeof(entry));
    return EF_OK;
}

/* A match of the event at hand, at state 1; made of what has ended. */
static ef_status begin(run *r, slot_state *slot, ef_handle ended) {
    pattern *p = r->p;
    ef_handle row, handle, at = ended;
    EF_TRY(keep(r, 0, &row));
    if (ended == EF_NO_HANDLE) {
        EF_TRY(ef_pages_take(p->pages, p->match_size, &handle, r->error));
        EF_TRY(ef_pages_take(p->pages, sizeof(entry), &at, r->error));
    } else {
        handle = entry_at(p, ended)->match;
    }
    WRITE(match, m, handle);
    WRITE(entry, e, at);
    *m = (match){.timestamp = r->timestamp, .first = r->timestamp, .slot = r->slot, .holders = 1, .flags = MATCH_BEGUN};
    for (uint32_t i = 0; i < p->state_count; i++) {
        m->event[i] = i == 0 ? row : NO_EVENT;
    }
    *e = (entry){.match = handle,
                 .next = EF_NO_HANDLE,
                 .previous = EF_NO_HANDLE,
                 .bucket_next = EF_NO_HANDLE,
                 .bucket_previous = IN_NO_BUCKET,
                 .hash = 1};
    slot->state[1].fresh = (match_list){at, at, 1};
    slot->state[1].fresh_jumps = false;
    slot->fresh++;
    p->matches++;
    p->begun_matches++;
    note_first(p, r->slot, r->timestamp);
    return EF_OK;
}

ef_status straight_row(run *r) {
    pattern *p = r->p;
    slot_state *slot = slot_at(p, r->slot);
    if (EF_UNLIKELY(may_expire(p, slot, r->timestamp) || !is_settled(p, slot))) {
        return machine_event(r);
    }
    if (EF_UNLIKELY(slot->state[0].fresh.count == 0)) {
        EF_TRY(state_init(r, r->slot, 0));
    }
    ef_handle ended = EF_NO_HANDLE;
    for (uint32_t j = p->state_count - 1; j > 0; j--) {
        if (slot->state[j].fresh.count > 0) {
            EF_TRY(meet(r, slot, j, &ended));
        }
    }
    bool passes;
    EF_TRY(run_own_passes(r, 0, &passes));
    passes = passes && match_passes(r, 0, match_at(p, entry_at(p, slot->state[0].fresh.head)->match));
    if (passes) {
        return begin(r, slot, ended);
    }
    if (ended != EF_NO_HANDLE) {
        ef_pages_give(p->pages, entry_at(p, ended)->match, p->match_size);
        ef_pages_give(p->pages, ended, sizeof(entry));
    }
    return EF_OK;
}
