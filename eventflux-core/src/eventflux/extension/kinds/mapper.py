"""Mappers: formats. A mapper turns payloads into rows, or rows into payloads, and knows nothing of transport."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from eventflux.extension.kinds.rows import EventLike, Payload, Row, RowBatch
from eventflux.extension.options import Options
from eventflux.types.errors import MappingError
from eventflux.types.record import record
from eventflux.types.schema import Schema


@record(frozen=True, slots=True, kw_only=True)
class MapperContext:
    """What a mapper knows of its place.

    Attributes:
        app_name: Name of the app.
        stream: Name of the stream.
        schema: Attributes of the stream.
        options: The mapper's options, checked against its declaration.
        mapping: Attribute name -> where its value stands in the payload; empty: by name.
        now: The app's clock in milliseconds, for templates.
        template: One text with ``{{attribute}}`` placeholders, or None. Sinks only.
        named_templates: Key -> template; empty: none. Sinks only.
    """

    app_name: str
    stream: str
    schema: Schema
    options: Options
    mapping: Mapping[str, str] = field(default_factory=dict)
    now: Callable[[], int] = lambda: 0
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


@record(frozen=True, slots=True, kw_only=True)
class MappedColumns:
    """A run of payloads of a block, mapped at once, and perhaps the payload behind it that was left out.

    Attributes:
        native: The rows as a batch of the engine's own, valid until the next run is asked for; None: there are none.
        payloads: How many payloads the run has, those without rows too.
        start: Where the run begins in the block.
        end: Where it ends.
        rejected: The payload behind the run, which must be mapped alone; None: the block ends here.
    """

    native: object = None
    payloads: int = 0
    start: int = 0
    end: int = 0
    rejected: bytes | None = None


class SourceMapper(ABC):
    """Payload -> rows."""

    @abstractmethod
    def configure(self, ctx: MapperContext) -> None:
        """Take options and mapping; raise `ConfigError` for what can't work."""

    @abstractmethod
    def map(self, payload: Payload, properties: Mapping[str, object]) -> MappedRows:
        """The rows of one payload: none, one or many."""

    def map_block(self, block: bytes, delimiter: bytes) -> Iterator[MappedColumns] | None:
        """The rows of whole payloads with a delimiter behind each, in runs; None: take them one by one."""
        return None

    def split(self, block: bytes, delimiter: bytes) -> Iterable[bytes]:
        """The payloads of a block. Without a delimiter they stand one behind the other, as the format has it."""
        return block.split(delimiter) if delimiter else (block,)

    def start_of_input(self) -> None:
        """What comes next is the beginning of a file or connection: a line of names may follow."""

    @property
    def header_payloads(self) -> int:
        """How many payloads at the beginning of an input are not events, such as a line of names."""
        return 0

    @property
    def maps_tombstones(self) -> bool:
        """Whether `map` takes None, the payload of a message without one."""
        return False


class SinkMapper(ABC):
    """Rows -> payloads."""

    @abstractmethod
    def configure(self, ctx: MapperContext) -> None:
        """Take options and templates; raise `ConfigError` for what can't work."""

    @abstractmethod
    def map(self, events: Sequence[EventLike]) -> Sequence[Payload]:
        """One payload an event, in order."""

    def map_block(self, batch: RowBatch, delimiter: bytes) -> bytes | None:
        """The payloads of a batch, each with the delimiter behind it; None: take them one by one."""
        return None

    @property
    def block_delimiter(self) -> bytes:
        """What `map_block` puts behind each payload, where the sink does not care; empty: they need nothing."""
        return b"\n"

    @property
    def header(self) -> bytes | None:
        """A payload that stands once at the beginning of a file or message, such as a line of names."""
        return None
