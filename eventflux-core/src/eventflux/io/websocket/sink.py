"""The ``websocket`` sink: messages to a server that it connects to, or to all clients that are connected to it.

A client of a server sink has a buffer and a thread of its own: one that can't keep up with the events is closed (1013)
instead of holding up the others.
"""

from __future__ import annotations

import functools
import logging
import queue
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from websockets.exceptions import ConnectionClosed
from websockets.sync.connection import Connection
from websockets.sync.server import ServerConnection

from eventflux.extension.environment import Waiter
from eventflux.extension.kinds.figure import Figure
from eventflux.extension.kinds.rows import Payload
from eventflux.extension.kinds.sink import PublishError, Sink
from eventflux.extension.kinds.source import SinkContext
from eventflux.io.net.duplex import shut
from eventflux.io.sinks.log import event_text
from eventflux.io.websocket.client import ClientSettings, client_settings, is_server, open_connection, unavailable
from eventflux.io.websocket.server import WebSocketServer
from eventflux.types.errors import ConnectionUnavailableError

_TRY_AGAIN_LATER: Final = 1013
_BINARY_FORMATS: Final = frozenset({"avro", "bytes", "msgpack", "protobuf"})
_POLL_SECONDS: Final = 0.1
_FLUSH_SECONDS: Final = 2.0
_CUT_SECONDS: Final = 5.0

logger = logging.getLogger("eventflux.sink.websocket")

Message = str | bytes


class WebSocketSink(Sink):
    """Hands everything on to the end that the options ask for."""

    takes_each = True  # none of its options differs by event: so that payloads are made natively

    def configure(self, ctx: SinkContext) -> None:
        self.inner: ClientSink | ServerSink = ServerSink() if is_server(ctx) else ClientSink()
        self.inner.configure(ctx)

    @property
    def port(self) -> int | None:
        """Where a server listens; None while it doesn't, and for a client."""
        return self.inner.port if isinstance(self.inner, ServerSink) else None

    def connect(self) -> None:
        self.inner.connect()

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        self.inner.publish(payloads, dynamic)

    def publish_each(self, payloads: Sequence[Payload], dynamic: Mapping[str, Sequence[str | None]]) -> None:
        self.inner.publish(payloads, {})

    def flush(self) -> None:
        self.inner.flush()

    def interrupt(self) -> None:
        self.inner.interrupt()

    def disconnect(self) -> None:
        self.inner.disconnect()

    def figures(self) -> Sequence[Figure]:
        return self.inner.figures()


class ClientSink(Sink):
    """Connects, and connects again when it has something to send."""

    _settings: ClientSettings
    _connection: Connection | None = None

    def configure(self, ctx: SinkContext) -> None:
        options = ctx.options
        self._settings = client_settings(ctx)
        self._is_text = _is_text(ctx)
        self._reconnects = options.flag("reconnect")
        self._first_delay = options.integer("reconnect.delay.ms") / 1000.0
        self._longest_delay = options.integer("reconnect.max.delay.ms") / 1000.0
        self._most_attempts = options.integer("reconnect.max.attempts")
        self._environment = ctx.environment
        self._deliveries = ctx.deliveries
        self._stopping: Waiter = ctx.environment.waiter()

    def connect(self) -> None:
        self._stopping.clear()
        self._open()

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        for sent, payload in enumerate(payloads):
            try:
                message = _message(payload, is_text=self._is_text)
                self._send(message)
            except ConnectionUnavailableError as error:
                if sent:
                    raise PublishError(error.message, sent=sent) from error
                raise
            except PublishError as error:
                raise PublishError(error.message, sent=sent) from error

    def interrupt(self) -> None:
        self._stopping.set()

    def disconnect(self) -> None:
        self._stopping.set()
        self._drop()

    def _send(self, message: Message) -> None:
        delay, attempts = self._first_delay, 0
        while True:
            try:
                self._open().send(message)
                return
            except ConnectionClosed as error:
                failure = unavailable(self._settings.url, error)
                self._drop()
            except ConnectionUnavailableError as error:
                failure = error
            is_last = 0 <= self._most_attempts <= attempts
            if not self._reconnects or is_last or (attempts and self._stopping.wait(delay)):
                raise failure
            delay = delay if attempts == 0 else min(delay * 2, self._longest_delay)
            attempts += 1

    def _open(self) -> Connection:
        """The connection, made if there is none."""
        connection = self._connection
        if connection is None:
            connection = self._connection = open_connection(self._settings)
            self._environment.start_thread(lambda: self._watch(connection), name="eventflux-websocket-sink")
            self._deliveries.restored()
        return connection

    def _watch(self, connection: Connection) -> None:
        """Take what the server says, which nobody listens to, until it has gone."""
        try:
            while True:
                connection.recv()
        except ConnectionClosed as error:
            if self._connection is connection and not self._stopping.is_set():
                self._deliveries.interrupted(unavailable(self._settings.url, error))

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class _Client:
    """One client of a server sink and what it has not been sent yet."""

    def __init__(self, connection: ServerConnection, most: int) -> None:
        self.connection = connection
        self.messages: queue.Queue[Message] = queue.Queue(most)
        self.is_slow = False


class ServerSink(Sink):
    """Sends each event to all clients."""

    def configure(self, ctx: SinkContext) -> None:
        self._ctx = ctx
        self._is_text = _is_text(ctx)
        self._most = ctx.options.integer("client.buffer")
        self._stopping: Waiter = ctx.environment.waiter()
        self._server: WebSocketServer | None = None
        self._lock = threading.Lock()  # one change of _clients at a time
        self._clients: dict[ServerConnection, _Client] = {}  # replaced, never changed: publish reads it without a lock
        self._closed_slow = 0

    @property
    def port(self) -> int | None:
        """Where it listens, None while it doesn't."""
        return None if self._server is None else self._server.port

    def connect(self) -> None:
        self._stopping.clear()
        if self._server is None:
            self._server = WebSocketServer(self._ctx, self._serve)

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        messages = [_message(payload, is_text=self._is_text) for payload in payloads]
        for client in self._clients.values():
            if client.is_slow:
                continue
            try:
                for message in messages:
                    client.messages.put_nowait(message)
            except queue.Full:
                client.is_slow = True
                self._ctx.environment.call_later(_CUT_SECONDS, functools.partial(self._cut, client))

    def flush(self) -> None:
        """Wait a little for clients that are being sent to."""
        for _ in range(int(_FLUSH_SECONDS / 0.01)):
            if all(client.is_slow or client.messages.empty() for client in self._clients.values()):
                return
            self._ctx.environment.sleep(0.01)

    def disconnect(self) -> None:
        self._stopping.set()
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def figures(self) -> Sequence[Figure]:
        return (
            Figure(name="websocket_clients", value=len(self._clients)),
            Figure(name="websocket_slow_clients_closed", value=self._closed_slow),
        )

    def _cut(self, client: _Client) -> None:
        """End the connection of a client that does not even take the news that it is closed."""
        if client.connection in self._clients:
            self._closed_slow += 1
            logger.warning("a client that takes nothing is cut off: %s", client.connection.remote_address)
            shut(client.connection.socket, socket.SHUT_RDWR)

    def _serve(self, connection: ServerConnection) -> None:
        client = _Client(connection, self._most)
        with self._lock:
            self._clients = {**self._clients, connection: client}
        try:
            while not self._stopping.is_set():
                if client.is_slow:
                    self._closed_slow += 1
                    logger.warning("a client that could not keep up is closed: %s", connection.remote_address)
                    connection.close(_TRY_AGAIN_LATER, "too slow")
                    return
                with suppress(TimeoutError):
                    while True:  # what clients say is not listened to, but that they have gone
                        connection.recv(timeout=0)
                try:
                    connection.send(client.messages.get(timeout=_POLL_SECONDS))
                except queue.Empty:
                    continue
        finally:
            with self._lock:
                self._clients = {each: other for each, other in self._clients.items() if each is not connection}


def _is_text(ctx: SinkContext) -> bool:
    wanted = ctx.options.optional_text("message.type")
    return ctx.format not in _BINARY_FORMATS if wanted is None else wanted == "text"


def _message(payload: Payload, *, is_text: bool) -> Message:
    if not isinstance(payload, bytes):
        text = event_text(payload)
        return text if is_text else text.encode()
    if not is_text:
        return payload
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise PublishError(f"a text message must be UTF-8: {error}") from error
