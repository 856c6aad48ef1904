"""The logical plan as text: one query after the other, each from its target down to the stream that it reads."""

from __future__ import annotations

from collections.abc import Callable

from eventflux.planner.logical.explain_matches import explain_match
from eventflux.planner.logical.explain_patterns import condition_names, explain_state, output_names
from eventflux.planner.logical.nodes import (
    Contains,
    Filter,
    Join,
    JoinSide,
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
    WindowFunctionKind,
    WindowParameter,
    chain,
)
from eventflux.planner.logical.partitions import PartitionPlan
from eventflux.planner.logical.reading import scans
from eventflux.planner.logical.tables import Change, ChangeKind, Comparison, TableCondition
from eventflux.planner.typed.nodes import Column, TypedExpression
from eventflux.planner.typed.text import text_of
from eventflux.planner.typed.walk import nodes


def explain_query(plan: QueryPlan) -> str:
    """A query as a tree."""
    kinds = {(True, False): "current", (False, True): "expired", (True, True): "all"}
    lines = [f"query {plan.name}{' (internal)' if plan.is_hidden else ''}"]
    if plan.partition is not None:
        lines.extend(_partition_lines(plan.partition, plan.root))
    depth = 1
    if plan.target is not None:
        lines.append(f"  insert {kinds[plan.current, plan.expired]} events into {plan.target}")
        depth = 2
    if plan.change is not None:
        lines.append(f"  {_change(plan.change, plan.root, kinds[plan.current, plan.expired])}")
        depth = 2
    lines.extend(_tree(plan.root, depth))
    return "\n".join(lines)


def _tree(node: Node, depth: int) -> list[str]:
    """A node and what is below it."""
    lines = _lines(node, "  " * depth)
    while not isinstance(node, (Scan, Join, Pattern)):
        node = node.input
        depth += 1
        lines.extend(_lines(node, "  " * depth))
    if isinstance(node, Join):
        for name, side in (("left", node.left), ("right", node.right)):
            lines.append(f"{'  ' * (depth + 1)}{_side(name, side)}")
            lines.extend(_tree(side.input, depth + 2))
    return lines


def _side(name: str, side: JoinSide) -> str:
    parts = [name]
    if side.is_static:
        parts.append("only searched")
    elif not side.triggers:
        parts.append("does not trigger")
    if side.preserved:
        parts.append("preserved")
    return ", ".join(parts)


def _partition_lines(partition: PartitionPlan, root: Node) -> list[str]:
    """The keys of the streams that the query reads."""
    lines = [f"  partition {partition.name}"]
    for scan in scans(root):
        key = partition.key_of(scan.stream)
        if key is None:
            continue
        texts = [text_of(expression, _names(scan)) for expression in key.expressions]
        shown = " or ".join(f"{text} as {label!r}" for text, label in zip(texts, key.labels, strict=False))
        lines.append(f"    {shown or ', '.join(texts)} of {scan.stream}")
    return list(dict.fromkeys(lines))


def _lines(node: Node, indent: str) -> list[str]:
    match node:
        case Scan():
            return [f"{indent}stream {node.stream} ({node.schema})"]
        case Pattern():
            return _pattern_lines(node, indent)
        case Match():
            return [f"{indent}{line}" for line in explain_match(node)]
        case Join():
            condition = "" if node.condition is None else f" on {text_of(node.condition, _names(node))}"
            return [f"{indent}{node.kind}{condition}"]
        case Filter():
            return [f"{indent}filter {text_of(node.condition, _names(node.input))}"]
        case Map():
            name = _names(node.input)
            columns = ", ".join(
                _named(attribute.name, text_of(column, name))
                for attribute, column in zip(node.schema, node.columns, strict=True)
            )
            return [f"{indent}map {columns}"]
        case Log():
            return [f"{indent}log"]
        case Contains():
            question = _condition(node.condition, node.content, _names(node.input), len(node.input.schema))
            return [f"{indent}ask {node.content}: {question} as {node.schema[len(node.schema) - 1].name}"]
        case Lookup():
            found = _condition(node.condition, node.content, _names(node), len(node.input.schema))
            return [f"{indent}find {node.content}: {found}"]
        case Window() if node.appended is not None:
            return [f"{indent}call {node.declaration.qualified_name} -> {', '.join(node.schema.names)}"]
        case Window():
            arguments = ", ".join(_parameter(parameter, _names(node.input)) for parameter in node.parameters)
            return [f"{indent}window {node.declaration.qualified_name}({arguments})"]
        case WindowFunction():
            return [f"{indent}{_window_function(node)}"]
        case Select():
            return _select_lines(node, indent)
        case RateLimit():
            unit = "ms" if node.by_time else "events"
            keys = ", ".join(node.input.schema[key].name for key in node.keys)
            return [f"{indent}output {node.mode.value} every {node.every} {unit}{f' by {keys}' if keys else ''}"]


def _pattern_lines(node: Pattern, indent: str) -> list[str]:
    head = "sequence" if node.is_sequence else "pattern"
    if node.gives_timeouts:
        head = f"timeouts of {head}"
    if node.within is not None:
        head += f" within {node.within} ms"
    if node.within_events is not None:
        head += f" within {node.within_events} events"
    if node.limit is not None:
        policy = "else the oldest is dropped" if node.limit.drops_oldest else "else the event fails"
        head += f" at most {node.limit.most} partial matches, {policy}"
    lines = [f"{indent}{head}: {output_names(node.captures)}"]
    for number, state in enumerate(node.states):
        names = node.inputs[state.port].schema.names
        lines.extend(f"{indent}  {line}" for line in explain_state(number, state, names, is_sequence=node.is_sequence))
        if state.own is not None:
            lines.append(f"{indent}    if {text_of(state.own, names.__getitem__)}")
        if state.condition is not None:
            read = condition_names(state, names)
            lines.append(f"{indent}    if {text_of(state.condition, read.__getitem__)}")
    for source in node.inputs:
        for each in reversed(chain(source)):
            lines.extend(_lines(each, f"{indent}  "))
    return lines


def _select_lines(node: Select, indent: str) -> list[str]:
    name = _names(node.input)

    def aggregate(index: int) -> str:
        call = node.aggregates[index]
        argument = "" if call.argument is None else text_of(call.argument, name)
        condition = "" if call.condition is None else f" where {text_of(call.condition, name)}"
        return f"{call.name}({argument}){condition}"

    def output(index: int) -> str:
        return node.outputs[index].name

    shown = [_named(each.name, text_of(each.expression, name, aggregate)) for each in node.outputs]
    lines = [f"{indent}select {', '.join(shown[: node.visible])}"]
    more = f"{indent}  "
    if len(shown) > node.visible:
        lines.append(f"{more}hidden {', '.join(shown[node.visible :])}")
    if node.group_by:
        lines.append(f"{more}group by {', '.join(text_of(key, name) for key in node.group_by)}")
    if node.having is not None:
        lines.append(f"{more}having {text_of(node.having, output)}")
    if node.order:
        keys = ", ".join(
            output(key.output) + (" desc" if key.descending else "") + (" nulls first" if key.nulls_first else "")
            for key in node.order
        )
        lines.append(f"{more}order by {keys}")
    if node.limit is not None:
        lines.append(f"{more}limit {node.limit}")
    if node.offset:
        lines.append(f"{more}offset {node.offset}")
    return lines


def _names(node: Node) -> Callable[[int], str]:
    schema = node.schema
    return lambda index: schema[index].name


def _named(name: str, text: str) -> str:
    return name if name == text else f"{text} as {name}"


def _parameter(parameter: WindowParameter, name: Callable[[int], str]) -> str:
    if parameter.column is not None:
        return f"{parameter.name} = {name(parameter.column)}"
    if isinstance(parameter.value, bool):
        return f"{parameter.name} = {'true' if parameter.value else 'false'}"
    return f"{parameter.name} = {'null' if parameter.value is None else repr(parameter.value)}"


_SIGNS = {
    Comparison.EQUAL: "==",
    Comparison.LESS: "<",
    Comparison.LESS_EQUAL: "<=",
    Comparison.GREATER: ">",
    Comparison.GREATER_EQUAL: ">=",
}


def _condition(condition: TableCondition, content: str, name: Callable[[int], str], width: int) -> str:
    """The condition, with the attributes of what is asked as `T.a`."""
    parts = [
        f"{content}.{conjunct.name} {_SIGNS[conjunct.comparison]} {text_of(conjunct.key, name)}"
        for conjunct in condition.conjuncts
    ]
    if condition.residual is not None:
        parts.append(f"({text_of(condition.residual, _beside(condition.residual, content, name, width))})")
    return " and ".join(parts) or "true"


def _beside(expression: TypedExpression, content: str, name: Callable[[int], str], width: int) -> Callable[[int], str]:
    """Names of the columns of a row and, behind them, of what is asked."""
    columns = {node.index: node.name for node in nodes((expression,)) if isinstance(node, Column)}
    return lambda index: name(index) if index < width else f"{content}.{columns[index]}"


def _change(change: Change, root: Root, kinds: str) -> str:
    width = len(root.schema)

    def row(index: int) -> str:
        return root.schema[index].name

    verb = {
        ChangeKind.UPDATE: "update",
        ChangeKind.DELETE: "delete from",
        ChangeKind.UPSERT: "update or insert into",
        ChangeKind.INSERT: "insert into",
    }[change.kind]
    assigned = ", ".join(
        f"{change.attributes[column]} = {text_of(value, _beside(value, change.table, row, width))}"
        for column, value in change.assignments
    )
    set_clause = f" set {assigned}" if assigned else ""
    condition = _condition(change.condition, change.table, row, width)
    return f"{verb} {change.table} by {kinds} events{set_clause} on {condition}"


def _window_function(node: WindowFunction) -> str:
    sizes = f"{node.size} ms"
    if node.kind in {WindowFunctionKind.HOP, WindowFunctionKind.CUMULATE}:
        sizes += f" every {node.hop} ms"
    if node.offset:
        sizes += f" from {node.offset} ms"
    time = "the clock" if node.time_column is None else node.input.schema[node.time_column].name
    return f"{node.kind.name.lower()} {sizes} by {time}, {node.emission.name.lower().replace('_', ' ')}"
