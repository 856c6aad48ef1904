"""Filters are joined, and move below a projection that only hands on what they read.

A filter never moves over a window: the window can tell (what it holds, whom it expires), nor over a log.
"""

from __future__ import annotations

from dataclasses import replace

from eventflux.planner.logical.nodes import (
    Filter,
    Join,
    Map,
    Node,
    Pattern,
    QueryPlan,
    RateLimit,
    Scan,
    Select,
    with_input,
)
from eventflux.planner.typed.build import boolean
from eventflux.planner.typed.nodes import Column, Constant, TypedExpression
from eventflux.planner.typed.walk import columns_read, substitute_columns


def push_down_filters(plan: QueryPlan) -> QueryPlan:
    """The plan with its filters as early and as few as possible."""
    root = _push(plan.root)
    assert isinstance(root, (Select, RateLimit))
    return replace(plan, root=root)


def _push(node: Node) -> Node:
    match node:
        case Scan():
            return node
        case Pattern():
            return replace(node, inputs=tuple(_push(source) for source in node.inputs))
        case Join():
            return replace(
                node,
                left=replace(node.left, input=_push(node.left.input)),
                right=replace(node.right, input=_push(node.right.input)),
            )
        case Filter():
            return _filter(_push(node.input), node)
        case _:
            return with_input(node, _push(node.input))


def _filter(source: Node, node: Filter) -> Node:
    """The filter over a source that is pushed already."""
    if isinstance(node.condition, Constant) and node.condition.value is True:
        return source
    match source:
        case Filter():
            joined = boolean(
                "and", source.condition, node.condition, span=source.condition.span.to(node.condition.span)
            )
            return _filter(source.input, replace(source, condition=joined))
        case Map() if all(isinstance(source.columns[index], Column) for index in columns_read((node.condition,))):
            values: dict[int, TypedExpression] = dict(enumerate(source.columns))
            below = replace(node, input=source.input, condition=substitute_columns(node.condition, values))
            return replace(source, input=_filter(source.input, below))
        case _:
            return replace(node, input=source)
