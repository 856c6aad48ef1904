"""The rules and their order."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from eventflux.planner.logical.nodes import QueryPlan
from eventflux.planner.rewrite.column_pruning import prune_columns
from eventflux.planner.rewrite.constant_folding import fold_constants
from eventflux.planner.rewrite.filter_pushdown import push_down_filters

Rule = Callable[[QueryPlan], QueryPlan]

CONSTANT_FOLDING: Final = "constant_folding"
FILTER_PUSHDOWN: Final = "filter_pushdown"
COLUMN_PRUNING: Final = "column_pruning"
COMMON_SUBEXPRESSIONS: Final = "common_subexpressions"
HASH_JOIN: Final = "hash_join"

_RULES: Final[tuple[tuple[str, Rule], ...]] = (
    (CONSTANT_FOLDING, fold_constants),
    (FILTER_PUSHDOWN, push_down_filters),
    (COLUMN_PRUNING, prune_columns),
)

# Common subexpressions are found while programs are written, keys of joins while these are: the names switch it off.
RULE_NAMES: Final = (*(name for name, _ in _RULES), COMMON_SUBEXPRESSIONS, HASH_JOIN)


def rewrite(plan: QueryPlan, switched_off: Collection[str] = ()) -> QueryPlan:
    """The plan after all rules but those that are switched off."""
    for name, rule in _RULES:
        if name not in switched_off:
            plan = rule(plan)
    return plan
