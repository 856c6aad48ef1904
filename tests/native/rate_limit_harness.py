"""Makes one native rate limiter, and drives it as the two drivers of the engine do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.native.operator_harness import EACH_ROW, WHOLE, Batch, Operator, Row, ffi, lib

ALL, FIRST, LAST, SNAPSHOT = 0, 1, 2, 3
EVERY_TIMER = 2**32 - 1
_LAST_RANK = 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSpec:
    """What a rate limiter is to do; see ef_rate_limit_config."""

    columns: tuple[int, ...]
    rate: int
    every: int
    by_time: bool = False
    visible: int | None = None
    keys: tuple[int, ...] = ()
    partitioned: bool = False
    windowed: bool = False
    aggregates: tuple[int, ...] = ()

    @property
    def shown(self) -> int:
        return len(self.columns) if self.visible is None else self.visible


@dataclass(frozen=True, slots=True)
class Step:
    """The clock, and the rows that come at it as one delivery (none: only time passes)."""

    clock: int
    rows: tuple[Row, ...] = ()


class RateLimiter(Operator):
    """One rate limiter and its state."""

    def __init__(self, spec: RateSpec, *, seed: int = 1, fail_after: int = -1) -> None:
        self.spec = spec
        self.now = 0
        super().__init__(spec.columns, seed=seed, fail_after=fail_after)

    def _make(self, fail_after: int) -> None:
        spec = self.spec
        aggregate = [column in spec.aggregates for column in range(spec.shown)]
        lib.ef_operator_tester_fail_after(self._tester, fail_after)
        status = lib.ef_operator_tester_rate_limit(
            self._tester,
            spec.rate,
            spec.by_time,
            spec.every,
            spec.shown,
            ffi.new("uint32_t[]", list(spec.keys) or [0]),
            len(spec.keys),
            spec.partitioned,
            spec.windowed,
            ffi.new("bool[]", aggregate or [False]),
        )
        self._check(status)

    def step(self, step: Step) -> list[list[Row]]:
        """Depth first: the timers that are due, one a call, then the rows."""
        deliveries: list[list[Row]] = []
        before, self.now = self.now, max(self.now, step.clock)
        self.set_track([self.now], before=before, firings=1)
        while self.next_due <= self.now:
            deliveries += self.process(Batch(rows=(), form=WHOLE)).deliveries
        if step.rows:
            self.set_track([self.now], before=before, firings=0)
            batch = Batch(rows=step.rows, form=WHOLE, slots=self.spec.partitioned)
            deliveries += self.process(batch).deliveries
        return deliveries

    def slice(self, steps: Sequence[Step]) -> list[list[Row]]:
        """All steps in one call; each has one row, or none."""
        clock, rows, causes = [], [], []
        before = self.now
        for number, step in enumerate(steps):
            self.now = max(self.now, step.clock)
            clock.append(self.now)
            rows += step.rows
            causes += [(number << 43) | (_LAST_RANK << 27)] * len(step.rows)
        self.set_track(clock, before=before, firings=EVERY_TIMER)
        batch = Batch(rows=tuple(rows), form=EACH_ROW, slots=self.spec.partitioned and bool(rows), causes=tuple(causes))
        return self.process(batch).deliveries
