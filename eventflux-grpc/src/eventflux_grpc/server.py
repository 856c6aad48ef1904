"""A server of the service `eventflux.transport.Transport`, with gRPC's health service and reflection."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from eventflux import ConnectionUnavailableError
from eventflux.extension import TlsConfig
from eventflux_grpc import transport_pb2 as pb
from eventflux_grpc.credentials import server_credentials
from eventflux_grpc.endpoints import Endpoint
from eventflux_grpc.wire import SERVICE, acknowledgement

Handler = Callable[[pb.TransportMessage, "grpc.ServicerContext"], "pb.TransportMessage | None"]

_STOP_SECONDS: Final = 4.0
_SUBSCRIBER_QUEUE: Final = 1024

logger = logging.getLogger("eventflux.grpc")


class TransportServer:
    """An open port, until it is closed."""

    def __init__(
        self,
        endpoint: Endpoint,
        handler: Handler,
        *,
        most_bytes: int,
        workers: int,
        tls: TlsConfig | None = None,
        service: str = SERVICE,
        node_id: str = "",
        options: Sequence[tuple[str, int]] = (),
        more_handlers: Sequence[Any] = (),
    ) -> None:
        """Open the port.

        Args:
            endpoint: Where to listen; port 0: one that is free.
            handler: Called with each message on a thread of the call; what it returns is the answer.
            most_bytes: The largest message.
            workers: Calls at a time; each stream is one.
            tls: Of the port, or None.
            service: Full name of the service.
            node_id: Said in heartbeats.
            options: Further options of gRPC's library.
            more_handlers: Of other services on the port.

        Raises:
            ConnectionUnavailableError: The port can't be opened.
            ConfigError: TLS can't be had like that.
        """
        self._handler = handler
        self._node_id = node_id
        self._subscribers: dict[queue.Queue[pb.TransportMessage | None], pb.EventRequest] = {}
        self._lock = threading.Lock()  # guards _subscribers
        self._health = health.HealthServicer()
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=workers, thread_name_prefix=f"eventflux-grpc-{endpoint.port}"),
            options=[
                ("grpc.max_receive_message_length", most_bytes),
                ("grpc.max_send_message_length", most_bytes),
                ("grpc.so_reuseport", 0),
                *options,
            ],
        )
        self._server.add_generic_rpc_handlers((self._methods(service), *more_handlers))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((service, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)
        try:
            if tls is not None and tls.enabled:
                port = self._server.add_secure_port(str(endpoint), server_credentials(tls))
            else:
                port = self._server.add_insecure_port(str(endpoint))
        except RuntimeError as error:
            raise ConnectionUnavailableError(
                f"port {endpoint.port} of {endpoint.host} can't be opened: {error}"
            ) from error
        if port == 0:
            raise ConnectionUnavailableError(f"port {endpoint.port} of {endpoint.host} can't be opened")
        self.endpoint = Endpoint(endpoint.host, port)
        self._server.start()
        for name in ("", service):
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    def publish(self, message: pb.TransportMessage) -> int:
        """Give a message to those who asked for events; how many that were. Who does not keep up misses some."""
        with self._lock:
            wanted = [each for each, request in self._subscribers.items() if _is_wanted(message, request)]
        for each in wanted:
            try:
                each.put_nowait(message)
            except queue.Full:
                logger.warning("a receiver of events does not keep up: a message is dropped")
        return len(wanted)

    def close(self, seconds: float = _STOP_SECONDS) -> None:
        """Take no more calls, let those under way end within so many seconds, then cut them; idempotent."""
        self._health.enter_graceful_shutdown()
        with self._lock:
            subscribers, self._subscribers = tuple(self._subscribers), {}
        for each in subscribers:
            _end(each)
        self._server.stop(seconds).wait()

    def _methods(self, service: str) -> Any:
        def of(kind: Any, call: Any, request: Any, response: Any) -> Any:
            return kind(call, request_deserializer=request.FromString, response_serializer=response.SerializeToString)

        message = pb.TransportMessage
        return grpc.method_handlers_generic_handler(
            service,
            {
                "SendMessage": of(grpc.unary_unary_rpc_method_handler, self._send_message, message, message),
                "StreamMessages": of(grpc.stream_stream_rpc_method_handler, self._stream_messages, message, message),
                "StreamEvents": of(grpc.unary_stream_rpc_method_handler, self._stream_events, pb.EventRequest, message),
                "Heartbeat": of(
                    grpc.unary_unary_rpc_method_handler, self._heartbeat, pb.HeartbeatRequest, pb.HeartbeatResponse
                ),
            },
        )

    def _send_message(self, request: pb.TransportMessage, context: grpc.ServicerContext) -> pb.TransportMessage:
        return self._handler(request, context) or acknowledgement(request)

    def _stream_messages(
        self, requests: Iterator[pb.TransportMessage], context: grpc.ServicerContext
    ) -> Iterator[pb.TransportMessage]:
        context.send_initial_metadata(())  # the client knows from here on that it is served
        for request in requests:
            answer = self._handler(request, context)
            if answer is not None:
                yield answer

    def _stream_events(self, request: pb.EventRequest, context: grpc.ServicerContext) -> Iterator[pb.TransportMessage]:
        own: queue.Queue[pb.TransportMessage | None] = queue.Queue(_SUBSCRIBER_QUEUE)
        with self._lock:
            self._subscribers[own] = request
        context.add_callback(lambda: _end(own))
        context.send_initial_metadata(())
        try:
            while True:
                message = own.get()
                if message is None or not context.is_active():
                    return
                yield message
        finally:
            with self._lock:
                self._subscribers.pop(own, None)

    def _heartbeat(self, request: pb.HeartbeatRequest, context: grpc.ServicerContext) -> pb.HeartbeatResponse:
        status = pb.NodeStatus(health=pb.NODE_HEALTH_HEALTHY)
        return pb.HeartbeatResponse(
            server_timestamp=time.time_ns() // 1_000_000, server_node_id=self._node_id, server_status=status
        )


def _end(subscriber: queue.Queue[pb.TransportMessage | None]) -> None:
    with suppress(queue.Full):  # then it has messages to go on with, and finds out after the next one
        subscriber.put_nowait(None)


def _is_wanted(message: pb.TransportMessage, request: pb.EventRequest) -> bool:
    wanted = request.filter
    if wanted.stream_names and message.headers.get("stream", "") not in wanted.stream_names:
        return False
    if wanted.message_types and message.message_type not in wanted.message_types:
        return False
    if message.timestamp < wanted.start_timestamp:
        return False
    return not wanted.end_timestamp or message.timestamp <= wanted.end_timestamp
