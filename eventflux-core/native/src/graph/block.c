/* Owned rows that left the engine; see block.h. */
#include "graph/block.h"

#include "graph/engine.h"

/* Where the parts of a block lie; computed twice alike: to measure, and to place. */
typedef struct layout {
    char *base; /* NULL while measuring */
    size_t size;
} layout;

static void *place(layout *at, size_t size) {
    void *where = at->base != NULL ? at->base + at->size : NULL;
    at->size += (size + 7u) & ~(size_t)7u;
    return where;
}

static bool is_text(ef_type type) {
    return type == EF_STRING || type == EF_OBJECT;
}

static size_t long_bytes(const ef_batch *batch) {
    size_t total = 0;
    for (uint32_t c = 0; c < batch->columns; c++) {
        const ef_column *column = &batch->column[c];
        if (!is_text(column->type)) {
            continue;
        }
        const ef_str *strings = column->values;
        for (uint32_t i = 0; i < batch->rows; i++) {
            total += strings[i].length > EF_INLINE_STRING ? strings[i].length : 0;
        }
    }
    return total;
}

static void copy_strings(ef_str *to, const ef_str *from, uint32_t rows, char **bytes) {
    for (uint32_t i = 0; i < rows; i++) {
        to[i] = from[i];
        if (from[i].length > EF_INLINE_STRING) {
            memcpy(*bytes, from[i].as.outside.data, from[i].length);
            to[i].as.outside.data = *bytes;
            *bytes += from[i].length;
        }
    }
}

static bool has_reset(const ef_batch *batch) {
    if (batch->kinds == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (batch->kinds[i] == EF_RESET) {
            return true;
        }
    }
    return false;
}

typedef struct parts {
    ef_column *columns;
    int64_t *timestamps;
    uint8_t *kinds;
    uint32_t *ends;
    char *bytes;
} parts;

/* Lays a block out for `rows` rows shaped as `batch`. */
static ef_block *arrange(layout *at, const ef_batch *batch, uint32_t rows, size_t text, uint32_t ends, bool kinds,
                         const bool *nulls, parts *to) {
    ef_block *block = place(at, sizeof *block);
    to->columns = place(at, batch->columns * sizeof(ef_column));
    to->timestamps = place(at, (size_t)rows * sizeof(int64_t));
    to->kinds = kinds ? place(at, rows) : NULL;
    to->ends = ends > 0 ? place(at, (size_t)ends * sizeof(uint32_t)) : NULL;
    for (uint32_t c = 0; c < batch->columns; c++) {
        void *values = place(at, (size_t)rows * ef_type_width(batch->column[c].type));
        uint8_t *validity = nulls[c] ? place(at, ef_bitmap_size(rows)) : NULL;
        if (to->columns != NULL) {
            to->columns[c] = (ef_column){.values = values, .validity = validity, .type = batch->column[c].type};
        }
    }
    to->bytes = place(at, text);
    return block;
}

#define MAX_COLUMNS_ON_STACK 64u

static ef_block *make(const ef_batch *batch, uint32_t rows, size_t text, uint32_t ends, bool kinds, const bool *nulls,
                      ef_alloc *alloc, parts *to) {
    layout at = {NULL, 0};
    (void)arrange(&at, batch, rows, text, ends, kinds, nulls, to);
    char *base = ef_malloc(alloc, at.size);
    if (base == NULL) {
        return NULL;
    }
    size_t size = at.size;
    at = (layout){base, 0};
    ef_block *block = arrange(&at, batch, rows, text, ends, kinds, nulls, to);
    atomic_init(&block->holders, 1);
    block->rows = rows;
    block->columns = batch->columns;
    block->deliveries = ends > 0 ? ends : 1;
    block->ends = to->ends;
    block->timestamps = to->timestamps;
    block->kinds = to->kinds;
    block->column = to->columns;
    block->alloc = alloc;
    block->size = size;
    block->engine = NULL;
    return block;
}

static ef_block *copy_plain(const ef_batch *batch, bool keep_ends, ef_alloc *alloc) {
    bool nulls_on_stack[MAX_COLUMNS_ON_STACK];
    bool *nulls = nulls_on_stack;
    if (batch->columns > MAX_COLUMNS_ON_STACK) {
        nulls = ef_malloc(alloc, batch->columns);
        if (nulls == NULL) {
            return NULL;
        }
    }
    for (uint32_t c = 0; c < batch->columns; c++) {
        nulls[c] = batch->column[c].validity != NULL;
    }
    uint32_t ends = keep_ends && batch->form == EF_ENDS && batch->deliveries > 1 ? batch->deliveries : 0;
    parts to;
    ef_block *block = make(batch, batch->rows, long_bytes(batch), ends, batch->kinds != NULL, nulls, alloc, &to);
    if (block != NULL) {
        memcpy(to.timestamps, batch->timestamps, (size_t)batch->rows * sizeof(int64_t));
        if (to.kinds != NULL) {
            memcpy(to.kinds, batch->kinds, batch->rows);
        }
        if (to.ends != NULL) {
            memcpy(to.ends, batch->ends, (size_t)ends * sizeof(uint32_t));
        }
        for (uint32_t c = 0; c < batch->columns; c++) {
            const ef_column *from = &batch->column[c];
            if (is_text(from->type)) {
                copy_strings(to.columns[c].values, from->values, batch->rows, &to.bytes);
            } else {
                memcpy(to.columns[c].values, from->values, (size_t)batch->rows * ef_type_width(from->type));
            }
            if (from->validity != NULL) {
                memcpy(to.columns[c].validity, from->validity, ef_bitmap_size(batch->rows));
            }
        }
    }
    if (nulls != nulls_on_stack) {
        ef_free(alloc, nulls, batch->columns);
    }
    return block;
}

/* One CURRENT row, what a call with one row puts out: laid out in one pass, each value in room for the widest. */
typedef struct cell {
    ef_str value;
    uint64_t validity;
} cell;

static size_t size_of_one(const ef_batch *batch) {
    return sizeof(ef_block) + sizeof(int64_t) + batch->columns * (sizeof(cell) + sizeof(ef_column)) + long_bytes(batch);
}

static void fill_one(ef_block *block, const ef_batch *batch) {
    const uint32_t columns = batch->columns;
    int64_t *timestamp = (int64_t *)(void *)(block + 1);
    cell *cells = (cell *)(void *)(timestamp + 1);
    ef_column *column = (ef_column *)(void *)(cells + columns);
    char *bytes = (char *)(column + columns);
    *timestamp = batch->timestamps[0];
    for (uint32_t c = 0; c < columns; c++) {
        const ef_column *from = &batch->column[c];
        column[c].values = &cells[c].value;
        column[c].validity = NULL;
        column[c].type = from->type;
        switch (ef_type_width(from->type)) {
        case 1:
            memcpy(&cells[c].value, from->values, 1);
            break;
        case 4:
            memcpy(&cells[c].value, from->values, 4);
            break;
        case 8:
            memcpy(&cells[c].value, from->values, 8);
            break;
        default:
            copy_strings(&cells[c].value, from->values, 1, &bytes);
            break;
        }
        if (EF_UNLIKELY(from->validity != NULL)) {
            memcpy(&cells[c].validity, from->validity, 1);
            column[c].validity = (uint8_t *)&cells[c].validity;
        }
    }
    atomic_init(&block->holders, 1);
    block->rows = 1;
    block->columns = columns;
    block->deliveries = 1;
    block->ends = NULL;
    block->timestamps = timestamp;
    block->kinds = NULL;
    block->column = column;
}

#define SPARE_MOST 1024u /* bytes of a block that is worth keeping */
#define NO_SPARE ((ef_block *)(uintptr_t)1)

static void free_block(ef_block *block) {
    ef_engine *engine = block->engine;
    ef_free(block->alloc, block, block->size);
    if (engine != NULL) {
        ef_engine_release(engine);
    }
}

void ef_spare_block_init(ef_spare_block *spare) {
    atomic_init(&spare->block, NULL);
}

void ef_spare_block_close(ef_spare_block *spare) {
    /* Acquire: pairs with the release in `keep_spare`. */
    ef_block *block = atomic_exchange_explicit(&spare->block, NO_SPARE, memory_order_acquire);
    if (block != NULL && block != NO_SPARE) {
        free_block(block);
    }
}

/* Acquire: whoever put it there is done with it. Only the engine takes, so what is seen is still there. */
static ef_block *take_spare(ef_spare_block *spare, size_t size) {
    ef_block *block = atomic_load_explicit(&spare->block, memory_order_relaxed);
    if (block == NULL || block == NO_SPARE || block->size < size) {
        return NULL;
    }
    return atomic_exchange_explicit(&spare->block, NULL, memory_order_acquire);
}

/* Any thread. Release: what its last holder read is read. */
static bool keep_spare(ef_block *block) {
    ef_block *none = NULL;
    return block->engine != NULL && block->size <= SPARE_MOST && block->rows == 1 &&
           atomic_compare_exchange_strong_explicit(&ef_engine_spare_block(block->engine)->block, &none, block,
                                                   memory_order_release, memory_order_relaxed);
}

ef_block *ef_block_of_row(const ef_batch *batch, ef_engine *engine, ef_alloc *alloc) {
    const size_t size = size_of_one(batch);
    ef_block *block = take_spare(ef_engine_spare_block(engine), size);
    if (block == NULL) {
        block = ef_malloc(alloc, size);
        if (block == NULL) {
            return NULL;
        }
        block->alloc = alloc;
        block->size = size;
        ef_block_hold_inside(block, engine);
    }
    fill_one(block, batch);
    return block;
}

ef_block *ef_block_copy(const ef_batch *batch, bool each_row_is_delivery, ef_alloc *alloc, bool *empty) {
    *empty = batch->rows == 0;
    if (*empty) {
        return NULL;
    }
    if (!has_reset(batch)) {
        return copy_plain(batch, each_row_is_delivery, alloc);
    }
    /* RESET rows are the engine's own business: gather the others first. */
    ef_arena arena;
    ef_arena_init(&arena, alloc);
    ef_block *block = NULL;
    ef_batch rest;
    uint32_t count = 0;
    uint32_t *rows = ef_arena_take(&arena, (size_t)batch->rows * sizeof *rows);
    if (rows != NULL) {
        for (uint32_t i = 0; i < batch->rows; i++) {
            rows[count] = i;
            count += batch->kinds[i] != EF_RESET;
        }
        *empty = count == 0;
        if (count > 0 && ef_batch_gather(&rest, batch, rows, count, &arena)) {
            block = copy_plain(&rest, each_row_is_delivery, alloc);
        }
    }
    ef_arena_clear(&arena);
    return block;
}

ef_block *ef_block_copy_all(const ef_batch *batch, ef_alloc *alloc) {
    return copy_plain(batch, false, alloc);
}

static void copy_validity(uint8_t *to, uint32_t at, const uint8_t *from, uint32_t rows) {
    for (uint32_t i = 0; i < rows; i++) {
        if (from == NULL || ef_bit(from, i)) {
            ef_bit_set(to, at + i);
        }
    }
}

ef_block *ef_block_concat(ef_block *const *blocks, uint32_t count, ef_alloc *alloc) {
    uint32_t columns = blocks[0]->columns;
    bool *nulls = ef_calloc(alloc, columns > 0 ? columns : 1);
    if (nulls == NULL) {
        return NULL;
    }
    uint64_t rows = 0;
    size_t text = 0;
    bool kinds = false;
    for (uint32_t b = 0; b < count; b++) {
        ef_batch view = {.rows = blocks[b]->rows, .columns = columns, .column = (ef_column *)(uintptr_t)blocks[b]->column};
        rows += blocks[b]->rows;
        text += long_bytes(&view);
        kinds = kinds || blocks[b]->kinds != NULL;
        for (uint32_t c = 0; c < columns; c++) {
            nulls[c] = nulls[c] || blocks[b]->column[c].validity != NULL;
        }
    }
    ef_block *block = NULL;
    if (rows <= UINT32_MAX) {
        ef_batch shape = {.columns = columns, .column = (ef_column *)(uintptr_t)blocks[0]->column};
        parts to;
        block = make(&shape, (uint32_t)rows, text, count > 1 ? count : 0, kinds, nulls, alloc, &to);
        uint32_t at = 0;
        for (uint32_t c = 0; block != NULL && c < columns; c++) {
            if (nulls[c]) {
                memset(to.columns[c].validity, 0, ef_bitmap_size((uint32_t)rows));
            }
        }
        for (uint32_t b = 0; block != NULL && b < count; b++) {
            const ef_block *from = blocks[b];
            memcpy(to.timestamps + at, from->timestamps, (size_t)from->rows * sizeof(int64_t));
            if (kinds && from->kinds != NULL) {
                memcpy(to.kinds + at, from->kinds, from->rows);
            } else if (kinds) {
                memset(to.kinds + at, EF_CURRENT, from->rows);
            }
            for (uint32_t c = 0; c < columns; c++) {
                size_t width = ef_type_width(from->column[c].type);
                char *values = (char *)to.columns[c].values + (size_t)at * width;
                if (is_text(from->column[c].type)) {
                    copy_strings((ef_str *)(void *)values, from->column[c].values, from->rows, &to.bytes);
                } else {
                    memcpy(values, from->column[c].values, (size_t)from->rows * width);
                }
                if (nulls[c]) {
                    copy_validity(to.columns[c].validity, at, from->column[c].validity, from->rows);
                }
            }
            at += from->rows;
            if (to.ends != NULL) {
                to.ends[b] = at;
            }
        }
    }
    ef_free(alloc, nulls, columns > 0 ? columns : 1);
    return block;
}

void ef_block_hold(ef_block *block, ef_engine *engine) {
    block->engine = engine;
    ef_engine_retain(engine);
}

void ef_block_hold_inside(ef_block *block, ef_engine *engine) {
    block->engine = engine;
    ef_engine_retain_inside(engine);
}

void ef_block_retain(ef_block *block) {
    atomic_fetch_add_explicit(&block->holders, 1, memory_order_relaxed);
}

void ef_block_release(ef_block *block) {
    if (block == NULL) {
        return;
    }
    /* Acquire, and release where others hold it: the last holder sees the others' reads done. A sole holder need not write. */
    if ((atomic_load_explicit(&block->holders, memory_order_acquire) == 1 ||
         atomic_fetch_sub_explicit(&block->holders, 1, memory_order_acq_rel) == 1) &&
        !keep_spare(block)) {
        free_block(block);
    }
}
