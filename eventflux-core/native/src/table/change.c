/* Updates, deletions, and updates or insertions of the rows of a table, for each row that comes in.
 *
 *      row -> probe -> rows of the table that fit -> set program over (row, table's row) -> new rows in their places
 *                      none, upsert: the row itself is inserted (an insert does not look)
 *
 * Each row sees what those before it did. Deletions do not look at what they leave, so all rows of a batch are looked up at once. So are those of an update
 * or upsert by the whole primary key, which are then applied in runs that touch no row of the table twice. Puts out nothing. */
#include <stdlib.h>

#include "table/operators.h"

typedef struct change {
    ef_engine *engine;
    ef_alloc *alloc;
    ef_table *table;
    ef_probe *probe;
    ef_change_kind kind;
    bool current, expired;
    bool keeps_quietly;
    bool sets_key;
    ef_program *set;
    uint32_t *set_columns;
    uint32_t set_count;
    uint64_t touched; /* by the last call */
} change;

static void change_destroy(void *self) {
    change *c = self;
    if (c->probe != NULL) {
        c->probe->destroy(c->probe);
    }
    ef_program_free(c->set);
    ef_free(c->alloc, c->set_columns, c->set_count * sizeof *c->set_columns);
    ef_free(c->alloc, c, sizeof *c);
}

static ef_status check_set(const ef_table *table, const ef_change_config *config, ef_error *error) {
    if ((config->set == NULL ? 0 : ef_program_outputs(config->set)) != config->set_count) {
        return ef_fail(error, EF_INVALID, "a change sets %u columns with another number of values", config->set_count);
    }
    for (uint32_t i = 0; i < config->set_count; i++) {
        if (config->set_columns[i] >= table->layout.columns ||
            ef_program_output_type(config->set, i) != table->layout.type[config->set_columns[i]]) {
            return ef_fail(error, EF_INVALID, "value %u of a change does not fit its column", i);
        }
    }
    return EF_OK;
}

ef_status ef_change_create(ef_engine *engine, ef_alloc *alloc, ef_table *table, ef_probe *probe, ef_change_config *config,
                           void **self, ef_error *error) {
    change *made = ef_calloc(alloc, sizeof *made);
    if (made == NULL) {
        probe->destroy(probe);
        ef_program_free(config->set);
        return ef_fail_memory(error);
    }
    *made = (change){.engine = engine,
                     .alloc = alloc,
                     .table = table,
                     .probe = probe,
                     .kind = config->kind,
                     .current = config->current,
                     .expired = config->expired,
                     .keeps_quietly = config->keeps_quietly,
                     .set = config->set};
    ef_status status = check_set(table, config, error);
    if (status == EF_OK) {
        made->set_columns = ef_malloc(alloc, config->set_count * sizeof *made->set_columns);
        status = made->set_columns == NULL ? ef_fail_memory(error) : EF_OK;
    }
    if (status != EF_OK) {
        change_destroy(made);
        return status;
    }
    made->set_count = config->set_count;
    for (uint32_t i = 0; i < config->set_count; i++) {
        made->set_columns[i] = config->set_columns[i];
        for (uint32_t k = 0; k < table->key_count; k++) {
            made->sets_key = made->sets_key || table->key[k] == config->set_columns[i];
        }
    }
    *self = made;
    return EF_OK;
}

uint64_t ef_change_touched(const void *self) {
    return ((const change *)self)->touched;
}

static ef_run run_of(const change *c, const ef_track *track, ef_out *out) {
    return (ef_run){
        .arena = out->arena, .track = track, .host = &c->engine->host, .random = &c->engine->random, .out = out};
}

/* ---- the rows of the table as they will be ---- */

/* Rows of the table, changed by rows `probe` of the batch: pairs in, a batch of new rows out. failed[i] != 0: the values of pair i could not be computed. */
static ef_status new_rows(const change *c, const ef_batch *batch, const uint32_t *probe, const ef_handle *handles,
                          uint32_t count, const ef_track *track, ef_out *out, ef_batch *rows, uint8_t *failed,
                          ef_error *error) {
    const ef_table *table = c->table;
    ef_arena *arena = out->arena;
    uint32_t columns = table->layout.columns, all = batch->columns + columns;
    ef_batch pairs = {.rows = count, .columns = all, .form = EF_WHOLE};
    pairs.column = ef_arena_take(arena, (all > 0 ? all : 1) * sizeof *pairs.column);
    pairs.timestamps = ef_arena_take(arena, count * sizeof *pairs.timestamps);
    pairs.causes = batch->causes == NULL ? NULL : ef_arena_take(arena, count * sizeof *pairs.causes);
    ef_column *values = ef_arena_take(arena, (c->set_count > 0 ? c->set_count : 1) * sizeof *values);
    if (pairs.column == NULL || pairs.timestamps == NULL || values == NULL ||
        (batch->causes != NULL && pairs.causes == NULL)) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < batch->columns; i++) {
        if (!ef_column_gather(&pairs.column[i], &batch->column[i], probe, count, arena)) {
            return ef_fail_memory(error);
        }
    }
    for (uint32_t i = 0; i < columns; i++) {
        if (!ef_rows_gather(&pairs.column[batch->columns + i], table->pages, &table->layout, i, handles, count, arena)) {
            return ef_fail_memory(error);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        pairs.timestamps[i] = batch->timestamps[probe[i]];
        if (pairs.causes != NULL) {
            pairs.causes[i] = batch->causes[probe[i]];
        }
    }
    ef_out failures;
    ef_out_init(&failures, arena, &pairs);
    ef_run run = run_of(c, track, &failures);
    EF_TRY(ef_program_run(c->set, &pairs, &run, values, NULL, error));
    memset(failed, 0, count);
    for (uint32_t i = 0; i < failures.failed_count; i++) {
        failed[failures.failed[i].at] = 1;
        EF_TRY(ef_out_fail_row(out, probe[failures.failed[i].at], failures.failed[i].message, error));
    }
    *rows = pairs;
    rows->columns = columns;
    rows->column = pairs.column + batch->columns;
    for (uint32_t i = 0; i < c->set_count; i++) {
        rows->column[c->set_columns[i]] = values[i];
    }
    return EF_OK;
}

/* Updates the rows that one row of the batch found: all of them, or none. */
static ef_status update_found(change *c, const ef_batch *batch, uint32_t row, ef_handle *handles, uint32_t count,
                              const ef_track *track, ef_out *out, ef_error *error) {
    if (c->set_count == 0) {
        c->touched += count;
        return EF_OK;
    }
    uint32_t *probe = ef_arena_take(out->arena, count * sizeof *probe);
    uint8_t *failed = ef_arena_take(out->arena, count);
    if (probe == NULL || failed == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        probe[i] = row;
    }
    ef_batch rows;
    EF_TRY(new_rows(c, batch, probe, handles, count, track, out, &rows, failed, error));
    if (memchr(failed, 1, count) != NULL) {
        return EF_OK;
    }
    ef_error problem;
    ef_status status = ef_table_replace(c->table, handles, &rows, count, c->sets_key, &problem);
    if (status == EF_ROW) {
        return ef_out_fail_row(out, row, problem.message, error);
    }
    if (status != EF_OK) {
        if (error != NULL) {
            *error = problem;
        }
        return status;
    }
    c->touched += count;
    return EF_OK;
}

static ef_status insert(change *c, const ef_batch *batch, uint32_t row, ef_out *out, ef_error *error) {
    ef_handle handle;
    EF_TRY(ef_table_insert(c->table, batch, row, &handle, error));
    if (handle != EF_NO_HANDLE) {
        c->touched++;
    } else if (!c->keeps_quietly) {
        return ef_out_fail_row(out, row, "the table has a row with this primary key: the new one is dropped", error);
    }
    return EF_OK;
}

/* ---- ways ---- */

/* Row by row. */
static ef_status one_by_one(change *c, const ef_batch *batch, const ef_track *track, ef_out *out, ef_error *error) {
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
        } else if (found.count > 0) {
            EF_TRY(update_found(c, batch, i, found.handles, found.count, track, out, error));
        } else if (c->kind == EF_CHANGE_UPSERT) {
            EF_TRY(insert(c, batch, i, out, error));
        }
    }
    return EF_OK;
}

static ef_status insert_all(change *c, const ef_batch *batch, ef_out *out, ef_error *error) {
    for (uint32_t i = 0; i < batch->rows; i++) {
        EF_TRY(insert(c, batch, i, out, error));
    }
    return EF_OK;
}

static int compare_handles(const void *a, const void *b) {
    ef_handle x = *(const ef_handle *)a, y = *(const ef_handle *)b;
    return x < y ? -1 : x > y;
}

static ef_status delete_all(change *c, const ef_batch *batch, const ef_track *track, ef_out *out, ef_error *error) {
    ef_run run = run_of(c, track, out);
    ef_found found;
    EF_TRY(c->probe->find(c->probe, batch, &run, &found, error));
    if (found.count > 1) {
        qsort(found.handles, found.count, sizeof *found.handles, compare_handles);
    }
    for (uint32_t i = 0; i < found.count; i++) {
        if (i == 0 || found.handles[i] != found.handles[i - 1]) {
            ef_table_remove(c->table, found.handles[i]);
            c->touched++;
        }
    }
    return EF_OK;
}

/* A run of an update by key: pairs that touch different rows of the table. */
typedef struct key_run {
    uint32_t *probe;
    ef_handle *handle; /* as it is now */
    uint8_t *failed;
    uint32_t count;
} key_run;

static ef_status apply_run(change *c, const ef_batch *batch, key_run *r, const ef_track *track, ef_out *out,
                           ef_error *error) {
    if (r->count == 0) {
        return EF_OK;
    }
    if (c->set_count > 0) {
        ef_batch rows;
        EF_TRY(new_rows(c, batch, r->probe, r->handle, r->count, track, out, &rows, r->failed, error));
        if (memchr(r->failed, 1, r->count) == NULL) {
            EF_TRY(ef_table_replace(c->table, r->handle, &rows, r->count, false, error));
        } else {
            for (uint32_t i = 0; i < r->count; i++) {
                ef_batch one;
                if (!r->failed[i] && (!ef_batch_view(&one, &rows, i, 1, out->arena))) {
                    return ef_fail_memory(error);
                }
                if (!r->failed[i]) {
                    EF_TRY(ef_table_replace(c->table, &r->handle[i], &one, 1, false, error));
                }
            }
        }
    }
    c->touched += r->count;
    r->count = 0;
    return EF_OK;
}

/* Marks of rows that the present run touches, by handle: number of the run. Open addressing, never full. */
typedef struct touched_set {
    uint64_t *entries; /* run << 32 | handle */
    uint32_t mask;
} touched_set;

/* False: the run has it already. */
static bool touch(touched_set *set, ef_handle handle, uint32_t run) {
    uint64_t wanted = (uint64_t)run << 32 | handle;
    uint32_t at = (handle * 0x9E3779B9u >> 7) & set->mask;
    while (set->entries[at] != 0) {
        if (set->entries[at] == wanted) {
            return false;
        }
        at = (at + 1) & set->mask;
    }
    set->entries[at] = wanted;
    return true;
}

static ef_status by_key(change *c, const ef_batch *batch, const ef_track *track, ef_out *out, ef_error *error) {
    uint32_t size = 4;
    while (size < batch->rows * 2 + 2) {
        size *= 2;
    }
    ef_arena *arena = out->arena;
    key_run r = {.probe = ef_arena_take(arena, batch->rows * sizeof *r.probe),
                 .handle = ef_arena_take(arena, batch->rows * sizeof *r.handle),
                 .failed = ef_arena_take(arena, batch->rows)};
    touched_set set = {.entries = ef_arena_take(arena, size * sizeof *set.entries), .mask = size - 1};
    if (r.probe == NULL || r.handle == NULL || r.failed == NULL || set.entries == NULL) {
        return ef_fail_memory(error);
    }
    memset(set.entries, 0, size * sizeof *set.entries);
    ef_key_lookup lookup;
    ef_run run = run_of(c, track, out);
    uint32_t next_failed = out->failed_count;
    EF_TRY(ef_key_lookup_begin(c->probe, batch, &run, &lookup, error));
    uint32_t failed_end = out->failed_count, number = 1;
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (next_failed < failed_end && out->failed[next_failed].at == i) {
            next_failed++;
            continue;
        }
        ef_handle handle = ef_key_lookup_find(&lookup, i);
        if (handle == EF_NO_HANDLE) {
            if (c->kind == EF_CHANGE_UPSERT) {
                EF_TRY(insert(c, batch, i, out, error));
            }
            continue;
        }
        if (!touch(&set, handle, number)) {
            EF_TRY(apply_run(c, batch, &r, track, out, error));
            number++;
            handle = ef_key_lookup_find(&lookup, i); /* the row has another place now */
            (void)touch(&set, handle, number);
        }
        r.probe[r.count] = i;
        r.handle[r.count++] = handle;
    }
    return apply_run(c, batch, &r, track, out, error);
}

static ef_status change_create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "a change of a table is made from a condition");
}

ef_status ef_change_acting(const ef_batch *batch, bool current, bool expired, ef_batch *chosen, const uint32_t **places,
                           ef_arena *arena, ef_error *error) {
    *places = NULL;
    if (batch->kinds == NULL) {
        *chosen = *batch;
        chosen->rows = current ? batch->rows : 0;
        return EF_OK;
    }
    uint32_t *rows = ef_arena_take(arena, batch->rows * sizeof *rows);
    uint32_t count = 0;
    if (rows == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < batch->rows; i++) {
        rows[count] = i;
        count += (batch->kinds[i] == EF_CURRENT && current) || (batch->kinds[i] == EF_EXPIRED && expired);
    }
    if (count == 0) {
        *chosen = *batch;
        chosen->rows = 0;
        return EF_OK;
    }
    *places = rows;
    return ef_batch_gather(chosen, batch, rows, count, arena) ? EF_OK : ef_fail_memory(error);
}

static ef_status change_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                                ef_error *error) {
    (void)port;
    change *c = self;
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
        status = insert_all(c, &rows, out, error);
    } else if (c->kind == EF_CHANGE_DELETE) {
        status = delete_all(c, &rows, track, out, error);
    } else if (ef_probe_is_key(c->probe) && !c->sets_key) {
        status = by_key(c, &rows, track, out, error);
    } else {
        status = one_by_one(c, &rows, track, out, error);
    }
    for (uint32_t i = 0; places != NULL && i < out->failed_count; i++) {
        out->failed[i].at = places[out->failed[i].at];
    }
    return status;
}

static int64_t change_next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

const ef_operator_class ef_change_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "change",
    .flags = EF_SLOTS | EF_BATCHED,
    .create = change_create,
    .destroy = change_destroy,
    .process = change_process,
    .next_due = change_next_due,
};
