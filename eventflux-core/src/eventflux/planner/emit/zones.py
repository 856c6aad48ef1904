"""When the clocks of a time zone change."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from eventflux.planner.logical.aggregations import UTC

_FIRST: Final = datetime(1900, 1, 1, tzinfo=timezone.utc)
_LAST: Final = datetime(2100, 1, 1, tzinfo=timezone.utc)
_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND: Final = timedelta(milliseconds=1)


@lru_cache(maxsize=16)
def zone_changes(name: str) -> tuple[tuple[int, int], ...]:
    """Moments (milliseconds, UTC) and by how many milliseconds local time is ahead from then on; none for UTC.

    The years 1900 to 2100: what is before or behind has the offset of the first or last of them.

    Raises:
        ZoneInfoNotFoundError: There is no zone of that name.
    """
    if name == UTC:
        return ()
    zone = ZoneInfo(name)
    offset = _offset(_FIRST, zone)
    changes = [(_FIRST, offset)]
    moment = _FIRST
    while moment < _LAST:
        following = moment + _DAY
        if _offset(following, zone) != offset:
            change = _change(moment, following, zone)
            offset = _offset(following, zone)
            changes.append((change, offset))
        moment = following
    return tuple(((moment - _EPOCH) // _MILLISECOND, ahead // _MILLISECOND) for moment, ahead in changes)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second with the offset of `after`."""
    wanted = _offset(after, zone)
    low, high = 0, int((after - before).total_seconds())
    while low < high:
        middle = (low + high) // 2
        if _offset(before + timedelta(seconds=middle), zone) == wanted:
            high = middle
        else:
            low = middle + 1
    return before + timedelta(seconds=low)
