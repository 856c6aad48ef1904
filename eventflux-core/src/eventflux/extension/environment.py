"""The outside world as an interface: clocks, timers, files, randomness, threads.

Whatever touches the machine does it through this, so that a simulation driven by one seed can stand in its place.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class FileStatus:
    """What can be known of a file without reading it; ``identity`` stays when the file is renamed."""

    identity: tuple[int, int]
    size: int
    is_directory: bool = False
    is_regular: bool = True


class OpenFile(Protocol):
    """An open file of bytes. A write is durable only after `sync`."""

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes from the position on, all that is there for -1; empty at the end."""
        ...

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer from the position on; how many bytes there were, 0 at the end."""
        ...

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Write all of the bytes at the position; how many that were."""
        ...

    def seek(self, position: int) -> None:
        """Move the position, counted from the beginning."""
        ...

    def tell(self) -> int:
        """The position."""
        ...

    def truncate(self, size: int) -> None:
        """Cut the file to a length."""
        ...

    def flush(self) -> None:
        """Hand over to the operating system what is buffered here."""
        ...

    def sync(self) -> None:
        """Make everything written durable."""
        ...

    def status(self) -> FileStatus:
        """Of the open file, whatever its name is now."""
        ...

    def close(self) -> None:
        """Close; idempotent."""
        ...


class Files(Protocol):
    """A file system. Missing files raise `FileNotFoundError`, other failures `OSError`."""

    def open(self, path: str, mode: str) -> OpenFile:
        """Open for ``r`` (read), ``w`` (write anew), ``a`` (append), ``r+`` (read and write what is there)."""
        ...

    def status(self, path: str) -> FileStatus | None:
        """Of the file of that name, or None."""
        ...

    def names(self, directory: str) -> list[str]:
        """The names in a directory, in order."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, atomically, in place of what has that name."""
        ...

    def remove(self, path: str) -> None:
        """Forget a file."""
        ...

    def make_directory(self, path: str) -> None:
        """Make a directory and those above it; nothing happens if it is there."""
        ...

    def sync_directory(self, path: str) -> None:
        """Make creations, renames and removals in a directory durable."""
        ...


class Cancellable(Protocol):
    """A timer that was asked for."""

    def cancel(self) -> None:
        """Forget it; nothing happens if it has run."""
        ...


class Waiter(Protocol):
    """A flag that threads wait for."""

    def set(self) -> None:
        """Raise the flag and wake who waits."""
        ...

    def clear(self) -> None:
        """Lower the flag."""
        ...

    def is_set(self) -> bool:
        """Whether it is raised."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is raised, or for so many seconds; whether it is raised."""
        ...


class Worker(Protocol):
    """A thread."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        ...

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, or for so many seconds."""
        ...


class Environment(Protocol):
    """Everything outside."""

    @property
    def files(self) -> Files:
        """The file system."""
        ...

    @property
    def random(self) -> random.Random:
        """The source of randomness."""
        ...

    def wall_clock(self) -> int:
        """Milliseconds since the epoch; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...

    def call_later(self, seconds: float, call: Callable[[], None]) -> Cancellable:
        """Have something called on another thread after a time."""
        ...

    def waiter(self) -> Waiter:
        """A new flag, lowered."""
        ...

    def start_thread(self, target: Callable[[], None], *, name: str, daemon: bool = True) -> Worker:
        """Run something beside."""
        ...
