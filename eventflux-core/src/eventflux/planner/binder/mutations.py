"""Changes of tables: update, delete, update or insert, in all spellings of both dialects.

A change acts once for each row of its query. Its condition and its new values see that row and a row of the table: in
EventFluxQL the output attributes of the query by bare names and the table's as `T.a`; in SQL the input of the query, or
behind UPSERT the select list first. What they need of the input beyond the select list becomes a further output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from eventflux.extension import suggestion
from eventflux.language.ast import (
    Assignment,
    AttributeReference,
    ConflictAction,
    DeleteFrom,
    EventIndex,
    Expression,
    FunctionCall,
    Identifier,
    InsertInto,
    MergeInto,
    OnConflict,
    RelationName,
    UpdateOrInsert,
    UpdateTable,
)
from eventflux.planner.binder.conditions import TABLE_OFFSET, beside, split_condition
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.names import InputScope, OutputScope, Relation, Scope
from eventflux.planner.binder.outputs import OutputKinds, fit, takes, unchanged
from eventflux.planner.binder.rates import BoundRate
from eventflux.planner.binder.relations import Relations, relation_of
from eventflux.planner.binder.select_nodes import is_bound, make_select
from eventflux.planner.binder.selection import BoundSelection, SelectedItem
from eventflux.planner.catalog import Entry, RelationKind
from eventflux.planner.diagnostics import Diagnostics
from eventflux.planner.logical.nodes import Node, Output, QueryPlan
from eventflux.planner.logical.tables import Change, ChangeKind, Comparison, TableCondition
from eventflux.planner.typed.build import boolean, constant, converted
from eventflux.planner.typed.nodes import Column, OutputColumn, TypedExpression, Unknown
from eventflux.planner.typed.walk import is_pure, nodes, rebuild
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Schema
from eventflux.types.source_text import Span

Mutation: TypeAlias = UpdateTable | DeleteFrom | UpdateOrInsert | MergeInto | InsertInto

# What ON CONFLICT calls the row that was to be inserted.
_EXCLUDED = "EXCLUDED"


@record(frozen=True, slots=True, kw_only=True)
class ChangingRows:
    """The rows that a change acts by.

    Attributes:
        node: Where they come from; None: could not be planned.
        scope: What names mean in the input.
        selection: The select list; without items where the statement has none.
        has_selection: Whether it has one.
        kinds: Which of them act.
        name: Of the query.
        span: Of the query.
        rate: At which they come.
    """

    node: Node | None
    scope: InputScope
    selection: BoundSelection
    has_selection: bool
    kinds: OutputKinds
    name: str
    span: Span
    rate: BoundRate | None = None


def is_mutation(output: object) -> bool:
    """Whether the output of a query changes rows of a table, rather than only adding some."""
    return isinstance(output, (UpdateTable, DeleteFrom, UpdateOrInsert, MergeInto)) or (
        isinstance(output, InsertInto) and output.on_conflict is not None
    )


def plan_change(context: BindContext, relations: Relations, rows: ChangingRows, output: Mutation) -> QueryPlan | None:
    """The query with its change; None after an error was noted, or where its rows could not be planned."""
    entry = relations.relation(output.target, context)
    if entry is None:
        return None
    if entry.kind is not RelationKind.TABLE:
        context.diagnostics.error(
            output.target.span, ErrorCode.INVALID_QUERY, f"{entry.what} cannot be changed: it is no table"
        )
        return None
    if entry.schema is None:
        return None
    binder = _ChangeBinder(context=context, entry=entry, schema=entry.schema, rows=rows)
    change = binder.bind(output)
    if change is None or rows.node is None or not is_bound(rows.selection):
        return None
    if rows.selection.distinct and len(binder.outputs) > len(rows.selection.items):
        context.diagnostics.not_supported(rows.span, "SELECT DISTINCT with a change that reads more is")
        return None
    outputs = binder.outputs or [Output(name="_row", expression=constant(value=True, type=AttributeType.BOOL))]
    root = make_select(
        context,
        rows.node,
        rows.selection,
        tuple(outputs),
        current=rows.kinds.current,
        expired=rows.kinds.expired,
        span=rows.span,
        rate=rows.rate,
    )
    return QueryPlan(
        name=rows.name,
        root=root,
        target=None,
        current=rows.kinds.current,
        expired=rows.kinds.expired,
        change=change,
        span=rows.span,
    )


@dataclass(slots=True, kw_only=True)
class _ChangeBinder:
    """Binds one change; `outputs` holds what its query has to put out."""

    context: BindContext
    entry: Entry
    schema: Schema
    rows: ChangingRows
    outputs: list[Output] = field(default_factory=list)

    def bind(self, output: Mutation) -> Change | None:
        table = replace(relation_of(self.entry, str(output.target), self._alias(output)), offset=TABLE_OFFSET)
        match output:
            case InsertInto(on_conflict=OnConflict() as on_conflict):
                return self._on_conflict(output, on_conflict, table)
            case UpdateOrInsert():
                return self._upsert(output, table)
            case MergeInto():
                return self._merge(output, table)
            case UpdateTable():
                return self._update(output, table)
            case DeleteFrom():
                self._take_selection()
                self._warn_of_all(output.condition, output.span)
                return self._change(ChangeKind.DELETE, self._scope(table), output.condition, (), output.span)
            case InsertInto():
                return self._insert(output)

    @staticmethod
    def _alias(output: Mutation) -> Identifier | None:
        return output.alias if isinstance(output, (UpdateTable, DeleteFrom, MergeInto)) else None

    # ---- kinds of changes

    def _update(self, output: UpdateTable, table: Relation) -> Change | None:
        self._take_selection()
        self._warn_of_all(output.condition, output.span)
        scope = self._scope(table)
        if output.assignments is not None:
            assignments = self._assignments(scope, table, output.assignments)
        else:
            assignments = self._by_name()
        return self._change(ChangeKind.UPDATE, scope, output.condition, assignments, output.span)

    def _upsert(self, output: UpdateOrInsert, table: Relation) -> Change | None:
        span = output.target.span
        fitted = fit(self.context, self.rows.selection.items, self.entry, output.columns, span)
        if fitted is None:
            return None
        self.outputs = list(fitted)
        scope = self._scope(table)
        if output.assignments is not None:
            assignments = self._assignments(scope, table, output.assignments)
        else:
            assignments = self._all_columns()
        return self._change(ChangeKind.UPSERT, scope, output.condition, assignments, output.span)

    def _merge(self, output: MergeInto, table: Relation) -> Change | None:
        binder = ExpressionBinder(context=self.context, scope=self.rows.scope, clause="VALUES")
        items = [
            SelectedItem(name=f"value {number}", expression=binder.bind(value), span=value.span)
            for number, value in enumerate(output.values, 1)
        ]
        if any(isinstance(item.expression, Unknown) for item in items):
            return None
        fitted = fit(self.context, items, self.entry, output.columns, output.target.span)
        if fitted is None:
            return None
        self.outputs = list(fitted)
        scope = self._scope(table)
        assignments = self._assignments(scope, table, output.assignments)
        return self._change(ChangeKind.UPSERT, scope, output.condition, assignments, output.span)

    def _on_conflict(self, output: InsertInto, on_conflict: OnConflict, table: Relation) -> Change | None:
        key = [self.schema[position].name for position in self.entry.primary_key]
        named = [column.name for column in on_conflict.columns]
        if not key or (named and sorted(named) != sorted(key)):
            self.context.diagnostics.error(
                on_conflict.span,
                ErrorCode.NEEDS_PRIMARY_KEY,
                f"ON CONFLICT needs the primary key of table '{self.entry.name}'",
                f"its primary key is: {', '.join(key)}" if key else "it has none",
            )
            return None
        fitted = fit(self.context, self.rows.selection.items, self.entry, output.columns, output.target.span)
        if fitted is None:
            return None
        self.outputs = list(fitted)
        condition: TypedExpression | None = None
        for position in self.entry.primary_key:
            attribute = self.schema[position]
            assert attribute.type is not None
            equal = boolean(
                f"equal_{attribute.type.name.lower()}",
                Column(index=TABLE_OFFSET + position, type=attribute.type, name=attribute.name),
                Column(index=position, type=attribute.type, name=attribute.name),
                span=on_conflict.span,
            )
            condition = equal if condition is None else boolean("and", condition, equal, span=on_conflict.span)
        if on_conflict.action is ConflictAction.NOTHING:
            return self._made(ChangeKind.UPSERT, condition, (), on_conflict.span, keeps_quietly=True)
        excluded = Relation(name=_EXCLUDED, what="the row to insert", schema=self.schema)
        lower = replace(excluded, name=_EXCLUDED.lower())
        scope = InputScope(relations=(table, excluded, lower), own=table)
        assignments = self._assignments(scope, table, on_conflict.assignments, are_final=True)
        if assignments is None:
            return None
        return self._made(ChangeKind.UPSERT, condition, assignments, on_conflict.span)

    def _insert(self, output: InsertInto) -> Change | None:
        fitted = fit(self.context, self.rows.selection.items, self.entry, output.columns, output.target.span)
        if fitted is None:
            return None
        self.outputs = list(fitted)
        return self._made(ChangeKind.INSERT, None, (), output.span)

    # ---- parts

    def _take_selection(self) -> None:
        if self.rows.has_selection:
            self.outputs = list(unchanged(self.rows.selection.items))

    def _scope(self, table: Relation) -> Scope:
        if not self.rows.has_selection:
            return InputScope(relations=(*self.rows.scope.relations, table))
        items = self.rows.selection.items
        names = tuple(item.name for item in items)
        types = tuple(item.expression.type for item in items)
        if self.context.is_sql:
            beyond = InputScope(relations=(*self.rows.scope.relations, table))
            return OutputScope(names=names, types=types, fallback=beyond, what="the select list")
        return _RowAndTable(row=OutputScope(names=names, types=types, what="the query"), table=table)

    def _warn_of_all(self, condition: Expression | None, span: Span) -> None:
        if condition is None:
            self.context.diagnostics.warning(
                span, ErrorCode.MUTATION_WITHOUT_WHERE, f"every row of table '{self.entry.name}' is meant: no WHERE"
            )

    def _change(
        self,
        kind: ChangeKind,
        scope: Scope,
        condition: Expression | None,
        assignments: tuple[tuple[int, TypedExpression], ...] | None,
        span: Span,
    ) -> Change | None:
        bound: TypedExpression | None = None
        if condition is not None:
            binder = ExpressionBinder(context=self.context, scope=scope, clause="the condition")
            bound = binder.condition(condition)
        if assignments is None or isinstance(bound, Unknown):
            return None
        return self._made(kind, None if bound is None else self._over_outputs(bound), assignments, span)

    def _made(
        self,
        kind: ChangeKind,
        condition: TypedExpression | None,
        assignments: tuple[tuple[int, TypedExpression], ...],
        span: Span,
        *,
        keeps_quietly: bool = False,
    ) -> Change:
        width = max(len(self.outputs), 1)
        split = split_condition(condition, width)
        values = tuple((column, beside(value, width)) for column, value in assignments)
        return Change(
            kind=kind,
            table=self.entry.name,
            condition=split,
            assignments=tuple(each for each in values if not _is_known_equal(split, *each)),
            keeps_quietly=keeps_quietly,
            attributes=self.schema.names,
            span=span,
        )

    def _over_outputs(self, expression: TypedExpression) -> TypedExpression:
        """The expression over the outputs of the query, with further ones for what it reads beyond them."""

        def change(node: TypedExpression) -> TypedExpression:
            if isinstance(node, OutputColumn):
                return self._output(self.rows.selection.items[node.index].expression, node.name, node.span)
            if isinstance(node, Column) and node.index < TABLE_OFFSET:
                return self._output(node, node.name, node.span)
            return node

        return rebuild(expression, change)

    def _output(self, expression: TypedExpression, name: str, span: Span) -> Column:
        for index, output in enumerate(self.outputs):
            if output.expression is expression or (output.expression == expression and is_pure(expression)):
                return Column(index=index, type=expression.type, name=output.name, span=span)
        taken = {output.name for output in self.outputs}
        if name in taken:
            name = f"_{name}{len(self.outputs)}"
        self.outputs.append(Output(name=name, expression=expression))
        return Column(index=len(self.outputs) - 1, type=expression.type, name=name, span=span)

    def _assignments(
        self, scope: Scope, table: Relation, assignments: Sequence[Assignment], *, are_final: bool = False
    ) -> tuple[tuple[int, TypedExpression], ...] | None:
        """New values by column, in the order of the columns."""
        binder = ExpressionBinder(context=self.context, scope=scope, clause="SET")
        values: dict[int, TypedExpression] = {}
        count = self.context.diagnostics.error_count
        for assignment in assignments:
            position = self._target(table, assignment.target)
            value = binder.bind(assignment.value)
            if position is None or isinstance(value, Unknown):
                continue
            attribute = self.schema[position]
            assert attribute.type is not None
            if position in values:
                self.context.diagnostics.error(
                    assignment.target.span, ErrorCode.DUPLICATE_COLUMN, f"attribute '{attribute.name}' is set twice"
                )
            elif value.type is not None and not takes(self.context, attribute.type, value):
                self.context.diagnostics.error(
                    assignment.value.span,
                    ErrorCode.TYPE_MISMATCH,
                    f"cannot set {attribute.type.name} attribute '{attribute.name}' to {value.type.name}",
                )
            else:
                values[position] = converted(value if are_final else self._over_outputs(value), attribute.type)
        if self.context.diagnostics.error_count > count:
            return None
        if self.context.is_sql:
            return tuple(sorted(values.items(), key=lambda each: each[0]))
        return _one_after_the_other(values)

    def _target(self, table: Relation, target: AttributeReference) -> int | None:
        qualifier: RelationName | None = target.qualifier
        if qualifier is not None and str(qualifier) not in {table.name, self.entry.name}:
            self.context.diagnostics.error(
                qualifier.span,
                ErrorCode.UNDEFINED_RELATION,
                f"SET changes table {table.name}, not '{qualifier}'",
            )
            return None
        position = self.schema.position(target.name.name)
        if position is None:
            self.context.diagnostics.error(
                target.name.span,
                ErrorCode.UNDEFINED_COLUMN,
                f"unknown attribute '{target.name.name}' of {self.entry.what}",
                suggestion(target.name.name, self.schema.names, self.entry.name),
            )
        return position

    def _by_name(self) -> tuple[tuple[int, TypedExpression], ...] | None:
        """Without SET each output attribute is for the table's of the same name."""
        values: dict[int, TypedExpression] = {}
        for index, item in enumerate(self.rows.selection.items):
            position = self.schema.position(item.name)
            given = item.expression.type
            if isinstance(item.expression, Unknown):
                return None
            if position is None:
                self.context.diagnostics.error(
                    item.span,
                    ErrorCode.UNDEFINED_COLUMN,
                    f"unknown attribute '{item.name}' of {self.entry.what}",
                    suggestion(item.name, self.schema.names, self.entry.name),
                )
                return None
            attribute = self.schema[position]
            assert attribute.type is not None
            if given is not None and given is not attribute.type:
                self.context.diagnostics.error(
                    item.span,
                    ErrorCode.TYPE_MISMATCH,
                    f"cannot set {attribute.type.name} attribute '{attribute.name}' to {given.name}",
                )
                return None
            column = Column(index=index, type=given, name=item.name, span=item.span)
            values[position] = constant(None, attribute.type) if given is None else column
        return tuple(sorted(values.items(), key=lambda each: each[0]))

    def _all_columns(self) -> tuple[tuple[int, TypedExpression], ...]:
        """The row that would be inserted takes the place of those that it finds."""
        return tuple(
            (position, Column(index=position, type=attribute.type, name=attribute.name))
            for position, attribute in enumerate(self.schema)
        )


def _one_after_the_other(values: dict[int, TypedExpression]) -> tuple[tuple[int, TypedExpression], ...]:
    """EventFluxQL sets in the order of the table's attributes, and each value sees those set before it."""
    done: dict[int, TypedExpression] = {}

    def change(node: TypedExpression) -> TypedExpression:
        if isinstance(node, Column) and node.index >= TABLE_OFFSET:
            return done.get(node.index - TABLE_OFFSET, node)
        return node

    for position in sorted(values):
        done[position] = rebuild(values[position], change)
    return tuple(done.items())


def _is_known_equal(condition: TableCondition, column: int, value: TypedExpression) -> bool:
    """Whether the condition says that the column has this value already."""
    if value.type in {AttributeType.FLOAT, AttributeType.DOUBLE}:
        return False
    return any(
        conjunct.comparison is Comparison.EQUAL and conjunct.column == column and conjunct.key == value
        for conjunct in condition.conjuncts
    ) and all(is_pure(node) for node in nodes((value,)))


@record(frozen=True, slots=True, kw_only=True)
class _RowAndTable:
    """EventFluxQL: bare names are the query's output, `T.a` is the table's."""

    row: OutputScope
    table: Relation

    @property
    def _tables(self) -> InputScope:
        return InputScope(relations=(self.table,))

    @property
    def columns(self) -> Sequence[Column]:
        return ()

    def is_relation(self, name: str) -> bool:
        return name == self.table.name

    def presence(self, name: str, index: EventIndex | None, span: Span) -> TypedExpression | None:
        return self.row.presence(name, index, span)

    def collection(self, call: FunctionCall) -> TypedExpression | None:
        return self.row.collection(call)

    def knows(self, reference: AttributeReference) -> bool:
        return self._tables.knows(reference) if reference.qualifier is not None else self.row.knows(reference)

    def resolve(self, reference: AttributeReference, diagnostics: Diagnostics) -> TypedExpression:
        scope: Scope = self._tables if reference.qualifier is not None else self.row
        return scope.resolve(reference, diagnostics)
