"""Aggregations -> operators."""

from __future__ import annotations

from eventflux.planner.emit.queries import QueryEmitter
from eventflux.planner.emit.refused import placed_at
from eventflux.planner.emit.target import Node, ProgramT
from eventflux.planner.logical.aggregations import AggregationPlan


def add_aggregation(emitter: QueryEmitter[ProgramT], aggregation: AggregationPlan) -> Node:
    """Add an aggregation: the node that is asked.

    stream --> filters --> map --> rollup
    """
    emitter.graph.query(aggregation.name)
    with placed_at(aggregation.span):
        rows = emitter.rows(aggregation.root)
        return emitter.graph.aggregation(rows, aggregation)
