/* Regular expressions in linear time; see regexp.h.
 *
 * The pattern is read into a tree, the tree into instructions of a nondeterministic machine, and a search runs all its threads in step
 * (Thompson, "Regular expression search algorithm", 1968; Pike's form as told by Cox, "Regular expression matching: the virtual
 * machine approach", 2009). Which part matched is never asked, so a thread is only its place in the program.
 *
 *      block = ef_regexp | instructions | ranges of classes
 *
 * Recursion follows the nesting of groups, which is limited; repetition by counts multiplies instructions, which are limited too. */
#include "expr/regexp_program.h"

#include "base/number_text.h"
#include "base/unicode_case.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 60u
#define MAX_INSTRUCTIONS 20000u
#define MAX_COUNT 1000u

size_t ef_regexp_size(const ef_regexp *regexp) {
    return sizeof *regexp + regexp->count * sizeof(ef_regexp_instruction) + regexp->ranges * sizeof(ef_code_range);
}

/* ---- the tree ---- */

typedef enum node_kind {
    NODE_CHARACTER, /* x */
    NODE_ANY,
    NODE_ANY_AT_ALL,
    NODE_CLASS, /* x ranges, y as in instruction */
    NODE_PLACE, /* x */
    NODE_SEQUENCE,
    NODE_CHOICE,
    NODE_REPEAT /* x least, y most (UINT32_MAX: no limit) */
} node_kind;

#define NO_NODE UINT32_MAX

typedef struct node {
    node_kind kind;
    bool folded;
    uint32_t x;
    uint32_t y;
    uint32_t child; /* first */
    uint32_t next;  /* sibling */
} node;

typedef struct flags {
    bool ignore_case;
    bool lines;
    bool dot_all;
} flags;

typedef struct compiler {
    ef_arena *arena;
    const char *at;
    const char *end;
    char *message;
    bool no_memory;
    bool quoting; /* between \Q and \E */
    node *nodes;
    uint32_t node_count, node_capacity;
    ef_code_range *ranges;
    uint32_t range_count, range_capacity;
    ef_regexp_instruction *made;
    uint32_t made_count, made_capacity;
} compiler;

static bool refuse(compiler *c, const char *what) {
    if (c->message[0] == '\0') {
        (void)snprintf(c->message, EF_REGEXP_MESSAGE, "%s", what);
    }
    return false;
}

static bool reserve(compiler *c, void **array, uint32_t count, uint32_t *capacity, size_t size) {
    if (count < *capacity) {
        return true;
    }
    uint32_t wanted = *capacity > 0 ? *capacity * 2 : 32;
    void *grown = ef_arena_take(c->arena, wanted * size);
    if (grown == NULL) {
        c->no_memory = true;
        return false;
    }
    if (count > 0) {
        memcpy(grown, *array, count * size);
    }
    *array = grown;
    *capacity = wanted;
    return true;
}

static bool add_node(compiler *c, node_kind kind, uint32_t x, uint32_t y, uint32_t *index) {
    if (!reserve(c, (void **)&c->nodes, c->node_count, &c->node_capacity, sizeof *c->nodes)) {
        return false;
    }
    c->nodes[c->node_count] = (node){.kind = kind, .x = x, .y = y, .child = NO_NODE, .next = NO_NODE};
    *index = c->node_count++;
    return true;
}

static bool add_range(compiler *c, uint32_t first, uint32_t last) {
    if (!reserve(c, (void **)&c->ranges, c->range_count, &c->range_capacity, sizeof *c->ranges)) {
        return false;
    }
    c->ranges[c->range_count++] = (ef_code_range){first, last};
    return true;
}

static bool at_end(const compiler *c) {
    return c->at == c->end;
}

static bool next_is(const compiler *c, const char *word) {
    size_t length = strlen(word);
    return (size_t)(c->end - c->at) >= length && memcmp(c->at, word, length) == 0;
}

static bool accept(compiler *c, const char *word) {
    if (!next_is(c, word)) {
        return false;
    }
    c->at += strlen(word);
    return true;
}

static uint32_t take_point(compiler *c) {
    uint32_t width;
    uint32_t point = ef_utf8_decode(c->at, &width);
    c->at += width;
    return point;
}

/* ---- escapes and classes ---- */

static bool read_hex(compiler *c, uint32_t digits, uint32_t *value) {
    *value = 0;
    for (uint32_t i = 0; i < digits; i++) {
        char d = at_end(c) ? '\0' : *c->at++;
        uint32_t digit = d >= '0' && d <= '9'   ? (uint32_t)(d - '0')
                         : d >= 'a' && d <= 'f' ? (uint32_t)(d - 'a') + 10
                         : d >= 'A' && d <= 'F' ? (uint32_t)(d - 'A') + 10
                                                : 16;
        if (digit > 15) {
            return refuse(c, "\\x and \\u want hexadecimal digits");
        }
        *value = *value * 16 + digit;
    }
    return true;
}

/* Everything that is not in the ranges from `from` on. */
static bool complement(compiler *c, uint32_t from) {
    /* The ranges are few and made here: sorted, not overlapping. */
    uint32_t count = c->range_count - from, next = 0;
    ef_code_range copy[8];
    memcpy(copy, c->ranges + from, count * sizeof *copy);
    c->range_count = from;
    for (uint32_t i = 0; i < count; i++) {
        if (copy[i].first > next && !add_range(c, next, copy[i].first - 1)) {
            return false;
        }
        next = copy[i].last + 1;
    }
    return add_range(c, next, 0x10FFFF);
}

/* The ranges of \d \w \s (and of their complements); false: another letter. */
static bool add_known_class(compiler *c, char letter, bool *known) {
    uint32_t from = c->range_count;
    bool good = true;
    *known = true;
    switch (letter | 0x20) {
    case 'd':
        good = add_range(c, '0', '9');
        break;
    case 'w':
        good = add_range(c, '0', '9') && add_range(c, 'A', 'Z') && add_range(c, '_', '_') && add_range(c, 'a', 'z');
        break;
    case 's':
        good = add_range(c, 9, 13) && add_range(c, ' ', ' ');
        break;
    default:
        *known = false;
        return true;
    }
    return good && ((letter & 0x20) != 0 || complement(c, from));
}

/* Behind \p or \P: {Name}, the POSIX classes of ASCII. */
static bool add_named_class(compiler *c, bool negated) {
    static const struct {
        const char *name;
        ef_code_range ranges[4];
    } NAMED[] = {
        {"{Lower}", {{'a', 'z'}}},
        {"{Upper}", {{'A', 'Z'}}},
        {"{Alpha}", {{'A', 'Z'}, {'a', 'z'}}},
        {"{Digit}", {{'0', '9'}}},
        {"{Alnum}", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
        {"{Punct}", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
        {"{Space}", {{9, 13}, {' ', ' '}}},
        {"{ASCII}", {{0, 127}}},
    };
    for (size_t i = 0; i < sizeof NAMED / sizeof *NAMED; i++) {
        if (!accept(c, NAMED[i].name)) {
            continue;
        }
        uint32_t from = c->range_count;
        for (uint32_t k = 0; k < 4 && (k == 0 || NAMED[i].ranges[k].last > 0); k++) {
            if (!add_range(c, NAMED[i].ranges[k].first, NAMED[i].ranges[k].last)) {
                return false;
            }
        }
        return !negated || complement(c, from);
    }
    return refuse(c, "of \\p{...} only Lower, Upper, Alpha, Digit, Alnum, Punct, Space and ASCII are known");
}

/* Behind a backslash that stands for one character. */
static bool read_escape(compiler *c, uint32_t *point) {
    char letter = *c->at;
    if ((unsigned char)letter >= 0x80) {
        *point = take_point(c);
        return true;
    }
    c->at++;
    switch (letter) {
    case 't':
        *point = '\t';
        return true;
    case 'n':
        *point = '\n';
        return true;
    case 'r':
        *point = '\r';
        return true;
    case 'f':
        *point = '\f';
        return true;
    case 'a':
        *point = 7;
        return true;
    case 'e':
        *point = 27;
        return true;
    case 'x':
        return read_hex(c, 2, point);
    case 'u':
        return read_hex(c, 4, point);
    default:
        if ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')) {
            return refuse(c, "a backslash before a letter that has no meaning");
        }
        if (letter >= '0' && letter <= '9') {
            return refuse(c, "back references are not supported");
        }
        *point = (unsigned char)letter;
        return true;
    }
}

/* Behind '['. */
static bool read_class(compiler *c, flags mode, uint32_t *index) {
    uint32_t from = c->range_count;
    bool negated = accept(c, "^"), first = true;
    while (!at_end(c) && (*c->at != ']' || first)) {
        uint32_t low, high;
        bool known;
        first = false;
        if (*c->at == '[' || next_is(c, "&&")) {
            return refuse(c, "classes within classes are not supported; a '[' in a class is written \\[");
        }
        if (accept(c, "\\")) {
            if (at_end(c)) {
                return refuse(c, "a backslash at the end");
            }
            if (*c->at == 'p' || *c->at == 'P') {
                bool negative = *c->at++ == 'P';
                if (!add_named_class(c, negative)) {
                    return false;
                }
                continue;
            }
            if (!add_known_class(c, *c->at, &known)) {
                return false;
            }
            if (known) {
                c->at++;
                continue;
            }
            if (!read_escape(c, &low)) {
                return false;
            }
        } else {
            low = take_point(c);
        }
        high = low;
        if (c->end - c->at > 1 && *c->at == '-' && c->at[1] != ']') {
            c->at++;
            if (accept(c, "\\")) {
                if (at_end(c) || !read_escape(c, &high)) {
                    return refuse(c, "a backslash at the end");
                }
            } else if (*c->at == '[') {
                return refuse(c, "classes within classes are not supported; a '[' in a class is written \\[");
            } else {
                high = take_point(c);
            }
            if (high < low) {
                return refuse(c, "a range in a class runs backwards");
            }
        }
        if (!add_range(c, low, high)) {
            return false;
        }
    }
    if (!accept(c, "]")) {
        return refuse(c, "a class is not closed by ']'");
    }
    return add_node(c, NODE_CLASS, from,
                    (c->range_count - from) | (negated ? EF_CLASS_NEGATED : 0) | (mode.ignore_case ? EF_CLASS_FOLDED : 0), index);
}

/* Behind a backslash outside a class. */
static bool read_backslash(compiler *c, flags mode, uint32_t *index) {
    bool known;
    uint32_t from = c->range_count, point;
    if (at_end(c)) {
        return refuse(c, "a backslash at the end");
    }
    switch (*c->at) {
    case 'A':
        c->at++;
        return add_node(c, NODE_PLACE, EF_AT_BEGIN, 0, index);
    case 'z':
        c->at++;
        return add_node(c, NODE_PLACE, EF_AT_END_ONLY, 0, index);
    case 'Z':
        c->at++;
        return add_node(c, NODE_PLACE, EF_AT_END, 0, index);
    case 'b':
    case 'B':
        return add_node(c, NODE_PLACE, *c->at++ == 'b' ? EF_AT_WORD : EF_AT_NO_WORD, 0, index);
    case 'k':
        return refuse(c, "back references are not supported");
    case 'p':
    case 'P': {
        bool negative = *c->at++ == 'P';
        return add_named_class(c, negative) && add_node(c, NODE_CLASS, from, c->range_count - from, index);
    }
    default:
        break;
    }
    if (!add_known_class(c, *c->at, &known)) {
        return false;
    }
    if (known) {
        c->at++;
        return add_node(c, NODE_CLASS, from, c->range_count - from, index);
    }
    if (!read_escape(c, &point) || !add_node(c, NODE_CHARACTER, point, 0, index)) {
        return false;
    }
    c->nodes[*index].folded = mode.ignore_case;
    return true;
}

/* ---- groups, choice, repetition ---- */

static bool read_choice(compiler *c, flags mode, uint32_t depth, uint32_t *index);

/* Behind '(?': flags up to ')' or ':'. */
static bool read_flags(compiler *c, flags *mode, bool *group) {
    bool on = true;
    for (; !at_end(c) && *c->at != ')' && *c->at != ':'; c->at++) {
        switch (*c->at) {
        case '-':
            on = false;
            break;
        case 'i':
            mode->ignore_case = on;
            break;
        case 'm':
            mode->lines = on;
            break;
        case 's':
            mode->dot_all = on;
            break;
        case 'u': /* case folding is Unicode's anyway */
            break;
        default:
            return refuse(c, "an unknown flag behind (?");
        }
    }
    if (at_end(c)) {
        return refuse(c, "a group is not closed by ')'");
    }
    *group = *c->at++ == ':';
    return true;
}

/* Behind '('. *mode is changed by (?i). NO_NODE: nothing but flags. */
static bool read_group(compiler *c, flags *mode, uint32_t depth, uint32_t *index) {
    flags inner = *mode;
    if (accept(c, "?")) {
        if (next_is(c, "=") || next_is(c, "!") || next_is(c, "<=") || next_is(c, "<!")) {
            return refuse(c, "look-around is not supported");
        }
        if (next_is(c, ">")) {
            return refuse(c, "atomic groups are not supported");
        }
        if (accept(c, "<")) {
            while (!at_end(c) && *c->at != '>') {
                c->at++;
            }
            if (!accept(c, ">")) {
                return refuse(c, "the name of a group is not closed by '>'");
            }
        } else {
            bool group;
            if (!read_flags(c, &inner, &group)) {
                return false;
            }
            if (!group) {
                *mode = inner;
                *index = NO_NODE;
                return true;
            }
        }
    }
    if (depth >= MAX_DEPTH) {
        return refuse(c, "groups are nested too deeply");
    }
    if (!read_choice(c, inner, depth + 1, index)) {
        return false;
    }
    return accept(c, ")") || refuse(c, "a group is not closed by ')'");
}

static bool read_atom(compiler *c, flags *mode, uint32_t depth, uint32_t *index) {
    switch (*c->at) {
    case '(':
        c->at++;
        return read_group(c, mode, depth, index);
    case '[':
        c->at++;
        return read_class(c, *mode, index);
    case '.':
        c->at++;
        return add_node(c, mode->dot_all ? NODE_ANY_AT_ALL : NODE_ANY, 0, 0, index);
    case '^':
        c->at++;
        return add_node(c, NODE_PLACE, mode->lines ? EF_AT_LINE_BEGIN : EF_AT_BEGIN, 0, index);
    case '$':
        c->at++;
        return add_node(c, NODE_PLACE, mode->lines ? EF_AT_LINE_END : EF_AT_END, 0, index);
    case '\\':
        c->at++;
        return read_backslash(c, *mode, index);
    case '*':
    case '+':
    case '?':
        return refuse(c, "a repetition with nothing before it");
    default:
        if (!add_node(c, NODE_CHARACTER, take_point(c), 0, index)) {
            return false;
        }
        c->nodes[*index].folded = mode->ignore_case;
        return true;
    }
}

static bool read_count(compiler *c, uint32_t *count) {
    const char *start = c->at;
    *count = 0;
    while (!at_end(c) && *c->at >= '0' && *c->at <= '9' && *count <= MAX_COUNT) {
        *count = *count * 10 + (uint32_t)(*c->at++ - '0');
    }
    if (*count > MAX_COUNT) {
        return refuse(c, "a repetition of more than 1000");
    }
    return c->at > start || refuse(c, "a repetition {n,m} without a number");
}

/* Wraps *index by each repetition that follows it. */
static bool read_repetition(compiler *c, uint32_t *index) {
    while (!at_end(c)) {
        uint32_t least = 0, most = UINT32_MAX;
        if (accept(c, "*")) {
            least = 0;
        } else if (accept(c, "+")) {
            least = 1;
        } else if (accept(c, "?")) {
            most = 1;
        } else if (accept(c, "{")) {
            if (!read_count(c, &least)) {
                return false;
            }
            most = least;
            if (accept(c, ",")) {
                most = UINT32_MAX;
                if (!next_is(c, "}") && !read_count(c, &most)) {
                    return false;
                }
            }
            if (!accept(c, "}")) {
                return refuse(c, "a repetition is not closed by '}'");
            }
            if (most < least) {
                return refuse(c, "a repetition {n,m} with m below n");
            }
        } else {
            return true;
        }
        if (accept(c, "+")) {
            return refuse(c, "possessive repetition is not supported");
        }
        accept(c, "?"); /* the shortest match is a match */
        uint32_t wrapped;
        if (!add_node(c, NODE_REPEAT, least, most, &wrapped)) {
            return false;
        }
        c->nodes[wrapped].child = *index;
        *index = wrapped;
    }
    return true;
}

static bool read_sequence(compiler *c, flags *mode, uint32_t depth, uint32_t *index) {
    uint32_t last = NO_NODE;
    if (!add_node(c, NODE_SEQUENCE, 0, 0, index)) {
        return false;
    }
    while (!at_end(c)) {
        uint32_t part;
        if (!c->quoting && accept(c, "\\Q")) {
            c->quoting = true;
            continue;
        }
        if (c->quoting && accept(c, "\\E")) {
            c->quoting = false;
            continue;
        }
        if (c->quoting) {
            if (!add_node(c, NODE_CHARACTER, take_point(c), 0, &part)) {
                return false;
            }
            c->nodes[part].folded = mode->ignore_case;
            if (next_is(c, "\\E")) { /* a repetition behind it is of the last character */
                c->at += 2;
                c->quoting = false;
                if (!read_repetition(c, &part)) {
                    return false;
                }
            }
        } else {
            if (*c->at == '|' || *c->at == ')') {
                break;
            }
            if (!read_atom(c, mode, depth, &part)) {
                return false;
            }
            if (part == NO_NODE) {
                continue;
            }
            if (!read_repetition(c, &part)) {
                return false;
            }
        }
        if (last == NO_NODE) {
            c->nodes[*index].child = part;
        } else {
            c->nodes[last].next = part;
        }
        last = part;
    }
    return true;
}

static bool read_choice(compiler *c, flags mode, uint32_t depth, uint32_t *index) {
    uint32_t last, part;
    if (!read_sequence(c, &mode, depth, &last)) {
        return false;
    }
    *index = last;
    if (!next_is(c, "|")) {
        return true;
    }
    if (!add_node(c, NODE_CHOICE, 0, 0, index)) {
        return false;
    }
    c->nodes[*index].child = last;
    while (accept(c, "|")) {
        if (!read_sequence(c, &mode, depth, &part)) {
            return false;
        }
        c->nodes[last].next = part;
        last = part;
    }
    return true;
}

/* ---- instructions ---- */

static bool put(compiler *c, ef_regexp_opcode code, uint32_t x, uint32_t y) {
    if (c->made_count >= MAX_INSTRUCTIONS) {
        return refuse(c, "the expression is too large");
    }
    if (!reserve(c, (void **)&c->made, c->made_count, &c->made_capacity, sizeof *c->made)) {
        return false;
    }
    c->made[c->made_count++] = (ef_regexp_instruction){code, x, y};
    return true;
}

static bool emit(compiler *c, uint32_t index);

static bool emit_repeat(compiler *c, const node *self) {
    for (uint32_t i = 0; i < self->x; i++) {
        if (!emit(c, self->child)) {
            return false;
        }
    }
    uint32_t start = c->made_count;
    if (self->y == UINT32_MAX) { /* L: split body, out; body; jump L */
        if (!put(c, EF_RE_SPLIT, start + 1, 0) || !emit(c, self->child) || !put(c, EF_RE_JUMP, start, 0)) {
            return false;
        }
        c->made[start].y = c->made_count;
        return true;
    }
    /* Each optional turn may leave to the end: the splits are chained through y until the end is known. */
    uint32_t open = NO_NODE;
    for (uint32_t i = self->x; i < self->y; i++) {
        uint32_t split = c->made_count;
        if (!put(c, EF_RE_SPLIT, split + 1, open) || !emit(c, self->child)) {
            return false;
        }
        open = split;
    }
    while (open != NO_NODE) {
        uint32_t before = c->made[open].y;
        c->made[open].y = c->made_count;
        open = before;
    }
    return true;
}

static bool emit_choice(compiler *c, const node *self) {
    uint32_t open = NO_NODE; /* jumps to the end, chained through x */
    for (uint32_t child = self->child; child != NO_NODE; child = c->nodes[child].next) {
        uint32_t split = c->made_count;
        bool last = c->nodes[child].next == NO_NODE;
        if (!last && !put(c, EF_RE_SPLIT, split + 1, 0)) {
            return false;
        }
        if (!emit(c, child)) {
            return false;
        }
        if (!last) {
            uint32_t jump = c->made_count;
            if (!put(c, EF_RE_JUMP, open, 0)) {
                return false;
            }
            open = jump;
            c->made[split].y = c->made_count;
        }
    }
    while (open != NO_NODE) {
        uint32_t before = c->made[open].x;
        c->made[open].x = c->made_count;
        open = before;
    }
    return true;
}

static bool emit(compiler *c, uint32_t index) {
    const node self = c->nodes[index];
    switch (self.kind) {
    case NODE_CHARACTER:
        return self.folded ? put(c, EF_RE_CHAR_FOLDED, ef_fold_point(self.x), 0) : put(c, EF_RE_CHAR, self.x, 0);
    case NODE_ANY:
        return put(c, EF_RE_ANY, 0, 0);
    case NODE_ANY_AT_ALL:
        return put(c, EF_RE_ANY_AT_ALL, 0, 0);
    case NODE_CLASS:
        return put(c, EF_RE_CLASS, self.x, self.y);
    case NODE_PLACE:
        return put(c, EF_RE_PLACE, self.x, 0);
    case NODE_SEQUENCE:
        for (uint32_t child = self.child; child != NO_NODE; child = c->nodes[child].next) {
            if (!emit(c, child)) {
                return false;
            }
        }
        return true;
    case NODE_CHOICE:
        return emit_choice(c, &self);
    case NODE_REPEAT:
        return emit_repeat(c, &self);
    }
    return false;
}

ef_status ef_regexp_compile(const char *pattern, uint32_t length, ef_arena *arena, ef_regexp **regexp,
                            char message[EF_REGEXP_MESSAGE]) {
    compiler c = {.arena = arena, .at = pattern, .end = pattern + length, .message = message};
    uint32_t root;
    message[0] = '\0';
    bool good = read_choice(&c, (flags){false, false, false}, 0, &root);
    if (good && !at_end(&c)) {
        good = refuse(&c, "a ')' without its '('");
    }
    good = good && emit(&c, root) && put(&c, EF_RE_MATCH, 0, 0);
    if (!good) {
        return c.no_memory ? EF_NO_MEMORY : EF_INVALID;
    }
    ef_regexp header = {.count = c.made_count, .ranges = c.range_count, .first_byte = 256};
    if (c.made[0].code == EF_RE_CHAR) {
        char bytes[4];
        (void)ef_utf8_encode(c.made[0].x, bytes);
        header.first_byte = (unsigned char)bytes[0];
    }
    ef_regexp *made = ef_arena_take(arena, ef_regexp_size(&header));
    if (made == NULL) {
        return EF_NO_MEMORY;
    }
    *made = header;
    memcpy(made + 1, c.made, c.made_count * sizeof *c.made);
    if (c.range_count > 0) {
        memcpy((char *)(made + 1) + c.made_count * sizeof *c.made, c.ranges, c.range_count * sizeof *c.ranges);
    }
    *regexp = made;
    return EF_OK;
}
