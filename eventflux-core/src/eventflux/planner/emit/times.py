"""Time domains -> the operators at their entrances."""

from __future__ import annotations

from collections.abc import Mapping

from eventflux.planner.emit.refused import placed_at
from eventflux.planner.emit.target import EntranceParts, GraphTarget, Node, ProgramT
from eventflux.planner.logical.event_time import TimeDomain
from eventflux.types.source_text import NO_SPAN


def add_entrance(graph: GraphTarget[ProgramT], domain: TimeDomain, streams: Mapping[str, Node]) -> Node:
    """Add the operator that keeps rows until their time has come; it fills the stream of late rows, if there is one."""
    mark = domain.watermark
    parts = EntranceParts(
        domain=domain.number,
        ports=tuple(
            (None if port.source is None else streams[port.source], streams[port.stream]) for port in domain.ports
        ),
        time_column=0 if mark is None else mark.column,
        delay_ms=0 if mark is None else mark.delay_ms,
        idle_ms=0 if mark is None else mark.idle_ms or 0,
        late=domain.late if mark is None else mark.late,
    )
    with placed_at(NO_SPAN if mark is None else mark.span):
        node = graph.entrance(parts)
        if mark is not None and mark.late_stream is not None:
            graph.insert(node, streams[mark.late_stream], current=True, expired=False)
    return node
