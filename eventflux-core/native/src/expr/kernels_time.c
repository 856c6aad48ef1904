/* Functions of time: LONG milliseconds since 1970, UTC, proleptic Gregorian calendar, ISO weeks. Results that don't fit are null. */
#include "expr/text.h"

#include "expr/date_text.h"

typedef enum time_unit {
    UNIT_NONE,
    UNIT_MILLISECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR,
    UNIT_DOW,
    UNIT_DOY,
    UNIT_EPOCH
} time_unit;

typedef struct unit_name {
    const char *name;
    time_unit unit;
} unit_name;

static const unit_name UNITS[] = {
    {"millisecond", UNIT_MILLISECOND}, {"millisec", UNIT_MILLISECOND}, {"ms", UNIT_MILLISECOND},
    {"second", UNIT_SECOND},           {"sec", UNIT_SECOND},           {"s", UNIT_SECOND},
    {"minute", UNIT_MINUTE},           {"min", UNIT_MINUTE},           {"m", UNIT_MINUTE},
    {"hour", UNIT_HOUR},               {"h", UNIT_HOUR},               {"day", UNIT_DAY},
    {"d", UNIT_DAY},                   {"week", UNIT_WEEK},            {"w", UNIT_WEEK},
    {"month", UNIT_MONTH},             {"quarter", UNIT_QUARTER},      {"year", UNIT_YEAR},
    {"dow", UNIT_DOW},                 {"doy", UNIT_DOY},              {"epoch", UNIT_EPOCH},
};

/* In any case, with or without a plural s. */
static time_unit unit_of(const ef_str *text) {
    const char *data = ef_str_data(text);
    for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++) {
        size_t length = strlen(UNITS[i].name), k = 0;
        if (text->length != length && text->length != length + 1) {
            continue;
        }
        while (k < length && (data[k] | 0x20) == UNITS[i].name[k]) {
            k++;
        }
        if (k == length && (text->length == length || (data[k] | 0x20) == 's')) {
            return UNITS[i].unit;
        }
    }
    return UNIT_NONE;
}

/* Milliseconds of units with a fixed length, 0 for others. */
static int64_t length_of(time_unit unit) {
    switch (unit) {
    case UNIT_MILLISECOND:
        return 1;
    case UNIT_SECOND:
        return 1000;
    case UNIT_MINUTE:
        return 60000;
    case UNIT_HOUR:
        return 3600000;
    case UNIT_DAY:
        return EF_DAY_MS;
    case UNIT_WEEK:
        return 7 * EF_DAY_MS;
    default:
        return 0;
    }
}

static int64_t months_of(time_unit unit) {
    return unit == UNIT_MONTH ? 1 : unit == UNIT_QUARTER ? 3 : unit == UNIT_YEAR ? 12 : 0;
}

/* The field's value; false for a field without a meaning. */
static bool field_of(int64_t ms, time_unit unit, int64_t *value) {
    ef_civil civil = ef_civil_from_ms(ms);
    int64_t week_year;
    switch (unit) {
    case UNIT_MILLISECOND:
        *value = civil.millisecond;
        return true;
    case UNIT_SECOND:
        *value = civil.second;
        return true;
    case UNIT_MINUTE:
        *value = civil.minute;
        return true;
    case UNIT_HOUR:
        *value = civil.hour;
        return true;
    case UNIT_DAY:
        *value = civil.day;
        return true;
    case UNIT_WEEK:
        *value = ef_iso_week(&civil, &week_year);
        return true;
    case UNIT_MONTH:
        *value = civil.month;
        return true;
    case UNIT_QUARTER:
        *value = (civil.month + 2) / 3;
        return true;
    case UNIT_YEAR:
        *value = civil.year;
        return true;
    case UNIT_DOW:
        *value = civil.weekday;
        return true;
    case UNIT_DOY:
        *value = civil.yearday;
        return true;
    case UNIT_EPOCH:
        *value = ef_floor_divide(ms, 1000);
        return true;
    case UNIT_NONE:
        break;
    }
    *value = 0;
    return false;
}

static int64_t long_at(const ef_vector *vector, uint32_t row) {
    return ((const int64_t *)vector->values)[row & vector->index_mask];
}

/* A unit operand, read once if it is a constant. */
static time_unit unit_at(const ef_vector *vector, uint32_t row, time_unit known) {
    return row > 0 && vector->index_mask == 0 ? known : unit_of(ef_text_at(vector, row));
}

/* ---- fields ---- */

#define EXTRACTING(name, T)                                                  \
    ef_status ef_kernel_##name(ef_call *call, ef_error *error) {             \
        const ef_vector *field = ef_operand(call, 0);                        \
        const ef_vector *time = ef_operand(call, 1);                         \
        T *to = call->result->values;                                        \
        time_unit unit = UNIT_NONE;                                          \
        for (uint32_t i = 0; i < call->rows; i++) {                          \
            int64_t value;                                                   \
            unit = unit_at(field, i, unit);                                  \
            if (!field_of(long_at(time, i), unit, &value)) {                 \
                EF_TRY(ef_call_null(call, i, error));                            \
            }                                                                \
            to[i] = (T)value;                                                \
        }                                                                    \
        return EF_OK;                                                        \
    }

EXTRACTING(extract, int32_t)
EXTRACTING(extract_long, int64_t)

#define FIELD(name, UNIT, T)                                                 \
    ef_status ef_kernel_extract_##name(ef_call *call, ef_error *error) {     \
        (void)error;                                                         \
        const int64_t *from = ef_operand(call, 0)->values;                   \
        T *to = call->result->values;                                        \
        for (uint32_t i = 0; i < call->rows; i++) {                          \
            int64_t value;                                                   \
            (void)field_of(from[i], UNIT, &value);                           \
            to[i] = (T)value;                                                \
        }                                                                    \
        return EF_OK;                                                        \
    }

FIELD(year, UNIT_YEAR, int32_t)
FIELD(quarter, UNIT_QUARTER, int32_t)
FIELD(month, UNIT_MONTH, int32_t)
FIELD(week, UNIT_WEEK, int32_t)
FIELD(day, UNIT_DAY, int32_t)
FIELD(doy, UNIT_DOY, int32_t)
FIELD(dow, UNIT_DOW, int32_t)
FIELD(hour, UNIT_HOUR, int32_t)
FIELD(minute, UNIT_MINUTE, int32_t)
FIELD(second, UNIT_SECOND, int32_t)
FIELD(millisecond, UNIT_MILLISECOND, int32_t)
FIELD(epoch, UNIT_EPOCH, int64_t)

/* ---- arithmetic ---- */

/* The day is cut to the length of the month that is reached. */
static bool add_months(int64_t ms, int64_t months, int64_t *result) {
    if (months > INT64_C(10000000000) || months < -INT64_C(10000000000)) {
        return false;
    }
    ef_civil civil = ef_civil_from_ms(ms);
    int64_t index = civil.year * 12 + (civil.month - 1) + months;
    civil.year = ef_floor_divide(index, 12);
    civil.month = (int32_t)(index - civil.year * 12) + 1;
    int32_t last = ef_days_in_month(civil.year, civil.month);
    civil.day = civil.day < last ? civil.day : last;
    return ef_ms_from_civil(&civil, result);
}

static bool add_units(int64_t ms, int64_t count, time_unit unit, int64_t *result) {
    int64_t step = length_of(unit), product;
    if (step > 0) {
        return !__builtin_mul_overflow(count, step, &product) && !__builtin_add_overflow(ms, product, result);
    }
    int64_t months = months_of(unit);
    return months > 0 && !__builtin_mul_overflow(count, months, &product) && add_months(ms, product, result);
}

static ef_status add_all(ef_call *call, bool backwards, ef_error *error) {
    const ef_vector *names = ef_operand(call, 2);
    int64_t *to = call->result->values;
    time_unit unit = UNIT_NONE;
    for (uint32_t i = 0; i < call->rows; i++) {
        int64_t count = long_at(ef_operand(call, 1), i);
        unit = unit_at(names, i, unit);
        to[i] = 0;
        bool fits = !backwards || !__builtin_sub_overflow((int64_t)0, count, &count);
        if (!ef_any_null(call, i) && (!fits || !add_units(long_at(ef_operand(call, 0), i), count, unit, &to[i]))) {
            EF_TRY(ef_call_null(call, i, error));
        }
    }
    return EF_OK;
}

ef_status ef_kernel_date_add(ef_call *call, ef_error *error) {
    return add_all(call, false, error);
}

ef_status ef_kernel_date_sub(ef_call *call, ef_error *error) {
    return add_all(call, true, error);
}

/* Whole months from a to b, toward zero: those whose addition to a does not pass b. */
static int64_t months_between(int64_t a, int64_t b) {
    ef_civil from = ef_civil_from_ms(a), to = ef_civil_from_ms(b);
    int64_t months = (to.year - from.year) * 12 + (to.month - from.month);
    int64_t reached;
    if (months > 0 && (!add_months(a, months, &reached) || reached > b)) {
        months--;
    } else if (months < 0 && (!add_months(a, months, &reached) || reached < b)) {
        months++;
    }
    return months;
}

static bool units_between(int64_t a, int64_t b, time_unit unit, int64_t *result) {
    int64_t step = length_of(unit), difference;
    if (step > 0) {
        if (__builtin_sub_overflow(b, a, &difference)) {
            return false;
        }
        *result = difference / step;
        return true;
    }
    if (months_of(unit) == 0) {
        return false;
    }
    *result = months_between(a, b) / months_of(unit);
    return true;
}

ef_status ef_kernel_date_diff(ef_call *call, ef_error *error) {
    int64_t *to = call->result->values;
    time_unit unit = UNIT_NONE;
    for (uint32_t i = 0; i < call->rows; i++) {
        unit = unit_at(ef_operand(call, 0), i, unit);
        to[i] = 0;
        if (!ef_any_null(call, i) &&
            !units_between(long_at(ef_operand(call, 1), i), long_at(ef_operand(call, 2), i), unit, &to[i])) {
            EF_TRY(ef_call_null(call, i, error));
        }
    }
    return EF_OK;
}

static bool truncate_to(int64_t ms, time_unit unit, int64_t *result) {
    if (unit == UNIT_WEEK) { /* Monday; 1970-01-01 was a Thursday */
        int64_t days = ef_floor_divide(ms, EF_DAY_MS);
        int64_t monday = ef_floor_divide(days + 3, 7) * 7 - 3;
        return !__builtin_mul_overflow(monday, EF_DAY_MS, result);
    }
    int64_t step = length_of(unit);
    if (step > 0) {
        return !__builtin_mul_overflow(ef_floor_divide(ms, step), step, result);
    }
    int64_t months = months_of(unit);
    if (months == 0) {
        return false;
    }
    ef_civil civil = ef_civil_from_ms(ms);
    int32_t month = (int32_t)((civil.month - 1) / months * months + 1);
    return !__builtin_mul_overflow(ef_days_from_civil(civil.year, month, 1), EF_DAY_MS, result);
}

ef_status ef_kernel_date_trunc(ef_call *call, ef_error *error) {
    int64_t *to = call->result->values;
    time_unit unit = UNIT_NONE;
    for (uint32_t i = 0; i < call->rows; i++) {
        unit = unit_at(ef_operand(call, 0), i, unit);
        to[i] = 0;
        if (!ef_any_null(call, i) && !truncate_to(long_at(ef_operand(call, 1), i), unit, &to[i])) {
            EF_TRY(ef_call_null(call, i, error));
        }
    }
    return EF_OK;
}

/* ---- text ---- */

ef_status ef_kernel_format_date(ef_call *call, ef_error *error) {
    const ef_vector *time = ef_operand(call, 0);
    const ef_vector *pattern = ef_operand(call, 1);
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = ef_str_empty();
        if (ef_any_null(call, i)) {
            continue;
        }
        ef_object_writer text; /* as a plain buffer */
        ef_object_writer_init(&text, call->arena);
        const char *problem = ef_date_format(long_at(time, i), ef_text_at(pattern, i), &text);
        if (problem != NULL) {
            EF_TRY(ef_call_fail(call, i, problem, error));
        } else if (!ef_object_writer_take(&text, &to[i])) {
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

ef_status ef_kernel_parse_date(ef_call *call, ef_error *error) {
    int64_t *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = 0;
        if (!ef_any_null(call, i) && !ef_date_parse(ef_text_at(ef_operand(call, 0), i), ef_text_at(ef_operand(call, 1), i), &to[i])) {
            EF_TRY(ef_call_null(call, i, error));
        }
    }
    return EF_OK;
}

ef_status ef_kernel_parse_timestamp(ef_call *call, ef_error *error) {
    const ef_str *from = ef_operand(call, 0)->values;
    int64_t *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = 0;
        if (!ef_any_null(call, i) && !ef_iso_parse(ef_str_data(&from[i]), from[i].length, &to[i])) {
            EF_TRY(ef_call_null(call, i, error));
        }
    }
    return EF_OK;
}

ef_status ef_kernel_strict_parse_timestamp(ef_call *call, ef_error *error) {
    const ef_vector *text = ef_operand(call, 0);
    int64_t *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        const ef_str *from = ef_text_at(text, i);
        to[i] = 0;
        if (!ef_any_null(call, i) && !ef_iso_parse(ef_str_data(from), from->length, &to[i])) {
            EF_TRY(ef_call_fail(call, i, "the text is not a time in ISO 8601", error));
        }
    }
    return EF_OK;
}
