/* distinctCount and unionSet: values counted by their owner.
 *
 *      state: [ owner ][ head ][ tail ][ count ]             owner: a number of this group's aggregate alone; 0 until the first value
 *      node:  [ owner ][ next ][ previous ][ count ][ null ][ value ]        in order of first arrival
 *
 * One index over (owner, value) serves all groups and aggregates of a selection, so that a group with few values costs few bytes.
 * A value goes when it has left as often as it came. O(1) a row, for a set O(1) an element. */
#include "aggregator/distinct.h"

#include "aggregator/fold_loop.h"
#include "aggregator/folds.h"
#include "aggregator/kept_value.h"

typedef ef_distinct distinct;

typedef struct node {
    uint64_t owner;
    uint32_t next; /* handle + 1; 0: none */
    uint32_t previous;
    uint64_t count;
    uint64_t null;
    ef_chunk_entry value;
} node;

static const node *node_at(const ef_pages *pages, uint32_t link) {
    return (const node *)(const void *)ef_pages_at(pages, link - 1);
}

static node *node_write(ef_pages *pages, uint32_t link) {
    return (node *)(void *)ef_pages_write(pages, link - 1);
}

/* The type of the counted values: of a set, those of its elements. */
static ef_type value_type(const ef_aggregate *aggregate) {
    return aggregate->argument;
}

static uint32_t hash_of(const ef_aggregate *aggregate, uint64_t owner, bool null, ef_chunk_entry value) {
    uint64_t seed = aggregate->seed ^ (owner * UINT64_C(0x9E3779B97F4A7C15));
    return ef_index_hash(null ? ef_hash_u64(seed, UINT64_C(0xD6E8FEB86659FD93))
                              : ef_value_hash(value_type(aggregate), value, seed));
}

/* The node of a value, or 0. */
static uint32_t find(const ef_aggregate *aggregate, uint64_t owner, bool null, ef_chunk_entry value, uint32_t hash) {
    const ef_handle_index *index = &aggregate->counts->index;
    if (index->entries == NULL) {
        return 0;
    }
    for (uint32_t at = hash & index->mask; index->entries[at] != EF_INDEX_EMPTY; at = (at + 1) & index->mask) {
        uint64_t entry = index->entries[at];
        if (ef_index_entry_hash(entry) != hash) {
            continue;
        }
        uint32_t link = ef_index_entry_handle(entry) + 1;
        const node *seen = node_at(aggregate->pages, link);
        if (seen->owner == owner && (seen->null != 0) == null &&
            (null || ef_value_equal(aggregate->pages, value_type(aggregate), seen->value, value))) {
            return link;
        }
    }
    return 0;
}

ef_status ef_distinct_add(const ef_aggregate *aggregate, distinct *state, bool null, ef_chunk_entry value,
                          ef_error *error) {
    ef_pages *pages = aggregate->pages;
    uint64_t owner = state->owner != 0 ? state->owner : aggregate->counts->next_owner;
    uint32_t hash = hash_of(aggregate, owner, null, value);
    uint32_t found = find(aggregate, owner, null, value, hash);
    if (found != 0) {
        node *seen = node_write(pages, found);
        if (seen == NULL) {
            return ef_fail_memory(error);
        }
        seen->count++;
        return EF_OK;
    }
    EF_TRY(ef_handle_index_reserve(&aggregate->counts->index, 1, error));
    if (state->tail != 0 && node_write(pages, state->tail) == NULL) {
        return ef_fail_memory(error);
    }
    ef_chunk_entry kept = value;
    if (!null) {
        EF_TRY(ef_value_keep(pages, value_type(aggregate), value, &kept, error));
    }
    ef_handle handle;
    ef_status status = ef_pages_take(pages, sizeof(node), &handle, error);
    node *fresh = NULL;
    if (status == EF_OK) {
        fresh = node_write(pages, handle + 1);
        if (fresh == NULL) {
            ef_pages_give(pages, handle, sizeof(node));
            status = ef_fail_memory(error);
        }
    }
    if (status != EF_OK) {
        if (!null) {
            ef_value_drop(pages, value_type(aggregate), kept);
        }
        return status;
    }
    *fresh = (node){.owner = owner, .previous = state->tail, .count = 1, .null = null, .value = kept};
    if (state->tail != 0) {
        node_write(pages, state->tail)->next = handle + 1;
    } else {
        state->head = handle + 1;
    }
    state->tail = handle + 1;
    state->count++;
    if (state->owner == 0) {
        state->owner = owner;
        aggregate->counts->next_owner++;
    }
    ef_handle_index_add(&aggregate->counts->index, hash, handle);
    return EF_OK;
}

static void node_drop(const ef_aggregate *aggregate, uint32_t link) {
    const node *seen = node_at(aggregate->pages, link);
    if (seen->null == 0) {
        ef_value_drop(aggregate->pages, value_type(aggregate), seen->value);
    }
    ef_pages_give(aggregate->pages, link - 1, sizeof(node));
}

ef_status ef_distinct_remove(const ef_aggregate *aggregate, distinct *state, bool null, ef_chunk_entry value,
                             ef_error *error) {
    ef_pages *pages = aggregate->pages;
    if (state->owner == 0) {
        return EF_OK;
    }
    uint32_t hash = hash_of(aggregate, state->owner, null, value);
    uint32_t found = find(aggregate, state->owner, null, value, hash);
    if (found == 0) {
        return EF_OK;
    }
    const node *seen = node_at(pages, found);
    if (seen->count > 1) {
        node *at = node_write(pages, found);
        if (at == NULL) {
            return ef_fail_memory(error);
        }
        at->count--;
        return EF_OK;
    }
    uint32_t next = seen->next, previous = seen->previous;
    if ((next != 0 && node_write(pages, next) == NULL) || (previous != 0 && node_write(pages, previous) == NULL)) {
        return ef_fail_memory(error);
    }
    if (next != 0) {
        node_write(pages, next)->previous = previous;
    } else {
        state->tail = previous;
    }
    if (previous != 0) {
        node_write(pages, previous)->next = next;
    } else {
        state->head = next;
    }
    state->count--;
    ef_handle_index_remove(&aggregate->counts->index, hash, found - 1);
    node_drop(aggregate, found);
    return EF_OK;
}

static ef_chunk_entry node_value(const ef_aggregate *aggregate, const node *seen) {
    if (seen->null != 0 || !ef_is_text(value_type(aggregate))) {
        return seen->value;
    }
    ef_str text = ef_text_view(aggregate->pages, seen->value);
    ef_chunk_entry value;
    memcpy(&value, &text, sizeof value);
    return value;
}

void ef_distinct_drop(const ef_aggregate *aggregate, distinct *state) {
    uint32_t link = state->head;
    while (link != 0) {
        const node *seen = node_at(aggregate->pages, link);
        uint32_t next = seen->next;
        uint32_t hash = hash_of(aggregate, seen->owner, seen->null != 0, node_value(aggregate, seen));
        ef_handle_index_remove(&aggregate->counts->index, hash, link - 1);
        node_drop(aggregate, link);
        link = next;
    }
    *state = (distinct){0};
}

void ef_distinct_clear_state(const ef_aggregate *aggregate, char *state) {
    ef_distinct_drop(aggregate, (distinct *)(void *)state);
}

/* Owners are numbered anew: saved numbers could be the same twice. */
ef_status ef_distinct_check(const ef_aggregate *aggregate, char *bytes, ef_claims *claims, ef_error *error) {
    distinct *state = (distinct *)(void *)bytes;
    ef_pages *pages = aggregate->pages;
    uint32_t previous = 0;
    int64_t count = 0;
    state->owner = aggregate->counts->next_owner++;
    for (uint32_t link = state->head; link != 0;) {
        EF_TRY(ef_claim(claims, link - 1, sizeof(node), error));
        node *seen = node_write(pages, link);
        if (seen == NULL) {
            return ef_fail_memory(error);
        }
        if (seen->previous != previous || seen->count == 0 || seen->null > 1) {
            return ef_fail(error, EF_CORRUPT, "a set of the saved state is broken");
        }
        seen->owner = state->owner;
        if (seen->null == 0) {
            EF_TRY(ef_value_check(claims, value_type(aggregate), seen->value, error));
        }
        ef_chunk_entry value = node_value(aggregate, seen);
        uint32_t hash = hash_of(aggregate, seen->owner, seen->null != 0, value);
        if (find(aggregate, seen->owner, seen->null != 0, value, hash) != 0) {
            return ef_fail(error, EF_CORRUPT, "a set of the saved state holds a value twice");
        }
        EF_TRY(ef_handle_index_reserve(&aggregate->counts->index, 1, error));
        ef_handle_index_add(&aggregate->counts->index, hash, link - 1);
        count++;
        previous = link;
        link = seen->next;
    }
    if (state->tail != previous || state->count != count) {
        return ef_fail(error, EF_CORRUPT, "a set of the saved state is broken");
    }
    return EF_OK;
}

/* Null is a value like others in distinctCount, and is passed over in the counting of SQL. */
#define DISTINCT_FOLD(name, takes_nulls)                                                                            \
    EF_ALWAYS_INLINE ef_status name##_add(const ef_aggregate *aggregate, ef_fold *fold, distinct *state,            \
                                          const char *values, uint32_t i) {                                         \
        bool null = fold->validity != NULL && !ef_bit(fold->validity, i);                                           \
        return ef_distinct_add(aggregate, state, null, ef_value_entry(aggregate->argument, values, i), fold->error);       \
    }                                                                                                               \
    EF_ALWAYS_INLINE ef_status name##_remove(const ef_aggregate *aggregate, ef_fold *fold, distinct *state,         \
                                             const char *values, uint32_t i) {                                      \
        bool null = fold->validity != NULL && !ef_bit(fold->validity, i);                                           \
        return ef_distinct_remove(aggregate, state, null, ef_value_entry(aggregate->argument, values, i), fold->error);     \
    }                                                                                                               \
    EF_ALWAYS_INLINE void name##_clear(const ef_aggregate *aggregate, distinct *state) {                            \
        ef_distinct_drop(aggregate, state);                                                                                 \
    }                                                                                                               \
    EF_ALWAYS_INLINE bool name##_read(const ef_aggregate *aggregate, ef_fold *fold, const distinct *state,          \
                                      int64_t *out) {                                                               \
        (void)aggregate, (void)fold;                                                                                \
        *out = state->count;                                                                                        \
        return true;                                                                                                \
    }                                                                                                               \
    EF_FOLD_LOOP(name, distinct, char, int64_t, takes_nulls)

DISTINCT_FOLD(ef_distinct_count, true)
DISTINCT_FOLD(ef_distinct_count_nonnull, false)

/* ---- sets: the selection has checked that the argument is one ---- */

typedef ef_status (*element_change)(const ef_aggregate *aggregate, distinct *state, bool null, ef_chunk_entry value,
                                    ef_error *error);

static ef_status each_element(const ef_aggregate *aggregate, ef_fold *fold, distinct *state, const ef_str *set,
                              element_change change) {
    const char *at = ef_str_data(set);
    const char *end = at + set->length;
    ef_object_token token;
    if (!ef_object_next(&at, end, &token)) {
        return EF_OK;
    }
    for (uint32_t i = 0; i < token.length; i++) {
        const char *begin = at;
        if (!ef_object_skip(&at, end)) {
            return EF_OK;
        }
        ef_str element = ef_str_view(begin, (uint32_t)(at - begin));
        ef_chunk_entry value;
        memcpy(&value, &element, sizeof value);
        EF_TRY(change(aggregate, state, false, value, fold->error));
    }
    return EF_OK;
}

static ef_status ef_union_set_add(const ef_aggregate *aggregate, ef_fold *fold, distinct *state, const ef_str *values,
                                  uint32_t i) {
    return each_element(aggregate, fold, state, &values[i], ef_distinct_add);
}

static ef_status ef_union_set_remove(const ef_aggregate *aggregate, ef_fold *fold, distinct *state,
                                     const ef_str *values, uint32_t i) {
    return each_element(aggregate, fold, state, &values[i], ef_distinct_remove);
}

EF_ALWAYS_INLINE void ef_union_set_clear(const ef_aggregate *aggregate, distinct *state) {
    ef_distinct_drop(aggregate, state);
}

static bool ef_union_set_read(const ef_aggregate *aggregate, ef_fold *fold, const distinct *state, ef_str *out) {
    ef_object_writer elements, writer;
    ef_object_writer_init(&elements, fold->arena);
    ef_object_put_list(&elements, (uint32_t)state->count);
    for (uint32_t link = state->head; link != 0; link = node_at(aggregate->pages, link)->next) {
        ef_str element = ef_text_view(aggregate->pages, node_at(aggregate->pages, link)->value);
        ef_object_put_raw(&elements, ef_str_data(&element), element.length);
    }
    ef_object_writer_init(&writer, fold->arena);
    ef_object_put_set(&writer, elements.length);
    ef_object_put_raw(&writer, elements.bytes, elements.length);
    if (elements.failed || !ef_object_writer_take(&writer, out)) {
        *out = ef_str_empty();
        fold->out_of_memory = true;
        return false;
    }
    return true;
}

EF_FOLD_LOOP(ef_union_set, distinct, ef_str, ef_str, false)
