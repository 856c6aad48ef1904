/* Decoder of JSON lines: flat objects, one a line, straight into columns.
 *
 *      {"symbol":"S0001","price":12.5,"volume":7}\n   ->   columns symbol, price, volume; a row
 *
 * It takes the plain case only, and only where it gives exactly what the general path would give. A line that is anything else (nested
 * value for an attribute, a number that does not fit, a name in another case, not JSON at all) stops it: the caller maps that line
 * by the general path, and goes on behind it. So rows stay in order and errors have one wording.
 *
 * Names are looked for in the order of the line before: a stable layout costs one memcmp a field. Values of unknown names are checked
 * and passed over. Linear in the length of the text, whatever it is; nesting is followed up to a fixed depth without recursion. */
#ifndef EF_DECODE_JSON_ROWS_H
#define EF_DECODE_JSON_ROWS_H

#include "decode/row_columns.h"

typedef struct ef_json_rows ef_json_rows;

/* alloc: counts what the decoder holds; outlives it. names: [columns], bytes copied; of a column beyond `visible` the name of the time field. fail_on_missing, fail_on_unknown: such lines
 * are left to the general path. */
ef_status ef_json_rows_new(ef_alloc *alloc, uint32_t columns, uint32_t visible, const ef_type *types,
                           const char *const *names, const uint32_t *name_lengths, uint32_t capacity, const ef_time_field *time,
                           bool fail_on_missing, bool fail_on_unknown, ef_json_rows **self, ef_error *error) EF_MUST_USE;
void ef_json_rows_free(ef_json_rows *self);

/* Decodes whole lines (each ended by \n) from the start of `text`, until its end, the capacity, or a line that is not for it. The batch
 * of the call before is gone. Strings of the batch are views of `text`. */
ef_status ef_json_rows_decode(ef_json_rows *self, const char *text, size_t length, ef_decode_result *result,
                              ef_error *error) EF_MUST_USE;
const ef_batch *ef_json_rows_batch(ef_json_rows *self);

#endif
