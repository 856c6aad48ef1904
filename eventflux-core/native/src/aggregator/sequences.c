/* first, last, collectList: the values now in the window, in order of arrival.
 *
 *      state: [ list ][ count ]          list: chunk_list.h, an entry a kept value (kept_value.h)
 *
 * Nulls are passed over. What is never asked for again is not kept: `first` keeps one value if nothing ever leaves, `last` keeps one if
 * rows leave in order (it is gone when the count is 0). Leaving in order is O(1); leaving in any order searches from the front. */
#include "aggregator/fold_loop.h"
#include "aggregator/folds.h"
#include "aggregator/kept_value.h"

typedef struct sequence {
    ef_chunk_list list;
    int64_t count;
} sequence;

static void drop_all(const ef_aggregate *aggregate, sequence *state) {
    ef_handle handle = state->list.head == 0 ? EF_NO_HANDLE : state->list.head - 1;
    if (ef_is_text(aggregate->argument)) {
        while (handle != EF_NO_HANDLE) {
            const ef_chunk *chunk = ef_chunk_at(aggregate->pages, handle);
            for (uint32_t i = chunk->begin; i < chunk->end; i++) {
                ef_text_drop(aggregate->pages, chunk->entry[i]);
            }
            handle = chunk->next;
        }
    }
    ef_chunk_list_clear(aggregate->pages, &state->list);
}

static ef_status push(const ef_aggregate *aggregate, ef_fold *fold, sequence *state, ef_chunk_entry value) {
    ef_chunk_entry kept;
    EF_TRY(ef_value_keep(aggregate->pages, aggregate->argument, value, &kept, fold->error));
    ef_chunk_list before = state->list;
    bool replaces = aggregate->keeps == EF_KEEPS_LAST && !ef_chunk_list_is_empty(&before);
    ef_chunk_entry old = replaces ? *ef_chunk_list_back(aggregate->pages, &before) : kept;
    ef_status status =
        replaces ? ef_chunk_list_cut_push(aggregate->pages, &state->list, EF_NO_HANDLE, 0, kept, fold->error)
                 : ef_chunk_list_push(aggregate->pages, &state->list, kept, fold->error);
    if (status != EF_OK) {
        ef_value_drop(aggregate->pages, aggregate->argument, kept);
    } else if (replaces) {
        ef_value_drop(aggregate->pages, aggregate->argument, old);
    }
    return status;
}

static ef_status sequence_add(const ef_aggregate *aggregate, ef_fold *fold, sequence *state, ef_chunk_entry value) {
    if (aggregate->keeps != EF_KEEPS_FIRST || ef_chunk_list_is_empty(&state->list)) {
        EF_TRY(push(aggregate, fold, state, value));
    }
    state->count++;
    return EF_OK;
}

static ef_status remove_first_equal(const ef_aggregate *aggregate, ef_fold *fold, sequence *state,
                                    ef_chunk_entry value) {
    ef_pages *pages = aggregate->pages;
    ef_handle handle = state->list.head - 1;
    while (handle != EF_NO_HANDLE) {
        const ef_chunk *chunk = ef_chunk_at(pages, handle);
        for (uint32_t i = chunk->begin; i < chunk->end; i++) {
            ef_chunk_entry kept = chunk->entry[i];
            if (ef_value_same(pages, aggregate->argument, kept, value)) {
                EF_TRY(ef_chunk_list_remove(pages, &state->list, handle, i, fold->error));
                ef_value_drop(pages, aggregate->argument, kept);
                state->count--;
                return EF_OK;
            }
        }
        handle = chunk->next;
    }
    return EF_OK;
}

static ef_status sequence_remove(const ef_aggregate *aggregate, ef_fold *fold, sequence *state, ef_chunk_entry value) {
    if (state->count == 0) {
        return EF_OK;
    }
    if (aggregate->keeps == EF_KEEPS_ALL) {
        return remove_first_equal(aggregate, fold, state, value);
    }
    state->count--;
    if (state->count == 0) {
        drop_all(aggregate, state);
    }
    return EF_OK;
}

void ef_sequence_clear_state(const ef_aggregate *aggregate, char *state) {
    drop_all(aggregate, (sequence *)(void *)state);
}

ef_status ef_sequence_check(const ef_aggregate *aggregate, char *bytes, ef_claims *claims, ef_error *error) {
    const sequence *state = (const sequence *)(const void *)bytes;
    uint64_t entries;
    EF_TRY(ef_chunk_list_check(&state->list, claims, &entries, error));
    bool kept_right = aggregate->keeps == EF_KEEPS_ALL ? (uint64_t)state->count == entries
                                                       : state->count >= 0 && entries == (state->count > 0);
    if (!kept_right) {
        return ef_fail(error, EF_CORRUPT, "a group of the saved state does not hold as many values as it says");
    }
    ef_handle handle = state->list.head == 0 ? EF_NO_HANDLE : state->list.head - 1;
    while (handle != EF_NO_HANDLE) {
        const ef_chunk *chunk = ef_chunk_at(claims->pages, handle);
        for (uint32_t i = chunk->begin; i < chunk->end; i++) {
            EF_TRY(ef_value_check(claims, aggregate->argument, chunk->entry[i], error));
        }
        handle = chunk->next;
    }
    return EF_OK;
}

/* The result has the width of the argument, so the loops are made once for each width. */
#define SEQUENCE_FOLD(name, out_type, end)                                                                         \
    EF_ALWAYS_INLINE ef_status name##_add(const ef_aggregate *aggregate, ef_fold *fold, sequence *state,           \
                                          const out_type *values, uint32_t i) {                                    \
        return sequence_add(aggregate, fold, state, ef_value_entry(aggregate->argument, values, i));               \
    }                                                                                                              \
    EF_ALWAYS_INLINE ef_status name##_remove(const ef_aggregate *aggregate, ef_fold *fold, sequence *state,        \
                                             const out_type *values, uint32_t i) {                                 \
        return sequence_remove(aggregate, fold, state, ef_value_entry(aggregate->argument, values, i));            \
    }                                                                                                              \
    EF_ALWAYS_INLINE void name##_clear(const ef_aggregate *aggregate, sequence *state) {                           \
        drop_all(aggregate, state);                                                                                \
    }                                                                                                              \
    EF_ALWAYS_INLINE bool name##_read(const ef_aggregate *aggregate, ef_fold *fold, const sequence *state,         \
                                      out_type *out) {                                                             \
        (void)fold;                                                                                                \
        memset(out, 0, sizeof *out);                                                                               \
        if (ef_chunk_list_is_empty(&state->list)) {                                                                \
            return false;                                                                                          \
        }                                                                                                          \
        ef_value_read(aggregate->pages, aggregate->argument, *end(aggregate->pages, &state->list), out, 0);        \
        return true;                                                                                               \
    }                                                                                                              \
    EF_FOLD_LOOP(name, sequence, out_type, out_type, false)

SEQUENCE_FOLD(ef_first_1, uint8_t, ef_chunk_list_front)
SEQUENCE_FOLD(ef_first_4, uint32_t, ef_chunk_list_front)
SEQUENCE_FOLD(ef_first_8, uint64_t, ef_chunk_list_front)
SEQUENCE_FOLD(ef_first_16, ef_str, ef_chunk_list_front)
SEQUENCE_FOLD(ef_last_1, uint8_t, ef_chunk_list_back)
SEQUENCE_FOLD(ef_last_4, uint32_t, ef_chunk_list_back)
SEQUENCE_FOLD(ef_last_8, uint64_t, ef_chunk_list_back)
SEQUENCE_FOLD(ef_last_16, ef_str, ef_chunk_list_back)

EF_ALWAYS_INLINE ef_status ef_collect_list_add(const ef_aggregate *aggregate, ef_fold *fold, sequence *state,
                                               const char *values, uint32_t i) {
    return sequence_add(aggregate, fold, state, ef_value_entry(aggregate->argument, values, i));
}

EF_ALWAYS_INLINE ef_status ef_collect_list_remove(const ef_aggregate *aggregate, ef_fold *fold, sequence *state,
                                                  const char *values, uint32_t i) {
    return sequence_remove(aggregate, fold, state, ef_value_entry(aggregate->argument, values, i));
}

EF_ALWAYS_INLINE void ef_collect_list_clear(const ef_aggregate *aggregate, sequence *state) {
    drop_all(aggregate, state);
}

/* A list of nothing is an empty list. */
static bool ef_collect_list_read(const ef_aggregate *aggregate, ef_fold *fold, const sequence *state, ef_str *out) {
    ef_pages *pages = aggregate->pages;
    ef_object_writer writer;
    ef_object_writer_init(&writer, fold->arena);
    ef_object_put_list(&writer, (uint32_t)state->count);
    ef_handle handle = state->list.head == 0 ? EF_NO_HANDLE : state->list.head - 1;
    while (handle != EF_NO_HANDLE) {
        const ef_chunk *chunk = ef_chunk_at(pages, handle);
        for (uint32_t i = chunk->begin; i < chunk->end; i++) {
            ef_chunk_entry value;
            ef_value_read(pages, aggregate->argument, chunk->entry[i], &value, 0);
            ef_object_put_value(&writer, aggregate->argument, &value);
        }
        handle = chunk->next;
    }
    if (!ef_object_writer_take(&writer, out)) {
        *out = ef_str_empty();
        fold->out_of_memory = true;
        return false;
    }
    return true;
}

EF_FOLD_LOOP(ef_collect_list, sequence, char, ef_str, false)
