"""Buckets of an aggregation in tables outside: one for each duration, `<aggregation>_SECONDS` to `<aggregation>_YEARS`.

    AGG_TIMESTAMP LONG, AGG_KEY STRING, what the aggregation shows..., AGG_STATE OBJECT      primary key: the first two

`AGG_KEY` is a digest of the group's key, `AGG_STATE` all that the engine needs to go on with the bucket.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from eventflux.engine import objects
from eventflux.extension.kinds.rows import Row
from eventflux.extension.kinds.table_store import (
    Assignment,
    Operation,
    ParameterRef,
    TableAttribute,
    TableExpression,
)
from eventflux.planner.logical.aggregations import AggregationPlan, RollupDuration
from eventflux.planner.logical.tables import ChangeKind, StoreAction, StorePlan, TablePlan
from eventflux.runtime.outside_table import OutsideTable
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, ConnectionUnavailableError
from eventflux.types.schema import Attribute, Schema

logger = logging.getLogger("eventflux.tables")

_START: Final = "AGG_TIMESTAMP"
_KEY: Final = "AGG_KEY"
_STATE: Final = "AGG_STATE"
_INSERT: Final = 0
_CHANGE: Final = 1

Failed = list[tuple[int, str]]


def bucket_tables(aggregation: AggregationPlan) -> dict[RollupDuration, TablePlan]:
    """The tables of an aggregation that is kept outside, by duration."""
    items = list(aggregation.schema)[1:]
    schema = Schema(
        (
            Attribute(_START, AttributeType.LONG),
            Attribute(_KEY, AttributeType.STRING),
            *items,
            Attribute(_STATE, AttributeType.OBJECT),
        )
    )
    return {
        duration: TablePlan(
            name=f"{aggregation.name}_{duration.name}S",
            schema=schema,
            primary_key=(0, 1),
            store=None if aggregation.store is None else _of_buckets(aggregation.store),
        )
        for duration in aggregation.durations
    }


class BucketStore:
    """What the engine calls to write changed buckets, to remove old ones, and to read all of them."""

    def __init__(self, aggregation: AggregationPlan, tables: dict[RollupDuration, OutsideTable]) -> None:
        """Have the stores compile what will be asked of them.

        Raises:
            ConfigError: They can't.
        """
        self._name = aggregation.name
        self._tables = tables
        schema = next(iter(bucket_tables(aggregation).values())).schema
        start, key = TableAttribute(_START), TableAttribute(_KEY)
        same: TableExpression = Operation(
            "and",
            (
                Operation("==", (start, ParameterRef(0, AttributeType.LONG))),
                Operation("==", (key, ParameterRef(1, AttributeType.STRING))),
            ),
        )
        old = Operation("<", (start, ParameterRef(0, AttributeType.LONG)))
        values = [
            Assignment(attribute=attribute.name, value=ParameterRef(number, attribute.type))
            for number, attribute in enumerate(schema)
            if number > 1
        ]
        self._writes = {each: table.change(ChangeKind.UPSERT, same, values) for each, table in tables.items()}
        self._removes = {each: table.change(ChangeKind.DELETE, old, None) for each, table in tables.items()}
        if 0 in self._writes.values() or 0 in self._removes.values():
            raise ConfigError(f"the store of aggregation {aggregation.name!r} cannot look buckets up by their key")
        self._pending: dict[tuple[RollupDuration, int, str], Row] = {}

    # ---- what the engine calls

    def act(self, what: int, number: int, rows: list[Row], more: list[Row] | None) -> tuple[int, Failed]:
        if what == _INSERT:
            self._write(rows)
        else:
            for kind, before in rows:
                duration = RollupDuration(_integer(kind))
                self._tables[duration].act(_CHANGE, self._removes[duration], [(before,)], None)
        return len(rows), []

    def find(self, number: int, parameters: list[Row]) -> tuple[list[int], list[Row]]:
        rows: list[Row] = [
            (int(duration), row[0], row[-1])
            for duration, table in self._tables.items()
            for row in table.find(0, [()])[1]
        ]
        return [0] * len(rows), rows

    def contains(self, number: int, parameters: list[Row]) -> list[bool]:
        return [bool(self.find(number, parameters)[0])] * len(parameters)

    def save(self) -> bytes:
        return b""

    def load(self, data: bytes) -> None:
        pass

    # ---- parts

    def _write(self, rows: Iterable[Row]) -> None:
        """What could not be written before goes first; a later state of the same bucket takes its place."""
        for kind, start, key, *shown in rows:
            duration = RollupDuration(_integer(kind))
            digest = hashlib.sha256(objects.pack(key)).hexdigest()
            self._pending[duration, _integer(start), digest] = (start, digest, *shown)
        for duration, table in self._tables.items():
            places = [place for place in self._pending if place[0] is duration]
            if not places:
                continue
            written = [self._pending[place] for place in places]
            try:
                _, failed = table.act(_CHANGE, self._writes[duration], written, written)
            except ConnectionUnavailableError as error:
                failed = [(index, str(error)) for index in range(len(places))]
            refused = {index for index, _ in failed}
            for index, place in enumerate(places):
                if index not in refused:
                    del self._pending[place]
            if failed:
                logger.error(
                    "aggregation %s: %d buckets could not be written, they will be tried again: %s",
                    self._name,
                    len(failed),
                    failed[0][1],
                )


def _integer(value: Any) -> int:
    return int(value)


def _of_buckets(store: StorePlan) -> StorePlan:
    """Without a cache: buckets are in memory anyway. What can't be written is kept here, not in the error store."""
    action = StoreAction.LOG if store.on_error is StoreAction.STORE else store.on_error
    return replace(store, cache=None, on_error=action)
