"""MATCH_RECOGNIZE: from the clause to the matcher and the projection of its measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from eventflux.language.ast import (
    AttributeReference,
    Identifier,
    MatchRecognizeInput,
    RowAlternation,
    RowConcatenation,
    RowExclusion,
    RowGroup,
    RowPattern,
    RowPermutation,
    RowQuantifier,
    RowStart,
    RowVariable,
    SelectItem,
    SkipMode,
)
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.match_conditions import with_definition
from eventflux.planner.binder.match_scope import MatchBinder, MatchParts, MatchScope
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.partitions import bind_partition_by
from eventflux.planner.binder.patterns import report_timeouts
from eventflux.planner.binder.row_patterns import MAX_PLACES, PatternTooLargeError, Positions, positions_of
from eventflux.planner.logical import nodes as plan
from eventflux.planner.logical.explanations import MATCHED_EVENTS
from eventflux.planner.logical.partitions import PartitionPlan
from eventflux.planner.logical.reading import scans
from eventflux.planner.logical.row_patterns import COMPUTED, MAX_VARIABLES, MatchCapture, MatchSkip, MatchVariable
from eventflux.planner.typed.build import call, constant
from eventflux.planner.typed.nodes import Column, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Attribute, Schema
from eventflux.types.source_text import Span

_SKIPS = {
    SkipMode.PAST_LAST_ROW: MatchSkip.PAST_LAST_ROW,
    SkipMode.TO_NEXT_ROW: MatchSkip.TO_NEXT_ROW,
    SkipMode.TO_FIRST: MatchSkip.TO_FIRST,
    SkipMode.TO_LAST: MatchSkip.TO_LAST,
}
_NULL_KEY = "\0null\0"
"""The key of rows that have none: they are a partition like any other."""


@record(frozen=True, slots=True, kw_only=True)
class BoundMatch:
    """The rows of a MATCH_RECOGNIZE.

    Attributes:
        schema: What they hold; None where that is not known after errors.
        node: Where they come from; None after errors.
        partition: Its own keys; None: it has none.
    """

    schema: Schema | None
    node: plan.Node | None
    partition: PartitionPlan | None = None


def bind_match(
    context: BindContext, source: MatchRecognizeInput, scope: InputScope, node: plan.Node | None
) -> BoundMatch:
    """Bind the clause over the rows of `node`, whose names are those of `scope`."""
    errors = context.diagnostics.error_count
    report_timeouts(context, source.on_timeout)
    binder = _MatchBinder(context=context, source=source, relation=scope.relations[0], parts=MatchParts())
    schema, bound = binder.bind(node)
    partition = None
    if source.partition_by and context.block is not None:
        context.diagnostics.error(
            source.partition_by[0].span,
            ErrorCode.INVALID_QUERY,
            "PARTITION BY cannot stand within a partition",
            "make the key of the block from both: a || '/' || b OF S",
        )
    elif source.partition_by and node is not None:
        stem = context.for_query(f"{context.query}/{stem_of(source)}")
        partition = _with_null_keys(bind_partition_by(stem, source.partition_by, node, scope))
    if context.diagnostics.error_count > errors:
        return BoundMatch(schema=schema, node=None)
    return BoundMatch(schema=schema, node=bound, partition=partition)


def stem_of(source: MatchRecognizeInput) -> str:
    """What the rows are called within the query."""
    return "matches" if source.alias is None else source.alias.name


def _with_null_keys(partition: PartitionPlan | None) -> PartitionPlan | None:
    if partition is None:
        return None
    text = AttributeType.STRING
    return replace(
        partition,
        keys=tuple(
            replace(
                key,
                expressions=tuple(
                    call("coalesce_string", expression, constant(_NULL_KEY, text), type=text, span=expression.span)
                    for expression in key.expressions
                ),
            )
            for key in partition.keys
        ),
    )


@dataclass(slots=True, kw_only=True)
class _MatchBinder:
    context: BindContext
    source: MatchRecognizeInput
    relation: Relation
    parts: MatchParts

    def bind(self, node: plan.Node | None) -> tuple[Schema | None, plan.Node | None]:
        """What is put out, and the projection of the measures over the matcher; None after errors."""
        source = self.source
        names = self._variables()
        numbers = {name: number for number, name in enumerate(names)}
        variables = self._with_subsets({name: 1 << number for name, number in numbers.items()})
        positions = self._positions(numbers)
        self._check_order(node)
        definitions = self._definitions(variables, numbers)
        self._warn_endless()
        captures: list[MatchCapture] = []
        binder = self._binder(variables, captures, "MEASURES")
        binder = replace(binder, scope=replace(binder.rows, running=source.all_rows, shows_rows=source.all_rows))
        outputs = [*self._keys(binder), *self._measures(binder)]
        if source.all_rows:
            outputs += self._rest(binder, outputs)
        skip_group = self._skip_group(variables)
        self._check_names(outputs)
        if any(isinstance(value, Unknown) for _, value, _ in outputs):
            return None, None
        schema = Schema(
            Attribute(name, _known(value)) for name, value in {name.name: value for name, value, _ in outputs}.items()
        )
        if positions is None or node is None or len(schema) < len(outputs):
            return schema, None
        match = plan.Match(
            input=self._with_computed(node),
            variables=definitions,
            groups=tuple(self.parts.groups),
            positions=positions.positions,
            start=tuple(place for place in positions.start if place is not None),
            captures=tuple(captures),
            within=None if source.within is None else source.within.milliseconds,
            skip=MatchSkip.PAST_LAST_ROW if source.skip is None else _SKIPS[source.skip.mode],
            skip_group=skip_group,
            all_rows=source.all_rows,
            gives_timeouts=self.context.gives_timeouts,
            span=source.span,
        )
        columns = tuple(value for _, value, _ in outputs)
        return schema, plan.Map(input=match, columns=columns, schema=schema, span=source.span)

    def _refuse(self, span: Span, message: str, hint: str | None = None) -> None:
        self.context.diagnostics.error(span, ErrorCode.MATCH_RECOGNIZE, f"MATCH_RECOGNIZE: {message}", hint)

    # ---- the pattern

    def _variables(self) -> tuple[str, ...]:
        found = dict.fromkeys(variable.name.name for variable in _row_variables(self.source.pattern))
        if len(found) > MAX_VARIABLES:
            self._refuse(
                self.source.pattern.span, f"PATTERN has {len(found)} variables, at most {MAX_VARIABLES} may be"
            )
        return tuple(found)

    def _with_subsets(self, variables: dict[str, int]) -> dict[str, int]:
        """The variables and the names of SUBSET."""
        found = dict(variables)
        for subset in self.source.subsets:
            name = subset.name.name
            if name in found:
                self._refuse(subset.name.span, f"'{name}' is a variable already", "name the subset otherwise")
            rows = 0
            for variable in subset.variables:
                if variable.name in variables:
                    rows |= variables[variable.name]
                else:
                    self._unknown(variable, "SUBSET", variables)
            found[name] = rows
        return found

    def _positions(self, numbers: dict[str, int]) -> Positions | None:
        pattern = self.source.pattern
        for last in _last_quantifiers(pattern):
            if last.maximum is None and not last.reluctant:
                self._refuse(
                    last.span,
                    "the last element may not be greedy and unbounded: the match would never end",
                    "make it reluctant, bound it, or let another variable follow",
                )
        try:
            positions = positions_of(pattern, numbers)
        except PatternTooLargeError:
            self._refuse(
                pattern.span, f"PATTERN has more than {MAX_PLACES} places", "lower its bounds, or permute fewer parts"
            )
            return None
        if None in positions.start:
            self._refuse(pattern.span, "PATTERN can match without a row", "let one variable take a row at least")
            return None
        return positions

    def _skip_group(self, variables: dict[str, int]) -> int | None:
        skip = self.source.skip
        if skip is None or skip.variable is None:
            return None
        name = skip.variable.name
        if name not in variables:
            self._unknown(skip.variable, "AFTER MATCH SKIP", variables)
            return None
        return self.parts.group(variables[name])

    def _unknown(self, name: Identifier, clause: str, variables: dict[str, int]) -> None:
        known = ", ".join(variables)
        self._refuse(name.span, f"{clause} names '{name.name}', which is not in PATTERN", f"PATTERN has: {known}")

    # ---- conditions

    def _definitions(self, variables: dict[str, int], numbers: dict[str, int]) -> tuple[MatchVariable, ...]:
        found = [MatchVariable(name=name) for name in numbers]
        seen: set[str] = set()
        for definition in self.source.definitions:
            name = definition.variable.name
            captures: list[MatchCapture] = []
            binder = replace(self._binder(variables, captures, f"the condition of {name}"), defines=True)
            condition = binder.condition(definition.condition)
            if name not in numbers:
                self._unknown(definition.variable, "DEFINE", variables)
                continue
            if name in seen:
                self._refuse(definition.variable.span, f"DEFINE has two conditions for '{name}'", "join them with AND")
            seen.add(name)
            if not isinstance(condition, Unknown):
                number = numbers[name]
                found[number] = replace(
                    with_definition(found[number], number, condition, captures, self.parts.groups),
                    span=definition.span,
                )
        return tuple(found)

    def _warn_endless(self) -> None:
        """What takes any row, as many as there are, leaves none to what follows it."""
        if self.source.within is not None:
            return
        defined = {definition.variable.name for definition in self.source.definitions}
        for part, quantifier in _repeated(self.source.pattern):
            names = dict.fromkeys(variable.name.name for variable in _row_variables(part))
            if quantifier.maximum is None and not quantifier.reluctant and defined.isdisjoint(names):
                self.context.diagnostics.warning(
                    part.span,
                    ErrorCode.UNBOUNDED_PATTERN,
                    f"'{' '.join(names)}' takes every row that comes: no match is ever complete",
                    "say in DEFINE which rows it takes, make it reluctant, or limit the time: WITHIN 10 SECONDS",
                )

    def _binder(self, variables: dict[str, int], captures: list[MatchCapture], clause: str) -> MatchBinder:
        scope = MatchScope(relations=(self.relation,), variables=variables, parts=self.parts, captures=captures)
        return MatchBinder(context=self.context, scope=scope, clause=clause)

    # ---- what is put out

    def _keys(self, binder: MatchBinder) -> Iterator[tuple[Identifier, TypedExpression, Span]]:
        for key in self.source.partition_by:
            if isinstance(key, AttributeReference):
                yield key.name, binder.bind(key), key.span
            else:
                self._refuse(key.span, "PARTITION BY names columns", "compute the key in a query of its own")

    def _measures(self, binder: MatchBinder) -> Iterator[tuple[Identifier, TypedExpression, Span]]:
        for item in self.source.measures:
            value = binder.bind(item.expression)
            name = _name(item)
            if name is None:
                self._refuse(item.span, "a measure needs a name", "write it behind AS")
                continue
            if not isinstance(value, Unknown) and value.type is None:
                self._refuse(item.span, "the type of a NULL measure is not known", "write CAST(NULL AS type)")
                continue
            yield name, value, item.span
        if self.context.tells_events:
            span = self.source.span
            yield Identifier(name=MATCHED_EVENTS, span=span), binder.rows.events(MATCHED_EVENTS, span), span
        if not self.source.measures and not self.source.partition_by and not self.source.all_rows:
            self._refuse(self.source.pattern.span, "a match has no columns", "say in MEASURES what is read of it")

    def _rest(
        self, binder: MatchBinder, outputs: Sequence[tuple[Identifier, TypedExpression, Span]]
    ) -> Iterator[tuple[Identifier, TypedExpression, Span]]:
        """With a row for each row of a match: its other columns."""
        known = {name.name for name, _, _ in outputs}
        for column in binder.rows.columns:
            if column.name not in known:
                yield Identifier(name=column.name, span=self.source.span), column, self.source.span

    def _check_names(self, outputs: Sequence[tuple[Identifier, TypedExpression, Span]]) -> None:
        seen: set[str] = set()
        for name, _, span in outputs:
            if name.name in seen:
                self.context.diagnostics.error(
                    span,
                    ErrorCode.DUPLICATE_COLUMN,
                    f"output attribute '{name.name}' appears twice",
                    "name one otherwise",
                )
            seen.add(name.name)

    def _with_computed(self, node: plan.Node) -> plan.Node:
        """The input with the columns that aggregates compute behind its own."""
        if not self.parts.computed:
            return node
        own = [
            Column(index=index, type=attribute.type, name=attribute.name) for index, attribute in enumerate(node.schema)
        ]
        extra = [Attribute(f"{COMPUTED}{index}", _known(value)) for index, value in enumerate(self.parts.computed)]
        return plan.Map(
            input=node,
            columns=(*own, *self.parts.computed),
            schema=Schema([*node.schema, *extra]),
            span=self.source.span,
        )

    def _check_order(self, node: plan.Node | None) -> None:
        """Rows are matched as they come, in order of event time if they have one: ORDER BY may say so only."""
        scope = InputScope(relations=(self.relation,))
        streams = [] if node is None else [scan.stream for scan in scans(node)]
        times = [self.context.event_times[stream] for stream in streams if stream in self.context.event_times]
        for number, item in enumerate(self.source.order_by):
            bound = ExpressionBinder(context=self.context, scope=scope, clause="ORDER BY").bind(item.expression)
            if isinstance(bound, Unknown) or number > 0:
                continue
            if item.descending:
                self._refuse(item.span, "ORDER BY must be ascending: rows are matched as they come")
            elif (
                not isinstance(bound, Column)
                or bound.type is not AttributeType.LONG
                or (times and bound.index not in times)
            ):
                self._refuse(
                    item.span,
                    "ORDER BY must name the column of event time",
                    "leave it out: rows are matched as they come",
                )


def _name(item: SelectItem) -> Identifier | None:
    if item.alias is not None:
        return item.alias
    return item.expression.name if isinstance(item.expression, AttributeReference) else None


def _known(expression: TypedExpression) -> AttributeType:
    assert expression.type is not None
    return expression.type


def _row_variables(pattern: RowPattern) -> Iterator[RowVariable]:
    match pattern:
        case RowVariable():
            yield pattern
        case RowConcatenation() | RowAlternation():
            for item in pattern.items:
                yield from _row_variables(item)
        case RowPermutation():
            for item in pattern.items:
                yield from _row_variables(item)
        case RowGroup() | RowExclusion():
            yield from _row_variables(pattern.pattern)
        case RowStart():
            pass


def _repeated(pattern: RowPattern) -> Iterator[tuple[RowPattern, RowQuantifier]]:
    """The parts that have a quantifier."""
    match pattern:
        case RowVariable():
            if pattern.quantifier is not None:
                yield pattern, pattern.quantifier
        case RowConcatenation() | RowAlternation():
            for item in pattern.items:
                yield from _repeated(item)
        case RowPermutation():
            for item in pattern.items:
                yield from _repeated(item)
        case RowGroup():
            yield pattern, pattern.quantifier
            yield from _repeated(pattern.pattern)
        case RowExclusion():
            yield from _repeated(pattern.pattern)
        case RowStart():
            pass


def _last_quantifiers(pattern: RowPattern) -> Iterator[RowQuantifier]:
    """Quantifiers of the elements that a pattern can end with."""
    match pattern:
        case RowVariable():
            if pattern.quantifier is not None:
                yield pattern.quantifier
        case RowConcatenation():
            yield from _last_quantifiers(pattern.items[-1])
        case RowAlternation() | RowPermutation():
            for item in pattern.items:
                yield from _last_quantifiers(item)
        case RowExclusion():
            yield from _last_quantifiers(pattern.pattern)
        case RowGroup():
            yield pattern.quantifier
            yield from _last_quantifiers(pattern.pattern)
        case RowStart():
            pass
