/* Changes of tables outside; see outside.h. */
#include "table/outside.h"

typedef struct outside_change {
    ef_engine *engine;
    ef_alloc *alloc;
    const ef_outside *table;
    ef_change_kind kind;
    bool current, expired;
    uint32_t number;      /* of the change in the store; 0: it took only the condition, or nothing */
    ef_program *parameters; /* number > 0 */
    ef_probe *probe;        /* else */
    ef_program *set;
    uint32_t *set_columns;
    uint32_t set_count;
    uint64_t touched; /* by the last call */
} outside_change;

static void change_destroy(void *self) {
    outside_change *c = self;
    if (c->probe != NULL) {
        c->probe->destroy(c->probe);
    }
    ef_program_free(c->parameters);
    ef_program_free(c->set);
    ef_free(c->alloc, c->set_columns, c->set_count * sizeof *c->set_columns);
    ef_free(c->alloc, c, sizeof *c);
}

ef_status ef_outside_change_create(ef_engine *engine, ef_alloc *alloc, ef_outside *table, ef_change_config *config, void **self,
                                   ef_error *error) {
    outside_change *made = ef_calloc(alloc, sizeof *made);
    uint32_t *columns = ef_malloc(alloc, config->set_count * sizeof *columns);
    if (made == NULL || columns == NULL) {
        ef_program_free(config->condition.keys);
        ef_program_free(config->condition.residual);
        ef_program_free(config->set);
        ef_free(alloc, made, sizeof *made);
        ef_free(alloc, columns, config->set_count * sizeof *columns);
        return ef_fail_memory(error);
    }
    *made = (outside_change){.engine = engine,
                             .alloc = alloc,
                             .table = table,
                             .kind = config->kind,
                             .current = config->current,
                             .expired = config->expired,
                             .number = config->outside,
                             .set = config->set,
                             .set_columns = columns,
                             .set_count = config->set_count};
    bool fits = config->set_count == (config->set == NULL ? 0 : ef_program_outputs(config->set));
    for (uint32_t i = 0; fits && i < config->set_count; i++) {
        columns[i] = config->set_columns[i];
        fits = columns[i] < table->content.columns && ef_program_output_type(config->set, i) == table->content.types[columns[i]];
    }
    ef_status status;
    if (config->outside > 0) {
        made->parameters = config->condition.keys;
        ef_program_free(config->condition.residual);
        status = EF_OK;
    } else {
        status = table->content.compile(&table->content, &config->condition, alloc, &made->probe, error);
    }
    if (status == EF_OK && !fits) {
        status = ef_fail(error, EF_INVALID, "a change sets columns to values that do not fit them");
    }
    if (status != EF_OK) {
        change_destroy(made);
        return status;
    }
    *self = made;
    return EF_OK;
}

uint64_t ef_outside_change_touched(const void *self) {
    return ((const outside_change *)self)->touched;
}

static ef_run run_of(const outside_change *c, const ef_track *track, ef_out *out) {
    return (ef_run){
        .arena = out->arena, .track = track, .host = &c->engine->host, .random = &c->engine->random, .out = out};
}

/* The first columns of the rows: what is inserted. */
static ef_batch first_columns(const outside_change *c, const ef_batch *batch) {
    ef_batch rows = *batch;
    rows.columns = c->table->content.columns;
    return rows;
}

/* A call of the store. `row` >= 0: rows that fail stand for that row of the batch. */
static ef_status act(outside_change *c, ef_outside_act what, const ef_batch *rows, const ef_batch *more, int64_t row, ef_out *out,
                     ef_error *error) {
    const ef_outside_host *host = c->table->host;
    ef_out failures;
    ef_out_init(&failures, out->arena, rows);
    uint64_t touched = 0;
    ef_error problem;
    ef_status status = host->act(host->context, what, c->number, rows, more, &failures, &touched, &problem);
    c->touched += touched;
    if (status == EF_ROW) {
        EF_TRY(ef_outside_fail_rows(&failures, row >= 0 ? 1 : rows->rows, problem.message, error));
    } else if (status != EF_OK) {
        return ef_fail(error, status, "%s", problem.message);
    }
    for (uint32_t i = 0; i < failures.failed_count; i++) {
        EF_TRY(ef_out_fail_row(out, row >= 0 ? (uint32_t)row : failures.failed[i].at, failures.failed[i].message, error));
    }
    return EF_OK;
}

/* ---- row by row: found, changed here, put in place of the old ones ---- */

static ef_status update_found(outside_change *c, const ef_batch *one, uint32_t row, const ef_found *found, const ef_track *track,
                              ef_out *out, ef_error *error) {
    ef_arena *arena = out->arena;
    uint32_t columns = c->table->content.columns;
    ef_batch pairs = {.rows = found->count, .columns = one->columns + columns, .form = EF_WHOLE};
    pairs.column = ef_arena_take(arena, (pairs.columns > 0 ? pairs.columns : 1) * sizeof *pairs.column);
    pairs.timestamps = ef_arena_take(arena, found->count * sizeof *pairs.timestamps);
    ef_column *values = ef_arena_take(arena, (c->set_count > 0 ? c->set_count : 1) * sizeof *values);
    ef_column *changed = ef_arena_take(arena, (columns > 0 ? columns : 1) * sizeof *changed);
    if (pairs.column == NULL || pairs.timestamps == NULL || values == NULL || changed == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < one->columns; i++) {
        if (!ef_column_gather(&pairs.column[i], &one->column[i], found->probe, found->count, arena)) {
            return ef_fail_memory(error);
        }
    }
    for (uint32_t i = 0; i < columns; i++) {
        pairs.column[one->columns + i] = changed[i] = found->column[i];
    }
    for (uint32_t i = 0; i < found->count; i++) {
        pairs.timestamps[i] = one->timestamps[0];
    }
    ef_out failures;
    ef_out_init(&failures, arena, &pairs);
    ef_run run = run_of(c, track, &failures);
    EF_TRY(ef_program_run(c->set, &pairs, &run, values, NULL, error));
    if (failures.failed_count > 0) {
        return ef_out_fail_row(out, row, failures.failed[0].message, error);
    }
    for (uint32_t i = 0; i < c->set_count; i++) {
        changed[c->set_columns[i]] = values[i];
    }
    ef_batch before = {.rows = found->count, .columns = columns, .column = found->column, .timestamps = pairs.timestamps,
                       .form = EF_WHOLE};
    ef_batch after = before;
    after.column = changed;
    return act(c, EF_OUTSIDE_REPLACE, &before, &after, row, out, error);
}

static ef_status one_by_one(outside_change *c, const ef_batch *batch, const ef_track *track, ef_out *out, ef_error *error) {
    for (uint32_t i = 0; i < batch->rows; i++) {
        ef_batch one = *batch;
        if (batch->rows > 1 && !ef_batch_view(&one, batch, i, 1, out->arena)) {
            return ef_fail_memory(error);
        }
        ef_out failures;
        ef_out_init(&failures, out->arena, &one);
        ef_run run = run_of(c, track, &failures);
        ef_found found;
        EF_TRY(c->probe->find(c->probe, &one, &run, &found, error));
        if (failures.failed_count > 0) {
            EF_TRY(ef_out_fail_row(out, i, failures.failed[0].message, error));
        } else if (found.count == 0 && c->kind == EF_CHANGE_UPSERT) {
            ef_batch row = first_columns(c, &one);
            EF_TRY(act(c, EF_OUTSIDE_INSERT, &row, NULL, i, out, error));
        } else if (found.count > 0 && c->kind == EF_CHANGE_DELETE) {
            ef_batch gone = {.rows = found.count, .columns = c->table->content.columns, .column = found.column,
                             .timestamps = found.timestamps, .form = EF_WHOLE};
            EF_TRY(act(c, EF_OUTSIDE_REMOVE, &gone, NULL, i, out, error));
        } else if (found.count > 0 && c->set_count > 0) {
            EF_TRY(update_found(c, &one, i, &found, track, out, error));
        } else {
            c->touched += found.count;
        }
    }
    return EF_OK;
}

static ef_status in_the_store(outside_change *c, const ef_batch *batch, const ef_track *track, ef_out *out, ef_error *error) {
    ef_run run = run_of(c, track, out);
    ef_batch parameters;
    EF_TRY(ef_outside_parameters(c->parameters, batch, &run, &parameters, error));
    ef_batch rows = first_columns(c, batch);
    return act(c, EF_OUTSIDE_CHANGE, &parameters, c->kind == EF_CHANGE_UPSERT ? &rows : NULL, -1, out, error);
}

static ef_status change_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                                ef_error *error) {
    (void)port;
    outside_change *c = self;
    c->touched = 0;
    if (batch->rows == 0) {
        return EF_OK;
    }
    ef_batch rows;
    const uint32_t *places;
    EF_TRY(ef_change_acting(batch, c->current, c->expired, &rows, &places, out->arena, error));
    if (rows.rows == 0) {
        return EF_OK;
    }
    ef_status status;
    if (c->kind == EF_CHANGE_INSERT) {
        ef_batch inserted = first_columns(c, &rows);
        status = act(c, EF_OUTSIDE_INSERT, &inserted, NULL, -1, out, error);
    } else if (c->number > 0) {
        status = in_the_store(c, &rows, track, out, error);
    } else {
        status = one_by_one(c, &rows, track, out, error);
    }
    for (uint32_t i = 0; places != NULL && i < out->failed_count; i++) {
        out->failed[i].at = places[out->failed[i].at];
    }
    return status;
}

static ef_status change_create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "a change of a table is made from a condition");
}

static int64_t never_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

const ef_operator_class ef_outside_change_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "change",
    .flags = EF_SLOTS | EF_BATCHED | EF_FAILS,
    .create = change_create,
    .destroy = change_destroy,
    .process = change_process,
    .next_due = never_due,
};
