"""``rabbitmq`` source: the messages of a queue.

A message stays with the server until it is acknowledged, and that happens when what came of it is secured: a checkpoint
that holds it is durable, or, without checkpoints, the sinks have acknowledged. The position in a checkpoint is the
connection and the number of the last message on it. It means nothing to another connection: what was not acknowledged
comes again there, at least once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from eventflux.extension.environment import Waiter
from eventflux.extension.kinds.figure import Figure
from eventflux.extension.kinds.rows import State
from eventflux.extension.kinds.source import MessageBatch, SourceContext
from eventflux.extension.kinds.threaded_source import ThreadedSource
from eventflux.io.rabbitmq.link import WAITING, RabbitLink, shut

_WAIT_SECONDS: Final = 0.1
_SECURE_SECONDS: Final = 0.1
_PREFETCH: Final = 256
_BATCH: Final = 1000


class RabbitSource(ThreadedSource):
    """One queue, on one connection."""

    _connection: Any = None
    _channel: Any = None

    def configure(self, ctx: SourceContext) -> None:
        super().configure(ctx)
        options = ctx.options
        self._link = RabbitLink(ctx)
        self._queue = options.text("queue")
        self._declares = options.flag("declare.queue")
        self._acknowledges = not options.flag("auto.ack")
        self._prefetch = options.optional_integer("prefetch")
        self._tag = options.optional_text("consumer.tag") or ""
        self._lock = threading.Lock()  # guards what stands below
        self._epoch = 0  # connections so far
        self._entered = 0  # number of the last message that has entered, on this connection
        self._secured = 0  # the same of those that are secured
        self._acknowledged = 0

    def validate_connectivity(self) -> None:
        self._link.check()

    def open(self) -> None:
        self._shut()
        self._connection = self._link.open()
        with self._link.reachable():
            self._channel = self._connection.channel()
            if self._declares:
                self._channel.queue_declare(self._queue, durable=True, auto_delete=False)
            prefetch = self._prefetch
            if prefetch is None:
                prefetch = 0 if self.on_data.is_checkpointed else _PREFETCH
            self._bound = prefetch
            self._channel.basic_qos(0, prefetch, False)  # noqa: FBT003 - the library's order
        with self._lock:
            self._epoch += 1
            self._entered = self._secured = self._acknowledged = 0

    def run(self, stopping: Waiter) -> None:
        arrived: list[Any] = []
        secure_at = 0.0
        with self._link.reachable():
            self._channel.basic_consume(
                self._queue, consumer_tag=self._tag, no_ack=not self._acknowledges, callback=arrived.append
            )
        while self.paused(stopping):
            with self._link.reachable():
                is_idle = not self._receive(arrived)
                self._acknowledge()
            if arrived:
                batch, arrived[:] = arrived[:], []
                self._deliver(batch)
            is_full = self._bound and self._open() * 2 >= self._bound
            if self._open() and (is_idle or is_full or time.monotonic() >= secure_at):
                secure_at = time.monotonic() + _SECURE_SECONDS
                self.on_data.secure()
                with self._link.reachable():
                    self._acknowledge()
        if self._open():
            self.on_data.secure()
            with self._link.reachable():
                self._acknowledge()

    def close(self) -> None:
        # What a last checkpoint holds is acknowledged when it is durable: `committed`.
        if not (self._stopping.is_set() and self.on_data.is_checkpointed and self._open()):
            self._shut()

    def destroy(self) -> None:
        self._shut()

    def save(self) -> State:
        with self._lock:
            return f"{self._epoch}:{self._entered}".encode()

    def load(self, state: State) -> None:
        """Nothing to go back to: what was not acknowledged comes again."""

    def committed(self, state: State) -> None:
        epoch, _, number = (state or b"0:0").partition(b":")
        with self._lock:
            if int(epoch) == self._epoch:
                self._secured = max(self._secured, int(number))
        worker = self._worker
        if worker is None or not worker.is_alive():  # nobody uses the connection any more
            with self._link.reachable():
                self._acknowledge()
            self._shut()

    def figures(self) -> tuple[Figure, ...]:
        return (Figure(name="rabbitmq_unacknowledged", value=self._open(), labels={"queue": self._queue}),)

    def _open(self) -> int:
        """How many messages have entered and are not acknowledged."""
        with self._lock:
            return self._entered - self._acknowledged if self._acknowledges else 0

    def _receive(self, arrived: list[Any]) -> bool:
        """Take what has come, after waiting for something for a while; whether something has."""
        try:
            self._connection.drain_events(timeout=_WAIT_SECONDS)
            while len(arrived) < _BATCH:
                self._connection.drain_events(timeout=0.0001)  # 0 would mean for ever
        except WAITING:
            pass
        return bool(arrived)

    def _deliver(self, messages: list[Any]) -> None:
        last = messages[-1].delivery_info["delivery_tag"]

        def accepted() -> None:
            with self._lock:
                self._entered = last

        self.on_data.messages(
            MessageBatch(
                payloads=[_bytes(message.body) for message in messages],
                name=f"queue {self._queue}",
                properties=lambda index: _properties(messages[index]),
            ),
            accepted,
        )

    def _acknowledge(self) -> None:
        with self._lock:
            secured = self._secured
            if secured <= self._acknowledged or not self._acknowledges:
                return
        self._channel.basic_ack(secured, multiple=True)
        with self._lock:
            self._acknowledged = secured

    def _shut(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            shut(connection)


def _bytes(body: bytes | str | memoryview) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)


def _properties(message: Any) -> Mapping[str, object]:
    info = message.delivery_info
    found: dict[str, object] = {
        "routing_key": info.get("routing_key"),
        "exchange": info.get("exchange"),
        "redelivered": info.get("redelivered"),
    }
    properties = message.properties
    for name in ("message_id", "correlation_id", "content_type", "type", "app_id"):
        if properties.get(name) is not None:
            found[name] = properties[name]
    if properties.get("timestamp") is not None:
        found["timestamp"] = (
            int(properties["timestamp"].timestamp() * 1000)
            if hasattr(properties["timestamp"], "timestamp")
            else int(properties["timestamp"]) * 1000
        )
    for name, value in (properties.get("application_headers") or {}).items():
        found[f"header.{name}"] = value
    return found
