/* A few rows of one side, by the shortest way; see ahead.h.
 *
 * No lists of attempts, no places: rows enter and leave the mirror, each CURRENT one notes its partners, and joined rows are filled value by value. What a single
 * event costs is mostly what is prepared for it, so everything that is put out lies in one piece of the arena. */
#include "join/ahead.h"

#define FIRST_PARTNERS 16u

/* Partners found: row of the side, row held on the other; EF_NO_HANDLE: none, but it comes out. */
typedef struct partners {
    uint32_t count, capacity;
    uint32_t *row;
    ef_handle *held;
    uint32_t first_row[FIRST_PARTNERS];
    ef_handle first_held[FIRST_PARTNERS];
} partners;

bool join_may_take_few(const join *j) {
    return !j->wants_expired && j->side[0].residual == NULL && j->side[1].residual == NULL;
}

static ef_status grow(partners *p, ef_arena *arena, ef_error *error) {
    if (p->capacity > UINT32_MAX / 4) {
        return ef_fail(error, EF_LIMIT, "a join put out more than %u rows at once", UINT32_MAX / 4);
    }
    uint32_t capacity = p->capacity * 2;
    uint32_t *row = ef_arena_take(arena, capacity * sizeof *row);
    ef_handle *held = ef_arena_take(arena, capacity * sizeof *held);
    if (row == NULL || held == NULL) {
        return ef_fail_memory(error);
    }
    memcpy(row, p->row, p->count * sizeof *row);
    memcpy(held, p->held, p->count * sizeof *held);
    p->row = row;
    p->held = held;
    p->capacity = capacity;
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status note(partners *p, uint32_t row, ef_handle held, ef_arena *arena, ef_error *error) {
    if (EF_UNLIKELY(p->count == p->capacity)) {
        EF_TRY(grow(p, arena, error));
    }
    p->row[p->count] = row;
    p->held[p->count++] = held;
    return EF_OK;
}

static ef_status look(const join *j, uint32_t s, const ef_batch *rows, uint32_t row, const ef_column *keys, partners *p, ef_arena *arena,
                      ef_error *error) {
    const ef_mirror *other = &j->side[1 - s].mirror;
    const uint32_t slot = ef_row_slot(rows, row), before = p->count;
    const bool by_key = j->side[s].key_count > 0;
    ef_handle held = other->alloc == NULL ? EF_NO_HANDLE
                     : by_key             ? ef_mirror_find(other, slot, keys, row)
                                          : ef_mirror_first(other, slot);
    while (held != EF_NO_HANDLE) {
        EF_TRY(note(p, row, held, arena, error));
        held = by_key ? ef_mirror_next(other, held) : ef_mirror_after(other, held);
    }
    return p->count == before && j->side[s].preserved ? note(p, row, EF_NO_HANDLE, arena, error) : EF_OK;
}

static ef_status follow(join_side *side, const ef_batch *rows, const join_moves *moves, uint32_t i, ef_error *error) {
    const uint32_t slot = join_move_slot(moves, i);
    if (side->mirror.alloc == NULL) {
        return EF_OK;
    }
    switch (join_move_kind(moves, i)) {
    case EF_CURRENT:
        return ef_mirror_add(&side->mirror, slot, rows, join_move_row(moves, i), error);
    case EF_EXPIRED:
        return ef_mirror_pop(&side->mirror, slot) ? EF_OK : ef_fail_memory(error);
    default:
        return EF_OK;
    }
}

/* ---- joined rows ---- */

static char *cut(char **rest, size_t size) {
    char *piece = *rest;
    *rest += (size + 7u) & ~(size_t)7u;
    return piece;
}

EF_ALWAYS_INLINE void put(char *target, const void *value, size_t width) {
    switch (width) {
    case 1:
        *target = *(const char *)value;
        break;
    case 4:
        memcpy(target, value, 4);
        break;
    case 8:
        memcpy(target, value, 8);
        break;
    default:
        memcpy(target, value, 16);
        break;
    }
}

/* Value i is that of row p->row[i]; nulls are cleared in `bits`, which are all set. True: there are some. */
static bool fill_given(ef_column *to, const ef_column *from, const partners *p, uint8_t *bits) {
    const size_t width = ef_type_width(to->type);
    bool any_null = false;
    for (uint32_t i = 0; i < p->count; i++) {
        put((char *)to->values + i * width, (const char *)from->values + p->row[i] * width, width);
        if (ef_is_null(from, p->row[i])) {
            ef_bit_clear(bits, i);
            any_null = true;
        }
    }
    return any_null;
}

/* The same of the held rows. */
static bool fill_held(ef_column *to, const ef_mirror *mirror, uint32_t column, const partners *p, uint8_t *bits) {
    const size_t width = ef_type_width(to->type);
    bool any_null = false;
    for (uint32_t i = 0; i < p->count; i++) {
        char *target = (char *)to->values + i * width;
        const char *row = p->held[i] != EF_NO_HANDLE ? ef_pages_at(mirror->pages, p->held[i]) : NULL;
        if (row == NULL || ef_row_is_null(row, column)) {
            memset(target, 0, width); /* also what stands for an empty string */
            ef_bit_clear(bits, i);
            any_null = true;
        } else if (width == sizeof(ef_str)) {
            ef_str value = ef_row_string(mirror->pages, row + mirror->layout.offset[column]);
            memcpy(target, &value, sizeof value);
        } else {
            put(target, row + mirror->layout.offset[column], width);
        }
    }
    return any_null;
}

static ef_status put_out(join *j, uint32_t s, const ef_batch *rows, const partners *p, ef_batch *to, ef_arena *arena, ef_error *error) {
    const uint32_t count = p->count;
    const size_t bits_size = ef_bitmap_size(count);
    const size_t each = sizeof(ef_column) + ((bits_size + 7u) & ~(size_t)7u) + (size_t)count * sizeof(ef_str);
    char *rest = ef_arena_take(arena, j->columns * each + (size_t)count * (2 * sizeof(int64_t) + 2 * sizeof(uint32_t)) + 32);
    if (rest == NULL) {
        return ef_fail_memory(error);
    }
    to->rows = count;
    to->columns = j->columns;
    to->column = (void *)cut(&rest, j->columns * sizeof *to->column);
    to->timestamps = (void *)cut(&rest, count * sizeof *to->timestamps);
    to->causes = (void *)cut(&rest, count * sizeof *to->causes);
    to->slots = rows->slots != NULL ? (void *)cut(&rest, count * sizeof *to->slots) : NULL;
    to->ends = (void *)cut(&rest, count * sizeof *to->ends);
    to->batch_chunk = true;
    for (uint32_t i = 0; i < count; i++) {
        to->timestamps[i] = rows->timestamps[p->row[i]];
        to->causes[i] = ef_row_cause(rows, p->row[i]);
        if (to->slots != NULL) {
            to->slots[i] = rows->slots[p->row[i]];
        }
        to->ends[to->deliveries] = i + 1;
        to->deliveries += i + 1 == count || p->row[i + 1] != p->row[i];
    }
    to->form = to->deliveries == 1 ? EF_WHOLE : EF_ENDS;
    for (uint32_t t = 0; t < 2; t++) {
        const join_side *side = &j->side[t];
        for (uint32_t c = 0; c < side->columns; c++) {
            ef_column *column = &to->column[side->at + c];
            column->type = j->types[side->at + c];
            column->values = cut(&rest, count * ef_type_width(column->type));
            uint8_t *bits = (uint8_t *)cut(&rest, bits_size);
            memset(bits, 0xFF, bits_size);
            bool any_null = t == s ? fill_given(column, &rows->column[c], p, bits) : fill_held(column, &side->mirror, c, p, bits);
            column->validity = any_null ? bits : NULL;
        }
    }
    return EF_OK;
}

ef_status join_take_few(join *j, uint32_t s, const ef_batch *rows, const join_moves *moves, const ef_track *track, ef_out *out,
                        ef_error *error) {
    join_side *side = &j->side[s];
    partners p;
    p.count = 0;
    p.capacity = FIRST_PARTNERS;
    p.row = p.first_row;
    p.held = p.first_held;
    ef_column *keys = NULL;
    ef_status status = side->triggers && rows->rows > 0 ? join_keys(j, s, rows, track, &keys, out, error) : EF_OK;
    for (uint32_t i = 0; i < moves->count; i++) {
        ef_error later;
        ef_status followed = follow(side, rows, moves, i, status == EF_OK ? error : &later); /* also after a failure: the window has them */
        status = status == EF_OK ? followed : status;
        if (status == EF_OK && side->triggers && join_move_kind(moves, i) == EF_CURRENT) {
            status = look(j, s, rows, join_move_row(moves, i), keys, &p, out->arena, error);
        }
    }
    return status == EF_OK && p.count > 0 ? put_out(j, s, rows, &p, &out->result, out->arena, error) : status;
}
