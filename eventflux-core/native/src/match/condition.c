/* Conditions of variables. What reads nothing but the row is computed for a whole batch at once; comparisons of two values of single rows are made
 * without a program; the rest is a program over one row of captures. */
#include "match/matcher.h"

static bool holds(ef_match_comparison comparison, int order) {
    switch (comparison) {
    case EF_MATCH_EQUAL:
        return order == 0;
    case EF_MATCH_LESS:
        return order < 0;
    case EF_MATCH_LESS_EQUAL:
        return order <= 0;
    case EF_MATCH_GREATER:
        return order > 0;
    case EF_MATCH_GREATER_EQUAL:
        return order >= 0;
    }
    return false;
}

/* Nothing holds for NaN. */
static bool holds_double(ef_match_comparison comparison, double a, double b) {
    return a == a && b == b && holds(comparison, (a > b) - (a < b));
}

static bool compares(ef_match_comparison comparison, ef_type type, const any_value *a, const any_value *b) {
    switch (type) {
    case EF_BOOL:
        return holds(comparison, (int)a->b - (int)b->b);
    case EF_INT:
        return holds(comparison, (a->i > b->i) - (a->i < b->i));
    case EF_LONG:
        return holds(comparison, (a->l > b->l) - (a->l < b->l));
    case EF_FLOAT:
        return holds_double(comparison, (double)a->f, (double)b->f);
    case EF_DOUBLE:
        return holds_double(comparison, a->d, b->d);
    case EF_STRING:
        return holds(comparison, ef_str_compare(&a->s, &b->s));
    case EF_OBJECT:
        break;
    }
    return false;
}

static bool passes_tests(const run *r, const match_slot *s, const attempt *a, const variable *v) {
    bool passes = true;
    for (uint32_t t = 0; t < v->test_count && passes; t++) {
        const ef_match_test *test = &v->tests[t];
        const ef_match_capture *left = &v->captures[test->left], *right = &v->captures[test->right];
        any_value one, other;
        passes = captured_value(r->m, s, a, left, &one) && captured_value(r->m, s, a, right, &other) &&
                 compares(test->comparison, left->type, &one, &other);
    }
    return passes;
}

/* Failed rows of a program go to the operator's error edge, as the row that is at hand. */
static ef_status take_failures(run *r, const ef_out *from) {
    uint32_t at = r->row == NO_ROW ? (r->out->input != NULL ? r->out->input->rows : 0) : r->row;
    for (uint32_t i = 0; i < from->failed_count; i++) {
        EF_TRY(ef_out_fail_row(r->out, at, from->failed[i].message, r->error));
    }
    return EF_OK;
}

static ef_status run_condition(run *r, const match_slot *s, const attempt *a, const variable *v, bool *passes) {
    matcher *m = r->m;
    uint32_t columns = v->program_captures;
    ef_column *column = ef_arena_take(r->arena, (columns > 0 ? columns : 1) * sizeof *column);
    any_value *values = ef_arena_take(r->arena, (columns > 0 ? columns : 1) * sizeof *values);
    uint8_t *valid = ef_arena_take(r->arena, columns > 0 ? columns : 1);
    if (column == NULL || values == NULL || valid == NULL) {
        return ef_fail_memory(r->error);
    }
    for (uint32_t c = 0; c < columns; c++) {
        bool there = captured_value(m, s, a, &v->captures[c], &values[c]);
        valid[c] = there;
        column[c] = (ef_column){
            .values = &values[c], .validity = there ? NULL : &valid[c], .type = v->captures[c].type};
    }
    ef_batch one = {.rows = 1,
                    .columns = columns,
                    .column = column,
                    .timestamps = &r->timestamp,
                    .causes = &r->cause,
                    .form = EF_EACH_ROW};
    ef_out failures;
    ef_out_init(&failures, r->arena, &one);
    ef_run with = {.arena = r->arena, .track = r->track, .host = m->host, .random = m->random, .out = &failures};
    uint32_t *rows, count;
    EF_TRY(ef_program_select(v->condition, &one, &with, &rows, &count, r->error));
    *passes = count > 0;
    return take_failures(r, &failures);
}

ef_status step_fits(run *r, match_slot *s, attempt *a, bool *fits) {
    const variable *v = &r->m->variables[r->m->positions[step_at(r->m, a, a->depth - 1)->position].variable];
    *fits = passes_tests(r, s, a, v);
    if (!*fits || v->condition == NULL) {
        return EF_OK;
    }
    /* The program's columns are of no use afterwards: an attempt may ask very often within one slice. */
    ef_arena before = *r->arena;
    uint32_t failed = r->out->failed_count;
    EF_TRY(run_condition(r, s, a, v, fits));
    if (r->out->failed_count == failed && before.current != NULL) {
        *r->arena = (ef_arena){.alloc = before.alloc,
                               .first = r->arena->first,
                               .current = before.current,
                               .next = before.next,
                               .end = before.end};
    }
    return EF_OK;
}

ef_status find_passes(run *r) {
    const matcher *m = r->m;
    const ef_batch *batch = r->batch;
    if (!m->has_own || batch->rows == 0) {
        return EF_OK;
    }
    r->passes = ef_arena_take(r->arena, batch->rows * sizeof *r->passes);
    if (r->passes == NULL) {
        return ef_fail_memory(r->error);
    }
    uint64_t without = 0;
    for (uint32_t v = 0; v < m->variable_count; v++) {
        without |= (uint64_t)(m->variables[v].own == NULL) << v;
    }
    for (uint32_t i = 0; i < batch->rows; i++) {
        r->passes[i] = without;
    }
    for (uint32_t v = 0; v < m->variable_count; v++) {
        if (m->variables[v].own == NULL) {
            continue;
        }
        ef_run with = {.arena = r->arena, .track = r->track, .host = m->host, .random = m->random};
        uint32_t *rows, count;
        EF_TRY(ef_program_select(m->variables[v].own, batch, &with, &rows, &count, r->error));
        for (uint32_t i = 0; i < count; i++) {
            r->passes[rows[i]] |= UINT64_C(1) << v;
        }
    }
    return EF_OK;
}
