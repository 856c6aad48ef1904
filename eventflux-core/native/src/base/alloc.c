/* Counting allocator over malloc; the one file that calls malloc. */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

void ef_budget_init(ef_budget *budget, int64_t limit) {
    atomic_init(&budget->used, 0);
    atomic_init(&budget->peak, 0);
    atomic_init(&budget->fail_after, -1);
    budget->limit = limit;
    budget->given = NULL;
}

void ef_alloc_init(ef_alloc *alloc, ef_budget *budget) {
    alloc->budget = budget;
    atomic_init(&alloc->used, 0);
}

/* Counts are statistics and a limit, they order nothing: relaxed. */
static bool reserve(ef_alloc *alloc, size_t size) {
    ef_budget *budget = alloc->budget;
    int64_t amount = (int64_t)size;
    int64_t left = atomic_load_explicit(&budget->fail_after, memory_order_relaxed);
    if (EF_UNLIKELY(left >= 0)) {
        if (left == 0) {
            return false;
        }
        atomic_store_explicit(&budget->fail_after, left - 1, memory_order_relaxed);
    }
    int64_t used = atomic_fetch_add_explicit(&budget->used, amount, memory_order_relaxed) + amount;
    if (EF_UNLIKELY(budget->limit > 0 && used > budget->limit)) {
        atomic_fetch_sub_explicit(&budget->used, amount, memory_order_relaxed);
        return false;
    }
    if (used > atomic_load_explicit(&budget->peak, memory_order_relaxed)) {
        atomic_store_explicit(&budget->peak, used, memory_order_relaxed);
    }
    atomic_fetch_add_explicit(&alloc->used, amount, memory_order_relaxed);
    return true;
}

static void release(ef_alloc *alloc, size_t size) {
    atomic_fetch_sub_explicit(&alloc->budget->used, (int64_t)size, memory_order_relaxed);
    atomic_fetch_sub_explicit(&alloc->used, (int64_t)size, memory_order_relaxed);
}

void *ef_malloc(ef_alloc *alloc, size_t size) {
    if (size > (size_t)INT64_MAX / 2 || !reserve(alloc, size)) {
        return NULL;
    }
    void *block = malloc(size > 0 ? size : 1);
    if (block == NULL) {
        release(alloc, size);
    }
    return block;
}

void *ef_calloc(ef_alloc *alloc, size_t size) {
    void *block = ef_malloc(alloc, size);
    if (block != NULL) {
        memset(block, 0, size);
    }
    return block;
}

void *ef_realloc(ef_alloc *alloc, void *block, size_t old_size, size_t new_size) {
    if (block == NULL) {
        return ef_malloc(alloc, new_size);
    }
    if (new_size > (size_t)INT64_MAX / 2) {
        return NULL;
    }
    if (new_size > old_size && !reserve(alloc, new_size - old_size)) {
        return NULL;
    }
    void *moved = realloc(block, new_size > 0 ? new_size : 1);
    if (moved == NULL) {
        if (new_size > old_size) {
            release(alloc, new_size - old_size);
        }
        return NULL;
    }
    if (new_size < old_size) {
        release(alloc, old_size - new_size);
    }
    return moved;
}

void ef_free(ef_alloc *alloc, void *block, size_t size) {
    if (block == NULL) {
        return;
    }
    free(block);
    release(alloc, size);
}

void *ef_page_malloc(ef_alloc *alloc, size_t size) {
    if (!reserve(alloc, size)) {
        return NULL;
    }
    void *block = size % 4096 == 0 ? aligned_alloc(4096, size) : malloc(size);
    if (block == NULL) {
        release(alloc, size);
    }
    return block;
}

void ef_page_free(ef_alloc *alloc, void *block, size_t size) {
    ef_free(alloc, block, size);
}

ef_status ef_grow(ef_alloc *alloc, void **array, uint32_t *capacity, uint32_t needed, size_t element_size,
                  ef_error *error) {
    if (needed <= *capacity) {
        return EF_OK;
    }
    uint64_t wanted = *capacity > 0 ? (uint64_t)*capacity * 2 : 16;
    while (wanted < needed) {
        wanted *= 2;
    }
    if (wanted > UINT32_MAX) {
        return ef_fail(error, EF_LIMIT, "an array would need more than %u elements", UINT32_MAX);
    }
    void *grown = ef_realloc(alloc, *array, (size_t)*capacity * element_size, (size_t)wanted * element_size);
    if (grown == NULL) {
        return ef_fail_memory(error);
    }
    *array = grown;
    *capacity = (uint32_t)wanted;
    return EF_OK;
}
