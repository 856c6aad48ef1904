/* ef_out: where an operator puts the rows of one process() call.
 *
 * Two ways, and a short one. (1) Emitter, for windows and their like: name the source of each row (an input row, a retained row, nothing), and at the
 * end ef_out_finish gathers all columns at once, column by column. (2) Whole: fill `result` directly (filters, selections).
 *
 * (3) In place: where the caller allows it (`may_stay`), the emitter leaves a few rows of one delivery where they are, and their reader takes the
 * values that it wants from there (ef_out_read): a call with one row has none to spare for columns that live for one reader.
 *
 * Rows come in rising cause order. ef_out_end closes a delivery; empty ones vanish. Everything lives in the slice arena. */
#ifndef EF_BATCH_OUT_H
#define EF_BATCH_OUT_H

#include "batch/batch.h"
#include "pages/rows.h"

/* Source of an emitted row: input row i is i; retained row h is ~h; EF_FROM_NONE is for RESET rows: zero values, which are not marked
 * as null (nobody reads them, and a bitmap for them would slow every reader of the others). */
typedef int64_t ef_source;
#define EF_FROM_INPUT(row) ((ef_source)(row))
#define EF_FROM_RETAINED(handle) (~(ef_source)(handle))
#define EF_FROM_NONE INT64_MIN

/* A row that failed; the rest goes on. */
typedef struct ef_failed_row {
    uint32_t at; /* input row */
    char *message;
} ef_failed_row;

struct ef_out {
    ef_arena *arena;
    const ef_batch *input;
    ef_batch result;     /* what the operator puts out; rows == 0: nothing */

    /* emitter */
    ef_source *source;
    int64_t *timestamp;
    int64_t *cause;
    uint8_t *kind;
    uint32_t *slot;
    uint32_t *ends;     /* room for `capacity` of them: no delivery is empty */
    uint32_t rows;
    uint32_t capacity;
    uint32_t deliveries;
    uint8_t kinds;      /* those of all rows, as bits of their numbers */
    bool any_slot;

    /* rows that stay in place */
    bool may_stay;      /* the caller's wish */
    bool stays;         /* result has rows, and no columns */
    const ef_pages *pages;
    const ef_row_layout *layout;

    /* error edge */
    ef_failed_row *failed;
    uint32_t failed_count;
    uint32_t failed_capacity;
};

#define EF_OUT_FEW 8u /* rows that may stay in place */

void ef_out_init(ef_out *out, ef_arena *arena, const ef_batch *input);

/* Room for `more` further emitted rows. */
ef_status ef_out_reserve(ef_out *out, uint32_t more, ef_error *error) EF_MUST_USE;

/* After ef_out_reserve. */
static inline void ef_out_put(ef_out *out, ef_source source, int64_t timestamp, uint8_t kind, int64_t cause,
                              uint32_t slot) {
    EF_ASSERT(out->rows < out->capacity);
    uint32_t i = out->rows++;
    out->source[i] = source;
    out->timestamp[i] = timestamp;
    out->kind[i] = kind;
    out->cause[i] = cause;
    out->slot[i] = slot;
    out->kinds |= kind;
    out->any_slot |= slot != 0;
}

/* Ends the present delivery (nothing if it has no rows). */
static inline void ef_out_end(ef_out *out) {
    if (out->rows > (out->deliveries > 0 ? out->ends[out->deliveries - 1] : 0)) {
        out->ends[out->deliveries++] = out->rows;
    }
}

/* Materialises the emitted rows into out->result; ends the last delivery. `pages` and `layout` resolve EF_FROM_RETAINED (may be NULL when
 * there are none); the input's columns are in the same order. Columns that are wholly input rows in order are views. */
ef_status ef_out_finish(ef_out *out, const ef_pages *pages, const ef_row_layout *layout, bool batch_chunk,
                        ef_error *error) EF_MUST_USE;

/* One value of the rows that stay in place; NULL never. A string of a retained row is made in `text`. */
static inline const void *ef_out_value(const ef_out *out, uint32_t column, uint32_t row, ef_str *text, bool *is_null) {
    ef_source source = out->source[row];
    if (source >= 0) {
        const ef_column *input = &out->input->column[column];
        *is_null = ef_is_null(input, (uint32_t)source);
        return (const char *)input->values + (size_t)source * ef_type_width(input->type);
    }
    const char *kept = ef_pages_at(out->pages, (ef_handle)~source);
    *is_null = ef_row_is_null(kept, column);
    const char *field = kept + out->layout->offset[column];
    if (out->layout->type[column] == EF_STRING || out->layout->type[column] == EF_OBJECT) {
        *text = ef_row_string(out->pages, field);
        return text;
    }
    return field;
}

/* One column of rows[0..count) of those that stay in place; false: out of memory. */
bool ef_out_read(const ef_out *out, uint32_t column, const uint32_t *rows, uint32_t count, ef_column *to) EF_MUST_USE;

/* Puts row `at` of the input on the error edge. */
ef_status ef_out_fail_row(ef_out *out, uint32_t at, const char *message, ef_error *error) EF_MUST_USE;

/* ---- firing timers along the track ---- */

/* Where an operator stands between the passes of a slice. next_step: the first step whose pass has not come yet. */
typedef struct ef_walk {
    const ef_track *track;
    uint32_t next_step;
    uint32_t fired;
    uint16_t rank;
} ef_walk;

static inline void ef_walk_init(ef_walk *walk, const ef_track *track, uint16_t rank) {
    walk->track = track;
    walk->next_step = 0;
    walk->fired = 0;
    walk->rank = rank;
}

/* The step in whose pass a timer due at `due` fires before a row with `cause` (INT64_MAX: before the end of the track), or -1: it does
 * not fire before it. On a step >= 0 the caller fires the timer, with the clock track->clock[step] and the cause
 * EF_CAUSE(step, rank, walk->fired - 1), one delivery, and asks again with its next due time. */
static inline int64_t ef_walk_next(ef_walk *walk, int64_t due, int64_t cause) {
    const ef_track *track = walk->track;
    if (due == EF_NEVER || walk->fired >= track->max_firings || track->clock[track->steps - 1] < due) {
        return -1;
    }
    uint32_t low = walk->next_step, high = track->steps;
    if (low >= high) {
        return -1;
    }
    if (track->clock[low] < due) { /* first step with clock >= due */
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (track->clock[middle] < due) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
    }
    if (EF_UNLIKELY(track->quiet != NULL)) {
        while (low < track->steps && track->quiet[low]) {
            low++;
        }
        if (low == track->steps) {
            return -1;
        }
    }
    if (cause != INT64_MAX && EF_CAUSE(low, walk->rank, 0x7FFFFFF) > cause) {
        return -1;
    }
    walk->next_step = low;
    walk->fired++;
    return (int64_t)low;
}

/* Told before each row that is handled: passes of this operator that lie before the row are over (what falls due behind the pass waits
 * for the next move of the clock). */
static inline void ef_walk_row(ef_walk *walk, int64_t cause) {
    uint32_t over = EF_CAUSE_STEP(cause) + (walk->rank < EF_CAUSE_RANK(cause) ? 1u : 0u);
    if (over > walk->next_step) {
        walk->next_step = over;
    }
}

#endif
