"""Operations that can fail a row, and masks that keep them from rows that do not reach them."""

from __future__ import annotations

import pytest
from tests.native.expression_harness import BOOL, DOUBLE, INT, LONG, OBJECT, STRING, Program, ProgramError, evaluate

TOO_LONG = "the text would be longer than 16777216 bytes"


def run_strictly(operation: str, kind: int, values: list[object]) -> tuple[list[object], list[tuple[int, str]]]:
    with Program([kind]) as program:
        program.output(program.call(operation, program.column(0)))
        results = program.run([values], error_edge=True)[0]
        return results, program.failures


@pytest.mark.parametrize(
    ("operation", "kind", "values", "results", "failures"),
    [
        (
            "strict_convert_string_int",
            STRING,
            ["12", "zz", None, ""],
            [12, None, None, None],
            [(1, "cannot convert 'zz' to INT"), (3, "cannot convert '' to INT")],
        ),
        (
            "strict_convert_string_long",
            STRING,
            ["9223372036854775808", "5"],
            [None, 5],
            [(0, "cannot convert '9223372036854775808' to LONG")],
        ),
        ("strict_convert_string_float", STRING, ["1.5", "x"], [1.5, None], [(1, "cannot convert 'x' to FLOAT")]),
        (
            "strict_convert_string_double",
            STRING,
            [" 1e2 ", "1e"],
            [100.0, None],
            [(1, "cannot convert '1e' to DOUBLE")],
        ),
        (
            "strict_convert_string_bool",
            STRING,
            ["True", "false", "yes"],
            [True, False, None],
            [(2, "cannot convert 'yes' to BOOL")],
        ),
        ("strict_convert_long_int", LONG, [7, 2**31, None], [7, None, None], [(1, "cannot convert 2147483648 to INT")]),
        (
            "strict_convert_double_int",
            DOUBLE,
            [3.9, -3.9, 3e9, float("nan"), -2147483648.5],
            [3, -3, None, None, -(2**31)],
            [(2, "cannot convert 3.0E9 to INT"), (3, "cannot convert NaN to INT")],
        ),
        ("strict_convert_double_long", DOUBLE, [1e18, 1e19], [10**18, None], [(1, "cannot convert 1.0E19 to LONG")]),
        (
            "strict_convert_object_int",
            OBJECT,
            [5, "6", [1], None],
            [5, 6, None, None],
            [(2, "cannot convert [1] to INT")],
        ),
        ("strict_convert_int_string", INT, [5, None], ["5", None], []),
        (
            "strict_parse_timestamp",
            STRING,
            ["1970-01-01", "today"],
            [0, None],
            [(1, "the text is not a time in ISO 8601")],
        ),
        (
            "size_of_set",
            OBJECT,
            [{1, 2}, None, [1], "a"],
            [2, 0, None, None],
            [(2, "sizeOfSet: the object is not a set"), (3, "sizeOfSet: the object is not a set")],
        ),
    ],
)
def test_what_cannot_be_done_fails_its_row_only(
    operation: str, kind: int, values: list[object], results: list[object], failures: list[tuple[int, str]]
) -> None:
    assert run_strictly(operation, kind, values) == (results, failures)


def test_a_long_value_is_cut_in_the_message_between_characters() -> None:
    _, ((_, message),) = run_strictly("strict_convert_string_int", STRING, ["ü" * 60])
    assert message == f"cannot convert '{'ü' * 40}...' to INT"


def test_without_an_error_edge_the_first_failed_row_is_the_status() -> None:
    with Program([STRING]) as program:
        program.output(program.call("strict_convert_string_int", program.column(0)))
        with pytest.raises(ProgramError, match="cannot convert 'b' to INT") as caught:
            program.run([["1", "b", "c"]])
    assert caught.value.row == 1


def test_a_constant_that_fails_does_so_in_each_row() -> None:
    with Program([INT]) as program:
        program.output(program.call("strict_convert_string_int", program.constant("x", STRING)))
        assert program.run([[1, 2]], error_edge=True) == [[None, None]]
        assert [row for row, _ in program.failures] == [0, 1]


@pytest.mark.parametrize(
    ("operation", "operands", "expected"),
    [
        ("lpad", (("string", ["7", "abc", "é"]), ("int", [3, 2, 3])), ["  7", "ab", "  é"]),
        (
            "lpad_with",
            (("string", ["7", "a", "a", "a"]), ("int", [3, 6, 3, -1]), ("string", ["0", "xyz", "", "x"])),
            ["007", "xyzxya", "a", ""],
        ),
        ("rpad", (("string", ["7"]), ("int", [3])), ["7  "]),
        (
            "rpad_with",
            (("string", ["7", None, "ab"]), ("int", [3, 3, 20]), ("string", ["é", "x", "-="])),
            ["7éé", None, "ab-=-=-=-=-=-=-=-=-="],
        ),
        ("repeat", (("string", ["ab", "ab", "", "ab", None]), ("int", [3, 0, 5, -1, 2])), ["ababab", "", "", "", None]),
        (
            "replace",
            (
                ("string", ["a b c", "aaa", "x", None]),
                ("string", [" ", "aa", "", "x"]),
                ("string", ["", "b", "y", "z"]),
            ),
            ["abc", "ba", "x", None],
        ),
    ],
)
def test_functions_that_make_text_longer(operation: str, operands: tuple[object, ...], expected: list[str]) -> None:
    assert evaluate(operation, *operands) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("operation", "operands"),
    [
        ("lpad", (("a", STRING), (2**30, INT))),
        ("rpad", (("a", STRING), (2**31 - 1, INT))),
        ("repeat", (("ab", STRING), (2**31 - 1, INT))),
        ("replace", (("a" * 5000, STRING), ("a", STRING), ("b" * 5000, STRING))),
    ],
)
def test_a_text_that_would_be_too_long_fails_its_row(operation: str, operands: tuple[tuple[object, int], ...]) -> None:
    with Program([INT]) as program:
        program.output(program.call(operation, *(program.constant(value, kind) for value, kind in operands)))
        assert program.run([[1]], error_edge=True) == [[None]]
        assert program.failures == [(0, TOO_LONG)]


def test_under_a_mask_only_the_rows_that_reach_an_operation_fail() -> None:
    with Program([STRING, BOOL]) as program:
        text, wanted = program.column(0), program.column(1)
        with program.mask(wanted):
            number = program.call("strict_convert_string_int", text)
        program.output(program.call("if_int", wanted, number, program.constant(-1, INT)))
        results = program.run([["1", "x", "y", "z"], [True, True, False, None]], error_edge=True)
        assert results == [[1, None, -1, -1]]
        assert program.failures == [(1, "cannot convert 'x' to INT")]
        assert program.ok(4) == [True, False, True, True]


def test_a_mask_for_not_true_reaches_false_and_null() -> None:
    with Program([STRING, BOOL]) as program:
        with program.mask(program.column(1), when=False):
            program.output(program.call("strict_convert_string_int", program.column(0)))
        assert program.run([["a", "b", "c"], [True, False, None]], error_edge=True) == [[None, None, None]]
        assert [row for row, _ in program.failures] == [1, 2]


def test_masks_nest() -> None:
    with Program([STRING, BOOL, BOOL]) as program:
        with program.mask(program.column(1)), program.mask(program.column(2), when=False):
            program.output(program.call("strict_convert_string_int", program.column(0)))
        program.run(
            [["a"] * 4, [True, True, False, False], [True, False, True, False]],
            error_edge=True,
        )
        assert [row for row, _ in program.failures] == [1]


def test_a_row_fails_once_with_its_first_message() -> None:
    with Program([STRING]) as program:
        program.output(program.call("strict_convert_string_int", program.column(0)))
        program.output(program.call("strict_convert_string_double", program.column(0)))
        assert program.run([["x", "1.5", "2"]], error_edge=True) == [[None, None, 2], [None, None, 2.0]]
        assert program.failures == [(0, "cannot convert 'x' to INT"), (1, "cannot convert '1.5' to INT")]


def test_all_outputs_of_a_failed_row_are_null_and_the_batch_is_left_alone() -> None:
    with Program([STRING, INT]) as program:
        program.output(program.column(1))
        program.output(program.column(0))
        program.output(program.constant(9, LONG))
        program.output(program.call("strict_convert_string_int", program.column(0)))
        batch = [["1", "a longer text than inline"], [10, 20]]
        assert program.run(batch, error_edge=True) == [[10, None], ["1", None], [9, None], [1, None]]
        program.fill(batch)
        again = program.run_again(2, error_edge=True)
        assert again[0] == [10, None]


def test_selecting_leaves_failed_rows_out() -> None:
    with Program([STRING]) as program:
        number = program.call("strict_convert_string_int", program.column(0))
        program.output(program.call("not_equal_int", number, program.constant(5, INT)))
        assert program.select([["5", "x", "6", None]]) == [2, 3]
        assert [row for row, _ in program.failures] == [1]


# ---- functions of the host: 0 doubles a LONG and fails negative ones, 1 counts its calls, 2 raises ----


def test_a_host_function_is_called_once_a_batch_with_the_rows_that_reach_it() -> None:
    with Program([LONG, BOOL]) as program:
        with program.mask(program.column(1)):
            program.output(program.host_call(0, LONG, program.column(0)))
        results = program.run([[1, -2, -3, None, 5], [True, True, False, True, True]], error_edge=True)
        assert results == [[2, None, None, None, 10]]
        assert program.failures == [(1, "negative")]


def test_a_host_function_gets_constants_as_columns() -> None:
    with Program([INT]) as program:
        program.output(program.host_call(0, LONG, program.constant(21, LONG)))
        program.output(program.host_call(0, LONG, program.constant(None, LONG)))
        assert program.run([[1, 2, 3]]) == [[42, 42, 42], [None, None, None]]


def test_a_host_function_that_no_row_reaches_is_not_called() -> None:
    with Program([BOOL]) as program:
        with program.mask(program.column(0)):
            program.output(program.host_call(2, LONG))
        assert program.run([[False, None]]) == [[None, None]]


def test_a_host_function_is_not_called_for_rows_that_have_failed() -> None:
    with Program([STRING]) as program:
        number = program.call("strict_convert_string_long", program.column(0))
        program.output(program.host_call(0, LONG, number))
        assert program.run([["1", "x", "3"]], error_edge=True) == [[2, None, 6]]
        assert program.failures == [(1, "cannot convert 'x' to LONG")]


def test_a_host_function_that_raises_ends_the_run() -> None:
    with Program([LONG]) as program:
        program.output(program.host_call(2, LONG, program.column(0)))
        with pytest.raises(ProgramError, match="the function raised"):
            program.run([[1]])


def test_equal_host_calls_are_both_made() -> None:
    with Program([LONG]) as program:
        first = program.host_call(1, LONG)
        second = program.host_call(1, LONG)
        program.output(first)
        program.output(second)
        assert program.run([[0, 0]]) == [[1, 1], [2, 2]]


# ---- regular expressions that are not valid ----


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(a", "a group is not closed by ')'"),
        ("a)", "a ')' without its '('"),
        ("[a", "a class is not closed by ']'"),
        ("*a", "a repetition with nothing before it"),
        ("a{2", "a repetition is not closed by '}'"),
        ("a{3,2}", "a repetition {n,m} with m below n"),
        ("a{1001}", "a repetition of more than 1000"),
        ("(a{1000}){1000}", "the expression is too large"),
        ("a\\", "a backslash at the end"),
        ("\\y", "a backslash before a letter that has no meaning"),
        ("(a)\\1", "back references are not supported"),
        ("a(?=b)", "look-around is not supported"),
        ("(?<!b)a", "look-around is not supported"),
        ("a++", "possessive repetition is not supported"),
        ("(?>a)", "atomic groups are not supported"),
        ("[z-a]", "a range in a class runs backwards"),
        ("[a[b]]", "classes within classes are not supported; a '[' in a class is written \\["),
        ("\\p{Greek}", "of \\p{...} only Lower, Upper, Alpha, Digit, Alnum, Punct, Space and ASCII are known"),
        ("(?q)a", "an unknown flag behind (?"),
        ("\\x1", "\\x and \\u want hexadecimal digits"),
        ("(" * 61 + ")" * 61, "groups are nested too deeply"),
    ],
)
def test_an_invalid_regular_expression_is_refused(pattern: str, problem: str) -> None:
    with Program([STRING]) as program:
        with pytest.raises(ProgramError) as caught:
            program.call("regexp", program.column(0), program.constant(pattern, STRING))
        assert str(caught.value).endswith(problem)
        program.output(program.column(0))
        assert program.run([["x"]]) == [["x"]]


def test_an_invalid_pattern_from_a_column_fails_its_row() -> None:
    with Program([STRING, STRING]) as program:
        program.output(program.call("regexp", program.column(0), program.column(1)))
        assert program.run([["a", "ab", "b", "c"], ["a", "(", "^b$", None]], error_edge=True) == [
            [True, None, True, False]
        ]
        assert program.failures == [(1, "regular expression '(': a group is not closed by ')'")]
