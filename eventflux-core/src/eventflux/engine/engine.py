"""Engine: the owner of one native graph, and the ways into and out of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol

from typing_extensions import Self

from eventflux.engine._native import ffi, lib
from eventflux.engine.async_stream import AsyncMetrics, RingMeter, RingOptions
from eventflux.engine.callbacks import HostOperator, OutsideTable
from eventflux.engine.native_types import Border, EventBatch, Input, Layout, host
from eventflux.engine.status import check, new_error, text
from eventflux.types.errors import EventFluxError, IncompatibleStateError, RuntimeStateError, RuntimeStoppedError
from eventflux.types.record import record
from eventflux.types.schema import Schema

if TYPE_CHECKING:
    from eventflux.engine._native import CData

_logger = logging.getLogger("eventflux.engine")

NEVER: Final = 2**63 - 1
"""A due time that does not come."""

ENGINE_PART: Final = "engine"
"""Name of the state part that holds the clock and the random numbers."""

StreamListener = Callable[[EventBatch], object]
QueryListener = Callable[[int, EventBatch | None, EventBatch | None], object]


class _Closable(Protocol):
    def close(self) -> None: ...


@record(frozen=True, slots=True, kw_only=True)
class StatePart:
    """Saved state of one operator, or of the engine itself (`ENGINE_PART`)."""

    name: str
    operator: str
    version: int
    data: bytes


_BEGINNING: Final = -(2**63)
"""A watermark before anything came."""


@record(frozen=True, slots=True, kw_only=True)
class StreamTime:
    """Time of a watermarked stream.

    Attributes:
        watermark: Milliseconds: what comes later is not older; None: no row has come yet.
        late_rows: Rows so far that were older than the watermark when they came.
    """

    watermark: int | None
    late_rows: int


@record(frozen=True, slots=True, kw_only=True)
class NodeMetrics:
    """Figures of a stream or an operator since the start."""

    name: str
    operator: str
    rows_in: int
    rows_out: int
    calls: int
    errors: int
    memory_bytes: int
    rows_held: int
    busy_ns: int = 0


@dataclass(slots=True)
class _Listeners:
    tap: int
    layout: Layout
    callbacks: tuple[Callable[..., object], ...]
    is_query: bool


def _log_exception(callback: object, batch: EventBatch | None, error: BaseException) -> None:
    stream = batch.stream if batch is not None else "?"
    _logger.error("listener %r of %s raised", callback, stream, exc_info=error)


class Engine:
    """One native engine. Built with `EngineBuilder`, run through its inputs, closed once."""

    def __init__(
        self,
        *,
        playback: bool = False,
        memory_limit: int = 0,
        slice_rows: int = 0,
        depth_first: bool = False,
        seed: int = 0,
        zone: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Create an empty engine.

        Args:
            playback: The clock follows the timestamps of the rows.
            memory_limit: Most bytes that the engine may hold, 0: no limit.
            slice_rows: Rows that run through the graph together, 0: the engine's own choice.
            depth_first: Never run many rows together: slower, right by definition.
            seed: Of hashing and random numbers.
            zone: Whose calendar cron expressions follow: moments in UTC from which on local time is ahead by so
                much, in ms; none: UTC.
        """
        error = new_error()
        target = ffi.new("ef_engine **")
        check(lib.ef_build_engine(playback, memory_limit, slice_rows, depth_first, seed, target, error), error)
        self._native: CData = target[0]
        moments = ffi.new("int64_t[]", [moment for moment, _ in zone])
        offsets = ffi.new("int64_t[]", [offset for _, offset in zone])
        check(lib.ef_engine_set_zone(self._native, len(zone), moments, offsets, error), error)
        self._border: Border = host.border(_address(self._native), playback)
        self._border.on_exception = _log_exception
        self._border.on_failure = self._log_failure
        self._border.on_dropped = self._log_dropped
        self._owned: list[_Closable] = []
        self._listeners: dict[int, _Listeners] = {}
        self._meters: dict[int, tuple[int, RingMeter]] = {}

    # ---- building

    @property
    def handle(self) -> CData:
        """The native engine.

        Raises:
            RuntimeStoppedError: The engine was closed.
        """
        if self._border.engine == 0:
            raise RuntimeStoppedError("the engine is closed")
        return self._native

    def adopt(self, owned: _Closable) -> None:
        """Close something with the engine, whose memory it uses."""
        self._owned.append(owned)

    def check(self, status: int, error: CData) -> int:
        """Give `status` back if it is not negative, else raise, naming the operator that `error` names."""
        try:
            return check(status, error)
        except EventFluxError as raised:
            if error.node >= 0 and not raised.hint:
                raised.hint = f"operator: {self.node_name(error.node)}"
            raise

    def add_function(self, function: Callable[..., object], name: str, *, vectorized: bool = False) -> int:
        """Register a Python function for `ProgramBuilder.host_call`.

        Args:
            function: Called with one value an argument for each row, or with `vectorized` once with a list of columns.
            name: What messages call it.
            vectorized: Whether it takes columns and gives one.
        """
        return self._border.add_function(function, name, vectorized)

    def add_plugin_function(self, address: int) -> int:
        """Register a function of a shared library (`LibraryFunction.address`) for `ProgramBuilder.host_call`."""
        return self._border.add_plugin_function(address)

    def add_operator(
        self, make: Callable[[], HostOperator], source: Layout, target: Layout, *, is_batch: bool, wants_resets: bool
    ) -> tuple[int, CData]:
        """Register an operator written in Python for `EngineBuilder.host_operator`: its argument and its class."""
        spec, operator_class = self._border.add_operator(make, source, target, is_batch, wants_resets)
        return spec, ffi.cast("ef_operator_class *", operator_class)

    def add_outside(self, table: OutsideTable, layout: Layout) -> CData:
        """Register a table that is kept outside for `EngineBuilder.outside_table`: the functions that reach it."""
        return ffi.cast("ef_outside_host *", self._border.add_outside(table, layout))

    def fill_rollup(self, node: int) -> None:
        """Take the buckets of an aggregation from its store, in place of those that are there."""
        error = new_error()
        with self.locked():
            status = lib.ef_engine_rollup_fill(self.handle, node, error)
        check(status, error)

    def layout(self, name: str, schema: Schema) -> Layout:
        """What inputs and listeners need to know of a stream or of the output of a query."""
        return host.layout(name, schema.names, tuple(int(each) for each in schema.types), schema)

    # ---- rows in

    def input(self, node: int, layout: Layout) -> Input:
        """The native `send` of a stream."""
        self.describe(node, layout)
        return self._border.input(node, layout)

    def async_input(self, node: int, layout: Layout, options: RingOptions) -> Input:
        """As `input`, with a ring before the stream: sends return when the rows are in it; `run_consumer` runs them."""
        self.describe(node, layout)
        number = self._border.add_ring(node, layout, *options.native)
        self._meters[node] = (number, RingMeter())
        return self._border.input(node, layout, number)

    def start_consumer(self) -> None:
        """Take rows into the rings again after `stop_consumer`; call it before the thread that runs `run_consumer`."""
        self._border.start_consumer()

    def run_consumer(self) -> None:
        """Run what comes into the rings until `stop_consumer`. Blocks: this is the body of the consumer thread."""
        self._border.run_consumer()

    def stop_consumer(self) -> None:
        """Let `run_consumer` return; rows that are still in the rings stay there, and no more are taken in."""
        self._border.stop_consumer()

    def drain(self) -> None:
        """Run all rows that are in the rings now, in this thread.

        Raises:
            RuntimeStateError: Called from a function that the engine itself calls.
        """
        self._border.drain()

    def async_metrics(self, node: int) -> AsyncMetrics:
        """Figures of an async stream.

        Raises:
            KeyError: The stream is not async.
        """
        number, meter = self._meters[node]
        return meter.read(self._border.ring_figures(number))

    def pending(self, node: int) -> int:
        """Rows in the ring of a stream; 0 where there is no ring."""
        if node not in self._meters:
            return 0
        return int(self._border.ring_figures(self._meters[node][0])["depth"])

    def describe(self, node: int, layout: Layout) -> None:
        """Tell the layout of a stream, so that rows of it that fail can be shown."""
        self._border.set_listeners(node, layout, (), False)  # noqa: FBT003 - positional in C

    def refuse(self, refusal: Callable[[], BaseException] | None) -> None:
        """Refuse rows from now on with the exception that `refusal` makes; None accepts them again."""
        self._border.refusal = refusal

    # ---- rows out

    def listen(self, node: int, layout: Layout, callback: StreamListener) -> None:
        """Call `callback` with what reaches a stream."""
        self._add_listener(node, layout, callback, is_query=False)

    def listen_query(self, node: int, layout: Layout, callback: QueryListener) -> None:
        """Call `callback` with what the last operator of a query puts out: timestamp, current rows, expired rows."""
        self._add_listener(node, layout, callback, is_query=True)

    def unlisten(self, node: int, callback: Callable[..., object]) -> bool:
        """Call it no more; False: it was not called before."""
        known = self._listeners.get(node)
        if known is None or callback not in known.callbacks:
            return False
        index = known.callbacks.index(callback)
        known.callbacks = known.callbacks[:index] + known.callbacks[index + 1 :]
        self._border.set_listeners(known.tap, known.layout, known.callbacks, known.is_query)
        if not known.callbacks:
            del self._listeners[node]
            self.remove_tap(known.tap)
        return True

    def _add_listener(self, node: int, layout: Layout, callback: Callable[..., object], *, is_query: bool) -> None:
        known = self._listeners.get(node)
        if known is None:
            known = self._listeners[node] = _Listeners(self.add_tap(node), layout, (), is_query)
        known.callbacks = (*known.callbacks, callback)
        self._border.set_listeners(known.tap, known.layout, known.callbacks, known.is_query)

    def add_tap(self, node: int) -> int:
        """Take what passes a stream or leaves the last operator of a query, for listeners."""
        error = new_error()
        with self.locked():
            return self.check(lib.ef_engine_tap(self.handle, node, error), error)

    def remove_tap(self, tap: int) -> None:
        """Take it no more."""
        error = new_error()
        with self.locked():
            self.check(lib.ef_engine_remove_tap(self.handle, tap, error), error)

    def on_exception(self, handler: Callable[[object, EventBatch | None, BaseException], object]) -> None:
        """Call `handler(callback, batch, exception)` for each exception of a listener, instead of logging it."""
        self._border.on_exception = handler

    def on_failure(self, handler: Callable[[int, int, EventBatch | None, int, str], object]) -> None:
        """Call `handler(node, stream, batch, status, message)` for rows and operators that failed."""
        self._border.on_failure = handler

    def _log_failure(self, node: int, stream: int, batch: EventBatch | None, status: int, message: str) -> None:
        where = batch.stream if batch is not None else self.node_name(stream) if stream >= 0 else "a timer"
        rows = len(batch) if batch is not None else 0
        _logger.error("%s: %d rows of %s failed (status %d): %s", self.node_name(node), rows, where, status, message)

    def _log_dropped(self, stream: int, rows: int) -> None:
        _logger.warning("%s: %d rows were lost because its buffer was full", self.node_name(stream), rows)

    def deliver(self) -> None:
        """Call listeners with all that has come out so far."""
        self._border.deliver()

    # ---- time

    def advance(self, now: int | None = None) -> None:
        """Move the clock to `now` (None: the wall clock), fire what is due, call listeners."""
        self._border.advance(now)

    def finish(self) -> None:
        """Nothing more comes: release what waits for watermarks, close windows with rows, end output periods."""
        self._border.finish()

    def set_clock(self, now: int | None) -> None:
        """Stand the wall clock at `now`; None: go with the machine's again."""
        self._border.set_clock(now)

    def start_row(self, node: int, moment: int) -> None:
        """Send (moment) into a stream of one LONG as the app starts: the clock does not begin with it."""
        self._border.start_row(node, moment)

    def wait_due(self) -> bool:
        """Block until a timer is due by the wall clock; False: `wake` was called or the engine closed."""
        return self._border.wait_due()

    def wake(self) -> None:
        """Let `wait_due` return."""
        self._border.wake()

    @property
    def now(self) -> int:
        """The time that the engine has reached, in milliseconds; also for what the engine itself calls."""
        if self._border.is_inside:
            return int(lib.ef_engine_now(self.handle))
        with self.locked():
            return int(lib.ef_engine_now(self.handle))

    @property
    def rows_entered(self) -> int:
        """Rows that have reached streams: sent, or put in by queries."""
        figures = ffi.new("ef_node_metrics *")
        with self.locked():
            return sum(
                figures.rows_in
                for node in range(lib.ef_engine_nodes(self.handle))
                if lib.ef_engine_metrics(self.handle, node, figures) == lib.EF_OK and self.node_class(node) == "stream"
            )

    @property
    def next_due(self) -> int:
        """When the next timer is due, `NEVER`: none."""
        with self.locked():
            return int(lib.ef_engine_next_due(self.handle))

    def touched(self, change: int) -> int:
        """Rows of a table that the last call of a change touched."""
        return int(lib.ef_engine_touched(self.handle, change))

    def settle(self) -> None:
        """Give back what a query on demand of another engine has left here. Within `locked`."""
        lib.ef_engine_settle(self.handle)

    # ---- state

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep rows and timers out while native calls look at the graph.

        Raises:
            RuntimeStateError: Called from a function that the engine itself calls.
            RuntimeStoppedError: The engine was closed.
        """
        self._border.lock()
        try:
            yield
        finally:
            self._border.unlock()

    def save(self) -> list[StatePart]:
        """State of the engine and of all operators at one moment.

        The engine stands still while pages are counted, not while they are copied.
        """
        taken: list[tuple[str, str, int, CData]] = []
        error = new_error()
        target = ffi.new("ef_saved **")
        self._border.hold()
        try:
            with self.locked():
                self.check(lib.ef_saved_new(self.handle, -1, target, error), error)
                taken.append((ENGINE_PART, ENGINE_PART, 1, target[0]))
                for node in self._stateful():
                    self.check(lib.ef_saved_new(self.handle, node, target, error), error)
                    version = int(lib.ef_engine_node_state_version(self.handle, node))
                    taken.append((self.node_name(node), self.node_class(node), version, target[0]))
            return [
                StatePart(name=name, operator=operator, version=version, data=_bytes_of(saved))
                for name, operator, version, saved in taken
            ]
        finally:
            for *_, saved in taken:
                lib.ef_saved_free(saved)
            self._border.release()

    def load(self, parts: Sequence[StatePart]) -> None:
        """Replace the state of the engine and of all operators; on failure it is as before.

        Raises:
            IncompatibleStateError: The parts are those of another graph.
            CorruptStateError: The bytes are damaged.
        """
        nodes = {self.node_name(node): node for node in self._stateful()}
        self._compare(nodes, parts)
        before = self.save()
        with self.locked():
            try:
                self._load_parts(nodes, parts)
            except EventFluxError:
                self._load_parts(nodes, before)
                raise

    def reset(self) -> None:
        """Make all operators as freshly built; the clock stays."""
        error = new_error()
        with self.locked():
            self.check(lib.ef_engine_reset(self.handle, error), error)

    def _stateful(self) -> list[int]:
        handle = self.handle
        return [node for node in range(lib.ef_engine_nodes(handle)) if lib.ef_engine_node_stateful(handle, node)]

    def _compare(self, nodes: dict[str, int], parts: Sequence[StatePart]) -> None:
        names = {part.name for part in parts}
        expected = {ENGINE_PART, *nodes}
        if different := sorted(names ^ expected):
            side = "the saved state has it, this app does not" if different[0] in names else "not in the saved state"
            raise IncompatibleStateError(f"state of {different[0]}: {side}", component=different[0])
        for part in parts:
            if part.name in nodes and (current := self.node_class(nodes[part.name])) != part.operator:
                raise IncompatibleStateError(
                    f"state of {part.name} is that of {part.operator}, this app has {current} there",
                    component=part.name,
                    saved=part.operator,
                    current=current,
                )

    def _load_parts(self, nodes: dict[str, int], parts: Sequence[StatePart]) -> None:
        error = new_error()
        for part in parts:
            data = ffi.from_buffer("char[]", part.data)
            if part.name == ENGINE_PART:
                status = lib.ef_engine_load(self.handle, data, len(part.data), error)
            else:
                node = nodes[part.name]
                status = lib.ef_engine_node_load(self.handle, node, data, len(part.data), part.version, error)
            self.check(status, error)

    # ---- figures

    def node_name(self, node: int) -> str:
        """Name of a stream or operator within the app: `query/window.length/0`."""
        return text(lib.ef_engine_node_name(self.handle, node))

    def node_class(self, node: int) -> str:
        """What kind of operator it is."""
        return text(lib.ef_engine_node_class(self.handle, node))

    def driver(self, stream: int) -> str:
        """How pushes into a stream run: `slice`, or `step: <why>`."""
        return text(lib.ef_engine_driver(self.handle, stream))

    def metrics(self) -> list[NodeMetrics]:
        """Figures of all streams and operators."""
        figures = ffi.new("ef_node_metrics *")
        with self.locked():
            return [
                NodeMetrics(
                    name=self.node_name(node),
                    operator=self.node_class(node),
                    rows_in=figures.rows_in,
                    rows_out=figures.rows_out,
                    calls=figures.calls,
                    errors=figures.errors,
                    memory_bytes=figures.memory,
                    rows_held=figures.held,
                    busy_ns=figures.busy_ns,
                )
                for node in range(lib.ef_engine_nodes(self.handle))
                if lib.ef_engine_metrics(self.handle, node, figures) == lib.EF_OK
            ]

    def measure(self, *, on: bool) -> None:
        """Begin to measure how long operators and queries take, from nothing, or stop.

        Raises:
            RuntimeStateError: It is not sealed, or the caller is a function that a query calls.
        """
        error = new_error()
        with self.locked():
            check(lib.ef_engine_measure(self.handle, on, error), error)

    def durations(self) -> dict[str, tuple[tuple[int, ...], float]]:
        """How long queries took for what came together: by query the counts of classes, and seconds in all.

        Class 0 is up to a microsecond, each further one up to twice as long; the last one has no bound.
        """
        figures = ffi.new("ef_durations *")
        found: dict[str, tuple[tuple[int, ...], float]] = {}
        with self.locked():
            for node in range(lib.ef_engine_nodes(self.handle)):
                name, slash, _ = self.node_name(node).partition("/")
                if not slash or name in found:
                    continue
                if lib.ef_engine_durations(self.handle, node, figures) == lib.EF_OK:
                    found[name] = tuple(figures.classes), figures.total_ns / 1e9
        return found

    def event_time(self, entrance: int) -> StreamTime:
        """How far the time of a watermarked stream has come."""
        with self.locked():
            watermark = int(lib.ef_engine_watermark(self.handle, entrance))
            late = int(lib.ef_engine_late(self.handle, entrance))
        return StreamTime(watermark=None if watermark == _BEGINNING else watermark, late_rows=late)

    @property
    def memory_bytes(self) -> int:
        """Bytes that the engine holds."""
        return int(lib.ef_engine_memory(self.handle))

    # ---- life

    @property
    def is_closed(self) -> bool:
        return self._border.engine == 0

    @property
    def is_inside(self) -> bool:
        """Whether the calling thread is inside the engine: in a function that it calls."""
        return self._border.is_inside

    @property
    def is_delivering(self) -> bool:
        """Whether the calling thread is the one that calls listeners."""
        return self._border.is_delivering

    def close(self) -> None:
        """Free the engine, at the latest when the calls that use it have ended. Batches that are held stay valid.

        Raises:
            RuntimeStateError: Called from a function that the engine itself calls.
        """
        if self._border.is_inside:
            raise RuntimeStateError("a function that the engine calls cannot close it")
        if not self.is_closed:
            for owned in self._owned:
                owned.close()
            self._owned.clear()
            self._listeners.clear()
            self._border.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _address(pointer: CData) -> int:
    value: int = int(ffi.cast("uintptr_t", pointer))
    return value


def _bytes_of(saved: CData) -> bytes:
    size = lib.ef_saved_size(saved)
    data = bytearray(size)
    lib.ef_saved_copy(saved, ffi.from_buffer("char[]", data, require_writable=True) if size else ffi.NULL)
    return bytes(data)
