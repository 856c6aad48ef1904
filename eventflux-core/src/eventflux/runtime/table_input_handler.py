"""TableInputHandler: adds, changes and removes rows of a table from outside the app."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from eventflux.language import parse_expression
from eventflux.language.ast import (
    Assignment,
    AttributeReference,
    DeleteFrom,
    Expression,
    Identifier,
    InsertInto,
    RelationName,
    UpdateOrInsert,
    UpdateTable,
)
from eventflux.runtime.on_demand import OnDemandQueries
from eventflux.types.dialect import Dialect
from eventflux.types.schema import Schema
from eventflux.types.source_text import SourceText


class TableInputHandler:
    """Made by `EventFluxAppRuntime.table_input_handler`.

    Rows have the table's attributes. Conditions and new values are texts of EventFluxQL expressions, in which the
    table's attributes carry its name and those of the row are bare: `T.k == k and T.v < v`. Each call is one chunk,
    runs between two chunks of input, and gives the number of rows of the table that it touched.
    """

    def __init__(self, table: str, schema: Schema, queries: OnDemandQueries, refuse: Callable[[], None]) -> None:
        self._table = RelationName(name=Identifier(name=table))
        self._schema = schema
        self._queries = queries
        self._refuse = refuse

    @property
    def table(self) -> str:
        """Name of the table."""
        return self._table.name.name

    @property
    def schema(self) -> Schema:
        """Attributes of the table."""
        return self._schema

    def add(self, rows: Iterable[object]) -> int:
        """Insert rows; one whose primary key is there is left out and reported."""
        self._refuse()
        return self._queries.change(InsertInto(target=self._table), SourceText(""), rows)

    def update(self, rows: Iterable[object], on: str, set: Mapping[str, str] | None = None) -> int:
        """Change the rows that meet the condition; without `set` all attributes get those of the row."""
        self._refuse()
        output = UpdateTable(target=self._table, assignments=_assignments(set), condition=_condition(on))
        return self._queries.change(output, SourceText(on), rows)

    def delete(self, rows: Iterable[object], on: str) -> int:
        """Remove the rows that meet the condition."""
        self._refuse()
        return self._queries.change(DeleteFrom(target=self._table, condition=_condition(on)), SourceText(on), rows)

    def update_or_insert(self, rows: Iterable[object], on: str, set: Mapping[str, str] | None = None) -> int:
        """Change the rows that meet the condition, or insert the row where none does."""
        self._refuse()
        output = UpdateOrInsert(target=self._table, assignments=_assignments(set), condition=_condition(on))
        return self._queries.change(output, SourceText(on), rows)


def _condition(text: str) -> Expression:
    return parse_expression(text, Dialect.EVENTFLUXQL)


def _assignments(given: Mapping[str, str] | None) -> tuple[Assignment, ...] | None:
    if given is None:
        return None
    return tuple(
        Assignment(target=AttributeReference(name=Identifier(name=name)), value=_condition(text))
        for name, text in given.items()
    )
