"""Output rates in the plan: what a limiter is told of its selection, and what the kinds of rows become."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eventflux.planner import Plan
from eventflux.planner.logical.nodes import RateLimit, RateMode
from eventflux.testing import AppRunner
from eventflux.types.diagnostic import Diagnostic
from eventflux.types.error_codes import ErrorCode

Planned = Callable[..., Plan]
_S = "define stream S (k string, v int);"


def _rate(plan: Plan) -> RateLimit:
    root = plan.queries[-1].root
    assert isinstance(root, RateLimit)
    return root


@pytest.mark.parametrize(
    ("clause", "mode", "every", "by_time"),
    [
        ("output every 3 events", RateMode.ALL, 3, False),
        ("output first every 2 events", RateMode.FIRST, 2, False),
        ("output last every 1 min 2 sec", RateMode.LAST, 62_000, True),
        ("output snapshot every 1 sec", RateMode.SNAPSHOT, 1000, True),
    ],
)
def test_the_clause(planned: Planned, clause: str, mode: RateMode, every: int, *, by_time: bool) -> None:
    rate = _rate(planned(f"{_S} from S select k {clause} insert into O;"))

    assert (rate.mode, rate.every, rate.by_time) == (mode, every, by_time)


def test_group_keys_are_behind_the_attributes_unless_they_are_among_them(planned: Planned) -> None:
    rate = _rate(planned(f"{_S} from S select v, sum(v) as t group by v, k output last every 2 events insert into O;"))

    assert rate.keys == (0, 2)
    assert rate.schema.names == ("v", "t")
    assert rate.input.visible == 3


def test_all_events_need_no_keys(planned: Planned) -> None:
    rate = _rate(planned(f"{_S} from S select sum(v) as t group by k output every 2 events insert into O;"))

    assert rate.keys == ()
    assert rate.input.visible == 1


def test_hidden_outputs_of_having_stand_behind_the_keys(planned: Planned) -> None:
    rate = _rate(
        planned(
            f"{_S} from S select sum(v) as t group by k having count() > 1 output first every 2 events insert into O;"
        )
    )

    assert (rate.keys, rate.input.visible, len(rate.input.outputs)) == ((1,), 2, 3)


def test_a_snapshot_sees_both_kinds_and_whole_batches(planned: Planned) -> None:
    plan = planned(
        f"{_S} from S#window.lengthBatch(2) select k, sum(v) + 1 as t output snapshot every 1 sec insert into O;"
    )
    rate = _rate(plan)

    assert (rate.input.current, rate.input.expired, rate.input.keeps_all) == (True, True, True)
    assert rate.windowed
    assert rate.aggregates == {1}
    assert "snapshot every 1000 ms, 2 visible, aggregates 1, windowed" in plan.explain()


def test_other_rates_see_what_the_query_sends(planned: Planned) -> None:
    rate = _rate(planned(f"{_S} from S#window.length(2) select k output every 2 events insert expired events into O;"))

    assert (rate.input.current, rate.input.expired, rate.input.keeps_all) == (False, True, False)


def test_a_subquery_has_a_rate_of_its_own() -> None:
    text = (
        "CREATE STREAM S (k STRING, v INT);"
        "INSERT INTO O SELECT k FROM (SELECT k, v FROM S OUTPUT LAST EVERY 2 EVENTS) AS x WHERE v > 0;"
    )
    with AppRunner(text, "O") as runner:
        for v in range(1, 6):
            runner.send("S", ("abcde"[v - 1], v), timestamp=v)

        assert runner.events("O") == [("b",), ("d",)]


def test_a_union_in_a_subquery_is_limited_as_a_whole() -> None:
    text = (
        "CREATE STREAM S (v INT);"
        "INSERT INTO O SELECT v FROM (SELECT v FROM S UNION ALL SELECT v * 10 AS v FROM S OUTPUT LAST EVERY 3 EVENTS)"
        " AS x;"
    )
    with AppRunner(text, "O") as runner:
        for v in range(1, 4):
            runner.send("S", (v,), timestamp=v)

        assert runner.events("O") == [(2,), (30,)]


def test_distinct_rows_at_a_rate() -> None:
    text = "CREATE STREAM S (k STRING, v INT); INSERT INTO O SELECT DISTINCT k FROM S OUTPUT EVERY 2 EVENTS;"
    with AppRunner(text, "O") as runner:
        for step, k in enumerate("aabacd", 1):
            runner.send("S", (k, step), timestamp=step)

        assert runner.events("O") == [("a",), ("b",), ("c",), ("d",)]


def test_a_table_changes_at_a_rate() -> None:
    text = (
        "CREATE STREAM S (k STRING, v INT); CREATE TABLE T (k STRING PRIMARY KEY, v INT);"
        "CREATE STREAM Ask (k STRING);"
        "UPDATE OR INSERT INTO T SELECT k, v FROM S OUTPUT LAST EVERY 2 EVENTS ON T.k = k;"
        "from Ask[T.k == k in T] select k insert into O;"
    )
    with AppRunner(text, "O") as runner:
        for step, k in enumerate("ab", 1):
            runner.send("S", (k, step), timestamp=step)
        for k in "ab":
            runner.send("Ask", (k,), timestamp=9)

        assert runner.events("O") == [("b",)]


@pytest.mark.parametrize(
    "clause",
    ["OUTPUT SNAPSHOT EVERY 5 EVENTS", "OUTPUT EVERY 0 EVENTS", "OUTPUT EVERY 0 SECONDS", "OUTPUT EVERY 1 MONTH"],
)
def test_wrong_rates(refused: Callable[[str], tuple[Diagnostic, ...]], clause: str) -> None:
    (diagnostic,) = refused(f"CREATE STREAM S (k STRING); INSERT INTO O SELECT k FROM S {clause};")

    assert diagnostic.code is ErrorCode.INVALID_DURATION
