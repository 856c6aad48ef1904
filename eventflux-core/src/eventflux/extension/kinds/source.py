"""Sources: where bytes or rows come from.

A source knows bytes and transport properties; what they mean is the mapper's. Life: ``configure`` (no I/O),
``validate_connectivity``, ``connect``, then ``pause``/``resume`` at will, ``disconnect``, ``destroy``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Protocol, overload

from eventflux.extension.environment import Environment
from eventflux.extension.kinds.delivery import NO_DELIVERIES, Deliveries
from eventflux.extension.kinds.figure import Figure
from eventflux.extension.kinds.rows import Payload, State
from eventflux.extension.options import Options
from eventflux.types.errors import MappingError, RuntimeStoppedError
from eventflux.types.record import record
from eventflux.types.schema import Schema

Acknowledge = Callable[[], None]


class EventRefusedError(RuntimeStoppedError):
    """An event could not be taken, and the policy of its stream stops the app: the payload is not disposed of."""


class SourceCallback(Protocol):
    """What a source hands its payloads to; blocks under back-pressure, raises only what the source must act on."""

    def __call__(
        self,
        payload: Payload,
        properties: Mapping[str, object] | None = None,
        ack: Acknowledge | None = None,
    ) -> None:
        """Take one payload.

        Raises:
            EventRefusedError: The app stops over an event of it.
            BackpressureError: The stream has no room, and its policy is to say so.
            RuntimeStateError: The app is paused or has stopped.

        Args:
            payload: What the mapper reads.
            properties: Transport properties, offered to the mapping as ``trp:<name>``.
            ack: Called when the events are durable (checkpoint) or processed (no persistence).
        """
        ...

    def block(
        self,
        block: bytes,
        delimiter: bytes,
        origin: BlockOrigin,
        accepted: Callable[[], None] | None = None,
    ) -> None:
        """Take whole payloads, a delimiter behind each.

        Args:
            block: Their bytes.
            delimiter: What ends each of them.
            origin: Where the first of them comes from.
            accepted: Called when all of them have entered, before a checkpoint can be taken: what `Source.save` tells
                moves here.
        """
        ...

    def messages(self, batch: MessageBatch, accepted: Callable[[], None] | None = None) -> None:
        """Take messages, each a payload of its own.

        Args:
            batch: The messages.
            accepted: Called when all of them have entered, before a checkpoint can be taken: what `Source.save` tells
                moves here.
        """
        ...

    @property
    def uses_properties(self) -> bool:
        """Whether the mapping asks for transport properties: nobody else looks at them."""
        ...

    @property
    def maps_tombstones(self) -> bool:
        """Whether messages without a payload give rows; if not, the source leaves them out."""
        ...

    @property
    def is_checkpointed(self) -> bool:
        """Whether checkpoints hold the source's position: it is secured by them, not by `secure`."""
        ...

    def secure(self) -> bool:
        """Have what was delivered so far secured.

        When the sinks have acknowledged all that came out of it, `Source.committed` is called with the position of now.
        False: a checkpoint does that, or a sink has not acknowledged in time.
        """
        ...

    def interrupted(self, error: Exception) -> None:
        """The connection is gone, but the source mends it by itself; once an interruption."""
        ...

    def restored(self) -> None:
        """The connection is there again; without an interruption nothing happens."""
        ...

    def lost(self, error: Exception | None) -> None:
        """The source delivers no more: its input has ended (None), its connection is gone, or it failed."""
        ...

    def start_of_input(self) -> None:
        """What comes next is the beginning of a file or connection."""
        ...

    @property
    def header_payloads(self) -> int:
        """How many payloads at the beginning of an input are not events, such as a line of names."""
        ...

    def header(self, payload: bytes) -> None:
        """One of those again, when reading goes on in the middle of an input."""
        ...

    def failed(self, error: MappingError, origin: BlockOrigin) -> None:
        """A payload that the source itself had to give up, such as a line over the limit."""
        ...


class Pacer(Protocol):
    """Lets rows through at the speed of their own time."""

    def wait_for(self, timestamp: int) -> bool:
        """Wait until the moment has come; False: the source stops."""
        ...


@record(frozen=True, slots=True, kw_only=True)
class BlockOrigin:
    """Where a block of payloads comes from, for messages: a name, the number of its first payload (from 1), and pacing.

    Attributes:
        name: Of the file or connection.
        first: Number of the first payload.
        pacer: Rows wait for it one by one; None: as fast as possible.
        properties: Transport properties of all payloads of the block.
    """

    name: str
    first: int = 1
    pacer: Pacer | None = None
    properties: Mapping[str, object] = field(default_factory=dict)


@record(frozen=True, slots=True, kw_only=True)
class MessageBatch:
    """Messages of a transport, in order.

    Attributes:
        payloads: One a message; None: it has none (`SourceCallback.maps_tombstones`).
        name: Where they come from, for error messages.
        timestamps: Milliseconds since the epoch, one a message (`array('q')`); None: the time of their entry.
        timestamp_attribute: Number of the LONG attribute that holds an event's time, instead of `timestamps`. A time
            that the mapper finds in the payload goes before both.
        properties: Number of a message -> its transport properties.
    """

    payloads: Sequence[Payload]
    name: str
    timestamps: array[int] | None = None
    timestamp_attribute: int | None = None
    properties: Callable[[int], Mapping[str, object]] | None = None

    @classmethod
    def of_lines(
        cls,
        block: bytes,
        count: int,
        *,
        name: str,
        timestamps: array[int] | None = None,
        properties: Callable[[int], Mapping[str, object]] | None = None,
    ) -> MessageBatch:
        """Messages whose payloads stand one behind the other, a line feed behind each.

        Args:
            block: The payloads; none of them is empty or has a line feed.
            count: How many.
            name: As above.
            timestamps: As above.
            properties: As above.
        """
        return cls(payloads=LinePayloads(block, count), name=name, timestamps=timestamps, properties=properties)


class LinePayloads(Sequence[bytes]):
    """Payloads in one block, which are taken apart when somebody asks for one.

    Args:
        block: A line feed behind each.
        count: How many.
    """

    def __init__(self, block: bytes, count: int) -> None:
        self.block = block
        self._count = count
        self._lines: list[bytes] = []

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if not self._lines:
            self._lines = self.block.split(b"\n")[: self._count]
        return self._lines[index]


@record(frozen=True, slots=True, kw_only=True)
class ConnectorContext:
    """What a source or sink knows of its place.

    Attributes:
        app_name: Name of the app.
        stream: Name of the stream.
        schema: Attributes of the stream.
        options: The connector's options, checked against its declaration.
        environment: The outside world: clock, files, threads.
        header: A payload that stands once at the beginning of a file; sinks only.
        deliveries: Whom a sink tells what became of payloads after `Sink.publish` had taken them.
        format: Name of the mapper at its side, such as ``json``.
        more_headers: What a sink adds to the headers of the messages that it publishes now; see `SinkHandler.headers`.
    """

    app_name: str
    stream: str
    schema: Schema
    options: Options
    environment: Environment
    header: bytes | None = None
    deliveries: Deliveries = NO_DELIVERIES
    format: str = ""
    more_headers: Callable[[], Mapping[str, str]] = dict


SourceContext = ConnectorContext
SinkContext = ConnectorContext


class Source(ABC):
    """A source of one stream.

    Attributes:
        waits_for_room: What it delivers waits while the stream has no room, whatever the stream's policy is: nobody
            else could send it again. False: `BackpressureError` tells the source, or whoever calls it.
    """

    waits_for_room: ClassVar[bool] = True

    @abstractmethod
    def configure(self, ctx: SourceContext) -> None:
        """Take the options; no I/O."""

    def validate_connectivity(self) -> None:
        """Find out, in at most 10 s, whether connecting can work; raise what `connect` would raise."""

    @abstractmethod
    def connect(self, on_data: SourceCallback) -> None:
        """Begin to deliver. `ConnectionUnavailableError` is retried with back-off, anything else is fatal at start."""

    def pause(self) -> None:
        """Deliver nothing until `resume`."""

    def resume(self) -> None:
        """Deliver again."""

    @abstractmethod
    def disconnect(self) -> None:
        """Stop: after it returns nothing is delivered any more. Idempotent, bounded by 5 s."""

    def destroy(self) -> None:
        """Release what `configure` took."""

    def save(self) -> State:
        """How far everything delivered reaches, for a checkpoint; None: there is no position."""
        return None

    def load(self, state: State) -> None:
        """Go on from there; called before `connect`."""

    def committed(self, state: State) -> None:
        """All before this position is secured: a checkpoint holds it durably, or the sinks have acknowledged."""

    def figures(self) -> Sequence[Figure]:
        """What the source has to say for the metrics, beside the events that it delivered; cheap."""
        return ()
