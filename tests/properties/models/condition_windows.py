"""Models of the windows that are bounded by a condition on their content: expression, expressionBatch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.native.window_harness import CURRENT, Out, Row
from tests.properties.models.windows import Model, current, expired

Condition = Callable[[list[Row]], bool]


def count_up_to(limit: int) -> Condition:
    return lambda rows: len(rows) <= limit


def sum_below(limit: int) -> Condition:
    def holds(rows: list[Row]) -> bool:
        values = [row.values[1] for row in rows if row.values[1] is not None]
        return bool(values) and sum(values) < limit  # the sum of nothing is null

    return holds


def ends_equal(rows: list[Row]) -> bool:
    first, last = rows[0].values[0], rows[-1].values[0]
    return first is not None and first == last


@dataclass(slots=True)
class Expression(Model):
    holds: Condition
    held: list[Row] = field(default_factory=list)

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        out: list[Out] = []
        for row in rows:
            self.held.append(row)
            while self.held and not self.holds(self.held):
                out.append(expired(self.held.pop(0), clock))
            out.append(current(row))
        return [out]

    def content(self) -> list[Row]:
        return self.held


@dataclass(slots=True)
class ExpressionBatch(Model):
    """`counted`: what the aggregates of the condition run over, which is not always what is collected."""

    holds: Condition
    includes: bool = False
    streams: bool = False
    open: list[Row] = field(default_factory=list)
    counted: list[Row] = field(default_factory=list)
    last: list[Row] = field(default_factory=list)

    def _is_true(self, row: Row) -> bool:
        return self.holds(_Content([*self.counted, row], [*self.open, row]))

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        return [self._take(row, clock) for row in rows]

    def _take(self, row: Row, clock: int) -> list[Out]:
        if self._is_true(row):
            self.counted.append(row)
            self.open.append(row)
            return [current(row)] if self.streams else []
        self.counted = [row]
        alone = not self.open
        batch = [*self.open, row] if self.includes or (alone and not self.streams) else self.open
        self.open = [] if batch and batch[-1] is row else [row]
        if self.streams:
            leaving = [expired(each, clock) for each in batch]
            return [current(row), *leaving] if self.includes else [*leaving, current(row)]
        out = [expired(each, clock) for each in self.last]
        if alone:
            out += [expired(each, clock) for each in batch]
        self.last = [] if alone else batch
        return [*out, *(Out(CURRENT, clock, each.values) for each in batch)]

    def content(self) -> list[Row]:
        return self.open if self.streams else self.last


class _Content(list[Row]):
    """Rows that are counted, with the ends of those that are collected."""

    def __init__(self, counted: list[Row], collected: list[Row]) -> None:
        super().__init__(counted)
        self._collected = collected

    def __getitem__(self, index: int) -> Row:  # type: ignore[override]
        return self._collected[index]
