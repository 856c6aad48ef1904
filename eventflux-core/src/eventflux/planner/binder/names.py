"""What names mean at a place of a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Protocol

from eventflux.extension.nearest import by_nearness, nearest
from eventflux.language.ast import AttributeReference, EventIndex, FunctionCall, RelationName, TypeName
from eventflux.planner.diagnostics import Diagnostics
from eventflux.planner.typed.build import boolean
from eventflux.planner.typed.nodes import Column, OutputColumn, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Schema
from eventflux.types.source_text import Span

_LISTED = 8


@record(frozen=True, slots=True, kw_only=True)
class Relation:
    """Rows that a query reads, by the name that it calls them.

    Attributes:
        name: Its alias, or its own name.
        what: How messages call it: ``stream Trades``.
        schema: Its attributes; None if it could not be found, which was reported.
        offset: Number of its first column among all columns of the query's input.
        counted: An element of a pattern that collects several events: an attribute without index is their list.
        hidden: Its own name, where an alias hides it.
        shapes: Declared types of attributes that are structs, arrays, maps.
        other_name: A second name that it goes by.
        any_case: Names of its attributes may be written in any case.
        missing: True where an outer join found no row of it; None: its row is always there.
        timestamp: Number of the column with the timestamp of its row; None: it is that of the row at hand.
    """

    name: str
    what: str
    schema: Schema | None
    offset: int = 0
    counted: bool = False
    hidden: str | None = None
    shapes: Mapping[str, TypeName] = field(default_factory=dict)
    other_name: str | None = None
    any_case: bool = False
    missing: TypedExpression | None = None
    timestamp: int | None = None

    def is_called(self, name: str) -> bool:
        """Whether a qualifier of that name means it."""
        return name in {self.name, self.other_name}

    def column(self, name: str, *, indexed: bool = False) -> Column | None:
        """Its attribute of that name."""
        if self.any_case:
            name = name.lower()
        position = None if self.schema is None else self.schema.position(name)
        if self.schema is None or position is None:
            return None
        attribute = self.schema[position]
        collected = self.counted and not indexed
        return Column(
            index=self.offset + position,
            type=AttributeType.OBJECT if collected else attribute.type,
            name=attribute.name,
            shape=None if collected else self.shapes.get(name),
        )


class Scope(Protocol):
    """Where the names of an expression are looked up."""

    def resolve(self, reference: AttributeReference, diagnostics: Diagnostics) -> TypedExpression:
        """What the reference means; Unknown after an error was noted."""
        ...

    def knows(self, reference: AttributeReference) -> bool:
        """Whether the reference means something here."""
        ...

    def is_relation(self, name: str) -> bool:
        """Whether a relation or pattern element is called that."""
        ...

    def presence(self, name: str, index: EventIndex | None, span: Span) -> TypedExpression | None:
        """Whether what a bare name means has a row; None: it always has."""
        ...

    def collection(self, call: FunctionCall) -> TypedExpression | None:
        """The aggregate over the events of an element of a pattern; None: the call means another one."""
        ...

    @property
    def columns(self) -> Sequence[Column]:
        """All columns, in order: what ``*`` stands for."""
        ...


@record(frozen=True, slots=True, kw_only=True)
class InputScope:
    """The attributes of a query's input.

    Attributes:
        relations: What is read, in order.
        own: The relation that bare names mean first: the element's own stream in a filter of a pattern.
        merged: What the attributes of USING are that several relations have.
    """

    relations: tuple[Relation, ...]
    own: Relation | None = None
    merged: Mapping[str, TypedExpression] = field(default_factory=dict)

    def is_relation(self, name: str) -> bool:
        return any(relation.is_called(name) for relation in self.relations)

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(
            column
            for relation in self.relations
            if relation.schema is not None
            for attribute in relation.schema
            if (column := relation.column(attribute.name)) is not None
        )

    def restricted(self, relations: tuple[Relation, ...]) -> InputScope:
        """The scope with some of its relations only."""
        return replace(self, relations=relations, merged={})

    def presence(self, name: str, index: EventIndex | None, span: Span) -> TypedExpression | None:
        """Whether the row of a relation, or an event of a pattern's element, is there; None: it always is."""
        del index
        missing = next((relation.missing for relation in self.relations if relation.is_called(name)), None)
        return None if missing is None else boolean("not", missing, span=span)

    def timestamp(self, name: str) -> Column | None:
        """The timestamp of the row of a relation, where that is a column of its own."""
        found = next((relation.timestamp for relation in self.relations if relation.is_called(name)), None)
        return None if found is None else Column(index=found, type=AttributeType.LONG, name=f"eventTimestamp({name})")

    def collection(self, call: FunctionCall) -> TypedExpression | None:
        """The aggregate over the events that one element of a pattern has gathered; None: it is no such aggregate."""
        del call
        return None

    @property
    def starred(self) -> tuple[tuple[str, TypedExpression], ...]:
        """Names and values that ``*`` stands for: attributes of USING once."""
        found: list[tuple[str, TypedExpression]] = []
        merged: set[str] = set()
        for column in self.columns:
            if column.name not in self.merged:
                found.append((column.name, column))
            elif column.name not in merged:
                merged.add(column.name)
                found.append((column.name, self.merged[column.name]))
        return tuple(found)

    @property
    def is_complete(self) -> bool:
        """Whether all relations were found: else an unknown name proves nothing."""
        return all(relation.schema is not None for relation in self.relations)

    def knows(self, reference: AttributeReference) -> bool:
        name = reference.name.name
        return any(relation.column(name) is not None for relation in self._named(reference.qualifier))

    def resolve(self, reference: AttributeReference, diagnostics: Diagnostics) -> TypedExpression:
        name = reference.name.name
        indexed = reference.index is not None
        if reference.qualifier is not None:
            return self._qualified(reference, reference.qualifier, diagnostics)
        if self.own is not None and (column := self.own.column(name, indexed=True)) is not None:
            # The event at hand, not the list of those before it.
            return _at(column, reference)
        if name in self.merged:
            return self.merged[name]
        found = [
            (relation, column)
            for relation in self.relations
            if (column := relation.column(name, indexed=indexed)) is not None
        ]
        if len(found) == 1:
            return _at(found[0][1], reference)
        if found:
            if self.is_complete:
                candidates = ", ".join(f"{relation.name}.{name}" for relation, _ in found)
                diagnostics.error(
                    reference.span,
                    ErrorCode.UNDEFINED_COLUMN,
                    f"attribute '{name}' is ambiguous: {candidates}",
                    "write the stream or its alias before it",
                )
        elif self.is_complete:
            self._unknown_attribute(reference, self.relations, diagnostics)
        return Unknown(span=reference.span)

    def _named(self, qualifier: RelationName | None) -> tuple[Relation, ...]:
        if qualifier is None:
            return self.relations
        return tuple(relation for relation in self.relations if relation.is_called(str(qualifier)))

    def _qualified(
        self, reference: AttributeReference, qualifier: RelationName, diagnostics: Diagnostics
    ) -> TypedExpression:
        name = reference.name.name
        named = self._named(qualifier)
        if not named:
            if self.is_complete:
                self._unknown_qualifier(reference, qualifier, diagnostics)
            return Unknown(span=reference.span)
        if self.own in named and self.own is not None:
            named = (self.own,)
        relation = named[0]
        if relation.schema is None:
            return Unknown(span=reference.span)
        # In its own filter an element means the event at hand, not the list of those before it.
        column = relation.column(name, indexed=reference.index is not None or relation is self.own)
        if column is not None:
            return _at(column, reference)
        self._unknown_attribute(reference, (relation,), diagnostics)
        return Unknown(span=reference.span)

    def _unknown_qualifier(
        self, reference: AttributeReference, qualifier: RelationName, diagnostics: Diagnostics
    ) -> None:
        names = [relation.name for relation in self.relations]
        hidden = next((relation for relation in self.relations if relation.hidden == str(qualifier)), None)
        hint: str | None = None
        if hidden is not None:
            hint = f"'{hidden.hidden}' is called '{hidden.name}' here"
        elif names:
            hint = "the query reads: " + ", ".join(names)
        span = qualifier.span if qualifier.span.end > qualifier.span.start else reference.span
        diagnostics.error(span, ErrorCode.UNDEFINED_RELATION, f"the query reads no '{qualifier}'", hint)

    def _unknown_attribute(
        self, reference: AttributeReference, relations: tuple[Relation, ...], diagnostics: Diagnostics
    ) -> None:
        name = reference.name.name
        if len(relations) == 1:
            message = f"unknown attribute '{name}' of {relations[0].what}"
        else:
            message = f"unknown attribute '{name}'"
        hint = attribute_hint(name, relations)
        if reference.name.quoted:
            hint = f"use '{name}' for a string" + (f"; {hint}" if hint else "")
        span = reference.name.span if reference.name.span.end > reference.name.span.start else reference.span
        diagnostics.error(span, ErrorCode.UNDEFINED_COLUMN, message, hint)


def attribute_hint(name: str, relations: Sequence[Relation]) -> str | None:
    """``did you mean 'price'? Trades has: symbol STRING, price DOUBLE``."""
    known = [attribute.name for relation in relations if relation.schema is not None for attribute in relation.schema]
    best = nearest(name, known)
    parts = [] if best is None else [f"did you mean '{best}'?"]
    parts.extend(
        f"{relation.name} has: {relation.schema}"
        for relation in relations
        if relation.schema is not None and len(relation.schema) <= _LISTED
    )
    if not parts and known:
        parts.append("the nearest are: " + ", ".join(by_nearness(name, known)[:_LISTED]))
    return "; ".join(parts).replace("?; ", "? ") or None


@record(frozen=True, slots=True, kw_only=True)
class OutputScope:
    """The output attributes of a selection, and behind them what else may be named.

    Attributes:
        names: Output names in order.
        types: Their types.
        fallback: Where a name that is no output is looked up; None: nowhere.
        input_first: Names of the input go before names of the output.
    """

    names: tuple[str, ...]
    types: tuple[AttributeType | None, ...]
    fallback: InputScope | None = None
    input_first: bool = False
    what: str = field(default="the selection")

    def is_relation(self, name: str) -> bool:
        return self.fallback is not None and self.fallback.is_relation(name)

    def presence(self, name: str, index: EventIndex | None, span: Span) -> TypedExpression | None:
        return None if self.fallback is None else self.fallback.presence(name, index, span)

    def collection(self, call: FunctionCall) -> TypedExpression | None:
        return None if self.fallback is None else self.fallback.collection(call)

    @property
    def columns(self) -> tuple[Column, ...]:
        return () if self.fallback is None else self.fallback.columns

    def output(self, reference: AttributeReference) -> OutputColumn | None:
        """The output attribute that a bare name means."""
        name = reference.name.name
        if reference.qualifier is not None or reference.index is not None or name not in self.names:
            return None
        index = self.names.index(name)
        return OutputColumn(index=index, type=self.types[index], name=name, span=reference.span)

    def knows(self, reference: AttributeReference) -> bool:
        return self.output(reference) is not None or (self.fallback is not None and self.fallback.knows(reference))

    def resolve(self, reference: AttributeReference, diagnostics: Diagnostics) -> TypedExpression:
        if self.input_first and self.fallback is not None and self.fallback.knows(reference):
            return self.fallback.resolve(reference, diagnostics)
        output = self.output(reference)
        if output is not None:
            # An output of unknown type had its error already.
            return output if output.type is not None else Unknown(span=reference.span)
        if self.fallback is not None:
            return self.fallback.resolve(reference, diagnostics)
        name = reference.name.name if reference.qualifier is None else f"{reference.qualifier}.{reference.name.name}"
        best = nearest(reference.name.name, self.names)
        listed = f"{self.what} has: {', '.join(self.names)}" if len(self.names) <= _LISTED else ""
        hint = " ".join(part for part in (f"did you mean '{best}'?" if best else "", listed) if part)
        diagnostics.error(
            reference.span, ErrorCode.UNDEFINED_COLUMN, f"unknown output attribute '{name}'", hint or None
        )
        return Unknown(span=reference.span)


def _at(column: Column, reference: AttributeReference) -> Column:
    return replace(column, span=reference.span)
