"""What names mean over a pattern: values of the events that a match has gathered.

A reference becomes a column of the match: a capture. In a filter, references to the element's own stream become columns
of the event at hand instead, numbered from `OWN` on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from eventflux.language.ast import AttributeReference, EventIndex, Expression, FunctionCall
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.diagnostics import Diagnostics
from eventflux.planner.logical.explanations import MATCHED_EVENTS
from eventflux.planner.logical.patterns import Capture, CaptureKind, StateKind
from eventflux.planner.typed.nodes import Column, TypedExpression
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record
from eventflux.types.source_text import Span

OWN: Final = 1 << 24

_COLLECTIONS: Final = {
    "count": CaptureKind.COUNT_VALUES,
    "sum": CaptureKind.SUM,
    "avg": CaptureKind.AVERAGE,
    "min": CaptureKind.MINIMUM,
    "max": CaptureKind.MAXIMUM,
    "stddev": CaptureKind.DEVIATION,
    "first": CaptureKind.VALUE,
    "last": CaptureKind.VALUE,
}
_WHOLE: Final = frozenset({AttributeType.INT, AttributeType.LONG})


@record(frozen=True, slots=True, kw_only=True)
class ElementRelation:
    """A state as names see it."""

    number: int
    kind: StateKind
    relation: Relation

    @property
    def is_counting(self) -> bool:
        return self.kind is StateKind.COUNT


@dataclass(slots=True)
class CaptureList:
    """The captures that expressions read, each once."""

    found: list[Capture] = field(default_factory=list)

    def number(self, capture: Capture) -> int:
        """The place of the capture, a new one if there is none."""
        if capture not in self.found:
            self.found.append(capture)
        return self.found.index(capture)


@record(frozen=True, slots=True, kw_only=True)
class PatternScope(InputScope):
    """The elements of a pattern.

    Attributes:
        elements: In order of their states; `offset` of their relations tells them apart.
        captures: Where captures are counted.
        own_state: The state whose filter is bound; None: the selection.
        tells_events: MATCHED_EVENTS is the list of all events.
    """

    elements: tuple[ElementRelation, ...]
    captures: CaptureList
    own_state: int | None = None
    tells_events: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """What ``*`` stands for: attributes in the order of states, of a counting one those of its first event."""
        return tuple(
            replace(
                self._column(element, position, EventIndex(offset=0), Span(0, 0)),
                name=element.relation.schema[position].name,
            )
            for element in self.elements
            if element.relation in self.relations and element.relation.schema is not None
            for position in range(len(element.relation.schema))
        )

    def resolve(self, reference: AttributeReference, diagnostics: Diagnostics) -> TypedExpression:
        if self.tells_events and reference.name.name == MATCHED_EVENTS:
            capture = Capture(kind=CaptureKind.EVENTS, state=0, type=AttributeType.OBJECT, name=MATCHED_EVENTS)
            return self._captured(capture, reference.span)
        # Explicit base: a slotted dataclass is made anew, which breaks the short form of super().
        found = InputScope.resolve(self, reference, diagnostics)
        if not isinstance(found, Column):
            return found
        element = next(
            each
            for each in self.elements
            if each.relation.schema is not None
            and each.relation.offset <= found.index < each.relation.offset + len(each.relation.schema)
        )
        position = found.index - element.relation.offset
        column = self._column(element, position, reference.index, reference.span)
        return replace(column, shape=found.shape)

    def presence(self, name: str, index: EventIndex | None, span: Span) -> TypedExpression | None:
        element = self._element(name)
        if element is None:
            return None
        capture = Capture(
            kind=CaptureKind.PRESENT,
            state=element.number,
            index=0 if index is None else index.offset,
            from_last=index is not None and index.from_last,
            type=AttributeType.BOOL,
            name=f"{name}{_indexed(index)}",
        )
        return self._captured(capture, span)

    def collection(self, call: FunctionCall) -> TypedExpression | None:
        name = call.name.lower()
        kind = _COLLECTIONS.get(name)
        if kind is None or call.namespace or call.distinct or call.star or call.filter or len(call.arguments) != 1:
            return None
        argument: Expression = call.arguments[0].value
        if not isinstance(argument, AttributeReference) or argument.index is not None:
            return None
        if argument.qualifier is None:
            element = self._element(argument.name.name)
            if name != "count" or element is None or not element.is_counting or self.knows(argument):
                return None
            capture = Capture(
                kind=CaptureKind.COUNT,
                state=element.number,
                type=AttributeType.LONG,
                name=f"count({element.relation.name})",
            )
            return self._captured(capture, call.span)
        element = self._element(str(argument.qualifier))
        if element is None or not element.is_counting or element.relation.schema is None:
            return None
        position = element.relation.schema.position(argument.name.name)
        if position is None:
            return None
        attribute_type = element.relation.schema[position].type
        result = _collected_type(kind, attribute_type)
        if result is None:
            return None
        capture = Capture(
            kind=kind,
            state=element.number,
            from_last=name == "last",
            column=position,
            type=result,
            name=f"{name}({element.relation.name}.{argument.name.name})",
        )
        return self._captured(capture, call.span)

    def _element(self, name: str) -> ElementRelation | None:
        visible = [relation.offset for relation in self.relations]
        return next(
            (each for each in self.elements if each.relation.name == name and each.relation.offset in visible), None
        )

    def _column(self, element: ElementRelation, position: int, index: EventIndex | None, span: Span) -> Column:
        schema = element.relation.schema
        assert schema is not None
        attribute = schema[position]
        is_own = element.number == self.own_state
        if is_own and (index is None or (not element.is_counting and index.offset == 0)):
            return Column(index=OWN + position, type=attribute.type, name=attribute.name, span=span)
        kind, attribute_type = CaptureKind.VALUE, attribute.type
        offset, from_last = (0, False) if index is None else (index.offset, index.from_last)
        if index is None and element.is_counting:
            if self.own_state is None:
                kind, attribute_type = CaptureKind.LIST, AttributeType.OBJECT
            else:
                from_last = True
        elif not element.is_counting and offset == 0:
            from_last = False
        capture = Capture(
            kind=kind,
            state=element.number,
            index=offset,
            from_last=from_last,
            column=position,
            type=attribute_type,
            name=f"{element.relation.name}{_indexed(index)}.{attribute.name}",
        )
        return self._captured(capture, span)

    def _captured(self, capture: Capture, span: Span) -> Column:
        return Column(index=self.captures.number(capture), type=capture.type, name=capture.name, span=span)


def _indexed(index: EventIndex | None) -> str:
    if index is None:
        return ""
    if not index.from_last:
        return f"[{index.offset}]"
    return f"[last - {index.offset}]" if index.offset else "[last]"


def _collected_type(kind: CaptureKind, of: AttributeType) -> AttributeType | None:
    match kind:
        case CaptureKind.COUNT_VALUES:
            return AttributeType.LONG
        case CaptureKind.VALUE:
            return of
        case CaptureKind.SUM if of.is_numeric:
            return AttributeType.LONG if of in _WHOLE else AttributeType.DOUBLE
        case CaptureKind.MINIMUM | CaptureKind.MAXIMUM if of.is_numeric:
            return of
        case CaptureKind.AVERAGE | CaptureKind.DEVIATION if of.is_numeric:
            return AttributeType.DOUBLE
        case _:
            return None
