"""Tables: what they are, conditions on their rows, changes of them."""

from __future__ import annotations

import enum
from dataclasses import field

from eventflux.extension import Extension, Options
from eventflux.planner.typed.nodes import TypedExpression
from eventflux.types.record import record
from eventflux.types.schema import Schema
from eventflux.types.source_text import NO_SPAN, Span


class StoreAction(enum.Enum):
    """What becomes of rows when the store of their table fails."""

    RETRY = "retry"
    """Calls of a store that can't be reached are made again until they succeed; other rows fail."""
    LOG = "log"
    """Rows fail."""
    STORE = "store"
    """Rows that were to be written are kept in the error store; others fail."""


@record(frozen=True, slots=True, kw_only=True)
class StorePlan:
    """Where the rows of a table are, if not in the engine.

    Attributes:
        declaration: Of the store; None: an object that the manager has under the table's name.
        options: Of the store.
        cache: Options of the cache in front of it; None: there is none.
        on_error: What becomes of rows when the store fails.
    """

    declaration: Extension | None
    options: Options = field(default_factory=Options)
    cache: Options | None = None
    on_error: StoreAction = StoreAction.RETRY


@record(frozen=True, slots=True, kw_only=True)
class TablePlan:
    """A table.

    Attributes:
        name: As queries name it.
        schema: Its attributes.
        primary_key: Positions of the attributes that no two rows have alike; empty: rows may repeat.
        indexes: Positions of the attributes that have an index each.
        store: Where its rows are; None: in the engine.
        span: Of the definition's name.
    """

    name: str
    schema: Schema
    primary_key: tuple[int, ...] = ()
    indexes: tuple[int, ...] = ()
    store: StorePlan | None = None
    span: Span = field(default=NO_SPAN, compare=False, repr=False)


class Comparison(enum.IntEnum):
    """The engine's numbers of comparisons that an index can answer."""

    EQUAL = 0
    LESS = 1
    LESS_EQUAL = 2
    GREATER = 3
    GREATER_EQUAL = 4


@record(frozen=True, slots=True, kw_only=True)
class Conjunct:
    """`T.column < key`: the key is an expression over the probe row, of the column's type."""

    comparison: Comparison
    column: int
    key: TypedExpression
    name: str = field(default="", compare=False)
    """Of the column, for readers."""


@record(frozen=True, slots=True, kw_only=True)
class TableCondition:
    """A condition between a probe row and a row of a table, split at `and`.

    Attributes:
        conjuncts: What an index may answer.
        residual: The rest, over the columns of the probe row followed by those of the table; None: nothing is left.
    """

    conjuncts: tuple[Conjunct, ...] = ()
    residual: TypedExpression | None = None


class ChangeKind(enum.IntEnum):
    """The engine's numbers of changes."""

    UPDATE = 0
    DELETE = 1
    UPSERT = 2
    INSERT = 3


@record(frozen=True, slots=True, kw_only=True)
class Change:
    """What each row of a query does to a table: update, delete, or update or else insert its first columns.

    Attributes:
        kind: Which of these.
        table: Its name.
        condition: Which rows of the table are meant.
        assignments: Column of the table -> its new value, over the row's columns followed by the table's as they were.
        attributes: Names of the table's columns, for readers.
        keeps_quietly: A row whose primary key is taken is left out without an error.
        span: In the text.
    """

    kind: ChangeKind
    table: str
    condition: TableCondition
    assignments: tuple[tuple[int, TypedExpression], ...] = ()
    keeps_quietly: bool = False
    attributes: tuple[str, ...] = field(default=(), compare=False, repr=False)
    span: Span = field(default=NO_SPAN, compare=False, repr=False)
