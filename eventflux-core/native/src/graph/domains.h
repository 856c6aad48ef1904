/* Time domains: event time beside the app's clock.
 *
 *      push, insert ──> entrance ~~released~~> stream E ──> query ──> O ──> entrance ~~> stream "O in {E, F}" ──> join ──> ...
 *      └───── the app's domain ──────┘└──────── domain {E} ─────────────┘└──────────── domain {E, F} ──────────┘
 *
 * An *entrance* is an operator that keeps rows until their time has come (eventtime/reorder.h). What it releases is pushed into streams of its domain along the
 * domain's own track, after the step or slice that brought the rows. Domains are run in the order of their making, so one that feeds another comes before it.
 * Within a domain all is as in playback: the clock runs along the rows, timers fire between them.
 *
 * Whether rows of a domain arrive one by one or in slices makes no difference: all that was released is one sequence of steps, rows and ticks. */
#ifndef EF_GRAPH_DOMAINS_H
#define EF_GRAPH_DOMAINS_H

#include "eventtime/reorder.h"
#include "graph/engine.h"

/* A domain, and its number. */
int32_t ef_engine_domain(ef_engine *engine, ef_error *error);
/* What is added from now on goes by the clock of that domain; 0: of the app. */
ef_status ef_engine_enter_domain(ef_engine *engine, int32_t domain, ef_error *error) EF_MUST_USE;

typedef struct ef_entrance_port {
    ef_node_id from;   /* stream of another domain; -1: what is pushed or inserted into `stream` */
    ef_node_id stream; /* of the domain: where rows are released to */
} ef_entrance_port;

typedef struct ef_entrance_config {
    int32_t domain;
    const ef_entrance_port *ports; /* one from outside, or any number from streams */
    uint32_t port_count;
    uint32_t time_column; /* from outside */
    int64_t delay;
    int64_t idle_timeout;
    ef_late_policy late;
} ef_entrance_config;

/* The entrance of a domain. With EF_LATE_STREAM it puts out late rows: insert from it. */
ef_node_id ef_engine_entrance(ef_engine *engine, const ef_entrance_config *config, ef_error *error);

/* The stream has the rows of `of` in another domain: failures of its rows are failures of that stream's. */
ef_status ef_engine_copy_of(ef_engine *engine, ef_node_id stream, ef_node_id of, ef_error *error) EF_MUST_USE;

/* Of an entrance; EF_BEGINNING before its first row. */
int64_t ef_engine_watermark(const ef_engine *engine, ef_node_id entrance);
uint64_t ef_engine_late(const ef_engine *engine, ef_node_id entrance);
/* Nothing more will come from outside: all that waits is released, the watermarks go on to where the last window closes that rows are held for, and
 * unfinished periods of output rates are put out. */
ef_status ef_engine_finish(ef_engine *engine, ef_error *error) EF_MUST_USE;

#endif
