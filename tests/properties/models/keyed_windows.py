"""Models of windows that keep rows by value: sort, frequent, lossyFrequent, unique, firstUnique; and of keepAll."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from tests.native.window_harness import Out, Row
from tests.properties.models.windows import Model, current, expired

Key = tuple[Any, ...]


def _ordered(value: object) -> object:
    """Texts go by UTF-16 code units, as in the engine."""
    return value.encode("utf-16-be") if isinstance(value, str) else value


@dataclass(slots=True)
class Sort(Model):
    """Keys: (column, whether descending). Nulls come last in both directions."""

    length: int
    keys: tuple[tuple[int, bool], ...]
    held: list[Row] = field(default_factory=list)

    def _sort(self) -> None:
        for column, descending in reversed(self.keys):
            nulls = [row for row in self.held if row.values[column] is None]
            others = [row for row in self.held if row.values[column] is not None]
            # Equal rows keep their order, also where it is reversed.
            others.sort(key=lambda row, column=column: _ordered(row.values[column]), reverse=descending)
            self.held = others + nulls

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        out: list[Out] = []
        for row in rows:
            out.append(current(row))
            self.held.append(row)
            if len(self.held) > self.length:
                self._sort()
                out.append(expired(self.held.pop(), clock))
        return [out]

    def content(self) -> list[Row]:
        return self.held


@dataclass(slots=True)
class Keyed(Model):
    columns: tuple[int, ...]
    kept: dict[Key, Row] = field(default_factory=dict)
    counts: dict[Key, int] = field(default_factory=dict)

    def key(self, row: Row) -> Key:
        return tuple(row.values[column] for column in self.columns)

    def content(self) -> list[Row]:
        return list(self.kept.values())


@dataclass(slots=True)
class Frequent(Keyed):
    most: int = 1

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        out: list[Out] = []
        for row in rows:
            key = self.key(row)
            if key in self.kept:
                self.kept[key] = row
                self.counts[key] += 1
                out.append(current(row))
                continue
            if len(self.kept) == self.most:
                for other in list(self.kept):
                    self.counts[other] -= 1
                    if self.counts[other] == 0:
                        out.append(expired(self.kept.pop(other), clock))
            if len(self.kept) < self.most:
                self.kept[key] = row
                self.counts[key] = 1
                out.append(current(row))
        return [out]


@dataclass(slots=True)
class LossyFrequent(Keyed):
    support: float = 0.1
    error: float = 0.01
    total: int = 0
    born: dict[Key, int] = field(default_factory=dict)

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        out: list[Out] = []
        width = math.ceil(1 / self.error)
        for row in rows:
            self.total += 1
            bucket = math.ceil(self.total / width)
            key = self.key(row)
            if key not in self.kept:
                self.counts[key], self.born[key] = 0, bucket - 1
            self.kept[key] = row
            self.counts[key] += 1
            if self.counts[key] >= (self.support - self.error) * self.total:
                out.append(current(row))
            if self.total % width == 0:
                leaving = [other for other in self.kept if self.counts[other] + self.born[other] <= bucket]
                out += [expired(self.kept.pop(other), clock) for other in leaving]
        return [out]


@dataclass(slots=True)
class Unique(Keyed):
    """The latest row of each key; a key that comes again keeps its place."""

    first_only: bool = False

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        out: list[Out] = []
        for row in rows:
            key = self.key(row)
            if key in self.kept:
                if self.first_only:
                    continue
                out.append(expired(self.kept[key], clock))
            self.kept[key] = row
            out.append(current(row))
        return [out]


@dataclass(slots=True)
class KeepAll(Model):
    held: list[Row] = field(default_factory=list)

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        self.held += rows
        return [list(map(current, rows))]

    def content(self) -> list[Row]:
        return self.held
