"""A table outside the engine: its store, what that has compiled, and what becomes of calls that fail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from eventflux.extension.environment import Environment
from eventflux.extension.kinds.error_store import ErrorEntry
from eventflux.extension.kinds.handlers import TableHandler, TableOperation
from eventflux.extension.kinds.rows import Row
from eventflux.extension.kinds.table_store import (
    Assignment,
    ParameterRef,
    TableExpression,
    TableStore,
    Unsupported,
)
from eventflux.extension.table_expressions import identity, text_of
from eventflux.io.durations import DurationCounts, Durations
from eventflux.io.retry import ConnectBackoff
from eventflux.planner.logical.tables import ChangeKind, StoreAction, TablePlan
from eventflux.runtime.failures import describe
from eventflux.runtime.table_records import INSERT, TableRecords, record_of
from eventflux.types.errors import ConnectionUnavailableError, ErrorStoreError, ExtensionError
from eventflux.types.record import record

logger = logging.getLogger("eventflux.tables")

ResultT = TypeVar("ResultT")
Failed = list[tuple[int, str]]

_OPERATIONS: Final[dict[ChangeKind, TableOperation]] = {
    ChangeKind.INSERT: "insert",
    ChangeKind.UPDATE: "update",
    ChangeKind.DELETE: "delete",
    ChangeKind.UPSERT: "update_or_insert",
}
_INSERT: Final = 0
_CHANGE: Final = 1
_REPLACE: Final = 2


@record(frozen=True, slots=True, kw_only=True)
class _CompiledChange:
    kind: ChangeKind
    condition: object
    assignments: object | None
    text: str


@record(frozen=True, slots=True, kw_only=True)
class TableReach:
    """How the last call of a store went; see `Reachability`."""

    is_healthy: bool = True
    message: str = ""


_REACHED: Final = TableReach()


class OutsideTable:
    """One table: what the engine calls, with the numbers of what the store has compiled."""

    def __init__(
        self,
        plan: TablePlan,
        store: TableStore,
        environment: Environment,
        *,
        owned: bool,
        records: TableRecords | None = None,
        handler: TableHandler | None = None,
    ) -> None:
        """Bind; the store has its definition.

        Args:
            plan: Of the table.
            store: Where its rows are.
            environment: For waits.
            owned: Whether the store is this app's: it connects it, disconnects it, and saves what it keeps.
            records: Keeps rows that could not be written; None: they fail.
            handler: Sees each operation.
        """
        self.name = plan.name
        self.store = store
        self.owned = owned
        self._schema = plan.schema
        self._key = plan.primary_key or tuple(range(len(plan.schema)))
        self._retries = plan.store is None or plan.store.on_error is StoreAction.RETRY
        self._records = records
        self._handler = handler
        self._durations: dict[TableOperation, Durations] = {}
        self.reach = _REACHED
        self._environment = environment
        self._stopping = environment.waiter()
        self._conditions: list[object] = []
        self._changes: list[_CompiledChange] = []
        self._known: dict[object, int] = {}
        self._row_change: tuple[object, object] | None = None
        self._attempt = 1  # of what is written now
        self._kept = 0  # rows in the error store

    # ---- compiling

    def condition(self, condition: TableExpression, *, is_join: bool) -> int:
        """Number of a condition; 0: the store does not take it."""
        key = (condition, is_join)
        if key not in self._known:
            compiler = self.store.compile_join_condition if is_join else self.store.compile_condition
            compiled = compiler(condition)
            if isinstance(compiled, Unsupported):
                logger.warning(
                    "table %s: its store does not take %s: all rows it gives are tested", self.name, text_of(condition)
                )
                self._known[key] = 0
            else:
                self._conditions.append(compiled)
                self._known[key] = len(self._conditions)
        return self._known[key]

    def change(
        self, kind: ChangeKind, condition: TableExpression | None, assignments: Sequence[Assignment] | None
    ) -> int:
        """Number of a change; 0: the store does not take all of it."""
        key = (kind, condition, None if assignments is None else tuple(assignments))
        if key in self._known:
            return self._known[key]
        everything = identity((), ()) if condition is None else condition
        compiled = self.store.compile_condition(everything)
        update = None
        if assignments is not None:
            update = self.store.compile_update_set(assignments)
        refused = isinstance(compiled, Unsupported) or isinstance(update, Unsupported)
        if refused or (kind is ChangeKind.UPDATE and update is None):
            self._known[key] = 0
        else:
            text = _text(kind, everything, assignments or ())
            self._changes.append(_CompiledChange(kind=kind, condition=compiled, assignments=update, text=text))
            self._known[key] = len(self._changes)
        return self._known[key]

    # ---- what the engine calls

    def find(self, number: int, parameters: list[Row]) -> tuple[list[int], list[Row]]:
        if number == 0:
            every = self._reach("find", (), lambda: list(self.store.rows()))
            found: Iterable[Sequence[Row]] = [every] * len(parameters)
        else:
            condition = self._conditions[number - 1]
            found = self._reach("find", parameters, lambda: list(self.store.find(condition, parameters)))
        probes: list[int] = []
        rows: list[Row] = []
        for index, fitting in enumerate(found):
            probes += [index] * len(fitting)
            rows += fitting
        return probes, rows

    def contains(self, number: int, parameters: list[Row]) -> list[bool]:
        if number == 0:
            probes, _ = self.find(0, parameters[:1])
            return [bool(probes)] * len(parameters)
        condition = self._conditions[number - 1]
        return list(self._reach("contains", parameters, lambda: self.store.contains(condition, parameters)))

    def act(self, what: int, number: int, rows: list[Row], more: list[Row] | None) -> tuple[int, Failed]:
        if what == _INSERT:
            return self._written(ChangeKind.INSERT, INSERT, rows, None, lambda given, _: self._insert(given))
        if what == _CHANGE:
            change = self._changes[number - 1]
            return self._written(
                change.kind, change.text, rows, more, lambda given, beside: self._change(change, given, beside)
            )
        condition, update = self._by_row()
        keys = [tuple(row[position] for position in self._key) for row in rows]
        if what == _REPLACE and more is not None:
            pairs = [(*key, *row) for key, row in zip(keys, more, strict=True)]
            return self._reach("update", pairs, lambda: self.store.update(condition, update, pairs)), []
        return self._reach("delete", keys, lambda: self.store.delete(condition, keys)), []

    def replay(self, entry: ErrorEntry) -> bool:
        """Do again what an entry of the error store was kept for; False: it failed again, and is kept anew.

        Raises:
            ErrorStoreError: The app has no such change of the table any more.
        """
        row, beside = record_of(entry)
        rows, more = [row], None if beside is None else [beside]
        before, self._attempt = self._attempt, entry.attempt + 1
        kept = self._kept
        try:
            if entry.where == INSERT:
                self.act(_INSERT, 0, rows, None)
            else:
                number = next((index for index, each in enumerate(self._changes, 1) if each.text == entry.where), 0)
                if number == 0:
                    raise ErrorStoreError(
                        f"entry {entry.id}: nothing does {entry.where!r} to table {self.name} any more"
                    )
                self.act(_CHANGE, number, rows, more)
        finally:
            self._attempt = before
        return self._kept == kept

    def operations(self) -> dict[TableOperation, DurationCounts]:
        """How long operations took, by what they did."""
        return {operation: durations.counts() for operation, durations in self._durations.copy().items()}

    def save(self) -> bytes:
        return self.store.serialize() if self.owned else b""

    def load(self, data: bytes) -> None:
        if self.owned and data:
            self.store.deserialize(data)

    # ---- life

    def start(self) -> None:
        """Connect.

        Raises:
            ConnectionUnavailableError: The store can't be reached.
        """
        self._stopping.clear()
        if self.owned:
            self.store.connect()

    def stop_waiting(self) -> None:
        """Calls that wait for the store give up."""
        self._stopping.set()

    def stop(self) -> None:
        """Disconnect."""
        if self.owned:
            self.store.disconnect()

    def destroy(self) -> None:
        """Release everything."""
        if self.owned:
            self.store.destroy()

    # ---- parts

    def _insert(self, rows: list[Row]) -> int:
        self.store.insert(rows)
        return len(rows)

    def _change(self, change: _CompiledChange, parameters: list[Row], rows: list[Row] | None) -> int:
        match change.kind:
            case ChangeKind.DELETE:
                return self.store.delete(change.condition, parameters)
            case ChangeKind.UPSERT:
                assert rows is not None
                return self.store.update_or_insert(change.condition, change.assignments, parameters, rows)
            case _:
                return self.store.update(change.condition, change.assignments, parameters)

    def _written(
        self,
        kind: ChangeKind,
        operation: str,
        rows: list[Row],
        more: list[Row] | None,
        call: Callable[[list[Row], list[Row] | None], int],
    ) -> tuple[int, Failed]:
        """As `_each`; rows that fail go to the error store, if that is what the table says."""
        records = self._records
        if records is None:
            return self._each(_OPERATIONS[kind], rows, more, call)
        is_unreachable = False
        try:
            touched, failed = self._each(_OPERATIONS[kind], rows, more, call)
        except ConnectionUnavailableError as error:
            is_unreachable = True
            touched, failed = 0, [(index, describe(error)) for index in range(len(rows))]
        for index, cause in failed:
            records.keep(
                self.name,
                kind,
                operation,
                rows[index],
                None if more is None else more[index],
                cause,
                is_unreachable=is_unreachable,
                attempt=self._attempt,
            )
        self._kept += len(failed)
        return touched, []

    def _each(
        self,
        operation: TableOperation,
        rows: list[Row],
        more: list[Row] | None,
        call: Callable[[list[Row], list[Row] | None], int],
    ) -> tuple[int, Failed]:
        """All rows at once; where that fails one by one, so that a row fails alone."""
        try:
            return self._reach(operation, rows, lambda: call(rows, more)), []
        except ConnectionUnavailableError:
            raise
        except Exception as error:  # foreign code
            if len(rows) == 1:
                return 0, [(0, describe(error))]
        touched = 0
        failed: Failed = []
        for index, row in enumerate(rows):
            beside = None if more is None else [more[index]]
            try:
                touched += self._reach(operation, [row], lambda row=row, beside=beside: call([row], beside))  # type: ignore[misc]
            except ConnectionUnavailableError:
                raise
            except Exception as error:  # foreign code
                failed.append((index, describe(error)))
        return touched, failed

    def _by_row(self) -> tuple[object, object]:
        """A condition that means one row, and the assignments of all attributes behind its parameters."""
        if self._row_change is None:
            attributes = [self._schema[position] for position in self._key]
            types = [attribute.type for attribute in attributes]
            condition = self.store.compile_condition(identity([each.name for each in attributes], types))
            assignments = [
                Assignment(attribute=attribute.name, value=ParameterRef(len(self._key) + index, attribute.type))
                for index, attribute in enumerate(self._schema)
            ]
            update = self.store.compile_update_set(assignments)
            if isinstance(condition, Unsupported) or isinstance(update, Unsupported):
                raise ExtensionError(f"the store of table {self.name!r} cannot change single rows")
            self._row_change = condition, update
        return self._row_change

    def _reach(self, operation: TableOperation, rows: Sequence[Row], call: Callable[[], ResultT]) -> ResultT:
        """An operation of the store, through the handler if there is one."""
        durations = self._durations.get(operation)
        if durations is None:
            durations = self._durations[operation] = Durations()
        started = self._environment.monotonic()
        try:
            if self._handler is None:
                return self._tried(call)
            return self._handler.on_operation(operation, rows, lambda: self._tried(call))
        finally:
            durations.add(self._environment.monotonic() - started)

    def _tried(self, call: Callable[[], ResultT]) -> ResultT:
        """A call of the store; while it can't be reached, again and again, unless the table says otherwise."""
        backoff = ConnectBackoff()
        is_first = True
        while True:
            try:
                if not is_first:
                    self.store.connect()
                result = call()
            except ConnectionUnavailableError as error:
                self.reach = TableReach(is_healthy=False, message=str(error))
                if not self._retries:
                    raise
                delay = backoff.next_delay()
                logger.warning("table %s: %s; again in %g s", self.name, error, delay)
                if self._stopping.wait(delay):
                    raise
                is_first = False
            else:
                self.reach = _REACHED
                return result


def _text(kind: ChangeKind, condition: TableExpression, assignments: Iterable[Assignment]) -> str:
    """A change as text: by it an entry of the error store finds the change again."""
    values = ", ".join(f"{each.attribute} = {text_of(each.value)}" for each in assignments)
    return f"{kind.name.lower()} on {text_of(condition)}{f' set {values}' if values else ''}"
