"""Patterns and sequences: their names and types. What runs them comes later."""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import assert_never

from eventflux.language.ast import (
    AbsentElement,
    ChainElement,
    EveryElement,
    Filter,
    LogicalElement,
    MatchRecognizeInput,
    PatternElement,
    PatternInput,
    StreamElement,
    StreamInput,
)
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.relations import Relations
from eventflux.planner.catalog import Entry, RelationKind
from eventflux.types.error_codes import ErrorCode


def pattern_scope(context: BindContext, relations: Relations, source: PatternInput) -> InputScope:
    """What names mean over a pattern; notes what is wrong in it, and that it is not run yet."""
    context.diagnostics.not_supported(source.span, f"{source.kind.value}s are")
    elements = tuple(_elements(source.pattern))
    entries = [_entry(context, relations, element) for element in elements]
    known: list[Relation] = []
    pairs: list[tuple[StreamElement | AbsentElement, Relation]] = []
    for element, entry in zip(elements, entries, strict=True):
        relation = _relation(element, entry)
        pairs.append((element, relation))
        if isinstance(element, StreamElement):
            known.append(relation)
    _names(context, elements)
    for element, relation in pairs:
        scope = InputScope(relations=_unique((relation, *known)), own=relation)
        for handler in element.handlers:
            if isinstance(handler, Filter):
                ExpressionBinder(context=context, scope=scope, clause="a pattern filter").condition(handler.condition)
    return InputScope(relations=_unique(tuple(known)))


def match_recognize_scope(context: BindContext, relations: Relations, source: MatchRecognizeInput) -> InputScope:
    """Notes that MATCH_RECOGNIZE is not run yet; its measures are not known."""
    context.diagnostics.not_supported(source.span, "MATCH_RECOGNIZE is")
    if isinstance(source.input, StreamInput):
        relations.relation(source.input.relation, context)
    name = "" if source.alias is None else source.alias.name
    return InputScope(relations=(Relation(name=name, what="MATCH_RECOGNIZE", schema=None),))


def _elements(pattern: PatternElement) -> Iterator[StreamElement | AbsentElement]:
    match pattern:
        case StreamElement() | AbsentElement():
            yield pattern
        case LogicalElement():
            yield from _elements(pattern.left)
            yield from _elements(pattern.right)
        case EveryElement():
            yield from _elements(pattern.pattern)
        case ChainElement():
            for element in pattern.elements:
                yield from _elements(element)
        case _:
            assert_never(pattern)


def _entry(context: BindContext, relations: Relations, element: StreamElement | AbsentElement) -> Entry | None:
    entry = relations.relation(element.relation, context)
    if entry is not None and entry.kind in {RelationKind.TABLE, RelationKind.AGGREGATION}:
        context.diagnostics.error(
            element.relation.span, ErrorCode.TABLE_IN_PATTERN, f"{entry.what} cannot be used in a pattern"
        )
        return None
    return entry


def _relation(element: StreamElement | AbsentElement, entry: Entry | None) -> Relation:
    reference = element.reference if isinstance(element, StreamElement) else None
    quantifier = element.quantifier if isinstance(element, StreamElement) else None
    name = str(element.relation) if reference is None else reference.name
    return Relation(
        name=name,
        what=str(element.relation) if entry is None else entry.what,
        schema=None if entry is None else entry.schema,
        counted=quantifier is not None and quantifier.maximum != 1,
        shapes={} if entry is None else entry.shapes,
    )


def _names(context: BindContext, elements: tuple[StreamElement | AbsentElement, ...]) -> None:
    streams = [element for element in elements if isinstance(element, StreamElement)]
    references = [element.reference for element in streams if element.reference is not None]
    seen: set[str] = set()
    for reference in references:
        if reference.name in seen:
            context.diagnostics.error(
                reference.span, ErrorCode.DUPLICATE_NAME, f"'{reference.name}' names two elements of the pattern"
            )
        seen.add(reference.name)
    if not context.is_sql:
        return
    for element in streams:
        same = [other for other in streams if str(other.relation) == str(element.relation)]
        if element.reference is None and len(same) > 1:
            context.diagnostics.error(
                element.relation.span,
                ErrorCode.ELEMENT_NEEDS_ALIAS,
                f"element '{element.relation}' needs an alias: stream {element.relation} occurs {len(same)} times",
                f"write e1={element.relation}",
            )
            return


def _unique(relations: tuple[Relation, ...]) -> tuple[Relation, ...]:
    found: dict[str, Relation] = {}
    for relation in relations:
        found.setdefault(relation.name, relation)
    return tuple(found.values())
