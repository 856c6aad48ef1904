"""The tables of an app that are outside the engine, and the buckets of its aggregations."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from eventflux.extension.environment import Environment
from eventflux.extension.kinds.error_store import ErrorEntry
from eventflux.extension.kinds.handlers import TableHandler, TableOperation
from eventflux.extension.kinds.table_store import Assignment, TableDefinition, TableExpression, TableStore
from eventflux.io.durations import DurationCounts
from eventflux.planner.logical.aggregations import AggregationPlan
from eventflux.planner.logical.tables import ChangeKind, StoreAction, TablePlan
from eventflux.runtime.bucket_store import BucketStore, bucket_tables
from eventflux.runtime.outside_table import OutsideTable, TableReach
from eventflux.runtime.table_records import TableRecords
from eventflux.state.tables.cached import CachedTable
from eventflux.types.errors import ConfigError, ErrorStoreError, ExtensionError

logger = logging.getLogger("eventflux.tables")


class OutsideTables:
    """The tables of one app that are outside.

    Args:
        plans: Of all tables of the app.
        aggregations: All of the app.
        published: Objects that the manager has under names.
        shared: What the manager holds for stores.
        environment: For waits.
        clock: The app's, in milliseconds.
        records: Keeps rows that tables could not take; None: there is no error store.
        handler_of: Makes what sees the operations of a table, by its name and that of its store.

    Raises:
        ConfigError: An option of a store can't work, or there is no error store for a table that wants one.
        ExtensionError: A store's factory makes none.
    """

    def __init__(
        self,
        plans: Iterable[TablePlan],
        *,
        aggregations: Iterable[AggregationPlan],
        published: Mapping[str, TableStore],
        shared: Mapping[str, object],
        environment: Environment,
        clock: Callable[[], int],
        records: TableRecords | None,
        handler_of: Callable[[str, str], TableHandler | None],
    ) -> None:
        known = {**shared, "clock": clock}
        self._tables = {
            plan.name: _made(plan, published, known, environment, records, handler_of)
            for plan in plans
            if plan.store is not None
        }
        self._buckets: list[OutsideTable] = []
        self._aggregations: dict[str, BucketStore] = {}
        for aggregation in aggregations:
            if aggregation.store is None:
                continue
            tables = {
                duration: _made(plan, published, known, environment, None, handler_of)
                for duration, plan in bucket_tables(aggregation).items()
            }
            self._buckets += tables.values()
            self._aggregations[aggregation.name] = BucketStore(aggregation, tables)

    @property
    def _all(self) -> tuple[OutsideTable, ...]:
        return (*self._tables.values(), *self._buckets)

    @property
    def aggregations(self) -> tuple[str, ...]:
        """Names of the aggregations whose buckets are outside."""
        return tuple(self._aggregations)

    def aggregation(self, name: str) -> BucketStore:
        """Where the buckets of an aggregation are."""
        return self._aggregations[name]

    def table(self, name: str) -> OutsideTable:
        """The table of that name."""
        return self._tables[name]

    def replay(self, entry: ErrorEntry) -> bool:
        """Do again what a table could not do; False: it failed again.

        Raises:
            ErrorStoreError: The app has no such table, or no such change of it, any more.
        """
        table = self._tables.get(entry.stream)
        if table is None:
            raise ErrorStoreError(f"entry {entry.id}: there is no table {entry.stream!r} outside any more")
        return table.replay(entry)

    def condition(self, table: str, condition: TableExpression, *, is_join: bool) -> int:
        """See `OutsideTable.condition`."""
        return self._tables[table].condition(condition, is_join=is_join)

    def change(
        self,
        table: str,
        kind: ChangeKind,
        condition: TableExpression | None,
        assignments: Sequence[Assignment] | None,
    ) -> int:
        """See `OutsideTable.change`."""
        return self._tables[table].change(kind, condition, assignments)

    def reachability(self) -> dict[str, TableReach]:
        """How the last call of each table's store went, by table."""
        return {table.name: table.reach for table in self._all}

    def operations(self) -> dict[str, dict[TableOperation, DurationCounts]]:
        """How long the operations of each table took."""
        return {table.name: table.operations() for table in self._all}

    def start(self) -> None:
        """Connect all.

        Raises:
            ConnectionUnavailableError: One can't be reached; those before it are disconnected again.
        """
        started: list[OutsideTable] = []
        try:
            for table in self._all:
                table.start()
                started.append(table)
        except BaseException:
            for table in started:
                table.stop()
            raise

    def stop_waiting(self) -> None:
        """Calls that wait for a store give up."""
        for table in self._all:
            table.stop_waiting()

    def stop(self) -> None:
        """Disconnect all."""
        self._quietly(OutsideTable.stop)

    def destroy(self) -> None:
        """Release everything."""
        self._quietly(OutsideTable.destroy)

    def _quietly(self, call: Callable[[OutsideTable], None]) -> None:
        for table in self._all:
            try:
                call(table)
            except Exception:  # foreign code: one store's failure keeps no other from stopping
                logger.exception("table %s", table.name)


def _made(
    plan: TablePlan,
    published: Mapping[str, TableStore],
    shared: Mapping[str, object],
    environment: Environment,
    records: TableRecords | None,
    handler_of: Callable[[str, str], TableHandler | None],
) -> OutsideTable:
    assert plan.store is not None
    is_kept = plan.store.on_error is StoreAction.STORE
    if is_kept and records is None:
        raise ConfigError(
            f"table {plan.name!r} stores rows that fail, but no error store is set",
            hint="manager.set_error_store(...), or error_store.type in the configuration",
        )
    clock: Any = shared["clock"]
    declaration = plan.store.declaration
    if declaration is None:
        handler = handler_of(plan.name, "")
        return OutsideTable(plan, published[plan.name], environment, owned=False, handler=handler)
    store = declaration.factory() if callable(declaration.factory) else None
    if not isinstance(store, TableStore):
        raise ExtensionError(f"store {declaration.qualified_name}: its factory makes no TableStore")
    if plan.store.cache is not None:
        store = CachedTable(store, plan.store.cache, clock)
    store.init(
        TableDefinition(
            name=plan.name,
            schema=plan.schema,
            primary_key=tuple(plan.schema[position].name for position in plan.primary_key),
            indexes=tuple(plan.schema[position].name for position in plan.indexes),
            options=plan.store.options,
            shared=shared,
        )
    )
    return OutsideTable(
        plan,
        store,
        environment,
        owned=True,
        records=records if is_kept else None,
        handler=handler_of(plan.name, declaration.qualified_name),
    )
