"""Patterns and sequences: from the text to a chain of states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from typing_extensions import assert_never

from eventflux.language.ast import (
    AbsentElement,
    ChainElement,
    EventCount,
    EveryElement,
    Filter,
    LogicalElement,
    LogicalOperator,
    PatternElement,
    PatternInput,
    PatternKind,
    RelationName,
    StreamElement,
    StreamFunction,
)
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.pattern_conditions import with_condition
from eventflux.planner.binder.pattern_questions import PortQuestions
from eventflux.planner.binder.pattern_scope import CaptureList, ElementRelation, PatternScope
from eventflux.planner.binder.relations import Relations
from eventflux.planner.binder.stream_functions import bind_stream_function
from eventflux.planner.catalog import Entry, RelationKind
from eventflux.planner.logical import nodes as plan
from eventflux.planner.logical.patterns import PatternState, StateKind
from eventflux.planner.typed.nodes import TypedExpression, Unknown
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record

_Source = StreamElement | AbsentElement


@record(frozen=True, slots=True, kw_only=True)
class BoundPattern:
    """A pattern whose captures are not complete before the selection is bound.

    Attributes:
        scope: What names mean over it.
        node: Without captures; None where it could not be planned.
    """

    scope: InputScope
    node: plan.Pattern | None


def bind_pattern(context: BindContext, relations: Relations, source: PatternInput) -> BoundPattern:
    """Bind the elements of a pattern and their filters."""
    errors = context.diagnostics.error_count
    states = _States(context=context)
    states.chain(source.pattern)
    report_timeouts(context, source.on_timeout)
    elements, ports = _Ports(context=context, relations=relations).bind(states)
    _names(context, states.sources)
    scope = PatternScope(
        relations=_unique([element.relation for element in elements]),
        elements=tuple(elements),
        captures=CaptureList(),
        tells_events=context.tells_events,
    )
    questions = PortQuestions(context=context, relations=relations, ports=ports)
    bound = tuple(_with_filters(context, number, states, elements, questions) for number in range(len(states.found)))
    _check_within(context, source, states)
    _warn_unbounded(context, source)
    failed = context.diagnostics.error_count > errors
    inputs = tuple(port for port in ports if port is not None)
    if failed or len(inputs) < len(ports):
        return BoundPattern(scope=scope, node=None)
    node = plan.Pattern(
        inputs=inputs,
        states=bound,
        within=None if source.within is None or isinstance(source.within, EventCount) else source.within.milliseconds,
        within_events=source.within.count if isinstance(source.within, EventCount) else None,
        is_sequence=source.kind is PatternKind.SEQUENCE,
        is_partitioned=context.block is not None,
        gives_timeouts=context.gives_timeouts,
        limit=context.match_limit,
        span=source.span,
    )
    return BoundPattern(scope=scope, node=node)


def report_timeouts(context: BindContext, target: RelationName | None) -> None:
    """ON TIMEOUT of a query of the text is a query of its own by now: what is left stands where it cannot."""
    if target is not None:
        context.diagnostics.error(
            target.span,
            ErrorCode.INVALID_WITHIN,
            "ON TIMEOUT cannot stand in a subquery, a join, a branch of UNION ALL, or a change of a table",
            "write it in a query that inserts into a stream",
        )


def with_captures(node: plan.Node | None, scope: InputScope) -> plan.Node | None:
    """The nodes over a pattern, whose rows hold what was read of it by now."""
    if node is None or not isinstance(scope, PatternScope):
        return node
    if not isinstance(node, plan.Pattern):
        assert not isinstance(node, (plan.Scan, plan.Join))
        below = with_captures(node.input, scope)
        assert below is not None
        return plan.with_input(node, below)
    return node.reading(tuple(scope.captures.found))


# ---- the chain


@record(frozen=True, slots=True, kw_only=True)
class _Part:
    """States that were made for a part of the pattern: where it is entered, where it ends."""

    entry: int
    exits: tuple[int, ...]
    first: int
    size: int  # elements


@dataclass(slots=True, kw_only=True)
class _States:
    """Makes the states of a pattern, in order."""

    context: BindContext
    found: list[PatternState] = field(default_factory=list)
    sources: list[_Source] = field(default_factory=list)

    def chain(self, pattern: PatternElement) -> None:
        self._part(pattern, is_start=True)

    def _part(self, pattern: PatternElement, *, is_start: bool) -> _Part:
        match pattern:
            case StreamElement() | AbsentElement():
                return self._element(pattern, is_start=is_start)
            case LogicalElement():
                return self._logical(pattern, is_start=is_start)
            case EveryElement():
                return self._every(pattern, is_start=is_start)
            case ChainElement():
                return self._chain(pattern, is_start=is_start)
            case _:
                assert_never(pattern)

    def _element(self, element: _Source, *, is_start: bool) -> _Part:
        number = len(self.found)
        if isinstance(element, AbsentElement):
            if element.duration is None:
                self.context.diagnostics.error(
                    element.span,
                    ErrorCode.ABSENT_NEEDS_TIME,
                    f"NOT {element.relation} needs FOR duration, or AND with another element",
                )
            self._add(element, StateKind.ABSENT, is_start=is_start)
        else:
            kind = StateKind.PLAIN if element.quantifier is None else StateKind.COUNT
            self._add(element, kind, is_start=is_start)
        return _Part(entry=number, exits=(number,), first=number, size=1)

    def _logical(self, element: LogicalElement, *, is_start: bool) -> _Part:
        operands = _operands(self.context, element)
        if len(operands) == 2 and isinstance(operands[1], AbsentElement) and not isinstance(operands[0], AbsentElement):
            operands.reverse()  # the absence is met before the other side, however the two are written
        first = len(self.found)
        is_either = element.operator is LogicalOperator.OR
        for operand in reversed(operands):
            kind = StateKind.LOGICAL_ABSENT if isinstance(operand, AbsentElement) else StateKind.LOGICAL
            self._add(operand, kind, is_start=is_start)
            self.found[-1] = replace(self.found[-1], is_either=is_either, first_side=first, sides=len(operands))
        absences = [operand for operand in operands if isinstance(operand, AbsentElement)]
        for operand in absences:
            if operand.duration is None and (is_either or len(absences) == len(operands)):
                self.context.diagnostics.error(
                    operand.span,
                    ErrorCode.ABSENT_NEEDS_TIME,
                    f"NOT {operand.relation} needs FOR duration, or AND with another element",
                )
        if absences and len(operands) > 2:
            self.context.diagnostics.not_supported(element.span, "NOT among more than two operands of AND and OR is")
        numbers = tuple(range(first, len(self.found)))
        return _Part(entry=numbers[-1], exits=numbers, first=first, size=1)

    def _every(self, element: EveryElement, *, is_start: bool) -> _Part:
        part = self._part(element.pattern, is_start=is_start)
        for number in range(part.first, len(self.found)):
            state = self.found[number]
            if state.group is None:
                state = replace(state, group=part.entry, is_group_long=part.size > 1)
            if number in part.exits:
                if state.every is not None:
                    self.context.diagnostics.error(
                        element.span, ErrorCode.MISPLACED_EVERY, "EVERY directly in EVERY says nothing more"
                    )
                state = replace(state, every=part.entry)
            self.found[number] = state
        return part

    def _chain(self, element: ChainElement, *, is_start: bool) -> _Part:
        parts = [
            self._part(each, is_start=is_start and position == 0) for position, each in enumerate(element.elements)
        ]
        for part, following in pairwise(parts):
            for number in part.exits:
                self.found[number] = replace(self.found[number], next=following.entry)
        return _Part(
            entry=parts[0].entry,
            exits=parts[-1].exits,
            first=parts[0].first,
            size=sum(part.size for part in parts),
        )

    def _add(self, element: _Source, kind: StateKind, *, is_start: bool) -> None:
        quantifier = element.quantifier if isinstance(element, StreamElement) else None
        reference = element.reference if isinstance(element, StreamElement) else None
        duration = element.duration if isinstance(element, AbsentElement) else None
        self.found.append(
            PatternState(
                kind=kind,
                reference=str(element.relation) if reference is None else reference.name,
                relation=str(element.relation),
                port=0,
                minimum=1 if quantifier is None else quantifier.minimum,
                maximum=1 if quantifier is None else quantifier.maximum,
                wait=None if duration is None else duration.milliseconds,
                is_start=is_start,
                span=element.span,
            )
        )
        self.sources.append(element)


def _operands(context: BindContext, element: LogicalElement) -> list[_Source]:
    """The sources that AND or OR joins, as written; more than two are nested to the left."""
    found: list[_Source] = []
    for side in (element.left, element.right):
        if isinstance(side, LogicalElement):
            if side.operator is not element.operator:
                context.diagnostics.not_supported(side.span, "AND and OR mixed within one element are")
            found.extend(_operands(context, side))
        else:
            found.append(side)
    return found


# ---- inputs


@dataclass(slots=True, kw_only=True)
class _Ports:
    """Finds the streams; states that read one stream share a port."""

    context: BindContext
    relations: Relations
    _numbers: dict[str, int] = field(default_factory=dict)
    _nodes: list[plan.Node | None] = field(default_factory=list)
    _offset: int = 0

    def bind(self, states: _States) -> tuple[list[ElementRelation], list[plan.Node | None]]:
        elements: list[ElementRelation] = []
        for number, (state, element) in enumerate(zip(states.found, states.sources, strict=True)):
            entry = self._entry(element)
            relation = Relation(
                name=state.reference,
                what=str(element.relation) if entry is None else entry.what,
                schema=None if entry is None else entry.schema,
                offset=self._offset,
                counted=state.kind is StateKind.COUNT,
                hidden=None if state.reference == state.relation else state.relation,
                shapes={} if entry is None else entry.shapes,
                any_case=entry is not None and entry.kind is RelationKind.TRIGGER,
            )
            port, relation = self._port(states, number, entry, relation)
            states.found[number] = replace(states.found[number], port=port)
            elements.append(ElementRelation(number=number, kind=state.kind, relation=relation))
            self._offset += 0 if relation.schema is None else len(relation.schema)
        return elements, self._nodes

    def _entry(self, element: _Source) -> Entry | None:
        entry = self.relations.relation(element.relation, self.context)
        if entry is not None and entry.kind in {RelationKind.TABLE, RelationKind.AGGREGATION}:
            self.context.diagnostics.error(
                element.relation.span, ErrorCode.TABLE_IN_PATTERN, f"{entry.what} cannot be used in a pattern"
            )
            return None
        return entry

    def _port(self, states: _States, number: int, entry: Entry | None, relation: Relation) -> tuple[int, Relation]:
        element = states.sources[number]
        functions = [handler for handler in element.handlers if isinstance(handler, StreamFunction)]
        key = str(element.relation)
        if key in self._numbers:
            if functions:
                self._refuse_functions(functions[0])
            return self._numbers[key], relation
        node: plan.Node | None = None
        if entry is not None and entry.schema is not None:
            node = self._rows(entry, element)
        for function in functions:
            node, relation = self._with_function(node, relation, function)
        if functions and sum(str(other.relation) == key for other in states.sources) > 1:
            self._refuse_functions(functions[0])
        self._numbers[key] = len(self._nodes)
        self._nodes.append(node)
        return self._numbers[key], relation

    def _rows(self, entry: Entry, element: _Source) -> plan.Node | None:
        return (
            None
            if entry.schema is None
            else plan.Scan(stream=entry.name, schema=entry.schema, span=element.relation.span)
        )

    def _with_function(
        self, node: plan.Node | None, relation: Relation, function: StreamFunction
    ) -> tuple[plan.Node | None, Relation]:
        scope = InputScope(relations=(replace(relation, offset=0, counted=False),))
        binder = ExpressionBinder(context=self.context, scope=scope, clause=f"#{function.name}")
        bound = bind_stream_function(binder, replace(relation, offset=0, counted=False), function)
        if bound is None:
            return None, relation
        return None if node is None else bound.over(node), replace(relation, schema=bound.schema)

    def _refuse_functions(self, function: StreamFunction) -> None:
        self.context.diagnostics.not_supported(
            function.span,
            "stream functions on a stream that the pattern reads twice are",
            "apply the function in a query of its own",
        )


def _with_filters(
    context: BindContext,
    number: int,
    states: _States,
    elements: Sequence[ElementRelation],
    questions: PortQuestions,
) -> PatternState:
    state, written = states.found[number], states.sources[number]
    first = state.first_side if state.kind in {StateKind.LOGICAL, StateKind.LOGICAL_ABSENT} else number
    visible = [
        each
        for each in elements
        if each.number != number
        and each.kind not in {StateKind.ABSENT, StateKind.LOGICAL_ABSENT}
        and (each.number < first or (state.sides > 1 and first <= each.number < first + state.sides))
    ]
    # In a filter a counting element without an index is its last event.
    single = {each.number: replace(each, relation=replace(each.relation, counted=False)) for each in elements}
    relation = single[number].relation
    captures = CaptureList()
    scope = PatternScope(
        relations=_unique([relation, *(single[each.number].relation for each in visible)]),
        own=relation,
        elements=tuple(single.values()),
        captures=captures,
        own_state=number,
    )
    asked = questions.of(state.port, relation)
    conditions: list[TypedExpression] = []
    for handler in written.handlers:
        if isinstance(handler, Filter):
            binder = ExpressionBinder(context=context, scope=scope, clause="a pattern filter", tables=asked)
            bound = binder.condition(handler.condition)
            if not isinstance(bound, Unknown):
                conditions.append(bound)
    questions.put(state.port, asked)
    return with_condition(state, number, conditions, captures.found)


def _names(context: BindContext, sources: Sequence[_Source]) -> None:
    streams = [element for element in sources if isinstance(element, StreamElement)]
    seen: set[str] = set()
    for reference in (element.reference for element in streams if element.reference is not None):
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


def _check_within(context: BindContext, source: PatternInput, states: _States) -> None:
    within = source.within
    if not isinstance(within, EventCount):
        _check_zero_counts(context, states)
        return
    needed = sum(
        state.minimum
        for state in states.found
        if state.kind not in {StateKind.ABSENT, StateKind.LOGICAL_ABSENT} and not state.is_either
    )
    if within.count < max(needed, 1):
        context.diagnostics.error(
            within.span,
            ErrorCode.INVALID_WITHIN,
            f"WITHIN {within.count} EVENTS: a match has at least {max(needed, 1)} events",
        )
    _check_zero_counts(context, states)


def _check_zero_counts(context: BindContext, states: _States) -> None:
    for number, state in enumerate(states.found):
        is_alone = len(states.found) == 1
        if state.kind is StateKind.COUNT and state.minimum == 0 and is_alone:
            element = states.sources[number]
            quantifier = element.quantifier if isinstance(element, StreamElement) else None
            context.diagnostics.error(
                element.span if quantifier is None else quantifier.span,
                ErrorCode.INVALID_QUANTIFIER,
                f"quantifier of '{state.reference}': an element that may be empty cannot be matched again and again",
            )


def _warn_unbounded(context: BindContext, source: PatternInput) -> None:
    """An EVERY begins a match with each of its events; before the end of the chain nothing ends those that wait."""
    if source.within is not None or source.kind is PatternKind.SEQUENCE or context.match_limit is not None:
        return
    pattern = source.pattern
    if isinstance(pattern, ChainElement) and any(isinstance(part, EveryElement) for part in pattern.elements[:-1]):
        context.diagnostics.warning(
            source.span,
            ErrorCode.UNBOUNDED_PATTERN,
            "a pattern with EVERY and without WITHIN keeps partial matches for ever",
            "limit their time: WITHIN 10 SECONDS, or their number: SET 'pattern.max_partial_matches' = 100000"
            if context.is_sql
            else "limit their time: within 10 sec, or their number: @app:pattern(max_partial_matches='100000')",
        )


def _unique(relations: Sequence[Relation]) -> tuple[Relation, ...]:
    found: dict[str, Relation] = {}
    for relation in relations:
        found.setdefault(relation.name, relation)
    return tuple(found.values())
