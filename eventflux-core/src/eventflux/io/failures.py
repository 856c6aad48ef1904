"""What happens to an event that could not be mapped or published: the error policy of its stream, carried out."""

from __future__ import annotations

import base64
import json
import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from eventflux.engine import objects
from eventflux.extension.environment import Environment
from eventflux.extension.kinds.error_store import ErrorEntry, ErrorStore, EventForm, FailureType, Occurrence
from eventflux.extension.kinds.rows import Payload, Row
from eventflux.extension.stream_options import ErrorAction, ErrorPolicy
from eventflux.io.rate_limited_log import RateLimitedLog
from eventflux.io.retry import retry_delays
from eventflux.types.errors import ConfigError, EventFluxError, UndefinedStreamError
from eventflux.types.record import record
from eventflux.types.schema import Schema

_LEVELS: Final = {
    "trace": 5,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
_DLQ_NAMES: Final = frozenset(
    {"originalEvent", "errorMessage", "errorType", "timestamp", "attemptCount", "streamName"}
    | {"_error", "_stream", "_timestamp"}
)

logger = logging.getLogger("eventflux.io")


class RowInput(Protocol):
    """Where rows enter a stream; the runtime's InputHandler is one."""

    def send(self, row: Row, timestamp: int | None = None) -> int:
        """One row."""
        ...

    def send_many(self, rows: Sequence[Row], timestamps: Sequence[int] | int | None = None) -> int:
        """Rows, each an event of its own."""
        ...


@record(frozen=True, slots=True, kw_only=True)
class FailureOutlets:
    """Ways out for failed events, as far as the app has them.

    Attributes:
        stream_input: Name of a stream -> where rows enter it; raises `UndefinedStreamError`.
        stream_schema: Name of a stream -> its attributes.
        error_store: For `STORE`, or None.
        fail: Stops the app with an error.
    """

    stream_input: Callable[[str], RowInput]
    stream_schema: Callable[[str], Schema]
    error_store: ErrorStore | None = None
    fail: Callable[[Exception], None]


@record(frozen=True, slots=True, kw_only=True)
class FailedEvent:
    """An event that failed: its row as far as it is known, or the payload that gave none."""

    error: Exception
    row: Row | None = None
    timestamp: int | None = None
    payload: Payload | None = None
    attempts: int = 1
    where: str = ""


@dataclass(slots=True)
class FailureCounts:
    """How many events ended how."""

    by_action: dict[str, int] = field(default_factory=dict)

    def add(self, action: ErrorAction, count: int = 1) -> None:
        """Count."""
        self.by_action[action.value] = self.by_action.get(action.value, 0) + count

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_action.values())


class FailureHandler:
    """Carries out the policy of one stream's source or sink."""

    def __init__(
        self,
        policy: ErrorPolicy,
        *,
        app_name: str,
        stream: str,
        schema: Schema,
        environment: Environment,
        outlets: FailureOutlets,
        occurrence: Occurrence,
        failure_type: FailureType,
    ) -> None:
        """Bind a policy to its stream.

        Raises:
            ConfigError: The dead-letter stream can't take the events, or there is no error store.
        """
        self.policy = policy
        self.counts = FailureCounts()
        self.attempts_before = 0  # of an entry of the error store that is being replayed
        self._app_name = app_name
        self._stream = stream
        self._schema = schema
        self._environment = environment
        self._outlets = outlets
        self._occurrence = occurrence
        self._failure_type = failure_type
        self._log = RateLimitedLog(logger, environment.monotonic)
        self._check()

    def handle(self, event: FailedEvent) -> bool:
        """An event has failed for good: log it, or hand it to where the policy says; True: the app stops over it."""
        action = self.policy.action
        if action is ErrorAction.RETRY:
            action = self.policy.exhausted
        elif action is ErrorAction.WAIT:
            action = ErrorAction.DROP
        return self._carry_out(action, event)

    def retry_delays(self, tried: int = 0) -> Iterator[float]:
        """Seconds before each further attempt under the policy; none where it doesn't retry.

        Args:
            tried: How many further attempts there were already.
        """
        if self.policy.action is not ErrorAction.RETRY:
            return iter(())
        policy = self.policy
        return retry_delays(
            backoff=policy.backoff,
            initial_ms=policy.initial_delay_ms,
            max_ms=policy.max_delay_ms,
            multiplier=policy.multiplier,
            jitter=policy.jitter,
            attempts=policy.max_attempts,
            random=self._environment.random,
            tried=tried,
        )

    def _check(self) -> None:
        policy = self.policy
        wants_store = policy.action is ErrorAction.STORE
        if wants_store and self._outlets.error_store is None:
            raise ConfigError(
                f"stream {self._stream!r} stores failed events, but no error store is set",
                hint="manager.set_error_store(...)",
            )
        if policy.dlq_stream is None or ErrorAction.DLQ not in {policy.action, policy.exhausted}:
            return
        if policy.dlq_stream == self._stream:
            raise ConfigError(f"stream {self._stream!r} can't be its own dead-letter stream", key="error.dlq.stream")
        schema = self._outlets.stream_schema(policy.dlq_stream)
        foreign = [name for name in schema.names if name not in _DLQ_NAMES and name not in self._schema]
        if foreign:
            raise ConfigError(
                f"dead-letter stream {policy.dlq_stream!r} has attributes that nothing fills: {', '.join(foreign)}",
                key="error.dlq.stream",
                hint=f"those of {self._stream}, or {', '.join(sorted(_DLQ_NAMES))}",
            )

    def _carry_out(self, action: ErrorAction, event: FailedEvent) -> bool:
        self.counts.add(action)
        match action:
            case ErrorAction.DLQ if self.policy.dlq_stream is not None:
                return self._dead_letter(self.policy.dlq_stream, event)
            case ErrorAction.STREAM:
                self._fault(event)
            case ErrorAction.STORE if self._outlets.error_store is not None:
                self._outlets.error_store.save(self._entry(event))
            case ErrorAction.FAIL:
                failure = EventFluxError(self.policy.fail_message) if self.policy.fail_message else event.error
                self._record(event, "the app stops", level=logging.ERROR)
                self._outlets.fail(failure)
                return True
            case _:
                self._record(event, "dropped")
        return False

    def _record(self, event: FailedEvent, outcome: str, *, level: int | None = None) -> None:
        severity = _LEVELS.get(self.policy.log_level, logging.WARNING) if level is None else level
        cause = f"{type(event.error).__name__}"
        place = event.where or self._stream
        self._log.record(
            severity,
            cause,
            "app %s, stream %s: event %s, %s: %s",
            self._app_name,
            self._stream,
            outcome,
            place,
            _cut(str(event.error)),
        )

    def _fault(self, event: FailedEvent) -> None:
        row = event.row if event.row is not None else (None,) * len(self._schema)
        try:
            faults = self._outlets.stream_input(f"!{self._stream}")
        except UndefinedStreamError:
            self._record(event, f"dropped, stream {self._stream} has no fault stream")
        else:
            faults.send((*row, event.error), event.timestamp)

    def _dead_letter(self, stream: str, event: FailedEvent) -> bool:
        row = tuple(self._dlq_value(name, event) for name in self._outlets.stream_schema(stream).names)
        policy = self.policy
        delays = [0.0]
        if policy.fallback is ErrorAction.RETRY:
            delays += retry_delays(
                backoff="exponential",
                initial_ms=policy.fallback_initial_delay_ms,
                max_ms=policy.fallback_max_delay_ms,
                multiplier=policy.multiplier,
                jitter=policy.jitter,
                attempts=policy.fallback_max_attempts,
                random=self._environment.random,
            )
        failure: EventFluxError | None = None
        for delay in delays:
            if delay:
                self._environment.sleep(delay)
            try:
                self._outlets.stream_input(stream).send(row, event.timestamp)
            except EventFluxError as error:
                failure = error
            else:
                return False
        if policy.fallback is ErrorAction.FAIL and failure is not None:
            self._outlets.fail(failure)
            return True
        self._record(event, f"dropped, dead-letter stream {stream} failed ({failure})")
        return False

    def _dlq_value(self, name: str, event: FailedEvent) -> object:
        match name:
            case "originalEvent":
                return self._original(event)
            case "errorMessage" | "_error":
                return str(event.error)
            case "errorType":
                return type(event.error).__name__
            case "timestamp" | "_timestamp" if name not in self._schema or name == "_timestamp":
                return event.timestamp if event.timestamp is not None else self._environment.wall_clock()
            case "attemptCount":
                return event.attempts
            case "streamName" | "_stream":
                return self._stream
            case _:
                position = self._schema.position(name)
                return None if position is None or event.row is None else event.row[position]

    def _original(self, event: FailedEvent) -> str:
        if event.row is not None:
            named = dict(zip(self._schema.names, event.row, strict=True))
            return json.dumps(named, ensure_ascii=False, default=str)
        payload = event.payload
        if isinstance(payload, (bytes, bytearray, memoryview)):
            try:
                return bytes(payload).decode()
            except UnicodeDecodeError:
                return f"base64:{base64.b64encode(payload).decode()}"
        return payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False, default=str)

    def _entry(self, event: FailedEvent) -> ErrorEntry:
        rows = [] if event.row is None else [[event.timestamp, list(event.row)]]
        payload = event.payload
        if isinstance(payload, str):
            payload = payload.encode()
        return ErrorEntry(
            timestamp=self._environment.wall_clock(),
            app=self._app_name,
            stream=self._stream,
            event=objects.pack(rows),
            cause=str(event.error),
            stack_trace="".join(traceback.format_exception(event.error)),
            original_payload=bytes(payload) if isinstance(payload, (bytes, bytearray, memoryview)) else None,
            occurrence=self._occurrence,
            event_type=EventForm.PAYLOAD if event.row is None else EventForm.EVENT,
            error_type=self._failure_type,
            attempt=event.attempts + self.attempts_before,
            where=event.where,
        )


def _cut(text: str) -> str:
    return text if len(text) <= 512 else text[:511] + "…"
