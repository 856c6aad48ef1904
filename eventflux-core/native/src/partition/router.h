/* Routers: rows in, the same rows with partition slots out; see partition.h. */
#ifndef EF_PARTITION_ROUTER_H
#define EF_PARTITION_ROUTER_H

#include "graph/node.h"
#include "partition/keys.h"

extern const ef_operator_class ef_key_router_class;
extern const ef_operator_class ef_label_router_class;
extern const ef_operator_class ef_all_router_class;

typedef struct ef_router_config {
    ef_engine *engine;
    ef_alloc *alloc;
    ef_partition_keys *keys;
    ef_program *program; /* taken; NULL: to all */
    const char *const *labels;
    const uint32_t *label_sizes;
    uint32_t label_count;
} ef_router_config;

ef_status ef_router_create(const ef_router_config *config, void **self, ef_error *error) EF_MUST_USE;

#endif
