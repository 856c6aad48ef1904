/* Rows that only look others up: neither side has a window, and what is searched is a content beside the graph.
 *
 *      probe rows ──content──> pairs ──┬─ columns of the probing rows, gathered (views where each row has one partner)
 *                                      └─ columns of the content, as they were found
 *
 * Nothing happens between two such rows that they could see (what writes the content in the same push makes it step), so all of them are searched together, and
 * joined rows are made column by column. Each probing row's pairs are a delivery. O(rows + pairs). */
#include "join/join_inside.h"

bool join_looks_up(const join *j, const ef_input *inputs, uint32_t count) {
    if (count != 1 || inputs[0].batch->kinds != NULL) {
        return false;
    }
    const join_side *side = &j->side[inputs[0].port], *other = &j->side[1 - inputs[0].port];
    return side->window == NULL && other->window == NULL && other->probe != NULL && other->is_steady && side->triggers &&
           (side->passes || !j->wants_expired);
}

/* Which row of each side a joined row has. */
typedef struct pairing {
    uint32_t rows;
    uint32_t *probe;
    uint32_t *partner; /* row of what was found, UINT32_MAX: none; NULL: row i has pair i */
    uint32_t *ends;    /* NULL: each row is a delivery */
    uint32_t deliveries;
    bool is_whole; /* row i is probing row i */
} pairing;

/* Where every row that finds nothing is dropped, pairs are rows. */
static bool pair_found(pairing *p, const ef_found *found, uint32_t probes, ef_arena *arena) {
    *p = (pairing){.rows = found->count, .probe = found->probe};
    bool is_single = true;
    for (uint32_t i = 1; i < found->count; i++) {
        is_single = is_single && found->probe[i] != found->probe[i - 1];
    }
    p->is_whole = is_single && found->count == probes;
    if (is_single) {
        return true;
    }
    p->ends = ef_arena_take(arena, found->count * sizeof *p->ends);
    if (p->ends == NULL) {
        return false;
    }
    for (uint32_t i = 1; i <= found->count; i++) {
        p->ends[p->deliveries] = i;
        p->deliveries += i == found->count || found->probe[i] != found->probe[i - 1];
    }
    return true;
}

/* Where rows that find nothing come out alone. */
static bool pair_all(pairing *p, const ef_found *found, uint32_t probes, ef_arena *arena) {
    size_t most = (size_t)found->count + probes;
    *p = (pairing){.probe = ef_arena_take(arena, most * sizeof *p->probe),
                   .partner = ef_arena_take(arena, most * sizeof *p->partner),
                   .ends = ef_arena_take(arena, probes * sizeof *p->ends),
                   .deliveries = probes};
    if (p->probe == NULL || p->partner == NULL || p->ends == NULL) {
        return false;
    }
    for (uint32_t row = 0, at = 0; row < probes; row++) {
        uint32_t first = at;
        for (; at < found->count && found->probe[at] == row; at++) {
            p->probe[p->rows] = row;
            p->partner[p->rows++] = at;
        }
        if (first == at) {
            p->probe[p->rows] = row;
            p->partner[p->rows++] = UINT32_MAX;
        }
        p->ends[row] = p->rows;
    }
    p->is_whole = p->rows == probes;
    if (p->is_whole) {
        p->ends = NULL;
    }
    return true;
}

/* A column of what was found (NULL: nothing was), with nulls where there is no partner. */
static bool spread(ef_column *to, const ef_column *from, ef_type type, const pairing *p, ef_arena *arena) {
    size_t width = ef_type_width(type);
    *to = (ef_column){.type = type,
                      .values = ef_arena_take(arena, p->rows * width),
                      .validity = ef_arena_take(arena, ef_bitmap_size(p->rows))};
    if (to->values == NULL || to->validity == NULL) {
        return false;
    }
    memset(to->validity, 0, ef_bitmap_size(p->rows));
    for (uint32_t i = 0; i < p->rows; i++) {
        char *value = (char *)to->values + i * width;
        if (p->partner[i] == UINT32_MAX || ef_is_null(from, p->partner[i])) {
            memset(value, 0, width);
        } else {
            memcpy(value, (const char *)from->values + p->partner[i] * width, width);
            ef_bit_set(to->validity, i);
        }
    }
    return true;
}

/* Timestamps, causes and slots of the probing rows. */
static bool gather_frame(ef_batch *to, const ef_batch *probes, const pairing *p, ef_arena *arena) {
    if (p->is_whole) {
        to->timestamps = probes->timestamps;
        to->causes = probes->causes;
        to->slots = probes->slots;
        return true;
    }
    to->timestamps = ef_arena_take(arena, p->rows * sizeof *to->timestamps);
    to->causes = probes->causes == NULL ? NULL : ef_arena_take(arena, p->rows * sizeof *to->causes);
    to->slots = probes->slots == NULL ? NULL : ef_arena_take(arena, p->rows * sizeof *to->slots);
    if (to->timestamps == NULL || (probes->causes != NULL && to->causes == NULL) ||
        (probes->slots != NULL && to->slots == NULL)) {
        return false;
    }
    for (uint32_t i = 0; i < p->rows; i++) {
        to->timestamps[i] = probes->timestamps[p->probe[i]];
    }
    for (uint32_t i = 0; to->causes != NULL && i < p->rows; i++) {
        to->causes[i] = probes->causes[p->probe[i]];
    }
    for (uint32_t i = 0; to->slots != NULL && i < p->rows; i++) {
        to->slots[i] = probes->slots[p->probe[i]];
    }
    return true;
}

static bool make_rows(const join *j, uint32_t s, const ef_batch *probes, const ef_found *found, const pairing *p, ef_batch *to,
                      ef_arena *arena) {
    const join_side *side = &j->side[s], *other = &j->side[1 - s];
    *to = (ef_batch){.rows = p->rows,
                     .columns = j->columns,
                     .column = ef_arena_take(arena, j->columns * sizeof *to->column),
                     .ends = p->ends,
                     .deliveries = p->ends != NULL ? p->deliveries : 0,
                     .form = (uint8_t)(p->ends != NULL ? EF_ENDS : EF_EACH_ROW),
                     .batch_chunk = true};
    bool good = to->column != NULL && gather_frame(to, probes, p, arena);
    for (uint32_t c = 0; good && c < side->columns; c++) {
        ef_column *made = &to->column[side->at + c];
        if (p->is_whole) {
            *made = probes->column[c];
        } else {
            good = ef_column_gather(made, &probes->column[c], p->probe, p->rows, arena);
        }
    }
    for (uint32_t c = 0; good && c < other->columns; c++) {
        ef_column *made = &to->column[other->at + c];
        if (p->partner == NULL) {
            *made = found->column[c];
        } else {
            good = spread(made, found->count > 0 ? &found->column[c] : NULL, j->types[other->at + c], p, arena);
        }
    }
    return good;
}

ef_status join_look_up(join *j, uint32_t s, const ef_batch *probes, const ef_track *track, ef_out *out, ef_error *error) {
    ef_arena *arena = out->arena;
    ef_run run = {.arena = arena, .track = track, .host = &j->engine->host, .random = &j->engine->random, .out = out};
    ef_found found = {0};
    ef_probe *probe = j->side[1 - s].probe;
    EF_TRY(probe->find(probe, probes, &run, &found, error));
    if (found.count == 0 && !j->side[s].preserved) {
        return EF_OK;
    }
    pairing p;
    bool good = j->side[s].preserved ? pair_all(&p, &found, probes->rows, arena)
                                     : pair_found(&p, &found, probes->rows, arena);
    if (!good) {
        return ef_fail_memory(error);
    }
    if (!make_rows(j, s, probes, &found, &p, &out->result, arena)) {
        out->result.rows = 0;
        return ef_fail_memory(error);
    }
    return EF_OK;
}
