"""Failed events in an SQLite database: table ``errors``, one row an entry."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Final

from typing_extensions import Self

from eventflux.extension.kinds.error_store import ErrorEntry, EventForm, FailureType, Occurrence
from eventflux.types.errors import ErrorStoreError

_CREATE: Final = """CREATE TABLE IF NOT EXISTS errors (
    id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL, app TEXT NOT NULL, stream TEXT NOT NULL,
    event BLOB NOT NULL, cause TEXT NOT NULL, stack_trace TEXT NOT NULL, original_payload BLOB,
    occurrence TEXT NOT NULL, event_type TEXT NOT NULL, error_type TEXT NOT NULL, attempt INTEGER NOT NULL,
    place TEXT NOT NULL)"""
_INDEX: Final = "CREATE INDEX IF NOT EXISTS errors_by_app ON errors (app, timestamp)"
_INSERT: Final = """INSERT INTO errors (timestamp, app, stream, event, cause, stack_trace, original_payload,
    occurrence, event_type, error_type, attempt, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_SELECT: Final = """SELECT id, timestamp, app, stream, event, cause, stack_trace, original_payload, occurrence,
    event_type, error_type, attempt, place FROM errors"""
_WHERE: Final = """ WHERE (?1 IS NULL OR app = ?1) AND (?2 IS NULL OR stream = ?2) AND (?3 IS NULL OR occurrence = ?3)
    AND (?4 IS NULL OR timestamp >= ?4) AND (?5 IS NULL OR timestamp < ?5) ORDER BY id LIMIT ?6"""


class SqliteErrorStore:
    """One database file, in write-ahead journal mode: what `save` returned from is durable.

    Args:
        path: The file; made if it is not there.
        max_entries: About the most that are kept: older ones go for further ones. 0: no limit.

    Raises:
        ErrorStoreError: The file can't be opened as a database.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_entries: int = 0) -> None:
        if max_entries < 0:
            raise ValueError("max_entries must not be negative")
        self._limit = max_entries
        self._lock = threading.Lock()  # guards _connection: one statement at a time
        self._path = os.fspath(path)
        try:
            self._connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute(_CREATE)
            self._connection.execute(_INDEX)
        except sqlite3.Error as error:
            raise ErrorStoreError(f"the database {self._path!r} cannot be used: {error}") from error

    def save(self, entry: ErrorEntry) -> int:
        """Keep an entry, durably; its id."""
        values = (
            entry.timestamp,
            entry.app,
            entry.stream,
            entry.event,
            entry.cause,
            entry.stack_trace,
            entry.original_payload,
            entry.occurrence.value,
            entry.event_type.value,
            entry.error_type.value,
            entry.attempt,
            entry.where,
        )
        try:
            with self._lock:
                number = int(self._connection.execute(_INSERT, values).lastrowid or 0)
                if self._limit:
                    self._connection.execute("DELETE FROM errors WHERE id <= ?", (number - self._limit,))
                return number
        except sqlite3.Error as error:
            raise self._failed(error) from error

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
        wanted = None if occurrence is None else occurrence.value
        rows, _ = self._run(_SELECT + _WHERE, (app, stream, wanted, since, until, limit))
        return [_entry(row) for row in rows]

    def load_one(self, entry_id: int) -> ErrorEntry | None:
        """One entry, or None."""
        rows, _ = self._run(_SELECT + " WHERE id = ?", (entry_id,))
        return _entry(rows[0]) if rows else None

    def discard(self, ids: Iterable[int]) -> int:
        """Forget entries; how many there were."""
        return sum(self._run("DELETE FROM errors WHERE id = ?", (entry_id,))[1] for entry_id in ids)

    def purge(self, app: str, before: int) -> int:
        """Forget an app's entries that are older than the moment; how many there were."""
        return self._run("DELETE FROM errors WHERE app = ? AND timestamp < ?", (app, before))[1]

    def count(self, app: str | None = None) -> int:
        """How many entries there are."""
        rows, _ = self._run("SELECT count(*) FROM errors WHERE ?1 IS NULL OR app = ?1", (app,))
        return int(rows[0][0])

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

    def _run(self, statement: str, values: Sequence[object]) -> tuple[list[tuple[Any, ...]], int]:
        """The rows, and how many rows were changed."""
        try:
            with self._lock:
                cursor = self._connection.execute(statement, tuple(values))
                return cursor.fetchall(), max(cursor.rowcount, 0)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: sqlite3.Error) -> ErrorStoreError:
        return ErrorStoreError(f"the database {self._path!r} failed: {error}")


def _entry(row: tuple[Any, ...]) -> ErrorEntry:
    return ErrorEntry(
        id=row[0],
        timestamp=row[1],
        app=row[2],
        stream=row[3],
        event=bytes(row[4]),
        cause=row[5],
        stack_trace=row[6],
        original_payload=None if row[7] is None else bytes(row[7]),
        occurrence=Occurrence(row[8]),
        event_type=EventForm(row[9]),
        error_type=FailureType(row[10]),
        attempt=row[11],
        where=row[12],
    )
