"""Operators written in Python: what the native trampoline calls, once a delivery and once a due timer.

The engine layer knows nothing of extensions: `WindowOperator` and `ProcessorOperator` drive any object with the methods
of a window or of a stream processor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol, TypeAlias

from eventflux.engine.native_types import EventBatch, Layout

CURRENT: Final = 0
EXPIRED: Final = 1
RESET: Final = 2

Emitted: TypeAlias = "tuple[list[tuple[Any, ...]], list[int], bytes] | None"
"""Rows, a timestamp and a kind for each; one delivery."""


class HostOperator(Protocol):
    """One instance of an operator: a query, and where it is partitioned a key."""

    @property
    def next_due(self) -> int | None:
        """When `on_timer` shall be called, in milliseconds; None: never. Read behind each call."""
        ...

    @property
    def size(self) -> int:
        """Rows that are held: a figure."""
        ...

    def process(self, batch: EventBatch, now: int) -> Emitted:
        """One delivery of rows, at the clock's `now`."""
        ...

    def on_timer(self, now: int) -> Emitted:
        """The moment that was asked for has come."""
        ...

    def find(self, now: int) -> Emitted:
        """The rows now held, for joins and on-demand queries."""
        ...

    def save(self) -> bytes:
        """The state for a checkpoint."""
        ...

    def load(self, data: bytes) -> None:
        """Take over the state that `save` gave."""
        ...


class OutsideTable(Protocol):
    """A table that is kept outside the engine. Conditions and changes are known by the number that they were given."""

    def find(self, number: int, parameters: list[tuple[Any, ...]]) -> tuple[list[int], list[tuple[Any, ...]]]:
        """For each row of parameters, in order, those that fit: its index, and the row. Number 0: all rows."""
        ...

    def contains(self, number: int, parameters: list[tuple[Any, ...]]) -> list[bool]:
        """For each row of parameters whether a row fits."""
        ...

    def act(
        self, what: int, number: int, rows: list[tuple[Any, ...]], more: list[tuple[Any, ...]] | None
    ) -> tuple[int, list[tuple[int, str]]]:
        """Insert rows (0), make a change by rows of parameters (1), put `more` in place of rows (2), remove rows (3).

        `more` of a change: the rows to insert where parameters find nothing.

        Returns:
            How many rows of the table were touched, and the rows that failed: index and message.
        """
        ...

    def save(self) -> bytes:
        """What a checkpoint has to hold of it."""
        ...

    def load(self, data: bytes) -> None:
        """Take over what `save` gave."""
        ...


class Output:
    """Collects what an operator emits, in order."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._timestamps: list[int] = []
        self._kinds = bytearray()
        self._now = 0

    def begin(self, now: int) -> None:
        """Forget what was emitted; rows without a timestamp get `now`."""
        self._rows, self._timestamps, self._kinds, self._now = [], [], bytearray(), now

    def take(self) -> Emitted:
        """What was emitted since `begin`."""
        return (self._rows, self._timestamps, bytes(self._kinds)) if self._rows else None

    def put(self, kind: int, rows: Iterable[Sequence[Any]], timestamps: Iterable[int] | None = None) -> None:
        """Emit rows of a kind."""
        added = [tuple(row) for row in rows]
        moments = [self._now] * len(added) if timestamps is None else list(timestamps)
        if len(moments) != len(added):
            raise ValueError(f"{len(moments)} timestamps for {len(added)} rows")
        self._rows += added
        self._timestamps += moments
        self._kinds += bytes([kind]) * len(added)


class _WindowOutput(Output):
    """`WindowOutput` of the extension kit."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._nothing = (None,) * width

    def current(self, rows: Iterable[Sequence[Any]], timestamps: Iterable[int] | None = None) -> None:
        self.put(CURRENT, rows, timestamps)

    def expired(self, rows: Iterable[Sequence[Any]], timestamps: Iterable[int] | None = None) -> None:
        self.put(EXPIRED, rows, timestamps)

    def reset(self) -> None:
        self.put(RESET, [self._nothing])


class Schedule:
    """What `ctx.schedule` of a window sets, and the clock of the call that runs."""

    def __init__(self) -> None:
        self.due: int | None = None
        self.now: int | None = None

    def at(self, at_ms: int) -> None:
        """Call back at that moment; an earlier request is replaced."""
        self.due = at_ms

    def save(self) -> bytes:
        return b"" if self.due is None else str(self.due).encode()

    def load(self, data: bytes) -> None:
        self.due = int(data) if data else None


class _Window(Protocol):
    @property
    def size(self) -> int: ...
    def process(self, batch: Any, out: Any) -> None: ...
    def on_timer(self, now: int, out: Any) -> None: ...
    def find(self) -> Iterable[Sequence[Any]] | None: ...
    def serialize(self) -> bytes: ...
    def deserialize(self, data: bytes) -> None: ...


class WindowOperator:
    """Drives a window. Its context must have been given `schedule`."""

    def __init__(self, window: _Window, schedule: Schedule, width: int) -> None:
        self._window = window
        self._schedule = schedule
        self._out = _WindowOutput(width)

    @property
    def next_due(self) -> int | None:
        return self._schedule.due

    @property
    def size(self) -> int:
        return self._window.size

    def process(self, batch: EventBatch, now: int) -> Emitted:
        self._schedule.now = now
        self._out.begin(now)
        self._window.process(batch, self._out)
        return self._out.take()

    def on_timer(self, now: int) -> Emitted:
        self._schedule.due, self._schedule.now = None, now
        self._out.begin(now)
        self._window.on_timer(now, self._out)
        return self._out.take()

    def find(self, now: int) -> Emitted:
        self._out.begin(now)
        self._out.put(CURRENT, self._window.find() or ())
        return self._out.take()

    def save(self) -> bytes:
        due = self._schedule.save()
        return len(due).to_bytes(1, "little") + due + self._window.serialize()

    def load(self, data: bytes) -> None:
        end = 1 + data[0]
        self._schedule.load(data[1:end])
        self._window.deserialize(data[end:])


class _ProcessorOutput(Output):
    """`ProcessorOutput` of the extension kit."""

    def __init__(self) -> None:
        super().__init__()
        self.batch: EventBatch | None = None

    def emit(self, at: int, appended: Sequence[Any] = ()) -> None:
        if self.batch is None:
            raise ValueError("emit() names a row of a batch; a timer gives its rows as its result")
        event = self.batch[at]
        self.put(EXPIRED if event.is_expired else CURRENT, [(*event.data, *appended)], [event.timestamp])


class _Processor(Protocol):
    def process(self, batch: Any, arguments: Any, out: Any) -> None: ...
    def on_timer(self, now: int, out: Any) -> Iterable[Sequence[Any]]: ...
    def serialize(self) -> bytes: ...
    def deserialize(self, data: bytes) -> None: ...


class _Function(Protocol):
    def execute(self, *values: Any) -> Sequence[Any]: ...


class FunctionProcessor:
    """A stream function as a processor: each row goes on with the values that it gives."""

    def __init__(self, function: _Function) -> None:
        self._function = function

    def process(self, batch: EventBatch, arguments: Sequence[Sequence[Any]], out: _ProcessorOutput) -> None:
        for at in range(len(batch)):
            out.emit(at, self._function.execute(*(column[at] for column in arguments)))

    def on_timer(self, now: int, out: Any) -> Iterable[Sequence[Any]]:
        return ()

    def serialize(self) -> bytes:
        return b""

    def deserialize(self, data: bytes) -> None:
        """It has no state."""


class ProcessorOperator:
    """Drives a stream processor: the columns behind the attributes are the arguments of its call."""

    def __init__(self, processor: _Processor, schedule: Schedule, attributes: Layout, width: int) -> None:
        """Begin.

        Args:
            processor: The processor.
            schedule: What its context asks for timers with.
            attributes: Layout of the rows without the arguments.
            width: Values of a row that it emits.
        """
        self._processor = processor
        self._width = width
        self._schedule = schedule
        self._attributes = attributes
        self._out = _ProcessorOutput()

    @property
    def next_due(self) -> int | None:
        return self._schedule.due

    @property
    def size(self) -> int:
        return 0

    def process(self, batch: EventBatch, now: int) -> Emitted:
        self._schedule.now = now
        self._out.begin(now)
        start = 0
        kinds = batch._kinds  # noqa: SLF001 - the native half of this class
        while (end := kinds.find(RESET, start)) >= 0:
            self._run(batch[start:end])
            self._out.put(RESET, [(None,) * self._width], [batch[end].timestamp])
            start = end + 1
        self._run(batch[start:])
        return self._out.take()

    def _run(self, batch: EventBatch) -> None:
        if not batch:
            return
        columns = [batch.columns[name] for name in batch.names[len(self._attributes.names) :]]
        self._out.batch = batch._narrow(self._attributes)  # noqa: SLF001 - as above
        try:
            self._processor.process(self._out.batch, columns, self._out)
        finally:
            self._out.batch = None

    def on_timer(self, now: int) -> Emitted:
        self._schedule.due, self._schedule.now = None, now
        self._out.begin(now)
        self._out.put(CURRENT, self._processor.on_timer(now, self._out))
        return self._out.take()

    def find(self, now: int) -> Emitted:
        return None

    def save(self) -> bytes:
        due = self._schedule.save()
        return len(due).to_bytes(1, "little") + due + self._processor.serialize()

    def load(self, data: bytes) -> None:
        end = 1 + data[0]
        self._schedule.load(data[1:end])
        self._processor.deserialize(data[end:])
