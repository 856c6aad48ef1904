/* Regular expressions in linear time: a subset of Java's, searched anywhere in a text.
 *
 *   x . [abc] [^a-z] \d \D \w \W \s \S \p{Alpha} ...   characters
 *   ^ $ \A \z \Z \b \B                               places
 *   (x) (?:x) (?<n>x) x|y                            groups, choice
 *   x? x* x+ x{2} x{2,} x{2,5}, each with ? behind   repetition
 *   (?i) (?m) (?s) (?i:x) \Q...\E \t \n \xhh \uhhhh  flags, quoting, escapes
 *
 * Back references, look-around and possessive repetition are refused: what they cost is not bounded by the text's length.
 * A compiled expression is one block without pointers: it may be copied with memcpy. */
#ifndef EF_EXPR_REGEXP_H
#define EF_EXPR_REGEXP_H

#include "base/arena.h"

#define EF_REGEXP_MESSAGE 160

typedef struct ef_regexp ef_regexp;

/* EF_INVALID with what is wrong in `message`, or EF_NO_MEMORY. The result lies in the arena. */
ef_status ef_regexp_compile(const char *pattern, uint32_t length, ef_arena *arena, ef_regexp **regexp,
                            char message[EF_REGEXP_MESSAGE]) EF_MUST_USE;
size_t ef_regexp_size(const ef_regexp *regexp);

/* Bytes that a search needs to work in; the caller may use them again for the next. */
size_t ef_regexp_scratch(const ef_regexp *regexp);
/* Whether the expression matches somewhere in the (well-formed UTF-8) text. O(length of text times length of expression). */
bool ef_regexp_search(const ef_regexp *regexp, const char *text, uint32_t length, void *scratch);

#endif
