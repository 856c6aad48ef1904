"""What expressions become: operations of the engine by the types of their operands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eventflux.planner import Plan
from eventflux.planner.typed.nodes import Call, Constant, TypedExpression
from eventflux.planner.typed.walk import nodes
from eventflux.types.attribute_type import AttributeType
from eventflux.types.diagnostic import Diagnostic

_ATTRIBUTES = "i INT, l BIGINT, f FLOAT, d DOUBLE, s STRING, b BOOL, o OBJECT"
_QL_ATTRIBUTES = "i int, l long, f float, d double, s string, b bool, o object"


def _sql(planned: Callable[..., Plan], expression: str) -> TypedExpression:
    plan = planned(f"CREATE STREAM X ({_ATTRIBUTES}); INSERT INTO O SELECT {expression} AS r FROM X;")
    return plan.logical_queries[0].root.outputs[0].expression


def _ql(planned: Callable[..., Plan], expression: str) -> TypedExpression:
    plan = planned(f"define stream X ({_QL_ATTRIBUTES}); from X select {expression} as r insert into O;")
    return plan.logical_queries[0].root.outputs[0].expression


def _operations(expression: TypedExpression) -> list[str]:
    return [node.operation for node in nodes((expression,)) if isinstance(node, Call)]


@pytest.mark.parametrize(
    ("expression", "operations", "result"),
    [
        ("i + i", ["add_int"], AttributeType.INT),
        ("i - l", ["subtract_long", "convert_int_long"], AttributeType.LONG),
        ("l * f", ["multiply_float", "convert_long_float"], AttributeType.FLOAT),
        ("f / d", ["divide_double", "convert_float_double"], AttributeType.DOUBLE),
        ("i % 2", ["modulo_int"], AttributeType.INT),
        ("i + 1.5", ["add_double", "convert_int_double"], AttributeType.DOUBLE),
        ("-i", ["subtract_int"], AttributeType.INT),
        ("i = l", ["equal_long", "convert_int_long"], AttributeType.BOOL),
        ("i < f", ["less_float", "convert_int_float"], AttributeType.BOOL),
        ("l = f", ["equal_double", "convert_long_double", "convert_float_double"], AttributeType.BOOL),
        ("l <> f", ["not_equal_double", "convert_long_double", "convert_float_double"], AttributeType.BOOL),
        ("l >= f", ["greater_equal_float", "convert_long_float"], AttributeType.BOOL),
        ("f <= d", ["less_equal_double", "convert_float_double"], AttributeType.BOOL),
        ("s = 'x'", ["equal_string"], AttributeType.BOOL),
        ("s > 'x'", ["greater_string"], AttributeType.BOOL),
        ("o = o", ["equal_object"], AttributeType.BOOL),
        ("b AND NOT b OR b", ["or", "and", "not"], AttributeType.BOOL),
        ("b IS NOT TRUE", ["not", "equal_bool"], AttributeType.BOOL),
        ("i IS NULL", ["is_null_int"], AttributeType.BOOL),
        ("i IS NOT DISTINCT FROM l", ["not", "distinct_long", "convert_int_long"], AttributeType.BOOL),
        ("i = NULL", ["equal_int"], AttributeType.BOOL),
        ("i IN (1, 2, NULL)", ["in_int"], AttributeType.BOOL),
        ("l NOT IN (1, 2)", ["not", "in_long"], AttributeType.BOOL),
        ("i IN (1, l)", ["or", "equal_int", "equal_long", "convert_int_long"], AttributeType.BOOL),
        ("i BETWEEN 1 AND l", ["and", "greater_equal_int", "less_equal_long", "convert_int_long"], AttributeType.BOOL),
        ("s LIKE 'a%'", ["like"], AttributeType.BOOL),
        ("s NOT LIKE 'a!%' ESCAPE '!'", ["not", "like_escape"], AttributeType.BOOL),
        ("s ILIKE 'a%'", ["ilike"], AttributeType.BOOL),
        ("s REGEXP 'a+'", ["regexp"], AttributeType.BOOL),
        ("s || 'x'", ["concatenate"], AttributeType.STRING),
        ("CASE WHEN b THEN i ELSE 2.5 END", ["if_double", "convert_int_double"], AttributeType.DOUBLE),
        ("CASE i WHEN 1 THEN 'a' END", ["if_string", "equal_int"], AttributeType.STRING),
        ("CAST(i AS STRING)", ["convert_int_string"], AttributeType.STRING),
        ("CAST(l AS INT)", ["convert_long_int"], AttributeType.INT),
        ("s::TIMESTAMP", ["parse_timestamp"], AttributeType.LONG),
        ("STRICT_CAST(s AS DOUBLE)", ["strict_convert_string_double"], AttributeType.DOUBLE),
        ("CAST(NULL AS INT)", [], AttributeType.INT),
        ("INTERVAL '5' SECOND + l", ["add_long"], AttributeType.LONG),
        ("o.a", ["field_object"], AttributeType.OBJECT),
        ("o[0]", ["element_object"], AttributeType.OBJECT),
    ],
)  # fmt: skip
def test_sql_operators_are_typed(
    expression: str, operations: list[str], result: AttributeType, planned: Callable[..., Plan]
) -> None:
    bound = _sql(planned, expression)

    assert sorted(_operations(bound)) == sorted(operations)
    assert bound.type is result


@pytest.mark.parametrize(
    ("expression", "operations", "result"),
    [
        ("i + l", ["add_long", "convert_int_long"], AttributeType.LONG),
        ("f == 0.1", ["equal_double", "convert_float_double"], AttributeType.BOOL),
        ("f == 0.1f", ["equal_float"], AttributeType.BOOL),
        ("not (b and b)", ["not", "and"], AttributeType.BOOL),
        ("i is null", ["is_null_int"], AttributeType.BOOL),
        ("1 hour 5 min", [], AttributeType.LONG),
    ],
)
def test_eventfluxql_operators_are_typed(
    expression: str, operations: list[str], result: AttributeType, planned: Callable[..., Plan]
) -> None:
    bound = _ql(planned, expression)

    assert sorted(_operations(bound)) == sorted(operations)
    assert bound.type is result


def test_the_row_of_a_single_input_is_never_missing(planned: Callable[..., Plan]) -> None:
    bound = _ql(planned, "X is null")

    assert isinstance(bound, Constant)
    assert bound.value is False


def test_a_float_literal_has_the_value_of_a_32_bit_float(planned: Callable[..., Plan]) -> None:
    bound = _sql(planned, "0.1f")

    assert isinstance(bound, Constant)
    assert bound.value == 0.10000000149011612


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2147483647 + 1", -2147483648),
        ("9223372036854775807L + 1", -9223372036854775808),
        ("-7 / 2", -3),
        ("7 / -2", -3),
        ("-7 % 3", -1),
        ("7 % -3", 1),
        ("7.5 % -2", 1.5),
        ("1 / 0", None),
        ("1.0 / 0.0", None),
        ("1 % 0", None),
        ("1.0f / 3", 0.3333333432674408),
        ("NULL + 1", None),
        ("1 < 2", True),
        ("1 = NULL", False),
        ("1 <> NULL", True),
        ("NOT (1 = NULL)", True),
        ("NULL = NULL", False),
        ("CASE WHEN 1 > 2 THEN 'a' ELSE 'b' END", "b"),
        ("NULL IS NULL", True),
        ("CAST(3.9 AS INT)", 3),
        ("CAST(-3.9 AS INT)", -3),
        ("CAST(3e9 AS INT)", 2147483647),
        ("CAST(3000000000 AS INT)", -1294967296),
        ("CAST(2 AS BOOL)", False),
        ("CAST(TRUE AS DOUBLE)", 1.0),
        ("TRUE AND NULL", False),
        ("FALSE OR TRUE", True),
    ],
)
def test_constants_are_folded_as_the_engine_computes(
    expression: str, value: object, planned: Callable[..., Plan]
) -> None:
    plan = planned(f"CREATE STREAM X (a INT); INSERT INTO O SELECT {expression} AS r FROM X;")

    folded = plan.queries[0].root.outputs[0].expression
    assert isinstance(folded, Constant)
    assert folded.value == value
    assert type(folded.value) is type(value)


def test_fields_of_a_known_shape_have_their_type(
    planned: Callable[..., Plan], refused: Callable[[str], tuple[Diagnostic, ...]]
) -> None:
    definition = "CREATE STREAM X (p STRUCT<a INT, q STRUCT<c DOUBLE>>, n ARRAY<BIGINT>, m MAP<STRING, BOOL>);"
    plan = planned(f"{definition} INSERT INTO O SELECT p.a, p.q.c, n[0] AS e, m['k'] AS v FROM X;")

    stream = plan.stream("O")
    assert stream is not None
    assert str(stream.schema) == "a INT, c DOUBLE, e LONG, v BOOL"

    found = refused(f"{definition} INSERT INTO O SELECT p.z, p.q.y FROM X;")
    assert [str(each.code) for each in found] == ["SQL2003", "SQL2003"]


def test_what_stands_twice_in_between_is_evaluated_once(planned: Callable[..., Plan]) -> None:
    plan = planned(
        """CREATE FUNCTION f(x INT) RETURNS INT LANGUAGE python AS $$ return x $$;
        CREATE STREAM X (i INT); INSERT INTO O SELECT i FROM X WHERE f(i) BETWEEN 1 AND 5;"""
    )

    assert len(plan.host_functions) == 1
    assert plan.listing().count("host 0") == 1
