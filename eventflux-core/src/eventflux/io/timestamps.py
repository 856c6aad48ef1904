"""Points in time as payloads spell them -> milliseconds since the epoch.

A format is ``auto`` (a number is milliseconds, a text ISO 8601), ``iso``, ``epoch-s``, ``epoch-ms``, ``epoch-us``,
``epoch-ns``, a strptime format (with ``%``), or a pattern of letters as Java's SimpleDateFormat has
(``yyyy-MM-dd HH:mm:ss``). A text without a zone is UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND: Final = timedelta(milliseconds=1)
_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?\Z"
)
_SCALES: Final = {"epoch-s": (1000, 1), "epoch-ms": (1, 1), "epoch-us": (1, 1000), "epoch-ns": (1, 1_000_000)}
_LETTERS: Final = re.compile(r"'((?:[^']|'')*)'|([a-zA-Z])\2*|[^a-zA-Z']+")
_FIELDS: Final = {
    "y": "year",
    "M": "month",
    "d": "day",
    "H": "hour",
    "m": "minute",
    "s": "second",
    "S": "fraction",
    "Z": "zone",
    "X": "zone",
}
_WIDTHS: Final = {"year": 4, "fraction": 9}

ReadTimestamp = Callable[[object], int]


def timestamp_reader(format_: str) -> ReadTimestamp:
    """A function from a payload's value to milliseconds; it raises ValueError for what isn't a point in time.

    Raises:
        ValueError: There is no such format.
    """
    folded = format_.casefold()
    if folded == "auto":
        return _read_auto
    if folded in {"iso", "iso-8601", "iso8601"}:
        return _read_text(parse_iso)
    if folded in _SCALES:
        return _epoch_reader(*_SCALES[folded])
    if "%" in format_:
        return _read_text(lambda text: _milliseconds(datetime.strptime(text, format_)))
    return _read_text(_pattern_reader(format_))


def parse_iso(text: str) -> int:
    """Milliseconds of an ISO 8601 date, or date and time, with or without a zone.

    Raises:
        ValueError: The text is not one.
    """
    match = _ISO.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not an ISO 8601 date and time")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    return _milliseconds(moment.replace(tzinfo=_zone(zone))) + _fraction_ms(fraction)


def format_iso(timestamp: int) -> str:
    """ISO 8601 in UTC with milliseconds: ``2024-01-31T12:00:00.000Z``."""
    moment = _EPOCH + timedelta(milliseconds=timestamp)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{timestamp % 1000:03d}Z"


def _read_auto(value: object) -> int:
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a point in time")  # noqa: TRY004 - all readers raise ValueError
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value)
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.lstrip("+-").isdecimal() else parse_iso(text)
    raise ValueError(f"{value!r} is not a point in time")


def _epoch_reader(factor: int, divisor: int) -> ReadTimestamp:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError(f"{value!r} is not a number")  # noqa: TRY004
        number = value
        if isinstance(number, str):
            number = float(number) if "." in number else int(number)
        scaled = number * factor / divisor if isinstance(number, float) else number * factor // divisor
        return int(scaled)

    return read


def _read_text(parse: Callable[[str], int]) -> ReadTimestamp:
    def read(value: object) -> int:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not a text")  # noqa: TRY004
        return parse(value)

    return read


def _pattern_reader(pattern: str) -> Callable[[str], int]:
    regex = re.compile(_pattern_regex(pattern))

    def parse(text: str) -> int:
        match = regex.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not of the form {pattern!r}")
        found = match.groupdict()
        year = int(found.get("year") or 1970)
        if year < 100:  # two digits: 1970 to 2069
            year += 1900 if year >= 70 else 2000
        month, day = (int(found.get(name) or 1) for name in ("month", "day"))
        hour, minute, second = (int(found.get(name) or 0) for name in ("hour", "minute", "second"))
        moment = datetime(year, month, day, hour, minute, second, tzinfo=_zone(found.get("zone")))
        return _milliseconds(moment) + _fraction_ms(found.get("fraction"))

    return parse


def _pattern_regex(pattern: str) -> str:
    parts: list[str] = []
    used: set[str] = set()
    for match in _LETTERS.finditer(pattern):
        text, literal, letter = match.group(0), match.group(1), match.group(2)
        if letter is None:
            shown = text if literal is None else (literal.replace("''", "'") or "'")
            parts.append(re.escape(shown))
            continue
        name = _FIELDS.get(letter)
        if name is None or name in used:
            raise ValueError(f"{pattern!r} is not a timestamp format: {text!r} has no meaning here")
        used.add(name)
        if name == "zone":
            parts.append(r"(?P<zone>Z|[+-]\d\d(?::?\d\d)?)")
        else:
            longest = _WIDTHS.get(name, 2)
            exact = f"{{{len(text)}}}" if len(text) > 1 else f"{{1,{longest}}}"
            parts.append(rf"(?P<{name}>\d{exact})")
    if not used:
        raise ValueError(f"{pattern!r} is not a timestamp format")
    return "".join(parts)


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return timezone.utc
    sign = -1 if text[0] == "-" else 1
    digits = text[1:].replace(":", "")
    return timezone(sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0)))


def _fraction_ms(fraction: str | None) -> int:
    return int((fraction or "").ljust(3, "0")[:3])


def _milliseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return (moment - _EPOCH) // _MILLISECOND
