"""Why a match came out: the events behind rows of queries over patterns, the latest of them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from eventflux.engine.native_types import Event, EventBatch
from eventflux.planner.logical.explanations import MATCHED_EVENTS, ExplainedElement, ExplainedQuery
from eventflux.types.record import record

KEPT_ROWS: Final = 10_000


@record(frozen=True, slots=True, kw_only=True)
class CapturedEvent:
    """An event of a match.

    Attributes:
        element: Name of the element or variable that took it.
        stream: Where it came from.
        timestamp: In milliseconds.
        data: All its attributes.
    """

    element: str
    stream: str
    timestamp: int
    data: Mapping[str, object]

    def __str__(self) -> str:
        name = self.element if self.element == self.stream else f"{self.element}={self.stream}"
        shown = ", ".join(f"{key}: {value!r}" for key, value in self.data.items())
        return f"{name} {self.timestamp} {{{shown}}}"


@record(frozen=True, slots=True, kw_only=True)
class MatchExplanation:
    """A row of a query over a pattern, and the events of its match in the order of the pattern's elements."""

    query: str
    timestamp: int
    data: tuple[object, ...]
    events: tuple[CapturedEvent, ...]

    def __str__(self) -> str:
        lines = [f"{self.query} {self.timestamp} {list(self.data)!r}"]
        return "\n".join([*lines, *(f"  {event}" for event in self.events)])


class MatchExplanations:
    """The latest rows with the events behind them; the oldest are forgotten."""

    def __init__(self, *, limit: int = KEPT_ROWS) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._latest: deque[MatchExplanation] = deque()
        self._by_time: dict[int, list[MatchExplanation]] = {}

    def listener(self, query: ExplainedQuery) -> Callable[[EventBatch], None]:
        """What hears the hidden stream of a query."""
        place = query.schema.names.index(MATCHED_EVENTS)

        def hear(events: EventBatch) -> None:
            for event in events:
                row: tuple[object, ...] = event.data
                captured = row[place]
                assert isinstance(captured, Sequence)
                self._add(
                    MatchExplanation(
                        query=query.name,
                        timestamp=event.timestamp,
                        data=(*row[:place], *row[place + 1 :]),
                        events=tuple(_captured(query.elements, each) for each in captured),
                    )
                )

        return hear

    def find(self, event: Event) -> MatchExplanation | None:
        """The latest row with the event's timestamp and values; None: it is none of a pattern, or forgotten."""
        wanted: tuple[object, ...] = event.data
        with self._lock:
            candidates = self._by_time.get(event.timestamp, ())
            return next((each for each in reversed(candidates) if _is_same(each.data, wanted)), None)

    def _add(self, explanation: MatchExplanation) -> None:
        with self._lock:
            self._latest.append(explanation)
            self._by_time.setdefault(explanation.timestamp, []).append(explanation)
            if len(self._latest) > self._limit:
                oldest = self._latest.popleft()
                same = self._by_time[oldest.timestamp]
                same.remove(oldest)
                if not same:
                    del self._by_time[oldest.timestamp]


def _captured(elements: Sequence[ExplainedElement], told: Sequence[object]) -> CapturedEvent:
    number, timestamp, *values = told
    assert isinstance(number, int)
    assert isinstance(timestamp, int)
    element = elements[number]
    data = dict(zip(element.attributes, values, strict=False))
    return CapturedEvent(element=element.name, stream=element.stream, timestamp=timestamp, data=data)


def _is_same(data: tuple[object, ...], wanted: tuple[object, ...]) -> bool:
    """By value: a whole number may have become a real one on its way, and NaN is itself."""
    return len(data) == len(wanted) and all(a == b or repr(a) == repr(b) for a, b in zip(data, wanted, strict=True))
