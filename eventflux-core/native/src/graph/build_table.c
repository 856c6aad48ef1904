/* Adding tables, and what asks and changes them, to the graph. A failed call leaves the graph as it was; programs are freed in any case. */
#include "graph/build_table.h"

static ef_node_id failed(const ef_error *error) {
    return error != NULL && error->status != EF_OK ? (ef_node_id)error->status : EF_INVALID;
}

static void condition_free(ef_condition *condition) {
    ef_program_free(condition->keys);
    ef_program_free(condition->residual);
}

ef_node_id ef_engine_table(ef_engine *engine, ef_node_id from, const uint32_t *key, uint32_t key_count,
                           const uint32_t *indexes, uint32_t index_count, ef_error *error) {
    if (!ef_is_node(engine, from)) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "a table needs a stream that its rows come from");
    }
    const ef_node *source = ef_node_at(engine, from);
    ef_node *node = ef_operator_begin(engine, from, "table", source->columns, source->types, error);
    if (node == NULL) {
        return failed(error);
    }
    ef_table_config config = {.columns = source->columns,
                              .types = source->types,
                              .key = key,
                              .key_count = key_count,
                              .indexes = indexes,
                              .index_count = index_count,
                              .hash_seed = engine->options.seed,
                              .alloc = &node->alloc};
    ef_table *table = NULL;
    ef_status status = ef_table_new(&config, &table, error);
    int32_t shared = status == EF_OK ? ef_engine_shared(engine, source->name, error) : status;
    if (shared < 0) {
        ef_table_free(table);
        ef_operator_abandon(engine, node);
        return shared;
    }
    node->operator_class = &ef_table_class;
    node->self = table;
    node->content = &table->content;
    table->content.shared = shared;
    ef_node_id id = ef_operator_enter(engine, node, from, error);
    if (id >= 0) {
        status = ef_engine_access(engine, id, shared, true, error);
    }
    return status == EF_OK ? id : status;
}

ef_node_id ef_engine_outside(ef_engine *engine, ef_node_id from, const ef_outside_host *host, ef_error *error) {
    if (!ef_is_node(engine, from)) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "a table needs a stream that its rows come from");
    }
    const ef_node *source = ef_node_at(engine, from);
    ef_node *node = ef_operator_begin(engine, from, "table", source->columns, source->types, error);
    if (node == NULL) {
        return failed(error);
    }
    ef_outside *table = NULL;
    ef_status status = ef_outside_new(host, node->columns, node->types, &node->alloc, &table, error);
    int32_t shared = status == EF_OK ? ef_engine_shared(engine, source->name, error) : status;
    if (shared < 0) {
        ef_free(&node->alloc, table, sizeof *table);
        ef_operator_abandon(engine, node);
        return shared;
    }
    node->operator_class = &ef_outside_class;
    node->self = table;
    node->can_fail = true;
    node->content = &table->content;
    table->content.shared = shared;
    ef_node_id id = ef_operator_enter(engine, node, from, error);
    if (id >= 0) {
        status = ef_engine_access(engine, id, shared, true, error);
    }
    return status == EF_OK ? id : status;
}

ef_node_id ef_engine_foreign(ef_engine *engine, const ef_engine *other, ef_node_id there, ef_error *error) {
    const ef_content *content = ef_engine_content(other, there);
    if (content == NULL) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "what is asked holds no rows that can be found");
    }
    ef_node *node = ef_operator_begin(engine, -1, "foreign", content->columns, content->types, error);
    if (node == NULL) {
        return failed(error);
    }
    node->operator_class = &ef_foreign_class;
    node->content = ef_engine_content(other, there);
    return ef_operator_enter(engine, node, -1, error);
}

/* The operator reads or writes the content, if that is shared by the nodes of this engine. */
static ef_node_id with_access(ef_engine *engine, ef_node_id id, ef_node_id content, bool writes, ef_error *error) {
    if (id < 0 || ef_node_at(engine, content)->operator_class == &ef_foreign_class ||
        ef_node_at(engine, content)->content->shared < 0) {
        return id;
    }
    ef_status status = ef_engine_access(engine, id, ef_node_at(engine, content)->content->shared, writes, error);
    return status == EF_OK ? id : status;
}

/* Compiles the condition; tables of other engines get no index for it. */
static ef_status compile(ef_engine *engine, ef_node_id content_node, ef_condition *condition, ef_alloc *alloc,
                         ef_probe **probe, ef_error *error) {
    const ef_node *node = ef_node_at(engine, content_node);
    ef_table *table = ef_content_table(node->content);
    if (table != NULL && node->operator_class == &ef_foreign_class) {
        return ef_table_compile(table, condition, false, alloc, probe, error);
    }
    return node->content->compile(node->content, condition, alloc, probe, error);
}

static bool has_content(const ef_engine *engine, ef_node_id from, ef_node_id content) {
    return ef_is_node(engine, from) && ef_engine_content(engine, content) != NULL;
}

ef_node_id ef_engine_contains(ef_engine *engine, ef_node_id from, ef_node_id content, ef_condition *condition,
                              ef_error *error) {
    if (!has_content(engine, from, content)) {
        condition_free(condition);
        return (ef_node_id)ef_fail(error, EF_INVALID, "what is asked holds no rows that can be found");
    }
    const ef_node *source = ef_node_at(engine, from);
    size_t size = (source->columns + 1) * sizeof(ef_type);
    ef_type *types = ef_malloc(&engine->alloc, size);
    if (types == NULL) {
        condition_free(condition);
        return ef_fail_memory(error);
    }
    memcpy(types, source->types, source->columns * sizeof *types);
    types[source->columns] = EF_BOOL;
    ef_node *node = ef_operator_begin(engine, from, "contains", source->columns + 1, types, error);
    ef_free(&engine->alloc, types, size);
    if (node == NULL) {
        condition_free(condition);
        return failed(error);
    }
    node->operator_class = &ef_contains_class;
    node->can_fail = ef_content_outside(ef_engine_content(engine, content)) != NULL;
    node->reads_clock = (condition->keys != NULL && ef_program_reads_clock(condition->keys)) ||
                        (condition->residual != NULL && ef_program_reads_clock(condition->residual));
    ef_probe *probe;
    ef_status status = compile(engine, content, condition, &node->alloc, &probe, error);
    if (status == EF_OK) {
        status = ef_contains_create(engine, &node->alloc, probe, &node->self, error);
    }
    if (status != EF_OK) {
        ef_operator_abandon(engine, node);
        return status;
    }
    return with_access(engine, ef_operator_enter(engine, node, from, error), content, false, error);
}

ef_node_id ef_engine_lookup(ef_engine *engine, ef_node_id from, ef_node_id content, ef_condition *condition, bool outer,
                            ef_error *error) {
    if (!has_content(engine, from, content)) {
        condition_free(condition);
        return (ef_node_id)ef_fail(error, EF_INVALID, "what is asked holds no rows that can be found");
    }
    const ef_node *source = ef_node_at(engine, from);
    const ef_content *held = ef_engine_content(engine, content);
    uint32_t columns = source->columns + held->columns;
    size_t size = (columns > 0 ? columns : 1) * sizeof(ef_type);
    ef_type *types = ef_malloc(&engine->alloc, size);
    if (types == NULL) {
        condition_free(condition);
        return ef_fail_memory(error);
    }
    memcpy(types, source->types, source->columns * sizeof *types);
    memcpy(types + source->columns, held->types, held->columns * sizeof *types);
    ef_node *node = ef_operator_begin(engine, from, "lookup", columns, types, error);
    ef_free(&engine->alloc, types, size);
    if (node == NULL) {
        condition_free(condition);
        return failed(error);
    }
    node->operator_class = &ef_lookup_class;
    node->can_fail = ef_content_outside(held) != NULL;
    node->reads_clock = (condition->keys != NULL && ef_program_reads_clock(condition->keys)) ||
                        (condition->residual != NULL && ef_program_reads_clock(condition->residual));
    ef_probe *probe;
    ef_status status = compile(engine, content, condition, &node->alloc, &probe, error);
    if (status == EF_OK) {
        status = ef_lookup_create(engine, &node->alloc, probe, held->columns, outer, &node->self, error);
    }
    if (status != EF_OK) {
        ef_operator_abandon(engine, node);
        return status;
    }
    return with_access(engine, ef_operator_enter(engine, node, from, error), content, false, error);
}

/* A change of a table outside. */
static ef_node_id change_outside(ef_engine *engine, ef_node_id from, ef_node_id table_node, ef_outside *table,
                                 ef_change_config *config, ef_error *error) {
    const ef_node *source = ef_node_at(engine, from);
    bool inserts = config->kind == EF_CHANGE_UPSERT || config->kind == EF_CHANGE_INSERT;
    bool fits = !inserts || source->columns >= table->content.columns;
    for (uint32_t i = 0; inserts && fits && i < table->content.columns; i++) {
        fits = source->types[i] == table->content.types[i];
    }
    ef_node *node = fits ? ef_operator_begin(engine, from, "change", source->columns, source->types, error) : NULL;
    if (node == NULL) {
        condition_free(&config->condition);
        ef_program_free(config->set);
        return fits ? failed(error) : (ef_node_id)ef_fail(error, EF_INVALID, "rows of '%s' do not fit the table", source->name);
    }
    node->operator_class = &ef_outside_change_class;
    node->can_fail = true;
    node->reads_clock = (config->condition.keys != NULL && ef_program_reads_clock(config->condition.keys)) ||
                        (config->condition.residual != NULL && ef_program_reads_clock(config->condition.residual)) ||
                        (config->set != NULL && ef_program_reads_clock(config->set));
    ef_status status = ef_outside_change_create(engine, &node->alloc, table, config, &node->self, error);
    if (status != EF_OK) {
        ef_operator_abandon(engine, node);
        return status;
    }
    return with_access(engine, ef_operator_enter(engine, node, from, error), table_node, true, error);
}

ef_node_id ef_engine_change(ef_engine *engine, ef_node_id from, ef_node_id table_node, ef_change_config *config,
                            ef_error *error) {
    ef_outside *outside =
        has_content(engine, from, table_node) ? ef_content_outside(ef_engine_content(engine, table_node)) : NULL;
    if (outside != NULL) {
        return change_outside(engine, from, table_node, outside, config, error);
    }
    ef_table *table = has_content(engine, from, table_node) ? ef_content_table(ef_engine_content(engine, table_node)) : NULL;
    const ef_node *source = table == NULL ? NULL : ef_node_at(engine, from);
    ef_status status = EF_OK;
    if (table == NULL) {
        status = ef_fail(error, EF_INVALID, "only tables can be changed");
    }
    if (status == EF_OK && (config->kind == EF_CHANGE_UPSERT || config->kind == EF_CHANGE_INSERT)) { /* what is inserted are the first columns of the row */
        bool fits = source->columns >= table->layout.columns;
        for (uint32_t i = 0; fits && i < table->layout.columns; i++) {
            fits = source->types[i] == table->layout.type[i];
        }
        status = fits ? EF_OK : ef_fail(error, EF_INVALID, "rows of '%s' do not fit the table", source->name);
    }
    ef_node *node = status != EF_OK ? NULL : ef_operator_begin(engine, from, "change", source->columns, source->types, error);
    if (node == NULL) {
        condition_free(&config->condition);
        ef_program_free(config->set);
        return status != EF_OK ? (ef_node_id)status : failed(error);
    }
    node->operator_class = &ef_change_class;
    node->reads_clock = (config->condition.keys != NULL && ef_program_reads_clock(config->condition.keys)) ||
                        (config->condition.residual != NULL && ef_program_reads_clock(config->condition.residual)) ||
                        (config->set != NULL && ef_program_reads_clock(config->set));
    ef_probe *probe;
    status = compile(engine, table_node, &config->condition, &node->alloc, &probe, error);
    if (status == EF_OK) {
        status = ef_change_create(engine, &node->alloc, table, probe, config, &node->self, error);
    } else {
        ef_program_free(config->set);
    }
    if (status != EF_OK) {
        ef_operator_abandon(engine, node);
        return status;
    }
    return with_access(engine, ef_operator_enter(engine, node, from, error), table_node, true, error);
}

uint64_t ef_engine_touched(const ef_engine *engine, ef_node_id change) {
    if (ef_is_node(engine, change) && ef_node_at(engine, change)->operator_class == &ef_outside_change_class) {
        return ef_outside_change_touched(ef_node_at(engine, change)->self);
    }
    return ef_is_node(engine, change) && ef_node_at(engine, change)->operator_class == &ef_change_class
               ? ef_change_touched(ef_node_at(engine, change)->self)
               : 0;
}

void ef_engine_settle(ef_engine *engine) {
    if (!engine->running) {
        ef_end_slice(engine);
    }
}
