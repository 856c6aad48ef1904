"""Which statement may name what: definitions, order of queries, names of queries, targets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eventflux.planner import Plan
from eventflux.types.attribute_type import AttributeType
from eventflux.types.diagnostic import Diagnostic
from eventflux.types.schema import Attribute, Schema

Planned = Callable[..., Plan]
Refused = Callable[[str], tuple[Diagnostic, ...]]


def _codes(diagnostics: tuple[Diagnostic, ...]) -> list[str]:
    return [str(diagnostic.code) for diagnostic in diagnostics]


def _schema(plan: Plan, name: str) -> str:
    stream = plan.stream(name)
    assert stream is not None
    return str(stream.schema)


def test_an_eventfluxql_query_cannot_read_what_a_later_query_makes(refused: Refused) -> None:
    found = refused("define stream S (a int); from M select a insert into O; from S select a insert into M;")

    assert _codes(found) == ["SQL2001"]


def test_an_eventfluxql_query_reads_what_an_earlier_query_makes(planned: Planned) -> None:
    plan = planned("define stream S (a int); from S select a + 1 as b insert into M; from M select b insert into O;")

    assert _schema(plan, "O") == "b INT"


def test_an_sql_query_reads_what_a_later_query_makes_and_queries_stay_in_text_order(planned: Planned) -> None:
    plan = planned("INSERT INTO O SELECT b FROM M; INSERT INTO M SELECT a + 1L AS b FROM S; CREATE STREAM S (a INT);")

    assert _schema(plan, "O") == "b LONG"
    assert [query.target for query in plan.queries] == ["O", "M"]


def test_sql_queries_that_make_each_other_are_told_to_define_a_stream(refused: Refused) -> None:
    found = refused("CREATE STREAM S (a INT); INSERT INTO A SELECT x FROM B; INSERT INTO B SELECT x FROM A;")

    assert _codes(found) == ["SQL2001"]
    assert "define the stream" in str(found[0].hint)


def test_a_query_may_feed_its_own_input_where_it_is_defined(planned: Planned) -> None:
    plan = planned("define stream S (a int); from S[a < 3] select a + 1 as a insert into S;")

    assert [query.target for query in plan.queries] == ["S"]


def test_the_first_query_of_the_text_decides_the_attributes_even_if_another_is_bound_first(planned: Planned) -> None:
    plan = planned(
        """CREATE STREAM S (a INT, d DOUBLE);
        INSERT INTO O SELECT x FROM M;
        INSERT INTO M SELECT d AS x FROM S;
        INSERT INTO M SELECT a AS y FROM S;"""
    )

    assert _schema(plan, "M") == "x DOUBLE"
    assert _schema(plan, "O") == "x DOUBLE"


def test_the_same_definition_again_is_ignored(planned: Planned) -> None:
    plan = planned("define stream S (a int); define stream S (a int); from S select a insert into O;")

    assert [stream.name for stream in plan.streams] == ["S", "O"]


@pytest.mark.parametrize(
    "text",
    [
        "define stream S (a int); define stream S (a long); from S select a insert into O;",
        "define stream S (a int); define table S (a int); from S select a insert into O;",
    ],
    ids=["other type", "other kind"],
)
def test_another_definition_of_the_same_name_is_refused_with_the_place_of_the_first(
    text: str, refused: Refused
) -> None:
    found = [diagnostic for diagnostic in refused(text) if diagnostic.code == "SQL2002"]

    assert len(found) == 1
    assert "already defined at 1:15" in found[0].message


def test_names_are_case_sensitive(refused: Refused) -> None:
    assert _codes(refused("CREATE STREAM Ride (bike STRING); SELECT bike FROM ride;")) == ["SQL2001"]
    assert _codes(refused("CREATE STREAM Ride (bike STRING); SELECT Bike FROM Ride;")) == ["SQL2003"]


def test_queries_are_named_by_annotation_by_create_query_or_by_position(planned: Planned) -> None:
    plan = planned(
        """CREATE STREAM S (a INT);
        INSERT INTO A SELECT a FROM S;
        @info(name = 'mine') INSERT INTO B SELECT a FROM S;
        CREATE QUERY yours AS INSERT INTO C SELECT a FROM S;
        WITH x AS (SELECT a FROM S) INSERT INTO D SELECT a FROM x;"""
    )

    assert [query.name for query in plan.queries if not query.is_hidden] == ["query1", "mine", "yours", "query4"]
    assert plan.query("mine") is not None
    assert plan.query("query4/x") is None


def test_a_default_name_gives_way_to_a_given_one(planned: Planned) -> None:
    plan = planned(
        """CREATE STREAM S (a INT);
        INSERT INTO A SELECT a FROM S;
        @info(name = 'query1') INSERT INTO B SELECT a FROM S;"""
    )

    assert [query.name for query in plan.queries] == ["query1_", "query1"]


def test_a_select_without_a_target_fills_output_stream(planned: Planned) -> None:
    plan = planned("CREATE STREAM S (a INT); SELECT a, a * 2.0 FROM S; SELECT 1, 2.0 FROM S;")

    assert _schema(plan, "OutputStream") == "a INT, _col1 DOUBLE"


def test_a_column_list_names_the_attributes_of_a_stream_that_is_made(planned: Planned) -> None:
    plan = planned("CREATE STREAM S (a INT, b STRING); INSERT INTO O (x, y) SELECT a + 1, b FROM S;")

    assert _schema(plan, "O") == "x INT, y STRING"


def test_a_hidden_stream_is_not_found_by_name(planned: Planned) -> None:
    plan = planned("CREATE STREAM S (a INT); WITH x AS (SELECT a FROM S) SELECT a FROM x;")

    hidden = [stream.name for stream in plan.streams if stream.is_hidden]
    assert len(hidden) == 1
    assert plan.stream(hidden[0]) is None


def test_names_of_with_hide_streams_and_end_with_their_query(planned: Planned, refused: Refused) -> None:
    plan = planned(
        "CREATE STREAM S (a INT); CREATE STREAM x (b STRING);WITH x AS (SELECT a FROM S) INSERT INTO O SELECT a FROM x;"
    )
    assert _schema(plan, "O") == "a INT"

    found = refused("CREATE STREAM S (a INT); WITH x AS (SELECT a FROM S) SELECT a FROM x; SELECT a FROM x;")
    assert _codes(found) == ["SQL2001"]


def test_a_view_is_a_stream_that_later_statements_and_listeners_see(planned: Planned) -> None:
    plan = planned("CREATE STREAM S (a INT); CREATE VIEW V AS SELECT a * 2 AS b FROM S; INSERT INTO O SELECT b FROM V;")

    assert plan.stream("V") is not None
    assert _schema(plan, "O") == "b INT"


def test_union_all_widens_to_what_holds_both_sides(planned: Planned) -> None:
    plan = planned(
        "CREATE STREAM A (k INT); CREATE STREAM B (k FLOAT); INSERT INTO O SELECT k FROM A UNION ALL SELECT k FROM B;"
    )

    assert _schema(plan, "O") == "k FLOAT"
    assert [query.is_hidden for query in plan.queries] == [True, True, False]


def test_null_takes_the_type_of_the_attribute_that_it_goes_into(planned: Planned) -> None:
    plan = planned("CREATE STREAM S (a INT); CREATE STREAM O (x STRING, y INT); INSERT INTO O SELECT NULL, a FROM S;")

    assert plan.queries[0].root.schema == Schema(
        (Attribute("x", AttributeType.STRING), Attribute("y", AttributeType.INT))
    )


def test_an_anonymous_input_hands_on_the_kinds_that_it_returns(planned: Planned) -> None:
    plan = planned(
        "define stream S (a int);from (from S#window.length(2) select a return all events) select a insert into O;"
    )

    assert [(query.current, query.expired) for query in plan.queries] == [(True, True), (True, False)]


def test_return_is_refused_for_a_query_of_the_app(refused: Refused) -> None:
    assert _codes(refused("define stream S (a int); from S select a return;")) == ["SQL2017"]


def test_all_errors_of_a_text_are_told_by_place(refused: Refused) -> None:
    found = refused(
        """CREATE STREAM S (a INT);
        INSERT INTO O SELECT b FROM S WHERE c > 1;
        INSERT INTO P SELECT a FROM S WINDOW('nothing', 1);"""
    )

    assert [(str(each.code), each.line, each.column) for each in found] == [
        ("SQL2003", 2, 30),
        ("SQL2003", 2, 45),
        ("SQL3001", 3, 47),
    ]


def test_an_error_keeps_what_follows_from_it_silent(refused: Refused) -> None:
    found = refused(
        "CREATE STREAM S (a INT); INSERT INTO M SELECT nix + 1 AS b FROM S; INSERT INTO O SELECT b || 'x' AS c FROM M;"
    )

    assert _codes(found) == ["SQL2003"]
