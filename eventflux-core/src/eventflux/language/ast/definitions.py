"""Definitions: streams, tables, windows, triggers, functions, aggregations, named queries, views."""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TypeAlias

from eventflux.language.ast.annotations import Annotation, Property
from eventflux.language.ast.expressions import DurationLiteral, Expression, Literal
from eventflux.language.ast.inputs import StreamInput
from eventflux.language.ast.node import Identifier, Node
from eventflux.language.ast.outputs import EventType
from eventflux.language.ast.queries import InsertValues, Query, UpsertValues
from eventflux.language.ast.selections import Selection
from eventflux.language.ast.type_names import TypeName
from eventflux.language.ast.windows import WindowCall
from eventflux.types.dialect import Dialect
from eventflux.types.record import record
from eventflux.types.source_text import NO_SPAN, Span


@record(frozen=True, slots=True, kw_only=True)
class ColumnDefinition(Node):
    """`name TYPE PRIMARY KEY NOT NULL INDEX DEFAULT literal`."""

    name: Identifier
    type: TypeName
    primary_key: bool = False
    not_null: bool = False
    index: bool = False
    default: Literal | None = None


@record(frozen=True, slots=True, kw_only=True)
class PrimaryKeyConstraint(Node):
    columns: tuple[Identifier, ...]


@record(frozen=True, slots=True, kw_only=True)
class IndexConstraint(Node):
    columns: tuple[Identifier, ...]


@record(frozen=True, slots=True, kw_only=True)
class WatermarkConstraint(Node):
    """`WATERMARK FOR ts AS ts - INTERVAL '5' SECOND`."""

    column: Identifier
    expression: Expression


Constraint: TypeAlias = PrimaryKeyConstraint | IndexConstraint | WatermarkConstraint


@record(frozen=True, slots=True, kw_only=True)
class StreamDefinition(Node):
    dialect: Dialect
    annotations: tuple[Annotation, ...] = ()
    name: Identifier
    columns: tuple[ColumnDefinition, ...]
    constraints: tuple[Constraint, ...] = ()
    properties: tuple[Property, ...] = ()
    if_not_exists: bool = False


@record(frozen=True, slots=True, kw_only=True)
class TableDefinition(Node):
    dialect: Dialect
    annotations: tuple[Annotation, ...] = ()
    name: Identifier
    columns: tuple[ColumnDefinition, ...]
    constraints: tuple[Constraint, ...] = ()
    properties: tuple[Property, ...] = ()
    if_not_exists: bool = False


@record(frozen=True, slots=True, kw_only=True)
class WindowDefinition(Node):
    """A named window. `event_type` None: what the window passes on is all events."""

    dialect: Dialect
    annotations: tuple[Annotation, ...] = ()
    name: Identifier
    columns: tuple[ColumnDefinition, ...]
    window: WindowCall
    event_type: EventType | None = None
    properties: tuple[Property, ...] = ()
    if_not_exists: bool = False


class TriggerKind(enum.Enum):
    START = "start"
    EVERY = "every"
    CRON = "cron"


@record(frozen=True, slots=True, kw_only=True)
class TriggerDefinition(Node):
    """`at 'start'`, `at every 5 sec`, `at '<cron expression>'`."""

    dialect: Dialect
    annotations: tuple[Annotation, ...] = ()
    name: Identifier
    kind: TriggerKind
    every: DurationLiteral | None = None
    cron: str | None = None
    schedule_span: Span = field(default=NO_SPAN, compare=False, repr=False)
    if_not_exists: bool = False


@record(frozen=True, slots=True, kw_only=True)
class FunctionParameter(Node):
    name: Identifier
    type: TypeName


@record(frozen=True, slots=True, kw_only=True)
class FunctionDefinition(Node):
    """A script function. `parameters` None: EventFluxQL's form, whose body sees the array `data`."""

    dialect: Dialect
    annotations: tuple[Annotation, ...] = ()
    name: Identifier
    parameters: tuple[FunctionParameter, ...] | None = None
    language: Identifier
    returns: TypeName
    body: str
    body_span: Span = field(default=NO_SPAN, compare=False, repr=False)
    """Where the body's text stands, without its quotes or braces."""
    if_not_exists: bool = False


class AggregationDuration(enum.Enum):
    """Lengths of the buckets of an aggregation, from short to long; months and years are those of the calendar."""

    SECONDS = "sec"
    MINUTES = "min"
    HOURS = "hour"
    DAYS = "day"
    WEEKS = "week"
    MONTHS = "month"
    YEARS = "year"


@record(frozen=True, slots=True, kw_only=True)
class AggregationDefinition(Node):
    """Incremental aggregation. With `is_range` the durations are the ends of a range (`sec ... year`), else a list."""

    dialect: Dialect
    annotations: tuple[Annotation, ...] = ()
    name: Identifier
    input: StreamInput
    where: Expression | None = None
    selection: Selection
    group_by: tuple[Expression, ...] = ()
    aggregate_by: Expression | None = None
    durations: tuple[AggregationDuration, ...]
    is_range: bool = False
    properties: tuple[Property, ...] = ()
    if_not_exists: bool = False


@record(frozen=True, slots=True, kw_only=True)
class QueryDefinition(Node):
    """`CREATE QUERY name AS statement`: the same as `@info(name='name') statement`."""

    dialect: Dialect
    annotations: tuple[Annotation, ...] = ()
    name: Identifier
    statement: Query | InsertValues | UpsertValues


@record(frozen=True, slots=True, kw_only=True)
class ViewDefinition(Node):
    """`CREATE VIEW name AS query`: the same as inserting into a stream of that name."""

    dialect: Dialect
    annotations: tuple[Annotation, ...] = ()
    name: Identifier
    query: Query


Definition: TypeAlias = (
    StreamDefinition
    | TableDefinition
    | WindowDefinition
    | TriggerDefinition
    | FunctionDefinition
    | AggregationDefinition
    | QueryDefinition
    | ViewDefinition
)
