/* Upper and lower case by the Unicode tables, without a locale. */
#ifndef EF_BASE_UNICODE_CASE_H
#define EF_BASE_UNICODE_CASE_H

#include <stdint.h>

#define EF_CASE_WIDTH 3u /* most code points that one becomes */

/* What the code point becomes; gives their number, at least 1. A capital sigma becomes the ordinary small one: whether it stands at the
 * end of a word is the caller's to see. */
uint32_t ef_upper_points(uint32_t point, uint32_t to[EF_CASE_WIDTH]);
uint32_t ef_lower_points(uint32_t point, uint32_t to[EF_CASE_WIDTH]);

/* One code point under which those that differ in case only are equal: for comparing without regard to case. */
uint32_t ef_fold_point(uint32_t point);

#endif
