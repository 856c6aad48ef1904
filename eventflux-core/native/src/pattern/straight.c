/* Straight sequences, taken by columns: single events of one stream, each the next of the one before, begun anew at every event.
 *
 *      every e1=S, e2=S[x > e1.x], e3=S[x > e2.x]
 *
 *      rows of S         0   1   2   3   4   5   6  ...        a match is three rows in a row: k, k+1, k+2
 *      by the machine    ^   ^                       ^   ^     the first n-1 end what earlier calls began, the last n-1 are what waits for the next call
 *      by columns        k = 0, 1, 2, ...
 *
 * Nothing that such a sequence remembers is older than n-1 events, so all matches within a batch are found by comparing each column with itself, shifted:
 * O(rows) a test, nothing kept. What the machine keeps is then what it would keep had it seen every row, and nothing else can tell the two apart. */
#include "pattern/machine.h"

#define MOST_STATES 16u
#define ROWS_A_STATE 4u /* batches shorter than that many rows a state are the machine's */

static bool is_next(const ef_capture *capture, uint32_t last_state) {
    return capture->kind == EF_CAPTURE_VALUE && capture->index == 0 && capture->state <= last_state;
}

static bool is_quiet(const ef_program *program) {
    return program == NULL || (!ef_program_can_fail(program) && !ef_program_reads_clock(program));
}

bool straight_fits(const pattern *p) {
    if (!p->sequence || p->partitioned || p->most_matches > 0 || p->within_events > 0 || p->starts_absent || p->state_count < 2 ||
        p->state_count > MOST_STATES || p->port_count != 1) {
        return false;
    }
    for (uint32_t j = 0; j < p->state_count; j++) {
        const ef_state_config *config = &p->states[j].config;
        bool is_last = j + 1 == p->state_count;
        if (config->kind != EF_STATE_PLAIN || config->next != (is_last ? EF_NO_STATE : (int32_t)j + 1) ||
            config->every != (j == 0 ? 0 : EF_NO_STATE) || (j > 0 && config->group != EF_NO_STATE) ||
            config->start != (j == 0) || !is_quiet(config->own) || !is_quiet(config->condition)) {
            return false;
        }
        for (uint32_t c = 0; c < config->capture_count; c++) {
            if (!is_next(&config->captures[c], j)) {
                return false;
            }
        }
    }
    for (uint32_t c = 0; c < p->output_count; c++) {
        if (!is_next(&p->outputs[c], p->state_count - 1)) {
            return false;
        }
    }
    return true;
}

bool straight_takes(const pattern *p, const ef_batch *batch) {
    return p->is_straight && batch->rows >= p->state_count * ROWS_A_STATE && batch->kinds == NULL && batch->slots == NULL;
}

static void and_within(const pattern *p, const ef_batch *batch, uint32_t j, uint32_t starts, uint8_t *restrict passes) {
    const int64_t *restrict first = batch->timestamps;
    const int64_t *restrict now = batch->timestamps + j;
    uint64_t within = (uint64_t)p->within;
    for (uint32_t k = 0; k < starts; k++) {
        uint64_t distance = now[k] >= first[k] ? (uint64_t)now[k] - (uint64_t)first[k] : (uint64_t)first[k] - (uint64_t)now[k];
        passes[k] &= (uint8_t)(distance <= within);
    }
}

static uint32_t starts_left(const uint8_t *passes, uint32_t starts, uint32_t *left) {
    uint32_t count = 0;
    for (uint32_t k = 0; k < starts; k++) {
        left[count] = k;
        count += passes[k];
    }
    return count;
}

static void shift(uint32_t *to, const uint32_t *from, uint32_t count, uint32_t by) {
    for (uint32_t i = 0; i < count; i++) {
        to[i] = from[i] + by;
    }
}

/* The program of a state, for the matches that got so far. */
static ef_status and_condition(run *r, uint32_t j, const ef_batch *batch, uint32_t starts, uint8_t *passes) {
    const ef_state_config *config = &r->p->states[j].config;
    uint32_t columns = config->program_captures + config->own_column_count;
    uint32_t *left = ef_arena_take(r->arena, starts * sizeof *left);
    uint32_t *rows = ef_arena_take(r->arena, starts * sizeof *rows);
    ef_column *column = ef_arena_take(r->arena, (columns > 0 ? columns : 1) * sizeof *column);
    uint8_t *answers = ef_arena_take(r->arena, starts);
    if (left == NULL || rows == NULL || column == NULL || answers == NULL) {
        return ef_fail_memory(r->error);
    }
    uint32_t count = starts_left(passes, starts, left);
    if (count == 0) {
        return EF_OK;
    }
    for (uint32_t c = 0; c < columns; c++) {
        bool captured = c < config->program_captures;
        const ef_capture *capture = captured ? &config->captures[c] : NULL;
        uint32_t from = captured ? capture->column : config->own_columns[c - config->program_captures];
        shift(rows, left, count, captured ? capture->state : j);
        if (!ef_column_gather(&column[c], &batch->column[from], rows, count, r->arena)) {
            return ef_fail_memory(r->error);
        }
    }
    int64_t *timestamps = ef_arena_take(r->arena, count * sizeof *timestamps);
    int64_t *causes = ef_arena_take(r->arena, count * sizeof *causes);
    if (timestamps == NULL || causes == NULL) {
        return ef_fail_memory(r->error);
    }
    for (uint32_t i = 0; i < count; i++) {
        timestamps[i] = batch->timestamps[left[i] + j];
        causes[i] = ef_row_cause(batch, left[i] + j);
    }
    ef_batch pairs = {.rows = count,
                      .columns = columns,
                      .column = column,
                      .timestamps = timestamps,
                      .causes = causes,
                      .form = EF_EACH_ROW};
    EF_TRY(run_pairs(r, config->condition, &pairs, answers));
    for (uint32_t i = 0; i < count; i++) {
        passes[left[i]] = answers[i];
    }
    return EF_OK;
}

ef_status straight_find(run *r, const ef_batch *batch) {
    const pattern *p = r->p;
    uint32_t starts = batch->rows - p->state_count + 1;
    uint8_t *passes = ef_arena_take(r->arena, starts);
    r->straight = ef_arena_take(r->arena, starts * sizeof *r->straight);
    if (passes == NULL || r->straight == NULL) {
        return ef_fail_memory(r->error);
    }
    memset(passes, 1, starts);
    for (uint32_t j = 0; j < p->state_count; j++) {
        const ef_state_config *config = &p->states[j].config;
        if (has_own_tests(config)) {
            const uint8_t *own;
            EF_TRY(own_tests(r, j, &own));
            for (uint32_t k = 0; k < starts; k++) {
                passes[k] &= own[k + j];
            }
        }
        if (p->within >= 0 && j > 0) {
            and_within(p, batch, j, starts, passes);
        }
        for (uint32_t t = 0; t < config->test_count; t++) {
            const ef_pattern_test *test = &config->tests[t];
            if (test->capture >= 0) {
                const ef_capture *capture = &config->captures[test->capture];
                rows_pass_captured(test, &batch->column[test->own], j, &batch->column[capture->column], capture->state,
                                   starts, passes);
            }
        }
        if (config->condition != NULL) {
            EF_TRY(and_condition(r, j, batch, starts, passes));
        }
    }
    r->straight_count = starts_left(passes, starts, r->straight);
    return EF_OK;
}

/* ---- putting out ---- */

#define GATHER(type)                                                                     \
    do {                                                                                 \
        type *restrict target = (type *)to->values + at;                                 \
        const type *restrict source = (const type *)from->values + shifted;              \
        for (uint32_t i = 0; i < count; i++) {                                           \
            target[i] = source[starts[i]];                                               \
        }                                                                                \
    } while (0)

/* Rows starts[i] + shifted of `from` behind the `at` values of `to`. */
static bool append_rows(ef_column *to, uint32_t at, const ef_column *from, uint32_t shifted, const uint32_t *starts,
                        uint32_t count, ef_arena *arena) {
    ef_column before = *to;
    size_t width = ef_type_width(from->type);
    *to = (ef_column){.type = from->type, .values = ef_arena_take(arena, (size_t)(at + count) * width)};
    if (to->values == NULL) {
        return false;
    }
    if (at > 0) {
        memcpy(to->values, before.values, at * width);
    }
    switch (width) {
    case 1:
        GATHER(uint8_t);
        break;
    case 4:
        GATHER(uint32_t);
        break;
    case 8:
        GATHER(uint64_t);
        break;
    default:
        GATHER(ef_str);
        break;
    }
    if ((at == 0 || before.validity == NULL) && from->validity == NULL) {
        return true;
    }
    to->validity = ef_arena_take(arena, ef_bitmap_size(at + count));
    if (to->validity == NULL) {
        return false;
    }
    memset(to->validity, 0, ef_bitmap_size(at + count));
    for (uint32_t i = 0; i < at; i++) {
        if (!ef_is_null(&before, i)) {
            ef_bit_set(to->validity, i);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!ef_is_null(from, starts[i] + shifted)) {
            ef_bit_set(to->validity, at + i);
        }
    }
    return true;
}

ef_status straight_finish(run *r, const ef_batch *batch) {
    const pattern *p = r->p;
    uint32_t count = r->straight_count, last = p->state_count - 1;
    EF_TRY(found_finish(r));
    if (count == 0) {
        return EF_OK;
    }
    ef_batch *result = &r->out->result;
    uint32_t at = result->rows, rows = at + count;
    ef_column *column = ef_arena_take(r->arena, (p->output_count > 0 ? p->output_count : 1) * sizeof *column);
    int64_t *timestamps = ef_arena_take(r->arena, rows * sizeof *timestamps);
    int64_t *causes = ef_arena_take(r->arena, rows * sizeof *causes);
    if (column == NULL || timestamps == NULL || causes == NULL) {
        return ef_fail_memory(r->error);
    }
    for (uint32_t c = 0; c < p->output_count; c++) {
        const ef_capture *capture = &p->outputs[c];
        column[c] = at > 0 ? result->column[c] : (ef_column){.type = capture->type};
        if (!append_rows(&column[c], at, &batch->column[capture->column], capture->state, r->straight, count, r->arena)) {
            return ef_fail_memory(r->error);
        }
    }
    if (at > 0) {
        memcpy(timestamps, result->timestamps, at * sizeof *timestamps);
        memcpy(causes, result->causes, at * sizeof *causes);
    }
    for (uint32_t i = 0; i < count; i++) {
        timestamps[at + i] = batch->timestamps[r->straight[i] + last];
        causes[at + i] = ef_row_cause(batch, r->straight[i] + last);
    }
    *result = (ef_batch){.rows = rows,
                         .columns = p->output_count,
                         .column = column,
                         .timestamps = timestamps,
                         .causes = causes,
                         .form = EF_EACH_ROW};
    return EF_OK;
}
