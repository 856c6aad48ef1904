/* A double-ended list of 16-byte entries in blocks of a page store.
 *
 *      state: [ head ][ tail ] -> chunk <-> chunk <-> chunk
 *      chunk: [ next ][ previous ][ begin ][ end ][ capacity ][ pad ][ entry ] ...       entries [begin, end) are in use
 *
 * Chunks grow from 4 entries to nearly a page. No chunk of a list is empty. The state holds handle + 1, so that zero bytes are the empty
 * list; the links inside are handles or EF_NO_HANDLE. O(1) at the ends; nothing is moved. Every operation either happens or
 * fails with nothing changed. */
#ifndef EF_AGGREGATOR_CHUNK_LIST_H
#define EF_AGGREGATOR_CHUNK_LIST_H

#include "aggregator/aggregator.h"

typedef struct ef_chunk_entry {
    uint64_t word[2];
} ef_chunk_entry;

typedef struct ef_chunk_list {
    uint32_t head; /* handle + 1; 0: the list is empty */
    uint32_t tail;
} ef_chunk_list;

typedef struct ef_chunk {
    ef_handle next;
    ef_handle previous;
    uint16_t begin;
    uint16_t end;
    uint16_t capacity;
    uint16_t unused;
    ef_chunk_entry entry[];
} ef_chunk;

static inline const ef_chunk *ef_chunk_at(const ef_pages *pages, ef_handle handle) {
    return (const ef_chunk *)(const void *)ef_pages_at(pages, handle);
}

static inline ef_chunk *ef_chunk_write(ef_pages *pages, ef_handle handle) {
    return (ef_chunk *)(void *)ef_pages_write(pages, handle);
}

static inline uint32_t ef_chunk_size(uint32_t capacity) {
    return (uint32_t)(sizeof(ef_chunk) + capacity * sizeof(ef_chunk_entry));
}

static inline bool ef_chunk_list_is_empty(const ef_chunk_list *list) {
    return list->head == 0;
}

/* Of a list that is not empty. */
static inline const ef_chunk_entry *ef_chunk_list_front(const ef_pages *pages, const ef_chunk_list *list) {
    const ef_chunk *chunk = ef_chunk_at(pages, list->head - 1);
    return &chunk->entry[chunk->begin];
}

static inline const ef_chunk_entry *ef_chunk_list_back(const ef_pages *pages, const ef_chunk_list *list) {
    const ef_chunk *chunk = ef_chunk_at(pages, list->tail - 1);
    return &chunk->entry[chunk->end - 1];
}

ef_status ef_chunk_list_push(ef_pages *pages, ef_chunk_list *list, ef_chunk_entry entry, ef_error *error) EF_MUST_USE;
ef_status ef_chunk_list_pop(ef_pages *pages, ef_chunk_list *list, ef_error *error) EF_MUST_USE; /* the front */
/* Cuts the list before entry `at` of `chunk` (chunk EF_NO_HANDLE: before its front) and pushes `entry`. */
ef_status ef_chunk_list_cut_push(ef_pages *pages, ef_chunk_list *list, ef_handle chunk, uint32_t at,
                                 ef_chunk_entry entry, ef_error *error) EF_MUST_USE;
/* Takes entry `at` of `chunk` out. */
ef_status ef_chunk_list_remove(ef_pages *pages, ef_chunk_list *list, ef_handle chunk, uint32_t at,
                               ef_error *error) EF_MUST_USE;
void ef_chunk_list_clear(ef_pages *pages, ef_chunk_list *list);
/* Claims the chunks of a loaded list; *entries of them hold what the caller then checks. */
ef_status ef_chunk_list_check(const ef_chunk_list *list, ef_claims *claims, uint64_t *entries,
                              ef_error *error) EF_MUST_USE;

#endif
