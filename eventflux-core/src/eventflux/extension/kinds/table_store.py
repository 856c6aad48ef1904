"""Tables outside the engine.

Conditions and assignments are compiled once, when the app is created, and executed once a chunk with one set of
parameters a row. A store takes what it can: what it answers with `UNSUPPORTED`, the engine evaluates on the rows that
the store returns.

What a condition means does not depend on who evaluates it: comparisons with null are false, but ``!=`` is true there,
``and``, ``or`` and ``not`` know true and false only, ``+ - *`` of a null are null.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from enum import Enum
from typing import Final

from eventflux.extension.kinds.rows import Row
from eventflux.extension.options import Options
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record
from eventflux.types.schema import Schema


class Unsupported(Enum):
    """The type of `UNSUPPORTED`."""

    UNSUPPORTED = "unsupported"


UNSUPPORTED: Final = Unsupported.UNSUPPORTED


@record(frozen=True, slots=True, kw_only=True)
class TableDefinition:
    """A table as defined.

    Attributes:
        name: As queries name it.
        schema: Its attributes.
        primary_key: Names of the attributes that no two rows have alike.
        indexes: Names of the attributes that conditions often compare.
        options: Checked against the store's declaration.
        shared: What the manager holds for stores: data sources by name.
    """

    name: str
    schema: Schema
    primary_key: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)
    shared: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)


@record(frozen=True, slots=True)
class TableAttribute:
    """An attribute of the table in a condition."""

    name: str


@record(frozen=True, slots=True)
class ParameterRef:
    """A value that each row of the chunk brings; the index is that of the parameter row."""

    index: int
    type: AttributeType


@record(frozen=True, slots=True)
class Literal:
    """A constant in a condition."""

    value: object
    type: AttributeType


@record(frozen=True, slots=True)
class Operation:
    """``== != < <= > >= and or not + - * is_null`` over expressions."""

    operator: str
    operands: tuple[TableExpression, ...]


TableExpression = TableAttribute | ParameterRef | Literal | Operation


@record(frozen=True, slots=True, kw_only=True)
class Assignment:
    """``set T.a = value``; all values are those of the row as it was."""

    attribute: str
    value: TableExpression


class TableStore(ABC):
    """One table in an outside store. Calls come one at a time, from any thread; a value that fails raises.

    `ConnectionUnavailableError` says that the store can't be reached: the call is made again later. After any other
    exception nothing of the call has happened.
    """

    @abstractmethod
    def init(self, definition: TableDefinition) -> None:
        """Take the definition; no I/O. `ConfigError`: an option can't work."""

    @abstractmethod
    def connect(self) -> None:
        """Open; may be called again after a lost connection."""

    @abstractmethod
    def disconnect(self) -> None:
        """Close; idempotent."""

    def destroy(self) -> None:
        """Release what `init` took."""

    @abstractmethod
    def insert(self, rows: Sequence[Row]) -> None:
        """Add rows: all, or none and an exception, such as where a primary key is there already."""

    def compile_condition(self, condition: TableExpression) -> object | Unsupported:
        """A condition in the store's own form, or `UNSUPPORTED`."""
        return UNSUPPORTED

    def compile_join_condition(self, condition: TableExpression) -> object | Unsupported:
        """As `compile_condition`, for a join: `find` will mostly be asked for several rows at once."""
        return self.compile_condition(condition)

    def compile_update_set(self, assignments: Sequence[Assignment]) -> object | Unsupported:
        """Assignments in the store's own form, or `UNSUPPORTED`. They may have the parameters of a condition."""
        return UNSUPPORTED

    @abstractmethod
    def find(self, condition: object, parameters: Sequence[Row]) -> Iterable[Sequence[Row]]:
        """For each parameter row the rows that meet the compiled condition."""

    def contains(self, condition: object, parameters: Sequence[Row]) -> Sequence[bool]:
        """For each parameter row whether a row meets the compiled condition."""
        return [bool(rows) for rows in self.find(condition, parameters)]

    @abstractmethod
    def update(self, condition: object, update_set: object, parameters: Sequence[Row]) -> int:
        """Change rows, for each parameter row in order; how many."""

    @abstractmethod
    def delete(self, condition: object, parameters: Sequence[Row]) -> int:
        """Remove rows, for each parameter row in order; how many."""

    @abstractmethod
    def update_or_insert(
        self, condition: object, update_set: object | None, parameters: Sequence[Row], rows: Sequence[Row]
    ) -> int:
        """For each parameter row in order: change the rows that meet the condition (`update_set` None: leave them),
        or insert the row of that index where none does; how many rows were touched.
        """

    @abstractmethod
    def rows(self) -> Iterable[Row]:
        """Every row, in the store's order."""

    def serialize(self) -> bytes:
        """What a checkpoint has to hold, for stores that keep rows in this process."""
        return b""

    def deserialize(self, data: bytes) -> None:
        """Take over what `serialize` gave."""
