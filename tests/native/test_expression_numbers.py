"""Numbers as text, and rounding to places."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.expression_harness import evaluate, ffi, lib, single
from tests.properties.models.expressions import parse_real, print_real


def printed(value: float, *, is_single: bool = False) -> str:
    text = ffi.new("char[32]")
    return bytes(ffi.buffer(text, lib.expr_test_format(value, is_single, text))).decode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (4.5, "4.5"),
        (100.0, "100.0"),
        (-1.5, "-1.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (12345678.9, "1.23456789E7"),
        (1e10, "1.0E10"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (1e-5, "1.0E-5"),
        (2e-3, "0.002"),
        (1e23, "1.0E23"),
        (5e-324, "4.9E-324"),
        (1e-323, "9.9E-324"),
        (2e-323, "2.0E-323"),
        (2.2250738585072014e-308, "2.2250738585072014E-308"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (2.0**63, "9.223372036854776E18"),
        (1 / 3, "0.3333333333333333"),
    ],
)
def test_doubles_print_as_in_java(value: float, text: str) -> None:
    assert printed(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (1.0, "1.0"),
        (1 / 3, "0.33333334"),
        (16777216.0, "1.6777216E7"),
        (1e10, "1.0E10"),
        (1.4e-45, "1.4E-45"),
        (3.4028235e38, "3.4028235E38"),
        (33554432.0, "3.3554432E7"),
        (0.001, "0.001"),
        (-2.5, "-2.5"),
        (3696782.25, "3696782.2"),
        (math.nan, "NaN"),
    ],
)
def test_floats_print_as_in_java(value: float, text: str) -> None:
    assert printed(value, is_single=True) == text


@settings(max_examples=1500, deadline=None)
@given(
    st.one_of(
        st.integers(0, 2**64 - 1), st.integers(0, 2**20).map(lambda n: struct.unpack("Q", struct.pack("d", n / 100))[0])
    )
)
def test_every_double_prints_as_the_shortest_text_and_is_read_back(bits: int) -> None:
    (value,) = struct.unpack("d", struct.pack("Q", bits))
    text = printed(value)
    assert text == print_real(value, float)
    (back,) = evaluate("convert_string_double", ("string", [text]))
    assert back == value or (math.isnan(value) and math.isnan(back))


@settings(max_examples=1000, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_float_prints_as_the_shortest_text_and_is_read_back(bits: int) -> None:
    (value,) = struct.unpack("f", struct.pack("I", bits))
    text = printed(value, is_single=True)
    assert text == print_real(value, single)
    (back,) = evaluate("convert_string_float", ("string", [text]))
    assert back == value or (math.isnan(value) and math.isnan(back))


@settings(max_examples=1500, deadline=None)
@given(
    st.from_regex(r"\A[+-]?[0-9]{1,25}(\.[0-9]{0,25})?([eE][+-]?[0-9]{1,3})?\Z"),
)
def test_texts_are_rounded_to_the_nearest_number(text: str) -> None:
    real = parse_real(text)
    assert real is not None
    assert evaluate("convert_string_double", ("string", [text])) == [real]


@pytest.mark.parametrize(
    "text",
    [
        "2.2250738585072011e-308",  # the largest subnormal, halfway
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "2.4703282292062327208299439634110864618702e-324",
        "2.4703282292062328e-324",
        "9007199254740993",
        "9007199254740992.999999999999999999999999999999",
        "179769313486231580793728971405301e276",
        "0." + "0" * 400 + "1" + "e400",
        "1" + "0" * 400 + "e-400",
        "1" * 900,
        "0" * 900 + "5",
        "3" * 309,
    ],
)
def test_hard_texts_are_rounded_to_the_nearest_number(text: str) -> None:
    assert evaluate("convert_string_double", ("string", [text])) == [float(text)]


def test_a_float_is_rounded_once() -> None:
    """Through a double, the first text would become halfway between two floats, and the wrong one of them."""
    texts = ["1.00000005960464477540", "1.000000059604644775390625", "7.038531e-26"]
    assert evaluate("convert_string_float", ("string", texts)) == [1.0000001192092896, 1.0, 7.038530691851209e-26]


@pytest.mark.parametrize(
    ("value", "digits", "rounded", "cut"),
    [
        (2.345, 1, 2.3, 2.3),
        (2.35, 1, 2.4, 2.3),
        (-2.5, 0, -3.0, -2.0),
        (1250.0, -2, 1300.0, 1200.0),
        (1e300, 5, 1e300, 1e300),
        (5.0, -400, 0.0, 0.0),
        (5.0, 400, 5.0, 5.0),
        (math.pi, 30, math.pi, math.pi),
        (math.inf, 2, math.inf, math.inf),
        (0.125, 2, 0.13, 0.12),
        (None, 1, None, None),
        (1.0, None, None, None),
    ],
)
def test_rounding_to_places(value: float | None, digits: int | None, rounded: float | None, cut: float | None) -> None:
    operands = (("double", [value]), ("int", [digits]))
    assert evaluate("round_digits_double", *operands) == [rounded]
    assert evaluate("truncate_digits", *operands) == [cut]
