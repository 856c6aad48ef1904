"""Building and running programs: registers, sharing, listings, random numbers, memory."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from tests.native.expression_harness import (
    BOOL,
    DOUBLE,
    FLOAT,
    INT,
    LONG,
    OBJECT,
    STRING,
    TYPES,
    Program,
    ProgramError,
    evaluate,
    lib,
)

NO_MEMORY = -1


def test_an_equal_pure_call_is_the_same_register() -> None:
    with Program([INT, INT]) as program:
        first = program.call("add_int", program.column(0), program.column(1))
        assert program.call("add_int", program.column(0), program.column(1)) == first
        assert program.call("add_int", program.column(1), program.column(0)) != first
        assert program.column(0) == program.column(0)


def test_calls_that_draw_or_may_fail_are_not_shared() -> None:
    with Program([STRING]) as program:
        assert program.call("random") != program.call("random")
        text = program.column(0)
        assert program.call("strict_convert_string_int", text) != program.call("strict_convert_string_int", text)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda p: p.call("add_integers"), "there is no operation 'add_integers'"),
        (lambda p: p.call("add_int", p.column(0)), "operation add_int takes 'ii', got (INT)"),
        (lambda p: p.call("add_int", p.column(0), p.column(1)), "operation add_int takes 'ii', got (INT, STRING)"),
        (lambda p: p.call("coalesce_int"), "operation coalesce_int takes 'ii*', got ()"),
        (lambda p: p.call("not", 77), "the program has no register 77"),
        (lambda p: p.call("not", -1), "the program has no register -1"),
        (lambda p: p.column(2), "column 2 of a program over 2 columns"),
        (lambda p: p.constant(1, 9) if False else p.output(9), "the program has no register 9"),
        (lambda p: p.mask(p.column(0)).__enter__(), "a mask is a BOOL, not INT"),
        (
            lambda p: p.call("in_int", p.column(0), p.call("add_int", p.column(0), p.column(0))),
            "operand 2 of IN over a set is not a constant",
        ),
    ],
)
def test_what_cannot_be_built_is_said(build: Any, message: str) -> None:
    with Program([INT, STRING]) as program:
        with pytest.raises(ProgramError, match=re.escape(message)):
            build(program)
        program.output(program.column(0))
        assert program.run([[1], ["a"]]) == [[1]]


def test_a_mask_that_is_not_open_cannot_be_closed() -> None:
    with Program([INT]) as program:
        assert lib.expr_test_end_mask(program.handle) < 0


def test_an_output_may_be_a_column_a_constant_or_a_result_and_stand_twice() -> None:
    with Program([INT, STRING]) as program:
        total = program.call("add_int", program.column(0), program.constant(1, INT))
        for register in (
            program.column(1),
            total,
            total,
            program.constant("x" * 20, STRING),
            program.constant(None, DOUBLE),
        ):
            program.output(register)
        assert program.run([[1, None, 3], ["a", None, "c" * 30]]) == [
            ["a", None, "c" * 30],
            [2, None, 4],
            [2, None, 4],
            ["x" * 20] * 3,
            [None] * 3,
        ]
        assert lib.expr_test_output_column(program.handle, 0) == 1
        assert lib.expr_test_output_column(program.handle, 1) == -1


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_a_batch_without_rows_gives_columns_without_rows(kind: int) -> None:
    with Program([kind]) as program:
        program.output(program.column(0))
        program.output(program.call("is_null", program.column(0)))
        assert program.run([[]]) == [[], []]


def test_a_program_without_columns_runs_over_rows() -> None:
    with Program([]) as program:
        program.output(program.call("add_int", program.constant(1, INT), program.constant(2, INT)))
        assert program.run([], rows=3) == [[3, 3, 3]]


def test_the_listing_shows_instructions_masks_and_outputs() -> None:
    with Program([STRING, BOOL]) as program:
        with program.mask(program.column(1)), program.mask(program.column(1), when=False):
            number = program.call("strict_convert_string_int", program.column(0))
        half = program.call(
            "multiply_double", program.call("convert_int_double", number), program.constant(0.5, DOUBLE)
        )
        program.output(program.call("if_double", program.column(1), half, program.constant(None, DOUBLE)))
        program.output(program.call("in_string", program.column(0), program.constant("a", STRING)))
        program.output(program.constant(True, BOOL))
        assert program.text() == (
            "r2 = strict_convert_string_int $0 if not $1 if $1\n"
            "r3 = convert_int_double r2\n"
            "r5 = multiply_double r3, 0.5\n"
            "r7 = if_double $1, r5, null\n"
            "r9 = in_string $0, 'a'\n"
            "out 0 = r7 DOUBLE\n"
            "out 1 = r9 BOOL\n"
            "out 2 = true BOOL\n"
        )


def test_reading_the_clock_is_known() -> None:
    with Program([INT]) as program:
        assert not lib.expr_test_reads_clock(program.handle)
        program.call("current_time_millis")
        assert lib.expr_test_reads_clock(program.handle)


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_tests_for_null_take_every_type(kind: int) -> None:
    samples: dict[int, Any] = {BOOL: True, INT: 1, LONG: 1, FLOAT: 1.0, DOUBLE: 1.0, STRING: "a", OBJECT: [1]}
    with Program([kind]) as program:
        program.output(program.call("is_null", program.column(0)))
        program.output(program.call("is_not_null", program.column(0)))
        program.output(program.call("is_null", program.constant(None, kind)))
        values = [samples[kind], None] * 10
        assert program.run([values]) == [[False, True] * 10, [True, False] * 10, [True] * 20]


# ---- IN ----


@pytest.mark.parametrize(
    ("kind", "values", "constants"),
    [
        ("int", [1, 2, 3, None, -5], [3, 1, 1, -5]),
        ("long", [2**40, 2, None], [2**40, 7, None]),
        ("float", [0.5, -0.0, None, float("nan")], [0.0, 0.5]),
        ("double", [0.1, 0.2, float("nan"), None], [0.2, float("nan")]),
        ("bool", [True, False, None], [True]),
        ("string", ["a", "", None, "a text longer than inline", "b"], ["a text longer than inline", "", "a" * 40]),
        ("int", [1, 2, 3, None, 1000], list(range(0, 2000, 2))),
        (
            "string",
            ["17", "x", None, "long key number 100", "18"],
            [f"{n}" for n in range(0, 200, 2)] + ["long key number 100"],
        ),
        ("int", [1, None], []),
        ("int", [1, None], [None]),
    ],
)
@pytest.mark.parametrize("three_valued", [False, True], ids=["two-valued", "three-valued"])
def test_in_over_constants(kind: str, values: list[Any], constants: list[Any], three_valued: bool) -> None:
    def expected(value: Any) -> bool | None:
        found = value is not None and any(value == constant for constant in constants if constant is not None)
        if three_valued and constants and (value is None or (None in constants and not found)):
            return None
        return found

    with Program([TYPES[kind]]) as program:
        registers = [program.constant(constant, TYPES[kind]) for constant in constants]
        program.output(program.call(("in3_" if three_valued else "in_") + kind, program.column(0), *registers))
        assert program.run([values])[0] == [expected(value) for value in values]


# ---- random numbers ----


def test_random_numbers_come_from_the_seed_and_do_not_depend_on_slicing() -> None:
    def drawn(sizes: list[int]) -> list[tuple[Any, ...]]:
        with Program([BOOL]) as program:
            program.output(program.call("random"))
            with program.mask(program.column(0)):
                program.output(program.call("uuid"))
            program.output(program.call("random"))
            program.seed(7)
            rows: list[tuple[Any, ...]] = []
            for size in sizes:
                rows += zip(*program.run([[True] * size]), strict=True)
            return rows

    rows = drawn([10])
    assert rows == drawn([1] * 10) == drawn([3, 7])
    assert all(0 <= first < 1 and 0 <= second < 1 and first != second for first, _, second in rows)
    identifiers = [uuid.UUID(text) for _, text, _ in rows]
    assert {identifier.version for identifier in identifiers} == {4}
    assert {identifier.variant for identifier in identifiers} == {uuid.RFC_4122}
    assert len(set(identifiers)) == 10


def test_random_numbers_are_spread_evenly() -> None:
    with Program([INT]) as program:
        program.output(program.call("random"))
        numbers = program.run([[0] * 4000])[0]
    assert abs(sum(numbers) / 4000 - 0.5) < 0.03
    assert all(sum(low <= number < low + 0.1 for number in numbers) > 300 for low in (0.0, 0.3, 0.9))


# ---- memory ----


def test_every_failing_allocation_is_an_error_and_leaves_nothing_behind() -> None:
    """Build and run with the n-th allocation failing, until it passes untouched."""

    def attempt(program: Program) -> list[list[Any]]:
        number = program.call("strict_convert_string_int", program.column(0))
        upper = program.call("upper", program.column(0))
        program.output(
            program.call("in_string", upper, program.constant("A" * 20, STRING), program.constant("B", STRING))
        )
        program.output(program.call("regexp", program.column(0), program.constant("(a|b)+[0-9]{1,3}", STRING)))
        with program.mask(program.column(1)):
            program.output(program.host_call(0, LONG, program.call("convert_int_long", number)))
        program.output(program.call("concat", upper, number, program.constant(1.5, DOUBLE)))
        program.output(
            program.call("coalesce_int", program.call("divide_int", number, program.constant(0, INT)), number)
        )
        return program.run([["12", "x" * 40, None, "7"], [True, False, None, True]], error_edge=True)

    for allocation in range(200):
        program = Program([STRING, BOOL])
        lib.expr_test_fail_after(program.handle, allocation)
        try:
            results = attempt(program)
        except ProgramError as error:
            assert error.status == NO_MEMORY  # noqa: PT017
        else:
            break
        finally:
            lib.expr_test_fail_after(program.handle, -1)
            assert program.close() == 0
    assert allocation > 10
    assert results[3] == ["1212" + "1.5", None, "1.5", "771.5"]


def test_a_limit_on_memory_is_an_error() -> None:
    program = Program([STRING], limit=2_000_000)
    program.output(program.call("rpad", program.column(0), program.constant(1_000_000, INT)))
    with pytest.raises(ProgramError, match="no memory left"):
        program.run([["a", "b", "c"]], error_edge=True)
    assert program.run([["a"]], error_edge=True) == [["a".ljust(1_000_000)]]
    assert program.close() == 0


def test_like_with_patterns_from_a_column_follows_each_row() -> None:
    assert evaluate("like", ("string", ["abc", "abc", "abd", "x_"]), ("string", ["a%", "%d", "%d", "x\\_"])) == [
        True,
        False,
        True,
        True,
    ]
