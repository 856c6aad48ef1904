"""Conditions on tables within a filter: `cond in T`, `x IN T`, `x IN (SELECT ...)`, `EXISTS (SELECT ...)`.

Each is asked before the filter: its answer is a BOOL column behind those of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from eventflux.language.ast import (
    BinaryOperator,
    ConditionInTable,
    Exists,
    Expression,
    Filter,
    InSubquery,
    KeyInTable,
    Query,
    RowExpression,
    SelectItem,
    StreamInput,
)
from eventflux.planner.binder.conditions import TABLE_OFFSET, split_condition
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder, TableCondition
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.relations import Relations, relation_of
from eventflux.planner.catalog import Entry, RelationKind
from eventflux.planner.logical import nodes as plan
from eventflux.planner.typed.build import boolean
from eventflux.planner.typed.nodes import Column, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Attribute, Schema
from eventflux.types.source_text import Span


@record(frozen=True, slots=True, kw_only=True)
class _Question:
    content: str
    condition: TypedExpression | None
    has_ranges: bool
    span: Span


@dataclass(slots=True, kw_only=True)
class TableQuestions:
    """The questions of one filter.

    Attributes:
        context: Of the statement.
        relations: Finds tables.
        scope: What names mean in the filter.
        width: How many columns the rows have.
    """

    context: BindContext
    relations: Relations
    scope: InputScope
    width: int
    _questions: list[_Question] = field(default_factory=list)

    def ask(self, expression: TableCondition) -> TypedExpression:
        """The answer to a condition on a table, without its negation; Unknown after an error was noted."""
        match expression:
            case ConditionInTable(condition=condition, table=name):
                entry = self.relations.relation(name, self.context)
                if entry is None or not self._is_table(entry, name.span):
                    return Unknown(span=expression.span)
                return self._asked(entry, self._within(relation_of(entry, str(name), None), condition), expression.span)
            case KeyInTable():
                return self._key(expression)
            case InSubquery(operand=operand, query=query):
                return self._subquery(query, operand, expression.span)
            case Exists(query=query):
                return self._subquery(query, None, expression.span)

    def over(self, node: plan.Node) -> plan.Node:
        """The rows with the answers as further columns."""
        for question in self._questions:
            schema = node.schema
            answer = Attribute(f"_in{len(schema)}", AttributeType.BOOL)
            node = plan.Contains(
                input=node,
                content=question.content,
                condition=split_condition(question.condition, len(schema), ranges=question.has_ranges),
                schema=Schema((*schema, answer)),
                span=question.span,
            )
        return node

    @property
    def count(self) -> int:
        return len(self._questions)

    @property
    def is_asked(self) -> bool:
        return bool(self._questions)

    def _asked(self, entry: Entry, condition: TypedExpression | None, span: Span) -> TypedExpression:
        if isinstance(condition, Unknown) or entry.schema is None:
            return Unknown(span=span)
        self._questions.append(
            _Question(
                content=entry.name,
                condition=condition,
                has_ranges=entry.kind is RelationKind.TABLE,
                span=span,
            )
        )
        index = self.width + len(self._questions) - 1
        return Column(index=index, type=AttributeType.BOOL, name=f"_in{index}", span=span)

    def _binder(self, table: Relation) -> ExpressionBinder:
        """Of expressions that see a row of the table beside the rows of the filter."""
        table = replace(table, offset=TABLE_OFFSET)
        own = self.scope.own
        if self.context.is_sql:
            own = table
        elif len(self.scope.relations) == 1:
            own = self.scope.relations[0]
        scope = InputScope(relations=(*self.scope.relations, table), own=own)
        return ExpressionBinder(context=self.context, scope=scope, clause="a condition on a table")

    def _within(self, table: Relation, condition: Expression) -> TypedExpression:
        return self._binder(table).condition(condition)

    def _is_table(self, entry: Entry, span: Span) -> bool:
        if entry.kind is RelationKind.TABLE:
            return True
        self.context.diagnostics.error(
            span, ErrorCode.INVALID_QUERY, f"{entry.what} cannot be asked with IN", "IN takes a table"
        )
        return False

    def _key(self, expression: KeyInTable) -> TypedExpression:
        name, span = expression.table, expression.span
        entry = self.relations.relation(name, self.context)
        if entry is None or not self._is_table(entry, name.span):
            return Unknown(span=span)
        operand = expression.operand
        operands = operand.items if isinstance(operand, RowExpression) else (operand,)
        if entry.schema is None:
            return Unknown(span=span)
        if len(entry.primary_key) != len(operands):
            key = ", ".join(entry.schema[position].name for position in entry.primary_key)
            self.context.diagnostics.error(
                span,
                ErrorCode.NEEDS_PRIMARY_KEY,
                f"table '{entry.name}' needs a primary key of {len(operands)} attributes for IN",
                f"its primary key is: {key}" if key else "use IN with a subquery",
            )
            return Unknown(span=span)
        outer = ExpressionBinder(context=self.context, scope=self.scope, clause="IN")
        condition: TypedExpression | None = None
        for position, each in zip(entry.primary_key, operands, strict=True):
            column = _column(entry.schema, position, span)
            part = outer.operators.comparison(BinaryOperator.EQ, column, outer.bind(each), each.span)
            condition = _both(condition, part)
        return self._asked(entry, condition, span)

    def _subquery(self, query: Query, operand: Expression | None, span: Span) -> TypedExpression:
        source = query.input
        if not isinstance(source, StreamInput) or not _is_plain(query, source.handlers):
            self.context.diagnostics.not_supported(
                query.span, "this subquery is", "use SELECT ... FROM a table WHERE ..., or join"
            )
            return Unknown(span=span)
        entry = self.relations.relation(source.relation, self.context)
        if entry is None:
            return Unknown(span=span)
        if entry.kind not in {RelationKind.TABLE, RelationKind.WINDOW}:
            self.context.diagnostics.error(
                source.relation.span,
                ErrorCode.INVALID_QUERY,
                f"{entry.what} holds no rows that a subquery could read",
                "a subquery reads a table or a named window",
            )
            return Unknown(span=span)
        binder = self._binder(relation_of(entry, str(source.relation), source.alias))
        conditions = [handler.condition for handler in source.handlers if isinstance(handler, Filter)]
        if query.where is not None:
            conditions.append(query.where)
        condition: TypedExpression | None = None
        for each in conditions:
            condition = _both(condition, binder.condition(each))
        if operand is not None:
            item = self._single_item(query, entry, binder)
            outer = ExpressionBinder(context=self.context, scope=self.scope, clause="IN")
            equal = outer.operators.comparison(BinaryOperator.EQ, item, outer.bind(operand), operand.span)
            condition = _both(equal, condition) if condition is not None else equal
        return self._asked(entry, condition, span)

    def _single_item(self, query: Query, entry: Entry, binder: ExpressionBinder) -> TypedExpression:
        selection = query.selection
        items = () if selection is None else selection.items
        if len(items) == 1 and isinstance(items[0], SelectItem):
            return binder.bind(items[0].expression)
        if len(items) == 1 and entry.schema is not None and len(entry.schema) == 1:
            return _column(entry.schema, 0, query.span)
        self.context.diagnostics.error(
            query.span, ErrorCode.COLUMN_MISMATCH, "a subquery behind IN selects exactly one value"
        )
        return Unknown(span=query.span)


def _is_plain(query: Query, handlers: Sequence[object]) -> bool:
    clauses = (
        query.group_by,
        query.having,
        query.unions,
        query.limit,
        query.offset,
        query.output_rate,
        query.partition_by,
        query.common_tables,
        query.aggregation_range,
    )
    return not any(clauses) and all(isinstance(handler, Filter) for handler in handlers)


def _column(schema: Schema, position: int, span: Span) -> Column:
    attribute = schema[position]
    return Column(index=TABLE_OFFSET + position, type=attribute.type, name=attribute.name, span=span)


def _both(left: TypedExpression | None, right: TypedExpression) -> TypedExpression:
    if left is None or isinstance(right, Unknown):
        return right
    if isinstance(left, Unknown):
        return left
    return boolean("and", left, right, span=left.span)
