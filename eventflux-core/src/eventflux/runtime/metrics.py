"""Figures of a running app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from eventflux.engine.async_stream import AsyncMetrics
from eventflux.engine.engine import Engine, NodeMetrics, StreamTime
from eventflux.extension.kinds.handlers import TableOperation
from eventflux.io.durations import DurationCounts
from eventflux.runtime.async_streams import AsyncStreams
from eventflux.runtime.failures import Failures
from eventflux.runtime.outside_tables import OutsideTables
from eventflux.runtime.stream_connectors import ConnectorCounts, StreamConnectors
from eventflux.types.record import record

StatisticsLevel = Literal["off", "basic", "detail"]
LEVELS: Final[tuple[StatisticsLevel, ...]] = ("off", "basic", "detail")


@record(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Figures since the start.

    Attributes:
        app: Name of the app.
        state: Where it stands.
        streams: Rows that reached each stream.
        operators: Figures of each operator: rows in and out, calls, rows and bytes held.
        memory_bytes: Bytes that the engine holds.
        failures: Failures by what failed.
        connectors: Events and failures of each source and sink, by ``source/<stream>/<type>/<n>``.
        async_streams: Figures of the buffer of each async stream.
        tables: How long the operations of each table outside the engine took, by what they did.
        queries: How long each query took for what came together; empty unless the level of statistics is ``detail``.
        event_time: Watermark and late rows of each watermarked stream.
    """

    app: str
    state: str
    streams: dict[str, int]
    operators: tuple[NodeMetrics, ...]
    memory_bytes: int
    failures: dict[str, int]
    connectors: dict[str, ConnectorCounts]
    async_streams: dict[str, AsyncMetrics]
    tables: dict[str, dict[TableOperation, DurationCounts]]
    queries: dict[str, DurationCounts]
    event_time: dict[str, StreamTime]


def measure(
    app: str,
    state: str,
    engine: Engine,
    failures: Failures,
    connectors: StreamConnectors,
    buffers: AsyncStreams,
    outside: OutsideTables,
    entrances: Mapping[str, int],
) -> Metrics:
    """The figures now; the engine stands still for the reading."""
    nodes = engine.metrics() if not engine.is_closed else []
    return Metrics(
        app=app,
        state=state,
        # Entrances that the planner made have names with a tilde, which no stream can have.
        streams={node.name: node.rows_in for node in nodes if node.operator == "stream" and "~" not in node.name},
        operators=tuple(node for node in nodes if node.operator not in {"stream", "insert", "tap"}),
        memory_bytes=engine.memory_bytes if not engine.is_closed else 0,
        failures=failures.by_place(),
        connectors=connectors.counts(),
        async_streams=buffers.metrics() if not engine.is_closed else {},
        tables=outside.operations(),
        queries={}
        if engine.is_closed
        else {
            query: DurationCounts(classes=classes, seconds=seconds)
            for query, (classes, seconds) in engine.durations().items()
        },
        event_time={} if engine.is_closed else {name: engine.event_time(node) for name, node in entrances.items()},
    )
