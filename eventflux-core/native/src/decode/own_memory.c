/* Memory of a codec; see own_memory.h. The struct itself is counted in a budget that lives for the call: it cannot be in its own. */
#include "decode/own_memory.h"

ef_own_memory *ef_own_memory_new(void) {
    ef_budget outside;
    ef_alloc alloc;
    ef_budget_init(&outside, 0);
    ef_alloc_init(&alloc, &outside);
    ef_own_memory *memory = ef_malloc(&alloc, sizeof *memory);
    if (memory != NULL) {
        ef_budget_init(&memory->budget, 0);
        ef_alloc_init(&memory->alloc, &memory->budget);
    }
    return memory;
}

ef_alloc *ef_own_memory_alloc(ef_own_memory *memory) {
    return &memory->alloc;
}

void ef_own_memory_free(ef_own_memory *memory) {
    ef_budget outside;
    ef_alloc alloc;
    ef_budget_init(&outside, 0);
    ef_alloc_init(&alloc, &outside);
    ef_free(&alloc, memory, sizeof *memory);
}
