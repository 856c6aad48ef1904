/* Bytes that grow, and numbers as text; see text_buffer.h. */
#include "encode/text_buffer.h"

#include <string.h>

#include "base/number_text.h"

#define FIRST_SIZE ((size_t)64 * 1024)
#define PLAIN_FROM (-4)
#define PLAIN_BELOW 16

void ef_text_buffer_init(ef_text_buffer *self, ef_alloc *alloc) {
    memset(self, 0, sizeof *self);
    self->alloc = alloc;
}

void ef_text_buffer_clear(ef_text_buffer *self) {
    ef_free(self->alloc, self->bytes, self->capacity);
    self->bytes = NULL;
    self->length = 0;
    self->capacity = 0;
}

bool ef_text_buffer_grow(ef_text_buffer *self, size_t more) {
    if (more > SIZE_MAX / 4 - self->length) {
        return false;
    }
    size_t needed = self->length + more;
    size_t capacity = self->capacity > 0 ? self->capacity : FIRST_SIZE;
    while (capacity < needed) {
        capacity *= 2;
    }
    char *bytes = ef_realloc(self->alloc, self->bytes, self->capacity, capacity);
    if (bytes == NULL) {
        return false;
    }
    self->bytes = bytes;
    self->capacity = capacity;
    return true;
}

/* Takes apart what base/number_text.h prints (digits with a point, perhaps E and an exponent) and lays it out anew. */
static uint32_t lay_out(const char *text, uint32_t length, char *to) {
    char digits[24];
    int count = 0, point = 0, exponent = 0;
    bool behind_point = false, is_significant = false;
    uint32_t i = 0, n = 0;
    if (text[0] == '-') {
        to[n++] = '-';
        i++;
    }
    for (; i < length && text[i] != 'E'; i++) {
        if (text[i] == '.') {
            behind_point = true;
            continue;
        }
        is_significant = is_significant || text[i] != '0';
        if (is_significant && count < (int)sizeof digits) {
            digits[count++] = text[i];
        }
        if (behind_point) {
            point -= !is_significant;
        } else {
            point += is_significant;
        }
    }
    if (i < length) {
        bool below = text[++i] == '-';
        for (i += below; i < length; i++) {
            exponent = exponent * 10 + (text[i] - '0');
        }
        exponent = below ? -exponent : exponent;
    }
    while (count > 0 && digits[count - 1] == '0') {
        count--;
    }
    if (count == 0) {
        memcpy(to + n, "0.0", 3);
        return n + 3;
    }
    point += exponent; /* value = 0.digits * 10^point */
    int power = point - 1;
    if (power < PLAIN_FROM || power >= PLAIN_BELOW) {
        to[n++] = digits[0];
        if (count > 1) {
            to[n++] = '.';
            memcpy(to + n, digits + 1, (size_t)count - 1);
            n += (uint32_t)count - 1;
        }
        to[n++] = 'e';
        to[n++] = power < 0 ? '-' : '+';
        unsigned size = (unsigned)(power < 0 ? -power : power);
        if (size < 10) {
            to[n++] = '0';
        }
        return n + ef_format_long(size, to + n);
    }
    if (point <= 0) {
        to[n++] = '0';
        to[n++] = '.';
        for (int k = 0; k < -point; k++) {
            to[n++] = '0';
        }
        memcpy(to + n, digits, (size_t)count);
        return n + (uint32_t)count;
    }
    for (int k = 0; k < point; k++) {
        to[n++] = k < count ? digits[k] : '0';
    }
    to[n++] = '.';
    if (count <= point) {
        to[n++] = '0';
        return n;
    }
    memcpy(to + n, digits + point, (size_t)(count - point));
    return n + (uint32_t)(count - point);
}

uint32_t ef_write_double(double value, char *to) {
    char text[EF_NUMBER_TEXT];
    return lay_out(text, ef_format_double(value, text), to);
}

uint32_t ef_write_float(float value, char *to) {
    char text[EF_NUMBER_TEXT];
    return lay_out(text, ef_format_float(value, text), to);
}
