"""One source of a running app: source, mapper and connection together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from eventflux.extension.environment import Environment
from eventflux.extension.kinds.figure import Figure
from eventflux.extension.kinds.rows import State
from eventflux.extension.kinds.source import EventRefusedError, Source
from eventflux.io.connection import Connection, ConnectionState
from eventflux.io.source_feed import SourceFeed
from eventflux.types.errors import ConnectionUnavailableError

logger = logging.getLogger("eventflux.source")


class SourceRuntime:
    """Life: `validate`, `start`, then `pause`/`resume`, `stop`, `destroy`."""

    def __init__(
        self,
        source: Source,
        feed: SourceFeed,
        *,
        stream: str,
        type_name: str,
        environment: Environment,
        retries: bool = True,
        validates: bool = True,
        on_finished: Callable[[SourceRuntime], None] | None = None,
        on_failure: Callable[[Exception], None],
        secure: Callable[[SourceRuntime], bool] | None = None,
    ) -> None:
        """Bind the parts; the source is configured.

        Args:
            source: Of bytes or rows.
            feed: Its callback.
            stream: Where rows enter.
            type_name: For messages.
            environment: For timers.
            retries: Whether connecting is tried again.
            validates: Whether `validate` does anything.
            on_finished: Told when the source's input has ended.
            on_failure: Told what stops the source for good.
            secure: See `SourceCallback.secure`.
        """
        self.source = source
        self.feed = feed
        feed.on_lost = self.lost
        if secure is not None:
            feed.on_secure = partial(secure, self)
        self.stream = stream
        self.type_name = type_name
        self._on_finished = on_finished
        self._on_failure = on_failure
        self._validates = validates
        name = f"source {type_name} of stream {stream}"
        self.connection = Connection(name, self._connect, environment, retries=retries, on_failure=self._failed)
        feed.on_interrupted = self.connection.interrupted
        feed.on_restored = self.connection.restored

    @property
    def state(self) -> ConnectionState:
        """Where it is in its life."""
        return self.connection.shown_state

    @property
    def is_finished(self) -> bool:
        """Whether its input has ended."""
        return self.connection.state is ConnectionState.FINISHED

    def validate(self) -> None:
        """Find out whether connecting can work."""
        if self._validates:
            self.source.validate_connectivity()

    def start(self) -> None:
        """Connect, or begin to try."""
        self.connection.start()

    def pause(self) -> None:
        """Deliver nothing until `resume`; what is being delivered has entered when this returns."""
        self.source.pause()
        self.feed.pause()
        if self.connection.state is ConnectionState.CONNECTED:
            self.connection.state = ConnectionState.PAUSED

    def resume(self) -> None:
        """Deliver again."""
        self.feed.resume()
        self.source.resume()
        if self.connection.state is ConnectionState.PAUSED:
            self.connection.state = ConnectionState.CONNECTED

    def stop(self) -> None:
        """Disconnect: nothing is delivered any more when this returns."""
        finished = self.is_finished
        self.connection.stop(ConnectionState.FINISHED if finished else ConnectionState.DISCONNECTED)
        self.feed.resume()  # what waits there is refused by the app, and its thread ends
        self.source.disconnect()

    def destroy(self) -> None:
        """Release everything."""
        self.source.destroy()
        self.connection.state = ConnectionState.DESTROYED

    def save(self) -> State:
        """Its position, for a checkpoint; the caller holds the barrier."""
        return self.source.save()

    def load(self, state: State) -> None:
        """Go on from a position; before `start`."""
        self.source.load(state)

    def committed(self, state: State) -> None:
        """All before the position is secured."""
        self.source.committed(state)

    def figures(self) -> Sequence[Figure]:
        """What the source has to say for the metrics."""
        return self.source.figures()

    def lost(self, error: Exception | None) -> None:
        """The source delivers no more: it has ended, its connection is gone, or it failed."""
        if error is None or isinstance(error, EventRefusedError):  # the policy has told what it stopped the app over
            self.connection.stop(ConnectionState.FINISHED if error is None else ConnectionState.FAILED)
            if self._on_finished is not None:
                self._on_finished(self)
        elif isinstance(error, ConnectionUnavailableError):
            self.connection.lost(error)
        else:
            self._failed(error)

    def _connect(self) -> None:
        self.source.connect(self.feed)

    def _failed(self, error: Exception) -> None:
        self.connection.stop(ConnectionState.FAILED)
        logger.error("%s failed", self.connection.name, exc_info=error)
        self._on_failure(error)
