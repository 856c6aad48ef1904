"""Operations on constants are done when the app is created.

Arithmetic, comparison, logic, choice and conversions between numbers are folded, with the engine's rules (wrapping
integers, division by zero is null, comparisons with null are false). Operations on texts and times are left to the
engine, which does an operation on constants once a batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from eventflux.planner.logical.nodes import QueryPlan
from eventflux.planner.rewrite.expressions import change_expressions
from eventflux.planner.typed.nodes import Call, Constant, ConstantValue, TypedExpression
from eventflux.planner.typed.values import convert_number, round_to_float, wrap
from eventflux.planner.typed.walk import rebuild
from eventflux.types.attribute_type import AttributeType


def fold_constants(plan: QueryPlan) -> QueryPlan:
    """The plan with constant parts of all expressions computed."""
    return change_expressions(plan, fold)


def fold(expression: TypedExpression) -> TypedExpression:
    """The expression with constant parts computed."""
    return rebuild(expression, _fold)


def _fold(node: TypedExpression) -> TypedExpression:
    if not isinstance(node, Call) or not node.pure or node.type is None:
        return node
    family, _, kind = node.operation.rpartition("_")
    if family == "if":
        return _fold_choice(node)
    if family in {"coalesce", "default"}:
        return _fold_coalesce(node)
    if node.operation in {"and", "or"}:
        return _fold_logic(node)
    if not all(isinstance(argument, Constant) for argument in node.arguments):
        return node
    values = [argument.value for argument in node.arguments if isinstance(argument, Constant)]
    if node.operation == "not":
        return _constant(node, values[0] is not True)
    if family == "is_null":
        return _constant(node, values[0] is None)
    if family in _ARITHMETIC:
        return _fold_arithmetic(node, _ARITHMETIC[family], values)
    if family in _COMPARISONS and kind in _COMPARED:
        left, right = values
        missing = left is None or right is None
        return _constant(node, family == "not_equal" if missing else _COMPARISONS[family](left, right))
    if node.operation.startswith("convert_") and (node.type.is_numeric or node.type is AttributeType.BOOL):
        (value,) = values
        if value is None:
            return _constant(node, None)
        if isinstance(value, (int, float)):
            return _constant(node, convert_number(value, node.type))
    return node


def _constant(node: Call, value: ConstantValue) -> Constant:
    return Constant(type=node.type, value=value, span=node.span)


def _fold_choice(node: Call) -> TypedExpression:
    condition, then, otherwise = node.arguments
    if isinstance(condition, Constant):
        return then if condition.value is True else otherwise
    return node


def _fold_coalesce(node: Call) -> TypedExpression:
    kept = [argument for argument in node.arguments if not (isinstance(argument, Constant) and argument.is_null)]
    if not kept:
        return _constant(node, None)
    if len(kept) == 1 or isinstance(kept[0], Constant):
        return kept[0]
    if len(kept) == len(node.arguments) or node.operation.startswith("default"):
        return node
    return Call(operation=node.operation, arguments=tuple(kept), type=node.type, pure=node.pure, span=node.span)


def _fold_logic(node: Call) -> TypedExpression:
    left, right = node.arguments
    decides = node.operation == "or"
    if isinstance(left, Constant):
        if (left.value is True) is decides:
            return _constant(node, decides)
        if isinstance(right, Constant):
            return _constant(node, right.value is True)
    return node


def _fold_arithmetic(node: Call, operate: Callable[..., int | float | None], values: list[ConstantValue]) -> Constant:
    left, right = values
    if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        return _constant(node, None)
    result = operate(left, right)
    if result is None:
        return _constant(node, None)
    if node.type is AttributeType.FLOAT:
        return _constant(node, round_to_float(result))
    if node.type in {AttributeType.INT, AttributeType.LONG} and node.type is not None:
        return _constant(node, wrap(int(result), node.type))
    return _constant(node, float(result))


def _multiply(left: float, right: float) -> int | float:
    return left * right


def _divide(left: float, right: float) -> int | float | None:
    if right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) is (right < 0) else -quotient
    return left / right


def _modulo(left: float, right: float) -> int | float | None:
    if right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int):
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    if math.isinf(left) or math.isnan(left) or math.isnan(right):
        return math.nan
    return math.fmod(left, right)


_ARITHMETIC: Final[dict[str, Callable[..., int | float | None]]] = {
    "add": lambda left, right: left + right,
    "subtract": lambda left, right: left - right,
    "multiply": _multiply,
    "divide": _divide,
    "modulo": _modulo,
}
_COMPARISONS: Final[dict[str, Callable[..., bool]]] = {
    "equal": lambda left, right: left == right,
    "not_equal": lambda left, right: left != right,
    "less": lambda left, right: left < right,
    "less_equal": lambda left, right: left <= right,
    "greater": lambda left, right: left > right,
    "greater_equal": lambda left, right: left >= right,
}
# Texts are ordered by UTF-16 code units, which Python's comparison is not.
_COMPARED: Final = frozenset({"int", "long", "float", "double", "bool"})
