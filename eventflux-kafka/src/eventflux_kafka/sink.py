"""``kafka`` sink: events as messages, handed to the client in batches and acknowledged at the latest by `flush`.

The client sends, repeats and keeps the order by itself (``enable.idempotence``); a message that it gives up
(``message.timeout.ms``, or a refusal) is told to the sink's error policy with its event. Only failures call back into
Python: what is delivered costs no callback.

A broker measures whole batches: one that is too large it refuses with all that is in it. Its messages are sent once
more, each alone, so that only those fail that are too large themselves.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from eventflux.extension import (
    ConfigError,
    ConnectionUnavailableError,
    Figure,
    Payload,
    PublishError,
    Receipt,
    Sink,
    SinkContext,
    Waiter,
    Worker,
)
from eventflux_kafka.client import BrokerWatch, check_properties, check_reachable, client_config, is_unreachable, made
from eventflux_kafka.client_log import CLIENT_LOGGER

_OWNED: Final = {
    "acks": "acks",
    "request.required.acks": "acks",
    "compression.type": "compression",
    "compression.codec": "compression",
    "linger.ms": "linger.ms",
    "queue.buffering.max.ms": "linger.ms",
    "batch.size": "batch.size",
    "enable.idempotence": "enable.idempotence",
    "message.timeout.ms": "message.timeout.ms",
    "delivery.timeout.ms": "message.timeout.ms",
}
_HEADERS: Final = "headers."
_POLL_SECONDS: Final = 0.2
_ROOM_SECONDS: Final = 0.05
_STOP_SECONDS: Final = 5.0

Report = Callable[[KafkaError | None, Message], None]
Headers = list[tuple[str, bytes]] | None


class KafkaSink(Sink):
    """Writes one topic, or the topic that each event names."""

    takes_each: ClassVar[bool] = True

    def configure(self, ctx: SinkContext) -> None:
        options = ctx.options
        self._ctx = ctx
        self._is_dynamic = options.dynamic
        self._topic = options.text("topic")
        self._key = self._fixed("key")
        self._partition = self._fixed_partition()
        self._headers = [
            (name, text.encode())
            for name, text in options.family(_HEADERS).items()
            if f"{_HEADERS}{name}" not in options.dynamic
        ]
        self._header_names = [name for name in sorted(options.dynamic) if name.startswith(_HEADERS)]
        self._is_sync = options.flag("delivery.sync")
        self._waits_for_room = options.text("queue.full.strategy") == "block"
        self._flush_seconds = options.integer("flush.timeout.ms") / 1000.0
        self._config = {**client_config(options, _OWNED), **self._producer_config()}
        check_properties(options, lambda: Producer({**self._config, "logger": CLIENT_LOGGER}))
        self._producer: Producer | None = None
        self._watch = BrokerWatch(ctx.deliveries.interrupted, ctx.deliveries.restored)
        self._stopping: Waiter = ctx.environment.waiter()
        self._worker: Worker | None = None
        self._alone: deque[tuple[Receipt, Headers, Message]] = (
            deque()
        )  # what is to be sent alone; appended to on any thread
        self._alone_lock = threading.Lock()  # held by the thread that does so

    def validate_connectivity(self) -> None:
        topics = [] if "topic" in self._is_dynamic else [self._topic]
        check_reachable(self._config, topics, self._ctx.environment)

    def connect(self) -> None:
        self._close()
        self._watch = BrokerWatch(self._ctx.deliveries.interrupted, self._ctx.deliveries.restored)
        self._producer = made(lambda: Producer({**self._config, **self._watch.config()}))
        self._stopping.clear()
        name = f"eventflux-{self._ctx.app_name}-sink-{self._ctx.stream}"
        self._worker = self._ctx.environment.start_thread(self._poll, name=name)

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        self.publish_each(payloads, {name: [value] * len(payloads) for name, value in dynamic.items()})

    def publish_each(self, payloads: Sequence[Payload], dynamic: Mapping[str, Sequence[str | None]]) -> None:
        producer = self._producer
        if producer is None or self._watch.fatal is not None:
            raise ConnectionUnavailableError(
                "the producer is closed" if self._watch.fatal is None else self._watch.fatal.str()
            )
        self._send_alone(producer)
        receipt = self._ctx.deliveries.receipt()
        more = [(name, value.encode()) for name, value in self._ctx.more_headers().items()]
        if set(dynamic) <= {"key"} and not self._headers and not more:
            self._produce_plain(producer, payloads, dynamic.get("key"), partial(self._reported, receipt, None))
        else:
            for index, payload in enumerate(payloads):
                self._produce(producer, payload, index, dynamic, receipt, more)
        producer.poll(0)
        if self._is_sync:
            while producer.flush(_POLL_SECONDS) and not self._stopping.is_set():
                pass

    def flush(self) -> None:
        producer = self._producer
        if producer is None:
            return
        waiting = producer.flush(self._flush_seconds)
        if not waiting:
            self._send_alone(producer)
            waiting = producer.flush(self._flush_seconds)
        if waiting:
            message = f"{waiting} messages are not acknowledged within {self._flush_seconds:g} s"
            if self._watch.is_down:
                raise ConnectionUnavailableError(f"{message}: no broker can be reached")
            raise PublishError(message)

    def disconnect(self) -> None:
        self._close()

    def figures(self) -> Sequence[Figure]:
        producer = self._producer
        return () if producer is None else (Figure(name="kafka_messages_waiting", value=len(producer)),)

    # ---- messages ----

    def _produce_plain(
        self, producer: Producer, payloads: Sequence[Payload], keys: Sequence[str | None] | None, report: Report
    ) -> None:
        """As `_produce`, where payloads differ at most in their keys."""
        topic, key, partition = self._topic, self._key, self._partition
        more = {} if partition is None else {"partition": partition}
        produce = producer.produce
        sent = 0
        while True:
            try:
                if keys is None:
                    for payload in payloads[sent:] if sent else payloads:
                        produce(topic, payload, key, on_delivery=report, **more)  # type: ignore[arg-type]
                        sent += 1
                else:
                    for payload, own in zip(payloads[sent:], keys[sent:], strict=True):
                        produce(topic, payload, own, on_delivery=report, **more)  # type: ignore[arg-type]
                        sent += 1
            except BufferError as error:
                self._wait_for_room(producer, sent, error)
            except (KafkaException, TypeError, ValueError) as error:
                raise PublishError(_why(error), sent=sent) from error
            else:
                return

    def _produce(
        self,
        producer: Producer,
        payload: Payload,
        index: int,
        dynamic: Mapping[str, Sequence[str | None]],
        receipt: Receipt,
        more_headers: Sequence[tuple[str, bytes]],
    ) -> None:
        """Hand one message to the client, with whatever it has of its own."""
        topic = dynamic["topic"][index] if "topic" in dynamic else self._topic
        key = dynamic["key"][index] if "key" in dynamic else self._key
        message: dict[str, Any] = {"key": key}
        partition = self._partition
        if "partition" in dynamic:
            partition = _partition_number(dynamic["partition"][index], index)
        if partition is not None:
            message["partition"] = partition
        headers = [*self._headers, *more_headers]
        for name in self._header_names:
            value = dynamic[name][index]
            headers.append((name[len(_HEADERS) :], b"" if value is None else value.encode()))
        if headers:
            message["headers"] = headers
        message["on_delivery"] = partial(self._reported, receipt, headers or None)
        if not topic:
            raise PublishError("the topic of the event is null or empty", sent=index)
        while True:
            try:
                producer.produce(topic, payload, **message)  # type: ignore[arg-type]
            except BufferError as error:
                self._wait_for_room(producer, index, error)
            except (KafkaException, TypeError, ValueError) as error:
                raise PublishError(_why(error), sent=index) from error
            else:
                return

    def _wait_for_room(self, producer: Producer, sent: int, error: BufferError) -> None:
        if not self._waits_for_room or self._stopping.is_set():
            raise PublishError("the client's queue is full", sent=sent) from error
        producer.poll(_ROOM_SECONDS)

    def _reported(self, receipt: Receipt, headers: Headers, error: KafkaError | None, message: Message) -> None:
        """The client has given a message up; those that it has delivered are not told."""
        if error is None:
            return
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            self._alone.append((receipt, headers, message))  # the client gives a message back without its headers
            return
        self._failed(receipt, error, message)

    def _failed(self, receipt: Receipt, error: KafkaError | None, message: Message) -> None:
        if error is None:
            return
        why = f"topic {message.topic()}: {error.str()}"
        if error.code() == KafkaError._MSG_TIMED_OUT and self._watch.reason is not None:  # noqa: SLF001 - its name
            why = f"{why} ({self._watch.reason.str()})"
        failure = ConnectionUnavailableError(why) if is_unreachable(error) else PublishError(why)
        self._ctx.deliveries.failed(receipt, message.value(), failure)

    def _send_alone(self, producer: Producer) -> None:
        """Send again, one by one, what was refused with its batch."""
        while self._alone and self._alone_lock.acquire(blocking=False):
            try:
                producer.flush(self._flush_seconds)  # nothing else may stand in the batch
                receipt, headers, message = self._alone.popleft()
                more: dict[str, Any] = {} if headers is None else {"headers": headers}
                partition = message.partition()
                if partition is not None:
                    more["partition"] = partition
                report = partial(self._failed, receipt)
                producer.produce(message.topic() or "", message.value(), message.key(), on_delivery=report, **more)
                producer.flush(self._flush_seconds)
            finally:
                self._alone_lock.release()

    # ---- the client ----

    def _poll(self) -> None:
        """Serve the client's callbacks while nothing is published."""
        producer = self._producer
        while producer is not None and not self._stopping.wait(_POLL_SECONDS):
            producer.poll(0)
            self._send_alone(producer)

    def _close(self) -> None:
        self._stopping.set()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.join(_STOP_SECONDS)
        producer, self._producer = self._producer, None
        if producer is not None and len(producer):
            # What is still waiting is given up, and told, before the client goes.
            producer.purge()
            producer.flush(1.0)

    def _producer_config(self) -> dict[str, Any]:
        options = self._ctx.options
        acks = options.text("acks")
        is_idempotent = options.flag("enable.idempotence")
        if is_idempotent and acks != "all":
            if "enable.idempotence" in options.given:
                raise ConfigError(f"enable.idempotence needs acks 'all', not {acks!r}", key="enable.idempotence")
            is_idempotent = False
        config: dict[str, Any] = {
            "acks": acks,
            "compression.type": options.text("compression"),
            "linger.ms": options.integer("linger.ms"),
            "enable.idempotence": is_idempotent,
            "message.timeout.ms": options.integer("message.timeout.ms"),
            "delivery.report.only.error": True,
        }
        size = options.optional_integer("batch.size")
        if size is not None:
            config["batch.size"] = size
        return config

    def _fixed(self, name: str) -> str | None:
        return None if name in self._is_dynamic else self._ctx.options.optional_text(name)

    def _fixed_partition(self) -> int | None:
        text = self._fixed("partition")
        if text is None:
            return None
        if not text.isdecimal():
            raise ConfigError("partition must be a number or a template", key="partition", value=text)
        return int(text)


def _partition_number(text: str | None, index: int) -> int | None:
    if text is None:
        return None
    if not text.isdecimal():
        raise PublishError(f"{text!r} is no partition", sent=index)
    return int(text)


def _why(error: Exception) -> str:
    first = error.args[0] if error.args else error
    return first.str() if isinstance(first, KafkaError) else str(first)
