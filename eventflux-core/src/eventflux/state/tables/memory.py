"""A table as a Python object: made outside of any app, filled there, and shared by apps under a name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from eventflux.engine import objects
from eventflux.extension.kinds.rows import Row
from eventflux.extension.kinds.table_store import Assignment, TableDefinition, TableExpression, TableStore
from eventflux.extension.table_expressions import Evaluator, evaluator, key_lookup, updater
from eventflux.types.errors import EventDataError
from eventflux.types.record import record
from eventflux.types.schema import Schema


@record(frozen=True, slots=True)
class _Condition:
    """Which rows fit: those of a key, or those for which a test is true."""

    key: tuple[Evaluator, ...] | None
    test: Evaluator


class InMemoryTable(TableStore):
    """Rows in order of insertion, with an optional primary key. Any number of apps and threads may use it.

    manager.add_table("Prices", InMemoryTable(Schema.of(symbol=STRING, price=DOUBLE), primary_key=("symbol",)))

    Args:
        definition: Of the table, or its attributes alone.
        primary_key: Names of the attributes that no two rows have alike, where only attributes are given.
    """

    def __init__(self, definition: TableDefinition | Schema | None = None, *, primary_key: Sequence[str] = ()) -> None:
        self._lock = threading.RLock()  # guards _rows
        self._rows: dict[object, Row] = {}
        self._next = 0
        self._undo: list[tuple[object, Row | None]] = []  # place, and its row before, of each change of a call
        if isinstance(definition, Schema):
            definition = TableDefinition(name="", schema=definition, primary_key=tuple(primary_key))
        if definition is not None:
            self.init(definition)

    @property
    def definition(self) -> TableDefinition:
        """What the table is."""
        return self._definition

    def init(self, definition: TableDefinition) -> None:
        self._definition = definition
        self._names = definition.schema.names
        self._key = [self._position(name) for name in definition.primary_key]

    def _position(self, name: str) -> int:
        position = self._definition.schema.position(name)
        if position is None:
            raise ValueError(f"the primary key names {name!r}, which is no attribute")
        return position

    def connect(self) -> None:
        pass

    def disconnect(self) -> None:
        pass

    def __len__(self) -> int:
        with self._lock:
            return len(self._rows)

    # ---- changes

    def insert(self, rows: Sequence[Row]) -> None:
        """Add rows.

        Raises:
            EventDataError: A row has another number of values, or its primary key is there; none was added.
        """

        def add() -> int:
            for row in rows:
                self._add(tuple(row))
            return len(rows)

        with self._lock:
            self._atomically(add)

    def compile_condition(self, condition: TableExpression) -> object:
        key = key_lookup(condition, self._definition.primary_key)
        values = None if key is None else tuple(evaluator(value, self._names) for value in key)
        return _Condition(values, evaluator(condition, self._names))

    def compile_update_set(self, assignments: Sequence[Assignment]) -> object:
        return updater(assignments, self._names)

    def update(self, condition: object, update_set: object, parameters: Sequence[Row]) -> int:
        with self._lock:
            return self._atomically(lambda: sum(self._update(condition, update_set, each) for each in parameters))

    def delete(self, condition: object, parameters: Sequence[Row]) -> int:
        def remove() -> int:
            touched = 0
            for each in parameters:
                places = self._places(condition, each)
                for place in places:
                    self._remove(place)
                touched += len(places)
            return touched

        with self._lock:
            return self._atomically(remove)

    def update_or_insert(
        self, condition: object, update_set: object | None, parameters: Sequence[Row], rows: Sequence[Row]
    ) -> int:
        def change() -> int:
            touched = 0
            for each, row in zip(parameters, rows, strict=True):
                if not self._places(condition, each):
                    self._add(tuple(row))
                    touched += 1
                elif update_set is not None:
                    touched += self._update(condition, update_set, each)
            return touched

        with self._lock:
            return self._atomically(change)

    # ---- questions

    def find(self, condition: object, parameters: Sequence[Row]) -> Iterable[Sequence[Row]]:
        with self._lock:
            found: list[list[Row]] = []
            for each in parameters:
                places = self._places(condition, each)
                self._used(places)
                found.append([self._rows[place] for place in places])
            return found

    def rows(self) -> Iterable[Row]:
        with self._lock:
            return list(self._rows.values())

    # ---- state

    def serialize(self) -> bytes:
        """Nothing: the table is not an app's, it is shared by all that name it."""
        return b""

    def deserialize(self, data: bytes) -> None:
        pass

    # ---- inside; the lock is held

    def _add(self, row: Row) -> None:
        if len(row) != len(self._names):
            raise EventDataError(
                f"a row of table {self._definition.name!r} has {len(self._names)} values, not {len(row)}"
            )
        place = self._place_of(row)
        if place in self._rows:
            raise EventDataError("the table has a row with this primary key: the new one is dropped")
        self._make_room()
        self._put(place, row)

    def _make_room(self) -> None:
        """A row is about to be added; for tables that are bounded."""

    def _put(self, place: object, row: Row) -> None:
        self._undo.append((place, self._rows.get(place)))
        self._rows[place] = row

    def _remove(self, place: object) -> None:
        self._undo.append((place, self._rows.pop(place)))

    def _restored(self) -> None:
        """What a call did was undone; for tables that keep more than rows."""

    def _used(self, places: Sequence[object]) -> None:
        """Rows were read; for tables that want to know."""

    def _place_of(self, row: Row) -> object:
        if self._key:
            return tuple(_hashable(row[position]) for position in self._key)
        self._next += 1
        return self._next

    def _places(self, condition: object, parameters: Row) -> list[object]:
        if not isinstance(condition, _Condition):
            raise TypeError("a condition that this table has not compiled")
        if condition.key is not None:
            place = tuple(_hashable(value((), parameters)) for value in condition.key)
            return [place] if place in self._rows and None not in place else []
        return [place for place, row in self._rows.items() if condition.test(row, parameters) is True]

    def _update(self, condition: object, update_set: object, parameters: Row) -> int:
        change: Any = update_set
        places = self._places(condition, parameters)
        changed = [(place, change(self._rows[place], parameters)) for place in places]
        for place, row in changed:
            if not self._key or self._place_of(row) == place:
                self._put(place, row)
                continue
            self._remove(place)
            self._add(row)
        return len(changed)

    def _atomically(self, change: Callable[[], int]) -> int:
        self._undo.clear()
        try:
            return change()
        except Exception:  # whatever it was, nothing of the call has happened
            for place, row in reversed(self._undo):
                if row is None:
                    del self._rows[place]
                else:
                    self._rows[place] = row
            self._restored()
            raise
        finally:
            self._undo.clear()


def _hashable(value: object) -> object:
    try:
        hash(value)
    except TypeError:
        return objects.pack(value)
    return value
