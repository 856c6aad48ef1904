"""Cron expressions against the calendar of the standard library."""

from __future__ import annotations

import datetime

import pytest
from eventflux.engine._native_testing import ffi, lib

START = datetime.datetime(2023, 11, 14, 22, 13, 20, tzinfo=datetime.timezone.utc)


def following(text: str, count: int = 3, *, sunday_is_1: bool = True) -> list[str]:
    error = ffi.new("ef_error *")
    moment = int(START.timestamp() * 1000)
    found = []
    for _ in range(count):
        moment = lib.ef_test_cron_next(text.encode(), sunday_is_1, moment, error)
        assert moment > 0, ffi.string(error.message)
        found.append(datetime.datetime.fromtimestamp(moment / 1000, datetime.timezone.utc).strftime("%a %F %T"))
    return found


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("*/20 * * * * ?", ["Tue 2023-11-14 22:13:40", "Tue 2023-11-14 22:14:00", "Tue 2023-11-14 22:14:20"]),
        ("0 0 12 ? * MON-FRI", ["Wed 2023-11-15 12:00:00", "Thu 2023-11-16 12:00:00", "Fri 2023-11-17 12:00:00"]),
        ("0 15 10 L * ?", ["Thu 2023-11-30 10:15:00", "Sun 2023-12-31 10:15:00", "Wed 2024-01-31 10:15:00"]),
        ("0 0 0 LW * ?", ["Thu 2023-11-30 00:00:00", "Fri 2023-12-29 00:00:00", "Wed 2024-01-31 00:00:00"]),
        ("0 0 0 L-3 * ?", ["Mon 2023-11-27 00:00:00", "Thu 2023-12-28 00:00:00", "Sun 2024-01-28 00:00:00"]),
        ("0 0 0 16W 12 ?", ["Fri 2023-12-15 00:00:00", "Mon 2024-12-16 00:00:00", "Tue 2025-12-16 00:00:00"]),
        ("0 0 8 ? * 6#3", ["Fri 2023-11-17 08:00:00", "Fri 2023-12-15 08:00:00", "Fri 2024-01-19 08:00:00"]),
        ("0 0 8 ? * FRIL", ["Fri 2023-11-24 08:00:00", "Fri 2023-12-29 08:00:00", "Fri 2024-01-26 08:00:00"]),
        ("0 0 23-1 * * ?", ["Tue 2023-11-14 23:00:00", "Wed 2023-11-15 00:00:00", "Wed 2023-11-15 01:00:00"]),
        ("0 0 0 29 FEB ?", ["Thu 2024-02-29 00:00:00", "Tue 2028-02-29 00:00:00", "Sun 2032-02-29 00:00:00"]),
        ("0 0 0 1 1 ? 2030/2", ["Tue 2030-01-01 00:00:00", "Thu 2032-01-01 00:00:00", "Sun 2034-01-01 00:00:00"]),
        ("0 0 0 1 * MON", ["Mon 2023-11-20 00:00:00", "Mon 2023-11-27 00:00:00", "Fri 2023-12-01 00:00:00"]),
    ],
)
def test_next_times(text: str, times: list[str]) -> None:
    assert following(text) == times


def test_days_of_the_week_are_numbered_as_the_dialect_says() -> None:
    assert following("0 0 0 ? * 1", 1) == ["Sun 2023-11-19 00:00:00"]
    assert following("0 0 0 ? * 1", 1, sunday_is_1=False) == ["Mon 2023-11-20 00:00:00"]
    assert following("0 0 0 ? * 0", 1, sunday_is_1=False) == ["Sun 2023-11-19 00:00:00"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("61 * * * * ?", "second"),
        ("* 60 * * * ?", "minute"),
        ("* * 24 * * ?", "hour"),
        ("* * * 32 * ?", "day of the month"),
        ("* * * ? 13 *", "month"),
        ("* * * ? * 8", "day of the week"),
        ("* * * ? * MON#6", "day of the week"),
        ("* * * * * ? 1969", "year"),
        ("* * * * *", "fields"),
        ("* * * * * ? 2030 x", "fields"),
        ("*/0 * * * * ?", "second"),
        ("1- * * * * ?", "second"),
        (", * * * * ?", "second"),
        ("", "fields"),
    ],
)
def test_what_is_wrong_is_named(text: str, problem: str) -> None:
    error = ffi.new("ef_error *")
    assert lib.ef_test_cron_next(text.encode(), True, 0, error) == -1
    assert problem in ffi.string(error.message).decode()
