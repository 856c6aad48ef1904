"""Values as Java prints them, and Java's hash of a text: what makes a partitioned sink agree with the family."""

from __future__ import annotations

import math
from typing import Final

from eventflux.io.mappers.json import short_float
from eventflux.types.attribute_type import AttributeType

_PLAIN_FROM: Final = -3
_PLAIN_BELOW: Final = 7


def java_text(value: object, attribute_type: AttributeType) -> str:
    """A value's text: ``1.0``, ``1.0E10``, ``true``, ``null``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return _lay_out(short_float(value) if attribute_type is AttributeType.FLOAT else repr(value))
    return str(value)


def java_hash(text: str) -> int:
    """``String.hashCode``: 31·h + unit over UTF-16 units, 32 bits, signed."""
    units = text.encode("utf-16-le", "surrogatepass")
    result = 0
    for index in range(0, len(units), 2):
        result = (31 * result + units[index] + (units[index + 1] << 8)) & 0xFFFFFFFF
    return result - (1 << 32) if result >= 1 << 31 else result


def _lay_out(text: str) -> str:
    """Python's text of a float in Java's layout: plain for 0.001 <= |x| < 10^7, else with an exponent."""
    sign = "-" if text.startswith("-") else ""
    mantissa, _, exponent = text.removeprefix("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return f"{sign}0.0"
    leading = len(whole + fraction) - len(digits)
    power = len(whole) - leading - 1 + int(exponent or 0)
    digits = digits.rstrip("0") or "0"
    if _PLAIN_FROM <= power < _PLAIN_BELOW:
        if power < 0:
            return f"{sign}0.{'0' * (-power - 1)}{digits}"
        digits = digits.ljust(power + 1, "0")
        return f"{sign}{digits[: power + 1]}.{digits[power + 1 :] or '0'}"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{power}"
