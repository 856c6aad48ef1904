"""A slow matcher of chains of single events, written from their meaning: what patterns and sequences are held against.

Two lists a state, as the language has it: `pending`, which the next event meets, and `fresh`, which came since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]
NEVER = -1


@dataclass(slots=True)
class Partial:
    """A partial match: its events by state."""

    events: dict[int, Row] = field(default_factory=dict)
    timestamp: int = NEVER
    first: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One element: `passes(event, the events before it)`."""

    stream: str
    passes: Callable[[Row, Mapping[int, Row]], bool]


@dataclass(slots=True, kw_only=True)
class Matcher:
    """`every`: "" once, "first" for the first element, "all" for the whole chain (patterns only)."""

    states: list[State]
    every: str = ""
    is_sequence: bool = False
    within: int | None = None
    pending: list[list[Partial]] = field(init=False)
    fresh: list[list[Partial]] = field(init=False)

    def __post_init__(self) -> None:
        self.pending = [[] for _ in self.states]
        self.fresh = [[] for _ in self.states]
        self.fresh[0].append(Partial())

    def event(self, stream: str, row: Row, timestamp: int) -> list[dict[int, Row]]:
        """The matches that the event completes."""
        self._expire(timestamp)
        if self.is_sequence:
            self._reset()
        for number, state in enumerate(self.states):
            if self.is_sequence or state.stream == stream:
                self._update(number)
        found: list[dict[int, Row]] = []
        for number in reversed(range(len(self.states))):
            if self.states[number].stream == stream:
                found += self._meet(number, row, timestamp)
        return found

    def _expire(self, now: int) -> None:
        for number in range(len(self.states)):
            lost: Partial | None = None
            waiting = self.pending[number]
            while waiting and self._is_late(waiting[0], now):
                lost = waiting.pop(0)
            late = [match for match in self.fresh[number] if self._is_late(match, now)]
            self.fresh[number] = [match for match in self.fresh[number] if not self._is_late(match, now)]
            if late:
                lost = late[-1]
            if lost is not None and self.every == "all":
                self.fresh[0].append(Partial(timestamp=lost.timestamp))
                self._update(0)

    def _is_late(self, match: Partial, now: int) -> bool:
        return self.within is not None and match.first is not None and abs(now - match.first) > self.within

    def _reset(self) -> None:
        for waiting in self.pending:
            waiting.clear()
        if self.every and not self.fresh[0]:
            self.fresh[0].append(Partial())

    def _update(self, number: int) -> None:
        self.fresh[number].sort(key=lambda match: (match.timestamp == NEVER, match.timestamp))
        self.pending[number] += self.fresh[number]
        self.fresh[number] = []

    def _meet(self, number: int, row: Row, timestamp: int) -> list[dict[int, Row]]:
        found: list[dict[int, Row]] = []
        for match in list(self.pending[number]):
            if not self.states[number].passes(row, match.events):
                if self.is_sequence:
                    self.pending[number].remove(match)
                continue
            self.pending[number].remove(match)
            match.events[number] = row
            match.timestamp = timestamp
            if number == 0:
                match.first = timestamp
            is_last = number + 1 == len(self.states)
            if is_last:
                found.append(dict(match.events))
            elif not self.is_sequence or not self.fresh[number + 1]:
                self.fresh[number + 1].append(match)
            if (self.every == "first" and number == 0) or (self.every == "all" and is_last):
                self.fresh[0].append(Partial(timestamp=timestamp))
        return found
