/* Shared parts of batch windows; see tumbling.h. */
#include "window/tumbling.h"

ef_status ef_tumbling_init(ef_tumbling *tumbling, const ef_operator_config *config, bool streams, ef_error *error) {
    ef_slots_init(&tumbling->slots, sizeof(ef_tumbling_slot));
    tumbling->streams = streams;
    tumbling->retains = !streams || config->wants_expired;
    tumbling->is_chunk = true;
    return ef_window_init(&tumbling->base, config, error);
}

void ef_tumbling_clear(ef_tumbling *tumbling) {
    ef_slots_clear(&tumbling->slots, tumbling->base.alloc);
    ef_window_clear(&tumbling->base);
}

bool ef_tumbling_fold_ahead(ef_tumbling *tumbling) {
    if (tumbling->streams || tumbling->base.wants_expired) {
        return false;
    }
    tumbling->folds = true;
    tumbling->streams = true;
    tumbling->retains = false;
    return true;
}

static void forget_slot(ef_tumbling *tumbling, ef_tumbling_slot *state) {
    ef_row_queue_drop(&tumbling->base, &state->current);
    ef_row_queue_drop(&tumbling->base, &state->previous);
    state->passed = 0;
}

void ef_tumbling_purge(ef_tumbling *tumbling, uint32_t slot) {
    ef_tumbling_slot *slots = tumbling->slots.items;
    if (slot == EF_ALL_SLOTS) {
        for (uint32_t i = 0; i < tumbling->slots.count; i++) {
            forget_slot(tumbling, &slots[i]);
        }
        ef_slots_clear(&tumbling->slots, tumbling->base.alloc);
    } else if (slot < tumbling->slots.count) {
        forget_slot(tumbling, &slots[slot]);
    }
}

void ef_tumbling_save(const ef_tumbling *tumbling, ef_writer *writer) {
    const ef_tumbling_slot *slots = tumbling->slots.items;
    ef_put_u32(writer, tumbling->slots.count);
    for (uint32_t i = 0; i < tumbling->slots.count; i++) {
        ef_row_queue_save(&slots[i].current, writer);
        ef_row_queue_save(&slots[i].previous, writer);
        ef_put_u32(writer, slots[i].passed);
    }
    ef_pages_save(tumbling->base.pages, writer);
}

#define SLOT_BYTES 28u /* of a saved slot */

static ef_status read_slots(ef_tumbling *tumbling, const char *saved, uint32_t count, ef_error *error) {
    ef_window *base = &tumbling->base;
    ef_row_checker checker;
    ef_reader reader;
    ef_tumbling_slot *slots = tumbling->slots.items;
    ef_reader_init(&reader, saved, (size_t)count * SLOT_BYTES);
    EF_TRY(ef_row_checker_init(&checker, base->pages, &base->layout, base->alloc, error));
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < count && status == EF_OK; i++) {
        status = ef_row_queue_load(&slots[i].current, &checker, &reader, error);
        if (status == EF_OK) {
            status = ef_row_queue_load(&slots[i].previous, &checker, &reader, error);
        }
        slots[i].passed = ef_get_u32(&reader);
        base->held += (uint64_t)slots[i].current.count + slots[i].previous.count;
    }
    ef_row_checker_clear(&checker);
    return status;
}

ef_status ef_tumbling_load(ef_tumbling *tumbling, ef_reader *reader, ef_error *error) {
    ef_window *base = &tumbling->base;
    uint32_t count = ef_get_u32(reader);
    const char *saved = ef_get_bytes(reader, (size_t)count * SLOT_BYTES);
    if (saved == NULL) {
        return ef_fail(error, EF_CORRUPT, "the saved state of a window ends too early");
    }
    EF_TRY(ef_slots_reserve(&tumbling->slots, base->alloc, count, error));
    ef_status status = ef_pages_load(base->pages, reader, error);
    if (status == EF_OK) {
        status = read_slots(tumbling, saved, count, error);
    }
    if (status == EF_OK && tumbling->folds && base->held > 0) {
        status = ef_fail(error, EF_CORRUPT, "the saved state holds rows of a window that retains none");
    }
    if (status != EF_OK) {
        ef_slots_clear(&tumbling->slots, base->alloc);
        ef_window_forget(base);
    }
    return status;
}

ef_status ef_tumbling_find(const ef_tumbling *tumbling, uint32_t slot, ef_out *out, ef_error *error) {
    if (slot >= tumbling->slots.count) {
        return EF_OK;
    }
    const ef_tumbling_slot *state = (const ef_tumbling_slot *)tumbling->slots.items + slot;
    return ef_row_queue_find(&tumbling->base, tumbling->streams ? &state->current : &state->previous, slot, out, error);
}

ef_status ef_tumbling_begin(ef_tumbling_run *run, ef_tumbling *tumbling, const ef_batch *batch, ef_out *out,
                            bool by_slot, ef_error *error) {
    ef_window *base = &tumbling->base;
    uint32_t slots = by_slot ? ef_batch_slot_count(batch) : 1;
    EF_TRY(ef_slots_reserve(&tumbling->slots, base->alloc, slots, error));
    *run = (ef_tumbling_run){.tumbling = tumbling, .batch = batch, .out = out, .slots = tumbling->slots.items};
    if (!by_slot) {
        run->previous.parts = run->slots[0].previous.count > 0 ? 1 : 0;
        run->current.parts = run->slots[0].current.count > 0 ? 2 : 0;
        run->passed = run->slots[0].passed;
        return EF_OK;
    }
    if (tumbling->retains) {
        run->handles = ef_arena_take(out->arena, (batch->rows + (size_t)1) * sizeof *run->handles);
        if (run->handles == NULL) {
            return ef_fail_memory(error);
        }
        EF_TRY(ef_rows_keep(base->pages, &base->layout, batch, 0, batch->rows, run->handles, error));
        base->held += batch->rows;
    }
    return EF_OK;
}

ef_status ef_tumbling_abort(ef_tumbling_run *run, bool by_slot, ef_status status) {
    if (by_slot && run->tumbling->retains) {
        ef_window *base = &run->tumbling->base;
        for (uint32_t i = run->taken; i < run->batch->rows; i++) {
            ef_row_drop(base->pages, &base->layout, run->handles[i]);
            base->held--;
        }
    }
    return status;
}

void ef_segment_emit(const ef_tumbling_run *run, const ef_segment *segment, uint8_t kind, const int64_t *retime,
                     int64_t cause) {
    const ef_pages *pages = run->tumbling->base.pages;
    if ((segment->parts & 1u) != 0) {
        ef_row_queue_emit(&run->slots[0].previous, pages, run->out, kind, retime, cause, 0);
    }
    if ((segment->parts & 2u) != 0) {
        ef_row_queue_emit(&run->slots[0].current, pages, run->out, kind, retime, cause, 0);
    }
    for (uint32_t i = segment->from; i < segment->to; i++) {
        ef_out_put(run->out, EF_FROM_INPUT(i), retime != NULL ? *retime : run->batch->timestamps[i], kind, cause, 0);
    }
}

/* Retains the input rows of a segment as a queue of their own. */
static ef_status keep_rows(const ef_tumbling_run *run, const ef_segment *segment, ef_row_queue *fresh,
                           ef_error *error) {
    ef_window *base = &run->tumbling->base;
    uint32_t count = segment->to - segment->from;
    *fresh = (ef_row_queue){0, 0, 0};
    if (count == 0 || !run->tumbling->retains) {
        return EF_OK;
    }
    ef_handle *handles = ef_arena_take(run->out->arena, count * sizeof *handles);
    if (handles == NULL) {
        return ef_fail_memory(error);
    }
    EF_TRY(ef_rows_keep(base->pages, &base->layout, run->batch, segment->from, count, handles, error));
    ef_row_queue_make(fresh, base->pages, handles, count);
    base->held += count;
    return EF_OK;
}

/* The queue of a segment: its old queues, then `fresh`. The tails were prepared: this can't fail. */
static ef_row_queue assemble(const ef_tumbling_run *run, const ef_segment *segment, const ef_tumbling_slot *old,
                             const ef_row_queue *fresh) {
    ef_pages *pages = run->tumbling->base.pages;
    ef_row_queue queue = {0, 0, 0};
    const ef_row_queue *parts[] = {(segment->parts & 1u) != 0 ? &old->previous : NULL,
                                   (segment->parts & 2u) != 0 ? &old->current : NULL, fresh};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i] != NULL) {
            ef_status status = ef_row_queue_append(&queue, pages, parts[i], NULL);
            EF_ASSERT(status == EF_OK);
            (void)status;
        }
    }
    return queue;
}

static ef_status settle(ef_tumbling_run *run, ef_error *error) {
    ef_tumbling *tumbling = run->tumbling;
    ef_window *base = &tumbling->base;
    ef_tumbling_slot old = run->slots[0];
    ef_row_queue fresh_previous, fresh_current = {0, 0, 0};
    EF_TRY(keep_rows(run, &run->previous, &fresh_previous, error));
    ef_status status = keep_rows(run, &run->current, &fresh_current, error);
    if (status == EF_OK) {
        status = ef_row_queue_prepare(&old.previous, base->pages, error);
    }
    if (status == EF_OK) {
        status = ef_row_queue_prepare(&old.current, base->pages, error);
    }
    if (status == EF_OK) {
        status = ef_out_finish(run->out, base->pages, &base->layout, tumbling->is_chunk, error);
    }
    if (status != EF_OK) {
        ef_row_queue_drop(base, &fresh_previous);
        ef_row_queue_drop(base, &fresh_current);
        return status;
    }
    ef_tumbling_slot *slot = &run->slots[0];
    slot->previous = assemble(run, &run->previous, &old, &fresh_previous);
    slot->current = assemble(run, &run->current, &old, &fresh_current);
    slot->passed = run->passed;
    uint8_t parts = run->previous.parts | run->current.parts;
    if ((parts & 1u) == 0) {
        ef_row_queue_drop(base, &old.previous);
    }
    if ((parts & 2u) == 0) {
        ef_row_queue_drop(base, &old.current);
    }
    return EF_OK;
}

ef_status ef_tumbling_end(ef_tumbling_run *run, bool by_slot, ef_error *error) {
    ef_window *base = &run->tumbling->base;
    return by_slot ? ef_out_finish(run->out, base->pages, &base->layout, run->tumbling->is_chunk, error)
                   : settle(run, error);
}
