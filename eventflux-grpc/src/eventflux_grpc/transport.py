"""The full gRPC transport: client and server, streams, several servers in turn, TLS, compression of payloads."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Final

import grpc
from typing_extensions import Self

from eventflux import ConnectionUnavailableError, EventFluxError, TransportError
from eventflux.extension import (
    Compression,
    HeartbeatResponse,
    Message,
    MessageType,
    TransportConnection,
)
from eventflux_grpc import transport_pb2 as pb
from eventflux_grpc.balancing import Balancer, Server
from eventflux_grpc.channels import open_channel
from eventflux_grpc.codecs import codec_named
from eventflux_grpc.config import GrpcTransportConfig
from eventflux_grpc.credentials import channel_credentials
from eventflux_grpc.endpoints import SCHEME, addresses_of, endpoints_of
from eventflux_grpc.server import TransportServer
from eventflux_grpc.wire import ERROR, decode, encode, reason, response_of

_MOST_THREADS: Final = 128

logger = logging.getLogger("eventflux.grpc")


class GrpcConnection:
    """A stream of messages each way, on one of the servers of an endpoint."""

    def __init__(self, endpoint: str, server: Server, most_bytes: int) -> None:
        self._endpoint = endpoint
        self._most = most_bytes
        self._outgoing: queue.SimpleQueue[pb.TransportMessage | None] = queue.SimpleQueue()
        self._incoming: queue.SimpleQueue[pb.TransportMessage | TransportError] = queue.SimpleQueue()
        self.failure: TransportError | None = None
        self.is_closed = False
        self._call: Any = server.stub.stream_messages(iter(self._outgoing.get, None))
        self._reader = threading.Thread(target=self._read, name=f"eventflux-grpc-{server.endpoint}", daemon=True)
        self._reader.start()

    @property
    def endpoint(self) -> str:
        """The other side."""
        return self._endpoint

    def send(self, message: pb.TransportMessage) -> None:
        """Put a message on the stream."""
        if self.failure is not None:
            raise self.failure
        if self.is_closed:
            raise TransportError(f"{self.endpoint}: the connection is closed")
        self._outgoing.put(message)

    def receive(self, seconds: float) -> Message:
        """The next message."""
        if self.failure is not None and self._incoming.empty():
            raise self.failure
        try:
            found = self._incoming.get(timeout=seconds)
        except queue.Empty as error:
            raise TransportError(f"{self.endpoint}: no message within {seconds:g} s") from error
        if isinstance(found, TransportError):
            raise found
        return decode(found, self._most)

    def close(self) -> None:
        """End the stream; idempotent."""
        if self.is_closed:
            return
        self.is_closed = True
        self._outgoing.put(None)
        self._reader.join(1.0)
        if self._reader.is_alive():
            self._call.cancel()
            self._reader.join(1.0)

    def _read(self) -> None:
        text = "it has closed the connection"
        try:
            for message in self._call:
                self._incoming.put(message)
        except grpc.RpcError as error:
            text = reason(error)
        self._outgoing.put(None)  # ends the iterator of requests
        self.failure = TransportError(f"{self.endpoint}: {text}")
        self._incoming.put(self.failure)


class GrpcListener:
    """An open port."""

    def __init__(self, server: TransportServer, wire: Callable[[Message], pb.TransportMessage]) -> None:
        self._server = server
        self._wire = wire

    @property
    def address(self) -> str:
        """Where it listens, with the port that was chosen for port 0."""
        return f"{SCHEME}{self._server.endpoint}"

    def publish(self, message: Message) -> int:
        """Give a message to all who asked for events (`GrpcTransport.events`); how many that were."""
        return self._server.publish(self._wire(message))

    def close(self) -> None:
        """Stop listening; idempotent."""
        self._server.close(1.0)


class GrpcTransport:
    """Connects to others, and listens for them. Thread-safe; `shutdown` closes everything, as does `with`.

    Endpoints are ``grpc://host:port``, several separated by commas, or a name with several addresses.

    Args:
        config: Limits, time-outs, TLS.

    Raises:
        ConfigError: A file of TLS, or the library of the compression, can't be used.
    """

    def __init__(self, config: GrpcTransportConfig | None = None) -> None:
        self.config = config or GrpcTransportConfig()
        self._codec = Compression.NONE
        if self.config.enable_compression:
            self._codec = codec_named(self.config.preferred_compression)
        self._tls = self.config.tls if self.config.tls is not None and self.config.tls.enabled else None
        if self._tls is not None:
            channel_credentials(self._tls)
        self._calls = threading.BoundedSemaphore(self.config.max_concurrent_requests)
        self._lock = threading.Lock()  # guards what stands below
        self._balancers: dict[str, Balancer] = {}
        self._connections: list[GrpcConnection] = []
        self._listeners: list[GrpcListener] = []

    def connect(self, endpoint: str) -> GrpcConnection:
        """Open a stream.

        Raises:
            TransportError: No server can be reached within the connection time-out.
            ConfigError: The endpoint is not like one.
        """
        balancer = self._balancer(endpoint)
        request = pb.HeartbeatRequest(node_id=self.config.node_id, timestamp=_now())
        seconds = self.config.connection_timeout_ms / 1000

        def opened(server: Server) -> GrpcConnection:
            server.stub.heartbeat(request, timeout=seconds)
            return GrpcConnection(f"{SCHEME}{server.endpoint}", server, self.config.max_message_size)

        connection = balancer.call(opened)
        with self._lock:
            self._connections.append(connection)
        return connection

    def listen(self, endpoint: str, handler: Callable[[Message], Message | None]) -> GrpcListener:
        """Answer each message with what the handler returns, if anything. Heartbeats are answered for it.

        Raises:
            TransportError: The port can't be opened.
            ConfigError: TLS can't be had like that.
        """
        (place,) = endpoints_of(endpoint)
        try:
            server = TransportServer(
                place,
                lambda message, _context: self._handled(message, handler),
                most_bytes=self.config.max_message_size,
                workers=min(self.config.max_concurrent_requests, _MOST_THREADS),
                tls=self._tls,
                node_id=self.config.node_id,
                options=self.config.server_options,
            )
        except ConnectionUnavailableError as error:
            raise TransportError(error.message) from error
        listener = GrpcListener(server, self._wire)
        with self._lock:
            self._listeners.append(listener)
        return listener

    def send(self, connection: TransportConnection, message: Message) -> None:
        """Put a message on the stream of a connection.

        Raises:
            TransportError: It is too large, or the connection is gone.
        """
        _ours(connection).send(self._wire(message))

    def receive(self, connection: TransportConnection, timeout: float | None = None) -> Message:
        """The next message, within so many seconds; None: the request time-out.

        Raises:
            TransportError: None came, or the connection is gone.
        """
        return _ours(connection).receive(self.config.request_timeout_ms / 1000 if timeout is None else timeout)

    def request(self, endpoint: str, message: Message, timeout: float | None = None) -> Message:
        """Send a message and wait for its answer, whose header ``in_reply_to`` names it.

        Raises:
            TransportError: There is none in time, or it says that the message could not be handled.
        """
        wire = self._wire(message)
        seconds = self.config.request_timeout_ms / 1000 if timeout is None else timeout
        with self._calls:
            found = self._balancer(endpoint).call(lambda server: server.stub.send_message(wire, timeout=seconds))
        answer = decode(found, self.config.max_message_size)
        if ERROR in answer.headers:
            raise TransportError(f"{endpoint}: {answer.headers[ERROR]}")
        return answer

    def heartbeat(self, endpoint: str, node_id: str) -> HeartbeatResponse:
        """Ask a server for a sign of life.

        Raises:
            TransportError: There is none in time.
        """
        request = pb.HeartbeatRequest(node_id=node_id, timestamp=_now())
        seconds = self.config.request_timeout_ms / 1000
        return response_of(
            self._balancer(endpoint).call(lambda server: server.stub.heartbeat(request, timeout=seconds))
        )

    def events(
        self,
        endpoint: str,
        *,
        stream_names: Sequence[str] = (),
        message_types: Sequence[MessageType] = (),
        start_timestamp: int = 0,
        end_timestamp: int = 0,
    ) -> Iterator[Message]:
        """What a listener publishes from now on.

        Args:
            endpoint: Of the listener.
            stream_names: Messages whose header ``stream`` is one of them; none: all.
            message_types: Messages of these types; none: all.
            start_timestamp: Messages from then on.
            end_timestamp: Messages up to then; 0: for ever.

        Raises:
            TransportError: The server can't be reached, or is gone.
        """
        wanted = pb.EventFilter(
            stream_names=stream_names,
            message_types=[int(each) for each in message_types],  # type: ignore[misc]
            start_timestamp=start_timestamp,
            end_timestamp=end_timestamp,
        )
        request = pb.EventRequest(node_id=self.config.node_id, filter=wanted)

        def opened(server: Server) -> Any:
            call = server.stub.stream_events(request)
            call.initial_metadata()
            if not call.is_active():
                raise call
            return call

        call = self._balancer(endpoint).call(opened)
        return self._received(call, endpoint)

    def close(self, connection: TransportConnection) -> None:
        """End a connection; idempotent."""
        ours = _ours(connection)
        ours.close()
        with self._lock:
            self._connections = [each for each in self._connections if each is not ours]

    def shutdown(self) -> None:
        """Close all connections, channels and listeners; idempotent."""
        with self._lock:
            connections, self._connections = self._connections, []
            balancers, self._balancers = tuple(self._balancers.values()), {}
            listeners, self._listeners = self._listeners, []
        for connection in connections:
            connection.close()
        for balancer in balancers:
            balancer.close()
        for listener in listeners:
            listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    def _balancer(self, endpoint: str) -> Balancer:
        named = endpoints_of(endpoint)
        with self._lock:
            found = self._balancers.get(endpoint)
            if found is None:
                servers: list[Server] = []
                for each in named:
                    addresses = addresses_of(each)
                    name = each.host if len(addresses) > 1 else None
                    servers += [
                        Server(
                            address,
                            open_channel(
                                address,
                                most_bytes=self.config.max_message_size,
                                tls=self._tls,
                                name=name,
                                options=self.config.client_options,
                            ),
                        )
                        for address in addresses
                    ]
                found = Balancer(servers, in_turn=self.config.load_balancing == "round_robin")
                self._balancers[endpoint] = found
            return found

    def _wire(self, message: Message) -> pb.TransportMessage:
        if self._codec is not Compression.NONE and message.compression is Compression.NONE:
            message = replace(message, compression=self._codec)
        wire = encode(message)
        size = wire.ByteSize()
        if size > self.config.max_message_size:
            raise TransportError(f"message of {size} bytes exceeds {self.config.max_message_size}")
        return wire

    def _handled(
        self, message: pb.TransportMessage, handler: Callable[[Message], Message | None]
    ) -> pb.TransportMessage | None:
        try:
            found = decode(message, self.config.max_message_size)
        except TransportError as error:
            return encode(Message(id=message.id).answer().with_header(ERROR, error.message))
        if found.message_type is MessageType.HEARTBEAT:
            return self._wire(found.answer().with_header("server_time", str(_now())))
        try:
            answer = handler(found)
        except Exception as error:  # foreign code: the other side is told
            logger.exception("a message from %s could not be handled", found.source_node or "another process")
            text = error.message if isinstance(error, EventFluxError) else f"{type(error).__name__}: {error}"
            answer = found.answer().with_header(ERROR, text)
        return None if answer is None else self._wire(answer)

    def _received(self, call: Any, endpoint: str) -> Iterator[Message]:
        try:
            for message in call:
                yield decode(message, self.config.max_message_size)
        except grpc.RpcError as error:
            raise TransportError(f"{endpoint}: {reason(error)}") from error
        finally:
            call.cancel()


def grpc_transport(**settings: Any) -> GrpcTransport:
    """A transport with settings by name, as a configuration has them."""
    return GrpcTransport(GrpcTransportConfig(**settings))


def _ours(connection: TransportConnection) -> GrpcConnection:
    if not isinstance(connection, GrpcConnection):
        raise TypeError("the connection is of another transport")
    return connection


def _now() -> int:
    return time.time_ns() // 1_000_000
