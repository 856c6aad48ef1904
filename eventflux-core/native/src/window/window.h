/* What all windows share: parameters, the page store of retained rows, queues of rows, dense state by slot.
 *
 *      slot 0 ──> queue: head ─next─> row ─next─> row = tail      rows of all slots lie in one page store,
 *      slot 1 ──> queue: empty                                    linked through their `next`
 *
 * wants_expired false means: nobody reads EXPIRED rows and nobody calls find(). A window then retains only what it still has to
 * put out as CURRENT.
 *
 * A process() call works in one of two modes. *One slot* (no slot column, and only slot 0 known): rows that enter and leave within the
 * slice are never retained; state is changed in the end, when nothing can fail any more, so that a failing call leaves the window as
 * it was. *By slot*: all rows of the slice are retained first, then rows move from queue to queue; when a call fails midway, the rows
 * before that point have been taken, the others have not, and the output of the call is lost. */
#ifndef EF_WINDOW_WINDOW_H
#define EF_WINDOW_WINDOW_H

#include "batch/out.h"

/* Rows linked through `next`, oldest first. All zero is an empty queue: head and tail have no meaning then. */
typedef struct ef_row_queue {
    ef_handle head;
    ef_handle tail;
    uint32_t count;
} ef_row_queue;

/* State by slot, all zero for slots that were never touched. */
typedef struct ef_slots {
    void *items;
    uint32_t count; /* slots below it may have been touched */
    uint32_t capacity;
    uint32_t item_size;
} ef_slots;

typedef struct ef_window {
    ef_alloc *alloc;
    ef_pages *pages;
    ef_row_layout layout;
    uint64_t held; /* rows retained */
    uint16_t rank;
    bool wants_expired;
} ef_window;

/* On failure nothing is left to clear. */
ef_status ef_window_init(ef_window *window, const ef_operator_config *config, ef_error *error) EF_MUST_USE;
void ef_window_clear(ef_window *window);
/* After a load that failed: no pages, nothing held. */
void ef_window_forget(ef_window *window);

/* ---- parameters: constants of the declaration's order; `what` names one in messages ---- */

static inline bool ef_param_given(const ef_operator_config *config, uint32_t index) {
    return index < config->param_count &&
           (config->params[index].kind == EF_PARAM_COLUMN || !config->params[index].null);
}
/* An INT or LONG of at least `least`. */
ef_status ef_param_integer(const ef_operator_config *config, uint32_t index, const char *what, int64_t least,
                           int64_t *value, ef_error *error) EF_MUST_USE;
/* As above; `missing` when the parameter is absent or null. */
ef_status ef_param_integer_or(const ef_operator_config *config, uint32_t index, const char *what, int64_t least,
                              int64_t missing, int64_t *value, ef_error *error) EF_MUST_USE;
/* False when the parameter is absent or null. */
ef_status ef_param_bool(const ef_operator_config *config, uint32_t index, const char *what, bool *value,
                        ef_error *error) EF_MUST_USE;
/* A column of the input of that type (0: any). */
ef_status ef_param_column(const ef_operator_config *config, uint32_t index, const char *what, ef_type type,
                          uint32_t *column, ef_error *error) EF_MUST_USE;

/* Rows whose `column` is null go to the error edge; *batch then is the rest of the rows, and the input of `out`. */
ef_status ef_window_refuse_nulls(const ef_batch **batch, uint32_t column, const char *message, ef_out *out,
                                 ef_error *error) EF_MUST_USE;

/* ---- time ---- */

/* a + b, held at the ends of the range; b >= 0. */
static inline int64_t ef_time_after(int64_t a, int64_t b) {
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* The end of the grid start + k * period behind `time`: time + (period - (time - start) rem period), the remainder with the sign of
 * its left side (so that before `start` it is one period later than one expects). period > 0. */
static inline int64_t ef_grid_end(int64_t time, int64_t start, int64_t period) {
    __int128 passed = (__int128)time - start;
    __int128 end = (__int128)time + (period - passed % period);
    return end > INT64_MAX ? INT64_MAX : (int64_t)end;
}

/* The first of end, end + period, ... that is behind `time`. */
static inline int64_t ef_grid_skip(int64_t end, int64_t period, int64_t time) {
    if (end > time) {
        return end;
    }
    __int128 distance = (__int128)time - end;
    __int128 next = (__int128)end + (distance / period + 1) * period;
    return next > INT64_MAX ? INT64_MAX : (int64_t)next;
}

/* The first time behind `time` that is congruent to `start` modulo `period`. */
static inline int64_t ef_grid_after(int64_t time, int64_t start, int64_t period) {
    __int128 passed = (__int128)time - start;
    __int128 remainder = passed % period < 0 ? passed % period + period : passed % period;
    __int128 next = (__int128)time + (period - remainder);
    return next > INT64_MAX ? INT64_MAX : (int64_t)next;
}

/* Where the clock stood at the last pass of the operator's timers before a row: the row's own clock if its step's pass is over, else that
 * of the step before. */
static inline int64_t ef_passed_clock(uint16_t rank, int64_t clock, int64_t cause, const ef_track *track) {
    if (EF_CAUSE_RANK(cause) > rank) {
        return clock;
    }
    uint32_t step = EF_CAUSE_STEP(cause);
    return step > 0 ? track->clock[step - 1] : track->before;
}

/* ---- slots ---- */

static inline void ef_slots_init(ef_slots *slots, size_t item_size) {
    *slots = (ef_slots){.item_size = (uint32_t)item_size};
}
void ef_slots_clear(ef_slots *slots, ef_alloc *alloc);
/* Makes slots below `count` usable. */
ef_status ef_slots_reserve(ef_slots *slots, ef_alloc *alloc, uint32_t count, ef_error *error) EF_MUST_USE;
/* 1 + the highest slot of the batch. */
uint32_t ef_batch_slot_count(const ef_batch *batch);

/* ---- queues ---- */

/* Links rows that were just kept (their pages are private: this can't fail). */
void ef_row_queue_make(ef_row_queue *queue, ef_pages *pages, const ef_handle *handles, uint32_t count);
/* Appends. Fails (unchanged) when the tail's page is shared and can't be copied. */
ef_status ef_row_queue_append(ef_row_queue *queue, ef_pages *pages, const ef_row_queue *more,
                              ef_error *error) EF_MUST_USE;
/* Makes the next append of this queue infallible within the call. */
ef_status ef_row_queue_prepare(const ef_row_queue *queue, ef_pages *pages, ef_error *error) EF_MUST_USE;
/* Takes the oldest row out of the list; the row itself stays kept. count > 0. */
static inline ef_handle ef_row_queue_pop(ef_row_queue *queue, const ef_pages *pages) {
    ef_handle oldest = queue->head;
    queue->head = ef_row_next(ef_pages_at(pages, oldest));
    queue->count--;
    return oldest;
}
/* Drops the first `count` rows from `head` on. */
void ef_rows_drop(ef_window *window, ef_handle head, uint32_t count);
static inline void ef_row_queue_drop(ef_window *window, ef_row_queue *queue) {
    ef_rows_drop(window, queue->head, queue->count);
    *queue = (ef_row_queue){0, 0, 0};
}
/* Emits all rows: `retime` NULL leaves their own timestamps. After ef_out_reserve(queue->count). */
void ef_row_queue_emit(const ef_row_queue *queue, const ef_pages *pages, ef_out *out, uint8_t kind,
                       const int64_t *retime, int64_t cause, uint32_t slot);
void ef_row_queue_save(const ef_row_queue *queue, ef_writer *writer);
/* Reads and checks a queue, row by row. */
ef_status ef_row_queue_load(ef_row_queue *queue, ef_row_checker *checker, ef_reader *reader,
                            ef_error *error) EF_MUST_USE;

/* Puts the rows of a queue out as CURRENT rows of one delivery: find(). */
ef_status ef_row_queue_find(const ef_window *window, const ef_row_queue *queue, uint32_t slot, ef_out *out,
                            ef_error *error) EF_MUST_USE;

/* ---- walking through a batch ---- */

/* Where deliveries end while rows are visited in order. */
typedef struct ef_delivery_cursor {
    const ef_batch *batch;
    uint32_t delivery;
    uint32_t end; /* of the present delivery */
} ef_delivery_cursor;

static inline void ef_delivery_cursor_init(ef_delivery_cursor *cursor, const ef_batch *batch) {
    cursor->batch = batch;
    cursor->delivery = 0;
    cursor->end = batch->rows > 0 ? ef_delivery_end(batch, 0) : 0;
}

/* True when row i is the last of its delivery; the cursor then stands on the next. */
static inline bool ef_delivery_cursor_ends(ef_delivery_cursor *cursor, uint32_t i) {
    if (i + 1 != cursor->end) {
        return false;
    }
    if (i + 1 < cursor->batch->rows) {
        cursor->end = ef_delivery_end(cursor->batch, ++cursor->delivery);
    }
    return true;
}

#endif
