/* The rings of one engine and the order between them.
 *
 * Rows get an order number when they enter, over all rings, and the consumer takes the ring whose head has the lowest: rows that one thread
 * sends to several streams are run in the order in which it sent them. With one ring nothing of this costs anything. */
#ifndef EF_STREAM_ASYNC_H
#define EF_STREAM_ASYNC_H

#include "stream/backpressure.h"

#define EF_RINGS_MOST 1024u

typedef enum ef_idle { EF_IDLE_BLOCKING = 0, EF_IDLE_YIELDING = 1, EF_IDLE_SPINNING = 2 } ef_idle;

typedef struct ef_async_ring {
    ef_ring *ring;
    int32_t stream;       /* node that its rows are pushed to */
    uint32_t batch_most;  /* most rows taken at once */
    ef_backpressure rules;
    ef_idle idle;
    uint64_t reported;    /* rows lost that somebody was told of, and when; of the border */
    int64_t reported_ns;
} ef_async_ring;

typedef struct ef_async {
    ef_alloc *alloc;
    ef_async_ring *rings;
    uint32_t count;
    uint32_t capacity;
    ef_signal filled;          /* notified when rows enter, and when the consumer shall stop */
    _Atomic uint64_t order;
    _Atomic bool is_stopping;
} ef_async;

ef_status ef_async_init(ef_async *async, ef_alloc *alloc, ef_error *error) EF_MUST_USE;
void ef_async_clear(ef_async *async);
/* Before anybody sends. Gives the ring's number. */
int32_t ef_async_add(ef_async *async, const ef_async_ring *ring, ef_error *error);

/* Number for the rows of one call. */
static inline uint64_t ef_async_order(ef_async *async) {
    return atomic_fetch_add_explicit(&async->order, 1, memory_order_relaxed);
}

/* The ring to take from next, up to which order, and before which position; false: all are empty. */
bool ef_async_pick(ef_async *async, uint32_t *ring, uint64_t *below, uint64_t *end);
bool ef_async_is_empty(const ef_async *async);
/* Sleeps (or spins, as the rings want it) until rows have come, the consumer shall stop, or wait_ns is over (< 0: no limit). */
void ef_async_wait(ef_async *async, int64_t wait_ns);
void ef_async_stop(ef_async *async);
/* After a stop, before the consumer runs again. */
void ef_async_start(ef_async *async);
static inline bool ef_async_is_stopping(const ef_async *async) {
    return atomic_load_explicit(&async->is_stopping, memory_order_acquire);
}

#endif
