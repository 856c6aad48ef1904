/* One timer a slot: a binary heap by (due, slot), with the place of each slot's timer.
 *
 *      heap:  [ due, slot ][ due, slot ] ...          earliest first; equal due times in order of slots
 *      place: [ slot 0: 1 + index in heap, 0 = none ][ slot 1 ] ...
 *
 * Derived: not saved, set anew on load. Setting O(log slots), the earliest O(1). */
#ifndef EF_WINDOW_TIMERS_H
#define EF_WINDOW_TIMERS_H

#include "window/window.h"

typedef struct ef_timer {
    int64_t due;
    uint32_t slot;
} ef_timer;

typedef struct ef_timers {
    ef_timer *heap;
    uint32_t *place;
    uint32_t count;
    uint32_t heap_capacity;
    uint32_t place_capacity;
} ef_timers;

/* How far timestamps are behind the clock, for timers that wait for rows with a timestamp: a chunk moves the clock to its last row before any of its
 * rows is handled, and recorded events are far behind a wall clock. The most behind of the rows that came with the present value of the clock, and with the
 * one before. All zero: none yet. */
typedef struct ef_lag {
    int64_t clock, now, before;
} ef_lag;

static inline void ef_lag_note(ef_lag *lag, int64_t clock, int64_t timestamp) {
    if (clock != lag->clock) {
        lag->clock = clock;
        lag->before = lag->now;
        lag->now = 0;
    }
    int64_t behind;
    if (__builtin_sub_overflow(clock, timestamp, &behind)) {
        behind = clock > timestamp ? INT64_MAX : 0;
    }
    lag->now = behind > lag->now ? behind : lag->now;
}

static inline int64_t ef_lag_of(const ef_lag *lag) {
    return lag->now > lag->before ? lag->now : lag->before;
}

void ef_lag_save(const ef_lag *lag, ef_writer *writer);
/* False: it cannot be. */
bool ef_lag_load(ef_lag *lag, ef_reader *reader);

void ef_timers_clear(ef_timers *timers, ef_alloc *alloc);
/* Makes ef_timers_set infallible for slots below `slots`. */
ef_status ef_timers_reserve(ef_timers *timers, ef_alloc *alloc, uint32_t slots, ef_error *error) EF_MUST_USE;
/* Sets, moves or (EF_NEVER: of any slot) removes the timer of a slot. */
void ef_timers_set(ef_timers *timers, uint32_t slot, int64_t due);

static inline int64_t ef_timers_next(const ef_timers *timers) {
    return timers->count > 0 ? timers->heap[0].due : EF_NEVER;
}

/* EF_NEVER: the slot has none. */
static inline int64_t ef_timers_of(const ef_timers *timers, uint32_t slot) {
    uint32_t place = slot < timers->place_capacity ? timers->place[slot] : 0;
    return place > 0 ? timers->heap[place - 1].due : EF_NEVER;
}

static inline uint32_t ef_timers_slot(const ef_timers *timers) {
    return timers->heap[0].slot;
}

#endif
