"""A table in a database.

Conditions, assignments and upserts are compiled to statements with bound values. Rows are looked up for a whole chunk
by one statement: its parameters become a relation that the table is joined to.

    WITH p AS (SELECT ? AS i, ? AS p0 UNION ALL SELECT ?, ?) SELECT p.i, T.* FROM p JOIN T ON T.id = p.p0 ORDER BY p.i
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, TypeVar

from eventflux.engine import objects
from eventflux.extension.kinds.rows import Row
from eventflux.extension.kinds.table_store import (
    UNSUPPORTED,
    Assignment,
    Literal,
    ParameterRef,
    TableDefinition,
    TableExpression,
    TableStore,
    Unsupported,
)
from eventflux.state.tables.data_source import DataSource, SqlDataSource
from eventflux.state.tables.sql.statements import Fragment, SqlCondition, Writer
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, DatabaseError

ResultT = TypeVar("ResultT")

_MOST_BOUND: Final = 30_000  # values in one statement: the least that a database allows is 32,766
_MOST_TERMS: Final = 400  # SELECTs in one UNION ALL: SQLite allows 500


class SqlTable(TableStore):
    """Options: ``data_source`` or ``url``, ``table``, ``create``, ``batch.size``, ``pool.size``."""

    def init(self, definition: TableDefinition) -> None:
        options = definition.options
        self._definition = definition
        self._schema = definition.schema
        self._owns_source = False
        self._source = self._data_source(definition)
        self._table = options.optional_text("table") or definition.name
        self._create = options.text("create")
        self._batch = options.integer("batch.size")
        dialect = self._source.dialect
        self._name = dialect.table(self._table)
        self._columns = ", ".join(f"{self._name}.{dialect.identifier(name)}" for name in self._schema.names)
        key = [f"{self._name}.{dialect.identifier(name)}" for name in definition.primary_key]
        order = key or ([f"{self._name}.{dialect.row_order}"] if dialect.row_order else [])
        self._order = order
        self._writer = Writer(dialect, self._table, definition.primary_key)
        self._readers = [_reader(kind) for kind in self._schema.types]
        names = ", ".join(dialect.identifier(name) for name in self._schema.names)
        bound = ", ".join(dialect.bound(kind) for kind in self._schema.types)
        self._insert = f"INSERT INTO {self._name} ({names}) VALUES ({bound})"

    def url(self, definition: TableDefinition) -> str | None:
        """The database's URL, where no data source is named."""
        return definition.options.optional_text("url")

    def _data_source(self, definition: TableDefinition) -> DataSource:
        options = definition.options
        name = options.optional_text("data_source") if "data_source" in options.values else None
        if name is not None:
            known: Any = definition.shared.get(name)
            if known is None or not hasattr(known, "dialect"):
                raise ConfigError(
                    f"table {definition.name!r}: no data source {name!r}",
                    key="data_source",
                    hint="manager.add_data_source(...) before the app is created",
                )
            source: DataSource = known
            return source
        url = self.url(definition)
        if url is None:
            raise ConfigError(f"table {definition.name!r} needs 'data_source' or 'url'", key="url")
        self._owns_source = True
        return SqlDataSource(
            url,
            username=options.optional_text("username"),
            password=options.optional_text("password"),
            pool_size=options.integer("pool.size"),
        )

    # ---- life

    def connect(self) -> None:
        """Make the table as the option says, or compare its columns.

        Raises:
            ConnectionUnavailableError: The database can't be reached.
            ConfigError: The table isn't there and may not be made, or has other columns.
        """
        dialect = self._source.dialect
        with self._source.connect() as connection:
            cursor = connection.cursor()
            found = self._found_columns(cursor)
            if self._create == "recreate" and found is not None:
                cursor.execute(f"DROP TABLE {self._name}")
                found = None
            if self._create == "recreate":
                self._create = "if-missing"  # a connection that comes back finds what it left
            if found is None and self._create == "never":
                raise ConfigError(f"table {self._table!r} is not in the database", key="create")
            if found is None:
                key = self._definition.primary_key
                cursor.execute(dialect.create_table(self._table, tuple(self._schema), key))
                for name in self._definition.indexes:
                    statement = dialect.create_index(self._table, name)
                    if statement is not None and dialect.name != "mysql":
                        cursor.execute(statement)
            else:
                self._compare(found)
            cursor.close()

    def _found_columns(self, cursor: Any) -> list[str] | None:
        """Names of the columns that there are; None: there is no table."""
        schema, _, table = self._table.rpartition(".")
        match self._source.dialect.name:
            case "sqlite":
                cursor.execute("SELECT name FROM pragma_table_info(?)", (table,))
            case "mysql":
                cursor.execute(
                    "SELECT column_name FROM information_schema.columns"
                    " WHERE table_schema = COALESCE(%s, DATABASE()) AND table_name = %s ORDER BY ordinal_position",
                    (schema or None, table),
                )
            case _:
                cursor.execute(
                    "SELECT column_name FROM information_schema.columns WHERE table_schema ="
                    " COALESCE(CAST(%s AS TEXT), current_schema()) AND table_name = %s ORDER BY ordinal_position",
                    (schema or None, table),
                )
        return [str(row[0]) for row in cursor.fetchall()] or None

    def _compare(self, found: Sequence[str]) -> None:
        there = {name.casefold() for name in found}
        missing = [name for name in self._schema.names if name.casefold() not in there]
        if missing:
            raise ConfigError(
                f"table {self._table!r} of the database has other columns: {', '.join(missing)} missing",
                hint=f"it has: {', '.join(found)}",
            )

    def disconnect(self) -> None:
        if self._owns_source:
            self._source.shutdown()

    # ---- compiling

    def compile_condition(self, condition: TableExpression) -> SqlCondition:
        return self._writer.condition(condition)

    def compile_update_set(self, assignments: Sequence[Assignment]) -> Fragment | Unsupported:
        written = self._writer.assignments(assignments)
        return UNSUPPORTED if written is None else written

    # ---- questions

    def find(self, condition: object, parameters: Sequence[Row]) -> Iterable[Sequence[Row]]:
        compiled = _condition(condition)
        found: list[list[Row]] = [[] for _ in parameters]
        if len(parameters) == 1:
            order = f" ORDER BY {', '.join(self._order)}" if self._order else ""
            statement = f"SELECT {self._columns} FROM {self._name} WHERE {compiled.alone.text}{order}"
            found[0] = [self._row(row) for row in self._fetch(statement, self._bound(compiled.alone, parameters[0]))]
            return found
        for first, part in self._runs(parameters, compiled):
            relation, values = self._relation(compiled, part)
            order = ", ".join(["p.i", *self._order])
            statement = (
                f"WITH p AS ({relation}) SELECT p.i, {self._columns} FROM p JOIN {self._name}"
                f" ON {compiled.joined.text} ORDER BY {order}"
            )
            for row in self._fetch(statement, [*values, *self._bound(compiled.joined, ())]):
                found[first + int(row[0])].append(self._row(row[1:]))
        return found

    def contains(self, condition: object, parameters: Sequence[Row]) -> Sequence[bool]:
        compiled = _condition(condition)
        found = [False] * len(parameters)
        for first, part in self._runs(parameters, compiled):
            relation, values = self._relation(compiled, part)
            statement = (
                f"WITH p AS ({relation}) SELECT p.i FROM p WHERE EXISTS"
                f" (SELECT 1 FROM {self._name} WHERE {compiled.joined.text})"
            )
            for row in self._fetch(statement, [*values, *self._bound(compiled.joined, ())]):
                found[first + int(row[0])] = True
        return found

    def rows(self) -> Iterable[Row]:
        order = f" ORDER BY {', '.join(self._order)}" if self._order else ""
        return [self._row(row) for row in self._fetch(f"SELECT {self._columns} FROM {self._name}{order}", [])]

    # ---- changes

    def insert(self, rows: Sequence[Row]) -> None:
        self._many((self._insert, [self._encoded(row) for row in rows]))

    def update(self, condition: object, update_set: object, parameters: Sequence[Row]) -> int:
        compiled, assigned = _condition(condition), _fragment(update_set)
        statement = f"UPDATE {self._name} SET {assigned.text} WHERE {compiled.alone.text}"
        values = [[*self._bound(assigned, each), *self._bound(compiled.alone, each)] for each in parameters]
        return self._many((statement, values))

    def delete(self, condition: object, parameters: Sequence[Row]) -> int:
        compiled = _condition(condition)
        values = [self._bound(compiled.alone, each) for each in parameters]
        return self._many((f"DELETE FROM {self._name} WHERE {compiled.alone.text}", values))

    def update_or_insert(
        self, condition: object, update_set: object | None, parameters: Sequence[Row], rows: Sequence[Row]
    ) -> int:
        compiled = _condition(condition)
        assigned = None if update_set is None else _fragment(update_set)
        if self._is_by_key(compiled, parameters, rows) and (assigned is not None or self._has_conflict_clause):
            values = [
                [*self._encoded(row), *([] if assigned is None else self._bound(assigned, each))]
                for each, row in zip(parameters, rows, strict=True)
            ]
            touched = self._many((self._upsert(assigned), values))
            return touched if assigned is None else len(rows)
        return self._one_by_one(compiled, assigned, parameters, rows)

    @property
    def _has_conflict_clause(self) -> bool:
        return self._source.dialect.has_conflict_clause

    def _is_by_key(self, condition: SqlCondition, parameters: Sequence[Row], rows: Sequence[Row]) -> bool:
        """Whether each row has the primary key that its parameters ask for: then the database's own upsert is meant."""
        if condition.key is None:
            return False
        places = [self._schema.position(name) or 0 for name in self._definition.primary_key]
        for each, row in zip(parameters, rows, strict=True):
            asked = [_value(expression, each) for expression in condition.key]
            if None in asked or asked != [row[place] for place in places]:
                return False
        return True

    def _upsert(self, assigned: Fragment | None) -> str:
        dialect = self._source.dialect
        if not dialect.has_conflict_clause:
            return f"{self._insert} ON DUPLICATE KEY UPDATE {'' if assigned is None else assigned.text}"
        key = ", ".join(dialect.identifier(name) for name in self._definition.primary_key)
        action = "DO NOTHING" if assigned is None else f"DO UPDATE SET {assigned.text}"
        return f"{self._insert} ON CONFLICT ({key}) {action}"

    def _one_by_one(
        self, condition: SqlCondition, assigned: Fragment | None, parameters: Sequence[Row], rows: Sequence[Row]
    ) -> int:
        if assigned is None:
            look = f"SELECT COUNT(*) FROM {self._name} WHERE {condition.alone.text}"
        else:
            look = f"UPDATE {self._name} SET {assigned.text} WHERE {condition.alone.text}"

        def change(cursor: Any) -> int:
            touched = 0
            for each, row in zip(parameters, rows, strict=True):
                values = self._bound(condition.alone, each)
                cursor.execute(look, [*([] if assigned is None else self._bound(assigned, each)), *values])
                found = int(cursor.fetchall()[0][0]) if assigned is None else cursor.rowcount
                if found == 0:
                    cursor.execute(self._insert, self._encoded(row))
                touched += max(found, 1) if assigned is not None else int(found == 0)
            return touched

        return self._within(change)

    # ---- statements

    def _fetch(self, statement: str, values: Sequence[object]) -> list[Any]:
        def run(cursor: Any) -> list[Any]:
            cursor.execute(statement, values)
            fetched: list[Any] = cursor.fetchall()
            return fetched

        return self._within(run)

    def _many(self, *statements: tuple[str, Sequence[Sequence[object]]]) -> int:
        """All of it in one transaction; how many rows were touched."""

        def run(cursor: Any) -> int:
            touched = 0
            for statement, values in statements:
                for start in range(0, len(values), self._batch):
                    part = values[start : start + self._batch]
                    if len(part) == 1:
                        cursor.execute(statement, part[0])
                    else:
                        cursor.executemany(statement, part)
                    touched += max(cursor.rowcount, 0)
            return touched

        return self._within(run)

    def _within(self, run: Callable[[Any], ResultT]) -> ResultT:
        with self._source.connect() as connection:
            cursor = connection.cursor()
            try:
                return run(cursor)
            finally:
                cursor.close()

    def _runs(self, parameters: Sequence[Row], condition: SqlCondition) -> Iterator[tuple[int, Sequence[Row]]]:
        """Parameters in parts that one statement can bind."""
        most = min(_MOST_TERMS, _MOST_BOUND // (len(condition.parameters) + 1))
        for first in range(0, len(parameters), most):
            yield first, parameters[first : first + most]

    def _relation(self, condition: SqlCondition, parameters: Sequence[Row]) -> tuple[str, list[object]]:
        """Rows of parameters as a relation, with their numbers."""
        dialect = self._source.dialect
        bound = [dialect.bound(AttributeType.INT), *(dialect.bound(each.type) for each in condition.parameters)]
        names = ["i", *(f"p{each.index}" for each in condition.parameters)]
        first = ", ".join(f"{place} AS {name}" for place, name in zip(bound, names, strict=True))
        others = [f"SELECT {', '.join(bound)}"] * (len(parameters) - 1)
        values = chain.from_iterable(
            [index, *(_encode(row[each.index], each.type) for each in condition.parameters)]
            for index, row in enumerate(parameters)
        )
        return " UNION ALL ".join([f"SELECT {first}", *others]), list(values)

    # ---- values

    def _encoded(self, row: Row) -> list[object]:
        return [_encode(value, kind) for value, kind in zip(row, self._schema.types, strict=True)]

    @staticmethod
    def _bound(fragment: Fragment, parameters: Row) -> list[object]:
        values = fragment.values(parameters)
        return [_encode(value, binding.type) for value, binding in zip(values, fragment.bindings, strict=True)]

    def _row(self, row: Sequence[Any]) -> Row:
        return tuple(None if value is None else read(value) for value, read in zip(row, self._readers, strict=True))


def _encode(value: object, kind: AttributeType) -> object:
    if kind is AttributeType.OBJECT and value is not None:
        return objects.pack(value)
    return value


def _reader(kind: AttributeType) -> Callable[[Any], object]:
    match kind:
        case AttributeType.BOOL:
            return bool
        case AttributeType.INT | AttributeType.LONG:
            return int
        case AttributeType.FLOAT | AttributeType.DOUBLE:
            return float
        case AttributeType.STRING:
            return str
        case _:
            return lambda value: objects.unpack(bytes(value))


def _value(expression: TableExpression, parameters: Row) -> object:
    match expression:
        case ParameterRef(index=index):
            return parameters[index]
        case Literal(value=value):
            return value
        case _:
            return None


def _condition(condition: object) -> SqlCondition:
    if not isinstance(condition, SqlCondition):
        raise DatabaseError("a condition that this table has not compiled")
    return condition


def _fragment(update_set: object) -> Fragment:
    if not isinstance(update_set, Fragment):
        raise DatabaseError("assignments that this table has not compiled")
    return update_set


class SqliteTable(SqlTable):
    """Options of `SqlTable`, with ``path`` for the file."""

    def url(self, definition: TableDefinition) -> str | None:
        path = definition.options.text("path")
        return "sqlite://:memory:" if path == ":memory:" else f"sqlite:///{path}"


class ServerTable(SqlTable):
    """Options of `SqlTable`, with ``host``, ``port`` and ``database``."""

    scheme = ""

    def url(self, definition: TableDefinition) -> str | None:
        options = definition.options
        return f"{self.scheme}://{options.text('host')}:{options.integer('port')}/{options.text('database')}"


class PostgresTable(ServerTable):
    """A table of a PostgreSQL server."""

    scheme = "postgresql"


class MysqlTable(ServerTable):
    """A table of a MySQL or MariaDB server."""

    scheme = "mysql"
