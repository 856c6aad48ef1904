"""Moments on the command line."""

from __future__ import annotations

from datetime import datetime, timezone

from eventflux import ConfigError


def moment(text: str | None) -> int | None:
    """Milliseconds since the epoch of a number or of a time such as `2026-11-24T10:00:00Z` (UTC where it has no zone).

    Raises:
        ConfigError: The text is neither.
    """
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise ConfigError(f"{text!r} is no time: milliseconds since the epoch, or 2026-11-24T10:00:00Z") from error
    return milliseconds(found)


def milliseconds(moment_: datetime) -> int:
    """Milliseconds since the epoch; UTC where there is no zone."""
    placed = moment_ if moment_.tzinfo is not None else moment_.replace(tzinfo=timezone.utc)
    return round(placed.timestamp() * 1000)
