/* Absence: `not X for t`, alone or as a side of and/or, and `not X and Y` without a time.
 *
 * A match that waits for an absence has a timer at its own timestamp + t; an X that passes kills it. At the start of a pattern the wait begins with the app (or
 * the slot), and an X begins it anew. Timers that find nothing to do are harmless: they are never taken back. */
#include "pattern/machine.h"

#define WRITE(type, name, handle)                                      \
    type *name = (type *)(void *)ef_pages_write(p->pages, (handle));   \
    if (EF_UNLIKELY(name == NULL)) {                                   \
        return ef_fail_memory(r->error);                               \
    }

static state_slot *slot_of(const run *r, uint32_t slot, uint32_t j) {
    return &slot_at(r->p, slot)->state[j];
}

static ef_status set_timestamp(run *r, ef_handle m, int64_t timestamp) {
    pattern *p = r->p;
    WRITE(match, held, m);
    held->timestamp = timestamp;
    return EF_OK;
}

static ef_status hold(run *r, ef_handle m) {
    pattern *p = r->p;
    WRITE(match, held, m);
    held->holders++;
    return EF_OK;
}

/* The event at hand against all that wait; *passes is NULL when nothing does. */
static ef_status conditions(run *r, uint32_t slot, uint32_t j, ef_handle **entries, ef_handle **matches, uint32_t *count,
                            uint8_t **passes) {
    bool own_passes;
    *passes = NULL;
    EF_TRY(run_own_passes(r, j, &own_passes));
    if (!own_passes && !r->p->sequence) {
        *count = 0;
        return EF_OK;
    }
    EF_TRY(waiting(r, slot, j, entries, matches, count));
    if (*count == 0) {
        return EF_OK;
    }
    *passes = ef_arena_take(r->arena, *count);
    if (*passes == NULL) {
        return ef_fail_memory(r->error);
    }
    if (!own_passes) {
        memset(*passes, 0, *count);
        return EF_OK;
    }
    return run_conditions(r, j, *matches, *count, *passes);
}

/* ---- not X for t ---- */

ef_status absent_event(run *r, uint32_t slot, uint32_t j) {
    pattern *p = r->p;
    const ef_state_config *config = &p->states[j].config;
    if (slot_of(r, slot, j)->spent) {
        return EF_OK;
    }
    ef_handle *entries = NULL, *matches = NULL;
    uint8_t *passes;
    uint32_t count;
    EF_TRY(conditions(r, slot, j, &entries, &matches, &count, &passes));
    for (uint32_t i = 0; i < count; i++) {
        if (!passes[i]) {
            continue;
        }
        ef_handle m = matches[i];
        EF_TRY(hold(r, m));
        EF_TRY(set_timestamp(r, m, r->timestamp));
        EF_TRY(list_remove(p, slot, j, false, entries[i], r->error));
        if (config->start && config->every == (int32_t)j) {
            EF_TRY(state_enter_again(r, j, m));
        } else {
            EF_TRY(rearm_killed(r, j, m));
        }
        EF_TRY(match_release(p, m, r->error));
        if (config->start) {
            slot_of(r, slot, j)->last = ef_time_after(r->timestamp, config->wait);
            EF_TRY(timer_set(p, slot, j, slot_of(r, slot, j)->last, r->error));
        }
    }
    return EF_OK;
}

/* The absence holds for the match. */
static ef_status establish(run *r, uint32_t slot, uint32_t j, ef_handle m, int64_t due) {
    const ef_state_config *config = &r->p->states[j].config;
    EF_TRY(set_timestamp(r, m, due));
    EF_TRY(state_done(r, slot, j, m, due));
    if (config->every == EF_NO_STATE && config->start && config->group == EF_NO_STATE) {
        slot_of(r, slot, j)->spent = true;
        for (uint32_t i = config->first_side; config->either && i < config->first_side + config->sides; i++) {
            slot_of(r, slot, i)->spent = true;
        }
    }
    return EF_OK;
}

/* Matches of `pending` whose wait is over leave it, held; expired ones leave it too. */
static ef_status collect_due(run *r, uint32_t slot, uint32_t j, int64_t due, ef_handle **ready, uint32_t *count,
                             ef_handle *expired) {
    pattern *p = r->p;
    const ef_state_config *config = &p->states[j].config;
    state_slot *s = slot_of(r, slot, j);
    uint32_t room = 0;
    *ready = NULL;
    *count = 0;
    for (ef_handle at = s->pending.count > 0 ? s->pending.head : EF_NO_HANDLE; at != EF_NO_HANDLE;) {
        if (*count == room) { /* room for all that wait would be too much: there is a timer for each of them */
            room = room == 0 ? 8 : room * 2;
            ef_handle *more = ef_arena_take(r->arena, room * sizeof *more);
            if (more == NULL) {
                return ef_fail_memory(r->error);
            }
            if (*count > 0) {
                memcpy(more, *ready, *count * sizeof *more);
            }
            *ready = more;
        }
        ef_handle next = entry_at(p, at)->next, m = entry_at(p, at)->match;
        const match *waits = match_at(p, m);
        bool passed = waits->timestamp == NO_TIMESTAMP ? due >= s->last : due >= ef_time_after(waits->timestamp, config->wait);
        if (is_expired(p, waits, due)) {
            EF_TRY(hold(r, m));
            if (*expired != EF_NO_HANDLE) {
                EF_TRY(match_release(p, *expired, r->error));
            }
            *expired = m;
            EF_TRY(list_remove(p, slot, j, false, at, r->error));
        } else if (passed) {
            EF_TRY(hold(r, m));
            (*ready)[(*count)++] = m;
            EF_TRY(list_remove(p, slot, j, false, at, r->error));
        } else if (!s->pending_jumps) {
            break; /* the others came later */
        }
        at = next;
    }
    return EF_OK;
}

static ef_status rearm_expired(run *r, uint32_t slot, uint32_t j, ef_handle expired) {
    if (expired == EF_NO_HANDLE) {
        return EF_OK;
    }
    int32_t group = r->p->states[j].config.group;
    /* An `every` behind the first element keeps the first event: what it armed would be expired again, and at once. */
    if (group != EF_NO_STATE && r->p->states[group].config.start && (match_at(r->p, expired)->flags & MATCH_EXPIRED) == 0) {
        EF_TRY(state_enter_again(r, (uint32_t)group, expired));
        EF_TRY(state_update(r, slot, (uint32_t)group));
    }
    return match_release(r->p, expired, r->error);
}

ef_status absent_timer(run *r, uint32_t slot, uint32_t j, int64_t due, int64_t clock) {
    pattern *p = r->p;
    const ef_state_config *config = &p->states[j].config;
    state_slot *s = slot_of(r, slot, j);
    (void)clock;
    if (s->spent) {
        return EF_OK;
    }
    bool begins = config->start && s->fresh.count == 0 && s->pending.count == 0;
    if (config->group != EF_NO_STATE && config->group_is_long) {
        begins = false; /* what was killed has been armed again */
    }
    if (begins && p->sequence && config->every == EF_NO_STATE && s->last > 0) {
        begins = false; /* an event came, and nothing begins anew */
    }
    if (begins) {
        ef_handle m;
        EF_TRY(match_new(p, slot, &m, r->error));
        EF_TRY(state_enter(r, slot, j, m));
        EF_TRY(match_release(p, m, r->error));
    } else if (p->sequence && s->fresh.count > 0) {
        EF_TRY(state_reset(r, slot, j));
    }
    EF_TRY(state_update(r, slot, j));
    ef_handle *ready, expired = EF_NO_HANDLE;
    uint32_t count;
    EF_TRY(collect_due(r, slot, j, due, &ready, &count, &expired));
    EF_TRY(rearm_expired(r, slot, j, expired));
    for (uint32_t i = 0; i < count; i++) {
        EF_TRY(establish(r, slot, j, ready[i], due));
        EF_TRY(match_release(p, ready[i], r->error));
    }
    s = slot_of(r, slot, j);
    if (count == 0 && config->start && s->last < due && s->pending.count + s->fresh.count > 0) {
        s->last = ef_time_after(due, config->wait);
        EF_TRY(timer_set(p, slot, j, s->last, r->error));
    }
    return EF_OK;
}

/* ---- not X [for t] and/or Y ---- */

ef_status logical_absent_event(run *r, uint32_t slot, uint32_t j) {
    pattern *p = r->p;
    const ef_state_config *config = &p->states[j].config;
    if (slot_of(r, slot, j)->spent) {
        return EF_OK;
    }
    ef_handle *entries = NULL, *matches = NULL;
    uint8_t *passes;
    uint32_t count;
    EF_TRY(conditions(r, slot, j, &entries, &matches, &count, &passes));
    for (uint32_t i = 0; i < count; i++) {
        ef_handle m = matches[i];
        if (!passes[i]) {
            if (p->sequence) {
                EF_TRY(list_remove(p, slot, j, false, entries[i], r->error));
            }
            continue;
        }
        bool in_long_group = config->group != EF_NO_STATE && config->group_is_long;
        if (in_long_group && !config->start) {
            EF_TRY(hold(r, m));
            EF_TRY(set_timestamp(r, m, r->timestamp));
            for (uint32_t side = config->first_side; side < config->first_side + config->sides; side++) {
                EF_TRY(leave_special(p, m, side, r->error));
            }
            EF_TRY(rearm_killed(r, j, m));
            EF_TRY(match_release(p, m, r->error));
            continue;
        }
        slot_of(r, slot, j)->last = r->timestamp;
        bool stays_unmarked =
            config->wait >= 0 || (p->sequence && !config->either && config->every != EF_NO_STATE);
        if (!stays_unmarked) {
            EF_TRY(match_set_mark(p, m, j, ESTABLISHED, r->error));
        }
        if (config->start) {
            continue; /* the wait begins anew */
        }
        EF_TRY(hold(r, m));
        EF_TRY(list_remove(p, slot, j, false, entries[i], r->error));
        for (uint32_t side = config->first_side; p->sequence && side < config->first_side + config->sides; side++) {
            EF_TRY(leave_special(p, m, side, r->error));
        }
        EF_TRY(match_release(p, m, r->error));
    }
    return EF_OK;
}

ef_status absent_allows(run *r, uint32_t slot, uint32_t j, ef_handle m, bool *allows) {
    pattern *p = r->p;
    const ef_state_config *config = &p->states[j].config;
    state_slot *s = slot_of(r, slot, j);
    bool came = match_at(p, m)->event[j] != NO_EVENT;
    if (p->sequence && config->every == EF_NO_STATE && s->last > 0) {
        *allows = false;
    } else if (config->wait >= 0) {
        *allows = came;
    } else if (config->every == EF_NO_STATE) {
        *allows = !came;
    } else if (s->last > 0) {
        s->last = 0;
        *allows = false;
        return state_init(r, slot, j);
    } else {
        *allows = !came;
    }
    return EF_OK;
}

/* Matches whose wait is over leave this side; `ready` are those that go on. */
static ef_status collect_logical(run *r, uint32_t slot, uint32_t j, int64_t due, ef_handle **ready, uint32_t *count,
                                 ef_handle *expired) {
    pattern *p = r->p;
    const ef_state_config *config = &p->states[j].config;
    state_slot *s = slot_of(r, slot, j);
    uint32_t room = 0;
    *ready = NULL;
    *count = 0;
    for (ef_handle at = s->pending.count > 0 ? s->pending.head : EF_NO_HANDLE; at != EF_NO_HANDLE;) {
        if (*count == room) { /* room for all that wait would be too much: there is a timer for each of them */
            room = room == 0 ? 8 : room * 2;
            ef_handle *more = ef_arena_take(r->arena, room * sizeof *more);
            if (more == NULL) {
                return ef_fail_memory(r->error);
            }
            if (*count > 0) {
                memcpy(more, *ready, *count * sizeof *more);
            }
            *ready = more;
        }
        ef_handle next = entry_at(p, at)->next, m = entry_at(p, at)->match;
        const match *waits = match_at(p, m);
        bool passed = waits->timestamp == NO_TIMESTAMP || due >= ef_time_after(waits->timestamp, config->wait);
        if (is_expired(p, waits, due)) {
            EF_TRY(hold(r, m));
            if (*expired != EF_NO_HANDLE) {
                EF_TRY(match_release(p, *expired, r->error));
            }
            *expired = m;
            EF_TRY(list_remove(p, slot, j, false, at, r->error));
        } else if (passed) {
            bool partners = !config->either;
            for (uint32_t i = config->first_side; i < config->first_side + config->sides; i++) {
                if (i != j) {
                    bool has = waits->event[i] != NO_EVENT;
                    partners = config->either ? partners || has : partners && has;
                }
            }
            bool goes_on = config->either ? !partners : partners;
            if (goes_on) {
                EF_TRY(hold(r, m));
                (*ready)[(*count)++] = m;
            }
            if (config->either ? goes_on : !partners) {
                EF_TRY(match_set_mark(p, m, j, ESTABLISHED, r->error));
            }
            EF_TRY(list_remove(p, slot, j, false, at, r->error));
        } else if (!s->pending_jumps) {
            break;
        }
        at = next;
    }
    return EF_OK;
}

ef_status logical_absent_timer(run *r, uint32_t slot, uint32_t j, int64_t due, int64_t clock) {
    pattern *p = r->p;
    const ef_state_config *config = &p->states[j].config;
    state_slot *s = slot_of(r, slot, j);
    if (s->spent) {
        return EF_OK;
    }
    uint32_t count = 0;
    if (due >= ef_time_after(s->last, config->wait)) {
        if (config->start && p->sequence && s->fresh.count == 0 && s->pending.count == 0) {
            ef_handle m;
            EF_TRY(match_new(p, slot, &m, r->error));
            EF_TRY(state_enter(r, slot, j, m));
            EF_TRY(match_release(p, m, r->error));
        } else if (p->sequence && s->fresh.count > 0) {
            EF_TRY(state_reset(r, slot, j));
        }
        EF_TRY(state_update(r, slot, j));
        ef_handle *ready, expired = EF_NO_HANDLE;
        EF_TRY(collect_logical(r, slot, j, due, &ready, &count, &expired));
        EF_TRY(rearm_expired(r, slot, j, expired));
        for (uint32_t i = 0; i < count; i++) {
            for (uint32_t side = config->first_side; side < config->first_side + config->sides; side++) {
                EF_TRY(leave_special(p, ready[i], side, r->error));
            }
            EF_TRY(establish(r, slot, j, ready[i], due));
            EF_TRY(match_release(p, ready[i], r->error));
        }
        slot_of(r, slot, j)->last = 0;
    }
    s = slot_of(r, slot, j);
    bool waits = p->sequence || s->pending.count + s->fresh.count > 0;
    if (config->every != EF_NO_STATE || (count == 0 && config->start && waits)) {
        int64_t from = s->last == 0 ? clock : s->last;
        EF_TRY(timer_set(p, slot, j, ef_time_after(from, config->wait), r->error));
    }
    return EF_OK;
}
