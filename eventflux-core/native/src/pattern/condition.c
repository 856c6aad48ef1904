/* Conditions: does the event at hand pass at a state, for each of the matches that wait there?
 *
 * What reads nothing but the event is in own_tests.c; comparisons of a column with a captured value are made one by one, without a
 * program; the rest runs as a program over (match, event) pairs, all matches at once. */
#include "pattern/machine.h"

static bool compare_longs(ef_test_kind comparison, int64_t a, int64_t b) {
    switch (comparison) {
    case EF_TEST_EQUAL:
        return a == b;
    case EF_TEST_LESS:
        return a < b;
    case EF_TEST_LESS_EQUAL:
        return a <= b;
    case EF_TEST_GREATER:
        return a > b;
    case EF_TEST_GREATER_EQUAL:
        return a >= b;
    }
    return false;
}

static bool compare_doubles(ef_test_kind comparison, double a, double b) {
    switch (comparison) {
    case EF_TEST_EQUAL:
        return a == b;
    case EF_TEST_LESS:
        return a < b;
    case EF_TEST_LESS_EQUAL:
        return a <= b;
    case EF_TEST_GREATER:
        return a > b;
    case EF_TEST_GREATER_EQUAL:
        return a >= b;
    }
    return false;
}

static int64_t long_at(ef_type type, const void *value) {
    if (type == EF_BOOL) {
        return *(const uint8_t *)value;
    }
    if (type == EF_INT) {
        int32_t narrow;
        memcpy(&narrow, value, sizeof narrow);
        return narrow;
    }
    int64_t wide;
    memcpy(&wide, value, sizeof wide);
    return wide;
}

static double double_at(ef_type type, const void *value) {
    if (type == EF_FLOAT) {
        float narrow;
        memcpy(&narrow, value, sizeof narrow);
        return narrow;
    }
    double wide;
    memcpy(&wide, value, sizeof wide);
    return wide;
}

static const void *own_value(const ef_column *column, uint32_t row) {
    return (const char *)column->values + (size_t)row * ef_type_width(column->type);
}

static bool passes_captured(const run *r, const state *s, const ef_pattern_test *test, const match *m) {
    const pattern *p = r->p;
    const ef_capture *capture = &s->config.captures[test->capture];
    const ef_column *column = &r->batch[r->port]->column[test->own];
    bool is_single = capture->index == 0 && !is_count(p, capture->state);
    ef_handle at = is_single ? m->event[capture->state]
                             : match_event(p, m, capture->state, capture->index, capture->from_last);
    if (!is_event(at) || ef_is_null(column, r->row)) {
        return false;
    }
    const state *from = &p->states[capture->state];
    uint32_t place = from->kept_at[capture->column];
    const char *row = ef_pages_at(p->pages, at);
    if (ef_row_is_null(row, place)) {
        return false;
    }
    const char *field = row + from->layout.offset[place];
    const void *own = own_value(column, r->row);
    switch (test->type) {
    case EF_BOOL:
    case EF_INT:
    case EF_LONG:
        return compare_longs(test->comparison, long_at(test->type, own), long_at(test->type, field));
    case EF_FLOAT:
    case EF_DOUBLE:
        return compare_doubles(test->comparison, double_at(test->type, own), double_at(test->type, field));
    case EF_STRING:
    case EF_OBJECT: {
        ef_str captured = ef_row_string(p->pages, field);
        return ef_str_equal((const ef_str *)own, &captured);
    }
    }
    return false;
}

/* 1: less, 2: equal, 4: greater; a NaN is none of these. */
#define ORDER(a, b) ((uint32_t)((a) < (b)) | (uint32_t)((a) == (b)) << 1 | (uint32_t)((a) > (b)) << 2)

#define ORDER_OF(type)                                                \
    do {                                                              \
        type other;                                                   \
        memcpy(&other, row + test->offset, sizeof other);             \
        type own = ((const type *)column->values)[r->row];            \
        order = ORDER(own, other);                                    \
    } while (0)

static bool passes_field(const run *r, const field_test *test, const match *m) {
    ef_handle at = m->event[test->state];
    const ef_column *column = &r->batch[r->port]->column[test->own];
    if (!is_event(at) || ef_is_null(column, r->row)) {
        return false;
    }
    const char *row = ef_pages_at(r->p->pages, at);
    if (ef_row_is_null(row, test->place)) {
        return false;
    }
    uint32_t order = 0;
    switch (test->type) {
    case EF_BOOL:
        ORDER_OF(uint8_t);
        break;
    case EF_INT:
        ORDER_OF(int32_t);
        break;
    case EF_LONG:
        ORDER_OF(int64_t);
        break;
    case EF_FLOAT:
        ORDER_OF(float);
        break;
    case EF_DOUBLE:
        ORDER_OF(double);
        break;
    case EF_STRING:
    case EF_OBJECT:
        break; /* no such field is tested so */
    }
    return (order & test->accepts) != 0;
}

bool match_passes(const run *r, uint32_t j, const match *m) {
    const state *s = &r->p->states[j];
    for (uint32_t t = 0; t < s->field_count; t++) {
        if (!passes_field(r, &s->fields[t], m)) {
            return false;
        }
    }
    for (uint32_t t = 0; s->has_captured_tests && t < s->config.test_count; t++) {
        const ef_pattern_test *test = &s->config.tests[t];
        if (test->capture >= 0 && !passes_captured(r, s, test, m)) {
            return false;
        }
    }
    return true;
}

/* Failed rows of a program go to the operator's error edge; `at` is a pair or a row of the port. */
static ef_status take_failures(run *r, const ef_out *from, bool rows_of_port) {
    for (uint32_t i = 0; i < from->failed_count; i++) {
        uint32_t at = rows_of_port ? from->failed[i].at : r->row;
        if (r->batch[r->port] != r->out->input) {
            at = r->out->input->rows; /* the error edge knows the rows of the first input only */
        }
        EF_TRY(ef_out_fail_row(r->out, at, from->failed[i].message, r->error));
    }
    return EF_OK;
}

static ef_status run_bool(run *r, const ef_program *program, const ef_batch *batch, bool rows_of_port, uint8_t *passes) {
    ef_out failures;
    ef_out_init(&failures, r->arena, batch);
    ef_run with = {.arena = r->arena, .track = r->track, .host = r->p->host, .random = r->p->random, .out = &failures};
    uint32_t *rows;
    uint32_t count;
    EF_TRY(ef_program_select(program, batch, &with, &rows, &count, r->error));
    memset(passes, 0, batch->rows);
    for (uint32_t i = 0; i < count; i++) {
        passes[rows[i]] = 1;
    }
    return take_failures(r, &failures, rows_of_port);
}

ef_status run_own_program(run *r, uint32_t j, uint8_t *passes) {
    const ef_state_config *config = &r->p->states[j].config;
    return run_bool(r, config->own, r->batch[config->port], true, passes);
}

ef_status run_pairs(run *r, const ef_program *program, const ef_batch *pairs, uint8_t *passes) {
    return run_bool(r, program, pairs, false, passes);
}

/* The columns of a program over (match, event) pairs: captures, then the event's own columns, the same for all. */
static ef_status pairs_of(run *r, uint32_t j, const ef_handle *matches, uint32_t count, ef_batch *pairs) {
    const ef_state_config *config = &r->p->states[j].config;
    uint32_t columns = config->program_captures + config->own_column_count;
    ef_column *column = ef_arena_take(r->arena, (columns > 0 ? columns : 1) * sizeof *column);
    int64_t *timestamps = ef_arena_take(r->arena, count * sizeof *timestamps);
    int64_t *causes = ef_arena_take(r->arena, count * sizeof *causes);
    uint32_t *rows = ef_arena_take(r->arena, count * sizeof *rows);
    if (column == NULL || timestamps == NULL || causes == NULL || rows == NULL) {
        return ef_fail_memory(r->error);
    }
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = r->row;
        timestamps[i] = r->timestamp;
        causes[i] = r->cause;
    }
    for (uint32_t c = 0; c < config->program_captures; c++) {
        EF_TRY(capture_column(r, &config->captures[c], matches, count, j, &column[c]));
    }
    for (uint32_t c = 0; c < config->own_column_count; c++) {
        if (!ef_column_gather(&column[config->program_captures + c], &r->batch[r->port]->column[config->own_columns[c]], rows,
                              count, r->arena)) {
            return ef_fail_memory(r->error);
        }
    }
    *pairs = (ef_batch){.rows = count,
                        .columns = columns,
                        .column = column,
                        .timestamps = timestamps,
                        .causes = causes,
                        .form = EF_EACH_ROW};
    return EF_OK;
}

ef_status run_conditions(run *r, uint32_t j, const ef_handle *matches, uint32_t count, uint8_t *passes) {
    const state *s = &r->p->states[j];
    uint32_t left = 0;
    for (uint32_t i = 0; i < count; i++) {
        passes[i] = match_passes(r, j, match_at(r->p, matches[i]));
        left += passes[i];
    }
    if (s->config.condition == NULL || left == 0) {
        return EF_OK;
    }
    const ef_handle *asked = matches;
    uint8_t *answers = passes;
    if (left < count) {
        ef_handle *some = ef_arena_take(r->arena, left * sizeof *some);
        answers = ef_arena_take(r->arena, left);
        if (some == NULL || answers == NULL) {
            return ef_fail_memory(r->error);
        }
        for (uint32_t i = 0, at = 0; i < count; i++) {
            if (passes[i]) {
                some[at++] = matches[i];
            }
        }
        asked = some;
    }
    ef_batch pairs;
    EF_TRY(pairs_of(r, j, asked, left, &pairs));
    EF_TRY(run_bool(r, s->config.condition, &pairs, false, answers));
    for (uint32_t i = 0, at = 0; left < count && i < count; i++) {
        if (passes[i]) {
            passes[i] = answers[at++];
        }
    }
    return EF_OK;
}

ef_status run_keep(run *r, uint32_t j, ef_handle *row) {
    if (r->kept[j] == EF_NO_HANDLE) {
        pattern *p = r->p;
        EF_TRY(ef_row_keep_chosen(p->pages, &p->states[j].layout, r->batch[p->states[j].config.port], p->states[j].config.kept,
                                  r->row, &r->kept[j], r->error));
        char *bytes = ef_pages_write(p->pages, r->kept[j]);
        if (bytes == NULL) {
            return ef_fail_memory(r->error);
        }
        ef_row_set_next(bytes, 1); /* held by the run until the event is over */
        r->any_kept = true;
    }
    *row = r->kept[j];
    return EF_OK;
}

ef_status run_drop_kept(run *r) {
    if (!r->any_kept) {
        return EF_OK;
    }
    for (uint32_t j = 0; j < r->p->state_count; j++) {
        if (r->kept[j] != EF_NO_HANDLE) {
            EF_TRY(row_release(r->p, j, r->kept[j], r->error));
            r->kept[j] = EF_NO_HANDLE;
        }
    }
    r->any_kept = false;
    return EF_OK;
}
