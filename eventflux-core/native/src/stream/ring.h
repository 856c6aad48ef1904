/* The ring of an async stream: a bounded queue of packed rows between the threads that send and the one that runs the engine.
 *
 *      cells (a power of two)
 *      [ seq | order | entered | text* | row ] [ ... ] [ ... ] ...
 *            row: timestamp, validity bits, fields as in columns; long strings lie in `text`, one block a row
 *
 *      head ── next to be taken          tail ── next to be filled
 *
 * The cell of position p is free when seq == p, full when seq == p + 1, and free for the next round when seq == p + capacity (D. Vyukov's
 * bounded queue). A run of cells is claimed by moving tail (or head) over it at once: a cell seen free at the tail can only be claimed by
 * moving the tail, so the run is ours if the tail has not moved. Any thread may put, any thread may take: a producer that makes room for
 * itself takes.
 *
 * put and take never block, take no lock, and allocate nothing but the text of long strings. O(1) a row. */
#ifndef EF_STREAM_RING_H
#define EF_STREAM_RING_H

#include "batch/batch.h"
#include "stream/histogram.h"
#include "stream/signal.h"

typedef struct ef_ring ef_ring;

/* Figures of a ring; written relaxed by many threads, read at any time. */
typedef struct ef_ring_figures {
    _Atomic uint64_t published;     /* rows that entered */
    _Atomic uint64_t consumed;      /* rows that were run */
    _Atomic uint64_t dropped_newest;
    _Atomic uint64_t dropped_oldest;
    _Atomic uint64_t rejected;      /* rows refused by the strategy `fail` */
    _Atomic uint64_t batches;
    _Atomic uint64_t full;          /* how often a call found no room */
    _Atomic uint64_t waits;         /* calls that had to wait */
    _Atomic uint64_t wait_ns;
    _Atomic uint64_t timeouts;
    _Atomic uint64_t backoff_ns;
    _Atomic uint64_t errors;        /* batches that failed as a whole */
    ef_histogram publish;           /* call -> in the ring */
    ef_histogram consume;           /* in the ring -> done */
} ef_ring_figures;

/* `capacity` is rounded up to a power of two, at least 2. */
ef_status ef_ring_new(ef_alloc *alloc, uint32_t columns, const ef_type *types, uint32_t capacity, ef_ring **ring,
                      ef_error *error) EF_MUST_USE;
/* Nobody may use it any more; rows that are left go with it. */
void ef_ring_free(ef_ring *ring);

uint32_t ef_ring_capacity(const ef_ring *ring);
/* Rows in it: exact when nothing moves. */
uint32_t ef_ring_depth(const ef_ring *ring);
/* Nobody waits for room any more. */
void ef_ring_close(ef_ring *ring);
void ef_ring_open(ef_ring *ring); /* they do again */
bool ef_ring_is_closed(const ef_ring *ring);
/* Whether a put would find room; a producer may be quicker. */
bool ef_ring_has_room(const ef_ring *ring);
ef_ring_figures *ef_ring_figures_of(ef_ring *ring);
ef_signal *ef_ring_room(ef_ring *ring); /* notified when cells become free */

/* Copies rows [from, from + count) of a batch (timestamps set) in, as many as there is room for, or with all_or_none all or none. `order`: of entry, over
 * all rings. *accepted: how many. EF_NO_MEMORY: none. */
ef_status ef_ring_put(ef_ring *ring, const ef_batch *rows, uint32_t from, uint32_t count, bool all_or_none, uint64_t order,
                      int64_t entered_ns, uint32_t *accepted, ef_error *error) EF_MUST_USE;

typedef enum ef_ring_head { EF_RING_EMPTY, EF_RING_CLAIMED, EF_RING_READY } ef_ring_head;
/* Whether there is a row to take, and its order. CLAIMED: a producer is still copying it. */
ef_ring_head ef_ring_look(const ef_ring *ring, uint64_t *order);
/* How many rows can be taken now, at most `most`; *end: the position behind the last of them. */
uint32_t ef_ring_ready(const ef_ring *ring, uint32_t most, uint64_t *end);

/* Rows that were taken: their cells stay occupied, and long strings in place, until they are given back. */
typedef struct ef_ring_taken {
    uint64_t first;
    uint32_t count;
    const int64_t *entered_ns; /* [count], arena: when each came in */
} ef_ring_taken;

/* Takes up to `most` rows of order <= below and before position `end` (a count would not do: if others discard rows meanwhile, it would reach
 * further) into arena columns, in order (batch->rows: how many; 0: there are none). EF_NO_MEMORY: none was taken. */
ef_status ef_ring_take(ef_ring *ring, uint64_t below, uint64_t end, uint32_t most, ef_arena *arena, ef_ring_taken *taken,
                       ef_batch *batch, ef_error *error) EF_MUST_USE;
void ef_ring_give_back(ef_ring *ring, const ef_ring_taken *taken);
/* Forgets up to `most` of the oldest rows; gives how many. */
uint32_t ef_ring_discard(ef_ring *ring, uint32_t most);

#endif
