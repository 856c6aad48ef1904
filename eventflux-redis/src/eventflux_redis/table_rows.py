"""How a row of a table lies in Redis: a hash with a field an attribute, under a key made of its primary key.

Null is a field that is not there. Texts are as they are, numbers in decimal, true and false by name, objects as
msgpack, so that other programs can read and write them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgpack

from eventflux.extension import AttributeType, MappingError, Row, Schema

_ESCAPED: Final = str.maketrans({"%": "%25", ":": "%3A"})
_SET: Final = 1  # msgpack's extension type for sets


class RowForm:
    """The form of the rows of one table."""

    def __init__(self, schema: Schema, primary_key: Sequence[str]) -> None:
        self.names = tuple(schema.names)
        self.key_positions = tuple(self.names.index(name) for name in primary_key)
        self._types = tuple(schema.types)
        self._fields = tuple(name.encode() for name in self.names)
        self._writers = tuple(_writer(each) for each in self._types)
        self._readers = tuple(_reader(each) for each in self._types)

    def key_of(self, row: Row) -> str:
        """The last part of the key of a row.

        Raises:
            ValueError: An attribute of the primary key is null.
        """
        values = [row[position] for position in self.key_positions]
        if any(value is None for value in values):
            raise ValueError(f"the primary key of a row must not be null, got {row!r}")
        return self._key(values)

    def key_of_values(self, values: Sequence[object]) -> str | None:
        """The last part of the key of the row whose primary key equals these values; None: no row's can."""
        found: list[object] = []
        for position, value in zip(self.key_positions, values, strict=True):
            fitting = _fitting(self._types[position], value)
            if fitting is None:
                return None
            found.append(fitting)
        return self._key(found)

    def fields_of(self, row: Row) -> dict[bytes, bytes]:
        """The hash of a row."""
        return {
            field: write(value)
            for field, write, value in zip(self._fields, self._writers, row, strict=True)
            if value is not None
        }

    def row_of(self, fields: Mapping[bytes, bytes]) -> Row:
        """The row of a hash.

        Raises:
            MappingError: A field is not of the attribute's type.
        """
        row: list[object] = []
        for name, field, read in zip(self.names, self._fields, self._readers, strict=True):
            text = fields.get(field)
            try:
                row.append(None if text is None else read(text))
            except (ValueError, msgpack.UnpackException) as error:
                raise MappingError(f"field {name!r} of a hash is no value of its type: {text!r}") from error
        return tuple(row)

    def _key(self, values: Sequence[object]) -> str:
        parts = [
            str(value).translate(_ESCAPED) if isinstance(value, str) else self._writers[position](value).decode()
            for position, value in zip(self.key_positions, values, strict=True)
        ]
        return ":".join(parts)


def _fitting(wanted: AttributeType, value: object) -> object:
    """A value as the attribute would hold it, if it can equal one; else None."""
    match wanted:
        case AttributeType.STRING:
            return value if isinstance(value, str) else None
        case AttributeType.BOOL:
            return value if isinstance(value, bool) else None
        case AttributeType.INT | AttributeType.LONG:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                return None
            return int(value) if value == value // 1 else None
        case AttributeType.FLOAT | AttributeType.DOUBLE:
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value  # noqa: PLR0124
            return float(value) if is_number and isinstance(value, (int, float)) else None
        case _:
            return value


def _writer(attribute_type: AttributeType) -> Callable[[Any], bytes]:
    match attribute_type:
        case AttributeType.STRING:
            return lambda value: str(value).encode()
        case AttributeType.BOOL:
            return lambda value: b"true" if value else b"false"
        case AttributeType.INT | AttributeType.LONG:
            return lambda value: b"%d" % value
        case AttributeType.FLOAT | AttributeType.DOUBLE:
            return lambda value: repr(float(value) + 0.0).encode()  # -0.0 and 0.0 are equal, so they are one key
        case _:
            return _packed


def _reader(attribute_type: AttributeType) -> Callable[[bytes], object]:
    match attribute_type:
        case AttributeType.STRING:
            return lambda text: text.decode()
        case AttributeType.BOOL:
            return _flag
        case AttributeType.INT | AttributeType.LONG:
            return int
        case AttributeType.FLOAT | AttributeType.DOUBLE:
            return float
        case _:
            return lambda data: msgpack.unpackb(data, strict_map_key=False, ext_hook=_unpacked)


def _flag(text: bytes) -> bool:
    if text not in {b"true", b"false"}:
        raise ValueError("neither true nor false")
    return text == b"true"


def _packed(value: object) -> bytes:
    data: bytes = msgpack.packb(value, default=_extended, strict_types=True)
    return data


def _extended(value: object) -> object:
    match value:
        case set() | frozenset():
            return msgpack.ExtType(_SET, msgpack.packb(list(value), default=_extended))
        case tuple():
            return list(value)
        case _:
            raise TypeError(f"a value of type {type(value).__name__} can't be kept in Redis")


def _unpacked(code: int, data: bytes) -> object:
    if code != _SET:
        raise ValueError(f"unknown extension type {code}")
    return set(msgpack.unpackb(data, strict_map_key=False, ext_hook=_unpacked))
