"""Conditions and assignments of tables as Python functions: for stores that keep their rows in Python."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, Final

from eventflux.extension.kinds.rows import Row
from eventflux.extension.kinds.table_store import (
    Assignment,
    Literal,
    Operation,
    ParameterRef,
    TableAttribute,
    TableExpression,
)
from eventflux.types.attribute_type import AttributeType

Evaluator = Callable[[Row, Row], Any]
"""(row of the table, row of parameters) -> value."""

_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def evaluator(expression: TableExpression, names: Sequence[str]) -> Evaluator:
    """What computes an expression over rows whose attributes have these names."""
    match expression:
        case TableAttribute(name=name):
            position = tuple(names).index(name)
            return lambda row, _parameters: row[position]
        case ParameterRef(index=index):
            return lambda _row, parameters: parameters[index]
        case Literal(value=value):
            return lambda _row, _parameters: value
        case Operation(operator=name, operands=operands):
            return _operation(name, [evaluator(operand, names) for operand in operands])


def updater(assignments: Sequence[Assignment], names: Sequence[str]) -> Callable[[Row, Row], Row]:
    """What gives a row of the table its new values: (row, parameters) -> row."""
    positions = [tuple(names).index(assignment.attribute) for assignment in assignments]
    values = [evaluator(assignment.value, names) for assignment in assignments]

    def update(row: Row, parameters: Row) -> Row:
        changed = list(row)
        for position, value in zip(positions, values, strict=True):
            changed[position] = value(row, parameters)
        return tuple(changed)

    return update


def key_lookup(condition: TableExpression, key: Sequence[str]) -> tuple[TableExpression, ...] | None:
    """Values of the key attributes, in order, if the condition says that they equal these and nothing else."""
    found: dict[str, TableExpression] = {}
    waiting = [condition]
    while waiting:
        match waiting.pop():
            case Operation(operator="and", operands=operands):
                waiting.extend(operands)
            case Operation(operator="==", operands=(TableAttribute(name=name), value)) if not reads_table(value):
                if name in found:
                    return None
                found[name] = value
            case _:
                return None
    if not key or set(found) != set(key):
        return None
    return tuple(found[name] for name in key)


def reads_table(expression: TableExpression) -> bool:
    """Whether an attribute of the table is read."""
    match expression:
        case TableAttribute():
            return True
        case Operation(operands=operands):
            return any(reads_table(operand) for operand in operands)
        case _:
            return False


def text_of(expression: TableExpression) -> str:
    """Readable text."""
    match expression:
        case TableAttribute(name=name):
            return name
        case ParameterRef(index=index):
            return f"?{index}"
        case Literal(value=value):
            return repr(value)
        case Operation(operator="is_null", operands=(operand,)):
            return f"{text_of(operand)} is null"
        case Operation(operator="not", operands=(operand,)):
            return f"not ({text_of(operand)})"
        case Operation(operator=name, operands=operands):
            return f"({f' {name} '.join(text_of(operand) for operand in operands)})"


def _operation(name: str, operands: list[Evaluator]) -> Evaluator:
    match name:
        case "and":
            return lambda row, parameters: all(operand(row, parameters) is True for operand in operands)
        case "or":
            return lambda row, parameters: any(operand(row, parameters) is True for operand in operands)
        case "not":
            return lambda row, parameters: operands[0](row, parameters) is not True
        case "is_null":
            return lambda row, parameters: operands[0](row, parameters) is None
        case "!=":
            return _unequal(*operands)
        case _ if name in _COMPARISONS:
            return _comparison(_COMPARISONS[name], *operands)
        case _ if name in _ARITHMETIC:
            return _arithmetic(_ARITHMETIC[name], *operands)
        case _:
            raise ValueError(f"no operation {name!r} on tables")


def _comparison(compare: Callable[[Any, Any], bool], left: Evaluator, right: Evaluator) -> Evaluator:
    def compared(row: Row, parameters: Row) -> bool:
        first, second = left(row, parameters), right(row, parameters)
        return first is not None and second is not None and compare(first, second)

    return compared


def _unequal(left: Evaluator, right: Evaluator) -> Evaluator:
    def compared(row: Row, parameters: Row) -> bool:
        first, second = left(row, parameters), right(row, parameters)
        return first is None or second is None or first != second

    return compared


def _arithmetic(compute: Callable[[Any, Any], Any], left: Evaluator, right: Evaluator) -> Evaluator:
    def computed(row: Row, parameters: Row) -> Any:
        first, second = left(row, parameters), right(row, parameters)
        return None if first is None or second is None else compute(first, second)

    return computed


def identity(names: Sequence[str], types: Sequence[AttributeType], *, from_parameter: int = 0) -> TableExpression:
    """The condition that each attribute equals its parameter, null equalling null."""
    parts: list[TableExpression] = []
    for number, (name, kind) in enumerate(zip(names, types, strict=True), from_parameter):
        attribute, parameter = TableAttribute(name), ParameterRef(number, kind)
        both_null = Operation("and", (Operation("is_null", (attribute,)), Operation("is_null", (parameter,))))
        parts.append(Operation("or", (Operation("==", (attribute, parameter)), both_null)))
    return parts[0] if len(parts) == 1 else Operation("and", tuple(parts))
