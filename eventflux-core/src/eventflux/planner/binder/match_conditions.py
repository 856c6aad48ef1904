"""Conditions of variables, cut into what the engine does fast and the rest.

The conjuncts of a condition are: what reads nothing but the row at hand, comparisons of two captured values (tests),
and what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from eventflux.planner.logical.join_conditions import all_of, conjuncts_of
from eventflux.planner.logical.row_patterns import (
    MatchCapture,
    MatchCaptureKind,
    MatchComparison,
    MatchTest,
    MatchVariable,
)
from eventflux.planner.rewrite.constant_folding import fold
from eventflux.planner.typed.nodes import Call, Column, TypedExpression
from eventflux.planner.typed.walk import columns_read, is_pure, renumber_columns
from eventflux.types.attribute_type import AttributeType

_COMPARISONS: Final = {
    "equal": MatchComparison.EQUAL,
    "less": MatchComparison.LESS,
    "less_equal": MatchComparison.LESS_EQUAL,
    "greater": MatchComparison.GREATER,
    "greater_equal": MatchComparison.GREATER_EQUAL,
}
_NUMBERS: Final = frozenset({AttributeType.INT, AttributeType.LONG, AttributeType.FLOAT, AttributeType.DOUBLE})


def with_definition(
    variable: MatchVariable,
    number: int,
    condition: TypedExpression,
    captures: Sequence[MatchCapture],
    groups: Sequence[int],
) -> MatchVariable:
    """The variable with its condition.

    Args:
        variable: Without one.
        number: Of the variable.
        condition: Over captures.
        captures: What its columns mean.
        groups: What their groups mean.
    """
    at_hand = {
        index: capture.column
        for index, capture in enumerate(captures)
        if capture.kind is MatchCaptureKind.VALUE
        and capture.from_last
        and capture.index == capture.back == 0
        and groups[capture.group] >> number & 1
    }
    own: list[TypedExpression] = []
    rest: list[TypedExpression] = []
    tests: list[tuple[MatchComparison, int, int]] = []
    for conjunct in conjuncts_of(fold(condition)):
        test = _test(conjunct)
        if is_pure(conjunct) and columns_read((conjunct,)) <= at_hand.keys():
            own.append(conjunct)
        elif test is not None:
            tests.append(test)
        else:
            rest.append(conjunct)
    program = sorted(columns_read(rest))
    tested = sorted({index for _, left, right in tests for index in (left, right)} - set(program))
    places = {index: place for place, index in enumerate([*program, *tested])}
    return replace(
        variable,
        own=_joined(own, at_hand),
        condition=_joined(rest, places),
        captures=tuple(captures[index] for index in [*program, *tested]),
        program_captures=len(program),
        tests=tuple(
            MatchTest(comparison=comparison, left=places[left], right=places[right])
            for comparison, left, right in tests
        ),
    )


def _joined(conjuncts: Sequence[TypedExpression], numbers: dict[int, int]) -> TypedExpression | None:
    joined = all_of(conjuncts)
    return None if joined is None else renumber_columns(joined, numbers)


def _test(conjunct: TypedExpression) -> tuple[MatchComparison, int, int] | None:
    if not isinstance(conjunct, Call) or len(conjunct.arguments) != 2:
        return None
    left, right = conjunct.arguments
    comparison = _COMPARISONS.get(conjunct.operation.rpartition("_")[0])
    if comparison is None or not isinstance(left, Column) or not isinstance(right, Column):
        return None
    is_text = comparison is MatchComparison.EQUAL and left.type in {AttributeType.STRING, AttributeType.BOOL}
    if left.type is not right.type or not (is_text or left.type in _NUMBERS):
        return None
    return comparison, left.index, right.index
