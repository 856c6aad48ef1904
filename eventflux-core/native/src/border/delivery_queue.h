/* The delivery queue: what pushes put out, in ticket order, until callbacks have taken it.
 *
 *      head                                        tail
 *      [ ticket 7: d d ] -> [ ticket 8: d f ] -> [ ticket 9: d ]        a group a push: deliveries, then failures
 *
 * Pushes append groups under the engine lock, so tickets rise along the queue. One thread at a time takes items: the holder of the
 * token. It takes those up to its own ticket; a callback that sends comes back here on the same thread and goes on taking, up to the
 * ticket of what it sent. Another thread that has a ticket waits until it is done, or until the token is free and takes it.
 *
 * A thread that holds the token of any queue never waits for another queue's: two apps that send into each other would wait for one another
 * for ever. It leaves its ticket to the holder (`left`). The number of tokens that a thread holds is the one thing kept by thread.
 *
 * Invariant: every group in the queue has a thread that will take it: its pusher, a waiter behind it, or the holder (ticket <= left).
 * All O(1) an item. The mutex is a leaf, held for a few instructions: it may be taken with or without the engine lock or the GIL. */
#ifndef EF_BORDER_DELIVERY_QUEUE_H
#define EF_BORDER_DELIVERY_QUEUE_H

#include <pthread.h>

#include "graph/engine.h"

typedef struct ef_group ef_group;

/* An item in the hands of its taker. */
typedef struct ef_work {
    uint64_t ticket;
    ef_delivery *delivery; /* taken: the taker frees it; NULL: */
    ef_failure *failure;   /* taken, alike */
    void *listeners;       /* of a put-back delivery: what ef_queue_put_back was given */
    uint32_t next;         /* likewise; else 0 */
} ef_work;

/* A taker's visit: zeroed before the first ef_queue_next, over with EF_TURN_DONE. */
typedef struct ef_visit {
    bool entered;           /* it is among the queue's visits */
    struct ef_visit *outer; /* NULL: this visit took the token and gives it back */
    uint64_t ticket;        /* of the item that it handles now */
} ef_visit;

typedef struct ef_delivery_queue {
    ef_alloc *alloc;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    ef_group *head, *tail;
    ef_group *spare;       /* for the next append; set by reserve, under the engine lock */
    ef_group *unused;
    uint64_t last_ticket;
    uint64_t left;         /* highest ticket left to the holder */
    struct ef_visit *innermost; /* visits of the holder, nested; NULL: nobody holds the token */
    pthread_t holder;
    bool is_held;
    uint32_t waiters;
} ef_delivery_queue;

typedef enum ef_turn {
    EF_TURN_WORK, /* *work is filled */
    EF_TURN_DONE, /* nothing left up to the ticket; the token has been given back if the visit had taken it */
    EF_TURN_WAIT  /* another thread is at it: call ef_queue_wait without the GIL, then ask again */
} ef_turn;

ef_status ef_queue_init(ef_delivery_queue *queue, ef_alloc *alloc, ef_error *error) EF_MUST_USE;
/* Frees what was not taken. Nobody may use the queue any more. */
void ef_queue_clear(ef_delivery_queue *queue, ef_engine *engine);

/* Under the engine lock, before a push: room for what will come out. */
static inline bool ef_queue_is_reserved(const ef_delivery_queue *queue) {
    return queue->spare != NULL;
}
ef_status ef_queue_reserve(ef_delivery_queue *queue, ef_error *error) EF_MUST_USE;
/* Under the engine lock, after a push. Takes both lists; gives the ticket. */
uint64_t ef_queue_append(ef_delivery_queue *queue, ef_delivery *deliveries, ef_failure *failures);
/* The same for the commonest case, one delivery while none waits and nobody has the token: the pusher's visit takes both at once, and the
 * queue is not touched. False: it is another case, and nothing happened. */
bool ef_queue_take_at_once(ef_delivery_queue *queue, ef_delivery *delivery, ef_visit *visit, ef_work *work);

ef_turn ef_queue_next(ef_delivery_queue *queue, uint64_t ticket, ef_visit *visit, ef_work *work);
/* Blocks until asking again is worth it. */
void ef_queue_wait(ef_delivery_queue *queue, uint64_t ticket);
/* By the taker, before it calls a listener that is not the last: the delivery (taken) goes back to the front of the queue, where a nested
 * visit finds it. False: out of memory, nothing taken. */
bool ef_queue_put_back(ef_delivery_queue *queue, ef_work *work, void *listeners, uint32_t next) EF_MUST_USE;

/* Ticket of the newest group, and whether the calling thread is the one that delivers. */
uint64_t ef_queue_last(ef_delivery_queue *queue);
bool ef_queue_is_holder(ef_delivery_queue *queue);
/* Items not yet taken (a figure). */
bool ef_queue_is_idle(ef_delivery_queue *queue);

#endif
