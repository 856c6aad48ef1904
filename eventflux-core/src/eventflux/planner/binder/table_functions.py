"""Window functions in FROM: TUMBLE, HOP, CUMULATE, SESSION."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from eventflux.extension import suggestion
from eventflux.language.ast import (
    AttributeReference,
    Emit,
    Expression,
    Query,
    StreamInput,
    TableFunctionInput,
)
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.partitions import bind_partition_by
from eventflux.planner.binder.relations import Relations, relation_of
from eventflux.planner.catalog import Entry, RelationKind
from eventflux.planner.logical import nodes as plan
from eventflux.planner.logical.nodes import WindowEmission, WindowFunction, WindowFunctionKind
from eventflux.planner.logical.partitions import PartitionPlan
from eventflux.planner.typed.nodes import Constant
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.source_text import Span

_PARAMETERS: Final = {
    WindowFunctionKind.TUMBLE: ("SIZE", "OFFSET"),
    WindowFunctionKind.HOP: ("SLIDE", "SIZE", "OFFSET"),
    WindowFunctionKind.CUMULATE: ("STEP", "SIZE", "OFFSET"),
    WindowFunctionKind.SESSION: ("GAP",),
}
"""Arguments behind the time column, in the order of their places; OFFSET may be left out."""


@record(frozen=True, slots=True, kw_only=True)
class BoundTableFunction:
    """The rows with their windows.

    Attributes:
        relation: What their names mean.
        node: None after errors were noted.
        partition: The keys of PARTITION BY.
    """

    relation: Relation
    node: WindowFunction | None
    partition: PartitionPlan | None = None


@record(frozen=True, slots=True, kw_only=True)
class _Sizes:
    size: int
    hop: int
    offset: int


def emission_of(query: Query) -> WindowEmission:
    """When the rows of a window function go on: grouped by the window together, when it closes."""
    if not any(name in {"window_start", "window_end"} for name in _grouped(query)):
        return WindowEmission.AT_ONCE
    return WindowEmission.CHANGES if query.emit is Emit.CHANGES else WindowEmission.AT_CLOSE


def check_grouping(context: BindContext, query: Query, source: TableFunctionInput, emission: WindowEmission) -> None:
    """Sessions of a key are grouped by the key too: else several would share a group without closing together."""
    if emission is WindowEmission.AT_ONCE:
        return
    grouped = set(_grouped(query))
    for key in source.partition_by:
        if isinstance(key, AttributeReference) and key.name.name not in grouped:
            context.diagnostics.error(
                key.span,
                ErrorCode.INVALID_QUERY,
                f"sessions are made by {key.name.name}: GROUP BY has to name it beside the window",
                f"write GROUP BY window_start, window_end, {key.name.name}",
            )


def _grouped(query: Query) -> Iterator[str]:
    for each in query.group_by:
        if isinstance(each, AttributeReference):
            yield each.name.name


def bind_table_function(
    context: BindContext, relations: Relations, source: TableFunctionInput, emission: WindowEmission
) -> BoundTableFunction:
    """Bind a window function; what is wrong is noted."""
    kind = WindowFunctionKind[source.function]
    entry, name = _entry(context, relations, source)
    relation = relation_of(entry, name, source.alias)
    sizes = _sizes(context, source, kind)
    lost = BoundTableFunction(
        relation=Relation(name=relation.name, what=f"{source.function} of {name}", schema=None), node=None
    )
    _check_form(context, source, kind, emission)
    if entry is None or entry.schema is None or sizes is None:
        return lost
    node: plan.Node = plan.Scan(stream=entry.name, schema=entry.schema, span=source.input.span)
    column: int | None = None
    if source.time_column is not None:
        column = _time_column(context, relations, entry, source)
        if column is None:
            return lost
        if relations.watermark_of(entry.name) is None:
            made = relations.timed(node, column, f"{name}~time", source.span, context)
            assert made.schema is not None
            node = plan.Scan(stream=made.name, schema=made.schema, span=source.input.span)
    partition = None
    if source.partition_by:
        partition = bind_partition_by(context, source.partition_by, node, InputScope(relations=(relation,)))
        if partition is None:
            return lost
    function = WindowFunction(
        input=node,
        kind=kind,
        emission=emission,
        time_column=column,
        size=sizes.size,
        hop=sizes.hop,
        offset=sizes.offset,
        span=source.span,
    )
    shown = Relation(name=relation.name, what=relation.what, schema=function.schema, shapes=relation.shapes)
    return BoundTableFunction(relation=shown, node=function, partition=partition)


def _entry(context: BindContext, relations: Relations, source: TableFunctionInput) -> tuple[Entry | None, str]:
    """What the function reads."""
    if not isinstance(source.input, StreamInput):
        stem = "subquery" if source.alias is None else source.alias.name
        return relations.subquery(source.input.query, stem, source.input.span, context), stem
    name = str(source.input.relation)
    entry = relations.relation(source.input.relation, context)
    if entry is not None and entry.kind not in {RelationKind.STREAM, RelationKind.TRIGGER}:
        context.diagnostics.error(
            source.input.relation.span,
            ErrorCode.NOT_READABLE_AS_STREAM,
            f"{entry.what} cannot be read by a window function",
            "window functions are for streams",
        )
        return None, name
    return entry, name


def _check_form(
    context: BindContext, source: TableFunctionInput, kind: WindowFunctionKind, emission: WindowEmission
) -> None:
    if source.partition_by and kind is not WindowFunctionKind.SESSION:
        context.diagnostics.error(
            source.partition_by[0].span,
            ErrorCode.NOT_SUPPORTED,
            f"PARTITION BY in {source.function} is not supported; use GROUP BY",
        )
    if source.partition_by and context.block is not None:
        context.diagnostics.error(
            source.partition_by[0].span,
            ErrorCode.INVALID_QUERY,
            "PARTITION BY cannot stand within a partition",
            "make the key of the block from both: a || '/' || b OF S",
        )
    if kind is WindowFunctionKind.SESSION and emission is WindowEmission.CHANGES:
        context.diagnostics.error(
            source.span,
            ErrorCode.NOT_SUPPORTED,
            "EMIT CHANGES of SESSION is not supported; use EMIT FINAL: the end of a session is known when it closes",
        )


def _time_column(context: BindContext, relations: Relations, entry: Entry, source: TableFunctionInput) -> int | None:
    assert entry.schema is not None
    assert source.time_column is not None
    name, span = source.time_column.name, source.time_column.span
    if name not in entry.schema.names:
        context.diagnostics.error(
            span,
            ErrorCode.UNDEFINED_COLUMN,
            f"{entry.what} has no attribute '{name}'",
            suggestion(name, entry.schema.names),
        )
        return None
    column = entry.schema.names.index(name)
    found = entry.schema[column].type
    if found is not AttributeType.LONG:
        context.diagnostics.error(
            span,
            ErrorCode.TYPE_MISMATCH,
            f"the time of {source.function} is LONG milliseconds; '{name}' is {found.name}",
        )
        return None
    mark = relations.watermark_of(entry.name)
    if mark is not None and mark.column != column:
        known = entry.schema[mark.column].name
        context.diagnostics.error(
            span,
            ErrorCode.INVALID_QUERY,
            f"the watermark of {entry.shown} is for '{known}', not for '{name}'",
            f"write DESCRIPTOR({known})",
        )
        return None
    return column


def _sizes(context: BindContext, source: TableFunctionInput, kind: WindowFunctionKind) -> _Sizes | None:
    """The arguments behind the time column, by place or name."""
    known = _PARAMETERS[kind]
    given: dict[str, tuple[int, Span]] = {}
    places = iter(known)
    errors = context.diagnostics.error_count
    for argument in source.arguments:
        name = next(places, None) if argument.name is None else argument.name.name.upper()
        if name not in known:
            _refuse(context, source, argument.span, known)
            return None
        value = _milliseconds(context, argument.value, name, may_be_zero=name == "OFFSET")
        if value is not None:
            given[name] = (value, argument.span)
    if any(name not in given and name != "OFFSET" for name in known):
        if context.diagnostics.error_count == errors:
            _refuse(context, source, source.span, known)
        return None
    size = given["GAP" if kind is WindowFunctionKind.SESSION else "SIZE"][0]
    hop, hop_span = given.get("SLIDE", given.get("STEP", (size, source.span)))
    if size % hop != 0:
        context.diagnostics.error(
            hop_span,
            ErrorCode.WINDOW_ARGUMENTS,
            f"the size of {source.function}, {size} ms, must be a multiple of {hop} ms",
        )
        return None
    return _Sizes(size=size, hop=hop, offset=given.get("OFFSET", (0, source.span))[0])


def _refuse(context: BindContext, source: TableFunctionInput, span: Span, known: Sequence[str]) -> None:
    shown = ", ".join(name.lower() if name != "OFFSET" else "[offset]" for name in known)
    context.diagnostics.error(
        span,
        ErrorCode.WINDOW_ARGUMENTS,
        f"{source.function} takes (TABLE stream, DESCRIPTOR(time), {shown})",
    )


def _milliseconds(context: BindContext, value: Expression, name: str, *, may_be_zero: bool) -> int | None:
    binder = ExpressionBinder(context=context, scope=InputScope(relations=()), clause="a window function")
    bound = binder.bind(value)
    milliseconds = bound.value if isinstance(bound, Constant) else None
    if (
        isinstance(milliseconds, int)
        and not isinstance(milliseconds, bool)
        and (milliseconds > 0 or (may_be_zero and milliseconds == 0))
    ):
        return milliseconds
    least = "a constant duration" if may_be_zero else "a constant duration greater than 0"
    context.diagnostics.error(value.span, ErrorCode.WINDOW_CONSTANT, f"{name.lower()} must be {least}")
    return None
