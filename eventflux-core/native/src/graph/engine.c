/* The engine: life, clock, pushes. */
#include "graph/entrance.h"
#include "graph/measure.h"
#include "graph/node.h"
#include "ops/select.h"
#include "time/clock.h"


ef_status ef_engine_new(const ef_engine_options *options, ef_engine **engine, ef_error *error) {
    /* The budget lives inside the engine, so the engine itself is counted by hand. */
    ef_budget first;
    ef_alloc first_alloc;
    ef_budget_init(&first, 0);
    ef_alloc_init(&first_alloc, &first);
    ef_engine *made = ef_calloc(&first_alloc, sizeof *made);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    ef_budget_init(&made->budget, options->memory_limit);
    ef_alloc_init(&made->alloc, &made->budget);
    ef_alloc_init(&made->slice_alloc, &made->budget);
    ef_alloc_init(&made->block_alloc, &made->budget);
    ef_arena_init(&made->arena, &made->slice_alloc);
    ef_random_seed(&made->random, options->seed);
    made->options = *options;
    if (made->options.slice_rows == 0) {
        made->options.slice_rows = EF_SLICE_ROWS;
    }
    if (made->options.slice_rows >= EF_MAX_STEPS) {
        made->options.slice_rows = EF_MAX_STEPS - 1;
    }
    made->query_stream = -1;
    made->partition = -1;
    made->app.earliest = EF_NEVER;
    made->app.is_event_time = options->playback;
    made->app.entrance = -1;
    made->time = &made->app;
    made->last_delivery = &made->first_delivery;
    made->last_failure = &made->first_failure;
    made->last_fault = &made->first_fault;
    ef_spare_block_init(&made->spare);
    atomic_init(&made->holders, 1);
    *engine = made;
    return EF_OK;
}

ef_spare_block *ef_engine_spare_block(ef_engine *engine) {
    return &engine->spare;
}

void ef_engine_retain(ef_engine *engine) {
    atomic_fetch_add_explicit(&engine->holders, 1, memory_order_relaxed);
}

#define HOLDS_AT_ONCE 256u

void ef_engine_retain_inside(ef_engine *engine) {
    if (engine->holds_ahead == 0) {
        atomic_fetch_add_explicit(&engine->holders, HOLDS_AT_ONCE, memory_order_relaxed);
        engine->holds_ahead = HOLDS_AT_ONCE;
    }
    engine->holds_ahead--;
}

static void release(ef_engine *engine, uint32_t holds) {
    /* Pairs with itself: the last holder sees what the others freed. */
    if (atomic_fetch_sub_explicit(&engine->holders, holds, memory_order_acq_rel) == holds) {
        ef_budget last;
        ef_alloc last_alloc;
        ef_budget_init(&last, 0);
        ef_alloc_init(&last_alloc, &last);
        ef_free(&last_alloc, engine, sizeof *engine);
    }
}

void ef_engine_release(ef_engine *engine) {
    release(engine, 1);
}

void ef_engine_free(ef_engine *engine) {
    if (engine == NULL) {
        return;
    }
    ef_spare_block_close(&engine->spare);
    ef_delivery *delivery = ef_engine_take(engine);
    while (delivery != NULL) {
        ef_delivery *next = delivery->next;
        ef_block_release(delivery->block);
        delivery = next;
    }
    ef_failure *failure = ef_engine_take_failures(engine);
    while (failure != NULL) {
        ef_failure *next = failure->next;
        ef_failure_free(engine, failure);
        failure = next;
    }
    ef_free(&engine->alloc, engine->order, (engine->graph_count > 0 ? engine->graph_count : 1) * sizeof *engine->order);
    ef_engine_free_nodes(engine);
    ef_free(&engine->alloc, engine->app.timers, engine->app.timer_count * sizeof *engine->app.timers);
    for (uint32_t d = 0; d < engine->event_count; d++) {
        ef_domain *domain = engine->events[d];
        ef_free(&engine->alloc, domain->timers, domain->timer_count * sizeof *domain->timers);
        ef_free(&engine->alloc, domain, sizeof *domain);
    }
    ef_free(&engine->alloc, engine->events, engine->event_capacity * sizeof *engine->events);
    ef_free(&engine->alloc, engine->nodes, engine->node_capacity * sizeof *engine->nodes);
    ef_free(&engine->alloc, engine->frames, engine->frame_capacity * sizeof *engine->frames);
    ef_free(&engine->alloc, engine->query_name, engine->query_name_size);
    for (uint32_t i = 0; i < engine->shared_count; i++) {
        ef_free(&engine->alloc, engine->shared_names[i], strlen(engine->shared_names[i]) + 1);
    }
    ef_measure_free(engine);
    ef_zone_clear(&engine->zone, &engine->alloc);
    ef_free(&engine->alloc, engine->shared_names, engine->shared_capacity * sizeof *engine->shared_names);
    ef_arena_clear(&engine->arena);
    engine->order = NULL;
    release(engine, 1 + engine->holds_ahead);
}

ef_alloc *ef_engine_alloc(ef_engine *engine) {
    return &engine->alloc;
}

ef_alloc *ef_engine_block_alloc(ef_engine *engine) {
    return &engine->block_alloc;
}

ef_status ef_engine_set_zone(ef_engine *engine, uint32_t count, const int64_t *from, const int64_t *offset, ef_error *error) {
    ef_zone_clear(&engine->zone, &engine->alloc);
    return ef_zone_init(&engine->zone, &engine->alloc, count, from, offset, error);
}

void ef_engine_set_host(ef_engine *engine, const ef_host *host) {
    engine->host = *host;
}

void ef_end_slice(ef_engine *engine) {
    if (EF_UNLIKELY(engine->measure != NULL)) {
        ef_measure_end_slice(engine->measure);
    }
    (void)ef_take_faults(engine); /* none are left, but of a push that failed as a whole */
    ef_arena_reset(&engine->arena);
    ef_pages_reclaim_all(&engine->budget);
}

static void record_failures(ef_engine *engine, ef_node *node, const ef_batch *input, ef_status status, const ef_error *problem,
                            ef_out *out) {
    if (status != EF_OK) {
        out->result.rows = 0;
        ef_record_failure(engine, node, input, 0, status, problem->message);
    }
    for (uint32_t i = 0; i < out->failed_count; i++) {
        ef_record_failure(engine, node, input, out->failed[i].at, EF_ROW, out->failed[i].message);
    }
}

/* After a call: failures to the queue, figures, the due time. */
static inline void settle_call(ef_engine *engine, ef_node *node, const ef_batch *input, ef_status status,
                               const ef_error *problem, ef_out *out) {
    if (EF_UNLIKELY(status != EF_OK || out->failed_count > 0)) {
        record_failures(engine, node, input, status, problem, out);
    }
    node->metrics.rows_out += out->result.rows;
    if ((node->operator_class->flags & EF_TIMERS) != 0) {
        int64_t due = node->operator_class->next_due(node->self);
        ef_domain *domain = ef_domain_at(engine, node->domain);
        if (due < domain->earliest) {
            domain->earliest = due;
        }
    }
}

static inline void call_operator(ef_engine *engine, ef_node *node, uint32_t port, const ef_batch *batch, const ef_track *track,
                                 ef_out *out) {
    ef_error problem;
    problem.message[0] = '\0';
    node->metrics.calls++;
    node->metrics.rows_in += batch->rows;
    int64_t began = EF_UNLIKELY(engine->measure != NULL) ? ef_monotonic_ns() : 0;
    ef_status status = node->operator_class->process(node->self, port, batch, track, out, &problem);
    if (EF_UNLIKELY(engine->measure != NULL)) {
        ef_measure_call(engine->measure, node, began);
    }
    settle_call(engine, node, batch, status, &problem, out);
}

void ef_call_operator(ef_engine *engine, ef_node *node, uint32_t port, const ef_batch *batch, const ef_track *track,
                      ef_out *out) {
    call_operator(engine, node, port, batch, track, out);
}

static ef_out *call_few(ef_engine *engine, ef_node *node, const ef_out *rows, const ef_track *track, ef_out *out) {
    const ef_batch input = {.rows = rows->rows, .columns = 0, .timestamps = rows->timestamp, .causes = rows->cause, .form = EF_WHOLE};
    ef_error problem;
    problem.message[0] = '\0';
    node->metrics.calls++;
    node->metrics.rows_in += rows->rows;
    ef_out_init(out, &engine->arena, &input);
    ef_status status = ef_select_few(node->self, rows, track, out, &problem);
    settle_call(engine, node, &input, status, &problem, out);
    return out;
}

ef_out *ef_call_operators(ef_engine *engine, ef_node **node, uint32_t port, const ef_batch *batch, const ef_track *track,
                          ef_out *outs) {
    ef_node *called = *node;
    if ((called->operator_class->flags & EF_PORTS) != 0) {
        ef_input input = {.batch = batch, .port = port};
        ef_call_ports(engine, called, &input, 1, track, &outs[0]);
        return &outs[0];
    }
    ef_out_init(&outs[0], &engine->arena, batch);
    outs[0].may_stay = called->few_reader != NULL && called->tap_count == 0;
    call_operator(engine, called, port, batch, track, &outs[0]);
    if (!outs[0].stays || outs[0].result.rows == 0) {
        return &outs[0];
    }
    *node = called->few_reader;
    return call_few(engine, *node, &outs[0], track, &outs[1]);
}

void ef_call_ports(ef_engine *engine, ef_node *node, const ef_input *inputs, uint32_t count, const ef_track *track,
                   ef_out *out) {
    static const ef_batch NOTHING = {.columns = 0, .form = EF_WHOLE};
    const ef_batch *first = count > 0 ? inputs[0].batch : &NOTHING;
    ef_error problem;
    problem.message[0] = '\0';
    node->metrics.calls++;
    for (uint32_t i = 0; i < count; i++) {
        node->metrics.rows_in += inputs[i].batch->rows;
    }
    ef_out_init(out, &engine->arena, first);
    int64_t began = EF_UNLIKELY(engine->measure != NULL) ? ef_monotonic_ns() : 0;
    ef_status status = node->operator_class->process_inputs(node->self, inputs, count, track, out, &problem);
    if (EF_UNLIKELY(engine->measure != NULL)) {
        ef_measure_call(engine->measure, node, began);
    }
    settle_call(engine, node, first, status, &problem, out);
}

/* ---- pushes ---- */

ef_status ef_push_begin(ef_engine *engine, ef_error *error) {
    if (!engine->sealed) {
        return ef_fail(error, EF_STATE, "the graph is not sealed yet");
    }
    if (engine->running) {
        return ef_fail(error, EF_STATE, "a function called by a query cannot send, query or persist");
    }
    engine->running = true;
    return EF_OK;
}

ef_status ef_push_finish(ef_engine *engine, ef_status status) {
    engine->frame_count = 0;
    ef_end_slice(engine);
    engine->running = false;
    return status;
}

void ef_move_clock(ef_engine *engine, int64_t now) {
    engine->time->before = engine->time->now;
    if (now > engine->time->now) {
        engine->time->now = now;
    }
}

ef_status ef_run_chunk(ef_engine *engine, ef_node *target, const ef_batch *rows, ef_error *error) {
    ef_batch chunk = *rows;
    chunk.form = EF_WHOLE;
    chunk.batch_chunk = false;
    if (!ef_number_rows(engine, &chunk)) {
        return ef_fail_memory(error);
    }
    ef_track track = {.clock = &engine->time->now, .before = engine->time->before, .steps = 1, .max_firings = 0};
    if (target->kind == EF_NODE_OPERATOR) {
        return ef_run_into(engine, target, &chunk, &track, error);
    }
    target->metrics.rows_in += rows->rows;
    return ef_run_depth_first(engine, target, &chunk, &track, error);
}

/* Rows at the clock as it stands: that of the stream's own domain. */
static ef_status run_standing(ef_engine *engine, ef_node *target, const ef_batch *rows, ef_error *error) {
    engine->time = ef_domain_at(engine, target->domain);
    ef_status status = ef_run_chunk(engine, target, rows, error);
    engine->time = &engine->app;
    EF_TRY(status);
    return ef_run_domains(engine, error);
}

/* One step: the clock, the timers, then the rows as one delivery. In playback rows below the clock move nothing: no timer runs. */
static ef_status push_step(ef_engine *engine, ef_node *stream, const ef_batch *rows, int64_t clock, ef_error *error) {
    bool moves = clock >= engine->app.now || !engine->options.playback;
    ef_move_clock(engine, clock);
    if (moves) {
        EF_TRY(ef_fire_due(engine, error));
        EF_TRY(ef_run_domains(engine, error));
    }
    return run_standing(engine, stream, rows, error);
}

ef_status ef_push_one(ef_engine *engine, ef_node *stream, const ef_batch *rows, uint32_t row, int64_t now, ef_error *error) {
    ef_batch one;
    if (!ef_batch_view(&one, rows, row, 1, &engine->arena)) {
        return ef_fail_memory(error);
    }
    ef_node *node = stream->entrance >= 0 ? ef_node_at(engine, stream->entrance) : stream;
    ef_status status = push_step(engine, node, &one, engine->options.playback ? rows->timestamps[row] : now, error);
    engine->frame_count = 0;
    ef_end_slice(engine);
    return status;
}

static ef_status push_row_by_row(ef_engine *engine, ef_node *stream, const ef_batch *rows, int64_t now,
                                 ef_error *error) {
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < rows->rows && status == EF_OK; i++) {
        status = ef_push_one(engine, stream, rows, i, now, error);
    }
    return status;
}

ef_status ef_let_time_go_on(ef_engine *engine, int64_t now, ef_error *error) {
    ef_move_clock(engine, now);
    EF_TRY(ef_fire_due(engine, error));
    return ef_run_domains(engine, error);
}

/* In playback the clock runs along the rows; on the wall clock it stands still within a slice, and what is due has fired before. */
static ef_status push_as_slice(ef_engine *engine, ef_node *stream, const ef_batch *rows, int64_t now,
                               ef_error *error) {
    ef_batch slice = *rows;
    slice.form = EF_EACH_ROW;
    slice.batch_chunk = false;
    if (engine->needs_causes) {
        slice.causes = ef_arena_take(&engine->arena, rows->rows * sizeof *slice.causes);
        if (slice.causes == NULL) {
            return ef_fail_memory(error);
        }
        for (uint32_t i = 0; i < rows->rows; i++) {
            slice.causes[i] = EF_CAUSE(i, EF_RANK_LAST, 0);
        }
    }
    if (!engine->options.playback) {
        EF_TRY(ef_let_time_go_on(engine, now, error));
        int64_t *clock = ef_arena_take(&engine->arena, rows->rows * sizeof *clock);
        if (clock == NULL) {
            return ef_fail_memory(error);
        }
        for (uint32_t i = 0; i < rows->rows; i++) {
            clock[i] = engine->app.now;
        }
        ef_track track = {
            .clock = clock, .before = engine->app.now, .steps = engine->needs_causes ? rows->rows : 1, .max_firings = 0};
        return ef_run_slice(engine, stream, &slice, &track, error);
    }
    int64_t *clock = ef_arena_take(&engine->arena, rows->rows * sizeof *clock);
    if (clock == NULL) {
        return ef_fail_memory(error);
    }
    int64_t highest = engine->app.now;
    uint32_t late = 0;
    for (uint32_t i = 0; i < rows->rows; i++) {
        late += rows->timestamps[i] < highest;
        highest = rows->timestamps[i] > highest ? rows->timestamps[i] : highest;
        clock[i] = highest;
    }
    uint8_t *quiet = NULL;
    if (late > 0) {
        quiet = ef_arena_take(&engine->arena, rows->rows);
        if (quiet == NULL) {
            return ef_fail_memory(error);
        }
        for (uint32_t i = 0; i < rows->rows; i++) {
            quiet[i] = rows->timestamps[i] < clock[i];
        }
    }
    ef_track track = {.clock = clock,
                      .before = engine->app.now,
                      .steps = engine->needs_causes ? rows->rows : 1,
                      .max_firings = UINT32_MAX,
                      .quiet = quiet};
    if (track.steps == 1) {
        track.quiet = NULL;
        track.clock = &clock[rows->rows - 1]; /* nobody reads it */
    }
    ef_status status = ef_run_slice(engine, stream, &slice, &track, error);
    ef_move_clock(engine, highest);
    return status;
}

ef_status ef_push_settle(ef_engine *engine, ef_status status, ef_error *error) {
    if (EF_UNLIKELY(status == EF_OK && engine->first_fault != NULL)) {
        status = ef_run_faults(engine, error);
    }
    if (status == EF_OK) {
        status = ef_run_domains(engine, error);
    }
    ef_join_bulk(engine);
    return status;
}

ef_status ef_engine_push(ef_engine *engine, ef_node_id stream, const ef_batch *rows, ef_meaning meaning, int64_t now,
                         ef_error *error) {
    if (stream < 0 || (uint32_t)stream >= engine->node_count ||
        ef_node_at(engine, stream)->kind != EF_NODE_STREAM || ef_node_at(engine, stream)->columns != rows->columns) {
        return ef_fail(error, EF_INVALID, "the rows do not fit the stream");
    }
    if (meaning == EF_STREAM_MEANING && rows->rows > engine->options.slice_rows) {
        return ef_fail(error, EF_LIMIT, "a slice can have at most %u rows", engine->options.slice_rows);
    }
    EF_TRY(ef_push_begin(engine, error));
    ef_node *node = ef_node_at(engine, stream);
    if (node->entrance >= 0) {
        node = ef_node_at(engine, node->entrance);
    }
    ef_status status;
    if (rows->rows == 0) {
        status = EF_OK;
    } else if (meaning == EF_START_MEANING) {
        status = run_standing(engine, node, rows, error);
    } else if (meaning == EF_CHUNK_MEANING || rows->rows == 1) {
        int64_t clock = engine->options.playback ? rows->timestamps[rows->rows - 1] : now;
        status = push_step(engine, node, rows, clock, error);
    } else {
        status = node->steps != NULL || node->domain > 0 ? push_row_by_row(engine, node, rows, now, error)
                                                         : push_as_slice(engine, node, rows, now, error);
        status = ef_push_settle(engine, status, error);
    }
    return ef_push_finish(engine, status);
}

ef_status ef_engine_advance(ef_engine *engine, int64_t now, ef_error *error) {
    EF_TRY(ef_push_begin(engine, error));
    ef_move_clock(engine, now);
    ef_status status = ef_fire_due(engine, error);
    status = status == EF_OK ? ef_run_domains(engine, error) : status;
    if (!engine->options.playback) {
        ef_join_firings(engine);
    }
    return ef_push_finish(engine, status);
}

bool ef_engine_needs_clock(const ef_engine *engine) {
    return engine->needs_clock;
}

int64_t ef_engine_now(const ef_engine *engine) {
    return engine->app.now;
}

int64_t ef_engine_next_due(const ef_engine *engine) {
    int64_t earliest = EF_NEVER;
    for (uint32_t i = 0; i < engine->app.timer_count; i++) {
        const ef_node *node = ef_node_at(engine, engine->app.timers[i]);
        int64_t due = node->operator_class->next_due(node->self);
        earliest = due < earliest ? due : earliest;
    }
    return earliest;
}

uint32_t ef_engine_slice_rows(const ef_engine *engine) {
    return engine->options.slice_rows;
}

ef_status ef_engine_metrics(const ef_engine *engine, ef_node_id id, ef_node_metrics *metrics) {
    if (id < 0 || (uint32_t)id >= engine->node_count) {
        return EF_NOT_FOUND;
    }
    const ef_node *node = ef_node_at(engine, id);
    *metrics = node->metrics;
    metrics->memory = atomic_load_explicit(&node->alloc.used, memory_order_relaxed);
    metrics->held = node->kind == EF_NODE_OPERATOR && node->operator_class->size != NULL
                        ? node->operator_class->size(node->self)
                        : 0;
    return EF_OK;
}

int64_t ef_engine_memory(const ef_engine *engine) {
    return atomic_load_explicit(&engine->budget.used, memory_order_relaxed);
}
