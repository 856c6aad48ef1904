/* The inside of the graph, shared by the files of graph/. */
#ifndef EF_GRAPH_NODE_H
#define EF_GRAPH_NODE_H

#include "graph/engine.h"
#include "time/zone.h"

typedef enum ef_node_kind { EF_NODE_STREAM, EF_NODE_OPERATOR, EF_NODE_INSERT, EF_NODE_TAP } ef_node_kind;

typedef struct ef_edge {
    ef_node_id to;
    uint32_t port;     /* input of the target */
    uint32_t in_index; /* which of the edges into the target this is; from seal */
} ef_edge;

typedef struct ef_access {
    int32_t shared;
    bool writes;
} ef_access;

/* A time domain: nodes that share a clock. The app's own, and one for each set of watermarked streams whose rows some query reads together
 * (graph/domains.h). */
typedef struct ef_domain {
    int64_t now;
    int64_t before;   /* the clock before the present step: where the last pass of timers stood */
    int64_t earliest; /* not later than the earliest due time of any operator */
    ef_node_id *timers; /* operators with timers, by rank; from seal */
    uint32_t timer_count;
    bool is_event_time;  /* the clock runs along the rows */
    ef_node_id entrance; /* what puts the domain's rows in order; -1: the app's own domain */
    const char *steps;   /* why pushes in which its timers act must step, or NULL; from seal */
} ef_domain;

/* Rows that wait for a node while a slice runs. */
typedef struct ef_arrival {
    ef_batch batch;
    uint32_t port;
    uint32_t order; /* rows of equal causes come by it */
} ef_arrival;

typedef struct ef_node {
    ef_node_id id;
    ef_node_kind kind;
    char *name;
    size_t name_size;
    ef_alloc alloc;           /* counts the operator's memory */
    uint32_t columns;         /* of its output rows */
    ef_type *types;
    int32_t query;            /* number of the query, -1 for streams */
    ef_node_id input_stream;  /* stream that the query reads; itself for a stream */
    ef_node_id partition;     /* whose slots its rows carry, -1: none */
    uint32_t domain;          /* whose clock it goes by */
    ef_node_id entrance;      /* EF_NODE_STREAM: where what is pushed or inserted goes first, to wait for its time; -1: nowhere */

    const ef_operator_class *operator_class; /* EF_NODE_OPERATOR */
    void *self;
    ef_node_id from;    /* its input at port 0, -1: none */
    bool wants_expired; /* as it was created */
    bool reads_clock;
    bool can_fail; /* may put rows on the error edge */
    struct ef_node *few_reader; /* the selection behind it, if that is all there is behind it and it takes rows that stay in place; from seal */
    uint16_t rank;

    bool routes;           /* hands rows on as they came, with slots (partition/router.h) */

    bool current, expired; /* EF_NODE_INSERT: kinds that go on */
    bool drops_slots;      /* EF_NODE_INSERT: rows leave their partition */
    bool removed;          /* EF_NODE_TAP */

    struct ef_content *content; /* what can be searched here, owned by the operator; NULL: nothing (join/content.h) */
    bool taps_last; /* as on a stream, where listeners come behind the queries */

    ef_access *accesses; /* shared objects that the operator reads or writes */
    uint32_t access_count, access_capacity;

    ef_edge *edges; /* in text order */
    uint32_t edge_count, edge_capacity;
    ef_node_id *taps; /* in order of registration; an operator's come before its edges, a stream's after */
    uint32_t tap_count, tap_capacity;

    /* from seal */
    uint32_t in_edges;
    uint32_t *in_order; /* [in_edges] order among edges of equal causes */
    const char *steps; /* streams: why a push into it must step; NULL: slices */

    bool is_hidden;   /* streams that no text can name, between parts of one query: what fails behind them failed on the rows of the stream before */
    ef_node_id fault; /* streams: where its failed rows go (fault.c), -1: to the failure queue */
    ef_node_id copy_of; /* streams: whose rows it has in another time domain, so that failures name that one; -1: its own */

    /* while a slice runs */
    ef_arrival *inbox; /* [in_edges + 1]: one more for pushed rows */
    uint32_t inbox_count;
    ef_batch *slice_rows; /* streams: the rows of this slice, for the error edge; NULL outside a slice */

    ef_node_metrics metrics;
} ef_node;

/* What the depth-first driver still has to do with one batch: delivery by delivery, edge by edge. */
typedef struct ef_frame {
    ef_node *node;
    ef_batch batch;
    ef_batch view; /* the present delivery */
    uint32_t delivery, deliveries;
    uint32_t edge;
    uint32_t from; /* first row of the present delivery */
    bool tapped;
} ef_frame;

/* A failed row on its way to a fault stream; in the slice arena. */
typedef struct ef_faulty_row {
    struct ef_faulty_row *next;
    ef_node *stream; /* the fault stream */
    ef_batch row;    /* one row, with its error as the last column */
} ef_faulty_row;

/* A stream whose rows the depth-first driver hands on without a frame: where the error edge finds them. In the slice arena. */
typedef struct ef_passage {
    const ef_node *stream;
    ef_batch rows;
    struct ef_passage *outer;
} ef_passage;

struct ef_engine {
    ef_budget budget;
    ef_alloc alloc;       /* the graph itself */
    ef_alloc slice_alloc; /* the slice arena */
    ef_alloc block_alloc; /* what taps hand out */
    ef_arena arena;
    ef_host host;
    ef_random random;
    ef_engine_options options;
    ef_zone zone; /* whose calendar triggers and cron windows follow */

    ef_node **nodes;
    uint32_t node_count, node_capacity;
    char *query_name;
    size_t query_name_size;
    int32_t query_count;
    ef_node_id query_stream;
    ef_node_id partition; /* that nodes are added to, -1: none */
    uint32_t added_to;    /* domain that nodes are added to */
    uint16_t next_rank;
    char **shared_names;
    uint32_t shared_count, shared_capacity;
    bool sealed;
    bool running; /* inside push or advance */
    bool needs_causes;
    bool needs_clock; /* some operator reads it or has timers */

    uint32_t graph_count; /* nodes when the graph was sealed: taps may come later */
    ef_node_id *order;    /* [graph_count], topological */

    ef_domain app;      /* domain 0 */
    ef_domain **events; /* domains 1... */
    uint32_t event_count, event_capacity;
    ef_domain *time;      /* of what runs now */
    bool domains_pending; /* something may have been released that was not run yet */

    ef_passage *passage; /* the innermost; outside all frames */
    ef_frame *frames;
    uint32_t frame_count, frame_capacity;

    ef_delivery *first_delivery, **last_delivery;
    ef_spare_block spare;
    ef_failure *first_failure, **last_failure;
    bool bulk;            /* deliveries to one tap within the push may share a block */
    uint64_t lost_failures; /* failures that no memory was left to keep */
    bool fails;             /* some operator can fail: rows of one delivery are told apart */
    ef_faulty_row *first_fault, **last_fault;

    struct ef_measure *measure; /* NULL: nothing is measured */

    _Atomic uint32_t holders; /* the owner, every block out there, and holds_ahead: the budget must outlive them */
    uint32_t holds_ahead;     /* counted in `holders`, not given to a block yet; under the engine lock */
};

static inline ef_node *ef_node_at(const ef_engine *engine, ef_node_id id) {
    return engine->nodes[id];
}

static inline ef_domain *ef_domain_at(ef_engine *engine, uint32_t domain) {
    return domain == 0 ? &engine->app : engine->events[domain - 1];
}

/* ---- for the files that add operators (build*.c) ---- */

/* A node of the present query with its name, types and rank, not entered yet; NULL with `error` filled. from < 0: an operator without input
 * (a trigger), called only for its timers. */
ef_node *ef_operator_begin(ef_engine *engine, ef_node_id from, const char *kind, uint32_t columns,
                           const ef_type *types, ef_error *error) EF_MUST_USE;
ef_operator_config ef_operator_config_of(const ef_engine *engine, const ef_node *node, const ef_node *from,
                                         const ef_param *params, uint32_t count, bool wants_expired);
/* Enters the node, with an edge from `from` (< 0: none) to its port 0. On failure the node (and its operator) is freed. */
ef_node_id ef_operator_enter(ef_engine *engine, ef_node *node, ef_node_id from, ef_error *error);
/* Frees a node that was not entered, with its operator if it has one. */
void ef_operator_abandon(ef_engine *engine, ef_node *node);
ef_status ef_add_edge(ef_engine *engine, ef_node *from, ef_node_id to, uint32_t port, ef_error *error) EF_MUST_USE;
bool ef_is_node(const ef_engine *engine, ef_node_id id);

/* operators without state of their own */
extern const ef_operator_class ef_filter_class;
extern const ef_operator_class ef_map_class;
ef_status ef_filter_create(ef_engine *engine, ef_alloc *alloc, ef_program *condition, void **self,
                           ef_error *error) EF_MUST_USE;
ef_status ef_map_create(ef_engine *engine, ef_alloc *alloc, ef_program *outputs, void **self,
                        ef_error *error) EF_MUST_USE;

extern const ef_operator_class ef_gate_class;
struct ef_held_window; /* join/held_window.h */
ef_status ef_gate_create(ef_alloc *alloc, bool current, bool expired, struct ef_held_window *held, void **self, ef_error *error) EF_MUST_USE;

/* Rows of an insert that go on, as CURRENT; false: out of memory. */
bool ef_insert_rows(const ef_node *node, const ef_batch *from, ef_batch *to, ef_arena *arena) EF_MUST_USE;

void ef_engine_free_nodes(ef_engine *engine);

/* drivers */
ef_status ef_run_depth_first(ef_engine *engine, ef_node *node, const ef_batch *batch, const ef_track *track,
                             ef_error *error) EF_MUST_USE;
/* Rows of one delivery into an operator that is pushed to. */
ef_status ef_run_into(ef_engine *engine, ef_node *target, const ef_batch *rows, const ef_track *track,
                      ef_error *error) EF_MUST_USE;
/* Asks all timers of the domain for its `earliest`. */
void ef_domain_look(ef_engine *engine, ef_domain *domain);
ef_status ef_fire_due(ef_engine *engine, ef_error *error) EF_MUST_USE; /* the pass at engine->time->now */
ef_status ef_run_slice(ef_engine *engine, ef_node *stream, const ef_batch *batch, const ef_track *track,
                       ef_error *error) EF_MUST_USE;

/* Rows for the slice that ef_run_entered runs; once a stream. */
void ef_enter_slice(ef_node *stream, const ef_batch *batch);
ef_status ef_run_entered(ef_engine *engine, const ef_track *track, ef_error *error) EF_MUST_USE;
/* Whether pushes into all these streams may run as one slice. */
ef_status ef_may_run_together(ef_engine *engine, const ef_part *parts, uint32_t count, bool *may, ef_error *error) EF_MUST_USE;

/* pieces of a push (engine.c) */
ef_status ef_push_begin(ef_engine *engine, ef_error *error) EF_MUST_USE;
/* One row of `rows` at its own step, with the end of its slice. */
ef_status ef_push_one(ef_engine *engine, ef_node *stream, const ef_batch *rows, uint32_t row, int64_t now, ef_error *error) EF_MUST_USE;
/* On the wall clock: what is due fires before a slice. */
ef_status ef_let_time_go_on(ef_engine *engine, int64_t now, ef_error *error) EF_MUST_USE;
/* What a slice leaves behind: faulty rows, other time domains, bulk deliveries. */
ef_status ef_push_settle(ef_engine *engine, ef_status status, ef_error *error) EF_MUST_USE;
ef_status ef_push_finish(ef_engine *engine, ef_status status);

/* Calls an operator, keeps its figures and due time, and takes its failed rows to the failure queue. A failing operator costs its rows, not the push. */
void ef_call_operator(ef_engine *engine, ef_node *node, uint32_t port, const ef_batch *batch, const ef_track *track,
                      ef_out *out);

/* Calls the operator, and behind it the selection that reads its few rows in place if it left any there; then *node is that selection. `outs`: two,
 * the first of which is the one that is filled unless *node changes. */
ef_out *ef_call_operators(ef_engine *engine, ef_node **node, uint32_t port, const ef_batch *batch, const ef_track *track,
                          ef_out *outs);

/* Likewise for operators with EF_PORTS. Initialises `out`. */
void ef_call_ports(ef_engine *engine, ef_node *node, const ef_input *inputs, uint32_t count, const ef_track *track,
                   ef_out *out);

/* taps and failures */
void ef_tap_batch(ef_engine *engine, ef_node *tap, const ef_batch *batch);
void ef_join_bulk(ef_engine *engine); /* end of a bulk slice: one block a tap */
void ef_join_firings(ef_engine *engine); /* the same where timers have fired very often */
void ef_record_failure(ef_engine *engine, ef_node *node, const ef_batch *input, uint32_t at, ef_status status,
                       const char *message);
/* fault streams (fault.c) */
/* Keeps a failed row of `stream` for its fault stream; false: it has none, or no memory is left. */
bool ef_keep_fault(ef_engine *engine, const ef_node *stream, const ef_batch *row, const char *message) EF_MUST_USE;
/* The rows kept so far, in order; they are kept no more. */
ef_faulty_row *ef_take_faults(ef_engine *engine);
/* One of them, at the time of its own domain. */
ef_status ef_run_fault(ef_engine *engine, ef_faulty_row *fault, ef_error *error) EF_MUST_USE;
/* Rows that were kept while a slice ran, after it. */
ef_status ef_run_faults(ef_engine *engine, ef_error *error) EF_MUST_USE;
/* Gives the rows of one delivery causes of their own, where something may fail; false: out of memory. */
bool ef_number_rows(ef_engine *engine, ef_batch *rows) EF_MUST_USE;

/* End of a slice or of a step: arena and given blocks are free again. */
void ef_end_slice(ef_engine *engine);

#endif
