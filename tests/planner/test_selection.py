"""Aggregates, GROUP BY, HAVING, ORDER BY, LIMIT, DISTINCT."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eventflux.planner import Plan
from eventflux.planner.logical.nodes import Select, chain
from eventflux.types.diagnostic import Diagnostic

Planned = Callable[..., Plan]
_TRADES = "CREATE STREAM T (k STRING, v INT, d DOUBLE, b BOOL);"


def _root(planned: Planned, query: str) -> Select:
    return planned(f"{_TRADES} INSERT INTO O {query};").logical_queries[0].root


@pytest.mark.parametrize(
    ("aggregate", "name", "result"),
    [
        ("SUM(v)", "sum_long", "LONG"),
        ("sum(d)", "sum_double", "DOUBLE"),
        ("AVG(v)", "avg", "DOUBLE"),
        ("COUNT(*)", "count", "LONG"),
        ("COUNT(v)", "count_nonnull", "LONG"),
        ("COUNT(DISTINCT k)", "distinct_count", "LONG"),
        ("MIN(v)", "min_int", "INT"),
        ("MAX(DISTINCT d)", "max_double", "DOUBLE"),
        ("STDDEV_POP(v)", "std_dev", "DOUBLE"),
        ("AND(b)", "bool_and", "BOOL"),
        ("FIRST_VALUE(k)", "first", "STRING"),
        ("COUNT(*) FILTER (WHERE b)", "count_nonnull", "LONG"),
    ],
)
def test_sql_aggregates_are_those_of_the_engine(aggregate: str, name: str, result: str, planned: Planned) -> None:
    root = _root(planned, f"SELECT {aggregate} AS a FROM T")

    assert [call.name for call in root.aggregates] == [name]
    assert str(root.schema) == f"a {result}"


def test_count_of_an_argument_counts_rows_in_eventfluxql(planned: Planned) -> None:
    plan = planned("define stream T (v int); from T select count(v) as a, count() as b insert into O;")

    (call,) = plan.queries[0].root.aggregates
    assert call.name == "count"
    assert call.argument is None


def test_equal_aggregates_are_computed_once(planned: Planned) -> None:
    root = _root(planned, "SELECT SUM(v) / COUNT(*) AS a, SUM(v) AS b FROM T HAVING SUM(v) > 1 ORDER BY COUNT(*)")

    assert [call.name for call in root.aggregates] == ["sum_long", "count"]


def test_an_aggregate_in_having_alone_is_a_hidden_output(planned: Planned) -> None:
    root = _root(planned, "SELECT k FROM T GROUP BY k HAVING AVG(d) > 2.0")

    assert root.visible == 1
    assert len(root.outputs) == 2
    assert str(root.schema) == "k STRING"


def test_group_by_takes_expressions_positions_and_aliases(planned: Planned) -> None:
    root = _root(planned, "SELECT k, v % 10 AS w, d * 2 AS x, COUNT(*) AS n FROM T GROUP BY 1, w, d * 2, k")

    assert root.group_by == tuple(output.expression for output in root.outputs[:3])


def test_a_name_in_group_by_is_an_input_attribute_before_an_alias(planned: Planned) -> None:
    root = _root(planned, "SELECT v * 2 AS v FROM T GROUP BY v")

    assert root.group_by != (root.outputs[0].expression,)


def test_order_by_takes_outputs_inputs_positions_and_expressions(planned: Planned) -> None:
    root = _root(planned, "SELECT k, v AS w FROM T ORDER BY w DESC, d, 1 NULLS FIRST, v * 2")

    assert [(key.output, key.descending, key.nulls_first) for key in root.order] == [
        (1, True, False),
        (2, False, False),
        (0, False, True),
        (3, False, False),
    ]
    assert root.visible == 2


def test_having_in_eventfluxql_aggregates_over_output_attributes(planned: Planned) -> None:
    plan = planned("define stream T (v int); from T select v * 2 as w having sum(w) > 3L insert into O;")

    root = plan.logical_queries[0].root
    assert root.aggregates[0].argument == root.outputs[0].expression


def test_a_filter_with_an_aggregate_looks_at_all_events_so_far(planned: Planned) -> None:
    plan = planned("define stream T (v int); from T[sum(v) > 3L]#window.length(5) select v insert into O;")

    kinds = [type(node).__name__ for node in chain(plan.logical_queries[0].root)]
    assert kinds == ["Scan", "Select", "Window", "Select"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT SUM(v) FROM T WHERE SUM(v) > 1", "SQL2009"),
        ("SELECT SUM(MAX(v)) FROM T", "SQL2009"),
        ("SELECT k FROM T GROUP BY SUM(v)", "SQL2009"),
        ("SELECT SUM(k) FROM T", "SQL2010"),
        ("SELECT SUM(v, v) FROM T", "SQL2010"),
        ("SELECT k FROM T HAVING v", "SQL2010"),
        ("SELECT k FROM T GROUP BY 2", "SQL2017"),
        ("SELECT k FROM T ORDER BY 0", "SQL2017"),
        ("SELECT k FROM T LIMIT -1", "SQL2017"),
        ("SELECT k FROM T LIMIT v", "SQL2017"),
        ("SELECT k, k FROM T", "SQL2006"),
        ("SELECT *, k FROM T", "SQL2006"),
        ("SELECT nix.* FROM T", "SQL2001"),
        ("SELECT NOTHING(v) FROM T", "SQL2008"),
        ("SELECT DISTINCT k FROM T ORDER BY v", "SQL2017"),
    ],
)
def test_what_makes_no_sense_is_refused(
    query: str, code: str, refused: Callable[[str], tuple[Diagnostic, ...]]
) -> None:
    found = refused(f"{_TRADES} INSERT INTO O {query};")

    assert [str(each.code) for each in found] == [code]


def test_a_batch_window_without_expired_rows_in_the_output_need_not_give_them(planned: Planned) -> None:
    def window_line(query: str) -> str:
        listing = planned(f"{_TRADES} INSERT {query};").listing()
        return next(line for line in listing.splitlines() if "= window" in line)

    assert window_line("INTO O SELECT SUM(v) AS t FROM T WINDOW LENGTHBATCH(2)").endswith("without expired")
    assert window_line("INTO O SELECT k FROM T WINDOW LENGTH(2)").endswith("without expired")
    assert not window_line("INTO O SELECT SUM(v) AS t FROM T WINDOW LENGTH(2)").endswith("without expired")
    assert not window_line("ALL EVENTS INTO O SELECT k FROM T WINDOW LENGTHBATCH(2)").endswith("without expired")
    assert not window_line("EXPIRED EVENTS INTO O SELECT k FROM T WINDOW LENGTH(2)").endswith("without expired")
