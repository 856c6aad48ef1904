/* Rows of several streams in one push, each at its step.
 *
 *      stream A     rows     0     1           2
 *      stream B     rows              0   1
 *      steps                 0     1  2   3    4          each once, rising in every stream
 *
 * A slice, where each of the streams may run as one and, all of them together, no shared object is read and written: a cause comes in by one stream only, so what
 * seal.c has found of the paths from each of them still holds. Otherwise step by step, whichever stream is next. */
#include "graph/entrance.h"
#include "graph/node.h"

static ef_status check_parts(const ef_engine *engine, const ef_part *parts, uint32_t count, uint32_t *rows, ef_error *error) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        const ef_part *part = &parts[i];
        bool fits = ef_is_node(engine, part->stream) && ef_node_at(engine, part->stream)->kind == EF_NODE_STREAM &&
                    ef_node_at(engine, part->stream)->columns == part->rows->columns;
        for (uint32_t j = 0; fits && j < i; j++) {
            fits = parts[j].stream != part->stream;
        }
        if (!fits) {
            return ef_fail(error, EF_INVALID, "the rows do not fit the streams");
        }
        total += part->rows->rows;
    }
    if (total > engine->options.slice_rows) {
        return ef_fail(error, EF_LIMIT, "a slice can have at most %u rows", engine->options.slice_rows);
    }
    *rows = (uint32_t)total;
    return EF_OK;
}

/* The moment of each step, by the timestamps of the rows. */
static int64_t *moments_of(ef_engine *engine, const ef_part *parts, uint32_t count, uint32_t rows) {
    int64_t *moments = ef_arena_take(&engine->arena, rows * sizeof *moments);
    for (uint32_t i = 0; moments != NULL && i < count; i++) {
        for (uint32_t row = 0; row < parts[i].rows->rows; row++) {
            moments[parts[i].steps[row]] = parts[i].rows->timestamps[row];
        }
    }
    return moments;
}

static ef_status enter_slice(ef_engine *engine, const ef_part *part, ef_error *error) {
    ef_batch slice = *part->rows;
    slice.form = EF_EACH_ROW;
    slice.batch_chunk = false;
    slice.causes = ef_arena_take(&engine->arena, slice.rows * sizeof *slice.causes);
    if (slice.causes == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t row = 0; row < slice.rows; row++) {
        slice.causes[row] = EF_CAUSE(part->steps[row], EF_RANK_LAST, 0);
    }
    ef_enter_slice(ef_node_at(engine, part->stream), &slice);
    return EF_OK;
}

static ef_status run_as_slice(ef_engine *engine, const ef_part *parts, uint32_t count, uint32_t rows, int64_t now,
                              ef_error *error) {
    int64_t *clock = moments_of(engine, parts, count, rows);
    uint8_t *quiet = ef_arena_take(&engine->arena, rows);
    if (clock == NULL || quiet == NULL) {
        return ef_fail_memory(error);
    }
    bool playback = engine->options.playback, is_late = false;
    if (!playback) {
        EF_TRY(ef_let_time_go_on(engine, now, error));
    }
    int64_t highest = engine->app.now;
    for (uint32_t step = 0; step < rows; step++) {
        quiet[step] = playback && clock[step] < highest;
        is_late = is_late || quiet[step];
        highest = playback && clock[step] > highest ? clock[step] : highest;
        clock[step] = highest;
    }
    ef_track track = {.clock = clock,
                      .before = engine->app.now,
                      .steps = rows,
                      .max_firings = playback ? UINT32_MAX : 0,
                      .quiet = is_late ? quiet : NULL};
    for (uint32_t i = 0; i < count; i++) {
        if (parts[i].rows->rows > 0) {
            EF_TRY(enter_slice(engine, &parts[i], error));
        }
    }
    ef_status status = ef_run_entered(engine, &track, error);
    if (playback) {
        ef_move_clock(engine, highest);
    }
    return status;
}

static ef_status run_step_by_step(ef_engine *engine, const ef_part *parts, uint32_t count, uint32_t rows, int64_t now,
                                  ef_error *error) {
    for (uint32_t step = 0; step < rows; step++) {
        for (uint32_t i = 0; i < count; i++) {
            const ef_part *part = &parts[i];
            uint32_t low = 0, high = part->rows->rows;
            while (low < high) { /* the steps of a part rise */
                uint32_t middle = low + (high - low) / 2;
                if (part->steps[middle] < step) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            if (low == part->rows->rows || part->steps[low] != step) {
                continue;
            }
            EF_TRY(ef_push_one(engine, ef_node_at(engine, part->stream), part->rows, low, now, error));
            break;
        }
    }
    return EF_OK;
}

ef_status ef_engine_push_parts(ef_engine *engine, const ef_part *parts, uint32_t count, int64_t now, ef_error *error) {
    uint32_t rows = 0;
    EF_TRY(check_parts(engine, parts, count, &rows, error));
    EF_TRY(ef_push_begin(engine, error));
    ef_status status = EF_OK;
    bool together;
    if (rows > 0) {
        status = ef_may_run_together(engine, parts, count, &together, error);
        if (status == EF_OK) {
            status = together ? run_as_slice(engine, parts, count, rows, now, error)
                              : run_step_by_step(engine, parts, count, rows, now, error);
        }
        status = ef_push_settle(engine, status, error);
    }
    return ef_push_finish(engine, status);
}
