"""On-demand queries: one statement that is run once on the tables and named windows of a running app.

It is planned as a query of an engine of its own, which reads a stream with the parameters as its one row:

    parameters -> lookup in the table -> select                 SELECT ... FROM T WHERE ...
    parameters -> select -> insert, update, delete, upsert      UPDATE T SET ... WHERE ...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from eventflux.engine.builder import EngineBuilder
from eventflux.engine.builder import Node as NativeNode
from eventflux.engine.engine import Engine
from eventflux.extension import ExtensionRegistry
from eventflux.language.ast import (
    Binary,
    BinaryOperator,
    Expression,
    Filter,
    InsertInto,
    InsertValues,
    OnDemandQuery,
    Query,
    RelationName,
    ReturnEvents,
    Selection,
    SelectItem,
    Star,
    StreamInput,
    UpdateOrInsert,
    UpsertValues,
)
from eventflux.planner.binder.buckets import bucket_conditions
from eventflux.planner.binder.conditions import TABLE_OFFSET, split_condition
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.mutations import ChangingRows, Mutation, plan_change
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.outputs import OutputKinds, inferred_schema, unchanged
from eventflux.planner.binder.questions import TableQuestions
from eventflux.planner.binder.relations import relation_of
from eventflux.planner.binder.select_nodes import is_bound, make_select
from eventflux.planner.binder.selection import BoundSelection, SelectionClauses, bind_selection
from eventflux.planner.catalog import Catalog, Entry, RelationKind
from eventflux.planner.diagnostics import Diagnostics
from eventflux.planner.emit.native import NativeGraph
from eventflux.planner.emit.queries import QueryEmitter
from eventflux.planner.emit.refused import RefusedError
from eventflux.planner.emit.tables import OutsideContent
from eventflux.planner.emit.target import Node
from eventflux.planner.host_functions import HostFunction, HostFunctions
from eventflux.planner.logical.event_time import Watermark
from eventflux.planner.logical.nodes import Filter as FilterNode
from eventflux.planner.logical.nodes import Lookup, QueryPlan, Scan
from eventflux.planner.logical.nodes import Node as PlanNode
from eventflux.planner.logical.partitions import PartitionPlan
from eventflux.planner.plan import Plan
from eventflux.planner.rewrite.rules import rewrite
from eventflux.planner.typed.build import boolean, constant
from eventflux.planner.typed.nodes import Column, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.diagnostic import Diagnostic
from eventflux.types.dialect import Dialect
from eventflux.types.error_codes import ErrorCode
from eventflux.types.errors import ValidationError
from eventflux.types.record import record
from eventflux.types.schema import Attribute, Schema
from eventflux.types.source_text import NO_SPAN, SourceText, Span

_PARAMETERS: Final = "parameters~"
_NAME: Final = "on demand"
_KINDS: Final = OutputKinds(current=True, expired=False)

Parameters = Mapping[int | str, AttributeType | None]
"""Types of the values of `?` (by position) or `:name`; None: the value is null."""


@record(frozen=True, slots=True, kw_only=True)
class EmittedOnDemand:
    """Where the parts of an on-demand query are in its engine.

    Attributes:
        parameters: The stream that takes the values.
        result: The operator that puts out what was found; None: the query changes a table.
        empty: A stream of the result's attributes.
        changes: The operators that change a table.
    """

    parameters: NativeNode
    result: NativeNode | None
    empty: NativeNode | None
    changes: tuple[NativeNode, ...]


@record(frozen=True, slots=True, kw_only=True)
class OnDemandPlan:
    """What an on-demand query does.

    Attributes:
        source: Its text.
        parameters: Attributes of the stream of parameters.
        schema: Of the result; None: it changes a table, and its result is a number of rows.
        queries: One, or one for each row of VALUES.
        host_functions: What programs call outside the engine.
        contents: Attributes of the tables and windows that it asks or changes.
        reads_aggregation: It asks an aggregation: its one row of parameters has to be good.
    """

    source: SourceText
    parameters: Schema
    schema: Schema | None
    queries: tuple[QueryPlan, ...]
    host_functions: tuple[HostFunction, ...]
    contents: Mapping[str, Schema]
    reads_aggregation: bool = False

    def emit(
        self,
        builder: EngineBuilder,
        app: Engine,
        nodes: Mapping[str, NativeNode],
        outside: Mapping[str, OutsideContent],
    ) -> EmittedOnDemand:
        """Build the graph of the query's engine.

        Args:
            builder: Of the query's engine.
            app: The engine that holds tables and windows.
            nodes: Where these are in it.
            outside: Those tables of the app that are outside.

        Raises:
            ValidationError: The engine refuses a part of the query.
        """
        graph = NativeGraph(builder)
        stream = graph.stream(_PARAMETERS, self.parameters.types)
        empty = None if self.schema is None else NativeNode(graph.stream("empty~", self.schema.types))
        graph.query(_NAME)
        contents = {name: (Node(builder.foreign(app, nodes[name])), schema) for name, schema in self.contents.items()}
        emitter = QueryEmitter(graph, {_PARAMETERS: stream}, {}, contents, outside)
        last = stream
        for query in self.queries:
            try:
                last = emitter.emit(query)
            except RefusedError as refused:
                place = Diagnostic.at(self.source, refused.span, ErrorCode.INVALID_QUERY, refused.reason.message)
                raise ValidationError(place) from refused.reason
        return EmittedOnDemand(
            parameters=NativeNode(stream),
            result=None if self.schema is None else NativeNode(last),
            empty=empty,
            changes=tuple(NativeNode(node) for node in emitter.changes),
        )


def plan_on_demand(
    query: OnDemandQuery, source: SourceText, app: Plan, registry: ExtensionRegistry, parameters: Parameters
) -> OnDemandPlan:
    """Plan an on-demand query.

    Raises:
        ValidationError: It does not make sense.
        ExtensionNotFoundError: Nothing is wrong but that extensions are missing.
    """
    diagnostics = Diagnostics(source)
    binder = _OnDemandBinder(query=query, app=app, registry=registry, diagnostics=diagnostics, given=parameters)
    return _planned(binder, source, app)


def plan_row_change(output: Mutation, source: SourceText, app: Plan, registry: ExtensionRegistry) -> OnDemandPlan:
    """Plan a change by rows that have the attributes of the table, which are bare names in it.

    Raises:
        ValidationError: It does not make sense.
    """
    diagnostics = Diagnostics(source)
    query = Query(
        dialect=Dialect.EVENTFLUXQL, selection=Selection(items=(Star(span=NO_SPAN),), span=NO_SPAN), output=output
    )
    entry = app.catalog.find(output.target)
    schema = None if entry is None else entry.schema
    binder = _OnDemandBinder(
        query=OnDemandQuery(statement=query, span=NO_SPAN),
        app=app,
        registry=registry,
        diagnostics=diagnostics,
        given={},
        row=schema,
    )
    return _planned(binder, source, app)


def _planned(binder: _OnDemandBinder, source: SourceText, app: Plan) -> OnDemandPlan:
    diagnostics = binder.diagnostics
    queries = binder.bind()
    diagnostics.raise_errors()
    assert queries
    is_find = all(each.change is None for each in queries)
    return OnDemandPlan(
        source=source,
        parameters=binder.parameters,
        schema=queries[0].root.schema if is_find else None,
        queries=tuple(rewrite(each, app.switched_off) for each in queries),
        host_functions=tuple(binder.functions.functions),
        contents=binder.contents,
        reads_aggregation=any(
            entry.kind is RelationKind.AGGREGATION for entry in app.catalog.entries if entry.name in binder.contents
        ),
    )


@dataclass(slots=True, kw_only=True)
class _OnDemandBinder:
    """Binds one on-demand query; it is the app around it, too."""

    query: OnDemandQuery
    app: Plan
    registry: ExtensionRegistry
    diagnostics: Diagnostics
    given: Parameters
    row: Schema | None = None
    functions: HostFunctions = field(default_factory=HostFunctions)
    contents: dict[str, Schema] = field(default_factory=dict)
    parameters: Schema = field(init=False)
    context: BindContext = field(init=False)

    def __post_init__(self) -> None:
        attributes = [
            Attribute(f"parameter~{number}", given or AttributeType.BOOL)
            for number, given in enumerate(self.given.values())
        ]
        if self.row is not None:
            attributes = list(self.row)
        # A row has to come from somewhere: without parameters it has one attribute that nobody reads.
        self.parameters = Schema(attributes or [Attribute("parameter~", AttributeType.BOOL)])
        columns: dict[int | str, TypedExpression] = {
            key: constant(None, None) if given is None else Column(index=index, type=given, name=f"parameter {key}")
            for index, (key, given) in enumerate(self.given.items())
        }
        self.context = BindContext(
            diagnostics=self.diagnostics,
            registry=self.registry,
            scripts=self.app.scripts,
            host_functions=self.functions,
            dialect=self.query.dialect,
            three_valued=self.app.settings.three_valued_logic and self.query.dialect is Dialect.SQL,
            query=_NAME,
            parameters=columns,
        )

    @property
    def catalog(self) -> Catalog:
        return self.app.catalog

    def bind(self) -> tuple[QueryPlan, ...]:
        statement = self.query.statement
        match statement:
            case Query(output=None | ReturnEvents()):
                found = self._find(statement)
            case Query():
                found = self._changes(statement)
            case InsertValues():
                output = InsertInto(target=statement.target, columns=statement.columns, span=statement.span)
                return self._values(statement, output)
            case UpsertValues():
                upsert = UpdateOrInsert(
                    target=statement.target,
                    columns=statement.columns,
                    assignments=statement.assignments,
                    condition=statement.condition,
                    span=statement.span,
                )
                return self._values(statement, upsert)
        return () if found is None else (found,)

    # ---- relations, as binders see them

    def relation(self, name: RelationName, context: BindContext) -> Entry | None:
        """See `Relations.relation`."""
        entry = self.catalog.find(name)
        if entry is None or entry.is_hidden:
            context.diagnostics.error(
                name.span,
                ErrorCode.UNDEFINED_RELATION,
                f"no table, window or aggregation '{name}'",
                self.catalog.hint(str(name)),
            )
            return None
        if entry.kind not in {RelationKind.TABLE, RelationKind.WINDOW, RelationKind.AGGREGATION}:
            context.diagnostics.error(
                name.span,
                ErrorCode.NOT_READABLE_AS_STREAM,
                f"'{name}' is neither a table, window nor aggregation but a {entry.kind.value}: it holds no rows",
            )
            return None
        if entry.schema is not None:
            self.contents[entry.name] = entry.schema
            if entry.aggregation is not None:
                self.contents[entry.name] = entry.aggregation.content_schema
        return entry

    def subquery(self, query: Query, stem: str, span: Span, context: BindContext) -> Entry | None:
        """See `Relations.subquery`."""
        context.diagnostics.not_supported(span, "a subquery in an on-demand query is")
        return None

    def joined(
        self, node: PlanNode, stem: str, span: Span, context: BindContext, partition: PartitionPlan | None = None
    ) -> Entry:
        """See `Relations.joined`: an on-demand query joins nothing."""
        raise LookupError(f"{stem}: an on-demand query joins nothing")

    def watermark_of(self, stream: str) -> Watermark | None:
        """See `Relations.watermark_of`: what is asked on demand has no watermark."""
        return None

    def timed(self, node: PlanNode, column: int, stem: str, span: Span, context: BindContext) -> Entry:
        """See `Relations.timed`: an on-demand query has no window functions."""
        raise LookupError(f"{stem}: an on-demand query has no window functions")

    # ---- statements

    def _find(self, query: Query) -> QueryPlan | None:
        self._refuse_clauses(query)
        node, scope = self._input(query)
        selection = self._selection(query, scope)
        schema = inferred_schema(self.context, selection.items)
        if node is None or schema is None or not is_bound(selection):
            return None
        root = make_select(
            self.context,
            node,
            selection,
            unchanged(selection.items),
            current=True,
            expired=False,
            span=query.span,
        )
        return QueryPlan(name=_NAME, root=root, target=None, span=query.span)

    def _changes(self, query: Query) -> QueryPlan | None:
        self._refuse_clauses(query)
        node, scope = self._input(query)
        selection = BoundSelection(items=())
        if query.selection is not None:
            selection = self._selection(query, scope)
        output = query.output
        assert output is not None
        assert not isinstance(output, ReturnEvents)
        return self._change(node, scope, selection, output, query)

    def _change(
        self,
        node: PlanNode | None,
        scope: InputScope,
        selection: BoundSelection,
        output: Mutation,
        statement: Query | InsertValues | UpsertValues,
    ) -> QueryPlan | None:
        has_selection = not isinstance(statement, Query) or statement.selection is not None
        rows = ChangingRows(
            node=node,
            scope=scope,
            selection=selection,
            has_selection=has_selection,
            kinds=_KINDS,
            name=_NAME,
            span=statement.span,
        )
        return plan_change(self.context, self, rows, output)

    def _values(self, statement: InsertValues | UpsertValues, output: Mutation) -> tuple[QueryPlan, ...]:
        """A query for each row, one after the other."""
        entry = self.relation(statement.target, self.context)
        if entry is None or entry.schema is None:
            return ()
        names = entry.schema.names if statement.columns is None else tuple(each.name for each in statement.columns)
        plans: list[QueryPlan] = []
        for row in statement.rows:
            items = tuple(SelectItem(expression=expression, alias=None, span=expression.span) for expression in row)
            scope = InputScope(relations=())
            bound = bind_selection(
                self.context, scope, SelectionClauses(selection=Selection(items=items, span=statement.span))
            )
            named = tuple(
                replace(item, name=names[number] if number < len(names) else f"_{number}")
                for number, item in enumerate(bound.items)
            )
            plan = self._change(self._row(statement.span), scope, replace(bound, items=named), output, statement)
            if plan is None:
                return ()
            plans.append(plan)
        return tuple(plans)

    # ---- parts

    def _row(self, span: Span) -> Scan:
        return Scan(stream=_PARAMETERS, schema=self.parameters, span=span)

    def _selection(self, query: Query, scope: InputScope) -> BoundSelection:
        assert query.selection is not None
        return bind_selection(
            self.context,
            scope,
            SelectionClauses(
                selection=query.selection,
                group_by=query.group_by,
                having=query.having,
                order_by=query.order_by,
                limit=query.limit,
                offset=query.offset,
            ),
        )

    def _input(self, query: Query) -> tuple[PlanNode | None, InputScope]:
        """The rows that the statement reads, and what names mean over them."""
        source = query.input
        if source is None:
            row = Relation(name="row~", what="the row", schema=self.row)
            return self._row(query.span), InputScope(relations=() if self.row is None else (row,))
        if not isinstance(source, StreamInput) or any(not isinstance(each, Filter) for each in source.handlers):
            self.diagnostics.not_supported(source.span, "this input of an on-demand query is", "name one table")
            return None, InputScope(relations=(Relation(name="", what="the input", schema=None),))
        entry = self.relation(source.relation, self.context)
        relation = relation_of(entry, str(source.relation), source.alias)
        width = len(self.parameters)
        scope = self._names(relation, source, width)
        condition: TypedExpression | None = None
        within = self._names(relation, source, TABLE_OFFSET)
        binder = ExpressionBinder(context=self.context, scope=within, clause="the condition")
        found = 0 if relation.schema is None else len(relation.schema)
        questions = TableQuestions(context=self.context, relations=self, scope=scope, width=width + found)
        asking = ExpressionBinder(context=self.context, scope=scope, clause="the condition", tables=questions)
        behind: TypedExpression | None = None
        conditions = [handler.condition for handler in source.handlers if isinstance(handler, Filter)]
        if query.where is not None:
            conditions.append(query.where)
        for each in [part for condition in conditions for part in _conjuncts(condition)]:
            before = questions.count
            bound = asking.condition(each)
            if questions.count > before:
                behind = bound if behind is None else boolean("and", behind, bound, span=each.span)
            else:
                bound = binder.condition(each)
                condition = bound if condition is None else boolean("and", condition, bound, span=each.span)
            if isinstance(bound, Unknown):
                return None, scope
        if entry is None or entry.schema is None:
            return None, scope
        bounds = self._bounds(entry, query)
        if bounds is None:
            return None, scope
        for part in bounds:
            condition = part if condition is None else boolean("and", condition, part, span=source.span)
        schema = Schema((*self.parameters, *self.contents[entry.name]))
        node = Lookup(
            input=self._row(query.span),
            content=entry.name,
            condition=split_condition(condition, width, ranges=entry.kind is RelationKind.TABLE),
            schema=schema,
            span=source.span,
        )
        if behind is None:
            return node, scope
        if len(schema) != width + found:
            # An aggregation has columns of its own behind those that the text can name.
            self.diagnostics.not_supported(source.span, "a condition on a table beside an aggregation is")
            return None, scope
        return FilterNode(input=questions.over(node), condition=behind, span=behind.span), scope

    def _bounds(self, entry: Entry, query: Query) -> list[TypedExpression] | None:
        """What WITHIN ... PER ... demands of an aggregation; of anything else nothing. None after errors were noted."""
        bounds = query.aggregation_range
        if entry.aggregation is None:
            if bounds is not None:
                self.diagnostics.error(
                    bounds.span, ErrorCode.INVALID_WITHIN, f"{entry.what} is no aggregation: it has no WITHIN and PER"
                )
                return None
            return []
        if bounds is None:
            self.diagnostics.error(
                query.span,
                ErrorCode.INVALID_WITHIN,
                f"aggregation {entry.name} is read with WITHIN and PER",
                "say which buckets: within '2017-06-** **:**:**' per 'days'",
            )
            return None
        binder = ExpressionBinder(context=self.context, scope=InputScope(relations=()), clause="WITHIN")
        return bucket_conditions(binder, entry.aggregation, bounds, TABLE_OFFSET)

    def _names(self, relation: Relation, source: StreamInput, offset: int) -> InputScope:
        placed = replace(relation, offset=offset)
        if source.alias is None or self.context.is_sql:
            return InputScope(relations=(placed,))
        # In EventFluxQL an alias stands beside the name.
        return InputScope(relations=(replace(placed, other_name=str(source.relation), hidden=None),))

    def _refuse_clauses(self, query: Query) -> None:
        if query.unions:
            self.diagnostics.not_supported(query.unions[0].span, "UNION ALL in an on-demand query is")
        if query.output_rate is not None:
            self.diagnostics.not_supported(query.output_rate.span, "OUTPUT in an on-demand query is")
        if query.partition_by:
            self.diagnostics.not_supported(query.partition_by[0].span, "PARTITION BY in an on-demand query is")
        if query.common_tables:
            self.diagnostics.not_supported(query.common_tables[0].span, "WITH in an on-demand query is")


def _conjuncts(condition: Expression) -> tuple[Expression, ...]:
    """The parts of a condition that AND joins."""
    if isinstance(condition, Binary) and condition.operator is BinaryOperator.AND:
        return (*_conjuncts(condition.left), *_conjuncts(condition.right))
    return (condition,)
