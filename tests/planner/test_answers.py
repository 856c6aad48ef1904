"""Statements of SQL that have no twin in EventFluxQL, run: what the plan means is what comes out."""

from __future__ import annotations

import logging

import pytest

from eventflux.testing import AppRunner

_S = "CREATE STREAM S (k STRING, v INT, d DOUBLE, o OBJECT);"
_ROWS = (("a", 1, 1.5, {"x": 5, "l": [1, 2]}), ("b", None, 2.5, None), ("a", 3, None, {"x": 7}))


def _run(text: str, *names: str) -> list[list[tuple[object, ...]]]:
    with AppRunner(_S + text, *names) as runner:
        for step, row in enumerate(_ROWS, 1):
            runner.send("S", row, timestamp=step)
        return [runner.events(name) for name in names]


def test_a_column_list_leaves_defaults_and_nulls() -> None:
    (rows,) = _run(
        """CREATE STREAM O (t DOUBLE, k STRING, n STRING DEFAULT 'none', m BIGINT);
        INSERT INTO O (k, t) SELECT k, v FROM S;""",
        "O",
    )

    assert rows == [(1.0, "a", "none", None), (None, "b", "none", None), (3.0, "a", "none", None)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT DISTINCT k FROM S", [("a",), ("b",)]),
        ("SELECT DISTINCT k, COUNT(*) AS n FROM S GROUP BY k", [("a", 1), ("b", 1), ("a", 2)]),
        ("SELECT COUNT(*) FILTER (WHERE v > 1) AS n FROM S", [(0,), (0,), (1,)]),
        ("SELECT SUM(v) FILTER (WHERE k = 'a') AS t FROM S", [(1,), (1,), (4,)]),
        ("SELECT COUNT(DISTINCT k) AS n, COUNT(v) AS m FROM S", [(1, 1), (2, 1), (2, 2)]),
        ("SELECT k, SUM(v) AS t FROM S GROUP BY k HAVING COUNT(*) > 1", [("a", 4)]),
        ("SELECT UPPER(k) AS u, COUNT(*) AS n FROM S GROUP BY u", [("A", 1), ("B", 1), ("A", 2)]),
        ("SELECT k FROM S HAVING d > 2", [("b",)]),
        ("SELECT k || '!' FROM S LIMIT 1", [("a!",), ("b!",), ("a!",)]),
        ("SELECT CAST(o.x AS INT) + 1 AS y, CAST(o['l'][1] AS INT) AS e FROM S", [(6, 2), (None, None), (8, None)]),
        ("SELECT struct(x => v) AS s, ROW(k AS q) AS r FROM S WHERE v = 1", [({"x": 1}, {"q": "a"})]),
        ("SELECT sizeOfSet(COLLECT_SET(k)) AS n FROM S", [(1,), (2,), (2,)]),
        ("SELECT NULLIF(v, 3.0) AS n, IFNULL(v, 0.5) AS i FROM S", [(1, 1.0), (None, 0.5), (None, 3.0)]),
        ("SELECT v FROM S WHERE v NOT IN (1, 7)", [(None,), (3,)]),
        ("SELECT k FROM S WHERE v IS DISTINCT FROM 1", [("b",), ("a",)]),
    ],
)
def test_a_query_gives(query: str, expected: list[tuple[object, ...]]) -> None:
    assert _run(f"INSERT INTO O {query};", "O") == [expected]


def test_three_valued_logic_drops_what_is_not_known() -> None:
    query = "INSERT INTO O SELECT k, v FROM S WHERE NOT (v > 1);"

    assert _run(query, "O") == [[("a", 1), ("b", None)]]
    with AppRunner("SET 'sql.null-logic' = 'three-valued';" + _S + query, "O") as runner:
        for step, row in enumerate(_ROWS, 1):
            runner.send("S", row, timestamp=step)
        assert runner.events() == [("a", 1)]


def test_subqueries_views_and_unions_hand_on_their_rows() -> None:
    rows = _run(
        """INSERT INTO A SELECT w FROM V;
        CREATE VIEW V AS SELECT v * 2 AS w FROM S WHERE v > 0;
        WITH x AS (SELECT k, v FROM S WHERE k = 'a') INSERT INTO B SELECT SUM(v) AS t FROM x WINDOW LENGTH(1);
        INSERT INTO C SELECT v AS n FROM S UNION ALL SELECT d FROM S WHERE d > 2;
        INSERT INTO D SELECT y.k FROM (SELECT k FROM S WHERE v IS NULL) AS y;""",
        "A",
        "B",
        "C",
        "D",
    )

    assert rows == [[(2,), (6,)], [(1,), (3,)], [(1.0,), (None,), (2.5,), (3.0,)], [("b",)]]


def test_rows_of_the_text_enter_at_the_start() -> None:
    with AppRunner(
        _S + "INSERT INTO S (v, k) VALUES (1 + 1, 'x'); INSERT INTO O SELECT k, v, d FROM S;", "O"
    ) as runner:
        assert runner.events() == [("x", 2, None)]


def test_only_the_branch_that_is_taken_calls_out() -> None:
    (rows,) = _run(
        """CREATE FUNCTION tenth(x INT) RETURNS INT LANGUAGE python AS $$ return 10 // (x - 1) $$;
        INSERT INTO O SELECT CASE WHEN v > 1 THEN tenth(v) ELSE 0 END AS t FROM S;
        """,
        "O",
    )

    assert rows == [(0,), (0,), (5,)]


def test_an_aggregate_in_a_filter_runs_over_all_events() -> None:
    assert _run("from S[count() > 1L] select k, v insert into O;", "O") == [[("b", None), ("a", 3)]]


def test_log_writes_and_passes_on(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="eventflux"):
        rows = _run("from S#log('INFO', k) select k insert into O;", "O")

    assert rows == [[("a",), ("b",), ("a",)]]
    assert len([record for record in caplog.records if record.levelno == logging.INFO]) >= 3
