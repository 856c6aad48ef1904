/* What the files of the rate limiters share.
 *
 *      file                   does
 *      rate_limit.c           life
 *      rate_limit_entries.c   entries and groups
 *      rate_limit_state.c     saved state
 *      rate_limit_events.c    every N events, and first every T
 *      rate_limit_ticks.c     all, last and snapshot every T: rows in, ticks out
 *
 *      slot:  [ head ][ tail ] ──> entry <──> entry <──> entry          in the order in which rows (or groups) came
 *             [ latest ][ number ][ due ]
 *      entry: [ next ][ previous ][ row ][ latest ][ group ][ slot ][ number ][ kind ]
 *
 * An entry keeps a row, or stands for a group: then it is in the index, which finds it by (slot, keys of its row). Rows in a window whose
 * query groups and aggregates (a snapshot of them) are entries that name the entry of their group; those are in no list and go with
 * their last row. `latest`: a kept row with the present values of aggregates.
 *
 * Slots, entries and rows are saved; index and timers are derived. */
#ifndef EF_OPS_RATE_LIMIT_INSIDE_H
#define EF_OPS_RATE_LIMIT_INSIDE_H

#include "base/handle_index.h"
#include "base/hash.h"
#include "ops/rate_limit.h"
#include "window/timers.h"

typedef struct ef_rate_entry {
    uint32_t next; /* handle + 1; 0: none */
    uint32_t previous;
    ef_handle row;
    ef_handle latest; /* or EF_NO_HANDLE */
    uint32_t group;   /* handle + 1 of the entry of its group; 0: none */
    uint32_t slot;
    int64_t number;   /* of a group: rows counted, or in the window, or when one went out last */
    uint32_t kind;
    uint32_t unused;
} ef_rate_entry;

typedef struct ef_rate_slot {
    uint32_t head; /* handle + 1; 0: no entries */
    uint32_t tail;
    uint32_t count;
    uint32_t latest; /* handle + 1 of a kept row; 0: none */
    int64_t number;  /* rows counted, or when one went out last */
    int64_t due;     /* the next tick, once started */
    bool started;
} ef_rate_slot;

/* What an entry of a slot stands for. */
typedef enum ef_rate_keeps {
    EF_RATE_KEEPS_ROWS,          /* each row that came */
    EF_RATE_KEEPS_LAST,          /* at most one entry: the last row */
    EF_RATE_KEEPS_GROUPS,        /* a group, with its last row */
    EF_RATE_KEEPS_WINDOW,        /* the rows now in the window */
    EF_RATE_KEEPS_COUNTED,       /* a group that has rows in the window, with its last row: only aggregates are put out */
    EF_RATE_KEEPS_GROUPED_WINDOW /* the rows now in the window, by group */
} ef_rate_keeps;

typedef struct ef_rate_limiter {
    ef_window base;
    ef_rate rate;
    ef_rate_keeps keeps;
    bool forgets; /* a tick empties the slot */
    bool by_time;
    bool partitioned;
    bool ticks;
    int64_t every;
    uint32_t visible;
    uint32_t *keys; /* [key_count] */
    uint32_t key_count;
    bool *aggregate; /* [visible] */
    bool aggregates; /* some of them are */
    uint64_t seed;
    ef_slots slots; /* of ef_rate_slot */
    ef_timers timers;
    ef_handle_index index;
} ef_rate_limiter;

static inline ef_rate_slot *ef_rate_slot_at(const ef_rate_limiter *limiter, uint32_t slot) {
    return (ef_rate_slot *)limiter->slots.items + slot;
}

static inline const ef_rate_entry *ef_rate_entry_at(const ef_rate_limiter *limiter, uint32_t link) {
    return (const ef_rate_entry *)(const void *)ef_pages_at(limiter->base.pages, link - 1);
}

/* NULL only where the page is shared and memory is out. */
static inline ef_rate_entry *ef_rate_entry_write(ef_rate_limiter *limiter, uint32_t link) {
    return (ef_rate_entry *)(void *)ef_pages_write(limiter->base.pages, link - 1);
}

/* Hash of the group that an entry's row belongs to. */
uint32_t ef_rate_kept_hash(const ef_rate_limiter *limiter, const ef_rate_entry *entry);
/* Whether the entries of this limiter's lists are groups, in the index. */
bool ef_rate_lists_groups(const ef_rate_limiter *limiter);

/* Keeps a row at the end of the slot's list (`listed`) or outside of it. *link is its entry. */
ef_status ef_rate_add(ef_rate_limiter *limiter, const ef_batch *batch, uint32_t row, bool listed, uint32_t *link,
                      ef_error *error) EF_MUST_USE;
/* Takes an entry out of its list and gives it back with its rows. Fails with nothing changed. */
ef_status ef_rate_remove(ef_rate_limiter *limiter, uint32_t link, ef_error *error) EF_MUST_USE;
/* The entry keeps this row instead. */
ef_status ef_rate_replace(ef_rate_limiter *limiter, uint32_t link, const ef_batch *batch, uint32_t row,
                          ef_error *error) EF_MUST_USE;
/* The entry of the row's group, or 0. */
uint32_t ef_rate_find_group(const ef_rate_limiter *limiter, const ef_batch *batch, uint32_t row);
/* Adds the row as the entry of its group, which is not there yet. */
ef_status ef_rate_add_group(ef_rate_limiter *limiter, const ef_batch *batch, uint32_t row, bool listed, uint32_t *link,
                            ef_error *error) EF_MUST_USE;
/* *latest (a kept row, or EF_NO_HANDLE) becomes this row; or the `latest` of a group does. */
ef_status ef_rate_renew(ef_rate_limiter *limiter, const ef_batch *batch, uint32_t row, ef_handle *latest,
                        ef_error *error) EF_MUST_USE;
ef_status ef_rate_renew_group(ef_rate_limiter *limiter, const ef_batch *batch, uint32_t row, uint32_t group,
                              ef_error *error) EF_MUST_USE;
/* Adds the row to the slot's list and to its group: `group`, or (0) a new one. */
ef_status ef_rate_add_grouped(ef_rate_limiter *limiter, const ef_batch *batch, uint32_t row, uint32_t group,
                              ef_error *error) EF_MUST_USE;
/* Whether a kept row and a row of the batch have the same value in a column; nulls are the same. */
bool ef_rate_same_column(const ef_rate_limiter *limiter, const char *kept, const ef_batch *batch, uint32_t row,
                         uint32_t column);
/* Puts the entries of a slot out as a delivery, kinds kept, and forgets them; they stay readable until the slice ends. */
ef_status ef_rate_put_entries(ef_rate_limiter *limiter, uint32_t slot, int64_t cause, ef_out *out, ef_error *error) EF_MUST_USE;
/* All entries of a slot go; counters and periods stay. */
void ef_rate_empty(ef_rate_limiter *limiter, uint32_t slot);
/* The slots of the batch are usable then. */
ef_status ef_rate_reserve(ef_rate_limiter *limiter, const ef_batch *batch, ef_error *error) EF_MUST_USE;
/* Cuts the columns that only the limiter reads. */
static inline void ef_rate_cut(const ef_rate_limiter *limiter, ef_out *out) {
    out->result.columns = limiter->visible;
}

void ef_rate_destroy(void *self);
void ef_rate_purge(void *self, uint32_t slot);
ef_status ef_rate_save(const void *self, ef_writer *writer, ef_error *error) EF_MUST_USE;
ef_status ef_rate_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) EF_MUST_USE;
uint64_t ef_rate_size(const void *self);
ef_status ef_rate_create_plain(const ef_operator_config *config, void **self, ef_error *error) EF_MUST_USE;

#endif
