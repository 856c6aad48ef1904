/* See chunk_list.h. */
#include "aggregator/chunk_list.h"

#define FIRST_CAPACITY 4u
#define MOST_CAPACITY ((EF_PAGE_SIZE - (uint32_t)sizeof(ef_chunk)) / (uint32_t)sizeof(ef_chunk_entry))

static uint32_t next_capacity(uint32_t capacity) {
    return capacity * 2 > MOST_CAPACITY ? MOST_CAPACITY : capacity * 2;
}

static void give(ef_pages *pages, ef_handle handle) {
    ef_pages_give(pages, handle, ef_chunk_size(ef_chunk_at(pages, handle)->capacity));
}

/* Gives back `handle` and all behind it. */
static void give_rest(ef_pages *pages, ef_handle handle) {
    while (handle != EF_NO_HANDLE) {
        ef_handle next = ef_chunk_at(pages, handle)->next;
        give(pages, handle);
        handle = next;
    }
}

/* A chunk with one entry behind `tail` (EF_NO_HANDLE: the first). Pages are private to the caller's tail when it returns. */
static ef_status chunk_add(ef_pages *pages, ef_chunk_list *list, ef_handle tail, ef_chunk_entry entry,
                           ef_error *error) {
    uint32_t capacity = FIRST_CAPACITY;
    if (tail != EF_NO_HANDLE) {
        capacity = next_capacity(ef_chunk_at(pages, tail)->capacity);
        if (ef_chunk_write(pages, tail) == NULL) {
            return ef_fail_memory(error);
        }
    }
    ef_handle handle;
    EF_TRY(ef_pages_take(pages, ef_chunk_size(capacity), &handle, error));
    ef_chunk *chunk = ef_chunk_write(pages, handle);
    if (chunk == NULL) {
        ef_pages_give(pages, handle, ef_chunk_size(capacity));
        return ef_fail_memory(error);
    }
    *chunk = (ef_chunk){.next = EF_NO_HANDLE, .previous = tail, .end = 1, .capacity = (uint16_t)capacity};
    chunk->entry[0] = entry;
    if (tail != EF_NO_HANDLE) {
        /* Private already, or in the page that the new chunk was taken from. */
        ef_chunk_write(pages, tail)->next = handle;
    } else {
        list->head = handle + 1;
    }
    list->tail = handle + 1;
    return EF_OK;
}

ef_status ef_chunk_list_push(ef_pages *pages, ef_chunk_list *list, ef_chunk_entry entry, ef_error *error) {
    if (list->tail == 0) {
        return chunk_add(pages, list, EF_NO_HANDLE, entry, error);
    }
    ef_handle tail = list->tail - 1;
    if (ef_chunk_at(pages, tail)->end == ef_chunk_at(pages, tail)->capacity) {
        return chunk_add(pages, list, tail, entry, error);
    }
    ef_chunk *chunk = ef_chunk_write(pages, tail);
    if (chunk == NULL) {
        return ef_fail_memory(error);
    }
    chunk->entry[chunk->end++] = entry;
    return EF_OK;
}

/* Takes the whole chunk out of the list. */
static ef_status chunk_unlink(ef_pages *pages, ef_chunk_list *list, ef_handle handle, ef_error *error) {
    const ef_chunk *chunk = ef_chunk_at(pages, handle);
    ef_handle next = chunk->next, previous = chunk->previous;
    if ((next != EF_NO_HANDLE && ef_chunk_write(pages, next) == NULL) ||
        (previous != EF_NO_HANDLE && ef_chunk_write(pages, previous) == NULL)) {
        return ef_fail_memory(error);
    }
    if (next != EF_NO_HANDLE) {
        ef_chunk_write(pages, next)->previous = previous;
    } else {
        list->tail = previous == EF_NO_HANDLE ? 0 : previous + 1;
    }
    if (previous != EF_NO_HANDLE) {
        ef_chunk_write(pages, previous)->next = next;
    } else {
        list->head = next == EF_NO_HANDLE ? 0 : next + 1;
    }
    give(pages, handle);
    return EF_OK;
}

ef_status ef_chunk_list_remove(ef_pages *pages, ef_chunk_list *list, ef_handle handle, uint32_t at, ef_error *error) {
    const ef_chunk *seen = ef_chunk_at(pages, handle);
    if (seen->end - seen->begin == 1) {
        return chunk_unlink(pages, list, handle, error);
    }
    ef_chunk *chunk = ef_chunk_write(pages, handle);
    if (chunk == NULL) {
        return ef_fail_memory(error);
    }
    if (at == chunk->begin) {
        chunk->begin++;
    } else {
        chunk->end--;
        memmove(&chunk->entry[at], &chunk->entry[at + 1], (chunk->end - at) * sizeof *chunk->entry);
    }
    return EF_OK;
}

ef_status ef_chunk_list_pop(ef_pages *pages, ef_chunk_list *list, ef_error *error) {
    ef_handle head = list->head - 1;
    return ef_chunk_list_remove(pages, list, head, ef_chunk_at(pages, head)->begin, error);
}

ef_status ef_chunk_list_cut_push(ef_pages *pages, ef_chunk_list *list, ef_handle handle, uint32_t at,
                                 ef_chunk_entry entry, ef_error *error) {
    ef_handle spare; /* the first chunk that is cut off */
    if (handle == EF_NO_HANDLE) {
        if (list->head == 0) {
            return chunk_add(pages, list, EF_NO_HANDLE, entry, error);
        }
        spare = list->head - 1;
    } else {
        ef_chunk *chunk = ef_chunk_write(pages, handle);
        if (chunk == NULL) {
            return ef_fail_memory(error);
        }
        spare = chunk->next;
        if (at < chunk->capacity) {
            chunk->entry[at] = entry;
            chunk->end = (uint16_t)(at + 1);
            chunk->next = EF_NO_HANDLE;
            list->tail = handle + 1;
            give_rest(pages, spare);
            return EF_OK;
        }
        if (spare == EF_NO_HANDLE) {
            return chunk_add(pages, list, handle, entry, error);
        }
    }
    ef_chunk *chunk = ef_chunk_write(pages, spare);
    if (chunk == NULL) {
        return ef_fail_memory(error);
    }
    ef_handle rest = chunk->next;
    chunk->begin = 0;
    chunk->end = 1;
    chunk->entry[0] = entry;
    chunk->next = EF_NO_HANDLE;
    list->tail = spare + 1;
    give_rest(pages, rest);
    return EF_OK;
}

void ef_chunk_list_clear(ef_pages *pages, ef_chunk_list *list) {
    give_rest(pages, list->head == 0 ? EF_NO_HANDLE : list->head - 1);
    *list = (ef_chunk_list){0, 0};
}

ef_status ef_chunk_list_check(const ef_chunk_list *list, ef_claims *claims, uint64_t *entries, ef_error *error) {
    ef_handle previous = EF_NO_HANDLE;
    ef_handle handle = list->head == 0 ? EF_NO_HANDLE : list->head - 1;
    *entries = 0;
    while (handle != EF_NO_HANDLE) {
        /* The size stands in the block, so the block must be found first: by the sizes that there can be. */
        uint32_t capacity = FIRST_CAPACITY;
        while (capacity < MOST_CAPACITY && !ef_pages_holds(claims->pages, handle, ef_chunk_size(capacity))) {
            capacity = next_capacity(capacity);
        }
        EF_TRY(ef_claim(claims, handle, ef_chunk_size(capacity), error));
        const ef_chunk *chunk = ef_chunk_at(claims->pages, handle);
        if (chunk->capacity != capacity || chunk->previous != previous || chunk->begin >= chunk->end || chunk->end > chunk->capacity) {
            return ef_fail(error, EF_CORRUPT, "a list of the saved state is broken");
        }
        *entries += (uint64_t)chunk->end - chunk->begin;
        previous = handle;
        handle = chunk->next;
    }
    if (list->tail != (previous == EF_NO_HANDLE ? 0 : previous + 1)) {
        return ef_fail(error, EF_CORRUPT, "a list of the saved state is broken");
    }
    return EF_OK;
}
