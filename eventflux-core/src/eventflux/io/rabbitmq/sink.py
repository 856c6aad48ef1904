"""``rabbitmq`` sink: a message an event.

The messages of a batch go out one behind the other; then the server's confirmations are awaited, which come for many at
a time. A batch of which one was refused, or whose confirmation was lost, is sent again from there on: at least once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import amqp

from eventflux.extension.kinds.rows import Payload
from eventflux.extension.kinds.sink import PublishError, Sink
from eventflux.extension.kinds.source import SinkContext
from eventflux.io.http.sink import CONTENT_TYPES
from eventflux.io.rabbitmq.link import WAITING, RabbitLink, shut
from eventflux.types.errors import ConnectionUnavailableError

_HEADERS: Final = "headers."
_DURABLE: Final = 2


class RabbitSink(Sink):
    """One exchange, on one connection."""

    takes_each: ClassVar[bool] = True
    _connection: Any = None
    _channel: Any = None

    def configure(self, ctx: SinkContext) -> None:
        options = ctx.options
        self._link = RabbitLink(ctx)
        self._more_headers = ctx.more_headers
        self._exchange = options.text("exchange")
        self._key = options.text("routing.key")
        self._headers = {
            name: value for name, value in options.family(_HEADERS).items() if _HEADERS + name not in options.dynamic
        }
        self._mandatory = options.flag("mandatory")
        self._declares = options.text("exchange.type") if options.flag("declare.exchange") else None
        self._confirms = options.flag("confirm")
        self._seconds = options.integer("confirm.timeout.ms") / 1000
        self._properties: dict[str, object] = {
            "content_type": options.optional_text("content.type")
            or CONTENT_TYPES.get(ctx.format, "application/octet-stream"),
        }
        if options.flag("persistent"):
            self._properties["delivery_mode"] = _DURABLE
        self._reset()

    def _reset(self) -> None:
        self._number = 0  # of the last message on this channel
        self._confirmed = 0  # all up to this one
        self._apart: set[int] = set()  # behind that, confirmed alone
        self._refused: set[int] = set()
        self._returned = ""

    def validate_connectivity(self) -> None:
        self._link.check()

    def connect(self) -> None:
        self.disconnect()
        self._connection = self._link.open()
        with self._link.reachable():
            self._channel = channel = self._connection.channel()
            if self._declares is not None:
                channel.exchange_declare(self._exchange, self._declares, durable=True, auto_delete=False)
            elif self._exchange:
                channel.exchange_declare(self._exchange, "direct", passive=True)
            self._reset()
            if self._confirms:
                channel.confirm_select()
                channel.events["basic_ack"].add(self._acknowledged)
                channel.events["basic_nack"].add(self._refuse)
            channel.events["basic_return"].add(self._return)

    def disconnect(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            shut(connection)

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        self.publish_each(payloads, {name: [value] * len(payloads) for name, value in dynamic.items()})

    def publish_each(self, payloads: Sequence[Payload], dynamic: Mapping[str, Sequence[str | None]]) -> None:
        if self._channel is None:
            raise ConnectionUnavailableError(f"{self._link.place} is not connected")
        before = self._number
        try:
            with self._link.reachable():
                for index, payload in enumerate(payloads):
                    self._send(payload, {name: values[index] for name, values in dynamic.items()})
                    if self._mandatory:  # what is returned can't be told apart from others under way
                        self._wait(before)
                self._wait(before)
        except ConnectionUnavailableError as lost:
            sent = self._confirmed - before if self._confirms else 0
            self.disconnect()
            if sent > 0:
                raise PublishError(str(lost), sent=sent) from lost
            raise

    def _send(self, payload: Payload, dynamic: Mapping[str, str | None]) -> None:
        headers: dict[str, object] = {**self._headers, **self._more_headers()}
        for name, value in dynamic.items():
            if name.startswith(_HEADERS) and value is not None:
                headers[name.removeprefix(_HEADERS)] = value
        body = payload if isinstance(payload, (bytes, str)) else bytes(payload)  # type: ignore[call-overload]
        message = amqp.Message(body, **self._properties, **({"application_headers": headers} if headers else {}))
        key = dynamic.get("routing.key", self._key) or ""
        self._number += 1
        self._channel.basic_publish(message, exchange=self._exchange, routing_key=key, mandatory=self._mandatory)

    def _wait(self, before: int) -> None:
        """Until all messages are confirmed.

        Raises:
            PublishError: One was refused, or nobody has taken it.
        """
        until = time.monotonic() + self._seconds
        while self._confirms and self._confirmed < self._number:
            if self._refused:
                first = min(self._refused)
                self._refused.clear()
                self._give_up()
                raise PublishError(f"{self._link.place} refused a message", sent=first - 1 - before)
            if time.monotonic() >= until:
                raise ConnectionUnavailableError(f"{self._link.place}: no confirmation in time")
            try:
                self._connection.drain_events(timeout=min(1.0, self._seconds))
            except WAITING:
                continue
        if self._returned:
            reason, self._returned = self._returned, ""
            raise PublishError(f"{self._link.place}: {reason}", sent=self._number - 1 - before)

    def _give_up(self) -> None:
        """What is under way is sent again on another channel, so that its confirmations are not mixed up."""
        self.disconnect()
        self.connect()

    def _acknowledged(self, number: int, multiple: bool) -> None:  # noqa: FBT001 - the library's
        if multiple:
            self._confirmed = max(self._confirmed, number)
            self._apart = {each for each in self._apart if each > number}
        else:
            self._apart.add(number)
        while self._confirmed + 1 in self._apart:
            self._confirmed += 1
            self._apart.discard(self._confirmed)

    def _refuse(self, number: int, multiple: bool) -> None:  # noqa: FBT001 - the library's
        self._refused.add(self._confirmed + 1 if multiple else number)

    def _return(self, error: Exception, *_details: object) -> None:
        self._returned = f"no queue takes the message: {getattr(error, 'reply_text', error)}"
