"""The server's end of WebSockets: a port, a path, and what is done with each connection."""

from __future__ import annotations

import http
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from eventflux.extension.environment import Worker
from eventflux.extension.kinds.source import ConnectorContext
from eventflux.io.net.tls import server_context
from eventflux.io.websocket.client import CLOSE_SECONDS
from eventflux.types.errors import ConnectionUnavailableError

_GOING_AWAY: Final = 1001
_STOP_SECONDS: Final = 5.0

logger = logging.getLogger("eventflux.io.websocket")


class WebSocketServer:
    """Listens until it is closed."""

    def __init__(self, ctx: ConnectorContext, handle: Callable[[ServerConnection], None]) -> None:
        """Open the port.

        Args:
            ctx: Of the connector.
            handle: Called on a thread of its own with each connection, which is closed behind it.

        Raises:
            ConnectionUnavailableError: The port can't be opened.
        """
        options = ctx.options
        host, port = options.text("server.host"), options.integer("server.port")
        self._path = options.text("path")
        self._most = options.integer("max.connections")
        self._handle = handle
        self._lock = threading.Lock()  # guards _connections
        self._connections: set[ServerConnection] = set()
        subprotocol = options.optional_text("subprotocol")
        certificate = options.optional_text("tls.cert")
        ping = options.integer("ping.interval.ms")
        try:
            self._server: Server = serve(
                self._serve,
                host,
                port,
                ssl=None if certificate is None else server_context(certificate, options.optional_text("tls.key")),
                subprotocols=None if subprotocol is None else [Subprotocol(subprotocol)],
                process_request=self._refusal,
                ping_interval=ping / 1000.0 if ping else None,
                close_timeout=CLOSE_SECONDS,
                max_size=options.integer("max.message.bytes"),
                server_header=None,
            )
        except OSError as error:
            raise ConnectionUnavailableError(
                f"port {port} of {host} can't be opened: {error.strerror or error}"
            ) from error
        self.port: int = self._server.socket.getsockname()[1]
        self._worker: Worker = ctx.environment.start_thread(
            self._server.serve_forever, name=f"eventflux-websocket-{self.port}"
        )

    @property
    def connections(self) -> tuple[ServerConnection, ...]:
        """Those that there are."""
        with self._lock:
            return tuple(self._connections)

    def close(self) -> None:
        """Close all connections and the port."""
        for connection in self.connections:
            with suppress(OSError):
                connection.close(_GOING_AWAY, "the app stops")
        self._server.shutdown()
        self._worker.join(_STOP_SECONDS)

    def _refusal(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path.partition("?")[0] != self._path:
            return connection.respond(http.HTTPStatus.NOT_FOUND, "there is nothing at this path\n")
        with self._lock:
            if len(self._connections) >= self._most:
                return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "there are too many connections\n")
        return None

    def _serve(self, connection: ServerConnection) -> None:
        with self._lock:
            self._connections.add(connection)
        try:
            self._handle(connection)
        except ConnectionClosed as error:
            logger.debug("a websocket was closed: %s", error)
        finally:
            with self._lock:
                self._connections.discard(connection)
