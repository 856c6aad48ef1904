/* Wall and monotonic time; the one file that asks the machine for it. */
#include "time/clock.h"

#include <time.h>

void ef_clock_init(ef_clock *clock) {
    atomic_init(&clock->set, -1);
    clock->last = INT64_MIN;
}

int64_t ef_wall_ms(void) {
    struct timespec moment;
    (void)clock_gettime(CLOCK_REALTIME, &moment);
    return (int64_t)moment.tv_sec * 1000 + moment.tv_nsec / 1000000;
}

/* `set` is a single value that orders nothing else: relaxed. */
int64_t ef_clock_peek(const ef_clock *clock) {
    int64_t now = atomic_load_explicit(&clock->set, memory_order_relaxed);
    return now < 0 ? ef_wall_ms() : now;
}

int64_t ef_clock_read(ef_clock *clock) {
    int64_t now = ef_clock_peek(clock);
    if (now > clock->last) {
        clock->last = now;
    }
    return clock->last;
}

void ef_clock_set(ef_clock *clock, int64_t now) {
    atomic_store_explicit(&clock->set, now, memory_order_relaxed);
}

bool ef_clock_is_set(const ef_clock *clock) {
    return atomic_load_explicit(&clock->set, memory_order_relaxed) >= 0;
}

int64_t ef_monotonic_ns(void) {
    struct timespec moment;
    (void)clock_gettime(CLOCK_MONOTONIC, &moment);
    return (int64_t)moment.tv_sec * 1000000000 + moment.tv_nsec;
}
