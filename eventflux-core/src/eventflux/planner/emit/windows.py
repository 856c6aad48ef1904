"""Windows -> operators: those that are bounded by a condition, and those that have a name."""

from __future__ import annotations

from collections.abc import Sequence

from eventflux.planner.emit.programs import ProgramWriter
from eventflux.planner.emit.refused import placed_at
from eventflux.planner.emit.target import Aggregator, GraphTarget, Node, ProgramT, SelectParts, WindowCondition
from eventflux.planner.logical.nodes import ContentCondition, NamedWindowPlan, Window, WindowParameter
from eventflux.planner.typed.nodes import TypedExpression
from eventflux.types.attribute_type import AttributeType


def add_window(
    graph: GraphTarget[ProgramT], below: Node, window: Window | NamedWindowPlan, *, shares: bool, wants_expired: bool
) -> Node:
    """Add a native window."""
    if window.condition is None:
        return graph.window(below, window.native, window.parameters, wants_expired=wants_expired)
    return graph.expression_window(
        below,
        _condition(graph, window.condition, window.parameters, shares=shares),
        is_batch=window.native == "expression_batch",
        wants_expired=wants_expired,
    )


def add_named_window(graph: GraphTarget[ProgramT], window: NamedWindowPlan) -> tuple[Node, Node]:
    """Add a window that queries share: the node that takes what is inserted, and the one that its readers read.

    inserts --> stream "W~in" --> window --> gate --> readers
    """
    entrance = graph.stream(f"{window.name}~in", window.schema.types)
    graph.query(window.name)
    with placed_at(window.span):
        held = add_window(graph, entrance, window, shares=True, wants_expired=True)
    return entrance, graph.gate(held, current=window.current, expired=window.expired)


def _condition(
    graph: GraphTarget[ProgramT], condition: ContentCondition, parameters: Sequence[WindowParameter], *, shares: bool
) -> WindowCondition[ProgramT]:
    flags = {parameter.name for parameter in parameters if parameter.value is True}
    types = condition.schema.types
    arguments: list[TypedExpression] = []
    aggregates: list[Aggregator] = []
    for call in condition.aggregates:
        place = None
        if call.argument is not None:
            place = len(arguments)
            arguments.append(call.argument)
        argument_type = None if call.argument is None else call.argument.type
        aggregates.append(Aggregator(name=call.name, argument_type=argument_type, argument_output=place))
    columns = range(len(types), len(types) + len(aggregates))
    all_types = (*types, *(call.type for call in condition.aggregates))
    return WindowCondition(
        parts=SelectParts(
            group_keys=0,
            aggregates=tuple(aggregates),
            visible=1,
            order=(),
            limit=None,
            offset=0,
            current=True,
            expired=True,
            keeps_all=False,
        ),
        arguments=_program(graph, types, arguments, (), shares=shares) if arguments else None,
        condition=_program(graph, all_types, [condition.expression], columns, shares=shares),
        includes="include_triggering_event" in flags,
        streams="stream_current_event" in flags,
    )


def _program(
    graph: GraphTarget[ProgramT],
    types: Sequence[AttributeType],
    outputs: Sequence[TypedExpression],
    aggregates: Sequence[int],
    *,
    shares: bool,
) -> ProgramT:
    program = graph.program(types)
    writer = ProgramWriter(program, aggregates=aggregates, shares=shares)
    for output in outputs:
        writer.output(output)
    return program
