/* The table of table.h: rows, their order, their primary key and indexes. */
#include "table/table.h"

#include <stdlib.h>

#include "base/hash.h"

#define SIGN_BIT (UINT64_C(1) << 63)
#define NULL_HASH 0x6A09E667F3BCC909u

/* ---- values ---- */

static uint64_t real_key(double value) {
    if (value != value) {
        return UINT64_MAX;
    }
    if (value == 0) {
        value = 0; /* -0.0 is 0.0 */
    }
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits >> 63) != 0 ? ~bits : bits | SIGN_BIT;
}

uint64_t ef_value_order(ef_type type, const ef_value *value, uint64_t seed) {
    switch (type) {
    case EF_BOOL:
        return value->b;
    case EF_INT:
        return (uint64_t)(int64_t)value->i ^ SIGN_BIT;
    case EF_LONG:
        return (uint64_t)value->l ^ SIGN_BIT;
    case EF_FLOAT:
        return real_key((double)value->f);
    case EF_DOUBLE:
        return real_key(value->d);
    case EF_STRING:
    case EF_OBJECT:
        return ef_hash_str(&value->s, seed);
    }
    return 0;
}

static uint64_t mixed(uint64_t hash, ef_type type, const ef_value *value, bool is_there, uint64_t seed) {
    uint64_t key = is_there ? ef_value_order(type, value, seed) : NULL_HASH;
    return ef_hash_u64(key ^ hash, seed);
}

/* As parts of a primary key, where null is a value. */
static bool same(ef_type type, const ef_value *a, bool a_there, const ef_value *b, bool b_there) {
    if (!a_there || !b_there) {
        return a_there == b_there;
    }
    return ef_type_is_bytes(type) ? ef_str_equal(&a->s, &b->s) : ef_value_order(type, a, 0) == ef_value_order(type, b, 0);
}

static uint64_t columns_hash(const ef_table *table, const ef_column *const *columns, uint32_t row) {
    uint64_t hash = 0;
    for (uint32_t k = 0; k < table->key_count; k++) {
        ef_value value;
        bool is_there = ef_cell_read(columns[k], row, &value);
        hash = mixed(hash, columns[k]->type, &value, is_there, table->seed);
    }
    return hash;
}

static uint64_t row_hash(const ef_table *table, const char *row) {
    uint64_t hash = 0;
    for (uint32_t k = 0; k < table->key_count; k++) {
        ef_value value;
        bool is_there = ef_row_read(table->pages, &table->layout, row, table->key[k], &value);
        hash = mixed(hash, table->layout.type[table->key[k]], &value, is_there, table->seed);
    }
    return hash;
}

static bool has_key(const ef_table *table, const char *row, const ef_column *const *columns, uint32_t at) {
    for (uint32_t k = 0; k < table->key_count; k++) {
        ef_value mine, theirs;
        bool is_mine = ef_row_read(table->pages, &table->layout, row, table->key[k], &mine);
        bool is_theirs = ef_cell_read(columns[k], at, &theirs);
        if (!same(columns[k]->type, &mine, is_mine, &theirs, is_theirs)) {
            return false;
        }
    }
    return true;
}

static ef_handle find_hashed(const ef_table *table, uint32_t hash, const ef_column *const *columns, uint32_t row) {
    const ef_handle_index *index = &table->by_key;
    if (index->count == 0) {
        return EF_NO_HANDLE;
    }
    for (uint32_t at = hash & index->mask; index->entries[at] != EF_INDEX_EMPTY; at = (at + 1) & index->mask) {
        uint64_t entry = index->entries[at];
        if (ef_index_entry_hash(entry) == hash &&
            has_key(table, ef_pages_at(table->pages, ef_index_entry_handle(entry)), columns, row)) {
            return ef_index_entry_handle(entry);
        }
    }
    return EF_NO_HANDLE;
}

ef_handle ef_table_find_key(const ef_table *table, const ef_column *const *columns, uint32_t row) {
    return table->by_key.count == 0
               ? EF_NO_HANDLE
               : find_hashed(table, ef_index_hash(columns_hash(table, columns, row)), columns, row);
}

/* How many rows are looked up together: what one waits for in memory is asked for while the others are handled. */
#define ABREAST 64u

static int64_t integer_at(const void *values, bool is_long, uint32_t row) {
    return is_long ? ((const int64_t *)values)[row] : ((const int32_t *)values)[row];
}

/* Whether the row's primary key is this integer. */
static inline bool has_integer(const ef_table *table, ef_handle handle, bool is_long, int64_t wanted) {
    const uint32_t column = table->key[0];
    const char *row = ef_pages_at(table->pages, handle), *field = row + table->layout.offset[column];
    int64_t held = 0;
    int32_t narrow;
    if (is_long) {
        memcpy(&held, field, sizeof held);
    } else {
        memcpy(&narrow, field, sizeof narrow);
        held = narrow;
    }
    return held == wanted && !ef_row_is_null(row, column);
}

/* From the entry at `at` on. */
static ef_handle walk_integers(const ef_table *table, uint32_t at, uint32_t hash, bool is_long, int64_t wanted) {
    const ef_handle_index *index = &table->by_key;
    for (; index->entries[at] != EF_INDEX_EMPTY; at = (at + 1) & index->mask) {
        ef_handle handle = ef_index_entry_handle(index->entries[at]);
        if (ef_index_entry_hash(index->entries[at]) == hash && has_integer(table, handle, is_long, wanted)) {
            return handle;
        }
    }
    return EF_NO_HANDLE;
}

/* Rows [from, from + count), count <= ABREAST. Entries, then rows, are asked for one step before they are looked at. */
static void find_abreast(const ef_table *table, const ef_column *key, uint32_t from, uint32_t count, ef_handle *found) {
    const ef_handle_index *index = &table->by_key;
    const bool is_long = key->type == EF_LONG;
    uint32_t hash[ABREAST], at[ABREAST];
    for (uint32_t i = 0; i < count; i++) {
        hash[i] = ef_index_hash(
            ef_hash_u64((uint64_t)integer_at(key->values, is_long, from + i) ^ SIGN_BIT, table->seed)); /* as row_hash() */
        at[i] = hash[i] & index->mask;
        __builtin_prefetch(&index->entries[at[i]]);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t entry = index->entries[at[i]];
        while (entry != EF_INDEX_EMPTY && ef_index_entry_hash(entry) != hash[i]) {
            at[i] = (at[i] + 1) & index->mask;
            entry = index->entries[at[i]];
        }
        found[from + i] = ef_index_entry_handle(entry); /* of an empty one: none */
        if (entry != EF_INDEX_EMPTY) {
            const char *row = ef_pages_at(table->pages, ef_index_entry_handle(entry));
            __builtin_prefetch(row);
            __builtin_prefetch(row + table->layout.size - 1);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        int64_t wanted = integer_at(key->values, is_long, from + i);
        if (found[from + i] != EF_NO_HANDLE && !has_integer(table, found[from + i], is_long, wanted)) {
            found[from + i] = walk_integers(table, (at[i] + 1) & index->mask, hash[i], is_long, wanted);
        }
    }
}

ef_handle ef_table_find_integer(const ef_table *table, int64_t value) {
    if (table->by_key.count == 0) {
        return EF_NO_HANDLE;
    }
    uint32_t hash = ef_index_hash(ef_hash_u64((uint64_t)value ^ SIGN_BIT, table->seed));
    bool is_long = table->layout.type[table->key[0]] == EF_LONG;
    return walk_integers(table, hash & table->by_key.mask, hash, is_long, value);
}

void ef_table_find_integers(const ef_table *table, const ef_column *key, uint32_t rows, ef_handle *found) {
    if (table->by_key.count == 0) {
        memset(found, 0xFF, rows * sizeof *found);
        return;
    }
    for (uint32_t from = 0; from < rows; from += ABREAST) {
        find_abreast(table, key, from, rows - from < ABREAST ? rows - from : ABREAST, found);
    }
    for (uint32_t i = 0; key->validity != NULL && i < rows; i++) {
        found[i] = ef_is_null(key, i) ? EF_NO_HANDLE : found[i];
    }
}

/* ---- making ---- */

static ef_status content_compile(ef_content *content, ef_condition *condition, ef_alloc *alloc, ef_probe **probe,
                                 ef_error *error) {
    return ef_table_compile(content->self, condition, true, alloc, probe, error);
}

ef_table *ef_content_table(const ef_content *content) {
    return content->compile == content_compile ? content->self : NULL;
}

ef_status ef_table_new(const ef_table_config *config, ef_table **made, ef_error *error) {
    ef_alloc *alloc = config->alloc;
    ef_table *table = ef_calloc(alloc, sizeof *table);
    if (table == NULL) {
        return ef_fail_memory(error);
    }
    table->alloc = alloc;
    table->seed = config->hash_seed;
    table->null_row = EF_NO_HANDLE;
    ef_handle_index_init(&table->by_key, alloc);
    ef_ordered_index_init(&table->ordered, alloc);
    ef_status status = ef_row_layout_init(&table->layout, config->columns, config->types, alloc, error);
    if (status == EF_OK) {
        table->pages = ef_pages_new(alloc);
        table->key = ef_malloc(alloc, config->key_count * sizeof *table->key);
        table->key_count = config->key_count;
        status = table->pages == NULL || table->key == NULL ? ef_fail_memory(error) : EF_OK;
    }
    for (uint32_t k = 0; status == EF_OK && k < config->key_count; k++) {
        table->key[k] = config->key[k];
        if (config->key[k] >= config->columns) {
            status = ef_fail(error, EF_INVALID, "a table has no column %u for its primary key", config->key[k]);
        }
    }
    for (uint32_t i = 0; status == EF_OK && i < config->index_count; i++) {
        status = ef_table_add_index(table, config->indexes[i], error);
    }
    if (status != EF_OK) {
        ef_table_free(table);
        return status;
    }
    table->is_ordered = table->key_count == 1 && ef_type_is_numeric(table->layout.type[table->key[0]]);
    table->content = (ef_content){.self = table,
                                  .columns = table->layout.columns,
                                  .types = table->layout.type,
                                  .shared = -1,
                                  .is_steady = true,
                                  .compile = content_compile};
    *made = table;
    return EF_OK;
}

static void forget_rows(ef_table *table) {
    ef_free(table->alloc, table->rows, table->row_capacity * sizeof *table->rows);
    table->rows = NULL;
    table->row_count = 0;
    table->row_capacity = 0;
    table->live = 0;
    table->null_row = EF_NO_HANDLE;
    ef_handle_index_clear(&table->by_key);
    ef_ordered_index_clear(&table->ordered);
    for (uint32_t i = 0; i < table->index_count; i++) {
        ef_ordered_index_clear(&table->indexes[i].entries);
    }
}

void ef_table_clear(ef_table *table) {
    if (table->is_ordered) {
        for (ef_ordered_place at = {0, 0}; !ef_ordered_is_end(&table->ordered, at);
             at = ef_ordered_next(&table->ordered, at)) {
            ef_row_drop(table->pages, &table->layout, ef_ordered_handle(&table->ordered, at));
        }
        if (table->null_row != EF_NO_HANDLE) {
            ef_row_drop(table->pages, &table->layout, table->null_row);
        }
    }
    for (uint32_t i = 0; i < table->row_count; i++) {
        if (table->rows[i] != EF_NO_HANDLE) {
            ef_row_drop(table->pages, &table->layout, table->rows[i]);
        }
    }
    forget_rows(table);
}

void ef_table_free(ef_table *table) {
    if (table == NULL) {
        return;
    }
    ef_alloc *alloc = table->alloc;
    forget_rows(table);
    ef_free(alloc, table->indexes, table->index_count * sizeof *table->indexes);
    ef_free(alloc, table->key, table->key_count * sizeof *table->key);
    if (table->pages != NULL) {
        ef_pages_free(table->pages);
    }
    ef_row_layout_clear(&table->layout, alloc);
    ef_free(alloc, table, sizeof *table);
}

/* ---- linking rows into the order and the indexes ---- */

static ef_status reserve(ef_table *table, ef_error *error) {
    if (table->key_count > 0) {
        EF_TRY(ef_handle_index_reserve(&table->by_key, 1, error));
    }
    if (table->is_ordered) {
        EF_TRY(ef_ordered_index_reserve(&table->ordered, error));
    } else {
        void *rows = table->rows;
        ef_status status = ef_grow(table->alloc, &rows, &table->row_capacity, table->row_count + 1, sizeof *table->rows, error);
        table->rows = rows;
        EF_TRY(status);
    }
    for (uint32_t i = 0; i < table->index_count; i++) {
        EF_TRY(ef_ordered_index_reserve(&table->indexes[i].entries, error));
    }
    return EF_OK;
}

/* False: the column is null, the row is not in an index on it. */
static bool index_key(const ef_table *table, const char *row, uint32_t column, uint64_t *key) {
    ef_value value;
    if (!ef_row_read(table->pages, &table->layout, row, column, &value)) {
        return false;
    }
    *key = ef_value_order(table->layout.type[column], &value, table->seed);
    return true;
}

static void enter_indexes(ef_table *table, ef_handle handle) {
    uint64_t key;
    for (uint32_t i = 0; i < table->index_count; i++) {
        if (index_key(table, ef_pages_at(table->pages, handle), table->indexes[i].column, &key)) {
            ef_ordered_index_add(&table->indexes[i].entries, key, handle);
        }
    }
}

static void leave_indexes(ef_table *table, ef_handle handle) {
    uint64_t key;
    for (uint32_t i = 0; i < table->index_count; i++) {
        if (index_key(table, ef_pages_at(table->pages, handle), table->indexes[i].column, &key)) {
            ef_ordered_index_remove(&table->indexes[i].entries, key, handle);
        }
    }
}

/* Enters a row that was just kept: its page is private, and room was reserved. */
static void enter(ef_table *table, ef_handle handle) {
    const char *row = ef_pages_at(table->pages, handle);
    uint64_t key;
    if (table->key_count > 0) {
        ef_handle_index_add(&table->by_key, ef_index_hash(row_hash(table, row)), handle);
    }
    if (!table->is_ordered) {
        ef_row_set_next(ef_pages_write(table->pages, handle), table->row_count);
        table->rows[table->row_count++] = handle;
    } else if (index_key(table, row, table->key[0], &key)) {
        ef_ordered_index_add(&table->ordered, key, handle);
    } else {
        table->null_row = handle;
    }
    enter_indexes(table, handle);
    table->live++;
}

static void leave(ef_table *table, ef_handle handle) {
    const char *row = ef_pages_at(table->pages, handle);
    uint64_t key;
    if (table->key_count > 0) {
        ef_handle_index_remove(&table->by_key, ef_index_hash(row_hash(table, row)), handle);
    }
    if (!table->is_ordered) {
        table->rows[ef_row_next(row)] = EF_NO_HANDLE;
    } else if (index_key(table, row, table->key[0], &key)) {
        ef_ordered_index_remove(&table->ordered, key, handle);
    } else {
        table->null_row = EF_NO_HANDLE;
    }
    leave_indexes(table, handle);
    table->live--;
}

/* Closes the gaps. Where a shared page can't be copied the rest stays as it is. */
static void close_gaps(ef_table *table) {
    uint32_t to = 0;
    for (uint32_t from = 0; from < table->row_count; from++) {
        ef_handle handle = table->rows[from];
        if (handle == EF_NO_HANDLE) {
            continue;
        }
        if (to != from) {
            char *row = ef_pages_write(table->pages, handle);
            if (row == NULL) {
                return;
            }
            ef_row_set_next(row, to);
            table->rows[to] = handle;
            table->rows[from] = EF_NO_HANDLE;
        }
        to++;
    }
    table->row_count = to;
}

/* ---- changes ---- */

/* The columns of the primary key of a batch whose first columns are those of the table. */
#define MAX_INLINE_KEY 8u

static ef_status key_columns(const ef_table *table, const ef_batch *batch, const ef_column **few,
                             const ef_column ***columns, ef_error *error) {
    *columns = few;
    if (table->key_count > MAX_INLINE_KEY) {
        *columns = ef_malloc(table->alloc, table->key_count * sizeof **columns);
        if (*columns == NULL) {
            return ef_fail_memory(error);
        }
    }
    for (uint32_t k = 0; k < table->key_count; k++) {
        (*columns)[k] = &batch->column[table->key[k]];
    }
    return EF_OK;
}

static void key_columns_free(const ef_table *table, const ef_column **columns) {
    if (table->key_count > MAX_INLINE_KEY) {
        ef_free(table->alloc, (void *)columns, table->key_count * sizeof *columns);
    }
}

ef_status ef_table_insert(ef_table *table, const ef_batch *batch, uint32_t row, ef_handle *handle, ef_error *error) {
    const ef_column *few[MAX_INLINE_KEY], **columns;
    *handle = EF_NO_HANDLE;
    if (table->key_count > 0) {
        EF_TRY(key_columns(table, batch, few, &columns, error));
        bool is_there = ef_table_find_key(table, columns, row) != EF_NO_HANDLE;
        key_columns_free(table, columns);
        if (is_there) {
            return EF_OK;
        }
    }
    EF_TRY(reserve(table, error));
    EF_TRY(ef_row_keep(table->pages, &table->layout, batch, row, handle, error));
    enter(table, *handle);
    return EF_OK;
}

void ef_table_remove(ef_table *table, ef_handle handle) {
    leave(table, handle);
    ef_row_drop(table->pages, &table->layout, handle);
    if (table->row_count > 2 * table->live + 64) {
        close_gaps(table);
    }
}

/* Whether the new keys of the rows would be there twice. */
static ef_status check_keys(const ef_table *table, const ef_handle *handles, const ef_batch *rows, uint32_t count,
                            ef_error *error) {
    const ef_column *few[MAX_INLINE_KEY], **columns;
    EF_TRY(key_columns(table, rows, few, &columns, error));
    ef_status status = EF_OK;
    for (uint32_t i = 0; status == EF_OK && i < count; i++) {
        ef_handle owner = ef_table_find_key(table, columns, i);
        bool is_taken = owner != EF_NO_HANDLE && owner != handles[i];
        for (uint32_t j = 0; j < i && !is_taken; j++) {
            bool equal = true;
            for (uint32_t k = 0; equal && k < table->key_count; k++) {
                ef_value a, b;
                bool a_there = ef_cell_read(columns[k], i, &a), b_there = ef_cell_read(columns[k], j, &b);
                equal = same(columns[k]->type, &a, a_there, &b, b_there);
            }
            is_taken = equal;
        }
        if (is_taken) {
            status = ef_fail(error, EF_ROW, "the primary key that a row would get is that of another row: nothing was changed");
        }
    }
    key_columns_free(table, columns);
    return status;
}

/* Same key, same place. */
static ef_status swap_in_place(ef_table *table, ef_handle before, ef_handle after, ef_error *error) {
    for (uint32_t i = 0; i < table->index_count; i++) {
        EF_TRY(ef_ordered_index_reserve(&table->indexes[i].entries, error));
    }
    const char *row = ef_pages_at(table->pages, before);
    uint64_t key;
    if (table->key_count > 0) {
        uint32_t hash = ef_index_hash(row_hash(table, row));
        uint32_t at = hash & table->by_key.mask;
        while (ef_index_entry_handle(table->by_key.entries[at]) != before) {
            at = (at + 1) & table->by_key.mask;
        }
        table->by_key.entries[at] = (uint64_t)hash << 32 | after;
    }
    if (!table->is_ordered) {
        ef_row_set_next(ef_pages_write(table->pages, after), ef_row_next(row));
        table->rows[ef_row_next(row)] = after;
    } else if (index_key(table, row, table->key[0], &key)) {
        ef_ordered_place place = ef_ordered_index_find(&table->ordered, key, false); /* keys are there once */
        table->ordered.chunks[place.chunk]->handles[place.at] = after;
    } else {
        table->null_row = after;
    }
    leave_indexes(table, before);
    enter_indexes(table, after);
    ef_row_drop(table->pages, &table->layout, before);
    return EF_OK;
}

static bool same_key(const ef_table *table, ef_handle a, ef_handle b) {
    const char *x = ef_pages_at(table->pages, a), *y = ef_pages_at(table->pages, b);
    for (uint32_t k = 0; k < table->key_count; k++) {
        ef_value p, q;
        bool p_there = ef_row_read(table->pages, &table->layout, x, table->key[k], &p);
        bool q_there = ef_row_read(table->pages, &table->layout, y, table->key[k], &q);
        if (!same(table->layout.type[table->key[k]], &p, p_there, &q, q_there)) {
            return false;
        }
    }
    return true;
}

ef_status ef_table_replace(ef_table *table, ef_handle *handles, const ef_batch *rows, uint32_t count, bool key_changes,
                           ef_error *error) {
    key_changes = key_changes && table->key_count > 0;
    if (key_changes) {
        EF_TRY(check_keys(table, handles, rows, count, error));
    }
    ef_handle few[16];
    ef_handle *fresh = count <= 16 ? few : ef_malloc(table->alloc, count * sizeof *fresh);
    if (fresh == NULL) {
        return ef_fail_memory(error);
    }
    ef_status status = ef_rows_keep(table->pages, &table->layout, rows, 0, count, fresh, error);
    uint32_t done = 0;
    for (; status == EF_OK && done < count; done++) {
        if (key_changes && !same_key(table, handles[done], fresh[done])) {
            status = reserve(table, error);
            if (status == EF_OK) {
                ef_table_remove(table, handles[done]);
                enter(table, fresh[done]);
            }
        } else {
            status = swap_in_place(table, handles[done], fresh[done], error);
        }
        if (status != EF_OK) {
            for (uint32_t i = done; i < count; i++) { /* rows before it are changed, the others are as they were */
                ef_row_drop(table->pages, &table->layout, fresh[i]);
            }
            break;
        }
        handles[done] = fresh[done];
    }
    if (fresh != few) {
        ef_free(table->alloc, fresh, count * sizeof *fresh);
    }
    return status;
}

/* ---- order ---- */

ef_status ef_table_scan(const ef_table *table, ef_arena *arena, const ef_handle **handles, uint32_t *count,
                        ef_error *error) {
    *count = table->live;
    if (!table->is_ordered && table->live == table->row_count) {
        *handles = table->rows;
        return EF_OK;
    }
    ef_handle *found = ef_arena_take(arena, (table->live > 0 ? table->live : 1) * sizeof *found);
    if (found == NULL) {
        return ef_fail_memory(error);
    }
    uint32_t at = 0;
    if (table->is_ordered) {
        if (table->null_row != EF_NO_HANDLE) {
            found[at++] = table->null_row;
        }
        for (uint32_t c = 0; c < table->ordered.chunk_count; c++) {
            const ef_ordered_chunk *chunk = table->ordered.chunks[c];
            memcpy(found + at, chunk->handles, chunk->count * sizeof *found);
            at += chunk->count;
        }
    } else {
        for (uint32_t i = 0; i < table->row_count; i++) {
            found[at] = table->rows[i];
            at += table->rows[i] != EF_NO_HANDLE;
            if (at == table->live) {
                break;
            }
        }
    }
    *handles = found;
    return EF_OK;
}

typedef struct ranked {
    uint64_t rank;
    ef_handle handle;
    bool is_there;
} ranked;

static int compare_ranked(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->is_there != y->is_there) {
        return x->is_there ? 1 : -1;
    }
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

ef_status ef_table_sort(const ef_table *table, ef_handle *handles, uint32_t count, ef_arena *arena, ef_error *error) {
    if (count < 2) {
        return EF_OK;
    }
    ranked *order = ef_arena_take(arena, count * sizeof *order);
    if (order == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *row = ef_pages_at(table->pages, handles[i]);
        order[i] = (ranked){.handle = handles[i], .is_there = true, .rank = ef_row_next(row)};
        if (table->is_ordered) {
            order[i].rank = 0;
            order[i].is_there = index_key(table, row, table->key[0], &order[i].rank);
        }
    }
    qsort(order, count, sizeof *order, compare_ranked);
    for (uint32_t i = 0; i < count; i++) {
        handles[i] = order[i].handle;
    }
    return EF_OK;
}

int32_t ef_table_index_on(const ef_table *table, uint32_t column) {
    for (uint32_t i = 0; i < table->index_count; i++) {
        if (table->indexes[i].column == column) {
            return (int32_t)i;
        }
    }
    return -1;
}

ef_status ef_table_add_index(ef_table *table, uint32_t column, ef_error *error) {
    if (column >= table->layout.columns) {
        return ef_fail(error, EF_INVALID, "a table has no column %u for an index", column);
    }
    if (ef_table_index_on(table, column) >= 0) {
        return EF_OK;
    }
    ef_table_index made = {.column = column};
    ef_ordered_index_init(&made.entries, table->alloc);
    uint32_t places = table->is_ordered ? table->ordered.count + 1 : table->row_count;
    ef_ordered_place at = {0, 0};
    for (uint32_t i = 0; i < places; i++) {
        ef_handle handle;
        if (!table->is_ordered) {
            handle = table->rows[i];
        } else if (i == 0) {
            handle = table->null_row;
        } else {
            handle = ef_ordered_handle(&table->ordered, at);
            at = ef_ordered_next(&table->ordered, at);
        }
        uint64_t key;
        if (handle == EF_NO_HANDLE || !index_key(table, ef_pages_at(table->pages, handle), column, &key)) {
            continue;
        }
        ef_status status = ef_ordered_index_reserve(&made.entries, error);
        if (status != EF_OK) {
            ef_ordered_index_clear(&made.entries);
            return status;
        }
        ef_ordered_index_add(&made.entries, key, handle);
    }
    ef_table_index *indexes = ef_realloc(table->alloc, table->indexes, table->index_count * sizeof *indexes,
                                         (table->index_count + 1) * sizeof *indexes);
    if (indexes == NULL) {
        ef_ordered_index_clear(&made.entries);
        return ef_fail_memory(error);
    }
    table->indexes = indexes;
    table->indexes[table->index_count++] = made;
    return EF_OK;
}

/* ---- state ---- */

ef_status ef_table_save(const ef_table *table, ef_writer *writer, ef_error *error) {
    ef_put_u32(writer, table->live);
    if (table->is_ordered) {
        if (table->null_row != EF_NO_HANDLE) {
            ef_put_u32(writer, table->null_row);
        }
        for (ef_ordered_place at = {0, 0}; !ef_ordered_is_end(&table->ordered, at);
             at = ef_ordered_next(&table->ordered, at)) {
            ef_put_u32(writer, ef_ordered_handle(&table->ordered, at));
        }
    }
    for (uint32_t i = 0; i < table->row_count; i++) {
        if (table->rows[i] != EF_NO_HANDLE) {
            ef_put_u32(writer, table->rows[i]);
        }
    }
    ef_pages_save(table->pages, writer);
    return ef_writer_status(writer, error);
}

static ef_status load_row(ef_table *table, ef_row_checker *checker, ef_handle handle, ef_error *error) {
    EF_TRY(ef_row_check(checker, handle, error));
    const char *row = ef_pages_at(table->pages, handle);
    if (table->key_count > 0) {
        uint32_t hash = ef_index_hash(row_hash(table, row));
        const ef_handle_index *index = &table->by_key;
        uint32_t at = index->count > 0 ? hash & index->mask : 0;
        for (; index->count > 0 && index->entries[at] != EF_INDEX_EMPTY; at = (at + 1) & index->mask) {
            if (ef_index_entry_hash(index->entries[at]) == hash &&
                same_key(table, ef_index_entry_handle(index->entries[at]), handle)) {
                return ef_fail(error, EF_CORRUPT, "a primary key is in the saved table twice");
            }
        }
    }
    EF_TRY(reserve(table, error));
    if (ef_pages_write(table->pages, handle) == NULL) {
        return ef_fail_memory(error);
    }
    enter(table, handle);
    return EF_OK;
}

ef_status ef_table_load(ef_table *table, ef_reader *reader, ef_error *error) {
    uint32_t count = ef_get_u32(reader);
    const char *handles = ef_get_bytes(reader, (size_t)count * sizeof(ef_handle));
    EF_TRY(ef_reader_status(reader, error));
    EF_TRY(ef_pages_load(table->pages, reader, error));
    ef_row_checker checker;
    ef_status status = ef_row_checker_init(&checker, table->pages, &table->layout, table->alloc, error);
    if (status == EF_OK) {
        for (uint32_t i = 0; status == EF_OK && i < count; i++) {
            ef_handle handle;
            memcpy(&handle, handles + (size_t)i * sizeof handle, sizeof handle);
            status = load_row(table, &checker, handle, error);
        }
        ef_row_checker_clear(&checker);
    }
    if (status != EF_OK) {
        ef_reader nothing;
        static const char NO_PAGES[4] = {0, 0, 0, 0};
        ef_reader_init(&nothing, NO_PAGES, sizeof NO_PAGES);
        ef_error ignored;
        if (ef_pages_load(table->pages, &nothing, &ignored) != EF_OK) {
            EF_ASSERT(false); /* no page is taken: it cannot fail */
        }
        forget_rows(table);
    }
    return status;
}
