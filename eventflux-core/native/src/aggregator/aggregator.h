/* Aggregators: how rows are folded into the state of their group, a block of rows at a time.
 *
 *      group block: [ head ][ key ][ state of aggregate 0 ][ state of aggregate 1 ] ...       (ops/select_groups.h)
 *
 * A state has a fixed size; bytes of zero are the empty state. What does not fit (values to retract, distinct values) lies in blocks of
 * its own in the same page store, as handle + 1 (0: none), and is freed by `clear`.
 *
 * A fold goes down one column for one aggregate: for each row it does what the row's action says to the state of the row's group
 * and, where the row is put out, writes the value that the aggregate then has. Arguments come in one of a few forms, so that a loop
 * exists once for many types: extremes of every type work on ordered integers (order of the values = order of the keys). Doubles are
 * added one by one in row order: the bits of a result do not depend on how rows were cut into batches.
 *
 * Memory: pages of all groups were made private by the caller, so simple folds cannot fail. Folds that take blocks can; they stop at the
 * row that failed, with a consistent state. */
#ifndef EF_AGGREGATOR_AGGREGATOR_H
#define EF_AGGREGATOR_AGGREGATOR_H

#include "base/handle_index.h"
#include "ops/select.h"

/* What a row does to its group. */
enum {
    EF_FOLD_ADD = 0,
    EF_FOLD_REMOVE = 1,
    EF_FOLD_SKIP = 2, /* nothing: a RESET row, or a row that failed */
    EF_FOLD_CLEAR = 4, /* the state is emptied first */
    EF_FOLD_PASS = 8   /* neither added nor removed, but put out as others: its FILTER is not true */
};

/* Rows a block; a multiple of 8. */
#define EF_FOLD_ROWS 1024u

typedef enum ef_fold_input {
    EF_INPUT_NONE,
    EF_INPUT_LONG,   /* int64_t */
    EF_INPUT_DOUBLE, /* double */
    EF_INPUT_KEY,    /* int64_t, ordered as the values are; reversed for the maximum */
    EF_INPUT_VALUE   /* as the column has it */
} ef_fold_input;

typedef enum ef_fold_output {
    EF_OUTPUT_PLAIN, /* as a column of the result type has it */
    EF_OUTPUT_KEY    /* int64_t key, to be turned back into a value */
} ef_fold_output;

/* Which values a sequence (first, last, collect_list) holds on to. */
typedef enum ef_keeps { EF_KEEPS_ALL, EF_KEEPS_FIRST, EF_KEEPS_LAST } ef_keeps;

/* Values counted by an owner each (distinct_count, union_set), shared by all aggregates of a selection. */
typedef struct ef_value_counts {
    ef_handle_index index;
    uint64_t next_owner; /* 0 is nobody */
} ef_value_counts;

typedef struct ef_aggregate ef_aggregate;

typedef struct ef_fold {
    uint32_t rows;
    char *const *groups;     /* [rows] the group blocks; NULL: all rows belong to `single` */
    char *single;
    const void *values;      /* [rows], in input form */
    const uint8_t *validity; /* bit 0 is row 0; NULL: no nulls */
    const uint8_t *actions;  /* [rows]; NULL: all ADD */
    bool general;            /* some action has SKIP, CLEAR or PASS */
    const uint8_t *emit;     /* [rows], 0 or 1; NULL: all rows are put out */
    void *out;               /* values of the rows put out, densely */
    uint8_t *out_valid;      /* a byte each, 0 or 1 */
    uint32_t emitted;        /* set by the fold */
    bool any_null;           /* set when a byte of out_valid is 0; kept otherwise */
    bool out_of_memory;      /* set when a value could not be built; the state is right */
    ef_arena *arena;
    ef_error *error;
} ef_fold;

/* Blocks named by loaded state, each by one owner. */
typedef struct ef_claims {
    const ef_pages *pages;
    ef_alloc *alloc;
    uint8_t *seen;
    size_t size;
} ef_claims;

#define EF_AGGREGATE_NAME 32u

/* A count after which a selection forgets the groups that have no rows left (ef_select_forget). */
#define EF_COUNT_HELD "count_held"

/* One aggregator call of a selection. */
struct ef_aggregate {
    char name[EF_AGGREGATE_NAME];
    ef_removal removal;
    uint32_t offset; /* of the state in the group block */
    uint32_t size;   /* of the state, a multiple of 8 */
    ef_type argument;
    ef_type result;
    ef_fold_input input;
    ef_fold_output output;
    bool reversed;      /* keys are complemented: the maximum is the least key */
    ef_keeps keeps;
    bool takes_sets;    /* the argument must be a set */
    int32_t column;     /* of the argument columns; -1: none */
    bool converts;      /* an argument has another form than the input */
    uint32_t width;     /* of an output */
    int32_t filter;     /* of the argument columns, a BOOL: rows for which it is not true do not count; -1: all do */
    ef_pages *pages;
    ef_value_counts *counts;
    uint64_t seed;

    ef_status(EF_MUST_USE *fold)(const ef_aggregate *aggregate, ef_fold *fold);
    /* Empties the state and gives its blocks back; NULL: bytes of zero will do. */
    void (*clear)(const ef_aggregate *aggregate, char *state);
    /* Whether loaded state can be believed; claims its blocks and rebuilds what is derived. NULL: any bytes can. */
    ef_status(EF_MUST_USE *check)(const ef_aggregate *aggregate, char *state, ef_claims *claims, ef_error *error);
};

/* Fills in all but offset, column, filter, pages, counts and seed. False: there is no such aggregator for the type. */
bool ef_aggregate_resolve(ef_aggregate *aggregate, const char *name, ef_type argument, ef_removal removal);

static inline void ef_aggregate_clear(const ef_aggregate *aggregate, char *group) {
    char *state = group + aggregate->offset;
    if (aggregate->clear != NULL) {
        aggregate->clear(aggregate, state);
    }
    memset(state, 0, aggregate->size);
}

/* Order of doubles as an order of integers: NaN above all, -0.0 below 0.0, as in Java. */
static inline int64_t ef_key_of_double(double value) {
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (value != value) {
        return INT64_MAX;
    }
    return bits ^ (int64_t)((uint64_t)(bits >> 63) >> 1);
}

static inline double ef_double_of_key(int64_t key) {
    int64_t bits = key ^ (int64_t)((uint64_t)(key >> 63) >> 1);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

ef_status ef_claims_init(ef_claims *claims, const ef_pages *pages, ef_alloc *alloc, ef_error *error) EF_MUST_USE;
void ef_claims_clear(ef_claims *claims);
/* EF_CORRUPT unless `handle` is a taken block of that size which nobody has claimed. */
ef_status ef_claim(ef_claims *claims, ef_handle handle, uint32_t size, ef_error *error) EF_MUST_USE;

#endif
