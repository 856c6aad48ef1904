/* Batches that are folded while the window collects them, so that nobody retains their rows:
 *
 *      window:     C a   C b   C c   RESET     C d ...
 *      selection:  fold  fold  fold  groups out, then empty
 *
 * What goes out of a batch is one row a group, with the timestamp of the group's last row (kept behind its aggregates); groups come in the order in
 * which they began, which is the slot's list from behind. Between calls a slot holds the groups of its open batch and no others. */
#include "ops/select_inside.h"

bool ef_select_may_fold_ahead(const void *operator) {
    const ef_select *self = operator;
    return self->may_fold_ahead;
}

void ef_select_fold_ahead(void *operator) {
    ef_select *self = operator;
    EF_ASSERT(self->may_fold_ahead && self->group_count == 0);
    self->folds_ahead = true;
    self->takes_few = false;
    self->last = self->group_size;
    self->group_size += (uint32_t)sizeof(int64_t);
}

/* The rows that go out in one call. */
typedef struct flushed {
    uint32_t rows;
    uint32_t capacity;
    ef_column *columns; /* [visible] */
    uint8_t **valid;    /* [visible][capacity] a byte each */
    int64_t *timestamps;
    int64_t *causes;
    uint32_t *slots;
    uint32_t *ends;
    uint32_t deliveries;
    bool any_slot;
} flushed;

static ef_status fold_rows(ef_select *self, const ef_batch *rows, const ef_track *track, ef_out *out, ef_error *error) {
    ef_select_call call;
    ef_select_call_init(&call, self, track, out, error);
    call.in = rows;
    call.has_kind[EF_CURRENT] = true;
    call.has_kind[EF_EXPIRED] = false;
    call.has_kind[EF_RESET] = false;
    call.arguments = ef_arena_take(call.arena, self->argument_count * sizeof *call.arguments);
    call.emit = ef_arena_take(call.arena, rows->rows);
    if (call.arguments == NULL || call.emit == NULL) {
        return ef_fail_memory(error);
    }
    memset(call.emit, 0, rows->rows);
    for (uint32_t i = 0; i < self->argument_count; i++) {
        call.arguments[i] = rows->column[self->argument_column[i]];
    }
    EF_TRY(ef_select_find_groups(&call, false));
    EF_TRY(ef_select_fold(&call));
    if (call.single != NULL) {
        memcpy(call.single + self->last, &rows->timestamps[rows->rows - 1], sizeof(int64_t));
        return EF_OK;
    }
    for (uint32_t i = 0; i < rows->rows; i++) {
        memcpy(call.groups[i] + self->last, &rows->timestamps[i], sizeof(int64_t));
    }
    return EF_OK;
}

static void *moved(ef_arena *arena, const void *old, size_t used, size_t size) {
    void *fresh = ef_arena_take(arena, size);
    if (fresh != NULL && used > 0) {
        memcpy(fresh, old, used);
    }
    return fresh;
}

static ef_type output_type(const ef_select *self, uint32_t output) {
    return ef_program_output_type(self->outputs, output);
}

static bool reserve(const ef_select *self, flushed *f, uint32_t more, ef_arena *arena) {
    if (f->columns == NULL) {
        f->columns = ef_arena_take(arena, self->visible * sizeof *f->columns);
        f->valid = ef_arena_take(arena, self->visible * sizeof *f->valid);
        if (f->columns == NULL || f->valid == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < self->visible; i++) {
            f->columns[i] = (ef_column){.type = output_type(self, i)};
        }
    }
    if (f->rows + more <= f->capacity) {
        return true;
    }
    const size_t capacity = f->rows + more > 2 * f->capacity ? f->rows + more : 2 * f->capacity;
    for (uint32_t i = 0; i < self->visible; i++) {
        const size_t width = ef_type_width(f->columns[i].type);
        f->columns[i].values = moved(arena, f->columns[i].values, f->rows * width, capacity * width);
        f->valid[i] = moved(arena, f->valid[i], f->rows, capacity);
        if (f->columns[i].values == NULL || f->valid[i] == NULL) {
            return false;
        }
    }
    f->timestamps = moved(arena, f->timestamps, f->rows * sizeof *f->timestamps, capacity * sizeof *f->timestamps);
    f->causes = moved(arena, f->causes, f->rows * sizeof *f->causes, capacity * sizeof *f->causes);
    f->slots = moved(arena, f->slots, f->rows * sizeof *f->slots, capacity * sizeof *f->slots);
    f->ends = moved(arena, f->ends, f->deliveries * sizeof *f->ends, capacity * sizeof *f->ends);
    f->capacity = (uint32_t)capacity;
    return f->timestamps != NULL && f->causes != NULL && f->slots != NULL && f->ends != NULL;
}

static void put_key(const ef_select *self, const ef_group *group, uint32_t k, void *to) {
    const uint64_t *words = group->key + self->keys[k].word;
    switch (self->keys[k].type) {
    case EF_BOOL: {
        uint8_t value = (uint8_t)words[0];
        memcpy(to, &value, sizeof value);
        break;
    }
    case EF_INT: {
        int32_t value = (int32_t)(int64_t)words[0];
        memcpy(to, &value, sizeof value);
        break;
    }
    case EF_STRING: {
        ef_str value;
        memcpy(&value, words, sizeof value);
        if (value.length > EF_INLINE_STRING) {
            value.as.outside.data = ef_pages_at(self->pages, (ef_handle)words[1]);
        }
        memcpy(to, &value, sizeof value);
        break;
    }
    default: /* LONG: others are not put out (may_fold_ahead) */
        memcpy(to, words, sizeof *words);
        break;
    }
}

static uint32_t key_of_output(const ef_select *self, uint32_t output) {
    uint32_t k = 0;
    while (self->argument_column[k] != self->output_column[output]) {
        k++;
    }
    return k;
}

static ef_status put_outputs(const ef_select *self, flushed *f, char *const *groups, uint32_t count, ef_arena *arena, ef_error *error) {
    for (uint32_t i = 0; i < self->visible; i++) {
        const ef_type type = f->columns[i].type;
        const size_t width = ef_type_width(type);
        char *values = (char *)f->columns[i].values + f->rows * width;
        uint8_t *valid = f->valid[i] + f->rows;
        if (self->output_column[i] < self->columns) {
            const uint32_t k = key_of_output(self, i);
            for (uint32_t g = 0; g < count; g++) {
                const ef_group *group = (const ef_group *)(const void *)groups[g];
                valid[g] = (group->nulls >> k & 1u) == 0;
                put_key(self, group, k, values + g * width);
            }
            continue;
        }
        const ef_aggregate *aggregate = &self->aggregates[self->output_column[i] - self->columns];
        if (aggregate->width == width) {
            EF_TRY(ef_select_read(aggregate, groups, count, values, valid, arena, error));
            continue;
        }
        char *wide = ef_arena_take(arena, (size_t)count * aggregate->width);
        if (wide == NULL) {
            return ef_fail_memory(error);
        }
        EF_TRY(ef_select_read(aggregate, groups, count, wide, valid, arena, error));
        memcpy(values, wide, count * width);
    }
    return EF_OK;
}

/* The groups of the slot go out. They are empty behind it, also when it fails: the next batch must not count this one's rows. */
static ef_status flush(ef_select *self, flushed *f, uint32_t slot, int64_t cause, ef_arena *arena, ef_error *error) {
    uint32_t count = 0;
    if (slot >= self->slot_count) {
        return EF_OK;
    }
    for (ef_handle handle = self->slots[slot].first; handle != EF_NO_HANDLE; handle = ef_group_at(self, handle)->next) {
        count++;
    }
    if (count == 0) {
        return EF_OK;
    }
    char **groups = ef_arena_take(arena, count * sizeof *groups);
    ef_status status = groups != NULL && reserve(self, f, count, arena) ? EF_OK : ef_fail_memory(error);
    if (status == EF_OK) {
        uint32_t at = count;
        for (ef_handle handle = self->slots[slot].first; handle != EF_NO_HANDLE; handle = ef_group_at(self, handle)->next) {
            groups[--at] = (char *)(uintptr_t)ef_group_at(self, handle);
        }
        status = put_outputs(self, f, groups, count, arena, error);
    }
    if (status == EF_OK) {
        for (uint32_t g = 0; g < count; g++) {
            memcpy(&f->timestamps[f->rows + g], groups[g] + self->last, sizeof(int64_t));
            f->causes[f->rows + g] = cause;
            f->slots[f->rows + g] = slot;
        }
        f->rows += count;
        f->ends[f->deliveries++] = f->rows;
        f->any_slot = f->any_slot || slot != 0;
    }
    ef_select_free_slot(self, slot);
    return status;
}

static ef_status put_result(const ef_select *self, flushed *f, ef_out *out, ef_error *error) {
    for (uint32_t i = 0; i < self->visible; i++) {
        if (memchr(f->valid[i], 0, f->rows) != NULL) {
            EF_TRY(ef_select_set_nulls(&f->columns[i], f->valid[i], f->rows, out->arena, error));
        }
    }
    out->result = (ef_batch){
        .rows = f->rows,
        .columns = self->visible,
        .column = f->columns,
        .timestamps = f->timestamps,
        .causes = f->causes,
        .slots = f->any_slot ? f->slots : NULL,
        .form = (uint8_t)(f->deliveries == 1 ? EF_WHOLE : EF_ENDS),
        .ends = f->deliveries == 1 ? NULL : f->ends,
        .deliveries = f->deliveries == 1 ? 0 : f->deliveries,
    };
    return EF_OK;
}

/* The first RESET from row `from` on, or the end. */
static uint32_t next_reset(const ef_batch *batch, uint32_t from) {
    if (batch->kinds == NULL) {
        return batch->rows;
    }
    while (from < batch->rows && batch->kinds[from] != EF_RESET) {
        from++;
    }
    return from;
}

ef_status ef_select_run_ahead(ef_select *self, const ef_batch *batch, const ef_track *track, ef_out *out, ef_error *error) {
    flushed f = {0};
    for (uint32_t from = 0, to; from < batch->rows; from = to + 1) {
        to = next_reset(batch, from);
        if (to > from) {
            ef_batch rows = *batch;
            if (to - from < batch->rows && !ef_batch_view(&rows, batch, from, to - from, out->arena)) {
                return ef_fail_memory(error);
            }
            rows.kinds = NULL;
            EF_TRY(fold_rows(self, &rows, track, out, error));
        }
        if (to < batch->rows) {
            EF_TRY(flush(self, &f, ef_row_slot(batch, to), ef_row_cause(batch, to), out->arena, error));
        }
    }
    return f.rows > 0 ? put_result(self, &f, out, error) : EF_OK;
}
