"""Tables outside the engine.

Conditions and assignments are compiled once, when the app is created, and executed once a chunk with one set of
parameters a row. A store takes what it can: what it answers with `UNSUPPORTED`, the engine evaluates on the rows that
the store returns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from eventflux.extension.kinds.rows import Row
from eventflux.types.attribute_type import AttributeType
from eventflux.types.schema import Schema


class Unsupported(Enum):
    """The type of `UNSUPPORTED`."""

    UNSUPPORTED = "unsupported"


UNSUPPORTED: Final = Unsupported.UNSUPPORTED


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDefinition:
    """A table as defined: name, attributes, keys, options."""

    name: str
    schema: Schema
    primary_key: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TableAttribute:
    """An attribute of the table in a condition."""

    name: str


@dataclass(frozen=True, slots=True)
class ParameterRef:
    """A value that each row of the chunk brings; the index is that of the parameter row."""

    index: int
    type: AttributeType


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant in a condition."""

    value: object
    type: AttributeType


@dataclass(frozen=True, slots=True)
class Operation:
    """``== != < <= > >= and or not + - * / % is_null`` over conditions."""

    operator: str
    operands: tuple[TableExpression, ...]


TableExpression = TableAttribute | ParameterRef | Literal | Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """``set T.a = value``."""

    attribute: str
    value: TableExpression


class TableStore(ABC):
    """One table in an outside store."""

    @abstractmethod
    def init(self, definition: TableDefinition) -> None:
        """Take the definition; no I/O."""

    @abstractmethod
    def connect(self) -> None:
        """Open; `ConnectionUnavailableError` is retried."""

    @abstractmethod
    def disconnect(self) -> None:
        """Close; idempotent."""

    def destroy(self) -> None:
        """Release what `init` took."""

    @abstractmethod
    def insert(self, rows: Sequence[Row]) -> None:
        """Add rows."""

    def compile_condition(self, condition: TableExpression) -> object | Unsupported:
        """A condition in the store's own form, or `UNSUPPORTED`."""
        return UNSUPPORTED

    def compile_update_set(self, assignments: Sequence[Assignment]) -> object | Unsupported:
        """Assignments in the store's own form, or `UNSUPPORTED`."""
        return UNSUPPORTED

    @abstractmethod
    def find(self, condition: object, parameters: Sequence[Row]) -> Iterable[Sequence[Row]]:
        """For each parameter row the rows that meet the compiled condition."""

    def contains(self, condition: object, parameters: Sequence[Row]) -> Sequence[bool]:
        """For each parameter row whether a row meets the compiled condition."""
        return [bool(rows) for rows in self.find(condition, parameters)]

    @abstractmethod
    def update(self, condition: object, update_set: object, parameters: Sequence[Row]) -> int:
        """Change rows; how many."""

    @abstractmethod
    def delete(self, condition: object, parameters: Sequence[Row]) -> int:
        """Remove rows; how many."""

    @abstractmethod
    def update_or_insert(
        self, condition: object, update_set: object, parameters: Sequence[Row], rows: Sequence[Row]
    ) -> int:
        """Change the rows that meet the condition, or insert the row of that index where none does; how many."""

    @abstractmethod
    def rows(self) -> Iterable[Row]:
        """Every row, in the store's order."""
