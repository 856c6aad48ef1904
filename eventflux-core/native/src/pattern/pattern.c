/* The operator: states from their description, events and timers in order, state out and in.
 *
 * Rows of all ports are taken by (cause, order), timers between them. A call that fails midway leaves the pattern without partial matches, as freshly made:
 * the lists of a match that moved halfway could not be trusted. */
#include "pattern/machine.h"

/* ---- making ---- */

static void free_state(pattern *p, state *s) {
    ef_state_config *config = &s->config;
    ef_program_free(config->own);
    ef_program_free(config->condition);
    ef_free(p->alloc, (void *)(uintptr_t)config->captures, config->capture_count * sizeof *config->captures);
    ef_free(p->alloc, (void *)(uintptr_t)config->own_columns, config->own_column_count * sizeof *config->own_columns);
    ef_free(p->alloc, (void *)(uintptr_t)config->tests, config->test_count * sizeof *config->tests);
    ef_free(p->alloc, (void *)(uintptr_t)config->kept, config->kept_count * sizeof *config->kept);
    if (s->kept_at != NULL) {
        ef_free(p->alloc, s->kept_at, p->port_columns[config->port] * sizeof *s->kept_at);
    }
    if (s->fields != NULL) {
        ef_free(p->alloc, s->fields, config->test_count * sizeof *s->fields);
    }
    if (s->keys != NULL) {
        ef_free(p->alloc, s->keys, config->test_count * sizeof *s->keys);
    }
    if (s->buckets != NULL) {
        ef_free(p->alloc, s->buckets, ((size_t)s->bucket_mask + 1) * sizeof *s->buckets);
    }
    if (s->layout.offset != NULL) {
        ef_row_layout_clear(&s->layout, p->alloc);
    }
}

/* [ports] ahead | [ports] batch | [states] own_passes | [states] kept */
static size_t room_size(const pattern *p) {
    return p->port_count * (sizeof(ahead) + sizeof(ef_batch *)) + p->state_count * (sizeof(uint8_t *) + sizeof(ef_handle));
}

static size_t port_states_size(const pattern *p) {
    return (p->port_count + 1 + (size_t)p->state_count) * sizeof *p->port_states;
}

static void pattern_destroy(void *self) {
    pattern *p = self;
    ef_alloc *alloc = p->alloc;
    for (uint32_t j = 0; p->states != NULL && j < p->state_count; j++) {
        free_state(p, &p->states[j]);
    }
    ef_free(alloc, p->states, p->state_count * sizeof *p->states);
    for (uint32_t i = 0; p->port_types != NULL && i < p->port_count; i++) {
        ef_free(alloc, p->port_types[i], p->port_columns[i] * sizeof **p->port_types);
    }
    ef_free(alloc, p->port_types, p->port_count * sizeof *p->port_types);
    ef_free(alloc, p->port_columns, p->port_count * sizeof *p->port_columns);
    ef_free(alloc, p->port_shared, p->port_count * sizeof *p->port_shared);
    ef_free(alloc, p->port_skips, p->port_count * sizeof *p->port_skips);
    ef_free(alloc, p->port_keyed, p->port_count * sizeof *p->port_keyed);
    ef_free(alloc, p->port_states, p->port_states == NULL ? 0 : port_states_size(p));
    ef_free(alloc, p->outputs, p->output_count * sizeof *p->outputs);
    ef_free(alloc, p->timers, p->timer_capacity * sizeof *p->timers);
    ef_timers_clear(&p->timeout_timers, alloc);
    ef_slots_clear(&p->slots, alloc);
    if (p->pages != NULL) {
        ef_pages_free(p->pages);
    }
    ef_free(alloc, p->room, p->room == NULL ? 0 : room_size(p));
    ef_free(alloc, p, sizeof *p);
}

static void *copied(pattern *p, const void *from, size_t size) {
    void *copy = ef_malloc(p->alloc, size);
    if (copy != NULL && size > 0) {
        memcpy(copy, from, size);
    }
    return copy;
}

static bool refers(const ef_capture *captures, uint32_t count, uint32_t j) {
    for (uint32_t i = 0; i < count; i++) {
        if (captures[i].kind == EF_CAPTURE_EVENTS || (captures[i].state == j && captures[i].kind != EF_CAPTURE_VALUE)) {
            return true;
        }
    }
    return false;
}

static ef_status take_layout(pattern *p, state *s, ef_error *error) {
    const ef_state_config *config = &s->config;
    uint32_t columns = p->port_columns[config->port];
    ef_type *types = ef_malloc(p->alloc, config->kept_count * sizeof *types);
    s->kept_at = ef_malloc(p->alloc, columns * sizeof *s->kept_at);
    if (types == NULL || s->kept_at == NULL) {
        ef_free(p->alloc, types, config->kept_count * sizeof *types);
        return ef_fail_memory(error);
    }
    for (uint32_t c = 0; c < columns; c++) {
        s->kept_at[c] = UINT32_MAX;
    }
    for (uint32_t k = 0; k < config->kept_count; k++) {
        types[k] = p->port_types[config->port][config->kept[k]];
        s->kept_at[config->kept[k]] = k;
    }
    ef_status status = ef_row_layout_init(&s->layout, config->kept_count, types, p->alloc, error);
    ef_free(p->alloc, types, config->kept_count * sizeof *types);
    return status;
}

/* Tests that an index answers: equality with a value that is fixed when a match arrives. */
static ef_status take_keys(pattern *p, uint32_t j, ef_error *error) {
    state *s = &p->states[j];
    const ef_state_config *config = &s->config;
    if (p->sequence || (config->kind != EF_STATE_PLAIN && config->kind != EF_STATE_ABSENT)) {
        return EF_OK;
    }
    s->keys = ef_malloc(p->alloc, config->test_count * sizeof *s->keys);
    if (s->keys == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t t = 0; t < config->test_count; t++) {
        const ef_pattern_test *test = &config->tests[t];
        if (test->comparison != EF_TEST_EQUAL || test->capture < 0) {
            continue;
        }
        const ef_capture *capture = &config->captures[test->capture];
        if (capture->kind == EF_CAPTURE_VALUE && capture->state < j && !is_count(p, capture->state)) {
            s->keys[s->key_count++] = t;
        }
    }
    return EF_OK;
}

static uint32_t accepted(ef_test_kind comparison) {
    switch (comparison) {
    case EF_TEST_EQUAL:
        return 2;
    case EF_TEST_LESS:
        return 1;
    case EF_TEST_LESS_EQUAL:
        return 3;
    case EF_TEST_GREATER:
        return 4;
    case EF_TEST_GREATER_EQUAL:
        return 6;
    }
    return 0;
}

static ef_status take_tests(pattern *p, uint32_t j, ef_error *error) {
    state *s = &p->states[j];
    const ef_state_config *config = &s->config;
    s->fields = ef_malloc(p->alloc, config->test_count * sizeof *s->fields);
    if (s->fields == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t t = 0; t < config->test_count; t++) {
        const ef_pattern_test *test = &config->tests[t];
        if (test->capture < 0) {
            continue;
        }
        const ef_capture *capture = &config->captures[test->capture];
        if (capture->kind != EF_CAPTURE_VALUE || capture->index != 0 || is_count(p, capture->state) || test->type == EF_STRING ||
            test->type == EF_OBJECT) {
            s->has_captured_tests = true;
            continue;
        }
        const state *from = &p->states[capture->state];
        uint32_t place = from->kept_at[capture->column];
        s->fields[s->field_count++] = (field_test){.own = test->own,
                                                   .state = capture->state,
                                                   .place = place,
                                                   .offset = from->layout.offset[place],
                                                   .type = test->type,
                                                   .accepts = accepted(test->comparison)};
    }
    return EF_OK;
}

static ef_status check_capture(const pattern *p, const ef_capture *capture, ef_error *error) {
    bool fits = capture->state < p->state_count &&
                (capture->kind == EF_CAPTURE_PRESENT || capture->kind == EF_CAPTURE_COUNT ||
                 capture->kind == EF_CAPTURE_TIMESTAMP || capture->kind == EF_CAPTURE_EVENTS ||
                 (capture->column < p->port_columns[p->states[capture->state].config.port] &&
                  p->states[capture->state].kept_at[capture->column] != UINT32_MAX));
    return fits ? EF_OK : ef_fail(error, EF_INVALID, "a pattern captures what no state keeps");
}

static bool may_be_empty(const ef_state_config *config) {
    return config->kind == EF_STATE_COUNT && config->minimum == 0;
}

/* A round of an `every` that begins at state j may leave j out: not if all of it may be empty, which would never end. */
static bool may_skip_again(const pattern *p, uint32_t j) {
    const ef_state_config *first = &p->states[j].config;
    if (!may_be_empty(first) || first->next == EF_NO_STATE || first->every == (int32_t)j) {
        return may_be_empty(first) && first->next != EF_NO_STATE;
    }
    for (int32_t i = (int32_t)j; i != EF_NO_STATE; i = p->states[i].config.next) {
        if (!may_be_empty(&p->states[i].config)) {
            return true;
        }
        if (p->states[i].config.every == (int32_t)j) {
            return false;
        }
    }
    return true;
}

/* Where an event that passes no state by itself may be left out: nothing counts events, and nothing waits for one that does not come. */
static void find_skips(pattern *p) {
    for (uint32_t port = 0; port < p->port_count; port++) {
        p->port_skips[port] = !p->sequence && p->within_events == 0;
    }
    for (uint32_t j = 0; j < p->state_count; j++) {
        const ef_state_config *config = &p->states[j].config;
        bool absent = config->kind == EF_STATE_ABSENT || config->kind == EF_STATE_LOGICAL_ABSENT;
        p->port_skips[config->port] = p->port_skips[config->port] && !absent && has_own_tests(config);
    }
}

static ef_status list_states(pattern *p, ef_error *error) {
    p->port_states = ef_malloc(p->alloc, port_states_size(p));
    if (p->port_states == NULL) {
        return ef_fail_memory(error);
    }
    uint32_t *states = p->port_states + p->port_count + 1, count = 0;
    for (uint32_t port = 0; port < p->port_count; port++) {
        p->port_states[port] = count;
        for (uint32_t j = p->state_count; j-- > 0;) {
            if (p->states[j].config.port == port) {
                states[count++] = j;
            }
        }
    }
    p->port_states[p->port_count] = count;
    return EF_OK;
}

static ef_status take_states(pattern *p, ef_pattern_config *from, ef_error *error) {
    for (uint32_t j = 0; j < p->state_count; j++) {
        state *s = &p->states[j];
        const ef_state_config *config = &from->states[j];
        s->config = *config;
        s->config.captures = copied(p, config->captures, config->capture_count * sizeof *config->captures);
        s->config.own_columns = copied(p, config->own_columns, config->own_column_count * sizeof *config->own_columns);
        s->config.tests = copied(p, config->tests, config->test_count * sizeof *config->tests);
        s->config.kept = copied(p, config->kept, config->kept_count * sizeof *config->kept);
        from->states[j].own = from->states[j].condition = NULL; /* owned from here */
        s->special = UINT32_MAX;
        s->callback = EF_NO_STATE;
        if (s->config.captures == NULL || s->config.own_columns == NULL || s->config.tests == NULL || s->config.kept == NULL) {
            return ef_fail_memory(error);
        }
        if (config->kind != EF_STATE_PLAIN && config->kind != EF_STATE_ABSENT) {
            s->special = p->special_count++;
        }
        for (uint32_t i = 0; i < j; i++) {
            p->port_shared[config->port] |= from->states[i].port == config->port;
        }
        EF_TRY(take_layout(p, s, error));
    }
    for (uint32_t j = 0; j < p->state_count; j++) {
        state *s = &p->states[j];
        const ef_state_config *config = &s->config;
        for (uint32_t i = 0; i < config->capture_count; i++) {
            EF_TRY(check_capture(p, &config->captures[i], error));
        }
        EF_TRY(take_keys(p, j, error));
        EF_TRY(take_tests(p, j, error));
        s->has_own_tests = has_own_tests(config);
        s->opens = !p->sequence && config->kind == EF_STATE_COUNT && config->minimum == 0 && config->every == (int32_t)j &&
                   config->next != EF_NO_STATE;
        s->skips_again = !p->sequence && may_skip_again(p, j);
        s->sheltered = p->sequence && config->kind == EF_STATE_ABSENT && !config->start && config->next != EF_NO_STATE &&
                       p->states[0].config.group != EF_NO_STATE;
        s->is_plain_end = !p->timeouts && config->kind == EF_STATE_PLAIN && config->next == EF_NO_STATE &&
                          !refers(from->outputs, from->output_count, j);
        p->starts_absent |= config->start && config->wait >= 0;
        if (p->sequence && config->start && config->kind == EF_STATE_COUNT && config->minimum == 0 &&
            config->next != EF_NO_STATE && p->states[config->next].config.kind == EF_STATE_PLAIN) {
            p->states[config->next].callback = (int32_t)j;
        }
    }
    for (uint32_t i = 0; i < p->output_count; i++) {
        EF_TRY(check_capture(p, &p->outputs[i], error));
    }
    for (uint32_t j = p->state_count; j > 0; j--) {
        p->port_keyed[p->states[j - 1].config.port] =
            p->states[j - 1].key_count > 0 ? (int32_t)j - 1 : p->port_keyed[p->states[j - 1].config.port];
    }
    find_skips(p);
    EF_TRY(list_states(p, error));
    p->is_straight = !p->timeouts && straight_fits(p);
    p->has_straight_rows = straight_steps(p);
    const ef_state_config *start = &p->states[0].config;
    p->may_let_be = !p->sequence && !p->timeouts && p->most_matches == 0 && p->within >= 0 && p->within_events == 0;
    for (uint32_t j = 0; j < p->state_count; j++) {
        const ef_state_config *config = &p->states[j].config;
        p->may_let_be = p->may_let_be && config->kind == EF_STATE_PLAIN && config->group == (j == 0 ? start->group : EF_NO_STATE);
    }
    p->begins_in_place = !p->sequence && start->kind == EF_STATE_PLAIN && start->every == 0 && start->next != EF_NO_STATE;
    p->is_chain = chain_fits(p);
    return EF_OK;
}

static ef_status take_ports(pattern *p, const ef_pattern_config *from, ef_error *error) {
    p->port_columns = copied(p, from->port_columns, p->port_count * sizeof *p->port_columns);
    p->port_types = ef_calloc(p->alloc, p->port_count * sizeof *p->port_types);
    p->port_shared = ef_calloc(p->alloc, p->port_count * sizeof *p->port_shared);
    p->port_skips = ef_calloc(p->alloc, p->port_count * sizeof *p->port_skips);
    p->port_keyed = ef_malloc(p->alloc, p->port_count * sizeof *p->port_keyed);
    if (p->port_columns == NULL || p->port_types == NULL || p->port_shared == NULL || p->port_skips == NULL ||
        p->port_keyed == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < p->port_count; i++) {
        p->port_keyed[i] = EF_NO_STATE;
        p->port_types[i] = copied(p, from->port_types[i], p->port_columns[i] * sizeof **p->port_types);
        if (p->port_types[i] == NULL) {
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

bool ef_pattern_reads_clock(const ef_pattern_config *from) {
    bool reads = false;
    for (uint32_t j = 0; j < from->state_count; j++) {
        reads = reads || (from->states[j].own != NULL && ef_program_reads_clock(from->states[j].own)) ||
                (from->states[j].condition != NULL && ef_program_reads_clock(from->states[j].condition));
    }
    return reads;
}

static void free_programs(ef_pattern_config *from) {
    for (uint32_t j = 0; j < from->state_count; j++) {
        ef_program_free(from->states[j].own);
        ef_program_free(from->states[j].condition);
        from->states[j].own = from->states[j].condition = NULL;
    }
}

static ef_status check_links(const ef_pattern_config *from, ef_error *error) {
    int32_t states = (int32_t)from->state_count;
    for (int32_t j = 0; j < states; j++) {
        const ef_state_config *config = &from->states[j];
        bool logical = config->kind == EF_STATE_LOGICAL || config->kind == EF_STATE_LOGICAL_ABSENT;
        bool fits = config->port < from->port_count && config->next < states && config->every < states &&
                    config->group < states && config->next >= EF_NO_STATE && config->every >= EF_NO_STATE &&
                    config->group >= EF_NO_STATE && config->minimum <= config->maximum &&
                    config->program_captures <= config->capture_count &&
                    (config->next == EF_NO_STATE || config->next > j) &&
                    (!logical || (config->first_side <= (uint32_t)j && config->sides > 0 &&
                                  (uint64_t)config->first_side + config->sides > (uint32_t)j &&
                                  (uint64_t)config->first_side + config->sides <= from->state_count));
        for (uint32_t k = 0; fits && k < config->kept_count; k++) {
            fits = config->kept[k] < from->port_columns[config->port];
        }
        for (uint32_t t = 0; fits && t < config->test_count; t++) {
            fits = config->tests[t].own < from->port_columns[config->port] &&
                   config->tests[t].capture < (int32_t)config->capture_count;
        }
        if (!fits) {
            return ef_fail(error, EF_INVALID, "state %d of a pattern is not well formed", j);
        }
    }
    return states > 0 ? EF_OK : ef_fail(error, EF_INVALID, "a pattern needs a state");
}

ef_status ef_pattern_create(const ef_operator_config *config, ef_pattern_config *from, void **self, ef_error *error) {
    pattern *p = NULL;
    ef_status status = check_links(from, error);
    if (status == EF_OK) {
        p = ef_calloc(config->alloc, sizeof *p);
        status = p == NULL ? ef_fail_memory(error) : EF_OK;
    }
    if (status != EF_OK) {
        free_programs(from);
        return status;
    }
    p->alloc = config->alloc;
    p->rank = config->rank;
    p->playback = config->playback;
    p->port_count = from->port_count;
    p->output_count = from->output_count;
    p->within = from->within;
    p->within_events = from->within_events;
    p->highest = INT64_MIN;
    p->most_matches = from->most_matches;
    p->drops_oldest = from->most_matches > 0 && from->too_many == EF_MATCHES_DROP_OLDEST;
    p->oldest = p->youngest = EF_NO_HANDLE;
    p->sequence = from->sequence;
    p->partitioned = from->partitioned;
    p->timeouts = from->timeouts;
    p->hash_seed = from->hash_seed;
    p->host = from->host;
    p->random = from->random;
    p->outputs = copied(p, from->outputs, from->output_count * sizeof *from->outputs);
    p->states = ef_calloc(p->alloc, from->state_count * sizeof *p->states);
    p->state_count = p->states == NULL ? 0 : from->state_count;
    p->pages = ef_pages_new(p->alloc);
    status = p->outputs == NULL || p->states == NULL || p->pages == NULL ? ef_fail_memory(error) : take_ports(p, from, error);
    if (status == EF_OK) {
        status = take_states(p, from, error);
    }
    if (status == EF_OK) {
        p->room = ef_malloc(p->alloc, room_size(p));
        status = p->room == NULL ? ef_fail_memory(error) : EF_OK;
    }
    free_programs(from);
    if (status != EF_OK) {
        if (p->outputs == NULL) {
            p->output_count = 0;
        }
        pattern_destroy(p);
        return status;
    }
    p->match_size = (uint32_t)((sizeof(match) + match_words(p) * sizeof(uint32_t) + 7u) & ~(size_t)7u);
    size_t slot_size = (sizeof(slot_state) + p->state_count * sizeof(state_slot) + 7u) & ~(size_t)7u;
    ef_slots_init(&p->slots, slot_size);
    *self = p;
    return EF_OK;
}

/* ---- running ---- */

/* Whether the absences at the start have begun to be waited for: with the app, that is at 0 in playback. */
static bool is_begun(const pattern *p) {
    return p->begun || p->partitioned || !p->starts_absent;
}

static int64_t pattern_next_due(const void *self) {
    const pattern *p = self;
    if (EF_UNLIKELY(!is_begun(p))) {
        int64_t earliest = EF_NEVER;
        for (uint32_t j = 0; j < p->state_count; j++) {
            const ef_state_config *config = &p->states[j].config;
            if (config->start && config->wait >= 0 && config->wait < earliest) {
                earliest = config->wait;
            }
        }
        return p->playback ? earliest : 0;
    }
    int64_t due = p->timer_count > 0 ? p->timers[0].due : EF_NEVER, timeout = ef_timers_next(&p->timeout_timers);
    return timeout < due ? timeout : due;
}

int64_t ef_pattern_next_timeout(const void *self) {
    return ef_timers_next(&((const pattern *)self)->timeout_timers);
}

static ef_status begin_run(run *r, const ef_input *inputs, uint32_t count) {
    pattern *p = r->p;
    /* Assigned one by one: clearing all of it takes longer than a call with one row should. */
    r->port = NO_PORT;
    r->row = r->slot = 0;
    r->timestamp = r->cause = r->clock = 0;
    r->is_refused = r->any_kept = false;
    r->found = (found){.rows = 0};
    r->straight = NULL;
    r->straight_count = 0;
    r->ahead = p->room;
    r->batch = (const ef_batch **)(void *)(r->ahead + p->port_count);
    r->own_passes = (const uint8_t **)(void *)(r->batch + p->port_count);
    r->kept = (ef_handle *)(void *)(r->own_passes + p->state_count);
    for (uint32_t i = 0; i < p->port_count; i++) {
        r->batch[i] = NULL;
        r->ahead[i].hash = r->ahead[i].begun = NULL;
    }
    for (uint32_t j = 0; j < p->state_count; j++) {
        r->own_passes[j] = NULL;
        r->kept[j] = EF_NO_HANDLE;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (inputs[i].port < p->port_count) {
            r->batch[inputs[i].port] = inputs[i].batch;
            if (inputs[i].batch->rows > 1) {
                EF_TRY(ahead_begin(r, inputs[i].port));
            }
        }
    }
    return EF_OK;
}

static ef_status fire(run *r, ef_walk *walk, int64_t cause) {
    pattern *p = r->p;
    for (;;) {
        int64_t due = p->timer_count > 0 ? p->timers[0].due : EF_NEVER, timeout = ef_timers_next(&p->timeout_timers);
        int64_t step = ef_walk_next(walk, timeout < due ? timeout : due, cause);
        if (step < 0) {
            return EF_OK;
        }
        r->port = NO_PORT;
        r->row = 0;
        r->cause = EF_CAUSE(step, p->rank, walk->fired - 1);
        r->clock = r->track->clock[step];
        if (timeout < due) {
            EF_TRY(timeout_fire(r, timeout));
            continue;
        }
        pattern_timer timer;
        timer_pop(p, &timer);
        r->timestamp = timer.due;
        EF_TRY(machine_timer(r, &timer, r->clock));
    }
}

static ef_status take_row(run *r, ef_walk *walk, const ef_input *input, uint32_t row) {
    pattern *p = r->p;
    const ef_batch *batch = input->batch;
    int64_t cause = ef_row_cause(batch, row);
    ahead_of_row(r, input->port, row);
    if (p->timer_count > 0 || p->timeout_timers.count > 0) {
        EF_TRY(fire(r, walk, cause));
    }
    ef_walk_row(walk, cause);
    if (ef_row_kind(batch, row) == EF_RESET) {
        return EF_OK;
    }
    r->port = input->port;
    r->row = row;
    r->slot = ef_row_slot(batch, row);
    r->timestamp = batch->timestamps[row];
    r->cause = cause;
    r->clock = ef_row_clock(batch, row, r->track);
    if (EF_UNLIKELY(r->slot >= p->slots.count || !slot_at(p, r->slot)->started)) {
        EF_TRY(slot_begin(r, r->slot, r->clock));
    }
    return p->is_chain ? chain_event(r) : p->has_straight_rows ? straight_row(r) : machine_event(r);
}

/* Whether the event, which passes no state by itself, finds nothing to do in its slot either: to bring in what is fresh, to drop what is out of WITHIN. */
static bool is_idle(const pattern *p, const ef_batch *batch, uint32_t row) {
    uint32_t slot = ef_row_slot(batch, row);
    if (EF_UNLIKELY(slot >= p->slots.count || p->timer_count > 0)) {
        return false;
    }
    const slot_state *at = slot_at(p, slot);
    return at->started && at->fresh == 0 && !may_expire(p, at, batch->timestamps[row]);
}

/* By columns, all but the first rows; then what waits at the end is brought about by the last rows, which complete nothing. */
static ef_status take_straight(run *r, ef_walk *walk, const ef_input *input) {
    pattern *p = r->p;
    uint32_t rows = input->batch->rows, lead = p->state_count - 1;
    for (uint32_t i = 0; i < lead; i++) {
        EF_TRY(take_row(r, walk, input, i));
    }
    EF_TRY(straight_find(r, input->batch));
    for (uint32_t j = 0; j < p->state_count; j++) {
        EF_TRY(list_clear(p, 0, j, true, r->error));
        EF_TRY(list_clear(p, 0, j, false, r->error));
    }
    for (uint32_t i = rows - lead; i < rows; i++) {
        EF_TRY(take_row(r, walk, input, i));
    }
    return EF_OK;
}

static ef_status take_one_input(run *r, ef_walk *walk, const ef_input *input) {
    if (straight_takes(r->p, input->batch)) {
        return take_straight(r, walk, input);
    }
    const uint8_t *passes;
    EF_TRY(port_passes(r, input->port, &passes));
    for (uint32_t i = 0; i < input->batch->rows; i++) {
        if (passes == NULL || passes[i] || r->p->timeouts || !is_idle(r->p, input->batch, i)) {
            EF_TRY(take_row(r, walk, input, i));
        }
    }
    return fire(r, walk, INT64_MAX);
}

static ef_status take_rows(run *r, const ef_input *inputs, uint32_t count) {
    if (timeless_takes(r->p, count) && !(count == 1 && straight_takes(r->p, inputs[0].batch))) {
        return timeless_rows(r, inputs, count);
    }
    ef_walk walk;
    ef_walk_init(&walk, r->track, r->p->rank);
    if (count == 1) {
        return take_one_input(r, &walk, &inputs[0]);
    }
    uint32_t *at = ef_arena_take(r->arena, (count > 0 ? count : 1) * sizeof *at);
    if (at == NULL) {
        return ef_fail_memory(r->error);
    }
    memset(at, 0, count * sizeof *at);
    for (;;) {
        uint32_t best = count;
        for (uint32_t i = 0; i < count; i++) {
            if (at[i] == inputs[i].batch->rows) {
                continue;
            }
            if (best == count) {
                best = i;
                continue;
            }
            int64_t mine = ef_row_cause(inputs[i].batch, at[i]), its = ef_row_cause(inputs[best].batch, at[best]);
            if (mine < its || (mine == its && inputs[i].order < inputs[best].order)) {
                best = i;
            }
        }
        if (best == count) {
            return fire(r, &walk, INT64_MAX);
        }
        EF_TRY(take_row(r, &walk, &inputs[best], at[best]++));
    }
}

static ef_status pattern_process(void *self, const ef_input *inputs, uint32_t count, const ef_track *track, ef_out *out,
                                 ef_error *error) {
    pattern *p = self;
    run r;
    r.p = p;
    r.track = track;
    r.out = out;
    r.arena = out->arena;
    r.error = error;
    if (EF_UNLIKELY(p->pages == NULL)) {
        p->pages = ef_pages_new(p->alloc);
        if (p->pages == NULL) {
            return ef_fail_memory(error);
        }
    }
    EF_TRY(begin_run(&r, inputs, count));
    ef_status status = EF_OK;
    if (EF_UNLIKELY(!is_begun(p))) {
        p->begun = true;
        status = slot_begin(&r, 0, p->playback ? 0 : track->clock[0]);
    }
    if (status == EF_OK) {
        status = take_rows(&r, inputs, count);
    }
    if (status == EF_OK) {
        status = r.straight != NULL ? straight_finish(&r, inputs[0].batch) : found_finish(&r);
    }
    if (EF_UNLIKELY(status != EF_OK)) {
        pattern_forget(p);
        p->begun = true;
    }
    return status;
}

/* ---- the rest of the operator ---- */

static void pattern_purge(void *self, uint32_t slot) {
    pattern *p = self;
    if (slot == EF_ALL_SLOTS) {
        pattern_forget(p);
        return;
    }
    if (slot >= p->slots.count) {
        return;
    }
    slot_state *at = slot_at(p, slot);
    for (uint32_t j = 0; j < p->state_count; j++) {
        if (list_clear(p, slot, j, true, NULL) != EF_OK || list_clear(p, slot, j, false, NULL) != EF_OK) {
            pattern_forget(p); /* no memory to write a page that a snapshot holds */
            return;
        }
    }
    ef_timers_set(&p->timeout_timers, slot, EF_NEVER);
    uint32_t generation = at->generation + 1;
    memset(at, 0, p->slots.item_size);
    at->generation = generation;
}

static uint64_t pattern_size(const void *self) {
    const pattern *p = self;
    return p->begun_matches;
}

static ef_status no_create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "a pattern is made by ef_engine_pattern");
}

static ef_status no_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                            ef_error *error) {
    ef_input input = {.batch = batch, .port = port};
    return pattern_process(self, &input, 1, track, out, error);
}

#define PATTERN_CLASS(more_flags)                                              \
    {                                                                          \
        .abi_version = EF_ABI_VERSION,                                         \
        .struct_size = sizeof(ef_operator_class),                              \
        .name = "pattern",                                                     \
        .flags = EF_SLOTS | EF_BATCHED | EF_PORTS | EF_MULTI | (more_flags),   \
        .state_version = 1,                                                    \
        .create = no_create,                                                   \
        .destroy = pattern_destroy,                                            \
        .process = no_process,                                                 \
        .next_due = pattern_next_due,                                          \
        .purge = pattern_purge,                                                \
        .save = ef_pattern_save,                                               \
        .load = ef_pattern_load,                                               \
        .size = pattern_size,                                                  \
        .process_inputs = pattern_process,                                     \
    }

const ef_operator_class ef_pattern_class = PATTERN_CLASS(0);
const ef_operator_class ef_timed_pattern_class = PATTERN_CLASS(EF_TIMERS | EF_READS_CLOCK);
