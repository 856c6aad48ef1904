"""Models of the other windows that follow the clock: delay, timeLength, hopping, cron."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.native.window_harness import CURRENT, Out, Row
from tests.properties.models.windows import Model, Time, current, expired, reset


@dataclass(slots=True)
class Delay(Time):
    def _release(self, clock: int) -> list[Out]:
        return [Out(CURRENT, out.timestamp, out.values) for out in self._expire(clock)]

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        out: list[Out] = []
        for row in rows:
            out += self._release(clock)
            if self.youngest is None or row.timestamp > self.youngest:
                self.timers.append(row.timestamp + self.period)
                self.youngest = row.timestamp
            self.held.append(row)
        return [out]

    def fire(self, clock: int) -> list[Out]:
        return self._release(clock)


@dataclass(slots=True)
class TimeLength(Time):
    """Of its timers only the earliest is kept; after it the one of the oldest row is next."""

    length: int = 1

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        out: list[Out] = []
        for row in rows:
            out += self._expire(clock)
            if self.held and len(self.held) == self.length:
                out.append(expired(self.held.pop(0), clock))
            out.append(current(row))
            if self.length > 0:
                self.held.append(row)
            if not self.timers:
                self.timers = [row.timestamp + self.period]
        return [out]

    def fire(self, clock: int) -> list[Out]:
        out = self._expire(clock)
        self.timers = [self.held[0].timestamp + self.period] if self.held else []
        return out


@dataclass(slots=True)
class Hopping(Model):
    """Every `hop` ms the rows of the last `size` ms."""

    size: int
    hop: int
    start: int | None = None
    held: list[Row] = field(default_factory=list)
    last: list[Row] = field(default_factory=list)
    tick: int | None = None

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        if self.tick is None:
            self.tick = clock + self.hop - (0 if self.start is None else (clock - self.start) % self.hop)
            self.timers = [self.tick]
        self.held += rows
        return []

    def fire(self, clock: int) -> list[Out]:
        assert self.tick is not None
        out = [expired(row, clock) for row in self.last]
        self.last = [row for row in self.held if self.tick - self.size <= row.timestamp < self.tick]
        if self.last:
            out += [reset(clock), *map(current, self.last)]
        self.tick += self.hop
        self.timers = [self.tick]
        return out

    def content(self) -> list[Row]:
        return self.last


@dataclass(slots=True)
class EverySeconds(Model):
    """cron of an expression that means every so many seconds of the minute, which they divide."""

    seconds: int = 1
    open: list[Row] = field(default_factory=list)
    last: list[Row] = field(default_factory=list)
    timers: list[int] = field(default_factory=lambda: [0])

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        self.open += rows
        return []

    def fire_at(self, due: int, clock: int) -> list[Out]:
        self.timers = [due + self.seconds * 1000]
        if not self.open:
            return []
        out = [*(expired(row, clock) for row in self.last), *map(current, self.open)]
        self.last, self.open = self.open, []
        return out
