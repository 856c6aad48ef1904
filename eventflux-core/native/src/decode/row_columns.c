/* Columns that a decoder fills row by row; see row_columns.h. */
#include "decode/row_columns.h"

#include "decode/cell_text.h"

static ef_status allocate(ef_row_columns *self, const ef_type *types, ef_error *error) {
    self->column = ef_calloc(self->alloc, self->columns * sizeof *self->column);
    self->bitmaps = ef_calloc(self->alloc, self->columns * sizeof *self->bitmaps);
    self->seen = ef_calloc(self->alloc, self->seen_words * sizeof *self->seen);
    if (self->column == NULL || self->bitmaps == NULL || self->seen == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t c = 0; c < self->columns; c++) {
        self->column[c].type = types[c];
        self->column[c].values = ef_calloc(self->alloc, self->capacity * ef_type_width(types[c]));
        self->bitmaps[c] = ef_malloc(self->alloc, ef_bitmap_size(self->capacity));
        if (self->column[c].values == NULL || self->bitmaps[c] == NULL) {
            return ef_fail_memory(error);
        }
    }
    if (self->time.form != EF_TIME_NONE) {
        self->timestamps = ef_malloc(self->alloc, self->capacity * sizeof *self->timestamps);
        if (self->timestamps == NULL) {
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

ef_status ef_row_columns_init(ef_row_columns *self, ef_alloc *alloc, uint32_t columns, uint32_t visible,
                              const ef_type *types, uint32_t capacity, const ef_time_field *time, ef_error *error) {
    memset(self, 0, sizeof *self);
    self->alloc = alloc;
    ef_arena_init(&self->text, self->alloc);
    if (columns == 0 || visible > columns || capacity == 0) {
        return ef_fail(error, EF_INVALID, "a decoder needs columns and rows");
    }
    for (uint32_t c = 0; c < columns; c++) {
        if (types[c] < EF_BOOL || types[c] > EF_STRING) {
            return ef_fail(error, EF_INVALID, "column %u has a type that decoders do not fill", (unsigned)c);
        }
    }
    if (time->form != EF_TIME_NONE) {
        if (time->column >= columns || time->divisor <= 0) {
            return ef_fail(error, EF_INVALID, "the time field is none of the columns");
        }
        ef_type type = types[time->column];
        bool fits = time->form == EF_TIME_ISO ? type == EF_STRING : type == EF_LONG || type == EF_INT;
        if (!fits) {
            return ef_fail(error, EF_INVALID, "the time field has a type that is no time");
        }
    }
    self->columns = columns;
    self->visible = visible;
    self->capacity = capacity;
    self->seen_words = (columns + 63u) / 64u;
    self->time = *time;
    return allocate(self, types, error);
}

void ef_row_columns_clear(ef_row_columns *self) {
    for (uint32_t c = 0; c < self->columns; c++) {
        if (self->column != NULL) {
            ef_free(self->alloc, self->column[c].values, self->capacity * ef_type_width(self->column[c].type));
        }
        if (self->bitmaps != NULL) {
            ef_free(self->alloc, self->bitmaps[c], ef_bitmap_size(self->capacity));
        }
    }
    ef_free(self->alloc, self->column, self->columns * sizeof *self->column);
    ef_free(self->alloc, self->bitmaps, self->columns * sizeof *self->bitmaps);
    ef_free(self->alloc, self->seen, self->seen_words * sizeof *self->seen);
    ef_free(self->alloc, self->timestamps, self->capacity * sizeof *self->timestamps);
    ef_arena_clear(&self->text);
    self->columns = 0;
    self->column = NULL;
    self->bitmaps = NULL;
    self->seen = NULL;
    self->timestamps = NULL;
}

void ef_row_columns_reset(ef_row_columns *self) {
    self->rows = 0;
    for (uint32_t c = 0; c < self->columns; c++) {
        self->column[c].validity = NULL;
    }
    ef_arena_reset(&self->text);
}

static bool row_time(const ef_row_columns *self, int64_t *timestamp) {
    const ef_time_field *time = &self->time;
    if (!ef_cell_is_seen(self, time->column)) {
        return false;
    }
    const ef_column *column = &self->column[time->column];
    if (time->form == EF_TIME_ISO) {
        const ef_str *text = &((const ef_str *)column->values)[self->rows];
        return ef_parse_iso_time(ef_str_data(text), text->length, timestamp);
    }
    int64_t value = column->type == EF_LONG ? ((const int64_t *)column->values)[self->rows]
                                            : ((const int32_t *)column->values)[self->rows];
    int64_t scaled;
    if (__builtin_mul_overflow(value, time->multiplier, &scaled)) {
        return false;
    }
    int64_t quotient = scaled / time->divisor;
    *timestamp = quotient - (scaled % time->divisor < 0);
    return true;
}

static void put_null(ef_row_columns *self, uint32_t c) {
    ef_column *column = &self->column[c];
    if (column->validity == NULL) {
        column->validity = self->bitmaps[c];
        memset(column->validity, 0xFF, ef_bitmap_size(self->capacity));
    }
    ef_bit_clear(column->validity, self->rows);
    size_t width = ef_type_width(column->type);
    memset((char *)column->values + self->rows * width, 0, width);
}

bool ef_row_commit(ef_row_columns *self) {
    if (self->time.form != EF_TIME_NONE && !row_time(self, &self->timestamps[self->rows])) {
        return false;
    }
    for (uint32_t word = 0; word < self->seen_words; word++) {
        uint32_t here = self->columns - word * 64u < 64u ? self->columns - word * 64u : 64u;
        uint64_t all = here == 64u ? UINT64_MAX : ((uint64_t)1 << here) - 1u;
        uint64_t missing = all & ~self->seen[word];
        while (EF_UNLIKELY(missing != 0)) {
            put_null(self, word * 64u + (uint32_t)__builtin_ctzll(missing));
            missing &= missing - 1u;
        }
    }
    self->rows++;
    return true;
}

const ef_batch *ef_row_columns_batch(ef_row_columns *self) {
    memset(&self->batch, 0, sizeof self->batch);
    self->batch.rows = self->rows;
    self->batch.columns = self->visible;
    self->batch.column = self->column;
    self->batch.timestamps = self->timestamps;
    self->batch.form = EF_EACH_ROW;
    return &self->batch;
}
