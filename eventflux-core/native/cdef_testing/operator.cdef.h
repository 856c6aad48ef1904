#include "testing/operator.h"

typedef struct ef_operator_tester ef_operator_tester;

ef_operator_tester *ef_operator_tester_new(uint64_t seed);
void ef_operator_tester_free(ef_operator_tester *tester);
const char *ef_operator_tester_message(const ef_operator_tester *tester);

int ef_operator_tester_input(ef_operator_tester *tester, int type);
int ef_operator_tester_aggregate(ef_operator_tester *tester, const char *name, int argument, int output);
int ef_operator_tester_order(ef_operator_tester *tester, uint32_t output, bool descending, bool nulls_first);
int ef_operator_tester_column(ef_operator_tester *tester, int program, uint32_t column);
int ef_operator_tester_constant(ef_operator_tester *tester, int program, int type, const void *value);
int ef_operator_tester_call(ef_operator_tester *tester, int program, const char *operation, const int *arguments,
                          uint32_t count);
int ef_operator_tester_output(ef_operator_tester *tester, int program, int reg);
int ef_operator_tester_select(ef_operator_tester *tester, uint32_t keys, uint32_t visible, int64_t limit, int64_t offset,
                              bool current, bool expired, int removal);

int ef_operator_tester_rate_limit(ef_operator_tester *tester, int rate, bool by_time, int64_t every, uint32_t visible,
                                  const uint32_t *keys, uint32_t key_count, bool partitioned, bool windowed,
                                  const bool *aggregate);

int ef_operator_tester_pattern(ef_operator_tester *tester, const int64_t *numbers);

void ef_operator_tester_clock(ef_operator_tester *tester, const int64_t *clock, uint32_t steps, int64_t before,
                              uint32_t max_firings);
int64_t ef_operator_tester_next_due(const ef_operator_tester *tester);

void ef_operator_tester_begin(ef_operator_tester *tester, uint32_t rows, const int64_t *timestamps, const uint8_t *kinds,
                            const int64_t *causes, const uint32_t *slots);
int ef_operator_tester_values(ef_operator_tester *tester, const void *values, const uint8_t *validity);
int ef_operator_tester_texts(ef_operator_tester *tester, const char *bytes, const uint32_t *offsets,
                           const uint8_t *validity);
int ef_operator_tester_process(ef_operator_tester *tester, int form, const uint32_t *ends, uint32_t deliveries, bool chunk);

void ef_operator_tester_end(ef_operator_tester *tester);

uint32_t ef_operator_tester_rows(const ef_operator_tester *tester);
uint32_t ef_operator_tester_columns(const ef_operator_tester *tester);
uint32_t ef_operator_tester_deliveries(const ef_operator_tester *tester);
uint32_t ef_operator_tester_delivery_end(const ef_operator_tester *tester, uint32_t delivery);
int64_t ef_operator_tester_timestamp(const ef_operator_tester *tester, uint32_t row);
int ef_operator_tester_kind(const ef_operator_tester *tester, uint32_t row);
int64_t ef_operator_tester_cause(const ef_operator_tester *tester, uint32_t row);
uint32_t ef_operator_tester_slot(const ef_operator_tester *tester, uint32_t row);
int ef_operator_tester_type(const ef_operator_tester *tester, uint32_t column);

const void *ef_operator_tester_value(const ef_operator_tester *tester, uint32_t column, uint32_t row, uint32_t *length);
uint32_t ef_operator_tester_failures(const ef_operator_tester *tester);
uint32_t ef_operator_tester_failed_row(const ef_operator_tester *tester, uint32_t failure);

int ef_operator_tester_save(ef_operator_tester *tester, const char **bytes, size_t *length);

int ef_operator_tester_load(ef_operator_tester *tester, const char *bytes, size_t length);

int ef_operator_tester_hold(ef_operator_tester *tester);
void ef_operator_tester_release(ef_operator_tester *tester);
void ef_operator_tester_purge(ef_operator_tester *tester, uint32_t slot);
uint64_t ef_operator_tester_size(const ef_operator_tester *tester);
void ef_operator_tester_fail_after(ef_operator_tester *tester, int64_t allocations);

void ef_operator_tester_leave(ef_operator_tester *tester, uint32_t bytes);
int64_t ef_operator_tester_memory(const ef_operator_tester *tester);
int ef_operator_tester_aggregate_type(const char *name, int argument);

double ef_operator_tester_rate(ef_operator_tester *tester, int form, bool chunk, uint32_t repeats);
