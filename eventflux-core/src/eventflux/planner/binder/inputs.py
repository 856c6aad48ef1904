"""The input of a query over one stream: the stream, its filters, stream functions and window."""

from __future__ import annotations

from typing import Final

from typing_extensions import assert_never

from eventflux.language.ast import (
    AggregationRange,
    Expression,
    Identifier,
    Input,
    JoinInput,
    MatchRecognizeInput,
    NoWindow,
    PatternInput,
    StreamInput,
    SubqueryInput,
    TableFunctionInput,
    WindowCall,
)
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.handlers import HandlerChain, in_order
from eventflux.planner.binder.joins import JoinBinder
from eventflux.planner.binder.match_recognize import bind_match, stem_of
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.patterns import BoundPattern, bind_pattern
from eventflux.planner.binder.relations import Relations, relation_of
from eventflux.planner.binder.table_functions import bind_table_function
from eventflux.planner.catalog import Entry, RelationKind
from eventflux.planner.logical import nodes as plan
from eventflux.planner.logical.partitions import PartitionPlan
from eventflux.planner.typed.nodes import Unknown
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record

# What reaches its readers row by row; tables and aggregations do not.
_READABLE: Final = frozenset({RelationKind.STREAM, RelationKind.WINDOW, RelationKind.TRIGGER})


@record(frozen=True, slots=True, kw_only=True)
class BoundInput:
    """What a query reads: what its names mean, and the rows (None where they could not be planned).

    `partition`: keys that the input itself is made by.
    """

    scope: InputScope
    node: plan.Node | None
    partition: PartitionPlan | None = None


def bind_input(
    context: BindContext,
    relations: Relations,
    source: Input,
    where: Expression | None,
    window: WindowCall | NoWindow | None = None,
    buckets: AggregationRange | None = None,
    emission: plan.WindowEmission = plan.WindowEmission.AT_ONCE,
) -> BoundInput:
    """Bind the input of a query.

    Args:
        context: Of the query.
        relations: What it may read.
        source: The input.
        where: Its WHERE.
        window: Stands behind a join and holds for both its sides.
        buckets: Which buckets of the aggregations of a join are meant.
        emission: When rows of a window function go on.
    """
    if buckets is not None and not isinstance(source, JoinInput):
        context.diagnostics.error(
            buckets.span, ErrorCode.INVALID_WITHIN, "WITHIN and PER are for joins with aggregations"
        )
    match source:
        case StreamInput():
            entry = relations.relation(source.relation, context)
            if entry is not None and not _is_readable(context, source, entry):
                entry = None
            return _with_handlers(context, relations, entry, str(source.relation), source.alias, source, where)
        case SubqueryInput():
            stem = "subquery" if source.alias is None else source.alias.name
            entry = relations.subquery(source.query, stem, source.span, context)
            return _with_handlers(context, relations, entry, stem, source.alias, source, where)
        case JoinInput():
            joined = JoinBinder(context, relations).bind(source, where, window, buckets)
            return BoundInput(scope=joined.scope, node=joined.node)
        case PatternInput():
            if window is not None:
                context.diagnostics.not_supported(
                    window.span,
                    "windows behind patterns are",
                    "write FROM (SELECT ... FROM PATTERN (...)) AS matches WINDOW ...",
                )
            return _pattern(context, bind_pattern(context, relations, source), where)
        case MatchRecognizeInput():
            return _matches(context, relations, source, where)
        case TableFunctionInput():
            windows = bind_table_function(context, relations, source, emission)
            scope = InputScope(relations=(windows.relation,))
            filtered = _filtered(context, scope, windows.node, where)
            return BoundInput(scope=scope, node=filtered.node, partition=windows.partition)
        case _:
            assert_never(source)


def _is_readable(context: BindContext, source: StreamInput, entry: Entry) -> bool:
    if entry.kind in {RelationKind.TABLE, RelationKind.AGGREGATION}:
        context.diagnostics.error(
            source.relation.span,
            ErrorCode.NOT_READABLE_AS_STREAM,
            f"{entry.what} cannot be read as a stream",
            "join it (FROM S JOIN ... ON ...), or query it on demand",
        )
        return False
    return True


def _matches(
    context: BindContext, relations: Relations, source: MatchRecognizeInput, where: Expression | None
) -> BoundInput:
    """MATCH_RECOGNIZE with WHERE, which is about its matches. With keys of its own it is a query of its own."""
    rows = bind_input(context, relations, source.input, None)
    bound = bind_match(context, source, rows.scope, rows.node)
    name = stem_of(source)
    scope = InputScope(relations=(Relation(name=name, what="MATCH_RECOGNIZE", schema=bound.schema),))
    node = bound.node
    if node is not None and bound.partition is not None:
        entry = relations.joined(node, name, source.span, context, bound.partition)
        node = plan.Scan(stream=entry.name, schema=node.schema, span=source.span)
    return _filtered(context, scope, node, where)


def _filtered(context: BindContext, scope: InputScope, node: plan.Node | None, where: Expression | None) -> BoundInput:
    if where is None:
        return BoundInput(scope=scope, node=node)
    condition = ExpressionBinder(context=context, scope=scope, clause="WHERE").condition(where)
    if node is None or isinstance(condition, Unknown):
        return BoundInput(scope=scope, node=None)
    return BoundInput(scope=scope, node=plan.Filter(input=node, condition=condition, span=where.span))


def _pattern(context: BindContext, bound: BoundPattern, where: Expression | None) -> BoundInput:
    """A pattern with WHERE, which is about whole matches."""
    return _filtered(context, bound.scope, bound.node, where)


def _with_handlers(
    context: BindContext,
    relations: Relations,
    entry: Entry | None,
    name: str,
    alias: Identifier | None,
    source: StreamInput | SubqueryInput,
    where: Expression | None,
) -> BoundInput:
    relation = relation_of(entry, name, alias)
    node: plan.Node | None = None
    if entry is not None and entry.schema is not None and entry.kind in _READABLE:
        node = plan.Scan(stream=entry.name, schema=entry.schema, span=source.span)
    chain = HandlerChain(
        context=context,
        relations=relations,
        relation=relation,
        node=node,
        named_window=entry.name if entry is not None and entry.kind is RelationKind.WINDOW else None,
    )
    for handler in in_order(source.handlers, where):
        chain.add(handler)
    return BoundInput(scope=InputScope(relations=(chain.relation,)), node=chain.node)
