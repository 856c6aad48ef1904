/* ef_block: rows that left the engine, owned, immutable, counted; one allocation.
 *
 *      [ ef_block ][ columns ][ timestamps ][ kinds? ][ values, validity of each column ][ bytes of long strings ]
 *
 * What a tap copies out for callbacks and sinks. Freed from any thread with its last holder. */
#ifndef EF_GRAPH_BLOCK_H
#define EF_GRAPH_BLOCK_H

#include <stdatomic.h>

#include "batch/batch.h"

struct ef_block;

/* A block on its way from a tap to the listeners. It lies in the block, which is in one list of deliveries at most. */
typedef struct ef_delivery {
    struct ef_delivery *next;
    struct ef_block *block; /* one holder: the delivery */
    int32_t tap;            /* node */
} ef_delivery;

typedef struct ef_block {
    ef_delivery delivery;
    _Atomic uint32_t holders;
    uint32_t rows;
    uint32_t columns;
    uint32_t deliveries;      /* as the batch had them */
    const uint32_t *ends;     /* NULL: the whole block is one delivery */
    const int64_t *timestamps;
    const uint8_t *kinds;     /* NULL: all CURRENT */
    const ef_column *column;
    ef_alloc *alloc;
    size_t size;
    struct ef_engine *engine; /* whose shell the block keeps alive (it counts the block's bytes), or NULL */
} ef_block;

/* A block of one small row that nobody holds any more waits in its engine for the next such row: a one-row call then asks the allocator for
 * nothing. It still keeps the engine's shell. */
typedef struct ef_spare_block {
    _Atomic(ef_block *) block; /* NULL: none; a mark that is no block: none any more */
} ef_spare_block;

void ef_spare_block_init(ef_spare_block *spare);
/* Frees it, and no other comes. */
void ef_spare_block_close(ef_spare_block *spare);

/* A row of one delivery that is CURRENT. From the spare block of the engine if it fits, else from `alloc`, and then held inside (see ef_block_hold_inside). */
ef_block *ef_block_of_row(const ef_batch *batch, struct ef_engine *engine, ef_alloc *alloc) EF_MUST_USE;
/* Copies all rows of `batch` (RESET rows left out). NULL: out of memory, or no rows left (`*empty` then). One holder. */
ef_block *ef_block_copy(const ef_batch *batch, bool each_row_is_delivery, ef_alloc *alloc, bool *empty) EF_MUST_USE;
/* The same with RESET rows, as one delivery: for operators, never for listeners. */
ef_block *ef_block_copy_all(const ef_batch *batch, ef_alloc *alloc) EF_MUST_USE;
/* Appends: a new block with the rows of both; takes neither. */
ef_block *ef_block_concat(ef_block *const *blocks, uint32_t count, ef_alloc *alloc) EF_MUST_USE;
/* From now on the block keeps the engine's shell: it may outlive the engine. Once a block. */
void ef_block_hold(ef_block *block, struct ef_engine *engine);
/* The same under the engine lock, for less. */
void ef_block_hold_inside(ef_block *block, struct ef_engine *engine);
void ef_block_retain(ef_block *block);
void ef_block_release(ef_block *block);

#endif
