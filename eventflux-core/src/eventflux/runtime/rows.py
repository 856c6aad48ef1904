"""Rows as people write them -> tuples in the order of a stream's attributes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from eventflux.extension.nearest import by_nearness
from eventflux.types.errors import EventDataError
from eventflux.types.schema import Schema


def row_tuple(row: object, stream: str, schema: Schema, index: int = 0) -> Sequence[object]:
    """A tuple or list as it is; a mapping or a dataclass in the order of the attributes.

    Names that a mapping lacks are null.

    Raises:
        EventDataError: It is none of these, or has a name that the stream has not.
    """
    if isinstance(row, (tuple, list)):
        return row
    if isinstance(row, Mapping):
        return _from_mapping(row, stream, schema, index)
    if dataclasses.is_dataclass(row) and not isinstance(row, type):
        values = {each.name: getattr(row, each.name) for each in dataclasses.fields(row)}
        return _from_mapping(values, stream, schema, index)
    raise EventDataError(
        f"stream {stream!r}, row {index}: a row is a tuple, list, mapping or dataclass, not {type(row).__name__}",
        stream=stream,
        row=index,
        expected="a tuple, list, mapping or dataclass",
        got=row,
    )


def _from_mapping(row: Mapping[Any, object], stream: str, schema: Schema, index: int) -> tuple[object, ...]:
    for name in row:
        if name not in schema:
            nearest = by_nearness(str(name), schema.names)
            raise EventDataError(
                f"stream {stream!r}, row {index}: no attribute {name!r}",
                stream=stream,
                row=index,
                attribute=str(name),
                expected=str(schema),
                got=row[name],
                hint=f"did you mean {nearest[0]!r}? {stream} has: {schema}" if nearest else None,
            )
    return tuple(row.get(name) for name in schema.names)
