"""Makes one native pattern over one stream, and drives it as the two drivers of the engine do.

The rows are (which, id, v, text): `which` tells the streams A, B and C apart, by a test of each state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.native.operator_harness import EACH_ROW, LONG, STRING, WHOLE, Batch, Operator, Row, ffi, lib

PLAIN, COUNT, LOGICAL, ABSENT, LOGICAL_ABSENT = range(5)
VALUE, LIST, PRESENT, NUMBER = range(4)
EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL = range(5)
FAIL, DROP_OLDEST = 0, 1
A, B, C = range(3)
WHICH, ID, V, TEXT = range(4)
COLUMNS = (LONG, LONG, LONG, STRING)
UNBOUNDED = 2**32 - 1
NONE = -1
EVERY_TIMER = 2**32 - 1
_LAST_RANK = 0xFFFF


@dataclass(frozen=True, slots=True)
class Capture:
    kind: int
    state: int
    column: int = 0
    type: int = LONG
    index: int = 0
    from_last: bool = False

    def numbers(self) -> list[int]:
        return [self.kind, self.state, self.index, self.from_last, self.column, self.type]


@dataclass(frozen=True, slots=True)
class Joined:
    """own column <comparison> column of the first event of a state."""

    own: int
    comparison: int
    state: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state; see ef_state_config. `stream`: of its events, None: of any."""

    stream: int | None
    kind: int = PLAIN
    minimum: int = 1
    maximum: int = 1
    wait: int = NONE
    next: int = NONE
    every: int = NONE
    group: int = NONE
    group_is_long: bool = False
    start: bool = False
    either: bool = False
    first_side: int = 0
    sides: int = 1
    joined: tuple[Joined, ...] = ()

    def numbers(self) -> list[int]:
        captures = [Capture(VALUE, test.state, test.column) for test in self.joined]
        tests = [[test.comparison, LONG, test.own, place, 0] for place, test in enumerate(self.joined)]
        if self.stream is not None:
            tests.append([EQUAL, LONG, WHICH, NONE, self.stream])
        kept = range(len(COLUMNS))
        head = [self.kind, self.minimum, self.maximum, self.wait, self.next, self.every, self.group]
        head += [self.group_is_long, self.start, self.either, self.first_side, self.sides]
        head += [len(captures), len(tests), len(kept)]
        return [*head, *(n for each in captures for n in each.numbers()), *(n for each in tests for n in each), *kept]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternSpec:
    """A pattern; see ef_pattern_config."""

    states: tuple[State, ...]
    outputs: tuple[Capture, ...]
    sequence: bool = False
    partitioned: bool = False
    within: int = NONE
    within_events: int = 0
    most_matches: int = 0
    too_many: int = FAIL

    def by_slot(self) -> PatternSpec:
        return replace(self, partitioned=True)


@dataclass(frozen=True, slots=True)
class Step:
    """The clock, and the row that comes at it (none: only time passes)."""

    clock: int
    row: Row | None = None


class Pattern(Operator):
    """One pattern and its state."""

    def __init__(self, spec: PatternSpec, *, seed: int = 1, fail_after: int = -1) -> None:
        self.spec = spec
        self.now = 0
        super().__init__(COLUMNS, seed=seed, fail_after=fail_after)

    def _make(self, fail_after: int) -> None:
        spec = self.spec
        numbers = [spec.sequence, spec.partitioned, spec.within, spec.within_events, spec.most_matches, spec.too_many]
        numbers += [len(spec.states), len(spec.outputs)]
        for part in (*spec.states, *spec.outputs):
            numbers += part.numbers()
        lib.ef_operator_tester_fail_after(self._tester, fail_after)
        status = lib.ef_operator_tester_pattern(self._tester, ffi.new("int64_t[]", [int(n) for n in numbers]))
        lib.ef_operator_tester_fail_after(self._tester, -1)
        self._check(status)

    def step(self, step: Step) -> list[list[Row]]:
        """Depth first: the timers that are due, one a call, then the row."""
        deliveries: list[list[Row]] = []
        before, self.now = self.now, max(self.now, step.clock)
        self.set_track([self.now], before=before, firings=1)
        while self.next_due <= self.now:
            deliveries += self.process(Batch(rows=(), form=WHOLE)).deliveries
        if step.row is not None:
            self.set_track([self.now], before=before, firings=0)
            deliveries += self.process(Batch(rows=(step.row,), form=WHOLE, slots=self.spec.partitioned)).deliveries
        return deliveries

    def slice(self, steps: Sequence[Step]) -> list[list[Row]]:
        """All steps in one call."""
        clock, rows, causes = [], [], []
        before = self.now
        for number, step in enumerate(steps):
            self.now = max(self.now, step.clock)
            clock.append(self.now)
            if step.row is not None:
                rows.append(step.row)
                causes.append((number << 43) | (_LAST_RANK << 27))
        self.set_track(clock, before=before, firings=EVERY_TIMER)
        slots = self.spec.partitioned and bool(rows)
        batch = Batch(rows=tuple(rows), form=EACH_ROW, slots=slots, causes=tuple(causes), kinds=False)
        return self.process(batch).deliveries
