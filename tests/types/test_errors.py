"""Diagnostics, their places and rendering; exception classes."""

import inspect
import pickle

import pytest

from eventflux.types import errors
from eventflux.types.diagnostic import MAX_RENDERED, Diagnostic, Severity
from eventflux.types.error_codes import ErrorCode
from eventflux.types.errors import (
    AppTextError,
    ConfigError,
    EventDataError,
    EventFluxError,
    ExtensionNotFoundError,
    ParseError,
    UndefinedStreamError,
    ValidationError,
)
from eventflux.types.source_text import SourceText, Span

TEXT = SourceText("CREATE STREAM S (a INT);\r\nINSERT INTO O\tSELECT '日本', prise FROM S\n", "app.sql")


def diagnostic(token: str, message: str = "wrong", hint: str | None = None) -> Diagnostic:
    start = TEXT.text.index(token)
    return Diagnostic.at(TEXT, Span(start, start + len(token)), ErrorCode.UNDEFINED_COLUMN, message, hint=hint)


def test_lines_and_columns_count_code_points_from_one() -> None:
    found = diagnostic("prise")
    assert (found.line, found.column, found.length) == (2, 28, 5)
    assert (found.end_line, found.end_column) == (2, 33)
    assert TEXT.position(0) == TEXT.position(-5)
    assert TEXT.position(len(TEXT.text)).line == 3
    assert TEXT.line(1) == "CREATE STREAM S (a INT);"


def test_the_caret_stands_under_the_token_with_tabs_and_wide_characters() -> None:
    source, carets = diagnostic("prise").snippet.split("\n")
    assert source == "  2 | INSERT INTO O\tSELECT '日本', prise FROM S"
    # Two columns for each wide character, the tab as it is.
    assert carets == "    | " + " " * 13 + "\t" + " " * (8 + 4 + 3) + "^^^^^"


def test_an_error_prints_place_fact_source_and_hint() -> None:
    text = SourceText("a\nb\nINSERT INTO Alerts SELECT symbol, prise FROM Trades", "app.sql")
    start = text.text.index("prise")
    found = Diagnostic.at(
        text,
        Span(start, start + 5),
        ErrorCode.UNDEFINED_COLUMN,
        "unknown attribute 'prise' of stream Trades",
        hint="did you mean 'price'? Trades has: symbol STRING, price DOUBLE, volume INT",
    )
    assert str(ValidationError(found)) == (
        "app.sql:3:35: unknown attribute 'prise' of stream Trades\n"
        "  3 | INSERT INTO Alerts SELECT symbol, prise FROM Trades\n"
        "    |                                   ^^^^^\n"
        "  did you mean 'price'? Trades has: symbol STRING, price DOUBLE, volume INT"
    )


def test_a_span_over_several_lines_is_marked_on_its_first() -> None:
    text = SourceText("ab\ncd")
    assert text.snippet(Span(1, 5)).split("\n")[1] == "    |  ^"


def test_an_error_carries_the_facts_of_its_first_diagnostic_by_place() -> None:
    error = ParseError([diagnostic("prise", "second", "hint"), diagnostic("a INT", "first")])
    assert [item.message for item in error.diagnostics] == ["first", "second"]
    assert (error.line, error.column, error.length, error.code, error.hint) == (1, 18, 5, "SQL2003", None)
    assert error.message == "first"
    assert error.file == "app.sql"
    assert error.snippet.startswith("  1 | ")


def test_no_more_than_twenty_diagnostics_are_printed() -> None:
    error = ParseError([diagnostic("prise")] * (MAX_RENDERED + 3))
    assert str(error).endswith("and 3 more")
    assert str(error).count("wrong") == MAX_RENDERED


def test_a_warning_says_so() -> None:
    found = Diagnostic(severity=Severity.WARNING, code=ErrorCode.UNBOUNDED_JOIN, message="keeps all", line=2, column=3)
    assert str(found) == "app:2:3: warning: keeps all"


def test_codes_are_strings_and_unique() -> None:
    assert ErrorCode.SYNTAX == "SQL1002"
    assert f"{ErrorCode.SYNTAX}" == "SQL1002"
    assert ErrorCode("SQL1002") is ErrorCode.SYNTAX
    assert len({code.value for code in ErrorCode}) == len(ErrorCode.__members__)
    assert all(code.summary for code in ErrorCode)


CLASSES = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, EventFluxError) and not cls.__name__.startswith("_")
]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_pickles_with_its_facts(cls: type[EventFluxError]) -> None:
    if cls is ExtensionNotFoundError:
        error: EventFluxError = ExtensionNotFoundError(kind="window", name="x", available=["y"], install_hint="pip")
    elif issubclass(cls, AppTextError):
        error = cls(diagnostic("prise", hint="h"))
    else:
        error = cls("message", hint="h")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert str(again) == str(error)
    assert (again.code, again.hint, again.__dict__) == (error.code, error.hint, error.__dict__)


def test_facts_are_attributes() -> None:
    error = EventDataError("bad", stream="S", row=3, attribute="a", expected="INT", got="x")
    assert (error.stream, error.row, error.attribute, error.expected, error.got) == ("S", 3, "a", "INT", "x")
    config = ConfigError("bad", key="k", value=1, file="f", line=2)
    assert (config.key, config.value, config.file, config.line) == ("k", 1, "f", 2)


def test_an_undefined_stream_of_a_call_names_those_there_are() -> None:
    error = UndefinedStreamError(name="Trade", available=["Trades"], hint="did you mean 'Trades'?")
    assert (error.name, error.available, error.code) == ("Trade", ("Trades",), "EFX-1301")
    assert str(error) == "no stream 'Trade'\n  did you mean 'Trades'?"
    assert isinstance(error, ValidationError)


def test_an_error_about_a_text_needs_a_diagnostic() -> None:
    with pytest.raises(ValueError, match="needs a diagnostic"):
        ParseError([])
