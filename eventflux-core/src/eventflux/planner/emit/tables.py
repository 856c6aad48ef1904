"""Tables, conditions on them, and changes -> operators and programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eventflux.planner.emit.target import ChangeParts, ConditionParts, GraphTarget, Node, ProgramT
from eventflux.planner.logical.tables import Change, TableCondition, TablePlan
from eventflux.planner.typed.nodes import TypedExpression
from eventflux.types.attribute_type import AttributeType
from eventflux.types.schema import Schema

Write = Callable[[Sequence[AttributeType], Sequence[TypedExpression]], ProgramT]
"""Writes a program that has the expressions as outputs, over columns of the given types."""


def add_table(graph: GraphTarget[ProgramT], table: TablePlan) -> tuple[Node, Node]:
    """Add a table: the node that takes what is inserted, and the one that is asked and changed.

    inserts --> stream "T~in" --> table
    """
    entrance = graph.stream(f"{table.name}~in", table.schema.types)
    graph.query(table.name)
    return entrance, graph.table(entrance, primary_key=table.primary_key, indexes=table.indexes)


def condition_parts(
    condition: TableCondition, probe: Schema, content: Schema, write: Write[ProgramT]
) -> ConditionParts[ProgramT]:
    """The programs of a condition between rows of two schemas."""
    keys = [conjunct.key for conjunct in condition.conjuncts]
    return ConditionParts(
        keys=write(probe.types, keys) if keys else None,
        conjuncts=tuple(
            (conjunct.comparison, conjunct.column, number) for number, conjunct in enumerate(condition.conjuncts)
        ),
        residual=None if condition.residual is None else write((*probe.types, *content.types), (condition.residual,)),
    )


def change_parts(
    change: Change, probe: Schema, content: Schema, write: Write[ProgramT], *, current: bool, expired: bool
) -> ChangeParts[ProgramT]:
    """The programs of a change by rows of these kinds."""
    values = [value for _, value in change.assignments]
    return ChangeParts(
        kind=change.kind,
        current=current,
        expired=expired,
        condition=condition_parts(change.condition, probe, content, write),
        values=write((*probe.types, *content.types), values) if values else None,
        columns=tuple(column for column, _ in change.assignments),
        keeps_quietly=change.keeps_quietly,
    )
