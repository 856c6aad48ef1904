"""What is done to the rows of one relation, in order: filters, stream functions, a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from typing_extensions import assert_never

from eventflux.language.ast import Expression, Filter, Handler, NoWindow, StreamFunction, WindowCall
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.questions import TableQuestions
from eventflux.planner.binder.relations import Relations
from eventflux.planner.binder.stream_functions import bind_stream_function
from eventflux.planner.binder.windows import bind_window
from eventflux.planner.logical import nodes as plan
from eventflux.planner.logical.aggregates import AggregateCollector
from eventflux.planner.typed.nodes import Column, OutputColumn, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Schema

# Windows that send RESET, or whose rows are reduced to the last one of a batch. One written in Python may do so too.
_BATCHES: Final = frozenset(
    {
        "length_batch",
        "time_batch",
        "external_time_batch",
        "batch",
        "hopping",
        "expression_batch",
        plan.PYTHON_WINDOW,
    }
)


@record(frozen=True, slots=True, kw_only=True)
class Where:
    """The WHERE clause of a query, as one of the handlers of its input."""

    condition: Expression


def in_order(handlers: Sequence[Handler], where: Expression | None) -> list[Handler | Where]:
    """The handlers with WHERE directly before the window."""
    ordered: list[Handler | Where] = list(handlers)
    if where is not None:
        windows = [index for index, handler in enumerate(ordered) if isinstance(handler, (WindowCall, NoWindow))]
        ordered.insert(windows[0] if windows else len(ordered), Where(condition=where))
    return ordered


@dataclass(slots=True, kw_only=True)
class HandlerChain:
    """The chain of nodes as handlers are added; `node` is None once something could not be planned."""

    context: BindContext
    relations: Relations
    relation: Relation
    node: plan.Node | None
    named_window: str | None = None

    @property
    def scope(self) -> InputScope:
        return InputScope(relations=(self.relation,))

    def add(self, handler: Handler | Where) -> None:
        match handler:
            case Filter(condition=condition):
                self._filter(condition, "a filter", may_aggregate=not self.context.is_sql)
            case Where(condition=condition):
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
            if self._brings_batches():
                self.context.diagnostics.not_supported(
                    condition.span,
                    "aggregates in a filter behind a batch window are",
                    "select the rows with their aggregate into a stream, and filter that",
                )
                self.node = None
            elif self.node is not None:
                self.node = _running(self.node, collector, bound)
        elif self.node is not None:
            self.node = plan.Filter(input=self.node, condition=bound, span=condition.span)

    def _brings_batches(self) -> bool:
        """Whether the window before brings its rows in batches, each of which begins anew."""
        if self.node is None:
            return False
        windows = [node for node in plan.chain(self.node) if isinstance(node, plan.Window) and node.appended is None]
        return any(window.native in _BATCHES for window in windows)

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
        if bound is None:
            self.node = None
        elif self.node is not None:
            self.node = plan.Window(
                input=self.node,
                declaration=bound.declaration,
                native=bound.native,
                parameters=bound.parameters,
                arguments=bound.arguments,
                condition=bound.condition,
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
