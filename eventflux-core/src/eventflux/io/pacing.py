"""Replays rows at the speed of their own timestamps, or a multiple of it."""

from __future__ import annotations

from eventflux.extension.environment import Environment, Waiter


class EventTimePacer:
    """Lets a row through when the time between the first timestamp and its own, over the speed, has passed."""

    def __init__(self, speed: float, environment: Environment, stopping: Waiter) -> None:
        self._speed = speed
        self._environment = environment
        self._stopping = stopping
        self._origin: tuple[int, float] | None = None

    def wait_for(self, timestamp: int) -> bool:
        """Wait until the moment has come; False: the source stops."""
        if self._origin is None:
            self._origin = timestamp, self._environment.monotonic()
            return not self._stopping.is_set()
        first, started = self._origin
        due = started + (timestamp - first) / 1000.0 / self._speed
        wait = due - self._environment.monotonic()
        if wait > 0:
            return not self._stopping.wait(wait)
        return not self._stopping.is_set()


def parse_speed(text: str) -> float | None:
    """The multiple of ``1x``, ``10x``, ``0.5x``; None for ``max``.

    Raises:
        ValueError: The text is neither.
    """
    folded = text.strip().casefold()
    if folded == "max":
        return None
    number = float(folded.removesuffix("x"))
    if not number > 0 or number == float("inf"):
        raise ValueError("must be max, or a positive multiple such as 10x")
    return number
