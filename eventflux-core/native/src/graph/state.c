/* Saving and loading, node by node. The container around it (names, versions, checksums) is the control plane's. */
#include "graph/node.h"

uint32_t ef_engine_nodes(const ef_engine *engine) {
    return engine->node_count;
}

const char *ef_engine_node_name(const ef_engine *engine, ef_node_id node) {
    return ef_node_at(engine, node)->name;
}

const char *ef_engine_node_class(const ef_engine *engine, ef_node_id id) {
    const ef_node *node = ef_node_at(engine, id);
    switch (node->kind) {
    case EF_NODE_STREAM:
        return "stream";
    case EF_NODE_INSERT:
        return "insert";
    case EF_NODE_TAP:
        return "tap";
    case EF_NODE_OPERATOR:
        break;
    }
    return node->operator_class->name;
}

bool ef_engine_node_stateful(const ef_engine *engine, ef_node_id id) {
    const ef_node *node = ef_node_at(engine, id);
    return node->kind == EF_NODE_OPERATOR && node->operator_class->save != NULL;
}

uint32_t ef_engine_node_state_version(const ef_engine *engine, ef_node_id id) {
    return ef_engine_node_stateful(engine, id) ? ef_node_at(engine, id)->operator_class->state_version : 0;
}

ef_status ef_engine_node_save(ef_engine *engine, ef_node_id id, ef_writer *writer, ef_error *error) {
    ef_writer_init(writer, &engine->block_alloc);
    if (!ef_engine_node_stateful(engine, id)) {
        return ef_fail(error, EF_INVALID, "'%s' has no state", ef_engine_node_name(engine, id));
    }
    if (engine->running) {
        return ef_fail(error, EF_STATE, "state cannot be saved from inside a query");
    }
    const ef_node *node = ef_node_at(engine, id);
    EF_TRY(node->operator_class->save(node->self, writer, error));
    return ef_writer_status(writer, error);
}

static ef_status load_into(ef_node *node, const void *data, size_t length, uint32_t version, ef_error *error) {
    ef_reader reader;
    ef_reader_init(&reader, data, length);
    if (node->operator_class->purge != NULL) {
        node->operator_class->purge(node->self, EF_ALL_SLOTS);
    }
    EF_TRY(node->operator_class->load(node->self, &reader, version, error));
    EF_TRY(ef_reader_status(&reader, error));
    if (ef_reader_left(&reader) != 0) {
        return ef_fail(error, EF_CORRUPT, "the state of '%s' has %zu bytes too many", node->name,
                       ef_reader_left(&reader));
    }
    return EF_OK;
}

ef_status ef_engine_node_load(ef_engine *engine, ef_node_id id, const void *data, size_t length, uint32_t version,
                              ef_error *error) {
    if (!ef_engine_node_stateful(engine, id)) {
        return ef_fail(error, EF_INVALID, "'%s' has no state", ef_engine_node_name(engine, id));
    }
    if (engine->running) {
        return ef_fail(error, EF_STATE, "state cannot be loaded from inside a query");
    }
    ef_node *node = ef_node_at(engine, id);
    ef_writer before;
    ef_status status = ef_engine_node_save(engine, id, &before, error);
    size_t size = status == EF_OK ? ef_writer_size(&before) : 0;
    char *kept = status == EF_OK ? ef_malloc(&engine->alloc, size) : NULL;
    if (status == EF_OK && kept == NULL) {
        status = ef_fail_memory(error);
    }
    if (status == EF_OK) {
        ef_writer_copy(&before, kept);
        ef_writer_clear(&before);
        status = load_into(node, data, length, version, error);
        if (status != EF_OK) {
            ef_error second;
            if (load_into(node, kept, size, node->operator_class->state_version, &second) != EF_OK) {
                node->operator_class->purge(node->self, EF_ALL_SLOTS);
            }
        }
    } else {
        ef_writer_clear(&before);
    }
    ef_free(&engine->alloc, kept, size);
    ef_end_slice(engine);
    if (status == EF_OK && (node->operator_class->flags & EF_TIMERS) != 0) {
        int64_t due = node->operator_class->next_due(node->self);
        ef_domain *domain = ef_domain_at(engine, node->domain);
        domain->earliest = due < domain->earliest ? due : domain->earliest;
        if (domain->entrance >= 0) { /* silence may bring the domain's clock there */
            const ef_node *entrance = ef_node_at(engine, domain->entrance);
            due = entrance->operator_class->next_due(entrance->self);
            engine->app.earliest = due < engine->app.earliest ? due : engine->app.earliest;
        }
    }
    return status;
}

#define ENGINE_STATE_VERSION 1u

ef_status ef_engine_save(ef_engine *engine, ef_writer *writer, ef_error *error) {
    ef_writer_init(writer, &engine->block_alloc);
    ef_put_u32(writer, ENGINE_STATE_VERSION);
    ef_put_i64(writer, engine->app.now);
    for (uint32_t i = 0; i < 4; i++) {
        ef_put_u64(writer, engine->random.state[i]);
    }
    return ef_writer_status(writer, error);
}

ef_status ef_engine_load(ef_engine *engine, const void *data, size_t length, ef_error *error) {
    ef_reader reader;
    ef_reader_init(&reader, data, length);
    uint32_t version = ef_get_u32(&reader);
    int64_t now = ef_get_i64(&reader);
    ef_random random;
    for (uint32_t i = 0; i < 4; i++) {
        random.state[i] = ef_get_u64(&reader);
    }
    EF_TRY(ef_reader_status(&reader, error));
    if (version != ENGINE_STATE_VERSION || ef_reader_left(&reader) != 0) {
        return ef_fail(error, EF_CORRUPT, "the engine's own section has version %u, this engine reads %u", version,
                       ENGINE_STATE_VERSION);
    }
    if (now > engine->app.now) {
        engine->app.now = now; /* a clock never goes back, also when older state is put into a running app */
    }
    engine->random = random;
    return EF_OK;
}

ef_status ef_engine_reset(ef_engine *engine, ef_error *error) {
    if (engine->running) {
        return ef_fail(error, EF_STATE, "state cannot be reset from inside a query");
    }
    for (uint32_t i = 0; i < engine->node_count; i++) {
        ef_node *node = engine->nodes[i];
        if (node->kind == EF_NODE_OPERATOR && node->operator_class->purge != NULL) {
            node->operator_class->purge(node->self, EF_ALL_SLOTS);
        }
    }
    ef_end_slice(engine);
    for (uint32_t d = 0; d <= engine->event_count; d++) {
        ef_domain_look(engine, ef_domain_at(engine, d));
    }
    return EF_OK;
}
