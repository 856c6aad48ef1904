/* Small-form operators in the graph; see adapter.h.
 *
 *      instances: [ slot 0 ][ slot 1 ][ NULL ] ...      made on a slot's first row
 *
 * Saved as: number of slots, then slot and length-prefixed state of each instance. Finding the next due instance is O(slots): operators that want
 * many slots implement EF_SLOTS. */
#include "graph/adapter.h"

typedef struct adapter {
    ef_operator_class outer; /* what the node runs */
    const ef_operator_class *inner;
    ef_operator_config config; /* types, params and their strings copied into `kept` */
    ef_arena kept;
    ef_alloc *alloc;
    void **instances;
    uint32_t capacity;
    uint32_t used; /* slots [0, used) may have instances */
} adapter;

static ef_status instance_of(adapter *a, uint32_t slot, void **instance, ef_error *error) {
    if (slot >= a->capacity) {
        void *instances = a->instances;
        uint32_t before = a->capacity;
        ef_status status = ef_grow(a->alloc, &instances, &a->capacity, slot + 1, sizeof *a->instances, error);
        a->instances = instances;
        EF_TRY(status);
        memset(a->instances + before, 0, (a->capacity - before) * sizeof *a->instances);
    }
    if (a->instances[slot] == NULL) {
        EF_TRY(a->inner->create(&a->config, &a->instances[slot], error));
        a->used = slot + 1 > a->used ? slot + 1 : a->used;
    }
    *instance = a->instances[slot];
    return EF_OK;
}

static void drop_instance(adapter *a, uint32_t slot) {
    if (slot < a->used && a->instances[slot] != NULL) {
        a->inner->destroy(a->instances[slot]);
        a->instances[slot] = NULL;
    }
}

static void drop_all(adapter *a) {
    for (uint32_t slot = 0; slot < a->used; slot++) {
        drop_instance(a, slot);
    }
    a->used = 0;
}

/* ---- collecting what single calls put out ---- */

typedef struct results {
    ef_batch *batch;
    uint32_t count;
    uint32_t capacity;
    uint64_t rows;
} results;

static ef_status add_result(results *r, ef_out *call, uint32_t slot, int64_t cause, ef_arena *arena, ef_error *error) {
    if (call->result.rows == 0) {
        return EF_OK;
    }
    if (r->count == r->capacity) {
        uint32_t capacity = r->capacity > 0 ? r->capacity * 2 : 8;
        ef_batch *grown = ef_arena_take(arena, capacity * sizeof *grown);
        if (grown == NULL) {
            return ef_fail_memory(error);
        }
        if (r->count > 0) {
            memcpy(grown, r->batch, r->count * sizeof *grown);
        }
        r->batch = grown;
        r->capacity = capacity;
    }
    ef_batch *result = &r->batch[r->count];
    *result = call->result;
    /* One call is one cause and one slot, whatever the operator wrote. */
    result->causes = ef_arena_take(arena, result->rows * sizeof *result->causes);
    if (result->causes == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < result->rows; i++) {
        result->causes[i] = cause;
    }
    result->slots = NULL;
    if (slot != 0) {
        result->slots = ef_arena_take(arena, result->rows * sizeof *result->slots);
        if (result->slots == NULL) {
            return ef_fail_memory(error);
        }
        for (uint32_t i = 0; i < result->rows; i++) {
            result->slots[i] = slot;
        }
    }
    r->rows += result->rows;
    r->count++;
    return EF_OK;
}

static void append_column(ef_column *to, uint32_t at, const ef_column *from, uint32_t rows) {
    size_t width = ef_type_width(from->type);
    memcpy((char *)to->values + at * width, from->values, rows * width);
    for (uint32_t i = 0; to->validity != NULL && i < rows; i++) {
        if (!ef_is_null(from, i)) {
            ef_bit_set(to->validity, at + i);
        }
    }
}

/* All results as one batch, their deliveries one after the other. */
static ef_status join_results(const results *r, ef_batch *to, ef_arena *arena, ef_error *error) {
    if (r->count == 0) {
        return EF_OK;
    }
    if (r->count == 1) {
        *to = r->batch[0];
        return EF_OK;
    }
    if (r->rows > UINT32_MAX) {
        return ef_fail(error, EF_LIMIT, "an operator put out too many rows at once");
    }
    uint32_t rows = (uint32_t)r->rows, deliveries = 0, columns = r->batch[0].columns;
    bool kinds = false, slots = false;
    for (uint32_t b = 0; b < r->count; b++) {
        deliveries += ef_deliveries(&r->batch[b]);
        kinds = kinds || r->batch[b].kinds != NULL;
        slots = slots || r->batch[b].slots != NULL;
    }
    ef_batch joined = {.rows = rows, .columns = columns, .form = EF_ENDS, .batch_chunk = r->batch[0].batch_chunk};
    joined.column = ef_arena_take(arena, (columns > 0 ? columns : 1) * sizeof *joined.column);
    joined.timestamps = ef_arena_take(arena, rows * sizeof *joined.timestamps);
    joined.causes = ef_arena_take(arena, rows * sizeof *joined.causes);
    joined.ends = ef_arena_take(arena, deliveries * sizeof *joined.ends);
    joined.kinds = kinds ? ef_arena_take(arena, rows) : NULL;
    joined.slots = slots ? ef_arena_take(arena, rows * sizeof *joined.slots) : NULL;
    if (joined.column == NULL || joined.timestamps == NULL || joined.causes == NULL || joined.ends == NULL ||
        (kinds && joined.kinds == NULL) || (slots && joined.slots == NULL)) {
        return ef_fail_memory(error);
    }
    for (uint32_t c = 0; c < columns; c++) {
        bool nulls = false;
        for (uint32_t b = 0; b < r->count; b++) {
            nulls = nulls || r->batch[b].column[c].validity != NULL;
        }
        ef_column *column = &joined.column[c];
        column->type = r->batch[0].column[c].type;
        column->values = ef_arena_take(arena, rows * ef_type_width(column->type));
        column->validity = nulls ? ef_arena_take(arena, ef_bitmap_size(rows)) : NULL;
        if (column->values == NULL || (nulls && column->validity == NULL)) {
            return ef_fail_memory(error);
        }
        if (nulls) {
            memset(column->validity, 0, ef_bitmap_size(rows));
        }
    }
    uint32_t at = 0;
    for (uint32_t b = 0; b < r->count; b++) {
        const ef_batch *from = &r->batch[b];
        memcpy(joined.timestamps + at, from->timestamps, from->rows * sizeof *joined.timestamps);
        memcpy(joined.causes + at, from->causes, from->rows * sizeof *joined.causes);
        for (uint32_t i = 0; i < from->rows; i++) {
            if (kinds) {
                joined.kinds[at + i] = ef_row_kind(from, i);
            }
            if (slots) {
                joined.slots[at + i] = ef_row_slot(from, i);
            }
        }
        for (uint32_t c = 0; c < columns; c++) {
            append_column(&joined.column[c], at, &from->column[c], from->rows);
        }
        for (uint32_t d = 0; d < ef_deliveries(from); d++) {
            joined.ends[joined.deliveries++] = at + ef_delivery_end(from, d);
        }
        at += from->rows;
    }
    *to = joined;
    return EF_OK;
}

/* ---- running ---- */

static ef_status call(adapter *a, uint32_t slot, const ef_batch *rows, const ef_track *track, int64_t cause,
                      uint32_t offset, ef_out *out, results *r, ef_error *error) {
    void *instance;
    EF_TRY(instance_of(a, slot, &instance, error));
    ef_out single;
    ef_out_init(&single, out->arena, rows);
    EF_TRY(a->inner->process(instance, 0, rows, track, &single, error));
    for (uint32_t i = 0; i < single.failed_count; i++) {
        EF_TRY(ef_out_fail_row(out, offset + single.failed[i].at, single.failed[i].message, error));
    }
    return add_result(r, &single, slot, cause, out->arena, error);
}

/* The slot whose timer is due first (ties: the lower slot), or -1. */
static int64_t first_due(const adapter *a, int64_t *due) {
    int64_t best = -1;
    *due = EF_NEVER;
    for (uint32_t slot = 0; slot < a->used; slot++) {
        if (a->instances[slot] != NULL) {
            int64_t candidate = a->inner->next_due(a->instances[slot]);
            if (candidate < *due) {
                *due = candidate;
                best = slot;
            }
        }
    }
    return best;
}

/* Fires what is due before a row of this cause. */
static ef_status fire(adapter *a, ef_walk *walk, int64_t before, ef_out *out, results *r, ef_error *error) {
    static const ef_batch NOTHING = {.columns = 0, .form = EF_WHOLE};
    for (;;) {
        int64_t due;
        int64_t slot = first_due(a, &due);
        int64_t step = slot < 0 ? -1 : ef_walk_next(walk, due, before);
        if (step < 0) {
            return EF_OK;
        }
        const ef_track *track = walk->track;
        ef_track one = {.clock = &track->clock[step],
                        .before = step > 0 ? track->clock[step - 1] : track->before,
                        .steps = 1,
                        .max_firings = 1};
        EF_TRY(call(a, (uint32_t)slot, &NOTHING, &one, EF_CAUSE(step, walk->rank, walk->fired - 1), 0, out, r, error));
    }
}

static ef_status process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                         ef_error *error) {
    (void)port;
    adapter *a = self;
    results r = {0};
    ef_walk walk;
    ef_walk_init(&walk, track, a->config.rank);
    uint32_t from = 0, deliveries = ef_deliveries(batch);
    for (uint32_t d = 0; d < deliveries; d++) {
        uint32_t end = ef_delivery_end(batch, d);
        int64_t cause = ef_row_cause(batch, from);
        EF_TRY(fire(a, &walk, cause, out, &r, error));
        ef_walk_row(&walk, cause);
        ef_batch rows = *batch;
        if (deliveries > 1 && !ef_batch_view(&rows, batch, from, end - from, out->arena)) {
            return ef_fail_memory(error);
        }
        rows.form = EF_WHOLE;
        uint32_t slot = ef_row_slot(batch, from);
        uint32_t step = track->steps > 1 ? EF_CAUSE_STEP(cause) : 0;
        ef_track one = {.clock = &track->clock[step],
                        .before = step > 0 ? track->clock[step - 1] : track->before,
                        .steps = 1,
                        .max_firings = 0};
        rows.slots = NULL;
        EF_TRY(call(a, slot, &rows, &one, cause, from, out, &r, error));
        from = end;
    }
    EF_TRY(fire(a, &walk, INT64_MAX, out, &r, error));
    return join_results(&r, &out->result, out->arena, error);
}

static int64_t next_due(const void *self) {
    int64_t due;
    (void)first_due(self, &due);
    return due;
}

static void purge(void *self, uint32_t slot) {
    if (slot == EF_ALL_SLOTS) {
        drop_all(self);
    } else {
        drop_instance(self, slot);
    }
}

static ef_status save(const void *self, ef_writer *writer, ef_error *error) {
    const adapter *a = self;
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < a->used; slot++) {
        count += a->instances[slot] != NULL;
    }
    ef_put_u32(writer, count);
    for (uint32_t slot = 0; slot < a->used; slot++) {
        if (a->instances[slot] == NULL) {
            continue;
        }
        ef_writer state;
        ef_writer_init(&state, a->alloc);
        ef_status status = a->inner->save(a->instances[slot], &state, error);
        if (status == EF_OK) {
            status = ef_writer_status(&state, error);
        }
        size_t size = status == EF_OK ? ef_writer_size(&state) : 0;
        char *bytes = status == EF_OK ? ef_malloc(a->alloc, size) : NULL;
        if (bytes != NULL) {
            ef_writer_copy(&state, bytes);
            ef_put_u32(writer, slot);
            ef_put_u64(writer, size);
            ef_put_bytes(writer, bytes, size);
            ef_free(a->alloc, bytes, size);
        } else if (status == EF_OK) {
            status = ef_fail_memory(error);
        }
        ef_writer_clear(&state);
        EF_TRY(status);
    }
    return ef_writer_status(writer, error);
}

static ef_status load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    adapter *a = self;
    uint32_t count = ef_get_u32(reader);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = ef_get_u32(reader);
        uint64_t size = ef_get_u64(reader);
        EF_TRY(ef_reader_status(reader, error));
        const char *bytes = ef_get_bytes(reader, size);
        if (bytes == NULL || slot >= EF_ALL_SLOTS - 1 || (slot < a->used && a->instances[slot] != NULL)) {
            return ef_fail(error, EF_CORRUPT, "the saved state of '%s' names an impossible slot", a->inner->name);
        }
        void *instance;
        EF_TRY(instance_of(a, slot, &instance, error));
        ef_reader inner;
        ef_reader_init(&inner, bytes, size);
        EF_TRY(a->inner->load(instance, &inner, version, error));
        EF_TRY(ef_reader_status(&inner, error));
    }
    return ef_reader_status(reader, error);
}

static uint64_t size(const void *self) {
    const adapter *a = self;
    uint64_t rows = 0;
    for (uint32_t slot = 0; slot < a->used; slot++) {
        rows += a->instances[slot] != NULL && a->inner->size != NULL ? a->inner->size(a->instances[slot]) : 0;
    }
    return rows;
}

static ef_status find(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error) {
    adapter *a = self;
    return slot < a->used && a->instances[slot] != NULL ? a->inner->find(a->instances[slot], 0, now, out, error) : EF_OK;
}

static void destroy(void *self) {
    adapter *a = self;
    drop_all(a);
    ef_free(a->alloc, a->instances, a->capacity * sizeof *a->instances);
    ef_arena_clear(&a->kept);
    ef_free(a->alloc, a, sizeof *a);
}

static ef_status keep_config(adapter *a, const ef_operator_config *config, ef_error *error) {
    a->config = *config;
    ef_type *types = ef_arena_take(&a->kept, (config->columns > 0 ? config->columns : 1) * sizeof *types);
    ef_param *params = ef_arena_take(&a->kept, (config->param_count > 0 ? config->param_count : 1) * sizeof *params);
    if (types == NULL || params == NULL) {
        return ef_fail_memory(error);
    }
    if (config->columns > 0) {
        memcpy(types, config->types, config->columns * sizeof *types);
    }
    for (uint32_t i = 0; i < config->param_count; i++) {
        params[i] = config->params[i];
        bool is_text = params[i].kind == EF_PARAM_CONSTANT && !params[i].null &&
                       (params[i].type == EF_STRING || params[i].type == EF_OBJECT);
        if (is_text && !ef_str_copy(&params[i].value.s, &config->params[i].value.s, &a->kept)) {
            return ef_fail_memory(error);
        }
    }
    a->config.types = types;
    a->config.params = params;
    return EF_OK;
}

ef_status ef_adapter_create(const ef_operator_class *inner, const ef_operator_config *config,
                            const ef_operator_class **outer, void **self, ef_error *error) {
    adapter *a = ef_calloc(config->alloc, sizeof *a);
    if (a == NULL) {
        return ef_fail_memory(error);
    }
    a->inner = inner;
    a->alloc = config->alloc;
    ef_arena_init(&a->kept, config->alloc);
    a->outer = (ef_operator_class){
        .abi_version = EF_ABI_VERSION,
        .struct_size = sizeof(ef_operator_class),
        .name = inner->name,
        .flags = inner->flags | EF_SLOTS | EF_BATCHED,
        .state_version = inner->state_version,
        .destroy = destroy,
        .process = process,
        .next_due = next_due,
        .purge = purge,
        .save = inner->save != NULL ? save : NULL,
        .load = inner->save != NULL ? load : NULL,
        .size = size,
        .find = inner->find != NULL ? find : NULL,
    };
    void *first;
    ef_status status = keep_config(a, config, error);
    if (status == EF_OK) {
        status = instance_of(a, 0, &first, error); /* a parameter that cannot be is refused now, not at the first row */
    }
    if (status != EF_OK) {
        destroy(a);
        return status;
    }
    *outer = &a->outer;
    *self = a;
    return EF_OK;
}
