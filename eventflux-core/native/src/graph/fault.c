/* Fault streams: rows that failed in a query of stream S, with their error, as rows of stream !S.
 *
 *      S ──> query ──fails──> [ fault ][ fault ] ──> !S ──> ...
 *
 * A row that fails while a step runs depth first goes on at once, behind what the failing call put out for the other rows, before anything else is
 * handed on: each is a delivery of its own. Pushes in which this can happen step (seal.c), so the order is exact. What fails unforeseen in a slice, for want
 * of memory, goes on behind the slice. A fault stream has no fault stream: what fails in its queries is a failure like others.
 *
 * Faults lie in the slice arena and live no longer than the rows that they show. Keeping one costs O(columns). */
#include "base/object.h"
#include "graph/node.h"

/* [columns of the stream] and then the error, an OBJECT. */
ef_status ef_engine_fault_stream(ef_engine *engine, ef_node_id stream, ef_node_id fault, ef_error *error) {
    if (engine->sealed || !ef_is_node(engine, stream) || !ef_is_node(engine, fault)) {
        return ef_fail(error, EF_INVALID, "a fault stream belongs to a stream of a graph that is being built");
    }
    ef_node *from = ef_node_at(engine, stream);
    const ef_node *to = ef_node_at(engine, fault);
    bool fits = from->kind == EF_NODE_STREAM && to->kind == EF_NODE_STREAM && to->columns == from->columns + 1 &&
                to->types[from->columns] == EF_OBJECT;
    for (uint32_t i = 0; fits && i < from->columns; i++) {
        fits = from->types[i] == to->types[i];
    }
    if (!fits) {
        return ef_fail(error, EF_INVALID, "fault stream '%s' does not fit stream '%s'", to->name, from->name);
    }
    from->fault = fault;
    return EF_OK;
}

static bool error_column(ef_column *column, const char *message, ef_arena *arena) {
    ef_object_writer writer;
    ef_object_writer_init(&writer, arena);
    ef_object_put_error(&writer, message, (uint32_t)strlen(message));
    ef_str *value = ef_arena_take(arena, sizeof *value);
    *column = (ef_column){.type = EF_OBJECT, .values = value};
    return value != NULL && ef_object_writer_take(&writer, value);
}

bool ef_keep_fault(ef_engine *engine, const ef_node *stream, const ef_batch *row, const char *message) {
    if (stream->fault < 0) {
        return false;
    }
    ef_faulty_row *fault = ef_arena_take(&engine->arena, sizeof *fault);
    ef_column *columns = ef_arena_take(&engine->arena, (row->columns + 1) * sizeof *columns);
    if (fault == NULL || columns == NULL || !error_column(&columns[row->columns], message, &engine->arena)) {
        return false;
    }
    if (row->columns > 0) {
        memcpy(columns, row->column, row->columns * sizeof *columns);
    }
    *fault = (ef_faulty_row){.stream = ef_node_at(engine, stream->fault), .row = *row};
    fault->row.column = columns;
    fault->row.columns = row->columns + 1;
    fault->row.slots = NULL;
    fault->row.form = EF_WHOLE;
    fault->row.batch_chunk = false;
    *engine->last_fault = fault;
    engine->last_fault = &fault->next;
    return true;
}

ef_faulty_row *ef_take_faults(ef_engine *engine) {
    ef_faulty_row *first = engine->first_fault;
    engine->first_fault = NULL;
    engine->last_fault = &engine->first_fault;
    return first;
}

ef_status ef_run_fault(ef_engine *engine, ef_faulty_row *fault, ef_error *error) {
    ef_domain *outer = engine->time;
    engine->time = ef_domain_at(engine, fault->stream->domain);
    ef_track track = {.clock = &engine->time->now, .before = engine->time->before, .steps = 1, .max_firings = 0};
    fault->row.causes = NULL; /* its step is over */
    fault->stream->metrics.rows_in++;
    ef_status status = ef_run_depth_first(engine, fault->stream, &fault->row, &track, error);
    engine->time = outer;
    return status;
}

ef_status ef_run_faults(ef_engine *engine, ef_error *error) {
    for (ef_faulty_row *fault = ef_take_faults(engine); fault != NULL; fault = fault->next) {
        EF_TRY(ef_run_fault(engine, fault, error));
    }
    return EF_OK;
}

bool ef_number_rows(ef_engine *engine, ef_batch *rows) {
    if (!engine->fails || rows->rows < 2) {
        return true;
    }
    int64_t cause = ef_row_cause(rows, 0);
    int64_t *causes = ef_arena_take(&engine->arena, rows->rows * sizeof *causes);
    if (causes == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < rows->rows; i++) {
        causes[i] = EF_CAUSE(EF_CAUSE_STEP(cause), EF_CAUSE_RANK(cause), i);
    }
    rows->causes = causes;
    return true;
}
