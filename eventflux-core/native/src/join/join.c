/* The join operator: drives the windows of its sides in lockstep along the merged input; see join.h.
 *
 *      left rows  ─> [ window ] ─C,X─> look for partners on the right ─┐
 *                        └─> mirror of what it holds                    ├─> joined rows
 *      right rows ─> [ window ] ─C,X─> look for partners on the left  ─┘
 *
 * Rows and timers are taken in cause order, a delivery or a firing at a time, since a probe must see the other side as of that step; of timers due in one pass those
 * of the left side come first. What a window puts out enters its side's mirror before it looks for partners. Where both windows are queues that nobody asks, they may
 * run through the whole call first: ahead.c. */
#include "join/ahead.h"
#include "table/outside.h"

#include "graph/adapter.h"
#include "window/sliding.h"

static int64_t due_of(const join_side *side) {
    return side->window != NULL ? side->window_class->next_due(side->window) : EF_NEVER;
}

ef_status join_pass_through(const ef_batch *rows, const ef_track *track, ef_batch *to, ef_arena *arena, ef_error *error) {
    ef_out out;
    ef_out_init(&out, arena, rows);
    EF_TRY(ef_out_reserve(&out, rows->rows * 3, error));
    for (uint32_t i = 0; i < rows->rows; i++) {
        int64_t cause = ef_row_cause(rows, i), clock = ef_row_clock(rows, i, track);
        uint32_t slot = ef_row_slot(rows, i);
        ef_out_put(&out, EF_FROM_INPUT(i), rows->timestamps[i], EF_CURRENT, cause, slot);
        ef_out_put(&out, EF_FROM_INPUT(i), clock, EF_EXPIRED, cause, slot);
        ef_out_put(&out, EF_FROM_NONE, clock, EF_RESET, cause, slot);
    }
    ef_out_end(&out);
    EF_TRY(ef_out_finish(&out, NULL, NULL, true, error));
    *to = out.result;
    return EF_OK;
}

/* ---- running ---- */

/* Sets the cause of all rows that one call has put out. */
static ef_status stamp(ef_batch *rows, int64_t cause, ef_arena *arena, ef_error *error) {
    rows->causes = ef_arena_take(arena, rows->rows * sizeof *rows->causes);
    if (rows->causes == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < rows->rows; i++) {
        rows->causes[i] = cause;
    }
    return EF_OK;
}

/* One delivery into side `s` (or, with rows->rows == 0, its timers), and what comes of it. */
static ef_status feed(join *j, uint32_t s, const ef_batch *rows, const ef_track *track, int64_t cause, ef_joined *joined,
                      ef_out *out, ef_error *error) {
    join_side *side = &j->side[s];
    ef_batch emitted = *rows;
    if (side->window != NULL) {
        ef_out window;
        ef_out_init(&window, out->arena, rows);
        EF_TRY(side->window_class->process(side->window, 0, rows, track, &window, error));
        emitted = window.result;
        if (side->is_bare && window.rows > 0) { /* rows that leave, which only the mirror counts */
            emitted = (ef_batch){.rows = window.rows,
                                 .timestamps = window.timestamp,
                                 .kinds = window.kind,
                                 .slots = window.any_slot ? window.slot : NULL,
                                 .form = EF_WHOLE};
        }
        if (emitted.rows == 0) {
            return EF_OK;
        }
        EF_TRY(stamp(&emitted, cause, out->arena, error));
    } else if (!side->passes && j->wants_expired) {
        EF_TRY(join_pass_through(rows, track, &emitted, out->arena, error));
    }
    if (side->mirror.alloc != NULL) {
        if (side->keeps_times) {
            EF_TRY(ef_mirror_keep_times(&side->mirror, &emitted, out->arena, error));
        }
        EF_TRY(ef_mirror_follow(&side->mirror, &emitted, side->rule, error));
    }
    bool looks = side->triggers && !side->is_bare; /* rows that leave look for nobody then */
    return looks ? join_search(j, s, &emitted, track, joined, out, error) : EF_OK;
}

typedef struct cursor {
    const ef_batch *batch;
    uint32_t port, order, row, delivery, deliveries;
} cursor;

static cursor *first_of(cursor *cursors, uint32_t count) {
    cursor *best = NULL;
    for (uint32_t i = 0; i < count; i++) {
        cursor *c = &cursors[i];
        if (c->delivery == c->deliveries) {
            continue;
        }
        int64_t cause = ef_row_cause(c->batch, c->row);
        int64_t known = best != NULL ? ef_row_cause(best->batch, best->row) : 0;
        if (best == NULL || cause < known || (cause == known && c->order < best->order)) {
            best = c;
        }
    }
    return best;
}

/* Fires the windows' timers that are due before a row of this cause. */
static ef_status fire(join *j, ef_walk *walk, int64_t before, ef_joined *joined, ef_out *out, ef_error *error) {
    static const ef_batch NOTHING = {.columns = 0, .form = EF_WHOLE};
    for (;;) {
        int64_t left = due_of(&j->side[0]), right = due_of(&j->side[1]);
        const ef_track *track = walk->track;
        /* Within one pass the left side fires all that is due before the right side fires anything. */
        ef_walk peek = *walk;
        int64_t left_step = ef_walk_next(&peek, left, before);
        peek = *walk;
        int64_t right_step = ef_walk_next(&peek, right, before);
        bool is_left = left_step >= 0 && (right_step < 0 || left_step <= right_step);
        int64_t step = ef_walk_next(walk, is_left ? left : right, before);
        if (step < 0) {
            return EF_OK;
        }
        ef_track one = {.clock = &track->clock[step],
                        .before = step > 0 ? track->clock[step - 1] : track->before,
                        .steps = 1,
                        .max_firings = 1};
        EF_TRY(feed(j, is_left ? 0 : 1, &NOTHING, &one, EF_CAUSE(step, walk->rank, walk->fired - 1), joined, out, error));
    }
}

static ef_status process_inputs(void *self, const ef_input *inputs, uint32_t count, const ef_track *track, ef_out *out,
                                ef_error *error) {
    join *j = self;
    if (join_looks_up(j, inputs, count)) {
        return join_look_up(j, inputs[0].port, inputs[0].batch, track, out, error);
    }
    if (j->runs_ahead && track->max_firings != 1) {
        return join_run_ahead(j, inputs, count, track, out, error);
    }
    cursor cursors[2];
    for (uint32_t i = 0; i < count; i++) {
        cursors[i] = (cursor){.batch = inputs[i].batch,
                              .port = inputs[i].port,
                              .order = inputs[i].order,
                              .deliveries = ef_deliveries(inputs[i].batch)};
    }
    ef_joined joined;
    EF_TRY(ef_joined_init(&joined, j->columns, j->types, out->arena, error));
    ef_walk walk;
    ef_walk_init(&walk, track, j->rank);
    cursor *next;
    while ((next = first_of(cursors, count)) != NULL) {
        int64_t cause = ef_row_cause(next->batch, next->row);
        EF_TRY(fire(j, &walk, cause, &joined, out, error));
        ef_walk_row(&walk, cause);
        uint32_t end = ef_delivery_end(next->batch, next->delivery);
        ef_batch rows = *next->batch;
        if (next->deliveries > 1 && !ef_batch_view(&rows, next->batch, next->row, end - next->row, out->arena)) {
            return ef_fail_memory(error);
        }
        rows.form = EF_WHOLE;
        uint32_t step = track->steps > 1 ? EF_CAUSE_STEP(cause) : 0;
        ef_track one = {.clock = &track->clock[step],
                        .before = step > 0 ? track->clock[step - 1] : track->before,
                        .steps = 1,
                        .max_firings = 0};
        EF_TRY(feed(j, next->port, &rows, &one, cause, &joined, out, error));
        next->row = end;
        next->delivery++;
    }
    EF_TRY(fire(j, &walk, INT64_MAX, &joined, out, error));
    ef_joined_finish(&joined, &out->result);
    return EF_OK;
}

static ef_status process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                         ef_error *error) {
    ef_input input = {.batch = batch, .port = port};
    return process_inputs(self, &input, 1, track, out, error);
}

static int64_t next_due(const void *self) {
    const join *j = self;
    int64_t left = due_of(&j->side[0]), right = due_of(&j->side[1]);
    return left < right ? left : right;
}

static void purge(void *self, uint32_t slot) {
    join *j = self;
    for (uint32_t s = 0; s < 2; s++) {
        join_side *side = &j->side[s];
        if (side->window != NULL && side->window_class->purge != NULL) {
            side->window_class->purge(side->window, slot);
        }
        if (side->mirror.alloc != NULL) {
            ef_mirror_purge(&side->mirror, slot);
        }
    }
}

static ef_status save(const void *self, ef_writer *writer, ef_error *error) {
    const join *j = self;
    for (uint32_t s = 0; s < 2; s++) {
        const join_side *side = &j->side[s];
        if (side->window != NULL && side->window_class->save != NULL) {
            EF_TRY(side->window_class->save(side->window, writer, error));
        }
        if (side->mirror.alloc != NULL) {
            ef_mirror_save(&side->mirror, writer);
        }
    }
    return ef_writer_status(writer, error);
}

static ef_status load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    (void)version;
    join *j = self;
    for (uint32_t s = 0; s < 2; s++) {
        join_side *side = &j->side[s];
        if (side->window != NULL && side->window_class->load != NULL) {
            EF_TRY(side->window_class->load(side->window, reader, side->window_class->state_version, error));
        }
        if (side->mirror.alloc != NULL) {
            EF_TRY(ef_mirror_load(&side->mirror, reader, error));
        }
    }
    return ef_reader_status(reader, error);
}

static uint64_t size(const void *self) {
    const join *j = self;
    uint64_t rows = 0;
    for (uint32_t s = 0; s < 2; s++) {
        const join_side *side = &j->side[s];
        rows += side->window != NULL && side->window_class->size != NULL ? side->window_class->size(side->window) : 0;
    }
    return rows;
}

static void destroy(void *self) {
    join *j = self;
    for (uint32_t s = 0; s < 2; s++) {
        join_side *side = &j->side[s];
        if (side->window != NULL) {
            side->window_class->destroy(side->window);
        }
        if (side->probe != NULL) {
            side->probe->destroy(side->probe);
        }
        if (side->mirror.alloc != NULL) {
            ef_mirror_clear(&side->mirror);
        }
        ef_program_free(side->keys);
        ef_program_free(side->residual);
        ef_free(j->alloc, side->key_outputs, (side->key_count > 0 ? side->key_count : 1) * sizeof *side->key_outputs);
        ef_free(j->alloc, side->conjuncts, (side->conjunct_count > 0 ? side->conjunct_count : 1) * sizeof *side->conjuncts);
    }
    ef_free(j->alloc, j->types, (j->columns > 0 ? j->columns : 1) * sizeof *j->types);
    ef_free(j->alloc, j, sizeof *j);
}

static ef_status create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "a join is made from two sides");
}

static const ef_operator_class JOIN_CLASS = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "join",
    .flags = EF_SLOTS | EF_BATCHED | EF_TIMERS | EF_READS_CLOCK | EF_BATCH_CHUNKS | EF_PORTS | EF_MULTI,
    .state_version = 1,
    .create = create,
    .destroy = destroy,
    .process = process,
    .next_due = next_due,
    .purge = purge,
    .save = save,
    .load = load,
    .size = size,
    .process_inputs = process_inputs,
};

/* ---- making ---- */

/* Takes the programs of a side's condition that the join evaluates itself. */
static ef_status take_condition(join *j, uint32_t s, ef_join_side *from, ef_error *error) {
    join_side *side = &j->side[s];
    ef_condition *condition = &from->condition;
    side->key_count = (uint32_t)from->key_count;
    side->conjunct_count = condition->conjunct_count;
    side->key_outputs = ef_malloc(j->alloc, (side->key_count > 0 ? side->key_count : 1) * sizeof *side->key_outputs);
    side->conjuncts = ef_malloc(j->alloc, (side->conjunct_count > 0 ? side->conjunct_count : 1) * sizeof *side->conjuncts);
    if (side->key_outputs == NULL || side->conjuncts == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t c = 0; c < condition->conjunct_count; c++) {
        side->conjuncts[c] = condition->conjuncts[c];
        if (c < side->key_count) {
            side->key_outputs[c] = condition->conjuncts[c].key;
        }
    }
    side->keys = condition->keys;
    side->residual = condition->residual;
    condition->keys = NULL;
    condition->residual = NULL;
    return EF_OK;
}

static ef_status make_window(join *j, uint32_t s, const ef_join_side *from, const ef_type *types, const ef_node *node,
                             bool is_searched, const ef_join_side *other, bool keeps_batches, uint64_t seed,
                             ef_error *error) {
    join_side *side = &j->side[s];
    const ef_operator_class *window = ef_window_find(from->window);
    if (window == NULL) {
        return ef_fail(error, EF_NOT_FOUND, "no native window '%s'", from->window);
    }
    side->rule = ef_mirror_rule_of(window, !keeps_batches);
    side->keeps_times = ef_mirror_keeps_times(window);
    ef_operator_config config = {.columns = side->columns,
                                 .types = types,
                                 .params = from->params,
                                 .param_count = from->param_count,
                                 .rank = node->rank,
                                 .wants_expired = side->rule != EF_MIRROR_ALL_BATCHES,
                                 .playback = j->engine->options.playback || j->engine->added_to > 0,
                                 .alloc = j->alloc};
    side->window_class = window;
    EF_TRY(ef_needs_adapter(window) ? ef_adapter_create(window, &config, &side->window_class, &side->window, error)
                                    : window->create(&config, &side->window, error));
    if (window == &ef_cron_window_class) {
        ef_cron_window_in(side->window, &j->engine->zone);
    }
    if (!is_searched) {
        return EF_OK;
    }
    if ((window->flags & EF_FIFO) == 0) {
        side->is_searched_by_find = window->find != NULL;
        return window->find != NULL ? EF_OK
                                    : ef_fail(error, EF_INVALID, "what a %s window holds cannot be searched", from->window);
    }
    uint32_t keys[16];
    uint32_t key_count = (uint32_t)other->key_count < 16 ? (uint32_t)other->key_count : 16;
    for (uint32_t k = 0; k < key_count; k++) {
        keys[k] = other->condition.conjuncts[k].column;
    }
    return ef_mirror_init(&side->mirror, j->alloc, side->columns, types, keys, key_count, seed, error);
}

static const ef_type *types_of(const ef_engine *engine, const ef_join_side *side, uint32_t *columns) {
    if (side->from >= 0) {
        const ef_node *node = ef_node_at(engine, side->from);
        *columns = node->columns;
        return node->types;
    }
    *columns = side->content->columns;
    return side->content->types;
}

static void free_programs(ef_join_config *config) {
    for (uint32_t s = 0; s < 2; s++) {
        ef_program_free(config->side[s].condition.keys);
        ef_program_free(config->side[s].condition.residual);
        config->side[s].condition.keys = NULL;
        config->side[s].condition.residual = NULL;
    }
}

static ef_status fill(join *j, ef_join_config *config, const ef_node *node, ef_error *error) {
    for (uint32_t s = 0; s < 2; s++) {
        const ef_join_side *from = &config->side[s];
        join_side *side = &j->side[s];
        const ef_type *types = types_of(j->engine, from, &side->columns);
        side->at = s == 0 ? 0 : j->side[0].columns;
        side->triggers = from->triggers;
        side->preserved = from->preserved;
        side->passes = from->is_named_window;
        if (from->window != NULL) {
            EF_TRY(make_window(j, s, from, types, node, config->side[1 - s].triggers, &config->side[1 - s],
                               config->keeps_batches, config->seed, error));
        }
    }
    for (uint32_t s = 0; s < 2; s++) {
        ef_join_side *from = &config->side[s];
        ef_content *content = config->side[1 - s].content;
        if (from->triggers && content != NULL) {
            ef_condition condition = from->condition;
            from->condition.keys = NULL; /* taken by compile, also when it fails */
            from->condition.residual = NULL;
            EF_TRY(content->compile(content, &condition, j->alloc, &j->side[1 - s].probe, error));
            j->side[1 - s].is_steady = content->is_steady;
        } else {
            EF_TRY(take_condition(j, s, from, error));
        }
    }
    j->runs_ahead = join_may_run_ahead(j);
    j->takes_few = join_may_take_few(j);
    for (uint32_t s = 0; j->runs_ahead && !j->wants_expired && s < 2; s++) {
        join_side *side = &j->side[s];
        side->is_bare = side->window != NULL && ef_sliding_make_bare(side->window_class, side->window);
    }
    return EF_OK;
}

ef_node_id ef_engine_join(ef_engine *engine, ef_join_config *config, bool wants_expired, ef_error *error) {
    uint32_t left, right;
    for (uint32_t s = 0; s < 2; s++) {
        const ef_join_side *side = &config->side[s];
        if (side->from < 0 ? side->content == NULL : !ef_is_node(engine, side->from)) {
            free_programs(config);
            return (ef_node_id)ef_fail(error, EF_INVALID, "a side of a join has neither rows nor content");
        }
    }
    const ef_type *left_types = types_of(engine, &config->side[0], &left);
    const ef_type *right_types = types_of(engine, &config->side[1], &right);
    ef_type *types = ef_malloc(&engine->alloc, ((size_t)left + right + 1) * sizeof *types);
    if (types == NULL) {
        free_programs(config);
        return ef_fail_memory(error);
    }
    memcpy(types, left_types, left * sizeof *types);
    memcpy(types + left, right_types, right * sizeof *types);
    ef_node_id from = config->side[0].from >= 0 ? config->side[0].from : config->side[1].from;
    ef_node *node = ef_operator_begin(engine, from, "join", left + right, types, error);
    ef_free(&engine->alloc, types, ((size_t)left + right + 1) * sizeof *types);
    if (node == NULL) {
        free_programs(config);
        return error != NULL && error->status != EF_OK ? (ef_node_id)error->status : EF_INVALID;
    }
    join *made = ef_calloc(&node->alloc, sizeof *made);
    ef_status status = EF_OK;
    if (made == NULL) {
        status = ef_fail_memory(error);
    } else {
        node->operator_class = &JOIN_CLASS;
        node->self = made;
        made->alloc = &node->alloc;
        made->engine = engine;
        made->rank = node->rank;
        made->wants_expired = wants_expired;
        made->columns = left + right;
        made->types = ef_malloc(&node->alloc, (made->columns > 0 ? made->columns : 1) * sizeof *made->types);
        if (made->types == NULL) {
            status = ef_fail_memory(error);
        } else {
            memcpy(made->types, node->types, made->columns * sizeof *made->types);
            status = fill(made, config, node, error);
        }
    }
    free_programs(config);
    if (status != EF_OK) {
        ef_operator_abandon(engine, node);
        return status;
    }
    /* The edge of operator_enter goes to port 0: the right side alone takes port 1 by an edge of its own. */
    ef_node_id id = ef_operator_enter(engine, node, config->side[0].from, error);
    if (id >= 0 && config->side[1].from >= 0) {
        status = ef_add_edge(engine, ef_node_at(engine, config->side[1].from), id, 1, error);
    }
    node->can_fail = ef_content_outside(config->side[0].content) != NULL || ef_content_outside(config->side[1].content) != NULL;
    for (uint32_t s = 0; id >= 0 && status == EF_OK && s < 2; s++) {
        if (config->side[s].content != NULL && config->side[s].content->shared >= 0) {
            status = ef_engine_access(engine, id, config->side[s].content->shared, false, error);
        }
    }
    return status == EF_OK ? id : (ef_node_id)status;
}
