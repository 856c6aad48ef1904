"""Conditions of joins, taken apart at `and`: what can be looked up by key, and what is left to test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from eventflux.planner.logical.aggregations import is_bucket_bound
from eventflux.planner.logical.nodes import Join, JoinSide
from eventflux.planner.logical.tables import Comparison, Conjunct, TableCondition
from eventflux.planner.typed.build import boolean
from eventflux.planner.typed.nodes import Call, Column, TypedExpression
from eventflux.planner.typed.walk import columns_read, is_pure, renumber_columns
from eventflux.types.attribute_type import AttributeType

_AND: Final = frozenset({"and", "and3"})
_COMPARISONS: Final = {each.name.lower(): each for each in Comparison}
_FLIPPED: Final = {
    Comparison.EQUAL: Comparison.EQUAL,
    Comparison.LESS: Comparison.GREATER,
    Comparison.LESS_EQUAL: Comparison.GREATER_EQUAL,
    Comparison.GREATER: Comparison.LESS,
    Comparison.GREATER_EQUAL: Comparison.LESS_EQUAL,
}
# Texts have no order that an index could follow, objects no key.
_ORDERED: Final = frozenset({AttributeType.INT, AttributeType.LONG, AttributeType.FLOAT, AttributeType.DOUBLE})
_MAX_KEYS: Final = 16


def conjuncts_of(condition: TypedExpression) -> list[TypedExpression]:
    """The parts that all have to be true, in order."""
    found: list[TypedExpression] = []
    waiting = [condition]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Call) and part.operation in _AND:
            waiting.extend(reversed(part.arguments))
        else:
            found.append(part)
    return found


def all_of(conditions: Sequence[TypedExpression]) -> TypedExpression | None:
    """One condition that is true where all are; None of none."""
    if not conditions:
        return None
    result = conditions[0]
    for condition in conditions[1:]:
        result = boolean("and", result, condition, span=result.span.to(condition.span))
    return result


def search_condition(join: Join, *, from_left: bool, uses_keys: bool = True) -> TableCondition:
    """How rows of one side search the other one; equalities come first."""
    if join.condition is None:
        return TableCondition()
    left_width, right_width = len(join.left.schema), len(join.right.schema)
    own = range(left_width) if from_left else range(left_width, left_width + right_width)
    other_side = join.right if from_left else join.left
    other_first = left_width if from_left else 0
    own_first = 0 if from_left else left_width
    own_numbers = {index: index - own_first for index in own}
    equalities: list[Conjunct] = []
    ranges: list[Conjunct] = []
    rest: list[TypedExpression] = []
    for conjunct in conjuncts_of(join.condition):
        test = _key_test(conjunct, own, other_side) if uses_keys else None
        if test is not None:
            test = replace(test, column=test.column - other_first, key=renumber_columns(test.key, own_numbers))
        if test is not None and test.comparison is Comparison.EQUAL and len(equalities) < _MAX_KEYS:
            equalities.append(test)
        elif test is not None and test.comparison is not Comparison.EQUAL and other_side.is_static:
            ranges.append(test)
        else:
            rest.append(conjunct)
    remaining = all_of(rest)
    if remaining is not None and not from_left:
        numbers = {index: index + right_width for index in range(left_width)} | own_numbers
        remaining = renumber_columns(remaining, numbers)
    return TableCondition(conjuncts=(*equalities, *ranges), residual=remaining)


def _key_test(conjunct: TypedExpression, own: range, other_side: JoinSide) -> Conjunct | None:
    """The conjunct as a test of a plain column of the other side, if it is one."""
    if not isinstance(conjunct, Call) or len(conjunct.arguments) != 2:
        return None
    name, _, _ = conjunct.operation.rpartition("_")
    comparison = _COMPARISONS.get(name)
    if comparison is None:
        return None
    left, right = conjunct.arguments
    for column, value, spelled in ((left, right, comparison), (right, left, _FLIPPED[comparison])):
        if not isinstance(column, Column) or column.index in own or column.type is AttributeType.OBJECT:
            continue
        if comparison is not Comparison.EQUAL and column.type not in _ORDERED:
            continue
        # Bounds of buckets may fail, but once for a row is enough.
        is_key = is_pure(value) or (other_side.is_static and is_bucket_bound(value))
        if value.type is column.type and is_key and columns_read((value,)) <= set(own):
            return Conjunct(comparison=spelled, column=column.index, key=value)
    return None
