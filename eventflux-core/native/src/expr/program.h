/* Expression programs: typed, register-based, vector at a time.
 *
 * A program reads the columns of a batch and gives output columns. One register is one column vector (or one constant). The planner builds
 * it instruction by instruction; every operation is named (`add_long`, `less_double`, `upper_string`, ...; the table is
 * expr/operations.def) and typed, so that nothing is decided while rows pass. Nulls by validity bitmaps, with the null rules of the
 * language inside each operation.
 *
 * Operations that can fail, have state or call out run under a mask: begin_mask(r, when) ... end_mask() limits them to rows where the
 * BOOL register r is true (when = 1) or not true (when = 0); masks nest. Pure operations ignore masks. */
#ifndef EF_EXPR_PROGRAM_H
#define EF_EXPR_PROGRAM_H

#include "batch/out.h"

typedef struct ef_program ef_program;
typedef int32_t ef_register; /* < 0: an error status */

/* Calls Python once a batch: function `id`, `count` argument columns of `rows` values each (dense: masked rows are already compressed away), result into
 * `result` (values zeroed, validity all set: the host clears bits of nulls). failed[i] != 0 with a message set through `fail` marks row i as failed.
 * Returns EF_HOST when the call as a whole failed. */
typedef struct ef_host ef_host;
struct ef_host {
    void *context;
    ef_status (*call)(void *context, uint32_t id, uint32_t rows, uint32_t count, const ef_column *arguments,
                      ef_column *result, uint8_t *failed, ef_arena *arena, ef_error *error);
    /* Text of the failure of row i of the last call; borrow until the next call. */
    const char *(*failure)(void *context, uint32_t row);
};

/* Pseudo-random numbers of the engine (UUID(), RAND()): part of its state. xoshiro256**. */
typedef struct ef_random {
    uint64_t state[4];
} ef_random;
void ef_random_seed(ef_random *random, uint64_t seed);
uint64_t ef_random_next(ef_random *random);

/* What a run needs beside the batch. Lives as long as the engine; arena is the slice's. */
typedef struct ef_run {
    ef_arena *arena;
    const ef_track *track;
    ef_host *host;
    ef_random *random;
    ef_out *out; /* failed rows go to its error edge; may be NULL (evaluation outside a graph: the first failure is the status) */
} ef_run;

ef_status ef_program_new(ef_alloc *alloc, uint32_t columns, const ef_type *types, ef_program **program,
                         ef_error *error) EF_MUST_USE;
void ef_program_free(ef_program *program);

/* Builder. Each gives a register, or a negative status with `error` filled. */
ef_register ef_program_column(ef_program *program, uint32_t column, ef_error *error);
/* `value`: as in a column of that type, NULL for the null constant. Strings are copied. */
ef_register ef_program_constant(ef_program *program, ef_type type, const void *value, ef_error *error);
ef_register ef_program_call(ef_program *program, const char *operation, const ef_register *arguments, uint32_t count,
                            ef_error *error);
ef_register ef_program_host_call(ef_program *program, uint32_t function, ef_type returns, const ef_register *arguments,
                                 uint32_t count, ef_error *error);
ef_status ef_program_begin_mask(ef_program *program, ef_register condition, bool when, ef_error *error) EF_MUST_USE;
ef_status ef_program_end_mask(ef_program *program, ef_error *error) EF_MUST_USE;
ef_status ef_program_output(ef_program *program, ef_register value, ef_error *error) EF_MUST_USE;

uint32_t ef_program_outputs(const ef_program *program);
ef_type ef_program_output_type(const ef_program *program, uint32_t output);
ef_type ef_program_register_type(const ef_program *program, ef_register value);
/* True when output i is just input column *column. */
bool ef_program_output_column(const ef_program *program, uint32_t output, uint32_t *column);
/* Some operation reads track clocks, or has state (EF_READS_CLOCK for the node). */
bool ef_program_reads_clock(const ef_program *program);
/* Some operation may put rows on the error edge, which wants to know their causes. */
bool ef_program_can_fail(const ef_program *program);
/* Names and result types of operations, for the planner's checks: NULL beyond the last. */
const char *ef_operation_name(uint32_t index);
bool ef_operation_exists(const char *name);

/* Runs over all rows; outputs[0..ef_program_outputs) are arena columns, or the batch's own where an output is a plain column. Rows that failed are on the error edge
 * and have null outputs; `ok` (bitmap, may be NULL) tells which rows did not fail: *ok stays NULL when none failed. */
ef_status ef_program_run(const ef_program *program, const ef_batch *batch, ef_run *run, ef_column *outputs,
                         uint8_t **ok, ef_error *error) EF_MUST_USE;

/* For a program whose one output is BOOL: rows for which it is true, into rows[batch->rows] (arena); failed rows are not among them. */
ef_status ef_program_select(const ef_program *program, const ef_batch *batch, ef_run *run, uint32_t **rows,
                            uint32_t *count, ef_error *error) EF_MUST_USE;

/* Readable listing of the instructions for `explain`; a NUL-terminated copy in alloc's memory of *size bytes. */
ef_status ef_program_text(const ef_program *program, ef_alloc *alloc, char **text, size_t *size,
                          ef_error *error) EF_MUST_USE;

#endif
