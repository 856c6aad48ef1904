/* Insert: rows of the kinds that the output clause names enter the target stream, as CURRENT rows of it. Deliveries stay, but are batch chunks no
 * longer; RESET rows end here. Rows that leave their partition are of no slot any more. */
#include "graph/node.h"

bool ef_insert_rows(const ef_node *node, const ef_batch *from, ef_batch *to, ef_arena *arena) {
    ef_batch unslotted;
    if (node->drops_slots) {
        unslotted = *from;
        unslotted.slots = NULL;
        from = &unslotted;
    }
    *to = *from;
    to->batch_chunk = false;
    if (from->kinds == NULL) {
        if (!node->current) {
            to->rows = 0;
        }
        return true;
    }
    uint32_t *rows = ef_arena_take(arena, from->rows * sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < from->rows; i++) {
        uint8_t kind = from->kinds[i];
        rows[count] = i;
        count += (kind == EF_CURRENT && node->current) || (kind == EF_EXPIRED && node->expired);
    }
    if (count == 0) {
        to->rows = 0;
        return true;
    }
    if (count < from->rows && !ef_batch_gather(to, from, rows, count, arena)) {
        return false;
    }
    to->batch_chunk = false;
    to->kinds = NULL;
    return true;
}
