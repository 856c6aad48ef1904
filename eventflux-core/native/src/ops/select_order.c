/* order by, offset, limit: within each delivery, runs of one kind apart.
 *
 * The first key becomes an unsigned integer whose order is that of the values (of a text: its first bytes, as far as their order is
 * that of the text), nulls have a rank of their own; rows with equal integers are compared in full. Merge sort, bottom up: stable,
 * O(n log n) in any case. */
#include "aggregator/aggregator.h"
#include "ops/select_inside.h"

typedef struct sort_item {
    uint64_t key;
    uint32_t row; /* emitted row */
    uint32_t rank; /* 0: before all values, 1: a value, 2: a null behind them */
} sort_item;

static int compare_values(const ef_column *column, uint32_t a, uint32_t b) {
    const void *values = column->values;
    switch (column->type) {
    case EF_BOOL: {
        const uint8_t *v = values;
        return (int)v[a] - (int)v[b];
    }
    case EF_INT: {
        const int32_t *v = values;
        return (v[a] > v[b]) - (v[a] < v[b]);
    }
    case EF_LONG: {
        const int64_t *v = values;
        return (v[a] > v[b]) - (v[a] < v[b]);
    }
    case EF_FLOAT: {
        int64_t x = ef_key_of_double((double)((const float *)values)[a]);
        int64_t y = ef_key_of_double((double)((const float *)values)[b]);
        return (x > y) - (x < y);
    }
    case EF_DOUBLE: {
        int64_t x = ef_key_of_double(((const double *)values)[a]);
        int64_t y = ef_key_of_double(((const double *)values)[b]);
        return (x > y) - (x < y);
    }
    case EF_STRING:
    case EF_OBJECT: {
        const ef_str *v = values;
        return ef_str_compare(&v[a], &v[b]);
    }
    }
    return 0;
}

static int compare_rows(const ef_select_call *call, uint32_t a, uint32_t b) {
    const ef_select *self = call->self;
    for (uint32_t k = 0; k < self->order_count; k++) {
        const ef_order_key *key = &self->order[k];
        const ef_column *column = &call->columns[key->output];
        bool a_null = ef_is_null(column, a), b_null = ef_is_null(column, b);
        if (a_null || b_null) {
            if (a_null != b_null) {
                return a_null == key->nulls_first ? -1 : 1;
            }
            continue;
        }
        int order = compare_values(column, a, b);
        if (order != 0) {
            return key->descending ? -order : order;
        }
    }
    return 0;
}

static uint64_t sort_key(const ef_column *column, uint32_t row) {
    const uint64_t sign = UINT64_C(1) << 63;
    const void *values = column->values;
    switch (column->type) {
    case EF_BOOL:
        return ((const uint8_t *)values)[row];
    case EF_INT:
        return (uint64_t)(int64_t)((const int32_t *)values)[row] ^ sign;
    case EF_LONG:
        return (uint64_t)((const int64_t *)values)[row] ^ sign;
    case EF_FLOAT:
        return (uint64_t)ef_key_of_double((double)((const float *)values)[row]) ^ sign;
    case EF_DOUBLE:
        return (uint64_t)ef_key_of_double(((const double *)values)[row]) ^ sign;
    case EF_STRING:
    case EF_OBJECT:
        break;
    }
    const ef_str *text = (const ef_str *)values + row;
    const unsigned char *bytes = (const unsigned char *)ef_str_data(text);
    uint64_t key = 0;
    for (uint32_t i = 0; i < 8; i++) {
        unsigned byte = i < text->length ? bytes[i] : 0;
        if (byte >= 0xEE) {
            /* From here on order depends on more than bytes: equal keys are compared in full. Lead bytes of U+E000 and above stand
             * behind all others, as one. */
            key = key << 8 | 0xEE;
            return key << (8 * (7 - i));
        }
        key = key << 8 | byte;
    }
    return key;
}

/* Whether a stands at or before b. */
static inline bool in_order(const ef_select_call *call, const sort_item *a, const sort_item *b) {
    if (a->rank != b->rank) {
        return a->rank < b->rank;
    }
    if (a->key != b->key) {
        return a->key < b->key;
    }
    return compare_rows(call, a->row, b->row) <= 0;
}

/* Sorts items[0..count); `space` is as large. */
static void sort_items(const ef_select_call *call, sort_item *items, sort_item *space, uint32_t count) {
    enum { RUN = 8 };
    for (uint32_t begin = 0; begin < count; begin += RUN) {
        uint32_t end = begin + RUN < count ? begin + RUN : count;
        for (uint32_t i = begin + 1; i < end; i++) {
            sort_item item = items[i];
            uint32_t at = i;
            while (at > begin && !in_order(call, &items[at - 1], &item)) {
                items[at] = items[at - 1];
                at--;
            }
            items[at] = item;
        }
    }
    sort_item *from = items, *to = space;
    for (uint64_t width = RUN; width < count; width *= 2) {
        for (uint64_t begin = 0; begin < count; begin += 2 * width) {
            uint64_t middle = begin + width < count ? begin + width : count;
            uint64_t end = begin + 2 * width < count ? begin + 2 * width : count;
            uint64_t a = begin, b = middle;
            for (uint64_t k = begin; k < end; k++) {
                bool left = a < middle && (b == end || in_order(call, &from[a], &from[b]));
                to[k] = left ? from[a++] : from[b++];
            }
        }
        sort_item *swap = from;
        from = to;
        to = swap;
    }
    if (from != items) {
        memcpy(items, from, count * sizeof *items);
    }
}

static void fill_items(const ef_select_call *call, sort_item *items, uint32_t begin, uint32_t end) {
    const ef_order_key *first = &call->self->order[0];
    const ef_column *column = &call->columns[first->output];
    for (uint32_t i = begin; i < end; i++) {
        sort_item *item = &items[i - begin];
        bool null = ef_is_null(column, i);
        item->row = i;
        item->rank = !null ? 1 : first->nulls_first ? 0 : 2;
        uint64_t key = null ? 0 : sort_key(column, i);
        item->key = first->descending ? ~key : key;
    }
}

static uint8_t kind_of(const ef_select_call *call, uint32_t emitted) {
    return ef_row_kind(call->in, ef_select_row(call, emitted));
}

static void sort_delivery(const ef_select_call *call, uint32_t *pick, sort_item *items, sort_item *space,
                          uint32_t begin, uint32_t end) {
    while (begin < end) {
        uint32_t stop = begin + 1;
        uint8_t kind = kind_of(call, begin);
        while (stop < end && kind_of(call, stop) == kind) {
            stop++;
        }
        fill_items(call, items, begin, stop);
        sort_items(call, items, space, stop - begin);
        for (uint32_t i = begin; i < stop; i++) {
            pick[i] = items[i - begin].row;
        }
        begin = stop;
    }
}

ef_status ef_select_order(ef_select_call *call) {
    const ef_select *self = call->self;
    uint64_t offset = (uint64_t)self->offset;
    uint64_t limit = self->limit < 0 ? UINT64_MAX : (uint64_t)self->limit;
    if (call->each) {
        if (offset > 0 || limit == 0) {
            call->count = 0;
        }
        return EF_OK;
    }
    size_t count = call->count > 0 ? call->count : 1;
    uint32_t *pick = ef_arena_take(call->arena, count * sizeof *pick);
    uint32_t *ends = ef_arena_take(call->arena, (call->deliveries > 0 ? call->deliveries : 1) * sizeof *ends);
    sort_item *items = NULL, *space = NULL;
    if (self->order_count > 0) {
        items = ef_arena_take(call->arena, count * sizeof *items);
        space = ef_arena_take(call->arena, count * sizeof *space);
    }
    if (pick == NULL || ends == NULL || (self->order_count > 0 && (items == NULL || space == NULL))) {
        return ef_fail_memory(call->error);
    }
    uint32_t begin = 0, kept = 0, deliveries = 0;
    for (uint32_t d = 0; d < call->deliveries; d++) {
        uint32_t end = call->ends[d];
        if (self->order_count > 0) {
            sort_delivery(call, pick, items, space, begin, end);
        } else {
            for (uint32_t i = begin; i < end; i++) {
                pick[i] = i;
            }
        }
        uint32_t rows = end - begin;
        uint32_t skip = offset < rows ? (uint32_t)offset : rows;
        uint32_t take = limit < rows - skip ? (uint32_t)limit : rows - skip;
        if (take > 0) {
            memmove(pick + kept, pick + begin + skip, take * sizeof *pick);
            kept += take;
            ends[deliveries++] = kept;
        }
        begin = end;
    }
    return ef_select_narrow(call, pick, kept, ends, deliveries);
}
