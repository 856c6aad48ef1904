/* Sealing: topological order, who has timers, and where slices may run.
 *
 * Rows meet where a node has several edges in. In a slice such edges are merged by cause, which is an order only while no two of them carry equal causes:
 * while at most one of them can be reached from one origin. Origins are the stream that is pushed to, and every operator whose timers fire (each firing has
 * a cause of its own). A push steps (depth first, row by row) when an origin that may act in it reaches a meeting by two edges, or a cycle.
 * Cost: origins x edges, once. */
#include "graph/node.h"

typedef enum mark { UNSEEN = 0, OPEN = 1, DONE = 2 } mark;

static const char CYCLE[] = "step: a query feeds its own input";
static const char MEETING[] = "step: paths part and meet again";

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

/* Why a push that acts from `origin` must step, or NULL. */
static const char *judge(sealing *s, ef_node_id origin) {
    ef_engine *engine = s->engine;
    memset(s->marks, UNSEEN, engine->node_count);
    memset(s->arrivals, 0, engine->node_count * sizeof *s->arrivals);
    uint32_t depth = 0;
    const char *why = NULL;
    s->stack[depth++] = origin;
    s->marks[origin] = DONE;
    while (depth > 0) {
        ef_node_id id = s->stack[--depth];
        const ef_node *node = ef_node_at(engine, id);
        if (s->in_cycle[id]) {
            why = CYCLE;
        }
        for (uint32_t e = 0; e < node->edge_count; e++) {
            ef_node_id to = node->edges[e].to;
            if (++s->arrivals[to] > 1 && why == NULL) {
                why = MEETING;
            }
            if (s->marks[to] == UNSEEN) {
                s->marks[to] = DONE;
                s->stack[depth++] = to;
            }
        }
    }
    return why;
}

static bool has_timers(const ef_node *node) {
    return node->kind == EF_NODE_OPERATOR && (node->operator_class->flags & EF_TIMERS) != 0;
}

static ef_status prepare_nodes(ef_engine *engine, ef_error *error) {
    bool merges = false, clocks = false;
    for (uint32_t i = 0; i < engine->node_count; i++) {
        const ef_node *node = engine->nodes[i];
        for (uint32_t e = 0; e < node->edge_count; e++) {
            ef_node_at(engine, node->edges[e].to)->in_edges++;
        }
        engine->timer_count += has_timers(node);
        clocks = clocks || node->reads_clock ||
                 (node->kind == EF_NODE_OPERATOR && (node->operator_class->flags & (EF_TIMERS | EF_READS_CLOCK)) != 0);
    }
    engine->timers = ef_malloc(&engine->alloc, engine->timer_count * sizeof *engine->timers);
    if (engine->timers == NULL) {
        return ef_fail_memory(error);
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < engine->node_count; i++) {
        ef_node *node = engine->nodes[i];
        if (has_timers(node)) {
            engine->timers[at++] = node->id; /* nodes are in text order, so these are in rank order */
        }
        merges = merges || node->in_edges > 1;
        if (node->in_edges > 0) {
            node->inbox = ef_malloc(&engine->alloc, node->in_edges * sizeof *node->inbox);
            if (node->inbox == NULL) {
                return ef_fail_memory(error);
            }
        }
    }
    engine->needs_causes = merges || (clocks && engine->options.playback);
    return EF_OK;
}

ef_status ef_engine_seal(ef_engine *engine, ef_error *error) {
    if (engine->sealed) {
        return ef_fail(error, EF_STATE, "the graph is sealed already");
    }
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
    if (s.marks == NULL || s.in_cycle == NULL || s.arrivals == NULL || s.stack == NULL || s.edge_at == NULL) {
        ef_arena_clear(&scratch);
        return ef_fail_memory(error);
    }
    memset(s.marks, UNSEEN, count);
    memset(s.in_cycle, 0, count * sizeof(bool));
    uint32_t place = engine->node_count;
    for (uint32_t i = engine->node_count; i > 0; i--) {
        visit(&s, (ef_node_id)(i - 1), &place);
    }
    for (uint32_t i = 0; i < engine->node_count; i++) {
        ef_node *node = engine->nodes[i];
        if (node->kind == EF_NODE_STREAM || has_timers(node)) {
            node->steps = judge(&s, node->id);
        }
    }
    ef_arena_clear(&scratch);
    engine->sealed = true;
    return EF_OK;
}

/* Why pushes into `stream` step, or NULL: its own paths, or, in playback, those of timers that may fire meanwhile. */
static const char *why_steps(const ef_engine *engine, const ef_node *stream) {
    if (engine->options.depth_first) {
        return "step: the engine was made to step";
    }
    if (stream->steps != NULL) {
        return stream->steps;
    }
    for (uint32_t i = 0; engine->options.playback && i < engine->timer_count; i++) {
        const ef_node *node = ef_node_at(engine, engine->timers[i]);
        if (node->steps != NULL) {
            return node->steps;
        }
    }
    return NULL;
}

const char *ef_engine_driver(const ef_engine *engine, ef_node_id stream) {
    const char *why = why_steps(engine, ef_node_at(engine, stream));
    return why != NULL ? why : "slice";
}
