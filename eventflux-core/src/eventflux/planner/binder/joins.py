"""Joins: their names and types. What runs them comes later."""

from __future__ import annotations

from dataclasses import replace

from eventflux.language.ast import (
    Filter,
    Input,
    JoinInput,
    StreamFunction,
    StreamInput,
    SubqueryInput,
    WindowCall,
)
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.names import InputScope, Relation
from eventflux.planner.binder.relations import Relations, relation_of
from eventflux.planner.binder.windows import bind_window
from eventflux.types.error_codes import ErrorCode


def join_scope(context: BindContext, relations: Relations, join: JoinInput) -> InputScope:
    """What names mean over a join; notes what is wrong in it, and that it is not run yet."""
    context.diagnostics.not_supported(join.span, "joins are")
    scope = InputScope(relations=_sides(context, relations, join, 0))
    _conditions(context, scope, join)
    return scope


def _sides(context: BindContext, relations: Relations, source: Input, offset: int) -> tuple[Relation, ...]:
    match source:
        case JoinInput():
            left = _sides(context, relations, source.left, offset)
            width = sum(0 if relation.schema is None else len(relation.schema) for relation in left)
            return (*left, *_sides(context, relations, source.right, offset + width))
        case StreamInput():
            entry = relations.relation(source.relation, context)
            relation = relation_of(entry, str(source.relation), source.alias)
            _handlers(context, relation, source)
            return (replace(relation, offset=offset),)
        case SubqueryInput():
            stem = "subquery" if source.alias is None else source.alias.name
            entry = relations.subquery(source.query, stem, source.span, context)
            relation = relation_of(entry, stem, source.alias)
            _handlers(context, relation, source)
            return (replace(relation, offset=offset),)
        case _:
            alias = source.alias
            return (Relation(name="" if alias is None else alias.name, what="the input", schema=None),)


def _handlers(context: BindContext, relation: Relation, source: StreamInput | SubqueryInput) -> None:
    scope = InputScope(relations=(relation,))
    for handler in source.handlers:
        match handler:
            case Filter(condition=condition):
                ExpressionBinder(context=context, scope=scope, clause="a filter").condition(condition)
            case WindowCall():
                bind_window(ExpressionBinder(context=context, scope=scope, clause="a window"), handler)
            case StreamFunction():
                # What it appends is not known here: names may mean those attributes.
                return
            case _:
                pass


def _conditions(context: BindContext, scope: InputScope, join: JoinInput) -> None:
    for side in (join.left, join.right):
        if isinstance(side, JoinInput):
            _conditions(context, scope, side)
    if join.condition is not None:
        ExpressionBinder(context=context, scope=scope, clause="ON").condition(join.condition)
    for name in join.using:
        holders = [relation for relation in scope.relations if relation.column(name.name) is not None]
        if scope.is_complete and len(holders) < 2:
            context.diagnostics.error(
                name.span, ErrorCode.UNDEFINED_COLUMN, f"attribute '{name.name}' is not on both sides of the join"
            )
