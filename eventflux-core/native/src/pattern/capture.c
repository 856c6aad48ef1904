/* Captures as columns: for conditions (some matches, one event) and for the rows put out. */
#include <math.h>

#include "base/object.h"
#include "pattern/machine.h"

/* The rows of all events of a state, the first first. */
static ef_status all_events(run *r, const match *m, uint32_t j, ef_handle **rows, uint32_t *count) {
    *count = match_length(r->p, m, j);
    *rows = ef_arena_take(r->arena, (*count > 0 ? *count : 1) * sizeof **rows);
    if (*rows == NULL) {
        return ef_fail_memory(r->error);
    }
    if (*count > 0 && !is_count(r->p, j)) {
        (*rows)[0] = m->event[j];
        return EF_OK;
    }
    ef_handle at = *count > 0 ? m->event[j] : EF_NO_HANDLE;
    for (uint32_t i = *count; i > 0; i--) {
        const cell *c = cell_at(r->p, at);
        (*rows)[i - 1] = c->row;
        at = c->before;
    }
    return EF_OK;
}

typedef union ef_any {
    uint8_t b;
    int32_t i;
    int64_t l;
    float f;
    double d;
    ef_str s;
} ef_any;

static double as_double(ef_type type, const ef_any *value) {
    switch (type) {
    case EF_INT:
        return value->i;
    case EF_LONG:
        return (double)value->l;
    case EF_FLOAT:
        return value->f;
    case EF_DOUBLE:
        return value->d;
    default:
        return 0;
    }
}

static int compare_values(ef_type type, const ef_any *a, const ef_any *b) {
    switch (type) {
    case EF_INT:
        return (a->i > b->i) - (a->i < b->i);
    case EF_LONG:
        return (a->l > b->l) - (a->l < b->l);
    case EF_STRING:
        return ef_str_compare(&a->s, &b->s);
    default: {
        double x = as_double(type, a), y = as_double(type, b);
        return (x > y) - (x < y);
    }
    }
}

static ef_status make_list(run *r, const state *from, uint32_t place, const ef_handle *rows, uint32_t count, ef_any *result) {
    ef_object_writer writer;
    ef_object_writer_init(&writer, r->arena);
    ef_object_put_list(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        ef_any value;
        bool there = ef_row_read(r->p->pages, &from->layout, ef_pages_at(r->p->pages, rows[i]), place, &value);
        ef_object_put_value(&writer, from->layout.type[place], there ? &value : NULL);
    }
    return ef_object_writer_take(&writer, &result->s) ? EF_OK : ef_fail_memory(r->error);
}

static ef_status make_events(run *r, const match *m, ef_any *result) {
    const pattern *p = r->p;
    uint32_t total = 0;
    for (uint32_t j = 0; j < p->state_count; j++) {
        total += match_length(p, m, j);
    }
    ef_object_writer writer;
    ef_object_writer_init(&writer, r->arena);
    ef_object_put_list(&writer, total);
    for (uint32_t j = 0; j < p->state_count; j++) {
        const ef_row_layout *layout = &p->states[j].layout;
        ef_handle *rows;
        uint32_t count;
        EF_TRY(all_events(r, m, j, &rows, &count));
        for (uint32_t i = 0; i < count; i++) {
            const char *row = ef_pages_at(p->pages, rows[i]);
            ef_object_put_list(&writer, layout->columns + 2);
            ef_object_put_integer(&writer, j);
            ef_object_put_integer(&writer, ef_row_timestamp(row));
            for (uint32_t c = 0; c < layout->columns; c++) {
                ef_any value;
                bool there = ef_row_read(p->pages, layout, row, c, &value);
                ef_object_put_value(&writer, layout->type[c], there ? &value : NULL);
            }
        }
    }
    return ef_object_writer_take(&writer, &result->s) ? EF_OK : ef_fail_memory(r->error);
}

/* Aggregates in order of the events: a float is added as everywhere else. */
static bool aggregate(const run *r, const ef_capture *capture, const state *from, uint32_t place, const ef_handle *rows,
                      uint32_t count, ef_any *result) {
    ef_type type = from->layout.type[place];
    bool whole = type == EF_INT || type == EF_LONG;
    int64_t sum = 0;
    double total = 0, mean = 0, squares = 0;
    uint32_t seen = 0;
    ef_any best = {.l = 0};
    for (uint32_t i = 0; i < count; i++) {
        ef_any value;
        if (!ef_row_read(r->p->pages, &from->layout, ef_pages_at(r->p->pages, rows[i]), place, &value)) {
            continue;
        }
        seen++;
        if (capture->kind == EF_CAPTURE_COUNT_VALUES) {
            continue;
        }
        if (capture->kind == EF_CAPTURE_MINIMUM || capture->kind == EF_CAPTURE_MAXIMUM) {
            int order = seen == 1 ? 0 : compare_values(type, &value, &best);
            if (seen == 1 || (capture->kind == EF_CAPTURE_MINIMUM ? order < 0 : order > 0)) {
                best = value;
            }
            continue;
        }
        if (whole) {
            sum = (int64_t)((uint64_t)sum + (uint64_t)(type == EF_INT ? value.i : value.l));
        }
        double number = as_double(type, &value);
        total += number;
        double distance = number - mean;
        mean += distance / seen;
        squares += distance * (number - mean);
    }
    if (capture->kind == EF_CAPTURE_COUNT_VALUES) {
        result->l = seen;
        return true;
    }
    if (seen == 0) {
        return false;
    }
    switch (capture->kind) {
    case EF_CAPTURE_SUM:
        if (whole) {
            result->l = sum;
        } else {
            result->d = total;
        }
        return true;
    case EF_CAPTURE_AVERAGE:
        result->d = total / seen;
        return true;
    case EF_CAPTURE_DEVIATION:
        result->d = sqrt(squares / seen);
        return true;
    default:
        *result = best;
        return true;
    }
}

/* A value that is no single event's column. *there: not null. */
static ef_status make_value(run *r, const ef_capture *capture, const match *m, ef_any *result, bool *there) {
    const state *from = &r->p->states[capture->state];
    *there = true;
    memset(result, 0, sizeof *result);
    switch (capture->kind) {
    case EF_CAPTURE_PRESENT:
        result->b = match_event(r->p, m, capture->state, capture->index, capture->from_last) != EF_NO_HANDLE;
        return EF_OK;
    case EF_CAPTURE_COUNT:
        result->l = match_length(r->p, m, capture->state);
        return EF_OK;
    case EF_CAPTURE_TIMESTAMP: {
        ef_handle row = match_event(r->p, m, capture->state, capture->index, capture->from_last);
        *there = row != EF_NO_HANDLE;
        result->l = *there ? ef_row_timestamp(ef_pages_at(r->p->pages, row)) : 0;
        return EF_OK;
    }
    case EF_CAPTURE_EVENTS:
        return make_events(r, m, result);
    default: {
        ef_handle *rows;
        uint32_t count;
        EF_TRY(all_events(r, m, capture->state, &rows, &count));
        uint32_t place = from->kept_at[capture->column];
        if (capture->kind == EF_CAPTURE_LIST) {
            return make_list(r, from, place, rows, count, result);
        }
        *there = aggregate(r, capture, from, place, rows, count, result);
        if (!*there) {
            memset(result, 0, sizeof *result);
        }
        return EF_OK;
    }
    }
}

static ef_status take_column(run *r, ef_column *to, ef_type type, uint32_t rows) {
    size_t size = rows > 0 ? rows : 1;
    to->type = type;
    to->values = ef_arena_take(r->arena, size * ef_type_width(type));
    to->validity = ef_arena_take(r->arena, ef_bitmap_size((uint32_t)size));
    if (to->values == NULL || to->validity == NULL) {
        return ef_fail_memory(r->error);
    }
    memset(to->validity, 0, ef_bitmap_size((uint32_t)size));
    return EF_OK;
}

static ef_status put_value(run *r, const ef_capture *capture, const match *m, ef_column *to, uint32_t row) {
    ef_any value;
    bool there;
    EF_TRY(make_value(r, capture, m, &value, &there));
    size_t width = ef_type_width(to->type);
    memcpy((char *)to->values + row * width, &value, width);
    if (there) {
        ef_bit_set(to->validity, row);
    }
    return EF_OK;
}

ef_status capture_column(run *r, const ef_capture *capture, const ef_handle *matches, uint32_t count, uint32_t own_state,
                         ef_column *to) {
    pattern *p = r->p;
    const state *from = &p->states[capture->state];
    if (capture->kind != EF_CAPTURE_VALUE) {
        EF_TRY(take_column(r, to, capture->type, count));
        for (uint32_t i = 0; i < count; i++) {
            EF_TRY(put_value(r, capture, match_at(p, matches[i]), to, i));
        }
        return EF_OK;
    }
    ef_handle *rows = ef_arena_take(r->arena, count * sizeof *rows);
    if (rows == NULL) {
        return ef_fail_memory(r->error);
    }
    for (uint32_t i = 0; i < count; i++) {
        const match *m = match_at(p, matches[i]);
        rows[i] = match_event(p, m, capture->state, capture->index, capture->from_last);
        if (capture->state == own_state && !capture->from_last && capture->index == match_length(p, m, own_state)) {
            EF_TRY(run_keep(r, own_state, &rows[i])); /* the event at hand is the end of its own chain */
        }
    }
    if (!ef_rows_gather(to, p->pages, &from->layout, from->kept_at[capture->column], rows, count, r->arena)) {
        return ef_fail_memory(r->error);
    }
    return EF_OK;
}

/* ---- matches put out ---- */

static void *grown(run *r, const void *old, uint32_t rows, uint32_t capacity, size_t width) {
    void *array = ef_arena_take(r->arena, capacity * width);
    if (array != NULL && rows > 0) {
        memcpy(array, old, rows * width);
    }
    return array;
}

static bool is_made(const ef_capture *capture) {
    return capture->kind != EF_CAPTURE_VALUE;
}

static ef_status found_grow(run *r) {
    found *f = &r->found;
    pattern *p = r->p;
    uint32_t capacity = f->capacity == 0 ? 8 : f->capacity * 2;
    if (capacity > UINT32_MAX / 4) {
        return ef_fail(r->error, EF_LIMIT, "a pattern put out more than %u rows at once", UINT32_MAX / 4);
    }
    if (f->capacity == 0) {
        size_t outputs = p->output_count > 0 ? p->output_count : 1;
        f->event = ef_arena_take(r->arena, outputs * sizeof *f->event);
        f->made = ef_arena_take(r->arena, outputs * sizeof *f->made);
        if (f->event == NULL || f->made == NULL) {
            return ef_fail_memory(r->error);
        }
    }
    bool failed = false;
    f->timestamp = grown(r, f->timestamp, f->rows, capacity, sizeof *f->timestamp);
    f->cause = grown(r, f->cause, f->rows, capacity, sizeof *f->cause);
    f->slot = grown(r, f->slot, f->rows, capacity, sizeof *f->slot);
    f->input_row = grown(r, f->input_row, f->rows, capacity, sizeof *f->input_row);
    f->ends = grown(r, f->ends, f->deliveries, capacity, sizeof *f->ends);
    failed = f->timestamp == NULL || f->cause == NULL || f->slot == NULL || f->input_row == NULL || f->ends == NULL;
    for (uint32_t c = 0; c < p->output_count && !failed; c++) {
        const ef_capture *capture = &p->outputs[c];
        if (is_made(capture)) {
            ef_column old = f->made[c];
            EF_TRY(take_column(r, &f->made[c], capture->type, capacity));
            if (f->rows > 0) {
                memcpy(f->made[c].values, old.values, f->rows * ef_type_width(capture->type));
                memcpy(f->made[c].validity, old.validity, ef_bitmap_size(f->rows));
            }
        } else if (!p->states[capture->state].is_plain_end) {
            f->event[c] = grown(r, f->event[c], f->rows, capacity, sizeof **f->event);
            failed = f->event[c] == NULL;
        }
    }
    f->capacity = capacity;
    return failed ? ef_fail_memory(r->error) : EF_OK;
}

ef_status found_put(run *r, ef_handle handle, uint32_t last_state, int64_t timestamp) {
    found *f = &r->found;
    pattern *p = r->p;
    (void)last_state;
    if (f->rows == f->capacity) {
        EF_TRY(found_grow(r));
    }
    uint32_t i = f->rows;
    const match *m = match_at(p, handle);
    for (uint32_t c = 0; c < p->output_count; c++) {
        const ef_capture *capture = &p->outputs[c];
        if (is_made(capture)) {
            EF_TRY(put_value(r, capture, m, &f->made[c], i));
        } else if (!p->states[capture->state].is_plain_end) {
            f->event[c][i] = match_event(p, m, capture->state, capture->index, capture->from_last);
        }
    }
    f->timestamp[i] = timestamp;
    f->cause[i] = r->cause;
    f->slot[i] = m->slot;
    f->input_row[i] = r->row;
    f->any_slot |= m->slot != 0;
    f->rows++;
    return EF_OK;
}

void found_end(run *r) {
    found *f = &r->found;
    if (f->rows > (f->deliveries > 0 ? f->ends[f->deliveries - 1] : 0)) {
        f->ends[f->deliveries++] = f->rows;
    }
}

ef_status found_finish(run *r) {
    found *f = &r->found;
    pattern *p = r->p;
    if (f->rows == 0) {
        return EF_OK;
    }
    ef_column *column = ef_arena_take(r->arena, (p->output_count > 0 ? p->output_count : 1) * sizeof *column);
    if (column == NULL) {
        return ef_fail_memory(r->error);
    }
    for (uint32_t c = 0; c < p->output_count; c++) {
        const ef_capture *capture = &p->outputs[c];
        const state *from = &p->states[capture->state];
        bool gathered = true;
        if (is_made(capture)) {
            column[c] = f->made[c];
        } else if (!from->is_plain_end) {
            gathered = ef_rows_gather(&column[c], p->pages, &from->layout, from->kept_at[capture->column], f->event[c], f->rows,
                                      r->arena);
        } else if (capture->index == 0) {
            gathered = ef_column_gather(&column[c], &r->batch[from->config.port]->column[capture->column], f->input_row,
                                        f->rows, r->arena);
        } else {
            EF_TRY(take_column(r, &column[c], capture->type, f->rows)); /* a second event of a plain state: null */
            memset(column[c].values, 0, f->rows * ef_type_width(capture->type));
        }
        if (!gathered) {
            return ef_fail_memory(r->error);
        }
    }
    r->out->result = (ef_batch){.rows = f->rows,
                                .columns = p->output_count,
                                .column = column,
                                .timestamps = f->timestamp,
                                .causes = f->cause,
                                .slots = f->any_slot ? f->slot : NULL,
                                .form = EF_ENDS,
                                .ends = f->ends,
                                .deliveries = f->deliveries};
    return EF_OK;
}
