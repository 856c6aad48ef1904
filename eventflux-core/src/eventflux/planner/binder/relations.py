"""What the binder of a query asks of the app around it."""

from __future__ import annotations

from typing import Protocol

from eventflux.language.ast import Identifier, Query, RelationName
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.names import Relation
from eventflux.planner.catalog import Entry, RelationKind
from eventflux.planner.logical import nodes as plan
from eventflux.planner.logical.event_time import Watermark
from eventflux.planner.logical.partitions import PartitionPlan
from eventflux.types.source_text import Span


class Relations(Protocol):
    """Finds relations and takes subqueries."""

    def relation(self, name: RelationName, context: BindContext) -> Entry | None:
        """The relation that a query may read here; None after an error was noted."""
        ...

    def subquery(self, query: Query, stem: str, span: Span, context: BindContext) -> Entry | None:
        """A stream that gets the rows of a subquery; None after errors were noted."""
        ...

    def joined(
        self, node: plan.Node, stem: str, span: Span, context: BindContext, partition: PartitionPlan | None = None
    ) -> Entry:
        """A stream that gets the rows of a node, made by keys if there are some.

        What a join of more than two relations joins first, and matches by key.
        """
        ...

    def watermark_of(self, stream: str) -> Watermark | None:
        """The watermark that the text gives a stream."""
        ...

    def timed(self, node: plan.Node, column: int, stem: str, span: Span, context: BindContext) -> Entry:
        """A stream that gets the rows of a node; unless they have event time, that column is their time."""
        ...


def relation_of(entry: Entry | None, name: str, alias: Identifier | None, offset: int = 0) -> Relation:
    """The relation as the query calls it."""
    return Relation(
        name=name if alias is None else alias.name,
        what=name if entry is None else f"{entry.kind.value} {name}",
        schema=None if entry is None else entry.schema,
        offset=offset,
        hidden=None if alias is None else name,
        shapes={} if entry is None else entry.shapes,
        # The one attribute of a trigger is written in capitals as well.
        any_case=entry is not None and entry.kind is RelationKind.TRIGGER,
    )
