"""parse(print(tree)) == tree, over all that both languages can say."""

from typing import Any

import pytest

from eventflux.language import parse, parse_expression, parse_on_demand
from eventflux.language.ast import Dialect
from eventflux.language.printers import print_app, to_eventfluxql, to_sql
from eventflux.types.errors import UnprintableError


def test_a_printed_app_reads_as_the_same_tree(accepted_text: str) -> None:
    app = parse(accepted_text)
    printed = print_app(app)
    assert parse(printed) == app
    assert print_app(parse(printed)) == printed


def test_a_text_in_the_printers_own_spelling_prints_as_itself(identity_text: str) -> None:
    assert print_app(parse(identity_text)).rstrip("\n") == identity_text


@pytest.mark.parametrize(("printer", "language"), [(to_sql, "sql"), (to_eventfluxql, "eventfluxql")])
def test_what_a_printer_writes_is_in_its_dialect(accepted_text: str, printer: Any, language: Any) -> None:
    app = parse(accepted_text)
    refused = None
    try:
        printed = printer(app)
    except UnprintableError as error:
        refused = error
    if refused is not None:
        # The other dialect has no words for it; a statement's own dialect always has.
        assert {statement.dialect.value for statement in app.statements} != {language} or "BEGIN" in accepted_text
        assert "can't be written in" in str(refused)
        return
    again = parse(printed, language=language)
    assert {statement.dialect.value for statement in again.statements} <= {language}


ON_DEMAND = [
    "from T on v > 1 select k, sum(v) as t group by k having t > 1 order by t desc limit 1 offset 2",
    "from G on k == 'a' within 0L, 60000L per 'seconds' select AGG_TIMESTAMP, k",
    "from T",
    "from T as t on t.v > 1 select *",
    "select 'n' as k, 7 as v insert into T",
    "update T set T.v = 50 on T.k == 'x'",
    "select 5 as nv update T set T.v = nv on T.k == 'n'",
    "delete T on T.k == 'y'",
    "select 'q' as k, 8 as v update or insert into T set T.v = v on T.k == k",
    "SELECT k, SUM(v) AS t FROM T WHERE v > ? AND k = :key GROUP BY k ORDER BY t DESC LIMIT 1",
    "SELECT 1 + 1",
    "SELECT AGG_TIMESTAMP FROM G WITHIN 0, 60000 PER 'seconds'",
    "INSERT INTO T (k, v) VALUES ('a', ?), ('b', ?)",
    "UPDATE T SET v = 1 WHERE k = 'a'",
    "DELETE FROM T WHERE k = 'a'",
    "UPSERT INTO T VALUES ('a', 1) ON T.k = 'a'",
]


@pytest.mark.parametrize("text", ON_DEMAND)
def test_a_printed_on_demand_query_reads_as_the_same_tree(text: str) -> None:
    query = parse_on_demand(text)
    printer = to_sql if query.dialect is Dialect.SQL else to_eventfluxql
    assert parse_on_demand(printer(query)) == query


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a AND b OR NOT c", "a and b or not c"),
        ("CASE WHEN a > 1 THEN 'x' ELSE 'y' END", "ifThenElse(a > 1, 'x', 'y')"),
        ("a BETWEEN 1 AND 2", "a >= 1 and a <= 2"),
        ("a NOT IN (1, 2)", "not (a == 1 or a == 2)"),
        ("a IS NOT NULL", "not a is null"),
        ("CAST(a AS BIGINT)", "convert(a, 'long')"),
        ("a LIKE 'x%'", "like(a, 'x%')"),
        ("COUNT(*)", "COUNT()"),
        ("INTERVAL '5' SECOND", "5 sec"),
        ("NOT (a > 1)", "not (a > 1)"),
        ("-a", "0 - a"),
    ],
)
def test_sql_expressions_become_their_eventfluxql_equivalents(text: str, expected: str) -> None:
    assert to_eventfluxql(parse_expression(text)) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a || b", r"\|\|"),
        ("NULL", "NULL"),
        ("CASE WHEN a THEN 1 END", "CASE without ELSE"),
        ("SUM(DISTINCT a)", "DISTINCT"),
        ("a IS DISTINCT FROM b", "IsDistinct"),
        ("(a + 1) IS NULL", "IS NULL of an expression"),
    ],
)
def test_what_eventfluxql_can_not_say_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(UnprintableError, match=named):
        to_eventfluxql(parse_expression(text))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("from S select a update T on T.a == a", "a table mutation"),
        ("from A join B select A.a as a insert into O", "a join without ON"),
        ("from S[(T.a == a) in T] insert into O", "condition in table"),
        ("from S select cast(a, 'int') as b insert into O", r"cast\(\)"),
        ("from S#window.length(1)[a > 1] insert into O", "a handler behind a window"),
        ("from (from S return) insert into O", "return|anonymous"),
    ],
)
def test_what_sql_can_not_say_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(UnprintableError, match=named):
        to_sql(parse(text))
