"""Slow, obvious windows: what the native ones must agree with.

A model is one slot of a window. It knows nothing of slices: deliveries arrive, timers fire, each answers with
deliveries. Timers are a plain list of times that were asked for, and none is left out because it would find nothing to
do (one that was moved is).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.native.window_harness import CURRENT, EXPIRED, OWN_RANK, RESET, Out, Outcome, Row, Step


def current(row: Row) -> Out:
    return Out(CURRENT, row.timestamp, row.values)


def expired(row: Row, timestamp: int) -> Out:
    return Out(EXPIRED, timestamp, row.values)


def reset(timestamp: int) -> Out:
    return Out(RESET, timestamp, None)


def grid_end(time: int, start: int, period: int) -> int:
    """The remainder has the sign of its left side."""
    passed = time - start
    remainder = abs(passed) % period
    return time + period - (remainder if passed >= 0 else -remainder)


@dataclass(slots=True, kw_only=True)
class Model:
    timers: list[int] = field(default_factory=list)

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        raise NotImplementedError

    def fire(self, clock: int) -> list[Out]:
        raise AssertionError("has no timers")

    def fire_at(self, due: int, clock: int) -> list[Out]:
        """A timer that was asked for `due` runs at `clock`."""
        return self.fire(clock)

    def content(self) -> list[Row]:
        raise NotImplementedError


@dataclass(slots=True)
class Length(Model):
    length: int
    held: list[Row] = field(default_factory=list)

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        out: list[Out] = []
        for row in rows:
            if self.length == 0:
                out += [current(row), expired(row, row.timestamp), reset(clock)]
                continue
            if len(self.held) == self.length:
                out.append(expired(self.held.pop(0), clock))
            out.append(current(row))
            self.held.append(row)
        return [out]

    def content(self) -> list[Row]:
        return self.held


@dataclass(slots=True)
class Time(Model):
    period: int
    held: list[Row] = field(default_factory=list)
    youngest: int | None = None

    def _expire(self, clock: int) -> list[Out]:
        out = []
        while self.held and self.held[0].timestamp + self.period <= clock:
            out.append(expired(self.held.pop(0), clock))
        return out

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        out: list[Out] = []
        for row in rows:
            out += self._expire(clock)
            out.append(current(row))
            if self.youngest is None or row.timestamp > self.youngest:
                self.timers.append(row.timestamp + self.period)
                self.youngest = row.timestamp
            self.held.append(row)
        return [out]

    def fire(self, clock: int) -> list[Out]:
        return self._expire(clock)

    def content(self) -> list[Row]:
        return self.held


@dataclass(slots=True)
class ExternalTime(Model):
    column: int
    period: int
    held: list[Row] = field(default_factory=list)

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        out: list[Out] = []
        for row in rows:
            now = row.values[self.column]
            while self.held and self.held[0].values[self.column] + self.period <= now:
                out.append(expired(self.held.pop(0), now))
            out.append(current(row))
            self.held.append(row)
        return [out]

    def content(self) -> list[Row]:
        return self.held


@dataclass(slots=True)
class Tumbling(Model):
    open: list[Row] = field(default_factory=list)
    last: list[Row] = field(default_factory=list)

    def _flush(self, timestamp: int) -> list[Out]:
        out = [expired(row, timestamp) for row in self.last]
        self.last = []
        if self.open:
            out += [reset(timestamp), *map(current, self.open)]
            self.last, self.open = self.open, []
        return out

    def _flush_passed(self, timestamp: int) -> list[Out]:
        out = [expired(row, timestamp) for row in self.open]
        self.open = []
        return [*out, reset(timestamp)] if out else []

    def content(self) -> list[Row]:
        return self.last


@dataclass(slots=True)
class LengthBatch(Tumbling):
    length: int = 1
    streams: bool = False

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        out: list[list[Out]] = []
        for row in rows:
            if self.length == 0:
                out.append([current(row), expired(row, clock), reset(clock)])
            elif self.streams:
                leaving = self._flush_passed(clock) if len(self.open) == self.length else []
                out.append([*leaving, current(row)])
                self.open.append(row)
            else:
                self.open.append(row)
                if len(self.open) == self.length:
                    out.append(self._flush(clock))
        return out

    def content(self) -> list[Row]:
        return self.open if self.streams else self.last


@dataclass(slots=True)
class TimeBatch(Tumbling):
    period: int = 1
    start: int | None = None
    streams: bool = False
    end: int | None = None

    def _reached(self, clock: int) -> bool:
        assert self.end is not None
        if clock < self.end:
            return False
        self.end += self.period
        self.timers = [self.end]
        return True

    def _end(self, clock: int) -> list[Out]:
        return self._flush_passed(clock) if self.streams else self._flush(clock)

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        if self.end is None:
            self.end = clock + self.period if self.start is None else grid_end(clock, self.start, self.period)
            self.timers.append(self.end)
        reached = self._reached(clock)
        self.open += rows
        out = list(map(current, rows)) if self.streams else []
        return [out + self._end(clock) if reached else out]

    def fire(self, clock: int) -> list[Out]:
        return self._end(clock) if self._reached(clock) else []

    def content(self) -> list[Row]:
        return self.open if self.streams else self.last


@dataclass(slots=True)
class ExternalTimeBatch(Tumbling):
    column: int = 0
    period: int = 1
    start: int | None = None
    start_column: int | None = None
    timeout: int = 0
    replaces: bool = False
    begin: int = 0
    end: int | None = None
    largest: int = 0
    deadline: int = 0
    early: bool = False

    def _again(self) -> list[Out]:
        if not self.open:
            return []
        out = [expired(row, self.largest) for row in self.last]
        self.last, self.open = self.last + self.open, []
        return [*out, reset(self.largest), *map(current, self.last)]

    def _set_deadline(self, clock: int) -> None:
        if self.timeout > 0:
            self.deadline = clock + self.timeout
            self.timers = [self.deadline]

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        out: list[list[Out]] = []
        for row in rows:
            now = row.values[self.column]
            if self.end is None:
                self.largest = now
                if self.start is not None:
                    self.begin = self.start
                    self.end = grid_end(now, self.begin, self.period)
                else:
                    self.begin = now if self.start_column is None else row.values[self.start_column]
                    self.end = self.begin + self.period
                self._set_deadline(clock)
            self.largest = max(self.largest, now)
            if now >= self.end:
                out.append(self._again() if self.early else self._flush(self.largest))
                self.early = False
                self.end = grid_end(self.largest, self.begin, self.period)
                self._set_deadline(clock)
            if self.replaces:
                values = list(row.values)
                values[self.column] = self.end
                row = Row(row.timestamp, tuple(values))
            self.open.append(row)
        return out

    def fire(self, clock: int) -> list[Out]:
        if clock < self.deadline:
            return []
        out = self._again() if self.early else self._flush(self.largest)
        self.early = True
        self._set_deadline(clock)
        return out


@dataclass(slots=True)
class Batch(Tumbling):
    length: int = 0

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        leaving = [expired(row, clock) for row in self.last]
        size = self.length or len(rows)
        cuts = [rows[i : i + size] for i in range(0, len(rows), size)]
        out = [[reset(clock), *map(current, cut)] for cut in cuts]
        out[0] = leaving + out[0]
        self.last = list(rows)
        return out


def run(
    make: Callable[[], Model], steps: list[Step], *, wants_expired: bool, models: dict[int, Model] | None = None
) -> Outcome:
    """The history on a model a slot: timers in order of their times, then slots, each step's before its own rows."""
    models = {} if models is None else models
    outcome = Outcome()
    if make().timers:  # it runs from the start, not from the first row
        for slot in {delivery.slot for step in steps for delivery in step.deliveries} - models.keys():
            models[slot] = make()

    def note(number: int, slot: int, delivery: list[Out]) -> None:
        rows = [Out(o.kind, o.timestamp, o.values, slot) for o in delivery if wants_expired or o.kind != EXPIRED]
        if rows:
            outcome.deliveries.append((number, rows))

    for number, step in enumerate(steps):
        early = [delivery for delivery in step.deliveries if delivery.rank < OWN_RANK]
        others = [delivery for delivery in step.deliveries if delivery.rank >= OWN_RANK]

        def take(delivery: Any, number: int = number, step: Step = step) -> None:
            model = models.setdefault(delivery.slot, make())
            for out in model.arrive(delivery.rows, step.clock):
                note(number, delivery.slot, out)

        for delivery in early:
            take(delivery)
        while not step.quiet:
            due = min(((timer, slot) for slot, model in models.items() for timer in model.timers), default=None)
            if due is None or due[0] > step.clock:
                break
            models[due[1]].timers.remove(due[0])
            note(number, due[1], models[due[1]].fire_at(due[0], step.clock))
        for delivery in others:
            take(delivery)
    return outcome
