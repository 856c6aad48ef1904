/* See keyed.h. */
#include "window/keyed.h"

#include "base/hash.h"
#include "base/object.h"

/* The state of one engine is its own: a fixed seed keeps what is kept here in the same place in every run, and the order of rows never
 * depends on it. */
#define SEED UINT64_C(0x5851F42D4C957F2D)

ef_status ef_keyed_init(ef_keyed *keyed, const ef_operator_config *config, uint32_t first_param, const char *what,
                        ef_error *error) {
    uint32_t params = config->param_count;
    while (params > first_param && !ef_param_given(config, params - 1)) {
        params--; /* left out */
    }
    bool all = params <= first_param;
    uint32_t count = all ? config->columns : params - first_param;
    ef_slots_init(&keyed->slots, sizeof(ef_keyed_slot));
    ef_handle_index_init(&keyed->index, config->alloc);
    keyed->column_count = count;
    EF_TRY(ef_window_init(&keyed->base, config, error));
    keyed->columns = ef_malloc(config->alloc, count * sizeof *keyed->columns);
    ef_status status = keyed->columns != NULL ? EF_OK : ef_fail_memory(error);
    for (uint32_t i = 0; i < count && status == EF_OK; i++) {
        keyed->columns[i] = i;
        if (!all) {
            status = ef_param_column(config, first_param + i, what, 0, &keyed->columns[i], error);
        }
    }
    if (status != EF_OK) {
        ef_free(config->alloc, keyed->columns, count * sizeof *keyed->columns);
        ef_window_clear(&keyed->base);
    }
    return status;
}

void ef_keyed_clear(ef_keyed *keyed) {
    ef_free(keyed->base.alloc, keyed->columns, keyed->column_count * sizeof *keyed->columns);
    ef_handle_index_clear(&keyed->index);
    ef_slots_clear(&keyed->slots, keyed->base.alloc);
    ef_window_clear(&keyed->base);
}

/* ---- keys ---- */

/* Bits of a number as they are compared: all NaNs are one. */
static uint64_t number_bits(ef_type type, const void *value) {
    uint64_t bits = 0;
    memcpy(&bits, value, ef_type_width(type));
    if (type == EF_FLOAT) {
        float real;
        memcpy(&real, value, sizeof real);
        return real != real ? 0x7FC00000u : bits;
    }
    if (type == EF_DOUBLE) {
        double real;
        memcpy(&real, value, sizeof real);
        return real != real ? UINT64_C(0x7FF8000000000000) : bits;
    }
    return bits;
}

static uint64_t value_hash(ef_type type, const void *value, bool null, uint64_t seed) {
    if (null) {
        return ef_hash_u64(0x6E756C6Cu, seed);
    }
    switch (type) {
    case EF_STRING: {
        ef_str string;
        memcpy(&string, value, sizeof string);
        return ef_hash_str(&string, seed);
    }
    case EF_OBJECT: {
        ef_str string;
        memcpy(&string, value, sizeof string);
        return ef_object_hash(&string, seed);
    }
    default:
        return ef_hash_u64(number_bits(type, value), seed);
    }
}

uint32_t ef_keyed_hash(const ef_keyed *keyed, const ef_batch *batch, uint32_t row) {
    uint64_t hash = ef_hash_u64(ef_row_slot(batch, row), SEED);
    for (uint32_t i = 0; i < keyed->column_count; i++) {
        const ef_column *column = &batch->column[keyed->columns[i]];
        const char *value = (const char *)column->values + (size_t)row * ef_type_width(column->type);
        hash = value_hash(column->type, value, ef_is_null(column, row), hash);
    }
    return ef_index_hash(hash);
}

/* The same from a kept row. */
static uint32_t kept_hash(const ef_keyed *keyed, ef_handle row, uint32_t slot) {
    const ef_row_layout *layout = &keyed->base.layout;
    const char *bytes = ef_pages_at(keyed->base.pages, row);
    uint64_t hash = ef_hash_u64(slot, SEED);
    for (uint32_t i = 0; i < keyed->column_count; i++) {
        uint64_t value[2] = {0, 0};
        bool valid = ef_row_read(keyed->base.pages, layout, bytes, keyed->columns[i], value);
        hash = value_hash(layout->type[keyed->columns[i]], value, !valid, hash);
    }
    return ef_index_hash(hash);
}

static bool is_key_of(const ef_keyed *keyed, const char *kept, const ef_batch *batch, uint32_t row) {
    for (uint32_t i = 0; i < keyed->column_count; i++) {
        uint32_t c = keyed->columns[i];
        const ef_column *column = &batch->column[c];
        uint64_t ours[2] = {0, 0};
        bool valid = ef_row_read(keyed->base.pages, &keyed->base.layout, kept, c, ours);
        if (valid != !ef_is_null(column, row)) {
            return false;
        }
        const char *theirs = (const char *)column->values + (size_t)row * ef_type_width(column->type);
        bool equal = true;
        if (!valid) {
            continue;
        }
        if (column->type == EF_STRING || column->type == EF_OBJECT) {
            ef_str a, b;
            memcpy(&a, ours, sizeof a);
            memcpy(&b, theirs, sizeof b);
            equal = column->type == EF_STRING ? ef_str_equal(&a, &b) : ef_object_equal(&a, &b);
        } else {
            equal = number_bits(column->type, ours) == number_bits(column->type, theirs);
        }
        if (!equal) {
            return false;
        }
    }
    return true;
}

ef_handle ef_keyed_find(const ef_keyed *keyed, const ef_batch *batch, uint32_t row, uint32_t hash) {
    const ef_handle_index *index = &keyed->index;
    if (index->entries == NULL) {
        return EF_NO_HANDLE;
    }
    uint32_t slot = ef_row_slot(batch, row);
    for (uint32_t at = hash & index->mask; index->entries[at] != EF_INDEX_EMPTY; at = (at + 1) & index->mask) {
        if (ef_index_entry_hash(index->entries[at]) != hash) {
            continue;
        }
        ef_handle handle = ef_index_entry_handle(index->entries[at]);
        const ef_keyed_entry *entry = ef_keyed_at(keyed, handle);
        if (entry->slot == slot && is_key_of(keyed, ef_pages_at(keyed->base.pages, entry->row), batch, row)) {
            return handle;
        }
    }
    return EF_NO_HANDLE;
}

/* ---- entries ---- */

ef_status ef_keyed_add(ef_keyed *keyed, const ef_batch *batch, uint32_t row, uint32_t hash, ef_handle *entry,
                       ef_error *error) {
    ef_window *base = &keyed->base;
    uint32_t slot = ef_row_slot(batch, row);
    ef_keyed_slot *state = ef_keyed_slot_at(keyed, slot);
    EF_TRY(ef_handle_index_reserve(&keyed->index, 1, error));
    if (state->count > 0 && ef_keyed_write(keyed, state->last) == NULL) {
        return ef_fail_memory(error);
    }
    ef_handle kept, handle;
    EF_TRY(ef_row_keep(base->pages, &base->layout, batch, row, &kept, error));
    ef_status status = ef_pages_take(base->pages, sizeof(ef_keyed_entry), &handle, error);
    ef_keyed_entry *made = NULL;
    if (status == EF_OK) {
        made = ef_keyed_write(keyed, handle);
        if (made == NULL) {
            ef_pages_give(base->pages, handle, sizeof(ef_keyed_entry));
            status = ef_fail_memory(error);
        }
    }
    if (status != EF_OK) {
        ef_row_drop(base->pages, &base->layout, kept);
        return status;
    }
    *made = (ef_keyed_entry){.row = kept,
                             .previous = state->count > 0 ? state->last : EF_NO_HANDLE,
                             .next = EF_NO_HANDLE,
                             .slot = slot,
                             .hash = hash,
                             .count = 1};
    if (state->count > 0) {
        ef_keyed_write(keyed, state->last)->next = handle;
    } else {
        state->first = handle;
    }
    state->last = handle;
    state->count++;
    base->held++;
    ef_handle_index_add(&keyed->index, hash, handle);
    *entry = handle;
    return EF_OK;
}

ef_status ef_keyed_replace(ef_keyed *keyed, ef_handle entry, const ef_batch *batch, uint32_t row, ef_error *error) {
    ef_window *base = &keyed->base;
    ef_handle kept;
    ef_keyed_entry *changed = ef_keyed_write(keyed, entry);
    if (changed == NULL) {
        return ef_fail_memory(error);
    }
    EF_TRY(ef_row_keep(base->pages, &base->layout, batch, row, &kept, error));
    ef_row_drop(base->pages, &base->layout, changed->row);
    changed->row = kept;
    return EF_OK;
}

ef_status ef_keyed_prepare(ef_keyed *keyed, uint32_t slot, ef_error *error) {
    const ef_keyed_slot *state = ef_keyed_slot_at(keyed, slot);
    ef_handle handle = state->first;
    for (uint32_t i = 0; i < state->count; i++) {
        if (ef_keyed_write(keyed, handle) == NULL) {
            return ef_fail_memory(error);
        }
        handle = ef_keyed_at(keyed, handle)->next;
    }
    return EF_OK;
}

/* Links around an entry; false when a neighbour's page can't be written. */
static bool detach(ef_keyed *keyed, const ef_keyed_entry *entry) {
    ef_keyed_slot *state = ef_keyed_slot_at(keyed, entry->slot);
    ef_keyed_entry *before = entry->previous != EF_NO_HANDLE ? ef_keyed_write(keyed, entry->previous) : NULL;
    ef_keyed_entry *behind = entry->next != EF_NO_HANDLE ? ef_keyed_write(keyed, entry->next) : NULL;
    if ((entry->previous != EF_NO_HANDLE && before == NULL) || (entry->next != EF_NO_HANDLE && behind == NULL)) {
        return false;
    }
    if (before != NULL) {
        before->next = entry->next;
    } else {
        state->first = entry->next;
    }
    if (behind != NULL) {
        behind->previous = entry->previous;
    } else {
        state->last = entry->previous;
    }
    state->count--;
    return true;
}

static void drop(ef_keyed *keyed, ef_handle handle) {
    ef_window *base = &keyed->base;
    const ef_keyed_entry *entry = ef_keyed_at(keyed, handle);
    ef_handle_index_remove(&keyed->index, entry->hash, handle);
    ef_row_drop(base->pages, &base->layout, entry->row);
    ef_pages_give(base->pages, handle, sizeof *entry);
    base->held--;
}

void ef_keyed_remove(ef_keyed *keyed, ef_handle entry) {
    ef_keyed_entry copy = *ef_keyed_at(keyed, entry);
    bool detached = detach(keyed, &copy);
    EF_ASSERT(detached);
    (void)detached;
    drop(keyed, entry);
}

/* ---- the rest of an operator ---- */

void ef_keyed_purge(ef_keyed *keyed, uint32_t slot) {
    uint32_t from = slot == EF_ALL_SLOTS ? 0 : slot;
    uint32_t to = slot == EF_ALL_SLOTS ? keyed->slots.count : slot + 1;
    for (uint32_t i = from; i < to && i < keyed->slots.count; i++) {
        ef_keyed_slot *state = ef_keyed_slot_at(keyed, i);
        ef_handle handle = state->first;
        for (uint32_t n = state->count; n > 0; n--) {
            ef_handle next = ef_keyed_at(keyed, handle)->next;
            drop(keyed, handle);
            handle = next;
        }
        memset(state, 0, sizeof *state);
    }
    if (slot == EF_ALL_SLOTS) {
        ef_slots_clear(&keyed->slots, keyed->base.alloc);
    }
}

#define SLOT_BYTES 16u  /* of a saved slot: count, first, total */

void ef_keyed_save(const ef_keyed *keyed, ef_writer *writer) {
    ef_put_u32(writer, keyed->slots.count);
    for (uint32_t i = 0; i < keyed->slots.count; i++) {
        const ef_keyed_slot *state = ef_keyed_slot_at(keyed, i);
        ef_put_u32(writer, state->count);
        ef_put_u32(writer, state->count > 0 ? state->first : EF_NO_HANDLE);
        ef_put_i64(writer, state->total);
    }
    ef_pages_save(keyed->base.pages, writer);
}

static ef_status check_entry(ef_keyed *keyed, ef_row_checker *checker, ef_handle handle, uint32_t slot,
                             ef_handle previous, ef_error *error) {
    if (!ef_row_checker_claim(checker, handle, sizeof(ef_keyed_entry))) {
        return ef_fail(error, EF_CORRUPT, "the saved state names an entry that it does not hold");
    }
    const ef_keyed_entry *entry = ef_keyed_at(keyed, handle);
    if (entry->slot != slot || entry->previous != previous) {
        return ef_fail(error, EF_CORRUPT, "an entry of the saved state is linked wrongly");
    }
    EF_TRY(ef_row_check(checker, entry->row, error));
    if (kept_hash(keyed, entry->row, slot) != entry->hash) {
        return ef_fail(error, EF_CORRUPT, "an entry of the saved state has another key than its row");
    }
    return EF_OK;
}

static ef_status read_slots(ef_keyed *keyed, const char *saved, uint32_t count, ef_error *error) {
    ef_window *base = &keyed->base;
    ef_row_checker checker;
    ef_reader reader;
    ef_reader_init(&reader, saved, (size_t)count * SLOT_BYTES);
    EF_TRY(ef_row_checker_init(&checker, base->pages, &base->layout, base->alloc, error));
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < count && status == EF_OK; i++) {
        ef_keyed_slot *state = ef_keyed_slot_at(keyed, i);
        uint32_t entries = ef_get_u32(&reader);
        ef_handle handle = ef_get_u32(&reader);
        ef_handle previous = EF_NO_HANDLE;
        state->first = handle;
        state->total = ef_get_i64(&reader);
        for (uint32_t n = 0; n < entries && status == EF_OK; n++) {
            status = check_entry(keyed, &checker, handle, i, previous, error);
            if (status == EF_OK) {
                status = ef_handle_index_reserve(&keyed->index, 1, error);
            }
            if (status == EF_OK) {
                ef_handle_index_add(&keyed->index, ef_keyed_at(keyed, handle)->hash, handle);
                base->held++;
                state->count++;
                previous = handle;
                handle = ef_keyed_at(keyed, handle)->next;
            }
        }
        state->last = previous;
        if (status == EF_OK && entries > 0 && handle != EF_NO_HANDLE) {
            status = ef_fail(error, EF_CORRUPT, "the saved state has more entries than it says");
        }
    }
    ef_row_checker_clear(&checker);
    return status;
}

ef_status ef_keyed_load(ef_keyed *keyed, ef_reader *reader, ef_error *error) {
    ef_window *base = &keyed->base;
    uint32_t count = ef_get_u32(reader);
    const char *saved = ef_get_bytes(reader, (size_t)count * SLOT_BYTES);
    if (saved == NULL) {
        return ef_fail(error, EF_CORRUPT, "the saved state of a window ends too early");
    }
    EF_TRY(ef_slots_reserve(&keyed->slots, base->alloc, count, error));
    ef_status status = ef_pages_load(base->pages, reader, error);
    if (status == EF_OK) {
        status = read_slots(keyed, saved, count, error);
    }
    if (status != EF_OK) {
        ef_slots_clear(&keyed->slots, base->alloc);
        ef_handle_index_clear(&keyed->index);
        ef_window_forget(base);
    }
    return status;
}

ef_status ef_keyed_find_rows(const ef_keyed *keyed, uint32_t slot, ef_out *out, ef_error *error) {
    if (slot >= keyed->slots.count) {
        return EF_OK;
    }
    const ef_window *base = &keyed->base;
    const ef_keyed_slot *state = ef_keyed_slot_at(keyed, slot);
    EF_TRY(ef_out_reserve(out, state->count, error));
    ef_handle handle = state->first;
    for (uint32_t i = 0; i < state->count; i++) {
        const ef_keyed_entry *entry = ef_keyed_at(keyed, handle);
        ef_out_put(out, EF_FROM_RETAINED(entry->row), ef_row_timestamp(ef_pages_at(base->pages, entry->row)),
                   EF_CURRENT, EF_CAUSE(0, EF_RANK_LAST, 0), slot);
        handle = entry->next;
    }
    return ef_out_finish(out, base->pages, &base->layout, false, error);
}
