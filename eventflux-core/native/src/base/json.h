/* JSON text and OBJECT values. */
#ifndef EF_BASE_JSON_H
#define EF_BASE_JSON_H

#include "base/object.h"

/* Reads one JSON text (RFC 8259; blanks around it allowed) into the writer: integers that fit 64 bits as integers, other numbers as doubles.
 * False: it is not JSON, deeper than EF_OBJECT_DEPTH, or out of memory; the writer's content is then meaningless. Of repeated names in
 * an object the first counts. `text` must be UTF-8. */
bool ef_json_read(const char *text, size_t length, ef_object_writer *to) EF_MUST_USE;

/* Appends the value as compact JSON to `to`, used as a plain buffer: sets as arrays, bytes as hexadecimal strings, numbers as Java prints
 * them, NaN and infinities as null. False: the value is malformed. */
bool ef_json_write(const ef_str *value, ef_object_writer *to) EF_MUST_USE;

/* As ef_json_write, but a string, at the top, stands for itself, and numbers there may be NaN or infinite: what converting an object to a
 * string gives. */
bool ef_object_print(const ef_str *value, ef_object_writer *to) EF_MUST_USE;

#endif
