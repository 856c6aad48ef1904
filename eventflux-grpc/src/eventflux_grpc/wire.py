"""The service and its messages, between the generated classes and ours."""

from __future__ import annotations

import uuid
from typing import Any, Final

import grpc

from eventflux import TransportError
from eventflux.extension import Compression, HeartbeatResponse, MappingError, Message, MessageType
from eventflux_grpc import transport_pb2 as pb
from eventflux_grpc.codecs import compress, decompress

SERVICE: Final = "eventflux.transport.Transport"
IN_REPLY_TO: Final = "in_reply_to"
ERROR: Final = "error"
PAYLOADS: Final = "payloads"
DELIMITER: Final = "delimiter"
STREAM: Final = "stream"
ACK: Final = "ack"

_SMALLEST: Final = 256  # bytes of a payload that may be worth compressing


class Stub:
    """The calls of the service on a channel."""

    def __init__(self, channel: grpc.Channel, service: str = SERVICE) -> None:
        def of(method: str, request: Any, response: Any) -> tuple[str, Any, Any]:
            return f"/{service}/{method}", request.SerializeToString, response.FromString

        message = pb.TransportMessage
        self.send_message: Any = channel.unary_unary(*of("SendMessage", message, message))
        self.stream_messages: Any = channel.stream_stream(*of("StreamMessages", message, message))
        self.stream_events: Any = channel.unary_stream(*of("StreamEvents", pb.EventRequest, message))
        self.heartbeat: Any = channel.unary_unary(*of("Heartbeat", pb.HeartbeatRequest, pb.HeartbeatResponse))


def encode(message: Message) -> pb.TransportMessage:
    """A message as it travels; its payload is compressed as the message says, if that is worth it."""
    payload, codec = message.payload, message.compression
    if codec is not Compression.NONE:
        smaller = compress(codec, payload) if len(payload) >= _SMALLEST else payload
        if len(smaller) < len(payload):
            payload = smaller
        else:
            codec = Compression.NONE
    return pb.TransportMessage(
        id=message.id,
        message_type=int(message.message_type),  # type: ignore[arg-type]
        payload=payload,
        headers=message.headers,
        timestamp=message.timestamp,
        source_node=message.source_node,
        target_node=message.target_node,
        priority=message.priority,
        compression=int(codec),  # type: ignore[arg-type]
    )


def decode(message: pb.TransportMessage, limit: int) -> Message:
    """A message that came.

    Raises:
        TransportError: It is none of ours.
    """
    try:
        return Message(
            id=message.id,
            payload=decompress(message.compression, message.payload, limit),
            headers=dict(message.headers),
            message_type=MessageType(message.message_type),
            timestamp=message.timestamp,
            source_node=message.source_node,
            target_node=message.target_node,
            priority=message.priority,
            compression=Compression(message.compression),
        )
    except (MappingError, ValueError) as error:
        raise TransportError(f"message {message.id!r} can't be read: {error}") from error


def acknowledgement(of: pb.TransportMessage, **headers: str) -> pb.TransportMessage:
    """The answer that says that a message has been handled, or with a header ``error`` that it could not be."""
    return pb.TransportMessage(
        id=str(uuid.uuid4()),
        message_type=int(MessageType.ACKNOWLEDGEMENT),  # type: ignore[arg-type]
        headers={IN_REPLY_TO: of.id, **headers},
        timestamp=of.timestamp,
        source_node=of.target_node,
        target_node=of.source_node,
    )


def response_of(response: pb.HeartbeatResponse) -> HeartbeatResponse:
    """A heartbeat's answer that came."""
    name = pb.NodeHealth.Name(response.server_status.health)
    return HeartbeatResponse(
        server_time=response.server_timestamp,
        node_id=response.server_node_id,
        health=name.removeprefix("NODE_HEALTH_").lower(),
    )


def reason(error: grpc.RpcError) -> str:
    """Why a call failed: its status and what the other side, or TLS, had to say."""
    code = getattr(error, "code", lambda: None)()
    details = getattr(error, "details", lambda: "")() or str(error)
    return f"{code.name}: {details}" if code is not None else details
