/* Page store; see pages.h.
 *
 * Beside each page stands what is known of its blocks (never in the page, so that freeing writes to no shared page):
 *
 *      inside->meta[page] = { class, live, free bitmap, given bitmap, links }
 *
 * A class is the block size in 8-byte units (at least 2: 256 blocks a page, 256 bits). Of each class one page is current and is filled
 * from its front; when it is full, an empty kept page comes next, then a page with holes, then a new page: a queue of rows so walks
 * through memory in order. Taking, giving: O(1); reclaiming: O(pages with given blocks). */
#include "pages/pages.h"

#define UNIT 8u
#define MIN_CLASS 2u
#define MAX_CLASS (EF_PAGE_SIZE / UNIT)
#define LARGE_CLASS (MAX_CLASS + 1u)
#define WORDS 4u
#define NO_PAGE UINT32_MAX
#define KEPT_PAGES 64u /* empty pages kept for reuse, at most; beyond it they go back */
#define MAX_PAGES (1u << (32u - EF_PAGE_SHIFT))

typedef struct page_meta {
    uint64_t free[WORDS];  /* bit set: block can be taken */
    uint64_t given[WORDS]; /* bit set: block waits for the reclaim */
    uint32_t previous;     /* in the list of pages with holes of the class; NO_PAGE ends */
    uint32_t next;         /* there; in the list of unused numbers; */
    uint32_t next_given;   /* in the list of pages with given blocks */
    uint16_t block_class;  /* 0: this number is unused */
    uint16_t live;         /* blocks taken and not given back for good */
    uint16_t inverse;      /* 65536 / block_class, rounded up: offsets become numbers of blocks without a division */
    uint16_t given_count;  /* bits set in `given` */
    bool listed; /* is in the list of pages with holes */
} page_meta;

typedef struct class_state {
    uint32_t current; /* page now filled */
    uint32_t holes;   /* head of pages with holes */
} class_state;

struct ef_pages_inside {
    page_meta *meta;
    uint32_t meta_capacity;
    class_state classes[MAX_CLASS + 1];
    uint32_t unused;      /* page numbers without a page */
    uint32_t given;       /* pages with given blocks */
    ef_page *replaced;    /* pages that were copied, held until the reclaim */
    uint32_t kept_count;
    ef_page *kept[KEPT_PAGES];
    uint64_t bytes;
};

void ef_page_retain(ef_page *page) {
    /* Relaxed: whoever retains already holds a reference. */
    atomic_fetch_add_explicit(&page->holders, 1, memory_order_relaxed);
}

void ef_page_release(ef_page *page) {
    /* Release/acquire: the last holder sees all reads of the others done before it frees or writes. */
    if (atomic_fetch_sub_explicit(&page->holders, 1, memory_order_acq_rel) == 1) {
        ef_alloc *alloc = page->alloc;
        ef_page_free(alloc, page->bytes, page->size);
        ef_free(alloc, page, sizeof *page);
    }
}

static ef_page *page_new(ef_alloc *alloc, size_t size) {
    ef_page *page = ef_malloc(alloc, sizeof *page);
    if (page == NULL) {
        return NULL;
    }
    page->alloc = alloc;
    page->size = size;
    page->replaced = NULL;
    page->bytes = ef_page_malloc(alloc, size);
    if (page->bytes == NULL) {
        ef_free(alloc, page, sizeof *page);
        return NULL;
    }
    atomic_init(&page->holders, 1);
    return page;
}

static void inside_init(struct ef_pages_inside *inside) {
    memset(inside, 0, sizeof *inside);
    for (uint32_t c = 0; c <= MAX_CLASS; c++) {
        inside->classes[c].current = NO_PAGE;
        inside->classes[c].holes = NO_PAGE;
    }
    inside->unused = NO_PAGE;
    inside->given = NO_PAGE;
}

ef_pages *ef_pages_new(ef_alloc *alloc) {
    ef_pages *pages = ef_calloc(alloc, sizeof *pages);
    if (pages == NULL) {
        return NULL;
    }
    pages->alloc = alloc;
    pages->inside = ef_malloc(alloc, sizeof *pages->inside);
    if (pages->inside == NULL) {
        ef_free(alloc, pages, sizeof *pages);
        return NULL;
    }
    inside_init(pages->inside);
    return pages;
}

static void drop_replaced(struct ef_pages_inside *inside) {
    ef_page *page = inside->replaced;
    inside->replaced = NULL;
    while (page != NULL) {
        ef_page *next = page->replaced;
        ef_page_release(page);
        page = next;
    }
}

static void drop_all(ef_pages *pages) {
    struct ef_pages_inside *inside = pages->inside;
    drop_replaced(inside);
    for (uint32_t i = 0; i < pages->table_count; i++) {
        if (pages->table[i].page != NULL) {
            ef_page_release(pages->table[i].page);
        }
    }
    for (uint32_t i = 0; i < inside->kept_count; i++) {
        ef_page_release(inside->kept[i]);
    }
    ef_free(pages->alloc, pages->table, (size_t)pages->table_capacity * sizeof *pages->table);
    ef_free(pages->alloc, inside->meta, (size_t)inside->meta_capacity * sizeof *inside->meta);
    pages->table = NULL;
    pages->table_count = 0;
    pages->table_capacity = 0;
    inside_init(inside);
}

void ef_pages_free(ef_pages *pages) {
    if (pages == NULL) {
        return;
    }
    if (pages->in_given_list) {
        ef_pages **link = &pages->alloc->budget->given;
        while (*link != pages) {
            link = &(*link)->next_given;
        }
        *link = pages->next_given;
    }
    drop_all(pages);
    ef_free(pages->alloc, pages->inside, sizeof *pages->inside);
    ef_free(pages->alloc, pages, sizeof *pages);
}

static uint32_t class_of(uint32_t size) {
    uint32_t block_class = (size + UNIT - 1) / UNIT;
    return block_class < MIN_CLASS ? MIN_CLASS : block_class;
}

static uint32_t blocks_of(uint32_t block_class) {
    return block_class == LARGE_CLASS ? 1 : MAX_CLASS / block_class;
}

static void set_all_free(page_meta *meta) {
    uint32_t blocks = blocks_of(meta->block_class);
    for (uint32_t w = 0; w < WORDS; w++) {
        uint32_t first = w * 64;
        meta->free[w] = blocks >= first + 64 ? UINT64_MAX : blocks > first ? (UINT64_C(1) << (blocks - first)) - 1 : 0;
    }
}

static bool has_free(const page_meta *meta) {
    return (meta->free[0] | meta->free[1] | meta->free[2] | meta->free[3]) != 0;
}

static void list_add(struct ef_pages_inside *inside, uint32_t number) {
    page_meta *meta = &inside->meta[number];
    class_state *state = &inside->classes[meta->block_class];
    meta->previous = NO_PAGE;
    meta->next = state->holes;
    if (state->holes != NO_PAGE) {
        inside->meta[state->holes].previous = number;
    }
    state->holes = number;
    meta->listed = true;
}

static void list_remove(struct ef_pages_inside *inside, uint32_t number) {
    page_meta *meta = &inside->meta[number];
    if (meta->previous != NO_PAGE) {
        inside->meta[meta->previous].next = meta->next;
    } else {
        inside->classes[meta->block_class].holes = meta->next;
    }
    if (meta->next != NO_PAGE) {
        inside->meta[meta->next].previous = meta->previous;
    }
    meta->listed = false;
}

/* A page number with room in the tables, not yet filled in. */
static ef_status number_take(ef_pages *pages, uint32_t *number, ef_error *error) {
    struct ef_pages_inside *inside = pages->inside;
    if (inside->unused != NO_PAGE) {
        *number = inside->unused;
        inside->unused = inside->meta[*number].next;
        return EF_OK;
    }
    if (pages->table_count == MAX_PAGES) {
        return ef_fail(error, EF_LIMIT, "an operator can retain at most %u pages", MAX_PAGES);
    }
    void *table = pages->table;
    ef_status status = ef_grow(pages->alloc, &table, &pages->table_capacity, pages->table_count + 1,
                               sizeof *pages->table, error);
    pages->table = table;
    EF_TRY(status);
    void *meta = inside->meta;
    status = ef_grow(pages->alloc, &meta, &inside->meta_capacity, pages->table_count + 1, sizeof *inside->meta, error);
    inside->meta = meta;
    EF_TRY(status);
    *number = pages->table_count++;
    memset(&inside->meta[*number], 0, sizeof *inside->meta);
    pages->table[*number] = (ef_page_entry){NULL, NULL};
    return EF_OK;
}

static void number_give(ef_pages *pages, uint32_t number) {
    page_meta *meta = &pages->inside->meta[number];
    memset(meta, 0, sizeof *meta);
    meta->next = pages->inside->unused;
    pages->inside->unused = number;
    pages->table[number] = (ef_page_entry){NULL, NULL};
}

static ef_status page_add(ef_pages *pages, uint32_t block_class, size_t size, uint32_t *number, ef_error *error) {
    struct ef_pages_inside *inside = pages->inside;
    EF_TRY(number_take(pages, number, error));
    ef_page *page;
    if (size == EF_PAGE_SIZE && inside->kept_count > 0) {
        page = inside->kept[--inside->kept_count];
    } else {
        page = page_new(pages->alloc, size);
        if (page == NULL) {
            number_give(pages, *number);
            return ef_fail_memory(error);
        }
    }
    pages->table[*number] = (ef_page_entry){page->bytes, page};
    page_meta *meta = &inside->meta[*number];
    memset(meta, 0, sizeof *meta);
    meta->block_class = (uint16_t)block_class;
    meta->inverse = (uint16_t)((65535u + block_class) / block_class);
    set_all_free(meta);
    inside->bytes += page->size;
    return EF_OK;
}

static ef_status take_large(ef_pages *pages, uint32_t size, ef_handle *handle, ef_error *error) {
    uint32_t number;
    EF_TRY(page_add(pages, LARGE_CLASS, ((size_t)size + UNIT - 1) / UNIT * UNIT, &number, error));
    pages->inside->meta[number].free[0] = 0;
    pages->inside->meta[number].live = 1;
    *handle = number << EF_PAGE_SHIFT;
    return EF_OK;
}

/* Makes a page with a free block the current one of the class. */
static ef_status next_current(ef_pages *pages, uint32_t block_class, ef_error *error) {
    struct ef_pages_inside *inside = pages->inside;
    class_state *state = &inside->classes[block_class];
    if (state->holes != NO_PAGE && inside->kept_count == 0) {
        uint32_t number = state->holes;
        list_remove(inside, number);
        state->current = number;
        return EF_OK;
    }
    uint32_t number;
    EF_TRY(page_add(pages, block_class, EF_PAGE_SIZE, &number, error));
    state->current = number;
    return EF_OK;
}

static bool take_block(struct ef_pages_inside *inside, uint32_t block_class, ef_handle *handle) {
    uint32_t number = inside->classes[block_class].current;
    if (EF_UNLIKELY(number == NO_PAGE)) {
        return false;
    }
    page_meta *meta = &inside->meta[number];
    for (uint32_t word = 0; word < WORDS; word++) {
        uint64_t free_bits = meta->free[word];
        if (free_bits != 0) {
            uint32_t block = word * 64 + (uint32_t)__builtin_ctzll(free_bits);
            meta->free[word] = free_bits & (free_bits - 1);
            meta->live++;
            *handle = (number << EF_PAGE_SHIFT) | (block * block_class);
            return true;
        }
    }
    return false;
}

static __attribute__((noinline)) ef_status take_elsewhere(ef_pages *pages, uint32_t size, ef_handle *handle, ef_error *error) {
    if (size > EF_PAGE_SIZE) {
        return take_large(pages, size, handle, error);
    }
    EF_TRY(next_current(pages, class_of(size), error));
    bool taken = take_block(pages->inside, class_of(size), handle);
    EF_ASSERT(taken);
    (void)taken;
    return EF_OK;
}

/* The rest stands apart, so that the common way saves no registers for it. */
ef_status ef_pages_take(ef_pages *pages, uint32_t size, ef_handle *handle, ef_error *error) {
    if (EF_LIKELY(size <= EF_PAGE_SIZE) && EF_LIKELY(take_block(pages->inside, class_of(size), handle))) {
        return EF_OK;
    }
    return take_elsewhere(pages, size, handle, error);
}

/* Exact: an offset is a multiple of the class, and what the rounding adds stays below 512 / 65536. */
static uint32_t block_of(const page_meta *meta, ef_handle handle) {
    return ((handle & ((1u << EF_PAGE_SHIFT) - 1u)) * meta->inverse) >> 16;
}

/* Puts the store on the list of those that the end of the slice reclaims. */
static void await_reclaim(ef_pages *pages) {
    if (!pages->in_given_list) {
        pages->in_given_list = true;
        pages->next_given = pages->alloc->budget->given;
        pages->alloc->budget->given = pages;
    }
}

void ef_pages_give(ef_pages *pages, ef_handle handle, uint32_t size) {
    struct ef_pages_inside *inside = pages->inside;
    uint32_t number = handle >> EF_PAGE_SHIFT;
    page_meta *meta = &inside->meta[number];
    EF_ASSERT(ef_pages_holds(pages, handle, size));
    (void)size;
    uint32_t block = block_of(meta, handle);
    meta->given[block >> 6] |= UINT64_C(1) << (block & 63u);
    if (meta->given_count++ == 0) {
        meta->next_given = inside->given;
        inside->given = number;
    }
    await_reclaim(pages);
}

void ef_pages_reclaim_all(ef_budget *budget) {
    ef_pages *pages = budget->given;
    budget->given = NULL;
    while (pages != NULL) {
        ef_pages *next = pages->next_given;
        pages->in_given_list = false;
        ef_pages_reclaim(pages);
        pages = next;
    }
}

bool ef_pages_has_given(const ef_pages *pages) {
    return pages->inside->given != NO_PAGE || pages->inside->replaced != NULL;
}

bool ef_pages_holds(const ef_pages *pages, ef_handle handle, uint32_t size) {
    uint32_t number = handle >> EF_PAGE_SHIFT;
    if (number >= pages->table_count || pages->table[number].page == NULL) {
        return false;
    }
    const page_meta *meta = &pages->inside->meta[number];
    uint32_t offset = handle & ((1u << EF_PAGE_SHIFT) - 1u);
    if (meta->block_class == LARGE_CLASS) {
        return offset == 0 && size > EF_PAGE_SIZE && size <= pages->table[number].page->size;
    }
    uint32_t block = offset / meta->block_class;
    return size <= EF_PAGE_SIZE && meta->block_class == class_of(size) && offset % meta->block_class == 0 &&
           block < blocks_of(meta->block_class) &&
           ((meta->free[block >> 6] | meta->given[block >> 6]) >> (block & 63u) & 1u) == 0;
}

static void page_drop(ef_pages *pages, uint32_t number) {
    struct ef_pages_inside *inside = pages->inside;
    page_meta *meta = &inside->meta[number];
    ef_page *page = pages->table[number].page;
    if (meta->listed) {
        list_remove(inside, number);
    }
    if (meta->block_class != LARGE_CLASS && inside->classes[meta->block_class].current == number) {
        inside->classes[meta->block_class].current = NO_PAGE;
    }
    inside->bytes -= page->size;
    if (page->size == EF_PAGE_SIZE && inside->kept_count < KEPT_PAGES &&
        atomic_load_explicit(&page->holders, memory_order_acquire) == 1) {
        inside->kept[inside->kept_count++] = page;
    } else {
        ef_page_release(page);
    }
    number_give(pages, number);
}

void ef_pages_reclaim(ef_pages *pages) {
    struct ef_pages_inside *inside = pages->inside;
    uint32_t number = inside->given;
    drop_replaced(inside);
    inside->given = NO_PAGE;
    while (number != NO_PAGE) {
        page_meta *meta = &inside->meta[number];
        uint32_t next = meta->next_given;
        for (uint32_t w = 0; w < WORDS; w++) {
            meta->free[w] |= meta->given[w];
            meta->given[w] = 0;
        }
        meta->live = (uint16_t)(meta->live - meta->given_count);
        meta->given_count = 0;
        if (meta->live == 0) {
            page_drop(pages, number);
        } else if (!meta->listed && inside->classes[meta->block_class].current != number) {
            list_add(inside, number);
        }
        number = next;
    }
}

char *ef_pages_unshare(ef_pages *pages, ef_handle handle) {
    ef_page_entry *entry = &pages->table[handle >> EF_PAGE_SHIFT];
    ef_page *copy = page_new(pages->alloc, entry->page->size);
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy->bytes, entry->page->bytes, copy->size);
    entry->page->replaced = pages->inside->replaced;
    pages->inside->replaced = entry->page;
    await_reclaim(pages);
    *entry = (ef_page_entry){copy->bytes, copy};
    return entry->bytes + ((handle & ((1u << EF_PAGE_SHIFT) - 1u)) << 3);
}

/* page count; a number each: class u32 (0 unused), and for used ones size u64, free bitmap, bytes. */
void ef_pages_save(const ef_pages *pages, ef_writer *writer) {
    ef_put_u32(writer, pages->table_count);
    for (uint32_t i = 0; i < pages->table_count; i++) {
        const page_meta *meta = &pages->inside->meta[i];
        ef_put_u32(writer, meta->block_class);
        if (meta->block_class == 0) {
            continue;
        }
        ef_put_u64(writer, pages->table[i].page->size);
        for (uint32_t w = 0; w < WORDS; w++) {
            ef_put_u64(writer, meta->free[w] | meta->given[w]);
        }
        ef_put_page(writer, pages->table[i].page, pages->table[i].page->size);
    }
}

static ef_status load_page(ef_pages *pages, ef_reader *reader, uint32_t block_class, ef_error *error) {
    uint64_t size = ef_get_u64(reader);
    uint64_t free_bits[WORDS];
    for (uint32_t w = 0; w < WORDS; w++) {
        free_bits[w] = ef_get_u64(reader);
    }
    bool large = block_class == LARGE_CLASS;
    if (reader->status != EF_OK || block_class < MIN_CLASS || block_class > LARGE_CLASS ||
        (large ? size <= EF_PAGE_SIZE || size % UNIT != 0 || size > (UINT64_C(1) << 32) : size != EF_PAGE_SIZE)) {
        return ef_fail(error, EF_CORRUPT, "a page of the saved state has an impossible size");
    }
    const char *bytes = ef_get_bytes(reader, size);
    if (bytes == NULL) {
        return ef_fail(error, EF_CORRUPT, "a page of the saved state is cut short");
    }
    uint32_t number;
    EF_TRY(page_add(pages, block_class, size, &number, error));
    page_meta *meta = &pages->inside->meta[number];
    memcpy(pages->table[number].page->bytes, bytes, size);
    int taken = 0;
    for (uint32_t w = 0; w < WORDS; w++) {
        uint64_t valid = meta->free[w];
        meta->free[w] &= free_bits[w];
        taken += __builtin_popcountll(valid & ~free_bits[w]);
    }
    if (taken == 0) {
        page_drop(pages, number);
        return ef_fail(error, EF_CORRUPT, "a page of the saved state holds nothing");
    }
    meta->live = (uint16_t)taken;
    if (!large && has_free(meta)) {
        list_add(pages->inside, number);
    }
    return EF_OK;
}

ef_status ef_pages_load(ef_pages *pages, ef_reader *reader, ef_error *error) {
    drop_all(pages);
    uint32_t count = ef_get_u32(reader);
    if (reader->status != EF_OK || count > MAX_PAGES || count > ef_reader_left(reader) / 4) {
        return ef_fail(error, EF_CORRUPT, "the saved state names more pages than it holds");
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t block_class = ef_get_u32(reader);
        ef_status status;
        if (block_class == 0) {
            /* An unused number keeps its place, so that handles stay true; all are linked at the end. */
            uint32_t number;
            status = number_take(pages, &number, error);
        } else {
            status = load_page(pages, reader, block_class, error);
        }
        if (status != EF_OK) {
            drop_all(pages);
            return status;
        }
    }
    for (uint32_t i = pages->table_count; i > 0; i--) {
        if (pages->inside->meta[i - 1].block_class == 0) {
            number_give(pages, i - 1);
        }
    }
    return EF_OK;
}

uint64_t ef_pages_bytes(const ef_pages *pages) {
    return pages->inside->bytes;
}
