/* The operator: made from its description, rows and timers in order. A call that fails midway leaves it as freshly made. */
#include "match/matcher.h"

/* ---- making ---- */

void ef_match_free_programs(const ef_match_config *match) {
    for (uint32_t v = 0; v < match->variable_count; v++) {
        ef_program_free(match->variables[v].own);
        ef_program_free(match->variables[v].condition);
    }
}

static bool capture_fits(const matcher *m, const ef_match_capture *capture) {
    bool reads = capture->kind != EF_MATCH_COUNT && capture->kind != EF_MATCH_TIMESTAMP &&
                 capture->kind != EF_MATCH_CLASSIFIER && capture->kind != EF_MATCH_NUMBER && capture->kind != EF_MATCH_EVENTS;
    return (capture->group < m->group_count || capture->kind == EF_MATCH_NUMBER) && capture->kind <= EF_MATCH_EVENTS &&
           (!reads || (capture->column < m->columns && m->kept_at[capture->column] != UINT32_MAX));
}

static ef_status check_captures(matcher *m, ef_match_capture *captures, uint32_t count, ef_error *error) {
    for (uint32_t i = 0; i < count; i++) {
        if (!capture_fits(m, &captures[i])) {
            return ef_fail(error, EF_INVALID, "a row pattern captures what is not kept");
        }
        m->history = captures[i].back > m->history ? captures[i].back : m->history;
        captures[i].fold = NO_FOLD;
    }
    return EF_OK;
}

/* A copy that lives as long as the matcher. */
static void *copied(matcher *m, const void *from, size_t size) {
    void *copy = ef_arena_take(&m->fixed, size);
    if (copy != NULL && size > 0) {
        memcpy(copy, from, size);
    }
    return copy;
}

static ef_status take_layout(matcher *m, const ef_operator_config *config, const ef_match_config *from, ef_error *error) {
    m->columns = config->columns;
    m->kept = copied(m, from->kept, from->kept_count * sizeof *m->kept);
    m->kept_at = ef_arena_take(&m->fixed, m->columns * sizeof *m->kept_at);
    ef_type *types = ef_arena_take(&m->fixed, from->kept_count * sizeof *types);
    if (m->kept == NULL || m->kept_at == NULL || types == NULL) {
        return ef_fail_memory(error);
    }
    m->kept_count = from->kept_count;
    memset(m->kept_at, 0xFF, m->columns * sizeof *m->kept_at);
    for (uint32_t k = 0; k < from->kept_count; k++) {
        if (from->kept[k] >= m->columns) {
            return ef_fail(error, EF_INVALID, "a row pattern keeps a column that its input has not");
        }
        m->kept_at[from->kept[k]] = k;
        types[k] = config->types[from->kept[k]];
    }
    return ef_row_layout_init(&m->layout, from->kept_count, types, m->alloc, error);
}

static bool is_fold(const ef_match_capture *capture) {
    return capture->kind >= EF_MATCH_COUNT_VALUES && capture->kind <= EF_MATCH_DEVIATION;
}

/* Numbers the aggregates of conditions, equal ones alike. `m->folds` has room for all. */
static void take_folds(matcher *m, ef_match_capture *captures, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        ef_match_capture *capture = &captures[i];
        if (!is_fold(capture)) {
            continue;
        }
        uint32_t at = 0;
        while (at < m->fold_count && (m->folds[at].kind != capture->kind || m->folds[at].group != capture->group ||
                                      m->folds[at].column != capture->column)) {
            at++;
        }
        if (at == m->fold_count) {
            m->folds[m->fold_count++] = *capture;
        }
        capture->fold = at;
    }
}

static ef_status take_variable(matcher *m, const ef_match_variable *from, ef_error *error) {
    variable *v = &m->variables[m->variable_count];
    *v = (variable){.program_captures = from->program_captures,
                    .capture_count = from->capture_count,
                    .test_count = from->test_count};
    v->captures = copied(m, from->captures, from->capture_count * sizeof *v->captures);
    v->tests = copied(m, from->tests, from->test_count * sizeof *v->tests);
    ef_str name = ef_str_view(from->name, from->name_length);
    if (v->captures == NULL || v->tests == NULL || !ef_str_copy(&v->name, &name, &m->fixed)) {
        return ef_fail_memory(error);
    }
    EF_TRY(check_captures(m, v->captures, v->capture_count, error));
    bool fits = v->program_captures <= v->capture_count;
    for (uint32_t t = 0; fits && t < v->test_count; t++) {
        fits = v->tests[t].left < v->capture_count && v->tests[t].right < v->capture_count &&
               v->captures[v->tests[t].left].type == v->captures[v->tests[t].right].type;
    }
    if (!fits) {
        return ef_fail(error, EF_INVALID, "a variable of a row pattern is not well formed");
    }
    v->own = from->own; /* taken when all is well */
    v->condition = from->condition;
    m->has_own |= v->own != NULL;
    m->variable_count++;
    return EF_OK;
}

static bool follows_fit(const ef_match_config *from, uint32_t at, uint32_t count) {
    bool fits = at <= from->follow_count && count <= from->follow_count - at;
    for (uint32_t i = 0; fits && i < count; i++) {
        fits = from->follow[at + i] < from->position_count || from->follow[at + i] == EF_MATCH_ACCEPT;
    }
    return fits;
}

static ef_status take_positions(matcher *m, const ef_match_config *from, ef_error *error) {
    bool fits = from->position_count > 0 && follows_fit(from, from->start_from, from->start_count);
    for (uint32_t i = 0; fits && i < from->position_count; i++) {
        const ef_match_position *position = &from->positions[i];
        fits = position->variable < from->variable_count && follows_fit(from, position->from, position->count);
    }
    for (uint32_t i = 0; fits && i < from->start_count; i++) {
        fits = from->follow[from->start_from + i] != EF_MATCH_ACCEPT; /* a match has a row */
    }
    if (!fits) {
        return ef_fail(error, EF_INVALID, "the positions of a row pattern are not well formed");
    }
    m->positions = copied(m, from->positions, from->position_count * sizeof *m->positions);
    m->follow = copied(m, from->follow, from->follow_count * sizeof *m->follow);
    if (m->positions == NULL || m->follow == NULL) {
        return ef_fail_memory(error);
    }
    m->position_count = from->position_count;
    m->start_from = from->start_from;
    m->start_count = from->start_count;
    m->starts_only_first = true;
    for (uint32_t i = 0; i < m->start_count; i++) {
        const ef_match_position *position = &m->positions[m->follow[m->start_from + i]];
        m->starts |= UINT64_C(1) << position->variable;
        m->starts_only_first &= position->only_first;
    }
    return EF_OK;
}

static ef_status take_all(matcher *m, const ef_operator_config *config, const ef_match_config *from, ef_error *error) {
    EF_TRY(take_layout(m, config, from, error));
    m->groups = copied(m, from->groups, from->group_count * sizeof *m->groups);
    m->variables = ef_arena_take(&m->fixed, from->variable_count * sizeof *m->variables);
    m->outputs = copied(m, from->outputs, from->output_count * sizeof *m->outputs);
    if (m->groups == NULL || m->variables == NULL || m->outputs == NULL) {
        return ef_fail_memory(error);
    }
    m->group_count = from->group_count;
    m->output_count = from->output_count;
    bool skips_to = from->skip == EF_SKIP_TO_FIRST || from->skip == EF_SKIP_TO_LAST;
    if (from->variable_count > EF_MATCH_VARIABLES || from->skip > EF_SKIP_TO_LAST ||
        (skips_to && from->skip_group >= from->group_count)) {
        return ef_fail(error, EF_INVALID, "a row pattern is not well formed");
    }
    uint32_t captures = 0;
    for (uint32_t v = 0; v < from->variable_count; v++) {
        captures += from->variables[v].capture_count;
    }
    m->folds = ef_arena_take(&m->fixed, captures * sizeof *m->folds);
    if (m->folds == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t v = 0; v < from->variable_count; v++) {
        EF_TRY(take_variable(m, &from->variables[v], error));
        take_folds(m, m->variables[v].captures, m->variables[v].capture_count);
    }
    m->step_size = (uint32_t)(sizeof(step) + m->fold_count * sizeof(fold));
    EF_TRY(take_positions(m, from, error));
    return check_captures(m, m->outputs, m->output_count, error);
}

static void free_matcher(matcher *m) {
    ef_alloc *alloc = m->alloc;
    ef_slots_clear(&m->slots, alloc);
    ef_timers_clear(&m->timers, alloc);
    if (m->spare != NULL) {
        ef_free(alloc, m->spare, block_size(m, m->spare_capacity));
    }
    if (m->layout.offset != NULL) {
        ef_row_layout_clear(&m->layout, alloc);
    }
    if (m->pages != NULL) {
        ef_pages_free(m->pages);
    }
    ef_arena_clear(&m->fixed);
    ef_free(alloc, m, sizeof *m);
}

static void match_destroy(void *self) {
    matcher *m = self;
    matcher_forget(m);
    for (uint32_t v = 0; v < m->variable_count; v++) {
        ef_program_free(m->variables[v].own);
        ef_program_free(m->variables[v].condition);
    }
    free_matcher(m);
}

ef_status ef_match_create(const ef_operator_config *config, const ef_match_config *from, void **self, ef_error *error) {
    matcher *m = ef_calloc(config->alloc, sizeof *m);
    ef_status status = m == NULL ? ef_fail_memory(error) : EF_OK;
    if (status == EF_OK) {
        m->alloc = config->alloc;
        m->rank = config->rank;
        m->within = from->within;
        m->skip = from->skip;
        m->skip_group = from->skip_group;
        m->all_rows = from->all_rows;
        m->timeouts = from->timeouts;
        m->is_single = from->skip != EF_SKIP_TO_NEXT_ROW;
        m->host = from->host;
        m->random = from->random;
        ef_arena_init(&m->fixed, m->alloc);
        ef_slots_init(&m->slots, sizeof(match_slot));
        m->pages = ef_pages_new(m->alloc);
        status = m->pages == NULL ? ef_fail_memory(error) : take_all(m, config, from, error);
        if (status != EF_OK) {
            free_matcher(m); /* the programs are still the caller's */
        }
    }
    if (status != EF_OK) {
        ef_match_free_programs(from);
        return status;
    }
    *self = m;
    return EF_OK;
}

/* ---- running ---- */

static int64_t match_next_due(const void *self) {
    return ef_timers_next(&((const matcher *)self)->timers);
}

static ef_status fire(run *r, ef_walk *walk, int64_t cause) {
    matcher *m = r->m;
    for (;;) {
        int64_t pass = ef_walk_next(walk, ef_timers_next(&m->timers), cause);
        if (pass < 0) {
            return EF_OK;
        }
        r->slot = ef_timers_slot(&m->timers);
        r->row = NO_ROW;
        r->timestamp = ef_timers_next(&m->timers);
        r->cause = EF_CAUSE(pass, m->rank, walk->fired - 1);
        r->clock = r->track->clock[pass];
        EF_TRY(slot_timer(r));
    }
}

static ef_status view_kept(run *r) {
    const matcher *m = r->m;
    r->kept_view = *r->batch;
    r->kept_view.columns = m->kept_count;
    r->kept_view.column = ef_arena_take(r->arena, m->kept_count * sizeof *r->kept_view.column);
    if (r->kept_view.column == NULL) {
        return ef_fail_memory(r->error);
    }
    for (uint32_t k = 0; k < m->kept_count; k++) {
        r->kept_view.column[k] = r->batch->column[m->kept[k]];
    }
    return EF_OK;
}

static ef_status take_rows(run *r) {
    matcher *m = r->m;
    const ef_batch *batch = r->batch;
    ef_walk walk;
    ef_walk_init(&walk, r->track, m->rank);
    if (batch->rows > 0) {
        EF_TRY(view_kept(r));
        EF_TRY(find_passes(r));
        uint32_t slots = ef_batch_slot_count(batch);
        EF_TRY(ef_slots_reserve(&m->slots, m->alloc, slots, r->error));
        if (m->within >= 0) {
            EF_TRY(ef_timers_reserve(&m->timers, m->alloc, slots, r->error));
        }
    }
    for (uint32_t i = 0; i < batch->rows; i++) {
        int64_t cause = ef_row_cause(batch, i);
        EF_TRY(fire(r, &walk, cause));
        ef_walk_row(&walk, cause);
        if (ef_row_kind(batch, i) != EF_CURRENT) {
            continue;
        }
        r->row = i;
        r->slot = ef_row_slot(batch, i);
        r->timestamp = batch->timestamps[i];
        r->cause = cause;
        r->clock = ef_row_clock(batch, i, r->track);
        if (m->within >= 0) {
            ef_lag_note(&m->lag, r->clock, r->timestamp);
        }
        EF_TRY(slot_row(r, r->passes == NULL ? UINT64_MAX : r->passes[i]));
    }
    return fire(r, &walk, INT64_MAX);
}

void matcher_forget(matcher *m) {
    m->lag = (ef_lag){0, 0, 0};
    for (uint32_t i = 0; i < m->slots.count; i++) {
        slot_clear(m, slot_at(m, i));
        if (m->within >= 0) {
            ef_timers_set(&m->timers, i, EF_NEVER);
        }
    }
}

static ef_status match_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                               ef_error *error) {
    (void)port;
    matcher *m = self;
    run r = {.m = m, .track = track, .out = out, .arena = out->arena, .error = error, .batch = batch, .row = NO_ROW};
    ef_status status = take_rows(&r);
    if (status == EF_OK) {
        status = matched_finish(&r);
    }
    if (EF_UNLIKELY(status != EF_OK)) {
        matcher_forget(m);
    }
    return status;
}

static void match_purge(void *self, uint32_t slot) {
    matcher *m = self;
    if (slot == EF_ALL_SLOTS) {
        matcher_forget(m);
    } else if (slot < m->slots.count) {
        slot_clear(m, slot_at(m, slot));
        if (m->within >= 0) {
            ef_timers_set(&m->timers, slot, EF_NEVER);
        }
    }
}

static uint64_t match_size(const void *self) {
    return ((const matcher *)self)->held;
}

static ef_status no_create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "a row pattern is made by ef_engine_match");
}

#define MATCH_CLASS(more_flags)                                            \
    {                                                                      \
        .abi_version = EF_ABI_VERSION,                                     \
        .struct_size = sizeof(ef_operator_class),                          \
        .name = "match_recognize",                                         \
        .flags = EF_SLOTS | EF_BATCHED | EF_MULTI | EF_FAILS | (more_flags), \
        .state_version = 1,                                                \
        .create = no_create,                                               \
        .destroy = match_destroy,                                          \
        .process = match_process,                                          \
        .next_due = match_next_due,                                        \
        .purge = match_purge,                                              \
        .save = ef_match_save,                                             \
        .load = ef_match_load,                                             \
        .size = match_size,                                                \
    }

const ef_operator_class ef_match_class = MATCH_CLASS(0);
const ef_operator_class ef_timed_match_class = MATCH_CLASS(EF_TIMERS | EF_READS_CLOCK);
