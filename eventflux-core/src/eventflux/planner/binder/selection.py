"""SELECT, GROUP BY, HAVING, ORDER BY, LIMIT, OFFSET, DISTINCT of one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from eventflux.language.ast import (
    AttributeReference,
    Expression,
    FieldAccess,
    Literal,
    OrderItem,
    Selection,
    SelectItem,
    Star,
)
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import AsksTables, ExpressionBinder
from eventflux.planner.binder.having_questions import HavingQuestions
from eventflux.planner.binder.names import InputScope, OutputScope
from eventflux.planner.binder.windows import whole_number
from eventflux.planner.logical.aggregates import AggregateCall, AggregateCollector
from eventflux.planner.logical.nodes import Order, Output
from eventflux.planner.rewrite.constant_folding import fold
from eventflux.planner.typed.nodes import AggregateValue, Column, OutputColumn, TypedExpression, Unknown
from eventflux.planner.typed.walk import has_aggregates, is_pure, rebuild, substitute_outputs
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.source_text import Span


@record(frozen=True, slots=True, kw_only=True)
class SelectedItem:
    """One selected attribute."""

    name: str
    expression: TypedExpression
    span: Span


@record(frozen=True, slots=True, kw_only=True)
class BoundSelection:
    """A selection whose names and types are known.

    `having` and `order` read output columns: the items first, then `hidden`. With `having_questions` it reads their
    answers too.
    """

    items: tuple[SelectedItem, ...]
    hidden: tuple[Output, ...] = ()
    group_by: tuple[TypedExpression, ...] = ()
    aggregates: tuple[AggregateCall, ...] = ()
    having: TypedExpression | None = None
    having_questions: HavingQuestions | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    distinct: bool = False
    distinct_span: Span = field(default=Span(0, 0), compare=False, repr=False)

    @property
    def is_aggregating(self) -> bool:
        return bool(self.aggregates or self.group_by)


@dataclass(slots=True)
class _Outputs:
    """The outputs of a selection while clauses add hidden ones."""

    items: tuple[SelectedItem, ...]
    hidden: list[Output] = field(default_factory=list)

    def expressions(self) -> tuple[TypedExpression, ...]:
        return (*(item.expression for item in self.items), *(output.expression for output in self.hidden))

    def index_of(self, expression: TypedExpression) -> int:
        """The output that holds the value, a new hidden one if there is none."""
        if is_pure(expression):
            for index, known in enumerate(self.expressions()):
                if known == expression:
                    return index
        self.hidden.append(Output(name=f"_hidden{len(self.hidden)}", expression=expression))
        return len(self.items) + len(self.hidden) - 1

    def over_outputs(self, expression: TypedExpression) -> TypedExpression:
        """The expression reading output columns only."""

        def change(node: TypedExpression) -> TypedExpression:
            if isinstance(node, (AggregateValue, Column)):
                return OutputColumn(index=self.index_of(node), type=node.type, span=node.span)
            return node

        return rebuild(expression, change)


@record(frozen=True, slots=True, kw_only=True)
class SelectionClauses:
    """The clauses as they stand in the text."""

    selection: Selection
    group_by: tuple[Expression, ...] = ()
    having: Expression | None = None
    order_by: tuple[OrderItem, ...] = ()
    limit: Expression | None = None
    offset: Expression | None = None


def bind_selection(
    context: BindContext,
    scope: InputScope,
    clauses: SelectionClauses,
    tables: AsksTables | None = None,
    having_tables: HavingQuestions | None = None,
) -> BoundSelection:
    """Bind all clauses; what could not be bound is Unknown in the result, its errors are noted.

    Args:
        context: Of the statement.
        scope: What is read.
        clauses: As they stand in the text.
        tables: Takes the conditions on tables of the select list.
        having_tables: Takes those of HAVING.
    """
    collector = AggregateCollector()
    binder = ExpressionBinder(context=context, scope=scope, clause="SELECT", aggregates=collector, tables=tables)
    items = _items(binder, scope, clauses.selection)
    group_by = _group_by(binder, items, clauses.group_by)
    outputs = _Outputs(items)
    having = None
    if clauses.having is not None:
        if having_tables is not None:
            having_tables.begin([item.name for item in items], [item.expression for item in items])
        having_binder = replace(_clause_binder(context, scope, items, collector, "HAVING"), tables=having_tables)
        having = outputs.over_outputs(having_binder.condition(clauses.having))
    order = _order(_clause_binder(context, scope, items, collector, "ORDER BY"), outputs, clauses.order_by)
    limit = _count(binder, clauses.limit, "LIMIT")
    offset = _count(binder, clauses.offset, "OFFSET")
    return BoundSelection(
        items=items,
        hidden=tuple(outputs.hidden),
        group_by=group_by,
        aggregates=tuple(collector.calls),
        having=having,
        having_questions=having_tables if having_tables is not None and having_tables.is_asked else None,
        order=order,
        limit=limit,
        offset=offset or 0,
        distinct=clauses.selection.distinct,
        distinct_span=clauses.selection.span,
    )


def _items(binder: ExpressionBinder, scope: InputScope, selection: Selection) -> tuple[SelectedItem, ...]:
    items: list[SelectedItem] = []
    for element in selection.items:
        match element:
            case Star():
                items.extend(_star(binder.context, scope, element))
            case SelectItem():
                expression = binder.bind(element.expression)
                name = _name(element, len(items))
                span = element.span if element.span.end > element.span.start else element.expression.span
                items.append(SelectedItem(name=name, expression=expression, span=span))
    seen: set[str] = set()
    for item in items:
        if item.name in seen:
            hint = "name one of them with AS" if binder.context.is_sql else "name one of them with 'as'"
            binder.context.diagnostics.error(
                item.span, ErrorCode.DUPLICATE_COLUMN, f"output attribute '{item.name}' appears twice", hint
            )
        seen.add(item.name)
    return tuple(items)


def _star(context: BindContext, scope: InputScope, star: Star) -> list[SelectedItem]:
    relations = scope.relations
    if star.qualifier is not None:
        relations = tuple(relation for relation in relations if relation.name == star.qualifier.name)
        if not relations and scope.is_complete:
            names = ", ".join(relation.name for relation in scope.relations)
            context.diagnostics.error(
                star.qualifier.span,
                ErrorCode.UNDEFINED_RELATION,
                f"the query reads no '{star.qualifier.name}'",
                f"the query reads: {names}",
            )
    if star.qualifier is not None:
        scope = scope.restricted(relations)
    return [
        SelectedItem(name=name, expression=replace(expression, span=star.span), span=star.span)
        for name, expression in scope.starred
    ]


def _name(item: SelectItem, position: int) -> str:
    if item.alias is not None:
        return item.alias.name
    match item.expression:
        case AttributeReference(name=name) | FieldAccess(name=name):
            return name.name
        case _:
            return f"_col{position}"


def _clause_binder(
    context: BindContext,
    scope: InputScope,
    items: tuple[SelectedItem, ...],
    collector: AggregateCollector,
    clause: str,
) -> ExpressionBinder:
    """Binder of a clause behind the selection: names are those of the output first.

    In EventFluxQL a query over one stream knows nothing but its output there; SQL, and joins in both languages, look
    in the input for what is no output. Arguments of aggregates are output attributes in EventFluxQL, in SQL those of
    the input before those of the output.
    """
    behind = scope if context.is_sql or len(scope.relations) != 1 else None
    names = tuple(item.name for item in items)
    types = tuple(item.expression.type for item in items)
    spelled = clause if context.is_sql else clause.lower()
    return ExpressionBinder(
        context=context,
        scope=OutputScope(names=names, types=types, fallback=behind),
        clause=spelled,
        aggregates=collector,
        aggregate_scope=OutputScope(names=names, types=types, fallback=behind, input_first=context.is_sql),
        outputs=tuple(item.expression for item in items),
    )


def _group_by(
    binder: ExpressionBinder, items: tuple[SelectedItem, ...], expressions: Sequence[Expression]
) -> tuple[TypedExpression, ...]:
    context = binder.context
    clause = replace(binder, clause="GROUP BY" if context.is_sql else "group by", aggregates=None)
    keys: list[TypedExpression] = []
    for expression in expressions:
        position = _position(context, expression)
        if position is not None:
            key = _item_at(context, items, position, expression, "GROUP BY")
        elif context.is_sql and isinstance(expression, AttributeReference) and not clause.scope.knows(expression):
            aliased = [item for item in items if expression.qualifier is None and item.name == expression.name.name]
            key = aliased[0].expression if aliased else clause.bind(expression)
        else:
            key = clause.bind(expression)
        if has_aggregates((key,)):
            context.diagnostics.error(
                expression.span, ErrorCode.MISPLACED_AGGREGATE, "an aggregate is not allowed in GROUP BY"
            )
            key = Unknown(span=expression.span)
        if key not in keys:
            keys.append(key)
    return tuple(keys)


def _order(binder: ExpressionBinder, outputs: _Outputs, order_by: tuple[OrderItem, ...]) -> tuple[Order, ...]:
    order: list[Order] = []
    for item in order_by:
        position = _position(binder.context, item.expression)
        if position is not None:
            found = _item_at(binder.context, outputs.items, position, item.expression, "ORDER BY")
            index = position - 1 if not isinstance(found, Unknown) else 0
        else:
            bound = binder.bind(item.expression)
            if isinstance(bound, OutputColumn):
                index = bound.index
            else:
                index = outputs.index_of(substitute_outputs(bound, outputs.expressions()))
        order.append(Order(output=index, descending=item.descending, nulls_first=bool(item.nulls_first)))
    return tuple(order)


def _position(context: BindContext, expression: Expression) -> int | None:
    """The position that a whole number in GROUP BY or ORDER BY of SQL names."""
    if not context.is_sql or not isinstance(expression, Literal):
        return None
    value = expression.value
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _item_at(
    context: BindContext, items: tuple[SelectedItem, ...], position: int, expression: Expression, clause: str
) -> TypedExpression:
    if 1 <= position <= len(items):
        return items[position - 1].expression
    context.diagnostics.error(
        expression.span,
        ErrorCode.INVALID_QUERY,
        f"{clause} {position} is not a position of the select list",
        f"it has {len(items)} attributes",
    )
    return Unknown(span=expression.span)


def _count(binder: ExpressionBinder, expression: Expression | None, clause: str) -> int | None:
    if expression is None:
        return None
    bound = replace(binder, clause=clause, aggregates=None).bind(expression)
    if isinstance(bound, Unknown):
        return None
    value = whole_number(fold(bound) if binder.context.is_sql else bound)
    if value is None or value < 0:
        spelled = clause if binder.context.is_sql else clause.lower()
        binder.context.diagnostics.error(
            expression.span, ErrorCode.INVALID_QUERY, f"{spelled} must be a constant whole number, 0 or greater"
        )
        return None
    return value
