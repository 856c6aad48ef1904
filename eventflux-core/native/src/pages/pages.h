/* Page store: the retained state of one operator, row-wise in 4 KiB pages, reached by handle, never kept by pointer.
 *
 *      handle (u32) = page number << 9 | offset / 8          one page table an operator
 *
 *      page table: [ *page ][ *page ][ *page ] ...            a page is shared with a snapshot while its count > 1, and is
 *                                                             copied before the first write then
 *
 * Blocks have a size class (8-byte steps); a page holds blocks of one class. Blocks larger than a page (long strings) take a run of
 * their own ("large"). Freed blocks are reusable only after ef_pages_reclaim, which the engine calls at the end of a slice: views
 * into retained rows and strings stay valid until then.
 *
 * Reading: ef_pages_at. Writing: ef_pages_write, always, for each block and slice of work: it copies a shared page first and marks
 * it dirty. Pointers from either die with the next ef_pages_write of the same page, so take them late and drop them early.
 * All O(1). Indexes, heaps and hash tables over handles are derived: not saved, rebuilt on load. */
#ifndef EF_PAGES_PAGES_H
#define EF_PAGES_PAGES_H

#include <stdatomic.h>

#include "base/bytes.h"

#define EF_PAGE_SIZE 4096u
#define EF_PAGE_SHIFT 9u /* log2 of 8-byte units in a page */
#define EF_NO_HANDLE UINT32_MAX

typedef uint32_t ef_handle;

/* A page: its bytes and who holds it. Counted: the store, and each snapshot being written. */
struct ef_page {
    ef_alloc *alloc;
    char *bytes;
    size_t size;          /* EF_PAGE_SIZE, or more for a large block */
    _Atomic uint32_t holders;
    ef_page *replaced;    /* in the store's list of pages that it copied and leaves at the end of the slice */
};

void ef_page_retain(ef_page *page);
void ef_page_release(ef_page *page); /* from any thread; frees with the last holder */
static inline const char *ef_page_bytes(const ef_page *page) {
    return page->bytes;
}

typedef struct ef_pages ef_pages;

ef_pages *ef_pages_new(ef_alloc *alloc);
void ef_pages_free(ef_pages *pages);

/* A block of `size` bytes (1..2^31), not zeroed. Fails with EF_NO_MEMORY, nothing changed. */
ef_status ef_pages_take(ef_pages *pages, uint32_t size, ef_handle *handle, ef_error *error) EF_MUST_USE;
/* Gives a block back. It stays readable until ef_pages_reclaim. `size` as it was taken. Never fails: what is free is kept in
 * bitmaps beside the pages. */
void ef_pages_give(ef_pages *pages, ef_handle handle, uint32_t size);
/* True when `handle` is a live block that was taken with this size: what load() asks before it believes a handle. */
bool ef_pages_holds(const ef_pages *pages, ef_handle handle, uint32_t size);
/* Blocks given since the last call become reusable; pages without blocks are freed (some are kept for reuse). Cheap when nothing was given. */
void ef_pages_reclaim(ef_pages *pages);
bool ef_pages_has_given(const ef_pages *pages);
/* Reclaims every store of the budget that has given blocks: the end of a slice. */
void ef_pages_reclaim_all(ef_budget *budget);

typedef struct ef_page_entry {
    char *bytes;      /* = page->bytes, one load less */
    ef_page *page;
} ef_page_entry;

/* The head of every store, public for the inline accessors. */
struct ef_pages {
    ef_page_entry *table;
    uint32_t table_count;
    uint32_t table_capacity;
    struct ef_pages_inside *inside; /* classes, free lists, large runs */
    ef_alloc *alloc;
    ef_pages *next_given; /* in the budget's list */
    bool in_given_list;
};

static inline const char *ef_pages_at(const ef_pages *pages, ef_handle handle) {
    return pages->table[handle >> EF_PAGE_SHIFT].bytes + ((handle & ((1u << EF_PAGE_SHIFT) - 1u)) << 3);
}

/* Makes the page of `handle` private to the store (copying it if a snapshot holds it); NULL when out of memory. The store holds the old
 * page until ef_pages_reclaim: views into it stay valid when the snapshot lets it go first. */
char *ef_pages_unshare(ef_pages *pages, ef_handle handle) EF_MUST_USE;

static inline char *ef_pages_write(ef_pages *pages, ef_handle handle) {
    ef_page *page = pages->table[handle >> EF_PAGE_SHIFT].page;
    if (EF_LIKELY(atomic_load_explicit(&page->holders, memory_order_acquire) == 1)) {
        return pages->table[handle >> EF_PAGE_SHIFT].bytes + ((handle & ((1u << EF_PAGE_SHIFT) - 1u)) << 3);
    }
    return ef_pages_unshare(pages, handle);
}

/* Whole store, including which blocks are free, so that handles are the same after load. Pages go by reference. */
void ef_pages_save(const ef_pages *pages, ef_writer *writer);
ef_status ef_pages_load(ef_pages *pages, ef_reader *reader, ef_error *error) EF_MUST_USE;

/* Bytes in pages (for size and memory metrics). */
uint64_t ef_pages_bytes(const ef_pages *pages);

#endif
