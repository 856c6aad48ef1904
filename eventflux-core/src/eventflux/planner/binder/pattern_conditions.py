"""Conditions of states, cut into what the engine does fast and the rest.

The conjuncts of a condition are: comparisons of an own column with a constant or a captured value (tests), what reads
nothing but the event at hand, and what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from eventflux.planner.binder.pattern_scope import OWN
from eventflux.planner.logical.patterns import Capture, CaptureKind, PatternState, PatternTest, TestKind
from eventflux.planner.rewrite.constant_folding import fold
from eventflux.planner.typed.build import boolean
from eventflux.planner.typed.nodes import Call, Column, Constant, TypedExpression
from eventflux.planner.typed.walk import columns_read, is_pure, rebuild
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record

_KINDS: Final = {
    "equal": TestKind.EQUAL,
    "less": TestKind.LESS,
    "less_equal": TestKind.LESS_EQUAL,
    "greater": TestKind.GREATER,
    "greater_equal": TestKind.GREATER_EQUAL,
}
_MIRRORED: Final = {
    TestKind.EQUAL: TestKind.EQUAL,
    TestKind.LESS: TestKind.GREATER,
    TestKind.LESS_EQUAL: TestKind.GREATER_EQUAL,
    TestKind.GREATER: TestKind.LESS,
    TestKind.GREATER_EQUAL: TestKind.LESS_EQUAL,
}
_NUMBERS: Final = frozenset({AttributeType.INT, AttributeType.LONG, AttributeType.FLOAT, AttributeType.DOUBLE})


@record(frozen=True, slots=True, kw_only=True)
class _Comparison:
    kind: TestKind
    type: AttributeType
    own: Column
    other: Column | Constant


def with_condition(
    state: PatternState, number: int, conditions: Sequence[TypedExpression], captures: Sequence[Capture]
) -> PatternState:
    """The state with its condition.

    Args:
        state: Without one.
        number: Of the state.
        conditions: All must hold; columns are captures, or from `OWN` on those of the event at hand.
        captures: What columns below `OWN` mean.
    """
    own: list[TypedExpression] = []
    rest: list[TypedExpression] = []
    comparisons: list[_Comparison] = []
    for conjunct in (part for condition in conditions for part in _conjuncts(fold(condition))):
        comparison = _comparison(conjunct, number, captures)
        if comparison is not None:
            comparisons.append(comparison)
        elif is_pure(conjunct) and all(column >= OWN for column in columns_read((conjunct,))):
            own.append(conjunct)
        else:
            rest.append(conjunct)
    program = sorted({column for column in columns_read(rest) if column < OWN})
    tested = sorted({each.other.index for each in comparisons if isinstance(each.other, Column)} - set(program))
    own_columns = sorted({column - OWN for column in columns_read(rest) if column >= OWN})
    places = {column: place for place, column in enumerate([*program, *tested])}
    numbers = {
        **{column: places[column] for column in program},
        **{OWN + column: len(program) + place for place, column in enumerate(own_columns)},
    }
    return replace(
        state,
        own=_all(own, {OWN + column: column for column in _own_columns(own)}),
        condition=_all(rest, numbers),
        captures=tuple(captures[column] for column in [*program, *tested]),
        program_captures=len(program),
        own_columns=tuple(own_columns),
        tests=tuple(_test(each, places) for each in comparisons),
    )


def _own_columns(expressions: Sequence[TypedExpression]) -> set[int]:
    return {column - OWN for column in columns_read(expressions)}


def _conjuncts(condition: TypedExpression) -> list[TypedExpression]:
    found: list[TypedExpression] = []
    waiting = [condition]
    while waiting:
        expression = waiting.pop()
        if isinstance(expression, Call) and expression.operation == "and":
            waiting.extend(reversed(expression.arguments))
        elif not (isinstance(expression, Constant) and expression.value is True):
            found.append(expression)
    return found


def _all(conjuncts: Sequence[TypedExpression], numbers: dict[int, int]) -> TypedExpression | None:
    if not conjuncts:
        return None
    joined = conjuncts[0]
    for conjunct in conjuncts[1:]:
        joined = boolean("and", joined, conjunct, span=joined.span.to(conjunct.span))

    def change(node: TypedExpression) -> TypedExpression:
        return replace(node, index=numbers[node.index]) if isinstance(node, Column) else node

    return rebuild(joined, change)


def _comparison(conjunct: TypedExpression, number: int, captures: Sequence[Capture]) -> _Comparison | None:
    if not isinstance(conjunct, Call) or len(conjunct.arguments) != 2:
        return None
    family, _, _ = conjunct.operation.rpartition("_")
    kind = _KINDS.get(family)
    left, right = conjunct.arguments
    if kind is None:
        return None
    if not _is_own(left):
        left, right, kind = right, left, _MIRRORED[kind]
    if not isinstance(left, Column) or not _is_own(left) or left.type is None or right.type is not left.type:
        return None
    match right:
        case Constant(value=value) if left.type in _NUMBERS and value is not None:
            return _Comparison(kind=kind, type=left.type, own=left, other=right)
        case Column() if right.index < OWN:
            capture = captures[right.index]
            comparable = left.type in _NUMBERS or (
                kind is TestKind.EQUAL and left.type in {AttributeType.STRING, AttributeType.BOOL}
            )
            if comparable and capture.kind is CaptureKind.VALUE and capture.state != number:
                return _Comparison(kind=kind, type=left.type, own=left, other=right)
    return None


def _is_own(expression: TypedExpression) -> bool:
    return isinstance(expression, Column) and expression.index >= OWN


def _test(comparison: _Comparison, places: dict[int, int]) -> PatternTest:
    other = comparison.other
    return PatternTest(
        kind=comparison.kind,
        type=comparison.type,
        own=comparison.own.index - OWN,
        capture=places[other.index] if isinstance(other, Column) else None,
        constant=other.value if isinstance(other, Constant) else None,
    )
