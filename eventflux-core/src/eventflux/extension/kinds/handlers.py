"""Handlers: what stands between a source's mapper and its stream, or between a stream and a sink's mapper.

For tracing, sampling, replicas of which one is active: one is made for each source and sink of an app by the factory
that was set on the manager.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from eventflux.extension.kinds.mapper import MappedRows
from eventflux.extension.kinds.rows import RowBatch
from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class HandlerContext:
    """What a handler stands at.

    Attributes:
        app_name: Name of the app.
        stream: Name of the stream.
        type_name: Name of the source or sink, such as ``http``.
    """

    app_name: str
    stream: str
    type_name: str


class SourceHandler(ABC):
    """Sees the rows of a source before they enter the stream."""

    @abstractmethod
    def on_rows(self, rows: MappedRows, properties: Mapping[str, object], next: Callable[[MappedRows], None]) -> None:
        """Pass rows on, all of them or some, changed or not, once, several times or never.

        Args:
            rows: Of one payload, with their times; its errors have gone their way already.
            properties: Of the transport.
            next: Lets rows enter the stream; raises what `SourceCallback` raises.
        """


class SinkHandler(ABC):
    """Sees the events of a sink before they become payloads."""

    @abstractmethod
    def on_batch(self, batch: RowBatch, next: Callable[[RowBatch], None]) -> None:
        """Pass events on.

        Args:
            batch: In order.
            next: Has a batch published.
        """


SourceHandlerFactory = Callable[[HandlerContext], SourceHandler | None]
SinkHandlerFactory = Callable[[HandlerContext], SinkHandler | None]
