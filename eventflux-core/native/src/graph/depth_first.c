/* The depth-first driver: right by definition, and the judge of the slice driver.
 *
 * A push of one step. Each delivery of a node goes through everything downstream, edge by edge in text order, before the next delivery. A stack of frames
 * instead of recursion: a frame is one batch that a node put out and how far it has been handed on. Its depth is limited, so that a query that feeds its own
 * input for ever ends in an error and not in the memory's end. */
#include "graph/node.h"

#define MAX_FRAMES 100000u

static ef_status frame_push(ef_engine *engine, ef_node *node, const ef_batch *batch, ef_error *error) {
    if (engine->frame_count >= MAX_FRAMES) {
        return ef_fail(error, EF_LIMIT, "rows fed back into '%s' more than %u levels deep: the query never comes to rest",
                       node->name, MAX_FRAMES);
    }
    void *frames = engine->frames;
    ef_status status = ef_grow(&engine->alloc, &frames, &engine->frame_capacity, engine->frame_count + 1,
                               sizeof *engine->frames, error);
    engine->frames = frames;
    EF_TRY(status);
    ef_frame *frame = &engine->frames[engine->frame_count++];
    frame->node = node;
    frame->batch = *batch;
    frame->delivery = 0;
    frame->deliveries = ef_deliveries(batch);
    frame->edge = 0;
    frame->from = 0;
    frame->tapped = false;
    if (frame->deliveries == 1) {
        frame->view = *batch;
        frame->view.form = EF_WHOLE;
    }
    return EF_OK;
}

static void tap_all(ef_engine *engine, const ef_node *node, const ef_batch *batch) {
    for (uint32_t t = 0; t < node->tap_count; t++) {
        ef_tap_batch(engine, ef_node_at(engine, node->taps[t]), batch);
    }
}

static ef_status enter_stream(ef_engine *engine, ef_node *stream, const ef_batch *rows, ef_error *error) {
    stream->metrics.rows_in += rows->rows;
    ef_batch numbered = *rows;
    return stream->is_hidden || ef_number_rows(engine, &numbered) ? frame_push(engine, stream, &numbered, error) : ef_fail_memory(error);
}

/* Rows that just failed, each into its fault stream; the first one's frame is on top. What failed on its way into a time domain goes on at the
 * time of that. */
static ef_status enter_faults(ef_engine *engine, ef_error *error) {
    ef_faulty_row *last = NULL;
    for (ef_faulty_row *fault = ef_take_faults(engine), *next; fault != NULL; fault = next) {
        next = fault->next;
        fault->next = last;
        last = fault;
    }
    for (; last != NULL; last = last->next) {
        EF_TRY(ef_domain_at(engine, last->stream->domain) == engine->time
                   ? enter_stream(engine, last->stream, &last->row, error)
                   : ef_run_fault(engine, last, error));
    }
    return EF_OK;
}

static ef_status enter_operator(ef_engine *engine, ef_node *target, uint32_t port, const ef_batch *rows,
                                const ef_track *track, ef_error *error) {
    ef_out outs[2];
    const ef_out *out = ef_call_operators(engine, &target, port, rows, track, outs);
    if (EF_UNLIKELY(engine->first_fault != NULL)) {
        EF_TRY(enter_faults(engine, error));
    }
    return out->result.rows > 0 ? frame_push(engine, target, &out->result, error) : EF_OK;
}

/* Hands the present delivery of the top frame to one target; what that puts out becomes a frame. */
static ef_status deliver(ef_engine *engine, ef_node *target, uint32_t port, const ef_batch *rows, const ef_track *track,
                         ef_error *error) {
    switch (target->kind) {
    case EF_NODE_STREAM:
        return enter_stream(engine, target, rows, error);
    case EF_NODE_INSERT: {
        ef_batch inserted;
        if (!ef_insert_rows(target, rows, &inserted, &engine->arena)) {
            return ef_fail_memory(error);
        }
        if (inserted.rows == 0) {
            return EF_OK;
        }
        ef_node *into = ef_node_at(engine, target->edges[0].to);
        return into->kind == EF_NODE_STREAM
                   ? enter_stream(engine, into, &inserted, error)
                   : enter_operator(engine, into, target->edges[0].port, &inserted, track, error);
    }
    case EF_NODE_OPERATOR:
        return enter_operator(engine, target, port, rows, track, error);
    case EF_NODE_TAP:
        break;
    }
    return EF_OK;
}

/* Makes the view of the present delivery, and lets an operator's taps (query callbacks) see it before its edges do. */
static ef_status begin_delivery(ef_engine *engine, ef_frame *frame, ef_error *error) {
    if (frame->deliveries > 1) {
        uint32_t end = ef_delivery_end(&frame->batch, frame->delivery);
        if (!ef_batch_view(&frame->view, &frame->batch, frame->from, end - frame->from, &engine->arena)) {
            return ef_fail_memory(error);
        }
        frame->from = end;
    }
    frame->tapped = true;
    if (!frame->node->taps_last) {
        tap_all(engine, frame->node, &frame->view);
    }
    return EF_OK;
}

static ef_status run_frames(ef_engine *engine, uint32_t floor, const ef_track *track, ef_error *error) {
    while (engine->frame_count > floor) {
        ef_frame *frame = &engine->frames[engine->frame_count - 1];
        if (!frame->tapped) {
            EF_TRY(begin_delivery(engine, frame, error));
        }
        if (frame->edge < frame->node->edge_count) {
            ef_edge edge = frame->node->edges[frame->edge++];
            ef_batch rows = frame->view; /* the frames may move while the target runs */
            EF_TRY(deliver(engine, ef_node_at(engine, edge.to), edge.port, &rows, track, error));
            continue;
        }
        if (frame->node->taps_last) {
            tap_all(engine, frame->node, &frame->view);
        }
        frame->edge = 0;
        frame->tapped = false;
        if (++frame->delivery == frame->deliveries) {
            engine->frame_count--;
        }
    }
    return EF_OK;
}

/* What an insert makes of a batch that is ours to change. */
static bool insert_in_place(const ef_node *insert, ef_batch *batch, ef_arena *arena) {
    if (batch->kinds == NULL && !insert->drops_slots) {
        batch->batch_chunk = false;
        batch->rows = insert->current ? batch->rows : 0;
        return true;
    }
    ef_batch inserted;
    bool done = ef_insert_rows(insert, batch, &inserted, arena);
    if (done) {
        *batch = inserted;
    }
    return done;
}

static ef_batch *pass_stream(ef_engine *engine, const ef_node *stream, const ef_batch *rows) {
    ef_passage *passage = ef_arena_take(&engine->arena, sizeof *passage);
    if (passage == NULL) {
        return NULL;
    }
    passage->stream = stream;
    passage->rows = *rows;
    passage->outer = engine->passage;
    engine->passage = passage;
    return &passage->rows;
}

/* Most of a graph is chains: one delivery, one edge, nothing that waits for what is downstream. There the rows go on without a frame, the
 * output of one node being the input of the next. Stops at the first node where there is more to do, with `*rest` what that node put out;
 * `*node` is NULL when the rows are at their end. */
static ef_status go_straight(ef_engine *engine, ef_node **node, const ef_batch *first, ef_batch *rest,
                             const ef_track *track, ef_error *error) {
    ef_out outs[4]; /* two for a call: one pair holds its input */
    ef_node *at = *node;
    ef_batch *batch = rest;
    if (at->kind == EF_NODE_STREAM) {
        batch = pass_stream(engine, at, first);
        if (batch == NULL) {
            return ef_fail_memory(error);
        }
    } else {
        *rest = *first;
    }
    for (uint32_t depth = 0; depth < MAX_FRAMES; depth++) {
        if (ef_deliveries(batch) != 1 || at->edge_count > 1 ||
            (at->edge_count == 1 && at->taps_last && at->tap_count > 0)) {
            break;
        }
        batch->form = EF_WHOLE;
        if (at->tap_count > 0) {
            tap_all(engine, at, batch);
        }
        const ef_edge *edge = at->edges;
        ef_node *target = at->edge_count > 0 ? ef_node_at(engine, edge->to) : NULL;
        if (target != NULL && target->kind == EF_NODE_INSERT) {
            if (!insert_in_place(target, batch, &engine->arena)) {
                return ef_fail_memory(error);
            }
            edge = target->edges;
            target = batch->rows > 0 ? ef_node_at(engine, edge->to) : NULL;
        }
        if (target != NULL && target->kind == EF_NODE_STREAM) {
            target->metrics.rows_in += batch->rows;
            if ((!target->is_hidden && !ef_number_rows(engine, batch)) || (batch = pass_stream(engine, target, batch)) == NULL) {
                return ef_fail_memory(error);
            }
        } else if (target != NULL && target->kind == EF_NODE_OPERATOR) {
            bool in_first = batch == &outs[0].result || batch == &outs[1].result;
            batch = &ef_call_operators(engine, &target, edge->port, batch, track, in_first ? &outs[2] : &outs[0])->result;
            target = batch->rows > 0 ? target : NULL;
            if (EF_UNLIKELY(engine->first_fault != NULL)) {
                at = target;
                break;
            }
        } else {
            target = NULL;
        }
        at = target;
        if (at == NULL) {
            *node = NULL;
            return EF_OK;
        }
    }
    *node = at;
    if (batch != rest) {
        *rest = *batch;
    }
    return EF_OK;
}

ef_status ef_run_depth_first(ef_engine *engine, ef_node *node, const ef_batch *batch, const ef_track *track,
                             ef_error *error) {
    const uint32_t floor = engine->frame_count;
    ef_passage *outer = engine->passage;
    ef_batch rest;
    ef_status status = go_straight(engine, &node, batch, &rest, track, error);
    if (status == EF_OK && EF_UNLIKELY(engine->first_fault != NULL)) {
        status = enter_faults(engine, error);
    }
    if (status == EF_OK && node != NULL) {
        status = frame_push(engine, node, &rest, error);
    }
    if (status == EF_OK && engine->frame_count > floor) {
        status = run_frames(engine, floor, track, error);
    }
    engine->frame_count = floor;
    engine->passage = outer;
    return status;
}

ef_status ef_run_into(ef_engine *engine, ef_node *target, const ef_batch *rows, const ef_track *track, ef_error *error) {
    uint32_t floor = engine->frame_count;
    ef_status status = enter_operator(engine, target, 0, rows, track, error);
    if (status == EF_OK) {
        status = run_frames(engine, floor, track, error);
    }
    engine->frame_count = floor;
    return status;
}

/* One pass over the operators in rank order; each fires all that is due at the clock, one delivery a firing, through everything downstream, before the next
 * firing. What falls due behind the pass waits for the next move of the clock. */
ef_status ef_fire_due(ef_engine *engine, ef_error *error) {
    if (engine->time->earliest > engine->time->now) {
        return EF_OK;
    }
    ef_status status = EF_OK;
    ef_track firing = {.clock = &engine->time->now, .before = engine->time->before, .steps = 1, .max_firings = 1};
    ef_track quiet = {.clock = &engine->time->now, .before = engine->time->before, .steps = 1, .max_firings = 0};
    for (uint32_t i = 0; i < engine->time->timer_count && status == EF_OK; i++) {
        ef_node *node = ef_node_at(engine, engine->time->timers[i]);
        while (status == EF_OK && node->operator_class->next_due(node->self) <= engine->time->now) {
            ef_batch nothing = {.columns = 0, .form = EF_WHOLE};
            ef_out outs[2];
            const ef_out *out = &outs[0];
            ef_node *last = node;
            if ((node->operator_class->flags & EF_PORTS) != 0) {
                ef_call_ports(engine, node, NULL, 0, &firing, &outs[0]);
            } else {
                out = ef_call_operators(engine, &last, 0, &nothing, &firing, outs);
            }
            if (out->result.rows > 0) {
                status = ef_run_depth_first(engine, last, &out->result, &quiet, error);
            }
        }
    }
    ef_domain_look(engine, engine->time);
    return status;
}
