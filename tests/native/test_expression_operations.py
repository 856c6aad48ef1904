"""Every operation against the model, in each shape of its operands: columns, constants, mixed, nulls or none."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import pytest
from tests.native.expression_harness import TYPES, Program, evaluate_constants, operations, single
from tests.properties.models.expressions import MODEL

SAMPLES: dict[str, list[Any]] = {
    "bool": [True, False, None],
    "int": [0, 1, -1, 2, 7, -7, 10, 1000, 65, 128512, 2**31 - 1, -(2**31), None],
    "long": [0, 1, -1, 2, -7, 10, 3_000_000_000, 2**53 + 1, 16777217, 2**63 - 1, -(2**63), None],
    "float": [
        *map(single, (0.0, -0.0, 1.0, 0.1, 0.5, -2.5, 1e10, 3e9, 1e38, 1e-45, 33554432.0)),
        math.inf,
        -math.inf,
        math.nan,
        None,
    ],
    "double": [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.1,
        0.5,
        -0.5,
        2.5,
        -2.5,
        3.9,
        7.5,
        0.49999999999999994,
        1e10,
        1234567.0,
        12345678.0,
        1e-3,
        9e-4,
        3e9,
        1e19,
        1e22,
        1e23,
        1e300,
        -1e300,
        5e-324,
        2.2250738585072014e-308,
        1.7976931348623157e308,
        math.pi,
        math.inf,
        -math.inf,
        math.nan,
        None,
    ],
    "string": [
        "",
        "a",
        "A",
        "abc",
        "abcabc",
        "b",
        "c",
        "%",
        "_",
        "a%",
        "%c",
        "%b%",
        "a_c",
        "\\%",
        "a\\_c",
        "!",
        "xyz",
        " x\t",
        "12",
        " 12",
        "+12",
        "-7",
        "12x",
        "2147483648",
        "9223372036854775808",
        "4.5",
        "1e400",
        "1E-400",
        ".5",
        "5.",
        ".",
        "1e",
        "+-1",
        "0x10",
        "NaN",
        "-Infinity",
        "1.5d",
        "true",
        "TRUE",
        "tru",
        "false",
        "exactly 12 b",
        "thirteen byte",
        "a text longer than the inline part",
        "naïve",
        "ÀÉ",
        "straße",
        "ΑΣ ΣΑΣ",
        "İ",
        "ŉ",
        "ﬃ",
        "K",
        "😀",
        "a😀b",
        "\uffff",
        "\ue000",
        "\U00010000",
        None,
    ],
}
MOST_ROWS = 700


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return (math.isnan(left) and math.isnan(right)) or (
            left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    return type(left) is type(right) and left == right


def rows_for(operands: tuple[str, ...], seed: str, *, nulls: bool = True) -> list[tuple[Any, ...]]:
    """All combinations of the samples, or as many of them as fit."""
    samples = [[value for value in SAMPLES[kind] if nulls or value is not None] for kind in operands]
    if math.prod(map(len, samples)) <= MOST_ROWS:
        return list(itertools.product(*samples))
    chance = random.Random(seed)
    return [tuple(chance.choice(values) for values in samples) for _ in range(MOST_ROWS)]


def spelled(operands: tuple[str, ...], repeated: int) -> tuple[str, ...]:
    return (*operands[:-2], *[operands[-2]] * (repeated + 1)) if operands[-1:] == ("*",) else operands


def check(name: str, operands: tuple[str, ...], rows: list[tuple[Any, ...]], results: list[Any]) -> None:
    assert len(results) == len(rows)
    for row, result in zip(rows, results, strict=True):
        expected = MODEL[name].function(*row)
        assert same(result, expected), f"{name}{row} gave {result!r}, not {expected!r}"


def forms(name: str) -> list[tuple[str, ...]]:
    operands = MODEL[name].operands
    return [spelled(operands, count) for count in range(3)] if operands[-1:] == ("*",) else [operands]


@pytest.mark.parametrize("nulls", [True, False], ids=["nulls", "values"])
@pytest.mark.parametrize("name", MODEL)
def test_columns(name: str, nulls: bool) -> None:
    for operands in forms(name):
        rows = rows_for(operands, name, nulls=nulls)
        with Program([TYPES[kind] for kind in operands]) as program:
            program.output(program.call(name, *(program.column(index) for index in range(len(operands)))))
            results = program.run([list(column) for column in zip(*rows, strict=True)], rows=len(rows))[0]
        check(name, operands, rows, results)


@pytest.mark.parametrize("name", [name for name, operation in MODEL.items() if len(operation.operands) > 1])
def test_a_constant_operand(name: str) -> None:
    """One constant after the other in each place, over a column of the rest."""
    operands = forms(name)[-1]
    for place, kind in enumerate(operands):
        for value in [*SAMPLES[kind][:: 1 if len(operands) < 3 else 5], None]:
            rest = rows_for(operands[:place] + operands[place + 1 :], name)[:: len(operands)]
            rows = [(*row[:place], value, *row[place:]) for row in rest]
            with Program([TYPES[other] for other in operands]) as program:
                registers = [program.column(index) for index in range(len(operands))]
                registers[place] = program.constant(value, TYPES[kind])
                program.output(program.call(name, *registers))
                results = program.run([list(column) for column in zip(*rows, strict=True)])[0]
            check(name, operands, rows, results)


@pytest.mark.parametrize("name", MODEL)
def test_constants_only(name: str) -> None:
    operands = forms(name)[-1]
    rows = rows_for(operands, name)
    for row in rows[:: max(1, len(rows) // 60)]:
        result = evaluate_constants(name, *zip(operands, row, strict=True))
        expected = MODEL[name].function(*row)
        assert same(result, expected), f"{name}{row} gave {result!r}, not {expected!r}"


def test_the_model_names_operations_that_exist() -> None:
    letters = {"bool": "b", "int": "i", "long": "l", "float": "f", "double": "d", "string": "s", "*": "*"}
    known = operations()
    for name, operation in MODEL.items():
        signature, result = known[name]
        if "?" not in signature:
            assert signature == "".join(letters[operand] for operand in operation.operands), name
        assert result == TYPES[operation.result], name


# What the model leaves out has cases of its own, in the files named here.
ELSEWHERE = {
    "tests/engine/test_aggregations.py and tests/runtime/test_aggregations.py": "bucket_",
    "objects": """
        create_set size_of_set list struct json_ field_ element_ cast_check_ instance_of_ type_of
        convert_object_ equal_object not_equal_object equal3_object not_equal3_object distinct_object
        is_null_object is_not_null_object if_object coalesce_object default_object null_if_object
        convert_bool_object convert_int_object convert_long_object convert_float_object
        convert_double_object convert_string_object
    """,
    "failures": "strict_ lpad rpad repeat replace",
    "regexp": "regexp",
    "time": "extract format_date parse_ date_ current_time_millis event_timestamp",
    "programs": "in_ in3_ random uuid is_null is_not_null",
    "numbers": "round_digits_double truncate_digits",
}


def test_every_operation_has_tests() -> None:
    beginnings = tuple(word for words in ELSEWHERE.values() for word in words.split())
    assert [name for name in operations() if name not in MODEL and not name.startswith(beginnings)] == []
