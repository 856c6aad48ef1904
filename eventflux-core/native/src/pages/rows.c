/* Rows between columns and pages; see rows.h.
 *
 * Keeping many rows goes column by column over pointers taken once for a run of rows: a page is private to the store after its first
 * ef_pages_write, so the pointers stay good while no page is shared anew. Reading many rows is one loop a column, too. */
#include "pages/rows.h"

#include "base/object.h"
#include "base/utf8.h"

#define RUN 256u /* rows whose pointers are held at a time */

static bool is_string(ef_type type) {
    return type == EF_STRING || type == EF_OBJECT;
}

ef_status ef_row_layout_init(ef_row_layout *layout, uint32_t columns, const ef_type *types, ef_alloc *alloc,
                             ef_error *error) {
    memset(layout, 0, sizeof *layout);
    layout->offset = ef_malloc(alloc, columns * sizeof *layout->offset);
    layout->type = ef_malloc(alloc, columns * sizeof *layout->type);
    layout->columns = columns;
    if (layout->offset == NULL || layout->type == NULL) {
        ef_row_layout_clear(layout, alloc);
        return ef_fail_memory(error);
    }
    uint32_t widest = 1;
    for (uint32_t c = 0; c < columns; c++) {
        layout->type[c] = types[c];
        layout->has_strings |= is_string(types[c]);
        uint32_t alignment = (uint32_t)ef_type_width(types[c]);
        alignment = alignment > 8 ? 8 : alignment;
        widest = alignment > widest ? alignment : widest;
    }
    uint32_t at = EF_ROW_VALID + (uint32_t)ef_bitmap_size(columns);
    at = (at + widest - 1) / widest * widest;
    uint32_t fields = at;
    for (uint32_t width = 16; width > 0; width /= 2) {
        for (uint32_t c = 0; c < columns; c++) {
            if (ef_type_width(types[c]) == width) {
                layout->offset[c] = at;
                at += width;
            }
        }
    }
    layout->fields_size = at - fields;
    layout->size = (at + 7u) & ~7u;
    return EF_OK;
}

void ef_row_layout_clear(ef_row_layout *layout, ef_alloc *alloc) {
    ef_free(alloc, layout->offset, layout->columns * sizeof *layout->offset);
    ef_free(alloc, layout->type, layout->columns * sizeof *layout->type);
    memset(layout, 0, sizeof *layout);
}

/* ---- string fields ---- */

static void write_field(char *field, const ef_str *value, ef_handle handle) {
    uint32_t rest = 0;
    memcpy(field, &value->length, 4);
    memcpy(field + 4, value->as.outside.prefix, 4);
    memcpy(field + 8, &handle, 4);
    memcpy(field + 12, &rest, 4);
}

static uint32_t field_length(const char *field) {
    uint32_t length;
    memcpy(&length, field, 4);
    return length;
}

static ef_handle field_handle(const char *field) {
    ef_handle handle;
    memcpy(&handle, field + 8, 4);
    return handle;
}

static ef_status keep_string(ef_pages *pages, char *field, const ef_str *value, ef_error *error) {
    if (value->length <= EF_INLINE_STRING) {
        memcpy(field, value, sizeof *value);
        return EF_OK;
    }
    ef_handle handle;
    EF_TRY(ef_pages_take(pages, value->length, &handle, error));
    char *bytes = ef_pages_write(pages, handle);
    if (bytes == NULL) {
        ef_pages_give(pages, handle, value->length);
        return ef_fail_memory(error);
    }
    memcpy(bytes, value->as.outside.data, value->length);
    write_field(field, value, handle);
    return EF_OK;
}

static void drop_string(ef_pages *pages, const char *field) {
    uint32_t length = field_length(field);
    if (length > EF_INLINE_STRING) {
        ef_pages_give(pages, field_handle(field), length);
    }
}

ef_str ef_row_string(const ef_pages *pages, const char *field) {
    ef_str value;
    memcpy(&value, field, sizeof value);
    if (value.length > EF_INLINE_STRING) {
        value.as.outside.data = ef_pages_at(pages, field_handle(field));
    }
    return value;
}

/* ---- keeping ---- */

/* Which rows of a batch: those from `from` on, or rows[0], rows[1]... */
typedef struct which_rows {
    uint32_t from;
    const uint32_t *rows;
} which_rows;

EF_ALWAYS_INLINE uint32_t row_at(const which_rows *which, uint32_t i) {
    return which->rows != NULL ? which->rows[i] : which->from + i;
}

#define STORE(type)                                                        \
    do {                                                                   \
        const type *restrict source = column->values;                      \
        for (uint32_t i = 0; i < count; i++) {                             \
            memcpy(row[i] + offset, &source[row_at(which, i)], sizeof(type)); \
        }                                                                  \
    } while (0)

EF_ALWAYS_INLINE void store_fixed(char *const *row, uint32_t offset, const ef_column *column, const which_rows *which, uint32_t count) {
    switch (ef_type_width(column->type)) {
    case 1:
        STORE(uint8_t);
        break;
    case 4:
        STORE(uint32_t);
        break;
    default:
        STORE(uint64_t);
        break;
    }
}

/* Long strings of rows before `*done` are kept when it fails. */
static ef_status store_strings(ef_pages *pages, char *const *row, uint32_t offset, const ef_column *column,
                               const which_rows *which, uint32_t count, uint32_t *done, ef_error *error) {
    const ef_str *source = column->values;
    ef_str empty = ef_str_empty();
    for (*done = 0; *done < count; (*done)++) {
        uint32_t at = row_at(which, *done);
        const ef_str *value = ef_is_null(column, at) ? &empty : &source[at];
        EF_TRY(keep_string(pages, row[*done] + offset, value, error));
    }
    return EF_OK;
}

static void store_validity(char *const *row, const ef_row_layout *layout, const ef_batch *batch, const which_rows *which,
                           uint32_t count) {
    size_t size = ef_bitmap_size(layout->columns);
    if (EF_LIKELY(size == 1)) {
        for (uint32_t i = 0; i < count; i++) {
            row[i][EF_ROW_VALID] = (char)0xFF;
        }
    } else {
        for (uint32_t i = 0; i < count; i++) {
            memset(row[i] + EF_ROW_VALID, 0xFF, size);
        }
    }
    for (uint32_t c = 0; c < layout->columns; c++) {
        const uint8_t *validity = batch->column[c].validity;
        if (validity == NULL) {
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            if (!ef_bit(validity, row_at(which, i))) {
                ef_bit_clear((uint8_t *)row[i] + EF_ROW_VALID, c);
            }
        }
    }
}

/* All of the chosen rows or none; count <= RUN. */
EF_ALWAYS_INLINE ef_status keep_run(ef_pages *pages, const ef_row_layout *layout, const ef_batch *batch, const which_rows *which,
                                    uint32_t count, ef_handle *handles, ef_error *error) {
    char *row[RUN];
    uint32_t taken = 0;
    ef_status status = EF_OK;
    for (; taken < count; taken++) {
        status = ef_pages_take(pages, layout->size, &handles[taken], error);
        if (status != EF_OK) {
            break;
        }
        row[taken] = ef_pages_write(pages, handles[taken]);
        if (row[taken] == NULL) {
            ef_pages_give(pages, handles[taken], layout->size);
            status = ef_fail_memory(error);
            break;
        }
    }
    uint32_t column = 0, done = 0;
    if (status == EF_OK) {
        ef_handle none = EF_NO_HANDLE;
        for (uint32_t i = 0; i < count; i++) {
            memcpy(row[i] + EF_ROW_TIMESTAMP, &batch->timestamps[row_at(which, i)], sizeof(int64_t));
            memcpy(row[i] + EF_ROW_NEXT, &none, sizeof none);
        }
        store_validity(row, layout, batch, which, count);
        for (; column < layout->columns && status == EF_OK; column++) {
            if (is_string(layout->type[column])) {
                status = store_strings(pages, row, layout->offset[column], &batch->column[column], which, count, &done,
                                       error);
            } else {
                store_fixed(row, layout->offset[column], &batch->column[column], which, count);
            }
        }
    }
    if (status == EF_OK) {
        return EF_OK;
    }
    /* Strings of the columns before the one that failed, and of its first `done` rows, are kept. */
    for (uint32_t c = 0; c < column; c++) {
        uint32_t kept = c + 1 < column ? taken : done;
        for (uint32_t i = 0; i < kept && is_string(layout->type[c]); i++) {
            drop_string(pages, row[i] + layout->offset[c]);
        }
    }
    for (uint32_t i = 0; i < taken; i++) {
        ef_pages_give(pages, handles[i], layout->size);
    }
    return status;
}

static ef_status keep_following(ef_pages *pages, const ef_row_layout *layout, const ef_batch *batch, uint32_t from, uint32_t count,
                                ef_handle *handles, ef_error *error) {
    const which_rows which = {.from = from, .rows = NULL};
    return keep_run(pages, layout, batch, &which, count, handles, error);
}

static ef_status keep_some(ef_pages *pages, const ef_row_layout *layout, const ef_batch *batch, const uint32_t *rows, uint32_t count,
                             ef_handle *handles, ef_error *error) {
    const which_rows which = {.from = 0, .rows = rows};
    return keep_run(pages, layout, batch, &which, count, handles, error);
}

ef_status ef_rows_keep(ef_pages *pages, const ef_row_layout *layout, const ef_batch *batch, uint32_t from,
                       uint32_t count, ef_handle *handles, ef_error *error) {
    if (count == 1) {
        return ef_row_keep(pages, layout, batch, from, handles, error);
    }
    for (uint32_t at = 0; at < count; at += RUN) {
        uint32_t run = count - at < RUN ? count - at : RUN;
        ef_status status = keep_following(pages, layout, batch, from + at, run, handles + at, error);
        if (status != EF_OK) {
            for (uint32_t i = 0; i < at; i++) {
                ef_row_drop(pages, layout, handles[i]);
            }
            return status;
        }
    }
    return EF_OK;
}

ef_status ef_rows_keep_some(ef_pages *pages, const ef_row_layout *layout, const ef_batch *batch, const uint32_t *rows,
                              uint32_t count, ef_handle *handles, ef_error *error) {
    for (uint32_t at = 0; at < count; at += RUN) {
        uint32_t run = count - at < RUN ? count - at : RUN;
        ef_status status = keep_some(pages, layout, batch, rows + at, run, handles + at, error);
        if (status != EF_OK) {
            for (uint32_t i = 0; i < at; i++) {
                ef_row_drop(pages, layout, handles[i]);
            }
            return status;
        }
    }
    return EF_OK;
}

static void begin_row(char *row, const ef_row_layout *layout, int64_t timestamp) {
    ef_handle none = EF_NO_HANDLE;
    memcpy(row + EF_ROW_TIMESTAMP, &timestamp, sizeof timestamp);
    memcpy(row + EF_ROW_NEXT, &none, sizeof none);
    if (EF_LIKELY(layout->columns <= 32)) {
        uint32_t all = UINT32_MAX; /* a block has 16 bytes at least; fields that begin among these come later */
        memcpy(row + EF_ROW_VALID, &all, sizeof all);
    } else {
        memset(row + EF_ROW_VALID, 0xFF, ef_bitmap_size(layout->columns));
    }
}

/* The strings of a row whose other fields are there; on failure the row is gone. */
static __attribute__((noinline)) ef_status keep_strings(ef_pages *pages, const ef_row_layout *layout, const ef_batch *batch,
                                                        const uint32_t *chosen, uint32_t index, ef_handle handle, char *row,
                                                        ef_error *error) {
    ef_str empty = ef_str_empty();
    for (uint32_t c = 0; c < layout->columns; c++) {
        if (!is_string(layout->type[c])) {
            continue;
        }
        const ef_column *column = &batch->column[chosen != NULL ? chosen[c] : c];
        const ef_str *value = ef_is_null(column, index) ? &empty : &((const ef_str *)column->values)[index];
        ef_status status = keep_string(pages, row + layout->offset[c], value, error);
        if (status == EF_OK) {
            continue;
        }
        for (uint32_t before = 0; before < c; before++) {
            if (is_string(layout->type[before])) {
                drop_string(pages, row + layout->offset[before]);
            }
        }
        ef_pages_give(pages, handle, layout->size);
        return status;
    }
    return EF_OK;
}

ef_status ef_row_keep_chosen(ef_pages *pages, const ef_row_layout *layout, const ef_batch *batch, const uint32_t *chosen,
                             uint32_t index, ef_handle *handle, ef_error *error) {
    EF_TRY(ef_pages_take(pages, layout->size, handle, error));
    char *row = ef_pages_write(pages, *handle);
    if (EF_UNLIKELY(row == NULL)) {
        ef_pages_give(pages, *handle, layout->size);
        return ef_fail_memory(error);
    }
    begin_row(row, layout, batch->timestamps[index]);
    for (uint32_t c = 0; c < layout->columns; c++) {
        const ef_column *column = &batch->column[chosen != NULL ? chosen[c] : c];
        char *field = row + layout->offset[c];
        if (EF_UNLIKELY(ef_is_null(column, index))) {
            ef_bit_clear((uint8_t *)row + EF_ROW_VALID, c);
        }
        switch (column->type) {
        case EF_LONG:
        case EF_DOUBLE:
            memcpy(field, (const uint64_t *)column->values + index, 8);
            break;
        case EF_INT:
        case EF_FLOAT:
            memcpy(field, (const uint32_t *)column->values + index, 4);
            break;
        case EF_BOOL:
            *field = ((const char *)column->values)[index];
            break;
        case EF_STRING:
        case EF_OBJECT:
            break;
        }
    }
    return layout->has_strings ? keep_strings(pages, layout, batch, chosen, index, *handle, row, error) : EF_OK;
}

ef_status ef_row_keep(ef_pages *pages, const ef_row_layout *layout, const ef_batch *batch, uint32_t index,
                      ef_handle *handle, ef_error *error) {
    return ef_row_keep_chosen(pages, layout, batch, NULL, index, handle, error);
}

void ef_row_drop(ef_pages *pages, const ef_row_layout *layout, ef_handle handle) {
    if (layout->has_strings) {
        const char *row = ef_pages_at(pages, handle);
        for (uint32_t c = 0; c < layout->columns; c++) {
            if (is_string(layout->type[c])) {
                drop_string(pages, row + layout->offset[c]);
            }
        }
    }
    ef_pages_give(pages, handle, layout->size);
}

/* ---- reading ---- */

bool ef_row_read(const ef_pages *pages, const ef_row_layout *layout, const char *row, uint32_t column, void *value) {
    const char *field = row + layout->offset[column];
    if (is_string(layout->type[column])) {
        ef_str string = ef_row_string(pages, field);
        memcpy(value, &string, sizeof string);
    } else {
        memcpy(value, field, ef_type_width(layout->type[column]));
    }
    return !ef_row_is_null(row, column);
}

#define LOAD(type)                                                                     \
    do {                                                                               \
        type *restrict target = to->values;                                            \
        for (uint32_t i = 0; i < count; i++) {                                         \
            if (EF_LIKELY(handles[i] != EF_NO_HANDLE)) {                               \
                memcpy(&target[i], ef_pages_at(pages, handles[i]) + offset, sizeof(type)); \
            } else {                                                                   \
                memset(&target[i], 0, sizeof(type));                                   \
            }                                                                          \
        }                                                                              \
    } while (0)

bool ef_rows_gather(ef_column *to, const ef_pages *pages, const ef_row_layout *layout, uint32_t column,
                    const ef_handle *handles, uint32_t count, ef_arena *arena) {
    uint32_t offset = layout->offset[column];
    size_t width = ef_type_width(layout->type[column]);
    size_t bits_size = ef_bitmap_size(count);
    to->type = layout->type[column];
    to->values = ef_arena_take(arena, count > 0 ? count * width : 1);
    uint8_t *bits = ef_arena_take(arena, bits_size > 0 ? bits_size : 1);
    if (to->values == NULL || bits == NULL) {
        return false;
    }
    switch (width) {
    case 1:
        LOAD(uint8_t);
        break;
    case 4:
        LOAD(uint32_t);
        break;
    case 8:
        LOAD(uint64_t);
        break;
    default:
        for (uint32_t i = 0; i < count; i++) {
            ((ef_str *)to->values)[i] = handles[i] != EF_NO_HANDLE
                                            ? ef_row_string(pages, ef_pages_at(pages, handles[i]) + offset)
                                            : ef_str_empty();
        }
        break;
    }
    memset(bits, 0, bits_size);
    uint32_t valid = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (handles[i] != EF_NO_HANDLE && !ef_row_is_null(ef_pages_at(pages, handles[i]), column)) {
            ef_bit_set(bits, i);
            valid++;
        }
    }
    to->validity = valid == count ? NULL : bits;
    return true;
}

#define LOAD_RUN(type)                                       \
    do {                                                     \
        type *restrict target = (type *)to->values + from;   \
        for (uint32_t i = 0; i < count; i++) {               \
            memcpy(&target[i], row[i] + offset, sizeof(type)); \
        }                                                    \
    } while (0)

static void load_run(ef_column *to, const ef_pages *pages, const char *const *row, uint32_t offset, uint32_t from,
                     uint32_t count) {
    switch (ef_type_width(to->type)) {
    case 1:
        LOAD_RUN(uint8_t);
        break;
    case 4:
        LOAD_RUN(uint32_t);
        break;
    case 8:
        LOAD_RUN(uint64_t);
        break;
    default:
        for (uint32_t i = 0; i < count; i++) {
            ((ef_str *)to->values)[from + i] = ef_row_string(pages, row[i] + offset);
        }
        break;
    }
}

/* The validity of rows that begin at bit `from`: a multiple of 8. A bitmap is made with the first null. */
static bool load_validity(ef_column *to, const char *const *row, uint32_t column, uint32_t from, uint32_t count,
                          uint32_t all, ef_arena *arena) {
    for (uint32_t i = 0; i < count; i++) {
        if (EF_LIKELY(!ef_row_is_null(row[i], column))) {
            continue;
        }
        if (to->validity == NULL) {
            to->validity = ef_arena_take(arena, ef_bitmap_size(all));
            if (to->validity == NULL) {
                return false;
            }
            memset(to->validity, 0xFF, ef_bitmap_size(all));
        }
        ef_bit_clear(to->validity, from + i);
    }
    return true;
}

/* Whether no column of these rows is null. */
static bool are_whole(const char *const *row, uint32_t columns, uint32_t count) {
    uint32_t bytes = (uint32_t)ef_bitmap_size(columns);
    uint8_t last = (uint8_t)(0xFFu >> (bytes * 8 - columns));
    for (uint32_t b = 0; b < bytes; b++) {
        uint8_t all = 0xFF;
        for (uint32_t i = 0; i < count; i++) {
            all = (uint8_t)(all & (uint8_t)row[i][EF_ROW_VALID + b]);
        }
        uint8_t wanted = b + 1 < bytes ? 0xFF : last;
        if ((all & wanted) != wanted) {
            return false;
        }
    }
    return true;
}

/* One row: its values behind one another in one piece of the arena. */
static bool gather_one(ef_column *to, const ef_pages *pages, const ef_row_layout *layout, ef_handle handle, ef_arena *arena) {
    const size_t room = sizeof(ef_str);
    char *values = ef_arena_take(arena, (layout->columns + 1) * room);
    if (values == NULL) {
        return false;
    }
    uint8_t *no_bits = (uint8_t *)values + layout->columns * room;
    *no_bits = 0;
    const char *row = ef_pages_at(pages, handle);
    for (uint32_t c = 0; c < layout->columns; c++) {
        void *value = values + c * room;
        const char *field = row + layout->offset[c];
        if (is_string(layout->type[c])) {
            ef_str string = ef_row_string(pages, field);
            memcpy(value, &string, sizeof string);
        } else {
            uint64_t bits = 0;
            memcpy(&bits, field, ef_type_width(layout->type[c]));
            memcpy(value, &bits, sizeof bits);
        }
        to[c].values = value;
        to[c].validity = ef_row_is_null(row, c) ? no_bits : NULL;
        to[c].type = layout->type[c];
    }
    return true;
}

bool ef_rows_gather_all(ef_column *to, const ef_pages *pages, const ef_row_layout *layout, const ef_handle *handles,
                        uint32_t count, ef_arena *arena) {
    if (count == 1) {
        return gather_one(to, pages, layout, handles[0], arena);
    }
    for (uint32_t c = 0; c < layout->columns; c++) {
        to[c] = (ef_column){.type = layout->type[c],
                            .values = ef_arena_take(arena, count * ef_type_width(layout->type[c]))};
        if (to[c].values == NULL) {
            return false;
        }
    }
    const char *row[RUN];
    for (uint32_t from = 0; from < count; from += RUN) {
        uint32_t run = count - from < RUN ? count - from : RUN;
        for (uint32_t i = 0; i < run; i++) {
            row[i] = ef_pages_at(pages, handles[from + i]);
        }
        bool whole = are_whole(row, layout->columns, run);
        for (uint32_t c = 0; c < layout->columns; c++) {
            load_run(&to[c], pages, row, layout->offset[c], from, run);
            if (!whole && !load_validity(&to[c], row, c, from, run, count, arena)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- checking what was loaded ---- */

#define STARTS_PER_PAGE (1u << EF_PAGE_SHIFT)

ef_status ef_row_checker_init(ef_row_checker *checker, const ef_pages *pages, const ef_row_layout *layout,
                              ef_alloc *alloc, ef_error *error) {
    size_t size = (size_t)pages->table_count * (STARTS_PER_PAGE / 8u);
    *checker = (ef_row_checker){.pages = pages, .layout = layout, .alloc = alloc, .seen_size = size};
    checker->seen = ef_calloc(alloc, size);
    return checker->seen != NULL ? EF_OK : ef_fail_memory(error);
}

void ef_row_checker_clear(ef_row_checker *checker) {
    ef_free(checker->alloc, checker->seen, checker->seen_size);
    checker->seen = NULL;
}

bool ef_row_checker_claim(ef_row_checker *checker, ef_handle handle, uint32_t size) {
    if (!ef_pages_holds(checker->pages, handle, size) || ef_bit(checker->seen, handle)) {
        return false;
    }
    ef_bit_set(checker->seen, handle);
    return true;
}

static bool check_bytes(ef_type type, const char *data, uint32_t length) {
    return type == EF_STRING ? ef_utf8_check(data, length) : ef_object_check(data, length);
}

static bool check_string(ef_row_checker *checker, const char *field, ef_type type, bool null) {
    uint32_t length = field_length(field);
    if (null) {
        return length == 0;
    }
    if (length <= EF_INLINE_STRING) {
        ef_str value;
        memcpy(&value, field, sizeof value);
        for (uint32_t i = length; i < EF_INLINE_STRING; i++) {
            if (value.as.inlined[i] != 0) {
                return false;
            }
        }
        return check_bytes(type, value.as.inlined, length);
    }
    ef_handle handle = field_handle(field);
    if (!ef_row_checker_claim(checker, handle, length)) {
        return false;
    }
    const char *bytes = ef_pages_at(checker->pages, handle);
    return memcmp(bytes, field + 4, 4) == 0 && check_bytes(type, bytes, length);
}

ef_status ef_row_check(ef_row_checker *checker, ef_handle handle, ef_error *error) {
    const ef_row_layout *layout = checker->layout;
    if (!ef_row_checker_claim(checker, handle, layout->size)) {
        return ef_fail(error, EF_CORRUPT, "the saved state names a row that it does not hold");
    }
    const char *row = ef_pages_at(checker->pages, handle);
    for (uint32_t c = 0; c < layout->columns; c++) {
        const char *field = row + layout->offset[c];
        bool fits = true;
        if (is_string(layout->type[c])) {
            fits = check_string(checker, field, layout->type[c], ef_row_is_null(row, c));
        } else if (layout->type[c] == EF_BOOL) {
            fits = (unsigned char)*field <= 1;
        }
        if (!fits) {
            return ef_fail(error, EF_CORRUPT, "a row of the saved state has an impossible value in column %u", c);
        }
    }
    return EF_OK;
}
