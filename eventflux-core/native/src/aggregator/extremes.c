/* min, max and their forever forms: the least key (a maximum is the least complemented key).
 *
 *      forever, or nothing ever leaves:    [ key ][ count ]
 *      rows leave in order:                [ key ][ count ][ list ]             a queue of keys that rise
 *      rows leave in any order:            [ key ][ count ][ root ]             a multiset (value_tree.h); key is its least
 *
 * The queue: `key` is its front; an entry (key, n) stands for a row with that key and the n - 1 rows right before it, whose keys were
 * not smaller. A new key swallows the entries at the back that are not smaller; a leaving row takes one off the front. Amortised O(1) a
 * row, expected length O(log rows). count: the front's n; of the others, how many rows are in. */
#include "aggregator/chunk_list.h"
#include "aggregator/fold_loop.h"
#include "aggregator/folds.h"
#include "aggregator/value_tree.h"

typedef struct least {
    int64_t key;
    int64_t count;
} least;

EF_ALWAYS_INLINE void least_add(least *state, int64_t key) {
    bool takes = state->count == 0 || key < state->key;
    state->key = takes ? key : state->key;
    state->count++;
}

EF_ALWAYS_INLINE bool least_read(const least *state, int64_t *out) {
    *out = state->key;
    return state->count != 0;
}

/* `removed`: what an EXPIRED row does. Forever it is one more value seen; where none is promised it is nothing. */
#define LEAST_FOLD(name, removed)                                                                              \
    EF_ALWAYS_INLINE ef_status name##_add(const ef_aggregate *aggregate, ef_fold *fold, least *state,          \
                                          const int64_t *values, uint32_t i) {                                 \
        (void)aggregate, (void)fold;                                                                           \
        least_add(state, values[i]);                                                                           \
        return EF_OK;                                                                                          \
    }                                                                                                          \
    EF_ALWAYS_INLINE ef_status name##_remove(const ef_aggregate *aggregate, ef_fold *fold, least *state,       \
                                             const int64_t *values, uint32_t i) {                              \
        (void)aggregate, (void)fold, (void)state, (void)values, (void)i;                                       \
        removed;                                                                                               \
        return EF_OK;                                                                                          \
    }                                                                                                          \
    EF_ALWAYS_INLINE void name##_clear(const ef_aggregate *aggregate, least *state) {                          \
        (void)aggregate, (void)state;                                                                          \
    }                                                                                                          \
    EF_ALWAYS_INLINE bool name##_read(const ef_aggregate *aggregate, ef_fold *fold, const least *state,        \
                                      int64_t *out) {                                                          \
        (void)aggregate, (void)fold;                                                                           \
        return least_read(state, out);                                                                         \
    }                                                                                                          \
    EF_FOLD_LOOP(name, least, int64_t, int64_t, false)

LEAST_FOLD(ef_least_forever, least_add(state, values[i]))
LEAST_FOLD(ef_least_added, (void)0)

/* ---- rows leave in order ---- */

typedef struct least_fifo {
    int64_t key;
    int64_t count;
    ef_chunk_list list;
} least_fifo;

/* Adds a key behind a list that is not empty. */
static ef_status fifo_push(const ef_aggregate *aggregate, ef_fold *fold, least_fifo *state, int64_t key) {
    ef_pages *pages = aggregate->pages;
    uint64_t swallowed = 0;
    ef_handle handle = state->list.tail - 1;
    uint32_t end = 0;
    while (handle != EF_NO_HANDLE) {
        const ef_chunk *chunk = ef_chunk_at(pages, handle);
        end = chunk->end;
        while (end > chunk->begin && (int64_t)chunk->entry[end - 1].word[0] >= key) {
            end--;
            swallowed += chunk->entry[end].word[1];
        }
        if (end > chunk->begin) {
            break;
        }
        handle = chunk->previous;
    }
    if (handle == EF_NO_HANDLE && state->key >= key) {
        ef_chunk_list_clear(pages, &state->list);
        state->key = key;
        state->count += (int64_t)swallowed + 1;
        return EF_OK;
    }
    ef_chunk_entry entry = {{(uint64_t)key, swallowed + 1}};
    return ef_chunk_list_cut_push(pages, &state->list, handle, end, entry, fold->error);
}

EF_ALWAYS_INLINE ef_status ef_least_fifo_add(const ef_aggregate *aggregate, ef_fold *fold, least_fifo *state,
                                             const int64_t *values, uint32_t i) {
    int64_t key = values[i];
    if (state->list.head == 0) {
        if (state->count == 0 || state->key >= key) {
            state->key = key;
            state->count++;
            return EF_OK;
        }
        ef_chunk_entry entry = {{(uint64_t)key, 1}};
        return ef_chunk_list_push(aggregate->pages, &state->list, entry, fold->error);
    }
    return fifo_push(aggregate, fold, state, key);
}

EF_ALWAYS_INLINE ef_status ef_least_fifo_remove(const ef_aggregate *aggregate, ef_fold *fold, least_fifo *state,
                                                const int64_t *values, uint32_t i) {
    (void)values, (void)i;
    if (state->count > 1) {
        state->count--;
    } else if (state->list.head != 0) {
        ef_chunk_entry front = *ef_chunk_list_front(aggregate->pages, &state->list);
        EF_TRY(ef_chunk_list_pop(aggregate->pages, &state->list, fold->error));
        state->key = (int64_t)front.word[0];
        state->count = (int64_t)front.word[1];
    } else {
        state->count = 0;
    }
    return EF_OK;
}

EF_ALWAYS_INLINE void ef_least_fifo_clear(const ef_aggregate *aggregate, least_fifo *state) {
    if (state->list.head != 0) {
        ef_chunk_list_clear(aggregate->pages, &state->list);
    }
}

EF_ALWAYS_INLINE bool ef_least_fifo_read(const ef_aggregate *aggregate, ef_fold *fold, const least_fifo *state,
                                         int64_t *out) {
    (void)aggregate, (void)fold;
    *out = state->key;
    return state->count != 0;
}

EF_FOLD_LOOP(ef_least_fifo, least_fifo, int64_t, int64_t, false)

void ef_least_fifo_clear_state(const ef_aggregate *aggregate, char *state) {
    ef_least_fifo_clear(aggregate, (least_fifo *)(void *)state);
}

ef_status ef_least_fifo_check(const ef_aggregate *aggregate, char *bytes, ef_claims *claims, ef_error *error) {
    const least_fifo *state = (const least_fifo *)(const void *)bytes;
    (void)aggregate;
    uint64_t entries;
    EF_TRY(ef_chunk_list_check(&state->list, claims, &entries, error));
    if (state->count < 0 || (state->count == 0 && entries > 0)) {
        return ef_fail(error, EF_CORRUPT, "a queue of the saved state has no front");
    }
    return EF_OK;
}

/* ---- rows leave in any order ---- */

typedef struct least_any {
    int64_t key;
    int64_t count;
    uint32_t root;
    uint32_t unused;
} least_any;

EF_ALWAYS_INLINE ef_status ef_least_any_add(const ef_aggregate *aggregate, ef_fold *fold, least_any *state,
                                            const int64_t *values, uint32_t i) {
    int64_t key = values[i];
    EF_TRY(ef_value_tree_add(aggregate->pages, &state->root, key, aggregate->seed, fold->error));
    bool takes = state->count == 0 || key < state->key;
    state->key = takes ? key : state->key;
    state->count++;
    return EF_OK;
}

EF_ALWAYS_INLINE ef_status ef_least_any_remove(const ef_aggregate *aggregate, ef_fold *fold, least_any *state,
                                               const int64_t *values, uint32_t i) {
    int64_t key = values[i];
    bool found;
    EF_TRY(ef_value_tree_remove(aggregate->pages, &state->root, key, aggregate->seed, &found, fold->error));
    state->count -= found;
    if (found && key == state->key && state->count > 0) {
        state->key = ef_value_tree_least(aggregate->pages, state->root);
    }
    return EF_OK;
}

EF_ALWAYS_INLINE void ef_least_any_clear(const ef_aggregate *aggregate, least_any *state) {
    ef_value_tree_clear(aggregate->pages, &state->root);
}

EF_ALWAYS_INLINE bool ef_least_any_read(const ef_aggregate *aggregate, ef_fold *fold, const least_any *state,
                                        int64_t *out) {
    (void)aggregate, (void)fold;
    *out = state->key;
    return state->count != 0;
}

EF_FOLD_LOOP(ef_least_any, least_any, int64_t, int64_t, false)

void ef_least_any_clear_state(const ef_aggregate *aggregate, char *state) {
    ef_least_any_clear(aggregate, (least_any *)(void *)state);
}

ef_status ef_least_any_check(const ef_aggregate *aggregate, char *bytes, ef_claims *claims, ef_error *error) {
    least_any *state = (least_any *)(void *)bytes;
    uint64_t total;
    EF_TRY(ef_value_tree_check(aggregate->pages, &state->root, aggregate->seed, claims, &total, error));
    if ((uint64_t)state->count != total ||
        (total > 0 && state->key != ef_value_tree_least(aggregate->pages, state->root))) {
        return ef_fail(error, EF_CORRUPT, "a group of the saved state does not hold the values that it says");
    }
    return EF_OK;
}
