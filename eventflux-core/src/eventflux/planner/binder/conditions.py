"""Conditions on rows of tables: split into what an index may answer and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from eventflux.planner.logical.tables import Comparison, Conjunct, TableCondition
from eventflux.planner.rewrite.constant_folding import fold
from eventflux.planner.typed.build import boolean
from eventflux.planner.typed.nodes import Call, Column, Constant, TypedExpression
from eventflux.planner.typed.walk import columns_read, rebuild

# Where the columns of a table begin while it is not known yet how many columns the probe row has.
TABLE_OFFSET: Final = 1 << 24

_COMPARISONS: Final = {
    "equal": Comparison.EQUAL,
    "less": Comparison.LESS,
    "less_equal": Comparison.LESS_EQUAL,
    "greater": Comparison.GREATER,
    "greater_equal": Comparison.GREATER_EQUAL,
}
_MIRRORED: Final = {
    Comparison.EQUAL: Comparison.EQUAL,
    Comparison.LESS: Comparison.GREATER,
    Comparison.LESS_EQUAL: Comparison.GREATER_EQUAL,
    Comparison.GREATER: Comparison.LESS,
    Comparison.GREATER_EQUAL: Comparison.LESS_EQUAL,
}


def split_condition(condition: TypedExpression | None, probe_columns: int, *, ranges: bool = True) -> TableCondition:
    """The parts of a condition.

    Args:
        condition: Over the columns of the probe row and, from `TABLE_OFFSET` on, those of the table; None: all rows.
        probe_columns: How many columns the probe row has.
        ranges: Whether what is asked can look up ranges too: tables can, windows only equalities.
    """
    conjuncts: list[Conjunct] = []
    rest: list[TypedExpression] = []
    for part in [] if condition is None else conjunction(fold(condition)):
        found = _conjunct(part)
        if found is not None and (ranges or found.comparison is Comparison.EQUAL):
            conjuncts.append(found)
        elif not (isinstance(part, Constant) and part.value is True):
            rest.append(part)
    residual: TypedExpression | None = None
    for part in rest:
        residual = part if residual is None else boolean("and", residual, part, span=residual.span.to(part.span))
    return TableCondition(
        conjuncts=tuple(conjuncts),
        residual=None if residual is None else beside(residual, probe_columns),
    )


def conjunction(condition: TypedExpression) -> list[TypedExpression]:
    """The operands of a chain of `and`."""
    found: list[TypedExpression] = []
    waiting = [condition]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Call) and part.operation in {"and", "and3"}:
            waiting.extend(reversed(part.arguments))
        else:
            found.append(part)
    return found


def beside(expression: TypedExpression, probe_columns: int) -> TypedExpression:
    """The expression with the columns of the table directly behind those of the probe row."""

    def change(node: TypedExpression) -> TypedExpression:
        if isinstance(node, Column) and node.index >= TABLE_OFFSET:
            return replace(node, index=node.index - TABLE_OFFSET + probe_columns)
        return node

    return rebuild(expression, change)


def reads_table(expressions: Sequence[TypedExpression]) -> bool:
    """Whether a column of the table is read."""
    return any(index >= TABLE_OFFSET for index in columns_read(expressions))


def _conjunct(part: TypedExpression) -> Conjunct | None:
    if not isinstance(part, Call) or len(part.arguments) != 2:
        return None
    family, _, _ = part.operation.rpartition("_")
    comparison = _COMPARISONS.get(family)
    if comparison is None:
        return None
    left, right = part.arguments
    if _is_table_column(right) and not _is_table_column(left):
        left, right, comparison = right, left, _MIRRORED[comparison]
    if not isinstance(left, Column) or not _is_table_column(left) or reads_table((right,)):
        return None
    if comparison is not Comparison.EQUAL and (left.type is None or not left.type.is_numeric):
        return None
    return Conjunct(comparison=comparison, column=left.index - TABLE_OFFSET, key=right, name=left.name)


def _is_table_column(expression: TypedExpression) -> bool:
    return isinstance(expression, Column) and expression.index >= TABLE_OFFSET
