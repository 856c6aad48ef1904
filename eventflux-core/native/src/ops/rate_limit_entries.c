/* Entries and groups of rate limiters; see rate_limit_inside.h. */
#include "aggregator/kept_value.h"
#include "ops/rate_limit_inside.h"

/* ---- groups ---- */

/* A value of a kept row, as if from a column; *null: it is null. */
static ef_chunk_entry kept_value(const ef_rate_limiter *limiter, const char *row, uint32_t column, bool *null) {
    ef_chunk_entry value = {{0, 0}};
    *null = !ef_row_read(limiter->base.pages, &limiter->base.layout, row, column, &value);
    return value;
}

static uint64_t hash_value(uint64_t hash, ef_type type, bool null, ef_chunk_entry value) {
    return null ? ef_hash_u64(hash, UINT64_C(0xD6E8FEB86659FD93)) : ef_value_hash(type, value, hash);
}

static bool same_value(ef_type type, ef_chunk_entry a, ef_chunk_entry b) {
    if (!ef_is_text(type)) {
        return ef_value_canonical(type, a).word[0] == ef_value_canonical(type, b).word[0];
    }
    ef_str x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return type == EF_OBJECT ? ef_object_equal(&x, &y) : ef_str_equal(&x, &y);
}

bool ef_rate_same_column(const ef_rate_limiter *limiter, const char *kept, const ef_batch *batch, uint32_t row,
                         uint32_t column) {
    bool null;
    ef_chunk_entry value = kept_value(limiter, kept, column, &null);
    if (null || ef_is_null(&batch->column[column], row)) {
        return null && ef_is_null(&batch->column[column], row);
    }
    ef_type type = batch->column[column].type;
    return same_value(type, value, ef_value_entry(type, batch->column[column].values, row));
}

static uint64_t first_hash(const ef_rate_limiter *limiter, uint32_t slot) {
    return ef_hash_u64(slot, limiter->seed);
}

uint32_t ef_rate_kept_hash(const ef_rate_limiter *limiter, const ef_rate_entry *entry) {
    const char *row = ef_pages_at(limiter->base.pages, entry->row);
    uint64_t hash = first_hash(limiter, entry->slot);
    for (uint32_t k = 0; k < limiter->key_count; k++) {
        bool null;
        ef_chunk_entry value = kept_value(limiter, row, limiter->keys[k], &null);
        hash = hash_value(hash, limiter->base.layout.type[limiter->keys[k]], null, value);
    }
    return ef_index_hash(hash);
}

static uint32_t row_hash(const ef_rate_limiter *limiter, const ef_batch *batch, uint32_t row) {
    uint64_t hash = first_hash(limiter, ef_row_slot(batch, row));
    for (uint32_t k = 0; k < limiter->key_count; k++) {
        const ef_column *column = &batch->column[limiter->keys[k]];
        hash = hash_value(hash, column->type, ef_is_null(column, row), ef_value_entry(column->type, column->values, row));
    }
    return ef_index_hash(hash);
}

static bool is_group_of(const ef_rate_limiter *limiter, const ef_rate_entry *entry, const ef_batch *batch,
                        uint32_t row) {
    if (entry->slot != ef_row_slot(batch, row)) {
        return false;
    }
    const char *kept = ef_pages_at(limiter->base.pages, entry->row);
    for (uint32_t k = 0; k < limiter->key_count; k++) {
        if (!ef_rate_same_column(limiter, kept, batch, row, limiter->keys[k])) {
            return false;
        }
    }
    return true;
}

uint32_t ef_rate_find_group(const ef_rate_limiter *limiter, const ef_batch *batch, uint32_t row) {
    const ef_handle_index *index = &limiter->index;
    if (index->entries == NULL) {
        return 0;
    }
    uint32_t hash = row_hash(limiter, batch, row);
    for (uint32_t at = hash & index->mask; index->entries[at] != EF_INDEX_EMPTY; at = (at + 1) & index->mask) {
        uint32_t link = ef_index_entry_handle(index->entries[at]) + 1;
        if (ef_index_entry_hash(index->entries[at]) == hash &&
            is_group_of(limiter, ef_rate_entry_at(limiter, link), batch, row)) {
            return link;
        }
    }
    return 0;
}

bool ef_rate_lists_groups(const ef_rate_limiter *limiter) {
    return limiter->keeps == EF_RATE_KEEPS_GROUPS || limiter->keeps == EF_RATE_KEEPS_COUNTED;
}

/* ---- entries ---- */

ef_status ef_rate_add(ef_rate_limiter *limiter, const ef_batch *batch, uint32_t row, bool listed, uint32_t *link,
                      ef_error *error) {
    ef_pages *pages = limiter->base.pages;
    uint32_t slot = ef_row_slot(batch, row);
    ef_rate_slot *owner = ef_rate_slot_at(limiter, slot);
    if (listed && owner->tail != 0 && ef_rate_entry_write(limiter, owner->tail) == NULL) {
        return ef_fail_memory(error);
    }
    ef_handle kept, handle;
    EF_TRY(ef_row_keep(pages, &limiter->base.layout, batch, row, &kept, error));
    ef_status status = ef_pages_take(pages, sizeof(ef_rate_entry), &handle, error);
    if (status == EF_OK && ef_pages_write(pages, handle) == NULL) {
        ef_pages_give(pages, handle, sizeof(ef_rate_entry));
        status = ef_fail_memory(error);
    }
    if (status != EF_OK) {
        ef_row_drop(pages, &limiter->base.layout, kept);
        return status;
    }
    *link = handle + 1;
    *ef_rate_entry_write(limiter, *link) = (ef_rate_entry){
        .row = kept,
        .latest = EF_NO_HANDLE,
        .slot = slot,
        .previous = listed ? owner->tail : 0,
        .kind = ef_row_kind(batch, row),
    };
    limiter->base.held++;
    if (!listed) {
        return EF_OK;
    }
    if (owner->tail != 0) {
        ef_rate_entry_write(limiter, owner->tail)->next = *link;
    } else {
        owner->head = *link;
    }
    owner->tail = *link;
    owner->count++;
    return EF_OK;
}

ef_status ef_rate_add_group(ef_rate_limiter *limiter, const ef_batch *batch, uint32_t row, bool listed, uint32_t *link,
                            ef_error *error) {
    EF_TRY(ef_handle_index_reserve(&limiter->index, 1, error));
    EF_TRY(ef_rate_add(limiter, batch, row, listed, link, error));
    ef_handle_index_add(&limiter->index, row_hash(limiter, batch, row), *link - 1);
    return EF_OK;
}

ef_status ef_rate_replace(ef_rate_limiter *limiter, uint32_t link, const ef_batch *batch, uint32_t row,
                          ef_error *error) {
    ef_pages *pages = limiter->base.pages;
    if (ef_rate_entry_write(limiter, link) == NULL) {
        return ef_fail_memory(error);
    }
    ef_handle kept;
    EF_TRY(ef_row_keep(pages, &limiter->base.layout, batch, row, &kept, error));
    ef_rate_entry *entry = ef_rate_entry_write(limiter, link);
    ef_row_drop(pages, &limiter->base.layout, entry->row);
    entry->row = kept;
    entry->kind = ef_row_kind(batch, row);
    return EF_OK;
}

/* Gives an entry back that is in no list any more. */
static void entry_drop(ef_rate_limiter *limiter, uint32_t link, bool indexed) {
    ef_pages *pages = limiter->base.pages;
    const ef_rate_entry *entry = ef_rate_entry_at(limiter, link);
    if (indexed) {
        ef_handle_index_remove(&limiter->index, ef_rate_kept_hash(limiter, entry), link - 1);
    }
    ef_row_drop(pages, &limiter->base.layout, entry->row);
    if (entry->latest != EF_NO_HANDLE) {
        ef_row_drop(pages, &limiter->base.layout, entry->latest);
    }
    ef_pages_give(pages, link - 1, sizeof(ef_rate_entry));
    limiter->base.held--;
}

ef_status ef_rate_remove(ef_rate_limiter *limiter, uint32_t link, ef_error *error) {
    const ef_rate_entry *entry = ef_rate_entry_at(limiter, link);
    ef_rate_slot *owner = ef_rate_slot_at(limiter, entry->slot);
    uint32_t next = entry->next, previous = entry->previous, group = entry->group;
    if ((next != 0 && ef_rate_entry_write(limiter, next) == NULL) ||
        (previous != 0 && ef_rate_entry_write(limiter, previous) == NULL) ||
        (group != 0 && ef_rate_entry_write(limiter, group) == NULL)) {
        return ef_fail_memory(error);
    }
    if (next != 0) {
        ef_rate_entry_write(limiter, next)->previous = previous;
    } else {
        owner->tail = previous;
    }
    if (previous != 0) {
        ef_rate_entry_write(limiter, previous)->next = next;
    } else {
        owner->head = next;
    }
    owner->count--;
    entry_drop(limiter, link, ef_rate_lists_groups(limiter));
    if (group != 0 && --ef_rate_entry_write(limiter, group)->number == 0) {
        entry_drop(limiter, group, true);
    }
    return EF_OK;
}

ef_status ef_rate_renew(ef_rate_limiter *limiter, const ef_batch *batch, uint32_t row, ef_handle *latest,
                        ef_error *error) {
    ef_handle kept;
    EF_TRY(ef_row_keep(limiter->base.pages, &limiter->base.layout, batch, row, &kept, error));
    if (*latest != EF_NO_HANDLE) {
        ef_row_drop(limiter->base.pages, &limiter->base.layout, *latest);
    }
    *latest = kept;
    return EF_OK;
}

ef_status ef_rate_renew_group(ef_rate_limiter *limiter, const ef_batch *batch, uint32_t row, uint32_t group,
                              ef_error *error) {
    ef_rate_entry *entry = ef_rate_entry_write(limiter, group);
    if (entry == NULL) {
        return ef_fail_memory(error);
    }
    ef_handle latest = entry->latest;
    EF_TRY(ef_rate_renew(limiter, batch, row, &latest, error));
    ef_rate_entry_write(limiter, group)->latest = latest;
    return EF_OK;
}

ef_status ef_rate_add_grouped(ef_rate_limiter *limiter, const ef_batch *batch, uint32_t row, uint32_t group,
                              ef_error *error) {
    bool is_fresh = group == 0;
    if (is_fresh) {
        EF_TRY(ef_rate_add_group(limiter, batch, row, false, &group, error));
    }
    uint32_t link;
    ef_status status = ef_rate_renew_group(limiter, batch, row, group, error);
    if (status == EF_OK) {
        status = ef_rate_add(limiter, batch, row, true, &link, error);
    }
    if (status != EF_OK) {
        if (is_fresh) {
            entry_drop(limiter, group, true);
        }
        return status;
    }
    ef_rate_entry_write(limiter, link)->group = group;
    ef_rate_entry_write(limiter, group)->number++;
    return EF_OK;
}

/* Cannot fail: nothing is written. A group that is in no list is dropped with the last of its rows, which is the one whose group has no
 * later row: groups are found again through the rows, so the first row that names a group drops it, and is remembered by the index, where
 * the group is then no more. */
void ef_rate_empty(ef_rate_limiter *limiter, uint32_t slot) {
    ef_rate_slot *owner = ef_rate_slot_at(limiter, slot);
    const ef_handle_index *index = &limiter->index;
    for (uint32_t link = owner->head; link != 0;) {
        const ef_rate_entry *entry = ef_rate_entry_at(limiter, link);
        uint32_t next = entry->next, group = entry->group;
        if (group != 0) {
            uint32_t hash = ef_rate_kept_hash(limiter, ef_rate_entry_at(limiter, group));
            uint32_t at = hash & index->mask;
            while (index->entries[at] != EF_INDEX_EMPTY && ef_index_entry_handle(index->entries[at]) != group - 1) {
                at = (at + 1) & index->mask;
            }
            if (index->entries[at] != EF_INDEX_EMPTY) {
                entry_drop(limiter, group, true);
            }
        }
        entry_drop(limiter, link, ef_rate_lists_groups(limiter));
        link = next;
    }
    owner->head = 0;
    owner->tail = 0;
    owner->count = 0;
    if (owner->latest != 0) {
        ef_row_drop(limiter->base.pages, &limiter->base.layout, owner->latest - 1);
        owner->latest = 0;
    }
}

ef_status ef_rate_put_entries(ef_rate_limiter *limiter, uint32_t slot, int64_t cause, ef_out *out, ef_error *error) {
    const ef_rate_slot *state = ef_rate_slot_at(limiter, slot);
    EF_TRY(ef_out_reserve(out, state->count, error));
    for (uint32_t link = state->head; link != 0;) {
        const ef_rate_entry *entry = ef_rate_entry_at(limiter, link);
        ef_out_put(out, EF_FROM_RETAINED(entry->row), ef_row_timestamp(ef_pages_at(limiter->base.pages, entry->row)),
                   (uint8_t)entry->kind, cause, slot);
        link = entry->next;
    }
    ef_rate_empty(limiter, slot);
    ef_out_end(out);
    return EF_OK;
}

ef_status ef_rate_reserve(ef_rate_limiter *limiter, const ef_batch *batch, ef_error *error) {
    uint32_t slots = ef_batch_slot_count(batch);
    EF_TRY(ef_slots_reserve(&limiter->slots, limiter->base.alloc, slots, error));
    return ef_timers_reserve(&limiter->timers, limiter->base.alloc, slots, error);
}
