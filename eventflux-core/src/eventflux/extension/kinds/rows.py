"""Rows as plug-ins see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

Row = tuple[object, ...]
Column = Sequence[Any]
Payload = bytes | str | object
State = bytes | None


class EventLike(Protocol):
    """One row with its timestamp."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch."""
        ...

    @property
    def data(self) -> tuple[Any, ...]:
        """The values, in the order of the attributes."""
        ...

    @property
    def is_expired(self) -> bool:
        """Whether it left a window."""
        ...


class RowBatch(Protocol):
    """A run of events of one schema, in order; `eventflux.EventBatch` is one."""

    @property
    def columns(self) -> Mapping[str, Column]:
        """Attribute name -> its values."""
        ...

    @property
    def timestamps(self) -> Sequence[int]:
        """Milliseconds since the epoch, one an event."""
        ...

    def rows(self) -> Sequence[Row]:
        """The values of each event, as a tuple."""
        ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[EventLike]: ...
