/* The slice driver: many steps at once, operators in topological order.
 *
 * Every operator takes all that it can observe (rows of its edges, its own due timers) in cause order, so each puts out what it would have put out row by row
 * (docs/development/order.md). Rows that meet are merged by cause; seal.c has made sure that this is an order. Per listener all is as under the depth-first driver;
 * listeners are not interleaved. */
#include "graph/node.h"

/* Merges arrivals by (cause, order): rows in rising order, deliveries whole. */
static bool merge_arrivals(const ef_arrival *arrivals, uint32_t count, ef_batch *to, ef_arena *arena);

static ef_status hand_on(ef_engine *engine, ef_node *node, const ef_batch *rows, ef_error *error) {
    for (uint32_t e = 0; e < node->edge_count; e++) {
        ef_node *target = ef_node_at(engine, node->edges[e].to);
        if (target->inbox_count > target->in_edges) {
            return ef_fail(error, EF_STATE, "'%s' got more batches in a slice than it has inputs", target->name);
        }
        ef_arrival *arrival = &target->inbox[target->inbox_count++];
        arrival->batch = *rows;
        arrival->port = node->edges[e].port;
        arrival->order = target->in_order[node->edges[e].in_index];
    }
    for (uint32_t t = 0; t < node->tap_count; t++) {
        ef_tap_batch(engine, ef_node_at(engine, node->taps[t]), rows);
    }
    return EF_OK;
}

static bool is_due(ef_engine *engine, const ef_node *node, const ef_track *track) {
    return track->max_firings > 0 && (node->operator_class->flags & EF_TIMERS) != 0 &&
           ef_domain_at(engine, node->domain) == engine->time &&
           node->operator_class->next_due(node->self) <= track->clock[track->steps - 1];
}

static ef_status run_stream(ef_engine *engine, ef_node *node, ef_error *error) {
    ef_batch *rows = ef_arena_take(&engine->arena, sizeof *rows);
    if (rows == NULL || !merge_arrivals(node->inbox, node->inbox_count, rows, &engine->arena)) {
        return ef_fail_memory(error);
    }
    node->metrics.rows_in += rows->rows;
    node->slice_rows = rows;
    return hand_on(engine, node, rows, error);
}

static ef_status run_insert(ef_engine *engine, ef_node *node, ef_error *error) {
    ef_batch inserted;
    if (!ef_insert_rows(node, &node->inbox[0].batch, &inserted, &engine->arena)) {
        return ef_fail_memory(error);
    }
    return inserted.rows > 0 ? hand_on(engine, node, &inserted, error) : EF_OK;
}

/* Inputs of an operator with ports: the arrivals of each port merged into one. */
static ef_status gather_inputs(ef_engine *engine, ef_node *node, ef_input **inputs, uint32_t *count, ef_error *error) {
    uint32_t arrivals = node->inbox_count;
    *count = 0;
    *inputs = ef_arena_take(&engine->arena, (arrivals > 0 ? arrivals : 1) * sizeof **inputs);
    ef_arrival *group = ef_arena_take(&engine->arena, (arrivals > 0 ? arrivals : 1) * sizeof *group);
    if (*inputs == NULL || group == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t done = 0; done < arrivals;) {
        uint32_t port = UINT32_MAX, size = 0;
        for (uint32_t a = 0; a < arrivals; a++) { /* the lowest port not taken yet */
            uint32_t candidate = node->inbox[a].port;
            bool taken = *count > 0 && candidate <= (*inputs)[*count - 1].port;
            port = !taken && candidate < port ? candidate : port;
        }
        for (uint32_t a = 0; a < arrivals; a++) {
            if (node->inbox[a].port == port) {
                group[size++] = node->inbox[a];
            }
        }
        ef_batch *rows = ef_arena_take(&engine->arena, sizeof *rows);
        if (rows == NULL || !merge_arrivals(group, size, rows, &engine->arena)) {
            return ef_fail_memory(error);
        }
        (*inputs)[(*count)++] = (ef_input){.batch = rows, .port = port, .order = group[0].order};
        done += size;
    }
    return EF_OK;
}

static ef_status run_operator(ef_engine *engine, ef_node *node, const ef_track *track, ef_error *error) {
    ef_out out;
    if ((node->operator_class->flags & EF_PORTS) != 0) {
        ef_input *inputs;
        uint32_t count;
        EF_TRY(gather_inputs(engine, node, &inputs, &count, error));
        ef_call_ports(engine, node, inputs, count, track, &out);
    } else {
        ef_batch rows = {.columns = 0, .form = EF_WHOLE};
        if (node->inbox_count > 0 && !merge_arrivals(node->inbox, node->inbox_count, &rows, &engine->arena)) {
            return ef_fail_memory(error);
        }
        ef_out_init(&out, &engine->arena, &rows);
        ef_call_operator(engine, node, 0, &rows, track, &out);
    }
    return out.result.rows > 0 ? hand_on(engine, node, &out.result, error) : EF_OK;
}

static ef_status run_node(ef_engine *engine, ef_node *node, const ef_track *track, ef_error *error) {
    ef_status status = EF_OK;
    switch (node->kind) {
    case EF_NODE_STREAM:
        status = node->inbox_count > 0 ? run_stream(engine, node, error) : EF_OK;
        break;
    case EF_NODE_INSERT:
        status = node->inbox_count > 0 ? run_insert(engine, node, error) : EF_OK;
        break;
    case EF_NODE_OPERATOR:
        status = node->inbox_count > 0 || is_due(engine, node, track) ? run_operator(engine, node, track, error) : EF_OK;
        break;
    case EF_NODE_TAP:
        break;
    }
    node->inbox_count = 0;
    return status;
}

void ef_enter_slice(ef_node *stream, const ef_batch *batch) {
    /* What queries insert into the pushed stream in the same slice comes from timers, or from rows of other steps: its causes differ from those of the pushed rows. */
    stream->inbox[stream->inbox_count++] = (ef_arrival){.batch = *batch};
}

ef_status ef_run_entered(ef_engine *engine, const ef_track *track, ef_error *error) {
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < engine->graph_count && status == EF_OK; i++) {
        status = run_node(engine, ef_node_at(engine, engine->order[i]), track, error);
    }
    for (uint32_t i = 0; i < engine->graph_count; i++) {
        engine->nodes[i]->inbox_count = 0;
        engine->nodes[i]->slice_rows = NULL;
    }
    return status;
}

ef_status ef_run_slice(ef_engine *engine, ef_node *stream, const ef_batch *batch, const ef_track *track,
                       ef_error *error) {
    ef_enter_slice(stream, batch);
    return ef_run_entered(engine, track, error);
}

/* ---- merging ---- */

/* A place in one of the batches that are merged. */
typedef struct cursor {
    const ef_batch *batch;
    uint32_t order;
    uint32_t row;
    uint32_t delivery;
} cursor;

static bool is_before(const cursor *a, const cursor *b) {
    int64_t x = ef_row_cause(a->batch, a->row), y = ef_row_cause(b->batch, b->row);
    return x < y || (x == y && a->order < b->order);
}

static bool take_merged(ef_batch *to, const ef_batch *shape, uint32_t rows, bool kinds, bool slots, const bool *nulls,
                        ef_arena *arena) {
    *to = (ef_batch){.rows = rows, .columns = shape->columns, .form = EF_ENDS};
    to->column = ef_arena_take(arena, shape->columns * sizeof *to->column);
    to->timestamps = ef_arena_take(arena, rows * sizeof *to->timestamps);
    to->causes = ef_arena_take(arena, rows * sizeof *to->causes);
    to->kinds = kinds ? ef_arena_take(arena, rows) : NULL;
    to->slots = slots ? ef_arena_take(arena, rows * sizeof *to->slots) : NULL;
    to->ends = ef_arena_take(arena, rows * sizeof *to->ends);
    if (to->column == NULL || to->timestamps == NULL || to->causes == NULL || to->ends == NULL ||
        (kinds && to->kinds == NULL) || (slots && to->slots == NULL)) {
        return false;
    }
    for (uint32_t c = 0; c < shape->columns; c++) {
        ef_type type = shape->column[c].type;
        to->column[c].type = type;
        to->column[c].values = ef_arena_take(arena, rows * ef_type_width(type));
        to->column[c].validity = nulls[c] ? ef_arena_take(arena, ef_bitmap_size(rows)) : NULL;
        if (to->column[c].values == NULL || (nulls[c] && to->column[c].validity == NULL)) {
            return false;
        }
        if (nulls[c]) {
            memset(to->column[c].validity, 0, ef_bitmap_size(rows));
        }
    }
    return true;
}

static void copy_rows(ef_batch *to, uint32_t at, const ef_batch *from, uint32_t row, uint32_t count) {
    memcpy(to->timestamps + at, from->timestamps + row, count * sizeof *to->timestamps);
    for (uint32_t i = 0; i < count; i++) {
        to->causes[at + i] = ef_row_cause(from, row + i);
        if (to->kinds != NULL) {
            to->kinds[at + i] = ef_row_kind(from, row + i);
        }
        if (to->slots != NULL) {
            to->slots[at + i] = ef_row_slot(from, row + i);
        }
    }
    for (uint32_t c = 0; c < to->columns; c++) {
        size_t width = ef_type_width(to->column[c].type);
        memcpy((char *)to->column[c].values + at * width, (const char *)from->column[c].values + row * width,
               count * width);
        for (uint32_t i = 0; to->column[c].validity != NULL && i < count; i++) {
            if (!ef_is_null(&from->column[c], row + i)) {
                ef_bit_set(to->column[c].validity, at + i);
            }
        }
    }
}

static bool merge_arrivals(const ef_arrival *arrivals, uint32_t count, ef_batch *to, ef_arena *arena) {
    if (count == 1) {
        *to = arrivals[0].batch;
        return true;
    }
    const ef_batch *shape = &arrivals[0].batch;
    cursor *cursors = ef_arena_take(arena, count * sizeof *cursors);
    bool *nulls = ef_arena_take(arena, shape->columns > 0 ? shape->columns : 1);
    if (cursors == NULL || nulls == NULL) {
        return false;
    }
    uint32_t rows = 0;
    bool kinds = false, slots = false;
    memset(nulls, 0, shape->columns);
    for (uint32_t b = 0; b < count; b++) {
        const ef_batch *batch = &arrivals[b].batch;
        cursors[b] = (cursor){.batch = batch, .order = arrivals[b].order};
        rows += batch->rows;
        kinds = kinds || batch->kinds != NULL;
        slots = slots || batch->slots != NULL;
        for (uint32_t c = 0; c < batch->columns; c++) {
            nulls[c] = nulls[c] || batch->column[c].validity != NULL;
        }
    }
    if (!take_merged(to, shape, rows, kinds, slots, nulls, arena)) {
        return false;
    }
    to->batch_chunk = shape->batch_chunk;
    uint32_t at = 0;
    while (at < rows) {
        cursor *best = NULL;
        for (uint32_t b = 0; b < count; b++) {
            cursor *c = &cursors[b];
            if (c->row < c->batch->rows && (best == NULL || is_before(c, best))) {
                best = c;
            }
        }
        uint32_t end = ef_delivery_end(best->batch, best->delivery);
        copy_rows(to, at, best->batch, best->row, end - best->row);
        at += end - best->row;
        best->row = end;
        best->delivery++;
        to->ends[to->deliveries++] = at;
    }
    return true;
}
