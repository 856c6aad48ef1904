"""Whatever the text, parsing ends with a tree or a ParseError."""

import sys
import threading
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflux.language import parse, parse_expression, parse_on_demand
from eventflux.language.ast import Dialect
from eventflux.language.printers import print_app
from eventflux.language.scan import MAX_DEPTH
from eventflux.types.errors import ParseError

FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)

# fmt: off
WORDS = [
    'SELECT', 'FROM', 'WHERE', 'INSERT', 'INTO', 'O', 'S', 'a', 'b', 'e1', '(', ')', '[', ']', '{', '}', ',', ';',
    '.', '->', '=', '==', '<>', '+', '-', '*', '/', '%', '||', '::', '?', ':', '#', '!', '@', '...', '=>', "'",
    '"', '`', '$$', '--', '/*', '*/', '1', '2.5', '5L', "'x'", '"y"', 'EVERY', 'NOT', 'FOR', 'WITHIN', '5',
    'SECONDS', 'PATTERN', 'SEQUENCE', 'WINDOW', 'LENGTH', 'GROUP', 'BY', 'AND', 'OR', 'IN', 'IS', 'NULL',
    'BETWEEN', 'LIKE', 'CASE', 'WHEN', 'THEN', 'ELSE', 'END', 'CAST', 'AS', 'INT', 'JOIN', 'ON', 'PARTITION',
    'WITH', 'OF', 'BEGIN', 'define', 'stream', 'table', 'window', 'trigger', 'function', 'aggregation', 'from',
    'select', 'insert', 'into', 'every', 'update', 'delete', 'set', 'on', 'output', 'all', 'events',
    "@info(name='q')", '${A}', '${A:b}', 'MATCH_RECOGNIZE', 'TABLE', 'TUMBLE', 'DESCRIPTOR', 'INTERVAL', "E'\\",
    '\n', '\t', '\x00', 'ö', '日', '\u2028',
]
# fmt: on


def failure_of(read: Callable[[], object]) -> ParseError | None:
    """The ParseError of a reading, if it ends with one."""
    try:
        read()
    except ParseError as error:
        return error
    return None


def must_end(text: str) -> None:
    """Parse in every way; anything but ParseError is a failure."""
    for read in (
        lambda: parse(text),
        lambda: parse(text, language="sql"),
        lambda: parse(text, language="eventfluxql"),
        lambda: parse_on_demand(text),
        lambda: parse_expression(text),
        lambda: parse_expression(text, Dialect.EVENTFLUXQL),
    ):
        error = failure_of(read)
        if error is not None:
            assert str(error)
            assert all(item.line >= 1 and item.column >= 1 for item in error.diagnostics)


@FUZZ
@given(st.text(max_size=60))
def test_any_text_ends(text: str) -> None:
    must_end(text)


@FUZZ
@given(st.binary(max_size=60))
def test_any_bytes_as_text_end(data: bytes) -> None:
    must_end(data.decode("latin-1"))


@FUZZ
@given(st.lists(st.sampled_from(WORDS), max_size=25), st.sampled_from(["", " "]))
def test_any_row_of_tokens_ends(words: list[str], separator: str) -> None:
    must_end(separator.join(words))


@FUZZ
@given(data=st.data())
def test_a_damaged_text_ends(accepted_texts: list[str], data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(accepted_texts))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 8)))
        text = text[:start] + data.draw(st.sampled_from(["", *WORDS])) + text[end:]
    error = failure_of(lambda: parse(text))
    if error is None:
        app = parse(text)
        assert parse(print_app(app)) == app
    else:
        assert str(error)


def brackets(depth: int) -> str:
    return f"SELECT {'(' * depth}a{')' * depth} AS x FROM S"


@pytest.mark.parametrize("depth", [1, MAX_DEPTH])
def test_brackets_nest_to_the_limit(depth: int) -> None:
    assert parse(brackets(depth)).statements


@pytest.mark.parametrize(
    "text",
    [
        brackets(MAX_DEPTH + 1),
        brackets(20_000),
        "from S[" + "(" * 20_000,
        "SELECT " + "CASE WHEN a THEN " * 2_000 + "1" + " END" * 2_000 + " AS x FROM S",
        "SELECT a FROM " + "(SELECT a FROM " * 2_000 + "S" + ")" * 2_000,
        "SELECT a AS x FROM PATTERN (" + "EVERY (" * 2_000 + "A" + ")" * 2_001,
        "SELECT " + "NOT " * 20_000 + "a AS x FROM S",
        "SELECT " + "- " * 20_000 + "a AS x FROM S",
        "SELECT a" + "[0]" * 5_000 + " AS x FROM S",
        "SELECT " + " + ".join(["a"] * 2_000) + " AS x FROM S",
        "CREATE STREAM S (a " + "ARRAY<" * 5_000 + "INT" + ">" * 5_000 + ")",
    ],
    ids=lambda text: text[:20],
)
def test_what_is_too_deep_is_refused_by_name(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert caught.value.code == "SQL1007"


def test_a_caller_deep_in_its_own_stack_can_parse() -> None:
    text = brackets(MAX_DEPTH)

    def descend(frames: int) -> int:
        return descend(frames - 1) if frames else len(parse(text).statements)

    depth = 0
    frame = sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back  # type: ignore[assignment]
    limit = sys.getrecursionlimit()
    threads = threading.active_count()
    assert descend(limit - depth - 60) == 1
    assert sys.getrecursionlimit() == limit
    assert threading.active_count() == threads


def test_a_long_text_takes_time_in_proportion() -> None:
    app = parse("".join(f"define stream S{number} (a int, b string);\n" for number in range(2_000)))
    assert len(app.statements) == 2_000
