"""Stream functions: `#log(...)`, `#pol2Cart(...)`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from eventflux.extension import ExtensionKind, ResolvedCall
from eventflux.language.ast import StreamFunction
from eventflux.planner.binder.arguments import declared, handed_over, resolve
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.names import Relation
from eventflux.planner.binder.windows import unknown_handler_hint
from eventflux.planner.diagnostics import MissingExtension
from eventflux.planner.host_functions import LogFunction
from eventflux.planner.logical.nodes import PYTHON_WINDOW, Log, Map, Node, Window
from eventflux.planner.typed.build import call, constant
from eventflux.planner.typed.nodes import Column, HostCall, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Attribute, Schema

_RADIANS_PER_DEGREE: Final = math.pi / 180.0
_DOUBLE: Final = AttributeType.DOUBLE


@record(frozen=True, slots=True, kw_only=True)
class BoundStreamFunction:
    """A stream function that fits: what it makes of a node, and the attributes behind it."""

    over: Callable[[Node], Node]
    schema: Schema


def bind_stream_function(
    binder: ExpressionBinder, relation: Relation, handler: StreamFunction
) -> BoundStreamFunction | None:
    """The stream function of a handler; None after errors were noted or where the input is not known."""
    context = binder.context
    declaration = context.registry.find(ExtensionKind.STREAM_PROCESSOR, handler.name, handler.namespace or "")
    if declaration is None:
        name = handler.name if handler.namespace is None else f"{handler.namespace}:{handler.name}"
        context.diagnostics.missing_extension(
            context.diagnostics.place_of(handler.name, handler.span),
            ErrorCode.UNKNOWN_FUNCTION,
            f"no stream function '{name}'",
            MissingExtension(
                kind=ExtensionKind.STREAM_PROCESSOR.words,
                name=name,
                available=context.registry.nearest(ExtensionKind.STREAM_PROCESSOR, name),
                install_hint=None,
            ),
            unknown_handler_hint(binder, name),
        )
        return None
    if handler.star:
        arguments = binder.all_columns()
    else:
        arguments = tuple(binder.bind(argument.value) for argument in handler.arguments)
    if any(isinstance(argument, Unknown) for argument in arguments) or relation.schema is None:
        return None
    resolved = resolve(context, declaration, arguments, handler.span)
    if resolved is None:
        return None
    values = handed_over(resolved, arguments)
    bind = None if resolved.native is None else _NATIVE.get(resolved.native)
    if values is None:
        return None
    if bind is None:
        return _in_python(binder, relation.schema, handler, resolved, values)
    return bind(binder, relation.schema, handler, resolved, values)


def _in_python(
    binder: ExpressionBinder,
    schema: Schema,
    handler: StreamFunction,
    resolved: ResolvedCall,
    values: tuple[TypedExpression, ...],
) -> BoundStreamFunction | None:
    """A stream function or processor that the declaration's factory makes."""
    span, declaration = handler.span, resolved.declaration
    if declaration.factory is None:
        binder.context.diagnostics.not_supported(span, f"#{declaration.qualified_name} is")
        return None
    extended = _extended(binder, schema, handler, resolved)
    if extended is None:
        return None
    columns = (*_columns(schema), *values)
    types = (*schema.types, *(value.type or AttributeType.OBJECT for value in values))
    names = (*schema.names, *(f"_argument{index}" for index in range(len(values))))
    prepared = Schema(Attribute(name, each) for name, each in zip(names, types, strict=True))
    given = tuple(declared(value) for value in values)

    def over(node: Node) -> Node:
        return Window(
            input=Map(input=node, columns=columns, schema=prepared, span=span),
            declaration=declaration,
            native=PYTHON_WINDOW,
            parameters=(),
            appended=extended,
            given=given,
            span=span,
        )

    return BoundStreamFunction(over=over, schema=extended)


def _extended(
    binder: ExpressionBinder, schema: Schema, handler: StreamFunction, resolved: ResolvedCall
) -> Schema | None:
    """The attributes with those that the function appends; None after an error was noted."""
    taken = [returned.name for returned in resolved.appended if returned.name in schema]
    if taken:
        binder.context.diagnostics.error(
            handler.span,
            ErrorCode.DUPLICATE_COLUMN,
            f"#{handler.name} appends '{taken[0]}', which the stream has already",
        )
        return None
    return Schema((*schema, *(Attribute(returned.name, returned.attribute_type) for returned in resolved.appended)))


def _log(
    binder: ExpressionBinder,
    schema: Schema,
    handler: StreamFunction,
    resolved: ResolvedCall,
    values: tuple[TypedExpression, ...],
) -> BoundStreamFunction | None:
    span = handler.span
    message_index = resolved.index("message")
    priority, is_logged = resolved.value("priority"), resolved.value("is_event_logged")
    message = constant(None, AttributeType.STRING, span) if message_index is None else values[message_index]
    arguments = (
        message,
        constant(is_logged is True, AttributeType.BOOL, span),
        call("event_timestamp", type=AttributeType.LONG, span=span),
        *_columns(schema),
    )
    function = binder.context.host_functions.add(
        name="log",
        query=binder.context.query,
        argument_types=(AttributeType.STRING, AttributeType.BOOL, AttributeType.LONG, *schema.types),
        returns=AttributeType.BOOL,
        implementation=LogFunction(
            priority=str(priority).upper(), has_message=message_index is not None, attributes=schema.names
        ),
        span=span,
    )
    written = HostCall(function=function.number, name="log", arguments=arguments, type=AttributeType.BOOL, span=span)
    return BoundStreamFunction(over=lambda node: Log(input=node, call=written, span=span), schema=schema)


def _pol2cart(
    binder: ExpressionBinder,
    schema: Schema,
    handler: StreamFunction,
    resolved: ResolvedCall,
    values: tuple[TypedExpression, ...],
) -> BoundStreamFunction | None:
    span = handler.span
    extended = _extended(binder, schema, handler, resolved)
    if extended is None:
        return None
    theta, rho, *height = values
    angle = call("multiply_double", theta, constant(_RADIANS_PER_DEGREE, _DOUBLE, span), type=_DOUBLE, span=span)
    appended = (
        call("multiply_double", rho, call("cos", angle, type=_DOUBLE, span=span), type=_DOUBLE, span=span),
        call("multiply_double", rho, call("sin", angle, type=_DOUBLE, span=span), type=_DOUBLE, span=span),
        *height,
    )
    columns = (*_columns(schema), *appended)
    return BoundStreamFunction(
        over=lambda node: Map(input=node, columns=columns, schema=extended, span=span), schema=extended
    )


def _columns(schema: Schema) -> tuple[Column, ...]:
    return tuple(
        Column(index=index, type=attribute.type, name=attribute.name) for index, attribute in enumerate(schema)
    )


_Bind = Callable[
    [ExpressionBinder, Schema, StreamFunction, ResolvedCall, tuple[TypedExpression, ...]],
    "BoundStreamFunction | None",
]
_NATIVE: Final[dict[str, _Bind]] = {"log": _log, "pol2cart": _pol2cart}
