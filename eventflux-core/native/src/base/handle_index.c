/* See handle_index.h. */
#include "base/handle_index.h"

#include <string.h>

#define FIRST_ENTRIES 16u
#define MOST_ENTRIES (1u << 31)

void ef_handle_index_init(ef_handle_index *index, ef_alloc *alloc) {
    *index = (ef_handle_index){.alloc = alloc};
}

static size_t entries_size(const ef_handle_index *index) {
    return index->entries == NULL ? 0 : ((size_t)index->mask + 1) * sizeof *index->entries;
}

void ef_handle_index_clear(ef_handle_index *index) {
    ef_free(index->alloc, index->entries, entries_size(index));
    ef_handle_index_init(index, index->alloc);
}

ef_status ef_handle_index_grow(ef_handle_index *index, uint32_t more, ef_error *error) {
    uint64_t needed = (uint64_t)index->count + more;
    uint64_t capacity = index->entries == NULL ? FIRST_ENTRIES : (uint64_t)index->mask + 1;
    while ((capacity - 1) / 4 * 3 < needed) {
        capacity *= 2;
    }
    if (capacity > MOST_ENTRIES) {
        return ef_fail(error, EF_LIMIT, "an operator can tell apart at most %u keys", MOST_ENTRIES / 4u * 3u);
    }
    uint64_t *entries = ef_malloc(index->alloc, (size_t)capacity * sizeof *entries);
    if (entries == NULL) {
        return ef_fail_memory(error);
    }
    memset(entries, 0xFF, (size_t)capacity * sizeof *entries);
    uint32_t mask = (uint32_t)(capacity - 1);
    if (index->entries != NULL) {
        for (uint64_t i = 0; i <= index->mask; i++) {
            uint64_t entry = index->entries[i];
            if (entry == EF_INDEX_EMPTY) {
                continue;
            }
            uint32_t at = ef_index_entry_hash(entry) & mask;
            while (entries[at] != EF_INDEX_EMPTY) {
                at = (at + 1) & mask;
            }
            entries[at] = entry;
        }
    }
    ef_free(index->alloc, index->entries, entries_size(index));
    index->entries = entries;
    index->mask = mask;
    return EF_OK;
}

void ef_handle_index_remove(ef_handle_index *index, uint32_t hash, uint32_t handle) {
    uint64_t sought = (uint64_t)hash << 32 | handle;
    uint32_t mask = index->mask;
    uint32_t hole = hash & mask;
    while (index->entries[hole] != sought) {
        EF_ASSERT(index->entries[hole] != EF_INDEX_EMPTY);
        hole = (hole + 1) & mask;
    }
    /* An entry behind the hole may move into it unless its own place lies between the hole and it. */
    for (uint32_t at = (hole + 1) & mask; index->entries[at] != EF_INDEX_EMPTY; at = (at + 1) & mask) {
        uint32_t home = ef_index_entry_hash(index->entries[at]) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            index->entries[hole] = index->entries[at];
            hole = at;
        }
    }
    index->entries[hole] = EF_INDEX_EMPTY;
    index->count--;
}
