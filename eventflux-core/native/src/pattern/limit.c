/* How many partial matches there may be, and what happens when there are as many.
 *
 *      oldest -> match -> match -> ... -> youngest         by the first event that each took, of all slots
 *                [ older ][ newer ][ entry ][ its state ]  behind the other words of a match, only where the oldest are dropped
 *
 * A match counts from its first event on; what is merely armed does not. With EF_MATCHES_FAIL an event that would begin one match too many begins none and
 * goes to the error edge; with EF_MATCHES_DROP_OLDEST it begins one, and when all its states have been met the oldest matches go, as if they were out of WITHIN.
 * The entry leads from a match to the one list of a plain or absent state that it is in; those of special states it knows anyway. All O(1) a match. */
#include <stdio.h>

#include "pattern/machine.h"

#define OLDER(p) ((p)->state_count + (p)->special_count)
#define NEWER(p) (OLDER(p) + 1)
#define ENTRY(p) (OLDER(p) + 2)
#define ENTRY_STATE(p) (OLDER(p) + 3)

uint32_t match_words(const pattern *p) {
    return OLDER(p) + (p->drops_oldest ? 4 : 0);
}

void match_limit_init(const pattern *p, match *m) {
    for (uint32_t i = OLDER(p); i < match_words(p); i++) {
        m->event[i] = EF_NO_HANDLE;
    }
}

ef_status match_begun(pattern *p, ef_handle handle, ef_error *error) {
    match *m = (match *)(void *)ef_pages_write(p->pages, handle);
    if (m == NULL) {
        return ef_fail_memory(error);
    }
    if ((m->flags & MATCH_BEGUN) != 0) {
        return EF_OK;
    }
    if (p->drops_oldest) {
        if (p->youngest != EF_NO_HANDLE) {
            match *before = (match *)(void *)ef_pages_write(p->pages, p->youngest);
            if (before == NULL) {
                return ef_fail_memory(error);
            }
            before->event[NEWER(p)] = handle;
            m = (match *)(void *)ef_pages_write(p->pages, handle); /* the page may have moved */
            if (m == NULL) {
                return ef_fail_memory(error);
            }
        } else {
            p->oldest = handle;
        }
        m->event[OLDER(p)] = p->youngest;
        m->event[NEWER(p)] = EF_NO_HANDLE;
        p->youngest = handle;
    }
    m->flags |= MATCH_BEGUN;
    p->begun_matches++;
    return EF_OK;
}

ef_status match_ended(pattern *p, ef_handle handle, ef_error *error) {
    const match *m = match_at(p, handle);
    if ((m->flags & MATCH_BEGUN) == 0) {
        return EF_OK;
    }
    p->begun_matches--;
    if (!p->drops_oldest) {
        return EF_OK;
    }
    ef_handle older = m->event[OLDER(p)], newer = m->event[NEWER(p)];
    match *left = older == EF_NO_HANDLE ? NULL : (match *)(void *)ef_pages_write(p->pages, older);
    match *right = newer == EF_NO_HANDLE ? NULL : (match *)(void *)ef_pages_write(p->pages, newer);
    if ((older != EF_NO_HANDLE && left == NULL) || (newer != EF_NO_HANDLE && right == NULL)) {
        return ef_fail_memory(error);
    }
    if (left != NULL) {
        left->event[NEWER(p)] = newer;
    } else {
        p->oldest = newer;
    }
    if (right != NULL) {
        right->event[OLDER(p)] = older;
    } else {
        p->youngest = older;
    }
    return EF_OK;
}

void match_set_entry(const pattern *p, match *m, uint32_t j, ef_handle at) {
    if (p->drops_oldest && (at == EF_NO_HANDLE || p->states[j].special == UINT32_MAX)) {
        m->event[ENTRY(p)] = at;
        m->event[ENTRY_STATE(p)] = at == EF_NO_HANDLE ? UINT32_MAX : j;
    }
}

/* ---- too many ---- */

/* Whether a match that has no event yet may take its first; if not, the event at hand has failed. */
ef_status may_begin(run *r, const match *m, bool *may) {
    const pattern *p = r->p;
    *may = p->most_matches == 0 || p->drops_oldest || p->begun_matches < p->most_matches || (m->flags & MATCH_BEGUN) != 0;
    if (*may || r->is_refused || p->timeouts) {
        return EF_OK; /* of timeouts: the operator of the matches tells it */
    }
    r->is_refused = true;
    bool is_known = r->port != NO_PORT && r->batch[r->port] == r->out->input; /* the error edge knows the rows of the first input only */
    char message[128];
    (void)snprintf(message, sizeof message, "the pattern holds %llu partial matches, as many as it may",
                   (unsigned long long)p->most_matches);
    return ef_out_fail_row(r->out, is_known ? r->row : r->out->input->rows, message, r->error);
}

/* Whether the copy of a match that an `every` arms would be a match of its own, with events before it. */
bool has_events_before(const match *m, uint32_t j) {
    for (uint32_t i = 0; i < j; i++) {
        if (m->event[i] != NO_EVENT) {
            return true;
        }
    }
    return false;
}

static ef_status drop_match(run *r, ef_handle handle) {
    pattern *p = r->p;
    match *m = (match *)(void *)ef_pages_write(p->pages, handle);
    if (m == NULL) {
        return ef_fail_memory(r->error);
    }
    m->holders++;
    m->flags |= MATCH_EXPIRED;
    uint32_t slot = m->slot, last = 0;
    for (uint32_t i = 0; i < p->state_count; i++) {
        if (p->states[i].special != UINT32_MAX && m->event[p->state_count + p->states[i].special] != EF_NO_HANDLE) {
            EF_TRY(leave_special(p, handle, i, r->error));
            last = i;
        }
    }
    const match *now = match_at(p, handle);
    ef_handle at = now->event[ENTRY(p)];
    if (at != EF_NO_HANDLE) {
        last = now->event[ENTRY_STATE(p)];
        EF_TRY(list_remove(p, slot, last, (now->flags & MATCH_FRESH) != 0, at, r->error));
    }
    EF_TRY(rearm_lost(r, slot, last, handle));
    p->dropped++;
    return match_release(p, handle, r->error);
}

ef_status drop_oldest(run *r) {
    pattern *p = r->p;
    while (p->drops_oldest && p->begun_matches > p->most_matches) {
        uint64_t before = p->begun_matches;
        EF_TRY(drop_match(r, p->oldest));
        if (p->begun_matches >= before) {
            return EF_OK; /* what it armed has taken its place */
        }
    }
    return EF_OK;
}

/* ---- what was loaded ---- */

/* The links, once each match is known: through all that have begun, both ways. */
bool match_links_hold(const pattern *p, const uint8_t *is_match, size_t size) {
    if (!p->drops_oldest) {
        return true;
    }
    ef_handle older = EF_NO_HANDLE, at = p->oldest;
    uint64_t count = 0;
    for (; at != EF_NO_HANDLE && count < p->begun_matches; count++) {
        if (at >= size || is_match[at] == 0 || (match_at(p, at)->flags & MATCH_BEGUN) == 0 ||
            match_at(p, at)->event[OLDER(p)] != older) {
            return false;
        }
        older = at;
        at = match_at(p, at)->event[NEWER(p)];
    }
    return at == EF_NO_HANDLE && count == p->begun_matches && p->youngest == older;
}
