/* Looking ahead: the keys of a batch hashed at once, and what its next rows will meet in the index brought near before they come.
 *
 *      row i + 12      its bucket
 *      row i + 8       the entry at the bucket's head
 *      row i + 4       the match of that entry
 *      row i + 2       the row that the match captured first
 *
 * With a million waiting matches every one of these is a miss of all caches; asked for in steps they come while earlier rows are at work. Handles read here are
 * hints: what they lead to may have moved on by the time, but stays readable until the slice ends. O(1) a row. */
#include "pattern/machine.h"

#define LEAST_ROWS 16u
#define LEAST_ENTRIES 8192u /* below it all is near anyway */
#define BUCKET_AHEAD 12u
#define ENTRY_AHEAD 8u
#define MATCH_AHEAD 4u
#define ROW_AHEAD 2u

static ef_status make_keys(run *r, const ef_batch *batch, uint32_t j, bool begun, uint32_t **hash, uint8_t **is_there) {
    *hash = ef_arena_take(r->arena, batch->rows * sizeof **hash);
    *is_there = ef_arena_take(r->arena, batch->rows);
    if (*hash == NULL || *is_there == NULL) {
        return ef_fail_memory(r->error);
    }
    key_column(r->p, batch, j, begun, *hash, *is_there);
    return EF_OK;
}

ef_status ahead_begin(run *r, uint32_t port) {
    const pattern *p = r->p;
    const ef_batch *batch = r->batch[port];
    ahead *a = &r->ahead[port];
    if (batch->rows < LEAST_ROWS) {
        return EF_OK;
    }
    if (p->port_keyed[port] != EF_NO_STATE) {
        a->state = (uint32_t)p->port_keyed[port];
        EF_TRY(make_keys(r, batch, a->state, false, &a->hash, &a->is_there));
    }
    if (p->is_chain && p->states[0].config.port == port && p->states[1].key_count > 0) {
        EF_TRY(make_keys(r, batch, 1, true, &a->begun, &a->begun_is_there));
    }
    return EF_OK;
}

static ef_handle head_of(const state *s, const ahead *a, uint32_t row) {
    return s->buckets[a->hash[row] & s->bucket_mask].head;
}

void ahead_of_row(const run *r, uint32_t port, uint32_t row) {
    const pattern *p = r->p;
    const ahead *a = &r->ahead[port];
    if (a->hash == NULL || p->states[a->state].indexed < LEAST_ENTRIES) {
        return;
    }
    const state *s = &p->states[a->state];
    uint32_t rows = r->batch[port]->rows;
    if (row + BUCKET_AHEAD < rows) {
        __builtin_prefetch(&s->buckets[a->hash[row + BUCKET_AHEAD] & s->bucket_mask]);
    }
    ef_handle at = row + ENTRY_AHEAD < rows ? head_of(s, a, row + ENTRY_AHEAD) : EF_NO_HANDLE;
    if (at != EF_NO_HANDLE) {
        __builtin_prefetch(entry_at(p, at));
    }
    at = row + MATCH_AHEAD < rows ? head_of(s, a, row + MATCH_AHEAD) : EF_NO_HANDLE;
    if (at != EF_NO_HANDLE) {
        __builtin_prefetch(match_at(p, entry_at(p, at)->match));
    }
    at = row + ROW_AHEAD < rows ? head_of(s, a, row + ROW_AHEAD) : EF_NO_HANDLE;
    if (at != EF_NO_HANDLE) {
        const match *m = match_at(p, entry_at(p, at)->match);
        if (is_event(m->event[0])) {
            __builtin_prefetch(ef_pages_at(p->pages, m->event[0]));
        }
    }
}

bool ahead_key(const run *r, uint32_t j, uint32_t *hash) {
    const pattern *p = r->p;
    const ahead *a = &r->ahead[r->port];
    if (a->hash != NULL && a->state == j) {
        *hash = a->hash[r->row];
        return a->is_there[r->row] != 0;
    }
    uint64_t whole;
    bool is_there = event_key(p, r->batch[r->port], r->row, r->slot, j, &whole);
    *hash = is_there ? (uint32_t)(whole >> 32) : 0;
    return is_there;
}
