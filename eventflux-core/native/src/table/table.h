/* A table in memory: rows with an optional primary key, and indexes.
 *
 *      rows:    [ handle ][ handle ][ none ][ handle ] ...     in order of insertion; a row's `next` is its place here; gaps are closed
 *                                                              when they are more than half
 *      by_key:  hash of the primary key -> handle              with a primary key
 *      ordered: value of the primary key -> handle             with one numeric primary key: such a table is in the order of its key
 *      indexes: value (of strings a hash) -> handle            one column each; rows whose column is null are not in it
 *
 * A null in the primary key is a value like others, and sorts first. Rows are never changed in place: a changed row is a new block that takes
 * the place of the old one, so what was gathered from it stays readable until the end of the slice. A row whose primary key changes goes to the end.
 * The page store holds the rows; all else is derived. Insertion and removal are O(log n) by each index, else O(1). */
#ifndef EF_TABLE_TABLE_H
#define EF_TABLE_TABLE_H

#include "base/handle_index.h"
#include "join/content.h"
#include "table/ordered_index.h"

/* One value in the layout of a column of its type. */
typedef union ef_value {
    uint8_t b;
    int32_t i;
    int64_t l;
    float f;
    double d;
    ef_str s;
} ef_value;

typedef struct ef_table_index {
    uint32_t column;
    ef_ordered_index entries;
} ef_table_index;

typedef struct ef_table {
    ef_alloc *alloc;
    ef_pages *pages;
    ef_row_layout layout;
    uint64_t seed;

    ef_handle *rows; /* EF_NO_HANDLE: a gap */
    uint32_t row_count, row_capacity;
    uint32_t live; /* rows without the gaps */

    uint32_t *key; /* columns of the primary key */
    uint32_t key_count;
    bool is_ordered;
    ef_handle_index by_key;
    ef_ordered_index ordered;
    ef_handle null_row; /* is_ordered: the row whose key is null */

    ef_table_index *indexes;
    uint32_t index_count;

    ef_content content;
} ef_table;

typedef struct ef_table_config {
    uint32_t columns;
    const ef_type *types;
    const uint32_t *key; /* columns of the primary key */
    uint32_t key_count;
    const uint32_t *indexes; /* one column each */
    uint32_t index_count;
    uint64_t hash_seed;
    ef_alloc *alloc;
} ef_table_config;

ef_status ef_table_new(const ef_table_config *config, ef_table **table, ef_error *error) EF_MUST_USE;
void ef_table_free(ef_table *table);
void ef_table_clear(ef_table *table); /* no rows */

/* Keeps row `row` of the batch, whose first columns are those of the table. *handle is EF_NO_HANDLE when its primary key is there already. */
ef_status ef_table_insert(ef_table *table, const ef_batch *batch, uint32_t row, ef_handle *handle,
                          ef_error *error) EF_MUST_USE;
void ef_table_remove(ef_table *table, ef_handle handle);
/* Puts rows [0, count) of `rows` into the places of handles[0..count), which become the new ones. EF_ROW, and nothing has changed: a primary key
 * would be there twice. `key_changes`: the primary key may differ. */
ef_status ef_table_replace(ef_table *table, ef_handle *handles, const ef_batch *rows, uint32_t count, bool key_changes,
                           ef_error *error) EF_MUST_USE;

/* All rows in the table's order, in the arena. */
ef_status ef_table_scan(const ef_table *table, ef_arena *arena, const ef_handle **handles, uint32_t *count,
                        ef_error *error) EF_MUST_USE;
/* Brings handles into the table's order. */
ef_status ef_table_sort(const ef_table *table, ef_handle *handles, uint32_t count, ef_arena *arena,
                        ef_error *error) EF_MUST_USE;
/* The row whose primary key is columns[i] at `row` for the i-th column of the key; EF_NO_HANDLE: none. */
ef_handle ef_table_find_key(const ef_table *table, const ef_column *const *columns, uint32_t row);
/* The same for one value, where the primary key is one INT or LONG. */
ef_handle ef_table_find_integer(const ef_table *table, int64_t value);
/* The same for all rows at once, where the primary key is one INT or LONG; a null finds nothing. */
void ef_table_find_integers(const ef_table *table, const ef_column *key, uint32_t rows, ef_handle *found);
/* Number of the index on a column, -1: none. */
int32_t ef_table_index_on(const ef_table *table, uint32_t column);
ef_status ef_table_add_index(ef_table *table, uint32_t column, ef_error *error) EF_MUST_USE;

ef_status ef_table_save(const ef_table *table, ef_writer *writer, ef_error *error) EF_MUST_USE;
/* Into an empty table. */
ef_status ef_table_load(ef_table *table, ef_reader *reader, ef_error *error) EF_MUST_USE;

/* content.h for tables. `may_index`: an index is added where the condition wants one and none is there. */
ef_status ef_table_compile(ef_table *table, ef_condition *condition, bool may_index, ef_alloc *alloc, ef_probe **probe,
                           ef_error *error) EF_MUST_USE;
/* The table behind a content, NULL: it is none. */
ef_table *ef_content_table(const ef_content *content);
/* The probe looks rows up by the whole primary key and tests nothing else. */
bool ef_probe_is_key(const ef_probe *probe);

/* Looking up by such a probe, row by row, while the table changes: keys are computed once. Failed rows are on run->out's error edge and find nothing. */
typedef struct ef_key_lookup {
    const ef_table *table;
    const ef_column **key;
} ef_key_lookup;

ef_status ef_key_lookup_begin(ef_probe *probe, const ef_batch *probes, ef_run *run, ef_key_lookup *lookup,
                              ef_error *error) EF_MUST_USE;
ef_handle ef_key_lookup_find(const ef_key_lookup *lookup, uint32_t row);

static inline bool ef_type_is_numeric(ef_type type) {
    return type == EF_INT || type == EF_LONG || type == EF_FLOAT || type == EF_DOUBLE;
}

static inline bool ef_type_is_bytes(ef_type type) {
    return type == EF_STRING || type == EF_OBJECT;
}

/* A number whose order is that of the values; of strings the hash. Equal values have equal keys; NaN is behind all else. */
uint64_t ef_value_order(ef_type type, const ef_value *value, uint64_t seed);

/* False: null (value zeroed). */
static inline bool ef_cell_read(const ef_column *column, uint32_t row, ef_value *value) {
    size_t width = ef_type_width(column->type);
    memcpy(value, (const char *)column->values + row * width, width);
    return !ef_is_null(column, row);
}

#endif
