"""Attribute types: codes, names in both dialects, ranges, numeric promotion."""

from __future__ import annotations

import enum
from typing import Final


class AttributeType(enum.IntEnum):
    """Type of an attribute. The integer value is the code that the native engine uses."""

    BOOL = 1
    INT = 2
    LONG = 3
    FLOAT = 4
    DOUBLE = 5
    STRING = 6
    OBJECT = 7

    @property
    def is_numeric(self) -> bool:
        """Whether arithmetic is defined on the type."""
        return AttributeType.INT <= self <= AttributeType.DOUBLE

    @property
    def is_integral(self) -> bool:
        """Whether values are whole numbers."""
        return self in (AttributeType.INT, AttributeType.LONG)

    @property
    def sql_name(self) -> str:
        """Name that the SQL printer writes."""
        return _SQL_SPELLING[self]

    @property
    def eventfluxql_name(self) -> str:
        """Name that the EventFluxQL printer writes."""
        return self.name.lower()

    def accepts(self, other: AttributeType) -> bool:
        """Whether a value of type `other` can be stored without loss of range: equal, or numeric widening."""
        if self is other:
            return True
        return self.is_numeric and other.is_numeric and other < self


INT_MIN: Final = -(2**31)
INT_MAX: Final = 2**31 - 1
LONG_MIN: Final = -(2**63)
LONG_MAX: Final = 2**63 - 1

_SQL_SPELLING: Final = {
    AttributeType.BOOL: "BOOLEAN",
    AttributeType.INT: "INT",
    AttributeType.LONG: "BIGINT",
    AttributeType.FLOAT: "FLOAT",
    AttributeType.DOUBLE: "DOUBLE",
    AttributeType.STRING: "STRING",
    AttributeType.OBJECT: "OBJECT",
}

# Upper-case name without arguments -> type. EventFluxQL's seven names are a subset, so one table serves both dialects:
# `define stream S (a varchar)` is allowed because DEFINE accepts SQL types.
TYPE_NAMES: Final[dict[str, AttributeType]] = {
    name: attribute_type
    for attribute_type, names in {
        AttributeType.STRING: (
            "STRING", "VARCHAR", "CHAR", "CHARACTER", "CHARACTER VARYING", "CHAR VARYING", "TEXT", "NVARCHAR",
        ),
        AttributeType.INT: ("INT", "INTEGER", "INT4", "INT2", "SMALLINT", "TINYINT"),
        AttributeType.LONG: ("BIGINT", "LONG", "INT8", "TIMESTAMP", "DATETIME", "DATE", "TIME"),
        AttributeType.FLOAT: ("FLOAT", "REAL", "FLOAT4"),
        AttributeType.DOUBLE: ("DOUBLE", "DOUBLE PRECISION", "FLOAT8", "NUMERIC", "DECIMAL"),
        AttributeType.BOOL: ("BOOL", "BOOLEAN"),
        AttributeType.OBJECT: (
            "OBJECT", "JSON", "BYTES", "BINARY", "VARBINARY", "BLOB", "ARRAY", "LIST", "MAP", "STRUCT", "ROW",
        ),
    }.items()
    for name in names
}  # fmt: skip


def attribute_type_named(name: str) -> AttributeType | None:
    """Type of a name as written in either dialect (any case, single spaces, no arguments), or None."""
    return TYPE_NAMES.get(name.upper())


def promote(left: AttributeType, right: AttributeType) -> AttributeType | None:
    """Type of an arithmetic result: the wider of INT < LONG < FLOAT < DOUBLE; None if either is not numeric."""
    if left.is_numeric and right.is_numeric:
        return max(left, right)
    return None


def common_type(left: AttributeType, right: AttributeType) -> AttributeType | None:
    """Type that holds values of both: equal types, or the promoted numeric type; None if there is none."""
    return left if left is right else promote(left, right)
