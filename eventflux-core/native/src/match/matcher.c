/* Rows into slots, attempts over them, matches out: what happens at a row and at a timer. */
#include "match/matcher.h"

static bool may_start(const matcher *m, uint64_t passes, uint64_t number) {
    return (passes & m->starts) != 0 && (number == 0 || !m->starts_only_first);
}

static ef_status hold_row(run *r, match_slot *s, uint64_t passes) {
    matcher *m = r->m;
    uint32_t count = (uint32_t)(s->next - s->base);
    if (count == s->row_capacity) {
        uint32_t capacity = count == 0 ? 4 : count * 2;
        if (count > UINT32_MAX / 4) {
            return ef_fail(r->error, EF_LIMIT, "matches wait on more than %u rows", count);
        }
        held_row *rows = ef_malloc(m->alloc, capacity * sizeof *rows);
        if (rows == NULL) {
            return ef_fail_memory(r->error);
        }
        for (uint64_t n = s->base; n < s->next; n++) {
            rows[n & (capacity - 1u)] = *row_at(s, n);
        }
        ef_free(m->alloc, s->rows, s->row_capacity * sizeof *rows);
        s->rows = rows;
        s->row_capacity = capacity;
    }
    held_row *at = row_at(s, s->next);
    EF_TRY(ef_row_keep(m->pages, &m->layout, &r->kept_view, r->row, &at->row, r->error));
    at->passes = passes;
    at->due = EF_NEVER;
    if (m->within >= 0) {
        /* From the first moment on at which no row in time can come: later than by its timestamp, as far as timestamps are behind the clock. */
        int64_t last = ef_time_after(ef_time_after(r->timestamp, m->within), 1);
        at->due = ef_time_after(last, ef_lag_of(&m->lag));
    }
    s->next++;
    m->held++;
    return EF_OK;
}

/* Drops the rows that no attempt and no history needs. */
static void drop_rows(matcher *m, match_slot *s) {
    uint64_t needed = s->attempt_count > 0 ? s->attempts[0].start : m->is_single ? s->resume : s->next;
    needed = needed > m->history ? needed - m->history : 0;
    for (; s->base < needed; s->base++) {
        ef_row_drop(m->pages, &m->layout, row_at(s, s->base)->row);
        m->held--;
    }
}

void slot_clear(matcher *m, match_slot *s) {
    for (uint32_t i = 0; i < s->attempt_count; i++) {
        attempt_end(m, &s->attempts[i]);
    }
    for (; s->base < s->next; s->base++) {
        ef_row_drop(m->pages, &m->layout, row_at(s, s->base)->row);
        m->held--;
    }
    ef_free(m->alloc, s->attempts, s->attempt_capacity * sizeof *s->attempts);
    ef_free(m->alloc, s->rows, s->row_capacity * sizeof *s->rows);
    memset(s, 0, sizeof *s);
}

void slot_set_timer(matcher *m, uint32_t slot) {
    if (m->within < 0) {
        return;
    }
    const match_slot *s = slot_at(m, slot);
    int64_t due = EF_NEVER;
    for (uint32_t i = 0; i < s->attempt_count; i++) {
        due = s->attempts[i].due < due ? s->attempts[i].due : due;
    }
    ef_timers_set(&m->timers, slot, due);
}

/* Puts a match out. *resume: the row that the next one may begin at. */
static ef_status take_match(run *r, match_slot *s, attempt *a, uint64_t *resume) {
    const matcher *m = r->m;
    *resume = a->start + a->depth;
    if (m->skip == EF_SKIP_TO_FIRST || m->skip == EF_SKIP_TO_LAST) {
        const group_view *view = &a->groups[m->skip_group];
        uint32_t at = m->skip == EF_SKIP_TO_FIRST ? view->first : view->last;
        if (view->count == 0 || at == 0) {
            *resume = a->start + 1;
            uint32_t row = r->row == NO_ROW ? (r->out->input != NULL ? r->out->input->rows : 0) : r->row;
            return ef_out_fail_row(r->out, row,
                                   view->count == 0
                                       ? "AFTER MATCH SKIP: the variable has no row in this match"
                                       : "AFTER MATCH SKIP leads to the first row of the match: it would never end",
                                   r->error);
        }
        *resume = a->start + at;
    }
    s->matches++;
    return m->timeouts ? EF_OK : matched_put(r, s, a);
}

static void forget_first(matcher *m, match_slot *s) {
    attempt_end(m, &s->attempts[0]);
    s->attempt_count--;
    memmove(s->attempts, s->attempts + 1, s->attempt_count * sizeof *s->attempts);
}

/* Goes on with an attempt. What runs out of time, and with that fails, is put out where that is wanted: with the rows of the run that was
 * alive until then. */
static ef_status go_on(run *r, match_slot *s, attempt *a, outcome *result) {
    bool closed = a->due <= r->clock;
    if (!closed || !r->m->timeouts) {
        return attempt_advance(r, s, a, closed, result);
    }
    EF_TRY(attempt_advance(r, s, a, false, result));
    if (*result != OUTCOME_WAITS) {
        return EF_OK;
    }
    const void *steps;
    uint32_t depth;
    EF_TRY(attempt_remember(r, a, &steps, &depth));
    EF_TRY(attempt_advance(r, s, a, true, result));
    if (*result == OUTCOME_FAILS && depth > 0) {
        attempt_recall(r->m, a, steps, depth);
        EF_TRY(matched_put(r, s, a));
    }
    return EF_OK;
}

/* One attempt at a time: as far as the rows that are held lead. */
static ef_status settle(run *r, match_slot *s) {
    matcher *m = r->m;
    for (;;) {
        if (s->attempt_count == 0) {
            while (s->resume < s->next && !may_start(m, row_at(s, s->resume)->passes, s->resume)) {
                s->resume++;
            }
            if (s->resume == s->next) {
                return EF_OK;
            }
            EF_TRY(attempt_begin(m, s, s->resume, r->error));
        }
        attempt *a = &s->attempts[0];
        outcome result;
        EF_TRY(go_on(r, s, a, &result));
        if (result == OUTCOME_WAITS) {
            return EF_OK;
        }
        uint64_t resume = a->start + 1;
        if (result == OUTCOME_MATCHES) {
            EF_TRY(take_match(r, s, a, &resume));
        }
        s->resume = resume;
        forget_first(m, s);
    }
}

/* An attempt a row: each goes on by itself. Those that wait on stay in order. */
static ef_status settle_all(run *r, match_slot *s) {
    matcher *m = r->m;
    uint32_t kept = 0;
    ef_status status = EF_OK;
    for (uint32_t i = 0; i < s->attempt_count; i++) {
        attempt *a = &s->attempts[i];
        outcome result = OUTCOME_WAITS;
        if (status == EF_OK) {
            status = go_on(r, s, a, &result);
        }
        if (status == EF_OK && result == OUTCOME_MATCHES) {
            uint64_t resume;
            status = take_match(r, s, a, &resume);
        }
        if (status == EF_OK && result != OUTCOME_WAITS) {
            attempt_end(m, a);
        } else {
            s->attempts[kept++] = *a;
        }
    }
    s->attempt_count = kept;
    return status;
}

ef_status slot_row(run *r, uint64_t passes) {
    matcher *m = r->m;
    match_slot *s = slot_at(m, r->slot);
    bool starts = may_start(m, passes, s->next);
    if (s->attempt_count == 0 && m->history == 0 && !starts) {
        s->base = s->resume = ++s->next; /* nobody waits for it, nothing begins with it */
        return EF_OK;
    }
    EF_TRY(hold_row(r, s, passes));
    if (m->is_single) {
        EF_TRY(settle(r, s));
    } else {
        if (starts) {
            EF_TRY(attempt_begin(m, s, s->next - 1, r->error));
        }
        EF_TRY(settle_all(r, s));
    }
    drop_rows(m, s);
    slot_set_timer(m, r->slot);
    matched_end(r);
    return EF_OK;
}

ef_status slot_timer(run *r) {
    matcher *m = r->m;
    match_slot *s = slot_at(m, r->slot);
    EF_TRY(m->is_single ? settle(r, s) : settle_all(r, s));
    drop_rows(m, s);
    slot_set_timer(m, r->slot);
    matched_end(r);
    return EF_OK;
}
