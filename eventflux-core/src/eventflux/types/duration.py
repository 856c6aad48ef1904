"""Durations: time units of both dialects, text <-> milliseconds."""

from __future__ import annotations

import enum
import re
from decimal import Decimal
from typing import Final

from eventflux.types.dialect import Dialect


class TimeUnit(enum.Enum):
    """A unit of time, by its canonical EventFluxQL spelling, from short to long."""

    MILLISECOND = "millisec"
    SECOND = "sec"
    MINUTE = "min"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_MS: Final = {
    TimeUnit.MILLISECOND: 1,
    TimeUnit.SECOND: 1_000,
    TimeUnit.MINUTE: 60_000,
    TimeUnit.HOUR: 3_600_000,
    TimeUnit.DAY: 86_400_000,
    TimeUnit.WEEK: 604_800_000,
}
# A month and a year as a length, not as a calendar step: the two languages have fixed different constants.
_MONTH_MS: Final = {Dialect.SQL: 2_630_000_000, Dialect.EVENTFLUXQL: 2_592_000_000}
_YEAR_MS: Final = {Dialect.SQL: 31_556_900_000, Dialect.EVENTFLUXQL: 31_536_000_000}

UNIT_NAMES: Final[dict[str, TimeUnit]] = {
    name: unit
    for unit, names in {
        TimeUnit.MILLISECOND: ("millisecond", "milliseconds", "millisec", "millisecs", "millis", "ms"),
        TimeUnit.SECOND: ("second", "seconds", "sec", "secs", "s"),
        TimeUnit.MINUTE: ("minute", "minutes", "min", "mins", "m"),
        TimeUnit.HOUR: ("hour", "hours", "h"),
        TimeUnit.DAY: ("day", "days", "d"),
        TimeUnit.WEEK: ("week", "weeks", "w"),
        TimeUnit.MONTH: ("month", "months"),
        TimeUnit.YEAR: ("year", "years"),
    }.items()
    for name in names
}


def time_unit_named(name: str) -> TimeUnit | None:
    """Unit of a spelling in any case, or None."""
    return UNIT_NAMES.get(name.lower())


def unit_milliseconds(unit: TimeUnit, dialect: Dialect = Dialect.EVENTFLUXQL) -> int:
    """Length of one unit in milliseconds; MONTH and YEAR differ between the dialects."""
    if unit is TimeUnit.MONTH:
        return _MONTH_MS[dialect]
    if unit is TimeUnit.YEAR:
        return _YEAR_MS[dialect]
    return _MS[unit]


_TERM: Final = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([A-Za-z]+)")
_NUMBER: Final = re.compile(r"\s*\d+\s*\Z")


def parse_duration(text: str, dialect: Dialect = Dialect.EVENTFLUXQL) -> int:
    """Milliseconds of a duration as written in options and annotations: `500ms`, `1 hour 30 min`, `1.5 sec`, `250`.

    Raises:
        ValueError: The text is not a duration, or not a whole number of milliseconds.
    """
    if _NUMBER.match(text):
        return int(text)
    total = Decimal(0)
    position = 0
    while match := _TERM.match(text, position):
        unit = time_unit_named(match.group(2))
        if unit is None:
            raise ValueError(f"{match.group(2)!r} is not a time unit")
        total += Decimal(match.group(1)) * unit_milliseconds(unit, dialect)
        position = match.end()
    if position == 0 or text[position:].strip():
        raise ValueError(f"{text!r} is not a duration")
    if total != int(total):
        raise ValueError(f"{text!r} is not a whole number of milliseconds")
    return int(total)


def format_duration(milliseconds: int) -> str:
    """Shortest EventFluxQL time literal of that length, in descending units up to weeks: `1 hour 30 min`."""
    if milliseconds <= 0:
        return f"{milliseconds} millisec"
    parts: list[str] = []
    rest = milliseconds
    for unit in sorted(_MS, key=lambda unit: -_MS[unit]):
        amount, rest = divmod(rest, _MS[unit])
        if amount:
            parts.append(f"{amount} {unit.value}")
    return " ".join(parts)
