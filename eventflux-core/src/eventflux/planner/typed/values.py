"""Arithmetic of constants as the engine does it: wrapping integers, 32-bit floats, Java's conversions and texts."""

from __future__ import annotations

import math
import struct
from typing import Final

from eventflux.planner.typed.nodes import ConstantValue
from eventflux.types.attribute_type import INT_MAX, INT_MIN, LONG_MAX, LONG_MIN, AttributeType

_MASK: Final = {AttributeType.INT: (1 << 32) - 1, AttributeType.LONG: (1 << 64) - 1}
_SIGN: Final = {AttributeType.INT: 1 << 31, AttributeType.LONG: 1 << 63}
_FLOAT: Final = struct.Struct("<f")


def wrap(value: int, integral: AttributeType) -> int:
    """The low bits of a whole number, in two's complement."""
    low = value & _MASK[integral]
    return low - (_SIGN[integral] << 1) if low & _SIGN[integral] else low


def round_to_float(value: float) -> float:
    """The nearest 32-bit float."""
    try:
        return float(_FLOAT.unpack(_FLOAT.pack(value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def convert_number(value: float, to: AttributeType) -> bool | int | float:
    """A number or bool as another numeric type or bool: low bits, saturation, truncation as in Java."""
    match to:
        case AttributeType.BOOL:
            return value == 1
        case AttributeType.INT | AttributeType.LONG:
            return wrap(int(value), to) if isinstance(value, int) else _truncate(value, to)
        case AttributeType.FLOAT:
            return round_to_float(float(value))
        case AttributeType.DOUBLE:
            return float(value)
        case _:
            raise ValueError(f"{to.name} is not numeric")


def _truncate(value: float, to: AttributeType) -> int:
    if math.isnan(value):
        return 0
    low, high = (INT_MIN, INT_MAX) if to is AttributeType.INT else (LONG_MIN, LONG_MAX)
    if value <= low:
        return low
    if value >= high:
        return high
    return int(value)


def fits(value: ConstantValue, attribute_type: AttributeType) -> bool:
    """Whether a constant is a value of that type."""
    match attribute_type:
        case AttributeType.BOOL:
            return isinstance(value, bool)
        case AttributeType.INT | AttributeType.LONG:
            low, high = (INT_MIN, INT_MAX) if attribute_type is AttributeType.INT else (LONG_MIN, LONG_MAX)
            return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        case AttributeType.FLOAT | AttributeType.DOUBLE:
            return isinstance(value, float)
        case AttributeType.STRING:
            return isinstance(value, str)
        case AttributeType.OBJECT:
            return isinstance(value, bytes)
