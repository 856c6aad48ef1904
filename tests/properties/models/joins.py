"""Joins of two streams, slowly and plainly: eventfluxql.md section 12, row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Row = tuple[object, ...]
Condition = Callable[[Row, Row], bool]
Emitted = tuple[str, Row]
CURRENT, EXPIRED = "current", "expired"


@dataclass(slots=True)
class Window:
    """What one side holds. `kind`: none, length, time, batch (lengthBatch)."""

    kind: str
    size: int
    held: list[tuple[int, Row]] = field(default_factory=list)
    open: list[tuple[int, Row]] = field(default_factory=list)

    def due(self, now: int) -> list[Emitted]:
        """What time alone lets go."""
        leaving: list[Emitted] = []
        while self.kind == "time" and self.held and self.held[0][0] + self.size <= now:
            leaving.append((EXPIRED, self.held.pop(0)[1]))
        return leaving

    def take(self, now: int, row: Row) -> list[Emitted]:
        if self.kind == "none":
            return [(CURRENT, row), (EXPIRED, row)]
        if self.kind == "batch":
            return self._take_into_batch(now, row)
        leaving: list[Emitted] = []
        if self.kind == "length" and len(self.held) == self.size:
            leaving.append((EXPIRED, self.held.pop(0)[1]))
        self.held.append((now, row))
        return [*leaving, (CURRENT, row)]

    def _take_into_batch(self, now: int, row: Row) -> list[Emitted]:
        self.open.append((now, row))
        if len(self.open) < self.size:
            return []
        leaving: list[Emitted] = [(EXPIRED, old) for _, old in self.held]
        self.held, self.open = self.open, []
        return [*leaving, *((CURRENT, new) for _, new in self.held)]


@dataclass(slots=True)
class JoinModel:
    """A join; sides are 0 (left) and 1 (right)."""

    windows: tuple[Window, Window]
    condition: Condition
    preserved: tuple[bool, bool]
    triggers: tuple[bool, bool]
    widths: tuple[int, int]

    def send(self, side: int, now: int, row: Row) -> list[Emitted]:
        """Joined rows that come of one row, and of the time until then."""
        found: list[Emitted] = []
        for each in (0, 1):
            found += self._join(each, self.windows[each].due(now))
        return found + self._join(side, self.windows[side].take(now, row))

    def _join(self, side: int, emitted: list[Emitted]) -> list[Emitted]:
        if not self.triggers[side]:
            return []
        other = 1 - side
        found: list[Emitted] = []
        for kind, row in emitted:
            partners = [held for _, held in self.windows[other].held if self._fits(side, row, held)]
            if not partners and self.preserved[side]:
                partners = [(None,) * self.widths[other]]
            found += [(kind, (*row, *partner) if side == 0 else (*partner, *row)) for partner in partners]
        return found

    def _fits(self, side: int, row: Row, held: Row) -> bool:
        return self.condition(row, held) if side == 0 else self.condition(held, row)
