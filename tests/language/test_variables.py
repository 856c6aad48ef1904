"""`${NAME}`: what is replaced, and that places stay those of the author's text."""

import pytest

from eventflux.language import parse
from eventflux.language.ast import Query
from eventflux.language.variables import expand
from eventflux.types.errors import ParseError
from eventflux.types.source_text import SourceText, Span

VARIABLES = {"A": "one", "EMPTY": "", "DOLLAR": "${A}"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x ${A} y", "x one y"),
        ("${MISSING:two}", "two"),
        ("${MISSING:}", ""),
        ("${MISSING:a:b}", "a:b"),
        ("${EMPTY:-two}", "two"),
        ("${EMPTY:two}", ""),
        ("${MISSING:<${A}>}", "<one>"),
        ("${MISSING:{}}", "{}"),
        ("$${A}", "${A}"),
        ("${DOLLAR}", "${A}"),
        ("${not a name}", "${not a name}"),
        ("-- ${MISSING}\n${A}", "-- ${MISSING}\none"),
        ("/* ${MISSING} */${A}", "/* ${MISSING} */one"),
        ("'--' ${A}", "'--' one"),
        ("'${A}'", "'one'"),
    ],
)
def test_variables_are_replaced_once(text: str, expected: str) -> None:
    expanded, diagnostics = expand(SourceText(text), VARIABLES)
    assert expanded.text == expected
    assert diagnostics == []


def test_an_unset_variable_is_an_error_at_its_place() -> None:
    with pytest.raises(ParseError) as caught:
        parse("CREATE STREAM S (a INT) WITH ('kafka.topic' = '${EVENTFLUX_NO_SUCH_VARIABLE}')")
    assert caught.value.code == "SQL5005"
    assert (caught.value.line, caught.value.column, caught.value.length) == (1, 48, 29)


def test_offsets_map_back_to_the_text_as_written() -> None:
    expanded, _ = expand(SourceText("a ${A} b ${MISSING:x} c"), VARIABLES)
    assert expanded.text == "a one b x c"
    assert expanded.span(0, 1) == Span(0, 1)
    assert expanded.span(2, 5) == Span(2, 6)
    assert expanded.span(3, 4) == Span(2, 6)
    assert expanded.span(6, 7) == Span(7, 8)
    assert expanded.span(8, 9) == Span(9, 21)
    assert expanded.span(10, 11) == Span(22, 23)


def test_errors_behind_a_variable_have_the_authors_place() -> None:
    text = "CREATE STREAM ${NAME} (a INT); SELECT a FROM ${NAME} WHERE;"
    with pytest.raises(ParseError) as caught:
        parse(text, variables={"NAME": "AVeryLongNameIndeed"})
    assert caught.value.column == len(text)
    assert "AVeryLongNameIndeed" not in str(caught.value)


def test_given_variables_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTFLUX_TEST_STREAM", "FromEnvironment")
    from_environment = parse("SELECT a FROM ${EVENTFLUX_TEST_STREAM}").statements[0]
    given = parse("SELECT a FROM ${EVENTFLUX_TEST_STREAM}", variables={"EVENTFLUX_TEST_STREAM": "Given"}).statements[0]
    assert isinstance(from_environment, Query)
    assert isinstance(given, Query)
    assert str(from_environment.input.relation) == "FromEnvironment"  # type: ignore[union-attr]
    assert str(given.input.relation) == "Given"  # type: ignore[union-attr]
