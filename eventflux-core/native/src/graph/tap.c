/* Taps: where rows leave the graph for callbacks and sinks.
 *
 * Under the depth-first driver every delivery is an entry of its own, in order over all taps. In a bulk push (many rows, stream meaning) only the order
 * within one tap counts, so its deliveries are joined into one block at the end of the slice. */
#include "graph/node.h"

void ef_tap_batch(ef_engine *engine, ef_node *tap, const ef_batch *batch) {
    if (tap->removed) {
        return;
    }
    bool empty = false;
    ef_block *block = ef_block_copy(batch, true, &engine->block_alloc, &empty);
    if (block == NULL) {
        if (!empty) {
            ef_record_failure(engine, tap, NULL, 0, EF_NO_MEMORY, "no memory left to hand rows to a listener");
        }
        return;
    }
    ef_delivery *delivery = ef_calloc(&engine->block_alloc, sizeof *delivery);
    if (delivery == NULL) {
        ef_block_release(block);
        ef_record_failure(engine, tap, NULL, 0, EF_NO_MEMORY, "no memory left to hand rows to a listener");
        return;
    }
    ef_block_hold(block, engine);
    delivery->tap = tap->id;
    delivery->block = block;
    tap->metrics.rows_in += block->rows;
    tap->metrics.calls++;
    *engine->last_delivery = delivery;
    engine->last_delivery = &delivery->next;
}

/* Joins all entries of the tap of `first` that follow it into it. */
static void join_tap(ef_engine *engine, ef_delivery *first) {
    uint32_t count = 0;
    for (ef_delivery *d = first; d != NULL; d = d->next) {
        count += d->tap == first->tap;
    }
    if (count < 2) {
        return;
    }
    ef_block **blocks = ef_malloc(&engine->alloc, count * sizeof *blocks);
    if (blocks == NULL) {
        return; /* they stay apart: no row is lost */
    }
    uint32_t at = 0;
    for (ef_delivery *d = first; d != NULL; d = d->next) {
        if (d->tap == first->tap) {
            blocks[at++] = d->block;
        }
    }
    ef_block *joined = ef_block_concat(blocks, count, &engine->block_alloc);
    ef_free(&engine->alloc, blocks, count * sizeof *blocks);
    if (joined == NULL) {
        return;
    }
    ef_block_hold(joined, engine);
    ef_block_release(first->block);
    first->block = joined;
    ef_delivery **link = &first->next;
    while (*link != NULL) {
        ef_delivery *d = *link;
        if (d->tap == first->tap) {
            *link = d->next;
            ef_delivery_free(engine, d);
        } else {
            link = &d->next;
        }
    }
    engine->last_delivery = link;
}

void ef_join_bulk(ef_engine *engine) {
    for (ef_delivery *d = engine->first_delivery; d != NULL; d = d->next) {
        join_tap(engine, d);
    }
}

ef_delivery *ef_engine_take(ef_engine *engine) {
    ef_delivery *first = engine->first_delivery;
    engine->first_delivery = NULL;
    engine->last_delivery = &engine->first_delivery;
    return first;
}

bool ef_engine_has_output(const ef_engine *engine) {
    return engine->first_delivery != NULL || engine->first_failure != NULL;
}

void ef_delivery_free(ef_engine *engine, ef_delivery *delivery) {
    ef_block_release(delivery->block);
    ef_free(&engine->block_alloc, delivery, sizeof *delivery);
}
