/* Which rows are put out, and the aggregates' values for them.
 *
 * On batch chunks without having only the survivors are put out, so only their values are written: the fold is told by a flag a row. It
 * writes in row order; survivors are in the order in which their groups first survived, hence `from_fold`. */
#include "ops/select_inside.h"

static bool is_wanted(const ef_select_call *call, uint32_t row) {
    const ef_batch *in = call->in;
    return call->self->wanted[in->kinds != NULL ? in->kinds[row] : EF_CURRENT] &&
           (call->failed == NULL || call->failed[row] == 0);
}

/* Delivery ends of emitted rows, from those of the work rows. */
static ef_status set_ends(ef_select_call *call) {
    const ef_batch *in = call->in;
    call->each = in->form == EF_EACH_ROW;
    call->ends = NULL;
    call->deliveries = 0;
    if (call->each || call->count == 0) {
        return EF_OK;
    }
    uint32_t deliveries = ef_deliveries(in);
    call->ends = ef_arena_take(call->arena, deliveries * sizeof *call->ends);
    if (call->ends == NULL) {
        return ef_fail_memory(call->error);
    }
    if (call->rows == NULL) {
        for (uint32_t d = 0; d < deliveries; d++) {
            call->ends[d] = ef_delivery_end(in, d);
        }
        call->deliveries = deliveries;
        return EF_OK;
    }
    uint32_t k = 0;
    for (uint32_t d = 0; d < deliveries; d++) {
        uint32_t begin = k, end = ef_delivery_end(in, d);
        while (k < call->count && call->rows[k] < end) {
            k++;
        }
        if (k > begin) {
            call->ends[call->deliveries++] = k;
        }
    }
    return EF_OK;
}

static bool all_wanted(const ef_select_call *call) {
    const bool *wanted = call->self->wanted;
    return call->failed == NULL && !call->has_kind[EF_RESET] &&
           (wanted[EF_CURRENT] || !call->has_kind[EF_CURRENT]) && (wanted[EF_EXPIRED] || !call->has_kind[EF_EXPIRED]);
}

static ef_status choose_wanted(ef_select_call *call) {
    uint32_t rows = call->in->rows;
    if (all_wanted(call)) {
        call->count = rows;
        return set_ends(call);
    }
    call->emit = ef_arena_take(call->arena, rows > 0 ? rows : 1);
    call->rows = ef_arena_take(call->arena, (rows > 0 ? rows : 1) * sizeof *call->rows);
    if (call->emit == NULL || call->rows == NULL) {
        return ef_fail_memory(call->error);
    }
    const uint8_t *kinds = call->in->kinds;
    uint32_t count = 0;
    if (kinds != NULL && call->failed == NULL) {
        const bool *wanted = call->self->wanted;
        for (uint32_t i = 0; i < rows; i++) {
            bool take = wanted[kinds[i]];
            call->emit[i] = take;
            call->rows[count] = i;
            count += take;
        }
    } else {
        for (uint32_t i = 0; i < rows; i++) {
            bool take = is_wanted(call, i);
            call->emit[i] = take;
            call->rows[count] = i;
            count += take;
        }
    }
    call->count = count;
    return set_ends(call);
}

/* The last wanted row of each delivery. */
static ef_status choose_last(ef_select_call *call) {
    const ef_batch *in = call->in;
    uint32_t deliveries = ef_deliveries(in), begin = 0;
    memset(call->emit, 0, in->rows);
    for (uint32_t d = 0; d < deliveries; d++) {
        uint32_t end = ef_delivery_end(in, d);
        for (uint32_t i = end; i > begin; i--) {
            if (is_wanted(call, i - 1)) {
                call->emit[i - 1] = 1;
                call->rows[call->count++] = i - 1;
                break;
            }
        }
        begin = end;
    }
    return set_ends(call);
}

static bool is_rising(const uint32_t *rows, uint32_t count) {
    for (uint32_t k = 1; k < count; k++) {
        if (rows[k] < rows[k - 1]) {
            return false;
        }
    }
    return true;
}

/* What is known of a group in the delivery at hand. */
typedef struct survivor {
    uint32_t delivery; /* + 1 */
    uint32_t row;      /* its last wanted one */
    uint32_t at;       /* its place among the emitted rows */
} survivor;

/* The last wanted row of each group of each delivery. */
static ef_status choose_survivors(ef_select_call *call) {
    const ef_batch *in = call->in;
    uint32_t met = call->met_count > 0 ? call->met_count : 1;
    uint32_t deliveries = ef_deliveries(in), begin = 0, folded = 0;
    survivor *survivors = ef_arena_take(call->arena, met * sizeof *survivors);
    call->from_fold = ef_arena_take(call->arena, (in->rows > 0 ? in->rows : 1) * sizeof *call->from_fold);
    call->ends = ef_arena_take(call->arena, (deliveries > 0 ? deliveries : 1) * sizeof *call->ends);
    if (survivors == NULL || call->from_fold == NULL || call->ends == NULL) {
        return ef_fail_memory(call->error);
    }
    memset(survivors, 0, met * sizeof *survivors);
    memset(call->emit, 0, in->rows);
    const uint8_t *kinds = in->kinds;
    bool all = all_wanted(call);
    for (uint32_t d = 0; d < deliveries; d++) {
        uint32_t end = ef_delivery_end(in, d), first = call->count;
        for (uint32_t i = begin; i < end; i++) {
            if (!all && !(kinds != NULL && call->failed == NULL ? call->self->wanted[kinds[i]] : is_wanted(call, i))) {
                continue;
            }
            survivor *its = &survivors[call->places[i]];
            if (its->delivery != d + 1) {
                its->delivery = d + 1;
                its->at = call->count++;
            }
            its->row = i;
            call->rows[its->at] = i;
        }
        for (uint32_t k = first; k < call->count; k++) {
            call->emit[call->rows[k]] = 1;
        }
        if (is_rising(call->rows + first, call->count - first)) {
            for (uint32_t k = first; k < call->count; k++) {
                call->from_fold[k] = folded++;
            }
        } else {
            for (uint32_t i = begin; i < end; i++) {
                if (call->emit[i] != 0) {
                    call->from_fold[survivors[call->places[i]].at] = folded++;
                }
            }
        }
        if (call->count > first) {
            call->ends[call->deliveries++] = call->count;
        }
        begin = end;
    }
    return EF_OK;
}

ef_status ef_select_choose(ef_select_call *call, bool reduces) {
    uint32_t rows = call->in->rows;
    if (!reduces || call->in->form == EF_EACH_ROW) {
        return choose_wanted(call);
    }
    call->each = false;
    call->emit = ef_arena_take(call->arena, rows > 0 ? rows : 1);
    call->rows = ef_arena_take(call->arena, (rows > 0 ? rows : 1) * sizeof *call->rows);
    if (call->emit == NULL || call->rows == NULL) {
        return ef_fail_memory(call->error);
    }
    return call->self->key_count == 0 ? choose_last(call) : choose_survivors(call);
}

/* ---- arguments in the form that folds take ---- */

#define CONVERT(from_type, to_type, expression)                      \
    do {                                                             \
        const from_type *restrict source = values;                   \
        to_type *restrict target = space;                            \
        for (uint32_t i = 0; i < rows; i++) {                        \
            from_type value = source[i];                             \
            target[i] = (expression);                                \
        }                                                            \
    } while (0)

static const void *input_long(ef_type type, const void *values, uint32_t rows, void *space) {
    if (type == EF_LONG) {
        return values;
    }
    CONVERT(int32_t, int64_t, value);
    return space;
}

static const void *input_double(ef_type type, const void *values, uint32_t rows, void *space) {
    switch (type) {
    case EF_INT:
        CONVERT(int32_t, double, (double)value);
        return space;
    case EF_LONG:
        CONVERT(int64_t, double, (double)value);
        return space;
    case EF_FLOAT:
        CONVERT(float, double, (double)value);
        return space;
    default:
        return values;
    }
}

static const void *input_key(ef_type type, bool reversed, const void *values, uint32_t rows, void *space) {
    int64_t flip = reversed ? -1 : 0;
    switch (type) {
    case EF_INT:
        CONVERT(int32_t, int64_t, (int64_t)value ^ flip);
        return space;
    case EF_LONG:
        if (!reversed) {
            return values;
        }
        CONVERT(int64_t, int64_t, value ^ flip);
        return space;
    case EF_FLOAT:
        CONVERT(float, int64_t, ef_key_of_double((double)value) ^ flip);
        return space;
    default:
        CONVERT(double, int64_t, ef_key_of_double(value) ^ flip);
        return space;
    }
}

static const void *input_values(const ef_aggregate *aggregate, const ef_column *column, uint32_t from, uint32_t rows,
                                void *space) {
    if (aggregate->input == EF_INPUT_NONE) {
        return NULL;
    }
    const void *values = (const char *)column->values + (size_t)from * ef_type_width(column->type);
    switch (aggregate->input) {
    case EF_INPUT_LONG:
        return input_long(column->type, values, rows, space);
    case EF_INPUT_DOUBLE:
        return input_double(column->type, values, rows, space);
    case EF_INPUT_KEY:
        return input_key(column->type, aggregate->reversed, values, rows, space);
    case EF_INPUT_NONE:
    case EF_INPUT_VALUE:
        break;
    }
    return values;
}

/* ---- results ---- */

/* Keys back to values, in place: no type is wider than a key. */
static void output_keys(const ef_aggregate *aggregate, void *out, uint32_t count) {
    int64_t flip = aggregate->reversed ? -1 : 0;
    const int64_t *keys = out;
    switch (aggregate->result) {
    case EF_INT:
        for (uint32_t i = 0; i < count; i++) {
            ((int32_t *)out)[i] = (int32_t)(keys[i] ^ flip);
        }
        break;
    case EF_LONG:
        for (uint32_t i = 0; i < count; i++) {
            ((int64_t *)out)[i] = keys[i] ^ flip;
        }
        break;
    case EF_FLOAT:
        for (uint32_t i = 0; i < count; i++) {
            ((float *)out)[i] = (float)ef_double_of_key(keys[i] ^ flip);
        }
        break;
    default:
        for (uint32_t i = 0; i < count; i++) {
            ((double *)out)[i] = ef_double_of_key(keys[i] ^ flip);
        }
        break;
    }
}

ef_status ef_select_set_nulls(ef_column *column, const uint8_t *valid, uint32_t count, ef_arena *arena, ef_error *error) {
    size_t size = ef_bitmap_size(count);
    column->validity = ef_arena_take(arena, size);
    if (column->validity == NULL) {
        return ef_fail_memory(error);
    }
    memset(column->validity, 0, size);
    size_t width = ef_type_width(column->type);
    for (uint32_t i = 0; i < count; i++) {
        column->validity[i >> 3] = (uint8_t)(column->validity[i >> 3] | (unsigned)valid[i] << (i & 7u));
        if (valid[i] == 0) {
            memset((char *)column->values + i * width, 0, width);
        }
    }
    return EF_OK;
}

ef_status ef_select_read(const ef_aggregate *aggregate, char *const *groups, uint32_t count, char *out, uint8_t *valid,
                         ef_arena *arena, ef_error *error) {
    uint8_t pass[EF_FOLD_ROWS];
    memset(pass, EF_FOLD_PASS, count < EF_FOLD_ROWS ? count : EF_FOLD_ROWS);
    for (uint32_t from = 0; from < count; from += EF_FOLD_ROWS) {
        ef_fold fold = {
            .rows = count - from < EF_FOLD_ROWS ? count - from : EF_FOLD_ROWS,
            .groups = groups + from,
            .actions = pass,
            .general = true,
            .out = out + (size_t)from * aggregate->width,
            .out_valid = valid + from,
            .arena = arena,
            .error = error,
        };
        EF_TRY(aggregate->fold(aggregate, &fold));
        if (fold.out_of_memory) {
            return ef_fail_memory(error);
        }
    }
    if (aggregate->output == EF_OUTPUT_KEY) {
        output_keys(aggregate, out, count);
    }
    return EF_OK;
}

static bool needs_general(const uint8_t *actions, uint32_t rows) {
    uint8_t any = 0;
    for (uint32_t i = 0; i < rows; i++) {
        any |= actions[i];
    }
    return (any & (EF_FOLD_SKIP | EF_FOLD_CLEAR)) != 0;
}

/* The actions of rows [from, from + rows), with PASS where the filter is not true. */
static const uint8_t *filter_actions(const ef_column *filter, const uint8_t *actions, uint32_t from, uint32_t rows,
                                     uint8_t *filtered) {
    const uint8_t *passes = filter->values;
    for (uint32_t i = 0; i < rows; i++) {
        uint8_t action = actions != NULL ? actions[i] : EF_FOLD_ADD;
        bool counts = passes[from + i] != 0 && !ef_is_null(filter, from + i);
        filtered[i] = (uint8_t)(action | (counts ? 0u : (unsigned)EF_FOLD_PASS));
    }
    return filtered;
}

typedef struct fold_space {
    void *values;      /* [EF_FOLD_ROWS] of 8 bytes */
    uint8_t *valid;    /* [emitted] */
    uint8_t *filtered; /* [EF_FOLD_ROWS] actions of rows with a filter */
    uint8_t *general;  /* [blocks] whether some action is no plain adding or removing; NULL: nowhere */
} fold_space;

static ef_status fold_one(ef_select_call *call, const ef_aggregate *aggregate, const fold_space *space,
                          ef_column *result) {
    uint32_t rows = call->in->rows;
    const ef_column *argument = aggregate->column >= 0 ? &call->arguments[aggregate->column] : NULL;
    const size_t width = aggregate->width;
    result->type = aggregate->result;
    result->validity = NULL;
    result->values = ef_arena_take(call->arena, call->count > 0 ? call->count * width : 1);
    if (result->values == NULL) {
        return ef_fail_memory(call->error);
    }
    ef_fold fold; /* the rest is set for each block */
    fold.single = call->single;
    fold.any_null = false;
    fold.out_of_memory = false;
    fold.emitted = 0;
    fold.arena = call->arena;
    fold.error = call->error;
    uint32_t put = 0;
    for (uint32_t from = 0; from < rows; from += EF_FOLD_ROWS) {
        fold.rows = rows - from < EF_FOLD_ROWS ? rows - from : EF_FOLD_ROWS;
        fold.groups = call->groups != NULL ? call->groups + from : NULL;
        fold.values = input_values(aggregate, argument, from, fold.rows, space->values);
        fold.validity = argument != NULL && argument->validity != NULL ? argument->validity + from / 8 : NULL;
        fold.actions = call->actions != NULL ? call->actions + from : NULL;
        fold.general = space->general != NULL && space->general[from / EF_FOLD_ROWS] != 0;
        if (aggregate->filter >= 0) {
            fold.actions = filter_actions(&call->arguments[aggregate->filter], fold.actions, from, fold.rows, space->filtered);
            fold.general = true;
        }
        fold.emit = call->emit != NULL ? call->emit + from : NULL;
        fold.out = (char *)result->values + put * width;
        fold.out_valid = space->valid + put;
        EF_TRY(aggregate->fold(aggregate, &fold));
        put += fold.emitted;
    }
    EF_ASSERT(put == call->count);
    if (aggregate->output == EF_OUTPUT_KEY) {
        output_keys(aggregate, result->values, put);
    }
    if (fold.any_null) {
        EF_TRY(ef_select_set_nulls(result, space->valid, put, call->arena, call->error));
    }
    if (call->from_fold != NULL) {
        ef_column folded = *result;
        if (!ef_column_gather(result, &folded, call->from_fold, call->count, call->arena)) {
            return ef_fail_memory(call->error);
        }
    }
    return fold.out_of_memory ? ef_fail_memory(call->error) : EF_OK;
}

ef_status ef_select_fold(ef_select_call *call) {
    ef_select *self = call->self;
    uint32_t rows = call->in->rows;
    if (call->met_count == 0) {
        return EF_OK; /* RESETs and failed rows only */
    }
    call->aggregates = ef_arena_take(call->arena, self->aggregate_count * sizeof *call->aggregates);
    fold_space space = {
        .values = ef_arena_take(call->arena, (rows < EF_FOLD_ROWS ? rows : EF_FOLD_ROWS) * 8u),
        .valid = ef_arena_take(call->arena, call->count > 0 ? call->count : 1),
        .filtered = self->has_filters ? ef_arena_take(call->arena, EF_FOLD_ROWS) : NULL,
    };
    if (call->aggregates == NULL || space.values == NULL || space.valid == NULL ||
        (self->has_filters && space.filtered == NULL)) {
        return ef_fail_memory(call->error);
    }
    if (call->actions != NULL && (call->failed != NULL || call->has_kind[EF_RESET] || call->reset_count > 0)) {
        uint32_t blocks = (rows + EF_FOLD_ROWS - 1) / EF_FOLD_ROWS;
        space.general = ef_arena_take(call->arena, blocks > 0 ? blocks : 1);
        if (space.general == NULL) {
            return ef_fail_memory(call->error);
        }
        for (uint32_t b = 0; b < blocks; b++) {
            uint32_t from = b * EF_FOLD_ROWS;
            uint32_t count = rows - from < EF_FOLD_ROWS ? rows - from : EF_FOLD_ROWS;
            space.general[b] = needs_general(call->actions + from, count);
        }
    }
    /* Aggregates that may run out of memory come first: when one fails, fewer have counted rows that are lost. */
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t a = 0; a < self->aggregate_count; a++) {
            bool takes_blocks = self->aggregates[a].clear != NULL;
            if (takes_blocks == (pass == 0)) {
                EF_TRY(fold_one(call, &self->aggregates[a], &space, &call->aggregates[a]));
            }
        }
    }
    return EF_OK;
}

/* Where the argument of an aggregate stands in the few rows. */
typedef struct few_argument {
    const ef_out *from;
    const ef_column *input; /* NULL: no row of the input is among them */
    uint32_t column;
    uint32_t offset;
    size_t width;
    bool is_text;
} few_argument;

static few_argument argument_of(const ef_aggregate *aggregate, const ef_select *self, const ef_out *from) {
    const uint32_t column = self->argument_column[aggregate->column];
    return (few_argument){
        .from = from,
        .input = column < from->input->columns ? &from->input->column[column] : NULL,
        .column = column,
        .offset = from->layout != NULL ? from->layout->offset[column] : 0,
        .width = ef_type_width(aggregate->argument),
        .is_text = ef_key_is_text(aggregate->argument),
    };
}

static inline const void *argument_value(const few_argument *argument, uint32_t row, ef_str *text, bool *is_null) {
    ef_source source = argument->from->source[row];
    if (source >= 0) {
        *is_null = ef_is_null(argument->input, (uint32_t)source);
        return (const char *)argument->input->values + (size_t)source * argument->width;
    }
    const char *kept = ef_pages_at(argument->from->pages, (ef_handle)~source);
    *is_null = ef_row_is_null(kept, argument->column);
    if (EF_UNLIKELY(argument->is_text)) {
        *text = ef_row_string(argument->from->pages, kept + argument->offset);
        return text;
    }
    return kept + argument->offset;
}

/* Row by row, so that no column is made of what is read once. */
static ef_status fold_few(ef_select_call *call, const ef_aggregate *aggregate, const ef_out *from, ef_fold *fold, ef_column *result) {
    static const uint8_t NULL_VALUE = 0;
    const bool has_argument = aggregate->column >= 0;
    const few_argument argument = has_argument ? argument_of(aggregate, call->self, from) : (few_argument){.from = NULL};
    uint8_t valid[EF_OUT_FEW];
    char *out = ef_arena_take(call->arena, call->count * aggregate->width);
    if (out == NULL) {
        return ef_fail_memory(call->error);
    }
    result->type = aggregate->result;
    result->validity = NULL;
    result->values = out;
    fold->any_null = false;
    fold->out_of_memory = false;
    fold->validity = NULL;
    fold->values = NULL;
    fold->out_valid = valid;
    for (uint32_t i = 0; i < from->rows; i++) {
        ef_str text;
        int64_t space;
        if (has_argument) {
            bool is_null;
            fold->values = argument_value(&argument, i, &text, &is_null);
            fold->validity = is_null ? &NULL_VALUE : NULL;
            if (aggregate->converts) {
                const ef_column value = {.values = (void *)(uintptr_t)fold->values, .type = aggregate->argument};
                fold->values = input_values(aggregate, &value, 0, 1, &space);
            }
        }
        fold->single = call->groups[i];
        fold->actions = &from->kind[i];
        fold->emit = &call->emit[i];
        fold->out = out;
        EF_TRY(aggregate->fold(aggregate, fold));
        out += fold->emitted * aggregate->width;
        fold->out_valid += fold->emitted;
    }
    EF_ASSERT(fold->out_valid == valid + call->count);
    if (aggregate->output == EF_OUTPUT_KEY) {
        output_keys(aggregate, result->values, call->count);
    }
    if (EF_UNLIKELY(fold->any_null)) {
        EF_TRY(ef_select_set_nulls(result, valid, call->count, call->arena, call->error));
    }
    return fold->out_of_memory ? ef_fail_memory(call->error) : EF_OK;
}

ef_status ef_select_fold_few(ef_select_call *call, const ef_out *from) {
    ef_select *self = call->self;
    call->aggregates = ef_arena_take(call->arena, self->aggregate_count * sizeof *call->aggregates);
    if (call->aggregates == NULL) {
        return ef_fail_memory(call->error);
    }
    ef_fold fold;
    fold.rows = 1;
    fold.groups = NULL;
    fold.general = false;
    fold.arena = call->arena;
    fold.error = call->error;
    for (uint32_t pass = self->takes_blocks ? 0 : 1; pass < 2; pass++) { /* as in ef_select_fold */
        for (uint32_t a = 0; a < self->aggregate_count; a++) {
            if ((self->aggregates[a].clear != NULL) == (pass == 0)) {
                EF_TRY(fold_few(call, &self->aggregates[a], from, &fold, &call->aggregates[a]));
            }
        }
    }
    return EF_OK;
}
