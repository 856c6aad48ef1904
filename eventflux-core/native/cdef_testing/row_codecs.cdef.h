#include "testing/row_codecs.h"

void ef_test_memory_fail_after(ef_own_memory *memory, int64_t allocations);
int64_t ef_test_memory_used(ef_own_memory *memory);
