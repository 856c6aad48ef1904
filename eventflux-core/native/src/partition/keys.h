/* The keys of a partition, each with the slot under which operators keep its state.
 *
 *      index: hash ──> slot          entries: [ slot 0: text, hash, last ][ slot 1 ] ...
 *      live: slots of all keys, oldest key first          free: slots of keys that were forgotten
 *
 * Slots are dense: a forgotten key's slot is the next one given. A key is a text; that of more than 12 bytes is owned. Finding is O(1), forgetting
 * idle keys O(keys) a pass. */
#ifndef EF_PARTITION_KEYS_H
#define EF_PARTITION_KEYS_H

#include "base/bytes.h"
#include "base/handle_index.h"

typedef struct ef_partition_key {
    ef_str text;
    uint64_t hash;
    int64_t last; /* clock of its last row */
    bool live;
} ef_partition_key;

typedef struct ef_partition_keys {
    ef_alloc *alloc;
    uint64_t seed;
    ef_handle_index index;
    ef_partition_key *entries;
    uint32_t used, capacity; /* slots that were ever given */
    uint32_t *live;
    uint32_t live_count, live_capacity;
    uint32_t *free;
    uint32_t free_count, free_capacity;
} ef_partition_keys;

void ef_partition_keys_init(ef_partition_keys *keys, ef_alloc *alloc, uint64_t seed);
void ef_partition_keys_clear(ef_partition_keys *keys); /* no keys, no memory */

/* The slot of a key, which is made if it is new; its last row came at `clock`. */
ef_status ef_partition_keys_find(ef_partition_keys *keys, const ef_str *text, int64_t clock, uint32_t *slot,
                                 ef_error *error) EF_MUST_USE;

/* Forgets the keys whose last row is older than `since`, and tells each slot. */
void ef_partition_keys_forget(ef_partition_keys *keys, int64_t since, void (*forget)(void *context, uint32_t slot),
                              void *context);

void ef_partition_keys_save(const ef_partition_keys *keys, ef_writer *writer);
/* Into an empty one. */
ef_status ef_partition_keys_load(ef_partition_keys *keys, ef_reader *reader, ef_error *error) EF_MUST_USE;

#endif
