/* Seeded 64-bit hashing of values and bytes (wyhash-like folded multiplication). The seed belongs to the engine and is saved. */
#ifndef EF_BASE_HASH_H
#define EF_BASE_HASH_H

#include <string.h>

#include "base/string_view.h"

static inline uint64_t ef_hash_fold(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t ef_hash_u64(uint64_t value, uint64_t seed) {
    return ef_hash_fold(value ^ seed ^ 0x9E3779B97F4A7C15u, 0xE7037ED1A0B428DBu ^ seed);
}

static inline uint64_t ef_hash_bytes(const void *data, size_t length, uint64_t seed) {
    const unsigned char *p = data;
    uint64_t h = seed ^ ((uint64_t)length * 0x9E3779B97F4A7C15u);
    uint64_t a, b;
    while (length > 16) {
        memcpy(&a, p, 8);
        memcpy(&b, p + 8, 8);
        h = ef_hash_fold(a ^ 0xA0761D6478BD642Fu, b ^ h);
        p += 16;
        length -= 16;
    }
    a = 0;
    b = 0;
    if (length > 8) {
        memcpy(&a, p, 8);
        memcpy(&b, p + length - 8, 8);
    } else if (length > 0) {
        memcpy(&a, p, length);
    }
    return ef_hash_fold(a ^ 0xE7037ED1A0B428DBu, b ^ h ^ 0x8EBC6AF09C88C6E3u);
}

static inline uint64_t ef_hash_str(const ef_str *s, uint64_t seed) {
    if (s->length <= EF_INLINE_STRING) {
        uint64_t a, b;
        memcpy(&a, s, 8);
        memcpy(&b, (const char *)s + 8, 8);
        return ef_hash_fold(a ^ 0xA0761D6478BD642Fu, b ^ seed ^ 0x8EBC6AF09C88C6E3u);
    }
    return ef_hash_bytes(s->as.outside.data, s->length, seed);
}

#endif
