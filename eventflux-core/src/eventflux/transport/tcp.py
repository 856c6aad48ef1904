"""The TCP transport: messages as frames of msgpack, over plain TCP, TLS or a Unix socket.

Requests use connections of a pool, an endpoint each. A connection goes back to the pool when every message that was
sent on it has been answered; one that is broken is dropped, and opened anew with growing waits.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from typing_extensions import Self

from eventflux.environment.real import real_environment
from eventflux.extension.environment import Environment
from eventflux.extension.kinds.transport import (
    ERROR,
    IN_REPLY_TO,
    Compression,
    HeartbeatResponse,
    Message,
    TlsConfig,
    TransportConnection,
)
from eventflux.transport.config import TcpEndpoint, TcpTransportConfig, tcp_endpoint
from eventflux.transport.connection import TcpConnection
from eventflux.transport.listener import Handler, TcpListener
from eventflux.transport.sockets import tune
from eventflux.transport.tls import TlsContexts
from eventflux.types.errors import ConnectionUnavailableError, TransportError

_IDLE_SECONDS: Final = 300.0
_FIRST_WAIT: Final = 0.05
_LONGEST_WAIT: Final = 1.0


@dataclass(slots=True)
class _Pool:
    """Connections to one endpoint."""

    idle: list[tuple[TcpConnection, float]] = field(default_factory=list)
    used: int = 0
    was_reached: bool = False


class TcpTransport:
    """Connects to others, and listens for them. Thread-safe; `shutdown` closes everything, as does `with`.

    Args:
        config: Limits, time-outs, TLS.
        environment: The outside world; None: the real one.

    Raises:
        ConfigError: A file of TLS, or the library of the compression, can't be used.
    """

    def __init__(self, config: TcpTransportConfig | None = None, *, environment: Environment | None = None) -> None:
        self.config = config or TcpTransportConfig()
        self._environment = environment or real_environment()
        self._codec = Compression[self.config.compression.upper()]
        tls = self.config.tls
        self._tls: TlsConfig | None = tls if tls is not None and tls.enabled else None
        self._clients = None if self._tls is None else TlsContexts(replace(self._tls), is_server=False)
        self._changed = threading.Condition()  # guards what stands below
        self._pools: dict[TcpEndpoint, _Pool] = {}
        self._listeners: list[TcpListener] = []
        self._in_use: set[TcpConnection] = set()

    def connect(self, endpoint: str) -> TcpConnection:
        """A connection: one of the pool, or a new one.

        Raises:
            TransportError: There is nobody, somebody else, or too many are in use, within the connection time-out.
            ConfigError: The endpoint is not like one.
        """
        place = tcp_endpoint(endpoint)
        deadline = time.monotonic() + self.config.connection_timeout_ms / 1000
        connection = self._taken(place, deadline)
        if connection is None:
            try:
                connection = self._opened(place, deadline)
            except BaseException:
                with self._changed:
                    self._pools[place].used -= 1
                    self._changed.notify()
                raise
        with self._changed:
            self._in_use.add(connection)
        return connection

    def listen(self, endpoint: str, handler: Callable[[Message], Message | None]) -> TcpListener:
        """Answer each message with what the handler returns, if anything. Heartbeats are answered for it.

        Raises:
            TransportError: The port can't be opened.
        """
        place = tcp_endpoint(endpoint)
        contexts = None if self._tls is None else TlsContexts(self._tls, is_server=True)
        wrapped: Handler = lambda message: self._compressed(handler(message))  # noqa: E731
        try:
            listener = TcpListener(place, wrapped, self.config, self._environment, contexts)
        except ConnectionUnavailableError as error:
            raise TransportError(error.message) from error
        with self._changed:
            self._listeners.append(listener)
        return listener

    def send(self, connection: TransportConnection, message: Message) -> None:
        """Send one message.

        Raises:
            TransportError: It is too large, or the connection broke.
        """
        sent = self._compressed(message)
        if sent is not None:
            _ours(connection).send(sent)

    def receive(self, connection: TransportConnection, timeout: float | None = None) -> Message:
        """The next message, within so many seconds; None: the read time-out.

        Raises:
            TransportError: None came, or the connection broke.
        """
        return _ours(connection).receive(timeout)

    def request(self, endpoint: str, message: Message, timeout: float | None = None) -> Message:
        """Send a message and wait for its answer, whose header ``in_reply_to`` names it.

        Raises:
            TransportError: There is none in time, or it says that the message could not be handled.
        """
        connection = self.connect(endpoint)
        try:
            self.send(connection, message)
            answer = connection.receive(timeout)
            if answer.headers.get(IN_REPLY_TO) != message.id:
                connection.close()
                raise TransportError(f"{connection.endpoint}: it answered something else")
        except TransportError:
            connection.close()  # an answer may still come, which is nobody's
            raise
        finally:
            self.close(connection)
        if ERROR in answer.headers:
            raise TransportError(f"{connection.endpoint}: {answer.headers[ERROR]}")
        return answer

    def heartbeat(self, endpoint: str, node_id: str) -> HeartbeatResponse:
        """Ask the other side for a sign of life.

        Raises:
            TransportError: There is none in time.
        """
        answer = self.request(endpoint, replace(Message.heartbeat(), source_node=node_id))
        try:
            server_time = int(answer.headers["server_time"])
        except (KeyError, ValueError) as error:
            raise TransportError(f"{endpoint}: it does not answer heartbeats") from error
        return HeartbeatResponse(server_time=server_time, node_id=answer.headers.get("node_id", ""), health="healthy")

    def close(self, connection: TransportConnection) -> None:
        """Give a connection back to the pool, or close it if it can't be used again; idempotent."""
        ours = _ours(connection)
        place = tcp_endpoint(ours.endpoint)
        is_usable = ours.is_usable()
        with self._changed:
            pool = self._pools.get(place)
            if pool is None or ours not in self._in_use:
                return
            self._in_use.remove(ours)
            pool.used -= 1
            if is_usable:
                pool.idle.append((ours, time.monotonic()))
            self._changed.notify()
        if not is_usable:
            ours.close()

    def shutdown(self) -> None:
        """Close all connections and all listeners; idempotent."""
        with self._changed:
            connections = [connection for pool in self._pools.values() for connection, _ in pool.idle]
            connections += self._in_use
            self._pools.clear()
            self._in_use.clear()
            listeners, self._listeners = self._listeners, []
        for connection in connections:
            connection.close()
        for listener in listeners:
            listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.shutdown()

    def _compressed(self, message: Message | None) -> Message | None:
        if message is None or self._codec is Compression.NONE or message.compression is not Compression.NONE:
            return message
        return replace(message, compression=self._codec)

    def _taken(self, place: TcpEndpoint, deadline: float) -> TcpConnection | None:
        """A connection of the pool; None: there is room for a new one, which is counted already."""
        with self._changed:
            pool = self._pools.setdefault(place, _Pool())
        while True:
            with self._changed:
                self._drop_idle(pool)
                while not pool.idle and pool.used >= self.config.pool_size:
                    if not self._changed.wait(deadline - time.monotonic()):
                        raise TransportError(f"{place}: all {self.config.pool_size} connections are in use")
                pool.used += 1
                if not pool.idle:
                    return None
                connection, _ = pool.idle.pop()
            if connection.is_usable():
                return connection
            connection.close()
            with self._changed:
                pool.used -= 1

    def _drop_idle(self, pool: _Pool) -> None:
        oldest = time.monotonic() - _IDLE_SECONDS
        for connection, since in pool.idle:
            if since < oldest:
                connection.close()
        pool.idle = [each for each in pool.idle if each[1] >= oldest]

    def _opened(self, place: TcpEndpoint, deadline: float) -> TcpConnection:
        """A new connection. Where there was one before, somebody who is away is waited for."""
        wait = _FIRST_WAIT
        while True:
            try:
                connection = self._connected(place, max(0.001, deadline - time.monotonic()))
            except ssl.SSLError as error:
                raise TransportError(f"{place}: TLS: {error}") from error
            except OSError as error:
                left = deadline - time.monotonic()
                if not self._pools[place].was_reached or left <= wait:
                    raise TransportError(f"{place}: {_reason(error)}") from error
                time.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)
            else:
                self._pools[place].was_reached = True
                return connection

    def _connected(self, place: TcpEndpoint, seconds: float) -> TcpConnection:
        if place.is_unix:
            connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        else:
            family, kind, protocol, _, address = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)[0]
            connected = socket.socket(family, kind, protocol)
        try:
            connected.settimeout(seconds)
            tune(connected, self.config)  # before connecting: the size of a window is agreed upon then
            connected.connect(place.host if place.is_unix else address)
            if self._clients is not None and self._tls is not None:
                connected = self._clients.current().wrap_socket(
                    connected, server_hostname=self._tls.server_name or place.host
                )
        except BaseException:
            connected.close()
            raise
        connection = TcpConnection(connected, str(place), self.config)
        try:
            connection.greet()
        except BaseException:
            connection.close()
            raise
        return connection


def tcp_transport(*, tls: Mapping[str, Any] | None = None, **settings: Any) -> TcpTransport:
    """A transport with settings by name, as a configuration has them."""
    return TcpTransport(TcpTransportConfig(tls=None if tls is None else TlsConfig(**tls), **settings))


def _ours(connection: TransportConnection) -> TcpConnection:
    if not isinstance(connection, TcpConnection):
        raise TypeError("the connection is of another transport")
    return connection


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no connection in time"
    return error.strerror or str(error)
