"""Typed expressions as text, near to how they were written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eventflux.planner.typed.nodes import (
    AggregateValue,
    Call,
    Column,
    Constant,
    HostCall,
    OutputColumn,
    TypedExpression,
    Unknown,
)
from eventflux.planner.typed.walk import post_order

_INFIX: Final = {
    "or": ("or", 1),
    "or3": ("or", 1),
    "and": ("and", 2),
    "and3": ("and", 2),
    "equal": ("==", 3),
    "not_equal": ("!=", 3),
    "less": ("<", 4),
    "less_equal": ("<=", 4),
    "greater": (">", 4),
    "greater_equal": (">=", 4),
    "add": ("+", 5),
    "subtract": ("-", 5),
    "concatenate": ("||", 5),
    "multiply": ("*", 6),
    "divide": ("/", 6),
    "modulo": ("%", 6),
}
_TYPES: Final = frozenset({"bool", "int", "long", "float", "double", "string", "object"})
_TIGHTEST: Final = 9


def text_of(
    expression: TypedExpression,
    column: Callable[[int], str],
    aggregate: Callable[[int], str] = "aggregate {}".format,
) -> str:
    """The expression with columns and aggregates as the functions name them."""
    return _Printer(column, aggregate).text(expression)


class _Printer:
    """Prints bottom up: each node once, with how tightly its text binds."""

    def __init__(self, column: Callable[[int], str], aggregate: Callable[[int], str]) -> None:
        self._column = column
        self._aggregate = aggregate
        self._done: dict[int, tuple[str, int]] = {}

    def text(self, expression: TypedExpression) -> str:
        for node in post_order(expression):
            self._done[id(node)] = self._printed(node)
        return self._done[id(expression)][0]

    def _printed(self, node: TypedExpression) -> tuple[str, int]:
        match node:
            case Constant(value=None):
                return "null", _TIGHTEST
            case Constant(value=bool() as value):
                return ("true" if value else "false"), _TIGHTEST
            case Constant(value=str() as value):
                return "'" + value.replace("'", "''") + "'", _TIGHTEST
            case Constant(value=value):
                return repr(value), _TIGHTEST
            case Column(index=index) | OutputColumn(index=index):
                return self._column(index), _TIGHTEST
            case AggregateValue(index=index):
                return self._aggregate(index), _TIGHTEST
            case HostCall(name=name):
                return self._function(name, node.arguments), _TIGHTEST
            case Call():
                return self._operation(node)
            case Unknown():
                return "?", _TIGHTEST

    def _operation(self, call: Call) -> tuple[str, int]:
        operation = call.operation
        family, _, kind = operation.rpartition("_")
        if kind not in _TYPES or not family:
            family = operation
        infix = _INFIX.get(family.removesuffix("3") if family not in _INFIX else family)
        if infix is not None and len(call.arguments) == 2:
            sign, level = infix
            left, right = call.arguments
            return f"{self._within(left, level)} {sign} {self._within(right, level + 1)}", level
        if family in {"not", "not3"}:
            return f"not {self._within(call.arguments[0], _TIGHTEST)}", _TIGHTEST
        if operation.startswith("convert_"):
            return self._function(kind, call.arguments), _TIGHTEST
        return self._function(family, call.arguments), _TIGHTEST

    def _within(self, node: TypedExpression, around: int) -> str:
        text, level = self._done[id(node)]
        return f"({text})" if level < around else text

    def _function(self, name: str, arguments: tuple[TypedExpression, ...]) -> str:
        return f"{name}({', '.join(self._done[id(argument)][0] for argument in arguments)})"
