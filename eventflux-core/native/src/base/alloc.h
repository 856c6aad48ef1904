/* The counting allocator: every byte of an engine goes through one of these.
 *
 *      ef_budget (an engine: total, peak, limit; atomic, since delivered batches are freed without the engine lock)
 *        ^    ^
 *      ef_alloc (an operator, a tap, a ring: its own count)
 *
 * Sizes are passed back on free, so that counts are exact without a header before each block. */
#ifndef EF_BASE_ALLOC_H
#define EF_BASE_ALLOC_H

#include <stdatomic.h>

#include "base/status.h"

struct ef_pages;

typedef struct ef_budget {
    _Atomic int64_t used;      /* bytes now */
    _Atomic int64_t peak;      /* highest `used` */
    int64_t limit;             /* bytes; 0 = none */
    _Atomic int64_t fail_after; /* tests: allocations until the next one fails; < 0 = never. Counts down. */
    struct ef_pages *given;    /* page stores with blocks that wait for the end of the slice; under the engine lock */
} ef_budget;

struct ef_alloc {
    ef_budget *budget;
    _Atomic int64_t used; /* bytes of this owner */
};

void ef_budget_init(ef_budget *budget, int64_t limit);
void ef_alloc_init(ef_alloc *alloc, ef_budget *budget);

/* NULL when out of memory or over the limit; nothing has changed then. size 0 gives a valid pointer. */
void *ef_malloc(ef_alloc *alloc, size_t size) EF_MUST_USE;
void *ef_calloc(ef_alloc *alloc, size_t size) EF_MUST_USE;
/* On failure NULL, and the old block is as it was. old_size must be what was asked for. */
void *ef_realloc(ef_alloc *alloc, void *block, size_t old_size, size_t new_size) EF_MUST_USE;
void ef_free(ef_alloc *alloc, void *block, size_t size); /* NULL is fine */

/* Memory for page stores: page-aligned where size is a multiple of 4 KiB. */
void *ef_page_malloc(ef_alloc *alloc, size_t size) EF_MUST_USE;
void ef_page_free(ef_alloc *alloc, void *block, size_t size);

/* Grows an array to hold at least `needed` elements, by doubling; capacity is updated. *array may be NULL with *capacity 0. */
ef_status ef_grow(ef_alloc *alloc, void **array, uint32_t *capacity, uint32_t needed, size_t element_size,
                  ef_error *error) EF_MUST_USE;

#endif
