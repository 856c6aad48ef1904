/* Values counted by an owner, each as often as it came; see distinct.c. What builds on them begins its state with an ef_distinct. */
#ifndef EF_AGGREGATOR_DISTINCT_H
#define EF_AGGREGATOR_DISTINCT_H

#include "aggregator/aggregator.h"
#include "aggregator/chunk_list.h"

typedef struct ef_distinct {
    uint64_t owner; /* a number of this group's aggregate alone; 0 until the first value */
    uint32_t head;  /* handle + 1; 0: none */
    uint32_t tail;
    int64_t count; /* different values */
} ef_distinct;

/* `count` tells whether the value was a new one, or the last of its kind. */
ef_status ef_distinct_add(const ef_aggregate *aggregate, ef_distinct *state, bool null, ef_chunk_entry value,
                          ef_error *error) EF_MUST_USE;
ef_status ef_distinct_remove(const ef_aggregate *aggregate, ef_distinct *state, bool null, ef_chunk_entry value,
                             ef_error *error) EF_MUST_USE;
/* Empties it and gives its blocks back. */
void ef_distinct_drop(const ef_aggregate *aggregate, ef_distinct *state);

#endif
