"""A slow matcher of patterns with counts, both, either and neither-before, written from their meaning.

A partial match is one object that may wait in two places: at a counting element that gathers, and at the next one.
One event meets what waited before it came, the last element first, and moves each match by one element at most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]
Events = Mapping[str, Sequence[Row]]
NEVER = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A source: its name, its stream, and `passes(event, the events before it)`."""

    name: str
    stream: str
    passes: Callable[[Row, Events], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """`kind`: "one", "count", "and", "or", or "unless": the second side, and before it not the first."""

    kind: str
    sides: tuple[Side, ...]
    minimum: int = 1
    maximum: int | None = 1


@dataclass(slots=True, eq=False)
class Partial:
    """A partial match: its events by source."""

    events: dict[str, list[Row]] = field(default_factory=dict)
    timestamp: int = NEVER
    first: int | None = None


@dataclass(slots=True, kw_only=True)
class Matcher:
    """`every`: "" once, "first" for the first element, "all" for the whole chain."""

    elements: list[Element]
    every: str = ""
    within: int | None = None
    pending: list[list[Partial]] = field(init=False)
    fresh: list[list[Partial]] = field(init=False)
    found: list[dict[str, list[Row]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pending = [[] for _ in self.elements]
        self.fresh = [[] for _ in self.elements]
        self._enter(0, Partial())

    def event(self, stream: str, row: Row, timestamp: int) -> list[dict[str, list[Row]]]:
        """The matches that the event completes."""
        self.found = []
        for waiting in (*self.pending, *self.fresh):
            waiting[:] = [match for match in waiting if not self._is_late(match, timestamp)]
        for number, element in enumerate(self.elements):
            if any(side.stream == stream for side in element.sides):
                self.fresh[number].sort(key=lambda match: (match.timestamp == NEVER, match.timestamp))
                self.pending[number] += self.fresh[number]
                self.fresh[number] = []
        for number in reversed(range(len(self.elements))):
            for side in self.elements[number].sides:
                if side.stream == stream:
                    for match in list(self.pending[number]):
                        self._meet(number, side, match, row, timestamp)
        return self.found

    def _is_late(self, match: Partial, now: int) -> bool:
        return self.within is not None and match.first is not None and now - match.first > self.within

    def _meet(self, number: int, side: Side, match: Partial, row: Row, timestamp: int) -> None:
        element = self.elements[number]
        is_counted = element.kind == "count"
        if not is_counted and side.name in match.events:
            return
        if not side.passes(row, match.events):
            return
        if element.kind == "unless" and side is element.sides[0]:
            self.pending[number].remove(match)
            return
        for earlier in range(number):
            for waiting in (self.pending[earlier], self.fresh[earlier]):
                if match in waiting:
                    waiting.remove(match)
        taken = match.events.setdefault(side.name, [])
        taken.append(row)
        match.first = timestamp if match.first is None else match.first
        if element.kind == "and" and any(other.name not in match.events for other in element.sides):
            return
        match.timestamp = timestamp
        is_last = number + 1 == len(self.elements)
        if not is_counted or len(taken) == element.maximum or (is_last and len(taken) == element.minimum):
            self.pending[number].remove(match)
        if not is_counted or len(taken) == element.minimum:
            self._done(number, match)

    def _enter(self, number: int, match: Partial) -> None:
        element = self.elements[number]
        may_skip = element.kind == "count" and element.minimum == 0
        if not (may_skip and number + 1 == len(self.elements)):
            self.fresh[number].append(match)
        if may_skip:
            self._done(number, match)

    def _done(self, number: int, match: Partial) -> None:
        is_last = number + 1 == len(self.elements)
        if is_last:
            self.found.append({name: list(rows) for name, rows in match.events.items()})
        else:
            self._enter(number + 1, match)
        if (self.every == "first" and number == 0) or (self.every == "all" and is_last):
            self._enter(0, Partial(timestamp=match.timestamp))
