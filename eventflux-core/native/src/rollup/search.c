/* Conditions over the buckets of an aggregation.
 *
 *      keys program -> duration -> [start, end) by binary search -> conjuncts -> residual program -> pairs
 *
 * Pairs come by probe row, then by (start, arrival of the group), durations from short to long. O(log n + buckets in the range) a row. */
#include "rollup/rollup.h"

#define BLOCK_PAIRS 8192u

typedef struct rollup_probe {
    ef_probe base;
    ef_alloc *alloc;
    rollup *rollup;
    ef_program *keys;
    ef_program *residual;
    ef_conjunct *conjuncts;
    uint32_t conjunct_count;
} rollup_probe;

static void destroy(ef_probe *self) {
    rollup_probe *p = (rollup_probe *)self;
    ef_program_free(p->keys);
    ef_program_free(p->residual);
    ef_free(p->alloc, p->conjuncts, p->conjunct_count * sizeof *p->conjuncts);
    ef_free(p->alloc, p, sizeof *p);
}

static ef_status check(const rollup *r, const ef_condition *condition, ef_error *error) {
    for (uint32_t i = 0; i < condition->conjunct_count; i++) {
        ef_conjunct conjunct = condition->conjuncts[i];
        if (conjunct.column >= r->content.columns || condition->keys == NULL ||
            conjunct.key >= ef_program_outputs(condition->keys) ||
            ef_program_output_type(condition->keys, conjunct.key) != r->types[conjunct.column] ||
            (conjunct.comparison != EF_EQUAL && !ef_type_is_numeric(r->types[conjunct.column]))) {
            return ef_fail(error, EF_INVALID, "a condition on an aggregation compares column %u with a key of another type",
                           conjunct.column);
        }
    }
    if (condition->residual != NULL && (ef_program_outputs(condition->residual) != 1 ||
                                        ef_program_output_type(condition->residual, 0) != EF_BOOL)) {
        return ef_fail(error, EF_INVALID, "a condition on an aggregation must be one BOOL");
    }
    return EF_OK;
}

/* ---- reading buckets ---- */

static bool read_column(const rollup *r, const rollup_bucket *bucket, uint32_t column, ef_value *value) {
    if (column == 0) {
        value->l = bucket->start;
        return true;
    }
    if (column <= r->item_count) {
        return rollup_item_read(&r->items[column - 1], bucket, value);
    }
    value->i = (int32_t)r->durations[bucket->duration];
    return true;
}

/* Strings get bytes in the arena: the bucket may change before the slice ends. */
static bool gather(const rollup *r, rollup_bucket *const *buckets, uint32_t count, uint32_t column, ef_column *to,
                   ef_arena *arena) {
    ef_type type = r->types[column];
    size_t width = ef_type_width(type);
    *to = (ef_column){.type = type};
    to->values = ef_arena_take(arena, count * width);
    if (to->values == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        ef_value value = {0};
        if (!read_column(r, buckets[i], column, &value)) {
            if (to->validity == NULL) {
                to->validity = ef_arena_take(arena, ef_bitmap_size(count));
                if (to->validity == NULL) {
                    return false;
                }
                memset(to->validity, 0xFF, ef_bitmap_size(count));
            }
            ef_bit_clear(to->validity, i);
            value = (ef_value){0};
        } else if (ef_type_is_bytes(type) && value.s.length > EF_INLINE_STRING) {
            char *bytes = ef_arena_take(arena, value.s.length);
            if (bytes == NULL) {
                return false;
            }
            memcpy(bytes, value.s.as.outside.data, value.s.length);
            value.s = ef_str_view(bytes, value.s.length);
        }
        memcpy((char *)to->values + i * width, &value, width);
    }
    return true;
}

/* ---- testing ---- */

static int compare(ef_type type, const ef_value *a, const ef_value *b, bool *is_ordered) {
    switch (type) {
    case EF_INT:
        return (a->i > b->i) - (a->i < b->i);
    case EF_LONG:
        return (a->l > b->l) - (a->l < b->l);
    case EF_FLOAT:
        *is_ordered = a->f == a->f && b->f == b->f;
        return (a->f > b->f) - (a->f < b->f);
    case EF_DOUBLE:
        *is_ordered = a->d == a->d && b->d == b->d;
        return (a->d > b->d) - (a->d < b->d);
    case EF_BOOL:
        return a->b != b->b;
    case EF_STRING:
    case EF_OBJECT:
        return !ef_str_equal(&a->s, &b->s);
    }
    return 1;
}

static bool holds(const rollup *r, const rollup_bucket *bucket, const ef_conjunct *conjunct, const ef_value *key) {
    ef_value own = {0};
    if (!read_column(r, bucket, conjunct->column, &own)) {
        return false;
    }
    bool is_ordered = true;
    int order = compare(r->types[conjunct->column], &own, key, &is_ordered);
    if (!is_ordered) {
        return false;
    }
    switch (conjunct->comparison) {
    case EF_EQUAL:
        return order == 0;
    case EF_LESS:
        return order < 0;
    case EF_LESS_EQUAL:
        return order <= 0;
    case EF_GREATER:
        return order > 0;
    case EF_GREATER_EQUAL:
        return order >= 0;
    }
    return false;
}

/* ---- finding ---- */

typedef struct search {
    const rollup_probe *probe;
    const ef_batch *probes;
    ef_run *run;
    const ef_column *keys;
    ef_value *values; /* [conjuncts] of the present probe row */
    uint32_t *pair_probe;
    rollup_bucket **pair_bucket;
    uint32_t count, capacity;
    uint32_t settled; /* pairs before it passed the residual */
    int64_t clock;    /* of the present probe row */
} search;

static bool gather_pairs(const search *s, uint32_t from, uint32_t count, ef_batch *pairs) {
    const rollup *r = s->probe->rollup;
    const ef_batch *probes = s->probes;
    ef_arena *arena = s->run->arena;
    const uint32_t *rows = s->pair_probe + from;
    *pairs = (ef_batch){.rows = count, .columns = probes->columns + r->content.columns, .form = EF_WHOLE};
    pairs->column = ef_arena_take(arena, pairs->columns * sizeof *pairs->column);
    pairs->timestamps = ef_arena_take(arena, count * sizeof *pairs->timestamps);
    pairs->causes = probes->causes == NULL ? NULL : ef_arena_take(arena, count * sizeof *pairs->causes);
    if (pairs->column == NULL || pairs->timestamps == NULL || (probes->causes != NULL && pairs->causes == NULL)) {
        return false;
    }
    for (uint32_t c = 0; c < probes->columns; c++) {
        if (!ef_column_gather(&pairs->column[c], &probes->column[c], rows, count, arena)) {
            return false;
        }
    }
    for (uint32_t c = 0; c < r->content.columns; c++) {
        if (!gather(r, s->pair_bucket + from, count, c, &pairs->column[probes->columns + c], arena)) {
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
            s->pair_bucket[from + i] = s->pair_bucket[from + passed[i]];
        }
        s->count = from + passed_count;
    }
    s->settled = s->count;
    return EF_OK;
}

static ef_status add_pair(search *s, uint32_t probe, rollup_bucket *bucket, ef_error *error) {
    if (s->count == s->capacity) {
        uint32_t capacity = s->capacity == 0 ? 64 : s->capacity * 2;
        uint32_t *probes = ef_arena_take(s->run->arena, capacity * sizeof *probes);
        rollup_bucket **buckets = ef_arena_take(s->run->arena, capacity * sizeof *buckets);
        if (probes == NULL || buckets == NULL) {
            return ef_fail_memory(error);
        }
        if (s->count > 0) {
            memcpy(probes, s->pair_probe, s->count * sizeof *probes);
            memcpy(buckets, s->pair_bucket, s->count * sizeof *buckets);
        }
        s->pair_probe = probes;
        s->pair_bucket = buckets;
        s->capacity = capacity;
    }
    s->pair_probe[s->count] = probe;
    s->pair_bucket[s->count++] = bucket;
    return s->count - s->settled >= BLOCK_PAIRS ? settle(s, error) : EF_OK;
}

/* The first bucket in order whose start is not below `start` (`above`: is above it). */
static uint32_t first_from(const rollup_order *order, int64_t start, bool above) {
    uint32_t low = 0, high = order->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int64_t own = order->items[middle]->start;
        if (own < start || (above && own == start)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static ef_status search_duration(search *s, uint32_t probe, uint32_t duration, ef_error *error) {
    const rollup_probe *p = s->probe;
    rollup *r = p->rollup;
    EF_TRY(rollup_sort(r, duration, s->run->arena, error));
    const rollup_order *order = &r->ordered[duration];
    uint32_t from = first_from(order, rollup_oldest(r, duration, s->clock), false), to = order->count;
    for (uint32_t i = 0; i < p->conjunct_count; i++) {
        if (p->conjuncts[i].column != 0) {
            continue;
        }
        ef_comparison comparison = p->conjuncts[i].comparison;
        int64_t start = s->values[i].l;
        if (comparison == EF_EQUAL || comparison == EF_GREATER || comparison == EF_GREATER_EQUAL) {
            uint32_t first = first_from(order, start, comparison == EF_GREATER);
            from = first > from ? first : from;
        }
        if (comparison == EF_EQUAL || comparison == EF_LESS || comparison == EF_LESS_EQUAL) {
            uint32_t end = first_from(order, start, comparison != EF_LESS);
            to = end < to ? end : to;
        }
    }
    for (uint32_t b = from; b < to; b++) {
        bool fits = true;
        for (uint32_t i = 0; i < p->conjunct_count && fits; i++) {
            fits = p->conjuncts[i].column == 0 || holds(r, order->items[b], &p->conjuncts[i], &s->values[i]);
        }
        if (fits) {
            EF_TRY(add_pair(s, probe, order->items[b], error));
        }
    }
    return EF_OK;
}

static ef_status search_row(search *s, uint32_t probe, ef_error *error) {
    const rollup_probe *p = s->probe;
    const rollup *r = p->rollup;
    int32_t wanted = -1;
    for (uint32_t i = 0; i < p->conjunct_count; i++) {
        s->values[i] = (ef_value){0};
        if (!ef_cell_read(&s->keys[p->conjuncts[i].key], probe, &s->values[i])) {
            return EF_OK; /* null fits nothing; keys of failed rows are null */
        }
        if (p->conjuncts[i].column == r->item_count + 1 && p->conjuncts[i].comparison == EF_EQUAL) {
            wanted = s->values[i].i;
        }
    }
    for (uint32_t d = 0; d < r->duration_count; d++) {
        if (wanted < 0 || (int32_t)r->durations[d] == wanted) {
            EF_TRY(search_duration(s, probe, d, error));
        }
    }
    return EF_OK;
}

static ef_status run_search(search *s, ef_error *error) {
    const rollup_probe *p = s->probe;
    ef_arena *arena = s->run->arena;
    s->values = ef_arena_take(arena, p->conjunct_count * sizeof *s->values);
    if (s->values == NULL) {
        return ef_fail_memory(error);
    }
    if (p->keys != NULL) {
        ef_column *keys = ef_arena_take(arena, ef_program_outputs(p->keys) * sizeof *keys);
        if (keys == NULL) {
            return ef_fail_memory(error);
        }
        EF_TRY(ef_program_run(p->keys, s->probes, s->run, keys, NULL, error));
        s->keys = keys;
    }
    for (uint32_t i = 0; i < s->probes->rows; i++) {
        s->clock = ef_row_clock(s->probes, i, s->run->track);
        EF_TRY(search_row(s, i, error));
    }
    return settle(s, error);
}

static ef_status find(ef_probe *self, const ef_batch *probes, ef_run *run, ef_found *found, ef_error *error) {
    const rollup_probe *p = (const rollup_probe *)self;
    search s = {.probe = p, .probes = probes, .run = run};
    EF_TRY(run_search(&s, error));
    uint32_t columns = p->rollup->content.columns;
    *found = (ef_found){.count = s.count, .probe = s.pair_probe};
    found->column = ef_arena_take(run->arena, columns * sizeof *found->column);
    found->timestamps = ef_arena_take(run->arena, s.count * sizeof *found->timestamps);
    if (found->column == NULL || found->timestamps == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t c = 0; c < columns; c++) {
        if (!gather(p->rollup, s.pair_bucket, s.count, c, &found->column[c], run->arena)) {
            return ef_fail_memory(error);
        }
    }
    for (uint32_t i = 0; i < s.count; i++) {
        found->timestamps[i] = s.pair_bucket[i]->start;
    }
    return EF_OK;
}

static ef_status contains(ef_probe *self, const ef_batch *probes, ef_run *run, uint8_t *matches, ef_error *error) {
    search s = {.probe = (const rollup_probe *)self, .probes = probes, .run = run};
    EF_TRY(run_search(&s, error));
    memset(matches, 0, probes->rows);
    for (uint32_t i = 0; i < s.count; i++) {
        matches[s.pair_probe[i]] = 1;
    }
    return EF_OK;
}

ef_status rollup_compile(ef_content *content, ef_condition *condition, ef_alloc *alloc, ef_probe **probe,
                         ef_error *error) {
    rollup_probe *p = ef_calloc(alloc, sizeof *p);
    if (p == NULL) {
        ef_program_free(condition->keys);
        ef_program_free(condition->residual);
        return ef_fail_memory(error);
    }
    p->alloc = alloc;
    p->rollup = content->self;
    p->keys = condition->keys;
    p->residual = condition->residual;
    p->base = (ef_probe){.find = find, .contains = contains, .destroy = destroy, .index = "buckets of the duration"};
    ef_status status = check(p->rollup, condition, error);
    if (status == EF_OK) {
        p->conjuncts = ef_malloc(alloc, condition->conjunct_count * sizeof *p->conjuncts);
        status = p->conjuncts == NULL ? ef_fail_memory(error) : EF_OK;
    }
    if (status != EF_OK) {
        destroy(&p->base);
        return status;
    }
    p->conjunct_count = condition->conjunct_count;
    if (p->conjunct_count > 0) {
        memcpy(p->conjuncts, condition->conjuncts, p->conjunct_count * sizeof *p->conjuncts);
    }
    *probe = &p->base;
    return EF_OK;
}
