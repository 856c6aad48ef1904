/* Inserting into tables outside, and finding rows of them; see outside.h. A probe is O(rows found) here. */
#include "table/outside.h"

typedef struct outside_probe {
    ef_probe base;
    ef_alloc *alloc;
    const ef_outside *table;
    uint32_t number; /* of the condition in the store */
    ef_program *keys;
    ef_program *residual;
} outside_probe;

/* ---- finding ---- */

static void probe_destroy(ef_probe *self) {
    outside_probe *p = (outside_probe *)self;
    ef_program_free(p->keys);
    ef_program_free(p->residual);
    ef_free(p->alloc, p, sizeof *p);
}

ef_status ef_outside_parameters(const ef_program *keys, const ef_batch *rows, ef_run *run, ef_batch *parameters,
                                ef_error *error) {
    *parameters = (ef_batch){.rows = rows->rows, .timestamps = rows->timestamps, .form = EF_WHOLE};
    if (keys == NULL) {
        return EF_OK;
    }
    parameters->columns = ef_program_outputs(keys);
    parameters->column = ef_arena_take(run->arena, (parameters->columns > 0 ? parameters->columns : 1) * sizeof *parameters->column);
    if (parameters->column == NULL) {
        return ef_fail_memory(error);
    }
    return ef_program_run(keys, rows, run, parameters->column, NULL, error);
}

ef_status ef_outside_fail_rows(ef_out *out, uint32_t rows, const char *message, ef_error *error) {
    for (uint32_t i = 0; i < rows; i++) {
        EF_TRY(ef_out_fail_row(out, i, message, error));
    }
    return EF_OK;
}

/* Keeps the pairs for which the residual is true. */
static ef_status test_residual(const outside_probe *p, const ef_batch *probes, ef_run *run, ef_found *found, ef_error *error) {
    uint32_t columns = p->table->content.columns;
    ef_batch pairs = {.rows = found->count, .columns = probes->columns + columns, .form = EF_WHOLE};
    pairs.column = ef_arena_take(run->arena, (pairs.columns > 0 ? pairs.columns : 1) * sizeof *pairs.column);
    pairs.timestamps = ef_arena_take(run->arena, found->count * sizeof *pairs.timestamps);
    pairs.causes = probes->causes == NULL ? NULL : ef_arena_take(run->arena, found->count * sizeof *pairs.causes);
    if (pairs.column == NULL || pairs.timestamps == NULL || (probes->causes != NULL && pairs.causes == NULL)) {
        return ef_fail_memory(error);
    }
    for (uint32_t c = 0; c < probes->columns; c++) {
        if (!ef_column_gather(&pairs.column[c], &probes->column[c], found->probe, found->count, run->arena)) {
            return ef_fail_memory(error);
        }
    }
    if (columns > 0) {
        memcpy(pairs.column + probes->columns, found->column, columns * sizeof *pairs.column);
    }
    for (uint32_t i = 0; i < found->count; i++) {
        pairs.timestamps[i] = probes->timestamps[found->probe[i]];
        if (pairs.causes != NULL) {
            pairs.causes[i] = probes->causes[found->probe[i]];
        }
    }
    ef_out failures;
    ef_out_init(&failures, run->arena, &pairs);
    ef_run inner = *run;
    inner.out = &failures;
    uint32_t *kept = NULL, count = 0;
    EF_TRY(ef_program_select(p->residual, &pairs, &inner, &kept, &count, error));
    for (uint32_t i = 0; i < failures.failed_count; i++) {
        EF_TRY(ef_out_fail_row(run->out, found->probe[failures.failed[i].at], failures.failed[i].message, error));
    }
    if (count == found->count) {
        return EF_OK;
    }
    for (uint32_t c = 0; c < columns; c++) {
        if (!ef_column_gather(&found->column[c], &pairs.column[probes->columns + c], kept, count, run->arena)) {
            return ef_fail_memory(error);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        found->probe[i] = found->probe[kept[i]];
        found->timestamps[i] = found->timestamps[kept[i]];
    }
    found->count = count;
    return EF_OK;
}

static ef_status probe_find(ef_probe *self, const ef_batch *probes, ef_run *run, ef_found *found, ef_error *error) {
    const outside_probe *p = (const outside_probe *)self;
    const ef_outside_host *host = p->table->host;
    *found = (ef_found){.count = 0};
    if (probes->rows == 0) {
        return EF_OK;
    }
    ef_batch parameters;
    EF_TRY(ef_outside_parameters(p->keys, probes, run, &parameters, error));
    ef_error problem;
    ef_status status = host->find(host->context, p->number, &parameters, run->arena, found, &problem);
    if (status == EF_ROW) {
        found->count = 0;
        return ef_outside_fail_rows(run->out, probes->rows, problem.message, error);
    }
    if (status != EF_OK) {
        return ef_fail(error, status, "%s", problem.message);
    }
    return p->residual == NULL || found->count == 0 ? EF_OK : test_residual(p, probes, run, found, error);
}

static ef_status probe_contains(ef_probe *self, const ef_batch *probes, ef_run *run, uint8_t *matches, ef_error *error) {
    const outside_probe *p = (const outside_probe *)self;
    const ef_outside_host *host = p->table->host;
    memset(matches, 0, probes->rows);
    if (probes->rows == 0) {
        return EF_OK;
    }
    if (p->residual != NULL) {
        ef_found found;
        EF_TRY(probe_find(self, probes, run, &found, error));
        for (uint32_t i = 0; i < found.count; i++) {
            matches[found.probe[i]] = 1;
        }
        return EF_OK;
    }
    ef_batch parameters;
    EF_TRY(ef_outside_parameters(p->keys, probes, run, &parameters, error));
    ef_error problem;
    ef_status status = host->contains(host->context, p->number, &parameters, matches, &problem);
    if (status == EF_ROW) {
        memset(matches, 0, probes->rows);
        return ef_outside_fail_rows(run->out, probes->rows, problem.message, error);
    }
    return status == EF_OK ? EF_OK : ef_fail(error, status, "%s", problem.message);
}

static ef_status compile(ef_content *content, ef_condition *condition, ef_alloc *alloc, ef_probe **probe, ef_error *error) {
    outside_probe *made = condition->conjunct_count > 0 ? NULL : ef_malloc(alloc, sizeof *made);
    if (made == NULL) {
        ef_program_free(condition->keys);
        ef_program_free(condition->residual);
        return condition->conjunct_count > 0 ? ef_fail(error, EF_INVALID, "a table outside has no indexes here")
                                             : ef_fail_memory(error);
    }
    *made = (outside_probe){
        .base = {.find = probe_find, .contains = probe_contains, .destroy = probe_destroy,
                 .index = condition->outside > 0 ? "the store" : "all rows of the store"},
        .alloc = alloc,
        .table = content->self,
        .number = condition->outside,
        .keys = condition->keys,
        .residual = condition->residual,
    };
    *probe = &made->base;
    return EF_OK;
}

/* ---- the table ---- */

ef_status ef_outside_new(const ef_outside_host *host, uint32_t columns, const ef_type *types, ef_alloc *alloc, ef_outside **made,
                         ef_error *error) {
    *made = ef_malloc(alloc, sizeof **made);
    if (*made == NULL) {
        return ef_fail_memory(error);
    }
    **made = (ef_outside){
        .alloc = alloc,
        .host = host,
        .content = {.self = *made, .columns = columns, .types = types, .shared = -1, .compile = compile},
    };
    return EF_OK;
}

ef_outside *ef_content_outside(const ef_content *content) {
    return content != NULL && content->compile == compile ? content->self : NULL;
}

static ef_status table_create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "a table is made by its definition");
}

static void table_destroy(void *self) {
    ef_outside *table = self;
    ef_free(table->alloc, table, sizeof *table);
}

static ef_status table_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                               ef_error *error) {
    (void)port;
    (void)track;
    const ef_outside_host *host = ((const ef_outside *)self)->host;
    uint64_t touched = 0;
    ef_error problem;
    ef_status status =
        batch->rows == 0 ? EF_OK : host->act(host->context, EF_OUTSIDE_INSERT, 0, batch, NULL, out, &touched, &problem);
    if (status == EF_ROW) {
        return ef_outside_fail_rows(out, batch->rows, problem.message, error);
    }
    return status == EF_OK ? EF_OK : ef_fail(error, status, "%s", problem.message);
}

static int64_t never_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

static ef_status table_save(const void *self, ef_writer *writer, ef_error *error) {
    const ef_outside_host *host = ((const ef_outside *)self)->host;
    return host->save(host->context, writer, error);
}

static ef_status table_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    (void)version;
    const ef_outside_host *host = ((const ef_outside *)self)->host;
    return host->load(host->context, reader, error);
}

const ef_operator_class ef_outside_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "store",
    .flags = EF_SLOTS | EF_BATCHED | EF_FAILS,
    .state_version = 1,
    .create = table_create,
    .destroy = table_destroy,
    .process = table_process,
    .next_due = never_due,
    .save = table_save,
    .load = table_load,
};
