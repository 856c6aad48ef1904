/* Partial matches: where they lie, the lists that they wait in, the index that finds them.
 *
 *      match:  [ timestamp ][ first ][ slot ][ holders, flags ][ event of state 0 ][ event of state 1 ] ... [ entry of special 0 ] ...
 *                                                               row | cell | none | established
 *      cell:   [ row ][ before ][ holders ][ length ]           the events of a counting state, the youngest first: clones share them
 *      entry:  [ match ][ next ][ previous ][ bucket next ][ bucket previous ][ hash ]      a match in a list of one state
 *
 * All are blocks of one page store. A match is held by its entries; a row by matches and cells (counted in the row's `next`), so an event that
 * many matches took is kept once. Each state has two lists a slot: `pending` (met by the next event) and `fresh` (came since). States whose
 * condition equates a column with one of an earlier event have an index over the pending matches of all slots:
 *
 *      bucket: head -> entry -> entry = tail           in the order of the list
 *
 * so an event meets those only that it can advance. "Special" states (counts, sides of and/or) are left by a match that moves on elsewhere; the
 * match knows its entry there. Everything O(1) but releasing a chain. */
#ifndef EF_PATTERN_MATCHES_H
#define EF_PATTERN_MATCHES_H

#include "base/hash.h"
#include "pages/rows.h"
#include "pattern/pattern.h"
#include "window/timers.h"

#define NO_EVENT EF_NO_HANDLE
#define ESTABLISHED (EF_NO_HANDLE - 1u) /* an absence that holds, or an absent event that came: no values */
#define NO_FIRST INT64_MIN
#define NO_TIMESTAMP ((int64_t)-1)

enum match_flags {
    MATCH_EXPIRED = 1,
    MATCH_OPEN = 2,
    MATCH_QUIET = 4, /* a copy that has taken no event of its own: its end is no timeout */
    MATCH_BEGUN = 8, /* has an event: it is counted */
    MATCH_FRESH = 16  /* limit.c: its entry is in `fresh` */
};

typedef struct match {
    int64_t timestamp; /* of the last event that completed a state */
    int64_t first;     /* of the first state's first event: its timestamp, or its number with WITHIN n EVENTS */
    uint32_t slot;
    uint16_t holders;
    uint16_t flags;
    uint32_t event[]; /* [states], then [specials] entries, then the words of limit.c */
} match;

typedef struct cell {
    ef_handle row;
    ef_handle before;
    uint32_t holders;
    uint32_t length;
} cell;

typedef struct entry {
    ef_handle match;
    ef_handle next, previous;
    ef_handle bucket_next, bucket_previous;
    uint32_t hash; /* indexed states; bucket_next is IN_NO_BUCKET where there is none. Special states: 1 in `fresh` */
} entry;

#define IN_NO_BUCKET (EF_NO_HANDLE - 1u)

typedef struct match_list {
    ef_handle head, tail;
    uint32_t count;
} match_list;

/* A test of a column against a field of a single event of the match, neither of them a string: most tests that read captures are. */
typedef struct field_test {
    uint32_t own;   /* column of the event at hand */
    uint32_t state; /* of the other */
    uint32_t place, offset; /* of the field in its row */
    ef_type type;
    uint32_t accepts; /* 1: less, 2: equal, 4: greater */
} field_test;

/* A state in one slot. */
typedef struct state_slot {
    match_list pending, fresh;
    int64_t last;      /* absent: when the wait ends for a match without events; logical absent: the last unwanted event, 0: none */
    bool initialised;
    bool spent;        /* absent start: has fired, and nothing re-arms it */
    bool reset;        /* sequence: a counting start begins anew */
    bool fresh_jumps;  /* firsts in `fresh` do not rise */
    bool lets_be;      /* `fresh` may hold what is out of WITHIN since slot_state.events or before */
    uint32_t look_at;  /* number in `fresh` from which on it is looked through */
    bool pending_jumps; /* timestamps in `pending` do not rise */
} state_slot;

typedef struct slot_state {
    uint64_t events; /* WITHIN n EVENTS: number of the present one; else the latest moment at which some `fresh` was let be */
    int64_t expires; /* WITHIN a time: up to it nothing is out, unless time goes back far */
    int64_t lag;     /* timeouts: how far the clock was ahead of the timestamps when the timer was set */
    uint32_t generation; /* timers of an older one are void */
    uint32_t fresh;  /* in all `fresh` lists */
    bool started;
    bool lets_be;    /* some state does */
    state_slot state[]; /* [states] */
} slot_state;

typedef struct bucket {
    ef_handle head, tail;
} bucket;

typedef struct state {
    ef_state_config config; /* arrays owned */
    uint32_t special;       /* number among the specials, UINT32_MAX: none */
    int32_t callback;       /* counting start of a sequence that begins anew when this state is done */
    bool opens;             /* `every` of a count that may be empty: the next round begins when this one moves on */
    bool skips_again;       /* counting start of an `every` that may be empty: each round may be, if something else in it cannot */
    bool sheltered;         /* absence between the elements of a sequence with `every`: a reset does not drop what waits */
    bool is_plain_end;      /* values of a match's last event are read from the input */
    bool has_own_tests;     /* some part of the condition reads nothing but the event */
    uint32_t *kept_at;      /* [columns of the port] place in the layout */
    ef_row_layout layout;
    field_test *fields;
    uint32_t field_count;
    bool has_captured_tests; /* others that read captures */
    uint32_t *keys;         /* tests that the index answers */
    uint32_t key_count;
    bucket *buckets;
    uint32_t bucket_mask;
    uint32_t indexed;       /* entries in buckets */
} state;

typedef struct pattern_timer {
    int64_t due;
    uint64_t sequence;
    uint32_t slot;
    uint32_t generation;
    uint32_t state;
} pattern_timer;

typedef struct pattern {
    ef_alloc *alloc;
    ef_pages *pages;
    state *states;
    uint32_t state_count, special_count, port_count;
    uint32_t *port_columns;
    bool *port_shared; /* [ports] several states read it */
    bool *port_skips;  /* [ports] an event that passes no state by itself changes nothing but what is due anyway */
    uint32_t *port_states; /* [ports + 1] ends, then the states that read each port, the last first */
    int32_t *port_keyed; /* [ports] the first state with an index, EF_NO_STATE: none */
    ef_type **port_types;
    uint32_t match_size;
    ef_capture *outputs;
    uint32_t output_count;
    int64_t within;
    uint32_t within_events;
    bool sequence, partitioned, playback, starts_absent, timeouts;
    bool is_straight, has_straight_rows; /* straight.c, straight_row.c */
    bool is_chain;                       /* chain.c */
    bool may_let_be; /* nobody can tell when what is out of WITHIN leaves `fresh`, if only it never gets into `pending` */
    bool begins_in_place; /* the start is an `every` of one event: it stays armed, each event begins a match of its own */
    bool begun; /* wall clock: the start has been seen */
    int64_t highest;  /* no `first` is above it, WITHIN a time */
    uint64_t matches;       /* now, with those that are armed only */
    uint64_t begun_matches; /* of these with an event */
    uint64_t most_matches;
    uint64_t dropped;
    bool drops_oldest;
    ef_handle oldest, youngest; /* drops_oldest: of those with an event */
    ef_slots slots; /* of slot_state with its states */
    pattern_timer *timers; /* heap */
    uint32_t timer_count, timer_capacity;
    uint64_t timer_sequence;
    ef_timers timeout_timers; /* one a slot, with `timeouts` and WITHIN a time */
    ef_lag lag;               /* then */
    uint16_t rank;
    uint64_t hash_seed;
    void *room; /* of the arrays of a run */
    ef_host *host;
    ef_random *random;
} pattern;

static inline slot_state *slot_at(const pattern *p, uint32_t slot) {
    return (slot_state *)((char *)p->slots.items + (size_t)slot * p->slots.item_size);
}

static inline const match *match_at(const pattern *p, ef_handle handle) {
    return (const match *)ef_pages_at(p->pages, handle);
}

static inline const entry *entry_at(const pattern *p, ef_handle handle) {
    return (const entry *)ef_pages_at(p->pages, handle);
}

static inline const cell *cell_at(const pattern *p, ef_handle handle) {
    return (const cell *)ef_pages_at(p->pages, handle);
}

/* A match with this `first` now stands where expiry looks: at the head of `pending`, or in `fresh`. */
static inline void note_first(pattern *p, uint32_t slot, int64_t first) {
    if (p->within < 0 || first == NO_FIRST) {
        return;
    }
    slot_state *at = slot_at(p, slot);
    int64_t last = ef_time_after(first, p->within);
    at->expires = last < at->expires ? last : at->expires;
    p->highest = first > p->highest ? first : p->highest;
}

/* Whether something in the slot may be out of WITHIN a time at `now`; false is certain. */
static inline bool may_expire(const pattern *p, const slot_state *at, int64_t now) {
    return p->within >= 0 && (now > at->expires || p->highest > ef_time_after(now, p->within));
}

static inline bool is_event(uint32_t handle) {
    return handle < ESTABLISHED;
}

/* The states that read a port, the last first. */
static inline const uint32_t *states_of(const pattern *p, uint32_t port, const uint32_t **end) {
    const uint32_t *states = p->port_states + p->port_count + 1;
    *end = states + p->port_states[port + 1];
    return states + p->port_states[port];
}

static inline bucket *bucket_of(const state *s, uint32_t hash) {
    return &s->buckets[hash & s->bucket_mask];
}

static inline bool is_count(const pattern *p, uint32_t j) {
    return p->states[j].config.kind == EF_STATE_COUNT;
}

static inline bool is_logical(const pattern *p, uint32_t j) {
    return p->states[j].config.kind == EF_STATE_LOGICAL || p->states[j].config.kind == EF_STATE_LOGICAL_ABSENT;
}

/* A match without events; held by the caller. */
ef_status match_new(pattern *p, uint32_t slot, ef_handle *handle, ef_error *error) EF_MUST_USE;
/* A copy without the events of states from `from` on; held by the caller. */
ef_status match_clone(pattern *p, ef_handle original, uint32_t from, ef_handle *handle, ef_error *error) EF_MUST_USE;
ef_status match_release(pattern *p, ef_handle handle, ef_error *error) EF_MUST_USE;
/* Gives the match the event (a kept row) at state j: appended where j counts. The match holds the row from now on. */
ef_status match_take_event(pattern *p, ef_handle handle, uint32_t j, ef_handle row, ef_error *error) EF_MUST_USE;
ef_status match_set_mark(pattern *p, ef_handle handle, uint32_t j, uint32_t mark, ef_error *error) EF_MUST_USE;
ef_status row_release(pattern *p, uint32_t j, ef_handle row, ef_error *error) EF_MUST_USE;

/* Number of events of state j in the match. */
uint32_t match_length(const pattern *p, const match *m, uint32_t j);
/* The row of one of them, or EF_NO_HANDLE. */
ef_handle match_event(const pattern *p, const match *m, uint32_t j, uint32_t index, bool from_last);

/* Lists. The entry holds the match. */
ef_status list_add_fresh(pattern *p, uint32_t slot, uint32_t j, ef_handle m, ef_error *error) EF_MUST_USE;
ef_status list_remove(pattern *p, uint32_t slot, uint32_t j, bool fresh, ef_handle at, ef_error *error) EF_MUST_USE;
ef_status list_clear(pattern *p, uint32_t slot, uint32_t j, bool fresh, ef_error *error) EF_MUST_USE;
/* Out of the list of a special state, wherever it is there. */
ef_status leave_special(pattern *p, ef_handle m, uint32_t j, ef_error *error) EF_MUST_USE;
/* Moves `fresh` behind `pending`, by timestamp, and into the index. */
ef_status list_update(pattern *p, uint32_t slot, uint32_t j, ef_error *error) EF_MUST_USE;

/* Gives an entry that is in no bucket the key of its match at state j, which has an index; a null, which nothing equals, is none. */
void entry_take_key(const pattern *p, entry *e, uint32_t j);
/* Hash of an event's key. */
bool event_key(const pattern *p, const ef_batch *batch, uint32_t row, uint32_t slot, uint32_t j, uint64_t *hash);
/* The hash of event_key or, with `begun`, begun_key for all rows of a batch, shortened as in an entry; is_there[i]: no null. */
void key_column(const pattern *p, const ef_batch *batch, uint32_t j, bool begun, uint32_t *hash, uint8_t *is_there);
/* Hash of the key that a match of one event, this one, has at state j; false: a null. */
bool begun_key(const pattern *p, const ef_batch *batch, uint32_t row, uint32_t slot, uint32_t j, uint64_t *hash);
ef_status index_reserve(pattern *p, uint32_t j, uint32_t more, ef_error *error) EF_MUST_USE;
/* Gives most of the index back when it has become nearly empty. */
void index_trim(pattern *p, uint32_t j);
void index_add(pattern *p, uint32_t j, ef_handle at, uint32_t hash);

/* limit.c */
uint32_t match_words(const pattern *p); /* behind the fixed part of a match */
void match_limit_init(const pattern *p, match *m);
/* The match has an event now: it counts. */
ef_status match_begun(pattern *p, ef_handle handle, ef_error *error) EF_MUST_USE;
/* It is about to be freed. */
ef_status match_ended(pattern *p, ef_handle handle, ef_error *error) EF_MUST_USE;
/* It is at `at` in a list of state j; EF_NO_HANDLE: no longer. */
void match_set_entry(const pattern *p, match *m, uint32_t j, ef_handle at);
bool match_links_hold(const pattern *p, const uint8_t *is_match, size_t size);
bool has_events_before(const match *m, uint32_t j);

/* Timers, by (due, order of setting). */
ef_status timer_set(pattern *p, uint32_t slot, uint32_t j, int64_t due, ef_error *error) EF_MUST_USE;
void timer_pop(pattern *p, pattern_timer *timer);

/* Frees all matches: an empty store. */
void pattern_forget(pattern *p);

#endif
