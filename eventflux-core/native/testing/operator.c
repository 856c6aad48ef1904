/* See operator.h. */
#include "testing/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_COLUMNS 64
#define PROGRAMS 3

struct ef_operator_tester {
    ef_budget budget;
    ef_alloc alloc;
    ef_arena arena;
    ef_error error;
    ef_random random;
    uint64_t seed;

    uint32_t columns;
    ef_type types[MOST_COLUMNS];
    uint32_t aggregate_count;
    ef_aggregate_config aggregates[MOST_COLUMNS];
    char names[MOST_COLUMNS][32];
    uint32_t order_count;
    ef_order_key order[8];
    ef_program *program[PROGRAMS];

    const ef_operator_class *operator_class;
    void *operator;
    int64_t start; /* clock where none is given */
    ef_track track;
    ef_batch batch;
    ef_column column[MOST_COLUMNS];
    ef_str *texts[MOST_COLUMNS];
    ef_out out;
    ef_writer saved;
    bool is_saved;
    char *bytes;
    size_t byte_count;
};

ef_operator_tester *ef_operator_tester_new(uint64_t seed) {
    ef_operator_tester *tester = calloc(1, sizeof *tester);
    if (tester == NULL) {
        return NULL;
    }
    ef_budget_init(&tester->budget, 0);
    ef_alloc_init(&tester->alloc, &tester->budget);
    ef_arena_init(&tester->arena, &tester->alloc);
    tester->seed = seed;
    tester->track = (ef_track){.clock = &tester->start, .steps = 1};
    ef_random_seed(&tester->random, seed);
    return tester;
}

static void drop_texts(ef_operator_tester *tester) {
    for (uint32_t c = 0; c < MOST_COLUMNS; c++) {
        free(tester->texts[c]);
        tester->texts[c] = NULL;
    }
}

static void drop_saved(ef_operator_tester *tester) {
    if (tester->is_saved) {
        ef_writer_clear(&tester->saved);
        tester->is_saved = false;
    }
}

void ef_operator_tester_free(ef_operator_tester *tester) {
    ef_budget *budget = &tester->budget;
    if (tester->operator != NULL) {
        tester->operator_class->destroy(tester->operator);
    }
    for (int p = 0; p < PROGRAMS; p++) {
        ef_program_free(tester->program[p]);
    }
    drop_saved(tester);
    drop_texts(tester);
    free(tester->bytes);
    ef_arena_clear(&tester->arena);
    if (budget->used != 0) {
        fprintf(stderr, "an operator lost %lld bytes\n", (long long)budget->used);
        abort();
    }
    free(tester);
}

const char *ef_operator_tester_message(const ef_operator_tester *tester) {
    return tester->error.message;
}

int ef_operator_tester_input(ef_operator_tester *tester, int type) {
    tester->types[tester->columns++] = (ef_type)type;
    return 0;
}

int ef_operator_tester_aggregate(ef_operator_tester *tester, const char *name, int argument, int output) {
    uint32_t a = tester->aggregate_count++;
    snprintf(tester->names[a], sizeof tester->names[a], "%s", name);
    tester->aggregates[a] = (ef_aggregate_config){.name = tester->names[a], .argument = (ef_type)argument, .argument_output = output};
    return (int)ef_aggregate_type(name, (ef_type)argument);
}

int ef_operator_tester_order(ef_operator_tester *tester, uint32_t output, bool descending, bool nulls_first) {
    tester->order[tester->order_count++] = (ef_order_key){output, descending, nulls_first};
    return 0;
}

static ef_status open_program(ef_operator_tester *tester, int program) {
    if (tester->program[program] != NULL) {
        return EF_OK;
    }
    ef_type types[2 * MOST_COLUMNS];
    uint32_t count = 0;
    if (program == 2) {
        for (; count < ef_program_outputs(tester->program[1]); count++) {
            types[count] = ef_program_output_type(tester->program[1], count);
        }
    } else {
        for (; count < tester->columns; count++) {
            types[count] = tester->types[count];
        }
    }
    for (uint32_t a = 0; program == 1 && a < tester->aggregate_count; a++) {
        types[count++] = ef_aggregate_type(tester->names[a], tester->aggregates[a].argument);
    }
    return ef_program_new(&tester->alloc, count, types, &tester->program[program], &tester->error);
}

int ef_operator_tester_column(ef_operator_tester *tester, int program, uint32_t column) {
    ef_status status = open_program(tester, program);
    return status != EF_OK ? (int)status : ef_program_column(tester->program[program], column, &tester->error);
}

int ef_operator_tester_constant(ef_operator_tester *tester, int program, int type, const void *value) {
    ef_status status = open_program(tester, program);
    return status != EF_OK ? (int)status
                           : ef_program_constant(tester->program[program], (ef_type)type, value, &tester->error);
}

int ef_operator_tester_call(ef_operator_tester *tester, int program, const char *operation, const int *arguments,
                          uint32_t count) {
    return ef_program_call(tester->program[program], operation, arguments, count, &tester->error);
}

int ef_operator_tester_output(ef_operator_tester *tester, int program, int reg) {
    return (int)ef_program_output(tester->program[program], reg, &tester->error);
}

int ef_operator_tester_select(ef_operator_tester *tester, uint32_t keys, uint32_t visible, int64_t limit, int64_t offset,
                          bool current, bool expired, int removal) {
    ef_operator_config config = {
        .columns = tester->columns,
        .types = tester->types,
        .wants_expired = expired,
        .playback = true,
        .alloc = &tester->alloc,
    };
    ef_select_config select = {
        .arguments = tester->program[0],
        .group_keys = keys,
        .aggregates = tester->aggregates,
        .aggregate_count = tester->aggregate_count,
        .outputs = tester->program[1],
        .visible = visible,
        .having = tester->program[2],
        .order = tester->order,
        .order_count = tester->order_count,
        .limit = limit,
        .offset = offset,
        .current = current,
        .expired = expired,
        .removal = (ef_removal)removal,
        .hash_seed = tester->seed,
        .random = &tester->random,
    };
    for (int p = 0; p < PROGRAMS; p++) {
        tester->program[p] = NULL; /* taken */
    }
    tester->operator_class = &ef_select_class;
    return (int)ef_select_create(&config, &select, &tester->operator, &tester->error);
}

int ef_operator_tester_rate_limit(ef_operator_tester *tester, int rate, bool by_time, int64_t every, uint32_t visible,
                                  const uint32_t *keys, uint32_t key_count, bool partitioned, bool windowed,
                                  const bool *aggregate) {
    ef_operator_config config = {
        .columns = tester->columns,
        .types = tester->types,
        .rank = 1,
        .wants_expired = true,
        .playback = true,
        .alloc = &tester->alloc,
    };
    ef_rate_limit_config limit = {
        .rate = (ef_rate)rate,
        .by_time = by_time,
        .every = every,
        .visible = visible,
        .keys = keys,
        .key_count = key_count,
        .partitioned = partitioned,
        .windowed = windowed,
        .aggregate = aggregate,
        .hash_seed = tester->seed,
    };
    return (int)ef_rate_limit_create(&config, &limit, &tester->operator_class, &tester->operator, &tester->error);
}

#define MOST_STATES 8
#define MOST_PARTS 16

static ef_capture next_capture(const int64_t **at) {
    ef_capture capture = {.kind = (ef_capture_kind)(*at)[0],
                          .state = (uint32_t)(*at)[1],
                          .index = (uint32_t)(*at)[2],
                          .from_last = (*at)[3] != 0,
                          .column = (uint32_t)(*at)[4],
                          .type = (ef_type)(*at)[5]};
    *at += 6;
    return capture;
}

int ef_operator_tester_pattern(ef_operator_tester *tester, const int64_t *at) {
    ef_state_config states[MOST_STATES];
    ef_capture captures[MOST_STATES][MOST_PARTS], outputs[MOST_PARTS];
    ef_pattern_test tests[MOST_STATES][MOST_PARTS];
    uint32_t kept[MOST_STATES][MOST_PARTS];
    const ef_type *types = tester->types;
    ef_operator_config config = {
        .columns = tester->columns, .types = tester->types, .rank = 1, .playback = true, .alloc = &tester->alloc};
    ef_pattern_config pattern = {.states = states,
                                 .port_columns = &tester->columns,
                                 .port_types = &types,
                                 .port_count = 1,
                                 .outputs = outputs,
                                 .sequence = at[0] != 0,
                                 .partitioned = at[1] != 0,
                                 .within = at[2],
                                 .within_events = (uint32_t)at[3],
                                 .most_matches = (uint64_t)at[4],
                                 .too_many = (ef_matches_policy)at[5],
                                 .state_count = (uint32_t)at[6],
                                 .output_count = (uint32_t)at[7],
                                 .hash_seed = tester->seed,
                                 .random = &tester->random};
    bool waits = false;
    at += 8;
    for (uint32_t j = 0; j < pattern.state_count; j++) {
        states[j] = (ef_state_config){.kind = (ef_state_kind)at[0],
                                      .minimum = (uint32_t)at[1],
                                      .maximum = (uint32_t)at[2],
                                      .wait = at[3],
                                      .next = (int32_t)at[4],
                                      .every = (int32_t)at[5],
                                      .group = (int32_t)at[6],
                                      .group_is_long = at[7] != 0,
                                      .start = at[8] != 0,
                                      .either = at[9] != 0,
                                      .first_side = (uint32_t)at[10],
                                      .sides = (uint32_t)at[11],
                                      .capture_count = (uint32_t)at[12],
                                      .test_count = (uint32_t)at[13],
                                      .kept_count = (uint32_t)at[14],
                                      .captures = captures[j],
                                      .tests = tests[j],
                                      .kept = kept[j]};
        waits = waits || at[3] >= 0;
        at += 15;
        for (uint32_t i = 0; i < states[j].capture_count; i++) {
            captures[j][i] = next_capture(&at);
        }
        for (uint32_t i = 0; i < states[j].test_count; i++, at += 5) {
            tests[j][i] = (ef_pattern_test){.comparison = (ef_test_kind)at[0],
                                            .type = (ef_type)at[1],
                                            .own = (uint32_t)at[2],
                                            .capture = (int32_t)at[3],
                                            .constant = {.l = at[4]}};
        }
        for (uint32_t i = 0; i < states[j].kept_count; i++) {
            kept[j][i] = (uint32_t)*at++;
        }
    }
    for (uint32_t i = 0; i < pattern.output_count; i++) {
        outputs[i] = next_capture(&at);
    }
    tester->operator_class = waits ? &ef_timed_pattern_class : &ef_pattern_class;
    return (int)ef_pattern_create(&config, &pattern, &tester->operator, &tester->error);
}

void ef_operator_tester_clock(ef_operator_tester *tester, const int64_t *clock, uint32_t steps, int64_t before,
                              uint32_t max_firings) {
    tester->track = (ef_track){.clock = clock, .before = before, .steps = steps, .max_firings = max_firings};
}

int64_t ef_operator_tester_next_due(const ef_operator_tester *tester) {
    return tester->operator_class->next_due(tester->operator);
}

void ef_operator_tester_begin(ef_operator_tester *tester, uint32_t rows, const int64_t *timestamps, const uint8_t *kinds,
                            const int64_t *causes, const uint32_t *slots) {
    drop_texts(tester);
    memset(&tester->batch, 0, sizeof tester->batch);
    tester->batch.rows = rows;
    tester->batch.column = tester->column;
    tester->batch.timestamps = (int64_t *)(uintptr_t)timestamps;
    tester->batch.kinds = (uint8_t *)(uintptr_t)kinds;
    tester->batch.causes = (int64_t *)(uintptr_t)causes;
    tester->batch.slots = (uint32_t *)(uintptr_t)slots;
}

int ef_operator_tester_values(ef_operator_tester *tester, const void *values, const uint8_t *validity) {
    uint32_t c = tester->batch.columns++;
    tester->column[c] = (ef_column){(void *)(uintptr_t)values, (uint8_t *)(uintptr_t)validity, tester->types[c]};
    return 0;
}

int ef_operator_tester_texts(ef_operator_tester *tester, const char *bytes, const uint32_t *offsets,
                           const uint8_t *validity) {
    uint32_t c = tester->batch.columns;
    ef_str *texts = malloc((tester->batch.rows + 1u) * sizeof *texts);
    if (texts == NULL) {
        return EF_NO_MEMORY;
    }
    for (uint32_t i = 0; i < tester->batch.rows; i++) {
        texts[i] = ef_str_view(bytes + offsets[i], offsets[i + 1] - offsets[i]);
    }
    tester->texts[c] = texts;
    return ef_operator_tester_values(tester, texts, validity);
}

int ef_operator_tester_process(ef_operator_tester *tester, int form, const uint32_t *ends, uint32_t deliveries, bool chunk) {
    tester->batch.form = (uint8_t)form;
    tester->batch.ends = (uint32_t *)(uintptr_t)ends;
    tester->batch.deliveries = deliveries;
    tester->batch.batch_chunk = chunk;
    ef_out_init(&tester->out, &tester->arena, &tester->batch);
    tester->error.message[0] = '\0';
    return (int)tester->operator_class->process(tester->operator, 0, &tester->batch, &tester->track, &tester->out,
                                                &tester->error);
}

void ef_operator_tester_end(ef_operator_tester *tester) {
    memset(&tester->out, 0, sizeof tester->out);
    ef_pages_reclaim_all(&tester->budget);
    ef_arena_reset(&tester->arena);
}

uint32_t ef_operator_tester_rows(const ef_operator_tester *tester) {
    return tester->out.result.rows;
}

uint32_t ef_operator_tester_columns(const ef_operator_tester *tester) {
    return tester->out.result.columns;
}

uint32_t ef_operator_tester_deliveries(const ef_operator_tester *tester) {
    return ef_deliveries(&tester->out.result);
}

uint32_t ef_operator_tester_delivery_end(const ef_operator_tester *tester, uint32_t delivery) {
    return ef_delivery_end(&tester->out.result, delivery);
}

int64_t ef_operator_tester_timestamp(const ef_operator_tester *tester, uint32_t row) {
    return tester->out.result.timestamps[row];
}

int ef_operator_tester_kind(const ef_operator_tester *tester, uint32_t row) {
    return ef_row_kind(&tester->out.result, row);
}

int64_t ef_operator_tester_cause(const ef_operator_tester *tester, uint32_t row) {
    return ef_row_cause(&tester->out.result, row);
}

uint32_t ef_operator_tester_slot(const ef_operator_tester *tester, uint32_t row) {
    return ef_row_slot(&tester->out.result, row);
}

int ef_operator_tester_type(const ef_operator_tester *tester, uint32_t column) {
    return (int)tester->out.result.column[column].type;
}

const void *ef_operator_tester_value(const ef_operator_tester *tester, uint32_t column, uint32_t row, uint32_t *length) {
    const ef_column *from = &tester->out.result.column[column];
    if (ef_is_null(from, row)) {
        return NULL;
    }
    const char *value = (const char *)from->values + (size_t)row * ef_type_width(from->type);
    if (from->type != EF_STRING && from->type != EF_OBJECT) {
        return value;
    }
    const ef_str *text = (const ef_str *)(const void *)value;
    *length = text->length;
    return ef_str_data(text);
}

uint32_t ef_operator_tester_failures(const ef_operator_tester *tester) {
    return tester->out.failed_count;
}

uint32_t ef_operator_tester_failed_row(const ef_operator_tester *tester, uint32_t failure) {
    return tester->out.failed[failure].at;
}

int ef_operator_tester_hold(ef_operator_tester *tester) {
    drop_saved(tester);
    ef_writer_init(&tester->saved, &tester->alloc);
    tester->is_saved = true;
    return (int)tester->operator_class->save(tester->operator, &tester->saved, &tester->error);
}

void ef_operator_tester_release(ef_operator_tester *tester) {
    drop_saved(tester);
}

int ef_operator_tester_save(ef_operator_tester *tester, const char **bytes, size_t *length) {
    int status = ef_operator_tester_hold(tester);
    if (status != EF_OK) {
        drop_saved(tester);
        return status;
    }
    free(tester->bytes);
    tester->byte_count = ef_writer_size(&tester->saved);
    tester->bytes = malloc(tester->byte_count + 1);
    if (tester->bytes == NULL) {
        return EF_NO_MEMORY;
    }
    ef_writer_copy(&tester->saved, tester->bytes);
    drop_saved(tester);
    *bytes = tester->bytes;
    *length = tester->byte_count;
    return EF_OK;
}

int ef_operator_tester_load(ef_operator_tester *tester, const char *bytes, size_t length) {
    ef_reader reader;
    ef_reader_init(&reader, bytes, length);
    return (int)tester->operator_class->load(tester->operator, &reader, tester->operator_class->state_version, &tester->error);
}

void ef_operator_tester_purge(ef_operator_tester *tester, uint32_t slot) {
    tester->operator_class->purge(tester->operator, slot);
}

uint64_t ef_operator_tester_size(const ef_operator_tester *tester) {
    return tester->operator_class->size(tester->operator);
}

void ef_operator_tester_fail_after(ef_operator_tester *tester, int64_t allocations) {
    tester->budget.fail_after = allocations;
}

void ef_operator_tester_leave(ef_operator_tester *tester, uint32_t bytes) {
    ef_arena *arena = &tester->arena;
    ef_arena_clear(arena);
    if (ef_arena_take(arena, 16) != NULL && (size_t)(arena->end - arena->next) > bytes) {
        arena->next = arena->end - bytes / 16 * 16;
    }
}

int64_t ef_operator_tester_memory(const ef_operator_tester *tester) {
    return tester->budget.used;
}

int ef_operator_tester_aggregate_type(const char *name, int argument) {
    return (int)ef_aggregate_type(name, (ef_type)argument);
}

double ef_operator_tester_rate(ef_operator_tester *tester, int form, bool chunk, uint32_t repeats) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (uint32_t r = 0; r < repeats; r++) {
        if (ef_operator_tester_process(tester, form, NULL, 0, chunk) != EF_OK) {
            return 0.0;
        }
        ef_operator_tester_end(tester);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    return (double)tester->batch.rows * repeats / seconds / 1e3;
}
