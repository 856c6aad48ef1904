/* Groups and buckets: finding, making, dropping, ordering them; where a bucket begins. */
#include "base/calendar.h"
#include "base/hash.h"
#include "rollup/rollup.h"

/* ---- time ---- */

static int64_t month_start(int64_t year, int32_t month) {
    return ef_days_from_civil(year, month, 1) * EF_DAY_MS;
}

static rollup_span calendar_span(const ef_zone *zone, ef_rollup_duration duration, int64_t time) {
    int64_t local = time + ef_zone_offset(zone, time);
    int64_t from, to;
    if (duration == EF_ROLLUP_HOUR || duration == EF_ROLLUP_DAY) {
        int64_t length = duration == EF_ROLLUP_HOUR ? 3600000 : EF_DAY_MS;
        from = ef_floor_divide(local, length) * length;
        to = from + length;
        if (duration == EF_ROLLUP_HOUR) { /* an hour that comes twice is two buckets */
            int64_t passed = local - from;
            return (rollup_span){time - passed, time - passed + length};
        }
    } else {
        ef_civil civil = ef_civil_from_ms(local);
        bool is_year = duration == EF_ROLLUP_YEAR;
        from = month_start(civil.year, is_year ? 1 : civil.month);
        to = is_year || civil.month == 12 ? month_start(civil.year + 1, 1) : month_start(civil.year, civil.month + 1);
    }
    return (rollup_span){ef_zone_moment(zone, from), ef_zone_moment(zone, to)};
}

int64_t rollup_find_start(rollup *r, uint32_t duration, int64_t time) {
    rollup_span *span = &r->spans[duration];
    ef_rollup_duration kind = r->durations[duration];
    if (kind == EF_ROLLUP_SECOND || kind == EF_ROLLUP_MINUTE) {
        int64_t length = kind == EF_ROLLUP_SECOND ? 1000 : 60000;
        span->from = ef_floor_divide(time, length) * length;
        span->to = span->from + length;
    } else {
        *span = calendar_span(&r->zone, kind, time);
        if (r->zone.count > 1) { /* a change of the clock may lie between: nothing is remembered */
            int64_t start = span->from;
            *span = (rollup_span){0, 0};
            return start;
        }
    }
    return span->from;
}

/* ---- lists ---- */

static ef_status list_reserve(rollup *r, rollup_list *list, ef_error *error) {
    EF_TRY(ef_grow(r->alloc, (void **)&list->items, &list->capacity, list->count + 1, sizeof *list->items, error));
    return ef_grow(r->alloc, (void **)&list->free_numbers, &list->free_capacity, list->count + 1,
                   sizeof *list->free_numbers, error);
}

static uint32_t list_add(rollup_list *list, void *item) {
    uint32_t number = list->free_count > 0 ? list->free_numbers[--list->free_count] : list->count++;
    list->items[number] = item;
    return number;
}

static void list_remove(rollup_list *list, uint32_t number) {
    list->items[number] = NULL;
    list->free_numbers[list->free_count++] = number;
}

static void list_clear(rollup *r, rollup_list *list) {
    ef_free(r->alloc, list->items, list->capacity * sizeof *list->items);
    ef_free(r->alloc, list->free_numbers, list->free_capacity * sizeof *list->free_numbers);
    *list = (rollup_list){0};
}

/* ---- groups ---- */

static size_t group_size(const rollup *r) {
    return sizeof(rollup_group) + r->key_count * (sizeof(ef_value) + 1);
}

static void group_free(rollup *r, rollup_group *group) {
    for (uint32_t k = 0; k < r->key_count; k++) {
        rollup_value_free(r, r->key_types[k], &group->key[k]);
    }
    ef_free(r->alloc, group, group_size(r));
}

static uint64_t hash_of(const rollup *r, const ef_value *key, const uint8_t *there) {
    uint64_t hash = ROLLUP_HASH;
    for (uint32_t k = 0; k < r->key_count; k++) {
        uint64_t own = there[k] ? ef_value_order(r->key_types[k], &key[k], r->seed) : ROLLUP_NULL_HASH;
        hash = ef_hash_u64(own ^ hash, r->seed);
    }
    return hash;
}

bool rollup_is_group(const rollup *r, const rollup_group *group, const ef_value *key, const uint8_t *there) {
    for (uint32_t k = 0; k < r->key_count; k++) {
        if (group->there[k] != there[k] ||
            (there[k] && !rollup_value_same(r->key_types[k], &group->key[k], &key[k]))) {
            return false;
        }
    }
    return true;
}

ef_status rollup_group_of(rollup *r, const ef_value *key, const uint8_t *there, rollup_group **group, ef_error *error) {
    EF_TRY(ef_handle_index_reserve(&r->by_key, 1, error));
    uint64_t hash = hash_of(r, key, there);
    uint32_t short_hash = ef_index_hash(hash);
    for (uint32_t at = short_hash & r->by_key.mask; r->by_key.entries[at] != EF_INDEX_EMPTY;
         at = (at + 1) & r->by_key.mask) {
        uint64_t entry = r->by_key.entries[at];
        if (ef_index_entry_hash(entry) == short_hash) {
            *group = r->groups.items[ef_index_entry_handle(entry)];
            if (rollup_is_group(r, *group, key, there)) {
                return EF_OK;
            }
        }
    }
    EF_TRY(list_reserve(r, &r->groups, error));
    rollup_group *made = ef_calloc(r->alloc, group_size(r));
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    made->there = (uint8_t *)&made->key[r->key_count];
    for (uint32_t k = 0; k < r->key_count; k++) {
        ef_status status = there[k] ? rollup_value_copy(r, r->key_types[k], &key[k], &made->key[k], error) : EF_OK;
        if (status != EF_OK) {
            group_free(r, made);
            return status;
        }
        made->there[k] = there[k];
    }
    for (uint32_t d = 0; d < r->duration_count; d++) {
        made->newest[d] = INT64_MIN;
    }
    made->hash = hash;
    made->number = r->arrivals++;
    made->index = list_add(&r->groups, made);
    ef_handle_index_add(&r->by_key, short_hash, made->index);
    *group = made;
    return EF_OK;
}

/* ---- buckets ---- */

static bool is_in_order(const rollup_bucket *a, const rollup_bucket *b) {
    return a->start != b->start ? a->start < b->start : a->group->number <= b->group->number;
}

static uint32_t start_hash(const rollup *r, const rollup_group *group, uint32_t duration, int64_t start) {
    return ef_index_hash(ef_hash_u64(ef_hash_u64((uint64_t)start, r->seed) ^ ((uint64_t)group->index << 3 | duration), r->seed));
}

/* Enters every bucket into by_start, which is kept from now on: rows do come late. */
static ef_status index_buckets(rollup *r, ef_error *error) {
    if (r->is_indexed) {
        return EF_OK;
    }
    EF_TRY(ef_handle_index_reserve(&r->by_start, r->live, error));
    for (uint32_t b = 0; b < r->buckets.count; b++) {
        const rollup_bucket *bucket = rollup_bucket_at(r, b);
        if (bucket->group != NULL) {
            ef_handle_index_add(&r->by_start, start_hash(r, bucket->group, bucket->duration, bucket->start), b);
        }
    }
    r->is_indexed = true;
    return EF_OK;
}

/* Room for one more bucket. */
static ef_status slab_reserve(rollup *r, ef_error *error) {
    rollup_slab *slab = &r->buckets;
    EF_TRY(ef_grow(r->alloc, (void **)&slab->free_numbers, &slab->free_capacity, slab->count + 1, sizeof *slab->free_numbers,
                   error));
    if (slab->free_count > 0 || slab->count < slab->chunk_count * ROLLUP_CHUNK) {
        return EF_OK;
    }
    EF_TRY(ef_grow(r->alloc, (void **)&slab->chunks, &slab->chunk_capacity, slab->chunk_count + 1, sizeof *slab->chunks, error));
    slab->chunks[slab->chunk_count] = ef_malloc(r->alloc, (size_t)ROLLUP_CHUNK * r->bucket_size);
    if (slab->chunks[slab->chunk_count] == NULL) {
        return ef_fail_memory(error);
    }
    slab->chunk_count++;
    return EF_OK;
}

static rollup_bucket *slab_take(rollup *r) {
    rollup_slab *slab = &r->buckets;
    uint32_t number = slab->free_count > 0 ? slab->free_numbers[--slab->free_count] : slab->count++;
    rollup_bucket *bucket = rollup_bucket_at(r, number);
    memset(bucket, 0, r->bucket_size);
    bucket->index = number;
    return bucket;
}

static void slab_clear(rollup *r) {
    rollup_slab *slab = &r->buckets;
    for (uint32_t c = 0; c < slab->chunk_count; c++) {
        ef_free(r->alloc, slab->chunks[c], (size_t)ROLLUP_CHUNK * r->bucket_size);
    }
    ef_free(r->alloc, slab->chunks, slab->chunk_capacity * sizeof *slab->chunks);
    ef_free(r->alloc, slab->free_numbers, slab->free_capacity * sizeof *slab->free_numbers);
    *slab = (rollup_slab){0};
}

ef_status rollup_find_bucket(rollup *r, rollup_group *group, uint32_t duration, int64_t start, rollup_bucket **bucket,
                             ef_error *error) {
    uint32_t hash = 0;
    if (start <= group->newest[duration]) { /* it may be there */
        EF_TRY(index_buckets(r, error));
    }
    if (r->is_indexed) {
        EF_TRY(ef_handle_index_reserve(&r->by_start, 1, error));
        hash = start_hash(r, group, duration, start);
        for (uint32_t at = hash & r->by_start.mask; r->by_start.entries[at] != EF_INDEX_EMPTY;
             at = (at + 1) & r->by_start.mask) {
            uint64_t entry = r->by_start.entries[at];
            rollup_bucket *found = rollup_bucket_at(r, ef_index_entry_handle(entry));
            if (ef_index_entry_hash(entry) == hash && found->group == group && found->duration == duration &&
                found->start == start) {
                *bucket = group->current[duration] = found;
                return EF_OK;
            }
        }
    }
    rollup_order *order = &r->ordered[duration];
    EF_TRY(slab_reserve(r, error));
    EF_TRY(ef_grow(r->alloc, (void **)&order->items, &order->capacity, order->count + 1, sizeof *order->items, error));
    rollup_bucket *made = slab_take(r);
    made->start = start;
    made->latest = INT64_MIN;
    made->group = group;
    made->duration = duration;
    if (r->is_indexed) {
        ef_handle_index_add(&r->by_start, hash, made->index);
    }
    order->items[order->count++] = made;
    order->is_sorted =
        order->is_sorted && (order->count == 1 || is_in_order(order->items[order->count - 2], made));
    group->buckets++;
    group->newest[duration] = start > group->newest[duration] ? start : group->newest[duration];
    r->live++;
    *bucket = group->current[duration] = made;
    return EF_OK;
}

static void bucket_empty(rollup *r, rollup_bucket *bucket) {
    for (uint32_t i = 0; i < r->item_count; i++) {
        rollup_item_clear(r, &r->items[i], bucket);
    }
    bucket->group = NULL;
}

static void group_drop(rollup *r, rollup_group *group) {
    ef_handle_index_remove(&r->by_key, ef_index_hash(group->hash), group->index);
    list_remove(&r->groups, group->index);
    group_free(r, group);
}

static void bucket_drop(rollup *r, rollup_bucket *bucket) {
    rollup_group *group = bucket->group;
    uint32_t duration = bucket->duration;
    if (bucket->unwritten > 0) {
        r->unwritten[bucket->unwritten - 1] = NULL;
    }
    if (r->is_indexed) {
        ef_handle_index_remove(&r->by_start, start_hash(r, group, duration, bucket->start), bucket->index);
    }
    if (group->current[duration] == bucket) {
        group->current[duration] = NULL;
    }
    bucket_empty(r, bucket);
    r->buckets.free_numbers[r->buckets.free_count++] = bucket->index;
    r->live--;
    if (--group->buckets == 0) {
        group_drop(r, group);
    }
}

void rollup_drop_empty(rollup *r) {
    for (uint32_t d = 0; d < r->duration_count; d++) {
        rollup_order *order = &r->ordered[d];
        uint32_t kept = 0;
        for (uint32_t i = 0; i < order->count; i++) {
            if (order->items[i]->rows == 0) {
                bucket_drop(r, order->items[i]);
            } else {
                order->items[kept++] = order->items[i];
            }
        }
        order->count = kept;
    }
    for (uint32_t g = 0; g < r->groups.count; g++) {
        rollup_group *group = r->groups.items[g];
        if (group != NULL && group->buckets == 0) {
            group_drop(r, group);
        }
    }
}

void rollup_clear(rollup *r) {
    for (uint32_t b = 0; b < r->buckets.count; b++) {
        rollup_bucket *bucket = rollup_bucket_at(r, b);
        if (bucket->group != NULL) {
            bucket_empty(r, bucket);
        }
    }
    for (uint32_t i = 0; i < r->groups.count; i++) {
        if (r->groups.items[i] != NULL) {
            group_free(r, r->groups.items[i]);
        }
    }
    ef_free(r->alloc, r->unwritten, r->unwritten_capacity * sizeof *r->unwritten);
    r->unwritten = NULL;
    r->unwritten_count = r->unwritten_capacity = 0;
    for (uint32_t d = 0; d < r->duration_count; d++) {
        r->dropped[d] = INT64_MIN;
        ef_free(r->alloc, r->ordered[d].items, r->ordered[d].capacity * sizeof *r->ordered[d].items);
        r->ordered[d] = (rollup_order){.is_sorted = true};
    }
    slab_clear(r);
    list_clear(r, &r->groups);
    ef_handle_index_clear(&r->by_key);
    ef_handle_index_clear(&r->by_start);
    r->is_indexed = false;
    r->live = 0;
    r->latest = INT64_MIN;
    r->purge_base = r->purge_next = INT64_MIN;
    r->arrivals = 0;
}

/* The last multiple of the interval since the first clock, INT64_MIN: none yet. Purging there is as good as at every one of them. */
static int64_t purged_at(rollup *r, int64_t clock) {
    if (r->purge_interval <= 0) {
        return INT64_MIN;
    }
    if (r->purge_next == INT64_MIN) {
        r->purge_base = clock;
        if (__builtin_add_overflow(clock, r->purge_interval, &r->purge_next)) {
            r->purge_next = INT64_MAX;
        }
    }
    if (clock < r->purge_next || clock - r->purge_base < r->purge_interval) {
        return INT64_MIN;
    }
    return r->purge_base + (clock - r->purge_base) / r->purge_interval * r->purge_interval;
}

static int64_t oldest_at(const rollup *r, uint32_t duration, int64_t at) {
    int64_t limit;
    bool is_kept = at == INT64_MIN || r->retentions[duration] <= 0 ||
                   __builtin_sub_overflow(at, r->retentions[duration], &limit);
    return is_kept ? INT64_MIN : limit;
}

int64_t rollup_purge_due(const rollup *r) {
    return r->purge_interval <= 0 ? INT64_MAX : r->purge_next;
}

int64_t rollup_oldest(rollup *r, uint32_t duration, int64_t clock) {
    return oldest_at(r, duration, purged_at(r, clock));
}

void rollup_purge(rollup *r, int64_t clock) {
    int64_t at = purged_at(r, clock);
    if (at == INT64_MIN) {
        return;
    }
    for (uint32_t d = 0; d < r->duration_count; d++) {
        int64_t limit = oldest_at(r, d, at);
        rollup_order *order = &r->ordered[d];
        uint32_t kept = 0;
        for (uint32_t i = 0; i < order->count; i++) {
            if (order->items[i]->start < limit) {
                bucket_drop(r, order->items[i]);
            } else {
                order->items[kept++] = order->items[i];
            }
        }
        order->count = kept;
        r->dropped[d] = limit > r->dropped[d] ? limit : r->dropped[d];
    }
    if (__builtin_add_overflow(at, r->purge_interval, &r->purge_next)) {
        r->purge_next = INT64_MAX;
    }
}

/* ---- order ---- */

ef_status rollup_sort(rollup *r, uint32_t duration, ef_arena *arena, ef_error *error) {
    rollup_order *order = &r->ordered[duration];
    if (order->is_sorted) {
        return EF_OK;
    }
    rollup_bucket **from = order->items;
    rollup_bucket **to = ef_arena_take(arena, order->count * sizeof *to);
    if (to == NULL) {
        return ef_fail_memory(error);
    }
    rollup_bucket **spare = to;
    uint32_t count = order->count;
    for (uint64_t width = 1; width < count; width *= 2) {
        for (uint64_t low = 0; low < count; low += 2 * width) {
            uint64_t middle = low + width < count ? low + width : count;
            uint64_t high = low + 2 * width < count ? low + 2 * width : count;
            uint64_t left = low, right = middle;
            for (uint64_t at = low; at < high; at++) {
                bool takes_left = left < middle && (right == high || is_in_order(from[left], from[right]));
                to[at] = takes_left ? from[left++] : from[right++];
            }
        }
        rollup_bucket **swap = from;
        from = to;
        to = swap;
    }
    if (from == spare && count > 0) {
        memcpy(order->items, from, count * sizeof *from);
    }
    order->is_sorted = true;
    return EF_OK;
}
