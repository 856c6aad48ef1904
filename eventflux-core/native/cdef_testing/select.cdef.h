#include "testing/select.h"

typedef struct ef_select_tester ef_select_tester;

ef_select_tester *ef_select_tester_new(uint64_t seed);
void ef_select_tester_free(ef_select_tester *tester); 
const char *ef_select_tester_message(const ef_select_tester *tester);

int ef_select_tester_input(ef_select_tester *tester, int type);
int ef_select_tester_aggregate(ef_select_tester *tester, const char *name, int argument, int output);
int ef_select_tester_order(ef_select_tester *tester, uint32_t output, bool descending, bool nulls_first);
int ef_select_tester_column(ef_select_tester *tester, int program, uint32_t column);
int ef_select_tester_constant(ef_select_tester *tester, int program, int type, const void *value);
int ef_select_tester_call(ef_select_tester *tester, int program, const char *operation, const int *arguments,
                          uint32_t count);
int ef_select_tester_output(ef_select_tester *tester, int program, int reg);
int ef_select_tester_make(ef_select_tester *tester, uint32_t keys, uint32_t visible, int64_t limit, int64_t offset,
                          bool current, bool expired, int removal);

void ef_select_tester_begin(ef_select_tester *tester, uint32_t rows, const int64_t *timestamps, const uint8_t *kinds,
                            const int64_t *causes, const uint32_t *slots);
int ef_select_tester_values(ef_select_tester *tester, const void *values, const uint8_t *validity);
int ef_select_tester_texts(ef_select_tester *tester, const char *bytes, const uint32_t *offsets,
                           const uint8_t *validity);
int ef_select_tester_process(ef_select_tester *tester, int form, const uint32_t *ends, uint32_t deliveries, bool chunk);

void ef_select_tester_end(ef_select_tester *tester);

uint32_t ef_select_tester_rows(const ef_select_tester *tester);
uint32_t ef_select_tester_columns(const ef_select_tester *tester);
uint32_t ef_select_tester_deliveries(const ef_select_tester *tester);
uint32_t ef_select_tester_delivery_end(const ef_select_tester *tester, uint32_t delivery);
int64_t ef_select_tester_timestamp(const ef_select_tester *tester, uint32_t row);
int ef_select_tester_kind(const ef_select_tester *tester, uint32_t row);
int64_t ef_select_tester_cause(const ef_select_tester *tester, uint32_t row);
uint32_t ef_select_tester_slot(const ef_select_tester *tester, uint32_t row);
int ef_select_tester_type(const ef_select_tester *tester, uint32_t column);

const void *ef_select_tester_value(const ef_select_tester *tester, uint32_t column, uint32_t row, uint32_t *length);
uint32_t ef_select_tester_failures(const ef_select_tester *tester);
uint32_t ef_select_tester_failed_row(const ef_select_tester *tester, uint32_t failure);

int ef_select_tester_save(ef_select_tester *tester, const char **bytes, size_t *length);

int ef_select_tester_load(ef_select_tester *tester, const char *bytes, size_t length);

int ef_select_tester_hold(ef_select_tester *tester);
void ef_select_tester_purge(ef_select_tester *tester, uint32_t slot);
uint64_t ef_select_tester_size(const ef_select_tester *tester);
void ef_select_tester_fail_after(ef_select_tester *tester, int64_t allocations);
void ef_select_tester_leave(ef_select_tester *tester, uint32_t bytes);
int64_t ef_select_tester_memory(const ef_select_tester *tester);
int ef_select_tester_aggregate_type(const char *name, int argument);

double ef_select_tester_rate(ef_select_tester *tester, int form, bool chunk, uint32_t repeats);
