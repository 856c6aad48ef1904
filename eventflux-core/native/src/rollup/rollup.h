/* Incremental aggregation: buckets of calendar time by group, for every duration that the definition names.
 *
 *      row ──time, keys──> group ──current[d]──> bucket of duration d: [ head ][ what each item keeps ]
 *
 *      by_key:    hash of the keys -> group
 *      by_start:  hash of (group, duration, start) -> bucket      made with the first row that is older than its group's newest bucket
 *      ordered:   buckets of each duration by (start, arrival of the group): what is searched; sorted when it is asked
 *
 * Each row goes into one bucket of every duration, however late it is: O(durations * items), whatever is retained. Rows are handled in blocks, column by column
 * (fold.c): groups, then buckets, then item by item; reals are added in the order of rows, so every slicing gives the same bits. Buckets older than
 * the retention of their duration are not found any more once the clock has moved on by the purge interval, and are dropped with the next row.
 * With a store outside (table/outside.h) every bucket that a call has changed is written there before the call ends, with what it shows and its state; what is
 * dropped is removed there. An app that starts without a snapshot takes its buckets from there. See store.c.
 *
 * The content (join/content.h) has the columns (start LONG, items..., duration INT). Slots of rows mean nothing here. */
#ifndef EF_ROLLUP_ROLLUP_H
#define EF_ROLLUP_ROLLUP_H

#include "graph/node.h"
#include "join/content.h"
#include "table/outside.h"
#include "time/zone.h"

#define EF_ROLLUP_DURATIONS 6u
#define EF_ROLLUP_LATEST INT64_C(8640000000000000) /* times are within +- this: 100 million days */

typedef enum ef_rollup_duration {
    EF_ROLLUP_SECOND = 0,
    EF_ROLLUP_MINUTE = 1,
    EF_ROLLUP_HOUR = 2,
    EF_ROLLUP_DAY = 3,
    EF_ROLLUP_MONTH = 4,
    EF_ROLLUP_YEAR = 5
} ef_rollup_duration;

typedef enum ef_rollup_kind {
    EF_ROLLUP_LAST = 0, /* the value of the row with the latest time */
    EF_ROLLUP_SUM = 1,
    EF_ROLLUP_AVG = 2,
    EF_ROLLUP_COUNT = 3,
    EF_ROLLUP_MIN = 4,
    EF_ROLLUP_MAX = 5,
    EF_ROLLUP_DISTINCT = 6
} ef_rollup_kind;

typedef struct ef_rollup_config {
    int32_t time_column; /* LONG; -1: the time of the row, and never earlier than that of a row before */
    uint32_t key_count;
    const uint32_t *keys; /* columns */
    uint32_t item_count;
    const int32_t *kinds;   /* ef_rollup_kind */
    const int32_t *columns; /* of the input; -1: none (count) */
    uint32_t duration_count;
    const int32_t *durations;  /* rising ef_rollup_duration */
    const int64_t *retentions; /* ms, one a duration; 0: for ever */
    int64_t purge_interval;    /* ms; 0: nothing is purged */
    uint32_t zone_count;       /* 0: UTC */
    const int64_t *zone_from;
    const int64_t *zone_offset;
    const ef_outside_host *store; /* borrow: outlives the engine; NULL: none */
} ef_rollup_config;

/* ---- the inside, shared by the files of rollup/ ---- */

/* Values that were seen, null among them. */
typedef struct rollup_seen {
    ef_value *values;
    uint32_t count, capacity;
    bool has_null;
    ef_handle_index index; /* hash -> number in `values` */
} rollup_seen;

/* What a bucket keeps for items of each kind. count() keeps nothing: it is the number of rows; nor does the last value of what rows are grouped by. */
typedef struct rollup_last {
    ef_value value;
    uint64_t count; /* 0: null */
} rollup_last;

typedef struct rollup_sum { /* and average */
    union {
        uint64_t u; /* wraps */
        int64_t l;
        double d;
    } as;
    uint64_t nulls;
} rollup_sum;

typedef struct rollup_extreme {
    union {
        int32_t i;
        int64_t l;
        float f;
        double d;
    } as;
    uint64_t count; /* 0: no value yet */
} rollup_extreme;

typedef struct rollup_distinct {
    rollup_seen *seen; /* NULL: none yet */
} rollup_distinct;

typedef struct rollup_bucket rollup_bucket;

typedef struct rollup_group {
    uint64_t number; /* of arrival */
    uint64_t hash;
    uint32_t index;  /* in groups */
    uint32_t buckets;
    rollup_bucket *current[EF_ROLLUP_DURATIONS];
    int64_t newest[EF_ROLLUP_DURATIONS]; /* no bucket begins later */
    uint8_t *there; /* [keys] */
    ef_value key[];
} rollup_group;

struct rollup_bucket {
    int64_t start;
    int64_t latest; /* time of the latest row */
    uint64_t rows;
    rollup_group *group; /* NULL: the place is free */
    uint32_t index;     /* in buckets */
    uint32_t duration;  /* number in durations */
    uint32_t unwritten; /* place in unwritten + 1; 0: it is in the store as it is */
};

/* Groups by a number that stays. */
typedef struct rollup_list {
    void **items;
    uint32_t count, capacity;
    uint32_t *free_numbers;
    uint32_t free_count, free_capacity;
} rollup_list;

#define ROLLUP_CHUNK 64u /* buckets taken from the allocator at once */

/* Buckets by a number that stays: number / ROLLUP_CHUNK says the chunk. */
typedef struct rollup_slab {
    char **chunks;
    uint32_t chunk_count, chunk_capacity;
    uint32_t count; /* numbers given so far */
    uint32_t *free_numbers;
    uint32_t free_count, free_capacity;
} rollup_slab;

typedef struct rollup_order {
    rollup_bucket **items;
    uint32_t count, capacity;
    bool is_sorted;
} rollup_order;

typedef struct rollup_item {
    ef_rollup_kind kind;
    int32_t column;
    int32_t key;     /* EF_ROLLUP_LAST of this key: read from the group; -1 */
    bool is_shared;  /* an item before it keeps the same */
    uint32_t offset; /* of what it keeps, in a bucket */
    ef_type argument;
    ef_type type;
} rollup_item;

typedef struct rollup_span {
    int64_t from, to; /* the bucket that was asked for last */
} rollup_span;

typedef struct rollup {
    ef_alloc *alloc;
    uint64_t seed;
    int32_t time_column;
    uint32_t key_count, item_count, duration_count;
    uint32_t bucket_size;
    bool needs_latest; /* an item asks whether a row is the latest */
    uint32_t *keys;
    ef_type *key_types;
    rollup_item *items;
    ef_type *types; /* of the content */
    ef_rollup_duration durations[EF_ROLLUP_DURATIONS];
    int64_t retentions[EF_ROLLUP_DURATIONS];
    rollup_span spans[EF_ROLLUP_DURATIONS];
    int64_t purge_interval;
    ef_zone zone;

    int64_t latest;     /* time_column < 0: of all rows so far */
    int64_t purge_base; /* the clock at the first row or question */
    int64_t purge_next; /* INT64_MIN: not known yet */
    uint64_t arrivals;

    rollup_list groups;
    rollup_slab buckets;
    ef_handle_index by_key, by_start;
    bool is_indexed; /* by_start has every bucket; else it is empty */
    rollup_order ordered[EF_ROLLUP_DURATIONS];
    uint32_t live;

    const ef_outside_host *store;
    rollup_bucket **unwritten; /* NULL: dropped meanwhile */
    uint32_t unwritten_count, unwritten_capacity;
    int64_t dropped[EF_ROLLUP_DURATIONS]; /* buckets before it are to be removed from the store; INT64_MIN: none */

    ef_content content;
} rollup;

extern const ef_operator_class ef_rollup_class;

ef_status ef_rollup_new(const ef_rollup_config *config, uint32_t columns, const ef_type *types, uint64_t seed,
                        ef_alloc *alloc, rollup **made, ef_error *error) EF_MUST_USE;
/* The node of an aggregation over the rows of `from`; its content is what is searched. */
ef_node_id ef_engine_rollup(ef_engine *engine, ef_node_id from, const char *name, const ef_rollup_config *config,
                            ef_error *error);

/* buckets.c */
int64_t rollup_find_start(rollup *r, uint32_t duration, int64_t time);
static inline int64_t rollup_start(rollup *r, uint32_t duration, int64_t time) {
    const rollup_span *span = &r->spans[duration];
    return EF_LIKELY(time >= span->from && time < span->to) ? span->from : rollup_find_start(r, duration, time);
}
static inline rollup_bucket *rollup_bucket_at(const rollup *r, uint32_t number) {
    return (rollup_bucket *)(void *)(r->buckets.chunks[number / ROLLUP_CHUNK] + (size_t)(number % ROLLUP_CHUNK) * r->bucket_size);
}
static inline void *rollup_kept(const rollup_bucket *bucket, const rollup_item *item) {
    return (char *)(uintptr_t)bucket + item->offset;
}
ef_status rollup_group_of(rollup *r, const ef_value *key, const uint8_t *there, rollup_group **group,
                          ef_error *error) EF_MUST_USE;
bool rollup_is_group(const rollup *r, const rollup_group *group, const ef_value *key, const uint8_t *there);
#define ROLLUP_HASH 0x51ED270B27C57AF5u      /* of no keys */
#define ROLLUP_NULL_HASH 0xA24BAED4963EE407u /* what a null key stands for */
ef_status rollup_find_bucket(rollup *r, rollup_group *group, uint32_t duration, int64_t start, rollup_bucket **bucket,
                             ef_error *error) EF_MUST_USE;
static inline EF_MUST_USE ef_status rollup_bucket_of(rollup *r, rollup_group *group, uint32_t duration, int64_t start,
                                                     rollup_bucket **bucket, ef_error *error) {
    *bucket = group->current[duration];
    return EF_LIKELY(*bucket != NULL && (*bucket)->start == start)
               ? EF_OK
               : rollup_find_bucket(r, group, duration, start, bucket, error);
}
/* Drops buckets without rows and groups without buckets: what was made for rows that no memory was left for. O(all). */
void rollup_drop_empty(rollup *r);
void rollup_clear(rollup *r);
/* The earliest start that is retained in a duration at this clock: what is older is gone, or goes with the next row. */
int64_t rollup_oldest(rollup *r, uint32_t duration, int64_t clock);
/* Drops what is too old at this clock. */
void rollup_purge(rollup *r, int64_t clock);
/* The first clock at which rollup_purge() has something to look at; INT64_MIN: the next one. */
int64_t rollup_purge_due(const rollup *r);
/* Brings the buckets of a duration into their order. */
ef_status rollup_sort(rollup *r, uint32_t duration, ef_arena *arena, ef_error *error) EF_MUST_USE;

/* cells.c */
ef_type rollup_item_type(const rollup_item *item);
/* Where items keep what they keep, and how large a bucket is. */
void rollup_lay_out(rollup *r);
void rollup_item_clear(rollup *r, const rollup_item *item, rollup_bucket *bucket);
/* False: null. Strings are the bucket's own, or the group's. */
bool rollup_item_read(const rollup_item *item, const rollup_bucket *bucket, ef_value *value);
ef_status rollup_last_set(rollup *r, const rollup_item *item, rollup_bucket *bucket, const ef_value *value, bool is_there,
                          ef_error *error) EF_MUST_USE;
ef_status rollup_seen_add(rollup *r, const rollup_item *item, rollup_bucket *bucket, const ef_value *value, bool is_there,
                          ef_error *error) EF_MUST_USE;
/* A value with bytes of its own. */
ef_status rollup_value_copy(rollup *r, ef_type type, const ef_value *from, ef_value *to, ef_error *error) EF_MUST_USE;
void rollup_value_free(rollup *r, ef_type type, ef_value *value);
bool rollup_value_same(ef_type type, const ef_value *a, const ef_value *b);

/* fold.c */
#define ROLLUP_BLOCK 256u
typedef struct rollup_block rollup_block; /* room for the work on a block of rows */
rollup_block *rollup_block_take(const rollup *r, ef_arena *arena); /* NULL: out of memory */
/* Rows of a batch with the times by which they count; count <= ROLLUP_BLOCK. Rows before one that there is no memory for are counted. */
ef_status rollup_fold(rollup *r, rollup_block *block, const ef_batch *batch, const uint32_t *rows, const int64_t *times,
                      uint32_t count, ef_error *error) EF_MUST_USE;

/* state.c */
ef_status rollup_save(const rollup *r, ef_writer *writer, ef_error *error) EF_MUST_USE;
ef_status rollup_load(rollup *r, ef_reader *reader, ef_error *error) EF_MUST_USE;

void rollup_group_put(const rollup *r, const rollup_group *group, ef_writer *writer);
void rollup_bucket_put(const rollup *r, const rollup_bucket *bucket, ef_writer *writer);
/* key, there: room for a key. *is_new: the group was not there. */
ef_status rollup_group_get(rollup *r, ef_reader *reader, ef_value *key, uint8_t *there, rollup_group **group, bool *is_new,
                           ef_error *error) EF_MUST_USE;
/* Into an empty bucket. */
ef_status rollup_bucket_get(rollup *r, rollup_bucket *bucket, ef_reader *reader, ef_error *error) EF_MUST_USE;

/* store.c */
ef_status rollup_touched(rollup *r, rollup_bucket *bucket, ef_error *error) EF_MUST_USE;
ef_status rollup_write(rollup *r, ef_out *out, ef_error *error) EF_MUST_USE;
/* Takes the buckets of the store in place of those that are there. */
ef_status rollup_fill(rollup *r, ef_arena *arena, ef_error *error) EF_MUST_USE;
/* The same for a node, between two pushes. */
ef_status ef_engine_rollup_fill(ef_engine *engine, ef_node_id node, ef_error *error) EF_MUST_USE;

/* search.c */
ef_status rollup_compile(ef_content *content, ef_condition *condition, ef_alloc *alloc, ef_probe **probe,
                         ef_error *error) EF_MUST_USE;

#endif
