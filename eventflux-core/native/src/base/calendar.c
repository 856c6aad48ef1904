/* Gregorian calendar; see calendar.h. Day counts by shifting the year to start in March (Hinnant, "chrono-compatible low-level date
 * algorithms"): 400 years are 146,097 days. */
#include "base/calendar.h"

int64_t ef_days_from_civil(int64_t year, int32_t month, int32_t day) {
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = ef_floor_divide(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t month_from_march = month > 2 ? month - 3 : month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static bool is_leap(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int32_t ef_days_in_month(int64_t year, int32_t month) {
    static const int8_t DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : DAYS[month - 1];
}

ef_civil ef_civil_from_ms(int64_t ms) {
    ef_civil civil;
    int64_t days = ef_floor_divide(ms, EF_DAY_MS);
    int32_t rest = (int32_t)(ms % EF_DAY_MS); /* days * EF_DAY_MS may not fit at the lower end */
    rest += rest < 0 ? (int32_t)EF_DAY_MS : 0;
    civil.millisecond = rest % 1000;
    civil.second = rest / 1000 % 60;
    civil.minute = rest / 60000 % 60;
    civil.hour = rest / 3600000;
    int64_t shifted = days + 719468;
    int64_t era = ef_floor_divide(shifted, 146097);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    civil.day = (int32_t)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    civil.month = (int32_t)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    civil.year = year_of_era + era * 400 + (civil.month <= 2);
    civil.weekday = (int32_t)(((days % 7) + 11) % 7); /* 1970-01-01 was a Thursday */
    civil.yearday = (int32_t)(days - ef_days_from_civil(civil.year, 1, 1)) + 1;
    return civil;
}

int32_t ef_iso_week(const ef_civil *civil, int64_t *week_year) {
    int32_t from_monday = (civil->weekday + 6) % 7;
    int32_t week = (civil->yearday - 1 - from_monday + 10) / 7; /* the week of this week's Thursday */
    *week_year = civil->year;
    if (week < 1) {
        int64_t before = civil->year - 1;
        *week_year = before;
        int32_t yearday = civil->yearday + (is_leap(before) ? 366 : 365);
        return (yearday - 1 - from_monday + 10) / 7;
    }
    if (week == 53 && civil->yearday - from_monday + 3 > (is_leap(civil->year) ? 366 : 365)) {
        *week_year = civil->year + 1;
        return 1;
    }
    return week;
}

bool ef_ms_from_civil(const ef_civil *civil, int64_t *ms) {
    if (civil->year > 300000000 || civil->year < -300000000) {
        return false;
    }
    int64_t days = ef_days_from_civil(civil->year, civil->month, civil->day);
    int64_t rest = ((int64_t)civil->hour * 60 + civil->minute) * 60000 + (int64_t)civil->second * 1000 + civil->millisecond;
    int64_t product;
    return !__builtin_mul_overflow(days, EF_DAY_MS, &product) && !__builtin_add_overflow(product, rest, ms);
}
