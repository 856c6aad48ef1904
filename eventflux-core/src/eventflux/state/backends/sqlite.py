"""Keys and values in an SQLite database: tables ``state(key, value, expires)`` and ``checkpoints(id, key, ...)``."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from eventflux.state.backends.memory import no_checkpoint
from eventflux.types.errors import StateBackendError

_CREATE: Final = """
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoints (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoint_values (id TEXT, key TEXT, value BLOB NOT NULL, expires INTEGER,
    PRIMARY KEY (id, key)) WITHOUT ROWID;
"""
_GET: Final = "SELECT value FROM state WHERE key = ? AND (expires IS NULL OR expires > ?)"
_KEYS: Final = """SELECT key FROM state WHERE substr(key, 1, ?) = ? AND (expires IS NULL OR expires > ?) ORDER BY key"""
_REMEMBER: Final = """INSERT INTO checkpoint_values
    SELECT ?, key, value, expires FROM state WHERE expires IS NULL OR expires > ?"""


class SqliteBackend:
    """A state backend in one database file, in write-ahead journal mode, synchronous. Thread-safe.

    Args:
        db_path: The file; made if it is not there.
        wall_clock: Milliseconds since the epoch, for times to live.
    """

    def __init__(
        self, db_path: str | os.PathLike[str], *, wall_clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._path = os.fspath(db_path)
        self._wall_clock = wall_clock
        self._lock = threading.Lock()  # guards _connection: one transaction at a time
        self._connection: sqlite3.Connection | None = None

    def initialize(self) -> None:
        """Open the database.

        Raises:
            StateBackendError: It can't be opened.
        """
        with self._lock:
            if self._connection is not None:
                return
            try:
                connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                connection.executescript(_CREATE)
            except sqlite3.Error as error:
                raise StateBackendError(f"the database {self._path!r} cannot be used: {error}") from error
            self._connection = connection

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        rows = self._run((_GET, (key, self._wall_clock())))
        return bytes(rows[0][0]) if rows else None

    def set(self, key: str, value: bytes, *, ttl_seconds: int | None = None) -> None:
        """Keep a value, for ever or for that long."""
        if ttl_seconds is not None and ttl_seconds < 1:
            raise ValueError("ttl_seconds must be at least 1, or None")
        expires = None if ttl_seconds is None else self._wall_clock() + ttl_seconds * 1000
        self._run(("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", (key, bytes(value), expires)))

    def delete(self, key: str) -> bool:
        """Forget a key; whether it was there."""
        there = self.exists(key)
        self._run(("DELETE FROM state WHERE key = ?", (key,)))
        return there

    def exists(self, key: str) -> bool:
        """Whether a key is there."""
        return bool(self._run((_GET, (key, self._wall_clock()))))

    def keys(self, prefix: str = "") -> Iterator[str]:
        """The keys that begin so, in order."""
        rows = self._run((_KEYS, (len(prefix), prefix, self._wall_clock())))
        return iter([str(row[0]) for row in rows])

    def checkpoint(self, checkpoint_id: str) -> None:
        """Remember all keys and values as they are at one moment; one of that name is replaced."""
        self._run(
            ("DELETE FROM checkpoint_values WHERE id = ?", (checkpoint_id,)),
            ("INSERT OR REPLACE INTO checkpoints VALUES (?)", (checkpoint_id,)),
            (_REMEMBER, (checkpoint_id, self._wall_clock())),
        )

    def restore(self, checkpoint_id: str) -> None:
        """Exactly what was remembered: later keys vanish.

        Raises:
            RevisionNotFoundError: Nothing was remembered under that name.
        """
        known = [str(row[0]) for row in self._run(("SELECT id FROM checkpoints", ()))]
        if checkpoint_id not in known:
            raise no_checkpoint(checkpoint_id, known)
        self._run(
            ("DELETE FROM state", ()),
            ("INSERT INTO state SELECT key, value, expires FROM checkpoint_values WHERE id = ?", (checkpoint_id,)),
        )

    def delete_checkpoint(self, checkpoint_id: str) -> bool:
        """Forget what was remembered; whether it was there."""
        there = bool(self._run(("SELECT 1 FROM checkpoints WHERE id = ?", (checkpoint_id,))))
        self._run(
            ("DELETE FROM checkpoints WHERE id = ?", (checkpoint_id,)),
            ("DELETE FROM checkpoint_values WHERE id = ?", (checkpoint_id,)),
        )
        return there

    def shutdown(self) -> None:
        """Close the database; idempotent; later calls raise `StateBackendError`."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _run(self, *statements: tuple[str, tuple[object, ...]]) -> list[tuple[Any, ...]]:
        """Run statements in one transaction; the rows of the last one."""
        with self._lock:
            connection = self._connection
            if connection is None:
                raise StateBackendError("the state backend is shut down, or was not initialized")
            try:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    rows: list[tuple[Any, ...]] = []
                    for text, values in statements:
                        rows = connection.execute(text, values).fetchall()
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise StateBackendError(f"the database {self._path!r} failed: {error}") from error
            return rows
