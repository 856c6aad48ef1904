"""Messages on a TCP connection.

    u32 length (big-endian) | one msgpack map: id, message_type, headers, payload, …

The first message each way is a Control message with header ``hello``: it says the version of the protocol and what its
side does. An Event message carries payloads of a mapper: one, or many with a delimiter (or, for formats that need none,
nothing) behind each. With header ``events`` the payload is what the pass-through format sends: a msgpack array of
events as they are, [timestamp, [values]].
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import IntEnum
from typing import Any, Final

import msgpack

from eventflux.extension.kinds.rows import EventLike
from eventflux.io.net.socket_reader import SocketReader, deadline_in
from eventflux.types.errors import MappingError, TransportError
from eventflux.types.record import record

PROTOCOL: Final = 1
HELLO: Final = "hello"
ERROR: Final = "error"
ANSWERS: Final = "in_reply_to"
PAYLOADS: Final = "payloads"
DELIMITER: Final = "delimiter"
STREAM: Final = "stream"
EVENTS: Final = "events"
ACK: Final = "ack"
_LENGTH: Final = struct.Struct(">I")
_BIN: Final = struct.Struct(">BI")
_BIN_TAG: Final = 0xC6
_LARGEST_HELLO: Final = 65_536


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


@record(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message."""

    id: str
    message_type: int
    payload: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    compression: int = 0


@record(frozen=True, slots=True)
class CarriedEvent:
    """An event of another process."""

    timestamp: int
    data: tuple[object, ...]
    is_expired: bool = False


def pack_events(events: Iterable[EventLike]) -> bytes:
    """The payload of a message with events.

    Raises:
        MappingError: A value can't be written.
    """
    try:
        packed: bytes = msgpack.packb([(event.timestamp, event.data) for event in events], default=_as_list)
    except (TypeError, ValueError, OverflowError) as error:
        raise MappingError(f"an event can't be sent as it is: {error}") from error
    return packed


def unpack_events(payload: bytes) -> list[CarriedEvent]:
    """The events of a message.

    Raises:
        TransportError: They are none.
    """
    try:
        return [
            CarriedEvent(int(timestamp), tuple(values))
            for timestamp, values in msgpack.unpackb(payload, strict_map_key=False)
        ]
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise TransportError(f"what came are no events: {error!r}") from error


def _as_list(value: object) -> list[object]:
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise TypeError(f"a value of type {type(value).__name__}")


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a message."""
    fields = {
        "id": frame.id,
        "message_type": int(frame.message_type),
        "headers": dict(frame.headers),
        "compression": frame.compression,
    }
    packer = msgpack.Packer()
    head = packer.pack_map_header(len(fields) + 1)
    head += b"".join(packer.pack(name) + packer.pack(value) for name, value in fields.items())
    head += packer.pack("payload") + _BIN.pack(_BIN_TAG, len(frame.payload))
    return b"".join((_LENGTH.pack(len(head) + len(frame.payload)), head, frame.payload))


def decode_frame(data: bytes) -> Frame:
    """The message of a map.

    Raises:
        TransportError: It is none.
    """
    try:
        fields: Any = msgpack.unpackb(data, raw=False, strict_map_key=True)
        frame = Frame(
            id=fields["id"],
            message_type=fields["message_type"],
            payload=fields.get("payload", b""),
            headers=fields.get("headers", {}),
            compression=fields.get("compression") or 0,
        )
    except (ValueError, TypeError, KeyError, AttributeError, msgpack.UnpackException) as error:
        raise TransportError(f"what came is no message: {error!r}") from error
    texts = isinstance(frame.headers, dict) and all(
        isinstance(each, str) for pair in frame.headers.items() for each in pair
    )
    numbers = isinstance(frame.message_type, int) and isinstance(frame.compression, int)
    if not (texts and numbers and isinstance(frame.id, str) and isinstance(frame.payload, bytes)):
        raise TransportError("what came is no message: a field has the wrong type")
    return frame


def read_frame(reader: SocketReader, limit: int, seconds: float) -> Frame:
    """The next message, which has begun to come.

    Args:
        reader: Of the connection.
        limit: Most bytes.
        seconds: Within which it must be here whole.

    Raises:
        TransportError: It is too long, or none.
        ConnectionEndedError: The connection ends within it.
    """
    deadline = deadline_in(seconds)
    (length,) = _LENGTH.unpack(reader.exactly(_LENGTH.size, deadline))
    if length > limit:
        raise TransportError(f"message of {length} bytes exceeds {limit}")
    return decode_frame(reader.exactly(length, deadline))


def hello(**facts: str) -> Frame:
    """The first message of a side."""
    return Frame(id="0", message_type=MessageType.CONTROL, headers={HELLO: str(PROTOCOL), **facts})


def refusal(reason: str, answers: str = "") -> Frame:
    """The last message of a side that closes the connection."""
    return Frame(id="0", message_type=MessageType.CONTROL, headers={ERROR: reason, ANSWERS: answers})


def read_hello(reader: SocketReader, seconds: float) -> Mapping[str, str]:
    """What the other side says of itself.

    Raises:
        TransportError: It refuses, or speaks another protocol.
    """
    frame = read_frame(reader, _LARGEST_HELLO, seconds)
    if ERROR in frame.headers:
        raise TransportError(frame.headers[ERROR])
    if frame.message_type != MessageType.CONTROL or HELLO not in frame.headers:
        raise TransportError("the other side does not speak the protocol of EventFlux")
    if frame.headers[HELLO] != str(PROTOCOL):
        raise TransportError(f"protocol version {frame.headers[HELLO]} is not {PROTOCOL}")
    return frame.headers
