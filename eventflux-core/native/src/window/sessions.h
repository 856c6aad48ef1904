/* The sessions of a session window: by key, by their ends, with the times that were asked for.
 *
 *      index: hash of (slot, key) ──> number of a session
 *      sessions: [ open span | ended span | place of late rows | slot | ... ]       reused when both spans are empty
 *      slot ──> heap of open ends, heap of ended ends, ring of times asked for
 *
 * The key of a session is that of its rows, so a session has at least one. Ends are ordered by time, then by creation. All O(log sessions
 * of the slot). */
#ifndef EF_WINDOW_SESSIONS_H
#define EF_WINDOW_SESSIONS_H

#include "base/handle_index.h"
#include "window/timers.h"
#include "window/window.h"

#define EF_NO_SESSION UINT32_MAX

typedef struct ef_span {
    ef_row_queue rows; /* count 0: there is none */
    int64_t start;
    int64_t end;
} ef_span;

typedef struct ef_session {
    ef_span open;
    ef_span ended;
    ef_handle place; /* in open.rows; EF_NO_HANDLE: no late row came yet */
    ef_handle before_place;
    uint32_t slot;
    uint32_t hash;
    uint32_t at[2];  /* 1 + index in the slot's heaps; 0: not in it */
    uint64_t number; /* order of creation */
    bool used;
} ef_session;

enum { EF_SESSION_OPEN = 0, EF_SESSION_ENDED = 1 };

/* Numbers of sessions by (end, order of creation). */
typedef struct ef_session_heap {
    uint32_t *ids;
    uint32_t count;
    uint32_t capacity;
} ef_session_heap;

typedef struct ef_session_slot {
    ef_session_heap heap[2];
    int64_t *asked; /* a ring */
    uint32_t asked_first;
    uint32_t asked_count;
    uint32_t asked_capacity;
    uint32_t sessions;
} ef_session_slot;

typedef struct ef_sessions {
    ef_window base;
    ef_slots slots; /* of ef_session_slot */
    ef_timers timers;
    ef_handle_index index;
    ef_session *sessions;
    uint32_t session_count; /* used or not */
    uint32_t session_capacity;
    uint32_t unused; /* sessions that can be used anew are linked through `slot` */
    uint64_t created;
    uint32_t key; /* column, if has_key */
    bool has_key;
} ef_sessions;

ef_status ef_sessions_init(ef_sessions *store, const ef_operator_config *config, ef_error *error) EF_MUST_USE;
/* Frees all but the base: nothing is known any more. */
void ef_sessions_clear(ef_sessions *store);
void ef_sessions_purge(ef_sessions *store, uint32_t slot);
void ef_sessions_save(const ef_sessions *store, ef_writer *writer);
/* Fails with everything as in a fresh window. */
ef_status ef_sessions_load(ef_sessions *store, ef_reader *reader, ef_error *error) EF_MUST_USE;

static inline ef_span *ef_session_span(ef_session *entry, int which) {
    return which == EF_SESSION_OPEN ? &entry->open : &entry->ended;
}

static inline ef_session_slot *ef_sessions_slot(const ef_sessions *store, uint32_t slot) {
    return (ef_session_slot *)store->slots.items + slot;
}

/* Forgets the rows of a span (they belong to somebody else now, or were dropped). */
void ef_session_clear_span(ef_session *entry, int which);
/* Brings a session to its place after an end changed, puts it in, or takes it out when the span has no rows. Room was reserved. */
void ef_sessions_update(ef_sessions *store, uint32_t id, int which);

ef_status ef_sessions_reserve_asked(ef_sessions *store, ef_session_slot *slot, uint32_t more, ef_error *error) EF_MUST_USE;
/* Asks for a time, after a reserve. One equal to that asked for last would find nothing to do, and is left out. */
void ef_session_ask(ef_session_slot *slot, int64_t time);
/* The slot's timer: the time asked for first. */
void ef_sessions_set_timer(ef_sessions *store, uint32_t slot);

uint32_t ef_sessions_hash(const ef_str *key, bool null, uint32_t slot);
/* The key that the rows of a session have; false: null, or sessions have no keys. */
bool ef_sessions_key(const ef_sessions *store, const ef_session *entry, ef_str *key);
uint32_t ef_sessions_find(const ef_sessions *store, const ef_str *key, bool null, uint32_t slot, uint32_t hash);
/* Room for one more session everywhere. */
ef_status ef_sessions_reserve(ef_sessions *store, uint32_t slot, ef_error *error) EF_MUST_USE;
uint32_t ef_sessions_add(ef_sessions *store, uint32_t slot, uint32_t hash);
void ef_sessions_remove_if_empty(ef_sessions *store, uint32_t id);

#endif
