"""A file system in memory that can crash.

Every file has the bytes that are durable and those that were only written. A crash keeps what is durable, a random
beginning of what was written behind it (a torn write), and of the names that were created, renamed or removed since the
last `sync_directory` the first so many, as a journal does. All chance comes from one generator: a seed gives the same
crash.
"""

from __future__ import annotations

import errno
import posixpath
from dataclasses import dataclass, field
from random import Random

from eventflux.extension.environment import FileStatus, OpenFile

_DEVICE = 1


class SimulatedCrashError(BaseException):
    """The machine has stopped in the middle of an I/O step; `SimulatedFiles.restart` brings it back.

    No `except Exception` may go on after it, as nothing goes on after a real one.
    """


@dataclass(slots=True)
class _Inode:
    number: int
    data: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    is_directory: bool = False

    @property
    def status(self) -> FileStatus:
        return FileStatus(
            identity=(_DEVICE, self.number),
            size=len(self.data),
            is_directory=self.is_directory,
            is_regular=not self.is_directory,
        )


class SimulatedFiles:
    """The file system. Paths are taken as they are, apart from normalising; the root and ``.`` exist."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._next_number = 1
        self._names: dict[str, _Inode] = {}
        self._journal: list[dict[str, _Inode]] = []  # the names as they were, the durable state first
        self._is_down = False
        self._steps_left: int | None = None
        self._failure: OSError | None = None
        self.steps = 0
        self.lost_sync_chance = 0.0
        for root in ("/", "."):
            self._names[root] = self._inode(is_directory=True)

    # ---- faults

    def crash_after(self, steps: int) -> None:
        """Stop the machine in the middle of the I/O step that comes after so many."""
        self._steps_left = steps
        self._failure = None

    def fail_after(self, steps: int, error: int = errno.ENOSPC) -> None:
        """Have the I/O step that comes after so many fail, once."""
        self._steps_left = steps
        self._failure = OSError(error, errno.errorcode[error])

    def disarm(self) -> None:
        """Forget a fault that has not come yet."""
        self._steps_left = None

    def crash(self) -> None:
        """Stop the machine now: every further step raises `SimulatedCrashError`."""
        self._is_down = True
        self._steps_left = None

    def restart(self) -> None:
        """Bring the machine back with what a crash leaves."""
        states = [*self._journal, self._names]
        names = states[self._random.randrange(len(states))]
        for inode in {id(inode): inode for inode in names.values()}.values():
            self._tear(inode)
        self._names = names
        self._journal.clear()
        self._is_down = False

    def _tear(self, inode: _Inode) -> None:
        written, durable = bytes(inode.data), inode.durable
        if written == durable:
            return
        if written.startswith(durable):
            kept = self._random.randint(len(durable), len(written))
            inode.data = bytearray(written[:kept])
        else:  # overwritten in the middle, or cut: old and new bytes up to somewhere
            place = self._random.randint(0, max(len(written), len(durable)))
            inode.data = bytearray(written[:place] + durable[place:])
        inode.durable = bytes(inode.data)

    def _step(self) -> None:
        if self._is_down:
            raise SimulatedCrashError("the machine is down")
        self.steps += 1
        if self._steps_left is None:
            return
        if self._steps_left > 0:
            self._steps_left -= 1
            return
        self._steps_left = None
        if self._failure is not None:
            raise self._failure
        self._is_down = True
        raise SimulatedCrashError("the machine has stopped")

    # ---- Files

    def open(self, path: str, mode: str) -> OpenFile:
        self._step()
        name = _normal(path)
        inode = self._names.get(name)
        if inode is not None and inode.is_directory:
            raise IsADirectoryError(errno.EISDIR, "it is a directory", path)
        if inode is None:
            if mode in {"r", "r+"}:
                raise FileNotFoundError(errno.ENOENT, "there is no such file", path)
            self._check_parent(name, path)
            self._note()
            inode = self._names[name] = self._inode()
        elif mode == "w":
            inode.data.clear()
        return SimulatedFile(self, inode, mode)

    def status(self, path: str) -> FileStatus | None:
        self._step()
        inode = self._names.get(_normal(path))
        return None if inode is None else inode.status

    def names(self, directory: str) -> list[str]:
        self._step()
        folder = self._directory(directory)
        found = (
            name for name in self._names if posixpath.dirname(name) == folder or (folder == "." and "/" not in name)
        )
        return sorted(posixpath.basename(name) for name in found if name != folder)

    def rename(self, old: str, new: str) -> None:
        self._step()
        source, target = _normal(old), _normal(new)
        inode = self._names.get(source)
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, "there is no such file", old)
        self._check_parent(target, new)
        self._note()
        moved = {name for name in self._names if inode.is_directory and name.startswith(source + "/")}
        for name in moved:
            self._names[target + name[len(source) :]] = self._names.pop(name)
        del self._names[source]
        self._names[target] = inode

    def remove(self, path: str) -> None:
        self._step()
        if _normal(path) not in self._names:
            raise FileNotFoundError(errno.ENOENT, "there is no such file", path)
        self._note()
        del self._names[_normal(path)]

    def make_directory(self, path: str) -> None:
        self._step()
        name = _normal(path)
        missing = []
        while name not in self._names:
            missing.append(name)
            name = posixpath.dirname(name) or "."
        if missing:
            self._note()
        for each in reversed(missing):
            self._names[each] = self._inode(is_directory=True)

    def sync_directory(self, path: str) -> None:
        self._step()
        if self._is_sync_lost():
            return
        self._directory(path)
        self._journal.clear()

    def _note(self) -> None:
        """The names are about to change."""
        self._journal.append(dict(self._names))

    def _is_sync_lost(self) -> bool:
        return self.lost_sync_chance > 0 and self._random.random() < self.lost_sync_chance

    def _directory(self, path: str) -> str:
        name = _normal(path)
        inode = self._names.get(name)
        if inode is None or not inode.is_directory:
            raise FileNotFoundError(errno.ENOENT, "there is no such directory", path)
        return name

    def _check_parent(self, name: str, path: str) -> None:
        parent = self._names.get(posixpath.dirname(name) or ".")
        if parent is None or not parent.is_directory:
            raise FileNotFoundError(errno.ENOENT, "there is no such directory", path)

    def _inode(self, *, is_directory: bool = False) -> _Inode:
        self._next_number += 1
        return _Inode(self._next_number, is_directory=is_directory)


class SimulatedFile:
    """An open file of `SimulatedFiles`."""

    def __init__(self, files: SimulatedFiles, inode: _Inode, mode: str) -> None:
        self._files = files
        self._inode = inode
        self._appends = mode == "a"
        self._writes = mode != "r"
        self._position = len(inode.data) if self._appends else 0
        self._is_open = True

    def read(self, size: int = -1) -> bytes:
        self._begin()
        end = len(self._inode.data) if size < 0 else self._position + size
        data = bytes(self._inode.data[self._position : end])
        self._position += len(data)
        return data

    def readinto(self, buffer: memoryview) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        try:
            self._begin()
        except SimulatedCrashError:
            self._put(bytes(data))  # how much of it has arrived shows after the restart
            raise
        if not self._writes:
            raise OSError(errno.EBADF, "the file is open for reading")
        self._put(bytes(data))
        return len(data)

    def _put(self, data: bytes) -> None:
        if self._appends:
            self._position = len(self._inode.data)
        gap = self._position - len(self._inode.data)
        if gap > 0:
            self._inode.data += bytes(gap)
        self._inode.data[self._position : self._position + len(data)] = data
        self._position += len(data)

    def seek(self, position: int) -> None:
        self._position = position

    def tell(self) -> int:
        return self._position

    def truncate(self, size: int) -> None:
        self._begin()
        del self._inode.data[size:]
        self._inode.data += bytes(size - len(self._inode.data))

    def flush(self) -> None:
        self._begin()

    def sync(self) -> None:
        self._begin()
        if not self._files._is_sync_lost():  # noqa: SLF001 - one unit with the file system
            self._inode.durable = bytes(self._inode.data)

    def status(self) -> FileStatus:
        self._begin()
        return self._inode.status

    def close(self) -> None:
        self._is_open = False

    def _begin(self) -> None:
        if not self._is_open:
            raise ValueError("the file is closed")
        self._files._step()  # noqa: SLF001 - one unit with the file system


def _normal(path: str) -> str:
    return posixpath.normpath(path)
