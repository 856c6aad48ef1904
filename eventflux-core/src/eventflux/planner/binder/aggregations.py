"""Definitions of incremental aggregations."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from eventflux.extension import ExtensionKind
from eventflux.language.ast import (
    AggregationDefinition,
    AggregationDuration,
    Annotation,
    AttributeReference,
    FunctionCall,
    NoWindow,
    SelectItem,
    WindowCall,
)
from eventflux.planner.binder.buckets import TIMESTAMP
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.inputs import bind_input
from eventflux.planner.binder.relations import Relations
from eventflux.planner.binder.selection import BoundSelection, SelectedItem, SelectionClauses, bind_selection
from eventflux.planner.binder.stores import store_plan
from eventflux.planner.catalog import Entry, RelationKind
from eventflux.planner.logical import nodes as plan
from eventflux.planner.logical.aggregates import AggregateCall
from eventflux.planner.logical.aggregations import (
    DURATION_NAMES,
    AggregationPlan,
    Retention,
    RollupDuration,
    RollupItem,
    RollupKind,
)
from eventflux.planner.typed.build import call
from eventflux.planner.typed.nodes import AggregateValue, Call, Column, TypedExpression, Unknown
from eventflux.planner.typed.walk import has_aggregates
from eventflux.types.attribute_type import AttributeType
from eventflux.types.duration import parse_duration
from eventflux.types.error_codes import ErrorCode
from eventflux.types.schema import Attribute, Schema
from eventflux.types.source_text import Span

_DURATIONS: Final = {
    AggregationDuration.SECONDS: RollupDuration.SECOND,
    AggregationDuration.MINUTES: RollupDuration.MINUTE,
    AggregationDuration.HOURS: RollupDuration.HOUR,
    AggregationDuration.DAYS: RollupDuration.DAY,
    AggregationDuration.MONTHS: RollupDuration.MONTH,
    AggregationDuration.YEARS: RollupDuration.YEAR,
}
_KINDS: Final = {
    "sum": RollupKind.SUM,
    "avg": RollupKind.AVG,
    "min": RollupKind.MIN,
    "max": RollupKind.MAX,
    "count": RollupKind.COUNT,
    "distinct_count": RollupKind.DISTINCT,
}
_NATIVE: Final = re.compile(r"(sum|avg|min|max)(?:_(?:int|long|float|double))?|count|distinct_count")

_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_PURGE_INTERVAL: Final = 15 * _MINUTE
_RETENTIONS: Final = {
    RollupDuration.SECOND: 120_000,
    RollupDuration.MINUTE: 24 * _HOUR,
    RollupDuration.HOUR: 30 * _DAY,
    RollupDuration.DAY: 365 * _DAY,
    RollupDuration.MONTH: None,
    RollupDuration.YEAR: None,
}
_LEAST: Final = {
    RollupDuration.SECOND: 120_000,
    RollupDuration.MINUTE: 120 * _MINUTE,
    RollupDuration.HOUR: 25 * _HOUR,
    RollupDuration.DAY: 32 * _DAY,
    RollupDuration.MONTH: 13 * 30 * _DAY,
    RollupDuration.YEAR: 0,
}


def lost_aggregation(definition: AggregationDefinition) -> Entry:
    """What stands for an aggregation that could not be bound."""
    return Entry(name=definition.name.name, kind=RelationKind.AGGREGATION, schema=None, span=definition.name.span)


def bind_aggregation(
    context: BindContext, relations: Relations, definition: AggregationDefinition
) -> AggregationPlan | None:
    """The aggregation of a definition; None after errors were noted."""
    retentions = _retentions(context, definition)
    purging = _purging(context, definition, retentions)
    for handler in definition.input.handlers:
        if isinstance(handler, (WindowCall, NoWindow)):
            context.diagnostics.error(handler.span, ErrorCode.INVALID_DEFINITION, "an aggregation takes no window")
            return None
    bound = bind_input(context, relations, definition.input, definition.where)
    selection = bind_selection(
        context, bound.scope, SelectionClauses(selection=definition.selection, group_by=definition.group_by)
    )
    time = _time(context, ExpressionBinder(context=context, scope=bound.scope, clause="AGGREGATE BY"), definition)
    keys = _keys(context, selection)
    rows = _Rows(context=context, selection=selection)
    if time is not None:
        rows.column(time)
    key_columns = tuple(rows.column(key) for key in keys)
    _check_arguments(context, definition)
    items = [rows.item(item) for item in selection.items]
    schema = _schema(context, definition, selection, items)
    is_lost = isinstance(time, Unknown) or any(isinstance(key, Unknown) for key in keys)
    if bound.node is None or schema is None or not retentions or not purging.is_good or is_lost:
        return None
    root = plan.Map(
        input=bound.node,
        columns=tuple(rows.columns),
        schema=Schema(
            Attribute(f"_{number}", column.type)
            for number, column in enumerate(rows.columns)
            if column.type is not None
        ),
        span=definition.span,
    )
    return AggregationPlan(
        name=definition.name.name,
        root=root,
        has_time=time is not None,
        keys=key_columns,
        items=tuple(item for item in items if item is not None),
        retentions=tuple(replace(each, milliseconds=purging.kept[each.duration]) for each in retentions),
        purge_interval_ms=purging.interval if purging.is_enabled else 0,
        schema=schema,
        store=store_plan(context, definition, what="aggregation", passes=lambda key: key.startswith("purge.")),
        zone=context.zone,
        span=definition.name.span,
    )


class _Rows:
    """The columns of what is aggregated, while they are gathered."""

    def __init__(self, *, context: BindContext, selection: BoundSelection) -> None:
        self._context = context
        self._aggregates = selection.aggregates
        self.columns: list[TypedExpression] = []

    def column(self, expression: TypedExpression) -> int:
        """The number of the column that holds a value."""
        if isinstance(expression, Column):
            for number, known in enumerate(self.columns):
                if isinstance(known, Column) and known.index == expression.index:
                    return number
        self.columns.append(expression)
        return len(self.columns) - 1

    def item(self, item: SelectedItem) -> RollupItem | None:
        """What a bucket keeps for a selected attribute; None after an error was noted."""
        expression = item.expression
        if isinstance(expression, Unknown):
            return None
        if isinstance(expression, AggregateValue):
            return self._aggregate(self._aggregates[expression.index], item.span)
        if has_aggregates((expression,)):
            self._refuse(item.span, "an attribute of an aggregation is one aggregate, or has none")
            return None
        if expression.type is None:
            self._refuse(item.span, f"the type of '{item.name}' is not known: it is NULL")
            return None
        return RollupItem(kind=RollupKind.LAST, column=self.column(expression))

    def _aggregate(self, aggregate: AggregateCall, span: Span) -> RollupItem | None:
        named = _NATIVE.fullmatch(aggregate.name)
        if aggregate.host is not None or named is None:
            self._refuse(span, "aggregations know sum, avg, min, max, count and distinctCount")
            return None
        kind = _KINDS[named[1] or aggregate.name]
        if kind is RollupKind.COUNT:
            return RollupItem(kind=kind, column=None)
        argument = aggregate.argument
        if isinstance(argument, Call) and argument.operation.startswith("convert_"):
            # Aggregates of queries want their arguments widened; buckets take attributes as they are.
            argument = argument.arguments[0]
        if not isinstance(argument, Column):
            return None
        return RollupItem(kind=kind, column=self.column(argument))

    def _refuse(self, span: Span, message: str) -> None:
        self._context.diagnostics.error(span, ErrorCode.INVALID_DEFINITION, message)


def _check_arguments(context: BindContext, definition: AggregationDefinition) -> None:
    """Aggregates are over attributes, so that buckets of any duration can be made of the same columns."""
    for item in definition.selection.items:
        if not isinstance(item, SelectItem) or not isinstance(item.expression, FunctionCall):
            continue
        known = context.registry.find(ExtensionKind.AGGREGATOR, item.expression.name, item.expression.namespace or "")
        if known is None:
            continue
        for argument in item.expression.arguments:
            if not isinstance(argument.value, AttributeReference):
                context.diagnostics.error(
                    argument.span,
                    ErrorCode.INVALID_DEFINITION,
                    "an aggregate of an aggregation is over an attribute, not an expression",
                )


def _time(context: BindContext, binder: ExpressionBinder, definition: AggregationDefinition) -> TypedExpression | None:
    """The time of a row as LONG; None: that of its arrival."""
    if definition.aggregate_by is None:
        return None
    time = binder.bind(definition.aggregate_by)
    if isinstance(time, Unknown):
        return time
    span = definition.aggregate_by.span
    if isinstance(time, Column) and time.type is AttributeType.LONG:
        return time
    if isinstance(time, Column) and time.type is AttributeType.STRING:
        return call("bucket_time", time, type=AttributeType.LONG, span=span, pure=False)
    context.diagnostics.error(span, ErrorCode.TYPE_MISMATCH, "AGGREGATE BY wants an attribute that is LONG or STRING")
    return Unknown(span=span)


def _keys(context: BindContext, selection: BoundSelection) -> tuple[TypedExpression, ...]:
    for key in selection.group_by:
        if not isinstance(key, (Column, Unknown)):
            context.diagnostics.error(key.span, ErrorCode.INVALID_DEFINITION, "an aggregation is grouped by attributes")
            return (Unknown(span=key.span),)
    return selection.group_by


def _schema(
    context: BindContext,
    definition: AggregationDefinition,
    selection: BoundSelection,
    items: list[RollupItem | None],
) -> Schema | None:
    attributes = [Attribute(TIMESTAMP, AttributeType.LONG)]
    seen = {TIMESTAMP}
    for item, kept in zip(selection.items, items, strict=True):
        if item.name in seen:
            context.diagnostics.error(
                item.span, ErrorCode.DUPLICATE_COLUMN, f"attribute '{item.name}' is in the aggregation twice"
            )
            return None
        seen.add(item.name)
        if kept is not None:
            attributes.append(Attribute(item.name, _type(selection, item, kept)))
    return Schema(attributes) if len(attributes) == len(items) + 1 else None


def _type(selection: BoundSelection, item: SelectedItem, kept: RollupItem) -> AttributeType:
    own = item.expression.type
    assert own is not None
    if kept.kind is RollupKind.AVG and isinstance(item.expression, AggregateValue):
        argument = selection.aggregates[item.expression.index].argument
        if argument is not None and argument.type in {AttributeType.INT, AttributeType.LONG}:
            return AttributeType.LONG
    return own


# ---- durations and purging


def _retentions(context: BindContext, definition: AggregationDefinition) -> tuple[Retention, ...]:
    """The durations with their default retentions; none after an error was noted."""
    numbers: list[RollupDuration] = []
    for duration in definition.durations:
        if duration not in _DURATIONS:
            context.diagnostics.error(
                definition.span, ErrorCode.INVALID_DEFINITION, f"an aggregation has no buckets of a {duration.value}"
            )
            return ()
        numbers.append(_DURATIONS[duration])
    if definition.is_range:
        if len(numbers) != 2 or numbers[1] < numbers[0]:
            context.diagnostics.error(
                definition.span, ErrorCode.INVALID_DEFINITION, "the durations go from a shorter to a longer one"
            )
            return ()
        numbers = [RollupDuration(number) for number in range(numbers[0], numbers[1] + 1)]
    return tuple(Retention(duration=number, milliseconds=_RETENTIONS[number]) for number in sorted(set(numbers)))


class _Purging:
    """What the text says about purging, while it is read."""

    def __init__(self, context: BindContext, retentions: tuple[Retention, ...]) -> None:
        self._context = context
        self.interval = _PURGE_INTERVAL
        self.is_enabled = True
        self.kept = {retention.duration: retention.milliseconds for retention in retentions}
        self.is_good = True

    def refuse(self, span: Span, message: str) -> None:
        self._context.diagnostics.error(span, ErrorCode.INVALID_DEFINITION, message)
        self.is_good = False

    def option(self, key: str, value: str, span: Span) -> None:
        match key.lower():
            case "enable" | "enabled":
                if value.lower() not in {"true", "false"}:
                    self.refuse(span, f"'{key}' of a purge is true or false")
                self.is_enabled = value.lower() == "true"
            case "interval":
                self.interval = self._duration(value, span)
            case _:
                self.refuse(span, f"a purge has no '{key}'")

    def retention(self, key: str, value: str, span: Span) -> None:
        duration = DURATION_NAMES.get(key.lower())
        if duration is None or duration not in self.kept:
            self.refuse(span, f"the aggregation has no duration '{key}'")
            return
        if value.strip().lower() == "all":
            self.kept[duration] = None
            return
        kept = self._duration(value, span)
        if self.is_good and kept < _LEAST[duration]:
            self.refuse(span, f"'{value}' is too short: '{key}' is kept for {_LEAST[duration]} ms at least")
        self.kept[duration] = kept

    def _duration(self, value: str, span: Span) -> int:
        try:
            milliseconds = parse_duration(value)
        except ValueError:
            milliseconds = 0
        if milliseconds <= 0:
            self.refuse(span, f"'{value}' is no duration")
        return milliseconds


def _purging(context: BindContext, definition: AggregationDefinition, retentions: tuple[Retention, ...]) -> _Purging:
    """What annotations and properties say about purging."""
    purging = _Purging(context, retentions)
    for annotation in definition.annotations:
        match annotation.name.lower():
            case "purge":
                _read_purge(purging, annotation)
            case "partitionbyid":
                context.diagnostics.not_supported(annotation.span, "@partitionById is")
            case _:
                pass
    for given in definition.properties:
        key = given.key.lower()
        if key.startswith("purge.retention."):
            purging.retention(key.removeprefix("purge.retention."), str(given.value), given.value_span)
        elif key.startswith("purge."):
            purging.option(key.removeprefix("purge."), str(given.value), given.value_span)
    return purging


def _read_purge(purging: _Purging, annotation: Annotation) -> None:
    for element in annotation.elements:
        purging.option(element.key or "", element.value, element.value_span)
    for retention in annotation.nested("retentionPeriod"):
        for element in retention.elements:
            purging.retention(element.key or "", element.value, element.value_span)
