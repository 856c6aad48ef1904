/* Views and gathers of batches; see batch.h.
 *
 * A gather is one loop a column, by width; bitmaps are gathered bit by bit and vanish when no null is among the rows taken.
 * Everything is O(rows taken) a column. */
#include "batch/batch.h"

/* Bits [from, from + count) of `bits`, moved to start at bit 0. NULL: out of memory. */
static uint8_t *bitmap_shift(const uint8_t *bits, uint32_t from, uint32_t count, ef_arena *arena) {
    size_t size = ef_bitmap_size(count);
    uint8_t *to = ef_arena_take(arena, size > 0 ? size : 1);
    if (to == NULL) {
        return NULL;
    }
    const uint8_t *first = bits + (from >> 3);
    unsigned shift = from & 7u;
    size_t source_size = ((size_t)shift + count + 7u) / 8u;
    for (size_t i = 0; i < size; i++) {
        unsigned low = first[i];
        unsigned high = i + 1 < source_size ? first[i + 1] : 0;
        to[i] = (uint8_t)((low | (high << 8)) >> shift);
    }
    return to;
}

static bool column_view(ef_column *to, const ef_column *from, uint32_t start, uint32_t count, ef_arena *arena) {
    to->type = from->type;
    to->values = (char *)from->values + (size_t)start * ef_type_width(from->type);
    if (from->validity == NULL) {
        to->validity = NULL;
    } else if ((start & 7u) == 0) {
        to->validity = from->validity + (start >> 3);
    } else {
        to->validity = bitmap_shift(from->validity, start, count, arena);
        return to->validity != NULL;
    }
    return true;
}

bool ef_batch_view(ef_batch *view, const ef_batch *batch, uint32_t from, uint32_t count, ef_arena *arena) {
    ef_column *column = NULL;
    if (from == 0) {
        column = batch->column;
    } else if (batch->columns > 0) {
        column = ef_arena_take(arena, batch->columns * sizeof *column);
        if (column == NULL) {
            return false;
        }
        for (uint32_t c = 0; c < batch->columns; c++) {
            if (!column_view(&column[c], &batch->column[c], from, count, arena)) {
                return false;
            }
        }
    }
    *view = (ef_batch){
        .rows = count,
        .columns = batch->columns,
        .column = column,
        .timestamps = batch->timestamps != NULL ? batch->timestamps + from : NULL,
        .kinds = batch->kinds != NULL ? batch->kinds + from : NULL,
        .causes = batch->causes != NULL ? batch->causes + from : NULL,
        .slots = batch->slots != NULL ? batch->slots + from : NULL,
        .form = EF_WHOLE,
        .batch_chunk = batch->batch_chunk,
    };
    return true;
}

#define GATHER(type)                                  \
    do {                                              \
        const type *restrict source = from->values;   \
        type *restrict target = to->values;           \
        for (uint32_t i = 0; i < count; i++) {        \
            target[i] = source[rows[i]];              \
        }                                             \
    } while (0)

bool ef_column_gather(ef_column *to, const ef_column *from, const uint32_t *rows, uint32_t count, ef_arena *arena) {
    size_t width = ef_type_width(from->type);
    to->type = from->type;
    to->validity = NULL;
    to->values = ef_arena_take(arena, count > 0 ? count * width : 1);
    if (to->values == NULL) {
        return false;
    }
    switch (width) {
    case 1:
        GATHER(uint8_t);
        break;
    case 4:
        GATHER(uint32_t);
        break;
    case 8:
        GATHER(uint64_t);
        break;
    default:
        GATHER(ef_str);
        break;
    }
    if (from->validity != NULL) {
        size_t size = ef_bitmap_size(count);
        uint8_t *bits = ef_arena_take(arena, size > 0 ? size : 1);
        if (bits == NULL) {
            return false;
        }
        memset(bits, 0, size);
        uint32_t valid = 0;
        for (uint32_t i = 0; i < count; i++) {
            unsigned bit = ef_bit(from->validity, rows[i]);
            bits[i >> 3] = (uint8_t)(bits[i >> 3] | (bit << (i & 7u)));
            valid += bit;
        }
        to->validity = valid == count ? NULL : bits;
    }
    return true;
}

/* Deliveries of the gathered rows: delivery ends move to where the last of their rows went, empty deliveries vanish. */
static bool gather_ends(ef_batch *to, const ef_batch *batch, const uint32_t *rows, uint32_t count, ef_arena *arena) {
    to->form = batch->form;
    to->ends = NULL;
    to->deliveries = 0;
    if (batch->form != EF_ENDS) {
        return true;
    }
    uint32_t most = batch->deliveries < count ? batch->deliveries : count;
    to->ends = ef_arena_take(arena, (most > 0 ? most : 1) * sizeof *to->ends);
    if (to->ends == NULL) {
        return false;
    }
    uint32_t i = 0;
    for (uint32_t d = 0; d < batch->deliveries && i < count; d++) {
        uint32_t begin = i;
        while (i < count && rows[i] < batch->ends[d]) {
            i++;
        }
        if (i > begin) {
            to->ends[to->deliveries++] = i;
        }
    }
    return true;
}

bool ef_batch_gather(ef_batch *to, const ef_batch *batch, const uint32_t *rows, uint32_t count, ef_arena *arena) {
    ef_batch made = {.rows = count, .columns = batch->columns, .batch_chunk = batch->batch_chunk};
    if (!gather_ends(&made, batch, rows, count, arena)) {
        return false;
    }
    size_t space = count > 0 ? count : 1;
    if (batch->columns > 0) {
        made.column = ef_arena_take(arena, batch->columns * sizeof *made.column);
        if (made.column == NULL) {
            return false;
        }
    }
    for (uint32_t c = 0; c < batch->columns; c++) {
        if (!ef_column_gather(&made.column[c], &batch->column[c], rows, count, arena)) {
            return false;
        }
    }
    if (batch->timestamps != NULL) {
        made.timestamps = ef_arena_take(arena, space * sizeof *made.timestamps);
        if (made.timestamps == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < count; i++) {
            made.timestamps[i] = batch->timestamps[rows[i]];
        }
    }
    if (batch->causes != NULL) {
        made.causes = ef_arena_take(arena, space * sizeof *made.causes);
        if (made.causes == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < count; i++) {
            made.causes[i] = batch->causes[rows[i]];
        }
    }
    if (batch->kinds != NULL) {
        made.kinds = ef_arena_take(arena, space);
        if (made.kinds == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < count; i++) {
            made.kinds[i] = batch->kinds[rows[i]];
        }
    }
    if (batch->slots != NULL) {
        made.slots = ef_arena_take(arena, space * sizeof *made.slots);
        if (made.slots == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < count; i++) {
            made.slots[i] = batch->slots[rows[i]];
        }
    }
    *to = made;
    return true;
}
