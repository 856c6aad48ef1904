/* Attempts: the depth-first walk through the follow lists; see matcher.h.
 *
 * Each entry of a follow list is tried at most once for each way to the step it belongs to. A step forward costs the condition of one variable. */
#include "match/matcher.h"

#define FIRST_CAPACITY 8u

static ef_status take_block(matcher *m, attempt *a, ef_error *error) {
    if (m->spare != NULL) {
        a->groups = m->spare;
        a->capacity = m->spare_capacity;
        m->spare = NULL;
        return EF_OK;
    }
    a->groups = ef_malloc(m->alloc, block_size(m, FIRST_CAPACITY));
    a->capacity = FIRST_CAPACITY;
    return a->groups == NULL ? ef_fail_memory(error) : EF_OK;
}

ef_status attempt_begin(matcher *m, match_slot *s, uint64_t start, ef_error *error) {
    void *attempts = s->attempts;
    ef_status status =
        ef_grow(m->alloc, &attempts, &s->attempt_capacity, s->attempt_count + 1, sizeof *s->attempts, error);
    s->attempts = attempts;
    EF_TRY(status);
    attempt *a = &s->attempts[s->attempt_count];
    *a = (attempt){.start = start, .due = row_at(s, start)->due};
    EF_TRY(take_block(m, a, error));
    if (m->group_count > 0) {
        memset(a->groups, 0, m->group_count * sizeof *a->groups);
    }
    s->attempt_count++;
    return EF_OK;
}

void attempt_end(matcher *m, attempt *a) {
    if (m->spare == NULL && a->capacity == FIRST_CAPACITY) {
        m->spare = a->groups;
        m->spare_capacity = a->capacity;
    } else {
        ef_free(m->alloc, a->groups, block_size(m, a->capacity));
    }
    a->groups = NULL;
}

static void groups_add(const matcher *m, attempt *a, uint32_t at, uint32_t position) {
    uint64_t bit = UINT64_C(1) << m->positions[position].variable;
    for (uint32_t g = 0; g < m->group_count; g++) {
        if (m->groups[g] & bit) {
            group_view *view = &a->groups[g];
            view->first = view->count == 0 ? at : view->first;
            view->last = at;
            view->count++;
        }
    }
}

ef_status attempt_push(matcher *m, attempt *a, uint32_t position, ef_error *error) {
    if (a->depth == a->capacity) {
        if (a->capacity > UINT32_MAX / 4) {
            return ef_fail(error, EF_LIMIT, "a match of more than %u rows", a->capacity);
        }
        void *grown = ef_realloc(m->alloc, a->groups, block_size(m, a->capacity), block_size(m, a->capacity * 2));
        if (grown == NULL) {
            return ef_fail_memory(error);
        }
        a->groups = grown;
        a->capacity *= 2;
    }
    *step_at(m, a, a->depth) = (step){.position = position};
    groups_add(m, a, a->depth, position);
    a->depth++;
    return EF_OK;
}

void attempt_pop(const matcher *m, attempt *a) {
    uint32_t at = --a->depth;
    uint64_t bit = UINT64_C(1) << m->positions[step_at(m, a, at)->position].variable;
    for (uint32_t g = 0; g < m->group_count; g++) {
        group_view *view = &a->groups[g];
        if (!(m->groups[g] & bit)) {
            continue;
        }
        view->count--;
        if (view->count > 0) {
            do {
                view->last--;
            } while (!(m->groups[g] >> m->positions[step_at(m, a, view->last)->position].variable & 1u));
        }
    }
}

void attempt_show(const matcher *m, attempt *a, uint32_t at) {
    groups_add(m, a, at, step_at(m, a, at)->position);
}

void attempt_view(const matcher *m, attempt *a, uint32_t depth) {
    if (m->group_count > 0) {
        memset(a->groups, 0, m->group_count * sizeof *a->groups);
    }
    for (uint32_t i = 0; i < depth; i++) {
        attempt_show(m, a, i);
    }
}

/* Whether the row may be tried at all: what needs none of the rows taken before. */
static bool may_take(const matcher *m, const match_slot *s, const attempt *a, uint32_t position, uint64_t number) {
    const ef_match_position *at = &m->positions[position];
    const held_row *row = row_at(s, number);
    if (!(row->passes >> at->variable & 1u) || (at->only_first && number > 0)) {
        return false;
    }
    if (m->within < 0) {
        return true;
    }
    int64_t passed;
    int64_t now = ef_row_timestamp(ef_pages_at(m->pages, row->row));
    int64_t first = ef_row_timestamp(ef_pages_at(m->pages, row_at(s, a->start)->row));
    return !__builtin_sub_overflow(now, first, &passed) ? passed <= m->within : now < first;
}

ef_status attempt_advance(run *r, match_slot *s, attempt *a, bool closed, outcome *result) {
    matcher *m = r->m;
    for (;;) {
        uint32_t from = m->start_from, count = m->start_count;
        uint32_t *choice = &a->choice;
        if (a->depth > 0) {
            step *last = step_at(m, a, a->depth - 1);
            from = m->positions[last->position].from;
            count = m->positions[last->position].count;
            choice = &last->choice;
        }
        if (*choice == count) {
            if (a->depth == 0) {
                *result = OUTCOME_FAILS;
                return EF_OK;
            }
            attempt_pop(m, a);
            continue;
        }
        uint32_t position = m->follow[from + *choice];
        if (position == EF_MATCH_ACCEPT) {
            *result = OUTCOME_MATCHES;
            return EF_OK;
        }
        uint64_t number = a->start + a->depth;
        if (number == s->next) {
            if (!closed) {
                *result = OUTCOME_WAITS;
                return EF_OK;
            }
            (*choice)++;
            continue;
        }
        (*choice)++;
        if (!may_take(m, s, a, position, number)) {
            continue;
        }
        EF_TRY(attempt_push(m, a, position, r->error));
        attempt_fold(m, s, a, a->depth - 1);
        bool fits;
        EF_TRY(step_fits(r, s, a, &fits));
        if (!fits) {
            attempt_pop(m, a);
        }
    }
}

ef_status attempt_remember(run *r, const attempt *a, const void **steps, uint32_t *depth) {
    void *copy = ef_arena_take(r->arena, a->depth * (size_t)r->m->step_size);
    if (copy == NULL) {
        return ef_fail_memory(r->error);
    }
    if (a->depth > 0) {
        memcpy(copy, step_at(r->m, a, 0), a->depth * (size_t)r->m->step_size);
    }
    *steps = copy;
    *depth = a->depth;
    return EF_OK;
}

void attempt_recall(const matcher *m, attempt *a, const void *steps, uint32_t depth) {
    if (depth > 0) {
        memcpy(step_at(m, a, 0), steps, depth * (size_t)m->step_size);
    }
    a->depth = depth;
    attempt_view(m, a, depth);
}
