/* Map: each row becomes the outputs of a program (projection, column pruning, stream functions). Rows, kinds, causes and deliveries stay. */
#include "graph/node.h"

typedef struct map {
    ef_engine *engine;
    ef_alloc *alloc;
    ef_program *outputs;
    uint32_t *picked; /* [columns] the input's column of each output, where all are plain columns (pruning); else NULL */
    uint32_t columns;
} map;

/* Whether a program only picks columns; `picked` gets which. */
static bool picks_only(const ef_program *outputs, uint32_t *picked) {
    for (uint32_t i = 0; i < ef_program_outputs(outputs); i++) {
        if (!ef_program_output_column(outputs, i, &picked[i])) {
            return false;
        }
    }
    return true;
}

static size_t picked_size(const map *m) {
    return (m->columns > 0 ? m->columns : 1) * sizeof *m->picked;
}

ef_status ef_map_create(ef_engine *engine, ef_alloc *alloc, ef_program *outputs, void **self, ef_error *error) {
    map *made = ef_malloc(alloc, sizeof *made);
    if (made == NULL) {
        ef_program_free(outputs);
        return ef_fail_memory(error);
    }
    *made = (map){.engine = engine, .alloc = alloc, .outputs = outputs, .columns = ef_program_outputs(outputs)};
    made->picked = ef_malloc(alloc, picked_size(made));
    if (made->picked == NULL) {
        ef_program_free(outputs);
        ef_free(alloc, made, sizeof *made);
        return ef_fail_memory(error);
    }
    if (!picks_only(outputs, made->picked)) {
        ef_free(alloc, made->picked, picked_size(made));
        made->picked = NULL;
    }
    *self = made;
    return EF_OK;
}

static ef_status create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "a map is made from a program");
}

static void destroy(void *self) {
    map *m = self;
    ef_program_free(m->outputs);
    ef_free(m->alloc, m->picked, picked_size(m));
    ef_free(m->alloc, m, sizeof *m);
}

static ef_status drop_failed(const ef_batch *all, const uint8_t *ok, ef_out *out, ef_error *error) {
    uint32_t *rows = ef_arena_take(out->arena, all->rows * sizeof *rows);
    if (rows == NULL) {
        return ef_fail_memory(error);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < all->rows; i++) {
        rows[count] = i;
        count += ef_bit(ok, i);
    }
    if (count > 0 && !ef_batch_gather(&out->result, all, rows, count, out->arena)) {
        out->result.rows = 0;
        return ef_fail_memory(error);
    }
    return EF_OK;
}

static ef_status process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                         ef_error *error) {
    (void)port;
    map *m = self;
    if (batch->rows == 0) {
        return EF_OK;
    }
    if (m->picked != NULL) {
        ef_column *columns = ef_arena_take(out->arena, (m->columns > 0 ? m->columns : 1) * sizeof *columns);
        if (columns == NULL) {
            return ef_fail_memory(error);
        }
        for (uint32_t i = 0; i < m->columns; i++) {
            columns[i] = batch->column[m->picked[i]];
        }
        out->result = *batch;
        out->result.columns = m->columns;
        out->result.column = columns;
        return EF_OK;
    }
    ef_run run = {.arena = out->arena, .track = track, .host = &m->engine->host, .random = &m->engine->random, .out = out};
    ef_batch result = *batch;
    result.columns = m->columns;
    result.column = ef_arena_take(out->arena, (m->columns > 0 ? m->columns : 1) * sizeof *result.column);
    if (result.column == NULL) {
        return ef_fail_memory(error);
    }
    uint8_t *ok = NULL;
    EF_TRY(ef_program_run(m->outputs, batch, &run, result.column, &ok, error));
    if (ok != NULL) {
        return drop_failed(&result, ok, out, error);
    }
    out->result = result;
    return EF_OK;
}

static int64_t next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

const ef_operator_class ef_map_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "map",
    .flags = EF_SLOTS | EF_BATCHED,
    .create = create,
    .destroy = destroy,
    .process = process,
    .next_due = next_due,
};
