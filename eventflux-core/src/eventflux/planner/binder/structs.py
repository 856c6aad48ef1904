"""Fields of structs, elements of arrays and maps.

Where the declared type says what is inside (`STRUCT<a INT>`, `ARRAY<DOUBLE>`), the result has that type and an unknown
field is an error; inside a plain OBJECT everything is an OBJECT, and null where it is missing.
"""

from __future__ import annotations

from typing import Final

from eventflux.extension import suggestion
from eventflux.language.ast import Identifier, TypeName
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.operators import type_name
from eventflux.planner.typed.build import call, constant, converted, suffix
from eventflux.planner.typed.nodes import Call, Column, Constant, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span

_FIELD: Final = "field_"
_ELEMENT: Final = "element_"
_MAP: Final = "MAP"


def field_of(context: BindContext, operand: TypedExpression, name: Identifier, span: Span) -> TypedExpression:
    """``operand.name``."""
    if isinstance(operand, Unknown):
        return operand
    if operand.type is not AttributeType.OBJECT:
        context.diagnostics.error(
            name.span, ErrorCode.UNDEFINED_COLUMN, f"a value of type {type_name(operand)} has no field '{name.name}'"
        )
        return Unknown(span=span)
    shape = shape_of(operand)
    result = AttributeType.OBJECT
    if shape is not None and shape.fields:
        member = _member(shape, name.name)
        if member is None:
            context.diagnostics.error(
                name.span,
                ErrorCode.UNDEFINED_COLUMN,
                f"the struct has no field '{name.name}'",
                suggestion(name.name, [each.name.name for each in shape.fields], "it"),
            )
            return Unknown(span=span)
        result = member.attribute_type or AttributeType.OBJECT
    key = constant(name.name, AttributeType.STRING, name.span)
    return call(f"{_FIELD}{suffix(result)}", operand, key, type=result, span=span)


def item_of(context: BindContext, operand: TypedExpression, index: TypedExpression, span: Span) -> TypedExpression:
    """``operand[index]``: an element by its number from 0, or the value of a key."""
    if isinstance(operand, Unknown) or isinstance(index, Unknown):
        return Unknown(span=span)
    if operand.type is not AttributeType.OBJECT:
        context.diagnostics.error(
            span, ErrorCode.TYPE_MISMATCH, f"a value of type {type_name(operand)} has no elements"
        )
        return Unknown(span=span)
    inner = _item_type(shape_of(operand))
    result = AttributeType.OBJECT if inner is None else inner.attribute_type or AttributeType.OBJECT
    match index.type:
        case AttributeType.STRING:
            return call(f"{_FIELD}{suffix(result)}", operand, index, type=result, span=span)
        case AttributeType.INT:
            return call(f"{_ELEMENT}{suffix(result)}", operand, index, type=result, span=span)
        case _:
            context.diagnostics.error(
                index.span, ErrorCode.TYPE_MISMATCH, f"an index must be INT or STRING, not {type_name(index)}"
            )
            return Unknown(span=span)


def shape_of(expression: TypedExpression) -> TypeName | None:
    """The declared type of a value, where it is known beyond OBJECT."""
    match expression:
        case Column(shape=shape):
            return shape
        case Call(operation=operation, arguments=(operand, Constant(value=str() as name))) if operation.startswith(
            _FIELD
        ):
            shape = shape_of(operand)
            if shape is None:
                return None
            return _member(shape, name) if shape.fields else _item_type(shape)
        case Call(operation=operation, arguments=(operand, _)) if operation.startswith(_ELEMENT):
            return _item_type(shape_of(operand))
        case _:
            return None


def struct(members: tuple[tuple[str, TypedExpression], ...], span: Span) -> TypedExpression:
    """``struct(x => a, y => b)``."""
    if any(isinstance(value, Unknown) for _, value in members):
        return Unknown(span=span)
    arguments: list[TypedExpression] = []
    for name, value in members:
        arguments.append(constant(name, AttributeType.STRING, span))
        arguments.append(value if value.type is not None else converted(value, AttributeType.OBJECT))
    return call("struct", *arguments, type=AttributeType.OBJECT, span=span)


def _member(shape: TypeName, name: str) -> TypeName | None:
    return next((member.type for member in shape.fields if member.name.name == name), None)


def _item_type(shape: TypeName | None) -> TypeName | None:
    if shape is None or not shape.elements:
        return None
    return shape.elements[-1] if shape.name == _MAP else shape.elements[0]
