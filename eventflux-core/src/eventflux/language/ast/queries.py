"""Queries: everything that reads rows and sends them somewhere; VALUES inserts; on-demand queries."""

from __future__ import annotations

import enum

from eventflux.language.ast.annotations import Annotation, Property
from eventflux.language.ast.expressions import Expression, RelationName
from eventflux.language.ast.inputs import Input
from eventflux.language.ast.node import Identifier, Node
from eventflux.language.ast.outputs import Assignment, Output, OutputRate
from eventflux.language.ast.selections import OrderItem, Selection
from eventflux.language.ast.windows import NoWindow, WindowCall
from eventflux.types.dialect import Dialect
from eventflux.types.record import record


class Emit(enum.Enum):
    """EMIT clause: CHANGES gives running rows, FINAL (= ON WINDOW CLOSE) one result a window."""

    CHANGES = "CHANGES"
    FINAL = "FINAL"


@record(frozen=True, slots=True, kw_only=True)
class AggregationRange(Node):
    """`within start, end per 'seconds'`: which buckets of an aggregation are read."""

    start: Expression
    end: Expression | None = None
    per: Expression


@record(frozen=True, slots=True, kw_only=True)
class CommonTable(Node):
    """`name AS (query)` of WITH: an anonymous stream visible in this query."""

    name: Identifier
    query: Query


@record(frozen=True, slots=True, kw_only=True)
class Query(Node):
    """A query of either dialect.

    `input` is None for SELECT without FROM and for on-demand mutations without a source.
    `selection` is None only where SQL has no select list (UPDATE ... FROM, DELETE ... USING, MERGE): the output's
    condition and assignments then refer to the input itself. EventFluxQL without `select` has a Star.
    `where` is applied before the windows. In an EventFluxQL on-demand query it is the `on` condition.
    `window` is a WINDOW clause behind a join or pattern; on a single input the window is one of its handlers.
    `output` None: an SQL SELECT without a target (`OutputStream` in an app, the result on demand, or a subquery).
    `unions` are the further branches of UNION ALL: select, input and their clauses only. Order, limit, rate and output
    of this node hold for all branches.
    """

    dialect: Dialect
    annotations: tuple[Annotation, ...] = ()
    common_tables: tuple[CommonTable, ...] = ()
    input: Input | None = None
    where: Expression | None = None
    window: WindowCall | NoWindow | None = None
    aggregation_range: AggregationRange | None = None
    partition_by: tuple[Expression, ...] = ()
    selection: Selection | None = None
    group_by: tuple[Expression, ...] = ()
    having: Expression | None = None
    unions: tuple[Query, ...] = ()
    order_by: tuple[OrderItem, ...] = ()
    limit: Expression | None = None
    offset: Expression | None = None
    output_rate: OutputRate | None = None
    emit: Emit | None = None
    properties: tuple[Property, ...] = ()
    output: Output | None = None


@record(frozen=True, slots=True, kw_only=True)
class InsertValues(Node):
    """`INSERT INTO T (columns) VALUES (...), (...)`."""

    dialect: Dialect = Dialect.SQL
    annotations: tuple[Annotation, ...] = ()
    target: RelationName
    columns: tuple[Identifier, ...] | None = None
    rows: tuple[tuple[Expression, ...], ...]


@record(frozen=True, slots=True, kw_only=True)
class UpsertValues(Node):
    """`UPSERT INTO T (columns) VALUES (...) ON condition SET ...`."""

    dialect: Dialect = Dialect.SQL
    annotations: tuple[Annotation, ...] = ()
    target: RelationName
    columns: tuple[Identifier, ...] | None = None
    rows: tuple[tuple[Expression, ...], ...]
    condition: Expression
    assignments: tuple[Assignment, ...] | None = None


@record(frozen=True, slots=True, kw_only=True)
class OnDemandQuery(Node):
    """One statement that is run once on tables, named windows and aggregations."""

    statement: Query | InsertValues | UpsertValues
    parameters: int = 0
    """How many `?` there are."""

    @property
    def dialect(self) -> Dialect:
        return self.statement.dialect
