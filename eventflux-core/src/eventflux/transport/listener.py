"""An open port of the TCP transport: a thread a connection, each message answered by the handler."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from eventflux.extension.environment import Environment
from eventflux.extension.kinds.transport import ERROR, Message, MessageType
from eventflux.io.net.server import SocketServer
from eventflux.io.net.socket_reader import ConnectionEndedError
from eventflux.transport.config import TcpEndpoint, TcpTransportConfig
from eventflux.transport.connection import TcpConnection, let_it_be_read
from eventflux.transport.sockets import tune
from eventflux.transport.tls import TlsContexts
from eventflux.types.errors import EventFluxError, TransportError

Handler = Callable[[Message], "Message | None"]

_MOST_CONNECTIONS: Final = 1024
_LOOK_SECONDS: Final = 0.5

logger = logging.getLogger("eventflux.transport")


class TcpListener:
    """Listens until it is closed."""

    def __init__(
        self,
        endpoint: TcpEndpoint,
        handler: Handler,
        config: TcpTransportConfig,
        environment: Environment,
        contexts: TlsContexts | None,
    ) -> None:
        """Open the port.

        Raises:
            ConnectionUnavailableError: It can't be opened.
        """
        self._endpoint = endpoint
        self._handler = handler
        self._config = config
        self._environment = environment
        self._contexts = contexts
        self._server = SocketServer(
            endpoint.host,
            endpoint.port,
            environment,
            name=f"eventflux-transport-{endpoint.port}",
            most=_MOST_CONNECTIONS,
            serve=lambda accepted, peer: _Served(self, accepted, peer),
            turn_away=lambda _accepted: None,
        )

    @property
    def address(self) -> str:
        """Where it listens, with the port that was chosen for port 0."""
        return str(TcpEndpoint(self._endpoint.host, self._server.port))

    def close(self) -> None:
        """Stop listening and close all connections; idempotent."""
        self._server.close(1.0)
        if self._endpoint.is_unix:
            Path(self._endpoint.host).unlink(missing_ok=True)

    def connection(self, accepted: socket.socket, peer: str) -> TcpConnection:
        """A connection of an accepted socket, TLS and greeting included.

        Raises:
            TransportError: The other side does not fit.
            OSError: It is gone, or TLS failed.
        """
        tune(accepted, self._config)
        accepted.settimeout(self._config.connection_timeout_ms / 1000)
        if self._contexts is not None:
            secured = self._contexts.current().wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
            try:
                secured.do_handshake()
            except OSError:
                let_it_be_read(secured)
                secured.close()
                raise
            accepted = secured
        connection = TcpConnection(accepted, peer, self._config)
        connection.greet()
        return connection

    def answer(self, message: Message) -> Message | None:
        """What a message is answered with."""
        if message.message_type is MessageType.HEARTBEAT:
            return (
                message.answer()
                .with_header("server_time", str(self._environment.wall_clock()))
                .with_header("node_id", self._config.node_id)
            )
        try:
            return self._handler(message)
        except Exception as error:  # foreign code: the other side is told, and the connection lives on
            logger.exception("a message from %s could not be handled", message.source_node or "another process")
            text = error.message if isinstance(error, EventFluxError) else f"{type(error).__name__}: {error}"
            return message.answer().with_header(ERROR, text)


class _Served:
    """One accepted connection."""

    def __init__(self, listener: TcpListener, accepted: socket.socket, peer: str) -> None:
        self._listener = listener
        self._socket = accepted
        self._peer = peer or "a local process"
        self._connection: TcpConnection | None = None
        self._ends = False

    def serve(self) -> None:
        """Answer messages to the end of the connection; never raises."""
        try:
            self._connection = self._listener.connection(self._socket, self._peer)
            while not self._ends:
                self._answer(self._connection)
        except (OSError, ConnectionEndedError) as error:
            logger.info("a connection from %s was refused or broke: %s", self._peer, error)
        except TransportError as error:
            logger.log(logging.INFO if self._ends else logging.DEBUG, "a connection ended: %s", error.message)
        except Exception:
            logger.exception("a connection from %s failed", self._peer)
        finally:
            if self._connection is not None:
                self._connection.close()
            self._socket.close()

    def finish(self) -> None:
        """End before the next message."""
        self._ends = True

    def cut(self) -> None:
        """End now."""
        self._ends = True
        if self._connection is not None:
            self._connection.close()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _answer(self, connection: TcpConnection) -> None:
        try:
            if not connection.wait(_LOOK_SECONDS):
                self._ends = True
                return
        except TimeoutError:
            return
        message = connection.receive()
        answer = self._listener.answer(message)
        if answer is not None:
            connection.send(answer)
