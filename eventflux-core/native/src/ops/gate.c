/* Gate: what a named window publishes to its readers.
 *
 * Rows of the kinds that its output clause names go on as they are; every delivery is a batch chunk, whatever the window; RESET rows end here, so
 * readers of a batch window bring their aggregators down by the expired rows. */
#include "graph/node.h"
#include "join/held_window.h"

typedef struct gate {
    ef_alloc *alloc;
    bool current, expired;
    ef_held_window *held;
} gate;

/* `held`: what the window holds, taken also when this fails. */
ef_status ef_gate_create(ef_alloc *alloc, bool current, bool expired, ef_held_window *held, void **self, ef_error *error) {
    gate *made = ef_malloc(alloc, sizeof *made);
    if (made == NULL) {
        ef_held_window_destroy(held);
        return ef_fail_memory(error);
    }
    *made = (gate){.alloc = alloc, .current = current, .expired = expired, .held = held};
    *self = made;
    return EF_OK;
}

static ef_status create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "a gate is made by its named window");
}

static void destroy(void *self) {
    gate *g = self;
    ef_held_window_destroy(g->held);
    ef_free(g->alloc, g, sizeof *g);
}

static ef_status process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                         ef_error *error) {
    (void)port;
    (void)track;
    const gate *g = self;
    if (batch->rows == 0) {
        return EF_OK;
    }
    ef_batch rows_held = *batch;
    EF_TRY(ef_held_window_follow(g->held, &rows_held, out->arena, error));
    batch = &rows_held;
    uint32_t *rows = ef_arena_take(out->arena, batch->rows * sizeof *rows);
    if (rows == NULL) {
        return ef_fail_memory(error);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->rows; i++) {
        uint8_t kind = ef_row_kind(batch, i);
        rows[count] = i;
        count += (kind == EF_CURRENT && g->current) || (kind == EF_EXPIRED && g->expired);
    }
    if (count == batch->rows) {
        out->result = *batch;
    } else if (count > 0 && !ef_batch_gather(&out->result, batch, rows, count, out->arena)) {
        out->result.rows = 0;
        return ef_fail_memory(error);
    }
    out->result.batch_chunk = true;
    return EF_OK;
}

static void purge(void *self, uint32_t slot) {
    gate *g = self;
    if (slot == EF_ALL_SLOTS) { /* a named window has one content, whoever reads it */
        ef_held_window_clear(g->held);
    }
}

static ef_status save(const void *self, ef_writer *writer, ef_error *error) {
    const gate *g = self;
    ef_held_window_save(g->held, writer);
    return ef_writer_status(writer, error);
}

static ef_status load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    (void)version;
    gate *g = self;
    EF_TRY(ef_held_window_load(g->held, reader, error));
    return ef_reader_status(reader, error);
}

static int64_t next_due(const void *self) {
    (void)self;
    return EF_NEVER;
}

const ef_operator_class ef_gate_class = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "gate",
    .flags = EF_SLOTS | EF_BATCHED | EF_BATCH_CHUNKS,
    .state_version = 1,
    .create = create,
    .destroy = destroy,
    .process = process,
    .next_due = next_due,
    .purge = purge,
    .save = save,
    .load = load,
};
