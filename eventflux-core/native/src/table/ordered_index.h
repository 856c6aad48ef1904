/* A sorted multiset of (key, handle): finds equal keys and ranges of keys.
 *
 *      chunks: [ chunk ][ chunk ][ chunk ] ...      each at most EF_ORDERED_CHUNK entries, none empty, in rising order
 *               |
 *               [ keys ... | handles ... ]          sorted by (key, handle)
 *
 * Keys are numbers whose order as unsigned integers is the order of the values (ef_value_order), or hashes. A search takes two binary searches;
 * an insertion moves at most one chunk's entries, and now and then the pointers behind a chunk that was split. Derived: never saved. */
#ifndef EF_TABLE_ORDERED_INDEX_H
#define EF_TABLE_ORDERED_INDEX_H

#include "pages/pages.h"

#define EF_ORDERED_CHUNK 256u

typedef struct ef_ordered_chunk {
    uint32_t count;
    ef_handle handles[EF_ORDERED_CHUNK];
    uint64_t keys[EF_ORDERED_CHUNK];
} ef_ordered_chunk;

typedef struct ef_ordered_index {
    ef_alloc *alloc;
    ef_ordered_chunk **chunks;
    uint32_t chunk_count, chunk_capacity;
    uint32_t count;          /* entries */
    ef_ordered_chunk *spare; /* for the next split */
} ef_ordered_index;

/* A place in the index; chunk == chunk_count: behind the last entry. */
typedef struct ef_ordered_place {
    uint32_t chunk;
    uint32_t at;
} ef_ordered_place;

void ef_ordered_index_init(ef_ordered_index *index, ef_alloc *alloc); /* no memory yet */
void ef_ordered_index_clear(ef_ordered_index *index);                 /* frees; as after init */
/* Makes the next add infallible. */
ef_status ef_ordered_index_reserve(ef_ordered_index *index, ef_error *error) EF_MUST_USE;
void ef_ordered_index_add(ef_ordered_index *index, uint64_t key, ef_handle handle);
/* The entry must be there. */
void ef_ordered_index_remove(ef_ordered_index *index, uint64_t key, ef_handle handle);
/* First entry whose key is >= key, or with `behind` > key. */
ef_ordered_place ef_ordered_index_find(const ef_ordered_index *index, uint64_t key, bool behind);

static inline bool ef_ordered_is_end(const ef_ordered_index *index, ef_ordered_place place) {
    return place.chunk >= index->chunk_count;
}

static inline uint64_t ef_ordered_key(const ef_ordered_index *index, ef_ordered_place place) {
    return index->chunks[place.chunk]->keys[place.at];
}

static inline ef_handle ef_ordered_handle(const ef_ordered_index *index, ef_ordered_place place) {
    return index->chunks[place.chunk]->handles[place.at];
}

static inline ef_ordered_place ef_ordered_next(const ef_ordered_index *index, ef_ordered_place place) {
    if (++place.at == index->chunks[place.chunk]->count) {
        place.chunk++;
        place.at = 0;
    }
    return place;
}

#endif
