"""A stream of messages to one server, opened again whenever it breaks.

    put ──> queue ──> on their way (until acknowledged) ──> done
               ^____________________|  the stream broke

What was not acknowledged when a stream breaks goes first on the next one, or to another server that can be reached.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc

from eventflux.extension import Payload, Receipt
from eventflux_grpc import transport_pb2 as pb
from eventflux_grpc.endpoints import Endpoint
from eventflux_grpc.wire import ERROR, IN_REPLY_TO, Stub, reason

_FIRST_WAIT: Final = 0.1
_LONGEST_WAIT: Final = 5.0
_REFUSALS: Final = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.UNIMPLEMENTED,
}
"""What would come again with the same message."""

logger = logging.getLogger("eventflux.grpc")


@dataclass(frozen=True, slots=True)
class Item:
    """A message and what it was made of."""

    message: pb.TransportMessage
    receipt: Receipt
    payloads: Callable[[], Sequence[Payload]]


class LaneOwner:
    """Whom lanes tell: what was given to them is acknowledged, refused, or must go another way."""

    def done(self, item: Item) -> None:
        """It has arrived, or left if nobody acknowledges."""
        raise NotImplementedError

    def refused(self, item: Item, error: str) -> None:
        """The server can't handle it, now or later."""
        raise NotImplementedError

    def down(self, lane: Lane, error: str) -> None:
        """The stream broke, or could not be opened."""
        raise NotImplementedError

    def up(self, lane: Lane) -> None:
        """There is a stream."""
        raise NotImplementedError


class Lane:
    """One server."""

    def __init__(
        self, endpoint: Endpoint, channel: grpc.Channel, service: str, owner: LaneOwner, *, acknowledged: bool
    ) -> None:
        """Begin to open a stream.

        Args:
            endpoint: The server.
            channel: To it; closed with the lane.
            service: Full name of the service.
            owner: Told what happens.
            acknowledged: Whether the server acknowledges each message.
        """
        self.endpoint = endpoint
        self.is_up = False
        self.has_failed = False  # at least once
        self._stub = Stub(channel, service)
        self._channel = channel
        self._owner = owner
        self._acknowledged = acknowledged
        self._changed = threading.Condition()  # guards all below
        self._queue: deque[Item] = deque()
        self._sent: OrderedDict[str, Item] = OrderedDict()
        self._stream = 0  # number of the present one
        self._ends = False
        self._call: Any = None
        self._thread = threading.Thread(target=self._run, name=f"eventflux-grpc-{endpoint}", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Send a message behind the others."""
        with self._changed:
            self._queue.append(item)
            self._changed.notify_all()

    def put_first(self, items: Sequence[Item]) -> None:
        """Send messages before the others."""
        with self._changed:
            self._queue.extendleft(reversed(items))
            self._changed.notify_all()

    def take_all(self) -> list[Item]:
        """Everything that has not arrived, in order; it is forgotten here."""
        with self._changed:
            items = [*self._sent.values(), *self._queue]
            self._sent.clear()
            self._queue.clear()
        return items

    def close(self, seconds: float) -> list[Item]:
        """End the stream, within so many seconds; what has not arrived by then."""
        with self._changed:
            self._ends = True
            self._changed.notify_all()
        self._thread.join(seconds)
        if self._thread.is_alive():
            with self._changed:
                self._stream += 1
                call = self._call
                self._changed.notify_all()
            if call is not None:
                call.cancel()
            self._thread.join(1.0)
        self._channel.close()
        return self.take_all()

    def _run(self) -> None:
        wait = _FIRST_WAIT
        while True:
            with self._changed:
                if self._ends and not self._queue and not self._sent:
                    return
                self._stream += 1
                number = self._stream
                self._queue.extendleft(reversed(self._sent.values()))
                self._sent.clear()
            error = self._one_stream(number)
            if error is None:
                return
            refusal = error.code() in _REFUSALS
            wait = _FIRST_WAIT if self.is_up else min(wait * 2, _LONGEST_WAIT)
            self.is_up, self.has_failed = False, True
            if refusal:
                self._refuse(reason(error))
            self._owner.down(self, reason(error))
            with self._changed:
                if self._changed.wait_for(lambda: self._ends, wait):
                    return

    def _one_stream(self, number: int) -> Any:
        """Send and take answers until the stream ends; the error that ended it, None if we did."""
        call = self._call = self._stub.stream_messages(self._requests(number))
        try:
            call.initial_metadata()  # comes as soon as the server has taken the call
            self.is_up = call.is_active()
            if self.is_up:
                self._owner.up(self)
            for answer in call:
                self._answered(answer)
        except grpc.RpcError as error:
            ended = call.code() is grpc.StatusCode.CANCELLED and self._ends
            return None if ended else error
        finally:
            with self._changed:
                self._stream += 1  # lets the iterator of requests end
                self._changed.notify_all()
        return None if self._ends else _Ended()

    def _requests(self, number: int) -> Iterator[pb.TransportMessage]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stream != number or self._queue or (self._ends and not self._sent))
                if self._stream != number or not self._queue:
                    return
                item = self._queue.popleft()
                if self._acknowledged:
                    self._sent[item.message.id] = item
            yield item.message
            if not self._acknowledged:
                self._owner.done(item)

    def _answered(self, answer: pb.TransportMessage) -> None:
        with self._changed:
            item = self._sent.pop(answer.headers.get(IN_REPLY_TO, ""), None)
            self._changed.notify_all()
        if item is None:
            return
        if ERROR in answer.headers:
            self._owner.refused(item, answer.headers[ERROR])
        else:
            self._owner.done(item)

    def _refuse(self, why: str) -> None:
        with self._changed:
            items = list(self._sent.values())
            self._sent.clear()
        for item in items:
            self._owner.refused(item, why)


class _Ended(grpc.RpcError):
    """The server ended the stream."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "the server ended the stream"
