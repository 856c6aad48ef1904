"""Named windows -> operators."""

from __future__ import annotations

from eventflux.planner.emit.target import GraphTarget, Node, ProgramT
from eventflux.planner.logical.nodes import NamedWindowPlan


def add_named_window(graph: GraphTarget[ProgramT], window: NamedWindowPlan) -> tuple[Node, Node]:
    """Add a window that queries share: the node that takes what is inserted, and the one that its readers read.

    inserts --> stream "W~in" --> window --> gate --> readers
    """
    entrance = graph.stream(f"{window.name}~in", window.schema.types)
    graph.query(window.name)
    held = graph.window(entrance, window.native, window.parameters, wants_expired=True)
    return entrance, graph.gate(held, current=window.current, expired=window.expired)
