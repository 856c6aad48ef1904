/* What waits for a watermark, saved: pages by stream; clocks; each waiting row, queue before heap. On load the rows are put in order anew. */
#include "eventtime/reorder_inside.h"

#define SAVED_ROW_SIZE 25u /* what save_row writes */

static void save_row(const waiting_row *row, ef_writer *writer) {
    ef_put_i64(writer, row->moment);
    ef_put_u64(writer, row->arrival);
    ef_put_u32(writer, row->port);
    ef_put_u32(writer, row->row);
    ef_put_u8(writer, row->restamps);
}

ef_status ef_reorder_save(const ef_reorder *r, int64_t clock, ef_writer *writer, ef_error *error) {
    for (uint32_t p = 0; p < r->port_count; p++) {
        ef_pages_save(r->ports[p].pages, writer);
    }
    ef_put_i64(writer, clock);
    ef_put_i64(writer, r->watermark);
    ef_put_u8(writer, r->idle);
    ef_put_u8(writer, r->begun);
    ef_put_i64(writer, r->heard);
    ef_put_i64(writer, r->base);
    ef_put_u64(writer, r->arrivals);
    ef_put_u64(writer, r->late);
    ef_put_u32(writer, r->upstream_count);
    for (uint32_t u = 0; u < r->upstream_count; u++) {
        ef_put_i64(writer, r->upstreams[u].watermark);
        ef_put_u8(writer, r->upstreams[u].idle);
        ef_put_i64(writer, r->upstreams[u].held);
    }
    ef_put_u32(writer, r->queue_count + r->heap_count);
    for (uint32_t i = 0; i < r->queue_count; i++) {
        save_row(&r->queue[(r->queue_first + i) % r->queue_capacity], writer);
    }
    for (uint32_t i = 0; i < r->heap_count; i++) {
        save_row(&r->heap[i], writer);
    }
    return ef_writer_status(writer, error);
}

static ef_status load_rows(ef_reorder *r, ef_reader *reader, uint32_t count, ef_row_checker *checkers, ef_error *error) {
    for (uint32_t i = 0; i < count; i++) {
        waiting_row row = {.moment = ef_get_i64(reader)};
        row.arrival = ef_get_u64(reader);
        row.port = ef_get_u32(reader);
        row.row = ef_get_u32(reader);
        row.restamps = ef_get_u8(reader) != 0;
        EF_TRY(ef_reader_status(reader, error));
        if (row.port >= r->port_count || row.arrival >= r->arrivals) {
            return ef_fail(error, EF_CORRUPT, "a saved row waits for a watermark that there is not");
        }
        EF_TRY(ef_row_check(&checkers[row.port], row.row, error));
        ef_reorder_wait(r, &row);
    }
    return EF_OK;
}

static ef_status check_and_load(ef_reorder *r, ef_reader *reader, uint32_t count, ef_error *error) {
    ef_row_checker *checkers = ef_calloc(r->alloc, r->port_count * sizeof *checkers);
    if (checkers == NULL) {
        return ef_fail_memory(error);
    }
    ef_status status = EF_OK;
    uint32_t made = 0;
    while (status == EF_OK && made < r->port_count) {
        status = ef_row_checker_init(&checkers[made], r->ports[made].pages, &r->ports[made].layout, r->alloc, error);
        made += status == EF_OK;
    }
    if (status == EF_OK) {
        status = load_rows(r, reader, count, checkers, error);
    }
    while (made > 0) {
        ef_row_checker_clear(&checkers[--made]);
    }
    ef_free(r->alloc, checkers, r->port_count * sizeof *checkers);
    return status;
}

static ef_status load_state(ef_reorder *r, ef_reader *reader, int64_t *clock, ef_error *error) {
    for (uint32_t p = 0; p < r->port_count; p++) {
        EF_TRY(ef_pages_load(r->ports[p].pages, reader, error));
    }
    *clock = ef_get_i64(reader);
    r->watermark = ef_get_i64(reader);
    r->idle = ef_get_u8(reader) != 0;
    r->begun = ef_get_u8(reader) != 0;
    r->heard = ef_get_i64(reader);
    r->base = ef_get_i64(reader);
    r->arrivals = ef_get_u64(reader);
    r->late = ef_get_u64(reader);
    uint32_t upstreams = ef_get_u32(reader);
    EF_TRY(ef_reader_status(reader, error));
    if (upstreams != r->upstream_count) {
        return ef_fail(error, EF_CORRUPT, "the saved watermark is that of other streams");
    }
    for (uint32_t u = 0; u < upstreams; u++) {
        r->upstreams[u].watermark = ef_get_i64(reader);
        r->upstreams[u].idle = ef_get_u8(reader) != 0;
        r->upstreams[u].held = ef_get_i64(reader);
    }
    uint32_t count = ef_get_u32(reader);
    EF_TRY(ef_reader_status(reader, error));
    if (count > ef_reader_left(reader) / SAVED_ROW_SIZE) {
        return ef_fail(error, EF_CORRUPT, "the saved rows of a watermark end too early");
    }
    EF_TRY(ef_reorder_reserve(r, count, 0, error));
    return check_and_load(r, reader, count, error);
}

ef_status ef_reorder_load(ef_reorder *r, ef_reader *reader, int64_t *clock, ef_error *error) {
    ef_status status = load_state(r, reader, clock, error);
    if (status != EF_OK) { /* rows that were not believed are not given back one by one: their pages go whole */
        r->queue_first = r->queue_count = r->heap_count = 0;
        for (uint32_t p = 0; p < r->port_count; p++) {
            const char no_pages[4] = {0, 0, 0, 0};
            ef_reader nothing;
            ef_reader_init(&nothing, no_pages, sizeof no_pages);
            ef_status emptied = ef_pages_load(r->ports[p].pages, &nothing, NULL);
            EF_ASSERT(emptied == EF_OK);
            (void)emptied;
        }
    }
    return status;
}
