/* Shared parts of sliding windows; see sliding.h. */
#include "window/sliding.h"

#include "window/windows.h"

bool ef_sliding_make_bare(const ef_operator_class *window, void *self) {
    bool is_sliding = window == &ef_length_window_class || window == &ef_time_window_class || window == &ef_time_length_window_class ||
                      window == &ef_external_time_window_class || window == &ef_keep_all_window_class;
    if (is_sliding) {
        ((ef_sliding *)self)->is_bare = true; /* their first member */
    }
    return is_sliding;
}

ef_status ef_sliding_init(ef_sliding *sliding, const ef_operator_config *config, ef_error *error) {
    ef_slots_init(&sliding->queues, sizeof(ef_row_queue));
    return ef_window_init(&sliding->base, config, error);
}

void ef_sliding_clear(ef_sliding *sliding) {
    ef_slots_clear(&sliding->queues, sliding->base.alloc);
    ef_window_clear(&sliding->base);
}

void ef_sliding_purge(ef_sliding *sliding, uint32_t slot) {
    ef_row_queue *queues = sliding->queues.items;
    if (slot == EF_ALL_SLOTS) {
        for (uint32_t i = 0; i < sliding->queues.count; i++) {
            ef_row_queue_drop(&sliding->base, &queues[i]);
        }
        ef_slots_clear(&sliding->queues, sliding->base.alloc);
    } else if (slot < sliding->queues.count) {
        ef_row_queue_drop(&sliding->base, &queues[slot]);
    }
}

void ef_sliding_save(const ef_sliding *sliding, ef_writer *writer) {
    const ef_row_queue *queues = sliding->queues.items;
    ef_put_u32(writer, sliding->queues.count);
    for (uint32_t i = 0; i < sliding->queues.count; i++) {
        ef_row_queue_save(&queues[i], writer);
    }
    ef_pages_save(sliding->base.pages, writer);
}

#define QUEUE_BYTES 12u /* of a saved queue */

static ef_status read_queues(ef_sliding *sliding, const char *saved, uint32_t count, ef_error *error) {
    ef_window *base = &sliding->base;
    ef_row_checker checker;
    ef_reader reader;
    ef_row_queue *queues = sliding->queues.items;
    ef_reader_init(&reader, saved, (size_t)count * QUEUE_BYTES);
    EF_TRY(ef_row_checker_init(&checker, base->pages, &base->layout, base->alloc, error));
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < count && status == EF_OK; i++) {
        status = ef_row_queue_load(&queues[i], &checker, &reader, error);
        base->held += queues[i].count;
    }
    ef_row_checker_clear(&checker);
    return status;
}

ef_status ef_sliding_load(ef_sliding *sliding, ef_reader *reader, ef_error *error) {
    ef_window *base = &sliding->base;
    uint32_t count = ef_get_u32(reader);
    const char *saved = ef_get_bytes(reader, (size_t)count * QUEUE_BYTES);
    if (saved == NULL) {
        return ef_fail(error, EF_CORRUPT, "the saved state of a window ends too early");
    }
    EF_TRY(ef_slots_reserve(&sliding->queues, base->alloc, count, error));
    ef_status status = ef_pages_load(base->pages, reader, error);
    if (status == EF_OK) {
        status = read_queues(sliding, saved, count, error);
    }
    if (status != EF_OK) {
        ef_slots_clear(&sliding->queues, base->alloc);
        ef_window_forget(base);
    }
    return status;
}

ef_status ef_sliding_find(const ef_sliding *sliding, uint32_t slot, ef_out *out, ef_error *error) {
    if (slot >= sliding->queues.count) {
        return EF_OK;
    }
    const ef_row_queue *queues = sliding->queues.items;
    return ef_row_queue_find(&sliding->base, &queues[slot], slot, out, error);
}

void ef_sliding_pass(const ef_batch *batch, ef_out *out) {
    out->result = *batch;
    out->result.batch_chunk = false;
}

ef_status ef_sliding_begin(ef_sliding_run *run, ef_sliding *sliding, const ef_batch *batch, ef_out *out, bool by_slot,
                           ef_error *error) {
    ef_window *base = &sliding->base;
    uint32_t slots = by_slot ? ef_batch_slot_count(batch) : 1;
    EF_TRY(ef_slots_reserve(&sliding->queues, base->alloc, slots, error));
    EF_TRY(ef_out_reserve(out, 2 * batch->rows, error));
    *run = (ef_sliding_run){.sliding = sliding, .batch = batch, .out = out, .queues = sliding->queues.items};
    if (!by_slot) {
        run->kept = run->queues[0];
        return EF_OK;
    }
    run->handles = ef_arena_take(out->arena, (batch->rows + (size_t)1) * sizeof *run->handles);
    if (run->handles == NULL) {
        return ef_fail_memory(error);
    }
    EF_TRY(ef_rows_keep(base->pages, &base->layout, batch, 0, batch->rows, run->handles, error));
    base->held += batch->rows;
    return EF_OK;
}

ef_status ef_sliding_abort(ef_sliding_run *run, bool by_slot, ef_status status) {
    if (by_slot) {
        ef_window *base = &run->sliding->base;
        for (uint32_t i = run->taken; i < run->batch->rows; i++) {
            ef_row_drop(base->pages, &base->layout, run->handles[i]);
            base->held--;
        }
    }
    return status;
}

static ef_status finish(ef_sliding_run *run, ef_error *error) {
    ef_window *base = &run->sliding->base;
    return run->sliding->is_bare ? EF_OK : ef_out_finish(run->out, base->pages, &base->layout, false, error);
}

/* Retains input rows [first, next) behind the kept ones, then drops those that left. */
static ef_status settle(ef_sliding_run *run, ef_error *error) {
    ef_window *base = &run->sliding->base;
    uint32_t count = run->next - run->first;
    ef_row_queue fresh = {0, 0, 0};
    ef_status status = EF_OK;
    if (count == 1) {
        EF_TRY(ef_row_keep(base->pages, &base->layout, run->batch, run->first, &fresh.head, error));
        fresh.tail = fresh.head;
        fresh.count = 1;
        base->held++;
        status = ef_row_queue_prepare(&run->kept, base->pages, error);
    } else if (count > 1) {
        ef_handle *handles = ef_arena_take(run->out->arena, count * sizeof *handles);
        if (handles == NULL) {
            return ef_fail_memory(error);
        }
        EF_TRY(ef_rows_keep(base->pages, &base->layout, run->batch, run->first, count, handles, error));
        ef_row_queue_make(&fresh, base->pages, handles, count);
        base->held += count;
        status = ef_row_queue_prepare(&run->kept, base->pages, error);
    }
    if (status == EF_OK) {
        status = finish(run, error);
    }
    if (status == EF_OK) {
        status = ef_row_queue_append(&run->kept, base->pages, &fresh, error);
    }
    if (status != EF_OK) {
        ef_row_queue_drop(base, &fresh);
        return status;
    }
    ef_row_queue *queue = run->queues;
    ef_rows_drop(base, queue->head, queue->count - (run->kept.count - count));
    *queue = run->kept;
    return EF_OK;
}

ef_status ef_sliding_end(ef_sliding_run *run, bool by_slot, ef_error *error) {
    return by_slot ? finish(run, error) : settle(run, error);
}

ef_status ef_sliding_take_one(ef_sliding *sliding, const ef_batch *batch, bool expires, int64_t clock, ef_out *out,
                              ef_error *error) {
    ef_window *base = &sliding->base;
    ef_row_queue *queue = sliding->queues.items;
    const int64_t cause = ef_row_cause(batch, 0);
    ef_handle fresh;
    EF_TRY(ef_out_reserve(out, 2, error));
    if (expires) {
        ef_out_put(out, EF_FROM_RETAINED(queue->head), clock, EF_EXPIRED, cause, 0);
    }
    ef_out_put(out, EF_FROM_INPUT(0), batch->timestamps[0], EF_CURRENT, cause, 0);
    EF_TRY(ef_row_keep(base->pages, &base->layout, batch, 0, &fresh, error));
    ef_status status = ef_row_queue_prepare(queue, base->pages, error);
    if (status == EF_OK) {
        status = ef_out_finish(out, base->pages, &base->layout, false, error);
    }
    if (status != EF_OK) {
        ef_row_drop(base->pages, &base->layout, fresh);
        return status;
    }
    if (queue->count > 0) {
        ef_row_set_next(ef_pages_write(base->pages, queue->tail), fresh); /* prepared: it can't fail */
    } else {
        queue->head = fresh;
    }
    queue->tail = fresh;
    queue->count++;
    base->held++;
    if (expires) {
        ef_row_drop(base->pages, &base->layout, ef_row_queue_pop(queue, base->pages));
        base->held--;
    }
    return EF_OK;
}
