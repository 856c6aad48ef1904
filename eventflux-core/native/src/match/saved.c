/* State of a matcher out and in.
 *
 *      lag
 *      slots: count, then each: base, next, resume, matches
 *             rows:     next - base of (handle, passes, due)
 *             attempts: count, then each: start, choice, depth, and depth steps (position, choice)
 *      pages
 *
 * Reading believes nothing: a row must be a block of its own, a step must be one that the walk could have made. */
#include "match/matcher.h"

ef_status ef_match_save(const void *self, ef_writer *writer, ef_error *error) {
    const matcher *m = self;
    ef_lag_save(&m->lag, writer);
    ef_put_u32(writer, m->slots.count);
    for (uint32_t i = 0; i < m->slots.count; i++) {
        const match_slot *s = slot_at(m, i);
        ef_put_u64(writer, s->base);
        ef_put_u64(writer, s->next);
        ef_put_u64(writer, s->resume);
        ef_put_u64(writer, s->matches);
        for (uint64_t n = s->base; n < s->next; n++) {
            ef_put_u32(writer, row_at(s, n)->row);
            ef_put_u64(writer, row_at(s, n)->passes);
            ef_put_i64(writer, row_at(s, n)->due);
        }
        ef_put_u32(writer, s->attempt_count);
        for (uint32_t j = 0; j < s->attempt_count; j++) {
            const attempt *a = &s->attempts[j];
            ef_put_u64(writer, a->start);
            ef_put_u32(writer, a->choice);
            ef_put_u32(writer, a->depth);
            for (uint32_t k = 0; k < a->depth; k++) {
                ef_put_u32(writer, step_at(m, a, k)->position);
                ef_put_u32(writer, step_at(m, a, k)->choice);
            }
        }
    }
    ef_pages_save(m->pages, writer);
    return ef_writer_status(writer, error);
}

static ef_status corrupt(ef_error *error, const char *what) {
    return ef_fail(error, EF_CORRUPT, "the saved state of a row pattern is damaged: %s", what);
}

static ef_status load_rows(matcher *m, match_slot *s, uint64_t base, uint64_t next, ef_reader *reader, ef_error *error) {
    if (next < base || next - base > ef_reader_left(reader) / 20) {
        return corrupt(error, "it is too short for its rows");
    }
    uint32_t count = (uint32_t)(next - base), capacity = 4;
    while (capacity < count) {
        capacity *= 2;
    }
    s->base = s->next = base;
    s->rows = ef_malloc(m->alloc, capacity * sizeof *s->rows);
    if (s->rows == NULL) {
        return ef_fail_memory(error);
    }
    s->row_capacity = capacity;
    for (uint64_t n = base; n < next; n++) {
        held_row *row = row_at(s, n);
        row->row = ef_get_u32(reader);
        row->passes = ef_get_u64(reader);
        row->due = ef_get_i64(reader);
    }
    return ef_reader_status(reader, error);
}

/* The steps of an attempt, each one that stands in the list of the one before where that has been tried last. */
static ef_status load_steps(matcher *m, attempt *a, uint32_t depth, ef_reader *reader, ef_error *error) {
    uint32_t from = m->start_from, count = m->start_count, tried = a->choice;
    for (uint32_t k = 0; k < depth; k++) {
        uint32_t position = ef_get_u32(reader), choice = ef_get_u32(reader);
        if (position >= m->position_count || tried == 0 || tried > count || m->follow[from + tried - 1] != position) {
            return corrupt(error, "a match took a row that it could not");
        }
        EF_TRY(attempt_push(m, a, position, error));
        step_at(m, a, k)->choice = tried = choice;
        from = m->positions[position].from;
        count = m->positions[position].count;
    }
    return tried <= count ? EF_OK : corrupt(error, "a match has tried more than there is");
}

static ef_status load_attempts(matcher *m, match_slot *s, ef_reader *reader, ef_error *error) {
    uint32_t count = ef_get_u32(reader);
    if (count > ef_reader_left(reader) / 16 || (m->is_single && count > 1)) {
        return corrupt(error, "it has too many matches");
    }
    for (uint32_t j = 0; j < count; j++) {
        uint64_t start = ef_get_u64(reader);
        uint32_t choice = ef_get_u32(reader), depth = ef_get_u32(reader);
        uint64_t least = j > 0 ? s->attempts[j - 1].start + 1 : s->base;
        if (start < least || start >= s->next || depth > s->next - start || (m->is_single && start != s->resume)) {
            return corrupt(error, "a match has rows that are not there");
        }
        EF_TRY(attempt_begin(m, s, start, error));
        s->attempts[j].choice = choice;
        EF_TRY(load_steps(m, &s->attempts[j], depth, reader, error));
    }
    return ef_reader_status(reader, error);
}

static ef_status load_slots(matcher *m, ef_reader *reader, ef_error *error) {
    uint32_t count = ef_get_u32(reader);
    if (count > ef_reader_left(reader) / 36) {
        return corrupt(error, "it is too short for its slots");
    }
    EF_TRY(ef_slots_reserve(&m->slots, m->alloc, count, error));
    EF_TRY(ef_timers_reserve(&m->timers, m->alloc, count, error));
    for (uint32_t i = 0; i < count; i++) {
        match_slot *s = slot_at(m, i);
        uint64_t base = ef_get_u64(reader), next = ef_get_u64(reader);
        s->resume = ef_get_u64(reader);
        s->matches = ef_get_u64(reader);
        EF_TRY(ef_reader_status(reader, error));
        EF_TRY(load_rows(m, s, base, next, reader, error));
        s->next = next; /* from here on the rows are believed to be there: check_rows follows, or all is forgotten without them */
        if (m->is_single && (s->resume < base || s->resume > next)) {
            return corrupt(error, "a match begins with a row that is not there");
        }
        EF_TRY(load_attempts(m, s, reader, error));
    }
    return EF_OK;
}

static ef_status check_rows(matcher *m, ef_error *error) {
    ef_row_checker checker;
    EF_TRY(ef_row_checker_init(&checker, m->pages, &m->layout, m->alloc, error));
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < m->slots.count && status == EF_OK; i++) {
        const match_slot *s = slot_at(m, i);
        for (uint64_t n = s->base; n < s->next && status == EF_OK; n++) {
            status = ef_row_check(&checker, row_at(s, n)->row, error);
            m->held += status == EF_OK;
        }
        for (uint32_t j = 0; j < s->attempt_count && status == EF_OK; j++) {
            for (uint32_t k = 0; k < s->attempts[j].depth; k++) {
                attempt_fold(m, s, &s->attempts[j], k);
            }
        }
    }
    ef_row_checker_clear(&checker);
    return status;
}

/* Without touching rows, which may not be rows. */
static void forget_unread(matcher *m) {
    const char no_pages[4] = {0, 0, 0, 0};
    ef_reader reader;
    for (uint32_t i = 0; i < m->slots.count; i++) {
        slot_at(m, i)->base = slot_at(m, i)->next;
    }
    matcher_forget(m);
    ef_reader_init(&reader, no_pages, sizeof no_pages);
    ef_status status = ef_pages_load(m->pages, &reader, NULL);
    EF_ASSERT(status == EF_OK);
    (void)status;
    m->held = 0;
}

ef_status ef_match_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    matcher *m = self;
    (void)version;
    ef_status status = ef_lag_load(&m->lag, reader) ? load_slots(m, reader, error) : corrupt(error, "a lag is negative");
    if (status == EF_OK) {
        status = ef_pages_load(m->pages, reader, error);
    }
    if (status == EF_OK) {
        status = check_rows(m, error);
    }
    if (status != EF_OK) {
        forget_unread(m);
        return status;
    }
    for (uint32_t i = 0; i < m->slots.count; i++) {
        slot_set_timer(m, i);
    }
    return EF_OK;
}
