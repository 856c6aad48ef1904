"""Model of the session window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.native.window_harness import Out, Row
from tests.properties.models.windows import Model, current, expired


@dataclass(slots=True)
class Span:
    """A session: its rows, and the place before which late rows go in (it moves on with each of them)."""

    rows: list[Row] = field(default_factory=list)
    start: int = 0
    end: int = 0
    place: int | None = None

    def put_in_front(self, rows: list[Row]) -> None:
        if self.place is None:
            self.place = 0
        elif self.place + 1 < len(self.rows):
            self.place += 1
        self.rows[self.place : self.place] = rows
        self.place += len(rows)

    def take_over(self, other: Span) -> None:
        self.rows, self.start, self.end = self.rows + other.rows, other.start, other.end
        other.clear()

    def clear(self) -> None:
        self.rows, self.place = [], None


@dataclass(slots=True)
class Session(Model):
    gap: int
    key: int | None = None
    latency: int = 0
    open: dict[Any, Span] = field(default_factory=dict)
    ended: dict[Any, Span] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def _set_timers(self) -> None:
        """Times are served in the order of asking: a later one waits behind an earlier, greater one."""
        self.timers = self.asked[:1]
        for key in [key for key, span in self.open.items() if not span.rows and not self.ended[key].rows]:
            del self.open[key], self.ended[key]

    def _take(self, row: Row, out: list[Out], leaving: list[Row]) -> bool:
        """False: too late."""
        time = row.timestamp
        key = None if self.key is None else row.values[self.key]
        now, before = self.open.setdefault(key, Span()), self.ended.setdefault(key, Span())
        if not now.rows or time > now.end:
            if now.rows and self.latency == 0:
                out += [expired(old, old.timestamp) for old in now.rows]
                now.clear()
            elif now.rows:
                leaving += before.rows
                before.clear()
                before.take_over(now)
                self.asked.append(before.end + self.latency)
            now.rows, now.start, now.end = [row], time, time + self.gap
            self.asked.append(now.end)
        elif time >= now.start:
            now.rows.append(row)
            now.end = time + self.gap
            self.asked.append(now.end)
        elif time >= now.start - self.gap:
            now.put_in_front([row])
            now.start = time
            if self.latency > 0:
                self._merge(before, now)
        elif self.latency == 0 or not before.rows or time < before.start - self.gap:
            return False
        else:
            before.rows.append(row)
            if time < before.start and time <= before.end - self.gap:
                before.start = time
            else:
                before.end = time + self.gap
                self._merge(before, now)
        return True

    def _merge(self, before: Span, now: Span) -> None:
        if before.rows and before.end >= now.start - self.gap:
            now.put_in_front(before.rows)
            now.start = before.start
            before.clear()

    def arrive(self, rows: tuple[Row, ...], clock: int) -> list[list[Out]]:
        out: list[Out] = []
        leaving: list[Row] = []
        for row in rows:
            if self._take(row, out, leaving):
                out.append(current(row))
        self._set_timers()
        return [out + [expired(row, row.timestamp) for row in leaving]]

    def fire_at(self, due: int, clock: int) -> list[Out]:
        out: list[Out] = []
        self.asked.pop(0)
        for key, span in sorted(self.open.items(), key=lambda item: item[1].end):
            if span.rows and span.end <= due:
                if self.latency > 0:
                    self.ended[key].take_over(span)
                    self.asked.append(self.ended[key].end + self.latency)
                else:
                    out += [expired(row, row.timestamp) for row in span.rows]
                    span.clear()
        for span in sorted(self.ended.values(), key=lambda span: span.end):
            if span.rows and span.end + self.latency <= due:
                out += [expired(row, row.timestamp) for row in span.rows]
                span.clear()
        self._set_timers()
        return out

    def content(self) -> list[Row]:
        return []
