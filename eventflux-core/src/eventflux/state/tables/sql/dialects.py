"""What differs between databases: names, types, and the few statements that have no common form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Final

from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record
from eventflux.types.schema import Attribute

_INT: Final = AttributeType.INT
_LONG: Final = AttributeType.LONG
_FLOAT: Final = AttributeType.FLOAT
_DOUBLE: Final = AttributeType.DOUBLE
_BOOL: Final = AttributeType.BOOL
_STRING: Final = AttributeType.STRING
_OBJECT: Final = AttributeType.OBJECT


@record(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One database's SQL.

    Attributes:
        name: As in URLs.
        placeholder: Of a bound value.
        quote: Around identifiers.
        types: Of columns, by attribute type.
        key_text: Type of a text that is part of a primary key or index.
        casts: Types that bound values are cast to, where the database would not know their type.
        has_conflict_clause: ``ON CONFLICT``; else ``ON DUPLICATE KEY UPDATE``.
        assigns_in_order: An assignment sees those before it.
        row_order: Brings rows into the order of insertion where there is no key; empty: there is no such order.
    """

    name: str
    placeholder: str
    quote: str
    types: dict[AttributeType, str]
    key_text: str
    casts: dict[AttributeType, str] = field(default_factory=dict)
    has_conflict_clause: bool = True
    assigns_in_order: bool = False
    row_order: str = ""

    def identifier(self, name: str) -> str:
        """A name, quoted; dots separate a schema from a table."""
        quoted = f"{self.quote}{name.replace(self.quote, self.quote * 2)}{self.quote}"
        return quoted.replace("%", "%%") if self.placeholder == "%s" else quoted

    def table(self, name: str) -> str:
        """The name of a table, with that of its schema before it if there is one."""
        return ".".join(self.identifier(part) for part in name.split("."))

    def bound(self, kind: AttributeType | None) -> str:
        """Where a value of that type is bound."""
        cast = None if kind is None else self.casts.get(kind)
        return self.placeholder if cast is None else f"CAST({self.placeholder} AS {cast})"

    def create_table(self, table: str, attributes: Sequence[Attribute], key: Sequence[str]) -> str:
        """Make a table."""
        columns = [
            f"{self.identifier(each.name)} {self._column_type(each, is_key=each.name in key)}" for each in attributes
        ]
        if key:
            columns.append(f"PRIMARY KEY ({', '.join(self.identifier(name) for name in key)})")
        return f"CREATE TABLE {self.table(table)} ({', '.join(columns)})"

    def create_index(self, table: str, attribute: str) -> str | None:
        """Make an index on one column; None: the database can't on this type of table without more being known."""
        name = self.identifier(f"{table.replace('.', '_')}_{attribute}")
        return f"CREATE INDEX {name} ON {self.table(table)} ({self.identifier(attribute)})"

    def _column_type(self, attribute: Attribute, *, is_key: bool) -> str:
        if is_key and attribute.type is _STRING:
            return self.key_text
        return self.types[attribute.type]


SQLITE: Final = Dialect(
    name="sqlite",
    placeholder="?",
    quote='"',
    types={
        _INT: "INTEGER",
        _LONG: "BIGINT",
        _FLOAT: "REAL",
        _DOUBLE: "DOUBLE PRECISION",
        _BOOL: "INTEGER",
        _STRING: "TEXT",
        _OBJECT: "BLOB",
    },
    key_text="TEXT",
    row_order="rowid",
)

POSTGRES: Final = Dialect(
    name="postgresql",
    placeholder="%s",
    quote='"',
    types={
        _INT: "INTEGER",
        _LONG: "BIGINT",
        _FLOAT: "REAL",
        _DOUBLE: "DOUBLE PRECISION",
        _BOOL: "BOOLEAN",
        _STRING: "TEXT",
        _OBJECT: "BYTEA",
    },
    key_text="TEXT",
    casts={
        _INT: "INTEGER",
        _LONG: "BIGINT",
        _FLOAT: "REAL",
        _DOUBLE: "DOUBLE PRECISION",
        _BOOL: "BOOLEAN",
        _STRING: "TEXT",
        _OBJECT: "BYTEA",
    },
)

MYSQL: Final = Dialect(
    name="mysql",
    placeholder="%s",
    quote="`",
    types={
        _INT: "INTEGER",
        _LONG: "BIGINT",
        _FLOAT: "DOUBLE",
        _DOUBLE: "DOUBLE",
        _BOOL: "BOOLEAN",
        _STRING: "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        _OBJECT: "LONGBLOB",
    },
    key_text="VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    has_conflict_clause=False,
    assigns_in_order=True,
)
