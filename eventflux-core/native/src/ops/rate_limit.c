/* Life, saved state, entries and groups of rate limiters; see rate_limit_inside.h. */
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

static uint32_t kept_hash(const ef_rate_limiter *limiter, const ef_rate_entry *entry) {
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

/* Whether the entries of this limiter's lists are in the index. */
static bool lists_groups(const ef_rate_limiter *limiter) {
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
        ef_handle_index_remove(&limiter->index, kept_hash(limiter, entry), link - 1);
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
    entry_drop(limiter, link, lists_groups(limiter));
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
            uint32_t hash = kept_hash(limiter, ef_rate_entry_at(limiter, group));
            uint32_t at = hash & index->mask;
            while (index->entries[at] != EF_INDEX_EMPTY && ef_index_entry_handle(index->entries[at]) != group - 1) {
                at = (at + 1) & index->mask;
            }
            if (index->entries[at] != EF_INDEX_EMPTY) {
                entry_drop(limiter, group, true);
            }
        }
        entry_drop(limiter, link, lists_groups(limiter));
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

ef_status ef_rate_reserve(ef_rate_limiter *limiter, const ef_batch *batch, ef_error *error) {
    uint32_t slots = ef_batch_slot_count(batch);
    EF_TRY(ef_slots_reserve(&limiter->slots, limiter->base.alloc, slots, error));
    return ef_timers_reserve(&limiter->timers, limiter->base.alloc, slots, error);
}

/* ---- life ---- */

static ef_rate_keeps keeps_of(const ef_rate_limiter *limiter, const ef_rate_limit_config *limit, bool only_aggregates) {
    bool groups = limit->key_count > 0;
    switch (limit->rate) {
    case EF_RATE_ALL:
        return EF_RATE_KEEPS_ROWS;
    case EF_RATE_FIRST:
    case EF_RATE_LAST:
        return groups ? EF_RATE_KEEPS_GROUPS : EF_RATE_KEEPS_LAST;
    case EF_RATE_SNAPSHOT:
        break;
    }
    if (!limit->windowed) {
        return groups ? EF_RATE_KEEPS_GROUPS : EF_RATE_KEEPS_LAST;
    }
    if (only_aggregates) {
        return groups ? EF_RATE_KEEPS_COUNTED : EF_RATE_KEEPS_LAST;
    }
    return groups && limiter->aggregates ? EF_RATE_KEEPS_GROUPED_WINDOW : EF_RATE_KEEPS_WINDOW;
}

static ef_status configure(ef_rate_limiter *limiter, const ef_operator_config *config,
                           const ef_rate_limit_config *limit, ef_error *error) {
    if (limit->every <= 0) {
        return ef_fail(error, EF_INVALID, "an output rate must be above 0, not %lld", (long long)limit->every);
    }
    if (limit->visible > config->columns) {
        return ef_fail(error, EF_INVALID, "%u visible columns of %u", limit->visible, config->columns);
    }
    ef_alloc *alloc = config->alloc;
    limiter->keys = ef_malloc(alloc, limit->key_count * sizeof *limiter->keys);
    limiter->key_count = limiter->keys != NULL ? limit->key_count : 0;
    limiter->aggregate = ef_calloc(alloc, limit->visible * sizeof *limiter->aggregate);
    limiter->visible = limiter->aggregate != NULL ? limit->visible : 0;
    if (limiter->keys == NULL || limiter->aggregate == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t k = 0; k < limit->key_count; k++) {
        if (limit->keys[k] >= config->columns) {
            return ef_fail(error, EF_INVALID, "group key %u is a column that is not there", k);
        }
        limiter->keys[k] = limit->keys[k];
    }
    uint32_t aggregates = 0;
    for (uint32_t c = 0; limit->aggregate != NULL && c < limit->visible; c++) {
        limiter->aggregate[c] = limit->aggregate[c];
        aggregates += limit->aggregate[c];
    }
    limiter->rate = limit->rate;
    limiter->by_time = limit->by_time || limit->rate == EF_RATE_SNAPSHOT;
    limiter->every = limit->every;
    limiter->partitioned = limit->partitioned;
    limiter->seed = limit->hash_seed;
    limiter->aggregates = aggregates > 0;
    limiter->keeps = keeps_of(limiter, limit, aggregates > 0 && aggregates == limit->visible);
    limiter->forgets = limit->rate != EF_RATE_SNAPSHOT;
    limiter->ticks = limiter->by_time && limit->rate != EF_RATE_FIRST;
    return ef_slots_reserve(&limiter->slots, alloc, 1, error);
}

ef_status ef_rate_limit_create(const ef_operator_config *config, const ef_rate_limit_config *limit,
                               const ef_operator_class **operator_class, void **self, ef_error *error) {
    ef_rate_limiter *limiter = ef_calloc(config->alloc, sizeof *limiter);
    if (limiter == NULL) {
        return ef_fail_memory(error);
    }
    ef_status status = ef_window_init(&limiter->base, config, error);
    if (status != EF_OK) {
        ef_free(config->alloc, limiter, sizeof *limiter);
        return status;
    }
    ef_slots_init(&limiter->slots, sizeof(ef_rate_slot));
    ef_handle_index_init(&limiter->index, config->alloc);
    status = configure(limiter, config, limit, error);
    if (status != EF_OK) {
        ef_rate_destroy(limiter);
        return status;
    }
    *operator_class = limiter->ticks     ? &ef_rate_ticks_class
                      : limiter->by_time ? &ef_rate_first_class
                                         : &ef_rate_events_class;
    *self = limiter;
    return EF_OK;
}

ef_status ef_rate_create_plain(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config, (void)self;
    return ef_fail(error, EF_INVALID, "a rate limiter is made by ef_rate_limit_create");
}

void ef_rate_destroy(void *self) {
    ef_rate_limiter *limiter = self;
    ef_alloc *alloc = limiter->base.alloc;
    ef_free(alloc, limiter->keys, limiter->key_count * sizeof *limiter->keys);
    ef_free(alloc, limiter->aggregate, limiter->visible * sizeof *limiter->aggregate);
    ef_slots_clear(&limiter->slots, alloc);
    ef_timers_clear(&limiter->timers, alloc);
    ef_handle_index_clear(&limiter->index);
    ef_window_clear(&limiter->base);
    ef_free(alloc, limiter, sizeof *limiter);
}

static void purge_slot(ef_rate_limiter *limiter, uint32_t slot) {
    ef_rate_empty(limiter, slot);
    *ef_rate_slot_at(limiter, slot) = (ef_rate_slot){0};
    if (slot < limiter->timers.place_capacity) {
        ef_timers_set(&limiter->timers, slot, EF_NEVER);
    }
}

void ef_rate_purge(void *self, uint32_t slot) {
    ef_rate_limiter *limiter = self;
    if (slot != EF_ALL_SLOTS) {
        if (slot < limiter->slots.count) {
            purge_slot(limiter, slot);
        }
        return;
    }
    for (uint32_t s = 0; s < limiter->slots.count; s++) {
        purge_slot(limiter, s);
    }
    ef_handle_index_clear(&limiter->index);
}

uint64_t ef_rate_size(const void *self) {
    return ((const ef_rate_limiter *)self)->base.held;
}

/* ---- saved state: [ slots ][ pages ] ---- */

ef_status ef_rate_save(const void *self, ef_writer *writer, ef_error *error) {
    const ef_rate_limiter *limiter = self;
    ef_put_u8(writer, (uint8_t)limiter->keeps);
    ef_put_u32(writer, limiter->slots.count);
    for (uint32_t s = 0; s < limiter->slots.count; s++) {
        const ef_rate_slot *slot = ef_rate_slot_at(limiter, s);
        ef_put_u32(writer, slot->head);
        ef_put_u32(writer, slot->latest);
        ef_put_i64(writer, slot->number);
        ef_put_i64(writer, slot->due);
        ef_put_u8(writer, slot->started);
    }
    ef_pages_save(limiter->base.pages, writer);
    return ef_writer_status(writer, error);
}

static ef_status claim(ef_row_checker *checker, uint32_t link, ef_error *error) {
    if (link == 0 || !ef_pages_holds(checker->pages, link - 1, sizeof(ef_rate_entry)) ||
        ef_bit(checker->seen, link - 1)) {
        return ef_fail(error, EF_CORRUPT, "the saved state names a block that is not there, or names it twice");
    }
    ef_bit_set(checker->seen, link - 1);
    return EF_OK;
}

/* Rows of an entry, then its place in the index. */
static ef_status check_rows(ef_rate_limiter *limiter, uint32_t link, uint32_t slot, bool indexed,
                            ef_row_checker *checker, ef_error *error) {
    const ef_rate_entry *entry = ef_rate_entry_at(limiter, link);
    EF_TRY(ef_row_check(checker, entry->row, error));
    if (entry->latest != EF_NO_HANDLE) {
        EF_TRY(ef_row_check(checker, entry->latest, error));
    }
    if (entry->slot != slot || entry->kind > EF_EXPIRED) {
        return ef_fail(error, EF_CORRUPT, "a row of the saved state has no known kind, or is in the wrong slot");
    }
    if (indexed) {
        EF_TRY(ef_handle_index_reserve(&limiter->index, 1, error));
        ef_handle_index_add(&limiter->index, kept_hash(limiter, entry), link - 1);
    }
    limiter->base.held++;
    return EF_OK;
}

/* The group of a row: checked with the first row that names it, counted with each. */
static ef_status check_group(ef_rate_limiter *limiter, uint32_t link, uint32_t slot, ef_row_checker *checker,
                             ef_error *error) {
    if (link == 0 || !ef_pages_holds(checker->pages, link - 1, sizeof(ef_rate_entry))) {
        return ef_fail(error, EF_CORRUPT, "a row of the saved state has no group");
    }
    if (!ef_bit(checker->seen, link - 1)) {
        EF_TRY(claim(checker, link, error));
        ef_rate_entry *group = ef_rate_entry_write(limiter, link);
        if (group == NULL) {
            return ef_fail_memory(error);
        }
        group->number = 0;
        group->group = 0;
        EF_TRY(check_rows(limiter, link, slot, true, checker, error));
    }
    ef_rate_entry *group = ef_rate_entry_write(limiter, link);
    if (group == NULL) {
        return ef_fail_memory(error);
    }
    if (group->group != 0 || group->slot != slot || group->latest == EF_NO_HANDLE) {
        return ef_fail(error, EF_CORRUPT, "a row of the saved state names a group that is none");
    }
    group->number++;
    return EF_OK;
}

static ef_status check_slot(ef_rate_limiter *limiter, uint32_t slot, ef_row_checker *checker, ef_error *error) {
    ef_rate_slot *owner = ef_rate_slot_at(limiter, slot);
    bool by_group = limiter->keeps == EF_RATE_KEEPS_GROUPED_WINDOW;
    uint32_t previous = 0;
    for (uint32_t link = owner->head; link != 0;) {
        EF_TRY(claim(checker, link, error));
        const ef_rate_entry *entry = ef_rate_entry_at(limiter, link);
        if (entry->previous != previous || (entry->group != 0) != by_group) {
            return ef_fail(error, EF_CORRUPT, "a list of the saved state is broken");
        }
        EF_TRY(check_rows(limiter, link, slot, lists_groups(limiter), checker, error));
        if (by_group) {
            EF_TRY(check_group(limiter, entry->group, slot, checker, error));
        }
        owner->count++;
        previous = link;
        link = entry->next;
    }
    owner->tail = previous;
    if (limiter->keeps == EF_RATE_KEEPS_LAST && owner->count > 1) {
        return ef_fail(error, EF_CORRUPT, "more than one last row in the saved state");
    }
    if (owner->latest != 0) {
        EF_TRY(ef_row_check(checker, owner->latest - 1, error));
    }
    bool needs_latest = limiter->keeps == EF_RATE_KEEPS_WINDOW && limiter->aggregates && owner->count > 0;
    if (needs_latest && owner->latest == 0) {
        return ef_fail(error, EF_CORRUPT, "the saved state lacks the present values of aggregates");
    }
    return EF_OK;
}

static ef_status load(ef_rate_limiter *limiter, ef_reader *reader, ef_error *error) {
    bool fits = ef_get_u8(reader) == (uint8_t)limiter->keeps;
    uint32_t count = ef_get_u32(reader);
    if (!fits || reader->status != EF_OK || count > ef_reader_left(reader) / 25) {
        return ef_fail(error, EF_CORRUPT, "the saved state is of another output rate, or names more slots than it holds");
    }
    ef_alloc *alloc = limiter->base.alloc;
    EF_TRY(ef_slots_reserve(&limiter->slots, alloc, count > 0 ? count : 1, error));
    EF_TRY(ef_timers_reserve(&limiter->timers, alloc, limiter->slots.count, error));
    for (uint32_t s = 0; s < count; s++) {
        ef_rate_slot *slot = ef_rate_slot_at(limiter, s);
        *slot = (ef_rate_slot){0};
        slot->head = ef_get_u32(reader);
        slot->latest = ef_get_u32(reader);
        slot->number = ef_get_i64(reader);
        slot->due = ef_get_i64(reader);
        slot->started = ef_get_u8(reader) != 0;
    }
    EF_TRY(ef_pages_load(limiter->base.pages, reader, error));
    EF_TRY(ef_reader_status(reader, error));
    ef_row_checker checker;
    EF_TRY(ef_row_checker_init(&checker, limiter->base.pages, &limiter->base.layout, alloc, error));
    ef_status status = EF_OK;
    for (uint32_t s = 0; s < count && status == EF_OK; s++) {
        status = check_slot(limiter, s, &checker, error);
    }
    ef_row_checker_clear(&checker);
    EF_TRY(status);
    for (uint32_t s = 0; s < count && limiter->ticks; s++) {
        const ef_rate_slot *slot = ef_rate_slot_at(limiter, s);
        if (slot->count > 0 && !slot->started) {
            return ef_fail(error, EF_CORRUPT, "the saved state holds rows before the first period");
        }
        ef_timers_set(&limiter->timers, s, slot->count > 0 ? slot->due : EF_NEVER);
    }
    return EF_OK;
}

ef_status ef_rate_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    ef_rate_limiter *limiter = self;
    if (version != 1) {
        return ef_fail(error, EF_CORRUPT, "a rate limiter cannot read saved state of version %u", version);
    }
    ef_status status = load(limiter, reader, error);
    if (status != EF_OK) {
        ef_window_forget(&limiter->base);
        ef_handle_index_clear(&limiter->index);
        for (uint32_t s = 0; s < limiter->slots.count; s++) {
            *ef_rate_slot_at(limiter, s) = (ef_rate_slot){0};
            if (s < limiter->timers.place_capacity) {
                ef_timers_set(&limiter->timers, s, EF_NEVER);
            }
        }
    }
    return status;
}
