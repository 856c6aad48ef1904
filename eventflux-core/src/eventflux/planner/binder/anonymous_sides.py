"""What stands at a side of a join in place of a stream: patterns, row patterns and window functions, as subqueries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from eventflux.language.ast import (
    AbsentElement,
    AttributeReference,
    ChainElement,
    EveryElement,
    Identifier,
    LogicalElement,
    MatchRecognizeInput,
    PatternElement,
    PatternInput,
    Query,
    RelationName,
    Selection,
    SelectItem,
    Star,
    StreamElement,
    SubqueryInput,
    TableFunctionInput,
)
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.relations import Relations


def as_subquery(
    context: BindContext, relations: Relations, source: MatchRecognizeInput | PatternInput | TableFunctionInput
) -> SubqueryInput:
    """The rows as an anonymous stream; of a pattern, attribute `col` of element `e` is called `e_col`."""
    items: tuple[SelectItem | Star, ...] = (Star(span=source.span),)
    if isinstance(source, PatternInput):
        items = _items(context, relations, source)
    selection = Selection(items=items, span=source.span)
    query = Query(dialect=context.dialect, input=source, selection=selection, span=source.span)
    return SubqueryInput(query=query, alias=source.alias, span=source.span)


def _items(context: BindContext, relations: Relations, source: PatternInput) -> tuple[SelectItem | Star, ...]:
    elements = list(_elements(source.pattern))
    names = [_name(element) for element in elements]
    seen = Counter(names)
    items: list[SelectItem | Star] = []
    for element, name in zip(elements, names, strict=True):
        if seen[name] > 1:
            # Nobody can name it.
            continue
        entry = relations.relation(element.relation, context)
        if entry is None or entry.schema is None:
            continue
        span = element.span
        qualifier = RelationName(name=Identifier(name=name, span=span), span=span)
        items += [
            SelectItem(
                expression=AttributeReference(
                    qualifier=qualifier, name=Identifier(name=attribute.name, span=span), span=span
                ),
                alias=Identifier(name=f"{name}_{attribute.name}", span=span),
                span=span,
            )
            for attribute in entry.schema
        ]
    return tuple(items) or (Star(span=source.span),)


def _name(element: StreamElement) -> str:
    return str(element.relation) if element.reference is None else element.reference.name


def _elements(pattern: PatternElement) -> Iterator[StreamElement]:
    """The elements that match events, in the order of the text."""
    match pattern:
        case StreamElement():
            yield pattern
        case AbsentElement():
            pass
        case LogicalElement():
            yield from _elements(pattern.left)
            yield from _elements(pattern.right)
        case EveryElement():
            yield from _elements(pattern.pattern)
        case ChainElement():
            for element in pattern.elements:
                yield from _elements(element)
