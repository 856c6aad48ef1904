"""Texts and bytes that nobody would write: nothing but a result, a null or a failed row may come of them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.native.expression_harness import INT, LONG, STRING, Program, ProgramError, evaluate, ffi, lib

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
SYNTAX = st.text("ab01(){}[]|*+?.^$\\-,:<>=!?&QEdDwWsSbBxupPimLetrAlphnZz", max_size=20)
PATTERN_LETTERS = st.text("GyYMLwWDdFEuaHkKhmsSzZX'' -:.T09", max_size=24)


@settings(max_examples=800, deadline=None)
@given(pattern=SYNTAX | TEXTS, text=st.text("ab01 \n", max_size=12) | TEXTS)
@example(pattern="(" * 400, text="")
@example(pattern="a" * 3000, text="a" * 3000)
@example(pattern="((a{0,1000}){0,1000}){0,1000}", text="a")
@example(pattern="a{2147483648}", text="a")
def test_regular_expressions(pattern: str, text: str) -> None:
    with Program([STRING, STRING]) as program:
        program.output(program.call("regexp", program.column(0), program.column(1)))
        (results,) = program.run([[text, text], [pattern, pattern]], error_edge=True)
        failed = {row for row, _ in program.failures}
        assert failed in (set(), {0, 1})
        assert (results[0] is None) is bool(failed)
        constant = program.constant(pattern, STRING)
        if failed:
            with pytest.raises(ProgramError):
                program.call("regexp", program.column(0), constant)
        else:
            program.call("regexp", program.column(0), constant)


@settings(max_examples=500, deadline=None)
@given(
    pattern=PATTERN_LETTERS | TEXTS,
    text=st.text("0123456789-:. TZ+aApPmMJn", max_size=24) | TEXTS,
    ms=st.integers(-(2**63), 2**63 - 1),
)
def test_date_patterns(pattern: str, text: str, ms: int) -> None:
    with Program([LONG, STRING]) as program:
        program.output(program.call("format_date", program.column(0), program.column(1)))
        (results,) = program.run([[ms], [pattern]], error_edge=True)
        assert (results[0] is None) is bool(program.failures)
    evaluate("parse_date", ("string", [text]), ("string", [pattern]))
    evaluate("parse_timestamp", ("string", [text]))


@settings(max_examples=500, deadline=None)
@given(data=st.binary(max_size=40) | st.text('{}[]",:\\u0123dD8eE+-.truefalsn \t', max_size=30).map(str.encode))
def test_json(data: bytes) -> None:
    room = ffi.new("char[]", 400)
    with Program([]) as program:
        size = lib.expr_test_json(program.handle, data, len(data), room, len(room))
        if size >= 0 and _is_utf8(data):
            packed = bytes(ffi.buffer(room, size))
            assert lib.expr_test_object_check(packed, size)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(max_examples=300, deadline=None)
@given(path=st.text("$.[]'\"ab01-", max_size=12) | TEXTS)
def test_paths(path: str) -> None:
    evaluate("json_value", ("object", [{"a": [{"b": 1}], "": 0}, [1, [2]], None]), ("string", [path] * 3))


def test_masks_may_nest_by_the_thousand() -> None:
    depth = 3000
    with Program([INT, STRING]) as program:
        for number in range(depth):
            condition = program.call("not_equal_int", program.column(0), program.constant(number, INT))
            assert lib.expr_test_begin_mask(program.handle, condition, True) == 0
        program.output(program.call("strict_convert_string_int", program.column(1)))
        program.run([[-1, depth - 1, 5], ["x", "y", "z"]], error_edge=True)
        assert [row for row, _ in program.failures] == [0]
