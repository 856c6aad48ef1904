/* How events move partial matches through the states.
 *
 * One event: matches that are out of WITHIN leave; `fresh` matches of the states that read the stream become `pending`; then those states are met from the
 * last to the first, and each pending match whose condition holds takes the event and moves on into the `fresh` list of the next state. So one event never
 * moves a match by two states. In a sequence all states are reset before (what waits dies, the start may be armed anew) and all are updated.
 *
 * Where a state ends an `every`, a copy of the match without the events of that `every` is armed at its first state. A counting state hands the match on when
 * its minimum is reached and goes on gathering until the maximum, or until a later state takes an event. */
#include "pattern/machine.h"

#define WRITE(type, name, handle)                                      \
    type *name = (type *)(void *)ef_pages_write(p->pages, (handle));   \
    if (EF_UNLIKELY(name == NULL)) {                                   \
        return ef_fail_memory(r->error);                               \
    }

static state_slot *slot_of(const run *r, uint32_t slot, uint32_t j) {
    return &slot_at(r->p, slot)->state[j];
}

static uint32_t first_of(const pattern *p, uint32_t j) {
    return is_logical(p, j) ? p->states[j].config.first_side : j;
}

static uint32_t sides_of(const pattern *p, uint32_t j) {
    return is_logical(p, j) ? p->states[j].config.sides : 1;
}

/* ---- entering states ---- */

static ef_status put_out(run *r, ef_handle m, uint32_t j, int64_t timestamp) {
    if (EF_UNLIKELY(r->p->timeouts)) {
        return EF_OK;
    }
    EF_TRY(found_put(r, m, j, timestamp));
    if (r->port == NO_PORT || !r->p->port_shared[r->port]) {
        found_end(r); /* else the matches of one event at one state are one delivery */
    }
    return EF_OK;
}

static ef_status arm_timer(run *r, uint32_t slot, uint32_t j, int64_t from) {
    int64_t wait = r->p->states[j].config.wait;
    return wait < 0 ? EF_OK : timer_set(r->p, slot, j, ef_time_after(from, wait), r->error);
}

/* When a match without events, all before it being optional, comes to a state: now. */
static int64_t arrival(const run *r, ef_handle m) {
    int64_t timestamp = match_at(r->p, m)->timestamp;
    return timestamp == NO_TIMESTAMP ? r->clock : timestamp;
}

static ef_status add_unless_waiting(run *r, uint32_t slot, uint32_t j, ef_handle m, bool only_one) {
    if (only_one && slot_of(r, slot, j)->fresh.count > 0) {
        return EF_OK;
    }
    return list_add_fresh(r->p, slot, j, m, r->error);
}

static ef_status enter_count(run *r, uint32_t slot, uint32_t j, ef_handle m) {
    pattern *p = r->p;
    const state *s = &p->states[j];
    bool may_skip = s->config.minimum == 0 && match_at(p, m)->event[j] == NO_EVENT;
    if (may_skip && s->config.next == EF_NO_STATE) {
        EF_TRY(put_out(r, m, j, match_at(p, m)->timestamp));
        return s->config.every == EF_NO_STATE ? EF_OK : state_enter_again(r, (uint32_t)s->config.every, m);
    }
    EF_TRY(add_unless_waiting(r, slot, j, m, p->sequence));
    if (!may_skip) {
        return EF_OK;
    }
    if (s->opens) {
        WRITE(match, held, m);
        held->flags |= MATCH_OPEN;
    }
    EF_TRY(state_enter(r, slot, (uint32_t)s->config.next, m));
    return !s->opens && s->config.every != EF_NO_STATE ? state_enter_again(r, (uint32_t)s->config.every, m) : EF_OK;
}

/* A match arrives at a state (of and/or: at all sides). */
ef_status state_enter(run *r, uint32_t slot, uint32_t j, ef_handle m) {
    pattern *p = r->p;
    const state *s = &p->states[j];
    state_slot *at = slot_of(r, slot, j);
    switch (s->config.kind) {
    case EF_STATE_PLAIN:
        return add_unless_waiting(r, slot, j, m, p->sequence);
    case EF_STATE_COUNT:
        return enter_count(r, slot, j, m);
    case EF_STATE_ABSENT:
        if (at->spent) {
            return EF_OK;
        }
        if (p->sequence) {
            EF_TRY(list_clear(p, slot, j, true, r->error));
        }
        if (s->sheltered) {
            EF_TRY(list_clear(p, slot, j, false, r->error));
        }
        EF_TRY(list_add_fresh(p, slot, j, m, r->error));
        if (!s->config.start) {
            at->last = ef_time_after(arrival(r, m), s->config.wait);
            EF_TRY(arm_timer(r, slot, j, arrival(r, m)));
        }
        return EF_OK;
    case EF_STATE_LOGICAL:
    case EF_STATE_LOGICAL_ABSENT:
        for (uint32_t i = s->config.first_side; i < s->config.first_side + s->config.sides; i++) {
            if (p->states[i].config.kind == EF_STATE_LOGICAL_ABSENT && slot_of(r, slot, i)->spent) {
                return EF_OK;
            }
        }
        for (uint32_t i = s->config.first_side; i < s->config.first_side + s->config.sides; i++) {
            EF_TRY(add_unless_waiting(r, slot, i, m, s->config.start || p->sequence));
            if (!s->config.start && p->states[i].config.kind == EF_STATE_LOGICAL_ABSENT) {
                EF_TRY(arm_timer(r, slot, i, arrival(r, m)));
            }
        }
        return EF_OK;
    }
    return EF_OK;
}

/* Arms the first state of an `every` with a copy of the match that has the events before it only. */
ef_status state_enter_again(run *r, uint32_t j, ef_handle m) {
    pattern *p = r->p;
    const state *s = &p->states[j];
    uint32_t slot = match_at(p, m)->slot;
    ef_handle copy;
    if (has_events_before(match_at(p, m), first_of(p, j))) {
        bool may;
        match none = {.flags = 0};
        EF_TRY(may_begin(r, &none, &may));
        if (!may) {
            return EF_OK;
        }
    }
    EF_TRY(match_clone(p, m, first_of(p, j), &copy, r->error));
    if (EF_UNLIKELY(p->timeouts) && match_at(p, copy)->first != NO_FIRST) {
        WRITE(match, held, copy);
        held->flags |= MATCH_QUIET;
    }
    if (s->config.kind == EF_STATE_LOGICAL_ABSENT && s->config.wait >= 0 && match_at(p, m)->event[j] == ESTABLISHED) {
        WRITE(match, again, copy);
        again->timestamp = NO_TIMESTAMP; /* the absence holds again at the next firing */
    }
    ef_status status = EF_OK;
    for (uint32_t i = first_of(p, j); i < first_of(p, j) + sides_of(p, j) && status == EF_OK; i++) {
        status = list_add_fresh(p, slot, i, copy, r->error);
        if (status == EF_OK && p->states[i].config.kind == EF_STATE_LOGICAL_ABSENT && p->states[i].config.every != (int32_t)j) {
            status = arm_timer(r, slot, i, match_at(p, copy)->timestamp);
        }
    }
    if (status == EF_OK && s->config.kind == EF_STATE_ABSENT) {
        slot_of(r, slot, j)->last = ef_time_after(match_at(p, copy)->timestamp, s->config.wait);
        status = arm_timer(r, slot, j, match_at(p, copy)->timestamp);
    }
    if (status == EF_OK && s->skips_again) {
        if (s->opens) {
            match *held = (match *)(void *)ef_pages_write(p->pages, copy);
            if (held == NULL) {
                return ef_fail_memory(r->error);
            }
            held->flags |= MATCH_OPEN;
        }
        status = state_enter(r, slot, (uint32_t)s->config.next, copy);
    }
    return status != EF_OK ? status : match_release(p, copy, r->error);
}

/* An empty match at the start. */
ef_status state_init(run *r, uint32_t slot, uint32_t j) {
    pattern *p = r->p;
    const state *s = &p->states[j];
    state_slot *at = slot_of(r, slot, j);
    if (!s->config.start) {
        return EF_OK;
    }
    bool next_is_absent = s->config.next != EF_NO_STATE && (p->states[s->config.next].config.kind == EF_STATE_ABSENT ||
                                                            p->states[s->config.next].config.kind == EF_STATE_LOGICAL_ABSENT);
    if (at->initialised && s->config.every == EF_NO_STATE && !(p->sequence && next_is_absent)) {
        return EF_OK;
    }
    ef_handle m;
    EF_TRY(match_new(p, slot, &m, r->error));
    EF_TRY(state_enter(r, slot, j, m));
    slot_of(r, slot, j)->initialised = true;
    return match_release(p, m, r->error);
}

ef_status slot_begin(run *r, uint32_t slot, int64_t clock) {
    pattern *p = r->p;
    EF_TRY(ef_slots_reserve(&p->slots, p->alloc, slot + 1, r->error));
    slot_state *at = slot_at(p, slot);
    if (EF_LIKELY(at->started)) {
        return EF_OK;
    }
    at->started = true;
    at->expires = INT64_MAX;
    r->clock = clock;
    uint32_t start = 0;
    while (start + 1 < p->state_count && p->states[start + 1].config.start) {
        start++;
    }
    EF_TRY(state_init(r, slot, start));
    for (uint32_t j = 0; j < p->state_count; j++) {
        const ef_state_config *config = &p->states[j].config;
        if (config->start && config->wait >= 0) {
            if (config->kind == EF_STATE_ABSENT) {
                slot_of(r, slot, j)->last = ef_time_after(clock, config->wait);
            }
            EF_TRY(arm_timer(r, slot, j, clock));
        }
    }
    return EF_OK;
}

/* ---- leaving states ---- */

/* The match took an event at state j: the states before it are over for it. */
static ef_status leave_before(run *r, uint32_t j, ef_handle m) {
    pattern *p = r->p;
    if (p->special_count == 0) {
        return EF_OK;
    }
    uint32_t first = first_of(p, j);
    for (uint32_t i = 0; i < first; i++) {
        if (p->states[i].special != UINT32_MAX) {
            EF_TRY(leave_special(p, m, i, r->error));
        }
    }
    if ((match_at(p, m)->flags & MATCH_OPEN) == 0) {
        return EF_OK;
    }
    for (uint32_t i = 0; i < first; i++) {
        if (p->states[i].opens) {
            WRITE(match, held, m);
            held->flags = (uint16_t)(held->flags & ~MATCH_OPEN);
            EF_TRY(state_enter_again(r, (uint32_t)p->states[i].config.every, m));
        }
    }
    return EF_OK;
}

/* State j is complete for the match. */
ef_status state_done(run *r, uint32_t slot, uint32_t j, ef_handle m, int64_t timestamp) {
    const ef_state_config *config = &r->p->states[j].config;
    if (config->next == EF_NO_STATE) {
        EF_TRY(put_out(r, m, j, timestamp));
    } else {
        EF_TRY(state_enter(r, slot, (uint32_t)config->next, m));
    }
    if (config->every != EF_NO_STATE) {
        EF_TRY(state_enter_again(r, (uint32_t)config->every, m));
    }
    if (r->p->states[j].callback != EF_NO_STATE) {
        slot_of(r, slot, (uint32_t)r->p->states[j].callback)->reset = true;
    }
    return EF_OK;
}

/* What an unwanted event killed is armed again, where it was in an `every` of several elements. */
ef_status rearm_killed(run *r, uint32_t j, ef_handle m) {
    const ef_state_config *config = &r->p->states[j].config;
    return config->group != EF_NO_STATE && config->group_is_long ? state_enter_again(r, (uint32_t)config->group, m) : EF_OK;
}

/* ---- within ---- */

bool is_expired(const pattern *p, const match *m, int64_t now) {
    if (m->first == NO_FIRST) {
        return false;
    }
    if (p->within_events > 0) {
        return slot_at(p, m->slot)->events - (uint64_t)m->first + 1 > p->within_events;
    }
    if (p->within < 0) {
        return false;
    }
    uint64_t distance = now >= m->first ? (uint64_t)now - (uint64_t)m->first : (uint64_t)m->first - (uint64_t)now;
    return distance > (uint64_t)p->within;
}

/* Whether an expired match of a counting `every` has armed its successor already. */
static bool is_armed(const run *r, uint32_t slot, uint32_t j, const match *like) {
    const pattern *p = r->p;
    const match_list lists[2] = {slot_of(r, slot, j)->pending, slot_of(r, slot, j)->fresh};
    if (!is_count(p, j)) {
        return false;
    }
    for (uint32_t l = 0; l < 2; l++) {
        ef_handle at = lists[l].count > 0 ? lists[l].head : EF_NO_HANDLE;
        for (; at != EF_NO_HANDLE; at = entry_at(p, at)->next) {
            const match *m = match_at(p, entry_at(p, at)->match);
            if (memcmp(m->event, like->event, j * sizeof *m->event) == 0 && (m->flags & MATCH_EXPIRED) == 0) {
                return true;
            }
        }
    }
    return false;
}

static ef_status expire_one(run *r, uint32_t slot, uint32_t j, bool fresh, ef_handle at, ef_handle *expired) {
    pattern *p = r->p;
    ef_handle m = entry_at(p, at)->match;
    if ((match_at(p, m)->flags & MATCH_EXPIRED) == 0) {
        WRITE(match, held, m);
        held->flags |= MATCH_EXPIRED;
        held->holders++;
        if (*expired != EF_NO_HANDLE) {
            EF_TRY(match_release(p, *expired, r->error));
        }
        *expired = m;
        if (EF_UNLIKELY(p->timeouts)) {
            EF_TRY(timeout_put(r, m));
        }
    }
    return list_remove(p, slot, j, fresh, at, r->error);
}

static bool entry_expired(const run *r, ef_handle at, int64_t now) {
    return is_expired(r->p, match_at(r->p, entry_at(r->p, at)->match), now);
}

static ef_status look_through(run *r, uint32_t slot, uint32_t j, int64_t now, ef_handle *expired) {
    for (ef_handle at = slot_of(r, slot, j)->fresh.count > 0 ? slot_of(r, slot, j)->fresh.head : EF_NO_HANDLE; at != EF_NO_HANDLE;) {
        ef_handle next = entry_at(r->p, at)->next;
        if (entry_expired(r, at, now)) {
            EF_TRY(expire_one(r, slot, j, true, at, expired));
        }
        at = next;
    }
    return EF_OK;
}

/* `fresh` whose firsts do not rise. Looking through all of it at every event would cost as much as waits: where nobody can tell, that is done when it has grown to
 * twice its size only, before its matches become pending, and before time goes back: what was out of WITHIN once is out, whatever comes. */
static ef_status expire_jumping(run *r, uint32_t slot, uint32_t j, int64_t now, ef_handle *expired) {
    pattern *p = r->p;
    slot_state *at = slot_at(p, slot);
    state_slot *s = &at->state[j];
    bool is_back = s->lets_be && now < (int64_t)at->events;
    if (p->may_let_be && p->states[j].config.port != r->port && s->fresh.count < s->look_at && !is_back) {
        at->events = (uint64_t)(s->lets_be || at->lets_be ? (now > (int64_t)at->events ? now : (int64_t)at->events) : now);
        s->lets_be = at->lets_be = true;
        return EF_OK;
    }
    if (is_back) {
        EF_TRY(look_through(r, slot, j, (int64_t)at->events, expired));
    }
    EF_TRY(look_through(r, slot, j, now, expired));
    s->lets_be = false;
    s->look_at = 2 * s->fresh.count + 16;
    return EF_OK;
}

/* Takes what is out of WITHIN from the lists of one state: from the front of `pending`, all of `fresh`. */
static ef_status expire_lists(run *r, uint32_t slot, uint32_t j, int64_t now, ef_handle *expired) {
    state_slot *s = slot_of(r, slot, j);
    while (s->pending.count > 0 && entry_expired(r, s->pending.head, now)) {
        EF_TRY(expire_one(r, slot, j, false, s->pending.head, expired));
    }
    while (s->fresh.count > 0 && entry_expired(r, s->fresh.head, now)) {
        EF_TRY(expire_one(r, slot, j, true, s->fresh.head, expired));
    }
    while (s->fresh.count > 0 && entry_expired(r, s->fresh.tail, now)) {
        EF_TRY(expire_one(r, slot, j, true, s->fresh.tail, expired));
    }
    return s->fresh_jumps && s->fresh.count > 0 ? expire_jumping(r, slot, j, now, expired) : EF_OK;
}

/* A match that is lost at state j, out of WITHIN or dropped, arms its `every` anew. */
ef_status rearm_lost(run *r, uint32_t slot, uint32_t j, ef_handle lost) {
    pattern *p = r->p;
    int32_t group = p->states[j].config.group;
    if (group != EF_NO_STATE && !is_armed(r, slot, (uint32_t)group, match_at(p, lost))) {
        EF_TRY(state_enter_again(r, (uint32_t)group, lost));
        return state_update(r, slot, (uint32_t)group);
    }
    if ((match_at(p, lost)->flags & MATCH_OPEN) == 0) {
        return EF_OK;
    }
    for (uint32_t i = 0; i < p->state_count; i++) {
        if (p->states[i].opens && !is_armed(r, slot, (uint32_t)p->states[i].config.every, match_at(p, lost))) {
            EF_TRY(state_enter_again(r, (uint32_t)p->states[i].config.every, lost));
        }
    }
    return EF_OK;
}

/* Drops what is out of WITHIN at an element (j: the state by which it is entered), and arms its `every` anew. */
ef_status state_expire(run *r, uint32_t slot, uint32_t j, int64_t now) {
    pattern *p = r->p;
    ef_handle expired = EF_NO_HANDLE;
    if (first_of(p, j) + sides_of(p, j) != j + 1) {
        return EF_OK; /* the other sides come with the last */
    }
    for (uint32_t i = first_of(p, j); i <= j; i++) {
        EF_TRY(expire_lists(r, slot, i, now, &expired));
    }
    if (expired == EF_NO_HANDLE) {
        return EF_OK;
    }
    int32_t group = p->states[j].config.group;
    if (EF_UNLIKELY(p->timeouts) && (group == EF_NO_STATE || !p->states[group].config.start)) {
        return match_release(p, expired, r->error); /* what would be armed has run out of time already */
    }
    EF_TRY(rearm_lost(r, slot, j, expired));
    return match_release(p, expired, r->error);
}

/* ---- fresh to pending ---- */

ef_status state_update(run *r, uint32_t slot, uint32_t j) {
    state_slot *s = slot_of(r, slot, j);
    if (s->reset) {
        s->reset = false;
        EF_TRY(state_init(r, slot, j));
    }
    for (uint32_t i = first_of(r->p, j); i < first_of(r->p, j) + sides_of(r->p, j); i++) {
        EF_TRY(list_update(r->p, slot, i, r->error));
    }
    return EF_OK;
}

/* Sequences: what waits at the state dies; a start without a fresh match may be armed. */
ef_status state_reset(run *r, uint32_t slot, uint32_t j) {
    pattern *p = r->p;
    const ef_state_config *config = &p->states[j].config;
    if (is_logical(p, j)) {
        bool same = true;
        for (uint32_t i = config->first_side; i < config->first_side + config->sides; i++) {
            same = same && slot_of(r, slot, i)->pending.count == slot_of(r, slot, config->first_side)->pending.count;
        }
        if (!config->either && !same) {
            return EF_OK;
        }
        for (uint32_t i = config->first_side; i < config->first_side + config->sides; i++) {
            EF_TRY(list_clear(p, slot, i, false, r->error));
        }
    } else if (!p->states[j].sheltered) {
        EF_TRY(list_clear(p, slot, j, false, r->error));
    }
    bool may_arm = config->start && (config->kind == EF_STATE_ABSENT || slot_of(r, slot, j)->fresh.count == 0);
    if (!may_arm || (config->every == EF_NO_STATE && config->next != EF_NO_STATE &&
                     slot_of(r, slot, (uint32_t)config->next)->pending.count > 0)) {
        return EF_OK;
    }
    return state_init(r, slot, j);
}

/* ---- an event at a state ---- */

static ef_status index_bucket(run *r, uint32_t slot, uint32_t j, ef_handle **entries, ef_handle **matches, uint32_t *count) {
    pattern *p = r->p;
    const state *s = &p->states[j];
    uint32_t short_hash;
    if (s->buckets == NULL || !ahead_key(r, j, &short_hash)) {
        return EF_OK;
    }
    ef_handle head = s->buckets[short_hash & s->bucket_mask].head;
    uint32_t candidates = 0;
    for (ef_handle at = head; at != EF_NO_HANDLE; at = entry_at(p, at)->bucket_next) {
        candidates += entry_at(p, at)->hash == short_hash;
    }
    if (candidates == 0) {
        return EF_OK;
    }
    *entries = ef_arena_take(r->arena, candidates * sizeof **entries);
    *matches = ef_arena_take(r->arena, candidates * sizeof **matches);
    if (*entries == NULL || *matches == NULL) {
        return ef_fail_memory(r->error);
    }
    for (ef_handle at = head; at != EF_NO_HANDLE; at = entry_at(p, at)->bucket_next) {
        const entry *e = entry_at(p, at);
        if (e->hash == short_hash && match_at(p, e->match)->slot == slot) {
            (*entries)[*count] = at;
            (*matches)[(*count)++] = e->match;
        }
    }
    return EF_OK;
}

ef_status waiting(run *r, uint32_t slot, uint32_t j, ef_handle **entries, ef_handle **matches, uint32_t *count) {
    pattern *p = r->p;
    *count = 0;
    if (p->states[j].key_count > 0) {
        return index_bucket(r, slot, j, entries, matches, count);
    }
    const match_list *list = &slot_of(r, slot, j)->pending;
    if (list->count == 0) {
        return EF_OK;
    }
    *entries = ef_arena_take(r->arena, list->count * sizeof **entries);
    *matches = ef_arena_take(r->arena, list->count * sizeof **matches);
    if (*entries == NULL || *matches == NULL) {
        return ef_fail_memory(r->error);
    }
    for (ef_handle at = list->head; at != EF_NO_HANDLE; at = entry_at(p, at)->next) {
        (*entries)[*count] = at;
        (*matches)[(*count)++] = entry_at(p, at)->match;
    }
    return EF_OK;
}

static ef_status take_event(run *r, uint32_t slot, uint32_t j, ef_handle m, bool completes) {
    pattern *p = r->p;
    if (!p->states[j].is_plain_end) {
        ef_handle row;
        EF_TRY(run_keep(r, j, &row));
        EF_TRY(match_take_event(p, m, j, row, r->error));
    }
    WRITE(match, held, m);
    held->flags = (uint16_t)(held->flags & ~MATCH_QUIET);
    if (completes) {
        held->timestamp = r->timestamp;
    }
    if (p->states[j].config.start && held->first == NO_FIRST) {
        held->first = p->within_events > 0 ? (int64_t)slot_at(p, slot)->events : r->timestamp;
        note_first(p, slot, held->first);
    }
    return EF_OK;
}

/* At the start of an `every` of one event: what waits there goes on waiting, and the event begins a match of its own. */
static ef_status begin_match(run *r, uint32_t slot) {
    pattern *p = r->p;
    ef_handle m;
    EF_TRY(match_new(p, slot, &m, r->error));
    EF_TRY(take_event(r, slot, 0, m, true));
    EF_TRY(state_enter(r, slot, (uint32_t)p->states[0].config.next, m));
    return match_release(p, m, r->error);
}

ef_status plain_pass(run *r, uint32_t slot, uint32_t j, ef_handle at, ef_handle m) {
    pattern *p = r->p;
    if (p->most_matches > 0 && !p->states[j].is_plain_end) {
        bool may;
        EF_TRY(may_begin(r, match_at(p, m), &may));
        if (!may) {
            return EF_OK;
        }
    }
    if (j == 0 && p->begins_in_place) {
        return begin_match(r, slot);
    }
    EF_TRY(take_event(r, slot, j, m, true));
    EF_TRY(leave_before(r, j, m));
    WRITE(match, held, m);
    held->holders++;
    EF_TRY(list_remove(p, slot, j, false, at, r->error));
    EF_TRY(state_done(r, slot, j, m, r->timestamp));
    return match_release(p, m, r->error);
}

static ef_status count_pass(run *r, uint32_t slot, uint32_t j, ef_handle at, ef_handle m) {
    pattern *p = r->p;
    const ef_state_config *config = &p->states[j].config;
    bool may;
    EF_TRY(may_begin(r, match_at(p, m), &may));
    if (!may) {
        return EF_OK;
    }
    EF_TRY(leave_before(r, j, m));
    EF_TRY(take_event(r, slot, j, m, true));
    uint32_t length = match_length(p, match_at(p, m), j);
    WRITE(match, held, m);
    held->holders++;
    bool is_last = config->next == EF_NO_STATE;
    if (p->sequence) {
        EF_TRY(list_remove(p, slot, j, false, at, r->error));
        if (is_last && length == config->minimum) {
            EF_TRY(state_done(r, slot, j, m, r->timestamp));
        } else {
            if (!is_last && length >= config->minimum) {
                EF_TRY(state_enter(r, slot, (uint32_t)config->next, m));
            }
            if (length < config->maximum) {
                EF_TRY(add_unless_waiting(r, slot, j, m, true));
            }
        }
    } else {
        if (length == config->maximum || (is_last && length == config->minimum)) {
            EF_TRY(list_remove(p, slot, j, false, at, r->error));
        }
        if (length == config->minimum) {
            EF_TRY(state_done(r, slot, j, m, r->timestamp));
        }
    }
    return match_release(p, m, r->error);
}

/* Whether the other sides let the match go on, now that side j has its event. */
static ef_status sides_allow(run *r, uint32_t slot, uint32_t j, ef_handle m, bool *allow) {
    const pattern *p = r->p;
    const ef_state_config *config = &p->states[j].config;
    *allow = true;
    for (uint32_t i = config->first_side; i < config->first_side + config->sides && *allow && !config->either; i++) {
        if (i == j) {
            continue;
        }
        if (p->states[i].config.kind == EF_STATE_LOGICAL_ABSENT) {
            EF_TRY(absent_allows(r, slot, i, m, allow));
        } else {
            *allow = match_at(p, m)->event[i] != NO_EVENT;
        }
    }
    return EF_OK;
}

static ef_status logical_pass(run *r, uint32_t slot, uint32_t j, ef_handle at, ef_handle m) {
    pattern *p = r->p;
    bool may;
    EF_TRY(may_begin(r, match_at(p, m), &may));
    if (!may) {
        return EF_OK;
    }
    EF_TRY(take_event(r, slot, j, m, false));
    EF_TRY(leave_before(r, j, m));
    bool allow;
    EF_TRY(sides_allow(r, slot, j, m, &allow));
    WRITE(match, held, m);
    held->holders++;
    EF_TRY(list_remove(p, slot, j, false, at, r->error));
    if (allow) {
        WRITE(match, done, m);
        done->timestamp = r->timestamp;
        for (uint32_t i = p->states[j].config.first_side; i < p->states[j].config.first_side + p->states[j].config.sides; i++) {
            EF_TRY(leave_special(p, m, i, r->error));
            /* Nothing begins a sequence anew that has got past an absence without a time, unless `every` does. */
            slot_of(r, slot, i)->spent |= p->sequence && p->states[0].config.group == EF_NO_STATE &&
                                          p->states[i].config.kind == EF_STATE_LOGICAL_ABSENT && p->states[i].config.wait < 0;
        }
        EF_TRY(state_done(r, slot, j, m, r->timestamp));
    }
    return match_release(p, m, r->error);
}

/* The side is met by an event although another side of the `or` has one. */
static bool is_decided(const pattern *p, uint32_t j, const match *m) {
    const ef_state_config *config = &p->states[j].config;
    for (uint32_t i = config->first_side; config->either && i < config->first_side + config->sides; i++) {
        if (i != j && m->event[i] != NO_EVENT) {
            return true;
        }
    }
    return false;
}

static ef_status fails(run *r, uint32_t slot, uint32_t j, ef_handle at) {
    if (!r->p->sequence) {
        return EF_OK;
    }
    EF_TRY(list_remove(r->p, slot, j, false, at, r->error));
    if (r->p->states[j].config.kind == EF_STATE_PLAIN && r->p->states[j].callback != EF_NO_STATE) {
        slot_of(r, slot, (uint32_t)r->p->states[j].callback)->reset = true;
    }
    return EF_OK;
}

/* Matches at a plain state of a pattern, whose conditions need no program: one after the other, where they lie. */
static ef_status meet_one_by_one(run *r, uint32_t slot, uint32_t j) {
    pattern *p = r->p;
    const state *s = &p->states[j];
    if (s->key_count == 0) {
        for (ef_handle at = slot_of(r, slot, j)->pending.head; at != EF_NO_HANDLE;) {
            ef_handle next = entry_at(p, at)->next, m = entry_at(p, at)->match;
            if (match_passes(r, j, match_at(p, m))) {
                EF_TRY(plain_pass(r, slot, j, at, m));
            }
            at = next;
        }
        return EF_OK;
    }
    uint32_t short_hash;
    if (s->buckets == NULL || !ahead_key(r, j, &short_hash)) {
        return EF_OK;
    }
    for (ef_handle at = s->buckets[short_hash & s->bucket_mask].head; at != EF_NO_HANDLE;) {
        const entry *e = entry_at(p, at);
        ef_handle next = e->bucket_next, m = e->match;
        if (e->hash == short_hash && match_at(p, m)->slot == slot && match_passes(r, j, match_at(p, m))) {
            EF_TRY(plain_pass(r, slot, j, at, m));
        }
        at = next;
    }
    return EF_OK;
}

static ef_status meet(run *r, uint32_t slot, uint32_t j) {
    pattern *p = r->p;
    ef_state_kind kind = p->states[j].config.kind;
    if (slot_of(r, slot, j)->pending.count == 0) {
        return EF_OK;
    }
    bool own_passes;
    EF_TRY(run_own_passes(r, j, &own_passes));
    if (!own_passes && !p->sequence) {
        return EF_OK;
    }
    if (kind == EF_STATE_PLAIN && !p->sequence && p->states[j].config.condition == NULL) {
        return meet_one_by_one(r, slot, j);
    }
    ef_handle *entries = NULL, *matches = NULL;
    uint32_t count;
    EF_TRY(waiting(r, slot, j, &entries, &matches, &count));
    if (count == 0) {
        return EF_OK;
    }
    uint8_t *passes = ef_arena_take(r->arena, count);
    if (passes == NULL) {
        return ef_fail_memory(r->error);
    }
    if (own_passes) {
        EF_TRY(run_conditions(r, j, matches, count, passes));
    } else {
        memset(passes, 0, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        ef_handle at = entries[i], m = matches[i];
        if (kind == EF_STATE_LOGICAL && is_decided(p, j, match_at(p, m))) {
            EF_TRY(list_remove(p, slot, j, false, at, r->error));
        } else if (!passes[i]) {
            EF_TRY(fails(r, slot, j, at));
        } else if (kind == EF_STATE_PLAIN) {
            EF_TRY(plain_pass(r, slot, j, at, m));
        } else if (kind == EF_STATE_COUNT) {
            EF_TRY(count_pass(r, slot, j, at, m));
        } else {
            EF_TRY(logical_pass(r, slot, j, at, m));
        }
    }
    return EF_OK;
}

static ef_status meet_any(run *r, uint32_t slot, uint32_t j) {
    switch (r->p->states[j].config.kind) {
    case EF_STATE_ABSENT:
        return absent_event(r, slot, j);
    case EF_STATE_LOGICAL_ABSENT:
        return logical_absent_event(r, slot, j);
    default:
        return meet(r, slot, j);
    }
}

void look_for_expiry(pattern *p, uint32_t slot) {
    slot_state *at = slot_at(p, slot);
    at->expires = INT64_MAX;
    at->lets_be = false;
    for (uint32_t j = 0; j < p->state_count && p->within >= 0; j++) {
        const state_slot *s = &at->state[j];
        at->lets_be |= s->lets_be;
        if (s->pending.count > 0) {
            note_first(p, slot, match_at(p, entry_at(p, s->pending.head)->match)->first);
        }
        for (ef_handle e = s->fresh.count > 0 ? s->fresh.head : EF_NO_HANDLE; e != EF_NO_HANDLE;) {
            note_first(p, slot, match_at(p, entry_at(p, e)->match)->first);
            e = s->fresh_jumps && !s->lets_be ? entry_at(p, e)->next : EF_NO_HANDLE;
        }
        index_trim(p, j);
    }
}

/* Drops what is out of WITHIN, and finds anew when the next may be. */
ef_status expire_all(run *r, uint32_t slot) {
    for (uint32_t j = 0; j < r->p->state_count; j++) {
        EF_TRY(state_expire(r, slot, j, r->timestamp));
    }
    look_for_expiry(r->p, slot);
    return EF_OK;
}

/* Whether the event must not meet what was let be: its matches become pending, or time has gone back. */
static bool meets_let_be(const run *r, const slot_state *at) {
    bool meets = at->lets_be && r->timestamp < (int64_t)at->events;
    for (uint32_t j = 0; at->lets_be && j < r->p->state_count; j++) {
        meets = meets || (at->state[j].lets_be && r->p->states[j].config.port == r->port);
    }
    return meets;
}

/* The event at hand, in its slot. */
ef_status machine_event(run *r) {
    pattern *p = r->p;
    uint32_t slot = r->slot;
    r->is_refused = false;
    if (p->within_events > 0) {
        slot_at(p, slot)->events++;
    }
    if (EF_UNLIKELY(p->timeouts)) {
        ef_lag_note(&p->lag, r->clock, r->timestamp);
    }
    if (p->within_events > 0 || may_expire(p, slot_at(p, slot), r->timestamp) || meets_let_be(r, slot_at(p, slot))) {
        EF_TRY(expire_all(r, slot));
        found_end(r);
    }
    slot_state *now = slot_at(p, slot);
    if (now->lets_be && r->timestamp > (int64_t)now->events) {
        now->events = (uint64_t)r->timestamp;
    }
    for (uint32_t j = p->state_count; p->sequence && j > 0; j--) {
        if (!is_logical(p, j - 1) || p->states[j - 1].config.first_side + p->states[j - 1].config.sides == j) {
            EF_TRY(state_reset(r, slot, j - 1));
        }
    }
    for (uint32_t j = 0; j < p->state_count; j++) {
        if (p->sequence || p->states[j].config.port == r->port) {
            EF_TRY(state_update(r, slot, j));
        }
    }
    for (uint32_t j = p->state_count; j > 0; j--) {
        if (p->states[j - 1].config.port == r->port) {
            EF_TRY(meet_any(r, slot, j - 1));
            found_end(r);
        }
    }
    if (EF_UNLIKELY(p->timeouts)) {
        EF_TRY(timeout_arm(r, slot, ef_lag_of(&p->lag)));
    }
    if (p->drops_oldest) {
        EF_TRY(drop_oldest(r));
    }
    return run_drop_kept(r);
}

ef_status machine_timer(run *r, const pattern_timer *timer, int64_t clock) {
    pattern *p = r->p;
    if (timer->slot >= p->slots.count || slot_at(p, timer->slot)->generation != timer->generation ||
        !slot_at(p, timer->slot)->started) {
        return EF_OK;
    }
    r->is_refused = false;
    ef_status status = p->states[timer->state].config.kind == EF_STATE_ABSENT
                           ? absent_timer(r, timer->slot, timer->state, timer->due, clock)
                           : logical_absent_timer(r, timer->slot, timer->state, timer->due, clock);
    found_end(r);
    return status == EF_OK && p->drops_oldest ? drop_oldest(r) : status;
}
