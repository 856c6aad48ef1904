"""Mappers: formats. A mapper turns payloads into rows, or rows into payloads, and knows nothing of transport."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eventflux.extension.kinds.rows import Payload, Row, RowBatch
from eventflux.extension.options import Options
from eventflux.types.errors import MappingError
from eventflux.types.schema import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class MapperContext:
    """What a mapper knows of its place.

    Attributes:
        app_name: Name of the app.
        stream: Name of the stream.
        schema: Attributes of the stream.
        options: The mapper's options, checked against its declaration.
        mapping: Attribute name -> where its value stands in the payload; empty: by name.
        template: One text with ``{{attribute}}`` placeholders, or None. Sinks only.
        named_templates: Key -> template; empty: none. Sinks only.
    """

    app_name: str
    stream: str
    schema: Schema
    options: Options
    mapping: Mapping[str, str] = field(default_factory=dict)
    template: str | None = None
    named_templates: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class MappedRows:
    """What a payload gave.

    Attributes:
        rows: In order.
        timestamps: One a row where the payload tells the event's time (None: it doesn't for that row), or None.
        errors: One an event that could not be mapped; the rest is in ``rows``.
    """

    rows: list[Row] = field(default_factory=list)
    timestamps: list[int | None] | None = None
    errors: list[MappingError] = field(default_factory=list)


class SourceMapper(ABC):
    """Payload -> rows."""

    @abstractmethod
    def configure(self, ctx: MapperContext) -> None:
        """Take options and mapping; raise `ConfigError` for what can't work."""

    @abstractmethod
    def map(self, payload: Payload, properties: Mapping[str, object]) -> MappedRows:
        """The rows of one payload: none, one or many."""


class SinkMapper(ABC):
    """Rows -> payloads."""

    @abstractmethod
    def configure(self, ctx: MapperContext) -> None:
        """Take options and templates; raise `ConfigError` for what can't work."""

    @abstractmethod
    def map(self, batch: RowBatch) -> Sequence[Payload]:
        """One payload a row, in order."""

    @property
    def header(self) -> bytes | None:
        """Bytes that stand once before the first payload of a file or message, such as a line of names."""
        return None
