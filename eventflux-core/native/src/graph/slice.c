/* The slice driver: many steps at once, operators in topological order.
 *
 * Every operator takes all that it can observe (rows of its edges, its own due timers) in cause order, so each puts out what it would have put out row by row
 * (docs/development/order.md). Rows that meet are merged by cause; seal.c has made sure that this is an order. Per listener all is as under the depth-first driver;
 * listeners are not interleaved. */
#include "graph/node.h"

/* Merges the batches of an inbox by cause: rows in rising order, deliveries whole. */
static bool merge_inbox(ef_engine *engine, const ef_node *node, ef_batch *to);

static ef_status hand_on(ef_engine *engine, ef_node *node, const ef_batch *rows, ef_error *error) {
    for (uint32_t e = 0; e < node->edge_count; e++) {
        ef_node *target = ef_node_at(engine, node->edges[e].to);
        if (target->inbox_count >= target->in_edges) {
            return ef_fail(error, EF_STATE, "'%s' got more batches in a slice than it has inputs", target->name);
        }
        target->inbox[target->inbox_count++] = *rows;
    }
    for (uint32_t t = 0; t < node->tap_count; t++) {
        ef_tap_batch(engine, ef_node_at(engine, node->taps[t]), rows);
    }
    return EF_OK;
}

static bool has_due_timer(const ef_node *node, const ef_track *track) {
    return track->max_firings > 0 && (node->operator_class->flags & EF_TIMERS) != 0 &&
           node->operator_class->next_due(node->self) <= track->clock[track->steps - 1];
}

static ef_status run_node(ef_engine *engine, ef_node *node, const ef_track *track, ef_error *error) {
    ef_batch rows = {.columns = 0, .form = EF_WHOLE};
    if (node->inbox_count == 1) {
        rows = node->inbox[0];
    } else if (node->inbox_count > 1 && !merge_inbox(engine, node, &rows)) {
        return ef_fail_memory(error);
    }
    node->inbox_count = 0;
    switch (node->kind) {
    case EF_NODE_STREAM: {
        if (rows.rows == 0) {
            return EF_OK;
        }
        node->metrics.rows_in += rows.rows;
        node->slice_rows = ef_arena_take(&engine->arena, sizeof *node->slice_rows);
        if (node->slice_rows == NULL) {
            return ef_fail_memory(error);
        }
        *node->slice_rows = rows;
        return hand_on(engine, node, &rows, error);
    }
    case EF_NODE_INSERT: {
        ef_batch inserted;
        if (rows.rows == 0) {
            return EF_OK;
        }
        if (!ef_insert_rows(node, &rows, &inserted, &engine->arena)) {
            return ef_fail_memory(error);
        }
        return inserted.rows > 0 ? hand_on(engine, node, &inserted, error) : EF_OK;
    }
    case EF_NODE_OPERATOR: {
        if (rows.rows == 0 && !has_due_timer(node, track)) {
            return EF_OK;
        }
        ef_out out;
        ef_out_init(&out, &engine->arena, &rows);
        ef_call_operator(engine, node, 0, &rows, track, &out);
        return out.result.rows > 0 ? hand_on(engine, node, &out.result, error) : EF_OK;
    }
    case EF_NODE_TAP:
        break;
    }
    return EF_OK;
}

ef_status ef_run_slice(ef_engine *engine, ef_node *stream, const ef_batch *batch, const ef_track *track,
                       ef_error *error) {
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < engine->node_count && status == EF_OK; i++) {
        ef_node *node = ef_node_at(engine, engine->order[i]);
        if (node == stream) {
            /* Pushed rows lead; what queries insert into this stream in the same slice comes from timers only, and is merged. */
            ef_batch *inbox = node->inbox;
            uint32_t count = node->inbox_count;
            if (count == 0) {
                node->metrics.rows_in += batch->rows;
                node->slice_rows = ef_arena_take(&engine->arena, sizeof *node->slice_rows);
                if (node->slice_rows == NULL) {
                    status = ef_fail_memory(error);
                    break;
                }
                *node->slice_rows = *batch;
                status = hand_on(engine, node, batch, error);
            } else {
                ef_batch *all = ef_arena_take(&engine->arena, (count + 1) * sizeof *all);
                if (all == NULL) {
                    status = ef_fail_memory(error);
                    break;
                }
                memcpy(all, inbox, count * sizeof *all);
                all[count] = *batch;
                node->inbox = all;
                node->inbox_count = count + 1;
                status = run_node(engine, node, track, error);
                node->inbox = inbox;
            }
        } else if (node->inbox_count > 0 || node->kind == EF_NODE_OPERATOR) {
            status = run_node(engine, node, track, error);
        }
    }
    for (uint32_t i = 0; i < engine->node_count; i++) {
        engine->nodes[i]->inbox_count = 0;
        engine->nodes[i]->slice_rows = NULL;
    }
    return status;
}

/* ---- merging ---- */

/* A place in one of the batches that are merged. */
typedef struct cursor {
    const ef_batch *batch;
    uint32_t row;
    uint32_t delivery;
} cursor;

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

static bool merge_inbox(ef_engine *engine, const ef_node *node, ef_batch *to) {
    ef_arena *arena = &engine->arena;
    uint32_t count = node->inbox_count;
    const ef_batch *shape = &node->inbox[0];
    cursor *cursors = ef_arena_take(arena, count * sizeof *cursors);
    bool *nulls = ef_arena_take(arena, shape->columns > 0 ? shape->columns : 1);
    if (cursors == NULL || nulls == NULL) {
        return false;
    }
    uint32_t rows = 0;
    bool kinds = false, slots = false;
    memset(nulls, 0, shape->columns);
    for (uint32_t b = 0; b < count; b++) {
        const ef_batch *batch = &node->inbox[b];
        cursors[b] = (cursor){.batch = batch};
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
            if (c->row < c->batch->rows &&
                (best == NULL || ef_row_cause(c->batch, c->row) < ef_row_cause(best->batch, best->row))) {
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
