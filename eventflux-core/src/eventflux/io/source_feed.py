"""From payloads to rows in a stream: what a source hands its payloads to.

     source thread ── payload or block ──> SourceFeed ── mapper ──> rows or columns ──> InputHandler

A payload that can't be mapped, and a row that the stream refuses, go the way of the error policy, alone; the rest
enters. Rows and the source's position enter together: both are under the barrier that a checkpoint closes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from eventflux.extension.kinds.mapper import MappedColumns, MappedRows, SourceMapper
from eventflux.extension.kinds.rows import Payload, Row
from eventflux.extension.kinds.source import Acknowledge, BlockOrigin
from eventflux.io.failures import FailedEvent, FailureHandler, RowInput
from eventflux.types.errors import EventDataError, MappingError

_NO_PROPERTIES: Mapping[str, object] = {}


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
    ) -> None:
        """Bind the parts.

        Args:
            mapper: Configured.
            rows: Where they go.
            failures: What happens to the rest.
            name: Of the source, for messages.
            barrier: Entered around each payload; a checkpoint holds it. It must be re-entrant.
        """
        self._mapper = mapper
        self._rows = rows
        self._failures = failures
        self._name = name
        self._barrier: AbstractContextManager[object] = nullcontext() if barrier is None else barrier
        self.on_lost: Callable[[Exception | None], None] | None = None
        self._send_native: Callable[[object], int] | None = getattr(rows, "send_native_batch", None)
        self.events = 0
        self.payloads = 0
        self.bytes = 0

    @property
    def failures(self) -> FailureHandler:
        """What became of events that could not be mapped."""
        return self._failures

    def __call__(
        self, payload: Payload, properties: Mapping[str, object] | None = None, ack: Acknowledge | None = None
    ) -> None:
        with self._barrier:
            self.payloads += 1
            if isinstance(payload, (bytes, bytearray, memoryview, str)):
                self.bytes += len(payload)
            mapped = self._mapper.map(payload, _NO_PROPERTIES if properties is None else properties)
            for error in mapped.errors:
                self._failed(error, payload, self._name)
            self._send(mapped, self._name)
            if ack is not None:
                ack()

    def block(
        self,
        block: bytes,
        delimiter: bytes,
        origin: BlockOrigin,
        accepted: Callable[[], None] | None = None,
    ) -> None:
        with self._barrier:
            self.bytes += len(block)
            runs = None
            if self._send_native is not None and origin.pacer is None:
                runs = self._mapper.map_block(block, delimiter)
            if runs is None:
                self._map_payloads(block, delimiter, origin)
            else:
                self._send_runs(self._send_native, runs, block, delimiter, origin)
            if accepted is not None:
                accepted()

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

    def _map_payloads(self, block: bytes, delimiter: bytes, origin: BlockOrigin) -> None:
        gathered = MappedRows()
        strip = delimiter == b"\n"
        number = origin.first - 1
        for payload in block.split(delimiter):
            number += 1
            if strip and payload.endswith(b"\r"):
                payload = payload[:-1]
            if not payload:
                continue
            self.payloads += 1
            mapped = self._mapper.map(payload, _NO_PROPERTIES)
            for error in mapped.errors:
                self._failed(error, payload, f"{origin.name}:{number}")
            if origin.pacer is not None:
                self._send_paced(mapped, origin)
            else:
                _append(gathered, mapped)
        self._send(gathered, origin.name)

    def _send_paced(self, mapped: MappedRows, origin: BlockOrigin) -> None:
        timestamps = mapped.timestamps
        for index, row in enumerate(mapped.rows):
            timestamp = None if timestamps is None else timestamps[index]
            if timestamp is not None and origin.pacer is not None and not origin.pacer.wait_for(timestamp):
                return
            self._send(MappedRows(rows=[row], timestamps=[timestamp]), origin.name)

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
        while rows:
            try:
                if len(rows) == 1:
                    self.events += self._rows.send(rows[0], None if timestamps is None else timestamps[0])
                else:
                    self.events += self._rows.send_many(rows, timestamps)
            except EventDataError as error:
                at = 0 if len(rows) == 1 or error.row is None else error.row
                if at > 0:
                    self._send_run(rows[:at], None if timestamps is None else timestamps[:at], where)
                self._failures.handle(
                    FailedEvent(
                        error=error,
                        row=rows[at],
                        timestamp=None if timestamps is None else timestamps[at],
                        where=where,
                    )
                )
                rows = rows[at + 1 :]
                timestamps = None if timestamps is None else timestamps[at + 1 :]
            else:
                return

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
                try:
                    self.events += send(run.native)
                    self.payloads += run.payloads
                except EventDataError:  # a row of it is refused: which one shows when they are sent one by one
                    self._map_payloads(block[run.start : run.end], delimiter, replace(origin, first=number))
            number += run.payloads
            if run.rejected is not None:
                self._map_payloads(run.rejected + delimiter, delimiter, replace(origin, first=number))
                number += 1

    def _failed(self, error: MappingError, payload: Payload | None, where: str) -> None:
        if error.payload is None:
            error.payload = payload
        self._failures.handle(FailedEvent(error=error, payload=error.payload, where=where))


def _append(gathered: MappedRows, mapped: MappedRows) -> None:
    if mapped.timestamps is not None:
        if gathered.timestamps is None:
            gathered.timestamps = [None] * len(gathered.rows)
        gathered.timestamps.extend(mapped.timestamps)
    elif gathered.timestamps is not None:
        gathered.timestamps.extend([None] * len(mapped.rows))
    gathered.rows.extend(mapped.rows)
