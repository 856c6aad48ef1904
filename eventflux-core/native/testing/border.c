/* Failing allocations of a whole engine, for the tests of the border. */
#include "testing/border.h"

void ef_test_fail_after(ef_engine *engine, int64_t allocations) {
    atomic_store_explicit(&ef_engine_alloc(engine)->budget->fail_after, allocations, memory_order_relaxed);
}

int64_t ef_test_fails_left(ef_engine *engine) {
    return atomic_load_explicit(&ef_engine_alloc(engine)->budget->fail_after, memory_order_relaxed);
}
