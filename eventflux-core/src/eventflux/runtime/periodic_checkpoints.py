"""Saves the state of a running app every so often."""

from __future__ import annotations

import threading
from collections.abc import Callable

from eventflux.extension.environment import Cancellable, Environment


class PeriodicCheckpoints:
    """One timer at a time, set again when a save has ended: saves never overlap, and a slow one delays the next.

    Args:
        save: Saves the state.
        interval_ms: From the end of a save to the next; None: never.
        environment: For timers.
        on_error: Told when a save fails; the next is tried all the same.
    """

    def __init__(
        self,
        save: Callable[[], object],
        interval_ms: int | None,
        environment: Environment,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._save = save
        self._interval_ms = interval_ms
        self._environment = environment
        self._on_error = on_error
        self._lock = threading.Lock()  # guards _timer and _is_running
        self._timer: Cancellable | None = None
        self._is_running = False

    def start(self) -> None:
        """Begin; idempotent."""
        with self._lock:
            if self._interval_ms is None or self._is_running:
                return
            self._is_running = True
            self._timer = self._later()

    def stop(self) -> None:
        """Save no more; a save that is going on ends by itself."""
        with self._lock:
            self._is_running = False
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _later(self) -> Cancellable:
        assert self._interval_ms is not None
        return self._environment.call_later(self._interval_ms / 1000, self._due)

    def _due(self) -> None:
        with self._lock:
            if not self._is_running:
                return
        try:
            self._save()
        except Exception as error:  # a store is foreign code; the app goes on without this checkpoint
            self._on_error(error)
        with self._lock:
            if self._is_running:
                self._timer = self._later()
