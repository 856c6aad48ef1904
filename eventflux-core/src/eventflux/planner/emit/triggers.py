"""Triggers -> streams with operators that fill them."""

from __future__ import annotations

from eventflux.planner.emit.refused import placed_at
from eventflux.planner.emit.target import GraphTarget, Node, ProgramT
from eventflux.planner.logical.nodes import TriggerPlan
from eventflux.types.attribute_type import AttributeType


def add_trigger(graph: GraphTarget[ProgramT], trigger: TriggerPlan) -> Node:
    """Add the stream of a trigger; one at the start gets its row from whoever starts the app."""
    stream = graph.stream(trigger.name, (AttributeType.LONG,))
    if not trigger.is_at_start:
        graph.query(trigger.name)
        with placed_at(trigger.span):
            rows = graph.trigger(period_ms=trigger.period_ms, cron=trigger.cron, sunday_is_1=trigger.sunday_is_1)
        graph.insert(rows, stream, current=True, expired=False)
    return stream
