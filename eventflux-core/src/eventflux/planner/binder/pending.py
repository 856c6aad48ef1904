"""The queries of a text: their order, their names, what they write to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eventflux.language.ast import (
    Annotation,
    Identifier,
    InsertInto,
    Partition,
    Query,
    QueryDefinition,
    RelationName,
    Statement,
    ViewDefinition,
)
from eventflux.planner.diagnostics import Diagnostics
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span

# Where a SELECT without a target puts its rows.
OUTPUT_STREAM = "OutputStream"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingQuery:
    """A query of the text that waits for its turn.

    Attributes:
        number: Position among the queries of the text, those in partitions included, from 0.
        name: Given, or `query<position>`.
        query: The query.
        view: Name of the view that it fills.
    """

    number: int
    name: str
    query: Query
    view: Identifier | None = None

    @property
    def target(self) -> RelationName | None:
        """The relation that the text names behind INSERT INTO."""
        return self.query.output.target if isinstance(self.query.output, InsertInto) else None

    @property
    def target_name(self) -> str | None:
        """The relation that its rows go into; None where they change a table, or are returned."""
        if self.view is not None:
            return self.view.name
        if self.query.output is None:
            return OUTPUT_STREAM
        return None if self.target is None else str(self.target)

    @property
    def columns(self) -> tuple[Identifier, ...] | None:
        """The column list behind the target."""
        return self.query.output.columns if isinstance(self.query.output, InsertInto) else None

    @property
    def target_span(self) -> Span:
        """Where the target stands in the text."""
        if self.view is not None:
            return self.view.span
        return self.query.span if self.target is None else self.target.span


def pending_queries(statements: Sequence[Statement], diagnostics: Diagnostics) -> tuple[PendingQuery, ...]:
    """The queries that are planned, in text order, all with names of their own."""
    found = list(_queries(statements))
    given = _given_names(found, diagnostics)
    taken = {name for name in given if name is not None}
    pending: list[PendingQuery] = []
    for number, (query, _, view) in enumerate(found):
        if query is None:
            continue
        name = given[number]
        if name is None:
            name = f"query{number + 1}"
            while name in taken:
                name += "_"
            taken.add(name)
        pending.append(PendingQuery(number=number, name=name, query=query, view=view))
    return tuple(pending)


_Found = tuple["Query | None", "tuple[str, Span] | None", "Identifier | None"]


def _queries(statements: Sequence[Statement]) -> Iterator[_Found]:
    """Query (None: counted, not planned), given name, view."""
    for statement in statements:
        match statement:
            case Query():
                yield statement, _info_name(statement.annotations), None
            case QueryDefinition(statement=Query() as query, name=name):
                yield query, (name.name, name.span), None
            case ViewDefinition():
                yield statement.query, _info_name(statement.annotations), statement.name
            case Partition():
                for inner in statement.statements:
                    match inner:
                        case Query():
                            yield None, _info_name(inner.annotations), None
                        case QueryDefinition(name=name):
                            yield None, (name.name, name.span), None
                        case _:
                            pass
            case _:
                pass


def _info_name(annotations: Sequence[Annotation]) -> tuple[str, Span] | None:
    for annotation in annotations:
        if annotation.is_named("info"):
            element = annotation.element("name")
            if element is not None:
                return element.value, element.value_span
    return None


def _given_names(found: Sequence[_Found], diagnostics: Diagnostics) -> list[str | None]:
    places: dict[str, Span] = {}
    names: list[str | None] = []
    for _, given, _ in found:
        if given is None:
            names.append(None)
            continue
        name, span = given
        if name in places:
            place = diagnostics.source.position(places[name].start)
            diagnostics.error(
                span, ErrorCode.DUPLICATE_NAME, f"query name '{name}' is already given at {place.line}:{place.column}"
            )
            names.append(None)
        else:
            places[name] = span
            names.append(name)
    return names
