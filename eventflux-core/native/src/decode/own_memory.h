/* Memory of a codec: a budget of its own, since codecs serve sources and sinks, outside any engine. */
#ifndef EF_DECODE_OWN_MEMORY_H
#define EF_DECODE_OWN_MEMORY_H

#include "base/alloc.h"

typedef struct ef_own_memory {
    ef_budget budget;
    ef_alloc alloc;
} ef_own_memory;

ef_own_memory *ef_own_memory_new(void) EF_MUST_USE; /* NULL: out of memory */
ef_alloc *ef_own_memory_alloc(ef_own_memory *memory);
/* Everything taken from `alloc` must have been given back. */
void ef_own_memory_free(ef_own_memory *memory);

#endif
