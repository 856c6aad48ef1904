/* Bytes that grow: what encoders write to. Kept between batches, so that a steady flow allocates nothing. */
#ifndef EF_ENCODE_TEXT_BUFFER_H
#define EF_ENCODE_TEXT_BUFFER_H

#include "base/alloc.h"

typedef struct ef_text_buffer {
    ef_alloc *alloc;
    char *bytes;
    size_t length;
    size_t capacity;
} ef_text_buffer;

void ef_text_buffer_init(ef_text_buffer *self, ef_alloc *alloc);
void ef_text_buffer_clear(ef_text_buffer *self);

bool ef_text_buffer_grow(ef_text_buffer *self, size_t more) EF_MUST_USE;

/* Room for `more` bytes behind `length`; the caller writes there and adds to `length`. False: out of memory, nothing has changed. */
static inline bool ef_text_buffer_reserve(ef_text_buffer *self, size_t more) {
    return EF_LIKELY(self->capacity - self->length >= more) || ef_text_buffer_grow(self, more);
}

/* ---- texts of values; each function writes at most EF_VALUE_TEXT bytes and gives their number ---- */

#define EF_VALUE_TEXT 40u

/* The shortest decimal that reads back as the same number, laid out as Python does: 1.0, 0.0001, 1e-05, 1e+16. Finite values. */
uint32_t ef_write_double(double value, char *to);
uint32_t ef_write_float(float value, char *to);

#endif
