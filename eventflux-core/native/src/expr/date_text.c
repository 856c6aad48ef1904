/* Times as text; see date_text.h. */
#include "expr/date_text.h"

#include <stdio.h>

static const char *const MONTHS[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
static const char *const DAYS[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

/* ---- patterns ---- */

/* One piece of a pattern: a letter repeated `count` times, or (letter 0) text. */
typedef struct piece {
    char letter;
    uint32_t count;
    const char *text;
    uint32_t length;
} piece;

typedef struct pattern_reader {
    const char *at;
    const char *end;
    bool quoted;
    bool broken; /* a quote is not closed */
} pattern_reader;

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool next_piece(pattern_reader *p, piece *found) {
    if (p->at == p->end) {
        p->broken = p->quoted;
        return false;
    }
    found->letter = 0;
    found->count = 0;
    found->text = p->at;
    if (*p->at == '\'') {
        p->at++;
        if (p->at < p->end && *p->at == '\'') { /* two are one, in quotes and outside */
            found->length = 1;
            p->at++;
            return true;
        }
        p->quoted = !p->quoted;
        found->length = 0;
        return true;
    }
    if (!p->quoted && is_letter(*p->at)) {
        found->letter = *p->at;
        while (p->at < p->end && *p->at == found->letter) {
            p->at++;
            found->count++;
        }
        found->length = 0;
        return true;
    }
    while (p->at < p->end && *p->at != '\'' && (p->quoted || !is_letter(*p->at))) {
        p->at++;
    }
    found->length = (uint32_t)(p->at - found->text);
    return true;
}

static pattern_reader read_pattern(const ef_str *pattern) {
    const char *data = ef_str_data(pattern);
    return (pattern_reader){.at = data, .end = data + pattern->length};
}

/* ---- formatting ---- */

static void put_number(ef_object_writer *to, int64_t value, uint32_t width) {
    char text[32];
    int length = snprintf(text, sizeof text, "%0*lld", (int)(width > 20 ? 20 : width), (long long)value);
    ef_object_put_raw(to, text, (size_t)length);
}

static void put_name(ef_object_writer *to, const char *name, bool whole) {
    ef_object_put_raw(to, name, whole ? strlen(name) : 3);
}

static bool put_field(ef_object_writer *to, const piece *field, const ef_civil *civil) {
    int64_t week_year;
    int32_t week = ef_iso_week(civil, &week_year);
    int64_t era_year = civil->year > 0 ? civil->year : 1 - civil->year;
    uint32_t n = field->count;
    switch (field->letter) {
    case 'G':
        ef_object_put_raw(to, civil->year > 0 ? "AD" : "BC", 2);
        return true;
    case 'y':
    case 'Y': {
        int64_t year = field->letter == 'y' ? era_year : week_year;
        put_number(to, n == 2 ? year % 100 : year, n);
        return true;
    }
    case 'M':
    case 'L':
        if (n >= 3) {
            put_name(to, MONTHS[civil->month - 1], n >= 4);
        } else {
            put_number(to, civil->month, n);
        }
        return true;
    case 'w':
        put_number(to, week, n);
        return true;
    case 'W': /* of the month, from Monday */
        put_number(to, (civil->day - 1 + (civil->weekday + 6 - (civil->day - 1) % 7 + 7) % 7) / 7 + 1, n);
        return true;
    case 'D':
        put_number(to, civil->yearday, n);
        return true;
    case 'd':
        put_number(to, civil->day, n);
        return true;
    case 'F':
        put_number(to, (civil->day - 1) / 7 + 1, n);
        return true;
    case 'E':
        put_name(to, DAYS[civil->weekday], n >= 4);
        return true;
    case 'u':
        put_number(to, civil->weekday == 0 ? 7 : civil->weekday, n);
        return true;
    case 'a':
        ef_object_put_raw(to, civil->hour < 12 ? "AM" : "PM", 2);
        return true;
    case 'H':
        put_number(to, civil->hour, n);
        return true;
    case 'k':
        put_number(to, civil->hour == 0 ? 24 : civil->hour, n);
        return true;
    case 'K':
        put_number(to, civil->hour % 12, n);
        return true;
    case 'h':
        put_number(to, civil->hour % 12 == 0 ? 12 : civil->hour % 12, n);
        return true;
    case 'm':
        put_number(to, civil->minute, n);
        return true;
    case 's':
        put_number(to, civil->second, n);
        return true;
    case 'S':
        put_number(to, civil->millisecond, n);
        return true;
    case 'z':
        ef_object_put_raw(to, "UTC", 3);
        return true;
    case 'Z':
        ef_object_put_raw(to, "+0000", 5);
        return true;
    case 'X':
        ef_object_put_raw(to, "Z", 1);
        return true;
    default:
        return false;
    }
}

const char *ef_date_format(int64_t ms, const ef_str *pattern, ef_object_writer *to) {
    ef_civil civil = ef_civil_from_ms(ms);
    pattern_reader reader = read_pattern(pattern);
    piece next;
    while (next_piece(&reader, &next)) {
        if (next.letter == 0) {
            ef_object_put_raw(to, next.text, next.length);
        } else if (!put_field(to, &next, &civil)) {
            return "the date pattern has a letter without a meaning";
        }
    }
    return reader.broken ? "a quote in the date pattern is not closed" : NULL;
}

/* ---- reading ---- */

typedef struct text_reader {
    const char *at;
    const char *end;
} text_reader;

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Between `least` and `most` digits. */
static bool read_digits(text_reader *text, uint32_t least, uint32_t most, int64_t *value) {
    uint32_t n = 0;
    *value = 0;
    while (n < most && text->at < text->end && is_digit(*text->at)) {
        *value = *value * 10 + (*text->at++ - '0');
        n++;
    }
    return n >= least;
}

static bool read_in_range(text_reader *text, uint32_t least, uint32_t most, int64_t low, int64_t high, int32_t *value) {
    int64_t number;
    if (!read_digits(text, least, most, &number) || number < low || number > high) {
        return false;
    }
    *value = (int32_t)number;
    return true;
}

static bool starts_with(const text_reader *text, const char *word, size_t length) {
    if ((size_t)(text->end - text->at) < length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if ((text->at[i] | 0x20) != (word[i] | 0x20)) {
            return false;
        }
    }
    return true;
}

/* The index of the name, whole or its first three letters, at the text. */
static bool read_name(text_reader *text, const char *const *names, int32_t count, int32_t *index) {
    for (int32_t i = 0; i < count; i++) {
        size_t length = strlen(names[i]);
        if (!starts_with(text, names[i], length)) {
            length = 3;
            if (!starts_with(text, names[i], length)) {
                continue;
            }
        }
        text->at += length;
        *index = i;
        return true;
    }
    return false;
}

/* Z, UTC, GMT, +hh[[:]mm]: milliseconds that the text is ahead. */
static bool read_zone(text_reader *text, int64_t *ahead) {
    *ahead = 0;
    if (starts_with(text, "UTC", 3) || starts_with(text, "GMT", 3)) {
        text->at += 3;
        return true;
    }
    if (starts_with(text, "Z", 1)) {
        text->at++;
        return true;
    }
    if (text->at == text->end || (*text->at != '+' && *text->at != '-')) {
        return false;
    }
    int64_t sign = *text->at++ == '-' ? -1 : 1;
    int32_t hours, minutes = 0;
    if (!read_in_range(text, 2, 2, 0, 23, &hours)) {
        return false;
    }
    if (text->at < text->end && *text->at == ':') {
        text->at++;
        if (text->at == text->end || !is_digit(*text->at)) {
            return false;
        }
    }
    if (text->at < text->end && is_digit(*text->at) && !read_in_range(text, 2, 2, 0, 59, &minutes)) {
        return false;
    }
    *ahead = sign * ((int64_t)hours * 60 + minutes) * 60000;
    return true;
}

/* What a pattern has found so far. */
typedef struct found_fields {
    ef_civil civil;
    int64_t ahead;
    int32_t half;    /* 0 AM, 1 PM, -1 not given */
    int32_t hour12;  /* 0..11, -1 not given */
    int32_t yearday; /* -1 not given */
    bool before_christ;
} found_fields;

/* `most`: digits that a number may have, fewer where another number follows at once. */
static bool read_field(text_reader *text, const piece *field, uint32_t most, found_fields *found) {
    ef_civil *civil = &found->civil;
    int32_t ignored;
    int64_t year;
    switch (field->letter) {
    case 'G':
        if (!starts_with(text, "AD", 2) && !starts_with(text, "BC", 2)) {
            return false;
        }
        found->before_christ = (*text->at | 0x20) == 'b';
        text->at += 2;
        return true;
    case 'y': {
        const char *start = text->at;
        if (!read_digits(text, 1, most < 9 ? most : 9, &year)) {
            return false;
        }
        /* Two digits: 1970 to 2069. */
        civil->year = field->count <= 2 && text->at - start == 2 ? year + (year < 70 ? 2000 : 1900) : year;
        return true;
    }
    case 'M':
    case 'L':
        if (field->count >= 3) {
            if (!read_name(text, MONTHS, 12, &civil->month)) {
                return false;
            }
            civil->month++;
            return true;
        }
        return read_in_range(text, 1, most, 1, 12, &civil->month);
    case 'd':
        return read_in_range(text, 1, most, 1, 31, &civil->day);
    case 'D':
        return read_in_range(text, 1, most, 1, 366, &found->yearday);
    case 'E':
        return read_name(text, DAYS, 7, &ignored);
    case 'a':
        if (!starts_with(text, "AM", 2) && !starts_with(text, "PM", 2)) {
            return false;
        }
        found->half = (*text->at | 0x20) == 'p';
        text->at += 2;
        return true;
    case 'H':
        return read_in_range(text, 1, most, 0, 23, &civil->hour);
    case 'k':
        if (!read_in_range(text, 1, most, 1, 24, &civil->hour)) {
            return false;
        }
        civil->hour %= 24;
        return true;
    case 'K':
        return read_in_range(text, 1, most, 0, 11, &found->hour12);
    case 'h':
        if (!read_in_range(text, 1, most, 1, 12, &found->hour12)) {
            return false;
        }
        found->hour12 %= 12;
        return true;
    case 'm':
        return read_in_range(text, 1, most, 0, 59, &civil->minute);
    case 's':
        return read_in_range(text, 1, most, 0, 59, &civil->second);
    case 'S':
        return read_in_range(text, 1, most, 0, 999, &civil->millisecond);
    case 'z':
    case 'Z':
    case 'X':
        return read_zone(text, &found->ahead);
    default:
        return false; /* a letter without a meaning here */
    }
}

static bool is_numeric(const piece *field) {
    return field->letter != 0 && strchr("GEazZX", field->letter) == NULL &&
           !((field->letter == 'M' || field->letter == 'L') && field->count >= 3);
}

static bool finish(found_fields *found, int64_t *ms) {
    ef_civil *civil = &found->civil;
    if (found->hour12 >= 0) {
        civil->hour = found->hour12 + (found->half == 1 ? 12 : 0);
    }
    if (found->before_christ) {
        civil->year = 1 - civil->year;
    }
    if (found->yearday > 0) {
        civil->month = 1;
        civil->day = found->yearday;
    } else if (civil->day > ef_days_in_month(civil->year, civil->month)) {
        return false;
    }
    int64_t local;
    return ef_ms_from_civil(civil, &local) && !__builtin_sub_overflow(local, found->ahead, ms);
}

bool ef_date_parse(const ef_str *from, const ef_str *pattern, int64_t *ms) {
    found_fields found = {.civil = {.year = 1970, .month = 1, .day = 1}, .half = -1, .hour12 = -1, .yearday = -1};
    text_reader text = {ef_str_data(from), ef_str_data(from) + from->length};
    pattern_reader reader = read_pattern(pattern);
    piece next, after;
    bool more = next_piece(&reader, &next);
    while (more) {
        piece now = next;
        more = next_piece(&reader, &next);
        after = next;
        if (now.letter == 0) {
            if ((size_t)(text.end - text.at) < now.length || memcmp(text.at, now.text, now.length) != 0) {
                return false;
            }
            text.at += now.length;
            continue;
        }
        bool abuts = more && is_numeric(&after);
        if (!read_field(&text, &now, abuts ? now.count : 18, &found)) {
            return false;
        }
    }
    return !reader.broken && text.at == text.end && finish(&found, ms);
}

/* HH:MM[:SS[.fraction]] */
static bool read_time(text_reader *text, ef_civil *civil) {
    if (!read_in_range(text, 2, 2, 0, 23, &civil->hour) || text->at == text->end || *text->at++ != ':' ||
        !read_in_range(text, 2, 2, 0, 59, &civil->minute)) {
        return false;
    }
    if (text->at == text->end || *text->at != ':') {
        return true;
    }
    text->at++;
    if (!read_in_range(text, 2, 2, 0, 59, &civil->second)) {
        return false;
    }
    if (text->at == text->end || (*text->at != '.' && *text->at != ',')) {
        return true;
    }
    text->at++;
    int32_t unit = 100;
    if (text->at == text->end || !is_digit(*text->at)) {
        return false;
    }
    for (; text->at < text->end && is_digit(*text->at); text->at++) { /* beyond milliseconds: dropped */
        civil->millisecond += (*text->at - '0') * unit;
        unit /= 10;
    }
    return true;
}

bool ef_iso_parse(const char *data, uint32_t length, int64_t *ms) {
    text_reader text = {data, data + length};
    while (text.at < text.end && (unsigned char)*text.at <= ' ') {
        text.at++;
    }
    while (text.end > text.at && (unsigned char)text.end[-1] <= ' ') {
        text.end--;
    }
    found_fields found = {.civil = {.year = 1970, .month = 1, .day = 1}, .half = -1, .hour12 = -1, .yearday = -1};
    ef_civil *civil = &found.civil;
    if (text.end - text.at > 2 && text.at[2] == ':') {
        return read_time(&text, civil) && text.at == text.end && finish(&found, ms);
    }
    if (!read_digits(&text, 4, 4, &civil->year) || text.at == text.end || *text.at++ != '-' ||
        !read_in_range(&text, 2, 2, 1, 12, &civil->month) || text.at == text.end || *text.at++ != '-' ||
        !read_in_range(&text, 2, 2, 1, 31, &civil->day)) {
        return false;
    }
    if (text.at < text.end) {
        if (*text.at != 'T' && *text.at != 't' && *text.at != ' ') {
            return false;
        }
        text.at++;
        if (!read_time(&text, civil)) {
            return false;
        }
        if (text.at < text.end && !read_zone(&text, &found.ahead)) {
            return false;
        }
    }
    return text.at == text.end && finish(&found, ms);
}
