"""Functions of time against Python's datetime, and texts of times."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.expression_harness import INT, LONG, STRING, Program, ProgramError, evaluate

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FIRST, LAST = -62135596800000, 253402300799999  # years 1 to 9999
MOMENTS = st.integers(FIRST, LAST) | st.integers(-(10**12), 2 * 10**12)


def moment(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


def to_ms(at: datetime) -> int:
    return (at - EPOCH) // timedelta(milliseconds=1)


FIELDS: dict[str, Any] = {
    "year": lambda at: at.year,
    "quarter": lambda at: (at.month + 2) // 3,
    "month": lambda at: at.month,
    "week": lambda at: at.isocalendar().week,
    "day": lambda at: at.day,
    "doy": lambda at: at.timetuple().tm_yday,
    "dow": lambda at: at.isoweekday() % 7,
    "hour": lambda at: at.hour,
    "minute": lambda at: at.minute,
    "second": lambda at: at.second,
    "millisecond": lambda at: at.microsecond // 1000,
    "epoch": lambda at: to_ms(at) // 1000,
}
STARTS: dict[str, Any] = {
    "millisecond": lambda at: at,
    "second": lambda at: at.replace(microsecond=0),
    "minute": lambda at: at.replace(microsecond=0, second=0),
    "hour": lambda at: at.replace(microsecond=0, second=0, minute=0),
    "day": lambda at: at.replace(microsecond=0, second=0, minute=0, hour=0),
    "month": lambda at: at.replace(microsecond=0, second=0, minute=0, hour=0, day=1),
    "quarter": lambda at: at.replace(
        microsecond=0, second=0, minute=0, hour=0, day=1, month=(at.month - 1) // 3 * 3 + 1
    ),
    "year": lambda at: at.replace(microsecond=0, second=0, minute=0, hour=0, day=1, month=1),
}


@pytest.mark.parametrize("field", FIELDS)
@settings(max_examples=60, deadline=None)
@given(times=st.lists(MOMENTS, min_size=1, max_size=20))
def test_fields(field: str, times: list[int]) -> None:
    expected = [FIELDS[field](moment(ms)) for ms in times]
    assert evaluate(f"extract_{field}", ("long", times)) == expected
    operation = "extract_long" if field == "epoch" else "extract"
    assert evaluate(operation, ("string", [field.upper()] * len(times)), ("long", times)) == expected


def test_weeks_at_the_turn_of_every_year() -> None:
    days = [
        to_ms(datetime(year, month, day, 12, tzinfo=timezone.utc))
        for year in range(1960, 2041)
        for month, day in (
            (1, 1),
            (1, 2),
            (1, 3),
            (1, 4),
            (1, 5),
            (1, 6),
            (1, 7),
            (1, 8),
            (2, 28),
            (3, 1),
            (12, 24),
            (12, 27),
            (12, 28),
            (12, 29),
            (12, 30),
            (12, 31),
        )
    ]
    assert evaluate("extract_week", ("long", days)) == [moment(ms).isocalendar().week for ms in days]
    texts = [f"{moment(ms).isocalendar().year} {moment(ms).isocalendar().week:02}" for ms in days]
    assert evaluate("format_date", ("long", days), ("string", ["YYYY ww"] * len(days))) == texts


def test_fields_by_names_in_any_case_and_number() -> None:
    names = ["Years", "HOUR", "mins", "Sec", "ms", "s", "fortnight", "", None, "MONTH"]
    assert evaluate("extract", ("string", names), ("long", [1356998400123] * 9 + [None])) == [
        2013,
        0,
        0,
        0,
        123,
        0,
        None,
        None,
        None,
        None,
    ]


@settings(max_examples=150, deadline=None)
@given(times=st.lists(MOMENTS, min_size=1, max_size=12), unit=st.sampled_from(sorted(STARTS)))
def test_truncation(times: list[int], unit: str) -> None:
    expected = [to_ms(STARTS[unit](moment(ms))) for ms in times]
    assert evaluate("date_trunc", ("string", [unit] * len(times)), ("long", times)) == expected


@settings(max_examples=100, deadline=None)
@given(st.integers(FIRST + 7 * 86400000, LAST))
def test_weeks_start_on_monday(ms: int) -> None:
    day = STARTS["day"](moment(ms))
    assert evaluate("date_trunc", ("string", ["week"]), ("long", [ms])) == [to_ms(day - timedelta(days=day.weekday()))]


@settings(max_examples=150, deadline=None)
@given(
    ms=st.integers(-(10**12), 2 * 10**12),
    count=st.integers(-1900, 3000),
    unit=st.sampled_from(["millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"]),
)
def test_adding_subtracting_and_differences(ms: int, count: int, unit: str) -> None:
    (later,) = evaluate("date_add", ("long", [ms]), ("long", [count]), ("string", [unit]))
    assert evaluate("date_sub", ("long", [ms]), ("long", [-count]), ("string", [unit])) == [later]
    at = moment(ms)
    if unit in ("month", "quarter", "year"):
        months = {"month": 1, "quarter": 3, "year": 12}[unit] * count
        year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        assert later == to_ms(at.replace(year=year, month=month + 1, day=min(at.day, last)))
    else:
        assert later == to_ms(at + timedelta(**{f"{unit}s": count}))
    (between,) = evaluate("date_diff", ("string", [unit]), ("long", [ms]), ("long", [later]))
    # A month that ends earlier than the day counts from is short of a whole one when counted back.
    assert between == count or (unit in ("month", "quarter", "year") and at.day > 28)
    (back,) = evaluate("date_diff", ("string", [unit]), ("long", [later]), ("long", [later]))
    assert back == 0


@pytest.mark.parametrize(
    ("unit", "start", "end", "units"),
    [
        ("hour", 0, 7199999, 1),
        ("hour", 7199999, 0, -1),
        ("day", 0, -86399999, 0),
        ("month", 0, 31 * 86400000 - 1, 0),
        ("month", 0, 31 * 86400000, 1),
        ("month", 31 * 86400000, 0, -1),
        ("month", 31 * 86400000, 1, 0),
        ("year", 0, 365 * 86400000, 1),
        ("quarter", 0, 90 * 86400000, 1),
        ("millisecond", -(2**63), 2**63 - 1, None),
        ("eon", 0, 1, None),
        ("hour", None, 1, None),
    ],
)
def test_differences(unit: str, start: int | None, end: int | None, units: int | None) -> None:
    assert evaluate("date_diff", ("string", [unit]), ("long", [start]), ("long", [end])) == [units]


def test_the_ends_of_the_range_give_null_or_wrap_nowhere() -> None:
    ends = [2**63 - 1, -(2**63)]
    assert evaluate("date_add", ("long", ends), ("long", [1, -1]), ("string", ["ms"] * 2)) == [None, None]
    assert evaluate("date_add", ("long", [0, 0]), ("long", [2**62, 2**62]), ("string", ["day", "year"])) == [None, None]
    assert evaluate("date_sub", ("long", [0]), ("long", [-(2**63)]), ("string", ["ms"])) == [None]
    assert evaluate("date_add", ("long", ends), ("long", [1, 1]), ("string", ["month"] * 2))[1] is not None
    assert evaluate("date_trunc", ("string", ["year", "day"]), ("long", ends)) == [9223372017129600000, None]
    assert evaluate("extract_year", ("long", ends)) == [292278994, -292275055]


# ---- patterns ----

NEW_YEAR = 1356998400123  # 2013-01-01T00:00:00.123Z, a Tuesday


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2013-01-01T00:00:00.123Z"),
        ("y yy yyy yyyyy", "2013 13 2013 02013"),
        ("M MM MMM MMMM LLLL", "1 01 Jan January January"),
        ("d dd D DDD", "1 01 1 001"),
        ("E EEE EEEE u", "Tue Tue Tuesday 2"),
        ("H k K h a", "0 24 0 12 AM"),
        ("S SS SSSS", "123 123 0123"),
        ("w W F", "1 1 1"),
        ("G", "AD"),
        ("z Z X", "UTC +0000 Z"),
        ("''yy'' 'o''clock'", "'13' o'clock"),
        ("", ""),
        ("[!] é", "[!] é"),
    ],
)
def test_formatting(pattern: str, text: str) -> None:
    assert evaluate("format_date", ("long", [NEW_YEAR, None]), ("string", [pattern] * 2)) == [text, None]


@settings(max_examples=200, deadline=None)
@given(ms=st.integers(-62135596800000, 253402300799999))
def test_what_is_formatted_is_read_back(ms: int) -> None:
    for pattern in (
        "yyyy-MM-dd HH:mm:ss.SSS",
        "yyyyMMddHHmmssSSS",
        "d MMMM yyyy, h:mm:ss.SSS a",
        "yyyy-DDD k:mm:ss:SSS Z",
    ):
        (text,) = evaluate("format_date", ("long", [ms]), ("string", [pattern]))
        assert evaluate("parse_date", ("string", [text]), ("string", [pattern])) == [ms]
    at = moment(ms)
    (text,) = evaluate("format_date", ("long", [ms]), ("string", ["yyyy-MM-dd HH:mm:ss EEEE DDD"]))
    assert text == f"{at.year:04}-{at:%m-%d %H:%M:%S %A %j}"


@pytest.mark.parametrize(
    ("text", "pattern", "ms"),
    [
        ("2012-02-29", "yyyy-MM-dd", 1330473600000),
        ("2013-02-29", "yyyy-MM-dd", None),
        ("2013-13-01", "yyyy-MM-dd", None),
        ("2013-1-1", "yyyy-MM-dd", 1356998400000),
        ("20130101", "yyyyMMdd", 1356998400000),
        ("01/02/70", "dd/MM/yy", 31 * 86400000),
        ("01/02/69", "dd/MM/yy", 3126902400000),
        ("1 feb 1970", "d MMM yyyy", 31 * 86400000),
        ("12:30 pm", "h:mm a", 45000000),
        ("12:30 AM", "h:mm a", 1800000),
        ("24:00", "k:mm", 0),
        ("13:00", "h:mm", None),
        ("00:60", "HH:mm", None),
        ("1970-01-01T02:00+02:00", "yyyy-MM-dd'T'HH:mmXXX", 0),
        ("1970-01-01 -0130", "yyyy-MM-dd Z", 5400000),
        ("1970-01-01 UTC", "yyyy-MM-dd z", 0),
        ("1970-01-01 rest", "yyyy-MM-dd", None),
        ("x", "yyyy", None),
        ("1970", "yyyy-MM", None),
        ("1970", "'yyyy", None),
        ("Thu 1", "EEE d", 0),
        ("4 BC", "y G", -62261654400000 + 0),
        ("1970", "q", None),
        ("", "", 0),
    ],
)
def test_reading(text: str, pattern: str, ms: int | None) -> None:
    (found,) = evaluate("parse_date", ("string", [text]), ("string", [pattern]))
    if pattern == "y G":
        assert evaluate("extract_year", ("long", [found])) == [-3]
    else:
        assert found == ms


def test_a_pattern_without_a_meaning_fails_its_row() -> None:
    with Program([LONG, STRING]) as program:
        program.output(program.call("format_date", program.column(0), program.column(1)))
        assert program.run([[0, 0, 0], ["yyyy", "jjj", "'a"]], error_edge=True) == [["1970", None, None]]
        assert program.failures == [
            (1, "the date pattern has a letter without a meaning"),
            (2, "a quote in the date pattern is not closed"),
        ]


# ---- ISO 8601 ----


@settings(max_examples=200, deadline=None)
@given(
    at=st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    offset=st.none() | st.integers(-23 * 60, 23 * 60),
    separator=st.sampled_from("T "),
)
def test_iso_8601(at: datetime, offset: int | None, separator: str) -> None:
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    zone = timezone.utc if offset is None else timezone(timedelta(minutes=offset))
    text = at.isoformat(separator, "milliseconds" if at.microsecond else "auto")
    if offset is not None:
        text += at.replace(tzinfo=zone).strftime("%z") if offset % 2 else at.replace(tzinfo=zone).isoformat()[-6:]
    assert evaluate("parse_timestamp", ("string", [text, f" {text}\n"])) == [to_ms(at.replace(tzinfo=zone))] * 2


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-02", 86400000),
        ("1970-01-01T00:00Z", 0),
        ("1970-01-01t01:00z", 3600000),
        ("1970-01-01 00:00:00.9999", 999),
        ("1970-01-01 00:00:00,5", 500),
        ("1970-01-01T01:00+01", 0),
        ("12:00", 43200000),
        ("00:00:01.250", 1250),
        ("1970-1-1", None),
        ("1970-02-30", None),
        ("1970-01-01T", None),
        ("1970-01-01T24:00", None),
        ("1970-01-01X00:00", None),
        ("1970-01-01T00:00+1", None),
        ("1970-01-01T00:00+01:", None),
        ("1970-01-01T00:00:00.", None),
        ("12:00x", None),
        ("", None),
        (None, None),
        ("19700101", None),
        ("0", None),
    ],
)
def test_texts_of_times(text: str | None, ms: int | None) -> None:
    assert evaluate("parse_timestamp", ("string", [text])) == [ms]


# ---- the clock and the event ----


def cause(step: int) -> int:
    return step << 43 | 0xFFFF << 27


def test_the_clock_is_that_of_the_step_of_each_row() -> None:
    with Program([INT]) as program:
        program.output(program.call("current_time_millis"))
        program.output(program.call("event_timestamp"))
        program.output(program.call("add_long", program.call("event_timestamp"), program.constant(1, LONG)))
        times = {"timestamps": [5, 6, 7], "clock": [100, 200], "causes": [cause(0), cause(1), cause(1)]}
        assert program.run([[1, 2, 3]], **times) == [[100, 200, 200], [5, 6, 7], [6, 7, 8]]
        assert program.run([[1, 2, 3]], clock=[9]) == [[9, 9, 9], [0, 0, 0], [1, 1, 1]]


def test_the_timestamps_of_the_batch_are_not_written() -> None:
    with Program([STRING]) as program:
        program.output(program.call("event_timestamp"))
        program.output(program.call("strict_convert_string_int", program.column(0)))
        assert program.run([["1", "x"]], error_edge=True, timestamps=[5, 6]) == [[5, None], [1, None]]
        assert program.run_again(2, error_edge=True)[0] == [5, None]
        with pytest.raises(ProgramError):
            program.run_again(2)
