"""Partitions -> nodes that hold their keys, and routers that give rows the slots of their keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from typing import Generic

from eventflux.planner.emit.refused import placed_at
from eventflux.planner.emit.tables import Write
from eventflux.planner.emit.target import GraphTarget, Node, ProgramT
from eventflux.planner.logical.nodes import QueryPlan, Scan
from eventflux.planner.logical.partitions import PartitionPlan
from eventflux.planner.logical.reading import scans
from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class PartitionEmitter(Generic[ProgramT]):
    """Where the queries of partitions read.

    Attributes:
        graph: Where to.
        nodes: Name of each partition -> its node.
        streams: What queries outside partitions read, and the streams within partitions.
        inner: Name of each stream within a partition -> that of its partition.
        routers: (partition, stream) -> the router that gives its rows their slots, as far as some query reads them.
    """

    graph: GraphTarget[ProgramT]
    nodes: Mapping[str, Node]
    streams: Mapping[str, Node]
    inner: Mapping[str, str]
    routers: dict[tuple[str, str], Node] = field(default_factory=dict)

    @contextmanager
    def entered(self, query: QueryPlan, write: Write[ProgramT]) -> Iterator[Mapping[str, Node]]:
        """What a query reads, while what is added belongs to its partition."""
        partition = query.partition
        if partition is None:
            yield self.streams
            return
        self.graph.enter_partition(self.nodes[partition.name])
        yield {**self.streams, **{scan.stream: self._source(partition, scan, write) for scan in scans(query.root)}}
        self.graph.enter_partition(None)

    def _source(self, partition: PartitionPlan, scan: Scan, write: Write[ProgramT]) -> Node:
        node = self.streams[scan.stream]
        if self.inner.get(scan.stream) == partition.name:
            return node
        found = self.routers.get((partition.name, scan.stream))
        if found is None:
            self.graph.query(f"{partition.name}/{scan.stream}")
            key = partition.key_of(scan.stream)
            if key is None:
                found = self.graph.route_all(node)
            else:
                with placed_at(key.span):
                    found = self.graph.route(node, write(scan.schema.types, key.expressions), key.labels)
            self.routers[partition.name, scan.stream] = found
        return found
