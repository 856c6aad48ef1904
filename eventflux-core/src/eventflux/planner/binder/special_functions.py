"""Functions whose meaning a declaration cannot hold: conversions named by a text, references to events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from eventflux.extension import Extension
from eventflux.language.ast import Argument, AttributeReference, BinaryOperator, Expression, FunctionCall
from eventflux.planner.binder.arguments import resolve
from eventflux.planner.binder.casts import conversion
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.names import InputScope, Scope
from eventflux.planner.binder.operators import Operators, result_type, type_name
from eventflux.planner.binder.structs import struct
from eventflux.planner.typed.build import call as typed_call
from eventflux.planner.typed.build import constant, converted, suffix
from eventflux.planner.typed.nodes import Constant, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType, attribute_type_named
from eventflux.types.error_codes import ErrorCode


class Binder(Protocol):
    """What binding a special function asks of the binder of the expression around it."""

    @property
    def context(self) -> BindContext: ...

    @property
    def scope(self) -> Scope: ...

    @property
    def operators(self) -> Operators: ...

    def bind(self, expression: Expression) -> TypedExpression: ...


_Special = Callable[[Binder, Extension, FunctionCall], TypedExpression | None]


def sql_spelling(call: FunctionCall) -> FunctionCall:
    """SQL's other names of calls: ROW(a AS x) is struct(x => a), COLLECT_SET(x) is unionSet(createSet(x))."""
    if call.namespace is not None:
        return call
    match call.name.casefold():
        case "row":
            return replace(call, name="struct")
        case "collect_set" | "collectset" if len(call.arguments) == 1:
            element = FunctionCall(name="createSet", arguments=call.arguments, span=call.span)
            return replace(call, name="unionSet", arguments=(Argument(value=element, span=call.span),))
        case _:
            return call


def special_call(binder: Binder, declaration: Extension, call: FunctionCall) -> TypedExpression | None:
    """The call if it is one of those that are bound here, else None."""
    special = _SPECIAL.get(declaration.qualified_name)
    return None if special is None else special(binder, declaration, call)


def _convert(binder: Binder, declaration: Extension, call: FunctionCall) -> TypedExpression | None:
    found = _value_and_type(binder, declaration, call)
    if found is None:
        return Unknown(span=call.span)
    value, target = found
    return conversion(binder.context, value, target, call.span)


def _cast(binder: Binder, declaration: Extension, call: FunctionCall) -> TypedExpression | None:
    found = _value_and_type(binder, declaration, call)
    if found is None:
        return Unknown(span=call.span)
    value, target = found
    if value.type is None or isinstance(value, Unknown):
        return converted(value, target)
    if value.type is target:
        return value
    if value.type is AttributeType.INT and target is AttributeType.LONG:
        return converted(value, target)
    if value.type is not AttributeType.OBJECT:
        # cast() names a type, it does not convert: a value of another type is never what was asked for.
        return constant(None, target, call.span)
    return typed_call(f"cast_check_{suffix(target)}", value, type=target, span=call.span, pure=False)


def _value_and_type(
    binder: Binder, declaration: Extension, call: FunctionCall
) -> tuple[TypedExpression, AttributeType] | None:
    arguments = tuple(binder.bind(argument.value) for argument in call.arguments)
    if any(isinstance(argument, Unknown) for argument in arguments):
        return None
    if resolve(binder.context, declaration, arguments, call.span) is None:
        return None
    value, named = arguments
    target = attribute_type_named(named.value) if isinstance(named, Constant) and isinstance(named.value, str) else None
    if target is None:
        binder.context.diagnostics.error(
            named.span,
            ErrorCode.TYPE_MISMATCH,
            f"the type of {declaration.name}() must be a constant text: int, long, float, double, bool or string",
        )
        return None
    return value, target


def _event_timestamp(binder: Binder, _: Extension, call: FunctionCall) -> TypedExpression | None:
    if len(call.arguments) != 1:
        return None
    value = call.arguments[0].value
    if (
        isinstance(value, AttributeReference)
        and value.qualifier is None
        and binder.scope.is_relation(value.name.name)
        and not binder.scope.knows(value)
    ):
        column = binder.scope.timestamp(value.name.name) if isinstance(binder.scope, InputScope) else None
        if column is not None:
            return replace(column, span=call.span)
        return typed_call("event_timestamp", type=AttributeType.LONG, span=call.span)
    return None


def _null_if(binder: Binder, _: Extension, call: FunctionCall) -> TypedExpression | None:
    if len(call.arguments) != 2:
        return None
    left, right = (binder.bind(argument.value) for argument in call.arguments)
    equal = binder.operators.comparison(BinaryOperator.EQ, left, right, call.span)
    if isinstance(equal, Unknown):
        return equal
    result = left.type if left.type is not None else result_type((left, right))
    if result is None:
        binder.context.diagnostics.error(
            call.span, ErrorCode.TYPE_MISMATCH, f"the type of {call.name}({type_name(left)}, ...) is not known"
        )
        return Unknown(span=call.span)
    return typed_call(
        f"if_{suffix(result)}",
        equal,
        constant(None, result, call.span),
        converted(left, result),
        type=result,
        span=call.span,
    )


def _default(binder: Binder, _: Extension, call: FunctionCall) -> TypedExpression | None:
    """EventFluxQL wants a constant as the default; SQL takes any expression."""
    if binder.context.is_sql or len(call.arguments) != 2:
        return None
    otherwise = binder.bind(call.arguments[1].value)
    if not isinstance(otherwise, (Constant, Unknown)):
        binder.context.diagnostics.error(
            otherwise.span, ErrorCode.TYPE_MISMATCH, f"the second argument of {call.name}() must be a constant"
        )
        return Unknown(span=call.span)
    return None


def _struct(binder: Binder, _: Extension, call: FunctionCall) -> TypedExpression | None:
    members = tuple(
        (
            f"field_{index}" if argument.name is None else argument.name.name,
            binder.bind(argument.value),
        )
        for index, argument in enumerate(call.arguments)
    )
    return struct(members, call.span)


_SPECIAL: Final[dict[str, _Special]] = {
    "convert": _convert,
    "cast": _cast,
    "default": _default,
    "eventTimestamp": _event_timestamp,
    "NULLIF": _null_if,
    "struct": _struct,
}
