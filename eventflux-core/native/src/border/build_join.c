/* Joins for the Python builder; see build_join.h. */
#include "border/build_join.h"

struct ef_join_builder {
    ef_engine *engine;
    ef_join_config config;
    ef_conjunct *conjuncts[2];
    uint32_t counts[2];
};

ef_join_builder *ef_join_builder_new(ef_engine *engine) {
    ef_join_builder *builder = ef_calloc(ef_engine_alloc(engine), sizeof *builder);
    if (builder != NULL) {
        builder->engine = engine;
    }
    return builder;
}

void ef_join_builder_free(ef_join_builder *builder) {
    if (builder == NULL) {
        return;
    }
    ef_alloc *alloc = ef_engine_alloc(builder->engine);
    for (uint32_t s = 0; s < 2; s++) {
        ef_program_free(builder->config.side[s].condition.keys);
        ef_program_free(builder->config.side[s].condition.residual);
        ef_free(alloc, builder->conjuncts[s], builder->counts[s] * sizeof(ef_conjunct));
    }
    ef_free(alloc, builder, sizeof *builder);
}

void ef_join_builder_side(ef_join_builder *builder, uint32_t side, ef_node_id from, const char *window, const ef_param_list *params,
                          bool is_named_window, ef_node_id content, bool triggers, bool preserved) {
    ef_join_side *to = &builder->config.side[side & 1u];
    to->from = from;
    to->window = window;
    to->params = params != NULL ? ef_param_list_items(params, &to->param_count) : NULL;
    to->is_named_window = is_named_window;
    to->content = content >= 0 ? ef_engine_content(builder->engine, content) : NULL;
    to->triggers = triggers;
    to->preserved = preserved;
}

ef_status ef_join_builder_condition(ef_join_builder *builder, uint32_t side, ef_program *keys, uint32_t count,
                                    const int32_t *comparisons, const uint32_t *columns, const uint32_t *outputs,
                                    uint32_t key_count, ef_program *residual, uint32_t outside, ef_error *error) {
    uint32_t s = side & 1u;
    ef_condition *condition = &builder->config.side[s].condition;
    condition->keys = keys;
    condition->residual = residual;
    condition->outside = outside;
    if (count > 0) {
        builder->conjuncts[s] = ef_malloc(ef_engine_alloc(builder->engine), count * sizeof(ef_conjunct));
        if (builder->conjuncts[s] == NULL) {
            return ef_fail_memory(error);
        }
        builder->counts[s] = count;
    }
    for (uint32_t c = 0; c < count; c++) {
        builder->conjuncts[s][c] = (ef_conjunct){
            .comparison = (ef_comparison)comparisons[c], .column = columns[c], .key = outputs[c]};
    }
    condition->conjuncts = builder->conjuncts[s];
    condition->conjunct_count = count;
    builder->config.side[s].key_count = (int32_t)key_count;
    return EF_OK;
}

ef_node_id ef_join_builder_finish(ef_join_builder *builder, bool wants_expired, bool keeps_batches, ef_error *error) {
    builder->config.keeps_batches = keeps_batches;
    return ef_engine_join(builder->engine, &builder->config, wants_expired, error);
}
