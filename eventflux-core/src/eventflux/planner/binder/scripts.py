"""Functions that a text defines: `define function f[python] return int { ... }`."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable

from eventflux.extension import ExtensionKind, Script
from eventflux.language.ast import FunctionDefinition
from eventflux.planner.binder.casts import type_named
from eventflux.planner.binder.context import BindContext
from eventflux.planner.diagnostics import MissingExtension
from eventflux.planner.host_functions import ScriptFunction
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span

_PYTHON = "python"


def bind_function(context: BindContext, definition: FunctionDefinition) -> ScriptFunction | None:
    """The function of a definition; None after errors were noted."""
    returns = type_named(context, definition.returns)
    parameters = _parameters(context, definition)
    if returns is None or (parameters is None and definition.parameters is not None):
        return None
    language = definition.language.name
    execute: Callable[..., object] | None
    if language.lower() == _PYTHON:
        names = None if parameters is None else tuple(name for name, _ in parameters)
        execute = _compile(context, definition, names)
    else:
        execute = _foreign(context, definition, returns)
    if execute is None:
        return None
    return ScriptFunction(
        name=definition.name.name,
        language=language,
        body=definition.body,
        parameters=parameters,
        returns=returns,
        execute=execute,
    )


def _parameters(context: BindContext, definition: FunctionDefinition) -> tuple[tuple[str, AttributeType], ...] | None:
    if definition.parameters is None:
        return None
    found: list[tuple[str, AttributeType]] = []
    for parameter in definition.parameters:
        parameter_type = type_named(context, parameter.type)
        name = parameter.name.name
        if any(name == known for known, _ in found):
            context.diagnostics.error(
                parameter.name.span, ErrorCode.DUPLICATE_NAME, f"parameter '{name}' is given twice"
            )
        elif parameter_type is not None:
            found.append((name, parameter_type))
    return tuple(found) if len(found) == len(definition.parameters) else None


def _compile(
    context: BindContext, definition: FunctionDefinition, names: tuple[str, ...] | None
) -> Callable[..., object] | None:
    """The body as a Python function: of the named parameters, or of any values seen as the list `data`."""
    body = textwrap.dedent(definition.body.expandtabs())
    file = f"<function {definition.name.name}>"
    try:
        tree = ast.parse(body.strip(), file)
    except SyntaxError as error:
        _syntax_error(context, definition, body, error)
        return None
    if not tree.body:
        context.diagnostics.error(
            definition.name.span, ErrorCode.INVALID_DEFINITION, f"function {definition.name.name} has no body"
        )
        return None
    function = ast.FunctionDef(
        name="_function",
        args=ast.arguments(
            posonlyargs=[],
            args=[ast.arg(arg=name) for name in names or ()],
            vararg=None if names is not None else ast.arg(arg="data"),
            kwonlyargs=[],
            kw_defaults=[],
            kwarg=None,
            defaults=[],
        ),
        body=_with_result(tree.body),
        decorator_list=[],
        returns=None,
        type_comment=None,
    )
    if "type_params" in ast.FunctionDef._fields:
        function.type_params = []  # type: ignore[attr-defined]
    module = ast.fix_missing_locations(ast.Module(body=[function], type_ignores=[]))
    try:
        code = compile(module, file, "exec")
    except (SyntaxError, ValueError) as error:
        _syntax_error(context, definition, body, error)
        return None
    namespace: dict[str, object] = {}
    # The text of an app is code of its author: `LANGUAGE python` means to run it.
    exec(code, namespace)  # noqa: S102
    made = namespace["_function"]
    assert callable(made)
    return made


def _with_result(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements; an expression alone is what the function returns."""
    if len(body) == 1 and isinstance(body[0], ast.Expr):
        return [ast.copy_location(ast.Return(value=body[0].value), body[0])]
    return body


def _syntax_error(
    context: BindContext, definition: FunctionDefinition, body: str, error: SyntaxError | ValueError
) -> None:
    span = definition.body_span if definition.body_span.end > definition.body_span.start else definition.name.span
    if isinstance(error, SyntaxError):
        span = _place(context, definition, body, error) or span
        text = error.msg
    else:
        text = str(error)
    context.diagnostics.error(
        span, ErrorCode.INVALID_DEFINITION, f"body of function {definition.name.name} is no Python: {text}"
    )


def _place(context: BindContext, definition: FunctionDefinition, body: str, error: SyntaxError) -> Span | None:
    """The line of the text that Python complains of."""
    if error.lineno is None or definition.body_span.end <= definition.body_span.start:
        return None
    source = context.diagnostics.source
    skipped = body[: len(body) - len(body.lstrip())].count("\n")
    first = source.position(definition.body_span.start).line
    number = first + skipped + error.lineno - 1
    if number > source.position(definition.body_span.end).line:
        return None
    line = source.line(number)
    start = source.text.find(line, max(0, definition.body_span.start - len(line)))
    indent = len(line) - len(line.lstrip())
    return Span(start + indent, start + max(len(line.rstrip()), indent + 1))


def _foreign(
    context: BindContext, definition: FunctionDefinition, returns: AttributeType
) -> Callable[..., object] | None:
    language = definition.language.name
    declaration = context.registry.find(ExtensionKind.SCRIPT, language)
    if declaration is None or declaration.factory is None:
        context.diagnostics.missing_extension(
            definition.language.span,
            ErrorCode.NOT_INSTALLED,
            f"no script language '{language}' is installed",
            MissingExtension(
                kind=ExtensionKind.SCRIPT.words,
                name=language,
                available=(_PYTHON, *context.registry.names(ExtensionKind.SCRIPT)),
                install_hint=None,
            ),
            "built in is: python",
        )
        return None
    script = declaration.factory()
    if not isinstance(script, Script):
        context.diagnostics.error(
            definition.language.span,
            ErrorCode.INVALID_DEFINITION,
            f"extension '{declaration.qualified_name}' is no script language",
        )
        return None
    try:
        script.init(definition.name.name, definition.body, returns)
    except Exception as error:
        context.diagnostics.error(
            definition.name.span,
            ErrorCode.INVALID_DEFINITION,
            f"body of function {definition.name.name} was refused by {language}: {error}",
        )
        return None
    return script.execute
