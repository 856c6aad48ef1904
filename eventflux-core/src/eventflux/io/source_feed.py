"""From payloads to rows in a stream: what a source hands its payloads to.

     source thread ── payload or block ──> SourceFeed ── mapper ──> rows or columns ──> InputHandler

A payload that can't be mapped, and a row that the stream refuses, go the way of the error policy, alone; the rest
enters, unless the policy stops the app: then the payload is not done, and its position does not move. Rows and the
source's position enter together: both are under the barrier that a checkpoint closes.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from eventflux.engine.codecs import NativeRows, long_column
from eventflux.extension.kinds.handlers import SourceHandler
from eventflux.extension.kinds.mapper import MappedColumns, MappedRows, SourceMapper
from eventflux.extension.kinds.rows import Payload, Row
from eventflux.extension.kinds.source import (
    Acknowledge,
    BlockOrigin,
    EventRefusedError,
    LinePayloads,
    MessageBatch,
)
from eventflux.io.durations import DurationCounts, Durations
from eventflux.io.failures import FailedEvent, FailureHandler, RowInput
from eventflux.io.timed_mappers import TimedSourceMapper
from eventflux.types.errors import BackpressureError, EventDataError, EventFluxError, MappingError

_NO_PROPERTIES: Mapping[str, object] = {}
_ROOM_SECONDS = 0.005
_PAUSE_SECONDS = 5.0


class SourceFeed:
    """The callback of one source."""

    def __init__(
        self,
        mapper: SourceMapper,
        rows: RowInput,
        failures: FailureHandler,
        *,
        name: str,
        barrier: AbstractContextManager[object] | None = None,
        uses_properties: bool = False,
        is_checkpointed: Callable[[], bool] = lambda: False,
        wait: Callable[[float], object] | None = None,
        handler: SourceHandler | None = None,
        format_name: str = "",
    ) -> None:
        """Bind the parts.

        Args:
            mapper: Configured.
            rows: Where they go.
            failures: What happens to the rest.
            name: Of the source, for messages.
            barrier: Entered around each payload; a checkpoint holds it. It must be re-entrant.
            uses_properties: The mapping asks for transport properties.
            is_checkpointed: Whether checkpoints hold the source's position.
            wait: Lets seconds pass while a stream has no room; None: the source is told that there is none.
            handler: Sees rows before they enter.
            format_name: Of the mapper.
        """
        self._mapper = mapper
        self.format_name = format_name
        self._rows = rows
        self._failures = failures
        self._name = name
        self._barrier: AbstractContextManager[object] = nullcontext() if barrier is None else barrier
        # A mapper is not made for two threads. Not held while the rows of a payload enter: a stream may lead to another
        # source of this process, and from there back to this one, on two threads at a time.
        self._mapping = threading.RLock()
        self._flights = threading.Condition()  # guards _in_flight
        self._in_flight: Counter[int] = Counter()  # by thread
        self._open = threading.Event()
        self._open.set()
        self._wait = wait
        self._handler = handler
        self._uses_properties = uses_properties
        self._is_checkpointed = is_checkpointed
        self.on_lost: Callable[[Exception | None], None] | None = None
        self.on_secure: Callable[[], bool] | None = None
        self.on_interrupted: Callable[[Exception], None] | None = None
        self.on_restored: Callable[[], None] | None = None
        self._send_native: Callable[..., int] | None = None
        if handler is None:
            self._send_native = getattr(rows, "send_native_batch", None)
        self.events = 0
        self.payloads = 0
        self.bytes = 0

    @property
    def failures(self) -> FailureHandler:
        """What became of events that could not be mapped."""
        return self._failures

    def measure(self, *, on: bool) -> None:
        """Count how long the mapper takes, from nothing, or stop."""
        inner = self._mapper.inner if isinstance(self._mapper, TimedSourceMapper) else self._mapper
        self._mapper = TimedSourceMapper(inner, Durations()) if on else inner

    @property
    def mapping(self) -> DurationCounts | None:
        """How long the mapper took; None: that is not counted."""
        mapper = self._mapper
        return mapper.durations.counts() if isinstance(mapper, TimedSourceMapper) else None

    def pause(self) -> None:
        """Let nothing enter until `resume`; what other threads deliver has entered when this returns, or takes long."""
        own = threading.get_ident()
        with self._flights:
            self._open.clear()
            self._flights.wait_for(lambda: not any(thread != own for thread in self._in_flight), _PAUSE_SECONDS)

    def resume(self) -> None:
        """Let what waits enter."""
        self._open.set()

    @contextmanager
    def _passing(self) -> Iterator[None]:
        """Around what enters: waits while the feed is paused."""
        thread = threading.get_ident()
        while True:
            with self._flights:
                is_open = self._open.is_set() or thread in self._in_flight
                if is_open:
                    self._in_flight[thread] += 1
            if is_open:
                break
            self._open.wait()
        try:
            with self._barrier:
                yield
        finally:
            with self._flights:
                self._in_flight[thread] -= 1
                if not self._in_flight[thread]:
                    del self._in_flight[thread]
                    self._flights.notify_all()

    def __call__(
        self, payload: Payload, properties: Mapping[str, object] | None = None, ack: Acknowledge | None = None
    ) -> None:
        with self._passing():
            self.payloads += 1
            if isinstance(payload, (bytes, bytearray, memoryview, str)):
                self.bytes += len(payload)
            mapped = self._mapped(payload, _NO_PROPERTIES if properties is None else properties)
            for error in mapped.errors:
                self._failed(error, payload, self._name)
            self._deliver(mapped, properties, self._name)
            if ack is not None:
                ack()

    def block(
        self,
        block: bytes,
        delimiter: bytes,
        origin: BlockOrigin,
        accepted: Callable[[], None] | None = None,
    ) -> None:
        with self._passing():
            self.bytes += len(block)
            is_native = self._send_native is not None and origin.pacer is None
            with self._mapping if is_native else nullcontext():  # rows of a run are the mapper's until the next one
                runs = self._mapper.map_block(block, delimiter) if is_native else None
                if runs is not None:
                    self._send_runs(self._send_native, runs, block, delimiter, origin)
            if runs is None:
                self._map_payloads(block, delimiter, origin)
            if accepted is not None:
                accepted()

    def messages(self, batch: MessageBatch, accepted: Callable[[], None] | None = None) -> None:
        with self._passing():
            block = None
            if self._send_native is not None and not self._uses_properties:
                block = _as_block(batch.payloads)
            with self._mapping if block is not None else nullcontext():
                runs = None if block is None else self._mapper.map_block(block, b"\n")
                if runs is not None:
                    self._send_message_runs(runs, batch)
            if runs is None:
                self._map_messages(batch, 0, len(batch.payloads))
            if block is not None:
                self.bytes += len(block) - len(batch.payloads)
            else:
                self.bytes += sum(len(each) for each in batch.payloads if isinstance(each, (bytes, str)))
            if accepted is not None:
                accepted()

    @property
    def uses_properties(self) -> bool:
        return self._uses_properties

    @property
    def maps_tombstones(self) -> bool:
        return self._mapper.maps_tombstones

    @property
    def is_checkpointed(self) -> bool:
        return self._is_checkpointed()

    def secure(self) -> bool:
        return self.on_secure is not None and self.on_secure()

    def interrupted(self, error: Exception) -> None:
        if self.on_interrupted is not None:
            self.on_interrupted(error)

    def restored(self) -> None:
        if self.on_restored is not None:
            self.on_restored()

    def start_of_input(self) -> None:
        self._mapper.start_of_input()

    @property
    def header_payloads(self) -> int:
        return self._mapper.header_payloads

    def header(self, payload: bytes) -> None:
        self._mapper.map(payload, _NO_PROPERTIES)

    def failed(self, error: MappingError, origin: BlockOrigin) -> None:
        self._failed(error, error.payload, f"{origin.name}:{origin.first}")

    def lost(self, error: Exception | None) -> None:
        if self.on_lost is not None:
            self.on_lost(error)

    def _mapped(self, payload: Payload, properties: Mapping[str, object]) -> MappedRows:
        """The rows of one payload; what a mapper raises is the payload's fault, unless it says otherwise."""
        try:
            with self._mapping:
                return self._mapper.map(payload, properties)
        except MappingError as error:
            return MappedRows(errors=[error])
        except EventFluxError:  # a registry of schemas that does not answer: no fault of the payload
            raise
        except Exception as error:  # foreign code: no payload may end a source
            failure = MappingError(f"{type(error).__name__}: {error}", payload=payload)
            failure.__cause__ = error
            return MappedRows(errors=[failure])

    def _map_payloads(self, block: bytes, delimiter: bytes, origin: BlockOrigin, *, skip: int = 0) -> None:
        """Map payloads one by one and send their rows, but for the first ones, which have entered already."""
        gathered = MappedRows()
        strip = delimiter == b"\n"
        number = origin.first - 1
        for payload in self._mapper.split(block, delimiter):
            number += 1
            if strip and payload.endswith(b"\r"):
                payload = payload[:-1]
            if not payload:
                continue
            self.payloads += 1
            mapped = self._mapped(payload, origin.properties)
            for error in mapped.errors:
                self._failed(error, payload, f"{origin.name}:{number}")
            if origin.pacer is not None:
                self._send_paced(mapped, origin)
            elif self._handler is not None:
                self._deliver(mapped, origin.properties, origin.name)
            else:
                _append(gathered, mapped)
        if skip:
            gathered.rows = gathered.rows[skip:]
            gathered.timestamps = None if gathered.timestamps is None else gathered.timestamps[skip:]
        self._send(gathered, origin.name)

    def _map_messages(self, batch: MessageBatch, start: int, end: int) -> None:
        """Map messages one by one, send their rows together."""
        gathered = MappedRows()
        for index in range(start, end):
            payload = batch.payloads[index]
            self.payloads += 1
            properties = _NO_PROPERTIES if batch.properties is None else batch.properties(index)
            mapped = self._mapped(payload, properties)
            for error in mapped.errors:
                self._failed(error, payload, batch.name)
            _place_times(mapped, batch, index)
            if self._handler is not None:
                self._deliver(mapped, properties, batch.name)
            else:
                _append(gathered, mapped)
        self._send(gathered, batch.name)

    def _send_message_runs(self, runs: Iterator[MappedColumns], batch: MessageBatch) -> None:
        """Send what was decoded at once with the messages' times; map alone what was left out or refused."""
        at = 0
        times = None if batch.timestamps is None else memoryview(batch.timestamps)
        for run in runs:
            end = at + run.payloads
            rows = run.native
            if isinstance(rows, NativeRows) and self._send_native is not None:
                stamps = None
                if not rows.has_timestamps and batch.timestamp_attribute is not None:
                    stamps = long_column(rows, batch.timestamp_attribute)
                elif not rows.has_timestamps and times is not None:
                    stamps = times[at:end]
                wants_times = batch.timestamp_attribute is not None and not rows.has_timestamps
                if rows.rows != run.payloads or (wants_times and stamps is None):
                    self._map_messages(batch, at, end)
                else:
                    try:
                        self.events += self._send_native(rows, stamps)
                        self.payloads += run.payloads
                    except EventDataError:  # which row is refused shows when they are sent one by one
                        self._map_messages(batch, at, end)
                    except BackpressureError as error:
                        if self._wait is None:
                            raise
                        self.events += error.accepted
                        self._map_messages(batch, at + error.accepted, end)
            at = end
            if run.rejected is not None:
                self._map_messages(batch, at, at + 1)
                at += 1

    def _send_paced(self, mapped: MappedRows, origin: BlockOrigin) -> None:
        timestamps = mapped.timestamps
        for index, row in enumerate(mapped.rows):
            timestamp = None if timestamps is None else timestamps[index]
            if timestamp is not None and origin.pacer is not None and not origin.pacer.wait_for(timestamp):
                return
            self._send(MappedRows(rows=[row], timestamps=[timestamp]), origin.name)

    def _deliver(self, mapped: MappedRows, properties: Mapping[str, object] | None, where: str) -> None:
        """Send the rows of one payload, through the handler if there is one."""
        if self._handler is None:
            self._send(mapped, where)
        elif mapped.rows:
            self._handler.on_rows(mapped, properties or _NO_PROPERTIES, partial(self._send, where=where))

    def _send(self, mapped: MappedRows, where: str) -> None:
        rows, timestamps = mapped.rows, mapped.timestamps
        if not rows:
            return
        if timestamps is None or all(each is None for each in timestamps):
            self._send_run(rows, None, where)
            return
        start = 0
        for end in range(1, len(rows) + 1):
            if end == len(rows) or (timestamps[end] is None) != (timestamps[start] is None):
                known = [each for each in timestamps[start:end] if each is not None]
                self._send_run(rows[start:end], known or None, where)
                start = end

    def _send_run(self, rows: Sequence[Row], timestamps: Sequence[int] | None, where: str) -> None:
        """Send rows that all have a timestamp, or all have none. A row that the stream refuses goes alone."""
        most = len(rows)
        while rows:
            part = rows if most >= len(rows) else rows[:most]
            times = None if timestamps is None else timestamps[: len(part)]
            passed = len(part)
            try:
                if len(part) == 1:
                    self.events += self._rows.send(part[0], None if times is None else times[0])
                else:
                    self.events += self._rows.send_many(part, times)
            except EventDataError as error:
                at = 0 if len(part) == 1 or error.row is None else error.row
                if at > 0:
                    self._send_run(part[:at], None if times is None else times[:at], where)
                self._dispose(
                    FailedEvent(error=error, row=part[at], timestamp=None if times is None else times[at], where=where)
                )
                passed = at + 1
            except BackpressureError as error:
                if self._wait is None:
                    raise
                passed = error.accepted
                self.events += passed
                if passed == 0 and len(part) > 1:
                    most = len(part) // 2  # a stream that takes all or nothing may have no room for so many
                else:
                    self._wait(_ROOM_SECONDS)
            rows = rows[passed:]
            timestamps = None if timestamps is None else timestamps[passed:]

    def _send_runs(
        self,
        send: Callable[[object], int] | None,
        runs: Iterator[MappedColumns],
        block: bytes,
        delimiter: bytes,
        origin: BlockOrigin,
    ) -> None:
        number = origin.first
        for run in runs:
            if run.native is not None and send is not None:
                rest = replace(origin, first=number)
                try:
                    self.events += send(run.native)
                    self.payloads += run.payloads
                except EventDataError:  # a row of it is refused: which one shows when they are sent one by one
                    self._map_payloads(block[run.start : run.end], delimiter, rest)
                except BackpressureError as error:
                    if self._wait is None:
                        raise
                    self.events += error.accepted
                    self._map_payloads(block[run.start : run.end], delimiter, rest, skip=error.accepted)
            number += run.payloads
            if run.rejected is not None:
                self._map_payloads(run.rejected + delimiter, delimiter, replace(origin, first=number))
                number += 1

    def _failed(self, error: MappingError, payload: Payload | None, where: str) -> None:
        if error.payload is None:
            error.payload = payload
        self._dispose(FailedEvent(error=error, payload=error.payload, where=where))

    def _dispose(self, event: FailedEvent) -> None:
        if self._failures.handle(event):
            raise EventRefusedError(f"the app stops: {event.error}") from event.error


def _append(gathered: MappedRows, mapped: MappedRows) -> None:
    if mapped.timestamps is not None:
        if gathered.timestamps is None:
            gathered.timestamps = [None] * len(gathered.rows)
        gathered.timestamps.extend(mapped.timestamps)
    elif gathered.timestamps is not None:
        gathered.timestamps.extend([None] * len(mapped.rows))
    gathered.rows.extend(mapped.rows)


def _as_block(payloads: Sequence[Payload]) -> bytes | None:
    """The payloads as lines; None where one of them is empty, no bytes, or has a line feed of its own."""
    if isinstance(payloads, LinePayloads):
        return payloads.block
    joinable: Sequence[Any] = payloads
    try:
        block = b"\n".join(joinable)
    except TypeError:
        return None
    if not block or block.count(b"\n") != len(payloads) - 1:
        return None
    if block.startswith(b"\n") or block.endswith(b"\n") or b"\n\n" in block:
        return None
    return block + b"\n"


def _place_times(mapped: MappedRows, batch: MessageBatch, index: int) -> None:
    """Rows that the mapper gave no time get that of their message."""
    found = mapped.timestamps if mapped.timestamps is not None else [None] * len(mapped.rows)
    if batch.timestamp_attribute is not None:
        at = batch.timestamp_attribute
        own = [row[at] for row in mapped.rows]
        mapped.timestamps = [
            value if isinstance(value, int) and time is None else time for value, time in zip(own, found, strict=True)
        ]
    elif batch.timestamps is not None:
        stamp = batch.timestamps[index]
        mapped.timestamps = [stamp if time is None else time for time in found]
