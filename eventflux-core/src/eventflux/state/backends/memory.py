"""Keys and values in memory: for tests and single processes. They are gone at `shutdown`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from eventflux.types.errors import RevisionNotFoundError, StateBackendError
from eventflux.types.record import record


@record(frozen=True, slots=True)
class _Value:
    """A value, and the moment when it expires, or None."""

    data: bytes
    expires: float | None


class InMemoryBackend:
    """A state backend in memory. Thread-safe.

    Args:
        monotonic: The clock for times to live, in seconds.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()  # guards what stands below
        self._values: dict[str, _Value] = {}
        self._checkpoints: dict[str, dict[str, _Value]] = {}
        self._expires = False  # whether any value may
        self._is_closed = False

    def initialize(self) -> None:
        """Be ready; after `shutdown` anew, and empty."""
        with self._lock:
            self._is_closed = False

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        with self._lock:
            value = self._live().get(key)
            return None if value is None else value.data

    def set(self, key: str, value: bytes, *, ttl_seconds: int | None = None) -> None:
        """Keep a value, for ever or for that long."""
        if ttl_seconds is not None and ttl_seconds < 1:
            raise ValueError("ttl_seconds must be at least 1, or None")
        with self._lock:
            expires = None if ttl_seconds is None else self._monotonic() + ttl_seconds
            self._live()[key] = _Value(bytes(value), expires)
            self._expires = self._expires or expires is not None

    def delete(self, key: str) -> bool:
        """Forget a key; whether it was there."""
        with self._lock:
            return self._live().pop(key, None) is not None

    def exists(self, key: str) -> bool:
        """Whether a key is there."""
        with self._lock:
            return key in self._live()

    def keys(self, prefix: str = "") -> Iterator[str]:
        """The keys that begin so, in order."""
        with self._lock:
            return iter(sorted(key for key in self._live() if key.startswith(prefix)))

    def checkpoint(self, checkpoint_id: str) -> None:
        """Remember all keys and values as they are at one moment; one of that name is replaced."""
        with self._lock:
            self._checkpoints[checkpoint_id] = dict(self._live())

    def restore(self, checkpoint_id: str) -> None:
        """Exactly what was remembered: later keys vanish.

        Raises:
            RevisionNotFoundError: Nothing was remembered under that name.
        """
        with self._lock:
            self._live()
            if checkpoint_id not in self._checkpoints:
                raise no_checkpoint(checkpoint_id, self._checkpoints)
            self._values = dict(self._checkpoints[checkpoint_id])

    def delete_checkpoint(self, checkpoint_id: str) -> bool:
        """Forget what was remembered; whether it was there."""
        with self._lock:
            self._live()
            return self._checkpoints.pop(checkpoint_id, None) is not None

    def shutdown(self) -> None:
        """Forget everything; idempotent; later calls raise `StateBackendError`."""
        with self._lock:
            self._is_closed = True
            self._values.clear()
            self._checkpoints.clear()

    def _live(self) -> dict[str, _Value]:
        """The values that have not expired."""
        if self._is_closed:
            raise StateBackendError("the state backend is shut down")
        if not self._expires:
            return self._values
        now = self._monotonic()
        gone = [key for key, value in self._values.items() if value.expires is not None and value.expires <= now]
        for key in gone:
            del self._values[key]
        return self._values


def no_checkpoint(wanted: str, known: Iterable[str]) -> RevisionNotFoundError:
    """The error for a checkpoint that is not there."""
    names = sorted(known)
    return RevisionNotFoundError(
        f"there is no checkpoint {wanted!r}",
        hint=f"checkpoints: {', '.join(names)}" if names else "nothing has been checkpointed yet",
    )
