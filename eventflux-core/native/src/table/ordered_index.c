/* The sorted multiset of ordered_index.h. */
#include "table/ordered_index.h"

void ef_ordered_index_init(ef_ordered_index *index, ef_alloc *alloc) {
    *index = (ef_ordered_index){.alloc = alloc};
}

void ef_ordered_index_clear(ef_ordered_index *index) {
    for (uint32_t i = 0; i < index->chunk_count; i++) {
        ef_free(index->alloc, index->chunks[i], sizeof *index->chunks[i]);
    }
    ef_free(index->alloc, index->chunks, index->chunk_capacity * sizeof(ef_ordered_chunk *));
    ef_free(index->alloc, index->spare, sizeof *index->spare);
    ef_ordered_index_init(index, index->alloc);
}

ef_status ef_ordered_index_reserve(ef_ordered_index *index, ef_error *error) {
    if (index->spare == NULL) {
        index->spare = ef_malloc(index->alloc, sizeof *index->spare);
        if (index->spare == NULL) {
            return ef_fail_memory(error);
        }
    }
    if (index->chunk_count < index->chunk_capacity) {
        return EF_OK;
    }
    void *chunks = index->chunks;
    ef_status status = ef_grow(index->alloc, &chunks, &index->chunk_capacity, index->chunk_count + 1,
                               sizeof(ef_ordered_chunk *), error);
    index->chunks = chunks;
    return status;
}

static bool is_before(uint64_t key, ef_handle handle, uint64_t other_key, ef_handle other_handle) {
    return key < other_key || (key == other_key && handle < other_handle);
}

/* First entry that is not before (key, handle). */
static ef_ordered_place find_entry(const ef_ordered_index *index, uint64_t key, ef_handle handle) {
    uint32_t low = 0, high = index->chunk_count;
    while (low < high) { /* first chunk whose last entry is not before */
        uint32_t middle = low + (high - low) / 2;
        const ef_ordered_chunk *chunk = index->chunks[middle];
        if (is_before(chunk->keys[chunk->count - 1], chunk->handles[chunk->count - 1], key, handle)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    ef_ordered_place place = {.chunk = low, .at = 0};
    if (low == index->chunk_count) {
        return place;
    }
    const ef_ordered_chunk *chunk = index->chunks[low];
    uint32_t from = 0, to = chunk->count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (is_before(chunk->keys[middle], chunk->handles[middle], key, handle)) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    place.at = from;
    return place;
}

static void insert_chunk(ef_ordered_index *index, uint32_t at, ef_ordered_chunk *chunk) {
    memmove(index->chunks + at + 1, index->chunks + at, (index->chunk_count - at) * sizeof(ef_ordered_chunk *));
    index->chunks[at] = chunk;
    index->chunk_count++;
}

static ef_ordered_chunk *take_spare(ef_ordered_index *index) {
    ef_ordered_chunk *chunk = index->spare;
    EF_ASSERT(chunk != NULL);
    index->spare = NULL;
    chunk->count = 0;
    return chunk;
}

/* Halves a full chunk; entries that only come at the end leave it full. */
static ef_ordered_place split(ef_ordered_index *index, ef_ordered_place place) {
    ef_ordered_chunk *chunk = index->chunks[place.chunk];
    ef_ordered_chunk *fresh = take_spare(index);
    uint32_t stays = place.at == EF_ORDERED_CHUNK ? EF_ORDERED_CHUNK : EF_ORDERED_CHUNK / 2;
    fresh->count = EF_ORDERED_CHUNK - stays;
    memcpy(fresh->keys, chunk->keys + stays, fresh->count * sizeof *fresh->keys);
    memcpy(fresh->handles, chunk->handles + stays, fresh->count * sizeof *fresh->handles);
    chunk->count = stays;
    insert_chunk(index, place.chunk + 1, fresh);
    if (place.at > stays || stays == EF_ORDERED_CHUNK) {
        place.chunk++;
        place.at -= stays;
    }
    return place;
}

void ef_ordered_index_add(ef_ordered_index *index, uint64_t key, ef_handle handle) {
    ef_ordered_place place = find_entry(index, key, handle);
    if (place.chunk == index->chunk_count) {
        if (index->chunk_count == 0) {
            insert_chunk(index, 0, take_spare(index));
            place = (ef_ordered_place){0, 0};
        } else {
            place.chunk = index->chunk_count - 1;
            place.at = index->chunks[place.chunk]->count;
        }
    }
    if (index->chunks[place.chunk]->count == EF_ORDERED_CHUNK) {
        place = split(index, place);
    }
    ef_ordered_chunk *chunk = index->chunks[place.chunk];
    uint32_t behind = chunk->count - place.at;
    memmove(chunk->keys + place.at + 1, chunk->keys + place.at, behind * sizeof *chunk->keys);
    memmove(chunk->handles + place.at + 1, chunk->handles + place.at, behind * sizeof *chunk->handles);
    chunk->keys[place.at] = key;
    chunk->handles[place.at] = handle;
    chunk->count++;
    index->count++;
}

void ef_ordered_index_remove(ef_ordered_index *index, uint64_t key, ef_handle handle) {
    ef_ordered_place place = find_entry(index, key, handle);
    EF_ASSERT(!ef_ordered_is_end(index, place) && ef_ordered_handle(index, place) == handle);
    ef_ordered_chunk *chunk = index->chunks[place.chunk];
    uint32_t behind = chunk->count - place.at - 1;
    memmove(chunk->keys + place.at, chunk->keys + place.at + 1, behind * sizeof *chunk->keys);
    memmove(chunk->handles + place.at, chunk->handles + place.at + 1, behind * sizeof *chunk->handles);
    chunk->count--;
    index->count--;
    if (chunk->count == 0) {
        memmove(index->chunks + place.chunk, index->chunks + place.chunk + 1,
                (index->chunk_count - place.chunk - 1) * sizeof(ef_ordered_chunk *));
        index->chunk_count--;
        if (index->spare == NULL) {
            index->spare = chunk;
        } else {
            ef_free(index->alloc, chunk, sizeof *chunk);
        }
    }
}

ef_ordered_place ef_ordered_index_find(const ef_ordered_index *index, uint64_t key, bool behind) {
    ef_ordered_place place = find_entry(index, key, behind ? EF_NO_HANDLE : 0);
    return place;
}
