"""Which row goes when there is no room for another one."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterable
from itertools import count
from typing import Protocol


class Eviction(Protocol):
    """Keeps places in the order in which they will have to go."""

    def add(self, place: object) -> None:
        """A row has come."""
        ...

    def use(self, place: object) -> None:
        """A row was read or changed."""
        ...

    def remove(self, place: object) -> None:
        """A row has gone."""
        ...

    def victim(self) -> object:
        """The place whose row goes next; there is one."""
        ...

    def reset(self, places: Iterable[object]) -> None:
        """These are there, and nothing else is known of them."""
        ...


class FirstIn:
    """FIFO: the oldest."""

    def __init__(self) -> None:
        self._places: OrderedDict[object, None] = OrderedDict()

    def add(self, place: object) -> None:
        self._places.setdefault(place)

    def use(self, place: object) -> None:
        pass

    def remove(self, place: object) -> None:
        self._places.pop(place, None)

    def victim(self) -> object:
        return next(iter(self._places))

    def reset(self, places: Iterable[object]) -> None:
        self._places = OrderedDict.fromkeys(places)


class LeastRecentlyUsed(FirstIn):
    """LRU: the one that was not used for the longest time."""

    def add(self, place: object) -> None:
        self._places[place] = None
        self._places.move_to_end(place)

    def use(self, place: object) -> None:
        if place in self._places:
            self._places.move_to_end(place)


class LeastFrequentlyUsed:
    """LFU: the one that was used least; of those the oldest. O(log n) a use."""

    def __init__(self) -> None:
        self._uses: dict[object, tuple[int, int]] = {}  # times used, and when it came
        self._heap: list[tuple[int, int, object]] = []  # entries that are not as in _uses are passed over
        self._numbers = count()

    def add(self, place: object) -> None:
        if place not in self._uses:
            self._note(place, 0, next(self._numbers))

    def use(self, place: object) -> None:
        if place in self._uses:
            times, since = self._uses[place]
            self._note(place, times + 1, since)

    def remove(self, place: object) -> None:
        self._uses.pop(place, None)

    def victim(self) -> object:
        while True:
            times, since, place = self._heap[0]
            if self._uses.get(place) == (times, since):
                return place
            heapq.heappop(self._heap)

    def reset(self, places: Iterable[object]) -> None:
        self._uses.clear()
        self._heap.clear()
        for place in places:
            self.add(place)

    def _note(self, place: object, times: int, since: int) -> None:
        self._uses[place] = (times, since)
        heapq.heappush(self._heap, (times, since, place))
        if len(self._heap) > 4 * len(self._uses) + 64:
            self._heap = [(*known, each) for each, known in self._uses.items()]
            heapq.heapify(self._heap)


def eviction(policy: str) -> Eviction:
    """The order of a policy: FIFO, LRU or LFU."""
    match policy.upper():
        case "LRU":
            return LeastRecentlyUsed()
        case "LFU":
            return LeastFrequentlyUsed()
        case _:
            return FirstIn()
