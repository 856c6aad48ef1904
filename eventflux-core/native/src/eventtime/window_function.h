/* Window functions: TUMBLE, HOP, CUMULATE and SESSION give each row the windows [window_start, window_end) that hold its time.
 *
 *      rows ──> (row, window_start, window_end, window_time = window_end - 1)
 *
 * The time is an attribute, in milliseconds, or the clock. A window closes when the clock has come to its end, and is never opened again: a row whose windows
 * are all closed is gone. Rows go on
 *
 *      at once:  one copy a window. TUMBLE, HOP and CUMULATE then keep nothing;
 *      at close: the rows of a window together, with its window_time as their timestamp. As a batch chunk behind a RESET, so that a selection gives one row
 *                a group; SESSION also without, one delivery of plain rows;
 *      changes:  at once, and as EXPIRED when the window closes, so that a selection forgets its groups.
 *
 * Windows that close together come in the order of their ends; those of equal ends (of several slots) in the order of slots. */
#ifndef EF_EVENTTIME_WINDOW_FUNCTION_H
#define EF_EVENTTIME_WINDOW_FUNCTION_H

#include "graph/engine.h"

typedef enum ef_window_function_kind { EF_TUMBLE = 0, EF_HOP = 1, EF_CUMULATE = 2, EF_SESSION = 3 } ef_window_function_kind;

typedef enum ef_window_emission {
    EF_EMIT_AT_ONCE = 0, /* SESSION: plain rows at the close */
    EF_EMIT_AT_CLOSE = 1,
    EF_EMIT_CHANGES = 2  /* not for SESSION */
} ef_window_emission;

typedef struct ef_window_function_config {
    ef_window_function_kind kind;
    ef_window_emission emission;
    int32_t time_column; /* LONG; -1: the clock */
    int64_t size;        /* of a window; SESSION: the gap */
    int64_t hop;         /* TUMBLE, SESSION: size. HOP, CUMULATE: divides size */
    int64_t offset;      /* windows begin at offset modulo their size (HOP: modulo hop) */
} ef_window_function_config;

#define EF_WINDOW_FUNCTION_COLUMNS 3u /* appended: window_start, window_end, window_time */

extern const ef_operator_class ef_window_pass_class;  /* at once, nothing kept */
extern const ef_operator_class ef_window_rows_class;  /* with timers, plain rows */
extern const ef_operator_class ef_window_chunks_class; /* with timers, batch chunks */

const ef_operator_class *ef_window_function_class(const ef_window_function_config *function);
ef_status ef_window_function_create(const ef_operator_config *config, const ef_window_function_config *function,
                                    void **self, ef_error *error) EF_MUST_USE;

/* Adds one to the present query. */
ef_node_id ef_engine_window_function(ef_engine *engine, ef_node_id from, const ef_window_function_config *function,
                                     bool wants_expired, ef_error *error);

#endif
