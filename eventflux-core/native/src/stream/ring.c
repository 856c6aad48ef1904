/* Bounded queue of packed rows; layout and argument in ring.h. */
#include "stream/ring.h"

#define LINE 64u

typedef struct cell {
    _Atomic uint64_t sequence;
    _Atomic uint64_t order; /* looked at by takers who may lose the cell meanwhile: relaxed, checked again by the claim */
    int64_t entered_ns;
    int64_t timestamp;
    char *text; /* long strings of the row, NULL: none */
    size_t text_size;
    /* validity bits, then fields */
} cell;

struct ef_ring {
    ef_alloc *alloc;
    uint32_t columns;
    uint32_t capacity;
    uint32_t stride;     /* bytes of a cell */
    uint32_t validity;   /* offset of the validity bits in a cell */
    uint32_t *offset;    /* [columns] of each field in a cell */
    ef_type *type;       /* [columns] */
    char *cells;
    bool has_text;
    _Atomic bool is_closed;
    ef_signal room;
    ef_ring_figures figures;
    /* Written by different threads: a cache line each. */
    char before_tail[LINE];
    _Atomic uint64_t tail;
    char before_head[LINE];
    _Atomic uint64_t head;
    char behind_head[LINE];
};

static inline cell *cell_at(const ef_ring *ring, uint64_t position) {
    return (cell *)(void *)(ring->cells + (size_t)(position & (ring->capacity - 1u)) * ring->stride);
}

static bool is_text(ef_type type) {
    return type == EF_STRING || type == EF_OBJECT;
}

ef_status ef_ring_new(ef_alloc *alloc, uint32_t columns, const ef_type *types, uint32_t capacity, ef_ring **ring,
                      ef_error *error) {
    uint32_t rounded = 2;
    while (rounded < capacity && rounded < (1u << 30)) {
        rounded *= 2;
    }
    ef_ring *made = ef_calloc(alloc, sizeof *made);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    made->alloc = alloc;
    made->columns = columns;
    made->capacity = rounded;
    made->offset = ef_malloc(alloc, (columns + 1u) * sizeof *made->offset);
    made->type = ef_malloc(alloc, (columns + 1u) * sizeof *made->type);
    size_t at = sizeof(cell);
    made->validity = (uint32_t)at;
    at = (at + ef_bitmap_size(columns) + 7u) & ~(size_t)7u;
    for (uint32_t c = 0; made->offset != NULL && made->type != NULL && c < columns; c++) {
        size_t width = ef_type_width(types[c]);
        size_t align = width > 8 ? 8 : width;
        at = (at + align - 1u) & ~(align - 1u);
        made->offset[c] = (uint32_t)at;
        made->type[c] = types[c];
        made->has_text = made->has_text || is_text(types[c]);
        at += width;
    }
    made->stride = (uint32_t)((at + LINE - 1u) & ~(size_t)(LINE - 1u));
    made->cells = made->offset != NULL && made->type != NULL ? ef_page_malloc(alloc, (size_t)rounded * made->stride) : NULL;
    if (made->cells == NULL || !ef_signal_init(&made->room)) {
        ef_page_free(alloc, made->cells, (size_t)rounded * made->stride);
        if (made->offset != NULL) {
            ef_free(alloc, made->offset, (columns + 1u) * sizeof *made->offset);
        }
        if (made->type != NULL) {
            ef_free(alloc, made->type, (columns + 1u) * sizeof *made->type);
        }
        ef_free(alloc, made, sizeof *made);
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < rounded; i++) {
        cell *one = cell_at(made, i);
        memset(one, 0, made->stride);
        atomic_init(&one->sequence, i);
    }
    *ring = made;
    return EF_OK;
}

void ef_ring_free(ef_ring *ring) {
    if (ring == NULL) {
        return;
    }
    (void)ef_ring_discard(ring, ring->capacity);
    ef_signal_clear(&ring->room);
    ef_page_free(ring->alloc, ring->cells, (size_t)ring->capacity * ring->stride);
    ef_free(ring->alloc, ring->offset, (ring->columns + 1u) * sizeof *ring->offset);
    ef_free(ring->alloc, ring->type, (ring->columns + 1u) * sizeof *ring->type);
    ef_free(ring->alloc, ring, sizeof *ring);
}

uint32_t ef_ring_capacity(const ef_ring *ring) {
    return ring->capacity;
}

uint32_t ef_ring_depth(const ef_ring *ring) {
    /* A figure: relaxed. head is read first, so that the difference is never below zero. */
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t depth = tail > head ? tail - head : 0;
    return depth < ring->capacity ? (uint32_t)depth : ring->capacity;
}

void ef_ring_close(ef_ring *ring) {
    /* Release: pairs with the acquire in ef_ring_is_closed. A waiter either sees it or is notified. */
    atomic_store_explicit(&ring->is_closed, true, memory_order_release);
    ef_signal_notify(&ring->room);
}

void ef_ring_open(ef_ring *ring) {
    atomic_store_explicit(&ring->is_closed, false, memory_order_release);
}

bool ef_ring_is_closed(const ef_ring *ring) {
    return atomic_load_explicit(&ring->is_closed, memory_order_acquire);
}

bool ef_ring_has_room(const ef_ring *ring) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    return atomic_load_explicit(&cell_at(ring, tail)->sequence, memory_order_acquire) >= tail;
}

ef_ring_figures *ef_ring_figures_of(ef_ring *ring) {
    return &ring->figures;
}

ef_signal *ef_ring_room(ef_ring *ring) {
    return &ring->room;
}

/* ---- put ------------------------------------------------------------------------------------------------------------- */

/* Claims up to `want` cells at the tail; gives how many, the first position in *first. */
static uint32_t claim(ef_ring *ring, uint32_t want, bool all_or_none, uint64_t *first) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    for (;;) {
        uint32_t count = 0;
        /* Acquire: pairs with the release of free cells in `release`, so what the taker read is read. */
        while (count < want && count < ring->capacity &&
               atomic_load_explicit(&cell_at(ring, tail + count)->sequence, memory_order_acquire) == tail + count) {
            count++;
        }
        if (count == 0 || (all_or_none && count < want)) {
            uint64_t now = atomic_load_explicit(&ring->tail, memory_order_relaxed);
            if (now == tail) {
                return 0;
            }
            tail = now;
        } else if (atomic_compare_exchange_weak_explicit(&ring->tail, &tail, tail + count, memory_order_acq_rel,
                                                         memory_order_relaxed)) {
            *first = tail;
            return count;
        }
    }
}

static size_t text_of_row(const ef_batch *rows, uint32_t row) {
    size_t total = 0;
    for (uint32_t c = 0; c < rows->columns; c++) {
        if (is_text(rows->column[c].type)) {
            uint32_t length = ((const ef_str *)rows->column[c].values)[row].length;
            total += length > EF_INLINE_STRING ? length : 0;
        }
    }
    return total;
}

static void free_texts(ef_ring *ring, char **texts, const size_t *sizes, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; i++) {
        ef_free(ring->alloc, texts[i], sizes[i]);
    }
}

static void fill_column(ef_ring *ring, const ef_column *column, uint32_t c, uint32_t from, uint32_t count, uint64_t first) {
    size_t width = ef_type_width(column->type);
    const char *values = (const char *)column->values + (size_t)from * width;
    for (uint32_t i = 0; i < count; i++) {
        char *to = (char *)cell_at(ring, first + i);
        memcpy(to + ring->offset[c], values + (size_t)i * width, width);
        uint8_t *bits = (uint8_t *)to + ring->validity;
        if (ef_is_null(column, from + i)) {
            ef_bit_clear(bits, c);
        } else {
            ef_bit_set(bits, c);
        }
    }
}

/* Long strings point into the row's own block from now on. */
static void fill_texts(ef_ring *ring, uint32_t count, uint64_t first, char *const *texts, const size_t *sizes) {
    for (uint32_t i = 0; i < count; i++) {
        cell *one = cell_at(ring, first + i);
        one->text = texts[i];
        one->text_size = sizes[i];
        char *at = texts[i];
        for (uint32_t c = 0; at != NULL && c < ring->columns; c++) {
            ef_str *value = (ef_str *)(void *)((char *)one + ring->offset[c]);
            if (is_text(ring->type[c]) && value->length > EF_INLINE_STRING) {
                memcpy(at, value->as.outside.data, value->length);
                value->as.outside.data = at;
                at += value->length;
            }
        }
    }
}

/* Free cells at the tail, at most `most`. Another producer may be quicker. */
static uint32_t count_free(const ef_ring *ring, uint32_t most) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint32_t count = 0;
    while (count < most &&
           atomic_load_explicit(&cell_at(ring, tail + count)->sequence, memory_order_relaxed) == tail + count) {
        count++;
    }
    return count;
}

static bool make_texts(ef_ring *ring, const ef_batch *rows, uint32_t from, uint32_t count, char **texts, size_t *sizes) {
    for (uint32_t i = 0; i < count; i++) {
        sizes[i] = text_of_row(rows, from + i);
        texts[i] = sizes[i] > 0 ? ef_malloc(ring->alloc, sizes[i]) : NULL;
        if (sizes[i] > 0 && texts[i] == NULL) {
            free_texts(ring, texts, sizes, 0, i);
            return false;
        }
    }
    return true;
}

static void publish(ef_ring *ring, const ef_batch *rows, uint32_t from, uint32_t count, uint64_t first, uint64_t order,
                    int64_t entered_ns) {
    for (uint32_t i = 0; i < count; i++) {
        cell *one = cell_at(ring, first + i);
        atomic_store_explicit(&one->order, order, memory_order_relaxed);
        one->entered_ns = entered_ns;
        one->timestamp = rows->timestamps[from + i];
        /* Release: publishes the row; pairs with the acquire loads of takers. */
        atomic_store_explicit(&one->sequence, first + i + 1, memory_order_release);
    }
    (void)atomic_fetch_add_explicit(&ring->figures.published, count, memory_order_relaxed);
}

#define TEXTS_ON_STACK 64u

ef_status ef_ring_put(ef_ring *ring, const ef_batch *rows, uint32_t from, uint32_t count, bool all_or_none, uint64_t order,
                      int64_t entered_ns, uint32_t *accepted, ef_error *error) {
    *accepted = 0;
    uint32_t wanted = count_free(ring, count < ring->capacity ? count : ring->capacity);
    if (wanted == 0 || (all_or_none && wanted < count)) {
        return EF_OK;
    }
    char *texts_on_stack[TEXTS_ON_STACK];
    size_t sizes_on_stack[TEXTS_ON_STACK];
    char **texts = texts_on_stack;
    size_t *sizes = sizes_on_stack;
    void *memory = NULL;
    size_t memory_size = (size_t)wanted * (sizeof *texts + sizeof *sizes);
    if (ring->has_text) { /* memory first: a claim must be filled */
        if (wanted > TEXTS_ON_STACK) {
            memory = ef_malloc(ring->alloc, memory_size);
            if (memory == NULL) {
                return ef_fail_memory(error);
            }
            texts = memory;
            sizes = (size_t *)(void *)(texts + wanted);
        }
        if (!make_texts(ring, rows, from, wanted, texts, sizes)) {
            ef_free(ring->alloc, memory, memory_size);
            return ef_fail_memory(error);
        }
    }
    uint64_t first = 0;
    uint32_t taken = claim(ring, wanted, all_or_none, &first);
    if (ring->has_text) {
        free_texts(ring, texts, sizes, taken, wanted);
    }
    for (uint32_t c = 0; taken > 0 && c < ring->columns; c++) {
        fill_column(ring, &rows->column[c], c, from, taken, first);
    }
    if (ring->has_text) {
        fill_texts(ring, taken, first, texts, sizes);
        ef_free(ring->alloc, memory, memory_size);
    }
    publish(ring, rows, from, taken, first, order, entered_ns);
    *accepted = taken;
    return EF_OK;
}

/* ---- take ------------------------------------------------------------------------------------------------------------ */

ef_ring_head ef_ring_look(const ef_ring *ring, uint64_t *order) {
    for (;;) {
        uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
        const cell *one = cell_at(ring, head);
        uint64_t sequence = atomic_load_explicit(&one->sequence, memory_order_acquire);
        if (sequence == head + 1) {
            uint64_t found = atomic_load_explicit(&one->order, memory_order_relaxed);
            /* Still the head: nobody else took (and a producer refilled) it while we read. */
            if (atomic_load_explicit(&ring->head, memory_order_acquire) == head) {
                *order = found;
                return EF_RING_READY;
            }
        } else if (sequence == head) {
            if (atomic_load_explicit(&ring->tail, memory_order_acquire) == head) {
                return EF_RING_EMPTY;
            }
            if (atomic_load_explicit(&ring->head, memory_order_acquire) == head) {
                return EF_RING_CLAIMED;
            }
        }
    }
}

/* Full cells from `head` on whose order is not above `below`. */
static uint32_t count_ready(const ef_ring *ring, uint64_t head, uint64_t below, uint32_t most) {
    uint32_t count = 0;
    most = most < ring->capacity ? most : ring->capacity;
    while (count < most) {
        const cell *one = cell_at(ring, head + count);
        /* Acquire: pairs with the publishing store in put. */
        if (atomic_load_explicit(&one->sequence, memory_order_acquire) != head + count + 1 ||
            atomic_load_explicit(&one->order, memory_order_relaxed) > below) {
            break;
        }
        count++;
    }
    return count;
}

uint32_t ef_ring_ready(const ef_ring *ring, uint32_t most, uint64_t *end) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint32_t count = count_ready(ring, head, UINT64_MAX, most);
    *end = head + count;
    return count;
}

static uint32_t count_before(const ef_ring *ring, uint64_t head, uint64_t below, uint64_t end, uint32_t most) {
    uint64_t left = head < end ? end - head : 0;
    return count_ready(ring, head, below, left < most ? (uint32_t)left : most);
}

/* Claims up to `most` full cells at the head, before position `end`. */
static uint32_t claim_full(ef_ring *ring, uint64_t below, uint64_t end, uint32_t most, uint64_t *first) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    for (;;) {
        uint32_t count = count_before(ring, head, below, end, most);
        if (count == 0) {
            uint64_t now = atomic_load_explicit(&ring->head, memory_order_relaxed);
            if (now == head) {
                return 0;
            }
            head = now;
        } else if (atomic_compare_exchange_weak_explicit(&ring->head, &head, head + count, memory_order_acq_rel,
                                                         memory_order_relaxed)) {
            *first = head;
            return count;
        }
    }
}

/* Frees the texts of claimed cells and hands the cells to the next round. */
static void release(ef_ring *ring, uint64_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        cell *one = cell_at(ring, first + i);
        if (one->text != NULL) {
            ef_free(ring->alloc, one->text, one->text_size);
            one->text = NULL;
        }
        /* Release: pairs with the acquire in claim. */
        atomic_store_explicit(&one->sequence, first + i + ring->capacity, memory_order_release);
    }
    ef_signal_notify(&ring->room);
}

/* Columns for `count` rows; false: out of memory. */
static bool make_columns(const ef_ring *ring, uint32_t count, ef_arena *arena, ef_batch *batch) {
    memset(batch, 0, sizeof *batch);
    batch->columns = ring->columns;
    batch->form = EF_EACH_ROW;
    batch->column = ef_arena_take(arena, (ring->columns + 1u) * sizeof *batch->column);
    batch->timestamps = ef_arena_take(arena, (size_t)count * sizeof *batch->timestamps);
    if (batch->column == NULL || batch->timestamps == NULL) {
        return false;
    }
    for (uint32_t c = 0; c < ring->columns; c++) {
        batch->column[c] = (ef_column){.values = ef_arena_take(arena, (size_t)count * ef_type_width(ring->type[c])),
                                       .validity = ef_arena_take(arena, ef_bitmap_size(count)),
                                       .type = ring->type[c]};
        if (batch->column[c].values == NULL || batch->column[c].validity == NULL) {
            return false;
        }
    }
    return true;
}

static void read_column(const ef_ring *ring, uint32_t c, uint64_t first, uint32_t count, ef_column *to) {
    size_t width = ef_type_width(to->type);
    bool nulls = false;
    memset(to->validity, 0xFF, ef_bitmap_size(count));
    for (uint32_t i = 0; i < count; i++) {
        const char *from = (const char *)cell_at(ring, first + i);
        memcpy((char *)to->values + (size_t)i * width, from + ring->offset[c], width);
        if (!ef_bit((const uint8_t *)from + ring->validity, c)) {
            ef_bit_clear(to->validity, i);
            nulls = true;
        }
    }
    if (!nulls) {
        to->validity = NULL;
    }
}

ef_status ef_ring_take(ef_ring *ring, uint64_t below, uint64_t end, uint32_t most, ef_arena *arena, ef_ring_taken *taken,
                       ef_batch *batch, ef_error *error) {
    *taken = (ef_ring_taken){0, 0, NULL};
    /* Memory first: what is claimed must be handed over. */
    uint32_t seen = count_before(ring, atomic_load_explicit(&ring->head, memory_order_acquire), below, end, most);
    int64_t *entered_ns = ef_arena_take(arena, (size_t)seen * sizeof *entered_ns);
    if (entered_ns == NULL || !make_columns(ring, seen, arena, batch)) {
        return ef_fail_memory(error);
    }
    uint64_t first = 0;
    uint32_t count = seen > 0 ? claim_full(ring, below, end, seen, &first) : 0;
    for (uint32_t c = 0; count > 0 && c < ring->columns; c++) {
        read_column(ring, c, first, count, &batch->column[c]);
    }
    for (uint32_t i = 0; i < count; i++) {
        const cell *one = cell_at(ring, first + i);
        batch->timestamps[i] = one->timestamp;
        entered_ns[i] = one->entered_ns;
    }
    batch->rows = count;
    *taken = (ef_ring_taken){first, count, entered_ns};
    return EF_OK;
}

void ef_ring_give_back(ef_ring *ring, const ef_ring_taken *taken) {
    if (taken->count > 0) {
        release(ring, taken->first, taken->count);
    }
}

uint32_t ef_ring_discard(ef_ring *ring, uint32_t most) {
    uint64_t first = 0;
    uint32_t count = claim_full(ring, UINT64_MAX, UINT64_MAX, most, &first);
    if (count > 0) {
        release(ring, first, count);
    }
    return count;
}
