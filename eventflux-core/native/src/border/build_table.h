/* Tables and conditions in pieces that cross cffi without struct layouts. Programs are taken; arrays are borrowed. */
#ifndef EF_BORDER_BUILD_TABLE_H
#define EF_BORDER_BUILD_TABLE_H

#include "graph/build_table.h"

/* A condition: conjunct i compares content column columns[i] with output key_outputs[i] of `keys` by comparisons[i] (ef_comparison). */
typedef struct ef_condition_parts {
    ef_condition condition;
    ef_alloc *alloc;
    ef_conjunct *conjuncts;
} ef_condition_parts;

/* NULL: out of memory, the programs are freed. Used up by the functions below. */
ef_condition_parts *ef_build_condition(ef_engine *engine, ef_program *keys, uint32_t count, const int32_t *comparisons,
                                       const uint32_t *columns, const uint32_t *key_outputs,
                                       ef_program *residual,
                                       uint32_t outside) EF_MUST_USE;
ef_node_id ef_build_contains(ef_engine *engine, ef_node_id from, ef_node_id content, ef_condition_parts *condition,
                             ef_error *error);
ef_node_id ef_build_lookup(ef_engine *engine, ef_node_id from, ef_node_id content, ef_condition_parts *condition,
                           bool outer, ef_error *error);
ef_node_id ef_build_change(ef_engine *engine, ef_node_id from, ef_node_id table, int32_t kind, bool current, bool expired,
                           ef_condition_parts *condition, ef_program *set, uint32_t set_count,
                           const uint32_t *set_columns, bool keeps_quietly, uint32_t outside, ef_error *error);

#endif
