"""Bounded reads from a socket, each with a moment by which it must be done."""

from __future__ import annotations

import time
from typing import Final, Protocol

_RECEIVE: Final = 1 << 16


class ConnectionEndedError(Exception):
    """The other side has closed the connection in the middle of what was being read."""


class TooLongError(Exception):
    """What was read is longer than allowed."""


def deadline_in(seconds: float) -> float:
    """The moment so many seconds from now, as `SocketReader` takes it."""
    return time.monotonic() + seconds


class Readable(Protocol):
    """What is read: a socket, or something like it."""

    def settimeout(self, seconds: float | None, /) -> None:
        """For the next call."""
        ...

    def recv(self, size: int, /) -> bytes:
        """Some bytes, none at the end."""
        ...

    def recv_into(self, buffer: memoryview, /) -> int:
        """How many bytes there were."""
        ...


class SocketReader:
    """Reads from one connected socket; one thread at a time.

    All calls raise `TimeoutError` behind the deadline and `OSError` for a broken connection.
    """

    def __init__(self, sock: Readable) -> None:
        self._socket = sock
        self._buffer = bytearray()

    def wait(self, deadline: float) -> bool:
        """Wait until there is something to read; False: the connection has ended."""
        return bool(self._buffer) or self._more(deadline)

    def forget(self) -> None:
        """Drop what has come."""
        self._buffer.clear()

    def until(self, mark: bytes, limit: int, deadline: float) -> bytes:
        """The bytes up to and with a mark.

        Raises:
            TooLongError: There are more than ``limit``.
            ConnectionEndedError: There is no mark.
        """
        searched = 0
        while True:
            found = self._buffer.find(mark, searched)
            if found >= 0 and found + len(mark) <= limit:
                return self._take(found + len(mark))
            if found >= 0 or len(self._buffer) > limit:
                raise TooLongError
            searched = max(0, len(self._buffer) - len(mark) + 1)
            if not self._more(deadline):
                raise ConnectionEndedError

    def exactly(self, size: int, deadline: float) -> bytes:
        """So many bytes.

        Raises:
            ConnectionEndedError: There are fewer.
        """
        buffered = len(self._buffer)
        if buffered >= size:
            return self._take(size)
        block = bytearray(size)
        block[:buffered] = self._buffer
        self._buffer.clear()
        view = memoryview(block)
        while buffered < size:
            self._socket.settimeout(_remaining(deadline))
            count = self._socket.recv_into(view[buffered:])
            if count == 0:
                raise ConnectionEndedError
            buffered += count
        return bytes(block)

    def _more(self, deadline: float) -> bool:
        self._socket.settimeout(_remaining(deadline))
        received = self._socket.recv(_RECEIVE)
        self._buffer += received
        return bool(received)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


def _remaining(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
