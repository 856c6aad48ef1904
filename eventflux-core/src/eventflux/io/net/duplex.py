"""A connected socket that one thread reads while another one writes, each with time-outs of its own; TLS included."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from contextlib import suppress


def shut(sock: socket.socket, how: int) -> None:
    """End one or both directions of a connection that another thread may be waiting on, below TLS; never raises."""
    with suppress(OSError):
        socket.socket.shutdown(sock, how)  # that of a TLS socket would make it a plain one under its reader's hands


class Duplex:
    """Both directions of one socket. It has the methods of a socket that `SocketReader` calls."""

    def __init__(self, connected: socket.socket) -> None:
        """Take over a socket."""
        self._socket = connected
        self._seconds: float | None = None
        self._reading = connected if isinstance(connected, ssl.SSLSocket) else connected.dup()
        self._turn = threading.Lock()  # TLS only: its state is not made for two threads

    def settimeout(self, seconds: float | None) -> None:
        """For what is read from now on."""
        self._seconds = seconds
        if self._reading is not self._socket:
            self._reading.settimeout(seconds)

    def recv(self, size: int) -> bytes:
        """Some bytes, none at the end; TimeoutError if none come in time."""
        buffer = bytearray(size)
        return bytes(buffer[: self.recv_into(buffer)])

    def recv_into(self, buffer: bytearray | memoryview) -> int:
        """As `recv`, into a buffer."""
        if self._reading is not self._socket:
            return self._reading.recv_into(buffer)
        deadline = None if self._seconds is None else time.monotonic() + self._seconds
        while True:
            with self._turn:
                self._socket.settimeout(0.0)
                try:
                    return self._socket.recv_into(buffer)
                except ValueError as error:
                    raise OSError("the connection was closed") from error
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    pass
                except ssl.SSLZeroReturnError:
                    return 0
            left = None if deadline is None else deadline - time.monotonic()
            if (left is not None and left <= 0) or not _is_readable(self._socket, left):
                raise TimeoutError

    def sendall(self, data: bytes, seconds: float) -> None:
        """Write all of the bytes; TimeoutError if that takes longer."""
        with self._turn:
            self._socket.settimeout(seconds)
            self._socket.sendall(data)

    def close(self) -> None:
        """End both directions, whoever waits on them, and close; idempotent."""
        shut(self._socket, socket.SHUT_RDWR)
        with suppress(OSError):
            self._socket.close()
        if self._reading is not self._socket:
            with suppress(OSError):
                self._reading.close()


def _is_readable(sock: socket.socket, seconds: float | None) -> bool:
    """Wait until there is something to read, or so long; OSError if another thread closes the socket."""
    try:
        if not hasattr(select, "poll"):
            return bool(select.select([sock], [], [], seconds)[0])
        poll = select.poll()  # knows no largest descriptor
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(None if seconds is None else seconds * 1000.0))
    except ValueError as error:
        raise OSError("the connection was closed") from error
