"""Lets the clock of a playback app go on when no events come: `@app:playback(idle.time=..., increment=...)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from eventflux.extension.environment import Environment, Worker

_LOOKS_A_PERIOD: Final = 4


class Played(Protocol):
    """What the idle clock drives: an engine in playback."""

    @property
    def now(self) -> int:
        """The time reached; 0: it has not begun."""
        ...

    @property
    def rows_entered(self) -> int:
        """Rows that have reached streams, however they came."""
        ...

    def advance(self, now: int | None = None) -> None:
        """Move the clock, fire what is due, and deliver it."""
        ...


class IdleClock:
    """A thread that looks a few times in each idle period whether rows came, and moves the clock by the increment after
    each period without any. Time begins with the first event: before it the clock stands.
    """

    def __init__(
        self,
        played: Played,
        environment: Environment,
        name: str,
        on_error: Callable[[Exception], None],
        *,
        idle_ms: int,
        increment_ms: int,
    ) -> None:
        self._played = played
        self._environment = environment
        self._name = name
        self._on_error = on_error
        self._idle = idle_ms / 1000
        self._increment = increment_ms
        self._ended = environment.waiter()
        self._thread: Worker | None = None

    def start(self) -> None:
        """Begin; idempotent."""
        if self._thread is None:
            self._ended.clear()
            self._thread = self._environment.start_thread(self._run, name=self._name)

    def stop(self, timeout: float = 5.0) -> None:
        """End, after what is firing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._ended.set()
            thread.join(timeout)

    def _run(self) -> None:
        seen, since = self._played.rows_entered, self._environment.monotonic()
        while not self._ended.wait(self._idle / _LOOKS_A_PERIOD):
            rows = self._played.rows_entered
            if rows == seen and self._environment.monotonic() - since < self._idle:
                continue
            if rows == seen and self._played.now > 0:
                try:
                    self._played.advance(self._played.now + self._increment)
                except Exception as error:  # the thread outlives whatever an operator or a listener does
                    self._on_error(error)
                rows = self._played.rows_entered  # what the timers put out is no event
            seen, since = rows, self._environment.monotonic()
