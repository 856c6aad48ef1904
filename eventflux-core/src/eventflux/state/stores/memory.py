"""Revisions in memory: for tests. They survive a runtime, not the process."""

from __future__ import annotations

import threading


class InMemoryPersistenceStore:
    """Keeps every revision until it is deleted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _apps
        self._apps: dict[str, dict[str, bytes]] = {}

    def save(self, app: str, revision: str, snapshot: bytes) -> None:
        """Keep a snapshot under a new revision."""
        with self._lock:
            self._apps.setdefault(app, {})[revision] = snapshot

    def load(self, app: str, revision: str) -> bytes | None:
        """The snapshot of a revision, or None."""
        with self._lock:
            return self._apps.get(app, {}).get(revision)

    def last_revision(self, app: str) -> str | None:
        """The newest revision, or None."""
        return max(self.revisions(app), default=None)

    def revisions(self, app: str) -> list[str]:
        """All revisions, oldest first."""
        with self._lock:
            return sorted(self._apps.get(app, ()))

    def delete(self, app: str, revision: str) -> None:
        """Forget a revision; nothing happens if it isn't there."""
        with self._lock:
            self._apps.get(app, {}).pop(revision, None)

    def clear_all_revisions(self, app: str) -> int:
        """Forget all; how many there were."""
        with self._lock:
            return len(self._apps.pop(app, {}))
