/* Looking for the partners of triggering rows.
 *
 * Three ways to what the other side holds: its mirror (by key, or all rows in order), the content of its window asked for as rows, or an outside
 * content with a probe of its own. Candidates that an index gave, or all rows, are tested by what is left of the condition, many at a time. */
#include "join/join_inside.h"

/* Partners of one row, as rows of a batch or as held rows. */
typedef struct partners {
    uint32_t count, capacity;
    ef_handle *held;       /* mirror */
    uint32_t *rows;        /* content asked for */
    const ef_batch *batch;
} partners;

static ef_status add_held(partners *p, ef_handle row, ef_arena *arena, ef_error *error) {
    if (p->count == p->capacity) {
        uint32_t capacity = p->capacity > 0 ? p->capacity * 2 : 16;
        ef_handle *grown = ef_arena_take(arena, capacity * sizeof *grown);
        if (grown == NULL) {
            return ef_fail_memory(error);
        }
        if (p->count > 0) {
            memcpy(grown, p->held, p->count * sizeof *grown);
        }
        p->held = grown;
        p->capacity = capacity;
    }
    p->held[p->count++] = row;
    return EF_OK;
}

/* Columns of the probing row, said `count` times. */
static bool repeat_row(ef_column *to, const ef_batch *probes, uint32_t row, uint32_t count, ef_arena *arena) {
    for (uint32_t c = 0; c < probes->columns; c++) {
        const ef_column *from = &probes->column[c];
        size_t width = ef_type_width(from->type);
        char *values = ef_arena_take(arena, (size_t)count * width);
        if (values == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < count; i++) {
            memcpy(values + i * width, (const char *)from->values + (size_t)row * width, width);
        }
        to[c] = (ef_column){.values = values, .type = from->type};
        if (ef_is_null(from, row)) {
            to[c].validity = ef_arena_take(arena, ef_bitmap_size(count));
            if (to[c].validity == NULL) {
                return false;
            }
            memset(to[c].validity, 0, ef_bitmap_size(count));
        }
    }
    return true;
}

/* Keeps the partners for which the residual is true. */
static ef_status test_residual(join *j, uint32_t s, const ef_batch *probes, uint32_t row, const ef_track *track,
                               partners *p, ef_out *out, ef_error *error) {
    const join_side *side = &j->side[s], *other = &j->side[1 - s];
    if (side->residual == NULL || p->count == 0) {
        return EF_OK;
    }
    ef_arena *arena = out->arena;
    ef_batch pairs = {.rows = p->count, .columns = side->columns + other->columns, .form = EF_WHOLE};
    pairs.column = ef_arena_take(arena, pairs.columns * sizeof *pairs.column);
    pairs.timestamps = ef_arena_take(arena, p->count * sizeof *pairs.timestamps);
    if (pairs.column == NULL || pairs.timestamps == NULL ||
        !repeat_row(pairs.column, probes, row, p->count, arena)) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < p->count; i++) {
        pairs.timestamps[i] = probes->timestamps[row];
    }
    for (uint32_t c = 0; c < other->columns; c++) {
        ef_column *to = &pairs.column[side->columns + c];
        bool good = p->batch != NULL
                        ? ef_column_gather(to, &p->batch->column[c], p->rows, p->count, arena)
                        : ef_rows_gather(to, other->mirror.pages, &other->mirror.layout, c, p->held, p->count, arena);
        if (!good) {
            return ef_fail_memory(error);
        }
    }
    ef_track now = {.clock = &track->clock[0], .before = track->before, .steps = 1, .max_firings = 0};
    ef_out failures;
    ef_out_init(&failures, arena, &pairs);
    ef_run run = {.arena = arena, .track = &now, .host = &j->engine->host, .random = &j->engine->random, .out = &failures};
    uint32_t *kept = NULL, count = 0;
    EF_TRY(ef_program_select(side->residual, &pairs, &run, &kept, &count, error));
    for (uint32_t i = 0; i < failures.failed_count; i++) {
        EF_TRY(ef_out_fail_row(out, 0, failures.failed[i].message, error));
    }
    for (uint32_t i = 0; i < count; i++) {
        if (p->batch != NULL) {
            p->rows[i] = p->rows[kept[i]];
        } else {
            p->held[i] = p->held[kept[i]];
        }
    }
    p->count = count;
    return EF_OK;
}

static ef_status find_in_mirror(join *j, uint32_t s, const ef_column *keys, uint32_t slot, uint32_t row, partners *p,
                                ef_arena *arena, ef_error *error) {
    const join_side *side = &j->side[s];
    ef_mirror *mirror = &j->side[1 - s].mirror;
    if (j->side[1 - s].keeps_times) {
        ef_mirror_note_search(mirror, slot);
    }
    if (side->key_count > 0) {
        for (ef_handle h = ef_mirror_find(mirror, slot, keys, row); h != EF_NO_HANDLE; h = ef_mirror_next(mirror, h)) {
            EF_TRY(add_held(p, h, arena, error));
        }
        return EF_OK;
    }
    for (ef_handle h = ef_mirror_first(mirror, slot); h != EF_NO_HANDLE; h = ef_mirror_after(mirror, h)) {
        EF_TRY(add_held(p, h, arena, error));
    }
    return EF_OK;
}

/* Whether content row `at` fits all conjuncts for the keys of probing row `row`. */
static bool fits(const join_side *side, const ef_batch *content, uint32_t at, const ef_column *keys, uint32_t row) {
    for (uint32_t c = 0; c < side->key_count; c++) {
        const ef_column *column = &content->column[side->conjuncts[c].column];
        if (!ef_keys_equal(column, at, &keys[c], row)) {
            return false;
        }
    }
    return true;
}

static ef_status find_by_asking(join *j, uint32_t s, const ef_column *keys, uint32_t slot, uint32_t row, int64_t now,
                                partners *p, ef_arena *arena, ef_error *error) {
    const join_side *side = &j->side[s];
    join_side *other = &j->side[1 - s];
    ef_out asked;
    ef_out_init(&asked, arena, NULL);
    EF_TRY(other->window_class->find(other->window, slot, now, &asked, error));
    ef_batch *content = ef_arena_take(arena, sizeof *content);
    if (content == NULL) {
        return ef_fail_memory(error);
    }
    *content = asked.result;
    p->batch = content;
    p->rows = ef_arena_take(arena, (content->rows > 0 ? content->rows : 1) * sizeof *p->rows);
    if (p->rows == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < content->rows; i++) {
        if (fits(side, content, i, keys, row)) {
            p->rows[p->count++] = i;
        }
    }
    return EF_OK;
}

/* A joined row of the probing row and one partner (none: nulls). */
static ef_status put_pair(join *j, uint32_t s, const ef_batch *probes, uint32_t row, const partners *p, uint32_t i,
                          ef_joined *joined, ef_error *error) {
    const join_side *side = &j->side[s], *other = &j->side[1 - s];
    EF_TRY(ef_joined_add(joined, ef_row_kind(probes, row), probes->timestamps[row], ef_row_cause(probes, row),
                         ef_row_slot(probes, row), error));
    EF_TRY(ef_joined_put_batch(joined, side->at, probes, row, error));
    if (p == NULL) {
        return ef_joined_put_nulls(joined, other->at, other->columns, error);
    }
    return p->batch != NULL ? ef_joined_put_batch(joined, other->at, p->batch, p->rows[i], error)
                            : ef_joined_put_held(joined, other->at, &other->mirror, p->held[i], error);
}

static ef_status search_one(join *j, uint32_t s, const ef_batch *probes, uint32_t row, const ef_column *keys,
                            const ef_track *track, ef_joined *joined, ef_out *out, ef_error *error) {
    const join_side *other = &j->side[1 - s];
    partners p = {0};
    uint32_t slot = ef_row_slot(probes, row);
    if (other->mirror.alloc != NULL) {
        EF_TRY(find_in_mirror(j, s, keys, slot, row, &p, out->arena, error));
    } else if (other->is_searched_by_find) {
        EF_TRY(find_by_asking(j, s, keys, slot, row, ef_row_clock(probes, row, track), &p, out->arena, error));
    }
    EF_TRY(test_residual(j, s, probes, row, track, &p, out, error));
    for (uint32_t i = 0; i < p.count; i++) {
        EF_TRY(put_pair(j, s, probes, row, &p, i, joined, error));
    }
    if (p.count == 0 && j->side[s].preserved) {
        EF_TRY(put_pair(j, s, probes, row, NULL, 0, joined, error));
    }
    ef_joined_end(joined);
    return EF_OK;
}

/* All rows of a batch against an outside content at once. */
static ef_status search_outside(join *j, uint32_t s, const ef_batch *probes, const ef_track *track, ef_joined *joined,
                                ef_out *out, ef_error *error) {
    const join_side *side = &j->side[s], *other = &j->side[1 - s];
    ef_run run = {.arena = out->arena, .track = track, .host = &j->engine->host, .random = &j->engine->random, .out = out};
    ef_found found = {0};
    EF_TRY(other->probe->find(other->probe, probes, &run, &found, error));
    uint32_t at = 0;
    for (uint32_t row = 0; row < probes->rows; row++) {
        uint8_t kind = ef_row_kind(probes, row);
        bool acts = kind == EF_CURRENT || (kind == EF_EXPIRED && j->wants_expired);
        uint32_t first = at;
        while (at < found.count && found.probe[at] == row) {
            at++;
        }
        for (uint32_t i = first; acts && i < at; i++) {
            EF_TRY(ef_joined_add(joined, kind, probes->timestamps[row], ef_row_cause(probes, row), ef_row_slot(probes, row), error));
            EF_TRY(ef_joined_put_batch(joined, side->at, probes, row, error));
            EF_TRY(ef_joined_put_columns(joined, other->at, found.column, other->columns, i, error));
        }
        if (acts && first == at && side->preserved) {
            EF_TRY(put_pair(j, s, probes, row, NULL, 0, joined, error));
        }
        if (kind == EF_RESET && j->wants_expired) {
            EF_TRY(ef_joined_add(joined, kind, probes->timestamps[row], ef_row_cause(probes, row), ef_row_slot(probes, row), error));
            EF_TRY(ef_joined_put_nulls(joined, 0, j->columns, error));
        }
        ef_joined_end(joined);
    }
    return EF_OK;
}

ef_status join_keys(join *j, uint32_t s, const ef_batch *rows, const ef_track *track, ef_column **keys, ef_out *out,
                    ef_error *error) {
    join_side *side = &j->side[s];
    *keys = NULL;
    if (side->key_count == 0) {
        return EF_OK;
    }
    uint32_t only;
    if (side->key_count == 1 && ef_program_output_column(side->keys, side->key_outputs[0], &only)) {
        *keys = &rows->column[only];
        return EF_OK;
    }
    uint32_t outputs = ef_program_outputs(side->keys);
    ef_column *all = ef_arena_take(out->arena, (outputs + side->key_count) * sizeof *all);
    if (all == NULL) {
        return ef_fail_memory(error);
    }
    bool is_plain = true;
    for (uint32_t k = 0; k < side->key_count && is_plain; k++) {
        uint32_t column;
        is_plain = ef_program_output_column(side->keys, side->key_outputs[k], &column);
        if (is_plain) {
            all[outputs + k] = rows->column[column];
        }
    }
    if (!is_plain) {
        ef_run run = {.arena = out->arena, .track = track, .host = &j->engine->host, .random = &j->engine->random, .out = out};
        uint8_t *ok = NULL;
        EF_TRY(ef_program_run(side->keys, rows, &run, all, &ok, error));
        for (uint32_t k = 0; k < side->key_count; k++) {
            all[outputs + k] = all[side->key_outputs[k]];
        }
    }
    *keys = all + outputs;
    return EF_OK;
}

ef_status join_search(join *j, uint32_t s, const ef_batch *rows, const ef_track *track, ef_joined *joined, ef_out *out,
                      ef_error *error) {
    if (j->side[1 - s].probe != NULL) {
        return search_outside(j, s, rows, track, joined, out, error);
    }
    ef_column *keys;
    EF_TRY(join_keys(j, s, rows, track, &keys, out, error));
    for (uint32_t row = 0; row < rows->rows; row++) {
        uint8_t kind = ef_row_kind(rows, row);
        if (kind == EF_RESET && !j->wants_expired) {
            continue;
        }
        if (kind == EF_RESET) {
            EF_TRY(ef_joined_add(joined, kind, rows->timestamps[row], ef_row_cause(rows, row), ef_row_slot(rows, row), error));
            EF_TRY(ef_joined_put_nulls(joined, 0, j->columns, error));
            ef_joined_end(joined);
        } else if (kind == EF_CURRENT || j->wants_expired) {
            EF_TRY(search_one(j, s, rows, row, keys, track, joined, out, error));
        }
    }
    return EF_OK;
}
