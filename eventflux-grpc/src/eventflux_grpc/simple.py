"""The simple gRPC transport: a client that sends a message and takes its answer."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any

import grpc
from typing_extensions import Self

from eventflux import TransportError
from eventflux.extension import HeartbeatResponse, Message
from eventflux_grpc import transport_pb2 as pb
from eventflux_grpc.config import SimpleGrpcConfig
from eventflux_grpc.endpoints import endpoints_of
from eventflux_grpc.wire import ERROR, Stub, decode, encode, reason, response_of

_MOST_BYTES = 52_428_800


class SimpleGrpcTransport:
    """A client of any server of the service. Thread-safe; channels are kept, an address each.

    Args:
        config: Time-outs and the address that is meant where none is given.
    """

    def __init__(self, config: SimpleGrpcConfig | None = None) -> None:
        self.config = config or SimpleGrpcConfig()
        self._lock = threading.Lock()  # guards _channels
        self._channels: dict[str, grpc.Channel] = {}

    @classmethod
    def with_config(cls, config: SimpleGrpcConfig) -> Self:
        """The same as the constructor."""
        return cls(config)

    def connect(self, address: str | None = None) -> None:
        """Connect to a server.

        Raises:
            TransportError: It can't be reached within the connection time-out.
            ConfigError: The address is not ``host:port``.
        """
        self._answer("heartbeat", address, pb.HeartbeatRequest(timestamp=time.time_ns() // 1_000_000))

    def send_message(self, address: str | None, message: Message) -> Message:
        """Send a message; its answer.

        Raises:
            TransportError: There is none in time, or it says that the message could not be handled.
        """
        answer = decode(self._answer("send_message", address, encode(message)), _MOST_BYTES)
        if ERROR in answer.headers:
            raise TransportError(f"grpc://{address or self.config.server_address}: {answer.headers[ERROR]}")
        return answer

    def heartbeat(self, address: str | None, node_id: str) -> HeartbeatResponse:
        """Ask a server for a sign of life.

        Raises:
            TransportError: There is none in time.
        """
        request = pb.HeartbeatRequest(node_id=node_id, timestamp=time.time_ns() // 1_000_000)
        return response_of(self._answer("heartbeat", address, request))

    def close(self) -> None:
        """Close all channels; idempotent."""
        with self._lock:
            channels, self._channels = tuple(self._channels.values()), {}
        for channel in channels:
            channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, call: str, address: str | None, request: object) -> Any:
        place = address or self.config.server_address
        (endpoint,) = endpoints_of(place)
        with self._lock:
            channel = self._channels.get(str(endpoint))
            if channel is None:
                channel = grpc.insecure_channel(
                    str(endpoint),
                    options=[
                        ("grpc.max_receive_message_length", _MOST_BYTES),
                        ("grpc.max_send_message_length", _MOST_BYTES),
                    ],
                    compression=grpc.Compression.Gzip if self.config.enable_compression else None,
                )
                self._channels[str(endpoint)] = channel
        try:
            return getattr(Stub(channel), call)(request, timeout=self.config.connection_timeout_ms / 1000)
        except grpc.RpcError as error:
            raise TransportError(f"grpc://{endpoint}: {reason(error)}") from error
