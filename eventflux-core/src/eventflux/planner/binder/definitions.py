"""Definitions of streams, tables, windows, triggers, aggregations."""

from __future__ import annotations

from collections.abc import Sequence

from eventflux.engine.cron import cron_problem
from eventflux.language.ast import (
    ColumnDefinition,
    EventType,
    Literal,
    PrimaryKeyConstraint,
    StreamDefinition,
    TableDefinition,
    TriggerDefinition,
    TriggerKind,
    TypeName,
    WatermarkConstraint,
    WindowDefinition,
)
from eventflux.planner.binder.casts import type_named
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.windows import bind_window
from eventflux.planner.catalog import Entry, RelationKind
from eventflux.planner.logical.nodes import TRIGGER_SCHEMA, NamedWindowPlan, TriggerPlan
from eventflux.planner.typed.build import constant, converted
from eventflux.planner.typed.nodes import Constant
from eventflux.planner.typed.values import round_to_float
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.schema import Attribute, Schema
from eventflux.types.source_text import Span


def stream_entry(context: BindContext, definition: StreamDefinition) -> Entry:
    """The stream of a definition; what is wrong in it is noted."""
    for constraint in definition.constraints:
        if not isinstance(constraint, WatermarkConstraint):
            what = "primary key" if isinstance(constraint, PrimaryKeyConstraint) else "index"
            context.diagnostics.error(
                constraint.span, ErrorCode.INVALID_DEFINITION, f"a stream has no {what}", "define a table"
            )
    for column in definition.columns:
        if column.primary_key or column.index:
            what = "primary key" if column.primary_key else "index"
            context.diagnostics.error(
                column.span, ErrorCode.INVALID_DEFINITION, f"a stream has no {what}", "define a table"
            )
    return Entry(
        name=definition.name.name,
        kind=RelationKind.STREAM,
        schema=schema_of(context, definition.columns),
        span=definition.name.span,
        shapes=_shapes(definition.columns),
        defaults=_defaults(context, definition.columns),
        definition=definition,
    )


def table_entry(context: BindContext, definition: TableDefinition) -> Entry:
    """The table of a definition; its keys and properties are read by `table_plan`."""
    schema = schema_of(context, definition.columns)
    return Entry(
        name=definition.name.name,
        kind=RelationKind.TABLE,
        schema=schema,
        span=definition.name.span,
        shapes=_shapes(definition.columns),
        defaults=_defaults(context, definition.columns),
    )


def named_window(context: BindContext, definition: WindowDefinition, schema: Schema | None) -> NamedWindowPlan | None:
    """The window behind a definition; None after errors were noted."""
    for given in definition.properties:
        context.diagnostics.error(
            given.key_span, ErrorCode.UNKNOWN_PROPERTY, f"unknown property '{given.key}' of a window"
        )
    if schema is None:
        return None
    name = definition.name.name
    relation = Relation(name=name, what=f"window {name}", schema=schema)
    binder = ExpressionBinder(context=context, scope=InputScope(relations=(relation,)), clause="a window")
    bound = bind_window(binder, definition.window)
    if bound is None:
        return None
    events = definition.event_type or EventType.ALL
    return NamedWindowPlan(
        name=name,
        schema=schema,
        declaration=bound.declaration,
        native=bound.native,
        parameters=bound.parameters,
        condition=bound.condition,
        current=events is not EventType.EXPIRED,
        expired=events is not EventType.CURRENT,
        span=definition.name.span,
    )


def window_entry(context: BindContext, definition: WindowDefinition) -> Entry:
    """The named window of a definition."""
    schema = schema_of(context, definition.columns)
    return Entry(
        name=definition.name.name,
        kind=RelationKind.WINDOW,
        schema=schema,
        span=definition.name.span,
        shapes=_shapes(definition.columns),
        defaults=_defaults(context, definition.columns),
    )


def trigger_entry(context: BindContext, definition: TriggerDefinition) -> Entry:
    """The trigger of a definition: a stream of one attribute."""
    return Entry(name=definition.name.name, kind=RelationKind.TRIGGER, schema=TRIGGER_SCHEMA, span=definition.name.span)


def trigger_plan(context: BindContext, definition: TriggerDefinition) -> TriggerPlan | None:
    """When a trigger makes its rows; None after errors were noted."""
    name = definition.name.name
    span = definition.schedule_span
    match definition.kind:
        case TriggerKind.START:
            return TriggerPlan(name=name, span=span)
        case TriggerKind.EVERY:
            period = None if definition.every is None else definition.every.milliseconds
            if period is None or period <= 0:
                context.diagnostics.error(
                    span, ErrorCode.INVALID_DURATION, f"trigger '{name}' needs a period greater than 0"
                )
                return None
            return TriggerPlan(name=name, period_ms=period, span=span)
        case TriggerKind.CRON:
            cron = definition.cron or ""
            problem = cron_problem(cron, sunday_is_1=not context.is_sql)
            if problem is not None:
                context.diagnostics.error(span, ErrorCode.INVALID_DEFINITION, problem)
                return None
            return TriggerPlan(name=name, cron=cron, sunday_is_1=not context.is_sql, span=span)


def schema_of(context: BindContext, columns: Sequence[ColumnDefinition]) -> Schema | None:
    """The attributes of a column list; None after an error was noted."""
    attributes: list[Attribute] = []
    seen: set[str] = set()
    for column in columns:
        name = column.name.name
        attribute_type = type_named(context, column.type)
        if name in seen:
            context.diagnostics.error(
                column.name.span, ErrorCode.DUPLICATE_NAME, f"attribute '{name}' is defined twice"
            )
        elif attribute_type is not None:
            attributes.append(Attribute(name, attribute_type, nullable=not (column.not_null or column.primary_key)))
        seen.add(name)
    return Schema(attributes) if len(attributes) == len(columns) else None


def _shapes(columns: Sequence[ColumnDefinition]) -> dict[str, TypeName]:
    return {column.name.name: column.type for column in columns if column.type.fields or column.type.elements}


def _defaults(context: BindContext, columns: Sequence[ColumnDefinition]) -> dict[str, Constant]:
    defaults: dict[str, Constant] = {}
    for column in columns:
        wanted = column.type.attribute_type
        if column.default is None or wanted is None:
            continue
        default = _default(context, column.default, wanted, column.default.span)
        if default is not None:
            defaults[column.name.name] = default
    return defaults


def _default(context: BindContext, literal: Literal, wanted: AttributeType, span: Span) -> Constant | None:
    if literal.type is not None and not wanted.accepts(literal.type):
        is_narrowed = literal.type is AttributeType.DOUBLE and wanted is AttributeType.FLOAT
        if not is_narrowed:
            context.diagnostics.error(
                span, ErrorCode.TYPE_MISMATCH, f"DEFAULT of {wanted.name} cannot be {literal.type.name}"
            )
            return None
    value = literal.value
    if wanted is AttributeType.FLOAT and isinstance(value, float):
        return constant(round_to_float(value), wanted, span)
    result = converted(Constant(type=literal.type, value=value, span=span), wanted)
    assert isinstance(result, Constant)
    return result
