/* Rows into buckets, a block at a time.
 *
 *      keys ──hash──> entry ──> group          what memory has to bring is asked for one step before it is looked at
 *      times ──> start ──> bucket[duration]     nearly always the group's current one
 *      column ──> what each item keeps          one loop an item, type and duration
 *
 * Groups and buckets of the whole block are there before anything is counted, so that a row that no memory is left for leaves nothing behind; only what copies
 * values (last values of texts, distinct values) can still fail then. Reals are added in the order of rows. O(rows * durations * items). */
#include "base/hash.h"
#include "rollup/rollup.h"

#define ABREAST 64u /* rows whose groups are looked up together */

typedef rollup_block block;

struct rollup_block {
    const ef_batch *batch;
    const uint32_t *rows; /* of the batch */
    const int64_t *times;
    uint32_t count;
    rollup_group *group[ROLLUP_BLOCK];
    rollup_bucket *bucket[EF_ROLLUP_DURATIONS][ROLLUP_BLOCK];
    uint8_t is_latest[ROLLUP_BLOCK];
    ef_value *key; /* of one row */
    uint8_t *there;
};

rollup_block *rollup_block_take(const rollup *r, ef_arena *arena) {
    block *b = ef_arena_take(arena, sizeof *b);
    ef_value *key = ef_arena_take(arena, r->key_count * (sizeof *key + 1));
    if (b == NULL || key == NULL) {
        return NULL;
    }
    b->key = key;
    b->there = (uint8_t *)&key[r->key_count];
    return b;
}

/* ---- groups ---- */

#define MIX(own) (hash[i] = ef_hash_u64((own) ^ hash[i], seed))

static void mix_column(const ef_column *column, const uint32_t *rows, uint32_t count, uint64_t seed, uint64_t *hash) {
    if (column->validity == NULL && column->type == EF_STRING) {
        for (uint32_t i = 0; i < count; i++) {
            MIX(ef_hash_str((const ef_str *)column->values + rows[i], seed));
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        ef_value value;
        MIX(ef_cell_read(column, rows[i], &value) ? ef_value_order(column->type, &value, seed) : ROLLUP_NULL_HASH);
    }
}

static void read_key(const rollup *r, const ef_batch *batch, uint32_t row, ef_value *key, uint8_t *there) {
    for (uint32_t k = 0; k < r->key_count; k++) {
        key[k] = (ef_value){0};
        there[k] = ef_cell_read(&batch->column[r->keys[k]], row, &key[k]);
    }
}

static bool fits(const rollup *r, const rollup_group *group, const ef_batch *batch, uint32_t row, ef_value *key, uint8_t *there) {
    if (r->key_count == 1 && r->key_types[0] == EF_STRING && batch->column[r->keys[0]].validity == NULL) {
        return group->there[0] && ef_str_equal(&group->key[0].s, (const ef_str *)batch->column[r->keys[0]].values + row);
    }
    read_key(r, batch, row, key, there);
    return rollup_is_group(r, group, key, there);
}

/* Groups of rows [from, to) of the block, at most ABREAST. */
static ef_status find_groups(rollup *r, block *b, uint32_t from, uint32_t to, ef_error *error) {
    uint64_t hash[ABREAST];
    const uint32_t *rows = b->rows + from;
    uint32_t count = to - from;
    for (uint32_t i = 0; i < count; i++) {
        hash[i] = ROLLUP_HASH;
    }
    for (uint32_t k = 0; k < r->key_count; k++) {
        mix_column(&b->batch->column[r->keys[k]], rows, count, r->seed, hash);
    }
    EF_TRY(ef_handle_index_reserve(&r->by_key, 1, error)); /* so that there are entries */
    for (uint32_t i = 0; i < count; i++) {
        __builtin_prefetch(&r->by_key.entries[ef_index_hash(hash[i]) & r->by_key.mask]);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t sought = ef_index_hash(hash[i]), at = sought & r->by_key.mask;
        uint64_t entry = r->by_key.entries[at];
        while (entry != EF_INDEX_EMPTY && ef_index_entry_hash(entry) != sought) {
            at = (at + 1) & r->by_key.mask;
            entry = r->by_key.entries[at];
        }
        rollup_group *group = entry == EF_INDEX_EMPTY ? NULL : r->groups.items[ef_index_entry_handle(entry)];
        b->group[from + i] = group;
        if (group != NULL) {
            __builtin_prefetch(group);
            __builtin_prefetch(group->key);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        rollup_group **group = &b->group[from + i];
        if (EF_UNLIKELY(*group == NULL || !fits(r, *group, b->batch, rows[i], b->key, b->there))) {
            read_key(r, b->batch, rows[i], b->key, b->there);
            b->count = from + i;
            EF_TRY(rollup_group_of(r, b->key, b->there, group, error));
        }
    }
    b->count = to;
    return EF_OK;
}

/* ---- buckets ---- */

static ef_status find_buckets(rollup *r, block *b, uint32_t duration, ef_error *error) {
    rollup_bucket **bucket = b->bucket[duration];
    for (uint32_t i = 0; i < b->count; i++) {
        ef_status status = rollup_bucket_of(r, b->group[i], duration, rollup_start(r, duration, b->times[i]), &bucket[i], error);
        if (status == EF_OK && r->store != NULL && bucket[i]->unwritten == 0) {
            status = rollup_touched(r, bucket[i], error);
        }
        if (EF_UNLIKELY(status != EF_OK)) {
            b->count = i;
            return status;
        }
    }
    return EF_OK;
}

/* ---- items ---- */

#define ADD(type, field, wide)                                                                          \
    do {                                                                                                \
        const type *restrict value = column->values;                                                    \
        for (uint32_t i = 0; i < count; i++) {                                                          \
            rollup_sum *kept = (void *)((char *)bucket[i] + offset);                                    \
            if (!may_be_null || !ef_is_null(column, rows[i])) {                                         \
                kept->as.field = (wide)((wide)kept->as.field + (wide)value[rows[i]]);                   \
            } else {                                                                                    \
                kept->nulls++;                                                                          \
            }                                                                                           \
        }                                                                                               \
    } while (0)

#define ADD_ALL(type, field, wide)        \
    do {                                  \
        if (column->validity == NULL) {   \
            const bool may_be_null = false; \
            ADD(type, field, wide);       \
        } else {                          \
            const bool may_be_null = true;  \
            ADD(type, field, wide);       \
        }                                 \
    } while (0)

static void add_sums(const rollup_item *item, const ef_column *column, const uint32_t *rows, rollup_bucket *const *bucket,
                     uint32_t count) {
    const uint32_t offset = item->offset;
    switch (column->type) {
    case EF_INT:
        ADD_ALL(int32_t, u, uint64_t);
        break;
    case EF_LONG:
        ADD_ALL(int64_t, u, uint64_t);
        break;
    case EF_FLOAT:
        ADD_ALL(float, d, double);
        break;
    default:
        ADD_ALL(double, d, double);
        break;
    }
}

#define EXTREME(type, field)                                                                                        \
    do {                                                                                                            \
        const type *restrict value = column->values;                                                                \
        for (uint32_t i = 0; i < count; i++) {                                                                      \
            rollup_extreme *kept = (void *)((char *)bucket[i] + offset);                                            \
            type own = value[rows[i]];                                                                              \
            if (!ef_is_null(column, rows[i]) &&                                                                     \
                (kept->count == 0 || (is_least ? own < kept->as.field : own > kept->as.field))) {                   \
                kept->as.field = own;                                                                               \
                kept->count = 1;                                                                                    \
            }                                                                                                       \
        }                                                                                                           \
    } while (0)

static void add_extremes(const rollup_item *item, const ef_column *column, const uint32_t *rows, rollup_bucket *const *bucket,
                         uint32_t count) {
    const uint32_t offset = item->offset;
    const bool is_least = item->kind == EF_ROLLUP_MIN;
    switch (column->type) {
    case EF_INT:
        EXTREME(int32_t, i);
        break;
    case EF_LONG:
        EXTREME(int64_t, l);
        break;
    case EF_FLOAT:
        EXTREME(float, f);
        break;
    default:
        EXTREME(double, d);
        break;
    }
}

static ef_status add_values(rollup *r, const rollup_item *item, const block *b, rollup_bucket *const *bucket, ef_error *error) {
    const ef_column *column = &b->batch->column[item->column];
    for (uint32_t i = 0; i < b->count; i++) {
        ef_value value = {0};
        bool is_there = ef_cell_read(column, b->rows[i], &value);
        if (item->kind == EF_ROLLUP_DISTINCT) {
            EF_TRY(rollup_seen_add(r, item, bucket[i], &value, is_there, error));
        } else if (b->is_latest[i]) {
            EF_TRY(rollup_last_set(r, item, bucket[i], &value, is_there, error));
        }
    }
    return EF_OK;
}

static ef_status fold_item(rollup *r, const rollup_item *item, const block *b, rollup_bucket *const *bucket, ef_error *error) {
    switch (item->kind) {
    case EF_ROLLUP_COUNT:
        break;
    case EF_ROLLUP_SUM:
    case EF_ROLLUP_AVG:
        if (!item->is_shared) {
            add_sums(item, &b->batch->column[item->column], b->rows, bucket, b->count);
        }
        break;
    case EF_ROLLUP_MIN:
    case EF_ROLLUP_MAX:
        add_extremes(item, &b->batch->column[item->column], b->rows, bucket, b->count);
        break;
    case EF_ROLLUP_LAST:
        return item->key >= 0 ? EF_OK : add_values(r, item, b, bucket, error);
    case EF_ROLLUP_DISTINCT:
        return add_values(r, item, b, bucket, error);
    }
    return EF_OK;
}

static ef_status fold_duration(rollup *r, block *b, uint32_t duration, ef_error *error) {
    rollup_bucket *const *bucket = b->bucket[duration];
    for (uint32_t i = 0; i < b->count; i++) {
        bool is_latest = b->times[i] >= bucket[i]->latest;
        bucket[i]->latest = is_latest ? b->times[i] : bucket[i]->latest;
        bucket[i]->rows++;
        b->is_latest[i] = is_latest;
    }
    for (uint32_t i = 0; i < r->item_count; i++) {
        EF_TRY(fold_item(r, &r->items[i], b, bucket, error));
    }
    return EF_OK;
}

ef_status rollup_fold(rollup *r, rollup_block *b, const ef_batch *batch, const uint32_t *rows, const int64_t *times, uint32_t count,
                      ef_error *error) {
    b->batch = batch;
    b->rows = rows;
    b->times = times;
    b->count = 0;
    ef_status made = EF_OK;
    for (uint32_t from = 0; from < count && made == EF_OK; from += ABREAST) {
        made = find_groups(r, b, from, count - from < ABREAST ? count : from + ABREAST, error);
    }
    for (uint32_t d = 0; d < r->duration_count; d++) {
        ef_status status = find_buckets(r, b, d, error);
        made = made == EF_OK ? status : made;
    }
    ef_status status = EF_OK;
    for (uint32_t d = 0; d < r->duration_count && status == EF_OK; d++) {
        status = fold_duration(r, b, d, error);
    }
    if (EF_UNLIKELY(made != EF_OK)) {
        rollup_drop_empty(r);
    }
    return status == EF_OK ? made : status;
}
