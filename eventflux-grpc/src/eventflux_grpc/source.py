"""``grpc`` source: a server that takes events.

A message is answered when its events have entered, so a client that waits for the answer, or whose stream does not go
on, feels when the app is slower than it. Where no checkpoints are made, the answer to a message that asks for an
acknowledgement waits until the sinks have acknowledged too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import grpc

from eventflux import EventFluxError, RuntimeStateError
from eventflux.extension import (
    BlockOrigin,
    Figure,
    MappingError,
    MessageBatch,
    MessageType,
    Source,
    SourceCallback,
    SourceContext,
)
from eventflux_grpc import transport_pb2 as pb
from eventflux_grpc.codecs import decompress
from eventflux_grpc.credentials import server_credentials
from eventflux_grpc.endpoints import Endpoint
from eventflux_grpc.foreign import Method, method_of
from eventflux_grpc.options import tls_of
from eventflux_grpc.server import TransportServer
from eventflux_grpc.wire import ACK, DELIMITER, ERROR, acknowledgement

_PAUSE_SECONDS: Final = 0.05


class GrpcSource(Source):
    """One port."""

    _server: TransportServer | None = None
    _on_data: SourceCallback

    def configure(self, ctx: SourceContext) -> None:
        options = ctx.options
        self._ctx = ctx
        self._endpoint = Endpoint(options.text("host"), options.integer("port"))
        self._most = options.integer("max.message.bytes")
        self._workers = options.integer("max.connections")
        self._tls = tls_of(options)
        if self._tls is not None:
            server_credentials(self._tls)  # what can't work is an error now, not when the port opens
        method = options.optional_text("method")
        self._method = None if method is None else method_of(method, options.optional_text("proto"))
        self._stopping, self._running = ctx.environment.waiter(), ctx.environment.waiter()
        self._running.set()
        self._messages = 0

    @property
    def port(self) -> int | None:
        """Where it listens; None while it doesn't."""
        return None if self._server is None else self._server.endpoint.port

    def connect(self, on_data: SourceCallback) -> None:
        self._on_data = on_data
        self._stopping.clear()
        foreign = () if self._method is None else (_ForeignMethod(self._method, self._take_foreign),)
        self._server = TransportServer(
            self._endpoint,
            self._take,
            most_bytes=self._most,
            workers=self._workers,
            tls=self._tls,
            service=self._ctx.options.text("service"),
            node_id=self._ctx.app_name,
            more_handlers=foreign,
        )

    def pause(self) -> None:
        self._running.clear()

    def resume(self) -> None:
        self._running.set()

    def disconnect(self) -> None:
        self._stopping.set()
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def figures(self) -> Sequence[Figure]:
        return (Figure(name="grpc_messages", value=self._messages),)

    def _take(self, message: pb.TransportMessage, context: grpc.ServicerContext) -> pb.TransportMessage | None:
        kind = int(message.message_type)
        if kind == MessageType.HEARTBEAT:
            return acknowledgement(message, server_time=str(self._ctx.environment.wall_clock()))
        if kind != MessageType.EVENT:
            return acknowledgement(message, **{ERROR: "this server takes events only"})
        self._wait_while_paused(context)
        wants_answer = message.headers.get(ACK) == "true"
        try:
            self._deliver(message, context)
            if wants_answer and not self._on_data.is_checkpointed and not self._on_data.secure():
                context.abort(grpc.StatusCode.UNAVAILABLE, "what came of the message is not secured")
        except RuntimeStateError as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, error.message)
        except EventFluxError as error:
            return acknowledgement(message, **{ERROR: error.message})
        return acknowledgement(message) if wants_answer else None

    def _deliver(self, message: pb.TransportMessage, context: grpc.ServicerContext) -> None:
        self._messages += 1
        name = f"grpc client {context.peer()}"
        try:
            payload = decompress(message.compression, message.payload, self._most)
        except MappingError as error:
            error.payload = message.payload
            self._on_data.failed(error, BlockOrigin(name=name))
            return
        delimiter = message.headers.get(DELIMITER, "").encode()
        if delimiter and not self._on_data.uses_properties:
            self._on_data.block(payload, delimiter, BlockOrigin(name=name))
            return
        payloads = payload.split(delimiter)[:-1] if delimiter else [payload]
        found = _properties(message, context) if self._on_data.uses_properties else {}
        self._on_data.messages(MessageBatch(payloads=payloads, name=name, properties=lambda _index: found))

    def _take_foreign(self, payload: bytes, context: grpc.ServicerContext) -> None:
        self._wait_while_paused(context)
        self._messages += 1
        found = {"peer": context.peer()}
        batch = MessageBatch(payloads=[payload], name=f"grpc client {context.peer()}", properties=lambda _index: found)
        try:
            self._on_data.messages(batch)
        except RuntimeStateError as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, error.message)

    def _wait_while_paused(self, context: grpc.ServicerContext) -> None:
        while not self._running.wait(_PAUSE_SECONDS):
            if self._stopping.is_set() or not context.is_active():
                context.abort(grpc.StatusCode.UNAVAILABLE, "the app is paused")
        if self._stopping.is_set():
            context.abort(grpc.StatusCode.UNAVAILABLE, "the app is stopping")


def _properties(message: pb.TransportMessage, context: grpc.ServicerContext) -> Mapping[str, object]:
    found: dict[str, object] = {
        "id": message.id,
        "source": message.source_node,
        "timestamp": message.timestamp,
        "peer": context.peer(),
    }
    found.update((f"header.{name}", value) for name, value in message.headers.items())
    return found


class _ForeignMethod(grpc.GenericRpcHandler):  # type: ignore[type-arg] # no generic class at run time
    """One method of another service; it is answered by empty messages."""

    def __init__(self, method: Method, take: Any) -> None:
        self._method = method
        self._take = take

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        if handler_call_details.method != self._method.path:
            return None
        match self._method.takes_stream, self._method.gives_stream:
            case False, False:
                return grpc.unary_unary_rpc_method_handler(self._one)
            case False, True:
                return grpc.unary_stream_rpc_method_handler(
                    lambda request, context: iter([self._one(request, context)])
                )
            case True, False:
                return grpc.stream_unary_rpc_method_handler(self._all)
            case _:
                return grpc.stream_stream_rpc_method_handler(self._each)

    def _one(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self._take(request, context)
        return b""

    def _all(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        for request in requests:
            self._take(request, context)
        return b""

    def _each(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        for request in requests:
            yield self._one(request, context)
