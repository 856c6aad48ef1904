/* Taps: where rows leave the graph for callbacks and sinks.
 *
 * Under the depth-first driver every delivery is an entry of its own, in order over all taps. In a bulk push (many rows, stream meaning) only the order
 * within one tap counts, so its deliveries are joined into one block at the end of the slice. So are those of a move of the wall clock that fires very many
 * timers: a call a firing would take a listener longer than all the rest, and make everything behind it late. */
#include "graph/node.h"

#define FIRINGS_APART 64u /* deliveries of one move of the clock that stay calls of their own */

static ef_delivery *delivery_of(ef_block *block, ef_node_id tap) {
    block->delivery = (ef_delivery){.next = NULL, .block = block, .tap = tap};
    return &block->delivery;
}

void ef_tap_batch(ef_engine *engine, ef_node *tap, const ef_batch *batch) {
    if (tap->removed) {
        return;
    }
    const bool is_one = batch->rows == 1 && batch->kinds == NULL;
    bool empty = false;
    ef_block *block = is_one ? ef_block_of_row(batch, engine, &engine->block_alloc)
                             : ef_block_copy(batch, true, &engine->block_alloc, &empty);
    if (block == NULL) {
        if (!empty) {
            ef_record_failure(engine, tap, NULL, 0, EF_NO_MEMORY, "no memory left to hand rows to a listener");
        }
        return;
    }
    if (!is_one) {
        ef_block_hold_inside(block, engine);
    }
    ef_delivery *delivery = delivery_of(block, tap->id);
    tap->metrics.rows_in += block->rows;
    tap->metrics.calls++;
    *engine->last_delivery = delivery;
    engine->last_delivery = &delivery->next;
}

/* Joins all entries of the tap of the first of a list into that. */
static void join_tap(ef_engine *engine, ef_delivery **list) {
    const ef_node_id tap = (*list)->tap;
    uint32_t count = 0;
    for (ef_delivery *d = *list; d != NULL; d = d->next) {
        count += d->tap == tap;
    }
    if (count < 2) {
        return;
    }
    ef_block **blocks = ef_malloc(&engine->alloc, count * sizeof *blocks);
    if (blocks == NULL) {
        return; /* they stay apart: no row is lost */
    }
    uint32_t at = 0;
    for (ef_delivery *d = *list; d != NULL; d = d->next) {
        if (d->tap == tap) {
            blocks[at++] = d->block;
        }
    }
    ef_block *joined = ef_block_concat(blocks, count, &engine->block_alloc);
    if (joined != NULL) {
        ef_block_hold_inside(joined, engine);
        ef_delivery **link = list;
        while (*link != NULL) {
            if ((*link)->tap == tap) {
                *link = (*link)->next;
            } else {
                link = &(*link)->next;
            }
        }
        ef_delivery *delivery = delivery_of(joined, tap);
        engine->last_delivery = link == list ? &delivery->next : link;
        delivery->next = *list;
        *list = delivery;
        for (uint32_t i = 0; i < count; i++) {
            ef_block_release(blocks[i]);
        }
    }
    ef_free(&engine->alloc, blocks, count * sizeof *blocks);
}

void ef_join_bulk(ef_engine *engine) {
    for (ef_delivery **list = &engine->first_delivery; *list != NULL; list = &(*list)->next) {
        join_tap(engine, list);
    }
}

void ef_join_firings(ef_engine *engine) {
    uint32_t count = 0;
    for (const ef_delivery *d = engine->first_delivery; d != NULL && count <= FIRINGS_APART; d = d->next) {
        count++;
    }
    if (count > FIRINGS_APART) {
        ef_join_bulk(engine);
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
