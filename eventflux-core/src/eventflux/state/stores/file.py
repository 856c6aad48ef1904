"""Revisions as files: ``<path>/<app>/<revision>.efs``, each whole or not there at all.

A snapshot is written under a temporary name beside its place, made durable, renamed, and the directory made durable.
What a crash leaves under a temporary name is removed when the store is opened. One process a directory: an advisory
lock is held on ``<path>/.lock``.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, unquote

from typing_extensions import Self

from eventflux.types.errors import StateError

try:
    import fcntl
except ImportError:  # not a POSIX system: no advisory locks
    fcntl = None  # type: ignore[assignment]

_SUFFIX = ".efs"
_TEMPORARY = ".tmp"


class FilePersistenceStore:
    """A directory of revisions.

    Args:
        path: The directory; made if it is not there.
        revisions_to_keep: Older ones are removed after each save; 0 keeps all.
        fsync: Make each save durable before it counts.

    Raises:
        StateError: Another process uses the directory, or it can't be used.
    """

    def __init__(self, path: str | os.PathLike[str], *, revisions_to_keep: int = 3, fsync: bool = True) -> None:
        if revisions_to_keep < 0:
            raise ValueError("revisions_to_keep must not be negative")
        self._path = Path(path)
        self._keep = revisions_to_keep
        self._fsync = fsync
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            self._lock: int | None = os.open(self._path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StateError(f"the persistence directory {str(self._path)!r} cannot be used: {error}") from error
        if fcntl is not None:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(self._lock)
                self._lock = None
                raise StateError(
                    f"the persistence directory {str(self._path)!r} is in use by another process",
                    hint="one process a directory: give each app instance its own",
                ) from error
        for leftover in self._path.glob(f"*/*{_TEMPORARY}"):
            leftover.unlink(missing_ok=True)

    def save(self, app: str, revision: str, snapshot: bytes) -> None:
        """Keep a snapshot under a new revision, durably."""
        directory = self._directory(app)
        target = directory / (quote(revision, safe="") + _SUFFIX)
        temporary = target.with_name(target.name + _TEMPORARY)
        try:
            if not directory.is_dir():
                directory.mkdir(parents=True, exist_ok=True)
                self._sync_directory(self._path)
            with temporary.open("wb") as file:
                file.write(snapshot)
                file.flush()
                if self._fsync:
                    os.fsync(file.fileno())
            temporary.replace(target)
            self._sync_directory(directory)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StateError(f"revision {revision!r} could not be written: {error}") from error
        if self._keep:
            for old in self.revisions(app)[: -self._keep]:
                self.delete(app, old)

    def load(self, app: str, revision: str) -> bytes | None:
        """The snapshot of a revision, or None."""
        try:
            return (self._directory(app) / (quote(revision, safe="") + _SUFFIX)).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"revision {revision!r} could not be read: {error}") from error

    def last_revision(self, app: str) -> str | None:
        """The newest revision, or None."""
        return max(self.revisions(app), default=None)

    def revisions(self, app: str) -> list[str]:
        """All revisions, oldest first."""
        try:
            names = [file.name for file in self._directory(app).iterdir()]
        except FileNotFoundError:
            return []
        return sorted(unquote(name[: -len(_SUFFIX)]) for name in names if name.endswith(_SUFFIX))

    def delete(self, app: str, revision: str) -> None:
        """Forget a revision; nothing happens if it isn't there."""
        (self._directory(app) / (quote(revision, safe="") + _SUFFIX)).unlink(missing_ok=True)

    def clear_all_revisions(self, app: str) -> int:
        """Forget all; how many there were."""
        revisions = self.revisions(app)
        for revision in revisions:
            self.delete(app, revision)
        return len(revisions)

    def close(self) -> None:
        """Let others use the directory; idempotent."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _directory(self, app: str) -> Path:
        # A dot is safe in quote(), but the names "." and ".." are not names of apps' directories.
        return self._path / (quote(app, safe="").replace(".", "%2E") or "%")

    def _sync_directory(self, directory: Path) -> None:
        if not self._fsync:
            return
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
