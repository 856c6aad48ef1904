"""Writes one file: appended payloads, a header in new files, rotation by size and time, compression of rolled files.

A position is (identity of the file, bytes): what was written behind it can be cut away again.
"""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Sequence
from datetime import datetime, timezone

from eventflux.extension.environment import Environment, OpenFile, Worker
from eventflux.io.compression import compressor
from eventflux.types.errors import ConfigError, ConnectionUnavailableError
from eventflux.types.record import record

_COPY_SIZE = 1 << 20
_BUFFER_SIZE = 1 << 20

logger = logging.getLogger("eventflux.sink.file")


@record(frozen=True, slots=True, kw_only=True)
class WritingOptions:
    """How files are written; 0 switches off."""

    append: bool
    flush_interval_ms: int
    fsync: bool
    rotate_size: int
    rotate_interval_ms: int
    rotate_compression: str
    delimiter: bytes
    header: bytes | None


@record(frozen=True, slots=True)
class WritePosition:
    """How far everything published reaches."""

    path: str
    identity: tuple[int, int]
    size: int


class FileWriter:
    """One file that is open for writing."""

    def __init__(self, path: str, options: WritingOptions, environment: Environment) -> None:
        self.path = path
        self._options = options
        self._environment = environment
        self._files = environment.files
        self._file: OpenFile | None = None
        self._size = 0
        self._opened_ms = 0
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._compressing: list[Worker] = []
        self._names_changed = False  # a file was made or renamed since the directory was last made durable

    def open(self, position: WritePosition | None = None) -> None:
        """Open, at the position if there is one: what lies behind it is cut away.

        Raises:
            ConfigError: The directory does not exist.
            ConnectionUnavailableError: The file can't be written.
        """
        directory = posixpath.dirname(self.path)
        status = self._files.status(directory or ".")
        if status is None or not status.is_directory:
            raise ConfigError(f"directory {directory!r} does not exist", key="path", value=self.path)
        try:
            if position is not None:
                self._go_back_to(position)
            elif self._options.append:
                self._file = self._files.open(self.path, "a")
            else:
                self._file = self._files.open(self.path, "w")
        except OSError as error:
            raise ConnectionUnavailableError(f"file {self.path!r} can't be written: {error.strerror}") from error
        self._begin()

    def write(self, block: bytes) -> None:
        """Append whole payloads, each with its delimiter.

        Raises:
            OSError: They could not be written.
        """
        options = self._options
        if options.rotate_interval_ms:
            now = self._environment.wall_clock()
            if self._size and now - self._opened_ms >= options.rotate_interval_ms:
                self._rotate()
        if options.rotate_size:
            for part in self._parts(block):
                if self._size and self._size + len(part) > options.rotate_size:
                    self._rotate()
                self._put(part)
        else:
            self._put(block)
        if not options.flush_interval_ms or self._buffered >= _BUFFER_SIZE:
            self.flush()

    def flush(self) -> None:
        """Hand over what is buffered; with ``fsync`` durably."""
        if self._file is None:
            return
        if self._buffer:
            data = self._buffer[0] if len(self._buffer) == 1 else b"".join(self._buffer)
            self._file.write(data)
            self._buffer.clear()
            self._buffered = 0
            if self._options.fsync:
                self._file.sync()

    def position(self) -> WritePosition | None:
        """How far the file reaches, durably."""
        if self._file is None:
            return None
        self.flush()
        self._file.sync()
        if self._names_changed:
            self._files.sync_directory(posixpath.dirname(self.path) or ".")
            self._names_changed = False
        return WritePosition(self.path, self._file.status().identity, self._size)

    def close(self) -> None:
        """Flush and close; idempotent. Waits for compressions that run."""
        if self._file is not None:
            self.flush()
            self._file.close()
            self._file = None
        for worker in self._compressing:
            worker.join()
        self._compressing.clear()

    def _begin(self) -> None:
        if self._file is None:
            return
        self._size = self._file.status().size
        self._names_changed = self._names_changed or self._size == 0
        self._opened_ms = self._environment.wall_clock()
        if self._size == 0 and self._options.header is not None:
            self._put(self._options.header + self._options.delimiter)
            self.flush()

    def _put(self, data: bytes) -> None:
        self._buffer.append(data)
        self._buffered += len(data)
        self._size += len(data)

    def _parts(self, block: bytes) -> Sequence[bytes]:
        """The block, cut behind delimiters so that no part makes a file longer than it may be, if that is possible."""
        limit, delimiter = self._options.rotate_size, self._options.delimiter
        if self._size + len(block) <= limit:
            return (block,)
        parts: list[bytes] = []
        start, room = 0, limit - self._size
        while start < len(block):
            if len(block) - start <= room:
                end = len(block)
            else:
                cut = block.rfind(delimiter, start, max(start, start + room))
                if cut < 0:
                    cut = block.find(delimiter, start)
                end = len(block) if cut < 0 else cut + len(delimiter)
            parts.append(block[start:end])
            start = end
            room = limit - self._header_size()
        return parts

    def _header_size(self) -> int:
        header = self._options.header
        return 0 if header is None else len(header) + len(self._options.delimiter)

    def _rotate(self) -> None:
        if self._file is None:
            return
        self.flush()
        self._file.sync()
        self._file.close()
        rolled = self._rolled_name()
        self._files.rename(self.path, rolled)
        if self._options.rotate_compression != "none":
            self._compressing = [worker for worker in self._compressing if worker.is_alive()]
            name = f"eventflux-compress-{posixpath.basename(rolled)}"
            work = lambda: self._compress(rolled)  # noqa: E731 - the thread's target
            self._compressing.append(self._environment.start_thread(work, name=name, daemon=False))
        self._file = self._files.open(self.path, "w")
        self._begin()

    def _rolled_name(self) -> str:
        moment = datetime.fromtimestamp(self._environment.wall_clock() // 1000, timezone.utc)
        base = f"{self.path}.{moment:%Y%m%dT%H%M%SZ}"
        name, number = base, 0
        while any(self._files.status(name + ending) is not None for ending in ("", ".gz", ".zst")):
            number += 1
            name = f"{base}-{number}"
        return name

    def _compress(self, rolled: str) -> None:
        """Write the compressed twin under a temporary name, then put it in place and remove the plain one."""
        ending = ".gz" if self._options.rotate_compression == "gzip" else ".zst"
        temporary = f"{rolled}{ending}.tmp"
        try:
            source = self._files.open(rolled, "r")
            target = self._files.open(temporary, "w")
            try:
                packer = compressor(self._options.rotate_compression)
                while data := source.read(_COPY_SIZE):
                    target.write(packer.compress(data))
                target.write(packer.finish())
                target.sync()
            finally:
                source.close()
                target.close()
            self._files.rename(temporary, rolled + ending)
            self._files.remove(rolled)
        except OSError as error:
            logger.warning("rolled file %s stays uncompressed: %s", rolled, error)

    def _go_back_to(self, position: WritePosition) -> None:
        """Open the file that the position is in, cut behind it; files that were begun later are removed."""
        current = self._files.status(self.path)
        if current is None or current.identity != position.identity:
            rolled = self._rolled_with(position.identity)
            if rolled is None:
                logger.warning("file %s is not the one of the checkpoint: what was written since stays", self.path)
                self._file = self._files.open(self.path, "a")
                return
            for newer in self._rolled_names():
                if newer > rolled:
                    self._files.remove(newer)
            self._files.rename(rolled, self.path)
        file = self._files.open(self.path, "r+")
        if file.status().size > position.size:
            file.truncate(position.size)
            file.sync()
        file.seek(min(position.size, file.status().size))
        self._file = file

    def _rolled_names(self) -> list[str]:
        directory, base = posixpath.split(self.path)
        names = self._files.names(directory or ".")
        return [posixpath.join(directory, name) for name in names if name.startswith(f"{base}.2")]

    def _rolled_with(self, identity: tuple[int, int]) -> str | None:
        for name in self._rolled_names():
            status = self._files.status(name)
            if status is not None and status.identity == identity:
                return name
        return None
