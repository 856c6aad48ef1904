"""`@store(type='shelf')`: a table whose rows are in this process, one shelf for all apps that name it."""

from collections.abc import Iterable, Sequence
from typing import Any

from eventflux.extension import (
    Assignment,
    Parameter,
    Row,
    TableDefinition,
    TableStore,
    extension,
)
from eventflux.extension.kinds.table_store import TableExpression
from eventflux.extension.table_expressions import evaluator, updater

_SHELVES: dict[str, list[Row]] = {}


@extension(
    name="shelf",
    kind="store",
    description="Rows in memory, under a name that several tables can share.",
    parameters=[Parameter("shelf", ("STRING",), "Name of the shelf; else that of the table.", optional=True)],
)
class Shelf(TableStore):
    """Conditions and changes become Python functions; the engine never has to test a row."""

    def init(self, definition: TableDefinition) -> None:
        """Find the shelf."""
        self.names = definition.schema.names
        self.rows_held = _SHELVES.setdefault(definition.options.optional_text("shelf") or definition.name, [])

    def connect(self) -> None:
        """It is here already."""

    def disconnect(self) -> None:
        """It stays."""

    def compile_condition(self, condition: TableExpression) -> object:
        """A function of a row of the table and a row of parameters."""
        return evaluator(condition, self.names)

    def compile_update_set(self, assignments: Sequence[Assignment]) -> object:
        """A function that gives the changed row."""
        return updater(assignments, self.names)

    def insert(self, rows: Sequence[Row]) -> None:
        """Put rows behind the others."""
        self.rows_held.extend(rows)

    def find(self, condition: Any, parameters: Sequence[Row]) -> Iterable[Sequence[Row]]:
        """The rows that fit, for each row of parameters."""
        return [[row for row in self.rows_held if condition(row, each)] for each in parameters]

    def update(self, condition: Any, update_set: Any, parameters: Sequence[Row]) -> int:
        """Change rows in their places."""
        touched = 0
        for each in parameters:
            for place, row in enumerate(self.rows_held):
                if condition(row, each):
                    self.rows_held[place] = update_set(row, each)
                    touched += 1
        return touched

    def delete(self, condition: Any, parameters: Sequence[Row]) -> int:
        """Take rows away."""
        before = len(self.rows_held)
        for each in parameters:
            self.rows_held[:] = [row for row in self.rows_held if not condition(row, each)]
        return before - len(self.rows_held)

    def update_or_insert(self, condition: Any, update_set: Any, parameters: Sequence[Row], rows: Sequence[Row]) -> int:
        """Each row of parameters sees what those before it did."""
        touched = 0
        for each, row in zip(parameters, rows, strict=True):
            if not any(condition(held, each) for held in self.rows_held):
                self.insert([row])
                touched += 1
            elif update_set is not None:
                touched += self.update(condition, update_set, [each])
        return touched

    def rows(self) -> Iterable[Row]:
        """All rows, in the order in which they came."""
        return list(self.rows_held)
