"""The simple gRPC transport for asyncio: each call runs on a thread of the loop's executor and is awaited."""

from __future__ import annotations

import asyncio

from typing_extensions import Self

from eventflux.extension import HeartbeatResponse, Message
from eventflux_grpc.config import SimpleGrpcConfig
from eventflux_grpc.simple import SimpleGrpcTransport as _SimpleGrpcTransport


class SimpleGrpcTransport:
    """As `eventflux_grpc.SimpleGrpcTransport`, with coroutines."""

    def __init__(self, config: SimpleGrpcConfig | None = None) -> None:
        self._transport = _SimpleGrpcTransport(config)

    @classmethod
    def with_config(cls, config: SimpleGrpcConfig) -> Self:
        """The same as the constructor."""
        return cls(config)

    async def connect(self, address: str | None = None) -> None:
        """Connect to a server; `TransportError` if it can't be reached."""
        await asyncio.to_thread(self._transport.connect, address)

    async def send_message(self, address: str | None, message: Message) -> Message:
        """Send a message; its answer."""
        return await asyncio.to_thread(self._transport.send_message, address, message)

    async def heartbeat(self, address: str | None, node_id: str) -> HeartbeatResponse:
        """Ask a server for a sign of life."""
        return await asyncio.to_thread(self._transport.heartbeat, address, node_id)

    async def close(self) -> None:
        """Close all channels; idempotent."""
        await asyncio.to_thread(self._transport.close)
