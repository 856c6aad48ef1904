/* Drives expression programs from tests: one object owns an allocator, a program, a batch and what a run needs. */
#ifndef EF_TESTING_EXPR_H
#define EF_TESTING_EXPR_H

#include "expr/internal.h"

typedef struct expr_test expr_test;

expr_test *expr_test_new(int64_t limit);
int64_t expr_test_free(expr_test *self);
void expr_test_fail_after(expr_test *self, int64_t allocations);
const char *expr_test_message(const expr_test *self);
int64_t expr_test_row(const expr_test *self);
int expr_test_begin(expr_test *self, uint32_t columns, const int32_t *types);
int32_t expr_test_column(expr_test *self, uint32_t column);
int32_t expr_test_constant(expr_test *self, int32_t type, const void *value);
int32_t expr_test_constant_text(expr_test *self, int32_t type, const char *data, uint32_t length);
int32_t expr_test_call(expr_test *self, const char *operation, const int32_t *arguments, uint32_t count);
int32_t expr_test_host_call(expr_test *self, uint32_t function, int32_t returns, const int32_t *arguments, uint32_t count);
int expr_test_begin_mask(expr_test *self, int32_t condition, bool when);
int expr_test_end_mask(expr_test *self);
int expr_test_output(expr_test *self, int32_t value);
int32_t expr_test_register_type(const expr_test *self, int32_t value);
int32_t expr_test_output_column(const expr_test *self, uint32_t output);
bool expr_test_reads_clock(const expr_test *self);
char *expr_test_text(expr_test *self);
int expr_test_rows(expr_test *self, uint32_t rows);
int expr_test_values(expr_test *self, uint32_t column, const void *values, const uint8_t *validity);
int expr_test_texts(expr_test *self, uint32_t column, const char *data, const uint32_t *ends, const uint8_t *validity);
int expr_test_times(expr_test *self, const int64_t *timestamps, const int64_t *clock, uint32_t steps, const int64_t *causes);
void expr_test_seed(expr_test *self, uint64_t seed);
int expr_test_run(expr_test *self, bool error_edge);
const void *expr_test_result(const expr_test *self, uint32_t output);
const uint8_t *expr_test_result_validity(const expr_test *self, uint32_t output);
const char *expr_test_result_text(const expr_test *self, uint32_t output, uint32_t row, uint32_t *length);
const uint8_t *expr_test_ok(const expr_test *self);
uint32_t expr_test_failed(const expr_test *self);
const char *expr_test_failure(const expr_test *self, uint32_t index, uint32_t *at);
int64_t expr_test_select(expr_test *self, const uint32_t **rows);
uint32_t expr_test_host_calls(const expr_test *self);
uint32_t expr_test_host_rows(const expr_test *self);
double expr_test_nanoseconds(expr_test *self, uint32_t runs, bool select);
double expr_test_bare_loop(expr_test *self, uint32_t kind, uint32_t runs);
const char *expr_test_operation(uint32_t index, const char **signature, int32_t *result);
uint32_t expr_test_format(double value, bool single, char *to);
bool expr_test_object_check(const char *data, size_t length);
bool expr_test_object_equal(const char *a, uint32_t a_length, const char *b, uint32_t b_length);
uint64_t expr_test_object_hash(const char *data, uint32_t length, uint64_t seed);
int64_t expr_test_json(expr_test *self, const char *text, size_t length, char *to, size_t room);
int64_t expr_test_print(expr_test *self, const char *data, uint32_t length, char *to, size_t room);

#endif
