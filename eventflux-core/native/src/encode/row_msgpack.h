/* Encoder of rows as msgpack: a map or an array a row, one behind the other.
 *
 *      columns symbol, price, volume; a row   ->   {"symbol": "S0001", "price": 12.5, "volume": 7}   or   ["S0001", 12.5, 7]
 *
 * Row by row over columns, with the keys packed beforehand. Linear; allocates only while the buffer grows. The bytes are those of the
 * general path. OBJECT columns are the general path's. */
#ifndef EF_ENCODE_ROW_MSGPACK_H
#define EF_ENCODE_ROW_MSGPACK_H

#include "batch/batch.h"

typedef struct ef_row_msgpack ef_row_msgpack;

/* alloc: counts what the encoder holds; outlives it. names: [columns], UTF-8, for maps; NULL: arrays. */
ef_status ef_row_msgpack_new(ef_alloc *alloc, uint32_t columns, const ef_type *types, const char *const *names,
                             const uint32_t *name_lengths, ef_row_msgpack **self, ef_error *error) EF_MUST_USE;
void ef_row_msgpack_free(ef_row_msgpack *self);

/* Rows [from, from + rows) of the columns. *bytes: the encoder's, valid until the next call. */
ef_status ef_row_msgpack_encode(ef_row_msgpack *self, const ef_column *column, uint32_t from, uint32_t rows, const char **bytes,
                                size_t *length, ef_error *error) EF_MUST_USE;

#endif
