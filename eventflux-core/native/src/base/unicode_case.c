/* Upper and lower case; see unicode_case.h. Binary search in tables of runs. */
#include "base/unicode_case.h"

#include <stddef.h>

typedef struct case_range {
    uint32_t first;
    uint32_t last;
    uint32_t step; /* 2: every other code point of the run changes */
    int32_t difference;
} case_range;

typedef struct case_expansion {
    uint32_t point;
    uint32_t to[EF_CASE_WIDTH]; /* 0: none */
} case_expansion;

#include "base/unicode_case.inc"

static uint32_t in_ranges(const case_range *ranges, size_t count, uint32_t point) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges[middle].last < point) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < count && point >= ranges[low].first && (point - ranges[low].first) % ranges[low].step == 0) {
        return (uint32_t)((int32_t)point + ranges[low].difference);
    }
    return point;
}

static uint32_t expand(const case_expansion *expansions, size_t count, uint32_t point, uint32_t to[EF_CASE_WIDTH]) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (expansions[middle].point < point) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == count || expansions[low].point != point) {
        return 0;
    }
    uint32_t n = 0;
    while (n < EF_CASE_WIDTH && expansions[low].to[n] != 0) {
        to[n] = expansions[low].to[n];
        n++;
    }
    return n;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

uint32_t ef_upper_points(uint32_t point, uint32_t to[EF_CASE_WIDTH]) {
    if (point < 0x80) {
        to[0] = point >= 'a' && point <= 'z' ? point - 32 : point;
        return 1;
    }
    uint32_t n = expand(UPPER_EXPANSIONS, COUNT(UPPER_EXPANSIONS), point, to);
    if (n == 0) {
        to[0] = in_ranges(UPPER_RANGES, COUNT(UPPER_RANGES), point);
        n = 1;
    }
    return n;
}

uint32_t ef_lower_points(uint32_t point, uint32_t to[EF_CASE_WIDTH]) {
    if (point < 0x80) {
        to[0] = point >= 'A' && point <= 'Z' ? point + 32 : point;
        return 1;
    }
    uint32_t n = expand(LOWER_EXPANSIONS, COUNT(LOWER_EXPANSIONS), point, to);
    if (n == 0) {
        to[0] = in_ranges(LOWER_RANGES, COUNT(LOWER_RANGES), point);
        n = 1;
    }
    return n;
}

uint32_t ef_fold_point(uint32_t point) {
    if (point < 0x80) {
        return point >= 'A' && point <= 'Z' ? point + 32 : point;
    }
    /* Up, then down: final and ordinary sigma, the Kelvin sign and k, meet. */
    uint32_t upper = in_ranges(UPPER_RANGES, COUNT(UPPER_RANGES), point);
    if (upper < 0x80) {
        return upper >= 'A' && upper <= 'Z' ? upper + 32 : upper;
    }
    return in_ranges(LOWER_RANGES, COUNT(LOWER_RANGES), upper);
}
