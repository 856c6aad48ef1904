"""``redis`` tables: a hash a row, found by the primary key.

A condition that says what the whole primary key equals, perhaps with more behind `and`, is a look-up of one hash; any
other one looks through all rows of the table. A call works on what it has read, row by row as it is told, and writes
all changes at its end by one MULTI/EXEC. In a cluster the prefix is the hash tag: a table lies on one node.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import RedisError

from eventflux import DatabaseError, EventDataError
from eventflux.extension import (
    Assignment,
    ConfigError,
    ConnectionUnavailableError,
    Row,
    TableDefinition,
    TableStore,
)
from eventflux.extension.kinds.table_store import Operation, TableAttribute, TableExpression
from eventflux.extension.table_expressions import Evaluator, evaluator, reads_table, text_of, updater
from eventflux_redis.client import UNREACHABLE, Client
from eventflux_redis.options import link_of, reachable
from eventflux_redis.table_rows import RowForm

_AT_ONCE: Final = 1000

logger = logging.getLogger("eventflux.redis")


@dataclass(frozen=True, slots=True)
class Condition:
    """Which rows fit: at most the one of a key, or those for which the test is true.

    Attributes:
        key: What gives the values of the primary key from the parameters; None: all rows are looked at.
        test: Of a row.
        is_exact: The test is what the key says, and nothing else.
    """

    key: tuple[Evaluator, ...] | None
    test: Evaluator
    is_exact: bool


class RedisTable(TableStore):
    """One table."""

    def init(self, definition: TableDefinition) -> None:
        if not definition.primary_key:
            raise ConfigError(f"table {definition.name!r} in Redis needs a primary key", key="primary_key")
        options = definition.options
        self._name = definition.name
        self._primary_key = definition.primary_key
        self._form = RowForm(definition.schema, definition.primary_key)
        self._link = link_of(options, 2)
        prefix = options.optional_text("key_prefix") or f"eventflux:table:{definition.name}:"
        self._prefix = self._link.tagged(prefix)
        self._ttl = options.optional_integer("ttl")
        self._row: Row = (None,) * len(definition.schema)

    def connect(self) -> None:
        with reachable(self._link):
            self._link.ping()

    def disconnect(self) -> None:
        self._link.close()

    def compile_condition(self, condition: TableExpression) -> Condition:
        names = self._form.names
        found: dict[str, TableExpression] = {}
        parts = _parts(condition)
        for part in parts:
            match part:
                case Operation(operator="==", operands=(TableAttribute(name=name), value)) if not reads_table(value):
                    found.setdefault(name, value)
                case Operation(operator="==", operands=(value, TableAttribute(name=name))) if not reads_table(value):
                    found.setdefault(name, value)
        test = evaluator(condition, names)
        if not set(self._primary_key) <= set(found):
            text = text_of(condition)
            logger.warning("table %s: %s does not name the primary key: all rows are looked at", self._name, text)
            return Condition(None, test, is_exact=False)
        key = tuple(evaluator(found[name], names) for name in self._primary_key)
        return Condition(key, test, is_exact=len(parts) == len(key) and set(found) == set(self._primary_key))

    def compile_update_set(self, assignments: Sequence[Assignment]) -> Callable[[Row, Row], Row]:
        return updater(assignments, self._form.names)

    def insert(self, rows: Sequence[Row]) -> None:
        def add(call: _Call) -> int:
            call.read([self._form.key_of(row) for row in rows])
            for row in rows:
                call.add(row)
            return len(rows)

        self._run("insert", add)

    def find(self, condition: object, parameters: Sequence[Row]) -> Iterable[Sequence[Row]]:
        fits = _condition(condition)
        found: list[Sequence[Row]] = []

        def look(call: _Call) -> int:
            call.prepare(fits, parameters)
            found.extend(call.fitting(fits, each) for each in parameters)
            return 0

        self._run("find", look)
        return found

    def contains(self, condition: object, parameters: Sequence[Row]) -> Sequence[bool]:
        fits = _condition(condition)
        if not fits.is_exact:
            return [bool(rows) for rows in self.find(condition, parameters)]
        keys = [self._key_of(fits, each) for each in parameters]

        def ask(client: Client) -> list[bool]:
            found: dict[str, bool] = {}
            wanted = [key for key in dict.fromkeys(keys) if key is not None]
            for start in range(0, len(wanted), _AT_ONCE):
                part = wanted[start : start + _AT_ONCE]
                pipeline = client.pipeline(transaction=False)
                for key in part:
                    pipeline.exists(self._prefix + key)
                found.update(zip(part, map(bool, pipeline.execute()), strict=True))
            return [key is not None and found[key] for key in keys]

        with reachable(self._link):
            return self._link.call("contains", ask)

    def update(self, condition: object, update_set: object, parameters: Sequence[Row]) -> int:
        fits, change = _condition(condition), _change(update_set)

        def update(call: _Call) -> int:
            call.prepare(fits, parameters)
            return sum(call.change(fits, change, each) for each in parameters)

        return self._run("update", update)

    def delete(self, condition: object, parameters: Sequence[Row]) -> int:
        fits = _condition(condition)

        def delete(call: _Call) -> int:
            call.prepare(fits, parameters)
            touched = 0
            for each in parameters:
                for row in call.fitting(fits, each):
                    call.remove(row)
                    touched += 1
            return touched

        return self._run("delete", delete)

    def update_or_insert(
        self, condition: object, update_set: object | None, parameters: Sequence[Row], rows: Sequence[Row]
    ) -> int:
        fits = _condition(condition)

        def change(call: _Call) -> int:
            call.prepare(fits, parameters)
            call.read([self._form.key_of(row) for row in rows])
            touched = 0
            for each, row in zip(parameters, rows, strict=True):
                if not call.fitting(fits, each):
                    call.add(row)
                    touched += 1
                elif update_set is not None:
                    touched += call.change(fits, _change(update_set), each)
            return touched

        return self._run("update or insert", change)

    def rows(self) -> Iterable[Row]:
        found: list[Row] = []

        def read(call: _Call) -> int:
            call.read_all()
            found.extend(call.rows())
            return 0

        self._run("rows", read)
        return found

    def _run(self, what: str, work: Callable[[_Call], int]) -> int:
        def run(client: Client) -> int:
            call = _Call(self, client)
            try:
                touched = work(call)
                call.write()
            except UNREACHABLE:
                raise
            except RedisError as error:  # the server is there, and refuses: it would again
                raise DatabaseError(f"table {self._name}: {what} failed: {error}") from error
            return touched

        try:
            with reachable(self._link):
                return self._link.call(what, run)
        except ConnectionUnavailableError as error:
            raise ConnectionUnavailableError(f"table {self._name}: {error.message}") from error

    def _key_of(self, condition: Condition, parameters: Row) -> str | None:
        if condition.key is None:
            return None
        return self._form.key_of_values([value(self._row, parameters) for value in condition.key])


class _Call:
    """One call's view of the table: rows as they were read, with the changes so far."""

    def __init__(self, table: RedisTable, client: Client) -> None:
        self._table = table
        self._form = table._form  # noqa: SLF001 - a part of the table
        self._prefix = table._prefix  # noqa: SLF001
        self._client = client
        self._seen: dict[str, Row | None] = {}
        self._has_all = False
        self._changed: dict[str, None] = {}

    def prepare(self, condition: Condition, parameters: Sequence[Row]) -> None:
        """Read what the condition may ask for."""
        if condition.key is None:
            self.read_all()
            return
        keys = [self._table._key_of(condition, each) for each in parameters]  # noqa: SLF001
        self.read([key for key in keys if key is not None])

    def read(self, keys: Iterable[str]) -> None:
        """Read rows by their keys, as far as they are not known."""
        if self._has_all:
            return
        wanted = [key for key in dict.fromkeys(keys) if key not in self._seen]
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            pipeline = self._client.pipeline(transaction=False)
            for key in part:
                pipeline.hgetall(self._prefix + key)
            for key, fields in zip(part, pipeline.execute(), strict=True):
                self._seen[key] = self._form.row_of(fields) if fields else None

    def read_all(self) -> None:
        """Read the whole table."""
        pattern = "".join(f"\\{each}" if each in "*?[]^-\\" else each for each in self._prefix) + "*"
        begin = len(self._prefix.encode())
        found = {key[begin:].decode() for key in self._client.scan_iter(match=pattern, count=_AT_ONCE)}
        self.read(sorted(found))
        self._has_all = True

    def rows(self) -> list[Row]:
        """All rows that were read and are there."""
        return [row for row in self._seen.values() if row is not None]

    def fitting(self, condition: Condition, parameters: Row) -> list[Row]:
        """The rows that meet a condition."""
        if condition.key is None:
            return [row for row in self.rows() if condition.test(row, parameters) is True]
        key = self._table._key_of(condition, parameters)  # noqa: SLF001
        row = None if key is None else self._seen.get(key)
        return [row] if row is not None and condition.test(row, parameters) is True else []

    def add(self, row: Row) -> None:
        """A new row.

        Raises:
            EventDataError: There is one with that primary key.
        """
        key = self._form.key_of(row)
        if self._seen.get(key) is not None:
            raise EventDataError(
                f"table {self._table._name} has a row with the primary key of {row!r} already",  # noqa: SLF001
                stream=self._table._name,  # noqa: SLF001
            )
        self._put(key, row)

    def remove(self, row: Row) -> None:
        """A row that is there no more."""
        self._put(self._form.key_of(row), None)

    def change(self, condition: Condition, change: Callable[[Row, Row], Row], parameters: Row) -> int:
        """Change the rows that meet a condition; how many. A row may get another primary key."""
        rows = self.fitting(condition, parameters)
        changed = [change(row, parameters) for row in rows]
        for row, new in zip(rows, changed, strict=True):
            if self._form.key_of(row) != self._form.key_of(new):
                self.remove(row)
        self.read([self._form.key_of(new) for new in changed])
        for row, new in zip(rows, changed, strict=True):
            if self._form.key_of(row) == self._form.key_of(new):
                self._put(self._form.key_of(new), new)
            else:
                self.add(new)
        return len(rows)

    def write(self) -> None:
        """Write all changes, at one moment."""
        if not self._changed:
            return
        ttl = self._table._ttl  # noqa: SLF001
        pipeline = self._client.pipeline(transaction=True)
        for key in self._changed:
            row = self._seen[key]
            pipeline.delete(self._prefix + key)
            if row is not None:
                pipeline.hset(self._prefix + key, mapping=self._form.fields_of(row))
                if ttl is not None:
                    pipeline.pexpire(self._prefix + key, ttl)
        pipeline.execute()

    def _put(self, key: str, row: Row | None) -> None:
        self._seen[key] = row
        self._changed[key] = None


def _parts(condition: TableExpression) -> list[TableExpression]:
    """What is joined by `and`."""
    match condition:
        case Operation(operator="and", operands=operands):
            return [part for operand in operands for part in _parts(operand)]
        case _:
            return [condition]


def _condition(compiled: object) -> Condition:
    if not isinstance(compiled, Condition):
        raise TypeError("the condition was compiled by another store")
    return compiled


def _change(compiled: object) -> Callable[[Row, Row], Row]:
    found: Any = compiled
    return found  # type: ignore[no-any-return]
