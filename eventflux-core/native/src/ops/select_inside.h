/* What the files of the selection share. The way of one call:
 *
 *      batch ─ take ─> work rows ─ groups ─> group of each row ─ fold ─> emitted rows ─ outputs ─> having ─> reduction
 *                                                                                     ─> order, offset, limit ─> result
 *
 *      file              does
 *      select.c          the operator; the steps in order
 *      select_few.c      the same for a few rows that a window left in place
 *      select_ahead.c    batches that are folded while they are collected
 *      select_keys.c     the group keys of a block of rows
 *      select_groups.c   rows -> groups: index, slots, resets
 *      select_fold.c     which rows are put out, and the aggregates' columns for them
 *      select_output.c   output programs, having, reduction of batch chunks, the result
 *      select_order.c    order by, offset, limit
 *      select_state.c    create, destroy, save, load, purge
 *
 * State: a group is a block of the page store, found through an index by (slot, key), and linked with the other groups of its slot:
 *
 *      slot: [ first group ][ resets ]
 *      group: [ next ][ slot ][ resets ][ mark ][ place ][ nulls ][ key words ] ... [ state of each aggregate ] ...
 *
 * A key word is 8 bytes: a number zero-extended, or half of a string. A long string (and any OBJECT) is [ length | prefix ]
 * [ hash | handle ], its bytes in a block of their own; in a row's key the handle is 0. Two keys without those are equal iff nulls and words are.
 *
 * RESET is lazy: it counts up the slot's `resets`. A group that lags behind is emptied by the first row that meets it; at the end of the
 * call those that no row met are given back. So between calls every group is up to date, and a reset costs what is in use.
 *
 * `mark` says that a group has been met since the call (or the last RESET in it) began: its page is private, its place in the call
 * known. Neither mark nor place means anything in saved state. */
#ifndef EF_OPS_SELECT_INSIDE_H
#define EF_OPS_SELECT_INSIDE_H

#include "aggregator/aggregator.h"
#include "ops/select.h"

#define EF_MOST_KEYS 32u /* bits of ef_group.nulls */

typedef struct ef_group {
    ef_handle next; /* of the slot; EF_NO_HANDLE ends */
    uint32_t slot;
    uint32_t resets;
    uint32_t mark;
    uint32_t place;
    uint32_t nulls; /* bit k: key k is null */
    uint64_t key[];
} ef_group;

typedef struct ef_select_slot {
    ef_handle first;
    uint32_t resets;
    uint32_t forgotten; /* groups that lag behind, though no RESET came: about */
    uint32_t kept;      /* groups that the last sweep left */
} ef_select_slot;

typedef struct ef_select_key {
    ef_type type;
    uint32_t word; /* first of its words */
} ef_select_key;

#define EF_NOT_PLAIN UINT32_MAX

typedef struct ef_select {
    ef_alloc *alloc;
    ef_pages *pages;
    ef_host *host;
    ef_random *random;
    uint64_t seed;

    uint32_t columns; /* of the input */
    ef_program *arguments;
    uint32_t argument_count;
    uint32_t *argument_column; /* [argument_count] the input column that an argument is, or EF_NOT_PLAIN */
    bool arguments_plain;

    ef_select_key *keys; /* [key_count] */
    uint32_t key_count;
    uint32_t key_words;
    ef_aggregate *aggregates; /* [aggregate_count] */
    bool has_filters;         /* some of them have one */
    bool takes_blocks;        /* some of them hold on to blocks of the page store */
    bool takes_few;           /* see ef_select_takes_few */
    bool may_fold_ahead;
    bool folds_ahead;         /* see ef_select_fold_ahead */
    uint32_t last;            /* with it: offset in a group of the timestamp of its last row */
    uint32_t held;            /* 1 + the aggregate that counts the rows of a group that may be forgotten; 0: none */
    uint32_t aggregate_count;
    uint32_t group_size;

    ef_program *outputs;
    uint32_t output_count;
    uint32_t visible;
    uint32_t *output_column; /* [output_count] the column of input or aggregate that an output is, or EF_NOT_PLAIN */
    bool outputs_plain;
    ef_program *having;
    ef_order_key *order; /* [order_count] */
    uint32_t order_count;
    int64_t limit;
    int64_t offset;
    bool wanted[3]; /* by kind */
    bool keeps_all;

    ef_select_slot *slots;
    uint32_t slot_count;
    uint32_t slot_capacity;
    ef_handle_index index;
    uint32_t mark;
    uint64_t group_count;
    ef_value_counts counts;
} ef_select;

typedef struct ef_select_reset {
    uint32_t before; /* work row */
    uint32_t slot;
} ef_select_reset;

/* One call of process(). Everything lives in the slice arena. */
typedef struct ef_select_call {
    ef_select *self;
    const ef_track *track;
    ef_out *out;
    ef_arena *arena;
    ef_error *error;

    /* work rows */
    const ef_batch *in;
    const uint32_t *origin; /* [in->rows] rows of the operator's input; NULL: work row + shift */
    uint32_t shift;
    ef_batch taken;         /* what `in` may point to */
    ef_select_reset *resets;
    uint32_t reset_count;
    bool has_kind[3];
    ef_column *arguments;   /* [argument_count] */
    uint8_t *failed;        /* [in->rows] 1: the row failed; NULL: none did */

    /* groups */
    char *single;           /* the group of all rows; NULL: see groups */
    char **groups;          /* [in->rows]; undefined for skipped rows */
    uint32_t *places;       /* [in->rows] dense numbers of the groups met; NULL: not needed */
    ef_handle *met;         /* [met_count] by place */
    uint32_t met_count;
    uint8_t *actions;       /* [in->rows]; NULL: all ADD */

    /* emitted rows */
    uint8_t *emit;          /* [in->rows]; NULL: all */
    uint32_t count;
    uint32_t *rows;         /* [count] work rows; NULL: all */
    uint32_t *from_fold;    /* [count] place among the folded values; NULL: the same */
    uint32_t *ends;         /* [deliveries] over emitted rows; NULL: each row, see `each` */
    uint32_t deliveries;
    bool each;              /* every row is a delivery */
    ef_column *aggregates;  /* [aggregate_count] */
    ef_column *columns;     /* [output_count] */
    int64_t *timestamps;    /* [count]; NULL: not gathered yet */
    int64_t *causes;
    uint32_t *slots;
} ef_select_call;

static inline const ef_group *ef_group_at(const ef_select *self, ef_handle handle) {
    return (const ef_group *)(const void *)ef_pages_at(self->pages, handle);
}

static inline ef_group *ef_group_write(ef_select *self, ef_handle handle) {
    return (ef_group *)(void *)ef_pages_write(self->pages, handle);
}

static inline bool ef_key_is_text(ef_type type) {
    return type == EF_STRING || type == EF_OBJECT;
}

/* Whether a text key lies in a block of its own: its second word is then [ hash | handle ]. */
static inline bool ef_key_is_outside(ef_type type, uint64_t first_word) {
    return type == EF_OBJECT || (type == EF_STRING && (uint32_t)first_word > EF_INLINE_STRING);
}

/* The row of the operator's input that a work row is. */
static inline uint32_t ef_select_origin(const ef_select_call *call, uint32_t row) {
    return call->origin != NULL ? call->origin[row] : row + call->shift;
}

static inline uint32_t ef_select_row(const ef_select_call *call, uint32_t emitted) {
    return call->rows != NULL ? call->rows[emitted] : emitted;
}

/* select.c */
void ef_select_call_init(ef_select_call *call, ef_select *self, const ef_track *track, ef_out *out, ef_error *error);

/* select_groups.c */
ef_status ef_select_find_groups(ef_select_call *call, bool places) EF_MUST_USE;
/* The group of slot 0 with this key, whose words hold all of it and no null; EF_NO_HANDLE if there is none, or none that is up to date. */
ef_handle ef_select_known_group(const ef_select *self, const uint64_t *words);
/* Gives back the groups that a RESET of this call left empty; all that were met if `all`. After a failed call: empties those that should
 * have been emptied. */
/* With EF_COUNT_HELD: groups met whose last row has left are as if a RESET had emptied them, and go when they are many. Amortised O(1) a group. */
void ef_select_forget(ef_select_call *call);
void ef_select_sweep(ef_select_call *call, bool all, bool failed);
void ef_select_free_slot(ef_select *self, uint32_t slot);
uint32_t ef_select_group_hash(const ef_select *self, const ef_group *group);
ef_status ef_select_reserve_slots(ef_select *self, uint32_t count, ef_error *error) EF_MUST_USE;

/* select_fold.c */
ef_status ef_select_choose(ef_select_call *call, bool reduces) EF_MUST_USE;
ef_status ef_select_fold(ef_select_call *call) EF_MUST_USE;
/* For rows that stay in place. `emit` and `groups` are set for all of them. */
ef_status ef_select_fold_few(ef_select_call *call, const ef_out *from) EF_MUST_USE;

/* The present values of one aggregate of many groups: out[i] and valid[i], the output's width each. */
ef_status ef_select_read(const ef_aggregate *aggregate, char *const *groups, uint32_t count, char *out, uint8_t *valid,
                         ef_arena *arena, ef_error *error) EF_MUST_USE;
/* The validity bitmap of a column of which some values are null; those become zero. */
ef_status ef_select_set_nulls(ef_column *column, const uint8_t *valid, uint32_t count, ef_arena *arena, ef_error *error) EF_MUST_USE;

/* select_ahead.c */
ef_status ef_select_run_ahead(ef_select *self, const ef_batch *batch, const ef_track *track, ef_out *out, ef_error *error) EF_MUST_USE;

/* select_output.c */
ef_status ef_select_take(ef_select_call *call, const ef_batch *batch) EF_MUST_USE;
ef_status ef_select_outputs(ef_select_call *call) EF_MUST_USE;
ef_status ef_select_having(ef_select_call *call) EF_MUST_USE;
ef_status ef_select_reduce(ef_select_call *call) EF_MUST_USE;
/* Keeps the emitted rows `pick`, in that order; `ends` of `deliveries` are theirs (NULL with `each`). */
ef_status ef_select_narrow(ef_select_call *call, const uint32_t *pick, uint32_t count, uint32_t *ends,
                           uint32_t deliveries) EF_MUST_USE;
ef_status ef_select_result(ef_select_call *call) EF_MUST_USE;

/* select_order.c */
ef_status ef_select_order(ef_select_call *call) EF_MUST_USE;

/* select_state.c */
void ef_select_free(void *operator);
void ef_select_purge(void *operator, uint32_t slot);
uint64_t ef_select_size(const void *operator);
ef_status ef_select_save(const void *operator, ef_writer *writer, ef_error *error) EF_MUST_USE;
ef_status ef_select_load(void *operator, ef_reader *reader, uint32_t version, ef_error *error) EF_MUST_USE;

#endif
