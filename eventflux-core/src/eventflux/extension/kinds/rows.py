"""Rows as plug-ins see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from eventflux.types.schema import Schema

Value = object
Row = tuple[object, ...]
Column = Sequence[object]
Payload = bytes | str | object
State = bytes | None


class RowBatch(Protocol):
    """A dense run of rows of one schema, in order."""

    @property
    def schema(self) -> Schema:
        """Names and types of the attributes."""
        ...

    @property
    def timestamps(self) -> Sequence[int]:
        """Milliseconds since the epoch, one a row."""
        ...

    @property
    def columns(self) -> Mapping[str, Column]:
        """Attribute name -> its values."""
        ...

    def rows(self) -> Sequence[Row]:
        """The rows as tuples."""
        ...

    def __len__(self) -> int: ...
