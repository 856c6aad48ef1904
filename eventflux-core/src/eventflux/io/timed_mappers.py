"""Mappers around mappers, which count how long those take: in place while somebody wants to know."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from eventflux.extension.kinds.mapper import MappedColumns, MappedRows, MapperContext, SinkMapper, SourceMapper
from eventflux.extension.kinds.rows import EventLike, Payload, RowBatch
from eventflux.io.durations import Durations


class TimedSourceMapper(SourceMapper):
    """As another mapper; a payload, or a run of a block, is one duration.

    Args:
        inner: Configured.
        durations: Where they are counted.
    """

    def __init__(self, inner: SourceMapper, durations: Durations) -> None:
        self.inner = inner
        self.durations = durations

    def configure(self, ctx: MapperContext) -> None:
        self.inner.configure(ctx)

    def map(self, payload: Payload, properties: Mapping[str, object]) -> MappedRows:
        started = time.perf_counter()
        try:
            return self.inner.map(payload, properties)
        finally:
            self.durations.add(time.perf_counter() - started)

    def map_block(self, block: bytes, delimiter: bytes) -> Iterator[MappedColumns] | None:
        runs = self.inner.map_block(block, delimiter)
        return None if runs is None else self._timed(runs)

    def split(self, block: bytes, delimiter: bytes) -> Iterable[bytes]:
        return self.inner.split(block, delimiter)

    def start_of_input(self) -> None:
        self.inner.start_of_input()

    @property
    def header_payloads(self) -> int:
        return self.inner.header_payloads

    @property
    def maps_tombstones(self) -> bool:
        return self.inner.maps_tombstones

    def _timed(self, runs: Iterator[MappedColumns]) -> Iterator[MappedColumns]:
        """Runs are decoded when they are asked for; what is done with one in between is not the mapper's time."""
        while True:
            started = time.perf_counter()
            run = next(runs, None)
            if run is None:
                return
            self.durations.add(time.perf_counter() - started)
            yield run


class TimedSinkMapper(SinkMapper):
    """As another mapper; what is mapped together is one duration.

    Args:
        inner: Configured.
        durations: Where they are counted.
    """

    def __init__(self, inner: SinkMapper, durations: Durations) -> None:
        self.inner = inner
        self.durations = durations

    def configure(self, ctx: MapperContext) -> None:
        self.inner.configure(ctx)

    def map(self, events: Sequence[EventLike]) -> Sequence[Payload]:
        started = time.perf_counter()
        try:
            return self.inner.map(events)
        finally:
            self.durations.add(time.perf_counter() - started)

    def map_block(self, batch: RowBatch, delimiter: bytes) -> bytes | None:
        started = time.perf_counter()
        block = self.inner.map_block(batch, delimiter)
        if block is not None:
            self.durations.add(time.perf_counter() - started)
        return block

    @property
    def block_delimiter(self) -> bytes:
        return self.inner.block_delimiter

    @property
    def header(self) -> bytes | None:
        return self.inner.header
