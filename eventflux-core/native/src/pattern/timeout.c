/* Timeouts: an operator that puts out what runs out of WITHIN, in place of matches.
 *
 * A partial match is put out when it expires: its events, null for what has not come, timestamped with the first moment at which it was too late. WITHIN a
 * time, a timer a slot fires at that moment, for what is oldest in the slot (slot_state.expires, which may be too early: then it finds nothing and is
 * set again); WITHIN a number of events, the event that is one too many finds them.
 *
 * Timestamps may be behind the clock (events that were recorded, sent to an app on the wall clock; rows of a chunk): the timer is late by as much. An event
 * that comes too late for a match before its timer fires tells it as well. */
#include "pattern/machine.h"

ef_status timeout_put(run *r, ef_handle m) {
    if ((match_at(r->p, m)->flags & MATCH_QUIET) != 0) {
        return EF_OK;
    }
    const pattern *p = r->p;
    int64_t late = p->within < 0 ? r->timestamp : ef_time_after(ef_time_after(match_at(p, m)->first, p->within), 1);
    return found_put(r, m, 0, late);
}

ef_status timeout_arm(run *r, uint32_t slot, int64_t lag) {
    pattern *p = r->p;
    slot_state *at = slot_at(p, slot);
    if (p->within < 0 || at->expires == INT64_MAX) {
        return EF_OK; /* a timer that is set finds nothing */
    }
    EF_TRY(ef_timers_reserve(&p->timeout_timers, p->alloc, slot + 1, r->error));
    int64_t due = ef_time_after(ef_time_after(at->expires, 1), lag);
    if (due < ef_timers_of(&p->timeout_timers, slot)) {
        ef_timers_set(&p->timeout_timers, slot, due);
        at->lag = lag;
    }
    return EF_OK;
}

ef_status timeout_fire(run *r, int64_t due) {
    pattern *p = r->p;
    uint32_t slot = ef_timers_slot(&p->timeout_timers);
    int64_t lag = slot_at(p, slot)->lag;
    ef_timers_set(&p->timeout_timers, slot, EF_NEVER);
    r->slot = slot;
    r->timestamp = due - lag;
    EF_TRY(expire_all(r, slot));
    found_end(r);
    return timeout_arm(r, slot, lag);
}
