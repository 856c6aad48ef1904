"""The blocks of the language's reference page are what the page says they are."""

import re
from pathlib import Path

import pytest

from eventflux.language import parse, parse_on_demand
from eventflux.language.printers import print_app
from eventflux.types.error_codes import ErrorCode
from eventflux.types.errors import ParseError

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "language.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
APPS = [(language, text) for language, text in BLOCKS if language in ("sql", "eventfluxql")]


@pytest.mark.parametrize(("language", "text"), APPS, ids=lambda value: value.split("\n", 1)[0][:40])
def test_an_app_is_read_and_written_in_its_language(language: str, text: str) -> None:
    app = parse(text)
    assert {statement.dialect.value for statement in app.statements} == {language}
    assert parse(print_app(app)) == app


def test_on_demand_queries_are_read() -> None:
    (queries,) = [text for language, text in BLOCKS if language == "text" and "DELETE FROM T WHERE" in text]
    assert len([parse_on_demand(line) for line in queries.splitlines()]) == 9


def test_the_example_of_an_error_is_what_is_printed() -> None:
    (shown,) = [text for language, text in BLOCKS if language == "text" and "reserved" in text]
    with pytest.raises(ParseError) as caught:
        parse("CREATE STREAM S (order INT, group STRING);", file="app.sql")
    assert str(caught.value) == shown.rstrip("\n")


def test_python_runs() -> None:
    for language, text in BLOCKS:
        if language == "python":
            exec(compile(text, "language.md", "exec"), {})


def test_every_code_named_on_the_page_exists() -> None:
    assert set(re.findall(r"SQL\d{4}", PAGE)) <= {code.value for code in ErrorCode}
