/* Parsing cron expressions into bit sets, and walking the calendar along them; see cron.h. */
#include "time/cron.h"

#include <string.h>

#define SECOND_MS 1000
#define DAY_SECONDS 86400

/* ---- the calendar (proleptic Gregorian; H. Hinnant, "chrono-compatible low-level date algorithms") ---- */

static int64_t days_from_civil(int64_t year, uint32_t month, uint32_t day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    uint32_t year_of_era = (uint32_t)(year - era * 400);
    uint32_t day_of_year = (153 * (month + (month > 2 ? (uint32_t)-3 : 9)) + 2) / 5 + day - 1;
    uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

static void civil_from_days(int64_t days, int64_t *year, uint32_t *month, uint32_t *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    uint32_t day_of_era = (uint32_t)(days - era * 146097);
    uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t part = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * part + 2) / 5 + 1;
    *month = part < 10 ? part + 3 : part - 9;
    *year = (int64_t)year_of_era + era * 400 + (*month <= 2);
}

static bool is_leap(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint32_t month_length(int64_t year, uint32_t month) {
    static const uint8_t LENGTH[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : LENGTH[month - 1];
}

static uint32_t weekday_of(int64_t days) {
    int64_t w = (days + 4) % 7; /* 1970-01-01 was a Thursday */
    return (uint32_t)(w < 0 ? w + 7 : w);
}

/* ---- parsing ---- */

typedef struct field_rule {
    const char *name;
    uint32_t low, high;
    const char *names; /* three letters each, from `low` on; or NULL */
} field_rule;

typedef struct cursor {
    const char *next;
    const char *end;
} cursor;

static char upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool take(cursor *at, char c) {
    if (at->next < at->end && upper(*at->next) == c) {
        at->next++;
        return true;
    }
    return false;
}

static bool is_digit(const cursor *at) {
    return at->next < at->end && *at->next >= '0' && *at->next <= '9';
}

/* A number or a name of the field. */
static bool take_value(cursor *at, const field_rule *rule, uint32_t *value) {
    if (is_digit(at)) {
        uint32_t number = 0;
        while (is_digit(at)) {
            number = number * 10 + (uint32_t)(*at->next++ - '0');
            if (number > 100000) {
                return false;
            }
        }
        *value = number;
        return true;
    }
    if (rule->names == NULL || at->end - at->next < 3) {
        return false;
    }
    for (uint32_t i = 0; rule->names[3 * i] != '\0'; i++) {
        const char *name = rule->names + 3 * i;
        if (upper(at->next[0]) == name[0] && upper(at->next[1]) == name[1] && upper(at->next[2]) == name[2]) {
            *value = rule->low + i;
            at->next += 3;
            return true;
        }
    }
    return false;
}

static ef_status refuse(const field_rule *rule, const cursor *whole, ef_error *error) {
    return ef_fail(error, EF_INVALID, "cron: '%.*s' is not a valid %s (%u to %u)", (int)(whole->end - whole->next),
                   whole->next, rule->name, rule->low, rule->high);
}

typedef void (*set_value)(ef_cron *cron, uint32_t value);

/* One item of a list: `*`, `*` `/n`, `a`, `a/n`, `a-b`, `a-b/n`. */
static bool take_item(cursor *at, const field_rule *rule, ef_cron *cron, set_value set) {
    uint32_t first = rule->low, last = rule->high, step = 1;
    bool is_single = false;
    if (!take(at, '*')) {
        if (!take_value(at, rule, &first) || first < rule->low || first > rule->high) {
            return false;
        }
        last = first;
        is_single = true;
        if (take(at, '-')) {
            if (!take_value(at, rule, &last) || last < rule->low || last > rule->high) {
                return false;
            }
            is_single = false;
        }
    }
    if (take(at, '/')) {
        field_rule number = {.name = "step", .low = 1, .high = rule->high};
        if (!take_value(at, &number, &step) || step == 0 || step > rule->high) {
            return false;
        }
        if (is_single) {
            last = rule->high;
        }
    }
    uint32_t span = last >= first ? last - first : last + (rule->high - rule->low + 1) - first;
    for (uint32_t i = 0; i <= span; i += step) {
        uint32_t value = first + i;
        set(cron, value > rule->high ? value - (rule->high - rule->low + 1) : value);
    }
    return true;
}

static ef_status take_list(cursor field, const field_rule *rule, ef_cron *cron, set_value set, ef_error *error) {
    cursor at = field;
    do {
        if (!take_item(&at, rule, cron, set)) {
            return refuse(rule, &field, error);
        }
    } while (take(&at, ','));
    return at.next == at.end ? EF_OK : refuse(rule, &field, error);
}

static void set_second(ef_cron *cron, uint32_t value) {
    cron->seconds |= UINT64_C(1) << value;
}

static void set_minute(ef_cron *cron, uint32_t value) {
    cron->minutes |= UINT64_C(1) << value;
}

static void set_hour(ef_cron *cron, uint32_t value) {
    cron->hours |= UINT32_C(1) << value;
}

static void set_day(ef_cron *cron, uint32_t value) {
    cron->days |= UINT32_C(1) << value;
}

static void set_month(ef_cron *cron, uint32_t value) {
    cron->months = (uint16_t)(cron->months | (1u << value));
}

static void set_weekday(ef_cron *cron, uint32_t value) {
    cron->weekdays = (uint8_t)(cron->weekdays | (1u << value));
}

static void set_year(ef_cron *cron, uint32_t value) {
    uint32_t bit = value - EF_CRON_FIRST_YEAR;
    cron->years[bit >> 6] |= UINT64_C(1) << (bit & 63u);
}

static bool is_any(const cursor *field) {
    return field->end - field->next == 1 && (*field->next == '*' || *field->next == '?');
}

/* Day of the month: L, LW, L-n, nW, or a list. */
static ef_status take_days(cursor field, ef_cron *cron, ef_error *error) {
    static const field_rule RULE = {.name = "day of the month", .low = 1, .high = 31};
    cursor at = field;
    if (is_any(&field)) {
        cron->any_day = true;
        return EF_OK;
    }
    if (take(&at, 'L')) {
        uint32_t before = 0;
        cron->last_day = 1;
        if (take(&at, 'W')) {
            cron->nearest_weekday = true;
        } else if (take(&at, '-')) {
            if (!take_value(&at, &RULE, &before) || before > 30) {
                return refuse(&RULE, &field, error);
            }
            cron->last_day = (uint8_t)(1 + before);
        }
        return at.next == at.end ? EF_OK : refuse(&RULE, &field, error);
    }
    uint32_t day;
    if (take_value(&at, &RULE, &day) && take(&at, 'W') && at.next == at.end && day >= 1 && day <= 31) {
        cron->nearest_weekday = true;
        set_day(cron, day);
        return EF_OK;
    }
    return take_list(field, &RULE, cron, set_day, error);
}

static const char WEEKDAY_NAMES[] = "SUNMONTUEWEDTHUFRISAT";

/* One weekday, as 0 = Sunday. */
static bool take_weekday(cursor *at, ef_cron_days numbering, uint32_t *weekday) {
    bool is_number = is_digit(at);
    field_rule rule = {.name = "day of the week", .low = 0, .high = 7, .names = WEEKDAY_NAMES};
    if (!take_value(at, &rule, weekday)) {
        return false;
    }
    if (is_number && numbering == EF_CRON_SUNDAY_IS_1) {
        if (*weekday < 1 || *weekday > 7) {
            return false;
        }
        *weekday -= 1;
    } else if (*weekday == 7) {
        *weekday = 0; /* Sunday once more, where numbers begin with 0 */
    }
    return *weekday <= 6;
}

/* Day of the week: `a`, `a-b`, `a/n`, `aL`, `a#k`, in lists. */
static ef_status take_weekdays(cursor field, ef_cron *cron, ef_cron_days numbering, ef_error *error) {
    uint32_t base = numbering == EF_CRON_SUNDAY_IS_1 ? 1 : 0;
    field_rule rule = {.name = "day of the week", .low = base, .high = base + 6, .names = WEEKDAY_NAMES};
    cursor at = field;
    if (is_any(&field)) {
        cron->any_weekday = true;
        return EF_OK;
    }
    if (at.end - at.next == 1 && upper(*at.next) == 'L') { /* L alone: Saturday */
        set_weekday(cron, 6);
        return EF_OK;
    }
    do {
        uint32_t first, last, step = 1;
        if (take(&at, '*')) {
            first = 0;
            last = 6;
        } else if (!take_weekday(&at, numbering, &first)) {
            return refuse(&rule, &field, error);
        } else if (take(&at, '#')) {
            field_rule nth = {.name = "week", .low = 1, .high = 5};
            uint32_t k;
            if (!take_value(&at, &nth, &k) || k < 1 || k > 5) {
                return refuse(&rule, &field, error);
            }
            cron->nth_weekday[first] = (uint8_t)(cron->nth_weekday[first] | (1u << k));
            continue;
        } else if (take(&at, 'L')) {
            cron->last_weekdays = (uint8_t)(cron->last_weekdays | (1u << first));
            continue;
        } else {
            last = first;
            if (take(&at, '-') && !take_weekday(&at, numbering, &last)) {
                return refuse(&rule, &field, error);
            }
        }
        if (take(&at, '/')) {
            field_rule number = {.name = "step", .low = 1, .high = 7};
            if (!take_value(&at, &number, &step) || step == 0 || step > 7) {
                return refuse(&rule, &field, error);
            }
            last = first == last ? 6 : last;
        }
        uint32_t span = last >= first ? last - first : last + 7 - first;
        for (uint32_t i = 0; i <= span; i += step) {
            set_weekday(cron, (first + i) % 7);
        }
    } while (take(&at, ','));
    return at.next == at.end ? EF_OK : refuse(&rule, &field, error);
}

#define MAX_FIELDS 7u

static uint32_t split(const char *text, uint32_t length, cursor *fields) {
    uint32_t count = 0;
    const char *end = text + length;
    while (text < end) {
        while (text < end && (*text == ' ' || *text == '\t')) {
            text++;
        }
        const char *begin = text;
        while (text < end && *text != ' ' && *text != '\t') {
            text++;
        }
        if (text > begin) {
            if (count < MAX_FIELDS) {
                fields[count] = (cursor){begin, text};
            }
            count++;
        }
    }
    return count;
}

ef_status ef_cron_parse(ef_cron *cron, const char *text, uint32_t length, ef_cron_days days, ef_error *error) {
    static const field_rule SECONDS = {.name = "second", .low = 0, .high = 59};
    static const field_rule MINUTES = {.name = "minute", .low = 0, .high = 59};
    static const field_rule HOURS = {.name = "hour", .low = 0, .high = 23};
    static const field_rule MONTHS = {
        .name = "month", .low = 1, .high = 12, .names = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"};
    static const field_rule YEARS = {.name = "year", .low = EF_CRON_FIRST_YEAR, .high = EF_CRON_LAST_YEAR};
    cursor fields[MAX_FIELDS];
    memset(cron, 0, sizeof *cron);
    uint32_t count = split(text, length, fields);
    if (count < 6 || count > MAX_FIELDS) {
        return ef_fail(error, EF_INVALID, "cron: '%.*s' has %u fields; it takes second, minute, hour, day of the month, "
                       "month, day of the week, and perhaps the year", (int)(length > 200 ? 200 : length), text, count);
    }
    EF_TRY(take_list(fields[0], &SECONDS, cron, set_second, error));
    EF_TRY(take_list(fields[1], &MINUTES, cron, set_minute, error));
    EF_TRY(take_list(fields[2], &HOURS, cron, set_hour, error));
    EF_TRY(take_days(fields[3], cron, error));
    EF_TRY(take_list(fields[4], &MONTHS, cron, set_month, error));
    EF_TRY(take_weekdays(fields[5], cron, days, error));
    if (count < MAX_FIELDS || is_any(&fields[6])) {
        memset(cron->years, 0xFF, sizeof cron->years);
    } else {
        EF_TRY(take_list(fields[6], &YEARS, cron, set_year, error));
    }
    return EF_OK;
}

/* ---- the next time ---- */

/* `day` moved to the nearest of Monday..Friday within its month. */
static uint32_t nearest_weekday(int64_t year, uint32_t month, uint32_t day) {
    uint32_t weekday = weekday_of(days_from_civil(year, month, day));
    if (weekday == 6) {
        return day > 1 ? day - 1 : day + 2;
    }
    if (weekday == 0) {
        return day < month_length(year, month) ? day + 1 : day - 2;
    }
    return day;
}

static bool matches_day_of_month(const ef_cron *cron, int64_t year, uint32_t month, uint32_t day) {
    uint32_t length = month_length(year, month);
    if (cron->last_day > 0) {
        uint32_t before = cron->last_day - 1u;
        uint32_t wanted = before < length ? length - before : 0;
        return wanted > 0 && day == (cron->nearest_weekday ? nearest_weekday(year, month, wanted) : wanted);
    }
    if (!cron->nearest_weekday) {
        return (cron->days >> day & 1u) != 0;
    }
    for (uint32_t wanted = 1; wanted <= length; wanted++) {
        if ((cron->days >> wanted & 1u) != 0 && day == nearest_weekday(year, month, wanted)) {
            return true;
        }
    }
    return false;
}

static bool matches_weekday(const ef_cron *cron, int64_t year, uint32_t month, uint32_t day, uint32_t weekday) {
    if ((cron->weekdays >> weekday & 1u) != 0) {
        return true;
    }
    if ((cron->last_weekdays >> weekday & 1u) != 0 && day + 7 > month_length(year, month)) {
        return true;
    }
    return (cron->nth_weekday[weekday] >> ((day - 1) / 7 + 1) & 1u) != 0;
}

static bool matches_day(const ef_cron *cron, int64_t days) {
    int64_t year;
    uint32_t month, day;
    civil_from_days(days, &year, &month, &day);
    if ((cron->months >> month & 1u) == 0) {
        return false;
    }
    uint32_t bit = (uint32_t)(year - EF_CRON_FIRST_YEAR);
    if ((cron->years[bit >> 6] >> (bit & 63u) & 1u) == 0) {
        return false;
    }
    if (cron->any_day && cron->any_weekday) {
        return true;
    }
    bool by_month = !cron->any_day && matches_day_of_month(cron, year, month, day);
    bool by_week = !cron->any_weekday && matches_weekday(cron, year, month, day, weekday_of(days));
    return by_month || by_week;
}

/* The first second of the day at or after `from` that matches, or -1. */
static int64_t next_in_day(const ef_cron *cron, int64_t from) {
    for (int64_t hour = from / 3600; hour < 24; hour++) {
        if ((cron->hours >> hour & 1u) == 0) {
            continue;
        }
        int64_t first_minute = hour == from / 3600 ? from % 3600 / 60 : 0;
        for (int64_t minute = first_minute; minute < 60; minute++) {
            if ((cron->minutes >> minute & 1u) == 0) {
                continue;
            }
            int64_t begin = hour * 3600 + minute * 60;
            int64_t first_second = begin > from ? 0 : from - begin;
            uint64_t left = cron->seconds >> first_second;
            if (first_second < 60 && left != 0) {
                return begin + first_second + __builtin_ctzll(left);
            }
        }
    }
    return -1;
}

/* By the calendar alone: `after` and what comes back are what clocks show. */
static int64_t next_shown(const ef_cron *cron, int64_t after) {
    int64_t second = after >= 0 ? after / SECOND_MS + 1 : 0; /* nothing matches before 1970 */
    int64_t day = second / DAY_SECONDS;
    int64_t last = days_from_civil(EF_CRON_LAST_YEAR, 12, 31);
    int64_t from = second % DAY_SECONDS;
    for (; day <= last; day++) {
        if (matches_day(cron, day)) {
            int64_t found = next_in_day(cron, from);
            if (found >= 0) {
                return (day * DAY_SECONDS + found) * SECOND_MS;
            }
        }
        from = 0;
    }
    return EF_NEVER;
}

int64_t ef_cron_next(const ef_cron *cron, int64_t after) {
    const ef_zone *zone = cron->zone;
    if (zone == NULL || zone->count == 0) {
        return next_shown(cron, after);
    }
    for (uint32_t change = ef_zone_change(zone, after);; change++) {
        int64_t shown = next_shown(cron, after + zone->offset[change]);
        if (shown == EF_NEVER) {
            return EF_NEVER;
        }
        int64_t moment = shown - zone->offset[change];
        if (change + 1 == zone->count || moment < zone->from[change + 1]) {
            return moment;
        }
        after = zone->from[change + 1] - 1; /* the clocks have changed meanwhile */
    }
}
