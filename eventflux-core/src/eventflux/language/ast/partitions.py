"""Partition blocks."""

from __future__ import annotations

from typing import TypeAlias

from eventflux.language.ast.annotations import Annotation, Property
from eventflux.language.ast.definitions import QueryDefinition, ViewDefinition
from eventflux.language.ast.expressions import Expression, RelationName
from eventflux.language.ast.node import Node
from eventflux.language.ast.queries import InsertValues, Query, UpsertValues
from eventflux.types.dialect import Dialect
from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class ValuePartition(Node):
    """`expression of S`: one instance for each value."""

    expression: Expression
    stream: RelationName


@record(frozen=True, slots=True, kw_only=True)
class PartitionRange(Node):
    """`condition as 'label'`."""

    condition: Expression
    label: str


@record(frozen=True, slots=True, kw_only=True)
class RangePartition(Node):
    """`a < 5 as 'low' or a >= 5 as 'high' of S`: an event enters every instance whose condition holds."""

    ranges: tuple[PartitionRange, ...]
    stream: RelationName


PartitionKey: TypeAlias = ValuePartition | RangePartition
PartitionStatement: TypeAlias = Query | InsertValues | UpsertValues | QueryDefinition | ViewDefinition


@record(frozen=True, slots=True, kw_only=True)
class Partition(Node):
    """`partition with (keys) begin statements end`."""

    dialect: Dialect
    annotations: tuple[Annotation, ...] = ()
    keys: tuple[PartitionKey, ...]
    properties: tuple[Property, ...] = ()
    statements: tuple[PartitionStatement, ...]
