/* Conditions from plain arrays; see build_table.h. */
#include "border/build_table.h"

ef_condition_parts *ef_build_condition(ef_engine *engine, ef_program *keys, uint32_t count, const int32_t *comparisons,
                                       const uint32_t *columns, const uint32_t *key_outputs, ef_program *residual,
                                       uint32_t outside) {
    ef_alloc *alloc = ef_engine_alloc(engine);
    ef_condition_parts *parts = ef_malloc(alloc, sizeof *parts);
    ef_conjunct *conjuncts = ef_malloc(alloc, count * sizeof *conjuncts);
    if (parts == NULL || conjuncts == NULL) {
        ef_program_free(keys);
        ef_program_free(residual);
        ef_free(alloc, parts, sizeof *parts);
        ef_free(alloc, conjuncts, count * sizeof *conjuncts);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        conjuncts[i] = (ef_conjunct){
            .comparison = (ef_comparison)comparisons[i], .column = columns[i], .key = key_outputs[i]};
    }
    *parts = (ef_condition_parts){
        .condition = {.keys = keys, .conjuncts = conjuncts, .conjunct_count = count, .residual = residual, .outside = outside},
        .alloc = alloc,
        .conjuncts = conjuncts};
    return parts;
}

/* The condition without its pieces; its conjuncts are freed by parts_free. */
static void parts_free(ef_condition_parts *parts) {
    ef_alloc *alloc = parts->alloc;
    ef_free(alloc, parts->conjuncts, parts->condition.conjunct_count * sizeof *parts->conjuncts);
    ef_free(alloc, parts, sizeof *parts);
}

ef_node_id ef_build_contains(ef_engine *engine, ef_node_id from, ef_node_id content, ef_condition_parts *condition,
                             ef_error *error) {
    if (condition == NULL) {
        return ef_fail_memory(error);
    }
    ef_node_id node = ef_engine_contains(engine, from, content, &condition->condition, error);
    parts_free(condition);
    return node;
}

ef_node_id ef_build_lookup(ef_engine *engine, ef_node_id from, ef_node_id content, ef_condition_parts *condition,
                           bool outer, ef_error *error) {
    if (condition == NULL) {
        return ef_fail_memory(error);
    }
    ef_node_id node = ef_engine_lookup(engine, from, content, &condition->condition, outer, error);
    parts_free(condition);
    return node;
}

ef_node_id ef_build_change(ef_engine *engine, ef_node_id from, ef_node_id table, int32_t kind, bool current, bool expired,
                           ef_condition_parts *condition, ef_program *set, uint32_t set_count,
                           const uint32_t *set_columns, bool keeps_quietly, uint32_t outside, ef_error *error) {
    if (condition == NULL) {
        ef_program_free(set);
        return ef_fail_memory(error);
    }
    ef_change_config config = {.kind = (ef_change_kind)kind,
                               .current = current,
                               .expired = expired,
                               .condition = condition->condition,
                               .set = set,
                               .set_columns = set_columns,
                               .set_count = set_count,
                               .outside = outside,
                               .keeps_quietly = keeps_quietly};
    ef_node_id node = ef_engine_change(engine, from, table, &config, error);
    parts_free(condition);
    return node;
}
