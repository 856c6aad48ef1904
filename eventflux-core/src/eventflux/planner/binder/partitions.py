"""Partition blocks and PARTITION BY: the keys of their streams, and when keys are forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from eventflux.language.ast import (
    Annotation,
    AttributeReference,
    Expression,
    Partition,
    PartitionKey,
    RangePartition,
    ValuePartition,
)
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.relations import Relations, relation_of
from eventflux.planner.catalog import RelationKind
from eventflux.planner.logical.nodes import Node
from eventflux.planner.logical.partitions import PartitionKeyPlan, PartitionPlan, Purge
from eventflux.planner.logical.reading import scans
from eventflux.planner.typed.build import converted
from eventflux.planner.typed.nodes import TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.duration import parse_duration
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span

_DEFAULT_INTERVAL_MS: Final = 300_000
_PURGE_ELEMENTS: Final = ("enable", "interval", "idle.period")
# Properties of a block -> elements of @purge.
_PURGE_PROPERTIES: Final = {
    **{f"{prefix}purge.{name}": name for prefix in ("", "partition.") for name in _PURGE_ELEMENTS},
    "purge.idle": "idle.period",
    "partition.purge.idle": "idle.period",
}


def bind_partition(context: BindContext, relations: Relations, partition: Partition, name: str) -> PartitionPlan:
    """Bind the keys of a block; what is wrong is noted."""
    keys: list[PartitionKeyPlan] = []
    for key in partition.keys:
        bound = _key(context, relations, key)
        if bound is None:
            continue
        if any(other.stream == bound.stream for other in keys):
            context.diagnostics.error(
                key.stream.span,
                ErrorCode.INVALID_QUERY,
                f"stream {key.stream} has two keys in this partition",
                "give it one key, or several labels joined by 'or'",
            )
            continue
        keys.append(bound)
    return PartitionPlan(name=name, keys=tuple(keys), purge=_purge(context, partition), span=partition.span)


def bind_partition_by(
    context: BindContext, expressions: Sequence[Expression], node: Node, scope: InputScope
) -> PartitionPlan | None:
    """Bind PARTITION BY of a query: every stream that it reads has these keys. None after an error was noted."""
    read = {scan.stream: scan for scan in scans(node)}
    keys: list[PartitionKeyPlan] = []
    for scan in read.values():
        relation = Relation(name=scan.stream, what=f"stream {scan.stream}", schema=scan.schema)
        if len(read) == 1 and len(scope.relations) == 1:
            relation = replace(scope.relations[0], schema=scan.schema, offset=0)
        binder = ExpressionBinder(context=context, scope=InputScope(relations=(relation,)), clause="PARTITION BY")
        texts = tuple(_text(binder, _of_each(expression, scope, len(read))) for expression in expressions)
        if any(isinstance(text, Unknown) for text in texts):
            return None
        keys.append(PartitionKeyPlan(stream=scan.stream, expressions=texts, span=expressions[0].span))
    return PartitionPlan(name=f"{context.query}~partition", keys=tuple(keys), span=expressions[0].span)


def _key(context: BindContext, relations: Relations, key: PartitionKey) -> PartitionKeyPlan | None:
    entry = relations.relation(key.stream, context)
    if entry is None or entry.schema is None:
        return None
    if entry.kind in {RelationKind.TABLE, RelationKind.AGGREGATION}:
        context.diagnostics.error(
            key.stream.span,
            ErrorCode.NOT_READABLE_AS_STREAM,
            f"{entry.what} cannot have partition keys: its rows do not arrive one by one",
            "all keys see the whole table",
        )
        return None
    scope = InputScope(relations=(relation_of(entry, str(key.stream), None),))
    binder = ExpressionBinder(context=context, scope=scope, clause="a partition key")
    match key:
        case ValuePartition():
            expressions: tuple[TypedExpression, ...] = (_text(binder, key.expression),)
            labels: tuple[str, ...] = ()
        case RangePartition():
            expressions = tuple(binder.condition(each.condition) for each in key.ranges)
            labels = tuple(each.label for each in key.ranges)
    if any(isinstance(expression, Unknown) for expression in expressions):
        return None
    return PartitionKeyPlan(stream=entry.name, expressions=expressions, labels=labels, span=key.span)


def _of_each(expression: Expression, scope: InputScope, streams: int) -> Expression:
    """The column of that name of each stream, where `S.k` names that of one: all have to have it."""
    if (
        streams > 1
        and isinstance(expression, AttributeReference)
        and expression.qualifier is not None
        and scope.is_relation(str(expression.qualifier))
    ):
        return replace(expression, qualifier=None)
    return expression


def _text(binder: ExpressionBinder, expression: Expression) -> TypedExpression:
    return converted(binder.bind(expression), AttributeType.STRING)


# ---- purge


def _purge(context: BindContext, partition: Partition) -> Purge | None:
    given: dict[str, tuple[str, Span]] = {}
    asked: Span | None = None
    for annotation in partition.annotations:
        if annotation.is_named("purge"):
            asked = annotation.span
            _read_annotation(context, annotation, given)
    for written in partition.properties:
        element = _PURGE_PROPERTIES.get(written.key.lower())
        if element is None:
            context.diagnostics.error(
                written.key_span, ErrorCode.UNKNOWN_PROPERTY, f"unknown property '{written.key}' of a partition"
            )
            continue
        asked = asked or written.span
        given.setdefault("enable", ("true", written.span))
        given[element] = (str(written.value), written.span)
    return None if asked is None else _purge_of(context, given, asked)


def _read_annotation(context: BindContext, annotation: Annotation, given: dict[str, tuple[str, Span]]) -> None:
    for element in annotation.elements:
        name = (element.key or "").lower()
        if name in _PURGE_ELEMENTS:
            given[name] = (element.value, element.value_span)
        else:
            context.diagnostics.error(
                element.span,
                ErrorCode.INVALID_DEFINITION,
                f"@purge has no element '{element.key or element.value}'",
                f"it takes {', '.join(_PURGE_ELEMENTS)}",
            )


def _purge_of(context: BindContext, given: dict[str, tuple[str, Span]], span: Span) -> Purge | None:
    for needed in ("enable", "idle.period"):
        if needed not in given:
            context.diagnostics.error(
                span,
                ErrorCode.INVALID_DEFINITION,
                f"@purge needs '{needed}'",
                "@purge(enable='true', idle.period='1 hour')",
            )
            return None
    enable, place = given["enable"]
    if enable.strip().lower() not in {"true", "false"}:
        context.diagnostics.error(
            place, ErrorCode.INVALID_DEFINITION, f"enable of @purge must be true or false, not {enable!r}"
        )
        return None
    idle = _duration(context, given["idle.period"], "idle.period")
    interval: int | None = _DEFAULT_INTERVAL_MS
    if "interval" in given:
        interval = _duration(context, given["interval"], "interval")
    if idle is None or interval is None or enable.strip().lower() == "false":
        return None
    return Purge(interval_ms=interval, idle_ms=idle)


def _duration(context: BindContext, given: tuple[str, Span], what: str) -> int | None:
    text, place = given
    try:
        milliseconds = parse_duration(text)
    except ValueError:
        milliseconds = 0
    if milliseconds <= 0:
        context.diagnostics.error(
            place, ErrorCode.INVALID_DURATION, f"{what} of @purge must be a duration, not {text!r}"
        )
        return None
    return milliseconds
