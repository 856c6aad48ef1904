/* The engine: a graph of streams and operators, and the two drivers that move rows through it.
 *
 *      stream ──edge──> filter ──> window ──> select ──> insert ──> stream ──> ...
 *         └─tap                                  └─tap (query)
 *
 * Nodes are added in text order; edges leave a node in the order in which they were added; taps come last. After ef_engine_seal the
 * graph is fixed. Every function here wants the engine lock held, except where it says otherwise (border/ owns the lock).
 *
 * A push is a slice (stream meaning: every row is a step), a chunk (one step), or a tick (a step without rows). See *Order* in docs/development/order.md. */
#ifndef EF_GRAPH_ENGINE_H
#define EF_GRAPH_ENGINE_H

#include "expr/program.h"
#include "graph/block.h"
#include "ops/rate_limit.h"
#include "ops/select.h"
#include "window/expression.h"
#include "window/windows.h"

typedef struct ef_engine ef_engine;
typedef int32_t ef_node_id; /* < 0: a status */

typedef struct ef_engine_options {
    bool playback;            /* clock = running maximum of timestamps given */
    int64_t memory_limit;     /* bytes; 0 = none */
    uint32_t slice_rows;      /* most rows in a slice; 0 = EF_SLICE_ROWS */
    bool depth_first;         /* never use the slice driver (tests: the judge) */
    uint64_t seed;            /* hashing, random numbers */
} ef_engine_options;

ef_status ef_engine_new(const ef_engine_options *options, ef_engine **engine, ef_error *error) EF_MUST_USE;
/* Frees everything but blocks that others still hold; those keep the budget alive until their release. */
void ef_engine_free(ef_engine *engine);
/* Blocks are counted by the engine: who keeps one beyond the engine's life holds the engine's shell by these. Any thread. */
void ef_engine_retain(ef_engine *engine);
/* The same under the engine lock: holds are taken many at a time and handed out one by one, an atomic operation in so many blocks. */
ef_spare_block *ef_engine_spare_block(ef_engine *engine);
void ef_engine_retain_inside(ef_engine *engine);
void ef_engine_release(ef_engine *engine);
ef_alloc *ef_engine_alloc(ef_engine *engine);
ef_alloc *ef_engine_block_alloc(ef_engine *engine);
void ef_engine_set_host(ef_engine *engine, const ef_host *host);
/* Before any node is made: the zone whose calendar triggers and cron windows follow, as its changes (see ef_zone); UTC without. */
ef_status ef_engine_set_zone(ef_engine *engine, uint32_t count, const int64_t *from, const int64_t *offset,
                             ef_error *error) EF_MUST_USE;

/* ---- building: each gives a node, or a negative status ---- */

ef_node_id ef_engine_stream(ef_engine *engine, const char *name, uint32_t columns, const ef_type *types,
                            ef_error *error);
/* Following calls belong to this query: names of operators, ranks. Gives the query's number. */
int32_t ef_engine_query(ef_engine *engine, const char *name, ef_error *error);
/* `from`: a stream or operator. Programs are taken. */
ef_node_id ef_engine_filter(ef_engine *engine, ef_node_id from, ef_program *condition, ef_error *error);
/* New columns = outputs of the program (projection, column pruning, stream functions). */
ef_node_id ef_engine_map(ef_engine *engine, ef_node_id from, ef_program *outputs, ef_error *error);
ef_node_id ef_engine_window(ef_engine *engine, ef_node_id from, const char *name, const ef_param *params,
                            uint32_t count, bool wants_expired, ef_error *error);
/* A window from a class given by address: its output columns are those of its input. */
ef_node_id ef_engine_window_of(ef_engine *engine, ef_node_id from, const ef_operator_class *operator_class,
                               const ef_param *params, uint32_t count, bool wants_expired, ef_error *error);
/* A window bounded by a condition. The programs of the condition are taken. */
ef_node_id ef_engine_expression_window(ef_engine *engine, ef_node_id from, const ef_expression_config *expression,
                                       bool wants_expired, ef_error *error);
/* An operator from a class given by address (plug-ins, the host trampoline). output types given. */
ef_node_id ef_engine_operator(ef_engine *engine, ef_node_id from, const ef_operator_class *operator_class,
                              const ef_param *params, uint32_t count, uint32_t columns, const ef_type *types,
                              bool wants_expired, ef_error *error);
ef_node_id ef_engine_select(ef_engine *engine, ef_node_id from, ef_select_config *select, ef_error *error);
/* A rate limiter behind a selection whose columns beyond limit->visible are group keys. hash_seed is the engine's. */
ef_node_id ef_engine_rate_limit(ef_engine *engine, ef_node_id from, ef_rate_limit_config *limit, ef_error *error);
/* Edge from an operator into a stream, or into the operator of a named window or table: rows of the wanted kinds arrive as CURRENT. */
ef_node_id ef_engine_insert(ef_engine *engine, ef_node_id from, ef_node_id stream, bool current, bool expired,
                            ef_error *error);
/* What a named window publishes: rows of the wanted kinds as they are, each delivery a batch chunk; RESET rows end here. Listeners come last, as on a stream. */
ef_node_id ef_engine_gate(ef_engine *engine, ef_node_id from, bool current, bool expired, ef_error *error);
/* A listener on a stream (as CURRENT rows come) or on a query's last operator (both kinds). May be added and removed after sealing. */
ef_node_id ef_engine_tap(ef_engine *engine, ef_node_id from, ef_error *error);
ef_status ef_engine_remove_tap(ef_engine *engine, ef_node_id tap, ef_error *error) EF_MUST_USE;

/* Rows that fail in the queries of the stream go to the other one, which has its columns and an OBJECT: the error. */
ef_status ef_engine_fault_stream(ef_engine *engine, ef_node_id stream, ef_node_id fault, ef_error *error) EF_MUST_USE;

/* An object that several operators read or write beside the edges (a table, the content of a named window, an aggregation). Gives its number. */
int32_t ef_engine_shared(ef_engine *engine, const char *name, ef_error *error);
/* `node` reads or writes the object. Where one push may both read and write it, or write it by two ways, it steps. */
ef_status ef_engine_access(ef_engine *engine, ef_node_id node, int32_t shared, bool writes, ef_error *error) EF_MUST_USE;

/* Orders the graph, finds regions that must step, computes what each node needs. */
ef_status ef_engine_seal(ef_engine *engine, ef_error *error) EF_MUST_USE;

/* ---- running ---- */

typedef enum ef_meaning {
    EF_STREAM_MEANING = 0, /* each row is an event of its own */
    EF_CHUNK_MEANING = 1,  /* all rows are handled together */
    EF_START_MEANING = 2   /* rows of the start of the app: as a chunk, but time does not begin with them */
} ef_meaning;

/* Rows into a stream; all CURRENT, timestamps set, memory borrowed for the call. Stream meaning: at most slice_rows rows. now: the wall clock (ignored in
 * playback). Fails as a whole only before anything happened (EF_INVALID, EF_STATE, EF_NO_MEMORY before start); later failures of rows and operators go to the error queue. */
ef_status ef_engine_push(ef_engine *engine, ef_node_id stream, const ef_batch *rows, ef_meaning meaning, int64_t now,
                         ef_error *error) EF_MUST_USE;
/* Rows of one stream among those of others: steps[i] is the place of row i among all, from 0 on; they rise. */
typedef struct ef_part {
    ef_node_id stream;
    const ef_batch *rows;
    const uint32_t *steps;
} ef_part;
/* Rows of several streams, each stream once, as if each had been pushed alone at its step. All parts together: at most slice_rows rows. */
ef_status ef_engine_push_parts(ef_engine *engine, const ef_part *parts, uint32_t count, int64_t now, ef_error *error) EF_MUST_USE;
/* Moves the clock (never back) and fires what is due. */
ef_status ef_engine_advance(ef_engine *engine, int64_t now, ef_error *error) EF_MUST_USE;
int64_t ef_engine_now(const ef_engine *engine);
/* Whether rows mean something else at another time; if not, a push may leave the clock where it is. */
bool ef_engine_needs_clock(const ef_engine *engine);
int64_t ef_engine_next_due(const ef_engine *engine); /* EF_NEVER: none */
uint32_t ef_engine_slice_rows(const ef_engine *engine);

/* ---- what came out ---- */

/* All that taps took since the last call, in order; the caller releases the block of each. NULL: nothing. */
ef_delivery *ef_engine_take(ef_engine *engine);
bool ef_engine_has_output(const ef_engine *engine);

/* Rows and operators that failed, in order. */
typedef struct ef_failure {
    struct ef_failure *next;
    ef_node_id node;       /* where */
    ef_node_id stream;     /* the query's input stream, or -1 (a timer) */
    ef_block *block;       /* the faulty rows of that stream, or NULL */
    ef_status status;
    char message[EF_MESSAGE_SIZE];
} ef_failure;
ef_failure *ef_engine_take_failures(ef_engine *engine);
void ef_failure_free(ef_engine *engine, ef_failure *failure);

/* ---- state ---- */

uint32_t ef_engine_nodes(const ef_engine *engine);
const char *ef_engine_node_name(const ef_engine *engine, ef_node_id node);   /* "query/window.length/0" */
const char *ef_engine_node_class(const ef_engine *engine, ef_node_id node);
bool ef_engine_node_stateful(const ef_engine *engine, ef_node_id node);
uint32_t ef_engine_node_state_version(const ef_engine *engine, ef_node_id node);
/* Fills a writer (initialised here; cleared by the caller). Pages are referenced: write them out after the lock is released. */
ef_status ef_engine_node_save(ef_engine *engine, ef_node_id node, ef_writer *writer, ef_error *error) EF_MUST_USE;
/* Replaces the node's state; on failure it is as before. */
ef_status ef_engine_node_load(ef_engine *engine, ef_node_id node, const void *data, size_t length, uint32_t version,
                              ef_error *error) EF_MUST_USE;
/* Clock, random state: the engine's own section. */
ef_status ef_engine_save(ef_engine *engine, ef_writer *writer, ef_error *error) EF_MUST_USE;
ef_status ef_engine_load(ef_engine *engine, const void *data, size_t length, ef_error *error) EF_MUST_USE;
/* All operators empty, as freshly built; the clock stays. */
ef_status ef_engine_reset(ef_engine *engine, ef_error *error) EF_MUST_USE;

/* ---- figures ---- */

typedef struct ef_node_metrics {
    uint64_t rows_in;
    uint64_t rows_out;
    uint64_t calls;
    uint64_t errors;
    int64_t memory; /* bytes */
    uint64_t held;  /* rows retained */
    uint64_t busy_ns; /* time of its calls, while they are measured (graph/measure.h) */
} ef_node_metrics;
ef_status ef_engine_metrics(const ef_engine *engine, ef_node_id node, ef_node_metrics *metrics) EF_MUST_USE;
int64_t ef_engine_memory(const ef_engine *engine);
/* "slice", or "step: <why>": how pushes into this stream run. */
const char *ef_engine_driver(const ef_engine *engine, ef_node_id stream);

#endif
