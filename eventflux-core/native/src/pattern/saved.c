/* State of a pattern out and in.
 *
 *      begun | whether the oldest matches are dropped << 1, timer sequence
 *      slots: count, then each: started, generation, events, and for each state: lists (head, tail, count), last, flags
 *      timers: count, then each
 *      with timeouts: lag, and for each slot: due, lag
 *      pages
 *      where the oldest matches are dropped: the oldest, the youngest
 *
 * Reading believes nothing: every handle must be a block of the right size, met in one role only; lists must be linked both ways; holders are counted anew.
 * The index is built anew from the pending lists. */
#include "pattern/matches.h"

static void save_list(const match_list *list, ef_writer *writer) {
    ef_put_u32(writer, list->head);
    ef_put_u32(writer, list->tail);
    ef_put_u32(writer, list->count);
}

ef_status ef_pattern_save(const void *self, ef_writer *writer, ef_error *error) {
    const pattern *p = self;
    ef_put_u8(writer, (uint8_t)(p->begun | p->drops_oldest << 1));
    ef_put_u64(writer, p->timer_sequence);
    ef_put_u32(writer, p->slots.count);
    for (uint32_t i = 0; i < p->slots.count; i++) {
        const slot_state *at = slot_at(p, i);
        ef_put_u8(writer, at->started);
        ef_put_u32(writer, at->generation);
        ef_put_u64(writer, at->events);
        for (uint32_t j = 0; j < p->state_count; j++) {
            const state_slot *s = &at->state[j];
            save_list(&s->pending, writer);
            save_list(&s->fresh, writer);
            ef_put_i64(writer, s->last);
            ef_put_u8(writer, (uint8_t)(s->initialised | s->spent << 1 | s->reset << 2 | s->fresh_jumps << 3 |
                                        s->pending_jumps << 4 | s->lets_be << 5));
        }
    }
    ef_put_u32(writer, p->timer_count);
    for (uint32_t i = 0; i < p->timer_count; i++) {
        const pattern_timer *timer = &p->timers[i];
        ef_put_i64(writer, timer->due);
        ef_put_u64(writer, timer->sequence);
        ef_put_u32(writer, timer->slot);
        ef_put_u32(writer, timer->generation);
        ef_put_u32(writer, timer->state);
    }
    if (p->timeouts) {
        ef_lag_save(&p->lag, writer);
    }
    for (uint32_t i = 0; p->timeouts && i < p->slots.count; i++) {
        ef_put_i64(writer, ef_timers_of(&p->timeout_timers, i));
        ef_put_i64(writer, slot_at(p, i)->lag);
    }
    ef_put_u8(writer, p->pages != NULL);
    if (p->pages != NULL) {
        ef_pages_save(p->pages, writer);
    }
    if (p->drops_oldest) {
        ef_put_u32(writer, p->oldest);
        ef_put_u32(writer, p->youngest);
    }
    return ef_writer_status(writer, error);
}

/* ---- believing what was read ---- */

typedef enum role { ROLE_NONE = 0, ROLE_ENTRY, ROLE_MATCH, ROLE_CELL, ROLE_ROW } role;

typedef struct checking {
    pattern *p;
    ef_error *error;
    uint8_t *roles; /* by handle: role, and for rows and cells the state + 1 in `owner` */
    uint16_t *owner;
    size_t size;
    ef_row_checker *rows; /* [states] */
} checking;

static ef_status corrupt(checking *c, const char *what) {
    return ef_fail(c->error, EF_CORRUPT, "the saved state of a pattern is damaged: %s", what);
}

/* Claims a block for a role; *known: it was met before, in the same role. */
static ef_status claim(checking *c, ef_handle handle, role as, uint32_t size, uint32_t owner, bool *known) {
    *known = handle < c->size && c->roles[handle] != ROLE_NONE;
    if (handle >= c->size || (c->roles[handle] == ROLE_NONE && as != ROLE_ROW && !ef_pages_holds(c->p->pages, handle, size))) {
        return corrupt(c, "a handle leads nowhere");
    }
    if (*known && (c->roles[handle] != (uint8_t)as || c->owner[handle] != owner)) {
        return corrupt(c, "a block has two meanings");
    }
    c->roles[handle] = (uint8_t)as;
    c->owner[handle] = (uint16_t)owner;
    return EF_OK;
}

static ef_status check_row(checking *c, uint32_t j, ef_handle row) {
    bool known;
    EF_TRY(claim(c, row, ROLE_ROW, 0, j + 1, &known));
    pattern *p = c->p;
    if (!known) {
        EF_TRY(ef_row_check(&c->rows[j], row, c->error));
    }
    char *bytes = ef_pages_write(p->pages, row);
    if (bytes == NULL) {
        return ef_fail_memory(c->error);
    }
    ef_row_set_next(bytes, known ? ef_row_next(bytes) + 1 : 1);
    return EF_OK;
}

static ef_status check_chain(checking *c, uint32_t j, ef_handle at) {
    uint32_t length = 0;
    for (bool first = true; at != EF_NO_HANDLE; first = false) {
        bool known;
        EF_TRY(claim(c, at, ROLE_CELL, sizeof(cell), j + 1, &known));
        cell *found = (cell *)(void *)ef_pages_write(c->p->pages, at);
        if (found == NULL) {
            return ef_fail_memory(c->error);
        }
        if (found->length == 0 || (!first && found->length != length - 1)) {
            return corrupt(c, "a chain of events is broken");
        }
        length = found->length;
        found->holders = known ? found->holders + 1 : 1;
        if (known) {
            return EF_OK;
        }
        if ((found->before == EF_NO_HANDLE) != (length == 1)) {
            return corrupt(c, "a chain of events is broken");
        }
        EF_TRY(check_row(c, j, found->row));
        at = found->before;
    }
    return EF_OK;
}

static ef_status check_match(checking *c, ef_handle handle, uint32_t slot) {
    pattern *p = c->p;
    bool known;
    EF_TRY(claim(c, handle, ROLE_MATCH, p->match_size, 0, &known));
    match *m = (match *)(void *)ef_pages_write(p->pages, handle);
    if (m == NULL) {
        return ef_fail_memory(c->error);
    }
    if (m->slot != slot) {
        return corrupt(c, "a partial match is in the wrong slot");
    }
    if (known) {
        m->holders++;
        return m->holders > 0 ? EF_OK : corrupt(c, "a partial match is in too many lists");
    }
    m->holders = 1;
    m->flags &= MATCH_EXPIRED | MATCH_OPEN | MATCH_QUIET;
    p->matches++;
    if (has_events_before(m, p->state_count)) {
        m->flags |= MATCH_BEGUN;
        p->begun_matches++;
    }
    match_set_entry(p, m, 0, EF_NO_HANDLE);
    for (uint32_t j = 0; j < p->state_count; j++) {
        if (is_event(m->event[j])) {
            EF_TRY(is_count(p, j) ? check_chain(c, j, m->event[j]) : check_row(c, j, m->event[j]));
        } else if (m->event[j] == ESTABLISHED && p->states[j].config.kind != EF_STATE_LOGICAL_ABSENT) {
            return corrupt(c, "an event is missing");
        }
    }
    for (uint32_t s = 0; s < p->special_count; s++) {
        m->event[p->state_count + s] = EF_NO_HANDLE;
    }
    return EF_OK;
}

static ef_status check_list(checking *c, uint32_t slot, uint32_t j, bool fresh) {
    pattern *p = c->p;
    const match_list *list = fresh ? &slot_at(p, slot)->state[j].fresh : &slot_at(p, slot)->state[j].pending;
    ef_handle previous = EF_NO_HANDLE, at = list->count > 0 ? list->head : EF_NO_HANDLE;
    for (uint32_t i = 0; i < list->count; i++) {
        bool known;
        EF_TRY(claim(c, at, ROLE_ENTRY, sizeof(entry), 0, &known));
        entry *e = (entry *)(void *)ef_pages_write(p->pages, at);
        if (e == NULL) {
            return ef_fail_memory(c->error);
        }
        if (known || e->previous != previous || (e->next == EF_NO_HANDLE) != (i + 1 == list->count)) {
            return corrupt(c, "a list of partial matches is broken");
        }
        EF_TRY(check_match(c, e->match, slot));
        note_first(p, slot, match_at(p, e->match)->first);
        e->bucket_next = EF_NO_HANDLE;
        e->bucket_previous = IN_NO_BUCKET;
        e->hash = fresh;
        match *m = (match *)(void *)ef_pages_write(p->pages, e->match);
        if (m == NULL) {
            return ef_fail_memory(c->error);
        }
        if (p->states[j].special != UINT32_MAX) {
            uint32_t *place = &m->event[p->state_count + p->states[j].special];
            if (*place != EF_NO_HANDLE) {
                return corrupt(c, "a partial match waits twice at one state");
            }
            *place = at;
        }
        if (p->states[j].special == UINT32_MAX && p->drops_oldest) {
            match_set_entry(p, m, j, at);
            m->flags = (uint16_t)(fresh ? m->flags | MATCH_FRESH : m->flags & ~MATCH_FRESH);
        }
        if (p->states[j].key_count > 0) {
            entry_take_key(p, e, j);
            EF_TRY(index_reserve(p, j, 1, c->error));
            if (!fresh && e->bucket_next != IN_NO_BUCKET) {
                index_add(p, j, at, e->hash);
            }
        }
        previous = at;
        at = e->next;
    }
    slot_at(p, slot)->fresh += fresh ? list->count : 0;
    return list->count == 0 || previous == list->tail ? EF_OK : corrupt(c, "a list of partial matches is broken");
}

static ef_status check_all(pattern *p, ef_error *error) {
    checking c = {.p = p, .error = error, .size = (size_t)p->pages->table_count << EF_PAGE_SHIFT};
    ef_status status = EF_OK;
    uint32_t ready = 0;
    c.roles = ef_calloc(p->alloc, c.size);
    c.owner = ef_calloc(p->alloc, c.size * sizeof *c.owner);
    c.rows = ef_calloc(p->alloc, p->state_count * sizeof *c.rows);
    if (c.roles == NULL || c.owner == NULL || c.rows == NULL) {
        status = ef_fail_memory(error);
    }
    for (; status == EF_OK && ready < p->state_count; ready++) {
        status = ef_row_checker_init(&c.rows[ready], p->pages, &p->states[ready].layout, p->alloc, error);
        if (status != EF_OK) {
            break;
        }
    }
    for (uint32_t slot = 0; status == EF_OK && slot < p->slots.count; slot++) {
        for (uint32_t j = 0; status == EF_OK && j < p->state_count; j++) {
            status = check_list(&c, slot, j, false);
            if (status == EF_OK) {
                status = check_list(&c, slot, j, true);
            }
        }
    }
    if (status == EF_OK) {
        for (size_t i = 0; i < c.size; i++) {
            c.roles[i] = c.roles[i] == ROLE_MATCH;
        }
        status = match_links_hold(p, c.roles, c.size) ? EF_OK : corrupt(&c, "the order of the partial matches is broken");
    }
    for (uint32_t j = 0; j < ready; j++) {
        ef_row_checker_clear(&c.rows[j]);
    }
    ef_free(p->alloc, c.rows, p->state_count * sizeof *c.rows);
    ef_free(p->alloc, c.owner, c.size * sizeof *c.owner);
    ef_free(p->alloc, c.roles, c.size);
    return status;
}

static void load_list(match_list *list, ef_reader *reader) {
    list->head = ef_get_u32(reader);
    list->tail = ef_get_u32(reader);
    list->count = ef_get_u32(reader);
}

static ef_status load_slots(pattern *p, ef_reader *reader, ef_error *error) {
    uint32_t count = ef_get_u32(reader);
    size_t least = 13 + (size_t)p->state_count * 33;
    if (count > ef_reader_left(reader) / least) {
        return ef_fail(error, EF_CORRUPT, "the saved state of a pattern is too short for its %u slots", count);
    }
    EF_TRY(ef_slots_reserve(&p->slots, p->alloc, count, error));
    for (uint32_t i = 0; i < count; i++) {
        slot_state *at = slot_at(p, i);
        at->started = ef_get_u8(reader) != 0;
        at->generation = ef_get_u32(reader);
        at->events = ef_get_u64(reader);
        at->expires = INT64_MAX;
        at->fresh = 0;
        at->lets_be = false;
        for (uint32_t j = 0; j < p->state_count; j++) {
            state_slot *s = &at->state[j];
            load_list(&s->pending, reader);
            load_list(&s->fresh, reader);
            s->last = ef_get_i64(reader);
            uint8_t flags = ef_get_u8(reader);
            s->initialised = (flags & 1u) != 0;
            s->spent = (flags & 2u) != 0;
            s->reset = (flags & 4u) != 0;
            s->fresh_jumps = (flags & 8u) != 0;
            s->pending_jumps = (flags & 16u) != 0;
            s->lets_be = (flags & 32u) != 0 && p->may_let_be;
            at->lets_be |= s->lets_be;
        }
    }
    return ef_reader_status(reader, error);
}

static ef_status load_timers(pattern *p, ef_reader *reader, ef_error *error) {
    uint32_t count = ef_get_u32(reader);
    if (count > ef_reader_left(reader) / 28) {
        return ef_fail(error, EF_CORRUPT, "the saved state of a pattern is too short for its %u timers", count);
    }
    uint64_t sequence = p->timer_sequence;
    for (uint32_t i = 0; i < count; i++) {
        int64_t due = ef_get_i64(reader);
        uint64_t number = ef_get_u64(reader);
        uint32_t slot = ef_get_u32(reader), generation = ef_get_u32(reader), j = ef_get_u32(reader);
        EF_TRY(ef_reader_status(reader, error));
        if (slot >= p->slots.count || j >= p->state_count || p->states[j].config.wait < 0 || number >= sequence) {
            return ef_fail(error, EF_CORRUPT, "the saved state of a pattern has a timer of nobody");
        }
        uint32_t now = slot_at(p, slot)->generation;
        slot_at(p, slot)->generation = generation;
        p->timer_sequence = number;
        ef_status status = timer_set(p, slot, j, due, error);
        slot_at(p, slot)->generation = now;
        EF_TRY(status);
    }
    p->timer_sequence = sequence;
    return EF_OK;
}

static ef_status load_timeouts(pattern *p, ef_reader *reader, ef_error *error) {
    EF_TRY(ef_timers_reserve(&p->timeout_timers, p->alloc, p->slots.count, error));
    if (!ef_lag_load(&p->lag, reader)) {
        return ef_fail(error, EF_CORRUPT, "the saved state of a pattern has a timeout that cannot be");
    }
    for (uint32_t i = 0; i < p->slots.count; i++) {
        int64_t due = ef_get_i64(reader), lag = ef_get_i64(reader);
        EF_TRY(ef_reader_status(reader, error));
        if (lag < 0 || (due < 0 && lag > 0 && due < INT64_MIN + lag)) {
            return ef_fail(error, EF_CORRUPT, "the saved state of a pattern has a timeout that cannot be");
        }
        ef_timers_set(&p->timeout_timers, i, due);
        slot_at(p, i)->lag = lag;
    }
    return EF_OK;
}

static ef_status load_all(pattern *p, ef_reader *reader, ef_error *error) {
    uint8_t flags = ef_get_u8(reader);
    p->begun = (flags & 1u) != 0;
    if ((flags & 2u) != 0 ? !p->drops_oldest : p->drops_oldest) {
        EF_TRY(ef_reader_status(reader, error));
        return ef_fail(error, EF_CORRUPT, "the state of a pattern was saved with another overflow policy of its matches");
    }
    p->timer_sequence = ef_get_u64(reader);
    EF_TRY(load_slots(p, reader, error));
    EF_TRY(load_timers(p, reader, error));
    if (p->timeouts) {
        EF_TRY(load_timeouts(p, reader, error));
    }
    bool has_pages = ef_get_u8(reader) != 0;
    EF_TRY(ef_reader_status(reader, error));
    if (has_pages) {
        EF_TRY(ef_pages_load(p->pages, reader, error));
    }
    if (p->drops_oldest) {
        p->oldest = ef_get_u32(reader);
        p->youngest = ef_get_u32(reader);
        EF_TRY(ef_reader_status(reader, error));
    }
    return check_all(p, error);
}

ef_status ef_pattern_load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    pattern *p = self;
    (void)version;
    if (p->pages == NULL) {
        p->pages = ef_pages_new(p->alloc);
        if (p->pages == NULL) {
            return ef_fail_memory(error);
        }
    }
    ef_status status = load_all(p, reader, error);
    if (status != EF_OK) {
        pattern_forget(p);
    }
    return status;
}
