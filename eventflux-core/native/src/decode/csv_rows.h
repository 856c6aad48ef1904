/* Decoder of CSV lines: one record a line, straight into columns. As with json_rows.h, a line that is not plainly good stops it and is
 * left to the general path.
 *
 *      S0001,12.5,"a ""b"" c"\n        field i goes to the column that asked for it; the rest is passed over
 *
 * An empty field without quotes is null, as is one that equals the null text. Quotes stand around a whole field, doubled inside. */
#ifndef EF_DECODE_CSV_ROWS_H
#define EF_DECODE_CSV_ROWS_H

#include "decode/row_columns.h"

typedef struct ef_csv_rows ef_csv_rows;

/* alloc: counts what the decoder holds; outlives it. fields: [columns], which field of a record a column takes; each at most once; UINT32_MAX: none, it stays null. null_text may be NULL.
 * fail_on_missing: lines with too few fields are left to the general path. */
ef_status ef_csv_rows_new(ef_alloc *alloc, uint32_t columns, uint32_t visible, const ef_type *types, const uint32_t *fields, char delimiter,
                          char quote, const char *null_text, uint32_t null_length, uint32_t capacity,
                          const ef_time_field *time, bool fail_on_missing, ef_csv_rows **self,
                          ef_error *error) EF_MUST_USE;
void ef_csv_rows_free(ef_csv_rows *self);

/* As ef_json_rows_decode. */
ef_status ef_csv_rows_decode(ef_csv_rows *self, const char *text, size_t length, ef_decode_result *result,
                             ef_error *error) EF_MUST_USE;
const ef_batch *ef_csv_rows_batch(ef_csv_rows *self);

#endif
