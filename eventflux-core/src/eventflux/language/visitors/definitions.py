"""Definitions: streams, tables, windows, triggers, functions, aggregations, named queries, views."""

from __future__ import annotations

from dataclasses import replace

from eventflux.language.ast import (
    AggregationDefinition,
    AggregationDuration,
    Annotation,
    ColumnDefinition,
    Constraint,
    Definition,
    Dialect,
    Expression,
    FunctionDefinition,
    FunctionParameter,
    Identifier,
    IndexConstraint,
    InsertValues,
    Literal,
    PrimaryKeyConstraint,
    Query,
    QueryDefinition,
    StreamDefinition,
    StreamInput,
    TableDefinition,
    TriggerDefinition,
    TriggerKind,
    UpsertValues,
    ViewDefinition,
    WatermarkConstraint,
    WindowDefinition,
)
from eventflux.language.grammar import ParseNode
from eventflux.language.literals import string_value
from eventflux.language.visitors.base import Parts
from eventflux.language.visitors.queries import QueryVisitor
from eventflux.types.duration import TimeUnit, time_unit_named
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span

_BUCKETS = {
    TimeUnit.SECOND: AggregationDuration.SECONDS,
    TimeUnit.MINUTE: AggregationDuration.MINUTES,
    TimeUnit.HOUR: AggregationDuration.HOURS,
    TimeUnit.DAY: AggregationDuration.DAYS,
    TimeUnit.WEEK: AggregationDuration.WEEKS,
    TimeUnit.MONTH: AggregationDuration.MONTHS,
    TimeUnit.YEAR: AggregationDuration.YEARS,
}


class DefinitionVisitor(QueryVisitor):
    """Reads CREATE and DEFINE."""

    def definition(self, node: ParseNode, annotations: tuple[Annotation, ...]) -> Definition:
        inner = self.only(self.parts(node).one("definition_body"))
        span = self.span(node)
        match inner.expr_name:
            case "stream_definition":
                return self._stream(inner, annotations, span)
            case "table_definition":
                return self._table_definition(inner, annotations, span)
            case "window_definition":
                return self._window(inner, annotations, span)
            case "trigger_definition":
                return self._trigger(inner, annotations, span)
            case "function_definition":
                return self._function(inner, annotations, span)
            case "aggregation_definition":
                return self._aggregation(inner, annotations, span)
            case "query_definition":
                return self._query(inner, annotations, span)
            case _:
                return self._view(inner, annotations, span)

    def _name(self, parts: Parts) -> Identifier:
        return self.identifier(parts.one("new_name"))

    # -- columns

    def _columns(self, node: ParseNode) -> tuple[tuple[ColumnDefinition, ...], tuple[Constraint, ...]]:
        columns: list[ColumnDefinition] = []
        constraints: list[Constraint] = []
        seen: dict[str, Identifier] = {}
        for item in self.parts(node).all("column_item"):
            inner = self.only(item)
            if inner.expr_name == "table_constraint":
                constraints.append(self._constraint(self.only(inner)))
                continue
            column = self._column(inner)
            name = column.name
            if name.name in seen:
                self.error(name.span, ErrorCode.DUPLICATE_NAME, f"column {name.name!r} is defined twice")
            seen[name.name] = name
            columns.append(column)
        if not columns:
            self.error(self.span(node), ErrorCode.SYNTAX, "a definition needs a column")
        return tuple(columns), tuple(constraints)

    def _column(self, node: ParseNode) -> ColumnDefinition:
        parts = self.parts(node)
        primary_key = not_null = index = False
        default: Literal | None = None
        for mark in parts.all("column_mark"):
            inner = self.only(mark)
            match inner.expr_name:
                case "primary_key_mark":
                    primary_key = True
                case "not_null_mark":
                    not_null = True
                case "default_value":
                    default = self.signed_literal(self.parts(inner).one("signed_literal"))
                case _:
                    index = True
        return ColumnDefinition(
            name=self.identifier(parts.one("column_name")),
            type=self.type_name(parts.one("type_name")),
            primary_key=primary_key,
            not_null=not_null,
            index=index,
            default=default,
            span=self.span(node),
        )

    def _constraint(self, node: ParseNode) -> Constraint:
        parts = self.parts(node)
        names = tuple(self.identifier(part) for part in parts.all("column_name"))
        span = self.span(node)
        match node.expr_name:
            case "primary_key":
                return PrimaryKeyConstraint(columns=names, span=span)
            case "index_columns":
                return IndexConstraint(columns=names, span=span)
            case _:
                return WatermarkConstraint(
                    column=names[0], expression=self.expression(parts.one("expression")), span=span
                )

    def _stream(self, node: ParseNode, annotations: tuple[Annotation, ...], span: Span) -> StreamDefinition:
        parts = self.parts(node)
        columns, constraints = self._columns(parts.one("columns"))
        return StreamDefinition(
            dialect=self.dialect,
            annotations=annotations,
            name=self._name(parts),
            columns=columns,
            constraints=constraints,
            properties=self.properties(parts.get("with_properties")),
            if_not_exists=parts.has("if_not_exists"),
            span=span,
        )

    def _table_definition(self, node: ParseNode, annotations: tuple[Annotation, ...], span: Span) -> TableDefinition:
        parts = self.parts(node)
        columns, constraints = self._columns(parts.one("columns"))
        for constraint in constraints:
            if isinstance(constraint, WatermarkConstraint):
                self.error(constraint.span, ErrorCode.INVALID_DEFINITION, "only a stream can have a WATERMARK")
        return TableDefinition(
            dialect=self.dialect,
            annotations=annotations,
            name=self._name(parts),
            columns=columns,
            constraints=constraints,
            properties=self.properties(parts.get("with_properties")),
            if_not_exists=parts.has("if_not_exists"),
            span=span,
        )

    def _window(self, node: ParseNode, annotations: tuple[Annotation, ...], span: Span) -> WindowDefinition:
        parts = self.parts(node)
        columns, constraints = self._columns(parts.one("columns"))
        for constraint in constraints:
            self.error(constraint.span, ErrorCode.INVALID_DEFINITION, "a window has no constraints")
        return WindowDefinition(
            dialect=self.dialect,
            annotations=annotations,
            name=self._name(parts),
            columns=columns,
            window=self.window_call(parts.one("window_call")),
            event_type=self.event_type(parts),
            properties=self.properties(parts.get("with_properties")),
            if_not_exists=parts.has("if_not_exists"),
            span=span,
        )

    # -- triggers

    def _trigger(self, node: ParseNode, annotations: tuple[Annotation, ...], span: Span) -> TriggerDefinition:
        parts = self.parts(node)
        schedule = self.only(parts.one("trigger_schedule"))
        inner = self.parts(schedule)
        definition = TriggerDefinition(
            dialect=self.dialect,
            annotations=annotations,
            name=self._name(parts),
            kind=TriggerKind.START,
            schedule_span=self.span(schedule),
            if_not_exists=parts.has("if_not_exists"),
            span=span,
        )
        match schedule.expr_name:
            case "START":
                return definition
            case "trigger_every":
                every = self.timespan(inner.nodes[-1], calendar=False)
                return replace(definition, kind=TriggerKind.EVERY, every=every)
            case _:
                text = string_value(self.text(inner.one("string")), self.dialect)
                if text.strip().lower() == "start" and not inner.has("CRON"):
                    return definition
                return replace(definition, kind=TriggerKind.CRON, cron=text)

    # -- functions

    def _function(self, node: ParseNode, annotations: tuple[Annotation, ...], span: Span) -> FunctionDefinition:
        parts = self.parts(node)
        typed = parts.get("typed_function")
        inner = self.parts(typed if typed is not None else parts.one("bodied_function"))
        returns = self.type_name(self.parts(inner.one("return_type")).one("type_name"))
        language = self.identifier(inner.one("word"))
        parameters: tuple[FunctionParameter, ...] | None = None
        body_node = inner.nodes[-1]
        text = self.text(body_node)
        mark = 2 if text.startswith("$$") else 1
        if typed is not None:
            parameters = tuple(self._parameter(part) for part in inner.all("function_parameter"))
            body = string_value(text, self.dialect) if mark == 1 else text[2:-2]
        else:
            body = text[1:-1]
        start = self.start + body_node.start
        return FunctionDefinition(
            dialect=self.dialect,
            annotations=annotations,
            name=self._name(parts),
            parameters=parameters,
            language=language,
            returns=returns,
            body=body,
            body_span=self.expanded.span(start + mark, start + len(text) - mark),
            if_not_exists=parts.has("if_not_exists"),
            span=span,
        )

    def _parameter(self, node: ParseNode) -> FunctionParameter:
        parts = self.parts(node)
        return FunctionParameter(
            name=self.identifier(parts.one("column_name")),
            type=self.type_name(parts.one("type_name")),
            span=self.span(node),
        )

    # -- aggregations

    def _aggregation(self, node: ParseNode, annotations: tuple[Annotation, ...], span: Span) -> AggregationDefinition:
        parts = self.parts(node)
        query = self._aggregation_query(parts)
        source = query.input
        if not isinstance(source, StreamInput):
            self.error(span, ErrorCode.SYNTAX, "an aggregation reads one stream")
            source = StreamInput(relation=self.no_target(span), span=span)
        selection = query.selection
        assert selection is not None
        every = self.parts(parts.one("aggregate_every"))
        by = every.get("expression")
        durations, is_range = self._durations(every)
        properties = tuple(item for part in parts.all("with_properties") for item in self.properties(part))
        return AggregationDefinition(
            dialect=self.dialect,
            annotations=annotations,
            name=self._name(parts),
            input=source,
            where=query.where,
            selection=selection,
            group_by=query.group_by,
            aggregate_by=None if by is None else self.expression(by),
            durations=durations,
            is_range=is_range,
            properties=properties,
            if_not_exists=parts.has("if_not_exists"),
            span=span,
        )

    def _aggregation_query(self, parts: Parts) -> Query:
        inner_node = parts.get("aggregation_select") or parts.get("aggregation_from")
        if inner_node is not None:
            inner = self.parts(inner_node)
            query = Query(
                dialect=Dialect.SQL,
                input=self.single_relation(inner.one("relation")),
                selection=self.selection(inner.one("select_items")),
                span=self.span(inner_node),
            )
            query = self.clauses(query, inner)
            if query.having is not None:
                self.error(query.having.span, ErrorCode.SYNTAX, "an aggregation has no HAVING")
            return query
        source = self.stream_source(parts.one("stream_source"))
        query = Query(dialect=self.dialect, input=source, span=source.span)
        select, group = parts.get("select_clause"), parts.get("group_by")
        selection = (
            self.selection(self.parts(select).one("select_items")) if select is not None else self.star(source.span)
        )
        keys: tuple[Expression, ...] = () if group is None else self.references(group)
        return replace(query, selection=selection, group_by=keys)

    def _durations(self, parts: Parts) -> tuple[tuple[AggregationDuration, ...], bool]:
        first = parts.one("bucket_unit")
        span_of_range = parts.get("bucket_range")
        if span_of_range is not None:
            last = self.parts(span_of_range).one("bucket_unit")
            ends = self._bucket(first), self._bucket(last)
            order = list(AggregationDuration)
            if order.index(ends[0]) > order.index(ends[1]):
                span = self.span(first).to(self.span(last))
                self.error(span, ErrorCode.INVALID_DURATION, f"{self.text(first)} is longer than {self.text(last)}")
            return ends, True
        rest = self.parts(parts.one("bucket_list")).all("bucket_unit") if parts.has("bucket_list") else []
        return tuple(self._bucket(unit) for unit in (first, *rest)), False

    def _bucket(self, node: ParseNode) -> AggregationDuration:
        unit = time_unit_named(self.text(node))
        assert unit is not None
        return _BUCKETS[unit]

    # -- named queries

    def _query(self, node: ParseNode, annotations: tuple[Annotation, ...], span: Span) -> QueryDefinition:
        parts = self.parts(node)
        inner = self.only(parts.one("named_statement"))
        statement: Query | InsertValues | UpsertValues
        if self.dialect is Dialect.EVENTFLUXQL:
            statement = self.ql_query(inner)
        elif inner.expr_name == "mutation":
            statement = self.mutation(inner)
        else:
            statement = self.sql_query(inner)
        return QueryDefinition(
            dialect=self.dialect, annotations=annotations, name=self._name(parts), statement=statement, span=span
        )

    def _view(self, node: ParseNode, annotations: tuple[Annotation, ...], span: Span) -> ViewDefinition:
        parts = self.parts(node)
        inner = self.only(parts.one("viewed_query"))
        query = self.ql_query(inner) if self.dialect is Dialect.EVENTFLUXQL else self.subquery(inner)
        return ViewDefinition(
            dialect=self.dialect, annotations=annotations, name=self._name(parts), query=query, span=span
        )
