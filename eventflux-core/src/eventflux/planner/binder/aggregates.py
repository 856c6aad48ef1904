"""Calls of aggregators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eventflux.extension import Extension, ExtensionKind
from eventflux.language.ast import FunctionCall
from eventflux.planner.binder.arguments import declared, handed_over, resolve
from eventflux.planner.binder.context import BindContext
from eventflux.planner.logical.aggregates import AggregateCall, AggregateCollector, HostAggregator
from eventflux.planner.typed.build import call as typed_call
from eventflux.planner.typed.build import constant, suffix
from eventflux.planner.typed.nodes import TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode

# Aggregators whose value does not change by a null: FILTER hands them null for the rows that it leaves out.
_SKIPS_NULL: Final = frozenset(
    {"sum", "avg", "min", "max", "minForever", "maxForever", "stdDev", "variance", "and", "or", "countNonNull"}
)
# Aggregators with a form in which each value counts once.
_DISTINCT: Final = frozenset({"sum", "avg"})
_SAME_WHEN_DISTINCT: Final = frozenset({"min", "max", "minForever", "maxForever", "and", "or", "distinctCount"})


def aggregate_call(
    context: BindContext,
    collector: AggregateCollector,
    declaration: Extension,
    call: FunctionCall,
    arguments: Sequence[TypedExpression],
    condition: TypedExpression | None,
) -> TypedExpression:
    """An aggregate over bound arguments, counted among those of the selection.

    Args:
        context: Of the statement.
        collector: The aggregates of the selection.
        declaration: The aggregator named.
        call: The call in the text.
        arguments: Bound over the input of the selection.
        condition: Of FILTER, a BOOL; None without.
    """
    if any(isinstance(argument, Unknown) for argument in arguments) or isinstance(condition, Unknown):
        return Unknown(span=call.span)
    if call.star and declaration.name == "count":
        arguments = ()
    chosen = _chosen(context, declaration, call, arguments, condition)
    if chosen is None:
        return Unknown(span=call.span)
    if declaration.name == "count" and chosen.name == "countNonNull" and not arguments:
        arguments = (constant(value=True, type=AttributeType.BOOL, span=call.span),)
    resolved = resolve(context, chosen, arguments, call.span)
    if resolved is None:
        return Unknown(span=call.span)
    values = handed_over(resolved, arguments)
    if values is None or resolved.returns is None:
        return Unknown(span=call.span)
    if resolved.native is None and condition is not None:
        context.diagnostics.not_supported(call.span, f"FILTER on {call.name} is")
        return Unknown(span=call.span)
    if resolved.native is None:
        return _in_python(context, collector, chosen, call, values, resolved.returns)
    if chosen.name == "count":
        # The argument is ignored; whatever it was, it has been checked.
        values = ()
    argument = values[0] if values else None
    if argument is not None and condition is not None and chosen.name in _SKIPS_NULL:
        argument, condition = _filtered(argument, condition), None
    native = f"{resolved.native}_distinct" if call.distinct and chosen.name in _DISTINCT else resolved.native
    return collector.add(
        AggregateCall(name=native, argument=argument, type=resolved.returns, condition=condition, span=call.span)
    )


def _in_python(
    context: BindContext,
    collector: AggregateCollector,
    declaration: Extension,
    call: FunctionCall,
    values: Sequence[TypedExpression],
    returns: AttributeType,
) -> TypedExpression:
    if declaration.factory is None:
        context.diagnostics.not_supported(call.span, f"aggregator {declaration.qualified_name} is")
        return Unknown(span=call.span)
    argument = None
    if len(values) == 1:
        argument = values[0]
    elif values:
        argument = typed_call("list", *values, type=AttributeType.OBJECT, span=call.span)
    host = HostAggregator(declaration=declaration, arguments=tuple(declared(value) for value in values))
    name = declaration.qualified_name
    return collector.add(AggregateCall(name=name, argument=argument, type=returns, host=host, span=call.span))


def _chosen(
    context: BindContext,
    declaration: Extension,
    call: FunctionCall,
    arguments: Sequence[TypedExpression],
    condition: TypedExpression | None,
) -> Extension | None:
    """The aggregator that the call means: COUNT(x), COUNT(DISTINCT x), FILTER name another one."""
    chosen = declaration
    if declaration.name == "count" and call.distinct:
        chosen = context.registry.get(ExtensionKind.AGGREGATOR, "distinctCount")
    elif declaration.name == "count" and (condition is not None or (context.is_sql and arguments)):
        chosen = context.registry.get(ExtensionKind.AGGREGATOR, "countNonNull")
    elif call.distinct and declaration.name not in _SAME_WHEN_DISTINCT | _DISTINCT:
        context.diagnostics.not_supported(call.span, f"{call.name}(DISTINCT ...) is")
        return None
    return chosen


def _filtered(argument: TypedExpression, condition: TypedExpression) -> TypedExpression:
    assert argument.type is not None
    return typed_call(
        f"if_{suffix(argument.type)}",
        condition,
        argument,
        constant(None, argument.type),
        type=argument.type,
        span=argument.span,
    )


def report_misplaced(context: BindContext, call: FunctionCall, clause: str) -> None:
    """Note that an aggregate stands where none may."""
    hint = "use HAVING" if clause in {"WHERE", "a filter"} else None
    context.diagnostics.error(
        call.span, ErrorCode.MISPLACED_AGGREGATE, f"aggregate {call.qualified_name} is not allowed in {clause}", hint
    )
