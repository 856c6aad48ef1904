"""A cache in front of any store: `@store(type='...') @cache(size='1000', cache.policy='LRU')`.

While the store has no more rows than the cache may hold, all of them are here and everything is answered from here.
Otherwise only look-ups by the whole primary key are: a miss loads the row. Changes go to the store first. What others
change in the store is seen when rows are loaded again: after the retention period, if there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from eventflux.extension.kinds.rows import Row
from eventflux.extension.kinds.table_store import (
    Assignment,
    TableDefinition,
    TableExpression,
    TableStore,
    Unsupported,
)
from eventflux.extension.options import Options
from eventflux.state.tables.cache import CacheTable
from eventflux.types.record import record


@record(frozen=True, slots=True)
class _Condition:
    outer: object
    inner: object
    is_key: bool


@record(frozen=True, slots=True)
class _Update:
    outer: object
    inner: object


class _Rows(CacheTable):
    """The rows that are here."""

    def is_key(self, condition: object) -> bool:
        """Whether a condition looks up one row by its primary key."""
        return getattr(condition, "key", None) is not None

    def holds(self, row: Row) -> bool:
        """Whether the row with that primary key is here."""
        return self._place_of(row) in self._rows


class CachedTable(TableStore):
    """A store with a cache in front.

    Args:
        store: Behind.
        options: Of `@cache`.
        clock: Milliseconds; for the retention period.
    """

    def __init__(self, store: TableStore, options: Options, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._rows = _Rows()
        self._rows.configure(
            size=options.integer("size"),
            policy=options.text("cache.policy"),
            retention_ms=None,
        )
        self._retention = options.optional_integer("retention.period")
        interval = options.optional_integer("purge.interval")
        self._interval = interval if interval is not None else self._retention
        self._loaded_at = 0
        self._next_purge = 0
        self._is_complete = False
        self._has_key = False
        self.hits = 0
        self.misses = 0

    def init(self, definition: TableDefinition) -> None:
        self._has_key = bool(definition.primary_key)
        self._store.init(definition)
        super(CacheTable, self._rows).init(replace(definition, options=Options()))
        self._rows.use_clock(self._clock)

    def connect(self) -> None:
        self._store.connect()
        self._load()

    def disconnect(self) -> None:
        self._store.disconnect()

    def destroy(self) -> None:
        self._store.destroy()

    @property
    def is_complete(self) -> bool:
        """Whether all rows of the store are here."""
        return self._is_complete

    def _load(self) -> None:
        """Take over as many rows of the store as there is room for."""
        rows = list(self._store.rows())
        self._is_complete = len(rows) <= self._rows.size
        self._rows.clear()
        if self._is_complete or self._has_key:
            self._rows.insert(rows[: self._rows.size])
        self._loaded_at = self._clock()
        self._next_purge = self._loaded_at + (self._interval or 0)

    def _refresh(self) -> None:
        """Rows that are too old are loaded again, or dropped."""
        if self._retention is None or self._clock() < self._next_purge:
            return
        self._next_purge = self._clock() + (self._interval or 0)
        if self._is_complete:
            if self._clock() - self._loaded_at >= self._retention:
                self._load()
        elif sum(1 for _ in self._store.rows()) <= self._rows.size:
            self._load()
        else:
            self._rows.drop_older_than(self._clock() - self._retention)

    # ---- compiling

    def compile_condition(self, condition: TableExpression) -> object | Unsupported:
        return self._condition(condition, self._store.compile_condition(condition))

    def compile_join_condition(self, condition: TableExpression) -> object | Unsupported:
        return self._condition(condition, self._store.compile_join_condition(condition))

    def _condition(self, condition: TableExpression, outer: object | Unsupported) -> object | Unsupported:
        if isinstance(outer, Unsupported):
            return outer
        inner = self._rows.compile_condition(condition)
        return _Condition(outer, inner, self._rows.is_key(inner))

    def compile_update_set(self, assignments: Sequence[Assignment]) -> object | Unsupported:
        outer = self._store.compile_update_set(assignments)
        if isinstance(outer, Unsupported):
            return outer
        return _Update(outer, self._rows.compile_update_set(assignments))

    # ---- questions

    def find(self, condition: object, parameters: Sequence[Row]) -> Iterable[Sequence[Row]]:
        asked = _compiled(condition)
        self._refresh()
        if self._is_complete:
            self.hits += len(parameters)
            return self._rows.find(asked.inner, parameters)
        if not asked.is_key:
            self.misses += len(parameters)
            return self._store.find(asked.outer, parameters)
        found = [list(rows) for rows in self._rows.find(asked.inner, parameters)]
        missing = [index for index, rows in enumerate(found) if not rows]
        self.hits += len(parameters) - len(missing)
        self.misses += len(missing)
        if missing:
            loaded = self._store.find(asked.outer, [parameters[index] for index in missing])
            for index, rows in zip(missing, loaded, strict=True):
                found[index] = list(rows)
                self._keep(rows)
        return found

    def rows(self) -> Iterable[Row]:
        self._refresh()
        return self._rows.rows() if self._is_complete else self._store.rows()

    # ---- changes

    def insert(self, rows: Sequence[Row]) -> None:
        self._store.insert(rows)
        self._refresh()
        if self._is_complete and len(self._rows) + len(rows) > self._rows.size:
            self._overflow()
        self._keep(rows)

    def update(self, condition: object, update_set: object, parameters: Sequence[Row]) -> int:
        asked, change = _compiled(condition), _changed(update_set)
        touched = self._store.update(asked.outer, change.outer, parameters)
        self._also(lambda: self._rows.update(asked.inner, change.inner, parameters))
        return touched

    def delete(self, condition: object, parameters: Sequence[Row]) -> int:
        asked = _compiled(condition)
        touched = self._store.delete(asked.outer, parameters)
        self._also(lambda: self._rows.delete(asked.inner, parameters))
        return touched

    def update_or_insert(
        self, condition: object, update_set: object | None, parameters: Sequence[Row], rows: Sequence[Row]
    ) -> int:
        asked = _compiled(condition)
        change = None if update_set is None else _changed(update_set)
        outer = None if change is None else change.outer
        touched = self._store.update_or_insert(asked.outer, outer, parameters, rows)
        if self._is_complete and len(self._rows) + len(rows) <= self._rows.size:
            inner = None if change is None else change.inner
            self._also(lambda: self._rows.update_or_insert(asked.inner, inner, parameters, rows))
            return touched
        if self._is_complete:  # there may be no room for those that were inserted
            self._load()
        elif change is not None:
            self._also(lambda: self._rows.update(asked.inner, change.inner, parameters))
        return touched

    # ---- parts

    def _keep(self, rows: Iterable[Row]) -> None:
        if not self._is_complete and not self._has_key:
            return
        for row in rows:
            if not self._has_key or not self._rows.holds(row):
                self._rows.insert([row])

    def _overflow(self) -> None:
        self._is_complete = False
        if not self._has_key:
            self._rows.clear()

    def _also(self, change: Callable[[], int]) -> None:
        """The store has changed; if the rows here can't follow, they are loaded again."""
        try:
            change()
        except Exception:  # the store decides what is right
            self._load()


def _compiled(condition: object) -> _Condition:
    if not isinstance(condition, _Condition):
        raise TypeError("a condition that this table has not compiled")
    return condition


def _changed(update_set: object) -> _Update:
    if not isinstance(update_set, _Update):
        raise TypeError("assignments that this table has not compiled")
    return update_set
