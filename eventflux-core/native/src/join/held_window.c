/* The content of a named window and conditions on it; see held_window.h. */
#include "join/held_window.h"

#include "graph/node.h"
#include "join/mirror.h"

#define MAX_KEYS 16u

typedef struct window_probe window_probe;
struct window_probe {
    ef_probe probe; /* first: found by its address */
    ef_held_window *held;
    ef_alloc *alloc;
    ef_program *keys, *residual;
    ef_conjunct *conjuncts;
    uint32_t conjunct_count;
    ef_mirror mirror; /* without alloc: the window is asked */
    window_probe *next;
};

struct ef_held_window {
    ef_content content; /* first */
    ef_engine *engine;
    ef_alloc *alloc;
    ef_node *window;
    ef_mirror_rule rule;
    window_probe *all;           /* of a window that keeps all batches: what conditions without a mirror search; it is in the list */
    window_probe *first, **last; /* those with mirrors, in the order in which they were compiled */
};

/* ---- searching ---- */

/* Candidates of all probing rows: row `probe[i]` of the batch with held row `held[i]`, or with row `row[i]` of what the window told. */
typedef struct candidates {
    uint32_t count, capacity;
    uint32_t *probe;
    uint32_t *row; /* a handle, or a row */
} candidates;

static ef_status add(candidates *c, uint32_t probe, uint32_t row, ef_arena *arena, ef_error *error) {
    if (c->count == c->capacity) {
        uint32_t capacity = c->capacity > 0 ? c->capacity * 2 : 32;
        uint32_t *probes = ef_arena_take(arena, capacity * sizeof *probes);
        uint32_t *rows = ef_arena_take(arena, capacity * sizeof *rows);
        if (probes == NULL || rows == NULL) {
            return ef_fail_memory(error);
        }
        if (c->count > 0) {
            memcpy(probes, c->probe, c->count * sizeof *probes);
            memcpy(rows, c->row, c->count * sizeof *rows);
        }
        c->probe = probes;
        c->row = rows;
        c->capacity = capacity;
    }
    c->probe[c->count] = probe;
    c->row[c->count++] = row;
    return EF_OK;
}

static ef_status keys_of(const window_probe *p, const ef_batch *probes, ef_run *run, ef_column **keys, ef_error *error) {
    *keys = NULL;
    if (p->conjunct_count == 0) {
        return EF_OK;
    }
    uint32_t outputs = ef_program_outputs(p->keys);
    ef_column *all = ef_arena_take(run->arena, (outputs + p->conjunct_count) * sizeof *all);
    if (all == NULL) {
        return ef_fail_memory(error);
    }
    uint8_t *ok = NULL;
    EF_TRY(ef_program_run(p->keys, probes, run, all, &ok, error));
    for (uint32_t k = 0; k < p->conjunct_count; k++) {
        all[outputs + k] = all[p->conjuncts[k].key];
    }
    *keys = all + outputs;
    return EF_OK;
}

static ef_status search_mirror(window_probe *p, const ef_batch *probes, const ef_column *keys, candidates *c,
                               ef_arena *arena, ef_error *error) {
    ef_mirror_note_search(&p->mirror, 0);
    for (uint32_t i = 0; i < probes->rows; i++) {
        if (ef_row_kind(probes, i) == EF_RESET) {
            continue;
        }
        bool by_key = p->conjunct_count > 0;
        ef_handle h = by_key ? ef_mirror_find(&p->mirror, 0, keys, i) : ef_mirror_first(&p->mirror, 0);
        while (h != EF_NO_HANDLE) {
            EF_TRY(add(c, i, h, arena, error));
            h = by_key ? ef_mirror_next(&p->mirror, h) : ef_mirror_after(&p->mirror, h);
        }
    }
    return EF_OK;
}

static ef_status search_told(const window_probe *p, const ef_batch *probes, const ef_column *keys, const ef_batch *told,
                             candidates *c, ef_arena *arena, ef_error *error) {
    for (uint32_t i = 0; i < probes->rows; i++) {
        if (ef_row_kind(probes, i) == EF_RESET) {
            continue;
        }
        for (uint32_t row = 0; row < told->rows; row++) {
            bool fits = true;
            for (uint32_t k = 0; fits && k < p->conjunct_count; k++) {
                fits = ef_keys_equal(&told->column[p->conjuncts[k].column], row, &keys[k], i);
            }
            if (fits) {
                EF_TRY(add(c, i, row, arena, error));
            }
        }
    }
    return EF_OK;
}

/* Columns and timestamps of the content rows of all candidates. */
static ef_status gather(const window_probe *p, const ef_batch *told, const candidates *c, ef_found *found, ef_arena *arena,
                        ef_error *error) {
    uint32_t columns = p->held->content.columns;
    found->column = ef_arena_take(arena, (columns > 0 ? columns : 1) * sizeof *found->column);
    found->timestamps = ef_arena_take(arena, (c->count > 0 ? c->count : 1) * sizeof *found->timestamps);
    if (found->column == NULL || found->timestamps == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < c->count; i++) {
        found->timestamps[i] = told != NULL ? told->timestamps[c->row[i]]
                                            : ef_row_timestamp(ef_pages_at(p->mirror.pages, c->row[i]));
    }
    for (uint32_t column = 0; column < columns; column++) {
        /* A window that holds nothing has told no columns. */
        const ef_column none = {.type = p->held->content.types[column]};
        bool good = told != NULL
                        ? ef_column_gather(&found->column[column], told->column != NULL ? &told->column[column] : &none,
                                           c->row, c->count, arena)
                        : ef_rows_gather(&found->column[column], p->mirror.pages, &p->mirror.layout, column, c->row, c->count, arena);
        if (!good) {
            return ef_fail_memory(error);
        }
    }
    found->count = c->count;
    found->probe = c->probe;
    return EF_OK;
}

/* Keeps what the residual is true for. */
static ef_status test(const window_probe *p, const ef_batch *probes, ef_run *run, ef_found *found, ef_error *error) {
    if (p->residual == NULL || found->count == 0) {
        return EF_OK;
    }
    ef_arena *arena = run->arena;
    uint32_t held = p->held->content.columns;
    ef_batch pairs = {.rows = found->count, .columns = probes->columns + held, .form = EF_WHOLE};
    pairs.column = ef_arena_take(arena, (pairs.columns > 0 ? pairs.columns : 1) * sizeof *pairs.column);
    pairs.timestamps = ef_arena_take(arena, found->count * sizeof *pairs.timestamps);
    if (pairs.column == NULL || pairs.timestamps == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < found->count; i++) {
        pairs.timestamps[i] = probes->timestamps[found->probe[i]];
    }
    for (uint32_t c = 0; c < probes->columns; c++) {
        if (!ef_column_gather(&pairs.column[c], &probes->column[c], found->probe, found->count, arena)) {
            return ef_fail_memory(error);
        }
    }
    memcpy(pairs.column + probes->columns, found->column, held * sizeof *found->column);
    ef_out failures;
    ef_out_init(&failures, arena, &pairs);
    ef_track now = {.clock = &run->track->clock[0], .before = run->track->before, .steps = 1, .max_firings = 0};
    ef_run inner = *run;
    inner.track = &now;
    inner.out = &failures;
    uint32_t *kept = NULL, count = 0;
    EF_TRY(ef_program_select(p->residual, &pairs, &inner, &kept, &count, error));
    for (uint32_t i = 0; i < failures.failed_count; i++) {
        EF_TRY(ef_out_fail_row(run->out, found->probe[failures.failed[i].at], failures.failed[i].message, error));
    }
    if (count == found->count) {
        return EF_OK;
    }
    for (uint32_t c = 0; c < held; c++) {
        ef_column all = found->column[c];
        if (!ef_column_gather(&found->column[c], &all, kept, count, arena)) {
            return ef_fail_memory(error);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        found->probe[i] = found->probe[kept[i]];
        found->timestamps[i] = found->timestamps[kept[i]];
    }
    found->count = count;
    return EF_OK;
}

/* All that a mirror holds, as a batch. */
static ef_status tell_all(const ef_mirror *mirror, uint32_t columns, ef_batch *told, ef_arena *arena, ef_error *error) {
    const uint32_t count = mirror->slots > 0 ? mirror->lists[0].count : 0;
    *told = (ef_batch){.rows = count, .columns = columns, .form = EF_WHOLE};
    ef_handle *rows = ef_arena_take(arena, (count + (size_t)1) * sizeof *rows);
    told->column = ef_arena_take(arena, (columns + (size_t)1) * sizeof *told->column);
    told->timestamps = ef_arena_take(arena, (count + (size_t)1) * sizeof *told->timestamps);
    if (rows == NULL || told->column == NULL || told->timestamps == NULL) {
        return ef_fail_memory(error);
    }
    ef_handle row = ef_mirror_first(mirror, 0);
    for (uint32_t i = 0; i < count; i++, row = ef_mirror_after(mirror, row)) {
        rows[i] = row;
        told->timestamps[i] = ef_row_timestamp(ef_pages_at(mirror->pages, row));
    }
    for (uint32_t c = 0; c < columns; c++) {
        if (!ef_rows_gather(&told->column[c], mirror->pages, &mirror->layout, c, rows, count, arena)) {
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

static ef_status find(ef_probe *self, const ef_batch *probes, ef_run *run, ef_found *found, ef_error *error) {
    window_probe *p = (window_probe *)self;
    *found = (ef_found){0};
    ef_column *keys;
    EF_TRY(keys_of(p, probes, run, &keys, error));
    candidates c = {0};
    const ef_batch *told = NULL;
    ef_batch all;
    ef_out asked;
    if (p->mirror.alloc != NULL) {
        EF_TRY(search_mirror(p, probes, keys, &c, run->arena, error));
    } else if (p->held->all != NULL) {
        EF_TRY(tell_all(&p->held->all->mirror, p->held->content.columns, &all, run->arena, error));
        told = &all;
        EF_TRY(search_told(p, probes, keys, told, &c, run->arena, error));
    } else {
        const ef_node *window = p->held->window;
        ef_out_init(&asked, run->arena, NULL);
        EF_TRY(window->operator_class->find(window->self, 0, run->track->clock[run->track->steps - 1], &asked, error));
        told = &asked.result;
        EF_TRY(search_told(p, probes, keys, told, &c, run->arena, error));
    }
    EF_TRY(gather(p, told, &c, found, run->arena, error));
    return test(p, probes, run, found, error);
}

static ef_status contains(ef_probe *self, const ef_batch *probes, ef_run *run, uint8_t *matches, ef_error *error) {
    ef_found found;
    memset(matches, 0, probes->rows);
    EF_TRY(find(self, probes, run, &found, error));
    for (uint32_t i = 0; i < found.count; i++) {
        matches[found.probe[i]] = 1;
    }
    return EF_OK;
}

/* ---- conditions ---- */

static void probe_destroy(ef_probe *self) {
    window_probe *p = (window_probe *)self;
    ef_held_window *held = p->held;
    if (held != NULL && p->mirror.alloc != NULL) {
        for (window_probe **at = &held->first; *at != NULL; at = &(*at)->next) {
            if (*at == p) {
                *at = p->next;
                if (held->last == &p->next) {
                    held->last = at;
                }
                break;
            }
        }
    }
    if (p->mirror.alloc != NULL) {
        ef_mirror_clear(&p->mirror);
    }
    ef_program_free(p->keys);
    ef_program_free(p->residual);
    ef_free(p->alloc, p->conjuncts, (p->conjunct_count > 0 ? p->conjunct_count : 1) * sizeof *p->conjuncts);
    ef_free(p->alloc, p, sizeof *p);
}

static ef_status make_mirror(window_probe *p, ef_error *error) {
    const ef_held_window *held = p->held;
    uint32_t keys[MAX_KEYS];
    for (uint32_t k = 0; k < p->conjunct_count; k++) {
        keys[k] = p->conjuncts[k].column;
    }
    return ef_mirror_init(&p->mirror, p->alloc, held->content.columns, held->content.types, keys, p->conjunct_count, 0, error);
}

static ef_status compile(ef_content *content, ef_condition *condition, ef_alloc *alloc, ef_probe **probe, ef_error *error) {
    ef_held_window *held = (ef_held_window *)content;
    ef_program *keys = condition->keys, *residual = condition->residual;
    condition->keys = NULL;
    condition->residual = NULL;
    ef_status status = EF_OK;
    bool is_plain = condition->conjunct_count <= MAX_KEYS;
    for (uint32_t c = 0; c < condition->conjunct_count; c++) {
        is_plain = is_plain && condition->conjuncts[c].comparison == EF_EQUAL;
    }
    uint32_t flags = held->window->operator_class->flags;
    bool is_mirrored = !held->engine->sealed && (flags & EF_FIFO) != 0;
    if (!is_plain) {
        status = ef_fail(error, EF_INVALID, "a window is searched by at most %u equalities", MAX_KEYS);
    } else if (!is_mirrored && held->window->operator_class->find == NULL) {
        status = ef_fail(error, EF_INVALID, "what the window holds cannot be searched");
    }
    window_probe *p = status == EF_OK ? ef_calloc(alloc, sizeof *p) : NULL;
    if (p == NULL) {
        ef_program_free(keys);
        ef_program_free(residual);
        return status != EF_OK ? status : ef_fail_memory(error);
    }
    *p = (window_probe){.probe = {.find = find, .contains = contains, .destroy = probe_destroy, .index = is_mirrored && condition->conjunct_count > 0 ? "hash index" : "scan"},
                        .held = held,
                        .alloc = alloc,
                        .keys = keys,
                        .residual = residual,
                        .conjunct_count = condition->conjunct_count};
    p->conjuncts = ef_malloc(alloc, (p->conjunct_count > 0 ? p->conjunct_count : 1) * sizeof *p->conjuncts);
    if (p->conjuncts == NULL) {
        p->conjunct_count = 0;
        status = ef_fail_memory(error);
    } else {
        for (uint32_t c = 0; c < p->conjunct_count; c++) {
            p->conjuncts[c] = condition->conjuncts[c];
        }
        status = is_mirrored ? make_mirror(p, error) : EF_OK;
    }
    if (status != EF_OK) {
        p->mirror.alloc = NULL; /* its init frees what it made */
        probe_destroy(&p->probe);
        return status;
    }
    if (is_mirrored) {
        *held->last = p;
        held->last = &p->next;
    }
    *probe = &p->probe;
    return EF_OK;
}

/* ---- the content ---- */

/* A mirror of its own for a content that the window itself does not keep. */
static ef_status keep_all(ef_held_window *held, ef_error *error) {
    ef_condition everything = {.conjunct_count = 0};
    ef_probe *probe = NULL;
    EF_TRY(compile(&held->content, &everything, held->alloc, &probe, error));
    held->all = (window_probe *)probe;
    return EF_OK;
}

ef_status ef_held_window_create(ef_engine *engine, ef_node_id window, bool publishes_expired, ef_alloc *alloc,
                                ef_held_window **made, ef_error *error) {
    ef_node *node = ef_node_at(engine, window);
    int32_t shared = ef_engine_shared(engine, node->name, error);
    if (shared < 0) {
        return (ef_status)shared;
    }
    EF_TRY(ef_engine_access(engine, window, shared, true, error));
    ef_held_window *held = ef_calloc(alloc, sizeof *held);
    if (held == NULL) {
        return ef_fail_memory(error);
    }
    held->content = (ef_content){.self = held, .columns = node->columns, .types = node->types, .shared = shared, .compile = compile};
    held->engine = engine;
    held->alloc = alloc;
    held->window = node;
    held->last = &held->first;
    held->rule = ef_mirror_rule_of(node->operator_class, publishes_expired);
    ef_status status = held->rule == EF_MIRROR_ALL_BATCHES ? keep_all(held, error) : EF_OK;
    if (status != EF_OK) {
        ef_free(alloc, held, sizeof *held);
        return status;
    }
    *made = held;
    return EF_OK;
}

void ef_held_window_destroy(ef_held_window *held) {
    if (held == NULL) {
        return;
    }
    if (held->all != NULL) {
        probe_destroy(&held->all->probe);
    }
    for (window_probe *p = held->first; p != NULL; p = p->next) {
        p->held = NULL; /* its owner goes later */
    }
    ef_free(held->alloc, held, sizeof *held);
}

ef_content *ef_held_window_content(ef_held_window *held) {
    return &held->content;
}

ef_status ef_held_window_follow(ef_held_window *held, ef_batch *rows, ef_arena *arena, ef_error *error) {
    for (window_probe *p = held->first; ef_mirror_keeps_times(held->window->operator_class) && p != NULL; p = p->next) {
        EF_TRY(ef_mirror_keep_times(&p->mirror, rows, arena, error));
    }
    for (window_probe *p = held->first; p != NULL; p = p->next) {
        EF_TRY(ef_mirror_follow(&p->mirror, rows, held->rule, error));
    }
    return EF_OK;
}

void ef_held_window_clear(ef_held_window *held) {
    for (window_probe *p = held->first; p != NULL; p = p->next) {
        ef_mirror_purge(&p->mirror, EF_ALL_SLOTS);
    }
}

void ef_held_window_save(const ef_held_window *held, ef_writer *writer) {
    uint32_t count = 0;
    for (const window_probe *p = held->first; p != NULL; p = p->next) {
        count++;
    }
    ef_put_u32(writer, count);
    for (const window_probe *p = held->first; p != NULL; p = p->next) {
        ef_mirror_save(&p->mirror, writer);
    }
}

ef_status ef_held_window_load(ef_held_window *held, ef_reader *reader, ef_error *error) {
    uint32_t count = ef_get_u32(reader);
    window_probe *p = held->first;
    for (uint32_t i = 0; i < count; i++, p = p->next) {
        if (p == NULL) {
            return ef_fail(error, EF_INVALID, "the state has more readers of the window than the app");
        }
        EF_TRY(ef_mirror_load(&p->mirror, reader, error));
    }
    return p == NULL ? EF_OK : ef_fail(error, EF_INVALID, "the state has fewer readers of the window than the app");
}
