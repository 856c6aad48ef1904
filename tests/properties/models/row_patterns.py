"""MATCH_RECOGNIZE by trying everything: a slow, obvious matcher over the pattern as it is written.

A run is tried from its start each time, over all rows that have come, in the order of preference: the first one that
completes is the match, unless one that is preferred to it is still alive: it needs a row that has not come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Row = dict[str, Any]
Labels = tuple[str, ...]
"""The variable that took each row of a run, from its start on."""


@dataclass(frozen=True)
class Var:
    """One row."""

    name: str


@dataclass(frozen=True)
class Seq:
    """One after the other."""

    items: tuple[Any, ...]


@dataclass(frozen=True)
class Alt:
    """The first is preferred."""

    items: tuple[Any, ...]


@dataclass(frozen=True)
class Repeat:
    """`maximum` None: any number."""

    item: Any
    minimum: int
    maximum: int | None
    reluctant: bool = False


@dataclass(frozen=True)
class Excluded:
    """Rows that are matched and not shown."""

    item: Any


@dataclass(frozen=True)
class Start:
    """Holds before the first row of the partition."""


@dataclass(frozen=True)
class Alive:
    """A run that needs a row that has not come."""

    labels: Labels


Condition = Callable[[list[Row], int, Labels], bool]
"""Rows of the partition, number of the first row of the run, labels up to the row at hand."""


@dataclass
class Matcher:
    """The matches of one partition as its rows come, and time passes."""

    pattern: Any
    conditions: dict[str, Condition]
    skip: str = "PAST LAST ROW"
    within: int | None = None
    rows: list[Row] = field(default_factory=list)
    resume: int = 0
    done: set[int] = field(default_factory=set)
    missed: list[tuple[int, Labels]] = field(default_factory=list)
    """What ran out of time: of each start the run that was preferred when its time was over."""

    def clock(self, now: int) -> list[tuple[int, Labels] | str]:
        """Time passes without a row."""
        return self._settle(now)

    def row(self, row: Row, now: int) -> list[tuple[int, Labels] | str]:
        """A row comes; gives (start, labels) of the matches that are certain now, or what is wrong with one."""
        before = self._settle(now)
        self.rows.append(row)
        return before + self._settle(now)

    def _settle(self, now: int) -> list[tuple[int, Labels] | str]:
        found: list[tuple[int, Labels] | str] = []
        if self.skip == "TO NEXT ROW":
            for start in range(len(self.rows)):
                if start not in self.done:
                    decided = self._decide(start, now)
                    if decided != "alive":
                        self.done.add(start)
                    if isinstance(decided, tuple):
                        found.append((start, decided))
            return found
        while self.resume < len(self.rows):
            decided = self._decide(self.resume, now)
            if decided == "alive":
                break
            if not isinstance(decided, tuple):
                self.resume += 1
                continue
            start, self.resume = self.resume, self._next(self.resume, decided)
            if self.resume == start:
                self.resume += 1
                found.append("skip")
            else:
                found.append((start, decided))
        return found

    def _next(self, start: int, labels: Labels) -> int:
        """Where the next match begins; the same start where that is wrong."""
        if self.skip == "PAST LAST ROW":
            return start + len(labels)
        _, way, variable = self.skip.split()
        taken = [number for number, label in enumerate(labels) if label == variable]
        if not taken:
            return start
        return start + (taken[0] if way == "FIRST" else taken[-1])

    def _decide(self, start: int, now: int) -> Labels | Literal["alive"] | None:
        closed = self.within is not None and now > self.rows[start]["t"] + self.within
        alive: Labels | None = None
        for run in self._runs(self.pattern, start, (), lambda labels: iter((labels,))):
            if isinstance(run, Alive) and closed:
                alive = alive or run.labels
                continue
            return "alive" if isinstance(run, Alive) else run
        if alive:
            self.missed.append((start, alive))
        return None

    def runs(self) -> Iterator[Labels | Alive]:
        """All runs from the first row on, the preferred first."""
        return self._runs(self.pattern, 0, (), lambda labels: iter((labels,)))

    def _runs(
        self, node: Any, start: int, labels: Labels, then: Callable[[Labels], Iterator[Any]]
    ) -> Iterator[Labels | Alive]:
        match node:
            case Var(name=name):
                at = start + len(labels)
                if at == len(self.rows):
                    yield Alive(labels)
                elif self._fits(name, start, (*labels, name)):
                    yield from then((*labels, name))
            case Seq(items=()):
                yield from then(labels)
            case Seq(items=(first, *rest)):
                behind = Seq(tuple(rest))
                yield from self._runs(first, start, labels, lambda more: self._runs(behind, start, more, then))
            case Alt(items=items):
                for item in items:
                    yield from self._runs(item, start, labels, then)
            case Excluded(item=item):
                yield from self._runs(item, start, labels, then)
            case Start():
                if start + len(labels) == 0:
                    yield from then(labels)
            case Repeat(item=item, minimum=minimum, maximum=maximum, reluctant=reluctant):
                yield from self._repeat(item, minimum, maximum, reluctant, start, labels, then)

    def _repeat(
        self,
        item: Any,
        minimum: int,
        maximum: int | None,
        reluctant: bool,
        start: int,
        labels: Labels,
        then: Callable[[Labels], Iterator[Any]],
    ) -> Iterator[Labels | Alive]:
        def again(more: Labels) -> Iterator[Any]:
            if minimum == 0 and more == labels:
                return then(more)  # a round without a row is the last one
            left = None if maximum is None else maximum - 1
            return self._repeat(item, max(minimum - 1, 0), left, reluctant, start, more, then)

        may_stop, may_go_on = minimum == 0, maximum is None or maximum > 0
        if may_stop and reluctant:
            yield from then(labels)
        if may_go_on:
            yield from self._runs(item, start, labels, again)
        if may_stop and not reluctant:
            yield from then(labels)

    def _fits(self, name: str, start: int, labels: Labels) -> bool:
        at = start + len(labels) - 1
        if self.within is not None and self.rows[at]["t"] - self.rows[start]["t"] > self.within:
            return False
        condition = self.conditions.get(name)
        return condition is None or condition(self.rows, start, labels)


def rows_of(rows: list[Row], start: int, labels: Labels, variables: str | None) -> list[Row]:
    """The rows that these variables took; None: all."""
    return [rows[start + i] for i, label in enumerate(labels) if variables is None or label in variables]
