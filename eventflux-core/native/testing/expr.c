/* The test driver of expression programs; see expr.h. Its host has three functions: 0 doubles a LONG and fails negative ones, 1 counts its
 * calls in a LONG, 2 fails as a whole. */
#include "testing/expr.h"

#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "base/number_text.h"

struct expr_test {
    ef_budget budget;
    ef_alloc alloc;
    ef_arena arena;  /* of runs */
    ef_arena inputs; /* of the batch */
    ef_program *program;
    ef_batch batch;
    ef_track track;
    int64_t clock;
    ef_random random;
    ef_host host;
    uint32_t host_calls;
    uint32_t host_rows;
    ef_out out;
    ef_column *outputs;
    uint8_t *ok;
    ef_error error;
    char *text;
    size_t text_size;
};

static ef_status call(void *context, uint32_t id, uint32_t rows, uint32_t count, const ef_column *arguments,
                      ef_column *result, uint8_t *failed, ef_arena *arena, ef_error *error) {
    expr_test *self = context;
    (void)arena;
    self->host_calls++;
    self->host_rows += rows;
    int64_t *to = result->values;
    for (uint32_t i = 0; i < rows; i++) {
        switch (id) {
        case 0: {
            int64_t value = count > 0 ? ((const int64_t *)arguments[0].values)[i] : 0;
            to[i] = (int64_t)((uint64_t)value * 2);
            if (count == 0 || ef_is_null(&arguments[0], i)) {
                ef_bit_clear(result->validity, i);
            } else {
                failed[i] = value < 0;
            }
            break;
        }
        case 1:
            to[i] = self->host_calls;
            break;
        default:
            return ef_fail(error, EF_HOST, "the function raised");
        }
    }
    return EF_OK;
}

static const char *failure(void *context, uint32_t row) {
    (void)context;
    (void)row;
    return "negative";
}

expr_test *expr_test_new(int64_t limit) {
    expr_test *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    ef_budget_init(&self->budget, limit);
    ef_alloc_init(&self->alloc, &self->budget);
    ef_arena_init(&self->arena, &self->alloc);
    ef_arena_init(&self->inputs, &self->alloc);
    self->track = (ef_track){.clock = &self->clock, .steps = 1};
    self->host = (ef_host){.context = self, .call = call, .failure = failure};
    ef_random_seed(&self->random, 1);
    return self;
}

static void drop_program(expr_test *self) {
    ef_program_free(self->program);
    self->program = NULL;
    if (self->text != NULL) {
        ef_free(&self->alloc, self->text, self->text_size);
    }
    self->text = NULL;
}

/* Bytes that were not given back. */
int64_t expr_test_free(expr_test *self) {
    drop_program(self);
    ef_arena_clear(&self->arena);
    ef_arena_clear(&self->inputs);
    int64_t left = atomic_load(&self->budget.used);
    free(self);
    return left;
}

void expr_test_fail_after(expr_test *self, int64_t allocations) {
    atomic_store(&self->budget.fail_after, allocations);
}

const char *expr_test_message(const expr_test *self) {
    return self->error.message;
}

int64_t expr_test_row(const expr_test *self) {
    return self->error.row;
}

int expr_test_begin(expr_test *self, uint32_t columns, const int32_t *types) {
    ef_type wanted[64];
    if (columns > 64) {
        return EF_LIMIT;
    }
    for (uint32_t i = 0; i < columns; i++) {
        wanted[i] = (ef_type)types[i];
    }
    drop_program(self);
    EF_TRY(ef_program_new(&self->alloc, columns, wanted, &self->program, &self->error));
    ef_arena_reset(&self->inputs);
    self->batch = (ef_batch){.columns = columns, .column = ef_take(&self->inputs, columns * sizeof(ef_column))};
    if (self->batch.column == NULL) {
        return EF_NO_MEMORY;
    }
    for (uint32_t i = 0; i < columns; i++) {
        self->batch.column[i] = (ef_column){.type = wanted[i]};
    }
    return EF_OK;
}

int32_t expr_test_column(expr_test *self, uint32_t column) {
    return ef_program_column(self->program, column, &self->error);
}

int32_t expr_test_constant(expr_test *self, int32_t type, const void *value) {
    return ef_program_constant(self->program, (ef_type)type, value, &self->error);
}

int32_t expr_test_constant_text(expr_test *self, int32_t type, const char *data, uint32_t length) {
    ef_str text = ef_str_view(data, length);
    return ef_program_constant(self->program, (ef_type)type, &text, &self->error);
}

int32_t expr_test_call(expr_test *self, const char *operation, const int32_t *arguments, uint32_t count) {
    return ef_program_call(self->program, operation, arguments, count, &self->error);
}

int32_t expr_test_host_call(expr_test *self, uint32_t function, int32_t returns, const int32_t *arguments,
                            uint32_t count) {
    return ef_program_host_call(self->program, function, (ef_type)returns, arguments, count, &self->error);
}

int expr_test_begin_mask(expr_test *self, int32_t condition, bool when) {
    return ef_program_begin_mask(self->program, condition, when, &self->error);
}

int expr_test_end_mask(expr_test *self) {
    return ef_program_end_mask(self->program, &self->error);
}

int expr_test_output(expr_test *self, int32_t value) {
    return ef_program_output(self->program, value, &self->error);
}

int32_t expr_test_register_type(const expr_test *self, int32_t value) {
    return (int32_t)ef_program_register_type(self->program, value);
}

int32_t expr_test_output_column(const expr_test *self, uint32_t output) {
    uint32_t column;
    return ef_program_output_column(self->program, output, &column) ? (int32_t)column : -1;
}

bool expr_test_reads_clock(const expr_test *self) {
    return ef_program_reads_clock(self->program);
}

char *expr_test_text(expr_test *self) {
    if (self->text != NULL) {
        ef_free(&self->alloc, self->text, self->text_size);
        self->text = NULL;
    }
    return ef_program_text(self->program, &self->alloc, &self->text, &self->text_size, &self->error) == EF_OK ? self->text
                                                                                                            : NULL;
}

int expr_test_rows(expr_test *self, uint32_t rows) {
    self->batch.rows = rows;
    self->batch.timestamps = ef_take(&self->inputs, rows * sizeof(int64_t));
    if (self->batch.timestamps == NULL) {
        return EF_NO_MEMORY;
    }
    memset(self->batch.timestamps, 0, rows * sizeof(int64_t));
    return EF_OK;
}

/* Exactly as long as they must be, so that a sanitizer sees each byte read behind them. */
static void *copy_exactly(expr_test *self, const void *from, size_t size) {
    void *to = ef_take(&self->inputs, size);
    if (to != NULL && size > 0) {
        memcpy(to, from, size);
    }
    return to;
}

static int set_validity(expr_test *self, ef_column *column, const uint8_t *validity) {
    column->validity = NULL;
    if (validity != NULL) {
        column->validity = copy_exactly(self, validity, ef_bitmap_size(self->batch.rows));
        return column->validity != NULL ? EF_OK : EF_NO_MEMORY;
    }
    return EF_OK;
}

int expr_test_values(expr_test *self, uint32_t index, const void *values, const uint8_t *validity) {
    ef_column *column = &self->batch.column[index];
    column->values = copy_exactly(self, values, self->batch.rows * ef_type_width(column->type));
    return column->values != NULL ? set_validity(self, column, validity) : EF_NO_MEMORY;
}

int expr_test_texts(expr_test *self, uint32_t index, const char *data, const uint32_t *ends, const uint8_t *validity) {
    ef_column *column = &self->batch.column[index];
    uint32_t rows = self->batch.rows, start = 0;
    ef_str *texts = ef_take(&self->inputs, rows * sizeof *texts);
    char *bytes = copy_exactly(self, data, rows > 0 ? ends[rows - 1] : 0);
    if (texts == NULL || bytes == NULL) {
        return EF_NO_MEMORY;
    }
    for (uint32_t i = 0; i < rows; i++) {
        texts[i] = ef_str_view(bytes + start, ends[i] - start);
        start = ends[i];
    }
    column->values = texts;
    return set_validity(self, column, validity);
}

int expr_test_times(expr_test *self, const int64_t *timestamps, const int64_t *clock, uint32_t steps,
                    const int64_t *causes) {
    memcpy(self->batch.timestamps, timestamps, self->batch.rows * sizeof *timestamps);
    self->track.clock = copy_exactly(self, clock, steps * sizeof *clock);
    self->track.steps = steps;
    self->batch.causes = causes != NULL ? copy_exactly(self, causes, self->batch.rows * sizeof *causes) : NULL;
    return self->track.clock != NULL && (causes == NULL || self->batch.causes != NULL) ? EF_OK : EF_NO_MEMORY;
}

void expr_test_seed(expr_test *self, uint64_t seed) {
    ef_random_seed(&self->random, seed);
}

static ef_run begin_run(expr_test *self, bool error_edge) {
    ef_arena_reset(&self->arena);
    memset(&self->error, 0, sizeof self->error);
    self->error.row = -1;
    self->host_calls = 0;
    self->host_rows = 0;
    memset(&self->out, 0, sizeof self->out);
    ef_out_init(&self->out, &self->arena, &self->batch);
    return (ef_run){.arena = &self->arena,
                    .track = &self->track,
                    .host = &self->host,
                    .random = &self->random,
                    .out = error_edge ? &self->out : NULL};
}

int expr_test_run(expr_test *self, bool error_edge) {
    ef_run run = begin_run(self, error_edge);
    self->ok = NULL;
    self->outputs = ef_take(&self->arena, ef_program_outputs(self->program) * sizeof *self->outputs);
    if (self->outputs == NULL) {
        return EF_NO_MEMORY;
    }
    return ef_program_run(self->program, &self->batch, &run, self->outputs, &self->ok, &self->error);
}

const void *expr_test_result(const expr_test *self, uint32_t output) {
    return self->outputs[output].values;
}

const uint8_t *expr_test_result_validity(const expr_test *self, uint32_t output) {
    return self->outputs[output].validity;
}

const char *expr_test_result_text(const expr_test *self, uint32_t output, uint32_t row, uint32_t *length) {
    const ef_str *text = (const ef_str *)self->outputs[output].values + row;
    *length = text->length;
    return ef_str_data(text);
}

const uint8_t *expr_test_ok(const expr_test *self) {
    return self->ok;
}

uint32_t expr_test_failed(const expr_test *self) {
    return self->out.failed_count;
}

const char *expr_test_failure(const expr_test *self, uint32_t index, uint32_t *at) {
    *at = self->out.failed[index].at;
    return self->out.failed[index].message;
}

int64_t expr_test_select(expr_test *self, const uint32_t **rows) {
    ef_run run = begin_run(self, true);
    uint32_t *kept, count;
    ef_status status = ef_program_select(self->program, &self->batch, &run, &kept, &count, &self->error);
    *rows = kept;
    return status == EF_OK ? (int64_t)count : (int64_t)status;
}

uint32_t expr_test_host_calls(const expr_test *self) {
    return self->host_calls;
}

uint32_t expr_test_host_rows(const expr_test *self) {
    return self->host_rows;
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

/* Nanoseconds of one run. */
double expr_test_nanoseconds(expr_test *self, uint32_t runs, bool select) {
    ef_run run = begin_run(self, true);
    ef_column outputs[16];
    uint32_t *rows, count;
    uint8_t *ok;
    double start = now();
    for (uint32_t i = 0; i < runs; i++) {
        ef_arena_reset(&self->arena);
        ef_status status = select
                               ? ef_program_select(self->program, &self->batch, &run, &rows, &count, &self->error)
                               : ef_program_run(self->program, &self->batch, &run, outputs, &ok, &self->error);
        if (status != EF_OK) {
            return -1;
        }
    }
    return (now() - start) / runs;
}

/* The same work without the machine: 0 adds two columns of doubles, 1 compares one with a constant and lists the rows. */
double expr_test_bare_loop(expr_test *self, uint32_t kind, uint32_t runs) {
    uint32_t n = self->batch.rows;
    const double *a = self->batch.column[0].values;
    const double *b = self->batch.column[1].values;
    double *sums = ef_take(&self->inputs, n * sizeof *sums);
    uint32_t *rows = ef_take(&self->inputs, n * sizeof *rows);
    if (sums == NULL || rows == NULL) {
        return -1;
    }
    volatile double sink = 0;
    double start = now();
    for (uint32_t r = 0; r < runs; r++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < n && kind == 0; i++) {
            sums[i] = a[i] + b[i];
        }
        for (uint32_t i = 0; i < n && kind == 1; i++) {
            rows[count] = i;
            count += a[i] > 0.5;
        }
        sink = sink + (kind == 0 ? sums[r % n] : (double)count);
    }
    return (now() - start) / runs;
}

const char *expr_test_operation(uint32_t index, const char **signature, int32_t *result) {
    if (index >= EF_OPERATION_COUNT) {
        return NULL;
    }
    *signature = EF_OPERATIONS[index].signature;
    *result = EF_OPERATIONS[index].result;
    return EF_OPERATIONS[index].name;
}

uint32_t expr_test_format(double value, bool single, char *to) {
    return single ? ef_format_float((float)value, to) : ef_format_double(value, to);
}

bool expr_test_object_check(const char *data, size_t length) {
    return ef_object_check(data, length);
}

bool expr_test_object_equal(const char *a, uint32_t a_length, const char *b, uint32_t b_length) {
    ef_str x = ef_str_view(a, a_length), y = ef_str_view(b, b_length);
    return ef_object_equal(&x, &y);
}

uint64_t expr_test_object_hash(const char *data, uint32_t length, uint64_t seed) {
    ef_str value = ef_str_view(data, length);
    return ef_object_hash(&value, seed);
}

static int64_t hand_over(const ef_object_writer *made, char *to, size_t room) {
    if (made->failed || made->length > room) {
        return -1;
    }
    if (made->length > 0) {
        memcpy(to, made->bytes, made->length);
    }
    return (int64_t)made->length;
}

/* JSON text to msgpack; -1: refused. */
int64_t expr_test_json(expr_test *self, const char *text, size_t length, char *to, size_t room) {
    ef_object_writer made;
    ef_arena_reset(&self->arena);
    ef_object_writer_init(&made, &self->arena);
    return ef_json_read(text, length, &made) ? hand_over(&made, to, room) : -1;
}

/* msgpack to JSON text. */
int64_t expr_test_print(expr_test *self, const char *data, uint32_t length, char *to, size_t room) {
    ef_object_writer made;
    ef_str value = ef_str_view(data, length);
    ef_arena_reset(&self->arena);
    ef_object_writer_init(&made, &self->arena);
    return ef_json_write(&value, &made) ? hand_over(&made, to, room) : -1;
}
