"""Conditions of the windows `expression` and `expressionBatch`: texts that are expressions over the content."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from eventflux.language.ast import Expression
from eventflux.language.parser import parse_expression
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.diagnostics import Diagnostics
from eventflux.planner.logical.aggregates import AggregateCollector
from eventflux.planner.logical.nodes import ContentCondition
from eventflux.planner.typed.nodes import Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.dialect import Dialect
from eventflux.types.errors import ParseError
from eventflux.types.schema import Attribute, Schema
from eventflux.types.source_text import SourceText, Span

CONDITIONAL: Final = frozenset({"expression", "expression_batch"})
"""Native windows that are bounded by a condition."""

_OTHER: Final = {Dialect.SQL: Dialect.EVENTFLUXQL, Dialect.EVENTFLUXQL: Dialect.SQL}


def bind_window_condition(context: BindContext, text: str, schema: Schema, span: Span) -> ContentCondition | None:
    """The condition, over a row, the oldest row and the newest row; None after errors were noted.

    Args:
        context: Of the statement.
        text: The expression.
        schema: Of the window.
        span: Of the argument, where errors are told.
    """
    diagnostics = Diagnostics(SourceText(text))
    try:
        expression = _parsed(text, context.dialect)
    except ParseError as error:
        _tell(context, error.diagnostics[0].message, error, span, text)
        return None
    condition = _bound(replace(context, diagnostics=diagnostics), expression, schema)
    for found in diagnostics.errors:
        context.diagnostics.error(span, found.code, f"{found.message}, in the condition {text!r}", found.hint)
    return None if diagnostics.has_errors else condition


def _parsed(text: str, dialect: Dialect) -> Expression:
    """The text in the language of the statement, or in the other one: both spell such conditions."""
    try:
        return parse_expression(text, dialect)
    except ParseError:
        try:
            return parse_expression(text, _OTHER[dialect])
        except ParseError:
            pass
        raise


def _tell(context: BindContext, message: str, error: ParseError, span: Span, text: str) -> None:
    context.diagnostics.error(span, error.diagnostics[0].code, f"{message}, in the condition {text!r}", error.hint)


def _bound(context: BindContext, expression: Expression, schema: Schema) -> ContentCondition | None:
    # Columns of a row, of the oldest row and its timestamp, of the newest row and its timestamp.
    count = len(schema)
    row = Relation(name="the window", what="the window", schema=schema)
    first = Relation(name="first", what="the oldest event", schema=schema, offset=count, timestamp=2 * count)
    last = Relation(name="last", what="the window", schema=schema, offset=2 * count + 1, timestamp=3 * count + 1)
    aggregates = AggregateCollector()
    binder = ExpressionBinder(
        context=context,
        scope=InputScope(relations=(last, first), own=last),
        clause="the condition of a window",
        aggregates=aggregates,
        aggregate_scope=InputScope(relations=(row,)),
    )
    bound = binder.condition(expression)
    if isinstance(bound, Unknown):
        return None
    if any(call.host is not None for call in aggregates.calls):
        context.diagnostics.not_supported(expression.span, "aggregators written in Python in conditions of windows are")
        return None
    ends = [
        each
        for end in ("first", "last")
        for each in (
            *(Attribute(f"{end}.{attribute.name}", attribute.type) for attribute in schema),
            Attribute(f"eventTimestamp({end})", AttributeType.LONG),
        )
    ]
    return ContentCondition(schema=Schema([*schema, *ends]), aggregates=tuple(aggregates.calls), expression=bound)
