/* What an item keeps in a bucket: a value, a sum, an extreme, or the values that were seen; and where in the bucket it lies. */
#include "base/hash.h"
#include "rollup/rollup.h"

ef_type rollup_item_type(const rollup_item *item) {
    switch (item->kind) {
    case EF_ROLLUP_COUNT:
    case EF_ROLLUP_DISTINCT:
        return EF_LONG;
    case EF_ROLLUP_SUM:
    case EF_ROLLUP_AVG:
        return item->argument == EF_INT || item->argument == EF_LONG ? EF_LONG : EF_DOUBLE;
    case EF_ROLLUP_LAST:
    case EF_ROLLUP_MIN:
    case EF_ROLLUP_MAX:
        break;
    }
    return item->argument;
}

bool rollup_value_same(ef_type type, const ef_value *a, const ef_value *b) {
    return ef_type_is_bytes(type) ? ef_str_equal(&a->s, &b->s) : ef_value_order(type, a, 0) == ef_value_order(type, b, 0);
}

ef_status rollup_value_copy(rollup *r, ef_type type, const ef_value *from, ef_value *to, ef_error *error) {
    if (!ef_type_is_bytes(type) || from->s.length <= EF_INLINE_STRING) {
        *to = *from;
        return EF_OK;
    }
    char *bytes = ef_malloc(r->alloc, from->s.length);
    if (bytes == NULL) {
        return ef_fail_memory(error);
    }
    memcpy(bytes, from->s.as.outside.data, from->s.length);
    to->s = ef_str_view(bytes, from->s.length);
    return EF_OK;
}

void rollup_value_free(rollup *r, ef_type type, ef_value *value) {
    if (ef_type_is_bytes(type) && value->s.length > EF_INLINE_STRING) {
        ef_free(r->alloc, (void *)(uintptr_t)value->s.as.outside.data, value->s.length);
    }
    *value = (ef_value){0};
}

/* A last value by which rows are grouped is the group's: one of equal values has the same bits, except among reals. */
static int32_t key_of(const rollup *r, const rollup_item *item) {
    if (item->kind != EF_ROLLUP_LAST || item->argument == EF_FLOAT || item->argument == EF_DOUBLE) {
        return -1;
    }
    for (uint32_t k = 0; k < r->key_count; k++) {
        if ((int32_t)r->keys[k] == item->column) {
            return (int32_t)k;
        }
    }
    return -1;
}

static uint32_t kept_size(const rollup_item *item) {
    switch (item->kind) {
    case EF_ROLLUP_COUNT:
        return 0;
    case EF_ROLLUP_LAST:
        return item->key >= 0 ? 0 : sizeof(rollup_last);
    case EF_ROLLUP_SUM:
    case EF_ROLLUP_AVG:
        return sizeof(rollup_sum);
    case EF_ROLLUP_MIN:
    case EF_ROLLUP_MAX:
        return sizeof(rollup_extreme);
    case EF_ROLLUP_DISTINCT:
        return sizeof(rollup_distinct);
    }
    return 0;
}

static bool keeps_sum(const rollup_item *item) {
    return item->kind == EF_ROLLUP_SUM || item->kind == EF_ROLLUP_AVG;
}

void rollup_lay_out(rollup *r) {
    r->bucket_size = sizeof(rollup_bucket);
    r->needs_latest = false;
    for (uint32_t i = 0; i < r->item_count; i++) {
        rollup_item *item = &r->items[i];
        item->key = key_of(r, item);
        item->is_shared = false;
        item->offset = r->bucket_size;
        for (uint32_t before = 0; before < i && !item->is_shared; before++) {
            const rollup_item *other = &r->items[before];
            if (other->column == item->column && keeps_sum(item) && keeps_sum(other)) {
                item->offset = other->offset;
                item->is_shared = true;
            }
        }
        r->bucket_size += item->is_shared ? 0 : kept_size(item);
        r->needs_latest = r->needs_latest || (item->kind == EF_ROLLUP_LAST && item->key < 0);
    }
}

static ef_status see(rollup *r, ef_type type, rollup_seen *seen, const ef_value *value, ef_error *error) {
    EF_TRY(ef_handle_index_reserve(&seen->index, 1, error));
    uint32_t hash = ef_index_hash(ef_hash_u64(ef_value_order(type, value, r->seed), r->seed));
    for (uint32_t at = hash & seen->index.mask; seen->index.entries[at] != EF_INDEX_EMPTY;
         at = (at + 1) & seen->index.mask) {
        uint64_t entry = seen->index.entries[at];
        if (ef_index_entry_hash(entry) == hash &&
            rollup_value_same(type, &seen->values[ef_index_entry_handle(entry)], value)) {
            return EF_OK;
        }
    }
    EF_TRY(ef_grow(r->alloc, (void **)&seen->values, &seen->capacity, seen->count + 1, sizeof *seen->values, error));
    EF_TRY(rollup_value_copy(r, type, value, &seen->values[seen->count], error));
    ef_handle_index_add(&seen->index, hash, seen->count++);
    return EF_OK;
}

ef_status rollup_seen_add(rollup *r, const rollup_item *item, rollup_bucket *bucket, const ef_value *value, bool is_there,
                          ef_error *error) {
    rollup_distinct *kept = rollup_kept(bucket, item);
    if (kept->seen == NULL) {
        kept->seen = ef_calloc(r->alloc, sizeof *kept->seen);
        if (kept->seen == NULL) {
            return ef_fail_memory(error);
        }
        ef_handle_index_init(&kept->seen->index, r->alloc);
    }
    if (!is_there) {
        kept->seen->has_null = true;
        return EF_OK;
    }
    return see(r, item->argument, kept->seen, value, error);
}

ef_status rollup_last_set(rollup *r, const rollup_item *item, rollup_bucket *bucket, const ef_value *value, bool is_there,
                          ef_error *error) {
    rollup_last *kept = rollup_kept(bucket, item);
    ef_value copy = {0};
    if (is_there) {
        EF_TRY(rollup_value_copy(r, item->argument, value, &copy, error));
    }
    rollup_value_free(r, item->argument, &kept->value);
    kept->value = copy;
    kept->count = is_there;
    return EF_OK;
}

void rollup_item_clear(rollup *r, const rollup_item *item, rollup_bucket *bucket) {
    if (item->kind == EF_ROLLUP_LAST && item->key < 0) {
        rollup_last *kept = rollup_kept(bucket, item);
        rollup_value_free(r, item->argument, &kept->value);
    } else if (item->kind == EF_ROLLUP_DISTINCT) {
        rollup_distinct *kept = rollup_kept(bucket, item);
        rollup_seen *seen = kept->seen;
        if (seen == NULL) {
            return;
        }
        for (uint32_t i = 0; i < seen->count; i++) {
            rollup_value_free(r, item->argument, &seen->values[i]);
        }
        ef_free(r->alloc, seen->values, seen->capacity * sizeof *seen->values);
        ef_handle_index_clear(&seen->index);
        ef_free(r->alloc, seen, sizeof *seen);
        kept->seen = NULL;
    }
}

static bool read_sum(const rollup_item *item, const rollup_bucket *bucket, ef_value *value) {
    const rollup_sum *kept = rollup_kept(bucket, item);
    uint64_t count = bucket->rows - kept->nulls;
    if (count == 0) {
        return false;
    }
    bool is_average = item->kind == EF_ROLLUP_AVG;
    if (item->type == EF_LONG) {
        value->l = is_average ? kept->as.l / (int64_t)count : kept->as.l;
    } else {
        value->d = is_average ? kept->as.d / (double)count : kept->as.d;
    }
    return true;
}

bool rollup_item_read(const rollup_item *item, const rollup_bucket *bucket, ef_value *value) {
    *value = (ef_value){0};
    switch (item->kind) {
    case EF_ROLLUP_COUNT:
        value->l = (int64_t)bucket->rows;
        return true;
    case EF_ROLLUP_DISTINCT: {
        const rollup_distinct *kept = rollup_kept(bucket, item);
        value->l = kept->seen == NULL ? 0 : (int64_t)kept->seen->count + kept->seen->has_null;
        return true;
    }
    case EF_ROLLUP_SUM:
    case EF_ROLLUP_AVG:
        return read_sum(item, bucket, value);
    case EF_ROLLUP_MIN:
    case EF_ROLLUP_MAX: {
        const rollup_extreme *kept = rollup_kept(bucket, item);
        memcpy(value, &kept->as, sizeof kept->as);
        return kept->count > 0;
    }
    case EF_ROLLUP_LAST:
        break;
    }
    if (item->key >= 0) {
        if (bucket->group->there[item->key]) {
            *value = bucket->group->key[item->key];
        }
        return bucket->group->there[item->key];
    }
    const rollup_last *kept = rollup_kept(bucket, item);
    *value = kept->value;
    return kept->count > 0;
}
