/* The border: what threads of the outside go through to reach the single-threaded engine.
 *
 *      enter (engine lock) -> push | advance | save ... -> collect (ticket) -> leave -> deliver up to the ticket
 *
 * Order of locks: engine, then GIL. Nobody blocks on the engine lock while holding the GIL: with the GIL try first, then release
 * it and wait. The thread that is inside is known, so that a function called by the engine cannot enter again. */
#ifndef EF_BORDER_BORDER_H
#define EF_BORDER_BORDER_H

#include "border/delivery_queue.h"
#include "time/clock.h"

typedef struct ef_border {
    ef_engine *engine;
    ef_alloc alloc;             /* of the border's own memory, under the engine's budget */
    bool playback;
    pthread_mutex_t lock;       /* the engine lock */
    _Atomic uintptr_t inside;   /* thread that holds it, 0: none */
    ef_clock clock;
    ef_delivery_queue queue;
    int64_t *now_column;        /* timestamps of rows that bring none: now_rows times the same moment; under the lock */
    uint32_t now_rows;
    bool is_closed;             /* under the lock */
    _Atomic int64_t reached;    /* playback: the engine's time behind the last push, for senders into rings */

    /* wake-ups of the thread that fires timers */
    pthread_mutex_t due_mutex;  /* guards the fields below; a leaf */
    pthread_cond_t due_changed;
    int64_t due;                /* earliest due time that the timer thread knows */
    bool is_woken;
    _Atomic int64_t announced;  /* copy of `due` for the test after each push */
} ef_border;

ef_status ef_border_init(ef_border *border, ef_engine *engine, bool playback, ef_error *error) EF_MUST_USE;
/* Nobody may be inside or waiting. Does not free the engine. */
void ef_border_clear(ef_border *border);

typedef enum ef_entry {
    EF_ENTERED,
    EF_ENTRY_BUSY,  /* another thread is inside */
    EF_ENTRY_INSIDE /* this thread is: a function called by the engine may not enter */
} ef_entry;

ef_entry ef_border_try_enter(ef_border *border);
/* Waits. Never with the GIL held. */
ef_entry ef_border_enter(ef_border *border);
void ef_border_leave(ef_border *border);
bool ef_border_is_inside(const ef_border *border);

/* ---- inside ---- */

/* Moment that rows without a timestamp get: the clock, or in playback the time reached. */
int64_t ef_border_now(ef_border *border);
/* `rows->timestamps` may be NULL: now. Stream meaning: at most ef_engine_slice_rows rows. */
ef_status ef_border_push(ef_border *border, ef_node_id stream, const ef_batch *rows, ef_meaning meaning,
                         ef_error *error) EF_MUST_USE;
/* Rows of several streams, with timestamps: ef_engine_push_parts. */
ef_status ef_border_push_parts(ef_border *border, const ef_part *parts, uint32_t count, ef_error *error) EF_MUST_USE;
ef_status ef_border_advance(ef_border *border, int64_t now, ef_error *error) EF_MUST_USE;
/* Streams get no more rows: see ef_engine_finish. */
ef_status ef_border_finish(ef_border *border, ef_error *error) EF_MUST_USE;
/* Takes what came out into the delivery queue. The ticket up to which to deliver, 0: nothing came out. */
uint64_t ef_border_collect(ef_border *border);
/* The same; where nothing else waits, the one delivery of a push is in the visit's hands at once (work->delivery, else NULL). */
uint64_t ef_border_collect_for(ef_border *border, ef_visit *visit, ef_work *work);

/* ---- outside ---- */

/* Moment for rows that go into a ring without a timestamp. */
int64_t ef_border_moment(const ef_border *border);

/* ---- timers, outside ---- */

/* Blocks until a timer is due by the machine's clock, or ef_border_wake. False: woken. Never with the GIL held. */
bool ef_border_wait_due(ef_border *border);
void ef_border_wake(ef_border *border);

#endif
