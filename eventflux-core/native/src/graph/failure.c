/* The error edge: failed rows, with the row of the query's input stream that was behind them, in order. */
#include <stdio.h>

#include "graph/entrance.h"
#include "graph/node.h"

/* Rows of the stream that the query reads, as they are being delivered. What holds rows for others (a table) has no such stream. */
static const ef_batch *stream_rows(const ef_engine *engine, const ef_node *node, const ef_node **stream) {
    if (node->input_stream < 0) {
        return NULL;
    }
    const ef_node *read = ef_node_at(engine, node->input_stream);
    *stream = read;
    if (read->slice_rows != NULL) {
        return read->slice_rows;
    }
    const ef_node *innermost = NULL;
    const ef_batch *rows = NULL;
    for (uint32_t i = engine->frame_count; i > 0; i--) {
        const ef_frame *frame = &engine->frames[i - 1];
        if (frame->node == read) {
            return &frame->view;
        }
        if (innermost == NULL && frame->node->kind == EF_NODE_STREAM) {
            innermost = frame->node;
            rows = &frame->view;
        }
    }
    for (const ef_passage *passage = engine->passage; passage != NULL; passage = passage->outer) {
        if (passage->stream == read) {
            return &passage->rows;
        }
        if (innermost == NULL) {
            innermost = passage->stream;
            rows = &passage->rows;
        }
    }
    if (innermost == NULL || node->content != NULL) {
        return NULL;
    }
    *stream = innermost; /* a query of several streams */
    return rows;
}

/* The first row with this cause, or -1. Causes rise. */
static int64_t row_of_cause(const ef_batch *rows, int64_t cause) {
    if (rows->causes == NULL) {
        return rows->rows == 1 ? 0 : -1;
    }
    uint32_t low = 0, high = rows->rows;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rows->causes[middle] < cause) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < rows->rows && rows->causes[low] == cause ? (int64_t)low : -1;
}

void ef_record_failure(ef_engine *engine, ef_node *node, const ef_batch *input, uint32_t at, ef_status status,
                       const char *message) {
    node->metrics.errors++;
    const ef_node *stream = NULL;
    const ef_batch *rows = NULL;
    int64_t row = -1;
    if (input != NULL && at < input->rows && ef_entrance_of(node) != NULL && node->input_stream >= 0) {
        stream = ef_node_at(engine, node->input_stream); /* what failed there was on its way into the stream */
        rows = input;
        row = at;
    } else {
        rows = stream_rows(engine, node, &stream);
        row = rows != NULL && input != NULL && at < input->rows ? row_of_cause(rows, ef_row_cause(input, at)) : -1;
        stream = stream != NULL && stream->copy_of >= 0 ? ef_node_at(engine, stream->copy_of) : stream;
    }
    ef_batch one;
    bool is_known = row >= 0 && ef_batch_view(&one, rows, (uint32_t)row, 1, &engine->arena);
    if (is_known && ef_keep_fault(engine, stream, &one, message)) {
        return;
    }
    ef_failure *failure = ef_calloc(&engine->block_alloc, sizeof *failure);
    if (failure == NULL) {
        engine->lost_failures++;
        return;
    }
    failure->node = node->id;
    failure->stream = -1;
    failure->status = status;
    (void)snprintf(failure->message, sizeof failure->message, "%s", message);
    if (is_known) {
        bool empty;
        failure->stream = stream->id;
        failure->block = ef_block_copy(&one, false, &engine->block_alloc, &empty);
        if (failure->block != NULL) {
            ef_block_hold_inside(failure->block, engine);
        }
    }
    *engine->last_failure = failure;
    engine->last_failure = &failure->next;
}

ef_failure *ef_engine_take_failures(ef_engine *engine) {
    ef_failure *first = engine->first_failure;
    engine->first_failure = NULL;
    engine->last_failure = &engine->first_failure;
    return first;
}

void ef_failure_free(ef_engine *engine, ef_failure *failure) {
    ef_block_release(failure->block);
    ef_free(&engine->block_alloc, failure, sizeof *failure);
}
