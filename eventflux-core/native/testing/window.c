/* See window.h. Test code: where memory for the test itself is missing it gives up. */
#include "testing/window.h"

#include <stdlib.h>
#include <time.h>

#include "window/expression.h"
#include "window/windows.h"

struct eft_window {
    ef_budget budget;      /* of the window */
    ef_alloc alloc;
    ef_budget slice_budget; /* of the slice arena */
    ef_alloc slice_alloc;
    ef_budget own_budget;  /* of the test: inputs, saved bytes */
    ef_alloc own_alloc;
    ef_arena arena;
    ef_arena inputs;
    const ef_operator_class *operator_class;
    void *self;
    ef_batch batch;
    ef_column *column;
    ef_type *types;
    uint32_t columns;
    ef_out out;
    ef_error error;
    char *saved;
    size_t saved_size;
    ef_writer held;
    bool holds;
};

static void *need(void *block) {
    if (block == NULL) {
        abort();
    }
    return block;
}

static void to_param(const eft_param *from, ef_param *to) {
    memset(to, 0, sizeof *to);
    to->kind = (ef_param_kind)from->kind;
    to->type = (ef_type)from->type;
    to->column = from->column;
    to->null = from->null != 0;
    switch (to->type) {
    case EF_BOOL:
        to->value.b = from->integer != 0;
        break;
    case EF_INT:
        to->value.i = (int32_t)from->integer;
        break;
    case EF_LONG:
        to->value.l = from->integer;
        break;
    case EF_FLOAT:
        to->value.f = (float)from->real;
        break;
    case EF_DOUBLE:
        to->value.d = from->real;
        break;
    default:
        to->value.s = from->text != NULL ? ef_str_view(from->text, (uint32_t)strlen(from->text)) : ef_str_empty();
        break;
    }
}

/* A condition by its name: "count": count() <= limit; "sum": sum(column 1) < limit; "run": first.column 0 == last.column 0. */
static ef_status make_condition(const ef_operator_config *config, const ef_expression_config *expression,
                                const char *condition, int64_t limit, void **self, ef_error *error) {
    uint32_t columns = config->columns, all = ef_expression_columns(columns);
    ef_type *types = need(calloc(all + 1, sizeof *types));
    for (uint32_t part = 0; part < 3; part++) {
        uint32_t at = part == 0 ? 0 : part * columns + part - 1;
        memcpy(types + at, config->types, columns * sizeof *types);
        if (part > 0) {
            types[at + columns] = EF_LONG;
        }
    }
    types[all] = EF_LONG; /* of the aggregate */
    bool is_run = strcmp(condition, "run") == 0, is_sum = strcmp(condition, "sum") == 0;
    ef_aggregate_config aggregate = {.name = is_sum ? "sum_long" : "count",
                                     .argument = is_sum ? config->types[1] : 0,
                                     .argument_output = is_sum ? 0 : -1};
    ef_select_config select = {
        .aggregates = &aggregate, .aggregate_count = is_run ? 0 : 1, .visible = 1, .limit = -1};
    ef_status status = ef_program_new(config->alloc, all + (is_run ? 0 : 1), types, &select.outputs, error);
    if (status == EF_OK && is_sum) {
        status = ef_program_new(config->alloc, all, types, &select.arguments, error);
        ef_register value = status == EF_OK ? ef_program_column(select.arguments, 1, error) : -1;
        status = value >= 0 ? ef_program_output(select.arguments, value, error) : EF_NO_MEMORY;
    }
    free(types);
    if (status == EF_OK) {
        ef_register sides[2];
        sides[0] = ef_program_column(select.outputs, is_run ? columns : all, error);
        sides[1] = is_run ? ef_program_column(select.outputs, 2 * columns + 1, error)
                          : ef_program_constant(select.outputs, EF_LONG, &limit, error);
        ef_register holds = -1;
        if (sides[0] >= 0 && sides[1] >= 0) {
            holds = ef_program_call(select.outputs, is_run ? "equal_string" : is_sum ? "less_long" : "less_equal_long",
                                    sides, 2, error);
        }
        status = holds >= 0 ? ef_program_output(select.outputs, holds, error) : EF_NO_MEMORY;
    }
    if (status != EF_OK) {
        ef_program_free(select.arguments);
        ef_program_free(select.outputs);
        return status;
    }
    ef_expression_config made = *expression;
    made.select = &select;
    return ef_expression_window_create(config, &made, self, error);
}

eft_window *eft_window_new(const char *name, uint32_t columns, const int *types, const eft_param *params, uint32_t count,
                           int rank, int wants_expired, char *message) {
    const ef_operator_class *operator_class = ef_window_find(name);
    bool is_batch = strcmp(name, "expression_batch") == 0;
    bool is_conditional = is_batch || strcmp(name, "expression") == 0;
    if (is_conditional) {
        operator_class = is_batch ? &ef_expression_batch_window_class : &ef_expression_window_class;
    }
    if (operator_class == NULL) {
        return NULL;
    }
    eft_window *window = need(calloc(1, sizeof *window));
    ef_budget_init(&window->budget, 0);
    ef_budget_init(&window->slice_budget, 0);
    ef_budget_init(&window->own_budget, 0);
    ef_alloc_init(&window->alloc, &window->budget);
    ef_alloc_init(&window->slice_alloc, &window->slice_budget);
    ef_alloc_init(&window->own_alloc, &window->own_budget);
    ef_arena_init(&window->arena, &window->slice_alloc);
    ef_arena_init(&window->inputs, &window->own_alloc);
    window->operator_class = operator_class;
    window->columns = columns;
    window->types = need(calloc(columns + 1, sizeof *window->types));
    for (uint32_t c = 0; c < columns; c++) {
        window->types[c] = (ef_type)types[c];
    }
    ef_param *given = need(calloc(count + 1, sizeof *given));
    for (uint32_t i = 0; i < count; i++) {
        to_param(&params[i], &given[i]);
    }
    ef_operator_config config = {
        .columns = columns,
        .types = window->types,
        .params = given,
        .param_count = count,
        .rank = (uint16_t)rank,
        .wants_expired = wants_expired != 0,
        .playback = true,
        .alloc = &window->alloc,
    };
    ef_status status;
    if (is_conditional) { /* name of the condition, its limit, include, stream */
        ef_expression_config expression = {
            .is_batch = is_batch, .includes = params[2].integer != 0, .streams = params[3].integer != 0};
        status = make_condition(&config, &expression, params[0].text, params[1].integer, &window->self, &window->error);
    } else {
        status = operator_class->create(&config, &window->self, &window->error);
    }
    free(given);
    if (status != EF_OK) {
        memcpy(message, window->error.message, EF_MESSAGE_SIZE);
        window->self = NULL;
        eft_window_free(window);
        return NULL;
    }
    return window;
}

int64_t eft_window_leaked(eft_window *window) {
    if (window->self != NULL) {
        if (window->holds) {
            ef_writer_clear(&window->held);
            window->holds = false;
        }
        window->operator_class->destroy(window->self);
        window->self = NULL;
    }
    return atomic_load(&window->alloc.used);
}

void eft_window_free(eft_window *window) {
    (void)eft_window_leaked(window);
    ef_arena_clear(&window->arena);
    ef_arena_clear(&window->inputs);
    free(window->types);
    free(window->saved);
    free(window);
}

static void end_slice(eft_window *window) {
    ef_arena_reset(&window->arena);
    memset(&window->out, 0, sizeof window->out);
    ef_pages_reclaim_all(&window->budget);
}

void eft_window_rows(eft_window *window, uint32_t rows) {
    end_slice(window);
    ef_arena_reset(&window->inputs);
    ef_batch *batch = &window->batch;
    memset(batch, 0, sizeof *batch);
    batch->rows = rows;
    batch->columns = window->columns;
    batch->column = need(ef_arena_take(&window->inputs, (window->columns + 1) * sizeof *batch->column));
    for (uint32_t c = 0; c < window->columns; c++) {
        size_t size = (rows + 1) * ef_type_width(window->types[c]);
        batch->column[c] = (ef_column){.type = window->types[c], .values = need(ef_arena_take(&window->inputs, size))};
        memset(batch->column[c].values, 0, size);
    }
    batch->timestamps = need(ef_arena_take(&window->inputs, (rows + 1) * sizeof *batch->timestamps));
    batch->causes = need(ef_arena_take(&window->inputs, (rows + 1) * sizeof *batch->causes));
    batch->slots = need(ef_arena_take(&window->inputs, (rows + 1) * sizeof *batch->slots));
}

void eft_window_set(eft_window *window, uint32_t row, uint32_t column, int64_t integer, double real, const char *text,
                    uint32_t length, int null) {
    ef_column *to = &window->batch.column[column];
    if (null) {
        if (to->validity == NULL) {
            size_t size = ef_bitmap_size(window->batch.rows);
            to->validity = need(ef_arena_take(&window->inputs, size));
            memset(to->validity, 0xFF, size);
        }
        ef_bit_clear(to->validity, row);
        return;
    }
    switch (to->type) {
    case EF_BOOL:
        ((uint8_t *)to->values)[row] = integer != 0;
        break;
    case EF_INT:
        ((int32_t *)to->values)[row] = (int32_t)integer;
        break;
    case EF_LONG:
        ((int64_t *)to->values)[row] = integer;
        break;
    case EF_FLOAT:
        ((float *)to->values)[row] = (float)real;
        break;
    case EF_DOUBLE:
        ((double *)to->values)[row] = real;
        break;
    default: {
        char *copy = need(ef_arena_take(&window->inputs, length + 1));
        if (length > 0) {
            memcpy(copy, text, length);
        }
        ((ef_str *)to->values)[row] = ef_str_view(copy, length);
        break;
    }
    }
}

void eft_window_row(eft_window *window, uint32_t row, int64_t timestamp, int64_t cause, uint32_t slot) {
    window->batch.timestamps[row] = timestamp;
    window->batch.causes[row] = cause;
    window->batch.slots[row] = slot;
}

/* The batch as it is called for; its memory is the inputs'. */
static ef_batch *shape(eft_window *window, int form, const uint32_t *ends, uint32_t deliveries) {
    ef_batch *batch = need(ef_arena_take(&window->inputs, sizeof *batch));
    *batch = window->batch;
    batch->form = (uint8_t)form;
    if (form == EF_ENDS) {
        batch->ends = need(ef_arena_take(&window->inputs, (deliveries + 1) * sizeof *batch->ends));
        memcpy(batch->ends, ends, deliveries * sizeof *batch->ends);
        batch->deliveries = deliveries;
    }
    return batch;
}

int eft_window_process(eft_window *window, int has_causes, int has_slots, int form, const uint32_t *ends,
                       uint32_t deliveries, const int64_t *clock, uint32_t steps, int64_t before, uint32_t max_firings,
                       const uint8_t *quiet) {
    end_slice(window);
    ef_batch *batch = shape(window, form, ends, deliveries);
    if (!has_causes) {
        batch->causes = NULL;
    }
    if (!has_slots) {
        batch->slots = NULL;
    }
    ef_track track = {
        .clock = clock, .before = before, .steps = steps, .max_firings = max_firings, .quiet = quiet};
    ef_out_init(&window->out, &window->arena, batch);
    ef_status status =
        window->operator_class->process(window->self, 0, batch, &track, &window->out, &window->error);
    if (status != EF_OK) {
        memset(&window->out, 0, sizeof window->out);
    }
    return status;
}

int eft_window_view(eft_window *window, int form, const uint32_t *ends, uint32_t deliveries, uint32_t from,
                    uint32_t count) {
    end_slice(window);
    ef_batch *batch = shape(window, form, ends, deliveries);
    return ef_batch_view(&window->out.result, batch, from, count, &window->arena) ? EF_OK : EF_NO_MEMORY;
}

int eft_window_gather(eft_window *window, int form, const uint32_t *ends, uint32_t deliveries, const uint32_t *rows,
                      uint32_t count) {
    end_slice(window);
    ef_batch *batch = shape(window, form, ends, deliveries);
    return ef_batch_gather(&window->out.result, batch, rows, count, &window->arena) ? EF_OK : EF_NO_MEMORY;
}

int eft_window_find(eft_window *window, uint32_t slot, int64_t now) {
    end_slice(window);
    ef_out_init(&window->out, &window->arena, NULL);
    ef_status status = window->operator_class->find(window->self, slot, now, &window->out, &window->error);
    if (status != EF_OK) {
        memset(&window->out, 0, sizeof window->out);
    }
    return status;
}

uint32_t eft_window_out_rows(eft_window *window) {
    return window->out.result.rows;
}

int eft_window_out_batch_chunk(eft_window *window) {
    return window->out.result.batch_chunk;
}

uint32_t eft_window_out_failed(eft_window *window, uint32_t *at, uint32_t capacity) {
    for (uint32_t i = 0; i < window->out.failed_count && i < capacity; i++) {
        at[i] = window->out.failed[i].at;
    }
    return window->out.failed_count;
}

void eft_window_out_row(eft_window *window, uint32_t row, int64_t *timestamp, int *kind, int64_t *cause, uint32_t *slot,
                        int *last) {
    const ef_batch *result = &window->out.result;
    *timestamp = result->timestamps[row];
    *kind = ef_row_kind(result, row);
    *cause = ef_row_cause(result, row);
    *slot = ef_row_slot(result, row);
    *last = 0;
    for (uint32_t d = 0; d < ef_deliveries(result); d++) {
        *last |= ef_delivery_end(result, d) == row + 1;
    }
}

int eft_window_out_value(eft_window *window, uint32_t row, uint32_t column, int64_t *integer, double *real,
                         const char **text, uint32_t *length) {
    const ef_column *from = &window->out.result.column[column];
    if (ef_is_null(from, row)) {
        return 0;
    }
    switch (from->type) {
    case EF_BOOL:
        *integer = ((uint8_t *)from->values)[row];
        break;
    case EF_INT:
        *integer = ((int32_t *)from->values)[row];
        break;
    case EF_LONG:
        *integer = ((int64_t *)from->values)[row];
        break;
    case EF_FLOAT:
        *real = (double)((float *)from->values)[row];
        break;
    case EF_DOUBLE:
        *real = ((double *)from->values)[row];
        break;
    default: {
        const ef_str *value = (const ef_str *)from->values + row;
        *text = ef_str_data(value);
        *length = value->length;
        break;
    }
    }
    return 1;
}

int64_t eft_window_next_due(eft_window *window) {
    return window->operator_class->next_due(window->self);
}

uint64_t eft_window_size(eft_window *window) {
    return window->operator_class->size(window->self);
}

int64_t eft_window_memory(eft_window *window) {
    return atomic_load(&window->alloc.used);
}

void eft_window_purge(eft_window *window, uint32_t slot) {
    window->operator_class->purge(window->self, slot);
}

int eft_window_save(eft_window *window, char **bytes, size_t *length) {
    end_slice(window);
    ef_writer writer;
    ef_writer_init(&writer, &window->alloc);
    ef_status status = window->operator_class->save(window->self, &writer, &window->error);
    if (status == EF_OK) {
        free(window->saved);
        window->saved_size = ef_writer_size(&writer);
        window->saved = need(malloc(window->saved_size + 1));
        ef_writer_copy(&writer, window->saved);
        *bytes = window->saved;
        *length = window->saved_size;
    }
    ef_writer_clear(&writer);
    return status;
}

int eft_window_load(eft_window *window, const char *bytes, size_t length) {
    ef_reader reader;
    ef_reader_init(&reader, bytes, length);
    ef_status status = window->operator_class->load(window->self, &reader, window->operator_class->state_version,
                                                    &window->error);
    return status == EF_OK && ef_reader_left(&reader) > 0 ? EF_CORRUPT : status;
}

void eft_window_hold(eft_window *window) {
    end_slice(window);
    if (window->holds) {
        ef_writer_clear(&window->held);
    }
    ef_writer_init(&window->held, &window->own_alloc);
    window->holds = true;
    if (window->operator_class->save(window->self, &window->held, &window->error) != EF_OK) {
        abort();
    }
}

void eft_window_fail_after(eft_window *window, int64_t allocations) {
    atomic_store(&window->budget.fail_after, allocations);
    atomic_store(&window->slice_budget.fail_after, allocations);
}

const char *eft_window_message(eft_window *window) {
    return window->error.message;
}

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t eft_window_benchmark(const char *name, const eft_param *params, uint32_t count, int wants_expired,
                             uint32_t slices, uint32_t rows, uint32_t rows_per_ms, uint32_t slots, uint64_t *rows_out) {
    const int types[] = {EF_DOUBLE, EF_STRING, EF_LONG};
    char message[EF_MESSAGE_SIZE];
    eft_window *window = eft_window_new(name, 3, types, params, count, 1, wants_expired, message);
    if (window == NULL) {
        return -1;
    }
    eft_window_rows(window, rows);
    for (uint32_t i = 0; i < rows; i++) {
        char text[16] = "S0000";
        text[4] = (char)('0' + i % 10);
        text[3] = (char)('0' + i / 10 % 10);
        eft_window_set(window, i, 0, 0, (double)i, NULL, 0, 0);
        eft_window_set(window, i, 1, 0, 0, text, 5, 0);
    }
    int64_t *clock = need(calloc(rows, sizeof *clock));
    int64_t spent = 0;
    *rows_out = 0;
    for (uint32_t s = 0; s < slices; s++) {
        for (uint32_t i = 0; i < rows; i++) {
            clock[i] = ((int64_t)s * rows + i) / rows_per_ms + 1000;
            eft_window_row(window, i, clock[i], EF_CAUSE(i, EF_RANK_LAST, 0), slots > 1 ? i * 7919u % slots : 0);
            ((int64_t *)window->batch.column[2].values)[i] = clock[i];
        }
        int64_t began = nanoseconds();
        int status = eft_window_process(window, 1, slots > 1, EF_EACH_ROW, NULL, 0, clock, rows, 0, UINT32_MAX, NULL);
        spent += nanoseconds() - began;
        if (status != EF_OK) {
            spent = -1;
            break;
        }
        *rows_out += eft_window_out_rows(window);
    }
    free(clock);
    eft_window_free(window);
    return spent;
}
