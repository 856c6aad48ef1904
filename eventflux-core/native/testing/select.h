/* Drives one selection from a test: programs and configuration step by step, then batches of plain arrays in, rows out. */
#ifndef EF_TESTING_SELECT_H
#define EF_TESTING_SELECT_H

#include <stddef.h>
#include <stdint.h>

#include "ops/select.h"

typedef struct ef_select_tester ef_select_tester;

ef_select_tester *ef_select_tester_new(uint64_t seed);
void ef_select_tester_free(ef_select_tester *tester); /* aborts if memory was lost */
const char *ef_select_tester_message(const ef_select_tester *tester);

/* Input columns, then aggregates, then programs (0 arguments, 1 outputs, 2 having), then make. Negative: a status. */
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

/* A batch: begin, its columns (texts as offsets into bytes), process. Pointers are borrowed until the next begin. */
void ef_select_tester_begin(ef_select_tester *tester, uint32_t rows, const int64_t *timestamps, const uint8_t *kinds,
                            const int64_t *causes, const uint32_t *slots);
int ef_select_tester_values(ef_select_tester *tester, const void *values, const uint8_t *validity);
int ef_select_tester_texts(ef_select_tester *tester, const char *bytes, const uint32_t *offsets,
                           const uint8_t *validity);
int ef_select_tester_process(ef_select_tester *tester, int form, const uint32_t *ends, uint32_t deliveries, bool chunk);
/* Gives everything of the slice back. */
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
/* NULL for a null value; of a text its bytes, with *length. */
const void *ef_select_tester_value(const ef_select_tester *tester, uint32_t column, uint32_t row, uint32_t *length);
uint32_t ef_select_tester_failures(const ef_select_tester *tester);
uint32_t ef_select_tester_failed_row(const ef_select_tester *tester, uint32_t failure);

/* Saved state as bytes, valid until the next save. */
int ef_select_tester_save(ef_select_tester *tester, const char **bytes, size_t *length);
/* The operator must be fresh; on failure it is empty. */
int ef_select_tester_load(ef_select_tester *tester, const char *bytes, size_t length);
/* Holds a snapshot's page references until the next hold or the end: every write must copy first. */
int ef_select_tester_hold(ef_select_tester *tester);
void ef_select_tester_purge(ef_select_tester *tester, uint32_t slot);
uint64_t ef_select_tester_size(const ef_select_tester *tester);
void ef_select_tester_fail_after(ef_select_tester *tester, int64_t allocations);
/* Leaves the slice arena so many bytes before it must allocate. */
void ef_select_tester_leave(ef_select_tester *tester, uint32_t bytes);
int64_t ef_select_tester_memory(const ef_select_tester *tester);
int ef_select_tester_aggregate_type(const char *name, int argument);

/* Rows a second (in thousands) of `repeats` calls with the batch last begun. */
double ef_select_tester_rate(ef_select_tester *tester, int form, bool chunk, uint32_t repeats);

#endif
