"""Arguments of calls: between bound expressions, declarations, and diagnostics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from eventflux.extension import Argument as DeclaredArgument
from eventflux.extension import (
    ArgumentProblem,
    Extension,
    ExtensionKind,
    ProblemKind,
    ResolvedCall,
    check_arguments,
    suggestion,
)
from eventflux.language.ast import Argument
from eventflux.planner.binder.context import BindContext
from eventflux.planner.diagnostics import MissingExtension
from eventflux.planner.typed.build import converted
from eventflux.planner.typed.nodes import Column, Constant, OutputColumn, TypedExpression, Unknown
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span

_FUNCTION_CODES = dict.fromkeys(ProblemKind, ErrorCode.TYPE_MISMATCH)
_WINDOW_CODES = {
    ProblemKind.COUNT: ErrorCode.WINDOW_ARGUMENTS,
    ProblemKind.TYPE: ErrorCode.WINDOW_ARGUMENTS,
    ProblemKind.CONSTANT: ErrorCode.WINDOW_CONSTANT,
    ProblemKind.ATTRIBUTE: ErrorCode.WINDOW_CONSTANT,
    ProblemKind.RANGE: ErrorCode.WINDOW_CONSTANT,
    ProblemKind.CHOICE: ErrorCode.WINDOW_CONSTANT,
}


def declared(expression: TypedExpression) -> DeclaredArgument:
    """A bound expression as a declaration sees it."""
    match expression:
        case Constant():
            return DeclaredArgument.of_constant(expression.type, expression.value)
        case Column() | OutputColumn():
            return DeclaredArgument.of_attribute(expression.type)
        case _:
            return DeclaredArgument.of_expression(expression.type)


def resolve(
    context: BindContext, declaration: Extension, arguments: Sequence[TypedExpression], span: Span
) -> ResolvedCall | None:
    """The call against its declaration; None after errors were noted."""
    is_sql = context.is_sql
    result = check_arguments(declaration, [declared(argument) for argument in arguments], widen=is_sql, strict=is_sql)
    if isinstance(result, ResolvedCall):
        return result
    report(context, declaration, result, arguments, span)
    return None


def report(
    context: BindContext,
    declaration: Extension,
    problems: Sequence[ArgumentProblem],
    arguments: Sequence[TypedExpression],
    span: Span,
) -> None:
    """Note what is wrong with a call."""
    codes = _WINDOW_CODES if declaration.kind is ExtensionKind.WINDOW else _FUNCTION_CODES
    for problem in problems:
        place = span
        if problem.index is not None and problem.index < len(arguments):
            place = arguments[problem.index].span
            if place.end <= place.start:
                place = span
        context.diagnostics.error(place, codes[problem.kind], problem.message, problem.hint)


def handed_over(resolved: ResolvedCall, arguments: Sequence[TypedExpression]) -> tuple[TypedExpression, ...] | None:
    """The arguments in the types that the declaration wants; None if a type is unknown."""
    result: list[TypedExpression] = []
    for argument, wanted in zip(arguments, resolved.argument_types, strict=True):
        if isinstance(argument, Unknown):
            return None
        target = wanted if wanted is not None else argument.type
        if target is None:
            return None
        result.append(converted(argument, target))
    return tuple(result)


def in_declared_order(
    context: BindContext, declaration: Extension, arguments: Sequence[Argument], span: Span
) -> tuple[Argument, ...] | None:
    """Named arguments put where the declaration has them; None after an error was noted."""
    if all(argument.name is None for argument in arguments):
        return tuple(arguments)
    names = [parameter.name for parameter in declaration.parameters]
    placed: dict[int, Argument] = {}
    for position, argument in enumerate(arguments):
        if argument.name is None:
            placed[position] = argument
            continue
        wanted = argument.name.name.casefold().replace("_", "")
        found = [index for index, name in enumerate(names) if name.casefold().replace("_", "") == wanted]
        if not found or found[0] in placed:
            what = "is given twice" if found else f"is no argument of {declaration.kind.words} {declaration.name}"
            hint = None if found else f"it takes {' or '.join(declaration.signatures)}"
            code = _WINDOW_CODES if declaration.kind is ExtensionKind.WINDOW else _FUNCTION_CODES
            context.diagnostics.error(argument.span, code[ProblemKind.COUNT], f"'{argument.name.name}' {what}", hint)
            return None
        placed[found[0]] = argument
    if sorted(placed) != list(range(len(placed))):
        context.diagnostics.error(
            span,
            ErrorCode.TYPE_MISMATCH,
            f"{declaration.kind.words} {declaration.name} misses an argument before a named one",
            f"it takes {' or '.join(declaration.signatures)}",
        )
        return None
    return tuple(replace(placed[index], name=None) for index in sorted(placed))


def not_found(
    context: BindContext,
    span: Span,
    code: ErrorCode,
    *,
    kinds: Mapping[ExtensionKind, str],
    name: str,
    message: str,
    extra: Sequence[str] = (),
) -> None:
    """Note that an extension is missing, with the names that are nearest."""
    registry = context.registry
    known = [known for kind in kinds for known in registry.nearest(kind, name)]
    hint = suggestion(name, [*extra, *known])
    (first, *_) = kinds
    context.diagnostics.missing_extension(
        span,
        code,
        message,
        MissingExtension(kind=kinds[first], name=name, available=tuple(known), install_hint=None),
        hint,
    )
