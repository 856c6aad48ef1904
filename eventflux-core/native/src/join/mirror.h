/* Mirror: what a window of a join holds, kept as rows that can be found by key.
 *
 *      slot ──> first -> row -> row -> last        all rows of a slot, oldest first (order links)
 *      hash ──> row -> row                         rows of one slot with equal keys, oldest first (chain links)
 *
 * A mirror is fed with what its window puts out: CURRENT rows enter, EXPIRED rows leave from the front (only windows that expire first in, first out
 * have one). Rows with a null key are held, but found by no key. Adding, removing, finding the first of a key: O(1). Behind each row in its block:
 *
 *      [ ef_row layout ... ][ order next ][ hash ][ chain last (in the first row of a chain) ][ slot ] */
#ifndef EF_JOIN_MIRROR_H
#define EF_JOIN_MIRROR_H

#include "base/handle_index.h"
#include "pages/rows.h"

typedef struct ef_mirror_list {
    ef_handle first, last;
    uint32_t count;
    uint32_t searched; /* how many of its rows the last search saw */
} ef_mirror_list;

typedef struct ef_mirror {
    ef_alloc *alloc;
    ef_pages *pages;
    ef_row_layout layout; /* size includes the four words behind the row */
    uint32_t behind;      /* where they begin */
    uint32_t *key_columns;
    uint32_t key_count;
    uint64_t seed;
    ef_handle_index chains; /* first row of each chain */
    ef_mirror_list *lists;  /* [slots] */
    uint32_t slots, slot_capacity;
    uint64_t rows;
} ef_mirror;

ef_status ef_mirror_init(ef_mirror *mirror, ef_alloc *alloc, uint32_t columns, const ef_type *types,
                         const uint32_t *key_columns, uint32_t key_count, uint64_t seed, ef_error *error) EF_MUST_USE;
void ef_mirror_clear(ef_mirror *mirror);

/* Row `row` of `batch` enters `slot`. */
ef_status ef_mirror_add(ef_mirror *mirror, uint32_t slot, const ef_batch *batch, uint32_t row, ef_error *error) EF_MUST_USE;
/* The same of a row that lies in the mirror's pages already, in its layout (ef_rows_keep_some). keys[k] at `at`: its key, with the hash; NULL: no key finds it.
 * On failure the row still lies there, and in no list. */
ef_status ef_mirror_enter(ef_mirror *mirror, uint32_t slot, ef_handle row, const ef_column *keys, uint32_t at, uint32_t hash,
                          ef_error *error) EF_MUST_USE;
/* The oldest row of the slot leaves; nothing happens if there is none. False: out of memory (a page held by a snapshot could not be copied). */
bool ef_mirror_pop(ef_mirror *mirror, uint32_t slot) EF_MUST_USE;
bool ef_mirror_empty(ef_mirror *mirror, uint32_t slot) EF_MUST_USE; /* pops all */
/* How a mirror follows its window. */
typedef enum ef_mirror_rule {
    EF_MIRROR_QUEUE,       /* each expired row is the oldest that leaves */
    EF_MIRROR_LAST_BATCH,  /* a delivery that lets rows go or brings new ones is the new content */
    EF_MIRROR_ALL_BATCHES, /* nothing ever leaves */
} ef_mirror_rule;

/* lengthBatch and timeBatch keep, for a search, every batch since the start where nobody reads their expired rows, as in Siddhi. */
ef_mirror_rule ef_mirror_rule_of(const ef_operator_class *window, bool wants_expired);
/* Follows what a window has put out. */
ef_status ef_mirror_follow(ef_mirror *mirror, const ef_batch *rows, ef_mirror_rule rule, ef_error *error) EF_MUST_USE;
/* Someone looks at the rows of the slot. */
void ef_mirror_note_search(ef_mirror *mirror, uint32_t slot);
/* Of the windows named by ef_mirror_keeps_times(), before ef_mirror_follow(): rows that a search saw leave with the timestamps with which they came
 * (Siddhi goes on from where the last search stood as it sets the times of a batch that leaves). */
bool ef_mirror_keeps_times(const ef_operator_class *window);
ef_status ef_mirror_keep_times(const ef_mirror *mirror, ef_batch *rows, ef_arena *arena, ef_error *error) EF_MUST_USE;
void ef_mirror_purge(ef_mirror *mirror, uint32_t slot);             /* or EF_ALL_SLOTS */

/* Whether two values of one type are equal; a null equals nothing. */
bool ef_keys_equal(const ef_column *a, uint32_t row_a, const ef_column *b, uint32_t row_b);

/* Oldest row of the slot, and the one after a row, EF_NO_HANDLE at the end. */
ef_handle ef_mirror_first(const ef_mirror *mirror, uint32_t slot);
ef_handle ef_mirror_after(const ef_mirror *mirror, ef_handle row);
/* Oldest row of the slot whose key columns equal keys[k] at `row` (types as the key columns'), and the one after it with the same key. */
ef_handle ef_mirror_find(const ef_mirror *mirror, uint32_t slot, const ef_column *keys, uint32_t row);
static inline ef_handle ef_mirror_next(const ef_mirror *mirror, ef_handle row) {
    return ef_row_next(ef_pages_at(mirror->pages, row));
}

/* Hashes of the keys of many rows at once, in their slots (NULL: 0); has[i] = 0: a part of the key is null. */
void ef_mirror_hash(const ef_mirror *mirror, const uint32_t *slots, const ef_column *keys, uint32_t rows, uint32_t *hashes, uint8_t *has);
/* As ef_mirror_find(), where the hash is known and no part of the key is null. */
ef_handle ef_mirror_find_key(const ef_mirror *mirror, uint32_t slot, const ef_column *keys, uint32_t row, uint32_t hash);
/* Asks the memory for what a search by this hash will read, a step at a time, each when the one before is there: its place in the index, the page that leads to, the
 * row. */
typedef enum ef_mirror_step { EF_MIRROR_PLACE, EF_MIRROR_PAGE, EF_MIRROR_ROW } ef_mirror_step;

EF_ALWAYS_INLINE void ef_mirror_fetch(const ef_mirror *mirror, uint32_t hash, ef_mirror_step step) {
    const ef_handle_index *index = &mirror->chains;
    if (index->entries == NULL) {
        return;
    }
    uint32_t at = hash & index->mask;
    if (step == EF_MIRROR_PLACE) {
        __builtin_prefetch(&index->entries[at]);
        return;
    }
    for (; index->entries[at] != EF_INDEX_EMPTY; at = (at + 1) & index->mask) {
        if (ef_index_entry_hash(index->entries[at]) != hash) {
            continue;
        }
        ef_handle handle = ef_index_entry_handle(index->entries[at]);
        if (step == EF_MIRROR_PAGE) {
            __builtin_prefetch(&mirror->pages->table[handle >> EF_PAGE_SHIFT]);
            return;
        }
        const char *row = ef_pages_at(mirror->pages, handle);
        __builtin_prefetch(row);
        __builtin_prefetch(row + mirror->behind);
        return;
    }
}

void ef_mirror_save(const ef_mirror *mirror, ef_writer *writer);
ef_status ef_mirror_load(ef_mirror *mirror, ef_reader *reader, ef_error *error) EF_MUST_USE;

#endif
