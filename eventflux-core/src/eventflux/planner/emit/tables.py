"""Tables, conditions on them, and changes -> operators and programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from eventflux.extension.table_expressions import text_of
from eventflux.planner.emit.outside import OutsideStores, divided, whole_change
from eventflux.planner.emit.target import ChangeParts, ConditionParts, GraphTarget, Node, ProgramT
from eventflux.planner.logical.tables import Change, TableCondition, TablePlan
from eventflux.planner.typed.nodes import TypedExpression
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record
from eventflux.types.schema import Schema


@record(frozen=True, slots=True)
class OutsideContent:
    """A table outside, as those that ask it need to know it."""

    name: str
    schema: Schema
    stores: OutsideStores


Write = Callable[[Sequence[AttributeType], Sequence[TypedExpression]], ProgramT]
"""Writes a program that has the expressions as outputs, over columns of the given types."""


def add_table(graph: GraphTarget[ProgramT], table: TablePlan) -> tuple[Node, Node]:
    """Add a table: the node that takes what is inserted, and the one that is asked and changed.

    inserts --> stream "T~in" --> table
    """
    entrance = graph.stream(f"{table.name}~in", table.schema.types)
    graph.query(table.name)
    if table.store is not None:
        return entrance, graph.outside_table(entrance, table)
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


def outside_condition_parts(
    condition: TableCondition,
    probe: Schema,
    table: OutsideContent,
    write: Write[ProgramT],
    *,
    is_join: bool = False,
) -> ConditionParts[ProgramT]:
    """The programs of a condition on a table outside."""
    found = divided(condition, table.name, table.schema, len(probe), table.stores, is_join=is_join)
    return ConditionParts(
        keys=write(probe.types, found.parameters) if found.parameters else None,
        conjuncts=(),
        residual=None if found.residual is None else write((*probe.types, *table.schema.types), (found.residual,)),
        outside=found.number,
        shown="" if found.taken is None else text_of(found.taken),
    )


def outside_change_parts(
    change: Change,
    probe: Schema,
    table: OutsideContent,
    write: Write[ProgramT],
    *,
    current: bool,
    expired: bool,
) -> ChangeParts[ProgramT]:
    """The programs of a change of a table outside: none but parameters, if the store makes all of it."""
    whole = whole_change(change, table.schema, len(probe), table.stores)
    if whole is None:
        parts = change_parts(change, probe, table.schema, write, current=current, expired=expired)
        return replace(parts, condition=outside_condition_parts(change.condition, probe, table, write))
    return ChangeParts(
        kind=change.kind,
        current=current,
        expired=expired,
        condition=ConditionParts(
            keys=write(probe.types, whole.parameters) if whole.parameters else None,
            conjuncts=(),
            residual=None,
            outside=whole.number,
            shown="all rows" if whole.shown is None else text_of(whole.shown),
        ),
        values=None,
        columns=(),
        keeps_quietly=change.keeps_quietly,
        outside=whole.number,
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
