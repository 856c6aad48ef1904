/* Joining a whole call at once; see ahead.h.
 *
 *      left rows  ─> [ window ] ─> C X C C X ...  ┐  taken by cause: C enters the mirror of its side, X leaves it,
 *      right rows ─> [ window ] ─> C X X C ...    ┘  and each that triggers notes the held rows of the other side with its key
 *
 *      attempts (side, row, partners)  ─> pairs (row of the side's output, held row) ─> residual ─> columns, each filled in two loops
 *
 * A window sees nothing of the other side, so it may run to the end of the call first: what it puts out carries the causes that say when. Within one cause the rows
 * of a side enter and leave its own mirror, which they do not search; so only the order between the sides counts: by cause, timers of the left side before those of
 * the right, rows by the order of the edges. Held rows that leave stay readable until the slice ends, hence pairs are filled and tested at the end.
 *
 * O(1) a row and a pair; whatever is needed for them lies in the slice arena. */
#include "join/ahead.h"

/* Rows between asking for a place in an index, for the page that it leads to, for the row there, and reading it. */
#define FETCHED_ROWS 16384u /* held by both sides together: from here on it pays to ask */
#define PLACE_AHEAD 18u
#define PAGE_AHEAD 12u
#define ROW_AHEAD 6u

/* Pairs found by the rows of one side. */
typedef struct pairs {
    uint32_t count, capacity;
    uint32_t *row;   /* of the side */
    ef_handle *held; /* on the other side */
} pairs;

typedef struct side_run {
    ef_batch rows;    /* the rows that moves, attempts and pairs name: what the window put out, or of a bare window what came in */
    join_moves moves; /* what the window put out */
    uint32_t next;    /* move */
    uint32_t order;
    uint32_t *probe_hash; /* of its rows' keys, by which they search the other side; NULL: they search by order */
    uint8_t *has_probe;   /* 0: a part of the key is null */
    ef_column *probe;
    uint32_t *own_hash; /* of its rows' keys in the mirror of their side */
    uint8_t *has_own;
    ef_column *own;
    ef_handle *kept; /* what its CURRENT rows are in the mirror of their side, in order; NULL: they are not kept yet */
    uint32_t entered;
    pairs found;
} side_run;

/* A row that looked for partners, or a reset. */
typedef struct attempt {
    uint32_t row;
    uint32_t count; /* of its pairs, which follow those of the side's attempt before */
    uint8_t side;
    bool is_reset;
} attempt;

typedef struct ahead {
    join *j;
    ef_arena *arena;
    const ef_track *track;
    ef_out *out;
    side_run side[2];
    attempt *attempts;
    uint32_t attempt_count;
    bool fetches; /* what is held does not fit the nearer caches */
} ahead;

bool join_may_run_ahead(const join *j) {
    for (uint32_t s = 0; s < 2; s++) {
        const join_side *side = &j->side[s];
        bool is_queue = side->window == NULL || (side->rule == EF_MIRROR_QUEUE && !side->keeps_times && !side->is_searched_by_find);
        bool fails = (side->keys != NULL && ef_program_can_fail(side->keys)) ||
                     (side->residual != NULL && ef_program_can_fail(side->residual));
        bool scans = side->triggers && side->key_count == 0 && side->residual != NULL; /* so many pairs are better tested row by row */
        if (!is_queue || side->passes || side->probe != NULL || fails || scans) {
            return false;
        }
    }
    return true;
}

/* ---- windows ---- */

/* All rows, as they are. */
static void move_all(side_run *run) {
    run->moves = (join_moves){
        .count = run->rows.rows, .kinds = run->rows.kinds, .slots = run->rows.slots, .causes = run->rows.causes, .source = NULL};
}

static ef_status run_window(ahead *a, uint32_t s, const ef_batch *rows, ef_error *error) {
    static const ef_batch NOTHING = {.columns = 0, .form = EF_WHOLE};
    join_side *side = &a->j->side[s];
    ef_batch *emitted = &a->side[s].rows;
    *emitted = rows != NULL ? *rows : NOTHING;
    if (side->window == NULL) {
        if (rows != NULL && a->j->wants_expired) {
            EF_TRY(join_pass_through(rows, a->track, emitted, a->arena, error));
        }
        move_all(&a->side[s]);
        return EF_OK;
    }
    const ef_track *track = a->track;
    bool is_due = track->max_firings > 0 && side->window_class->next_due(side->window) <= track->clock[track->steps - 1];
    if (rows == NULL && !is_due) {
        return EF_OK;
    }
    ef_out out;
    ef_out_init(&out, a->arena, emitted);
    ef_batch given = *emitted;
    ef_status status = side->window_class->process(side->window, 0, &given, track, &out, error);
    if (status == EF_OK && side->is_bare && out.rows > 0) {
        emitted->kinds = NULL; /* of rows that come in nobody asks for more than their values */
        a->side[s].moves = (join_moves){.count = out.rows,
                                        .kinds = out.kinds != EF_CURRENT ? out.kind : NULL,
                                        .slots = out.any_slot ? out.slot : NULL,
                                        .causes = out.cause,
                                        .source = out.source};
        return EF_OK;
    }
    *emitted = status == EF_OK ? out.result : NOTHING;
    move_all(&a->side[s]);
    return status;
}

/* ---- keys ---- */

static ef_status hash_own(ahead *a, uint32_t s, ef_error *error) {
    side_run *run = &a->side[s];
    const ef_mirror *mirror = &a->j->side[s].mirror;
    if (mirror->alloc == NULL || mirror->key_count == 0) {
        return EF_OK;
    }
    const uint32_t rows = run->rows.rows;
    run->own = ef_arena_take(a->arena, mirror->key_count * sizeof *run->own);
    if (run->own == NULL) {
        return ef_fail_memory(error);
    }
    bool is_probe = run->probe_hash != NULL; /* the usual condition, a.key = b.key: one hash for both uses */
    for (uint32_t k = 0; k < mirror->key_count; k++) {
        run->own[k] = run->rows.column[mirror->key_columns[k]];
        is_probe = is_probe && run->own[k].values == run->probe[k].values && run->own[k].type == run->probe[k].type;
    }
    if (is_probe && mirror->seed == a->j->side[1 - s].mirror.seed) {
        run->own_hash = run->probe_hash;
        run->has_own = run->has_probe;
        return EF_OK;
    }
    run->own_hash = ef_arena_take(a->arena, rows * sizeof *run->own_hash);
    run->has_own = ef_arena_take(a->arena, rows);
    if (run->own_hash == NULL || run->has_own == NULL) {
        return ef_fail_memory(error);
    }
    ef_mirror_hash(mirror, run->rows.slots, run->own, rows, run->own_hash, run->has_own);
    return EF_OK;
}

static ef_status hash_probes(ahead *a, uint32_t s, ef_error *error) {
    side_run *run = &a->side[s];
    const join_side *side = &a->j->side[s];
    const ef_mirror *other = &a->j->side[1 - s].mirror;
    if (!side->triggers || side->key_count == 0 || other->alloc == NULL) {
        return EF_OK;
    }
    EF_TRY(join_keys(a->j, s, &run->rows, a->track, &run->probe, a->out, error));
    run->probe_hash = ef_arena_take(a->arena, run->rows.rows * sizeof *run->probe_hash);
    run->has_probe = ef_arena_take(a->arena, run->rows.rows);
    if (run->probe_hash == NULL || run->has_probe == NULL) {
        return ef_fail_memory(error);
    }
    ef_mirror_hash(other, run->rows.slots, run->probe, run->rows.rows, run->probe_hash, run->has_probe);
    return EF_OK;
}

/* ---- in order ---- */

static ef_status grow_pairs(pairs *p, ef_arena *arena, ef_error *error) {
    if (p->capacity > UINT32_MAX / 4) {
        return ef_fail(error, EF_LIMIT, "a join put out more than %u rows at once", UINT32_MAX / 4);
    }
    uint32_t capacity = p->capacity > 0 ? p->capacity * 2 : 16;
    uint32_t *rows = ef_arena_take(arena, capacity * sizeof *rows);
    ef_handle *held = ef_arena_take(arena, capacity * sizeof *held);
    if (rows == NULL || held == NULL) {
        return ef_fail_memory(error);
    }
    if (p->count > 0) {
        memcpy(rows, p->row, p->count * sizeof *rows);
        memcpy(held, p->held, p->count * sizeof *held);
    }
    p->row = rows;
    p->held = held;
    p->capacity = capacity;
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status add_pair(pairs *p, uint32_t row, ef_handle held, ef_arena *arena, ef_error *error) {
    if (EF_UNLIKELY(p->count == p->capacity)) {
        EF_TRY(grow_pairs(p, arena, error));
    }
    p->row[p->count] = row;
    p->held[p->count++] = held;
    return EF_OK;
}

/* Lays all CURRENT rows into the pages of their side's mirror. */
static ef_status keep_rows(ahead *a, uint32_t s, ef_error *error) {
    side_run *run = &a->side[s];
    ef_mirror *mirror = &a->j->side[s].mirror;
    const ef_batch *rows = &run->rows;
    if (mirror->alloc == NULL) {
        return EF_OK;
    }
    ef_handle *handles = ef_arena_take(a->arena, run->moves.count * sizeof *handles);
    uint32_t *chosen = ef_arena_take(a->arena, run->moves.count * sizeof *chosen);
    if (handles == NULL || chosen == NULL) {
        return ef_fail_memory(error);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < run->moves.count; i++) {
        chosen[count] = join_move_row(&run->moves, i);
        count += join_move_kind(&run->moves, i) == EF_CURRENT;
    }
    EF_TRY(ef_rows_keep_some(mirror->pages, &mirror->layout, rows, chosen, count, handles, error));
    run->kept = handles;
    return EF_OK;
}

static ef_status follow(ahead *a, uint32_t s, uint32_t row, uint8_t kind, uint32_t slot, ef_error *error) {
    side_run *run = &a->side[s];
    ef_mirror *mirror = &a->j->side[s].mirror;
    if (kind != EF_CURRENT) {
        return kind != EF_EXPIRED || ef_mirror_pop(mirror, slot) ? EF_OK : ef_fail_memory(error);
    }
    const ef_handle kept = run->kept[run->entered++];
    const bool is_found = run->own_hash != NULL && run->has_own[row];
    ef_status status = ef_mirror_enter(mirror, slot, kept, is_found ? run->own : NULL, row, is_found ? run->own_hash[row] : 0, error);
    if (EF_UNLIKELY(status != EF_OK)) {
        ef_row_drop(mirror->pages, &mirror->layout, kept);
    }
    return status;
}

static ef_status look(ahead *a, uint32_t s, uint32_t row, uint32_t slot, ef_error *error) {
    side_run *run = &a->side[s];
    const ef_mirror *other = &a->j->side[1 - s].mirror;
    const uint32_t before = run->found.count;
    if (other->alloc == NULL) {
        /* nothing is held there */
    } else if (a->j->side[s].key_count == 0) {
        for (ef_handle h = ef_mirror_first(other, slot); h != EF_NO_HANDLE; h = ef_mirror_after(other, h)) {
            EF_TRY(add_pair(&run->found, row, h, a->arena, error));
        }
    } else if (run->has_probe[row]) {
        for (ef_handle h = ef_mirror_find_key(other, slot, run->probe, row, run->probe_hash[row]); h != EF_NO_HANDLE;
             h = ef_mirror_next(other, h)) {
            EF_TRY(add_pair(&run->found, row, h, a->arena, error));
        }
    }
    const uint32_t count = run->found.count - before;
    if (count > 0 || a->j->side[s].preserved) {
        a->attempts[a->attempt_count++] = (attempt){.row = row, .count = count, .side = (uint8_t)s};
    }
    return EF_OK;
}

/* Asks for what a move to come will read of the indexes, and behind them. */
EF_ALWAYS_INLINE void fetch(const ahead *a, uint32_t s, uint32_t move, ef_mirror_step step) {
    const side_run *run = &a->side[s];
    if (move >= run->moves.count || join_move_kind(&run->moves, move) != EF_CURRENT) {
        return;
    }
    const uint32_t row = join_move_row(&run->moves, move);
    if (run->probe_hash != NULL) {
        ef_mirror_fetch(&a->j->side[1 - s].mirror, run->probe_hash[row], step);
    }
    if (run->own_hash != NULL) {
        ef_mirror_fetch(&a->j->side[s].mirror, run->own_hash[row], step);
    }
}

/* One move; it is taken whatever happens. */
EF_ALWAYS_INLINE ef_status take_move(ahead *a, uint32_t s, ef_error *error) {
    const join_side *side = &a->j->side[s];
    side_run *run = &a->side[s];
    const uint32_t move = run->next++;
    const uint8_t kind = join_move_kind(&run->moves, move);
    const uint32_t slot = join_move_slot(&run->moves, move);
    const uint32_t row = join_move_row(&run->moves, move);
    if (a->fetches) {
        fetch(a, s, move + PLACE_AHEAD, EF_MIRROR_PLACE);
        fetch(a, s, move + PAGE_AHEAD, EF_MIRROR_PAGE);
        fetch(a, s, move + ROW_AHEAD, EF_MIRROR_ROW);
    }
    if (side->mirror.alloc != NULL) {
        EF_TRY(follow(a, s, row, kind, slot, error));
    }
    if (!side->triggers || (kind != EF_CURRENT && !a->j->wants_expired)) {
        return EF_OK;
    }
    if (kind == EF_RESET) {
        a->attempts[a->attempt_count++] = (attempt){.row = row, .side = (uint8_t)s, .is_reset = true};
        return EF_OK;
    }
    return look(a, s, row, slot, error);
}

/* What is compared between the sides: all firings of one pass are alike. */
EF_ALWAYS_INLINE int64_t moment_of(const ahead *a, uint32_t s) {
    const side_run *run = &a->side[s];
    if (run->next == run->moves.count) {
        return INT64_MAX;
    }
    const int64_t cause = run->moves.causes != NULL ? run->moves.causes[run->next] : EF_CAUSE(0, EF_RANK_LAST, 0);
    return EF_CAUSE_RANK(cause) == a->j->rank ? EF_CAUSE(EF_CAUSE_STEP(cause), a->j->rank, 0) : cause;
}

static ef_status take_moves(ahead *a, ef_error *error) {
    int64_t moment[2] = {moment_of(a, 0), moment_of(a, 1)};
    while (moment[0] != INT64_MAX || moment[1] != INT64_MAX) {
        uint32_t s = moment[0] < moment[1] ? 0 : 1;
        if (EF_UNLIKELY(moment[0] == moment[1])) {
            bool is_firing = EF_CAUSE_RANK(moment[0]) == a->j->rank;
            s = is_firing || a->side[0].order < a->side[1].order ? 0 : 1;
        }
        EF_TRY(take_move(a, s, error));
        moment[s] = moment_of(a, s);
    }
    return EF_OK;
}

/* After a failure: the mirrors still hold what the windows hold, as far as there is memory for it. */
static void catch_up(ahead *a) {
    for (uint32_t s = 0; s < 2; s++) {
        side_run *run = &a->side[s];
        ef_mirror *mirror = &a->j->side[s].mirror;
        ef_error ignored;
        for (; mirror->alloc != NULL && run->next < run->moves.count; run->next++) {
            const uint8_t kind = join_move_kind(&run->moves, run->next);
            const uint32_t slot = join_move_slot(&run->moves, run->next), row = join_move_row(&run->moves, run->next);
            ef_status status = run->kept == NULL && kind == EF_CURRENT ? ef_mirror_add(mirror, slot, &run->rows, row, &ignored)
                                                                       : follow(a, s, row, kind, slot, &ignored);
            (void)status; /* the first failure is the one that is told */
        }
    }
}

/* ---- the residual ---- */

/* Columns of the probing rows, then of the held ones, of all pairs of a side. */
static ef_status pair_batch(ahead *a, uint32_t s, ef_batch *to, ef_error *error) {
    const join_side *side = &a->j->side[s], *other = &a->j->side[1 - s];
    const side_run *run = &a->side[s];
    const uint32_t count = run->found.count;
    *to = (ef_batch){.rows = count, .columns = side->columns + other->columns, .form = EF_WHOLE};
    to->column = ef_arena_take(a->arena, (to->columns + (size_t)1) * sizeof *to->column);
    to->timestamps = ef_arena_take(a->arena, count * sizeof *to->timestamps);
    to->causes = ef_arena_take(a->arena, count * sizeof *to->causes);
    if (to->column == NULL || to->timestamps == NULL || to->causes == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        to->timestamps[i] = run->rows.timestamps[run->found.row[i]];
        to->causes[i] = ef_row_cause(&run->rows, run->found.row[i]);
    }
    for (uint32_t c = 0; c < side->columns; c++) {
        if (!ef_column_gather(&to->column[c], &run->rows.column[c], run->found.row, count, a->arena)) {
            return ef_fail_memory(error);
        }
    }
    for (uint32_t c = 0; c < other->columns; c++) {
        if (!ef_rows_gather(&to->column[side->columns + c], other->mirror.pages, &other->mirror.layout, c, run->found.held, count,
                            a->arena)) {
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

/* Keeps the pairs for which the residual is true, and counts them anew. */
static ef_status test_pairs(ahead *a, uint32_t s, ef_error *error) {
    const join_side *side = &a->j->side[s];
    side_run *run = &a->side[s];
    if (side->residual == NULL || run->found.count == 0) {
        return EF_OK;
    }
    ef_batch batch;
    EF_TRY(pair_batch(a, s, &batch, error));
    ef_run program = {.arena = a->arena, .track = a->track, .host = &a->j->engine->host, .random = &a->j->engine->random, .out = a->out};
    uint32_t *kept = NULL, count = 0, at = 0, end = 0;
    EF_TRY(ef_program_select(side->residual, &batch, &program, &kept, &count, error));
    for (uint32_t i = 0; i < a->attempt_count; i++) {
        attempt *tried = &a->attempts[i];
        if (tried->side != s) {
            continue;
        }
        end += tried->count;
        tried->count = 0;
        while (at < count && kept[at] < end) {
            tried->count++;
            at++;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        run->found.row[i] = run->found.row[kept[i]];
        run->found.held[i] = run->found.held[kept[i]];
    }
    run->found.count = count;
    return EF_OK;
}

/* ---- joined rows ---- */

/* Where the values of one side come from: rows of its window's output, held rows, nothing. */
typedef struct places {
    uint32_t given_count, held_count, null_count;
    uint32_t *given_at, *given_row;
    uint32_t *held_at;
    const char **held_row;
    uint32_t *null_at;
} places;

static bool take_places(places *to, uint32_t rows, ef_arena *arena) {
    to->given_at = ef_arena_take(arena, (rows + (size_t)1) * sizeof *to->given_at);
    to->given_row = ef_arena_take(arena, (rows + (size_t)1) * sizeof *to->given_row);
    to->held_at = ef_arena_take(arena, (rows + (size_t)1) * sizeof *to->held_at);
    to->held_row = ef_arena_take(arena, (rows + (size_t)1) * sizeof *to->held_row);
    to->null_at = ef_arena_take(arena, (rows + (size_t)1) * sizeof *to->null_at);
    return to->given_at != NULL && to->given_row != NULL && to->held_at != NULL && to->held_row != NULL && to->null_at != NULL;
}

#define FILL(type)                                                                        \
    do {                                                                                  \
        type *restrict target = to->values;                                               \
        const type *restrict source = given->values;                                      \
        for (uint32_t i = 0; i < from->given_count; i++) {                                \
            target[from->given_at[i]] = source[from->given_row[i]];                       \
        }                                                                                 \
        for (uint32_t i = 0; i < from->held_count; i++) {                                 \
            memcpy(&target[from->held_at[i]], from->held_row[i] + offset, sizeof(type));  \
        }                                                                                 \
        for (uint32_t i = 0; i < from->null_count; i++) {                                 \
            memset(&target[from->null_at[i]], 0, sizeof(type));                           \
        }                                                                                 \
    } while (0)

static void fill_values(ef_column *to, const places *from, const ef_column *given, uint32_t offset, const ef_pages *pages) {
    switch (ef_type_width(to->type)) {
    case 1:
        FILL(uint8_t);
        break;
    case 4:
        FILL(uint32_t);
        break;
    case 8:
        FILL(uint64_t);
        break;
    default: {
        ef_str *restrict target = to->values;
        const ef_str *restrict source = given->values;
        for (uint32_t i = 0; i < from->given_count; i++) {
            target[from->given_at[i]] = source[from->given_row[i]];
        }
        for (uint32_t i = 0; i < from->held_count; i++) {
            target[from->held_at[i]] = ef_row_string(pages, from->held_row[i] + offset);
        }
        for (uint32_t i = 0; i < from->null_count; i++) {
            target[from->null_at[i]] = ef_str_empty();
        }
        break;
    }
    }
}

static bool fill_validity(ef_column *to, uint32_t rows, const places *from, const ef_column *given, uint32_t column, ef_arena *arena) {
    unsigned valid = 1;
    for (uint32_t i = 0; i < from->held_count; i++) {
        valid &= ef_bit((const uint8_t *)from->held_row[i] + EF_ROW_VALID, column);
    }
    if (valid == 1 && from->null_count == 0 && (given->validity == NULL || from->given_count == 0)) {
        return true;
    }
    uint8_t *bits = ef_arena_take(arena, ef_bitmap_size(rows));
    if (bits == NULL) {
        return false;
    }
    memset(bits, 0xFF, ef_bitmap_size(rows));
    for (uint32_t i = 0; i < from->given_count; i++) {
        if (ef_is_null(given, from->given_row[i])) {
            ef_bit_clear(bits, from->given_at[i]);
        }
    }
    for (uint32_t i = 0; i < from->held_count; i++) {
        if (ef_row_is_null(from->held_row[i], column)) {
            ef_bit_clear(bits, from->held_at[i]);
        }
    }
    for (uint32_t i = 0; i < from->null_count; i++) {
        ef_bit_clear(bits, from->null_at[i]);
    }
    to->validity = bits;
    return true;
}

static ef_status fill_columns(ahead *a, uint32_t s, const places *from, ef_batch *to, ef_error *error) {
    static const ef_column NONE = {.values = NULL};
    const join_side *side = &a->j->side[s];
    const ef_batch *given = &a->side[s].rows;
    for (uint32_t c = 0; c < side->columns; c++) {
        ef_column *column = &to->column[side->at + c];
        *column = (ef_column){.type = a->j->types[side->at + c]};
        column->values = ef_arena_take(a->arena, to->rows * ef_type_width(column->type));
        if (column->values == NULL) {
            return ef_fail_memory(error);
        }
        const ef_column *source = from->given_count > 0 ? &given->column[c] : &NONE;
        fill_values(column, from, source, from->held_count > 0 ? side->mirror.layout.offset[c] : 0, side->mirror.pages);
        if (!fill_validity(column, to->rows, from, source, c, a->arena)) {
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

static uint32_t joined_rows(const ahead *a) {
    uint32_t rows = a->side[0].found.count + a->side[1].found.count;
    for (uint32_t i = 0; i < a->attempt_count; i++) {
        rows += a->attempts[i].count == 0 && (a->attempts[i].is_reset || a->j->side[a->attempts[i].side].preserved);
    }
    return rows;
}

/* Numbers the firings of both sides in the order in which they were taken. */
typedef struct firings {
    int64_t cause;
    uint32_t side, count;
    bool any;
} firings;

static int64_t renumber(firings *f, const join *j, uint32_t s, int64_t cause) {
    if (EF_LIKELY(EF_CAUSE_RANK(cause) != j->rank)) {
        return cause;
    }
    if (!f->any || f->side != s || f->cause != cause) {
        *f = (firings){.cause = cause, .side = s, .count = f->count + 1, .any = true};
    }
    return EF_CAUSE(EF_CAUSE_STEP(cause), j->rank, f->count - 1);
}

static bool take_heads(ef_batch *to, uint32_t rows, uint32_t columns, ef_arena *arena) {
    *to = (ef_batch){.rows = rows, .columns = columns, .form = EF_ENDS, .batch_chunk = true};
    to->column = ef_arena_take(arena, (columns + (size_t)1) * sizeof *to->column);
    to->timestamps = ef_arena_take(arena, rows * sizeof *to->timestamps);
    to->causes = ef_arena_take(arena, rows * sizeof *to->causes);
    to->kinds = ef_arena_take(arena, rows);
    to->slots = ef_arena_take(arena, rows * sizeof *to->slots);
    to->ends = ef_arena_take(arena, rows * sizeof *to->ends);
    return to->column != NULL && to->timestamps != NULL && to->causes != NULL && to->kinds != NULL && to->slots != NULL &&
           to->ends != NULL;
}

/* Heads of all joined rows, and where the values of both sides come from. */
static void lay_out(ahead *a, ef_batch *to, places *of) {
    uint32_t at = 0, pair[2] = {0, 0};
    unsigned any_kind = 0;
    uint32_t any_slot = 0;
    firings fired = {.any = false};
    for (uint32_t i = 0; i < a->attempt_count; i++) {
        const attempt *tried = &a->attempts[i];
        const uint32_t s = tried->side;
        const ef_batch *rows = &a->side[s].rows;
        bool is_alone = tried->count == 0;
        if (is_alone && !tried->is_reset && !a->j->side[s].preserved) {
            continue;
        }
        const ef_mirror *mirror = &a->j->side[1 - s].mirror;
        places *own = &of[s], *other = &of[1 - s];
        const int64_t cause = renumber(&fired, a->j, s, ef_row_cause(rows, tried->row));
        const uint8_t kind = ef_row_kind(rows, tried->row);
        const uint32_t slot = ef_row_slot(rows, tried->row);
        any_kind |= kind;
        any_slot |= slot;
        const uint32_t end = at + (is_alone ? 1 : tried->count);
        for (; at < end; at++) {
            to->timestamps[at] = rows->timestamps[tried->row];
            to->causes[at] = cause;
            to->kinds[at] = kind;
            to->slots[at] = slot;
            if (tried->is_reset) {
                own->null_at[own->null_count++] = at;
            } else {
                own->given_at[own->given_count] = at;
                own->given_row[own->given_count++] = tried->row;
            }
            if (is_alone) {
                other->null_at[other->null_count++] = at;
            } else {
                other->held_at[other->held_count] = at;
                other->held_row[other->held_count++] = ef_pages_at(mirror->pages, a->side[s].found.held[pair[s]++]);
            }
        }
        to->ends[to->deliveries++] = at;
    }
    to->kinds = any_kind != EF_CURRENT ? to->kinds : NULL;
    to->slots = any_slot != 0 ? to->slots : NULL;
    if (to->deliveries == to->rows) {
        to->form = EF_EACH_ROW;
    }
}

static ef_status put_out(ahead *a, ef_batch *to, ef_error *error) {
    const uint32_t rows = joined_rows(a);
    if (rows == 0) {
        return EF_OK;
    }
    places of[2] = {{.null_count = 0}, {.null_count = 0}};
    if (!take_heads(to, rows, a->j->columns, a->arena) || !take_places(&of[0], rows, a->arena) || !take_places(&of[1], rows, a->arena)) {
        to->rows = 0;
        return ef_fail_memory(error);
    }
    lay_out(a, to, of);
    EF_TRY(fill_columns(a, 0, &of[0], to, error));
    return fill_columns(a, 1, &of[1], to, error);
}

static ef_status prepare(ahead *a, ef_error *error) {
    for (uint32_t s = 0; s < 2; s++) {
        if (a->side[s].rows.rows > 0) {
            EF_TRY(hash_probes(a, s, error));
            EF_TRY(hash_own(a, s, error));
            EF_TRY(keep_rows(a, s, error));
        }
    }
    a->fetches = a->j->side[0].mirror.rows + a->j->side[1].mirror.rows >= FETCHED_ROWS;
    size_t most = (size_t)a->side[0].moves.count + a->side[1].moves.count + 1;
    a->attempts = ef_arena_take(a->arena, most * sizeof *a->attempts);
    return a->attempts != NULL ? EF_OK : ef_fail_memory(error);
}

ef_status join_run_ahead(join *j, const ef_input *inputs, uint32_t count, const ef_track *track, ef_out *out, ef_error *error) {
    ahead a = {.j = j, .arena = out->arena, .track = track, .out = out};
    const ef_batch *rows[2] = {NULL, NULL};
    for (uint32_t i = 0; i < count; i++) {
        rows[inputs[i].port] = inputs[i].batch->rows > 0 ? inputs[i].batch : NULL;
        a.side[inputs[i].port].order = inputs[i].order;
    }
    ef_status status = run_window(&a, 0, rows[0], error);
    if (status == EF_OK) {
        status = run_window(&a, 1, rows[1], error);
    }
    if (status == EF_OK && j->takes_few && (a.side[0].moves.count == 0 || a.side[1].moves.count == 0) &&
        a.side[0].moves.count + a.side[1].moves.count <= JOIN_FEW) {
        const side_run *only = &a.side[a.side[0].moves.count > 0 ? 0 : 1];
        uint32_t s = only == &a.side[0] ? 0 : 1;
        return only->moves.count > 0 ? join_take_few(j, s, &only->rows, &only->moves, track, out, error) : EF_OK;
    }
    if (status == EF_OK) {
        status = prepare(&a, error);
    }
    if (status == EF_OK) {
        status = take_moves(&a, error);
    }
    if (status != EF_OK) {
        catch_up(&a);
        return status;
    }
    EF_TRY(test_pairs(&a, 0, error));
    EF_TRY(test_pairs(&a, 1, error));
    return put_out(&a, &out->result, error);
}
