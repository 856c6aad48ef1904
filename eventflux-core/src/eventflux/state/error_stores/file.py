"""Failed events as files in a directory: one file an entry, named by its id, whole or not there."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgpack

from eventflux.extension.kinds.error_store import ErrorEntry, EventForm, FailureType, Occurrence
from eventflux.state.error_stores.memory import matches
from eventflux.types.errors import ErrorStoreError

_SUFFIX: Final = ".error"
_DIGITS: Final = 20


class FileErrorStore:
    """A directory that one process writes to; what `save` returned from is durable.

    Args:
        directory: Made if it is not there.
        max_entries: About the most that are kept: older ones go for further ones. 0: no limit.

    Raises:
        ErrorStoreError: It can't be used.
    """

    def __init__(self, directory: str | os.PathLike[str], *, max_entries: int = 0) -> None:
        if max_entries < 0:
            raise ValueError("max_entries must not be negative")
        self._limit = max_entries
        self._directory = Path(directory)
        self._lock = threading.Lock()  # guards _last
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._last = max((int(path.stem) for path in self._paths()), default=0)
        except OSError as error:
            raise self._failed(error) from error

    def save(self, entry: ErrorEntry) -> int:
        """Keep an entry, durably; its id."""
        with self._lock:
            self._last += 1
            number = self._last
        fields: dict[str, Any] = asdict(entry)
        fields["id"] = number
        for name in ("occurrence", "event_type", "error_type"):
            fields[name] = fields[name].value
        path = self._path(number)
        partial = path.with_suffix(".part")
        try:
            with partial.open("wb") as file:
                file.write(msgpack.packb(fields))
                file.flush()
                os.fsync(file.fileno())
            partial.rename(path)
        except OSError as error:
            raise self._failed(error) from error
        if self._limit and number > self._limit:
            self._remove(self._path(number - self._limit))
        return number

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
        found: list[ErrorEntry] = []
        for entry in self._entries():
            if len(found) >= limit:
                break
            if matches(entry, app, stream, occurrence, since, until):
                found.append(entry)
        return found

    def load_one(self, entry_id: int) -> ErrorEntry | None:
        """One entry, or None."""
        return self._read(self._path(entry_id))

    def discard(self, ids: Iterable[int]) -> int:
        """Forget entries; how many there were."""
        return sum(self._remove(self._path(entry_id)) for entry_id in ids)

    def purge(self, app: str, before: int) -> int:
        """Forget an app's entries that are older than the moment; how many there were."""
        old = [entry.id for entry in self._entries() if entry.app == app and entry.timestamp < before]
        return self.discard(old)

    def count(self, app: str | None = None) -> int:
        """How many entries there are."""
        if app is None:
            return len(self._paths())
        return sum(entry.app == app for entry in self._entries())

    def _path(self, entry_id: int) -> Path:
        return self._directory / f"{entry_id:0{_DIGITS}}{_SUFFIX}"

    def _paths(self) -> list[Path]:
        return sorted(path for path in self._directory.glob(f"*{_SUFFIX}") if path.stem.isdigit())

    def _entries(self) -> Iterator[ErrorEntry]:
        for path in self._paths():
            entry = self._read(path)
            if entry is not None:
                yield entry

    def _read(self, path: Path) -> ErrorEntry | None:
        try:
            fields = msgpack.unpackb(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise self._failed(error) from error
        fields["occurrence"] = Occurrence(fields["occurrence"])
        fields["event_type"] = EventForm(fields["event_type"])
        fields["error_type"] = FailureType(fields["error_type"])
        return ErrorEntry(**fields)

    def _remove(self, path: Path) -> bool:
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._failed(error) from error
        return True

    def _failed(self, error: Exception) -> ErrorStoreError:
        return ErrorStoreError(f"the error store in {str(self._directory)!r} failed: {error}")
