/* A join in pieces that cross cffi without struct layouts. */
#ifndef EF_BORDER_BUILD_JOIN_H
#define EF_BORDER_BUILD_JOIN_H

#include "border/build.h"
#include "join/join.h"

typedef struct ef_join_builder ef_join_builder;

ef_join_builder *ef_join_builder_new(ef_engine *engine) EF_MUST_USE; /* NULL: out of memory */
void ef_join_builder_free(ef_join_builder *builder);
/* side 0 is the left one. `window` NULL: none; its arguments stay borrowed until finish. `content`: a node that is searched in place of the window, -1: none. */
void ef_join_builder_side(ef_join_builder *builder, uint32_t side, ef_node_id from, const char *window, const ef_param_list *params,
                          bool is_named_window, ef_node_id content, bool triggers, bool preserved);
/* For rows of `side` against the other; programs are taken (NULL: none). The first `key_count` of `count` conjuncts are equalities. */
ef_status ef_join_builder_condition(ef_join_builder *builder, uint32_t side, ef_program *keys, uint32_t count,
                                    const int32_t *comparisons, const uint32_t *columns, const uint32_t *outputs,
                                    uint32_t key_count, ef_program *residual, uint32_t outside, ef_error *error) EF_MUST_USE;
ef_node_id ef_join_builder_finish(ef_join_builder *builder, bool wants_expired, bool keeps_batches, ef_error *error);

#endif
