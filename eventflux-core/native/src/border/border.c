/* The engine lock, the clock, pushes of default timestamps, timer wake-ups; see border.h. */
#include "border/border.h"

#include "graph/domains.h"

#include <time.h>

static uintptr_t this_thread(void) {
    return (uintptr_t)pthread_self();
}

ef_status ef_border_init(ef_border *border, ef_engine *engine, bool playback, ef_error *error) {
    memset(border, 0, sizeof *border);
    border->engine = engine;
    border->playback = playback;
    ef_alloc_init(&border->alloc, ef_engine_alloc(engine)->budget);
    atomic_init(&border->inside, 0);
    atomic_init(&border->announced, EF_NEVER);
    atomic_init(&border->reached, ef_engine_now(engine));
    border->due = EF_NEVER;
    ef_clock_init(&border->clock);
    border->now_rows = ef_engine_slice_rows(engine);
    border->now_column = ef_malloc(&border->alloc, (size_t)border->now_rows * sizeof *border->now_column);
    if (border->now_column == NULL) {
        return ef_fail_memory(error);
    }
    ef_status status = ef_queue_init(&border->queue, &border->alloc, error);
    if (status == EF_OK) {
        if (pthread_mutex_init(&border->lock, NULL) == 0) {
            if (pthread_mutex_init(&border->due_mutex, NULL) == 0) {
                if (pthread_cond_init(&border->due_changed, NULL) == 0) {
                    return EF_OK;
                }
                (void)pthread_mutex_destroy(&border->due_mutex);
            }
            (void)pthread_mutex_destroy(&border->lock);
        }
        status = ef_fail(error, EF_NO_MEMORY, "no mutex left");
        ef_queue_clear(&border->queue, engine);
    }
    ef_free(&border->alloc, border->now_column, (size_t)border->now_rows * sizeof *border->now_column);
    return status;
}

void ef_border_clear(ef_border *border) {
    ef_queue_clear(&border->queue, border->engine);
    (void)pthread_cond_destroy(&border->due_changed);
    (void)pthread_mutex_destroy(&border->due_mutex);
    (void)pthread_mutex_destroy(&border->lock);
    ef_free(&border->alloc, border->now_column, (size_t)border->now_rows * sizeof *border->now_column);
}

/* `inside` is compared only with the reader's own thread, which nobody else stores: relaxed. */
bool ef_border_is_inside(const ef_border *border) {
    return atomic_load_explicit(&border->inside, memory_order_relaxed) == this_thread();
}

ef_entry ef_border_try_enter(ef_border *border) {
    if (pthread_mutex_trylock(&border->lock) == 0) {
        atomic_store_explicit(&border->inside, this_thread(), memory_order_relaxed);
        return EF_ENTERED;
    }
    return ef_border_is_inside(border) ? EF_ENTRY_INSIDE : EF_ENTRY_BUSY;
}

ef_entry ef_border_enter(ef_border *border) {
    if (ef_border_is_inside(border)) {
        return EF_ENTRY_INSIDE;
    }
    (void)pthread_mutex_lock(&border->lock);
    atomic_store_explicit(&border->inside, this_thread(), memory_order_relaxed);
    return EF_ENTERED;
}

void ef_border_leave(ef_border *border) {
    atomic_store_explicit(&border->inside, 0, memory_order_relaxed);
    (void)pthread_mutex_unlock(&border->lock);
}

int64_t ef_border_moment(const ef_border *border) {
    return border->playback ? atomic_load_explicit(&border->reached, memory_order_relaxed) : ef_clock_peek(&border->clock);
}

int64_t ef_border_now(ef_border *border) {
    return border->playback ? ef_engine_now(border->engine) : ef_clock_read(&border->clock);
}

/* Tells the timer thread of an earlier due time than it sleeps for. */
static void announce(ef_border *border) {
    int64_t due = ef_engine_next_due(border->engine);
    /* Relaxed: `announced` is written under due_mutex; a stale value costs a wake-up or is corrected by the next wait, which reads `due`. */
    if (due < atomic_load_explicit(&border->announced, memory_order_relaxed)) {
        (void)pthread_mutex_lock(&border->due_mutex);
        border->due = due;
        atomic_store_explicit(&border->announced, due, memory_order_relaxed);
        (void)pthread_cond_signal(&border->due_changed);
        (void)pthread_mutex_unlock(&border->due_mutex);
    }
}

ef_status ef_border_push(ef_border *border, ef_node_id stream, const ef_batch *rows, ef_meaning meaning, ef_error *error) {
    if (EF_UNLIKELY(border->is_closed)) {
        return ef_fail(error, EF_CLOSED, "the engine is closed");
    }
    if (!ef_queue_is_reserved(&border->queue)) {
        EF_TRY(ef_queue_reserve(&border->queue, error));
    }
    /* Reading the wall clock takes as long as a small query does. */
    bool wants_now = rows->timestamps == NULL || ef_engine_needs_clock(border->engine);
    int64_t now = wants_now ? ef_border_now(border) : ef_engine_now(border->engine);
    ef_batch stamped;
    if (rows->timestamps == NULL) {
        if (rows->rows > border->now_rows) { /* a chunk is not cut */
            int64_t *column = ef_realloc(&border->alloc, border->now_column,
                                         (size_t)border->now_rows * sizeof *column, (size_t)rows->rows * sizeof *column);
            if (column == NULL) {
                return ef_fail_memory(error);
            }
            border->now_column = column;
            border->now_rows = rows->rows;
        }
        for (uint32_t i = 0; i < rows->rows; i++) {
            border->now_column[i] = now;
        }
        stamped = *rows;
        stamped.timestamps = border->now_column;
        rows = &stamped;
    }
    ef_status status = ef_engine_push(border->engine, stream, rows, meaning, now, error);
    if (border->playback) {
        atomic_store_explicit(&border->reached, ef_engine_now(border->engine), memory_order_relaxed);
    } else {
        announce(border);
    }
    return status;
}

ef_status ef_border_push_parts(ef_border *border, const ef_part *parts, uint32_t count, ef_error *error) {
    if (border->is_closed) {
        return ef_fail(error, EF_CLOSED, "the engine is closed");
    }
    if (!ef_queue_is_reserved(&border->queue)) {
        EF_TRY(ef_queue_reserve(&border->queue, error));
    }
    ef_status status = ef_engine_push_parts(border->engine, parts, count, ef_border_now(border), error);
    if (border->playback) {
        atomic_store_explicit(&border->reached, ef_engine_now(border->engine), memory_order_relaxed);
    } else {
        announce(border);
    }
    return status;
}

ef_status ef_border_finish(ef_border *border, ef_error *error) {
    if (border->is_closed) {
        return ef_fail(error, EF_CLOSED, "the engine is closed");
    }
    EF_TRY(ef_queue_reserve(&border->queue, error));
    return ef_engine_finish(border->engine, error);
}

ef_status ef_border_advance(ef_border *border, int64_t now, ef_error *error) {
    if (border->is_closed) {
        return ef_fail(error, EF_CLOSED, "the engine is closed");
    }
    EF_TRY(ef_queue_reserve(&border->queue, error));
    ef_status status = ef_engine_advance(border->engine, now, error);
    if (border->playback) {
        atomic_store_explicit(&border->reached, ef_engine_now(border->engine), memory_order_relaxed);
    } else {
        int64_t due = ef_engine_next_due(border->engine);
        (void)pthread_mutex_lock(&border->due_mutex);
        border->due = due;
        atomic_store_explicit(&border->announced, due, memory_order_relaxed);
        (void)pthread_mutex_unlock(&border->due_mutex);
    }
    return status;
}

uint64_t ef_border_collect_for(ef_border *border, ef_visit *visit, ef_work *work) {
    ef_delivery *deliveries = ef_engine_take(border->engine);
    ef_failure *failures = ef_engine_take_failures(border->engine);
    if (deliveries != NULL && deliveries->next == NULL && failures == NULL &&
        ef_queue_take_at_once(&border->queue, deliveries, visit, work)) {
        return work->ticket;
    }
    return deliveries != NULL || failures != NULL ? ef_queue_append(&border->queue, deliveries, failures) : 0;
}

uint64_t ef_border_collect(ef_border *border) {
    ef_delivery *deliveries = ef_engine_take(border->engine);
    ef_failure *failures = ef_engine_take_failures(border->engine);
    if (deliveries == NULL && failures == NULL) {
        return 0;
    }
    return ef_queue_append(&border->queue, deliveries, failures);
}

bool ef_border_wait_due(ef_border *border) {
    bool due = false;
    (void)pthread_mutex_lock(&border->due_mutex);
    while (!border->is_woken && !due) {
        int64_t now_ms = ef_wall_ms();
        if (border->due == EF_NEVER || ef_clock_is_set(&border->clock)) {
            (void)pthread_cond_wait(&border->due_changed, &border->due_mutex);
        } else if (border->due <= now_ms) {
            due = true;
        } else {
            /* The wall clock may be set while we sleep: look again at least once a second. */
            int64_t until = border->due < now_ms + 1000 ? border->due : now_ms + 1000;
            struct timespec moment = {.tv_sec = (time_t)(until / 1000), .tv_nsec = (long)(until % 1000) * 1000000};
            (void)pthread_cond_timedwait(&border->due_changed, &border->due_mutex, &moment);
        }
    }
    border->is_woken = false;
    (void)pthread_mutex_unlock(&border->due_mutex);
    return due;
}

void ef_border_wake(ef_border *border) {
    (void)pthread_mutex_lock(&border->due_mutex);
    border->is_woken = true;
    (void)pthread_cond_signal(&border->due_changed);
    (void)pthread_mutex_unlock(&border->due_mutex);
}
