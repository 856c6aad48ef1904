/* Sealing: topological order, who has timers, and where slices may run.
 *
 * Rows meet where a node has several edges in. In a slice such edges are merged by cause. Edges that cannot be reached from one origin never carry equal
 * causes; origins are the stream that is pushed to, and every operator whose timers fire. Equal causes come by the order in which the depth-first driver would
 * follow the edges, which is an order of rows only if everything on the way puts out at most one delivery for a cause (EF_MULTI operators, and
 * meetings themselves, do not). Whatever this does not cover, and every cycle, makes a push in which that origin acts step: depth first, row by row.
 * Cost: origins x edges, once. */
#include "graph/entrance.h"
#include "graph/node.h"
#include "ops/select.h"
#include "window/windows.h"

typedef enum mark { UNSEEN = 0, OPEN = 1, DONE = 2 } mark;

static const char CYCLE[] = "step: a query feeds its own input";
static const char MEETING[] = "step: paths part and meet again";
static const char SHARED[] = "step: a table, window or aggregation is read and written, or written in two ways";
static const char FAULTS[] = "step: rows that fail go to a fault stream";
static const char SILENT[] = "step: silent streams let time go on";
static const char ASKED[] = "step: the engine was made to step";

typedef struct sealing {
    ef_engine *engine;
    uint8_t *marks;     /* [nodes] */
    bool *in_cycle;     /* [nodes] reaches itself */
    uint32_t *arrivals; /* [nodes] edges in, counted from the present origin */
    ef_node_id *stack;
    uint32_t *edge_at; /* [nodes] next edge to follow */
} sealing;

/* Depth-first from `root`, post-order into engine->order from the back. An edge back to an open node closes a cycle. */
static void visit(sealing *s, ef_node_id root, uint32_t *place) {
    if (s->marks[root] != UNSEEN) {
        return;
    }
    uint32_t depth = 0;
    s->stack[depth++] = root;
    s->marks[root] = OPEN;
    s->edge_at[root] = 0;
    while (depth > 0) {
        ef_node_id id = s->stack[depth - 1];
        ef_node *node = ef_node_at(s->engine, id);
        if (s->edge_at[id] < node->edge_count) {
            ef_node_id to = node->edges[s->edge_at[id]++].to;
            if (s->marks[to] == UNSEEN) {
                s->marks[to] = OPEN;
                s->edge_at[to] = 0;
                s->stack[depth++] = to;
            } else if (s->marks[to] == OPEN) {
                for (uint32_t i = depth; i > 0; i--) {
                    s->in_cycle[s->stack[i - 1]] = true;
                    if (s->stack[i - 1] == to) {
                        break;
                    }
                }
            }
        } else {
            s->marks[id] = DONE;
            s->engine->order[--*place] = id;
            depth--;
        }
    }
}

/* A router cuts deliveries of several rows. In a slice only what queries put out has such. */
static bool cuts_deliveries(const ef_engine *engine, const ef_node *node) {
    return node->routes &&
           (ef_node_at(engine, node->from)->kind != EF_NODE_STREAM || ef_node_at(engine, node->from)->in_edges > 0);
}

static bool is_multi(const ef_engine *engine, const ef_node *node) {
    return node->kind == EF_NODE_OPERATOR &&
           ((node->operator_class->flags & EF_MULTI) != 0 || cuts_deliveries(engine, node));
}

/* A walk over all paths from an origin, edges in text order, each node entered once. */
typedef struct path_frame {
    ef_node_id node;
    uint32_t edge;
    bool multi; /* more than one delivery a cause comes out of the node */
} path_frame;

typedef struct origin_walk {
    sealing *sealing;
    path_frame *frames; /* [nodes + 1] */
    bool *met;          /* [nodes] meetings, known from the first walk */
    uint32_t *order;    /* [edges] in which the walk followed the edges; by first_edge[node] + in_index; UINT32_MAX: it did not */
    uint32_t *first_edge;
    uint32_t edges;
} origin_walk;

/* One walk. The first finds the meetings; the second, which knows them, judges. NULL: slices may run. */
static const char *walk_from(origin_walk *w, ef_node_id origin) {
    sealing *s = w->sealing;
    ef_engine *engine = s->engine;
    const char *why = NULL;
    uint32_t depth = 0, sequence = 0;
    memset(s->marks, UNSEEN, engine->node_count);
    memset(s->arrivals, 0, engine->node_count * sizeof *s->arrivals);
    memset(w->order, 0xFF, w->edges * sizeof *w->order);
    s->marks[origin] = DONE;
    w->frames[depth++] = (path_frame){.node = origin, .multi = is_multi(engine, ef_node_at(engine, origin))};
    while (depth > 0) {
        path_frame *frame = &w->frames[depth - 1];
        const ef_node *node = ef_node_at(engine, frame->node);
        if (s->in_cycle[frame->node]) {
            return CYCLE;
        }
        if (frame->edge == node->edge_count) {
            depth--;
            continue;
        }
        ef_edge edge = node->edges[frame->edge++];
        bool multi = frame->multi;
        w->order[w->first_edge[edge.to] + edge.in_index] = sequence++;
        s->arrivals[edge.to]++;
        if (w->met[edge.to] && multi) {
            why = MEETING;
        }
        if (s->marks[edge.to] == UNSEEN) {
            s->marks[edge.to] = DONE;
            w->frames[depth++] = (path_frame){
                .node = edge.to, .multi = multi || w->met[edge.to] || is_multi(engine, ef_node_at(engine, edge.to))};
        }
    }
    return why;
}

/* Gives the edges into each meeting their order; false where another origin has given another one. */
static bool settle_orders(origin_walk *w) {
    ef_engine *engine = w->sealing->engine;
    for (uint32_t n = 0; n < engine->node_count; n++) {
        if (!w->met[n]) {
            continue;
        }
        ef_node *node = engine->nodes[n];
        const uint32_t *order = w->order + w->first_edge[n];
        bool settled = false;
        for (uint32_t i = 0; i < node->in_edges; i++) {
            settled = settled || (order[i] != UINT32_MAX && node->in_order[i] != UINT32_MAX);
        }
        for (uint32_t i = 0; i < node->in_edges; i++) {
            for (uint32_t j = 0; settled && j < i; j++) {
                if (order[i] != UINT32_MAX && order[j] != UINT32_MAX &&
                    (node->in_order[i] == UINT32_MAX || node->in_order[j] == UINT32_MAX ||
                     (order[i] < order[j]) != (node->in_order[i] < node->in_order[j]))) {
                    return false;
                }
            }
        }
        for (uint32_t i = 0; !settled && i < node->in_edges; i++) {
            if (order[i] != UINT32_MAX) {
                node->in_order[i] = order[i];
            }
        }
    }
    return true;
}

/* Why a push that acts from `origin` must step, or NULL. */
static const char *judge(origin_walk *w, ef_node_id origin) {
    sealing *s = w->sealing;
    memset(w->met, 0, s->engine->node_count * sizeof *w->met);
    const char *why = walk_from(w, origin);
    if (why != NULL) {
        return why;
    }
    for (uint32_t n = 0; n < s->engine->node_count; n++) {
        w->met[n] = s->arrivals[n] > 1;
    }
    why = walk_from(w, origin);
    return why != NULL ? why : settle_orders(w) ? NULL : MEETING;
}

static void mark_one(sealing *s, ef_node_id node, uint32_t *depth) {
    if (s->marks[node] == UNSEEN) {
        s->marks[node] = DONE;
        s->stack[(*depth)++] = node;
    }
}

/* Marks what can act when a row is pushed into `origin`: DONE. Through the entrance of a time domain all of the domain's timers can. */
static void mark_reached(sealing *s, ef_node_id origin) {
    uint32_t depth = 0;
    mark_one(s, origin, &depth);
    while (depth > 0) {
        const ef_node *node = ef_node_at(s->engine, s->stack[--depth]);
        for (uint32_t e = 0; e < node->edge_count; e++) {
            mark_one(s, node->edges[e].to, &depth);
        }
        const ef_entrance *entrance = ef_entrance_of(node);
        if (entrance != NULL) {
            for (uint32_t p = 0; p < entrance->port_count; p++) {
                mark_one(s, entrance->streams[p], &depth);
            }
            const ef_domain *domain = ef_domain_at(s->engine, entrance->domain);
            for (uint32_t t = 0; t < domain->timer_count; t++) {
                mark_one(s, domain->timers[t], &depth);
            }
        }
    }
}

/* Whether two of the marked nodes reach one shared object and one of them writes it. */
static bool has_shared_conflict(const sealing *s) {
    const ef_engine *engine = s->engine;
    for (uint32_t shared = 0; shared < engine->shared_count; shared++) {
        uint32_t readers = 0, writers = 0;
        for (uint32_t n = 0; n < engine->node_count; n++) {
            const ef_node *node = engine->nodes[n];
            for (uint32_t a = 0; s->marks[n] == DONE && a < node->access_count; a++) {
                if (node->accesses[a].shared == (int32_t)shared) {
                    writers += node->accesses[a].writes;
                    readers += !node->accesses[a].writes;
                }
            }
        }
        if (writers > 1 || (writers > 0 && readers > 0)) {
            return true;
        }
    }
    return false;
}

/* Whether a marked operator can fail where a marked stream has a fault stream. */
static bool has_faults(const sealing *s) {
    const ef_engine *engine = s->engine;
    bool fails = false, catches = false;
    for (uint32_t n = 0; n < engine->node_count; n++) {
        fails = fails || (s->marks[n] == DONE && engine->nodes[n]->can_fail);
        catches = catches || (s->marks[n] == DONE && engine->nodes[n]->fault >= 0);
    }
    return fails && catches;
}

static bool has_timers(const ef_node *node) {
    return node->kind == EF_NODE_OPERATOR && (node->operator_class->flags & EF_TIMERS) != 0;
}

void ef_domain_look(ef_engine *engine, ef_domain *domain) {
    domain->earliest = EF_NEVER;
    for (uint32_t i = 0; i < domain->timer_count; i++) {
        const ef_node *node = ef_node_at(engine, domain->timers[i]);
        int64_t due = node->operator_class->next_due(node->self);
        domain->earliest = due < domain->earliest ? due : domain->earliest;
    }
}

/* The timers of each domain. Nodes are in text order, so these are in rank order. */
static ef_status gather_timers(ef_engine *engine, ef_error *error) {
    for (uint32_t d = 0; d <= engine->event_count; d++) {
        ef_domain *domain = ef_domain_at(engine, d);
        if (d > 0 && domain->entrance < 0) {
            return ef_fail(error, EF_INVALID, "a time domain has no entrance");
        }
        uint32_t count = 0;
        for (uint32_t i = 0; i < engine->node_count; i++) {
            count += has_timers(engine->nodes[i]) && engine->nodes[i]->domain == d;
        }
        domain->timers = ef_malloc(&engine->alloc, count * sizeof *domain->timers);
        if (domain->timers == NULL) {
            return ef_fail_memory(error);
        }
        for (uint32_t i = 0; i < engine->node_count; i++) {
            if (has_timers(engine->nodes[i]) && engine->nodes[i]->domain == d) {
                domain->timers[domain->timer_count++] = engine->nodes[i]->id;
            }
        }
    }
    return EF_OK;
}

static ef_node *few_reader_of(const ef_engine *engine, const ef_node *node) {
    if (node->kind != EF_NODE_OPERATOR || node->edge_count != 1 || node->edges[0].port != 0) {
        return NULL;
    }
    ef_node *reader = ef_node_at(engine, node->edges[0].to);
    bool reads = reader->kind == EF_NODE_OPERATOR && reader->operator_class == &ef_select_class && ef_select_takes_few(reader->self);
    return reads ? reader : NULL;
}

/* Whether somebody can tell at which time the operator was called. Of a length window only rows that leave carry it; a selection that counts them
 * and does not put them out reads no timestamp. */
static bool shows_clock(const ef_engine *engine, const ef_node *node) {
    if (node->kind != EF_NODE_OPERATOR || (node->operator_class->flags & (EF_TIMERS | EF_READS_CLOCK)) == 0) {
        return false;
    }
    const ef_node *reader = node->operator_class == &ef_length_window_class && node->content == NULL ? few_reader_of(engine, node) : NULL;
    return reader == NULL || ef_select_puts_out_expired(reader->self);
}

/* A batch window whose rows only a selection reads, which wants no more of a batch than its groups: the two fold while they collect. */
static void fold_ahead(const ef_engine *engine, const ef_node *node) {
    if (node->kind != EF_NODE_OPERATOR || node->edge_count != 1 || node->edges[0].port != 0 || node->tap_count > 0 ||
        node->content != NULL) {
        return;
    }
    const ef_node *reader = ef_node_at(engine, node->edges[0].to);
    if (reader->kind == EF_NODE_OPERATOR && reader->operator_class == &ef_select_class && ef_select_may_fold_ahead(reader->self) &&
        ef_window_fold_ahead(node->operator_class, node->self)) {
        ef_select_fold_ahead(reader->self);
    }
}

static ef_status prepare_nodes(ef_engine *engine, ef_error *error) {
    bool merges = false, clocks = false, fails = false;
    for (uint32_t i = 0; i < engine->node_count; i++) {
        const ef_node *node = engine->nodes[i];
        for (uint32_t e = 0; e < node->edge_count; e++) {
            node->edges[e].in_index = ef_node_at(engine, node->edges[e].to)->in_edges++;
        }
        fold_ahead(engine, node);
        fails = fails || node->can_fail;
        clocks = clocks || node->reads_clock || shows_clock(engine, node);
    }
    for (uint32_t i = 0; i < engine->node_count; i++) {
        ef_node *node = engine->nodes[i];
        merges = merges || node->in_edges > 1;
        node->inbox = ef_malloc(&engine->alloc, (node->in_edges + 1) * sizeof *node->inbox);
        node->in_order = ef_malloc(&engine->alloc, node->in_edges * sizeof *node->in_order);
        if (node->inbox == NULL || node->in_order == NULL) {
            return ef_fail_memory(error);
        }
        memset(node->in_order, 0xFF, node->in_edges * sizeof *node->in_order);
    }
    engine->fails = fails;
    engine->needs_clock = clocks;
    engine->needs_causes = merges || fails || (clocks && engine->options.playback) || engine->event_count > 0;
    return gather_timers(engine, error);
}

/* Why pushes into a domain must step because of its timers, or NULL. Where the clock runs along the rows they may fire in any push. */
static const char *judge_timers(origin_walk *w, ef_domain *domain) {
    const ef_engine *engine = w->sealing->engine;
    const char *why = NULL;
    for (uint32_t t = 0; domain->is_event_time && why == NULL && t < domain->timer_count; t++) {
        const ef_entrance *entrance = ef_entrance_of(ef_node_at(engine, domain->timers[t]));
        why = entrance == NULL ? judge(w, domain->timers[t]) : entrance->can_be_idle ? SILENT : NULL;
    }
    return why;
}

/* How pushes into a stream or an entrance run. */
static void judge_pushes(origin_walk *w, ef_node *node) {
    sealing *s = w->sealing;
    ef_engine *engine = s->engine;
    const ef_domain *domain = ef_domain_at(engine, node->domain);
    node->steps = engine->options.depth_first ? ASKED : domain->steps != NULL ? domain->steps : judge(w, node->id);
    if (node->steps != NULL) {
        return;
    }
    memset(s->marks, UNSEEN, engine->node_count);
    mark_reached(s, node->id);
    for (uint32_t t = 0; domain->is_event_time && t < domain->timer_count; t++) {
        if (ef_entrance_of(ef_node_at(engine, domain->timers[t])) == NULL) {
            mark_reached(s, domain->timers[t]);
        }
    }
    if (has_shared_conflict(s)) {
        node->steps = SHARED;
    } else if (has_faults(s)) {
        node->steps = FAULTS;
    }
}

ef_status ef_may_run_together(ef_engine *engine, const ef_part *parts, uint32_t count, bool *may, ef_error *error) {
    *may = false;
    sealing s = {.engine = engine,
                 .marks = ef_arena_take(&engine->arena, engine->node_count),
                 .stack = ef_arena_take(&engine->arena, engine->node_count * sizeof(ef_node_id))};
    if (s.marks == NULL || s.stack == NULL) {
        return ef_fail_memory(error);
    }
    memset(s.marks, UNSEEN, engine->node_count);
    const ef_domain *domain = ef_domain_at(engine, 0);
    for (uint32_t i = 0; i < count; i++) {
        const ef_node *stream = ef_node_at(engine, parts[i].stream);
        if (stream->steps != NULL || stream->domain > 0 || stream->entrance >= 0) {
            return EF_OK;
        }
        mark_reached(&s, stream->id);
    }
    for (uint32_t t = 0; domain->is_event_time && t < domain->timer_count; t++) {
        if (ef_entrance_of(ef_node_at(engine, domain->timers[t])) == NULL) {
            mark_reached(&s, domain->timers[t]);
        }
    }
    *may = !has_shared_conflict(&s) && !has_faults(&s);
    return EF_OK;
}

ef_status ef_engine_seal(ef_engine *engine, ef_error *error) {
    if (engine->sealed) {
        return ef_fail(error, EF_STATE, "the graph is sealed already");
    }
    engine->graph_count = engine->node_count;
    uint32_t count = engine->node_count > 0 ? engine->node_count : 1;
    engine->order = ef_malloc(&engine->alloc, count * sizeof *engine->order);
    if (engine->order == NULL) {
        return ef_fail_memory(error);
    }
    EF_TRY(prepare_nodes(engine, error));
    ef_arena scratch;
    ef_arena_init(&scratch, &engine->alloc);
    sealing s = {
        .engine = engine,
        .marks = ef_arena_take(&scratch, count),
        .in_cycle = ef_arena_take(&scratch, count * sizeof(bool)),
        .arrivals = ef_arena_take(&scratch, count * sizeof(uint32_t)),
        .stack = ef_arena_take(&scratch, count * sizeof(ef_node_id)),
        .edge_at = ef_arena_take(&scratch, count * sizeof(uint32_t)),
    };
    origin_walk w = {
        .sealing = &s,
        .frames = ef_arena_take(&scratch, (count + 1) * sizeof(path_frame)),
        .met = ef_arena_take(&scratch, count * sizeof(bool)),
        .first_edge = ef_arena_take(&scratch, count * sizeof(uint32_t)),
    };
    for (uint32_t i = 0; w.first_edge != NULL && i < engine->node_count; i++) {
        w.first_edge[i] = w.edges;
        w.edges += engine->nodes[i]->in_edges;
    }
    w.order = ef_arena_take(&scratch, (w.edges > 0 ? w.edges : 1) * sizeof(uint32_t));
    if (s.marks == NULL || s.in_cycle == NULL || s.arrivals == NULL || s.stack == NULL || s.edge_at == NULL ||
        w.frames == NULL || w.met == NULL || w.first_edge == NULL || w.order == NULL) {
        ef_arena_clear(&scratch);
        return ef_fail_memory(error);
    }
    memset(s.marks, UNSEEN, count);
    memset(s.in_cycle, 0, count * sizeof(bool));
    uint32_t place = engine->node_count;
    for (uint32_t i = engine->node_count; i > 0; i--) {
        visit(&s, (ef_node_id)(i - 1), &place);
    }
    for (uint32_t d = 0; d <= engine->event_count; d++) {
        ef_domain *domain = ef_domain_at(engine, d);
        domain->steps = judge_timers(&w, domain);
    }
    for (uint32_t i = 0; i < engine->node_count; i++) {
        ef_node *node = engine->nodes[i];
        node->few_reader = few_reader_of(engine, node);
        if (node->kind == EF_NODE_STREAM || ef_entrance_of(node) != NULL) {
            judge_pushes(&w, node);
        }
    }
    ef_arena_clear(&scratch);
    engine->sealed = true;
    for (uint32_t d = 0; d <= engine->event_count; d++) {
        ef_domain_look(engine, ef_domain_at(engine, d)); /* some operators wait for something from the start */
    }
    return EF_OK;
}

const char *ef_engine_driver(const ef_engine *engine, ef_node_id stream) {
    const ef_node *node = ef_node_at(engine, stream);
    const char *why = node->steps;
    if (why == NULL && node->entrance >= 0) {
        why = ef_node_at(engine, node->entrance)->steps;
    }
    return why != NULL ? why : "slice";
}
