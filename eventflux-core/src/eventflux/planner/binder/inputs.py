"""The input of a query over one stream: the stream, its filters, stream functions and window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from typing_extensions import assert_never

from eventflux.language.ast import (
    Expression,
    Filter,
    Handler,
    Identifier,
    Input,
    JoinInput,
    MatchRecognizeInput,
    NoWindow,
    PatternInput,
    StreamFunction,
    StreamInput,
    SubqueryInput,
    TableFunctionInput,
    WindowCall,
)
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.joins import join_scope
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.patterns import BoundPattern, bind_pattern, match_recognize_scope
from eventflux.planner.binder.questions import TableQuestions
from eventflux.planner.binder.relations import Relations, relation_of
from eventflux.planner.binder.stream_functions import bind_stream_function
from eventflux.planner.binder.windows import bind_window
from eventflux.planner.catalog import Entry, RelationKind
from eventflux.planner.logical import nodes as plan
from eventflux.planner.logical.aggregates import AggregateCollector
from eventflux.planner.typed.nodes import Column, OutputColumn, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.schema import Schema

# What reaches its readers row by row; tables and aggregations do not.
_READABLE: Final = frozenset({RelationKind.STREAM, RelationKind.WINDOW, RelationKind.TRIGGER})


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundInput:
    """What a query reads: what its names mean, and the rows (None where they could not be planned)."""

    scope: InputScope
    node: plan.Node | None


def bind_input(context: BindContext, relations: Relations, source: Input, where: Expression | None) -> BoundInput:
    """Bind the input of a query with its WHERE."""
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
            return _unplanned(context, join_scope(context, relations, source), where)
        case PatternInput():
            return _pattern(context, bind_pattern(context, relations, source), where)
        case MatchRecognizeInput():
            return _unplanned(context, match_recognize_scope(context, relations, source), where)
        case TableFunctionInput():
            context.diagnostics.not_supported(source.span, f"{source.function}(...) windows are")
            return BoundInput(scope=InputScope(relations=(_lost(source.alias),)), node=None)
        case _:
            assert_never(source)


def _lost(alias: Identifier | None) -> Relation:
    return Relation(name="" if alias is None else alias.name, what="the input", schema=None)


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


def _unplanned(context: BindContext, scope: InputScope, where: Expression | None) -> BoundInput:
    if where is not None:
        ExpressionBinder(context=context, scope=scope, clause="WHERE").condition(where)
    return BoundInput(scope=scope, node=None)


def _pattern(context: BindContext, bound: BoundPattern, where: Expression | None) -> BoundInput:
    """A pattern with WHERE, which is about whole matches."""
    if where is None:
        return BoundInput(scope=bound.scope, node=bound.node)
    condition = ExpressionBinder(context=context, scope=bound.scope, clause="WHERE").condition(where)
    if bound.node is None or isinstance(condition, Unknown):
        return BoundInput(scope=bound.scope, node=None)
    return BoundInput(scope=bound.scope, node=plan.Filter(input=bound.node, condition=condition, span=where.span))


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
    chain = _Chain(
        context=context,
        relations=relations,
        relation=relation,
        node=node,
        named_window=entry.name if entry is not None and entry.kind is RelationKind.WINDOW else None,
    )
    for handler in _in_order(source.handlers, where):
        chain.add(handler)
    return BoundInput(scope=InputScope(relations=(chain.relation,)), node=chain.node)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Where:
    condition: Expression


def _in_order(handlers: Sequence[Handler], where: Expression | None) -> list[Handler | _Where]:
    """The handlers with WHERE directly before the window."""
    ordered: list[Handler | _Where] = list(handlers)
    if where is not None:
        windows = [index for index, handler in enumerate(ordered) if isinstance(handler, (WindowCall, NoWindow))]
        ordered.insert(windows[0] if windows else len(ordered), _Where(condition=where))
    return ordered


@dataclass(slots=True, kw_only=True)
class _Chain:
    """The chain of nodes as handlers are added; `node` is None once something could not be planned."""

    context: BindContext
    relations: Relations
    relation: Relation
    node: plan.Node | None
    named_window: str | None = None
    has_window: bool = False

    @property
    def scope(self) -> InputScope:
        return InputScope(relations=(self.relation,))

    def add(self, handler: Handler | _Where) -> None:
        match handler:
            case Filter(condition=condition):
                self._filter(condition, "a filter", may_aggregate=not self.context.is_sql)
            case _Where(condition=condition):
                self._filter(condition, "WHERE", may_aggregate=False)
            case StreamFunction():
                self._stream_function(handler)
            case WindowCall():
                self._window(handler)
            case NoWindow():
                pass
            case _:
                assert_never(handler)

    def _filter(self, condition: Expression, clause: str, *, may_aggregate: bool) -> None:
        collector = AggregateCollector() if may_aggregate else None
        width = 0 if self.relation.schema is None else len(self.relation.schema)
        questions = TableQuestions(context=self.context, relations=self.relations, scope=self.scope, width=width)
        binder = ExpressionBinder(
            context=self.context, scope=self.scope, clause=clause, aggregates=collector, tables=questions
        )
        bound = binder.condition(condition)
        if isinstance(bound, Unknown):
            self.node = None
        elif questions.is_asked:
            self._ask(questions, condition, bound, has_aggregates=collector is not None and bool(collector.calls))
        elif collector is not None and collector.calls:
            if self.has_window:
                self.context.diagnostics.not_supported(condition.span, "aggregates in a filter behind a window are")
                self.node = None
            elif self.node is not None:
                self.node = _running(self.node, collector, bound)
        elif self.node is not None:
            self.node = plan.Filter(input=self.node, condition=bound, span=condition.span)

    def _ask(
        self, questions: TableQuestions, condition: Expression, bound: TypedExpression, *, has_aggregates: bool
    ) -> None:
        """A filter whose condition reads answers of tables; they are gone behind it."""
        if has_aggregates:
            self.context.diagnostics.not_supported(condition.span, "aggregates beside a condition on a table are")
            self.node = None
        elif self.node is not None:
            schema = self.node.schema
            columns = tuple(
                Column(index=index, type=attribute.type, name=attribute.name) for index, attribute in enumerate(schema)
            )
            asked = plan.Filter(input=questions.over(self.node), condition=bound, span=condition.span)
            self.node = plan.Map(input=asked, columns=columns, schema=schema, span=condition.span)

    def _stream_function(self, handler: StreamFunction) -> None:
        binder = ExpressionBinder(context=self.context, scope=self.scope, clause=f"#{handler.name}")
        bound = bind_stream_function(binder, self.relation, handler)
        if bound is None:
            self.node = None
            if _appends_unknown(handler):
                self.relation = replace(self.relation, schema=None)
            return
        if self.node is not None:
            self.node = bound.over(self.node)
        self.relation = replace(self.relation, schema=bound.schema)

    def _window(self, handler: WindowCall) -> None:
        if self.named_window is not None:
            self.context.diagnostics.error(
                handler.span,
                ErrorCode.INVALID_QUERY,
                f"window {self.named_window} cannot be read through another window",
                "insert what it publishes into a stream, and read that through a window",
            )
            self.node = None
            return
        binder = ExpressionBinder(context=self.context, scope=self.scope, clause="a window")
        bound = bind_window(binder, handler, allows_python=True)
        self.has_window = True
        if bound is None:
            self.node = None
        elif self.node is not None:
            self.node = plan.Window(
                input=self.node,
                declaration=bound.declaration,
                native=bound.native,
                parameters=bound.parameters,
                arguments=bound.arguments,
                span=handler.span,
            )


def _appends_unknown(handler: StreamFunction) -> bool:
    """Whether attributes may be missing now that the function could not be bound."""
    return handler.name.lower() != "log"


def _running(node: plan.Node, collector: AggregateCollector, condition: TypedExpression) -> plan.Select:
    """A filter that reads aggregates over all events so far."""
    schema: Schema = node.schema
    columns = tuple(
        plan.Output(name=attribute.name, expression=Column(index=index, type=attribute.type, name=attribute.name))
        for index, attribute in enumerate(schema)
    )
    return plan.Select(
        input=node,
        aggregates=tuple(collector.calls),
        outputs=(*columns, plan.Output(name="_condition", expression=condition)),
        visible=len(columns),
        having=OutputColumn(index=len(columns), type=AttributeType.BOOL, name="_condition"),
        current=True,
        expired=True,
        schema=schema,
        span=condition.span,
    )
