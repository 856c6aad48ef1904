/* The keys of a partition; see keys.h. */
#include "partition/keys.h"

#include "base/hash.h"

/* Slots that can be given: the highest numbers mean something else. */
#define MAX_SLOTS (UINT32_MAX - 2u)

void ef_partition_keys_init(ef_partition_keys *keys, ef_alloc *alloc, uint64_t seed) {
    *keys = (ef_partition_keys){.alloc = alloc, .seed = seed};
    ef_handle_index_init(&keys->index, alloc);
}

static void free_text(ef_partition_keys *keys, ef_partition_key *entry) {
    if (!ef_str_is_inline(&entry->text)) {
        ef_free(keys->alloc, (char *)(uintptr_t)entry->text.as.outside.data, entry->text.length);
    }
    entry->text = ef_str_empty();
}

void ef_partition_keys_clear(ef_partition_keys *keys) {
    for (uint32_t i = 0; i < keys->live_count; i++) {
        free_text(keys, &keys->entries[keys->live[i]]);
    }
    ef_handle_index_clear(&keys->index);
    ef_free(keys->alloc, keys->entries, keys->capacity * sizeof *keys->entries);
    ef_free(keys->alloc, keys->live, keys->live_capacity * sizeof *keys->live);
    ef_free(keys->alloc, keys->free, keys->free_capacity * sizeof *keys->free);
    ef_partition_keys_init(keys, keys->alloc, keys->seed);
}

static ef_status own_text(ef_partition_keys *keys, const ef_str *text, ef_str *owned, ef_error *error) {
    *owned = *text;
    if (!ef_str_is_inline(text)) {
        char *bytes = ef_malloc(keys->alloc, text->length);
        if (bytes == NULL) {
            return ef_fail_memory(error);
        }
        memcpy(bytes, text->as.outside.data, text->length);
        owned->as.outside.data = bytes;
    }
    return EF_OK;
}

/* Room for one slot more in every array, so that giving it cannot fail. The list of free slots has room for all: forgetting cannot fail either. */
static ef_status make_room(ef_partition_keys *keys, ef_error *error) {
    uint32_t used = keys->used + (keys->free_count == 0);
    if (used > MAX_SLOTS) {
        return ef_fail(error, EF_LIMIT, "a partition can have at most %u keys", MAX_SLOTS);
    }
    void *entries = keys->entries, *live = keys->live, *available = keys->free;
    ef_status status = ef_grow(keys->alloc, &entries, &keys->capacity, used, sizeof *keys->entries, error);
    keys->entries = entries;
    EF_TRY(status);
    status = ef_grow(keys->alloc, &live, &keys->live_capacity, keys->live_count + 1, sizeof *keys->live, error);
    keys->live = live;
    EF_TRY(status);
    status = ef_grow(keys->alloc, &available, &keys->free_capacity, used, sizeof *keys->free, error);
    keys->free = available;
    EF_TRY(status);
    return ef_handle_index_reserve(&keys->index, 1, error);
}

static void enter(ef_partition_keys *keys, uint32_t slot, const ef_str *owned, uint64_t hash, int64_t last) {
    keys->entries[slot] = (ef_partition_key){.text = *owned, .hash = hash, .last = last, .live = true};
    keys->live[keys->live_count++] = slot;
    ef_handle_index_add(&keys->index, ef_index_hash(hash), slot);
}

ef_status ef_partition_keys_find(ef_partition_keys *keys, const ef_str *text, int64_t clock, uint32_t *slot,
                                 ef_error *error) {
    uint64_t hash = ef_hash_str(text, keys->seed);
    uint32_t part = ef_index_hash(hash);
    if (keys->index.entries != NULL) {
        for (uint32_t at = part & keys->index.mask; keys->index.entries[at] != EF_INDEX_EMPTY;
             at = (at + 1) & keys->index.mask) {
            uint64_t found = keys->index.entries[at];
            if (ef_index_entry_hash(found) != part) {
                continue;
            }
            ef_partition_key *entry = &keys->entries[ef_index_entry_handle(found)];
            if (ef_str_equal(&entry->text, text)) {
                entry->last = clock > entry->last ? clock : entry->last;
                *slot = ef_index_entry_handle(found);
                return EF_OK;
            }
        }
    }
    EF_TRY(make_room(keys, error));
    ef_str owned;
    EF_TRY(own_text(keys, text, &owned, error));
    *slot = keys->free_count > 0 ? keys->free[--keys->free_count] : keys->used++;
    enter(keys, *slot, &owned, hash, clock);
    return EF_OK;
}

void ef_partition_keys_forget(ef_partition_keys *keys, int64_t since, void (*forget)(void *context, uint32_t slot),
                              void *context) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < keys->live_count; i++) {
        uint32_t slot = keys->live[i];
        ef_partition_key *entry = &keys->entries[slot];
        if (entry->last >= since) {
            keys->live[kept++] = slot;
            continue;
        }
        ef_handle_index_remove(&keys->index, ef_index_hash(entry->hash), slot);
        free_text(keys, entry);
        entry->live = false;
        keys->free[keys->free_count++] = slot;
        forget(context, slot);
    }
    keys->live_count = kept;
}

void ef_partition_keys_save(const ef_partition_keys *keys, ef_writer *writer) {
    ef_put_u32(writer, keys->live_count);
    ef_put_u32(writer, keys->free_count);
    for (uint32_t i = 0; i < keys->free_count; i++) {
        ef_put_u32(writer, keys->free[i]);
    }
    for (uint32_t i = 0; i < keys->live_count; i++) {
        const ef_partition_key *entry = &keys->entries[keys->live[i]];
        ef_put_u32(writer, keys->live[i]);
        ef_put_i64(writer, entry->last);
        ef_put_str(writer, &entry->text);
    }
}

static ef_status take_arrays(ef_partition_keys *keys, uint32_t live, uint32_t free_slots, ef_error *error) {
    uint32_t used = live + free_slots;
    void *entries = NULL, *order = NULL, *available = NULL;
    ef_status status = ef_grow(keys->alloc, &entries, &keys->capacity, used, sizeof *keys->entries, error);
    keys->entries = entries;
    EF_TRY(status);
    memset(keys->entries, 0, keys->capacity * sizeof *keys->entries);
    status = ef_grow(keys->alloc, &order, &keys->live_capacity, live, sizeof *keys->live, error);
    keys->live = order;
    EF_TRY(status);
    status = ef_grow(keys->alloc, &available, &keys->free_capacity, used, sizeof *keys->free, error);
    keys->free = available;
    EF_TRY(status);
    keys->used = used;
    return ef_handle_index_reserve(&keys->index, live, error);
}

static ef_status corrupt(ef_error *error) {
    return ef_fail(error, EF_CORRUPT, "the saved keys of a partition are not whole");
}

ef_status ef_partition_keys_load(ef_partition_keys *keys, ef_reader *reader, ef_error *error) {
    uint32_t live = ef_get_u32(reader), free_slots = ef_get_u32(reader);
    EF_TRY(ef_reader_status(reader, error));
    /* Every slot has some bytes: what the counts promise is there, or they are wrong. */
    if ((uint64_t)live * 16 + (uint64_t)free_slots * 4 > ef_reader_left(reader)) {
        return corrupt(error);
    }
    if (live == 0 && free_slots == 0) {
        return EF_OK;
    }
    EF_TRY(take_arrays(keys, live, free_slots, error));
    for (uint32_t i = 0; i < free_slots; i++) {
        uint32_t slot = ef_get_u32(reader);
        if (slot >= keys->used || keys->entries[slot].hash != 0) {
            return corrupt(error);
        }
        keys->entries[slot].hash = 1; /* seen; a new key writes its own */
        keys->free[keys->free_count++] = slot;
    }
    for (uint32_t i = 0; i < live; i++) {
        uint32_t slot = ef_get_u32(reader);
        int64_t last = ef_get_i64(reader);
        ef_str text = ef_get_str(reader);
        EF_TRY(ef_reader_status(reader, error));
        if (slot >= keys->used || keys->entries[slot].live || keys->entries[slot].hash != 0) {
            return corrupt(error);
        }
        ef_str owned;
        EF_TRY(own_text(keys, &text, &owned, error));
        enter(keys, slot, &owned, ef_hash_str(&text, keys->seed), last);
    }
    return EF_OK;
}
