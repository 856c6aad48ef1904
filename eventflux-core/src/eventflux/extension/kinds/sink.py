"""Sinks: where payloads go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from eventflux.extension.kinds.rows import Payload, State
from eventflux.extension.kinds.source import SinkContext
from eventflux.types.errors import EventFluxError


class PublishError(EventFluxError):
    """Only the first ``sent`` payloads of the call have left; the rest may be tried again."""

    def __init__(self, message: str = "publishing failed", *, sent: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent


class Sink(ABC):
    """A sink of one stream."""

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

    def publish_block(self, block: bytes, payloads: int, delimiter: bytes) -> bool:
        """Send payloads that stand in one block, a delimiter behind each; False: this sink wants them one by one."""
        return False

    def flush(self) -> None:
        """Give out what is buffered."""

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
