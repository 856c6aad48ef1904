/* UTF-8: checking where bytes enter, decoding and encoding where they are known to be good. */
#ifndef EF_BASE_UTF8_H
#define EF_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
bool ef_utf8_check(const char *data, size_t length);

/* Code points of well-formed bytes. */
size_t ef_utf8_count(const char *data, size_t length);

/* Bytes of the character that starts with this byte. */
static inline uint32_t ef_utf8_width(unsigned char lead) {
    return lead < 0x80 ? 1u : lead < 0xE0 ? 2u : lead < 0xF0 ? 3u : 4u;
}

/* The code point at `data`, which must be well-formed there; *width gets its bytes. */
static inline uint32_t ef_utf8_decode(const char *data, uint32_t *width) {
    const unsigned char *p = (const unsigned char *)data;
    if (p[0] < 0x80) {
        *width = 1;
        return p[0];
    }
    if (p[0] < 0xE0) {
        *width = 2;
        return ((uint32_t)(p[0] & 0x1Fu) << 6) | (p[1] & 0x3Fu);
    }
    if (p[0] < 0xF0) {
        *width = 3;
        return ((uint32_t)(p[0] & 0x0Fu) << 12) | ((uint32_t)(p[1] & 0x3Fu) << 6) | (p[2] & 0x3Fu);
    }
    *width = 4;
    return ((uint32_t)(p[0] & 0x07u) << 18) | ((uint32_t)(p[1] & 0x3Fu) << 12) |
           ((uint32_t)(p[2] & 0x3Fu) << 6) | (p[3] & 0x3Fu);
}

/* Writes the code point (valid, no surrogate) to `to`, which has room for 4 bytes; gives its bytes. */
static inline uint32_t ef_utf8_encode(uint32_t point, char *to) {
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (char)(0xC0u | (point >> 6));
        to[1] = (char)(0x80u | (point & 0x3Fu));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (char)(0xE0u | (point >> 12));
        to[1] = (char)(0x80u | ((point >> 6) & 0x3Fu));
        to[2] = (char)(0x80u | (point & 0x3Fu));
        return 3;
    }
    to[0] = (char)(0xF0u | (point >> 18));
    to[1] = (char)(0x80u | ((point >> 12) & 0x3Fu));
    to[2] = (char)(0x80u | ((point >> 6) & 0x3Fu));
    to[3] = (char)(0x80u | (point & 0x3Fu));
    return 4;
}

#endif
