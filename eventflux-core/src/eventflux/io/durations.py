"""How long something took, counted in classes: what a histogram of Prometheus is made of."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from itertools import accumulate
from typing import Final

from eventflux.types.record import record

BOUNDS: Final = tuple(1e-6 * 2**power for power in range(25))
"""Upper bounds of the classes, in seconds: a microsecond, doubled up to 17 seconds; one more lies above."""


@record(frozen=True, slots=True, kw_only=True)
class DurationCounts:
    """What was counted.

    Attributes:
        classes: How many durations fell into each class, one more than there are bounds.
        seconds: Their sum.
    """

    classes: tuple[int, ...]
    seconds: float

    def cumulated(self) -> list[tuple[float, int]]:
        """Bounds, the last one infinite, and how many durations were not above each."""
        return list(zip((*BOUNDS, math.inf), accumulate(self.classes), strict=True))

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.classes)


class Durations:
    """Counts durations. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards what stands below
        self._classes = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        at = bisect_left(BOUNDS, seconds)
        with self._lock:
            self._classes[at] += 1
            self._seconds += seconds

    def counts(self) -> DurationCounts:
        """What was counted so far."""
        with self._lock:
            return DurationCounts(classes=tuple(self._classes), seconds=self._seconds)
