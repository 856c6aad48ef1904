/* Indexed binary heap; see timers.h. */
#include "window/timers.h"

void ef_timers_clear(ef_timers *timers, ef_alloc *alloc) {
    ef_free(alloc, timers->heap, timers->heap_capacity * sizeof *timers->heap);
    ef_free(alloc, timers->place, timers->place_capacity * sizeof *timers->place);
    memset(timers, 0, sizeof *timers);
}

ef_status ef_timers_reserve(ef_timers *timers, ef_alloc *alloc, uint32_t slots, ef_error *error) {
    if (EF_LIKELY(slots <= timers->place_capacity && slots <= timers->heap_capacity)) {
        return EF_OK;
    }
    void *heap = timers->heap;
    ef_status status = ef_grow(alloc, &heap, &timers->heap_capacity, slots, sizeof *timers->heap, error);
    timers->heap = heap;
    EF_TRY(status);
    void *place = timers->place;
    uint32_t old = timers->place_capacity;
    status = ef_grow(alloc, &place, &timers->place_capacity, slots, sizeof *timers->place, error);
    timers->place = place;
    EF_TRY(status);
    memset(timers->place + old, 0, (timers->place_capacity - old) * sizeof *timers->place);
    return EF_OK;
}

static bool is_before(const ef_timer *a, const ef_timer *b) {
    return a->due != b->due ? a->due < b->due : a->slot < b->slot;
}

static void put(ef_timers *timers, uint32_t index, ef_timer timer) {
    timers->heap[index] = timer;
    timers->place[timer.slot] = index + 1;
}

static void settle(ef_timers *timers, uint32_t index, ef_timer timer) {
    while (index > 0) {
        uint32_t parent = (index - 1) / 2;
        if (!is_before(&timer, &timers->heap[parent])) {
            break;
        }
        put(timers, index, timers->heap[parent]);
        index = parent;
    }
    for (;;) {
        uint32_t child = 2 * index + 1;
        if (child >= timers->count) {
            break;
        }
        if (child + 1 < timers->count && is_before(&timers->heap[child + 1], &timers->heap[child])) {
            child++;
        }
        if (!is_before(&timers->heap[child], &timer)) {
            break;
        }
        put(timers, index, timers->heap[child]);
        index = child;
    }
    put(timers, index, timer);
}

void ef_timers_set(ef_timers *timers, uint32_t slot, int64_t due) {
    uint32_t place = slot < timers->place_capacity ? timers->place[slot] : 0;
    if (due == EF_NEVER) {
        if (place == 0) {
            return;
        }
        timers->place[slot] = 0;
        ef_timer last = timers->heap[--timers->count];
        if (last.slot != slot) {
            settle(timers, place - 1, last);
        }
        return;
    }
    if (place == 0) {
        place = ++timers->count;
    } else if (timers->heap[place - 1].due == due) {
        return;
    }
    settle(timers, place - 1, (ef_timer){.due = due, .slot = slot});
}

void ef_lag_save(const ef_lag *lag, ef_writer *writer) {
    ef_put_i64(writer, lag->clock);
    ef_put_i64(writer, lag->now);
    ef_put_i64(writer, lag->before);
}

bool ef_lag_load(ef_lag *lag, ef_reader *reader) {
    lag->clock = ef_get_i64(reader);
    lag->now = ef_get_i64(reader);
    lag->before = ef_get_i64(reader);
    return lag->now >= 0 && lag->before >= 0;
}
