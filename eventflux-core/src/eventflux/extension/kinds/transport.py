"""Messages between processes, and what carries them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from enum import IntEnum
from typing import Final, Literal, Protocol

from eventflux.types.record import record

IN_REPLY_TO: Final = "in_reply_to"
"""Header of an answer: the id of the message that it answers."""

ERROR: Final = "error"
"""Header of an answer: why the message could not be handled."""


class MessageType(IntEnum):
    """What a message is about, as numbered on the wire."""

    EVENT = 1
    QUERY = 2
    STATE = 3
    CONTROL = 4
    HEARTBEAT = 5
    CHECKPOINT = 6
    METADATA = 7
    ACKNOWLEDGEMENT = 8


class Compression(IntEnum):
    """How a payload is made smaller on the wire, as numbered there."""

    NONE = 0
    LZ4 = 1
    SNAPPY = 2
    ZSTD = 3


def _now() -> int:
    return time.time_ns() // 1_000_000


@record(frozen=True, slots=True, kw_only=True)
class Message:
    """One message.

    Attributes:
        id: Unique; an answer names it in its header ``in_reply_to``.
        payload: Bytes that only the two sides understand.
        headers: Texts beside it.
        message_type: What it is about.
        timestamp: When it was made, in milliseconds since the epoch.
        source_node: Who sends it.
        target_node: Who is meant; empty: whoever listens.
        priority: 0 is the highest, 9 the lowest.
        compression: Of the payload on the wire; the payload here is always plain.
    """

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    payload: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    message_type: MessageType = MessageType.EVENT
    timestamp: int = field(default_factory=_now)
    source_node: str = ""
    target_node: str = ""
    priority: int = 5
    compression: Compression = Compression.NONE

    def __post_init__(self) -> None:
        if not 0 <= self.priority <= 9:
            raise ValueError("priority must be from 0 (highest) to 9")

    @classmethod
    def event(cls, payload: bytes) -> Message:
        """Events of a stream."""
        return cls(payload=payload, message_type=MessageType.EVENT)

    @classmethod
    def query(cls, payload: bytes) -> Message:
        """An on-demand query, or its answer."""
        return cls(payload=payload, message_type=MessageType.QUERY)

    @classmethod
    def state(cls, payload: bytes) -> Message:
        """State that moves."""
        return cls(payload=payload, message_type=MessageType.STATE)

    @classmethod
    def control(cls, payload: bytes = b"") -> Message:
        """Pause, resume, drain, and notices."""
        return cls(payload=payload, message_type=MessageType.CONTROL)

    @classmethod
    def heartbeat(cls) -> Message:
        """A sign of life."""
        return cls(message_type=MessageType.HEARTBEAT)

    @classmethod
    def checkpoint(cls, payload: bytes = b"") -> Message:
        """Begin, done or abort of a checkpoint."""
        return cls(payload=payload, message_type=MessageType.CHECKPOINT)

    def with_header(self, name: str, value: str) -> Message:
        """The same message with one header more."""
        return replace(self, headers={**self.headers, name: value})

    def answer(self, payload: bytes = b"", message_type: MessageType | None = None) -> Message:
        """A message that answers this one."""
        return Message(
            payload=payload,
            message_type=self.message_type if message_type is None else message_type,
            headers={IN_REPLY_TO: self.id},
            source_node=self.target_node,
            target_node=self.source_node,
        )


@record(frozen=True, slots=True, kw_only=True)
class HeartbeatResponse:
    """How the other side does.

    Attributes:
        server_time: Its clock, in milliseconds since the epoch.
        node_id: Its name.
        health: ``unknown``, ``healthy``, ``degraded``, ``unhealthy`` or ``offline``.
    """

    server_time: int
    node_id: str = ""
    health: str = "unknown"


@record(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """TLS of a server or a client: version 1.2 at least. Files are read again when they have changed.

    Attributes:
        enabled: Whether there is any.
        cert_file: PEM file of the own certificate and those between it and its authority. Servers need one.
        key_file: PEM file of its key.
        ca_file: PEM file of the authorities that the other side's certificate must be signed by; None: those of the
            system (clients).
        server_name: The name that a server's certificate must carry, where it is not that of the endpoint.
        insecure_skip_verify: A client takes any certificate. Warned of at each start.
        client_auth: Whether a server asks clients for a certificate.
    """

    enabled: bool = False
    cert_file: str | None = None
    key_file: str | None = None
    ca_file: str | None = None
    server_name: str | None = None
    insecure_skip_verify: bool = False
    client_auth: Literal["none", "optional", "required"] = "none"

    def __post_init__(self) -> None:
        if self.client_auth not in {"none", "optional", "required"}:
            raise ValueError("client_auth must be one of none, optional, required")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")
        if self.client_auth != "none" and self.ca_file is None:
            raise ValueError(f"client_auth {self.client_auth!r} needs ca_file")


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
    """How messages travel; they keep their order on a connection. Failures are `TransportError`."""

    def connect(self, endpoint: str) -> TransportConnection:
        """Open a connection, within the connection time-out."""
        ...

    def listen(self, endpoint: str, handler: Callable[[Message], Message | None]) -> TransportListener:
        """Answer each message with what the handler returns, if anything. Heartbeats are answered for it."""
        ...

    def send(self, connection: TransportConnection, message: Message) -> None:
        """Send one message."""
        ...

    def receive(self, connection: TransportConnection, timeout: float | None = None) -> Message:
        """The next message, within so many seconds; None: the read time-out."""
        ...

    def request(self, endpoint: str, message: Message, timeout: float | None = None) -> Message:
        """Send a message and wait for its answer."""
        ...

    def heartbeat(self, endpoint: str, node_id: str) -> HeartbeatResponse:
        """Ask the other side for a sign of life."""
        ...

    def close(self, connection: TransportConnection) -> None:
        """Close a connection; idempotent."""
        ...
