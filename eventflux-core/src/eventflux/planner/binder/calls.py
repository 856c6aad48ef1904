"""Calls of scalar functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eventflux.extension import Extension, ExtensionKind, VectorizedScalarFunction
from eventflux.language.ast import FunctionCall
from eventflux.planner.binder.arguments import declared, handed_over, not_found, resolve
from eventflux.planner.binder.context import BindContext
from eventflux.planner.host_functions import ExtensionFunction, ScriptFunction
from eventflux.planner.typed.build import converted
from eventflux.planner.typed.nodes import Call, Constant, HostCall, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span

_KINDS: Final = {ExtensionKind.FUNCTION: "function", ExtensionKind.AGGREGATOR: "aggregator"}


def find_script(context: BindContext, call: FunctionCall) -> ScriptFunction | None:
    """The function of that name that the text defines; SQL looks it up in any case."""
    if call.namespace is not None:
        return None
    found = context.scripts.get(call.name)
    if found is not None or not context.is_sql:
        return found
    folded = [script for name, script in context.scripts.items() if name.casefold() == call.name.casefold()]
    return folded[0] if len(folded) == 1 else None


def report_unknown(context: BindContext, call: FunctionCall) -> None:
    """Note that there is no function of that name."""
    not_found(
        context,
        context.diagnostics.place_of(call.name, call.span),
        ErrorCode.UNKNOWN_FUNCTION,
        kinds=_KINDS,
        name=call.qualified_name,
        message=f"no function or aggregate '{call.qualified_name}'",
        extra=tuple(context.scripts),
    )


def extension_call(
    context: BindContext, declaration: Extension, arguments: Sequence[TypedExpression], span: Span
) -> TypedExpression:
    """A call of a declared function with bound arguments."""
    resolved = resolve(context, declaration, arguments, span)
    if resolved is None:
        return Unknown(span=span)
    values = handed_over(resolved, arguments)
    if values is None:
        if all(not isinstance(argument, Unknown) for argument in arguments):
            _unknown_null(context, arguments, span)
        return Unknown(span=span)
    if resolved.returns is None:
        return Unknown(span=span)
    if resolved.native is not None:
        return Call(
            operation=resolved.native,
            arguments=values,
            type=resolved.returns,
            pure=declaration.pure,
            span=span,
        )
    function = context.host_functions.add(
        name=declaration.qualified_name,
        query=context.query,
        argument_types=tuple(_known(value) for value in values),
        returns=resolved.returns,
        implementation=ExtensionFunction(
            declaration=declaration, arguments=tuple(declared(argument) for argument in arguments)
        ),
        vectorized=declaration.vectorized or _is_vectorized(declaration),
        deterministic=declaration.deterministic,
        span=span,
    )
    return HostCall(function=function.number, name=function.name, arguments=values, type=resolved.returns, span=span)


def script_call(
    context: BindContext, script: ScriptFunction, arguments: Sequence[TypedExpression], span: Span
) -> TypedExpression:
    """A call of a function that the text defines."""
    if any(isinstance(argument, Unknown) for argument in arguments):
        return Unknown(span=span)
    values = list(arguments)
    if script.parameters is not None:
        if len(script.parameters) != len(arguments):
            signature = ", ".join(f"{name} {attribute_type.name}" for name, attribute_type in script.parameters)
            context.diagnostics.error(
                span,
                ErrorCode.TYPE_MISMATCH,
                f"function {script.name} takes {len(script.parameters)} arguments ({signature}), got {len(arguments)}",
            )
            return Unknown(span=span)
        for index, (name, wanted) in enumerate(script.parameters):
            given = values[index].type
            if given is not None and not wanted.accepts(given):
                context.diagnostics.error(
                    values[index].span,
                    ErrorCode.TYPE_MISMATCH,
                    f"argument {index + 1} of function {script.name} must be {name} {wanted.name}, got {given.name}",
                )
                return Unknown(span=span)
            values[index] = converted(values[index], wanted)
    elif any(value.type is None for value in values):
        _unknown_null(context, arguments, span)
        return Unknown(span=span)
    function = context.host_functions.add(
        name=script.name,
        query=context.query,
        argument_types=tuple(_known(value) for value in values),
        returns=script.returns,
        implementation=script,
        deterministic=False,
        span=span,
    )
    return HostCall(function=function.number, name=script.name, arguments=tuple(values), type=script.returns, span=span)


def _is_vectorized(declaration: Extension) -> bool:
    factory = declaration.factory
    return isinstance(factory, type) and issubclass(factory, VectorizedScalarFunction)


def _known(value: TypedExpression) -> AttributeType:
    assert value.type is not None
    return value.type


def _unknown_null(context: BindContext, arguments: Sequence[TypedExpression], span: Span) -> None:
    place = next((argument.span for argument in arguments if isinstance(argument, Constant) and argument.is_null), span)
    context.diagnostics.error(
        place,
        ErrorCode.TYPE_MISMATCH,
        "the type of NULL is not known here",
        "write CAST(NULL AS type)" if context.is_sql else None,
    )
