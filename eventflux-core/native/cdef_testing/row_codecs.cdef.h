#include "testing/row_codecs.h"

struct ef_column {
    void *values;
    uint8_t *validity;
    ef_type type;
};
struct ef_batch {
    uint32_t rows;
    uint32_t columns;
    struct ef_column *column;
    int64_t *timestamps;
    ...;
};
void ef_test_memory_fail_after(ef_own_memory *memory, int64_t allocations);
int64_t ef_test_memory_used(ef_own_memory *memory);
