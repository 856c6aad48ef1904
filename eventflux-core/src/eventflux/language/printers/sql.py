"""SQL statements."""

from __future__ import annotations

from typing import TypeAlias

from eventflux.language.ast import (
    AggregationDefinition,
    Assignment,
    ConflictAction,
    DeleteFrom,
    Dialect,
    Explain,
    Expression,
    FunctionDefinition,
    Identifier,
    Input,
    InsertInto,
    InsertValues,
    JoinInput,
    JoinKind,
    JoinTrigger,
    MatchRecognizeInput,
    MergeInto,
    NoWindow,
    OnConflict,
    Partition,
    PartitionKey,
    PatternInput,
    Query,
    QueryDefinition,
    RangePartition,
    RelationName,
    ReturnEvents,
    Selection,
    SelectItem,
    SetStatement,
    Statement,
    StreamDefinition,
    StreamInput,
    SubqueryInput,
    TableDefinition,
    TableFunctionInput,
    TriggerDefinition,
    TriggerKind,
    UpdateOrInsert,
    UpdateTable,
    UpsertValues,
    ViewDefinition,
    WindowCall,
    WindowDefinition,
)
from eventflux.language.printers.sql_patterns import SqlPatternPrinter

_JOINS = {
    JoinKind.INNER: "JOIN",
    JoinKind.LEFT: "LEFT JOIN",
    JoinKind.RIGHT: "RIGHT JOIN",
    JoinKind.FULL: "FULL JOIN",
    JoinKind.CROSS: "CROSS JOIN",
}

Rows: TypeAlias = tuple[tuple[Expression, ...], ...]


class SqlPrinter(SqlPatternPrinter):
    """Writes statements as SQL."""

    def statement(self, node: Statement) -> str:
        match node:
            case Query():
                return self.annotations(node.annotations) + self.query_statement(node)
            case InsertValues():
                target = self._target(node.target, node.columns)
                return f"{self.annotations(node.annotations)}INSERT INTO {target} VALUES {self._rows(node.rows)}"  # noqa: S608 -- writing SQL is what this does
            case UpsertValues():
                target = self._target(node.target, node.columns)
                text = f"UPSERT INTO {target} VALUES {self._rows(node.rows)} ON {self.expression(node.condition)}"
                return self.annotations(node.annotations) + text + self._set(node.assignments)
            case Partition():
                return self._partition(node)
            case SetStatement():
                return f"SET {self.string(node.key)} = {self.expression(node.value)}"
            case Explain():
                return f"EXPLAIN {self.statement(node.statement)}"
            case _:
                return self.annotations(node.annotations) + self._definition(node)

    def _target(self, target: RelationName, columns: tuple[Identifier, ...] | None) -> str:
        text = self.relation(target)
        return text if columns is None else f"{text} ({self.names(columns)})"

    def _rows(self, rows: Rows) -> str:
        return ", ".join(f"({', '.join(self.expression(value) for value in row)})" for row in rows)

    # -- queries

    def query_statement(self, node: Query) -> str:
        """A query with its target."""
        output = node.output
        match output:
            case None:
                return self.query(node)
            case InsertInto():
                head = f"INSERT {self.event_type(output.event_type)}INTO {self._target(output.target, output.columns)} "
                return self.query(node, head)
            case ReturnEvents():
                raise self.refusal("return")
            case _ if node.dialect is Dialect.EVENTFLUXQL:
                # A bare name in their conditions is the select list's there, the input's here.
                raise self.refusal("a table mutation of EventFluxQL")
            case UpdateOrInsert():
                return self._upsert(node, output)
            case _:
                return self._mutation(node, output)

    def _mutation(self, node: Query, output: UpdateTable | DeleteFrom | MergeInto) -> str:
        table = self.relation(output.target)
        alias = "" if output.alias is None else f" AS {self.name(output.alias)}"
        source = None if node.input is None else self.input(node.input)
        if isinstance(output, MergeInto):
            columns = "" if output.columns is None else f" ({self.names(output.columns)})"
            return (
                f"MERGE INTO {table}{alias} USING {source} ON {self.expression(output.condition)}"
                f" WHEN MATCHED THEN UPDATE{self._set(output.assignments)}"
                f" WHEN NOT MATCHED THEN INSERT{columns} VALUES {self._rows((output.values,))}"
            )
        events = "" if output.event_type is None else f" FOR {self.event_type(output.event_type).rstrip()}"
        where = "" if output.condition is None else f" WHERE {self.expression(output.condition)}"
        if isinstance(output, DeleteFrom):
            using = "" if source is None else f" USING {source}"
            return f"DELETE FROM {table}{alias}{events}{using}{where}"  # noqa: S608 -- writing SQL is what this does
        origin = "" if source is None else f" FROM {source}"
        return f"UPDATE {table}{alias}{events}{self._set(output.assignments)}{origin}{where}"

    def _upsert(self, node: Query, output: UpdateOrInsert) -> str:
        condition = f" ON {self.expression(output.condition)}"
        assignments = self._set(output.assignments)
        if output.event_type is None:
            return (
                f"UPSERT INTO {self._target(output.target, output.columns)} {self.query(node)}{condition}{assignments}"
            )
        events = f" FOR {self.event_type(output.event_type).rstrip()}"
        return (
            f"UPDATE OR INSERT INTO {self.relation(output.target)}{events} {self.query(node)}{assignments}{condition}"
        )

    def _set(self, assignments: tuple[Assignment, ...] | None) -> str:
        if assignments is None:
            return ""
        items = [f"{self.expression(item.target)} = {self.expression(item.value)}" for item in assignments]
        return f" SET {', '.join(items)}"

    def query(self, node: Query, head: str = "") -> str:
        """The query without its target; `head` goes behind WITH."""
        text = ""
        if node.common_tables:
            tables = [f"{self.name(table.name)} AS ({self.query(table.query)})" for table in node.common_tables]
            text = f"WITH {', '.join(tables)} "
        text += head + self._core(node)
        for branch in node.unions:
            text += f" UNION ALL {self._core(branch)}"
        if node.order_by:
            text += f" ORDER BY {self.order_items(node.order_by)}"
        if node.limit is not None:
            text += f" LIMIT {self.expression(node.limit)}"
        if node.offset is not None:
            text += f" OFFSET {self.expression(node.offset)}"
        text += self.output_rate(node.output_rate)
        if node.emit is not None:
            text += f" EMIT {node.emit.value}"
        if isinstance(node.output, InsertInto) and node.output.on_conflict is not None:
            text += self._on_conflict(node.output.on_conflict)
        return text + self.properties(node.properties)

    def _on_conflict(self, node: OnConflict) -> str:
        columns = f" ({self.names(node.columns)})" if node.columns else ""
        action = "NOTHING" if node.action is ConflictAction.NOTHING else f"UPDATE{self._set(node.assignments)}"
        return f" ON CONFLICT{columns} DO {action}"

    def _core(self, node: Query) -> str:
        text = "SELECT " if node.selection is None else f"SELECT {self.selection(node.selection)}"
        if node.input is not None:
            text += f" FROM {self.input(node.input)}"
        if node.where is not None:
            text += f" WHERE {self.expression(node.where)}"
        if node.window is not None:
            text += f" {self.window(node.window)}"
        if node.aggregation_range is not None:
            bounds = node.aggregation_range
            end = "" if bounds.end is None else f", {self.expression(bounds.end)}"
            text += f" WITHIN {self.expression(bounds.start)}{end} PER {self.expression(bounds.per)}"
        if node.partition_by:
            text += f" PARTITION BY {', '.join(self.expression(key) for key in node.partition_by)}"
        if node.group_by:
            text += f" GROUP BY {', '.join(self.expression(key) for key in node.group_by)}"
        if node.having is not None:
            text += f" HAVING {self.expression(node.having)}"
        return text

    def selection(self, node: Selection) -> str:
        items = [
            self.select_item(item)
            if isinstance(item, SelectItem)
            else "*"
            if item.qualifier is None
            else f"{self.name(item.qualifier)}.*"
            for item in node.items
        ]
        return ("DISTINCT " if node.distinct else "") + ", ".join(items)

    # -- inputs

    def input(self, node: Input, mark: str = "") -> str:
        """An input; `mark` is UNIDIRECTIONAL behind it."""
        match node:
            case StreamInput() | SubqueryInput():
                return self._relation(node) + mark
            case PatternInput():
                return self.pattern_input(node)
            case MatchRecognizeInput():
                return f"{self._relation(node.input)} {self.match_recognize(node)}"
            case TableFunctionInput():
                return self._table_function(node)
            case JoinInput():
                return self._join(node)

    def _relation(self, node: StreamInput | SubqueryInput) -> str:
        text = self.relation(node.relation) if isinstance(node, StreamInput) else f"({self.query(node.query)})"
        if isinstance(node, SubqueryInput) and node.query.dialect is Dialect.EVENTFLUXQL:
            raise self.refusal("an anonymous stream of EventFluxQL")
        window: WindowCall | NoWindow | None = None
        for position, handler in enumerate(node.handlers):
            if isinstance(handler, WindowCall | NoWindow) and position == len(node.handlers) - 1:
                window = handler
            else:
                text += self.handler(handler)
        if node.alias is not None:
            text += f" AS {self.name(node.alias)}"
        return text if window is None else f"{text} {self.window(window)}"

    def _join(self, node: JoinInput) -> str:
        left_mark = " UNIDIRECTIONAL" if node.trigger is JoinTrigger.LEFT else ""
        right_mark = " UNIDIRECTIONAL" if node.trigger is JoinTrigger.RIGHT else ""
        if isinstance(node.right, JoinInput):
            raise self.refusal("a join as the right side of a join")
        word = _JOINS[node.kind]
        if node.kind is JoinKind.CROSS:
            return f"{self.input(node.left, left_mark)} {word} {self.input(node.right, right_mark)}"
        if left_mark:
            prefix, _, join = word.rpartition("JOIN")
            word = f"{prefix}UNIDIRECTIONAL JOIN{join}"
        text = f"{self.input(node.left)} {word} {self.input(node.right, right_mark)}"
        if node.using:
            return f"{text} USING ({self.names(node.using)})"
        if node.condition is None:
            raise self.refusal("a join without ON")
        return f"{text} ON {self.expression(node.condition)}"

    def _table_function(self, node: TableFunctionInput) -> str:
        operand = f"TABLE {self._relation(node.input)}"
        if node.partition_by:
            operand += f" PARTITION BY {', '.join(self.expression(key) for key in node.partition_by)}"
        items = [operand]
        if node.time_column is not None:
            items.append(f"DESCRIPTOR({self.name(node.time_column)})")
        items += [self.argument(argument) for argument in node.arguments]
        text = f"TABLE({node.function}({', '.join(items)}))"
        return text if node.alias is None else f"{text} AS {self.name(node.alias)}"

    # -- partitions

    def _partition(self, node: Partition) -> str:
        keys = ", ".join(self._partition_key(key) for key in node.keys)
        inner = "".join(f" {self.inner_statement(statement)};" for statement in node.statements)
        properties = self.properties(node.properties)
        return f"{self.annotations(node.annotations)}PARTITION WITH ({keys}){properties} BEGIN{inner} END"

    def _partition_key(self, node: PartitionKey) -> str:
        stream = self.relation(node.stream)
        if not isinstance(node, RangePartition):
            return f"{self.expression(node.expression)} OF {stream}"
        ranges = [f"{self.expression(item.condition)} AS {self.string(item.label)}" for item in node.ranges]
        return f"{' OR '.join(ranges)} OF {stream}"

    # -- definitions

    def _definition(
        self,
        node: StreamDefinition
        | TableDefinition
        | WindowDefinition
        | TriggerDefinition
        | FunctionDefinition
        | AggregationDefinition
        | QueryDefinition
        | ViewDefinition,
    ) -> str:
        name = self.name(node.name)
        match node:
            case QueryDefinition():
                return f"CREATE QUERY {name} AS {self.statement(node.statement)}"
            case ViewDefinition():
                return f"CREATE VIEW {name} AS {self.query(node.query)}"
            case _:
                name = f"IF NOT EXISTS {name}" if node.if_not_exists else name
        match node:
            case StreamDefinition() | TableDefinition():
                kind = "STREAM" if isinstance(node, StreamDefinition) else "TABLE"
                columns = self.columns(node.columns, node.constraints)
                return f"CREATE {kind} {name} {columns}{self.properties(node.properties)}"
            case WindowDefinition():
                events = "" if node.event_type is None else f" OUTPUT {self.event_type(node.event_type).rstrip()}"
                window = self.window(node.window).removeprefix("WINDOW ")
                properties = self.properties(node.properties)
                return f"CREATE WINDOW {name} {self.columns(node.columns)} {window}{events}{properties}"
            case TriggerDefinition():
                return f"CREATE TRIGGER {name} AT {self._schedule(node)}"
            case FunctionDefinition():
                return self._function(node, name)
            case AggregationDefinition():
                return self._aggregation(node, name)

    def _schedule(self, node: TriggerDefinition) -> str:
        if node.kind is TriggerKind.EVERY and node.every is not None:
            return f"EVERY {self.duration(node.every)}"
        return "START" if node.kind is TriggerKind.START else f"CRON {self.string(node.cron or '')}"

    def _function(self, node: FunctionDefinition, name: str) -> str:
        returns, language = self.type_name(node.returns), self.name(node.language)
        if node.parameters is None:
            return f"CREATE FUNCTION {name}[{language}] RETURN {returns} {{{node.body}}}"
        parameters = ", ".join(f"{self.name(item.name)} {self.type_name(item.type)}" for item in node.parameters)
        body = self.string(node.body) if "$$" in node.body else f"$${node.body}$$"
        return f"CREATE FUNCTION {name}({parameters}) RETURNS {returns} LANGUAGE {language} AS {body}"

    def _aggregation(self, node: AggregationDefinition, name: str) -> str:
        text = f"CREATE AGGREGATION {name} AS SELECT {self.selection(node.selection)} FROM {self.input(node.input)}"  # noqa: S608 -- writing SQL is what this does
        if node.where is not None:
            text += f" WHERE {self.expression(node.where)}"
        if node.group_by:
            text += f" GROUP BY {', '.join(self.expression(key) for key in node.group_by)}"
        by = "" if node.aggregate_by is None else f" BY {self.expression(node.aggregate_by)}"
        durations = ("..." if node.is_range else ", ").join(duration.name for duration in node.durations)
        return f"{text} AGGREGATE{by} EVERY {durations}{self.properties(node.properties)}"
