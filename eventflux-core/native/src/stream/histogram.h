/* Log-bucketed counts of durations: four buckets a power of two, from 1 ns. Written by any thread, read without stopping anybody. */
#ifndef EF_STREAM_HISTOGRAM_H
#define EF_STREAM_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define EF_HISTOGRAM_BUCKETS 256u

/* Figures order nothing: relaxed throughout. */
typedef struct ef_histogram {
    _Atomic uint64_t counts[EF_HISTOGRAM_BUCKETS];
    _Atomic uint64_t total; /* sum of the durations */
    _Atomic int64_t highest;
} ef_histogram;

/* Bucket b holds durations from (4 + b % 4) << (b / 4 - 2) on, for b >= 8; smaller ones have a bucket each. */
static inline uint32_t ef_histogram_bucket(int64_t duration_ns) {
    uint64_t value = duration_ns > 0 ? (uint64_t)duration_ns : 0;
    if (value < 8) {
        return (uint32_t)value;
    }
    uint32_t exponent = 63u - (uint32_t)__builtin_clzll(value);
    return exponent * 4u + (uint32_t)((value >> (exponent - 2u)) & 3u) - 4u;
}

static inline void ef_histogram_add(ef_histogram *histogram, int64_t duration_ns, uint64_t times) {
    uint64_t value = duration_ns > 0 ? (uint64_t)duration_ns : 0;
    (void)atomic_fetch_add_explicit(&histogram->counts[ef_histogram_bucket(duration_ns)], times, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&histogram->total, value * times, memory_order_relaxed);
    int64_t highest = atomic_load_explicit(&histogram->highest, memory_order_relaxed);
    while (duration_ns > highest &&
           !atomic_compare_exchange_weak_explicit(&histogram->highest, &highest, duration_ns, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

#endif
