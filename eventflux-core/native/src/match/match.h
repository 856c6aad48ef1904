/* Row patterns (MATCH_RECOGNIZE): what the planner says of one, and the operator made from it.
 *
 *      PATTERN (A B+? C{2})
 *
 *      position   0: A     1: B        2: C     3: C          one for each place at which a variable takes a row
 *      follow     [1]      [2, 1]      [3]      [accept]      what may take the next row, the preferred first
 *      start      [0]
 *
 * Quantifiers, alternation and reluctance are nothing but the order of follow lists: of all runs over the rows from one row on, the one
 * that a depth-first walk through these lists meets first is the preferred.
 *
 * A group is a set of variables (a bit each) whose rows are looked at together: one variable, a union, all. Captures read a match through
 * groups: a column of the i-th row of a group, its number of rows, a sum over it. */
#ifndef EF_MATCH_MATCH_H
#define EF_MATCH_MATCH_H

#include "expr/program.h"

#define EF_MATCH_ACCEPT UINT32_MAX
#define EF_MATCH_VARIABLES 64u

typedef enum ef_match_capture_kind {
    EF_MATCH_VALUE = 0, /* a column of one row; null when there is no such row */
    EF_MATCH_COUNT = 1, /* LONG: rows of the group */
    EF_MATCH_COUNT_VALUES = 2,
    EF_MATCH_SUM = 3, /* nulls are skipped; null when nothing is left: LONG or DOUBLE */
    EF_MATCH_AVERAGE = 4,
    EF_MATCH_MINIMUM = 5,
    EF_MATCH_MAXIMUM = 6,
    EF_MATCH_DEVIATION = 7,
    EF_MATCH_TIMESTAMP = 8,  /* LONG: of one row */
    EF_MATCH_CLASSIFIER = 9, /* STRING: the variable that took one row */
    EF_MATCH_NUMBER = 10,    /* LONG: number of the match in its partition, from 1 */
    EF_MATCH_EVENTS = 11     /* OBJECT, outputs only: all rows, each as [variable, timestamp, what is kept of it...] */
} ef_match_capture_kind;

typedef struct ef_match_capture {
    ef_match_capture_kind kind;
    uint32_t group;
    uint32_t index; /* among the rows of the group, from the first, or with from_last from the last */
    bool from_last;
    bool running; /* of outputs with all_rows: as it was when the row was taken */
    uint32_t back; /* rows of the partition before that one */
    uint32_t column;
    ef_type type;
    uint32_t fold; /* the matcher's own */
} ef_match_capture;

typedef enum ef_match_comparison {
    EF_MATCH_EQUAL,
    EF_MATCH_LESS,
    EF_MATCH_LESS_EQUAL,
    EF_MATCH_GREATER,
    EF_MATCH_GREATER_EQUAL
} ef_match_comparison;

/* VALUE capture <comparison> VALUE capture, both of one type: what needs no program. A null never passes. */
typedef struct ef_match_test {
    ef_match_comparison comparison;
    uint32_t left, right; /* captures of the variable */
} ef_match_test;

/* A variable. It takes a row if `own`, all tests and `condition` hold, the row counted as taken already. Arrays are copied, programs taken. */
typedef struct ef_match_variable {
    const char *name;
    uint32_t name_length;
    ef_program *own;       /* columns of the input -> BOOL, pure; NULL */
    ef_program *condition; /* the first program_captures captures -> BOOL; NULL */
    uint32_t program_captures;
    const ef_match_capture *captures;
    uint32_t capture_count;
    const ef_match_test *tests;
    uint32_t test_count;
} ef_match_variable;

typedef struct ef_match_position {
    uint32_t variable;
    bool only_first; /* takes the first row of the partition only */
    bool excluded;   /* with all_rows: the row is not put out */
    uint32_t from, count; /* of `follow` */
} ef_match_position;

typedef enum ef_match_skip {
    EF_SKIP_PAST_LAST_ROW = 0,
    EF_SKIP_TO_NEXT_ROW = 1,
    EF_SKIP_TO_FIRST = 2,
    EF_SKIP_TO_LAST = 3
} ef_match_skip;

typedef struct ef_match_config {
    const ef_match_variable *variables;
    uint32_t variable_count;
    const ef_match_position *positions;
    uint32_t position_count;
    const uint32_t *follow; /* positions, or EF_MATCH_ACCEPT */
    uint32_t follow_count;
    uint32_t start_from, start_count; /* of `follow`: what may take the first row */
    const uint64_t *groups;           /* a bit a variable */
    uint32_t group_count;
    const uint32_t *kept; /* columns of the input that captures read */
    uint32_t kept_count;
    const ef_match_capture *outputs;
    uint32_t output_count;
    int64_t within; /* ms between the first and the last row of a match, -1: any time */
    ef_match_skip skip;
    uint32_t skip_group;
    bool all_rows; /* a row for each row of the match */
    bool timeouts; /* puts out what runs out of `within` in place of matches */
    ef_host *host;
    ef_random *random;
} ef_match_config;

extern const ef_operator_class ef_match_class;
extern const ef_operator_class ef_timed_match_class; /* with `within` */

/* Programs are taken, also on failure. */
ef_status ef_match_create(const ef_operator_config *config, const ef_match_config *match, void **self,
                          ef_error *error) EF_MUST_USE;
void ef_match_free_programs(const ef_match_config *match);

ef_status ef_match_save(const void *self, ef_writer *writer, ef_error *error) EF_MUST_USE;
ef_status ef_match_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) EF_MUST_USE;

#endif
