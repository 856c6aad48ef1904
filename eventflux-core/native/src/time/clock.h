/* The wall clock of an engine: the machine's, or one that is set by hand (tests, simulation). Milliseconds since the epoch; never goes back. */
#ifndef EF_TIME_CLOCK_H
#define EF_TIME_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ef_clock {
    _Atomic int64_t set;  /* the moment set by hand; < 0: the machine's clock counts */
    int64_t last;         /* highest value given out; guarded by the engine lock */
} ef_clock;

void ef_clock_init(ef_clock *clock);
/* Milliseconds now; under the engine lock. */
int64_t ef_clock_read(ef_clock *clock);
/* The same without the lock, and without its promise. */
int64_t ef_clock_peek(const ef_clock *clock);
/* From now on the clock stands at `now` until it is set again; < 0 goes back to the machine's. Any thread. */
void ef_clock_set(ef_clock *clock, int64_t now);
bool ef_clock_is_set(const ef_clock *clock);

/* Milliseconds since the epoch by the machine. */
int64_t ef_wall_ms(void);
/* Nanoseconds of a clock that only runs forward; for durations. */
int64_t ef_monotonic_ns(void);

#endif
