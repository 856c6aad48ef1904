/* Saved state of an aggregation.
 *
 *      latest, purge base, purge next, arrivals
 *      groups:  number, each key
 *      buckets: group (its place above), duration, start, latest, rows, each cell
 *
 * Everything else is derived. What is loaded is believed only after it was checked. */
#include "base/object.h"
#include "base/utf8.h"
#include "rollup/rollup.h"

static void put_value(ef_writer *writer, ef_type type, const ef_value *value) {
    if (ef_type_is_bytes(type)) {
        ef_put_str(writer, &value->s);
    } else {
        ef_put_bytes(writer, value, ef_type_width(type));
    }
}

static void put_item(const rollup_item *item, const rollup_bucket *bucket, ef_writer *writer) {
    ef_value shown;
    switch (item->kind) {
    case EF_ROLLUP_COUNT:
        ef_put_u64(writer, bucket->rows);
        break;
    case EF_ROLLUP_SUM:
    case EF_ROLLUP_AVG: {
        const rollup_sum *kept = rollup_kept(bucket, item);
        ef_put_u64(writer, bucket->rows - kept->nulls);
        ef_put_i64(writer, kept->as.l); /* a double by its bits */
        break;
    }
    case EF_ROLLUP_LAST:
    case EF_ROLLUP_MIN:
    case EF_ROLLUP_MAX:
        ef_put_u64(writer, rollup_item_read(item, bucket, &shown));
        put_value(writer, item->argument, &shown);
        break;
    case EF_ROLLUP_DISTINCT: {
        const rollup_distinct *kept = rollup_kept(bucket, item);
        const rollup_seen *seen = kept->seen;
        ef_put_u64(writer, 0);
        ef_put_u8(writer, seen != NULL && seen->has_null);
        ef_put_u32(writer, seen == NULL ? 0 : seen->count);
        for (uint32_t i = 0; seen != NULL && i < seen->count; i++) {
            put_value(writer, item->argument, &seen->values[i]);
        }
        break;
    }
    }
}

void rollup_group_put(const rollup *r, const rollup_group *group, ef_writer *writer) {
    ef_put_u64(writer, group->number);
    for (uint32_t k = 0; k < r->key_count; k++) {
        ef_put_u8(writer, group->there[k]);
        if (group->there[k]) {
            put_value(writer, r->key_types[k], &group->key[k]);
        }
    }
}

void rollup_bucket_put(const rollup *r, const rollup_bucket *bucket, ef_writer *writer) {
    ef_put_i64(writer, bucket->latest);
    ef_put_u64(writer, bucket->rows);
    for (uint32_t i = 0; i < r->item_count; i++) {
        put_item(&r->items[i], bucket, writer);
    }
}

ef_status rollup_save(const rollup *r, ef_writer *writer, ef_error *error) {
    ef_put_i64(writer, r->latest);
    ef_put_i64(writer, r->purge_base);
    ef_put_i64(writer, r->purge_next);
    ef_put_u64(writer, r->arrivals);
    uint32_t count = r->groups.count, live = 0;
    uint32_t *place = ef_malloc(r->alloc, count * sizeof *place);
    if (place == NULL) {
        return ef_fail_memory(error);
    }
    ef_put_u32(writer, count - r->groups.free_count);
    for (uint32_t g = 0; g < count; g++) {
        const rollup_group *group = r->groups.items[g];
        if (group == NULL) {
            continue;
        }
        place[g] = live++;
        rollup_group_put(r, group, writer);
    }
    ef_put_u32(writer, r->live);
    for (uint32_t b = 0; b < r->buckets.count; b++) {
        const rollup_bucket *bucket = rollup_bucket_at(r, b);
        if (bucket->group == NULL) {
            continue;
        }
        ef_put_u32(writer, place[bucket->group->index]);
        ef_put_u8(writer, (uint8_t)bucket->duration);
        ef_put_i64(writer, bucket->start);
        rollup_bucket_put(r, bucket, writer);
    }
    ef_free(r->alloc, place, count * sizeof *place);
    return ef_writer_status(writer, error);
}

static ef_status corrupt(ef_error *error) {
    return ef_fail(error, EF_CORRUPT, "the saved state of an aggregation has an impossible value");
}

/* A view into the bytes read. */
static ef_status get_value(ef_reader *reader, ef_type type, ef_value *value, ef_error *error) {
    *value = (ef_value){0};
    if (ef_type_is_bytes(type)) {
        value->s = ef_get_str(reader);
        const char *data = ef_str_data(&value->s);
        /* a null is kept as an empty string, whatever the type */
        bool fits = value->s.length == 0 || (type == EF_STRING ? ef_utf8_check(data, value->s.length)
                                                               : ef_object_check(data, value->s.length));
        return fits ? ef_reader_status(reader, error) : corrupt(error);
    }
    const char *bytes = ef_get_bytes(reader, ef_type_width(type));
    if (bytes == NULL) {
        return ef_reader_status(reader, error);
    }
    memcpy(value, bytes, ef_type_width(type));
    return type == EF_BOOL && value->b > 1 ? corrupt(error) : EF_OK;
}

static ef_status get_seen(rollup *r, const rollup_item *item, rollup_bucket *bucket, ef_reader *reader, ef_error *error) {
    uint8_t has_null = ef_get_u8(reader);
    uint32_t count = ef_get_u32(reader);
    if (has_null > 1) {
        return corrupt(error);
    }
    ef_value value = {0};
    if (has_null) {
        EF_TRY(rollup_seen_add(r, item, bucket, &value, false, error));
    }
    const rollup_distinct *kept = rollup_kept(bucket, item);
    for (uint32_t i = 0; i < count; i++) {
        EF_TRY(get_value(reader, item->argument, &value, error));
        EF_TRY(rollup_seen_add(r, item, bucket, &value, true, error));
        if (kept->seen->count != i + 1) {
            return corrupt(error);
        }
    }
    return EF_OK;
}

static ef_status get_item(rollup *r, const rollup_item *item, rollup_bucket *bucket, ef_reader *reader, ef_error *error) {
    uint64_t count = ef_get_u64(reader);
    if (count > INT64_MAX) {
        return corrupt(error);
    }
    ef_value value;
    switch (item->kind) {
    case EF_ROLLUP_COUNT:
        return count == bucket->rows ? EF_OK : corrupt(error);
    case EF_ROLLUP_SUM:
    case EF_ROLLUP_AVG: {
        rollup_sum *kept = rollup_kept(bucket, item);
        kept->as.l = ef_get_i64(reader);
        kept->nulls = bucket->rows - count;
        return count <= bucket->rows ? EF_OK : corrupt(error);
    }
    case EF_ROLLUP_LAST:
    case EF_ROLLUP_MIN:
    case EF_ROLLUP_MAX:
        EF_TRY(get_value(reader, item->argument, &value, error));
        if (count > 1 || (count == 1 && item->argument == EF_OBJECT && value.s.length == 0)) {
            return corrupt(error);
        }
        if (item->kind == EF_ROLLUP_LAST) { /* of a key: the group has it */
            return item->key >= 0 ? EF_OK : rollup_last_set(r, item, bucket, &value, count == 1, error);
        }
        rollup_extreme *kept = rollup_kept(bucket, item);
        memcpy(&kept->as, &value, sizeof kept->as);
        kept->count = count;
        return EF_OK;
    case EF_ROLLUP_DISTINCT:
        return get_seen(r, item, bucket, reader, error);
    }
    return EF_OK;
}

ef_status rollup_group_get(rollup *r, ef_reader *reader, ef_value *key, uint8_t *there, rollup_group **group, bool *is_new,
                           ef_error *error) {
    uint64_t number = ef_get_u64(reader), before = r->arrivals;
    for (uint32_t k = 0; k < r->key_count; k++) {
        key[k] = (ef_value){0};
        there[k] = ef_get_u8(reader);
        if (there[k] > 1) {
            return corrupt(error);
        }
        if (there[k]) {
            EF_TRY(get_value(reader, r->key_types[k], &key[k], error));
        }
    }
    EF_TRY(ef_reader_status(reader, error));
    EF_TRY(rollup_group_of(r, key, there, group, error));
    *is_new = r->arrivals != before;
    (*group)->number = number;
    return EF_OK;
}

static ef_status get_group(rollup *r, ef_reader *reader, ef_value *key, uint8_t *there, ef_error *error) {
    rollup_group *group;
    bool is_new;
    EF_TRY(rollup_group_get(r, reader, key, there, &group, &is_new, error));
    return is_new ? EF_OK : corrupt(error); /* twice */
}

ef_status rollup_bucket_get(rollup *r, rollup_bucket *bucket, ef_reader *reader, ef_error *error) {
    bucket->latest = ef_get_i64(reader);
    bucket->rows = ef_get_u64(reader);
    if (bucket->rows > INT64_MAX) {
        return corrupt(error);
    }
    for (uint32_t i = 0; i < r->item_count; i++) {
        EF_TRY(get_item(r, &r->items[i], bucket, reader, error));
    }
    return ef_reader_status(reader, error);
}

static ef_status get_bucket(rollup *r, ef_reader *reader, ef_error *error) {
    uint32_t place = ef_get_u32(reader), duration = ef_get_u8(reader);
    int64_t start = ef_get_i64(reader);
    EF_TRY(ef_reader_status(reader, error));
    if (place >= r->groups.count || duration >= r->duration_count || start < -2 * EF_ROLLUP_LATEST ||
        start > EF_ROLLUP_LATEST) {
        return corrupt(error);
    }
    uint32_t before = r->live;
    rollup_bucket *bucket;
    EF_TRY(rollup_bucket_of(r, r->groups.items[place], duration, start, &bucket, error));
    if (r->live == before) {
        return corrupt(error);
    }
    return rollup_bucket_get(r, bucket, reader, error);
}

static ef_status get_all(rollup *r, ef_reader *reader, ef_value *key, uint8_t *there, ef_error *error) {
    int64_t latest = ef_get_i64(reader), base = ef_get_i64(reader), next = ef_get_i64(reader);
    uint64_t arrivals = ef_get_u64(reader);
    uint32_t groups = ef_get_u32(reader);
    EF_TRY(ef_reader_status(reader, error));
    if (base > next || (base == INT64_MIN) != (next == INT64_MIN)) {
        return corrupt(error);
    }
    for (uint32_t g = 0; g < groups; g++) {
        EF_TRY(get_group(r, reader, key, there, error));
    }
    uint32_t buckets = ef_get_u32(reader);
    for (uint32_t b = 0; b < buckets; b++) {
        EF_TRY(get_bucket(r, reader, error));
    }
    EF_TRY(ef_reader_status(reader, error));
    for (uint32_t g = 0; g < r->groups.count; g++) {
        if (((const rollup_group *)r->groups.items[g])->buckets == 0) {
            return corrupt(error);
        }
    }
    for (uint32_t d = 0; d < r->duration_count; d++) {
        r->ordered[d].is_sorted = r->ordered[d].count < 2; /* numbers of groups came after their places */
    }
    r->latest = latest;
    r->purge_base = base;
    r->purge_next = next;
    r->arrivals = arrivals;
    return EF_OK;
}

ef_status rollup_load(rollup *r, ef_reader *reader, ef_error *error) {
    size_t size = r->key_count * (sizeof(ef_value) + 1);
    ef_value *key = ef_malloc(r->alloc, size);
    if (key == NULL) {
        return ef_fail_memory(error);
    }
    ef_status status = get_all(r, reader, key, (uint8_t *)&key[r->key_count], error);
    ef_free(r->alloc, key, size);
    if (status != EF_OK) {
        rollup_clear(r);
    }
    return status;
}
