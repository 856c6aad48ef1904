"""Laws of rewrite rules, over all texts of the fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eventflux.planner import Plan
from eventflux.planner.logical.nodes import QueryPlan, Select, Window, chain
from eventflux.planner.rewrite.column_pruning import prune_columns
from eventflux.planner.rewrite.constant_folding import fold_constants
from eventflux.planner.rewrite.filter_pushdown import push_down_filters
from eventflux.planner.rewrite.rules import RULE_NAMES

_FIXTURES = Path(__file__).parent.parent / "fixtures"
_TEXTS = sorted(
    path
    for folder in ("plans", "rewrite")
    for path in (_FIXTURES / folder).rglob("*")
    if path.suffix in {".sql", ".eventfluxql"}
)


@pytest.mark.parametrize("rule", [fold_constants, push_down_filters, prune_columns], ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", _TEXTS, ids=lambda path: path.name)
def test_a_rule_done_twice_does_nothing_more(
    path: Path, rule: Callable[[QueryPlan], QueryPlan], planned: Callable[..., Plan]
) -> None:
    for query in planned(path.read_text()).logical_queries:
        once = rule(query)

        assert rule(once) == once


@pytest.mark.parametrize("path", _TEXTS, ids=lambda path: path.name)
def test_rewriting_keeps_what_the_query_puts_out(path: Path, planned: Callable[..., Plan]) -> None:
    plan = planned(path.read_text())

    for before, after in zip(plan.logical_queries, plan.queries, strict=True):
        assert after.root.schema == before.root.schema
        assert after.target == before.target
        for ended, started in zip(_selections(after), _selections(before), strict=True):
            assert (ended.current, ended.expired) == (started.current, started.expired)


def _selections(query: QueryPlan) -> list[Select]:
    return [node for node in chain(query.root) if isinstance(node, Select)]


def test_with_every_rule_off_the_plan_is_the_logical_one(planned: Callable[..., Plan]) -> None:
    for path in _TEXTS:
        plan = planned(path.read_text(), switched_off=RULE_NAMES)

        assert plan.queries == plan.logical_queries


def test_a_window_keeps_only_what_is_read_behind_it(planned: Callable[..., Plan]) -> None:
    plan = planned(
        "define stream S (a int, b int, c int, ts long);"
        "from S[b > 1]#window.externalTime(ts, 5 sec)[c > 2] select sum(a) as t insert into O;"
    )

    (window,) = (node for node in chain(plan.queries[0].root) if isinstance(node, Window))
    assert window.input.schema.names == ("a", "c", "ts")
