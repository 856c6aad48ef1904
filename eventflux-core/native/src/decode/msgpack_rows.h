/* Decoder of msgpack: maps or arrays of plain values, one behind the other, straight into columns.
 *
 *      {"symbol": "S0001", "price": 12.5, "volume": 7} {…} …   or   ["S0001", 12.5, 7] […] …   ->   columns; a row a value
 *
 * As the decoders of lines do, it takes the plain case only, and only where it gives exactly what the general path would give. A value
 * that is anything else (a nested value for an attribute, a number that does not fit, not msgpack at all) stops it: the caller maps
 * that value by the general path, and goes on behind it.
 *
 * Names are looked for in the order of the map before: a stable layout costs one memcmp a field. Linear in the length of the bytes. */
#ifndef EF_DECODE_MSGPACK_ROWS_H
#define EF_DECODE_MSGPACK_ROWS_H

#include "decode/row_columns.h"

typedef struct ef_msgpack_rows ef_msgpack_rows;

/* alloc: counts what the decoder holds; outlives it. Of maps: names, [columns], bytes copied. Of arrays: names is NULL, positions
 * [columns] says which element each column takes, and arrays have exactly `width` elements. fail_on_missing: maps without a name
 * are left to the general path. */
ef_status ef_msgpack_rows_new(ef_alloc *alloc, uint32_t columns, uint32_t visible, const ef_type *types,
                              const char *const *names, const uint32_t *name_lengths, const uint32_t *positions, uint32_t width,
                              uint32_t capacity, const ef_time_field *time, bool fail_on_missing, ef_msgpack_rows **self,
                              ef_error *error) EF_MUST_USE;
void ef_msgpack_rows_free(ef_msgpack_rows *self);

/* Decodes whole values from the start of `bytes`, until their end, the capacity, or a value that is not for it. The batch of the call
 * before is gone. Strings of the batch are views of `bytes`. */
ef_status ef_msgpack_rows_decode(ef_msgpack_rows *self, const char *bytes, size_t length, ef_decode_result *result,
                                 ef_error *error) EF_MUST_USE;
const ef_batch *ef_msgpack_rows_batch(ef_msgpack_rows *self);

#endif
