/* Patterns and sequences: what the planner says of one, and the operator made from it.
 *
 *      every e1=A -> e2=B[id == e1.id]<2:3> -> not C for 10 sec
 *
 *      state 0            state 1             state 2
 *      plain, port 0      count, port 1       absent, port 2, wait 10000      one state a source, in order; the sides of and/or lie
 *      every 0, next 1    next 2              next -1                         together, the last written one first
 *
 * A capture names a value of the events that a partial match has gathered: a column of the i-th event of a state, the list of all, their number, a sum.
 * Conditions read captures and columns of the event at hand; the rows put out are made of captures. */
#ifndef EF_PATTERN_PATTERN_H
#define EF_PATTERN_PATTERN_H

#include "expr/program.h"

#define EF_UNBOUNDED UINT32_MAX
#define EF_NO_STATE (-1)

typedef enum ef_state_kind {
    EF_STATE_PLAIN = 0,
    EF_STATE_COUNT = 1,          /* minimum..maximum events */
    EF_STATE_LOGICAL = 2,        /* a side of and/or */
    EF_STATE_ABSENT = 3,         /* not X for `wait` */
    EF_STATE_LOGICAL_ABSENT = 4  /* not X [for `wait`] as a side of and/or */
} ef_state_kind;

typedef enum ef_capture_kind {
    EF_CAPTURE_VALUE = 0,   /* a column of one event; null when there is no such event */
    EF_CAPTURE_LIST = 1,    /* a column of all events, an OBJECT list */
    EF_CAPTURE_PRESENT = 2, /* BOOL: the event is there */
    EF_CAPTURE_COUNT = 3,   /* LONG: number of events */
    EF_CAPTURE_SUM = 4,     /* over a column of all events, nulls skipped; null when nothing is left: LONG or DOUBLE */
    EF_CAPTURE_AVERAGE = 5, /* DOUBLE */
    EF_CAPTURE_MINIMUM = 6,
    EF_CAPTURE_MAXIMUM = 7,
    EF_CAPTURE_DEVIATION = 8, /* DOUBLE, of the population */
    EF_CAPTURE_TIMESTAMP = 9, /* LONG: timestamp of one event */
    EF_CAPTURE_COUNT_VALUES = 10, /* LONG: number of events whose column is not null */
    EF_CAPTURE_EVENTS = 11 /* OBJECT: all events of all states, each as [state, timestamp, what is kept of it...] */
} ef_capture_kind;

typedef struct ef_capture {
    ef_capture_kind kind;
    uint32_t state;
    uint32_t index;  /* from the first event, or with from_last from the last */
    bool from_last;
    uint32_t column; /* of the state's port */
    ef_type type;    /* of the value */
} ef_capture;

typedef enum ef_test_kind { EF_TEST_EQUAL, EF_TEST_LESS, EF_TEST_LESS_EQUAL, EF_TEST_GREATER, EF_TEST_GREATER_EQUAL } ef_test_kind;

/* own column <comparison> (capture | constant), both of one type: what needs no program. A null never passes. */
typedef struct ef_pattern_test {
    ef_test_kind comparison;
    ef_type type;
    uint32_t own;
    int32_t capture; /* of the state, -1: the constant */
    union {
        int64_t l; /* BOOL, INT, LONG */
        double d;  /* FLOAT, DOUBLE */
    } constant;
} ef_pattern_test;

/* One state. The condition is all tests, `own`, and `condition` together. Arrays are copied, programs taken. */
typedef struct ef_state_config {
    ef_state_kind kind;
    uint32_t port;
    uint32_t minimum, maximum;
    int64_t wait;       /* ms, -1: none */
    int32_t next;       /* state that takes what completes this one; of and/or the last side; EF_NO_STATE: it is a match */
    int32_t every;      /* first state of the `every` that ends here */
    int32_t group;      /* first state of the innermost `every` around */
    bool group_is_long; /* that `every` is about more than one element */
    bool start;         /* belongs to the first element */
    bool either;        /* or, not and */
    uint32_t first_side, sides;
    ef_program *own;       /* columns of the port -> BOOL; NULL */
    ef_program *condition; /* the first program_captures captures, then own_columns -> BOOL; NULL */
    uint32_t program_captures;
    const ef_capture *captures;
    uint32_t capture_count;
    const uint32_t *own_columns;
    uint32_t own_column_count;
    const ef_pattern_test *tests;
    uint32_t test_count;
    const uint32_t *kept; /* columns of the port that are kept of its events */
    uint32_t kept_count;
} ef_state_config;

/* What happens to an event that would begin a partial match more than there may be. */
typedef enum ef_matches_policy {
    EF_MATCHES_FAIL = 0,       /* it begins none, and goes to the error edge */
    EF_MATCHES_DROP_OLDEST = 1 /* the oldest one is dropped */
} ef_matches_policy;

typedef struct ef_pattern_config {
    ef_state_config *states;
    uint32_t state_count;
    const uint32_t *port_columns; /* [ports] */
    const ef_type *const *port_types;
    uint32_t port_count;
    const ef_capture *outputs;
    uint32_t output_count;
    int64_t within;        /* ms, -1: none */
    uint32_t within_events; /* 0: none */
    uint64_t most_matches;  /* partial ones with an event, of all slots; 0: any number */
    ef_matches_policy too_many;
    bool sequence;
    bool partitioned;     /* slots begin with their first row */
    bool timeouts;        /* puts out what runs out of WITHIN in place of matches */
    uint64_t hash_seed;
    ef_host *host;
    ef_random *random;
} ef_pattern_config;

extern const ef_operator_class ef_pattern_class;
extern const ef_operator_class ef_timed_pattern_class; /* with absences that wait */

ef_status ef_pattern_save(const void *self, ef_writer *writer, ef_error *error) EF_MUST_USE;
ef_status ef_pattern_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) EF_MUST_USE;

/* Programs are taken, also on failure. */
ef_status ef_pattern_create(const ef_operator_config *config, ef_pattern_config *pattern, void **self,
                            ef_error *error) EF_MUST_USE;
bool ef_pattern_reads_clock(const ef_pattern_config *pattern);

/* When something runs out of WITHIN that the operator tells, at the earliest; EF_NEVER: nothing does. Absences are not among it. */
int64_t ef_pattern_next_timeout(const void *self);

#endif
