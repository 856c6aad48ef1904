#include "border/build_join.h"

typedef enum { EF_EQUAL, EF_LESS, EF_LESS_EQUAL, EF_GREATER, EF_GREATER_EQUAL, ... } ef_comparison;
typedef struct ef_join_builder ef_join_builder;
ef_join_builder *ef_join_builder_new(ef_engine *engine);
void ef_join_builder_free(ef_join_builder *builder);
void ef_join_builder_side(ef_join_builder *builder, uint32_t side, ef_node_id from, const char *window, const ef_param_list *params,
                          bool is_named_window, ef_node_id content, bool triggers, bool preserved);
ef_status ef_join_builder_condition(ef_join_builder *builder, uint32_t side, ef_program *keys, uint32_t count,
                                    const int32_t *comparisons, const uint32_t *columns, const uint32_t *outputs,
                                    uint32_t key_count, ef_program *residual, uint32_t outside, ef_error *error);
ef_node_id ef_join_builder_finish(ef_join_builder *builder, bool wants_expired, bool keeps_batches, ef_error *error);
