"""A table in memory that holds a bounded number of rows, for a bounded time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from eventflux.engine import objects
from eventflux.extension.kinds.rows import Row
from eventflux.extension.kinds.table_store import TableDefinition
from eventflux.state.tables.eviction import eviction
from eventflux.state.tables.memory import InMemoryTable


class CacheTable(InMemoryTable):
    """``@store(type='cache', max_size='1000', policy='LRU', retention.period='5 min')``.

    A row that comes when there is no room makes another one go, by the policy. Rows older than the retention period
    are gone. Time is the app's. The rows are part of snapshots.
    """

    def init(self, definition: TableDefinition) -> None:
        options = definition.options
        self.configure(
            size=options.integer("max_size"),
            policy=options.text("policy"),
            retention_ms=options.optional_integer("retention.period"),
        )
        clock: Any = definition.shared.get("clock")
        self._clock: Callable[[], int] = clock if callable(clock) else lambda: 0
        super().init(definition)

    def configure(self, *, size: int, policy: str, retention_ms: int | None) -> None:
        """Set the bounds."""
        self._size = size
        self._order = eviction(policy)
        self._retention = retention_ms
        self._since: dict[object, int] = {}
        self._ages: list[tuple[int, int, object]] = []  # a heap; entries that are not as in _since are passed over
        self._number = 0

    @property
    def size(self) -> int:
        """Most rows that it holds."""
        return self._size

    # ---- state

    def serialize(self) -> bytes:
        with self._lock:
            rows = [[self._since.get(place, 0), list(row)] for place, row in self._rows.items()]
            return objects.pack(rows)

    def deserialize(self, data: bytes) -> None:
        saved: Any = objects.unpack(data)
        with self._lock:
            self.clear()
            for since, row in saved:
                place = self._place_of(tuple(row))
                self._rows[place] = tuple(row)
                self._note(place, since)

    def clear(self) -> None:
        """No rows."""
        with self._lock:
            self._rows.clear()
            self._undo.clear()
            self._since.clear()
            self._ages.clear()
            self._order.reset(())

    # ---- inside; the lock is held

    def find(self, condition: object, parameters: Sequence[Row]) -> Iterable[Sequence[Row]]:
        with self._lock:
            self.drop_old()
            return super().find(condition, parameters)

    def rows(self) -> Iterable[Row]:
        with self._lock:
            self.drop_old()
            return super().rows()

    def _atomically(self, change: Callable[[], int]) -> int:
        self.drop_old()
        return super()._atomically(change)

    def _make_room(self) -> None:
        while len(self._rows) >= self._size:
            self._remove(self._order.victim())

    def _put(self, place: object, row: Row) -> None:
        is_new = place not in self._rows
        super()._put(place, row)
        if is_new:
            self._note(place, self._clock())
        else:
            self._order.use(place)

    def _remove(self, place: object) -> None:
        super()._remove(place)
        self._order.remove(place)
        self._since.pop(place, None)

    def _used(self, places: Sequence[object]) -> None:
        for place in places:
            self._order.use(place)

    def _restored(self) -> None:
        self._order.reset(self._rows)
        now = self._clock()
        before, self._since = self._since, {}
        self._ages.clear()
        for place in self._rows:
            self._age(place, before.get(place, now))

    def _note(self, place: object, since: int) -> None:
        self._order.add(place)
        self._age(place, since)

    def _age(self, place: object, since: int) -> None:
        self._since[place] = since
        self._number += 1
        heapq.heappush(self._ages, (since, self._number, place))
        if len(self._ages) > 2 * len(self._since) + 64:
            self._ages = [(moment, number, each) for number, (each, moment) in enumerate(self._since.items())]
            heapq.heapify(self._ages)
            self._number = len(self._ages)

    def use_clock(self, clock: Callable[[], int]) -> None:
        """Where the time comes from, in milliseconds."""
        self._clock = clock

    def drop_old(self) -> int:
        """Free rows that are older than the retention period; how many there were."""
        return 0 if self._retention is None else self.drop_older_than(self._clock() - self._retention)

    def drop_older_than(self, horizon: int) -> int:
        """Free rows that came at that moment or before; how many there were."""
        dropped = 0
        while self._ages and self._ages[0][0] <= horizon:
            since, _, place = heapq.heappop(self._ages)
            if self._since.get(place) == since:
                del self._rows[place]
                del self._since[place]
                self._order.remove(place)
                dropped += 1
        return dropped
