/* A signal that threads sleep on until something outside of it has changed (an event count).
 *
 *      waiter:  begin -> look again -> sleep or cancel            changer:  change -> notify
 *
 * Nothing is lost: `waiters` is changed by both sides with read-modify-write, so one of the two comes first. Either the changer
 * sees the waiter and wakes it, or the waiter's begin synchronises with the changer's notify and its second look sees the change. While
 * nobody waits, notify is one atomic operation. */
#ifndef EF_STREAM_SIGNAL_H
#define EF_STREAM_SIGNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ef_signal {
    _Atomic uint32_t waiters;
    uint32_t epoch; /* guarded by mutex; goes up with every notify that finds a waiter */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} ef_signal;

bool ef_signal_init(ef_signal *signal);
void ef_signal_clear(ef_signal *signal);

/* Announces a waiter; gives the ticket for sleep. */
uint32_t ef_signal_begin(ef_signal *signal);
void ef_signal_cancel(ef_signal *signal);
/* Sleeps until a notify after begin, or for timeout_ns (< 0: without limit). The waiter is over either way. */
void ef_signal_sleep(ef_signal *signal, uint32_t ticket, int64_t timeout_ns);
void ef_signal_notify(ef_signal *signal);

#endif
