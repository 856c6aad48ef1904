"""Small constructors of typed expressions."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from eventflux.planner.typed.nodes import Call, Constant, ConstantValue, TypedExpression, Unknown
from eventflux.planner.typed.values import convert_number
from eventflux.types.attribute_type import AttributeType
from eventflux.types.source_text import NO_SPAN, Span

_BOOL: Final = AttributeType.BOOL


def call(
    operation: str, *arguments: TypedExpression, type: AttributeType | None, span: Span = NO_SPAN, pure: bool = True
) -> Call:
    """A call of an operation of the engine."""
    return Call(operation=operation, arguments=arguments, type=type, span=span, pure=pure)


def boolean(operation: str, *arguments: TypedExpression, span: Span = NO_SPAN) -> Call:
    """A pure call whose result is a BOOL."""
    return call(operation, *arguments, type=_BOOL, span=span)


def constant(value: ConstantValue, type: AttributeType | None, span: Span = NO_SPAN) -> Constant:
    return Constant(type=type, value=value, span=span)


def suffix(attribute_type: AttributeType) -> str:
    """How names of operations spell a type."""
    return attribute_type.name.lower()


def converted(expression: TypedExpression, to: AttributeType) -> TypedExpression:
    """The expression as that type: unchanged, a null of that type, a converted constant, or a conversion."""
    if isinstance(expression, Unknown) or expression.type is to:
        return expression
    if isinstance(expression, Constant):
        if expression.value is None:
            return replace(expression, type=to)
        if to.is_numeric and isinstance(expression.value, (int, float)):
            return replace(expression, type=to, value=convert_number(expression.value, to))
    if expression.type is None:
        raise ValueError("only constants may have no type")
    return call(f"convert_{suffix(expression.type)}_{suffix(to)}", expression, type=to, span=expression.span)


def is_null(expression: TypedExpression, span: Span = NO_SPAN) -> TypedExpression:
    """Whether the value is null."""
    match expression:
        case Unknown():
            return expression
        case Constant(value=value):
            return constant(value is None, _BOOL, span)
        case _:
            assert expression.type is not None
            return boolean(f"is_null_{suffix(expression.type)}", expression, span=span)


def negation(expression: TypedExpression, span: Span = NO_SPAN, *, three_valued: bool = False) -> TypedExpression:
    """NOT."""
    if isinstance(expression, Unknown):
        return expression
    return boolean("not3" if three_valued else "not", expression, span=span)
