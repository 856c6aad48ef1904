/* The emitter; see out.h.
 *
 * Emitting writes one entry a row (source, timestamp, cause, kind, slot). Finishing sorts the sources once into rows of the input, rows
 * of the page store and rows of nothing, keeping the place of each:
 *
 *      source:  [ in 0 ][ kept h ][ in 1 ][ none ]  ->  input { at 0 <- 0, at 2 <- 1 }  kept { at 1 <- pointer }  none { at 3 }
 *
 * so that each column is filled by two or three loops without a branch inside. O(rows) a column. */
#include "batch/out.h"

typedef struct sources {
    uint32_t inputs;
    uint32_t kepts;
    uint32_t nones;
    uint32_t *input_at;
    uint32_t *input_row;
    uint32_t *kept_at;
    const char **kept_row;
    uint32_t *none_at;
} sources;

/* Assigned one by one: clearing the structure at once takes longer than a call with one row should. */
void ef_out_init(ef_out *out, ef_arena *arena, const ef_batch *input) {
    out->arena = arena;
    out->input = input;
    out->result.rows = 0;
    out->result.columns = 0;
    out->result.column = NULL;
    out->result.timestamps = NULL;
    out->result.kinds = NULL;
    out->result.causes = NULL;
    out->result.slots = NULL;
    out->result.ends = NULL;
    out->result.deliveries = 0;
    out->result.form = EF_EACH_ROW;
    out->result.batch_chunk = false;
    out->source = NULL;
    out->timestamp = NULL;
    out->cause = NULL;
    out->kind = NULL;
    out->slot = NULL;
    out->ends = NULL;
    out->rows = 0;
    out->capacity = 0;
    out->deliveries = 0;
    out->kinds = 0;
    out->any_slot = false;
    out->may_stay = false;
    out->stays = false;
    out->failed = NULL;
    out->failed_count = 0;
    out->failed_capacity = 0;
}

static char *cut(char **rest, size_t size) {
    char *piece = *rest;
    *rest += (size + 7u) & ~(size_t)7u;
    return piece;
}

ef_status ef_out_reserve(ef_out *out, uint32_t more, ef_error *error) {
    uint64_t needed = (uint64_t)out->rows + more;
    if (EF_LIKELY(needed <= out->capacity)) {
        return EF_OK;
    }
    uint64_t wanted = (uint64_t)out->capacity * 2;
    wanted = wanted < needed ? needed : wanted;
    wanted = wanted < 8 ? 8 : wanted;
    if (wanted > UINT32_MAX / 2) {
        return ef_fail(error, EF_LIMIT, "an operator put out more than %u rows at once", UINT32_MAX / 2);
    }
    size_t capacity = (size_t)wanted;
    char *rest = ef_arena_take(out->arena, capacity * (3 * 8 + 2 * 4 + 1) + 16);
    if (rest == NULL) {
        return ef_fail_memory(error);
    }
    ef_out old = *out;
    out->source = (void *)cut(&rest, capacity * sizeof *out->source);
    out->timestamp = (void *)cut(&rest, capacity * sizeof *out->timestamp);
    out->cause = (void *)cut(&rest, capacity * sizeof *out->cause);
    out->slot = (void *)cut(&rest, capacity * sizeof *out->slot);
    out->ends = (void *)cut(&rest, capacity * sizeof *out->ends);
    out->kind = (void *)cut(&rest, capacity);
    out->capacity = (uint32_t)capacity;
    if (old.rows > 0) {
        memcpy(out->source, old.source, old.rows * sizeof *old.source);
        memcpy(out->timestamp, old.timestamp, old.rows * sizeof *old.timestamp);
        memcpy(out->cause, old.cause, old.rows * sizeof *old.cause);
        memcpy(out->slot, old.slot, old.rows * sizeof *old.slot);
        memcpy(out->ends, old.ends, old.deliveries * sizeof *old.ends);
        memcpy(out->kind, old.kind, old.rows);
    }
    return EF_OK;
}

/* True when the rows are input rows [first, first + rows). */
static bool is_input_run(const ef_out *out) {
    ef_source first = out->source[0];
    uint32_t last = out->rows - 1;
    if (first < 0 || out->source[last] != first + last) {
        return false;
    }
    for (uint32_t i = 1; i < last; i++) {
        if (out->source[i] != first + i) {
            return false;
        }
    }
    return true;
}

static bool sort_sources(const ef_out *out, const ef_pages *pages, sources *to) {
    uint32_t rows = out->rows, inputs = 0, nones = 0;
    for (uint32_t i = 0; i < rows; i++) {
        inputs += out->source[i] >= 0;
        nones += out->source[i] == EF_FROM_NONE;
    }
    memset(to, 0, sizeof *to);
    uint32_t kepts = rows - inputs - nones;
    char *rest = ef_arena_take(out->arena, (size_t)inputs * 8 + (size_t)kepts * 12 + (size_t)nones * 4 + 40);
    if (rest == NULL) {
        return false;
    }
    to->kept_row = (void *)cut(&rest, kepts * sizeof *to->kept_row);
    to->kept_at = (void *)cut(&rest, kepts * sizeof *to->kept_at);
    to->input_at = (void *)cut(&rest, inputs * sizeof *to->input_at);
    to->input_row = (void *)cut(&rest, inputs * sizeof *to->input_row);
    to->none_at = (void *)cut(&rest, nones * sizeof *to->none_at);
    for (uint32_t i = 0; i < rows; i++) {
        ef_source source = out->source[i];
        if (source >= 0) {
            to->input_at[to->inputs] = i;
            to->input_row[to->inputs++] = (uint32_t)source;
        } else if (source != EF_FROM_NONE) {
            to->kept_at[to->kepts] = i;
            to->kept_row[to->kepts++] = ef_pages_at(pages, (ef_handle)~source);
        } else {
            to->none_at[to->nones++] = i;
        }
    }
    return true;
}

#define FILL(type)                                                            \
    do {                                                                      \
        type *restrict target = to->values;                                   \
        const type *restrict from_input = input;                              \
        for (uint32_t i = 0; i < by->inputs; i++) {                           \
            target[by->input_at[i]] = from_input[by->input_row[i]];           \
        }                                                                     \
        for (uint32_t i = 0; i < by->kepts; i++) {                            \
            memcpy(&target[by->kept_at[i]], by->kept_row[i] + offset, sizeof(type)); \
        }                                                                     \
        for (uint32_t i = 0; i < by->nones; i++) {                            \
            target[by->none_at[i]] = 0;                                       \
        }                                                                     \
    } while (0)

static void fill_values(ef_column *to, const sources *by, const void *input, uint32_t offset, const ef_pages *pages) {
    switch (ef_type_width(to->type)) {
    case 1:
        FILL(uint8_t);
        break;
    case 4:
        FILL(uint32_t);
        break;
    case 8:
        FILL(uint64_t);
        break;
    default: {
        ef_str *restrict target = to->values;
        const ef_str *restrict from_input = input;
        for (uint32_t i = 0; i < by->inputs; i++) {
            target[by->input_at[i]] = from_input[by->input_row[i]];
        }
        for (uint32_t i = 0; i < by->kepts; i++) {
            target[by->kept_at[i]] = ef_row_string(pages, by->kept_row[i] + offset);
        }
        for (uint32_t i = 0; i < by->nones; i++) {
            target[by->none_at[i]] = ef_str_empty();
        }
        break;
    }
    }
}

static bool kept_has_null(const sources *by, uint32_t column) {
    unsigned all = 1;
    for (uint32_t i = 0; i < by->kepts; i++) {
        all &= ef_bit((const uint8_t *)by->kept_row[i] + EF_ROW_VALID, column);
    }
    return all == 0;
}

/* Marks nulls of `column`; to->validity stays NULL when there are none. */
static bool fill_validity(ef_column *to, uint32_t rows, const sources *by, uint32_t column, const uint8_t *input,
                          ef_arena *arena) {
    to->validity = NULL;
    bool kept_nulls = kept_has_null(by, column);
    if (input == NULL && !kept_nulls) {
        return true;
    }
    size_t size = ef_bitmap_size(rows);
    uint8_t *bits = ef_arena_take(arena, size);
    if (bits == NULL) {
        return false;
    }
    memset(bits, 0xFF, size);
    if (input != NULL) {
        for (uint32_t i = 0; i < by->inputs; i++) {
            if (!ef_bit(input, by->input_row[i])) {
                ef_bit_clear(bits, by->input_at[i]);
            }
        }
    }
    if (kept_nulls) {
        for (uint32_t i = 0; i < by->kepts; i++) {
            if (ef_row_is_null(by->kept_row[i], column)) {
                ef_bit_clear(bits, by->kept_at[i]);
            }
        }
    }
    to->validity = bits;
    return true;
}

static ef_status fill_columns(ef_out *out, const ef_pages *pages, const ef_row_layout *layout, ef_error *error) {
    const ef_batch *input = out->input;
    sources by;
    if (!sort_sources(out, pages, &by)) {
        return ef_fail_memory(error);
    }
    uint32_t columns = layout != NULL ? layout->columns : input->columns;
    ef_column *column = ef_arena_take(out->arena, (columns > 0 ? columns : 1) * sizeof *column);
    if (column == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t c = 0; c < columns; c++) {
        ef_column *to = &column[c];
        const ef_column *from = by.inputs > 0 ? &input->column[c] : NULL;
        to->type = layout != NULL ? layout->type[c] : input->column[c].type;
        to->values = ef_arena_take(out->arena, out->rows * ef_type_width(to->type));
        if (to->values == NULL) {
            return ef_fail_memory(error);
        }
        fill_values(to, &by, from != NULL ? from->values : NULL, layout != NULL ? layout->offset[c] : 0, pages);
        if (!fill_validity(to, out->rows, &by, c, from != NULL ? from->validity : NULL, out->arena)) {
            return ef_fail_memory(error);
        }
    }
    out->result.columns = columns;
    out->result.column = column;
    return EF_OK;
}

/* Up to EF_OUT_FEW rows sorting the sources costs more than asking each row for its own. */

static void fill_few_values(ef_column *to, const ef_out *out, const char *const *kept, const ef_column *input,
                            uint32_t offset, const ef_pages *pages) {
    size_t width = ef_type_width(to->type);
    char *target = to->values;
    for (uint32_t i = 0; i < out->rows; i++, target += width) {
        if (out->source[i] >= 0) {
            memcpy(target, (const char *)input->values + (size_t)out->source[i] * width, width);
        } else if (out->source[i] == EF_FROM_NONE) {
            memset(target, 0, width);
        } else if (width == sizeof(ef_str)) {
            ef_str value = ef_row_string(pages, kept[i] + offset);
            memcpy(target, &value, sizeof value);
        } else {
            memcpy(target, kept[i] + offset, width);
        }
    }
}

/* The nulls of a few rows as one byte of bits; false: there are none. */
static bool few_nulls(const ef_out *out, const char *const *kept, const ef_column *input, uint32_t column, uint8_t *bits) {
    uint8_t valid = 0xFF;
    for (uint32_t i = 0; i < out->rows; i++) {
        bool is_null = out->source[i] >= 0               ? ef_is_null(input, (uint32_t)out->source[i])
                       : out->source[i] != EF_FROM_NONE && ef_row_is_null(kept[i], column);
        if (is_null) {
            ef_bit_clear(&valid, i);
        }
    }
    *bits = valid;
    return valid != 0xFF;
}

/* As fill_columns, for EF_OUT_FEW rows at most, all of it in one piece of the arena. */
static ef_status fill_few(ef_out *out, const ef_pages *pages, const ef_row_layout *layout, ef_error *error) {
    const ef_batch *input = out->input;
    uint32_t columns = layout != NULL ? layout->columns : input->columns;
    const char *kept[EF_OUT_FEW];
    for (uint32_t i = 0; i < out->rows; i++) {
        bool is_kept = out->source[i] < 0 && out->source[i] != EF_FROM_NONE;
        kept[i] = is_kept ? ef_pages_at(pages, (ef_handle)~out->source[i]) : NULL;
    }
    size_t values = (size_t)out->rows * sizeof(ef_str);
    char *rest = ef_arena_take(out->arena, (size_t)columns * (sizeof(ef_column) + values + 8) + 8);
    if (rest == NULL) {
        return ef_fail_memory(error);
    }
    ef_column *column = (void *)cut(&rest, columns * sizeof *column);
    for (uint32_t c = 0; c < columns; c++) {
        ef_column *to = &column[c];
        const ef_column *from = input != NULL && c < input->columns ? &input->column[c] : NULL; /* a search has no input */
        to->type = layout != NULL ? layout->type[c] : from->type;
        to->values = cut(&rest, values);
        fill_few_values(to, out, kept, from, layout != NULL ? layout->offset[c] : 0, pages);
        uint8_t *bits = (uint8_t *)cut(&rest, 1);
        to->validity = few_nulls(out, kept, from, c, bits) ? bits : NULL;
    }
    out->result.columns = columns;
    out->result.column = column;
    return EF_OK;
}

bool ef_out_read(const ef_out *out, uint32_t column, const uint32_t *rows, uint32_t count, ef_column *to) {
    to->type = out->layout != NULL ? out->layout->type[column] : out->input->column[column].type;
    const size_t width = ef_type_width(to->type);
    char *target = ef_arena_take(out->arena, count * width + 1);
    if (target == NULL) {
        return false;
    }
    to->values = target;
    unsigned nulls = 0;
    for (uint32_t i = 0; i < count; i++, target += width) {
        ef_str text;
        bool is_null;
        const void *value = ef_out_value(out, column, rows[i], &text, &is_null);
        nulls |= (unsigned)is_null << i;
        switch (width) {
        case 8:
            memcpy(target, value, 8);
            break;
        case 16:
            memcpy(target, value, 16);
            break;
        default:
            memcpy(target, value, width);
            break;
        }
    }
    to->validity = nulls != 0 ? (uint8_t *)target : NULL;
    if (nulls != 0) {
        *target = (char)~nulls;
    }
    return true;
}

ef_status ef_out_finish(ef_out *out, const ef_pages *pages, const ef_row_layout *layout, bool batch_chunk,
                        ef_error *error) {
    if (out->rows == 0) {
        return EF_OK;
    }
    ef_out_end(out);
    if (out->may_stay && out->rows <= EF_OUT_FEW && out->deliveries == 1 && !out->any_slot && (out->kinds & EF_RESET) == 0 &&
        !batch_chunk) {
        out->stays = true;
        out->pages = pages;
        out->layout = layout;
        out->result.rows = out->rows;
        return EF_OK;
    }
    if (is_input_run(out)) {
        ef_batch view;
        if (!ef_batch_view(&view, out->input, (uint32_t)out->source[0], out->rows, out->arena)) {
            return ef_fail_memory(error);
        }
        out->result.columns = view.columns;
        out->result.column = view.column;
    } else if (out->rows <= EF_OUT_FEW) {
        EF_TRY(fill_few(out, pages, layout, error));
    } else {
        EF_TRY(fill_columns(out, pages, layout, error));
    }
    ef_batch *result = &out->result;
    result->rows = out->rows;
    result->timestamps = out->timestamp;
    result->kinds = out->kinds != EF_CURRENT ? out->kind : NULL;
    result->causes = out->cause;
    result->slots = out->any_slot ? out->slot : NULL;
    result->form = out->deliveries == out->rows ? EF_EACH_ROW : out->deliveries == 1 ? EF_WHOLE : EF_ENDS;
    result->ends = result->form == EF_ENDS ? out->ends : NULL;
    result->deliveries = result->form == EF_ENDS ? out->deliveries : 0;
    result->batch_chunk = batch_chunk;
    return EF_OK;
}

ef_status ef_out_fail_row(ef_out *out, uint32_t at, const char *message, ef_error *error) {
    size_t length = strlen(message);
    char *copy = ef_arena_take(out->arena, length + 1);
    if (copy == NULL) {
        return ef_fail_memory(error);
    }
    memcpy(copy, message, length + 1);
    if (out->failed_count == out->failed_capacity) {
        uint32_t capacity = out->failed_capacity > 0 ? out->failed_capacity * 2 : 8;
        ef_failed_row *grown = ef_arena_take(out->arena, capacity * sizeof *grown);
        if (grown == NULL) {
            return ef_fail_memory(error);
        }
        if (out->failed_count > 0) {
            memcpy(grown, out->failed, out->failed_count * sizeof *grown);
        }
        out->failed = grown;
        out->failed_capacity = capacity;
    }
    out->failed[out->failed_count++] = (ef_failed_row){.at = at, .message = copy};
    return EF_OK;
}
