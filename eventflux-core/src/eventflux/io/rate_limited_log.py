"""Log records for what may happen for every event: the first at once, then a count a minute and cause."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

_PERIOD_SECONDS: Final = 60.0
_CAUSES_KEPT: Final = 256


class RateLimitedLog:
    """Writes at most one record a minute for each cause."""

    def __init__(self, logger: logging.Logger, monotonic: Callable[[], float]) -> None:
        self._logger = logger
        self._monotonic = monotonic
        self._lock = threading.Lock()  # guards the table below
        self._causes: dict[str, tuple[float, int]] = {}

    def record(self, level: int, cause: str, message: str, *arguments: object) -> None:
        """Write a record, or count it if one of that cause was written within the last minute."""
        now = self._monotonic()
        with self._lock:
            written, suppressed = self._causes.get(cause, (None, 0))
            if written is not None and now - written < _PERIOD_SECONDS:
                self._causes[cause] = (written, suppressed + 1)
                return
            if len(self._causes) >= _CAUSES_KEPT:
                self._causes.clear()
            self._causes[cause] = (now, 0)
        if suppressed:
            message += " (and %d more like it in the meantime)"
            arguments = (*arguments, suppressed)
        self._logger.log(level, message, *arguments)
