/* The error edge: failed rows, with the row of the query's input stream that was behind them, in order. */
#include <stdio.h>

#include "graph/entrance.h"
#include "graph/node.h"

/* Streams whose rows are being handed on, from the innermost outwards: frames, then passages. */
typedef struct open_streams {
    const ef_engine *engine;
    uint32_t frame;
    const ef_passage *passage;
    const ef_node *stream;
    const ef_batch *rows;
} open_streams;

static bool next_stream(open_streams *open) {
    while (open->frame > 0) {
        const ef_frame *frame = &open->engine->frames[--open->frame];
        if (frame->node->kind == EF_NODE_STREAM) {
            open->stream = frame->node;
            open->rows = &frame->view;
            return true;
        }
    }
    if (open->passage == NULL) {
        return false;
    }
    open->stream = open->passage->stream;
    open->rows = &open->passage->rows;
    open->passage = open->passage->outer;
    return true;
}

/* Rows of the stream that the query reads, as they are being delivered; behind a hidden stream those of the first one outwards that is none. What holds rows for
 * others (a table) has no stream but its own. */
static const ef_batch *stream_rows(const ef_engine *engine, const ef_node *node, const ef_node **stream) {
    if (node->input_stream < 0) {
        return NULL;
    }
    const ef_node *read = ef_node_at(engine, node->input_stream);
    *stream = read;
    if (read->slice_rows != NULL) {
        return read->slice_rows;
    }
    open_streams open = {.engine = engine, .frame = engine->frame_count, .passage = engine->passage};
    open_streams innermost = {.stream = NULL}, found = {.stream = NULL};
    while (found.stream == NULL && next_stream(&open)) {
        innermost = innermost.stream == NULL ? open : innermost;
        found = open.stream == read ? open : found;
    }
    if (node->content != NULL) {
        return found.rows;
    }
    if (found.stream == NULL) { /* a query of several streams */
        found = open = innermost;
    }
    while (open.stream != NULL && open.stream->is_hidden && next_stream(&open)) {
        found = open.stream->is_hidden ? found : open;
    }
    *stream = found.stream != NULL ? found.stream : read;
    return found.rows;
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
