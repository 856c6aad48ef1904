"""Cutting a text into statements."""

import pytest

from eventflux.language import parse
from eventflux.language.scan import PartitionSegment, Segment, scan
from eventflux.types.errors import ParseError


def statements(text: str) -> list[str]:
    """Texts of the segments."""
    return [
        text[segment.start : segment.end].strip() for segment in scan(text).segments if isinstance(segment, Segment)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        (";;SELECT 1;;", ["SELECT 1"]),
        ("SELECT ';' ; SELECT 2", ["SELECT ';'", "SELECT 2"]),
        ("SELECT 'it''s;' ; SELECT 2", ["SELECT 'it''s;'", "SELECT 2"]),
        ('SELECT "a;b"; SELECT 2', ['SELECT "a;b"', "SELECT 2"]),
        ("SELECT `a;b`; SELECT 2", ["SELECT `a;b`", "SELECT 2"]),
        ("SELECT E'a\\';'; SELECT 2", ["SELECT E'a\\';'", "SELECT 2"]),
        ("SELECT xE'; SELECT 2'", ["SELECT xE'; SELECT 2'"]),
        ('from S["""a";b"""]; SELECT 2', ['from S["""a";b"""]', "SELECT 2"]),
        ("SELECT 1 -- ; no\n; SELECT 2", ["SELECT 1 -- ; no", "SELECT 2"]),
        ("SELECT /* /* ; */ ; */ 1; SELECT 2", ["SELECT /* /* ; */ ; */ 1", "SELECT 2"]),
        ("from S /* /* ; */ ; SELECT 2", ["from S /* /* ; */", "SELECT 2"]),
        ("CREATE FUNCTION f() AS $$ ; $$; SELECT 2", ["CREATE FUNCTION f() AS $$ ; $$", "SELECT 2"]),
        (
            "define function f[js] return int { ';'; }; SELECT 2",
            ["define function f[js] return int { ';'; }", "SELECT 2"],
        ),
        ("@a(b='(;') SELECT 1; SELECT 2", ["@a(b='(;') SELECT 1", "SELECT 2"]),
    ],
)
def test_a_semicolon_ends_a_statement_only_outside_of_everything(text: str, expected: list[str]) -> None:
    assert statements(text) == expected


def test_comments_become_spaces_of_the_same_length() -> None:
    text = "SELECT a /* x */ FROM S -- y\n;"
    scanned = scan(text)
    assert len(scanned.text) == len(text)
    assert "x" not in scanned.text
    assert scanned.text.index("FROM") == text.index("FROM")


def test_a_partition_is_cut_at_its_end() -> None:
    text = (
        "partition with (k of S) begin from S select end, case insert into O; "
        "SELECT CASE WHEN a THEN 1 END; END; SELECT 2"
    )
    partition, rest = scan(text).segments
    assert isinstance(partition, PartitionSegment)
    assert partition.is_closed
    assert len(partition.statements) == 2
    assert text[partition.end - 3 : partition.end] == "END"
    assert isinstance(rest, Segment)


def test_an_error_in_one_statement_does_not_hide_the_others() -> None:
    with pytest.raises(ParseError) as caught:
        parse("SELEC a; SELECT a FROM S; from S selct b insert into O; CREATE STREAM X (a INT; SELECT FROM S")
    assert [(item.line, item.column) for item in caught.value.diagnostics] == [(1, 1), (1, 34), (1, 79), (1, 88)]


def test_an_unterminated_string_of_eventfluxql_costs_one_line() -> None:
    with pytest.raises(ParseError) as caught:
        parse("from S['x == a] select a insert into O;\nSELECT FROM S;")
    assert [(item.code.value, item.line) for item in caught.value.diagnostics] == [("SQL1003", 1), ("SQL1002", 2)]


def test_a_comment_of_eventfluxql_may_run_to_the_end_and_one_of_sql_may_not() -> None:
    assert len(parse("from S insert into O /* open").statements) == 1
    with pytest.raises(ParseError) as caught:
        parse("SELECT a FROM S /* open")
    assert (caught.value.code, caught.value.column) == ("SQL1003", 17)


def test_a_byte_order_mark_is_white_space() -> None:
    assert len(parse("\ufeffSELECT a FROM S").statements) == 1
