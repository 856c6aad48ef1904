"""Where the rows of a query go, which rows, and how often."""

from __future__ import annotations

import enum
from typing import TypeAlias

from eventflux.language.ast.expressions import AttributeReference, DurationLiteral, Expression, RelationName
from eventflux.language.ast.node import Identifier, Node
from eventflux.language.ast.patterns import EventCount
from eventflux.types.record import record


class EventType(enum.Enum):
    """Kinds of rows that leave a query. Nothing written (None in the nodes): CURRENT."""

    CURRENT = "current events"
    EXPIRED = "expired events"
    ALL = "all events"


class OutputMode(enum.Enum):
    ALL = "all"
    FIRST = "first"
    LAST = "last"
    SNAPSHOT = "snapshot"


@record(frozen=True, slots=True, kw_only=True)
class OutputRate(Node):
    """`output last every 5 events`, `output snapshot every 1 sec` (SNAPSHOT has a duration only)."""

    mode: OutputMode = OutputMode.ALL
    every: DurationLiteral | EventCount


@record(frozen=True, slots=True, kw_only=True)
class Assignment(Node):
    """`T.a = expression` of SET."""

    target: AttributeReference
    value: Expression


class ConflictAction(enum.Enum):
    NOTHING = "NOTHING"
    UPDATE = "UPDATE"


@record(frozen=True, slots=True, kw_only=True)
class OnConflict(Node):
    """`ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v`; columns empty: the primary key."""

    columns: tuple[Identifier, ...] = ()
    action: ConflictAction
    assignments: tuple[Assignment, ...] = ()


@record(frozen=True, slots=True, kw_only=True)
class InsertInto(Node):
    """`insert all events into O`; `columns` None: by position (SQL) or by name and type (EventFluxQL)."""

    target: RelationName
    columns: tuple[Identifier, ...] | None = None
    event_type: EventType | None = None
    on_conflict: OnConflict | None = None


@record(frozen=True, slots=True, kw_only=True)
class ReturnEvents(Node):
    """`return all events` of an EventFluxQL anonymous stream or query."""

    event_type: EventType | None = None


@record(frozen=True, slots=True, kw_only=True)
class UpdateTable(Node):
    """`update T set T.a = x on condition`.

    EventFluxQL: `assignments` None sets every attribute by name; a bare name in the condition is the query's output
    attribute. SQL: condition and assignments see the query's input; `condition` None touches every row.
    """

    target: RelationName
    alias: Identifier | None = None
    event_type: EventType | None = None
    assignments: tuple[Assignment, ...] | None = None
    condition: Expression | None = None


@record(frozen=True, slots=True, kw_only=True)
class DeleteFrom(Node):
    """`delete T on condition`, `DELETE FROM T USING S WHERE condition`."""

    target: RelationName
    alias: Identifier | None = None
    event_type: EventType | None = None
    condition: Expression | None = None


@record(frozen=True, slots=True, kw_only=True)
class UpdateOrInsert(Node):
    """`update or insert into T set ... on condition`, `UPSERT INTO T ... ON condition SET ...`."""

    target: RelationName
    columns: tuple[Identifier, ...] | None = None
    event_type: EventType | None = None
    assignments: tuple[Assignment, ...] | None = None
    condition: Expression


@record(frozen=True, slots=True, kw_only=True)
class MergeInto(Node):
    """`MERGE INTO T USING S ON c WHEN MATCHED THEN UPDATE SET ... WHEN NOT MATCHED THEN INSERT (...) VALUES (...)`."""

    target: RelationName
    alias: Identifier | None = None
    condition: Expression
    assignments: tuple[Assignment, ...]
    columns: tuple[Identifier, ...] | None = None
    values: tuple[Expression, ...]


Output: TypeAlias = InsertInto | ReturnEvents | UpdateTable | DeleteFrom | UpdateOrInsert | MergeInto
