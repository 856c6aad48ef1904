/* Saved state of rate limiters: [ slots ][ pages ]. Everything in the pages is checked before it is believed; counts of groups, index and
 * timers are made anew. See rate_limit_inside.h. */
#include "ops/rate_limit_inside.h"

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
        ef_handle_index_add(&limiter->index, ef_rate_kept_hash(limiter, entry), link - 1);
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
        EF_TRY(check_rows(limiter, link, slot, ef_rate_lists_groups(limiter), checker, error));
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
