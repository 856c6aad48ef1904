"""``redis-pubsub``: messages of channels, to whoever listens at that moment. At most once: nothing is kept anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from eventflux.extension import (
    ConnectionUnavailableError,
    MessageBatch,
    Payload,
    PublishError,
    Sink,
    SinkContext,
    SourceContext,
    ThreadedSource,
    Waiter,
)
from eventflux_redis.options import as_bytes, link_of, reachable

_AT_ONCE: Final = 1000
_POLL_SECONDS: Final = 0.1


class RedisPubSubSource(ThreadedSource):
    """Delivers what is there together. While it is paused, messages wait in the server, up to its limit."""

    _subscription: Any = None

    def configure(self, ctx: SourceContext) -> None:
        super().configure(ctx)
        self._channel = ctx.options.text("channel")
        self._link = link_of(ctx.options, 2)

    def validate_connectivity(self) -> None:
        with reachable(self._link):
            self._link.ping()

    def open(self) -> None:
        with reachable(self._link):
            self._subscription = self._link.call("subscribe", self._subscribe)

    def run(self, stopping: Waiter) -> None:
        while self.paused(stopping):
            with reachable(self._link):
                messages = self._received()
            if not messages:
                continue

            def properties(index: int) -> Mapping[str, object]:
                return {"channel": messages[index][0].decode(errors="replace")}  # noqa: B023 - read before the next ones

            payloads = [payload for _, payload in messages]
            self.on_data.messages(
                MessageBatch(payloads=payloads, name=f"redis channel {self._channel}", properties=properties)
            )

    def close(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.close()
        self._link.close()

    def _subscribe(self, client: Any) -> Any:
        subscription = client.pubsub()
        if "*" in self._channel:
            subscription.psubscribe(self._channel)
        else:
            subscription.subscribe(self._channel)
        # The server's answer: from here on nothing is missed.
        if (
            subscription.parse_response(block=True, timeout=self.ctx.options.integer("connect.timeout.ms") / 1000)
            is None
        ):
            subscription.close()
            raise ConnectionUnavailableError(f"redis channel {self._channel}: the server does not answer")
        return subscription

    def _received(self) -> list[tuple[bytes, bytes]]:
        """What is there, after waiting a little for the first message."""
        found: list[tuple[bytes, bytes]] = []
        timeout = _POLL_SECONDS
        while len(found) < _AT_ONCE:
            message = self._subscription.parse_response(block=False, timeout=timeout)
            if message is None:
                break
            timeout = 0.0
            if message[0] in {b"message", b"pmessage"}:
                found.append((message[-2], message[-1]))
        return found


class RedisPubSubSink(Sink):
    """Publishes a chunk in one round trip."""

    def configure(self, ctx: SinkContext) -> None:
        self._channel = ctx.options.text("channel")
        self._link = link_of(ctx.options, 2)

    def validate_connectivity(self) -> None:
        with reachable(self._link):
            self._link.ping()

    def connect(self) -> None:
        with reachable(self._link):
            self._link.ping()

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        self._publish(dynamic.get("channel", self._channel), as_bytes(payloads))

    def publish_block(self, block: bytes, payloads: int, delimiter: bytes) -> bool:
        found = block.split(delimiter)
        found.pop()  # behind the last delimiter
        if len(found) != payloads:
            return False
        self._publish(self._channel, found)
        return True

    def disconnect(self) -> None:
        self._link.close()

    def _publish(self, channel: str, payloads: list[bytes]) -> None:
        def publish(client: Any) -> None:
            pipeline = client.pipeline(transaction=False)
            for payload in payloads[start : start + _AT_ONCE]:
                pipeline.publish(channel, payload)
            pipeline.execute()

        for start in range(0, len(payloads), _AT_ONCE):
            try:
                with reachable(self._link):
                    self._link.call("publish", publish)
            except ConnectionUnavailableError as lost:
                if not start:
                    raise
                raise PublishError(str(lost), sent=start) from lost
