"""Sinks: where payloads go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from eventflux.extension.kinds.figure import Figure
from eventflux.extension.kinds.rows import Payload, State
from eventflux.extension.kinds.source import SinkContext
from eventflux.types.errors import EventFluxError


class PublishError(EventFluxError):
    """Only the first ``sent`` payloads of the call have left; the rest may be tried again."""

    def __init__(self, message: str = "publishing failed", *, sent: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent


class Sink(ABC):
    """A sink of one stream.

    Attributes:
        takes_each: Payloads with different values of the dynamic options come in one call of `publish_each`, instead of
            grouped by those values.
        takes_any_delimiter: `publish_block` takes payloads with whatever delimiter the mapper likes, or none.
        retries: How often the sink itself has tried something again.
    """

    takes_each: ClassVar[bool] = False
    takes_any_delimiter: ClassVar[bool] = False
    retries: int = 0

    @abstractmethod
    def configure(self, ctx: SinkContext) -> None:
        """Take the options; no I/O."""

    def validate_connectivity(self) -> None:
        """Find out, in at most 10 s, whether connecting can work; raise what `connect` would raise."""

    @abstractmethod
    def connect(self) -> None:
        """Open. `ConnectionUnavailableError` is retried with back-off, anything else is fatal at start."""

    @abstractmethod
    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        """Send the payloads of one chunk in order.

        Args:
            payloads: As the mapper made them.
            dynamic: The values of those options that are templates, the same for all of the payloads.

        Raises:
            PublishError: Only the first of them have left.
            ConnectionUnavailableError: None of them has, and the connection is lost.
        """

    def publish_each(self, payloads: Sequence[Payload], dynamic: Mapping[str, Sequence[str | None]]) -> None:
        """Send payloads in order; see `takes_each`.

        Args:
            payloads: As the mapper made them.
            dynamic: Option -> its value for each of the payloads; None where the option is one attribute and that is
                null.

        Raises:
            PublishError: Only the first of them have left.
            ConnectionUnavailableError: None of them has, and the connection is lost.
        """
        raise TypeError(f"{type(self).__name__} says that it takes_each, and has no publish_each")

    def publish_block(self, block: bytes, payloads: int, delimiter: bytes) -> bool:
        """Send payloads that stand in one block, a delimiter behind each; False: this sink wants them one by one."""
        return False

    def flush(self) -> None:
        """Give out what is buffered, and wait until what is outside has acknowledged it, if it does.

        What it refused in the end is told to `Deliveries.failed` before this returns.

        Raises:
            PublishError: Something has not been acknowledged in time; it may be later.
            ConnectionUnavailableError: Likewise, since the connection is lost.
        """

    def interrupt(self) -> None:
        """The app stops: a `publish` that waits, to try again for instance, is to give up. Called from any thread."""

    @abstractmethod
    def disconnect(self) -> None:
        """Close, after a flush; idempotent."""

    def destroy(self) -> None:
        """Release what `configure` took."""

    def save(self) -> State:
        """How far everything published reaches, for a checkpoint; None: there is no position."""
        return None

    def load(self, state: State) -> None:
        """Go on from there: what lies behind the position is discarded; called before `connect`."""

    def prepare(self, revision: str) -> None:
        """A checkpoint of that name is about to be saved, all before it has been flushed: the first of two phases.

        What it raises keeps the checkpoint from being saved.
        """

    def commit(self, revision: str) -> None:
        """That checkpoint is durable: make visible what belongs to it."""

    def abort(self, revision: str) -> None:
        """That checkpoint was not saved."""

    def figures(self) -> Sequence[Figure]:
        """What the sink has to say for the metrics, beside the events that it sent; cheap."""
        return ()
