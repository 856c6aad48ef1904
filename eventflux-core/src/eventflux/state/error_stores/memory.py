"""Failed events in memory: gone with the process."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace

from eventflux.extension.kinds.error_store import ErrorEntry, Occurrence


class MemoryErrorStore:
    """Entries by id, in the order in which they failed.

    Args:
        max_entries: Most that are kept: an older one goes for each further one. 0: no limit.
    """

    def __init__(self, *, max_entries: int = 0) -> None:
        if max_entries < 0:
            raise ValueError("max_entries must not be negative")
        self._lock = threading.Lock()  # guards all below
        self._entries: dict[int, ErrorEntry] = {}
        self._last = 0
        self._limit = max_entries

    def save(self, entry: ErrorEntry) -> int:
        """Keep an entry; its id."""
        with self._lock:
            self._last += 1
            self._entries[self._last] = replace(entry, id=self._last)
            if self._limit and len(self._entries) > self._limit:
                del self._entries[next(iter(self._entries))]
            return self._last

    def load(
        self,
        app: str | None = None,
        stream: str | None = None,
        occurrence: Occurrence | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int = 100,
    ) -> list[ErrorEntry]:
        """The entries that meet all conditions, oldest first."""
        with self._lock:
            entries = list(self._entries.values())
        found = [entry for entry in entries if matches(entry, app, stream, occurrence, since, until)]
        return found[:limit]

    def load_one(self, entry_id: int) -> ErrorEntry | None:
        """One entry, or None."""
        with self._lock:
            return self._entries.get(entry_id)

    def discard(self, ids: Iterable[int]) -> int:
        """Forget entries; how many there were."""
        with self._lock:
            return sum(self._entries.pop(entry_id, None) is not None for entry_id in ids)

    def purge(self, app: str, before: int) -> int:
        """Forget an app's entries that are older than the moment; how many there were."""
        with self._lock:
            old = [entry.id for entry in self._entries.values() if entry.app == app and entry.timestamp < before]
            for entry_id in old:
                del self._entries[entry_id]
            return len(old)

    def count(self, app: str | None = None) -> int:
        """How many entries there are."""
        with self._lock:
            return sum(app in {None, entry.app} for entry in self._entries.values())


def matches(
    entry: ErrorEntry,
    app: str | None,
    stream: str | None,
    occurrence: Occurrence | None,
    since: int | None,
    until: int | None,
) -> bool:
    """Whether an entry meets all conditions of `ErrorStore.load`."""
    return (
        app in {None, entry.app}
        and stream in {None, entry.stream}
        and occurrence in {None, entry.occurrence}
        and (since is None or entry.timestamp >= since)
        and (until is None or entry.timestamp < until)
    )
