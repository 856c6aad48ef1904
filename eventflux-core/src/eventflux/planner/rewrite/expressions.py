"""Applying a change to every expression of a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from eventflux.planner.logical.aggregates import AggregateCall
from eventflux.planner.logical.nodes import (
    Contains,
    Filter,
    Join,
    Log,
    Lookup,
    Map,
    Match,
    Node,
    Pattern,
    QueryPlan,
    RateLimit,
    Root,
    Scan,
    Select,
    Window,
    WindowFunction,
)
from eventflux.planner.logical.tables import Change as TableChange
from eventflux.planner.logical.tables import TableCondition
from eventflux.planner.typed.nodes import TypedExpression

Change = Callable[[TypedExpression], TypedExpression]


def change_expressions(plan: QueryPlan, change: Change) -> QueryPlan:
    """The plan with `change` applied to each whole expression."""
    changed = None if plan.change is None else _table_change(plan.change, change)
    return replace(plan, root=_root(plan.root, change), change=changed)


def _node(node: Node, change: Change) -> Node:
    match node:
        case Scan():
            return node
        case Pattern():
            return replace(node, inputs=tuple(_node(source, change) for source in node.inputs))
        case Join():
            return replace(
                node,
                left=replace(node.left, input=_node(node.left.input, change)),
                right=replace(node.right, input=_node(node.right.input, change)),
                condition=None if node.condition is None else change(node.condition),
            )
        case Filter():
            return replace(node, input=_node(node.input, change), condition=change(node.condition))
        case Map():
            columns = tuple(change(column) for column in node.columns)
            return replace(node, input=_node(node.input, change), columns=columns)
        case Log():
            return replace(node, input=_node(node.input, change), call=change(node.call))
        case Window() | WindowFunction() | Match():
            # Their conditions were changed when they were bound.
            return replace(node, input=_node(node.input, change))
        case Contains() | Lookup():
            return replace(node, input=_node(node.input, change), condition=_condition(node.condition, change))
        case Select() | RateLimit():
            return _root(node, change)


def _root(node: Root, change: Change) -> Root:
    match node:
        case Select():
            return _select(node, change)
        case RateLimit():
            return replace(node, input=_select(node.input, change))


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
    return call.changed(change)


def _condition(condition: TableCondition, change: Change) -> TableCondition:
    return replace(
        condition,
        conjuncts=tuple(replace(conjunct, key=change(conjunct.key)) for conjunct in condition.conjuncts),
        residual=None if condition.residual is None else change(condition.residual),
    )


def _table_change(table_change: TableChange, change: Change) -> TableChange:
    return replace(
        table_change,
        condition=_condition(table_change.condition, change),
        assignments=tuple((column, change(value)) for column, value in table_change.assignments),
    )
