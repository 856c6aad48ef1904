"""Rows that a table outside could not take, kept in the error store."""

from __future__ import annotations

from typing import Any, Final

from eventflux.engine import objects
from eventflux.extension.environment import Environment
from eventflux.extension.kinds.error_store import ErrorEntry, ErrorStore, EventForm, FailureType, Occurrence
from eventflux.extension.kinds.rows import Row
from eventflux.planner.logical.tables import ChangeKind
from eventflux.types.record import record

INSERT: Final = "insert"
"""What an entry says of rows that were to be added; of changes it has their text."""

_OCCURRENCES: Final = {
    ChangeKind.UPDATE: Occurrence.TABLE_UPDATE,
    ChangeKind.DELETE: Occurrence.TABLE_DELETE,
    ChangeKind.UPSERT: Occurrence.TABLE_UPDATE_OR_ADD,
    ChangeKind.INSERT: Occurrence.TABLE_ADD,
}


@record(frozen=True, slots=True)
class TableRecords:
    """Keeps what the tables of one app could not take."""

    app: str
    store: ErrorStore
    environment: Environment

    def keep(
        self,
        table: str,
        kind: ChangeKind,
        operation: str,
        row: Row,
        beside: Row | None,
        cause: str,
        *,
        is_unreachable: bool,
        attempt: int,
    ) -> None:
        """One row: what is added, or the parameters of a change and the row that it might add."""
        self.store.save(
            ErrorEntry(
                timestamp=self.environment.wall_clock(),
                app=self.app,
                stream=table,
                event=objects.pack([[None, [list(row), None if beside is None else list(beside)]]]),
                cause=cause,
                occurrence=_OCCURRENCES[kind],
                event_type=EventForm.TABLE_RECORD,
                error_type=FailureType.TRANSPORT if is_unreachable else FailureType.PROCESSING,
                attempt=attempt,
                where=operation,
            )
        )


def record_of(entry: ErrorEntry) -> tuple[Row, Row | None]:
    """What `keep` was given: the row, and what stood beside it."""
    kept: Any = objects.unpack(entry.event)
    row, beside = kept[0][1]
    return tuple(row), None if beside is None else tuple(beside)
