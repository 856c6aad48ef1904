/* Captures: values of an attempt for its conditions, and of a match for the rows put out. */
#include <math.h>

#include "base/object.h"
#include "match/matcher.h"

static bool takes(const matcher *m, const attempt *a, uint32_t group, uint32_t at) {
    return m->groups[group] >> m->positions[step_at(m, a, at)->position].variable & 1u;
}

/* The step that took the index-th row of the group; false: there is none. O(rows between it and the end it is counted from). */
static bool step_of(const matcher *m, const attempt *a, const ef_match_capture *capture, uint32_t *at) {
    const group_view *view = &a->groups[capture->group];
    if (capture->index >= view->count) {
        return false;
    }
    *at = capture->from_last ? view->last : view->first;
    for (uint32_t left = capture->index; left > 0; left--) {
        do {
            *at = capture->from_last ? *at - 1 : *at + 1;
        } while (!takes(m, a, capture->group, *at));
    }
    return true;
}

ef_handle captured_row(const matcher *m, const match_slot *s, const attempt *a, const ef_match_capture *capture) {
    uint32_t at;
    if (!step_of(m, a, capture, &at)) {
        return EF_NO_HANDLE;
    }
    uint64_t number = a->start + at;
    if (number < capture->back || number - capture->back < s->base) {
        return EF_NO_HANDLE;
    }
    return row_at(s, number - capture->back)->row;
}

static double as_double(ef_type type, const any_value *value) {
    switch (type) {
    case EF_INT:
        return value->i;
    case EF_LONG:
        return (double)value->l;
    case EF_FLOAT:
        return (double)value->f;
    case EF_DOUBLE:
        return value->d;
    default:
        return 0;
    }
}

static int compare_numbers(ef_type type, const any_value *a, const any_value *b) {
    if (type == EF_INT) {
        return (a->i > b->i) - (a->i < b->i);
    }
    if (type == EF_LONG) {
        return (a->l > b->l) - (a->l < b->l);
    }
    double x = as_double(type, a), y = as_double(type, b);
    return (x > y) - (x < y);
}

static void fold_add(fold *f, ef_match_capture_kind kind, ef_type type, const any_value *value) {
    f->seen++;
    if (kind == EF_MATCH_COUNT_VALUES) {
        return;
    }
    if (kind == EF_MATCH_MINIMUM || kind == EF_MATCH_MAXIMUM) {
        int order = f->seen == 1 ? 0 : compare_numbers(type, value, &f->best);
        if (f->seen == 1 || (kind == EF_MATCH_MINIMUM ? order < 0 : order > 0)) {
            f->best = *value;
        }
        return;
    }
    if (type == EF_INT || type == EF_LONG) {
        f->sum = (int64_t)((uint64_t)f->sum + (uint64_t)(type == EF_INT ? value->i : value->l));
    }
    double number = as_double(type, value);
    f->total += number;
    double distance = number - f->mean;
    f->mean += distance / (double)f->seen;
    f->squares += distance * (number - f->mean);
}

static bool fold_result(const fold *f, ef_match_capture_kind kind, ef_type type, any_value *result) {
    if (kind == EF_MATCH_COUNT_VALUES) {
        result->l = f->seen;
        return true;
    }
    if (f->seen == 0) {
        return false;
    }
    switch (kind) {
    case EF_MATCH_SUM:
        if (type == EF_INT || type == EF_LONG) {
            result->l = f->sum;
        } else {
            result->d = f->total;
        }
        return true;
    case EF_MATCH_AVERAGE:
        result->d = f->total / (double)f->seen;
        return true;
    case EF_MATCH_DEVIATION:
        result->d = sqrt(f->squares / (double)f->seen);
        return true;
    default:
        *result = f->best;
        return true;
    }
}

static void fold_row(const matcher *m, const match_slot *s, const attempt *a, const ef_match_capture *capture, uint32_t at,
                     fold *f) {
    uint32_t place = m->kept_at[capture->column];
    any_value value;
    if (ef_row_read(m->pages, &m->layout, ef_pages_at(m->pages, row_at(s, a->start + at)->row), place, &value)) {
        fold_add(f, capture->kind, m->layout.type[place], &value);
    }
}

void attempt_fold(const matcher *m, const match_slot *s, attempt *a, uint32_t index) {
    fold *folds = folds_at(m, a, index);
    for (uint32_t i = 0; i < m->fold_count; i++) {
        if (index > 0) {
            folds[i] = folds_at(m, a, index - 1)[i];
        } else {
            memset(&folds[i], 0, sizeof folds[i]);
        }
        if (takes(m, a, m->folds[i].group, index)) {
            fold_row(m, s, a, &m->folds[i], index, &folds[i]);
        }
    }
}

/* Over all rows of the group: for outputs. */
static bool aggregate(const matcher *m, const match_slot *s, const attempt *a, const ef_match_capture *capture,
                      any_value *result) {
    const group_view *view = &a->groups[capture->group];
    fold f = {0};
    for (uint32_t at = view->first, left = view->count; left > 0; at++) {
        if (takes(m, a, capture->group, at)) {
            left--;
            fold_row(m, s, a, capture, at, &f);
        }
    }
    return fold_result(&f, capture->kind, m->layout.type[m->kept_at[capture->column]], result);
}

bool captured_value(const matcher *m, const match_slot *s, const attempt *a, const ef_match_capture *capture, any_value *value) {
    memset(value, 0, sizeof *value);
    switch (capture->kind) {
    case EF_MATCH_VALUE: {
        ef_handle row = captured_row(m, s, a, capture);
        return row != EF_NO_HANDLE &&
               ef_row_read(m->pages, &m->layout, ef_pages_at(m->pages, row), m->kept_at[capture->column], value);
    }
    case EF_MATCH_COUNT:
        value->l = a->groups[capture->group].count;
        return true;
    case EF_MATCH_TIMESTAMP: {
        ef_handle row = captured_row(m, s, a, capture);
        value->l = row == EF_NO_HANDLE ? 0 : ef_row_timestamp(ef_pages_at(m->pages, row));
        return row != EF_NO_HANDLE;
    }
    case EF_MATCH_CLASSIFIER: {
        uint32_t at;
        bool there = step_of(m, a, capture, &at);
        if (there) {
            value->s = m->variables[m->positions[step_at(m, a, at)->position].variable].name;
        }
        return there;
    }
    case EF_MATCH_EVENTS:
        return false;
    case EF_MATCH_NUMBER:
        value->l = (int64_t)s->matches;
        return true;
    default:
        if (capture->fold != NO_FOLD) {
            const fold *f = &folds_at(m, a, a->depth - 1)[capture->fold];
            return fold_result(f, capture->kind, m->layout.type[m->kept_at[capture->column]], value);
        }
        return aggregate(m, s, a, capture, value);
    }
}

/* ---- rows put out ---- */

static ef_status take_column(run *r, ef_column *to, ef_type type, uint32_t rows) {
    to->type = type;
    to->values = ef_arena_take(r->arena, rows * ef_type_width(type));
    to->validity = ef_arena_take(r->arena, ef_bitmap_size(rows));
    if (to->values == NULL || to->validity == NULL) {
        return ef_fail_memory(r->error);
    }
    memset(to->validity, 0, ef_bitmap_size(rows));
    return EF_OK;
}

static void *grown(run *r, const void *old, uint32_t rows, uint32_t capacity, size_t width) {
    void *array = ef_arena_take(r->arena, capacity * width);
    if (array != NULL && rows > 0) {
        memcpy(array, old, rows * width);
    }
    return array;
}

static ef_status matched_reserve(run *r, uint32_t more) {
    found *f = &r->found;
    const matcher *m = r->m;
    if (f->rows + (uint64_t)more <= f->capacity) {
        return EF_OK;
    }
    uint64_t wanted = f->capacity == 0 ? 8 : (uint64_t)f->capacity * 2;
    wanted = wanted < f->rows + (uint64_t)more ? f->rows + (uint64_t)more : wanted;
    if (wanted > UINT32_MAX / 4) {
        return ef_fail(r->error, EF_LIMIT, "more than %u rows of matches at once", UINT32_MAX / 4);
    }
    uint32_t capacity = (uint32_t)wanted;
    if (f->capacity == 0) {
        f->event = ef_arena_take(r->arena, (m->output_count + 1) * sizeof *f->event);
        f->made = ef_arena_take(r->arena, (m->output_count + 1) * sizeof *f->made);
        if (f->event == NULL || f->made == NULL) {
            return ef_fail_memory(r->error);
        }
    }
    f->timestamp = grown(r, f->timestamp, f->rows, capacity, sizeof *f->timestamp);
    f->cause = grown(r, f->cause, f->rows, capacity, sizeof *f->cause);
    f->slot = grown(r, f->slot, f->rows, capacity, sizeof *f->slot);
    f->ends = grown(r, f->ends, f->deliveries, capacity, sizeof *f->ends);
    bool failed = f->timestamp == NULL || f->cause == NULL || f->slot == NULL || f->ends == NULL;
    for (uint32_t c = 0; c < m->output_count && !failed; c++) {
        if (m->outputs[c].kind == EF_MATCH_VALUE) {
            f->event[c] = grown(r, f->event[c], f->rows, capacity, sizeof **f->event);
            failed = f->event[c] == NULL;
            continue;
        }
        ef_column old = f->made[c];
        EF_TRY(take_column(r, &f->made[c], m->outputs[c].type, capacity));
        if (f->rows > 0) {
            memcpy(f->made[c].values, old.values, f->rows * ef_type_width(m->outputs[c].type));
            memcpy(f->made[c].validity, old.validity, ef_bitmap_size(f->rows));
        }
    }
    f->capacity = capacity;
    return failed ? ef_fail_memory(r->error) : EF_OK;
}

/* The outputs that are (not) running, into rows [from, to). */
static void fill(run *r, const match_slot *s, const attempt *a, bool running, uint32_t from, uint32_t to) {
    found *f = &r->found;
    const matcher *m = r->m;
    for (uint32_t c = 0; c < m->output_count; c++) {
        const ef_match_capture *capture = &m->outputs[c];
        if (capture->running != running || capture->kind == EF_MATCH_EVENTS) {
            continue;
        }
        if (capture->kind == EF_MATCH_VALUE) {
            ef_handle row = captured_row(m, s, a, capture);
            for (uint32_t i = from; i < to; i++) {
                f->event[c][i] = row;
            }
            continue;
        }
        any_value value;
        bool there = captured_value(m, s, a, capture, &value);
        size_t width = ef_type_width(capture->type);
        for (uint32_t i = from; i < to; i++) {
            memcpy((char *)f->made[c].values + i * width, &value, width);
            if (there) {
                ef_bit_set(f->made[c].validity, i);
            }
        }
    }
}

/* All rows of the match, into rows [from, to) of the output. */
static ef_status fill_events(run *r, const match_slot *s, const attempt *a, uint32_t from, uint32_t to) {
    const matcher *m = r->m;
    for (uint32_t c = 0; c < m->output_count; c++) {
        if (m->outputs[c].kind != EF_MATCH_EVENTS) {
            continue;
        }
        ef_object_writer writer;
        ef_object_writer_init(&writer, r->arena);
        ef_object_put_list(&writer, a->depth);
        for (uint32_t i = 0; i < a->depth; i++) {
            const char *row = ef_pages_at(m->pages, row_at(s, a->start + i)->row);
            ef_object_put_list(&writer, m->layout.columns + 2);
            ef_object_put_integer(&writer, m->positions[step_at(m, a, i)->position].variable);
            ef_object_put_integer(&writer, ef_row_timestamp(row));
            for (uint32_t k = 0; k < m->layout.columns; k++) {
                any_value value;
                bool there = ef_row_read(m->pages, &m->layout, row, k, &value);
                ef_object_put_value(&writer, m->layout.type[k], there ? &value : NULL);
            }
        }
        ef_str text;
        if (!ef_object_writer_take(&writer, &text)) {
            return ef_fail_memory(r->error);
        }
        for (uint32_t i = from; i < to; i++) {
            ((ef_str *)r->found.made[c].values)[i] = text;
            ef_bit_set(r->found.made[c].validity, i);
        }
    }
    return EF_OK;
}

/* What ran out of time has the first moment at which it was too late. */
static void put_row(run *r, const match_slot *s, const attempt *a, uint32_t at) {
    found *f = &r->found;
    const matcher *m = r->m;
    int64_t timestamp = ef_row_timestamp(ef_pages_at(m->pages, row_at(s, a->start + (m->timeouts ? 0 : at))->row));
    f->timestamp[f->rows] = m->timeouts ? ef_time_after(ef_time_after(timestamp, m->within), 1) : timestamp;
    f->cause[f->rows] = r->cause;
    f->slot[f->rows] = r->slot;
    f->any_slot |= r->slot != 0;
    f->rows++;
}

ef_status matched_put(run *r, match_slot *s, attempt *a) {
    matcher *m = r->m;
    found *f = &r->found;
    uint32_t from = f->rows, rows = m->all_rows ? a->depth : 1;
    EF_TRY(matched_reserve(r, rows));
    if (!m->all_rows) {
        fill(r, s, a, false, from, from + 1);
        EF_TRY(fill_events(r, s, a, from, from + 1));
        put_row(r, s, a, a->depth - 1);
        return EF_OK;
    }
    uint32_t depth = a->depth, shown = 0;
    for (uint32_t i = 0; i < depth; i++) {
        shown += !m->positions[step_at(m, a, i)->position].excluded;
    }
    fill(r, s, a, false, from, from + shown);
    EF_TRY(fill_events(r, s, a, from, from + shown));
    attempt_view(m, a, 0);
    for (uint32_t i = 0; i < depth; i++) {
        attempt_show(m, a, i);
        if (!m->positions[step_at(m, a, i)->position].excluded) {
            fill(r, s, a, true, f->rows, f->rows + 1);
            put_row(r, s, a, i);
        }
    }
    return EF_OK;
}

void matched_end(run *r) {
    found *f = &r->found;
    if (f->rows > (f->deliveries > 0 ? f->ends[f->deliveries - 1] : 0)) {
        f->ends[f->deliveries++] = f->rows;
    }
}

ef_status matched_finish(run *r) {
    found *f = &r->found;
    const matcher *m = r->m;
    if (f->rows == 0) {
        return EF_OK;
    }
    ef_column *column = ef_arena_take(r->arena, (m->output_count + 1) * sizeof *column);
    if (column == NULL) {
        return ef_fail_memory(r->error);
    }
    for (uint32_t c = 0; c < m->output_count; c++) {
        if (m->outputs[c].kind != EF_MATCH_VALUE) {
            column[c] = f->made[c];
        } else if (!ef_rows_gather(&column[c], m->pages, &m->layout, m->kept_at[m->outputs[c].column], f->event[c], f->rows,
                                   r->arena)) {
            return ef_fail_memory(r->error);
        }
    }
    r->out->result = (ef_batch){.rows = f->rows,
                                .columns = m->output_count,
                                .column = column,
                                .timestamps = f->timestamp,
                                .causes = f->cause,
                                .slots = f->any_slot ? f->slot : NULL,
                                .form = EF_ENDS,
                                .ends = f->ends,
                                .deliveries = f->deliveries};
    return EF_OK;
}
