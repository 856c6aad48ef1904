"""Functions that a text defines."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eventflux.planner import Plan
from eventflux.planner.host_functions import LogFunction, ScriptFunction
from eventflux.types.attribute_type import AttributeType
from eventflux.types.diagnostic import Diagnostic


def _script(plan: Plan) -> ScriptFunction:
    implementation = plan.host_functions[0].implementation
    assert isinstance(implementation, ScriptFunction)
    return implementation


def test_sql_parameters_are_names_in_the_body(planned: Callable[..., Plan]) -> None:
    plan = planned(
        """CREATE FUNCTION hypot(x DOUBLE, y DOUBLE) RETURNS DOUBLE LANGUAGE python AS $$
            import math
            return math.sqrt(x * x + y * y)
        $$;
        CREATE STREAM S (a INT, b DOUBLE); INSERT INTO O SELECT HYPOT(a, b) AS h FROM S;"""
    )

    assert _script(plan).execute(3.0, 4.0) == 5.0
    assert plan.host_functions[0].argument_types == (AttributeType.DOUBLE, AttributeType.DOUBLE)
    assert plan.host_functions[0].returns is AttributeType.DOUBLE


def test_eventfluxql_arguments_are_data(planned: Callable[..., Plan]) -> None:
    plan = planned(
        """define function joined[python] return string { return str(data[0]) + "-" + str(len(data)) };
        define stream S (a int, b string); from S select joined(a, b, 1L) as j insert into O;"""
    )

    assert _script(plan).execute(7, "x", 1) == "7-3"


def test_a_body_of_one_expression_is_its_result(planned: Callable[..., Plan]) -> None:
    plan = planned(
        """CREATE FUNCTION twice(x INT) RETURNS INT LANGUAGE python AS 'x * 2';
        CREATE STREAM S (a INT); INSERT INTO O SELECT twice(a) AS t FROM S;"""
    )

    assert _script(plan).execute(4) == 8


def test_each_call_has_a_number_of_its_own(planned: Callable[..., Plan]) -> None:
    plan = planned(
        """CREATE FUNCTION f(x INT) RETURNS INT LANGUAGE python AS 'x';
        CREATE STREAM S (a INT); INSERT INTO O SELECT f(a) AS t, f(a + 1) AS u FROM S WHERE f(a) > 1;"""
    )

    assert [function.number for function in plan.host_functions] == [0, 1, 2]
    assert {function.query for function in plan.host_functions} == {"query1"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("f()", "function f takes 1 arguments (x INT), got 0"),
        ("f('a')", "argument 1 of function f must be x INT, got STRING"),
    ],
)
def test_arguments_are_checked(call: str, message: str, refused: Callable[[str], tuple[Diagnostic, ...]]) -> None:
    found = refused(
        f"""CREATE FUNCTION f(x INT) RETURNS INT LANGUAGE python AS 'x';
        CREATE STREAM S (a INT); INSERT INTO O SELECT {call} AS t FROM S;"""
    )

    assert [each.message for each in found] == [message]


def test_an_error_in_a_body_is_placed_on_its_line(refused: Callable[[str], tuple[Diagnostic, ...]]) -> None:
    found = refused(
        """CREATE FUNCTION f(x INT) RETURNS INT LANGUAGE python AS $$
          y = x
          return y +* 2
        $$;"""
    )

    assert [(str(each.code), each.line) for each in found] == [("SQL2016", 3)]


def test_log_knows_its_priority_and_the_attributes(planned: Callable[..., Plan]) -> None:
    plan = planned("define stream S (a int, b string); from S#log('warn', b, false) select a insert into O;")

    assert plan.host_functions[0].implementation == LogFunction(
        priority="WARN", has_message=True, attributes=("a", "b")
    )
