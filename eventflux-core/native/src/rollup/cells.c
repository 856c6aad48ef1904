/* What an item keeps in a bucket: a value, a sum and a count, or the values that were seen. */
#include "base/hash.h"
#include "rollup/rollup.h"

ef_type rollup_item_type(const rollup_item *item) {
    switch (item->kind) {
    case EF_ROLLUP_COUNT:
    case EF_ROLLUP_DISTINCT:
        return EF_LONG;
    case EF_ROLLUP_SUM:
    case EF_ROLLUP_AVG:
        return item->argument == EF_INT || item->argument == EF_LONG ? EF_LONG : EF_DOUBLE;
    case EF_ROLLUP_LAST:
    case EF_ROLLUP_MIN:
    case EF_ROLLUP_MAX:
        break;
    }
    return item->argument;
}

bool rollup_value_same(ef_type type, const ef_value *a, const ef_value *b) {
    return ef_type_is_bytes(type) ? ef_str_equal(&a->s, &b->s) : ef_value_order(type, a, 0) == ef_value_order(type, b, 0);
}

ef_status rollup_value_copy(rollup *r, ef_type type, const ef_value *from, ef_value *to, ef_error *error) {
    if (!ef_type_is_bytes(type) || from->s.length <= EF_INLINE_STRING) {
        *to = *from;
        return EF_OK;
    }
    char *bytes = ef_malloc(r->alloc, from->s.length);
    if (bytes == NULL) {
        return ef_fail_memory(error);
    }
    memcpy(bytes, from->s.as.outside.data, from->s.length);
    to->s = ef_str_view(bytes, from->s.length);
    return EF_OK;
}

void rollup_value_free(rollup *r, ef_type type, ef_value *value) {
    if (ef_type_is_bytes(type) && value->s.length > EF_INLINE_STRING) {
        ef_free(r->alloc, (void *)(uintptr_t)value->s.as.outside.data, value->s.length);
    }
    *value = (ef_value){0};
}

ef_status rollup_seen_add(rollup *r, ef_type type, rollup_seen *seen, const ef_value *value, ef_error *error) {
    EF_TRY(ef_handle_index_reserve(&seen->index, 1, error));
    uint32_t hash = ef_index_hash(ef_hash_u64(ef_value_order(type, value, r->seed), r->seed));
    for (uint32_t at = hash & seen->index.mask; seen->index.entries[at] != EF_INDEX_EMPTY;
         at = (at + 1) & seen->index.mask) {
        uint64_t entry = seen->index.entries[at];
        if (ef_index_entry_hash(entry) == hash &&
            rollup_value_same(type, &seen->values[ef_index_entry_handle(entry)], value)) {
            return EF_OK;
        }
    }
    EF_TRY(ef_grow(r->alloc, (void **)&seen->values, &seen->capacity, seen->count + 1, sizeof *seen->values, error));
    EF_TRY(rollup_value_copy(r, type, value, &seen->values[seen->count], error));
    ef_handle_index_add(&seen->index, hash, seen->count++);
    return EF_OK;
}

static double real_of(ef_type type, const ef_value *value) {
    return type == EF_FLOAT ? (double)value->f : value->d;
}

static bool is_before(ef_type type, const ef_value *a, const ef_value *b) {
    switch (type) {
    case EF_INT:
        return a->i < b->i;
    case EF_LONG:
        return a->l < b->l;
    case EF_FLOAT:
        return a->f < b->f;
    default:
        return a->d < b->d;
    }
}

static ef_status add_seen(rollup *r, const rollup_item *item, rollup_cell *cell, const ef_value *value, bool is_there,
                          ef_error *error) {
    if (cell->as.seen == NULL) {
        cell->as.seen = ef_calloc(r->alloc, sizeof *cell->as.seen);
        if (cell->as.seen == NULL) {
            return ef_fail_memory(error);
        }
        ef_handle_index_init(&cell->as.seen->index, r->alloc);
    }
    if (!is_there) {
        cell->as.seen->has_null = true;
        return EF_OK;
    }
    return rollup_seen_add(r, item->argument, cell->as.seen, value, error);
}

ef_status rollup_cell_add(rollup *r, const rollup_item *item, rollup_cell *cell, const ef_value *value, bool is_there,
                          bool is_latest, ef_error *error) {
    ef_value copy;
    switch (item->kind) {
    case EF_ROLLUP_COUNT:
        cell->count++;
        return EF_OK;
    case EF_ROLLUP_DISTINCT:
        return add_seen(r, item, cell, value, is_there, error);
    case EF_ROLLUP_LAST:
        if (!is_latest) {
            return EF_OK;
        }
        copy = (ef_value){0};
        if (is_there) {
            EF_TRY(rollup_value_copy(r, item->argument, value, &copy, error));
        }
        rollup_value_free(r, item->argument, &cell->as.value);
        cell->as.value = copy;
        cell->count = is_there;
        return EF_OK;
    case EF_ROLLUP_SUM:
    case EF_ROLLUP_AVG:
        if (!is_there) {
            return EF_OK;
        }
        if (item->argument == EF_INT) {
            cell->as.l = (int64_t)((uint64_t)cell->as.l + (uint64_t)(int64_t)value->i);
        } else if (item->argument == EF_LONG) {
            cell->as.l = (int64_t)((uint64_t)cell->as.l + (uint64_t)value->l);
        } else {
            cell->as.d += real_of(item->argument, value);
        }
        cell->count++;
        return EF_OK;
    case EF_ROLLUP_MIN:
    case EF_ROLLUP_MAX:
        if (is_there && (cell->count == 0 || (item->kind == EF_ROLLUP_MIN
                                                  ? is_before(item->argument, value, &cell->as.value)
                                                  : is_before(item->argument, &cell->as.value, value)))) {
            cell->as.value = *value;
            cell->count = 1;
        }
        return EF_OK;
    }
    return EF_OK;
}

void rollup_cell_clear(rollup *r, const rollup_item *item, rollup_cell *cell) {
    if (item->kind == EF_ROLLUP_LAST) {
        rollup_value_free(r, item->argument, &cell->as.value);
    } else if (item->kind == EF_ROLLUP_DISTINCT && cell->as.seen != NULL) {
        rollup_seen *seen = cell->as.seen;
        for (uint32_t i = 0; i < seen->count; i++) {
            rollup_value_free(r, item->argument, &seen->values[i]);
        }
        ef_free(r->alloc, seen->values, seen->capacity * sizeof *seen->values);
        ef_handle_index_clear(&seen->index);
        ef_free(r->alloc, seen, sizeof *seen);
        cell->as.seen = NULL;
    }
}

bool rollup_cell_read(const rollup_item *item, const rollup_cell *cell, ef_value *value) {
    *value = (ef_value){0};
    switch (item->kind) {
    case EF_ROLLUP_COUNT:
        value->l = (int64_t)cell->count;
        return true;
    case EF_ROLLUP_DISTINCT:
        value->l = cell->as.seen == NULL ? 0 : (int64_t)cell->as.seen->count + cell->as.seen->has_null;
        return true;
    case EF_ROLLUP_SUM:
    case EF_ROLLUP_AVG:
        break;
    case EF_ROLLUP_LAST:
    case EF_ROLLUP_MIN:
    case EF_ROLLUP_MAX:
        *value = cell->as.value;
        return cell->count > 0;
    }
    if (cell->count == 0) {
        return false;
    }
    bool is_average = item->kind == EF_ROLLUP_AVG;
    if (item->type == EF_LONG) {
        value->l = is_average ? cell->as.l / (int64_t)cell->count : cell->as.l;
    } else {
        value->d = is_average ? cell->as.d / (double)cell->count : cell->as.d;
    }
    return true;
}
