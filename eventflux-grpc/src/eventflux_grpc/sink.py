"""``grpc`` sink: a client of a ``grpc`` source, or of any server of the service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Final

import grpc

from eventflux.extension import (
    Compression,
    ConfigError,
    ConnectionUnavailableError,
    Figure,
    MappingError,
    Message,
    Payload,
    PublishError,
    Sink,
    SinkContext,
)
from eventflux_grpc.channels import check, open_channel
from eventflux_grpc.codecs import codec_named
from eventflux_grpc.credentials import channel_credentials
from eventflux_grpc.declarations import HEADERS
from eventflux_grpc.endpoints import Endpoint, addresses_of, endpoints_of
from eventflux_grpc.foreign import method_of
from eventflux_grpc.lane import Item
from eventflux_grpc.options import tls_of
from eventflux_grpc.senders import CallSender, MethodSender, Sender, StreamSender
from eventflux_grpc.wire import ACK, DELIMITER, PAYLOADS, STREAM, encode

_ROOM: Final = 16 * 1024  # of a message, for what is not payload
_LINE: Final = b"\n"


class GrpcSink(Sink):
    """Sends chunks as messages of many payloads, where the format has one payload a line, else a message a payload."""

    _sender: Sender | None = None
    _codec: Compression

    def configure(self, ctx: SinkContext) -> None:
        options = ctx.options
        self._ctx = ctx
        self._endpoints = endpoints_of(options.text("url"))
        self._tls = tls_of(options)
        if self._tls is not None:
            channel_credentials(self._tls)  # what can't work is an error now, not at the first connection
        self._codec = codec_named(options.text("compression"))
        self._most = options.integer("max.message.bytes")
        self._batch = options.integer("batch.size")
        self._seconds = options.integer("timeout.ms") / 1000
        self._acknowledged = options.flag("stream") and options.flag("ack")
        method = options.optional_text("method")
        self._method = None if method is None else method_of(method, options.optional_text("proto"))
        if self._method is None and options.optional_text("proto") is not None:
            raise ConfigError("the option proto needs method", key="proto")
        fixed = options.family(HEADERS)
        self._headers = {name: value for name, value in fixed.items() if HEADERS + name not in options.dynamic}
        self._numbers = count(1)
        self._left: list[Item] = []

    def validate_connectivity(self) -> None:
        for channel in self._connected():
            channel[1].close()

    def connect(self) -> None:
        channels = self._connected()
        service = self._ctx.options.text("service")
        self.interrupt()
        if self._method is not None:
            self._sender = MethodSender(channels, self._method, seconds=self._seconds)
        elif self._ctx.options.flag("stream"):
            streams = StreamSender(
                channels, service, self._ctx.deliveries, acknowledged=self._acknowledged, seconds=self._seconds
            )
            streams.wait_until_up()
            self._sender = streams
        else:
            self._sender = CallSender(channels, service, seconds=self._seconds)

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        headers = self._headers | {name.removeprefix(HEADERS): value for name, value in dynamic.items()}
        found = [_as_bytes(each) for each in payloads]
        too_long = next((index for index, each in enumerate(found) if len(each) > self._most - _ROOM), None)
        if too_long == 0:
            raise MappingError(f"message of {len(found[0])} bytes exceeds {self._most - _ROOM}", payload=found[0])
        before = found[:too_long]
        if self._method is not None or self._batch == 1 or len(before) == 1 or any(_LINE in each for each in before):
            self._send([self._item(each, lambda each=each: (each,), 1, b"", headers) for each in before])
        else:
            self._send(self._lines(before, headers))
        if too_long is not None:
            raise PublishError(f"message of {len(found[too_long])} bytes exceeds {self._most - _ROOM}", sent=too_long)

    def publish_block(self, block: bytes, payloads: int, delimiter: bytes) -> bool:
        if self._method is not None or payloads > self._batch or len(block) > self._most - _ROOM:
            return False
        self._send([self._item(block, lambda: block.split(delimiter)[:-1], payloads, delimiter, self._headers)])
        return True

    def flush(self) -> None:
        if self._sender is not None:
            self._sender.flush()

    def interrupt(self) -> None:
        if self._sender is not None:
            self._sender.interrupt()

    def disconnect(self) -> None:
        sender, self._sender = self._sender, None
        if sender is None:
            return
        for item in sender.close():
            for payload in item.payloads():
                error = ConnectionUnavailableError("the sink was disconnected before the message was acknowledged")
                self._ctx.deliveries.failed(item.receipt, payload, error)

    def figures(self) -> Sequence[Figure]:
        waiting = self._sender.messages if isinstance(self._sender, StreamSender) else 0
        return (Figure(name="grpc_unacknowledged", value=waiting),)

    def _connected(self) -> list[tuple[Endpoint, grpc.Channel]]:
        """Channels to all servers; one at least answers."""
        found: list[tuple[Endpoint, grpc.Channel]] = []
        for named in self._endpoints:
            addresses = addresses_of(named)
            name = named.host if len(addresses) > 1 else None
            found += [(each, open_channel(each, most_bytes=self._most, tls=self._tls, name=name)) for each in addresses]
        seconds = self._ctx.options.integer("connect.timeout.ms") / 1000
        problems: list[str] = []
        for endpoint, channel in found:
            try:
                check(channel, endpoint, self._ctx.app_name, seconds)
            except ConnectionUnavailableError as error:
                problems.append(error.message)
        if len(problems) == len(found):
            for _, channel in found:
                channel.close()
            raise ConnectionUnavailableError("; ".join(problems))
        return found

    def _send(self, items: Sequence[Item]) -> None:
        if self._sender is None:
            raise ConnectionUnavailableError("the sink is not connected")
        try:
            self._sender.send(items)
        except PublishError as error:
            error.sent = sum(len(item.payloads()) for item in items[: error.sent])
            raise

    def _lines(self, payloads: Sequence[bytes], headers: Mapping[str, str]) -> list[Item]:
        items: list[Item] = []
        for run in self._runs(payloads):
            block = _LINE.join(run) + _LINE
            items.append(self._item(block, lambda run=run: run, len(run), _LINE, headers))
        return items

    def _runs(self, payloads: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """Payloads in order, as many at a time as a message may hold."""
        start = size = 0
        for index, payload in enumerate(payloads):
            if index > start and (index - start == self._batch or size + len(payload) + 1 > self._most - _ROOM):
                yield payloads[start:index]
                start, size = index, 0
            size += len(payload) + 1
        yield payloads[start:]

    def _item(
        self, payload: bytes, payloads: object, number: int, delimiter: bytes, headers: Mapping[str, str]
    ) -> Item:
        own = {STREAM: self._ctx.stream}
        if delimiter:
            own[PAYLOADS], own[DELIMITER] = str(number), delimiter.decode()
        if self._acknowledged or not self._ctx.options.flag("stream"):
            own[ACK] = "true"
        message = Message(
            id=str(next(self._numbers)),
            payload=payload,
            headers={**own, **headers},
            timestamp=self._ctx.environment.wall_clock(),
            source_node=self._ctx.app_name,
            compression=self._codec,
        )
        return Item(encode(message), self._ctx.deliveries.receipt(), payloads)  # type: ignore[arg-type]


def _as_bytes(payload: Payload) -> bytes:
    match payload:
        case bytes():
            return payload
        case str():
            return payload.encode()
        case bytearray() | memoryview():
            return bytes(payload)
        case _:
            raise MappingError(
                f"gRPC takes bytes or texts, not {type(payload).__name__}", hint="give the sink a format such as json"
            )
