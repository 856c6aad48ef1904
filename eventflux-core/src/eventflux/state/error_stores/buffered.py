"""A buffer before an error store: who fails goes on, a thread writes."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterable
from typing import Final

from eventflux.extension.kinds.error_store import ErrorEntry, ErrorStore, Occurrence
from eventflux.types.errors import ErrorStoreError

logger = logging.getLogger("eventflux.errors")

_CLOSE_SECONDS: Final = 30.0


class BufferedErrorStore:
    """Entries that wait to be written are lost if the process dies; every question waits until they are written.

    Args:
        store: Behind.
        buffer_size: Entries that may wait.
        drop_when_full: Lose entries for which there is no room; else who fails waits.
    """

    def __init__(self, store: ErrorStore, *, buffer_size: int, drop_when_full: bool = False) -> None:
        self._store = store
        self._waiting: queue.Queue[ErrorEntry | None] = queue.Queue(buffer_size)
        self._drops = drop_when_full
        self._lock = threading.Lock()  # guards _is_closed and the start of the thread
        self._is_closed = False
        self._writer: threading.Thread | None = None
        self.dropped = 0
        self.failed = 0

    def save(self, entry: ErrorEntry) -> int:
        """Have an entry kept. It has no number yet: 0."""
        with self._lock:
            if self._is_closed:
                raise ErrorStoreError("the error store is closed")
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="eventflux-error-store", daemon=True)
                self._writer.start()
        if not self._drops:
            self._waiting.put(entry)
            return 0
        try:
            self._waiting.put_nowait(entry)
        except queue.Full:
            self.dropped += 1
            logger.warning("no room for a failed event of stream %s: it is lost", entry.stream)
        return 0

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
        self._waiting.join()
        return self._store.load(app, stream, occurrence, since, until, limit)

    def load_one(self, entry_id: int) -> ErrorEntry | None:
        """One entry, or None."""
        self._waiting.join()
        return self._store.load_one(entry_id)

    def discard(self, ids: Iterable[int]) -> int:
        """Forget entries; how many there were."""
        return self._store.discard(ids)

    def purge(self, app: str, before: int) -> int:
        """Forget an app's entries that are older than the moment; how many there were."""
        self._waiting.join()
        return self._store.purge(app, before)

    def count(self, app: str | None = None) -> int:
        """How many entries there are."""
        self._waiting.join()
        return self._store.count(app)

    def close(self) -> None:
        """Write what waits, and close the store behind; idempotent."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        if self._writer is not None:
            self._waiting.put(None)
            self._writer.join(_CLOSE_SECONDS)
        close = getattr(self._store, "close", None)
        if close is not None:
            close()

    def _write(self) -> None:
        while True:
            entry = self._waiting.get()
            try:
                if entry is None:
                    return
                self._store.save(entry)
            except Exception:  # the event is lost, and nobody who could be told is waiting
                self.failed += 1
                logger.exception("a failed event could not be kept")
            finally:
                self._waiting.task_done()
