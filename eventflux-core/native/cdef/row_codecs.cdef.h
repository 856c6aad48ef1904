#include "decode/csv_rows.h"
#include "decode/own_memory.h"
#include "decode/json_rows.h"
#include "decode/msgpack_rows.h"
#include "encode/row_msgpack.h"
#include "encode/row_text.h"

typedef enum { EF_TIME_NONE, EF_TIME_EPOCH, EF_TIME_ISO, ... } ef_time_form;
typedef struct ef_time_field {
    ef_time_form form;
    uint32_t column;
    int64_t multiplier;
    int64_t divisor;
} ef_time_field;
typedef struct ef_decode_result {
    uint32_t rows;
    uint32_t lines;
    size_t consumed;
    bool is_rejected;
    size_t rejected;
} ef_decode_result;
typedef struct ef_column {
    void *values;
    uint8_t *validity;
    ef_type type;
} ef_column;
typedef struct ef_batch {
    uint32_t rows;
    uint32_t columns;
    ef_column *column;
    int64_t *timestamps;
    ...;
} ef_batch;
typedef struct ef_json_rows ef_json_rows;
typedef struct ef_csv_rows ef_csv_rows;
typedef struct ef_row_text ef_row_text;

typedef struct ef_own_memory ef_own_memory;
ef_own_memory *ef_own_memory_new(void);
ef_alloc *ef_own_memory_alloc(ef_own_memory *memory);
void ef_own_memory_free(ef_own_memory *memory);

ef_status ef_json_rows_new(ef_alloc *alloc, uint32_t columns, uint32_t visible, const ef_type *types,
                           const char *const *names, const uint32_t *name_lengths, uint32_t capacity, const ef_time_field *time,
                           bool fail_on_missing, bool fail_on_unknown, ef_json_rows **self, ef_error *error);
void ef_json_rows_free(ef_json_rows *self);
ef_status ef_json_rows_decode(ef_json_rows *self, const char *text, size_t length, ef_decode_result *result,
                              ef_error *error);
const ef_batch *ef_json_rows_batch(ef_json_rows *self);

ef_status ef_csv_rows_new(ef_alloc *alloc, uint32_t columns, uint32_t visible, const ef_type *types, const uint32_t *fields, char delimiter,
                          char quote, const char *null_text, uint32_t null_length, uint32_t capacity,
                          const ef_time_field *time, bool fail_on_missing, ef_csv_rows **self, ef_error *error);
void ef_csv_rows_free(ef_csv_rows *self);
ef_status ef_csv_rows_decode(ef_csv_rows *self, const char *text, size_t length, ef_decode_result *result,
                             ef_error *error);
const ef_batch *ef_csv_rows_batch(ef_csv_rows *self);

ef_status ef_row_text_json(ef_alloc *alloc, uint32_t columns, const ef_type *types, const char *const *names, const uint32_t *name_lengths,
                           bool include_nulls, bool nan_is_text, ef_row_text **self, ef_error *error);
ef_status ef_row_text_csv(ef_alloc *alloc, uint32_t columns, const ef_type *types, char delimiter, char quote, bool quote_all,
                          const char *null_text, uint32_t null_length, ef_row_text **self, ef_error *error);
void ef_row_text_free(ef_row_text *self);
ef_status ef_row_text_encode(ef_row_text *self, const ef_column *column, uint32_t from, uint32_t rows, const char **bytes,
                             size_t *length, ef_error *error);

typedef struct ef_msgpack_rows ef_msgpack_rows;
ef_status ef_msgpack_rows_new(ef_alloc *alloc, uint32_t columns, uint32_t visible, const ef_type *types,
                              const char *const *names, const uint32_t *name_lengths, const uint32_t *positions, uint32_t width,
                              uint32_t capacity, const ef_time_field *time, bool fail_on_missing, ef_msgpack_rows **self,
                              ef_error *error);
void ef_msgpack_rows_free(ef_msgpack_rows *self);
ef_status ef_msgpack_rows_decode(ef_msgpack_rows *self, const char *bytes, size_t length, ef_decode_result *result,
                                 ef_error *error);
const ef_batch *ef_msgpack_rows_batch(ef_msgpack_rows *self);

typedef struct ef_row_msgpack ef_row_msgpack;
ef_status ef_row_msgpack_new(ef_alloc *alloc, uint32_t columns, const ef_type *types, const char *const *names,
                             const uint32_t *name_lengths, ef_row_msgpack **self, ef_error *error);
void ef_row_msgpack_free(ef_row_msgpack *self);
ef_status ef_row_msgpack_encode(ef_row_msgpack *self, const ef_column *column, uint32_t from, uint32_t rows, const char **bytes,
                                size_t *length, ef_error *error);
