/* Event count over a mutex and a condition; see signal.h. */
#include "stream/signal.h"

#include <time.h>

bool ef_signal_init(ef_signal *signal) {
    atomic_init(&signal->waiters, 0);
    signal->epoch = 0;
    if (pthread_mutex_init(&signal->mutex, NULL) != 0) {
        return false;
    }
    pthread_condattr_t attributes;
    bool good = pthread_condattr_init(&attributes) == 0;
    if (good) {
#ifndef __APPLE__
        (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
        good = pthread_cond_init(&signal->changed, &attributes) == 0;
        (void)pthread_condattr_destroy(&attributes);
    }
    if (!good) {
        (void)pthread_mutex_destroy(&signal->mutex);
    }
    return good;
}

void ef_signal_clear(ef_signal *signal) {
    (void)pthread_cond_destroy(&signal->changed);
    (void)pthread_mutex_destroy(&signal->mutex);
}

uint32_t ef_signal_begin(ef_signal *signal) {
    (void)pthread_mutex_lock(&signal->mutex);
    uint32_t ticket = signal->epoch;
    (void)pthread_mutex_unlock(&signal->mutex);
    /* Acquire-release: pairs with the same operation in notify. */
    (void)atomic_fetch_add_explicit(&signal->waiters, 1, memory_order_acq_rel);
    return ticket;
}

void ef_signal_cancel(ef_signal *signal) {
    (void)atomic_fetch_sub_explicit(&signal->waiters, 1, memory_order_acq_rel);
}

void ef_signal_sleep(ef_signal *signal, uint32_t ticket, int64_t timeout_ns) {
    struct timespec until;
    if (timeout_ns >= 0) {
#ifdef __APPLE__
        (void)clock_gettime(CLOCK_REALTIME, &until);
#else
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
#endif
        int64_t nanoseconds = until.tv_nsec + timeout_ns % 1000000000;
        until.tv_sec += (time_t)(timeout_ns / 1000000000 + nanoseconds / 1000000000);
        until.tv_nsec = (long)(nanoseconds % 1000000000);
    }
    (void)pthread_mutex_lock(&signal->mutex);
    bool in_time = true;
    while (signal->epoch == ticket && in_time) {
        in_time = timeout_ns < 0 ? pthread_cond_wait(&signal->changed, &signal->mutex) == 0
                                 : pthread_cond_timedwait(&signal->changed, &signal->mutex, &until) == 0;
    }
    (void)pthread_mutex_unlock(&signal->mutex);
    ef_signal_cancel(signal);
}

void ef_signal_notify(ef_signal *signal) {
    if (atomic_fetch_add_explicit(&signal->waiters, 0, memory_order_acq_rel) > 0) {
        (void)pthread_mutex_lock(&signal->mutex);
        signal->epoch++;
        (void)pthread_cond_broadcast(&signal->changed);
        (void)pthread_mutex_unlock(&signal->mutex);
    }
}
