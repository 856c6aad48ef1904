"""Rows that failed in queries: what the error policy of their stream says becomes of them.

A fault stream is the engine's business. Here are the other ways: the error store, the dead-letter stream, the end of
the app; what is left is told to the app's exception listener.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eventflux.extension.connector_spec import StreamSettings
from eventflux.extension.environment import Environment
from eventflux.extension.kinds.error_store import FailureType, Occurrence
from eventflux.extension.kinds.rows import EventLike
from eventflux.extension.stream_options import ErrorAction, ErrorPolicy
from eventflux.io.failures import FailedEvent, FailureHandler, FailureOutlets
from eventflux.types.errors import RowError
from eventflux.types.schema import Schema

_LISTENED: frozenset[ErrorAction] = frozenset({ErrorAction.DROP, ErrorAction.WAIT, ErrorAction.STREAM})


class StreamFaults:
    """The policies of an app's streams.

    Args:
        app: Name of the app.
        settings: What the definitions say, by stream.
        streams: Attributes of all streams.
        environment: For waits and the clock.
        outlets: Ways out of failed events.

    Raises:
        ConfigError: A dead-letter stream can't take the rows, or there is no error store for a stream that wants one.
    """

    def __init__(
        self,
        app: str,
        *,
        settings: Mapping[str, StreamSettings],
        streams: Mapping[str, Schema],
        environment: Environment,
        outlets: FailureOutlets,
    ) -> None:
        self._handlers = {
            stream: FailureHandler(
                wanted.errors,
                app_name=app,
                stream=stream,
                schema=streams[stream],
                environment=environment,
                outlets=outlets,
                occurrence=Occurrence.STREAM,
                failure_type=FailureType.PROCESSING,
            )
            for stream, wanted in settings.items()
            if not _is_listened(wanted.errors)
        }

    def handler(self, stream: str) -> FailureHandler | None:
        """What carries out the policy of a stream; None: its failures are for the exception listener."""
        return self._handlers.get(stream)

    def take(self, stream: str | None, where: str, message: str, events: Iterable[EventLike]) -> bool:
        """Rows of a stream failed. False: nobody takes them, they are for the exception listener."""
        handler = None if stream is None else self._handlers.get(stream)
        rows = tuple(events)
        if handler is None or not rows:
            return False
        for event in rows:
            failed = FailedEvent(error=RowError(message), row=event.data, timestamp=event.timestamp, where=where)
            handler.handle(failed)
        return True


def _is_listened(policy: ErrorPolicy) -> bool:
    """Whether the end of a failed row is a record: trying a row again in the same query would only fail again."""
    action = policy.exhausted if policy.action is ErrorAction.RETRY else policy.action
    return action in _LISTENED
