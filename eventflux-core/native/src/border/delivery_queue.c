/* Tickets, the token, the queue; see delivery_queue.h. */
#include "border/delivery_queue.h"

struct ef_group {
    ef_group *next;
    uint64_t ticket;
    ef_delivery *deliveries;
    ef_failure *failures;
    void *listeners; /* of the first delivery, when it was put back */
    uint32_t listener;
};

/* How many tokens the present thread holds, of all queues of the process. It belongs to the thread, not to an engine: see the head of
 * delivery_queue.h for what it prevents. */
static _Thread_local uint32_t tokens_held;

ef_status ef_queue_init(ef_delivery_queue *queue, ef_alloc *alloc, ef_error *error) {
    memset(queue, 0, sizeof *queue);
    queue->alloc = alloc;
    if (pthread_mutex_init(&queue->mutex, NULL) != 0) {
        return ef_fail(error, EF_NO_MEMORY, "no mutex left");
    }
    if (pthread_cond_init(&queue->changed, NULL) != 0) {
        (void)pthread_mutex_destroy(&queue->mutex);
        return ef_fail(error, EF_NO_MEMORY, "no condition variable left");
    }
    return EF_OK;
}

static void lock(ef_delivery_queue *queue) {
    (void)pthread_mutex_lock(&queue->mutex);
}

static void unlock(ef_delivery_queue *queue) {
    (void)pthread_mutex_unlock(&queue->mutex);
}

static void free_groups(ef_delivery_queue *queue, ef_group *group, ef_engine *engine) {
    while (group != NULL) {
        ef_group *next = group->next;
        while (group->deliveries != NULL) {
            ef_delivery *delivery = group->deliveries;
            group->deliveries = delivery->next;
            ef_block_release(delivery->block);
        }
        while (group->failures != NULL) {
            ef_failure *failure = group->failures;
            group->failures = failure->next;
            ef_failure_free(engine, failure);
        }
        ef_free(queue->alloc, group, sizeof *group);
        group = next;
    }
}

void ef_queue_clear(ef_delivery_queue *queue, ef_engine *engine) {
    free_groups(queue, queue->head, engine);
    free_groups(queue, queue->unused, engine);
    free_groups(queue, queue->spare, engine);
    (void)pthread_cond_destroy(&queue->changed);
    (void)pthread_mutex_destroy(&queue->mutex);
}

/* With the mutex. NULL: out of memory. */
static ef_group *take_group(ef_delivery_queue *queue) {
    ef_group *group = queue->unused;
    if (group != NULL) {
        queue->unused = group->next;
    } else {
        group = ef_malloc(queue->alloc, sizeof *group);
    }
    if (group != NULL) {
        memset(group, 0, sizeof *group);
    }
    return group;
}

ef_status ef_queue_reserve(ef_delivery_queue *queue, ef_error *error) {
    if (queue->spare == NULL) {
        lock(queue);
        queue->spare = take_group(queue);
        unlock(queue);
    }
    return queue->spare != NULL ? EF_OK : ef_fail_memory(error);
}

uint64_t ef_queue_append(ef_delivery_queue *queue, ef_delivery *deliveries, ef_failure *failures) {
    ef_group *group = queue->spare;
    EF_ASSERT(group != NULL);
    queue->spare = NULL;
    group->deliveries = deliveries;
    group->failures = failures;
    lock(queue);
    uint64_t ticket = ++queue->last_ticket;
    group->ticket = ticket;
    group->next = NULL;
    if (queue->tail != NULL) {
        queue->tail->next = group;
    } else {
        queue->head = group;
    }
    queue->tail = group;
    unlock(queue);
    return ticket;
}

/* With the mutex: the next item, if it is not behind `upto`. */
static bool take(ef_delivery_queue *queue, uint64_t upto, ef_work *work) {
    ef_group *group = queue->head;
    if (group == NULL || group->ticket > upto) {
        return false;
    }
    *work = (ef_work){.ticket = group->ticket, .listeners = group->listeners, .next = group->listener};
    group->listeners = NULL;
    group->listener = 0;
    if (group->deliveries != NULL) {
        work->delivery = group->deliveries;
        group->deliveries = work->delivery->next;
    } else {
        work->failure = group->failures;
        group->failures = work->failure->next;
    }
    if (group->deliveries == NULL && group->failures == NULL) {
        queue->head = group->next;
        if (queue->head == NULL) {
            queue->tail = NULL;
        }
        group->next = queue->unused;
        queue->unused = group;
    }
    return true;
}

static void wake(ef_delivery_queue *queue) {
    if (queue->waiters > 0) {
        (void)pthread_cond_broadcast(&queue->changed);
    }
}

static bool is_mine(const ef_delivery_queue *queue) {
    return queue->is_held && pthread_equal(queue->holder, pthread_self()) != 0;
}

/* No item of `ticket` or before waits, and none of `ticket` is being handled. (Older ones may be: a nested visit went past them.) */
static bool is_over(const ef_delivery_queue *queue, uint64_t ticket) {
    if (queue->head != NULL && queue->head->ticket <= ticket) {
        return false;
    }
    for (const ef_visit *visit = queue->innermost; visit != NULL; visit = visit->outer) {
        if (visit->ticket == ticket) {
            return false;
        }
    }
    return true;
}

/* With the mutex: what somebody else's token means for us. */
static ef_turn of_others(ef_delivery_queue *queue, uint64_t ticket) {
    if (is_over(queue, ticket)) {
        return EF_TURN_DONE;
    }
    if (tokens_held > 0) {
        queue->left = ticket > queue->left ? ticket : queue->left;
        return EF_TURN_DONE;
    }
    return EF_TURN_WAIT;
}

static void enter(ef_delivery_queue *queue, ef_visit *visit) {
    visit->entered = true;
    visit->outer = queue->innermost;
    queue->innermost = visit;
    if (!queue->is_held) {
        queue->is_held = true;
        queue->holder = pthread_self();
        tokens_held++;
    }
}

static void leave(ef_delivery_queue *queue, ef_visit *visit) {
    EF_ASSERT(queue->innermost == visit);
    visit->entered = false;
    queue->innermost = visit->outer;
    if (visit->outer == NULL) {
        queue->is_held = false;
        tokens_held--;
    }
}

ef_turn ef_queue_next(ef_delivery_queue *queue, uint64_t ticket, ef_visit *visit, ef_work *work) {
    lock(queue);
    if (queue->is_held && !is_mine(queue)) {
        ef_turn turn = of_others(queue, ticket);
        unlock(queue);
        return turn;
    }
    /* The outermost visit also takes what others left to it. */
    bool is_outermost = visit->entered ? visit->outer == NULL : !queue->is_held;
    uint64_t upto = is_outermost && queue->left > ticket ? queue->left : ticket;
    bool found = take(queue, upto, work);
    if (found) {
        if (!visit->entered) {
            enter(queue, visit);
        }
        visit->ticket = work->ticket;
    } else if (visit->entered) {
        leave(queue, visit);
    }
    wake(queue);
    unlock(queue);
    return found ? EF_TURN_WORK : EF_TURN_DONE;
}

bool ef_queue_take_at_once(ef_delivery_queue *queue, ef_delivery *delivery, ef_visit *visit, ef_work *work) {
    lock(queue);
    bool taken = queue->head == NULL && !queue->is_held;
    if (taken) {
        enter(queue, visit);
        visit->ticket = ++queue->last_ticket;
        *work = (ef_work){.ticket = visit->ticket, .delivery = delivery};
    }
    unlock(queue);
    return taken;
}

void ef_queue_wait(ef_delivery_queue *queue, uint64_t ticket) {
    lock(queue);
    queue->waiters++;
    while (queue->is_held && !is_over(queue, ticket)) {
        (void)pthread_cond_wait(&queue->changed, &queue->mutex);
    }
    queue->waiters--;
    unlock(queue);
}

bool ef_queue_put_back(ef_delivery_queue *queue, ef_work *work, void *listeners, uint32_t next) {
    lock(queue);
    ef_group *group = take_group(queue);
    if (group != NULL) {
        group->ticket = work->ticket;
        group->deliveries = work->delivery;
        work->delivery->next = NULL;
        group->listeners = listeners;
        group->listener = next;
        group->next = queue->head;
        queue->head = group;
        if (queue->tail == NULL) {
            queue->tail = group;
        }
        work->delivery = NULL;
    }
    unlock(queue);
    return group != NULL;
}

uint64_t ef_queue_last(ef_delivery_queue *queue) {
    lock(queue);
    uint64_t ticket = queue->last_ticket;
    unlock(queue);
    return ticket;
}

bool ef_queue_is_holder(ef_delivery_queue *queue) {
    lock(queue);
    bool mine = is_mine(queue);
    unlock(queue);
    return mine;
}

bool ef_queue_is_idle(ef_delivery_queue *queue) {
    lock(queue);
    bool idle = queue->head == NULL && !queue->is_held;
    unlock(queue);
    return idle;
}
