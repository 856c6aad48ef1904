"""Literal tokens -> values: numbers, strings with their escapes, durations, dates."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from eventflux.types.attribute_type import INT_MAX, INT_MIN, LONG_MAX, LONG_MIN, AttributeType
from eventflux.types.dialect import Dialect
from eventflux.types.duration import TimeUnit, time_unit_named, unit_milliseconds

_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)|''", re.DOTALL)
_ESCAPES: Final = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "0": "\0"}
_TERM: Final = re.compile(r"([0-9]*\.?[0-9]+)[ \t\r\n\f\v]*([A-Za-z]+)")
_CLOCK: Final = re.compile(r"[+-]?\d+(?::\d+){0,3}(?:\.\d+)?")


class LiteralError(ValueError):
    """The token has the form of a literal but no value."""


class IntegerRangeError(LiteralError):
    """An integer that does not fit its type."""


def number_value(text: str, dialect: Dialect) -> tuple[int | float, AttributeType]:
    """Value and type of a number with optional sign and suffix.

    Raises:
        IntegerRangeError: It fits neither 64 bits nor, without suffix in EventFluxQL, 32 bits.
    """
    body = "".join(text.split())
    suffix = body[-1].lower()
    if suffix == "f":
        return float(body[:-1]), AttributeType.FLOAT
    if suffix == "d":
        return float(body[:-1]), AttributeType.DOUBLE
    if suffix == "l":
        if not body[:-1].lstrip("+-").isdigit():
            raise LiteralError(f"{body} is not an integer")
        value = _integer(body[:-1])
        if not LONG_MIN <= value <= LONG_MAX:
            raise IntegerRangeError(f"integer {body} does not fit in 64 bits")
        return value, AttributeType.LONG
    if not body.lstrip("+-").isdigit():
        return float(body), AttributeType.DOUBLE
    value = _integer(body)
    if INT_MIN <= value <= INT_MAX:
        return value, AttributeType.INT
    if dialect is Dialect.EVENTFLUXQL:
        raise IntegerRangeError(f"integer {body} does not fit in 32 bits; write {body}L for a long")
    if LONG_MIN <= value <= LONG_MAX:
        return value, AttributeType.LONG
    raise IntegerRangeError(f"integer {body} does not fit in 64 bits")


def _integer(body: str) -> int:
    # int() refuses texts of thousands of digits, which are out of range anyway.
    if len(body) > 40:
        raise IntegerRangeError(f"integer {body[:20]}... does not fit in 64 bits")
    return int(body)


def string_value(text: str, dialect: Dialect) -> str:
    """Content of a string token."""
    if text.startswith("$$"):
        return text[2:-2]
    if dialect is Dialect.EVENTFLUXQL:
        return text[3:-3] if text.startswith('"""') else text[1:-1]
    if text[0] in "eE":
        return _ESCAPE.sub(_unescape, text[2:-1])
    return text[1:-1].replace("''", "'")


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    if code is None:
        return "'"
    if code[0] == "u" and len(code) == 5:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code)


def annotation_string_value(text: str, dialect: Dialect) -> str:
    """Content of a string inside an annotation, where `"x"` is a string in both dialects."""
    if text.startswith('"""') and len(text) >= 6:
        return text[3:-3]
    if text.startswith('"'):
        return text[1:-1].replace('""', '"') if dialect is Dialect.SQL else text[1:-1]
    return string_value(text, dialect)


def name_value(text: str) -> tuple[str, bool]:
    """Name of an identifier token, and whether it was quoted."""
    quote = text[0]
    if quote in '"`':
        return text[1:-1].replace(quote * 2, quote), True
    return text, False


def duration_terms(text: str) -> list[tuple[int | float, str]]:
    """Amounts and unit words of a duration token, in order."""
    return [(_amount(amount), unit) for amount, unit in _TERM.findall(text)]


def _amount(text: str) -> int | float:
    return int(text) if text.isdigit() else float(text)


def term_milliseconds(amount: float, unit: TimeUnit, dialect: Dialect) -> int:
    """Length of `amount` units, rounded to whole milliseconds."""
    return int(Decimal(str(amount)) * unit_milliseconds(unit, dialect))


def interval_terms(text: str, unit_name: str, last_name: str | None) -> list[tuple[int | float, TimeUnit]]:
    """Terms of `INTERVAL 'text' unit [TO last]`: `'5' SECOND`, `'1:30' MINUTE TO SECOND`, `'1 12' DAY TO HOUR`.

    Raises:
        LiteralError: Unknown unit, or a text that does not fit the units.
    """
    unit = time_unit_named(unit_name)
    last = unit if last_name is None else time_unit_named(last_name)
    if unit is None or last is None:
        raise LiteralError(f"{unit_name if unit is None else last_name} is not a unit of time")
    body = ":".join(text.split())
    if not _CLOCK.fullmatch(body):
        raise LiteralError(f"{text!r} is not an interval")
    parts = body.split(":")
    if last is unit:
        if len(parts) != 1:
            raise LiteralError(f"{text!r} has more than one field: write {unit_name.upper()} TO ...")
        return [(_signed_amount(parts[0]), unit)]
    order = [TimeUnit.DAY, TimeUnit.HOUR, TimeUnit.MINUTE, TimeUnit.SECOND]
    if unit not in order or last not in order or order.index(unit) >= order.index(last):
        raise LiteralError(f"{unit_name.upper()} TO {str(last_name).upper()} is not a range of units")
    units = order[order.index(unit) : order.index(last) + 1]
    if len(parts) != len(units):
        raise LiteralError(f"{text!r} needs {len(units)} fields for {unit_name.upper()} TO {str(last_name).upper()}")
    return [(_signed_amount(part), field) for part, field in zip(parts, units, strict=True)]


def _signed_amount(text: str) -> int | float:
    return int(text) if text.lstrip("+-").isdigit() else float(text)


_TIMESTAMP: Final = re.compile(
    r"\s*(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?"
    r"\s*(Z|z|[+-]\d{2}(?::?\d{2})?)?\s*"
)


def timestamp_value(text: str, *, date_only: bool) -> int:
    """Epoch milliseconds of `2025-08-01 12:00:00.123+02:00`, UTC where no zone is given.

    Raises:
        LiteralError: It is not a date, or has a time where only a date may stand.
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None or (date_only and match.group(4) is not None):
        raise LiteralError(f"{text!r} is not a {'date' if date_only else 'timestamp'}")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction = (match.group(7) or "").ljust(3, "0")[:3]
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError as error:
        raise LiteralError(f"{text!r} is not a {'date' if date_only else 'timestamp'}: {error}") from error
    zone = match.group(8)
    if zone and zone not in "Zz":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        moment -= offset if zone[0] == "+" else -offset
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (moment - epoch) // timedelta(milliseconds=1) + int(fraction or 0)
