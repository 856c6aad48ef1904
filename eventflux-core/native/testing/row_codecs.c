/* For tests of codecs; see row_codecs.h. */
#include "testing/row_codecs.h"

void ef_test_memory_fail_after(ef_own_memory *memory, int64_t allocations) {
    atomic_store_explicit(&memory->budget.fail_after, allocations, memory_order_relaxed);
}

int64_t ef_test_memory_used(ef_own_memory *memory) {
    return atomic_load_explicit(&memory->budget.used, memory_order_relaxed);
}
