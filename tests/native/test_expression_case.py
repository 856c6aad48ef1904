"""UPPER, LOWER and ILIKE by the Unicode tables."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.expression_harness import evaluate

# The tables of the engine are those of Unicode 14; a later Python knows more letters, and never changes old ones.
KNOWN = tuple(map(int, unicodedata.unidata_version.split("."))) <= (14, 0, 0)
POINTS = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]


def test_every_character_changes_as_in_python() -> None:
    for operation, method in (("upper", str.upper), ("lower", str.lower)):
        results = evaluate(operation, ("string", POINTS))
        for before, after in zip(POINTS, results, strict=True):
            assert after == method(before) or (not KNOWN and after == before), (operation, hex(ord(before)))


@settings(max_examples=300, deadline=None)
@given(st.text("ΑΣσς a1.'’:·-\u0301\u00ad", max_size=9))
def test_a_capital_sigma_at_the_end_of_a_word(text: str) -> None:
    assert evaluate("lower", ("string", [text])) == [text.lower()]


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cn",)), max_size=40))
def test_texts_change_as_in_python(text: str) -> None:
    assert evaluate("upper", ("string", [text, None])) == [text.upper(), None]
    if "Σ" not in text:
        assert evaluate("lower", ("string", [text])) == [text.lower()]


def test_ilike_ignores_case_beyond_ascii() -> None:
    texts = ["ÀB", "Σ", "ς", "K", "straße", "STRASSE"]
    patterns = ["àb", "σ", "Σ", "k", "STRAßE", "straße"]
    assert evaluate("ilike", ("string", texts), ("string", patterns)) == [True, True, True, True, True, False]
