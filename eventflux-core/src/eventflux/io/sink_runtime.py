"""One sink of a running app: mapper, sink, connection and error policy together.

    events ── mapper ──> payloads, in runs of equal dynamic options ──> publish ──> outside
                     or one block of payloads, where both sides can

An event fails alone: what was sent before it counts as sent, what stands behind it is sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from eventflux.extension.environment import Environment, Waiter
from eventflux.extension.kinds.mapper import SinkMapper
from eventflux.extension.kinds.rows import EventLike, Payload, RowBatch, State
from eventflux.extension.kinds.sink import PublishError, Sink
from eventflux.extension.stream_options import ErrorAction
from eventflux.io.connection import Connection, ConnectionState
from eventflux.io.failures import FailedEvent, FailureHandler
from eventflux.io.retry import WAIT_SECONDS
from eventflux.io.templates import Template
from eventflux.types.errors import ConnectionUnavailableError, MappingError

_NO_OPTIONS: Final[Mapping[str, str]] = {}


class SinkRuntime:
    """Life: `validate`, `start`, then `publish` at will, `stop`, `destroy`."""

    def __init__(
        self,
        sink: Sink,
        mapper: SinkMapper,
        failures: FailureHandler,
        *,
        stream: str,
        type_name: str,
        environment: Environment,
        dynamic: Mapping[str, Template],
        delimiter: bytes = b"\n",
        retries: bool = True,
        on_failure: Callable[[Exception], None],
    ) -> None:
        """Bind the parts; sink and mapper are configured.

        Args:
            sink: Of payloads.
            mapper: Of events.
            failures: What happens to events that fail.
            stream: Where events come from.
            type_name: For messages.
            environment: For timers and waits.
            dynamic: Option -> template, for those options that differ by event.
            delimiter: What the sink puts between payloads.
            retries: Whether connecting is tried again.
            on_failure: Told what stops the sink for good.
        """
        self.sink = sink
        self.stream = stream
        self.type_name = type_name
        self.failures = failures
        self.events = 0
        self._mapper = mapper
        self._environment = environment
        self._dynamic = dict(dynamic)
        self._delimiter = delimiter
        self._lock = threading.Lock()  # one publish at a time; taken before the sink's own locks
        self._stopping: Waiter = environment.waiter()
        self._on_failure = on_failure
        self.connection = Connection(
            f"sink {type_name} of stream {stream}", sink.connect, environment, retries=retries, on_failure=on_failure
        )

    @property
    def state(self) -> ConnectionState:
        """Where it is in its life."""
        return self.connection.state

    def validate(self) -> None:
        """Find out whether connecting can work."""
        self.sink.validate_connectivity()

    def start(self) -> None:
        """Connect, or begin to try."""
        self._stopping.clear()
        self.connection.start()

    def publish(self, batch: RowBatch) -> None:
        """Send the events of a batch, in order."""
        with self._lock:
            if not self._dynamic and self.connection.is_connected:
                block = self._mapper.map_block(batch, self._delimiter)
                if block is not None and self._publish_block(block, batch):
                    return
            self._publish_events(list(batch))

    def flush(self) -> None:
        """Give out what is buffered."""
        with self._lock:
            self.sink.flush()

    def stop(self) -> None:
        """Flush and disconnect."""
        self._stopping.set()
        connected = self.connection.is_connected
        self.connection.stop()
        with self._lock:
            if connected:
                self.sink.flush()
            self.sink.disconnect()

    def destroy(self) -> None:
        """Release everything."""
        self.sink.destroy()
        self.connection.state = ConnectionState.DESTROYED

    def save(self) -> State:
        """Its position, for a checkpoint."""
        with self._lock:
            return self.sink.save()

    def load(self, state: State) -> None:
        """Go on from a position; before `start`."""
        self.sink.load(state)

    def committed(self, state: State) -> None:
        """A checkpoint that holds the position is durable: nothing to do, what was published is out already."""

    def _publish_block(self, block: bytes, batch: RowBatch) -> bool:
        """Send a whole block; False: it must go payload by payload."""
        try:
            sent = self.sink.publish_block(block, len(batch), self._delimiter)
        except (PublishError, ConnectionUnavailableError):
            return False
        if sent:
            self.events += len(batch)
        return sent

    def _publish_events(self, events: Sequence[EventLike]) -> None:
        for dynamic, run in self._runs(events):
            mapped: list[EventLike] = []
            payloads: list[Payload] = []
            try:
                payloads = list(self._mapper.map(run))
                mapped = list(run)
            except Exception:  # foreign code: find out which event it is
                payloads.clear()
                self._map_alone(run, mapped, payloads)
            if payloads:
                self._publish(mapped, payloads, dynamic)

    def _map_alone(self, events: Sequence[EventLike], mapped: list[EventLike], payloads: list[Payload]) -> None:
        for event in events:
            try:
                payloads.extend(self._mapper.map([event]))
                mapped.append(event)
            except Exception as error:
                failure = error if isinstance(error, MappingError) else MappingError(f"{type(error).__name__}: {error}")
                self._fail(event, failure, 1)

    def _runs(self, events: Sequence[EventLike]) -> list[tuple[Mapping[str, str], list[EventLike]]]:
        """Events by the values of the dynamic options, in the order in which those were first seen."""
        if not self._dynamic:
            return [(_NO_OPTIONS, list(events))] if events else []
        groups: dict[tuple[str, ...], list[EventLike]] = {}
        for event in events:
            values = tuple(template.render(event) for template in self._dynamic.values())
            groups.setdefault(values, []).append(event)
        return [(dict(zip(self._dynamic, values, strict=True)), run) for values, run in groups.items()]

    def _publish(self, events: Sequence[EventLike], payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        sent = 0
        attempts = 0
        delays = iter(self.failures.retry_delays())
        while sent < len(payloads):
            attempts += 1
            error = self._attempt(payloads[sent:], dynamic)
            if error is None:
                self.events += len(payloads) - sent
                return
            if isinstance(error, PublishError) and error.sent:
                self.events += error.sent
                sent += error.sent
                attempts = 0
            if self._may_try_again(error, delays):
                continue
            if isinstance(error, ConnectionUnavailableError):
                for event in events[sent:]:
                    self._fail(event, error, attempts)
                return
            self._fail(events[sent], error, attempts)
            sent += 1
            attempts = 0

    def _attempt(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> Exception | None:
        """Publish; on a lost connection connect once more and publish again."""
        if not self.connection.is_connected and not self._reconnects_now():
            return ConnectionUnavailableError(f"{self.connection.name} is not connected")
        try:
            self.sink.publish(payloads, dynamic)
        except ConnectionUnavailableError as lost:
            self.connection.lost(lost)
            if not self.connection.try_once():
                return lost
            try:
                self.sink.publish(payloads, dynamic)
            except Exception as error:  # foreign code: the policy handles whatever it is
                if isinstance(error, ConnectionUnavailableError):
                    self.connection.lost(error)
                return error
        except Exception as error:  # foreign code: the policy handles whatever it is
            return error
        return None

    def _reconnects_now(self) -> bool:
        """A sink that makes its stream wait, or tries again, connects itself; the others leave it to the timer."""
        if self.failures.policy.action in {ErrorAction.WAIT, ErrorAction.RETRY}:
            return self.connection.try_once()
        return False

    def _may_try_again(self, error: Exception, delays: Iterator[float]) -> bool:
        action = self.failures.policy.action
        if action is ErrorAction.WAIT and isinstance(error, ConnectionUnavailableError):
            return not self._stopping.wait(WAIT_SECONDS)
        if action is ErrorAction.RETRY:
            delay = next(delays, None)
            return delay is not None and not self._stopping.wait(delay)
        return False

    def _fail(self, event: EventLike, error: Exception, attempts: int) -> None:
        self.failures.handle(
            FailedEvent(
                error=error, row=event.data, timestamp=event.timestamp, attempts=attempts, where=self.connection.name
            )
        )
