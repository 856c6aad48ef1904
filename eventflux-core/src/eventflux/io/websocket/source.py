"""The ``websocket`` source: messages of a server that it connects to, or of clients that connect to it.

A message is a payload. While the app does not take more, messages are not read, and the other side has to wait.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from websockets.exceptions import ConnectionClosed
from websockets.sync.connection import Connection
from websockets.sync.server import ServerConnection

from eventflux.extension.environment import Waiter
from eventflux.extension.kinds.source import EventRefusedError, Source, SourceCallback, SourceContext
from eventflux.extension.kinds.threaded_source import POLL_SECONDS, ThreadedSource
from eventflux.io.websocket.client import ClientSettings, client_settings, is_server, open_connection, unavailable
from eventflux.io.websocket.server import WebSocketServer
from eventflux.types.errors import ConnectionUnavailableError, RuntimePausedError, RuntimeStateError

_INTERNAL_ERROR = 1011
_GOING_AWAY = 1001

logger = logging.getLogger("eventflux.source.websocket")


class WebSocketSource(Source):
    """Hands everything on to the end that the options ask for."""

    def configure(self, ctx: SourceContext) -> None:
        self.inner: ClientSource | ServerSource = ServerSource() if is_server(ctx) else ClientSource()
        self.inner.configure(ctx)

    @property
    def port(self) -> int | None:
        """Where a server listens; None while it doesn't, and for a client."""
        return self.inner.port if isinstance(self.inner, ServerSource) else None

    def connect(self, on_data: SourceCallback) -> None:
        self.inner.connect(on_data)

    def pause(self) -> None:
        self.inner.pause()

    def resume(self) -> None:
        self.inner.resume()

    def disconnect(self) -> None:
        self.inner.disconnect()


class ClientSource(ThreadedSource):
    """Connects, and connects again."""

    _settings: ClientSettings
    _connection: Connection | None = None

    def configure(self, ctx: SourceContext) -> None:
        super().configure(ctx)
        options = ctx.options
        self._settings = client_settings(ctx)
        self._reconnects = options.flag("reconnect")
        self._first_delay = options.integer("reconnect.delay.ms") / 1000.0
        self._longest_delay = options.integer("reconnect.max.delay.ms") / 1000.0
        self._most_attempts = options.integer("reconnect.max.attempts")

    def open(self) -> None:
        self._connection = open_connection(self._settings)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def run(self, stopping: Waiter) -> None:
        while True:
            try:
                self._receive(stopping)
            except ConnectionClosed as error:
                if stopping.is_set() or not self._mends(unavailable(self._settings.url, error), stopping):
                    return
            else:
                return

    def _receive(self, stopping: Waiter) -> None:
        properties = {"url": self._settings.url}
        connection = self._connection
        while connection is not None and self.paused(stopping):
            try:
                message = connection.recv(timeout=POLL_SECONDS)
            except TimeoutError:
                continue
            self.on_data(message, properties)

    def _mends(self, error: ConnectionUnavailableError, stopping: Waiter) -> bool:
        """Connect again; False: the source stops.

        Raises:
            ConnectionUnavailableError: All attempts have failed.
        """
        self.close()
        if not self._reconnects:
            return False
        self.on_data.interrupted(error)
        delay, attempts = self._first_delay, 0
        while self._most_attempts < 0 or attempts < self._most_attempts:
            if stopping.wait(delay):
                return False
            attempts += 1
            try:
                self.open()
            except ConnectionUnavailableError as failure:
                error = failure
                delay = min(delay * 2, self._longest_delay)
            else:
                self.on_data.restored()
                return True
        raise error


class ServerSource(Source):
    """Takes messages of any number of clients."""

    def configure(self, ctx: SourceContext) -> None:
        self._ctx = ctx
        self._stopping: Waiter = ctx.environment.waiter()
        self._running: Waiter = ctx.environment.waiter()
        self._running.set()
        self._server: WebSocketServer | None = None
        self._on_data: SourceCallback | None = None

    @property
    def port(self) -> int | None:
        """Where it listens, None while it doesn't."""
        return None if self._server is None else self._server.port

    def connect(self, on_data: SourceCallback) -> None:
        self._stopping.clear()
        self._on_data = on_data
        self._server = WebSocketServer(self._ctx, self._take)

    def pause(self) -> None:
        self._running.clear()

    def resume(self) -> None:
        self._running.set()

    def disconnect(self) -> None:
        self._stopping.set()
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def _take(self, connection: ServerConnection) -> None:
        properties = _properties(connection)
        while self._is_open():
            try:
                message = connection.recv(timeout=POLL_SECONDS)
            except TimeoutError:
                continue
            if not self._deliver(message, properties, connection):
                return

    def _is_open(self) -> bool:
        """Wait while the source is paused; False: it stops."""
        while not self._stopping.is_set():
            if self._running.wait(POLL_SECONDS):
                return not self._stopping.is_set()
        return False

    def _deliver(self, message: str | bytes, properties: Mapping[str, object], connection: ServerConnection) -> bool:
        """Hand over one message; False: no more are taken."""
        while self._on_data is not None and self._is_open():
            try:
                self._on_data(message, properties)
            except RuntimePausedError:
                self._stopping.wait(POLL_SECONDS)
            except EventRefusedError as error:
                connection.close(_INTERNAL_ERROR, error.message[:100])
                return False
            except RuntimeStateError:
                connection.close(_GOING_AWAY, "the app stops")
                return False
            else:
                return True
        return False


def _properties(connection: ServerConnection) -> Mapping[str, object]:
    found: dict[str, object] = {"peer": str(connection.remote_address[0])}
    request = connection.request
    if request is not None:
        found["path"] = request.path
        found.update({f"header.{name}": value for name, value in request.headers.raw_items()})
    return found
