/* Routers; see router.h. By key: the rows as they are, with slots beside them. By label and to all: rows may multiply, so they are emitted. */
#include "partition/router.h"

typedef struct router {
    ef_engine *engine;
    ef_alloc *alloc;
    ef_partition_keys *keys;
    ef_program *program;
    ef_arena kept;
    ef_str *labels;
    uint32_t label_count;
} router;

static void destroy(void *self) {
    router *r = self;
    ef_program_free(r->program);
    ef_arena_clear(&r->kept);
    ef_free(r->alloc, r, sizeof *r);
}

static ef_status keep_labels(router *r, const ef_router_config *config, ef_error *error) {
    r->labels = ef_arena_take(&r->kept, (config->label_count > 0 ? config->label_count : 1) * sizeof *r->labels);
    if (r->labels == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < config->label_count; i++) {
        ef_str label = ef_str_view(config->labels[i], config->label_sizes[i]);
        if (!ef_str_copy(&r->labels[i], &label, &r->kept)) {
            return ef_fail_memory(error);
        }
    }
    r->label_count = config->label_count;
    return EF_OK;
}

static ef_status check_program(const ef_router_config *config, ef_error *error) {
    if (config->program == NULL) {
        return EF_OK;
    }
    uint32_t outputs = ef_program_outputs(config->program);
    ef_type wanted = config->label_count > 0 ? EF_BOOL : EF_STRING;
    bool fits = outputs > 0 && (config->label_count == 0 || outputs == config->label_count);
    for (uint32_t i = 0; fits && i < outputs; i++) {
        fits = ef_program_output_type(config->program, i) == wanted;
    }
    return fits ? EF_OK : ef_fail(error, EF_INVALID, "partition keys are texts, or one BOOL a label");
}

ef_status ef_router_create(const ef_router_config *config, void **self, ef_error *error) {
    router *made = NULL;
    ef_status status = check_program(config, error);
    if (status == EF_OK && (made = ef_calloc(config->alloc, sizeof *made)) == NULL) {
        status = ef_fail_memory(error);
    }
    if (status != EF_OK) {
        ef_program_free(config->program);
        return status;
    }
    made->engine = config->engine;
    made->alloc = config->alloc;
    made->keys = config->keys;
    made->program = config->program;
    ef_arena_init(&made->kept, config->alloc);
    status = keep_labels(made, config, error);
    if (status != EF_OK) {
        destroy(made);
        return status;
    }
    *self = made;
    return EF_OK;
}

static ef_status create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "a router is made by its partition");
}

static int64_t next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

static ef_status run_program(const router *r, const ef_batch *batch, const ef_track *track, ef_out *out,
                             ef_column **columns, uint8_t **ok, ef_error *error) {
    ef_run run = {.arena = out->arena, .track = track, .host = &r->engine->host, .random = &r->engine->random, .out = out};
    *columns = ef_arena_take(out->arena, ef_program_outputs(r->program) * sizeof **columns);
    if (*columns == NULL) {
        return ef_fail_memory(error);
    }
    return ef_program_run(r->program, batch, &run, *columns, ok, error);
}

/* ---- by key ---- */

static bool has_key(const ef_column *columns, uint32_t count, const uint8_t *ok, uint32_t row) {
    bool has = ok == NULL || ef_bit(ok, row);
    for (uint32_t c = 0; has && c < count; c++) {
        has = !ef_is_null(&columns[c], row);
    }
    return has;
}

/* Several texts as one that no other texts make: each behind its length. */
static ef_status join_texts(const ef_column *columns, uint32_t count, uint32_t row, ef_str *joined, ef_arena *arena,
                            ef_error *error) {
    uint64_t size = 0;
    for (uint32_t c = 0; c < count; c++) {
        size += 4 + (uint64_t)((const ef_str *)columns[c].values)[row].length;
    }
    if (size > UINT32_MAX) {
        return ef_fail(error, EF_LIMIT, "a partition key is too long");
    }
    char *bytes = ef_arena_take(arena, (size_t)size);
    if (bytes == NULL) {
        return ef_fail_memory(error);
    }
    size_t at = 0;
    for (uint32_t c = 0; c < count; c++) {
        const ef_str *text = &((const ef_str *)columns[c].values)[row];
        memcpy(bytes + at, &text->length, 4);
        memcpy(bytes + at + 4, ef_str_data(text), text->length);
        at += 4 + (size_t)text->length;
    }
    *joined = ef_str_view(bytes, (uint32_t)size);
    return EF_OK;
}

/* Cuts deliveries where the slot changes. */
static bool cut_runs(ef_batch *batch, ef_arena *arena) {
    if (batch->form == EF_EACH_ROW) {
        return true;
    }
    uint32_t *ends = ef_arena_take(arena, batch->rows * sizeof *ends);
    if (ends == NULL) {
        return false;
    }
    uint32_t count = 0, from = 0, deliveries = ef_deliveries(batch);
    for (uint32_t d = 0; d < deliveries; d++) {
        uint32_t end = ef_delivery_end(batch, d);
        for (uint32_t i = from + 1; i < end; i++) {
            if (batch->slots[i] != batch->slots[i - 1]) {
                ends[count++] = i;
            }
        }
        ends[count++] = end;
        from = end;
    }
    batch->ends = ends;
    batch->deliveries = count;
    batch->form = EF_ENDS;
    return true;
}

static ef_status by_key(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                        ef_error *error) {
    (void)port;
    const router *r = self;
    if (batch->rows == 0) {
        return EF_OK;
    }
    ef_column *columns = NULL;
    uint8_t *ok = NULL;
    EF_TRY(run_program(r, batch, track, out, &columns, &ok, error));
    uint32_t outputs = ef_program_outputs(r->program);
    uint32_t *slots = ef_arena_take(out->arena, batch->rows * sizeof *slots);
    uint32_t *rows = ef_arena_take(out->arena, batch->rows * sizeof *rows);
    if (slots == NULL || rows == NULL) {
        return ef_fail_memory(error);
    }
    const ef_str *texts = columns[0].values;
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->rows; i++) {
        slots[i] = 0;
        if (!has_key(columns, outputs, ok, i)) {
            continue;
        }
        ef_str text = texts[i];
        if (outputs > 1) {
            EF_TRY(join_texts(columns, outputs, i, &text, out->arena, error));
        }
        EF_TRY(ef_partition_keys_find(r->keys, &text, ef_row_clock(batch, i, track), &slots[i], error));
        rows[count++] = i;
    }
    ef_batch slotted = *batch;
    slotted.slots = slots;
    if (count == batch->rows) {
        out->result = slotted;
    } else if (count > 0 && !ef_batch_gather(&out->result, &slotted, rows, count, out->arena)) {
        out->result.rows = 0;
        return ef_fail_memory(error);
    }
    if (count > 0 && !cut_runs(&out->result, out->arena)) {
        out->result.rows = 0;
        return ef_fail_memory(error);
    }
    return EF_OK;
}

/* ---- by label ---- */

static ef_status by_label(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                          ef_error *error) {
    (void)port;
    const router *r = self;
    if (batch->rows == 0) {
        return EF_OK;
    }
    ef_column *columns = NULL;
    uint8_t *ok = NULL;
    EF_TRY(run_program(r, batch, track, out, &columns, &ok, error));
    uint32_t from = 0, deliveries = ef_deliveries(batch);
    for (uint32_t d = 0; d < deliveries; d++) {
        uint32_t end = ef_delivery_end(batch, d);
        uint32_t last = UINT32_MAX; /* slot of the run */
        for (uint32_t i = from; i < end; i++) {
            EF_TRY(ef_out_reserve(out, r->label_count, error));
            for (uint32_t label = 0; label < r->label_count; label++) {
                const uint8_t *holds = columns[label].values;
                if ((ok != NULL && !ef_bit(ok, i)) || ef_is_null(&columns[label], i) || !holds[i]) {
                    continue;
                }
                uint32_t slot;
                EF_TRY(ef_partition_keys_find(r->keys, &r->labels[label], ef_row_clock(batch, i, track), &slot, error));
                if (slot != last) {
                    ef_out_end(out);
                    last = slot;
                }
                ef_out_put(out, EF_FROM_INPUT(i), batch->timestamps[i], ef_row_kind(batch, i), ef_row_cause(batch, i),
                           slot);
            }
        }
        ef_out_end(out);
        from = end;
    }
    return ef_out_finish(out, NULL, NULL, batch->batch_chunk, error);
}

/* ---- to all ---- */

static ef_status to_all(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                        ef_error *error) {
    (void)port;
    (void)track;
    const router *r = self;
    uint32_t keys = r->keys->live_count;
    if ((uint64_t)keys * batch->rows > INT32_MAX) {
        return ef_fail(error, EF_LIMIT, "%u rows for each of %u partition keys are too many at once", batch->rows, keys);
    }
    if (keys == 0 || batch->rows == 0) {
        return EF_OK;
    }
    EF_TRY(ef_out_reserve(out, keys * batch->rows, error));
    uint32_t from = 0, deliveries = ef_deliveries(batch);
    for (uint32_t d = 0; d < deliveries; d++) {
        uint32_t end = ef_delivery_end(batch, d);
        for (uint32_t k = 0; k < keys; k++) {
            for (uint32_t i = from; i < end; i++) {
                ef_out_put(out, EF_FROM_INPUT(i), batch->timestamps[i], ef_row_kind(batch, i), ef_row_cause(batch, i),
                           r->keys->live[k]);
            }
            ef_out_end(out);
        }
        from = end;
    }
    return ef_out_finish(out, NULL, NULL, batch->batch_chunk, error);
}

#define ROUTER(more_flags, function)                                                                                   \
    {                                                                                                                  \
        .abi_version = EF_ABI_VERSION, .struct_size = sizeof(ef_operator_class), .name = "route",                      \
        .flags = EF_SLOTS | EF_BATCHED | (more_flags), .create = create, .destroy = destroy, .process = (function),    \
        .next_due = next_due                                                                                           \
    }

const ef_operator_class ef_key_router_class = ROUTER(0, by_key);
const ef_operator_class ef_label_router_class = ROUTER(EF_MULTI, by_label);
const ef_operator_class ef_all_router_class = ROUTER(EF_MULTI, to_all);
