"""One connection of a ``tcp`` sink, which mends itself.

    publish ──> send ──> socket                      reader thread <── acknowledgements, refusals, the end
                  └─> pending, until acknowledged ──> sent again on the next connection

A link that has broken is opened again by whoever comes first: the next `send`, or a timer. With acknowledgements what
is not acknowledged yet is kept and sent again, so the other side may see it twice; without, it is gone with the
connection.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Sequence
from typing import Final

from eventflux.extension.environment import Cancellable, Environment
from eventflux.extension.kinds.delivery import Deliveries
from eventflux.extension.kinds.sink import PublishError
from eventflux.io.net.duplex import Duplex
from eventflux.io.net.socket_reader import ConnectionEndedError, SocketReader, deadline_in
from eventflux.io.tcp.frames import ACK, ANSWERS, ERROR, Frame, MessageType, encode_frame, hello, read_frame, read_hello
from eventflux.types.errors import ConnectionUnavailableError, TransportError
from eventflux.types.record import record

_MEND_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
_IDLE_SECONDS: Final = 3600.0
_LARGEST_ANSWER: Final = 65_536
_MOST_PENDING: Final = 1024

logger = logging.getLogger("eventflux.sink.tcp")


@record(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """What all links of a sink share; seconds."""

    app: str
    connect_seconds: float
    write_seconds: float
    keepalive_seconds: int | None
    no_delay: bool
    acknowledged: bool
    tls: ssl.SSLContext | None
    server_name: str | None


class Link:
    """A connection to one address."""

    def __init__(
        self, host: str, port: int, settings: LinkSettings, environment: Environment, deliveries: Deliveries
    ) -> None:
        self.most_bytes = 0  # of a message, as the other side says
        self._address = host, port
        self._settings = settings
        self._environment = environment
        self._deliveries = deliveries
        self._changed = threading.Condition()  # guards what follows; never held while the socket is written to
        self._writing = threading.Lock()  # one writer, and one who opens; taken before _changed
        self._socket: Duplex | None = None
        self._told_open = False
        self._pending: dict[str, bytes] = {}
        self._reason = "not connected"
        self._is_closed = False
        self._number = 0
        self._timer: Cancellable | None = None
        self._attempts = 0

    @property
    def name(self) -> str:
        """The address."""
        host, port = self._address
        return f"tcp://{host}:{port}"

    @property
    def unacknowledged(self) -> int:
        """Messages that were sent and are not acknowledged."""
        with self._changed:
            return len(self._pending)

    def open(self) -> None:
        """Connect, if it isn't, and send again what was not acknowledged.

        Raises:
            ConnectionUnavailableError: There is nobody, or somebody who refuses.
        """
        try:
            with self._writing:
                self._open()
        finally:
            self._tell()

    def next_id(self) -> str:
        """For a message; unique on this link."""
        self._number += 1
        return str(self._number)

    def send(self, frames: Sequence[tuple[str, bytes]]) -> None:
        """Send messages in order.

        Args:
            frames: Their ids and bytes.

        Raises:
            ConnectionUnavailableError: The link is broken; whether some of the messages have arrived is not known.
            PublishError: The same, but behind the first ones.
        """
        try:
            for start in range(0, len(frames), _MOST_PENDING):
                try:
                    with self._writing:
                        self._send(frames[start : start + _MOST_PENDING])
                except ConnectionUnavailableError as error:
                    if start:
                        raise PublishError(error.message, sent=start) from error
                    raise
        finally:
            self._tell()

    def _send(self, frames: Sequence[tuple[str, bytes]]) -> None:
        self._open()
        if self._settings.acknowledged:
            self._wait_for_room(len(frames))
            with self._changed:
                self._pending.update(frames)
        try:
            self._write(b"".join(data for _, data in frames) if len(frames) > 1 else frames[0][1])
        except OSError as error:
            with self._changed:
                for number, _ in frames:
                    self._pending.pop(number, None)  # the caller still has them
            raise self._broken(error) from error

    def flush(self, deadline: float) -> bool:
        """Wait until everything is acknowledged; False: it isn't in time."""
        with self._changed:
            while self._pending:
                left = deadline - deadline_in(0.0)
                if left <= 0 or self._is_closed:
                    return False
                self._changed.wait(left)
        return True

    def close(self) -> None:
        """Close for good; idempotent."""
        with self._changed:
            self._is_closed = True
            timer, self._timer = self._timer, None
            connection, self._socket = self._socket, None
            self._reason = "closed"
            self._changed.notify_all()
        if timer is not None:
            timer.cancel()
        if connection is not None:
            connection.close()

    # ---- opening

    def _open(self) -> None:
        with self._changed:
            if self._socket is not None:
                return
            if self._is_closed:
                raise ConnectionUnavailableError(f"{self.name} is closed")
            again = list(self._pending.values())
        connection, reader = self._connected()
        with self._changed:
            self._socket = connection
            self._attempts = 0
        self._environment.start_thread(lambda: self._read(connection, reader), name="eventflux-tcp-sink-reader")
        if again:
            logger.info("%s: %d messages that were not acknowledged are sent again", self.name, len(again))
            try:
                self._write(b"".join(again))
            except OSError as error:
                raise self._broken(error) from error

    def _connected(self) -> tuple[Duplex, SocketReader]:
        settings = self._settings
        connection: socket.socket | None = None
        duplex: Duplex | None = None
        try:
            connection = socket.create_connection(self._address, timeout=settings.connect_seconds)
            if settings.no_delay:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if settings.keepalive_seconds is not None:
                _keep_alive(connection, settings.keepalive_seconds)
            if settings.tls is not None:
                connection = settings.tls.wrap_socket(
                    connection, server_hostname=settings.server_name or self._address[0]
                )
            duplex = Duplex(connection)
            reader = SocketReader(duplex)
            greeting = encode_frame(hello(app=settings.app, ack=str(settings.acknowledged).lower()))
            duplex.sendall(greeting, settings.connect_seconds)
            facts = read_hello(reader, settings.connect_seconds)
            if settings.acknowledged and facts.get(ACK) != "true":
                raise TransportError("the other side does not acknowledge; its option 'ack' must be true, too")
            self.most_bytes = int(facts.get("limit", "0"))
        except (OSError, ConnectionEndedError, TransportError, ValueError) as error:
            opened = duplex or connection
            if opened is not None:
                opened.close()
            raise ConnectionUnavailableError(f"{self.name}: {_reason(error)}") from error
        return duplex, reader

    def _wait_for_room(self, count: int) -> None:
        """Wait until so many messages more may be under way."""
        deadline = deadline_in(self._settings.write_seconds)
        with self._changed:
            while len(self._pending) + count > 2 * _MOST_PENDING:
                left = deadline - deadline_in(0.0)
                if self._socket is None or left <= 0:
                    raise ConnectionUnavailableError(
                        f"{self.name}: {self._reason if self._socket is None else 'no acknowledgement in time'}"
                    )
                self._changed.wait(left)

    def _write(self, data: bytes) -> None:
        with self._changed:
            connection = self._socket
        if connection is None:
            raise OSError(self._reason)
        connection.sendall(data, self._settings.write_seconds)

    # ---- when it breaks

    def _read(self, connection: Duplex, reader: SocketReader) -> None:
        """Take what comes back, to the end of the connection."""
        try:
            while True:
                try:
                    if not reader.wait(deadline_in(_IDLE_SECONDS)):
                        raise ConnectionEndedError("the other side has closed the connection")
                except TimeoutError:
                    continue
                self._take(read_frame(reader, _LARGEST_ANSWER, self._settings.write_seconds))
        except (OSError, ConnectionEndedError, TransportError) as error:
            self._broken(error, connection)
            self._tell()

    def _take(self, frame: Frame) -> None:
        if ERROR in frame.headers:
            raise TransportError(frame.headers[ERROR])
        if frame.message_type == MessageType.ACKNOWLEDGEMENT:
            with self._changed:
                self._pending.pop(frame.headers.get(ANSWERS, ""), None)
                self._changed.notify_all()

    def _broken(self, error: Exception, connection: Duplex | None = None) -> ConnectionUnavailableError:
        """The connection is no more; it is opened again later."""
        failure = ConnectionUnavailableError(f"{self.name}: {_reason(error)}")
        with self._changed:
            mine = self._socket
            if mine is None or (connection is not None and connection is not mine):
                return failure
            self._socket = None
            self._reason = _reason(error)
            self._changed.notify_all()
        mine.close()  # wakes the reader
        self._mend_later()
        return failure

    def _tell(self) -> None:
        """Tell whoever watches the connection how it stands; with no lock of ours held."""
        with self._changed:
            is_open, was_open, reason = self._socket is not None, self._told_open, self._reason
            self._told_open = is_open
            if self._is_closed or is_open == was_open:
                return
        if is_open:
            self._deliveries.restored()
        else:
            self._deliveries.interrupted(ConnectionUnavailableError(f"{self.name}: {reason}"))

    def _mend_later(self) -> None:
        with self._changed:
            if self._is_closed or self._timer is not None:
                return
            seconds = _MEND_SECONDS[min(self._attempts, len(_MEND_SECONDS) - 1)]
            self._attempts += 1
            self._timer = self._environment.call_later(seconds, self._mend)

    def _mend(self) -> None:
        with self._changed:
            self._timer = None
        try:
            self.open()
        except ConnectionUnavailableError as error:
            logger.debug("%s", error.message)
            self._mend_later()


def _keep_alive(connection: socket.socket, seconds: int) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or "the other side has closed the connection"
