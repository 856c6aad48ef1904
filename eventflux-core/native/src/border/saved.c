/* An ef_writer behind a handle; see saved.h. */
#include "border/saved.h"

struct ef_saved {
    ef_alloc *alloc;
    ef_writer writer;
};

ef_status ef_saved_new(ef_engine *engine, ef_node_id node, ef_saved **saved, ef_error *error) {
    ef_alloc *alloc = ef_engine_alloc(engine);
    ef_saved *made = ef_malloc(alloc, sizeof *made);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    made->alloc = alloc;
    ef_writer_init(&made->writer, alloc);
    ef_status status = node < 0 ? ef_engine_save(engine, &made->writer, error)
                                : ef_engine_node_save(engine, node, &made->writer, error);
    if (status == EF_OK) {
        status = ef_writer_status(&made->writer, error);
    }
    if (status != EF_OK) {
        ef_saved_free(made);
        return status;
    }
    *saved = made;
    return EF_OK;
}

void ef_saved_free(ef_saved *saved) {
    if (saved != NULL) {
        ef_writer_clear(&saved->writer);
        ef_free(saved->alloc, saved, sizeof *saved);
    }
}

size_t ef_saved_size(const ef_saved *saved) {
    return ef_writer_size(&saved->writer);
}

void ef_saved_copy(const ef_saved *saved, char *to) {
    ef_writer_copy(&saved->writer, to);
}
