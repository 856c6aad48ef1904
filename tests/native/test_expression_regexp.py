"""Regular expressions against Python's, which agree on the subset."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.expression_harness import evaluate, evaluate_constants

CHARACTERS = "abAB0 _-\n"
ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "A",
        "0",
        " ",
        ".",
        "_",
        r"\d",
        r"\D",
        r"\w",
        r"\W",
        r"\s",
        r"\S",
        "[ab]",
        "[^ab]",
        "[a-z0]",
        r"[\d_]",
        r"[^\w-]",
        "[-a]",
        "[]a]",
        "^",
        "$",
        r"\b",
        r"\B",
        r"\n",
        r"\-",
        r"\x61",
        "é",
        "[é-ü]",
        r"\A",
        "(?:)",
        "",
    ]
)
REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{0,2}", "{1,}", "*?", "+?", "??", "{1,2}?"])


def repeatable(pattern: str, repeat: str) -> str:
    return pattern if pattern in ("^", "$", r"\b", r"\B", r"\A", "") else pattern + repeat


PATTERNS = st.recursive(
    st.builds(repeatable, ATOMS, REPEATS),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4).map("".join)
        | st.lists(inner, min_size=1, max_size=3).map("|".join)
        | st.builds(lambda pattern, repeat: f"({pattern}){repeat}", inner, REPEATS)
        | st.builds(lambda pattern, repeat: f"(?:{pattern}){repeat}", inner, REPEATS)
    ),
    max_leaves=8,
)


@settings(max_examples=800, deadline=None)
@given(
    pattern=PATTERNS,
    texts=st.lists(st.text(CHARACTERS + "éü", max_size=10), min_size=1, max_size=6),
    fold=st.booleans(),
)
def test_matches_are_those_of_python(pattern: str, texts: list[str], fold: bool) -> None:
    if r"\B" in pattern:
        texts = [text or "-" for text in texts]  # Python before 3.14 has no \B in an empty text
    known = re.compile(pattern, re.ASCII | (re.IGNORECASE if fold else 0))
    if fold:
        pattern = "(?i)" + pattern
        texts = [text for text in texts if text.isascii()] or ["A"]
    expected = [known.search(text) is not None for text in texts]
    assert evaluate("regexp", ("string", texts), ("string", [pattern] * len(texts))) == expected
    assert evaluate_constants("regexp", ("string", texts[0]), ("string", pattern)) == expected[0]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("(?m)^b$", "a\nb\nc", True),
        ("^b$", "a\nb\nc", False),
        ("(?s)a.b", "a\nb", True),
        ("a.b", "a\nb", False),
        ("a$", "a\n", True),
        (r"a\z", "a\n", False),
        (r"a\Z", "a\r\n", True),
        ("(?i)STRASSE|É", "é", True),
        ("(?i:a)b", "Ab", True),
        ("(?i:a)b", "AB", False),
        ("(?i)a(?-i)b", "AB", False),
        ("(?i)[a-c]+$", "ABC", True),
        ("(?i)[^a]", "A", False),
        (r"\Qa.b\E+", "a.bbb", True),
        (r"\Qa.b", "axb", False),
        (r"\Q\E", "", True),
        (r"\p{Alpha}\p{Digit}\P{Space}", "a1x", True),
        (r"[\p{Upper}-]+$", "A-B", True),
        (r"\u00e9\t", "é\t", True),
        ("(?<year>\\d{4})-\\d\\d", "on 2013-01", True),
        ("a{2,3}b", "aab", True),
        ("^a{2,3}$", "aaaa", False),
        ("", "", True),
        ("x*", "", True),
        ("(a*)*b", "aaab", True),
        ("(a|b|)*c", "abac", True),
        ("😀+$", "😀😀", True),
        ("^.$", "😀", True),
        ("[😀-😎]", "😃", True),
        ("a|", "b", True),
        ("^(?:a|ab)(?:c|bcd)$", "abcd", True),
        (r"[\]\\]+", "]\\", True),
        ("[a\\-z]$", "-", True),
        ("[^\\S]", " ", True),
        (r"\.", "a", False),
        ("a{0}b", "b", True),
    ],
)
def test_syntax(pattern: str, text: str, expected: bool) -> None:
    assert evaluate_constants("regexp", ("string", text), ("string", pattern)) is expected


def test_nulls() -> None:
    operands = (("string", ["a", None, "a", None]), ("string", ["a", "a", None, None]))
    assert evaluate("regexp", *operands) == [True, False, False, False]
    assert evaluate("regexp3", *operands) == [True, None, None, None]


def test_the_time_is_linear_in_the_length_of_the_text() -> None:
    """A backtracking matcher would take 2**40 steps."""
    start = time.perf_counter()
    assert evaluate_constants("regexp", ("string", "a" * 40), ("string", "(a+)+(a|aa)*$x")) is False
    assert evaluate_constants("regexp", ("string", "a" * 100_000 + "b"), ("string", "(a*)*c")) is False
    assert time.perf_counter() - start < 5
