"""Failed events from the error store, put back where they failed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from eventflux.engine import objects
from eventflux.extension.kinds.error_store import ErrorEntry, ErrorStore, Occurrence
from eventflux.extension.kinds.rows import Row
from eventflux.io.failures import FailureHandler, RowInput
from eventflux.io.sink_runtime import SinkRuntime
from eventflux.io.source_runtime import SourceRuntime
from eventflux.runtime.stream_faults import StreamFaults
from eventflux.types.errors import ErrorStoreError
from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class _StoredEvent:
    """A row as it was when it failed."""

    timestamp: int
    data: Row
    is_expired: bool = False


class ErrorReplay:
    """Replays the entries of one app, one replay at a time.

    Args:
        app: Its name.
        store: Where entries are.
        input_of: Name of a stream -> where rows enter it.
        faults: The policies of its streams.
        sources: Its sources.
        sinks: Its sinks.
        to_table: Does again what a table could not do; False: it failed again.
    """

    def __init__(
        self,
        app: str,
        *,
        store: ErrorStore,
        input_of: Callable[[str], RowInput],
        faults: StreamFaults,
        sources: Iterable[SourceRuntime],
        sinks: Iterable[SinkRuntime],
        to_table: Callable[[ErrorEntry], bool],
    ) -> None:
        self._app = app
        self._store = store
        self._input_of = input_of
        self._faults = faults
        self._sources = tuple(sources)
        self._sinks = tuple(sinks)
        self._to_table = to_table
        self._lock = threading.Lock()

    def replay(self, ids: Iterable[int] | None) -> int:
        """Put entries back; each is then forgotten: one that fails again is a new entry.

        Returns:
            How many were put back and did not fail again.
        """
        with self._lock:
            entries = self._all() if ids is None else self._named(ids)
            return sum(self._replayed(entry) for entry in entries)

    def _all(self) -> list[ErrorEntry]:
        return self._store.load(app=self._app, limit=self._store.count(self._app))

    def _named(self, ids: Iterable[int]) -> list[ErrorEntry]:
        entries: list[ErrorEntry] = []
        for entry_id in ids:
            entry = self._store.load_one(entry_id)
            if entry is None or entry.app != self._app:
                raise ErrorStoreError(f"the error store has no entry {entry_id} of app {self._app!r}")
            entries.append(entry)
        return entries

    def _replayed(self, entry: ErrorEntry) -> bool:
        match entry.occurrence:
            case Occurrence.BEFORE_SOURCE_MAPPING:
                return self._to_source(entry)
            case Occurrence.SINK:
                return self._to_sinks(entry)
            case Occurrence.STREAM:
                return self._to_stream(entry)
            case _:
                gone = self._to_table(entry)
                self._store.discard((entry.id,))
                return gone

    def _to_stream(self, entry: ErrorEntry) -> bool:
        target = self._input_of(entry.stream)
        handler = self._faults.handler(entry.stream)

        def put() -> None:
            for event in _events(entry):
                target.send(event.data, event.timestamp)

        return self._put_back(entry, () if handler is None else (handler,), put)

    def _to_source(self, entry: ErrorEntry) -> bool:
        source = next((each for each in self._sources if each.stream == entry.stream), None)
        if source is None:
            raise ErrorStoreError(f"entry {entry.id}: stream {entry.stream!r} has no source any more")
        found = source

        def put() -> None:
            if entry.original_payload is not None:
                found.feed(entry.original_payload)
            else:
                for event in _events(entry):
                    self._input_of(entry.stream).send(event.data, event.timestamp)

        return self._put_back(entry, (found.feed.failures,), put)

    def _to_sinks(self, entry: ErrorEntry) -> bool:
        sinks = [each for each in self._sinks if each.connection.name == entry.where]
        if not sinks:
            sinks = [each for each in self._sinks if each.stream == entry.stream]
        if not sinks:
            raise ErrorStoreError(f"entry {entry.id}: stream {entry.stream!r} has no sink any more")
        sink = sinks[0]
        return self._put_back(entry, (sink.failures,), lambda: sink.publish_events(_events(entry)))

    def _put_back(self, entry: ErrorEntry, handlers: tuple[FailureHandler, ...], put: Callable[[], None]) -> bool:
        before = [handler.counts.total for handler in handlers]
        for handler in handlers:
            handler.attempts_before = entry.attempt
        try:
            put()
        finally:
            for handler in handlers:
                handler.attempts_before = 0
        self._store.discard((entry.id,))
        return before == [handler.counts.total for handler in handlers]


def _events(entry: ErrorEntry) -> list[_StoredEvent]:
    rows: Any = objects.unpack(entry.event)
    return [_StoredEvent(timestamp=timestamp, data=tuple(values)) for timestamp, values in rows]
