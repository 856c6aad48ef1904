"""CAST, and names of types."""

from __future__ import annotations

from typing import Final

from eventflux.extension import nearest
from eventflux.language.ast import CastMode, TypeName
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.structs import shape_of
from eventflux.planner.typed.build import call, converted, suffix
from eventflux.planner.typed.nodes import Constant, TypedExpression, Unknown
from eventflux.types.attribute_type import TYPE_NAMES, AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span

_OBJECT: Final = AttributeType.OBJECT
_STRING: Final = AttributeType.STRING
_MOMENTS: Final = frozenset({"TIMESTAMP", "DATETIME", "DATE"})
_WITH_PRECISION: Final = frozenset({"NUMERIC", "DECIMAL"})


def type_named(context: BindContext, type_name: TypeName) -> AttributeType | None:
    """The type of that name; None after an error was noted. Warns of what is read and ignored."""
    found = type_name.attribute_type
    diagnostics = context.diagnostics
    if found is None:
        best = nearest(type_name.name, TYPE_NAMES)
        diagnostics.error(
            type_name.span,
            ErrorCode.UNKNOWN_TYPE,
            f"unknown type '{type_name.name}'",
            None if best is None else f"did you mean '{best}'?",
        )
        return None
    if type_name.name.upper() in _WITH_PRECISION:
        diagnostics.warning(
            type_name.span, ErrorCode.NUMERIC_IS_DOUBLE, f"{type_name.name} has the precision of a DOUBLE"
        )
    elif type_name.lengths and found is _STRING:
        diagnostics.warning(
            type_name.span, ErrorCode.LENGTH_IGNORED, f"the length of {type_name.name} is read and ignored"
        )
    for element in type_name.elements:
        type_named(context, element)
    for member in type_name.fields:
        type_named(context, member.type)
    return found


def sql_cast(
    context: BindContext,
    operand: TypedExpression,
    written: TypeName,
    target: AttributeType,
    mode: CastMode,
    span: Span,
) -> TypedExpression:
    """``CAST(x AS t)``, ``TRY_CAST``, ``STRICT_CAST``, ``x::t``."""
    given = operand.type
    if given is None:
        return converted(operand, target)
    if written.name.upper() in _MOMENTS and given is _STRING:
        operation = "strict_parse_timestamp" if mode is CastMode.STRICT else "parse_timestamp"
        return call(operation, operand, type=AttributeType.LONG, span=span, pure=mode is not CastMode.STRICT)
    return conversion(context, operand, target, span, strict=mode is CastMode.STRICT)


def conversion(
    context: BindContext, operand: TypedExpression, target: AttributeType, span: Span, *, strict: bool = False
) -> TypedExpression:
    """The value as that type by the rules of ``convert``."""
    given = operand.type
    if isinstance(operand, Unknown):
        return operand
    if given is None:
        return converted(operand, target)
    if given is target:
        return operand
    shape = shape_of(operand)
    if given is _OBJECT and target is not _STRING and shape is not None and (shape.fields or shape.elements):
        context.diagnostics.error(span, ErrorCode.TYPE_MISMATCH, f"a {shape.name} cannot be converted to {target.name}")
        return Unknown(span=span)
    if isinstance(operand, Constant) and not strict and operand.type is not _STRING and target is not _STRING:
        return converted(operand, target)
    prefix = "strict_convert" if strict else "convert"
    return call(f"{prefix}_{suffix(given)}_{suffix(target)}", operand, type=target, span=span, pure=not strict)
