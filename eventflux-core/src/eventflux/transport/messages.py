"""Messages on a connection: as the ``tcp`` source and sink have them (`eventflux.io.tcp.frames`), with all fields."""

from __future__ import annotations

import struct
from typing import Any, Final

import msgpack

from eventflux.extension.kinds.transport import Compression, Message, MessageType
from eventflux.io.net.payload_compression import NAMES, payload_codec
from eventflux.io.net.socket_reader import SocketReader, deadline_in
from eventflux.types.errors import ConfigError, MappingError, TransportError

_LENGTH: Final = struct.Struct(">I")
_SMALLEST: Final = 256  # bytes of a payload that may be worth compressing
_TYPES: Final[dict[str, type]] = {
    "id": str,
    "message_type": int,
    "payload": bytes,
    "headers": dict,
    "timestamp": int,
    "source_node": str,
    "target_node": str,
    "priority": int,
    "compression": int,
}


def encode_message(message: Message, limit: int) -> bytes:
    """The bytes of a message; its payload is compressed as the message says, if that is worth it.

    Raises:
        TransportError: They are more than allowed.
        ConfigError: The library of the compression is not installed.
    """
    payload, number = message.payload, int(message.compression)
    codec = payload_codec(NAMES[number])
    if codec is not None:
        smaller = codec.compress(payload) if len(payload) >= _SMALLEST else payload
        payload, number = (smaller, number) if len(smaller) < len(payload) else (payload, 0)
    data: bytes = msgpack.packb(
        {
            "id": message.id,
            "message_type": int(message.message_type),
            "headers": dict(message.headers),
            "timestamp": message.timestamp,
            "source_node": message.source_node,
            "target_node": message.target_node,
            "priority": message.priority,
            "compression": number,
            "payload": payload,
        }
    )
    if len(data) > limit:
        raise too_large(len(data), limit)
    return _LENGTH.pack(len(data)) + data


def read_message(reader: SocketReader, limit: int, seconds: float) -> Message:
    """The next message, which has begun to come.

    Args:
        reader: Of the connection.
        limit: Most bytes, of the message and of its payload.
        seconds: Within which it must be here whole.

    Raises:
        TransportError: It is too large, or none.
        ConnectionEndedError: The connection ends within it.
    """
    deadline = deadline_in(seconds)
    (length,) = _LENGTH.unpack(reader.exactly(_LENGTH.size, deadline))
    if length > limit:
        raise too_large(length, limit)
    return _decoded(reader.exactly(length, deadline), limit)


def too_large(size: int, limit: int) -> TransportError:
    """The error for a message over the limit."""
    return TransportError(f"message of {size} bytes exceeds {limit}")


def _decoded(data: bytes, limit: int) -> Message:
    try:
        found: Any = msgpack.unpackb(data, strict_map_key=True)
        fields = {name: found[name] for name in _TYPES if name in found}
        if any(not isinstance(value, _TYPES[name]) for name, value in fields.items()):
            raise TypeError("a field has the wrong type")
        if not all(isinstance(each, str) for pair in fields.get("headers", {}).items() for each in pair):
            raise TypeError("a header is no text")
        codec = payload_codec(NAMES[fields.pop("compression", 0)])
        if codec is not None:
            fields["payload"] = codec.decompress(fields["payload"], limit)
        compression = Compression.NONE if codec is None else Compression(codec.number)
        fields["message_type"] = MessageType(fields["message_type"])
        return Message(**fields, compression=compression)
    except ConfigError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, MappingError, msgpack.UnpackException) as error:
        raise TransportError(f"what came is no message: {error}") from error
