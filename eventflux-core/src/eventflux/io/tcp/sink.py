"""The ``tcp`` sink: sends events to ``tcp`` sources, many in a message where the format can."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Final, cast

from eventflux.extension.kinds.figure import Figure
from eventflux.extension.kinds.rows import EventLike, Payload
from eventflux.extension.kinds.sink import PublishError, Sink
from eventflux.extension.kinds.source import SinkContext
from eventflux.io.http.client import check_url, parse_url
from eventflux.io.net.payload_compression import payload_codec
from eventflux.io.net.socket_reader import deadline_in
from eventflux.io.net.tls import client_context
from eventflux.io.tcp.frames import DELIMITER, EVENTS, PAYLOADS, STREAM, Frame, MessageType, encode_frame, pack_events
from eventflux.io.tcp.link import Link, LinkSettings

_HEAD_BYTES: Final = 512  # of a message beside its payload
_DEFAULT_PORT: Final = 9892


class TcpSink(Sink):
    """Sends to one address, or to the one that each event names."""

    takes_any_delimiter = True

    def configure(self, ctx: SinkContext) -> None:
        options = ctx.options
        self._environment = ctx.environment
        self._deliveries = ctx.deliveries
        self._stream = ctx.stream
        self._url = options.text("url")
        self._has_one_url = "url" not in options.dynamic
        if self._has_one_url:
            check_url(self._url, "tcp")
        self._pool_size = options.integer("pool.size")
        self._write_seconds = options.integer("write.timeout.ms") / 1000.0
        self._acknowledged = options.flag("ack")
        self._codec = payload_codec(options.text("compression"))
        files = [options.optional_text(name) for name in ("tls.ca", "tls.cert", "tls.key")]
        uses_tls = options.flag("tls.enabled") or any(files)
        self._settings = LinkSettings(
            app=ctx.app_name,
            connect_seconds=options.integer("connect.timeout.ms") / 1000.0,
            write_seconds=self._write_seconds,
            keepalive_seconds=options.integer("keepalive.interval.secs") if options.flag("keepalive") else None,
            no_delay=options.flag("nodelay"),
            acknowledged=self._acknowledged,
            tls=client_context(*files) if uses_tls else None,
            server_name=options.optional_text("tls.server.name"),
        )
        self._links: dict[str, list[Link]] = {}
        self._turns = itertools.count()

    def validate_connectivity(self) -> None:
        if self._has_one_url:
            probe = Link(*_address(self._url), self._settings, self._environment, self._deliveries)
            try:
                probe.open()
            finally:
                probe.close()

    def connect(self) -> None:
        if self._has_one_url:
            for link in self._pool(self._url):
                link.open()

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        link = self._link(dynamic.get("url", self._url))
        frames: list[tuple[str, bytes]] = []
        for index, payload in enumerate(payloads):
            headers = {STREAM: self._stream}
            if isinstance(payload, bytes):
                data = payload
            else:
                data, headers[EVENTS] = pack_events([cast("EventLike", payload)]), "1"
            frame = self._frame(link, data, headers)
            if frame is None:
                if frames:
                    link.send(frames)
                raise PublishError(f"a message of {len(data)} bytes exceeds {link.most_bytes}", sent=index)
            frames.append(frame)
        link.send(frames)

    def publish_block(self, block: bytes, payloads: int, delimiter: bytes) -> bool:
        if not self._has_one_url:
            return False
        link = self._link(self._url)
        headers = {STREAM: self._stream, PAYLOADS: str(payloads), DELIMITER: delimiter.decode()}
        frame = self._frame(link, block, headers)
        if frame is None:
            return False
        link.send([frame])
        return True

    def flush(self) -> None:
        if not self._acknowledged:
            return
        deadline = deadline_in(self._write_seconds)
        for link in itertools.chain.from_iterable(self._links.values()):
            if not link.flush(deadline):
                raise PublishError(f"{link.unacknowledged} messages to {link.name} are not acknowledged")

    def disconnect(self) -> None:
        links = list(itertools.chain.from_iterable(self._links.values()))
        self._links.clear()
        for link in links:
            link.close()

    def figures(self) -> Sequence[Figure]:
        links = list(itertools.chain.from_iterable(self._links.values()))
        return (Figure(name="tcp_unacknowledged", value=sum(link.unacknowledged for link in links)),)

    def _frame(self, link: Link, data: bytes, headers: Mapping[str, str]) -> tuple[str, bytes] | None:
        """A message with its id; None: it is longer than the other side takes."""
        compression = 0
        if self._codec is not None:
            data, compression = self._codec.compress(data), self._codec.number
        if not link.most_bytes:
            link.open()
        if len(data) + _HEAD_BYTES > link.most_bytes:
            return None
        number = link.next_id()
        frame = Frame(id=number, message_type=MessageType.EVENT, payload=data, headers=headers, compression=compression)
        return number, encode_frame(frame)

    def _link(self, url: str) -> Link:
        pool = self._pool(url)
        return pool[next(self._turns) % len(pool)]

    def _pool(self, url: str) -> list[Link]:
        pool = self._links.get(url)
        if pool is None:
            try:
                host, port = _address(url)
            except ValueError as error:
                raise PublishError(f"url {error}") from error
            pool = [
                Link(host, port, self._settings, self._environment, self._deliveries) for _ in range(self._pool_size)
            ]
            self._links[url] = pool
        return pool


def _address(url: str) -> tuple[str, int]:
    """Host and port; ValueError says what the URL must be."""
    parts = parse_url(url, "tcp")
    return parts.hostname or "", parts.port or _DEFAULT_PORT
