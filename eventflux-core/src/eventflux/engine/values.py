"""Values on their way in: what the native packer asks Python about, and the errors it raises.

The packer takes plain Python values by itself. Here are the rarer forms: mappings and dataclasses as rows, NumPy and
Arrow scalars, moments as timestamps.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from eventflux.engine._native import ffi
from eventflux.types.attribute_type import INT_MAX, INT_MIN, LONG_MAX, LONG_MIN, AttributeType
from eventflux.types.errors import EventDataError

if TYPE_CHECKING:
    from eventflux.engine.native_types import Layout

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

_EXPECTED: Final = {
    AttributeType.BOOL: "a bool",
    AttributeType.INT: f"an int from {INT_MIN} to {INT_MAX}",
    AttributeType.LONG: f"an int from {LONG_MIN} to {LONG_MAX}",
    AttributeType.FLOAT: "a float or int within the range of FLOAT",
    AttributeType.DOUBLE: "a float or int",
    AttributeType.STRING: "a str",
    AttributeType.OBJECT: "a value of None, bool, int, float, str, bytes, list, dict and set, nested at most 64 deep",
}

MAX_SHOWN: Final = 80


def shown(value: object) -> str:
    """`repr` of a value for a message, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def plain_value(value: Any) -> object:
    """The plain Python value of a NumPy or Arrow scalar; anything else is given back as it is."""
    module = type(value).__module__
    if module.startswith("numpy") and getattr(value, "ndim", None) == 0:
        return value.item()
    if module.startswith("pyarrow") and hasattr(value, "as_py"):
        return value.as_py()
    return value


def row_of(layout: Layout, row: Any, index: int) -> tuple[object, ...]:
    """Values, in the order of the attributes, of a row given as a mapping, dataclass, event or other sequence.

    Raises:
        EventDataError: It has names that are no attributes, or is no row at all.
    """
    values: Mapping[str, object]
    if isinstance(row, Mapping):
        values = row
    elif dataclasses.is_dataclass(row) and not isinstance(row, type):
        values = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    elif isinstance(row, Sequence) and not isinstance(row, (str, bytes, bytearray)):
        return tuple(row)
    elif isinstance(data := getattr(row, "data", None), tuple):
        return data
    elif getattr(row, "ndim", None) == 1 and hasattr(row, "tolist"):
        return tuple(row.tolist())
    else:
        raise EventDataError(
            f"{_place(layout.stream, index)}: {shown(row)} is not a row",
            stream=layout.stream,
            row=_number(index),
            expected="a tuple, list, dict or dataclass",
            got=row,
            hint="rows are tuples, lists, dicts or dataclasses",
        )
    unknown = [name for name in values if name not in layout.positions]
    if unknown:
        raise EventDataError(
            f"{_place(layout.stream, index)}: no attribute {unknown[0]!r}",
            stream=layout.stream,
            row=_number(index),
            attribute=str(unknown[0]),
            expected=", ".join(layout.names),
            got=row,
            hint=f"{layout.stream} has: {', '.join(layout.names)}",
        )
    return tuple(values.get(name) for name in layout.names)


def timestamp_of(value: Any) -> int:
    """Milliseconds since the epoch of an int or a moment with a time zone.

    Raises:
        EventDataError: It is neither.
    """
    value = plain_value(value)
    match value:
        case bool():
            pass
        case int():
            return int(value)
        case datetime.datetime() if value.tzinfo is not None:
            delta = value - _EPOCH
            return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000
        case datetime.datetime():
            raise EventDataError(
                f"timestamp {value!r} has no time zone",
                expected="milliseconds since the epoch, or a datetime with a time zone",
                got=value,
                hint="use datetime.now(timezone.utc), or attach the zone with replace(tzinfo=...)",
            )
        case _:
            pass
    raise EventDataError(
        f"{shown(value)} is not a timestamp",
        expected="milliseconds since the epoch, or a datetime with a time zone",
        got=value,
    )


def timestamps_of(value: Any) -> int | list[Any] | tuple[int, int, object]:
    """Timestamps of a batch for the packer: one for all, a list, or (address, rows, keeper) of int64 in memory."""
    dtype = getattr(value, "dtype", None)
    if getattr(dtype, "kind", None) == "M":
        value = value.astype("datetime64[ms]").astype("int64")
    if isinstance(value, (int, datetime.datetime)) or getattr(value, "ndim", None) == 0:
        return timestamp_of(value)
    try:
        view = memoryview(value)
    except TypeError:
        if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)):
            return list(value)
        return timestamp_of(value)
    if view.ndim == 1 and view.format in ("q", "l") and view.itemsize == 8 and view.contiguous:
        buffer = ffi.from_buffer("int64_t[]", view)
        return int(ffi.cast("uintptr_t", buffer)), len(view), buffer
    return view.tolist()


def _place(stream: str, row: int) -> str:
    return f"stream {stream}" if row < 0 else f"stream {stream}, row {row}"


def _number(row: int) -> int | None:
    return row if row >= 0 else None


def data_error(
    stream: str, attribute: str | int | None, row: int, type_code: int, value: object, reason: str
) -> EventDataError:
    """The error for a row that the native packer refuses.

    Args:
        stream: Its name.
        attribute: The attribute; for `arity` how many values a row has; for `timestamps` None.
        row: Number of the row in the call, -1 for a single one; for `timestamps` the number of rows.
        type_code: Type of the attribute; for `arity` and `timestamps` how many were given.
        value: What was given.
        reason: `type`, `range`, `text`, `arity` or `timestamps`.
    """
    if reason == "arity":
        return EventDataError(
            f"{_place(stream, row)}: a row has {attribute} values, got {type_code}: {shown(value)}",
            stream=stream,
            row=_number(row),
            expected=f"{attribute} values",
            got=value,
        )
    if reason == "timestamps":
        return EventDataError(
            f"stream {stream}: {type_code} timestamps for {row} rows",
            stream=stream,
            expected=f"one timestamp for all, or {row}",
            got=type_code,
        )
    attribute_type = AttributeType(type_code)
    expected = _EXPECTED[attribute_type]
    what = "cannot be encoded as UTF-8" if reason == "text" else f"{attribute_type.name} takes {expected}"
    return EventDataError(
        f"{_place(stream, row)}, attribute {attribute}: {what}, got {shown(value)}",
        stream=stream,
        row=_number(row),
        attribute=str(attribute),
        expected=expected,
        got=value,
    )
