"""Rows a second of each stream over a minute, from counts that are looked at now and then."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

WINDOW_SECONDS: Final = 60.0
STEP_SECONDS: Final = 5.0


class Rates:
    """Remembers counts of the last minute.

    Args:
        monotonic: A clock in seconds that never goes back.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()  # guards _seen
        self._seen: dict[str, deque[tuple[float, Mapping[str, int]]]] = {}

    def look(self, app: str, counts: Mapping[str, int]) -> None:
        """Note the counts of an app's streams; more often than every five seconds changes nothing."""
        now = self._monotonic()
        with self._lock:
            seen = self._seen.setdefault(app, deque())
            if len(seen) > 1 and now - seen[-2][0] < STEP_SECONDS:
                seen[-1] = (now, dict(counts))
            else:
                seen.append((now, dict(counts)))
            while len(seen) > 2 and now - seen[1][0] >= WINDOW_SECONDS:
                seen.popleft()

    def of(self, app: str) -> dict[str, float]:
        """Rows a second by stream; 0 as long as there is nothing to compare with."""
        with self._lock:
            seen = list(self._seen.get(app, ()))
        if not seen:
            return {}
        (began, first), (ended, last) = seen[0], seen[-1]
        seconds = ended - began
        return {name: (count - first.get(name, 0)) / seconds if seconds > 0 else 0.0 for name, count in last.items()}
