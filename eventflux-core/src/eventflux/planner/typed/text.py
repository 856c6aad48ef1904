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
_LOOSEST: Final = 0
_TIGHTEST: Final = 9


def text_of(
    expression: TypedExpression,
    column: Callable[[int], str],
    aggregate: Callable[[int], str] = "aggregate {}".format,
) -> str:
    """The expression with columns and aggregates as the functions name them."""
    return _Printer(column, aggregate).text(expression, _LOOSEST)


class _Printer:
    def __init__(self, column: Callable[[int], str], aggregate: Callable[[int], str]) -> None:
        self._column = column
        self._aggregate = aggregate

    def text(self, expression: TypedExpression, around: int) -> str:
        match expression:
            case Constant(value=None):
                return "null"
            case Constant(value=bool() as value):
                return "true" if value else "false"
            case Constant(value=str() as value):
                return "'" + value.replace("'", "''") + "'"
            case Constant(value=value):
                return repr(value)
            case Column(index=index) | OutputColumn(index=index):
                return self._column(index)
            case AggregateValue(index=index):
                return self._aggregate(index)
            case HostCall(name=name):
                return f"{name}({', '.join(self.text(each, _LOOSEST) for each in expression.arguments)})"
            case Call():
                return self._call(expression, around)
            case Unknown():
                return "?"

    def _call(self, call: Call, around: int) -> str:
        operation = call.operation
        family, _, kind = operation.rpartition("_")
        if kind not in _TYPES or not family:
            family = operation
        infix = _INFIX.get(family.removesuffix("3") if family not in _INFIX else family)
        if infix is not None and len(call.arguments) == 2:
            sign, level = infix
            left, right = call.arguments
            text = f"{self.text(left, level)} {sign} {self.text(right, level + 1)}"
            return f"({text})" if level < around else text
        if family in {"not", "not3"}:
            return f"not {self.text(call.arguments[0], _TIGHTEST)}"
        if operation.startswith("convert_"):
            return f"{kind}({self.text(call.arguments[0], _LOOSEST)})"
        return f"{family}({', '.join(self.text(each, _LOOSEST) for each in call.arguments)})"
