/* What a sender does when the ring is full. */
#ifndef EF_STREAM_BACKPRESSURE_H
#define EF_STREAM_BACKPRESSURE_H

#include "stream/ring.h"

typedef enum ef_strategy {
    EF_BLOCK = 0,         /* wait */
    EF_BLOCK_TIMEOUT = 1, /* wait up to timeout_ns */
    EF_DROP_NEWEST = 2,   /* what does not fit is lost */
    EF_DROP_OLDEST = 3,   /* the oldest rows of the ring are lost */
    EF_BACKOFF = 4,       /* sleep and try again, longer each time; with timeout_ns >= 0 give up then */
    EF_FAIL = 5           /* refuse the whole call */
} ef_strategy;

typedef struct ef_backpressure {
    ef_strategy strategy;
    int64_t timeout_ns; /* < 0: none */
    int64_t initial_ns, longest_ns;
    double multiplier;
} ef_backpressure;

/* One call's progress. Zeroed, then begun. */
typedef struct ef_offer {
    uint32_t at;         /* rows of the batch that are done: entered or dropped */
    uint32_t accepted;   /* rows that entered */
    int64_t began_ns;
    int64_t next_ns;     /* next sleep of EF_BACKOFF */
    bool waited;
} ef_offer;

typedef enum ef_offered {
    EF_OFFER_DONE,   /* all that the strategy lets in is in */
    EF_OFFER_WAIT,   /* wait for room for up to *wait_ns (< 0: without limit), then offer again */
    EF_OFFER_REFUSED,/* EF_FAIL: nothing entered */
    EF_OFFER_TIMEOUT,/* offer->accepted rows entered */
    EF_OFFER_ERROR   /* out of memory: offer->accepted rows entered */
} ef_offered;

void ef_offer_begin(ef_offer *offer, const ef_backpressure *rules);
/* Puts in what fits by the rules; never blocks. */
ef_offered ef_offer_rows(ef_ring *ring, const ef_backpressure *rules, ef_offer *offer, const ef_batch *rows, uint64_t order,
                         int64_t *wait_ns, ef_error *error);
/* The call is over, whatever it came to: figures. */
void ef_offer_end(ef_ring *ring, const ef_offer *offer);

/* Sleeps until cells become free, or for wait_ns. Not with the GIL. Returns at once where there is room. */
void ef_ring_wait_room(ef_ring *ring, int64_t wait_ns);

#endif
