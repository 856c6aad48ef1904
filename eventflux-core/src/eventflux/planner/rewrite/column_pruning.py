"""A window retains only the columns that are read behind it, and projections compute only those.

A Map is put before a window that would keep more than is needed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

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
from eventflux.planner.logical.row_patterns import MatchCapture
from eventflux.planner.typed.nodes import Column, TypedExpression
from eventflux.planner.typed.walk import columns_read, renumber_columns
from eventflux.types.schema import Schema

# Windows that look at no attribute but those that their arguments name. Others get all attributes.
_READS_ARGUMENTS_ONLY: Final = frozenset(
    {
        "length",
        "length_batch",
        "time",
        "time_batch",
        "time_length",
        "external_time",
        "external_time_batch",
        "batch",
        "session",
        "sort",
        "delay",
        "cron",
        "hopping",
    }
)

_Numbers = dict[int, int]


def prune_columns(plan: QueryPlan) -> QueryPlan:
    """The plan without columns that nobody reads."""
    return replace(plan, root=_root(plan.root))


def _root(node: Root) -> Root:
    match node:
        case Select():
            return _select(node)
        case RateLimit():
            return replace(node, input=_select(node.input))


def _select(node: Select) -> Select:
    expressions = [
        *node.group_by,
        *(expression for call in node.aggregates for expression in call.expressions),
        *(output.expression for output in node.outputs),
    ]
    source, numbers = _prune(node.input, columns_read(expressions))
    return replace(
        node,
        input=source,
        group_by=tuple(renumber_columns(key, numbers) for key in node.group_by),
        aggregates=tuple(_aggregate(call, numbers) for call in node.aggregates),
        outputs=tuple(
            replace(output, expression=renumber_columns(output.expression, numbers)) for output in node.outputs
        ),
    )


def _aggregate(call: AggregateCall, numbers: _Numbers) -> AggregateCall:
    return call.changed(lambda expression: renumber_columns(expression, numbers))


def _prune(node: Node, needed: set[int]) -> tuple[Node, _Numbers]:
    """The node with at least the needed columns, and their new numbers."""
    match node:
        case Scan():
            return node, _same(node)
        case Pattern():
            return _prune_pattern(node, needed)
        case Match():
            return _prune_match(node, needed)
        case Join():
            return _prune_join(node, needed)
        case Select() | RateLimit():
            pruned = _root(node)
            return pruned, _same(pruned)
        case Filter():
            source, numbers = _prune(node.input, needed | columns_read((node.condition,)))
            return replace(node, input=source, condition=renumber_columns(node.condition, numbers)), numbers
        case Log():
            source, numbers = _prune(node.input, needed | columns_read((node.call,)))
            return replace(node, input=source, call=renumber_columns(node.call, numbers)), numbers
        case Map():
            return _prune_map(node, needed)
        case Contains() | Lookup():
            # The columns of the content stand behind all of the input's.
            source, _ = _prune(node.input, set(range(len(node.input.schema))))
            return replace(node, input=source), _same(node)
        case Window():
            return _prune_window(node, needed)
        case WindowFunction():
            return _prune_window_function(node, needed)


def _prune_pattern(node: Pattern, needed: set[int]) -> tuple[Node, _Numbers]:
    """A pattern puts out what is read, and keeps of its events what that and its conditions read."""
    kept = sorted(needed)
    captures = tuple(node.captures[index] for index in kept)
    return node.reading(captures), {old: new for new, old in enumerate(kept)}


def _prune_match(node: Match, needed: set[int]) -> tuple[Node, _Numbers]:
    """As a pattern; its input has what captures and conditions read."""
    kept = sorted(needed)
    node = replace(node, captures=tuple(node.captures[index] for index in kept))
    own = columns_read(variable.own for variable in node.variables if variable.own is not None)
    source, below = _prune(node.input, own | set(node.kept))
    variables = tuple(
        replace(
            variable,
            own=None if variable.own is None else renumber_columns(variable.own, below),
            captures=tuple(_capture(capture, below) for capture in variable.captures),
        )
        for variable in node.variables
    )
    captures = tuple(_capture(capture, below) for capture in node.captures)
    pruned = replace(node, input=source, variables=variables, captures=captures)
    return pruned, {old: new for new, old in enumerate(kept)}


def _capture(capture: MatchCapture, numbers: _Numbers) -> MatchCapture:
    return replace(capture, column=numbers[capture.column]) if capture.kind.reads_column else capture


def _prune_join(node: Join, needed: set[int]) -> tuple[Node, _Numbers]:
    if node.condition is not None:
        needed = needed | columns_read((node.condition,))
    width = len(node.left.schema)
    left, left_numbers = _prune(node.left.input, {index for index in needed if index < width})
    right, right_numbers = _prune(node.right.input, {index - width for index in needed if index >= width})
    numbers = dict(left_numbers)
    numbers |= {old + width: new + len(left.schema) for old, new in right_numbers.items()}
    kept = {new: old for old, new in numbers.items()}
    pruned = replace(
        node,
        left=replace(node.left, input=left),
        right=replace(node.right, input=right),
        condition=None if node.condition is None else renumber_columns(node.condition, numbers),
        schema=Schema(node.schema[kept[index]] for index in range(len(left.schema) + len(right.schema))),
    )
    return pruned, numbers


def _same(node: Node) -> _Numbers:
    return {index: index for index in range(len(node.schema))}


def _prune_map(node: Map, needed: set[int]) -> tuple[Node, _Numbers]:
    kept = sorted(needed)
    source, below = _prune(node.input, columns_read(node.columns[index] for index in kept))
    columns = tuple(renumber_columns(node.columns[index], below) for index in kept)
    schema = Schema(node.schema[index] for index in kept)
    numbers = {old: new for new, old in enumerate(kept)}
    if _is_identity(columns, source):
        return source, numbers
    return replace(node, input=source, columns=columns, schema=schema), numbers


def _is_identity(columns: tuple[TypedExpression, ...], source: Node) -> bool:
    return len(columns) == len(source.schema) and all(
        isinstance(column, Column) and column.index == index for index, column in enumerate(columns)
    )


def _prune_window(node: Window, needed: set[int]) -> tuple[Node, _Numbers]:
    if node.appended is not None:
        source, _ = _prune(node.input, set(range(len(node.input.schema))))
        return replace(node, input=source), _same(node)
    if node.native not in _READS_ARGUMENTS_ONLY:
        needed = set(range(len(node.schema)))
    named = {parameter.column for parameter in node.parameters if parameter.column is not None}
    source, numbers = _only(node, needed | named)
    parameters = tuple(
        parameter if parameter.column is None else replace(parameter, column=numbers[parameter.column])
        for parameter in node.parameters
    )
    return replace(node, input=source, parameters=parameters), numbers


def _only(node: Window | WindowFunction, needed: set[int]) -> tuple[Node, _Numbers]:
    """The input of a node that retains rows, with these columns and no others."""
    kept = sorted(needed)
    source, numbers = _prune(node.input, needed)
    if len(source.schema) == len(kept):
        return source, numbers
    schema = Schema(node.input.schema[index] for index in kept)
    columns = tuple(
        Column(index=numbers[index], type=attribute.type, name=attribute.name)
        for index, attribute in zip(kept, schema, strict=True)
    )
    return Map(input=source, columns=columns, schema=schema, span=node.span), {old: new for new, old in enumerate(kept)}


def _prune_window_function(node: WindowFunction, needed: set[int]) -> tuple[Node, _Numbers]:
    """As a window; what it appends stays."""
    width = len(node.input.schema)
    named = set() if node.time_column is None else {node.time_column}
    source, numbers = _only(node, {index for index in needed if index < width} | named)
    time_column = None if node.time_column is None else numbers[node.time_column]
    pruned = replace(node, input=source, time_column=time_column)
    appended = {width + index: len(source.schema) + index for index in range(len(node.schema) - width)}
    return pruned, numbers | appended
