/* Rows of watermarked streams, put in the order of their own time.
 *
 *      rows ──> buffer by (moment, stream, arrival) ──moment <= W──> released: row, row, tick, row, tick ...
 *
 * The *watermark* W is a promise: what comes later is not older. Two kinds of inputs move it:
 *
 *   - a stream from outside: a row brings its moment in a column, and W becomes the largest moment less the delay. A row older than W is *late*, and the
 *     policy says what becomes of it. A stream that has been silent for the idle timeout no longer holds time back: from then on W runs with the
 *     engine's clock;
 *   - streams of other time domains: their rows come with the clock of their domain, and W is the least of the domains that are not idle, or the highest
 *     of all if all are idle; but never more than the oldest row that still waits in one of them.
 *
 * After each arrival, or other move of W, all rows with a moment <= W are released, then a tick says how far W has come. Who runs the queries takes what was
 * released before the engine goes on (graph/domains.c).
 *
 * Rows that come in order wait in a queue, the others in a heap: O(1) and O(log n) a row. All rows lie in one page store. */
#ifndef EF_EVENTTIME_REORDER_H
#define EF_EVENTTIME_REORDER_H

#include "batch/out.h"
#include "pages/rows.h"

#define EF_BEGINNING INT64_MIN /* a watermark before anything came */

typedef enum ef_late_policy {
    EF_LATE_DROP = 0,   /* counted, and gone */
    EF_LATE_STREAM = 1, /* put out by the operator */
    EF_LATE_ACCEPT = 2, /* released at once, at W */
    EF_LATE_ERROR = 3   /* on the error edge */
} ef_late_policy;

typedef struct ef_reorder_port {
    uint32_t columns;
    const ef_type *types; /* copied */
    int32_t upstream;     /* which of the domains its rows come from; -1: from outside */
    uint32_t time_column; /* from outside: LONG, the moment */
} ef_reorder_port;

typedef struct ef_reorder_config {
    const ef_reorder_port *ports; /* one from outside, or any number from domains */
    uint32_t port_count;
    uint32_t upstream_count;
    int64_t delay;
    int64_t idle_timeout; /* 0: never idle */
    ef_late_policy late;
    ef_alloc *alloc;
} ef_reorder_config;

/* A step of the domain's time: a row of `port`, or with EF_TICK only time. */
#define EF_TICK UINT32_MAX
typedef struct ef_released {
    int64_t moment;
    uint32_t port;
    ef_handle row;
    bool restamps; /* the row's timestamp becomes the moment */
} ef_released;

typedef struct ef_reorder ef_reorder;

ef_status ef_reorder_new(const ef_reorder_config *config, ef_reorder **reorder, ef_error *error) EF_MUST_USE;
void ef_reorder_free(ef_reorder *reorder);
/* As freshly made. */
void ef_reorder_clear(ef_reorder *reorder);

/* ---- arrivals ---- */

/* Rows of a stream from outside, which came at `clock` of the engine. Late rows that go on, and failed ones, are put on `out`. */
ef_status ef_reorder_arrive(ef_reorder *reorder, const ef_batch *batch, int64_t clock, ef_out *out,
                            ef_error *error) EF_MUST_USE;
/* Rows of a domain, along its track. Ticks of the domain that lie before a row count first. */
ef_status ef_reorder_merge(ef_reorder *reorder, const ef_input *inputs, uint32_t count, const ef_track *track,
                           ef_error *error) EF_MUST_USE;
/* The domain runs a slice: its watermark behind each step, EF_BEGINNING where it does not move; NULL: it runs step by step. Borrowed until the settlement. */
void ef_reorder_expect(ef_reorder *reorder, uint32_t upstream, const int64_t *ticks, uint32_t steps);
/* The domain has come to `watermark`, and is idle or not. held: see ef_reorder_held. */
ef_status ef_reorder_settle(ef_reorder *reorder, uint32_t upstream, int64_t watermark, bool idle, int64_t held,
                            ef_error *error) EF_MUST_USE;
/* The engine's clock stands at `clock`: silence makes idle, and moves the watermark of what is. */
ef_status ef_reorder_advance(ef_reorder *reorder, int64_t clock, ef_error *error) EF_MUST_USE;
/* Nothing more will come: all rows are released, and W stands at the last of them, and at `least`, at least. */
ef_status ef_reorder_finish(ef_reorder *reorder, int64_t least, ef_error *error) EF_MUST_USE;

/* When the engine's clock makes the stream idle, or, once it is, brings the watermark to the next row or to `due`, the earliest timer of the domain; EF_NEVER: not
 * without arrivals. */
int64_t ef_reorder_next_due(const ef_reorder *reorder, int64_t due);
/* When the watermark reaches `target` by the clock alone. */
int64_t ef_reorder_when(const ef_reorder *reorder, int64_t target);
/* Another domain's reordering that this one waits for; see ef_reorder_when. */
void ef_reorder_follow(ef_reorder *reorder, uint32_t upstream, const ef_reorder *of);

/* ---- what was released ---- */

/* Steps released and not taken yet; rows stay readable until the end of the slice. */
const ef_released *ef_reorder_released(const ef_reorder *reorder, uint32_t *count);
/* The first `count` of them are taken. */
void ef_reorder_taken(ef_reorder *reorder, uint32_t count);
/* Rows of one port among `count` steps, in order, into a batch with causes by step, counted from 0. */
ef_status ef_reorder_rows(const ef_reorder *reorder, const ef_released *steps, uint32_t count, uint32_t port, ef_arena *arena,
                          ef_batch *batch, ef_error *error) EF_MUST_USE;

int64_t ef_reorder_watermark(const ef_reorder *reorder);
/* Moment of the oldest row that waits here or on the way here; EF_NEVER: none. */
int64_t ef_reorder_held(const ef_reorder *reorder);
bool ef_reorder_is_idle(const ef_reorder *reorder);
uint64_t ef_reorder_late(const ef_reorder *reorder);
uint64_t ef_reorder_size(const ef_reorder *reorder);

/* `clock`: of the domain, saved with its watermark. Nothing may be released and not taken. */
ef_status ef_reorder_save(const ef_reorder *reorder, int64_t clock, ef_writer *writer, ef_error *error) EF_MUST_USE;
ef_status ef_reorder_load(ef_reorder *reorder, ef_reader *reader, int64_t *clock, ef_error *error) EF_MUST_USE;

#endif
