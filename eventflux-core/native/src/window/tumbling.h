/* What batch (tumbling) windows share: two queues of rows a slot, the batch now collected and the one before it.
 *
 *      current:  rows collected since the last end; they go out together as CURRENT
 *      previous: the batch that went out last; it goes out as EXPIRED at the next end (only if somebody reads EXPIRED rows)
 *
 * One slot, within a call, a batch is a *segment*: which of the queues at the start of the call it consists of, then input rows:
 *
 *      { parts: old previous, old current; [from, to) }
 *
 * Batches that open and end within the slice are never retained; queues that no segment names at the end are dropped. By slot, all
 * rows of the slice are retained at the start and travel through the queues of their slots.
 *
 * The functions are always inlined with a constant `by_slot` at the caller, so that each mode is a loop of its own. */
#ifndef EF_WINDOW_TUMBLING_H
#define EF_WINDOW_TUMBLING_H

#include "window/window.h"

typedef struct ef_tumbling_slot {
    ef_row_queue current;
    ef_row_queue previous;
    uint32_t passed; /* rows that went out at once since the last end (stream.current.event) */
} ef_tumbling_slot;

typedef struct ef_tumbling {
    ef_window base;
    ef_slots slots; /* of ef_tumbling_slot */
    bool streams;   /* stream.current.event: rows go out at once; `current` keeps them for EXPIRED */
    bool folds;     /* rows go out at once, and RESET behind those of a batch: its reader folds them as they come (ops/select_ahead.c). `streams` then, too */
    bool retains;   /* rows are collected at all: not when they went out at once and nobody reads EXPIRED */
    bool is_chunk;  /* deliveries are batch chunks (all but those of cron) */
} ef_tumbling;

typedef struct ef_segment {
    uint8_t parts; /* bit 0: the old previous queue, bit 1: the old current queue */
    uint32_t from;
    uint32_t to;
} ef_segment;

typedef struct ef_tumbling_run {
    ef_tumbling *tumbling;
    const ef_batch *batch;
    ef_out *out;
    ef_tumbling_slot *slots;
    ef_segment current; /* one slot */
    ef_segment previous;
    uint32_t passed;
    ef_handle *handles; /* by slot: [rows] */
    uint32_t taken;     /* by slot: rows below it are in queues (or were) */
} ef_tumbling_run;

ef_status ef_tumbling_init(ef_tumbling *tumbling, const ef_operator_config *config, bool streams,
                           ef_error *error) EF_MUST_USE;
void ef_tumbling_clear(ef_tumbling *tumbling);
/* Turns `folds` on, before any row. False: somebody reads what that would not hold. */
bool ef_tumbling_fold_ahead(ef_tumbling *tumbling);
void ef_tumbling_purge(ef_tumbling *tumbling, uint32_t slot);
void ef_tumbling_save(const ef_tumbling *tumbling, ef_writer *writer);
/* Fails with everything as in a fresh window. */
ef_status ef_tumbling_load(ef_tumbling *tumbling, ef_reader *reader, ef_error *error) EF_MUST_USE;
/* The last completed batch; with stream.current.event the rows that went out since the last end. */
ef_status ef_tumbling_find(const ef_tumbling *tumbling, uint32_t slot, ef_out *out, ef_error *error) EF_MUST_USE;

static inline bool ef_tumbling_is_by_slot(const ef_tumbling *tumbling, const ef_batch *batch) {
    return batch->slots != NULL || tumbling->slots.count > 1;
}

/* Makes the batch's slots usable; by slot, retains its rows. */
ef_status ef_tumbling_begin(ef_tumbling_run *run, ef_tumbling *tumbling, const ef_batch *batch, ef_out *out,
                            bool by_slot, ef_error *error) EF_MUST_USE;
/* Materialises the output; one slot: retains what is still held and changes the state. */
ef_status ef_tumbling_end(ef_tumbling_run *run, bool by_slot, ef_error *error) EF_MUST_USE;
/* By slot: the rows that were not collected yet will not be; gives `status`. */
ef_status ef_tumbling_abort(ef_tumbling_run *run, bool by_slot, ef_status status);

/* One slot: puts the rows of a segment out. After ef_out_reserve. */
void ef_segment_emit(const ef_tumbling_run *run, const ef_segment *segment, uint8_t kind, const int64_t *retime,
                     int64_t cause);

static inline uint32_t ef_segment_count(const ef_tumbling_run *run, const ef_segment *segment) {
    return ((segment->parts & 1u) != 0 ? run->slots[0].previous.count : 0) +
           ((segment->parts & 2u) != 0 ? run->slots[0].current.count : 0) + (segment->to - segment->from);
}

EF_ALWAYS_INLINE uint32_t ef_tumbling_current(const ef_tumbling_run *run, uint32_t slot, bool by_slot) {
    return by_slot ? run->slots[slot].current.count : ef_segment_count(run, &run->current);
}

EF_ALWAYS_INLINE uint32_t ef_tumbling_previous(const ef_tumbling_run *run, uint32_t slot, bool by_slot) {
    return by_slot ? run->slots[slot].previous.count : ef_segment_count(run, &run->previous);
}

EF_ALWAYS_INLINE uint32_t *ef_tumbling_passed(ef_tumbling_run *run, uint32_t slot, bool by_slot) {
    return by_slot ? &run->slots[slot].passed : &run->passed;
}

/* Row i joins the open batch; all rows are collected, in order, if any is. */
EF_ALWAYS_INLINE ef_status ef_tumbling_collect(ef_tumbling_run *run, uint32_t i, uint32_t slot, bool by_slot,
                                               ef_error *error) {
    if (!by_slot) {
        run->current.to = i + 1;
        return EF_OK;
    }
    if (!run->tumbling->retains) {
        return EF_OK;
    }
    ef_row_queue one = {run->handles[i], run->handles[i], 1};
    EF_TRY(ef_row_queue_append(&run->slots[slot].current, run->tumbling->base.pages, &one, error));
    run->taken = i + 1;
    return EF_OK;
}

EF_ALWAYS_INLINE void ef_tumbling_emit_current(ef_tumbling_run *run, uint32_t slot, uint8_t kind,
                                               const int64_t *retime, int64_t cause, bool by_slot) {
    if (by_slot) {
        ef_row_queue_emit(&run->slots[slot].current, run->tumbling->base.pages, run->out, kind, retime, cause, slot);
    } else {
        ef_segment_emit(run, &run->current, kind, retime, cause);
    }
}

EF_ALWAYS_INLINE void ef_tumbling_emit_previous(ef_tumbling_run *run, uint32_t slot, uint8_t kind,
                                                const int64_t *retime, int64_t cause, bool by_slot) {
    if (by_slot) {
        ef_row_queue_emit(&run->slots[slot].previous, run->tumbling->base.pages, run->out, kind, retime, cause, slot);
    } else {
        ef_segment_emit(run, &run->previous, kind, retime, cause);
    }
}

EF_ALWAYS_INLINE void ef_tumbling_forget_previous(ef_tumbling_run *run, uint32_t slot, bool by_slot) {
    if (by_slot) {
        ef_row_queue_drop(&run->tumbling->base, &run->slots[slot].previous);
    } else {
        run->previous = (ef_segment){0, 0, 0};
    }
}

EF_ALWAYS_INLINE void ef_tumbling_forget_current(ef_tumbling_run *run, uint32_t slot, bool by_slot) {
    if (by_slot) {
        ef_row_queue_drop(&run->tumbling->base, &run->slots[slot].current);
    } else {
        run->current = (ef_segment){0, run->current.to, run->current.to};
    }
}

/* The open batch becomes the previous one, whose rows must be gone. */
EF_ALWAYS_INLINE void ef_tumbling_turn(ef_tumbling_run *run, uint32_t slot, bool by_slot) {
    if (by_slot) {
        run->slots[slot].previous = run->slots[slot].current;
        run->slots[slot].current = (ef_row_queue){0, 0, 0};
    } else {
        run->previous = run->current;
        run->current = (ef_segment){0, run->current.to, run->current.to};
    }
}

/* The open batch is appended to the previous one. */
EF_ALWAYS_INLINE ef_status ef_tumbling_join(ef_tumbling_run *run, uint32_t slot, bool by_slot, ef_error *error) {
    if (by_slot) {
        ef_tumbling_slot *state = &run->slots[slot];
        EF_TRY(ef_row_queue_append(&state->previous, run->tumbling->base.pages, &state->current, error));
        state->current = (ef_row_queue){0, 0, 0};
        return EF_OK;
    }
    ef_segment *previous = &run->previous;
    bool has_rows = previous->to > previous->from;
    EF_ASSERT(!has_rows || previous->to == run->current.from);
    previous->parts |= run->current.parts;
    previous->from = has_rows ? previous->from : run->current.from;
    previous->to = run->current.to;
    run->current = (ef_segment){0, run->current.to, run->current.to};
    return EF_OK;
}

/* After ef_out_reserve. */
EF_ALWAYS_INLINE void ef_tumbling_reset(ef_tumbling_run *run, uint32_t slot, int64_t clock, int64_t cause) {
    ef_out_put(run->out, EF_FROM_NONE, clock, EF_RESET, cause, slot);
}

/* The end of a batch: EXPIRED of the previous one (if read), then, if rows were collected, RESET and they as CURRENT. With `keep` they are the
 * previous batch now. All of it with `clock` as the timestamp, but the CURRENT rows have their own. */
EF_ALWAYS_INLINE ef_status ef_tumbling_flush(ef_tumbling_run *run, uint32_t slot, int64_t clock, int64_t cause,
                                             bool keep, bool by_slot, ef_error *error) {
    bool expires = run->tumbling->base.wants_expired;
    uint32_t count = ef_tumbling_current(run, slot, by_slot);
    uint32_t leaving = expires ? ef_tumbling_previous(run, slot, by_slot) : 0;
    EF_TRY(ef_out_reserve(run->out, leaving + 1 + count, error));
    if (expires) {
        ef_tumbling_emit_previous(run, slot, EF_EXPIRED, &clock, cause, by_slot);
    }
    ef_tumbling_forget_previous(run, slot, by_slot);
    if (count > 0) {
        ef_tumbling_reset(run, slot, clock, cause);
        ef_tumbling_emit_current(run, slot, EF_CURRENT, NULL, cause, by_slot);
        if (keep) {
            ef_tumbling_turn(run, slot, by_slot);
        } else {
            ef_tumbling_forget_current(run, slot, by_slot);
        }
    }
    return EF_OK;
}

/* The end of a batch whose rows went out at once: they leave as EXPIRED (if read), then RESET. Nothing when there were none. */
EF_ALWAYS_INLINE ef_status ef_tumbling_flush_passed(ef_tumbling_run *run, uint32_t slot, int64_t clock, int64_t cause,
                                                    bool by_slot, ef_error *error) {
    uint32_t *passed = ef_tumbling_passed(run, slot, by_slot);
    if (*passed == 0) {
        return EF_OK;
    }
    EF_TRY(ef_out_reserve(run->out, ef_tumbling_current(run, slot, by_slot) + 1, error));
    if (run->tumbling->base.wants_expired) {
        ef_tumbling_emit_current(run, slot, EF_EXPIRED, &clock, cause, by_slot);
    }
    ef_tumbling_reset(run, slot, clock, cause);
    ef_tumbling_forget_current(run, slot, by_slot);
    *passed = 0;
    return EF_OK;
}

/* One slot, folding: puts rows [from, to) out. */
static inline ef_status ef_tumbling_pass_run(ef_tumbling_run *run, uint32_t from, uint32_t to, ef_error *error) {
    EF_TRY(ef_out_reserve(run->out, to - from, error));
    for (uint32_t i = from; i < to; i++) {
        ef_out_put(run->out, EF_FROM_INPUT(i), run->batch->timestamps[i], EF_CURRENT, ef_row_cause(run->batch, i), 0);
    }
    run->passed += to - from;
    return EF_OK;
}

/* Puts row i out at once, and collects it. */
EF_ALWAYS_INLINE ef_status ef_tumbling_pass(ef_tumbling_run *run, uint32_t i, uint32_t slot, int64_t cause,
                                            bool by_slot, ef_error *error) {
    if (EF_UNLIKELY(run->out->rows == run->out->capacity)) {
        EF_TRY(ef_out_reserve(run->out, 1, error));
    }
    EF_TRY(ef_tumbling_collect(run, i, slot, by_slot, error));
    ef_out_put(run->out, EF_FROM_INPUT(i), run->batch->timestamps[i], EF_CURRENT, cause, slot);
    (*ef_tumbling_passed(run, slot, by_slot))++;
    return EF_OK;
}

#endif
