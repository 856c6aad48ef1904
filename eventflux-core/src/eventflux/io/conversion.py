"""Values of payloads -> values of attributes, without silent loss.

Each converter takes a value that isn't null and raises ValueError, whose text goes behind "must be": what is expected.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Final

from eventflux.io.timestamps import timestamp_reader
from eventflux.types.attribute_type import INT_MAX, INT_MIN, LONG_MAX, LONG_MIN, AttributeType

Convert = Callable[[object], object]

_RANGES: Final = {AttributeType.INT: (INT_MIN, INT_MAX), AttributeType.LONG: (LONG_MIN, LONG_MAX)}
_FLOAT_MAX: Final = 3.4028235677973366e38  # what still rounds to the largest binary32


def structured_converter(wanted: AttributeType, *, lenient: bool = False, date_format: str | None = None) -> Convert:
    """A converter for values that have types of their own: JSON, msgpack, rows.

    Args:
        wanted: The type of the attribute.
        lenient: Texts are read as numbers and booleans where the attribute wants those.
        date_format: How a text is read where the attribute is a LONG.
    """
    match wanted:
        case AttributeType.INT | AttributeType.LONG:
            convert = _integral(wanted)
        case AttributeType.FLOAT | AttributeType.DOUBLE:
            convert = _floating(wanted)
        case AttributeType.BOOL:
            convert = _boolean
        case AttributeType.STRING:
            convert = _text
        case AttributeType.OBJECT:
            return _anything
    if wanted is AttributeType.LONG and date_format is not None:
        return _dated(convert, date_format)
    if lenient and wanted is not AttributeType.STRING:
        return _lenient(convert, text_converter(wanted))
    return convert


def text_converter(wanted: AttributeType, *, date_format: str | None = None) -> Convert:
    """A converter for texts: CSV fields, regex groups."""
    match wanted:
        case AttributeType.INT | AttributeType.LONG:
            if wanted is AttributeType.LONG and date_format is not None:
                return _dated(_text_integral(wanted), date_format)
            return _text_integral(wanted)
        case AttributeType.FLOAT | AttributeType.DOUBLE:
            return _text_floating(wanted)
        case AttributeType.BOOL:
            return _text_boolean
        case AttributeType.STRING | AttributeType.OBJECT:
            return _anything


def _anything(value: object) -> object:
    return value


def _integral(wanted: AttributeType) -> Convert:
    low, high = _RANGES[wanted]
    expected = f"a whole number ({wanted.name})"

    def convert(value: object) -> object:
        if type(value) is int and low <= value <= high:
            return value
        if isinstance(value, float) and value.is_integer() and low <= value <= high:
            return int(value)
        raise ValueError(expected)

    return convert


def _floating(wanted: AttributeType) -> Convert:
    expected = f"a number ({wanted.name})"
    single = wanted is AttributeType.FLOAT

    def convert(value: object) -> object:
        if type(value) is not float:
            if type(value) is not int:
                raise ValueError(expected)
            try:
                value = float(value)
            except OverflowError as error:
                raise ValueError(expected) from error
        if single and abs(value) >= _FLOAT_MAX and not math.isinf(value):
            raise ValueError(expected)
        return value

    return convert


def _boolean(value: object) -> object:
    if value is True or value is False:
        return value
    raise ValueError("true or false (BOOL)")


def _text(value: object) -> object:
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    raise ValueError("a text (STRING)")


def _text_integral(wanted: AttributeType) -> Convert:
    low, high = _RANGES[wanted]
    expected = f"a whole number ({wanted.name})"

    def convert(value: object) -> object:
        text = str(value).strip()
        digits = text[1:] if text[:1] in {"+", "-"} else text
        if not (digits.isascii() and digits.isdecimal()):
            raise ValueError(expected)
        number = int(text)
        if not low <= number <= high:
            raise ValueError(expected)
        return number

    return convert


def _text_floating(wanted: AttributeType) -> Convert:
    expected = f"a number ({wanted.name})"
    check = _floating(wanted)

    def convert(value: object) -> object:
        text = str(value).strip()
        if "_" in text:
            raise ValueError(expected)
        try:
            number = float(text)
        except ValueError:
            raise ValueError(expected) from None
        return check(number)

    return convert


def _text_boolean(value: object) -> object:
    folded = str(value).strip().lower()
    if folded == "true":
        return True
    if folded == "false":
        return False
    raise ValueError("true or false (BOOL)")


def _dated(convert: Convert, date_format: str) -> Convert:
    read = timestamp_reader(date_format)

    def converted(value: object) -> object:
        if isinstance(value, str):
            try:
                return read(value)
            except ValueError:
                return convert(value)
        return convert(value)

    return converted


def _lenient(strict: Convert, from_text: Convert) -> Convert:
    def convert(value: object) -> object:
        return from_text(value) if isinstance(value, str) else strict(value)

    return convert
