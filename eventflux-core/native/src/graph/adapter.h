/* Lets an operator of the small form run like any other.
 *
 * Without EF_SLOTS one instance a partition slot is kept for it; without EF_BATCHED it is called once a delivery, and its due timers fire between the calls,
 * at the places that the track gives them. The graph cannot tell it from an operator that does both itself. */
#ifndef EF_GRAPH_ADAPTER_H
#define EF_GRAPH_ADAPTER_H

#include "batch/out.h"

/* The operator, and the class to run it by (owned by it). `config` is copied as far as it is needed. */
ef_status ef_adapter_create(const ef_operator_class *inner, const ef_operator_config *config,
                            const ef_operator_class **outer, void **self, ef_error *error) EF_MUST_USE;

static inline bool ef_needs_adapter(const ef_operator_class *operator_class) {
    return (operator_class->flags & (EF_SLOTS | EF_BATCHED)) != (EF_SLOTS | EF_BATCHED);
}

#endif
