/* Failing allocations of a whole engine, for the tests of the border. */
#ifndef EF_TESTING_BORDER_H
#define EF_TESTING_BORDER_H

#include "graph/engine.h"

/* All allocations behind the next `allocations` ones fail; < 0: none does. */
void ef_test_fail_after(ef_engine *engine, int64_t allocations);
/* 0: some has failed, or the next one would. */
int64_t ef_test_fails_left(ef_engine *engine);

#endif
