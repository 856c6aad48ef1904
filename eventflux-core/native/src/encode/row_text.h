/* Encoders of rows as lines of text: JSON objects or CSV records.
 *
 *      columns symbol, price, volume; a row   ->   {"symbol":"S0001","price":12.5,"volume":7}\n   or   S0001,12.5,7\n
 *
 * Row by row over columns, with what stands around the values prepared beforehand. Linear; allocates only while the buffer grows. The
 * text is that of the general path, byte by byte. OBJECT columns are the general path's. */
#ifndef EF_ENCODE_ROW_TEXT_H
#define EF_ENCODE_ROW_TEXT_H

#include "batch/batch.h"

typedef struct ef_row_text ef_row_text;

/* alloc: counts what the encoder holds; outlives it. names: [columns], each with its quotes and escapes. */
ef_status ef_row_text_json(ef_alloc *alloc, uint32_t columns, const ef_type *types, const char *const *names, const uint32_t *name_lengths,
                           bool include_nulls, bool nan_is_text, ef_row_text **self, ef_error *error) EF_MUST_USE;
/* delimiter and quote must not be part of numbers or of true and false. */
ef_status ef_row_text_csv(ef_alloc *alloc, uint32_t columns, const ef_type *types, char delimiter, char quote, bool quote_all,
                          const char *null_text, uint32_t null_length, ef_row_text **self, ef_error *error) EF_MUST_USE;
void ef_row_text_free(ef_row_text *self);

/* Rows [from, from + rows) of the columns, a line end behind each. *bytes: the encoder's, valid until the next call. */
ef_status ef_row_text_encode(ef_row_text *self, const ef_column *column, uint32_t from, uint32_t rows, const char **bytes,
                             size_t *length, ef_error *error) EF_MUST_USE;

#endif
