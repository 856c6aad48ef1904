/* Which buckets of an aggregation a query means: names of durations, times as `2017-06-01 04:00:00 +05:30`, ranges as `2017-06-** **:**:**`. */
#include "expr/text.h"

#include "base/calendar.h"

typedef struct duration_name {
    const char *name;
    int32_t number; /* ef_rollup_duration */
} duration_name;

static const duration_name DURATIONS[] = {
    {"sec", 0},  {"second", 0}, {"seconds", 0}, {"min", 1},   {"minute", 1}, {"minutes", 1}, {"hour", 2},  {"hours", 2},
    {"day", 3},  {"days", 3},   {"month", 4},   {"months", 4}, {"year", 5},   {"years", 5},
};

static int32_t duration_of(const ef_str *text) {
    const char *data = ef_str_data(text);
    for (size_t i = 0; i < sizeof DURATIONS / sizeof *DURATIONS; i++) {
        const char *name = DURATIONS[i].name;
        uint32_t k = 0;
        while (k < text->length && name[k] != 0 && (data[k] | 0x20) == name[k]) {
            k++;
        }
        if (k == text->length && name[k] == 0) {
            return DURATIONS[i].number;
        }
    }
    return -1;
}

/* (name, durations that there are as bits) -> number of the duration. */
ef_status ef_kernel_bucket_duration(ef_call *call, ef_error *error) {
    const ef_vector *text = ef_operand(call, 0), *mask = ef_operand(call, 1);
    int32_t *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = 0;
        if (ef_any_null(call, i)) {
            continue;
        }
        int32_t duration = duration_of(ef_text_at(text, i));
        if (duration < 0 || ((uint32_t)ef_int_at(mask, i) >> duration & 1u) == 0) {
            EF_TRY(ef_call_fail(call, i, "the aggregation has no buckets of the duration that 'per' names", error));
            continue;
        }
        to[i] = duration;
    }
    return EF_OK;
}

/* ---- times ---- */

typedef struct cursor {
    const char *next, *end;
} cursor;

static bool skip(cursor *at, char wanted) {
    if (at->next == at->end || *at->next != wanted) {
        return false;
    }
    at->next++;
    return true;
}

/* `width` digits, or `**` where allowed: -1. */
static bool field(cursor *at, uint32_t width, bool may_be_any, int32_t *value) {
    if ((size_t)(at->end - at->next) < width) {
        return false;
    }
    if (may_be_any && width == 2 && at->next[0] == '*' && at->next[1] == '*') {
        at->next += 2;
        *value = -1;
        return true;
    }
    *value = 0;
    for (uint32_t i = 0; i < width; i++, at->next++) {
        if (*at->next < '0' || *at->next > '9') {
            return false;
        }
        *value = *value * 10 + (*at->next - '0');
    }
    return true;
}

static bool blanks(cursor *at) {
    bool found = false;
    while (skip(at, ' ')) {
        found = true;
    }
    return found;
}

/* The span that a text names: [from, to). Once a field is any, all finer ones have to be. */
static bool read_span(const ef_str *text, bool may_be_any, int64_t *from, int64_t *to) {
    cursor at = {.next = ef_str_data(text)};
    at.end = at.next + text->length;
    int32_t year, rest[5], hours = 0, minutes = 0;
    static const char BEHIND[] = {'-', ' ', ':', ':', 0};
    static const int32_t LOWEST[] = {1, 1, 0, 0, 0}, HIGHEST[] = {12, 31, 23, 59, 59};
    (void)blanks(&at);
    if (!field(&at, 4, false, &year) || !skip(&at, '-')) {
        return false;
    }
    uint32_t known = 5; /* fields behind the year before the first that is any */
    for (uint32_t i = 0; i < 5; i++) {
        if (!field(&at, 2, may_be_any, &rest[i])) {
            return false;
        }
        if (BEHIND[i] != 0 && !(BEHIND[i] == ' ' ? blanks(&at) : skip(&at, BEHIND[i]))) {
            return false;
        }
        if (rest[i] < 0) {
            known = known < i ? known : i;
            rest[i] = LOWEST[i];
        } else if (known < i || rest[i] < LOWEST[i] || rest[i] > HIGHEST[i]) {
            return false;
        }
    }
    if (rest[1] > ef_days_in_month(year, rest[0])) {
        return false;
    }
    int64_t offset = 0;
    (void)blanks(&at);
    if (at.next < at.end && !skip(&at, 'Z')) {
        bool is_west = *at.next == '-';
        if ((!skip(&at, '+') && !skip(&at, '-')) || !field(&at, 2, false, &hours) || !skip(&at, ':') ||
            !field(&at, 2, false, &minutes) || hours > 18 || minutes > 59) {
            return false;
        }
        offset = ((int64_t)hours * 60 + minutes) * (is_west ? -60000 : 60000);
    }
    (void)blanks(&at);
    if (at.next != at.end) {
        return false;
    }
    int64_t day = ef_days_from_civil(year, rest[0], rest[1]);
    *from = day * EF_DAY_MS + (((int64_t)rest[2] * 60 + rest[3]) * 60 + rest[4]) * 1000 - offset;
    switch (known) {
    case 0:
        *to = ef_days_from_civil(year + 1, 1, 1) * EF_DAY_MS - offset;
        break;
    case 1:
        *to = *from + ef_days_in_month(year, rest[0]) * EF_DAY_MS;
        break;
    case 2:
        *to = *from + EF_DAY_MS;
        break;
    default:
        *to = *from + (known == 3 ? 3600000 : known == 4 ? 60000 : 1000);
        break;
    }
    return true;
}

static ef_status spans(ef_call *call, bool may_be_any, bool is_end, const char *message, ef_error *error) {
    const ef_vector *text = ef_operand(call, 0);
    int64_t *values = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        int64_t from = 0, to = 0;
        if (!ef_any_null(call, i) && !read_span(ef_text_at(text, i), may_be_any, &from, &to)) {
            from = to = 0;
            EF_TRY(ef_call_fail(call, i, message, error));
        }
        values[i] = is_end ? to : from;
    }
    return EF_OK;
}

ef_status ef_kernel_bucket_time(ef_call *call, ef_error *error) {
    return spans(call, false, false, "the text is not a time of the form yyyy-MM-dd HH:mm:ss", error);
}

#define SPAN_MESSAGE "'within' is not a time of the form yyyy-MM-dd HH:mm:ss, with ** for what may be any"

ef_status ef_kernel_bucket_span_from(ef_call *call, ef_error *error) {
    return spans(call, true, false, SPAN_MESSAGE, error);
}

ef_status ef_kernel_bucket_span_to(ef_call *call, ef_error *error) {
    return spans(call, true, true, SPAN_MESSAGE, error);
}

/* (from, to) -> from, which has to be less. */
ef_status ef_kernel_bucket_range(ef_call *call, ef_error *error) {
    const ef_vector *from = ef_operand(call, 0), *to = ef_operand(call, 1);
    int64_t *values = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        values[i] = 0;
        if (ef_any_null(call, i)) {
            continue;
        }
        int64_t first = ((const int64_t *)from->values)[i & from->index_mask];
        if (first >= ((const int64_t *)to->values)[i & to->index_mask]) {
            EF_TRY(ef_call_fail(call, i, "'within' ends before it starts", error));
            continue;
        }
        values[i] = first;
    }
    return EF_OK;
}
