/* Adding nodes to the graph, in text order. A failed call leaves the graph as it was. */
#include <stdio.h>

#include "graph/adapter.h"
#include "graph/node.h"
#include "join/held_window.h"
#include "join/content.h"

static ef_node_id refuse(ef_engine *engine, ef_error *error) {
    (void)engine;
    return (ef_node_id)ef_fail(error, EF_STATE, "the graph is sealed: nothing can be added to it");
}

/* Status of a step that has filled `error`. */
static ef_node_id failed(const ef_error *error) {
    return error != NULL && error->status != EF_OK ? (ef_node_id)error->status : EF_INVALID;
}

bool ef_is_node(const ef_engine *engine, ef_node_id id) {
    return id >= 0 && (uint32_t)id < engine->node_count;
}

static void node_free(ef_engine *engine, ef_node *node) {
    if (node->self != NULL) {
        node->operator_class->destroy(node->self);
    }
    ef_free(&engine->alloc, node->types, (node->columns > 0 ? node->columns : 1) * sizeof *node->types);
    ef_free(&engine->alloc, node->name, node->name_size);
    ef_free(&engine->alloc, node->edges, node->edge_capacity * sizeof *node->edges);
    ef_free(&engine->alloc, node->taps, node->tap_capacity * sizeof *node->taps);
    ef_free(&engine->alloc, node->accesses, node->access_capacity * sizeof *node->accesses);
    ef_free(&engine->alloc, node->inbox, (node->in_edges + 1) * sizeof *node->inbox);
    ef_free(&engine->alloc, node->in_order, node->in_edges * sizeof *node->in_order);
    ef_free(&engine->alloc, node, sizeof *node);
}

void ef_engine_free_nodes(ef_engine *engine) {
    for (uint32_t i = 0; i < engine->node_count; i++) {
        node_free(engine, engine->nodes[i]);
    }
    engine->node_count = 0;
}

void ef_operator_abandon(ef_engine *engine, ef_node *node) {
    node_free(engine, node);
}

static ef_node *node_new(ef_engine *engine, ef_node_kind kind, const char *name, uint32_t columns,
                         const ef_type *types, ef_error *error) {
    void *nodes = engine->nodes;
    ef_status status = ef_grow(&engine->alloc, &nodes, &engine->node_capacity, engine->node_count + 1,
                               sizeof *engine->nodes, error);
    engine->nodes = nodes;
    if (status != EF_OK) {
        return NULL;
    }
    ef_node *node = ef_calloc(&engine->alloc, sizeof *node);
    if (node == NULL) {
        (void)ef_fail_memory(error);
        return NULL;
    }
    node->id = (ef_node_id)engine->node_count;
    node->kind = kind;
    node->query = -1;
    node->input_stream = -1;
    node->fault = -1;
    node->copy_of = -1;
    node->partition = engine->partition;
    node->domain = engine->added_to;
    node->entrance = -1;
    node->columns = columns;
    ef_alloc_init(&node->alloc, &engine->budget);
    node->name_size = strlen(name) + 1;
    node->name = ef_malloc(&engine->alloc, node->name_size);
    node->types = ef_malloc(&engine->alloc, (columns > 0 ? columns : 1) * sizeof *node->types);
    if (node->name == NULL || node->types == NULL) {
        node_free(engine, node);
        (void)ef_fail_memory(error);
        return NULL;
    }
    memcpy(node->name, name, node->name_size);
    if (columns > 0) {
        memcpy(node->types, types, columns * sizeof *node->types);
    }
    return node;
}

ef_status ef_add_edge(ef_engine *engine, ef_node *from, ef_node_id to, uint32_t port, ef_error *error) {
    void *edges = from->edges;
    ef_status status = ef_grow(&engine->alloc, &edges, &from->edge_capacity, from->edge_count + 1, sizeof *from->edges, error);
    from->edges = edges;
    EF_TRY(status);
    from->edges[from->edge_count++] = (ef_edge){.to = to, .port = port};
    return EF_OK;
}

static ef_node_id enter(ef_engine *engine, ef_node *node) {
    engine->nodes[engine->node_count++] = node;
    return node->id;
}

ef_node_id ef_engine_stream(ef_engine *engine, const char *name, uint32_t columns, const ef_type *types,
                            ef_error *error) {
    if (engine->sealed) {
        return refuse(engine, error);
    }
    ef_node *node = node_new(engine, EF_NODE_STREAM, name, columns, types, error);
    if (node == NULL) {
        return EF_NO_MEMORY;
    }
    node->input_stream = node->id;
    node->taps_last = true;
    node->is_hidden = strchr(name, '~') != NULL;
    return enter(engine, node);
}

int32_t ef_engine_query(ef_engine *engine, const char *name, ef_error *error) {
    if (engine->sealed) {
        return refuse(engine, error);
    }
    size_t size = strlen(name) + 1;
    char *copy = ef_malloc(&engine->alloc, size);
    if (copy == NULL) {
        return ef_fail_memory(error);
    }
    memcpy(copy, name, size);
    ef_free(&engine->alloc, engine->query_name, engine->query_name_size);
    engine->query_name = copy;
    engine->query_name_size = size;
    engine->query_stream = -1;
    return engine->query_count++;
}

/* What every operator of a query shares: its name "query/kind/n", its edge from `from`, its rank, its config. */
ef_node *ef_operator_begin(ef_engine *engine, ef_node_id from, const char *kind, uint32_t columns,
                           const ef_type *types, ef_error *error) {
    if (engine->sealed) {
        (void)refuse(engine, error);
        return NULL;
    }
    bool is_input = from < 0 || (ef_is_node(engine, from) && ef_node_at(engine, from)->kind != EF_NODE_TAP &&
                                 ef_node_at(engine, from)->kind != EF_NODE_INSERT);
    if (!is_input || engine->query_name == NULL) {
        (void)ef_fail(error, EF_INVALID, "operator '%s' has no query or no input", kind);
        return NULL;
    }
    if (engine->next_rank >= EF_RANK_LAST - 1) {
        (void)ef_fail(error, EF_LIMIT, "an app can have at most %u operators", EF_RANK_LAST - 1);
        return NULL;
    }
    if (engine->query_stream < 0 && from >= 0) {
        engine->query_stream = ef_node_at(engine, from)->input_stream;
    }
    uint32_t ordinal = 0;
    for (uint32_t i = 0; i < engine->node_count; i++) {
        ordinal += engine->nodes[i]->query == engine->query_count - 1 && engine->nodes[i]->kind == EF_NODE_OPERATOR;
    }
    char name[512];
    (void)snprintf(name, sizeof name, "%.400s/%.80s/%u", engine->query_name, kind, ordinal);
    ef_node *node = node_new(engine, EF_NODE_OPERATOR, name, columns, types, error);
    if (node == NULL) {
        return NULL;
    }
    node->query = engine->query_count - 1;
    node->input_stream = engine->query_stream;
    node->rank = engine->next_rank;
    node->from = from;
    return node;
}

ef_node_id ef_operator_enter(ef_engine *engine, ef_node *node, ef_node_id from, ef_error *error) {
    ef_status status = from < 0 ? EF_OK : ef_add_edge(engine, ef_node_at(engine, from), node->id, 0, error);
    if (status != EF_OK) {
        node_free(engine, node);
        return status;
    }
    engine->next_rank++;
    return enter(engine, node);
}

ef_operator_config ef_operator_config_of(const ef_engine *engine, const ef_node *node, const ef_node *from,
                                         const ef_param *params, uint32_t count, bool wants_expired) {
    return (ef_operator_config){
        .columns = from->columns,
        .types = from->types,
        .params = params,
        .param_count = count,
        .rank = node->rank,
        .wants_expired = wants_expired,
        .playback = engine->options.playback || node->domain > 0,
        .alloc = (ef_alloc *)(uintptr_t)&node->alloc,
    };
}

ef_node_id ef_engine_filter(ef_engine *engine, ef_node_id from, ef_program *condition, ef_error *error) {
    const ef_node *source = ef_is_node(engine, from) ? ef_node_at(engine, from) : NULL;
    ef_node *node = source == NULL ? NULL : ef_operator_begin(engine, from, "filter", source->columns, source->types, error);
    if (node == NULL) {
        ef_program_free(condition);
        return source == NULL ? (ef_node_id)ef_fail(error, EF_INVALID, "a filter needs an input") : failed(error);
    }
    node->operator_class = &ef_filter_class;
    node->reads_clock = ef_program_reads_clock(condition);
    node->can_fail = ef_program_can_fail(condition);
    ef_status status = ef_filter_create(engine, &node->alloc, condition, &node->self, error);
    if (status != EF_OK) {
        node_free(engine, node);
        return status;
    }
    return ef_operator_enter(engine, node, from, error);
}

#define MAX_COLUMNS 65535u

static ef_status program_types(ef_engine *engine, const ef_program *program, uint32_t columns, ef_type **types,
                               ef_error *error) {
    if (columns > MAX_COLUMNS) {
        return ef_fail(error, EF_LIMIT, "a row can have at most %u attributes", MAX_COLUMNS);
    }
    *types = ef_malloc(&engine->alloc, (columns > 0 ? columns : 1) * sizeof **types);
    if (*types == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < columns; i++) {
        (*types)[i] = ef_program_output_type(program, i);
    }
    return EF_OK;
}

ef_node_id ef_engine_map(ef_engine *engine, ef_node_id from, ef_program *outputs, ef_error *error) {
    uint32_t columns = ef_program_outputs(outputs);
    ef_type *types = NULL;
    ef_status status = program_types(engine, outputs, columns, &types, error);
    if (status != EF_OK) {
        ef_program_free(outputs);
        return status;
    }
    ef_node *node = ef_operator_begin(engine, from, "map", columns, types, error);
    ef_free(&engine->alloc, types, (columns > 0 ? columns : 1) * sizeof *types);
    if (node == NULL) {
        ef_program_free(outputs);
        return failed(error);
    }
    node->operator_class = &ef_map_class;
    node->reads_clock = ef_program_reads_clock(outputs);
    node->can_fail = ef_program_can_fail(outputs);
    status = ef_map_create(engine, &node->alloc, outputs, &node->self, error);
    if (status != EF_OK) {
        node_free(engine, node);
        return status;
    }
    return ef_operator_enter(engine, node, from, error);
}

ef_node_id ef_engine_operator(ef_engine *engine, ef_node_id from, const ef_operator_class *operator_class,
                              const ef_param *params, uint32_t count, uint32_t columns, const ef_type *types,
                              bool wants_expired, ef_error *error) {
    if (operator_class->abi_version != EF_ABI_VERSION || operator_class->struct_size < offsetof(ef_operator_class, process_inputs)) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "operator '%s' was built for operator ABI %u, this engine has %u",
                                   operator_class->name, operator_class->abi_version, EF_ABI_VERSION);
    }
    ef_node *node = ef_operator_begin(engine, from, operator_class->name, columns, types, error);
    if (node == NULL) {
        return failed(error);
    }
    node->operator_class = operator_class;
    node->wants_expired = wants_expired;
    ef_operator_config config = ef_operator_config_of(engine, node, ef_node_at(engine, from), params, count, wants_expired);
    node->can_fail = ef_needs_adapter(operator_class) || (operator_class->flags & EF_FAILS) != 0; /* plug-ins raise */
    ef_status status = ef_needs_adapter(operator_class)
                           ? ef_adapter_create(operator_class, &config, &node->operator_class, &node->self, error)
                           : operator_class->create(&config, &node->self, error);
    if (status != EF_OK) {
        node->self = NULL;
        node_free(engine, node);
        return status;
    }
    if (operator_class == &ef_cron_window_class) {
        ef_cron_window_in(node->self, &engine->zone);
    }
    return ef_operator_enter(engine, node, from, error);
}

ef_node_id ef_engine_window(ef_engine *engine, ef_node_id from, const char *name, const ef_param *params,
                            uint32_t count, bool wants_expired, ef_error *error) {
    const ef_operator_class *operator_class = ef_window_find(name);
    if (operator_class == NULL) {
        return (ef_node_id)ef_fail(error, EF_NOT_FOUND, "no native window '%s'", name);
    }
    return ef_engine_window_of(engine, from, operator_class, params, count, wants_expired, error);
}

ef_node_id ef_engine_window_of(ef_engine *engine, ef_node_id from, const ef_operator_class *operator_class,
                               const ef_param *params, uint32_t count, bool wants_expired, ef_error *error) {
    if (!ef_is_node(engine, from)) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "window '%s' has no input", operator_class->name);
    }
    const ef_node *source = ef_node_at(engine, from);
    return ef_engine_operator(engine, from, operator_class, params, count, source->columns, source->types,
                              wants_expired, error);
}

static void select_programs_free(ef_select_config *select);

ef_node_id ef_engine_expression_window(ef_engine *engine, ef_node_id from, const ef_expression_config *expression,
                                       bool wants_expired, ef_error *error) {
    ef_select_config *select = expression->select;
    if (!ef_is_node(engine, from)) {
        select_programs_free(select);
        return (ef_node_id)ef_fail(error, EF_INVALID, "an expression window has no input");
    }
    const ef_node *source = ef_node_at(engine, from);
    const ef_operator_class *operator_class =
        expression->is_batch ? &ef_expression_batch_window_class : &ef_expression_window_class;
    ef_node *node = ef_operator_begin(engine, from, operator_class->name, source->columns, source->types, error);
    if (node == NULL) {
        select_programs_free(select);
        return failed(error);
    }
    node->operator_class = operator_class;
    node->wants_expired = wants_expired;
    node->can_fail = ef_program_can_fail(select->outputs) ||
                     (select->arguments != NULL && ef_program_can_fail(select->arguments));
    select->hash_seed = engine->options.seed;
    select->host = &engine->host;
    select->random = &engine->random;
    ef_operator_config config = ef_operator_config_of(engine, node, source, NULL, 0, wants_expired);
    ef_status status = ef_expression_window_create(&config, expression, &node->self, error);
    if (status != EF_OK) {
        node->self = NULL;
        node_free(engine, node);
        return status;
    }
    return ef_operator_enter(engine, node, from, error);
}

static void select_programs_free(ef_select_config *select) {
    ef_program_free(select->arguments);
    ef_program_free(select->outputs);
    ef_program_free(select->having);
}

/* In which order rows leave a selection on `from`: what the window above it, if any, promises. */
static ef_removal removal_at(const ef_engine *engine, ef_node_id from) {
    while (from >= 0 && ef_node_at(engine, from)->kind == EF_NODE_OPERATOR) {
        const ef_node *node = ef_node_at(engine, from);
        if (node->operator_class != &ef_filter_class && node->operator_class != &ef_map_class && !node->routes) {
            uint32_t flags = node->operator_class->flags;
            bool resets_only = (flags & EF_BATCH_CHUNKS) != 0 && (flags & EF_FIFO) != 0 && !node->wants_expired;
            return resets_only ? EF_REMOVAL_NONE : (flags & EF_FIFO) != 0 ? EF_REMOVAL_FIFO : EF_REMOVAL_ANY;
        }
        from = node->from;
    }
    return EF_REMOVAL_NONE; /* a stream has CURRENT rows only */
}

ef_node_id ef_engine_select(ef_engine *engine, ef_node_id from, ef_select_config *select, ef_error *error) {
    ef_type *types = NULL;
    ef_status status = program_types(engine, select->outputs, select->visible, &types, error);
    if (status != EF_OK) {
        select_programs_free(select);
        return status;
    }
    ef_node *node = ef_operator_begin(engine, from, "select", select->visible, types, error);
    ef_free(&engine->alloc, types, (select->visible > 0 ? select->visible : 1) * sizeof *types);
    if (node == NULL) {
        select_programs_free(select);
        return failed(error);
    }
    node->operator_class = &ef_select_class;
    node->reads_clock = ef_program_reads_clock(select->outputs) ||
                        (select->arguments != NULL && ef_program_reads_clock(select->arguments)) ||
                        (select->having != NULL && ef_program_reads_clock(select->having));
    node->can_fail = ef_program_can_fail(select->outputs) ||
                     (select->arguments != NULL && ef_program_can_fail(select->arguments)) ||
                     (select->having != NULL && ef_program_can_fail(select->having));
    select->removal = removal_at(engine, from);
    select->hash_seed = engine->options.seed;
    select->host = &engine->host;
    select->random = &engine->random;
    ef_operator_config config = ef_operator_config_of(engine, node, ef_node_at(engine, from), NULL, 0, select->expired);
    status = ef_select_create(&config, select, &node->self, error);
    if (status != EF_OK) {
        node->self = NULL;
        node_free(engine, node);
        return status;
    }
    return ef_operator_enter(engine, node, from, error);
}

ef_node_id ef_engine_rate_limit(ef_engine *engine, ef_node_id from, ef_rate_limit_config *limit, ef_error *error) {
    if (!ef_is_node(engine, from) || ef_node_at(engine, from)->columns < limit->visible) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "a rate limiter has no input, or shows more columns than that has");
    }
    const ef_node *source = ef_node_at(engine, from);
    ef_node *node = ef_operator_begin(engine, from, "rate", limit->visible, source->types, error);
    if (node == NULL) {
        return failed(error);
    }
    limit->hash_seed = engine->options.seed;
    ef_operator_config config = ef_operator_config_of(engine, node, ef_node_at(engine, from), NULL, 0, true);
    ef_status status = ef_rate_limit_create(&config, limit, &node->operator_class, &node->self, error);
    if (status != EF_OK) {
        node->operator_class = NULL;
        node_free(engine, node);
        return status;
    }
    return ef_operator_enter(engine, node, from, error);
}

ef_node_id ef_engine_insert(ef_engine *engine, ef_node_id from, ef_node_id stream, bool current, bool expired,
                            ef_error *error) {
    if (engine->sealed) {
        return refuse(engine, error);
    }
    if (!ef_is_node(engine, from) || !ef_is_node(engine, stream) ||
        ef_node_at(engine, stream)->kind == EF_NODE_TAP || ef_node_at(engine, stream)->kind == EF_NODE_INSERT) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "an insert goes from an operator into a stream, window or table");
    }
    ef_node *source = ef_node_at(engine, from);
    const ef_node *target = ef_node_at(engine, stream);
    bool fits = source->columns == target->columns;
    for (uint32_t i = 0; fits && i < source->columns; i++) {
        fits = source->types[i] == target->types[i];
    }
    if (!fits) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "rows of '%s' do not fit '%s'", source->name, target->name);
    }
    ef_node *node = node_new(engine, EF_NODE_INSERT, source->name, source->columns, source->types, error);
    if (node == NULL) {
        return EF_NO_MEMORY;
    }
    node->query = source->query;
    node->input_stream = source->input_stream;
    node->current = current;
    node->expired = expired;
    node->drops_slots = source->partition >= 0 && source->partition != target->partition;
    ef_status status = ef_add_edge(engine, node, target->entrance >= 0 ? target->entrance : stream, 0, error);
    if (status == EF_OK) {
        status = ef_add_edge(engine, source, node->id, 0, error);
    }
    if (status != EF_OK) {
        node_free(engine, node);
        return status;
    }
    return enter(engine, node);
}

ef_node_id ef_engine_tap(ef_engine *engine, ef_node_id from, ef_error *error) {
    if (!ef_is_node(engine, from) || ef_node_at(engine, from)->kind == EF_NODE_TAP ||
        ef_node_at(engine, from)->kind == EF_NODE_INSERT) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "a listener needs a stream or a query");
    }
    ef_node *source = ef_node_at(engine, from);
    ef_node *node = node_new(engine, EF_NODE_TAP, source->name, source->columns, source->types, error);
    if (node == NULL) {
        return EF_NO_MEMORY;
    }
    node->query = source->query;
    node->input_stream = source->input_stream;
    void *taps = source->taps;
    ef_status status = ef_grow(&engine->alloc, &taps, &source->tap_capacity, source->tap_count + 1, sizeof *source->taps, error);
    source->taps = taps;
    if (status != EF_OK) {
        node_free(engine, node);
        return status;
    }
    source->taps[source->tap_count++] = node->id;
    return enter(engine, node);
}

ef_status ef_engine_remove_tap(ef_engine *engine, ef_node_id tap, ef_error *error) {
    if (!ef_is_node(engine, tap) || ef_node_at(engine, tap)->kind != EF_NODE_TAP) {
        return ef_fail(error, EF_NOT_FOUND, "no listener %d", tap);
    }
    ef_node_at(engine, tap)->removed = true;
    for (uint32_t i = 0; i < engine->node_count; i++) {
        ef_node *node = engine->nodes[i];
        for (uint32_t t = 0; t < node->tap_count; t++) {
            if (node->taps[t] == tap) {
                memmove(node->taps + t, node->taps + t + 1, (node->tap_count - t - 1) * sizeof *node->taps);
                node->tap_count--;
                return EF_OK;
            }
        }
    }
    return EF_OK;
}

int32_t ef_engine_shared(ef_engine *engine, const char *name, ef_error *error) {
    void *names = engine->shared_names;
    ef_status status = ef_grow(&engine->alloc, &names, &engine->shared_capacity, engine->shared_count + 1,
                               sizeof *engine->shared_names, error);
    engine->shared_names = names;
    if (status != EF_OK) {
        return status;
    }
    size_t size = strlen(name) + 1;
    char *copy = ef_malloc(&engine->alloc, size);
    if (copy == NULL) {
        return ef_fail_memory(error);
    }
    memcpy(copy, name, size);
    engine->shared_names[engine->shared_count] = copy;
    return (int32_t)engine->shared_count++;
}

ef_status ef_engine_access(ef_engine *engine, ef_node_id id, int32_t shared, bool writes, ef_error *error) {
    if (!ef_is_node(engine, id) || shared < 0 || (uint32_t)shared >= engine->shared_count || engine->sealed) {
        return ef_fail(error, EF_INVALID, "no such operator or shared object");
    }
    ef_node *node = ef_node_at(engine, id);
    void *accesses = node->accesses;
    ef_status status = ef_grow(&engine->alloc, &accesses, &node->access_capacity, node->access_count + 1,
                               sizeof *node->accesses, error);
    node->accesses = accesses;
    EF_TRY(status);
    node->accesses[node->access_count++] = (ef_access){.shared = shared, .writes = writes};
    return EF_OK;
}

ef_node_id ef_engine_gate(ef_engine *engine, ef_node_id from, bool current, bool expired, ef_error *error) {
    if (!ef_is_node(engine, from)) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "a gate needs an input");
    }
    const ef_node *source = ef_node_at(engine, from);
    ef_node *node = ef_operator_begin(engine, from, "gate", source->columns, source->types, error);
    if (node == NULL) {
        return failed(error);
    }
    node->operator_class = &ef_gate_class;
    node->taps_last = true;
    ef_held_window *held = NULL;
    ef_status status = ef_held_window_create(engine, from, expired, &node->alloc, &held, error);
    if (status == EF_OK) {
        node->content = ef_held_window_content(held);
        status = ef_gate_create(&node->alloc, current, expired, held, &node->self, error);
    }
    if (status != EF_OK) {
        node_free(engine, node);
        return status;
    }
    int32_t shared = node->content->shared;
    ef_node_id id = ef_operator_enter(engine, node, from, error);
    if (id >= 0) {
        EF_TRY(ef_engine_access(engine, id, shared, true, error));
        node->input_stream = id; /* for the queries that read it, it is the stream */
    }
    return id;
}

ef_content *ef_engine_content(const ef_engine *engine, int32_t node) {
    return ef_is_node(engine, node) ? ef_node_at(engine, node)->content : NULL;
}
