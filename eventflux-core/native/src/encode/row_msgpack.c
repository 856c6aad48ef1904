/* Encoder of rows as msgpack; see row_msgpack.h. */
#include "encode/row_msgpack.h"

#include "encode/text_buffer.h"

#define HEAD 5u   /* the longest head of a map, an array or a string */
#define SCALAR 9u /* the longest number */

typedef struct column_key {
    ef_type type;
    char *bytes; /* the packed name; NULL in arrays */
    uint32_t length;
} column_key;

struct ef_row_msgpack {
    ef_alloc *alloc;
    ef_text_buffer text;
    column_key *columns;
    uint32_t count;
    uint32_t key_bytes; /* of all keys together */
    char head[HEAD];
    uint32_t head_length;
};

/* A tag and `bytes` big-endian bytes of `value`; the room is there. */
static inline char *put_tagged(char *to, unsigned tag, uint64_t value, uint32_t bytes) {
    *to++ = (char)(unsigned char)tag;
    for (uint32_t i = bytes; i > 0; i--) {
        *to++ = (char)(unsigned char)(value >> (8 * (i - 1)));
    }
    return to;
}

static char *put_string_head(char *to, uint32_t length) {
    if (length < 32) {
        return put_tagged(to, 0xA0u | length, 0, 0);
    }
    uint32_t log = length <= UINT8_MAX ? 0 : length <= UINT16_MAX ? 1 : 2;
    return put_tagged(to, 0xD9u + log, length, 1u << log);
}

static char *put_integer(char *to, int64_t value) {
    uint64_t bits = (uint64_t)value;
    if (value >= -32 && value <= 127) {
        return put_tagged(to, (unsigned)(bits & 0xFFu), 0, 0);
    }
    if (value >= 0) {
        uint32_t log = value <= UINT8_MAX ? 0 : value <= UINT16_MAX ? 1 : value <= UINT32_MAX ? 2 : 3;
        return put_tagged(to, 0xCCu + log, bits, 1u << log);
    }
    uint32_t log = value >= INT8_MIN ? 0 : value >= INT16_MIN ? 1 : value >= INT32_MIN ? 2 : 3;
    return put_tagged(to, 0xD0u + log, bits, 1u << log);
}

static char *put_double(char *to, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_tagged(to, 0xCB, bits, 8);
}

static ef_status copy_names(ef_row_msgpack *self, const char *const *names, const uint32_t *lengths, ef_error *error) {
    for (uint32_t c = 0; c < self->count; c++) {
        char head[HEAD];
        uint32_t head_length = (uint32_t)(put_string_head(head, lengths[c]) - head);
        column_key *key = &self->columns[c];
        key->bytes = ef_malloc(self->alloc, (size_t)head_length + lengths[c]);
        if (key->bytes == NULL) {
            return ef_fail_memory(error);
        }
        key->length = head_length + lengths[c];
        memcpy(key->bytes, head, head_length);
        if (lengths[c] > 0) {
            memcpy(key->bytes + head_length, names[c], lengths[c]);
        }
        self->key_bytes += key->length;
    }
    return EF_OK;
}

ef_status ef_row_msgpack_new(ef_alloc *alloc, uint32_t columns, const ef_type *types, const char *const *names,
                             const uint32_t *name_lengths, ef_row_msgpack **self, ef_error *error) {
    ef_row_msgpack *made = ef_calloc(alloc, sizeof *made);
    if (made == NULL) {
        return ef_fail_memory(error);
    }
    made->alloc = alloc;
    ef_text_buffer_init(&made->text, alloc);
    made->columns = ef_calloc(alloc, columns * sizeof *made->columns);
    ef_status status = EF_OK;
    if (made->columns == NULL) {
        status = ef_fail_memory(error);
    } else {
        made->count = columns;
        for (uint32_t c = 0; c < columns && status == EF_OK; c++) {
            made->columns[c].type = types[c];
            if (types[c] < EF_BOOL || types[c] > EF_STRING) {
                status = ef_fail(error, EF_INVALID, "column %u has a type that this encoder does not write", (unsigned)c);
            }
        }
        if (status == EF_OK && names != NULL) {
            status = copy_names(made, names, name_lengths, error);
        }
    }
    if (status != EF_OK) {
        ef_row_msgpack_free(made);
        return status;
    }
    unsigned few = names != NULL ? 0x80u : 0x90u, many = names != NULL ? 0xDEu : 0xDCu;
    char *behind = columns < 16          ? put_tagged(made->head, few | columns, 0, 0)
                   : columns <= UINT16_MAX ? put_tagged(made->head, many, columns, 2)
                                           : put_tagged(made->head, many + 1, columns, 4);
    made->head_length = (uint32_t)(behind - made->head);
    *self = made;
    return EF_OK;
}

void ef_row_msgpack_free(ef_row_msgpack *self) {
    if (self == NULL) {
        return;
    }
    ef_alloc *alloc = self->alloc;
    for (uint32_t c = 0; c < self->count; c++) {
        ef_free(alloc, self->columns[c].bytes, self->columns[c].length);
    }
    ef_free(alloc, self->columns, self->count * sizeof *self->columns);
    ef_text_buffer_clear(&self->text);
    ef_free(alloc, self, sizeof *self);
}

/* A value that is no string; the room is there. */
static inline char *put_scalar(char *to, const ef_column *column, uint32_t row) {
    switch (column->type) {
    case EF_BOOL:
        return put_tagged(to, ((const uint8_t *)column->values)[row] ? 0xC3 : 0xC2, 0, 0);
    case EF_INT:
        return put_integer(to, ((const int32_t *)column->values)[row]);
    case EF_LONG:
        return put_integer(to, ((const int64_t *)column->values)[row]);
    case EF_FLOAT:
        return put_double(to, (double)((const float *)column->values)[row]);
    case EF_DOUBLE:
        return put_double(to, ((const double *)column->values)[row]);
    case EF_STRING:
    case EF_OBJECT:
        break;
    }
    return to;
}

static ef_status put_row(ef_row_msgpack *self, const ef_column *columns, uint32_t row, ef_error *error) {
    ef_text_buffer *text = &self->text;
    size_t room = (size_t)self->head_length + self->key_bytes + (size_t)self->count * SCALAR;
    if (!ef_text_buffer_reserve(text, room)) {
        return ef_fail_memory(error);
    }
    char *to = text->bytes + text->length;
    memcpy(to, self->head, self->head_length);
    to += self->head_length;
    for (uint32_t c = 0; c < self->count; c++) {
        const column_key *key = &self->columns[c];
        const ef_column *column = &columns[c];
        if (key->length > 0) {
            memcpy(to, key->bytes, key->length);
            to += key->length;
        }
        if (ef_is_null(column, row)) {
            to = put_tagged(to, 0xC0, 0, 0);
        } else if (column->type != EF_STRING) {
            to = put_scalar(to, column, row);
        } else {
            const ef_str *value = &((const ef_str *)column->values)[row];
            to = put_string_head(to, value->length); /* takes at most HEAD of the SCALAR bytes reserved for the column */
            text->length = (size_t)(to - text->bytes);
            if (!ef_text_buffer_reserve(text, (size_t)value->length + room)) {
                return ef_fail_memory(error);
            }
            to = text->bytes + text->length;
            memcpy(to, ef_str_data(value), value->length);
            to += value->length;
        }
    }
    text->length = (size_t)(to - text->bytes);
    return EF_OK;
}

ef_status ef_row_msgpack_encode(ef_row_msgpack *self, const ef_column *column, uint32_t from, uint32_t rows, const char **bytes,
                                size_t *length, ef_error *error) {
    self->text.length = 0;
    for (uint32_t c = 0; c < self->count; c++) {
        if (column[c].type != self->columns[c].type) {
            return ef_fail(error, EF_INVALID, "column %u is not of the type that the encoder was made for", (unsigned)c);
        }
    }
    for (uint32_t row = from; row < from + rows; row++) {
        EF_TRY(put_row(self, column, row, error));
    }
    *bytes = self->text.bytes;
    *length = self->text.length;
    return EF_OK;
}
