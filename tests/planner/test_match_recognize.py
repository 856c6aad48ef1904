"""MATCH_RECOGNIZE: what is warned about, and how its plan reads."""

from __future__ import annotations

import pytest

from eventflux.extension import ExtensionRegistry
from eventflux.language import parse
from eventflux.planner import plan

TEXT = """CREATE STREAM S (k STRING, v INT);
INSERT INTO O SELECT a FROM S MATCH_RECOGNIZE (
  MEASURES A.v AS a, COUNT(*) AS n {rows} AFTER MATCH SKIP TO LAST U PATTERN ({pattern}) {within}
  SUBSET U = (B, C) DEFINE {define}) WHERE a > 1;"""


def text(pattern: str, *, within: str = "", define: str = "C AS v > A.v", rows: str = "") -> str:
    return TEXT.format(pattern=pattern, within=within, define=define, rows=rows)


@pytest.mark.parametrize(
    ("app", "warned"),
    [
        (text("A B* C"), ["W07"]),
        (text("A B+ C"), ["W07"]),
        (text("A B{2,} C"), ["W07"]),
        (text("A B*? C"), []),
        (text("A B{,9} C"), []),
        (text("A B* C", within="WITHIN 1 HOUR"), []),
        (text("A B* C", define="B AS v < A.v"), []),
    ],
)
def test_what_takes_every_row_for_ever_is_warned_about(
    app: str, warned: list[str], registry: ExtensionRegistry
) -> None:
    assert [warning.code.value for warning in plan(parse(app), registry).warnings] == warned


def test_the_plan_shows_positions_what_may_follow_and_conditions(registry: ExtensionRegistry) -> None:
    made = plan(parse(text("^ A {- B? -} C", within="WITHIN 1 SECOND", rows="ALL ROWS PER MATCH")), registry)

    shown = [line.strip() for line in made.explain().splitlines()]

    at = shown.index("match all rows within 1000 ms, deadline, skip to last B or C: A.v, COUNT(*), k, v")
    assert shown[at + 1 : at + 7] == [
        "start: 0",
        "position 0: A first row only, then 1, 2",
        "position 1: B not put out, then 2",
        "position 2: C, then complete",
        "C if v > A.v",
        "stream S (k STRING, v INT)",
    ]


def test_rows_keep_only_what_is_read_of_them(registry: ExtensionRegistry) -> None:
    listing = plan(parse(text("A B C", define="B AS k = 'b', C AS v > A.v")), registry).listing()

    assert "match n0: 3 positions, keeps 1, 1 columns" in listing
