"""From a bound selection to Select nodes: attributes of the target, hidden outputs, DISTINCT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.having_questions import HavingQuestions
from eventflux.planner.binder.rates import BoundRate, limited, with_keys
from eventflux.planner.binder.selection import BoundSelection
from eventflux.planner.logical.aggregates import AggregateCall
from eventflux.planner.logical.nodes import Node, Order, Output, Root, Select, WindowEmission, WindowFunction, chain
from eventflux.planner.typed.build import boolean, constant
from eventflux.planner.typed.nodes import (
    AggregateValue,
    Call,
    Column,
    Constant,
    HostCall,
    OutputColumn,
    TypedExpression,
    Unknown,
)
from eventflux.planner.typed.walk import is_pure, nodes, renumber_outputs
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.schema import Attribute, Schema
from eventflux.types.source_text import Span


def is_bound(selection: BoundSelection) -> bool:
    """Whether every name and type of the selection is known."""
    expressions = [
        *(item.expression for item in selection.items),
        *(output.expression for output in selection.hidden),
        *selection.group_by,
        *(expression for call in selection.aggregates for expression in call.expressions),
        *(() if selection.having is None else (selection.having,)),
    ]
    return not any(isinstance(node, Unknown) for node in nodes(expressions))


def make_select(
    context: BindContext,
    source: Node,
    selection: BoundSelection,
    attributes: Sequence[Output],
    *,
    current: bool,
    expired: bool,
    span: Span,
    rate: BoundRate | None = None,
) -> Root:
    """The Select, two of them where DISTINCT has to look at what the first puts out; the rate over them.

    Args:
        context: Of the statement.
        source: Where the rows come from.
        selection: Bound, without errors.
        attributes: What is put out: expressions as those of the selection's items.
        current: Whether CURRENT rows are wanted.
        expired: Whether EXPIRED rows are wanted.
        span: Of the query.
        rate: At which its rows go out.
    """
    if rate is None:
        return _selects(context, source, selection, attributes, current=current, expired=expired, span=span)
    if selection.having_questions is not None:
        context.diagnostics.not_supported(span, "OUTPUT with a HAVING that asks a table is")
        return _selects(context, source, selection, attributes, current=current, expired=expired, span=span)
    outputs, keys = with_keys(rate, attributes, selection.group_by)
    select = _selects(context, source, selection, outputs, current=current, expired=expired, span=span)
    return limited(rate, replace(select, keeps_all=rate.is_snapshot), attributes, keys)


def _selects(
    context: BindContext,
    source: Node,
    selection: BoundSelection,
    attributes: Sequence[Output],
    *,
    current: bool,
    expired: bool,
    span: Span,
) -> Select:
    selection = _forgetting(source, selection)
    if selection.having_questions is not None and selection.having is not None:
        if selection.distinct:
            context.diagnostics.not_supported(selection.distinct_span, "SELECT DISTINCT whose HAVING asks a table is")
        return _asking(
            source, selection, selection.having_questions, attributes, current=current, expired=expired, span=span
        )
    if not selection.distinct:
        return _select(source, selection, attributes, current=current, expired=expired, span=span)
    if any(order.output >= len(selection.items) for order in selection.order):
        context.diagnostics.error(
            selection.distinct_span,
            ErrorCode.INVALID_QUERY,
            "ORDER BY of SELECT DISTINCT can only name selected attributes",
        )
    if not selection.is_aggregating and selection.having is None:
        keyed = _first_of_each(selection, tuple(item.expression for item in selection.items))
        return _select(source, keyed, attributes, current=current, expired=expired, span=span)
    inner = replace(selection, distinct=False, order=(), limit=None, offset=0)
    items = tuple(Output(name=item.name, expression=item.expression) for item in selection.items)
    first = _select(source, inner, items, current=True, expired=True, span=span)
    columns = tuple(
        Column(index=index, type=item.expression.type, name=item.name, span=item.span)
        for index, item in enumerate(selection.items)
    )
    outer = BoundSelection(
        items=tuple(replace(item, expression=column) for item, column in zip(selection.items, columns, strict=True)),
        order=selection.order,
        limit=selection.limit,
        offset=selection.offset,
    )
    over_first = [replace(each, expression=_over(each.expression, selection, columns)) for each in attributes]
    return _select(first, _first_of_each(outer, columns), over_first, current=current, expired=expired, span=span)


def _asking(
    source: Node,
    selection: BoundSelection,
    questions: HavingQuestions,
    attributes: Sequence[Output],
    *,
    current: bool,
    expired: bool,
    span: Span,
) -> Select:
    """A selection, what it asks tables about its rows, and a second one for what comes behind HAVING."""
    assert selection.having is not None
    items = tuple(Output(name=item.name, expression=item.expression) for item in selection.items)
    hidden = tuple(
        Output(name=f"_hidden{index}", expression=each.expression) for index, each in enumerate(selection.hidden)
    )
    inner = replace(selection, having=None, having_questions=None, distinct=False, order=(), limit=None, offset=0)
    first = _select(source, inner, (*items, *hidden), current=current, expired=expired, span=span)
    columns = tuple(
        Column(index=index, type=each.expression.type, name=each.name) for index, each in enumerate((*items, *hidden))
    )
    outer = BoundSelection(
        items=tuple(replace(item, expression=column) for item, column in zip(selection.items, columns, strict=False)),
        hidden=tuple(Output(name=each.name, expression=each) for each in columns[len(items) :]),
        order=selection.order,
        limit=selection.limit,
        offset=selection.offset,
    )
    over_first = [
        replace(each, expression=_over(each.expression, selection, columns[: len(items)])) for each in attributes
    ]
    filtered = questions.filtered(first, selection.having)
    return _select(filtered, outer, over_first, current=current, expired=expired, span=span)


def _forgetting(source: Node, selection: BoundSelection) -> BoundSelection:
    """Over the running windows of EMIT CHANGES: a group is forgotten when the last of its rows has left."""
    if not any(isinstance(each, WindowFunction) and each.emission is WindowEmission.CHANGES for each in chain(source)):
        return selection
    rows = AggregateCall(name="count_held", argument=None, type=AttributeType.LONG)
    return replace(selection, aggregates=(*selection.aggregates, rows))


def _first_of_each(selection: BoundSelection, keys: tuple[TypedExpression, ...]) -> BoundSelection:
    """Grouped by all selected attributes, only rows that are the first of their group."""
    count = AggregateCall(name="count", argument=None, type=AttributeType.LONG)
    hidden = Output(name="_count", expression=AggregateValue(index=0, type=AttributeType.LONG))
    position = OutputColumn(index=len(selection.items), type=AttributeType.LONG, name="_count")
    order = tuple(
        replace(each, output=each.output + 1) if each.output >= len(selection.items) else each
        for each in selection.order
    )
    return replace(
        selection,
        distinct=False,
        group_by=tuple(dict.fromkeys(keys)),
        aggregates=(count,),
        hidden=(hidden, *selection.hidden),
        having=boolean("equal_long", position, constant(1, AttributeType.LONG)),
        order=order,
    )


def _over(expression: TypedExpression, selection: BoundSelection, columns: tuple[Column, ...]) -> TypedExpression:
    """An attribute of the target over the columns of the first Select."""
    for item, column in zip(selection.items, columns, strict=True):
        if item.expression is expression:
            return column
    match expression:
        case Call() | HostCall():
            return replace(
                expression, arguments=tuple(_over(each, selection, columns) for each in expression.arguments)
            )
        case Constant():
            return expression
        case _:
            raise ValueError("an attribute of the target is no selected item")


def _select(
    source: Node,
    selection: BoundSelection,
    attributes: Sequence[Output],
    *,
    current: bool,
    expired: bool,
    span: Span,
) -> Select:
    former = (
        *(Output(name=item.name, expression=item.expression) for item in selection.items),
        *selection.hidden,
    )
    outputs = list(attributes)
    numbers: dict[int, int] = {}
    for index in _outputs_read(selection):
        numbers[index] = _position(outputs, former[index])
    having = None if selection.having is None else renumber_outputs(selection.having, numbers)
    return Select(
        input=source,
        group_by=selection.group_by,
        aggregates=selection.aggregates,
        outputs=tuple(outputs),
        visible=len(attributes),
        having=having,
        order=tuple(
            Order(output=numbers[each.output], descending=each.descending, nulls_first=each.nulls_first)
            for each in selection.order
        ),
        limit=selection.limit,
        offset=selection.offset,
        current=current,
        expired=expired,
        schema=_schema(attributes),
        span=span,
    )


def _outputs_read(selection: BoundSelection) -> list[int]:
    read = [each.output for each in selection.order]
    if selection.having is not None:
        read += [node.index for node in nodes((selection.having,)) if isinstance(node, OutputColumn)]
    return list(dict.fromkeys(read))


def _position(outputs: list[Output], wanted: Output) -> int:
    """Where the value is put out, behind the others if it is not yet."""
    for index, output in enumerate(outputs):
        if output.expression is wanted.expression or (
            output.expression == wanted.expression and is_pure(wanted.expression)
        ):
            return index
    outputs.append(wanted)
    return len(outputs) - 1


def _schema(attributes: Sequence[Output]) -> Schema:
    return Schema(
        Attribute(attribute.name, attribute.expression.type)
        for attribute in attributes
        if attribute.expression.type is not None
    )
