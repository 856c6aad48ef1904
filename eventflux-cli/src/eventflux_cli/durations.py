"""Durations on the command line."""

from __future__ import annotations

from eventflux import ConfigError
from eventflux.types.duration import parse_duration


def seconds_of(text: str | None) -> float | None:
    """Seconds of `10s`, `5 min`, `1.5`; None where nothing is given.

    Raises:
        ConfigError: The text is no duration.
    """
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return parse_duration(text) / 1000
    except ValueError as error:
        raise ConfigError(f"{text!r} is no duration such as 500ms, 10s or 5 min") from error
