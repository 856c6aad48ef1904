"""Where revisions of an app's state are kept, and a key-value store for state outside the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable


class Reachability(Protocol):
    """Whether what is outside can be reached."""

    @property
    def is_healthy(self) -> bool:
        """The last operation was answered."""
        ...

    @property
    def message(self) -> str:
        """What failed, or empty."""
        ...


@runtime_checkable
class ChecksHealth(Protocol):
    """A store that knows how its connection does: the health of an app shows it."""

    def health(self) -> Reachability:
        """How it does; if nothing was heard for long, it finds out. Raises nothing."""
        ...


@runtime_checkable
class PersistenceStore(Protocol):
    """Revisions of snapshots. A revision appears whole or not at all."""

    def save(self, app: str, revision: str, snapshot: bytes) -> None:
        """Keep a snapshot under a new revision, durably."""
        ...

    def load(self, app: str, revision: str) -> bytes | None:
        """The snapshot of a revision, or None."""
        ...

    def last_revision(self, app: str) -> str | None:
        """The newest revision, or None."""
        ...

    def revisions(self, app: str) -> list[str]:
        """All revisions, oldest first."""
        ...

    def delete(self, app: str, revision: str) -> None:
        """Forget a revision; nothing happens if it isn't there."""
        ...

    def clear_all_revisions(self, app: str) -> int:
        """Forget all; how many there were."""
        ...


@runtime_checkable
class StateBackend(Protocol):
    """Keys and values that outlive a process or are shared by several."""

    def initialize(self) -> None:
        """Connect; `StateBackendError` if it can't be reached."""
        ...

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        ...

    def set(self, key: str, value: bytes, *, ttl_seconds: int | None = None) -> None:
        """Keep a value, for ever or for that long."""
        ...

    def delete(self, key: str) -> bool:
        """Forget a key; whether it was there."""
        ...

    def exists(self, key: str) -> bool:
        """Whether a key is there."""
        ...

    def keys(self, prefix: str = "") -> Iterator[str]:
        """The keys that begin so."""
        ...

    def checkpoint(self, checkpoint_id: str) -> None:
        """Remember all keys and values as they are at one moment."""
        ...

    def restore(self, checkpoint_id: str) -> None:
        """Exactly what was remembered: later keys vanish."""
        ...

    def delete_checkpoint(self, checkpoint_id: str) -> bool:
        """Forget what was remembered; whether it was there."""
        ...

    def shutdown(self) -> None:
        """Close; idempotent; later calls raise `StateBackendError`."""
        ...
