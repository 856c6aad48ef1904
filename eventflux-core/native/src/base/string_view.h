/* ef_str: making, reading, comparing. Layout in eventflux.h. */
#ifndef EF_BASE_STRING_VIEW_H
#define EF_BASE_STRING_VIEW_H

#include <string.h>

#include "base/arena.h"

static inline const char *ef_str_data(const ef_str *s) {
    return s->length <= EF_INLINE_STRING ? s->as.inlined : s->as.outside.data;
}

static inline bool ef_str_is_inline(const ef_str *s) {
    return s->length <= EF_INLINE_STRING;
}

static inline ef_str ef_str_empty(void) {
    ef_str s;
    memset(&s, 0, sizeof s);
    return s;
}

/* Views `length` bytes at `data`; long strings are borrowed: `data` must outlive the view. */
static inline ef_str ef_str_view(const char *data, uint32_t length) {
    ef_str s;
    s.length = length;
    if (length <= EF_INLINE_STRING) {
        memset(s.as.inlined, 0, EF_INLINE_STRING);
        if (length > 0) {
            memcpy(s.as.inlined, data, length);
        }
    } else {
        memcpy(s.as.outside.prefix, data, 4);
        s.as.outside.data = data;
    }
    return s;
}

/* Copies the bytes of a long string into the arena. False: out of memory. */
static inline bool ef_str_copy(ef_str *to, const ef_str *from, ef_arena *arena) {
    *to = *from;
    if (from->length > EF_INLINE_STRING) {
        char *bytes = ef_arena_take(arena, from->length);
        if (bytes == NULL) {
            return false;
        }
        memcpy(bytes, from->as.outside.data, from->length);
        to->as.outside.data = bytes;
    }
    return true;
}

static inline bool ef_str_equal(const ef_str *a, const ef_str *b) {
    uint64_t a0, b0;
    memcpy(&a0, a, 8); /* length and prefix */
    memcpy(&b0, b, 8);
    if (a0 != b0) {
        return false;
    }
    if (a->length <= EF_INLINE_STRING) {
        uint64_t a1, b1;
        memcpy(&a1, (const char *)a + 8, 8);
        memcpy(&b1, (const char *)b + 8, 8);
        return a1 == b1;
    }
    return a->as.outside.data == b->as.outside.data ||
           memcmp(a->as.outside.data, b->as.outside.data, a->length) == 0;
}

/* Order of UTF-16 code units, as Java's: like memcmp, except that lead bytes of U+E000..U+FFFF (0xEE, 0xEF) sort behind those
 * of supplementary characters (0xF0..0xF4). < 0, 0, > 0. */
static inline int ef_str_compare(const ef_str *a, const ef_str *b) {
    const unsigned char *x = (const unsigned char *)ef_str_data(a);
    const unsigned char *y = (const unsigned char *)ef_str_data(b);
    uint32_t shared = a->length < b->length ? a->length : b->length;
    uint32_t i = 0;
    while (i < shared && x[i] == y[i]) {
        i++;
    }
    if (i == shared) {
        return a->length < b->length ? -1 : a->length > b->length ? 1 : 0;
    }
    unsigned p = x[i], q = y[i];
    if (p >= 0xEE && q >= 0xEE) {
        p = p >= 0xF0 ? p - 0x10 : p + 0x10;
        q = q >= 0xF0 ? q - 0x10 : q + 0x10;
    }
    return p < q ? -1 : 1;
}

#endif
