"""One query: its input, selection, and what becomes of its rows."""

from __future__ import annotations

from dataclasses import field, replace

from eventflux.language.ast import (
    Emit,
    JoinInput,
    MergeInto,
    Query,
    TableFunctionInput,
)
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.having_questions import HavingQuestions
from eventflux.planner.binder.inputs import BoundInput, bind_input
from eventflux.planner.binder.names import InputScope
from eventflux.planner.binder.outputs import OutputKinds
from eventflux.planner.binder.partitions import bind_partition_by
from eventflux.planner.binder.pattern_scope import PatternScope
from eventflux.planner.binder.patterns import with_captures
from eventflux.planner.binder.questions import TableQuestions
from eventflux.planner.binder.rates import BoundRate, bind_rate, gives_all_kinds
from eventflux.planner.binder.relations import Relations
from eventflux.planner.binder.selection import BoundSelection, SelectionClauses, bind_selection
from eventflux.planner.binder.table_functions import check_grouping, emission_of
from eventflux.planner.logical import nodes as plan
from eventflux.planner.logical.partitions import PartitionPlan
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class BoundBranch:
    """One SELECT: where its rows come from (None: could not be planned), what it makes of them, and how often.

    `partition`: by PARTITION BY of its own.
    """

    node: plan.Node | None
    selection: BoundSelection
    query: Query
    scope: InputScope = field(default_factory=lambda: InputScope(relations=()))
    partition: PartitionPlan | None = None
    rate: BoundRate | None = None


def kinds_of(query: Query) -> OutputKinds:
    """Which kinds of rows the output of a query wants."""
    if gives_all_kinds(query.output_rate) and not query.unions:
        return OutputKinds(current=True, expired=True)
    match query.output:
        case None:
            return OutputKinds.of(None)
        case MergeInto():
            return OutputKinds.of(None)
        case output:
            return OutputKinds.of(output.event_type)


def bind_branches(context: BindContext, relations: Relations, query: Query) -> tuple[BoundBranch, ...]:
    """Bind the SELECT of a query and those behind UNION ALL, with the order and limits that hold for all."""
    _report_unplanned(context, query)
    branches = [query, *(_with_common_clauses(branch, query) for branch in query.unions)]
    bound: list[BoundBranch] = []
    for branch in branches:
        one = _bind_branch(context, relations, branch)
        if one is not None:
            bound.append(one)
    return tuple(bound)


def _with_common_clauses(branch: Query, query: Query) -> Query:
    return replace(
        branch,
        order_by=query.order_by,
        limit=query.limit,
        offset=query.offset,
    )


def _bind_branch(context: BindContext, relations: Relations, query: Query) -> BoundBranch | None:
    if query.input is None:
        context.diagnostics.error(
            query.span,
            ErrorCode.INVALID_QUERY,
            "SELECT without FROM can only be run on demand",
            "name the stream that the query reads: FROM ...",
        )
        return None
    emission = emission_of(query)
    bound = bind_input(context, relations, query.input, query.where, query.window, query.aggregation_range, emission)
    if isinstance(query.input, TableFunctionInput):
        check_grouping(context, query, query.input, emission)
    rate = bind_rate(query.output_rate)
    partition = _partition(context, query, bound)
    if query.selection is None:
        return BoundBranch(
            node=bound.node,
            selection=BoundSelection(items=()),
            query=query,
            scope=bound.scope,
            partition=partition,
            rate=rate,
        )
    width = sum(0 if relation.schema is None else len(relation.schema) for relation in bound.scope.relations)
    if isinstance(query.input, JoinInput) and bound.node is not None:
        width = len(bound.node.schema)  # outer joins have columns of their own
    questions = TableQuestions(context=context, relations=relations, scope=bound.scope, width=width)
    selection = bind_selection(
        context,
        bound.scope,
        SelectionClauses(
            selection=query.selection,
            group_by=query.group_by,
            having=query.having,
            order_by=query.order_by,
            limit=query.limit,
            offset=query.offset,
        ),
        None if isinstance(bound.scope, PatternScope) else questions,
        HavingQuestions(context=context, relations=relations),
    )
    node = with_captures(bound.node, bound.scope)
    node = None if node is None else questions.over(node)
    if isinstance(bound.scope, PatternScope):
        selection = _match_by_match(selection)
    _warn_of_one_session(context, bound.node, query)
    return BoundBranch(
        node=node,
        selection=selection,
        query=query,
        scope=bound.scope,
        partition=partition,
        rate=rate,
    )


def _partition(context: BindContext, query: Query, bound: BoundInput) -> PartitionPlan | None:
    """What PARTITION BY says, of the query or of its input."""
    if not query.partition_by:
        return bound.partition
    if bound.partition is not None:
        context.diagnostics.error(
            query.partition_by[0].span,
            ErrorCode.INVALID_QUERY,
            "a query has one PARTITION BY",
            "name all keys in that of the window function",
        )
        return None
    if bound.node is not None:
        return bind_partition_by(context, query.partition_by, bound.node, bound.scope)
    for expression in query.partition_by:
        ExpressionBinder(context=context, scope=bound.scope, clause="PARTITION BY").bind(expression)
    return None


def _match_by_match(selection: BoundSelection) -> BoundSelection:
    """ORDER BY, LIMIT and OFFSET see one match at a time: they order nothing, and let all pass or none."""
    passes = selection.offset == 0 and selection.limit != 0
    return replace(selection, order=(), limit=None if passes else 0, offset=0)


def _warn_of_one_session(context: BindContext, node: plan.Node | None, query: Query) -> None:
    """SQL users group a session window by a key and mean a session for each."""
    if node is None or not query.group_by or not context.is_sql:
        return
    for each in plan.chain(node):
        if (
            isinstance(each, plan.Window)
            and each.native == "session"
            and all(parameter.column is None for parameter in each.parameters)
        ):
            context.diagnostics.warning(
                each.span,
                ErrorCode.SESSION_WITHOUT_KEY,
                "the session window has no key: the events of all groups make one session",
                "name the key: SESSION(gap, key)",
            )


def _is_grouped_by_window(query: Query) -> bool:
    is_at_once = emission_of(query) is plan.WindowEmission.AT_ONCE
    return isinstance(query.input, TableFunctionInput) and not is_at_once


def _report_unplanned(context: BindContext, query: Query) -> None:
    diagnostics = context.diagnostics
    if query.partition_by and context.block is not None:
        diagnostics.error(
            query.partition_by[0].span,
            ErrorCode.INVALID_QUERY,
            "PARTITION BY cannot stand within a partition",
            "make the key of the block from both: a || '/' || b OF S",
        )
    if query.emit is Emit.FINAL and not _is_grouped_by_window(query):
        diagnostics.error(
            query.span,
            ErrorCode.NOT_SUPPORTED,
            "EMIT FINAL is not supported here",
            "use a batch window, or GROUP BY window_start, window_end of TUMBLE, HOP, CUMULATE or SESSION",
        )
    for given in query.properties:
        diagnostics.error(given.key_span, ErrorCode.UNKNOWN_PROPERTY, f"unknown property '{given.key}' of a query")
