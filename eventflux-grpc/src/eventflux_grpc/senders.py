"""Ways of a sink's messages to servers: acknowledged streams, a call a message, a method of another service."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Final, Protocol

import grpc

from eventflux import ConnectionUnavailableError
from eventflux.extension import Deliveries, PublishError
from eventflux_grpc.endpoints import Endpoint
from eventflux_grpc.foreign import Method
from eventflux_grpc.lane import Item, Lane, LaneOwner
from eventflux_grpc.wire import ERROR, Stub, reason

_MOST_MESSAGES: Final = 256
_MOST_BYTES: Final = 64 * 1024 * 1024
_CLOSE_SECONDS: Final = 4.0
_OPEN_SECONDS: Final = 1.0

Channels = Sequence[tuple[Endpoint, grpc.Channel]]


class Sender(Protocol):
    """What a connected sink sends with."""

    def send(self, items: Sequence[Item]) -> None:
        """Send messages in order, or take them to be sent."""
        ...

    def flush(self) -> None:
        """Wait until what was taken has arrived."""
        ...

    def interrupt(self) -> None:
        """Whoever waits in `send` is to give up."""
        ...

    def close(self) -> list[Item]:
        """Close all channels; what has not arrived."""
        ...


class StreamSender(LaneOwner):
    """A stream to each server; messages go to those that can be reached, in turn."""

    def __init__(
        self, channels: Channels, service: str, deliveries: Deliveries, *, acknowledged: bool, seconds: float
    ) -> None:
        """Begin to open the streams.

        Args:
            channels: To the servers.
            service: Full name of the service.
            deliveries: Told what failed, and when no server can be reached.
            acknowledged: Whether messages are acknowledged.
            seconds: Longest wait for room, and for acknowledgements.
        """
        self._deliveries = deliveries
        self._seconds = seconds
        self._changed = threading.Condition()  # guards what stands below; lanes' locks are taken within it
        self._messages = self._bytes = 0  # taken, not arrived
        self._turn = 0
        self._is_interrupted = self._is_down = False
        self._error = "no stream is open yet"
        self._lanes: list[Lane] = []
        with self._changed:
            self._lanes += [
                Lane(endpoint, channel, service, self, acknowledged=acknowledged) for endpoint, channel in channels
            ]

    def wait_until_up(self) -> None:
        """Wait a little for the streams, so that all servers get their share from the first message on."""
        with self._changed:
            self._changed.wait_for(lambda: all(lane.is_up or lane.has_failed for lane in self._lanes), _OPEN_SECONDS)

    @property
    def messages(self) -> int:
        """How many are on their way."""
        return self._messages

    def send(self, items: Sequence[Item]) -> None:
        for sent, item in enumerate(items):
            size = len(item.message.payload)
            with self._changed:
                if not self._changed.wait_for(lambda: self._has_room(size), self._seconds) or self._is_interrupted:  # noqa: B023
                    raise _failed(f"no room within {self._seconds:g} s: {self._error}", sent)
                self._messages += 1
                self._bytes += size
                self._next().put(item)

    def flush(self) -> None:
        with self._changed:
            if self._changed.wait_for(lambda: self._messages == 0, self._seconds):
                return
            text = f"{self._messages} messages were not acknowledged within {self._seconds:g} s: {self._error}"
            if self._is_down:
                raise ConnectionUnavailableError(text)
            raise PublishError(text)

    def interrupt(self) -> None:
        with self._changed:
            self._is_interrupted = True
            self._changed.notify_all()

    def close(self) -> list[Item]:
        left: list[Item] = []
        deadline = time.monotonic() + _CLOSE_SECONDS
        for lane in self._lanes:
            left += lane.close(max(0.1, deadline - time.monotonic()))
        return left

    def done(self, item: Item) -> None:
        with self._changed:
            self._forget(item)

    def refused(self, item: Item, error: str) -> None:
        with self._changed:
            self._forget(item)
        for payload in item.payloads():
            self._deliveries.failed(item.receipt, payload, PublishError(f"the server refuses a message: {error}"))

    def down(self, lane: Lane, error: str) -> None:
        with self._changed:
            self._error = f"{lane.endpoint}: {error}"
            others = [each for each in self._lanes if each.is_up]
            if others:
                others[0].put_first(lane.take_all())
            is_new = not others and not self._is_down
            self._is_down = not others
            self._changed.notify_all()
        if is_new:
            self._deliveries.interrupted(ConnectionUnavailableError(f"grpc server {self._error}"))

    def up(self, lane: Lane) -> None:
        with self._changed:
            was_down, self._is_down = self._is_down, False
            if was_down:  # the others may hold what could not be sent
                for other in self._lanes:
                    if not other.is_up:
                        lane.put_first(other.take_all())
            self._changed.notify_all()
        if was_down:
            self._deliveries.restored()

    def _has_room(self, size: int) -> bool:
        if self._is_interrupted:
            return True
        return self._messages < _MOST_MESSAGES and (self._bytes + size <= _MOST_BYTES or not self._messages)

    def _next(self) -> Lane:
        up = [lane for lane in self._lanes if lane.is_up] or self._lanes
        self._turn += 1
        return up[self._turn % len(up)]

    def _forget(self, item: Item) -> None:
        self._messages -= 1
        self._bytes -= len(item.message.payload)
        self._changed.notify_all()


class CallSender:
    """A call a message; its answer is the acknowledgement. Servers take turns, one that fails is passed over."""

    def __init__(self, channels: Channels, service: str, *, seconds: float) -> None:
        self._channels = channels
        self._stubs = [(endpoint, Stub(channel, service)) for endpoint, channel in channels]
        self._seconds = seconds
        self._turn = 0

    def send(self, items: Sequence[Item]) -> None:
        for sent, item in enumerate(items):
            answer = self._answer(item, sent)
            if ERROR in answer.headers:
                raise PublishError(f"the server refuses a message: {answer.headers[ERROR]}", sent=sent)

    def flush(self) -> None:
        """Every answer has come."""

    def interrupt(self) -> None:
        """A call ends by itself."""

    def close(self) -> list[Item]:
        for _, channel in self._channels:
            channel.close()
        return []

    def _answer(self, item: Item, sent: int) -> Any:
        problems: list[str] = []
        for _ in self._stubs:
            endpoint, stub = self._stubs[self._turn % len(self._stubs)]
            self._turn += 1
            try:
                return stub.send_message(item.message, timeout=self._seconds)
            except grpc.RpcError as error:
                problems.append(f"grpc server {endpoint}: {reason(error)}")
                if not _is_away(error):
                    raise PublishError(problems[-1], sent=sent) from error
        raise _failed("; ".join(problems), sent)


class MethodSender:
    """A method of another service; each payload is one of its messages. What it answers is not looked at."""

    def __init__(self, channels: Channels, method: Method, *, seconds: float) -> None:
        self._channels = channels
        self._method = method
        self._seconds = seconds
        self._turn = 0

    def send(self, items: Sequence[Item]) -> None:
        payloads = [item.message.payload for item in items]
        if self._method.takes_stream:
            self._call(iter(payloads), 0)
            return
        for sent, payload in enumerate(payloads):
            self._call(payload, sent)

    def flush(self) -> None:
        """Every call has ended."""

    def interrupt(self) -> None:
        """A call ends by itself."""

    def close(self) -> list[Item]:
        for _, channel in self._channels:
            channel.close()
        return []

    def _call(self, request: Any, sent: int) -> None:
        endpoint, channel = self._channels[self._turn % len(self._channels)]
        self._turn += 1
        path = self._method.path
        calls: Any = channel  # bytes go as they are, without serializers, which the stubs ask for
        try:
            match self._method.takes_stream, self._method.gives_stream:
                case False, False:
                    calls.unary_unary(path)(request, timeout=self._seconds)
                case False, True:
                    for _ in calls.unary_stream(path)(request, timeout=self._seconds):
                        pass
                case True, False:
                    calls.stream_unary(path)(request, timeout=self._seconds)
                case _:
                    for _ in calls.stream_stream(path)(request, timeout=self._seconds):
                        pass
        except grpc.RpcError as error:
            text = f"grpc server {endpoint}: {reason(error)}"
            if _is_away(error):
                raise _failed(text, sent) from error
            raise PublishError(text, sent=sent) from error


def _is_away(error: grpc.RpcError) -> bool:
    return error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}


def _failed(text: str, sent: int) -> Exception:
    """The connection is lost; if some messages are out, how many."""
    return PublishError(text, sent=sent) if sent else ConnectionUnavailableError(text)
