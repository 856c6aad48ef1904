/* The inside of reordering, shared by reorder.c and saved.c. */
#ifndef EF_EVENTTIME_REORDER_INSIDE_H
#define EF_EVENTTIME_REORDER_INSIDE_H

#include "eventtime/reorder.h"

/* A row that waits. */
typedef struct waiting_row {
    int64_t moment;
    uint64_t arrival;
    uint32_t port;
    ef_handle row;
    bool restamps;
} waiting_row;

typedef struct reorder_port {
    ef_pages *pages;
    ef_row_layout layout;
    int32_t upstream;
    uint32_t time_column;
} reorder_port;

typedef struct reorder_upstream {
    int64_t watermark;
    bool idle;
    int64_t held; /* oldest row that still waits there; EF_NEVER: none */
    const int64_t *ticks; /* of the slice that its domain runs */
    uint32_t tick_count, ticks_taken;
    const ef_reorder *of;
} reorder_upstream;

struct ef_reorder {
    ef_alloc *alloc;
    reorder_port *ports;
    uint32_t port_count;
    reorder_upstream *upstreams;
    uint32_t upstream_count;
    int64_t delay;
    int64_t idle_timeout;
    ef_late_policy late_policy;

    int64_t watermark;
    bool idle;
    bool begun;    /* `heard` holds */
    int64_t heard; /* engine's clock at the last arrival, or when the silence before the first began to count */
    int64_t base;  /* watermark then */
    uint64_t arrivals, late;

    /* rows that came in order: a ring */
    waiting_row *queue;
    uint32_t queue_first, queue_count, queue_capacity;
    /* the others: a binary heap */
    waiting_row *heap;
    uint32_t heap_count, heap_capacity;

    ef_released *released;
    uint32_t released_first, released_count, released_capacity;
};

static inline bool waits_before(const waiting_row *a, const waiting_row *b) {
    if (a->moment != b->moment) {
        return a->moment < b->moment;
    }
    return a->port != b->port ? a->port < b->port : a->arrival < b->arrival;
}

/* Room for `rows` more to wait and to be released, with `ticks` ticks. */
ef_status ef_reorder_reserve(ef_reorder *reorder, uint32_t rows, uint32_t ticks, ef_error *error) EF_MUST_USE;
/* After the reserve. */
void ef_reorder_wait(ef_reorder *reorder, const waiting_row *row);

#endif
