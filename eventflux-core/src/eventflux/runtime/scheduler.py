"""Wakes the engine when its next timer is due, on the wall clock.

One thread an app. It sleeps until the earliest due time, and is woken earlier when a push has made something due sooner.
In playback there is none: the clock moves with the input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from eventflux.extension.environment import Environment, Waiter, Worker

_NEVER = (1 << 63) - 1


class Timed(Protocol):
    """What the scheduler drives."""

    def next_due(self) -> int:
        """Milliseconds of the earliest timer on the wall clock; the highest 64-bit number if there is none."""
        ...

    def advance(self, now: int) -> None:
        """Fire what is due, and deliver it."""
        ...

    def on_due_changed(self, wake: Callable[[], None] | None) -> None:
        """Have `wake` called, from any thread, whenever something falls due earlier than before."""
        ...


class Scheduler:
    """The thread of one app."""

    def __init__(self, timed: Timed, environment: Environment, name: str, on_error: Callable[[Exception], None]) -> None:
        self._timed = timed
        self._environment = environment
        self._name = name
        self._on_error = on_error
        self._wake: Waiter | None = None
        self._stopping = False
        self._thread: Worker | None = None

    def start(self) -> None:
        """Begin; idempotent."""
        if self._thread is not None:
            return
        self._stopping = False
        self._wake = self._environment.waiter()
        self._timed.on_due_changed(self._wake.set)
        self._thread = self._environment.start_thread(self._run, name=self._name)

    def stop(self, timeout: float = 5.0) -> bool:
        """End, after the timers that are firing; whether the thread has ended in time."""
        thread, wake = self._thread, self._wake
        if thread is None or wake is None:
            return True
        self._timed.on_due_changed(None)
        self._stopping = True
        wake.set()
        thread.join(timeout)
        self._thread = None
        return not thread.is_alive()

    def _run(self) -> None:
        wake = self._wake
        if wake is None:
            return
        while not self._stopping:
            wake.clear()
            due = self._timed.next_due()
            now = self._environment.wall_clock()
            if due <= now:
                try:
                    self._timed.advance(now)
                except Exception as error:  # the thread outlives whatever a listener or an operator does
                    self._on_error(error)
                continue
            wake.wait(None if due == _NEVER else min((due - now) / 1000, 3600.0))
