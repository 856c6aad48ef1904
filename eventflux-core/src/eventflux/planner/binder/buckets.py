"""Which buckets of an incremental aggregation a query reads: `within ... per ...` as conditions on their columns."""

from __future__ import annotations

from typing import Final

from eventflux.language.ast import AggregationRange, Expression
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.logical.aggregations import DURATION_NAMES, AggregationPlan
from eventflux.planner.typed.build import boolean, call, constant, converted
from eventflux.planner.typed.nodes import Column, Constant, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode

TIMESTAMP: Final = "AGG_TIMESTAMP"


def bucket_conditions(
    binder: ExpressionBinder, aggregation: AggregationPlan, bounds: AggregationRange, offset: int
) -> list[TypedExpression] | None:
    """What `within ... per ...` demands of the buckets; None after errors were noted.

    Args:
        binder: Over what the bounds may read.
        aggregation: Whose buckets.
        bounds: As they stand in the text.
        offset: Number of the first column of the buckets.
    """
    span = bounds.span
    start = Column(index=offset, type=AttributeType.LONG, name=TIMESTAMP)
    duration = Column(index=offset + len(aggregation.schema), type=AttributeType.INT, name="duration~")
    per = _per(binder, aggregation, bounds.per)
    if bounds.end is None:
        text = binder.bind(bounds.start)
        if isinstance(text, Unknown):
            return None
        if text.type is not AttributeType.STRING:
            _refuse(binder, bounds.start, "WITHIN with one value wants a text such as '2017-06-01 04:**:**'")
            return None
        first = call("bucket_span_from", text, type=AttributeType.LONG, span=span, pure=False)
        end: TypedExpression | None = call("bucket_span_to", text, type=AttributeType.LONG, span=span, pure=False)
    else:
        low = _bound(binder, bounds.start)
        end = _bound(binder, bounds.end)
        if low is None or end is None:
            return None
        first = call("bucket_range", low, end, type=AttributeType.LONG, span=span, pure=False)
    if per is None or end is None:
        return None
    return [
        boolean("greater_equal_long", start, first, span=span),
        boolean("less_long", start, end, span=span),
        boolean("equal_int", duration, per, span=span),
    ]


def _per(binder: ExpressionBinder, aggregation: AggregationPlan, expression: Expression) -> TypedExpression | None:
    per = binder.bind(expression)
    if isinstance(per, Unknown):
        return None
    if per.type is not AttributeType.STRING:
        _refuse(binder, expression, "PER wants a text such as 'seconds'")
        return None
    if isinstance(per, Constant) and str(per.value).lower() not in DURATION_NAMES:
        _refuse(binder, expression, f"PER {per.value!r} names no duration")
        return None
    mask = sum(1 << duration for duration in aggregation.durations)
    known = constant(mask, AttributeType.INT)
    return call("bucket_duration", per, known, type=AttributeType.INT, span=expression.span, pure=False)


def _bound(binder: ExpressionBinder, expression: Expression) -> TypedExpression | None:
    bound = binder.bind(expression)
    if isinstance(bound, Unknown):
        return None
    match bound.type:
        case AttributeType.LONG:
            return bound
        case AttributeType.INT if binder.context.is_sql:
            return converted(bound, AttributeType.LONG)
        case AttributeType.STRING:
            return call("bucket_time", bound, type=AttributeType.LONG, span=expression.span, pure=False)
        case _:
            _refuse(binder, expression, "WITHIN wants LONG milliseconds or texts such as '2017-06-01 04:00:00'")
            return None


def _refuse(binder: ExpressionBinder, expression: Expression, message: str) -> None:
    binder.context.diagnostics.error(expression.span, ErrorCode.INVALID_WITHIN, message)
