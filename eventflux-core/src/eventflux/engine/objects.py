"""OBJECT values as bytes: what crosses the border is one msgpack value.

Scalars, lists, maps and sets are values, so they compare, hash and are saved without Python. Sets have an extension
type of their own, and so have errors: the text of one is kept.
"""

from __future__ import annotations

import dataclasses
import traceback
from typing import Any, Final

import msgpack

from eventflux.types.errors import RowError

SET_EXTENSION: Final = 1
ERROR_EXTENSION: Final = 2

_MAX_BYTES: Final = 2**31 - 1


def _encode_other(value: object) -> object:
    match value:
        case set() | frozenset():
            return msgpack.ExtType(SET_EXTENSION, pack(list(value)))
        case tuple():
            return list(value)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        case bytearray() | memoryview():
            return bytes(value)
        case RowError():
            return msgpack.ExtType(ERROR_EXTENSION, value.message.encode("utf-8", "replace"))
        case BaseException():
            text = "".join(traceback.format_exception_only(type(value), value)).strip()
            return msgpack.ExtType(ERROR_EXTENSION, text.encode("utf-8", "replace"))
        case _:
            item = getattr(value, "item", None)
            if callable(item) and getattr(value, "ndim", None) == 0:
                return item()
            to_list = getattr(value, "tolist", None)
            if callable(to_list):
                return to_list()
            raise TypeError(f"a value of type {type(value).__name__} cannot be an OBJECT")


def pack(value: object) -> bytes:
    """Bytes of a value.

    Raises:
        TypeError: The value, or something in it, has no form as bytes.
        OverflowError: A number does not fit 64 bits, or the value is longer than 2 GiB.
    """
    try:
        data: bytes = msgpack.packb(value, default=_encode_other, datetime=True, strict_types=False)
    except ValueError as error:  # msgpack's word for nesting beyond its limit
        raise TypeError(f"the value cannot be an OBJECT: {error}") from error
    if len(data) > _MAX_BYTES:
        raise OverflowError("the value is longer than 2 GiB")
    return data


def _decode_extension(code: int, data: bytes) -> object:
    if code == SET_EXTENSION:
        return {_hashable(element) for element in _unpack(data)}
    if code == ERROR_EXTENSION:
        return RowError(data.decode("utf-8", "replace"))
    return msgpack.ExtType(code, data)


def _hashable(value: object) -> object:
    """A member of a set: what cannot be hashed in Python becomes its immutable counterpart."""
    match value:
        case list():
            return tuple(_hashable(element) for element in value)
        case dict():
            return tuple((key, _hashable(element)) for key, element in value.items())
        case set():
            return frozenset(value)
        case _:
            return value


def unpack(data: bytes) -> object:
    """The value of bytes that `pack` or the engine made."""
    value: object = _unpack(data)
    return value


def _unpack(data: bytes) -> Any:
    return msgpack.unpackb(data, ext_hook=_decode_extension, timestamp=3, strict_map_key=False)
