/* UTF-8 checking; see utf8.h. */
#include "base/utf8.h"

#include <string.h>

bool ef_utf8_check(const char *data, size_t length) {
    const unsigned char *p = (const unsigned char *)data;
    const unsigned char *end = p + length;
    while (p < end) {
        uint64_t word;
        while (end - p >= 8) { /* most text is ASCII */
            memcpy(&word, p, 8);
            if ((word & 0x8080808080808080u) != 0) {
                break;
            }
            p += 8;
        }
        if (p == end) {
            break;
        }
        unsigned lead = *p;
        if (lead < 0x80) {
            p++;
            continue;
        }
        ptrdiff_t left = end - p;
        unsigned low = 0x80, high = 0xBF; /* bounds of the second byte */
        ptrdiff_t width;
        if (lead >= 0xC2 && lead <= 0xDF) {
            width = 2;
        } else if (lead >= 0xE0 && lead <= 0xEF) {
            width = 3;
            low = lead == 0xE0 ? 0xA0 : 0x80;
            high = lead == 0xED ? 0x9F : 0xBF;
        } else if (lead >= 0xF0 && lead <= 0xF4) {
            width = 4;
            low = lead == 0xF0 ? 0x90 : 0x80;
            high = lead == 0xF4 ? 0x8F : 0xBF;
        } else {
            return false;
        }
        if (left < width || p[1] < low || p[1] > high) {
            return false;
        }
        for (ptrdiff_t i = 2; i < width; i++) {
            if ((p[i] & 0xC0u) != 0x80u) {
                return false;
            }
        }
        p += width;
    }
    return true;
}

size_t ef_utf8_count(const char *data, size_t length) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += ((unsigned char)data[i] & 0xC0u) != 0x80u;
    }
    return count;
}
