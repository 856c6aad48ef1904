"""Applying a change to every expression of a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from eventflux.planner.logical.aggregates import AggregateCall
from eventflux.planner.logical.nodes import Filter, Log, Map, Node, QueryPlan, Scan, Select, Window
from eventflux.planner.typed.nodes import TypedExpression

Change = Callable[[TypedExpression], TypedExpression]


def change_expressions(plan: QueryPlan, change: Change) -> QueryPlan:
    """The plan with `change` applied to each whole expression."""
    return replace(plan, root=_select(plan.root, change))


def _node(node: Node, change: Change) -> Node:
    match node:
        case Scan():
            return node
        case Filter():
            return replace(node, input=_node(node.input, change), condition=change(node.condition))
        case Map():
            columns = tuple(change(column) for column in node.columns)
            return replace(node, input=_node(node.input, change), columns=columns)
        case Log():
            return replace(node, input=_node(node.input, change), call=change(node.call))
        case Window():
            return replace(node, input=_node(node.input, change))
        case Select():
            return _select(node, change)


def _select(node: Select, change: Change) -> Select:
    return replace(
        node,
        input=_node(node.input, change),
        group_by=tuple(change(key) for key in node.group_by),
        aggregates=tuple(_aggregate(call, change) for call in node.aggregates),
        outputs=tuple(replace(output, expression=change(output.expression)) for output in node.outputs),
        having=None if node.having is None else change(node.having),
    )


def _aggregate(call: AggregateCall, change: Change) -> AggregateCall:
    return call if call.argument is None else replace(call, argument=change(call.argument))
