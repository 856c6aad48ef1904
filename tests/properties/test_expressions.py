"""Random programs over random columns: the engine gives what the model gives, row by row."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.expression_harness import TYPES, Program
from tests.properties.models.expressions import MODEL, single

KINDS = ("bool", "int", "long", "float", "double", "string")

TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "a",
            "abc",
            "A",
            " 12 ",
            "-7",
            "1e3",
            "true",
            "TRUE",
            "%b_",
            "a%",
            "longer than twelve bytes",
            "ß",
            "naïve",
            "😀x",
            "\uffff",
            "NaN",
            "1.5f",
            "a\\%",
        ]
    ),
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z")), max_size=20),
    st.text("ab%_\\", max_size=8),
)
INTS = st.one_of(
    st.sampled_from([0, 1, -1, 2, 2**31 - 1, -(2**31)]), st.integers(-20, 20), st.integers(-(2**31), 2**31 - 1)
)
LONGS = st.one_of(
    st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63), 2**31]), st.integers(-20, 20), st.integers(-(2**63), 2**63 - 1)
)
DOUBLES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e300, 3e9, -1e19, math.inf, -math.inf, math.nan]),
    st.integers(-20, 20).map(float),
    st.floats(),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int": INTS,
    "long": LONGS,
    "float": DOUBLES.map(single),
    "double": DOUBLES,
    "string": TEXTS,
}

BY_RESULT: dict[str, list[str]] = {kind: [] for kind in KINDS}
for _name, _operation in MODEL.items():
    BY_RESULT[_operation.result].append(_name)

Expression = tuple[Any, ...]


@st.composite
def expressions(draw: st.DrawFn, kind: str, depth: int) -> Expression:
    """("column", index) | ("constant", kind, value) | (operation, *operands)."""
    choice = draw(st.integers(0, 9))
    if depth == 0 or choice < 2:
        if choice % 3 == 2:
            return ("constant", kind, draw(st.none() | VALUES[kind]))
        return ("column", KINDS.index(kind) * 2 + draw(st.integers(0, 1)))
    name = draw(st.sampled_from(BY_RESULT[kind]))
    operands = list(MODEL[name].operands)
    if operands and operands[-1] == "*":
        operands[-1:] = [operands[-2]] * draw(st.integers(0, 2))
    return (name, *(draw(expressions(operand, depth - 1)) for operand in operands))


@st.composite
def columns(draw: st.DrawFn) -> list[list[Any]]:
    """Two columns of each type, without nulls and with some. A few rows are drawn, and repeated to reach a length."""
    size = draw(st.sampled_from([1, 2, 7, 8, 9, 17, 64, 65, 200]))
    drawn = min(size, 9)
    found: list[list[Any]] = []
    for kind in KINDS:
        for values in (VALUES[kind], st.none() | VALUES[kind]):
            few = draw(st.lists(values, min_size=drawn, max_size=drawn))
            found.append([few[(row * 5 + row // drawn) % drawn] for row in range(size)])
    return found


def emit(program: Program, expression: Expression) -> int:
    match expression:
        case ("column", index):
            return program.column(index)
        case ("constant", kind, value):
            return program.constant(value, TYPES[kind])
        case (name, *operands):
            return program.call(name, *(emit(program, operand) for operand in operands))
    raise AssertionError(expression)


def evaluate(expression: Expression, row: list[Any]) -> Any:
    match expression:
        case ("column", index):
            return row[index]
        case ("constant", _, value):
            return value
        case (name, *operands):
            return MODEL[name].function(*(evaluate(operand, row) for operand in operands))
    raise AssertionError(expression)


def same(left: Any, right: Any) -> bool:
    """Equal, of one type, with NaN equal to NaN and zeros told apart."""
    if isinstance(left, float) and isinstance(right, float):
        return (math.isnan(left) and math.isnan(right)) or (
            left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    return type(left) is type(right) and left == right


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_programs_give_what_the_model_gives(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))
    outputs = [data.draw(expressions(kind, 3)) for kind in kinds]
    table = data.draw(columns())
    with Program([TYPES[kind] for kind in KINDS for _ in range(2)]) as program:
        for output in outputs:
            program.output(emit(program, output))
        results = program.run(table)
    for row in range(len(table[0])):
        values = [column[row] for column in table]
        for output, result in zip(outputs, results, strict=True):
            expected = evaluate(output, values)
            assert same(result[row], expected), (row, output, result[row], expected)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_selecting_gives_the_rows_for_which_the_output_is_true(data: st.DataObject) -> None:
    condition = data.draw(expressions("bool", 3))
    table = data.draw(columns())
    with Program([TYPES[kind] for kind in KINDS for _ in range(2)]) as program:
        program.output(emit(program, condition))
        kept = program.select(table)
    rows = range(len(table[0]))
    assert kept == [row for row in rows if evaluate(condition, [column[row] for column in table]) is True]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_slicing_does_not_change_results(data: st.DataObject) -> None:
    output = data.draw(st.sampled_from(KINDS).flatmap(lambda kind: expressions(kind, 3)))
    table = data.draw(columns())
    with Program([TYPES[kind] for kind in KINDS for _ in range(2)]) as program:
        program.output(emit(program, output))
        whole = program.run(table)[0]
        pieces: list[Any] = []
        for start in range(0, len(table[0]), 7):
            pieces += program.run([column[start : start + 7] for column in table])[0]
    assert len(whole) == len(pieces)
    assert all(same(left, right) for left, right in zip(whole, pieces, strict=True))
