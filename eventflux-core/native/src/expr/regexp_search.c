/* Searching with a compiled regular expression; see regexp.h and regexp_program.h.
 *
 * All threads of the machine run in step over the text, each place of the program at most once a character: the time is the length of the
 * text times that of the expression, whatever they are. */
#include "expr/regexp_program.h"

#include "base/unicode_case.h"
#include "base/utf8.h"

#include <string.h>

/* The threads that wait for the character at a position: places in the program, each once. `index` need not be cleared: an entry
 * counts only if `dense` points back. */
typedef struct thread_set {
    uint32_t *dense;
    uint32_t *index;
    uint32_t count;
} thread_set;

typedef struct search {
    const ef_regexp *regexp;
    const char *text;
    uint32_t length;
    uint32_t *stack;
} search;

size_t ef_regexp_scratch(const ef_regexp *regexp) {
    return ((size_t)regexp->count * 6 + 2) * sizeof(uint32_t);
}

static bool is_word(uint32_t point) {
    return (point >= '0' && point <= '9') || (point >= 'A' && point <= 'Z') || point == '_' || (point >= 'a' && point <= 'z');
}

static bool is_line_end(uint32_t point) {
    return point == '\n' || point == '\r' || point == 0x85 || point == 0x2028 || point == 0x2029;
}

/* The code point that ends at `at`, which is not 0. */
static uint32_t point_before(const char *text, uint32_t at) {
    uint32_t width;
    do {
        at--;
    } while (at > 0 && ((unsigned char)text[at] & 0xC0u) == 0x80u);
    return ef_utf8_decode(text + at, &width);
}

static bool is_at(const search *s, uint32_t kind, uint32_t at) {
    uint32_t width;
    uint32_t next = at < s->length ? ef_utf8_decode(s->text + at, &width) : 0;
    switch ((ef_regexp_place)kind) {
    case EF_AT_BEGIN:
        return at == 0;
    case EF_AT_END_ONLY:
        return at == s->length;
    case EF_AT_END:
        if (at == s->length) {
            return true;
        }
        if (next == '\n' && at > 0 && s->text[at - 1] == '\r') {
            return false; /* within the line end */
        }
        return is_line_end(next) && (at + ef_utf8_width((unsigned char)s->text[at]) == s->length ||
                                     (next == '\r' && s->length - at == 2 && s->text[at + 1] == '\n'));
    case EF_AT_LINE_BEGIN:
        return at == 0 || (at < s->length && is_line_end(point_before(s->text, at)) &&
                           !(s->text[at - 1] == '\r' && next == '\n'));
    case EF_AT_LINE_END:
        return at == s->length || (is_line_end(next) && !(next == '\n' && at > 0 && s->text[at - 1] == '\r'));
    case EF_AT_WORD:
    case EF_AT_NO_WORD: {
        bool before = at > 0 && is_word(point_before(s->text, at));
        bool behind = at < s->length && is_word(next);
        return (before != behind) == (kind == EF_AT_WORD);
    }
    }
    return false;
}

/* Adds a thread and all that it reaches without reading. True: it reaches the end of the program. */
static bool add_thread(const search *s, thread_set *set, uint32_t start, uint32_t at) {
    const ef_regexp_instruction *program = ef_regexp_instructions(s->regexp);
    uint32_t waiting = 0;
    s->stack[waiting++] = start;
    while (waiting > 0) {
        uint32_t pc = s->stack[--waiting];
        uint32_t known = set->index[pc];
        if (known < set->count && set->dense[known] == pc) {
            continue;
        }
        set->index[pc] = set->count;
        set->dense[set->count++] = pc;
        const ef_regexp_instruction *now = &program[pc];
        switch ((ef_regexp_opcode)now->code) {
        case EF_RE_MATCH:
            return true;
        case EF_RE_JUMP:
            s->stack[waiting++] = now->x;
            break;
        case EF_RE_SPLIT:
            s->stack[waiting++] = now->y;
            s->stack[waiting++] = now->x;
            break;
        case EF_RE_PLACE:
            if (is_at(s, now->x, at)) {
                s->stack[waiting++] = pc + 1;
            }
            break;
        default:
            break;
        }
    }
    return false;
}

static bool in_class(const search *s, const ef_regexp_instruction *class, uint32_t point) {
    const ef_code_range *ranges = ef_regexp_ranges(s->regexp) + class->x;
    uint32_t forms[3] = {point, point, point};
    uint32_t kinds = 1;
    if ((class->y & EF_CLASS_FOLDED) != 0) {
        uint32_t upper[EF_CASE_WIDTH];
        forms[1] = ef_fold_point(point);
        forms[2] = ef_upper_points(point, upper) == 1 ? upper[0] : point;
        kinds = 3;
    }
    bool found = false;
    for (uint32_t i = 0; i < (class->y & EF_CLASS_COUNT) && !found; i++) {
        for (uint32_t k = 0; k < kinds; k++) {
            found |= forms[k] >= ranges[i].first && forms[k] <= ranges[i].last;
        }
    }
    return found != ((class->y & EF_CLASS_NEGATED) != 0);
}

static bool reads(const search *s, const ef_regexp_instruction *now, uint32_t point) {
    switch ((ef_regexp_opcode)now->code) {
    case EF_RE_CHAR:
        return point == now->x;
    case EF_RE_CHAR_FOLDED:
        return ef_fold_point(point) == now->x;
    case EF_RE_ANY:
        return !is_line_end(point);
    case EF_RE_ANY_AT_ALL:
        return true;
    case EF_RE_CLASS:
        return in_class(s, now, point);
    default:
        return false;
    }
}

bool ef_regexp_search(const ef_regexp *regexp, const char *text, uint32_t length, void *scratch) {
    uint32_t n = regexp->count;
    uint32_t *words = scratch;
    search s = {.regexp = regexp, .text = text, .length = length, .stack = words + 4 * (size_t)n};
    thread_set now = {words, words + n, 0}, next = {words + 2 * (size_t)n, words + 3 * (size_t)n, 0};
    memset(scratch, 0, 4 * (size_t)n * sizeof *words);
    const ef_regexp_instruction *program = ef_regexp_instructions(regexp);
    uint32_t at = 0;
    for (;;) {
        if (now.count == 0 && regexp->first_byte < 256) { /* nothing runs: on to where a match can begin */
            const char *first = at < length ? memchr(text + at, (int)regexp->first_byte, length - at) : NULL;
            if (first == NULL) {
                return false;
            }
            at = (uint32_t)(first - text);
        }
        if (add_thread(&s, &now, 0, at)) {
            return true;
        }
        if (at == length) {
            return false;
        }
        uint32_t width;
        uint32_t point = ef_utf8_decode(text + at, &width);
        at += width;
        next.count = 0;
        for (uint32_t i = 0; i < now.count; i++) {
            uint32_t pc = now.dense[i];
            if (reads(&s, &program[pc], point) && add_thread(&s, &next, pc + 1, at)) {
                return true;
            }
        }
        thread_set swapped = now;
        now = next;
        next = swapped;
    }
}
