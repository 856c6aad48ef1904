"""CASE, LIKE, REGEXP."""

from __future__ import annotations

from typing import Final

from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.operators import result_type, type_name
from eventflux.planner.typed.build import boolean, call, constant, converted, suffix
from eventflux.planner.typed.nodes import Constant, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType, common_type
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span

_STRING: Final = AttributeType.STRING


def case(
    context: BindContext,
    branches: tuple[tuple[TypedExpression, TypedExpression], ...],
    otherwise: TypedExpression | None,
    span: Span,
) -> TypedExpression:
    """CASE: the result of the first branch whose condition is true, else `otherwise`, else null."""
    results = (*(then for _, then in branches), *(() if otherwise is None else (otherwise,)))
    if any(isinstance(part, Unknown) for part in (*results, *(when for when, _ in branches))):
        return Unknown(span=span)
    shared = result_type(results)
    if shared is None:
        _report_results(context, results, span)
        return Unknown(span=span)
    result = constant(None, shared, span) if otherwise is None else converted(otherwise, shared)
    for when, then in reversed(branches):
        result = call(f"if_{suffix(shared)}", when, converted(then, shared), result, type=shared, span=span)
    return result


def _report_results(context: BindContext, results: tuple[TypedExpression, ...], span: Span) -> None:
    known: AttributeType | None = None
    for result in results:
        if result.type is None:
            continue
        wider = result.type if known is None else common_type(known, result.type)
        if wider is None and known is not None:
            context.diagnostics.error(
                result.span,
                ErrorCode.TYPE_MISMATCH,
                f"results of CASE must have one type, not {known.name} and {result.type.name}",
            )
            return
        known = wider
    context.diagnostics.error(
        span,
        ErrorCode.TYPE_MISMATCH,
        "the type of CASE is not known: all results are NULL",
        "write CAST(NULL AS type)",
    )


def like(
    context: BindContext,
    operand: TypedExpression,
    pattern: TypedExpression,
    escape: TypedExpression | None,
    span: Span,
    *,
    ignore_case: bool,
) -> TypedExpression:
    """``x LIKE p ESCAPE 'c'``, ``x ILIKE p``."""
    name = "ILIKE" if ignore_case else "LIKE"
    if not _texts(context, name, (operand, pattern) if escape is None else (operand, pattern, escape), span):
        return Unknown(span=span)
    operand, pattern = converted(operand, _STRING), converted(pattern, _STRING)
    operation = name.lower()
    operands: tuple[TypedExpression, ...] = (operand, pattern)
    if escape is not None:
        operation += "_escape"
        operands = (operand, pattern, converted(escape, _STRING))
    return boolean(operation + ("3" if context.three_valued else ""), *operands, span=span)


def regexp(context: BindContext, operand: TypedExpression, pattern: TypedExpression, span: Span) -> TypedExpression:
    """``x REGEXP p``: found anywhere."""
    if not _texts(context, "REGEXP", (operand, pattern), span):
        return Unknown(span=span)
    # A constant pattern is checked when the program is made; another one may fail on a row.
    return call(
        "regexp3" if context.three_valued else "regexp",
        converted(operand, _STRING),
        converted(pattern, _STRING),
        type=AttributeType.BOOL,
        span=span,
        pure=isinstance(pattern, Constant),
    )


def _texts(context: BindContext, name: str, operands: tuple[TypedExpression, ...], span: Span) -> bool:
    if any(isinstance(operand, Unknown) for operand in operands):
        return False
    if all(operand.type in {_STRING, None} for operand in operands):
        return True
    given = " and ".join(type_name(operand) for operand in operands)
    context.diagnostics.error(span, ErrorCode.TYPE_MISMATCH, f"operator {name} does not take {given}")
    return False
