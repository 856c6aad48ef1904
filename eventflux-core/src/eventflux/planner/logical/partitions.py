"""Partitions: what their keys are, and which queries keep their state by key."""

from __future__ import annotations

from dataclasses import field

from eventflux.planner.typed.nodes import TypedExpression
from eventflux.types.record import record
from eventflux.types.source_text import NO_SPAN, Span


@record(frozen=True, slots=True, kw_only=True)
class PartitionKeyPlan:
    """How the rows of one stream get their keys.

    Attributes:
        stream: Its name.
        expressions: Texts that are the key together, or with labels a condition for each.
        labels: The keys of a row are those whose condition is true.
        span: In the text.
    """

    stream: str
    expressions: tuple[TypedExpression, ...]
    labels: tuple[str, ...] = ()
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class Purge:
    """Every `interval_ms` the keys whose last row is older than `idle_ms` lose their state."""

    interval_ms: int
    idle_ms: int


@record(frozen=True, slots=True, kw_only=True)
class PartitionPlan:
    """A partition: its queries keep their state by key, its streams carry keys.

    Attributes:
        name: Of the block; with PARTITION BY made from the query's, such as no text can have.
        keys: One for each stream that has keys. The rows of others go to every key there is.
        purge: When keys are forgotten; None: never.
        span: In the text.
    """

    name: str
    keys: tuple[PartitionKeyPlan, ...]
    purge: Purge | None = None
    span: Span = field(default=NO_SPAN, compare=False, repr=False)

    def key_of(self, stream: str) -> PartitionKeyPlan | None:
        """How the rows of that stream get their keys, if they have some."""
        return next((key for key in self.keys if key.stream == stream), None)
