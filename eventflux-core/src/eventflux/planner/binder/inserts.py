"""`INSERT INTO S VALUES (...)`: rows that enter when the app starts."""

from __future__ import annotations

from dataclasses import field

from eventflux.language.ast import InsertValues
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.names import InputScope
from eventflux.planner.binder.outputs import fit
from eventflux.planner.binder.selection import SelectedItem
from eventflux.planner.catalog import Catalog, RelationKind
from eventflux.planner.rewrite.constant_folding import fold
from eventflux.planner.typed.nodes import Constant, ConstantValue, Unknown
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.source_text import NO_SPAN, Span


@record(frozen=True, slots=True, kw_only=True)
class Seed:
    """Rows of the text for a stream, in the types of its attributes."""

    stream: str
    rows: tuple[tuple[ConstantValue, ...], ...]
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


def bind_values(context: BindContext, catalog: Catalog, statement: InsertValues) -> Seed | None:
    """The rows of a statement; None after an error was noted."""
    target = catalog.find(statement.target)
    if target is None:
        context.diagnostics.error(
            statement.target.span,
            ErrorCode.UNDEFINED_RELATION,
            f"no stream or table '{statement.target}'",
            catalog.hint(str(statement.target)),
        )
        return None
    if target.kind is RelationKind.TRIGGER or target.kind is RelationKind.AGGREGATION:
        context.diagnostics.error(statement.target.span, ErrorCode.INVALID_QUERY, f"cannot insert into {target.what}")
        return None
    binder = ExpressionBinder(context=context, scope=InputScope(relations=()), clause="VALUES")
    rows: list[tuple[ConstantValue, ...]] = []
    for row in statement.rows:
        items: list[SelectedItem] = []
        for number, expression in enumerate(row):
            bound = fold(binder.bind(expression))
            if not isinstance(bound, (Constant, Unknown)):
                context.diagnostics.error(expression.span, ErrorCode.INVALID_QUERY, "VALUES must be constants")
                bound = Unknown(span=expression.span)
            items.append(SelectedItem(name=f"value {number + 1}", expression=bound, span=expression.span))
        if any(isinstance(item.expression, Unknown) for item in items):
            continue
        span = row[0].span.to(row[-1].span) if row else statement.span
        attributes = fit(context, items, target, statement.columns, span)
        if attributes is not None:
            rows.append(tuple(_value(attribute.expression) for attribute in attributes))
    if len(rows) != len(statement.rows) or target.kind not in {RelationKind.STREAM, RelationKind.TABLE}:
        return None
    return Seed(stream=target.name, rows=tuple(rows), span=statement.span)


def _value(expression: object) -> ConstantValue:
    folded = fold(expression)  # type: ignore[arg-type]
    assert isinstance(folded, Constant)
    return folded.value
