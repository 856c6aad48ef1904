"""Names of revisions: ``<epoch ms, 13 digits>_<app>``, strictly rising, so that their order is that of time."""

from __future__ import annotations

import threading

_DIGITS = 13


def revision_name(moment: int, app: str) -> str:
    """The revision of an app taken at a wall clock in milliseconds."""
    return f"{moment:0{_DIGITS}d}_{app}"


def moment_of(revision: str) -> int | None:
    """The wall clock in a revision's name, or None if it is not one."""
    digits, separator, _ = revision.partition("_")
    return int(digits) if separator and len(digits) >= _DIGITS and digits.isdecimal() else None


class RevisionNames:
    """Gives names that never repeat: two in one millisecond get consecutive numbers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _last
        self._last = -1

    def next(self, now: int, app: str, newest: str | None) -> str:
        """A name later than all given so far and than the newest one in the store."""
        with self._lock:
            known = moment_of(newest) if newest is not None else None
            self._last = max(now, self._last + 1, known + 1 if known is not None else 0)
            return revision_name(self._last, app)
