"""Aggregators written in Python, as an operator in front of a selection.

The operator computes the value of each aggregator for each row and appends it as a column; the selection then reads
that column where it would have read an aggregate. It keeps a state for each group, adds CURRENT rows, takes EXPIRED
rows back, and begins anew at a RESET row.

    in:   columns of the selection's input | group keys | arguments of the aggregators
    out:  columns of the selection's input | one value an aggregator
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from eventflux.engine import objects
from eventflux.engine.callbacks import EXPIRED, RESET, Emitted
from eventflux.engine.native_types import EventBatch
from eventflux.types.record import record


class Aggregator(Protocol):
    """What is asked of an aggregator: one instance a call, one state a group."""

    @property
    def supports_remove(self) -> bool: ...
    def new_state(self) -> object: ...
    def add(self, state: Any, *values: object) -> None: ...
    def remove(self, state: Any, *values: object) -> None: ...
    def value(self, state: Any) -> object: ...
    def serialize(self, state: Any) -> bytes: ...
    def deserialize(self, data: bytes) -> object: ...


@record(frozen=True, slots=True, kw_only=True)
class AggregatorCall:
    """An aggregator and its argument columns; `is_list`: one column holds the list of its arguments."""

    aggregator: Aggregator
    arguments: tuple[int, ...] = ()
    is_list: bool = False

    def values(self, row: tuple[Any, ...]) -> list[Any]:
        """Its arguments among those of a row."""
        if self.is_list:
            given: list[Any] = row[self.arguments[0]]
            return given
        return [row[position] for position in self.arguments]


@dataclass(slots=True)
class _Group:
    key: tuple[Any, ...]
    states: list[Any]
    # The rows in the group, for aggregators that cannot take one back: their state is made anew from these.
    rows: list[tuple[Any, ...]] = field(default_factory=list)


class AggregatorOperator:
    """One instance a query and partition key; see the head of the file."""

    next_due: None = None

    def __init__(self, calls: Sequence[AggregatorCall], *, columns: int, group_keys: int) -> None:
        self._calls = tuple(calls)
        self._columns = columns
        self._keys_end = columns + group_keys
        self._replays = any(not call.aggregator.supports_remove for call in self._calls)
        self._groups: dict[Hashable, _Group] = {}

    @property
    def size(self) -> int:
        """Groups that have a state."""
        return len(self._groups)

    def process(self, batch: EventBatch, now: int) -> Emitted:
        rows: list[tuple[Any, ...]] = []
        kinds = batch._kinds  # noqa: SLF001 - the native half of this class
        for row, kind in zip(batch.rows(), kinds, strict=True):
            if kind == RESET:
                self._groups.clear()
                values: list[object] = [None] * len(self._calls)
            else:
                values = self._fold(row[self._columns : self._keys_end], row[self._keys_end :], kind)
            rows.append((*row[: self._columns], *values))
        return rows, batch.timestamps, kinds

    def _fold(self, key: tuple[Any, ...], values: tuple[Any, ...], kind: int) -> list[object]:
        group = self._group(key)
        if self._replays:
            if kind == EXPIRED and values in group.rows:
                group.rows.remove(values)
            elif kind != EXPIRED:
                group.rows.append(values)
        for index, call in enumerate(self._calls):
            arguments = call.values(values)
            if kind != EXPIRED:
                call.aggregator.add(group.states[index], *arguments)
            elif call.aggregator.supports_remove:
                call.aggregator.remove(group.states[index], *arguments)
            else:
                group.states[index] = call.aggregator.new_state()
                for row in group.rows:
                    call.aggregator.add(group.states[index], *call.values(row))
        return [call.aggregator.value(state) for call, state in zip(self._calls, group.states, strict=True)]

    def _group(self, key: tuple[Any, ...]) -> _Group:
        hashed: Hashable = key
        try:
            found = self._groups.get(hashed)
        except TypeError:  # a list or map among the keys
            hashed = objects.pack(key)
            found = self._groups.get(hashed)
        if found is None:
            found = self._groups[hashed] = _Group(key, [call.aggregator.new_state() for call in self._calls])
        return found

    def on_timer(self, now: int) -> Emitted:
        return None

    def find(self, now: int) -> Emitted:
        return None

    def save(self) -> bytes:
        """Keys, states and, where they are kept, rows of all groups."""
        return objects.pack(
            [
                [
                    group.key,
                    [call.aggregator.serialize(state) for call, state in zip(self._calls, group.states, strict=True)],
                    group.rows,
                ]
                for group in self._groups.values()
            ]
        )

    def load(self, data: bytes) -> None:
        """Take over the groups that `save` gave."""
        self._groups.clear()
        saved: Any = objects.unpack(data)
        for key, states, rows in saved:
            group = self._group(tuple(key))
            group.states = [call.aggregator.deserialize(state) for call, state in zip(self._calls, states, strict=True)]
            group.rows = [tuple(row) for row in rows]
