"""Handlers and windows of both dialects, aliases."""

from __future__ import annotations

from eventflux.language.ast import (
    Argument,
    Expression,
    Filter,
    Handler,
    Identifier,
    NoWindow,
    StreamFunction,
    WindowCall,
)
from eventflux.language.grammar import ParseNode
from eventflux.language.literals import string_value
from eventflux.language.visitors.expressions import ExpressionVisitor
from eventflux.types.error_codes import ErrorCode

_KSQL_NAMES = {"window_size": "size", "window_advance": "advance_by", "window_grace": "grace"}


class WindowVisitor(ExpressionVisitor):
    """Reads what stands behind the name of a stream."""

    def expressions(self, node: ParseNode) -> tuple[Expression, ...]:
        """All expressions directly below a node."""
        return tuple(self.expression(part) for part in self.parts(node).all("expression"))

    def alias(self, node: ParseNode) -> Identifier:
        """`AS name` or a bare name."""
        return self.identifier(self.parts(node).nodes[-1])

    def handler(self, node: ParseNode) -> Handler:
        """`handler` or `element_handler`."""
        inner = self.only(node)
        parts = self.parts(inner)
        match inner.expr_name:
            case "filter":
                return Filter(condition=self.expression(parts.one("expression")), span=self.span(inner))
            case "hash_filter":
                filter_node = parts.one("filter")
                condition = self.expression(self.parts(filter_node).one("expression"))
                return Filter(condition=condition, span=self.span(inner))
            case "window_handler":
                return self.window_call(parts.one("window_call"))
            case _:
                namespace, name = self.qualified_name(parts.one("stream_function_name"))
                body = parts.one("call_arguments")
                return StreamFunction(
                    namespace=namespace,
                    name=name,
                    arguments=self.arguments(body),
                    star=self.parts(body).has("star"),
                    span=self.span(inner),
                )

    def window_clause(self, node: ParseNode) -> WindowCall | NoWindow:
        """`WINDOW call`, `WINDOW NONE`."""
        parts = self.parts(node)
        call = parts.get("window_call")
        return NoWindow(span=self.span(node)) if call is None else self.window_call(call)

    def window_call(self, node: ParseNode) -> WindowCall:
        """`length(5)`, `('length', 5)`, `TUMBLING (SIZE 5 SECONDS)`."""
        parts = self.parts(node)
        inner = parts.get("named_window") or parts.get("string_window")
        if inner is not None:
            parts = self.parts(inner)
        span = self.span(node)
        if inner is not None and inner.expr_name == "string_window":
            name_node = parts.one("string")
            namespace, colon, name = string_value(self.text(name_node), self.dialect).partition(":")
            arguments = tuple(self.argument(part) for part in parts.all("argument"))
            if not namespace or (colon and not name):
                self.error(self.span(name_node), ErrorCode.UNKNOWN_WINDOW, "the name of the window is empty")
            if not colon:
                return WindowCall(name=namespace, arguments=arguments, span=span)
            return WindowCall(namespace=namespace, name=name, arguments=arguments, span=span)
        function_namespace, name = self.qualified_name(parts.one("stream_function_name"))
        body = parts.nodes[2]
        if body.expr_name == "window_arguments":
            arguments = tuple(self._window_argument(part) for part in self.parts(body).all("window_argument"))
        else:
            arguments = self.arguments(body)
        return WindowCall(
            namespace=function_namespace,
            name=name,
            arguments=arguments,
            star=self.parts(body).has("star"),
            span=span,
        )

    def _window_argument(self, node: ParseNode) -> Argument:
        inner = self.only(node)
        if inner.expr_name == "argument":
            return self.argument(inner)
        parts = self.parts(inner)
        span = self.span(inner)
        return Argument(
            name=Identifier(name=_KSQL_NAMES[inner.expr_name], span=self.span(parts.nodes[0])),
            value=self.timespan(parts.one("timespan")),
            span=span,
        )
