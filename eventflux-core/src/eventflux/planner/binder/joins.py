"""Joins: their sides, what names mean over them, their condition.

A join has two sides. Of more than two relations, those on the left are joined first: their rows go through a stream
that no text can name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Final

from typing_extensions import assert_never

from eventflux.extension import ExtensionKind
from eventflux.language.ast import (
    AggregationRange,
    BinaryOperator,
    Expression,
    Filter,
    Identifier,
    Input,
    JoinInput,
    JoinKind,
    JoinTrigger,
    MatchRecognizeInput,
    NoWindow,
    PatternInput,
    StreamFunction,
    StreamInput,
    SubqueryInput,
    TableFunctionInput,
    WindowCall,
)
from eventflux.planner.binder.anonymous_sides import as_subquery
from eventflux.planner.binder.buckets import bucket_conditions
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.handlers import HandlerChain
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.relations import Relations, relation_of
from eventflux.planner.catalog import Entry, RelationKind
from eventflux.planner.logical import nodes as plan
from eventflux.planner.logical.aggregations import AggregationPlan
from eventflux.planner.logical.join_conditions import all_of, conjuncts_of
from eventflux.planner.typed.build import constant, is_null
from eventflux.planner.typed.nodes import Call, Column, TypedExpression, Unknown
from eventflux.planner.typed.walk import columns_read, is_pure, renumber_columns
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.record import record
from eventflux.types.schema import Attribute, Schema
from eventflux.types.source_text import Span

_STATIC: Final = frozenset({RelationKind.TABLE, RelationKind.AGGREGATION})
_ALL_ROWS: Final = 2**31 - 1


@record(frozen=True, slots=True, kw_only=True)
class BoundJoin:
    """What names mean over a join, and its rows (None where they could not be planned)."""

    scope: InputScope
    node: plan.Node | None


@record(frozen=True, slots=True, kw_only=True)
class _Side:
    """One side. `relations` count their columns from the first of the side; `node` is None after errors."""

    relations: tuple[Relation, ...]
    node: plan.Node | None
    span: Span
    merged: Mapping[str, TypedExpression] = field(default_factory=dict)
    content: str | None = None
    is_static: bool = False
    aggregation: AggregationPlan | None = None
    window: plan.Window | None = None
    has_no_window: bool = False
    condition: TypedExpression | None = None

    @property
    def is_stream(self) -> bool:
        return self.content is None

    @property
    def name(self) -> str:
        return ", ".join(relation.name for relation in self.relations)

    @property
    def width(self) -> int:
        if self.node is not None:
            return len(self.node.schema)
        return sum(0 if relation.schema is None else len(relation.schema) for relation in self.relations)


@record(frozen=True, slots=True)
class JoinBinder:
    """Binds the joins of one query."""

    context: BindContext
    relations: Relations

    def bind(
        self,
        join: JoinInput,
        where: Expression | None,
        window: WindowCall | NoWindow | None,
        buckets: AggregationRange | None = None,
    ) -> BoundJoin:
        """Bind a join with the clauses of its query.

        Args:
            join: The relations.
            where: WHERE.
            window: One that stands behind the join, for both sides.
            buckets: WITHIN ... PER: which buckets of aggregations are meant.
        """
        if isinstance(join.left, TableFunctionInput) and isinstance(join.right, TableFunctionInput):
            self.context.diagnostics.error(
                join.right.span,
                ErrorCode.NOT_SUPPORTED,
                f"a join of {join.left.function} with {join.right.function} is not supported",
                "use a join of streams with windows: FROM A WINDOW TIME(...) JOIN B WINDOW TIME(...) ON ...",
            )
        left, right = self._side(join.left, window, buckets), self._side(join.right, window, buckets)
        reads_buckets = any(side.aggregation is not None or len(side.relations) > 1 for side in (left, right))
        if buckets is not None and not reads_buckets:
            self.context.diagnostics.error(
                buckets.span, ErrorCode.INVALID_WITHIN, "WITHIN and PER are for joins with aggregations"
            )
        if left.is_static and right.is_static:
            self.context.diagnostics.error(
                join.span,
                ErrorCode.NOT_READABLE_AS_STREAM,
                "neither side of the join brings rows: both are only looked up",
                "join one of them with a stream, or query it on demand",
            )
            return BoundJoin(scope=self._scope(left, right, {}), node=None)
        self._check_names(join, (*left.relations, *right.relations))
        left_is_kept = join.kind in {JoinKind.LEFT, JoinKind.FULL}
        right_is_kept = join.kind in {JoinKind.RIGHT, JoinKind.FULL}
        if right_is_kept:
            left = _can_be_missing(left)
        if left_is_kept:
            right = _can_be_missing(right)
        scope = self._scope(left, right, {})
        condition = self._condition(join, scope, left.width)
        merged = self._merged(join, left, right)
        scope = self._scope(left, right, merged)
        filtered: TypedExpression | None = None
        if where is not None:
            filtered = ExpressionBinder(context=self.context, scope=scope, clause="WHERE").condition(where)
        if filtered is not None and not isinstance(filtered, Unknown) and not (left_is_kept or right_is_kept):
            left, right, condition = _pushed(left, right, condition, filtered)
            filtered = None
        if self.context.is_sql and left.is_stream and right.is_stream:
            left, right = self._with_windows(left, right)
        if left.node is None or right.node is None or isinstance(condition, Unknown) or isinstance(filtered, Unknown):
            return BoundJoin(scope=scope, node=None)
        for side, offset in ((left, 0), (right, left.width)):
            if side.condition is not None:
                numbers = {index: index + offset for index in range(side.width)}
                condition = all_of([*_listed(condition), renumber_columns(side.condition, numbers)])
            if side.aggregation is not None:
                meant = self._buckets(side.aggregation, scope, buckets, join.span, offset)
                if meant is None:
                    return BoundJoin(scope=scope, node=None)
                condition = all_of([*_listed(condition), *meant])
        # A named window joined with itself: each of its rows looks for partners once, as the left side's.
        is_self = left.content is not None and left.content == right.content
        right_triggers = join.trigger is JoinTrigger.RIGHT or (join.trigger is JoinTrigger.BOTH and not is_self)
        node: plan.Node = plan.Join(
            kind=join.kind.value,
            left=_planned(left, triggers=join.trigger is not JoinTrigger.RIGHT, preserved=left_is_kept),
            right=_planned(right, triggers=right_triggers, preserved=right_is_kept),
            condition=condition,
            schema=_joined_schema(left, right),
            span=join.span,
        )
        if filtered is not None:
            node = plan.Filter(input=node, condition=filtered, span=filtered.span)
        return BoundJoin(scope=scope, node=node)

    # ---- sides

    def _buckets(
        self,
        aggregation: AggregationPlan,
        scope: InputScope,
        buckets: AggregationRange | None,
        span: Span,
        offset: int,
    ) -> list[TypedExpression] | None:
        if buckets is None:
            self.context.diagnostics.error(
                span,
                ErrorCode.INVALID_WITHIN,
                f"aggregation {aggregation.name} is joined with WITHIN and PER",
                "say which buckets: within '2017-06-** **:**:**' per 'days'",
            )
            return None
        binder = ExpressionBinder(context=self.context, scope=scope, clause="WITHIN")
        return bucket_conditions(binder, aggregation, buckets, offset)

    def _side(self, source: Input, window: WindowCall | NoWindow | None, buckets: AggregationRange | None) -> _Side:
        match source:
            case JoinInput():
                return self._joined_side(source, buckets)
            case StreamInput():
                entry = self.relations.relation(source.relation, self.context)
                return self._relation_side(entry, str(source.relation), source, window)
            case SubqueryInput():
                stem = "subquery" if source.alias is None else source.alias.name
                entry = self.relations.subquery(source.query, stem, source.span, self.context)
                return self._relation_side(entry, stem, source, window)
            case MatchRecognizeInput() | PatternInput() | TableFunctionInput():
                return self._side(as_subquery(self.context, self.relations, source), window, buckets)
            case _:
                assert_never(source)

    def _joined_side(self, source: JoinInput, buckets: AggregationRange | None) -> _Side:
        bound = self.bind(source, None, None, buckets)
        if bound.node is None:
            lost = tuple(replace(relation, schema=None) for relation in bound.scope.relations)
            return _Side(relations=lost, node=None, span=source.span)
        entry = self.relations.joined(bound.node, "join", source.span, self.context)
        node = plan.Scan(stream=entry.name, schema=bound.node.schema, span=source.span)
        return _Side(relations=bound.scope.relations, merged=bound.scope.merged, node=node, span=source.span)

    def _relation_side(
        self,
        entry: Entry | None,
        name: str,
        source: StreamInput | SubqueryInput,
        window: WindowCall | NoWindow | None,
    ) -> _Side:
        relation = relation_of(entry, name, source.alias)
        node: plan.Node | None = None
        if entry is not None and entry.schema is not None:
            node = plan.Scan(stream=entry.name, schema=entry.schema, span=source.span)
            if entry.aggregation is not None:
                node = replace(node, schema=entry.aggregation.content_schema)
        is_static = entry is not None and entry.kind in _STATIC
        is_held = is_static or (entry is not None and entry.kind is RelationKind.WINDOW)
        chain = HandlerChain(
            context=self.context,
            relations=self.relations,
            relation=relation,
            node=node,
            named_window=name if is_held else None,
        )
        side = _Side(
            relations=(relation,),
            node=None,
            span=source.span,
            content=entry.name if is_held and entry is not None else None,
            is_static=is_static,
            aggregation=None if entry is None else entry.aggregation,
        )
        handlers = list(source.handlers)
        own = next((each for each in handlers if isinstance(each, (WindowCall, NoWindow))), None)
        if own is None and window is not None and not is_held:
            handlers.append(window)
        for handler in handlers:
            if is_held and isinstance(handler, StreamFunction):
                what = "a table" if is_static else "a named window"
                self.context.diagnostics.error(
                    handler.span, ErrorCode.INVALID_QUERY, f"{what} in a join takes no stream functions"
                )
                chain.node = None
            chain.add(handler)
            side = replace(side, has_no_window=side.has_no_window or isinstance(handler, NoWindow))
        side = replace(side, relations=(chain.relation,), node=chain.node)
        if is_held:
            return self._held_side(side, handlers)
        if isinstance(chain.node, plan.Window) and chain.node.native == plan.PYTHON_WINDOW:
            self.context.diagnostics.not_supported(chain.node.span, "windows written in Python as sides of joins are")
            return replace(side, node=None)
        if isinstance(chain.node, plan.Window) and chain.node.condition is not None:
            self.context.diagnostics.not_supported(
                chain.node.span,
                "windows bounded by a condition as sides of joins are",
                "define a window with it, insert into that, and join it",
            )
            return replace(side, node=None)
        if isinstance(chain.node, plan.Window):
            return replace(side, node=chain.node.input, window=chain.node)
        return side

    def _held_side(self, side: _Side, handlers: Sequence[object]) -> _Side:
        """What is searched as it is: its filters belong to the condition as well."""
        conditions = [handler.condition for handler in handlers if isinstance(handler, Filter)]
        if side.node is None or not conditions:
            return side
        found: list[TypedExpression] = []
        node = side.node
        while isinstance(node, plan.Filter):
            found.insert(0, node.condition)
            node = node.input
        return replace(side, node=node if side.is_static else side.node, condition=all_of(found))

    def _with_windows(self, left: _Side, right: _Side) -> tuple[_Side, _Side]:
        """SQL: one window holds for both sides, and no window keeps all rows."""
        if left.has_no_window or right.has_no_window:
            return left, right
        if left.window is None and right.window is None:
            if left.node is not None and right.node is not None:
                self.context.diagnostics.warning(
                    left.span.to(right.span),
                    ErrorCode.UNBOUNDED_JOIN,
                    "the join has no window: it keeps all rows of both sides",
                    "bound it: WINDOW TIME(...), WINDOW LENGTH(...), or WINDOW NONE for a side that is not kept",
                )
            return self._keeping_all(left), self._keeping_all(right)
        if left.window is None and right.window is not None:
            return self._copied(left, right.window), right
        if right.window is None and left.window is not None:
            return left, self._copied(right, left.window)
        return left, right

    def _keeping_all(self, side: _Side) -> _Side:
        declaration = self.context.registry.find(ExtensionKind.WINDOW, "length")
        if side.node is None or declaration is None:
            return side
        size = plan.WindowParameter(name="size", type=AttributeType.INT, value=_ALL_ROWS)
        window = plan.Window(
            input=side.node, declaration=declaration, native="length", parameters=(size,), span=side.span
        )
        return replace(side, window=window)

    def _copied(self, side: _Side, window: plan.Window) -> _Side:
        if any(parameter.column is not None for parameter in window.parameters):
            self.context.diagnostics.error(
                window.span,
                ErrorCode.WINDOW_NOT_COPIED,
                f"window {window.declaration.qualified_name} names a column and cannot be copied to '{side.name}'",
                "give it its own WINDOW",
            )
            return replace(side, node=None)
        return side if side.node is None else replace(side, window=replace(window, input=side.node))

    # ---- names and conditions

    def _check_names(self, join: JoinInput, relations: Sequence[Relation]) -> None:
        seen: set[str] = set()
        for relation in relations:
            if relation.name in seen:
                self.context.diagnostics.error(
                    join.span,
                    ErrorCode.DUPLICATE_NAME,
                    f"'{relation.name}' is on both sides of the join",
                    f"tell them apart: {relation.name} as a join {relation.name} as b",
                )
            seen.add(relation.name)

    def _scope(self, left: _Side, right: _Side, merged: Mapping[str, TypedExpression]) -> InputScope:
        moved = tuple(_moved(relation, left.width) for relation in right.relations)
        numbers = {index: index + left.width for index in range(right.width)}
        inner = {name: renumber_columns(value, numbers) for name, value in right.merged.items()}
        return InputScope(relations=(*left.relations, *moved), merged={**inner, **left.merged, **merged})

    def _condition(self, join: JoinInput, scope: InputScope, left_width: int) -> TypedExpression | None:
        if join.condition is not None:
            return ExpressionBinder(context=self.context, scope=scope, clause="ON").condition(join.condition)
        if not join.using:
            return None
        binder = ExpressionBinder(context=self.context, scope=scope, clause="USING")
        parts: list[TypedExpression] = []
        for name in join.using:
            left = _holder(scope, name, lambda index: index < left_width)
            right = _holder(scope, name, lambda index: index >= left_width)
            if left is None or right is None:
                if scope.is_complete:
                    self.context.diagnostics.error(
                        name.span,
                        ErrorCode.UNDEFINED_COLUMN,
                        f"attribute '{name.name}' is not on both sides of the join",
                    )
                return Unknown(span=name.span)
            equal = binder.operators.comparison(BinaryOperator.EQ, left, right, name.span)
            if isinstance(equal, Unknown):
                return equal
            parts.append(equal)
        return all_of(parts)

    def _merged(self, join: JoinInput, left: _Side, right: _Side) -> dict[str, TypedExpression]:
        """What the attributes of USING are: those of the side whose rows always are there, else of either."""
        scope = self._scope(left, right, {})
        merged: dict[str, TypedExpression] = {}
        for name in join.using:
            first = _holder(scope, name, lambda index: index < left.width)
            second = _holder(scope, name, lambda index: index >= left.width)
            if first is None or second is None:
                continue
            if join.kind is JoinKind.RIGHT:
                merged[name.name] = second
            elif join.kind is JoinKind.FULL and first.type is second.type and first.type is not None:
                kind = first.type.name.lower()
                merged[name.name] = Call(operation=f"coalesce_{kind}", arguments=(first, second), type=first.type)
            else:
                merged[name.name] = first
        return merged


def _holder(scope: InputScope, name: Identifier, is_there: object) -> Column | None:
    assert callable(is_there)
    for relation in scope.relations:
        column = relation.column(name.name)
        if column is not None and is_there(column.index):
            return column
    return None


def _moved(relation: Relation, by: int) -> Relation:
    missing = relation.missing
    if missing is not None:
        missing = renumber_columns(missing, {index: index + by for index in columns_read((missing,))})
    return replace(relation, offset=relation.offset + by, missing=missing)


def _can_be_missing(side: _Side) -> _Side:
    """The side with something that tells whether its row is there."""
    if side.node is None or all(relation.missing is not None for relation in side.relations):
        return side
    schema = side.node.schema
    if side.content is not None:
        # What is searched as it is cannot get a column more: a row of nulls alone counts as missing.
        columns = [is_null(column) for column in InputScope(relations=side.relations).columns]
        missing = all_of(columns) or constant(value=False, type=AttributeType.BOOL)
        return replace(side, relations=tuple(replace(each, missing=missing) for each in side.relations))
    values = tuple(
        Column(index=index, type=attribute.type, name=attribute.name) for index, attribute in enumerate(schema)
    )
    there = constant(value=True, type=AttributeType.BOOL)
    names = {attribute.name for attribute in schema}
    name = "~there"
    while name in names:
        name += "~"
    node = plan.Map(
        input=side.node,
        columns=(*values, there),
        schema=Schema((*schema, Attribute(name, AttributeType.BOOL))),
        span=side.span,
    )
    missing = is_null(Column(index=len(schema), type=AttributeType.BOOL, name=name))
    relations = tuple(
        relation if relation.missing is not None else replace(relation, missing=missing) for relation in side.relations
    )
    window = None if side.window is None else replace(side.window, input=node)
    return replace(side, node=node, window=window, relations=relations)


def _pushed(
    left: _Side, right: _Side, condition: TypedExpression | None, where: TypedExpression
) -> tuple[_Side, _Side, TypedExpression | None]:
    """WHERE of an inner join: what reads one stream alone filters before its window, the rest belongs to ON."""
    rest: list[TypedExpression] = _listed(condition)
    for conjunct in conjuncts_of(where):
        read = columns_read((conjunct,))
        of_left = bool(read) and max(read) < left.width
        of_right = bool(read) and min(read) >= left.width
        if of_left and left.is_stream and is_pure(conjunct):
            left = _filtered(left, conjunct)
        elif of_right and right.is_stream and is_pure(conjunct):
            numbers = {index: index - left.width for index in read}
            right = _filtered(right, renumber_columns(conjunct, numbers))
        else:
            rest.append(conjunct)
    return left, right, all_of(rest)


def _filtered(side: _Side, condition: TypedExpression) -> _Side:
    if side.node is None:
        return side
    node = plan.Filter(input=side.node, condition=condition, span=condition.span)
    return replace(side, node=node, window=None if side.window is None else replace(side.window, input=node))


def _listed(condition: TypedExpression | None) -> list[TypedExpression]:
    return [] if condition is None else [condition]


def _planned(side: _Side, *, triggers: bool, preserved: bool) -> plan.JoinSide:
    assert side.node is not None
    return plan.JoinSide(
        input=side.node if side.window is None else side.window,
        content=side.content,
        is_static=side.is_static,
        triggers=triggers and not side.is_static,
        preserved=preserved,
    )


def _joined_schema(left: _Side, right: _Side) -> Schema:
    """All columns of both sides, by relation and name; names are made unique."""
    attributes: list[Attribute] = []
    taken: set[str] = set()
    for side in (left, right):
        assert side.node is not None
        stem = "" if len(side.relations) != 1 else f"{side.relations[0].name}."
        for attribute in side.node.schema:
            name = f"{stem}{attribute.name}"
            while name in taken:
                name += "~"
            taken.add(name)
            attributes.append(Attribute(name, attribute.type))
    return Schema(attributes)
