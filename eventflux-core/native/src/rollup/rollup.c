/* The operator: rows into buckets; see rollup.h. */
#include "rollup/rollup.h"

static ef_status check(const ef_rollup_config *config, uint32_t columns, const ef_type *types, ef_error *error) {
    if (config->duration_count == 0 || config->duration_count > EF_ROLLUP_DURATIONS) {
        return ef_fail(error, EF_INVALID, "an aggregation has 1 to %u durations", EF_ROLLUP_DURATIONS);
    }
    for (uint32_t d = 0; d < config->duration_count; d++) {
        if (config->durations[d] < EF_ROLLUP_SECOND || config->durations[d] > EF_ROLLUP_YEAR ||
            (d > 0 && config->durations[d] <= config->durations[d - 1])) {
            return ef_fail(error, EF_INVALID, "durations of an aggregation rise, from second to year");
        }
    }
    if (config->time_column >= 0 &&
        ((uint32_t)config->time_column >= columns || types[config->time_column] != EF_LONG)) {
        return ef_fail(error, EF_INVALID, "the time of an aggregation is a LONG column");
    }
    for (uint32_t k = 0; k < config->key_count; k++) {
        if (config->keys[k] >= columns) {
            return ef_fail(error, EF_INVALID, "a key of an aggregation is no column");
        }
    }
    for (uint32_t i = 0; i < config->item_count; i++) {
        int32_t kind = config->kinds[i], column = config->columns[i];
        if (kind < EF_ROLLUP_LAST || kind > EF_ROLLUP_DISTINCT || column >= (int32_t)columns ||
            (column < 0 && kind != EF_ROLLUP_COUNT) ||
            ((kind == EF_ROLLUP_SUM || kind == EF_ROLLUP_AVG || kind == EF_ROLLUP_MIN || kind == EF_ROLLUP_MAX) &&
             !ef_type_is_numeric(types[column]))) {
            return ef_fail(error, EF_INVALID, "item %u of an aggregation does not fit its column", i);
        }
    }
    return EF_OK;
}

static void rollup_free(rollup *r) {
    if (r == NULL) {
        return;
    }
    rollup_clear(r);
    ef_free(r->alloc, r->keys, r->key_count * sizeof *r->keys);
    ef_free(r->alloc, r->key_types, r->key_count * sizeof *r->key_types);
    ef_free(r->alloc, r->items, r->item_count * sizeof *r->items);
    ef_free(r->alloc, r->types, (r->item_count + 2) * sizeof *r->types);
    ef_zone_clear(&r->zone, r->alloc);
    ef_free(r->alloc, r, sizeof *r);
}

ef_status ef_rollup_new(const ef_rollup_config *config, uint32_t columns, const ef_type *types, uint64_t seed,
                        ef_alloc *alloc, rollup **made, ef_error *error) {
    EF_TRY(check(config, columns, types, error));
    rollup *r = ef_calloc(alloc, sizeof *r);
    if (r == NULL) {
        return ef_fail_memory(error);
    }
    r->alloc = alloc;
    r->seed = seed;
    r->time_column = config->time_column;
    r->key_count = config->key_count;
    r->item_count = config->item_count;
    r->duration_count = config->duration_count;
    r->purge_interval = config->purge_interval;
    r->store = config->store;
    ef_handle_index_init(&r->by_key, alloc);
    ef_handle_index_init(&r->by_start, alloc);
    rollup_clear(r);
    r->keys = ef_malloc(alloc, r->key_count * sizeof *r->keys);
    r->key_types = ef_malloc(alloc, r->key_count * sizeof *r->key_types);
    r->items = ef_malloc(alloc, r->item_count * sizeof *r->items);
    r->types = ef_malloc(alloc, (r->item_count + 2) * sizeof *r->types);
    ef_status status = ef_zone_init(&r->zone, alloc, config->zone_count, config->zone_from, config->zone_offset, error);
    if (status != EF_OK || r->keys == NULL || r->key_types == NULL || r->items == NULL || r->types == NULL) {
        rollup_free(r);
        return ef_fail_memory(error);
    }
    for (uint32_t k = 0; k < r->key_count; k++) {
        r->keys[k] = config->keys[k];
        r->key_types[k] = types[config->keys[k]];
    }
    for (uint32_t d = 0; d < r->duration_count; d++) {
        r->durations[d] = (ef_rollup_duration)config->durations[d];
        r->retentions[d] = config->retentions[d];
    }
    r->types[0] = EF_LONG;
    for (uint32_t i = 0; i < r->item_count; i++) {
        rollup_item *item = &r->items[i];
        *item = (rollup_item){.kind = (ef_rollup_kind)config->kinds[i], .column = config->columns[i]};
        item->argument = item->column < 0 ? EF_LONG : types[item->column];
        item->type = r->types[i + 1] = rollup_item_type(item);
    }
    r->types[r->item_count + 1] = EF_INT;
    rollup_lay_out(r);
    r->content = (ef_content){
        .self = r, .columns = r->item_count + 2, .types = r->types, .shared = -1, .is_steady = true, .compile = rollup_compile};
    *made = r;
    return EF_OK;
}

/* ---- rows ---- */

/* Times by which the rows of a batch count. */
typedef struct timing {
    uint32_t row[ROLLUP_BLOCK];
    int64_t time[ROLLUP_BLOCK];
    uint32_t count;
    rollup_block *block;
} timing;

/* The time of a row; false: it has none, and failed. */
static bool time_of(const rollup *r, const ef_batch *batch, uint32_t row, int64_t *time, const char **why) {
    *time = batch->timestamps[row];
    if (r->time_column >= 0) {
        if (ef_is_null(&batch->column[r->time_column], row)) {
            *why = "the row has no time to aggregate by";
            return false;
        }
        *time = ((const int64_t *)batch->column[r->time_column].values)[row];
    } else if (*time < r->latest) {
        *time = r->latest;
    }
    *why = "the time to aggregate by is out of range";
    return *time >= -EF_ROLLUP_LATEST && *time <= EF_ROLLUP_LATEST;
}

static ef_status fold(rollup *r, const ef_batch *batch, timing *t, ef_error *error) {
    uint32_t count = t->count;
    t->count = 0;
    return count > 0 ? rollup_fold(r, t->block, batch, t->row, t->time, count, error) : EF_OK;
}

static ef_status rollup_process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                                ef_error *error) {
    (void)port;
    rollup *r = self;
    timing *t = ef_arena_take(out->arena, sizeof *t);
    rollup_block *block = rollup_block_take(r, out->arena);
    if (t == NULL || block == NULL) {
        return ef_fail_memory(error);
    }
    t->block = block;
    t->count = 0;
    for (uint32_t row = 0; row < batch->rows; row++) {
        if (ef_row_kind(batch, row) != EF_CURRENT) {
            continue;
        }
        int64_t clock = ef_row_clock(batch, row, track);
        if (EF_UNLIKELY(clock >= rollup_purge_due(r))) {
            EF_TRY(fold(r, batch, t, error));
            rollup_purge(r, clock);
        }
        int64_t time;
        const char *why;
        if (EF_UNLIKELY(!time_of(r, batch, row, &time, &why))) {
            EF_TRY(ef_out_fail_row(out, row, why, error));
            continue;
        }
        r->latest = time > r->latest ? time : r->latest;
        t->row[t->count] = row;
        t->time[t->count++] = time;
        if (t->count == ROLLUP_BLOCK) {
            EF_TRY(fold(r, batch, t, error));
        }
    }
    EF_TRY(fold(r, batch, t, error));
    return r->store == NULL ? EF_OK : rollup_write(r, out, error);
}

static ef_status made_elsewhere(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "an aggregation is made by its definition");
}

static void rollup_destroy(void *self) {
    rollup_free(self);
}

static int64_t never_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

static void purge_slot(void *self, uint32_t slot) {
    if (slot == EF_ALL_SLOTS) {
        rollup_clear(self);
    }
}

static ef_status save(const void *self, ef_writer *writer, ef_error *error) {
    return rollup_save(self, writer, error);
}

static ef_status load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    (void)version;
    return rollup_load(self, reader, error);
}

static uint64_t size(const void *self) {
    return ((const rollup *)self)->live;
}

const ef_operator_class ef_rollup_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "rollup",
    .flags = EF_SLOTS | EF_BATCHED | EF_READS_CLOCK,
    .state_version = 1,
    .create = made_elsewhere,
    .destroy = rollup_destroy,
    .process = rollup_process,
    .next_due = never_due,
    .purge = purge_slot,
    .save = save,
    .load = load,
    .size = size,
};
