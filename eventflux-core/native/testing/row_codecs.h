/* For tests of codecs: memory that runs out, and how much of it is in use. */
#ifndef EF_TESTING_ROW_CODECS_H
#define EF_TESTING_ROW_CODECS_H

#include "decode/own_memory.h"

/* So many allocations succeed, the next one fails; < 0: none fails. */
void ef_test_memory_fail_after(ef_own_memory *memory, int64_t allocations);
int64_t ef_test_memory_used(ef_own_memory *memory);

#endif
