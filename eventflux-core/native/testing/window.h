/* Driver of one window for the tests: builds batches value by value, calls the window as the engine does, reads what comes out. */
#ifndef EF_TESTING_WINDOW_H
#define EF_TESTING_WINDOW_H

#include <stddef.h>
#include <stdint.h>

typedef struct eft_window eft_window;

typedef struct eft_param {
    int kind;
    int type;
    uint32_t column;
    int null;
    int64_t integer;
    double real;
    const char *text;
} eft_param;

/* NULL: refused; `message` (EF_MESSAGE_SIZE bytes) says why. */
eft_window *eft_window_new(const char *name, uint32_t columns, const int *types, const eft_param *params, uint32_t count,
                           int rank, int wants_expired, char *message);
void eft_window_free(eft_window *window);
/* Destroys the operator; gives the bytes of its allocator that are still in use. */
int64_t eft_window_leaked(eft_window *window);
/* Starts a batch; all values null, then set. */
void eft_window_rows(eft_window *window, uint32_t rows);
void eft_window_set(eft_window *window, uint32_t row, uint32_t column, int64_t integer, double real, const char *text,
                    uint32_t length, int null);
void eft_window_row(eft_window *window, uint32_t row, int64_t timestamp, int64_t cause, uint32_t slot);
/* All return an ef_status; the slice ends at the next call of process, find or rows. */
int eft_window_process(eft_window *window, int has_causes, int has_slots, int form, const uint32_t *ends,
                       uint32_t deliveries, const int64_t *clock, uint32_t steps, int64_t before, uint32_t max_firings,
                       const uint8_t *quiet);
int eft_window_find(eft_window *window, uint32_t slot, int64_t now);
/* The rows of the batch as the output: a view of some, or some gathered. */
int eft_window_view(eft_window *window, int form, const uint32_t *ends, uint32_t deliveries, uint32_t from,
                    uint32_t count);
int eft_window_gather(eft_window *window, int form, const uint32_t *ends, uint32_t deliveries, const uint32_t *rows,
                      uint32_t count);
uint32_t eft_window_out_rows(eft_window *window);
int eft_window_out_batch_chunk(eft_window *window);
uint32_t eft_window_out_failed(eft_window *window, uint32_t *at, uint32_t capacity);
void eft_window_out_row(eft_window *window, uint32_t row, int64_t *timestamp, int *kind, int64_t *cause, uint32_t *slot,
                        int *last);
/* 0: null. */
int eft_window_out_value(eft_window *window, uint32_t row, uint32_t column, int64_t *integer, double *real,
                         const char **text, uint32_t *length);
int64_t eft_window_next_due(eft_window *window);
uint64_t eft_window_size(eft_window *window);
int64_t eft_window_memory(eft_window *window);
void eft_window_purge(eft_window *window, uint32_t slot);
/* *bytes stays until the next save. */
int eft_window_save(eft_window *window, char **bytes, size_t *length);
int eft_window_load(eft_window *window, const char *bytes, size_t length);
/* Saves and keeps the pages referenced until the next hold or free, as a snapshot being written does. */
void eft_window_hold(eft_window *window);
/* The allocation after that many fails; < 0: none. */
void eft_window_fail_after(eft_window *window, int64_t allocations);
const char *eft_window_message(eft_window *window);
/* Nanoseconds that `slices` slices of `rows` rows (one DOUBLE, one short STRING column) take. */
int64_t eft_window_benchmark(const char *name, const eft_param *params, uint32_t count, int wants_expired,
                             uint32_t slices, uint32_t rows, uint32_t rows_per_ms, uint32_t slots, uint64_t *rows_out);

#endif
