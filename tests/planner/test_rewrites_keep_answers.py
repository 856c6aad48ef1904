"""Whatever is rewritten, the answers are the same: random queries over random events, with every rule on and off."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflux.planner import PlannerOptions, plan
from eventflux.planner.rewrite.rules import RULE_NAMES
from eventflux.testing import AppRunner

_CONDITIONS = (
    "v > 2",
    "v > 1 + 1 and s != 'b'",
    "s == 'a' or d >= 1.5",
    "not (v > 2)",
    "v + v > w and v + v < 20",
    "1 > 2",
    "true",
    "v is null",
)
_ITEMS = (
    "v as x{}",
    "s as x{}",
    "v * 2 + 1 as x{}",
    "v * 2 as x{}",
    "d / v as x{}",
    "coalesce(v, w) as x{}",
    "ifThenElse(v > 2, s, 'low') as x{}",
)
_AGGREGATES = ("sum(v * 2) as x{}", "count() as x{}", "avg(d) as x{}", "max(w) as x{}", "sum(v * 2) + count() as x{}")
_WINDOWS = (
    "",
    "#window.length(2)",
    "#window.lengthBatch(3)",
    "#window.time(20)",
    "#window.timeBatch(25)",
    "#window.externalTime(ts, 15)",
    "#window.externalTimeBatch(ts, 15)",
    "#window.batch()",
)
_KINDS = ("insert into", "insert all events into", "insert expired events into")

_filters = st.lists(st.sampled_from(_CONDITIONS), max_size=2).map(lambda found: "".join(f"[{each}]" for each in found))


@st.composite
def _apps(draw: st.DrawFn) -> str:
    items = [*draw(st.lists(st.sampled_from(_ITEMS), min_size=1, max_size=3))]
    items += draw(st.lists(st.sampled_from(_AGGREGATES), max_size=2))
    selected = ", ".join(item.format(number) for number, item in enumerate(items))
    function = draw(st.sampled_from(("", "#pol2Cart(d, d)")))
    group = draw(st.sampled_from(("", " group by s", " group by s, w")))
    having = draw(st.sampled_from(("", " having not (x0 is null)")))
    order = draw(st.sampled_from(("", " order by x0 desc", " order by x0 limit 2 offset 1")))
    window, kinds = draw(st.sampled_from(_WINDOWS)), draw(st.sampled_from(_KINDS))
    return (
        "define stream S (v int, w int, d double, s string, ts long);\n"
        f"@info(name = 'q') from S{draw(_filters)}{function}{draw(_filters)}{window}{draw(_filters)}\n"
        f"select {selected}{group}{having}{order} {kinds} O;"
    )


_rows = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.one_of(st.none(), st.integers(-3, 6)),
        st.integers(0, 4),
        st.one_of(st.none(), st.sampled_from([0.5, 1.5, 4.0])),
        st.sampled_from(["a", "b", None]),
    ),
    max_size=12,
)


def _answers(app: str, rows: list[tuple[int, int | None, int, float | None, str | None]]) -> list[object]:
    with AppRunner(app, "O", "q") as runner:
        clock = 1000
        for step, v, w, d, s in rows:
            clock += step
            runner.send("S", (v, w, d, s, clock), timestamp=clock)
        runner.advance(clock + 200)
        return [runner.events("O"), runner.events("q"), runner.expired("q")]


@given(app=_apps(), rows=_rows)
@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_answers_are_those_of_the_plan_that_nothing_was_rewritten_in(
    app: str, rows: list[tuple[int, int | None, int, float | None, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    rewritten = _answers(app, rows)
    with monkeypatch.context() as patched:
        options = PlannerOptions(switched_off=frozenset(RULE_NAMES))
        patched.setattr("eventflux.runtime.manager.plan", partial(plan, options=options))
        as_written = _answers(app, rows)

    assert rewritten == as_written
