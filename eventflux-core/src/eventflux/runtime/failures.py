"""What went wrong while an app ran, and who is told."""

from __future__ import annotations

import logging
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import field

from eventflux.types.record import record

logger = logging.getLogger("eventflux.runtime")


@record(frozen=True, slots=True, kw_only=True)
class RuntimeFailure:
    """Something failed; the app goes on.

    Attributes:
        app: Name of the app.
        where: What failed: an operator (``q1/select/1``), a listener (``callback on Alerts``), a source or sink.
        stream: Stream whose rows were being handled, or None (a timer).
        message: What is wrong.
        error: The exception, where there is one.
        events: The rows that were lost to it, where they are known.
    """

    app: str
    where: str
    message: str
    stream: str | None = None
    error: BaseException | None = None
    events: tuple[object, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        stream = f" of stream {self.stream!r}" if self.stream else ""
        return f"app {self.app!r}: {self.where} failed on rows{stream}: {self.message}"


FailureListener = Callable[[RuntimeFailure], None]


class Failures:
    """Counts failures of one app and tells its listener; without one they are logged."""

    def __init__(self, app: str) -> None:
        self._app = app
        self._lock = threading.Lock()  # guards _counts
        self._counts: Counter[str] = Counter()
        self._listener: FailureListener | None = None

    def listen(self, listener: FailureListener | None) -> None:
        """Have failures told to a function instead of logged."""
        self._listener = listener

    def report(
        self,
        where: str,
        message: str,
        *,
        stream: str | None = None,
        error: BaseException | None = None,
        events: tuple[object, ...] = (),
    ) -> None:
        """Count and tell one failure; never raises."""
        failure = RuntimeFailure(app=self._app, where=where, message=message, stream=stream, error=error, events=events)
        with self._lock:
            self._counts[where] += 1
        listener = self._listener
        if listener is None:
            logger.error("%s", failure, exc_info=error)
            return
        try:
            listener(failure)
        except Exception:  # a listener for failures is the last resort: its own can only be logged
            logger.exception("the exception listener of app %r failed on: %s", self._app, failure)

    @property
    def total(self) -> int:
        """Failures so far."""
        with self._lock:
            return sum(self._counts.values())

    def by_place(self) -> dict[str, int]:
        """Failures so far by what failed."""
        with self._lock:
            return dict(self._counts)


def describe(error: BaseException) -> str:
    """One line: type and text."""
    return "".join(traceback.format_exception_only(type(error), error)).strip().replace("\n", " ")
