"""The ``tcp`` source: a server that takes the events of ``tcp`` sinks.

A connection's thread reads a message, hands it over, and reads on only when the app has taken it: an app that is slower
than its senders fills the system's buffers and makes them wait. With ``ack`` each message is acknowledged when its
events have entered.
"""

from __future__ import annotations

import logging
import socket
import ssl
from contextlib import suppress
from typing import Final

from eventflux.extension.environment import Waiter
from eventflux.extension.kinds.figure import Figure
from eventflux.extension.kinds.source import BlockOrigin, EventRefusedError, Source, SourceCallback, SourceContext
from eventflux.io.net.duplex import shut
from eventflux.io.net.payload_compression import NAMES, payload_codec
from eventflux.io.net.server import SocketServer
from eventflux.io.net.socket_reader import ConnectionEndedError, SocketReader, deadline_in
from eventflux.io.net.tls import server_context
from eventflux.io.tcp.frames import (
    ACK,
    ANSWERS,
    DELIMITER,
    EVENTS,
    PAYLOADS,
    Frame,
    MessageType,
    encode_frame,
    hello,
    read_frame,
    read_hello,
    refusal,
    unpack_events,
)
from eventflux.types.errors import ConfigError, EventFluxError, RuntimePausedError, TransportError

_HELLO_SECONDS: Final = 10.0
_MESSAGE_SECONDS: Final = 60.0
_IDLE_SECONDS: Final = 3600.0
_PAUSE_SECONDS: Final = 0.05
_STOP_SECONDS: Final = 5.0

logger = logging.getLogger("eventflux.source.tcp")


class TcpSource(Source):
    """One port."""

    def configure(self, ctx: SourceContext) -> None:
        options = ctx.options
        self._ctx = ctx
        self._host, self._port = options.text("host"), options.integer("port")
        self.most_bytes = options.integer("max.frame.bytes")
        self.acknowledges = options.flag("ack")
        self._most = options.integer("max.connections")
        self._tls = self._context()
        self.stopping: Waiter = ctx.environment.waiter()
        self.running: Waiter = ctx.environment.waiter()
        self.running.set()
        self._server: SocketServer | None = None

    def _context(self) -> ssl.SSLContext | None:
        options = self._ctx.options
        certificate, authorities = options.optional_text("tls.cert"), options.optional_text("tls.ca")
        wanted = options.text("tls.client.auth")
        if wanted != "none" and (certificate is None or authorities is None):
            raise ConfigError("tls.client.auth needs tls.cert and tls.ca", key="tls.client.auth")
        if certificate is None:
            return None
        return server_context(
            certificate,
            options.optional_text("tls.key"),
            client_authorities=authorities if wanted != "none" else None,
            requires_client=wanted == "required",
        )

    @property
    def port(self) -> int | None:
        """Where it listens, None while it doesn't."""
        return None if self._server is None else self._server.port

    def connect(self, on_data: SourceCallback) -> None:
        self.stopping.clear()
        self._server = SocketServer(
            self._host,
            self._port,
            self._ctx.environment,
            name=f"eventflux-tcp-{self._port}",
            most=self._most,
            serve=lambda accepted, peer: TcpConnection(self, accepted, peer, self._tls, on_data),
            turn_away=self._turn_away,
        )

    def pause(self) -> None:
        self.running.clear()

    def resume(self) -> None:
        self.running.set()

    def disconnect(self) -> None:
        self.stopping.set()
        server, self._server = self._server, None
        if server is not None:
            server.close(_STOP_SECONDS)

    def figures(self) -> tuple[Figure, ...]:
        return (Figure(name="tcp_connections", value=0 if self._server is None else self._server.connections),)

    def _turn_away(self, connection: socket.socket) -> None:
        if self._tls is None:
            connection.sendall(encode_frame(refusal("there are too many connections")))


class TcpConnection:
    """Serves one sink."""

    def __init__(
        self,
        source: TcpSource,
        accepted: socket.socket,
        peer: str,
        tls: ssl.SSLContext | None,
        on_data: SourceCallback,
    ) -> None:
        self._source = source
        self._socket = accepted
        self._peer = peer
        self._tls = tls
        self._on_data = on_data

    def serve(self) -> None:
        """Take messages to the end of the connection; never raises."""
        try:
            self._serve()
        except (OSError, ConnectionEndedError) as error:  # among them time-outs and failed handshakes
            logger.debug("connection from %s ended: %r", self._peer, error)
        except TransportError as error:
            logger.warning("connection from %s is closed: %s", self._peer, error.message)
            self._refuse(error.message)
        except EventRefusedError as error:
            self._refuse(error.message)
        except EventFluxError as error:
            logger.info("connection from %s is closed: %s", self._peer, error.message)
            self._refuse(error.message)
        except Exception:
            logger.exception("a connection from %s failed", self._peer)
            self._refuse("the message could not be handled")
        finally:
            with suppress(OSError):
                self._socket.close()

    def finish(self) -> None:
        """Close when the message that is being handled, if any, is done."""
        shut(self._socket, socket.SHUT_RD)

    def cut(self) -> None:
        """Close now."""
        shut(self._socket, socket.SHUT_RDWR)

    def _serve(self) -> None:
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._tls is not None:
            self._socket.settimeout(_HELLO_SECONDS)
            self._socket = self._tls.wrap_socket(self._socket, server_side=True)
        reader = SocketReader(self._socket)
        facts = read_hello(reader, _HELLO_SECONDS)
        self._send(hello(ack=str(self._source.acknowledges).lower(), limit=str(self._source.most_bytes)))
        wants_acks = self._source.acknowledges and facts.get(ACK) == "true"
        source = self._source
        while self._is_open() and reader.wait(deadline_in(_IDLE_SECONDS)):
            frame = read_frame(reader, source.most_bytes, _MESSAGE_SECONDS)
            match frame.message_type:
                case MessageType.EVENT:
                    if not self._deliver(frame):
                        return
                    if wants_acks:
                        self._send(Frame(id="0", message_type=MessageType.ACKNOWLEDGEMENT, headers={ANSWERS: frame.id}))
                case MessageType.HEARTBEAT:
                    now = str(source._ctx.environment.wall_clock())  # noqa: SLF001 - the two halves of one source
                    self._send(
                        Frame(
                            id="0",
                            message_type=MessageType.HEARTBEAT,
                            headers={ANSWERS: frame.id, "server_time": now},
                        )
                    )
                case other:
                    raise TransportError(f"messages of type {other} are not taken here")

    def _is_open(self) -> bool:
        """Wait while the source is paused; False: it stops."""
        while not self._source.stopping.is_set():
            if self._source.running.wait(_PAUSE_SECONDS):
                return not self._source.stopping.is_set()
        return False

    def _deliver(self, frame: Frame) -> bool:
        """Hand over the payloads of a message; False: the source stops first."""
        payload = frame.payload
        if frame.compression:
            if not 0 < frame.compression < len(NAMES):
                raise TransportError(f"compression {frame.compression} is not known here")
            codec = payload_codec(NAMES[frame.compression])
            if codec is not None:
                payload = codec.decompress(payload, self._source.most_bytes)
        properties = {"peer": self._peer, **frame.headers}
        events = unpack_events(payload) if EVENTS in frame.headers else None
        origin = BlockOrigin(name=f"tcp {self._peer}", properties=properties)
        while self._is_open():
            try:
                if events is not None:
                    self._on_data(events, properties)
                elif PAYLOADS in frame.headers:
                    self._on_data.block(payload, frame.headers.get(DELIMITER, "").encode(), origin)
                else:
                    self._on_data(payload, properties)
            except RuntimePausedError:
                self._source.stopping.wait(_PAUSE_SECONDS)
            else:
                return True
        return False

    def _send(self, frame: Frame) -> None:
        self._socket.settimeout(_HELLO_SECONDS)
        self._socket.sendall(encode_frame(frame))

    def _refuse(self, reason: str) -> None:
        with suppress(OSError):
            self._send(refusal(reason))
            self._socket.shutdown(socket.SHUT_WR)
            reader, until = SocketReader(self._socket), deadline_in(1.0)
            while reader.wait(until):  # what still comes would make the system drop the reason on its way
                reader.forget()
