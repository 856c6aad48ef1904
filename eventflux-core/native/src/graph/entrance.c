/* The operator at the entrance of a time domain: takes rows and keeps them; see domains.h. Its own timer is that of silence, by the app's clock. */
#include "graph/entrance.h"

#include <stdio.h>

static ef_status create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "an entrance is made by a watermark");
}

static void destroy(void *self) {
    ef_entrance *entrance = self;
    ef_alloc *alloc = entrance->alloc;
    if (entrance->reorder != NULL) {
        ef_reorder_free(entrance->reorder);
    }
    ef_free(alloc, entrance->streams, entrance->port_count * sizeof *entrance->streams);
    ef_free(alloc, entrance->upstreams, entrance->upstream_count * sizeof *entrance->upstreams);
    ef_free(alloc, entrance, sizeof *entrance);
}

static ef_status process_inputs(void *self, const ef_input *inputs, uint32_t count, const ef_track *track, ef_out *out,
                                ef_error *error) {
    ef_entrance *entrance = self;
    entrance->engine->domains_pending = true;
    int64_t clock = entrance->engine->app.now;
    if (count == 0) {
        return ef_reorder_advance(entrance->reorder, clock, error);
    }
    if (entrance->upstream_count > 0) {
        return ef_reorder_merge(entrance->reorder, inputs, count, track, error);
    }
    return ef_reorder_arrive(entrance->reorder, inputs[0].batch, clock, out, error);
}

/* None while something waits to be run: the clock of the domain is behind then. */
static int64_t next_due(const void *self) {
    const ef_entrance *entrance = self;
    if (entrance->engine->domains_pending) {
        return EF_NEVER;
    }
    return ef_reorder_next_due(entrance->reorder, ef_domain_at(entrance->engine, entrance->domain)->earliest);
}

static void purge(void *self, uint32_t slot) {
    ef_entrance *entrance = self;
    if (slot == EF_ALL_SLOTS) {
        ef_domain *domain = ef_domain_at(entrance->engine, entrance->domain);
        ef_reorder_clear(entrance->reorder);
        domain->now = domain->before = 0; /* event time belongs to the rows: it begins anew with them */
    }
}

static ef_status save(const void *self, ef_writer *writer, ef_error *error) {
    const ef_entrance *entrance = self;
    return ef_reorder_save(entrance->reorder, ef_domain_at(entrance->engine, entrance->domain)->now, writer, error);
}

static ef_status load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    (void)version;
    ef_entrance *entrance = self;
    ef_domain *domain = ef_domain_at(entrance->engine, entrance->domain);
    int64_t clock = 0;
    EF_TRY(ef_reorder_load(entrance->reorder, reader, &clock, error));
    domain->now = domain->before = clock;
    return EF_OK;
}

static uint64_t size(const void *self) {
    return ef_reorder_size(((const ef_entrance *)self)->reorder);
}

const ef_operator_class ef_entrance_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "watermark",
    .flags = EF_SLOTS | EF_BATCHED | EF_TIMERS | EF_PORTS | EF_FAILS,
    .state_version = 1,
    .create = create,
    .destroy = destroy,
    .next_due = next_due,
    .purge = purge,
    .save = save,
    .load = load,
    .size = size,
    .process_inputs = process_inputs,
};

/* ---- building ---- */

int32_t ef_engine_domain(ef_engine *engine, ef_error *error) {
    if (engine->sealed) {
        return ef_fail(error, EF_STATE, "the graph is sealed: nothing can be added to it");
    }
    void *events = engine->events;
    ef_status status = ef_grow(&engine->alloc, &events, &engine->event_capacity, engine->event_count + 1,
                               sizeof *engine->events, error);
    engine->events = events;
    EF_TRY(status);
    ef_domain *made = ef_calloc(&engine->alloc, sizeof *made);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    made->earliest = EF_NEVER;
    made->is_event_time = true;
    made->entrance = -1;
    engine->events[engine->event_count++] = made;
    return (int32_t)engine->event_count;
}

ef_status ef_engine_enter_domain(ef_engine *engine, int32_t domain, ef_error *error) {
    if (engine->sealed || domain < 0 || (uint32_t)domain > engine->event_count) {
        return ef_fail(error, EF_INVALID, "no such time domain, or the graph is sealed");
    }
    engine->added_to = (uint32_t)domain;
    return EF_OK;
}

static bool fits(const ef_node *from, const ef_node *to) {
    bool fit = from->columns == to->columns;
    for (uint32_t c = 0; fit && c < from->columns; c++) {
        fit = from->types[c] == to->types[c];
    }
    return fit;
}

static ef_status check_ports(const ef_engine *engine, const ef_entrance_config *config, ef_error *error) {
    bool known = config->domain > 0 && (uint32_t)config->domain <= engine->event_count &&
                 engine->events[config->domain - 1]->entrance < 0 && config->port_count > 0 &&
                 (config->port_count == 1 || config->ports[0].from >= 0);
    for (uint32_t p = 0; known && p < config->port_count; p++) {
        ef_node_id from = config->ports[p].from, to = config->ports[p].stream;
        known = ef_is_node(engine, to) && ef_node_at(engine, to)->kind == EF_NODE_STREAM &&
                ef_node_at(engine, to)->domain == (uint32_t)config->domain;
        if (known && from >= 0) {
            known = ef_is_node(engine, from) && fits(ef_node_at(engine, from), ef_node_at(engine, to)) &&
                    ef_node_at(engine, from)->domain != (uint32_t)config->domain;
        } else if (known) {
            const ef_node *stream = ef_node_at(engine, to);
            known = p == 0 && stream->entrance < 0 && config->time_column < stream->columns &&
                    stream->types[config->time_column] == EF_LONG && config->delay >= 0;
        }
    }
    return known ? EF_OK : ef_fail(error, EF_INVALID, "the entrance of a time domain does not fit its streams");
}

/* Which of the upstream domains `domain` is, added if it is new. */
static uint32_t upstream_number(ef_entrance *entrance, uint32_t domain) {
    for (uint32_t u = 0; u < entrance->upstream_count; u++) {
        if (entrance->upstreams[u] == domain) {
            return u;
        }
    }
    entrance->upstreams[entrance->upstream_count] = domain;
    return entrance->upstream_count++;
}

static ef_status make_reorder(ef_engine *engine, ef_entrance *entrance, const ef_entrance_config *config, ef_error *error) {
    ef_reorder_port *ports = ef_calloc(&engine->alloc, config->port_count * sizeof *ports);
    uint32_t *upstreams = ef_calloc(entrance->alloc, config->port_count * sizeof *upstreams);
    if (ports == NULL || upstreams == NULL) {
        ef_free(&engine->alloc, ports, config->port_count * sizeof *ports);
        ef_free(entrance->alloc, upstreams, config->port_count * sizeof *upstreams);
        return ef_fail_memory(error);
    }
    entrance->upstreams = upstreams;
    for (uint32_t p = 0; p < config->port_count; p++) {
        const ef_node *to = ef_node_at(engine, config->ports[p].stream);
        ef_node_id from = config->ports[p].from;
        ports[p] = (ef_reorder_port){.columns = to->columns, .types = to->types, .upstream = -1, .time_column = config->time_column};
        if (from >= 0) {
            ports[p].upstream = (int32_t)upstream_number(entrance, ef_node_at(engine, from)->domain);
        }
    }
    uint32_t *exact = ef_realloc(entrance->alloc, upstreams, config->port_count * sizeof *upstreams,
                                 entrance->upstream_count * sizeof *upstreams);
    ef_status status = EF_OK;
    if (exact == NULL) {
        ef_free(entrance->alloc, upstreams, config->port_count * sizeof *upstreams);
        entrance->upstreams = NULL;
        entrance->upstream_count = 0;
        status = ef_fail_memory(error);
    } else {
        entrance->upstreams = exact;
        ef_reorder_config reorder = {.ports = ports,
                                     .port_count = config->port_count,
                                     .upstream_count = entrance->upstream_count,
                                     .delay = config->delay,
                                     .idle_timeout = config->idle_timeout,
                                     .late = config->late,
                                     .alloc = entrance->alloc};
        status = ef_reorder_new(&reorder, &entrance->reorder, error);
    }
    ef_free(&engine->alloc, ports, config->port_count * sizeof *ports);
    return status;
}

static ef_status make_entrance(ef_engine *engine, ef_node *node, const ef_entrance_config *config, ef_error *error) {
    ef_entrance *entrance = ef_calloc(&node->alloc, sizeof *entrance);
    if (entrance == NULL) {
        return ef_fail_memory(error);
    }
    entrance->alloc = &node->alloc;
    entrance->engine = engine;
    entrance->domain = (uint32_t)config->domain;
    node->operator_class = &ef_entrance_class;
    node->self = entrance; /* freed with the node from here on */
    entrance->streams = ef_calloc(&node->alloc, config->port_count * sizeof *entrance->streams);
    if (entrance->streams == NULL) {
        return ef_fail_memory(error);
    }
    entrance->port_count = config->port_count;
    for (uint32_t p = 0; p < config->port_count; p++) {
        entrance->streams[p] = config->ports[p].stream;
    }
    EF_TRY(make_reorder(engine, entrance, config, error));
    for (uint32_t u = 0; u < entrance->upstream_count; u++) {
        const ef_domain *of = ef_domain_at(engine, entrance->upstreams[u]);
        if (of->entrance < 0) {
            return ef_fail(error, EF_INVALID, "rows come from a time domain without an entrance");
        }
        const ef_entrance *upstream = ef_entrance_of(ef_node_at(engine, of->entrance));
        ef_reorder_follow(entrance->reorder, u, upstream->reorder);
        entrance->can_be_idle = entrance->can_be_idle || upstream->can_be_idle;
    }
    entrance->can_be_idle = entrance->can_be_idle || config->idle_timeout > 0;
    return EF_OK;
}

ef_node_id ef_engine_entrance(ef_engine *engine, const ef_entrance_config *config, ef_error *error) {
    EF_TRY(check_ports(engine, config, error));
    ef_node *stream = ef_node_at(engine, config->ports[0].stream);
    bool outside = config->ports[0].from < 0;
    char name[512];
    (void)snprintf(name, sizeof name, "%.500s", stream->name);
    int32_t query = ef_engine_query(engine, name, error);
    if (query < 0) {
        return query;
    }
    uint32_t added_to = engine->added_to;
    engine->added_to = 0;
    ef_node *node = ef_operator_begin(engine, -1, "watermark", outside ? stream->columns : 0, stream->types, error);
    engine->added_to = added_to;
    if (node == NULL) {
        return error != NULL && error->status != EF_OK ? (ef_node_id)error->status : EF_INVALID;
    }
    node->can_fail = outside;
    ef_status status = make_entrance(engine, node, config, error);
    if (status != EF_OK) {
        ef_operator_abandon(engine, node);
        return status;
    }
    ef_node_id id = ef_operator_enter(engine, node, -1, error);
    if (id < 0) {
        return id;
    }
    engine->events[config->domain - 1]->entrance = id;
    if (outside) {
        stream->entrance = id;
        node->input_stream = stream->id;
    }
    for (uint32_t p = 0; p < config->port_count; p++) {
        if (config->ports[p].from >= 0) {
            EF_TRY(ef_add_edge(engine, ef_node_at(engine, config->ports[p].from), id, p, error));
        }
    }
    return id;
}

ef_status ef_engine_copy_of(ef_engine *engine, ef_node_id stream, ef_node_id of, ef_error *error) {
    if (engine->sealed || !ef_is_node(engine, stream) || !ef_is_node(engine, of) ||
        !fits(ef_node_at(engine, of), ef_node_at(engine, stream))) {
        return ef_fail(error, EF_INVALID, "a stream is a copy of one with the same attributes");
    }
    ef_node_at(engine, stream)->copy_of = of;
    return EF_OK;
}

int64_t ef_engine_watermark(const ef_engine *engine, ef_node_id node) {
    const ef_entrance *entrance = ef_is_node(engine, node) ? ef_entrance_of(ef_node_at(engine, node)) : NULL;
    return entrance == NULL ? EF_BEGINNING : ef_reorder_watermark(entrance->reorder);
}

uint64_t ef_engine_late(const ef_engine *engine, ef_node_id node) {
    const ef_entrance *entrance = ef_is_node(engine, node) ? ef_entrance_of(ef_node_at(engine, node)) : NULL;
    return entrance == NULL ? 0 : ef_reorder_late(entrance->reorder);
}
