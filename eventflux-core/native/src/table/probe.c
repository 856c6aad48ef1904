/* Conditions over a table: which rows fit each probe row.
 *
 *      keys program -> [ key | index = | index <> | scan ] -> conjuncts that are left -> residual program -> pairs
 *
 * The cheapest way is chosen when the condition is compiled: the whole primary key, an index with an equality, the numeric primary key or an index
 * with a range, every row. Pairs come by probe row and within one in the table's order, whichever way was taken. The residual runs over blocks of
 * pairs, so that a condition without index never holds more than one block of rows that do not fit. */
#include "table/table.h"

#define BLOCK_PAIRS 8192u
#define MOST_PLAIN_KEYS 8u

typedef enum way { BY_KEY, BY_EQUALITY, BY_RANGE, BY_SCAN } way;

typedef struct table_probe {
    ef_probe base;
    ef_alloc *alloc;
    ef_table *table;
    ef_program *keys;
    ef_program *residual;
    ef_conjunct *conjuncts; /* those to be tested: what the way does not decide comes first */
    uint32_t conjunct_count;
    uint32_t tested; /* the first of them */
    way way;
    uint32_t *key_outputs; /* BY_KEY: output of `keys` for each column of the primary key */
    uint32_t key_count;    /* of them: the table may be gone when the probe is freed */
    bool is_plain;         /* `keys` only names columns */
    bool by_integer;       /* BY_KEY: one INT or LONG */
    bool is_direct;        /* BY_KEY, is_plain, and nothing is left to test */
    int32_t index;         /* BY_EQUALITY, BY_RANGE; -1: the numeric primary key */
    int32_t equal, low, high; /* conjuncts, -1: none */
    char name[64];
} table_probe;

static bool is_range(ef_comparison comparison) {
    return comparison != EF_EQUAL;
}

/* ---- compiling ---- */

static void destroy(ef_probe *self) {
    table_probe *p = (table_probe *)self;
    ef_alloc *alloc = p->alloc;
    ef_program_free(p->keys);
    ef_program_free(p->residual);
    ef_free(alloc, p->conjuncts, p->conjunct_count * sizeof *p->conjuncts);
    ef_free(alloc, p->key_outputs, p->key_count * sizeof *p->key_outputs);
    ef_free(alloc, p, sizeof *p);
}

static int32_t equality_on(const table_probe *p, uint32_t column) {
    for (uint32_t i = 0; i < p->conjunct_count; i++) {
        if (p->conjuncts[i].comparison == EF_EQUAL && p->conjuncts[i].column == column) {
            return (int32_t)i;
        }
    }
    return -1;
}

static bool choose_key(table_probe *p) {
    for (uint32_t k = 0; k < p->table->key_count; k++) {
        if (equality_on(p, p->table->key[k]) < 0) {
            return false;
        }
    }
    if (p->table->key_count == 0) {
        return false;
    }
    /* The conjuncts of the key go behind the others: looking up is their test. One that says the key equals a second value stays. */
    uint32_t end = p->conjunct_count;
    for (uint32_t k = 0; k < p->table->key_count; k++) {
        for (uint32_t i = 0; i < end; i++) {
            if (p->conjuncts[i].comparison == EF_EQUAL && p->conjuncts[i].column == p->table->key[k]) {
                ef_conjunct chosen = p->conjuncts[i];
                p->conjuncts[i] = p->conjuncts[--end];
                p->conjuncts[end] = chosen;
                p->key_outputs[k] = chosen.key;
                break;
            }
        }
    }
    p->tested = end;
    p->way = BY_KEY;
    return true;
}

/* Numbers are found exactly; strings by their hash, reals may be NaN: these are tested again. */
static bool is_decided(const table_probe *p, uint32_t column) {
    ef_type type = p->table->layout.type[column];
    return type == EF_INT || type == EF_LONG || type == EF_BOOL;
}

static void choose_equality(table_probe *p, uint32_t conjunct, int32_t index) {
    uint32_t last = p->conjunct_count - 1;
    ef_conjunct chosen = p->conjuncts[conjunct];
    p->conjuncts[conjunct] = p->conjuncts[last];
    p->conjuncts[last] = chosen;
    p->equal = (int32_t)last;
    p->index = index;
    p->tested = is_decided(p, chosen.column) ? last : p->conjunct_count;
    p->way = BY_EQUALITY;
}

static bool has_order(const ef_table *table, uint32_t column, int32_t *index) {
    if (!ef_type_is_numeric(table->layout.type[column])) {
        return false;
    }
    *index = ef_table_index_on(table, column);
    return *index >= 0 || (table->is_ordered && table->key[0] == column);
}

static bool choose_range(table_probe *p) {
    for (uint32_t i = 0; i < p->conjunct_count; i++) {
        int32_t index;
        if (!is_range(p->conjuncts[i].comparison) || !has_order(p->table, p->conjuncts[i].column, &index)) {
            continue;
        }
        p->way = BY_RANGE;
        p->index = index;
        for (uint32_t j = i; j < p->conjunct_count; j++) {
            if (p->conjuncts[j].column != p->conjuncts[i].column) {
                continue;
            }
            ef_comparison comparison = p->conjuncts[j].comparison;
            if (p->low < 0 && (comparison == EF_GREATER || comparison == EF_GREATER_EQUAL)) {
                p->low = (int32_t)j;
            }
            if (p->high < 0 && (comparison == EF_LESS || comparison == EF_LESS_EQUAL)) {
                p->high = (int32_t)j;
            }
        }
        return true;
    }
    return false;
}

static ef_status choose(table_probe *p, bool may_index, ef_error *error) {
    p->tested = p->conjunct_count;
    if (choose_key(p)) {
        return EF_OK;
    }
    for (uint32_t i = 0; i < p->conjunct_count; i++) {
        int32_t index = ef_table_index_on(p->table, p->conjuncts[i].column);
        if (p->conjuncts[i].comparison == EF_EQUAL && index >= 0) {
            choose_equality(p, i, index);
            return EF_OK;
        }
    }
    for (uint32_t i = 0; may_index && i < p->conjunct_count; i++) {
        if (p->conjuncts[i].comparison == EF_EQUAL && p->table->layout.type[p->conjuncts[i].column] != EF_BOOL) {
            EF_TRY(ef_table_add_index(p->table, p->conjuncts[i].column, error));
            choose_equality(p, i, ef_table_index_on(p->table, p->conjuncts[i].column));
            return EF_OK;
        }
    }
    if (!choose_range(p)) {
        p->way = BY_SCAN;
    }
    return EF_OK;
}

static ef_status find(ef_probe *self, const ef_batch *probes, ef_run *run, ef_found *found, ef_error *error);
static ef_status contains(ef_probe *self, const ef_batch *probes, ef_run *run, uint8_t *matches, ef_error *error);

static ef_status check(const ef_table *table, const ef_condition *condition, ef_error *error) {
    for (uint32_t i = 0; i < condition->conjunct_count; i++) {
        ef_conjunct conjunct = condition->conjuncts[i];
        if (conjunct.column >= table->layout.columns || condition->keys == NULL ||
            conjunct.key >= ef_program_outputs(condition->keys) ||
            ef_program_output_type(condition->keys, conjunct.key) != table->layout.type[conjunct.column] ||
            (is_range(conjunct.comparison) && !ef_type_is_numeric(table->layout.type[conjunct.column]))) {
            return ef_fail(error, EF_INVALID, "a condition on a table compares column %u with a key of another type",
                           conjunct.column);
        }
    }
    if (condition->residual != NULL && (ef_program_outputs(condition->residual) != 1 ||
                                        ef_program_output_type(condition->residual, 0) != EF_BOOL)) {
        return ef_fail(error, EF_INVALID, "a condition on a table must be one BOOL");
    }
    return EF_OK;
}

ef_status ef_table_compile(ef_table *table, ef_condition *condition, bool may_index, ef_alloc *alloc, ef_probe **probe,
                           ef_error *error) {
    table_probe *p = ef_calloc(alloc, sizeof *p);
    ef_status status = p == NULL ? ef_fail_memory(error) : check(table, condition, error);
    if (p == NULL) {
        ef_program_free(condition->keys);
        ef_program_free(condition->residual);
        return status;
    }
    p->alloc = alloc;
    p->table = table;
    p->keys = condition->keys;
    p->residual = condition->residual;
    p->equal = p->low = p->high = p->index = -1;
    p->base = (ef_probe){.find = find, .contains = contains, .destroy = destroy, .index = p->name};
    if (status == EF_OK) {
        p->conjuncts = ef_malloc(alloc, condition->conjunct_count * sizeof *p->conjuncts);
        p->conjunct_count = p->conjuncts == NULL ? 0 : condition->conjunct_count;
        p->key_outputs = ef_malloc(alloc, table->key_count * sizeof *p->key_outputs);
        p->key_count = table->key_count;
        status = p->conjuncts == NULL || p->key_outputs == NULL ? ef_fail_memory(error) : EF_OK;
    }
    if (status == EF_OK) {
        if (p->conjunct_count > 0) {
            memcpy(p->conjuncts, condition->conjuncts, p->conjunct_count * sizeof *p->conjuncts);
        }
        status = choose(p, may_index, error);
        p->is_plain = p->keys != NULL;
        for (uint32_t o = 0; p->is_plain && o < ef_program_outputs(p->keys); o++) {
            p->is_plain = ef_program_output_column(p->keys, o, NULL);
        }
        ef_type type = table->key_count == 1 ? table->layout.type[table->key[0]] : EF_STRING;
        p->by_integer = p->way == BY_KEY && (type == EF_INT || type == EF_LONG);
        p->is_direct = p->way == BY_KEY && p->is_plain && p->tested == 0 && p->residual == NULL && p->key_count <= MOST_PLAIN_KEYS;
    }
    if (status != EF_OK) {
        destroy(&p->base);
        return status;
    }
    static const char *const WAYS[] = {"primary key", "index", "ordered index", "scan"};
    memcpy(p->name, WAYS[p->way], strlen(WAYS[p->way]) + 1);
    *probe = &p->base;
    return EF_OK;
}

bool ef_probe_is_key(const ef_probe *probe) {
    const table_probe *p = (const table_probe *)probe;
    return probe->find == find && p->way == BY_KEY && p->tested == 0 && p->residual == NULL;
}

/* ---- testing ---- */

static bool compare_integers(ef_comparison comparison, int64_t a, int64_t b) {
    switch (comparison) {
    case EF_EQUAL:
        return a == b;
    case EF_LESS:
        return a < b;
    case EF_LESS_EQUAL:
        return a <= b;
    case EF_GREATER:
        return a > b;
    case EF_GREATER_EQUAL:
        return a >= b;
    }
    return false;
}

static bool compare_reals(ef_comparison comparison, double a, double b) {
    switch (comparison) {
    case EF_EQUAL:
        return a == b;
    case EF_LESS:
        return a < b;
    case EF_LESS_EQUAL:
        return a <= b;
    case EF_GREATER:
        return a > b;
    case EF_GREATER_EQUAL:
        return a >= b;
    }
    return false;
}

static bool holds(const ef_table *table, const char *row, ef_conjunct conjunct, const ef_column *key, uint32_t at) {
    ef_value mine, theirs;
    if (!ef_row_read(table->pages, &table->layout, row, conjunct.column, &mine) || !ef_cell_read(key, at, &theirs)) {
        return false;
    }
    switch (key->type) {
    case EF_BOOL:
        return mine.b == theirs.b;
    case EF_INT:
        return compare_integers(conjunct.comparison, mine.i, theirs.i);
    case EF_LONG:
        return compare_integers(conjunct.comparison, mine.l, theirs.l);
    case EF_FLOAT:
        return compare_reals(conjunct.comparison, (double)mine.f, (double)theirs.f);
    case EF_DOUBLE:
        return compare_reals(conjunct.comparison, mine.d, theirs.d);
    case EF_STRING:
    case EF_OBJECT:
        return ef_str_equal(&mine.s, &theirs.s);
    }
    return false;
}

/* ---- finding ---- */

typedef struct search {
    const table_probe *probe;
    const ef_batch *probes;
    ef_run *run;
    const ef_column *keys; /* outputs of the keys program */
    const ef_column **key; /* BY_KEY: those of the primary key, in its order */
    const ef_handle *all;  /* BY_SCAN */
    uint32_t all_count;
    uint8_t *matches; /* contains(): only whether there is one */

    uint32_t *pair_probe;
    ef_handle *pair_handle;
    uint32_t count, capacity;
    uint32_t settled; /* pairs before it passed the residual */
    ef_handle *candidates; /* of one probe row, before they are sorted */
    uint32_t candidate_count, candidate_capacity;
} search;

static ef_status more_room(search *s, ef_error *error) {
    uint32_t capacity = s->capacity == 0 ? (s->probes->rows < 8 ? 8 : s->probes->rows) : s->capacity * 2;
    uint32_t *probe = ef_arena_take(s->run->arena, capacity * sizeof *probe);
    ef_handle *handle = ef_arena_take(s->run->arena, capacity * sizeof *handle);
    if (probe == NULL || handle == NULL) {
        return ef_fail_memory(error);
    }
    if (s->count > 0) {
        memcpy(probe, s->pair_probe, s->count * sizeof *probe);
        memcpy(handle, s->pair_handle, s->count * sizeof *handle);
    }
    s->pair_probe = probe;
    s->pair_handle = handle;
    s->capacity = capacity;
    return EF_OK;
}

static bool gather_pairs(const search *s, uint32_t from, uint32_t count, ef_batch *pairs) {
    const ef_table *table = s->probe->table;
    const ef_batch *probes = s->probes;
    ef_arena *arena = s->run->arena;
    uint32_t columns = probes->columns + table->layout.columns;
    const uint32_t *rows = s->pair_probe + from;
    *pairs = (ef_batch){.rows = count, .columns = columns, .form = EF_WHOLE};
    pairs->column = ef_arena_take(arena, (columns > 0 ? columns : 1) * sizeof *pairs->column);
    pairs->timestamps = ef_arena_take(arena, count * sizeof *pairs->timestamps);
    if (pairs->column == NULL || pairs->timestamps == NULL) {
        return false;
    }
    for (uint32_t c = 0; c < probes->columns; c++) {
        if (!ef_column_gather(&pairs->column[c], &probes->column[c], rows, count, arena)) {
            return false;
        }
    }
    if (!ef_rows_gather_all(&pairs->column[probes->columns], table->pages, &table->layout, s->pair_handle + from, count,
                            arena)) {
        return false;
    }
    if (probes->causes != NULL) {
        pairs->causes = ef_arena_take(arena, count * sizeof *pairs->causes);
        if (pairs->causes == NULL) {
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        pairs->timestamps[i] = probes->timestamps[rows[i]];
        if (pairs->causes != NULL) {
            pairs->causes[i] = probes->causes[rows[i]];
        }
    }
    return true;
}

/* Runs the residual over the pairs behind `settled` and keeps those that pass. */
static ef_status settle(search *s, ef_error *error) {
    uint32_t from = s->settled, count = s->count - from;
    if (s->probe->residual != NULL && count > 0) {
        ef_batch pairs;
        ef_out failures;
        if (!gather_pairs(s, from, count, &pairs)) {
            return ef_fail_memory(error);
        }
        ef_out_init(&failures, s->run->arena, &pairs);
        ef_run run = *s->run;
        run.out = s->run->out == NULL ? NULL : &failures;
        uint32_t *passed, passed_count;
        EF_TRY(ef_program_select(s->probe->residual, &pairs, &run, &passed, &passed_count, error));
        for (uint32_t i = 0; i < failures.failed_count; i++) {
            EF_TRY(ef_out_fail_row(s->run->out, s->pair_probe[from + failures.failed[i].at], failures.failed[i].message,
                                   error));
        }
        for (uint32_t i = 0; i < passed_count; i++) {
            s->pair_probe[from + i] = s->pair_probe[from + passed[i]];
            s->pair_handle[from + i] = s->pair_handle[from + passed[i]];
        }
        s->count = from + passed_count;
    }
    if (s->matches != NULL) {
        for (uint32_t i = from; i < s->count; i++) {
            s->matches[s->pair_probe[i]] = 1;
        }
        s->count = 0;
    }
    s->settled = s->count;
    return EF_OK;
}

static ef_status add_pair(search *s, uint32_t probe, ef_handle handle, ef_error *error) {
    if (s->count == s->capacity) {
        EF_TRY(more_room(s, error));
    }
    s->pair_probe[s->count] = probe;
    s->pair_handle[s->count++] = handle;
    return s->count - s->settled >= BLOCK_PAIRS ? settle(s, error) : EF_OK;
}

static bool passes(const search *s, uint32_t probe, ef_handle handle) {
    const table_probe *p = s->probe;
    const char *row = ef_pages_at(p->table->pages, handle);
    for (uint32_t i = 0; i < p->tested; i++) {
        if (!holds(p->table, row, p->conjuncts[i], &s->keys[p->conjuncts[i].key], probe)) {
            return false;
        }
    }
    return true;
}

/* Whether one more row tells contains() nothing. */
static bool is_answered(const search *s, uint32_t probe) {
    return s->matches != NULL && s->matches[probe];
}

static ef_status add_candidate(search *s, ef_handle handle, ef_error *error) {
    if (s->candidate_count == s->candidate_capacity) {
        uint32_t capacity = s->candidate_capacity == 0 ? 64 : s->candidate_capacity * 2;
        ef_handle *candidates = ef_arena_take(s->run->arena, capacity * sizeof *candidates);
        if (candidates == NULL) {
            return ef_fail_memory(error);
        }
        if (s->candidate_count > 0) {
            memcpy(candidates, s->candidates, s->candidate_count * sizeof *candidates);
        }
        s->candidates = candidates;
        s->candidate_capacity = capacity;
    }
    s->candidates[s->candidate_count++] = handle;
    return EF_OK;
}

/* The candidates of one probe row, in the table's order. */
static ef_status add_candidates(search *s, uint32_t probe, bool are_sorted, ef_error *error) {
    if (!are_sorted && s->matches == NULL) {
        EF_TRY(ef_table_sort(s->probe->table, s->candidates, s->candidate_count, s->run->arena, error));
    }
    for (uint32_t i = 0; i < s->candidate_count && !is_answered(s, probe); i++) {
        EF_TRY(add_pair(s, probe, s->candidates[i], error));
        if (s->matches != NULL && s->probe->residual == NULL) {
            s->matches[probe] = 1;
        }
    }
    return EF_OK;
}

static ef_handle look_up(const ef_table *table, const ef_column *const *key, uint32_t row) {
    if (table->key_count == 1 && (key[0]->type == EF_LONG || key[0]->type == EF_INT)) {
        const void *values = key[0]->values;
        return ef_is_null(key[0], row) ? EF_NO_HANDLE
                                       : ef_table_find_integer(table, key[0]->type == EF_LONG ? ((const int64_t *)values)[row]
                                                                                              : ((const int32_t *)values)[row]);
    }
    for (uint32_t k = 0; k < table->key_count; k++) {
        ef_value value;
        if (!ef_cell_read(key[k], row, &value) || /* null and NaN equal nothing */
            (key[k]->type == EF_DOUBLE && value.d != value.d) || (key[k]->type == EF_FLOAT && value.f != value.f)) {
            return EF_NO_HANDLE;
        }
    }
    return ef_table_find_key(table, key, row);
}

static ef_status by_key(search *s, uint32_t probe, ef_error *error) {
    ef_handle handle = look_up(s->probe->table, s->key, probe);
    return handle != EF_NO_HANDLE && passes(s, probe, handle) ? add_pair(s, probe, handle, error) : EF_OK;
}

static ef_status by_equality(search *s, uint32_t probe, ef_error *error) {
    const table_probe *p = s->probe;
    const ef_column *column = &s->keys[p->conjuncts[p->equal].key];
    ef_value value;
    if (!ef_cell_read(column, probe, &value)) {
        return EF_OK;
    }
    uint64_t key = ef_value_order(column->type, &value, p->table->seed);
    const ef_ordered_index *index = &p->table->indexes[p->index].entries;
    s->candidate_count = 0;
    for (ef_ordered_place at = ef_ordered_index_find(index, key, false);
         !ef_ordered_is_end(index, at) && ef_ordered_key(index, at) == key; at = ef_ordered_next(index, at)) {
        if (passes(s, probe, ef_ordered_handle(index, at))) {
            EF_TRY(add_candidate(s, ef_ordered_handle(index, at), error));
        }
    }
    return add_candidates(s, probe, false, error);
}

static ef_status by_range(search *s, uint32_t probe, ef_error *error) {
    const table_probe *p = s->probe;
    const ef_ordered_index *index = p->index >= 0 ? &p->table->indexes[p->index].entries : &p->table->ordered;
    ef_value value;
    ef_ordered_place at = {0, 0};
    uint64_t last = UINT64_MAX;
    if (p->low >= 0) {
        const ef_conjunct *low = &p->conjuncts[p->low];
        if (!ef_cell_read(&s->keys[low->key], probe, &value)) {
            return EF_OK;
        }
        uint64_t key = ef_value_order(s->keys[low->key].type, &value, 0);
        at = ef_ordered_index_find(index, key, low->comparison == EF_GREATER);
    }
    if (p->high >= 0) {
        const ef_conjunct *high = &p->conjuncts[p->high];
        if (!ef_cell_read(&s->keys[high->key], probe, &value)) {
            return EF_OK;
        }
        last = ef_value_order(s->keys[high->key].type, &value, 0);
    }
    s->candidate_count = 0;
    for (; !ef_ordered_is_end(index, at) && ef_ordered_key(index, at) <= last; at = ef_ordered_next(index, at)) {
        if (passes(s, probe, ef_ordered_handle(index, at))) { /* tests the ends again */
            EF_TRY(add_candidate(s, ef_ordered_handle(index, at), error));
        }
    }
    return add_candidates(s, probe, p->index < 0, error);
}

static ef_status by_scan(search *s, uint32_t probe, ef_error *error) {
    for (uint32_t i = 0; i < s->all_count && !is_answered(s, probe); i++) {
        if (passes(s, probe, s->all[i])) {
            EF_TRY(add_pair(s, probe, s->all[i], error));
            if (s->matches != NULL && s->probe->residual == NULL) {
                s->matches[probe] = 1;
            }
        }
    }
    return EF_OK;
}

static ef_status begin_search(search *s, ef_error *error) {
    const table_probe *p = s->probe;
    ef_arena *arena = s->run->arena;
    if (p->keys != NULL) {
        uint32_t outputs = ef_program_outputs(p->keys);
        ef_column *keys = ef_arena_take(arena, (outputs > 0 ? outputs : 1) * sizeof *keys);
        if (keys == NULL) {
            return ef_fail_memory(error);
        }
        for (uint32_t o = 0, column; p->is_plain && o < outputs; o++) {
            keys[o] = ef_program_output_column(p->keys, o, &column) ? s->probes->column[column] : keys[o];
        }
        if (!p->is_plain) { /* keys of failed rows are null: nothing is found */
            EF_TRY(ef_program_run(p->keys, s->probes, s->run, keys, NULL, error));
        }
        s->keys = keys;
    }
    if (p->way == BY_KEY) {
        s->key = ef_arena_take(arena, p->table->key_count * sizeof *s->key);
        if (s->key == NULL) {
            return ef_fail_memory(error);
        }
        for (uint32_t k = 0; k < p->table->key_count; k++) {
            s->key[k] = &s->keys[p->key_outputs[k]];
        }
    } else if (p->way == BY_SCAN) {
        EF_TRY(ef_table_scan(p->table, arena, &s->all, &s->all_count, error));
    }
    return EF_OK;
}

/* What every probe row has found, at most one row each, as pairs. */
static ef_status keep_found(search *s, ef_handle *found, ef_error *error) {
    uint32_t rows = s->probes->rows, count = 0;
    s->pair_probe = ef_arena_take(s->run->arena, rows * sizeof *s->pair_probe);
    s->pair_handle = found;
    if (s->pair_probe == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < rows; i++) {
        s->pair_probe[count] = i;
        found[count] = found[i];
        count += found[i] != EF_NO_HANDLE;
    }
    s->count = s->settled = s->capacity = count;
    return EF_OK;
}

/* All probe rows at once by a primary key of one integer. */
static ef_status by_integer_key(search *s, ef_error *error) {
    uint32_t rows = s->probes->rows;
    ef_handle *found = ef_arena_take(s->run->arena, (rows > 0 ? rows : 1) * sizeof *found);
    if (found == NULL) {
        return ef_fail_memory(error);
    }
    ef_table_find_integers(s->probe->table, s->key[0], rows, found);
    if (s->matches != NULL && s->probe->residual == NULL) {
        for (uint32_t i = 0; i < rows; i++) {
            s->matches[i] = found[i] != EF_NO_HANDLE && passes(s, i, found[i]);
        }
        return EF_OK;
    }
    if (s->probe->tested == 0 && s->matches == NULL && s->probe->residual == NULL) {
        return keep_found(s, found, error);
    }
    for (uint32_t i = 0; i < rows; i++) {
        if (found[i] != EF_NO_HANDLE && passes(s, i, found[i])) {
            EF_TRY(add_pair(s, i, found[i], error));
        }
    }
    return settle(s, error);
}

static ef_status run_search(search *s, ef_error *error) {
    const table_probe *p = s->probe;
    EF_TRY(begin_search(s, error));
    if (p->by_integer && s->probes->rows > 1) {
        return by_integer_key(s, error);
    }
    for (uint32_t i = 0; i < s->probes->rows; i++) {
        switch (p->way) {
        case BY_KEY:
            EF_TRY(by_key(s, i, error));
            break;
        case BY_EQUALITY:
            EF_TRY(by_equality(s, i, error));
            break;
        case BY_RANGE:
            EF_TRY(by_range(s, i, error));
            break;
        case BY_SCAN:
            EF_TRY(by_scan(s, i, error));
            break;
        }
    }
    return settle(s, error);
}

/* One row by a key that columns of it are, and nothing else to test: what a push of one row does. */
static ef_status find_one(const table_probe *p, const ef_batch *probes, ef_run *run, ef_found *found, ef_error *error) {
    const ef_column *few[MOST_PLAIN_KEYS];
    for (uint32_t k = 0, column = 0; k < p->key_count; k++) {
        few[k] = ef_program_output_column(p->keys, p->key_outputs[k], &column) ? &probes->column[column] : NULL;
    }
    const ef_row_layout *layout = &p->table->layout;
    ef_handle handle = look_up(p->table, few, 0);
    uint32_t count = handle != EF_NO_HANDLE;
    struct {
        int64_t timestamp;
        uint32_t probe;
        ef_handle handle;
    } *pair = ef_arena_take(run->arena, sizeof *pair);
    ef_column *column = ef_arena_take(run->arena, layout->columns * sizeof *column);
    if (pair == NULL || column == NULL ||
        !ef_rows_gather_all(column, p->table->pages, layout, &handle, count, run->arena)) {
        return ef_fail_memory(error);
    }
    pair->timestamp = count > 0 ? ef_row_timestamp(ef_pages_at(p->table->pages, handle)) : 0;
    pair->probe = 0;
    pair->handle = handle;
    *found = (ef_found){.count = count,
                        .probe = &pair->probe,
                        .column = column,
                        .timestamps = &pair->timestamp,
                        .handles = &pair->handle};
    return EF_OK;
}

static ef_status find(ef_probe *self, const ef_batch *probes, ef_run *run, ef_found *found, ef_error *error) {
    const table_probe *p = (const table_probe *)self;
    if (p->is_direct && probes->rows == 1) {
        return find_one(p, probes, run, found, error);
    }
    search s = {.probe = p, .probes = probes, .run = run};
    EF_TRY(run_search(&s, error));
    const ef_row_layout *layout = &p->table->layout;
    *found = (ef_found){.count = s.count, .probe = s.pair_probe, .handles = s.pair_handle};
    found->column = ef_arena_take(run->arena, (layout->columns > 0 ? layout->columns : 1) * sizeof *found->column);
    found->timestamps = ef_arena_take(run->arena, (s.count > 0 ? s.count : 1) * sizeof *found->timestamps);
    if (found->column == NULL || found->timestamps == NULL) {
        return ef_fail_memory(error);
    }
    if (!ef_rows_gather_all(found->column, p->table->pages, layout, s.pair_handle, s.count, run->arena)) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < s.count; i++) {
        found->timestamps[i] = ef_row_timestamp(ef_pages_at(p->table->pages, s.pair_handle[i]));
    }
    return EF_OK;
}

static ef_status contains(ef_probe *self, const ef_batch *probes, ef_run *run, uint8_t *matches, ef_error *error) {
    memset(matches, 0, probes->rows);
    search s = {.probe = (const table_probe *)self, .probes = probes, .run = run, .matches = matches};
    return run_search(&s, error);
}

ef_status ef_key_lookup_begin(ef_probe *probe, const ef_batch *probes, ef_run *run, ef_key_lookup *lookup,
                              ef_error *error) {
    search s = {.probe = (const table_probe *)probe, .probes = probes, .run = run};
    EF_TRY(begin_search(&s, error));
    *lookup = (ef_key_lookup){.table = s.probe->table, .key = s.key};
    return EF_OK;
}

ef_handle ef_key_lookup_find(const ef_key_lookup *lookup, uint32_t row) {
    return look_up(lookup->table, lookup->key, row);
}
