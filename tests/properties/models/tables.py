"""A table as a list of rows: slow, and plain enough to be believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
Condition = Callable[[Row, Row], bool]
"""Of a row of the table and an event."""
Assignments = dict[str, Callable[[Row, Row], Any]]


@dataclass
class TableModel:
    """Rows in their order, and how many events failed."""

    attributes: tuple[str, ...]
    key: tuple[str, ...] = ()
    is_ordered: bool = False
    rows: list[Row] = field(default_factory=list)
    failures: int = 0

    def _key_of(self, row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in self.key)

    def _sort(self) -> None:
        if self.is_ordered:
            name = self.key[0]
            self.rows.sort(key=lambda row: (row[name] is not None, row[name] or 0))

    def contents(self) -> list[tuple[Any, ...]]:
        """The rows as tuples."""
        return [tuple(row[name] for name in self.attributes) for row in self.rows]

    def insert(self, event: Row) -> None:
        """Add a row, unless its key is there."""
        if self.key and any(self._key_of(row) == self._key_of(event) for row in self.rows):
            self.failures += 1
            return
        self.rows.append({name: event[name] for name in self.attributes})
        self._sort()

    def delete(self, event: Row, condition: Condition) -> None:
        """Remove what matches."""
        self.rows = [row for row in self.rows if not condition(row, event)]

    def update(self, event: Row, condition: Condition, assignments: Assignments) -> bool:
        """Change what matches, all of it or nothing; whether something matches."""
        found = [row for row in self.rows if condition(row, event)]
        changed = [{**row, **{name: value(row, event) for name, value in assignments.items()}} for row in found]
        if self.key and any(map(self._moves, found, changed)):
            taken = [self._key_of(row) for row in self.rows]
            for before, after in zip(found, changed, strict=True):
                others = [key for row, key in zip(self.rows, taken, strict=True) if row is not before]
                mine = [self._key_of(other) for other in changed if other is not after]
                if self._key_of(after) in others or self._key_of(after) in mine:
                    self.failures += 1
                    return True
        for before, after in zip(found, changed, strict=True):
            place = next(index for index, row in enumerate(self.rows) if row is before)
            if self.key and self._moves(before, after):
                del self.rows[place]
                self.rows.append(after)
            else:
                self.rows[place] = after
        self._sort()
        return bool(found)

    def _moves(self, before: Row, after: Row) -> bool:
        return self._key_of(before) != self._key_of(after)

    def upsert(self, event: Row, condition: Condition, assignments: Assignments) -> None:
        """Change what matches, or add the event."""
        if not self.update(event, condition, assignments):
            self.insert(event)

    def contains(self, event: Row, condition: Condition) -> bool:
        """Whether something matches."""
        return any(condition(row, event) for row in self.rows)
