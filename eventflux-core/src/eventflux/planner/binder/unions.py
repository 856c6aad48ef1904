"""UNION ALL: one schema for the rows of all branches."""

from __future__ import annotations

from collections.abc import Sequence

from eventflux.planner.binder.context import BindContext
from eventflux.planner.binder.queries import BoundBranch
from eventflux.planner.binder.selection import SelectedItem
from eventflux.planner.logical.nodes import Output
from eventflux.planner.typed.build import converted
from eventflux.planner.typed.nodes import Unknown
from eventflux.types.attribute_type import AttributeType, common_type
from eventflux.types.error_codes import ErrorCode
from eventflux.types.schema import Attribute, Schema


def shared_schema(context: BindContext, branches: Sequence[BoundBranch]) -> Schema | None:
    """The names of the first branch, each with a type that holds the values of all; None after an error."""
    first = branches[0].selection.items
    for branch in branches[1:]:
        items = branch.selection.items
        if len(items) != len(first):
            context.diagnostics.error(
                branch.query.span,
                ErrorCode.COLUMN_MISMATCH,
                f"the branches of UNION ALL select {len(first)} and {len(items)} attributes",
            )
            return None
    attributes: list[Attribute] = []
    for position, item in enumerate(first):
        column = [branch.selection.items[position] for branch in branches]
        shared = _shared_type(context, column, position)
        if shared is not None:
            attributes.append(Attribute(item.name, shared))
    names = {attribute.name for attribute in attributes}
    return Schema(attributes) if len(names) == len(first) else None


def _shared_type(context: BindContext, column: Sequence[SelectedItem], position: int) -> AttributeType | None:
    shared: AttributeType | None = None
    for item in column:
        if isinstance(item.expression, Unknown):
            return None
        given = item.expression.type
        if given is None:
            continue
        wider = given if shared is None else common_type(shared, given)
        if wider is None and shared is not None:
            context.diagnostics.error(
                item.span,
                ErrorCode.COLUMN_MISMATCH,
                f"column {position + 1} of UNION ALL is {shared.name} in one branch and {given.name} in another",
            )
            return None
        shared = wider
    if shared is None:
        context.diagnostics.error(
            column[0].span,
            ErrorCode.TYPE_MISMATCH,
            f"the type of column {position + 1} of UNION ALL is not known: it is NULL in all branches",
            "write CAST(NULL AS type)",
        )
    return shared


def attributes_of(branch: BoundBranch, schema: Schema) -> tuple[Output, ...]:
    """The attributes of a branch in the shared types."""
    return tuple(
        Output(name=attribute.name, expression=converted(item.expression, attribute.type))
        for item, attribute in zip(branch.selection.items, schema, strict=True)
    )
