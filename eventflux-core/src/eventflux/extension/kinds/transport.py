"""Messages between processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class TransportListener(Protocol):
    """An open port."""

    @property
    def address(self) -> str:
        """Where it listens, with the port that was chosen for port 0."""
        ...

    def close(self) -> None:
        """Stop listening; idempotent."""
        ...


class TransportConnection(Protocol):
    """An open connection."""

    @property
    def endpoint(self) -> str:
        """The other side."""
        ...


class Transport(Protocol):
    """How messages travel; each message is a frame of bytes, kept whole and in order on a connection."""

    def connect(self, endpoint: str) -> TransportConnection:
        """Open a connection; `TransportError` within the connection time-out."""
        ...

    def listen(self, endpoint: str, handler: Callable[[bytes], bytes | None]) -> TransportListener:
        """Answer each message with what the handler returns, if anything."""
        ...

    def send(self, connection: TransportConnection, message: bytes) -> None:
        """Send one message."""
        ...

    def receive(self, connection: TransportConnection, timeout: float | None = None) -> bytes:
        """The next message."""
        ...

    def close(self, connection: TransportConnection) -> None:
        """Close a connection; idempotent."""
        ...
