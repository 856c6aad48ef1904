/* One call of a pattern: the event at hand, its conditions, the matches that come out. */
#ifndef EF_PATTERN_MACHINE_H
#define EF_PATTERN_MACHINE_H

#include "pattern/matches.h"

/* Matches of one call, column by column. A value of a single event is a row handle first and a value at the end, when all can be gathered at once. */
typedef struct found {
    uint32_t rows, capacity;
    int64_t *timestamp, *cause;
    uint32_t *slot;
    uint32_t *input_row;  /* row of the port of the last state, where that is a plain one */
    ef_handle **event;    /* [outputs][rows], of VALUE captures */
    ef_column *made;      /* [outputs] of the other captures */
    uint32_t *ends;
    uint32_t deliveries;
    bool any_slot;
} found;

/* Keys of a port's rows at its first state with an index; NULL: not made. */
typedef struct ahead {
    uint32_t *hash;
    uint8_t *is_there; /* 0: a null, which nothing equals */
    uint32_t state;
    uint32_t *begun;   /* keys of the matches that begin with the rows, at state 1; NULL: not made */
    uint8_t *begun_is_there;
} ahead;

#define NO_PORT UINT32_MAX

typedef struct run {
    pattern *p;
    const ef_track *track;
    ef_out *out;
    ef_arena *arena;
    ef_error *error;
    const ef_batch **batch; /* [ports] or NULL */
    const uint8_t **own_passes; /* [states] whether rows pass what reads nothing but them; NULL: not known yet */
    ahead *ahead;           /* [ports] */
    /* the event at hand */
    uint32_t port, row, slot; /* NO_PORT: a timer */
    int64_t timestamp, cause, clock;
    bool is_refused; /* it has failed already */
    ef_handle *kept; /* [states] the event, once a match took it */
    bool any_kept;
    found found;
    uint32_t *straight; /* first rows of matches that straight.c found; they end behind those in `found` */
    uint32_t straight_count;
} run;

/* own_tests.c */
/* passes[i] &= whether row from + i passes. */
void rows_pass_constant(const ef_pattern_test *test, const ef_column *column, uint32_t from, uint32_t rows,
                        uint8_t *restrict passes);
/* passes[i] &= whether row own_from + i passes beside row captured_from + i. */
void rows_pass_captured(const ef_pattern_test *test, const ef_column *own, uint32_t own_from, const ef_column *captured,
                        uint32_t captured_from, uint32_t rows, uint8_t *restrict passes);
bool has_own_tests(const ef_state_config *config);
/* [rows of the port] whether each passes what state j asks of the row alone. */
ef_status own_tests(run *r, uint32_t j, const uint8_t **passes) EF_MUST_USE;
ef_status port_passes(run *r, uint32_t port, const uint8_t **passes) EF_MUST_USE;
ef_status run_own_passes(run *r, uint32_t j, bool *passes) EF_MUST_USE;

/* condition.c */
ef_status run_own_program(run *r, uint32_t j, uint8_t *passes) EF_MUST_USE;
/* Which of the matches the event passes at state j. */
ef_status run_conditions(run *r, uint32_t j, const ef_handle *matches, uint32_t count, uint8_t *passes) EF_MUST_USE;
/* Whether the event passes the tests of state j that read captures. */
bool match_passes(const run *r, uint32_t j, const match *m);
/* A program over (match, event) pairs: passes[i] for each. */
ef_status run_pairs(run *r, const ef_program *program, const ef_batch *pairs, uint8_t *passes) EF_MUST_USE;
ef_status run_keep(run *r, uint32_t j, ef_handle *row) EF_MUST_USE; /* the event as a row of state j */
ef_status run_drop_kept(run *r) EF_MUST_USE;

/* columns */
/* Values of a capture for some matches. */
ef_status capture_column(run *r, const ef_capture *capture, const ef_handle *matches, uint32_t count, uint32_t own_state,
                         ef_column *to) EF_MUST_USE;
ef_status found_put(run *r, ef_handle m, uint32_t last_state, int64_t timestamp) EF_MUST_USE;
void found_end(run *r);
ef_status found_finish(run *r) EF_MUST_USE;

/* ahead.c */
ef_status ahead_begin(run *r, uint32_t port) EF_MUST_USE;
void ahead_of_row(const run *r, uint32_t port, uint32_t row);
/* Key of the event at hand at state j; false: a null. */
bool ahead_key(const run *r, uint32_t j, uint32_t *hash);

/* straight.c */
bool straight_fits(const pattern *p);
bool straight_takes(const pattern *p, const ef_batch *batch);
/* All matches that begin and end within the batch. */
ef_status straight_find(run *r, const ef_batch *batch) EF_MUST_USE;
ef_status straight_finish(run *r, const ef_batch *batch) EF_MUST_USE;

/* timeless.c */
bool timeless_takes(const pattern *p, uint32_t count);
ef_status timeless_rows(run *r, const ef_input *inputs, uint32_t count) EF_MUST_USE;

/* straight_row.c */
bool straight_steps(const pattern *p);
/* The event at hand, as machine_event. */
ef_status straight_row(run *r) EF_MUST_USE;

/* chain.c */
bool chain_fits(const pattern *p);
/* The event at hand, as machine_event. */
ef_status chain_event(run *r) EF_MUST_USE;

/* the machine */
ef_status slot_begin(run *r, uint32_t slot, int64_t clock) EF_MUST_USE; /* slot known and started */
ef_status machine_event(run *r) EF_MUST_USE;
ef_status machine_timer(run *r, const pattern_timer *timer, int64_t clock) EF_MUST_USE;

/* steps shared by the states */
ef_status state_init(run *r, uint32_t slot, uint32_t j) EF_MUST_USE;
ef_status state_enter(run *r, uint32_t slot, uint32_t j, ef_handle m) EF_MUST_USE;
ef_status state_enter_again(run *r, uint32_t j, ef_handle m) EF_MUST_USE;
ef_status state_update(run *r, uint32_t slot, uint32_t j) EF_MUST_USE;
ef_status state_reset(run *r, uint32_t slot, uint32_t j) EF_MUST_USE;
ef_status state_done(run *r, uint32_t slot, uint32_t j, ef_handle m, int64_t timestamp) EF_MUST_USE;
ef_status state_expire(run *r, uint32_t slot, uint32_t j, int64_t now) EF_MUST_USE;
bool is_expired(const pattern *p, const match *m, int64_t now);
/* The match takes the event at the plain state j, at which it waits. */
ef_status plain_pass(run *r, uint32_t slot, uint32_t j, ef_handle at, ef_handle m) EF_MUST_USE;
/* When something in the slot may be out of WITHIN next. */
void look_for_expiry(pattern *p, uint32_t slot);
ef_status rearm_killed(run *r, uint32_t j, ef_handle m) EF_MUST_USE;

/* timeout.c: what runs out of WITHIN, where that is put out */
ef_status timeout_put(run *r, ef_handle m) EF_MUST_USE;
/* Sets the timer of a slot for what may run out next; `lag` as in slot_state. */
ef_status timeout_arm(run *r, uint32_t slot, int64_t lag) EF_MUST_USE;
ef_status timeout_fire(run *r, int64_t due) EF_MUST_USE;
ef_status expire_all(run *r, uint32_t slot) EF_MUST_USE;

ef_status rearm_lost(run *r, uint32_t slot, uint32_t j, ef_handle lost) EF_MUST_USE;

/* limit.c */
ef_status may_begin(run *r, const match *m, bool *may) EF_MUST_USE;
/* Brings the number of partial matches down to the most there may be. */
ef_status drop_oldest(run *r) EF_MUST_USE;

/* absent.c */
ef_status absent_event(run *r, uint32_t slot, uint32_t j) EF_MUST_USE;
ef_status logical_absent_event(run *r, uint32_t slot, uint32_t j) EF_MUST_USE;
ef_status absent_timer(run *r, uint32_t slot, uint32_t j, int64_t due, int64_t clock) EF_MUST_USE;
ef_status logical_absent_timer(run *r, uint32_t slot, uint32_t j, int64_t due, int64_t clock) EF_MUST_USE;
/* Whether the absent side j lets its partner complete the match. */
ef_status absent_allows(run *r, uint32_t slot, uint32_t j, ef_handle m, bool *allows) EF_MUST_USE;

/* The matches that an event has to meet at state j: entries and matches, oldest first, in the arena. */
ef_status waiting(run *r, uint32_t slot, uint32_t j, ef_handle **entries, ef_handle **matches, uint32_t *count) EF_MUST_USE;

#endif
