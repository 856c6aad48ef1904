"""What a sink has taken and is still under way, as far as it must be known: which events a payload that failed was of.

A `Published` is the receipt of one call of the sink. The sink keeps it beside the payloads, so it lives exactly as long
as one of them may still fail; nothing is kept here but failures that nobody has looked at yet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from itertools import islice

from eventflux.extension.kinds.delivery import Receipt
from eventflux.extension.kinds.rows import EventLike, Payload, RowBatch
from eventflux.extension.kinds.sink import Sink
from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class Published:
    """Payloads for one call of a sink, and the events that they are of.

    Attributes:
        events: One a payload.
        payloads: In order; empty: they stand in a block.
        dynamic: The dynamic options, where they are the same for all payloads.
        each: The dynamic options of each payload, for a sink that takes them so.
        block: Payloads, a delimiter behind each.
        delimiter: Of the block.
        attempts: How often the payloads have been tried with this call.
    """

    events: Sequence[EventLike] | RowBatch
    payloads: Sequence[Payload] = ()
    dynamic: Mapping[str, str] = field(default_factory=dict)
    each: Mapping[str, Sequence[str | None]] | None = None
    block: bytes = b""
    delimiter: bytes = b"\n"
    attempts: int = 1

    def send(self, sink: Sink) -> None:
        """Give the payloads to the sink."""
        if self.each is None:
            sink.publish(self.payloads, self.dynamic)
        else:
            sink.publish_each(self.payloads, self.each)

    def behind(self, sent: int) -> Published:
        """What is left when the first payloads are out."""
        if sent == 0:
            return self
        each = None if self.each is None else {name: values[sent:] for name, values in self.each.items()}
        return replace(self, events=list(islice(self.events, sent, None)), payloads=self.payloads[sent:], each=each)

    def alone(self, payload: Payload, attempts: int) -> Published | None:
        """One of the payloads, to be tried again; None: it isn't one of them. Equal payloads are of equal events."""
        payloads: Sequence[Payload] = self.payloads
        if not payloads and self.delimiter:
            payloads = self.block.split(self.delimiter)
        try:
            index = payloads.index(payload)
        except ValueError:
            return None
        each = None if self.each is None else {name: [values[index]] for name, values in self.each.items()}
        event = next(islice(self.events, index, None))
        return Published(events=[event], payloads=[payload], dynamic=self.dynamic, each=each, attempts=attempts)


@record(frozen=True, slots=True, kw_only=True)
class LateFailure:
    """A payload that was taken and could not be delivered."""

    receipt: Receipt
    payload: Payload
    error: Exception


class LateDeliveries:
    """What one sink tells; see `Deliveries`."""

    def __init__(self) -> None:
        self.current: Published | None = None
        self.on_failed: Callable[[], None] | None = None
        self.on_interrupted: Callable[[Exception], None] | None = None
        self.on_restored: Callable[[], None] | None = None
        self._lock = threading.Lock()  # guards _failures; a leaf
        self._failures: list[LateFailure] = []

    def receipt(self) -> Receipt:
        return self.current

    def failed(self, receipt: Receipt, payload: Payload, error: Exception) -> None:
        with self._lock:
            self._failures.append(LateFailure(receipt=receipt, payload=payload, error=error))
            is_first = len(self._failures) == 1
        if is_first and self.on_failed is not None:
            self.on_failed()

    def interrupted(self, error: Exception) -> None:
        if self.on_interrupted is not None:
            self.on_interrupted(error)

    def restored(self) -> None:
        if self.on_restored is not None:
            self.on_restored()

    def take(self) -> list[LateFailure]:
        """The failures so far; they are forgotten here."""
        with self._lock:
            taken, self._failures = self._failures, []
        return taken
