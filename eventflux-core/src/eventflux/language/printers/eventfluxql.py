"""EventFluxQL statements, and what SQL statements become in it where it can say the same."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from eventflux.language.ast import (
    AbsentElement,
    AggregationDefinition,
    Annotation,
    AnnotationElement,
    Assignment,
    AttributeReference,
    ChainElement,
    Definition,
    DeleteFrom,
    Dialect,
    EventCount,
    EveryElement,
    Expression,
    Filter,
    FunctionDefinition,
    Handler,
    Identifier,
    Input,
    InsertInto,
    JoinInput,
    JoinKind,
    JoinTrigger,
    LogicalElement,
    NoWindow,
    OnDemandQuery,
    OrderItem,
    Output,
    Partition,
    PartitionKey,
    PatternElement,
    PatternInput,
    PatternKind,
    Quantifier,
    Query,
    QueryDefinition,
    RangePartition,
    ReturnEvents,
    Selection,
    SelectItem,
    SetStatement,
    Statement,
    StreamDefinition,
    StreamElement,
    StreamFunction,
    StreamInput,
    SubqueryInput,
    TableDefinition,
    TriggerDefinition,
    TriggerKind,
    UpdateOrInsert,
    UpdateTable,
    ViewDefinition,
    WindowCall,
    WindowDefinition,
)
from eventflux.language.printers.eventfluxql_expressions import EventFluxQLExpressionPrinter

_SETTING: Final = re.compile(r"app\.[A-Za-z_][A-Za-z0-9_]*")


def quantifier(node: Quantifier) -> str:
    """`<2>`, `<2:5>`, `<2:>`."""
    if node.maximum == node.minimum:
        return f"<{node.minimum}>"
    return f"<{node.minimum}:{'' if node.maximum is None else node.maximum}>"


class EventFluxQLPrinter(EventFluxQLExpressionPrinter):
    """Writes statements as EventFluxQL."""

    def statement(self, node: Statement) -> str:
        match node:
            case Query():
                return self.annotations(node.annotations) + self.query(node)
            case Partition():
                return self._partition(node)
            case SetStatement(key=key) if _SETTING.fullmatch(key):
                value = node.value.value
                text = str(value).lower() if isinstance(value, bool) else str(value)
                element = AnnotationElement(key=None, value=text)
                return self.annotation(Annotation(namespace="app", name=key[4:], elements=(element,)))
            case StreamDefinition() | TableDefinition() | WindowDefinition() | TriggerDefinition():
                return self.annotations(node.annotations) + self._definition(node)
            case FunctionDefinition() | AggregationDefinition() | QueryDefinition() | ViewDefinition():
                return self.annotations(node.annotations) + self._definition(node)
            case _:
                raise self.unreadable(node)

    # -- queries

    def query(self, node: Query) -> str:
        """`from ... insert into ...`."""
        node = self._from_sql_query(node) if node.dialect is Dialect.SQL else node
        if node.input is None or node.output is None:
            raise self.refusal("a query without input or output")
        text = f"from {self.input(node.input)}"
        if node.aggregation_range is not None:
            if not isinstance(node.input, JoinInput):
                raise self.refusal("WITHIN ... PER outside a join")
            text += self._range(node)
        return f"{text}{self._section(node)}{self.output_rate(node.output_rate)} {self.output(node.output)}"

    def _from_sql_query(self, node: Query) -> Query:
        """The same query with SQL's clauses in the places where EventFluxQL has them."""
        for value, what in (
            (node.common_tables, "WITH"),
            (node.unions, "UNION ALL"),
            (node.partition_by, "PARTITION BY of a query"),
            (node.window, "a WINDOW behind a join or pattern"),
            (node.emit, "EMIT"),
            (node.properties, "WITH behind a query"),
        ):
            if value:
                raise self.refusal(what)
        if node.selection is None or node.selection.distinct:
            raise self.refusal("a mutation, or DISTINCT")
        if not isinstance(node.output, InsertInto) or node.output.on_conflict is not None:
            raise self.refusal("a table mutation of SQL")
        selection = self._named(node.selection, node.output.columns)
        source = node.input
        if node.where is not None:
            if not isinstance(source, StreamInput):
                raise self.refusal("WHERE behind a join or pattern")
            position = next(
                (index for index, handler in enumerate(source.handlers) if isinstance(handler, WindowCall)),
                len(source.handlers),
            )
            condition = Filter(condition=node.where)
            handlers = (*source.handlers[:position], condition, *source.handlers[position:])
            source = replace(source, handlers=handlers)
        if isinstance(source, StreamInput) and source.alias is not None:
            raise self.refusal("an alias outside a join")
        output = replace(node.output, columns=None)
        return replace(node, selection=selection, input=source, where=None, output=output)

    def _named(self, node: Selection, columns: tuple[Identifier, ...] | None) -> Selection:
        """The selection with the names that SQL gives by position."""
        if columns is None and len(node.items) == 1 and not isinstance(node.items[0], SelectItem):
            return node
        items: list[SelectItem] = []
        for position, item in enumerate(node.items):
            if not isinstance(item, SelectItem):
                raise self.refusal("* beside other columns")
            if columns is not None and position < len(columns):
                item = replace(item, alias=columns[position])
            elif item.alias is None and not isinstance(item.expression, AttributeReference):
                item = replace(item, alias=Identifier(name=f"_col{position}"))
            items.append(item)
        return replace(node, items=tuple(items))

    def _range(self, node: Query) -> str:
        bounds = node.aggregation_range
        assert bounds is not None
        end = "" if bounds.end is None else f", {self.expression(bounds.end)}"
        return f" within {self.expression(bounds.start)}{end} per {self.expression(bounds.per)}"

    def _section(self, node: Query) -> str:
        if node.selection is None:
            return ""
        text = f" select {self.selection(node.selection)}"
        if node.group_by:
            text += f" group by {self._references(node.group_by)}"
        if node.having is not None:
            text += f" having {self.expression(node.having)}"
        if node.order_by:
            text += f" order by {', '.join(self._order_item(item) for item in node.order_by)}"
        if node.limit is not None:
            text += f" limit {self.expression(node.limit)}"
        if node.offset is not None:
            text += f" offset {self.expression(node.offset)}"
        return text

    def _references(self, keys: tuple[Expression, ...]) -> str:
        for key in keys:
            if not isinstance(key, AttributeReference):
                raise self.refusal("GROUP BY an expression")
        return ", ".join(self.expression(key) for key in keys)

    def _order_item(self, node: OrderItem) -> str:
        if node.nulls_first:
            raise self.refusal("NULLS FIRST")
        return self.expression(node.expression) + (" desc" if node.descending else "")

    def selection(self, node: Selection) -> str:
        items: list[str] = []
        for item in node.items:
            if not isinstance(item, SelectItem):
                if item.qualifier is not None:
                    raise self.refusal("a.*")
                items.append("*")
            elif item.alias is None:
                items.append(self.expression(item.expression))
            else:
                items.append(f"{self.expression(item.expression)} as {self.name(item.alias)}")
        return ", ".join(items)

    def on_demand(self, node: OnDemandQuery) -> str:
        """An on-demand query."""
        query = node.statement
        if not isinstance(query, Query):
            raise self.unreadable(query)
        if query.dialect is Dialect.SQL:
            raise self.refusal("an on-demand query of SQL")
        text = ""
        if isinstance(query.input, StreamInput):
            text = f"from {self.input(query.input)}"
            if query.where is not None:
                text += f" on {self.expression(query.where)}"
            if query.aggregation_range is not None:
                text += self._range(query)
        text += self._section(query)
        return (text if query.output is None else f"{text} {self.output(query.output)}").strip()

    # -- inputs

    def input(self, node: Input) -> str:
        match node:
            case StreamInput():
                alias = "" if node.alias is None else f" as {self.name(node.alias)}"
                return f"{self.relation(node.relation)}{self._handlers(node.handlers)}{alias}"
            case SubqueryInput(handlers=(), alias=None) if isinstance(node.query.output, ReturnEvents):
                return f"({self.query(node.query)})"
            case PatternInput(alias=None):
                within = "" if node.within is None else f" within {self._limit(node)}"
                if node.on_timeout is not None:
                    within += f" on timeout insert into {self.relation(node.on_timeout)}"
                text = self._pattern(node.pattern, node.kind)
                if isinstance(node.pattern, StreamElement) and not (node.pattern.reference or node.pattern.quantifier):
                    # Without brackets it would be a plain stream.
                    text = f"({text})"
                return text + within
            case JoinInput():
                return self._join(node)
            case _:
                raise self.unreadable(node)

    def _limit(self, node: PatternInput) -> str:
        limit = node.within
        assert limit is not None
        return f"{limit.count} events" if isinstance(limit, EventCount) else self.duration(limit)

    def _handlers(self, handlers: tuple[Handler, ...]) -> str:
        text = ""
        for handler in handlers:
            match handler:
                case Filter():
                    text += f"[{self.expression(handler.condition)}]"
                case StreamFunction():
                    text += f"#{self._function_call(handler)}"
                case WindowCall():
                    text += f"#window.{self._function_call(handler)}"
                case NoWindow():
                    pass
        return text

    def _function_call(self, node: StreamFunction | WindowCall) -> str:
        name = self.function_name(node.namespace, node.name)
        return f"{name}({self.arguments(node.arguments, star=node.star)})"

    def _join(self, node: JoinInput) -> str:
        if isinstance(node.left, JoinInput) or isinstance(node.right, JoinInput):
            raise self.refusal("more than one join")
        if node.using:
            raise self.refusal("USING")
        kind = JoinKind.INNER if node.kind is JoinKind.CROSS else node.kind
        left_mark = " unidirectional" if node.trigger is JoinTrigger.LEFT else ""
        right_mark = " unidirectional" if node.trigger is JoinTrigger.RIGHT else ""
        text = f"{self.input(node.left)}{left_mark} {kind.value} {self.input(node.right)}{right_mark}"
        return text if node.condition is None else f"{text} on {self.expression(node.condition)}"

    # -- patterns

    def _pattern(self, node: PatternElement, kind: PatternKind) -> str:
        match node:
            case StreamElement():
                reference = "" if node.reference is None else f"{self.name(node.reference)}="
                text = f"{reference}{self.relation(node.relation)}{self._handlers(node.handlers)}"
                return text if node.quantifier is None else text + quantifier(node.quantifier)
            case AbsentElement():
                text = f"not {self.relation(node.relation)}{self._handlers(node.handlers)}"
                return text if node.duration is None else f"{text} for {self.duration(node.duration)}"
            case LogicalElement():
                if isinstance(node.left, LogicalElement) or isinstance(node.right, LogicalElement):
                    raise self.refusal("AND or OR of more than two elements")
                return f"{self._pattern(node.left, kind)} {node.operator.value} {self._pattern(node.right, kind)}"
            case EveryElement():
                if isinstance(node.pattern, ChainElement | EveryElement):
                    return f"every ({self._pattern(node.pattern, kind)})"
                return f"every {self._pattern(node.pattern, kind)}"
            case ChainElement():
                separator = " -> " if kind is PatternKind.PATTERN else ", "
                return separator.join(self._link(element, kind) for element in node.elements)

    def _link(self, node: PatternElement, kind: PatternKind) -> str:
        text = self._pattern(node, kind)
        return f"({text})" if isinstance(node, ChainElement) else text

    # -- outputs

    def output(self, node: Output) -> str:
        match node:
            case InsertInto(columns=None, on_conflict=None):
                return f"insert {self.event_type(node.event_type)}into {self.relation(node.target)}"
            case ReturnEvents():
                return f"return {self.event_type(node.event_type)}".rstrip()
            case DeleteFrom(alias=None) if node.condition is not None:
                return f"delete {self.relation(node.target)}{self._for(node)} on {self.expression(node.condition)}"
            case UpdateTable(alias=None) if node.condition is not None:
                text = f"update {self.relation(node.target)}{self._for(node)}{self._set(node.assignments)}"
                return f"{text} on {self.expression(node.condition)}"
            case UpdateOrInsert(columns=None):
                text = f"update or insert into {self.relation(node.target)}{self._for(node)}"
                return f"{text}{self._set(node.assignments)} on {self.expression(node.condition)}"
            case _:
                raise self.unreadable(node)

    @staticmethod
    def _for(node: DeleteFrom | UpdateTable | UpdateOrInsert) -> str:
        return "" if node.event_type is None else f" for {node.event_type.value}"

    def _set(self, assignments: tuple[Assignment, ...] | None) -> str:
        if assignments is None:
            return ""
        items = [f"{self.expression(item.target)} = {self.expression(item.value)}" for item in assignments]
        return f" set {', '.join(items)}"

    # -- partitions

    def _partition(self, node: Partition) -> str:
        keys = ", ".join(self._partition_key(key) for key in node.keys)
        inner = "".join(f" {self.inner_statement(statement)};" for statement in node.statements)
        properties = self.properties(node.properties)
        return f"{self.annotations(node.annotations)}partition with ({keys}){properties} begin{inner} end"

    def _partition_key(self, node: PartitionKey) -> str:
        stream = self.relation(node.stream)
        if not isinstance(node, RangePartition):
            return f"{self.expression(node.expression)} of {stream}"
        ranges = [f"{self.expression(item.condition)} as {self.string(item.label)}" for item in node.ranges]
        return f"{' or '.join(ranges)} of {stream}"

    # -- definitions

    def _definition(self, node: Definition) -> str:
        name = self.name(node.name)
        if isinstance(node, QueryDefinition):
            return f"define query {name} as {self.statement(node.statement)}"
        if isinstance(node, ViewDefinition):
            return f"define view {name} as {self.query(node.query)}"
        name = f"if not exists {name}" if node.if_not_exists else name
        match node:
            case StreamDefinition() | TableDefinition():
                kind = "stream" if isinstance(node, StreamDefinition) else "table"
                columns = self.columns(node.columns, node.constraints)
                return f"define {kind} {name} {columns}{self.properties(node.properties)}"
            case WindowDefinition():
                events = "" if node.event_type is None else f" output {node.event_type.value}"
                window = self._function_call(node.window)
                properties = self.properties(node.properties)
                return f"define window {name} {self.columns(node.columns)} {window}{events}{properties}"
            case TriggerDefinition():
                return f"define trigger {name} at {self._schedule(node)}"
            case FunctionDefinition():
                return self._function(node, name)
            case AggregationDefinition():
                return self._aggregation(node, name)

    def _schedule(self, node: TriggerDefinition) -> str:
        if node.kind is TriggerKind.EVERY and node.every is not None:
            return f"every {self.duration(node.every)}"
        return "'start'" if node.kind is TriggerKind.START else self.string(node.cron or "")

    def _function(self, node: FunctionDefinition, name: str) -> str:
        if node.parameters is not None:
            raise self.refusal("a function with named parameters")
        return (
            f"define function {name}[{self.name(node.language)}] return {self.type_name(node.returns)} {{{node.body}}}"
        )

    def _aggregation(self, node: AggregationDefinition, name: str) -> str:
        source = node.input
        if source.alias is not None:
            raise self.refusal("an alias outside a join")
        if node.where is not None:
            source = replace(source, handlers=(*source.handlers, Filter(condition=node.where)))
        items = self.selection(self._named(node.selection, None))
        text = f"define aggregation {name} from {self.input(source)} select {items}"
        if node.group_by:
            text += f" group by {self._references(node.group_by)}"
        by = "" if node.aggregate_by is None else f" by {self.expression(node.aggregate_by)}"
        durations = (" ... " if node.is_range else ", ").join(duration.value for duration in node.durations)
        return f"{text} aggregate{by} every {durations}{self.properties(node.properties)}"
