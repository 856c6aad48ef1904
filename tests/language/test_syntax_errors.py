"""Messages about texts that are not in the language, in full; and the code and place of each."""

from collections.abc import Callable
from pathlib import Path

import pytest

from eventflux.language import parse, parse_on_demand
from eventflux.types.errors import ParseError

GOLDEN = Path(__file__).parent.parent / "fixtures" / "errors" / "syntax"

# Name of the golden file -> text.
TEXTS = {
    "empty": "  -- nothing\n",
    "misspelt_statement": "CRATE STREAM S (a INT);",
    "misspelt_keyword": "INSERT INTO O SELECT a FROM S GRUOP BY a;",
    "missing_select_list": "INSERT INTO O SELECT FROM S;",
    "missing_from": "INSERT INTO O SELECT a;",
    "missing_semicolon": "CREATE STREAM A (x INT)\nCREATE STREAM B (x INT);",
    "unclosed_bracket": "CREATE STREAM S (a INT, b DOUBLE;",
    "trailing_comma": "CREATE STREAM S (a INT,);",
    "where_without_condition": "INSERT INTO O SELECT a FROM S WHERE;",
    "two_wheres": "INSERT INTO O SELECT a FROM S WHERE a > 1 WHERE b > 1;",
    "limit_before_order": "INSERT INTO O SELECT a FROM S LIMIT 1 ORDER BY a;",
    "between_without_and": "INSERT INTO O SELECT a FROM S WHERE a BETWEEN 1;",
    "chained_comparison": "INSERT INTO O SELECT a FROM S WHERE 1 < a < 3;",
    "not_inside_arithmetic": "INSERT INTO O SELECT a + NOT b AS x FROM S;",
    "unterminated_string": "CREATE STREAM S (a STRING);\nINSERT INTO O SELECT a FROM S WHERE a = 'x;",
    "unterminated_comment": "INSERT INTO O SELECT a /* why FROM S;",
    "unterminated_name": 'INSERT INTO O SELECT "a FROM S;',
    "integer_beyond_64_bits": "INSERT INTO O SELECT 99999999999999999999 AS x FROM S;",
    "reserved_column": "CREATE STREAM S (order INT, group STRING);",
    "reserved_select_item": "INSERT INTO O SELECT group FROM S;",
    "unknown_unit": "INSERT INTO O SELECT a FROM S WINDOW TIME(5 PARSECS);",
    "zero_events": "INSERT INTO O SELECT a FROM S OUTPUT EVERY 0 EVENTS;",
    "snapshot_events": "INSERT INTO O SELECT a FROM S OUTPUT SNAPSHOT EVERY 10 EVENTS;",
    "trigger_month": "CREATE TRIGGER T AT EVERY 1 MONTH;",
    "negative_within": "INSERT INTO O SELECT a FROM PATTERN (A -> B) WITHIN INTERVAL '-5' SECOND;",
    "union": "INSERT INTO O SELECT a FROM A UNION SELECT a FROM B;",
    "intersect": "INSERT INTO O SELECT a FROM A INTERSECT SELECT a FROM B;",
    "natural_join": "INSERT INTO O SELECT a FROM A NATURAL JOIN B;",
    "over": "INSERT INTO O SELECT SUM(a) OVER (PARTITION BY k) AS s FROM S;",
    "limit_with_comma": "INSERT INTO O SELECT a FROM S LIMIT 1, 2;",
    "scalar_subquery": "INSERT INTO O SELECT (SELECT a FROM T) AS x FROM S;",
    "drop": "DROP TABLE T;",
    "create_or_replace": "CREATE OR REPLACE STREAM S (a INT);",
    "rollup": "INSERT INTO O SELECT a FROM S GROUP BY ROLLUP(a, b);",
    "within_twice": "INSERT INTO O SELECT a FROM PATTERN (A -> B WITHIN 5 SEC) WITHIN 5 SEC;",
    "every_inside_sequence": "INSERT INTO O SELECT a FROM SEQUENCE (A -> EVERY B);",
    "lone_not": "INSERT INTO O SELECT a FROM PATTERN (A -> NOT B);",
    "maximum_below_minimum": "INSERT INTO O SELECT a FROM PATTERN (A{3,2} -> B);",
    "quantified_group": "INSERT INTO O SELECT a FROM PATTERN ((A -> B){2} -> C);",
    "chain_inside_and": "INSERT INTO O SELECT a FROM PATTERN (A -> B AND C);",
    "comma_in_pattern": "INSERT INTO O SELECT a FROM PATTERN (A, B);",
    "row_anchor": "INSERT INTO O SELECT * FROM S MATCH_RECOGNIZE (PATTERN (^+ C));",
    "property_twice": "CREATE STREAM S (a INT) WITH ('type' = 'source', type = 'sink');",
    "column_twice": "CREATE STREAM S (a INT, a STRING);",
    "partition_without_end": "PARTITION WITH (k OF S)\nBEGIN\n  INSERT INTO O SELECT a FROM S;",
    "partition_without_begin": "PARTITION WITH (k OF S) INSERT INTO O SELECT a FROM S; END; SELEC 1;",
    "partition_without_query": "PARTITION WITH (k OF S) BEGIN END;",
    "check_constraint": "CREATE TABLE T (a INT, CHECK (a > 0));",
    "foreign_key": "CREATE TABLE T (a INT, FOREIGN KEY (a) REFERENCES U(a));",
    "quantified_subquery": "INSERT INTO O SELECT a FROM S WHERE a > ALL (SELECT b FROM T);",
    "empty_match": "INSERT INTO O SELECT a FROM PATTERN (EVERY A*);",
    "within_fewer_events": "INSERT INTO O SELECT a FROM PATTERN (A -> B) WITHIN 1 EVENTS;",
    "unclosed_condition": "INSERT INTO O SELECT a FROM S WHERE (a > 1;",
    "ql_order_by_expression": "from S select a order by a + 1 insert into O;",
    "definition_in_partition": "PARTITION WITH (k OF S) BEGIN CREATE STREAM X (a INT); END;",
    "unset_variable": "SELECT a FROM ${EVENTFLUX_NO_SUCH_VARIABLE};",
    "too_deep": "INSERT INTO O SELECT " + "(" * 70 + "a" + ")" * 70 + " AS x FROM S;",
    "several": "SELEC a;\nINSERT INTO O SELECT a FRM S;\nfrom S select a inser into O;",
    "tabs_and_wide_characters": "INSERT INTO O SELECT '日本',\ta b c FROM S;",
    "ql_single_equals": "from S[a = 5] select a insert into O;",
    "ql_unnamed_expression": "from S select a + 1 insert into O;",
    "ql_unary_minus": "from S select -a as b insert into O;",
    "ql_star_beside_items": "from S select *, a insert into O;",
    "ql_group_by_expression": "from S select a group by a + 1 insert into O;",
    "ql_alias_outside_join": "from S as s select a insert into O;",
    "ql_two_windows": "from S#window.length(1)#window.length(2) select a insert into O;",
    "ql_handler_behind_window_in_join": "from A#window.length(1)[a > 1] join B select A.a insert into O;",
    "ql_bare_outer_join": "from A outer join B on A.a == B.a select A.a insert into O;",
    "ql_nested_every": "from every (every A -> B) select A.a insert into O;",
    "ql_three_operands": "from A and B and C select A.a insert into O;",
    "ql_arrow_and_comma": "from A -> B, C select A.a insert into O;",
    "ql_unordered_duration": "from S#window.time(5 sec 1 min) select a insert into O;",
    "ql_string_with_quote": "from S[a == 'say \"hi\"'] select a insert into O;",
    "ql_integer_beyond_32_bits": "from S select 3000000000 as a insert into O;",
    "ql_definition_of_inner_stream": "define stream #S (a int);",
    "ql_update_of_inner_stream": "from S select a update #T on T.a == a;",
    "ql_empty_annotation": "@app:playback() define stream S (a int);",
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_message_is_as_agreed(name: str, golden: Callable[[Path, str], None]) -> None:
    text = TEXTS[name]
    with pytest.raises(ParseError) as caught:
        parse(text, file="app.sql")
    codes = " ".join(item.code.value for item in caught.value.diagnostics)
    golden(GOLDEN / f"{name}.txt", f"{text}\n----\n{codes}\n{caught.value}")


def test_there_is_a_text_for_each_golden_file() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == TEXTS.keys()


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("INSERT INTO O SELEC a FROM S", "SQL1002", 15),
        ("SELECT a FROM S WHERE a > 'x", "SQL1003", 27),
        ("SELECT a FROM S WHERE a > 99999999999999999999", "SQL1004", 27),
        ("CREATE STREAM S (select INT)", "SQL1005", 18),
        ("SELECT a FROM S OUTPUT EVERY 0 EVENTS", "SQL1006", 30),
        ("SELECT a FROM S EXCEPT SELECT a FROM T", "SQL1010", 17),
        ("SELECT a FROM PATTERN (A -> B WITHIN 1 SEC) WITHIN 1 SEC", "SQL4001", 45),
        ("SELECT a FROM SEQUENCE (A, EVERY B)", "SQL4002", 28),
        ("SELECT a FROM PATTERN (NOT A)", "SQL4003", 24),
        ("SELECT a FROM PATTERN (A{0} -> B)", "SQL4005", 25),
        ("SELECT a FROM PATTERN ((A -> B) OR C)", "SQL4006", 25),
        ("SELECT * FROM S MATCH_RECOGNIZE (ALL ROWS PER MATCH PATTERN (A $))", "SQL4007", 64),
        ("CREATE STREAM S (a INT) WITH (a = 1, 'a' = 2)", "SQL5003", 38),
    ],
)
def test_each_code_stands_at_its_token(text: str, code: str, column: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert (caught.value.code, caught.value.line, caught.value.column) == (code, 1, column)


def test_an_on_demand_query_is_one_statement() -> None:
    with pytest.raises(ParseError, match="a query is one statement"):
        parse_on_demand("SELECT a FROM T; SELECT b FROM T")
    with pytest.raises(ParseError) as caught:
        parse_on_demand("  ")
    assert caught.value.code == "SQL1001"


def test_an_on_demand_error_is_that_of_the_dialect_that_reads_further() -> None:
    with pytest.raises(ParseError) as caught:
        parse_on_demand("SELECT a FROM T WHERE")
    assert caught.value.column == 22
    with pytest.raises(ParseError) as caught:
        parse_on_demand("from T on v > 1 select a grup by a")
    assert caught.value.column == 26
