"""Changes of tables: their names and types. What runs them comes later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eventflux.extension import suggestion
from eventflux.language.ast import Assignment, DeleteFrom, MergeInto, Query, UpdateOrInsert, UpdateTable
from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.expressions import ExpressionBinder
from eventflux.planner.binder.names import InputScope
from eventflux.planner.binder.relations import Relations, relation_of
from eventflux.planner.catalog import Entry, RelationKind
from eventflux.planner.typed.nodes import Unknown
from eventflux.types.error_codes import ErrorCode


def check_mutation(context: BindContext, relations: Relations, query: Query, scope: InputScope) -> None:
    """Note what is wrong with the change of a table that a query asks for."""
    output = query.output
    match output:
        case UpdateTable() | DeleteFrom() | UpdateOrInsert() | MergeInto():
            entry = relations.relation(output.target, context)
        case _:
            return
    if entry is None:
        return
    if entry.kind is not RelationKind.TABLE:
        context.diagnostics.error(
            output.target.span, ErrorCode.INVALID_QUERY, f"{entry.what} cannot be changed: it is no table"
        )
        return
    if not context.is_sql:
        return
    alias = None if isinstance(output, UpdateOrInsert) else output.alias
    target = relation_of(entry, str(output.target), alias)
    width = sum(0 if relation.schema is None else len(relation.schema) for relation in scope.relations)
    both = InputScope(relations=(*scope.relations, replace(target, offset=width)))
    if output.condition is not None:
        ExpressionBinder(context=context, scope=both, clause="the condition").condition(output.condition)
    assignments = () if isinstance(output, DeleteFrom) else output.assignments or ()
    _assignments(context, entry, both, assignments)


def _assignments(context: BindContext, entry: Entry, scope: InputScope, assignments: Sequence[Assignment]) -> None:
    binder = ExpressionBinder(context=context, scope=scope, clause="SET")
    for assignment in assignments:
        value = binder.bind(assignment.value)
        if entry.schema is None:
            continue
        name = assignment.target.name
        attribute = entry.schema.find(name.name)
        if attribute is None:
            context.diagnostics.error(
                name.span,
                ErrorCode.UNDEFINED_COLUMN,
                f"unknown attribute '{name.name}' of {entry.what}",
                suggestion(name.name, entry.schema.names, entry.name),
            )
        elif not isinstance(value, Unknown) and value.type is not None and not attribute.type.accepts(value.type):
            context.diagnostics.error(
                assignment.value.span,
                ErrorCode.TYPE_MISMATCH,
                f"cannot set {attribute.type.name} attribute '{name.name}' to {value.type.name}",
            )
