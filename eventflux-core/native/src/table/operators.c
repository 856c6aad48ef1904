/* Inserting, asking, looking up; see operators.h. Tables are one for all partitions: slots of rows mean nothing here. */
#include "table/operators.h"

static int64_t never_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

/* ---- table ---- */

static ef_status table_create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "a table is made by its definition");
}

static void table_destroy(void *self) {
    ef_table_free(self);
}

static ef_status table_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                               ef_error *error) {
    (void)port;
    (void)track;
    for (uint32_t i = 0; i < batch->rows; i++) {
        ef_handle handle;
        EF_TRY(ef_table_insert(self, batch, i, &handle, error));
        if (EF_UNLIKELY(handle == EF_NO_HANDLE)) {
            EF_TRY(ef_out_fail_row(out, i, "the table has a row with this primary key: the new one is dropped", error));
        }
    }
    return EF_OK;
}

static void table_purge(void *self, uint32_t slot) {
    if (slot == EF_ALL_SLOTS) {
        ef_table_clear(self);
    }
}

static ef_status table_save(const void *self, ef_writer *writer, ef_error *error) {
    return ef_table_save(self, writer, error);
}

static ef_status table_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    (void)version;
    return ef_table_load(self, reader, error);
}

static uint64_t table_size(const void *self) {
    return ((const ef_table *)self)->live;
}

const ef_operator_class ef_table_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "table",
    .flags = EF_SLOTS | EF_BATCHED,
    .state_version = 1,
    .create = table_create,
    .destroy = table_destroy,
    .process = table_process,
    .next_due = never_due,
    .purge = table_purge,
    .save = table_save,
    .load = table_load,
    .size = table_size,
};

/* ---- contains ---- */

typedef struct asker {
    ef_engine *engine;
    ef_alloc *alloc;
    ef_probe *probe;
    uint32_t columns; /* lookup: of the content */
    bool outer;       /* lookup: a row without partner is put out with nulls */
} asker;

static ef_status asker_create(ef_engine *engine, ef_alloc *alloc, ef_probe *probe, uint32_t columns, bool outer,
                              void **self, ef_error *error) {
    asker *made = ef_malloc(alloc, sizeof *made);
    if (made == NULL) {
        probe->destroy(probe);
        return ef_fail_memory(error);
    }
    *made = (asker){.engine = engine, .alloc = alloc, .probe = probe, .columns = columns, .outer = outer};
    *self = made;
    return EF_OK;
}

static void asker_destroy(void *self) {
    asker *a = self;
    a->probe->destroy(a->probe);
    ef_free(a->alloc, a, sizeof *a);
}

static ef_run run_of(const asker *a, const ef_track *track, ef_out *out) {
    return (ef_run){
        .arena = out->arena, .track = track, .host = &a->engine->host, .random = &a->engine->random, .out = out};
}

ef_status ef_contains_create(ef_engine *engine, ef_alloc *alloc, ef_probe *probe, void **self, ef_error *error) {
    return asker_create(engine, alloc, probe, 0, false, self, error);
}

static ef_status made_elsewhere(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "an operator over a table is made from a condition");
}

static ef_status contains_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                                  ef_error *error) {
    (void)port;
    asker *a = self;
    if (batch->rows == 0) {
        return EF_OK;
    }
    ef_run run = run_of(a, track, out);
    uint8_t *matches = ef_arena_take(out->arena, batch->rows);
    ef_column *columns = ef_arena_take(out->arena, (batch->columns + 1) * sizeof *columns);
    if (matches == NULL || columns == NULL) {
        return ef_fail_memory(error);
    }
    EF_TRY(a->probe->contains(a->probe, batch, &run, matches, error));
    if (batch->columns > 0) {
        memcpy(columns, batch->column, batch->columns * sizeof *columns);
    }
    columns[batch->columns] = (ef_column){.values = matches, .type = EF_BOOL};
    out->result = *batch;
    out->result.column = columns;
    out->result.columns = batch->columns + 1;
    return EF_OK;
}

const ef_operator_class ef_contains_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "contains",
    .flags = EF_SLOTS | EF_BATCHED,
    .create = made_elsewhere,
    .destroy = asker_destroy,
    .process = contains_process,
    .next_due = never_due,
};

/* ---- lookup ---- */

ef_status ef_lookup_create(ef_engine *engine, ef_alloc *alloc, ef_probe *probe, uint32_t columns, bool outer, void **self,
                           ef_error *error) {
    return asker_create(engine, alloc, probe, columns, outer, self, error);
}

/* Pairs with those rows between them that found nothing; handles of these are EF_NO_HANDLE, their content columns are appended nulls. */
typedef struct matched {
    uint32_t *probe;
    uint32_t *content; /* row of `found`, UINT32_MAX: none */
    uint32_t count;
} matched;

static bool with_missing(const ef_found *found, uint32_t rows, matched *all, ef_arena *arena) {
    uint32_t most = found->count + rows;
    all->probe = ef_arena_take(arena, (most > 0 ? most : 1) * sizeof *all->probe);
    all->content = ef_arena_take(arena, (most > 0 ? most : 1) * sizeof *all->content);
    if (all->probe == NULL || all->content == NULL) {
        return false;
    }
    uint32_t next = 0;
    all->count = 0;
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t from = next;
        for (; next < found->count && found->probe[next] == i; next++) {
            all->probe[all->count] = i;
            all->content[all->count++] = next;
        }
        if (from == next) {
            all->probe[all->count] = i;
            all->content[all->count++] = UINT32_MAX;
        }
    }
    return true;
}

static bool gather_or_null(ef_column *to, const ef_column *from, const matched *all, ef_arena *arena) {
    size_t width = ef_type_width(from->type);
    *to = (ef_column){.type = from->type};
    to->values = ef_arena_take(arena, all->count * width);
    to->validity = ef_arena_take(arena, ef_bitmap_size(all->count));
    if (to->values == NULL || to->validity == NULL) {
        return false;
    }
    memset(to->values, 0, all->count * width);
    memset(to->validity, 0, ef_bitmap_size(all->count));
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->content[i] != UINT32_MAX && !ef_is_null(from, all->content[i])) {
            memcpy((char *)to->values + i * width, (const char *)from->values + all->content[i] * width, width);
            ef_bit_set(to->validity, i);
        }
    }
    return true;
}

static ef_status lookup_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                                ef_error *error) {
    (void)port;
    asker *a = self;
    if (batch->rows == 0) {
        return EF_OK;
    }
    ef_run run = run_of(a, track, out);
    ef_found found;
    EF_TRY(a->probe->find(a->probe, batch, &run, &found, error));
    matched all = {.probe = found.probe, .count = found.count};
    if (a->outer && !with_missing(&found, batch->rows, &all, out->arena)) {
        return ef_fail_memory(error);
    }
    if (all.count == 0) {
        return EF_OK;
    }
    ef_arena *arena = out->arena;
    uint32_t columns = batch->columns + a->columns;
    ef_batch result = {.rows = all.count, .columns = columns, .form = EF_ENDS, .batch_chunk = true};
    result.column = ef_arena_take(arena, (columns > 0 ? columns : 1) * sizeof *result.column);
    result.timestamps = ef_arena_take(arena, all.count * sizeof *result.timestamps);
    result.ends = ef_arena_take(arena, all.count * sizeof *result.ends);
    result.kinds = batch->kinds == NULL ? NULL : ef_arena_take(arena, all.count);
    result.causes = batch->causes == NULL ? NULL : ef_arena_take(arena, all.count * sizeof *result.causes);
    result.slots = batch->slots == NULL ? NULL : ef_arena_take(arena, all.count * sizeof *result.slots);
    if (result.column == NULL || result.timestamps == NULL || result.ends == NULL ||
        (batch->kinds != NULL && result.kinds == NULL) || (batch->causes != NULL && result.causes == NULL) ||
        (batch->slots != NULL && result.slots == NULL)) {
        return ef_fail_memory(error);
    }
    for (uint32_t c = 0; c < batch->columns; c++) {
        if (!ef_column_gather(&result.column[c], &batch->column[c], all.probe, all.count, arena)) {
            return ef_fail_memory(error);
        }
    }
    for (uint32_t c = 0; c < a->columns; c++) {
        ef_column *to = &result.column[batch->columns + c];
        if (!a->outer) {
            *to = found.column[c];
        } else if (!gather_or_null(to, &found.column[c], &all, arena)) {
            return ef_fail_memory(error);
        }
    }
    for (uint32_t i = 0; i < all.count; i++) {
        uint32_t row = all.probe[i];
        result.timestamps[i] = batch->timestamps[row];
        if (result.kinds != NULL) {
            result.kinds[i] = batch->kinds[row];
        }
        if (result.causes != NULL) {
            result.causes[i] = batch->causes[row];
        }
        if (result.slots != NULL) {
            result.slots[i] = batch->slots[row];
        }
        if (i + 1 == all.count || all.probe[i + 1] != row) {
            result.ends[result.deliveries++] = i + 1;
        }
    }
    out->result = result;
    return EF_OK;
}

const ef_operator_class ef_lookup_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "lookup",
    .flags = EF_SLOTS | EF_BATCHED | EF_MULTI | EF_BATCH_CHUNKS,
    .create = made_elsewhere,
    .destroy = asker_destroy,
    .process = lookup_process,
    .next_due = never_due,
};

/* ---- foreign ---- */

static void nothing_destroy(void *self) {
    (void)self;
}

static ef_status nothing_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                                 ef_error *error) {
    (void)self;
    (void)port;
    (void)batch;
    (void)track;
    (void)out;
    (void)error;
    return EF_OK;
}

const ef_operator_class ef_foreign_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "foreign",
    .flags = EF_SLOTS | EF_BATCHED,
    .create = made_elsewhere,
    .destroy = nothing_destroy,
    .process = nothing_process,
    .next_due = never_due,
};
