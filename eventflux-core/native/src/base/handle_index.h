/* An index from hashes to handles of a page store: what finds a group by its key, or a counted value.
 *
 *      entries: [ hash: 32 bits | handle: 32 bits ] ...     open addressing, linear probing, a power of two of entries
 *
 * The index knows no keys: the owner walks the entries of a hash and compares what the handles stand for. Nothing is marked as
 * deleted: removing moves later entries of the run back. At most 3/4 full. Derived: never saved, rebuilt on load. O(1). */
#ifndef EF_BASE_HANDLE_INDEX_H
#define EF_BASE_HANDLE_INDEX_H

#include "base/alloc.h"

#define EF_INDEX_EMPTY UINT64_MAX /* handle EF_NO_HANDLE, which no block has */

typedef struct ef_handle_index {
    ef_alloc *alloc;
    uint64_t *entries;
    uint32_t mask; /* entries - 1 */
    uint32_t count;
} ef_handle_index;

/* Holds nothing and no memory yet: reserve before the first look-up. */
void ef_handle_index_init(ef_handle_index *index, ef_alloc *alloc);
void ef_handle_index_clear(ef_handle_index *index); /* frees; as after init */

ef_status ef_handle_index_grow(ef_handle_index *index, uint32_t more, ef_error *error) EF_MUST_USE;

/* Room for `more` further entries. */
static inline ef_status ef_handle_index_reserve(ef_handle_index *index, uint32_t more, ef_error *error) {
    if (EF_LIKELY(index->entries != NULL && (uint64_t)index->count + more <= (uint64_t)index->mask / 4u * 3u)) {
        return EF_OK;
    }
    return ef_handle_index_grow(index, more, error);
}

/* The part of a 64-bit hash that entries hold, and by which they are placed. */
static inline uint32_t ef_index_hash(uint64_t hash) {
    return (uint32_t)(hash >> 32);
}

static inline uint32_t ef_index_entry_hash(uint64_t entry) {
    return (uint32_t)(entry >> 32);
}

static inline uint32_t ef_index_entry_handle(uint64_t entry) {
    return (uint32_t)entry;
}

/* Adds, after a reserve. Whether the key is there already is the caller's business. */
static inline void ef_handle_index_add(ef_handle_index *index, uint32_t hash, uint32_t handle) {
    uint32_t at = hash & index->mask;
    while (index->entries[at] != EF_INDEX_EMPTY) {
        at = (at + 1) & index->mask;
    }
    index->entries[at] = (uint64_t)hash << 32 | handle;
    index->count++;
}

/* Puts another handle of the same hash in the place of `handle`, which must be there. */
static inline void ef_handle_index_replace(ef_handle_index *index, uint32_t hash, uint32_t handle, uint32_t with) {
    const uint64_t sought = (uint64_t)hash << 32 | handle;
    uint32_t at = hash & index->mask;
    while (index->entries[at] != sought) {
        EF_ASSERT(index->entries[at] != EF_INDEX_EMPTY);
        at = (at + 1) & index->mask;
    }
    index->entries[at] = (uint64_t)hash << 32 | with;
}

/* Removes the entry of `handle`, which must be there. */
void ef_handle_index_remove(ef_handle_index *index, uint32_t hash, uint32_t handle);

#endif
