/* Partitions in the graph; see partition.h.
 *
 * The keys lie beside the edges. Only where they can be seen are they a shared object of the graph: routers to all keys read them, purges take them away,
 * so such pushes step. Else giving slots is no order that anybody observes, and slices run. */
#include "partition/partition.h"

#include "partition/router.h"

#define BEGIN INT64_MIN /* due time of a purge that has not seen the clock yet */

typedef struct partition {
    ef_alloc *alloc;
    ef_engine *engine;
    ef_node_id node;
    ef_partition_keys keys;
    int32_t shared; /* -1: nobody sees the order of keys yet */
    int64_t interval, idle;
    int64_t due;
    uint16_t rank;
} partition;

static ef_status create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "a partition is made by its statement");
}

static void destroy(void *self) {
    partition *p = self;
    ef_partition_keys_clear(&p->keys);
    ef_free(p->alloc, p, sizeof *p);
}

static void forget_slot(void *context, uint32_t slot) {
    const partition *p = context;
    for (uint32_t i = 0; i < p->engine->node_count; i++) {
        ef_node *node = p->engine->nodes[i];
        if (node->partition == p->node && node->kind == EF_NODE_OPERATOR && node->operator_class->purge != NULL) {
            node->operator_class->purge(node->self, slot);
        }
    }
}

static ef_status process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                         ef_error *error) {
    (void)port;
    (void)batch;
    (void)out;
    (void)error;
    partition *p = self;
    ef_walk walk;
    ef_walk_init(&walk, track, p->rank);
    int64_t step;
    while ((step = ef_walk_next(&walk, p->due, INT64_MAX)) >= 0) {
        int64_t clock = track->clock[step];
        if (p->due == BEGIN) {
            p->due = clock;
        } else {
            /* Where the clock has jumped over several purges the last one finds what the others would have found. */
            p->due += (clock - p->due) / p->interval * p->interval;
            ef_partition_keys_forget(&p->keys, p->due - p->idle, forget_slot, p);
        }
        p->due = p->due > EF_NEVER - p->interval ? EF_NEVER : p->due + p->interval;
    }
    return EF_OK;
}

static int64_t next_due(const void *self) {
    const partition *p = self;
    return p->interval > 0 ? p->due : EF_NEVER;
}

static void purge(void *self, uint32_t slot) {
    partition *p = self;
    if (slot == EF_ALL_SLOTS) {
        ef_partition_keys_clear(&p->keys);
        p->due = BEGIN;
    }
}

static ef_status save(const void *self, ef_writer *writer, ef_error *error) {
    const partition *p = self;
    ef_put_i64(writer, p->due);
    ef_partition_keys_save(&p->keys, writer);
    return ef_writer_status(writer, error);
}

static ef_status load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    (void)version;
    partition *p = self;
    p->due = ef_get_i64(reader);
    ef_status status = ef_partition_keys_load(&p->keys, reader, error);
    if (status != EF_OK) {
        ef_partition_keys_clear(&p->keys);
    }
    return status;
}

static uint64_t size(const void *self) {
    return ((const partition *)self)->keys.live_count;
}

#define PARTITION(more_flags)                                                                                          \
    {                                                                                                                  \
        .abi_version = EF_ABI_VERSION, .struct_size = sizeof(ef_operator_class), .name = "partition",                  \
        .flags = EF_SLOTS | EF_BATCHED | (more_flags), .state_version = 1, .create = create, .destroy = destroy,       \
        .process = process, .next_due = next_due, .purge = purge, .save = save, .load = load, .size = size             \
    }

static const ef_operator_class LASTING_CLASS = PARTITION(0);
static const ef_operator_class PURGED_CLASS = PARTITION(EF_TIMERS);

/* ---- building ---- */

static ef_node_id failed(const ef_error *error) {
    return error != NULL && error->status != EF_OK ? (ef_node_id)error->status : EF_INVALID;
}

static partition *partition_at(const ef_engine *engine, ef_node_id id) {
    if (!ef_is_node(engine, id) || ef_node_at(engine, id)->kind != EF_NODE_OPERATOR) {
        return NULL;
    }
    const ef_node *node = ef_node_at(engine, id);
    return node->operator_class == &LASTING_CLASS || node->operator_class == &PURGED_CLASS ? node->self : NULL;
}

/* From now on the routers that make keys write a shared object. */
static ef_status share(partition *p, const char *name, ef_error *error) {
    if (p->shared >= 0) {
        return EF_OK;
    }
    p->shared = ef_engine_shared(p->engine, name, error);
    if (p->shared < 0) {
        return (ef_status)p->shared;
    }
    for (uint32_t i = 0; i < p->engine->node_count; i++) {
        const ef_node *node = p->engine->nodes[i];
        if (node->partition == p->node && node->routes) {
            EF_TRY(ef_engine_access(p->engine, node->id, p->shared, true, error));
        }
    }
    return EF_OK;
}

ef_node_id ef_engine_partition(ef_engine *engine, const char *name, int64_t interval, int64_t idle, ef_error *error) {
    if (interval < 0 || idle < 0 || (interval > 0) != (idle > 0)) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "a partition is purged every so often of keys idle for so long");
    }
    int32_t query = ef_engine_query(engine, name, error);
    if (query < 0) {
        return query;
    }
    static const ef_type NOTHING[1] = {EF_BOOL};
    ef_node *node = ef_operator_begin(engine, -1, "partition", 0, NOTHING, error);
    if (node == NULL) {
        return failed(error);
    }
    partition *made = ef_calloc(&node->alloc, sizeof *made);
    if (made == NULL) {
        ef_operator_abandon(engine, node);
        return ef_fail_memory(error);
    }
    made->alloc = &node->alloc;
    made->engine = engine;
    made->node = node->id;
    made->shared = -1;
    made->interval = interval;
    made->idle = idle;
    made->due = BEGIN;
    made->rank = node->rank;
    ef_partition_keys_init(&made->keys, &node->alloc, engine->options.seed);
    node->operator_class = interval > 0 ? &PURGED_CLASS : &LASTING_CLASS;
    node->self = made;
    ef_node_id id = ef_operator_enter(engine, node, -1, error);
    if (id >= 0 && interval > 0) {
        ef_status status = share(made, name, error);
        if (status == EF_OK) {
            status = ef_engine_access(engine, id, made->shared, true, error);
        }
        return status == EF_OK ? id : status;
    }
    return id;
}

ef_status ef_engine_enter_partition(ef_engine *engine, ef_node_id id, ef_error *error) {
    if (engine->sealed || (id >= 0 && partition_at(engine, id) == NULL)) {
        return ef_fail(error, EF_INVALID, "no such partition, or the graph is sealed");
    }
    engine->partition = id;
    return EF_OK;
}

static ef_node_id enter_router(ef_engine *engine, ef_node_id from, const ef_operator_class *operator_class,
                               ef_router_config *config, ef_error *error) {
    partition *p = partition_at(engine, engine->partition);
    if (p == NULL || !ef_is_node(engine, from)) {
        ef_program_free(config->program);
        return (ef_node_id)ef_fail(error, EF_INVALID, "a router needs an input and a partition");
    }
    const ef_node *source = ef_node_at(engine, from);
    ef_node *node = ef_operator_begin(engine, from, "route", source->columns, source->types, error);
    if (node == NULL) {
        ef_program_free(config->program);
        return failed(error);
    }
    bool reads = config->program == NULL;
    config->engine = engine;
    config->alloc = &node->alloc;
    config->keys = &p->keys;
    node->reads_clock = p->interval > 0 || (!reads && ef_program_reads_clock(config->program));
    node->can_fail = !reads && ef_program_can_fail(config->program);
    node->input_stream = source->input_stream;
    node->operator_class = operator_class;
    ef_status status = ef_router_create(config, &node->self, error);
    if (status != EF_OK) {
        ef_operator_abandon(engine, node);
        return status;
    }
    if (reads) { /* before the node is entered: it does not write */
        status = share(p, ef_node_at(engine, p->node)->name, error);
        if (status != EF_OK) {
            ef_operator_abandon(engine, node);
            return status;
        }
    }
    node->routes = true;
    ef_node_id id = ef_operator_enter(engine, node, from, error);
    if (id >= 0 && p->shared >= 0) {
        status = ef_engine_access(engine, id, p->shared, !reads, error);
        return status == EF_OK ? id : status;
    }
    return id;
}

ef_node_id ef_engine_route(ef_engine *engine, ef_node_id from, ef_program *program, const char *const *labels,
                           const uint32_t *label_sizes, uint32_t label_count, ef_error *error) {
    if (program == NULL) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "a router needs keys");
    }
    ef_router_config config = {
        .program = program, .labels = labels, .label_sizes = label_sizes, .label_count = label_count};
    return enter_router(engine, from, label_count > 0 ? &ef_label_router_class : &ef_key_router_class, &config, error);
}

ef_node_id ef_engine_route_all(ef_engine *engine, ef_node_id from, ef_error *error) {
    ef_router_config config = {.program = NULL};
    return enter_router(engine, from, &ef_all_router_class, &config, error);
}
