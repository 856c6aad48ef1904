/* Running time domains: what entrances have released goes through the queries of the domain; see domains.h. */
#include "graph/domains.h"

#include "eventtime/window_function.h"
#include "graph/entrance.h"
#include "match/match.h"
#include "ops/rate_limit.h"
#include "pattern/pattern.h"
#include "window/windows.h"

#define MAX_ROUNDS 100000u

static ef_entrance *entrance_at(ef_engine *engine, uint32_t domain) {
    return ef_entrance_of(ef_node_at(engine, ef_domain_at(engine, domain)->entrance));
}

/* Tells the domains that take rows of `domain` how far it has come. */
static ef_status settle_readers(ef_engine *engine, uint32_t domain, int64_t watermark, bool idle, ef_error *error) {
    int64_t held = ef_reorder_held(entrance_at(engine, domain)->reorder);
    for (uint32_t d = 1; d <= engine->event_count; d++) {
        ef_entrance *reader = entrance_at(engine, d);
        for (uint32_t u = 0; u < reader->upstream_count; u++) {
            if (reader->upstreams[u] == domain) {
                EF_TRY(ef_reorder_settle(reader->reorder, u, watermark, idle, held, error));
            }
        }
    }
    return EF_OK;
}

static void tell_readers(ef_engine *engine, uint32_t domain, const int64_t *ticks, uint32_t steps) {
    for (uint32_t d = 1; d <= engine->event_count; d++) {
        ef_entrance *reader = entrance_at(engine, d);
        for (uint32_t u = 0; u < reader->upstream_count; u++) {
            if (reader->upstreams[u] == domain) {
                ef_reorder_expect(reader->reorder, u, ticks, steps);
            }
        }
    }
}

static ef_status run_domain(ef_engine *engine, uint32_t domain, ef_error *error);

/* One step: the clock, the timers, the row. Behind a tick the domains that read this one are run before the next step. */
static ef_status run_step(ef_engine *engine, uint32_t domain, const ef_released *step, ef_error *error) {
    const ef_entrance *entrance = entrance_at(engine, domain);
    ef_domain *time = ef_domain_at(engine, domain);
    ef_domain *outer = engine->time;
    ef_status status = EF_OK;
    engine->time = time;
    bool moves = step->moment >= time->now;
    ef_move_clock(engine, step->moment);
    if (moves) {
        status = ef_fire_due(engine, error);
    }
    if (status == EF_OK && step->port != EF_TICK) {
        ef_batch row;
        status = ef_reorder_rows(entrance->reorder, step, 1, step->port, &engine->arena, &row, error);
        if (status == EF_OK) {
            status = ef_run_chunk(engine, ef_node_at(engine, entrance->streams[step->port]), &row, error);
        }
    }
    engine->time = outer;
    EF_TRY(status);
    if (step->port != EF_TICK) {
        return EF_OK;
    }
    EF_TRY(settle_readers(engine, domain, step->moment, false, error));
    for (uint32_t d = domain + 1; d <= engine->event_count; d++) {
        EF_TRY(run_domain(engine, d, error));
    }
    return EF_OK;
}

/* Steps whose rows all go into one stream, at once. */
static ef_status run_slice(ef_engine *engine, uint32_t domain, const ef_released *steps, uint32_t count, uint32_t port,
                           ef_error *error) {
    const ef_entrance *entrance = entrance_at(engine, domain);
    ef_domain *time = ef_domain_at(engine, domain);
    ef_batch rows;
    EF_TRY(ef_reorder_rows(entrance->reorder, steps, count, port, &engine->arena, &rows, error));
    int64_t *clock = ef_arena_take(&engine->arena, count * sizeof *clock);
    int64_t *ticks = ef_arena_take(&engine->arena, count * sizeof *ticks);
    uint8_t *quiet = ef_arena_take(&engine->arena, count);
    if (clock == NULL || ticks == NULL || quiet == NULL) {
        return ef_fail_memory(error);
    }
    int64_t highest = time->now, last_tick = EF_BEGINNING;
    bool any_quiet = false;
    for (uint32_t i = 0; i < count; i++) {
        quiet[i] = steps[i].moment < highest; /* below 0: clocks begin there */
        any_quiet = any_quiet || quiet[i] != 0;
        highest = quiet[i] ? highest : steps[i].moment;
        clock[i] = highest;
        ticks[i] = steps[i].port == EF_TICK ? steps[i].moment : EF_BEGINNING;
        last_tick = ticks[i] != EF_BEGINNING ? ticks[i] : last_tick;
    }
    ef_track track = {.clock = clock,
                      .before = time->now,
                      .steps = count,
                      .max_firings = UINT32_MAX,
                      .quiet = any_quiet ? quiet : NULL};
    tell_readers(engine, domain, ticks, count);
    ef_domain *outer = engine->time;
    engine->time = time;
    ef_status status = ef_run_slice(engine, ef_node_at(engine, entrance->streams[port]), &rows, &track, error);
    ef_move_clock(engine, highest);
    engine->time = outer;
    ef_status settled = settle_readers(engine, domain, last_tick, false, error);
    return status != EF_OK ? status : settled;
}

/* How many of the steps go together, and whether as a slice: rows of one stream that need not step, with the ticks between them. */
static uint32_t next_part(ef_engine *engine, const ef_entrance *entrance, const ef_released *steps, uint32_t count,
                          uint32_t *port) {
    uint32_t most = engine->options.slice_rows < EF_MAX_STEPS / 4 ? engine->options.slice_rows : EF_MAX_STEPS / 4;
    uint32_t rows = 0, end = 0;
    *port = EF_TICK;
    for (uint32_t i = 0; i < count && i < 4 * most; i++) {
        if (steps[i].port != EF_TICK) {
            if (*port == EF_TICK) {
                *port = steps[i].port;
            }
            if (steps[i].port != *port || rows == most) {
                break;
            }
            rows++;
        }
        end = i + 1;
    }
    bool slices = *port != EF_TICK && ef_node_at(engine, entrance->streams[*port])->steps == NULL;
    if (!slices) {
        *port = EF_TICK;
    }
    return end;
}

static ef_status run_part(ef_engine *engine, uint32_t domain, ef_error *error) {
    ef_entrance *entrance = entrance_at(engine, domain);
    uint32_t count, port;
    const ef_released *released = ef_reorder_released(entrance->reorder, &count);
    count = next_part(engine, entrance, released, count, &port);
    ef_released *steps = ef_arena_take(&engine->arena, count * sizeof *steps); /* the list may grow while they run */
    if (steps == NULL) {
        return ef_fail_memory(error);
    }
    memcpy(steps, released, count * sizeof *steps);
    ef_reorder_taken(entrance->reorder, count);
    if (port != EF_TICK) {
        return run_slice(engine, domain, steps, count, port, error);
    }
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < count && status == EF_OK; i++) {
        status = run_step(engine, domain, &steps[i], error);
    }
    return status;
}

static uint32_t waiting_steps(const ef_entrance *entrance) {
    uint32_t count;
    (void)ef_reorder_released(entrance->reorder, &count);
    return count;
}

static ef_status run_domain(ef_engine *engine, uint32_t domain, ef_error *error) {
    ef_entrance *entrance = entrance_at(engine, domain);
    EF_TRY(ef_reorder_advance(entrance->reorder, engine->app.now, error));
    while (waiting_steps(entrance) > 0) {
        EF_TRY(run_part(engine, domain, error));
    }
    return settle_readers(engine, domain, ef_reorder_watermark(entrance->reorder),
                          ef_reorder_is_idle(entrance->reorder), error);
}

static ef_status run_rounds(ef_engine *engine, ef_error *error) {
    for (uint32_t round = 0; engine->domains_pending; round++) {
        if (round == MAX_ROUNDS) {
            return ef_fail(error, EF_LIMIT, "rows went through watermarks %u times: the queries never come to rest", MAX_ROUNDS);
        }
        engine->domains_pending = false;
        for (uint32_t d = 1; d <= engine->event_count; d++) {
            EF_TRY(run_domain(engine, d, error));
        }
    }
    return EF_OK;
}

ef_status ef_run_domains(ef_engine *engine, ef_error *error) {
    if (EF_LIKELY(!engine->domains_pending)) {
        return EF_OK;
    }
    ef_status status = run_rounds(engine, error);
    engine->domains_pending = false;
    for (uint32_t d = 1; d <= engine->event_count; d++) {
        ef_entrance *entrance = entrance_at(engine, d);
        ef_reorder_taken(entrance->reorder, waiting_steps(entrance)); /* after a failure: their rows go with the slice */
        int64_t due = ef_entrance_class.next_due(entrance);
        engine->app.earliest = due < engine->app.earliest ? due : engine->app.earliest;
    }
    return status;
}

/* ---- the end ---- */

#define MAX_CLOSINGS 1000000u

/* Windows that put out at a moment what they hold, and row patterns with WITHIN; they have no timer without that. */
static bool closes(const ef_operator_class *operator_class) {
    return operator_class == &ef_window_chunks_class || operator_class == &ef_window_rows_class ||
           operator_class == &ef_time_batch_window_class || operator_class == &ef_hopping_window_class ||
           operator_class == &ef_session_window_class || operator_class == &ef_timed_match_class;
}

static int64_t closing_of(const ef_node *node) {
    if (closes(node->operator_class)) {
        return node->operator_class->next_due(node->self);
    }
    return node->operator_class == &ef_timed_pattern_class ? ef_pattern_next_timeout(node->self) : EF_NEVER;
}

/* When the next window of the domain closes that holds rows, or a match runs out of WITHIN that tells it; EF_NEVER: none does. */
static int64_t next_closing(ef_engine *engine, uint32_t domain) {
    const ef_domain *time = ef_domain_at(engine, domain);
    int64_t next = EF_NEVER;
    for (uint32_t t = 0; t < time->timer_count; t++) {
        int64_t due = closing_of(ef_node_at(engine, time->timers[t]));
        next = due < next ? due : next;
    }
    return next;
}

static ef_status finish_domain(ef_engine *engine, uint32_t domain, ef_error *error) {
    ef_reorder *reorder = entrance_at(engine, domain)->reorder;
    EF_TRY(ef_reorder_finish(reorder, EF_BEGINNING, error));
    engine->domains_pending = true;
    EF_TRY(ef_run_domains(engine, error));
    for (uint32_t closing = 0; closing < MAX_CLOSINGS; closing++) {
        int64_t due = next_closing(engine, domain);
        if (due == EF_NEVER) {
            break;
        }
        EF_TRY(ef_reorder_finish(reorder, due, error));
        engine->domains_pending = true;
        EF_TRY(ef_run_domains(engine, error));
    }
    return EF_OK;
}

/* What rate limiters have collected goes out, each through everything downstream, in the order of the text. */
static ef_status finish_rates(ef_engine *engine, ef_error *error) {
    ef_status status = EF_OK;
    for (uint32_t n = 0; n < engine->node_count && status == EF_OK; n++) {
        ef_node *node = ef_node_at(engine, (ef_node_id)n);
        if (node->kind != EF_NODE_OPERATOR ||
            (node->operator_class != &ef_rate_events_class && node->operator_class != &ef_rate_ticks_class)) {
            continue;
        }
        const ef_batch nothing = {.columns = 0, .form = EF_WHOLE};
        engine->time = ef_domain_at(engine, node->domain);
        ef_track quiet = {.clock = &engine->time->now, .before = engine->time->before, .steps = 1, .max_firings = 0};
        ef_out out;
        ef_out_init(&out, &engine->arena, &nothing);
        status = ef_rate_end(node->self, &out, error);
        if (status == EF_OK && out.result.rows > 0) {
            status = ef_run_depth_first(engine, node, &out.result, &quiet, error);
        }
        engine->time = &engine->app;
    }
    return status;
}

ef_status ef_engine_finish(ef_engine *engine, ef_error *error) {
    EF_TRY(ef_push_begin(engine, error));
    ef_status status = EF_OK;
    for (uint32_t d = 1; d <= engine->event_count && status == EF_OK; d++) {
        status = finish_domain(engine, d, error);
    }
    return ef_push_finish(engine, status == EF_OK ? finish_rates(engine, error) : status);
}
