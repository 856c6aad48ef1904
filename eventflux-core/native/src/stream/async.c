/* Which ring is next; see async.h. */
#include "stream/async.h"

#include <sched.h>

#include "time/clock.h"

ef_status ef_async_init(ef_async *async, ef_alloc *alloc, ef_error *error) {
    memset(async, 0, sizeof *async);
    async->alloc = alloc;
    atomic_init(&async->order, 1);
    atomic_init(&async->is_stopping, false);
    return ef_signal_init(&async->filled) ? EF_OK : ef_fail(error, EF_NO_MEMORY, "no mutex left");
}

void ef_async_clear(ef_async *async) {
    for (uint32_t i = 0; i < async->count; i++) {
        ef_ring_free(async->rings[i].ring);
    }
    ef_free(async->alloc, async->rings, async->capacity * sizeof *async->rings);
    ef_signal_clear(&async->filled);
}

int32_t ef_async_add(ef_async *async, const ef_async_ring *ring, ef_error *error) {
    if (async->count >= EF_RINGS_MOST) {
        return (int32_t)ef_fail(error, EF_LIMIT, "an app can have at most %u async streams", EF_RINGS_MOST);
    }
    void *rings = async->rings;
    ef_status status = ef_grow(async->alloc, &rings, &async->capacity, async->count + 1, sizeof *async->rings, error);
    async->rings = rings;
    if (status != EF_OK) {
        return (int32_t)status;
    }
    async->rings[async->count] = *ring;
    return (int32_t)async->count++;
}

/* Lowest order at the heads of the rings but `but`; UINT64_MAX: they are empty. A row that a producer is still copying may come before
 * all others, so we wait for it: it takes as long as copying a call's rows. */
static uint64_t lowest_of_others(const ef_async *async, uint32_t but, uint32_t *which) {
    uint64_t lowest = UINT64_MAX;
    for (uint32_t i = 0; i < async->count; i++) {
        uint64_t order;
        ef_ring_head head;
        if (i == but) {
            continue;
        }
        while ((head = ef_ring_look(async->rings[i].ring, &order)) == EF_RING_CLAIMED) {
            (void)sched_yield();
        }
        if (head == EF_RING_READY && order < lowest) {
            lowest = order;
            *which = i;
        }
    }
    return lowest;
}

bool ef_async_pick(ef_async *async, uint32_t *ring, uint64_t *below, uint64_t *end) {
    *below = UINT64_MAX;
    if (async->count == 1) {
        *ring = 0;
        return ef_ring_ready(async->rings[0].ring, async->rings[0].batch_most, end) > 0;
    }
    uint32_t chosen = 0;
    uint64_t order = lowest_of_others(async, UINT32_MAX, &chosen);
    while (order != UINT64_MAX) {
        /* Look again: what was sent before the chosen row, by its sender, is visible now that the row is. So it is for all rows that are
         * seen in the chosen ring before the others are looked at, and for no more: those may be taken. */
        uint32_t other = chosen;
        uint32_t seen = ef_ring_ready(async->rings[chosen].ring, async->rings[chosen].batch_most, end);
        uint64_t limit = lowest_of_others(async, chosen, &other);
        if (limit > order && seen > 0) {
            *ring = chosen;
            *below = limit - 1;
            return true;
        }
        chosen = other;
        order = limit;
    }
    return false;
}

bool ef_async_is_empty(const ef_async *async) {
    for (uint32_t i = 0; i < async->count; i++) {
        if (ef_ring_depth(async->rings[i].ring) > 0) {
            return false;
        }
    }
    return true;
}

#define SPINS 4096

void ef_async_wait(ef_async *async, int64_t wait_ns) {
    ef_idle idle = EF_IDLE_BLOCKING;
    for (uint32_t i = 0; i < async->count; i++) {
        idle = async->rings[i].idle > idle ? async->rings[i].idle : idle;
    }
    int64_t until = wait_ns >= 0 ? ef_monotonic_ns() + wait_ns : INT64_MAX;
    while (idle != EF_IDLE_BLOCKING) {
        for (int i = 0; i < SPINS; i++) {
            if (!ef_async_is_empty(async) || ef_async_is_stopping(async)) {
                return;
            }
            if (idle == EF_IDLE_YIELDING) {
                (void)sched_yield();
            }
        }
        if (wait_ns >= 0 && ef_monotonic_ns() >= until) {
            return;
        }
    }
    uint32_t ticket = ef_signal_begin(&async->filled);
    if (!ef_async_is_empty(async) || ef_async_is_stopping(async)) {
        ef_signal_cancel(&async->filled);
        return;
    }
    ef_signal_sleep(&async->filled, ticket, wait_ns);
}

void ef_async_stop(ef_async *async) {
    /* Release: pairs with the acquire in ef_async_is_stopping. */
    atomic_store_explicit(&async->is_stopping, true, memory_order_release);
    ef_signal_notify(&async->filled);
    for (uint32_t i = 0; i < async->count; i++) {
        ef_ring_close(async->rings[i].ring);
    }
}

void ef_async_start(ef_async *async) {
    for (uint32_t i = 0; i < async->count; i++) {
        ef_ring_open(async->rings[i].ring);
    }
    atomic_store_explicit(&async->is_stopping, false, memory_order_release);
}
