"""One connection of the TCP transport, from either side."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from eventflux.extension.kinds.transport import ERROR, Message, MessageType
from eventflux.io.net.duplex import Duplex, shut
from eventflux.io.net.socket_reader import ConnectionEndedError, SocketReader, deadline_in
from eventflux.io.tcp.frames import HELLO, PROTOCOL
from eventflux.transport.config import TcpTransportConfig
from eventflux.transport.messages import encode_message, read_message
from eventflux.types.errors import TransportError

CODECS: Final = "none,lz4,snappy,zstd"
_LARGEST_HELLO: Final = 65_536
_TOLD_SECONDS: Final = 0.2
_DRAINED: Final = 65_536


class TcpConnection:
    """A connected socket. One thread may send while another one receives."""

    def __init__(self, connected: socket.socket, endpoint: str, config: TcpTransportConfig) -> None:
        """Take over a socket, through TLS if there is any.

        Args:
            connected: The socket.
            endpoint: The other side, for messages.
            config: Limits and time-outs.
        """
        self.socket = connected
        self._endpoint = endpoint
        self._config = config
        self._duplex = Duplex(connected)
        self._reader = SocketReader(self._duplex)
        self._writing = threading.Lock()
        self.facts: Mapping[str, str] = {}
        self.is_closed = False
        self.sent = self.received = 0

    @property
    def endpoint(self) -> str:
        """The other side."""
        return self._endpoint

    def greet(self) -> None:
        """Say who we are, and learn who the other side is.

        Raises:
            TransportError: It speaks another version, or does not answer.
        """
        seconds = self._config.connection_timeout_ms / 1000
        own = {HELLO: str(PROTOCOL), "node_id": self._config.node_id, "codecs": CODECS, "ack": "false"}
        self._write(encode_message(Message(message_type=MessageType.CONTROL, headers=own), _LARGEST_HELLO), seconds)
        theirs = self._read(_LARGEST_HELLO, seconds)
        if ERROR in theirs.headers:
            raise self._broken(f"it refuses: {theirs.headers[ERROR]}")
        if theirs.message_type is not MessageType.CONTROL or HELLO not in theirs.headers:
            raise self._broken("it does not speak the protocol of EventFlux")
        if theirs.headers[HELLO] != str(PROTOCOL):
            reason = f"protocol version {theirs.headers[HELLO]} is not {PROTOCOL}"
            self.refuse(reason)
            raise self._broken(reason)
        self.facts = theirs.headers

    def send(self, message: Message) -> None:
        """Send one message.

        Raises:
            TransportError: It is too large, or the connection broke; the connection is closed.
        """
        if self.is_closed:
            raise TransportError(f"{self.endpoint}: the connection is closed")
        try:
            data = encode_message(message, self._config.max_message_size)
        except TransportError:
            self.close()
            raise
        self._write(data, self._config.write_timeout_ms / 1000)
        self.sent += 1

    def receive(self, seconds: float | None = None) -> Message:
        """The next message.

        Args:
            seconds: Longest wait; None: the read time-out.

        Raises:
            TransportError: None came in time, it was none, or the connection broke or ended.
        """
        if self.is_closed:
            raise TransportError(f"{self.endpoint}: the connection is closed")
        wait = self._config.read_timeout_ms / 1000 if seconds is None else seconds
        message = self._read(self._config.max_message_size, wait)
        self.received += 1
        return message

    def wait(self, seconds: float) -> bool:
        """Wait for the beginning of a message; False: the connection has ended. TimeoutError if none comes."""
        return self._reader.wait(deadline_in(seconds))

    def refuse(self, reason: str) -> None:
        """Say why the connection is closed, and close it."""
        message = Message(message_type=MessageType.CONTROL, headers={ERROR: reason})
        with suppress(TransportError):
            self._write(encode_message(message, _LARGEST_HELLO), 1.0)
            let_it_be_read(self.socket)
        self.close()

    def is_usable(self) -> bool:
        """Whether it can carry another request: nothing is left of earlier ones, and the other side is there."""
        if self.is_closed or self.sent != self.received:
            return False
        try:
            self._reader.wait(deadline_in(0.001))
        except TimeoutError:
            return True  # nothing to read is what should be
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Close; idempotent."""
        self.is_closed = True
        self._duplex.close()

    def _write(self, data: bytes, seconds: float) -> None:
        try:
            with self._writing:
                self._duplex.sendall(data, seconds)
        except OSError as error:
            raise self._broken(self._told() or _reason(error, "it takes nothing")) from error

    def _read(self, limit: int, seconds: float) -> Message:
        try:
            if not self._reader.wait(deadline_in(seconds)):
                raise self._broken("it has closed the connection")
        except TimeoutError as error:
            raise TransportError(f"{self.endpoint}: no message within {seconds:g} s") from error
        except OSError as error:
            raise self._broken(_reason(error, "")) from error
        try:
            return read_message(self._reader, limit, seconds)
        except (OSError, ConnectionEndedError) as error:
            raise self._broken(_reason(error, "a message stopped in its middle")) from error
        except TransportError as error:
            self.refuse(error.message)
            raise self._broken(error.message) from error

    def _told(self) -> str:
        """What the other side said before it closed the connection while we were writing; empty if nothing."""
        try:
            if self._reader.wait(deadline_in(_TOLD_SECONDS)):
                message = read_message(self._reader, _LARGEST_HELLO, _TOLD_SECONDS)
                return f"it refuses: {message.headers[ERROR]}" if ERROR in message.headers else ""
        except ssl.SSLError as error:
            return f"TLS: {error}"
        except (OSError, ConnectionEndedError, TransportError):
            return ""
        return ""

    def _broken(self, reason: str) -> TransportError:
        self.close()
        return TransportError(f"{self.endpoint}: {reason}")


def let_it_be_read(connected: socket.socket) -> None:
    """Before closing: give the other side time to read what was written last.

    A socket that is closed while there is something to read makes the system throw away what was written.
    """
    shut(connected, socket.SHUT_WR)
    with suppress(OSError):
        connected.settimeout(_TOLD_SECONDS)
        deadline = deadline_in(1.0)
        while deadline_in(0.0) < deadline and socket.socket.recv(connected, _DRAINED):
            pass


def _reason(error: Exception, otherwise: str) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return f"TLS: {error}"
    if isinstance(error, TimeoutError) or not str(error):
        return otherwise or "it has closed the connection"
    return str(error)
