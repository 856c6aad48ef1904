"""Which tree whole statements mean, and in which language they are read."""

from typing import Any

import pytest

from eventflux.language import parse, parse_on_demand
from eventflux.language.ast import (
    AbsentElement,
    AggregationDefinition,
    AggregationDuration,
    ChainElement,
    Dialect,
    EveryElement,
    FunctionCall,
    FunctionDefinition,
    InsertInto,
    InsertValues,
    JoinInput,
    JoinKind,
    JoinTrigger,
    LogicalElement,
    LogicalOperator,
    MatchRecognizeInput,
    Partition,
    PatternInput,
    PatternKind,
    Query,
    RangePartition,
    RowConcatenation,
    SetStatement,
    StreamDefinition,
    StreamElement,
    StreamInput,
    TableDefinition,
    TableFunctionInput,
    TriggerDefinition,
    UpdateOrInsert,
    WindowCall,
)
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ParseError


def only(text: str) -> Any:
    """The one statement of a text."""
    (statement,) = parse(text).statements
    return statement


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("CREATE STREAM S (a INT)", Dialect.SQL),
        ("define stream S (a int)", Dialect.EVENTFLUXQL),
        ("from S select a insert into O", Dialect.EVENTFLUXQL),
        ("FROM PATTERN (A) SELECT A.x INSERT INTO O", Dialect.SQL),
        ("FROM Pattern SELECT x INSERT INTO O", Dialect.EVENTFLUXQL),
        ("@info(name = 'q') from S insert into O", Dialect.EVENTFLUXQL),
        ("@info(name = 'q') -- why\n SELECT a FROM S", Dialect.SQL),
        ("/* x */ WITH x AS (SELECT a FROM S) SELECT a FROM x", Dialect.SQL),
    ],
)
def test_the_first_words_decide_the_language(text: str, dialect: Dialect) -> None:
    assert only(text).dialect is dialect


def test_one_text_may_mix_both_languages() -> None:
    app = parse(
        "CREATE STREAM S (a INT); from S[a > 1] select a insert into M; INSERT INTO O SELECT a FROM M WHERE a <> 2"
    )
    assert [statement.dialect.value for statement in app.statements] == ["sql", "eventfluxql", "sql"]


def test_a_forced_language_is_the_only_one_that_is_read() -> None:
    assert parse("DEFINE STREAM S (a INT)", language="sql").statements[0].dialect is Dialect.SQL
    with pytest.raises(ParseError):
        parse("from S insert into O", language="sql")
    with pytest.raises(ParseError):
        parse("SELECT a FROM S", language="eventfluxql")


def test_app_annotations_belong_to_the_app() -> None:
    app = parse("@app:name('X') @App:playback @info(name='q') from S insert into O;")
    assert [(annotation.namespace, annotation.name) for annotation in app.annotations] == [
        ("app", "name"),
        ("App", "playback"),
    ]
    assert [annotation.name for annotation in app.statements[0].annotations] == ["info"]  # type: ignore[union-attr]


def test_settings_are_statements() -> None:
    app = parse("SET 'app.name' = 'Fraud'; SET 'app.playback' = true; CREATE STREAM S (a INT)")
    assert [(item.key, item.value.value) for item in app.settings] == [("app.name", "Fraud"), ("app.playback", True)]
    assert isinstance(app.statements[0], SetStatement)


def test_a_stream_has_columns_types_and_properties() -> None:
    stream = only(
        "CREATE STREAM S (a BIGINT NOT NULL, b VARCHAR(5) DEFAULT 'x', c FOO) WITH (type = 'source', kafka.topic = t)"
    )
    assert isinstance(stream, StreamDefinition)
    assert [column.type.attribute_type for column in stream.columns] == [AttributeType.LONG, AttributeType.STRING, None]
    assert stream.columns[0].not_null
    assert stream.columns[1].default is not None
    assert [(item.key, item.value) for item in stream.properties] == [("type", "source"), ("kafka.topic", "t")]


def test_a_table_has_keys_and_indexes() -> None:
    table = only("CREATE TABLE T (k STRING PRIMARY KEY, v INT INDEX, PRIMARY KEY (k, v))")
    assert isinstance(table, TableDefinition)
    assert (table.columns[0].primary_key, table.columns[1].index) == (True, True)
    assert len(table.constraints) == 1


def test_any_word_is_a_name_in_eventfluxql() -> None:
    stream = only("define stream Stream (order int, from int, select string, in bool, every long)")
    assert [column.name.name for column in stream.columns] == ["order", "from", "select", "in", "every"]
    query = only("from Stream[order > from and in] select select, order as by group by every insert into into")
    assert isinstance(query, Query)
    assert str(query.output.target) == "into"  # type: ignore[union-attr]


def test_reserved_words_are_names_of_relations_in_sql() -> None:
    query = only("INSERT INTO Order SELECT In.price FROM In JOIN Left ON In.a = Left.a")
    assert isinstance(query.input, JoinInput)
    assert isinstance(query.input.left, StreamInput)
    assert str(query.input.left.relation) == "In"
    assert str(query.output.target) == "Order"


def test_a_window_is_the_last_handler_wherever_it_is_written() -> None:
    texts = [
        "SELECT a FROM S AS s WINDOW LENGTH(5) WHERE a > 1",
        "SELECT a FROM S WINDOW LENGTH(5) AS s WHERE a > 1",
        "SELECT a FROM S AS s WHERE a > 1 WINDOW LENGTH(5)",
    ]
    queries = [only(text) for text in texts]
    assert queries[0] == queries[1] == queries[2]
    assert isinstance(queries[0].input.handlers[-1], WindowCall)


def test_the_target_may_stand_first_or_last() -> None:
    assert only("INSERT INTO O SELECT a FROM S") == only("SELECT a FROM S INSERT INTO O")
    assert only("SELECT a FROM S").output is None


def test_on_conflict_belongs_to_the_insert() -> None:
    query = only("INSERT INTO T SELECT k FROM A ON CONFLICT (k) DO NOTHING")
    assert isinstance(query.output, InsertInto)
    assert query.output.on_conflict is not None
    assert str(query.output.target) == "T"


def test_values_are_rows_of_expressions() -> None:
    insert = only("INSERT INTO T (k, v) VALUES ('a', 1), ('b', 1 + 1)")
    assert isinstance(insert, InsertValues)
    assert [len(row) for row in insert.rows] == [2, 2]


def test_joins_are_left_deep_and_know_who_triggers() -> None:
    query = only("SELECT A.x FROM A UNIDIRECTIONAL LEFT JOIN B USING (k) CROSS JOIN C")
    outer = query.input
    assert isinstance(outer, JoinInput)
    assert outer.kind is JoinKind.CROSS
    inner = outer.left
    assert isinstance(inner, JoinInput)
    assert (inner.kind, inner.trigger) == (JoinKind.LEFT, JoinTrigger.LEFT)
    assert [name.name for name in inner.using] == ["k"]


def test_unidirectional_of_eventfluxql_marks_the_side_before_it() -> None:
    left = only("from A unidirectional join B select A.a insert into O")
    right = only("from A join B unidirectional select A.a insert into O")
    assert (left.input.trigger, right.input.trigger) == (JoinTrigger.LEFT, JoinTrigger.RIGHT)


def pattern(text: str) -> Any:
    """The pattern of an SQL text."""
    query = only(f"SELECT a FROM PATTERN ({text})")
    assert isinstance(query.input, PatternInput)
    return query.input.pattern


def test_every_binds_one_element() -> None:
    chain = pattern("EVERY A -> B")
    assert isinstance(chain, ChainElement)
    assert isinstance(chain.elements[0], EveryElement)
    assert isinstance(pattern("EVERY (A -> B)"), EveryElement)
    assert only("from every A -> B select a insert into O").input.pattern == chain


def test_and_binds_looser_than_the_arrow_in_sql_and_tighter_in_eventfluxql() -> None:
    ql = only("from A -> B and C select a insert into O").input.pattern
    assert isinstance(ql, ChainElement)
    assert isinstance(ql.elements[1], LogicalElement)
    assert pattern("A -> (B AND C)") == ql
    with pytest.raises(ParseError) as caught:
        pattern("A -> B AND C")
    assert caught.value.code == "SQL4006"


def test_a_lone_not_binds_to_its_and_partner() -> None:
    chain = pattern("EVERY e1=A -> NOT B AND e3=C -> e4=D")
    assert isinstance(chain, ChainElement)
    logical = chain.elements[1]
    assert isinstance(logical, LogicalElement)
    assert isinstance(logical.left, AbsentElement)
    assert pattern("A -> C AND NOT B") == pattern("A -> (C AND NOT B)")


def test_more_than_two_operands_nest_to_the_left() -> None:
    logical = pattern("A AND B AND C OR D")
    assert isinstance(logical, LogicalElement)
    assert logical.operator is LogicalOperator.OR
    assert isinstance(logical.left, LogicalElement)
    assert isinstance(logical.left.left, LogicalElement)


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("A{2}", (2, 2)),
        ("A{2,5}", (2, 5)),
        ("A{2,}", (2, None)),
        ("A{,5}", (0, 5)),
        ("A+", (1, None)),
        ("A*", (0, None)),
        ("A?", (0, 1)),
        ("A<2:3>", (2, 3)),
        ("A{2}[v > 1]", (2, 2)),
        ("A[v > 1]{2}", (2, 2)),
    ],
)
def test_quantifiers_have_bounds(text: str, bounds: tuple[int, int | None]) -> None:
    element = pattern(f"e={text} -> B").elements[0]
    assert isinstance(element, StreamElement)
    assert element.quantifier is not None
    assert (element.quantifier.minimum, element.quantifier.maximum) == bounds


def test_a_sequence_is_written_with_commas_or_arrows() -> None:
    with_arrows = only("SELECT a FROM SEQUENCE (EVERY e1=A -> e2=B)")
    with_commas = only("SELECT a FROM SEQUENCE (EVERY e1=A, e2=B)")
    assert with_arrows == with_commas
    assert with_arrows.input.kind is PatternKind.SEQUENCE
    assert only("from every e1=A, e2=B select a insert into O").input == with_arrows.input


def test_within_may_stand_inside_or_behind_the_brackets() -> None:
    assert only("SELECT a FROM PATTERN (A -> B WITHIN 5 SEC)") == only(
        "SELECT a FROM PATTERN (A -> B) WITHIN 5 SECONDS"
    )


def test_match_recognize_has_all_its_parts() -> None:
    query = only(
        "SELECT * FROM S MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES A.v AS top AFTER MATCH SKIP TO NEXT ROW"
        " PATTERN (A B+? (C | D)) WITHIN INTERVAL '10' SECOND DEFINE B AS B.v < PREV(B.v)) AS m"
    )
    found = query.input
    assert isinstance(found, MatchRecognizeInput)
    assert (len(found.partition_by), len(found.order_by), len(found.measures), len(found.definitions)) == (1, 1, 1, 1)
    assert found.within is not None
    assert str(found.alias) == "m"


def test_match_recognize_has_its_further_parts() -> None:
    query = only(
        "SELECT * FROM S MATCH_RECOGNIZE (MEASURES FINAL LAST(A.v) AS a, RUNNING COUNT(U.*) AS n, COUNT(*) AS m"
        " ALL ROWS PER MATCH OMIT EMPTY MATCHES PATTERN (^ PERMUTE(A, B{2}) {- C+ -} D) SUBSET U = (A, B)"
        " DEFINE B AS B.v > A.v)"
    )
    found = query.input
    assert isinstance(found, MatchRecognizeInput)
    assert found.all_rows
    assert [str(name) for subset in found.subsets for name in (subset.name, *subset.variables)] == ["U", "A", "B"]
    assert isinstance(found.pattern, RowConcatenation)
    assert [type(item).__name__ for item in found.pattern.items] == [
        "RowStart",
        "RowPermutation",
        "RowExclusion",
        "RowVariable",
    ]
    calls = [item.expression for item in found.measures]
    assert [call.final for call in calls if isinstance(call, FunctionCall)] == [True, False, None]


def test_final_and_running_are_names_elsewhere() -> None:
    query = only("SELECT final, running AS final FROM S WHERE final > running (1)")
    assert [str(item.expression.name) for item in query.selection.items] == ["final", "running"]


def test_window_table_functions_have_one_form() -> None:
    wrapped = only("SELECT * FROM TABLE(TUMBLE(TABLE E, DESCRIPTOR(ts), INTERVAL '5' SECOND))")
    bare = only("SELECT * FROM TUMBLE(E, ts, INTERVAL '5' SECOND)")
    assert wrapped == bare
    assert isinstance(wrapped.input, TableFunctionInput)
    assert str(wrapped.input.time_column) == "ts"


def test_a_partition_holds_statements_of_both_languages() -> None:
    partition = only(
        "PARTITION WITH (k OF S, v < 5 AS 'low' OR v >= 5 AS 'high' OF U) BEGIN "
        "INSERT INTO #M SELECT k, CASE WHEN v > 1 THEN 1 ELSE 2 END AS x FROM S; from #M select k insert into O END"
    )
    assert isinstance(partition, Partition)
    assert isinstance(partition.keys[1], RangePartition)
    assert [statement.dialect.value for statement in partition.statements] == ["sql", "eventfluxql"]


def test_the_body_of_a_function_is_kept_as_it_is() -> None:
    text = "CREATE FUNCTION f(a INT) RETURNS INT LANGUAGE python AS $$\n  return a  -- 1 /* ; */\n$$"
    function = only(text)
    assert isinstance(function, FunctionDefinition)
    assert function.body == "\n  return a  -- 1 /* ; */\n"
    assert text[function.body_span.start : function.body_span.end] == function.body
    braced = only("define function f[python] return int { d = {'a': '}'}; return 1 // 2 };")
    assert braced.body == " d = {'a': '}'}; return 1 // 2 "


def test_aggregations_of_both_languages_are_the_same() -> None:
    sql = only("CREATE AGGREGATION G AS SELECT k, SUM(v) AS t FROM E GROUP BY k AGGREGATE BY ts EVERY SECONDS...YEARS")
    ql = only("define aggregation G from E select k, SUM(v) as t group by k aggregate by ts every sec ... year")
    assert isinstance(sql, AggregationDefinition)
    assert isinstance(ql, AggregationDefinition)
    assert sql.durations == (AggregationDuration.SECONDS, AggregationDuration.YEARS)
    assert (sql.selection, sql.group_by, sql.durations) == (ql.selection, ql.group_by, ql.durations)


def test_triggers_of_both_languages_are_the_same() -> None:
    sql = only("CREATE TRIGGER T AT EVERY 1 SECOND")
    ql = only("define trigger T at every 1 sec")
    assert isinstance(sql, TriggerDefinition)
    assert (sql.kind, sql.every) == (ql.kind, ql.every)
    assert only("CREATE TRIGGER T AT START").kind is only("define trigger T at 'START'").kind


def test_on_demand_mutations_without_from_are_eventfluxql_only_where_they_read_so() -> None:
    assert parse_on_demand("update T set T.v = 50 on T.k == 'x'").dialect is Dialect.EVENTFLUXQL
    assert parse_on_demand("UPDATE T SET v = 50 WHERE k = 'x'").dialect is Dialect.SQL
    query = parse_on_demand("select 'q' as k update or insert into T on T.k == k;")
    assert isinstance(query.statement, Query)
    assert isinstance(query.statement.output, UpdateOrInsert)


def test_parameters_are_counted() -> None:
    assert parse_on_demand("SELECT a FROM T WHERE a > ? AND b = ? AND c = :name").parameters == 2
    with pytest.raises(ParseError, match="parameters are only allowed"):
        parse("SELECT a FROM S WHERE a > ?")


def test_statements_keep_their_places() -> None:
    text = "CREATE STREAM S (a INT);\n\n  from S[a > 1] select a insert into O  ;\n"
    app = parse(text)
    first, second = app.statements
    assert text[first.span.start : first.span.end] == "CREATE STREAM S (a INT)"
    assert text[second.span.start : second.span.end] == "from S[a > 1] select a insert into O"
    assert app.source.position(second.span.start).line == 3
