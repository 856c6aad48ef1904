"""Figures of saving and restoring."""

from __future__ import annotations

import threading
from dataclasses import replace

from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class CheckpointFigures:
    """Since the start of the process.

    Attributes:
        saved: Checkpoints that were saved.
        failed: Checkpoints that failed.
        seconds: How long the last one took.
        size_bytes: Size of the last one.
        last_success_ms: When it was, in milliseconds since the epoch; None: there was none.
        restore_seconds: How long the last restore took; None: there was none.
    """

    saved: int = 0
    failed: int = 0
    seconds: float = 0.0
    size_bytes: int = 0
    last_success_ms: int | None = None
    restore_seconds: float | None = None


class CheckpointCounts:
    """Collects them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _figures
        self._figures = CheckpointFigures()

    @property
    def figures(self) -> CheckpointFigures:
        """Now."""
        with self._lock:
            return self._figures

    def saved(self, seconds: float, size_bytes: int, moment_ms: int) -> None:
        """One was saved."""
        with self._lock:
            self._figures = replace(
                self._figures,
                saved=self._figures.saved + 1,
                seconds=seconds,
                size_bytes=size_bytes,
                last_success_ms=moment_ms,
            )

    def failed(self) -> None:
        """One failed."""
        with self._lock:
            self._figures = replace(self._figures, failed=self._figures.failed + 1)

    def restored(self, seconds: float) -> None:
        """A state was restored."""
        with self._lock:
            self._figures = replace(self._figures, restore_seconds=seconds)
