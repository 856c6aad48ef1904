"""The machine that we run on. Thin: each call is one call of the standard library."""

from __future__ import annotations

import io
import os
import random
import stat
import threading
import time
from collections.abc import Callable

from eventflux.extension.environment import Cancellable, Environment, Files, FileStatus, OpenFile, Waiter, Worker


class RealFile:
    """A file of the operating system, without a buffer of its own."""

    def __init__(self, path: str, mode: str) -> None:
        self._file = io.FileIO(path, mode)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size) or b""

    def readinto(self, buffer: memoryview) -> int:
        return self._file.readinto(buffer)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        rest = memoryview(data)
        total = len(rest)
        while rest:
            rest = rest[self._file.write(rest) :]
        return total

    def seek(self, position: int) -> None:
        self._file.seek(position)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int) -> None:
        self._file.truncate(size)

    def flush(self) -> None:
        self._file.flush()

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def status(self) -> FileStatus:
        return _status(os.fstat(self._file.fileno()))

    def close(self) -> None:
        self._file.close()


class RealFiles:
    """The file system of the operating system."""

    def open(self, path: str, mode: str) -> OpenFile:
        return RealFile(path, mode)

    def status(self, path: str) -> FileStatus | None:
        try:
            return _status(os.stat(path))  # noqa: PTH116 - paths are texts here
        except FileNotFoundError:
            return None

    def names(self, directory: str) -> list[str]:
        return sorted(os.listdir(directory))  # noqa: PTH208

    def rename(self, old: str, new: str) -> None:
        os.replace(old, new)  # noqa: PTH105

    def remove(self, path: str) -> None:
        os.remove(path)  # noqa: PTH107

    def make_directory(self, path: str) -> None:
        os.makedirs(path, exist_ok=True)  # noqa: PTH103

    def sync_directory(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class RealEnvironment:
    """Clocks, files, threads and randomness of this machine."""

    def __init__(self, seed: int | None = None) -> None:
        self._files = RealFiles()
        self._random = random.Random(seed)

    @property
    def files(self) -> Files:
        return self._files

    @property
    def random(self) -> random.Random:
        return self._random

    def wall_clock(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Cancellable:
        timer = threading.Timer(seconds, call)
        timer.name = "eventflux-timer"
        timer.daemon = True  # a call that waits for its time must not keep the process alive
        timer.start()
        return timer

    def waiter(self) -> Waiter:
        return threading.Event()

    def start_thread(self, target: Callable[[], None], *, name: str, daemon: bool = True) -> Worker:
        thread = threading.Thread(target=target, name=name, daemon=daemon)
        thread.start()
        return thread


def _status(found: os.stat_result) -> FileStatus:
    return FileStatus(
        identity=(found.st_dev, found.st_ino),
        size=found.st_size,
        is_directory=stat.S_ISDIR(found.st_mode),
        is_regular=stat.S_ISREG(found.st_mode),
    )


def real_environment(seed: int | None = None) -> Environment:
    """The environment of every run that isn't a simulation."""
    return RealEnvironment(seed)
