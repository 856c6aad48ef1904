/* LIKE, ILIKE and REGEXP.
 *
 * A LIKE pattern becomes a list of code points and wildcards, once for a constant pattern, once a row (unless it repeats) for another. The commonest
 * shapes, text with a % before, behind or around it, are compared as bytes. */
#include "expr/internal.h"

#include "base/unicode_case.h"
#include "base/utf8.h"
#include "expr/regexp.h"

#include <stdio.h>

/* ---- LIKE ---- */

#define ANY_ONE 0xFFFFFFFEu
#define ANY_RUN 0xFFFFFFFFu

typedef struct like_pattern {
    const uint32_t *points; /* code points (folded for ILIKE), ANY_ONE, ANY_RUN; no two runs in a row */
    uint32_t count;
    bool plain;      /* no wildcard but a run at the start or the end */
    bool run_before; /* with plain: */
    bool run_behind;
    const char *bytes; /* the text between */
    uint32_t length;
} like_pattern;

static bool compile_like(const ef_str *pattern, const ef_str *escape, bool fold, ef_arena *arena, like_pattern *made) {
    const char *data = ef_str_data(pattern);
    uint32_t length = pattern->length, width, escape_width;
    uint32_t *points = ef_take(arena, length * sizeof *points);
    char *bytes = ef_take(arena, length);
    if (points == NULL || bytes == NULL) {
        return false;
    }
    uint32_t escaping = escape == NULL ? '\\' : escape->length > 0 ? ef_utf8_decode(ef_str_data(escape), &escape_width) : ANY_RUN;
    uint32_t count = 0, used = 0, wild = 0;
    for (uint32_t at = 0; at < length; at += width) {
        uint32_t point = ef_utf8_decode(data + at, &width);
        if (point == escaping && at + width < length) {
            at += width;
            point = ef_utf8_decode(data + at, &width);
        } else if (point == '%' || point == '_') {
            wild++;
            if (point == '%' && count > 0 && points[count - 1] == ANY_RUN) {
                wild--;
                continue;
            }
            points[count++] = point == '%' ? ANY_RUN : ANY_ONE;
            continue;
        }
        used += ef_utf8_encode(point, bytes + used);
        points[count++] = fold ? ef_fold_point(point) : point;
    }
    made->points = points;
    made->count = count;
    made->run_before = count > 0 && points[0] == ANY_RUN;
    made->run_behind = count > 1 && points[count - 1] == ANY_RUN;
    made->plain = !fold && wild == (uint32_t)made->run_before + made->run_behind;
    made->bytes = bytes;
    made->length = used;
    return true;
}

static bool contains_bytes(const char *text, uint32_t length, const char *wanted, uint32_t size) {
    if (size == 0) {
        return true;
    }
    while (length >= size) {
        const char *first = memchr(text, wanted[0], length - size + 1);
        if (first == NULL) {
            return false;
        }
        if (memcmp(first, wanted, size) == 0) {
            return true;
        }
        length -= (uint32_t)(first - text) + 1;
        text = first + 1;
    }
    return false;
}

static bool matches_plain(const like_pattern *p, const ef_str *text) {
    const char *data = ef_str_data(text);
    if (p->run_before && p->run_behind) {
        return contains_bytes(data, text->length, p->bytes, p->length);
    }
    if (text->length < p->length) {
        return false;
    }
    if (p->run_before) { /* "%" alone too: nothing is at the end of everything */
        return memcmp(data + text->length - p->length, p->bytes, p->length) == 0;
    }
    return (p->run_behind || text->length == p->length) && memcmp(data, p->bytes, p->length) == 0;
}

/* The last run seen is tried longer and longer: earlier ones need not be, so the work is bounded by the product of the lengths. */
static bool matches_general(const like_pattern *p, const ef_str *text, bool fold) {
    const char *data = ef_str_data(text);
    uint32_t at = 0, k = 0, width;
    uint32_t run = UINT32_MAX, resume = 0;
    while (at < text->length) {
        if (k < p->count && p->points[k] == ANY_RUN) {
            run = ++k;
            resume = at;
            continue;
        }
        uint32_t point = ef_utf8_decode(data + at, &width);
        if (k < p->count && (p->points[k] == ANY_ONE || p->points[k] == (fold ? ef_fold_point(point) : point))) {
            k++;
            at += width;
            continue;
        }
        if (run == UINT32_MAX) {
            return false;
        }
        k = run;
        resume += ef_utf8_width((unsigned char)data[resume]);
        at = resume;
    }
    while (k < p->count && p->points[k] == ANY_RUN) {
        k++;
    }
    return k == p->count;
}

static ef_status like_all(ef_call *call, bool fold, ef_error *error) {
    const ef_vector *texts = ef_operand(call, 0);
    const ef_vector *patterns = ef_operand(call, 1);
    const ef_vector *escapes = call->count > 2 ? ef_operand(call, 2) : NULL;
    uint8_t *to = call->result->values;
    like_pattern made = {0};
    const ef_str *known = NULL, *known_escape = NULL;
    for (uint32_t i = 0; i < call->rows; i++) {
        const ef_str *pattern = (const ef_str *)patterns->values + (i & patterns->index_mask);
        const ef_str *escape = escapes != NULL ? (const ef_str *)escapes->values + (i & escapes->index_mask) : NULL;
        const ef_str *text = (const ef_str *)texts->values + (i & texts->index_mask);
        if (known == NULL || (known != pattern && !ef_str_equal(known, pattern)) ||
            (escape != known_escape && !ef_str_equal(known_escape, escape))) {
            if (!compile_like(pattern, escape, fold, call->arena, &made)) {
                return ef_fail_memory(error);
            }
            known = pattern;
            known_escape = escape;
        }
        to[i] = made.plain ? matches_plain(&made, text) : matches_general(&made, text, fold);
    }
    return EF_OK;
}

ef_status ef_kernel_like(ef_call *call, ef_error *error) {
    return like_all(call, false, error);
}

ef_status ef_kernel_ilike(ef_call *call, ef_error *error) {
    return like_all(call, true, error);
}

/* ---- REGEXP ---- */

static void describe(char *to, size_t size, const ef_str *pattern, const char *problem) {
    uint32_t shown = pattern->length < 80 ? pattern->length : 80;
    const char *data = ef_str_data(pattern);
    while (shown < pattern->length && shown > 0 && ((unsigned char)data[shown] & 0xC0u) == 0x80u) {
        shown--;
    }
    (void)snprintf(to, size, "regular expression '%.*s%s': %s", (int)shown, data, shown < pattern->length ? "..." : "",
                   problem);
}

/* A constant pattern is compiled when the program is built. */
ef_status ef_prepare_regexp(const ef_program *program, const ef_register *arguments, uint32_t count, ef_alloc *alloc,
                            ef_prepared *prepared, ef_error *error) {
    (void)count;
    bool constant;
    const ef_str *pattern = ef_program_constant_at(program, arguments[1], &constant);
    if (pattern == NULL) {
        return EF_OK;
    }
    char problem[EF_REGEXP_MESSAGE], message[EF_MESSAGE_SIZE];
    ef_arena arena;
    ef_regexp *made;
    ef_arena_init(&arena, alloc);
    ef_status status = ef_regexp_compile(ef_str_data(pattern), pattern->length, &arena, &made, problem);
    if (status == EF_OK) {
        prepared->size = ef_regexp_size(made);
        prepared->block = ef_malloc(alloc, prepared->size);
        if (prepared->block != NULL) {
            memcpy(prepared->block, made, prepared->size);
        } else {
            prepared->size = 0;
            status = EF_NO_MEMORY;
        }
    }
    ef_arena_clear(&arena);
    if (status == EF_NO_MEMORY) {
        return ef_fail_memory(error);
    }
    if (status != EF_OK) {
        describe(message, sizeof message, pattern, problem);
        return ef_fail(error, status, "%s", message);
    }
    return EF_OK;
}

ef_status ef_kernel_regexp(ef_call *call, ef_error *error) {
    const ef_vector *texts = ef_operand(call, 0);
    const ef_vector *patterns = ef_operand(call, 1);
    uint8_t *to = call->result->values;
    const ef_regexp *regexp = call->instruction->prepared.block;
    const ef_str *known = NULL;
    void *scratch = regexp != NULL ? ef_arena_take(call->arena, ef_regexp_scratch(regexp)) : NULL;
    if (regexp != NULL && scratch == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < call->rows; i++) {
        const ef_str *pattern = (const ef_str *)patterns->values + (i & patterns->index_mask);
        const ef_str *text = (const ef_str *)texts->values + (i & texts->index_mask);
        to[i] = 0;
        if (ef_vector_null(texts, i) || ef_vector_null(patterns, i)) {
            continue;
        }
        if (call->instruction->prepared.block == NULL && (known == NULL || !ef_str_equal(known, pattern))) {
            char problem[EF_REGEXP_MESSAGE], message[EF_MESSAGE_SIZE];
            ef_regexp *made;
            known = NULL;
            ef_status status = ef_regexp_compile(ef_str_data(pattern), pattern->length, call->arena, &made, problem);
            if (status == EF_INVALID) {
                describe(message, sizeof message, pattern, problem);
                EF_TRY(ef_call_fail(call, i, message, error));
                continue;
            }
            scratch = status == EF_OK ? ef_arena_take(call->arena, ef_regexp_scratch(made)) : NULL;
            if (scratch == NULL) {
                return ef_fail_memory(error);
            }
            regexp = made;
            known = pattern;
        }
        to[i] = ef_regexp_search(regexp, ef_str_data(text), text->length, scratch);
    }
    return EF_OK;
}
