#include "testing/border.h"

void ef_test_fail_after(ef_engine *engine, int64_t allocations);
int64_t ef_test_fails_left(ef_engine *engine);
