"""From the selected attributes to those of the target of INSERT INTO."""

from __future__ import annotations

from collections.abc import Sequence

from eventflux.extension import suggestion
from eventflux.language.ast import EventType, Identifier
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.selection import SelectedItem
from eventflux.planner.catalog import Entry
from eventflux.planner.logical.nodes import Output
from eventflux.planner.typed.build import constant, converted
from eventflux.planner.typed.nodes import Constant, TypedExpression, Unknown
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Attribute, Schema
from eventflux.types.source_text import Span


@record(frozen=True, slots=True, kw_only=True)
class OutputKinds:
    """Which kinds of rows leave a query."""

    current: bool
    expired: bool

    @staticmethod
    def of(event_type: EventType | None) -> OutputKinds:
        """What `insert all events into` and its like mean; nothing written: current events."""
        match event_type:
            case None | EventType.CURRENT:
                return OutputKinds(current=True, expired=False)
            case EventType.EXPIRED:
                return OutputKinds(current=False, expired=True)
            case EventType.ALL:
                return OutputKinds(current=True, expired=True)


def inferred_schema(context: BindContext, items: Sequence[SelectedItem]) -> Schema | None:
    """The schema of a stream that a query makes; None after an error was noted or where a type is unknown."""
    known = True
    for item in items:
        if isinstance(item.expression, Constant) and item.expression.type is None:
            context.diagnostics.error(
                item.span,
                ErrorCode.TYPE_MISMATCH,
                f"the type of '{item.name}' is not known: it is NULL",
                "write CAST(NULL AS type)",
            )
        known = known and item.expression.type is not None
    names = {item.name for item in items}
    if not known or len(names) != len(items):
        return None
    return Schema(Attribute(item.name, item.expression.type) for item in items if item.expression.type is not None)


def unchanged(items: Sequence[SelectedItem]) -> tuple[Output, ...]:
    """The selected attributes as they are."""
    return tuple(Output(name=item.name, expression=item.expression) for item in items)


def fit(
    context: BindContext,
    items: Sequence[SelectedItem],
    target: Entry,
    columns: Sequence[Identifier] | None,
    span: Span,
) -> tuple[Output, ...] | None:
    """The attributes of the target; None after an error was noted or where the target's schema is unknown.

    EventFluxQL wants equal names, types and order. SQL goes by position, or by the column list, and widens numbers.
    """
    if target.schema is None:
        return None
    if not context.is_sql and columns is None:
        return _exactly(context, items, target, span)
    return _by_position(context, items, target, target.schema, columns, span)


def _exactly(
    context: BindContext, items: Sequence[SelectedItem], target: Entry, span: Span
) -> tuple[Output, ...] | None:
    if any(isinstance(item.expression, Unknown) for item in items):
        return None
    given = tuple((item.name, item.expression.type) for item in items)
    assert target.schema is not None
    if given == tuple((attribute.name, attribute.type) for attribute in target.schema):
        return unchanged(items)
    selected = ", ".join(f"{name} {'NULL' if kind is None else kind.name}" for name, kind in given)
    _mismatch(
        context, target, span, f"{target.what} has other attributes: {target.schema}", f"the query selects: {selected}"
    )
    return None


def _mismatch(context: BindContext, target: Entry, span: Span, message: str, hint: str | None) -> None:
    """Note that what is selected does not fit: a definition, or what the first query made."""
    if target.inferred_at is None:
        context.diagnostics.error(span, ErrorCode.COLUMN_MISMATCH, message, hint)
        return
    place = context.diagnostics.source.position(target.span.start)
    context.diagnostics.error(
        span,
        ErrorCode.CONFLICTING_INSERTS,
        f"two queries insert different attributes into '{target.shown}', the first at {place.line}:{place.column}: "
        f"{message}",
        hint,
    )


def takes(context: BindContext, wanted: AttributeType, value: TypedExpression) -> bool:
    """Whether an attribute of that type can be given the value: its own type, a narrower number, a null.

    The parameters of a query have no FLOAT: a DOUBLE stands for both.
    """
    if value.type is None or wanted.accepts(value.type):
        return True
    is_real = wanted is AttributeType.FLOAT and value.type is AttributeType.DOUBLE
    return is_real and context.parameters is not None and value in context.parameters.values()


def _by_position(
    context: BindContext,
    items: Sequence[SelectedItem],
    target: Entry,
    schema: Schema,
    columns: Sequence[Identifier] | None,
    span: Span,
) -> tuple[Output, ...] | None:
    positions = list(range(len(schema))) if columns is None else _listed(context, target, schema, columns)
    if positions is None:
        return None
    if len(positions) != len(items):
        what = f"{target.what} has {len(schema)} attributes" if columns is None else f"the list names {len(positions)}"
        _mismatch(
            context,
            target,
            span,
            f"{what}, the select list has {len(items)}: {', '.join(item.name for item in items)}",
            f"{target.shown} has: {schema}",
        )
        return None
    outputs: list[Output | None] = [
        Output(name=attribute.name, expression=_default(target, attribute)) for attribute in schema
    ]
    for number, (position, item) in enumerate(zip(positions, items, strict=True), 1):
        expression = _stored(context, item, number, target, schema[position])
        outputs[position] = None if expression is None else Output(name=schema[position].name, expression=expression)
    if any(output is None for output in outputs):
        return None
    return tuple(output for output in outputs if output is not None)


def _listed(context: BindContext, target: Entry, schema: Schema, columns: Sequence[Identifier]) -> list[int] | None:
    positions: list[int] = []
    for column in columns:
        position = schema.position(column.name)
        if position is None:
            context.diagnostics.error(
                column.span,
                ErrorCode.UNDEFINED_COLUMN,
                f"unknown attribute '{column.name}' of {target.what}",
                suggestion(column.name, schema.names, target.name),
            )
        elif position in positions:
            context.diagnostics.error(
                column.span, ErrorCode.DUPLICATE_COLUMN, f"attribute '{column.name}' is listed twice"
            )
        else:
            positions.append(position)
    return positions if len(positions) == len(columns) else None


def _default(target: Entry, attribute: Attribute) -> TypedExpression:
    return target.defaults.get(attribute.name, constant(None, attribute.type))


def _stored(
    context: BindContext, item: SelectedItem, number: int, target: Entry, attribute: Attribute
) -> TypedExpression | None:
    given = item.expression.type
    if isinstance(item.expression, Unknown):
        return None
    if given is not None and not takes(context, attribute.type, item.expression):
        _mismatch(
            context,
            target,
            item.span,
            f"column {number}: cannot insert {given.name} into {attribute.type.name} attribute '{attribute.name}'"
            f" of {target.what}",
            f"write CAST(... AS {attribute.type.sql_name})" if given is not AttributeType.OBJECT else None,
        )
        return None
    return converted(item.expression, attribute.type)
