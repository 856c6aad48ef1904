/* What a window of a join holds; see mirror.h. */
#include "join/mirror.h"

#include "base/hash.h"
#include "base/object.h"

enum { ORDER_NEXT = 0, HASH = 4, CHAIN_LAST = 8, SLOT = 12, BEHIND_SIZE = 16 };

static uint32_t word(const ef_mirror *m, ef_handle row, uint32_t which) {
    uint32_t value;
    memcpy(&value, ef_pages_at(m->pages, row) + m->behind + which, sizeof value);
    return value;
}

/* The row, private to the store; NULL when out of memory. */
static char *writable(ef_mirror *m, ef_handle row) {
    return ef_pages_write(m->pages, row);
}

static void put_word(const ef_mirror *m, char *row, uint32_t which, uint32_t value) {
    memcpy(row + m->behind + which, &value, sizeof value);
}

/* ---- keys ---- */

static uint64_t hash_value(ef_type type, const void *value, uint64_t seed) {
    switch (type) {
    case EF_BOOL:
        return ef_hash_u64(*(const uint8_t *)value, seed);
    case EF_INT: {
        int32_t i;
        memcpy(&i, value, sizeof i);
        return ef_hash_u64((uint64_t)(int64_t)i, seed);
    }
    case EF_LONG: {
        uint64_t l;
        memcpy(&l, value, sizeof l);
        return ef_hash_u64(l, seed);
    }
    case EF_FLOAT: {
        float f;
        memcpy(&f, value, sizeof f);
        double d = f == 0.0f ? 0.0 : (double)f; /* -0.0 equals 0.0 */
        uint64_t bits;
        memcpy(&bits, &d, sizeof bits);
        return ef_hash_u64(bits, seed);
    }
    case EF_DOUBLE: {
        double d;
        memcpy(&d, value, sizeof d);
        d = d == 0.0 ? 0.0 : d;
        uint64_t bits;
        memcpy(&bits, &d, sizeof bits);
        return ef_hash_u64(bits, seed);
    }
    case EF_STRING:
        return ef_hash_str(value, seed);
    case EF_OBJECT:
        return ef_object_hash(value, seed);
    }
    return 0;
}

static bool equal_value(ef_type type, const void *a, const void *b) {
    switch (type) {
    case EF_FLOAT: {
        float x, y;
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return x == y;
    }
    case EF_DOUBLE: {
        double x, y;
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return x == y;
    }
    case EF_STRING:
        return ef_str_equal(a, b);
    case EF_OBJECT:
        return ef_object_equal(a, b);
    default:
        return memcmp(a, b, ef_type_width(type)) == 0;
    }
}

static const void *value_at(const ef_column *column, uint32_t row) {
    return (const char *)column->values + (size_t)row * ef_type_width(column->type);
}

bool ef_keys_equal(const ef_column *a, uint32_t row_a, const ef_column *b, uint32_t row_b) {
    return !ef_is_null(a, row_a) && !ef_is_null(b, row_b) && equal_value(a->type, value_at(a, row_a), value_at(b, row_b));
}

/* The hash that places a key; false: a part of it is null. */
static bool hash_keys(const ef_mirror *m, uint32_t slot, const ef_column *keys, uint32_t row, uint32_t *hash) {
    uint64_t h = ef_hash_u64(slot, m->seed);
    for (uint32_t k = 0; k < m->key_count; k++) {
        if (ef_is_null(&keys[k], row)) {
            return false;
        }
        h = hash_value(keys[k].type, value_at(&keys[k], row), h);
    }
    *hash = ef_index_hash(h);
    return true;
}

void ef_mirror_hash(const ef_mirror *m, const uint32_t *slots, const ef_column *keys, uint32_t rows, uint32_t *hashes, uint8_t *has) {
    if (m->key_count == 1 && keys[0].type == EF_LONG && keys[0].validity == NULL && slots == NULL) {
        const uint64_t seed = ef_hash_u64(0, m->seed);
        const uint64_t *values = keys[0].values;
        for (uint32_t i = 0; i < rows; i++) {
            hashes[i] = ef_index_hash(ef_hash_u64(values[i], seed));
        }
        memset(has, 1, rows);
        return;
    }
    for (uint32_t i = 0; i < rows; i++) {
        has[i] = hash_keys(m, slots != NULL ? slots[i] : 0, keys, i, &hashes[i]);
    }
}

/* What is in the index has no null in its key. */
EF_ALWAYS_INLINE bool has_key(const ef_mirror *m, ef_handle candidate, uint32_t slot, const ef_column *keys, uint32_t row) {
    const char *held = ef_pages_at(m->pages, candidate);
    uint32_t at_slot;
    memcpy(&at_slot, held + m->behind + SLOT, sizeof at_slot);
    if (at_slot != slot) {
        return false;
    }
    if (m->key_count == 1 && keys[0].type == EF_LONG) {
        uint64_t value;
        memcpy(&value, held + m->layout.offset[m->key_columns[0]], sizeof value);
        return value == ((const uint64_t *)keys[0].values)[row];
    }
    for (uint32_t k = 0; k < m->key_count; k++) {
        uint64_t value[2] = {0, 0};
        (void)ef_row_read(m->pages, &m->layout, held, m->key_columns[k], value);
        if (!equal_value(keys[k].type, value, value_at(&keys[k], row))) {
            return false;
        }
    }
    return true;
}

#define MAX_KEYS 16u

/* The place of the key's chain in the index, or the empty one where it would be. */
EF_ALWAYS_INLINE uint64_t *place_of(const ef_mirror *m, uint32_t slot, const ef_column *keys, uint32_t row, uint32_t hash) {
    const ef_handle_index *index = &m->chains;
    uint32_t at = hash & index->mask;
    for (; index->entries[at] != EF_INDEX_EMPTY; at = (at + 1) & index->mask) {
        uint64_t entry = index->entries[at];
        if (ef_index_entry_hash(entry) == hash && has_key(m, ef_index_entry_handle(entry), slot, keys, row)) {
            break;
        }
    }
    return &index->entries[at];
}

/* ---- life ---- */

ef_status ef_mirror_init(ef_mirror *m, ef_alloc *alloc, uint32_t columns, const ef_type *types,
                         const uint32_t *key_columns, uint32_t key_count, uint64_t seed, ef_error *error) {
    memset(m, 0, sizeof *m);
    m->alloc = alloc;
    m->seed = seed;
    ef_handle_index_init(&m->chains, alloc);
    if (key_count > MAX_KEYS) {
        key_count = MAX_KEYS; /* the rest is tested row by row */
    }
    EF_TRY(ef_row_layout_init(&m->layout, columns, types, alloc, error));
    m->behind = m->layout.size;
    m->layout.size += BEHIND_SIZE;
    m->pages = ef_pages_new(alloc);
    m->key_columns = ef_malloc(alloc, (key_count > 0 ? key_count : 1) * sizeof *m->key_columns);
    if (m->pages == NULL || m->key_columns == NULL) {
        ef_mirror_clear(m);
        return ef_fail_memory(error);
    }
    m->key_count = key_count;
    if (key_count > 0) {
        memcpy(m->key_columns, key_columns, key_count * sizeof *key_columns);
    }
    return EF_OK;
}

void ef_mirror_clear(ef_mirror *m) {
    if (m->alloc == NULL) {
        return;
    }
    ef_handle_index_clear(&m->chains);
    ef_pages_free(m->pages);
    ef_free(m->alloc, m->key_columns, (m->key_count > 0 ? m->key_count : 1) * sizeof *m->key_columns);
    ef_free(m->alloc, m->lists, m->slot_capacity * sizeof *m->lists);
    m->layout.size = m->behind;
    ef_row_layout_clear(&m->layout, m->alloc);
    memset(m, 0, sizeof *m);
}

static ef_status list_of(ef_mirror *m, uint32_t slot, ef_mirror_list **list, ef_error *error) {
    void *lists = m->lists;
    ef_status status = ef_grow(m->alloc, &lists, &m->slot_capacity, slot + 1, sizeof *m->lists, error);
    m->lists = lists;
    EF_TRY(status);
    while (m->slots <= slot) {
        m->lists[m->slots++] = (ef_mirror_list){EF_NO_HANDLE, EF_NO_HANDLE, 0, 0};
    }
    *list = &m->lists[slot];
    return EF_OK;
}

/* ---- rows in and out ---- */

/* Puts a held row that has a key, and is the store's own, into its chain; room in the index is reserved. False: out of memory, nothing changed. */
EF_ALWAYS_INLINE bool enter_chain(ef_mirror *m, ef_handle row, char *bytes, uint32_t slot, const ef_column *keys, uint32_t at, uint32_t hash) {
    uint64_t *place = place_of(m, slot, keys, at, hash);
    if (EF_LIKELY(*place == EF_INDEX_EMPTY)) {
        put_word(m, bytes, CHAIN_LAST, row);
        *place = (uint64_t)hash << 32 | row;
        m->chains.count++;
        return true;
    }
    ef_handle first = ef_index_entry_handle(*place);
    char *last = writable(m, word(m, first, CHAIN_LAST));
    char *head = last != NULL ? writable(m, first) : NULL;
    if (head == NULL) {
        return false;
    }
    ef_row_set_next(last, row);
    put_word(m, head, CHAIN_LAST, row);
    return true;
}

/* What stands behind a held row. */
typedef struct behind {
    uint32_t order_next, hash, chain_last, slot;
} behind;

ef_status ef_mirror_enter(ef_mirror *m, uint32_t slot, ef_handle row, const ef_column *keys, uint32_t at, uint32_t hash, ef_error *error) {
    ef_mirror_list *list;
    if (EF_LIKELY(slot < m->slots)) {
        list = &m->lists[slot];
    } else {
        EF_TRY(list_of(m, slot, &list, error));
    }
    EF_TRY(ef_handle_index_reserve(&m->chains, 1, error));
    char *previous = list->last != EF_NO_HANDLE ? writable(m, list->last) : NULL;
    char *bytes = writable(m, row);
    if (EF_UNLIKELY(bytes == NULL || (previous == NULL && list->last != EF_NO_HANDLE))) {
        return ef_fail_memory(error);
    }
    const behind words = {.order_next = EF_NO_HANDLE, .hash = hash, .chain_last = EF_NO_HANDLE, .slot = slot};
    memcpy(bytes + m->behind, &words, sizeof words);
    if (keys != NULL && EF_UNLIKELY(!enter_chain(m, row, bytes, slot, keys, at, hash))) {
        return ef_fail_memory(error);
    }
    if (previous != NULL) {
        put_word(m, previous, ORDER_NEXT, row);
    } else {
        list->first = row;
    }
    list->last = row;
    list->count++;
    m->rows++;
    return EF_OK;
}

ef_status ef_mirror_add(ef_mirror *m, uint32_t slot, const ef_batch *batch, uint32_t row, ef_error *error) {
    ef_column keys[MAX_KEYS];
    for (uint32_t k = 0; k < m->key_count; k++) {
        keys[k] = batch->column[m->key_columns[k]];
    }
    uint32_t hash = 0;
    bool is_found = m->key_count > 0 && hash_keys(m, slot, keys, row, &hash);
    ef_handle handle;
    EF_TRY(ef_row_keep(m->pages, &m->layout, batch, row, &handle, error));
    ef_status status = ef_mirror_enter(m, slot, handle, is_found ? keys : NULL, row, hash, error);
    if (status != EF_OK) {
        ef_row_drop(m->pages, &m->layout, handle);
    }
    return status;
}

bool ef_mirror_pop(ef_mirror *m, uint32_t slot) {
    if (slot >= m->slots || m->lists[slot].first == EF_NO_HANDLE) {
        return true;
    }
    ef_mirror_list *list = &m->lists[slot];
    ef_handle row = list->first;
    ef_handle chain_last = word(m, row, CHAIN_LAST);
    if (chain_last != EF_NO_HANDLE) { /* the oldest row of a slot is the first of its chain */
        ef_handle next = ef_row_next(ef_pages_at(m->pages, row));
        uint32_t hash = word(m, row, HASH);
        if (next != EF_NO_HANDLE) {
            char *bytes = writable(m, next);
            if (bytes == NULL) {
                return false;
            }
            put_word(m, bytes, CHAIN_LAST, chain_last);
        }
        if (next != EF_NO_HANDLE) {
            ef_handle_index_replace(&m->chains, hash, row, next);
        } else {
            ef_handle_index_remove(&m->chains, hash, row);
        }
    }
    list->first = word(m, row, ORDER_NEXT);
    if (list->first == EF_NO_HANDLE) {
        list->last = EF_NO_HANDLE;
    } else if (m->chains.entries != NULL) { /* its place in the index is what the next one to leave will read */
        ef_mirror_fetch(m, word(m, list->first, HASH), EF_MIRROR_PLACE);
    }
    list->count--;
    list->searched -= list->searched > 0;
    m->rows--;
    ef_row_drop(m->pages, &m->layout, row);
    return true;
}

bool ef_mirror_empty(ef_mirror *m, uint32_t slot) {
    while (slot < m->slots && m->lists[slot].first != EF_NO_HANDLE) {
        if (!ef_mirror_pop(m, slot)) {
            return false;
        }
    }
    return true;
}

/* Takes a row out of the index if it is the first of a chain. */
static void forget_chain(ef_mirror *m, ef_handle row) {
    uint32_t hash = word(m, row, HASH);
    if (m->chains.entries == NULL) {
        return;
    }
    for (uint32_t at = hash & m->chains.mask; m->chains.entries[at] != EF_INDEX_EMPTY; at = (at + 1) & m->chains.mask) {
        if (m->chains.entries[at] == ((uint64_t)hash << 32 | row)) {
            ef_handle_index_remove(&m->chains, hash, row);
            return;
        }
    }
}

void ef_mirror_purge(ef_mirror *m, uint32_t slot) {
    uint32_t from = slot == EF_ALL_SLOTS ? 0 : slot;
    uint32_t to = slot == EF_ALL_SLOTS ? m->slots : slot < m->slots ? slot + 1 : from;
    for (uint32_t s = from; s < to; s++) {
        for (ef_handle row = m->lists[s].first; row != EF_NO_HANDLE;) {
            ef_handle next = word(m, row, ORDER_NEXT);
            forget_chain(m, row);
            ef_row_drop(m->pages, &m->layout, row);
            m->rows--;
            row = next;
        }
        m->lists[s] = (ef_mirror_list){EF_NO_HANDLE, EF_NO_HANDLE, 0, 0};
    }
}

/* ---- finding ---- */

ef_handle ef_mirror_first(const ef_mirror *m, uint32_t slot) {
    return slot < m->slots ? m->lists[slot].first : EF_NO_HANDLE;
}

ef_handle ef_mirror_after(const ef_mirror *m, ef_handle row) {
    return word(m, row, ORDER_NEXT);
}

ef_handle ef_mirror_find_key(const ef_mirror *m, uint32_t slot, const ef_column *keys, uint32_t row, uint32_t hash) {
    /* No handle is that of an empty place. */
    return m->chains.entries != NULL ? ef_index_entry_handle(*place_of(m, slot, keys, row, hash)) : EF_NO_HANDLE;
}

ef_handle ef_mirror_find(const ef_mirror *m, uint32_t slot, const ef_column *keys, uint32_t row) {
    uint32_t hash;
    return hash_keys(m, slot, keys, row, &hash) ? ef_mirror_find_key(m, slot, keys, row, hash) : EF_NO_HANDLE;
}

/* ---- following a window ---- */

void ef_mirror_note_search(ef_mirror *m, uint32_t slot) {
    if (slot < m->slots) {
        m->lists[slot].searched = m->lists[slot].count;
    }
}

bool ef_mirror_keeps_times(const ef_operator_class *window) {
    return strcmp(window->name, "length_batch") == 0 || strcmp(window->name, "time_batch") == 0;
}

ef_status ef_mirror_keep_times(const ef_mirror *m, ef_batch *rows, ef_arena *arena, ef_error *error) {
    int64_t *timestamps = NULL;
    ef_handle held = EF_NO_HANDLE;
    uint32_t slot = EF_ALL_SLOTS, left = 0;
    for (uint32_t i = 0; i < rows->rows; i++) {
        if (ef_row_kind(rows, i) != EF_EXPIRED) {
            slot = EF_ALL_SLOTS;
            continue;
        }
        if (ef_row_slot(rows, i) != slot) {
            slot = ef_row_slot(rows, i);
            left = slot < m->slots ? m->lists[slot].searched : 0;
            held = left > 0 ? m->lists[slot].first : EF_NO_HANDLE;
        }
        if (left == 0 || held == EF_NO_HANDLE) {
            continue;
        }
        left--;
        if (timestamps == NULL) {
            timestamps = ef_arena_take(arena, rows->rows * sizeof *timestamps);
            if (timestamps == NULL) {
                return ef_fail_memory(error);
            }
            memcpy(timestamps, rows->timestamps, rows->rows * sizeof *timestamps);
            rows->timestamps = timestamps;
        }
        timestamps[i] = ef_row_timestamp(ef_pages_at(m->pages, held));
        held = word(m, held, ORDER_NEXT);
    }
    return EF_OK;
}

ef_mirror_rule ef_mirror_rule_of(const ef_operator_class *window, bool wants_expired) {
    if ((window->flags & EF_BATCH_CHUNKS) == 0) {
        return EF_MIRROR_QUEUE;
    }
    return !wants_expired && ef_mirror_keeps_times(window) ? EF_MIRROR_ALL_BATCHES : EF_MIRROR_LAST_BATCH;
}

ef_status ef_mirror_follow(ef_mirror *mirror, const ef_batch *rows, ef_mirror_rule rule, ef_error *error) {
    const bool is_batch = rule == EF_MIRROR_LAST_BATCH;
    uint32_t from = 0;
    for (uint32_t d = 0; d < ef_deliveries(rows); d++) {
        uint32_t end = ef_delivery_end(rows, d);
        bool is_emptied = false;
        for (uint32_t i = from; i < end; i++) {
            uint32_t slot = ef_row_slot(rows, i);
            uint8_t kind = ef_row_kind(rows, i);
            if (kind != EF_CURRENT && rule == EF_MIRROR_ALL_BATCHES) {
                continue;
            }
            switch (kind) {
            case EF_CURRENT:
                EF_TRY(ef_mirror_add(mirror, slot, rows, i, error));
                break;
            case EF_EXPIRED:
                if (is_batch ? !is_emptied && !ef_mirror_empty(mirror, slot) : !ef_mirror_pop(mirror, slot)) {
                    return ef_fail_memory(error);
                }
                is_emptied = true;
                break;
            default: /* RESET */
                if (is_batch && !is_emptied && !ef_mirror_empty(mirror, slot)) {
                    return ef_fail_memory(error);
                }
                is_emptied = true;
                break;
            }
        }
        from = end;
    }
    return EF_OK;
}

/* ---- state: the pages, and the list of each slot; chains are rebuilt ---- */

void ef_mirror_save(const ef_mirror *m, ef_writer *writer) {
    ef_put_u32(writer, m->slots);
    for (uint32_t s = 0; s < m->slots; s++) {
        ef_put_u32(writer, m->lists[s].first);
        ef_put_u32(writer, m->lists[s].count);
        ef_put_u32(writer, m->lists[s].searched);
    }
    ef_pages_save(m->pages, writer);
}

/* Reads the key of a held row into columns of one row. */
static void read_keys(const ef_mirror *m, ef_handle row, ef_column *keys, uint64_t (*values)[2], uint8_t *validity) {
    const char *held = ef_pages_at(m->pages, row);
    for (uint32_t k = 0; k < m->key_count; k++) {
        values[k][0] = values[k][1] = 0;
        bool is_there = ef_row_read(m->pages, &m->layout, held, m->key_columns[k], values[k]);
        validity[k] = is_there;
        keys[k] = (ef_column){.values = values[k],
                              .validity = is_there ? NULL : &validity[k],
                              .type = m->layout.type[m->key_columns[k]]};
    }
}

static ef_status relink(ef_mirror *m, uint32_t slot, ef_handle row, ef_error *error) {
    ef_column keys[MAX_KEYS];
    uint64_t values[MAX_KEYS][2];
    uint8_t validity[MAX_KEYS];
    read_keys(m, row, keys, values, validity);
    uint32_t hash = 0;
    bool is_found = m->key_count > 0 && hash_keys(m, slot, keys, 0, &hash);
    char *bytes = writable(m, row);
    if (bytes == NULL) {
        return ef_fail_memory(error);
    }
    ef_row_set_next(bytes, EF_NO_HANDLE);
    put_word(m, bytes, HASH, hash);
    put_word(m, bytes, CHAIN_LAST, EF_NO_HANDLE);
    put_word(m, bytes, SLOT, slot);
    EF_TRY(ef_handle_index_reserve(&m->chains, 1, error));
    return !is_found || enter_chain(m, row, bytes, slot, keys, 0, hash) ? EF_OK : ef_fail_memory(error);
}

static ef_status load_lists(ef_mirror *m, const ef_handle *firsts, const uint32_t *counts, const uint32_t *searched, uint32_t slots,
                            ef_row_checker *checker, ef_error *error) {
    for (uint32_t s = 0; s < slots; s++) {
        ef_mirror_list *list;
        EF_TRY(list_of(m, s, &list, error));
        ef_handle row = firsts[s], last = EF_NO_HANDLE;
        for (uint32_t i = 0; i < counts[s]; i++) {
            EF_TRY(ef_row_check(checker, row, error));
            EF_TRY(relink(m, s, row, error));
            last = row;
            row = word(m, row, ORDER_NEXT);
        }
        if (row != EF_NO_HANDLE) {
            return ef_fail(error, EF_CORRUPT, "the saved content of a join does not end where it should");
        }
        m->lists[s] = (ef_mirror_list){counts[s] > 0 ? firsts[s] : EF_NO_HANDLE, last, counts[s], searched[s] < counts[s] ? searched[s] : counts[s]};
        m->rows += counts[s];
    }
    return EF_OK;
}

ef_status ef_mirror_load(ef_mirror *m, ef_reader *reader, ef_error *error) {
    uint32_t slots = ef_get_u32(reader);
    if (reader->status != EF_OK || slots > ef_reader_left(reader) / 12) {
        return ef_fail(error, EF_CORRUPT, "the saved content of a join names too many slots");
    }
    ef_arena arena;
    ef_arena_init(&arena, m->alloc);
    ef_handle *firsts = ef_arena_take(&arena, (slots > 0 ? slots : 1) * sizeof *firsts);
    uint32_t *counts = ef_arena_take(&arena, (slots > 0 ? slots : 1) * sizeof *counts);
    uint32_t *searched = ef_arena_take(&arena, (slots > 0 ? slots : 1) * sizeof *searched);
    ef_status status = firsts != NULL && counts != NULL && searched != NULL ? EF_OK : ef_fail_memory(error);
    for (uint32_t s = 0; status == EF_OK && s < slots; s++) {
        firsts[s] = ef_get_u32(reader);
        counts[s] = ef_get_u32(reader);
        searched[s] = ef_get_u32(reader);
        if ((counts[s] == 0) != (firsts[s] == EF_NO_HANDLE)) {
            status = ef_fail(error, EF_CORRUPT, "the saved content of a join is not what it should be");
        }
    }
    if (status == EF_OK) {
        status = ef_pages_load(m->pages, reader, error);
    }
    ef_row_checker checker;
    if (status == EF_OK) {
        status = ef_row_checker_init(&checker, m->pages, &m->layout, m->alloc, error);
        if (status == EF_OK) {
            status = load_lists(m, firsts, counts, searched, slots, &checker, error);
            ef_row_checker_clear(&checker);
        }
    }
    ef_arena_clear(&arena);
    return status;
}
