"""One sink of a running app: mapper, sink, connection and error policy together.

    events ── mapper ──> payloads, in runs of equal dynamic options ──> publish ──> outside
                     or one block of payloads, where both sides can

An event fails alone: what was sent before it counts as sent, what stands behind it is sent.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from eventflux.engine.native_types import EventBatch
from eventflux.extension.environment import Environment, Waiter
from eventflux.extension.kinds.figure import Figure
from eventflux.extension.kinds.handlers import SinkHandler
from eventflux.extension.kinds.mapper import SinkMapper
from eventflux.extension.kinds.rows import EventLike, Payload, RowBatch, State
from eventflux.extension.kinds.sink import PublishError, Sink
from eventflux.extension.stream_options import ErrorAction
from eventflux.io.connection import Connection, ConnectionState
from eventflux.io.durations import DurationCounts, Durations
from eventflux.io.failures import FailedEvent, FailureHandler
from eventflux.io.late_deliveries import LateDeliveries, LateFailure, Published
from eventflux.io.rate_limited_log import RateLimitedLog
from eventflux.io.retry import WAIT_SECONDS
from eventflux.io.templates import Template
from eventflux.io.timed_mappers import TimedSinkMapper
from eventflux.types.errors import ConnectionUnavailableError, MappingError

_BLOCK_ROWS: Final = 16_384
logger = logging.getLogger("eventflux.io")

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
        deliveries: LateDeliveries | None = None,
        handler: SinkHandler | None = None,
        retries: bool = True,
        validates: bool = True,
        format_name: str = "",
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
            deliveries: What the sink was configured with.
            handler: Sees the events before the mapper does.
            retries: Whether connecting is tried again.
            validates: Whether `validate` does anything.
            format_name: Of the mapper.
            on_failure: Told what stops the sink for good.
        """
        self.format_name = format_name
        self.sink = sink
        self.stream = stream
        self.type_name = type_name
        self.failures = failures
        self.events = 0
        self.bytes = 0
        self._retries = 0
        self._handler = handler
        self._mapper = mapper
        self._environment = environment
        self._dynamic = dict(dynamic)
        self._takes_blocks = sink.takes_each or (
            not self._dynamic and type(sink).publish_block is not Sink.publish_block
        )
        self._delimiter = delimiter
        # One publish at a time; taken before the sink's own locks. A failed event that goes into a stream may bring
        # what waits for this sink to it, on the same thread.
        self._lock = threading.RLock()
        self._fatal: Exception | None = None
        self._stopping: Waiter = environment.waiter()
        self._log = RateLimitedLog(logger, environment.monotonic)
        self._on_failure = on_failure
        self._validates = validates
        self.connection = Connection(
            f"sink {type_name} of stream {stream}", sink.connect, environment, retries=retries, on_failure=on_failure
        )
        self._deliveries = LateDeliveries() if deliveries is None else deliveries
        self._deliveries.on_interrupted = self.connection.interrupted
        self._deliveries.on_restored = self.connection.restored
        self._deliveries.on_failed = self._settle_soon

    def measure(self, *, on: bool) -> None:
        """Count how long the mapper takes, from nothing, or stop."""
        inner = self._mapper.inner if isinstance(self._mapper, TimedSinkMapper) else self._mapper
        self._mapper = TimedSinkMapper(inner, Durations()) if on else inner

    @property
    def mapping(self) -> DurationCounts | None:
        """How long the mapper took; None: that is not counted."""
        mapper = self._mapper
        return mapper.durations.counts() if isinstance(mapper, TimedSinkMapper) else None

    @property
    def state(self) -> ConnectionState:
        """Where it is in its life."""
        return self.connection.shown_state

    @property
    def retries(self) -> int:
        """How often something was tried again, by the policy or by the sink itself."""
        return self._retries + self.sink.retries

    def validate(self) -> None:
        """Find out whether connecting can work."""
        if self._validates:
            self.sink.validate_connectivity()

    def start(self) -> None:
        """Connect, or begin to try."""
        self._stopping.clear()
        self._fatal = None
        self.connection.start()

    def publish(self, batch: RowBatch) -> None:
        """Send the events of a batch, in order."""
        with self._lock:
            if self._handler is None:
                self._publish_parts(batch)
            else:
                self._handler.on_batch(batch, self._publish_parts)

    def _publish_parts(self, batch: RowBatch) -> None:
        if len(batch) <= _BLOCK_ROWS or not isinstance(batch, EventBatch):
            self._publish_batch(batch)
            return
        for start in range(0, len(batch), _BLOCK_ROWS):
            self._publish_batch(batch[start : start + _BLOCK_ROWS])

    def _publish_batch(self, batch: RowBatch) -> None:
        if self._takes_blocks and self.connection.is_connected:
            block = self._mapper.map_block(batch, self._delimiter)
            if block is not None and self._publish_block(block, batch):
                return
        self._publish_events(list(batch))

    def publish_events(self, events: Sequence[EventLike]) -> None:
        """Send events that are no batch: those that failed before."""
        with self._lock:
            self._publish_events(events)

    def flush(self) -> None:
        """Give out what is buffered, until the sink has acknowledged all or the policy has disposed of the rest.

        Raises:
            PublishError: Something is not acknowledged, or the policy for what failed is to stop.
            ConnectionUnavailableError: Likewise, since the connection is lost.
        """
        with self._lock:
            while True:
                if self.connection.is_connected:
                    self.sink.flush()
                if not self._settle():
                    break
                if self.connection.is_interrupted:
                    raise ConnectionUnavailableError(f"{self.connection.name} sends events again when it is connected")
            if self._fatal is not None:
                raise PublishError(f"{self.connection.name} has failed: {self._fatal}")

    def interrupt(self) -> None:
        """Give up what would be tried again. Called from any thread."""
        self._stopping.set()
        self.sink.interrupt()

    def stop(self) -> None:
        """Flush and disconnect."""
        self.interrupt()
        with self._lock:
            connected = self.connection.is_connected
            try:
                if connected:
                    self.sink.flush()
                    self._settle()
            finally:
                self.connection.stop()
                self.sink.disconnect()
                self._settle()

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

    def prepare(self, revision: str) -> None:
        """A checkpoint is about to be saved; everything has been flushed."""
        with self._lock:
            self.sink.prepare(revision)

    def commit(self, revision: str) -> None:
        """The checkpoint is durable."""
        with self._lock:
            self.sink.commit(revision)

    def abort(self, revision: str) -> None:
        """The checkpoint was not saved."""
        with self._lock:
            self.sink.abort(revision)

    def figures(self) -> Sequence[Figure]:
        """What the sink has to say for the metrics."""
        return self.sink.figures()

    def _publish_block(self, block: bytes, batch: RowBatch) -> bool:
        """Send a whole block; False: it must go payload by payload."""
        if self.sink.takes_each:
            return self._publish_split(block, batch)
        self._deliveries.current = Published(events=batch, block=block, delimiter=self._delimiter)
        try:
            sent = self.sink.publish_block(block, len(batch), self._delimiter)
        except (PublishError, ConnectionUnavailableError):
            return False
        finally:
            self._deliveries.current = None
        if sent:
            self.events += len(batch)
            self.bytes += len(block)
        return sent

    def _publish_split(self, block: bytes, batch: RowBatch) -> bool:
        """Send the payloads of a block, each with its own values of the dynamic options."""
        if not self._delimiter:
            return False
        payloads = block.split(self._delimiter)
        payloads.pop()
        if len(payloads) != len(batch):
            return False  # the delimiter stands inside of a payload, too
        each = {name: template.render_each(batch) for name, template in self._dynamic.items()}
        self._publish(Published(events=batch, payloads=payloads, each=each))
        return True

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
            if not payloads:
                continue
            each = None
            if self.sink.takes_each:
                each = {
                    name: [template.render_or_none(event) for event in mapped]
                    for name, template in self._dynamic.items()
                }
            self._publish(Published(events=mapped, payloads=payloads, dynamic=dynamic, each=each))

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
        if not self._dynamic or self.sink.takes_each:
            return [(_NO_OPTIONS, list(events))] if events else []
        groups: dict[tuple[str, ...], list[EventLike]] = {}
        for event in events:
            values = tuple(template.render(event) for template in self._dynamic.values())
            groups.setdefault(values, []).append(event)
        return [(dict(zip(self._dynamic, values, strict=True)), run) for values, run in groups.items()]

    def _publish(self, published: Published) -> None:
        attempts = published.attempts - 1
        delays = self.failures.retry_delays(attempts)
        rest = published
        while rest.payloads:
            attempts += 1
            error = self._attempt(rest)
            if error is None:
                self.events += len(rest.payloads)
                self.bytes += sum(len(each) for each in rest.payloads if isinstance(each, (bytes, str)))
                return
            if isinstance(error, PublishError) and error.sent:
                self.events += error.sent
                rest = rest.behind(error.sent)
                attempts = 0
                if not rest.payloads:
                    return
            if self._may_try_again(error, delays):
                self._retries += 1
                continue
            if isinstance(error, ConnectionUnavailableError):
                for event in rest.events:
                    self._fail(event, error, attempts)
                return
            self._fail(next(iter(rest.events)), error, attempts)
            rest = rest.behind(1)
            attempts = 0

    def _attempt(self, published: Published) -> Exception | None:
        """Publish; on a lost connection connect once more and publish again."""
        if not self.connection.is_connected and not self._reconnects_now():
            return ConnectionUnavailableError(f"{self.connection.name} is not connected")
        outer, self._deliveries.current = self._deliveries.current, published
        try:
            published.send(self.sink)
        except ConnectionUnavailableError as lost:
            self.connection.lost(lost)
            if not self.connection.try_once():
                return lost
            try:
                published.send(self.sink)
            except Exception as error:  # foreign code: the policy handles whatever it is
                if isinstance(error, ConnectionUnavailableError):
                    self.connection.lost(error)
                return error
        except Exception as error:  # foreign code: the policy handles whatever it is
            return error
        finally:
            self._deliveries.current = outer
        return None

    def _settle_soon(self) -> None:
        def settle() -> None:
            self._settle()

        self._environment.call_later(0.0, settle)

    def _settle(self) -> bool:
        """Decide about payloads that failed after the sink had taken them; whether one was sent again."""
        again = False
        with self._lock:
            for failure in self._deliveries.take():
                again |= self._settle_one(failure)
        return again

    def _settle_one(self, failure: LateFailure) -> bool:
        self.events -= 1
        receipt, error = failure.receipt, failure.error
        attempts = receipt.attempts if isinstance(receipt, Published) else 1
        alone = receipt.alone(failure.payload, attempts + 1) if isinstance(receipt, Published) else None
        if alone is not None and self._is_tried_again(error, attempts):
            self._publish(alone)
            return True
        if alone is not None:
            self._fail(next(iter(alone.events)), error, attempts)
        else:
            self._handle(
                FailedEvent(error=error, payload=failure.payload, attempts=attempts, where=self.connection.name)
            )
        return False

    def _is_tried_again(self, error: Exception, attempts: int) -> bool:
        """Whether the policy wants a payload sent again; it has waited as long as the policy says."""
        action = self.failures.policy.action
        if action is ErrorAction.WAIT and isinstance(error, ConnectionUnavailableError):
            return not self._gives_up(self._stopping.is_set(), error)
        if action is ErrorAction.RETRY:
            delay = next(self.failures.retry_delays(attempts - 1), None)
            return delay is not None and not self._gives_up(self._stopping.wait(delay), error)
        return False

    def _gives_up(self, stops: bool, error: Exception) -> bool:  # noqa: FBT001 - it is what it is about
        """An event that the policy would try again is given up, since the sink stops: it is not secured."""
        if stops:
            self._fatal = error
        return stops

    def _reconnects_now(self) -> bool:
        """A sink that makes its stream wait, or tries again, connects itself; the others leave it to the timer."""
        if self.failures.policy.action in {ErrorAction.WAIT, ErrorAction.RETRY}:
            return self.connection.try_once()
        return False

    def _may_try_again(self, error: Exception, delays: Iterator[float]) -> bool:
        action = self.failures.policy.action
        if action is ErrorAction.WAIT and isinstance(error, ConnectionUnavailableError):
            self._log.record(logging.WARNING, "waiting", "%s: its stream waits: %s", self.connection.name, error)
            return not self._gives_up(self._stopping.wait(WAIT_SECONDS), error)
        if action is ErrorAction.RETRY:
            delay = next(delays, None)
            return delay is not None and not self._gives_up(self._stopping.wait(delay), error)
        return False

    def _fail(self, event: EventLike, error: Exception, attempts: int) -> None:
        self._handle(
            FailedEvent(
                error=error, row=event.data, timestamp=event.timestamp, attempts=attempts, where=self.connection.name
            )
        )

    def _handle(self, event: FailedEvent) -> None:
        policy = self.failures.policy
        if ErrorAction.FAIL in {
            policy.action,
            policy.exhausted if policy.action is ErrorAction.RETRY else policy.action,
        }:
            self._fatal = event.error
        self.failures.handle(event)
