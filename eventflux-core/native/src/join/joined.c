/* Joined rows, grown by doubling in the arena; see joined.h. */
#include "join/joined.h"

#define FIRST_CAPACITY 64u

static bool grow_array(void **array, size_t width, uint32_t used, uint32_t capacity, ef_arena *arena) {
    void *grown = ef_arena_take(arena, (size_t)capacity * width);
    if (grown == NULL) {
        return false;
    }
    if (used > 0) {
        memcpy(grown, *array, (size_t)used * width);
    }
    *array = grown;
    return true;
}

static ef_status grow(ef_joined *j, ef_error *error) {
    if (j->capacity > UINT32_MAX / 4) {
        return ef_fail(error, EF_LIMIT, "a join put out more than %u rows at once", UINT32_MAX / 4);
    }
    uint32_t capacity = j->capacity > 0 ? j->capacity * 2 : FIRST_CAPACITY;
    void *timestamps = j->timestamps, *causes = j->causes, *kinds = j->kinds, *slots = j->slots, *ends = j->ends;
    if (!grow_array(&timestamps, sizeof(int64_t), j->rows, capacity, j->arena) ||
        !grow_array(&causes, sizeof(int64_t), j->rows, capacity, j->arena) ||
        !grow_array(&kinds, 1, j->rows, capacity, j->arena) ||
        !grow_array(&slots, sizeof(uint32_t), j->rows, capacity, j->arena) ||
        !grow_array(&ends, sizeof(uint32_t), j->deliveries, capacity, j->arena)) {
        return ef_fail_memory(error);
    }
    for (uint32_t c = 0; c < j->columns; c++) {
        ef_column *column = &j->column[c];
        void *validity = column->validity;
        if (!grow_array(&column->values, ef_type_width(column->type), j->rows, capacity, j->arena)) {
            return ef_fail_memory(error);
        }
        if (validity != NULL) {
            void *bits = ef_arena_take(j->arena, ef_bitmap_size(capacity));
            if (bits == NULL) {
                return ef_fail_memory(error);
            }
            memset(bits, 0, ef_bitmap_size(capacity));
            memcpy(bits, validity, ef_bitmap_size(j->rows));
            column->validity = bits;
        }
    }
    j->timestamps = timestamps;
    j->causes = causes;
    j->kinds = kinds;
    j->slots = slots;
    j->ends = ends;
    j->capacity = capacity;
    return EF_OK;
}

ef_status ef_joined_init(ef_joined *j, uint32_t columns, const ef_type *types, ef_arena *arena, ef_error *error) {
    memset(j, 0, sizeof *j);
    j->arena = arena;
    j->columns = columns;
    j->column = ef_arena_take(arena, (columns > 0 ? columns : 1) * sizeof *j->column);
    if (j->column == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t c = 0; c < columns; c++) {
        j->column[c] = (ef_column){.type = types[c]};
    }
    return EF_OK;
}

/* Marks a value of the last row as null. */
static ef_status set_null(ef_joined *j, ef_column *column, ef_error *error) {
    uint32_t row = j->rows - 1;
    if (column->validity == NULL) {
        column->validity = ef_arena_take(j->arena, ef_bitmap_size(j->capacity));
        if (column->validity == NULL) {
            return ef_fail_memory(error);
        }
        memset(column->validity, 0, ef_bitmap_size(j->capacity));
        for (uint32_t i = 0; i < row; i++) {
            ef_bit_set(column->validity, i);
        }
    }
    ef_bit_clear(column->validity, row);
    size_t width = ef_type_width(column->type);
    memset((char *)column->values + (size_t)row * width, 0, width);
    return EF_OK;
}

static void set_value(ef_joined *j, ef_column *column, const void *value) {
    uint32_t row = j->rows - 1;
    size_t width = ef_type_width(column->type);
    memcpy((char *)column->values + (size_t)row * width, value, width);
    if (column->validity != NULL) {
        ef_bit_set(column->validity, row);
    }
}

ef_status ef_joined_add(ef_joined *j, uint8_t kind, int64_t timestamp, int64_t cause, uint32_t slot, ef_error *error) {
    if (j->rows == j->capacity) {
        EF_TRY(grow(j, error));
    }
    uint32_t row = j->rows++;
    j->timestamps[row] = timestamp;
    j->causes[row] = cause;
    j->kinds[row] = kind;
    j->slots[row] = slot;
    j->any_not_current |= kind != EF_CURRENT;
    j->any_slot |= slot != 0;
    return EF_OK;
}

ef_status ef_joined_put_columns(ef_joined *j, uint32_t at, const ef_column *columns, uint32_t count, uint32_t row,
                                ef_error *error) {
    for (uint32_t c = 0; c < count; c++) {
        ef_column *to = &j->column[at + c];
        if (ef_is_null(&columns[c], row)) {
            EF_TRY(set_null(j, to, error));
        } else {
            set_value(j, to, (const char *)columns[c].values + (size_t)row * ef_type_width(columns[c].type));
        }
    }
    return EF_OK;
}

ef_status ef_joined_put_batch(ef_joined *j, uint32_t at, const ef_batch *batch, uint32_t row, ef_error *error) {
    return ef_joined_put_columns(j, at, batch->column, batch->columns, row, error);
}

ef_status ef_joined_put_held(ef_joined *j, uint32_t at, const ef_mirror *mirror, ef_handle row, ef_error *error) {
    const char *held = row != EF_NO_HANDLE ? ef_pages_at(mirror->pages, row) : NULL;
    for (uint32_t c = 0; c < mirror->layout.columns; c++) {
        uint64_t value[2];
        if (held != NULL && ef_row_read(mirror->pages, &mirror->layout, held, c, value)) {
            set_value(j, &j->column[at + c], value);
        } else {
            EF_TRY(set_null(j, &j->column[at + c], error));
        }
    }
    return EF_OK;
}

ef_status ef_joined_put_nulls(ef_joined *j, uint32_t at, uint32_t count, ef_error *error) {
    for (uint32_t c = at; c < at + count; c++) {
        EF_TRY(set_null(j, &j->column[c], error));
    }
    return EF_OK;
}

void ef_joined_end(ef_joined *j) {
    uint32_t before = j->deliveries > 0 ? j->ends[j->deliveries - 1] : 0;
    if (j->rows > before) {
        j->ends[j->deliveries++] = j->rows;
    }
}

void ef_joined_finish(const ef_joined *j, ef_batch *to) {
    *to = (ef_batch){.rows = j->rows,
                     .columns = j->columns,
                     .column = j->column,
                     .timestamps = j->timestamps,
                     .kinds = j->any_not_current ? j->kinds : NULL,
                     .causes = j->causes,
                     .slots = j->any_slot ? j->slots : NULL,
                     .ends = j->ends,
                     .deliveries = j->deliveries,
                     .form = EF_ENDS,
                     .batch_chunk = true};
}
