"""Calls of windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from typing import Final

from eventflux.extension import BoundParameter, Extension, ExtensionKind, suggestion
from eventflux.language.ast import Argument, WindowCall
from eventflux.planner.binder.arguments import in_declared_order, not_found, resolve
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.window_conditions import CONDITIONAL, bind_window_condition
from eventflux.planner.logical.nodes import PYTHON_WINDOW, ContentCondition, WindowParameter
from eventflux.planner.typed.nodes import Column, Constant, TypedExpression, Unknown
from eventflux.planner.typed.values import convert_number, fits
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Attribute, Schema

# Names of arguments as in ksqlDB: SIZE first, then ADVANCE BY.
_NAMED_IN_ORDER: Final = ("size", "advance_by", "grace")


@record(frozen=True, slots=True, kw_only=True)
class BoundWindow:
    """A window that fits its declaration."""

    declaration: Extension
    native: str
    parameters: tuple[WindowParameter, ...] = field(default=())
    arguments: tuple[BoundParameter, ...] = field(default=())
    condition: ContentCondition | None = None


def bind_window(binder: ExpressionBinder, window: WindowCall, *, allows_python: bool = False) -> BoundWindow | None:
    """The window of a call; None after errors were noted. `allows_python`: it may be one that is written in Python."""
    context = binder.context
    declaration = context.registry.find(ExtensionKind.WINDOW, window.name, window.namespace or "")
    if declaration is None:
        name = window.name if window.namespace is None else f"{window.namespace}:{window.name}"
        not_found(
            context,
            context.diagnostics.place_of(window.name, window.span),
            ErrorCode.UNKNOWN_WINDOW,
            kinds={ExtensionKind.WINDOW: "window"},
            name=name,
            message=f"no window '{name}'",
        )
        return None
    arguments = _positional(window.arguments)
    ordered = in_declared_order(context, declaration, arguments, window.span)
    if ordered is None:
        return None
    bound = binder.all_columns() if window.star else tuple(binder.bind(argument.value) for argument in ordered)
    if any(isinstance(argument, Unknown) for argument in bound):
        return None
    resolved = resolve(context, declaration, bound, window.span)
    if resolved is None:
        return None
    if resolved.native is None and (declaration.factory is None or not allows_python):
        context.diagnostics.not_supported(window.span, f"windows written in Python ({declaration.qualified_name}) are")
        return None
    parameters = tuple(_parameter(parameter, bound) for parameter in resolved.bound)
    if resolved.native is not None:
        parameters = _repeated(declaration, resolved.bound, bound, parameters)
        condition = None
        if resolved.native in CONDITIONAL:
            schema = Schema(Attribute(column.name, column.type) for column in binder.scope.columns if column.type)
            text, span = resolved.value("expression"), window.arguments[0].value.span
            condition = bind_window_condition(context, str(text), schema, span)
            if condition is None:
                return None
        return BoundWindow(declaration=declaration, native=resolved.native, parameters=parameters, condition=condition)
    given = tuple(_given(parameter, bound) for parameter in resolved.bound)
    return BoundWindow(declaration=declaration, native=PYTHON_WINDOW, parameters=parameters, arguments=given)


def _repeated(
    declaration: Extension,
    bound: Sequence[BoundParameter],
    arguments: tuple[TypedExpression, ...],
    parameters: tuple[WindowParameter, ...],
) -> tuple[WindowParameter, ...]:
    """The parameters with one for each further argument of a form that repeats its last; none where it is not given."""
    names = {overload.parameters[-1] for overload in declaration.overloads if overload.repeat}
    found: list[WindowParameter] = []
    for place, parameter in zip(bound, parameters, strict=True):
        if place.parameter.name not in names:
            found.append(parameter)
        elif place.index is not None:
            further = (replace(place, index=index) for index in range(place.index + 1, len(arguments)))
            found += [parameter, *(_parameter(each, arguments) for each in further)]
    return tuple(found)


def _given(parameter: BoundParameter, arguments: tuple[TypedExpression, ...]) -> BoundParameter:
    """The parameter as a window written in Python gets it: an attribute is given by its name."""
    if parameter.index is not None and isinstance(argument := arguments[parameter.index], Column):
        return replace(parameter, value=argument.name)
    return parameter


def _positional(arguments: tuple[Argument, ...]) -> tuple[Argument, ...]:
    names = tuple(None if argument.name is None else argument.name.name.casefold() for argument in arguments)
    if arguments and names == _NAMED_IN_ORDER[: len(names)]:
        return tuple(Argument(value=argument.value, span=argument.span) for argument in arguments)
    return arguments


def _parameter(bound: BoundParameter, arguments: tuple[TypedExpression, ...]) -> WindowParameter:
    name = bound.parameter.name
    types = bound.parameter.constant_types
    if bound.index is not None:
        given = arguments[bound.index]
        match given:
            case Column(index=index, type=attribute_type) if attribute_type is not None:
                return WindowParameter(name=name, type=attribute_type, column=index)
            case Constant(value=value, type=attribute_type) if attribute_type is not None:
                return WindowParameter(name=name, type=attribute_type, value=value)
            case _:
                return WindowParameter(name=name, type=types[-1], value=None)
    value = bound.value
    if value is None:
        return WindowParameter(name=name, type=types[-1], value=None)
    attribute_type = next((each for each in types if fits(value, each)), types[-1])
    if not fits(value, attribute_type) and isinstance(value, (int, float)) and attribute_type.is_numeric:
        value = convert_number(value, attribute_type)
    return WindowParameter(name=name, type=attribute_type, value=value)


def unknown_handler_hint(binder: ExpressionBinder, name: str) -> str | None:
    """What to write for a stream function that does not exist: a window of that name, or the nearest name."""
    registry = binder.context.registry
    if registry.find(ExtensionKind.WINDOW, name) is not None:
        return f"the window is written #window.{name}(...)"
    return suggestion(name, registry.names(ExtensionKind.STREAM_PROCESSOR))


def constant_of(expression: TypedExpression) -> Constant | None:
    """The expression if it is a constant of a known type."""
    return expression if isinstance(expression, Constant) and expression.type is not None else None


def whole_number(expression: TypedExpression) -> int | None:
    """The value of an INT or LONG constant."""
    found = constant_of(expression)
    if found is None or found.type not in {AttributeType.INT, AttributeType.LONG} or not isinstance(found.value, int):
        return None
    return found.value
