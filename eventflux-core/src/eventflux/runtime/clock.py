"""Timestamps as callers give them -> milliseconds."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from eventflux.types.errors import EventDataError

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(moment: int | datetime, stream: str) -> int:
    """Milliseconds since the epoch of an integer (already that) or of a datetime with a zone.

    Raises:
        EventDataError: It is something else, or a datetime without a zone.
    """
    match moment:
        case bool():
            pass
        case int():
            return moment
        case datetime():
            if moment.tzinfo is None:
                raise EventDataError(
                    f"stream {stream!r}: timestamp {moment.isoformat()} has no time zone",
                    stream=stream,
                    expected="milliseconds since the epoch, or a datetime with a zone",
                    got=moment,
                )
            return (moment - _EPOCH) // _MILLISECOND
    raise EventDataError(
        f"stream {stream!r}: {moment!r} is not a timestamp",
        stream=stream,
        expected="milliseconds since the epoch, or a datetime with a zone",
        got=moment,
    )
