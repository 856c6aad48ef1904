"""Drives one native window the way the engine's two drivers do, and writes down what comes out.

A *history* is a list of steps; a step is a clock value and the deliveries that reach the window at it. `run_slices`
gives many steps in one call, with causes, as the slice driver does; `run_depth_first` gives each delivery and each
timer a call of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from typing_extensions import Self

from eventflux.engine import _native_testing

ffi = _native_testing.ffi
lib = _native_testing.lib

OK, NO_MEMORY, CORRUPT = 0, -1, -5
BOOL, INT, LONG, FLOAT, DOUBLE, STRING, OBJECT = range(1, 8)
CURRENT, EXPIRED, RESET = "C", "X", "R"
KINDS = (CURRENT, EXPIRED, RESET)
NEVER = 2**63 - 1
LAST = 0xFFFF
EACH_ROW, WHOLE, ENDS = range(3)
OWN_RANK = 1
ALL_SLOTS = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Row:
    timestamp: int
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Rows that reach the window together. `rank`: of the timer that they come from, LAST for the step's own."""

    rows: tuple[Row, ...]
    slot: int = 0
    rank: int = LAST


@dataclass(frozen=True, slots=True)
class Step:
    clock: int
    deliveries: tuple[Delivery, ...] = ()
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Out:
    kind: str
    timestamp: int
    values: tuple[Any, ...] | None
    slot: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A parameter that is an attribute."""

    index: int
    type: int = LONG


@dataclass(slots=True)
class Outcome:
    """Deliveries, each with the step at which it happened, and the input rows that failed."""

    deliveries: list[tuple[int, list[Out]]] = field(default_factory=list)
    failed: int = 0


class WindowError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


T = TypeVar("T")


def attempt(call: Callable[[], T]) -> T | WindowError:
    """What the call gives, or how it fails."""
    try:
        return call()
    except WindowError as error:
        return error


def make_cause(step: int, rank: int, firing: int) -> int:
    return (step << 43) | (rank << 27) | firing


def _params(values: Sequence[Any], keep: list[Any]) -> Any:
    params = ffi.new("eft_param[]", max(len(values), 1))
    for param, value in zip(params, values, strict=False):
        match value:
            case Column(index=index, type=kind):
                param.kind, param.type, param.column = 1, kind, index
            case None:
                param.type, param.null = INT, 1
            case bool():
                param.type, param.integer = BOOL, value
            case int():
                param.type, param.integer = (INT if -(2**31) <= value < 2**31 else LONG), value
            case float():
                param.type, param.real = DOUBLE, value
            case str():
                keep.append(ffi.new("char[]", value.encode()))
                param.type, param.text = STRING, keep[-1]
            case _:
                raise TypeError(value)
    return params


class Window:
    """One operator instance."""

    def __init__(self, name: str, *params: Any, types: Sequence[int], wants_expired: bool = True) -> None:
        self.name, self.params, self.types, self.wants_expired = name, params, tuple(types), wants_expired
        self.before = -(2**63)
        keep: list[Any] = []
        message = ffi.new("char[512]")
        self._handle = lib.eft_window_new(
            name.encode(), len(types), list(types), _params(params, keep), len(params), OWN_RANK, wants_expired, message
        )
        if self._handle == ffi.NULL:
            raise WindowError(-2, ffi.string(message).decode())

    def close(self) -> int:
        """Destroy the window; returns the bytes that it left behind."""
        if self._handle is None:
            return 0
        leaked: int = lib.eft_window_leaked(self._handle)
        lib.eft_window_free(self._handle)
        self._handle = None
        return leaked

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        leaked = self.close()
        if error[0] is None:
            assert leaked == 0

    def _check(self, status: int) -> None:
        if status != OK:
            raise WindowError(status, ffi.string(lib.eft_window_message(self._handle)).decode())

    def _fill(self, rows: Sequence[tuple[Row, int, int]]) -> None:
        lib.eft_window_rows(self._handle, len(rows))
        for i, (row, cause, slot) in enumerate(rows):
            lib.eft_window_row(self._handle, i, row.timestamp, cause, slot)
            for c, (kind, value) in enumerate(zip(self.types, row.values, strict=True)):
                if value is None:
                    lib.eft_window_set(self._handle, i, c, 0, 0.0, ffi.NULL, 0, 1)
                elif kind in (STRING, OBJECT):
                    data = value.encode() if isinstance(value, str) else value
                    lib.eft_window_set(self._handle, i, c, 0, 0.0, data, len(data), 0)
                elif kind in (FLOAT, DOUBLE):
                    lib.eft_window_set(self._handle, i, c, 0, value, ffi.NULL, 0, 0)
                else:
                    lib.eft_window_set(self._handle, i, c, value, 0.0, ffi.NULL, 0, 0)

    def _value(self, row: int, column: int) -> Any:
        integer, real = ffi.new("int64_t *"), ffi.new("double *")
        text, length = ffi.new("const char **"), ffi.new("uint32_t *")
        if not lib.eft_window_out_value(self._handle, row, column, integer, real, text, length):
            return None
        match self.types[column]:
            case 6:
                return ffi.buffer(text[0], length[0])[:].decode()
            case 7:
                return ffi.buffer(text[0], length[0])[:]
            case 4 | 5:
                return real[0]
            case 1:
                return bool(integer[0])
        return integer[0]

    def output(self) -> list[tuple[int, list[Out]]]:
        """Deliveries of the last call, each with its cause; checks that causes rise and deliveries do not mix them."""
        timestamp, kind, cause = ffi.new("int64_t *"), ffi.new("int *"), ffi.new("int64_t *")
        slot, last = ffi.new("uint32_t *"), ffi.new("int *")
        result: list[tuple[int, list[Out]]] = []
        rows: list[Out] = []
        causes: list[int] = []
        for i in range(lib.eft_window_out_rows(self._handle)):
            lib.eft_window_out_row(self._handle, i, timestamp, kind, cause, slot, last)
            name = KINDS[kind[0]]
            values = None if name == RESET else tuple(self._value(i, c) for c in range(len(self.types)))
            rows.append(Out(name, timestamp[0], values, slot[0]))
            causes.append(cause[0])
            if last[0]:
                assert len({row.slot for row in rows}) == 1
                assert len(set(causes)) == 1
                assert not result or result[-1][0] <= causes[0]
                result.append((causes[0], rows))
                rows, causes = [], []
        assert not rows
        return result

    def process(
        self,
        rows: Sequence[tuple[Row, int, int]],
        clocks: Sequence[int],
        *,
        form: int = EACH_ROW,
        ends: Sequence[int] = (),
        has_causes: bool = True,
        max_firings: int = 2**32 - 1,
        quiet: Sequence[bool] | None = None,
        before: int | None = None,
    ) -> list[tuple[int, list[Out]]]:
        """One call; rows are (row, cause, slot)."""
        self._fill(rows)
        bits = ffi.NULL if quiet is None else ffi.new("uint8_t[]", [int(q) for q in quiet])
        clock = ffi.new("int64_t[]", list(clocks))
        has_slots = any(slot != 0 for _, _, slot in rows)
        self._check(
            lib.eft_window_process(
                self._handle,
                has_causes,
                has_slots,
                form,
                list(ends),
                len(ends),
                clock,
                len(clocks),
                self.before if before is None else before,
                max_firings,
                bits,
            )
        )
        return self.output()

    def view(self, rows: Sequence[tuple[Row, int, int]], ends: Sequence[int], start: int, count: int) -> list[Out]:
        """Rows [start, start + count) of a batch of these deliveries, as one delivery."""
        self._fill(rows)
        self._check(lib.eft_window_view(self._handle, ENDS, list(ends), len(ends), start, count))
        return [row for _, delivery in self.output() for row in delivery]

    def gather(
        self, rows: Sequence[tuple[Row, int, int]], ends: Sequence[int], picked: Sequence[int]
    ) -> list[list[Out]]:
        """Some rows of a batch of these deliveries, by delivery."""
        self._fill(rows)
        self._check(lib.eft_window_gather(self._handle, ENDS, list(ends), len(ends), list(picked), len(picked)))
        return [delivery for _, delivery in self.output()]

    @property
    def failed(self) -> list[int]:
        at = ffi.new("uint32_t[]", 4096)
        return list(at[0 : lib.eft_window_out_failed(self._handle, at, 4096)])

    @property
    def is_batch_chunk(self) -> bool:
        return bool(lib.eft_window_out_batch_chunk(self._handle))

    def run_slices(self, steps: Sequence[Step], cuts: Iterable[int] = (4096,)) -> Outcome:
        """The history in slices of so many steps (the last cut repeats)."""
        outcome = Outcome()
        done = 0
        cut = iter(cuts)
        size = 4096
        while done < len(steps):
            size = next(cut, size)
            part = steps[done : done + size]
            rows: list[tuple[Row, int, int]] = []
            ends: list[int] = []
            for number, step in enumerate(part):
                firing: dict[int, int] = {}
                for delivery in step.deliveries:
                    cause = make_cause(number, delivery.rank, firing.setdefault(delivery.rank, 0))
                    firing[delivery.rank] += 1
                    if delivery.rank == LAST:
                        cause = make_cause(number, LAST, 0)
                    rows += [(row, cause, delivery.slot) for row in delivery.rows]
                    ends.append(len(rows))
            form = EACH_ROW if len(ends) == len(rows) else ENDS
            quiet = [step.quiet for step in part] if any(step.quiet for step in part) else None
            out = self.process(
                rows, [step.clock for step in part], form=form, ends=ends if form == ENDS else (), quiet=quiet
            )
            outcome.deliveries += [(done + (cause >> 43), delivery) for cause, delivery in out]
            outcome.failed += len(self.failed)
            self.before = part[-1].clock
            done += size
        return outcome

    def run_depth_first(self, steps: Sequence[Step]) -> Outcome:
        """The history, each delivery and each timer in a call of its own."""
        outcome = Outcome()
        for number, step in enumerate(steps):
            early = [delivery for delivery in step.deliveries if delivery.rank < OWN_RANK]
            others = [delivery for delivery in step.deliveries if delivery.rank >= OWN_RANK]
            for firing, delivery in enumerate(early):
                self._deliver(outcome, number, step, delivery, firing)
            while not step.quiet and self.next_due <= step.clock:
                out = self.process([], [step.clock], max_firings=1)
                outcome.deliveries += [(number, delivery) for _, delivery in out]
            for firing, delivery in enumerate(others):
                self._deliver(outcome, number, step, delivery, firing)
            self.before = step.clock
        return outcome

    def _deliver(self, outcome: Outcome, number: int, step: Step, delivery: Delivery, firing: int) -> None:
        own = delivery.rank == LAST
        cause = make_cause(0, delivery.rank, 0 if own else firing)
        out = self.process(
            [(row, cause, delivery.slot) for row in delivery.rows],
            [step.clock],
            form=WHOLE,
            has_causes=not own,
            max_firings=0,
        )
        outcome.deliveries += [(number, rows) for _, rows in out]
        outcome.failed += len(self.failed)

    @property
    def next_due(self) -> int:
        return int(lib.eft_window_next_due(self._handle))

    @property
    def size(self) -> int:
        return int(lib.eft_window_size(self._handle))

    @property
    def memory(self) -> int:
        return int(lib.eft_window_memory(self._handle))

    def find(self, slot: int = 0, now: int = 0) -> list[Row]:
        self._check(lib.eft_window_find(self._handle, slot, now))
        rows = [row for _, delivery in self.output() for row in delivery]
        assert all(row.kind == CURRENT for row in rows)
        return [Row(row.timestamp, row.values or ()) for row in rows]

    def purge(self, slot: int) -> None:
        lib.eft_window_purge(self._handle, slot)

    def save(self) -> bytes:
        data, length = ffi.new("char **"), ffi.new("size_t *")
        self._check(lib.eft_window_save(self._handle, data, length))
        return bytes(ffi.buffer(data[0], length[0]))

    def load(self, data: bytes) -> None:
        self._check(lib.eft_window_load(self._handle, data, len(data)))

    def reborn(self) -> Window:
        """A fresh window with this one's state; this one is closed."""
        data = self.save()
        fresh = Window(self.name, *self.params, types=self.types, wants_expired=self.wants_expired)
        fresh.load(data)
        # The groups of a selection may lie elsewhere after a load.
        assert fresh.save() == data or self.name.startswith("expression")
        fresh.before = self.before
        assert self.close() == 0
        return fresh

    def hold_snapshot(self) -> None:
        """Keeps references to all pages, as a snapshot that is still being written does."""
        lib.eft_window_hold(self._handle)

    def fail_after(self, allocations: int) -> None:
        lib.eft_window_fail_after(self._handle, allocations)


def benchmark(
    name: str,
    *params: Any,
    wants_expired: bool = True,
    slices: int = 200,
    rows: int = 4096,
    rows_per_ms: int = 10,
    slots: int = 1,
) -> tuple[float, float]:
    """Million rows in a second; rows out per row in."""
    keep: list[Any] = []
    out = ffi.new("uint64_t *")
    spent = lib.eft_window_benchmark(
        name.encode(), _params(params, keep), len(params), wants_expired, slices, rows, rows_per_ms, slots, out
    )
    assert spent > 0
    return slices * rows / spent * 1e3, out[0] / (slices * rows)
