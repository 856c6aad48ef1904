"""Incremental aggregations: rows into buckets of calendar time by group."""

from __future__ import annotations

import enum
from dataclasses import field
from typing import Final

from eventflux.planner.logical.nodes import Node
from eventflux.planner.logical.tables import StorePlan
from eventflux.planner.typed.nodes import Call, TypedExpression
from eventflux.planner.typed.walk import is_pure
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record
from eventflux.types.schema import Attribute, Schema
from eventflux.types.source_text import NO_SPAN, Span

_BOUNDS: Final = frozenset({"bucket_duration", "bucket_time", "bucket_span_from", "bucket_span_to", "bucket_range"})


UTC: Final = "UTC"


class RollupKind(enum.IntEnum):
    """The engine's numbers of what a bucket keeps."""

    LAST = 0
    SUM = 1
    AVG = 2
    COUNT = 3
    MIN = 4
    MAX = 5
    DISTINCT = 6


class RollupDuration(enum.IntEnum):
    """The engine's numbers of durations, from short to long."""

    SECOND = 0
    MINUTE = 1
    HOUR = 2
    DAY = 3
    MONTH = 4
    YEAR = 5


DURATION_NAMES: Final = {
    "sec": RollupDuration.SECOND,
    "seconds": RollupDuration.SECOND,
    "second": RollupDuration.SECOND,
    "min": RollupDuration.MINUTE,
    "minutes": RollupDuration.MINUTE,
    "minute": RollupDuration.MINUTE,
    "hour": RollupDuration.HOUR,
    "hours": RollupDuration.HOUR,
    "day": RollupDuration.DAY,
    "days": RollupDuration.DAY,
    "month": RollupDuration.MONTH,
    "months": RollupDuration.MONTH,
    "year": RollupDuration.YEAR,
    "years": RollupDuration.YEAR,
}


@record(frozen=True, slots=True, kw_only=True)
class RollupItem:
    """One attribute of a bucket: what is kept of which column of the rows; COUNT has none."""

    kind: RollupKind
    column: int | None


@record(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long buckets of a duration are kept; None: for ever."""

    duration: RollupDuration
    milliseconds: int | None


@record(frozen=True, slots=True, kw_only=True)
class AggregationPlan:
    """An incremental aggregation.

    Attributes:
        name: As queries name it.
        root: The rows that are aggregated: time, group keys, and what the items read.
        has_time: The first column of the rows is their time; else it is the time of their arrival.
        keys: Columns of the group keys.
        items: In the order of the attributes.
        retentions: The durations, from short to long.
        purge_interval_ms: How often old buckets go; 0: never.
        store: Where buckets are written; None: they are in memory only.
        zone: IANA name of the zone whose calendar is meant.
        schema: What queries can name: AGG_TIMESTAMP, then the items.
        span: Of the definition's name.
    """

    name: str
    root: Node
    has_time: bool
    keys: tuple[int, ...]
    items: tuple[RollupItem, ...]
    retentions: tuple[Retention, ...]
    purge_interval_ms: int
    schema: Schema
    store: StorePlan | None = None
    zone: str = UTC
    span: Span = field(default=NO_SPAN, compare=False, repr=False)

    @property
    def durations(self) -> tuple[RollupDuration, ...]:
        """From short to long."""
        return tuple(retention.duration for retention in self.retentions)

    @property
    def content_schema(self) -> Schema:
        """The columns that are searched: those of the schema, then the number of the duration."""
        return Schema((*self.schema, Attribute("duration~", AttributeType.INT)))


def is_bucket_bound(expression: TypedExpression) -> bool:
    """Whether it is what `within` and `per` are made into: it may fail, but has no other effect."""
    if is_pure(expression):
        return True
    return (
        isinstance(expression, Call)
        and expression.operation in _BOUNDS
        and all(is_bucket_bound(argument) for argument in expression.arguments)
    )
