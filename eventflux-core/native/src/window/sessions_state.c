/* Sessions in saved state: pages; the number of sessions ever made; of each slot the times asked for; each session with its spans. The
 * index and the heaps are made anew. */
#include "window/sessions.h"

static void save_span(const ef_span *saved, ef_writer *writer) {
    ef_row_queue_save(&saved->rows, writer);
    ef_put_i64(writer, saved->start);
    ef_put_i64(writer, saved->end);
}

/* With their numbers, so that ties are broken the same way after a load. */
static void save_sessions(const ef_sessions *store, ef_writer *writer) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < store->session_count; i++) {
        used += store->sessions[i].used;
    }
    ef_put_u32(writer, used);
    for (uint32_t i = 0; i < store->session_count; i++) {
        const ef_session *entry = &store->sessions[i];
        if (entry->used) {
            ef_put_u32(writer, entry->slot);
            ef_put_u64(writer, entry->number);
            ef_put_u32(writer, entry->place);
            ef_put_u32(writer, entry->before_place);
            save_span(&entry->open, writer);
            save_span(&entry->ended, writer);
        }
    }
}

void ef_sessions_save(const ef_sessions *store, ef_writer *writer) {
    ef_pages_save(store->base.pages, writer);
    ef_put_u64(writer, store->created);
    ef_put_u32(writer, store->slots.count);
    for (uint32_t i = 0; i < store->slots.count; i++) {
        const ef_session_slot *slot = ef_sessions_slot(store, i);
        ef_put_u32(writer, slot->asked_count);
        for (uint32_t n = 0; n < slot->asked_count; n++) {
            ef_put_i64(writer, slot->asked[(slot->asked_first + n) % slot->asked_capacity]);
        }
    }
    save_sessions(store, writer);
}

static ef_status read_slots(ef_sessions *store, ef_reader *reader, ef_error *error) {
    ef_alloc *alloc = store->base.alloc;
    uint32_t count = ef_get_u32(reader);
    if (count > ef_reader_left(reader) / 4) {
        return ef_fail(error, EF_CORRUPT, "the saved state of a window ends too early");
    }
    EF_TRY(ef_slots_reserve(&store->slots, alloc, count, error));
    EF_TRY(ef_timers_reserve(&store->timers, alloc, count, error));
    for (uint32_t i = 0; i < count; i++) {
        ef_session_slot *slot = ef_sessions_slot(store, i);
        uint32_t asked = ef_get_u32(reader);
        if (asked > ef_reader_left(reader) / 8) {
            return ef_fail(error, EF_CORRUPT, "the saved state of a window ends too early");
        }
        EF_TRY(ef_sessions_reserve_asked(store, slot, asked, error));
        for (uint32_t n = 0; n < asked; n++) {
            slot->asked[n] = ef_get_i64(reader);
        }
        slot->asked_count = asked;
        ef_sessions_set_timer(store, i);
    }
    return EF_OK;
}

static ef_status read_span(ef_span *to, ef_row_checker *checker, ef_reader *reader, ef_error *error) {
    EF_TRY(ef_row_queue_load(&to->rows, checker, reader, error));
    to->start = ef_get_i64(reader);
    to->end = ef_get_i64(reader);
    return ef_reader_status(reader, error);
}

/* The place is a row of the open session, and before_place the row before it. */
static bool has_place(const ef_sessions *store, const ef_session *entry) {
    if (entry->place == EF_NO_HANDLE) {
        return entry->before_place == EF_NO_HANDLE;
    }
    ef_handle before = EF_NO_HANDLE, handle = entry->open.rows.head;
    for (uint32_t i = 0; i < entry->open.rows.count; i++) {
        if (handle == entry->place) {
            return before == entry->before_place;
        }
        before = handle;
        handle = ef_row_next(ef_pages_at(store->base.pages, handle));
    }
    return false;
}

static ef_status read_session(ef_sessions *store, ef_row_checker *checker, ef_reader *reader, ef_error *error) {
    ef_session read;
    memset(&read, 0, sizeof read);
    read.slot = ef_get_u32(reader);
    read.number = ef_get_u64(reader);
    read.place = ef_get_u32(reader);
    read.before_place = ef_get_u32(reader);
    EF_TRY(read_span(&read.open, checker, reader, error));
    EF_TRY(read_span(&read.ended, checker, reader, error));
    if (read.slot >= store->slots.count || read.open.rows.count + (uint64_t)read.ended.rows.count == 0 ||
        !has_place(store, &read)) {
        return ef_fail(error, EF_CORRUPT, "a session of the saved state contradicts itself");
    }
    EF_TRY(ef_sessions_reserve(store, read.slot, error));
    ef_str key = ef_str_empty();
    bool null = !ef_sessions_key(store, &read, &key);
    uint32_t hash = ef_sessions_hash(&key, null, read.slot);
    uint32_t id = ef_sessions_add(store, read.slot, hash);
    ef_session *entry = &store->sessions[id];
    read.hash = hash;
    read.used = true;
    *entry = read;
    store->base.held += (uint64_t)read.open.rows.count + read.ended.rows.count;
    ef_sessions_update(store, id, EF_SESSION_OPEN);
    ef_sessions_update(store, id, EF_SESSION_ENDED);
    return EF_OK;
}

ef_status ef_sessions_load(ef_sessions *store, ef_reader *reader, ef_error *error) {
    ef_window *base = &store->base;
    ef_row_checker checker;
    ef_status status = ef_pages_load(base->pages, reader, error);
    uint64_t created = ef_get_u64(reader);
    if (status == EF_OK) {
        status = read_slots(store, reader, error);
    }
    if (status == EF_OK) {
        status = ef_row_checker_init(&checker, base->pages, &base->layout, base->alloc, error);
    }
    if (status == EF_OK) {
        uint32_t count = ef_get_u32(reader);
        status = ef_reader_status(reader, error);
        for (uint32_t i = 0; i < count && status == EF_OK; i++) {
            status = read_session(store, &checker, reader, error);
        }
        ef_row_checker_clear(&checker);
    }
    if (status != EF_OK) {
        ef_sessions_clear(store);
        ef_window_forget(base);
        return status;
    }
    store->created = created;
    return EF_OK;
}
