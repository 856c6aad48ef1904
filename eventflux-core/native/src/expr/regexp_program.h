/* The instructions of a compiled regular expression: made by regexp.c, run by regexp_search.c.
 *
 *      block = ef_regexp | instructions | ranges of classes
 */
#ifndef EF_EXPR_REGEXP_PROGRAM_H
#define EF_EXPR_REGEXP_PROGRAM_H

#include "expr/regexp.h"

typedef enum ef_regexp_opcode {
    EF_RE_CHAR,
    EF_RE_CHAR_FOLDED,
    EF_RE_ANY,
    EF_RE_ANY_AT_ALL,
    EF_RE_CLASS,
    EF_RE_SPLIT,
    EF_RE_JUMP,
    EF_RE_PLACE,
    EF_RE_MATCH
} ef_regexp_opcode;

typedef enum ef_regexp_place {
    EF_AT_BEGIN,
    EF_AT_END,      /* or before a line end that ends the text */
    EF_AT_END_ONLY,
    EF_AT_LINE_BEGIN,
    EF_AT_LINE_END,
    EF_AT_WORD,
    EF_AT_NO_WORD
} ef_regexp_place;

typedef struct ef_regexp_instruction {
    uint32_t code;
    uint32_t x; /* character; place; first target; first range of the class */
    uint32_t y; /* second target; count of ranges, with EF_CLASS_NEGATED and EF_CLASS_FOLDED */
} ef_regexp_instruction;

#define EF_CLASS_NEGATED 0x80000000u
#define EF_CLASS_FOLDED 0x40000000u
#define EF_CLASS_COUNT 0x3FFFFFFFu

typedef struct ef_code_range {
    uint32_t first;
    uint32_t last;
} ef_code_range;

struct ef_regexp {
    uint32_t count;
    uint32_t ranges;
    uint32_t first_byte; /* every match begins with it; 256: unknown */
};

static inline const ef_regexp_instruction *ef_regexp_instructions(const ef_regexp *regexp) {
    return (const ef_regexp_instruction *)(const void *)(regexp + 1);
}

static inline const ef_code_range *ef_regexp_ranges(const ef_regexp *regexp) {
    return (const ef_code_range *)(const void *)(ef_regexp_instructions(regexp) + regexp->count);
}

#endif
