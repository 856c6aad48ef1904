"""Fires timers on the wall clock.

One thread an app. It sleeps in the engine until the earliest timer is due, and is woken when a push has made
something due sooner. In playback there is none: the clock moves with the input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from eventflux.extension.environment import Environment, Worker


class Timed(Protocol):
    """What the scheduler drives: an engine."""

    def wait_due(self) -> bool:
        """Block until a timer is due; False: `wake` was called, or the engine was closed."""
        ...

    def wake(self) -> None:
        """Let `wait_due` return."""
        ...

    def advance(self, now: int | None = None) -> None:
        """Fire what is due, and deliver it."""
        ...


class Scheduler:
    """The thread of one app."""

    def __init__(
        self, timed: Timed, environment: Environment, name: str, on_error: Callable[[Exception], None]
    ) -> None:
        self._timed = timed
        self._environment = environment
        self._name = name
        self._on_error = on_error
        self._stopping = False
        self._thread: Worker | None = None

    def start(self) -> None:
        """Begin; idempotent."""
        if self._thread is None:
            self._stopping = False
            self._thread = self._environment.start_thread(self._run, name=self._name)

    def stop(self, timeout: float = 5.0) -> bool:
        """End, after the timers that are firing; whether the thread has ended in time."""
        thread, self._thread = self._thread, None
        if thread is None:
            return True
        self._stopping = True
        self._timed.wake()
        thread.join(timeout)
        return not thread.is_alive()

    def _run(self) -> None:
        # Triggers count from the first look at the clock: an app without any input has to take it here.
        self._advance()
        while not self._stopping:
            if self._timed.wait_due():
                self._advance()

    def _advance(self) -> None:
        try:
            self._timed.advance(None)
        except Exception as error:  # the thread outlives whatever an operator or a listener does
            self._on_error(error)
