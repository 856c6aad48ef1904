"""A sink that spreads payloads over others of its kind: ``@distribution``.

To the stream it is one sink. Each destination has a connection of its own, which is tried again by itself; the whole
counts as connected while one of them is.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgpack

from eventflux.extension.environment import Environment
from eventflux.extension.kinds.distribution_strategy import DistributionStrategy
from eventflux.extension.kinds.figure import Figure
from eventflux.extension.kinds.rows import Payload, State
from eventflux.extension.kinds.sink import PublishError, Sink
from eventflux.extension.kinds.source import SinkContext
from eventflux.io.connection import Connection, ConnectionState
from eventflux.types.errors import ConnectionUnavailableError, CorruptStateError

KEY = "key"
"""Among the dynamic options: the text of the key attribute."""

logger = logging.getLogger("eventflux.sink")


def destination_option(index: int, name: str) -> str:
    """Among the dynamic options: that of a destination."""
    return f"{index}.{name}"


class DistributedSink(Sink):
    """The destinations and the strategy that chooses among them."""

    def __init__(
        self, destinations: Sequence[Sink], strategy: DistributionStrategy, environment: Environment, name: str
    ) -> None:
        """Bind the parts, which are configured.

        Args:
            destinations: One sink each.
            strategy: Chooses.
            environment: For the timers of connections.
            name: For messages.
        """
        self._destinations = tuple(destinations)
        self._strategy = strategy
        self._connections = [
            Connection(f"{name}, destination {index}", sink.connect, environment, on_failure=self._report)
            for index, sink in enumerate(self._destinations)
        ]

    @property
    def retries(self) -> int:  # type: ignore[override]
        """Of all destinations."""
        return sum(sink.retries for sink in self._destinations)

    def configure(self, ctx: SinkContext) -> None:
        """The destinations are configured one by one, with their own options."""

    def validate_connectivity(self) -> None:
        for sink in self._destinations:
            sink.validate_connectivity()

    def connect(self) -> None:
        for connection in self._connections:
            if connection.state in {ConnectionState.CREATED, ConnectionState.DISCONNECTED}:
                connection.start()
            else:
                connection.try_once()
        if not any(connection.is_connected for connection in self._connections):
            raise ConnectionUnavailableError("no destination is connected")

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        key = dynamic.get(KEY, "")
        for sent, payload in enumerate(payloads):
            try:
                self._publish_one(payload, key, dynamic)
            except PublishError as error:
                raise PublishError(error.message, sent=sent) from error
            except ConnectionUnavailableError as error:
                if sent:
                    raise PublishError(error.message, sent=sent) from error
                raise

    def flush(self) -> None:
        failure: PublishError | ConnectionUnavailableError | None = None
        for sink, connection in zip(self._destinations, self._connections, strict=True):
            if not connection.is_connected:
                continue
            try:
                sink.flush()
            except (PublishError, ConnectionUnavailableError) as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def disconnect(self) -> None:
        for sink, connection in zip(self._destinations, self._connections, strict=True):
            was_connected = connection.is_connected
            connection.stop()
            if was_connected:
                sink.disconnect()

    def destroy(self) -> None:
        for sink in self._destinations:
            sink.destroy()

    def save(self) -> State:
        states = [sink.save() for sink in self._destinations]
        packed: bytes = msgpack.packb(states)
        return None if all(state is None for state in states) else packed

    def load(self, state: State) -> None:
        if state is None:
            return
        try:
            states = msgpack.unpackb(state)
        except (ValueError, msgpack.UnpackException) as error:
            raise CorruptStateError("the positions of a distributed sink are damaged") from error
        for sink, own in zip(self._destinations, states, strict=False):
            sink.load(own)

    def prepare(self, revision: str) -> None:
        for sink in self._destinations:
            sink.prepare(revision)

    def commit(self, revision: str) -> None:
        for sink in self._destinations:
            sink.commit(revision)

    def abort(self, revision: str) -> None:
        for sink in self._destinations:
            sink.abort(revision)

    def figures(self) -> Sequence[Figure]:
        return [
            replace(figure, labels={**figure.labels, "destination": str(index)})
            for index, sink in enumerate(self._destinations)
            for figure in sink.figures()
        ]

    def _publish_one(self, payload: Payload, key: str, dynamic: Mapping[str, str]) -> None:
        """Send one payload where the strategy says. A destination that turns out to be down makes it choose again."""
        while True:
            available = [connection.is_connected for connection in self._connections]
            chosen = self._strategy.choose(key, available)
            if not chosen:
                if any(available):
                    raise PublishError("the destination of the event is not connected")
                raise ConnectionUnavailableError("no destination is connected")
            outcomes = [self._try(index, payload, dynamic) for index in chosen]
            if None in outcomes:
                for refusal in outcomes:
                    if isinstance(refusal, PublishError):
                        logger.warning("a destination refused an event that another one took: %s", refusal)
                return
            for refusal in outcomes:
                if isinstance(refusal, PublishError):
                    raise refusal

    def _try(
        self, index: int, payload: Payload, dynamic: Mapping[str, str]
    ) -> PublishError | ConnectionUnavailableError | None:
        """Send to one destination; what is wrong with it, None: nothing."""
        try:
            self._destinations[index].publish([payload], _own(index, dynamic))
        except ConnectionUnavailableError as error:
            self._connections[index].lost(error)
            return error
        except PublishError as error:
            return error
        return None

    def _report(self, error: Exception) -> None:
        logger.error("a destination failed for good: %s", error)


def _own(index: int, dynamic: Mapping[str, str]) -> dict[str, str]:
    prefix = destination_option(index, "")
    return {name[len(prefix) :]: value for name, value in dynamic.items() if name.startswith(prefix)}
