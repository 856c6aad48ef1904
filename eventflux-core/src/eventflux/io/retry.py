"""Back-off: how long to wait before trying again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Final

CONNECT_DELAYS_SECONDS: Final = (5.0, 10.0, 15.0, 30.0, 60.0, 60.0, 120.0, 300.0)
"""Between attempts to connect; the last one repeats."""

WAIT_SECONDS: Final = 5.0
"""Between attempts of a sink that makes its stream wait."""


class ConnectBackoff:
    """The delays between attempts to connect, from the beginning after each success."""

    def __init__(self) -> None:
        self._attempt = 0

    def next_delay(self) -> float:
        """Seconds to wait before the next attempt."""
        delay = CONNECT_DELAYS_SECONDS[min(self._attempt, len(CONNECT_DELAYS_SECONDS) - 1)]
        self._attempt += 1
        return delay

    def succeeded(self) -> None:
        """Begin anew."""
        self._attempt = 0


def retry_delays(
    *,
    backoff: str,
    initial_ms: int,
    max_ms: int,
    multiplier: float,
    jitter: float,
    attempts: int,
    random: Random,
    tried: int = 0,
) -> Iterator[float]:
    """Seconds before each attempt to repeat an operation.

    Args:
        backoff: ``exponential``, ``linear`` or ``fixed``.
        initial_ms: The first delay.
        max_ms: The longest delay, jitter aside.
        multiplier: By how much an exponential delay grows.
        jitter: Largest random share added.
        attempts: How many delays there are.
        random: Where jitter comes from.
        tried: How many of them have passed already.
    """
    for attempt in range(tried, attempts):
        match backoff:
            case "fixed":
                delay = float(initial_ms)
            case "linear":
                delay = float(initial_ms * (attempt + 1))
            case _:
                delay = _grown(initial_ms, multiplier, attempt)
        yield min(delay, float(max_ms)) * (1.0 + jitter * random.random()) / 1000.0


def _grown(initial_ms: int, multiplier: float, times: int) -> float:
    try:
        return float(initial_ms * multiplier**times)
    except OverflowError:  # a connection may be away for more attempts than a number can double
        return math.inf
