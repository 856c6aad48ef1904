"""Revisions in an SQLite database: table ``snapshots(app, rev, data)``."""

from __future__ import annotations

import os
import sqlite3
import threading
from types import TracebackType
from typing import Any

from typing_extensions import Self

from eventflux.types.errors import StateError

_CREATE = "CREATE TABLE IF NOT EXISTS snapshots (app TEXT, rev TEXT, data BLOB, PRIMARY KEY (app, rev))"
_TRIM = """DELETE FROM snapshots WHERE app = ? AND rev NOT IN
           (SELECT rev FROM snapshots WHERE app = ? ORDER BY rev DESC LIMIT ?)"""


class SqlitePersistenceStore:
    """One database file, in write-ahead journal mode, synchronous.

    Args:
        db_path: The file; made if it is not there.
        revisions_to_keep: Older ones are removed in the transaction of each save; 0 keeps all.

    Raises:
        StateError: The file can't be opened as a database.
    """

    def __init__(self, db_path: str | os.PathLike[str], *, revisions_to_keep: int = 3) -> None:
        if revisions_to_keep < 0:
            raise ValueError("revisions_to_keep must not be negative")
        self._keep = revisions_to_keep
        self._lock = threading.Lock()  # guards _connection: one statement at a time
        self._path = os.fspath(db_path)
        try:
            self._connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute(_CREATE)
        except sqlite3.Error as error:
            raise StateError(f"the database {self._path!r} cannot be used: {error}") from error

    def save(self, app: str, revision: str, snapshot: bytes) -> None:
        """Keep a snapshot under a new revision, durably."""
        try:
            with self._lock, self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", (app, revision, snapshot))
                if self._keep:
                    self._connection.execute(_TRIM, (app, app, self._keep))
        except sqlite3.Error as error:
            raise StateError(f"revision {revision!r} could not be written: {error}") from error

    def load(self, app: str, revision: str) -> bytes | None:
        """The snapshot of a revision, or None."""
        rows = self._query("SELECT data FROM snapshots WHERE app = ? AND rev = ?", (app, revision))
        return bytes(rows[0][0]) if rows else None

    def last_revision(self, app: str) -> str | None:
        """The newest revision, or None."""
        rows = self._query("SELECT max(rev) FROM snapshots WHERE app = ?", (app,))
        return None if rows[0][0] is None else str(rows[0][0])

    def revisions(self, app: str) -> list[str]:
        """All revisions, oldest first."""
        return [str(row[0]) for row in self._query("SELECT rev FROM snapshots WHERE app = ? ORDER BY rev", (app,))]

    def delete(self, app: str, revision: str) -> None:
        """Forget a revision; nothing happens if it isn't there."""
        self._query("DELETE FROM snapshots WHERE app = ? AND rev = ?", (app, revision))

    def clear_all_revisions(self, app: str) -> int:
        """Forget all; how many there were."""
        rows = self._query("DELETE FROM snapshots WHERE app = ? RETURNING rev", (app,))
        return len(rows)

    def close(self) -> None:
        """Close the database; idempotent."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _query(self, statement: str, values: tuple[str, ...]) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise StateError(f"the database {self._path!r} failed: {error}") from error
