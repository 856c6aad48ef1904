/* The delivery queue under ThreadSanitizer: threads append under a lock, as pushes do, and deliver up to their tickets.
 *
 * Checked: items are handled in ticket order, by one thread at a time, each once; when a thread's visit is over, its ticket has been handled;
 * nested visits go on where the outer one stands. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "border/delivery_queue.h"

#define THREADS 4
#define PUSHES 5000

/* What the queue frees items with. The engine's own would need an engine. */
typedef struct world {
    ef_delivery_queue queue;
    pthread_mutex_t engine;
    ef_alloc alloc;
    _Atomic int inside;
    _Atomic uint64_t handled;
    uint64_t last; /* ticket handled last: plain on purpose, guarded by the token */
    _Atomic int failed;
} world;

static uint64_t push(world *w) {
    ef_error error;
    (void)pthread_mutex_lock(&w->engine);
    if (ef_queue_reserve(&w->queue, &error) != EF_OK) {
        abort();
    }
    ef_delivery *delivery = calloc(1, sizeof *delivery);
    uint64_t ticket = ef_queue_append(&w->queue, delivery, NULL);
    (void)pthread_mutex_unlock(&w->engine);
    return ticket;
}

static void deliver(world *w, uint64_t ticket, int depth);

static void handle(world *w, ef_work *work, int depth) {
    if (depth == 0 && atomic_fetch_add(&w->inside, 1) != 0) {
        (void)atomic_fetch_add(&w->failed, 1);
    }
    if (work->ticket <= w->last) {
        (void)atomic_fetch_add(&w->failed, 1);
    }
    w->last = work->ticket;
    free(work->delivery);
    uint64_t number = atomic_fetch_add(&w->handled, 1);
    if (number % 7 == 0 && depth < 3) { /* a callback that sends */
        deliver(w, push(w), depth + 1);
    }
    if (depth == 0) {
        (void)atomic_fetch_sub(&w->inside, 1);
    }
}

static void deliver(world *w, uint64_t ticket, int depth) {
    ef_visit visit = {false, NULL, 0};
    ef_work work;
    ef_turn turn;
    while ((turn = ef_queue_next(&w->queue, ticket, &visit, &work)) != EF_TURN_DONE) {
        if (turn == EF_TURN_WAIT) {
            ef_queue_wait(&w->queue, ticket);
        } else {
            handle(w, &work, depth);
        }
    }
}

static void *run(void *argument) {
    world *w = argument;
    for (int i = 0; i < PUSHES; i++) {
        deliver(w, push(w), 0);
    }
    return NULL;
}

int main(void) {
    static world w;
    ef_budget budget;
    ef_error error;
    ef_budget_init(&budget, 0);
    ef_alloc_init(&w.alloc, &budget);
    (void)pthread_mutex_init(&w.engine, NULL);
    if (ef_queue_init(&w.queue, &w.alloc, &error) != EF_OK) {
        return 1;
    }
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_create(&threads[i], NULL, run, &w);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    uint64_t tickets = ef_queue_last(&w.queue);
    uint64_t handled = atomic_load(&w.handled);
    bool idle = ef_queue_is_idle(&w.queue);
    ef_queue_clear(&w.queue, NULL);
    (void)printf("%llu tickets, %llu handled, %d faults\n", (unsigned long long)tickets, (unsigned long long)handled,
                 atomic_load(&w.failed));
    return tickets == handled && handled > THREADS * PUSHES && idle && atomic_load(&w.failed) == 0 &&
                   atomic_load(&budget.used) == 0
               ? 0
               : 1;
}
