"""Handlers: what stands between a source's mapper and its stream, a stream and a sink's mapper, an app and a store.

For tracing, sampling, replicas of which one is active: one is made for each source, sink and table outside of an app by
the factory that was set on the manager.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeVar

from eventflux.extension.kinds.mapper import MappedRows
from eventflux.extension.kinds.rows import Row, RowBatch
from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class HandlerContext:
    """What a handler stands at.

    Attributes:
        app_name: Name of the app.
        stream: Name of the stream, or of the table.
        type_name: Name of the source, sink or store, such as ``http``; empty for a table that the manager has.
    """

    app_name: str
    stream: str
    type_name: str


ResultT = TypeVar("ResultT")
TableOperation = Literal["find", "contains", "insert", "update", "delete", "update_or_insert"]


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

    def headers(self) -> Mapping[str, str]:
        """What messages that are published now carry beside their own headers, by a sink whose messages have headers.

        Asked on the thread of `on_batch`.
        """
        return {}


class TableHandler(ABC):
    """Sees what an app asks of a table outside the engine."""

    @abstractmethod
    def on_operation(self, operation: TableOperation, rows: Sequence[Row], next: Callable[[], ResultT]) -> ResultT:
        """Have an operation carried out, and give what it gives. Not to carry it out is to raise.

        Args:
            operation: What is asked.
            rows: Those that are inserted, else the parameters of the condition, one row a question.
            next: Carries it out, once; raises what the store raises.
        """


SourceHandlerFactory = Callable[[HandlerContext], SourceHandler | None]
SinkHandlerFactory = Callable[[HandlerContext], SinkHandler | None]
TableHandlerFactory = Callable[[HandlerContext], TableHandler | None]
