/* Filter: keeps the rows for which a condition is true.
 *
 * Current and expired rows are tested alike; RESET rows always pass, since aggregators behind a filter have to hear of them. */
#include "graph/node.h"

typedef struct filter {
    ef_engine *engine;
    ef_alloc *alloc;
    ef_program *condition;
} filter;

ef_status ef_filter_create(ef_engine *engine, ef_alloc *alloc, ef_program *condition, void **self, ef_error *error) {
    filter *made = NULL;
    ef_status status = EF_OK;
    if (ef_program_outputs(condition) != 1 || ef_program_output_type(condition, 0) != EF_BOOL) {
        status = ef_fail(error, EF_INVALID, "a filter's condition must be one BOOL");
    } else if ((made = ef_malloc(alloc, sizeof *made)) == NULL) {
        status = ef_fail_memory(error);
    }
    if (status != EF_OK) {
        ef_program_free(condition);
        return status;
    }
    *made = (filter){.engine = engine, .alloc = alloc, .condition = condition};
    *self = made;
    return EF_OK;
}

static ef_status create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "a filter is made from a program");
}

static void destroy(void *self) {
    filter *f = self;
    ef_program_free(f->condition);
    ef_free(f->alloc, f, sizeof *f);
}

/* Adds the RESET rows to the selected ones; both rise. */
static ef_status with_resets(const ef_batch *batch, uint32_t **rows, uint32_t *count, ef_arena *arena,
                             ef_error *error) {
    uint32_t *all = ef_arena_take(arena, batch->rows * sizeof *all);
    if (all == NULL) {
        return ef_fail_memory(error);
    }
    uint32_t taken = 0, next = 0;
    for (uint32_t i = 0; i < batch->rows; i++) {
        bool selected = next < *count && (*rows)[next] == i;
        next += selected;
        if (selected || batch->kinds[i] == EF_RESET) {
            all[taken++] = i;
        }
    }
    *rows = all;
    *count = taken;
    return EF_OK;
}

static ef_status process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                         ef_error *error) {
    (void)port;
    filter *f = self;
    if (batch->rows == 0) {
        return EF_OK;
    }
    ef_run run = {.arena = out->arena, .track = track, .host = &f->engine->host, .random = &f->engine->random, .out = out};
    uint32_t *rows = NULL;
    uint32_t count = 0;
    EF_TRY(ef_program_select(f->condition, batch, &run, &rows, &count, error));
    if (batch->kinds != NULL) {
        EF_TRY(with_resets(batch, &rows, &count, out->arena, error));
    }
    if (count == batch->rows) {
        out->result = *batch;
    } else if (count > 0 && !ef_batch_gather(&out->result, batch, rows, count, out->arena)) {
        out->result.rows = 0;
        return ef_fail_memory(error);
    }
    return EF_OK;
}

static int64_t next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

const ef_operator_class ef_filter_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "filter",
    .flags = EF_SLOTS | EF_BATCHED,
    .create = create,
    .destroy = destroy,
    .process = process,
    .next_due = next_due,
};
