/* What sliding windows share: a queue of held rows a slot, from which the oldest leave.
 *
 * One slot, within a call:
 *
 *      kept (rows of earlier slices)         input rows [first, next)
 *      [ r ]->[ r ]->[ r ]                   [ i ][ i ][ i ]
 *        ^ pop here while there are any        ^ then here        ^ push here
 *
 * Only what is still held at the end is retained, column by column. By slot, all rows of the slice are retained at the start and
 * travel through the queues of their slots.
 *
 * The functions are always inlined with a constant `run->by_slot` at the caller, so that each mode is a loop of its own. */
#ifndef EF_WINDOW_SLIDING_H
#define EF_WINDOW_SLIDING_H

#include "window/window.h"

typedef struct ef_sliding {
    ef_window base;
    ef_slots queues; /* of ef_row_queue */
    bool is_bare;    /* who drives the window reads the entries of `out`: they are not made into rows */
} ef_sliding;

typedef struct ef_sliding_run {
    ef_sliding *sliding;
    const ef_batch *batch;
    ef_out *out;
    ef_row_queue *queues;
    ef_row_queue kept; /* one slot */
    uint32_t first;
    uint32_t next;
    ef_handle *handles; /* by slot: [rows] */
    uint32_t taken;     /* by slot: rows below it are in queues (or were) */
} ef_sliding_run;

ef_status ef_sliding_init(ef_sliding *sliding, const ef_operator_config *config, ef_error *error) EF_MUST_USE;
void ef_sliding_clear(ef_sliding *sliding);
void ef_sliding_purge(ef_sliding *sliding, uint32_t slot);
void ef_sliding_save(const ef_sliding *sliding, ef_writer *writer);
/* Fails with everything as in a fresh window. */
ef_status ef_sliding_load(ef_sliding *sliding, ef_reader *reader, ef_error *error) EF_MUST_USE;
ef_status ef_sliding_find(const ef_sliding *sliding, uint32_t slot, ef_out *out, ef_error *error) EF_MUST_USE;

/* What one of the windows length, time, timeLength, externalTime and keepAll puts out stays entries of `out` from now on (source, timestamp, kind, cause, slot), unless
 * it hands its input on as it is. False: another window. */
bool ef_sliding_make_bare(const ef_operator_class *window, void *self);

/* Nobody reads what leaves: the input goes through as it is, nothing is retained. */
void ef_sliding_pass(const ef_batch *batch, ef_out *out);

/* A batch of one row in slot 0: it is put out and held; before it the oldest row leaves if `expires`, with the clock as its timestamp. What begin, the
 * loop and end come to for it. */
ef_status ef_sliding_take_one(ef_sliding *sliding, const ef_batch *batch, bool expires, int64_t clock, ef_out *out,
                              ef_error *error) EF_MUST_USE;

static inline bool ef_sliding_is_by_slot(const ef_sliding *sliding, const ef_batch *batch) {
    return batch->slots != NULL || sliding->queues.count > 1;
}

/* Makes the batch's slots usable; by slot, retains its rows. */
ef_status ef_sliding_begin(ef_sliding_run *run, ef_sliding *sliding, const ef_batch *batch, ef_out *out, bool by_slot,
                           ef_error *error) EF_MUST_USE;
/* Materialises the output; one slot: retains what is still held and changes the state. */
ef_status ef_sliding_end(ef_sliding_run *run, bool by_slot, ef_error *error) EF_MUST_USE;
/* By slot: the rows that were not pushed yet will not be; gives `status`. */
ef_status ef_sliding_abort(ef_sliding_run *run, bool by_slot, ef_status status);

EF_ALWAYS_INLINE uint32_t ef_sliding_count(const ef_sliding_run *run, uint32_t slot, bool by_slot) {
    return by_slot ? run->queues[slot].count : run->kept.count + (run->next - run->first);
}

/* Timestamp of the oldest row held; count > 0. */
EF_ALWAYS_INLINE int64_t ef_sliding_oldest(const ef_sliding_run *run, uint32_t slot, bool by_slot) {
    const ef_row_queue *queue = by_slot ? &run->queues[slot] : &run->kept;
    if (by_slot || queue->count > 0) {
        return ef_row_timestamp(ef_pages_at(run->sliding->base.pages, queue->head));
    }
    return run->batch->timestamps[run->first];
}

/* Value of a LONG column of the oldest row held; count > 0. */
EF_ALWAYS_INLINE int64_t ef_sliding_oldest_value(const ef_sliding_run *run, uint32_t column, uint32_t slot,
                                                 bool by_slot) {
    const ef_row_queue *queue = by_slot ? &run->queues[slot] : &run->kept;
    int64_t value;
    if (by_slot || queue->count > 0) {
        const ef_window *base = &run->sliding->base;
        memcpy(&value, ef_pages_at(base->pages, queue->head) + base->layout.offset[column], sizeof value);
    } else {
        memcpy(&value, (const int64_t *)run->batch->column[column].values + run->first, sizeof value);
    }
    return value;
}

/* Lets the oldest row go; count > 0. */
EF_ALWAYS_INLINE ef_status ef_sliding_release(ef_sliding_run *run, uint32_t slot, int64_t timestamp, uint8_t kind,
                                              int64_t cause, bool by_slot, ef_error *error) {
    ef_out *out = run->out;
    if (EF_UNLIKELY(out->rows == out->capacity)) {
        EF_TRY(ef_out_reserve(out, 1, error));
    }
    ef_window *base = &run->sliding->base;
    if (by_slot) {
        ef_handle oldest = ef_row_queue_pop(&run->queues[slot], base->pages);
        ef_out_put(out, EF_FROM_RETAINED(oldest), timestamp, kind, cause, slot);
        ef_row_drop(base->pages, &base->layout, oldest);
        base->held--;
    } else if (run->kept.count > 0) {
        ef_handle oldest = ef_row_queue_pop(&run->kept, base->pages);
        ef_out_put(out, EF_FROM_RETAINED(oldest), timestamp, kind, cause, slot);
    } else {
        ef_out_put(out, EF_FROM_INPUT(run->first++), timestamp, kind, cause, slot);
    }
    return EF_OK;
}

/* Puts out the oldest row as EXPIRED. */
EF_ALWAYS_INLINE ef_status ef_sliding_expire(ef_sliding_run *run, uint32_t slot, int64_t timestamp, int64_t cause,
                                             bool by_slot, ef_error *error) {
    return ef_sliding_release(run, slot, timestamp, EF_EXPIRED, cause, by_slot, error);
}

/* Puts row i out as CURRENT. */
EF_ALWAYS_INLINE ef_status ef_sliding_emit(ef_sliding_run *run, uint32_t i, uint32_t slot, int64_t cause,
                                           ef_error *error) {
    ef_out *out = run->out;
    if (EF_UNLIKELY(out->rows == out->capacity)) {
        EF_TRY(ef_out_reserve(out, 1, error));
    }
    ef_out_put(out, EF_FROM_INPUT(i), run->batch->timestamps[i], EF_CURRENT, cause, slot);
    return EF_OK;
}

/* Row i is held from now on; rows are pushed in order, all of them. */
EF_ALWAYS_INLINE ef_status ef_sliding_push(ef_sliding_run *run, uint32_t i, uint32_t slot, bool by_slot,
                                           ef_error *error) {
    if (!by_slot) {
        run->next = i + 1;
        return EF_OK;
    }
    ef_row_queue one = {run->handles[i], run->handles[i], 1};
    EF_TRY(ef_row_queue_append(&run->queues[slot], run->sliding->base.pages, &one, error));
    run->taken = i + 1;
    return EF_OK;
}

#endif
